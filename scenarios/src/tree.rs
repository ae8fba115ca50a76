//! YAML as a tree with spans: maps, lists and text, nothing else.
//!
//! Text is never converted: `3.10`, `on`, `NO` and `02:00` stay as written. What could make a file mean something else
//! than it says (null, anchors, aliases, merge keys, tags, duplicate keys, several documents) is an error.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, ScanError};

use crate::ast::{Name, Span};
use crate::diagnostics::{Code, Diagnostic};
use crate::source::Source;

/// How deep maps and lists may be nested.
pub const DEPTH_MAX: usize = 64;
/// How many maps, lists and texts a file may have.
pub const NODES_MAX: usize = 1_000_000;

/// A map, a list, a text, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A scalar, as text.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
    /// Nothing stands here.
    Empty,
}

/// A key of a map and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: Name,
    /// The value.
    pub value: Node,
}

impl Node {
    /// What it is, in words.
    pub fn describe(&self) -> &'static str {
        match self.kind {
            Kind::Text(_) => "a text",
            Kind::List(_) => "a list",
            Kind::Map(_) => "a map",
            Kind::Empty => "nothing",
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value of a key, if it is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        let entry = self.entries().iter().find(|entry| entry.key.value == key)?;
        Some(&entry.value)
    }

    /// The items, if it is a list.
    pub fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }
}

/// The tree of a file, as far as it could be built, and what was wrong. No tree: nothing could be read at all.
pub fn parse(source: &Source) -> (Option<Node>, Vec<Diagnostic>) {
    let mut builder = Builder::new(source);
    let options = granit_parser::options! {
        emit_unresolved_aliases: true,
        emit_comments: false,
        disallow_directives: true,
        flow_nesting_limit: DEPTH_MAX + 1,
        block_nesting_limit: DEPTH_MAX + 1,
    };
    for event in Parser::new_from_str_with_options(source.text(), options) {
        let more = match event {
            Ok((event, span)) => builder.event(event, span.byte_range().unwrap_or_default()),
            Err(error) => builder.syntax_error(&error),
        };
        if !more {
            return (None, builder.diagnostics);
        }
    }
    builder.finish()
}

enum Open {
    List(Vec<Node>),
    Map { entries: Vec<Entry>, seen: HashMap<String, Span>, key: Option<Option<Name>> },
}

struct Builder<'s> {
    source: &'s Source,
    stack: Vec<(Open, usize)>,
    root: Option<Node>,
    documents: usize,
    nodes: usize,
    diagnostics: Vec<Diagnostic>,
}

impl<'s> Builder<'s> {
    fn new(source: &'s Source) -> Self {
        Self { source, stack: Vec::new(), root: None, documents: 0, nodes: 0, diagnostics: Vec::new() }
    }

    /// Takes one event; `false` = stop here.
    fn event(&mut self, event: Event<'_>, span: Span) -> bool {
        match event {
            Event::DocumentStart(..) => return self.document(span),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.anchor(&span, "an alias (`*`)");
                self.add(Node { span, kind: Kind::Empty });
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.properties(&span, anchor, tag.is_some());
                let kind = self.scalar(&text, style, &span);
                self.add(Node { span, kind });
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.properties(&span, anchor, tag.is_some());
                return self.open(Open::List(Vec::new()), &span);
            }
            Event::MappingStart(_, anchor, tag) => {
                self.properties(&span, anchor, tag.is_some());
                let map = Open::Map { entries: Vec::new(), seen: HashMap::new(), key: None };
                return self.open(map, &span);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span.end),
            _ => {}
        }
        self.count(self.source.text().len())
    }

    fn document(&mut self, span: Span) -> bool {
        self.documents += 1;
        if self.documents == 2 {
            let message = "a second document begins here";
            let diagnostic = Diagnostic::error(Code::SeveralDocuments, span, message)
                .help("put each scenario into a file of its own, or name several plans under `plans:`");
            self.diagnostics.push(diagnostic);
        }
        self.documents < 2
    }

    fn properties(&mut self, span: &Span, anchor: usize, tag: bool) {
        if anchor != 0 {
            self.anchor(span, "an anchor (`&`)");
        }
        if tag {
            let message = "YAML tags (`!…`) have no place in a scenario";
            let diagnostic =
                Diagnostic::error(Code::Tag, span.clone(), message).help("remove the tag; every value is text anyway");
            self.diagnostics.push(diagnostic);
        }
    }

    fn anchor(&mut self, span: &Span, what: &str) {
        let message = format!("{what} has no place in a scenario");
        let diagnostic = Diagnostic::error(Code::Anchor, span.clone(), message)
            .help("write the value out; versions share what they do with `extends`");
        self.diagnostics.push(diagnostic);
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, span: &Span) -> Kind {
        let block = matches!(style, ScalarStyle::Folded | ScalarStyle::Literal);
        if block && let Some(at) = comparison_before(self.source, span.start) {
            self.comparison(at);
        }
        let value = !self.expects_key();
        if style == ScalarStyle::Plain && span.is_empty() {
            return Kind::Empty;
        }
        if style == ScalarStyle::Plain && value && matches!(text, "~" | "null") {
            let message = format!("`{text}` is no value");
            let diagnostic = Diagnostic::error(Code::Null, span.clone(), message)
                .help("leave the key out, or quote it if the text is meant");
            self.diagnostics.push(diagnostic);
            return Kind::Empty;
        }
        Kind::Text(text.to_owned())
    }

    fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some((Open::Map { key: None, .. }, _)))
    }

    fn open(&mut self, open: Open, span: &Span) -> bool {
        if self.stack.len() == DEPTH_MAX {
            self.too_deep(span.clone());
            return false;
        }
        self.stack.push((open, span.start));
        true
    }

    fn too_deep(&mut self, span: Span) {
        let message = format!("nested more than {DEPTH_MAX} deep");
        let diagnostic = Diagnostic::error(Code::TooDeep, span, message)
            .help("a scenario needs about eight levels: is a bracket left open?");
        self.diagnostics.push(diagnostic);
    }

    fn close(&mut self, end: usize) {
        let Some((open, start)) = self.stack.pop() else {
            return;
        };
        let kind = match open {
            Open::List(items) => Kind::List(items),
            Open::Map { entries, .. } => Kind::Map(entries),
        };
        let end = start + self.source.slice(&(start..end)).trim_end().len();
        self.add(Node { span: start..end, kind });
    }

    fn add(&mut self, node: Node) {
        self.nodes += 1;
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some((Open::List(items), _)) => items.push(node),
            Some((Open::Map { key, .. }, _)) if key.is_none() => self.add_key(node),
            Some((Open::Map { entries, key, .. }, _)) => {
                if let Some(Some(key)) = key.take() {
                    entries.push(Entry { key, value: node });
                }
            }
        }
    }

    /// Takes the key of the next entry; an unusable one makes the entry be skipped.
    fn add_key(&mut self, node: Node) {
        let span = node.span.clone();
        let name = match node.kind {
            Kind::Text(value) if !value.is_empty() => Ok(Name { value, span: span.clone() }),
            _ => Err(Code::KeyNotText),
        };
        let Some((Open::Map { key, seen, .. }, _)) = self.stack.last_mut() else {
            return;
        };
        let problem = match &name {
            Err(_) => Some(Diagnostic::error(Code::KeyNotText, span, "a key must be text").help("write `key: value`")),
            Ok(name) if name.value == "<<" => Some(
                Diagnostic::error(Code::MergeKey, span, "merge keys (`<<`) have no place in a scenario")
                    .help("versions share what they do with `extends`"),
            ),
            Ok(name) => seen.insert(name.value.clone(), span.clone()).map(|first| {
                Diagnostic::error(Code::DuplicateKey, span, format!("key `{}` stands here twice", name.value))
                    .related(first, "first here")
                    .help("remove one of them, or merge their values")
            }),
        };
        *key = Some(name.ok().filter(|_| problem.is_none()));
        self.diagnostics.extend(problem);
    }

    fn count(&mut self, end: usize) -> bool {
        if self.nodes > NODES_MAX {
            let message = format!("more than {NODES_MAX} values");
            self.diagnostics
                .push(Diagnostic::error(Code::TooManyNodes, end..end, message).help("split it into several scenarios"));
            return false;
        }
        true
    }

    fn comparison(&mut self, at: usize) {
        let rest = self.source.text()[at..].lines().next().unwrap_or_default();
        let limit = rest.trim_start_matches(['>', '=', ' ']);
        let limit = limit.split([',', '}', ']', '#']).next().unwrap_or_default().trim();
        let word = if rest.starts_with(">=") { "at least" } else { "more than" };
        let message = format!("`>` cannot start a plain YAML value, so this is not read as {word} {limit}");
        let diagnostic = Diagnostic::error(Code::ComparisonStart, at..at + 1, message)
            .label("YAML takes this for a folded text")
            .help(format!("write `at least {limit}` or quote it: `\"{}\"`", rest_quoted(rest, limit)));
        self.diagnostics.push(diagnostic);
    }

    fn syntax_error(&mut self, error: &ScanError) -> bool {
        let at = error.marker().byte_offset().unwrap_or_default();
        let at = at.min(self.source.text().len());
        if let Some(comparison) = comparison_before(self.source, at) {
            self.comparison(comparison);
            return false;
        }
        let line = self.source.position(at).line;
        let message = error.info();
        if message.contains("nesting") || message.contains("recursion") {
            self.too_deep(at..at);
            return false;
        }
        let code = if tab_indents(self.source.line(line)) { Code::Tab } else { Code::Syntax };
        let end = self.source.text()[at..].chars().next().map_or(at, |c| at + c.len_utf8());
        let mut diagnostic = Diagnostic::error(code, at..end, format!("this is not YAML: {message}"));
        diagnostic.help.extend(advice(code, self.source, line));
        self.diagnostics.push(diagnostic);
        false
    }

    fn finish(mut self) -> (Option<Node>, Vec<Diagnostic>) {
        if self.root.is_none() || self.root.as_ref().is_some_and(|root| root.kind == Kind::Empty) {
            let diagnostic = Diagnostic::error(Code::Empty, 0..0, "the file is empty")
                .help("start with `turnback: 1` and `name: …`");
            if self.diagnostics.is_empty() {
                self.diagnostics.push(diagnostic);
            }
            return (None, self.diagnostics);
        }
        (self.root, self.diagnostics)
    }
}

fn rest_quoted<'r>(rest: &'r str, limit: &str) -> &'r str {
    rest.find(limit).map_or(rest, |at| rest[..at + limit.len()].trim())
}

fn tab_indents(line: &str) -> bool {
    let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
    line[..blank].contains('\t')
}

fn advice(code: Code, source: &Source, line: usize) -> Option<String> {
    if code == Code::Tab {
        return Some("indent with spaces: YAML forbids tabs there".to_owned());
    }
    let text = source.line(line);
    let unquoted = ['@', '`', '%', '*', '&', '!'];
    let starts = text.split(": ").nth(1).and_then(|value| value.chars().next());
    match starts {
        Some(c) if unquoted.contains(&c) => Some(format!("a value that starts with `{c}` must be quoted")),
        _ if text.matches(": ").count() > 1 && !text.contains('{') => {
            Some("a text with `: ` in it must be quoted".to_owned())
        }
        _ => Some("check the brackets, quotes and indentation of this line and the one before".to_owned()),
    }
}

/// The byte of a `>` that stands where a value begins, before a number, on the line of `at` or the one before.
fn comparison_before(source: &Source, at: usize) -> Option<usize> {
    let line = source.position(at).line;
    [line, line.saturating_sub(1)].into_iter().filter(|&line| line > 0).find_map(|line| {
        let start = source.line_span(line).start;
        Some(start + comparison_in(source.line(line))?)
    })
}

fn comparison_in(line: &str) -> Option<usize> {
    line.match_indices('>').map(|(at, _)| at).find(|&at| {
        let before = line[..at].trim_end();
        let starts_value = line[..at].ends_with(' ') && (before.ends_with(':') || before.ends_with('-'));
        let after = line[at + 1..].trim_start_matches('=').trim_start();
        starts_value && after.starts_with(|c: char| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<Code> {
        let (_, diagnostics) = parse(&Source::new("f", text));
        diagnostics.iter().map(|diagnostic| diagnostic.code).collect()
    }

    #[test]
    fn text_stays_text() {
        let source = Source::new("f", "a: 3.10\nb: [on, NO, 02:00, Null, \"null\"]\n");
        let (root, diagnostics) = parse(&source);
        assert!(diagnostics.is_empty());
        let root = root.expect("a tree");
        assert_eq!(root.get("a").and_then(Node::text), Some("3.10"));
        let items = root.get("b").map(Node::items).unwrap_or_default();
        let texts: Vec<_> = items.iter().filter_map(Node::text).collect();
        assert_eq!(texts, ["on", "NO", "02:00", "Null", "null"]);
        assert_eq!(source.slice(&items[2].span), "02:00");
    }

    #[test]
    fn what_has_no_place_is_refused() {
        assert_eq!(codes("a: &x 1\nb: *x\n"), [Code::Anchor, Code::Anchor]);
        assert_eq!(codes("a: 1\n<<: {b: 1}\n"), [Code::MergeKey]);
        assert_eq!(codes("a: 1\na: 2\n"), [Code::DuplicateKey]);
        assert_eq!(codes("a: !!int 1\n"), [Code::Tag]);
        assert_eq!(codes("a: ~\n"), [Code::Null]);
        assert_eq!(codes("? [a]\n: 1\n"), [Code::KeyNotText]);
        assert_eq!(codes("a: 1\n---\nb: 1\n"), [Code::SeveralDocuments]);
        assert_eq!(codes(""), [Code::Empty]);
        assert_eq!(codes("# only a remark\n"), [Code::Empty]);
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(codes(&"[".repeat(10_000)), [Code::TooDeep]);
        assert_eq!(codes(&"{a: ".repeat(10_000)), [Code::TooDeep]);
        let block: String = (0..200).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert_eq!(codes(&block), [Code::TooDeep]);
    }

    #[test]
    fn a_comparison_cannot_start_a_value() {
        for text in ["a: > 1%\n", "a: >1%\n", "a: {b: >= 1%}\n", "a:\n  - >5\n", "a: > 1%"] {
            assert_eq!(codes(text), [Code::ComparisonStart], "{text}");
        }
        assert_eq!(codes("a: < 1%\nb: \"> 1%\"\nc: x > 1%\n"), []);
    }

    #[test]
    fn tabs_are_named() {
        assert_eq!(codes("a:\n\tb: 1\n"), [Code::Tab]);
    }
}
