//! The canonical rollout R(N, M): N replicas, M messages in flight, two rows, two cache entries, a flag, five plan steps,
//! abort anywhere. Written straight against the trait; a state is one word of bit fields.

use smallvec::smallvec;
use turnback_sim::relation::{Effects, Harm, Label, Mover, Operator, Relation};

/// R(N, M).
#[derive(Clone, Copy, Debug)]
pub struct Rollout {
    pub replicas: u64,
    pub messages_max: u64,
}

/// A state; the fields are named by the constants below.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct World(pub u64);

/// A step; the numbers are a replica or a row, or both in the order of the canonical order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Move {
    Advance,
    FlagOn,
    Abort,
    FlagOff,
    Retreat,
    Upgrade(u8),
    Downgrade(u8),
    Backfill(u8),
    Restart(u8),
    Consume(u8),
    Evict(u8),
    Produce(u8),
    Write(u8, u8),
    Read(u8, u8),
}

#[derive(Clone, Copy)]
struct Bits {
    at: u64,
    mask: u64,
}

const fn bits(at: u64, width: u64) -> Bits {
    Bits { at, mask: (1 << width) - 1 }
}

const POSITION: Bits = bits(0, 3);
const ABORTED: Bits = bits(3, 1);
const FLAG: Bits = bits(4, 1);
const LOST: Bits = bits(5, 1);
const REDELIVERED: Bits = bits(6, 1);
const QUEUE_LEN: Bits = bits(7, 4);
const QUEUE: Bits = bits(11, 10);
const ROWS: Bits = bits(21, 4);
const REPLICAS: Bits = bits(32, 32);
/// One bit of every replica: down.
const DOWN: u64 = 0x5555_5555 << 32;
/// One bit of every replica: version B.
const NEW: u64 = 0xAAAA_AAAA << 32;

const OLD_ONLY: u64 = 0;
const BOTH: u64 = 1;
const NEW_ONLY: u64 = 2;
const NEW_STALE: u64 = 3;

fn row(row: u8) -> Bits {
    bits(21 + 2 * u64::from(row), 2)
}

fn cache(row: u8) -> Bits {
    bits(25 + 2 * u64::from(row), 2)
}

fn down(replica: u8) -> Bits {
    bits(32 + 2 * u64::from(replica), 1)
}

fn new(replica: u8) -> Bits {
    bits(33 + 2 * u64::from(replica), 1)
}

impl World {
    fn get(self, bits: Bits) -> u64 {
        (self.0 >> bits.at) & bits.mask
    }

    fn set(&mut self, bits: Bits, value: u64) {
        self.0 = (self.0 & !(bits.mask << bits.at)) | (value << bits.at);
    }

    fn all_up(self) -> bool {
        self.0 & DOWN == 0
    }

    fn all_old(self) -> bool {
        self.0 & NEW == 0
    }

    fn lacks_new(self, row_index: u8) -> bool {
        matches!(self.get(row(row_index)), OLD_ONLY | NEW_STALE)
    }

    /// The format in which `replica` writes messages and cache entries: 1 or 2.
    fn format(self, replica: u8) -> u64 {
        1 + (self.get(new(replica)) & self.get(FLAG))
    }

    fn pop(&mut self) {
        self.set(QUEUE, self.get(QUEUE) >> 1);
        self.set(QUEUE_LEN, self.get(QUEUE_LEN) - 1);
        self.set(REDELIVERED, 0);
    }

    fn lose(&mut self) -> Effects {
        self.set(LOST, 1);
        harm(Harm::Loss, 0)
    }

    fn crash(&mut self, replica: u8) -> Effects {
        self.set(down(replica), 1);
        harm(Harm::Crash, self.get(new(replica)) as u16)
    }
}

fn harm(harm: Harm, actor: u16) -> Effects {
    smallvec![Label { harm, actor, place: Label::NONE, field: Label::NONE, origin: 0 }]
}

impl Rollout {
    fn all_new(&self, world: World) -> bool {
        world.0 & NEW == NEW & (((1 << (2 * self.replicas)) - 1) << 32)
    }

    /// Whether the world stands where nobody is hurt and every reader is served.
    pub fn healthy(&self, world: World) -> bool {
        let quiet = world.all_up() && world.get(LOST) == 0;
        let old = world.all_old()
            && world.get(QUEUE) == 0
            && (0..2).all(|r| world.get(cache(r)) != 2 && world.get(row(r)) != NEW_ONLY);
        let new = self.all_new(world) && (world.get(POSITION) < 4 || (0..2).all(|r| !world.lacks_new(r)));
        quiet && (old || new)
    }

    fn can_advance(&self, world: World) -> bool {
        world.all_up()
            && match world.get(POSITION) {
                0 | 3 => true,
                1 => self.all_new(world),
                2 => (0..2).all(|r| !world.lacks_new(r)),
                4 => world.get(FLAG) == 1,
                _ => false,
            }
    }

    fn operator(&self, world: World, out: &mut Vec<Move>) {
        let position = world.get(POSITION);
        if world.get(ABORTED) == 0 {
            if self.can_advance(world) {
                out.push(Move::Advance);
            }
            if world.get(FLAG) == 0 && position >= 1 && !world.all_old() {
                out.push(Move::FlagOn);
            }
            out.push(Move::Abort);
        } else if world.get(FLAG) == 1 {
            out.push(Move::FlagOff);
        } else if position >= 2 || position == 1 && world.all_old() {
            out.push(Move::Retreat);
        }
        self.deploys(world, out);
    }

    fn deploys(&self, world: World, out: &mut Vec<Move>) {
        if !world.all_up() {
            return;
        }
        let replicas = 0..self.replicas as u8;
        if world.get(ABORTED) == 1 {
            out.extend(replicas.filter(|i| world.get(new(*i)) == 1).map(Move::Downgrade));
        } else if world.get(POSITION) >= 1 {
            out.extend(replicas.filter(|i| world.get(new(*i)) == 0).map(Move::Upgrade));
        }
    }

    fn environment(&self, world: World, out: &mut Vec<Move>) {
        let up = |replica: &u8| world.get(down(*replica)) == 0;
        let replicas = 0..self.replicas as u8;
        if world.get(POSITION) == 2 {
            out.extend((0..2).filter(|r| world.lacks_new(*r)).map(Move::Backfill));
        }
        if !world.all_up() {
            out.extend(replicas.clone().filter(|i| !up(i)).map(Move::Restart));
        }
        if world.get(QUEUE_LEN) > 0 {
            out.extend(replicas.clone().filter(up).map(Move::Consume));
        }
        out.extend((0..2).filter(|r| world.get(cache(*r)) != 0).map(Move::Evict));
        if world.get(QUEUE_LEN) < self.messages_max {
            out.extend(replicas.clone().filter(up).map(Move::Produce));
        }
        for replica in replicas.clone().filter(up) {
            out.extend([Move::Write(replica, 0), Move::Write(replica, 1)]);
        }
        for row in 0..2 {
            match world.get(cache(row)) {
                0 => out.extend(replicas.clone().filter(up).map(|i| Move::Read(row, i))),
                1 => {}
                _ => out
                    .extend(replicas.clone().filter(|i| up(i) && world.get(new(*i)) == 0).map(|i| Move::Read(row, i))),
            }
        }
    }
}

fn advance(world: &mut World) {
    let position = world.get(POSITION);
    if position == 4 {
        world.set(ROWS, NEW_ONLY | NEW_ONLY << 2);
    }
    world.set(POSITION, position + 1);
}

fn retreat(world: &mut World) -> Effects {
    let position = world.get(POSITION);
    world.set(POSITION, position - 1);
    if position > 1 {
        return Effects::new();
    }
    let lost = (0..2).any(|r| world.get(row(r)) == NEW_ONLY);
    world.set(ROWS, 0);
    if lost { world.lose() } else { Effects::new() }
}

fn deploy(world: &mut World, replica: u8, version: u64) {
    world.set(new(replica), version);
    world.set(down(replica), 1);
}

fn produce(world: &mut World, replica: u8) {
    let queued = world.get(QUEUE_LEN);
    world.set(QUEUE, world.get(QUEUE) | (world.format(replica) - 1) << queued);
    world.set(QUEUE_LEN, queued + 1);
}

fn consume(world: &mut World, replica: u8) -> Effects {
    if world.get(QUEUE) & 1 == 0 || world.get(new(replica)) == 1 {
        world.pop();
        return Effects::new();
    }
    let mut effects = world.crash(replica);
    if world.get(REDELIVERED) == 0 {
        world.set(REDELIVERED, 1);
    } else {
        world.pop();
        effects.extend(world.lose());
    }
    effects
}

fn write(world: &mut World, replica: u8, index: u8) -> Effects {
    let (old, position) = (world.get(new(replica)) == 0, world.get(POSITION));
    if old && position == 5 {
        return world.crash(replica);
    }
    let written = match position {
        _ if old => old_write(world.get(row(index))),
        0 | 1 => old_write(world.get(row(index))),
        2 | 3 => BOTH,
        4 if world.get(FLAG) == 0 => BOTH,
        _ => NEW_ONLY,
    };
    world.set(row(index), written);
    world.set(cache(index), 0);
    Effects::new()
}

fn old_write(row: u64) -> u64 {
    if row == OLD_ONLY { OLD_ONLY } else { NEW_STALE }
}

fn read(world: &mut World, replica: u8, index: u8) -> Effects {
    let by_new_column = world.get(new(replica)) == 1 && world.get(POSITION) >= 4;
    let missing = if by_new_column { OLD_ONLY } else { NEW_ONLY };
    if world.get(cache(index)) == 2 || world.get(row(index)) == missing {
        return world.crash(replica);
    }
    world.set(cache(index), world.format(replica));
    Effects::new()
}

impl Relation for Rollout {
    type State = World;
    type Step = Move;

    fn start(&self) -> Vec<World> {
        vec![World(0)]
    }

    fn enabled(&self, state: &World, out: &mut Vec<Move>) {
        self.operator(*state, out);
        self.environment(*state, out);
    }

    fn count(&self, _: &World, _: Move) -> u64 {
        1
    }

    fn apply(&self, world: &mut World, step: Move) -> Effects {
        match step {
            Move::Advance => advance(world),
            Move::FlagOn => world.set(FLAG, 1),
            Move::Abort => world.set(ABORTED, 1),
            Move::FlagOff => world.set(FLAG, 0),
            Move::Retreat => return retreat(world),
            Move::Upgrade(replica) => deploy(world, replica, 1),
            Move::Downgrade(replica) => deploy(world, replica, 0),
            Move::Backfill(index) => world.set(row(index), BOTH),
            Move::Restart(replica) => world.set(down(replica), 0),
            Move::Consume(replica) => return consume(world, replica),
            Move::Evict(index) => world.set(cache(index), 0),
            Move::Produce(replica) => produce(world, replica),
            Move::Write(replica, index) => return write(world, replica, index),
            Move::Read(index, replica) => return read(world, replica, index),
        }
        Effects::new()
    }

    fn mover(&self, world: &World, step: Move) -> Mover {
        match step {
            Move::Advance if world.get(POSITION) == 2 => Mover::Operator(Operator::ForwardOverRows),
            Move::Advance | Move::FlagOn | Move::Upgrade(_) => Mover::Operator(Operator::Forward),
            Move::Abort => Mover::Operator(Operator::Abort),
            Move::FlagOff | Move::Retreat | Move::Downgrade(_) => Mover::Operator(Operator::Rollback),
            Move::Backfill(_) | Move::Restart(_) | Move::Consume(_) => Mover::Fair,
            Move::Evict(_) | Move::Produce(_) | Move::Write(..) | Move::Read(..) => Mover::Possible,
        }
    }

    fn pack(&self, state: &World, out: &mut Vec<u8>) {
        out.extend_from_slice(&state.0.to_le_bytes());
    }

    fn unpack(&self, bytes: &[u8]) -> Option<World> {
        let world = World(u64::from_le_bytes(bytes.try_into().ok()?));
        (world.get(REPLICAS) >> (2 * self.replicas) == 0).then_some(world)
    }
}
