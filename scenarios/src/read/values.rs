//! Flags and configs, and references to them, to services and to versions.

use crate::ast::{Name, Observed, Value};
use crate::diagnostics::Code;
use crate::keys::Where;
use crate::text::Text;
use crate::tree::{Entry, Kind};

use super::Reader;
use super::keys_of::Keys;

impl Reader<'_> {
    /// `flags:` and `config:`
    pub(super) fn values(&mut self, top: &Keys<'_>) -> Vec<Value> {
        let mut values = Vec::new();
        for entry in self.named(top.get("flags"), "flags and their values at the start") {
            values.extend(self.flag(entry));
        }
        for entry in self.named(top.get("config"), "configs and their values") {
            values.extend(self.config(entry));
        }
        values
    }

    fn flag(&mut self, entry: &Entry) -> Option<Value> {
        let name = self.declared(&entry.key);
        let span = entry.key.span.clone();
        let word = |value: &str| Name { value: value.to_owned(), span: span.clone() };
        let mut value = Value {
            name,
            flag: true,
            values: vec![word("off"), word("on")],
            starts: 0,
            of: None,
            observed: Observed::AtOnce,
            irreversible: false,
            becomes: Vec::new(),
        };
        let owner = format!("flag {}", entry.key.value);
        if let Kind::Text(_) = entry.value.kind {
            let text = self.text_of(&entry.value, "on or off")?;
            match text.text {
                "off" | "on" => value.starts = usize::from(text.text == "on"),
                _ => self.not_one_of(Code::BadChoice, &text, &entry.key.value, &["on", "off"]),
            }
            for (key, default) in [("of", "all"), ("observed", "at once"), ("irreversible", "false")] {
                self.assume(&owner, key, default);
            }
            return Some(value);
        }
        let map = self.keys(&entry.value, Where::Flag, &owner)?;
        value.starts = usize::from(self.one_of(&map, "starts", Code::BadChoice) == Some(0));
        self.observation(&map, &mut value);
        Some(value)
    }

    fn config(&mut self, entry: &Entry) -> Option<Value> {
        let name = self.declared(&entry.key);
        let map = self.keys(&entry.value, Where::Config, &format!("config {}", entry.key.value))?;
        let items = self.list(map.get("values"), "values");
        let mut values: Vec<Name> = Vec::new();
        for item in items {
            let Some(text) = self.text_of(item, "a value") else {
                continue;
            };
            if values.iter().any(|value| value.value == text.text) {
                let message = format!("value `{}` stands here twice", text.text);
                self.error(Code::DuplicateName, text.span(), message, None);
            }
            values.push(self.name_of(&text));
        }
        if values.len() < 2 && map.has("values") {
            let help = "list at least two values; the first holds at the start".to_owned();
            self.error(Code::BadChoice, map.head(), "a config needs at least two values", help);
        }
        let mut value = Value {
            name,
            flag: false,
            values,
            starts: 0,
            of: None,
            observed: Observed::AtOnce,
            irreversible: false,
            becomes: Vec::new(),
        };
        self.observation(&map, &mut value);
        Some(value)
    }

    fn observation(&mut self, map: &Keys<'_>, value: &mut Value) {
        if let Some(text) = self.text(map, "of").filter(|text| text.text != "all") {
            value.of = self.service_named(&text).map(|_| text.name());
        }
        if let Some(text) = self.text(map, "observed") {
            value.observed = self.observed(&text).unwrap_or(Observed::AtOnce);
        }
        value.irreversible = self.bool(map, "irreversible");
    }

    fn observed(&mut self, text: &Text<'_>) -> Option<Observed> {
        match text.text {
            "at once" => Some(Observed::AtOnce),
            "on restart" => Some(Observed::OnRestart),
            other if other.starts_with("within ") => {
                let duration = text.part("within ".len(), other.len()).trim();
                self.duration_of(&duration).map(Observed::Within)
            }
            _ => {
                self.not_one_of(Code::BadChoice, text, "observed", &["at once", "within 60s", "on restart"]);
                None
            }
        }
    }

    /// A declared flag or config.
    pub(super) fn value_named(&mut self, text: &Text<'_>) -> Option<String> {
        if self.names.values.contains_key(text.text) {
            return Some(text.text.to_owned());
        }
        let message = format!("there is no flag or config `{}`", text.text);
        self.unknown_name(Code::UnknownValue, text, message, |names| names.values.keys().collect());
        None
    }

    /// The index of a value of a declared flag or config.
    pub(super) fn index_of_value(&mut self, name: &Text<'_>, value: &Text<'_>) -> Option<usize> {
        let known = self.value_named(name)?;
        let values = self.names.values[&known].values.clone();
        let index = values.iter().position(|candidate| candidate == value.text);
        if index.is_none() {
            let message = format!("`{known}` has no value `{}`", value.text);
            self.unknown_word(Code::UnknownTag, value, message, values.iter().map(String::as_str));
        }
        index
    }

    /// A declared service.
    pub(super) fn service_named(&mut self, text: &Text<'_>) -> Option<String> {
        self.actor_named(text, Some(true))
    }

    /// A declared client.
    pub(super) fn client_named(&mut self, text: &Text<'_>) -> Option<String> {
        self.actor_named(text, Some(false))
    }

    /// A declared service or client, or only one of them.
    pub(super) fn actor_named(&mut self, text: &Text<'_>, service: Option<bool>) -> Option<String> {
        let fits = |is: bool| service.is_none_or(|wanted| wanted == is);
        if self.names.actors.get(text.text).is_some_and(|actor| fits(actor.service)) {
            return Some(text.text.to_owned());
        }
        let what = match service {
            Some(true) => "service",
            Some(false) => "client",
            None => "service or client",
        };
        let message = format!("there is no {what} `{}`", text.text);
        self.unknown_name(Code::UnknownActor, text, message, |names| {
            let fitting = names.actors.iter().filter(|(_, actor)| fits(actor.service));
            fitting.map(|(name, _)| name).collect()
        });
        None
    }

    /// A declared service and one of its versions.
    pub(super) fn release(&mut self, service: &Text<'_>, version: &Text<'_>) -> Option<(String, String)> {
        let name = self.service_named(service)?;
        self.version_of(&name, version)?;
        Some((name, version.text.to_owned()))
    }

    /// A declared version of an actor.
    pub(super) fn version_of(&mut self, actor: &str, version: &Text<'_>) -> Option<String> {
        let versions = self.names.actors.get(actor)?.versions.clone();
        if versions.iter().any(|candidate| candidate == version.text) {
            return Some(version.text.to_owned());
        }
        let message = format!("`{actor}` has no version `{}`", version.text);
        let names = versions.iter().map(String::as_str);
        self.unknown_word(Code::UnknownVersion, version, message, names);
        None
    }
}
