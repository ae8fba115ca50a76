//! `turnback completions`

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Arguments;
use crate::exit::Exit;
use crate::screen::Screen;

/// Prints the completions of a shell.
pub fn run(shell: Shell, screen: &Screen) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "turnback", &mut script);
    screen.print(&String::from_utf8_lossy(&script))
}
