//! The scenario as its author wrote it, typed and checked: every name in it is declared, every default is filled in.
//!
//! `extends` and `if` are still as written; they are merged when the scenario is compiled.

use std::ops::Range;

/// A byte range of the scenario file.
pub type Span = Range<usize>;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands in the file.
    pub span: Span,
}

/// A name and where it stands.
pub type Name = Spanned<String>;

/// A duration in milliseconds.
pub type Millis = u64;

/// A whole scenario file.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// `name:`
    pub name: Name,
    /// Every place, in the order of declaration.
    pub places: Vec<Place>,
    /// Declared apis, then undeclared ones in order of first use.
    pub apis: Vec<Api>,
    /// Flags (with the values `off`, `on`) and configs.
    pub values: Vec<Value>,
    /// Services and clients, in the order of declaration.
    pub actors: Vec<Actor>,
    /// The plans: one unnamed, or the named ones; none if the start alone is judged.
    pub plans: Vec<Plan>,
    /// `repairs:`
    pub repairs: Vec<Step>,
    /// `operator:`
    pub operator: OperatorRules,
    /// `gates:`
    pub gates: Vec<Gate>,
    /// `metrics:` name and `ok share of` target
    pub metrics: Vec<(Name, Name)>,
    /// `faults:`
    pub faults: bool,
    /// Every default that was filled in, in the order of the file.
    pub assumed: Vec<Assumed>,
}

/// A default that was filled in because the file says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Assumed {
    /// Where it was filled in: `service orders`, `step deploy orders v2`.
    pub owner: String,
    /// The key.
    pub key: String,
    /// The value, as one would write it.
    pub value: String,
}

/// A table, document, queue, cache, disk or memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// Its name.
    pub name: Name,
    /// What it is.
    pub kind: PlaceKind,
    /// Declared columns or fields, then the others in order of first use.
    pub fields: Vec<Field>,
    /// `starts:` field and the tags or states it may start with.
    pub starts: Vec<(Name, Vec<Name>)>,
}

/// What sort of container a place is, with the attributes of that sort.
#[derive(Clone, Debug, PartialEq)]
pub enum PlaceKind {
    /// Rows.
    Table {
        /// The key column (default: the first).
        key: String,
        /// How many rows.
        rows: Option<u64>,
        /// Declared migrations.
        migrations: Vec<Migration>,
    },
    /// Replaced as a whole.
    Document,
    /// Messages.
    Queue {
        /// Messages in flight in normal operation.
        in_flight: Option<u64>,
        /// `order: fifo`
        fifo: bool,
        /// `ack: on receive`
        ack_on_receive: bool,
        /// Deliveries until the message is given up; `None` = unbounded.
        attempts: Option<u64>,
        /// Pause between deliveries.
        backoff: Option<Millis>,
        /// `then: drop` (else dead-letter)
        then_drop: bool,
        /// How long a message is kept.
        retention: Option<Millis>,
        /// How long a message is held back.
        delay: Option<Millis>,
        /// `to: each service` (else any one)
        to_each_service: bool,
    },
    /// Cache entries.
    Cache {
        /// The table whose rows are cached.
        of: Option<Name>,
        /// Time to live.
        ttl: Option<Millis>,
        /// What a write to the source does.
        on_write: OnWrite,
        /// `fresh: required`
        fresh_required: bool,
    },
    /// Private to each replica of a service, survives a restart.
    Disk {
        /// The owner.
        of: Name,
        /// Time to live.
        ttl: Option<Millis>,
    },
    /// Private to each replica of a service, gone after a restart.
    Memory {
        /// The owner.
        of: Name,
        /// Time to live.
        ttl: Option<Millis>,
    },
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
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name.
    pub name: Name,
    /// Declared value tags; empty = any.
    pub values: Vec<Name>,
    /// Tables: `not_null`.
    pub not_null: bool,
    /// Whether the file declares it, or only uses it.
    pub declared: bool,
    /// Whether a migration adds it, so that it is not there at the start.
    pub added_by_migration: bool,
    /// `same_as: [PLACE.]FIELD`: (place or this one, field).
    pub same_as: Option<(Option<Name>, Name)>,
    /// Its loss is no loss.
    pub disposable: bool,
}

/// A named migration of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Migration {
    /// Its name.
    pub name: Name,
    /// What it does.
    pub change: MigrationChange,
}

/// What a migration does.
#[derive(Clone, Debug, PartialEq)]
pub enum MigrationChange {
    /// `add_column: c` (nullable)
    AddColumn(Name),
    /// `drop_column: c`
    DropColumn(Name),
    /// `rename_column: {from: to}`
    RenameColumn(Name, Name),
    /// `alter_column: {c: nullable|not_null}`
    AlterColumn {
        /// The column.
        column: Name,
        /// The new constraint.
        not_null: bool,
    },
    /// `drop_value: {field: tag}`
    DropValue(Name, Name),
}

/// A call between live actors.
#[derive(Clone, Debug, PartialEq)]
pub struct Api {
    /// Its name, without `.reply`.
    pub name: Name,
    /// The receiving services (`between` names one, which also sends).
    pub to: Vec<Name>,
    /// `between:` replicas of one service call each other.
    pub between: bool,
    /// Whether some actor sends the request as declared behaviour; otherwise it has no fields and comes from the
    /// reply's receivers.
    pub request_is_sent: bool,
    /// Whether the file declares it.
    pub declared: bool,
}

/// A flag or a config value.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// Its name.
    pub name: Name,
    /// Whether it was declared under `flags`.
    pub flag: bool,
    /// The values; flags have `off`, `on`.
    pub values: Vec<Name>,
    /// Index into `values` at the start.
    pub starts: usize,
    /// The service that observes it; `None` = all.
    pub of: Option<Name>,
    /// How replicas learn of a change.
    pub observed: Observed,
    /// It moves only towards the end of the list.
    pub irreversible: bool,
    /// `becomes:` index of the value, and when.
    pub becomes: Vec<(usize, Becomes)>,
}

/// How replicas learn of a new value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// All at the same moment.
    AtOnce,
    /// Each at its own moment, within a time.
    Within(Millis),
    /// Each at its next start.
    OnRestart,
}

/// When the environment changes a value by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Becomes {
    /// At any time, or never.
    AnyTime,
    /// Once a fact holds.
    Fact(Fact),
}

/// A service or a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    /// Its name.
    pub name: Name,
    /// Service or client attributes.
    pub kind: ActorKind,
    /// Its versions; the first runs at the start. An actor without declared versions has one, named as in
    /// [`Actor::UNVERSIONED`].
    pub versions: Vec<Version>,
}

impl Actor {
    /// The name of the only version of an actor that declares none.
    pub const UNVERSIONED: &'static str = "";
}

/// What sort of actor.
#[derive(Clone, Debug, PartialEq)]
pub enum ActorKind {
    /// Deployed by us.
    Service {
        /// Running copies.
        replicas: u64,
        /// Replicas that no step moves: how many, at which version.
        stragglers: Option<(u64, Name)>,
        /// Long-lived sessions: per replica, lifetime.
        sessions: Option<(u64, Millis)>,
        /// Who is told.
        owner: Option<String>,
    },
    /// Not deployed by us.
    Client {
        /// Its traffic and whether it fades.
        traffic: Option<Traffic>,
        /// The service it is loaded from.
        loaded_from: Option<Name>,
        /// How long it keeps its version.
        lives: Option<Millis>,
    },
}

/// A client's traffic.
#[derive(Clone, Debug, PartialEq)]
pub enum Traffic {
    /// A constant share, in percent.
    Share(f64),
    /// `A% falling to B% in DUR`
    Falling {
        /// Share at the start, percent.
        from: f64,
        /// Share at the end, percent.
        to: f64,
        /// How long it takes.
        within: Millis,
    },
    /// What the others leave.
    Rest,
}

/// One version of an actor.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Its name.
    pub name: Name,
    /// What it does.
    pub body: Body,
    /// `extends:` (service or client, version); the service is filled in.
    pub extends: Vec<(String, Name)>,
    /// `starts_if:`
    pub starts_if: Option<Fact>,
    /// `ready_in:`
    pub ready_in: Option<Millis>,
    /// `latency:`
    pub latency: Option<Millis>,
    /// `artifact:`
    pub artifact: Option<String>,
}

/// What a version does; also the body of an `if`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Body {
    /// `reads:` etc. directly under the version.
    pub verbs: Verbs,
    /// `handlers:`; `None` as the handler = removed (`none`).
    pub handlers: Vec<(Name, Option<Handler>)>,
    /// `on_*` and `keeps_unknown`, as far as given here.
    pub otherwise: Otherwise,
    /// `if COND:` overlays, in order.
    pub overlays: Vec<(Condition, Body)>,
}

/// The four verbs and `deletes`. `None` as the fields = `none`: removed by an overlay.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Verbs {
    /// `reads:` by place.
    pub reads: Vec<(Name, Option<Fields>)>,
    /// `writes:` by place.
    pub writes: Vec<(Name, Option<Fields>)>,
    /// `sends:` by queue, api, or api and `.reply` (the name is as written).
    pub sends: Vec<(Name, Option<Fields>)>,
    /// `receives:` likewise.
    pub receives: Vec<(Name, Option<Fields>)>,
    /// `deletes:`
    pub deletes: Vec<Name>,
}

/// A handler under `handlers:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// What wakes it.
    pub trigger: Trigger,
    /// `when:`
    pub when: Option<Fact>,
    /// What it does.
    pub verbs: Verbs,
    /// `ends_in:`
    pub ends_in: Option<Spanned<Outcome>>,
    /// `same_transaction:`
    pub same_transaction: bool,
    /// `on_*`
    pub otherwise: Otherwise,
}

/// What wakes a handler.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// What it `receives`, else a user's request.
    Arrival,
    /// The start of a replica.
    Start,
    /// A timer (`every DUR`, `at HH:MM`): the period.
    Timer(Millis),
    /// A change of that place by another actor.
    Write(Name),
}

/// The fields of one verb on one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields {
    /// The fields.
    pub list: Vec<FieldUse>,
    /// `on_*` given for this place only.
    pub otherwise: Otherwise,
    /// Where the whole list stands.
    pub span: Span,
}

/// One entry of a field list.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldUse {
    /// The alternatives in order (one, unless the reader falls back).
    pub alternatives: Vec<Name>,
    /// What stands in when none is there.
    pub fallback: Fallback,
    /// Accepted or written tags; empty = any / untagged. The reserved words `wrong`, `any`, `fresh`, `stale`,
    /// `absent` stand here as written.
    pub tags: Vec<Name>,
    /// `from PLACE.field`, and whether `or nothing` follows.
    pub from: Option<(Name, Name, bool)>,
    /// Where it stands.
    pub span: Span,
}

/// What stands in for a field that is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing: `on_missing_field`.
    None,
    /// `or "literal"`
    Literal(String),
    /// `or nothing`
    Nothing,
}

/// What happens to a handler that meets what it does not expect. `None` = not given here.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Otherwise {
    /// `on_missing_field:` (default reject)
    pub on_missing_field: Option<Spanned<Outcome>>,
    /// `on_unknown_field:` (default ignore)
    pub on_unknown_field: Option<Spanned<Outcome>>,
    /// `on_unknown_value:` (default reject)
    pub on_unknown_value: Option<Spanned<Outcome>>,
    /// `keeps_unknown:` (default false)
    pub keeps_unknown: Option<bool>,
}

/// How a handler ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It goes on.
    Ignore,
    /// The caller sees an error.
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

/// `if COND`: all of its literals hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// `not`, value name, index of the value that must (not) be observed.
    pub literals: Vec<(bool, Name, usize)>,
    /// Where it stands.
    pub span: Span,
}

/// A conjunction of facts.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// All of them must hold.
    pub all: Vec<Spanned<Atom>>,
    /// Where it stands.
    pub span: Span,
}

/// One fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Atom {
    /// `all SVC >= VER`
    AllAtLeast(String, String),
    /// `all SVC at VER`
    AllAt(String, String),
    /// `all SVC up`
    AllUp(String),
    /// `any SVC [at VER] up`
    AnyUp(String, Option<String>),
    /// `no SVC VER`
    NoVersion(String, String),
    /// `no CLIENT`
    NoClient(String),
    /// `no PLACE where FIELD is [not] X`: place, field, not, X
    NoItemWhere(String, String, bool, FieldState),
    /// `PLACE is empty` / `PLACE is absent`
    Empty(String),
    /// `PLACE is present`
    Present(String),
    /// `PLACE.FIELD is [not] X`: place, field, not, X
    FieldIs(String, String, bool, FieldState),
    /// `CONFIG is [not] VALUE`, `FLAG is on|off`: value, not, index
    ValueIs(String, bool, usize),
    /// `DUR since STEP`: duration, step id
    Since(Millis, String),
    /// `CLIENT traffic < PCT`
    TrafficBelow(String, f64),
}

/// What a field is asked for in a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldState {
    /// It is not there.
    Absent,
    /// It is there and does not stand for the latest fact.
    Stale,
    /// It is there with that tag.
    Tag(String),
}

/// A plan and what belongs to it; plan level has already overridden top level.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Its name under `plans:`; `None` for `plan:`.
    pub name: Option<Name>,
    /// The steps.
    pub steps: Vec<Step>,
    /// `rollback:` (default inverse)
    pub rollback: Rollback,
    /// `rollforward:`
    pub rollforward: Vec<Step>,
    /// `expect:`
    pub expect: Expect,
}

/// The declared rollback.
#[derive(Clone, Debug, PartialEq)]
pub enum Rollback {
    /// The exact reverse order of the steps begun.
    Inverse,
    /// The deploys alone.
    CodeOnly,
    /// Also the down-migrations.
    UndoEverything,
    /// A list, run from its first line.
    List(Vec<Step>),
    /// `{to STEP: list}`: a list per floor.
    To(Vec<(Name, Vec<Step>)>),
}

/// One step of a plan, rollback, rollforward or repairs.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The full id: `id:`, else verb and value, repeats with ` #2`.
    pub id: String,
    /// What it does.
    pub verb: Verb,
    /// `when:`
    pub when: Option<Fact>,
    /// `needs:` ids of steps.
    pub needs: Vec<Name>,
    /// `undo:`; `None` = not given, empty = `none`.
    pub undo: Option<Vec<Step>>,
    /// `floor: true`
    pub floor: bool,
    /// `gate:`, defaults applied.
    pub gate: Option<Name>,
    /// `verify:`
    pub verify: Option<Spanned<Verify>>,
    /// `once: true`
    pub once: bool,
    /// Stages of a rolling step, defaults applied; empty = `none`.
    pub canary: Vec<Share>,
    /// `bake:`, defaults applied.
    pub bake: Millis,
    /// `stragglers: included`
    pub stragglers_included: bool,
    /// `like:` the declared version that the deployed one behaves as.
    pub like: Option<Name>,
    /// `ready_in:`
    pub ready_in: Option<Millis>,
    /// The whole entry.
    pub span: Span,
    /// The verb's value.
    pub verb_span: Span,
}

/// A share of the replicas.
#[derive(Clone, Debug, PartialEq)]
pub enum Share {
    /// `N replica(s)`
    Replicas(u64),
    /// `PCT`
    Percent(f64),
}

/// What a step does. Names are declared ones.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// `migrate: TABLE.MIGRATION [undo]`
    Migrate {
        /// The table.
        table: String,
        /// The migration.
        migration: String,
        /// Whether it is taken back.
        undo: bool,
    },
    /// `deploy: SERVICE VERSION`
    Deploy {
        /// The service.
        service: String,
        /// The version as written; if it is not declared, [`Step::like`] is.
        version: String,
    },
    /// `flag: F on|off`, `set: CONFIG VALUE`
    Set {
        /// The flag or config.
        value: String,
        /// Index of the value.
        to: usize,
    },
    /// `backfill: P.f from f2|P2.f2|"lit"`, `backfill: P.f A -> B`
    Backfill {
        /// The place.
        place: String,
        /// The field.
        field: String,
        /// Where the new value comes from.
        source: BackfillSource,
        /// Not only absent targets.
        overwrite: bool,
        /// Reading and writing are two moves.
        batched: bool,
        /// Rows per second.
        rate: Option<u64>,
        /// Whether doing a row twice is harmless.
        idempotent: bool,
    },
    /// `wait: DUR`
    Wait(Millis),
    /// `wait: until FACT`
    WaitUntil(Fact),
    /// `drain: QUEUE`
    Drain(String),
    /// `flush: CACHE`
    Flush(String),
    /// `purge: PLACE [where FIELD is TAG]`
    Purge(String, Option<(String, FieldState)>),
    /// `move: Q1 to Q2`
    Move(String, String),
    /// `requeue: QUEUE`
    Requeue(String),
    /// `restart: SVC`
    Restart(String),
    /// `pause:` a person confirms.
    Pause,
    /// `parallel: [STEP]`
    Parallel(Vec<Step>),
}

/// Where a backfill takes its values from.
#[derive(Clone, Debug, PartialEq)]
pub enum BackfillSource {
    /// A field of the same item or of another place.
    Field {
        /// The other place, if it is another.
        place: Option<String>,
        /// The field.
        field: String,
    },
    /// A literal.
    Literal(String),
    /// Values of one tag become values of another.
    Retag {
        /// From.
        from: String,
        /// To.
        to: String,
    },
}

/// `verify: count(FIELD is …) OP N`
#[derive(Clone, Debug, PartialEq)]
pub struct Verify {
    /// The field, of the step's place.
    pub field: String,
    /// What is counted.
    pub counted: Counted,
    /// The comparison, as written.
    pub op: Comparison,
    /// The number.
    pub limit: u64,
}

/// What a verify counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Counted {
    /// Rows in which the field is absent.
    Absent,
    /// Rows in which the field has that tag.
    Tag(String),
    /// Rows in which the field differs from another one.
    DistinctFrom(String),
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`, `at most` without equality
    Less,
    /// `<=`, `at most`
    AtMost,
    /// `==`
    Equal,
    /// `>=`, `at least`
    AtLeast,
    /// `>`
    Greater,
}

/// `operator:`
#[derive(Clone, Debug, PartialEq)]
pub struct OperatorRules {
    /// Verbs, or `forward`.
    pub may_not: Vec<Name>,
    /// `needs:` verb with an optional argument, and the fact.
    pub needs: Vec<(Name, Fact)>,
    /// `takes:`
    pub takes: Vec<(Name, Millis)>,
    /// `waits_at_most:` (default 1h)
    pub waits_at_most: Millis,
}

/// `gates:`
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Its name.
    pub name: Name,
    /// `metric of op limit`, as written and as parsed.
    pub abort_if: Vec<Spanned<GateCondition>>,
    /// `for:`
    pub during: Millis,
}

/// One condition of a gate.
#[derive(Clone, Debug, PartialEq)]
pub struct GateCondition {
    /// The metric, with its argument if any.
    pub metric: String,
    /// Whether that metric is built in or declared under `metrics`.
    pub known: bool,
    /// `canary`, `stable` or `fleet`.
    pub of: Option<String>,
    /// The comparison.
    pub op: Comparison,
    /// The limit as written (`2%`, `1.4x baseline`).
    pub limit: String,
}

/// `expect:`
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Expect {
    /// `verdict:` safe, unsafe or undecided.
    pub verdict: Option<Name>,
    /// `recovery:` safe, rollback, forward, repair or irrecoverable.
    pub recovery: Option<Name>,
    /// `loss: accepted`
    pub loss_accepted: bool,
    /// `rollback_safe_until:` resolved to a full step id, `start` or `end`; `None` = not given (`end`).
    pub rollback_safe_until: Option<Name>,
    /// `no_return:` as written, with the step resolved to its full id.
    pub no_return: Option<(Name, Option<String>)>,
    /// Metric limits: metric, comparison, limit as written.
    pub metrics: Vec<(Name, Comparison, String)>,
}
