//! Writes what was found: one plain [`report::Report`] value, one writer per format.
//!
//! Nothing here computes a verdict, and nothing here knows the engine or the language: whoever ran the check fills the
//! value, a writer turns it into text.
#![forbid(unsafe_code)]

pub mod codes;
pub mod csv;
mod hostile;
pub mod json;
pub mod report;
pub mod terminal;
pub mod tested;
