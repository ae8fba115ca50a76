//! The table of states already met: four bytes a slot, exact because every hit is compared byte for byte.

use super::arena::Arena;
use crate::planted::{Planted, planted};

/// Mixes all of `bytes` into a word whose high and low bits are both usable.
#[inline]
pub(super) fn hash(bytes: &[u8]) -> u64 {
    match <[u8; 8]>::try_from(bytes) {
        Ok(word) => hash_word(u64::from_le_bytes(word)),
        Err(_) => weaken(hash_words(bytes)),
    }
}

/// [`hash`] of the eight bytes of `word`.
#[inline]
pub(super) fn hash_word(word: u64) -> u64 {
    weaken(fold(word))
}

fn hash_words(bytes: &[u8]) -> u64 {
    let mut mixed = bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mixed = fold(mixed ^ u64::from_le_bytes(word));
    }
    mixed
}

#[inline]
fn fold(word: u64) -> u64 {
    let product = u128::from(word ^ 0x2545_F491_4F6C_DD1D) * 0x9E37_79B9_7F4A_7C15;
    (product as u64) ^ ((product >> 64) as u64)
}

/// With the feature `weak-hash` all but twelve bits are thrown away, so that states collide all the time.
#[inline]
fn weaken(hash: u64) -> u64 {
    if planted(Planted::HashForState) {
        hash & (0xFFFF << 48)
    } else if cfg!(feature = "weak-hash") {
        hash & (0xFFF << 52)
    } else {
        hash
    }
}

/// Whether string `index` of `arena` is `key`.
#[inline]
pub(super) fn same(arena: &Arena, index: usize, key: &[u8]) -> bool {
    let string = arena.get(index);
    if planted(Planted::HashForState) {
        return hash(string) == hash(key);
    }
    match (<[u8; 8]>::try_from(string), <[u8; 8]>::try_from(key)) {
        (Ok(one), Ok(other)) => u64::from_ne_bytes(one) == u64::from_ne_bytes(other),
        _ => string == key,
    }
}

/// Open addressing over numbers of states. The low bits of a slot hold the number plus one, what is left above them
/// holds bits of the hash, so that few states are compared in vain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Visited {
    slots: Vec<u32>,
    shift: u32,
    id_mask: u32,
    len: usize,
}

impl Visited {
    const CAPACITY_MIN: usize = 1 << 10;
    /// The most states that a table of 2^32 slots takes.
    pub(super) const STATES_MAX: usize = (1 << 32) / 4 * 3;

    pub(super) fn new() -> Self {
        Self::with_capacity(Self::CAPACITY_MIN)
    }

    fn with_capacity(capacity: usize) -> Self {
        Self { slots: vec![0; capacity], shift: 64 - capacity.trailing_zeros(), id_mask: (capacity - 1) as u32, len: 0 }
    }

    fn capacity_for(&self, states: usize) -> usize {
        let mut capacity = self.slots.len();
        while states > capacity / 4 * 3 {
            capacity *= 2;
        }
        capacity
    }

    /// The bytes held once `extra` more states are in.
    pub(super) fn bytes_with(&self, extra: usize) -> usize {
        self.capacity_for(self.len + extra) * 4
    }

    /// Makes room for `extra` more states; `arena` holds those that are in.
    pub(super) fn reserve(&mut self, extra: usize, arena: &Arena) {
        let capacity = self.capacity_for(self.len + extra);
        if capacity == self.slots.len() {
            return;
        }
        self.slots = Vec::new();
        *self = Self::with_capacity(capacity);
        let mut hashes = [0; BATCH];
        let mut candidates = Candidates::new();
        for first in (0..arena.len()).step_by(BATCH) {
            let ids = first..(first + BATCH).min(arena.len());
            let hashes = &mut hashes[..ids.len()];
            hashes.iter_mut().zip(ids.clone()).for_each(|(at, id)| *at = hash(arena.get(id)));
            self.candidates(hashes, &mut candidates);
            for (id, &hash) in ids.zip(&*hashes) {
                let slot = self.empty_slot(hash);
                self.fill(slot, hash, id);
            }
        }
    }

    /// The slot from which the search for `hash` goes.
    #[inline]
    pub(super) fn home(&self, hash: u64) -> usize {
        (hash >> self.shift) as usize
    }

    #[inline]
    fn next(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }

    fn empty_slot(&self, hash: u64) -> usize {
        let mut slot = self.home(hash);
        while self.slots[slot] != 0 {
            slot = self.next(slot);
        }
        slot
    }

    #[inline]
    fn fill(&mut self, slot: usize, hash: u64, id: usize) {
        self.slots[slot] = (hash as u32 & !self.id_mask) | (id as u32 + 1);
        self.len += 1;
    }

    /// The number of the state with `hash` that `is` recognizes, or the slot where it belongs.
    #[inline]
    pub(super) fn find(&self, hash: u64, is: impl Fn(usize) -> bool) -> Result<u32, usize> {
        self.find_from(self.home(hash), hash, is)
    }

    /// [`Visited::find`] if the slots from the home of `hash` up to `slot` are known to hold other states.
    #[inline]
    pub(super) fn find_from(&self, mut slot: usize, hash: u64, is: impl Fn(usize) -> bool) -> Result<u32, usize> {
        loop {
            let word = self.slots[slot];
            if word == 0 {
                return Err(slot);
            }
            if (word ^ hash as u32) & !self.id_mask == 0 {
                let id = (word & self.id_mask) - 1;
                if is(id as usize) {
                    return Ok(id);
                }
            }
            slot = self.next(slot);
        }
    }

    /// Puts state `id` into the slot that [`Visited::find`] named; there must be room.
    #[inline]
    pub(super) fn insert(&mut self, slot: usize, hash: u64, id: usize) {
        debug_assert!(self.len < self.slots.len() / 4 * 3);
        self.fill(slot, hash, id);
    }

    /// Looks up every string of `keys`, given their hashes, and appends what it found, [`ABSENT`] if nothing.
    pub(super) fn find_all(&self, arena: &Arena, keys: &Arena, hashes: &[u64], found: &mut Vec<u32>) {
        let mut candidates = Candidates::new();
        for (batch, hashes) in hashes.chunks(BATCH).enumerate() {
            self.candidates(hashes, &mut candidates);
            self.confirm(arena, |index| keys.get(batch * BATCH + index), hashes, &candidates, found);
        }
    }

    /// The first slot for each hash that is empty or whose bits agree. Apart from the comparison so that the processor
    /// waits for many slots at once.
    #[inline]
    pub(super) fn candidates(&self, hashes: &[u64], candidates: &mut Candidates) {
        for (word, hash) in candidates.words.iter_mut().zip(hashes) {
            *word = self.slots[self.home(*hash)];
        }
        for (index, &hash) in hashes.iter().enumerate() {
            let mut slot = self.home(hash);
            let mut word = candidates.words[index];
            while word != 0 && (word ^ hash as u32) & !self.id_mask != 0 {
                slot = self.next(slot);
                word = self.slots[slot];
            }
            candidates.slots[index] = slot;
            candidates.words[index] = word;
        }
    }

    /// Compares the candidates, again waiting for many states at once, and searches on where they differ.
    #[inline]
    fn confirm<'a>(
        &self,
        arena: &Arena,
        key: impl Fn(usize) -> &'a [u8],
        hashes: &[u64],
        candidates: &Candidates,
        found: &mut Vec<u32>,
    ) {
        let mut agree = [false; BATCH];
        for (index, agrees) in agree[..hashes.len()].iter_mut().enumerate() {
            let id = (candidates.words[index] & self.id_mask).saturating_sub(1);
            *agrees = same(arena, id as usize, key(index));
        }
        for (index, &hash) in hashes.iter().enumerate() {
            // Nothing in the slot gives ABSENT.
            let id = (candidates.words[index] & self.id_mask).wrapping_sub(1);
            found.push(if agree[index] | (candidates.words[index] == 0) {
                id
            } else {
                let slot = self.next(candidates.slots[index]);
                self.find_from(slot, hash, |id| same(arena, id, key(index))).unwrap_or(ABSENT)
            });
        }
    }
}

/// No state.
pub(super) const ABSENT: u32 = u32::MAX;

/// Hashes looked up at once.
pub(super) const BATCH: usize = 64;

/// For each of some hashes the slot that may hold its state, and what it holds.
pub(super) struct Candidates {
    pub(super) slots: [usize; BATCH],
    words: [u32; BATCH],
}

impl Candidates {
    pub(super) fn new() -> Self {
        Self { slots: [0; BATCH], words: [0; BATCH] }
    }
}
