//! Queues: at least once, in any order; retried, set aside or dropped (R4, R6, R10).
//!
//! Per key a queue is a set of message classes: a second message of a class that is already in flight is covered by
//! the duplicates that at-least-once delivery brings anyway.

use super::Fleet;
use super::definition::{Handler, Op, PlaceKind, Queue, Trigger};
use super::environment::Mind;
use super::handler::{MARKED, MESSAGE_FIELDS, MESSAGE_MARKS, same_message};
use super::item::{self, Lens};
use super::layout::replica;
use super::state::{self, ABSENT, Byte, Key, Message, State};
use crate::planted::{Planted, planted};

/// No consumer in particular.
const ANYONE: u8 = 0;

impl Fleet {
    pub(super) fn queue(&self, place: u8) -> &Queue {
        match &self.definition.places[usize::from(place)].kind {
            PlaceKind::Queue(queue) => queue,
            other => unreachable!("messages are only in queues, not in {other:?}"),
        }
    }

    /// Puts a message into the queue, or a copy for every service of whose `live` versions one consumes it. If none
    /// does, it waits for those that one day will.
    pub(super) fn enqueue(&self, live: &[u16], key: &mut Key, queue: u16, fields: &[Byte]) {
        let declared = self.queue(queue as u8);
        let mut consumers = vec![];
        if declared.to_each_service {
            consumers = self.consumers(queue, |version| live.contains(&version));
            if consumers.is_empty() {
                consumers = self.consumers(queue, |_| true);
            }
        }
        if consumers.is_empty() {
            consumers.push(ANYONE);
        }
        for consumer in consumers {
            let mut message: Message = [queue as u8, consumer, 0, declared.attempts, 0].into_iter().collect();
            message.extend_from_slice(fields);
            self.admit(key, message);
        }
    }

    /// The services with a version that consumes the queue and of which `counts` says yes.
    fn consumers(&self, queue: u16, counts: impl Fn(u16) -> bool) -> Vec<u8> {
        let consuming = |handler: &&Handler| handler.trigger == Trigger::Message(queue) && counts(handler.version);
        let handlers = self.definition.handlers.iter().filter(consuming);
        let mut services: Vec<u8> =
            handlers.map(|handler| self.definition.versions[usize::from(handler.version)].actor as u8 + 1).collect();
        services.sort_unstable();
        services.dedup();
        services
    }

    /// The versions that run somewhere, and those of clients that are still there.
    pub(super) fn live_versions(&self, state: &State) -> Vec<u16> {
        let pools = 0..state.pools.len();
        let running = pools.flat_map(|pool| self.running(state, pool).map(move |(own, _)| self.version_of(pool, own)));
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
            self.admit(key, message);
        }
    }

    /// Moves every message of one queue into another.
    pub(super) fn move_messages(&self, live: &[u16], key: &mut Key, from: u16, to: u16, fields: &[Option<u8>]) {
        let (moved, kept): (Vec<_>, Vec<_>) =
            std::mem::take(&mut key.messages).into_iter().partition(|message| u16::from(message[0]) == from);
        key.messages = kept.into_iter().collect();
        for message in moved {
            let length = self.definition.places[usize::from(to)].fields.len();
            let mut payload = vec![ABSENT; length];
            for (at, target) in fields.iter().enumerate() {
                if let Some(target) = target {
                    payload[usize::from(*target)] = message[MESSAGE_FIELDS + at];
                }
            }
            self.enqueue(live, key, to, &payload);
        }
    }

    /// Adds a message, at the end of the line if the queue keeps order. A line never holds two equal neighbours, and
    /// what finds it full is not sent: everything that a longer line could still bring, a later message brings too.
    fn admit(&self, key: &mut Key, mut message: Message) {
        if self.queue(message[0]).fifo {
            let line = line(key, &message);
            let last = line.last().map(|at| &key.messages[*at]);
            if last.is_some_and(|last| same_message(last, &message)) || line.len() >= LINE_MAX {
                return;
            }
            message[MESSAGE_MARKS] = (line.len() as u8 + 1) << 1;
        } else if key.messages.iter().any(|other| same_message(other, &message)) {
            return;
        }
        state::insert(&mut key.messages, message);
    }

    /// Whether a message can be delivered now, as far as its queue is concerned.
    pub(super) fn is_deliverable(&self, message: &Message) -> bool {
        !self.queue(message[0]).fifo || message[MESSAGE_MARKS] >> 1 <= 1 || planted(Planted::AnyOrder)
    }

    /// After messages have left a line, the others move up.
    pub(super) fn close_ranks(&self, key: &mut Key) {
        let fifo = |message: &Message| self.queue(message[0]).fifo && message[2] == 0;
        let Some(mut rest) = key.messages.iter().position(fifo).map(|_| std::mem::take(&mut key.messages)) else {
            return;
        };
        rest.sort_by_key(|message| message[MESSAGE_MARKS] >> 1);
        for mut message in rest {
            if fifo(&message) {
                let line = line(key, &message);
                let last = line.last().map(|at| &key.messages[*at]);
                if last.is_some_and(|last| same_message(last, &message)) {
                    continue;
                }
                message[MESSAGE_MARKS] = (message[MESSAGE_MARKS] & MARKED) | (line.len() as u8 + 1) << 1;
            }
            state::insert(&mut key.messages, message);
        }
    }

    /// The handlers of an actor that a message wakes: those that accept it, or the first one if none does.
    pub(super) fn takers(&self, state: &State, key: &Key, mind: Mind, message: &Message) -> Vec<u16> {
        let actor = self.definition.versions[usize::from(mind.version)].actor as u8 + 1;
        if message[2] == 1 || !self.is_deliverable(message) || (message[1] != ANYONE && message[1] != actor) {
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

    /// Whether some fair move could still take the message as it stands, or will be able to when what is in progress
    /// has ended.
    pub(super) fn can_be_taken(&self, state: &State, key: &Key, message: &Message) -> bool {
        let ahead = |other: &&Message| {
            other[..3] == message[..3] && self.queue(message[0]).fifo && other[MESSAGE_MARKS] < message[MESSAGE_MARKS]
        };
        let first = |message: &Message| {
            let mut first = message.clone();
            first[MESSAGE_MARKS] = if self.queue(message[0]).fifo { 2 } else { message[MESSAGE_MARKS] };
            first
        };
        let mut before = key.messages.iter().filter(ahead);
        before.all(|other| self.is_taken(state, key, &first(other))) && self.is_taken(state, key, &first(message))
    }

    fn is_taken(&self, state: &State, key: &Key, message: &Message) -> bool {
        let idle = Key { tasks: Default::default(), ..key.clone() };
        let takes = |mind: Mind| {
            let handlers = self.takers(state, &idle, mind, message);
            handlers.iter().any(|handler| accepts(&self.definition.handlers[usize::from(*handler)], message))
        };
        let by_replica = state.pools.iter().enumerate().any(|(pool, bag)| {
            // A replica that starts will be up: that is a fair move.
            bag.iter().enumerate().any(|(who, (own, _))| {
                let behaviour = self.behaviour(&state.control, pool, own);
                let mind = Mind { own: Some((pool, who)), version: self.version_of(pool, own), behaviour };
                !replica::is_fenced(own) && takes(mind)
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

/// The most unlike messages of one key in one line.
const LINE_MAX: usize = 4;

/// The messages that stand in one line with `message`, in order.
fn line(key: &Key, message: &Message) -> Vec<usize> {
    let alike = |other: &Message| other[..3] == message[..3];
    let mut line: Vec<usize> = (0..key.messages.len()).filter(|at| alike(&key.messages[*at])).collect();
    line.sort_by_key(|at| key.messages[*at][MESSAGE_MARKS] >> 1);
    line
}

/// Whether a message is there since before the running step began.
pub(super) fn is_marked(message: &Message) -> bool {
    message[MESSAGE_MARKS] & MARKED != 0
}

/// The messages that are there now and of which `of` says yes are there since before the running step began.
pub(super) fn mark_messages(key: &mut Key, of: impl Fn(&Message) -> bool) {
    for message in &mut key.messages {
        if message[2] == 0 && of(message) {
            message[MESSAGE_MARKS] |= MARKED;
        }
    }
    key.messages.sort_unstable();
}

fn accepts(handler: &Handler, message: &Message) -> bool {
    let lens = Lens { exists: &|_| true, sees_unknown: true, stale_is_harm: false };
    handler.moments.iter().flat_map(|moment| &moment.ops).all(|op| match op {
        Op::Receive(needs) => item::read(needs, &message[MESSAGE_FIELDS..], true, lens).stopped.is_none(),
        _ => true,
    })
}
