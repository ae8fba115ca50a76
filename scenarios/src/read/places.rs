//! Places and apis.

use crate::ast::{Api, Fallback, Field, Migration, MigrationChange, Name, OnWrite, Place, PlaceKind, Route};
use crate::diagnostics::{Code, Diagnostic};
use crate::keys::Where;
use crate::names::{CallUse, Sort};
use crate::text::{Text, is_call};
use crate::tree::{Entry, Kind};

use super::Reader;
use super::keys_of::Keys;

impl Reader<'_> {
    /// Every place, with its declared fields.
    pub(super) fn places(&mut self, top: &Keys<'_>) -> Vec<Place> {
        let mut places = Vec::new();
        for entry in top.entries() {
            let Some(&(key, sort)) = Sort::ALL.iter().find(|(key, _)| *key == entry.key.value) else {
                continue;
            };
            for entry in self.named(top.get(key), "names and what they are") {
                places.extend(self.place(entry, sort));
            }
        }
        places
    }

    fn place(&mut self, entry: &Entry, sort: Sort) -> Option<Place> {
        let name = self.declared(&entry.key);
        let owner = format!("{} {}", sort.word(), name.value);
        let (stands, fields) = match sort {
            Sort::Table => (Where::Table, "columns"),
            Sort::Document => (Where::Document, "fields"),
            Sort::Queue => (Where::Queue, "fields"),
            Sort::Cache => (Where::Cache, "fields"),
            Sort::Disk => (Where::Disk, "fields"),
            Sort::Memory => (Where::Memory, "fields"),
            Sort::Effect => return self.effect(entry, name),
        };
        let map = self.keys(&entry.value, stands, &owner)?;
        let fields = self.declared_fields(&map, fields, &name.value);
        let kind = match sort {
            Sort::Table => self.table(&map, &fields),
            Sort::Document => PlaceKind::Document,
            Sort::Queue => self.queue(&map),
            Sort::Cache => self.cache(&map),
            _ => self.private(&map, sort)?,
        };
        let starts = self.starts(&map);
        Some(Place { name, kind, fields, starts })
    }

    fn effect(&mut self, entry: &Entry, name: Name) -> Option<Place> {
        let map = self.keys(&entry.value, Where::Effect, &format!("effect {}", name.value))?;
        let mut allowed = Vec::new();
        for item in self.list(map.get("allowed"), "fields") {
            let Some(field) = self.field_entry(item) else { continue };
            if field.alternatives.len() > 1 || field.fallback != Fallback::None || field.from.is_some() {
                let message = "what is allowed is a field and what it may be sent as";
                self.error(Code::BadField, field.span.clone(), message, "write `x: A|B`".to_owned());
            }
            allowed.push(field);
        }
        let at_most_once = self.one_of(&map, "at_most", Code::BadChoice).is_some();
        let kind = PlaceKind::Effect { allowed, at_most_once };
        Some(Place { name, kind, fields: Vec::new(), starts: Vec::new() })
    }

    fn declared_fields(&mut self, map: &Keys<'_>, key: &str, place: &str) -> Vec<Field> {
        let entries = self.named(map.get(key), &format!("`{key}` and what they hold"));
        let mut fields = Vec::new();
        for entry in entries {
            let name = self.declared(&entry.key);
            fields.extend(self.declared_field(entry, name, place));
        }
        if key == "columns" && map.has(key) && fields.is_empty() && self.errors == 0 {
            let message = format!("table `{place}` has no columns");
            self.error(Code::MissingKey, map.head(), message, "name at least its key column".to_owned());
        }
        fields
    }

    fn declared_field(&mut self, entry: &Entry, name: Name, place: &str) -> Option<Field> {
        let mut field = Field {
            name,
            values: Vec::new(),
            not_null: false,
            declared: true,
            added_by_migration: false,
            same_as: None,
            disposable: false,
        };
        let owner = format!("field {place}.{}", entry.key.value);
        if let Kind::Text(_) = entry.value.kind {
            let text = self.text_of(&entry.value, "`nullable`, `not_null`, `any` or value tags")?;
            match text.text {
                "nullable" | "any" => {}
                "not_null" => field.not_null = true,
                _ => field.values = self.declared_tags(&text),
            }
            return Some(field);
        }
        let map = self.keys(&entry.value, Where::Field, &owner)?;
        if let Some(text) = self.text(&map, "values") {
            field.values = self.declared_tags(&text);
        }
        field.not_null = self.bool(&map, "not_null");
        field.disposable = self.bool(&map, "disposable");
        if let Some(text) = self.text(&map, "same_as") {
            field.same_as = self.twin(&text);
        }
        Some(field)
    }

    fn twin(&mut self, text: &Text<'_>) -> Option<(Option<Name>, Name)> {
        if let Some((place, field)) = self.names.dotted(text) {
            self.keeps_items(&place)?;
            return Some((Some(place.name()), self.name_of(&field)));
        }
        Some((None, self.name_of(text)))
    }

    fn declared_tags(&mut self, text: &Text<'_>) -> Vec<Name> {
        let tags = self.tags(text);
        if let [tag] = tags.as_slice()
            && let Some(word) = crate::suggest::nearest(&tag.value, ["nullable", "not_null"])
        {
            let message = format!("`{}` is taken for the only value of this field", tag.value);
            let diagnostic = Diagnostic::warning(Code::SuspiciousTag, text.span(), message);
            self.report(diagnostic.help(format!("did you mean `{word}`?")));
        }
        for tag in &tags {
            if tags.iter().filter(|other| other.value == tag.value).count() > 1 {
                let message = format!("value `{}` stands here twice", tag.value);
                self.error(Code::DuplicateName, tag.span.clone(), message, None);
                break;
            }
        }
        tags
    }

    fn table(&mut self, map: &Keys<'_>, fields: &[Field]) -> PlaceKind {
        let mut key = fields.first().map(|field| field.name.value.clone()).unwrap_or_default();
        if let Some(text) = self.text(map, "key") {
            key = text.text.to_owned();
            if !fields.iter().any(|field| field.name.value == key) {
                let columns = fields.iter().map(|field| field.name.value.as_str());
                let message = format!("there is no column `{key}`");
                self.unknown_word(Code::UnknownField, &text, message, columns);
            }
        }
        let mut migrations = Vec::new();
        for entry in self.named(map.get("migrations"), "names and changes") {
            migrations.extend(self.migration(entry));
        }
        PlaceKind::Table { key, rows: self.number(map, "rows"), migrations }
    }

    fn migration(&mut self, entry: &Entry) -> Option<Migration> {
        let name = self.declared(&entry.key);
        let map = self.keys(&entry.value, Where::Migration, &format!("migration {}", name.value))?;
        if map.entries().len() != 1 {
            let message = format!("migration `{}` must make exactly one change", name.value);
            let help = "one of add_column, drop_column, rename_column, alter_column, drop_value".to_owned();
            self.error(Code::WrongShape, map.head(), message, help);
            return None;
        }
        let change = self.change(&map)?;
        Some(Migration { name, change })
    }

    fn change(&mut self, map: &Keys<'_>) -> Option<MigrationChange> {
        let key = map.entries()[0].key.value.as_str();
        match key {
            "add_column" | "drop_column" => {
                let text = self.text(map, key)?;
                let column = self.name_of(&text);
                Some(match key {
                    "add_column" => MigrationChange::AddColumn(column),
                    _ => MigrationChange::DropColumn(column),
                })
            }
            "rename_column" => {
                let (from, to) = self.pair(map, key)?;
                let to = self.name_of(&to);
                Some(MigrationChange::RenameColumn(from, to))
            }
            "alter_column" => {
                let (column, text) = self.pair(map, key)?;
                if !matches!(text.text, "nullable" | "not_null") {
                    self.not_one_of(Code::BadChoice, &text, key, &["nullable", "not_null"]);
                }
                let not_null = text.text == "not_null";
                Some(MigrationChange::AlterColumn { column, not_null })
            }
            "drop_value" => {
                let (field, tag) = self.pair(map, key)?;
                Some(MigrationChange::DropValue(field, tag.name()))
            }
            _ => None,
        }
    }

    fn pair<'n>(&mut self, map: &Keys<'n>, key: &str) -> Option<(Name, Text<'n>)> {
        let node = map.get(key)?;
        let [entry] = node.entries() else {
            if !matches!(node.kind, Kind::Map(_)) {
                self.shape(node, "a map with one entry");
            } else {
                let message = format!("`{key}` takes exactly one entry");
                self.error(Code::WrongShape, map.head(), message, "give each change a migration of its own".to_owned());
            }
            return None;
        };
        let text = self.text_of(&entry.value, "a text")?;
        Some((self.declared(&entry.key), text))
    }

    fn queue(&mut self, map: &Keys<'_>) -> PlaceKind {
        self.one_of(map, "delivery", Code::BadChoice);
        let attempts = self.text(map, "attempts").filter(|text| text.text != "unbounded");
        let attempts = attempts.and_then(|text| {
            let number = self.number_of(&text)?;
            if number == 0 {
                self.error(Code::BadNumber, text.span(), "`attempts` must be at least 1", None);
            }
            Some(number)
        });
        PlaceKind::Queue {
            in_flight: self.number(map, "in_flight"),
            fifo: self.one_of(map, "order", Code::BadChoice) == Some(1),
            ack_on_receive: self.one_of(map, "ack", Code::BadChoice) == Some(1),
            attempts,
            backoff: self.duration(map, "backoff"),
            then_drop: self.one_of(map, "then", Code::BadChoice) == Some(1),
            retention: self.duration(map, "retention"),
            delay: self.duration(map, "delay"),
            to_each_service: self.one_of(map, "to", Code::BadChoice) != Some(1),
        }
    }

    fn cache(&mut self, map: &Keys<'_>) -> PlaceKind {
        let of = self.text(map, "of").and_then(|text| {
            self.place_of(&text, &[Sort::Table])?;
            Some(text.name())
        });
        PlaceKind::Cache {
            of,
            ttl: self.duration(map, "ttl"),
            on_write: match self.one_of(map, "on_write", Code::BadChoice) {
                Some(1) => OnWrite::Invalidate,
                Some(2) => OnWrite::Refresh,
                _ => OnWrite::Leave,
            },
            fresh_required: self.one_of(map, "fresh", Code::BadChoice).is_some(),
        }
    }

    fn private(&mut self, map: &Keys<'_>, sort: Sort) -> Option<PlaceKind> {
        let ttl = self.duration(map, "ttl");
        let text = self.text(map, "of")?;
        self.service_named(&text)?;
        let of = text.name();
        Some(match sort {
            Sort::Disk => PlaceKind::Disk { of, ttl },
            _ => PlaceKind::Memory { of, ttl },
        })
    }

    fn starts(&mut self, map: &Keys<'_>) -> Vec<(Name, Vec<Name>)> {
        let mut starts = Vec::new();
        for entry in self.named(map.get("starts"), "fields and what they may hold at the start") {
            if let Some(text) = self.text_of(&entry.value, "tags, `fresh`, `stale` or `absent`") {
                starts.push((self.declared(&entry.key), self.tags(&text)));
            }
        }
        starts
    }

    /// Declared apis, then the undeclared ones in order of first use.
    pub(super) fn apis(&mut self, top: &Keys<'_>) -> Vec<Api> {
        let mut apis = Vec::new();
        for entry in self.named(top.get("apis"), "apis and who receives them") {
            apis.extend(self.declared_api(entry));
        }
        let names = &self.names;
        let undeclared = names.calls.iter().filter(|(name, _)| !names.apis.contains_key(*name));
        apis.extend(undeclared.map(|(name, used)| undeclared_api(name, used)));
        apis
    }

    fn declared_api(&mut self, entry: &Entry) -> Option<Api> {
        let name = entry.key.clone();
        if !is_call(&name.value) {
            self.declared(&name);
        }
        let map = self.keys(&entry.value, Where::Api, &format!("api {}", name.value))?;
        if map.has("between") == map.has("to") {
            let message = format!("api `{}` needs either `between` or `to`", name.value);
            self.error(Code::MissingKey, map.head(), message, "`to: web` names the receiver".to_owned());
        }
        let between = map.has("between");
        let to = match (map.get("between"), map.get("to")) {
            (Some(node), _) => self.text_of(node, "a service").into_iter().collect(),
            (_, Some(node)) => self.texts(node, "services"),
            _ => Vec::new(),
        };
        for service in &to {
            self.service_named(service);
        }
        let to: Vec<Name> = to.iter().map(Text::name).collect();
        let route = self.route(&map, &to);
        let used = self.names.calls.get(&name.value);
        Some(Api {
            request_is_sent: used.is_some_and(|used| !used.senders.is_empty()),
            name,
            to,
            between,
            route,
            declared: true,
        })
    }
}

/// An api that the file only uses: it goes to whoever receives it or sends its reply.
fn undeclared_api(name: &str, used: &CallUse) -> Api {
    let here = |value: &str| Name { value: value.to_owned(), span: used.span.clone() };
    let repliers = used.repliers.iter().filter(|replier| !used.receivers.contains(replier));
    Api {
        name: here(name),
        to: used.receivers.iter().chain(repliers).map(|service| here(service)).collect(),
        between: false,
        route: Route::Any,
        request_is_sent: !used.senders.is_empty(),
        declared: false,
    }
}
