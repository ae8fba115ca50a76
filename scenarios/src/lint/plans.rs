//! Steps of a plan that change nothing.

use std::collections::HashMap;

use crate::ast::{Actor, Scenario, Share, Step, Verb};
use crate::diagnostics::{Code, Diagnostic};

/// Every deploy of the version that the service already has everywhere.
pub(super) fn deploys_nothing(scenario: &Scenario) -> Vec<Diagnostic> {
    let start = scenario.actors.iter().filter_map(|actor| {
        let first = actor.versions.first()?;
        (first.name.value != Actor::UNVERSIONED).then_some((actor.name.value.as_str(), Some(first.name.value.as_str())))
    });
    let start: HashMap<&str, Option<&str>> = start.collect();
    let mut found = Vec::new();
    for plan in &scenario.plans {
        follow(&plan.steps, &mut start.clone(), &mut found);
    }
    found
}

/// Follows which version each service has; `None` = several.
fn follow<'s>(steps: &'s [Step], has: &mut HashMap<&'s str, Option<&'s str>>, found: &mut Vec<Diagnostic>) {
    for step in steps {
        match &step.verb {
            Verb::Deploy { service, version } => {
                let before = has.get(service.as_str()).copied().flatten();
                if before == Some(version) && !step.stragglers_included {
                    found.push(nothing(step, service, version));
                }
                let whole = step.canary.last().is_none_or(|last| *last == Share::Percent(100.0));
                has.insert(service, whole.then_some(version));
            }
            Verb::Parallel(inner) => follow(inner, has, found),
            _ => {}
        }
    }
}

fn nothing(step: &Step, service: &str, version: &str) -> Diagnostic {
    let message = format!("`{service}` already has {version} here, so this deploys nothing");
    Diagnostic::error(Code::DeploysNothing, step.verb_span.clone(), message)
        .help("remove the step, or name another version; the first version listed runs at the start")
}
