//! What an explored graph says.

pub mod works;
