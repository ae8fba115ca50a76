//! What one worker met lately: most successors were successors a moment ago, and asking here spares the table.
//!
//! Only a shortcut: an entry counts if the states are equal byte for byte, so it says what the table would say.

use super::arena::Arena;
use super::visited::{hash, hash_word, same};

/// Where a state is: the number of a stored one, or a successor of the slice at work, which has no number yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place(u32);

impl Place {
    /// Above all numbers of stored states.
    const SUCCESSORS: u32 = 3 << 30;

    /// Stored state `id`.
    #[inline]
    pub(super) fn stored(id: u32) -> Self {
        debug_assert!(id < Self::SUCCESSORS);
        Self(id)
    }

    /// Successor `index` of the slice at work.
    #[inline]
    pub(super) fn successor(index: usize) -> Self {
        debug_assert!(index < 1 << 30);
        Self(Self::SUCCESSORS | index as u32)
    }

    #[inline]
    fn is_stored(self) -> bool {
        self.0 < Self::SUCCESSORS
    }

    /// The number of the stored state, given those of the successors.
    #[inline]
    pub(super) fn id(self, successors: &[u32]) -> u32 {
        if self.is_stored() { self.0 } else { successors[(self.0 - Self::SUCCESSORS) as usize] }
    }
}

/// Places by the hash of the state; a later state takes the entry of an earlier one.
#[derive(Debug)]
pub(super) struct Recent {
    entries: Vec<Entry>,
    /// Which slice is at work: an even number.
    slice: u32,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The packed state itself if it has eight bytes, else its hash.
    word: u64,
    place: Place,
    /// The slice of which `place` speaks if it is a successor, and in the lowest bit whether `word` is a hash.
    stamp: u32,
}

impl Recent {
    const BITS: u32 = 12;

    pub(super) fn new() -> Self {
        let nothing = Entry { word: 0, place: Place::successor(0), stamp: 0 };
        Self { entries: vec![nothing; 1 << Self::BITS], slice: 0 }
    }

    /// Forgets the successors of the last slice.
    pub(super) fn begin_slice(&mut self) {
        self.slice += 2;
        if self.slice > u32::MAX - 2 {
            *self = Self { slice: 2, ..Self::new() };
        }
    }

    #[inline]
    fn slot(hash: u64) -> usize {
        (hash >> (64 - Self::BITS)) as usize
    }

    /// Where the state is, if it was met lately.
    #[inline]
    pub(super) fn find(&self, key: &Key, states: &Arena, successors: &Arena) -> Option<Place> {
        let entry = self.entries[Self::slot(key.hash)];
        let age = entry.stamp ^ (self.slice | key.is_hash);
        if entry.word != key.word || !(age == 0 || age & 1 == 0 && entry.place.is_stored()) {
            return None;
        }
        (key.is_hash == 0 || is_at(entry.place, key.packed, states, successors)).then_some(entry.place)
    }

    /// Remembers where the state is.
    #[inline]
    pub(super) fn note(&mut self, key: &Key, place: Place) {
        let stamp = self.slice | key.is_hash;
        self.entries[Self::slot(key.hash)] = Entry { word: key.word, place, stamp };
    }
}

/// A packed state and what an entry is recognized by.
pub(super) struct Key<'a> {
    packed: &'a [u8],
    pub(super) hash: u64,
    word: u64,
    /// 1 if `word` is no proof.
    is_hash: u32,
}

impl<'a> Key<'a> {
    #[inline]
    pub(super) fn new(packed: &'a [u8]) -> Self {
        match <[u8; 8]>::try_from(packed) {
            Ok(word) => {
                let word = u64::from_le_bytes(word);
                Self { packed, hash: hash_word(word), word, is_hash: 0 }
            }
            Err(_) => {
                let hash = hash(packed);
                Self { packed, hash, word: hash, is_hash: 1 }
            }
        }
    }
}

fn is_at(place: Place, key: &[u8], states: &Arena, successors: &Arena) -> bool {
    match place.0.checked_sub(Place::SUCCESSORS) {
        None => same(states, place.0 as usize, key),
        Some(index) => same(successors, index as usize, key),
    }
}
