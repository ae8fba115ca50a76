//! The lines to blame, as rustc shows them.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use unicode_width::UnicodeWidthStr;

use super::page::{Page, Piece};
use super::style::Role;
use crate::hostile::is_hostile;
use crate::report::{Severity, Span};

/// A span of the source with what is said about it. The first of a list is the primary one.
pub struct Mark {
    /// Where.
    pub span: Span,
    /// What is said.
    pub label: String,
}

/// Writes the lines of `source` that `marks` point to.
///
/// Where labels do not fit beside the lines, the lines get numbers and the labels follow below.
pub fn write(page: &mut Page, file: &str, source: &str, severity: Severity, marks: &[Mark]) {
    if marks.is_empty() {
        return;
    }
    let shown = Shown::new(page, file, source, marks);
    let labels: Vec<String> = marks.iter().map(|mark| page.clean(&mark.label)).collect();
    let beside = shown.rendered(page, false, severity, &labels);
    if beside.lines().all(|line| line.width() <= page.width()) {
        page.block(&shown.rendered(page, page.style.color, severity, &labels));
        return;
    }
    let numbers: Vec<String> = (1..=labels.len())
        .map(|number| format!("({number})"))
        .collect();
    page.block(&shown.rendered(page, page.style.color, severity, &numbers));
    for (number, label) in numbers.iter().zip(&labels) {
        page.paragraph(
            &[Piece::new(Role::Advice, format!("   {number} "))],
            &[Piece::plain(label)],
        );
    }
}

/// The source as it is shown: hostile characters escaped, every span on one line.
struct Shown {
    file: String,
    source: String,
    spans: Vec<Span>,
}

impl Shown {
    fn new(page: &Page, file: &str, source: &str, marks: &[Mark]) -> Shown {
        let spans = marks.iter().map(|mark| {
            let span = one_line(source, &mark.span);
            shown(source, span.start, page.style.ascii).len()
                ..shown(source, span.end, page.style.ascii).len()
        });
        Shown {
            file: page.clean(file),
            spans: spans.collect(),
            source: shown(source, source.len(), page.style.ascii),
        }
    }

    fn rendered(&self, page: &Page, color: bool, severity: Severity, labels: &[String]) -> String {
        let annotations =
            self.spans
                .iter()
                .zip(labels)
                .enumerate()
                .map(|(number, (span, label))| {
                    let kind = if number == 0 {
                        AnnotationKind::Primary
                    } else {
                        AnnotationKind::Context
                    };
                    kind.span(span.clone()).label(label.as_str())
                });
        let snippet: Snippet<'_, Annotation<'_>> = Snippet::source(self.source.as_str())
            .path(self.file.as_str())
            .annotations(annotations);
        let level = match severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        };
        renderer
            .term_width(page.width())
            .render(&[Group::with_level(level).element(snippet)])
    }
}

/// The first line of `span`, clamped to `source`.
fn one_line(source: &str, span: &Span) -> Span {
    let start = boundary(source, span.start);
    let end = boundary(source, span.end).max(start);
    let line_end = source[start..end]
        .find(['\n', '\r'])
        .map_or(end, |at| start + at);
    start..line_end
}

fn boundary(source: &str, at: usize) -> usize {
    (0..=at.min(source.len()))
        .rev()
        .find(|&at| source.is_char_boundary(at))
        .unwrap_or(0)
}

/// `source` up to `until`, fit to be shown. What a character becomes depends on it and the next one alone.
fn shown(source: &str, until: usize, ascii: bool) -> String {
    let mut out = String::with_capacity(until);
    for (at, c) in source.char_indices().take_while(|&(at, _)| at < until) {
        match c {
            '\n' => out.push('\n'),
            '\r' if source[at + 1..].starts_with('\n') => {}
            '\t' => out.push_str("    "),
            c if is_hostile(c) || (ascii && !c.is_ascii()) => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_clamped_and_ends_with_its_line() {
        assert_eq!(one_line("ab\ncd", &(1..5)), 1..2);
        assert_eq!(one_line("aé", &(2..99)), 1..3);
        assert_eq!(one_line("", &(7..9)), 0..0);
    }

    #[test]
    fn line_ends_stay_and_commands_do_not() {
        assert_eq!(shown("a\r\nb\u{1b}[0m", 99, false), "a\nb\\u{1b}[0m");
    }
}
