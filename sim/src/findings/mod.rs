//! What an explored graph says: zones, harbours, the point of no return, stories.

mod analysis;
mod ground;
pub mod judge;
pub mod meetings;
mod no_return;
mod repair;
pub mod story;
pub mod works;
