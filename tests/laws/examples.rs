//! Laws over the examples: what must not depend on how much is explored, and what a plain search finds too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use turnback_scenarios::compile::{Exploration, compile};
use turnback_scenarios::read;
use turnback_sim::drivers::explore::{Limits, explore};
use turnback_sim::findings::judge::{Ends, HarmAt, Judgement, Subject, Verdict, Zone, judge};
use turnback_sim::findings::meetings::Meeting;
use turnback_sim::findings::story::tell;
use turnback_sim::fleet::Fleet;
use turnback_sim::fleet::state::State;
use turnback_sim::relation::{Judged as _, Label, Mover, Operator, Position, Relation as _};

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

/// Judges every plan of a scenario; every story found is told again on the way, in the slice that it names.
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
            let mut fleets: Vec<Fleet> = std::iter::once(whole).chain(slices).collect();
            fleets.iter_mut().for_each(|fleet| fleet.forgive(&judgement.pre_existing));
            for finding in &judgement.findings {
                let fleet = &fleets[finding.slice.map_or(0, |slice| slice + 1)];
                let moves = tell(fleet, &finding.story.begins, &finding.story.moves).expect("a story replays");
                let last = moves.last().expect("a story has moves");
                assert!(!last.effects.is_empty(), "{:?} ends in no harm", finding.subject);
            }
            (judgement, fleets)
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

pub fn two_and_three_keys_say_what_one_says() {
    hold(&[Size { keys: 2, ..PLAIN }, Size { keys: 3, ..PLAIN }], same);
}

pub fn four_replicas_say_what_three_say() {
    hold(&[Size { replicas: Some(3), ..PLAIN }, Size { replicas: Some(4), ..PLAIN }], same);
}

pub fn ten_thousand_replicas_are_explored_as_three() {
    let many = |text: &str| text.replace("replicas: 6", "replicas: 10000").replace("replicas: 8", "replicas: 10000");
    hold(&[PLAIN], many);
}

pub fn slices_say_what_the_whole_says() {
    hold(&[Size { sliced: false, ..PLAIN }], same);
}

pub fn threads_say_what_one_says() {
    hold(&[Size { threads: 2, ..PLAIN }, Size { threads: 3, sliced: false, ..PLAIN }], same);
}

/// Two replicas cannot show three versions at once, so positions between the first and the last are missing; what is
/// said of the plan as a whole stays.
pub fn two_replicas_give_the_same_verdict_where_three_versions_never_meet() {
    for file in examples() {
        let text = std::fs::read_to_string(&file).unwrap();
        for (two, three) in all_said(&text, Size { replicas: Some(2), ..PLAIN }).iter().zip(all_said(&text, PLAIN)) {
            assert_eq!((two.verdict, two.last_safe_step), (three.verdict, three.last_safe_step), "{}", file.display());
        }
    }
}

pub fn every_story_replays_and_ends_in_harm() {
    let text = |file| std::fs::read_to_string(file).unwrap();
    let told = |file| judged(&text(file), PLAIN).iter().map(|(judgement, _)| judgement.findings.len()).sum::<usize>();
    let told: usize = examples().into_iter().map(told).sum();
    assert!(told >= 7, "the unsafe examples have stories: {told}");
}

/// What a search without tricks finds: whole states are kept and compared, and packed ones read back.
struct Plain {
    states: usize,
    transitions: u64,
    /// Each thing that happens, and the fewest moves to it.
    happens: Vec<(Label, usize)>,
}

fn plain_search(fleet: &Fleet, keep: impl Fn(Mover) -> bool) -> Plain {
    let mut known: BTreeMap<Vec<u8>, State> = BTreeMap::new();
    let mut plain = Plain { states: 0, transitions: 0, happens: vec![] };
    let mut meet = |state: State, next: &mut Vec<State>| {
        let mut packed = vec![];
        fleet.pack(&state, &mut packed);
        assert_eq!(fleet.unpack(&packed).as_ref(), Some(&state), "what is packed can be read back");
        match known.get(&packed) {
            Some(other) => assert_eq!(*other, state, "different states are packed differently"),
            None => {
                known.insert(packed, state.clone());
                next.push(state);
            }
        }
    };
    let mut level = vec![];
    fleet.start().into_iter().for_each(|state| meet(state, &mut level));
    let mut depth = 0;
    while !level.is_empty() {
        depth += 1;
        plain.states += level.len();
        let mut next = vec![];
        for state in level {
            let mut steps = vec![];
            fleet.enabled(&state, &mut steps);
            for step in steps.into_iter().filter(|step| keep(fleet.mover(&state, *step))) {
                let mut after = state.clone();
                for label in fleet.apply(&mut after, step) {
                    if !plain.happens.iter().any(|(known, _)| *known == label) {
                        plain.happens.push((label, depth));
                    }
                }
                plain.transitions += 1;
                meet(after, &mut next);
            }
        }
        level = next;
    }
    plain
}

fn fleets(file: &Path) -> Vec<Fleet> {
    let text = std::fs::read_to_string(file).unwrap();
    let scenario = read("example.yaml", text.as_bytes()).expect("an example is a scenario").scenario;
    let plans = 0..scenario.plans.len();
    let compiled = plans.map(|plan| compile(&scenario, Some(plan), Exploration::default()).expect("supported"));
    compiled.map(|compiled| Fleet::new(compiled.definition, 1)).collect()
}

fn in_the_plan(mover: Mover) -> bool {
    matches!(
        mover,
        Mover::Fair | Mover::Possible | Mover::Operator(Operator::Forward) | Mover::Operator(Operator::ForwardOverRows)
    )
}

fn in_the_rollback(mover: Mover) -> bool {
    let operators = [Operator::Abort, Operator::Rollback, Operator::RollbackOverRows];
    in_the_plan(mover) || operators.map(Mover::Operator).contains(&mover)
}

/// The same states and the same number of moves, whatever the table and the threads are like.
pub fn the_explorer_finds_what_a_plain_search_finds() {
    for fleet in examples().iter().flat_map(|file| fleets(file)) {
        let plain = plain_search(&fleet, in_the_rollback);
        for threads in [1, 2] {
            let limits = Limits { states_max: 3_000_000, memory_bytes_max: 2 << 30, threads, stop: None };
            let graph = explore(&fleet, &fleet.start(), &in_the_rollback, &limits, &mut |_| {});
            assert!(graph.complete);
            assert_eq!((graph.len(), graph.transitions()), (plain.states, plain.transitions), "{threads} threads");
        }
    }
}

/// V6: a story of harm in forward play has no more moves than the way that a plain search finds.
pub fn no_shorter_story_exists() {
    let mut compared = 0;
    for file in examples() {
        let text = std::fs::read_to_string(&file).unwrap();
        for (judgement, fleets) in judged(&text, PLAIN) {
            for finding in &judgement.findings {
                let fleet = &fleets[finding.slice.map_or(0, |slice| slice + 1)];
                let moves = tell(fleet, &finding.story.begins, &finding.story.moves).expect("a story replays");
                let Subject::Harm(harm) = finding.subject else { continue };
                if !moves.iter().all(|told| in_the_plan(told.mover)) {
                    continue;
                }
                let plain = plain_search(fleet, in_the_plan);
                let ways = plain.happens.iter().filter(|(label, _)| label.same_harm(&harm)).map(|(_, depth)| *depth);
                assert_eq!(Some(moves.len()), ways.min(), "{}: {harm:?}", file.display());
                compared += 1;
            }
        }
    }
    assert!(compared >= 2, "the unsafe examples have stories in forward play: {compared}");
}
