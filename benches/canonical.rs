//! quick
#[path = "../sim/tests/canonical/mod.rs"]
mod rollout;
use rollout::Rollout;
use std::time::Instant;
use turnback_sim::drivers::explore::{Limits, explore};
use turnback_sim::relation::Relation;

fn main() {
    let args: Vec<u64> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let relation = Rollout { replicas: args[0], messages_max: 2 };
    let limits = Limits { states_max: u64::MAX, memory_bytes_max: u64::MAX, threads: args[1] as usize, stop: None };
    let t = Instant::now();
    let g = explore(&relation, &relation.start(), &|_| true, &limits, &mut |_| ());
    let s = t.elapsed().as_secs_f64();
    let b = g.bytes();
    println!(
        "N={} states={} trans={} levels={} secs={:.3} states/s={:.0} ns/edge={:.1} overhead B/state={:.2} B/edge={:.3}",
        args[0], g.len(), g.transitions(), g.depth(g.len() as u32 - 1), s, g.len() as f64 / s, s * 1e9 / g.transitions() as f64,
        (b.visited + b.edge_ends + b.states - 8 * g.len()) as f64 / g.len() as f64,
        b.edges as f64 / g.transitions() as f64
    );
}
