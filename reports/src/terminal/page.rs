//! The page that all sections write on: wrapped, cleaned and painted in one place.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::style::{Role, Style, Symbol};
use crate::hostile::{escaped, escaped_to_ascii};

/// A piece of text and what it is for. Pieces that follow each other on a line are parted by a space.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    role: Role,
    text: String,
    whole: bool,
}

impl Piece {
    /// A piece of text; it need not be clean.
    pub fn new(role: Role, text: impl Into<String>) -> Piece {
        Piece { role, text: text.into(), whole: false }
    }

    /// The same piece, on one line if a line is wide enough.
    pub fn whole(mut self) -> Piece {
        self.whole = true;
        self
    }

    fn words<'t>(&self, text: &'t str, width: usize) -> Vec<&'t str> {
        if self.whole && text.width() <= width {
            return vec![text];
        }
        text.split(' ').filter(|word| !word.is_empty()).collect()
    }

    /// An ordinary piece of text; it need not be clean.
    pub fn plain(text: impl Into<String>) -> Piece {
        Piece::new(Role::Plain, text)
    }
}

/// Pieces that fit on one line.
pub type Line = Vec<Piece>;

/// A page being written.
pub struct Page<'a> {
    /// How it looks.
    pub style: &'a Style,
    out: String,
}

impl<'a> Page<'a> {
    /// An empty page.
    pub fn new(style: &'a Style) -> Page<'a> {
        Page { style, out: String::new() }
    }

    /// What was written.
    pub fn finish(self) -> String {
        self.out
    }

    /// How many columns there are.
    pub fn width(&self) -> usize {
        self.style.width.max(Style::MIN_WIDTH)
    }

    /// `symbol` in the characters of this page.
    pub fn symbol(&self, symbol: Symbol) -> &'static str {
        symbol.text(self.style)
    }

    /// A text that others wrote, fit to be shown on this page.
    pub fn clean(&self, text: &str) -> String {
        if self.style.ascii { escaped_to_ascii(text) } else { escaped(text) }
    }

    /// An empty line, unless the page begins here or the last line is empty.
    pub fn blank(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// A paragraph: `first` before its first line, as much room before the others.
    pub fn paragraph(&mut self, first: &[Piece], body: &[Piece]) {
        let hang = first.iter().map(|piece| self.clean(&piece.text).width()).sum::<usize>();
        for (number, line) in self.wrapped(body, self.width().saturating_sub(hang)).iter().enumerate() {
            if number == 0 {
                let start: String = first.iter().map(|piece| self.painted(piece)).collect();
                self.out.push_str(&start);
            } else {
                self.out.push_str(&" ".repeat(hang));
            }
            let text = self.line_text(line);
            self.out.push_str(&text);
            self.end_line();
        }
    }

    /// Lines that are laid out and painted already.
    pub fn block(&mut self, text: &str) {
        for line in text.lines() {
            self.out.push_str(line);
            self.end_line();
        }
    }

    /// `pieces` in lines of at most `width` columns; at least one line.
    pub fn wrapped(&self, pieces: &[Piece], width: usize) -> Vec<Line> {
        let mut lines = vec![Line::new()];
        let mut used = 0;
        for piece in pieces {
            let text = self.clean(&piece.text);
            for word in piece.words(&text, width) {
                for part in parts(word, width.max(1)) {
                    let room = part.width() + usize::from(used > 0);
                    if used > 0 && used + room > width {
                        lines.push(Line::new());
                        used = 0;
                    }
                    used += part.width() + usize::from(used > 0);
                    push_word(lines.last_mut().expect("there is a line"), piece.role, part);
                }
            }
        }
        lines
    }

    /// One line of clean pieces, painted.
    pub fn line_text(&self, line: &[Piece]) -> String {
        let texts: Vec<String> = line.iter().map(|piece| self.painted(piece)).collect();
        texts.join(" ")
    }

    fn painted(&self, piece: &Piece) -> String {
        piece.role.paint(self.style, &self.clean(&piece.text))
    }

    fn end_line(&mut self) {
        self.out.truncate(self.out.trim_end_matches(' ').len());
        self.out.push('\n');
    }
}

/// How many columns a line of clean pieces takes.
pub fn line_width(line: &[Piece]) -> usize {
    line.iter().map(|piece| piece.text.width()).sum::<usize>() + line.len().saturating_sub(1)
}

fn push_word(line: &mut Line, role: Role, word: &str) {
    match line.last_mut() {
        Some(last) if last.role == role => {
            last.text.push(' ');
            last.text.push_str(word);
        }
        _ => line.push(Piece::new(role, word)),
    }
}

/// `word` in parts of at most `width` columns.
fn parts(word: &str, width: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut from, mut used) = (0, 0);
    for (at, c) in word.char_indices() {
        let room = c.width().unwrap_or(0);
        if used + room > width && at > from {
            parts.push(&word[from..at]);
            (from, used) = (at, 0);
        }
        used += room;
    }
    parts.push(&word[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, width: usize) -> Vec<String> {
        let style = Style::piped();
        let page = Page::new(&style);
        page.wrapped(&[Piece::plain(text)], width).iter().map(|line| page.line_text(line)).collect()
    }

    #[test]
    fn words_wrap_at_the_width() {
        assert_eq!(lines("one two three", 7), ["one two", "three"]);
    }

    #[test]
    fn a_word_that_is_too_long_is_cut() {
        assert_eq!(lines("a abcdefgh", 3), ["a", "abc", "def", "gh"]);
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(lines("注文注文", 4), ["注文", "注文"]);
    }
}
