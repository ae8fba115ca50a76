//! The fleet as compiled data: every name is a number, every default is filled in.

mod behaviour;
mod fact;
mod line;

use crate::fleet::state::Byte;

pub use behaviour::*;
pub use fact::*;
pub use line::*;

/// A value tag; 0 is "untagged".
pub type Tag = u8;

/// A number of a place in [`Definition::places`].
pub type PlaceId = u16;
/// A number of an actor version in [`Definition::versions`].
pub type VersionId = u16;
/// A number of a handler in [`Definition::handlers`].
pub type HandlerId = u16;

/// Everything that a fleet is and does.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    /// Tables, documents, queues, caches, disks, memory, effects.
    pub places: Vec<Place>,
    /// Calls.
    pub apis: Vec<Api>,
    /// Flags and configs.
    pub values: Vec<Value>,
    /// What one running replica holds.
    pub roles: Vec<Role>,
    /// Services and clients.
    pub actors: Vec<Actor>,
    /// All versions of all actors; those of one actor are adjacent, in the order of declaration.
    pub versions: Vec<Version>,
    /// All handlers of all versions.
    pub handlers: Vec<Handler>,
    /// How many rules are declared for what is not as expected.
    pub rules: u16,
    /// How many data there are; fields that stand for one datum share its number.
    pub data: u16,
    /// The plan.
    pub plan: Vec<Line>,
    /// The plan that an operator who slips means to follow: its end is a goal too. Empty if he does not slip.
    pub intended: Vec<Line>,
    /// The declared rollback.
    pub rollback: RollbackRule,
    /// The declared hotfix.
    pub hotfix: Vec<Line>,
    /// What a repair may use, beside the built-in moves.
    pub repairs: Vec<Line>,
    /// The step (counted from 1) before which a rollback is promised; `plan.len() + 1` = always.
    pub promised_until: u16,
    /// The longest time that passes unordered, in milliseconds.
    pub waits_at_most: u64,
    /// Whether faults may happen.
    pub faults: bool,
    /// Verbs that the operator may not use in a repair.
    pub may_not: Vec<OpKind>,
    /// A repair of that kind (on that place, actor or value) exists only while the fact holds.
    pub needs: Vec<(OpKind, Option<u16>, Fact)>,
    /// Whether finishing the plan is no way out.
    pub may_not_forward: bool,
    /// Start contents: place, and the alternatives for its item (presence and fields).
    pub starts: Vec<(PlaceId, Vec<Vec<Byte>>)>,
}

/// A container.
#[derive(Clone, Debug)]
pub struct Place {
    /// What sort.
    pub kind: PlaceKind,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Disks and memory: how long an item lives.
    pub ttl: Option<u64>,
}

/// What sort of container.
#[derive(Clone, Debug, PartialEq)]
pub enum PlaceKind {
    /// Rows, with a schema.
    Table,
    /// Replaced as a whole.
    Document,
    /// Messages.
    Queue(Queue),
    /// Entries.
    Cache(Cache),
    /// Of each replica of that actor, survives a restart.
    Disk(u16),
    /// Of each replica of that actor, gone after a restart.
    Memory(u16),
    /// Outside: what is sent there cannot be taken back. It has no fields of its own: nothing of what is sent is kept.
    Effect(Effect),
}

/// The attributes of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Deliveries that may fail until the message is given up; 0 = unbounded.
    pub attempts: u8,
    /// What is given up is dropped, not set aside.
    pub then_drop: bool,
    /// A message is acknowledged before it is handled.
    pub ack_on_receive: bool,
    /// Every consuming service gets a copy.
    pub to_each_service: bool,
    /// Only the first message in line is delivered.
    pub fifo: bool,
    /// How long a message is kept.
    pub retention: Option<u64>,
}

/// The attributes of a cache.
#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    /// The table that is cached.
    pub of: Option<PlaceId>,
    /// Time to live.
    pub ttl: Option<u64>,
    /// What a write to the source does.
    pub on_write: OnWrite,
    /// A stale hit is harm.
    pub fresh_required: bool,
}

/// The attributes of a place outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// How many fields are sent there.
    pub fields: usize,
    /// The fields that may be sent only so.
    pub allowed: Vec<(u8, Vec<FieldIs>)>,
    /// A second time for one key is loss.
    pub at_most_once: bool,
}

/// What a write to its source does to a cache entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnWrite {
    /// It stays.
    Leave,
    /// It is removed.
    Invalidate,
    /// It is filled anew.
    Refresh,
}

/// A column or field.
#[derive(Clone, Debug)]
pub struct Field {
    /// The datum it stands for.
    pub datum: u16,
    /// Tables: there at the start.
    pub exists: bool,
    /// Tables: not null at the start.
    pub not_null: bool,
    /// Filled by the store.
    pub store_filled: bool,
    /// Its loss is no loss.
    pub disposable: bool,
}

/// A call.
#[derive(Clone, Debug)]
pub struct Api {
    /// The receiving actors.
    pub to: Vec<u16>,
    /// Which of their replicas.
    pub route: Route,
    /// How many fields its payloads have, request and reply together.
    pub fields: usize,
    /// Whether the request is declared behaviour of somebody.
    pub request_is_sent: bool,
}

/// Which replicas of its receivers a call reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// Any.
    #[default]
    Any,
    /// The one that holds the role.
    Role(u16),
}

/// What one running replica of a service holds while a quorum is up.
#[derive(Clone, Debug)]
pub struct Role {
    /// The service.
    pub of: u16,
    /// More than half of its replicas must be up, not only one.
    pub majority: bool,
    /// The declaration.
    pub origin: u16,
}

/// A flag or config.
#[derive(Clone, Debug)]
pub struct Value {
    /// Whether it is a flag, which a repair may set.
    pub flag: bool,
    /// How many values it has.
    pub values: u8,
    /// The one at the start.
    pub starts: u8,
    /// The observing actor; `None` = all.
    pub of: Option<u16>,
    /// How replicas learn of it.
    pub observed: Observed,
    /// It moves only upwards.
    pub irreversible: bool,
}

/// How replicas learn of a new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// All at the same moment.
    AtOnce,
    /// Each at its own moment.
    Lagging,
    /// Each at its next start.
    OnRestart,
}

/// A service or a client.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Its versions, as a range of [`Definition::versions`].
    pub versions: std::ops::Range<u16>,
    /// Services: how many replicas are explored.
    pub replicas: u32,
    /// Services: replicas that no step moves.
    pub stragglers: Option<(u32, VersionId)>,
    /// A client: not deployed, not counted.
    pub client: bool,
    /// A client whose traffic falls, and in what time.
    pub fades_in: Option<u64>,
}
