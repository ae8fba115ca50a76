//! Services: counted replicas, their versions, their starts and crashes (R6, R11).

use super::definition::{Action, Asked, Behaviour, Fact, HandlerId, Line, Literal, Observed, Op, VersionId};
use super::handler::{Peer, Turn};
use super::layout::{control, replica};
use super::state::{self, Control, Key, Replica, State};
use super::watch::Watch;
use super::{Fleet, Step};
use crate::planted::{Planted, planted};
use crate::relation::{Effects, Harm, Label};

/// What a starting replica does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Start {
    /// It crashes, because what it starts under does not hold.
    Fails,
    /// It goes on without a handler.
    Goes,
    /// It runs that moment of a handler.
    Runs(HandlerId, usize),
}

impl Fleet {
    /// The version that a replica of `pool` runs.
    pub(super) fn version_of(&self, pool: usize, own: &Replica) -> VersionId {
        let actor = &self.definition.actors[self.layout.actors[pool]];
        actor.versions.start + u16::from(own[replica::VERSION])
    }

    /// The replica that a rollout which forgets one leaves behind, once it is the last: its class in the pool.
    pub(super) fn forgotten(&self, state: &State, line: &Line) -> Option<(usize, usize)> {
        let Action::Deploy { actor, version } = line.action else { return None };
        let pool = self.layout.pools[usize::from(actor)].filter(|_| line.forgets)?;
        let straggles = |own: &Replica| own[replica::MARKS] & replica::STRAGGLER != 0;
        if state.control[control::STAGE] == 0 || state.pools[pool].iter().any(|(own, _)| straggles(own)) {
            return None;
        }
        let behind = |bag: &&(usize, &(Replica, u32))| {
            self.version_of(pool, &bag.1.0) != version && !replica::is_fenced(&bag.1.0)
        };
        let left: Vec<_> = state.pools[pool].iter().enumerate().collect();
        match left.iter().filter(|bag| behind(bag)).collect::<Vec<_>>().as_slice() {
            [(who, (_, 1))] => Some((pool, *who)),
            _ => None,
        }
    }

    /// From now on no step moves that replica.
    pub(super) fn forget(&self, state: &mut State, (pool, who): (usize, usize)) {
        let mut own = state::take(&mut state.pools[pool], who);
        own[replica::MARKS] |= replica::STRAGGLER;
        state::put(&mut state.pools[pool], own);
    }

    /// What a replica does under the flags that it observes.
    pub(super) fn behaviour(&self, control: &Control, pool: usize, own: &Replica) -> &Behaviour {
        let view = |value| self.view(control, pool, own, value);
        self.variant(self.version_of(pool, own), &view, &|role| self.holds_role(pool, own, role))
    }

    /// The value of a flag or config as a replica observes it.
    pub(super) fn view(&self, control: &Control, pool: usize, own: &Replica, value: u16) -> u8 {
        let lagging = self.layout.views[pool]
            .iter()
            .find(|(observed, _)| *observed == usize::from(value) && !planted(Planted::ObservedAtOnce));
        lagging.map_or(control[self.layout.values[usize::from(value)]], |(_, offset)| own[*offset])
    }

    /// What a client does under the flags that it observes.
    pub(super) fn client_behaviour(&self, control: &Control, version: VersionId) -> &Behaviour {
        self.variant(version, &|value| self.client_view(control, version, value), &|_| false)
    }

    /// The value of a flag or config as a client observes it.
    pub(super) fn client_view(&self, control: &Control, version: VersionId, value: u16) -> u8 {
        let lagging = self
            .layout
            .client_views
            .iter()
            .find(|view| (view.0, view.1) == (version, value) && !planted(Planted::ObservedAtOnce));
        control[lagging.map_or(self.layout.values[usize::from(value)], |view| view.2)]
    }

    fn variant(&self, version: VersionId, view: &dyn Fn(u16) -> u8, role: &dyn Fn(u16) -> bool) -> &Behaviour {
        let version = &self.definition.versions[usize::from(version)];
        let so = |asked: Asked| match asked {
            Asked::Value(value, is) => view(value) == is,
            Asked::Role(held) => role(held),
        };
        let holds = |literal: &Literal| so(literal.asked) != literal.not;
        let mut set = 0;
        for (bit, condition) in version.conditions.iter().enumerate() {
            set |= usize::from(condition.iter().all(holds)) << bit;
        }
        &version.variants[set]
    }

    /// Whether a starting replica can go on: the next start-up handler, or being up.
    pub(super) fn boot(&self, state: &mut State, turn: Turn, mut watch: Watch) -> Effects {
        let (pool, who, key) = (turn.pool.expect("a replica"), turn.who, turn.key);
        let met = state.pools.get(usize::from(turn.peer.pool)).map(|bag| bag[usize::from(turn.peer.who)].0.clone());
        let mut own = state::take(&mut state.pools[pool], who);
        if own[replica::PHASE] == 1 {
            self.observe_at_start(state, pool, &mut own);
        }
        let first_key = state.keys[key].0.clone();
        self.acts(self.version_of(pool, &own), &|value| self.view(&state.control, pool, &own, value), &mut watch);
        let start = self.next_start(state, pool, &own, &first_key);
        if start == Start::Fails {
            own[replica::PHASE] = 1;
            let label = Label {
                harm: Harm::Crash,
                actor: self.version_of(pool, &own),
                place: Label::NONE,
                field: Label::NONE,
                origin: Label::NONE,
            };
            state::put(&mut state.pools[pool], own);
            return Effects::from_elem(label, 1);
        }
        let behaviour = self.behaviour(&state.control, pool, &own);
        let done = usize::from(own[replica::PHASE] - 1);
        let next = self.start_handler(behaviour, done);
        let passed = match start {
            Start::Runs(..) => 1,
            // A handler that does not run is passed with all its moments.
            _ => next.map_or(1, |(handler, moment)| self.start_moments(handler) - moment),
        };
        let all: usize = behaviour.boot.iter().map(|handler| self.start_moments(*handler)).sum();
        own[replica::PHASE] = if done + passed >= all { 0 } else { own[replica::PHASE] + passed as u8 };
        state::put(&mut state.pools[pool], own.clone());
        let Start::Runs(handler, moment) = start else {
            return Effects::new();
        };
        let class = |bag: &state::Pool, wanted: &Replica| bag.iter().position(|(other, _)| other == wanted);
        let who = class(&state.pools[pool], &own).expect("it was just put back");
        let met = met.and_then(|met| class(&state.pools[usize::from(turn.peer.pool)], &met));
        let peer = Peer { who: met.map_or(turn.peer.who, |who| who as u8), ..turn.peer };
        self.start_up(state, Turn { who, handler, peer, ..turn }, moment, watch)
    }

    /// How many moments a start-up handler takes; one that does nothing takes one too.
    fn start_moments(&self, handler: HandlerId) -> usize {
        self.definition.handlers[usize::from(handler)].moments.len().max(1)
    }

    /// The start-up handler that is next when so many moments are done, and which of its moments.
    fn start_handler(&self, behaviour: &Behaviour, done: usize) -> Option<(HandlerId, usize)> {
        let mut left = done;
        for handler in &behaviour.boot {
            match left.checked_sub(self.start_moments(*handler)) {
                Some(rest) => left = rest,
                None => return Some((*handler, left)),
            }
        }
        None
    }

    /// What a starting replica, taken out of the state, does next.
    pub(super) fn next_start(&self, state: &State, pool: usize, own: &Replica, key: &Key) -> Start {
        let version = &self.definition.versions[usize::from(self.version_of(pool, own))];
        let holds = |fact: &Fact| self.holds_for(state, fact, key, Some((pool, own)));
        if !version.starts_if.as_ref().is_none_or(holds) {
            return Start::Fails;
        }
        let behaviour = self.behaviour(&state.control, pool, own);
        let Some((number, moment)) = self.start_handler(behaviour, usize::from(own[replica::PHASE] - 1)) else {
            return Start::Goes;
        };
        let handler = &self.definition.handlers[usize::from(number)];
        let awake = (moment > 0 || handler.when.as_ref().is_none_or(holds)) && !handler.moments.is_empty();
        if awake { Start::Runs(number, moment) } else { Start::Goes }
    }

    /// What a replica does when its start goes on by that step, and its version.
    pub(super) fn start_by(&self, state: &State, step: Step) -> (Start, VersionId) {
        let pool = usize::from(step.pool);
        let mut others = state.clone();
        let mut own = state::take(&mut others.pools[pool], usize::from(step.who));
        if own[replica::PHASE] == 1 {
            self.observe_at_start(&others, pool, &mut own);
        }
        let start = self.next_start(&others, pool, &own, &state.keys[usize::from(step.key)].0);
        (start, self.version_of(pool, &own))
    }

    /// The start-up handler that a replica runs when its start goes on by that step, and which of its moments.
    pub fn starting(&self, state: &State, step: Step) -> Option<(HandlerId, usize)> {
        match self.start_by(state, step).0 {
            Start::Runs(handler, moment) => Some((handler, moment)),
            Start::Fails | Start::Goes => None,
        }
    }

    /// Every way in which a start can go on. A call waits until somebody is there who can answer it.
    pub(super) fn start_moves(&self, state: &State, step: Step, out: &mut Vec<Step>) {
        let (pool, who) = (usize::from(step.pool), usize::from(step.who));
        let mut own = state.pools[pool][who].0.clone();
        if own[replica::PHASE] == 1 {
            self.observe_at_start(state, pool, &mut own);
        }
        let next = self.start_handler(self.behaviour(&state.control, pool, &own), usize::from(own[replica::PHASE] - 1));
        let next = next.map(|(handler, moment)| (&self.definition.handlers[usize::from(handler)], moment));
        let next = next.filter(|(handler, _)| !handler.moments.is_empty());
        let Some((handler, moment)) = next else {
            out.push(step);
            return;
        };
        let calls = matches!(handler.moments[moment].ops.first(), Some(Op::Call { .. }));
        if calls && self.starting(state, step).is_some() {
            self.peers(state, handler, moment, Some((pool, who)), &mut |peer, choices| {
                let met = Step { peer_pool: peer.pool, peer_who: peer.who, ..step };
                out.extend((0..choices).map(|choice| Step { choice, ..met }));
            });
        } else {
            let choices = if calls { 1 } else { self.moment_choices(handler, moment) };
            out.extend((0..choices).map(|choice| Step { choice, ..step }));
        }
    }

    /// Replicas whose start calls and that are not up, as the labels that they are if they never are.
    pub(super) fn starts_in_vain<'a>(&'a self, state: &'a State) -> impl Iterator<Item = Label> + 'a {
        let starting = (0..state.pools.len()).flat_map(move |pool| {
            let starting = self.running(state, pool).filter(|(own, _)| own[replica::PHASE] != 0);
            starting.flat_map(move |(own, _)| &self.behaviour(&state.control, pool, own).boot)
        });
        starting.flat_map(move |handler| {
            let handler = &self.definition.handlers[usize::from(*handler)];
            handler.moments.iter().flat_map(|moment| &moment.ops).filter_map(move |op| match op {
                Op::Call { api, .. } => Some(Label {
                    harm: Harm::Stalled,
                    actor: Label::NONE,
                    place: self.api_place(*api),
                    field: Label::NONE,
                    origin: handler.origin,
                }),
                _ => None,
            })
        })
    }

    /// A replica that starts observes every value anew; a lagging one may show either value until then.
    pub(super) fn observe_at_start(&self, state: &State, pool: usize, own: &mut Replica) {
        for (value, offset) in &self.layout.views[pool] {
            if self.definition.values[*value].observed == Observed::OnRestart {
                own[*offset] = state.control[self.layout.values[*value]];
            }
        }
    }

    /// The replicas of a pool, without those that were stopped for good.
    pub(super) fn running<'a>(&self, state: &'a State, pool: usize) -> impl Iterator<Item = &'a (Replica, u32)> {
        state.pools[pool].iter().filter(|(own, _)| !replica::is_fenced(own) || planted(Planted::FencedCounted))
    }

    /// The replicas that a guard counts.
    pub(super) fn replicas<'a>(&self, state: &'a State, actor: u16) -> impl Iterator<Item = &'a Replica> {
        let pool = self.layout.pools[usize::from(actor)];
        pool.into_iter().flat_map(|pool| self.running(state, pool)).map(|(own, _)| own)
    }
}
