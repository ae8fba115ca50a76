//! The lines to blame, as rustc shows them.

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

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
/// Where labels do not fit beside the lines, the lines get numbers and the labels follow below; where the lines do not
/// fit either, each is shown by itself, cut around what is marked.
pub fn write(page: &mut Page, file: &str, source: &str, severity: Severity, marks: &[Mark]) {
    if marks.is_empty() {
        return;
    }
    let shown = Shown::new(page, file, source, severity, marks);
    let labels: Vec<String> = marks.iter().map(|mark| page.clean(&mark.label)).collect();
    let spans: Vec<usize> = (0..marks.len()).collect();
    if shown.fits(page, &spans, &labels) {
        page.block(&shown.rendered(page, page.style.color, &spans, &labels));
        return;
    }
    let numbers: Vec<String> = (1..=labels.len()).map(|number| format!("({number})")).collect();
    if shown.fits(page, &spans, &numbers) {
        page.block(&shown.rendered(page, page.style.color, &spans, &numbers));
    } else {
        for span in spans {
            page.block(&shown.cut(page, span).rendered(page, page.style.color, &[span], &numbers));
        }
    }
    for (number, label) in numbers.iter().zip(&labels).filter(|(_, label)| !label.is_empty()) {
        page.paragraph(&[Piece::new(Role::Advice, format!("   {number} "))], &[Piece::plain(label)]);
    }
}

/// How many columns beside file name or marked text a snippet needs at most: line numbers, edges, the number of a label.
const FRAME: usize = 24;

/// The source as it is shown: hostile characters escaped, every span on one line.
#[derive(Clone)]
struct Shown {
    file: String,
    source: String,
    severity: Severity,
    spans: Vec<Span>,
}

impl Shown {
    fn new(page: &Page, file: &str, source: &str, severity: Severity, marks: &[Mark]) -> Shown {
        let ascii = page.style.ascii;
        let spans = marks.iter().map(|mark| {
            let span = one_line(source, &mark.span);
            shown(source, span.start, ascii).len()..shown(source, span.end, ascii).len()
        });
        Shown {
            file: tail(&page.clean(file), page.width() - FRAME),
            spans: spans.collect(),
            source: shown(source, source.len(), ascii),
            severity,
        }
    }

    /// The same with one span so short that its line can be cut around it.
    fn cut(&self, page: &Page, span: usize) -> Shown {
        let mut cut = self.clone();
        let Span { start, end } = cut.spans[span];
        cut.spans[span] = start..start + head(&self.source[start..end], page.width() - FRAME).len();
        cut
    }

    fn fits(&self, page: &Page, spans: &[usize], labels: &[String]) -> bool {
        let text = self.rendered(page, false, spans, labels);
        text.lines().all(|line| line.width() <= page.width())
    }

    fn rendered(&self, page: &Page, color: bool, spans: &[usize], labels: &[String]) -> String {
        let annotations = spans.iter().map(|&span| {
            let kind = match span == spans[0] {
                true => AnnotationKind::Primary,
                false => AnnotationKind::Context,
            };
            kind.span(self.spans[span].clone()).label(labels[span].as_str())
        });
        let snippet: Snippet<'_, Annotation<'_>> =
            Snippet::source(self.source.as_str()).path(self.file.as_str()).annotations(annotations);
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        renderer.term_width(page.width()).render(&[Group::with_level(level).element(snippet)])
    }
}

/// The first columns of `text`, at most `width`.
fn head(text: &str, width: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > width
    });
    end.map_or(text, |(at, _)| &text[..at])
}

/// The last columns of `text`, at most `width`, with dots before them if something is missing.
fn tail(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 3;
    let start = text.char_indices().rev().find(|(_, c)| {
        used += c.width().unwrap_or(0);
        used > width
    });
    let start = start.map_or(0, |(at, c)| at + c.len_utf8());
    format!("...{}", &text[start..])
}

/// The first line of `span`, clamped to `source`.
fn one_line(source: &str, span: &Span) -> Span {
    let start = boundary(source, span.start);
    let end = boundary(source, span.end).max(start);
    let line_end = source[start..end].find(['\n', '\r']).map_or(end, |at| start + at);
    start..line_end
}

fn boundary(source: &str, at: usize) -> usize {
    (0..=at.min(source.len())).rev().find(|&at| source.is_char_boundary(at)).unwrap_or(0)
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
    fn long_names_keep_their_end_and_long_marks_their_start() {
        assert_eq!(tail("a/long/name.yaml", 12), "...name.yaml");
        assert_eq!(tail("name.yaml", 12), "name.yaml");
        assert_eq!(head("注文注文", 5), "注文");
    }

    #[test]
    fn line_ends_stay_and_commands_do_not() {
        assert_eq!(shown("a\r\nb\u{1b}[0m", 99, false), "a\nb\\u{1b}[0m");
    }
}
