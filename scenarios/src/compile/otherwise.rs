//! The declared rules for what is not as expected: `on_missing_field` and the like.

use turnback_sim::fleet::definition::{Otherwise, Outcome};

use super::Compiler;
use crate::ast::{self, Span};

impl Compiler<'_> {
    /// What happens to a reader, and which declared rules say so.
    pub(super) fn otherwise(&mut self, otherwise: &ast::Otherwise) -> Otherwise {
        let mut compiled = Otherwise::default();
        let given = [
            ("on_missing_field", &otherwise.on_missing_field, &mut compiled.missing_field),
            ("on_unknown_field", &otherwise.on_unknown_field, &mut compiled.unknown_field),
            ("on_unknown_value", &otherwise.on_unknown_value, &mut compiled.unknown_value),
        ];
        for (rule, (key, given, outcome)) in compiled.rules.iter_mut().zip(given) {
            if let Some(given) = given {
                *outcome = outcome_of(given.value);
                *rule = self.rule(key, &given.span);
            }
        }
        compiled
    }

    /// The number of a declared rule, the same wherever it is inherited.
    fn rule(&mut self, key: &'static str, span: &Span) -> u16 {
        self.names.rules.insert_full((key, span.clone())).0 as u16
    }
}

/// The rules of `own`, and those of `base` where it has none.
pub(super) fn over(own: &ast::Otherwise, base: &ast::Otherwise) -> ast::Otherwise {
    ast::Otherwise {
        on_missing_field: own.on_missing_field.clone().or_else(|| base.on_missing_field.clone()),
        on_unknown_field: own.on_unknown_field.clone().or_else(|| base.on_unknown_field.clone()),
        on_unknown_value: own.on_unknown_value.clone().or_else(|| base.on_unknown_value.clone()),
        keeps_unknown: own.keeps_unknown.or(base.keeps_unknown),
    }
}

pub(super) fn outcome_of(outcome: ast::Outcome) -> Outcome {
    match outcome {
        ast::Outcome::Ignore => Outcome::Ignore,
        ast::Outcome::Reject => Outcome::Reject,
        ast::Outcome::Retry => Outcome::Retry,
        ast::Outcome::Drop => Outcome::Drop,
        ast::Outcome::Crash => Outcome::Crash,
        ast::Outcome::Misread => Outcome::Misread,
    }
}
