//! The coverage table (V7) against a walk that remembers every writer: the slow and obvious way to know who met whom.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use turnback_scenarios::compile::{Exploration, compile};
use turnback_sim::drivers::explore::Limits;
use turnback_sim::findings::judge::judge;
use turnback_sim::findings::meetings::Meeting;
use turnback_sim::fleet::state::State;
use turnback_sim::fleet::{Fleet, Pair};
use turnback_sim::relation::{Contact, Judged as _, Mover, Operator, Relation as _};

/// Part by part and slot by slot: who may have left what is in it.
type Left = BTreeMap<u8, BTreeMap<u32, BTreeSet<u16>>>;

/// A walk over states together with what was left in them.
#[derive(Default)]
struct Walk {
    seen: BTreeSet<(Vec<u8>, Left)>,
    open: Vec<(State, Left)>,
    met: BTreeSet<Meeting>,
}

impl Walk {
    fn through(fleet: &Fleet) -> BTreeSet<Meeting> {
        let mut walk = Self::default();
        fleet.start().into_iter().for_each(|start| walk.visit(fleet, start, Left::new()));
        while let Some((state, left)) = walk.open.pop() {
            let mut steps = Vec::new();
            fleet.enabled(&state, &mut steps);
            for step in steps.into_iter().filter(|step| follows(fleet.mover(&state, *step))) {
                let mut after = state.clone();
                let mut contacts = Vec::new();
                fleet.apply_watched(&mut after, step, &mut |contact| contacts.push(contact));
                let left = walk.step(&left, &contacts);
                walk.visit(fleet, after, left);
            }
        }
        walk.met
    }

    fn visit(&mut self, fleet: &Fleet, state: State, mut left: Left) {
        let mut filled = BTreeSet::new();
        fleet.filled(&state, &mut |part, slot| {
            filled.insert((part, slot));
        });
        for (part, slots) in &mut left {
            slots.retain(|slot, _| filled.contains(&(*part, *slot)));
        }
        left.retain(|_, slots| !slots.is_empty());
        let mut packed = Vec::new();
        state.pack(&mut packed);
        if self.seen.insert((packed, left.clone())) {
            self.open.push((state, left));
        }
    }

    /// What every part is after a step.
    fn step(&mut self, left: &Left, contacts: &[Contact]) -> Left {
        let mut goes: Vec<(u8, u8, bool)> = Vec::new();
        for contact in contacts {
            if let Contact::Goes { from, to, acts } = *contact {
                goes.push((from, to, acts));
            }
        }
        if goes.is_empty() {
            goes.push((0, 0, true));
        }
        let mut after = Left::new();
        for (from, to, acts) in goes {
            let mut part = left.get(&from).cloned().unwrap_or_default();
            contacts.iter().for_each(|contact| self.notice(*contact, acts, &mut part));
            for (slot, by) in part {
                after.entry(to).or_default().entry(slot).or_default().extend(by);
            }
        }
        after
    }

    fn notice(&mut self, contact: Contact, acts: bool, left: &mut BTreeMap<u32, BTreeSet<u16>>) {
        match contact {
            Contact::Leaves { slot, by, alone, common } if acts || common => {
                let here = left.entry(slot).or_default();
                if alone {
                    here.clear();
                }
                here.insert(by);
            }
            Contact::Takes { slot, by } if acts => {
                let here = left.get(&slot).into_iter().flatten();
                self.met.extend(here.map(|from| Meeting { slot, from: *from, to: by }));
            }
            Contact::Spreads { from, to, alone } if acts => {
                let here = left.get(&from).cloned().unwrap_or_default();
                let there = left.entry(to).or_default();
                if alone {
                    there.clear();
                }
                there.extend(here);
            }
            Contact::Clears { slot } if acts => {
                left.remove(&slot);
            }
            Contact::Meets { slot, from, to } => {
                self.met.insert(Meeting { slot, from, to });
            }
            _ => {}
        }
    }
}

/// What a plan, its rollback and a second attempt are made of.
fn follows(mover: Mover) -> bool {
    let beyond = [Operator::Hotfix, Operator::HotfixOverRows, Operator::Repair, Operator::RepairOverRows];
    !beyond.iter().any(|operator| mover == Mover::Operator(*operator))
}

/// Whether the table is what the walk sees, for every plan of a scenario; how many pairs met, and how many did not.
fn compare(name: &str, text: &str, keys: u32) -> (usize, usize) {
    let scenario = turnback_scenarios::read(name, text.as_bytes()).expect("a scenario").scenario;
    let plans = if scenario.plans.is_empty() { vec![None] } else { (0..scenario.plans.len()).map(Some).collect() };
    let (mut met, mut never) = (0, 0);
    for plan in plans {
        let compiled = compile(&scenario, plan, Exploration { replicas: Some(2) }).expect("it is supported");
        let fleet = Fleet::new(compiled.definition, keys);
        let limits = Limits { states_max: 1_000_000, memory_bytes_max: 1 << 30, threads: 1, stop: None };
        let judgement = judge(&fleet, &[], &limits, &mut |_| {});
        assert!(judgement.complete, "{name}");
        assert_eq!(judgement.meetings, Walk::through(&fleet), "{name}, plan {plan:?}, {keys} keys");
        let slots = |pair: &Pair| {
            let fields = pair.fields().map(|field| fleet.field_slot(pair.slot, field)).collect::<Vec<_>>();
            [vec![fleet.slot(pair.slot)], fields].concat()
        };
        for pair in fleet.pairs() {
            for slot in slots(&pair) {
                let meeting = Meeting { slot, from: pair.writer, to: pair.reader };
                let count = if judgement.meetings.contains(&meeting) { &mut met } else { &mut never };
                *count += 1;
            }
        }
    }
    (met, never)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_table_is_what_a_walk_that_remembers_every_writer_sees() {
    let (mut met, mut never) = (0, 0);
    for file in [
        "scenarios/library/start/a-rename-column.yaml",
        "scenarios/library/start/b-b-kills-a.yaml",
        "scenarios/library/start/e-fixed.yaml",
        "scenarios/library/start/e-rename-too-fast.yaml",
        "tests/rules/caches/refreshed.yaml",
        "tests/rules/caches/flushed-by-the-rollback.yaml",
        "tests/rules/caches/stale-hit.yaml",
        "tests/rules/documents/keeps-unknown.yaml",
        "tests/rules/lifecycle/boot-writes-a-new-format.yaml",
        "tests/rules/queues/consumer-first.yaml",
        "tests/rules/queues/dropped.yaml",
        "tests/rules/queues/renamed-and-kept.yaml",
        "tests/rules/calls/reply.yaml",
        "tests/rules/zones/hotfix.yaml",
        "tests/rules/vacuity/pairs.yaml",
        "tests/rules/vacuity/pairs-again.yaml",
        "tests/rules/vacuity/pairs-in-a-cache.yaml",
        "tests/rules/vacuity/pairs-in-flight.yaml",
        "tests/rules/vacuity/pairs-of-fields.yaml",
        "tests/rules/schema/rename-under-its-reader.yaml",
    ] {
        let (here, not) = compare(file, &read(file), 1);
        (met, never) = (met + here, never + not);
    }
    assert!(met > 40 && never > 10, "the table must tell right from wrong: {met} met, {never} never");
}

/// With two keys, what is left is left in one of them: one does not keep alive what was left in the other one.
#[test]
fn keys_are_told_apart() {
    for file in ["tests/rules/vacuity/pairs-drained.yaml", "tests/rules/vacuity/pairs-in-flight.yaml"] {
        assert_eq!(compare(file, &read(file), 1), compare(file, &read(file), 2), "{file}");
    }
    for file in [
        "scenarios/library/start/b-b-kills-a.yaml",
        "tests/rules/caches/refreshed.yaml",
        "tests/rules/documents/keeps-unknown.yaml",
        "tests/rules/lifecycle/boot-writes-a-new-format.yaml",
        "tests/rules/queues/consumer-first.yaml",
        "tests/rules/vacuity/pairs-in-a-cache.yaml",
    ] {
        compare(file, &read(file), 2);
    }
}

/// More writers than a machine word has bits.
#[test]
fn many_writers_are_told_apart() {
    let mut text =
        "turnback: 1\nname: Many\ntables: {t: {columns: {id: not_null, a: nullable}}}\nservices:\n".to_owned();
    for number in 0..70 {
        let reads = if number % 2 == 0 { "reads: {t: [a]}, " } else { "" };
        text += &format!("  s{number}: {{replicas: 1, {reads}writes: {{t: [a]}}}}\n");
    }
    assert_eq!(compare("many", &text, 1), (2 * 70 * 35, 0));
}
