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
    /// What became of the start and of every step, in how many runs.
    pub steps: Vec<StepRuns>,
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

/// What became of a step, in how many runs.
#[derive(Clone, PartialEq, Eq, Serialize, Debug)]
pub struct StepRuns {
    /// Its id.
    pub id: String,
    /// It was entered.
    pub entered: u32,
    /// The operator gave up inside it.
    pub given_up_inside: u32,
    /// He gave up after it, before the next one.
    pub given_up_after: u32,
    /// He gave up at it, and the rollback ended at home.
    pub rolled_back: u32,
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
        } else if self.runs > 0 {
            lines.push(self.runs_in_short());
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

    /// The ids of the steps of which more than no run did that.
    fn ids(&self, runs: impl Fn(&StepRuns) -> u32) -> Vec<&str> {
        self.steps.iter().filter(|step| runs(step) > 0).map(|step| step.id.as_str()).collect()
    }

    fn runs_in_short(&self) -> String {
        let count = |runs: fn(&StepRuns) -> u32| self.ids(runs).into_iter().filter(|id| *id != "start").count();
        format!(
            "  runs: {} of {} steps entered; given up inside {}, after {}; rolled back from {}",
            count(|step| step.entered),
            self.steps.len().saturating_sub(1),
            count(|step| step.given_up_inside),
            count(|step| step.given_up_after),
            count(|step| step.rolled_back),
        )
    }

    fn write_runs(&self, lines: &mut Vec<String>) {
        lines.push(format!("  {} runs, and {} that failed before", self.runs, self.kept));
        lines.push(format!("    entered: {}", self.ids(|step| step.entered).join(", ")));
        lines.push(format!("    given up inside: {}", self.ids(|step| step.given_up_inside).join(", ")));
        lines.push(format!("    given up after: {}", self.ids(|step| step.given_up_after).join(", ")));
        lines.push(format!("    rolled back from: {}", self.ids(|step| step.rolled_back).join(", ")));
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
            entered: Vec<&'a str>,
            given_up_at: Vec<&'a str>,
            steps: &'a [StepRuns],
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
            entered: self.ids(|step| step.entered),
            given_up_at: self.ids(|step| step.given_up_inside + step.given_up_after),
            steps: &self.steps,
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
