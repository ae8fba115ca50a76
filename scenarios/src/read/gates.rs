//! Gates, metrics and the operator.

use crate::ast::{Comparison, Fact, Gate, GateCondition, Millis, Name, OperatorRules, Spanned};
use crate::diagnostics::Code;
use crate::keys::{self, Where};
use crate::names::Sort;
use crate::text::Text;
use crate::tree::Entry;
use crate::units;

use super::Reader;
use super::keys_of::Keys;

/// Metrics that every fleet has; those with `()` take an argument.
pub(crate) const METRICS: [&str; 12] = [
    "error_rate",
    "p50",
    "p99",
    "http_4xx",
    "http_5xx",
    "crash_rate",
    "dead_letters",
    "queue_lag()",
    "completions",
    "saturation()",
    "sessions_dropped",
    "rejected_requests",
];

const HOUR: Millis = 3_600_000;
const LIMIT_HELP: &str = "write a comparison (`<`, `<=`, `==`, `>=`, `>`, `at least`, `at most`) and a number, a \
    percentage, a duration or `1.4x baseline`";

impl Reader<'_> {
    /// `metrics:`
    pub(super) fn metrics(&mut self, top: &Keys<'_>) -> Vec<(Name, Name)> {
        let mut metrics = Vec::new();
        for entry in self.named(top.get("metrics"), "names and what they measure") {
            let name = self.declared(&entry.key);
            if METRICS.contains(&name.value.as_str()) {
                let message = format!("metric `{}` is built in", name.value);
                self.error(Code::DuplicateName, name.span.clone(), message, None);
            }
            let Some(text) = self.text_of(&entry.value, "`ok share of API`") else {
                continue;
            };
            metrics.extend(self.share_of(&text).map(|target| (name, target)));
        }
        metrics
    }

    fn share_of(&mut self, text: &Text<'_>) -> Option<Name> {
        let prefix = "ok share of ";
        if !text.text.starts_with(prefix) {
            let message = format!("`{}` is not a metric", text.text);
            let help = "write `ok share of POST /path` or `ok share of SERVICE.HANDLER`".to_owned();
            self.error(Code::BadLimit, text.span(), message, help);
            return None;
        }
        let target = text.part(prefix.len(), text.text.len()).trim();
        let known = self.names.apis.contains_key(target.text) || self.names.calls.contains_key(target.text);
        if !known && !self.is_handler(target.text) {
            let message = format!("there is no api or handler `{}`", target.text);
            self.unknown_name(Code::UnknownHandler, &target, message, |names| {
                names.apis.keys().chain(names.calls.keys()).collect()
            });
        }
        Some(target.name())
    }

    /// Whether a text is `SERVICE.HANDLER` of a declared service; handlers are checked when all are read.
    fn is_handler(&self, text: &str) -> bool {
        let dots = text.match_indices('.').map(|(at, _)| at);
        dots.into_iter().any(|at| {
            let service = self.names.actors.get(&text[..at]);
            service.is_some_and(|actor| actor.service)
        })
    }

    /// `gates:`
    pub(super) fn gates(&mut self, top: &Keys<'_>) -> Vec<Gate> {
        let mut gates = Vec::new();
        for entry in self.named(top.get("gates"), "names and when they abort") {
            gates.extend(self.gate(entry));
        }
        gates
    }

    fn gate(&mut self, entry: &Entry) -> Option<Gate> {
        let name = self.declared(&entry.key);
        let map = self.keys(&entry.value, Where::Gate, &format!("gate {}", name.value))?;
        let mut abort_if = Vec::new();
        for item in self.list(map.get("abort_if"), "conditions") {
            if let Some(text) = self.text_of(item, "a condition") {
                let condition = self.gate_condition(&text);
                abort_if.extend(condition.map(|value| Spanned { value, span: text.span() }));
            }
        }
        let during = self.duration(&map, "for").unwrap_or(0);
        Some(Gate { name, abort_if, during })
    }

    fn gate_condition(&mut self, text: &Text<'_>) -> Option<GateCondition> {
        let words = text.words();
        let metric = words.first()?;
        let (of, before) = match words.get(1) {
            Some(of) if of.text == "of" => (words.get(2), 3),
            _ => (None, 1),
        };
        if let Some(of) = of.filter(|of| !matches!(of.text, "canary" | "stable" | "fleet")) {
            self.not_one_of(Code::BadChoice, of, "of", &["canary", "stable", "fleet"]);
        }
        if let Some(queue) = argument_of(metric, "queue_lag") {
            self.place_of(&queue, &[Sort::Queue]);
        }
        if words.len() <= before {
            return self.bad_limit(text);
        }
        let (op, limit) = self.limit(&text.after_words(before), false)?;
        Some(GateCondition {
            metric: metric.text.to_owned(),
            known: self.is_metric(metric.text),
            of: of.map(|of| of.text.to_owned()),
            op,
            limit,
        })
    }

    /// Whether a metric is built in or declared.
    pub(super) fn is_metric(&self, metric: &str) -> bool {
        let base = metric.strip_suffix(')').and_then(|rest| rest.split_once('('));
        match base {
            Some((base, argument)) => {
                METRICS.contains(&format!("{base}()").as_str()) && self.names.places.contains_key(argument)
            }
            None => self.names.metrics.contains_key(metric) || METRICS.contains(&metric),
        }
    }

    /// `[OP] LIMIT`; without an operator it is equality, if that is allowed here.
    pub(super) fn limit(&mut self, text: &Text<'_>, bare: bool) -> Option<(Comparison, String)> {
        let operators = [
            ("at least ", Comparison::AtLeast),
            ("at most ", Comparison::AtMost),
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("==", Comparison::Equal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let found = operators.iter().find(|(word, _)| text.text.starts_with(word));
        let (op, limit) = match found {
            Some((word, op)) => (*op, text.part(word.len(), text.text.len()).trim()),
            None if bare => (Comparison::Equal, text.clone()),
            None => return self.bad_limit(text),
        };
        let times = limit.text.strip_suffix("x baseline").map(str::trim_end);
        let fine = units::number(limit.text).is_some()
            || limit.text.parse().is_ok_and(|number: f64| number.is_finite() && number >= 0.0)
            || units::percent(limit.text).is_some()
            || units::duration(limit.text).is_some()
            || times.is_some_and(|times| times.parse().is_ok_and(|factor: f64| factor.is_finite() && factor > 0.0));
        if !fine {
            return self.bad_limit(text);
        }
        Some((op, limit.text.to_owned()))
    }

    fn bad_limit<T>(&mut self, text: &Text<'_>) -> Option<T> {
        let message = format!("`{}` is not a comparison with a limit", text.text);
        self.error(Code::BadLimit, text.span(), message, LIMIT_HELP.to_owned());
        None
    }

    /// `operator:`
    pub(super) fn operator(&mut self, top: &Keys<'_>) -> OperatorRules {
        let mut rules =
            OperatorRules { may_not: Vec::new(), needs: Vec::new(), takes: Vec::new(), waits_at_most: HOUR };
        let Some(node) = top.get("operator") else {
            self.assume("operator", "waits_at_most", "1h");
            return rules;
        };
        let Some(map) = self.keys(node, Where::Operator, "operator") else {
            return rules;
        };
        for item in self.list(map.get("may_not"), "verbs") {
            if let Some(text) = self.text_of(item, "a verb") {
                self.move_named(&text, true);
                rules.may_not.push(text.name());
            }
        }
        rules.needs = self.needs_of_moves(&map);
        rules.takes = self.times_of_moves(&map);
        rules.waits_at_most = self.duration(&map, "waits_at_most").unwrap_or(HOUR);
        rules
    }

    fn needs_of_moves(&mut self, map: &Keys<'_>) -> Vec<(Name, Fact)> {
        let mut needs = Vec::new();
        for entry in self.named(map.get("needs"), "moves and facts") {
            let key = Text::of_key(&entry.key, self.source);
            self.move_named(&key, false);
            needs.extend(self.fact(&entry.value).map(|fact| (entry.key.clone(), fact)));
        }
        needs
    }

    fn times_of_moves(&mut self, map: &Keys<'_>) -> Vec<(Name, Millis)> {
        let mut takes = Vec::new();
        for entry in self.named(map.get("takes"), "moves and durations") {
            let key = Text::of_key(&entry.key, self.source);
            self.move_named(&key, false);
            if let Some(text) = self.text_of(&entry.value, "a duration") {
                takes.extend(self.duration_of(&text).map(|duration| (entry.key.clone(), duration)));
            }
        }
        takes
    }

    fn move_named(&mut self, text: &Text<'_>, forward: bool) {
        let words = text.words();
        let Some(verb) = words.first() else {
            return;
        };
        let verbs = keys::verbs().map(|key| key.name);
        let known: Vec<&str> = verbs.chain(forward.then_some("forward")).collect();
        if !known.contains(&verb.text) {
            let message = format!("there is no move `{}`", verb.text);
            self.unknown_word(Code::BadChoice, verb, message, known);
        } else if let Some(argument) = words.get(1) {
            self.argument_of_move(argument);
            if words.len() > 2 {
                let message = format!("`{}` says more than a move and what it moves", text.text);
                let help = format!("write `{} {}`", verb.text, argument.text);
                self.error(Code::BadChoice, text.span(), message, help);
            }
        }
    }

    fn argument_of_move(&mut self, text: &Text<'_>) {
        let base = self.names.dotted(text).map_or(text.text, |(place, _)| place.text);
        let names = &self.names;
        let known =
            names.places.contains_key(base) || names.actors.contains_key(base) || names.values.contains_key(base);
        if !known {
            let message = format!("there is no place, service, flag or config `{}`", text.text);
            self.unknown_name(Code::UnknownPlace, text, message, |names| {
                let others = names.actors.keys().chain(names.values.keys());
                names.places.keys().chain(others).collect()
            });
        }
    }
}

/// The argument in `metric(argument)`.
fn argument_of<'t>(text: &Text<'t>, metric: &str) -> Option<Text<'t>> {
    let argument = text.text.strip_prefix(metric)?.strip_prefix('(')?.strip_suffix(')')?;
    let from = metric.len() + 1;
    Some(text.part(from, from + argument.len()))
}
