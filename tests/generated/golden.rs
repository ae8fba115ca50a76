//! What is said of every file, and the states in their order, as digests that must not change unnoticed.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use turnback_sim::drivers::explore::{Limits, explore};
use turnback_sim::fleet::Fleet;
use turnback_sim::relation::Relation as _;

use crate::corpus::{files, folder, name};
use crate::saying::{PLAIN, Size, in_the_rollback, judged};

fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes everything");
        hex
    })
}

/// The packed states, each with its length before it, in the order in which they were numbered.
fn states(fleet: &Fleet, threads: usize) -> (usize, u64, String) {
    let limits = Limits { states_max: 3_000_000, memory_bytes_max: 2 << 30, threads, stop: None };
    let graph = explore(fleet, &fleet.start(), &in_the_rollback, &limits, &mut |_| {});
    let mut digest = Sha256::new();
    for id in 0..graph.len() as u32 {
        let packed = graph.packed(id);
        digest.update((packed.len() as u64).to_le_bytes());
        digest.update(packed);
    }
    (graph.len(), graph.transitions(), hex(&digest.finalize()))
}

/// A file has one plan: name, states, transitions, the digest of what is said and that of the states.
fn line(file: &Path, text: &str, threads: usize) -> String {
    let plans = judged(text, Size { threads, ..PLAIN });
    let [(judgement, fleets)] = &plans[..] else { panic!("{} has one plan", file.display()) };
    let mut said = format!("{:?} {:?}\n", judgement.verdict, judgement.last_safe_step);
    for found in &judgement.positions {
        let (position, ends) = (found.position, found.rollback_ends);
        writeln!(said, "{position:?} {:?} {:?} {ends:?} {:?}", found.zone, found.reason, found.harms)
            .expect("a string takes everything");
    }
    let (length, transitions, states) = states(&fleets[0], threads);
    format!("{} {length} {transitions} {} {states}\n", name(file), hex(&Sha256::digest(said)))
}

pub fn what_is_said_is_what_was_said() {
    let golden = folder().join("golden.txt");
    let mut now = String::new();
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        let alone = line(&file, &text, 1);
        for threads in [2, 3, 7] {
            assert_eq!(line(&file, &text, threads), alone, "{} with {threads} threads", file.display());
        }
        now += &alone;
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&golden, &now).unwrap();
    }
    let then = std::fs::read_to_string(&golden).unwrap_or_default();
    let differ: Vec<String> = now
        .lines()
        .map(|now| (now, then.lines().find(|then| then.split(' ').next() == now.split(' ').next())))
        .filter(|(now, then)| *then != Some(*now))
        .map(|(now, then)| format!("was {}\nis  {now}", then.unwrap_or("not there")))
        .collect();
    let renewed = "if this is meant, renew it with UPDATE=1 cargo test --test generated, and read the difference";
    assert!(differ.is_empty(), "{}\n{renewed}", differ.join("\n"));
    assert_eq!(now.lines().count(), then.lines().count(), "golden.txt names files that are not there; {renewed}");
}
