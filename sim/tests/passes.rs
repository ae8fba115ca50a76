//! The passes over a graph against their definitions, on random small graphs.

use turnback_sim::drivers::explore::{Graph, Limits, explore};
use turnback_sim::findings::works::{Bits, can_reach, closed, reach, works};
use turnback_sim::relation::{Effects, Mover, Operator, Relation};

const MOVERS: [Mover; 3] = [Mover::Fair, Mover::Possible, Mover::Operator(Operator::Forward)];

/// A graph given by its edges; a step is the number of an edge of its state.
#[derive(Debug)]
struct Drawn {
    edges: Vec<Vec<(u8, Mover)>>,
}

impl Relation for Drawn {
    type State = u8;
    type Step = u8;

    fn start(&self) -> Vec<u8> {
        (0..self.edges.len() as u8).collect()
    }

    fn enabled(&self, state: &u8, out: &mut Vec<u8>) {
        out.extend(0..self.edges[usize::from(*state)].len() as u8);
    }

    fn count(&self, _: &u8, _: u8) -> u64 {
        1
    }

    fn apply(&self, state: &mut u8, step: u8) -> Effects {
        *state = self.edges[usize::from(*state)][usize::from(step)].0;
        Effects::new()
    }

    fn mover(&self, state: &u8, step: u8) -> Mover {
        self.edges[usize::from(*state)][usize::from(step)].1
    }

    fn pack(&self, state: &u8, out: &mut Vec<u8>) {
        out.push(*state);
    }

    fn unpack(&self, bytes: &[u8]) -> Option<u8> {
        bytes.first().copied()
    }
}

/// A small generator of its own: the graphs are the same everywhere.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn graph(&mut self) -> Drawn {
        let size = 1 + self.below(14);
        let edge = |draw: &mut Self| (draw.below(size) as u8, MOVERS[draw.below(3) as usize]);
        Drawn { edges: (0..size).map(|_| (0..self.below(4)).map(|_| edge(self)).collect()).collect() }
    }

    fn set(&mut self, size: usize) -> Bits {
        let mut set = Bits::with_capacity(size);
        set.extend((0..size).filter(|_| self.below(3) == 0));
        set
    }
}

fn explored(drawn: &Drawn) -> Graph {
    let limits = Limits { states_max: 1000, memory_bytes_max: 1 << 20, threads: 1, stop: None };
    explore(drawn, &drawn.start(), &|_| true, &limits, &mut |_| {})
}

fn helpful(_: u32, mover: Mover) -> bool {
    mover != Mover::Possible
}

/// The states of `allowed` with a way of `via` edges inside `allowed` into `target`, by repeated looking.
fn naive_reach(drawn: &Drawn, target: &Bits, allowed: &Bits, via: fn(u32, Mover) -> bool) -> Bits {
    let mut found = target.clone();
    found.intersect_with(allowed);
    loop {
        let more: Vec<usize> = (0..drawn.edges.len())
            .filter(|at| allowed.contains(*at) && !found.contains(*at))
            .filter(|at| {
                drawn.edges[*at].iter().any(|(to, mover)| via(*at as u32, *mover) && found.contains(usize::from(*to)))
            })
            .collect();
        if more.is_empty() {
            return found;
        }
        found.extend(more);
    }
}

fn naive_closed(drawn: &Drawn, inside: &Bits) -> Bits {
    let mut kept = inside.clone();
    loop {
        let leaves: Vec<usize> =
            kept.ones().filter(|at| drawn.edges[*at].iter().any(|(to, _)| !kept.contains(usize::from(*to)))).collect();
        if leaves.is_empty() {
            return kept;
        }
        leaves.into_iter().for_each(|at| kept.remove(at));
    }
}

/// The greatest fixpoint by its definition.
fn naive_works(drawn: &Drawn, target: &Bits, allowed: &Bits) -> Bits {
    let mut inside = allowed.clone();
    loop {
        let kept = naive_closed(drawn, &inside);
        let next = naive_reach(drawn, target, &kept, helpful);
        if next == inside {
            return next;
        }
        inside = next;
    }
}

#[test]
fn the_passes_agree_with_their_definitions() {
    let mut draw = Draw(0x9e37_79b9_7f4a_7c15);
    let mut told_apart = 0;
    for _ in 0..4000 {
        let drawn = draw.graph();
        let graph = explored(&drawn);
        let size = drawn.edges.len();
        let (target, allowed) = (draw.set(size), draw.set(size));
        let mut wide = allowed.clone();
        wide.union_with(&target);
        assert_eq!(
            can_reach(&graph, &target, &wide, &helpful),
            naive_reach(&drawn, &target, &wide, helpful),
            "{drawn:?}"
        );
        assert_eq!(closed(&graph, &wide, &|_, _| true), naive_closed(&drawn, &wide), "{drawn:?}");
        let mut target = naive_closed(&drawn, &target);
        target.intersect_with(&wide);
        let expected = naive_works(&drawn, &target, &wide);
        assert_eq!(works(&graph, &target, &helpful, &|_, _| true, &wide), expected, "{drawn:?}");
        told_apart += usize::from(!expected.is_clear() && expected != wide);
    }
    assert!(told_apart > 200, "the graphs must tell right from wrong: {told_apart}");
}

#[test]
fn what_is_reached_is_what_a_walk_reaches() {
    let mut draw = Draw(7);
    for _ in 0..2000 {
        let drawn = draw.graph();
        let graph = explored(&drawn);
        let from = draw.set(drawn.edges.len());
        let mut seen = from.clone();
        let mut queue: Vec<usize> = from.ones().collect();
        while let Some(at) = queue.pop() {
            for (to, mover) in &drawn.edges[at] {
                if helpful(0, *mover) && !seen.put(usize::from(*to)) {
                    queue.push(usize::from(*to));
                }
            }
        }
        assert_eq!(reach(&graph, &from, &helpful), seen, "{drawn:?}");
    }
}
