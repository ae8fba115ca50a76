//! From bytes to a typed scenario. All problems are collected in one run.

mod body;
mod expect;
mod facts;
mod fields;
mod gates;
mod keys_of;
mod places;
mod plans;
mod roles;
mod rollout;
mod scalars;
mod services;
mod step_verbs;
mod steps;
mod values;

use std::io;

use crate::ast::{Assumed, Scenario, Span};
use crate::complete;
use crate::diagnostics::{Code, Diagnostic, Severity};
use crate::keys::Where;
use crate::lint;
use crate::names::Names;
use crate::source::{NotText, SIZE_MAX, Source};
use crate::suggest;
use crate::text::Text;
use crate::tree::{self, Node};
use indexmap::IndexSet;

use rollout::StepIds;

/// How many errors are collected before the reader says "and more".
const ERRORS_MAX: usize = 200;

/// A scenario that was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// The scenario.
    pub scenario: Scenario,
    /// The text it was read from; every span points into it.
    pub source: Source,
    /// What is probably not meant so.
    pub warnings: Vec<Diagnostic>,
}

/// A file that is no scenario.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// The text, as far as there is one.
    pub source: Source,
    /// What is wrong, at least one error, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a scenario.
///
/// # Errors
/// Everything that is wrong with the file, in one go.
pub fn read(file_name: &str, bytes: &[u8]) -> Result<Read, Box<Unreadable>> {
    let (source, problem) = Source::decode(file_name, bytes);
    if let Some(problem) = problem {
        let diagnostics = vec![not_text(&problem)];
        return Err(Box::new(Unreadable { source, diagnostics }));
    }
    let (root, diagnostics) = tree::parse(&source);
    let Some(root) = root else {
        return Err(Box::new(Unreadable { source, diagnostics }));
    };
    let (scenario, mut diagnostics) = read_tree(&root, &source, diagnostics);
    diagnostics.sort_by_key(|diagnostic| diagnostic.span.start);
    let failed = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    match scenario {
        Some(scenario) if !failed => Ok(Read { scenario, source, warnings: diagnostics }),
        _ => Err(Box::new(Unreadable { source, diagnostics })),
    }
}

/// The same shape of answer for a file that could not be opened: a directory, a missing file, no permission.
pub fn unreadable(file_name: &str, error: &io::Error) -> Unreadable {
    let message = format!("{file_name} cannot be read: {error}");
    let help = match error.kind() {
        io::ErrorKind::IsADirectory => "name a file in it",
        io::ErrorKind::NotFound => "check the path; it is taken from the current directory",
        _ => "check that it is a file and that you may read it",
    };
    Unreadable {
        source: Source::new(file_name, ""),
        diagnostics: vec![Diagnostic::error(Code::Unreadable, 0..0, message).help(help)],
    }
}

fn not_text(problem: &NotText) -> Diagnostic {
    match *problem {
        NotText::TooLarge(size) => {
            let message = format!("the file has {size} bytes, more than {SIZE_MAX}");
            Diagnostic::error(Code::TooLarge, 0..0, message).help("split it into several scenarios")
        }
        NotText::NotUtf8(at) => Diagnostic::error(Code::NotText, at..at, "from here on this is not UTF-8 text")
            .help("save the file as UTF-8; is it a scenario at all?"),
        NotText::Control(at, c) => {
            let message = format!("the file has a control character (U+{:04X})", u32::from(c));
            Diagnostic::error(Code::NotText, at..at + c.len_utf8(), message)
                .help("a scenario is plain text; is this a binary file?")
        }
    }
}

fn read_tree(root: &Node, source: &Source, diagnostics: Vec<Diagnostic>) -> (Option<Scenario>, Vec<Diagnostic>) {
    let mut reader = Reader {
        source,
        errors: 0,
        behaviour_is_whole: true,
        compared: 0,
        diagnostics: Vec::new(),
        names: Names::default(),
        assumed: IndexSet::new(),
        steps: StepIds::default(),
    };
    for diagnostic in diagnostics {
        reader.report(diagnostic);
    }
    let mut found = Vec::new();
    reader.names = Names::collect(root, source, &mut found);
    for diagnostic in found {
        reader.report(diagnostic);
    }
    let mut scenario = reader.scenario(root);
    if let Some(scenario) = &mut scenario {
        complete::complete(scenario);
        let fleet_is_whole = reader.behaviour_is_whole;
        for diagnostic in lint::lint(scenario, fleet_is_whole) {
            reader.report(diagnostic);
        }
    }
    reader.say_how_many_more();
    (scenario, reader.diagnostics)
}

/// How many names are compared with misspelt ones before no more advice is sought.
const COMPARED_MAX: usize = 50_000;

/// What is known while a file is read.
pub(crate) struct Reader<'s> {
    source: &'s Source,
    errors: usize,
    behaviour_is_whole: bool,
    compared: usize,
    diagnostics: Vec<Diagnostic>,
    names: Names,
    assumed: IndexSet<Assumed>,
    steps: StepIds,
}

impl Reader<'_> {
    fn report(&mut self, mut diagnostic: Diagnostic) {
        let again = |other: &Diagnostic| other.span == diagnostic.span && other.message == diagnostic.message;
        if self.diagnostics.iter().any(again) {
            return;
        }
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        self.behaviour_is_whole &= lint::leaves_behaviour_whole(diagnostic.code);
        if diagnostic.help.is_empty() {
            let code = diagnostic.code.as_str();
            diagnostic.help.push(format!("`turnback explain {code}` says more"));
        }
        if self.diagnostics.len() < ERRORS_MAX {
            self.diagnostics.push(diagnostic);
        }
    }

    fn error(&mut self, code: Code, span: Span, message: impl Into<String>, help: impl Into<Option<String>>) {
        let diagnostic = Diagnostic::error(code, span, message);
        self.report(diagnostic.maybe_help(help.into()));
    }

    /// Whether no more diagnostics are kept, so that no advice need be sought for them.
    fn is_full(&self) -> bool {
        self.diagnostics.len() >= ERRORS_MAX
    }

    /// An error about a word that is not in a list, with the nearest of the list.
    fn unknown_word<'c>(
        &mut self,
        code: Code,
        text: &Text<'_>,
        message: String,
        words: impl IntoIterator<Item = &'c str>,
    ) {
        let help = if self.is_full() { None } else { suggest::hint(text.text, words) };
        self.error(code, text.span(), message, help);
    }

    /// An error about a name that is not declared, with the nearest of the declared ones.
    fn unknown_name(
        &mut self,
        code: Code,
        text: &Text<'_>,
        message: String,
        declared: impl FnOnce(&Names) -> Vec<&String>,
    ) {
        let help = if self.is_full() || self.compared > COMPARED_MAX {
            None
        } else {
            let names = declared(&self.names);
            self.compared += names.len();
            suggest::hint(text.text, names.into_iter().map(String::as_str))
        };
        self.error(code, text.span(), message, help);
    }

    fn say_how_many_more(&mut self) {
        let more = self.errors.saturating_sub(ERRORS_MAX);
        if more > 0 {
            let end = self.source.text().len();
            let message = format!("{more} more errors are not shown");
            let diagnostic = Diagnostic::error(Code::TooManyErrors, end..end, message);
            self.diagnostics.push(diagnostic.help("mend the first ones and run again"));
        }
    }

    fn scenario(&mut self, root: &Node) -> Option<Scenario> {
        let top = self.keys(root, Where::Top, "the file")?;
        self.one_of(&top, "turnback", Code::BadFormat);
        let name = self.text(&top, "name").map(|text| text.name());
        self.steps = self.all_step_ids(root);
        let places = self.places(&top);
        let apis = self.apis(&top);
        let values = self.values(&top);
        let roles = self.roles(&top);
        let actors = self.actors(&top);
        let metrics = self.metrics(&top);
        let gates = self.gates(&top);
        let operator = self.operator(&top);
        let defaults = self.defaults(&top);
        let plans = self.plans(&top, &defaults);
        let repairs = self.repairs(&top, &defaults);
        let faults = self.one_of(&top, "faults", Code::BadChoice) != Some(1);
        Some(Scenario {
            name: name?,
            places,
            apis,
            values,
            roles,
            actors,
            plans,
            repairs,
            operator,
            gates,
            metrics,
            faults,
            assumed: std::mem::take(&mut self.assumed).into_iter().collect(),
        })
    }
}
