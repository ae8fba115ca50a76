//! Where it is seen that one version comes across what another one has left (V7).

use super::definition::{Action, Backfill, Definition, OnWrite, PlaceId, PlaceKind, SchemaChange, VersionId};
use super::handler::{MESSAGE_FIELDS, Run};
use super::layout::{Home, KeptOf, presence};
use super::pairs::{Slot, bits};
use super::rollout::sub;
use super::state::{self, ABSENT, Byte, State};
use super::{Element, Fleet, Kind, Step};
use crate::relation::Contact;

/// Told of every contact, if anybody wants to know.
pub(super) type Watch<'a> = Option<&'a mut (dyn FnMut(Contact) + 'a)>;

impl Fleet {
    /// The number of a slot in a contact; those of its fields follow.
    pub fn slot(&self, slot: Slot) -> u32 {
        let places = self.definition.places.len() as u32;
        let number = match slot {
            Slot::Place(place) => u32::from(place),
            Slot::Request(api) => places + 2 * u32::from(api),
            Slot::Reply(api) => places + 2 * u32::from(api) + 1,
        };
        number << 7
    }

    /// The number of a field's slot in a contact.
    pub fn field_slot(&self, slot: Slot, field: u8) -> u32 {
        self.slot(slot) + 1 + u32::from(field)
    }

    /// Every slot in which something is, and in which key; what replicas have for themselves counts for every key.
    pub(super) fn filled_slots(&self, state: &State, each: &mut dyn FnMut(u8, u32)) {
        for (part, (key, _)) in (0..).zip(&state.keys) {
            for (place, home) in (0..).zip(&self.layout.items) {
                let length = 1 + self.definition.places[usize::from(place)].fields.len();
                let mut there = |item: &[Byte]| self.filled_by(place, item).for_each(|slot| each(part, slot));
                match *home {
                    Home::Key(offset) => there(&key.items[offset..offset + length]),
                    Home::Replica(pool, offset) => {
                        state.pools[pool].iter().for_each(|(own, _)| there(&own[offset..offset + length]));
                    }
                    Home::Messages | Home::Nowhere => {}
                }
            }
            for (number, kept) in (0..).zip(&self.layout.kept) {
                let mut there = |block: &[Byte]| {
                    let copy = &block[kept.at..=kept.at + kept.fields];
                    filled(self.kept_slot(number), copy).for_each(|slot| each(part, slot));
                };
                match kept.home {
                    Home::Replica(pool, _) => state.pools[pool].iter().for_each(|(own, _)| there(own)),
                    _ => there(&key.items),
                }
            }
            for message in &key.messages {
                let item = [&[presence::YES], &message[MESSAGE_FIELDS..]].concat();
                self.filled_by(u16::from(message[0]), &item).for_each(|slot| each(part, slot));
            }
        }
    }

    /// The slots in which there is something as long as an item (presence, then fields) is there.
    fn filled_by<'a>(&'a self, place: PlaceId, item: &'a [Byte]) -> impl Iterator<Item = u32> + 'a {
        filled(self.slot(Slot::Place(place)), item)
    }

    /// The number of a copy that is kept, behind those of places and calls; those of its fields follow.
    fn kept_slot(&self, number: u16) -> u32 {
        let before = self.definition.places.len() + 2 * self.definition.apis.len();
        (before as u32 + u32::from(number)) << 7
    }

    /// A place's item is now a copy of it that is kept, or the other way round.
    fn watch_copy(&self, place: PlaceId, (from, to): (u32, u32), each: &mut dyn FnMut(Contact)) {
        let fields = self.definition.places[usize::from(place)].fields.len() as u32;
        (0..=fields).for_each(|at| each(Contact::Spreads { from: from + at, to: to + at, alone: true }));
    }

    /// What the operator moves from one place to another.
    pub(super) fn watch_moves(&self, state: &State, step: Step, each: &mut dyn FnMut(Contact)) {
        let begins = step.kind == Kind::Advance && step.what == sub::BEGIN;
        let Some(entry) = self.current(state).filter(|_| begins) else { return };
        match &entry.line.action {
            Action::Move(from, to, fields) => {
                let (from, to) = (Slot::Place(*from), Slot::Place(*to));
                each(Contact::Spreads { from: self.slot(from), to: self.slot(to), alone: false });
                for (field, target) in fields.iter().enumerate() {
                    if let Some(target) = target {
                        let (from, to) = (self.field_slot(from, field as u8), self.field_slot(to, *target));
                        each(Contact::Spreads { from, to, alone: false });
                    }
                }
            }
            Action::Backup(place, step) => {
                for kept in self.copies_taken(*place, *step) {
                    self.watch_copy(*place, (self.slot(Slot::Place(*place)), self.kept_slot(kept)), each);
                }
            }
            Action::Restore(place, step) => {
                let of = step.map_or(KeptOf::Last, KeptOf::Step);
                let kept = (0..).zip(&self.layout.kept).find(|(_, kept)| (kept.place, kept.of) == (*place, of));
                if let Some((kept, _)) = kept {
                    self.watch_copy(*place, (self.kept_slot(kept), self.slot(Slot::Place(*place))), each);
                }
            }
            Action::Migrate { table, change: SchemaChange::Rename(from, to) } => {
                let column = |field: u8| self.field_slot(Slot::Place(*table), field);
                each(Contact::Spreads { from: column(*from), to: column(*to), alone: true });
            }
            _ => {}
        }
    }

    /// What the backfill has written is of nobody.
    pub(super) fn watch_backfill(&self, backfill: &Backfill, watch: &mut Watch) {
        let Some(watch) = watch else { return };
        watch(Contact::Clears { slot: self.field_slot(Slot::Place(backfill.place), backfill.field) });
    }

    /// The caches that show a row are filled anew.
    pub(super) fn watch_refresh(&self, table: PlaceId, watch: &mut Watch) {
        let Some(watch) = watch else { return };
        for cache in self.definition.caches_filled_by(table) {
            let (from, to) = (self.slot(Slot::Place(table)), self.slot(Slot::Place(cache)));
            watch(Contact::Spreads { from, to, alone: true });
            self.watch_copies(table, cache, watch);
        }
    }

    /// The fields of a row are now in the entry of a cache.
    fn watch_copies(&self, table: PlaceId, cache: PlaceId, watch: &mut dyn FnMut(Contact)) {
        for (field, column) in self.definition.cached_columns(table, cache) {
            let from = self.field_slot(Slot::Place(table), column);
            watch(Contact::Spreads { from, to: self.field_slot(Slot::Place(cache), field), alone: true });
        }
    }

    /// While a step is watched, a byte behind the items of a key tells its place before the step: twice its number, and
    /// one more for those that are like the one which the step acts on.
    pub(super) fn name_keys(&self, state: &mut State, acting: usize) {
        for (at, (mut key, count)) in std::mem::take(&mut state.keys).into_iter().enumerate() {
            key.items.push(2 * at as u8);
            let others = if at == acting { count - 1 } else { 0 };
            let mut like = key.clone();
            state.keys.push((key, count - others));
            if others > 0 {
                like.items[self.layout.shape.items] += 1;
                state.keys.push((like, others));
            }
        }
    }

    /// Takes the names away again, and says where every key is now.
    pub(super) fn unname_keys(&self, state: &mut State, step: Step, each: &mut dyn FnMut(Contact)) {
        let mut went = Vec::new();
        for (mut key, count) in std::mem::take(&mut state.keys) {
            let name = key.items.pop().expect("it was named");
            went.push((name, key.clone()));
            (0..count).for_each(|_| state::put(&mut state.keys, key.clone()));
        }
        for (name, key) in went {
            let to = state.keys.iter().position(|(other, _)| *other == key).expect("it is there") as u8;
            let acts = step.by_operator() || name == 2 * step.key;
            each(Contact::Goes { from: name / 2, to, acts });
        }
    }

    /// A version acts; where what it does depends on flags and configs, it acts on the values that it observes.
    pub(super) fn acts(&self, version: VersionId, view: &dyn Fn(u16) -> u8, watch: &mut Watch) {
        let Some(watch) = watch else { return };
        for value in &self.minded[usize::from(version)] {
            watch(Contact::Uses { element: self.element(Element::Acted(*value, view(*value))) });
        }
    }
}

impl Definition {
    /// The caches that a write to `table` fills anew.
    pub(super) fn caches_filled_by(&self, table: PlaceId) -> impl Iterator<Item = PlaceId> + '_ {
        let filled = move |kind: &PlaceKind| matches!(kind, PlaceKind::Cache(cache) if cache.of == Some(table) && cache.on_write == OnWrite::Refresh);
        self.places.iter().enumerate().filter(move |(_, place)| filled(&place.kind)).map(|(id, _)| id as PlaceId)
    }

    /// The fields of a cache, and the columns of the table that stand for the same.
    pub(super) fn cached_columns(&self, table: PlaceId, cache: PlaceId) -> impl Iterator<Item = (u8, u8)> + '_ {
        let columns = &self.places[usize::from(table)].fields;
        (0..).zip(&self.places[usize::from(cache)].fields).filter_map(move |(at, field)| {
            let column = columns.iter().position(|column| column.datum == field.datum)?;
            Some((at, column as u8))
        })
    }
}

/// The slots of an item, the first of which is `slot`, in which there is something: presence, then fields.
fn filled(slot: u32, item: &[Byte]) -> impl Iterator<Item = u32> {
    let there = (0..).zip(item).filter(move |(_, byte)| item[0] != presence::NO && **byte != ABSENT);
    there.map(move |(at, _)| slot + at)
}

impl Run<'_> {
    fn actor(&self) -> VersionId {
        self.declared().version
    }

    /// The handler comes across what is in a place, and looks at some of its fields.
    pub(super) fn takes(&mut self, place: PlaceId, fields: u64) {
        let (slot, by) = (Slot::Place(place), self.actor());
        let Some(watch) = &mut self.watch else { return };
        watch(Contact::Takes { slot: self.fleet.slot(slot), by });
        bits(fields).for_each(|field| watch(Contact::Takes { slot: self.fleet.field_slot(slot, field), by }));
    }

    /// The handler has written some fields of an item, and what is filled anew with it.
    pub(super) fn leaves(&mut self, place: PlaceId, fields: u64) {
        let (fleet, by) = (self.fleet, self.actor());
        let common = matches!(fleet.layout.items[usize::from(place)], Home::Replica(..));
        let alone = !self.other_replicas_hold(place);
        let Some(watch) = &mut self.watch else { return };
        let of = Slot::Place(place);
        watch(Contact::Leaves { slot: fleet.slot(of), by, alone, common });
        bits(fields).for_each(|field| {
            watch(Contact::Leaves { slot: fleet.field_slot(of, field), by, alone, common });
        });
        for cache in fleet.definition.caches_filled_by(place) {
            watch(Contact::Leaves { slot: fleet.slot(Slot::Place(cache)), by, alone: true, common: false });
            fleet.watch_copies(place, cache, watch);
        }
    }

    /// The handler has sent a message with some fields; others may be in flight.
    pub(super) fn sends(&mut self, queue: PlaceId, fields: u64) {
        let (slot, by) = (Slot::Place(queue), self.actor());
        let Some(watch) = &mut self.watch else { return };
        let mut leaves = |slot| watch(Contact::Leaves { slot, by, alone: false, common: false });
        leaves(self.fleet.slot(slot));
        bits(fields).for_each(|field| leaves(self.fleet.field_slot(slot, field)));
    }

    /// `from` says something to `to`, who looks at some of its fields.
    pub(super) fn says(&mut self, slot: Slot, from: VersionId, to: VersionId, fields: u64) {
        let Some(watch) = &mut self.watch else { return };
        let mut meets = |slot| watch(Contact::Meets { slot, from, to });
        meets(self.fleet.slot(slot));
        bits(fields).for_each(|field| meets(self.fleet.field_slot(slot, field)));
    }

    /// Declared rules are followed.
    pub(super) fn follows(&mut self, rules: &[u16]) {
        let Some(watch) = &mut self.watch else { return };
        for rule in rules {
            watch(Contact::Uses { element: self.fleet.element(Element::Rule(*rule)) });
        }
    }

    fn other_replicas_hold(&self, place: PlaceId) -> bool {
        match self.fleet.layout.items[usize::from(place)] {
            Home::Replica(pool, offset) => self.state.pools[pool].iter().any(|(own, _)| own[offset] != presence::NO),
            Home::Key(_) | Home::Messages | Home::Nowhere => false,
        }
    }
}
