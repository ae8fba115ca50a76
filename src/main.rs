//! `turnback`: the command line. Data goes to standard output, progress and diagnostics to standard error.
#![forbid(unsafe_code)]

mod args;
mod checking;
mod commands;
mod exit;
mod progress;
mod reporting;
mod screen;
mod slips;
mod store;
mod testing;
mod trace;
mod variations;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Verb};
use exit::Exit;
use screen::Screen;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(refusal) => return usage(&refusal),
    };
    let screen = Screen::of(&arguments.look);
    let exit = match &arguments.verb {
        Verb::Check(check) => commands::check::run(check, &screen),
        Verb::Test(test) => commands::test::run(test, &screen),
        Verb::Replay(replay) => commands::replay::run(replay, &screen),
        Verb::Explain(explain) => commands::explain::run(explain, &screen),
        Verb::New(new) => commands::new::run(new, &screen),
        Verb::Lint(lint) => commands::lint::run(lint, &screen),
        Verb::Schema => commands::schema::run(&screen),
        Verb::Completions { shell } => commands::completions::run(*shell, &screen),
        Verb::Man => commands::man::run(&screen),
    };
    exit.into()
}

/// Help and version are answers; anything else that the parser refuses is a mistake in the command.
fn usage(refusal: &clap::Error) -> ExitCode {
    // A closed pipe is no mistake of the user's, and there is nobody left to tell.
    let _ = refusal.print();
    if refusal.use_stderr() { Exit::Invalid.into() } else { Exit::Safe.into() }
}
