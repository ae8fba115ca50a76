//! Long work says how far it is: a live line on a terminal, a line every ten seconds elsewhere.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use turnback_sim::drivers::explore::Progress;

use crate::screen::Screen;

/// How often a live line changes.
const LIVE: Duration = Duration::from_millis(200);
/// How often a line is written where nothing can be overwritten.
const PLAIN: Duration = Duration::from_secs(10);

/// What is said about one exploration.
pub struct Meter<'a> {
    screen: &'a Screen,
    subject: String,
    live: bool,
    began: Instant,
    said: Instant,
    shown: bool,
}

impl<'a> Meter<'a> {
    /// Begins to measure.
    pub fn new(screen: &'a Screen, subject: String) -> Self {
        let now = Instant::now();
        Self { screen, subject, live: io::stderr().is_terminal(), began: now, said: now, shown: false }
    }

    /// Says how far it is, if it is time to.
    pub fn report(&mut self, progress: Progress) {
        let pause = if self.live { LIVE } else { PLAIN };
        if self.screen.quiet || self.said.elapsed() < pause {
            return;
        }
        self.said = Instant::now();
        let rate = progress.states as f64 / self.began.elapsed().as_secs_f64().max(0.001);
        let line = format!(
            "{}: depth {}, {} states, {} moves, {rate:.0} states/s",
            self.subject, progress.depth, progress.states, progress.transitions
        );
        self.shown |= self.live;
        self.screen.tell(&if self.live { format!("\r\x1b[K{line}") } else { format!("{line}\n") });
    }
}

impl Drop for Meter<'_> {
    fn drop(&mut self) {
        if self.shown {
            self.screen.tell("\r\x1b[K");
        }
    }
}
