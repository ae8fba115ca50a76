//! The fields of every place: declared ones, then those that a migration adds, then those that are only used.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::ast::{Body, Field, MigrationChange, Name, Place, PlaceKind, Scenario, Step, Verb, Verbs};

/// Adds to every place the fields that the file uses without declaring them.
pub(crate) fn complete(scenario: &mut Scenario) {
    let mut used = Used::default();
    for place in &scenario.places {
        used.start(place);
    }
    for version in scenario.actors.iter().flat_map(|actor| &actor.versions) {
        used.body(&version.body);
    }
    for plan in &scenario.plans {
        used.steps(&plan.steps);
    }
    let mut found = used.found;
    for place in &mut scenario.places {
        if let Some(fields) = found.remove(&place.name.value) {
            place.fields = fields.into_values().collect();
        }
    }
}

#[derive(Default)]
struct Used {
    found: HashMap<String, IndexMap<String, Field>>,
}

impl Used {
    fn start(&mut self, place: &Place) {
        let fields = place.fields.iter().map(|field| (field.name.value.clone(), field.clone()));
        self.found.insert(place.name.value.clone(), fields.collect());
        if let PlaceKind::Table { migrations, .. } = &place.kind {
            for migration in migrations {
                if let MigrationChange::AddColumn(column) | MigrationChange::RenameColumn(_, column) = &migration.change
                {
                    self.field(&place.name.value, column, true);
                }
            }
        }
        if let PlaceKind::Effect { allowed, .. } = &place.kind {
            for name in allowed.iter().flat_map(|field| &field.alternatives) {
                self.field(&place.name.value, name, false);
            }
        }
        for (field, _) in &place.starts {
            self.field(&place.name.value, field, false);
        }
    }

    fn field(&mut self, place: &str, name: &Name, added_by_migration: bool) {
        let Some(fields) = self.found.get_mut(place) else {
            return;
        };
        if fields.contains_key(&name.value) {
            return;
        }
        let field = Field {
            name: name.clone(),
            values: Vec::new(),
            not_null: false,
            declared: false,
            added_by_migration,
            same_as: None,
            disposable: false,
        };
        fields.insert(name.value.clone(), field);
    }

    fn body(&mut self, body: &Body) {
        self.verbs(&body.verbs);
        for handler in body.handlers.iter().filter_map(|(_, handler)| handler.as_ref()) {
            self.verbs(&handler.verbs);
        }
        for (_, overlay) in &body.overlays {
            self.body(overlay);
        }
    }

    fn verbs(&mut self, verbs: &Verbs) {
        for (place, fields) in [&verbs.writes, &verbs.sends, &verbs.reads, &verbs.receives].into_iter().flatten() {
            for name in fields.iter().flat_map(|fields| &fields.list).flat_map(|field| &field.alternatives) {
                self.field(&place.value, name, false);
            }
        }
    }

    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            match &step.verb {
                Verb::Backfill { place, field, .. } => {
                    let value = field.clone();
                    let span = step.verb_span.clone();
                    self.field(place, &Name { value, span }, false);
                }
                Verb::Parallel(steps) => self.steps(steps),
                _ => {}
            }
        }
    }
}
