//! The reporting writes down what was found, in the words of the scenario. It computes no verdict.

mod command_line;
mod coverage;
mod expectations;
mod findings;
mod guards;
mod positions;
mod statements;
mod vacuity;

pub use command_line::shell;

use turnback_reports::report::{
    InvalidFile, PlanReport, Point, Promise, Recovery, Report, Severity, SlipReport, Span, Step, TurningPoint,
    Undecided, Verdict, Zone,
};
use turnback_scenarios::Unreadable;
use turnback_scenarios::ast;
use turnback_scenarios::diagnostics::{self, Diagnostic};
use turnback_scenarios::narrate::Narrator;
use turnback_scenarios::source::Source;
use turnback_sim::findings::judge;
use turnback_sim::relation::{Judged, Relation};

use crate::args::Question;
use crate::checking::{self, Bound, Case, Checked};

/// What is known about a plan while its report is written.
struct File<'a> {
    file: &'a str,
    scenario: &'a ast::Scenario,
    source: &'a Source,
    question: &'a Question,
    case: &'a Case,
    narrator: Narrator<'a>,
}

/// The report about a file.
pub fn report(checked: &Checked) -> Report {
    let plans = checked.plans.iter().map(|case| File::of(checked, case).plan_report());
    Report {
        file: checked.file.clone(),
        source_text: checked.read.source.text().to_owned(),
        scenario: checked.read.scenario.name.value.clone(),
        plans: plans.collect(),
    }
}

/// The report about a file for a reader who did not ask for everything.
pub fn short_report(checked: &Checked) -> Report {
    let mut short = report(checked);
    for (plan, case) in short.plans.iter_mut().zip(&checked.plans) {
        plan.assumed = File::of(checked, case).assumed_in_short();
    }
    short
}

/// The report about a file that is no scenario.
pub fn invalid(file: &str, unreadable: &Unreadable) -> InvalidFile {
    InvalidFile {
        file: file.to_owned(),
        source_text: unreadable.source.text().to_owned(),
        diagnostics: unreadable.diagnostics.iter().map(|one| diagnostic(one, &unreadable.source)).collect(),
    }
}

/// A diagnostic of the reader, located.
pub fn diagnostic(diagnostic: &Diagnostic, source: &Source) -> turnback_reports::report::Diagnostic {
    let start = diagnostic.start(source);
    turnback_reports::report::Diagnostic {
        code: diagnostic.code.as_str().to_owned(),
        severity: match diagnostic.severity {
            diagnostics::Severity::Error => Severity::Error,
            diagnostics::Severity::Warning => Severity::Warning,
        },
        message: diagnostic.message.clone(),
        line: start.line as u32,
        column: start.column as u32,
        help: (!diagnostic.help.is_empty()).then(|| diagnostic.help.join("; ")),
        span: Some(diagnostic.span.clone()),
    }
}

impl<'a> File<'a> {
    fn of(checked: &'a Checked, case: &'a Case) -> Self {
        let narrator = Narrator::new(case.fleet(), &case.compiled.names);
        File {
            file: &checked.file,
            scenario: &checked.read.scenario,
            source: &checked.read.source,
            question: &checked.question,
            case,
            narrator,
        }
    }
}

impl File<'_> {
    fn plan(&self) -> Option<&ast::Plan> {
        self.case.plan.map(|plan| &self.scenario.plans[plan])
    }

    fn plan_name(&self) -> Option<&str> {
        self.plan().and_then(|plan| plan.name.as_ref()).map(|name| name.value.as_str())
    }

    /// The line of a place in the text, counted from 1.
    fn line(&self, span: &Span) -> u32 {
        self.source.position(span.start).line as u32
    }

    fn plan_report(&self) -> PlanReport {
        let judgement = &self.case.judgement;
        let vacuous = self.vacuous();
        let empty = vacuity::empty_places(&vacuous);
        let verdict = match judgement.verdict {
            judge::Verdict::Safe => Verdict::Safe,
            judge::Verdict::Undecided => Verdict::Undecided,
            judge::Verdict::Unsafe => Verdict::Unsafe,
        };
        let positions = self.positions();
        let mut report = PlanReport {
            plan: self.plan_name().map(str::to_owned),
            verdict,
            recovery: self.recovery(),
            rollback_safe_until: Promise { promised: self.promised(), found: self.found_until() },
            last_safe_rollback_point: judgement.last_safe_step.map(|step| self.point(step)),
            steps: self.steps(),
            would_hurt: positions::would_hurt(&positions),
            positions,
            point_of_no_return: self.turning_points(),
            findings: self.findings(),
            vacuous,
            not_stated: statements::not_stated(self.scenario),
            assumed: self.assumed(),
            states: judgement.states,
            transitions: judgement.transitions,
            complete: judgement.complete,
            undecided: self.undecided(&empty),
            pre_existing: judgement.pre_existing.iter().filter_map(|label| self.harm(label, false)).collect(),
            parked: self.parked(),
            metrics_not_checked: self.metrics_not_checked(),
            mismatches: vec![],
            coverage: self.coverage(),
            values_seen: self.values_seen(),
            slipped: self.case.slipped.names.clone(),
            slips: vec![],
            slips_cut_short: self.case.slips_cut_short,
        };
        report.slips = self.case.slips.iter().map(|case| self.slip(case, &report)).collect();
        if report.slipped.is_empty() {
            report.mismatches = self.mismatches(&report);
        }
        report
    }

    /// The steps in the order in which they are run.
    fn run_steps(&self) -> Vec<&ast::Step> {
        let written = checking::steps_of(self.scenario, self.case.plan);
        self.case.slipped.steps.iter().map(|step| &written[usize::from(*step) - 1]).collect()
    }

    fn steps(&self) -> Vec<Step> {
        let entries = &self.case.fleet().programmes.forward;
        let step = |(number, (step, entry)): (u16, (&ast::Step, _))| Step {
            number: usize::from(number),
            id: self.step_id(number),
            text: self.narrator.line(entry),
            span: step.span.clone(),
        };
        (1..).zip(self.run_steps().into_iter().zip(entries)).map(step).collect()
    }

    /// The id of a step, counted from 1; 0 is the start. A step that is run once more says so.
    fn step_id(&self, step: u16) -> String {
        let steps = self.run_steps();
        let Some(index) = usize::from(step).checked_sub(1).filter(|index| *index < steps.len()) else {
            return "start".to_owned();
        };
        let id = &steps[index].id;
        if steps[..index].iter().any(|earlier| earlier.id == *id) { format!("{id} (again)") } else { id.clone() }
    }

    /// What becomes of the plan with more mistakes.
    fn slip(&self, case: &Case, written: &PlanReport) -> SlipReport {
        let file = File { case, narrator: Narrator::new(case.fleet(), &case.compiled.names), ..*self };
        let report = file.plan_report();
        let titles = |report: &PlanReport| report.findings.iter().map(|finding| finding.title.clone()).collect();
        let (titles, of_written): (Vec<String>, Vec<String>) = (titles(&report), titles(written));
        let same = (report.verdict, report.recovery) == (written.verdict, written.recovery);
        SlipReport {
            slips: report.slipped,
            verdict: report.verdict,
            recovery: report.recovery,
            as_written: same && titles == of_written,
            titles,
            command: file.command("check"),
        }
    }

    fn point(&self, step: u16) -> Point {
        match step {
            0 => Point::Start,
            step if step >= self.case.fleet().last_step() => Point::End,
            step => Point::Step(self.step_id(step)),
        }
    }

    fn promised(&self) -> Point {
        match self.case.fleet().definition.promised_until {
            0 => Point::Start,
            step if step > self.case.fleet().last_step() => Point::End,
            step => Point::Step(self.step_id(step)),
        }
    }

    /// The step before which the rollback does work.
    fn found_until(&self) -> Point {
        match self.case.judgement.last_safe_step {
            None => Point::Start,
            Some(step) if step >= self.case.fleet().last_step() => Point::End,
            Some(step) => Point::Step(self.step_id(step + 1)),
        }
    }

    /// The worst zone before the promise ends, and `irrecoverable` wherever it is.
    fn recovery(&self) -> Recovery {
        let positions = &self.case.judgement.positions;
        let promised = |found: &&judge::PositionFinding<_>| self.case.fleet().promised(found.position);
        let anywhere = positions.iter().any(|found| found.zone == judge::Zone::Irrecoverable);
        let worst = positions.iter().filter(promised).map(|found| positions::zone(found.zone)).max();
        let charged = positions.iter().flat_map(|found| &found.harms).any(|harm| harm.charged);
        match (anywhere, worst) {
            (true, _) | (_, Some(Zone::Irrecoverable)) => Recovery::Irrecoverable,
            (_, Some(Zone::Undecided)) => Recovery::Undecided,
            (_, Some(Zone::Repair)) => Recovery::Repair,
            (_, Some(Zone::Forward)) => Recovery::Forward,
            _ if charged => Recovery::Rollback,
            _ => Recovery::Safe,
        }
    }

    fn turning_points(&self) -> Vec<TurningPoint> {
        let fleet = self.case.fleet();
        let mut points = Vec::new();
        for point in &self.case.judgement.no_return {
            let event = point.event.as_ref().map(|(before, step)| {
                let mut after = before.clone();
                fleet.apply(&mut after, *step);
                self.narrator.event(before, *step, &after)
            });
            points.push(TurningPoint { step: self.step_id(point.step), event });
        }
        points
    }

    fn undecided(&self, empty: &[String]) -> Option<Undecided> {
        let judgement = &self.case.judgement;
        if let Some(bound) = self.case.bound {
            let (why, help) = explain_bound(bound);
            let found = match judgement.findings.len() {
                0 => "nothing that speaks against the plan was found in them".to_owned(),
                _ => "what was found in them is certain".to_owned(),
            };
            return Some(Undecided {
                why,
                explored: format!("{} states; {found}", judgement.states),
                help: Some(help.to_owned()),
            });
        }
        if judgement.verdict != judge::Verdict::Undecided {
            return None;
        }
        Some(if empty.is_empty() {
            Undecided {
                why: "the search for a way out was given up".to_owned(),
                explored: format!("{} states; what was found in them is certain", judgement.states),
                help: Some("declare fewer moves that a repair may use (`operator: {may_not: […]}`)".to_owned()),
            }
        } else {
            Undecided {
                why: format!("nothing can ever be in {}, so nothing was shown about it", empty.join(", ")),
                explored: "everything else, and nothing that speaks against the plan was found".to_owned(),
                help: Some("declare who writes or sends it, or what it holds at the start, or remove it".to_owned()),
            }
        })
    }
}

fn explain_bound(bound: Bound) -> (String, &'static str) {
    match bound {
        Bound::Interrupt => ("it was interrupted".to_owned(), "run it again and let it finish"),
        Bound::Time(time) => (format!("it ended at `--time {}ms`", time.as_millis()), "raise `--time`"),
        Bound::States(states) => (format!("it ended at `--max-states {states}`"), "raise `--max-states`"),
        Bound::Memory(bytes) => (format!("it ended at `--max-memory {bytes}`"), "raise `--max-memory`"),
    }
}
