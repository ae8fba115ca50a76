//! Faults that a test plants in the engine while it runs, to see that some specification disagrees.
//!
//! Without the feature `planted` nothing can be planted, and [`planted`] is false at compile time.

macro_rules! faults {
    ($(#[doc = $what:literal] $name:ident,)*) => {
        /// A fault.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Planted { $(#[doc = $what] $name,)* }

        #[cfg(feature = "planted")]
        impl Planted {
            /// Every fault.
            pub const ALL: &[Planted] = &[$(Planted::$name,)*];

            /// What is wrong.
            pub fn what(self) -> &'static str {
                match self { $(Planted::$name => $what.trim_ascii(),)* }
            }
        }
    };
}

faults! {
    /// R1 is off: a stale value is read as if it were fresh.
    R1,
    /// R2 is off: what is not written in a row stays fresh.
    R2,
    /// R3 is off: a document keeps what its writer does not know.
    R3,
    /// R4 is off: a call that nobody declares is accepted.
    R4,
    /// R5 is off: a field that is missing is not missed.
    R5,
    /// R6 is off: a rejected message costs no attempt.
    R6,
    /// R7 is off: a write to the source leaves every cache alone.
    R7,
    /// R8 is off: a backfill overwrites what is there.
    R8,
    /// R9 is off: a column that does not exist can be named.
    R9,
    /// R10 is off: a fact whose last copy vanishes is not lost.
    R10,
    /// R11 is off: a step begins although its guard does not hold.
    R11,

    /// The last successor of a state that has several is dropped.
    LastSuccessorDropped,
    /// A move that leads back to its own state is dropped, with what it does to people.
    SelfLoopDropped,
    /// The table of states takes equal hashes of 16 bits for equal states.
    HashForState,
    /// A search that was cut short calls itself complete.
    CutOffCalledComplete,
    /// Of several start states only the first is explored.
    FirstStartOnly,
    /// The way that is told is not the shortest but one that goes deep first.
    DeepStory,

    /// A state in which the environment hurts somebody only later passes for a harbour.
    LaterHarmForgotten,
    /// A harbour need not be live: accepted work may wait there for ever.
    StalledForgotten,
    /// A harmless place between start and goal passes for home.
    ParkedIsHome,
    /// A programme counts as ended in its harbour although lines are left to play.
    EndsEarly,
    /// A guard over all rows is relied upon although a possible move can undo it.
    GuardOverRowsTrusted,
    /// A guard over all rows is relied upon unless what is bound to happen undoes it.
    GuardOverRowsByFairMoves,
    /// What may happen but need not is relied upon by plan and rollback.
    LuckInProgramme,
    /// What may happen but need not is relied upon by a repair.
    LuckInRepair,
    /// A procedure need not survive what the environment may do.
    ForcedForgotten,
    /// A procedure of plan or rollback need survive only what is bound to happen.
    PossibleNotForced,
    /// A procedure need not survive what leads into a state from which it fails, only what leads into loss.
    OneRoundOnly,
    /// A position from which something can be lost is not irrecoverable by that.
    LossInZoneForgotten,

    /// After a rollback that ended at home there is no second attempt.
    SecondAttemptForgotten,
    /// Abort after the last step is taken to work without a look.
    EndTakenOnTrust,
    /// Abort inside a canary is taken to work without a look.
    CanaryTakenOnTrust,
    /// A position is judged by the best of its states, not by the worst.
    BestState,
    /// Harm in a rollback is never charged.
    RollbackHarmsFree,
    /// Harm in a rollback is seen only before the first move of the rollback.
    LaterRollbackHarmsUnseen,
    /// Harm inside a canary is not seen.
    CanaryHarmsDropped,
    /// A harm is told at one position only, though it happens at several.
    HarmToldOnce,
    /// Harms of different versions pass for the same harm.
    ActorForgotten,
    /// Harm that the plan brings passes for harm of the start configuration.
    PreExistingFromPlan,
    /// Finishing counts as a way out although the operator may not finish.
    MayNotFinishForgotten,
    /// A plan that can stop for ever is not found.
    StallsForgotten,
    /// Safe is said although a place stays empty for ever.
    EmptyIsSafe,

    /// The last slice is not looked at.
    LastSliceIgnored,
    /// The rollback need serve one slice only.
    AnySliceServes,
    /// With several threads the slices are put together in the wrong order.
    SlicesSwapped,
    /// A hotfix is taken to work wherever it can begin.
    HotfixTrusted,
    /// A repair need serve one of the states that can be there, not all of them together.
    BlindnessForgotten,
    /// Of two keys followed side by side only one is there.
    JoinedHalf,
    /// The point of no return is told one step late.
    NoReturnLate,
    /// The event of the point of no return is the first after which only luck can help, not fair moves.
    NoReturnByLuck,

    /// The promise covers the position that it only leads up to.
    PromiseInclusive,
    /// Users are relied upon to come.
    RequestsBound,
    /// A replica is relied upon to restart by itself.
    RestartBound,
    /// A handler in progress is never cut short by a crash.
    CutForgotten,
    /// A queue that keeps order delivers in any.
    AnyOrder,
    /// A message is kept for ever, however short its retention.
    NeverExpires,
    /// A message that is thrown away is no loss.
    DropIsNoLoss,
    /// What a replica keeps in memory survives its restart.
    MemoryKept,
    /// What was misread is written as if it were fresh.
    MisreadWrittenFresh,
    /// A fleet with dead letters counts as settled.
    DeadLettersSettled,
    /// A fleet that has yet to observe a value counts as settled.
    UnobservedSettled,
    /// A schema that has lost a column counts as home.
    NarrowerHome,
    /// A guard over replicas does not see stragglers.
    StragglersMoved,
    /// Loss is forgotten when the operator changes the programme.
    LossNotSticky,
    /// A message whose consumer crashes is gone.
    GoneOnCrash,
    /// A message has one attempt more than declared.
    OneAttemptMore,
    /// A message is never delivered twice.
    NoDuplicates,
    /// A cache entry is never evicted.
    NeverEvicted,
    /// A backfill also visits rows that are created behind it.
    NewRowsVisited,
    /// A batched backfill reads and writes in one moment.
    BatchedInOne,
    /// A value counts as set before everybody observes it.
    SetUnobserved,
    /// A step that is in progress when the rollback begins is not taken back.
    BegunNotTakenBack,
    /// A floor counts as passed while its step is in progress.
    FloorTooEarly,
    /// A rollout moves stragglers too.
    StragglersDeployed,
    /// The rollback goes back behind the last floor.
    FloorsForgotten,
    /// A step marked `once` runs again.
    OnceForgotten,
    /// A value that cannot be set back is set back.
    IrreversibleSetBack,
    /// The condition at the end of a step is not asked for.
    VerifyForgotten,
    /// A drain ends although messages are left.
    DrainForgotten,
    /// A value that is observed late is observed at once.
    ObservedAtOnce,
    /// Whatever is sent outside is allowed.
    AnythingAllowed,
    /// What may be sent outside only once may be sent again.
    SentTwice,
    /// A backup does not grow old: what was written since counts for nothing when it is restored.
    BackupNeverOld,
    /// What is lost is gone for good although a backup can be restored.
    BackupHoldsNothing,
    /// What is restored stands for the fact although a newer value is held elsewhere.
    RestoredIsFresh,
    /// Copies of what a restore discards still stand for the fact.
    DiscardedStaysFresh,
    /// A new replica has the disk of the one it replaces.
    ReplacedKeepsDisk,
    /// What a replica keeps never runs out.
    NeverLapses,
    /// Of several keys only the first one moves.
    SecondKeyAsleep,
    /// A role stays with a replica that is down.
    RoleKept,
    /// One replica is enough where a role asks for a majority.
    OneIsQuorum,
    /// A role that is held never goes to another replica.
    RolesStay,
    /// A call reaches any replica though it is routed to the holder of a role.
    RouteForgotten,
    /// A start whose call is rejected succeeds.
    StartsUnanswered,
    /// A replica that was stopped for good counts in the quorum of a role.
    FencedInQuorum,
    /// Guards and queues count replicas that were stopped for good.
    FencedCounted,
    /// A replica that was stopped for good is not replaced either.
    FenceNotLifted,
    /// A new replica has the version of the start, whatever was deployed.
    NewcomersOld,
    /// What only the disk of a removed replica held is no loss.
    RemovedDiskKept,
    /// The packed state leaves out whether the rollback was promised.
    PackedWithoutPromise,
}

/// Whether `fault` is planted.
#[cfg(not(feature = "planted"))]
#[inline(always)]
pub(crate) const fn planted(fault: Planted) -> bool {
    let _ = fault;
    false
}

#[cfg(feature = "planted")]
mod chosen {
    use super::Planted;
    use std::sync::atomic::{AtomicU8, Ordering};

    /// The number of the fault, counted from 1; 0 = none.
    static CHOSEN: AtomicU8 = AtomicU8::new(0);

    /// Plants `fault` in the whole process in place of the one before.
    pub fn plant(fault: Option<Planted>) {
        CHOSEN.store(fault.map_or(0, |fault| fault as u8 + 1), Ordering::SeqCst);
    }

    /// Whether `fault` is planted.
    #[inline]
    pub(crate) fn planted(fault: Planted) -> bool {
        CHOSEN.load(Ordering::Relaxed) == fault as u8 + 1
    }
}

#[cfg(feature = "planted")]
pub use chosen::plant;
#[cfg(feature = "planted")]
pub(crate) use chosen::planted;
