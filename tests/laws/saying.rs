//! What is said of a scenario, at any size and by a plain search, and the laws that hold of any files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use turnback_scenarios::compile::{Exploration, compile};
use turnback_scenarios::read;
use turnback_sim::drivers::explore::{Limits, explore};
use turnback_sim::findings::judge::{Ends, Finding, HarmAt, Judgement, Reason, Subject, Verdict, Zone, judge};
use turnback_sim::findings::meetings::Meeting;
use turnback_sim::findings::story::tell;
use turnback_sim::fleet::Fleet;
use turnback_sim::fleet::state::State;
use turnback_sim::relation::{Harm, Judged as _, Label, Mover, Operator, Position, Relation as _};

/// How much is explored.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub replicas: Option<u32>,
    pub keys: u32,
    pub threads: usize,
    pub sliced: bool,
}

pub const PLAIN: Size = Size { replicas: None, keys: 1, threads: 1, sliced: true };

/// A position, its zone and why, where its rollback ends, and who can be hurt.
pub type Place = (Position, Zone, Option<Reason>, Ends, Vec<HarmAt>);

/// Everything that is said of a plan and must not depend on the size, except which replica counts exist.
#[derive(PartialEq, Eq, Debug)]
pub struct Said {
    pub verdict: Verdict,
    pub positions: Vec<Place>,
    pub last_safe_step: Option<u16>,
    pub parked: Vec<(Position, bool, bool)>,
    /// Who met whom.
    pub meetings: BTreeSet<Meeting>,
}

/// Judges every plan of a scenario; every story found is told again on the way, in the slice that it names.
pub fn judged(text: &str, size: Size) -> Vec<(Judgement<Fleet>, Vec<Fleet>)> {
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
                check_story(fleet, finding);
            }
            (judgement, fleets)
        })
        .collect()
}

/// A story replays, and it shows what it is about.
fn check_story(fleet: &Fleet, finding: &Finding<Fleet>) {
    let (begins, subject) = (&finding.story.begins, finding.subject);
    let moves = tell(fleet, begins, &finding.story.moves).expect("a story replays");
    let states: Vec<&State> = std::iter::once(begins).chain(moves.iter().map(|told| &told.after)).collect();
    let end = states.last().expect("a story begins somewhere");
    let is = |label: &Label, harm: Label| label.same_harm(&harm);
    let shows = match subject {
        Subject::Harm(harm) if harm.harm == Harm::Stalled => fleet.waiting(end).iter().any(|label| is(label, harm)),
        Subject::Harm(harm) => moves.last().is_some_and(|told| told.effects.iter().any(|label| is(label, harm))),
        Subject::Irrecoverable(at) | Subject::PromiseBroken(at) => {
            states.iter().any(|state| fleet.position(state) == at)
        }
        Subject::Stalls(at) => fleet.position(end) == at,
    };
    assert!(shows, "the story of {subject:?} does not show it");
}

fn said(judgement: &Judgement<Fleet>) -> Said {
    let positions = judgement.positions.iter();
    Said {
        verdict: judgement.verdict,
        positions: positions
            .map(|found| (found.position, found.zone, found.reason, found.rollback_ends, found.harms.clone()))
            .collect(),
        last_safe_step: judgement.last_safe_step,
        parked: judgement.positions.iter().map(|at| (at.position, at.parks, at.rollback_parks)).collect(),
        meetings: judgement.meetings.clone(),
    }
}

pub fn all_said(text: &str, size: Size) -> Vec<Said> {
    judged(text, size).iter().map(|(judgement, _)| said(judgement)).collect()
}

/// The same is said of every file, changed and unchanged, at every one of `sizes`.
pub fn hold(files: &[PathBuf], sizes: &[Size], change: fn(&str) -> String) {
    let mut differ = vec![];
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        let plain = all_said(&text, PLAIN);
        for size in sizes {
            let found = difference(&all_said(&change(&text), *size), &plain);
            differ.extend(found.map(|found| format!("{} at {size:?}: {found}", file.display())));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// Where two things that should be equal are not, in their own words.
pub fn difference<T: PartialEq + Debug>(one: &T, other: &T) -> Option<String> {
    if one == other {
        return None;
    }
    let (one, other) = (format!("{one:#?}"), format!("{other:#?}"));
    let pairs = || one.lines().zip(other.lines()).enumerate();
    let at = pairs().find(|(_, (one, other))| one != other).map_or(0, |(number, _)| number);
    let around =
        |text: &str| text.lines().skip(at.saturating_sub(12)).take(16).map(str::trim).collect::<Vec<_>>().join(" ");
    Some(format!("{}\nis not\n{}", around(&one), around(&other)))
}

pub fn same(text: &str) -> String {
    text.to_owned()
}

/// Every story is told again and ends in harm; how many there are.
pub fn stories(files: &[PathBuf]) -> usize {
    let text = |file| std::fs::read_to_string(file).unwrap();
    let told = |file| judged(&text(file), PLAIN).iter().map(|(judgement, _)| judgement.findings.len()).sum::<usize>();
    files.iter().map(told).sum()
}

/// The same states and the same number of moves, whatever the table and the threads are like.
pub fn explored_as_by_a_plain_search(files: &[PathBuf]) {
    for file in files {
        for fleet in fleets(file) {
            let plain = plain_search(&fleet, in_the_rollback);
            for threads in [1, 2] {
                let limits = Limits { states_max: 3_000_000, memory_bytes_max: 2 << 30, threads, stop: None };
                let graph = explore(&fleet, &fleet.start(), &in_the_rollback, &limits, &mut |_| {});
                assert!(graph.complete);
                let explored = (graph.len(), graph.transitions());
                assert_eq!(explored, (plain.states, plain.transitions), "{}, {threads} threads", file.display());
            }
        }
    }
}

/// V6: a story of harm in forward play has no more moves than the way that a plain search finds; how many were compared.
pub fn shortest_stories(files: &[PathBuf]) -> usize {
    let mut compared = 0;
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        for (judgement, fleets) in judged(&text, PLAIN) {
            for finding in &judgement.findings {
                let fleet = &fleets[finding.slice.map_or(0, |slice| slice + 1)];
                let moves = tell(fleet, &finding.story.begins, &finding.story.moves).expect("a story replays");
                let Subject::Harm(harm) = finding.subject else { continue };
                if harm.harm == Harm::Stalled || !moves.iter().all(|told| in_the_plan(told.mover)) {
                    continue;
                }
                let plain = plain_search(fleet, in_the_plan);
                let ways = plain.happens.iter().filter(|(label, _)| label.same_harm(&harm)).map(|(_, depth)| *depth);
                assert_eq!(Some(moves.len()), ways.min(), "{}: {harm:?}", file.display());
                compared += 1;
            }
        }
    }
    compared
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

pub fn fleets(file: &Path) -> Vec<Fleet> {
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

pub fn in_the_rollback(mover: Mover) -> bool {
    let operators = [Operator::Abort, Operator::Rollback, Operator::RollbackOverRows];
    in_the_plan(mover) || operators.map(Mover::Operator).contains(&mover)
}
