//! The canonical question has known answers.

#[path = "canonical/mod.rs"]
mod rollout;

use rollout::Rollout;
use turnback_sim::drivers::explore::{Graph, Limits, explore};
use turnback_sim::findings::works::{can_reach, states};
use turnback_sim::relation::Relation;

fn limits() -> Limits<'static> {
    Limits { states_max: u64::MAX, memory_bytes_max: u64::MAX, threads: 1, stop: None }
}

fn explored(relation: &Rollout, limits: &Limits) -> Graph {
    explore(relation, &relation.start(), &|_| true, limits, &mut |_| ())
}

#[test]
fn states_are_as_known() {
    for (replicas, states) in [(2, 128_363), (3, 465_275), (4, 1_681_519)] {
        let graph = explored(&Rollout { replicas, messages_max: 2 }, &limits());
        assert_eq!((graph.len(), graph.complete), (states, true));
    }
}

#[test]
fn irrecoverable_states_are_as_known() {
    for (replicas, irrecoverable) in [(2, 81_672), (3, 267_904), (4, 911_572)] {
        let relation = Rollout { replicas, messages_max: 2 };
        let graph = explored(&relation, &limits());
        let healthy = states(&graph, |id| relation.healthy(graph.state(&relation, *id)));
        let recoverable = can_reach(&graph, &healthy, &states(&graph, |_| true), &|_, _| true);
        assert_eq!(graph.len() - recoverable.count_ones(..), irrecoverable);
    }
}
