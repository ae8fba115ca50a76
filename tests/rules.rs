//! The rules by example: every file below `tests/rules` is a scenario with a header of expectations that were derived
//! by hand from the text of the rules. See `tests/rules/README.md` for the header.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

#[path = "rules/runner.rs"]
mod runner;

use runner::{Expectation, Seen, cases, compare, cut_short, holds, is_about, name};

#[test]
fn every_case_shows_what_its_header_says() {
    let files = cases();
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(vec![]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(said) = compare(file) {
                        wrong.lock().unwrap().push(format!("{}\n{said}", name(file)));
                    }
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().unwrap();
    wrong.sort();
    assert!(wrong.is_empty(), "\n{} of {} cases disagree\n\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

#[test]
fn every_rule_has_a_case() {
    let wanted = (1..=11).map(|number| format!("R{number}")).chain((1..=7).map(|number| format!("V{number}")));
    let missing: Vec<_> = wanted.filter(|rule| !cases().iter().any(|case| is_about(case, rule))).collect();
    assert!(std::env::var("RULES").is_ok() || missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn a_truncated_search_is_never_safe() {
    assert!(cut_short(&cases()) > 0 || std::env::var("RULES").is_ok(), "nothing was truncated");
}

/// A header that is wrong in one line must be noticed, whichever line it is.
#[test]
fn a_wrong_expectation_is_noticed() {
    let right = |key: &str, value: &str| Expectation { key: key.into(), value: value.into() };
    let seen = Seen {
        verdict: "unsafe".into(),
        zones: "●▲".into(),
        reasons: ["1 luck".to_owned()].into(),
        harms: [(1, "misread web v2 rows.a".to_owned())].into(),
        rollback_harms: [(1, "crash web v1 rows.a".to_owned())].into(),
        charged: ["misread web v2 rows.a".to_owned()].into(),
        pre_existing: ["reject web v1 rows.b".to_owned()].into(),
        ends: vec!["home".into(), "lost".into()],
        no_return: ["1 v2 writes rows".to_owned()].into(),
        stalls: [1].into(),
        promise_broken: [1].into(),
        last_safe: "0".into(),
        unused: ["handler v1 reads rows".to_owned()].into(),
        met: ["rows web v1 web v2".to_owned()].into(),
        never_met: ["rows web v2 web v1".to_owned()].into(),
        stories: [(3, "misread web v2 rows.a".to_owned())].into(),
        told: String::new(),
    };
    for (key, good, bad) in [
        ("verdict", "unsafe", "safe"),
        ("zones", "●▲", "●●"),
        ("zones", "●▲", "●▲▲"),
        ("reason", "1 luck", "1 lost"),
        ("harm", "1 misread web v2 rows.a", "0 misread web v2 rows.a"),
        ("harm", "1 misread web v2 rows", "1 crash web v1 rows.a"),
        ("harm", "1 misread web v2 rows.a", "1 misread web v2 rows.ab"),
        ("rollback-harm", "1 crash web v1 rows.a", "1 misread web v2 rows.a"),
        ("no-harm", "crash web v2 rows.a", "crash web v1 rows.a"),
        ("no-harm", "drop", "misread"),
        ("no-harm", "drop", "any"),
        ("only", "misread web v2", "misread web v3"),
        ("pre-existing", "reject web v1 rows.b", "none"),
        ("rollback-ends", "1 lost", "1 home"),
        ("no-return", "1 v2 writes rows", "1 v1 writes rows"),
        ("no-return", "1 v2 writes rows", "none"),
        ("stalls", "1", "0"),
        ("promise", "broken 1", "kept"),
        ("promise", "broken", "broken 0"),
        ("last-safe", "0", "1"),
        ("story", "3 misread web v2 rows.a", "4 misread web v2 rows.a"),
        ("unused", "handler v1 reads rows", "handler v2 reads rows"),
        ("met", "rows web v1 web v2", "rows web v2 web v1"),
        ("never-met", "rows web v2 web v1", "rows web v2 web v3"),
    ] {
        assert!(holds(&right(key, good), &seen), "{key}: {good}");
        assert!(!holds(&right(key, bad), &seen), "{key}: {bad}");
    }
}
