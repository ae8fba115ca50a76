//! The canonical question has known answers, whatever the threads, the limits and the hash.

#[path = "canonical/mod.rs"]
mod rollout;

use rollout::Rollout;
use turnback_sim::drivers::explore::{Graph, Limits, explore};
use turnback_sim::findings::works::{Bits, can_reach, states};
use turnback_sim::relation::Relation;

/// Replicas, states, and states from which no path leads to a healthy one, at two messages in flight.
const KNOWN: [(u64, usize, usize); 3] = [(2, 128_363, 81_672), (3, 465_275, 267_904), (4, 1_681_519, 911_572)];

const UNLIMITED: Limits = Limits { states_max: u64::MAX, memory_bytes_max: u64::MAX, threads: 1, stop: None };

/// With a hash of twelve bits four replicas would take minutes.
fn known() -> &'static [(u64, usize, usize)] {
    if cfg!(feature = "weak-hash") { &KNOWN[..2] } else { &KNOWN }
}

fn rollout(replicas: u64) -> Rollout {
    Rollout { replicas, messages_max: 2 }
}

fn explored(relation: &Rollout, limits: &Limits) -> Graph {
    explore(relation, &relation.start(), &|_| true, limits, &mut |_| ())
}

fn irrecoverable(relation: &Rollout, graph: &Graph) -> Bits {
    let healthy = states(graph, |id| relation.healthy(graph.state(relation, *id)));
    let mut rest = states(graph, |_| true);
    rest.difference_with(&can_reach(graph, &healthy, &rest, &|_, _| true));
    rest
}

#[test]
fn states_and_irrecoverable_states_are_as_known() {
    for &(replicas, states_known, irrecoverable_known) in known() {
        let relation = rollout(replicas);
        let graph = explored(&relation, &UNLIMITED);
        assert_eq!((graph.len(), graph.complete), (states_known, true));
        assert_eq!(irrecoverable(&relation, &graph).count_ones(..), irrecoverable_known);
    }
}

#[test]
fn every_byte_is_the_same_for_any_number_of_threads() {
    let relation = rollout(2);
    let alone = explored(&relation, &UNLIMITED);
    for threads in [2, 3, 7] {
        assert!(alone == explored(&relation, &Limits { threads, ..UNLIMITED }), "{threads} threads");
    }
}

#[test]
fn what_a_limit_leaves_is_the_same_for_any_number_of_threads() {
    let relation = rollout(2);
    for limits in [Limits { states_max: 50_000, ..UNLIMITED }, Limits { memory_bytes_max: 2 << 20, ..UNLIMITED }] {
        let alone = explored(&relation, &limits);
        assert!(!alone.complete && alone.len() > 10_000);
        for threads in [2, 3, 7] {
            assert!(alone == explored(&relation, &Limits { threads, ..limits }), "{threads} threads");
        }
    }
}

#[test]
fn a_cut_off_graph_is_the_beginning_of_the_whole() {
    let relation = rollout(2);
    let whole = explored(&relation, &UNLIMITED);
    for states_max in [1, 2, 10, 1_000, 30_001, 128_362] {
        let part = explored(&relation, &Limits { states_max, ..UNLIMITED });
        assert_eq!((part.len() as u64, part.complete), (states_max, false));
        assert!((0..part.len() as u32).all(|id| part.packed(id) == whole.packed(id)));
        assert!((0..part.expanded()).all(|id| part.edges(id).eq(whole.edges(id))));
        assert!((part.expanded()..part.len() as u32).all(|id| part.edges(id).next().is_none()));
    }
    assert!(explored(&relation, &Limits { states_max: whole.len() as u64, ..UNLIMITED }).complete);
}

#[test]
fn memory_stays_below_its_limit() {
    let relation = rollout(2);
    let whole = explored(&relation, &UNLIMITED).bytes().total() as u64;
    for memory_bytes_max in [8 << 10, 100 << 10, 1 << 20, 3 << 20] {
        let part = explored(&relation, &Limits { memory_bytes_max, ..UNLIMITED });
        assert!(memory_bytes_max < whole && !part.complete);
        assert!(part.bytes().total() as u64 <= memory_bytes_max, "{:?} of {memory_bytes_max}", part.bytes());
    }
}

#[test]
fn edges_are_the_steps_taken_again() {
    let relation = rollout(2);
    let graph = explored(&relation, &UNLIMITED);
    for id in (0..graph.len() as u32).step_by(997) {
        let steps = graph.steps(&relation, id);
        assert_eq!(graph.edges(id).count(), steps.len());
        for (edge, expanded) in graph.edges(id).zip(steps) {
            let mut next = graph.state(&relation, id);
            let effects = relation.apply(&mut next, expanded.step);
            assert_eq!(graph.find(&relation, &next), Some(edge.target));
            assert_eq!((edge.mover, edge.has_effects), (expanded.mover, !effects.is_empty()));
        }
    }
}

#[test]
fn memory_is_as_little_as_promised() {
    let graph = explored(&rollout(3), &UNLIMITED);
    let (bytes, states) = (graph.bytes(), graph.len() as f64);
    assert!((bytes.total() - bytes.edges) as f64 / states - 8.0 <= 16.0);
    assert!(bytes.edges as f64 / graph.transitions() as f64 <= 3.0);
}

#[test]
fn the_shortest_way_to_an_irrecoverable_state_is_found() {
    let relation = rollout(2);
    let graph = explored(&relation, &UNLIMITED);
    let goal = irrecoverable(&relation, &graph);
    let path = graph.shortest_path(&relation, graph.starts(), &goal, &|_, _| true).expect("there is one");
    assert_eq!(path.moves.len() as u32, goal.ones().map(|id| graph.depth(id as u32)).min().expect("there is one"));
    let mut state = relation.start()[0];
    for (id, step) in path.moves {
        assert_eq!(graph.find(&relation, &state), Some(id));
        relation.apply(&mut state, step);
    }
    assert_eq!(graph.find(&relation, &state), Some(path.end));
}
