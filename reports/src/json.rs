//! `--format json`: the stable contract. One object per file, on one line; keys in the order of the structs below.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::hostile::is_hostile;
use crate::report::{
    Diagnostic, Finding, Fix, Harm, InvalidFile, PlanReport, Point, Position, Report, SlipReport, StoryMove,
    TurningPoint, Vacuous, ValueSeen, VersionPair,
};

/// The number of the contract. It changes when a key changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// The line of a checked file, with its line end.
pub fn line(report: &Report) -> String {
    written(&FileJson {
        schema: SCHEMA,
        file: &report.file,
        scenario: &report.scenario,
        plans: report.plans.iter().map(plan).collect(),
    })
}

/// The line of a file that could not be checked, with its line end.
pub fn invalid_line(invalid: &InvalidFile) -> String {
    written(&InvalidJson {
        schema: SCHEMA,
        file: &invalid.file,
        diagnostics: invalid.diagnostics.iter().map(diagnostic).collect(),
    })
}

#[derive(Serialize)]
struct FileJson<'a> {
    schema: u32,
    file: &'a str,
    scenario: &'a str,
    plans: Vec<PlanJson<'a>>,
}

#[derive(Serialize)]
struct InvalidJson<'a> {
    schema: u32,
    file: &'a str,
    diagnostics: Vec<DiagnosticJson<'a>>,
}

#[derive(Serialize)]
struct DiagnosticJson<'a> {
    code: &'a str,
    severity: &'a str,
    message: &'a str,
    line: u32,
    column: u32,
    help: Option<&'a str>,
}

#[derive(Serialize)]
struct PlanJson<'a> {
    plan: Option<&'a str>,
    verdict: &'a str,
    recovery: &'a str,
    rollback_safe_until: PromiseJson<'a>,
    last_safe_rollback_point: Option<&'a str>,
    positions: Vec<PositionJson<'a>>,
    point_of_no_return: Vec<TurningPointJson<'a>>,
    findings: Vec<FindingJson<'a>>,
    vacuous: Vec<String>,
    not_stated: &'a [String],
    assumed: &'a [String],
    states: u64,
    transitions: u64,
    complete: bool,
    coverage: Vec<VersionPairJson<'a>>,
    values_seen: Vec<ValueSeenJson<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    slipped: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    slips: Vec<SlipJson<'a>>,
}

#[derive(Serialize)]
struct SlipJson<'a> {
    slips: &'a [String],
    verdict: &'a str,
    recovery: &'a str,
    findings: &'a [String],
}

#[derive(Serialize)]
struct PromiseJson<'a> {
    promised: &'a str,
    found: &'a str,
}

#[derive(Serialize)]
struct PositionJson<'a> {
    step: usize,
    id: &'a str,
    at: &'a str,
    zone: &'a str,
    reason: Option<&'a str>,
    procedure: Option<&'a [String]>,
    rollback_ends: &'a str,
    harms: Vec<HarmJson<'a>>,
}

#[derive(Serialize)]
struct HarmJson<'a> {
    code: &'a str,
    kind: &'a str,
    silent: bool,
    charged: bool,
    who: &'a str,
    what: &'a str,
    line: u32,
}

#[derive(Serialize)]
struct TurningPointJson<'a> {
    step: &'a str,
    event: Option<&'a str>,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    code: &'a str,
    title: &'a str,
    line: u32,
    story: Vec<&'a str>,
    doomed_at: Option<usize>,
    first_symptom_at: Option<usize>,
    fix: Option<FixJson<'a>>,
}

#[derive(Serialize)]
struct VersionPairJson<'a> {
    place: &'a str,
    writer: &'a str,
    reader: &'a str,
    met: bool,
    fields: &'a [String],
    never: &'a [String],
}

#[derive(Serialize)]
struct ValueSeenJson<'a> {
    value: &'a str,
    is: &'a str,
    observed: bool,
    acted_on: bool,
}

#[derive(Serialize)]
struct FixJson<'a> {
    summary: &'a str,
    diff: &'a str,
}

fn plan(plan: &PlanReport) -> PlanJson<'_> {
    PlanJson {
        plan: plan.plan.as_deref(),
        verdict: plan.verdict.word(),
        recovery: plan.recovery.word(),
        rollback_safe_until: PromiseJson {
            promised: plan.rollback_safe_until.promised.id(),
            found: plan.rollback_safe_until.found.id(),
        },
        last_safe_rollback_point: plan.last_safe_rollback_point.as_ref().map(Point::id),
        positions: plan.positions.iter().map(position).collect(),
        point_of_no_return: plan.point_of_no_return.iter().map(turning_point).collect(),
        findings: plan.findings.iter().map(finding).collect(),
        vacuous: plan.vacuous.iter().map(vacuous).collect(),
        not_stated: &plan.not_stated,
        assumed: &plan.assumed,
        states: plan.states,
        transitions: plan.transitions,
        complete: plan.complete,
        coverage: plan.coverage.iter().map(version_pair).collect(),
        values_seen: plan.values_seen.iter().map(value_seen).collect(),
        slipped: &plan.slipped,
        slips: plan.slips.iter().map(slip).collect(),
    }
}

fn slip(slip: &SlipReport) -> SlipJson<'_> {
    SlipJson {
        slips: &slip.slips,
        verdict: slip.verdict.word(),
        recovery: slip.recovery.word(),
        findings: &slip.titles,
    }
}

fn position(position: &Position) -> PositionJson<'_> {
    PositionJson {
        step: position.step,
        id: &position.id,
        at: position.at.word(),
        zone: position.zone.word(),
        reason: position.reason.map(|reason| reason.word()),
        procedure: position.procedure.as_deref(),
        rollback_ends: position.rollback_ends.word(),
        harms: position.harms.iter().map(harm).collect(),
    }
}

fn harm(harm: &Harm) -> HarmJson<'_> {
    HarmJson {
        code: harm.code,
        kind: harm.kind.word(),
        silent: harm.silent,
        charged: harm.charged,
        who: &harm.who,
        what: &harm.what,
        line: harm.line,
    }
}

fn turning_point(point: &TurningPoint) -> TurningPointJson<'_> {
    TurningPointJson { step: &point.step, event: point.event.as_deref() }
}

fn finding(finding: &Finding) -> FindingJson<'_> {
    FindingJson {
        code: finding.code,
        title: &finding.title,
        line: finding.line,
        story: finding.story.iter().map(|StoryMove { text, .. }| text.as_str()).collect(),
        doomed_at: finding.doomed_at,
        first_symptom_at: finding.first_symptom_at,
        fix: finding.fix.as_ref().map(|Fix { summary, diff }| FixJson { summary, diff }),
    }
}

fn vacuous(vacuous: &Vacuous) -> String {
    match vacuous.line {
        Some(line) => format!("{}: {} (line {line})", vacuous.code, vacuous.what),
        None => format!("{}: {}", vacuous.code, vacuous.what),
    }
}

fn version_pair(pair: &VersionPair) -> VersionPairJson<'_> {
    VersionPairJson {
        place: &pair.place,
        writer: &pair.writer,
        reader: &pair.reader,
        met: pair.met,
        fields: &pair.fields,
        never: &pair.never,
    }
}

fn value_seen(seen: &ValueSeen) -> ValueSeenJson<'_> {
    ValueSeenJson { value: &seen.value, is: &seen.is, observed: seen.observed, acted_on: seen.acted_on }
}

fn diagnostic(diagnostic: &Diagnostic) -> DiagnosticJson<'_> {
    DiagnosticJson {
        code: &diagnostic.code,
        severity: diagnostic.severity.word(),
        message: &diagnostic.message,
        line: diagnostic.line,
        column: diagnostic.column,
        help: diagnostic.help.as_deref(),
    }
}

pub(crate) fn written(value: &impl Serialize) -> String {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, OneLine);
    value.serialize(&mut serializer).expect("structs of strings and numbers can be written to memory");
    bytes.push(b'\n');
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// Compact, and without a raw character that some reader takes for a line end or a terminal for a command.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut plain_from = 0;
        for (at, c) in fragment.char_indices().filter(|&(_, c)| is_hostile(c)) {
            writer.write_all(&fragment.as_bytes()[plain_from..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain_from = at + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[plain_from..])
    }
}
