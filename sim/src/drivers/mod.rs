//! Who picks the next step.

pub mod explore;
pub mod perturb;
