//! What `turnback test` found about a plan: the value, a page for people, and a line for machines.

use serde::Serialize;

use crate::hostile::{escaped, escaped_to_ascii};
use crate::json;
use crate::report::Verdict;

/// What the test of one plan showed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tested {
    /// The file as the user named it.
    pub file: String,
    /// The name of the plan.
    pub plan: Option<String>,
    /// Whether everything is as the scenario says.
    pub outcome: Outcome,
    /// What `check` says.
    pub verdict: Verdict,
    /// The verdict that the scenario expects: `safe`, `unsafe` or `undecided`; `None` if it says something else of itself.
    pub expected: Option<String>,
    /// What speaks against it.
    pub problems: Vec<Problem>,
    /// Random runs.
    pub runs: u32,
    /// The digest of all of them.
    pub trace_hash: String,
    /// Runs of cases that failed before.
    pub kept: u32,
    /// The numbers of kept cases that do not fit the plan any more.
    pub does_not_fit: Vec<usize>,
    /// What becomes of the plan with one slip of its operator; `None` if that would take too long.
    pub slips: Option<Vec<Slip>>,
    /// Steps that runs entered.
    pub entered: Vec<String>,
    /// Steps at which the operator gave up in some run.
    pub given_up_at: Vec<String>,
    /// What was ordered in runs, and how often it came about.
    pub ordered: Vec<Ordered>,
}

/// How a test ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Everything is as the scenario says.
    Passed,
    /// Something is not.
    Failed,
    /// Nothing is wrong, but not everything is known.
    Undecided,
}

/// Something that speaks against a plan.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Problem {
    /// In a sentence.
    pub text: String,
    /// Move by move, if it is a story.
    pub moves: Vec<String>,
    /// The command that shows it.
    pub command: Option<String>,
}

/// A slip of the operator.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Slip {
    /// What it is called.
    pub slip: String,
    /// Safe, unsafe or undecided.
    #[serde(serialize_with = "verdict_word")]
    pub verdict: Verdict,
    /// The worst that follows; `None` if it is harmless.
    pub follows: Option<String>,
}

/// Something that is done to runs on purpose.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct Ordered {
    /// What.
    pub what: String,
    /// How many runs were to show it.
    pub runs: u32,
    /// How many did.
    pub happened: u32,
}

impl Tested {
    /// For people; with everything if `verbose`.
    pub fn text(&self, ascii: bool, verbose: bool) -> String {
        let mut lines = vec![self.first_line()];
        self.problems.iter().for_each(|problem| problem.write(&mut lines));
        for number in &self.does_not_fit {
            lines.push(format!("  kept case {number} does not fit the plan any more"));
        }
        self.write_slips(&mut lines);
        if verbose {
            self.write_runs(&mut lines);
        }
        let clean = if ascii { escaped_to_ascii } else { escaped };
        lines.iter().map(|line| clean(line) + "\n").collect()
    }

    fn first_line(&self) -> String {
        let plan = self.plan.as_ref().map_or(String::new(), |plan| format!(" {plan}"));
        let result = match self.outcome {
            Outcome::Failed => "FAILED".to_owned(),
            Outcome::Undecided => "undecided".to_owned(),
            Outcome::Passed => format!("ok ({})", self.verdict.word()),
        };
        format!("test {}{plan} ... {result}", self.file)
    }

    /// What carries the plan; only of one that is meant to be safe.
    fn write_slips(&self, lines: &mut Vec<String>) {
        let Some(slips) = &self.slips else {
            lines.push("  slips: not tried, there are too many states; `turnback check --slips 1` does".to_owned());
            return;
        };
        if self.expected.as_deref() != Some(Verdict::Safe.word()) {
            return;
        }
        for slip in slips {
            if let Some(follows) = &slip.follows {
                lines.push(format!("  not harmless: {}: {follows}", slip.slip));
            }
        }
        let harmless: Vec<&str> =
            slips.iter().filter(|slip| slip.follows.is_none()).map(|slip| slip.slip.as_str()).collect();
        if !harmless.is_empty() {
            lines.push(format!("  harmless: {}", harmless.join("; ")));
        }
    }

    fn write_runs(&self, lines: &mut Vec<String>) {
        lines.push(format!("  {} runs, and {} that failed before", self.runs, self.kept));
        lines.push(format!("    entered: {}", self.entered.join(", ")));
        lines.push(format!("    given up at: {}", self.given_up_at.join(", ")));
        for ordered in &self.ordered {
            lines.push(format!("    {}: in {} of {} runs", ordered.what, ordered.happened, ordered.runs));
        }
    }

    /// For machines: one object on one line.
    pub fn json(&self) -> String {
        #[derive(Serialize)]
        struct Line<'a> {
            schema: u32,
            file: &'a str,
            plan: Option<&'a str>,
            ok: bool,
            verdict: &'a str,
            expected: Option<&'a str>,
            problems: &'a [Problem],
            runs: u32,
            trace_hash: &'a str,
            kept: u32,
            slips: Option<&'a [Slip]>,
            entered: &'a [String],
            given_up_at: &'a [String],
            ordered: &'a [Ordered],
        }
        json::written(&Line {
            schema: json::SCHEMA,
            file: &self.file,
            plan: self.plan.as_deref(),
            ok: self.outcome == Outcome::Passed,
            verdict: self.verdict.word(),
            expected: self.expected.as_deref(),
            problems: &self.problems,
            runs: self.runs,
            trace_hash: &self.trace_hash,
            kept: self.kept,
            slips: self.slips.as_deref(),
            entered: &self.entered,
            given_up_at: &self.given_up_at,
            ordered: &self.ordered,
        })
    }
}

impl Slip {
    /// Whether it is not known what follows.
    pub fn is_open(&self) -> bool {
        self.verdict == Verdict::Undecided
    }
}

fn verdict_word<S: serde::Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(verdict.word())
}

impl Problem {
    fn write(&self, lines: &mut Vec<String>) {
        lines.push(format!("  {}", self.text));
        lines.extend((1..).zip(&self.moves).map(|(number, told)| format!("  {number:>3}. {told}")));
        lines.extend(self.command.iter().map(|command| format!("  {command}")));
    }
}
