//! `--format human`: what a person reads. The verdict first, then the steps, then the findings, then the rest.
//!
//! The page holds every text of others back until it is cleaned, so no section can forget to.

mod finding;
mod lists;
mod page;
mod slips;
mod snippet;
mod steps;
mod style;
mod table;
mod verdict;

pub use style::Style;

use crate::codes::Page as CodePage;
use crate::report::{Diagnostic, InvalidFile, PlanReport, Report};
use page::{Page, Piece};
use snippet::Mark;
use style::Role;

/// The text for `report`, one part per plan.
pub fn text(report: &Report, style: &Style) -> String {
    let mut page = Page::new(style);
    for plan in &report.plans {
        write_plan(&mut page, report, plan);
    }
    page.finish()
}

/// The text for a file that could not be checked.
pub fn invalid_text(invalid: &InvalidFile, style: &Style) -> String {
    let mut page = Page::new(style);
    for diagnostic in &invalid.diagnostics {
        write_diagnostic(&mut page, invalid, diagnostic);
    }
    page.finish()
}

/// The page of a code, as `turnback explain` shows it.
pub fn code_text(code: &CodePage, style: &Style) -> String {
    let mut page = Page::new(style);
    finding::write_title(&mut page, code.severity, code.code, code.title);
    for (heading, text) in [("", code.meaning), ("for example", code.example), ("how to mend it", code.mend)] {
        page.blank();
        if !heading.is_empty() {
            page.paragraph(&[], &[Piece::new(Role::Strong, heading)]);
        }
        page.paragraph(&[Piece::plain("  ")], &[Piece::plain(text)]);
    }
    page.finish()
}

fn write_plan(page: &mut Page, report: &Report, plan: &PlanReport) {
    verdict::write(page, report, plan);
    steps::write(page, plan);
    lists::write_ways_out(page, plan);
    for finding in &plan.findings {
        finding::write(page, report, finding);
    }
    slips::write(page, plan);
    lists::write(page, plan);
    verdict::write_counts(page, plan);
}

fn write_diagnostic(page: &mut Page, invalid: &InvalidFile, diagnostic: &Diagnostic) {
    page.blank();
    finding::write_title(page, diagnostic.severity, &diagnostic.code, &diagnostic.message);
    match &diagnostic.span {
        Some(span) => {
            let mark = Mark { span: span.clone(), label: String::new() };
            snippet::write(page, &invalid.file, &invalid.source_text, diagnostic.severity, &[mark]);
        }
        None => {
            let place = format!("{}:{}:{}", invalid.file, diagnostic.line, diagnostic.column);
            page.paragraph(&[Piece::new(Role::Quiet, " --> ")], &[Piece::plain(place)]);
        }
    }
    if let Some(help) = &diagnostic.help {
        page.paragraph(&[Piece::new(Role::Advice, "  help: ")], &[Piece::plain(help)]);
    }
}
