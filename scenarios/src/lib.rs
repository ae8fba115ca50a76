//! The language: a scenario file is read, resolved, linted and compiled to the fleet of `turnback-sim`.

pub mod ast;
mod codes;
pub mod compile;
mod complete;
pub mod diagnostics;
mod explain;
pub mod keys;
mod lint;
mod names;
pub mod narrate;
mod read;
mod reference;
mod schema;
pub mod source;
mod suggest;
pub mod templates;
mod text;
pub mod tree;
mod units;

pub use codes::pages;
pub use explain::explain;
pub use read::{Read, Unreadable, read, unreadable};
pub use reference::reference;
pub use schema::schema;
