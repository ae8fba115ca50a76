//! Copies of items that an operator can put back: backups, and the disks of the start (R10, R11).
//!
//! A copy stands beside its item, in the key or in the replica: presence and fields as they were; then a bit per field
//! that says whether a newer value of its datum was written since, and one that says whether nobody but backups holds
//! the datum. What is put back is the truth again, unless a newer value is held elsewhere; what it replaces is accepted
//! loss. What is lost while a backup of it can be restored hurts, but is not gone for good: it is missing until then.

use super::definition::{Action, Definition, Line, PlaceId, PlaceKind};
use super::handler::add;
use super::layout::{Home, Kept, KeptOf, Layout, column, fill_by_store, presence};
use super::state::{ABSENT, Byte, Control, Key, Pool, Replica, State, is_fresh, made_stale};
use super::{Fleet, ledger};
use crate::planted::{Planted, planted};
use crate::relation::{Effects, Label};

impl Kept {
    /// The copies that some line puts back, by what they are of.
    pub(super) fn wanted(fleet: &Definition) -> Vec<(PlaceId, KeptOf)> {
        let mut wanted: Vec<(PlaceId, KeptOf)> = Vec::new();
        for line in fleet.lines() {
            match line.action {
                Action::Restore(place, step) => wanted.push((place, step.map_or(KeptOf::Last, KeptOf::Step))),
                Action::Replace(actor) => {
                    let disks =
                        fleet.places.iter().enumerate().filter(|(_, place)| place.kind == PlaceKind::Disk(actor));
                    wanted.extend(disks.map(|(id, _)| (id as PlaceId, KeptOf::Start)));
                }
                _ => {}
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// How many bytes the copy of an item with that many fields takes.
    pub(super) fn length(fields: usize) -> usize {
        1 + fields + 2 * fields.div_ceil(8)
    }

    /// Where the copy of a field stands.
    fn field(&self, field: u8) -> usize {
        self.at + 1 + usize::from(field)
    }

    /// Where it stands whether a newer value was written, and the bit.
    fn newer(&self, field: u8) -> (usize, u8) {
        (self.at + 1 + self.fields + usize::from(field / 8), 1 << (field % 8))
    }

    /// Where it stands whether the datum is missing, and the bit.
    fn missing(&self, field: u8) -> (usize, u8) {
        let (at, bit) = self.newer(field);
        (at + self.fields.div_ceil(8), bit)
    }

    /// Presence and fields of the copy in a key's items or a replica; what a newer value was written of since, is stale.
    pub fn shown(&self, block: &[Byte]) -> Vec<Byte> {
        let mut item = block[self.at..=self.at + self.fields].to_vec();
        for field in 0..self.fields as u8 {
            let (at, bit) = self.newer(field);
            if block[at] & bit != 0 {
                item[1 + usize::from(field)] = made_stale(item[1 + usize::from(field)]);
            }
        }
        item
    }

    /// Copies the item as it is.
    pub(super) fn take(&self, block: &mut [Byte]) {
        block.copy_within(self.item..=self.item + self.fields, self.at);
        block[self.at] = block[self.at].min(presence::YES);
        block[self.at + 1 + self.fields..self.at + Self::length(self.fields)].fill(0);
    }

    /// A newer value of the field was written.
    fn outdate(&self, block: &mut [Byte], field: u8) {
        let (at, bit) = self.newer(field);
        if is_fresh(block[self.field(field)]) && !planted(Planted::BackupNeverOld) {
            block[at] |= bit;
        }
    }
}

impl Layout {
    /// The copy that a line puts back.
    pub(super) fn kept(&self, place: PlaceId, of: KeptOf) -> Option<&Kept> {
        self.kept.iter().find(|kept| (kept.place, kept.of) == (place, of))
    }
}

impl Fleet {
    /// The copy that a `restore` puts back, and whether it was ever taken.
    fn restored(&self, state: &State, place: PlaceId, step: Option<u16>) -> Option<&Kept> {
        let kept = self.layout.kept(place, step.map_or(KeptOf::Last, KeptOf::Step))?;
        let taken = kept.taken.is_some_and(|offset| state.control[offset] == 1);
        taken.then_some(kept)
    }

    /// Whether a backup can be put back: there is one, and no row of it lacks a column that must be there.
    pub(super) fn may_restore(&self, state: &State, place: PlaceId, step: Option<u16>) -> bool {
        let Some(kept) = self.restored(state, place, step) else { return false };
        let fields = &self.definition.places[usize::from(place)].fields;
        let lacks = |key: &Key| {
            key.items[kept.at] != presence::NO
                && fields.iter().enumerate().any(|(field, declared)| {
                    self.layout.column(&state.control, place, field as u8) == column::NOT_NULL
                        && !declared.store_filled
                        && key.items[kept.field(field as u8)] == ABSENT
                })
        };
        !matches!(kept.home, Home::Key(_)) || !state.keys.iter().any(|(key, _)| lacks(key))
    }

    /// Whoever has left something in the place has left it in these copies too.
    pub(super) fn copies_taken(&self, place: PlaceId, step: u16) -> impl Iterator<Item = u16> {
        let taken = move |of: KeptOf| of == KeptOf::Last || of == KeptOf::Step(step);
        let of = move |(_, kept): &(u16, &Kept)| kept.place == place && taken(kept.of);
        (0..).zip(&self.layout.kept).filter(of).map(|(number, _)| number)
    }

    /// Takes a backup of every item; `step` is the step of the plan that does. What only the backup held that it replaces
    /// is gone.
    pub(super) fn back_up(&self, state: &mut State, (place, step): (PlaceId, u16), by: &Line, effects: &mut Effects) {
        let taken: Vec<u16> = self.copies_taken(place, step).collect();
        let replaced = |number: u16| taken.contains(&number);
        let gone = state.keys.iter().fold(0, |gone, (key, _)| {
            let kept = self.missing_in(key, &state.pools, &|number| !replaced(number));
            gone | self.missing_in(key, &state.pools, &replaced) & !kept
        });
        for number in taken {
            let kept = &self.layout.kept[usize::from(number)];
            state.control[kept.taken.expect("a backup is taken by a step")] = 1;
            match kept.home {
                Home::Replica(pool, _) => {
                    for (mut own, count) in std::mem::take(&mut state.pools[pool]) {
                        kept.take(&mut own);
                        add(&mut state.pools[pool], own, count);
                    }
                }
                _ => self.each_key(state, |key| kept.take(&mut key.items)),
            }
        }
        ledger::charge(self, gone, Label::NONE, by.origin, effects);
        self.note_loss(state, effects, 0);
    }

    /// The data that nobody but some of the backups, by number, can bring back.
    pub(super) fn missing_in(&self, key: &Key, pools: &[Pool], of: &dyn Fn(u16) -> bool) -> u128 {
        let mut data = 0;
        for (_, kept) in (0..).zip(&self.layout.kept).filter(|(number, _)| of(*number)) {
            for (field, declared) in self.definition.places[usize::from(kept.place)].fields.iter().enumerate() {
                let (at, bit) = kept.missing(field as u8);
                let is = |block: &[Byte]| block[at] & bit != 0;
                let missing = match kept.home {
                    Home::Replica(pool, _) => pools[pool].iter().any(|(own, _)| is(own)),
                    _ => is(&key.items),
                };
                data |= if missing { 1 << declared.datum } else { 0 };
            }
        }
        data
    }

    /// Charges the loss of `data`, and says which of them are in a place of which there is a backup: they are missing
    /// until it is restored, with all that it does not bring back.
    pub(super) fn lose(
        &self,
        (control, key, pools): (&Control, &mut Key, &mut [Pool]),
        data: u128,
        (actor, origin): (u16, u16),
        effects: &mut Effects,
    ) -> u128 {
        let first = effects.len();
        ledger::charge(self, data, actor, origin, effects);
        let mut saved = 0;
        for label in effects[first..].iter().filter(|label| !self.is_known_loss(label)) {
            let datum = 1 << self.datum(label.place, label.field as u8);
            let marks = |kept: &Kept, block: &mut [Byte], field: u8| {
                let taken = kept.taken.is_some_and(|offset| control[offset] == 1);
                let (at, bit) = kept.missing(field);
                block[at] |= if taken { bit } else { 0 };
                taken
            };
            if !planted(Planted::BackupHoldsNothing) && self.change_copies((&mut *key, &mut *pools), datum, &marks) {
                saved |= datum;
            }
        }
        saved
    }

    /// These data are no longer missing.
    fn found(&self, (key, pools): (&mut Key, &mut [Pool]), data: u128) {
        self.change_copies((key, pools), data, &|kept, block, field| {
            let (at, bit) = kept.missing(field);
            block[at] &= !bit;
            false
        });
    }

    /// Changes every copy of `data`; whether some change says yes.
    fn change_copies(
        &self,
        (key, pools): (&mut Key, &mut [Pool]),
        data: u128,
        change: &dyn Fn(&Kept, &mut [Byte], u8) -> bool,
    ) -> bool {
        let mut any = false;
        for kept in &self.layout.kept {
            for field in self.fields_of(kept, data) {
                match kept.home {
                    Home::Replica(pool, _) => {
                        for (mut own, count) in std::mem::take(&mut pools[pool]) {
                            any |= change(kept, &mut own, field);
                            add(&mut pools[pool], own, count);
                        }
                    }
                    _ => any |= change(kept, &mut key.items, field),
                }
            }
        }
        any
    }

    /// Puts a backup back in the place of every item.
    pub(super) fn restore(&self, state: &mut State, place: PlaceId, step: Option<u16>) {
        let Some(kept) = self.restored(state, place, step) else { return };
        let control = state.control.clone();
        let fields = &self.definition.places[usize::from(place)].fields;
        let all = fields.iter().fold(0, |all, field| all | 1 << field.datum);
        if let Home::Replica(pool, _) = kept.home {
            let elsewhere = self.held_elsewhere(state, place);
            let mut over = 0;
            for (mut own, count) in std::mem::take(&mut state.pools[pool]) {
                over |= self.put_back(&control, kept, &mut own, elsewhere);
                add(&mut state.pools[pool], own, count);
            }
            self.discard(state, over, kept);
            for (mut key, count) in std::mem::take(&mut state.keys) {
                self.found((&mut key, &mut state.pools), all);
                put_many(state, key, count);
            }
            return;
        }
        for (mut key, count) in std::mem::take(&mut state.keys) {
            let elsewhere = ledger::fresh_outside(self, &key, &state.pools, Some(place));
            let over = self.put_back(&control, kept, &mut key.items, elsewhere);
            self.discard_in(&mut key, &mut state.pools, over, kept);
            self.found((&mut key, &mut state.pools), all);
            put_many(state, key, count);
        }
    }

    /// A new replica in the place of `own`, which was taken out of the state: its disks are those of the start.
    pub(super) fn renew_disks(&self, state: &mut State, pool: usize, own: &mut Replica) {
        let control = state.control.clone();
        for kept in &self.layout.kept {
            let here = matches!(kept.home, Home::Replica(owner, _) if owner == pool);
            if !here || kept.of != KeptOf::Start || planted(Planted::ReplacedKeepsDisk) {
                continue;
            }
            let elsewhere = self.held_elsewhere(state, kept.place);
            let over = self.put_back(&control, kept, own, elsewhere);
            for other in self.layout.kept.iter().filter(|other| *other != kept && other.place == kept.place) {
                self.fields_of(other, over).for_each(|field| other.outdate(own, field));
            }
            // What the other replicas hold is still so.
            let held = state.keys.iter().fold(0, |held, (key, _)| held | ledger::fresh(self, key, &state.pools));
            self.discard(state, over & !held, kept);
        }
    }

    fn held_elsewhere(&self, state: &State, place: PlaceId) -> u128 {
        let held = |(key, _): &(Key, u32)| ledger::fresh_outside(self, key, &state.pools, Some(place));
        state.keys.iter().fold(0, |data, key| data | held(key))
    }

    /// Puts a copy in the place of its item; the data of which a later value is thereby discarded.
    fn put_back(&self, control: &Control, kept: &Kept, block: &mut [Byte], elsewhere: u128) -> u128 {
        let fields = &self.definition.places[usize::from(kept.place)].fields;
        let (mut discarded, mut truth) = (0u128, 0u128);
        for (field, declared) in fields.iter().enumerate() {
            let (at, datum) = (kept.item + 1 + field, 1 << declared.datum);
            discarded |= if is_fresh(block[at]) { datum } else { 0 };
            let (newer, bit) = kept.newer(field as u8);
            let outdated = block[newer] & bit != 0;
            discarded |= if outdated { datum } else { 0 };
            let exists = self.layout.column(control, kept.place, field as u8) != column::NONE;
            let copied = self.unless_destroyed(control, kept.place, field as u8, block[kept.field(field as u8)]);
            block[at] = match copied {
                byte if !exists || byte == ABSENT => ABSENT,
                byte if outdated && elsewhere & datum != 0 && !planted(Planted::RestoredIsFresh) => made_stale(byte),
                byte => byte,
            };
            if is_fresh(block[at]) {
                truth |= if outdated { 0 } else { datum };
                block[newer] &= !bit;
            }
        }
        let there = block[kept.at];
        let item = &mut block[kept.item..=kept.item + kept.fields];
        item[0] = there;
        if there != presence::NO {
            let lacks = |field: usize, item: &[Byte]| {
                item[1 + field] == ABSENT && self.layout.column(control, kept.place, field as u8) == column::NOT_NULL
            };
            let lacking: Vec<usize> = (0..kept.fields).filter(|field| lacks(*field, item)).collect();
            fill_by_store(fields, |field| lacking.contains(&field), item);
        }
        discarded & !truth & !elsewhere
    }

    /// Whatever else is there of discarded values no longer stands for the fact, in any key.
    fn discard(&self, state: &mut State, over: u128, by: &Kept) {
        for (mut key, count) in std::mem::take(&mut state.keys) {
            self.discard_in(&mut key, &mut state.pools, over, by);
            put_many(state, key, count);
        }
    }

    fn discard_in(&self, key: &mut Key, pools: &mut [Pool], over: u128, by: &Kept) {
        if over == 0 || planted(Planted::DiscardedStaysFresh) {
            return;
        }
        for (place, field) in self.twins(over).filter(|(place, _)| *place != by.place) {
            self.outdate_field(key, pools, place, field);
        }
        self.outdate_tasks(key, over);
        // The disks of other replicas are no business of a new one.
        let others = |kept: &&Kept| *kept != by && (by.of != KeptOf::Start || kept.place != by.place);
        for kept in self.layout.kept.iter().filter(others) {
            self.outdate_kept(key, pools, kept, over);
        }
    }

    /// Fields of a copy whose datum is one of `newer`.
    fn fields_of(&self, kept: &Kept, newer: u128) -> impl Iterator<Item = u8> {
        let fields = self.definition.places[usize::from(kept.place)].fields.iter().enumerate();
        fields.filter(move |(_, field)| newer & (1 << field.datum) != 0).map(|(field, _)| field as u8)
    }

    /// Newer values were written than those of a copy, in the key or in every replica.
    fn outdate_kept(&self, key: &mut Key, pools: &mut [Pool], kept: &Kept, newer: u128) {
        for field in self.fields_of(kept, newer) {
            match kept.home {
                Home::Replica(pool, _) => {
                    for (mut own, count) in std::mem::take(&mut pools[pool]) {
                        kept.outdate(&mut own, field);
                        add(&mut pools[pool], own, count);
                    }
                }
                _ => kept.outdate(&mut key.items, field),
            }
        }
    }

    /// A write to `written` has made copies old: of a place private to replicas those of the one that writes, else all.
    pub(super) fn outdate_backups(
        &self,
        key: &mut Key,
        pools: &mut [Pool],
        mut own: Option<(usize, &mut Replica)>,
        (written, newer): (PlaceId, u128),
    ) {
        self.found((key, pools), newer);
        for kept in &self.layout.kept {
            if let Some((pool, own)) = &mut own
                && matches!(kept.home, Home::Replica(owner, _) if owner == *pool)
            {
                for field in self.fields_of(kept, newer) {
                    let (at, bit) = kept.missing(field);
                    own[at] &= !bit;
                    kept.outdate(own, field);
                }
            }
            if kept.place != written || matches!(kept.home, Home::Key(_)) {
                self.outdate_kept(key, pools, kept, newer);
            }
        }
    }
}

/// Puts several keys that are alike into a state.
pub(super) fn put_many(state: &mut State, key: Key, count: u32) {
    match state.keys.binary_search_by(|(other, _)| other.cmp(&key)) {
        Ok(at) => state.keys[at].1 += count,
        Err(at) => state.keys.insert(at, (key, count)),
    }
}
