//! What an exploration leaves behind: every state once, every move once.

use super::Expanded;
use super::arena::{Arena, Ends, capacity_with, reserve};
use super::edges::{Edges, rank};
use super::visited::{Visited, hash, same};
use crate::planted::{Planted, planted};
use crate::relation::{Effects, Mover, Relation};

/// The explored part of a relation: states numbered in breadth-first order from 0, and the moves between them.
///
/// States are expanded in the order of their numbers, so those not expanded are the last ones. Every number and every
/// stored byte is independent of the number of threads; equal graphs are equal byte for byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Graph {
    pub(super) states: Arena,
    pub(super) visited: Visited,
    edges: Vec<u8>,
    edge_ends: Ends,
    pub(super) starts: Vec<u32>,
    pub(super) levels: Vec<u32>,
    transitions: u64,
    kept: [bool; 12],
    /// Whether every state that the kept movers reach is here and expanded.
    pub complete: bool,
}

impl Graph {
    pub(super) fn new(kept: [bool; 12]) -> Self {
        Self {
            states: Arena::default(),
            visited: Visited::new(),
            edges: Vec::new(),
            edge_ends: Ends::default(),
            starts: Vec::new(),
            levels: Vec::new(),
            transitions: 0,
            kept,
            complete: false,
        }
    }

    /// How many states are known.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// How many moves are known, those that change nothing included.
    pub fn transitions(&self) -> u64 {
        self.transitions
    }

    /// The states from which the exploration began, in the order of the seeds.
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// How many states are expanded: those with a smaller number.
    pub fn expanded(&self) -> u32 {
        self.edge_ends.len() as u32
    }

    /// Whether every kept move of state `id` is known.
    pub fn is_expanded(&self, id: u32) -> bool {
        id < self.expanded()
    }

    /// The fewest moves from a start to state `id`.
    pub fn depth(&self, id: u32) -> u32 {
        self.levels.partition_point(|first| *first <= id) as u32 - 1
    }

    /// The packed form of state `id`.
    #[inline]
    pub fn packed(&self, id: u32) -> &[u8] {
        self.states.get(id as usize)
    }

    /// State `id`.
    ///
    /// # Panics
    /// If `relation` is not the one that was explored.
    pub fn state<R: Relation>(&self, relation: &R, id: u32) -> R::State {
        relation.unpack(self.packed(id)).expect("a stored state is a packed state of the explored relation")
    }

    /// The number of `state`, if it was met.
    pub fn find<R: Relation>(&self, relation: &R, state: &R::State) -> Option<u32> {
        let mut packed = Vec::new();
        relation.pack(state, &mut packed);
        self.visited.find(hash(&packed), |id| same(&self.states, id, &packed)).ok()
    }

    /// The moves from state `id`, in the canonical order of their steps; none if it is not expanded.
    #[inline]
    pub fn edges(&self, id: u32) -> Edges<'_> {
        if !self.is_expanded(id) {
            return Edges::new(id, &[], 0);
        }
        let range = self.edge_ends.range(id as usize);
        Edges::new(id, &self.edges[range.start..], range.len())
    }

    /// Whether the steps of `mover` were followed.
    #[inline]
    pub fn keeps(&self, mover: Mover) -> bool {
        self.kept[usize::from(rank(mover))]
    }

    /// The moves from state `id` taken again, one for each of [`Graph::edges`] and in their order.
    ///
    /// # Panics
    /// If `relation` is not the one that was explored, or answers otherwise than it did.
    pub fn steps<R: Relation>(&self, relation: &R, id: u32) -> Vec<Expanded<R::Step>> {
        self.steps_by(relation, id, &mut |state, step| relation.apply(state, step))
    }

    /// The same, each step taken by `apply`, which must do what [`Relation::apply`] does.
    ///
    /// # Panics
    /// As [`Graph::steps`].
    pub fn steps_by<R: Relation>(
        &self,
        relation: &R,
        id: u32,
        apply: &mut dyn FnMut(&mut R::State, R::Step) -> Effects,
    ) -> Vec<Expanded<R::Step>> {
        let state = self.state(relation, id);
        let mut steps = Vec::new();
        relation.enabled(&state, &mut steps);
        if planted(Planted::LastSuccessorDropped) && steps.len() > 1 {
            steps.pop();
        }
        let mut edges = self.edges(id);
        let mut expanded = Vec::new();
        for step in steps {
            let mover = relation.mover(&state, step);
            if !self.is_expanded(id) || !self.keeps(mover) {
                continue;
            }
            let mut next = state.clone();
            let effects = apply(&mut next, step);
            if planted(Planted::SelfLoopDropped) && next == state {
                continue;
            }
            let edge = edges.next().expect(NONDETERMINISTIC);
            assert!(edge.mover == mover && edge.has_effects != effects.is_empty(), "{NONDETERMINISTIC}");
            expanded.push(Expanded { step, mover, effects, target: edge.target });
        }
        assert!(edges.next().is_none(), "{NONDETERMINISTIC}");
        expanded
    }

    /// The bytes that the graph holds.
    pub fn bytes(&self) -> Bytes {
        self.bytes_with(&Growth::default())
    }

    /// The bytes that the graph would hold after `growth`.
    pub(super) fn bytes_with(&self, growth: &Growth) -> Bytes {
        Bytes {
            states: self.states.bytes_with(growth.states, growth.state_bytes),
            visited: self.visited.bytes_with(growth.states),
            edges: capacity_with(&self.edges, growth.edge_bytes),
            edge_ends: self.edge_ends.bytes_with(growth.sources),
        }
    }

    /// The number of the state with `hash` whose packed form is `key` and which is in no slot before `slot`; it is
    /// stored if it was not met. `None` if that would be one too many.
    #[inline]
    pub(super) fn intern(&mut self, slot: usize, hash: u64, key: &[u8], states_max: usize) -> Option<u32> {
        match self.visited.find_from(slot, hash, |id| same(&self.states, id, key)) {
            Ok(id) => Some(id),
            Err(_) if self.len() >= states_max => None,
            Err(slot) => {
                let id = self.len();
                self.visited.insert(slot, hash, id);
                self.states.push(key);
                Some(id as u32)
            }
        }
    }

    /// Appends the encoded edges of the next states, of which each has the length that `lengths` says.
    pub(super) fn append(&mut self, encoded: &[u8], lengths: &[u32], transitions: usize) {
        reserve(&mut self.edges, encoded.len());
        self.edges.extend_from_slice(encoded);
        for &length in lengths {
            self.edge_ends.push(length as usize);
        }
        self.transitions += transitions as u64;
    }
}

const NONDETERMINISTIC: &str =
    "a relation must answer alike each time: is `enabled`, `apply` or `mover` drawing from something but the state?";

/// What is about to be added to a graph, at most.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Growth {
    pub(super) states: usize,
    pub(super) state_bytes: usize,
    pub(super) sources: usize,
    pub(super) edge_bytes: usize,
}

/// The bytes that a graph holds, by what they hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bytes {
    /// Packed states.
    pub states: usize,
    /// The table that finds them.
    pub visited: usize,
    /// Encoded moves.
    pub edges: usize,
    /// Where the moves of each state are.
    pub edge_ends: usize,
}

impl Bytes {
    /// All of them.
    pub fn total(&self) -> usize {
        self.states + self.visited + self.edges + self.edge_ends
    }
}
