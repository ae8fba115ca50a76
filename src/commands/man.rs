//! `turnback man`

use clap::CommandFactory;

use crate::args::Arguments;
use crate::exit::Exit;
use crate::screen::Screen;

/// Prints the manual page.
pub fn run(screen: &Screen) -> Exit {
    let mut page = Vec::new();
    match clap_mangen::Man::new(Arguments::command()).render(&mut page) {
        Ok(()) => screen.print(&String::from_utf8_lossy(&page)),
        Err(error) => {
            screen.complain(&format!("the manual page cannot be written: {error}"));
            Exit::Invalid
        }
    }
}
