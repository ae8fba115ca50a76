//! Files that are no scenario: code, line and column, exit 2, never a panic.

use serde_json::Value;

use crate::process::{Ended, run, run_with_input};

/// A small scenario with something put into it.
fn scenario(replace: &str, by: &str) -> String {
    let text = "turnback: 1
name: small
tables:
  t:
    columns: {id: not_null, a: nullable}
    migrations: {expand: {add_column: b}}
services:
  s:
    replicas: 2
    versions:
      v1: {reads: {t: [a]}, writes: {t: [a]}}
      v2: {reads: {t: [a]}, writes: {t: [a, b]}}
plan:
  - migrate: t.expand
  - deploy: s v2
";
    assert!(text.contains(replace), "{replace}");
    text.replacen(replace, by, 1)
}

fn check(bytes: &[u8]) -> Ended {
    run_with_input(&["check", "--format", "json", "-"], bytes)
}

/// The first problem: code, line and column.
fn first(bytes: &[u8]) -> (String, u64, u64) {
    let ended = check(bytes);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("error[TB") && !ended.err.contains("panicked"), "{}", ended.err);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let problem = &report["diagnostics"][0];
    let number = |key: &str| problem[key].as_u64().unwrap();
    (problem["code"].as_str().unwrap().to_owned(), number("line"), number("column"))
}

#[test]
fn the_small_scenario_itself_is_one() {
    let ended = check(scenario("small", "small").as_bytes());
    assert_eq!(ended.code, 0, "{ended:?}");
}

#[test]
fn names_and_keys_that_are_not_declared() {
    let cases = [
        ("replicas: 2", "replcas: 2", "TB101", 9, 5),
        ("deploy: s v2", "deploy: s v9", "TB122", 15, 15),
        ("deploy: s v2", "deploy: s v1", "TB141", 15, 13),
        ("deploy: s v2", "flag: f on", "TB123", 15, 11),
        ("name: small", "name: small\nname: again", "TB008", 3, 1),
    ];
    for (replace, by, code, line, column) in cases {
        assert_eq!(first(scenario(replace, by).as_bytes()), (code.to_owned(), line, column), "{by}");
    }
}

#[test]
fn hints_say_what_was_meant() {
    let ended = check(scenario("replicas", "replcas").as_bytes());
    assert!(ended.err.contains("did you mean `replicas`?"), "{}", ended.err);
}

#[test]
fn bombs_and_depths() {
    let mut bomb = String::from("a: &a [x, x, x, x, x, x, x, x, x]\n");
    for (name, before) in ('b'..='i').zip('a'..='h') {
        bomb.push_str(&format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 9].join(", ")));
    }
    let ended = check(bomb.as_bytes());
    assert!(ended.code == 2 && ended.err.contains("error[TB010]"), "{}", ended.err);
    let brackets = format!("turnback: 1\nname: {}\n", "[".repeat(10_000));
    assert_eq!(first(brackets.as_bytes()), ("TB014".to_owned(), 2, 72));
    let braces = "{a: ".repeat(10_000);
    assert_eq!(first(braces.as_bytes()).0, "TB014");
}

#[test]
fn files_that_are_no_text() {
    let binary: Vec<u8> = (0..=255).cycle().take(4096).collect();
    assert_eq!(first(&binary), ("TB003".to_owned(), 1, 1));
    assert_eq!(first(b"turnback: 1\nname: \xff\n"), ("TB003".to_owned(), 2, 7));
    assert_eq!(first(b"").0, "TB004");
    assert_eq!(first(b"# nothing\n").0, "TB004");
    assert_eq!(first(&vec![b' '; 5 << 20]).0, "TB002");
}

#[test]
fn files_that_are_not_there() {
    for (path, said) in [("nowhere/none.yaml", "nowhere/none.yaml cannot be read"), ("scenarios", "name a file in it")]
    {
        for verb in ["check", "lint", "explain", "replay"] {
            let ended = run([verb, path]);
            let text = ended.err + &ended.out;
            assert_eq!(ended.code, 2, "{verb} {path}");
            assert!(text.contains(said) && text.contains("TB001"), "{verb} {path}: {text}");
        }
    }
}

#[test]
fn what_is_not_supported_yet_is_said_with_its_line() {
    let fifo = scenario("services:", "queues:\n  q: {order: fifo}\nservices:").replacen(
        "v1: {",
        "v1: {sends: {q: [a]}, receives: {q: [a]}, ",
        1,
    );
    let ended = check(fifo.as_bytes());
    if ended.code == 2 {
        assert!(ended.err.contains("TB104") && ended.err.contains("not supported yet"), "{}", ended.err);
        assert!(ended.err.contains(":8:3"), "{}", ended.err);
    }
}

#[test]
fn every_line_of_an_example_can_be_missing() {
    let text = include_str!("../../scenarios/library/start/e-rename-too-fast.yaml");
    let lines: Vec<&str> = text.lines().collect();
    for missing in 0..lines.len() {
        let mut rest = lines.clone();
        rest.remove(missing);
        let ended = check(rest.join("\n").as_bytes());
        assert!([0, 1, 2, 3].contains(&ended.code), "line {missing}: {ended:?}");
        assert!(!ended.err.contains("panicked"), "line {missing}: {}", ended.err);
    }
}
