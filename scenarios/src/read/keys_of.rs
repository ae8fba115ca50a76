//! A map of the file against the key table.

use crate::ast::{Assumed, Name, Span};
use crate::diagnostics::{Code, Diagnostic};
use crate::keys::{self, Status, Where};
use crate::suggest;
use crate::tree::{Entry, Kind, Node};

use super::Reader;

/// A map whose keys are known.
#[derive(Clone)]
pub(super) struct Keys<'n> {
    /// Which map it is.
    pub(super) stands: Where,
    /// Whose map it is, for messages and assumptions.
    pub(super) owner: String,
    /// Where it stands.
    pub(super) span: Span,
    entries: &'n [Entry],
}

impl<'n> Keys<'n> {
    /// The entry of a key, if it is there.
    pub(super) fn entry(&self, key: &str) -> Option<&'n Entry> {
        debug_assert!(keys::find(self.stands, key).is_some(), "`{key}` is not in the table of {}", self.stands.title());
        self.entries.iter().find(|entry| entry.key.value == key)
    }

    /// The value of a key, if it is there.
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    /// The entries, in the order of the file.
    pub(super) fn entries(&self) -> &'n [Entry] {
        self.entries
    }
}

impl Reader<'_> {
    /// A map with fixed keys: unknown, missing and unsupported ones are reported, defaults are noted.
    pub(super) fn keys<'n>(&mut self, node: &'n Node, stands: Where, owner: &str) -> Option<Keys<'n>> {
        let Kind::Map(entries) = &node.kind else {
            let keys: Vec<_> = keys::of(stands).map(|key| key.name).take(4).collect();
            self.shape(node, &format!("a map with keys like {}", suggest::listed(&keys)));
            return None;
        };
        let map = Keys { stands, owner: owner.to_owned(), span: node.span.clone(), entries };
        for entry in entries {
            self.check_key(&map, &entry.key);
            let remark = entry.key.value == "pause" && stands == Where::Step;
            if entry.value.kind == Kind::Empty && !remark {
                self.missing_value(entry);
            }
        }
        for key in keys::of(stands) {
            if key.required && !map.has(key.name) {
                let message = format!("{owner} needs `{}`", key.name);
                self.error(Code::MissingKey, map.head(), message, format!("for example: {}", key.example));
            }
        }
        self.assume_defaults(&map);
        Some(map)
    }

    fn check_key(&mut self, map: &Keys<'_>, key: &Name) {
        let span = key.span.clone();
        match keys::find(map.stands, &key.value) {
            Some(known) if known.status == Status::NotYet => {
                let message = format!("`{}` is not supported yet", key.value);
                self.error(Code::NotSupportedYet, span, message, known.meaning.to_owned());
            }
            Some(_) => {}
            None => {
                let message = format!("{} has no key `{}`", map.owner, key.value);
                let help = if self.is_full() { None } else { known_key(map.stands, &key.value) };
                self.error(Code::UnknownKey, span, message, help);
            }
        }
    }

    /// Reports an entry without a value; `null`, `~` and aliases were reported as such.
    fn missing_value(&mut self, Entry { key, value }: &Entry) {
        if !value.span.is_empty() {
            self.behaviour_is_whole = false;
            return;
        }
        let message = format!("`{}` has no value", key.value);
        self.error(Code::Null, key.span.clone(), message, "give it one, or leave the key out".to_owned());
    }

    fn assume_defaults(&mut self, map: &Keys<'_>) {
        let inherits = map.entries.iter().any(|entry| entry.key.value == "extends");
        let silent =
            matches!(map.stands, Where::Overlay | Where::Handler | Where::Fields | Where::Step | Where::Defaults);
        for key in keys::of(map.stands) {
            let absent = !key.default.is_empty() && !map.has(key.name);
            let own_default = map.stands == Where::Handler && key.name == "same_transaction";
            if absent
                && (own_default || !(silent || inherits))
                && key.name != "rollback"
                && !is_otherwise_of_shell(map, key.name)
            {
                self.assume(&map.owner, key.name, key.default);
            }
        }
    }

    /// Notes that a default was filled in.
    pub(super) fn assume(&mut self, owner: &str, key: &str, value: &str) {
        self.assumed.insert(Assumed { owner: owner.to_owned(), key: key.to_owned(), value: value.to_owned() });
    }

    /// Reports a value of the wrong kind.
    pub(super) fn shape(&mut self, node: &Node, expected: &str) {
        if node.kind == Kind::Empty {
            return;
        }
        let message = format!("expected {expected}, found {}", node.describe());
        let mut diagnostic = Diagnostic::error(Code::WrongShape, first_line(self, &node.span), message);
        if is_file_reference(node) {
            let message = "references to files are not supported yet";
            diagnostic = Diagnostic::error(Code::NotSupportedYet, node.span.clone(), message)
                .help("write the fields or steps out");
        }
        self.report(diagnostic);
    }

    /// The entries of a map with free keys.
    pub(super) fn named<'n>(&mut self, node: Option<&'n Node>, what: &str) -> &'n [Entry] {
        let Some(node) = node else {
            return &[];
        };
        let Kind::Map(entries) = &node.kind else {
            self.shape(node, &format!("a map: {what}"));
            return &[];
        };
        for entry in entries {
            if entry.value.kind == Kind::Empty {
                self.missing_value(entry);
            }
        }
        entries
    }

    /// The items of a list.
    pub(super) fn list<'n>(&mut self, node: Option<&'n Node>, what: &str) -> &'n [Node] {
        let Some(node) = node else {
            return &[];
        };
        let Kind::List(items) = &node.kind else {
            self.shape(node, &format!("a list of {what}"));
            return &[];
        };
        for item in items.iter().filter(|item| item.kind == Kind::Empty && item.span.is_empty()) {
            self.error(Code::Null, item.span.clone(), "an entry of this list is empty", None);
        }
        items
    }
}

impl Keys<'_> {
    /// A short place to point at for the map as a whole.
    pub(super) fn head(&self) -> Span {
        match self.entries.first() {
            Some(entry) => entry.key.span.clone(),
            None => self.span.clone(),
        }
    }
}

/// A service with versions has no behaviour of its own, so nothing is assumed of it.
fn is_otherwise_of_shell(map: &Keys<'_>, key: &str) -> bool {
    let shell = map.stands == Where::Service && map.entries.iter().any(|entry| entry.key.value == "versions");
    shell && (key.starts_with("on_") || key == "keeps_unknown")
}

fn known_key(stands: Where, word: &str) -> Option<String> {
    let known = keys::of(stands).filter(|key| !key.is_pattern()).map(|key| key.name);
    suggest::hint(word, known).or_else(|| elsewhere(word))
}

fn elsewhere(word: &str) -> Option<String> {
    let key = keys::all().find(|key| key.name == word)?;
    let stands: Vec<_> = key.stands.iter().map(|stands| stands.title()).collect();
    Some(format!("`{word}` stands in: {}", stands.join(", ")))
}

/// Whether a map refers to a file instead of saying something itself.
pub(super) fn is_file_reference(node: &Node) -> bool {
    let [entry] = node.entries() else {
        return false;
    };
    matches!(entry.key.value.as_str(), "proto" | "avro" | "openapi" | "sql" | "argo")
}

fn first_line(reader: &Reader<'_>, span: &Span) -> Span {
    let text = reader.source.slice(span);
    let line = text.lines().next().unwrap_or_default();
    span.start..span.start + line.trim_end().len()
}
