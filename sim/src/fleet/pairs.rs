//! Who is declared to leave something for whom (V7): the rows of the coverage table.

use std::collections::BTreeMap;

use super::Fleet;
use super::definition::{
    Action, Definition, Handler, Needs, Op, PlaceId, Put, SchemaChange, Source, Trigger, VersionId,
};

/// Where two versions can come across each other, in the order of declaration.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Slot {
    /// What a place holds.
    Place(PlaceId),
    /// The request of a call.
    Request(u16),
    /// Its reply.
    Reply(u16),
}

/// A version that writes, sends or calls, and one that is declared to read, receive or be called there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pair {
    /// Where.
    pub slot: Slot,
    /// Who writes.
    pub writer: VersionId,
    /// Who reads.
    pub reader: VersionId,
    /// The fields that the one writes and the other reads (bit by field).
    pub fields: u64,
}

/// The numbers of the bits that are set.
pub(super) fn bits(set: u64) -> impl Iterator<Item = u8> {
    (0..64).filter(move |bit| set & (1 << bit) != 0)
}

impl Fleet {
    /// Every pair of versions that is declared to come across each other, in order.
    pub fn pairs(&self) -> Vec<Pair> {
        let ends = Ends::of(&self.definition);
        let mut pairs = Vec::new();
        for ((slot, writer), written) in &ends.writers {
            let readers = ends.readers.range((*slot, 0)..=(*slot, VersionId::MAX));
            pairs.extend(readers.map(|((_, reader), read)| Pair {
                slot: *slot,
                writer: *writer,
                reader: *reader,
                fields: written & read,
            }));
        }
        pairs
    }
}

impl Pair {
    /// The fields that the one writes and the other reads, in order.
    pub fn fields(&self) -> impl Iterator<Item = u8> {
        bits(self.fields)
    }
}

/// Versions and fields, place by place.
type Side = BTreeMap<(Slot, VersionId), u64>;

/// Who is declared to write and read where.
#[derive(Default)]
struct Ends {
    writers: Side,
    readers: Side,
}

impl Ends {
    fn of(definition: &Definition) -> Self {
        let mut ends = Self::default();
        for handler in &definition.handlers {
            ends.of_handler(handler);
        }
        for (version, declared) in definition.versions.iter().enumerate() {
            let version = version as VersionId;
            for behaviour in &declared.variants {
                for accept in &behaviour.accepts {
                    let needs = accept.needs.iter();
                    needs.for_each(|needs| ends.read(Slot::Request(accept.api), version, needed(needs)));
                }
                for (api, puts, _) in &behaviour.replies {
                    ends.write(Slot::Reply(*api), version, written(puts));
                }
            }
        }
        ends.carry_on(definition);
        ends
    }

    fn write(&mut self, slot: Slot, version: VersionId, fields: u64) {
        *self.writers.entry((slot, version)).or_default() |= fields;
    }

    fn read(&mut self, slot: Slot, version: VersionId, fields: u64) {
        *self.readers.entry((slot, version)).or_default() |= fields;
    }

    /// Who writes something that comes to another place, or to another field, writes that too.
    fn carry_on(&mut self, definition: &Definition) {
        loop {
            let before = self.writers.clone();
            for ((slot, version), fields) in &before {
                let Slot::Place(place) = *slot else { continue };
                for cache in definition.caches_filled_by(place) {
                    let cached = definition.cached_columns(place, cache);
                    let carried = cached.filter(|(_, column)| fields & (1 << column) != 0);
                    let carried = carried.fold(0, |set, (field, _)| set | 1 << field);
                    self.write(Slot::Place(cache), *version, carried);
                }
                for line in definition.lines() {
                    match &line.action {
                        Action::Move(from, to, map) if *from == place => {
                            let carried = bits(*fields).filter_map(|field| *map.get(usize::from(field))?);
                            let carried = carried.fold(0, |set, field| set | 1 << field);
                            self.write(Slot::Place(*to), *version, carried);
                        }
                        Action::Migrate { table, change: SchemaChange::Rename(from, to) }
                            if *table == place && fields & (1 << from) != 0 =>
                        {
                            self.write(*slot, *version, 1 << to);
                        }
                        _ => {}
                    }
                }
            }
            if self.writers == before {
                return;
            }
        }
    }

    fn of_handler(&mut self, handler: &Handler) {
        let version = handler.version;
        for op in handler.moments.iter().flat_map(|moment| &moment.ops) {
            match op {
                Op::Receive(needs) => {
                    if let Trigger::Message(queue) = handler.trigger {
                        self.read(Slot::Place(queue), version, needed(needs));
                    }
                }
                Op::Read { place, needs, .. } => self.read(Slot::Place(*place), version, needed(needs)),
                Op::Write { place, puts, .. } => self.write(Slot::Place(*place), version, written(puts)),
                Op::Send { queue, puts, .. } => self.write(Slot::Place(*queue), version, written(puts)),
                Op::Call { api, puts, reply, .. } => {
                    self.write(Slot::Request(*api), version, written(puts));
                    reply.iter().for_each(|needs| self.read(Slot::Reply(*api), version, needed(needs)));
                }
                Op::Reply { api, puts, .. } => self.write(Slot::Reply(*api), version, written(puts)),
                Op::Delete { .. } => {}
            }
        }
        for (source, field) in &handler.carries {
            if let Source::Place(place) = source {
                self.read(Slot::Place(*place), version, 1 << field);
            }
        }
    }
}

/// The fields that a reader may look at.
fn needed(needs: &Needs) -> u64 {
    needs.list.iter().flat_map(|need| &need.alternatives).fold(0, |set, field| set | 1 << field)
}

/// The fields that are written.
pub(super) fn written(puts: &[Put]) -> u64 {
    puts.iter().fold(0, |set, put| set | 1 << put.field)
}
