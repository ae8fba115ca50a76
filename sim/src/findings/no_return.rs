//! The point of no return: the step that leaves ●, and the event after which the rollback fails even if nothing but
//! what is bound to happen follows (V4).

use super::analysis::{Analysis, is_rollback};
use super::ground::{START, is_env};
use super::judge::{PositionFinding, Zone};
use super::works::{Bits, can_reach};
use crate::planted::{Planted, planted};
use crate::relation::{Judged, Mode, Mover};

/// A point of no return.
pub struct TurningPoint<R: Judged> {
    /// The step.
    pub step: u16,
    /// The state in which the event happens, and the event; `None` = the step itself.
    pub event: Option<(R::State, R::Step)>,
}

/// The first step with a position that cannot be rolled back, and its event.
pub(super) fn find<R: Judged + Clone>(
    analyses: &[Analysis<R>],
    found: &[PositionFinding<R::Step>],
) -> Vec<TurningPoint<R>> {
    let broken = found.iter().find(|here| here.is_broken() && here.zone != Zone::Undecided);
    let Some(step) = broken.map(|finding| finding.position.step) else { return vec![] };
    let here = |analysis: &Analysis<R>| event(analysis, step, found);
    let late = u16::from(planted(Planted::NoReturnLate));
    vec![TurningPoint { step: step + late, event: analyses.iter().find_map(here) }]
}

/// The event at a step, in a slice whose rollback fails there.
fn event<R: Judged + Clone>(
    analysis: &Analysis<R>,
    step: u16,
    found: &[PositionFinding<R::Step>],
) -> Option<(R::State, R::Step)> {
    let positions = found.iter().map(|finding| finding.position).filter(|position| position.step == step);
    let failing = positions.filter(|position| !analysis.all_roll_back(*position));
    let mut members: Vec<u32> = failing.flat_map(|position| &analysis.at[&position]).copied().collect();
    members.sort_unstable();
    let kindly = kindly(analysis);
    in_the_plan(analysis, &members, &kindly).or_else(|| in_the_rollback(analysis, &members, &kindly))
}

/// Rollback states from which the rollback can still end at home if only fair moves follow.
fn kindly<R: Judged>(analysis: &Analysis<R>) -> Bits {
    let ground = &analysis.ground;
    let home = ground.target(&[START], |mode| mode == Mode::Rollback { finished: true });
    let mut allowed = ground.loss_free.clone();
    for at in 0..ground.graph.len() {
        let rolling = matches!(ground.modes[at], Mode::Rollback { .. });
        allowed.set(at, rolling && ground.loss_free.contains(at));
    }
    let via = |_: u32, mover: Mover| mover == Mover::Fair || is_rollback(mover) || planted(Planted::NoReturnByLuck);
    can_reach(&ground.graph, &home, &allowed, &via)
}

fn in_the_plan<R: Judged>(analysis: &Analysis<R>, members: &[u32], kindly: &Bits) -> Option<(R::State, R::Step)> {
    let good = |id: u32| {
        let target = analysis.aborted[id as usize] as usize;
        target < analysis.aborted.len() && kindly.contains(target)
    };
    let here = |id: u32| matches!(analysis.ground.modes[id as usize], Mode::Forward { .. });
    first_edge(analysis, members.iter().copied().filter(|id| good(*id)), |target| here(target) && !good(target))
}

fn in_the_rollback<R: Judged>(analysis: &Analysis<R>, members: &[u32], kindly: &Bits) -> Option<(R::State, R::Step)> {
    let mut seen = Bits::with_capacity(analysis.ground.graph.len());
    let mut queue: Vec<u32> =
        members.iter().map(|id| analysis.aborted[*id as usize]).filter(|id| *id != u32::MAX).collect();
    queue.dedup();
    let mut at = 0;
    while at < queue.len() {
        let id = queue[at];
        at += 1;
        if !seen.put(id as usize) {
            let next = analysis.ground.graph.edges(id).filter(|edge| is_env(edge.mover) || is_rollback(edge.mover));
            queue.extend(next.map(|edge| edge.target));
        }
    }
    queue.retain(|id| kindly.contains(*id as usize));
    first_edge(analysis, queue.into_iter(), |target| !kindly.contains(target as usize))
}

/// The first environment edge out of `from` into what `bad` says yes to.
fn first_edge<R: Judged>(
    analysis: &Analysis<R>,
    from: impl Iterator<Item = u32>,
    bad: impl Fn(u32) -> bool,
) -> Option<(R::State, R::Step)> {
    for id in from {
        let turns = analysis.ground.graph.edges(id).position(|edge| is_env(edge.mover) && bad(edge.target));
        if let Some(edge) = turns {
            let step = analysis.ground.graph.steps(&analysis.relation, id)[edge].step;
            return Some((analysis.ground.graph.state(&analysis.relation, id), step));
        }
    }
    None
}
