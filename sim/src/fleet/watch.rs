//! Who is declared to leave something for whom, and where it is seen that they meet (V7): the coverage table.

use super::definition::{Action, Definition, Handler, OnWrite, Op, PlaceId, PlaceKind, Source, Trigger, VersionId};
use super::handler::Run;
use super::layout::{Home, KeptOf, presence};
use super::rollout::sub;
use super::state::State;
use super::{Element, Fleet, Kind, Step};
use crate::relation::Contact;

/// Told of every contact.
pub(super) type Watch<'a> = &'a mut (dyn FnMut(Contact) + 'a);

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
}

impl Fleet {
    /// The number of a slot in a contact: places have those of their elements.
    pub fn slot(&self, slot: Slot) -> u32 {
        let places = self.definition.places.len() as u32;
        match slot {
            Slot::Place(place) => u32::from(place),
            Slot::Request(api) => places + 2 * u32::from(api),
            Slot::Reply(api) => places + 2 * u32::from(api) + 1,
        }
    }

    /// Every pair of versions that is declared to come across each other, in order.
    pub fn pairs(&self) -> Vec<Pair> {
        let ends = Ends::of(&self.definition);
        let mut pairs = Vec::new();
        for (slot, writer) in &ends.writers {
            let readers = ends.readers.iter().filter(|(read, _)| read == slot);
            pairs.extend(readers.map(|(_, reader)| Pair { slot: *slot, writer: *writer, reader: *reader }));
        }
        pairs.sort_unstable();
        pairs.dedup();
        pairs
    }

    /// What the operator and the backfill carry from one place to another.
    pub(super) fn watch_transport(&self, state: &State, step: Step, watch: Watch) {
        let line = match step.kind {
            Kind::Advance if step.what == sub::BEGIN => self.current(state),
            Kind::Pass => self.current(state),
            _ => None,
        };
        match line.map(|entry| &entry.line.action) {
            Some(Action::Move(from, to, _)) => {
                let (from, to) = (self.slot(Slot::Place(*from)), self.slot(Slot::Place(*to)));
                watch(Contact::Spreads { from, to });
            }
            Some(Action::Backup(place, step)) => {
                for kept in self.copies_taken(*place, *step) {
                    let (from, to) = (self.slot(Slot::Place(*place)), self.element(Element::Kept(kept)));
                    watch(Contact::Spreads { from, to });
                }
            }
            Some(Action::Restore(place, step)) => {
                let of = step.map_or(KeptOf::Last, KeptOf::Step);
                let kept = self.layout.kept.iter().position(|kept| (kept.place, kept.of) == (*place, of));
                if let Some(kept) = kept {
                    let (from, to) = (self.element(Element::Kept(kept as u16)), self.slot(Slot::Place(*place)));
                    watch(Contact::Spreads { from, to });
                }
            }
            Some(Action::Backfill(backfill)) if step.kind == Kind::Pass => {
                let from = self.slot(Slot::Place(backfill.place));
                for cache in self.definition.caches_filled_by(backfill.place) {
                    watch(Contact::Spreads { from, to: self.slot(Slot::Place(cache)) });
                }
            }
            _ => {}
        }
    }
}

/// Who is declared to write and read where.
#[derive(Default)]
struct Ends {
    writers: Vec<(Slot, VersionId)>,
    readers: Vec<(Slot, VersionId)>,
}

impl Ends {
    fn of(definition: &Definition) -> Self {
        let mut ends = Self::default();
        for handler in &definition.handlers {
            ends.of_handler(definition, handler);
        }
        for (version, declared) in definition.versions.iter().enumerate() {
            let version = version as VersionId;
            for behaviour in &declared.variants {
                let accepts = behaviour.accepts.iter().filter(|accept| accept.needs.is_some());
                ends.readers.extend(accepts.map(|accept| (Slot::Request(accept.api), version)));
                ends.writers.extend(behaviour.replies.iter().map(|(api, ..)| (Slot::Reply(*api), version)));
            }
        }
        ends.move_on(definition);
        ends
    }

    /// Who sends to a queue that some step empties into another one, sends to that one too.
    fn move_on(&mut self, definition: &Definition) {
        let lines = definition.lines();
        let moves = lines.iter().filter_map(|line| match line.action {
            Action::Move(from, to, _) => Some((Slot::Place(from), Slot::Place(to))),
            _ => None,
        });
        let moves: Vec<(Slot, Slot)> = moves.collect();
        // A message can be moved as often as there are steps that move.
        for _ in &moves {
            for (from, to) in &moves {
                let senders: Vec<VersionId> =
                    self.writers.iter().filter(|(slot, _)| slot == from).map(|(_, sender)| *sender).collect();
                self.writers.extend(senders.into_iter().map(|sender| (*to, sender)));
                self.writers.sort_unstable();
                self.writers.dedup();
            }
        }
    }

    fn of_handler(&mut self, definition: &Definition, handler: &Handler) {
        let version = handler.version;
        for op in handler.moments.iter().flat_map(|moment| &moment.ops) {
            match op {
                Op::Receive(_) => {
                    if let Trigger::Message(queue) = handler.trigger {
                        self.readers.push((Slot::Place(queue), version));
                    }
                }
                Op::Read { place, .. } => self.readers.push((Slot::Place(*place), version)),
                Op::Write { place, .. } => {
                    let caches = definition.caches_filled_by(*place);
                    self.writers.extend(caches.chain([*place]).map(|place| (Slot::Place(place), version)));
                }
                Op::Send { queue, .. } => self.writers.push((Slot::Place(*queue), version)),
                Op::Call { api, reply, .. } => {
                    self.writers.push((Slot::Request(*api), version));
                    self.readers.extend(reply.iter().map(|_| (Slot::Reply(*api), version)));
                }
                Op::Reply { api, .. } => self.writers.push((Slot::Reply(*api), version)),
                Op::Delete { .. } => {}
            }
        }
        let copied = handler.carries.iter().filter_map(|(source, _)| match source {
            Source::Place(place) => Some((Slot::Place(*place), version)),
            Source::Payload => None,
        });
        self.readers.extend(copied);
    }
}

impl Definition {
    /// The caches that a write to `table` fills anew.
    fn caches_filled_by(&self, table: PlaceId) -> impl Iterator<Item = PlaceId> + '_ {
        let filled = move |kind: &PlaceKind| matches!(kind, PlaceKind::Cache(cache) if cache.of == Some(table) && cache.on_write == OnWrite::Refresh);
        self.places.iter().enumerate().filter(move |(_, place)| filled(&place.kind)).map(|(id, _)| id as PlaceId)
    }
}

impl Run<'_> {
    fn actor(&self) -> VersionId {
        self.declared().version
    }

    /// The handler comes across what is in a place.
    pub(super) fn takes(&mut self, place: PlaceId) {
        let (slot, by) = (self.fleet.slot(Slot::Place(place)), self.actor());
        (self.watch)(Contact::Takes { slot, by });
    }

    /// The handler has written an item, and what is filled anew with it; the items of other keys and replicas remain.
    pub(super) fn leaves(&mut self, place: PlaceId) {
        let by = self.actor();
        for place in self.fleet.definition.caches_filled_by(place).chain([place]) {
            let alone = !self.others_hold(place);
            (self.watch)(Contact::Leaves { slot: self.fleet.slot(Slot::Place(place)), by, alone });
        }
    }

    /// The handler has sent a message; others may be in flight.
    pub(super) fn sends(&mut self, queue: PlaceId) {
        let (slot, by) = (self.fleet.slot(Slot::Place(queue)), self.actor());
        (self.watch)(Contact::Leaves { slot, by, alone: false });
    }

    /// `from` says something to `to`.
    pub(super) fn says(&mut self, slot: Slot, from: VersionId, to: VersionId) {
        let slot = self.fleet.slot(slot);
        (self.watch)(Contact::Meets { slot, from, to });
    }

    /// Declared rules are followed.
    pub(super) fn follows(&mut self, rules: &[u16]) {
        for rule in rules {
            (self.watch)(Contact::Uses { element: self.fleet.element(Element::Rule(*rule)) });
        }
    }

    fn others_hold(&self, place: PlaceId) -> bool {
        match self.fleet.layout.items[usize::from(place)] {
            Home::Key(offset) => self.state.keys.iter().any(|(key, _)| key.items[offset] != presence::NO),
            Home::Replica(pool, offset) => self.state.pools[pool].iter().any(|(own, _)| own[offset] != presence::NO),
            Home::Messages | Home::Nowhere => true,
        }
    }
}
