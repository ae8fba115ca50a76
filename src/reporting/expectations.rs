//! What the scenario expects, compared with what was found.

use turnback_reports::report::{Mismatch, PlanReport, Point};
use turnback_scenarios::ast::{Comparison, Name};

use super::File;

impl File<'_> {
    pub(super) fn mismatches(&self, report: &PlanReport) -> Vec<Mismatch> {
        let Some(expect) = self.plan().map(|plan| &plan.expect) else {
            return vec![];
        };
        let mut mismatches = Vec::new();
        let mut compare = |key: &str, expected: Option<&Name>, found: &str| {
            if let Some(expected) = expected.filter(|expected| expected.value != found) {
                mismatches.push(self.mismatch(key, expected, found));
            }
        };
        compare("verdict", expect.verdict.as_ref(), report.verdict.word());
        compare("recovery", expect.recovery.as_ref(), report.recovery.word());
        let decided = report.complete || report.findings.iter().any(|finding| finding.code == "TB211");
        if let Some(promise) = &expect.rollback_safe_until
            && decided
            && self.number(&report.rollback_safe_until.found) < self.number(&report.rollback_safe_until.promised)
        {
            let found = report.rollback_safe_until.found.id();
            mismatches.push(self.mismatch("rollback_safe_until", promise, found));
        }
        if let Some((written, step)) = expect.no_return.as_ref().filter(|_| report.complete) {
            let found = report.point_of_no_return.first();
            if found.map(|point| &point.step) != step.as_ref() {
                let found = found.map_or("none", |point| &point.step);
                mismatches.push(self.mismatch("no_return", written, found));
            }
        }
        mismatches
    }

    fn mismatch(&self, key: &str, expected: &Name, found: &str) -> Mismatch {
        Mismatch {
            key: key.to_owned(),
            expected: expected.value.clone(),
            found: found.to_owned(),
            line: Some(self.line(&expected.span)),
        }
    }

    /// The number of a point: a step's own, one more than the last for the end.
    fn number(&self, point: &Point) -> usize {
        let steps = self.plan().map_or(&[][..], |plan| &plan.steps);
        match point {
            Point::Start => 0,
            Point::Step(id) => steps.iter().position(|step| step.id == *id).map_or(0, |at| at + 1),
            Point::End => steps.len() + 1,
        }
    }

    /// Limits on metrics: only timed runs can judge them.
    pub(super) fn metrics_not_checked(&self) -> Vec<String> {
        let metrics = self.plan().map_or(&[][..], |plan| &plan.expect.metrics);
        metrics.iter().map(|(metric, op, limit)| format!("{} {} {limit}", metric.value, sign(*op))).collect()
    }
}

fn sign(op: Comparison) -> &'static str {
    match op {
        Comparison::Less => "<",
        Comparison::AtMost => "at most",
        Comparison::Equal => "==",
        Comparison::AtLeast => "at least",
        Comparison::Greater => ">",
    }
}
