//! Field lists: what a verb names on a place.

use crate::ast::{Fallback, FieldUse, Fields, Name, Otherwise, Outcome, Spanned};
use crate::diagnostics::Code;
use crate::keys::{self, Shape, Where};
use crate::names::Sort;
use crate::text::{Text, is_name};
use crate::tree::{Kind, Node};

use super::Reader;
use super::keys_of::{Keys, is_file_reference};

const FORM: &str = "write `x`, `x or y`, `x or \"text\"`, `x or nothing`, `x: A|B`, or `x from place.field`";

/// Outcomes in the order of the key table.
const OUTCOMES: [Outcome; 6] =
    [Outcome::Ignore, Outcome::Reject, Outcome::Retry, Outcome::Drop, Outcome::Crash, Outcome::Misread];

impl Reader<'_> {
    /// The fields of a verb on a place; the inner `None` = `none`, removed.
    pub(super) fn fields(&mut self, node: &Node) -> Option<Option<Fields>> {
        let span = node.span.clone();
        match &node.kind {
            Kind::Text(text) if text == "none" => Some(None),
            Kind::Map(_) => self.fields_with(node).map(Some),
            Kind::List(items) => {
                let list = self.field_list(items);
                let otherwise = Otherwise::default();
                Some(Some(Fields { list, otherwise, span }))
            }
            Kind::Text(text) => {
                let message = format!("expected a list of fields, found the text `{text}`");
                self.error(Code::WrongShape, span, message, format!("write `[{text}]`"));
                None
            }
            Kind::Empty => None,
        }
    }

    fn fields_with(&mut self, node: &Node) -> Option<Fields> {
        if is_file_reference(node) {
            self.shape(node, "a list of fields");
            return None;
        }
        let map = self.keys(node, Where::Fields, "this field list")?;
        let otherwise = self.otherwise(&map);
        let items = self.list(map.get("fields"), "fields");
        Some(Fields { list: self.field_list(items), otherwise, span: node.span.clone() })
    }

    fn field_list(&mut self, items: &[Node]) -> Vec<FieldUse> {
        let mut list: Vec<FieldUse> = Vec::new();
        for item in items {
            let Some(field) = self.field_entry(item) else {
                continue;
            };
            let first = &field.alternatives[0];
            let twice = list.iter().any(|other| other.alternatives[0].value == first.value);
            if twice {
                let message = format!("field `{}` stands here twice", first.value);
                self.error(Code::DuplicateName, first.span.clone(), message, None);
            }
            list.push(field);
        }
        list
    }

    pub(super) fn field_entry(&mut self, node: &Node) -> Option<FieldUse> {
        match &node.kind {
            Kind::Text(_) => {
                let text = self.text_of(node, "a field")?;
                self.field_use(&text, Vec::new(), node)
            }
            Kind::Map(entries) if entries.len() == 1 => {
                let entry = &entries[0];
                if is_file_reference(node) {
                    self.shape(node, "a field");
                    return None;
                }
                let text = self.text_of(&entry.value, "value tags")?;
                let tags = self.tags(&text);
                let key = Text::of_key(&entry.key, self.source);
                self.field_use(&key, tags, node)
            }
            Kind::Empty => None,
            _ => {
                let message = format!("expected a field, found {}", node.describe());
                self.error(Code::BadField, node.span.clone(), message, FORM.to_owned());
                None
            }
        }
    }

    fn field_use(&mut self, text: &Text<'_>, tags: Vec<Name>, node: &Node) -> Option<FieldUse> {
        let (names, from) = match text.split_once(" from ") {
            Some((names, from)) => (names, Some(self.copied_from(&from)?)),
            None => (text.clone(), None),
        };
        let mut field =
            FieldUse { alternatives: Vec::new(), fallback: Fallback::None, tags, from, span: node.span.clone() };
        for part in names.split(" or ") {
            self.alternative(&part, &mut field)?;
        }
        if field.alternatives.is_empty() {
            return self.bad_field(text);
        }
        Some(field)
    }

    fn alternative(&mut self, part: &Text<'_>, field: &mut FieldUse) -> Option<()> {
        if field.fallback != Fallback::None {
            return self.bad_field(part);
        }
        if part.text == "nothing" {
            field.fallback = Fallback::Nothing;
        } else if let Some(literal) = part.unquoted() {
            field.fallback = Fallback::Literal(literal.text.to_owned());
        } else if is_name(part.text) {
            let name = self.name_of(part);
            field.alternatives.push(name);
        } else {
            return self.bad_field(part);
        }
        Some(())
    }

    fn copied_from(&mut self, text: &Text<'_>) -> Option<(Name, Name, bool)> {
        let (source, or_nothing) = match text.text.strip_suffix(" or nothing") {
            Some(before) => (text.part(0, before.len()).trim(), true),
            None => (text.clone(), false),
        };
        let (place, field) = self.place_and_field(&source)?;
        Some((place, field, or_nothing))
    }

    fn bad_field<T>(&mut self, text: &Text<'_>) -> Option<T> {
        let message = format!("`{}` is not a field entry", text.text);
        self.error(Code::BadField, text.span(), message, FORM.to_owned());
        None
    }

    /// `PLACE.FIELD`, with a declared place.
    pub(super) fn place_and_field(&mut self, text: &Text<'_>) -> Option<(Name, Name)> {
        if let Some((place, field)) = self.names.dotted(text) {
            self.keeps_items(&place)?;
            let field = self.name_of(&field);
            return Some((place.name(), field));
        }
        let (place, _) = text.split_once(".").unwrap_or((text.clone(), text.clone()));
        if place.text.len() == text.text.len() {
            let message = format!("expected `place.field`, found `{}`", text.text);
            self.error(Code::BadField, text.span(), message, None);
        } else {
            self.unknown_place(&place);
        }
        None
    }

    /// Whether a declared place keeps what is put into it; an effect does not, and then that is reported.
    pub(super) fn keeps_items(&mut self, place: &Text<'_>) -> Option<()> {
        if self.names.places.get(place.text).is_none_or(|known| known.sort != Sort::Effect) {
            return Some(());
        }
        let message = format!("`{}` is an effect: it keeps nothing of what is sent to it", place.text);
        let help = "nothing sent can be read, changed or taken back; with `at_most: once` a fact may ask `is present`";
        self.error(Code::WrongPlace, place.span(), message, help.to_owned());
        None
    }

    /// Reports a place that is not declared.
    pub(super) fn unknown_place(&mut self, text: &Text<'_>) {
        let message = format!("there is no place `{}`", text.text);
        self.unknown_name(Code::UnknownPlace, text, message, |names| names.places.keys().collect());
    }

    /// The `on_*` of a map, as far as given.
    pub(super) fn otherwise(&mut self, map: &Keys<'_>) -> Otherwise {
        let keeps = keys::find(map.stands, "keeps_unknown").is_some();
        Otherwise {
            on_missing_field: self.outcome(map, "on_missing_field"),
            on_unknown_field: self.outcome(map, "on_unknown_field"),
            on_unknown_value: self.outcome(map, "on_unknown_value"),
            keeps_unknown: if keeps { self.maybe_bool(map, "keeps_unknown") } else { None },
        }
    }

    /// An outcome.
    pub(super) fn outcome(&mut self, map: &Keys<'_>, key: &str) -> Option<Spanned<Outcome>> {
        debug_assert!(matches!(
            keys::find(map.stands, key).map(|key| key.shape),
            Some(Shape::OneOf(words)) if words.len() == OUTCOMES.len()
        ));
        let at = self.one_of(map, key, Code::BadChoice)?;
        Some(Spanned { value: OUTCOMES[at], span: map.get(key)?.span.clone() })
    }
}
