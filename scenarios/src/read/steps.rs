//! Steps and their modifiers.

use std::collections::HashMap;

use crate::ast::{Counted, Name, Share, Spanned, Step, Verb, Verify};
use crate::diagnostics::Code;
use crate::keys::{self, Where};
use crate::text::Text;
use crate::tree::{Entry, Kind, Node};

use super::Reader;
use super::keys_of::{Keys, is_file_reference};
use super::plans::Defaults;
use super::rollout::{Numbering, verb_of};

const VERIFY_FORM: &str = "write `count(FIELD is absent) == 0`, `count(FIELD is TAG) == 0` or \
    `count(FIELD is distinct from FIELD) == 0`";

impl Reader<'_> {
    /// A list of steps.
    pub(super) fn steps(&mut self, items: &[Node], defaults: &Defaults) -> Vec<Step> {
        self.no_id_twice(items);
        self.numbered_steps(items, defaults, &mut Numbering::default())
    }

    fn no_id_twice(&mut self, items: &[Node]) {
        let mut seen = HashMap::new();
        for id in items.iter().filter_map(|item| item.get("id")) {
            let Some(text) = id.text() else {
                continue;
            };
            if seen.insert(text, ()).is_some() {
                let message = format!("step id `{text}` stands here twice");
                self.error(Code::DuplicateName, id.span.clone(), message, None);
            }
        }
    }

    fn numbered_steps(&mut self, items: &[Node], defaults: &Defaults, numbering: &mut Numbering) -> Vec<Step> {
        let mut steps = Vec::new();
        for item in items {
            match item.kind {
                Kind::Map(_) => steps.extend(self.step(item, defaults, numbering)),
                Kind::Empty => {}
                _ => self.shape(item, "a step, as in `deploy: web v2`"),
            }
        }
        steps
    }

    fn step(&mut self, node: &Node, defaults: &Defaults, numbering: &mut Numbering) -> Option<Step> {
        if is_file_reference(node) {
            self.shape(node, "a step");
            return None;
        }
        let id = numbering.id(node);
        let owner = verb_of(node).map_or("this step".to_owned(), |_| format!("step {id}"));
        let map = self.keys(node, Where::Step, &owner)?;
        let verb = self.only_verb(&map, node)?;
        self.check_modifiers(&map, &verb.key.value);
        let verb_name = verb.key.value.as_str();
        let what = match &verb.value.kind {
            Kind::List(items) if verb_name == "parallel" => {
                Some(Verb::Parallel(self.numbered_steps(items, defaults, numbering)))
            }
            _ => self.verb(&map, verb),
        };
        let like = self.like(&map, verb);
        let (canary, bake, gate) = self.rolling(&map, verb_name, defaults);
        Some(Step {
            id,
            verb: what?,
            when: map.get("when").and_then(|node| self.fact(node)),
            needs: self.needed_steps(&map),
            undo: self.undo(&map, defaults),
            floor: self.bool(&map, "floor"),
            gate,
            verify: self.verify(&map),
            once: self.bool(&map, "once"),
            canary,
            bake,
            stragglers_included: self.one_of(&map, "stragglers", Code::BadChoice).is_some(),
            like,
            ready_in: self.duration(&map, "ready_in"),
            span: node.span.clone(),
            verb_span: verb.value.span.clone(),
        })
    }

    fn only_verb<'n>(&mut self, map: &Keys<'n>, node: &'n Node) -> Option<&'n Entry> {
        let is_verb = |entry: &&Entry| keys::verbs().any(|verb| verb.name == entry.key.value);
        let verbs: Vec<&Entry> = map.entries().iter().filter(is_verb).collect();
        match verbs.as_slice() {
            [verb] => Some(*verb),
            [] => {
                let misspelt = map.entries().iter().any(|entry| keys::find(Where::Step, &entry.key.value).is_none());
                if !misspelt {
                    let names: Vec<&str> = keys::verbs().map(|key| key.name).collect();
                    let help = format!("the verbs are {}", crate::suggest::listed(&names));
                    self.error(Code::StepVerbs, map.head(), "this step says nothing to do", help);
                }
                None
            }
            [_, second, ..] => {
                let help = "make each of them a step of its own".to_owned();
                self.error(Code::StepVerbs, second.key.span.clone(), "a step does exactly one thing", help);
                verb_of(node)
            }
        }
    }

    fn check_modifiers(&mut self, map: &Keys<'_>, verb: &str) {
        for entry in map.entries() {
            let Some(key) = keys::find(Where::Step, &entry.key.value) else {
                continue;
            };
            if !key.verbs.is_empty() && !key.verbs.contains(&verb) {
                let message = format!("`{}` has no meaning beside `{verb}`", key.name);
                let help = format!("it goes with {}", crate::suggest::listed(key.verbs));
                self.error(Code::Misplaced, entry.key.span.clone(), message, help);
            }
        }
    }

    fn like(&mut self, map: &Keys<'_>, verb: &Entry) -> Option<Name> {
        let text = self.text(map, "like")?;
        let deploy = Text::of(&verb.value, self.source)?;
        let service = deploy.words().first()?.text.to_owned();
        self.version_of(&service, &text)?;
        Some(text.name())
    }

    fn rolling(&mut self, map: &Keys<'_>, verb: &str, defaults: &Defaults) -> (Vec<Share>, u64, Option<Name>) {
        let canary = map.get("canary").and_then(|node| self.canary(node));
        let bake = self.duration(map, "bake");
        let gate = self.gate_named(map);
        if verb != "deploy" {
            return (canary.unwrap_or_default(), bake.unwrap_or(0), gate.flatten());
        }
        for (key, given) in [
            ("canary", canary.is_some() || defaults.canary.is_some()),
            ("bake", bake.is_some() || defaults.bake.is_some()),
            ("gate", gate.is_some() || defaults.gate.is_some()),
        ] {
            let default = keys::find(Where::Step, key).map_or("", |key| key.default);
            if !given && !map.has(key) {
                self.assume(&map.owner, key, default);
            }
        }
        let own = || vec![Share::Replicas(1), Share::Percent(100.0)];
        let canary = canary.or_else(|| defaults.canary.clone()).unwrap_or_else(own);
        let bake = bake.or(defaults.bake).unwrap_or(0);
        (canary, bake, gate.unwrap_or_else(|| defaults.gate.clone().flatten()))
    }

    /// `canary:`; empty = `none`.
    pub(super) fn canary(&mut self, node: &Node) -> Option<Vec<Share>> {
        if node.text() == Some("none") {
            return Some(Vec::new());
        }
        if let Kind::Text(_) = node.kind {
            self.shape(node, "a list of stages, or `none`");
            return None;
        }
        let items = self.list(Some(node), "stages");
        let mut stages = Vec::new();
        for item in items {
            if let Some(text) = self.text_of(item, "a stage") {
                stages.extend(self.stage(&text));
            }
        }
        self.stages_rise(&stages, node);
        Some(stages)
    }

    fn stage(&mut self, text: &Text<'_>) -> Option<Share> {
        let words = text.words();
        match words.as_slice() {
            [count, word] if matches!(word.text, "replica" | "replicas") => self.number_of(count).map(Share::Replicas),
            [percent] if percent.text.ends_with('%') => self.percent_of(percent).map(Share::Percent),
            _ => {
                let message = format!("`{}` is not a stage", text.text);
                self.error(Code::BadPercent, text.span(), message, "write `1 replica` or `5%`".to_owned());
                None
            }
        }
    }

    fn stages_rise(&mut self, stages: &[Share], node: &Node) {
        let rise = stages.windows(2).all(|pair| match pair {
            [Share::Replicas(a), Share::Replicas(b)] => a < b,
            [Share::Percent(a), Share::Percent(b)] => a < b,
            _ => true,
        });
        if !rise {
            let help = "each stage must be larger than the one before".to_owned();
            self.error(Code::BadPercent, node.span.clone(), "these stages do not rise", help);
        }
    }

    /// `gate:`; the inner `None` = `none`.
    pub(super) fn gate_named(&mut self, map: &Keys<'_>) -> Option<Option<Name>> {
        let text = self.text(map, "gate")?;
        if text.text == "none" {
            return Some(None);
        }
        if !self.names.gates.contains_key(text.text) {
            let message = format!("there is no gate `{}`", text.text);
            self.unknown_name(Code::UnknownGate, &text, message, |names| names.gates.keys().collect());
        }
        Some(Some(text.name()))
    }

    fn needed_steps(&mut self, map: &Keys<'_>) -> Vec<Name> {
        let mut needs = Vec::new();
        for item in self.list(map.get("needs"), "steps") {
            if let Some(text) = self.text_of(item, "a step") {
                let span = text.span();
                needs.extend(self.step_named(&text).map(|value| Name { value, span }));
            }
        }
        needs
    }

    fn undo(&mut self, map: &Keys<'_>, defaults: &Defaults) -> Option<Vec<Step>> {
        let node = map.get("undo")?;
        if node.text() == Some("none") {
            return Some(Vec::new());
        }
        let items = self.list(Some(node), "steps, or `none`");
        Some(self.inner_steps(items, defaults))
    }

    fn verify(&mut self, map: &Keys<'_>) -> Option<Spanned<Verify>> {
        let text = self.text(map, "verify")?;
        let inner = text.text.strip_prefix("count(").and_then(|rest| rest.split_once(')'));
        let Some((inside, _)) = inner else {
            return self.bad_verify(&text);
        };
        let from = "count(".len();
        let counted = text.part(from, from + inside.len()).trim();
        let limit = text.part(from + inside.len() + 1, text.text.len()).trim();
        let (field, counted) = self.counted(&counted, &text)?;
        let (op, number) = self.limit(&limit, false)?;
        let Some(number) = crate::units::number(&number) else {
            return self.bad_verify(&text);
        };
        Some(Spanned { value: Verify { field, counted, op, limit: number }, span: text.span() })
    }

    fn counted(&mut self, text: &Text<'_>, whole: &Text<'_>) -> Option<(String, Counted)> {
        let words = text.words();
        let plain: Vec<&str> = words.iter().map(|word| word.text).collect();
        let counted = match plain.as_slice() {
            [_, "is", "absent"] => Counted::Absent,
            [_, "is", "distinct", "from", other] => Counted::DistinctFrom((*other).to_owned()),
            [_, "is", tag] => Counted::Tag((*tag).to_owned()),
            _ => return self.bad_verify(whole),
        };
        Some((plain[0].to_owned(), counted))
    }

    fn bad_verify<T>(&mut self, text: &Text<'_>) -> Option<T> {
        let message = format!("`{}` cannot be verified", text.text);
        self.error(Code::BadLimit, text.span(), message, VERIFY_FORM.to_owned());
        None
    }
}
