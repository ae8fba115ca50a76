//! Names that mean no good reach nobody.

use insta::assert_snapshot;
use turnback_reports::terminal::{self, Style};
use turnback_reports::{csv, json};

use super::examples::{self, HOSTILE};

#[test]
fn the_terminal_is_not_steered() {
    let text = terminal::text(&examples::hostile(), &Style { verbose: true, ..Style::piped() });
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    assert!(!text.contains(['\u{202e}', '\u{2028}']), "{text:?}");
    assert_snapshot!(text);
}

#[test]
fn json_stays_on_one_line_and_keeps_the_name() {
    let line = json::line(&examples::hostile());
    assert!(line.trim_end().chars().all(|c| !c.is_control() && c != '\u{2028}' && c != '\u{202e}'), "{line:?}");
    let value: serde_json::Value = serde_json::from_str(&line).expect("the line is JSON");
    assert_eq!(value["scenario"], HOSTILE);
}

#[test]
fn no_cell_is_a_formula() {
    let table = csv::table([&examples::hostile()]);
    let mut reader = ::csv::Reader::from_reader(table.as_bytes());
    let rows: Vec<::csv::StringRecord> = reader.records().map(|row| row.expect("the table is CSV")).collect();
    assert_eq!(rows.len(), examples::hostile().plans[0].positions.len());
    for cell in rows.iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?}");
        assert!(!cell.contains('\u{1b}'), "{cell:?}");
    }
}
