//! Which versions met (V7): a table, not vacuity.

use turnback_reports::report::VersionPair;
use turnback_sim::findings::meetings::Meeting;
use turnback_sim::fleet::{Pair, Slot};

use super::File;

impl File<'_> {
    /// Every declared pair, and whether it met on some explored path.
    pub(super) fn coverage(&self) -> Vec<VersionPair> {
        self.case.fleet().pairs().into_iter().map(|pair| self.version_pair(pair)).collect()
    }

    fn version_pair(&self, Pair { slot, writer, reader }: Pair) -> VersionPair {
        let fleet = self.case.fleet();
        let place = match slot {
            Slot::Place(place) => self.narrator.place(place).to_owned(),
            Slot::Request(api) => self.narrator.place(fleet.api_place(api)).to_owned(),
            Slot::Reply(api) => format!("{}.reply", self.narrator.place(fleet.api_place(api))),
        };
        let meeting = Meeting { slot: fleet.slot(slot), from: writer, to: reader };
        VersionPair {
            place,
            writer: self.narrator.version(writer),
            reader: self.narrator.version(reader),
            met: self.case.judgement.meetings.contains(&meeting),
        }
    }
}
