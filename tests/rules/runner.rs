//! Runs the cases below `tests/rules`: reads the header of each and compares it with what the plan shows.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use turnback_scenarios::compile::{Compiled, Exploration, compile};
use turnback_sim::drivers::explore::Limits;
use turnback_sim::findings::judge::{Ends, Judgement, Reason, Subject, Verdict, Zone, judge};
use turnback_sim::findings::story::tell;
use turnback_sim::fleet::{Fleet, Kind};
use turnback_sim::relation::{At, Harm, Judged as _, Label, Mode};

#[path = "used.rs"]
mod used;

/// One line of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    pub key: String,
    pub value: String,
}

/// What one plan of a case is expected to show.
#[derive(Clone, Debug)]
struct Section {
    plan: Option<String>,
    expectations: Vec<Expectation>,
}

/// A scenario and its header.
struct Case {
    file: PathBuf,
    rules: String,
    sections: Vec<Section>,
}

/// What a plan shows, in the words of the header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub verdict: String,
    pub zones: String,
    pub reasons: BTreeSet<String>,
    /// In forward play: step and harm.
    pub harms: BTreeSet<(u16, String)>,
    /// In a rollback begun at that step: step and harm.
    pub rollback_harms: BTreeSet<(u16, String)>,
    pub charged: BTreeSet<String>,
    pub pre_existing: BTreeSet<String>,
    pub ends: Vec<String>,
    pub no_return: BTreeSet<String>,
    pub stalls: BTreeSet<u16>,
    pub promise_broken: BTreeSet<u16>,
    pub last_safe: String,
    /// What is declared and no path used.
    pub unused: BTreeSet<String>,
    /// Who met whom where.
    pub met: BTreeSet<String>,
    /// Who is declared to meet whom where, and does not.
    pub never_met: BTreeSet<String>,
    /// How many moves the story of each harm has.
    pub stories: BTreeSet<(u16, String)>,
    /// Position by position, and the stories.
    pub told: String,
}

const KEYS: &[&str] = &[
    "rule",
    "why",
    "plan",
    "verdict",
    "zones",
    "reason",
    "harm",
    "rollback-harm",
    "no-harm",
    "pre-existing",
    "rollback-ends",
    "no-return",
    "stalls",
    "no-stall",
    "promise",
    "last-safe",
    "unused",
    "met",
    "never-met",
    "only",
    "story",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules")
}

fn case_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            case_files(&path, into);
        } else if path.extension().is_some_and(|end| end == "yaml") {
            into.push(path);
        }
    }
}

fn parse(file: &Path, text: &str) -> Result<Case, String> {
    let mut case = Case { file: file.to_owned(), rules: String::new(), sections: vec![] };
    let mut section = Section { plan: None, expectations: vec![] };
    for line in text.lines().map_while(|line| line.strip_prefix('#')) {
        let Some((key, value)) = line.trim().split_once(':') else {
            continue;
        };
        let (key, value) = (key.trim(), value.trim().to_owned());
        if !KEYS.contains(&key) {
            return Err(format!("`{key}` is no key of a header"));
        }
        match key {
            "rule" => case.rules = value,
            "why" => {}
            "plan" => {
                if section.plan.is_some() || !section.expectations.is_empty() {
                    case.sections.push(section);
                }
                section = Section { plan: Some(value), expectations: vec![] };
            }
            _ => section.expectations.push(Expectation { key: key.to_owned(), value }),
        }
    }
    case.sections.push(section);
    if case.rules.is_empty() {
        return Err("no `# rule:`".into());
    }
    if case.sections.iter().any(|section| !section.expectations.iter().any(|line| line.key == "verdict")) {
        return Err("no `# verdict:`".into());
    }
    Ok(case)
}

fn symbol(zone: Zone) -> char {
    match zone {
        Zone::Rollback => '●',
        Zone::Forward => '▲',
        Zone::Repair => '◆',
        Zone::Undecided => '?',
        Zone::Irrecoverable => '✖',
    }
}

fn word(harm: Harm) -> &'static str {
    match harm {
        Harm::Reject => "reject",
        Harm::Crash => "crash",
        Harm::Misread => "misread",
        Harm::Drop => "drop",
        Harm::DeadLetter => "dead-letter",
        Harm::WriteFails => "write-fails",
        Harm::Stalled => "stalled",
        Harm::Loss => "loss",
        Harm::Unexplored => "unexplored",
    }
}

fn ends(ends: Ends) -> &'static str {
    match ends {
        Ends::Home => "home",
        Ends::Hurts => "hurts",
        Ends::Stuck => "stuck",
        Ends::Lost => "lost",
        Ends::Undecided => "undecided",
    }
}

/// `misread orders v2 orders.status`, with `-` for nobody.
fn label(compiled: &Compiled, label: &Label) -> String {
    let names = &compiled.names;
    let who = if label.actor == Label::NONE {
        "-".to_owned()
    } else {
        let actor = &names.actors[usize::from(compiled.definition.versions[usize::from(label.actor)].actor)];
        let version = &names.versions[usize::from(label.actor)];
        if version.is_empty() || version == actor { actor.clone() } else { format!("{actor} {version}") }
    };
    let mut text = format!("{} {who}", word(label.harm));
    if label.place != Label::NONE {
        write!(text, " {}", names.places[usize::from(label.place)]).unwrap();
        if label.field != Label::NONE {
            write!(text, ".{}", names.fields[usize::from(label.place)][usize::from(label.field)]).unwrap();
        }
    }
    text
}

/// `v2 writes orders`.
fn handler(compiled: &Compiled, handler: usize) -> String {
    let version = usize::from(compiled.definition.handlers[handler].version);
    format!("{} {}", compiled.names.versions[version], compiled.names.handlers[handler])
}

fn limits(threads: usize) -> Limits<'static> {
    Limits { states_max: 20_000_000, memory_bytes_max: 4 << 30, threads, stop: None }
}

/// `sliced`: check what does not touch separately (1.4).
fn look(compiled: &Compiled, text: &str, keys: usize, sliced: bool, threads: usize) -> Seen {
    let keys = keys.try_into().unwrap();
    let fleet = Fleet::new(compiled.definition.clone(), keys);
    let mut slices = vec![];
    if sliced {
        slices.extend(compiled.definition.slices().into_iter().map(|slice| Fleet::new(slice, keys)));
    }
    let judgement = judge(&fleet, &slices, &limits(threads), &mut |_| {});
    let mut seen = Seen {
        verdict: match judgement.verdict {
            Verdict::Safe => "safe",
            Verdict::Undecided => "undecided",
            Verdict::Unsafe => "unsafe",
        }
        .to_owned(),
        last_safe: judgement.last_safe_step.map_or("none".into(), |step| step.to_string()),
        pre_existing: judgement.pre_existing.iter().map(|one| label(compiled, one)).collect(),
        ..Seen::default()
    };
    let last = judgement.positions.iter().map(|found| found.position.step).max().unwrap();
    for step in 0..=last {
        let of_step = || judgement.positions.iter().filter(|found| found.position.step == step);
        seen.zones.push(of_step().map(|found| found.zone).max().map_or('-', symbol));
        seen.ends.push(of_step().map(|found| found.rollback_ends).max().map_or("-", ends).to_owned());
    }
    for found in &judgement.positions {
        let step = found.position.step;
        if let Some(reason) = found.reason {
            let reason = match reason {
                Reason::Lost => "lost",
                Reason::Stuck => "stuck",
                Reason::Luck => "luck",
                Reason::Hidden => "hidden",
            };
            seen.reasons.insert(format!("{step} {reason}"));
        }
        for harm in &found.harms {
            let text = label(compiled, &harm.label);
            if harm.charged {
                seen.charged.insert(text.clone());
            }
            let into = if harm.in_rollback { &mut seen.rollback_harms } else { &mut seen.harms };
            into.insert((step, text));
        }
    }
    for point in &judgement.no_return {
        let event = match &point.event {
            None => "step".to_owned(),
            Some((_, step)) => match step.kind {
                Kind::Request | Kind::Deliver | Kind::Continue => handler(compiled, usize::from(step.what)),
                kind => format!("{kind:?}").to_lowercase(),
            },
        };
        seen.no_return.insert(format!("{} {event}", point.step));
    }
    assert_eq!(judgement.verdict == Verdict::Unsafe, !judgement.findings.is_empty(), "unsafe with a story (V5)");
    for finding in &judgement.findings {
        let of = finding.slice.map_or(&fleet, |slice| &slices[slice]);
        assert!(tell(of, &finding.story.begins, &finding.story.moves).is_ok(), "a story replays (V6)");
        let moves = finding.story.moves.len() as u16;
        match finding.subject {
            Subject::Harm(harm) => seen.stories.insert((moves, label(compiled, &harm))),
            Subject::Stalls(position) => seen.stalls.insert(position.step),
            Subject::PromiseBroken(position) => seen.promise_broken.insert(position.step),
            _ => false,
        };
    }
    seen.unused = used::unused(compiled, &fleet, &judgement, text);
    (seen.met, seen.never_met) = used::pairs(compiled, &fleet, &judgement);
    seen.told = told(compiled, &fleet, &slices, &judgement);
    seen
}

/// Position by position, and the stories.
fn told(compiled: &Compiled, fleet: &Fleet, slices: &[Fleet], judgement: &Judgement<Fleet>) -> String {
    let mut text = String::new();
    for found in &judgement.positions {
        let at = match found.position.at {
            At::Start => "start",
            At::Canary => "canary",
            At::Mixed => "mixed",
            At::Done => "done",
        };
        let harms: Vec<_> = found
            .harms
            .iter()
            .map(|harm| {
                let whence = if harm.in_rollback { " (rollback)" } else { "" };
                let charged = if harm.charged { "" } else { " (not charged)" };
                format!("{}{whence}{charged}", label(compiled, &harm.label))
            })
            .collect();
        writeln!(
            text,
            "      {} {at:6} {} {}rollback ends: {}; {}",
            found.position.step,
            symbol(found.zone),
            found.reason.map_or(String::new(), |reason| format!("{reason:?} ")),
            ends(found.rollback_ends),
            harms.join(", ")
        )
        .unwrap();
    }
    for finding in judgement.findings.iter().take(3) {
        let subject = match finding.subject {
            Subject::Harm(harm) => label(compiled, &harm),
            other => format!("{other:?}"),
        };
        writeln!(text, "      story: {subject}").unwrap();
        let fleet = finding.slice.map_or(fleet, |slice| &slices[slice]);
        for told in tell(fleet, &finding.story.begins, &finding.story.moves).unwrap_or_default() {
            let step = told.step;
            let what = match step.kind {
                Kind::Request | Kind::Deliver | Kind::Continue => handler(compiled, usize::from(step.what)),
                _ => String::new(),
            };
            let effects: Vec<_> = told.effects.iter().map(|effect| label(compiled, effect)).collect();
            // Lines of a rollback are no positions.
            let forward = matches!(fleet.mode(&told.after), Mode::Forward { .. });
            let position = forward.then(|| fleet.position(&told.after));
            writeln!(
                text,
                "        {:?} {what} [{:?} {:?}] items {:?} {}",
                step.kind,
                position.map(|position| (position.step, position.at)),
                told.mover,
                told.after.keys.first().map(|key| &key.0.items),
                effects.join(", ")
            )
            .unwrap();
        }
    }
    text
}

fn step_and_rest(value: &str) -> (u16, String) {
    let (step, rest) = value.split_once(' ').unwrap_or((value, ""));
    (step.parse().unwrap_or(u16::MAX), rest.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A harm as written matches one that was seen: equal, or equal up to the field.
fn same(written: &str, seen: &str) -> bool {
    written == seen || seen.strip_prefix(written).is_some_and(|rest| rest.starts_with('.') || rest.starts_with(' '))
}

pub fn holds(expected: &Expectation, seen: &Seen) -> bool {
    let value = &expected.value;
    let (step, rest) = step_and_rest(value);
    match expected.key.as_str() {
        "verdict" => *value == seen.verdict,
        "zones" => *value == seen.zones,
        "reason" => seen.reasons.contains(value),
        "harm" => seen.harms.iter().any(|(at, harm)| *at == step && same(&rest, harm)),
        "rollback-harm" => seen.rollback_harms.iter().any(|(at, harm)| *at == step && same(&rest, harm)),
        "no-harm" if value == "any" => seen.charged.is_empty() && seen.harms.is_empty(),
        "no-harm" => !seen.harms.iter().chain(&seen.rollback_harms).any(|(_, harm)| same(value, harm)),
        "only" => seen.harms.iter().all(|(_, harm)| same(value, harm)),
        "pre-existing" if value == "none" => seen.pre_existing.is_empty(),
        "pre-existing" => seen.pre_existing.iter().any(|harm| same(value, harm)),
        "rollback-ends" => seen.ends.get(usize::from(step)) == Some(&rest),
        "no-return" if value == "none" => seen.no_return.is_empty(),
        "no-return" => seen.no_return.contains(value),
        "stalls" => seen.stalls.contains(&step),
        "no-stall" => seen.stalls.is_empty(),
        "promise" if value == "kept" => seen.promise_broken.is_empty(),
        "promise" => value.strip_prefix("broken").is_some_and(|at| {
            at.trim().parse().map_or(!seen.promise_broken.is_empty(), |step| seen.promise_broken.contains(&step))
        }),
        "last-safe" => *value == seen.last_safe,
        "story" => seen.stories.iter().any(|(moves, harm)| *moves == step && same(&rest, harm)),
        "unused" if value == "none" => seen.unused.is_empty(),
        "unused" => seen.unused.contains(value),
        "met" => seen.met.contains(value),
        "never-met" => seen.never_met.contains(value),
        _ => false,
    }
}

fn got(expected: &Expectation, seen: &Seen) -> String {
    match expected.key.as_str() {
        "verdict" => seen.verdict.clone(),
        "zones" => seen.zones.clone(),
        "reason" => format!("{:?}", seen.reasons),
        "rollback-harm" => format!("{:?}", seen.rollback_harms),
        "harm" | "no-harm" | "only" => format!("{:?}", seen.harms),
        "pre-existing" => format!("{:?}", seen.pre_existing),
        "rollback-ends" => format!("{:?}", seen.ends),
        "no-return" => format!("{:?}", seen.no_return),
        "stalls" | "no-stall" => format!("{:?}", seen.stalls),
        "promise" => format!("broken at {:?}", seen.promise_broken),
        "last-safe" => seen.last_safe.clone(),
        "story" => format!("{:?}", seen.stories),
        "unused" => format!("{:?}", seen.unused),
        "met" | "never-met" => format!("met {:?}, never {:?}", seen.met, seen.never_met),
        _ => String::new(),
    }
}

/// Everything that the case expects and that is not so.
fn disagreements(case: &Case, text: &str) -> Result<Vec<String>, String> {
    let name = case.file.display().to_string();
    let read = turnback_scenarios::read(&name, text.as_bytes()).map_err(|unreadable| {
        let said: Vec<_> = unreadable.diagnostics.iter().map(|one| format!("{:?}", one.message)).collect();
        format!("cannot be read: {}", said.join("; "))
    })?;
    let scenario = &read.scenario;
    let mut found = vec![];
    for section in &case.sections {
        let plan = match &section.plan {
            None if scenario.plans.is_empty() => None,
            None => Some(0),
            Some(name) => Some(
                scenario
                    .plans
                    .iter()
                    .position(|plan| plan.name.as_ref().is_some_and(|given| given.value == *name))
                    .ok_or(format!("no plan {name}"))?,
            ),
        };
        let compiled = |replicas| {
            compile(scenario, plan, Exploration { replicas }).map_err(|refused| {
                let said: Vec<_> = refused.into_iter().map(|(said, _)| said).collect();
                format!("refused: {}", said.join("; "))
            })
        };
        let seen = look(&compiled(None)?, text, 1, true, 1);
        let which = section.plan.as_ref().map_or(String::new(), |plan| format!("plan {plan}: "));
        let before = found.len();
        for expected in &section.expectations {
            if !holds(expected, &seen) {
                let Expectation { key, value } = expected;
                found.push(format!("    {which}{key}: expected {value}, got {}", got(expected, &seen)));
            }
        }
        for (replicas, keys, sliced) in [(Some(3), 1, true), (Some(4), 1, true), (None, 2, true), (None, 1, false)] {
            let other = look(&compiled(replicas)?, text, keys, sliced, 1);
            // What happens to one of two items leaves the other one as it was.
            let met = if keys == 1 { other.met == seen.met } else { other.met.is_superset(&seen.met) };
            if (&other.verdict, &other.zones) != (&seen.verdict, &seen.zones) || !met {
                let replicas = replicas.map_or("declared".to_owned(), |replicas: u32| replicas.to_string());
                found.push(format!(
                    "    {which}with {replicas} replicas, {keys} keys, sliced {sliced}: {} {} {:?}, not {} {} {:?}",
                    other.verdict, other.zones, other.met, seen.verdict, seen.zones, seen.met
                ));
            }
        }
        if look(&compiled(None)?, text, 1, true, 2) != seen {
            found.push(format!("    {which}two threads say something else"));
        }
        if found.len() > before {
            found.push(seen.told);
        }
    }
    Ok(found)
}

/// Every case, in order.
pub fn cases() -> Vec<PathBuf> {
    let mut files = vec![];
    case_files(&folder(), &mut files);
    files.sort();
    // For work on a few cases: RULES=schema cargo test --test rules
    if let Ok(wanted) = std::env::var("RULES") {
        files.retain(|file| wanted.split(',').any(|part| file.to_string_lossy().contains(part)));
    }
    files
}

/// `schema/drop-of-a-fact`.
pub fn name(case: &Path) -> String {
    case.strip_prefix(folder()).unwrap().with_extension("").display().to_string()
}

/// Whether the case is about that rule.
pub fn is_about(case: &Path, rule: &str) -> bool {
    let read = parse(case, &std::fs::read_to_string(case).unwrap());
    read.is_ok_and(|read| read.rules.split(',').any(|one| one.trim() == rule))
}

/// Everything that the header of a case says and that is not so; a panic is a disagreement too.
pub fn compare(case: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(case).unwrap();
    let outcome = parse(case, &text)
        .and_then(|read| std::panic::catch_unwind(|| disagreements(&read, &text)).unwrap_or(Err("it panicked".into())));
    match outcome {
        Ok(said) if said.is_empty() => Ok(()),
        Ok(said) => Err(said.join("\n")),
        Err(said) => Err(format!("    {said}")),
    }
}

/// V5: never "safe" from a truncated search, nor any way out. Asserts that of every case, and says of how many the search was cut short.
pub fn cut_short(cases: &[PathBuf]) -> usize {
    let mut truncated = 0;
    for file in cases {
        let text = std::fs::read(file).unwrap();
        let Ok(read) = turnback_scenarios::read("case", &text) else { continue };
        let plan = (!read.scenario.plans.is_empty()).then_some(0);
        let Ok(compiled) = compile(&read.scenario, plan, Exploration::default()) else { continue };
        let fleet = Fleet::new(compiled.definition.clone(), 1);
        let judged = |states_max| judge(&fleet, &[], &Limits { states_max, ..limits(1) }, &mut |_| {});
        let few = judged(15);
        // There is more to see than was allowed: the engine need not be asked whether it was cut short.
        if judged(60).states > few.states {
            truncated += 1;
            assert!(!few.complete && few.verdict != Verdict::Safe, "{}", file.display());
            assert!(few.positions.iter().all(|here| here.zone >= Zone::Undecided), "{}", file.display());
        }
    }
    truncated
}
