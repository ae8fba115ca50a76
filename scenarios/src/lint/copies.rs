//! Copies from messages: only the handler that receives a message can copy from it.

use std::collections::HashSet;

use crate::ast::{Body, PlaceKind, Scenario, Verbs};
use crate::diagnostics::{Code, Diagnostic};

/// Every field that is copied from a message where none is at hand.
pub(super) fn of_no_message(scenario: &Scenario) -> Vec<Diagnostic> {
    let queues = scenario.places.iter().filter(|place| matches!(place.kind, PlaceKind::Queue { .. }));
    let queues: HashSet<&str> = queues.map(|place| place.name.value.as_str()).collect();
    let mut found = Vec::new();
    for version in scenario.actors.iter().flat_map(|actor| &actor.versions) {
        body(&version.body, &queues, &mut found);
    }
    found
}

fn body(of: &Body, queues: &HashSet<&str>, found: &mut Vec<Diagnostic>) {
    // What stands directly under a version is one handler per verb and place: none of them has a message to copy from.
    verbs(&of.verbs, queues, found, &|_| false);
    for handler in of.handlers.iter().filter_map(|(_, handler)| handler.as_ref()) {
        let received = |queue: &str| handler.verbs.receives.iter().any(|(from, _)| from.value == queue);
        verbs(&handler.verbs, queues, found, &received);
    }
    of.overlays.iter().for_each(|(_, overlay)| body(overlay, queues, found));
}

fn verbs(of: &Verbs, queues: &HashSet<&str>, found: &mut Vec<Diagnostic>, received: &dyn Fn(&str) -> bool) {
    let fields = of.writes.iter().chain(&of.sends).filter_map(|(_, fields)| fields.as_ref());
    for (source, ..) in fields.flat_map(|fields| &fields.list).filter_map(|field| field.from.as_ref()) {
        if queues.contains(source.value.as_str()) && !received(&source.value) {
            let message = format!("no message of `{}` is at hand here", source.value);
            let help = "under `handlers`, one handler that receives it can write and send copies of it";
            found.push(Diagnostic::error(Code::NoMessage, source.span.clone(), message).help(help));
        }
    }
}
