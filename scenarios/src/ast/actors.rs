//! Services and clients, their versions and what these do.

use super::*;

/// A service or a client.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    /// Its name.
    pub name: Name,
    /// Service or client attributes.
    pub kind: ActorKind,
    /// Its versions; the first runs at the start. An actor without declared versions has one, named as in
    /// [`Actor::UNVERSIONED`].
    pub versions: Vec<Version>,
}

impl Actor {
    /// The name of the only version of an actor that declares none.
    pub const UNVERSIONED: &'static str = "";
}

/// What sort of actor.
#[derive(Clone, Debug, PartialEq)]
pub enum ActorKind {
    /// Deployed by us.
    Service {
        /// Running copies.
        replicas: u64,
        /// Replicas that no step moves: how many, at which version.
        stragglers: Option<(u64, Name)>,
        /// Long-lived sessions: per replica, lifetime.
        sessions: Option<(u64, Millis)>,
        /// Who is told.
        owner: Option<String>,
    },
    /// Not deployed by us.
    Client {
        /// Its traffic and whether it fades.
        traffic: Option<Traffic>,
        /// The service it is loaded from.
        loaded_from: Option<Name>,
        /// How long it keeps its version.
        lives: Option<Millis>,
    },
}

/// A client's traffic.
#[derive(Clone, Debug, PartialEq)]
pub enum Traffic {
    /// A constant share, in percent.
    Share(f64),
    /// `A% falling to B% in DUR`
    Falling {
        /// Share at the start, percent.
        from: f64,
        /// Share at the end, percent.
        to: f64,
        /// How long it takes.
        within: Millis,
    },
    /// What the others leave.
    Rest,
}

/// One version of an actor.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Its name.
    pub name: Name,
    /// What it does.
    pub body: Body,
    /// `extends:` (service or client, version); the service is filled in.
    pub extends: Vec<(String, Name)>,
    /// `starts_if:`
    pub starts_if: Option<Fact>,
    /// `ready_in:`
    pub ready_in: Option<Millis>,
    /// `latency:`
    pub latency: Option<Millis>,
    /// `artifact:`
    pub artifact: Option<String>,
}

/// What a version does; also the body of an `if`.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Body {
    /// `reads:` etc. directly under the version.
    pub verbs: Verbs,
    /// `handlers:`; `None` as the handler = removed (`none`).
    pub handlers: Vec<(Name, Option<Handler>)>,
    /// `on_*` and `keeps_unknown`, as far as given here.
    pub otherwise: Otherwise,
    /// `if COND:` overlays, in order.
    pub overlays: Vec<(Condition, Body)>,
}

/// The four verbs and `deletes`. `None` as the fields = `none`: removed by an overlay.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Verbs {
    /// `reads:` by place.
    pub reads: Vec<(Name, Option<Fields>)>,
    /// `writes:` by place.
    pub writes: Vec<(Name, Option<Fields>)>,
    /// `sends:` by queue, api, or api and `.reply` (the name is as written).
    pub sends: Vec<(Name, Option<Fields>)>,
    /// `receives:` likewise.
    pub receives: Vec<(Name, Option<Fields>)>,
    /// `deletes:`
    pub deletes: Vec<Name>,
}

/// A handler under `handlers:`.
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// What wakes it.
    pub trigger: Trigger,
    /// `when:`
    pub when: Option<Fact>,
    /// What it does.
    pub verbs: Verbs,
    /// `ends_in:`
    pub ends_in: Option<Spanned<Outcome>>,
    /// `same_transaction:`
    pub same_transaction: bool,
    /// `on_*`
    pub otherwise: Otherwise,
}

/// What wakes a handler.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// What it `receives`, else a user's request.
    Arrival,
    /// The start of a replica.
    Start,
    /// A timer (`every DUR`, `at HH:MM`): the period.
    Timer(Millis),
    /// A change of that place by another actor.
    Write(Name),
}

/// The fields of one verb on one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Fields {
    /// The fields.
    pub list: Vec<FieldUse>,
    /// `on_*` given for this place only.
    pub otherwise: Otherwise,
    /// Where the whole list stands.
    pub span: Span,
}

/// One entry of a field list.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldUse {
    /// The alternatives in order (one, unless the reader falls back).
    pub alternatives: Vec<Name>,
    /// What stands in when none is there.
    pub fallback: Fallback,
    /// Accepted or written tags; empty = any / untagged. The reserved words `wrong`, `any`, `fresh`, `stale`,
    /// `absent` stand here as written.
    pub tags: Vec<Name>,
    /// `from PLACE.field`, and whether `or nothing` follows.
    pub from: Option<(Name, Name, bool)>,
    /// Where it stands.
    pub span: Span,
}

/// What stands in for a field that is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// Nothing: `on_missing_field`.
    None,
    /// `or "literal"`
    Literal(String),
    /// `or nothing`
    Nothing,
}

/// What happens to a handler that meets what it does not expect. `None` = not given here.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Otherwise {
    /// `on_missing_field:` (default reject)
    pub on_missing_field: Option<Spanned<Outcome>>,
    /// `on_unknown_field:` (default ignore)
    pub on_unknown_field: Option<Spanned<Outcome>>,
    /// `on_unknown_value:` (default reject)
    pub on_unknown_value: Option<Spanned<Outcome>>,
    /// `keeps_unknown:` (default false)
    pub keeps_unknown: Option<bool>,
}

/// How a handler ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It goes on.
    Ignore,
    /// The caller sees an error.
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
