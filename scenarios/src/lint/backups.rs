//! Backups that are to be restored and that nobody takes.

use crate::ast::{Scenario, Step, Verb};
use crate::diagnostics::{Code, Diagnostic};
use crate::suggest;

use super::walk;

/// Every `restore` of a place of which no step takes a backup, and every one from a step that takes none of it.
pub(super) fn never_taken(scenario: &Scenario) -> Vec<Diagnostic> {
    let mut taken: Vec<&str> = Vec::new();
    walk::all_steps(scenario, &mut |step| {
        if let Verb::Backup(place) = &step.verb {
            taken.push(place);
        }
    });
    let steps: Vec<&Step> = scenario.plans.iter().flat_map(|plan| &plan.steps).collect();
    let mut found = Vec::new();
    walk::all_steps(scenario, &mut |step| {
        let Verb::Restore(place, from) = &step.verb else { return };
        let backs_up = |step: &&&Step| matches!(&step.verb, Verb::Backup(copied) if copied == place);
        let span = step.verb_span.clone();
        if !taken.contains(&place.as_str()) {
            let message = format!("nobody takes a backup of `{place}`, so there is none to restore");
            let help = format!("take one before: `backup: {place}`");
            found.push(Diagnostic::error(Code::NeverWritten, span, message).help(help));
        } else if let Some(id) = from.as_ref().filter(|id| !steps.iter().filter(backs_up).any(|step| step.id == **id)) {
            let message = format!("step `{id}` of the plan takes no backup of `{place}`");
            let ids: Vec<&str> = steps.iter().filter(backs_up).map(|step| step.id.as_str()).collect();
            let help = match ids.as_slice() {
                [] => "only a backup that a step of the plan takes can be restored by name".to_owned(),
                ids => format!("possible here: {}", suggest::listed(ids)),
            };
            found.push(Diagnostic::error(Code::UnknownStep, span, message).help(help));
        }
    });
    found
}
