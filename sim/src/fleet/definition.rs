//! The fleet as compiled data: every name is a number, every default is filled in.

use crate::fleet::state::Byte;

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
    /// Tables, documents, queues, caches, disks, memory.
    pub places: Vec<Place>,
    /// Calls.
    pub apis: Vec<Api>,
    /// Flags and configs.
    pub values: Vec<Value>,
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
    /// How many fields its payloads have, request and reply together.
    pub fields: usize,
    /// Whether the request is declared behaviour of somebody.
    pub request_is_sent: bool,
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

/// A version of an actor.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its actor.
    pub actor: u16,
    /// The conditions that its behaviour depends on.
    pub conditions: Vec<Vec<Literal>>,
    /// By the set of conditions that hold (bit i = condition i): its behaviour.
    pub variants: Vec<Behaviour>,
    /// It crashes at its start unless this holds.
    pub starts_if: Option<Fact>,
}

/// One literal of a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// The flag or config.
    pub value: u16,
    /// Its value.
    pub is: u8,
    /// Whether it must not have that value.
    pub not: bool,
}

/// What a version does under given flags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Behaviour {
    /// What it does by itself: on a user's request, on a message, on a timer, after a write.
    pub handlers: Vec<HandlerId>,
    /// What it does at its start, in order.
    pub boot: Vec<HandlerId>,
    /// What it accepts by call.
    pub accepts: Vec<Accept>,
    /// What it replies by call, where the reply does not depend on what was read.
    pub replies: Vec<(u16, Vec<Put>, u16)>,
}

/// What a version accepts by a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Accept {
    /// The call.
    pub api: u16,
    /// What it expects; `None` = the request has no declared fields.
    pub needs: Option<Needs>,
    /// What it then does.
    pub handler: Option<HandlerId>,
    /// The declaration.
    pub origin: u16,
}

/// What a reader expects of a payload or item.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Needs {
    /// Per needed datum.
    pub list: Vec<Need>,
    /// What happens otherwise.
    pub otherwise: Otherwise,
    /// Fields that the reader knows (bit by field).
    pub known: u64,
}

/// One needed datum.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// The alternatives in order.
    pub alternatives: Vec<u8>,
    /// Accepted tags; empty = any.
    pub tags: Vec<Tag>,
    /// Whether its absence is expected.
    pub optional: bool,
    /// Whether that is because a literal stands in.
    pub literal: bool,
}

/// What happens otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Otherwise {
    /// A needed field is not there.
    pub missing_field: Outcome,
    /// A field is there that the reader does not know.
    pub unknown_field: Outcome,
    /// A field has a tag that the reader does not accept.
    pub unknown_value: Outcome,
    /// The rules that declare them, in this order; [`Otherwise::DEFAULT`] = nobody declared it.
    pub rules: [u16; 3],
}

impl Otherwise {
    /// No declared rule.
    pub const DEFAULT: u16 = u16::MAX;
}

impl Default for Otherwise {
    fn default() -> Self {
        Self {
            missing_field: Outcome::Reject,
            unknown_field: Outcome::Ignore,
            unknown_value: Outcome::Reject,
            rules: [Self::DEFAULT; 3],
        }
    }
}

/// How a handler ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Ignore,
    /// The caller sees an error; a message counts an attempt.
    Reject,
    /// It will be tried again.
    Retry,
    /// Thrown away.
    Drop,
    /// The replica crashes.
    Crash,
    /// Taken for something else.
    Misread,
}

/// What a version does on one trigger.
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// The version it belongs to.
    pub version: VersionId,
    /// What wakes it.
    pub trigger: Trigger,
    /// It runs only while this holds for its key.
    pub when: Option<Fact>,
    /// What it does, moment by moment; a crash or another handler may fall between two moments.
    pub moments: Vec<Moment>,
    /// Values that are carried from a read to a later write or send: (source, field).
    pub carries: Vec<(Source, u8)>,
    /// It may end so.
    pub ends_in: Option<Outcome>,
    /// The declaration.
    pub origin: u16,
}

/// Where a carried value was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An item.
    Place(PlaceId),
    /// The payload that woke the handler.
    Payload,
}

/// What wakes a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A user or a timer: at any time.
    Anytime,
    /// A timer: again and again, surely.
    Timer,
    /// A message.
    Message(PlaceId),
    /// A call; the caller starts it.
    Call,
    /// The start of a replica.
    Boot,
    /// A change of that place by another actor.
    Write(PlaceId),
}

/// What happens in one moment.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Moment {
    /// In order.
    pub ops: Vec<Op>,
    /// How many tag choices its writes and sends leave.
    pub choices: u16,
}

/// One operation of a handler.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Looks at the payload that woke the handler.
    Receive(Needs),
    /// Reads an item.
    Read {
        /// Where.
        place: PlaceId,
        /// What it expects.
        needs: Needs,
        /// The declaration.
        origin: u16,
    },
    /// Writes an item.
    Write {
        /// Where.
        place: PlaceId,
        /// What.
        puts: Vec<Put>,
        /// Fields that it does not know survive, if the handler read the item before.
        keeps_unknown: bool,
        /// The declaration.
        origin: u16,
    },
    /// Removes an item.
    Delete {
        /// Where.
        place: PlaceId,
        /// The declaration.
        origin: u16,
    },
    /// Sends a message.
    Send {
        /// The queue.
        queue: PlaceId,
        /// What.
        puts: Vec<Put>,
        /// The declaration.
        origin: u16,
    },
    /// Calls a live replica; the only operation of its moment.
    Call {
        /// The call.
        api: u16,
        /// The request.
        puts: Vec<Put>,
        /// What the caller expects of the reply.
        reply: Option<Needs>,
        /// The declaration.
        origin: u16,
    },
    /// Replies to some caller; the only operation of its moment.
    Reply {
        /// The call.
        api: u16,
        /// The reply.
        puts: Vec<Put>,
        /// The declaration.
        origin: u16,
    },
}

/// A written or sent field.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    /// The field.
    pub field: u8,
    /// Its value.
    pub value: PutValue,
}

/// The value of a written or sent field.
#[derive(Clone, Debug, PartialEq)]
pub enum PutValue {
    /// From the request, as one of these: a tag fresh, or present and stale (it does not stand for the fact), or absent.
    New(Vec<Byte>),
    /// A carried value (index into [`Handler::carries`]), and its new tag.
    Copy {
        /// Which.
        carried: u8,
        /// Re-encoded as.
        retag: Option<Tag>,
    },
}

/// A conjunction.
pub type Fact = Vec<Atom>;

/// One fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Atom {
    /// All replicas of the actor run that version or a later one.
    AllAtLeast(u16, VersionId),
    /// All replicas of the actor run that version.
    AllAt(u16, VersionId),
    /// All replicas of the actor are up.
    AllUp(u16),
    /// Some replica of the actor (at that version) is up.
    AnyUp(u16, Option<VersionId>),
    /// No replica of the actor runs that version.
    NoVersion(u16, VersionId),
    /// The client is gone.
    Gone(u16),
    /// Never.
    Never,
    /// No item of the place has the field so.
    NoItemWhere(PlaceId, u8, FieldTest),
    /// No item is there.
    Empty(PlaceId),
    /// The item is there.
    Present(PlaceId),
    /// The item's field is so.
    FieldIs(PlaceId, u8, FieldTest),
    /// The value is (not) that one.
    ValueIs {
        /// The flag or config.
        value: u16,
        /// Its value.
        is: u8,
        /// Negated.
        not: bool,
    },
}

/// What a field is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldTest {
    /// Negated.
    pub not: bool,
    /// The question.
    pub is: FieldIs,
}

/// What a field can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldIs {
    /// Not there.
    Absent,
    /// There, and not the latest fact.
    Stale,
    /// There with that tag.
    Tag(Tag),
    /// Unlike that field of the same item.
    DistinctFrom(u8),
}

/// One line of an operator's programme.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What it does.
    pub action: Action,
    /// It begins only while this holds.
    pub when: Fact,
    /// It ends only while this holds.
    pub verify: Fact,
    /// Steps of the plan, counted from 1, that must have been run before.
    pub needs: Vec<u16>,
    /// A rollout that leaves one replica behind; from then on that is a straggler.
    pub forgets: bool,
    /// What it does first when it is taken back by `inverse`; `None`: it is never taken back.
    pub undo: Option<Vec<Line>>,
    /// Rolling back means back to here once it is done.
    pub floor: bool,
    /// Not run again on a second attempt.
    pub once: bool,
    /// How long each stage is watched, in milliseconds.
    pub bake: u64,
    /// Replicas of the first stage; 0 = no canary.
    pub canary: u32,
    /// Also moves stragglers.
    pub stragglers_included: bool,
    /// Share of the replicas at which a rolling step stays, in replicas; `u32::MAX` = all.
    pub stays_at: u32,
    /// The declaration.
    pub origin: u16,
}

/// What a line does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Nothing (a person confirms).
    Pause,
    /// Changes a table.
    Migrate {
        /// The table.
        table: PlaceId,
        /// How.
        change: SchemaChange,
    },
    /// Moves the replicas of an actor to a version, one at a time.
    Deploy {
        /// The actor.
        actor: u16,
        /// The version.
        version: VersionId,
    },
    /// Sets a flag or config.
    Set {
        /// Which.
        value: u16,
        /// To what.
        to: u8,
    },
    /// Passes every key once.
    Backfill(Backfill),
    /// Lets clocks run out.
    Wait(u64),
    /// Waits until a fact holds.
    WaitUntil(Fact),
    /// Waits until every message that was there is gone.
    Drain(PlaceId),
    /// Empties a cache.
    Flush(PlaceId),
    /// Discards items.
    Purge(PlaceId, Option<(u8, FieldTest)>),
    /// Moves messages; the fields of the first are those of the second, by this table.
    Move(PlaceId, PlaceId, Vec<Option<u8>>),
    /// Puts dead letters back.
    Requeue(PlaceId),
    /// Restarts the replicas of an actor, one at a time.
    Restart(u16),
}

/// The verbs that `operator: {may_not: …}` can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpKind {
    /// `deploy`
    Deploy,
    /// `flag`, `set`
    Set,
    /// `drain`
    Drain,
    /// `flush`
    Flush,
    /// `requeue`
    Requeue,
    /// `backfill`
    Backfill,
    /// Any other verb.
    Other,
}

/// A schema change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaChange {
    /// The column appears, empty and nullable.
    Add(u8),
    /// The column disappears with its contents.
    Drop(u8),
    /// The first column becomes the second.
    Rename(u8, u8),
    /// The column becomes nullable.
    Nullable(u8),
    /// The column becomes not null; fails if any row lacks it.
    NotNull(u8),
    /// Values with that tag count as absent for good.
    DropValue(u8, Tag),
}

/// A backfill.
#[derive(Clone, Debug, PartialEq)]
pub struct Backfill {
    /// Where.
    pub place: PlaceId,
    /// The target.
    pub field: u8,
    /// Where the new value comes from.
    pub from: BackfillFrom,
    /// Not only absent targets.
    pub overwrite: bool,
    /// Reading and writing are two moves.
    pub batched: bool,
    /// Doing a key twice is harmless.
    pub idempotent: bool,
}

/// Where a backfill takes its values from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackfillFrom {
    /// A field of a place.
    Field(PlaceId, u8),
    /// A literal, with its tag.
    Literal(Tag),
    /// Values of the first tag become values of the second.
    Retag(Tag, Tag),
}

/// The declared rollback.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum RollbackRule {
    /// The exact reverse order of the steps begun.
    #[default]
    Inverse,
    /// The deploys alone.
    CodeOnly,
    /// Also the down-migrations.
    UndoEverything,
    /// A list.
    List(Vec<Line>),
    /// A list per floor (0 = the start).
    To(Vec<(u16, Vec<Line>)>),
}
