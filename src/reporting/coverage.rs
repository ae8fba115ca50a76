//! Which versions met, and which values of flags and configs were acted on (V7): tables, not vacuity.

use turnback_reports::report::{ValueSeen, VersionPair};
use turnback_sim::findings::meetings::Meeting;
use turnback_sim::fleet::definition::Action;
use turnback_sim::fleet::{Element, Pair, Slot};

use super::File;

impl File<'_> {
    /// Every declared pair, and whether it met on some explored path.
    pub(super) fn coverage(&self) -> Vec<VersionPair> {
        self.case.fleet().pairs().into_iter().map(|pair| self.version_pair(pair)).collect()
    }

    fn version_pair(&self, pair: Pair) -> VersionPair {
        let fleet = self.case.fleet();
        let (number, reply) = match pair.slot {
            Slot::Place(place) => (place, ""),
            Slot::Request(api) => (fleet.api_place(api), ""),
            Slot::Reply(api) => (fleet.api_place(api), ".reply"),
        };
        let met =
            |slot: u32| self.case.judgement.meetings.contains(&Meeting { slot, from: pair.writer, to: pair.reader });
        let name = |field: u8| self.narrator.field(number, u16::from(field)).to_owned();
        let (read, unread): (Vec<u8>, Vec<u8>) =
            pair.fields().partition(|field| met(fleet.field_slot(pair.slot, *field)));
        VersionPair {
            place: format!("{}{reply}", self.narrator.place(number)),
            writer: self.narrator.version(pair.writer),
            reader: self.narrator.version(pair.reader),
            met: met(fleet.slot(pair.slot)) || !read.is_empty(),
            fields: read.into_iter().map(name).collect(),
            never: unread.into_iter().map(name).collect(),
        }
    }

    /// The flags and configs that the plan or its rollback sets: every value that they can have in them.
    pub(super) fn values_seen(&self) -> Vec<ValueSeen> {
        let fleet = self.case.fleet();
        let rollbacks = fleet.programmes.rollbacks.iter().flat_map(|(_, entries)| entries);
        let lines = || fleet.programmes.forward.iter().chain(rollbacks.clone()).map(|entry| &entry.line.action);
        let mut seen = Vec::new();
        for (number, (value, (_, names))) in
            (0..).zip(self.scenario.values.iter().zip(&self.case.compiled.names.values))
        {
            let sets = |action: &&Action, index: usize| matches!(action, Action::Set { value, to } if (*value, usize::from(*to)) == (number, index));
            let is_set = |index: usize| lines().any(|action| sets(&action, index));
            if !(0..names.len()).any(is_set) {
                continue;
            }
            for (index, is) in names.iter().enumerate().filter(|(index, _)| *index == value.starts || is_set(*index)) {
                seen.push(ValueSeen {
                    value: value.name.value.clone(),
                    is: is.clone(),
                    observed: self.used(Element::Value(number, index as u8)),
                    acted_on: self.used(Element::Acted(number, index as u8)),
                });
            }
        }
        seen
    }
}
