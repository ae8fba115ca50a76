//! A text of the file whose parts can be located.

use crate::ast::{Name, Span};
use crate::source::Source;
use crate::tree::Node;

/// A text, or a part of one, that knows where it stands.
#[derive(Clone, Debug)]
pub struct Text<'t> {
    /// The text.
    pub text: &'t str,
    whole: Span,
    base: Option<usize>,
}

impl<'t> Text<'t> {
    /// The text of a node, if it is one.
    pub fn of(node: &'t Node, source: &Source) -> Option<Self> {
        Some(Self::at(node.text()?, &node.span, source))
    }

    /// The text of a key.
    pub fn of_key(key: &'t Name, source: &Source) -> Self {
        Self::at(&key.value, &key.span, source)
    }

    fn at(text: &'t str, span: &Span, source: &Source) -> Self {
        let written = source.slice(span);
        let quoted = written.get(1..written.len().saturating_sub(1));
        let base = if written.starts_with(text) {
            Some(span.start)
        } else if quoted == Some(text) {
            Some(span.start + 1)
        } else {
            None
        };
        Self { text, whole: span.clone(), base }.trim()
    }

    /// Where it stands; the whole value if its parts cannot be told apart (escapes, folded lines).
    pub fn span(&self) -> Span {
        match self.base {
            Some(base) => base..base + self.text.len(),
            None => self.whole.clone(),
        }
    }

    /// As a name.
    pub fn name(&self) -> Name {
        Name { value: self.text.to_owned(), span: self.span() }
    }

    /// The part from one byte to another.
    pub fn part(&self, from: usize, to: usize) -> Self {
        Self { text: &self.text[from..to], whole: self.whole.clone(), base: self.base.map(|base| base + from) }
    }

    /// Without blanks at both ends.
    pub fn trim(&self) -> Self {
        let from = self.text.len() - self.text.trim_start().len();
        let to = from + self.text.trim().len();
        self.part(from, to)
    }

    /// Its words.
    pub fn words(&self) -> Vec<Self> {
        let mut words = Vec::new();
        let mut start = None;
        for (at, c) in self.text.char_indices() {
            match (c.is_whitespace(), start) {
                (true, Some(from)) => {
                    words.push(self.part(from, at));
                    start = None;
                }
                (false, None) => start = Some(at),
                _ => {}
            }
        }
        words.extend(start.map(|from| self.part(from, self.text.len())));
        words
    }

    /// What follows the first `count` words.
    pub fn after_words(&self, count: usize) -> Self {
        let mut rest = self.trim();
        for _ in 0..count {
            let end = rest.text.find(char::is_whitespace).unwrap_or(rest.text.len());
            rest = rest.part(end, rest.text.len()).trim();
        }
        rest
    }

    /// What stands between the separators; quoted text is not split.
    pub fn split(&self, separator: &str) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut rest = self.clone();
        while let Some((before, after)) = rest.split_once(separator) {
            parts.push(before);
            rest = after;
        }
        parts.push(rest.trim());
        parts
    }

    /// What stands before and after the first separator outside quotes.
    pub fn split_once(&self, separator: &str) -> Option<(Self, Self)> {
        let outside = |&(at, _): &(usize, &str)| self.text[..at].matches('"').count().is_multiple_of(2);
        let (at, _) = self.text.match_indices(separator).find(outside)?;
        let after = self.part(at + separator.len(), self.text.len());
        Some((self.part(0, at).trim(), after.trim()))
    }

    /// What stands between double quotes, if it is quoted as a whole.
    pub fn unquoted(&self) -> Option<Self> {
        let inner = self.text.strip_prefix('"')?.strip_suffix('"')?;
        Some(self.part(1, 1 + inner.len()))
    }
}

/// Words of the language that cannot be names.
const RESERVED: [&str; 14] =
    ["all", "and", "any", "from", "if", "is", "no", "none", "not", "nothing", "or", "since", "until", "where"];

/// Values that every field can have.
pub const RESERVED_TAGS: [&str; 5] = ["wrong", "any", "fresh", "stale", "absent"];

/// Why a text cannot be the name of something, and what to do about it.
pub fn unfit_name(text: &str) -> Option<(String, Option<String>)> {
    if !is_name(text) {
        let help = "names have letters, digits and `. - _ /`".to_owned();
        return Some((format!("`{text}` is not a name"), Some(help)));
    }
    let reserved = RESERVED.contains(&text);
    reserved.then(|| (format!("`{text}` is a word of the language and cannot be a name"), None))
}

/// Whether a text is a NAME: letters, digits and `. - _ /`.
pub fn is_name(text: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '/');
    !text.is_empty() && text.chars().all(part)
}

/// Whether a text is the name of a call: `METHOD /path`.
pub fn is_call(text: &str) -> bool {
    text.split_once(' ').is_some_and(|(method, path)| {
        let path = path.trim_start();
        !method.is_empty()
            && method.chars().all(|c| c.is_ascii_uppercase())
            && path.starts_with('/')
            && !path.contains(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with<T>(text: &str, look: impl Fn(Text<'_>) -> T) -> T {
        let source = Source::new("f", text);
        let (root, _) = crate::tree::parse(&source);
        let root = root.expect("a tree");
        look(Text::of(root.get("a").expect("a"), &source).expect("a text"))
    }

    #[test]
    fn parts_are_located() {
        with("a: x or  yy\n", |text| {
            let words = text.words();
            assert_eq!(words[2].text, "yy");
            assert_eq!(words[2].span(), 9..11);
        });
        with("a: \"x y\"\n", |text| assert_eq!(text.words()[1].span(), 6..7));
        with("a: 'it''s'\n", |text| assert_eq!(text.span(), 3..10));
    }

    #[test]
    fn quotes_protect_separators() {
        with("a: x or \"b or c\" or d\n", |text| {
            let parts: Vec<_> = text.split(" or ").iter().map(|part| part.text).collect();
            assert_eq!(parts, ["x", "\"b or c\"", "d"]);
        });
        with("a: x from y from z\n", |text| {
            let (before, after) = text.split_once(" from ").expect("two parts");
            assert_eq!((before.text, after.text), ("x", "y from z"));
        });
    }
}
