//! Caches: entries are evicted at any time, run out, and go stale when their source changes (R7).

use super::definition::{Cache, OnWrite, PlaceId, PlaceKind};
use super::layout::{clear, presence};
use super::state::Key;
use super::{Fleet, broken};

impl Fleet {
    /// The caches of the fleet.
    pub(super) fn caches(&self) -> impl Iterator<Item = (PlaceId, &Cache)> {
        self.definition.places.iter().enumerate().filter_map(|(id, place)| match &place.kind {
            PlaceKind::Cache(cache) => Some((id as PlaceId, cache)),
            _ => None,
        })
    }

    /// After a write to `table`: its cached entry, if there is one, is removed or renewed, as declared. An entry that is left has
    /// gone stale with the other copies.
    pub(super) fn refresh_caches(&self, table: PlaceId, key: &mut Key) {
        for (place, cache) in self.caches() {
            if cache.of != Some(table) || cache.on_write == OnWrite::Leave || broken::r7() {
                continue;
            }
            let row = self.layout.item(&self.definition, table, key, None).to_vec();
            let fields = &self.definition.places[usize::from(place)].fields;
            let columns = &self.definition.places[usize::from(table)].fields;
            let entry = self.layout.item_mut(&self.definition, place, key, None);
            match cache.on_write {
                OnWrite::Invalidate => clear(entry),
                OnWrite::Refresh | OnWrite::Leave if entry[0] == presence::NO => {}
                OnWrite::Refresh | OnWrite::Leave => {
                    entry[0] = presence::YES;
                    for (at, field) in fields.iter().enumerate() {
                        let column = columns.iter().position(|column| column.datum == field.datum);
                        entry[1 + at] = column.map_or(0, |column| row[1 + column]);
                    }
                }
            }
        }
    }

    /// After a row was removed: its cached entry goes too, unless it is left.
    pub(super) fn drop_cached(&self, table: PlaceId, key: &mut Key) {
        for (place, cache) in self.caches() {
            if cache.of == Some(table) && cache.on_write != OnWrite::Leave {
                clear(self.layout.item_mut(&self.definition, place, key, None));
            }
        }
    }
}
