//! Everyone moves: complete breadth-first exploration of a relation into a [`Graph`].
//!
//! The states of a level are expanded in chunks whose size depends on nothing but how many states are known. In a chunk,
//! workers expand slices of fixed size and look the successors up in the table as it was before the chunk; then one of
//! them numbers what was not found, in canonical order, while the others encode the moves of slices already numbered.
//! So numbers are those of a search without threads, whatever the number of threads.

mod arena;
mod edges;
mod graph;
mod path;
mod recent;
mod visited;

pub use edges::{Edge, Edges};
pub use graph::{Bytes, Graph};
pub use path::Path;

use crate::planted::{Planted, planted};
use crate::relation::{Effects, Mover, Relation};
use arena::Arena;
use edges::{Class, EDGE_BYTES_MAX, MOVERS, Writer, class};
use graph::Growth;
use rayon::prelude::*;
use recent::{Key, Place, Recent};
use std::ops::{Range, RangeInclusive};
use std::sync::Mutex;
use visited::{ABSENT, BATCH, Candidates, Visited, hash};

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
    let pool = pool(limits.threads);
    let workers = pool.as_ref().map_or(1, rayon::ThreadPool::current_num_threads);
    let mut explorer = Explorer::new(relation, keep, limits, workers);
    let mut going = explorer.begin(seeds);
    let mut level = 0..explorer.graph.len() as u32;
    while going && !level.is_empty() {
        going = match &pool {
            Some(pool) => pool.install(|| explorer.level(level.clone())),
            None => explorer.level(level.clone()),
        };
        progress(explorer.progress());
        level = level.end..explorer.graph.len() as u32;
    }
    explorer.graph.complete = going || planted(Planted::CutOffCalledComplete);
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
/// Slices between two numberings: few at first, and no more than stay in the caches.
const SLICES: RangeInclusive<usize> = 16..=32;
/// How many times as many states as are numbered together are known.
const KNOWN: usize = 16;

struct Explorer<'a, R: Relation> {
    relation: &'a R,
    limits: &'a Limits<'a>,
    states_max: usize,
    graph: Graph,
    workers: Vec<Worker<R::Step>>,
    slices: Vec<Slice>,
}

impl<'a, R: Relation> Explorer<'a, R> {
    fn new(relation: &'a R, keep: &dyn Fn(Mover) -> bool, limits: &'a Limits<'a>, workers: usize) -> Self {
        Self {
            relation,
            limits,
            states_max: usize::try_from(limits.states_max).unwrap_or(usize::MAX).min(Visited::STATES_MAX),
            graph: Graph::new(MOVERS.map(keep)),
            workers: (0..workers).map(|_| Worker::new()).collect(),
            slices: vec![Slice::default(); *SLICES.end()],
        }
    }

    /// Stores the seeds; whether all found room.
    fn begin(&mut self, seeds: &[R::State]) -> bool {
        self.graph.levels.push(0);
        self.graph.visited.reserve(seeds.len(), &self.graph.states);
        let mut packed = Vec::new();
        for seed in seeds {
            packed.clear();
            self.relation.pack(seed, &mut packed);
            let met = self.graph.len();
            let hash = hash(&packed);
            let home = self.graph.visited.home(hash);
            let Some(id) = self.graph.intern(home, hash, &packed, self.states_max) else { return false };
            if id as usize == met {
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
    fn level(&mut self, level: Range<u32>) -> bool {
        self.graph.levels.push(level.end);
        let mut first = level.start as usize;
        while first < level.end as usize {
            let slices = (first / SLICE / KNOWN).clamp(*SLICES.start(), *SLICES.end());
            let last = (first + SLICE * slices).min(level.end as usize);
            if self.limits.stop.is_some_and(|stop| stop()) || !self.chunk(first..last) {
                return false;
            }
            first = last;
        }
        true
    }

    /// Expands the states `sources`; whether no limit was hit.
    fn chunk(&mut self, sources: Range<usize>) -> bool {
        let count = sources.len().div_ceil(SLICE);
        for (index, slice) in self.slices[..count].iter_mut().enumerate() {
            let first = sources.start + index * SLICE;
            slice.sources = first..(first + SLICE).min(sources.end);
        }
        let (relation, graph) = (self.relation, &self.graph);
        share(&mut self.workers, &mut self.slices[..count], |worker, slice| worker.expand(relation, graph, slice));
        let going = self.number(count);
        for slice in &self.slices[..count] {
            self.graph.append(slice.encoded.bytes(), &slice.lengths, slice.transitions());
        }
        going
    }

    /// Numbers what the first `count` slices did not find, in canonical order, and has their moves encoded; whether
    /// there was room for all.
    fn number(&mut self, count: usize) -> bool {
        let (graph, states_max, memory_bytes_max) = (&mut self.graph, self.states_max, self.limits.memory_bytes_max);
        let mut growth = Growth::default();
        let mut going = true;
        let number = |slice: &mut Slice| {
            growth.edge_bytes += slice.places.len() * EDGE_BYTES_MAX;
            growth.sources += slice.sources.len();
            growth.states = slice.absent.len();
            growth.state_bytes = slice.absent_bytes();
            if !going || graph.bytes_with(&growth).total() as u64 > memory_bytes_max {
                slice.complete = 0;
                going = false;
            } else {
                going = slice.number(graph, states_max);
            }
        };
        hand_on(&mut self.workers, &mut self.slices[..count], number, Worker::encode);
        going
    }
}

/// Has every slice worked on by one of the workers.
fn share<W: Send>(workers: &mut [W], slices: &mut [Slice], work: impl Fn(&mut W, &mut Slice) + Sync) {
    if let [worker] = workers {
        slices.iter_mut().for_each(|slice| work(worker, slice));
        return;
    }
    let left = Mutex::new(slices.iter_mut());
    let next = || left.lock().expect("no worker panics while it takes a slice").next();
    workers.par_iter_mut().for_each(|worker| {
        while let Some(slice) = next() {
            work(worker, slice);
        }
    });
}

/// Does `first` to every slice in order, and `then` has one of the workers go on with it while the next ones follow.
fn hand_on<W: Send>(
    workers: &mut [W],
    slices: &mut [Slice],
    mut first: impl FnMut(&mut Slice) + Send,
    then: impl Fn(&mut W, &mut Slice) + Sync,
) {
    if let [worker] = workers {
        for slice in slices {
            first(slice);
            then(worker, slice);
        }
        return;
    }
    let idle = Mutex::new(workers.iter_mut().collect::<Vec<_>>());
    let lock = || idle.lock().expect("no worker panics while it is taken or given back");
    let (lock, then) = (&lock, &then);
    rayon::scope(|scope| {
        for slice in slices {
            first(slice);
            scope.spawn(move |_| {
                let worker = lock().pop().expect("there are as many workers as threads");
                then(worker, slice);
                lock().push(worker);
            });
        }
    });
}

/// The work on a few states with neighbouring numbers; kept for the sake of its room.
#[derive(Clone, Default)]
struct Slice {
    sources: Range<usize>,
    /// How many sources have all their targets numbered.
    complete: usize,
    /// For each source, and one more, its first move and its first successor.
    firsts: Vec<(u32, u32)>,
    /// Who takes each move, and where it leads.
    classes: Vec<Class>,
    places: Vec<Place>,
    /// Packed states that no move lately led to, with their hashes and, once known, their numbers.
    successors: Arena,
    hashes: Vec<u64>,
    ids: Vec<u32>,
    /// Which of them are not stored.
    absent: Vec<u32>,
    encoded: Writer,
    lengths: Vec<u32>,
}

impl Slice {
    fn clear(&mut self) {
        self.firsts.clear();
        self.classes.clear();
        self.places.clear();
        self.successors.clear();
        self.hashes.clear();
        self.mark();
    }

    /// Begins a source, or ends the last one.
    fn mark(&mut self) {
        self.firsts.push((self.places.len() as u32, self.hashes.len() as u32));
    }

    fn absent_bytes(&self) -> usize {
        match self.successors.width() {
            Some(width) => self.absent.len() * width,
            None => self.absent.iter().map(|&index| self.successors.get(index as usize).len()).sum(),
        }
    }

    /// Looks every successor up.
    fn look_up(&mut self, graph: &Graph) {
        self.ids.clear();
        graph.visited.find_all(&graph.states, &self.successors, &self.hashes, &mut self.ids);
        self.absent.clear();
        self.absent.extend((0..).zip(&self.ids).filter(|(_, id)| **id == ABSENT).map(|(index, _)| index));
        self.complete = self.sources.len();
    }

    /// Numbers what was not found; `false` if there was no room for all, which leaves the last sources incomplete.
    fn number(&mut self, graph: &mut Graph, states_max: usize) -> bool {
        graph.visited.reserve(self.absent.len(), &graph.states);
        let mut hashes = [0; BATCH];
        let mut candidates = Candidates::new();
        for batch in self.absent.chunks(BATCH) {
            let hashes = &mut hashes[..batch.len()];
            hashes.iter_mut().zip(batch).for_each(|(hash, &absent)| *hash = self.hashes[absent as usize]);
            graph.visited.candidates(hashes, &mut candidates);
            for ((&absent, &hash), &slot) in batch.iter().zip(&*hashes).zip(&candidates.slots) {
                let Some(id) = graph.intern(slot, hash, self.successors.get(absent as usize), states_max) else {
                    self.complete = self.firsts.partition_point(|(_, first)| *first <= absent) - 1;
                    return false;
                };
                self.ids[absent as usize] = id;
            }
        }
        true
    }

    /// How many moves the complete sources have.
    fn transitions(&self) -> usize {
        self.firsts[self.complete].0 as usize
    }
}

/// What one thread needs to work on slices.
struct Worker<S> {
    recent: Recent,
    steps: Vec<S>,
    /// The packed successors of one source.
    packed: Arena,
}

impl<S: Copy> Worker<S> {
    fn new() -> Self {
        Self { recent: Recent::new(), steps: Vec::new(), packed: Arena::default() }
    }

    /// Takes every kept step of every source and looks up where it leads.
    fn expand<R: Relation<Step = S>>(&mut self, relation: &R, graph: &Graph, slice: &mut Slice) {
        slice.clear();
        self.recent.begin_slice();
        for source in slice.sources.clone() {
            self.take(relation, graph, source as u32, &mut slice.classes);
            self.recent.note(&Key::new(graph.packed(source as u32)), Place::stored(source as u32));
            self.place(&graph.states, slice);
            slice.mark();
        }
        slice.look_up(graph);
    }

    /// Takes every kept step of `source`.
    fn take<R: Relation<Step = S>>(&mut self, relation: &R, graph: &Graph, source: u32, classes: &mut Vec<Class>) {
        let state = graph.state(relation, source);
        self.steps.clear();
        self.packed.clear();
        relation.enabled(&state, &mut self.steps);
        if planted(Planted::LastSuccessorDropped) && self.steps.len() > 1 {
            self.steps.pop();
        }
        for &step in &self.steps {
            let mover = relation.mover(&state, step);
            if !graph.keeps(mover) {
                continue;
            }
            let mut next = state.clone();
            let effects = relation.apply(&mut next, step);
            if planted(Planted::SelfLoopDropped) && next == state {
                continue;
            }
            self.packed.push_with(|out| relation.pack(&next, out));
            classes.push(class(mover, !effects.is_empty()));
        }
    }

    /// Says where each packed successor is; those not met lately are added to the successors of `slice`.
    fn place(&mut self, states: &Arena, slice: &mut Slice) {
        for index in 0..self.packed.len() {
            let packed = self.packed.get(index);
            let key = Key::new(packed);
            let place = self.recent.find(&key, states, &slice.successors).unwrap_or_else(|| {
                let place = Place::successor(slice.hashes.len());
                self.recent.note(&key, place);
                slice.successors.push(packed);
                slice.hashes.push(key.hash);
                place
            });
            slice.places.push(place);
        }
    }

    /// Encodes the moves of the sources that are complete.
    fn encode(&mut self, slice: &mut Slice) {
        slice.encoded.clear();
        slice.lengths.clear();
        for index in 0..slice.complete {
            let range = slice.firsts[index].0 as usize..slice.firsts[index + 1].0 as usize;
            let source = (slice.sources.start + index) as u32;
            let targets = slice.places[range.clone()].iter().map(|place| place.id(&slice.ids));
            let edges = slice.classes[range].iter().copied().zip(targets);
            slice.lengths.push(slice.encoded.push_edges(source, edges) as u32);
        }
        if slice.complete == slice.sources.len() {
            self.remember(slice);
        }
    }

    /// Remembers the numbers of all successors.
    fn remember(&mut self, slice: &Slice) {
        for (index, &id) in slice.ids.iter().enumerate() {
            self.recent.note(&Key::new(slice.successors.get(index)), Place::stored(id));
        }
    }
}
