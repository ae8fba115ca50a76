//! The shortest way from one set of states to another.

use super::{Edge, Graph};
use crate::planted::{Planted, planted};
use crate::relation::Relation;
use fixedbitset::FixedBitSet;

/// A way through a graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Path<S> {
    /// Each step with the state in which it is taken.
    pub moves: Vec<(u32, S)>,
    /// The state in which the way ends.
    pub end: u32,
}

impl Graph {
    /// The way with the fewest moves from one of `from` into `goal` along edges of which `allowed` (source, edge) says
    /// yes; among those the first by the order of `from`, then of the steps. `None` if there is none.
    ///
    /// # Panics
    /// If `relation` is not the one that was explored.
    pub fn shortest_path<R: Relation>(
        &self,
        relation: &R,
        from: &[u32],
        goal: &FixedBitSet,
        allowed: &dyn Fn(u32, Edge) -> bool,
    ) -> Option<Path<R::Step>> {
        let (parents, end) = self.parents(from, goal, allowed)?;
        let mut moves = Vec::new();
        let mut target = end;
        while parents[target as usize] != target {
            let source = parents[target as usize];
            let is = |edge: &Edge| edge.target == target && allowed(source, *edge);
            let index = self.edges(source).position(|edge| is(&edge)).expect("a parent has an edge to its child");
            moves.push((source, self.steps(relation, source)[index].step));
            target = source;
        }
        moves.reverse();
        Some(Path { moves, end })
    }

    /// The first state of `goal` that a breadth-first search meets, and the parent of each state met before; a start
    /// is its own parent.
    fn parents(
        &self,
        from: &[u32],
        goal: &FixedBitSet,
        allowed: &dyn Fn(u32, Edge) -> bool,
    ) -> Option<(Vec<u32>, u32)> {
        let mut parents = vec![u32::MAX; self.len()];
        let mut queue = Vec::new();
        let mut meet = |state: u32, parent: u32, queue: &mut Vec<u32>| {
            if parents[state as usize] == u32::MAX {
                parents[state as usize] = parent;
                queue.push(state);
            }
        };
        from.iter().for_each(|&start| meet(start, start, &mut queue));
        let mut next = 0;
        while next < queue.len() {
            if planted(Planted::DeepStory) {
                let last = queue.len() - 1;
                queue.swap(next, last);
            }
            let source = queue[next];
            if goal.contains(source as usize) {
                return Some((parents, source));
            }
            for edge in self.edges(source).filter(|edge| allowed(source, *edge)) {
                meet(edge.target, source, &mut queue);
            }
            next += 1;
        }
        None
    }
}
