//! Every place where a scenario names a field.

use crate::ast::{Body, FieldUse, Name, Plan, Rollback, Scenario, Step, Verb, Verbs};

/// Which verb names a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// `reads` or `receives`
    Takes,
    /// `writes` or `sends`
    Gives,
}

/// Calls with every field list entry of every actor: role, place or api as written, entry.
pub(super) fn field_uses<'s>(scenario: &'s Scenario, visit: &mut impl FnMut(Role, &'s Name, &'s FieldUse)) {
    for version in scenario.actors.iter().flat_map(|actor| &actor.versions) {
        body(&version.body, visit);
    }
}

fn body<'s>(of: &'s Body, visit: &mut impl FnMut(Role, &'s Name, &'s FieldUse)) {
    verbs(&of.verbs, visit);
    for handler in of.handlers.iter().filter_map(|(_, handler)| handler.as_ref()) {
        verbs(&handler.verbs, visit);
    }
    for (_, overlay) in &of.overlays {
        body(overlay, visit);
    }
}

fn verbs<'s>(of: &'s Verbs, visit: &mut impl FnMut(Role, &'s Name, &'s FieldUse)) {
    let lists =
        [(Role::Takes, &of.reads), (Role::Gives, &of.writes), (Role::Gives, &of.sends), (Role::Takes, &of.receives)];
    for (role, list) in lists {
        for (place, fields) in list {
            for field in fields.iter().flat_map(|fields| &fields.list) {
                visit(role, place, field);
            }
        }
    }
}

/// Calls with every step: of plans, rollbacks, rollforwards and repairs, those within others too.
pub(super) fn all_steps<'s>(scenario: &'s Scenario, visit: &mut impl FnMut(&'s Step)) {
    for plan in &scenario.plans {
        for list in lists_of(plan) {
            steps(list, visit);
        }
    }
    steps(&scenario.repairs, visit);
}

fn lists_of(plan: &Plan) -> Vec<&[Step]> {
    let mut lists = vec![plan.steps.as_slice(), plan.rollforward.as_slice()];
    match &plan.rollback {
        Rollback::List(steps) => lists.push(steps),
        Rollback::To(floors) => lists.extend(floors.iter().map(|(_, steps)| steps.as_slice())),
        Rollback::Inverse | Rollback::CodeOnly | Rollback::UndoEverything => {}
    }
    lists
}

fn steps<'s>(of: &'s [Step], visit: &mut impl FnMut(&'s Step)) {
    for step in of {
        visit(step);
        steps(step.undo.as_deref().unwrap_or_default(), visit);
        if let Verb::Parallel(inner) = &step.verb {
            steps(inner, visit);
        }
    }
}
