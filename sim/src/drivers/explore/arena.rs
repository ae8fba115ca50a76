//! Byte strings stored one after the other and numbered in the order in which they were pushed.

/// Where each of a row of byte strings ends, in four bytes each.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    /// The byte at which each block of [`Ends::BLOCK`] strings begins.
    bases: Vec<u64>,
    /// The end of each string, counted from the base of its block.
    lows: Vec<u32>,
}

impl Ends {
    const BLOCK: usize = 1 << 14;

    pub(super) fn len(&self) -> usize {
        self.lows.len()
    }

    /// The end of string `index`.
    #[inline]
    pub(super) fn end(&self, index: usize) -> usize {
        self.bases[index / Self::BLOCK] as usize + self.lows[index] as usize
    }

    /// The bytes of string `index`.
    #[inline]
    pub(super) fn range(&self, index: usize) -> std::ops::Range<usize> {
        let start = if index.is_multiple_of(Self::BLOCK) {
            self.bases[index / Self::BLOCK] as usize
        } else {
            self.end(index - 1)
        };
        start..self.end(index)
    }

    /// Appends a string of `length` bytes.
    pub(super) fn push(&mut self, length: usize) {
        let start = self.lows.len().checked_sub(1).map_or(0, |last| self.end(last));
        if self.lows.len().is_multiple_of(Self::BLOCK) {
            self.bases.push(start as u64);
        }
        let base = self.bases[self.lows.len() / Self::BLOCK] as usize;
        let low = u32::try_from(start + length - base).expect("a block of strings is below 4 GiB");
        reserve(&mut self.lows, 1);
        self.lows.push(low);
    }

    /// The bytes held once `extra` more strings are in.
    pub(super) fn bytes_with(&self, extra: usize) -> usize {
        self.bases.capacity() * 8 + capacity_with(&self.lows, extra) * 4
    }
}

/// Numbered byte strings; as long as all have the same length nothing but their bytes is stored.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub(super) struct Arena {
    bytes: Vec<u8>,
    count: usize,
    width: usize,
    ends: Option<Ends>,
}

impl Arena {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The common length of all strings, if they have one.
    pub(super) fn width(&self) -> Option<usize> {
        self.ends.is_none().then_some(self.width)
    }

    /// String `index`.
    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> &[u8] {
        match &self.ends {
            None => &self.bytes[index * self.width..][..self.width],
            Some(ends) => &self.bytes[ends.range(index)],
        }
    }

    /// Appends what `write` writes.
    #[inline]
    pub(super) fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.bytes.len();
        write(&mut self.bytes);
        self.note(self.bytes.len() - before);
    }

    /// Appends `string`.
    #[inline]
    pub(super) fn push(&mut self, string: &[u8]) {
        reserve(&mut self.bytes, string.len());
        self.bytes.extend_from_slice(string);
        self.note(string.len());
    }

    /// Counts a string of `length` bytes whose bytes are in.
    #[inline]
    fn note(&mut self, length: usize) {
        if self.ends.is_none() && length != self.width {
            if self.count == 0 {
                self.width = length;
            } else {
                self.lose_width();
            }
        }
        if let Some(ends) = &mut self.ends {
            ends.push(length);
        }
        self.count += 1;
    }

    #[cold]
    fn lose_width(&mut self) {
        let mut ends = Ends::default();
        for _ in 0..self.count {
            ends.push(self.width);
        }
        self.ends = Some(ends);
    }

    /// Forgets every string and keeps the room.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
        self.width = 0;
        self.ends = None;
    }

    /// The bytes held once `extra` more strings of `length` bytes in all are in.
    pub(super) fn bytes_with(&self, extra: usize, length: usize) -> usize {
        let ends = self.ends.as_ref().map_or(0, |ends| ends.bytes_with(extra));
        capacity_with(&self.bytes, length) + ends
    }
}

/// Makes room for `extra` more items without ever holding much more than is used.
#[inline]
pub(super) fn reserve<T>(items: &mut Vec<T>, extra: usize) {
    let capacity = capacity_with(items, extra);
    if capacity > items.capacity() {
        items.reserve_exact(capacity - items.len());
    }
}

/// The capacity of `items` after [`reserve`].
#[inline]
pub(super) fn capacity_with<T>(items: &Vec<T>, extra: usize) -> usize {
    if extra <= items.capacity() - items.len() {
        items.capacity()
    } else {
        (items.len() + extra).max(items.capacity() + items.capacity() / 8 + 1024)
    }
}
