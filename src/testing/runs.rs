//! Property tests of one plan: random rollouts and rollbacks, shrunk to the shortest when one fails.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::test_runner::{
    Config, RngAlgorithm, RngSeed, TestCaseError, TestError, TestRng, TestRunner, noop_result_cache,
};
use sha2::{Digest, Sha256};

use turnback_sim::drivers::perturb::{Abort, Ends, Perturbation, Run, run};
use turnback_sim::fleet::Fleet;
use turnback_sim::fleet::slip::Slip;
use turnback_sim::relation::{At, Fault, Home, Judged, Label, Position, Relation};
use turnback_sim::strategies::{perturbations, slips};

use crate::checking::Case;
use crate::trace::hex;

/// The most attempts to shrink a failing case.
const SHRINKS_MAX: u32 = 1024;

/// How many runs, of what, from where.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// Runs.
    pub runs: u32,
    /// The most slips of the operator in a run.
    pub slips: u32,
    /// The seed.
    pub seed: u64,
}

/// What the runs of a plan showed.
#[derive(Default)]
pub struct Shown {
    /// How many there were, without those that shrank a failing one.
    pub runs: u32,
    /// What they met.
    pub met: Met,
    /// The digest of how many moves every run had and where it ended.
    pub trace_hash: String,
    /// The shortest failing case.
    pub failing: Option<Failing>,
}

/// A failing case.
pub struct Failing {
    /// The operator's slips.
    pub slips: Vec<Slip>,
    /// What is done.
    pub perturbation: Perturbation,
}

/// What runs met.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Met {
    /// By written step; 0 is the start.
    pub steps: BTreeMap<u16, StepMet>,
    /// Runs that were to begin again after a rollback, and that did.
    pub again: Share,
    /// Runs that were to be given up inside a step, and that were.
    pub half_done: Share,
    /// Faults that were to happen, and that did; the same in a rollback.
    pub faults: BTreeMap<(Fault, bool), Share>,
    /// Slips that were to be made, and that were, by their sort.
    pub slips: BTreeMap<&'static str, Share>,
}

/// In how many runs something became of a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StepMet {
    /// It was entered.
    pub entered: u32,
    /// The operator gave up inside it.
    pub inside: u32,
    /// He gave up after it, before the next one.
    pub after: u32,
    /// He gave up at it, and the rollback ended at home.
    pub rolled_back: u32,
}

/// How often something was ordered, and how often it came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Share {
    /// Ordered.
    pub ordered: u32,
    /// Came about.
    pub happened: u32,
}

impl Share {
    fn count(&mut self, happened: bool) {
        self.ordered += 1;
        self.happened += u32::from(happened);
    }
}

impl Met {
    /// `order`: the written steps in the order in which they are run.
    fn add(&mut self, order: &[u16], slips: &[Slip], perturbation: &Perturbation, run: &Run<Fleet>) {
        self.add_steps(order, run);
        let last = run.entered.iter().copied().max().unwrap_or(0) + u16::from(run.finished);
        for slip in slips {
            self.slips.entry(sort(*slip)).or_default().count(last >= slip.shows_at(order));
        }
        if perturbation.again && perturbation.abort != Abort::Never && run.may_begin_again {
            self.again.count(run.again);
        }
        // Whoever makes a slip with the end of the plan has no step left to give up inside.
        let in_time = slips.iter().all(|slip| usize::from(slip.shows_at(order)) <= order.len());
        if matches!(perturbation.abort, Abort::Inside(_)) && in_time {
            self.half_done.count(run.aborted_at.is_some_and(inside));
        }
        for (injected, happened) in perturbation.faults.iter().zip(&run.happened) {
            self.faults.entry((injected.fault, injected.in_rollback)).or_default().count(*happened);
        }
    }
}

impl Met {
    fn add_steps(&mut self, order: &[u16], run: &Run<Fleet>) {
        let written = |step: u16| usize::from(step).checked_sub(1).map_or(0, |at| order[at]);
        let entered: BTreeSet<u16> = run.entered.iter().map(|step| written(*step)).collect();
        entered.into_iter().for_each(|step| self.steps.entry(step).or_default().entered += 1);
        if let Some(position) = run.aborted_at {
            let step = self.steps.entry(written(position.step)).or_default();
            let came_home = run.may_begin_again || matches!(run.ends, Ends::Well(Home::Start | Home::Both));
            step.inside += u32::from(inside(position));
            step.after += u32::from(!inside(position));
            step.rolled_back += u32::from(came_home);
        }
    }
}

fn inside(position: Position) -> bool {
    matches!(position.at, At::Canary | At::Mixed)
}

fn sort(slip: Slip) -> &'static str {
    match slip {
        Slip::Skip(_) => "step skipped",
        Slip::Repeat(_) => "step repeated",
        Slip::Swap(_) => "steps swapped",
        Slip::Miss(_) => "replica missed",
        Slip::Early { .. } => "value set too early",
    }
}

/// A fleet, and the written steps in the order in which they are run.
type InOrder = (Fleet, Vec<u16>);

/// A plan under test.
pub struct Subject<'a> {
    case: &'a Case,
    keys: u32,
    fleets: RefCell<BTreeMap<Vec<Slip>, Option<InOrder>>>,
}

impl<'a> Subject<'a> {
    /// The plan of `case`.
    pub fn new(case: &'a Case, keys: u32) -> Self {
        Self { case, keys, fleets: RefCell::default() }
    }

    /// One run, and the written steps in the order in which they are run; `None` if these slips cannot be made together.
    /// The operator does not give up before he has made them.
    pub fn run(&self, slips: &[Slip], perturbation: &Perturbation) -> Option<(Run<Fleet>, Vec<u16>)> {
        let known: &[Label] = &self.case.judgement.pre_existing;
        let mut fleets = self.fleets.borrow_mut();
        let (fleet, order) = fleets.entry(slips.to_vec()).or_insert_with(|| self.fleet(slips)).as_ref()?;
        let not_before = slips.iter().map(|slip| slip.shows_at(order)).max().unwrap_or(0);
        let perturbation = Perturbation { not_before, ..perturbation.clone() };
        Some((run(fleet, &perturbation, known), order.clone()))
    }

    /// The fleet whose operator makes these slips, and the written steps in the order in which they are run.
    pub fn fleet(&self, slips: &[Slip]) -> Option<InOrder> {
        let (definition, order) = self.case.compiled.definition.slipped(slips)?;
        let mut fleet = Fleet::new(definition, self.keys);
        fleet.forgive(&self.case.judgement.pre_existing);
        Some((fleet, order))
    }

    /// Property-tests the plan; every run must end well.
    pub fn runs(&self, amount: Amount, scenario: &str) -> Shown {
        let definition = &self.case.compiled.definition;
        let fleet = Fleet::new(definition.clone(), self.keys);
        let around = perturbations(definition.plan.len() as u16, &fleet.faults());
        let strategy = (slips(definition, amount.slips as usize), around);
        let plan = self.case.plan.unwrap_or(0);
        let seed = Sha256::digest(format!("{}\n{plan}\n{scenario}", amount.seed));
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
        let shown = RefCell::new(Shown::default());
        let traces = RefCell::new(Sha256::new());
        let failed = RefCell::new(false);
        let ended = TestRunner::new_with_rng(config(amount.runs), rng).run(&strategy, |(slips, perturbation)| {
            let Some((run, order)) = self.run(&slips, &perturbation) else { return Ok(()) };
            if !*failed.borrow() {
                let mut shown = shown.borrow_mut();
                shown.runs += 1;
                shown.met.add(&order, &slips, &perturbation, &run);
                let mut end = Vec::new();
                fleet.pack(&run.ended, &mut end);
                traces.borrow_mut().update([&(run.moves.len() as u64).to_le_bytes(), &end[..]].concat());
            }
            if run.ends.is_failure() {
                failed.replace(true);
                return Err(TestCaseError::fail("it does not end well"));
            }
            Ok(())
        });
        let mut shown = shown.into_inner();
        shown.trace_hash = hex(&traces.into_inner().finalize());
        if let Err(TestError::Fail(_, (slips, perturbation))) = ended {
            shown.failing = Some(Failing { slips, perturbation });
        }
        shown
    }
}

/// Nothing is taken from the environment of the process.
fn config(cases: u32) -> Config {
    Config {
        cases,
        max_local_rejects: u32::MAX,
        max_global_rejects: u32::MAX,
        max_flat_map_regens: 0,
        failure_persistence: None,
        source_file: None,
        test_name: None,
        max_shrink_time: 0,
        max_shrink_iters: SHRINKS_MAX,
        max_default_size_range: 0,
        result_cache: noop_result_cache,
        verbose: 0,
        rng_algorithm: RngAlgorithm::ChaCha,
        rng_seed: RngSeed::Fixed(0),
        _non_exhaustive: (),
    }
}
