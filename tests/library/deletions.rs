//! Guards, floors, drains, flushes and verifications, taken away one by one from the plans that are safe.

use std::fmt::Write as _;
use std::fs;

use turnback_scenarios::compile::{Compiled, Exploration, compile};
use turnback_scenarios::read;
use turnback_sim::drivers::explore::Limits;
use turnback_sim::findings::judge::{Verdict, judge};
use turnback_sim::fleet::Fleet;
use turnback_sim::fleet::definition::{Action, Definition, Line, RollbackRule};

use super::story::stories;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/library/deletions.txt");

/// What can be taken away from a line: its name, and the line without it.
fn without(line: &Line) -> Vec<(&'static str, Line)> {
    let mut parts = Vec::new();
    if !line.when.is_empty() {
        parts.push(("guard", Line { when: vec![], ..line.clone() }));
    }
    if !line.verify.is_empty() {
        parts.push(("verify", Line { verify: vec![], ..line.clone() }));
    }
    if line.floor {
        parts.push(("floor", Line { floor: false, ..line.clone() }));
    }
    let step = match line.action {
        Action::Drain(_) => "drain",
        Action::Flush(_) => "flush",
        Action::WaitUntil(_) => "wait until",
        _ => return parts,
    };
    parts.push((step, Line { action: Action::Pause, verify: vec![], ..line.clone() }));
    parts
}

/// Every plan with one part less, and what that part was.
fn deletions(definition: &Definition) -> Vec<(String, Definition)> {
    let mut all = Vec::new();
    for (at, line) in definition.plan.iter().enumerate() {
        for (part, line) in without(line) {
            let mut less = definition.clone();
            less.plan[at] = line;
            all.push((format!("{part} of step {}", at + 1), less));
        }
    }
    if let RollbackRule::List(lines) = &definition.rollback {
        for (at, line) in lines.iter().enumerate() {
            for (part, line) in without(line) {
                let mut lines = lines.clone();
                lines[at] = line;
                let less = Definition { rollback: RollbackRule::List(lines), ..definition.clone() };
                all.push((format!("{part} of line {} of the rollback", at + 1), less));
            }
        }
    }
    all
}

fn verdict(definition: Definition) -> Verdict {
    let slices: Vec<Fleet> = definition.slices().into_iter().map(|slice| Fleet::new(slice, 1)).collect();
    let limits = Limits { states_max: 2_000_000, memory_bytes_max: 2 << 30, threads: 1, stop: None };
    judge(&Fleet::new(definition, 1), &slices, &limits, &mut |_| {}).verdict
}

pub fn what_can_go() {
    let mut said = String::new();
    for story in stories() {
        let scenario = read(&story.name, story.text.as_bytes()).expect("a scenario").scenario;
        for plan in 0..scenario.plans.len() {
            let Ok(Compiled { definition, .. }) = compile(&scenario, Some(plan), Exploration { replicas: None }) else {
                panic!("{} is not supported", story.name);
            };
            let all = deletions(&definition);
            if all.is_empty() || verdict(definition) != Verdict::Safe {
                continue;
            }
            let mut matters = false;
            for (part, less) in all {
                let word = match verdict(less) {
                    Verdict::Safe => "harmless",
                    Verdict::Unsafe => "unsafe",
                    Verdict::Undecided => "undecided",
                };
                matters |= word != "harmless";
                writeln!(said, "{}: without the {part}: {word}", story.name).unwrap();
            }
            if !matters {
                writeln!(said, "{}: every such part can go; the order of the steps carries the plan", story.name)
                    .unwrap();
            }
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(GOLDEN, &said).unwrap();
    }
    assert_eq!(said, fs::read_to_string(GOLDEN).unwrap_or_default(), "renew with UPDATE=1 if this is meant");
}
