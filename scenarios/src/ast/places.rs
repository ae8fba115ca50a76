//! Places, calls, flags and configs.

use super::*;

/// A table, document, queue, cache, disk, memory or effect.
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
    /// Outside: what is sent there cannot be taken back.
    Effect {
        /// `allowed:` the fields that may be sent only so.
        allowed: Vec<FieldUse>,
        /// `at_most: once`
        at_most_once: bool,
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
    /// `route:`
    pub route: Route,
    /// Whether some actor sends the request as declared behaviour; otherwise it has no fields and comes from the
    /// reply's receivers.
    pub request_is_sent: bool,
    /// Whether the file declares it.
    pub declared: bool,
}

/// Which replicas of its receivers a call reaches.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Route {
    /// Any.
    #[default]
    Any,
    /// The one that holds the role.
    Role(Name),
}

/// What one running replica holds while a quorum is up.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// Its name.
    pub name: Name,
    /// The service.
    pub of: Name,
    /// `quorum: majority` (else one)
    pub majority: bool,
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
