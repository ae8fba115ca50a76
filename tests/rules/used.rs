//! What a plan's paths used and who met on them, in the words of the header.

use std::collections::BTreeSet;

use turnback_scenarios::compile::Compiled;
use turnback_sim::findings::judge::Judgement;
use turnback_sim::findings::meetings::Meeting;
use turnback_sim::fleet::definition::{Action, Line};
use turnback_sim::fleet::{Element, Fleet, Slot};

/// `web v1`
fn version(compiled: &Compiled, version: u16) -> String {
    let names = &compiled.names;
    let actor = compiled.definition.versions[usize::from(version)].actor;
    format!("{} {}", names.actors[usize::from(actor)], names.versions[usize::from(version)])
}

/// Everything declared that no path used: `handler v1 reads rows`, `step 2`, `verify undo 1`, `value f on`.
pub fn unused(compiled: &Compiled, fleet: &Fleet, judgement: &Judgement<Fleet>, text: &str) -> BTreeSet<String> {
    let mut all: Vec<(Element, String)> = Vec::new();
    for number in 0..compiled.definition.handlers.len() {
        all.push((Element::Handler(number as u16), format!("handler {}", super::handler(compiled, number))));
    }
    for (number, place) in compiled.names.places.iter().enumerate().take(compiled.definition.places.len()) {
        all.push((Element::Place(number as u16), format!("place {place}")));
    }
    let plan = fleet.programmes.forward.len();
    for (number, entry) in fleet.programmes.forward.iter().chain(fleet.programmes.rollback(0)).enumerate() {
        lines(number as u16, plan as u16, &entry.line, &mut all);
    }
    for (number, declared) in compiled.definition.versions.iter().enumerate() {
        if declared.starts_if.is_some() {
            all.push((Element::Start(number as u16), format!("start {}", version(compiled, number as u16))));
        }
    }
    for (number, (value, names)) in compiled.names.values.iter().enumerate() {
        let named = names.iter().enumerate();
        all.extend(named.map(|(at, name)| (Element::Value(number as u16, at as u8), format!("value {value} {name}"))));
    }
    for (number, (key, span)) in compiled.names.rules.iter().enumerate() {
        all.push((Element::Rule(number as u16), format!("{key} {}", &text[span.clone()])));
    }
    let unused = all.into_iter().filter(|(element, _)| !judgement.used.contains(fleet.element(*element) as usize));
    unused.map(|(_, text)| text).collect()
}

/// A line of the plan (counted from 1) or, behind them, of the rollback, and its guards.
fn lines(number: u16, plan: u16, line: &Line, all: &mut Vec<(Element, String)>) {
    let (name, taken) = match number.checked_sub(plan) {
        None => (format!("{}", number + 1), Element::Step(number)),
        Some(undo) => (format!("undo {}", undo + 1), Element::Undo(undo)),
    };
    all.push((taken, if number < plan { format!("step {name}") } else { name.clone() }));
    if matches!(line.action, Action::WaitUntil(_)) {
        all.push((Element::Until(number), format!("until {name}")));
    }
    if !line.verify.is_empty() {
        all.push((Element::Verified(number), format!("verify {name}")));
    }
}

/// The declared pairs that met, and those that did not: `rows web v1 web v2`.
pub fn pairs(compiled: &Compiled, fleet: &Fleet, judgement: &Judgement<Fleet>) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut met, mut never) = (BTreeSet::new(), BTreeSet::new());
    for pair in fleet.pairs() {
        let place = |number: u16| &compiled.names.places[usize::from(number)];
        let slot = match pair.slot {
            Slot::Place(number) => place(number).clone(),
            Slot::Request(api) => place(fleet.api_place(api)).clone(),
            Slot::Reply(api) => format!("{}.reply", place(fleet.api_place(api))),
        };
        let number = match pair.slot {
            Slot::Place(number) => number,
            Slot::Request(api) | Slot::Reply(api) => fleet.api_place(api),
        };
        let (writer, reader) = (version(compiled, pair.writer), version(compiled, pair.reader));
        let mut note = |place: String, there: bool| {
            let list = if there { &mut met } else { &mut never };
            list.insert(format!("{place} {writer} {reader}"));
        };
        let is_met = |slot: u32| judgement.meetings.contains(&Meeting { slot, from: pair.writer, to: pair.reader });
        let mut any = is_met(fleet.slot(pair.slot));
        for field in pair.fields() {
            let name = &compiled.names.fields[usize::from(number)][usize::from(field)];
            let there = is_met(fleet.field_slot(pair.slot, field));
            note(format!("{slot}.{name}"), there);
            any |= there;
        }
        note(slot, any);
    }
    (met, never)
}
