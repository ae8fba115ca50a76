//! What is declared and can be used by a path, or by none (V7).

use super::definition::{Action, Asked, Atom, Behaviour, Definition, Fact, Needs, Observed, Op, VersionId};
use super::layout::{Home, control, presence};
use super::programme::Entry;
use super::rollout::sub;
use super::service::Start;
use super::state::State;
use super::{Fleet, Kind, Step};
use crate::relation::Mode;

/// A declared thing that a path can use, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// A place holds something.
    Place(u16),
    /// A handler runs.
    Handler(u16),
    /// A step of the plan is taken.
    Step(u16),
    /// A line of the rollback for the start is taken.
    Undo(u16),
    /// What such a line waits for (`until`) comes true; lines are those of the plan, then those of the rollback.
    Until(u16),
    /// What such a line must have reached at its end (`verify`) is so.
    Verified(u16),
    /// A version starts although it starts only if something holds.
    Start(u16),
    /// Somebody observes that value of a flag or config.
    Value(u16, u8),
    /// A rule for what is not as expected is followed.
    Rule(u16),
    /// Somebody whose doing depends on a flag or config acts while he observes that value of it.
    Acted(u16, u8),
    /// One more than the last.
    End,
}

impl Fleet {
    /// The number of an element.
    pub fn element(&self, element: Element) -> u32 {
        let definition = &self.definition;
        let lines = definition.plan.len() + self.programmes.rollback(0).len();
        let values = |before: usize| definition.values[..before].iter().map(|value| usize::from(value.values)).sum();
        // Per sort: how many there are, in the order of `Element`.
        let sizes: [usize; 9] = [
            definition.places.len(),
            definition.handlers.len(),
            lines,
            lines,
            lines,
            definition.versions.len(),
            values(definition.values.len()),
            usize::from(definition.rules),
            values(definition.values.len()),
        ];
        let plan = definition.plan.len();
        let (sort, at) = match element {
            Element::Place(place) => (0, usize::from(place)),
            Element::Handler(handler) => (1, usize::from(handler)),
            Element::Step(step) => (2, usize::from(step)),
            Element::Undo(line) => (2, plan + usize::from(line)),
            Element::Until(line) => (3, usize::from(line)),
            Element::Verified(line) => (4, usize::from(line)),
            Element::Start(version) => (5, usize::from(version)),
            Element::Value(value, index) => (6, values(usize::from(value)) + usize::from(index)),
            Element::Rule(rule) => (7, usize::from(rule)),
            Element::Acted(value, index) => (8, values(usize::from(value)) + usize::from(index)),
            Element::End => (9, 0),
        };
        (sizes[..sort].iter().sum::<usize>() + at) as u32
    }

    /// Every place: of what can never be alive nothing is shown.
    pub(super) fn vital_elements(&self) -> Vec<u32> {
        (0..self.definition.places.len() as u16).map(|place| self.element(Element::Place(place))).collect()
    }

    /// The elements that a state shows in use.
    pub(super) fn shown(&self, state: &State, each: &mut dyn FnMut(Element)) {
        self.alive(state, &mut |place| each(Element::Place(place)));
        self.observed(state, each);
        if let Some((line, entry)) = self.watched_line(state)
            && let Action::WaitUntil(fact) = &entry.line.action
            && state.control[control::STAGE] == 1
            && self.holds(state, fact)
        {
            each(Element::Until(line));
        }
    }

    /// The elements that a step uses.
    pub(super) fn used_by(&self, state: &State, step: Step, each: &mut dyn FnMut(Element)) {
        match step.kind {
            Kind::Request | Kind::Deliver | Kind::Continue => each(Element::Handler(step.what)),
            Kind::Boot => self.used_by_start(state, step, each),
            Kind::Advance => {
                let Some((line, entry)) = self.watched_line(state) else { return };
                let undo = line.checked_sub(self.definition.plan.len() as u16);
                each(undo.map_or(Element::Step(line), Element::Undo));
                // A part that a `verify` says nothing about never asks for it.
                if step.what == sub::FINISH || entry.line.verify.is_empty() {
                    each(Element::Verified(line));
                }
            }
            _ => {}
        }
    }

    /// The line of the plan, or of the rollback for the start, that is next or in progress; those of the rollback are
    /// numbered behind those of the plan.
    fn watched_line(&self, state: &State) -> Option<(u16, &Entry)> {
        let entry = self.current(state)?;
        let line = u16::from(state.control[control::LINE]);
        match self.mode_of(state) {
            Mode::Forward { .. } => Some((line, entry)),
            Mode::Rollback { .. } if state.control[control::FLOOR] == 0 => {
                Some((self.definition.plan.len() as u16 + line, entry))
            }
            _ => None,
        }
    }

    fn used_by_start(&self, state: &State, step: Step, each: &mut dyn FnMut(Element)) {
        let (start, version) = self.start_by(state, step);
        if start != Start::Fails {
            each(Element::Start(version));
        }
        if let Start::Runs(handler, _) = start {
            each(Element::Handler(handler));
        }
    }

    /// The values that somebody observes.
    fn observed(&self, state: &State, each: &mut dyn FnMut(Element)) {
        for (value, declared) in self.definition.values.iter().enumerate() {
            if declared.observed == Observed::AtOnce {
                each(Element::Value(value as u16, state.control[self.layout.values[value]]));
            }
        }
        for (bag, views) in state.pools.iter().zip(&self.layout.views) {
            for (value, offset) in views {
                bag.iter().for_each(|(own, _)| each(Element::Value(*value as u16, own[*offset])));
            }
        }
        for (version, value, offset) in &self.layout.client_views {
            if self.is_present(state, *version) {
                each(Element::Value(*value, state.control[*offset]));
            }
        }
    }

    fn alive(&self, state: &State, each: &mut dyn FnMut(u16)) {
        for (id, home) in self.layout.items.iter().enumerate() {
            let there = match home {
                Home::Key(offset) => state.keys.iter().any(|(key, _)| key.items[*offset] != presence::NO),
                Home::Replica(pool, offset) => state.pools[*pool].iter().any(|(own, _)| own[*offset] != presence::NO),
                Home::Messages => {
                    state.keys.iter().any(|(key, _)| key.messages.iter().any(|message| usize::from(message[0]) == id))
                }
                Home::Nowhere => false,
            };
            if there {
                each(id as u16);
            }
        }
    }
}

impl Definition {
    /// Per version: the flags and configs on which it depends what it does.
    pub(super) fn minded(&self) -> Vec<Vec<u16>> {
        let named = |fact: &Fact| -> Vec<u16> {
            let value = |atom: &Atom| if let Atom::ValueIs { value, .. } = atom { Some(*value) } else { None };
            fact.iter().filter_map(value).collect()
        };
        let mut minded: Vec<Vec<u16>> = Vec::new();
        for version in &self.versions {
            let conditions = version.conditions.iter().flatten().filter_map(|literal| match literal.asked {
                Asked::Value(value, _) => Some(value),
                Asked::Role(_) => None,
            });
            minded.push(conditions.chain(version.starts_if.iter().flat_map(named)).collect());
        }
        for handler in &self.handlers {
            minded[usize::from(handler.version)].extend(handler.when.iter().flat_map(named));
        }
        for values in &mut minded {
            values.sort_unstable();
            values.dedup();
        }
        minded
    }

    /// The versions for which a declared rule counts.
    pub fn followers(&self, rule: u16) -> Vec<VersionId> {
        let follows = |needs: &Needs| needs.otherwise.rules.contains(&rule);
        let handlers = self.handlers.iter().filter(|handler| {
            handler.moments.iter().flat_map(|moment| &moment.ops).any(|op| match op {
                Op::Receive(needs) | Op::Read { needs, .. } | Op::Call { reply: Some(needs), .. } => follows(needs),
                _ => false,
            })
        });
        let accepts =
            |behaviour: &Behaviour| behaviour.accepts.iter().any(|accept| accept.needs.as_ref().is_some_and(follows));
        let called = self.versions.iter().enumerate().filter(|(_, version)| version.variants.iter().any(accepts));
        handlers.map(|handler| handler.version).chain(called.map(|(version, _)| version as VersionId)).collect()
    }
}
