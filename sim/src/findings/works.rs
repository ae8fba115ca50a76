//! Which states lead where, and from which of them a procedure works: passes over an explored [`Graph`].
//!
//! Sets of states are bit sets over the numbers of the graph. Which moves count is said by a [`Via`], which may depend
//! on the state in which the move is taken, so that a move over all rows can count from stable states only.
//!
//! A graph that a limit cut off has states whose moves are unknown. A pass takes them to have none; a caller who must
//! be sure excludes them from what is allowed, one who must not miss anything adds them to the target.

use crate::drivers::explore::Graph;
use crate::planted::{Planted, planted};
use crate::relation::Mover;
use fixedbitset::FixedBitSet;

/// A set of states.
pub type Bits = FixedBitSet;

/// Whether the move that a mover takes in a state counts.
pub type Via<'a> = &'a (dyn Fn(u32, Mover) -> bool + Sync);

/// The states of whom `is` says yes.
pub fn states(graph: &Graph, is: impl FnMut(&u32) -> bool) -> Bits {
    let mut set = Bits::with_capacity(graph.len());
    (0..graph.len() as u32).filter(is).for_each(|id| set.insert(id as usize));
    set
}

/// The states whose moves are not known because a limit was hit.
pub fn unexpanded(graph: &Graph) -> Bits {
    let mut set = Bits::with_capacity(graph.len());
    set.insert_range(graph.expanded() as usize..);
    set
}

/// The states that `from` reaches by the moves `via`, itself included.
pub fn reach(graph: &Graph, from: &Bits, via: Via) -> Bits {
    let mut reached = from.clone();
    let mut open: Vec<u32> = from.ones().map(|id| id as u32).collect();
    while let Some(source) = open.pop() {
        for edge in graph.edges(source) {
            if !reached.contains(edge.target as usize) && via(source, edge.mover) {
                reached.insert(edge.target as usize);
                open.push(edge.target);
            }
        }
    }
    reached
}

/// The states of `allowed` from which the moves `via` reach `target` without leaving `allowed`; those of `target` that
/// are not allowed do not count.
pub fn can_reach(graph: &Graph, target: &Bits, allowed: &Bits, via: Via) -> Bits {
    let mut search = Search { graph, via, found: target.clone(), open: allowed.clone() };
    search.found.intersect_with(allowed);
    search.open.difference_with(target);
    for sweep in 0..SWEEPS {
        if !search.sweep(sweep % 2 == 0) {
            return search.found;
        }
    }
    search.finish();
    search.found
}

/// The largest subset of `inside` that no move of `forced` leaves.
pub fn closed(graph: &Graph, inside: &Bits, forced: Via) -> Bits {
    let mut everything = Bits::with_capacity(graph.len());
    everything.insert_range(..);
    let mut outside = everything.clone();
    outside.difference_with(inside);
    let leaves = can_reach(graph, &outside, &everything, forced);
    let mut rest = inside.clone();
    rest.difference_with(&leaves);
    rest
}

/// The states from which a procedure works: the largest subset of `allowed` that no move of `forced` leaves and in
/// which every state reaches `target` by moves of `helpful` without leaving the subset.
///
/// `forced` is whatever the environment may do, `helpful` the moves of the procedure and what is bound to happen,
/// `allowed` what is free of loss. From such a state, whatever happens, the way to the target stays open, and with
/// fair luck it is gone: the target is reached with probability 1. The target must be closed under `forced` itself to
/// be kept, as a harbour is.
pub fn works(graph: &Graph, target: &Bits, helpful: Via, forced: Via, allowed: &Bits) -> Bits {
    let mut inside = allowed.clone();
    loop {
        if !planted(Planted::ForcedForgotten) {
            inside = closed(graph, &inside, forced);
        }
        let reaching = can_reach(graph, target, &inside, helpful);
        if planted(Planted::OneRoundOnly) {
            return reaching;
        }
        if reaching == inside {
            return inside;
        }
        inside = reaching;
    }
}

/// How often all open states are looked at before their moves are turned round. States are numbered by distance from
/// the start, so most of them are settled by looking at them in order.
const SWEEPS: usize = 3;

const WORD_BITS: usize = usize::BITS as usize;

/// A backward search: `found` reach the target, of `open` it is not known.
struct Search<'a> {
    graph: &'a Graph,
    via: Via<'a>,
    found: Bits,
    open: Bits,
}

impl Search<'_> {
    /// Looks once at every open state; whether any was found.
    fn sweep(&mut self, descending: bool) -> bool {
        let words = self.open.as_slice().len();
        let mut any = false;
        for index in 0..words {
            any |= self.sweep_word(if descending { words - 1 - index } else { index }, descending);
        }
        any
    }

    fn sweep_word(&mut self, index: usize, descending: bool) -> bool {
        let mut rest = self.open.as_slice()[index];
        let before = rest;
        while rest != 0 {
            let bit = if descending { rest.ilog2() } else { rest.trailing_zeros() };
            rest &= !(1 << bit);
            let id = index * WORD_BITS + bit as usize;
            if self.leads_to_found(id as u32) {
                self.found.insert(id);
                self.open.remove(id);
            }
        }
        self.open.as_slice()[index] != before
    }

    fn leads_to_found(&self, source: u32) -> bool {
        self.graph.edges(source).any(|edge| self.found.contains(edge.target as usize) && (self.via)(source, edge.mover))
    }

    /// Settles what is open by turning round the moves between open states.
    fn finish(&mut self) {
        let (sources, mut ready) = Sources::new(self);
        ready.iter().for_each(|&id| self.found.insert(id as usize));
        while let Some(target) = ready.pop() {
            for &source in sources.of(target) {
                if !self.found.put(source as usize) {
                    ready.push(source);
                }
            }
        }
    }

    /// Calls `each` with source and target of every counting move from an open state to an open or found one.
    fn moves(&self, mut each: impl FnMut(u32, u32)) {
        for source in self.open.ones().map(|id| id as u32) {
            for edge in self.graph.edges(source) {
                let target = edge.target as usize;
                if (self.open.contains(target) || self.found.contains(target)) && (self.via)(source, edge.mover) {
                    each(source, edge.target);
                }
            }
        }
    }
}

/// The moves between the open states of a search, by target.
struct Sources {
    ranks: Ranks,
    /// Where the sources of each target begin, and where the last ones end.
    firsts: Vec<u64>,
    sources: Vec<u32>,
}

impl Sources {
    /// The moves between open states, and the open states with a move to a found one.
    fn new(search: &Search) -> (Self, Vec<u32>) {
        let ranks = Ranks::new(&search.open);
        let mut firsts = vec![0; ranks.count + 1];
        let mut ready = Vec::new();
        search.moves(|source, target| match ranks.rank(target) {
            Some(rank) => firsts[rank] += 1,
            None => ready.push(source),
        });
        ready.dedup();
        let mut end = 0;
        for first in &mut firsts {
            end += *first;
            *first = end;
        }
        let mut sources = vec![0; end as usize];
        search.moves(|source, target| {
            if let Some(rank) = ranks.rank(target) {
                firsts[rank] -= 1;
                sources[firsts[rank] as usize] = source;
            }
        });
        (Self { ranks, firsts, sources }, ready)
    }

    /// The sources of the moves to `target`.
    fn of(&self, target: u32) -> &[u32] {
        let Some(rank) = self.ranks.rank(target) else { return &[] };
        &self.sources[self.firsts[rank] as usize..self.firsts[rank + 1] as usize]
    }
}

/// The place of each member of a set among its members.
struct Ranks {
    words: Vec<usize>,
    before: Vec<u32>,
    count: usize,
}

impl Ranks {
    fn new(set: &Bits) -> Self {
        let words = set.as_slice().to_vec();
        let mut count = 0;
        let before = words
            .iter()
            .map(|word| {
                let before = count;
                count += word.count_ones();
                before
            })
            .collect();
        Self { words, before, count: count as usize }
    }

    fn rank(&self, id: u32) -> Option<usize> {
        let (word, bit) = (id as usize / WORD_BITS, id as usize % WORD_BITS);
        let members = self.words[word];
        let before = (members & ((1 << bit) - 1)).count_ones();
        (members >> bit & 1 == 1).then_some((self.before[word] + before) as usize)
    }
}
