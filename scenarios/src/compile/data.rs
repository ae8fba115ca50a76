//! Which fields stand for one datum (*twins*), and what the store fills.

use turnback_sim::fleet::definition::{Definition, Field};

use super::Compiler;
use crate::ast::{self, BackfillSource, MigrationChange, PlaceKind, Verb};

/// Fields joined into data, as a union-find over (place, field).
struct Union {
    parents: Vec<usize>,
    offsets: Vec<usize>,
}

impl Union {
    fn root(&self, mut at: usize) -> usize {
        while self.parents[at] != at {
            at = self.parents[at];
        }
        at
    }

    fn join(&mut self, one: (usize, u8), other: (usize, u8)) {
        let one = self.root(self.offsets[one.0] + usize::from(one.1));
        let other = self.root(self.offsets[other.0] + usize::from(other.1));
        self.parents[one.max(other)] = one.min(other);
    }
}

impl Compiler<'_> {
    pub(super) fn place_fields(&mut self, place: &ast::Place) -> Vec<Field> {
        let key = match &place.kind {
            PlaceKind::Table { key, .. } => Some(key.as_str()),
            // Nothing of what is sent outside is kept.
            PlaceKind::Effect { .. } => return vec![],
            _ => None,
        };
        place
            .fields
            .iter()
            .map(|field| {
                let name = field.name.value.as_str();
                let written = self.written(&place.name.value, name);
                Field {
                    datum: 0,
                    exists: !field.added_by_migration,
                    not_null: field.not_null,
                    store_filled: key == Some(name) || (key.is_some() && field.not_null && !written),
                    disposable: field.disposable,
                }
            })
            .collect()
    }

    /// Whether any version writes that field of that place.
    fn written(&self, place: &str, field: &str) -> bool {
        self.scenario.actors.iter().flat_map(|actor| &actor.versions).any(|version| writes(&version.body, place, field))
    }

    /// Numbers the data.
    pub(super) fn unite_data(&mut self, fleet: &mut Definition, plan: Option<usize>) {
        let mut offsets = Vec::new();
        let mut total = 0;
        for place in &fleet.places {
            offsets.push(total);
            total += place.fields.len();
        }
        let mut union = Union { parents: (0..total).collect(), offsets };
        self.join_declared(&mut union);
        for version in self.scenario.actors.iter().flat_map(|actor| &actor.versions) {
            self.join_read(&mut union, &version.body);
        }
        for step in self.steps(plan) {
            self.join_backfilled(&mut union, step);
        }
        self.number(fleet, &union);
    }

    fn join_declared(&self, union: &mut Union) {
        for (id, place) in self.scenario.places.iter().enumerate() {
            for (at, field) in place.fields.iter().enumerate() {
                if let Some((other, name)) = &field.same_as {
                    let other = other.as_ref().and_then(|other| self.place(&other.value)).map_or(id, usize::from);
                    union.join((id, at as u8), (other, self.field(other, &name.value)));
                }
            }
            match &place.kind {
                PlaceKind::Table { migrations, .. } => {
                    for migration in migrations {
                        if let MigrationChange::RenameColumn(from, to) = &migration.change {
                            union.join((id, self.field(id, &from.value)), (id, self.field(id, &to.value)));
                        }
                    }
                }
                PlaceKind::Cache { of: Some(of), .. } => {
                    let Some(table) = self.place(&of.value).map(usize::from) else {
                        continue;
                    };
                    for (at, field) in place.fields.iter().enumerate() {
                        let column = self.names.fields[table].iter().position(|column| *column == field.name.value);
                        if let Some(column) = column {
                            union.join((id, at as u8), (table, column as u8));
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// The alternatives of one read stand for one datum.
    fn join_read(&self, union: &mut Union, body: &ast::Body) {
        let handlers = body.handlers.iter().filter_map(|(_, handler)| handler.as_ref()).map(|handler| &handler.verbs);
        for verbs in std::iter::once(&body.verbs).chain(handlers) {
            for (name, fields) in verbs.reads.iter().chain(&verbs.receives) {
                let Some(place) = self.place(&name.value).map(usize::from) else {
                    continue;
                };
                for used in fields.iter().flat_map(|fields| &fields.list) {
                    for pair in used.alternatives.windows(2) {
                        union.join(
                            (place, self.field(place, &pair[0].value)),
                            (place, self.field(place, &pair[1].value)),
                        );
                    }
                }
            }
        }
        for (_, overlay) in &body.overlays {
            self.join_read(union, overlay);
        }
    }

    fn join_backfilled(&self, union: &mut Union, step: &ast::Step) {
        if let Verb::Backfill { place, field, source: BackfillSource::Field { place: other, field: from }, .. } =
            &step.verb
        {
            let Some(place) = self.place(place).map(usize::from) else {
                return;
            };
            let other = other.as_ref().and_then(|other| self.place(other)).map_or(place, usize::from);
            union.join((place, self.field(place, field)), (other, self.field(other, from)));
        }
    }

    fn number(&mut self, fleet: &mut Definition, union: &Union) {
        let mut roots: Vec<usize> = Vec::new();
        let mut at = 0;
        for place in &mut fleet.places {
            for field in &mut place.fields {
                let root = union.root(at);
                let number = roots.iter().position(|known| *known == root).unwrap_or_else(|| {
                    roots.push(root);
                    roots.len() - 1
                });
                field.datum = number as u16;
                at += 1;
            }
        }
        fleet.data = roots.len() as u16;
    }
}

fn writes(body: &ast::Body, place: &str, field: &str) -> bool {
    let handlers = body.handlers.iter().filter_map(|(_, handler)| handler.as_ref()).map(|handler| &handler.verbs);
    let mut verbs = std::iter::once(&body.verbs).chain(handlers);
    let here = verbs.any(|verbs| {
        verbs.writes.iter().filter(|(name, _)| name.value == place).any(|(_, fields)| {
            let used = fields.iter().flat_map(|fields| &fields.list);
            used.flat_map(|used| &used.alternatives).any(|name| name.value == field)
        })
    });
    here || body.overlays.iter().any(|(_, overlay)| writes(overlay, place, field))
}
