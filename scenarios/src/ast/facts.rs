//! Conditions and facts.

use super::*;

/// `if COND`: all of its literals hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// `not`, the name of a flag, config or role, and what is asked of it.
    pub literals: Vec<(bool, Name, Asked)>,
    /// Where it stands.
    pub span: Span,
}

/// What a condition asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Whether that value, by its index, is observed.
    Value(usize),
    /// Whether the role is held.
    Role,
}

/// A conjunction of facts.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// All of them must hold.
    pub all: Vec<Spanned<Atom>>,
    /// Where it stands.
    pub span: Span,
}

/// One fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Atom {
    /// `all SVC >= VER`
    AllAtLeast(String, String),
    /// `all SVC at VER`
    AllAt(String, String),
    /// `all SVC up`
    AllUp(String),
    /// `any SVC [at VER] up`
    AnyUp(String, Option<String>),
    /// `no SVC VER`
    NoVersion(String, String),
    /// `no CLIENT`
    NoClient(String),
    /// `no PLACE where FIELD is [not] X`: place, field, not, X
    NoItemWhere(String, String, bool, FieldState),
    /// `PLACE is empty` / `PLACE is absent`
    Empty(String),
    /// `PLACE is present`
    Present(String),
    /// `PLACE.FIELD is [not] X`: place, field, not, X
    FieldIs(String, String, bool, FieldState),
    /// `CONFIG is [not] VALUE`, `FLAG is on|off`: value, not, index
    ValueIs(String, bool, usize),
    /// `ROLE is held|vacant`
    RoleIs(String, bool),
    /// `DUR since STEP`: duration, step id
    Since(Millis, String),
    /// `CLIENT traffic < PCT`
    TrafficBelow(String, f64),
}

/// What a field is asked for in a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldState {
    /// It is not there.
    Absent,
    /// It is there and does not stand for the latest fact.
    Stale,
    /// It is there with that tag.
    Tag(String),
}
