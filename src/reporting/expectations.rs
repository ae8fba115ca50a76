//! What the scenario expects, compared with what was found.

use turnback_reports::report::{Mismatch, PlanReport, Point, TurningPoint};
use turnback_scenarios::ast::{Comparison, Event, Name};
use turnback_sim::findings::judge::{PositionFinding, Procedure};
use turnback_sim::fleet::Step;
use turnback_sim::fleet::programme::Entry;
use turnback_sim::relation::{At, Relation};

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
        if let Some(turn) = expect.no_return.as_ref().filter(|_| report.complete) {
            let found = report.point_of_no_return.first();
            let same_step = found.is_some_and(|point| point.step == turn.step);
            if !same_step || !turn.event.as_ref().is_none_or(|event| self.turns_by(event)) {
                let found = match found {
                    None => "none".to_owned(),
                    Some(TurningPoint { step, event: Some(event) }) => format!("{step}, then {event}"),
                    Some(TurningPoint { step, event: None }) => step.clone(),
                };
                mismatches.push(self.mismatch("no_return", &turn.written, &found));
            }
        }
        mismatches.extend(self.accepted_loss().filter(|_| !expect.loss_accepted));
        mismatches
    }

    /// Whether the event of the point of no return is that one.
    fn turns_by(&self, event: &Event) -> bool {
        let points = &self.case.judgement.no_return;
        let turn = points.first().and_then(|point| point.event.as_ref());
        turn.is_some_and(|(before, step)| {
            let mut after = before.clone();
            self.case.fleet().apply(&mut after, *step);
            self.narrator.is_event(event, before, *step, &after)
        })
    }

    /// A way out that discards something, though its loss is not accepted.
    fn accepted_loss(&self) -> Option<Mismatch> {
        let programmes = &self.case.fleet().programmes;
        let floor = |done: u16| (1..=done).rev().find(|step| programmes.forward[usize::from(*step) - 1].line.floor);
        let discards = |found: &PositionFinding<Step>| {
            let step = found.position.step;
            let begun = |entry: &&Entry| entry.step <= step && entry.line.action.discards();
            let done = if found.position.at == At::Done { step } else { step.saturating_sub(1) };
            match found.procedure.as_ref()? {
                Procedure::Rollback => programmes.rollback(floor(done).unwrap_or(0) as u8).iter().find(begun),
                Procedure::Finish => None,
                Procedure::Hotfix => programmes.hotfix.iter().find(|entry| entry.line.action.discards()),
                Procedure::Moves(moves) => {
                    let entries = moves.iter().filter_map(|step| programmes.repairs.get(usize::from(step.what)));
                    entries.into_iter().find(|entry| entry.line.action.discards())
                }
            }
        };
        let entry = self.case.judgement.positions.iter().find_map(discards)?;
        let span = self.case.compiled.names.origins.get(usize::from(entry.line.origin)).map(|(span, _)| span);
        Some(Mismatch {
            key: "loss".to_owned(),
            expected: "none".to_owned(),
            found: format!("accepted, by `{}`", self.narrator.line(entry)),
            line: span.map(|span| self.line(span)),
        })
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
