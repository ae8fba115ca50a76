//! Columns that are there at the start although a migration adds them.

use crate::ast::{MigrationChange, PlaceKind, Scenario};
use crate::diagnostics::{Code, Diagnostic};

/// Every column that is listed, added by a migration, and taken away by none before.
pub(super) fn listed_and_added(scenario: &Scenario) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for place in &scenario.places {
        let PlaceKind::Table { migrations, .. } = &place.kind else { continue };
        let taken_away = |column: &str| {
            migrations.iter().any(|migration| match &migration.change {
                MigrationChange::DropColumn(name) | MigrationChange::RenameColumn(name, _) => name.value == column,
                _ => false,
            })
        };
        for migration in migrations {
            let MigrationChange::AddColumn(column) = &migration.change else { continue };
            let listed = place.fields.iter().any(|field| field.declared && field.name.value == column.value);
            if listed && !taken_away(&column.value) {
                let message = format!("`{}` is listed under `columns`, so there is nothing to add", column.value);
                let help = "take it out of `columns`; a migration brings it";
                found.push(Diagnostic::error(Code::ListedAndAdded, column.span.clone(), message).help(help));
            }
        }
    }
    found
}
