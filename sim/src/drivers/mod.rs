//! Who picks the next step.

pub mod explore;
