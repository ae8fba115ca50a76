//! Guards and conditions.

use crate::ast::{Asked, Atom, Condition, Fact, FieldState, Name, Spanned};
use crate::diagnostics::Code;
use crate::names::Sort;
use crate::text::Text;
use crate::tree::{Kind, Node};

use super::Reader;

const FACT_FORM: &str = "write for example `all web >= v2`, `no orders where status is absent`, `order-placed is empty`, \
    `level is new`, `leader is held`, `7d since deploy web v2` or `app-5 traffic < 1%`";
const CONDITION_FORM: &str = "write `if FLAG`, `if not FLAG`, `if CONFIG is VALUE` or `if ROLE`, joined by ` and `";

impl Reader<'_> {
    /// A guard: a text, or a list of texts that must all hold.
    pub(super) fn fact(&mut self, node: &Node) -> Option<Fact> {
        let texts = match node.kind {
            Kind::Text(_) | Kind::List(_) => self.texts(node, "facts"),
            _ => {
                self.shape(node, "a fact or a list of facts");
                return None;
            }
        };
        let mut all = Vec::new();
        for text in &texts {
            all.extend(self.atoms(text)?);
        }
        Some(Fact { all, span: node.span.clone() })
    }

    /// A guard in a text.
    pub(super) fn fact_of(&mut self, text: &Text<'_>) -> Option<Fact> {
        Some(Fact { all: self.atoms(text)?, span: text.span() })
    }

    fn atoms(&mut self, text: &Text<'_>) -> Option<Vec<Spanned<Atom>>> {
        let parts = text.split(" and ");
        let mut atoms = Vec::new();
        for part in &parts {
            let value = self.atom(part)?;
            atoms.push(Spanned { value, span: part.span() });
        }
        Some(atoms)
    }

    fn atom(&mut self, text: &Text<'_>) -> Option<Atom> {
        let words = text.words();
        let plain: Vec<&str> = words.iter().map(|word| word.text).collect();
        match plain.as_slice() {
            ["all", _, ">=", _] => {
                let (service, version) = self.release(&words[1], &words[3])?;
                Some(Atom::AllAtLeast(service, version))
            }
            ["all", _, "at", _] => {
                let (service, version) = self.release(&words[1], &words[3])?;
                Some(Atom::AllAt(service, version))
            }
            ["all", _, "up"] => Some(Atom::AllUp(self.service_named(&words[1])?)),
            ["any", _, "up"] => Some(Atom::AnyUp(self.service_named(&words[1])?, None)),
            ["any", _, "at", _, "up"] => {
                let (service, version) = self.release(&words[1], &words[3])?;
                Some(Atom::AnyUp(service, Some(version)))
            }
            ["no", ..] => self.none_of(&words, text),
            [_, "since", _, ..] => {
                let since = self.duration_of(&words[0])?;
                Some(Atom::Since(since, self.step_named(&text.after_words(2))?))
            }
            [_, "traffic", "<", _] => {
                let client = self.client_named(&words[0])?;
                Some(Atom::TrafficBelow(client, self.percent_of(&words[3])?))
            }
            [_, "is", rest @ ..] if !rest.is_empty() => self.is(&words, text),
            _ => self.bad_fact(text),
        }
    }

    fn none_of(&mut self, words: &[Text<'_>], text: &Text<'_>) -> Option<Atom> {
        match words {
            [_, client] => Some(Atom::NoClient(self.client_named(client)?)),
            [_, place, place_where, field, is, ..] if place_where.text == "where" && is.text == "is" => {
                let place = self.keeping_place(place)?;
                let (not, state) = self.state(&words[5..], text)?;
                let field = self.name_of(field).value;
                Some(Atom::NoItemWhere(place, field, not, state))
            }
            [_, service, version] => {
                let (service, version) = self.release(service, version)?;
                Some(Atom::NoVersion(service, version))
            }
            _ => self.bad_fact(text),
        }
    }

    fn is(&mut self, words: &[Text<'_>], text: &Text<'_>) -> Option<Atom> {
        let subject = &words[0];
        let said = words[2].text;
        if said == "over" && self.later(subject) {
            return None;
        }
        if self.names.roles.contains_key(subject.text) {
            return match said {
                "held" | "vacant" if words.len() == 3 => Some(Atom::RoleIs(subject.text.to_owned(), said == "held")),
                _ => self.bad_fact(text),
            };
        }
        let is_place = self.names.places.contains_key(subject.text);
        let told = self.names.places.get(subject.text).is_none_or(|place| place.at_most_once);
        if !told {
            self.keeps_items(subject)?;
        }
        if is_place && words.len() == 3 {
            match said {
                "empty" | "absent" => return Some(Atom::Empty(subject.text.to_owned())),
                "present" => return Some(Atom::Present(subject.text.to_owned())),
                _ => {}
            }
        }
        if self.names.values.contains_key(subject.text) {
            return self.value_is(words, text);
        }
        if is_place {
            return self.bad_fact(text);
        }
        if let Some((place, field)) = self.names.dotted(subject) {
            self.keeps_items(&place)?;
            let (not, state) = self.state(&words[2..], text)?;
            let field = self.name_of(&field).value;
            return Some(Atom::FieldIs(place.text.to_owned(), field, not, state));
        }
        self.unknown_subject(subject, said);
        None
    }

    fn value_is(&mut self, words: &[Text<'_>], text: &Text<'_>) -> Option<Atom> {
        let (not, value) = match &words[2..] {
            [value] => (false, value),
            [not, value] if not.text == "not" => (true, value),
            _ => return self.bad_fact(text),
        };
        let index = self.index_of_value(&words[0], value)?;
        Some(Atom::ValueIs(words[0].text.to_owned(), not, index))
    }

    fn unknown_subject(&mut self, subject: &Text<'_>, said: &str) {
        let (code, what) = match said {
            "empty" | "absent" | "present" => (Code::UnknownPlace, "place"),
            "held" | "vacant" => (Code::UnknownValue, "role"),
            _ => (Code::UnknownValue, "flag, config or place"),
        };
        let message = format!("there is no {what} `{}`", subject.text);
        self.unknown_name(code, subject, message, |names| match what {
            "role" => names.roles.keys().collect(),
            _ => names.values.keys().chain(names.places.keys()).chain(names.roles.keys()).collect(),
        });
    }

    /// `[not] TAG|absent|stale`
    pub(super) fn state(&mut self, words: &[Text<'_>], text: &Text<'_>) -> Option<(bool, FieldState)> {
        let (not, state) = match words {
            [state] => (false, state),
            [not, state] if not.text == "not" => (true, state),
            _ => return self.bad_fact(text),
        };
        let state = match state.text {
            "absent" => FieldState::Absent,
            "stale" => FieldState::Stale,
            tag => FieldState::Tag(tag.to_owned()),
        };
        Some((not, state))
    }

    fn bad_fact<T>(&mut self, text: &Text<'_>) -> Option<T> {
        let message = format!("`{}` is not a fact", text.text);
        self.error(Code::BadFact, text.span(), message, FACT_FORM.to_owned());
        None
    }

    /// The condition of an `if COND` key.
    pub(super) fn condition(&mut self, key: &Name) -> Option<Condition> {
        let text = Text::of_key(key, self.source);
        let text = text.part("if".len(), text.text.len()).trim();
        let mut literals = Vec::new();
        for part in text.split(" and ") {
            literals.push(self.literal(&part)?);
        }
        Some(Condition { literals, span: key.span.clone() })
    }

    fn literal(&mut self, text: &Text<'_>) -> Option<(bool, Name, Asked)> {
        let words = text.words();
        let plain: Vec<&str> = words.iter().map(|word| word.text).collect();
        let (not, value, wanted) = match plain.as_slice() {
            ["not", _] => (true, &words[1], None),
            [_] => (false, &words[0], None),
            [_, "is", "not", _] => (true, &words[0], Some(&words[3])),
            [_, "is", _] => (false, &words[0], Some(&words[2])),
            _ => {
                let message = format!("`{}` is not a condition", text.text);
                self.error(Code::BadCondition, text.span(), message, CONDITION_FORM.to_owned());
                return None;
            }
        };
        if self.later(value) {
            return None;
        }
        let asked = match wanted {
            None if self.names.roles.contains_key(value.text) => Asked::Role,
            None if !self.names.roles.is_empty() && !self.names.values.contains_key(value.text) => {
                let message = format!("there is no flag or role `{}`", value.text);
                self.unknown_name(Code::UnknownValue, value, message, |names| {
                    names.values.keys().chain(names.roles.keys()).collect()
                });
                return None;
            }
            Some(wanted) => Asked::Value(self.index_of_value(value, wanted)?),
            None => Asked::Value(self.index_of_on(value)?),
        };
        Some((not, value.name(), asked))
    }

    fn index_of_on(&mut self, text: &Text<'_>) -> Option<usize> {
        let value = self.value_named(text)?;
        if !self.names.values[&value].flag {
            let message = format!("`{value}` is a config, not a flag");
            self.error(Code::BadCondition, text.span(), message, format!("write `if {value} is VALUE`"));
            return None;
        }
        Some(1)
    }

    /// Whether a name belongs to a mechanism that does not exist yet; then that is reported.
    pub(super) fn later(&mut self, text: &Text<'_>) -> bool {
        let Some(what) = self.names.later.get(text.text) else {
            return false;
        };
        let message = format!("`{}` is a {what}, and these are not supported yet", text.text);
        self.error(Code::NotSupportedYet, text.span(), message, None);
        true
    }

    /// A declared place.
    pub(super) fn place_named(&mut self, text: &Text<'_>) -> Option<String> {
        if self.names.places.contains_key(text.text) {
            return Some(text.text.to_owned());
        }
        self.unknown_place(text);
        None
    }

    /// A declared place that keeps what is put into it.
    pub(super) fn keeping_place(&mut self, text: &Text<'_>) -> Option<String> {
        let place = self.place_named(text)?;
        self.keeps_items(text)?;
        Some(place)
    }

    /// A declared place of one of these sorts.
    pub(super) fn place_of(&mut self, text: &Text<'_>, sorts: &[Sort]) -> Option<String> {
        let Some(place) = self.names.places.get(text.text) else {
            let message = format!("there is no {} `{}`", words(sorts), text.text);
            self.unknown_name(Code::UnknownPlace, text, message, |names| {
                let of_sort = names.places.iter().filter(|(_, place)| sorts.contains(&place.sort));
                of_sort.map(|(name, _)| name).collect()
            });
            return None;
        };
        if !sorts.contains(&place.sort) {
            let message = format!("`{}` is {}, not {}", text.text, place.sort.phrase(), phrases(sorts));
            let of_sort = self.names.places.iter().filter(|(_, place)| sorts.contains(&place.sort));
            let names: Vec<&str> = of_sort.map(|(name, _)| name.as_str()).take(8).collect();
            let help = (!names.is_empty()).then(|| format!("possible here: {}", crate::suggest::listed(&names)));
            self.error(Code::WrongPlace, text.span(), message, help);
            return None;
        }
        Some(text.text.to_owned())
    }
}

/// `table`, or `table, document or disk`.
fn words(sorts: &[Sort]) -> String {
    either(sorts.iter().map(|sort| sort.word().to_owned()).collect())
}

/// `a table`, or `a table, a document or a disk`.
fn phrases(sorts: &[Sort]) -> String {
    either(sorts.iter().map(|sort| sort.phrase()).collect())
}

fn either(mut words: Vec<String>) -> String {
    let last = words.pop().unwrap_or_default();
    if words.is_empty() { last } else { format!("{} or {last}", words.join(", ")) }
}
