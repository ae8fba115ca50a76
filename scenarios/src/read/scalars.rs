//! Values that are one text.

use crate::ast::{Millis, Name};
use crate::diagnostics::Code;
use crate::keys::{self, Shape};
use crate::text::{Text, unfit_name};
use crate::tree::Node;
use crate::units;

use super::Reader;
use super::keys_of::Keys;

const DURATION_HELP: &str = "write a number and a unit: ms, s, m, h, d or w, as in `10m`";

impl Reader<'_> {
    /// A node as text.
    pub(super) fn text_of<'n>(&mut self, node: &'n Node, expected: &str) -> Option<Text<'n>> {
        let text = Text::of(node, self.source);
        if text.is_none() {
            self.shape(node, expected);
        }
        let text = text?;
        if text.text.is_empty() {
            let message = format!("expected {expected}, found an empty text");
            self.error(Code::Null, node.span.clone(), message, None);
            return None;
        }
        Some(text)
    }

    /// The text of a key.
    pub(super) fn text<'n>(&mut self, map: &Keys<'n>, key: &str) -> Option<Text<'n>> {
        let node = map.get(key)?;
        self.text_of(node, "a text")
    }

    /// The name in a declaration.
    pub(super) fn declared(&mut self, name: &Name) -> Name {
        if let Some((message, help)) = unfit_name(&name.value) {
            self.error(Code::BadName, name.span.clone(), message, help);
        }
        name.clone()
    }

    /// A text as the name of something.
    pub(super) fn name_of(&mut self, text: &Text<'_>) -> Name {
        self.declared(&text.name())
    }

    /// The duration of a key.
    pub(super) fn duration(&mut self, map: &Keys<'_>, key: &str) -> Option<Millis> {
        let text = self.text(map, key)?;
        self.duration_of(&text)
    }

    /// A text as a duration.
    pub(super) fn duration_of(&mut self, text: &Text<'_>) -> Option<Millis> {
        let duration = units::duration(text.text);
        if duration.is_none() {
            let message = format!("`{}` is not a duration", text.text);
            self.error(Code::BadDuration, text.span(), message, DURATION_HELP.to_owned());
        }
        duration
    }

    /// The number of a key.
    pub(super) fn number(&mut self, map: &Keys<'_>, key: &str) -> Option<u64> {
        let text = self.text(map, key)?;
        self.number_of(&text)
    }

    /// A text as a whole number.
    pub(super) fn number_of(&mut self, text: &Text<'_>) -> Option<u64> {
        let number = units::number(text.text);
        if number.is_none() {
            let message = format!("`{}` is not a whole number", text.text);
            self.error(Code::BadNumber, text.span(), message, "write digits, as in `6`, `20k` or `200M`".to_owned());
        }
        number
    }

    /// A number of at least one.
    pub(super) fn count(&mut self, map: &Keys<'_>, key: &str) -> Option<u64> {
        let number = self.number(map, key)?;
        if number == 0 {
            let span = map.get(key).map_or(0..0, |node| node.span.clone());
            self.error(Code::BadNumber, span, format!("`{key}` must be at least 1"), None);
        }
        Some(number)
    }

    /// A text as a percentage.
    pub(super) fn percent_of(&mut self, text: &Text<'_>) -> Option<f64> {
        let percent = units::percent(text.text);
        if percent.is_none() {
            let message = format!("`{}` is not a percentage", text.text);
            self.error(Code::BadPercent, text.span(), message, "write a number from 0 to 100 and `%`".to_owned());
        }
        percent
    }

    /// The truth of a key; its default if it is not there.
    pub(super) fn bool(&mut self, map: &Keys<'_>, key: &str) -> bool {
        let default = keys::find(map.stands, key).is_some_and(|key| key.default == "true");
        self.maybe_bool(map, key).unwrap_or(default)
    }

    /// The truth of a key, if it is there.
    pub(super) fn maybe_bool(&mut self, map: &Keys<'_>, key: &str) -> Option<bool> {
        let text = self.text(map, key)?;
        match text.text {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.not_one_of(Code::BadChoice, &text, key, &["true", "false"]);
                None
            }
        }
    }

    /// The position of a key's word in the list that the key table has for it.
    pub(super) fn one_of(&mut self, map: &Keys<'_>, key: &str, code: Code) -> Option<usize> {
        let text = self.text(map, key)?;
        let Some(Shape::OneOf(words)) = keys::find(map.stands, key).map(|key| key.shape) else {
            return None;
        };
        let found = words.iter().position(|word| *word == text.text);
        if found.is_none() {
            self.not_one_of(code, &text, key, words);
        }
        found
    }

    /// Reports a word that is not in a list.
    pub(super) fn not_one_of(&mut self, code: Code, text: &Text<'_>, key: &str, words: &[&str]) {
        let message = format!("`{key}` cannot be `{}`", text.text);
        self.unknown_word(code, text, message, words.iter().copied());
    }

    /// The names in a list, or the one name.
    pub(super) fn texts<'n>(&mut self, node: &'n Node, what: &str) -> Vec<Text<'n>> {
        if let Some(text) = Text::of(node, self.source) {
            return vec![text];
        }
        let items = self.list(Some(node), what);
        items.iter().filter_map(|item| self.text_of(item, what)).collect()
    }

    /// Tags joined by `|`.
    pub(super) fn tags(&mut self, text: &Text<'_>) -> Vec<Name> {
        let tags = text.split("|");
        let mut names = Vec::new();
        for tag in tags {
            let fine = !tag.text.is_empty() && tag.text.chars().all(|c| !c.is_whitespace() && !"[]{},\"".contains(c));
            if fine {
                names.push(tag.name());
            } else {
                let message = format!("`{}` is not a list of values", text.text);
                let help = "write the values with `|` between them, as in `PENDING|PAID`".to_owned();
                self.error(Code::BadField, text.span(), message, help);
                break;
            }
        }
        names
    }
}
