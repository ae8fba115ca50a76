//! One row per position.

use insta::assert_snapshot;
use turnback_reports::csv;

use super::examples;

#[test]
fn several_reports_have_one_header() {
    assert_snapshot!(csv::table([&examples::unsafe_rename(), &examples::several_plans()]));
}

#[test]
fn no_report_is_a_header() {
    assert_eq!(csv::table([]).trim_end(), csv::COLUMNS.join(","));
}
