//! Promises.

use crate::ast::{Event, Expect, Name, NoReturn};
use crate::diagnostics::Code;
use crate::keys::{self, Where};
use crate::suggest;
use crate::text::Text;
use crate::tree::{Entry, Node};

use super::Reader;
use super::gates::METRICS;
use super::keys_of::Keys;

const VERBS: [&str; 5] = ["reads", "writes", "sends", "receives", "deletes"];

impl Reader<'_> {
    /// `expect:`
    pub(super) fn expect(&mut self, node: Option<&Node>, owner: &str) -> Expect {
        let Some(node) = node else {
            self.assume(owner, "rollback_safe_until", "end");
            self.assume(owner, "loss", "none");
            return Expect::default();
        };
        let Some(map) = self.keys(node, Where::Expect, owner) else {
            return Expect::default();
        };
        let mut expect = Expect {
            verdict: self.word(&map, "verdict"),
            recovery: self.word(&map, "recovery"),
            loss_accepted: self.one_of(&map, "loss", Code::BadChoice) == Some(1),
            rollback_safe_until: self.promised(&map),
            no_return: self.no_return(&map),
            metrics: Vec::new(),
        };
        for entry in map.entries() {
            let fixed = keys::of(Where::Expect).any(|key| key.name == entry.key.value && !key.is_pattern());
            if !fixed {
                self.metric_limit(entry, &mut expect);
            }
        }
        expect
    }

    fn word(&mut self, map: &Keys<'_>, key: &str) -> Option<Name> {
        self.one_of(map, key, Code::BadChoice)?;
        self.text(map, key).map(|text| text.name())
    }

    fn promised(&mut self, map: &Keys<'_>) -> Option<Name> {
        let text = self.text(map, "rollback_safe_until")?;
        let span = text.span();
        let value = match text.text {
            "start" | "end" => text.text.to_owned(),
            _ => self.step_named(&text)?,
        };
        Some(Name { value, span })
    }

    fn metric_limit(&mut self, entry: &Entry, expect: &mut Expect) {
        let metric = entry.key.value.as_str();
        if !self.is_metric(metric) {
            let fixed = keys::of(Where::Expect).filter(|key| !key.is_pattern()).map(|key| key.name);
            let own: Vec<String> = self.names.metrics.keys().cloned().collect();
            let known = fixed.chain(METRICS).chain(own.iter().map(String::as_str));
            let help = suggest::nearest(metric, known).map(|name| format!("did you mean `{name}`?"));
            let help = help.unwrap_or_else(|| "declare it under `metrics`".to_owned());
            let message = format!("`{metric}` is neither a promise nor a metric");
            self.error(Code::UnknownMetric, entry.key.span.clone(), message, help);
            return;
        }
        let Some(text) = self.text_of(&entry.value, "a limit") else {
            return;
        };
        if let Some((op, limit)) = self.limit(&text, true) {
            expect.metrics.push((entry.key.clone(), op, limit));
        }
    }

    fn no_return(&mut self, map: &Keys<'_>) -> Option<NoReturn> {
        let text = self.text(map, "no_return")?;
        let (step, event) = match text.split_once(" when ") {
            Some((step, event)) => (step, self.event(&event)),
            None => (text.clone(), None),
        };
        let step = self.step_named(&step)?;
        Some(NoReturn { written: text.name(), step, event })
    }

    fn event(&mut self, text: &Text<'_>) -> Option<Event> {
        let words = text.words();
        let plain: Vec<&str> = words.iter().map(|word| word.text).collect();
        match plain.as_slice() {
            [value, "becomes", _] => {
                self.index_of_value(&words[0], &words[2]).map(|to| Event::Becomes((*value).to_owned(), to))
            }
            [_, "expires"] => self.keeping_place(&words[0]).map(Event::Expires),
            [_, "starts"] => self.service_named(&words[0]).map(Event::Starts),
            [_, verb, ..] if VERBS.contains(verb) => self.act(&words[0], None, verb, &text.after_words(2)),
            [_, _, verb, ..] if VERBS.contains(verb) => {
                self.act(&words[0], Some(&words[1]), verb, &text.after_words(3))
            }
            _ => {
                let message = format!("`{}` is not an event", text.text);
                let help = "write `ACTOR writes PLACE`, `CONFIG becomes VALUE`, `PLACE expires` or `SERVICE starts`";
                self.error(Code::BadFact, text.span(), message, help.to_owned());
                None
            }
        }
    }

    fn act(&mut self, actor: &Text<'_>, version: Option<&Text<'_>>, verb: &str, place: &Text<'_>) -> Option<Event> {
        let name = self.actor_named(actor, None);
        if let (Some(name), Some(version)) = (&name, version) {
            self.version_of(name, version);
        }
        let base = crate::names::without_reply(place.text).0;
        let known = self.names.apis.contains_key(base) || self.names.calls.contains_key(base);
        if !known {
            self.place_named(place)?;
        }
        let version = version.map(|version| version.text.to_owned());
        Some(Event::Acts { actor: name?, version, verb: verb.to_owned(), place: place.text.to_owned() })
    }
}
