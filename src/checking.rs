//! A file is checked: it is read, its plans are compiled and judged within bounds.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use turnback_scenarios::ast::{Scenario, Step};
use turnback_scenarios::compile::{Compiled, Exploration, compile};
use turnback_scenarios::diagnostics::{Code, Diagnostic};
use turnback_scenarios::{Read, Unreadable, read, unreadable};
use turnback_sim::drivers::explore::Limits;
use turnback_sim::findings::judge::{Finding, Judgement, judge, pre_existing};
use turnback_sim::fleet::Fleet;
use turnback_sim::fleet::definition::Definition;
use turnback_sim::relation::{Judged, Label};

use crate::args::{Bounds, Question};
use crate::progress::Meter;
use crate::screen::Screen;
use crate::slips::{self, Slipped};
use crate::store;
use crate::variations::{self, Variation};

/// A scenario and what was found about its plans.
pub struct Checked {
    /// The file as the user named it.
    pub file: String,
    /// The scenario and its text.
    pub read: Read,
    /// What was asked.
    pub question: Question,
    /// The plans, in the order of the file.
    pub plans: Vec<Case>,
}

/// One plan and what was found about it.
pub struct Case {
    /// Its number among [`Scenario::plans`]; `None` if the scenario has no plan.
    pub plan: Option<usize>,
    /// The fleet's names and what was taken for granted.
    pub compiled: Compiled,
    /// The fleet, then the slices it was explored in.
    fleets: Vec<Fleet>,
    /// What was found.
    pub judgement: Judgement<Fleet>,
    /// The bound that was hit.
    pub bound: Option<Bound>,
    /// The same plan with something else about it.
    pub variations: Vec<Variation>,
    /// The mistakes that the operator makes.
    pub slipped: Slipped,
    /// The same plan with more mistakes, as `--slips` asks.
    pub slips: Vec<Case>,
    /// Whether not all of them were judged.
    pub slips_cut_short: bool,
}

impl Case {
    /// The whole fleet.
    pub fn fleet(&self) -> &Fleet {
        &self.fleets[0]
    }

    /// The fleet in which a finding's story happens.
    pub fn fleet_of(&self, finding: &Finding<Fleet>) -> &Fleet {
        &self.fleets[finding.slice.map_or(0, |slice| slice + 1)]
    }
}

/// A bound of an exploration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bound {
    /// Somebody pressed Ctrl-C.
    Interrupt,
    /// `--time`
    Time(Duration),
    /// `--max-states`
    States(u64),
    /// `--max-memory`
    Memory(u64),
}

/// Why an exploration was asked to stop: 0 = it was not.
const INTERRUPTED: u8 = 1;
const OUT_OF_TIME: u8 = 2;

static CTRL_C: AtomicBool = AtomicBool::new(false);

/// From now on Ctrl-C ends explorations with what is known; a second one ends the process.
fn watch_ctrl_c() {
    static WATCHED: OnceLock<()> = OnceLock::new();
    WATCHED.get_or_init(|| {
        let pressed = || {
            if CTRL_C.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        };
        // Without a handler Ctrl-C ends the process at once, which is all that is lost.
        let _ = ctrlc::set_handler(pressed);
    });
}

/// Reads a scenario file.
pub fn open(file: &str) -> Result<Read, Box<Unreadable>> {
    match store::read(file) {
        Ok(bytes) => read(file, &bytes),
        Err(error) => Err(Box::new(unreadable(file, &error))),
    }
}

/// Reads a file and judges its plans.
pub fn check_file(
    file: &str,
    question: &Question,
    bounds: &Bounds,
    screen: &Screen,
) -> Result<Checked, Box<Unreadable>> {
    watch_ctrl_c();
    let read = open(file)?;
    let compiled = compile_all(&read, question)?;
    let deadline = bounds.time.map(|time| Instant::now() + time);
    let judge = |asked: Asked| {
        let subject = title(&read.scenario, asked.plan, file);
        let mut case = judge_one(asked, question, bounds, deadline, Meter::new(screen, subject));
        case.variations = variations::of(&read.scenario, &case, threads(bounds));
        case
    };
    let plans = compiled.into_iter().map(judge).collect();
    Ok(Checked { file: file.to_owned(), read, question: question.clone(), plans })
}

impl Checked {
    /// Also judges plan number `plan` with up to `most` mistakes of its operator.
    pub fn add_slips(&mut self, plan: usize, most: u32, bounds: &Bounds, screen: &Screen) {
        let case = &mut self.plans[plan];
        let subject = title(&self.read.scenario, case.plan, &self.file);
        let deadline = bounds.time.map(|time| Instant::now() + time);
        let steps = steps_of(&self.read.scenario, case.plan);
        let written = case.compiled.clone();
        let all = slips::each(&written.definition, steps, most, &mut |definition, slipped| {
            let subject = format!("{subject}: {}", slipped.names.join(" + "));
            let compiled = Compiled { definition, ..written.clone() };
            let asked = Asked { plan: case.plan, compiled, slipped };
            case.slips.push(judge_one(asked, &self.question, bounds, deadline, Meter::new(screen, subject)));
            why_to_stop(deadline) == 0
        });
        case.slips_cut_short = !all;
    }
}

/// The steps of a plan as they are written.
pub fn steps_of(scenario: &Scenario, plan: Option<usize>) -> &[Step] {
    plan.map_or(&[], |plan| &scenario.plans[plan].steps)
}

fn title(scenario: &Scenario, plan: Option<usize>, file: &str) -> String {
    let name = plan.and_then(|plan| scenario.plans[plan].name.as_ref());
    name.map_or_else(|| file.to_owned(), |name| format!("{file} {}", name.value))
}

/// A plan that is asked for.
pub struct Asked {
    /// Its number among [`Scenario::plans`]; `None` if the scenario has no plan.
    pub plan: Option<usize>,
    /// Its fleet.
    pub compiled: Compiled,
    /// The mistakes that the operator makes.
    pub slipped: Slipped,
}

/// Compiles the plans that are asked for.
pub fn compile_all(read: &Read, question: &Question) -> Result<Vec<Asked>, Box<Unreadable>> {
    let refused = |diagnostics| Box::new(Unreadable { source: read.source.clone(), diagnostics });
    let plans = selected(&read.scenario, question).map_err(|diagnostic| refused(vec![*diagnostic]))?;
    let mut compiled = Vec::new();
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for plan in plans {
        match compile(&read.scenario, plan, Exploration { replicas: question.replicas }) {
            Ok(written) => {
                let steps = steps_of(&read.scenario, plan);
                let (definition, slipped) = slips::make(&written.definition, steps, &question.slip)
                    .map_err(|problem| refused(vec![bad_choice(&read.scenario, problem)]))?;
                compiled.push(Asked { plan, compiled: Compiled { definition, ..written }, slipped });
            }
            Err(refusals) => {
                for (message, span) in refusals {
                    let diagnostic = Diagnostic::error(Code::NotSupportedYet, span, message);
                    if !diagnostics.contains(&diagnostic) {
                        diagnostics.push(diagnostic);
                    }
                }
            }
        }
    }
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    if diagnostics.is_empty() { Ok(compiled) } else { Err(refused(diagnostics)) }
}

/// The plans that are asked for; a scenario without a plan is judged as it stands.
fn selected(scenario: &Scenario, question: &Question) -> Result<Vec<Option<usize>>, Box<Diagnostic>> {
    let Some(wanted) = &question.plan else {
        let all = (0..scenario.plans.len()).map(Some).collect::<Vec<_>>();
        return Ok(if all.is_empty() { vec![None] } else { all });
    };
    let named = |plan: &turnback_scenarios::ast::Plan| plan.name.as_ref().map(|name| name.value.clone());
    match scenario.plans.iter().position(|plan| named(plan).as_ref() == Some(wanted)) {
        Some(plan) => Ok(vec![Some(plan)]),
        None => {
            let names: Vec<String> = scenario.plans.iter().filter_map(named).collect();
            let help = match names.as_slice() {
                [] => "its only plan has no name; leave `--plan` out".to_owned(),
                names => format!("its plans are: {}", names.join(", ")),
            };
            Err(Box::new(bad_choice(scenario, format!("there is no plan `{wanted}`")).help(help)))
        }
    }
}

fn bad_choice(scenario: &Scenario, message: String) -> Diagnostic {
    Diagnostic::error(Code::BadChoice, scenario.name.span.clone(), message)
}

fn why_to_stop(deadline: Option<Instant>) -> u8 {
    let late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
    if CTRL_C.load(Ordering::SeqCst) { INTERRUPTED } else { u8::from(late) * OUT_OF_TIME }
}

fn judge_one(asked: Asked, question: &Question, bounds: &Bounds, deadline: Option<Instant>, mut meter: Meter) -> Case {
    let Asked { plan, compiled, slipped } = asked;
    let stopped = AtomicU8::new(0);
    let stop = || {
        let why = why_to_stop(deadline);
        if why != 0 {
            stopped.store(why, Ordering::SeqCst);
        }
        why != 0
    };
    let limits = Limits {
        states_max: bounds.max_states,
        memory_bytes_max: bounds.max_memory,
        threads: threads(bounds),
        stop: Some(&stop),
    };
    let whole = Fleet::new(compiled.definition.clone(), question.keys);
    let parts = compiled.definition.slices().into_iter();
    let slices: Vec<Fleet> = parts.map(|slice| Fleet::new(slice, question.keys)).collect();
    let judgement = judge(&whole, &slices, &limits, &mut |progress| meter.report(progress));
    let mut fleets: Vec<Fleet> = std::iter::once(whole).chain(slices).collect();
    fleets.iter_mut().for_each(|fleet| fleet.forgive(&judgement.pre_existing));
    let bound = (!judgement.complete).then(|| match stopped.load(Ordering::SeqCst) {
        INTERRUPTED => Bound::Interrupt,
        OUT_OF_TIME => Bound::Time(bounds.time.unwrap_or_default()),
        _ if judgement.states >= bounds.max_states => Bound::States(bounds.max_states),
        _ => Bound::Memory(bounds.max_memory),
    });
    Case {
        plan,
        compiled,
        fleets,
        judgement,
        bound,
        variations: vec![],
        slipped,
        slips: vec![],
        slips_cut_short: false,
    }
}

/// How many threads explore.
fn threads(bounds: &Bounds) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    bounds.threads.map_or_else(cores, |threads| threads as usize)
}

/// The fleet that a stored story happens in, whole or a slice, and the harms that are not charged; `None` if there is no
/// such slice.
pub fn fleet(definition: &Definition, keys: u32, slice: Option<usize>) -> Option<(Fleet, Vec<Label>)> {
    let definition = match slice {
        None => definition.clone(),
        Some(number) => definition.slices().into_iter().nth(number)?,
    };
    let mut fleet = Fleet::new(definition, keys);
    let limits = Limits { states_max: u64::MAX, memory_bytes_max: u64::MAX, threads: 1, stop: None };
    let (known, _) = pre_existing(&fleet, &limits);
    fleet.forgive(&known);
    Some((fleet, known))
}
