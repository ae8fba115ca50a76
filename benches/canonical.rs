//! The canonical question, measured: `cargo bench --bench canonical`.
//!
//! Prints a row per number of replicas, given as arguments (default 2 to 5), and asserts the known counts.

#[path = "../sim/tests/canonical/mod.rs"]
mod rollout;

use rollout::Rollout;
use std::time::Instant;
use turnback_sim::drivers::explore::{Graph, Limits, explore};
use turnback_sim::findings::works::{can_reach, states};
use turnback_sim::relation::Relation;

/// Replicas and states at two messages in flight.
const STATES: [(u64, usize); 5] = [(2, 128_363), (3, 465_275), (4, 1_681_519), (5, 6_127_691), (6, 22_592_295)];
/// Replicas and states from which no path leads to a healthy one.
const IRRECOVERABLE: [(u64, usize); 3] = [(2, 81_672), (3, 267_904), (4, 911_572)];
/// Runs of which the median counts.
const RUNS: usize = 3;

fn main() {
    let mut chosen: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    if chosen.is_empty() {
        chosen = vec![2, 3, 4, 5];
    }
    println!("| N | states | moves | s | M states/s | ns/move | B/state beside | B/move | 2 threads | zones s | zones/exploration |");
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    chosen.into_iter().for_each(row);
}

fn row(replicas: u64) {
    let relation = Rollout { replicas, messages_max: 2 };
    let (seconds, graph) = median(|| explored(&relation, 1));
    let (seconds_two, _) = median(|| explored(&relation, 2));
    let (zones, irrecoverable) = median(|| irrecoverable(&relation, &graph));
    check(&STATES, replicas, graph.len());
    check(&IRRECOVERABLE, replicas, irrecoverable);
    let (bytes, states, moves) = (graph.bytes(), graph.len() as f64, graph.transitions() as f64);
    println!(
        "| {replicas} | {states} | {moves} | {seconds:.2} | {:.2} | {:.0} | {:.1} | {:.2} | {:.2}x | {zones:.2} | {:.2} |",
        states / seconds / 1e6,
        seconds / moves * 1e9,
        (bytes.total() - bytes.edges) as f64 / states - 8.0,
        bytes.edges as f64 / moves,
        seconds / seconds_two,
        zones / seconds,
    );
}

fn explored(relation: &Rollout, threads: usize) -> Graph {
    let limits = Limits { states_max: u64::MAX, memory_bytes_max: u64::MAX, threads, stop: None };
    explore(relation, &relation.start(), &|_| true, &limits, &mut |_| ())
}

fn irrecoverable(relation: &Rollout, graph: &Graph) -> usize {
    let healthy = states(graph, |id| relation.healthy(graph.state(relation, *id)));
    graph.len() - can_reach(graph, &healthy, &states(graph, |_| true), &|_, _| true).count_ones(..)
}

fn check(known: &[(u64, usize)], replicas: u64, found: usize) {
    if let Some((_, expected)) = known.iter().find(|(of, _)| *of == replicas) {
        assert_eq!(found, *expected, "a count at {replicas} replicas");
    }
}

/// The median time of some runs in seconds, and what the last one gave.
fn median<T>(mut run: impl FnMut() -> T) -> (f64, T) {
    let mut timed = || {
        let begin = Instant::now();
        let given = run();
        (begin.elapsed().as_secs_f64(), given)
    };
    let (first, mut last) = timed();
    let mut seconds = vec![first];
    while seconds.len() < RUNS {
        let (next, given) = timed();
        seconds.push(next);
        last = given;
    }
    seconds.sort_by(f64::total_cmp);
    (seconds[RUNS / 2], last)
}
