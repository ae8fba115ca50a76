//! What a version or a handler does.

use crate::ast::{Body, Fields, Handler, Millis, Name, Trigger, Verbs};
use crate::diagnostics::Code;
use crate::keys::Where;
use crate::names::{CallUse, Sort, without_reply};
use crate::text::{Text, is_call};
use crate::tree::{Entry, Kind, Node};

use super::Reader;
use super::keys_of::Keys;

const DAY: Millis = 86_400_000;

impl Reader<'_> {
    /// The verbs, handlers, otherwise-rules and overlays of a map.
    pub(super) fn body(&mut self, map: &Keys<'_>) -> Body {
        let verbs = self.verbs(map);
        let otherwise = self.otherwise(map);
        let mut handlers = Vec::new();
        for entry in self.named(map.get("handlers"), "names and what the handlers do") {
            handlers.extend(self.handler(entry, &map.owner));
        }
        let mut overlays = Vec::new();
        for entry in map.entries() {
            if entry.key.value.starts_with("if ") {
                let condition = self.condition(&entry.key);
                let overlay = self.keys(&entry.value, Where::Overlay, &format!("`{}`", entry.key.value));
                let body = overlay.map(|overlay| self.body(&overlay));
                overlays.extend(condition.zip(body));
            } else if entry.key.value == "if" {
                self.error(
                    Code::BadCondition,
                    entry.key.span.clone(),
                    "`if` needs a condition",
                    "write `if FLAG:`".to_owned(),
                );
            }
        }
        Body { verbs, handlers, otherwise, overlays }
    }

    fn verbs(&mut self, map: &Keys<'_>) -> Verbs {
        Verbs {
            reads: self.state_verb(map, "reads"),
            writes: self.state_verb(map, "writes"),
            sends: self.message_verb(map, "sends"),
            receives: self.message_verb(map, "receives"),
            deletes: self.deletes(map),
        }
    }

    fn state_verb(&mut self, map: &Keys<'_>, verb: &str) -> Vec<(Name, Option<Fields>)> {
        let mut uses = Vec::new();
        for entry in self.named(map.get(verb), "places and lists of fields") {
            let text = Text::of_key(&entry.key, self.source);
            match self.names.places.get(&entry.key.value).map(|place| place.sort) {
                None => self.unknown_place(&text),
                Some(Sort::Queue) => {
                    let other = if verb == "reads" { "receives" } else { "sends" };
                    let message = format!("`{}` is a queue, which nobody {verb}", text.text);
                    self.error(Code::WrongPlace, text.span(), message, format!("did you mean `{other}`?"));
                }
                Some(Sort::Effect) => {
                    let message = format!("`{}` is an effect, which nobody {verb}", text.text);
                    self.error(Code::WrongPlace, text.span(), message, "did you mean `sends`?".to_owned());
                }
                Some(_) => {}
            }
            uses.extend(self.fields(&entry.value).map(|fields| (entry.key.clone(), fields)));
        }
        uses
    }

    fn message_verb(&mut self, map: &Keys<'_>, verb: &str) -> Vec<(Name, Option<Fields>)> {
        let mut uses = Vec::new();
        for entry in self.named(map.get(verb), "queues or apis and lists of fields") {
            self.check_call(&entry.key, verb);
            uses.extend(self.fields(&entry.value).map(|fields| (entry.key.clone(), fields)));
        }
        uses
    }

    fn check_call(&mut self, key: &Name, verb: &str) {
        let text = Text::of_key(key, self.source);
        let (base, reply) = without_reply(text.text);
        if let Some(sort) = self.names.places.get(text.text).map(|place| place.sort) {
            let other = match (verb, sort) {
                (_, Sort::Queue) | ("sends", Sort::Effect) => return,
                ("sends", _) => "writes",
                (_, Sort::Effect) => "sends",
                _ => "reads",
            };
            let message = format!("`{base}` is {}, which nobody {verb}", sort.phrase());
            self.error(Code::WrongPlace, text.span(), message, format!("did you mean `{other}`?"));
            return;
        }
        if let Some(place) = self.names.places.get(base).filter(|_| reply) {
            let message = format!("`{base}` is {}, and messages have no reply", place.sort.phrase());
            self.error(Code::WrongPlace, text.span(), message, None);
            return;
        }
        let known = self.names.apis.contains_key(base) || self.names.later.contains_key(base) || is_call(base);
        let meets = self.names.calls.get(base).is_some_and(|used| used.meets());
        let declared = self.names.apis.contains_key(base);
        let used = self.names.calls.get(base);
        let goes_nowhere = used.is_some_and(CallUse::goes_nowhere);
        if !known && !meets {
            self.unknown_call(&text, base, verb);
        } else if !declared && goes_nowhere {
            self.unreceived_call(&text, base);
        }
    }

    fn unknown_call(&mut self, text: &Text<'_>, base: &str, verb: &str) {
        let other = if verb == "sends" { "receives" } else { "sends" };
        let message = format!("`{base}` is neither a queue nor an api, and nobody {other} it");
        let advice = "declare it under `queues` or `apis`, or write a call as `POST /path`";
        let help = self.near_call(base).unwrap_or_else(|| advice.to_owned());
        self.error(Code::UnknownApi, text.span(), message, help);
    }

    fn unreceived_call(&mut self, text: &Text<'_>, base: &str) {
        let message = format!("nobody receives `{base}` or sends its reply");
        let advice = "let a service receive it, or declare under `apis` who does";
        let help = self.near_call(base).unwrap_or_else(|| advice.to_owned());
        self.error(Code::UnknownApi, text.span(), message, help);
    }

    /// The queue or api that was probably meant, as a question.
    fn near_call(&self, base: &str) -> Option<String> {
        if self.is_full() {
            return None;
        }
        let places = self.names.places.iter();
        let queues = places.filter(|(_, place)| matches!(place.sort, Sort::Queue | Sort::Effect)).map(|(name, _)| name);
        let names = self.names.apis.keys().chain(self.names.calls.keys()).chain(queues);
        let others = names.map(String::as_str).filter(|name| *name != base);
        crate::suggest::nearest(base, others).map(|name| format!("did you mean `{name}`?"))
    }

    fn deletes(&mut self, map: &Keys<'_>) -> Vec<Name> {
        let items = self.list(map.get("deletes"), "places");
        let mut names = Vec::new();
        for item in items {
            if let Some(text) = self.text_of(item, "a place") {
                self.keeping_place(&text);
                names.push(text.name());
            }
        }
        names
    }

    fn handler(&mut self, entry: &Entry, owner: &str) -> Option<(Name, Option<Handler>)> {
        let name = self.declared(&entry.key);
        if entry.value.text() == Some("none") {
            return Some((name, None));
        }
        let owner = format!("{owner}, handler {}", name.value);
        let map = self.keys(&entry.value, Where::Handler, &owner)?;
        let trigger = self.text(&map, "trigger").and_then(|text| self.trigger(&text));
        let when = map.get("when").and_then(|node| self.fact(node));
        let handler = Handler {
            trigger: trigger.unwrap_or(Trigger::Arrival),
            when,
            verbs: self.verbs(&map),
            ends_in: self.outcome(&map, "ends_in"),
            same_transaction: self.bool(&map, "same_transaction"),
            otherwise: self.otherwise(&map),
        };
        Some((name, Some(handler)))
    }

    fn trigger(&mut self, text: &Text<'_>) -> Option<Trigger> {
        if text.text == "start" {
            return Some(Trigger::Start);
        }
        let words = text.words();
        match words.as_slice() {
            [every, period] if every.text == "every" => self.duration_of(period).map(Trigger::Timer),
            [at, time] if at.text == "at" && is_time_of_day(time.text) => Some(Trigger::Timer(DAY)),
            [write, place] if write.text == "write" => {
                self.keeping_place(place)?;
                Some(Trigger::Write(place.name()))
            }
            _ => {
                let forms = ["start", "every 24h", "at 02:00", "write PLACE"];
                self.not_one_of(Code::BadChoice, text, "trigger", &forms);
                None
            }
        }
    }

    /// The version that another one starts from: (actor, version).
    pub(super) fn extends(&mut self, node: &Node, actor: &str) -> Option<(String, Name)> {
        if !matches!(node.kind, Kind::Text(_)) {
            self.shape(node, "a version");
            return None;
        }
        let text = self.text_of(node, "a version")?;
        let words = text.words();
        let (from, version) = match words.as_slice() {
            [version] => (actor.to_owned(), version),
            [service, version] => (self.actor_named(service, None)?, version),
            _ => {
                let message = format!("`{}` is not a version", text.text);
                self.error(Code::UnknownVersion, text.span(), message, "write `v1` or `web v1`".to_owned());
                return None;
            }
        };
        self.version_of(&from, version)?;
        Some((from, version.name()))
    }
}

fn is_time_of_day(text: &str) -> bool {
    let below = |part: &str, limit: u32| {
        part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()) && part.parse().is_ok_and(|n: u32| n < limit)
    };
    text.split_once(':').is_some_and(|(hours, minutes)| below(hours, 24) && below(minutes, 60))
}
