//! Guards that let nothing through on any path (V7). One that held whenever it was asked did its work.

use turnback_reports::report::{Span, Vacuous};
use turnback_sim::fleet::Element;
use turnback_sim::fleet::definition::{Action, VersionId};
use turnback_sim::fleet::programme::Entry;

use super::File;

const GUARD: &str = "TB303";

impl File<'_> {
    pub(super) fn shut_guards(&self, vacuous: &mut Vec<Vacuous>) {
        let programmes = &self.case.fleet().programmes;
        for (line, entry) in programmes.forward.iter().chain(programmes.rollback(0)).enumerate() {
            self.shut_line(line, entry, vacuous);
        }
        let versions = 0..self.case.fleet().definition.versions.len() as VersionId;
        versions.for_each(|version| self.shut_start(version, vacuous));
    }

    /// Lines are those of the plan, then those of the rollback.
    fn shut_line(&self, line: usize, entry: &Entry, vacuous: &mut Vec<Vacuous>) {
        let steps = self.case.fleet().definition.plan.len();
        let taken = line.checked_sub(steps).map_or(Element::Step(line as u16), |line| Element::Undo(line as u16));
        let waits = matches!(&entry.line.action, Action::WaitUntil(fact) if !fact.is_empty());
        let guards = [
            ("its guard never lets it begin", !entry.line.when.is_empty(), taken),
            ("its `until` never comes true", waits, Element::Until(line as u16)),
            ("its `verify` never lets it end", !entry.line.verify.is_empty(), Element::Verified(line as u16)),
        ];
        let Some((span, _)) = self.case.compiled.names.origins.get(usize::from(entry.line.origin)) else { return };
        let rollback = if line < steps { "" } else { " in a rollback" };
        for (says, _, _) in guards.iter().filter(|(_, there, element)| *there && !self.used(*element)) {
            self.note(vacuous, GUARD, format!("{}: {says}{rollback}", self.narrator.line(entry)), span);
        }
    }

    /// A version that is never up because of what it starts under; one that inherits that is not blamed again.
    fn shut_start(&self, version: VersionId, vacuous: &mut Vec<Vacuous>) {
        let definition = &self.case.fleet().definition;
        let declared = &definition.versions[usize::from(version)];
        let passed = || {
            definition.versions.iter().enumerate().any(|(other, like)| {
                (like.actor, &like.starts_if) == (declared.actor, &declared.starts_if)
                    && self.used(Element::Start(other as VersionId))
            })
        };
        if declared.starts_if.is_none() || passed() || self.deployed_by_others(version) {
            return;
        }
        if let Some(span) = self.start_guard(version) {
            let what = format!("{}: its `starts_if` never lets it start", self.narrator.version(version));
            self.note(vacuous, GUARD, what, &span);
        }
    }

    /// Where a version's own `starts_if` is written.
    fn start_guard(&self, version: VersionId) -> Option<Span> {
        let actor = usize::from(self.case.fleet().definition.versions[usize::from(version)].actor);
        let name = &self.case.compiled.names.versions[usize::from(version)];
        let declared = self.scenario.actors[actor].versions.iter().find(|version| version.name.value == *name)?;
        declared.starts_if.as_ref().map(|fact| fact.span.clone())
    }
}
