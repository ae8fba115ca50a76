//! What a scenario says as a whole: fields that nobody provides, steps that do nothing, versions in a circle.

mod backups;
mod columns;
mod copies;
mod fields;
mod owners;
mod plans;
mod provided;
mod walk;

use std::collections::HashMap;

use crate::ast::{Scenario, Span};
use crate::diagnostics::{Code, Diagnostic};

/// Everything that is wrong with a scenario as a whole. What follows from all of its behaviour is judged only if that
/// could be read without errors (`whole`), since one mistake would otherwise be reported many times.
pub(crate) fn lint(scenario: &Scenario, whole: bool) -> Vec<Diagnostic> {
    let mut found = fields::unknown_fields(scenario);
    found.extend(plans::deploys_nothing(scenario));
    found.extend(owners::of_another(scenario));
    found.extend(columns::listed_and_added(scenario));
    found.extend(copies::of_no_message(scenario));
    found.extend(backups::never_taken(scenario));
    found.extend(extends_cycles(scenario));
    found.extend(unknown_handlers(scenario));
    if whole {
        found.extend(provided::never_provided(scenario));
    }
    found
}

/// Whether a problem of this kind leaves the behaviour of the fleet readable.
pub(crate) fn leaves_behaviour_whole(code: Code) -> bool {
    matches!(
        code,
        Code::BadFormat
            | Code::BadDuration
            | Code::BadNumber
            | Code::BadPercent
            | Code::BadLimit
            | Code::BadFact
            | Code::BadChoice
            | Code::UnknownGate
            | Code::UnknownStep
            | Code::AmbiguousStep
            | Code::UnknownMetric
            | Code::UnknownHandler
            | Code::PlanAndPlans
            | Code::SuspiciousTag
    )
}

fn extends_cycles(scenario: &Scenario) -> Vec<Diagnostic> {
    let versions = scenario.actors.iter().flat_map(|actor| {
        let of = |version| ((actor.name.value.as_str(), version_name(version)), version);
        actor.versions.iter().map(of)
    });
    let by_name: HashMap<(&str, &str), _> = versions.collect();
    let mut found = Vec::new();
    for actor in &scenario.actors {
        for version in &actor.versions {
            let mut at = version;
            for _ in 0..=by_name.len() {
                let Some((from, next)) = at.extends.first() else {
                    break;
                };
                if from == &actor.name.value && next.value == version.name.value {
                    found.push(cycle(&actor.name.value, &version.name.value, next.span.clone()));
                    break;
                }
                let Some(next) = by_name.get(&(from.as_str(), next.value.as_str())) else {
                    break;
                };
                at = next;
            }
        }
    }
    found
}

fn version_name(version: &crate::ast::Version) -> &str {
    &version.name.value
}

fn cycle(actor: &str, version: &str, span: Span) -> Diagnostic {
    let message = format!("`{actor} {version}` extends itself");
    Diagnostic::error(Code::ExtendsCycle, span, message).help("one of the versions must say in full what it does")
}

fn unknown_handlers(scenario: &Scenario) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (_, target) in &scenario.metrics {
        let is_api = scenario.apis.iter().any(|api| api.name.value == target.value);
        let owner = scenario.actors.iter().find_map(|actor| {
            let handler = target.value.strip_prefix(&actor.name.value)?.strip_prefix('.')?;
            Some((actor, handler))
        });
        let Some((actor, handler)) = owner.filter(|_| !is_api) else {
            continue;
        };
        let bodies = actor.versions.iter().map(|version| &version.body);
        let names: Vec<&str> = bodies.flat_map(|body| &body.handlers).map(|(name, _)| name.value.as_str()).collect();
        if !names.contains(&handler) {
            let message = format!("`{}` has no handler `{handler}`", actor.name.value);
            let help = crate::suggest::hint(handler, names);
            found.push(Diagnostic::error(Code::UnknownHandler, target.span.clone(), message).maybe_help(help));
        }
    }
    found
}
