//! Where text goes and how it may look there.

use std::io::{self, IsTerminal, Write};

use turnback_reports::terminal::Style;
use turnback_scenarios::diagnostics::Look as Diagnostics;

use crate::args::{Color, Look};
use crate::exit::Exit;

/// The two streams of a process, and what the user wants to see on them.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    color: Color,
    /// Whether only ASCII is written.
    pub ascii: bool,
    /// Whether to say more.
    pub verbose: bool,
    /// Whether to say nothing about progress and no warnings.
    pub quiet: bool,
}

impl Screen {
    /// As the options say.
    pub fn of(look: &Look) -> Self {
        Self { color: look.color, ascii: look.ascii, verbose: look.verbose, quiet: look.quiet }
    }

    fn colors(&self, terminal: bool) -> bool {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !refused,
        }
    }

    /// How an answer on standard output looks: as wide as the terminal.
    pub fn style(&self) -> Style {
        let terminal = io::stdout().is_terminal();
        let columns = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = columns.filter(|_| terminal).unwrap_or(Style::piped().width);
        Style { color: self.colors(terminal), ascii: self.ascii, width, verbose: self.verbose }
    }

    /// How an answer in a file looks.
    pub fn file_style(&self) -> Style {
        let color = self.color == Color::Always;
        Style { color, ascii: self.ascii, verbose: self.verbose, ..Style::piped() }
    }

    /// How diagnostics look on standard error, or on standard output if they are the answer.
    pub fn diagnostics(&self, are_the_answer: bool) -> Diagnostics {
        let terminal = if are_the_answer { io::stdout().is_terminal() } else { io::stderr().is_terminal() };
        Diagnostics { color: self.colors(terminal), unicode: terminal && !self.ascii }
    }

    /// Writes data. If nobody reads it any more, that is no mistake; if there is no room for it, it is.
    #[must_use]
    pub fn print(&self, text: &str) -> Exit {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.complain(&format!("standard output cannot be written: {error}"));
                Exit::Invalid
            }
            _ => Exit::Safe,
        }
    }

    /// Writes what is not data.
    pub fn tell(&self, text: &str) {
        let mut err = io::stderr().lock();
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }

    /// Writes a problem that has no place in a scenario.
    pub fn complain(&self, problem: &str) {
        self.tell(&format!("error: {problem}\n"));
    }
}
