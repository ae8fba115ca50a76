//! The verdict: zones by position (V2), harms (V3), the promise (V4), safe, unsafe or undecided (V5).

use std::cell::OnceCell;
use std::collections::BTreeMap;

use super::ground::{BETWEEN, GOAL, Ground, Hurt, START, is_env};
use super::no_return::{self, TurningPoint};
use super::repair;
use super::story::{self, Story};
use super::works::{Bits, can_reach, reach, states, works};
use crate::drivers::explore::{Limits, Progress, explore};
use crate::relation::{Judged, Label, Mode, Mover, Operator, Position};

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

/// Why there is no way out.
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
    /// States explored.
    pub states: u64,
    /// Moves explored.
    pub transitions: u64,
    /// Whether everything was explored.
    pub complete: bool,
}

/// The harms of the start configuration, before any step.
pub fn pre_existing<R: Judged>(relation: &R, limits: &Limits) -> Vec<Label> {
    let graph = explore(relation, &relation.start(), &is_env, limits, &mut |_| {});
    let ground = Ground::of(relation, graph, &[]);
    let mut labels: Vec<Label> = ground.hurts.iter().map(|hurt| hurt.label).collect();
    labels.extend(ground.stalled.iter().map(|(_, label)| *label));
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// Judges the plan of `relation`. Losses of the start configuration must be forgiven before.
pub fn judge<R: Judged + Clone>(
    relation: &R,
    known: Vec<Label>,
    limits: &Limits,
    effort: Effort,
    progress: &mut dyn FnMut(Progress),
) -> Judgement<R> {
    let mut retries = Vec::new();
    let ground = loop {
        let seeds: Vec<R::State> =
            relation.start().into_iter().chain(retries.iter().map(|retry: &Retry<R>| retry.begins.clone())).collect();
        let graph = explore(relation, &seeds, &follows_plan, limits, progress);
        let ground = Ground::of(relation, graph, &known);
        let more = new_retries(relation, &ground);
        if more.is_empty() || !ground.graph.complete {
            break ground;
        }
        retries.extend(more);
    };
    let court = Court::new(relation, &ground, &known, limits);
    court.judge(&retries, known.clone(), effort)
}

/// Whether ways out beside plan and rollback are looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effort {
    /// Only plan and rollback are weighed; what needs more is left undecided.
    Declared,
    /// Hotfix and repairs are searched too.
    Whole,
}

/// A second attempt: the state in which the plan begins again, and the home where the first one ended.
pub(super) struct Retry<R: Judged> {
    pub home: R::State,
    pub step: R::Step,
    pub begins: R::State,
}

/// Every mover of the plan and its rollback.
fn follows_plan(mover: Mover) -> bool {
    !matches!(mover, Mover::Operator(Operator::Retry | Operator::Hotfix | Operator::Repair))
}

/// Only a rollback that ended at home is followed by a second attempt.
fn new_retries<R: Judged>(relation: &R, ground: &Ground) -> Vec<Retry<R>> {
    let mut retries: Vec<Retry<R>> = Vec::new();
    let homes = ground.harbours[START].ones().filter(|at| ground.modes[*at] == (Mode::Rollback { finished: true }));
    for at in homes {
        let home = ground.graph.state(relation, at as u32);
        let mut steps = Vec::new();
        relation.enabled(&home, &mut steps);
        let retry = steps.into_iter().find(|step| relation.mover(&home, *step) == Mover::Operator(Operator::Retry));
        let Some(step) = retry else { continue };
        let mut begins = home.clone();
        relation.apply(&mut begins, step);
        let known =
            ground.graph.find(relation, &begins).is_some() || retries.iter().any(|retry| retry.begins == begins);
        if !known {
            retries.push(Retry { home, step, begins });
        }
    }
    retries
}

/// Everything that the zones are read off.
pub(super) struct Court<'a, R: Judged> {
    pub relation: &'a R,
    pub ground: &'a Ground,
    pub known: &'a [Label],
    pub limits: &'a Limits<'a>,
    /// States of the plan by position.
    pub at: BTreeMap<Position, Vec<u32>>,
    /// Rollback states from which the rollback ends at home.
    pub rolls_back: Bits,
    /// Rollback states from which it ends at all.
    pub ends: Bits,
    /// States of the plan from which finishing it ends in the goal.
    pub finishes: Bits,
    /// Where abort leads, per state of the plan.
    pub aborted: Vec<u32>,
}

/// A zone, why there is none, and the procedure.
type Way<S> = (Zone, Option<Reason>, Option<Procedure<S>>);

/// No abort is possible.
const NO_ABORT: u32 = u32::MAX;

impl<'a, R: Judged + Clone> Court<'a, R> {
    fn new(relation: &'a R, ground: &'a Ground, known: &'a [Label], limits: &'a Limits<'a>) -> Self {
        let mut at: BTreeMap<Position, Vec<u32>> = BTreeMap::new();
        let mut aborted = vec![NO_ABORT; ground.graph.len()];
        for id in 0..ground.graph.len() as u32 {
            if let Mode::Forward { .. } = ground.modes[id as usize] {
                at.entry(ground.positions[id as usize]).or_default().push(id);
                let abort = ground.graph.edges(id).find(|edge| edge.mover == Mover::Operator(Operator::Abort));
                aborted[id as usize] = abort.map_or(NO_ABORT, |edge| edge.target);
            }
        }
        let rolling = |mode| matches!(mode, Mode::Rollback { .. });
        let rolled = |mode| mode == Mode::Rollback { finished: true };
        let home = ground.target(&[START], rolled);
        let mut any_end = ground.open.clone();
        any_end.extend((0..ground.graph.len()).filter(|at| rolled(ground.modes[*at])));
        let goal = ground.target(&[GOAL], |mode| mode == Mode::Forward { finished: true });
        Self {
            rolls_back: programme_works(ground, &home, rolling, is_rollback),
            ends: programme_works(ground, &any_end, rolling, is_rollback),
            finishes: programme_works(ground, &goal, |mode| matches!(mode, Mode::Forward { .. }), is_forward),
            relation,
            ground,
            known,
            limits,
            at,
            aborted,
        }
    }

    fn judge(self, retries: &[Retry<R>], pre_existing: Vec<Label>, effort: Effort) -> Judgement<R> {
        let positions: Vec<Position> = self.at.keys().copied().collect();
        let mut harms = self.harms(&positions);
        let ends = self.rollback_ends(&positions);
        let repairs = OnceCell::new();
        let mut found = Vec::new();
        for position in &positions {
            let members = &self.at[position];
            let rolls_back = members.iter().all(|id| self.can_roll_back(*id));
            let finishes = self.relation.may_finish() && members.iter().all(|id| self.finishes.contains(*id as usize));
            let (zone, reason, procedure) = self.zone(*position, rolls_back, finishes, effort, &repairs);
            let harms = harms.remove(position).unwrap_or_default();
            let position = *position;
            let rollback_ends = ends[&position];
            found.push(PositionFinding {
                position,
                zone,
                reason,
                procedure,
                rollback_ends,
                harms,
                rolls_back,
                finishes,
            });
        }
        let complete = self.ground.graph.complete;
        let last_safe_step = last_safe_step(&found);
        let stalls = self.stalls();
        let findings = story::findings(&self, &found, stalls, retries);
        let verdict = match (findings.is_empty(), complete) {
            (false, _) => Verdict::Unsafe,
            (true, true) => Verdict::Safe,
            (true, false) => Verdict::Undecided,
        };
        Judgement {
            verdict,
            last_safe_step,
            no_return: no_return::find(&self, &found),
            findings,
            pre_existing,
            used: self.ground.used.clone(),
            states: self.ground.graph.len() as u64,
            transitions: self.ground.graph.transitions(),
            complete,
            positions: found,
        }
    }

    /// Whether the rollback from a state of the plan ends at home.
    pub fn can_roll_back(&self, id: u32) -> bool {
        let target = self.aborted[id as usize];
        target == NO_ABORT && !self.ground.graph.is_expanded(id)
            || (target != NO_ABORT && self.rolls_back.contains(target as usize))
    }

    fn zone(
        &self,
        position: Position,
        rolls_back: bool,
        finishes: bool,
        effort: Effort,
        repairs: &OnceCell<repair::Search<R>>,
    ) -> Way<R::Step> {
        let members = &self.at[&position];
        let complete = self.ground.graph.complete;
        let undecided = (Zone::Undecided, None, None);
        if rolls_back {
            return if complete { (Zone::Rollback, None, Some(Procedure::Rollback)) } else { undecided };
        }
        if finishes {
            return if complete { (Zone::Forward, None, Some(Procedure::Finish)) } else { undecided };
        }
        let lost = members.iter().any(|id| !self.ground.loss_free.contains(*id as usize));
        if lost {
            return (Zone::Irrecoverable, Some(Reason::Lost), None);
        }
        if !complete || effort == Effort::Declared {
            return undecided;
        }
        if repair::hotfix_works(self, members) {
            return (Zone::Forward, None, Some(Procedure::Hotfix));
        }
        let search = repairs.get_or_init(|| repair::Search::from(self, &self.in_need()));
        match search.find(self, members) {
            repair::Found::Moves(moves) => (Zone::Repair, None, Some(Procedure::Moves(moves))),
            repair::Found::Nothing(reason) => (Zone::Irrecoverable, Some(reason), None),
            repair::Found::GaveUp => undecided,
        }
    }

    /// The states of every position that neither rollback nor plan serves, though nothing is lost there.
    fn in_need(&self) -> Vec<u32> {
        let serves = |members: &[u32], good: &dyn Fn(u32) -> bool| members.iter().all(|id| good(*id));
        let needy = |members: &&Vec<u32>| {
            !serves(members, &|id| self.can_roll_back(id))
                && !(self.relation.may_finish() && serves(members, &|id| self.finishes.contains(id as usize)))
                && serves(members, &|id| self.ground.loss_free.contains(id as usize))
        };
        self.at.values().filter(needy).flatten().copied().collect()
    }

    /// Per position: what the declared rollback does from everywhere there, at worst.
    fn rollback_ends(&self, positions: &[Position]) -> BTreeMap<Position, Ends> {
        let mut ends: BTreeMap<Position, Ends> = positions.iter().map(|position| (*position, Ends::Home)).collect();
        for chunk in positions.chunks(64) {
            let masks = self.origins(chunk);
            for (id, mask) in masks.iter().enumerate() {
                let worst = if !self.ground.loss_free.contains(id) {
                    Ends::Lost
                } else if !self.ends.contains(id) {
                    Ends::Stuck
                } else if !self.rolls_back.contains(id) {
                    Ends::Hurts
                } else {
                    continue;
                };
                for (bit, position) in chunk.iter().enumerate() {
                    if mask & (1 << bit) != 0 {
                        let known = ends.get_mut(position).expect("it was put there");
                        *known = (*known).max(worst);
                    }
                }
            }
        }
        if !self.ground.graph.complete {
            ends.values_mut().filter(|ends| **ends == Ends::Home).for_each(|ends| *ends = Ends::Undecided);
        }
        ends
    }

    /// Per state: the positions of `chunk` (bit by index) from which its rollback can have begun.
    fn origins(&self, chunk: &[Position]) -> Vec<u64> {
        let graph = &self.ground.graph;
        let mut masks = vec![0u64; graph.len()];
        let mut work = Vec::new();
        for (bit, position) in chunk.iter().enumerate() {
            for id in &self.at[position] {
                let target = self.aborted[*id as usize];
                if target != NO_ABORT && masks[target as usize] & (1 << bit) == 0 {
                    masks[target as usize] |= 1 << bit;
                    work.push(target);
                }
            }
        }
        while let Some(id) = work.pop() {
            let mask = masks[id as usize];
            for edge in graph.edges(id).filter(|edge| is_env(edge.mover) || is_rollback(edge.mover)) {
                let target = &mut masks[edge.target as usize];
                if *target | mask != *target {
                    *target |= mask;
                    work.push(edge.target);
                }
            }
        }
        masks
    }

    /// Per position: the harms there and in rollbacks that began there.
    fn harms(&self, positions: &[Position]) -> BTreeMap<Position, Vec<HarmAt>> {
        let mut harms: BTreeMap<Position, Vec<HarmAt>> = BTreeMap::new();
        let mut add = |position: Position, label: Label, in_rollback: bool| {
            let charged = !in_rollback || self.relation.promised(position);
            let here = harms.entry(position).or_default();
            if !here.iter().any(|known| known.label.same_harm(&label) && known.in_rollback <= in_rollback) {
                here.retain(|known| !known.label.same_harm(&label));
                here.push(HarmAt { label, in_rollback, charged });
            }
        };
        for hurt in &self.ground.hurts {
            if let Some(position) = self.position_of(hurt) {
                add(position, hurt.label, false);
            }
        }
        for (id, label) in &self.ground.stalled {
            if let Mode::Forward { .. } = self.ground.modes[*id as usize] {
                add(self.ground.positions[*id as usize], *label, false);
            }
        }
        for chunk in positions.chunks(64) {
            let masks = self.origins(chunk);
            let rolled =
                self.ground.hurts.iter().filter(|hurt| self.in_rollback(hurt)).map(|hurt| (hurt.node, hurt.label));
            let stalled = self.ground.stalled.iter().copied();
            for (id, label) in rolled.chain(stalled) {
                for (bit, position) in chunk.iter().enumerate() {
                    if masks[id as usize] & (1 << bit) != 0 {
                        add(*position, label, true);
                    }
                }
            }
        }
        harms.values_mut().for_each(|here| here.sort_unstable());
        harms
    }

    /// The position to which a harm of the plan is charged: a step's own harm belongs to what the step leads to.
    pub fn position_of(&self, hurt: &Hurt) -> Option<Position> {
        let node = if is_env(hurt.mover) { hurt.node } else { hurt.target };
        let forward = |id: u32| matches!(self.ground.modes[id as usize], Mode::Forward { .. });
        (forward(hurt.node) && forward(node)).then(|| self.ground.positions[node as usize])
    }

    pub fn in_rollback(&self, hurt: &Hurt) -> bool {
        matches!(self.ground.modes[hurt.node as usize], Mode::Rollback { .. })
    }

    /// The states from which the plan, never aborted, cannot be sure to reach its goal although nothing is lost: the
    /// trap that is entered first.
    fn stalls(&self) -> Option<u32> {
        let graph = &self.ground.graph;
        let starts: Vec<u32> = graph.starts().to_vec();
        if starts.iter().all(|id| self.finishes.contains(*id as usize)) {
            return None;
        }
        let goal = self.ground.target(&[GOAL, BETWEEN, START], |mode| mode == Mode::Forward { finished: true });
        let lost_counts = states(graph, |_| true);
        let via = |source: u32, mover: Mover| {
            mover == Mover::Fair || (is_forward(mover) && self.ground.dependable(source, mover))
        };
        let mut finished = goal;
        finished.extend((0..graph.len()).filter(|at| self.ground.modes[*at] == (Mode::Forward { finished: true })));
        let on = can_reach(graph, &finished, &lost_counts, &via);
        let trapped =
            |id: &u32| matches!(self.ground.modes[*id as usize], Mode::Forward { .. }) && !on.contains(*id as usize);
        let first = (0..graph.len() as u32).find(trapped)?;
        // The plan goes on from there as far as it can; where it stops for good is what is told.
        let mut trap = Bits::with_capacity(graph.len());
        trap.insert(first as usize);
        let reached = reach(graph, &trap, &via);
        reached
            .ones()
            .map(|id| id as u32)
            .max_by_key(|id| (self.ground.positions[*id as usize], std::cmp::Reverse(*id)))
    }
}

/// The states of a programme from which it ends in `target` whatever happens.
fn programme_works(ground: &Ground, target: &Bits, inside: impl Fn(Mode) -> bool, moves: fn(Mover) -> bool) -> Bits {
    let mut allowed = ground.loss_free.clone();
    for at in 0..ground.graph.len() {
        allowed.set(at, ground.loss_free.contains(at) && inside(ground.modes[at]));
    }
    let helpful =
        |source: u32, mover: Mover| mover == Mover::Fair || (moves(mover) && ground.dependable(source, mover));
    let forced = |_: u32, mover: Mover| is_env(mover) || moves(mover);
    let mut target = target.clone();
    target.intersect_with(&allowed);
    works(&ground.graph, &target, &helpful, &forced, &allowed)
}

pub(super) fn is_rollback(mover: Mover) -> bool {
    matches!(mover, Mover::Operator(Operator::Rollback | Operator::RollbackOverRows))
}

pub(super) fn is_forward(mover: Mover) -> bool {
    matches!(mover, Mover::Operator(Operator::Forward | Operator::ForwardOverRows))
}

/// The last step up to which every position can be rolled back.
pub(super) fn last_safe_step<S>(found: &[PositionFinding<S>]) -> Option<u16> {
    let broken =
        found.iter().filter(|finding| finding.zone != Zone::Rollback).map(|finding| finding.position.step).min();
    match broken {
        None => found.last().map(|finding| finding.position.step),
        Some(0) => None,
        Some(step) => Some(step - 1),
    }
}
