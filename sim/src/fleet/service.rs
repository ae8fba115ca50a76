//! Services: counted replicas, their versions, their starts and crashes (R6, R11).

use super::definition::{Behaviour, Literal, Observed, VersionId};
use super::handler::Turn;
use super::layout::replica;
use super::state::{self, Control, Replica, State};
use super::{Fleet, NOBODY};
use crate::planted::{Planted, planted};
use crate::relation::{Effects, Harm, Label};

impl Fleet {
    /// The version that a replica of `pool` runs.
    pub(super) fn version_of(&self, pool: usize, own: &Replica) -> VersionId {
        let actor = &self.definition.actors[self.layout.actors[pool]];
        actor.versions.start + u16::from(own[replica::VERSION])
    }

    /// What a replica does under the flags that it observes.
    pub(super) fn behaviour(&self, control: &Control, pool: usize, own: &Replica) -> &Behaviour {
        let view = |value: u16| {
            let lagging = self.layout.views[pool]
                .iter()
                .find(|(observed, _)| *observed == usize::from(value) && !planted(Planted::ObservedAtOnce));
            lagging.map_or(control[self.layout.values[usize::from(value)]], |(_, offset)| own[*offset])
        };
        self.variant(self.version_of(pool, own), &view)
    }

    /// What a client does under the flags that it observes.
    pub(super) fn client_behaviour(&self, control: &Control, version: VersionId) -> &Behaviour {
        self.variant(version, &|value| {
            let lagging = self
                .layout
                .client_views
                .iter()
                .find(|view| (view.0, view.1) == (version, value) && !planted(Planted::ObservedAtOnce));
            control[lagging.map_or(self.layout.values[usize::from(value)], |view| view.2)]
        })
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
    pub(super) fn boot(&self, state: &mut State, pool: usize, who: usize, key: usize, choice: u16) -> Effects {
        let mut own = state::take(&mut state.pools[pool], who);
        if own[replica::PHASE] == 1 {
            self.observe_at_start(state, pool, &mut own);
        }
        let version = self.version_of(pool, &own);
        let first_key = state.keys[key].0.clone();
        let declared = &self.definition.versions[usize::from(version)];
        if let Some(fact) = &declared.starts_if
            && !self.holds_for(state, fact, &first_key, Some((pool, &own)))
        {
            own[replica::PHASE] = 1;
            state::put(&mut state.pools[pool], own);
            let label = Label {
                harm: Harm::Crash,
                actor: version,
                place: Label::NONE,
                field: Label::NONE,
                origin: Label::NONE,
            };
            return Effects::from_elem(label, 1);
        }
        let behaviour = self.behaviour(&state.control, pool, &own);
        let done = usize::from(own[replica::PHASE] - 1);
        let asleep = |handler: &u16| {
            let when = &self.definition.handlers[usize::from(*handler)].when;
            when.as_ref().is_some_and(|when| !self.holds_for(state, when, &first_key, Some((pool, &own))))
        };
        let runs = behaviour.boot.get(done).copied();
        let skipped = runs.as_ref().is_some_and(asleep);
        let Some(handler) = runs else {
            own[replica::PHASE] = 0;
            state::put(&mut state.pools[pool], own);
            return Effects::new();
        };
        let last = done + 1 == behaviour.boot.len();
        own[replica::PHASE] = if last { 0 } else { own[replica::PHASE] + 1 };
        state::put(&mut state.pools[pool], own.clone());
        let who = state.pools[pool].iter().position(|(other, _)| *other == own).expect("it was just put back");
        if skipped || self.definition.handlers[usize::from(handler)].moments.is_empty() {
            return Effects::new();
        }
        let turn = Turn { pool: Some(pool), who, key, handler, choice, peer: NOBODY };
        self.begin(state, turn, None, false)
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
    fn observe_at_start(&self, state: &State, pool: usize, own: &mut Replica) {
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
