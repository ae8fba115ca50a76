//! Step ids: how they are made, and what a reference to one means.

use std::collections::HashMap;

use crate::diagnostics::{Code, Diagnostic};
use crate::keys;
use crate::suggest;
use crate::text::Text;
use crate::tree::{Entry, Kind, Node};

use super::Reader;

/// The step ids of every plan, and of the one that is being read.
#[derive(Debug, Default)]
pub(super) struct StepIds {
    /// Of every plan.
    pub(super) all: Vec<String>,
    /// Of the lists that a reference may mean here, nearest first.
    pub(super) scopes: Vec<Vec<String>>,
}

/// Gives repeated ids their number.
#[derive(Debug, Default)]
pub(super) struct Numbering {
    used: HashMap<String, usize>,
}

impl Numbering {
    /// The full id of a step: `id:`, else verb and value; repeats get ` #2`.
    pub(super) fn id(&mut self, step: &Node) -> String {
        if let Some(id) = step.get("id").and_then(Node::text) {
            return id.to_owned();
        }
        let id = id_of(step);
        let used = self.used.entry(id.clone()).or_default();
        *used += 1;
        match *used {
            1 => id,
            again => format!("{id} #{again}"),
        }
    }
}

/// The entry of a step that is its verb.
pub(super) fn verb_of(step: &Node) -> Option<&Entry> {
    let is_verb = |entry: &&Entry| keys::verbs().any(|verb| verb.name == entry.key.value);
    step.entries().iter().find(is_verb)
}

fn id_of(step: &Node) -> String {
    let Some(verb) = verb_of(step) else {
        return "step".to_owned();
    };
    let name = verb.key.value.as_str();
    let words: Vec<&str> = verb.value.text().unwrap_or_default().split_whitespace().collect();
    let value = match name {
        "backfill" => words.first().copied().unwrap_or_default().to_owned(),
        _ => words.join(" "),
    };
    format!("{name} {value}").trim_end().to_owned()
}

/// The ids of a list of steps, those within `parallel` after it.
pub(super) fn ids_of(steps: &[Node]) -> Vec<String> {
    let mut ids = Vec::new();
    number(steps, &mut Numbering::default(), &mut ids);
    ids
}

fn number(steps: &[Node], numbering: &mut Numbering, ids: &mut Vec<String>) {
    for step in steps.iter().filter(|step| matches!(step.kind, Kind::Map(_))) {
        ids.push(numbering.id(step));
        number(step.get("parallel").map(Node::items).unwrap_or_default(), numbering, ids);
    }
}

impl Reader<'_> {
    /// The ids of the steps of every plan of the file.
    pub(super) fn all_step_ids(&self, root: &Node) -> StepIds {
        let plans = crate::names::entries(root, "plans").iter();
        let named = plans.filter_map(|entry| entry.value.get("steps"));
        let mut all: Vec<String> = Vec::new();
        for id in root.get("plan").into_iter().chain(named).flat_map(|steps| ids_of(steps.items())) {
            if !all.contains(&id) {
                all.push(id);
            }
        }
        StepIds { all, scopes: Vec::new() }
    }

    /// The full id of the step that a reference means.
    pub(super) fn step_named(&mut self, text: &Text<'_>) -> Option<String> {
        self.step_among(text, |_| true)
    }

    /// The full id of the step that a reference means, one of those that `may` be meant.
    pub(super) fn step_among(&mut self, text: &Text<'_>, may: impl Fn(&str) -> bool) -> Option<String> {
        let scopes =
            if self.steps.scopes.is_empty() { vec![&self.steps.all] } else { self.steps.scopes.iter().collect() };
        let among = |ids: &Vec<String>| ids.iter().filter(|id| may(id)).cloned().collect::<Vec<String>>();
        let found: Vec<Vec<String>> = scopes.into_iter().map(|ids| fitting(text.text, &among(ids))).collect();
        let Some(fitting) = found.into_iter().find(|fitting| !fitting.is_empty()) else {
            self.unknown_step(text);
            return None;
        };
        if let [id] = fitting.as_slice() {
            return Some(id.clone());
        }
        let ids: Vec<&str> = fitting.iter().map(String::as_str).collect();
        let message = format!("`{}` fits {} steps", text.text, ids.len());
        let diagnostic = Diagnostic::error(Code::AmbiguousStep, text.span(), message);
        self.report(diagnostic.help(format!("write one of these in full: {}", suggest::listed(&ids))));
        None
    }

    fn unknown_step(&mut self, text: &Text<'_>) {
        let ids: Vec<String> = match self.steps.scopes.first() {
            Some(_) => self.steps.scopes.concat(),
            None => self.steps.all.clone(),
        };
        let message = format!("there is no step `{}`", text.text);
        self.unknown_word(Code::UnknownStep, text, message, ids.iter().map(String::as_str));
    }
}

/// The ids that a reference may mean: the exact one, else those that have it as whole words, else as any part.
fn fitting(reference: &str, ids: &[String]) -> Vec<String> {
    let exact = ids.iter().find(|id| *id == reference);
    if let Some(id) = exact {
        return vec![id.clone()];
    }
    let of = |fits: &dyn Fn(&str) -> bool| -> Vec<String> { ids.iter().filter(|id| fits(id)).cloned().collect() };
    let whole = of(&|id| has_words(id, reference));
    if whole.is_empty() { of(&|id| id.contains(reference)) } else { whole }
}

fn has_words(id: &str, words: &str) -> bool {
    id.match_indices(words).any(|(at, _)| {
        let before = id[..at].chars().next_back();
        let after = id[at + words.len()..].chars().next();
        before.is_none_or(char::is_whitespace) && after.is_none_or(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_id_wins_over_whole_words_and_those_over_parts() {
        let ids: Vec<String> =
            ["deploy web v2", "deploy web v2 #2", "deploy web v2.5", "wait 7d"].map(str::to_owned).to_vec();
        assert_eq!(fitting("deploy web v2", &ids), ["deploy web v2"]);
        assert_eq!(fitting("web v2.5", &ids), ["deploy web v2.5"]);
        assert_eq!(fitting("web v2", &ids).len(), 2);
        assert_eq!(fitting("7", &ids), ["wait 7d"]);
        assert!(fitting("zz", &ids).is_empty());
    }
}
