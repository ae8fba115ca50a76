//! Facts, conditions and limits in words.

use crate::ast::{Asked, Atom, Comparison, Condition, Fact, FieldState, Scenario};
use crate::units::written;

use super::row;

/// The name of a value of a flag or config.
pub(super) fn value_name<'s>(scenario: &'s Scenario, name: &str, index: usize) -> &'s str {
    let value = scenario.values.iter().find(|value| value.name.value == name);
    let word = value.and_then(|value| value.values.get(index));
    word.map_or("?", |word| word.value.as_str())
}

/// All of a guard.
pub(super) fn fact(scenario: &Scenario, fact: &Fact) -> String {
    let atoms: Vec<String> = fact.all.iter().map(|spanned| atom(scenario, &spanned.value)).collect();
    row(&atoms, "and")
}

fn atom(scenario: &Scenario, atom: &Atom) -> String {
    match atom {
        Atom::AllAtLeast(service, version) => format!("every {service} runs {version} or later"),
        Atom::AllAt(service, version) => format!("every {service} runs {version}"),
        Atom::AllUp(service) => format!("every {service} is up"),
        Atom::AnyUp(service, None) => format!("some {service} is up"),
        Atom::AnyUp(service, Some(version)) => format!("some {service} at {version} is up"),
        Atom::NoVersion(service, version) => format!("no {service} runs {version}"),
        Atom::NoClient(client) => format!("no {client} is left"),
        Atom::NoItemWhere(place, field, not, state) => {
            format!("no item of {place} has {field} {}", field_state(*not, state))
        }
        Atom::Empty(place) => format!("{place} is empty"),
        Atom::Present(place) => format!("{place} is present"),
        Atom::FieldIs(place, field, not, state) => {
            format!("{place}.{field} is {}", field_state(*not, state))
        }
        Atom::ValueIs(name, not, index) => {
            let not = if *not { "not " } else { "" };
            format!("{name} is {not}{}", value_name(scenario, name, *index))
        }
        Atom::RoleIs(name, true) => format!("{name} is held"),
        Atom::RoleIs(name, false) => format!("{name} is vacant"),
        Atom::Since(duration, step) => format!("{} have passed since `{step}`", written(*duration)),
        Atom::TrafficBelow(client, percent) => {
            format!("the traffic of {client} is below {percent}%")
        }
    }
}

/// `[not] absent`
pub(super) fn field_state(not: bool, state: &FieldState) -> String {
    let state = match state {
        FieldState::Absent => "absent",
        FieldState::Stale => "stale",
        FieldState::Tag(tag) => tag,
    };
    format!("{}{state}", if not { "not " } else { "" })
}

/// The condition of an `if`.
pub(super) fn condition(scenario: &Scenario, condition: &Condition) -> String {
    let literals = condition.literals.iter().map(|(not, name, asked)| {
        let not = if *not { "not " } else { "" };
        match asked {
            Asked::Value(index) => format!("{} is {not}{}", name.value, value_name(scenario, &name.value, *index)),
            Asked::Role => format!("it is {not}{}", name.value),
        }
    });
    row(&literals.collect::<Vec<_>>(), "and")
}

/// A comparison in words.
pub(super) fn comparison(op: Comparison) -> &'static str {
    match op {
        Comparison::Less => "below",
        Comparison::AtMost => "at most",
        Comparison::Equal => "exactly",
        Comparison::AtLeast => "at least",
        Comparison::Greater => "above",
    }
}
