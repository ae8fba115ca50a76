//! One relation weighed: its explored graph, and from where plan and rollback work.

use std::collections::{BTreeMap, BTreeSet};

use super::ground::{BETWEEN, GOAL, Ground, Hurt, START, is_env};
use super::judge::{Ends, HarmAt};
use super::meetings::Meeting;
use super::works::{Bits, can_reach, reach, states, works};
use crate::drivers::explore::{Graph, Limits, Progress, explore};
use crate::planted::{Planted, planted};
use crate::relation::{At, Judged, Label, Mode, Mover, Operator, Position};

/// The harms of the start configuration, before any step, and whether that is all of them.
pub fn pre_existing<R: Judged>(relation: &R, limits: &Limits) -> (Vec<Label>, bool) {
    let counts = |mover| is_env(mover) || (planted(Planted::PreExistingFromPlan) && is_forward(mover));
    let graph = explore(relation, &relation.start(), &counts, limits, &mut |_| {});
    let ground = Ground::of(relation, graph, &[]);
    let mut labels: Vec<Label> = ground.hurts.iter().map(|hurt| hurt.label).collect();
    labels.extend(ground.stalled.iter().map(|(_, label)| *label));
    labels.sort_unstable();
    labels.dedup();
    (labels, ground.graph.complete)
}

/// Every state of the plan, its rollbacks and second attempts, as they are judged, and the relation that charges no
/// loss of the start configuration.
pub fn explored<R: Judged + Clone>(relation: &R, limits: &Limits) -> (R, Graph) {
    let analysis = Analysis::of(relation, limits, &mut |_| {});
    (analysis.relation, analysis.ground.graph)
}

/// A second attempt: the state in which the plan begins again, and the home where the first one ended.
pub(super) struct Retry<R: Judged> {
    pub home: R::State,
    pub step: R::Step,
    pub begins: R::State,
}

/// Every mover of the plan and its rollback.
fn follows_plan(mover: Mover) -> bool {
    !matches!(
        mover,
        Mover::Operator(
            Operator::Retry | Operator::Hotfix | Operator::HotfixOverRows | Operator::Repair | Operator::RepairOverRows
        )
    )
}

/// Only a rollback that ended at home is followed by a second attempt: those that begin in a state not yet known, and
/// the links from homes to known ones.
fn new_retries<R: Judged>(relation: &R, ground: &Ground) -> (Vec<Retry<R>>, Vec<(u32, u32)>) {
    let mut retries: Vec<Retry<R>> = Vec::new();
    let mut links = Vec::new();
    if planted(Planted::SecondAttemptForgotten) {
        return (retries, links);
    }
    let homes = ground.harbours[START].ones().filter(|at| ground.modes[*at] == (Mode::Rollback { finished: true }));
    for at in homes {
        let home = ground.graph.state(relation, at as u32);
        let mut steps = Vec::new();
        relation.enabled(&home, &mut steps);
        let retry = steps.into_iter().find(|step| relation.mover(&home, *step) == Mover::Operator(Operator::Retry));
        let Some(step) = retry else { continue };
        let mut begins = home.clone();
        relation.apply(&mut begins, step);
        match ground.graph.find(relation, &begins) {
            Some(known) => links.push((at as u32, known)),
            None if retries.iter().any(|retry| retry.begins == begins) => {}
            None => retries.push(Retry { home, step, begins }),
        }
    }
    (retries, links)
}

/// Everything that the zones are read off.
pub(super) struct Analysis<R: Judged> {
    pub relation: R,
    pub ground: Ground,
    /// Harms of the start configuration.
    pub known: Vec<Label>,
    /// Whether the start configuration was explored whole; if not, nothing can be charged to the plan.
    pub all_known: bool,
    /// From the homes where a second attempt begins to where it does.
    links: Vec<(u32, u32)>,
    /// Second attempts.
    pub retries: Vec<Retry<R>>,
    /// States of the plan by position.
    pub at: BTreeMap<Position, Vec<u32>>,
    /// Rollback states from which the rollback ends at home.
    pub rolls_back: Bits,
    /// Rollback states from which it ends at all.
    pub ends: Bits,
    /// States of the plan from which finishing it ends in the goal, or at home.
    pub finishes: Bits,
    /// The states from which finishing the plan ends in its goal, whatever happens.
    reaches_goal: Bits,
    /// States of the plan that settle in a harbour in between if the plan stops there.
    parks: Bits,
    /// Rollback states from which the rollback ends in such a harbour.
    rollback_parks: Bits,
    /// Where abort leads, per state of the plan.
    pub aborted: Vec<u32>,
}

/// No abort is possible.
pub(super) const NO_ABORT: u32 = u32::MAX;

impl<R: Judged + Clone> Analysis<R> {
    /// Explores the plan of `relation` with its rollbacks and second attempts, and weighs them.
    pub fn of(relation: &R, limits: &Limits, progress: &mut dyn FnMut(Progress)) -> Self {
        let mut relation = relation.clone();
        let (known, all_known) = pre_existing(&relation, limits);
        relation.forgive(&known);
        let mut retries: Vec<Retry<R>> = Vec::new();
        let (ground, links) = loop {
            let again = retries.iter().map(|retry| retry.begins.clone());
            let starts = if planted(Planted::FirstStartOnly) { 1 } else { usize::MAX };
            let seeds: Vec<R::State> = relation.start().into_iter().take(starts).chain(again).collect();
            let graph = explore(&relation, &seeds, &follows_plan, limits, progress);
            let ground = Ground::of(&relation, graph, &known);
            let (more, links) = new_retries(&relation, &ground);
            if more.is_empty() || !ground.graph.complete {
                break (ground, links);
            }
            retries.extend(more);
        };
        Self { all_known, links, ..Self::weigh(relation, ground, known, retries) }
    }

    fn weigh(relation: R, ground: Ground, known: Vec<Label>, retries: Vec<Retry<R>>) -> Self {
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
        let forward = |mode| matches!(mode, Mode::Forward { .. });
        let mut parked = ground.harbours[BETWEEN].clone();
        (0..ground.graph.len()).filter(|at| !rolled(ground.modes[*at])).for_each(|at| parked.set(at, false));
        let finished = |mode| mode == Mode::Forward { finished: true };
        let goal = ground.target(&[GOAL], finished);
        let goal_or_home = ground.target(&[GOAL, START], finished);
        Self {
            rolls_back: programme_works(&ground, &home, rolling, is_rollback),
            ends: programme_works(&ground, &any_end, rolling, is_rollback),
            parks: programme_works(&ground, &ground.harbours[BETWEEN], forward, |_| false),
            rollback_parks: programme_works(&ground, &parked, rolling, is_rollback),
            finishes: programme_works(&ground, &goal_or_home, forward, is_forward),
            reaches_goal: programme_works(&ground, &goal, forward, is_forward),
            relation,
            ground,
            known,
            all_known: true,
            links: vec![],
            retries,
            at,
            aborted,
        }
    }

    /// Whether the rollback from a state of the plan ends at home.
    pub fn can_roll_back(&self, id: u32) -> bool {
        let canary = self.ground.positions[id as usize].at == At::Canary;
        let finished = self.ground.modes[id as usize] == (Mode::Forward { finished: true });
        if (planted(Planted::CanaryTakenOnTrust) && canary) || (planted(Planted::EndTakenOnTrust) && finished) {
            return true;
        }
        match self.aborted[id as usize] {
            NO_ABORT => !self.ground.graph.is_expanded(id),
            target => self.rolls_back.contains(target as usize),
        }
    }

    /// Whether the declared rollback works from everywhere at a position.
    pub fn all_roll_back(&self, position: Position) -> bool {
        let mut states = self.at[&position].iter();
        if planted(Planted::BestState) {
            return states.any(|id| self.can_roll_back(*id));
        }
        states.all(|id| self.can_roll_back(*id))
    }

    /// Whether finishing the plan works from everywhere at a position.
    pub fn all_finish(&self, position: Position) -> bool {
        (self.relation.may_finish() || planted(Planted::MayNotFinishForgotten))
            && self.at[&position].iter().all(|id| self.finishes.contains(*id as usize))
    }

    /// Who came across what whom has left, as long as the plan does not come to other than these positions.
    pub fn meetings(&self, positions: &[Position]) -> BTreeSet<Meeting> {
        let mut outside = Bits::with_capacity(self.ground.graph.len());
        let beyond = self.at.iter().filter(|(position, _)| !positions.contains(position));
        outside.extend(beyond.flat_map(|(_, ids)| ids).map(|id| *id as usize));
        self.ground.watched.meetings(&self.ground.graph, &self.links, &outside)
    }

    /// Whether a plan that stops at a position surely settles in a harbour in between.
    pub fn all_park(&self, position: Position) -> bool {
        self.at[&position].iter().all(|id| self.parks.contains(*id as usize))
    }

    /// Whether a rollback that begins at a position surely ends in such a harbour.
    pub fn all_rollbacks_park(&self, position: Position) -> bool {
        let parks = |target: u32| target != NO_ABORT && self.rollback_parks.contains(target as usize);
        self.at[&position].iter().all(|id| parks(self.aborted[*id as usize]))
    }

    /// Whether something can be lost at a position.
    pub fn can_be_lost(&self, position: Position) -> bool {
        self.at[&position].iter().any(|id| !self.ground.loss_free.contains(*id as usize))
            && !planted(Planted::LossInZoneForgotten)
    }

    /// Per position: what the declared rollback does from everywhere there, at worst.
    pub fn rollback_ends(&self, positions: &[Position]) -> BTreeMap<Position, Ends> {
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
            let goes_on = |mover| is_rollback(mover) && !planted(Planted::LaterRollbackHarmsUnseen);
            for edge in graph.edges(id).filter(|edge| is_env(edge.mover) || goes_on(edge.mover)) {
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
    pub fn harms(&self, positions: &[Position]) -> BTreeMap<Position, Vec<HarmAt>> {
        let mut harms: BTreeMap<Position, Vec<HarmAt>> = BTreeMap::new();
        let mut add = |position: Position, label: Label, in_rollback: bool| {
            let charged = !in_rollback || (self.relation.promised(position) && !planted(Planted::RollbackHarmsFree));
            let told = || harms.values().flatten().any(|known| known.label.same_harm(&label));
            if (planted(Planted::CanaryHarmsDropped) && position.at == At::Canary)
                || (planted(Planted::HarmToldOnce) && told())
            {
                return;
            }
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
    pub fn stalls(&self) -> Option<u32> {
        let graph = &self.ground.graph;
        let starts: Vec<u32> = graph.starts().to_vec();
        if planted(Planted::StallsForgotten) || starts.iter().all(|id| self.reaches_goal.contains(*id as usize)) {
            return None;
        }
        let lost_counts = states(graph, |_| true);
        let via = |source: u32, mover: Mover| {
            mover == Mover::Fair || (is_forward(mover) && self.ground.dependable(source, mover))
        };
        // What is hurt or lost at the end of the plan is a finding of its own.
        let finished = states(graph, |id| {
            self.ground.modes[*id as usize] == (Mode::Forward { finished: true })
                && self.relation.at_goal(&graph.state(&self.relation, *id))
        });
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
    let helpful = |source: u32, mover: Mover| is_bound(mover) || (moves(mover) && ground.dependable(source, mover));
    let may_happen = |mover| is_env(mover) && !(mover == Mover::Possible && planted(Planted::PossibleNotForced));
    let forced = |_: u32, mover: Mover| may_happen(mover) || moves(mover);
    let mut target = target.clone();
    target.intersect_with(&allowed);
    works(&ground.graph, &target, &helpful, &forced, &allowed)
}

/// Whether a procedure may count on it, whatever the operator does.
fn is_bound(mover: Mover) -> bool {
    mover == Mover::Fair || (mover == Mover::Possible && planted(Planted::LuckInProgramme))
}

pub(super) fn is_rollback(mover: Mover) -> bool {
    matches!(mover, Mover::Operator(Operator::Rollback | Operator::RollbackOverRows))
}

pub(super) fn is_forward(mover: Mover) -> bool {
    matches!(mover, Mover::Operator(Operator::Forward | Operator::ForwardOverRows))
}
