//! Fields and values that a place does not have.

use std::collections::{BTreeSet, HashMap};

use crate::ast::{
    Atom, BackfillSource, Body, Counted, Fact, Field, FieldState, MigrationChange, Name, Place, PlaceKind, Scenario,
    Span, Step, Verb,
};
use crate::diagnostics::{Code, Diagnostic};
use crate::suggest;
use crate::text::RESERVED_TAGS;

use super::walk;

/// Every field and value that is named but that its place does not have.
pub(super) fn unknown_fields(scenario: &Scenario) -> Vec<Diagnostic> {
    let mut checker = Checker::new(scenario);
    for place in &scenario.places {
        checker.declarations(place);
    }
    walk::field_uses(scenario, &mut |_, place, field| {
        for name in &field.alternatives {
            let tags = field.tags.iter().map(|tag| (tag.value.as_str(), tag.span.clone()));
            checker.field(&place.value, &name.value, &name.span, tags);
        }
        checker.given.extend(field.tags.iter().map(|tag| tag.value.as_str()));
        if let Some((place, name, _)) = &field.from {
            checker.field(&place.value, &name.value, &name.span, []);
        }
    });
    walk::all_steps(scenario, &mut |step| checker.step(step));
    for actor in &scenario.actors {
        for version in &actor.versions {
            checker.facts(version.starts_if.iter());
            checker.guards(&version.body);
        }
    }
    checker.facts(scenario.operator.needs.iter().map(|(_, fact)| fact));
    checker.asked_for_nothing();
    checker.found
}

struct Checker<'s> {
    places: HashMap<&'s str, (bool, HashMap<&'s str, &'s Field>)>,
    /// Values that somebody reads, writes or declares.
    given: BTreeSet<&'s str>,
    /// Values that facts ask for, of fields that declare none.
    asked: Vec<(&'s str, Span)>,
    found: Vec<Diagnostic>,
}

impl<'s> Checker<'s> {
    fn new(scenario: &'s Scenario) -> Self {
        let places = scenario.places.iter().map(|place| {
            let fields = place.fields.iter().map(|field| (field.name.value.as_str(), field));
            let table = matches!(place.kind, PlaceKind::Table { .. });
            (place.name.value.as_str(), (table, fields.collect()))
        });
        Self { places: places.collect(), given: BTreeSet::new(), asked: Vec::new(), found: Vec::new() }
    }

    /// A field that is named, with the values that are named of it.
    fn field<'t>(&mut self, place: &str, field: &str, span: &Span, tags: impl IntoIterator<Item = (&'t str, Span)>) {
        let Some((table, fields)) = self.places.get(place) else {
            return;
        };
        let exists = |field: &&Field| !table || field.declared || field.added_by_migration;
        let Some(known) = fields.get(field).copied().filter(|field| exists(field)) else {
            let mut names: Vec<&str> =
                fields.values().filter(|field| exists(field)).map(|field| &*field.name.value).collect();
            names.sort_unstable();
            if names.is_empty() {
                return;
            }
            let what = if *table { "column" } else { "field" };
            let message = format!("`{place}` has no {what} `{field}`");
            let diagnostic = Diagnostic::error(Code::UnknownField, span.clone(), message);
            self.found.push(diagnostic.maybe_help(suggest::hint(field, names)));
            return;
        };
        for (tag, span) in tags {
            let possible = known.values.is_empty() || RESERVED_TAGS.contains(&tag);
            if !possible && known.values.iter().all(|value| value.value != tag) {
                let message = format!("`{place}.{field}` has no value `{tag}`");
                let values = known.values.iter().map(|value| value.value.as_str());
                let help = suggest::hint(tag, values);
                self.found.push(Diagnostic::error(Code::UnknownTag, span, message).maybe_help(help));
            }
        }
    }

    fn named(&mut self, place: &str, field: &Name) {
        self.field(place, &field.value, &field.span, []);
    }

    fn declarations(&mut self, place: &'s Place) {
        let here = place.name.value.as_str();
        self.given.extend(place.fields.iter().flat_map(|field| &field.values).map(|value| value.value.as_str()));
        for (field, tags) in &place.starts {
            self.given.extend(tags.iter().map(|tag| tag.value.as_str()));
            let tags = tags.iter().map(|tag| (tag.value.as_str(), tag.span.clone()));
            self.field(here, &field.value, &field.span, tags);
        }
        for (other, twin) in place.fields.iter().filter_map(|field| field.same_as.as_ref()) {
            self.named(other.as_ref().map_or(here, |other| &other.value), twin);
        }
        let PlaceKind::Table { migrations, .. } = &place.kind else {
            return;
        };
        for migration in migrations {
            match &migration.change {
                MigrationChange::AddColumn(_) => {}
                MigrationChange::DropColumn(column)
                | MigrationChange::RenameColumn(column, _)
                | MigrationChange::AlterColumn { column, .. } => self.named(here, column),
                MigrationChange::DropValue(field, tag) => {
                    self.field(here, &field.value, &field.span, [(tag.value.as_str(), tag.span.clone())]);
                }
            }
        }
    }

    fn step(&mut self, step: &'s Step) {
        let span = &step.verb_span;
        match &step.verb {
            Verb::Backfill { place, field, source, .. } => self.backfill(place, field, source, span),
            Verb::Purge(place, Some((field, state))) | Verb::Fence { holds: Some((place, field, _, state)), .. } => {
                self.state(place, field, state, span);
            }
            Verb::WaitUntil(fact) => self.facts([fact]),
            _ => {}
        }
        self.facts(step.when.iter());
        if let (Some(verify), Some(place)) = (&step.verify, place_of(&step.verb)) {
            let (tag, other) = match &verify.value.counted {
                Counted::Absent => (None, None),
                Counted::Tag(tag) => (Some(tag.as_str()), None),
                Counted::DistinctFrom(other) => (None, Some(other)),
            };
            let tags = tag.map(|tag| (tag, verify.span.clone()));
            self.asked.extend(tags.clone());
            self.field(place, &verify.value.field, &verify.span, tags);
            if let Some(other) = other {
                self.field(place, other, &verify.span, []);
            }
        }
    }

    fn backfill(&mut self, place: &str, field: &str, source: &'s BackfillSource, span: &Span) {
        match source {
            BackfillSource::Field { place: other, field: from } => {
                self.field(other.as_deref().unwrap_or(place), from, span, []);
                self.field(place, field, span, []);
            }
            BackfillSource::Literal(literal) => {
                self.given.insert(literal);
                self.field(place, field, span, []);
            }
            BackfillSource::Retag { from, to } => {
                self.given.extend([from.as_str(), to.as_str()]);
                self.field(place, field, span, [(from.as_str(), span.clone()), (to.as_str(), span.clone())]);
            }
        }
    }

    fn guards(&mut self, body: &'s Body) {
        let handlers = body.handlers.iter().filter_map(|(_, handler)| handler.as_ref());
        self.facts(handlers.filter_map(|handler| handler.when.as_ref()));
        for (_, overlay) in &body.overlays {
            self.guards(overlay);
        }
    }

    fn facts(&mut self, facts: impl IntoIterator<Item = &'s Fact>) {
        for atom in facts.into_iter().flat_map(|fact| &fact.all) {
            if let Atom::FieldIs(place, field, _, state) | Atom::NoItemWhere(place, field, _, state) = &atom.value {
                self.state(place, field, state, &atom.span);
            }
        }
    }

    fn state(&mut self, place: &str, field: &str, state: &'s FieldState, span: &Span) {
        let tag = match state {
            FieldState::Tag(tag) => Some((tag.as_str(), span.clone())),
            FieldState::Absent | FieldState::Stale => None,
        };
        self.asked.extend(tag.clone());
        self.field(place, field, span, tag);
    }
}

impl Checker<'_> {
    /// A fact that asks for a value that nobody gives can never hold; of declared values that is said already.
    fn asked_for_nothing(&mut self) {
        for (tag, span) in &self.asked {
            let known = self.given.contains(tag) || RESERVED_TAGS.contains(tag);
            if !known && !self.found.iter().any(|found| found.span == *span) {
                let message = format!("no field has a value `{tag}`");
                let names = self.given.iter().copied().chain(["absent", "stale"]);
                let diagnostic = Diagnostic::error(Code::UnknownTag, span.clone(), message);
                let help = "ask for a value, `absent` or `stale`; whether an item is there is asked of its place: `PLACE is present`";
                self.found.push(diagnostic.maybe_help(suggest::hint(tag, names)).help(help));
            }
        }
    }
}

fn place_of(verb: &Verb) -> Option<&str> {
    match verb {
        Verb::Migrate { table: place, .. } | Verb::Backfill { place, .. } | Verb::Purge(place, _) => Some(place),
        _ => None,
    }
}
