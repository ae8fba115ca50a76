//! The verdict: zones by position (V2), harms (V3), the promise (V4), safe, unsafe or undecided (V5).

use std::collections::BTreeSet;

use rayon::prelude::*;

use super::analysis::Analysis;
pub use super::analysis::{explored, pre_existing};
use super::meetings::Meeting;
use super::no_return::{self, TurningPoint};
use super::repair::{Found, Search, hotfix_works};
use super::story::{self, Story};
use super::works::Bits;
use crate::drivers::explore::{Limits, Progress};
use crate::planted::{Planted, planted};
use crate::relation::{Judged, Label, Position};

/// The best single procedure, played blind, that works from everywhere at a position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Zone {
    /// The declared rollback.
    Rollback,
    /// The rest of the plan, or the hotfix.
    Forward,
    /// A list of permitted moves.
    Repair,
    /// A bound was hit.
    Undecided,
    /// None.
    Irrecoverable,
}

/// Why there is no way out; where slices differ, the first of these that applies to one of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// Something is gone for good.
    Lost,
    /// There is no path at all.
    Stuck,
    /// There are paths, but nobody can force one.
    Luck,
    /// Only an operator who sees every key could force one.
    Hidden,
}

/// Where the declared rollback ends, from the best to the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ends {
    /// At home.
    Home,
    /// Somewhere where somebody is hurt.
    Hurts,
    /// Nowhere.
    Stuck,
    /// With a loss.
    Lost,
    /// A bound was hit.
    Undecided,
}

/// The way out of a position.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Procedure<S> {
    /// The declared rollback.
    Rollback,
    /// The rest of the plan.
    Finish,
    /// The declared hotfix.
    Hotfix,
    /// These moves, in order.
    Moves(Vec<S>),
}

/// A harm at a position.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct HarmAt {
    /// What.
    pub label: Label,
    /// It happens in a rollback that began here.
    pub in_rollback: bool,
    /// It counts against the plan.
    pub charged: bool,
}

/// One position and what can be done there.
#[derive(Clone, Debug)]
pub struct PositionFinding<S> {
    /// The position.
    pub position: Position,
    /// Its zone.
    pub zone: Zone,
    /// Why, if irrecoverable.
    pub reason: Option<Reason>,
    /// The way out.
    pub procedure: Option<Procedure<S>>,
    /// What the declared rollback does.
    pub rollback_ends: Ends,
    /// Who can be hurt.
    pub harms: Vec<HarmAt>,
    /// Whether the declared rollback works from everywhere here.
    pub rolls_back: bool,
    /// Whether finishing the plan does.
    pub finishes: bool,
    /// Whether the plan can stop here for good: nobody is ever hurt, though this is neither home nor goal.
    pub parks: bool,
    /// Whether the declared rollback always ends in such a place.
    pub rollback_parks: bool,
}

/// What a finding is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Subject {
    /// Somebody is hurt.
    Harm(Label),
    /// No way out at that position.
    Irrecoverable(Position),
    /// The promised rollback does not work from that position.
    PromiseBroken(Position),
    /// The plan can stop there for ever.
    Stalls(Position),
}

/// A finding and how it comes about.
#[derive(Clone, Debug)]
pub struct Finding<R: Judged> {
    /// What it is about.
    pub subject: Subject,
    /// The shortest way to it.
    pub story: Story<R>,
    /// The slice whose story it is; `None` = the whole's.
    pub slice: Option<usize>,
}

/// Safe, unsafe or undecided.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// Promises hold, nobody is hurt, the goal is reached.
    Safe,
    /// A bound was hit.
    Undecided,
    /// With a story.
    Unsafe,
}

/// Everything that is said about a plan.
pub struct Judgement<R: Judged> {
    /// The verdict.
    pub verdict: Verdict,
    /// Every reached position, in the order of the plan.
    pub positions: Vec<PositionFinding<R::Step>>,
    /// The last step all of whose positions can be rolled back; `None` = not even the start.
    pub last_safe_step: Option<u16>,
    /// The point of no return.
    pub no_return: Vec<TurningPoint<R>>,
    /// The findings, the worst first.
    pub findings: Vec<Finding<R>>,
    /// Harms of the start configuration.
    pub pre_existing: Vec<Label>,
    /// Used elements, by number.
    pub used: Bits,
    /// Who came across what whom has left, on some explored path.
    pub meetings: BTreeSet<Meeting>,
    /// States explored.
    pub states: u64,
    /// Moves explored.
    pub transitions: u64,
    /// Whether everything was explored.
    pub complete: bool,
}

/// Judges a plan: `whole`, or the `slices` that it falls into, of which each must be served by the same procedure.
pub fn judge<R: Judged + Clone + Send>(
    whole: &R,
    slices: &[R],
    limits: &Limits,
    progress: &mut dyn FnMut(Progress),
) -> Judgement<R>
where
    R::Step: Send,
{
    if slices.len() < 2 {
        return together(&[Analysis::of(whole, limits, progress)], false, limits);
    }
    let slices = &slices[..slices.len() - usize::from(planted(Planted::LastSliceIgnored))];
    // Shares of the bounds, so that what is explored depends neither on order nor on threads.
    let share = slices.len() as u64;
    let limits = &Limits {
        states_max: (limits.states_max / share).max(1),
        memory_bytes_max: limits.memory_bytes_max / share,
        ..*limits
    };
    let alone = Limits { threads: 1, ..*limits };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(limits.threads.max(1)).build();
    let mut analyses: Vec<Analysis<R>> = match pool {
        Ok(pool) if limits.threads > 1 => {
            pool.install(|| slices.par_iter().map(|slice| Analysis::of(slice, &alone, &mut |_| {})).collect())
        }
        _ => slices.iter().map(|slice| Analysis::of(slice, limits, progress)).collect(),
    };
    if planted(Planted::SlicesSwapped) && limits.threads > 1 {
        analyses.reverse();
    }
    together(&analyses, true, limits)
}

/// What the analyses of all slices say together.
fn together<R: Judged + Clone>(analyses: &[Analysis<R>], sliced: bool, limits: &Limits) -> Judgement<R> {
    let complete = analyses.iter().all(|analysis| analysis.ground.graph.complete);
    let reached = |position: &Position| analyses.iter().all(|analysis| analysis.at.contains_key(position));
    let positions: Vec<Position> = analyses[0].at.keys().copied().filter(reached).collect();
    let all_known = analyses.iter().all(|analysis| analysis.all_known);
    let mut found = weighed(analyses, &positions, complete && all_known, limits);
    if !all_known {
        found.iter_mut().for_each(PositionFinding::leave_open);
    }
    let used = used(analyses);
    let mut pre_existing: Vec<Label> = analyses.iter().flat_map(|analysis| &analysis.known).copied().collect();
    pre_existing.sort_unstable();
    pre_existing.dedup();
    let stalls: Vec<Option<u32>> = analyses.iter().map(|analysis| analysis.stalls().filter(|_| complete)).collect();
    let vital = analyses[0].relation.vital();
    let alive = vital.iter().all(|element| used.contains(*element as usize)) || planted(Planted::EmptyIsSafe);
    Judgement {
        verdict: verdict(&analyses[0].relation, &found, &stalls, complete && all_known && alive),
        last_safe_step: last_safe_step(&found),
        no_return: no_return::find(analyses, &found),
        findings: story::findings(analyses, sliced, &found, &stalls),
        pre_existing,
        used,
        meetings: analyses.iter().flat_map(|analysis| analysis.meetings(&positions)).collect(),
        states: analyses.iter().map(|analysis| analysis.ground.graph.len() as u64).sum(),
        transitions: analyses.iter().map(|analysis| analysis.ground.graph.transitions()).sum(),
        complete: complete && all_known,
        positions: found,
    }
}

/// The elements that are used, in some slice or, where that is what it takes, in every one.
fn used<R: Judged>(analyses: &[Analysis<R>]) -> Bits {
    let mut used = analyses[0].ground.used.clone();
    analyses.iter().for_each(|analysis| used.union_with(&analysis.ground.used));
    for element in analyses[0].relation.everywhere() {
        let at = element as usize;
        used.set(at, analyses.iter().all(|analysis| analysis.ground.used.contains(at)));
    }
    used
}

/// V5, from what was found, not from what could be told.
fn verdict<R: Judged>(
    relation: &R,
    found: &[PositionFinding<R::Step>],
    stalls: &[Option<u32>],
    settled: bool,
) -> Verdict {
    let hurts = found.iter().any(|here| here.harms.iter().any(|harm| harm.charged));
    let trapped = found.iter().any(|here| here.zone == Zone::Irrecoverable);
    let broken = found.iter().any(|here| here.is_broken() && relation.promised(here.position));
    if hurts || trapped || broken || stalls.iter().any(Option::is_some) {
        Verdict::Unsafe
    } else if settled && found.iter().all(|here| here.zone != Zone::Undecided) {
        Verdict::Safe
    } else {
        Verdict::Undecided
    }
}

impl<S> PositionFinding<S> {
    /// Nothing is known for certain, because it is not known what the start configuration suffers anyway.
    fn leave_open(&mut self) {
        self.harms.iter_mut().for_each(|harm| harm.charged = false);
        (self.zone, self.reason, self.procedure) = (Zone::Undecided, None, None);
        (self.rolls_back, self.rollback_ends) = (true, Ends::Undecided);
    }

    /// Whether the declared rollback certainly does not work from everywhere here.
    pub fn is_broken(&self) -> bool {
        !self.rolls_back
    }
}

/// Every position with its zone: a procedure must work in every slice.
fn weighed<R: Judged + Clone>(
    analyses: &[Analysis<R>],
    positions: &[Position],
    complete: bool,
    limits: &Limits,
) -> Vec<PositionFinding<R::Step>> {
    let harms: Vec<_> = analyses.iter().map(|analysis| analysis.harms(positions)).collect();
    let ends: Vec<_> = analyses.iter().map(|analysis| analysis.rollback_ends(positions)).collect();
    let mut search: Option<Search<R>> = None;
    let mut found = Vec::new();
    for position in positions {
        let position = *position;
        let rolls_back = if planted(Planted::AnySliceServes) {
            analyses.iter().any(|analysis| analysis.all_roll_back(position))
        } else {
            analyses.iter().all(|analysis| analysis.all_roll_back(position))
        };
        let finishes = analyses.iter().all(|analysis| analysis.all_finish(position));
        let lost = analyses.iter().any(|analysis| analysis.can_be_lost(position));
        let (zone, reason, procedure) = match (rolls_back, finishes, lost) {
            (_, _, true) => (Zone::Irrecoverable, Some(Reason::Lost), None),
            _ if !complete => (Zone::Undecided, None, None),
            (true, ..) => (Zone::Rollback, None, Some(Procedure::Rollback)),
            (_, true, _) => (Zone::Forward, None, Some(Procedure::Finish)),
            _ => {
                let search = search.get_or_insert_with(|| Search::new(analyses, positions, limits));
                undeclared(analyses, search, position, limits)
            }
        };
        let mut here: Vec<HarmAt> = harms.iter().filter_map(|harms| harms.get(&position)).flatten().copied().collect();
        here.sort_unstable();
        here.dedup();
        let rollback_ends = ends.iter().map(|ends| ends[&position]).max().unwrap_or(Ends::Home);
        found.push(PositionFinding {
            position,
            zone,
            reason,
            procedure,
            rollback_ends,
            harms: here,
            rolls_back,
            finishes,
            parks: complete && analyses.iter().all(|analysis| analysis.all_park(position)),
            rollback_parks: complete && analyses.iter().all(|analysis| analysis.all_rollbacks_park(position)),
        });
    }
    found
}

/// A zone, why there is none, and the procedure.
type Way<S> = (Zone, Option<Reason>, Option<Procedure<S>>);

/// Neither rollback nor plan serves: the hotfix, or some list of permitted moves.
fn undeclared<R: Judged + Clone>(
    analyses: &[Analysis<R>],
    search: &Search<R>,
    position: Position,
    limits: &Limits,
) -> Way<R::Step> {
    if analyses.iter().all(|analysis| hotfix_works(analysis, &analysis.at[&position], limits)) {
        return (Zone::Forward, None, Some(Procedure::Hotfix));
    }
    match search.find(analyses, position, limits) {
        Found::Moves(moves) => (Zone::Repair, None, Some(Procedure::Moves(moves))),
        Found::Nothing(reason) => (Zone::Irrecoverable, Some(reason), None),
        Found::GaveUp => (Zone::Undecided, None, None),
    }
}

/// The last step up to which every position can be rolled back.
fn last_safe_step<S>(found: &[PositionFinding<S>]) -> Option<u16> {
    let broken =
        found.iter().filter(|finding| finding.zone != Zone::Rollback).map(|finding| finding.position.step).min();
    match broken {
        None => found.last().map(|finding| finding.position.step),
        Some(0) => None,
        Some(step) => Some(step - 1),
    }
}
