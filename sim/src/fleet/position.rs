//! Where the rollout stands: positions, modes, configurations, and the clocks that may run out there.

use super::definition::{Action, Atom, Line, Observed, SchemaChange};
use super::layout::{column, control, replica};
use super::programme::Configuration;
use super::rollout::{mode, sub};
use super::state::{Replica, State};
use super::{Fleet, Kind, Step};
use crate::planted::{Planted, planted};
use crate::relation::{At, Harm, Home, Label, Mode, Mover, Operator, Position};

impl Fleet {
    /// Who takes an operator's move.
    pub(super) fn operator_of(&self, state: &State, step: Step) -> Mover {
        let over_rows = step.kind == Kind::Advance && step.what != sub::REPEAT && self.guard_over_rows(state);
        Mover::Operator(match (step.kind, state.control[control::MODE], over_rows) {
            (Kind::Abort, ..) => Operator::Abort,
            (Kind::Retry, ..) => Operator::Retry,
            (Kind::Hotfix, ..) | (_, mode::HOTFIX, false) => Operator::Hotfix,
            (Kind::Repair, ..) | (_, mode::REPAIR, false) => Operator::Repair,
            (_, mode::HOTFIX, true) => Operator::HotfixOverRows,
            (_, mode::REPAIR, true) => Operator::RepairOverRows,
            (_, mode::ROLLBACK, true) => Operator::RollbackOverRows,
            (_, mode::ROLLBACK, false) => Operator::Rollback,
            (_, _, true) => Operator::ForwardOverRows,
            (_, _, false) => Operator::Forward,
        })
    }

    /// Whether the next sub-step waits for a guard over all rows or messages.
    pub(super) fn guard_over_rows(&self, state: &State) -> bool {
        let Some(entry) = self.current(state) else {
            return false;
        };
        let line = &entry.line;
        if state.control[control::STAGE] == 0 {
            return Self::over_rows(&line.when)
                || matches!(line.action, Action::Migrate { change: SchemaChange::NotNull(_), .. });
        }
        let waits_for = match &line.action {
            Action::WaitUntil(fact) => Self::over_rows(fact),
            _ => false,
        };
        waits_for || Self::over_rows(&line.verify)
    }

    pub(super) fn position_of(&self, state: &State) -> Position {
        let step = u16::from(state.control[control::LINE]);
        if state.control[control::STAGE] == 0 {
            return Position { step, at: if step == 0 { At::Start } else { At::Done } };
        }
        let line = &self.programmes.forward[usize::from(step)].line;
        let canary = match line.action {
            Action::Deploy { actor, version } => {
                let pool = self.layout.pools[usize::from(actor)].expect("only services are deployed");
                let bag = &state.pools[pool];
                let moved: u32 =
                    bag.iter().filter(|(own, _)| self.version_of(pool, own) == version).map(|(_, n)| *n).sum();
                moved <= line.canary
            }
            _ => false,
        };
        Position { step: step + 1, at: if canary { At::Canary } else { At::Mixed } }
    }

    /// Whether a line has a canary position, and one in between.
    pub(super) fn stages_of(&self, line: &Line) -> (bool, bool) {
        match line.action {
            Action::Deploy { actor, .. } => {
                let scaled = self.definition.scaled_to(actor);
                let replicas = scaled.chain([self.definition.actors[usize::from(actor)].replicas]).max().unwrap_or(0);
                let replicas = replicas.min(line.stays_at);
                (line.canary > 0 && replicas > 1, replicas > line.canary + 1)
            }
            Action::Set { value, .. } => {
                (false, self.definition.values[usize::from(value)].observed == Observed::Lagging)
            }
            Action::Backfill(_)
            | Action::Wait(_)
            | Action::WaitUntil(_)
            | Action::Drain(_)
            | Action::Restart(_)
            | Action::Replace(_)
            | Action::Scale { .. }
            | Action::Fence { .. } => (false, true),
            _ => (false, !line.verify.is_empty()),
        }
    }

    pub(super) fn mode_of(&self, state: &State) -> Mode {
        let finished = self.current(state).is_none();
        match state.control[control::MODE] {
            mode::FORWARD => Mode::Forward { finished },
            mode::ROLLBACK => Mode::Rollback { finished },
            mode::HOTFIX => Mode::Hotfix { finished },
            _ => Mode::Repair { finished },
        }
    }

    pub(super) fn may_retry(&self, state: &State) -> bool {
        let home = &self.programmes.configurations[usize::from(state.control[control::FLOOR])];
        state.control[control::PROMISED] == 1
            && state.control[control::LOST] == 0
            && self.definition.plan.len() > usize::from(state.control[control::FLOOR])
            && self.stands_in(state, home, true)
    }

    /// The configuration in which a fleet stands with no step in progress, nothing lost or dead-lettered, and every
    /// value observed.
    pub(super) fn standing(&self, state: &State) -> Option<Home> {
        let control = &state.control;
        let between = matches!(
            self.mode_of(state),
            Mode::Forward { .. }
                | Mode::Rollback { finished: true }
                | Mode::Hotfix { finished: true }
                | Mode::Repair { finished: true }
        );
        let views = (0..self.definition.values.len()).all(|value| self.observed_by_all(state, value))
            || planted(Planted::UnobservedSettled);
        let dead = state.keys.iter().flat_map(|(key, _)| &key.messages).any(|message| {
            let queue = u16::from(message[0]);
            let known = |label: &Label| label.harm == Harm::DeadLetter && label.place == queue;
            message[2] == 1 && !self.known_losses.iter().any(known) && !planted(Planted::DeadLettersSettled)
        });
        let missing = state.keys.iter().any(|(key, _)| self.missing_in(key, &state.pools, &|_| true) != 0);
        let lost = missing || control[control::LOST] != 0;
        if lost || dead || !between || control[control::STAGE] != 0 || !views {
            return None;
        }
        let floor = &self.programmes.configurations[usize::from(control[control::FLOOR])];
        let home = self.stands_in(state, floor, true);
        let goal = self.stands_at_goal(state);
        let one_version = state.pools.iter().all(|bag| {
            let mut versions = bag
                .iter()
                .filter(|(own, _)| own[replica::MARKS] & replica::STRAGGLER == 0 && !replica::is_fenced(own))
                .map(|(own, _)| own[replica::VERSION]);
            let first = versions.next();
            versions.all(|version| Some(version) == first)
        });
        match (home, goal) {
            (true, true) => Some(Home::Both),
            (true, false) => Some(Home::Start),
            (false, true) => Some(Home::Goal),
            (false, false) => one_version.then_some(Home::Between),
        }
    }

    /// Whether what runs is what the plan leads to, settled or not.
    pub(super) fn stands_at_goal(&self, state: &State) -> bool {
        self.programmes.goals.iter().any(|goal| self.stands_in(state, goal, false))
    }

    /// Whether the fleet stands in `configuration`; columns may be wider if `widened`.
    pub(super) fn stands_in(&self, state: &State, configuration: &Configuration, widened: bool) -> bool {
        let versions = state.pools.iter().enumerate().all(|(pool, bag)| {
            let actor = self.layout.actors[pool];
            let (version, stays, others) = configuration.versions[actor];
            let number = self.layout.targets[actor].is_none()
                || self.is_scaled_to(state, actor as u16, configuration.replicas[actor]);
            // Somebody must be left of those who were not stopped.
            if !number || (!bag.is_empty() && bag.iter().all(|(own, _)| replica::is_fenced(own))) {
                return false;
            }
            let runs = |own: &Replica| own[replica::MARKS] & replica::STRAGGLER == 0 && !replica::is_fenced(own);
            let moving = bag.iter().filter(|(own, _)| runs(own));
            let (mut here, mut elsewhere) = (0, 0);
            for (own, count) in moving {
                let runs = self.version_of(pool, own);
                if runs == version {
                    here += count;
                } else if runs == others {
                    elsewhere += count;
                } else {
                    return false;
                }
            }
            if stays == u32::MAX { elsewhere == 0 || others == version } else { here == stays }
        });
        let values =
            configuration.values.iter().zip(&self.layout.values).all(|(value, at)| state.control[*at] == *value);
        let columns = configuration.columns.iter().zip(&self.layout.columns).all(|(columns, base)| {
            base.is_none_or(|base| {
                columns.iter().zip(&state.control[base..]).all(|(wanted, now)| {
                    *now == *wanted || (widened && (*now == column::NULLABLE || planted(Planted::NarrowerHome)))
                })
            })
        });
        versions && values && columns
    }

    /// Whether a timer of `length` may run out now: it is short, or a long enough wait is in progress.
    pub(super) fn runs_out(&self, state: &State, length: u64) -> bool {
        let begun = self.current(state).filter(|_| state.control[control::STAGE] == 1);
        let waits = begun.is_some_and(|entry| {
            let line = &entry.line;
            self.wait_length(state, &line.action).max(line.bake) >= length
        });
        // The last stage of a rolling step bakes when its replicas have moved.
        let before = usize::from(state.control[control::LINE]).checked_sub(1);
        let baked = before.and_then(|at| self.entries(&state.control).get(at)).map_or(0, |entry| entry.line.bake);
        let bakes = state.control[control::STAGE] == 0 && baked > 0 && baked >= length;
        length <= self.definition.waits_at_most || waits || bakes
    }

    /// How long a step waits at least: the time given, or what its clients take to go.
    pub(super) fn wait_length(&self, state: &State, action: &Action) -> u64 {
        match action {
            Action::Wait(length) => *length,
            Action::WaitUntil(fact) => {
                let going = fact.iter().filter_map(|atom| match atom {
                    Atom::Gone(client) if !self.is_gone(state, *client) => {
                        self.definition.actors[usize::from(*client)].fades_in
                    }
                    _ => None,
                });
                going.max().unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// Whether the clients whose traffic falls in less time than the step waits are gone.
    pub(super) fn clients_went(&self, state: &State, action: &Action) -> bool {
        let length = self.wait_length(state, action);
        let mut clients = self.definition.actors.iter().enumerate();
        clients.all(|(client, actor)| {
            actor.fades_in.is_none_or(|time| time > length) || self.is_gone(state, client as u16)
        })
    }

    pub(super) fn is_gone(&self, state: &State, client: u16) -> bool {
        self.layout.gone[usize::from(client)].is_some_and(|offset| state.control[offset] == 1)
    }

    /// Whether the running `wait: until` waits for that client to go.
    pub(super) fn waits_for_client(&self, state: &State, client: u16) -> bool {
        self.current(state).is_some_and(|entry| match &entry.line.action {
            Action::WaitUntil(fact) => {
                state.control[control::STAGE] == 1
                    && fact.iter().any(|atom| matches!(atom, Atom::Gone(gone) if *gone == client))
            }
            _ => false,
        })
    }
}
