//! Edges of one node as bytes: runs of one class, each a byte, then the targets as differences.

use crate::relation::{Mover, Operator};

/// Every mover, in canonical order.
pub(super) const MOVERS: [Mover; 12] = [
    Mover::Operator(Operator::Forward),
    Mover::Operator(Operator::ForwardOverRows),
    Mover::Operator(Operator::Abort),
    Mover::Operator(Operator::Rollback),
    Mover::Operator(Operator::RollbackOverRows),
    Mover::Operator(Operator::Retry),
    Mover::Operator(Operator::Hotfix),
    Mover::Operator(Operator::Repair),
    Mover::Operator(Operator::HotfixOverRows),
    Mover::Operator(Operator::RepairOverRows),
    Mover::Fair,
    Mover::Possible,
];

/// The place of `mover` in [`MOVERS`].
#[inline]
pub(super) fn rank(mover: Mover) -> u8 {
    match mover {
        Mover::Operator(operator) => operator as u8,
        Mover::Fair => 10,
        Mover::Possible => 11,
    }
}

/// One move between two stored states.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Where it leads.
    pub target: u32,
    /// Who takes it.
    pub mover: Mover,
    /// Whether it did something to people or facts.
    pub has_effects: bool,
}

/// A mover and whether there are effects, in five bits.
pub(super) type Class = u8;

/// The class of an edge.
#[inline]
pub(super) fn class(mover: Mover, has_effects: bool) -> Class {
    rank(mover) << 1 | u8::from(has_effects)
}

const CLASS_BITS: u32 = 5;
const CLASS_MASK: u8 = (1 << CLASS_BITS) - 1;
const RUN_MAX: u8 = 1 << (8 - CLASS_BITS);
/// More than any edge takes in bytes, its run included.
pub(super) const EDGE_BYTES_MAX: usize = 6;

/// Bytes with room to spare, written one word at a time.
#[derive(Clone, Default, Debug)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    len: usize,
}

impl Writer {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(super) fn clear(&mut self) {
        self.len = 0;
    }

    /// Makes room for `edges` more edges.
    fn reserve(&mut self, edges: usize) {
        let least = self.len + edges * EDGE_BYTES_MAX + 8;
        if self.bytes.len() < least {
            self.bytes.resize(least * 2, 0);
        }
    }

    /// Appends the edges of `source` and says how many bytes they take.
    pub(super) fn push_edges(&mut self, source: u32, edges: impl ExactSizeIterator<Item = (Class, u32)>) -> usize {
        self.reserve(edges.len());
        let bytes = &mut self.bytes[self.len..];
        let mut context = Context::new(source);
        let (mut head, mut head_at, mut at) = (NO_RUN, 0, 0);
        for (class, target) in edges {
            if continues(head, class) {
                head += 1 << CLASS_BITS;
            } else {
                (head, head_at) = (class, at);
                at += 1;
            }
            bytes[head_at] = head;
            at += write_number(context.number(target), &mut bytes[at..]);
        }
        self.len += at;
        at
    }
}

/// A head that nothing continues.
const NO_RUN: u8 = CLASS_MASK;

/// Whether an edge of `class` fits into the run that `head` begins.
#[inline]
fn continues(head: u8, class: Class) -> bool {
    head & CLASS_MASK == class && head < (RUN_MAX - 1) << CLASS_BITS
}

/// Writes `number` and says into how many bytes; the two low bits of the first one tell.
#[inline]
fn write_number(number: u64, bytes: &mut [u8]) -> usize {
    let bits = u64::BITS - number.leading_zeros();
    let code = ((bits + 1) / 8).min(3);
    bytes[..8].copy_from_slice(&(number << 2 | u64::from(code)).to_le_bytes());
    LENGTHS[code as usize]
}

/// The targets that the next one is told by.
#[derive(Clone, Copy, Debug)]
struct Context {
    source: u32,
    /// The last target, the source at first.
    last: u32,
    /// The one before among those that differ from it.
    before: u32,
}

impl Context {
    const LAST: u64 = 0;
    const BEFORE: u64 = 1;
    const SOURCE: u64 = 2;
    /// What is added to the zigzagged difference, which is not 0.
    const NAMED: u64 = 2;

    fn new(source: u32) -> Self {
        Self { source, last: source, before: source }
    }

    #[inline]
    fn meet(&mut self, target: u32) {
        self.before = if target == self.last { self.before } else { self.last };
        self.last = target;
    }

    /// The number that tells `target`.
    #[inline]
    fn number(&mut self, target: u32) -> u64 {
        let difference = i64::from(target) - i64::from(self.last);
        let mut number = ((difference << 1) ^ (difference >> 63)) as u64 + Self::NAMED;
        for (name, named) in [(Self::SOURCE, self.source), (Self::BEFORE, self.before), (Self::LAST, self.last)] {
            number = if target == named { name } else { number };
        }
        self.meet(target);
        number
    }

    /// The target that `number` tells.
    #[inline]
    fn target(&mut self, number: u64) -> u32 {
        let target = match number {
            Self::LAST => self.last,
            Self::BEFORE => self.before,
            Self::SOURCE => self.source,
            _ => {
                let zigzag = number - Self::NAMED;
                let difference = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
                (i64::from(self.last) + difference) as u32
            }
        };
        self.meet(target);
        target
    }
}

/// How many bytes the codes 0 to 3 stand for.
const LENGTHS: [usize; 4] = [1, 2, 3, 5];

/// The edges of one node, in the canonical order of the steps that they stand for.
#[derive(Clone, Debug)]
pub struct Edges<'a> {
    /// Begins with the edges that are left and may go on beyond them, so that whole words can be read.
    bytes: &'a [u8],
    /// How many of the bytes are edges.
    left: usize,
    context: Context,
    class: Class,
    run: u8,
}

impl<'a> Edges<'a> {
    pub(super) fn new(source: u32, bytes: &'a [u8], left: usize) -> Self {
        Self { bytes, left, context: Context::new(source), class: 0, run: 0 }
    }

    #[inline]
    fn skip(&mut self, length: usize) {
        self.bytes = &self.bytes[length..];
        self.left -= length;
    }
}

impl Iterator for Edges<'_> {
    type Item = Edge;

    #[inline]
    fn next(&mut self) -> Option<Edge> {
        if self.run == 0 {
            if self.left == 0 {
                return None;
            }
            let head = self.bytes[0];
            self.skip(1);
            self.class = head & CLASS_MASK;
            self.run = (head >> CLASS_BITS) + 1;
        }
        self.run -= 1;
        let (number, length) = decode_number(self.bytes);
        self.skip(length);
        let target = self.context.target(number);
        let mover = MOVERS[usize::from(self.class >> 1)];
        Some(Edge { target, mover, has_effects: self.class & 1 == 1 })
    }
}

#[inline]
fn decode_number(bytes: &[u8]) -> (u64, usize) {
    let length = LENGTHS[usize::from(bytes[0] & 3)];
    let word = match bytes.first_chunk::<8>() {
        Some(word) => u64::from_le_bytes(*word),
        None => {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(word)
        }
    };
    ((word & ((1 << (8 * length)) - 1)) >> 2, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn movers_are_in_canonical_order() {
        assert!(MOVERS.is_sorted());
        assert!((0..).zip(MOVERS).all(|(place, mover)| rank(mover) == place));
    }

    #[test]
    fn edges_are_read_as_written() {
        let source = 1 << 20;
        let targets =
            [source, 0, u32::MAX - 1, 0, 0, source, 1, 31, 62, 95, 9_000, 1_000, 5_000_000, 1, 5_000_000, 2, 2];
        for length in 0..=targets.len() {
            let edges =
                (0..).zip(&targets[..length]).map(|(place, target)| (class(MOVERS[place / 3], place > 9), *target));
            let mut writer = Writer::default();
            let bytes = writer.push_edges(source, edges.clone().collect::<Vec<_>>().into_iter());
            assert!(bytes == writer.bytes().len() && bytes <= length * EDGE_BYTES_MAX);
            let read = Edges::new(source, writer.bytes(), bytes)
                .map(|edge| (class(edge.mover, edge.has_effects), edge.target));
            assert!(read.eq(edges));
        }
    }

    #[test]
    fn long_runs_are_cut() {
        let mut writer = Writer::default();
        writer.push_edges(7, (0..1000).map(|_| (class(Mover::Fair, false), 7)));
        assert_eq!(writer.bytes().len(), 1000 + 1000 / usize::from(RUN_MAX));
        assert_eq!(Edges::new(7, writer.bytes(), writer.bytes().len()).filter(|edge| edge.target == 7).count(), 1000);
    }
}
