//! The canonical question, measured: `cargo bench --bench canonical`.
//!
//! Prints a row per number of replicas, given as arguments (default 2 to 5), and asserts the known counts. Times are CPU
//! seconds of one thread where the system tells them, else seconds of a clock; the gain of a second thread is always
//! told by the clock, so it needs an idle machine.

#[path = "../sim/tests/canonical/mod.rs"]
mod rollout;

use rollout::Rollout;
use std::sync::LazyLock;
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
    println!(
        "| N | states | moves | s | M states/s | ns/move | B/state beside | B/move | zones s | zones/s | 2 threads |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    chosen.into_iter().for_each(row);
}

fn row(replicas: u64) {
    let relation = Rollout { replicas, messages_max: 2 };
    let (seconds, graph) = median(cpu, || explored(&relation, 1));
    let (zones, irrecoverable) = median(cpu, || irrecoverable(&relation, &graph));
    check(&STATES, replicas, graph.len());
    check(&IRRECOVERABLE, replicas, irrecoverable);
    let (bytes, states, moves) = (graph.bytes(), graph.len() as f64, graph.transitions() as f64);
    drop(graph);
    let (alone, _) = median(clock, || explored(&relation, 1).len());
    let (together, _) = median(clock, || explored(&relation, 2).len());
    println!(
        "| {replicas} | {states} | {moves} | {seconds:.2} | {:.2} | {:.0} | {:.1} | {:.2} | {zones:.2} | {:.2} | {:.2}x |",
        states / seconds / 1e6,
        seconds / moves * 1e9,
        (bytes.total() - bytes.edges) as f64 / states - 8.0,
        bytes.edges as f64 / moves,
        zones / seconds,
        alone / together,
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

/// Seconds since some moment.
fn clock() -> f64 {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGIN.elapsed().as_secs_f64()
}

/// CPU seconds of this thread if the system tells them, else [`clock`].
fn cpu() -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|told| told.split_whitespace().next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(clock, |nanoseconds| nanoseconds / 1e9)
}

/// The median of how long some runs take by `now`, and what the last one gave.
fn median<T>(now: fn() -> f64, mut run: impl FnMut() -> T) -> (f64, T) {
    let mut timed = || {
        let begin = now();
        let given = run();
        (now() - begin, given)
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
