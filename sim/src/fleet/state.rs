//! A state: control, counted replicas, counted keys; and its packed form.

use super::layout::control;
use crate::planted::{Planted, planted};
use smallvec::SmallVec;

/// A field of an item or payload: 0 = absent, else 1 + 2 · tag + (1 if stale).
pub type Byte = u8;

/// The field is not there.
pub const ABSENT: Byte = 0;

/// Present with `tag`, standing for the latest fact.
pub fn fresh(tag: u8) -> Byte {
    1 + 2 * tag
}

/// Present with `tag`, not standing for the latest fact.
pub fn stale(tag: u8) -> Byte {
    2 + 2 * tag
}

/// The tag of a present field.
pub fn tag(byte: Byte) -> u8 {
    (byte - 1) / 2
}

/// Whether a field is present and stale.
pub fn is_stale(byte: Byte) -> bool {
    byte != ABSENT && byte.is_multiple_of(2)
}

/// Whether a field is present and fresh.
pub fn is_fresh(byte: Byte) -> bool {
    !byte.is_multiple_of(2)
}

/// The field with its tag replaced.
pub fn retagged(byte: Byte, tag: u8) -> Byte {
    if byte == ABSENT {
        ABSENT
    } else if is_stale(byte) {
        stale(tag)
    } else {
        fresh(tag)
    }
}

/// The field made stale, if it is there.
pub fn made_stale(byte: Byte) -> Byte {
    if byte == ABSENT { ABSENT } else { stale(tag(byte)) }
}

/// What holds for the whole fleet, by the offsets of `Layout`.
pub type Control = SmallVec<[u8; 32]>;
/// One running copy: version, phase, marks, views, private items.
pub type Replica = SmallVec<[u8; 8]>;
/// A message in flight: queue, consumer, marks, attempts left, fields.
pub type Message = SmallVec<[u8; 8]>;
/// A handler between two of its moments: handler (2 bytes), moment, misread data (4 bytes), carried values, message.
pub type Task = SmallVec<[u8; 8]>;

/// The replicas of one service as a sorted multiset.
pub type Pool = SmallVec<[(Replica, u32); 3]>;

/// One business item with all that belongs to it.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Key {
    /// Every item of every table, document and cache (presence, then fields), then the backfills' marks.
    pub items: SmallVec<[Byte; 24]>,
    /// Messages in flight, as a sorted set.
    pub messages: SmallVec<[Message; 2]>,
    /// Handlers in progress, as a sorted set.
    pub tasks: SmallVec<[Task; 1]>,
}

/// A state of the fleet.
#[derive(PartialEq, Eq, Debug)]
pub struct State {
    /// Flags, schemas, clients, programme.
    pub control: Control,
    /// Per service.
    pub pools: SmallVec<[Pool; 2]>,
    /// The keys as a sorted multiset.
    pub keys: SmallVec<[(Key, u32); 1]>,
}

// Derived clones would copy the bytes one by one.
impl Clone for Key {
    fn clone(&self) -> Self {
        Self { items: SmallVec::from_slice(&self.items), messages: self.messages.clone(), tasks: self.tasks.clone() }
    }
}

impl Clone for State {
    fn clone(&self) -> Self {
        Self { control: SmallVec::from_slice(&self.control), pools: self.pools.clone(), keys: self.keys.clone() }
    }
}

/// Adds one `item` to a sorted multiset.
pub fn put<T: Ord, A: smallvec::Array<Item = (T, u32)>>(bag: &mut SmallVec<A>, item: T) {
    match bag.binary_search_by(|(other, _)| other.cmp(&item)) {
        Ok(at) => bag[at].1 += 1,
        Err(at) => bag.insert(at, (item, 1)),
    }
}

/// Takes one item of class `at` out of a sorted multiset.
pub fn take<T: Ord + Clone, A: smallvec::Array<Item = (T, u32)>>(bag: &mut SmallVec<A>, at: usize) -> T {
    if bag[at].1 > 1 {
        bag[at].1 -= 1;
        bag[at].0.clone()
    } else {
        bag.remove(at).0
    }
}

/// Inserts into a sorted set; whether it was new.
pub fn insert<T: Ord, A: smallvec::Array<Item = T>>(set: &mut SmallVec<A>, item: T) -> bool {
    match set.binary_search(&item) {
        Ok(_) => false,
        Err(at) => {
            set.insert(at, item);
            true
        }
    }
}

impl State {
    /// Appends the packed form.
    pub fn pack(&self, out: &mut Vec<u8>) {
        let first = out.len();
        out.extend_from_slice(&self.control);
        if planted(Planted::PackedWithoutPromise) {
            out[first + control::PROMISED] = 0;
        }
        for pool in &self.pools {
            out.push(pool.len() as u8);
            for (replica, count) in pool {
                out.extend_from_slice(replica);
                pack_count(*count, out);
            }
        }
        out.push(self.keys.len() as u8);
        for (key, count) in &self.keys {
            pack_count(*count, out);
            out.extend_from_slice(&key.items);
            pack_set(&key.messages, out);
            pack_set(&key.tasks, out);
        }
    }

    /// Reads a packed form; `shape` gives the fixed lengths.
    pub fn unpack(bytes: &[u8], shape: &Shape) -> Option<Self> {
        let mut rest = bytes;
        let control = SmallVec::from_slice(cut(&mut rest, shape.control)?);
        let mut pools = SmallVec::new();
        for length in &shape.replicas {
            let mut pool = Pool::new();
            for _ in 0..byte(&mut rest)? {
                let replica = SmallVec::from_slice(cut(&mut rest, *length)?);
                pool.push((replica, unpack_count(&mut rest)?));
            }
            pools.push(pool);
        }
        let mut keys = SmallVec::new();
        for _ in 0..byte(&mut rest)? {
            let count = unpack_count(&mut rest)?;
            let items = SmallVec::from_slice(cut(&mut rest, shape.items)?);
            let messages = unpack_set(&mut rest)?;
            let tasks = unpack_set(&mut rest)?;
            keys.push((Key { items, messages, tasks }, count));
        }
        rest.is_empty().then_some(Self { control, pools, keys })
    }
}

/// The fixed lengths of a fleet's packed states.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Of the control block.
    pub control: usize,
    /// Of a replica, per service.
    pub replicas: Vec<usize>,
    /// Of a key's items.
    pub items: usize,
}

fn pack_count(mut count: u32, out: &mut Vec<u8>) {
    while count >= 0x80 {
        out.push(count as u8 | 0x80);
        count >>= 7;
    }
    out.push(count as u8);
}

fn unpack_count(rest: &mut &[u8]) -> Option<u32> {
    let mut count = 0u32;
    for shift in (0..35).step_by(7) {
        let part = byte(rest)?;
        count |= u32::from(part & 0x7f).checked_shl(shift)?;
        if part < 0x80 {
            return Some(count);
        }
    }
    None
}

fn pack_set<A: smallvec::Array<Item = SmallVec<[u8; 8]>>>(set: &SmallVec<A>, out: &mut Vec<u8>) {
    out.push(set.len() as u8);
    for item in set {
        out.push(item.len() as u8);
        out.extend_from_slice(item);
    }
}

fn unpack_set<A: smallvec::Array<Item = SmallVec<[u8; 8]>>>(rest: &mut &[u8]) -> Option<SmallVec<A>> {
    let mut set = SmallVec::new();
    for _ in 0..byte(rest)? {
        let length = byte(rest)?;
        set.push(SmallVec::from_slice(cut(rest, length as usize)?));
    }
    Some(set)
}

fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (first, tail) = rest.split_first()?;
    *rest = tail;
    Some(*first)
}

fn cut<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}
