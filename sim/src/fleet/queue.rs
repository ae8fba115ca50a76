//! Queues: at least once, in any order; retried, set aside or dropped (R4, R6, R10).
//!
//! Per key a queue is a set of message classes: a second message of a class that is already in flight is covered by
//! the duplicates that at-least-once delivery brings anyway.

use super::Fleet;
use super::definition::{Handler, Op, PlaceKind, Queue, Trigger};
use super::environment::Mind;
use super::handler::{MESSAGE_FIELDS, same_message};
use super::item::{self, Lens};
use super::state::{self, Byte, Key, Message, State};

/// No consumer in particular.
const ANYONE: u8 = 0;

impl Fleet {
    pub(super) fn queue(&self, place: u8) -> &Queue {
        match &self.definition.places[usize::from(place)].kind {
            PlaceKind::Queue(queue) => queue,
            other => unreachable!("messages are only in queues, not in {other:?}"),
        }
    }

    /// Puts a message into the queue, or a copy for every service of whose `live` versions one consumes it.
    pub(super) fn enqueue(&self, live: &[u16], key: &mut Key, queue: u16, fields: &[Byte]) {
        let declared = self.queue(queue as u8);
        let mut consumers: Vec<u8> = vec![ANYONE];
        if declared.to_each_service {
            let handlers = self.definition.handlers.iter();
            let consuming = handlers.filter(|handler| {
                handler.trigger == Trigger::Message(queue) && live.contains(&handler.version)
            });
            consumers = consuming.map(|handler| self.definition.versions[usize::from(handler.version)].actor as u8 + 1).collect();
            consumers.sort_unstable();
            consumers.dedup();
        }
        for consumer in consumers {
            let mut message: Message = [queue as u8, consumer, 0, declared.attempts, 0].into_iter().collect();
            message.extend_from_slice(fields);
            if !key.messages.iter().any(|other| same_message(other, &message)) {
                state::insert(&mut key.messages, message);
            }
        }
    }

    /// The versions that run somewhere, and those of clients that are still there.
    pub(super) fn live_versions(&self, state: &State) -> Vec<u16> {
        let running = state.pools.iter().enumerate();
        let running = running.flat_map(|(pool, bag)| bag.iter().map(move |(own, _)| self.version_of(pool, own)));
        running.chain(self.live_clients(state)).collect()
    }

    /// The versions that run at the start.
    pub(super) fn first_versions(&self) -> Vec<u16> {
        self.definition.actors.iter().map(|actor| actor.versions.start).collect()
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

    /// The handlers of an actor that a message wakes: those that accept it, or the first one if none does.
    pub(super) fn takers(&self, state: &State, key: &Key, mind: Mind, message: &Message) -> Vec<u16> {
        let actor = self.definition.versions[usize::from(mind.version)].actor as u8 + 1;
        if message[2] == 1 || (message[1] != ANYONE && message[1] != actor) {
            return vec![];
        }
        let replica = mind.replica(state);
        let woken = |handler: &&u16| {
            let declared = &self.definition.handlers[usize::from(**handler)];
            declared.trigger == Trigger::Message(u16::from(message[0]))
                && declared.when.as_ref().is_none_or(|when| self.holds_for(state, when, key, replica))
                && !key.tasks.iter().any(|task| Self::task_handler(task) == **handler)
        };
        let candidates: Vec<u16> = mind.behaviour.handlers.iter().filter(woken).copied().collect();
        let accepts = |handler: &u16| accepts(&self.definition.handlers[usize::from(*handler)], message);
        let accepting: Vec<u16> = candidates.iter().filter(|handler| accepts(handler)).copied().collect();
        if accepting.is_empty() { candidates.into_iter().take(1).collect() } else { accepting }
    }

    /// Whether some fair move could still take the message as it stands.
    pub(super) fn can_be_taken(&self, state: &State, key: &Key, message: &Message) -> bool {
        let takes = |mind: Mind| {
            let handlers = self.takers(state, key, mind, message);
            handlers.iter().any(|handler| accepts(&self.definition.handlers[usize::from(*handler)], message))
        };
        let by_replica = state.pools.iter().enumerate().any(|(pool, bag)| {
            // A replica that starts will be up: that is a fair move.
            bag.iter().enumerate().any(|(who, (own, _))| {
                let behaviour = self.behaviour(&state.control, pool, own);
                takes(Mind { own: Some((pool, who)), version: self.version_of(pool, own), behaviour })
            })
        });
        let by_client = || {
            self.live_clients(state).any(|version| {
                let behaviour = self.client_behaviour(&state.control, version);
                takes(Mind { own: None, version, behaviour })
            })
        };
        let in_hand = |task: &state::Task| {
            self.task_message(task).is_some_and(|other| same_message(&Message::from_slice(other), message))
        };
        by_replica || by_client() || key.tasks.iter().any(in_hand)
    }
}

fn accepts(handler: &Handler, message: &Message) -> bool {
    let lens = Lens { exists: &|_| true, sees_unknown: true, stale_is_harm: false };
    handler.moments.iter().flat_map(|moment| &moment.ops).all(|op| match op {
        Op::Receive(needs) => item::read(needs, &message[MESSAGE_FIELDS..], true, lens).stopped.is_none(),
        _ => true,
    })
}
