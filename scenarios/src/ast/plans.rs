//! Plans, their steps, and what is expected of them.

use super::*;

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
    /// `backup: PLACE`
    Backup(String),
    /// `restore: PLACE [from STEP]`: the full id of the step, else the last backup.
    Restore(String, Option<String>),
    /// `restart: SVC`
    Restart(String),
    /// `replace: SVC`
    Replace(String),
    /// `scale: SVC N`
    Scale(String, u64),
    /// `fence: SVC [VER] [where PLACE.FIELD is [not] X]`
    Fence {
        /// The service.
        service: String,
        /// Only replicas of that version.
        version: Option<String>,
        /// Only replicas whose own item is so: place, field, not, X
        holds: Option<(String, String, bool, FieldState)>,
    },
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
    /// `no_return:`
    pub no_return: Option<NoReturn>,
    /// Metric limits: metric, comparison, limit as written.
    pub metrics: Vec<(Name, Comparison, String)>,
}

/// The point of no return that is expected.
#[derive(Clone, Debug, PartialEq)]
pub struct NoReturn {
    /// As written.
    pub written: Name,
    /// The full id of the step.
    pub step: String,
    /// What is expected to turn everything; `None` = not said.
    pub event: Option<Event>,
}

/// An event after which there is no return.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// `ACTOR [VERSION] verb PLACE`: somebody does something.
    Acts {
        /// The service or client.
        actor: String,
        /// Its version; `None` = any.
        version: Option<String>,
        /// What it does.
        verb: String,
        /// With what: a place, a call, or a call with `.reply`.
        place: String,
    },
    /// `CONFIG becomes VALUE`: the value and its index.
    Becomes(String, usize),
    /// `PLACE expires`
    Expires(String),
    /// `SERVICE starts`
    Starts(String),
}
