//! `turnback test`: every plan of a scenario against what it promises, by `check` and by property tests.

pub mod files;
pub mod kept;
pub mod runs;

use turnback_reports::report::{Finding, Mismatch, PlanReport, SlipReport, Verdict};
use turnback_reports::tested::{Ordered, Outcome, Problem, Slip, StepRuns, Tested};
use turnback_scenarios::Unreadable;
use turnback_scenarios::narrate::Narrator;
use turnback_sim::drivers::perturb::{Ends, Run};
use turnback_sim::findings::story::tell;
use turnback_sim::fleet::Fleet;
use turnback_sim::fleet::slip;
use turnback_sim::relation::Fault;

use crate::args::{Bounds, Question};
use crate::checking::{Case, Checked, check_file, steps_of};
use crate::reporting;
use crate::screen::Screen;
use crate::slips;
use kept::Kept;
use runs::{Amount, Met, Share, StepMet, Subject};

/// The slips of a plan are judged one by one while all together have no more states than this.
const SLIP_STATES_MAX: u64 = 2_000_000;

/// What is tested.
#[derive(Clone, Debug)]
pub struct Demands {
    /// Runs per plan.
    pub runs: u32,
    /// How many slips of the operator every plan must survive.
    pub slips: u32,
    /// The seed.
    pub seed: u64,
    /// Whether failing cases are kept.
    pub keep: bool,
}

/// Tests every plan of a file.
pub fn test(file: &str, demands: &Demands, bounds: &Bounds, screen: &Screen) -> Result<Vec<Tested>, Refused> {
    let question = Question { plan: None, replicas: None, keys: 1, slip: vec![] };
    let mut checked = check_file(file, &question, bounds, screen).map_err(Refused::Scenario)?;
    let kept = kept::load(file).map_err(Refused::Kept)?;
    for plan in 0..checked.plans.len() {
        let case = &checked.plans[plan];
        let single = case.compiled.definition.slips().len() as u64;
        if demands.slips > 0 || case.judgement.states.saturating_mul(single) <= SLIP_STATES_MAX {
            checked.add_slips(plan, demands.slips.max(1), bounds, screen);
        }
    }
    let report = reporting::report(&checked);
    let plans = checked.plans.iter().zip(&report.plans);
    plans.map(|(case, report)| Tester { checked: &checked, case, report, demands }.test(&kept)).collect()
}

/// Why a file was not tested.
pub enum Refused {
    /// It is no scenario.
    Scenario(Box<Unreadable>),
    /// The failing cases beside it cannot be read or written.
    Kept(String),
}

struct Tester<'a> {
    checked: &'a Checked,
    case: &'a Case,
    report: &'a PlanReport,
    demands: &'a Demands,
}

impl Tester<'_> {
    fn test(&self, kept: &[Kept]) -> Result<Tested, Refused> {
        let mut problems = self.expectations();
        let (slips, broken) = self.slips();
        problems.extend(broken);
        let subject = Subject::new(self.case, self.checked.question.keys);
        let (mut run_again, mut does_not_fit) = (0, Vec::new());
        for (number, kept) in (1..).zip(kept).filter(|(_, kept)| self.must_survive(kept)) {
            match self.run_again(&subject, kept) {
                None => does_not_fit.push(number),
                Some((slips, run)) => {
                    run_again += 1;
                    problems.extend(run.ends.is_failure().then(|| self.told(&subject, &slips, &run, Some(number))));
                }
            }
        }
        let Demands { runs, slips: most, seed, .. } = *self.demands;
        let shown = subject.runs(Amount { runs, slips: most, seed }, self.checked.read.source.text());
        if let Some(failing) = shown.failing.filter(|_| self.must_be_safe()) {
            problems.extend(self.failing(&subject, &failing).map_err(Refused::Kept)?);
        }
        let open = self.report.verdict == Verdict::Undecided && self.expected() != Some("undecided");
        let slips_open = self.demands.slips > 0 && slips.as_ref().is_none_or(|slips| slips.iter().any(Slip::is_open));
        let outcome = match (problems.is_empty(), open || slips_open) {
            (false, _) => Outcome::Failed,
            (true, true) => Outcome::Undecided,
            (true, false) => Outcome::Passed,
        };
        Ok(Tested {
            file: self.checked.file.clone(),
            plan: self.report.plan.clone(),
            outcome,
            verdict: self.report.verdict,
            expected: self.expected().map(str::to_owned),
            problems,
            runs: shown.runs,
            trace_hash: shown.trace_hash,
            kept: run_again,
            does_not_fit,
            slips,
            steps: self.steps(&shown.met),
            ordered: ordered(&shown.met),
        })
    }

    /// What became of the start and of every written step.
    fn steps(&self, met: &Met) -> Vec<StepRuns> {
        let steps = steps_of(&self.checked.read.scenario, self.case.plan);
        let ids = std::iter::once("start").chain(steps.iter().map(|step| step.id.as_str()));
        let step = |(number, id): (u16, &str)| {
            let StepMet { entered, inside, after, rolled_back } = met.steps.get(&number).copied().unwrap_or_default();
            StepRuns { id: id.to_owned(), entered, given_up_inside: inside, given_up_after: after, rolled_back }
        };
        (0..).zip(ids).map(step).collect()
    }

    /// The verdict that the scenario expects: safe if it expects nothing of that sort.
    fn expected(&self) -> Option<&str> {
        let expect = self.case.plan.map(|plan| &self.checked.read.scenario.plans[plan].expect);
        let recovery = expect.and_then(|expect| expect.recovery.as_ref()).is_some_and(|word| word.value != "safe");
        match expect.and_then(|expect| expect.verdict.as_ref()) {
            Some(verdict) => Some(&verdict.value),
            None if recovery => None,
            None => Some(Verdict::Safe.word()),
        }
    }

    fn must_be_safe(&self) -> bool {
        self.expected() == Some(Verdict::Safe.word())
    }

    /// Whether a kept case is one of this plan, and the plan has to survive its slips.
    fn must_survive(&self, kept: &Kept) -> bool {
        let lone = self.checked.plans.len() == 1;
        (kept.plan == self.report.plan || lone)
            && self.must_be_safe()
            && kept.slips.len() <= self.demands.slips as usize
    }

    /// What `check` finds otherwise than it is expected.
    fn expectations(&self) -> Vec<Problem> {
        let mismatch = |mismatch: &Mismatch| Problem {
            text: format!("{}: expected {}, found {}", mismatch.key, mismatch.expected, mismatch.found),
            moves: vec![],
            command: None,
        };
        let mut problems: Vec<Problem> = self.report.mismatches.iter().map(mismatch).collect();
        if self.must_be_safe() && self.report.verdict == Verdict::Unsafe {
            let told = |finding: &Finding| finding.story.iter().map(|one| one.text.clone()).collect();
            let finding = |(number, finding): (usize, &Finding)| Problem {
                text: finding.title.clone(),
                moves: if number == 0 { told(finding) } else { vec![] },
                command: finding.replay.clone(),
            };
            problems.extend(self.report.findings.iter().enumerate().map(finding));
        }
        problems
    }

    /// What becomes of the plan with slips, and which of them it had to survive.
    fn slips(&self) -> (Option<Vec<Slip>>, Vec<Problem>) {
        if self.case.slips_cut_short
            || (self.case.slips.is_empty() && !self.case.compiled.definition.slips().is_empty())
        {
            return (None, vec![]);
        }
        let mut broken = Vec::new();
        let slip = |report: &SlipReport| {
            let slip = report.slips.join(" + ");
            let title = report.titles.first().map_or(report.verdict.word(), String::as_str);
            if self.demands.slips > 0 && self.must_be_safe() && report.verdict == Verdict::Unsafe {
                let text = format!("{slip}: {title}");
                broken.push(Problem { text, moves: vec![], command: Some(report.command.clone()) });
            }
            let follows =
                (report.verdict != Verdict::Safe).then(|| format!("{title} (recovery: {})", report.recovery.word()));
            Slip { slip, verdict: report.verdict, follows }
        };
        (Some(self.report.slips.iter().map(slip).collect()), broken)
    }

    /// A case that failed before; `None` if the plan does not have its slips any more.
    fn run_again(&self, subject: &Subject, kept: &Kept) -> Option<(Vec<slip::Slip>, Run<Fleet>)> {
        let steps = steps_of(&self.checked.read.scenario, self.case.plan);
        let (_, made) = slips::make(&self.case.compiled.definition, steps, &kept.slips).ok()?;
        let (run, _) = subject.run(&made.slips, &kept.perturbation())?;
        Some((made.slips, run))
    }

    fn failing(&self, subject: &Subject, failing: &runs::Failing) -> Result<Option<Problem>, String> {
        let Some((run, _)) = subject.run(&failing.slips, &failing.perturbation) else { return Ok(None) };
        let steps = steps_of(&self.checked.read.scenario, self.case.plan);
        let names = failing.slips.iter().map(|slip| slips::name(*slip, steps)).collect();
        let narrator = Narrator::new(self.case.fleet(), &self.case.compiled.names);
        let found = ending(&narrator, run.ends);
        let case = Kept::new(self.report.plan.clone(), found, names, &failing.perturbation);
        let number = if self.demands.keep && self.checked.file != "-" {
            Some(kept::keep(&self.checked.file, &case)?)
        } else {
            None
        };
        Ok(Some(self.told(subject, &failing.slips, &run, number)))
    }

    fn told(&self, subject: &Subject, slips: &[slip::Slip], run: &Run<Fleet>, number: Option<usize>) -> Problem {
        let narrator = Narrator::new(self.case.fleet(), &self.case.compiled.names);
        let mut text = format!("a run does not end well: {}", ending(&narrator, run.ends));
        if slips.is_empty() && self.report.verdict == Verdict::Safe {
            text.push_str(" (`check` calls this plan safe: one of the two is wrong; please report it)");
        }
        let moves = subject.fleet(slips).map(|(fleet, _)| {
            let narrator = Narrator::new(&fleet, &self.case.compiled.names);
            let told =
                tell(&fleet, &run.begins, &run.moves).expect("the moves of a run are enabled where they are made");
            counted(told.iter().map(|told| narrator.tell(told).text))
        });
        let file = reporting::shell(&self.checked.file);
        let command = number.map(|number| format!("turnback replay {file} --case {number}"));
        Problem { text, moves: moves.unwrap_or_default(), command }
    }
}

/// What happens several times in a row is told once.
fn counted(moves: impl Iterator<Item = String>) -> Vec<String> {
    let mut told: Vec<(String, usize)> = Vec::new();
    for text in moves {
        match told.last_mut() {
            Some((last, times)) if *last == text => *times += 1,
            _ => told.push((text, 1)),
        }
    }
    let line = |(text, times)| if times == 1 { text } else { format!("{text} ({times} times)") };
    told.into_iter().map(line).collect()
}

/// How a run ended, in a sentence.
pub fn ending(narrator: &Narrator, ends: Ends) -> String {
    match ends {
        Ends::Hurt(label) => narrator.harm_title(&label),
        Ends::Lost => "something is lost for good".to_owned(),
        Ends::Stuck => "it does not end where it should".to_owned(),
        Ends::Well(_) | Ends::NotPromised => "it ends well: this case does not fail any more".to_owned(),
    }
}

fn ordered(met: &Met) -> Vec<Ordered> {
    let of =
        |what: &str, share: Share| Ordered { what: what.to_owned(), runs: share.ordered, happened: share.happened };
    let mut all = vec![of("given up inside a step", met.half_done), of("begun again", met.again)];
    for ((fault, in_rollback), share) in &met.faults {
        let name = match fault {
            Fault::Crash => "crash",
            Fault::Duplicate => "duplicate",
            Fault::Late => "late delivery",
        };
        let place = if *in_rollback { " in the rollback" } else { "" };
        all.push(of(&format!("{name}{place}"), *share));
    }
    all.extend(met.slips.iter().map(|(slip, share)| of(&format!("slip: {slip}"), *share)));
    all.retain(|ordered| ordered.runs > 0);
    all
}
