//! What belongs to one service, named for another one.

use crate::ast::{Asked, Body, PlaceKind, Scenario, Verb};
use crate::diagnostics::{Code, Diagnostic};

use super::walk;

/// Conditions on roles that are another service's, and fences by what another service's replicas hold.
pub(super) fn of_another(scenario: &Scenario) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for actor in &scenario.actors {
        for version in &actor.versions {
            roles(scenario, &actor.name.value, &version.body, &mut found);
        }
    }
    walk::all_steps(scenario, &mut |step| {
        let Verb::Fence { service, holds: Some((place, ..)), .. } = &step.verb else { return };
        let declared = scenario.places.iter().find(|declared| declared.name.value == *place);
        let Some(PlaceKind::Disk { of, .. } | PlaceKind::Memory { of, .. }) = declared.map(|place| &place.kind) else {
            return;
        };
        if of.value != *service {
            let message = format!("`{place}` is of `{}`, not of `{service}`", of.value);
            let help = format!("name a disk or memory of `{service}`, or fence `{}`", of.value);
            found.push(Diagnostic::error(Code::WrongPlace, step.verb_span.clone(), message).help(help));
        }
    });
    found
}

fn roles(scenario: &Scenario, actor: &str, body: &Body, found: &mut Vec<Diagnostic>) {
    for (condition, overlay) in &body.overlays {
        for (_, name, _) in condition.literals.iter().filter(|(.., asked)| *asked == Asked::Role) {
            let role = scenario.roles.iter().find(|role| role.name.value == name.value);
            if let Some(role) = role.filter(|role| role.of.value != actor) {
                let message = format!("`{}` is a role of `{}`, which `{actor}` never has", name.value, role.of.value);
                let help = format!("a guard can ask `{} is held`", name.value);
                found.push(Diagnostic::error(Code::BadCondition, name.span.clone(), message).help(help));
            }
        }
        roles(scenario, actor, overlay, found);
    }
}
