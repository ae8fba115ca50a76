//! Fields that are read although nobody provides them.

use std::collections::{HashMap, HashSet};

use crate::ast::{Name, OnWrite, PlaceKind, Scenario, Verb};
use crate::diagnostics::{Code, Diagnostic};
use crate::names::without_reply;
use crate::suggest;

use super::walk::{self, Role};

/// Every field that is read, received or copied but that nobody writes, sends, backfills, starts or adds.
pub(super) fn never_provided(scenario: &Scenario) -> Vec<Diagnostic> {
    let provided = provided(scenario);
    let tables = tables(scenario);
    let mut found = Vec::new();
    for place in &scenario.places {
        if let PlaceKind::Effect { allowed, .. } = &place.kind {
            found.extend(allowed.iter().flat_map(|field| &field.alternatives).filter_map(|name| {
                let given = provided.get(place.name.value.as_str()).into_iter().flatten().copied();
                never_sent(&place.name.value, name, given.collect())
            }));
        }
    }
    let mut check = |place: &str, field: &Name| {
        if let Some(declared) = tables.get(place)
            && !declared.contains(field.value.as_str())
        {
            return;
        }
        let given = provided.get(place);
        if given.is_some_and(|given| given.contains(field.value.as_str())) {
            return;
        }
        let mut names: Vec<&str> = given.into_iter().flatten().copied().collect();
        names.sort_unstable();
        let gives = if tables.contains_key(place) { "writes, backfills, adds or starts" } else { "provides" };
        let message = format!("`{}` of `{place}` is read, but nobody {gives} it", field.value);
        let help = suggest::nearest(&field.value, names).map(|name| format!("did you mean `{name}`?"));
        let help = help.unwrap_or_else(|| whose_job(place, scenario));
        found.push(Diagnostic::error(Code::NeverWritten, field.span.clone(), message).help(help));
    };
    walk::field_uses(scenario, &mut |role, place, field| {
        if role == Role::Takes {
            field.alternatives.iter().for_each(|name| check(&place.value, name));
        }
        if let Some((place, name, _)) = &field.from {
            check(&place.value, name);
        }
    });
    found
}

/// A field of an effect of which it is said how it may be sent, though nobody sends it.
fn never_sent(effect: &str, field: &Name, mut given: Vec<&str>) -> Option<Diagnostic> {
    if given.contains(&field.value.as_str()) {
        return None;
    }
    given.sort_unstable();
    let message = format!("`{}` is allowed for `{effect}`, but nobody sends it", field.value);
    let help = suggest::nearest(&field.value, given).map(|name| format!("did you mean `{name}`?"));
    let help = help.unwrap_or_else(|| format!("let somebody send it: `sends: {{{effect}: [{}]}}`", field.value));
    Some(Diagnostic::error(Code::NeverWritten, field.span.clone(), message).help(help))
}

fn whose_job(place: &str, scenario: &Scenario) -> String {
    if let Some(known) = scenario.places.iter().find(|known| known.name.value == place) {
        let queue = matches!(known.kind, PlaceKind::Queue { .. });
        let verb = if queue { "send" } else { "write" };
        return format!("let somebody {verb} it, or say under `starts` of `{place}` what it holds");
    }
    let (_, reply) = without_reply(place);
    let who = if reply { "the receiver of the call" } else { "a caller" };
    format!("let {who} send it: `sends: {{{place}: [...]}}`")
}

type Provided<'s> = HashMap<&'s str, HashSet<&'s str>>;

fn provided(scenario: &Scenario) -> Provided<'_> {
    let mut provided: Provided<'_> = HashMap::new();
    walk::field_uses(scenario, &mut |role, place, field| {
        if role == Role::Gives {
            let names = field.alternatives.iter().map(|name| name.value.as_str());
            provided.entry(&place.value).or_default().extend(names);
        }
    });
    let mut moves = Vec::new();
    walk::all_steps(scenario, &mut |step| match &step.verb {
        Verb::Backfill { place, field, .. } => {
            provided.entry(place).or_default().insert(field);
        }
        Verb::Move(from, to) => moves.push((from.as_str(), to.as_str())),
        _ => {}
    });
    for place in &scenario.places {
        let given = provided.entry(&place.name.value).or_default();
        given.extend(place.starts.iter().map(|(field, _)| field.value.as_str()));
        let added = place.fields.iter().filter(|field| field.added_by_migration);
        given.extend(added.map(|field| field.name.value.as_str()));
    }
    fill_by_store(scenario, &mut provided);
    for (from, to) in moves {
        let moved = provided.get(from).cloned().unwrap_or_default();
        provided.entry(to).or_default().extend(moved);
    }
    provided
}

/// The key and the `not_null` columns that no version writes come from the store; a refreshed cache holds what its table
/// holds.
fn fill_by_store<'s>(scenario: &'s Scenario, provided: &mut Provided<'s>) {
    for place in &scenario.places {
        if let PlaceKind::Table { key, .. } = &place.kind {
            let given = provided.entry(&place.name.value).or_default();
            given.insert(key);
            let filled = place.fields.iter().filter(|field| field.not_null);
            given.extend(filled.map(|field| field.name.value.as_str()));
        }
    }
    for place in &scenario.places {
        if let PlaceKind::Cache { of: Some(table), on_write: OnWrite::Refresh, .. } = &place.kind {
            let rows = provided.get(table.value.as_str()).cloned().unwrap_or_default();
            provided.entry(&place.name.value).or_default().extend(rows);
        }
    }
}

/// The columns of every table; one that does not exist is reported as such.
fn tables(scenario: &Scenario) -> HashMap<&str, HashSet<&str>> {
    let tables = scenario.places.iter().filter(|place| matches!(place.kind, PlaceKind::Table { .. }));
    tables
        .map(|place| {
            let columns = place.fields.iter().filter(|field| field.declared || field.added_by_migration);
            let names = columns.map(|field| field.name.value.as_str()).collect();
            (place.name.value.as_str(), names)
        })
        .collect()
}
