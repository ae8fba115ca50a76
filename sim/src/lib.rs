//! The engine: one relation, the drivers that walk it, and what they find.
//!
//! Pure: no files, no clock, no printing, no hash-map order, no result that depends on threads.

pub mod drivers;
pub mod findings;
pub mod fleet;
#[cfg(not(feature = "planted"))]
mod planted;
#[cfg(feature = "planted")]
pub mod planted;
pub mod relation;
#[cfg(feature = "proptest")]
pub mod strategies;
