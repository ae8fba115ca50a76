//! Stories: the shortest way to what was found, and where on it recovery ends and the first symptom shows (V6).

use super::analysis::{Analysis, Retry, is_forward, is_rollback};
use super::ground::{Hurt, is_env};
use super::judge::{Finding, PositionFinding, Subject, Zone};
use super::works::{Bits, states};
use crate::relation::{Judged, Label, Mode, Mover, Operator, Position, Relation};

/// A way from the start to what was found.
#[derive(Clone, Debug)]
pub struct Story<R: Relation> {
    /// The state in which it begins.
    pub begins: R::State,
    /// The moves, in order.
    pub moves: Vec<R::Step>,
    /// How many moves had been made when nothing declared could save it any more; `None` = something still can.
    pub doomed_at: Option<usize>,
    /// The first move (counted from 1) that hurts somebody.
    pub first_symptom_at: Option<usize>,
}

/// One move of a story, taken again.
#[derive(Clone, Debug)]
pub struct Told<R: Relation> {
    /// The state before.
    pub before: R::State,
    /// The move.
    pub step: R::Step,
    /// Who makes it.
    pub mover: Mover,
    /// What it does.
    pub effects: crate::relation::Effects,
    /// The state after.
    pub after: R::State,
}

/// Takes the moves of a story again; `Err` with the number of the first one (from 0) that is not enabled.
pub fn tell<R: Relation>(relation: &R, begins: &R::State, moves: &[R::Step]) -> Result<Vec<Told<R>>, usize> {
    let mut told = Vec::new();
    let mut state = begins.clone();
    for (number, step) in moves.iter().enumerate() {
        let mut enabled = Vec::new();
        relation.enabled(&state, &mut enabled);
        if !enabled.contains(step) {
            return Err(number);
        }
        let before = state.clone();
        let mover = relation.mover(&before, *step);
        let effects = relation.apply(&mut state, *step);
        told.push(Told { before, step: *step, mover, effects, after: state.clone() });
    }
    Ok(told)
}

/// Everything that speaks against the plan, the worst first, each with its story from the slice where it happens.
pub(super) fn findings<R: Judged + Clone>(
    analyses: &[Analysis<R>],
    sliced: bool,
    found: &[PositionFinding<R::Step>],
    stalls: &[Option<u32>],
) -> Vec<Finding<R>> {
    let tellers: Vec<Teller<R>> =
        analyses.iter().map(|analysis| Teller { analysis, retries: &analysis.retries }).collect();
    let first = |tell: &dyn Fn(&Teller<R>) -> Option<Finding<R>>| {
        let told = tellers.iter().enumerate().find_map(|(number, teller)| Some((number, tell(teller)?)));
        told.map(|(number, finding)| Finding { slice: sliced.then_some(number), ..finding })
    };
    let mut findings: Vec<Finding<R>> = Vec::new();
    if let Some(trapped) = found.iter().find(|finding| finding.zone == Zone::Irrecoverable) {
        let position = trapped.position;
        findings.extend(first(&|teller| teller.broken(position, Subject::Irrecoverable(position))));
    }
    let promised = |finding: &&PositionFinding<R::Step>| analyses[0].relation.promised(finding.position);
    if let Some(broken) = found.iter().filter(promised).find(|finding| finding.is_broken()) {
        let position = broken.position;
        findings.extend(first(&|teller| teller.broken(position, Subject::PromiseBroken(position))));
    }
    for (label, in_rollback, position) in charged(found) {
        findings.extend(first(&|teller| teller.harm(label, in_rollback, position)));
    }
    for (number, stall) in stalls.iter().enumerate() {
        let Some(trap) = stall else { continue };
        let position = analyses[number].ground.positions[*trap as usize];
        if findings.iter().any(|finding| finding.subject == Subject::Stalls(position)) {
            continue;
        }
        let told = tellers[number].to(&[*trap], Subject::Stalls(position));
        findings.extend(told.map(|finding| Finding { slice: sliced.then_some(number), ..finding }));
    }
    findings
}

/// Every harm that is charged anywhere, the worst first, with the first position that it is charged to.
fn charged<S>(found: &[PositionFinding<S>]) -> Vec<(Label, bool, Position)> {
    let mut charged: Vec<(Label, bool, Position)> = Vec::new();
    for finding in found {
        for harm in finding.harms.iter().filter(|harm| harm.charged) {
            if !charged.iter().any(|(known, ..)| known.same_harm(&harm.label)) {
                charged.push((harm.label, harm.in_rollback, finding.position));
            }
        }
    }
    charged.sort_by_key(|(label, _, position)| (std::cmp::Reverse(label.harm), *position, *label));
    charged
}

struct Teller<'a, R: Judged> {
    analysis: &'a Analysis<R>,
    retries: &'a [Retry<R>],
}

impl<R: Judged + Clone> Teller<'_, R> {
    fn harm(&self, label: Label, in_rollback: bool, position: Position) -> Option<Finding<R>> {
        let ground = &self.analysis.ground;
        let mut nodes = Bits::with_capacity(ground.graph.len());
        let hurts: Vec<&Hurt> = ground
            .hurts
            .iter()
            .filter(|hurt| hurt.label.same_harm(&label))
            .filter(|hurt| {
                if in_rollback { self.analysis.in_rollback(hurt) } else { self.analysis.position_of(hurt).is_some() }
            })
            .collect();
        nodes.extend(hurts.iter().map(|hurt| hurt.node as usize));
        let stalled = ground.stalled.iter().filter(|(_, stalled)| stalled.same_harm(&label));
        nodes.extend(stalled.map(|(node, _)| *node as usize).filter(|node| {
            let forward = matches!(ground.modes[*node], Mode::Forward { .. });
            forward != in_rollback
        }));
        let from = if in_rollback { Some(position) } else { None };
        let goals: Vec<u32> = nodes.ones().map(|node| node as u32).collect();
        let mut finding = self.through(&goals, Subject::Harm(label), from)?;
        let end = self.end_of(&finding.story);
        if let Some(hurt) = hurts.iter().find(|hurt| hurt.node == end) {
            finding.story.moves.push(ground.graph.steps(&self.analysis.relation, hurt.node)[hurt.edge as usize].step);
        }
        self.mark(&mut finding.story);
        Some(finding)
    }

    /// A way to a state at `position` from which the rollback fails, and on to where that shows.
    fn broken(&self, position: Position, subject: Subject) -> Option<Finding<R>> {
        let analysis = self.analysis;
        let fails = |id: &&u32| !analysis.can_roll_back(**id);
        let members: Vec<u32> = analysis.at[&position].iter().filter(fails).copied().collect();
        let mut finding = self.to(&members, subject)?;
        let at = self.end_of(&finding.story);
        finding.story.moves.extend(self.failure(at));
        self.mark(&mut finding.story);
        Some(finding)
    }

    /// From a state of the plan: abort, and the shortest way into loss, to harm after which home is out of reach, to work
    /// that stalls, or else to where the rollback stands still away from home.
    fn failure(&self, at: u32) -> Vec<R::Step> {
        let (analysis, ground) = (self.analysis, &self.analysis.ground);
        if !ground.loss_free.contains(at as usize) {
            return vec![];
        }
        let via = |_: u32, edge: crate::drivers::explore::Edge| {
            is_env(edge.mover) || is_rollback(edge.mover) || edge.mover == Mover::Operator(Operator::Abort)
        };
        let failing = |id: u32| {
            let rolling = matches!(ground.modes[id as usize], Mode::Rollback { .. });
            rolling && !analysis.rolls_back.contains(id as usize)
        };
        let goes_on = |id: u32| ground.graph.edges(id).any(|edge| edge.mover == Mover::Fair || is_rollback(edge.mover));
        let lost = states(&ground.graph, |id| failing(*id) && !ground.loss_free.contains(*id as usize));
        let mut hurting = Bits::with_capacity(ground.graph.len());
        hurting.extend(ground.hurts.iter().map(|hurt| hurt.node).filter(|id| failing(*id)).map(|id| id as usize));
        let mut stalled = Bits::with_capacity(ground.graph.len());
        stalled.extend(ground.stalled.iter().map(|(id, _)| *id).filter(|id| failing(*id)).map(|id| id as usize));
        let still = states(&ground.graph, |id| failing(*id) && !goes_on(*id));
        let way_to = |goal: &Bits| ground.graph.shortest_path(&analysis.relation, &[at], goal, &via);
        let Some(way) = [lost.clone(), hurting, stalled, still].iter().find_map(way_to) else { return vec![] };
        let mut moves: Vec<R::Step> = way.moves.into_iter().map(|(_, step)| step).collect();
        if !lost.contains(way.end as usize)
            && let Some(hurt) = ground.hurts.iter().find(|hurt| hurt.node == way.end)
        {
            moves.push(ground.graph.steps(&analysis.relation, hurt.node)[hurt.edge as usize].step);
        }
        moves
    }

    fn to(&self, goals: &[u32], subject: Subject) -> Option<Finding<R>> {
        let mut finding = self.through(goals, subject, None)?;
        self.mark(&mut finding.story);
        Some(finding)
    }

    /// The shortest way from the start to one of `goals`; with `from`, a rollback that began at that position.
    fn through(&self, goals: &[u32], subject: Subject, from: Option<Position>) -> Option<Finding<R>> {
        let mut story = match from {
            None => self.way(goals, &|_, mover| is_env(mover) || is_forward(mover))?,
            Some(position) => {
                let via = |source: u32, mover: Mover| {
                    is_env(mover)
                        || is_forward(mover)
                        || is_rollback(mover)
                        || (mover == Mover::Operator(Operator::Abort)
                            && self.analysis.ground.positions[source as usize] <= position)
                };
                self.way(goals, &via)?
            }
        };
        story.doomed_at = None;
        Some(Finding { subject, story, slice: None })
    }

    /// The shortest way to one of `goals`; if only a second attempt gets there, the first one is told before.
    fn way(&self, goals: &[u32], via: &dyn Fn(u32, Mover) -> bool) -> Option<Story<R>> {
        let graph = &self.analysis.ground.graph;
        let relation = &self.analysis.relation;
        let mut target = Bits::with_capacity(graph.len());
        target.extend(goals.iter().map(|goal| *goal as usize));
        let starts = relation.start();
        let first: Vec<u32> = starts.iter().filter_map(|state| graph.find(relation, state)).collect();
        let allowed = |source: u32, edge: crate::drivers::explore::Edge| via(source, edge.mover);
        if let Some(way) = graph.shortest_path(relation, &first, &target, &allowed) {
            let begins = way.moves.first().map_or(way.end, |(node, _)| *node);
            let begins = graph.state(relation, begins);
            let moves = way.moves.into_iter().map(|(_, step)| step).collect();
            return Some(Story { begins, moves, doomed_at: None, first_symptom_at: None });
        }
        let attempts = self.retries.iter().filter_map(|retry| graph.find(relation, &retry.begins));
        let attempts: Vec<u32> = first.into_iter().chain(attempts).collect();
        let way = graph.shortest_path(relation, &attempts, &target, &allowed)?;
        let begins = way.moves.first().map_or(way.end, |(node, _)| *node);
        let begun = graph.state(relation, begins);
        let retry = self.retries.iter().position(|retry| retry.begins == begun)?;
        let earlier = Teller { analysis: self.analysis, retries: &self.retries[..retry] };
        let home = graph.find(relation, &self.retries[retry].home)?;
        let any = |_: u32, mover: Mover| {
            is_env(mover) || is_forward(mover) || is_rollback(mover) || mover == Mover::Operator(Operator::Abort)
        };
        let mut story = earlier.way(&[home], &any)?;
        story.moves.push(self.retries[retry].step);
        story.moves.extend(way.moves.into_iter().map(|(_, step)| step));
        Some(story)
    }

    /// The state in which a story ends; a story always stays inside the graph.
    fn end_of(&self, story: &Story<R>) -> u32 {
        let relation = &self.analysis.relation;
        let mut state = story.begins.clone();
        for step in &story.moves {
            relation.apply(&mut state, *step);
        }
        self.analysis.ground.graph.find(relation, &state).unwrap_or(u32::MAX)
    }

    /// Marks the moves of no return and of the first symptom.
    fn mark(&self, story: &mut Story<R>) {
        let (analysis, ground) = (self.analysis, &self.analysis.ground);
        let relation = &analysis.relation;
        let mut state = story.begins.clone();
        let saved = |state: &R::State| {
            let Some(id) = ground.graph.find(relation, state) else {
                return true;
            };
            match ground.modes[id as usize] {
                Mode::Forward { .. } => {
                    analysis.can_roll_back(id) || (relation.may_finish() && analysis.finishes.contains(id as usize))
                }
                Mode::Rollback { .. } => analysis.rolls_back.contains(id as usize),
                _ => true,
            }
        };
        story.doomed_at = (!saved(&state)).then_some(0);
        story.first_symptom_at = None;
        for (number, step) in story.moves.iter().enumerate() {
            let effects = relation.apply(&mut state, *step);
            let new = effects.iter().any(|label| !analysis.known.iter().any(|known| known.same_harm(label)));
            if new && story.first_symptom_at.is_none() {
                story.first_symptom_at = Some(number + 1);
            }
            if !saved(&state) && story.doomed_at.is_none() {
                story.doomed_at = Some(number + 1);
            }
        }
    }
}
