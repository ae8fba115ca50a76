//! What is wrong with a scenario file, and where.

use std::fmt;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::ast::Span;
use crate::source::{Position, Source};

pub use crate::codes::Code;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is not a scenario.
    Error,
    /// It is one, but probably not the one that was meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One problem of a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its code; [`crate::pages`] explains it.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in one line.
    pub message: String,
    /// Where.
    pub span: Span,
    /// What to say at that place; may be empty.
    pub label: String,
    /// Other places that belong to it, with what to say there.
    pub related: Vec<(Span, String)>,
    /// Facts that help to understand it.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            span,
            label: String::new(),
            related: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// A warning at a place.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// With words at the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// With another place.
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }

    /// With a note.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// With advice.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// With advice, if there is any.
    pub fn maybe_help(self, help: Option<String>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// Where it starts.
    pub fn start(&self, source: &Source) -> Position {
        source.position(self.span.start)
    }

    /// Where it ends.
    pub fn end(&self, source: &Source) -> Position {
        source.position(self.span.end)
    }

    /// As an object of the JSON output.
    pub fn to_json(&self, source: &Source) -> serde_json::Value {
        let place = |span: &Span| {
            let (start, end) = (source.position(span.start), source.position(span.end));
            (start.line, start.column, end.line, end.column)
        };
        let related = self.related.iter().map(|(span, label)| {
            let (line, column, end_line, end_column) = place(span);
            serde_json::json!({
                "line": line, "column": column, "end_line": end_line, "end_column": end_column, "message": label,
            })
        });
        let (line, column, end_line, end_column) = place(&self.span);
        serde_json::json!({
            "code": self.code.as_str(),
            "severity": self.severity.to_string(),
            "message": self.message,
            "label": self.label,
            "line": line,
            "column": column,
            "end_line": end_line,
            "end_column": end_column,
            "related": related.collect::<Vec<_>>(),
            "notes": self.notes,
            "help": self.help,
        })
    }
}

/// How diagnostics look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// With terminal colours.
    pub color: bool,
    /// With box-drawing characters.
    pub unicode: bool,
}

/// Diagnostics as text, in the look of rustc.
pub fn render(source: &Source, diagnostics: &[Diagnostic], look: Look) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&render_one(source, diagnostic, look));
        text.push_str("\n\n");
    }
    text
}

fn render_one(source: &Source, diagnostic: &Diagnostic, look: Look) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(printable(&diagnostic.message)).id(diagnostic.code.as_str());
    let (window, first_line) = window(source, diagnostic);
    let shifted = |span: &Span| {
        let span = inside(source, span);
        span.start - window.start..span.end - window.start
    };
    let primary = AnnotationKind::Primary.span(shifted(&diagnostic.span)).label(printable(&diagnostic.label));
    let related = diagnostic
        .related
        .iter()
        .map(|(span, label)| AnnotationKind::Context.span(shifted(span)).label(printable(label)));
    let snippet = Snippet::source(source.slice(&window))
        .line_start(first_line)
        .path(printable(source.name()))
        .annotation(primary)
        .annotations(related);
    let group: Group<'_> = title
        .element(snippet)
        .elements(diagnostic.notes.iter().map(|note| Level::NOTE.message(printable(note))))
        .elements(diagnostic.help.iter().map(|help| Level::HELP.message(printable(help))));
    renderer(look).render(&[group])
}

fn renderer(look: Look) -> Renderer {
    let renderer = if look.color { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(if look.unicode { DecorStyle::Unicode } else { DecorStyle::Ascii })
}

/// The lines that a diagnostic speaks of, and the number of the first.
fn window(source: &Source, diagnostic: &Diagnostic) -> (Span, usize) {
    let spans = std::iter::once(&diagnostic.span).chain(diagnostic.related.iter().map(|(span, _)| span));
    let spans: Vec<Span> = spans.map(|span| inside(source, span)).collect();
    let first = spans.iter().map(|span| span.start).min().unwrap_or_default();
    let last = spans.iter().map(|span| span.end).max().unwrap_or_default();
    let (first, last) = (source.position(first).line, source.position(last).line);
    (source.line_span(first).start..source.line_span(last).end, first)
}

/// The span moved into the text and onto character boundaries.
fn inside(source: &Source, span: &Span) -> Span {
    let text = source.text();
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = floor(span.start);
    start..floor(span.end).max(start)
}

/// Names come from the file: control characters must not reach a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Source, Diagnostic) {
        let source = Source::new("s.yaml", "turnback: 1\nnme: x\n");
        let diagnostic = Diagnostic::error(Code::UnknownKey, 12..15, "unknown key `nme`")
            .label("no such key")
            .help("did you mean `name`?");
        (source, diagnostic)
    }

    #[test]
    fn it_looks_like_rustc() {
        let (source, diagnostic) = sample();
        let expected = "error[TB101]: unknown key `nme`
 --> s.yaml:2:1
  |
2 | nme: x
  | ^^^ no such key
  |
  = help: did you mean `name`?

";
        let text = render(&source, std::slice::from_ref(&diagnostic), Look::default());
        assert_eq!(text, expected);
        let look = Look { color: true, unicode: true };
        let coloured = render(&source, &[diagnostic], look);
        assert!(coloured.contains('\u{1b}') && coloured.contains('━'));
    }

    #[test]
    fn json_counts_from_one() {
        let (source, diagnostic) = sample();
        let json = diagnostic.to_json(&source);
        assert_eq!(json["line"], 2);
        assert_eq!(json["column"], 1);
        assert_eq!(json["end_column"], 4);
        assert_eq!(json["code"], "TB101");
    }

    #[test]
    fn spans_outside_the_text_are_moved_inside() {
        let source = Source::new("s.yaml", "é");
        let diagnostic = Diagnostic::error(Code::Empty, 1..99, "x\u{1b}[31m");
        let text = render(&source, &[diagnostic], Look::default());
        assert!(!text.contains('\u{1b}'));
    }
}
