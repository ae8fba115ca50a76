//! A scenario file: its text, and where a byte of it stands.

use crate::ast::Span;

/// The largest file that is read, in bytes.
pub const SIZE_MAX: usize = 4 * 1024 * 1024;

/// A line and a column, both counted from 1; a column is a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// The text of a file and the starts of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    name: String,
    text: String,
    line_starts: Vec<usize>,
}

/// Why the bytes of a file are no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotText {
    /// More than [`SIZE_MAX`] bytes.
    TooLarge(usize),
    /// Not UTF-8, from this byte on.
    NotUtf8(usize),
    /// A control character that no text has, at this byte.
    Control(usize, char),
}

impl Source {
    /// The text of a file, as it stands.
    pub fn new(name: &str, text: &str) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|&(at, &byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        let line_starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { name: name.to_owned(), text: text.to_owned(), line_starts }
    }

    /// The text of a file from its bytes; a byte order mark is skipped. What could be decoded comes back even if
    /// something is wrong, so that the place can be shown.
    pub fn decode(name: &str, bytes: &[u8]) -> (Self, Option<NotText>) {
        if bytes.len() > SIZE_MAX {
            return (Self::new(name, ""), Some(NotText::TooLarge(bytes.len())));
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let (text, problem) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let valid = error.valid_up_to();
                let text = std::str::from_utf8(&bytes[..valid]).unwrap_or_default();
                (text, Some(NotText::NotUtf8(valid)))
            }
        };
        let control = text.char_indices().find(|&(_, c)| is_binary(c));
        let problem = control.map(|(at, c)| NotText::Control(at, c)).or(problem);
        (Self::new(name, text), problem)
    }

    /// The name of the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text at a span; empty if the span is not one of this file.
    pub fn slice(&self, span: &Span) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// Where a byte stands.
    pub fn position(&self, byte: usize) -> Position {
        let byte = byte.min(self.text.len());
        let line = self.line_starts.partition_point(|&start| start <= byte);
        let start = self.line_starts[line - 1];
        let column = self.text[start..].char_indices().take_while(|&(at, _)| start + at < byte).count() + 1;
        Position { line, column }
    }

    /// The number of lines.
    pub fn lines(&self) -> usize {
        self.line_starts.len()
    }

    /// A line by its number, counted from 1, without its end; empty if there is none.
    pub fn line(&self, number: usize) -> &str {
        self.slice(&self.line_span(number)).trim_end_matches(['\n', '\r'])
    }

    /// The bytes of a line by its number, counted from 1, with its end.
    pub fn line_span(&self, number: usize) -> Span {
        let end = self.text.len();
        let at = |index: usize| self.line_starts.get(index).copied().unwrap_or(end);
        at(number.wrapping_sub(1))..at(number)
    }
}

fn is_binary(c: char) -> bool {
    c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_with_any_line_break() {
        let source = Source::new("f", "a\r\nbé\rc\nd");
        assert_eq!(source.lines(), 4);
        assert_eq!(source.line(2), "bé");
        assert_eq!(source.position(5), Position { line: 2, column: 3 });
        assert_eq!(source.line(9), "");
        assert_eq!(source.position(99).line, 4);
    }

    #[test]
    fn bytes_that_are_no_text_are_located() {
        let (source, problem) = Source::decode("f", b"\xEF\xBB\xBFa: b\n\xFF\xFE");
        assert_eq!(problem, Some(NotText::NotUtf8(5)));
        assert_eq!(source.text(), "a: b\n");
        let (_, problem) = Source::decode("f", b"a\0b");
        assert_eq!(problem, Some(NotText::Control(1, '\0')));
        let (_, problem) = Source::decode("f", &vec![b'a'; SIZE_MAX + 1]);
        assert_eq!(problem, Some(NotText::TooLarge(SIZE_MAX + 1)));
    }
}
