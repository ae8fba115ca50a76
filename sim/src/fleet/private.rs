//! Disks and memory: items of a replica run out as clocks do (R3, R10).

use super::backup::put_many;
use super::definition::{Action, PlaceId};
use super::layout::{Home, clear, control, presence};
use super::rollout::mode;
use super::state::{self, State};
use super::{Fleet, Kind, Step, ledger};
use crate::planted::{Planted, planted};
use crate::relation::{Effects, Label};

impl Fleet {
    /// The private places whose items run out: the place, its pool, where its item is, and how long that lives.
    fn lapsing(&self) -> impl Iterator<Item = (PlaceId, usize, usize, u64)> {
        let homes = self.definition.places.iter().zip(&self.layout.items).enumerate();
        homes.filter_map(|(id, (place, home))| match (home, place.ttl) {
            (Home::Replica(pool, offset), Some(ttl)) => Some((id as PlaceId, *pool, *offset, ttl)),
            _ => None,
        })
    }

    /// Items of replicas whose time is up.
    pub(super) fn lapses(&self, state: &State, out: &mut Vec<Step>) {
        let rolled_back = state.control[control::MODE] == mode::ROLLBACK && self.current(state).is_none();
        for (place, pool, offset, ttl) in self.lapsing() {
            if planted(Planted::NeverLapses) || !(rolled_back || self.runs_out(state, ttl)) {
                continue;
            }
            for (who, (own, _)) in state.pools[pool].iter().enumerate() {
                if own[offset] != presence::NO {
                    out.push(Step { pool: pool as u8, who: who as u8, what: place, ..Step::of(Kind::Lapse) });
                }
            }
        }
    }

    /// The item of a replica runs out; a fact that nobody else holds is lost with it.
    pub(super) fn lapse(&self, state: &mut State, step: Step) -> Effects {
        let Home::Replica(pool, offset) = self.layout.items[usize::from(step.what)] else { return Effects::new() };
        let held = |state: &State| {
            let of_key = |(key, _): &(state::Key, u32)| ledger::fresh(self, key, &state.pools);
            state.keys.iter().fold(0, |data, key| data | of_key(key))
        };
        let before = held(state);
        let mut own = state::take(&mut state.pools[pool], usize::from(step.who));
        let length = 1 + self.definition.places[usize::from(step.what)].fields.len();
        clear(&mut own[offset..offset + length]);
        state::put(&mut state.pools[pool], own);
        let lost = before & !held(state);
        let mut effects = Effects::new();
        let mut saved = lost;
        for (mut key, count) in std::mem::take(&mut state.keys) {
            saved &=
                self.lose((&state.control, &mut key, &mut state.pools), lost, (Label::NONE, Label::NONE), &mut effects);
            put_many(state, key, count);
        }
        self.note_loss(state, &effects, saved);
        effects
    }

    /// Whether an item that may run out is bound to: nobody relies upon a clock that is longer than he would wait.
    pub(super) fn lapses_surely(&self, state: &State, step: Step) -> bool {
        let ttl = self.definition.places[usize::from(step.what)].ttl;
        let waits = self.current(state).is_some_and(|entry| {
            let waits = matches!(entry.line.action, Action::Wait(_) | Action::WaitUntil(_));
            let length = self.wait_length(state, &entry.line.action);
            waits && state.control[control::STAGE] == 1 && ttl.is_some_and(|ttl| ttl <= length)
        });
        waits || ttl.is_some_and(|ttl| ttl <= self.definition.waits_at_most)
    }

    /// A wait of that length begins: items that do not live longer are there since before.
    pub(super) fn mark_private(&self, state: &mut State, length: u64) {
        self.each_presence(state, |ttl, there| {
            if ttl <= length && *there == presence::YES {
                *there = presence::OLD;
            }
        });
    }

    /// The wait is over.
    pub(super) fn clear_private_marks(&self, state: &mut State) {
        self.each_presence(state, |_, there| *there = (*there).min(presence::YES));
    }

    fn each_presence(&self, state: &mut State, change: impl Fn(u64, &mut u8)) {
        for (_, pool, offset, ttl) in self.lapsing() {
            for (mut own, count) in std::mem::take(&mut state.pools[pool]) {
                change(ttl, &mut own[offset]);
                super::handler::add(&mut state.pools[pool], own, count);
            }
        }
    }

    /// Whether no private item is left that was there before the running wait began.
    pub(super) fn private_marks_gone(&self, state: &State) -> bool {
        self.lapsing().all(|(_, pool, offset, _)| state.pools[pool].iter().all(|(own, _)| own[offset] != presence::OLD))
    }
}
