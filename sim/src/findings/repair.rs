//! Ways out beside the declared programmes: the hotfix, and ◆ a list of permitted moves played blind (V2).

use std::collections::BTreeSet;

use super::ground::{BETWEEN, GOAL, Ground, START, is_env};
use super::judge::{Court, Reason};
use super::works::{Bits, can_reach, reach, states, works};
use crate::drivers::explore::{Graph, explore};
use crate::relation::{Judged, Mode, Mover, Operator};

/// The longest list of moves that is looked for.
const MOVES_MAX: usize = 4;
/// Lists beyond this number of passes over the graph are given up.
const PASSES_MAX: usize = 3000;
/// Pairs of keys that are followed together to tell luck from hidden.
const PAIRS_MAX: usize = 400;

/// What came of a search.
pub(super) enum Found<S> {
    /// These moves, in order.
    Moves(Vec<S>),
    /// No list of moves works, and why.
    Nothing(Reason),
    /// A bound was hit.
    GaveUp,
}

fn is_repair(mover: Mover) -> bool {
    mover == Mover::Operator(Operator::Repair)
}

fn is_hotfix(mover: Mover) -> bool {
    mover == Mover::Operator(Operator::Hotfix)
}

fn seeds<R: Judged>(court: &Court<R>, members: &[u32]) -> Vec<R::State> {
    members.iter().map(|id| court.ground.graph.state(court.relation, *id)).collect()
}

/// Whether the declared hotfix ends in a harbour from every one of `members`.
pub(super) fn hotfix_works<R: Judged>(court: &Court<R>, members: &[u32]) -> bool {
    let keep = |mover: Mover| is_env(mover) || is_hotfix(mover);
    let graph = explore(court.relation, &seeds(court, members), &keep, court.limits, &mut |_| {});
    let entered = (0..graph.len() as u32).any(|id| graph.edges(id).any(|edge| is_hotfix(edge.mover)));
    if !entered || !graph.complete {
        return false;
    }
    let ground = Ground::of(court.relation, graph, court.known);
    let target = ground.target(&[START, GOAL, BETWEEN], |mode| mode == Mode::Hotfix { finished: true });
    let helpful = |_: u32, mover: Mover| mover == Mover::Fair || is_hotfix(mover);
    let forced = |_: u32, mover: Mover| is_env(mover) || is_hotfix(mover);
    let works = works(&ground.graph, &target, &helpful, &forced, &ground.loss_free);
    ground.graph.starts().iter().all(|id| works.contains(*id as usize))
}

/// The shortest list of permitted moves that, played blind, ends at home or in the goal from every one of `members`.
pub(super) fn search<R: Judged>(court: &Court<R>, members: &[u32]) -> Found<R::Step> {
    let bench = match Bench::of(court, &seeds(court, members)) {
        Some(bench) => bench,
        None => return Found::GaveUp,
    };
    let starts: BTreeSet<u32> = bench.ground.graph.starts().iter().copied().collect();
    if let Some(reason) = bench.hopeless(&starts) {
        return Found::Nothing(reason);
    }
    match bench.list(&starts) {
        Some(Some(moves)) => Found::Moves(moves),
        Some(None) => Found::Nothing(together(court, members)),
        None => Found::GaveUp,
    }
}

/// No list serves every key: could somebody who sees every key serve any two of them at once?
fn together<R: Judged>(court: &Court<R>, members: &[u32]) -> Reason {
    let states = seeds(court, members);
    let mut pairs = Vec::new();
    'all: for (at, one) in states.iter().enumerate() {
        for other in &states[at + 1..] {
            pairs.extend(court.relation.joined(one, other));
            if pairs.len() >= PAIRS_MAX {
                break 'all;
            }
        }
    }
    let Some(bench) = Bench::of(court, &pairs) else {
        return Reason::Luck;
    };
    let starts: BTreeSet<u32> = bench.ground.graph.starts().iter().copied().collect();
    bench.hopeless(&starts).unwrap_or(Reason::Hidden)
}

/// The graph of everything an operator may do outside the plan.
struct Bench<R: Judged> {
    ground: Ground,
    /// Home or goal, harmless, no move in progress.
    target: Bits,
    /// Where a procedure may end: the target is sure with no further move.
    arrived: Bits,
    /// Every move that can be begun.
    moves: Vec<R::Step>,
    /// Per state that stands between two moves: the moves that begin there and where they lead.
    begins: Vec<Vec<(usize, u32)>>,
}

impl<R: Judged> Bench<R> {
    fn of(court: &Court<R>, seeds: &[R::State]) -> Option<Self> {
        let keep = |mover: Mover| is_env(mover) || is_repair(mover);
        let graph = explore(court.relation, seeds, &keep, court.limits, &mut |_| {});
        if !graph.complete {
            return None;
        }
        let ground = Ground::of(court.relation, graph, court.known);
        let finished = |mode| matches!(mode, Mode::Repair { finished: true } | Mode::Forward { .. });
        let target = ground.target(&[START, GOAL], finished);
        let fair = |_: u32, mover: Mover| mover == Mover::Fair;
        let env = |_: u32, mover: Mover| is_env(mover);
        let arrived = works(&ground.graph, &target, &fair, &env, &ground.loss_free);
        let (moves, begins) = begins(court.relation, &ground);
        Some(Self { ground, target, arrived, moves, begins })
    }

    fn graph(&self) -> &Graph {
        &self.ground.graph
    }

    /// Why no strategy at all works from some of `starts`; `None` if one does.
    fn hopeless(&self, starts: &BTreeSet<u32>) -> Option<Reason> {
        let helpful = |_: u32, mover: Mover| mover == Mover::Fair || is_repair(mover);
        let env = |_: u32, mover: Mover| is_env(mover);
        let forced = works(self.graph(), &self.target, &helpful, &env, &self.ground.loss_free);
        if starts.iter().all(|id| forced.contains(*id as usize)) {
            return None;
        }
        let any = can_reach(self.graph(), &self.target, &self.ground.loss_free, &|_, _| true);
        let path = starts.iter().all(|id| any.contains(*id as usize));
        Some(if path { Reason::Luck } else { Reason::Stuck })
    }

    /// The shortest list that works from everywhere in `starts`; `None` if the search was given up.
    fn list(&self, starts: &BTreeSet<u32>) -> Option<Option<Vec<R::Step>>> {
        let mut frontier: Vec<(BTreeSet<u32>, Vec<usize>)> = vec![(starts.clone(), vec![])];
        let mut seen: BTreeSet<BTreeSet<u32>> = BTreeSet::from([starts.clone()]);
        let mut passes = 0;
        for _ in 0..MOVES_MAX {
            let mut next = Vec::new();
            for (belief, played) in &frontier {
                for number in 0..self.moves.len() {
                    passes += 1;
                    if passes > PASSES_MAX {
                        return None;
                    }
                    let Some(after) = self.play(belief, number) else {
                        continue;
                    };
                    let mut list = played.clone();
                    list.push(number);
                    if after.iter().all(|id| self.arrived.contains(*id as usize)) {
                        return Some(Some(list.into_iter().map(|number| self.moves[number]).collect()));
                    }
                    if seen.insert(after.clone()) {
                        next.push((after, list));
                    }
                }
            }
            frontier = next;
        }
        Some(None)
    }

    /// Where a move leads from everywhere in `belief`; `None` if it changes nothing, or may lose, or may not end.
    fn play(&self, belief: &BTreeSet<u32>, number: usize) -> Option<BTreeSet<u32>> {
        let size = self.graph().len();
        let mut begun = Bits::with_capacity(size);
        let mut after = BTreeSet::new();
        for id in belief {
            match self.begins[*id as usize].iter().find(|(begin, _)| *begin == number) {
                Some((_, target)) => begun.insert(*target as usize),
                None => {
                    after.insert(*id);
                }
            }
        }
        if begun.is_clear() {
            return None;
        }
        let between = |id: u32| matches!(self.ground.modes[id as usize], Mode::Repair { finished: true });
        // Between two moves nothing but the environment moves; inside one, its sub-steps do too.
        let via = |source: u32, mover: Mover| is_env(mover) || (is_repair(mover) && !between(source));
        let reached = reach(self.graph(), &begun, &via);
        let ended = states(self.graph(), |id| between(*id) && self.ground.loss_free.contains(*id as usize));
        let helpful = |source: u32, mover: Mover| mover == Mover::Fair || (is_repair(mover) && !between(source));
        let sure = works(self.graph(), &ended, &helpful, &via, &self.ground.loss_free);
        if !begun.ones().all(|id| sure.contains(id)) {
            return None;
        }
        after.extend(reached.ones().map(|id| id as u32).filter(|id| between(*id)));
        Some(after)
    }
}

type Begins<S> = (Vec<S>, Vec<Vec<(usize, u32)>>);

fn begins<R: Judged>(relation: &R, ground: &Ground) -> Begins<R::Step> {
    let mut moves: Vec<R::Step> = Vec::new();
    let mut all = Vec::new();
    for id in 0..ground.graph.len() as u32 {
        let between = matches!(ground.modes[id as usize], Mode::Repair { finished: true } | Mode::Forward { .. });
        let mut here = Vec::new();
        if between {
            for taken in ground.graph.steps(relation, id).into_iter().filter(|taken| is_repair(taken.mover)) {
                let number = moves.iter().position(|known| *known == taken.step).unwrap_or_else(|| {
                    moves.push(taken.step);
                    moves.len() - 1
                });
                here.push((number, taken.target));
            }
        }
        all.push(here);
    }
    (moves, all)
}
