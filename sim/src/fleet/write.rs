//! Writes to items: insert-or-update, whole replacement, and what they make stale elsewhere (R2, R3).

use smallvec::SmallVec;

use super::definition::{HandlerId, Moment, Op, Outcome, PlaceKind, Put, PutValue, Source, Trigger};
use super::handler::{MESSAGE_FIELDS, Run, TASK_CARRIED, add, same_message};
use super::layout::{Home, column, presence};
use super::pairs::written;
use super::state::{self, ABSENT, Byte, Key, Message, Pool, is_fresh, made_stale, retagged};
use super::{Fleet, broken};
use crate::planted::{Planted, planted};
use crate::relation::{Harm, Label};

impl Run<'_> {
    /// The byte that a put stands for, and whether it is a newer value of its datum.
    pub(super) fn value(&self, put: &Put, datum: Option<u16>, choice: &mut u16) -> (Byte, bool) {
        let misread = datum.is_some_and(|datum| self.misread_datum(datum)) && !planted(Planted::MisreadWrittenFresh);
        match &put.value {
            PutValue::New(bytes) => {
                let picked = bytes[usize::from(*choice) % bytes.len()];
                *choice /= bytes.len() as u16;
                if misread && is_fresh(picked) { (made_stale(picked), false) } else { (picked, true) }
            }
            PutValue::Copy { carried, retag } => {
                let byte = self.carried[usize::from(*carried)];
                let byte = retag.map_or(byte, |tag| retagged(byte, tag));
                (if misread { made_stale(byte) } else { byte }, false)
            }
        }
    }

    pub(super) fn write(
        &mut self,
        place: u16,
        puts: &[Put],
        keeps: bool,
        origin: u16,
        choice: &mut u16,
    ) -> Option<Outcome> {
        let fleet = self.fleet;
        let declared = &fleet.definition.places[usize::from(place)];
        let mut item: SmallVec<[Byte; 16]> =
            SmallVec::from_slice(fleet.layout.item(&fleet.definition, place, &self.key, self.own_ref()));
        let before = item.clone();
        if declared.kind == PlaceKind::Table {
            if let Some(field) = self.refused(place, puts, item[0] == presence::NO) {
                self.harm(Harm::WriteFails, self.declared().version, place, u16::from(field), origin);
                return Some(Outcome::Reject);
            }
            if item[0] == presence::NO {
                let control = &self.state.control;
                let exists = |field: usize| fleet.layout.column(control, place, field as u8) != column::NONE;
                super::layout::fill_by_store(&declared.fields, exists, &mut item);
            }
        } else if (!keeps && !broken::r3()) || item[0] == presence::NO {
            item[1..].fill(ABSENT);
        }
        item[0] = presence::YES;
        let mut newer = 0u128;
        for put in puts {
            let datum = fleet.datum(place, put.field);
            let (byte, is_newer) = self.value(put, Some(datum), choice);
            let byte = fleet.unless_destroyed(&self.state.control, place, put.field, byte);
            item[1 + usize::from(put.field)] = byte;
            if is_newer {
                newer |= 1 << datum;
            }
            self.copied.extend(self.source_datum(put).map(|source| (datum, source)));
        }
        for (field, byte) in item[1..].iter_mut().enumerate() {
            let written = puts.iter().any(|put| usize::from(put.field) == field);
            if !broken::r2() && !written && newer & (1 << fleet.datum(place, field as u8)) != 0 {
                *byte = made_stale(*byte);
            }
        }
        self.newer |= newer;
        if item != before || newer != 0 {
            self.changed.push(place);
        }
        self.store(place, &item);
        self.outdate_twins(place, newer);
        let new = puts.iter().filter(|put| matches!(put.value, PutValue::New(_)));
        self.written.extend(new.map(|put| (place, put.field)));
        fleet.refresh_caches(place, &mut self.key);
        self.leaves(place, written(puts));
        None
    }

    /// The datum that a put copies.
    fn source_datum(&self, put: &Put) -> Option<u16> {
        let PutValue::Copy { carried, .. } = put.value else { return None };
        match self.declared().carries[usize::from(carried)] {
            (Source::Place(place), field) => Some(self.fleet.datum(place, field)),
            (Source::Payload, _) => None,
        }
    }

    fn store(&mut self, place: u16, item: &[Byte]) {
        let fleet = self.fleet;
        let own = self.own.as_mut().map(|(_, replica)| replica);
        fleet.layout.item_mut(&fleet.definition, place, &mut self.key, own).copy_from_slice(item);
    }

    /// The field because of which the store refuses the write.
    fn refused(&self, place: u16, puts: &[Put], insert: bool) -> Option<u8> {
        let fleet = self.fleet;
        let control = &self.state.control;
        let column = |field: u8| fleet.layout.column(control, place, field);
        if let Some(put) = puts.iter().find(|put| column(put.field) == column::NONE && !broken::r9()) {
            return Some(put.field);
        }
        let fields = &fleet.definition.places[usize::from(place)].fields;
        (0..fields.len() as u8).find(|field| {
            let put = puts.iter().find(|put| put.field == *field);
            let given = put.map(|put| match put.value {
                PutValue::Copy { carried, .. } => self.carried[usize::from(carried)] != ABSENT,
                PutValue::New(ref bytes) => bytes.iter().any(|byte| *byte != ABSENT),
            });
            let lacking = match given {
                Some(given) => !given,
                None => insert && !fields[usize::from(*field)].store_filled,
            };
            lacking && column(*field) == column::NOT_NULL
        })
    }

    /// Other copies of the data in `newer`, wherever they are, no longer stand for the latest fact.
    fn outdate_twins(&mut self, written: u16, newer: u128) {
        let fleet = self.fleet;
        self.outdate_copies(newer);
        let elsewhere = |twin: &(u16, u8)| twin.0 != written && !self.written.contains(twin);
        for (place, field) in fleet.twins(newer).filter(elsewhere) {
            fleet.outdate_field(&mut self.key, &mut self.state.pools, place, field);
            match (fleet.layout.items[usize::from(place)], &mut self.own, &mut self.message) {
                (Home::Replica(pool, offset), Some((own_pool, own)), _) if *own_pool == pool => {
                    let at = offset + 1 + usize::from(field);
                    own[at] = made_stale(own[at]);
                }
                (Home::Messages, _, Some(message)) if u16::from(message[0]) == place => {
                    let at = MESSAGE_FIELDS + usize::from(field);
                    message[at] = made_stale(message[at]);
                }
                _ => {}
            }
        }
        let own = self.own.as_mut().map(|(pool, own)| (*pool, own));
        fleet.outdate_backups(&mut self.key, &mut self.state.pools, own, (written, newer));
    }

    /// Values that were read before and are yet to be written do not stand for the latest fact either.
    fn outdate_copies(&mut self, newer: u128) {
        let fleet = self.fleet;
        for (at, byte) in self.carried.iter_mut().enumerate() {
            if fleet.carries_one_of(newer, self.handler, at) {
                *byte = made_stale(*byte);
            }
        }
        fleet.outdate_tasks(&mut self.key, newer);
        if fleet.backfilled_datum(self.state).is_some_and(|datum| newer & (1 << datum) != 0) {
            let read = &mut self.key.items[fleet.layout.passed + 1];
            *read = made_stale(*read);
        }
    }

    pub(super) fn delete(&mut self, place: u16) {
        let fleet = self.fleet;
        if let Home::Messages = fleet.layout.items[usize::from(place)] {
            self.discard_messages(place);
            return;
        }
        let own = self.own.as_mut().map(|(_, replica)| replica);
        let item = fleet.layout.item_mut(&fleet.definition, place, &mut self.key, own);
        if item[0] != presence::NO {
            self.changed.push(place);
        }
        super::layout::clear(item);
        fleet.drop_cached(place, &mut self.key);
    }

    /// Messages are accepted work: thrown away they are lost, but for the one that is being handled.
    fn discard_messages(&mut self, queue: u16) {
        let own = self.message.clone();
        let is_own = |message: &Message| own.as_ref().is_some_and(|own| same_message(own, message));
        let before = self.key.messages.len();
        self.key.messages.retain(|message| u16::from(message[0]) != queue || is_own(message));
        if self.key.messages.len() < before {
            self.harm(Harm::Loss, self.declared().version, queue, Label::NONE, self.declared().origin);
        }
    }
}

impl Fleet {
    /// A field no longer stands for the latest fact: in the key, in every replica or in every message.
    pub(super) fn outdate_field(&self, key: &mut Key, pools: &mut [Pool], place: u16, field: u8) {
        let at = 1 + usize::from(field);
        match self.layout.items[usize::from(place)] {
            Home::Key(offset) => key.items[offset + at] = made_stale(key.items[offset + at]),
            Home::Replica(pool, offset) => {
                for (mut replica, count) in std::mem::take(&mut pools[pool]) {
                    replica[offset + at] = made_stale(replica[offset + at]);
                    add(&mut pools[pool], replica, count);
                }
            }
            Home::Messages => self.outdate_messages(key, place, MESSAGE_FIELDS + usize::from(field)),
            Home::Nowhere => {}
        }
    }

    /// The copy of a message that a handler in progress holds goes stale with the one in the queue.
    fn outdate_messages(&self, key: &mut Key, queue: u16, at: usize) {
        for message in key.messages.iter_mut().filter(|message| u16::from(message[0]) == queue) {
            message[at] = made_stale(message[at]);
        }
        key.messages.sort_unstable();
        key.messages.dedup();
        for task in &mut key.tasks {
            let handler = &self.definition.handlers[usize::from(Self::task_handler(task))];
            let message = TASK_CARRIED + handler.carries.len();
            if task.get(message).is_some_and(|held| u16::from(*held) == queue) {
                task[message + at] = made_stale(task[message + at]);
            }
        }
        key.tasks.sort_unstable();
        key.tasks.dedup();
    }

    /// Whether what a handler carries there is one of `data`.
    fn carries_one_of(&self, data: u128, handler: HandlerId, at: usize) -> bool {
        let declared = &self.definition.handlers[usize::from(handler)];
        let (source, field) = declared.carries[at];
        let place = match (source, declared.trigger) {
            (Source::Place(place), _) | (Source::Payload, Trigger::Message(place)) => place,
            (Source::Payload, _) => return false,
        };
        data & (1 << self.datum(place, field)) != 0
    }

    /// Values that handlers in progress have read and are yet to write do not stand for the latest fact.
    pub(super) fn outdate_tasks(&self, key: &mut Key, newer: u128) {
        for task in &mut key.tasks {
            let handler = Self::task_handler(task);
            for at in 0..self.definition.handlers[usize::from(handler)].carries.len() {
                if self.carries_one_of(newer, handler, at) {
                    task[TASK_CARRIED + at] = made_stale(task[TASK_CARRIED + at]);
                }
            }
            self.overtake(task, newer);
        }
        key.tasks.sort_unstable();
        key.tasks.dedup();
    }

    /// A destroyed value counts as absent, whoever writes it.
    pub(super) fn unless_destroyed(&self, control: &state::Control, place: u16, field: u8, byte: Byte) -> Byte {
        let destroyed = byte != ABSENT
            && self.layout.destroyed_at(place, field, state::tag(byte)).is_some_and(|offset| control[offset] == 1);
        if destroyed { ABSENT } else { byte }
    }
}

/// The fields that some moments write anew.
pub(super) fn written_by(moments: &[Moment]) -> impl Iterator<Item = (u16, u8)> + '_ {
    let writes = moments.iter().flat_map(|moment| &moment.ops).filter_map(|op| match op {
        Op::Write { place, puts, .. } => Some((*place, puts)),
        _ => None,
    });
    writes.flat_map(|(place, puts)| {
        puts.iter().filter(|put| matches!(put.value, PutValue::New(_))).map(move |put| (place, put.field))
    })
}
