//! `turnback schema`

use crate::exit::Exit;
use crate::screen::Screen;

/// Prints the JSON Schema.
pub fn run(screen: &Screen) -> Exit {
    let schema = turnback_scenarios::schema();
    screen.print(&format!("{}\n", schema.trim_end()))
}
