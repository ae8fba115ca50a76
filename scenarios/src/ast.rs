//! The scenario as its author wrote it, typed and checked: every name in it is declared, every default is filled in.
//!
//! `extends` and `if` are still as written; they are merged when the scenario is compiled.

mod actors;
mod facts;
mod places;
mod plans;

use std::ops::Range;

pub use actors::*;
pub use facts::*;
pub use places::*;
pub use plans::*;

/// A byte range of the scenario file.
pub type Span = Range<usize>;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands in the file.
    pub span: Span,
}

/// A name and where it stands.
pub type Name = Spanned<String>;

/// A duration in milliseconds.
pub type Millis = u64;

/// A whole scenario file.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// `name:`
    pub name: Name,
    /// Every place, in the order of declaration.
    pub places: Vec<Place>,
    /// Declared apis, then undeclared ones in order of first use.
    pub apis: Vec<Api>,
    /// Flags (with the values `off`, `on`) and configs.
    pub values: Vec<Value>,
    /// `roles:`
    pub roles: Vec<Role>,
    /// Services and clients, in the order of declaration.
    pub actors: Vec<Actor>,
    /// The plans: one unnamed, or the named ones; none if the start alone is judged.
    pub plans: Vec<Plan>,
    /// `repairs:`
    pub repairs: Vec<Step>,
    /// `operator:`
    pub operator: OperatorRules,
    /// `gates:`
    pub gates: Vec<Gate>,
    /// `metrics:` name and `ok share of` target
    pub metrics: Vec<(Name, Name)>,
    /// `faults:`
    pub faults: bool,
    /// Every default that was filled in, in the order of the file.
    pub assumed: Vec<Assumed>,
}

/// A default that was filled in because the file says nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Assumed {
    /// Where it was filled in: `service orders`, `step deploy orders v2`.
    pub owner: String,
    /// The key.
    pub key: String,
    /// The value, as one would write it.
    pub value: String,
}
