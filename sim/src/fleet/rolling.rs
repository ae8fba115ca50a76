//! Rolling steps: replicas are moved, restarted, added, removed and stopped one at a time (R11).

use super::definition::{Action, Definition, Line, PlaceKind};
use super::handler::add;
use super::layout::{Home, KeptOf, control, replica};
use super::rollout::sub;
use super::state::{self, Key, Replica, State};
use super::{Fleet, Kind, Step, ledger};
use crate::planted::{Planted, planted};
use crate::relation::Effects;

/// Whether a step may take a replica: it runs, or is replaced, and is no straggler unless these are included.
pub(super) fn movable(line: &Line, own: &Replica) -> bool {
    let straggles = own[replica::MARKS] & replica::STRAGGLER != 0 && !planted(Planted::StragglersDeployed);
    let replaced = matches!(line.action, Action::Replace(_)) && !planted(Planted::FenceNotLifted);
    (replaced || !replica::is_fenced(own)) && (line.stragglers_included || !straggles)
}

impl Fleet {
    /// One replica at a time: the next begins when the one before is up.
    pub(super) fn replica_moves(&self, state: &State, line: &Line, out: &mut Vec<Step>) {
        let Some(pool) = line.action.rolls().and_then(|actor| self.layout.pools[usize::from(actor)]) else {
            return;
        };
        if let Action::Scale { actor, to } = line.action {
            return self.scale_moves(state, actor, to, out);
        }
        let moved = |own: &Replica| match line.action {
            Action::Deploy { version, .. } => self.version_of(pool, own) == version,
            Action::Fence { .. } => !self.fences(pool, own, line),
            _ => own[replica::MARKS] & replica::DUE == 0,
        };
        let starts = |own: &Replica| own[replica::PHASE] != 0 && !replica::is_fenced(own);
        let waits = !matches!(line.action, Action::Fence { .. });
        if waits && state.pools[pool].iter().any(|(own, _)| moved(own) && starts(own)) {
            return;
        }
        if self.forgotten(state, line).is_some() {
            return;
        }
        for (who, (own, _)) in state.pools[pool].iter().enumerate() {
            if !moved(own) && movable(line, own) {
                out.push(Step { what: sub::MOVE, pool: pool as u8, who: who as u8, ..Step::of(Kind::Advance) });
            }
        }
    }

    pub(super) fn move_replica(&self, state: &mut State, line: &Line, step: Step, effects: &mut Effects) {
        let (pool, who) = (usize::from(step.pool), usize::from(step.who));
        state.control[control::STAGE] = 1;
        if let Action::Scale { actor, to } = line.action {
            if self.number_of(state, actor) < to {
                let new = self.newcomers(state, pool).swap_remove(usize::from(step.choice));
                state::put(&mut state.pools[pool], new);
                return;
            }
            self.remove(state, line, pool, who, effects);
        } else {
            self.aim(state, &line.action);
            let mut own = state::take(&mut state.pools[pool], who);
            match line.action {
                Action::Deploy { version, .. } => {
                    let actor = &self.definition.actors[self.layout.actors[pool]];
                    own[replica::VERSION] = (version - actor.versions.start) as u8;
                }
                Action::Fence { .. } => {}
                _ => own[replica::MARKS] &= !replica::DUE,
            }
            if matches!(line.action, Action::Replace(_)) {
                self.renew(state, pool, &mut own);
            }
            if matches!(line.action, Action::Fence { .. }) {
                own[replica::PHASE] = replica::FENCED;
                self.clear_memory(pool, &mut own);
            } else if self.layout.boots[pool] {
                own[replica::PHASE] = 1;
                self.clear_memory(pool, &mut own);
            }
            state::put(&mut state.pools[pool], own);
        }
        self.cut_orphans(state, effects);
        self.note_loss(state, effects, 0);
    }

    /// A new replica in the place of `own`, which was taken out of the state; if that was fenced, it runs.
    fn renew(&self, state: &mut State, pool: usize, own: &mut Replica) {
        self.renew_disks(state, pool, own);
        if replica::is_fenced(own) {
            own[replica::PHASE] = 0;
            for (value, offset) in &self.layout.views[pool] {
                own[*offset] = state.control[self.layout.values[*value]];
            }
        }
    }

    /// The replicas that a `restart` or `replace` takes; a restart that is not followed takes none.
    pub(super) fn mark_due(&self, state: &mut State, line: &Line) {
        let Some(pool) = line.action.rolls().and_then(|actor| self.layout.pools[usize::from(actor)]) else {
            return;
        };
        if !self.layout.boots[pool] && matches!(line.action, Action::Restart(_)) {
            return;
        }
        for (mut own, count) in std::mem::take(&mut state.pools[pool]) {
            if movable(line, &own) {
                own[replica::MARKS] |= replica::DUE;
            }
            add(&mut state.pools[pool], own, count);
        }
    }

    pub(super) fn restarted(&self, state: &State, actor: u16) -> bool {
        let bag = self.layout.pools[usize::from(actor)].map_or(&[][..], |pool| &state.pools[pool]);
        bag.iter().all(|(own, _)| own[replica::MARKS] & replica::DUE == 0)
            && self.replicas(state, actor).all(|own| own[replica::PHASE] == 0)
    }
}

/// Fenced replicas.
impl Fleet {
    /// Whether a `fence` stops a replica.
    fn fences(&self, pool: usize, own: &Replica, line: &Line) -> bool {
        let Action::Fence { version, holds, .. } = line.action else { return false };
        let no_key = Key::default();
        let so = |(place, field, test): (u16, u8, super::definition::FieldTest)| {
            test.holds(self.layout.item(&self.definition, place, &no_key, Some(own)), field)
        };
        movable(line, own)
            && version.is_none_or(|version| self.version_of(pool, own) == version)
            && holds.is_none_or(so)
    }

    /// Whether there is still a replica to stop.
    pub(super) fn fences_any(&self, state: &State, line: &Line) -> bool {
        let pool = line.action.rolls().and_then(|actor| self.layout.pools[usize::from(actor)]);
        pool.is_some_and(|pool| state.pools[pool].iter().any(|(own, _)| self.fences(pool, own, line)))
    }
}

/// The number of replicas.
impl Fleet {
    /// How many replicas a service has that a step can scale, fenced ones included.
    pub(super) fn number_of(&self, state: &State, actor: u16) -> u32 {
        let declared = self.definition.actors[usize::from(actor)].stragglers.map_or(0, |(count, _)| count);
        let pool = self.layout.pools[usize::from(actor)].expect("only services are scaled");
        state.pools[pool].iter().map(|(_, count)| count).sum::<u32>().saturating_sub(declared)
    }

    /// Whether a service has `to` replicas, or more that no step moves.
    pub(super) fn is_scaled_to(&self, state: &State, actor: u16, to: u32) -> bool {
        let number = self.number_of(state, actor);
        number == to || (number > to && self.removable(state, actor).next().is_none())
    }

    /// The classes of the replicas that can be removed: which one it is, nobody chooses.
    fn removable<'a>(&self, state: &'a State, actor: u16) -> impl Iterator<Item = usize> + 'a {
        let pool = self.layout.pools[usize::from(actor)].expect("only services are scaled");
        let bag = state.pools[pool].iter().enumerate();
        bag.filter(|(_, (own, _))| own[replica::MARKS] & replica::STRAGGLER == 0).map(|(who, _)| who)
    }

    fn scale_moves(&self, state: &State, actor: u16, to: u32, out: &mut Vec<Step>) {
        let pool = self.layout.pools[usize::from(actor)].expect("only services are scaled");
        let number = self.number_of(state, actor);
        let step = Step { what: sub::MOVE, pool: pool as u8, ..Step::of(Kind::Advance) };
        if number < to {
            let choices = self.newcomers(state, pool).len() as u16;
            out.extend((0..choices).map(|choice| Step { choice, ..step }));
        } else if number > to {
            out.extend(self.removable(state, actor).map(|who| Step { who: who as u8, ..step }));
        }
    }

    /// What a new replica can be: it has a disk of the start, and sees of a value what is so, or what some other
    /// replica still sees.
    fn newcomers(&self, state: &State, pool: usize) -> Vec<Replica> {
        let actor = self.layout.actors[pool];
        let target = self.layout.targets[actor].map_or(0, |offset| state.control[offset]);
        let target = if planted(Planted::NewcomersOld) { 0 } else { target };
        let version = self.definition.actors[actor].versions.start + u16::from(target);
        let mut plain = self.layout.replica(&self.definition, pool, version, false, &state.control);
        plain[replica::PHASE] = u8::from(self.layout.boots[pool]);
        let mut new = vec![plain];
        for (own, _) in self.running(state, pool) {
            let mut late = new[0].clone();
            self.layout.views[pool].iter().for_each(|(_, offset)| late[*offset] = own[*offset]);
            new.push(late);
        }
        for (place, alternatives) in &self.definition.starts {
            let Home::Replica(owner, offset) = self.layout.items[usize::from(*place)] else { continue };
            let disk = matches!(self.definition.places[usize::from(*place)].kind, PlaceKind::Disk(_));
            if owner == pool && disk {
                let with = |own: &Replica, item: &[u8]| {
                    let mut own = own.clone();
                    own[offset..offset + item.len()].copy_from_slice(item);
                    own
                };
                new = new.iter().flat_map(|own| alternatives.iter().map(move |item| with(own, item))).collect();
            }
        }
        for kept in self.layout.kept.iter().filter(|kept| kept.of == KeptOf::Start) {
            if matches!(kept.home, Home::Replica(owner, _) if owner == pool) {
                new.iter_mut().for_each(|own| kept.take(own));
            }
        }
        new.sort_unstable();
        new.dedup();
        new
    }

    /// A replica goes for good, and with it what only its disk holds.
    fn remove(&self, state: &mut State, line: &Line, pool: usize, who: usize, effects: &mut Effects) {
        let held = |state: &State| -> Vec<u128> {
            state.keys.iter().map(|(key, _)| ledger::fresh(self, key, &state.pools)).collect()
        };
        let before = held(state);
        let gone = state::take(&mut state.pools[pool], who);
        let after = held(state);
        let lost = before.iter().zip(&after).fold(0, |lost, (before, after)| lost | (before & !after));
        if !planted(Planted::RemovedDiskKept) {
            ledger::charge(self, lost, self.version_of(pool, &gone), line.origin, effects);
        }
    }

    /// From now on new replicas have the version that is deployed.
    pub(super) fn aim(&self, state: &mut State, action: &Action) {
        if let Some((offset, version)) = self.target_of(action) {
            state.control[offset] = version;
        }
    }

    /// Whether a deploy that moves nobody changes what new replicas will be.
    pub(super) fn retargets(&self, state: &State, line: &Line) -> bool {
        self.target_of(&line.action).is_some_and(|(offset, version)| state.control[offset] != version)
    }

    fn target_of(&self, action: &Action) -> Option<(usize, u8)> {
        let Action::Deploy { actor, version } = action else { return None };
        let first = self.definition.actors[usize::from(*actor)].versions.start;
        self.layout.targets[usize::from(*actor)].map(|offset| (offset, (version - first) as u8))
    }
}

impl Definition {
    /// Whether some step changes the number of replicas of an actor.
    pub fn is_scaled(&self, actor: u16) -> bool {
        self.scaled_to(actor).next().is_some()
    }

    /// The numbers of replicas to which steps scale an actor.
    pub fn scaled_to(&self, actor: u16) -> impl Iterator<Item = u32> + '_ {
        self.lines().into_iter().chain(&self.intended).filter_map(move |line| match line.action {
            Action::Scale { actor: of, to } if of == actor => Some(to),
            _ => None,
        })
    }
}
