//! What is declared and used by no path (V7). Only a complete exploration can say so.

use turnback_reports::report::{Span, Vacuous};
use turnback_scenarios::ast;
use turnback_sim::fleet::Element;
use turnback_sim::fleet::definition::{Action, Line, RollbackRule, VersionId};

use super::File;

/// A place that stays empty.
const EMPTY: &str = "TB214";

impl File<'_> {
    pub(super) fn vacuous(&self) -> Vec<Vacuous> {
        let mut vacuous = Vec::new();
        if self.case.judgement.complete {
            self.empty_places(&mut vacuous);
            self.idle_steps(&mut vacuous);
            self.idle_rollback(&mut vacuous);
            self.shut_guards(&mut vacuous);
            self.idle_handlers(&mut vacuous);
            self.idle_rules(&mut vacuous);
        }
        self.deaf_gates(&mut vacuous);
        self.idle_roles(&mut vacuous);
        self.unseen_values(&mut vacuous);
        vacuous
    }

    pub(super) fn used(&self, element: Element) -> bool {
        self.case.judgement.used.contains(self.case.fleet().element(element) as usize)
    }

    pub(super) fn note(&self, vacuous: &mut Vec<Vacuous>, code: &'static str, what: String, span: &Span) {
        let entry = Vacuous { code, what, line: Some(self.line(span)) };
        if !vacuous.contains(&entry) {
            vacuous.push(entry);
        }
    }

    fn empty_places(&self, vacuous: &mut Vec<Vacuous>) {
        for (number, place) in self.scenario.places.iter().enumerate() {
            if !self.used(Element::Place(number as u16)) {
                self.note(vacuous, EMPTY, format!("{}: nothing can ever be in it", place.name.value), &place.name.span);
            }
        }
    }

    fn idle_steps(&self, vacuous: &mut Vec<Vacuous>) {
        for (number, step) in self.run_steps().into_iter().enumerate() {
            let as_many = self.case.fleet().definition.plan.get(number).is_some_and(scales_to_as_many);
            if !as_many && !self.used(Element::Step(number as u16)) {
                self.note(vacuous, "TB301", format!("{}: never taken", step.id), &step.span);
            }
        }
    }

    /// Lines that the author of the rollback wrote, not those that `inverse` and the like bring.
    fn idle_rollback(&self, vacuous: &mut Vec<Vacuous>) {
        let written = matches!(self.case.fleet().definition.rollback, RollbackRule::List(_) | RollbackRule::To(_));
        for (number, entry) in self.case.fleet().programmes.rollback(0).iter().enumerate().filter(|_| written) {
            let span = self.case.compiled.names.origins.get(usize::from(entry.line.origin)).map(|(span, _)| span);
            let used = scales_to_as_many(&entry.line) || self.used(Element::Undo(number as u16));
            if let (Some(span), false) = (span, used) {
                self.note(vacuous, "TB302", format!("{}: never taken in a rollback", self.narrator.line(entry)), span);
            }
        }
    }

    /// The steps that belong to the file's other plans: what only they use is no business of this one.
    fn others(&self) -> impl Iterator<Item = &ast::Step> {
        let plans = self.scenario.plans.iter().enumerate().filter(|(plan, _)| Some(*plan) != self.case.plan);
        plans.flat_map(|(_, plan)| plan.steps.iter().chain(&plan.rollforward))
    }

    pub(super) fn deployed_by_others(&self, version: VersionId) -> bool {
        let words = self.narrator.version(version);
        let deploys = |step: &ast::Step| match &step.verb {
            ast::Verb::Deploy { service, version } => format!("{service} {version}") == words,
            _ => false,
        };
        self.others().any(deploys)
    }

    fn set_by_others(&self, name: &str, index: usize) -> bool {
        let sets =
            |step: &ast::Step| matches!(&step.verb, ast::Verb::Set { value, to } if value == name && *to == index);
        self.others().any(sets)
    }

    /// A handler that differs from flag to flag is used if one of its forms is.
    fn idle_handlers(&self, vacuous: &mut Vec<Vacuous>) {
        let definition = &self.case.fleet().definition;
        let names: Vec<String> = (0..definition.handlers.len()).map(|at| self.narrator.handler(at as u16)).collect();
        let runs = |at: usize| definition.handlers[at].moments.is_empty() || self.used(Element::Handler(at as u16));
        for (at, handler) in definition.handlers.iter().enumerate() {
            let some_form_runs = (0..names.len()).any(|other| names[other] == names[at] && runs(other));
            let span = self.case.compiled.names.origins.get(usize::from(handler.origin)).map(|(span, _)| span);
            let excused = some_form_runs || self.deployed_by_others(handler.version);
            if let (false, Some(span)) = (excused, span) {
                if handler.when.is_some() {
                    self.note(vacuous, "TB303", format!("{}: its `when` never lets it run", names[at]), span);
                }
                self.note(vacuous, "TB305", format!("{}: never runs", names[at]), span);
            }
        }
    }

    /// Rules for what is not as expected, where nothing ever is.
    fn idle_rules(&self, vacuous: &mut Vec<Vacuous>) {
        for (number, (key, span)) in self.case.compiled.names.rules.iter().enumerate() {
            let followers = self.case.fleet().definition.followers(number as u16);
            let excused = followers.iter().all(|version| self.deployed_by_others(*version));
            if !excused && !self.used(Element::Rule(number as u16)) {
                let outcome = &self.source.text()[span.clone()];
                self.note(vacuous, "TB307", format!("{key}: {outcome}: nothing ever calls for it"), span);
            }
        }
    }

    fn deaf_gates(&self, vacuous: &mut Vec<Vacuous>) {
        for gate in &self.scenario.gates {
            for condition in gate.abort_if.iter().filter(|condition| !condition.value.known) {
                let what = format!("{}: nothing measures `{}`", gate.name.value, condition.value.metric);
                self.note(vacuous, "TB304", what, &condition.span);
            }
        }
    }

    fn idle_roles(&self, vacuous: &mut Vec<Vacuous>) {
        for (number, role) in self.scenario.roles.iter().enumerate() {
            if !self.case.fleet().definition.asks_for(number as u16) {
                self.note(vacuous, "TB308", format!("{}: nothing asks who holds it", role.name.value), &role.name.span);
            }
        }
    }

    /// Values that no step sets, and values that are set and that nobody ever observes.
    fn unseen_values(&self, vacuous: &mut Vec<Vacuous>) {
        let definition = &self.case.fleet().definition;
        let programmes = &self.case.fleet().programmes;
        let rollbacks = programmes.rollbacks.iter().flat_map(|(_, entries)| entries);
        let explored = || programmes.forward.iter().chain(rollbacks.clone()).map(|entry| &entry.line);
        let others = || programmes.hotfix.iter().map(|entry| &entry.line).chain(&definition.repairs);
        for (number, value) in self.scenario.values.iter().enumerate() {
            for (index, name) in value.values.iter().enumerate() {
                let sets = |line: &Line| line.action == Action::Set { value: number as u16, to: index as u8 };
                let starts = index == value.starts;
                if self.set_by_others(&value.name.value, index) {
                    continue;
                }
                let set = starts || explored().any(sets);
                let seen = || self.used(Element::Value(number as u16, index as u8));
                if !set && !others().any(sets) {
                    self.note(vacuous, "TB306", self.unset(value, name), &value.name.span);
                } else if set && self.case.judgement.complete && !seen() {
                    self.note(vacuous, "TB306", self.unseen(value, name), &value.name.span);
                }
            }
        }
    }

    fn unseen(&self, value: &ast::Value, name: &ast::Name) -> String {
        format!("{}: nobody ever observes {}", value.name.value, name.value)
    }

    fn unset(&self, value: &ast::Value, name: &ast::Name) -> String {
        format!("{}: no step sets it to {}", value.name.value, name.value)
    }
}

/// Of numbers of replicas that are explored as the same one nothing can be seen.
fn scales_to_as_many(line: &Line) -> bool {
    matches!(line.action, Action::Scale { to, .. } if to >= 3)
}

/// The names of the places that stay empty.
pub(super) fn empty_places(vacuous: &[Vacuous]) -> Vec<String> {
    let empty = vacuous.iter().filter(|entry| entry.code == EMPTY);
    empty.filter_map(|entry| entry.what.split_once(": ").map(|(name, _)| format!("`{name}`"))).collect()
}
