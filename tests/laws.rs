//! Laws over the examples: what must not depend on how much is explored.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use turnback_scenarios::compile::{Exploration, compile};
use turnback_scenarios::read;
use turnback_sim::drivers::explore::Limits;
use turnback_sim::findings::judge::{Ends, HarmAt, Judgement, Verdict, Zone, judge};
use turnback_sim::findings::meetings::Meeting;
use turnback_sim::findings::story::tell;
use turnback_sim::fleet::Fleet;
use turnback_sim::relation::Position;

/// How much is explored.
#[derive(Clone, Copy)]
struct Size {
    replicas: Option<u32>,
    keys: u32,
    threads: usize,
    sliced: bool,
}

const PLAIN: Size = Size { replicas: None, keys: 1, threads: 1, sliced: true };

/// Everything that is said of a plan and must not depend on the size, except which replica counts exist.
#[derive(PartialEq, Eq, Debug)]
struct Said {
    verdict: Verdict,
    positions: Vec<(Position, Zone, Ends, Vec<HarmAt>)>,
    last_safe_step: Option<u16>,
    parked: Vec<(Position, bool, bool)>,
    /// Who met whom.
    meetings: BTreeSet<Meeting>,
}

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/library/start");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 6);
    files
}

/// Judges every plan of a scenario; every story found is told again on the way.
fn judged(text: &str, size: Size) -> Vec<(Judgement<Fleet>, Vec<Fleet>)> {
    let scenario = read("example.yaml", text.as_bytes()).expect("an example is a scenario").scenario;
    let limits = Limits { states_max: 3_000_000, memory_bytes_max: 2 << 30, threads: size.threads, stop: None };
    let plans = 0..scenario.plans.len();
    plans
        .map(|plan| {
            let compiled = compile(&scenario, Some(plan), Exploration { replicas: size.replicas }).expect("supported");
            let whole = Fleet::new(compiled.definition.clone(), size.keys);
            let parts = if size.sliced { compiled.definition.slices() } else { vec![] };
            let slices: Vec<Fleet> = parts.into_iter().map(|part| Fleet::new(part, size.keys)).collect();
            let judgement = judge(&whole, &slices, &limits, &mut |_| {});
            (judgement, std::iter::once(whole).chain(slices).collect())
        })
        .collect()
}

fn said(judgement: &Judgement<Fleet>) -> Said {
    let positions = judgement.positions.iter();
    Said {
        verdict: judgement.verdict,
        positions: positions
            .map(|found| (found.position, found.zone, found.rollback_ends, found.harms.clone()))
            .collect(),
        last_safe_step: judgement.last_safe_step,
        parked: judgement.positions.iter().map(|at| (at.position, at.parks, at.rollback_parks)).collect(),
        meetings: judgement.meetings.clone(),
    }
}

fn all_said(text: &str, size: Size) -> Vec<Said> {
    judged(text, size).iter().map(|(judgement, _)| said(judgement)).collect()
}

fn hold(sizes: &[Size], change: fn(&str) -> String) {
    for file in examples() {
        let text = std::fs::read_to_string(&file).unwrap();
        let plain = all_said(&text, PLAIN);
        for size in sizes {
            assert_eq!(all_said(&change(&text), *size), plain, "{}", file.display());
        }
    }
}

fn same(text: &str) -> String {
    text.to_owned()
}

#[test]
fn two_and_three_keys_say_what_one_says() {
    hold(&[Size { keys: 2, ..PLAIN }, Size { keys: 3, ..PLAIN }], same);
}

#[test]
fn four_replicas_say_what_three_say() {
    hold(&[Size { replicas: Some(3), ..PLAIN }, Size { replicas: Some(4), ..PLAIN }], same);
}

#[test]
fn ten_thousand_replicas_are_explored_as_three() {
    let many = |text: &str| text.replace("replicas: 6", "replicas: 10000").replace("replicas: 8", "replicas: 10000");
    hold(&[PLAIN], many);
}

#[test]
fn slices_say_what_the_whole_says() {
    hold(&[Size { sliced: false, ..PLAIN }], same);
}

#[test]
fn threads_say_what_one_says() {
    hold(&[Size { threads: 2, ..PLAIN }, Size { threads: 3, sliced: false, ..PLAIN }], same);
}

/// Two replicas cannot show three versions at once, so positions between the first and the last are missing; what is
/// said of the plan as a whole stays.
#[test]
fn two_replicas_give_the_same_verdict_where_three_versions_never_meet() {
    for file in examples() {
        let text = std::fs::read_to_string(&file).unwrap();
        for (two, three) in all_said(&text, Size { replicas: Some(2), ..PLAIN }).iter().zip(all_said(&text, PLAIN)) {
            assert_eq!((two.verdict, two.last_safe_step), (three.verdict, three.last_safe_step), "{}", file.display());
        }
    }
}

#[test]
fn every_story_replays_and_ends_in_harm() {
    let mut told = 0;
    for file in examples() {
        let text = std::fs::read_to_string(&file).unwrap();
        for (judgement, mut fleets) in judged(&text, PLAIN) {
            for finding in &judgement.findings {
                let fleet = &mut fleets[finding.slice.map_or(0, |slice| slice + 1)];
                turnback_sim::relation::Judged::forgive(fleet, &judgement.pre_existing);
                let moves = tell(fleet, &finding.story.begins, &finding.story.moves).expect("a story replays");
                let last = moves.last().expect("a story has moves");
                assert!(!last.effects.is_empty(), "{}: {:?}", file.display(), finding.subject);
                told += 1;
            }
        }
    }
    assert!(told >= 7, "the unsafe examples have stories: {told}");
}
