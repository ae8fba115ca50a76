//! The command line as a process: one file per verb, and one for files that are no scenario.

mod bad_input;
mod check;
mod explain;
mod lint;
mod new;
mod process;
mod replay;
mod schema;
mod slips;
mod test;
