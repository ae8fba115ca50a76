//! What the file declares, by name: known before any reference is read, so that order does not matter.

use std::collections::HashMap;

use indexmap::IndexMap;

use crate::ast::{Name, Span};
use crate::diagnostics::{Code, Diagnostic};
use crate::source::Source;
use crate::text::Text;
use crate::tree::{Entry, Node};

/// Which sort of place a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// `tables`
    Table,
    /// `documents`
    Document,
    /// `queues`
    Queue,
    /// `caches`
    Cache,
    /// `disks`
    Disk,
    /// `memory`
    Memory,
    /// `effects`
    Effect,
}

impl Sort {
    /// Every sort, with the key it is declared under.
    pub const ALL: [(&'static str, Self); 7] = [
        ("tables", Self::Table),
        ("documents", Self::Document),
        ("queues", Self::Queue),
        ("caches", Self::Cache),
        ("disks", Self::Disk),
        ("memory", Self::Memory),
        ("effects", Self::Effect),
    ];

    /// In a sentence.
    pub fn word(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Document => "document",
            Self::Queue => "queue",
            Self::Cache => "cache",
            Self::Disk => "disk",
            Self::Memory => "memory",
            Self::Effect => "effect",
        }
    }

    /// In a sentence, with its article.
    pub fn phrase(self) -> String {
        let article = if self == Self::Effect { "an" } else { "a" };
        format!("{article} {}", self.word())
    }
}

/// A declared place.
#[derive(Debug)]
pub struct PlaceName {
    /// Which sort.
    pub sort: Sort,
    /// The names of its migrations.
    pub migrations: Vec<String>,
    /// Effects: whether it is kept that something was sent.
    pub at_most_once: bool,
}

/// A declared service or client.
#[derive(Debug)]
pub struct ActorName {
    /// Whether it is a service.
    pub service: bool,
    /// Its versions, in order; none if it declares none.
    pub versions: Vec<String>,
}

/// A declared flag or config.
#[derive(Debug)]
pub struct ValueName {
    /// Whether it is a flag.
    pub flag: bool,
    /// Its values.
    pub values: Vec<String>,
}

/// How a name under `sends` or `receives` is used.
#[derive(Debug, Default)]
pub struct CallUse {
    /// Where it is used first.
    pub span: Span,
    /// Actors that send the request.
    pub senders: Vec<String>,
    /// Actors that receive the request.
    pub receivers: Vec<String>,
    /// Actors that send the reply.
    pub repliers: Vec<String>,
    /// Actors that receive the reply.
    pub callers: Vec<String>,
}

impl CallUse {
    /// Whether nobody receives it or answers it.
    pub fn goes_nowhere(&self) -> bool {
        self.receivers.is_empty() && self.repliers.is_empty()
    }

    /// Whether somebody sends what somebody receives.
    pub fn meets(&self) -> bool {
        let request = !self.senders.is_empty() && !self.receivers.is_empty();
        request || (!self.repliers.is_empty() && !self.callers.is_empty())
    }
}

/// Everything that is declared.
#[derive(Debug, Default)]
pub struct Names {
    /// Places.
    pub places: IndexMap<String, PlaceName>,
    /// Declared apis.
    pub apis: IndexMap<String, Span>,
    /// Names under `sends` and `receives`, without `.reply`, in order of first use.
    pub calls: IndexMap<String, CallUse>,
    /// Services and clients.
    pub actors: IndexMap<String, ActorName>,
    /// Flags and configs.
    pub values: IndexMap<String, ValueName>,
    /// Gates.
    pub gates: IndexMap<String, Span>,
    /// Own metrics.
    pub metrics: IndexMap<String, Span>,
    /// Roles, and the services that they are of.
    pub roles: IndexMap<String, String>,
    /// Capacities: names of mechanisms that do not exist yet.
    pub later: HashMap<String, &'static str>,
}

/// A name without `.reply`, and whether it had it.
pub fn without_reply(name: &str) -> (&str, bool) {
    match name.strip_suffix(".reply") {
        Some(base) if !base.is_empty() => (base, true),
        _ => (name, false),
    }
}

impl Names {
    /// Collects what a file declares; names that are used twice are reported.
    pub fn collect(root: &Node, source: &Source, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut names = Self::default();
        names.collect_small(root);
        names.collect_places(root);
        names.collect_actors(root);
        names.collect_values(root, source);
        for entry in ["services", "clients"].iter().flat_map(|key| entries(root, key)) {
            names.collect_calls(&entry.key.value, &entry.value);
        }
        duplicates(root, diagnostics);
        names
    }

    fn collect_places(&mut self, root: &Node) {
        for (key, sort) in Sort::ALL {
            for entry in entries(root, key) {
                let migrations = entry.value.get("migrations").map(Node::entries).unwrap_or_default();
                let place = PlaceName {
                    sort,
                    migrations: migrations.iter().map(|entry| entry.key.value.clone()).collect(),
                    at_most_once: entry.value.get("at_most").is_some(),
                };
                self.places.insert(entry.key.value.clone(), place);
            }
        }
        for entry in entries(root, "apis") {
            self.apis.insert(entry.key.value.clone(), entry.key.span.clone());
        }
    }

    fn collect_actors(&mut self, root: &Node) {
        for (key, service) in [("services", true), ("clients", false)] {
            for entry in entries(root, key) {
                let versions = entry.value.get("versions").map(Node::entries).unwrap_or_default();
                let actor =
                    ActorName { service, versions: versions.iter().map(|entry| entry.key.value.clone()).collect() };
                self.actors.insert(entry.key.value.clone(), actor);
            }
        }
    }

    fn collect_values(&mut self, root: &Node, source: &Source) {
        for entry in entries(root, "flags") {
            let flag = ValueName { flag: true, values: vec!["off".to_owned(), "on".to_owned()] };
            self.values.insert(entry.key.value.clone(), flag);
        }
        for entry in entries(root, "config") {
            let values = entry.value.get("values").map(Node::items).unwrap_or_default();
            let values = values.iter().filter_map(|node| Text::of(node, source));
            let config = ValueName { flag: false, values: values.map(|text| text.text.to_owned()).collect() };
            self.values.insert(entry.key.value.clone(), config);
        }
    }

    fn collect_small(&mut self, root: &Node) {
        for entry in entries(root, "roles") {
            let of = entry.value.get("of").and_then(Node::text).unwrap_or_default();
            self.roles.insert(entry.key.value.clone(), of.to_owned());
        }
        for (key, word) in [("capacities", "capacity")] {
            for entry in entries(root, key) {
                self.later.insert(entry.key.value.clone(), word);
            }
        }
        for entry in entries(root, "gates") {
            self.gates.insert(entry.key.value.clone(), entry.key.span.clone());
        }
        for entry in entries(root, "metrics") {
            self.metrics.insert(entry.key.value.clone(), entry.key.span.clone());
        }
    }

    fn collect_calls(&mut self, actor: &str, node: &Node) {
        for entry in node.entries() {
            match entry.key.value.as_str() {
                "sends" => self.calls_of(actor, &entry.value, true),
                "receives" => self.calls_of(actor, &entry.value, false),
                _ => self.collect_calls(actor, &entry.value),
            }
        }
    }

    fn calls_of(&mut self, actor: &str, node: &Node, sends: bool) {
        for entry in node.entries() {
            let (base, reply) = without_reply(&entry.key.value);
            if self.places.contains_key(base) || self.later.contains_key(base) {
                continue;
            }
            let used = self
                .calls
                .entry(base.to_owned())
                .or_insert_with(|| CallUse { span: entry.key.span.clone(), ..CallUse::default() });
            let list = match (sends, reply) {
                (true, false) => &mut used.senders,
                (false, false) => &mut used.receivers,
                (true, true) => &mut used.repliers,
                (false, true) => &mut used.callers,
            };
            if list.last().is_none_or(|last| last != actor) {
                list.push(actor.to_owned());
            }
        }
    }

    /// The longest declared place that a dotted text starts with, and what follows the dot.
    pub fn dotted<'t>(&self, text: &Text<'t>) -> Option<(Text<'t>, Text<'t>)> {
        let mut dots = text.text.rmatch_indices('.').map(|(at, _)| at);
        let at = dots.find(|&at| self.places.contains_key(&text.text[..at]))?;
        Some((text.part(0, at), text.part(at + 1, text.text.len())))
    }
}

/// The entries of a top-level map.
pub fn entries<'n>(root: &'n Node, key: &str) -> &'n [Entry] {
    root.get(key).map(Node::entries).unwrap_or_default()
}

const NAME_SPACES: [(&str, &[&str]); 3] = [
    ("services and clients", &["services", "clients"]),
    ("places and apis", &["tables", "documents", "queues", "caches", "disks", "memory", "apis", "effects"]),
    ("flags, config, roles and capacities", &["flags", "config", "roles", "capacities"]),
];

fn duplicates(root: &Node, diagnostics: &mut Vec<Diagnostic>) {
    for (what, keys) in NAME_SPACES {
        let mut seen: HashMap<&str, &Name> = HashMap::new();
        for entry in keys.iter().flat_map(|key| entries(root, key)) {
            let Some(first) = seen.insert(&entry.key.value, &entry.key) else {
                continue;
            };
            let message = format!("`{}` is declared twice among {what}", entry.key.value);
            let diagnostic = Diagnostic::error(Code::DuplicateName, entry.key.span.clone(), message)
                .related(first.span.clone(), "first here")
                .help("give one of them another name");
            diagnostics.push(diagnostic);
        }
    }
}
