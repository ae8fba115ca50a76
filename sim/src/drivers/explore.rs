//! Everyone moves: complete breadth-first exploration of a relation into a [`Graph`].
//!
//! The states of a level are expanded in chunks of a fixed size. In a chunk, workers expand slices of fixed size and
//! look the successors up in the table as it was before the chunk; then one of them numbers what was not found, in
//! canonical order. So numbers are those of a search without threads, whatever the number of threads.

mod arena;
mod edges;
mod graph;
mod path;
mod visited;

pub use edges::{Edge, Edges};
pub use graph::{Bytes, Graph};
pub use path::Path;

use crate::relation::{Effects, Mover, Relation};
use arena::Arena;
use edges::{Class, EDGE_BYTES_MAX, MOVERS, class, rank};
use graph::Growth;
use rayon::prelude::*;
use std::ops::Range;
use visited::{ABSENT, Visited};

/// Where an exploration ends at the latest, and how many workers it has.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// The most states that are stored.
    pub states_max: u64,
    /// The most bytes that the graph holds.
    pub memory_bytes_max: u64,
    /// How many threads expand; results do not depend on it. 0 counts as 1.
    pub threads: usize,
    /// Asked before every chunk of a few thousand states; the exploration ends when it says yes.
    pub stop: Option<&'a (dyn Fn() -> bool + Sync)>,
}

/// How far an exploration is: said once per level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// How many moves the states of the level just expanded are away from a start.
    pub depth: u32,
    /// States known.
    pub states: u64,
    /// Moves known.
    pub transitions: u64,
}

/// One step of a state, taken again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expanded<S> {
    /// The step.
    pub step: S,
    /// Who takes it.
    pub mover: Mover,
    /// What it did.
    pub effects: Effects,
    /// Where it led.
    pub target: u32,
}

/// Explores everything that the movers of whom `keep` says yes reach from `seeds`, within `limits`.
pub fn explore<R: Relation>(
    relation: &R,
    seeds: &[R::State],
    keep: &dyn Fn(Mover) -> bool,
    limits: &Limits,
    progress: &mut dyn FnMut(Progress),
) -> Graph {
    let mut explorer = Explorer::new(relation, keep, limits);
    let pool = pool(limits.threads);
    let mut going = explorer.begin(seeds);
    let mut level = 0..explorer.graph.len() as u32;
    while going && !level.is_empty() {
        going = match &pool {
            Some(pool) => pool.install(|| explorer.level(level.clone(), true)),
            None => explorer.level(level.clone(), false),
        };
        progress(explorer.progress());
        level = level.end..explorer.graph.len() as u32;
    }
    explorer.graph.complete = going;
    explorer.graph
}

/// Workers of our own; none if one thread is enough or threads cannot be had.
fn pool(threads: usize) -> Option<rayon::ThreadPool> {
    if threads <= 1 {
        return None;
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok()
}

/// States that one worker expands at a time.
const SLICE: usize = 256;
/// Slices between two numberings.
const SLICES: usize = 16;

struct Explorer<'a, R: Relation> {
    relation: &'a R,
    limits: &'a Limits<'a>,
    states_max: usize,
    graph: Graph,
    slices: Vec<Slice<R::Step>>,
}

impl<'a, R: Relation> Explorer<'a, R> {
    fn new(relation: &'a R, keep: &dyn Fn(Mover) -> bool, limits: &'a Limits<'a>) -> Self {
        Self {
            relation,
            limits,
            states_max: usize::try_from(limits.states_max).unwrap_or(usize::MAX).min(Visited::STATES_MAX),
            graph: Graph::new(MOVERS.map(keep)),
            slices: (0..SLICES).map(|_| Slice::default()).collect(),
        }
    }

    /// Stores the seeds; whether all found room.
    fn begin(&mut self, seeds: &[R::State]) -> bool {
        let mut keys = Arena::default();
        for seed in seeds {
            keys.push_with(|out| self.relation.pack(seed, out));
        }
        self.graph.levels.push(0);
        self.graph.visited.reserve(keys.len(), &self.graph.states);
        for key in 0..keys.len() {
            let Some(id) = self.graph.intern(&keys, key, self.states_max) else { return false };
            if !self.graph.starts.contains(&id) {
                self.graph.starts.push(id);
            }
        }
        true
    }

    fn progress(&self) -> Progress {
        Progress {
            depth: self.graph.levels.len() as u32 - 2,
            states: self.graph.len() as u64,
            transitions: self.graph.transitions(),
        }
    }

    /// Expands the states `level`; whether no limit was hit.
    fn level(&mut self, level: Range<u32>, parallel: bool) -> bool {
        self.graph.levels.push(level.end);
        let mut first = level.start as usize;
        while first < level.end as usize {
            let last = (first + SLICE * SLICES).min(level.end as usize);
            if self.limits.stop.is_some_and(|stop| stop()) || !self.chunk(first..last, parallel) {
                return false;
            }
            first = last;
        }
        true
    }

    /// Expands the states `sources`; whether no limit was hit.
    fn chunk(&mut self, sources: Range<usize>, parallel: bool) -> bool {
        let count = sources.len().div_ceil(SLICE);
        for (index, slice) in self.slices[..count].iter_mut().enumerate() {
            let first = sources.start + index * SLICE;
            slice.sources = first..(first + SLICE).min(sources.end);
        }
        let (relation, graph) = (self.relation, &self.graph);
        for_each(&mut self.slices[..count], parallel, |slice| slice.expand(relation, graph));
        let going = self.number(count);
        for_each(&mut self.slices[..count], parallel, Slice::encode);
        for slice in &self.slices[..count] {
            self.graph.append(&slice.encoded, &slice.lengths, slice.transitions());
        }
        going
    }

    /// Numbers what the first `count` slices did not find, in canonical order; whether there was room for all.
    fn number(&mut self, count: usize) -> bool {
        let mut growth = Growth::default();
        for index in 0..count {
            let slice = &mut self.slices[index];
            growth.edge_bytes += slice.targets.len() * EDGE_BYTES_MAX;
            growth.sources += slice.sources.len();
            growth.states = slice.absent.len();
            growth.state_bytes = slice.absent_bytes();
            let fits = self.graph.bytes_with(&growth).total() as u64 <= self.limits.memory_bytes_max;
            if !fits || !slice.number(&mut self.graph, self.states_max) {
                self.slices[index + usize::from(fits)..count].iter_mut().for_each(|slice| slice.complete = 0);
                return false;
            }
        }
        true
    }
}

fn for_each<T: Send>(items: &mut [T], parallel: bool, work: impl Fn(&mut T) + Sync + Send) {
    if parallel {
        items.par_iter_mut().for_each(work);
    } else {
        items.iter_mut().for_each(work);
    }
}

/// The work on a few states with neighbouring numbers; kept for the sake of its room.
struct Slice<S> {
    sources: Range<usize>,
    /// How many sources have all their targets numbered.
    complete: usize,
    /// The first successor of each source, and one more.
    firsts: Vec<u32>,
    successors: Arena,
    classes: Vec<Class>,
    targets: Vec<u32>,
    absent: Vec<u32>,
    encoded: Vec<u8>,
    lengths: Vec<u32>,
    steps: Vec<S>,
}

impl<S> Default for Slice<S> {
    fn default() -> Self {
        Self {
            sources: 0..0,
            complete: 0,
            firsts: Vec::new(),
            successors: Arena::default(),
            classes: Vec::new(),
            targets: Vec::new(),
            absent: Vec::new(),
            encoded: Vec::new(),
            lengths: Vec::new(),
            steps: Vec::new(),
        }
    }
}

impl<S: Copy> Slice<S> {
    /// Takes every kept step of every source and looks up where it leads.
    fn expand<R: Relation<Step = S>>(&mut self, relation: &R, graph: &Graph) {
        self.successors.clear();
        self.classes.clear();
        self.firsts.clear();
        self.firsts.push(0);
        for source in self.sources.clone() {
            let state = graph.state(relation, source as u32);
            self.steps.clear();
            relation.enabled(&state, &mut self.steps);
            for index in 0..self.steps.len() {
                self.take(relation, graph, &state, self.steps[index]);
            }
            self.firsts.push(self.classes.len() as u32);
        }
        self.targets.clear();
        graph.visited.find_all(&graph.states, &self.successors, &mut self.targets);
        self.absent.clear();
        self.absent.extend((0..).zip(&self.targets).filter(|(_, target)| **target == ABSENT).map(|(index, _)| index));
        self.complete = self.sources.len();
    }

    #[inline]
    fn take<R: Relation<Step = S>>(&mut self, relation: &R, graph: &Graph, state: &R::State, step: S) {
        let mover = relation.mover(state, step);
        if !graph.kept[usize::from(rank(mover))] {
            return;
        }
        let mut next = state.clone();
        let effects = relation.apply(&mut next, step);
        self.classes.push(class(mover, !effects.is_empty()));
        self.successors.push_with(|out| relation.pack(&next, out));
    }

    fn absent_bytes(&self) -> usize {
        match self.successors.width() {
            Some(width) => self.absent.len() * width,
            None => self.absent.iter().map(|&index| self.successors.get(index as usize).len()).sum(),
        }
    }

    /// Numbers what was not found; `false` if there was no room for all, which leaves the last sources incomplete.
    fn number(&mut self, graph: &mut Graph, states_max: usize) -> bool {
        graph.visited.reserve(self.absent.len(), &graph.states);
        for &index in &self.absent {
            let Some(id) = graph.intern(&self.successors, index as usize, states_max) else {
                self.complete = self.firsts.partition_point(|first| *first <= index) - 1;
                return false;
            };
            self.targets[index as usize] = id;
        }
        true
    }

    fn encode(&mut self) {
        self.encoded.clear();
        self.lengths.clear();
        for index in 0..self.complete {
            let range = self.firsts[index] as usize..self.firsts[index + 1] as usize;
            let before = self.encoded.len();
            let source = (self.sources.start + index) as u32;
            Graph::encode(source, &self.classes[range.clone()], &self.targets[range], &mut self.encoded);
            self.lengths.push((self.encoded.len() - before) as u32);
        }
    }

    /// How many moves the complete sources have.
    fn transitions(&self) -> usize {
        self.firsts[self.complete] as usize
    }
}
