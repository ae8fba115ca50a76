//! The operator: sub-steps of the programme that runs, abort, retry, hotfix, repair (R11).

use super::backup::put_many;
use super::definition::{Action, BackfillFrom, Line, Observed, SchemaChange};
use super::handler::{MARKED, MESSAGE_FIELDS, MESSAGE_MARKS, add};
use super::layout::{Home, clear, column, control, presence, replica};
use super::programme::Entry;
use super::queue::{is_marked, mark_messages};
use super::rolling::movable;
use super::state::{self, ABSENT, Key, State, tag};
use super::{Fleet, Kind, Step, broken, ledger};
use crate::planted::{Planted, planted};
use crate::relation::{Effects, Label};

/// The values of the mode byte.
pub(super) mod mode {
    pub const FORWARD: u8 = 0;
    pub const ROLLBACK: u8 = 1;
    pub const HOTFIX: u8 = 2;
    pub const REPAIR: u8 = 3;
}

/// A repair is not in progress.
const IDLE: u8 = u8::MAX;

/// The sub-steps of a line, in the `what` of a [`Kind::Advance`].
pub(super) mod sub {
    pub const BEGIN: u16 = 0;
    pub const MOVE: u16 = 1;
    pub const FINISH: u16 = 2;
    pub const REPEAT: u16 = 3;
}

impl Fleet {
    /// The programme that runs.
    pub(super) fn entries(&self, control: &state::Control) -> &[Entry] {
        match control[control::MODE] {
            mode::FORWARD => &self.programmes.forward,
            mode::ROLLBACK => self.programmes.rollback(control[control::FLOOR]),
            mode::HOTFIX => &self.programmes.hotfix,
            _ => &self.programmes.repairs,
        }
    }

    /// The line that is next or in progress.
    pub fn current(&self, state: &State) -> Option<&Entry> {
        self.entries(&state.control).get(usize::from(state.control[control::LINE]))
    }

    /// The operator's enabled moves.
    pub(super) fn operator_moves(&self, state: &State, out: &mut Vec<Step>) {
        let at = state.control[control::MODE];
        if let Some(entry) = self.current(state) {
            self.line_moves(state, &entry.line, out);
        }
        let idle_repair = at == mode::REPAIR && state.control[control::LINE] == IDLE;
        if at == mode::FORWARD {
            out.push(Step::of(Kind::Abort));
            if !self.programmes.hotfix.is_empty() {
                out.push(Step::of(Kind::Hotfix));
            }
        }
        if at == mode::FORWARD || idle_repair {
            for (number, entry) in self.programmes.repairs.iter().enumerate() {
                if !self.already(state, &entry.line) || self.retargets(state, &entry.line) {
                    out.push(Step { what: number as u16, ..Step::of(Kind::Repair) });
                }
            }
        }
        if at == mode::ROLLBACK && self.current(state).is_none() && self.may_retry(state) {
            out.push(Step::of(Kind::Retry));
        }
    }

    fn line_moves(&self, state: &State, line: &Line, out: &mut Vec<Step>) {
        let advance = |what: u16| Step { what, ..Step::of(Kind::Advance) };
        if state.control[control::STAGE] == 0 {
            if !self.may_begin(state, line) {
                return;
            }
            match line.action {
                ref action if begins_with_a_replica(action) => self.replica_moves(state, line, out),
                _ => out.push(advance(sub::BEGIN)),
            }
            return;
        }
        let verified = self.holds(state, &line.verify) || planted(Planted::VerifyForgotten);
        let nothing_marked = self.nothing_marked(state) || planted(Planted::DrainForgotten);
        match &line.action {
            action if action.rolls().is_some() => self.replica_moves(state, line, out),
            Action::Set { .. } => {}
            Action::Backfill(backfill) => {
                if self.all_passed(state, backfill) {
                    out.push(advance(if verified { sub::FINISH } else { sub::REPEAT }));
                }
            }
            Action::Drain(_) => {
                if verified && nothing_marked {
                    out.push(advance(sub::FINISH));
                }
            }
            Action::Wait(_) => {
                if verified && nothing_marked && self.clients_went(state, &line.action) {
                    out.push(advance(sub::FINISH));
                }
            }
            Action::WaitUntil(fact) => {
                let over = nothing_marked && self.clients_went(state, &line.action);
                if verified && over && self.holds(state, fact) {
                    out.push(advance(sub::FINISH));
                }
            }
            _ => {
                if verified {
                    out.push(advance(sub::FINISH));
                }
            }
        }
    }

    /// Whether the guard of a line holds and what it does can be begun.
    fn may_begin(&self, state: &State, line: &Line) -> bool {
        (self.holds(state, &line.when) || broken::r11())
            && match &line.action {
                Action::Migrate { table, change } => {
                    change.fits(self.columns(state, *table))
                        && match change {
                            SchemaChange::NotNull(field) => state.keys.iter().all(|(key, _)| {
                                let row = self.layout.item(&self.definition, *table, key, None);
                                row[0] == presence::NO || row[1 + usize::from(*field)] != ABSENT
                            }),
                            _ => true,
                        }
                }
                Action::Backfill(backfill) => {
                    let there = |place, field| self.layout.column(&state.control, place, field) != column::NONE;
                    there(backfill.place, backfill.field)
                        && match backfill.from {
                            BackfillFrom::Field(place, field) => there(place, field),
                            BackfillFrom::Literal(_) | BackfillFrom::Retag(..) => true,
                        }
                }
                Action::Restore(place, step) => self.may_restore(state, *place, *step),
                _ => true,
            }
    }

    /// The columns of a table as they are.
    fn columns<'s>(&self, state: &'s State, table: u16) -> &'s [u8] {
        let base = self.layout.columns[usize::from(table)].expect("only tables are migrated");
        &state.control[base..base + self.definition.places[usize::from(table)].fields.len()]
    }

    fn nothing_marked(&self, state: &State) -> bool {
        let private = self.private_marks_gone(state);
        private
            && state.keys.iter().all(|(key, _)| {
                key.messages.iter().all(|message| !is_marked(message))
                    && self
                        .caches()
                        .all(|(place, _)| self.layout.item(&self.definition, place, key, None)[0] != presence::OLD)
            })
    }

    /// Takes an operator's move.
    pub(super) fn operate(&self, state: &mut State, step: Step) -> Effects {
        let mut effects = Effects::new();
        match step.kind {
            Kind::Advance => self.advance(state, step, &mut effects),
            Kind::Abort => self.abort(state),
            Kind::Hotfix => self.leave_plan(state, mode::HOTFIX, 0),
            Kind::Retry => {
                let floor = state.control[control::FLOOR];
                self.enter(state, mode::FORWARD, floor);
                state.control[control::FLOOR] = 0;
                state.control[control::PROMISED] = 0;
            }
            _ => {
                self.leave_plan(state, mode::REPAIR, step.what as u8);
                let line = self.programmes.repairs[usize::from(step.what)].line.clone();
                self.aim(state, &line.action);
                // A move whose guard does not hold yet waits for it.
                if self.may_begin(state, &line) {
                    if begins_with_a_replica(&line.action) {
                        state.control[control::STAGE] = 1;
                    } else {
                        self.begin_line(state, &line, &mut effects);
                    }
                }
            }
        }
        self.settle_programme(state);
        effects
    }

    fn abort(&self, state: &mut State) {
        let in_progress = if planted(Planted::BegunNotTakenBack) { 0 } else { state.control[control::STAGE] };
        let begun = state.control[control::LINE] + in_progress;
        let promised = u16::from(begun) < self.definition.promised_until;
        self.leave_plan(state, mode::ROLLBACK, 0);
        state.control[control::BEGUN] = begun;
        state.control[control::PROMISED] = u8::from(promised);
    }

    /// Leaves the plan (or an idle repair) for another programme; the last floor passed is remembered.
    fn leave_plan(&self, state: &mut State, mode: u8, line: u8) {
        if state.control[control::MODE] == mode::FORWARD {
            let done = usize::from(state.control[control::LINE]);
            let done = if planted(Planted::FloorsForgotten) { 0 } else { done };
            let done =
                if planted(Planted::FloorTooEarly) { done + usize::from(state.control[control::STAGE]) } else { done };
            let floor = (0..done).rev().find(|line| self.programmes.forward[*line].line.floor);
            state.control[control::FLOOR] = floor.map_or(0, |line| line as u8 + 1);
        }
        self.enter(state, mode, line);
    }

    fn enter(&self, state: &mut State, mode: u8, line: u8) {
        self.clear_marks(state);
        state.control[control::MODE] = mode;
        state.control[control::LINE] = line;
        state.control[control::STAGE] = 0;
        state.control[control::BEGUN] = 0;
        if planted(Planted::LossNotSticky) {
            state.control[control::LOST] = 0;
        }
    }

    fn advance(&self, state: &mut State, step: Step, effects: &mut Effects) {
        let line = self.current(state).expect("the step is enabled").line.clone();
        match step.what {
            sub::BEGIN => self.begin_line(state, &line, effects),
            sub::MOVE => self.move_replica(state, &line, step, effects),
            sub::FINISH => self.finish_line(state),
            _ => self.clear_marks(state),
        }
    }

    fn begin_line(&self, state: &mut State, line: &Line, effects: &mut Effects) {
        state.control[control::STAGE] = 1;
        let mut at_once = line.verify.is_empty();
        match &line.action {
            Action::Pause => {}
            Action::Migrate { table, change } => self.migrate(state, *table, *change, line, effects),
            Action::Set { value, to } => {
                state.control[self.layout.values[usize::from(*value)]] = *to;
                at_once = false;
            }
            action @ (Action::Wait(_) | Action::WaitUntil(_)) => {
                let length = self.wait_length(state, action);
                self.each_key(state, |key| self.mark_old(key, length));
                self.mark_private(state, length);
                at_once = false;
            }
            Action::Backfill(_) | Action::Deploy { .. } | Action::Scale { .. } | Action::Fence { .. } => {
                at_once = false;
            }
            Action::Drain(queue) => {
                self.each_key(state, |key| mark_messages(key, |message| u16::from(message[0]) == *queue));
                at_once = false;
            }
            Action::Flush(cache) => {
                self.each_key(state, |key| clear(self.layout.item_mut(&self.definition, *cache, key, None)));
            }
            Action::Requeue(queue) => self.each_key(state, |key| self.requeue(key, *queue)),
            Action::Purge(place, test) => self.purge(state, *place, *test),
            Action::Move(from, to, fields) => {
                let live = self.live_versions(state);
                self.each_key(state, |key| self.move_messages(&live, key, *from, *to, fields));
            }
            Action::Backup(place, step) => self.back_up(state, (*place, *step), line, effects),
            Action::Restore(place, step) => self.restore(state, *place, *step),
            Action::Restart(_) | Action::Replace(_) => {
                self.mark_due(state, line);
                at_once = false;
            }
        }
        if at_once {
            self.finish_line(state);
        }
    }

    pub(super) fn each_key(&self, state: &mut State, change: impl Fn(&mut Key)) {
        let keys = std::mem::take(&mut state.keys);
        for (mut key, count) in keys {
            change(&mut key);
            put_many(state, key, count);
        }
    }

    /// A table changes; contents of a dropped column are gone, and a fact may be lost with them.
    fn migrate(&self, state: &mut State, table: u16, change: SchemaChange, line: &Line, effects: &mut Effects) {
        let base = self.layout.columns[usize::from(table)].expect("only tables are migrated");
        let length = self.definition.places[usize::from(table)].fields.len();
        change.take(&mut state.control[base..base + length]);
        if let SchemaChange::DropValue(field, tag) = change
            && let Some(offset) = self.layout.destroyed_at(table, field, tag)
        {
            state.control[offset] = 1;
        }
        self.change_rows(state, line, effects, |key| {
            let row = self.layout.item_mut(&self.definition, table, key, None);
            match change {
                SchemaChange::Drop(field) => row[1 + usize::from(field)] = ABSENT,
                SchemaChange::Rename(from, to) => {
                    row[1 + usize::from(to)] = row[1 + usize::from(from)];
                    row[1 + usize::from(from)] = ABSENT;
                }
                SchemaChange::DropValue(field, gone) => {
                    let byte = &mut row[1 + usize::from(field)];
                    if *byte != ABSENT && tag(*byte) == gone {
                        *byte = ABSENT;
                    }
                }
                SchemaChange::Add(_) | SchemaChange::Nullable(_) | SchemaChange::NotNull(_) => {}
            }
        });
    }

    /// Changes every key and charges what is lost.
    pub(super) fn change_rows(&self, state: &mut State, line: &Line, effects: &mut Effects, change: impl Fn(&mut Key)) {
        let (mut lost, mut gone) = (0u128, 0u128);
        // What is destroyed cannot be restored either.
        let destroys = matches!(line.action, Action::Migrate { change: SchemaChange::DropValue(..), .. });
        let keys = std::mem::take(&mut state.keys);
        for (mut key, count) in keys {
            let before = ledger::fresh(self, &key, &state.pools);
            change(&mut key);
            let here = before & !ledger::fresh(self, &key, &state.pools);
            let by = (Label::NONE, line.origin);
            let saved = self.lose((&state.control, &mut key, &mut state.pools), here, by, effects);
            gone |= if destroys { here } else { here & !saved };
            lost |= here;
            put_many(state, key, count);
        }
        self.note_loss(state, effects, lost & !gone);
    }

    fn mark_old(&self, key: &mut Key, length: u64) {
        for (place, cache) in self.caches() {
            if cache.ttl.is_some_and(|ttl| ttl <= length) {
                let entry = self.layout.item_mut(&self.definition, place, key, None);
                if entry[0] == presence::YES {
                    entry[0] = presence::OLD;
                }
            }
        }
        mark_messages(key, |message| self.queue(message[0]).retention.is_some_and(|kept| kept <= length));
    }

    /// What a purge discards is accepted loss.
    fn purge(&self, state: &mut State, place: u16, test: Option<(u8, super::definition::FieldTest)>) {
        let passes = |item: &[u8]| item[0] != presence::NO && test.is_none_or(|(field, test)| test.holds(item, field));
        if let Home::Replica(pool, _) = self.layout.items[usize::from(place)] {
            for (mut own, count) in std::mem::take(&mut state.pools[pool]) {
                let item = self.layout.item_mut(&self.definition, place, &mut Key::default(), Some(&mut own)).to_vec();
                if passes(&item) {
                    clear(self.layout.item_mut(&self.definition, place, &mut Key::default(), Some(&mut own)));
                }
                add(&mut state.pools[pool], own, count);
            }
            return;
        }
        self.each_key(state, |key| {
            if let Home::Messages = self.layout.items[usize::from(place)] {
                key.messages.retain(|message| {
                    let mut item = vec![presence::YES];
                    item.extend_from_slice(&message[MESSAGE_FIELDS..]);
                    u16::from(message[0]) != place || !passes(&item)
                });
                return;
            }
            let item = self.layout.item_mut(&self.definition, place, key, None);
            if passes(item) {
                clear(item);
            }
        });
    }

    fn finish_line(&self, state: &mut State) {
        let at = usize::from(state.control[control::LINE]);
        let entry = &self.entries(&state.control)[at];
        if let Some(offset) = self.layout.once_at(entry.step)
            && state.control[control::MODE] == mode::FORWARD
            && !planted(Planted::OnceForgotten)
        {
            state.control[offset] = 1;
        }
        if let Some(replica) = self.forgotten(state, &entry.line) {
            self.forget(state, replica);
        }
        self.clear_marks(state);
        state.control[control::STAGE] = 0;
        state.control[control::LINE] = if state.control[control::MODE] == mode::REPAIR { IDLE } else { at as u8 + 1 };
    }

    fn clear_marks(&self, state: &mut State) {
        self.each_key(state, |key| {
            key.items[self.layout.passed..self.layout.shape.items].fill(0);
            for message in &mut key.messages {
                message[MESSAGE_MARKS] &= !MARKED;
            }
            key.messages.sort_unstable();
            for (place, _) in self.caches() {
                let entry = self.layout.item_mut(&self.definition, place, key, None);
                entry[0] = entry[0].min(presence::YES);
            }
        });
        self.clear_private_marks(state);
        for bag in &mut state.pools {
            if bag.iter().any(|(own, _)| own[replica::MARKS] & replica::DUE != 0) {
                for (mut own, count) in std::mem::take(bag) {
                    own[replica::MARKS] &= !replica::DUE;
                    add(bag, own, count);
                }
            }
        }
    }

    /// Skips what already holds and ends what is complete.
    pub(super) fn settle_programme(&self, state: &mut State) {
        while let Some(entry) = self.current(state) {
            let line = &entry.line;
            let advanced = if state.control[control::STAGE] == 0 {
                let out_of_reach = self.out_of_reach(state, entry);
                let skipped = out_of_reach || self.already(state, line);
                if skipped && !out_of_reach {
                    self.aim(state, &line.action);
                }
                if skipped {
                    let repairs = state.control[control::MODE] == mode::REPAIR;
                    state.control[control::LINE] = if repairs { IDLE } else { state.control[control::LINE] + 1 };
                }
                skipped
            } else {
                let complete = match line.action {
                    Action::Set { .. } => self.already(state, line),
                    ref action if begins_with_a_replica(action) => self.already(state, line),
                    Action::Restart(actor) | Action::Replace(actor) => self.restarted(state, actor),
                    _ => false,
                };
                let ends = complete && self.holds(state, &line.verify);
                if ends {
                    self.finish_line(state);
                }
                ends
            };
            if !advanced {
                break;
            }
        }
        self.forget_begun(state);
    }

    /// A line of the rollback that takes back a step not begun, or a step of the plan that runs only once.
    fn out_of_reach(&self, state: &State, entry: &Entry) -> bool {
        match state.control[control::MODE] {
            mode::ROLLBACK => entry.step > u16::from(state.control[control::BEGUN]) && entry.step > 0,
            mode::FORWARD => self.layout.once_at(entry.step).is_some_and(|offset| state.control[offset] == 1),
            _ => false,
        }
    }

    /// How many steps had begun matters only as long as lines that take them back are left.
    fn forget_begun(&self, state: &mut State) {
        if state.control[control::MODE] == mode::ROLLBACK {
            let at = usize::from(state.control[control::LINE]);
            let left = self.entries(&state.control).get(at..).unwrap_or(&[]);
            let last = left.iter().map(|entry| entry.step).max().unwrap_or(0) as u8;
            state.control[control::BEGUN] = state.control[control::BEGUN].min(last);
        }
    }

    /// Whether what a line does is already so.
    fn already(&self, state: &State, line: &Line) -> bool {
        match &line.action {
            Action::Deploy { actor, version } => {
                let Some(pool) = self.layout.pools[usize::from(*actor)] else {
                    return true;
                };
                let counted = |own: &state::Replica| movable(line, own);
                let here = |own: &state::Replica| self.version_of(pool, own) == *version && !replica::is_fenced(own);
                let up = state.pools[pool].iter().all(|(own, _)| !here(own) || own[replica::PHASE] == 0);
                let moved = state.pools[pool].iter().filter(|(own, _)| here(own) && counted(own));
                let moved: u32 = moved.map(|(_, count)| *count).sum();
                let all = state.pools[pool].iter().all(|(own, _)| here(own) || !counted(own));
                up && (all || moved >= line.stays_at || self.forgotten(state, line).is_some())
            }
            Action::Set { value, to } => {
                let now = state.control[self.layout.values[usize::from(*value)]];
                let stuck = self.definition.values[usize::from(*value)].irreversible
                    && now > *to
                    && !planted(Planted::IrreversibleSetBack);
                let at_restart = self.definition.values[usize::from(*value)].observed == Observed::OnRestart;
                let unasked = at_restart || planted(Planted::SetUnobserved);
                stuck || (now == *to && (unasked || self.observed_by_all(state, usize::from(*value))))
            }
            Action::Migrate { table, change: SchemaChange::DropValue(field, tag) } => {
                self.layout.destroyed_at(*table, *field, *tag).is_some_and(|offset| state.control[offset] == 1)
            }
            Action::Migrate { table, change } => change.holds(self.columns(state, *table)),
            Action::Scale { actor, to } => self.is_scaled_to(state, *actor, *to),
            Action::Fence { .. } => {
                let asked = state.control[control::STAGE] == 1 || self.holds(state, &line.when);
                asked && !self.fences_any(state, line)
            }
            _ => false,
        }
    }

    /// Whether every view of a value shows it, stragglers aside.
    pub(super) fn observed_by_all(&self, state: &State, value: usize) -> bool {
        let now = state.control[self.layout.values[value]];
        let clients = self.layout.client_views.iter().filter(|view| usize::from(view.1) == value);
        let mut present = clients.filter(|view| self.is_present(state, view.0));
        present.all(|view| state.control[view.2] == now)
            && state.pools.iter().zip(&self.layout.views).all(|(bag, views)| {
                let view = views.iter().find(|(observed, _)| *observed == value);
                view.is_none_or(|(_, offset)| {
                    let aside =
                        |own: &state::Replica| own[replica::MARKS] & replica::STRAGGLER != 0 || replica::is_fenced(own);
                    bag.iter().all(|(own, _)| own[*offset] == now || aside(own))
                })
            })
    }
}

/// Whether a step is begun with its first replica, not before.
fn begins_with_a_replica(action: &Action) -> bool {
    matches!(action, Action::Deploy { .. } | Action::Scale { .. } | Action::Fence { .. })
}
