//! Versions and what they do.

use super::{Fact, HandlerId, PlaceId, Tag, VersionId};
use crate::fleet::state::Byte;

/// A version of an actor.
#[derive(Clone, Debug)]
pub struct Version {
    /// Its actor.
    pub actor: u16,
    /// The conditions that its behaviour depends on.
    pub conditions: Vec<Vec<Literal>>,
    /// By the set of conditions that hold (bit i = condition i): its behaviour.
    pub variants: Vec<Behaviour>,
    /// It crashes at its start unless this holds.
    pub starts_if: Option<Fact>,
}

/// One literal of a condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// What is asked.
    pub asked: Asked,
    /// Whether it must not be so.
    pub not: bool,
}

/// What a condition asks of the one who acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Whether it observes that value of a flag or config.
    Value(u16, u8),
    /// Whether it holds that role.
    Role(u16),
}

/// What a version does under given flags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Behaviour {
    /// What it does by itself: on a user's request, on a message, on a timer, after a write.
    pub handlers: Vec<HandlerId>,
    /// What it does at its start, in order.
    pub boot: Vec<HandlerId>,
    /// What it accepts by call.
    pub accepts: Vec<Accept>,
    /// What it replies by call, where the reply does not depend on what was read.
    pub replies: Vec<(u16, Vec<Put>, u16)>,
}

/// What a version accepts by a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Accept {
    /// The call.
    pub api: u16,
    /// What it expects; `None` = the request has no declared fields.
    pub needs: Option<Needs>,
    /// What it then does.
    pub handler: Option<HandlerId>,
    /// The declaration.
    pub origin: u16,
}

/// What a reader expects of a payload or item.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Needs {
    /// Per needed datum.
    pub list: Vec<Need>,
    /// What happens otherwise.
    pub otherwise: Otherwise,
    /// Fields that the reader knows (bit by field).
    pub known: u64,
}

/// One needed datum.
#[derive(Clone, Debug, PartialEq)]
pub struct Need {
    /// The alternatives in order.
    pub alternatives: Vec<u8>,
    /// Accepted tags; empty = any.
    pub tags: Vec<Tag>,
    /// Whether its absence is expected.
    pub optional: bool,
    /// Whether that is because a literal stands in.
    pub literal: bool,
}

/// What happens otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Otherwise {
    /// A needed field is not there.
    pub missing_field: Outcome,
    /// A field is there that the reader does not know.
    pub unknown_field: Outcome,
    /// A field has a tag that the reader does not accept.
    pub unknown_value: Outcome,
    /// The rules that declare them, in this order; [`Otherwise::DEFAULT`] = nobody declared it.
    pub rules: [u16; 3],
}

impl Otherwise {
    /// No declared rule.
    pub const DEFAULT: u16 = u16::MAX;
}

impl Default for Otherwise {
    fn default() -> Self {
        Self {
            missing_field: Outcome::Reject,
            unknown_field: Outcome::Ignore,
            unknown_value: Outcome::Reject,
            rules: [Self::DEFAULT; 3],
        }
    }
}

/// How a handler ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Ignore,
    /// The caller sees an error; a message counts an attempt.
    Reject,
    /// It will be tried again.
    Retry,
    /// Thrown away.
    Drop,
    /// The replica crashes.
    Crash,
    /// Taken for something else.
    Misread,
}

/// What a version does on one trigger.
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// The version it belongs to.
    pub version: VersionId,
    /// What wakes it.
    pub trigger: Trigger,
    /// It runs only while this holds for its key.
    pub when: Option<Fact>,
    /// What it does, moment by moment; a crash or another handler may fall between two moments.
    pub moments: Vec<Moment>,
    /// Values that are carried from a read to a later write or send: (source, field).
    pub carries: Vec<(Source, u8)>,
    /// It may end so.
    pub ends_in: Option<Outcome>,
    /// The declaration.
    pub origin: u16,
}

/// Where a carried value was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// An item.
    Place(PlaceId),
    /// The payload that woke the handler.
    Payload,
}

/// What wakes a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// A user or a timer: at any time.
    Anytime,
    /// A timer: again and again, surely.
    Timer,
    /// A message.
    Message(PlaceId),
    /// A call; the caller starts it.
    Call,
    /// The start of a replica.
    Boot,
    /// A change of that place by another actor.
    Write(PlaceId),
}

/// What happens in one moment.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Moment {
    /// In order.
    pub ops: Vec<Op>,
    /// How many tag choices its writes and sends leave.
    pub choices: u16,
}

/// One operation of a handler.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Looks at the payload that woke the handler.
    Receive(Needs),
    /// Reads an item.
    Read {
        /// Where.
        place: PlaceId,
        /// What it expects.
        needs: Needs,
        /// The declaration.
        origin: u16,
    },
    /// Writes an item.
    Write {
        /// Where.
        place: PlaceId,
        /// What.
        puts: Vec<Put>,
        /// Fields that it does not know survive, if the handler read the item before.
        keeps_unknown: bool,
        /// The declaration.
        origin: u16,
    },
    /// Removes an item.
    Delete {
        /// Where.
        place: PlaceId,
        /// The declaration.
        origin: u16,
    },
    /// Sends a message, or something outside.
    Send {
        /// The queue or effect.
        queue: PlaceId,
        /// What.
        puts: Vec<Put>,
        /// The declaration.
        origin: u16,
    },
    /// Calls a live replica; the only operation of its moment.
    Call {
        /// The call.
        api: u16,
        /// The request.
        puts: Vec<Put>,
        /// What the caller expects of the reply.
        reply: Option<Needs>,
        /// The declaration.
        origin: u16,
    },
    /// Replies to some caller; the only operation of its moment.
    Reply {
        /// The call.
        api: u16,
        /// The reply.
        puts: Vec<Put>,
        /// The declaration.
        origin: u16,
    },
}

/// A written or sent field.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    /// The field.
    pub field: u8,
    /// Its value.
    pub value: PutValue,
}

/// The value of a written or sent field.
#[derive(Clone, Debug, PartialEq)]
pub enum PutValue {
    /// From the request, as one of these: a tag fresh, or present and stale (it does not stand for the fact), or absent.
    New(Vec<Byte>),
    /// A carried value (index into [`Handler::carries`]), and its new tag.
    Copy {
        /// Which.
        carried: u8,
        /// Re-encoded as.
        retag: Option<Tag>,
    },
}
