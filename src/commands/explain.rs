//! `turnback explain`

use turnback_reports::codes;
use turnback_reports::terminal;
use turnback_scenarios::pages;

use crate::args::ExplainArguments;
use crate::checking;
use crate::exit::Exit;
use crate::screen::Screen;

/// Shows the page of a code, or reads a scenario back.
pub fn run(arguments: &ExplainArguments, screen: &Screen) -> Exit {
    let subject = &arguments.subject;
    if let Some(page) = page(subject, screen) {
        return screen.print(&page);
    }
    if is_code(subject) {
        screen.complain(&format!("there is no code {subject}"));
        return Exit::Invalid;
    }
    match checking::open(subject) {
        Ok(read) => screen.print(&turnback_scenarios::explain(&read.scenario)),
        Err(unreadable) => {
            super::refuse(&unreadable, screen);
            Exit::Invalid
        }
    }
}

fn is_code(subject: &str) -> bool {
    let digits = subject.strip_prefix("TB").or_else(|| subject.strip_prefix("tb"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The page of a finding's code, or of a diagnostic's.
fn page(subject: &str, screen: &Screen) -> Option<String> {
    if let Some(page) = codes::page(subject) {
        return Some(terminal::code_text(page, &screen.style()));
    }
    let (code, title, text) = pages().iter().find(|(code, ..)| code.eq_ignore_ascii_case(subject))?;
    Some(format!("error[{code}]: {title}\n\n{}\n", text.trim_end()))
}
