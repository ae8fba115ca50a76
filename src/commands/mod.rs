//! One file per verb.

pub mod check;
pub mod completions;
pub mod explain;
pub mod lint;
pub mod man;
pub mod new;
pub mod replay;
pub mod schema;
pub mod test;

use turnback_scenarios::Unreadable;
use turnback_scenarios::diagnostics::render;

use crate::screen::Screen;

/// Says on standard error why a file is no scenario.
fn refuse(unreadable: &Unreadable, screen: &Screen) {
    screen.tell(&render(&unreadable.source, &unreadable.diagnostics, screen.diagnostics(false)));
}
