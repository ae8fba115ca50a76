//! The table of states already met: four bytes a slot, exact because every hit is compared byte for byte.

use super::arena::Arena;

/// Mixes all of `bytes` into a word whose high and low bits are both usable.
#[inline]
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(8);
    let mut mixed = bytes.len() as u64;
    for word in &mut words {
        mixed = fold(mixed ^ u64::from_le_bytes(word.try_into().expect("a chunk has eight bytes")));
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        mixed = fold(mixed ^ u64::from_le_bytes(last));
    }
    weaken(mixed)
}

/// [`hash`] of the eight bytes of `word`.
#[inline]
pub(super) fn hash_word(word: u64) -> u64 {
    weaken(fold(8 ^ word))
}

#[inline]
fn fold(word: u64) -> u64 {
    let product = u128::from(word ^ 0x2545_F491_4F6C_DD1D) * 0x9E37_79B9_7F4A_7C15;
    (product as u64) ^ ((product >> 64) as u64)
}

/// With the feature `weak-hash` all but twelve bits are thrown away, so that states collide all the time.
#[inline]
fn weaken(hash: u64) -> u64 {
    if cfg!(feature = "weak-hash") { hash & (0xFFF << 52) } else { hash }
}

/// Whether string `index` of `arena` is string `other` of `keys`.
#[inline]
pub(super) fn same(arena: &Arena, index: usize, keys: &Arena, other: usize, words: bool) -> bool {
    if words { arena.word(index) == keys.word(other) } else { arena.get(index) == keys.get(other) }
}

/// Open addressing over numbers of states. The low bits of a slot hold the number plus one, what is left above them
/// holds bits of the hash, so that few states are compared in vain.
#[derive(Clone, Debug)]
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
        Self {
            slots: vec![0; capacity],
            shift: 64 - capacity.trailing_zeros(),
            id_mask: (capacity - 1) as u32,
            len: 0,
        }
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
        for id in 0..arena.len() {
            let hash = hash(arena.get(id));
            let slot = self.empty_slot(hash);
            self.fill(slot, hash, id);
        }
    }

    #[inline]
    fn home(&self, hash: u64) -> usize {
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

    #[inline]
    fn find_from(&self, mut slot: usize, hash: u64, is: impl Fn(usize) -> bool) -> Result<u32, usize> {
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

    /// Looks up every string of `keys` and appends what it found, [`ABSENT`] if nothing.
    pub(super) fn find_all(&self, arena: &Arena, keys: &Arena, found: &mut Vec<u32>) {
        let words = keys.width() == Some(8) && arena.width() == Some(8);
        let mut first = 0;
        while first < keys.len() {
            let len = BATCH.min(keys.len() - first);
            let batch = self.candidates(keys, first, len, words);
            self.confirm(arena, keys, first, &batch, words, found, len);
            first += len;
        }
    }

    /// The first slot of each key whose hash bits agree. Apart from the comparison so that the processor waits for
    /// many slots at once.
    #[inline]
    fn candidates(&self, keys: &Arena, first: usize, len: usize, words: bool) -> Batch {
        let mut batch = Batch { hashes: [0; BATCH], slots: [0; BATCH], words: [0; BATCH] };
        for index in 0..len {
            let key = first + index;
            let hash = if words { hash_word(keys.word(key)) } else { hash(keys.get(key)) };
            batch.hashes[index] = hash;
            batch.words[index] = self.slots[self.home(hash)];
        }
        for index in 0..len {
            let hash = batch.hashes[index];
            let mut slot = self.home(hash);
            let mut word = batch.words[index];
            while word != 0 && (word ^ hash as u32) & !self.id_mask != 0 {
                slot = self.next(slot);
                word = self.slots[slot];
            }
            batch.slots[index] = slot;
            batch.words[index] = word;
        }
        batch
    }

    #[allow(clippy::too_many_arguments)]
    fn confirm(&self, arena: &Arena, keys: &Arena, first: usize, batch: &Batch, words: bool, found: &mut Vec<u32>, len: usize) {
        let mut agree = [false; BATCH];
        for index in 0..len {
            let id = (batch.words[index] & self.id_mask).saturating_sub(1);
            agree[index] = same(arena, id as usize, keys, first + index, words);
        }
        for index in 0..len {
            let word = batch.words[index];
            found.push(if word == 0 {
                ABSENT
            } else if agree[index] {
                (word & self.id_mask) - 1
            } else {
                let slot = self.next(batch.slots[index]);
                let is = |id| same(arena, id, keys, first + index, words);
                self.find_from(slot, batch.hashes[index], is).unwrap_or(ABSENT)
            });
        }
    }
}

/// No state.
pub(super) const ABSENT: u32 = u32::MAX;

const BATCH: usize = 64;

/// What is known of some keys before any state was compared.
struct Batch {
    hashes: [u64; BATCH],
    slots: [usize; BATCH],
    words: [u32; BATCH],
}
