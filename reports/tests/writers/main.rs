//! Golden tests of the writers: reports built by hand, and what each format makes of them.

mod csv;
mod examples;
mod hostile;
mod json;
mod terminal;
