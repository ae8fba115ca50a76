//! The language: a scenario file is read, resolved, linted and compiled to the fleet of `turnback-sim`.

pub mod ast;
pub mod compile;
