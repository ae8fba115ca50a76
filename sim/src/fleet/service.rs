//! Services: counted replicas, their versions, their starts and crashes (R6, R11).

use super::definition::{Action, Behaviour, Fact, HandlerId, Line, Literal, Observed, VersionId};
use super::handler::Turn;
use super::layout::{control, replica};
use super::state::{self, Control, Key, Replica, State};
use super::watch::Watch;
use super::{Fleet, NOBODY};
use crate::planted::{Planted, planted};
use crate::relation::{Effects, Harm, Label};

/// What a starting replica does next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Start {
    /// It crashes, because what it starts under does not hold.
    Fails,
    /// It goes on without a handler.
    Goes,
    /// It runs a handler.
    Runs(HandlerId),
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
        let behind = |bag: &&(usize, &(Replica, u32))| self.version_of(pool, &bag.1.0) != version;
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
        self.variant(self.version_of(pool, own), &|value| self.view(control, pool, own, value))
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
        self.variant(version, &|value| self.client_view(control, version, value))
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

    fn variant(&self, version: VersionId, view: &dyn Fn(u16) -> u8) -> &Behaviour {
        let version = &self.definition.versions[usize::from(version)];
        let holds = |literal: &Literal| (view(literal.value) == literal.is) != literal.not;
        let mut set = 0;
        for (bit, condition) in version.conditions.iter().enumerate() {
            set |= usize::from(condition.iter().all(holds)) << bit;
        }
        &version.variants[set]
    }

    /// Whether a starting replica can go on: the next start-up handler, or being up.
    pub(super) fn boot(&self, state: &mut State, turn: Turn, mut watch: Watch) -> Effects {
        let (pool, who, key) = (turn.pool.expect("a replica"), turn.who, turn.key);
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
        let done = usize::from(own[replica::PHASE] - 1);
        let last = done + 1 >= self.behaviour(&state.control, pool, &own).boot.len();
        own[replica::PHASE] = if last { 0 } else { own[replica::PHASE] + 1 };
        state::put(&mut state.pools[pool], own.clone());
        let Start::Runs(handler) = start else {
            return Effects::new();
        };
        let who = state.pools[pool].iter().position(|(other, _)| *other == own).expect("it was just put back");
        self.begin(state, Turn { who, handler, peer: NOBODY, ..turn }, None, false, watch)
    }

    /// What a starting replica, taken out of the state, does next.
    pub(super) fn next_start(&self, state: &State, pool: usize, own: &Replica, key: &Key) -> Start {
        let version = &self.definition.versions[usize::from(self.version_of(pool, own))];
        let holds = |fact: &Fact| self.holds_for(state, fact, key, Some((pool, own)));
        if !version.starts_if.as_ref().is_none_or(holds) {
            return Start::Fails;
        }
        let behaviour = self.behaviour(&state.control, pool, own);
        let Some(number) = behaviour.boot.get(usize::from(own[replica::PHASE] - 1)) else {
            return Start::Goes;
        };
        let handler = &self.definition.handlers[usize::from(*number)];
        let awake = handler.when.as_ref().is_none_or(holds) && !handler.moments.is_empty();
        if awake { Start::Runs(*number) } else { Start::Goes }
    }

    /// How many choices the next start-up handler leaves.
    pub(super) fn boot_choices(&self, state: &State, pool: usize, own: &Replica) -> u16 {
        let mut own = own.clone();
        if own[replica::PHASE] == 1 {
            self.observe_at_start(state, pool, &mut own);
        }
        let next = self.behaviour(&state.control, pool, &own).boot.get(usize::from(own[replica::PHASE] - 1));
        let handler = next.map(|handler| &self.definition.handlers[usize::from(*handler)]);
        handler.filter(|handler| !handler.moments.is_empty()).map_or(1, |handler| self.moment_choices(handler, 0))
    }

    /// A replica that starts observes every value anew; a lagging one may show either value until then.
    pub(super) fn observe_at_start(&self, state: &State, pool: usize, own: &mut Replica) {
        for (value, offset) in &self.layout.views[pool] {
            if self.definition.values[*value].observed == Observed::OnRestart {
                own[*offset] = state.control[self.layout.values[*value]];
            }
        }
    }

    /// The replicas that a guard counts.
    pub(super) fn replicas<'a>(&self, state: &'a State, actor: u16) -> &'a [(Replica, u32)] {
        self.layout.pools[usize::from(actor)].map_or(&[], |pool| &state.pools[pool])
    }
}
