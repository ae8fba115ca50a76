//! The point of no return: the step that leaves ●, and the event after which the rollback fails even if nothing but
//! what is bound to happen follows (V4).

use super::ground::{START, is_env};
use super::judge::{Court, PositionFinding, Zone, is_rollback};
use super::works::{Bits, works};
use crate::relation::{Judged, Mode, Mover};

/// A point of no return.
pub struct TurningPoint<R: Judged> {
    /// The step.
    pub step: u16,
    /// The state in which the event happens, and the event; `None` = the step itself.
    pub event: Option<(R::State, R::Step)>,
}

/// The first step with a position that cannot be rolled back, and its event.
pub(super) fn find<R: Judged + Clone>(court: &Court<R>, found: &[PositionFinding<R::Step>]) -> Vec<TurningPoint<R>> {
    let broken = found.iter().find(|finding| !matches!(finding.zone, Zone::Rollback | Zone::Undecided));
    let Some(step) = broken.map(|finding| finding.position.step) else {
        return vec![];
    };
    let kindly = kindly(court);
    let members =
        found.iter().filter(|finding| finding.position.step == step).flat_map(|finding| &court.at[&finding.position]);
    let mut members: Vec<u32> = members.copied().collect();
    members.sort_unstable();
    let event = in_the_plan(court, &members, &kindly).or_else(|| in_the_rollback(court, &members, &kindly));
    vec![TurningPoint { step, event }]
}

/// Rollback states from which the rollback ends at home if only fair moves follow.
fn kindly<R: Judged>(court: &Court<R>) -> Bits {
    let ground = court.ground;
    let home = ground.target(&[START], |mode| mode == Mode::Rollback { finished: true });
    let via = |_: u32, mover: Mover| mover == Mover::Fair || is_rollback(mover);
    let mut allowed = ground.loss_free.clone();
    for at in 0..ground.graph.len() {
        let rolling = matches!(ground.modes[at], Mode::Rollback { .. });
        allowed.set(at, rolling && ground.loss_free.contains(at));
    }
    // Harbours are judged with everything that may happen; here it is enough that home is reached unharmed by then.
    works(&ground.graph, &home, &via, &via, &allowed)
}

fn in_the_plan<R: Judged>(court: &Court<R>, members: &[u32], kindly: &Bits) -> Option<(R::State, R::Step)> {
    let good = |id: u32| {
        let target = court.aborted[id as usize] as usize;
        target < court.aborted.len() && kindly.contains(target)
    };
    let here = |id: u32| matches!(court.ground.modes[id as usize], Mode::Forward { .. });
    first_edge(court, members.iter().copied().filter(|id| good(*id)), |target| here(target) && !good(target))
}

fn in_the_rollback<R: Judged>(court: &Court<R>, members: &[u32], kindly: &Bits) -> Option<(R::State, R::Step)> {
    let mut seen = Bits::with_capacity(court.ground.graph.len());
    let mut queue: Vec<u32> =
        members.iter().map(|id| court.aborted[*id as usize]).filter(|id| *id != u32::MAX).collect();
    queue.dedup();
    let mut at = 0;
    while at < queue.len() {
        let id = queue[at];
        at += 1;
        if !seen.put(id as usize) {
            let next = court.ground.graph.edges(id).filter(|edge| is_env(edge.mover) || is_rollback(edge.mover));
            queue.extend(next.map(|edge| edge.target));
        }
    }
    queue.retain(|id| kindly.contains(*id as usize));
    first_edge(court, queue.into_iter(), |target| !kindly.contains(target as usize))
}

/// The first environment edge out of `from` into what `bad` says yes to.
fn first_edge<R: Judged>(
    court: &Court<R>,
    from: impl Iterator<Item = u32>,
    bad: impl Fn(u32) -> bool,
) -> Option<(R::State, R::Step)> {
    for id in from {
        let turns = court.ground.graph.edges(id).position(|edge| is_env(edge.mover) && bad(edge.target));
        if let Some(edge) = turns {
            let step = court.ground.graph.steps(court.relation, id)[edge].step;
            return Some((court.ground.graph.state(court.relation, id), step));
        }
    }
    None
}
