//! What one worker met lately: most successors were successors a moment ago, and asking here spares the table.
//!
//! Only a shortcut: an entry counts if the states are equal byte for byte, so what it says is what the table would say.

use super::arena::Arena;
use super::visited::same;

/// A stored state, or a successor that the worker has not looked up yet, by the hash of its packed form.
#[derive(Debug)]
pub(super) struct Recent {
    entries: Vec<Entry>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Bits of the hash that do not choose the place.
    tag: u32,
    place: Place,
}

/// Where a state is: the number of a stored one, or [`Place::successor`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place(u32);

impl Place {
    /// Above all numbers of stored states.
    const SUCCESSORS: u32 = 3 << 30;

    /// Stored state `id`.
    pub(super) fn stored(id: u32) -> Self {
        debug_assert!(id < Self::SUCCESSORS);
        Self(id)
    }

    /// Successor `index` of the slice at work.
    pub(super) fn successor(index: usize) -> Self {
        Self(Self::SUCCESSORS + u32::try_from(index).expect("a slice has few successors"))
    }

    /// The number of the stored state, given those of the successors.
    #[inline]
    pub(super) fn id(self, successors: &[u32]) -> u32 {
        if self.0 < Self::SUCCESSORS { self.0 } else { successors[(self.0 - Self::SUCCESSORS) as usize] }
    }
}

impl Recent {
    const BITS: u32 = 14;

    pub(super) fn new() -> Self {
        Self { entries: vec![Entry { tag: 0, place: Place(u32::MAX) }; 1 << Self::BITS] }
    }

    #[inline]
    fn slot(hash: u64) -> usize {
        (hash >> (64 - Self::BITS)) as usize
    }

    /// Where a state with `hash` was last; `is` must say whether it is there still.
    #[inline]
    pub(super) fn find(&self, hash: u64, states: &Arena, successors: &Arena, key: &[u8]) -> Option<Place> {
        let entry = self.entries[Self::slot(hash)];
        (entry.tag == hash as u32 && is_at(entry.place, states, successors, key)).then_some(entry.place)
    }

    /// Remembers where the state with `hash` is.
    #[inline]
    pub(super) fn note(&mut self, hash: u64, place: Place) {
        self.entries[Self::slot(hash)] = Entry { tag: hash as u32, place };
    }
}

/// Whether `key` is at `place`; nothing is at a place that has been given up since.
#[inline]
fn is_at(place: Place, states: &Arena, successors: &Arena, key: &[u8]) -> bool {
    match place.0.checked_sub(Place::SUCCESSORS) {
        None => same(states, place.0 as usize, key),
        Some(index) => (index as usize) < successors.len() && same(successors, index as usize, key),
    }
}
