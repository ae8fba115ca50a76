//! `extends` and `if` merged: what a version does under one valuation, still in the words of the file.

use super::otherwise::over;
use crate::ast::{self, Body, Fields, Name};

/// A version's behaviour under one valuation, still in the words of the file.
#[derive(Clone, Default)]
pub(super) struct Merged {
    pub reads: Vec<(Name, Fields)>,
    pub writes: Vec<(Name, Fields)>,
    pub sends: Vec<(Name, Fields)>,
    pub receives: Vec<(Name, Fields)>,
    pub deletes: Vec<Name>,
    pub handlers: Vec<(Name, ast::Handler)>,
    pub otherwise: ast::Otherwise,
}

impl Merged {
    pub fn take(&mut self, body: &Body) {
        replace(&mut self.reads, &body.verbs.reads);
        replace(&mut self.writes, &body.verbs.writes);
        replace(&mut self.sends, &body.verbs.sends);
        replace(&mut self.receives, &body.verbs.receives);
        for place in &body.verbs.deletes {
            if !self.deletes.iter().any(|known| known.value == place.value) {
                self.deletes.push(place.clone());
            }
        }
        replace(&mut self.handlers, &body.handlers);
        self.otherwise = over(&body.otherwise, &self.otherwise);
    }
}

/// Entries of `own` replace those of the same name; `none` removes.
fn replace<T: Clone>(base: &mut Vec<(Name, T)>, own: &[(Name, Option<T>)]) {
    for (name, entry) in own {
        let at = base.iter().position(|(known, _)| known.value == name.value);
        match (at, entry) {
            (Some(at), Some(entry)) => base[at] = (name.clone(), entry.clone()),
            (Some(at), None) => {
                base.remove(at);
            }
            (None, Some(entry)) => base.push((name.clone(), entry.clone())),
            (None, None) => {}
        }
    }
}
