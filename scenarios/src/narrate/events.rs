//! The event after which there is no return, told and recognised.

use turnback_sim::fleet::definition::{Op, Trigger};
use turnback_sim::fleet::state::State;
use turnback_sim::fleet::{Kind, Step};

use super::Narrator;
use crate::ast::Event;

impl Narrator<'_> {
    /// The move as an event that turns everything: `the first write by orders v3`.
    pub fn event(&self, before: &State, step: Step, after: &State) -> String {
        let writes = |op: &Op| matches!(op, Op::Write { .. } | Op::Delete { .. });
        match step.kind {
            Kind::Request | Kind::Deliver | Kind::Continue => {
                let handler = &self.fleet.definition.handlers[usize::from(step.what)];
                let who = self.version(handler.version);
                let moment = self.moment_of(before, step);
                match moment.and_then(|moment| moment.ops.iter().find(|op| writes(op) || matches!(op, Op::Send { .. })))
                {
                    Some(Op::Send { queue, .. }) if self.is_effect(*queue) => {
                        format!("the first time that {who} sends to {}", self.place(*queue))
                    }
                    Some(Op::Send { queue, .. }) => format!("the first message to {} by {who}", self.place(*queue)),
                    Some(_) => format!("the first write by {who}"),
                    None => self.act(before, step, after).0,
                }
            }
            _ => self.act(before, step, after).0,
        }
    }

    /// Whether the move is the event that is expected.
    pub fn is_event(&self, expected: &Event, before: &State, step: Step, after: &State) -> bool {
        let of_pool = |pool: u8, name: &str| {
            let actor = self.fleet.layout.actors.get(usize::from(pool));
            actor.is_some_and(|actor| self.names.actors[*actor] == name)
        };
        match (expected, step.kind) {
            (Event::Acts { actor, version, verb, place }, Kind::Request | Kind::Deliver | Kind::Continue) => {
                let handler = &self.fleet.definition.handlers[usize::from(step.what)];
                let of = self.fleet.definition.versions[usize::from(handler.version)].actor;
                let runs = &self.names.versions[usize::from(handler.version)];
                let acts = self.names.actors[usize::from(of)] == *actor
                    && version.as_ref().is_none_or(|version| version == runs)
                    && self.does(before, step, verb, place);
                acts || (verb == "receives"
                    && of_pool(step.peer_pool, actor)
                    && self.does(before, step, "sends", place))
            }
            (Event::Becomes(name, to), _) => {
                let value = self.names.values.iter().position(|(known, _)| known == name);
                value.is_some_and(|value| {
                    let truth = |state: &State| usize::from(state.control[self.fleet.layout.values[value]]);
                    let seen = step.kind == Kind::View && usize::from(step.what) == value;
                    truth(after) == *to && (seen || truth(before) != *to)
                })
            }
            (Event::Expires(place), Kind::Expire) => {
                let message = &before.keys[usize::from(step.key)].0.messages[usize::from(step.item)];
                self.place(u16::from(message[0])) == place
            }
            (Event::Expires(place), Kind::Evict) => self.place(step.what) == place,
            (Event::Starts(service), Kind::Boot | Kind::Restart) => of_pool(step.pool, service),
            _ => false,
        }
    }

    /// Whether the moment that a move runs does `verb` with `place`.
    fn does(&self, before: &State, step: Step, verb: &str, place: &str) -> bool {
        let handler = &self.fleet.definition.handlers[usize::from(step.what)];
        if verb == "receives"
            && step.kind == Kind::Deliver
            && matches!(handler.trigger, Trigger::Message(queue) if self.place(queue) == place)
        {
            return true;
        }
        let api = |api: u16| self.place(self.fleet.api_place(api));
        let is = |op: &Op| match (op, verb) {
            (Op::Read { place: at, .. }, "reads")
            | (Op::Write { place: at, .. }, "writes")
            | (Op::Delete { place: at, .. }, "deletes")
            | (Op::Send { queue: at, .. }, "sends") => self.place(*at) == place,
            (Op::Call { api: called, .. }, "sends") => api(*called) == place,
            (Op::Call { api: called, reply: Some(_), .. }, "receives") => format!("{}.reply", api(*called)) == place,
            (Op::Reply { api: called, .. }, "sends") => format!("{}.reply", api(*called)) == place,
            _ => false,
        };
        self.moment_of(before, step).is_some_and(|moment| moment.ops.iter().any(is))
    }
}
