//! Plans, their rollback, rollforward and promises.

use crate::ast::{Millis, Name, Plan, Rollback, Share, Step};
use crate::diagnostics::Code;
use crate::keys::Where;
use crate::text::Text;
use crate::tree::{Kind, Node};

use super::Reader;
use super::keys_of::Keys;
use super::rollout::ids_of;

/// What holds for a deploy that does not say otherwise.
#[derive(Debug)]
pub(super) struct Defaults {
    /// Stages; `None` = not said, so the language's own default.
    pub(super) canary: Option<Vec<Share>>,
    /// Watching time.
    pub(super) bake: Option<Millis>,
    /// The gate; the inner `None` = `none`.
    pub(super) gate: Option<Option<Name>>,
}

impl Reader<'_> {
    /// `defaults:`
    pub(super) fn defaults(&mut self, top: &Keys<'_>) -> Defaults {
        let map = top.get("defaults").and_then(|node| self.keys(node, Where::Defaults, "defaults"));
        let Some(map) = map else {
            return Defaults { canary: None, bake: None, gate: None };
        };
        Defaults {
            canary: map.get("canary").and_then(|node| self.canary(node)),
            bake: self.duration(&map, "bake"),
            gate: self.gate_named(&map),
        }
    }

    /// Every plan of the file.
    pub(super) fn plans(&mut self, top: &Keys<'_>, defaults: &Defaults) -> Vec<Plan> {
        if let (Some(plan), Some(plans)) = (top.entry("plan"), top.entry("plans")) {
            let diagnostic = crate::diagnostics::Diagnostic::error(
                Code::PlanAndPlans,
                plans.key.span.clone(),
                "a file has either `plan` or `plans`",
            );
            let diagnostic = diagnostic.related(plan.key.span.clone(), "here is `plan`");
            self.report(diagnostic.help("move the steps of `plan` under a name in `plans`"));
        }
        let mut plans = Vec::new();
        if top.has("plan") || (!top.has("plans") && (top.has("expect") || top.has("rollback"))) {
            plans.push(self.plan(None, top, "plan", (top, defaults)));
        }
        for entry in self.named(top.get("plans"), "names and plans") {
            let name = self.declared(&entry.key);
            if let Some(map) = self.keys(&entry.value, Where::Plan, &format!("plan {}", name.value)) {
                plans.push(self.plan(Some(name), &map, "steps", (top, defaults)));
            }
        }
        plans
    }

    fn plan(&mut self, name: Option<Name>, map: &Keys<'_>, key: &str, (top, defaults): (&Keys<'_>, &Defaults)) -> Plan {
        let items = self.list(map.get(key), "steps");
        let ids = ids_of(items);
        self.steps.scopes = vec![ids];
        let steps = self.steps(items, defaults);
        let here = |key: &str| map.get(key).or_else(|| top.get(key));
        let owner = name.as_ref().map_or("plan".to_owned(), |name| format!("plan {}", name.value));
        let rollback = match here("rollback") {
            Some(node) => self.rollback(node, defaults),
            None => {
                self.assume(&owner, "rollback", "inverse");
                Rollback::Inverse
            }
        };
        let rollforward = self.list(here("rollforward"), "steps");
        let rollforward = self.inner_steps(rollforward, defaults);
        let expect = self.expect(here("expect"), &format!("expect of {owner}"));
        self.steps.scopes = Vec::new();
        Plan { name, steps, rollback, rollforward, expect }
    }

    /// `repairs:`
    pub(super) fn repairs(&mut self, top: &Keys<'_>, defaults: &Defaults) -> Vec<Step> {
        let items = self.list(top.get("repairs"), "steps");
        self.steps.scopes = vec![ids_of(items), self.steps.all.clone()];
        let steps = self.steps(items, defaults);
        self.steps.scopes = Vec::new();
        steps
    }

    /// Steps of a list that belongs to a plan; references may mean its own steps or those of the plan.
    pub(super) fn inner_steps(&mut self, items: &[Node], defaults: &Defaults) -> Vec<Step> {
        self.steps.scopes.insert(0, ids_of(items));
        let steps = self.steps(items, defaults);
        self.steps.scopes.remove(0);
        steps
    }

    fn rollback(&mut self, node: &Node, defaults: &Defaults) -> Rollback {
        match &node.kind {
            Kind::Text(_) => self.rollback_word(node),
            Kind::List(items) => Rollback::List(self.inner_steps(items, defaults)),
            Kind::Map(_) => self.rollback_to(node, defaults),
            Kind::Empty => Rollback::Inverse,
        }
    }

    fn rollback_word(&mut self, node: &Node) -> Rollback {
        let Some(text) = self.text_of(node, "a rollback") else {
            return Rollback::Inverse;
        };
        match text.text {
            "inverse" => Rollback::Inverse,
            "code-only" => Rollback::CodeOnly,
            "undo-everything" => Rollback::UndoEverything,
            _ => {
                let words = ["inverse", "code-only", "undo-everything"];
                self.not_one_of(Code::BadChoice, &text, "rollback", &words);
                Rollback::Inverse
            }
        }
    }

    fn rollback_to(&mut self, node: &Node, defaults: &Defaults) -> Rollback {
        let mut lists = Vec::new();
        for entry in self.named(Some(node), "`to STEP` and lists of steps") {
            let key = Text::of_key(&entry.key, self.source);
            if !key.text.starts_with("to ") {
                let message = format!("`{}` does not say where the rollback leads", key.text);
                self.error(Code::UnknownKey, key.span(), message, "write `to STEP: [...]`".to_owned());
                continue;
            }
            let reference = key.after_words(1);
            let id = match reference.text {
                "start" => Some("start".to_owned()),
                _ => self.step_named(&reference),
            };
            let items = self.list(Some(&entry.value), "steps");
            let steps = self.inner_steps(items, defaults);
            lists.extend(id.map(|value| {
                let span = reference.span();
                (Name { value, span }, steps)
            }));
        }
        Rollback::To(lists)
    }
}
