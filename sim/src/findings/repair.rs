//! Ways out beside the declared programmes: the hotfix, and ◆ a list of permitted moves played blind (V2).

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::analysis::Analysis;
use super::ground::{BETWEEN, GOAL, Ground, START, is_env};
use super::judge::Reason;
use super::works::{Bits, can_reach, states, works};
use crate::drivers::explore::{Limits, explore};
use crate::planted::{Planted, planted};
use crate::relation::{Judged, Mode, Mover, Operator, Position};

/// The longest list of moves that is looked for.
const MOVES_MAX: usize = 4;
/// States visited while lists are tried; beyond that the search is given up.
const VISITS_MAX: usize = 20_000_000;
/// Pairs of keys that are followed together to tell luck from hidden.
const PAIRS_MAX: usize = 64;
/// States of two keys that are explored for that; beyond, what nobody was found to force counts as luck.
const PAIR_STATES_MAX: u64 = 40_000;

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
    matches!(mover, Mover::Operator(Operator::Repair | Operator::RepairOverRows))
}

fn is_hotfix(mover: Mover) -> bool {
    matches!(mover, Mover::Operator(Operator::Hotfix | Operator::HotfixOverRows))
}

fn seeds<R: Judged>(analysis: &Analysis<R>, members: &[u32]) -> Vec<R::State> {
    members.iter().map(|id| analysis.ground.graph.state(&analysis.relation, *id)).collect()
}

/// Whether the declared hotfix ends in a harbour from every one of `members`.
pub(super) fn hotfix_works<R: Judged>(analysis: &Analysis<R>, members: &[u32], limits: &Limits) -> bool {
    let keep = |mover: Mover| is_env(mover) || is_hotfix(mover);
    let graph = explore(&analysis.relation, &seeds(analysis, members), &keep, limits, &mut |_| {});
    let entered = (0..graph.len() as u32).any(|id| graph.edges(id).any(|edge| is_hotfix(edge.mover)));
    if !entered || !graph.complete {
        return false;
    }
    if planted(Planted::HotfixTrusted) {
        return true;
    }
    let ground = Ground::of(&analysis.relation, graph, &analysis.known);
    let target = ground.target(&[START, GOAL, BETWEEN], |mode| mode == Mode::Hotfix { finished: true });
    let helpful =
        |source: u32, mover: Mover| mover == Mover::Fair || (is_hotfix(mover) && ground.dependable(source, mover));
    let forced = |_: u32, mover: Mover| is_env(mover) || is_hotfix(mover);
    let works = works(&ground.graph, &target, &helpful, &forced, &ground.loss_free);
    ground.graph.starts().iter().all(|id| works.contains(*id as usize))
}

/// The search for a list of permitted moves, prepared once for every position that needs one: a bench per slice.
pub(super) struct Search<R: Judged> {
    benches: Option<Vec<Bench<R>>>,
    /// Every move that can be begun in some slice.
    moves: Vec<R::Step>,
    /// The positions that need one.
    needy: Vec<Position>,
    /// A bench of two keys per slice, made when first asked for; `None` if a bound was hit.
    of_two_keys: OnceCell<Vec<Option<Bench<R>>>>,
}

impl<R: Judged + Clone> Search<R> {
    /// Prepares the search from every state of those `positions` that neither rollback nor plan serves.
    pub fn new(analyses: &[Analysis<R>], positions: &[Position], limits: &Limits) -> Self {
        let needy: Vec<Position> = positions
            .iter()
            .copied()
            .filter(|position| {
                !analyses.iter().all(|analysis| analysis.all_roll_back(*position))
                    && !analyses.iter().all(|analysis| analysis.all_finish(*position))
                    && !analyses.iter().any(|analysis| analysis.can_be_lost(*position))
            })
            .collect();
        let bench = |analysis: &Analysis<R>| {
            let members: Vec<u32> = needy.iter().flat_map(|position| &analysis.at[position]).copied().collect();
            Bench::of(analysis, &seeds(analysis, &members), limits)
        };
        let mut benches: Option<Vec<Bench<R>>> = analyses.iter().map(bench).collect();
        let mut moves: Vec<R::Step> = benches.iter().flatten().flat_map(|bench| bench.moves.iter().copied()).collect();
        moves.sort_unstable();
        moves.dedup();
        benches.iter_mut().flatten().for_each(|bench| bench.renumber(&moves));
        Self { benches, moves, needy, of_two_keys: OnceCell::new() }
    }

    /// The shortest list that, played blind, ends at home or in the goal from everywhere at a position, in every slice.
    pub fn find(&self, analyses: &[Analysis<R>], position: Position, limits: &Limits) -> Found<R::Step> {
        let Some(benches) = &self.benches else { return Found::GaveUp };
        let (mut starts, mut reasons) = (Vec::new(), Vec::new());
        for (bench, analysis) in benches.iter().zip(analyses) {
            let members = seeds(analysis, &analysis.at[&position]);
            let id = |state: &R::State| bench.ground.graph.find(&analysis.relation, state).expect("it was a seed");
            let mut here: Vec<u32> = members.iter().map(id).collect();
            here.sort_unstable();
            reasons.extend(bench.hopeless(&here));
            if planted(Planted::BlindnessForgotten) {
                here.truncate(1);
            }
            starts.push(here);
        }
        if let Some(reason) = reasons.into_iter().min() {
            return Found::Nothing(reason);
        }
        match self.list(benches, starts) {
            Some(Some(moves)) => Found::Moves(moves),
            Some(None) => Found::Nothing(self.reason(analyses, position, limits)),
            None => Found::GaveUp,
        }
    }

    /// No list serves every key: could somebody who sees every key serve any two of them at once?
    fn reason(&self, analyses: &[Analysis<R>], position: Position, limits: &Limits) -> Reason {
        let states_max = limits.states_max.min(PAIR_STATES_MAX);
        let bench = |analysis: &Analysis<R>| {
            let pairs: Vec<R::State> = self.needy.iter().flat_map(|needy| pairs(analysis, *needy)).collect();
            Bench::of(analysis, &pairs, &Limits { states_max, ..*limits })
        };
        let benches = self.of_two_keys.get_or_init(|| analyses.iter().map(bench).collect());
        let reasons = benches.iter().zip(analyses).map(|(bench, analysis)| {
            let Some(bench) = bench else { return Reason::Luck };
            let id = |state: R::State| bench.ground.graph.find(&analysis.relation, &state).expect("it was a seed");
            let starts: Vec<u32> = pairs(analysis, position).into_iter().map(id).collect();
            bench.hopeless(&starts).unwrap_or(Reason::Hidden)
        });
        reasons.min().unwrap_or(Reason::Hidden)
    }

    /// The shortest list that works from everywhere in `starts`; `None` if the search was given up.
    fn list(&self, benches: &[Bench<R>], starts: Vec<Vec<u32>>) -> Option<Option<Vec<R::Step>>> {
        let mut books: Vec<Book<R>> = benches.iter().map(Book::new).collect();
        let starts: Vec<usize> = books.iter_mut().zip(starts).map(|(book, states)| book.enter(states)).collect();
        let mut seen = BTreeSet::from([starts.clone()]);
        let mut frontier: Vec<(Vec<usize>, Vec<usize>)> = vec![(starts, vec![])];
        for _ in 0..MOVES_MAX {
            let mut next = Vec::new();
            for (beliefs, played) in &frontier {
                for number in 0..self.moves.len() {
                    if books.iter().map(|book| book.visits).sum::<usize>() > VISITS_MAX {
                        return None;
                    }
                    let after = books.iter_mut().zip(beliefs).map(|(book, belief)| book.play(*belief, number));
                    let Some(after) = after.collect::<Option<Vec<usize>>>() else { continue };
                    let mut list = played.clone();
                    list.push(number);
                    if books.iter().zip(&after).all(|(book, belief)| book.arrived[*belief]) {
                        return Some(Some(list.into_iter().map(|number| self.moves[number]).collect()));
                    }
                    let forced = books.iter().zip(&after).all(|(book, belief)| book.forced[*belief]);
                    if forced && seen.insert(after.clone()) {
                        next.push((after, list));
                    }
                }
            }
            frontier = next;
        }
        Some(None)
    }
}

/// What was tried in one slice: sets of states that may be there together, and what each move makes of them.
struct Book<'a, R: Judged> {
    bench: &'a Bench<R>,
    beliefs: Vec<Vec<u32>>,
    numbers: BTreeMap<Vec<u32>, usize>,
    /// Whether a procedure may end in a belief.
    arrived: Vec<bool>,
    /// Whether somebody who sees everything could still force it.
    forced: Vec<bool>,
    plays: BTreeMap<(usize, usize), Option<usize>>,
    visits: usize,
}

impl<'a, R: Judged> Book<'a, R> {
    fn new(bench: &'a Bench<R>) -> Self {
        let (arrived, forced) = (vec![], vec![]);
        Self { bench, beliefs: vec![], numbers: BTreeMap::new(), arrived, forced, plays: BTreeMap::new(), visits: 0 }
    }

    fn enter(&mut self, states: Vec<u32>) -> usize {
        if let Some(number) = self.numbers.get(&states) {
            return *number;
        }
        let number = self.beliefs.len();
        self.arrived.push(states.iter().all(|id| self.bench.arrived.contains(*id as usize)));
        self.forced.push(states.iter().all(|id| self.bench.forced.contains(*id as usize)));
        self.numbers.insert(states.clone(), number);
        self.beliefs.push(states);
        number
    }

    fn play(&mut self, belief: usize, number: usize) -> Option<usize> {
        if let Some(known) = self.plays.get(&(belief, number)) {
            return *known;
        }
        let after = self.bench.play(&self.beliefs[belief], number, &mut self.visits);
        let after = after.map(|states| self.enter(states));
        self.plays.insert((belief, number), after);
        after
    }
}

/// States in which two keys stand at `position` side by side.
fn pairs<R: Judged>(analysis: &Analysis<R>, position: Position) -> Vec<R::State> {
    let states = seeds(analysis, &analysis.at[&position]);
    let mut pairs = Vec::new();
    for (at, one) in states.iter().enumerate() {
        for other in &states[at + 1..] {
            pairs.extend(analysis.relation.joined(one, other));
            if pairs.len() >= PAIRS_MAX {
                return pairs;
            }
        }
    }
    pairs
}

/// The graph of everything an operator may do outside the plan.
struct Bench<R: Judged> {
    ground: Ground,
    /// Home or goal, harmless, no move in progress.
    target: Bits,
    /// Where a procedure may end: the target is sure with no further move.
    arrived: Bits,
    /// Where some strategy of an operator who sees everything works.
    forced: Bits,
    /// Where a move that was begun surely ends, without loss.
    sure: Bits,
    /// Every move that can be begun.
    moves: Vec<R::Step>,
    /// Per state that stands between two moves: the moves that begin there and where they lead.
    begins: Vec<Vec<(usize, u32)>>,
}

impl<R: Judged> Bench<R> {
    fn of(analysis: &Analysis<R>, seeds: &[R::State], limits: &Limits) -> Option<Self> {
        let keep = |mover: Mover| is_env(mover) || is_repair(mover);
        let graph = explore(&analysis.relation, seeds, &keep, limits, &mut |_| {});
        if !graph.complete {
            return None;
        }
        let ground = Ground::of(&analysis.relation, graph, &analysis.known);
        let finished = |mode| matches!(mode, Mode::Repair { finished: true } | Mode::Forward { .. });
        let kinds: &[usize] = if analysis.relation.may_finish() { &[START, GOAL] } else { &[START] };
        let target = ground.target(kinds, finished);
        let (graph, free) = (&ground.graph, &ground.loss_free);
        let between = |id: u32| matches!(ground.modes[id as usize], Mode::Repair { finished: true });
        let env = |_: u32, mover: Mover| is_env(mover);
        let bound = |mover: Mover| mover == Mover::Fair || (is_env(mover) && planted(Planted::LuckInRepair));
        let fair = |_: u32, mover: Mover| bound(mover);
        let any_move =
            |source: u32, mover: Mover| bound(mover) || (is_repair(mover) && ground.dependable(source, mover));
        let inside = |source: u32, mover: Mover| is_env(mover) || (is_repair(mover) && !between(source));
        let ends = |source: u32, mover: Mover| {
            bound(mover) || (is_repair(mover) && !between(source) && ground.dependable(source, mover))
        };
        let ended = states(graph, |id| between(*id) && free.contains(*id as usize));
        let arrived = works(graph, &target, &fair, &env, free);
        let forced = works(graph, &target, &any_move, &env, free);
        let sure = works(graph, &ended, &ends, &inside, free);
        let (moves, begins) = begins(&analysis.relation, &ground);
        Some(Self { target, arrived, forced, sure, moves, begins, ground })
    }

    /// Why no strategy at all works from some of `starts`; `None` if one does.
    fn hopeless(&self, starts: &[u32]) -> Option<Reason> {
        if starts.iter().all(|id| self.forced.contains(*id as usize)) {
            return None;
        }
        let any = can_reach(&self.ground.graph, &self.target, &self.ground.loss_free, &|_, _| true);
        let path = starts.iter().all(|id| any.contains(*id as usize));
        Some(if path { Reason::Luck } else { Reason::Stuck })
    }

    /// From now on moves are called by their places in `moves`.
    fn renumber(&mut self, moves: &[R::Step]) {
        let place = |step: &R::Step| moves.binary_search(step).expect("every move is among all moves");
        let places: Vec<usize> = self.moves.iter().map(place).collect();
        self.begins.iter_mut().flatten().for_each(|(number, _)| *number = places[*number]);
    }

    /// Where a move leads from everywhere in `belief`; `None` if it may lose or may not end.
    fn play(&self, belief: &[u32], number: usize, visits: &mut usize) -> Option<Vec<u32>> {
        let between = |id: u32| matches!(self.ground.modes[id as usize], Mode::Repair { finished: true });
        let mut seen = Bits::with_capacity(self.ground.graph.len());
        let mut queue: Vec<u32> = Vec::new();
        let mut after: Vec<u32> = Vec::new();
        for id in belief {
            match self.begins[*id as usize].iter().find(|(begin, _)| *begin == number) {
                Some((_, target)) if !self.sure.contains(*target as usize) => return None,
                Some((_, target)) => queue.push(*target),
                None => after.push(*id),
            }
        }
        // Between two moves nothing but the environment moves; inside one, its sub-steps do too.
        while let Some(id) = queue.pop() {
            if seen.put(id as usize) {
                continue;
            }
            *visits += 1;
            if between(id) {
                after.push(id);
            }
            let moves = |mover: Mover| is_env(mover) || (is_repair(mover) && !between(id));
            queue.extend(self.ground.graph.edges(id).filter(|edge| moves(edge.mover)).map(|edge| edge.target));
        }
        after.sort_unstable();
        after.dedup();
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
