//! Queues: at least once, in any order; retried, set aside or dropped (R4, R6, R10).
//!
//! Per key a queue is a set of message classes: a second message of a class that is already in flight is covered by
//! the duplicates that at-least-once delivery brings anyway.

use super::Fleet;
use super::definition::{Handler, Op, PlaceKind, Queue, Trigger};
use super::handler::{MESSAGE_FIELDS, same_message};
use super::item::{self, Lens};
use super::layout::replica;
use super::state::{self, Byte, Key, Message, Replica, State};

/// No consumer in particular.
const ANYONE: u8 = 0;

impl Fleet {
    pub(super) fn queue(&self, place: u8) -> &Queue {
        match &self.definition.places[usize::from(place)].kind {
            PlaceKind::Queue(queue) => queue,
            other => unreachable!("messages are only in queues, not in {other:?}"),
        }
    }

    pub(super) fn enqueue(&self, key: &mut Key, queue: u16, fields: &[Byte]) {
        let attempts = self.queue(queue as u8).attempts;
        for consumer in &self.consumers[usize::from(queue)] {
            let mut message: Message = [queue as u8, *consumer, 0, attempts, 0].into_iter().collect();
            message.extend_from_slice(fields);
            if !key.messages.iter().any(|other| same_message(other, &message)) {
                state::insert(&mut key.messages, message);
            }
        }
    }

    /// Per queue: the consumers that each get a copy (actor + 1), or one entry for anyone.
    pub(super) fn consumers_of(definition: &super::definition::Definition) -> Vec<Vec<u8>> {
        let mut consumers = vec![vec![]; definition.places.len()];
        for (id, place) in definition.places.iter().enumerate() {
            let PlaceKind::Queue(queue) = &place.kind else {
                continue;
            };
            for handler in &definition.handlers {
                let actor = definition.versions[usize::from(handler.version)].actor as u8 + 1;
                let reads = handler.trigger == Trigger::Message(id as u16);
                if queue.to_each_service && reads && !consumers[id].contains(&actor) {
                    consumers[id].push(actor);
                }
            }
            if consumers[id].is_empty() {
                consumers[id].push(ANYONE);
            }
        }
        consumers
    }

    /// Sets a message aside: it is accepted work that waits for a `requeue`.
    pub(super) fn set_aside(&self, key: &mut Key, mut message: Message) {
        message[2] = 1;
        message[3] = 0;
        message[4] = 0;
        state::insert(&mut key.messages, message);
    }

    /// Puts dead letters back with all their attempts.
    pub(super) fn requeue(&self, key: &mut Key, queue: u16) {
        let messages = std::mem::take(&mut key.messages);
        let (dead, alive): (Vec<Message>, Vec<Message>) =
            messages.into_iter().partition(|message| message[2] == 1 && u16::from(message[0]) == queue);
        key.messages = alive.into_iter().collect();
        for mut message in dead {
            message[2] = 0;
            message[3] = self.queue(queue as u8).attempts;
            if !key.messages.iter().any(|other| same_message(other, &message)) {
                state::insert(&mut key.messages, message);
            }
        }
    }

    /// The handlers of a replica that a message wakes: those that accept it, or the first one if none does.
    pub(super) fn takers(&self, state: &State, key: &Key, pool: usize, own: &Replica, message: &Message) -> Vec<u16> {
        if own[replica::PHASE] != 0 || message[2] == 1 {
            return vec![];
        }
        let actor = self.layout.actors[pool] as u8 + 1;
        if message[1] != ANYONE && message[1] != actor {
            return vec![];
        }
        let behaviour = self.behaviour(&state.control, pool, own);
        let woken = |handler: &&u16| {
            let declared = &self.definition.handlers[usize::from(**handler)];
            declared.trigger == Trigger::Message(u16::from(message[0]))
                && declared.when.as_ref().is_none_or(|when| self.holds_for(state, when, key, Some((pool, own))))
                && !key.tasks.iter().any(|task| Self::task_handler(task) == **handler)
        };
        let candidates: Vec<u16> = behaviour.handlers.iter().filter(woken).copied().collect();
        let accepting: Vec<u16> = candidates
            .iter()
            .filter(|handler| accepts(&self.definition.handlers[usize::from(**handler)], message))
            .copied()
            .collect();
        if accepting.is_empty() { candidates.into_iter().take(1).collect() } else { accepting }
    }

    /// Whether some fair move could still take the message as it stands.
    pub(super) fn can_be_taken(&self, state: &State, key: &Key, message: &Message) -> bool {
        state.pools.iter().enumerate().any(|(pool, bag)| {
            bag.iter().any(|(own, _)| {
                self.takers(state, key, pool, own, message)
                    .iter()
                    .any(|handler| accepts(&self.definition.handlers[usize::from(*handler)], message))
            })
        }) || key
            .tasks
            .iter()
            .any(|task| self.task_message(task).is_some_and(|other| same_message(&Message::from_slice(other), message)))
    }
}

fn accepts(handler: &Handler, message: &Message) -> bool {
    let lens = Lens { exists: &|_| true, sees_unknown: true, stale_is_harm: false };
    handler.moments.iter().flat_map(|moment| &moment.ops).all(|op| match op {
        Op::Receive(needs) => item::read(needs, &message[MESSAGE_FIELDS..], true, lens).stopped.is_none(),
        _ => true,
    })
}
