//! The lines of an operator's programmes.

use super::{Fact, FieldTest, PlaceId, Tag, VersionId};

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
    /// Takes a backup of the items of a place; the number of the step of the plan that does (0 = another line).
    Backup(PlaceId, u16),
    /// Puts the last backup back, or the last one that this step of the plan took; what it replaces is accepted loss.
    Restore(PlaceId, Option<u16>),
    /// Restarts the replicas of an actor, one at a time.
    Restart(u16),
    /// Changes the number of replicas of an actor, one at a time.
    Scale {
        /// The actor.
        actor: u16,
        /// To how many.
        to: u32,
    },
    /// Stops replicas of an actor for good, one at a time.
    Fence {
        /// The actor.
        actor: u16,
        /// Only those of that version.
        version: Option<VersionId>,
        /// Only those whose own item of that place has the field so.
        holds: Option<(PlaceId, u8, FieldTest)>,
    },
    /// Puts new replicas in the place of those of an actor, one at a time, with the disks of the start; what was on
    /// the old ones is accepted loss.
    Replace(u16),
}

impl Action {
    /// The actor whose replicas it takes one at a time.
    pub fn rolls(&self) -> Option<u16> {
        match self {
            Self::Deploy { actor, .. }
            | Self::Restart(actor)
            | Self::Replace(actor)
            | Self::Scale { actor, .. }
            | Self::Fence { actor, .. } => Some(*actor),
            _ => None,
        }
    }

    /// Whether it discards something, whose loss is thereby accepted.
    pub fn discards(&self) -> bool {
        matches!(self, Action::Purge(..) | Action::Restore(..) | Action::Replace(_))
    }
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
