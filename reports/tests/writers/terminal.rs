//! What a person reads.

use insta::assert_snapshot;
use turnback_reports::codes;
use turnback_reports::report::Report;
use turnback_reports::terminal::{self, Style};
use unicode_width::UnicodeWidthStr;

use super::examples;

const PIPED: Style = Style::piped();
const NARROW: Style = Style { width: 60, ..PIPED };
const WIDE: Style = Style { width: 120, verbose: true, ..PIPED };
const ASCII: Style = Style { ascii: true, ..PIPED };
const COLOR: Style = Style { color: true, ..PIPED };

fn all() -> Vec<Report> {
    vec![
        examples::safe(),
        examples::unsafe_rename(),
        examples::undecided(),
        examples::several_plans(),
        examples::hostile(),
    ]
}

#[test]
fn safe() {
    assert_snapshot!(terminal::text(&examples::safe(), &PIPED));
}

#[test]
fn unsafe_with_a_long_story() {
    assert_snapshot!(terminal::text(&examples::unsafe_rename(), &PIPED));
}

#[test]
fn undecided() {
    assert_snapshot!(terminal::text(&examples::undecided(), &PIPED));
}

#[test]
fn several_plans() {
    assert_snapshot!(terminal::text(&examples::several_plans(), &PIPED));
}

#[test]
fn narrow() {
    assert_snapshot!(terminal::text(&examples::unsafe_rename(), &NARROW));
}

#[test]
fn wide() {
    assert_snapshot!(terminal::text(&examples::unsafe_rename(), &WIDE));
}

#[test]
fn ascii() {
    assert_snapshot!(terminal::text(&examples::unsafe_rename(), &ASCII));
}

#[test]
fn color() {
    let text = terminal::text(&examples::unsafe_rename(), &COLOR);
    assert_snapshot!(text.replace('\u{1b}', "ESC"));
}

#[test]
fn a_file_that_could_not_be_checked() {
    assert_snapshot!(terminal::invalid_text(&examples::invalid(), &PIPED));
}

#[test]
fn the_page_of_a_code() {
    let page = codes::page("TB201").expect("TB201 has a page");
    assert_snapshot!(terminal::code_text(page, &PIPED));
}

#[test]
fn colors_add_nothing_but_colors() {
    for report in all() {
        let colored = terminal::text(&report, &COLOR);
        assert_eq!(without_colors(&colored), terminal::text(&report, &PIPED));
    }
}

#[test]
fn no_line_is_wider_than_the_page() {
    for report in all() {
        for style in [NARROW, PIPED, WIDE, Style { ascii: true, ..NARROW }] {
            let text = terminal::text(&report, &style);
            for line in text.lines() {
                let is_diff = line.starts_with("      +") || line.starts_with("      -");
                assert!(is_diff || line.width() <= style.width, "{} columns: {line}", style.width);
            }
        }
    }
}

#[test]
fn ascii_is_ascii() {
    for report in all() {
        let text = terminal::text(&report, &ASCII);
        assert!(text.is_ascii(), "{text}");
    }
}

#[test]
fn a_page_narrower_than_the_narrowest_is_written_as_that() {
    let tiny = Style { width: 1, ..PIPED };
    assert_eq!(terminal::text(&examples::safe(), &tiny), terminal::text(&examples::safe(), &NARROW));
}

#[test]
fn spans_that_do_not_fit_do_no_harm() {
    let mut report = examples::unsafe_rename();
    for (index, blame) in report.plans[0].findings[0].blame.iter_mut().enumerate() {
        blame.span = index * 1_000_000..3;
    }
    report.source_text = "é".into();
    assert!(terminal::text(&report, &PIPED).contains("UNSAFE"));
}

/// `text` without the sequences `ESC [ … m`.
fn without_colors(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once('m').map_or(part, |(_, rest)| rest))
}
