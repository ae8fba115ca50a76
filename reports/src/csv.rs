//! `--format csv`: one row per position, for a spreadsheet.
//!
//! Quoted as RFC 4180 says. A cell that a spreadsheet would run as a formula gets a leading apostrophe.

use csv::Writer;

use crate::hostile::is_hostile;
use crate::report::{Harm, PlanReport, Position, Report};

/// The header row, in its order.
pub const COLUMNS: [&str; 13] = [
    "file",
    "scenario",
    "plan",
    "verdict",
    "step",
    "id",
    "at",
    "zone",
    "reason",
    "procedure",
    "rollback_ends",
    "charged_harms",
    "other_harms",
];

/// The whole table: the header, then every position of every plan of every report.
pub fn table<'a>(reports: impl IntoIterator<Item = &'a Report>) -> String {
    let mut writer = Writer::from_writer(Vec::new());
    write_row(&mut writer, COLUMNS.map(String::from));
    for report in reports {
        for plan in &report.plans {
            for position in &plan.positions {
                write_row(&mut writer, row(report, plan, position).map(|text| cell(&text)));
            }
        }
    }
    let bytes = writer.into_inner().expect("memory takes every row");
    String::from_utf8(bytes).expect("cells are UTF-8")
}

fn write_row(writer: &mut Writer<Vec<u8>>, row: [String; COLUMNS.len()]) {
    writer.write_record(&row).expect("memory takes every row, and rows are equally long");
}

fn row(report: &Report, plan: &PlanReport, position: &Position) -> [String; COLUMNS.len()] {
    [
        report.file.clone(),
        report.scenario.clone(),
        plan.plan.clone().unwrap_or_default(),
        plan.verdict.word().into(),
        position.step.to_string(),
        position.id.clone(),
        position.at.word().into(),
        position.zone.word().into(),
        position.reason.map_or("", |reason| reason.word()).into(),
        position.procedure.as_deref().unwrap_or_default().join("; "),
        position.rollback_ends.word().into(),
        harms(position, true),
        harms(position, false),
    ]
}

fn harms(position: &Position, charged: bool) -> String {
    let texts: Vec<String> = position.harms.iter().filter(|harm| harm.charged == charged).map(harm).collect();
    texts.join("; ")
}

fn harm(harm: &Harm) -> String {
    let silent = if harm.silent { " (silent)" } else { "" };
    format!("{} {}: {}: {}{silent}, line {}", harm.code, harm.kind.word(), harm.who, harm.what, harm.line)
}

/// `text` as a cell that no spreadsheet runs and no terminal obeys. Line ends and tabs stay: quoting holds them.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 1);
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        out.push('\'');
    }
    for c in text.chars() {
        if is_hostile(c) && !matches!(c, '\t' | '\r' | '\n') {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn formulas_are_only_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(cell(formula), format!("'{formula}"));
        }
        assert_eq!(cell("a=1"), "a=1");
    }

    #[test]
    fn terminal_commands_are_only_text() {
        assert_eq!(cell("\u{1b}[2Ja"), r"\u{1b}[2Ja");
    }
}
