//! The one value that every writer reads: what a check found about one scenario file.
//!
//! The value is plain. Its fields mirror the JSON contract (`json.rs` says which), and beside them stands what a person
//! wants to read on a terminal. Nothing is derived from anything else, save what is said so.

use std::ops::Range;

/// A byte range of [`Report::source_text`]. Writers clamp a range that does not fit.
pub type Span = Range<usize>;

/// What a check found about one scenario file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// The file as the user named it.
    pub file: String,
    /// The text of the file, which the spans point into.
    pub source_text: String,
    /// The scenario's `name:`.
    pub scenario: String,
    /// One entry per checked plan, in the order of the file.
    pub plans: Vec<PlanReport>,
}

/// A file that could not be checked, and why.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InvalidFile {
    /// The file as the user named it.
    pub file: String,
    /// The text of the file, which the spans point into; empty if it could not be read.
    pub source_text: String,
    /// The problems, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// One problem of a scenario file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// The code, such as `TB101`.
    pub code: String,
    /// Whether the file can be checked all the same.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
    /// What to do about it.
    pub help: Option<String>,
    /// The text to blame, for the terminal.
    pub span: Option<Span>,
}

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// The file can be checked, but something in it deserves a look.
    Warning,
    /// The file cannot be checked.
    Error,
}

impl Severity {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// What a check found about one plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanReport {
    /// The name of the plan; `None` for a file with one `plan:`.
    pub plan: Option<String>,
    /// Safe, unsafe or undecided.
    pub verdict: Verdict,
    /// The worst zone that counts.
    pub recovery: Recovery,
    /// What was promised about the rollback, and what was found.
    pub rollback_safe_until: Promise,
    /// The last step all of whose positions can be rolled back; `None` if not even the start can.
    pub last_safe_rollback_point: Option<Point>,
    /// The steps of the plan, in its order.
    pub steps: Vec<Step>,
    /// The positions, in the order in which the plan passes them, the start first.
    pub positions: Vec<Position>,
    /// Where the rollback is lost: the step and, if there is one, the event.
    pub point_of_no_return: Vec<TurningPoint>,
    /// What speaks against the plan, the worst first.
    pub findings: Vec<Finding>,
    /// What no path used.
    pub vacuous: Vec<Vacuous>,
    /// What the scenario says nothing about (cron, callbacks, clients, …).
    pub not_stated: Vec<String>,
    /// What was taken for granted.
    pub assumed: Vec<String>,
    /// How many states were explored.
    pub states: u64,
    /// How many transitions were explored.
    pub transitions: u64,
    /// Whether everything was explored.
    pub complete: bool,
    /// Why the verdict is open and what was explored; only if it is.
    pub undecided: Option<Undecided>,
    /// Harm in a rollback that begins beyond the promised step: shown, not charged.
    pub would_hurt: Vec<Harm>,
    /// Harm that is possible before the plan begins: shown, not charged.
    pub pre_existing: Vec<Harm>,
    /// Harmless places between home and goal where a recovery can end: said, not counted.
    pub parked: Vec<String>,
    /// Limits on metrics that only timed runs can judge.
    pub metrics_not_checked: Vec<String>,
    /// Expectations of the scenario that did not come true.
    pub mismatches: Vec<Mismatch>,
    /// Which versions met: every declared pair, by place, writer and reader in the order of declaration.
    pub coverage: Vec<VersionPair>,
    /// The values of the flags and configs that steps set, in the order of declaration.
    pub values_seen: Vec<ValueSeen>,
    /// The mistakes that the operator makes in this plan.
    pub slipped: Vec<String>,
    /// What becomes of the plan when its operator makes more mistakes.
    pub slips: Vec<SlipReport>,
    /// Whether not all mistakes were tried that were asked for.
    pub slips_cut_short: bool,
}

/// What becomes of a plan when its operator makes mistakes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SlipReport {
    /// The mistakes.
    pub slips: Vec<String>,
    /// Safe, unsafe or undecided.
    pub verdict: Verdict,
    /// The worst zone that counts.
    pub recovery: Recovery,
    /// What speaks against it, in a word, the worst first.
    pub titles: Vec<String>,
    /// Whether that is just what speaks against the plan as it is written.
    pub as_written: bool,
    /// The command that shows it.
    pub command: String,
}

/// Whether the plan may be run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// Every promise holds and nobody is hurt.
    Safe,
    /// A bound was hit before the answer was known.
    Undecided,
    /// There is a story that ends badly.
    Unsafe,
}

impl Verdict {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Safe => "safe",
            Verdict::Undecided => "undecided",
            Verdict::Unsafe => "unsafe",
        }
    }
}

/// The worst that the promise lets happen to a recovery, from the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Recovery {
    /// The rollback always works and nobody is hurt.
    Safe,
    /// The rollback always works.
    Rollback,
    /// Only forward.
    Forward,
    /// Only by a repair.
    Repair,
    /// A bound was hit before the answer was known.
    Undecided,
    /// Nothing works.
    Irrecoverable,
}

impl Recovery {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Recovery::Safe => "safe",
            Recovery::Rollback => "rollback",
            Recovery::Forward => "forward",
            Recovery::Repair => "repair",
            Recovery::Undecided => "undecided",
            Recovery::Irrecoverable => "irrecoverable",
        }
    }
}

/// The promise `rollback_safe_until` and what became of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Promise {
    /// The step before which the rollback was promised to work.
    pub promised: Point,
    /// The step before which it does work.
    pub found: Point,
}

/// A step as a place in the plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Point {
    /// Before any step.
    Start,
    /// The step with this full id.
    Step(String),
    /// After every step.
    End,
}

impl Point {
    /// The id of the contract: `start`, `end` or the step's own.
    pub fn id(&self) -> &str {
        match self {
            Point::Start => "start",
            Point::Step(id) => id,
            Point::End => "end",
        }
    }
}

/// One step of the plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Its number, counted from 1.
    pub number: usize,
    /// Its full id.
    pub id: String,
    /// What it does, in the words of the scenario: `deploy orders v3`.
    pub text: String,
    /// Where it is written.
    pub span: Span,
}

/// One position of the plan and what can be done there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// The step that was begun last, counted from 1; 0 is the start.
    pub step: usize,
    /// The full id of that step; `start` before any step.
    pub id: String,
    /// How far the step is.
    pub at: At,
    /// The best way out that always works.
    pub zone: Zone,
    /// Why there is none; only for [`Zone::Irrecoverable`].
    pub reason: Option<Reason>,
    /// The moves of that way out, in order; `None` if there is none.
    pub procedure: Option<Vec<String>>,
    /// What the declared rollback does from here.
    pub rollback_ends: RollbackEnds,
    /// Who can be hurt here.
    pub harms: Vec<Harm>,
}

/// How far a step is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum At {
    /// Before any step.
    Start,
    /// The first share has moved.
    Canary,
    /// Begun, not done.
    Mixed,
    /// Done.
    Done,
}

impl At {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            At::Start => "start",
            At::Canary => "canary",
            At::Mixed => "mixed",
            At::Done => "done",
        }
    }
}

/// The best way out of a position, from the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Zone {
    /// The declared rollback.
    Rollback,
    /// The rest of the plan, or a declared hotfix.
    Forward,
    /// Some list of permitted moves.
    Repair,
    /// A bound was hit before the answer was known.
    Undecided,
    /// None.
    Irrecoverable,
}

impl Zone {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Zone::Rollback => "rollback",
            Zone::Forward => "forward",
            Zone::Repair => "repair",
            Zone::Undecided => "undecided",
            Zone::Irrecoverable => "irrecoverable",
        }
    }
}

/// Why a position has no way out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// A fact or accepted work is gone.
    Lost,
    /// There is no path at all.
    Stuck,
    /// There are paths, but nobody can force one.
    Luck,
    /// Only an operator who sees every key could force one.
    Hidden,
}

impl Reason {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            Reason::Lost => "lost",
            Reason::Stuck => "stuck",
            Reason::Luck => "luck",
            Reason::Hidden => "hidden",
        }
    }
}

/// Where the declared rollback ends, from the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RollbackEnds {
    /// At home, and nobody is hurt on the way.
    Home,
    /// Somebody is hurt on the way.
    Hurts,
    /// A bound was hit before the answer was known.
    Undecided,
    /// It cannot finish.
    Stuck,
    /// Something is gone for good.
    Lost,
}

impl RollbackEnds {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            RollbackEnds::Home => "home",
            RollbackEnds::Hurts => "hurts",
            RollbackEnds::Undecided => "undecided",
            RollbackEnds::Stuck => "stuck",
            RollbackEnds::Lost => "lost",
        }
    }
}

/// One harm: what happens to whom, and the line to blame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Harm {
    /// The code of its page, see [`HarmKind::code`].
    pub code: &'static str,
    /// What happens.
    pub kind: HarmKind,
    /// Whether nobody sees an error.
    pub silent: bool,
    /// Whether it counts against the plan.
    pub charged: bool,
    /// Who suffers it: `orders v1`.
    pub who: String,
    /// What it happens to: `orders.status`.
    pub what: String,
    /// The line to blame, counted from 1.
    pub line: u32,
    /// The column to blame in characters, counted from 1.
    pub column: u32,
}

/// The kinds of harm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum HarmKind {
    /// The caller sees an error.
    Reject,
    /// A replica or client crashes.
    Crash,
    /// A value is taken for another one.
    Misread,
    /// A request or message is thrown away.
    Drop,
    /// A message is out of attempts and set aside.
    DeadLetter,
    /// There is no way on.
    Stuck,
    /// Accepted work cannot complete.
    Stalled,
    /// A write is refused by the store.
    WriteFails,
    /// A fact or accepted work is gone for good.
    Loss,
}

impl HarmKind {
    /// The word of the contract.
    pub fn word(self) -> &'static str {
        match self {
            HarmKind::Reject => "reject",
            HarmKind::Crash => "crash",
            HarmKind::Misread => "misread",
            HarmKind::Drop => "drop",
            HarmKind::DeadLetter => "dead-letter",
            HarmKind::Stuck => "stuck",
            HarmKind::Stalled => "stalled",
            HarmKind::WriteFails => "write-fails",
            HarmKind::Loss => "loss",
        }
    }

    /// The code of the page that explains it.
    pub fn code(self) -> &'static str {
        match self {
            HarmKind::WriteFails => "TB201",
            HarmKind::Reject => "TB202",
            HarmKind::Crash => "TB203",
            HarmKind::Misread => "TB204",
            HarmKind::Drop => "TB205",
            HarmKind::DeadLetter => "TB206",
            HarmKind::Stalled => "TB207",
            HarmKind::Loss => "TB208",
            HarmKind::Stuck => "TB209",
        }
    }
}

/// Where the rollback is lost.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TurningPoint {
    /// The full id of the step that leaves the rollback zone.
    pub step: String,
    /// The event after which the rollback fails: `first write by orders v3`; `None` if there is none.
    pub event: Option<String>,
}

/// Something that speaks against the plan, with its story.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The code of its page.
    pub code: &'static str,
    /// What is wrong, in one sentence.
    pub title: String,
    /// The first line to blame, counted from 1.
    pub line: u32,
    /// The lines to blame: version, rollback and plan; the first is the primary one.
    pub blame: Vec<Blame>,
    /// The moves that lead there, fewest first.
    pub story: Vec<StoryMove>,
    /// The number of the move after which nothing helps, counted from 1; 0 if that holds from the start.
    pub doomed_at: Option<usize>,
    /// The number of the move at which somebody could notice, counted from 1.
    pub first_symptom_at: Option<usize>,
    /// What can be changed without changing the outcome.
    pub does_not_matter: Vec<String>,
    /// What would still have helped.
    pub still_saved_by: Vec<String>,
    /// A proved change of the plan.
    pub fix: Option<Fix>,
    /// The command that replays the story.
    pub replay: Option<String>,
}

/// A piece of the scenario text that shares the blame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blame {
    /// Where.
    pub span: Span,
    /// Why, in a few words.
    pub label: String,
}

/// One move of a story.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoryMove {
    /// What happens.
    pub text: String,
    /// The line that lets it happen, counted from 1.
    pub line: Option<u32>,
}

/// A change of the scenario that was proved to mend a finding.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fix {
    /// What it does, in one sentence.
    pub summary: String,
    /// The change, one line per line, each beginning with `+`, `-` or a space.
    pub diff: String,
}

/// Something declared that no path used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vacuous {
    /// The code of its page.
    pub code: &'static str,
    /// What is vacuous.
    pub what: String,
    /// Where it is declared, counted from 1.
    pub line: Option<u32>,
}

/// Why a verdict is open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Undecided {
    /// The bound that was hit.
    pub why: String,
    /// What was explored, and what is definite all the same.
    pub explored: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// An expectation of the scenario that did not come true.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mismatch {
    /// The key under `expect:`.
    pub key: String,
    /// What the scenario expects.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// The line of the expectation, counted from 1.
    pub line: Option<u32>,
}

/// Two versions, one of which is declared to read (receive) what the other one writes (sends, calls).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionPair {
    /// Where: a table, a queue, `POST /charge`, `POST /charge.reply`.
    pub place: String,
    /// Who wrote: `orders v1`.
    pub writer: String,
    /// Who reads: `orders v2`.
    pub reader: String,
    /// Whether on some explored path the reader came across what the writer was the last to write.
    pub met: bool,
    /// The fields that the reader read on some path when the writer was the last to have written them.
    pub fields: Vec<String>,
    /// The other fields that the one writes and the other reads.
    pub never: Vec<String>,
}

/// A value of a flag or config.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ValueSeen {
    /// The flag or config.
    pub value: String,
    /// What it is: `on`, `off`, a value of a config.
    pub is: String,
    /// Whether somebody observed it on some explored path.
    pub observed: bool,
    /// Whether somebody who behaves one way or another because of it acted while he did.
    pub acted_on: bool,
}
