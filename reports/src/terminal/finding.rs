//! A finding: the lines to blame, the story, what does not matter and what would still have helped.

use super::page::{Page, Piece};
use super::snippet::{self, Mark};
use super::style::{Role, Symbol};
use crate::codes;
use crate::report::{Finding, Fix, Report, Severity};

/// Writes `finding`.
pub fn write(page: &mut Page, report: &Report, finding: &Finding) {
    page.blank();
    let severity = codes::page(finding.code).map_or(Severity::Error, |page| page.severity);
    write_title(page, severity, finding.code, &finding.title);
    let marks: Vec<Mark> =
        finding.blame.iter().map(|blame| Mark { span: blame.span.clone(), label: blame.label.clone() }).collect();
    snippet::write(page, &report.file, &report.source_text, severity, &marks);
    write_story(page, finding);
    write_list(page, "does not matter:", Role::Quiet, &finding.does_not_matter);
    write_list(page, "still saved by:", Role::Good, &finding.still_saved_by);
    if let Some(fix) = &finding.fix {
        write_fix(page, fix);
    }
    write_commands(page, finding);
}

/// Writes `error[TB201]: title`.
pub fn write_title(page: &mut Page, severity: Severity, code: &str, title: &str) {
    let role = match severity {
        Severity::Error => Role::Bad,
        Severity::Warning => Role::Caution,
    };
    let code = Piece::new(role, format!("{}[{code}]: ", severity.word()));
    page.paragraph(&[code], &[Piece::new(Role::Strong, title)]);
}

fn write_story(page: &mut Page, finding: &Finding) {
    if finding.story.is_empty() {
        return;
    }
    page.blank();
    let heading = Piece::new(Role::Strong, "how it happens");
    page.paragraph(&[Piece::plain("  ")], &[heading]);
    if finding.doomed_at == Some(0) {
        page.paragraph(&[Piece::plain("      ")], &[no_return(page)]);
    }
    for (index, step) in finding.story.iter().enumerate() {
        let number = index + 1;
        let mut body = vec![Piece::plain(&step.text)];
        if let Some(line) = step.line {
            body.push(Piece::new(Role::Quiet, format!("(line {line})")).whole());
        }
        if finding.doomed_at == Some(number) {
            body.push(no_return(page));
        }
        if finding.first_symptom_at == Some(number) {
            let symptom = format!("{} first symptom", page.symbol(Symbol::Hurt));
            body.push(Piece::new(Role::Caution, symptom).whole());
        }
        page.paragraph(&[Piece::new(Role::Quiet, format!("  {number:>3}. "))], &body);
    }
    page.blank();
}

fn no_return(page: &Page) -> Piece {
    let text = format!("{} no return from here", page.symbol(Symbol::NoReturn));
    Piece::new(Role::Bad, text).whole()
}

fn write_list(page: &mut Page, heading: &str, role: Role, items: &[String]) {
    for (index, item) in items.iter().enumerate() {
        let heading = if index == 0 { heading } else { "" };
        page.paragraph(&[Piece::new(role, format!("  {heading:<17}"))], &[Piece::plain(item)]);
    }
}

fn write_fix(page: &mut Page, fix: &Fix) {
    page.paragraph(&[Piece::new(Role::Advice, "  help:            ")], &[Piece::plain(&fix.summary)]);
    for line in fix.diff.lines() {
        let role = match line.as_bytes().first() {
            Some(b'+') => Role::Good,
            Some(b'-') => Role::Bad,
            _ => Role::Plain,
        };
        let text = role.paint(page.style, &page.clean(line));
        page.block(&format!("      {text}"));
    }
}

fn write_commands(page: &mut Page, finding: &Finding) {
    if let Some(command) = &finding.replay {
        page.paragraph(&[Piece::new(Role::Quiet, "  replay:          ")], &[Piece::plain(command)]);
    }
    let explain = format!("turnback explain {}", finding.code);
    page.paragraph(&[Piece::new(Role::Quiet, "  explain:         ")], &[Piece::plain(explain)]);
}
