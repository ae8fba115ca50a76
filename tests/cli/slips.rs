//! `turnback check --slips` and `--slip`: the plan in the hands of an operator who makes mistakes.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::process::{example, run, run_with_input};

fn json(ended: &str) -> Value {
    serde_json::from_str(ended).unwrap_or_else(|error| panic!("{error}: {ended}"))
}

/// What is found for every single slip of a scenario: verdict and recovery.
fn slips(scenario: &str) -> BTreeMap<String, String> {
    let ended = run_with_input(&["check", "--slips", "1", "--format", "json", "-"], scenario.as_bytes());
    let report = json(&ended.out);
    let of = |slip: &Value| {
        let text = |key: &str| slip[key].as_str().unwrap().to_owned();
        (slip["slips"][0].as_str().unwrap().to_owned(), format!("{} {}", text("verdict"), text("recovery")))
    };
    report["plans"][0]["slips"].as_array().unwrap().iter().map(of).collect()
}

/// What is found for a plan with slips: verdict, and the step where it first cannot be rolled back.
fn slipped(scenario: &str, names: &[&str]) -> Value {
    let options = names.iter().flat_map(|name| ["--slip", name]);
    let arguments: Vec<&str> = ["check", "--format", "json", "-"].into_iter().chain(options).collect();
    json(&run_with_input(&arguments, scenario.as_bytes()).out)["plans"][0].clone()
}

/// A reader that must come before the writer, and a flag that must come last.
const READER_FIRST: &str = "turnback: 1
name: The reader first
flags:
  new_code: off
queues:
  jobs: {attempts: 2}
services:
  producer:
    versions:
      v1: {sends: {jobs: [id, {kind: old}]}}
      v2: {extends: v1, if new_code: {sends: {jobs: [id, {kind: new}]}}}
  worker:
    versions:
      v1: {receives: {jobs: [id, {kind: old}]}}
      v2: {receives: {jobs: [id, {kind: old|new}]}}
plan:
  - deploy: worker v2
  - deploy: producer v2
  - flag: new_code on
rollback: [flag: new_code off, drain: jobs, deploy: producer v1, deploy: worker v1]
";

#[test]
fn what_carries_a_plan_and_what_is_harmless() {
    let found = slips(READER_FIRST);
    let expected = [
        ("flag new_code on before deploy worker v2", "safe safe"),
        ("miss one replica in deploy producer v2", "safe safe"),
        ("miss one replica in deploy worker v2", "unsafe"),
        ("skip deploy producer v2", "safe safe"),
        ("skip deploy worker v2", "unsafe"),
        ("skip flag new_code on", "safe safe"),
        ("swap deploy producer v2 and flag new_code on", "safe safe"),
        ("swap deploy worker v2 and deploy producer v2", "safe safe"),
    ];
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(names, expected.map(|(name, _)| name));
    for (name, wanted) in expected {
        assert!(found[name].starts_with(wanted), "{name}: {}", found[name]);
    }
}

#[test]
fn a_plan_is_unsafe_by_two_slips_that_are_harmless_alone() {
    let both = slipped(
        READER_FIRST,
        &["flag new_code on before deploy worker v2", "swap deploy worker v2 and deploy producer v2"],
    );
    assert_eq!(both["verdict"], "unsafe");
    assert_eq!(both["positions"][1]["id"], "flag new_code on");
    let ended = run_with_input(&["check", "--slips", "2", "--format", "json", "-"], READER_FIRST.as_bytes());
    let report = json(&ended.out);
    let all = report["plans"][0]["slips"].as_array().unwrap();
    let harmful = |slip: &&Value| slip["verdict"] == "unsafe" && slip["slips"].as_array().unwrap().len() == 2;
    assert!(all.iter().any(|slip| harmful(&slip)), "{all:?}");
    assert_eq!(ended.code, 1);
}

#[test]
fn the_verdict_of_the_plan_is_that_of_the_plan_and_the_exit_code_that_of_the_worst() {
    let ended = run(["check", "--slips", "1", &example("a-rename-column")]);
    assert!(ended.out.contains("● SAFE"), "{}", ended.out);
    assert!(ended.out.contains("✖ skip backfill orders.order_status (recovery: irrecoverable"), "{}", ended.out);
    assert_eq!(ended.code, 1);
    insta::assert_snapshot!("slips.human", ended.out);
}

const REPEATED: &str = "turnback: 1
name: Twice
tables:
  t: {columns: {id: any, a: any, b: any}}
services:
  s:
    versions:
      v1: {writes: {t: [id, a, b]}, reads: {t: [a, b]}}
plan:
  - backfill: t.b from a
    overwrite: true
    idempotent: false
    id: fill
  - pause: true
    id: look
    needs: [fill]
expect: {rollback_safe_until: look}
";

#[test]
fn a_repeated_step_says_so_and_a_skipped_one_stops_who_needs_it() {
    let again = slipped(REPEATED, &["repeat fill"]);
    let ids: Vec<&str> = again["positions"].as_array().unwrap().iter().map(|at| at["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"fill (again)"), "{ids:?}");
    assert_eq!(again["rollback_safe_until"]["promised"], "look");
    let skipped = slipped(REPEATED, &["skip fill"]);
    let codes: Vec<&Value> = skipped["findings"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, ["TB212"], "{skipped}");
}

#[test]
fn the_promise_follows_its_step() {
    let repeated = slipped(REPEATED, &["repeat fill"]);
    assert_eq!(repeated["rollback_safe_until"]["promised"], "look");
    // What is written before it is still to come, and the rollback was promised there.
    let swapped = slipped(REPEATED, &["swap fill and look"]);
    assert_eq!(swapped["rollback_safe_until"]["promised"], "end");
    let skipped = slipped(REPEATED, &["skip look"]);
    assert_eq!(skipped["rollback_safe_until"]["promised"], "end");
}

#[test]
fn an_unknown_slip_is_refused_and_the_known_ones_are_named() {
    let ended = run_with_input(&["check", "--slip", "skip lunch", "-"], READER_FIRST.as_bytes());
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("no slip `skip lunch`"), "{}", ended.err);
    assert!(ended.err.contains("`skip deploy worker v2`"), "{}", ended.err);
    let again = ["check", "--slip", "skip deploy worker v2", "--slip", "miss one replica in deploy worker v2", "-"];
    let ended = run_with_input(&again, READER_FIRST.as_bytes());
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("cannot be made together"), "{}", ended.err);
}

#[test]
fn a_story_with_a_slip_is_replayed_and_stored() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("story").to_string_lossy().into_owned();
    let slip = "skip backfill orders.order_status";
    let told = run(["replay", &example("a-rename-column"), "--slip", slip, "--output", &trace]);
    assert_eq!(told.code, 0, "{told:?}");
    let stored = run(["replay", &example("a-rename-column"), "--trace", &trace]);
    assert_eq!(stored.code, 0, "{stored:?}");
    let moves = |text: &str| text.lines().map(|line| line.split(" [").next().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(moves(&told.out), moves(&stored.out));
}

/// Three releases; the second and the third read what the third writes once the flag is on.
const STRAGGLING: &str = "turnback: 1
name: The forgotten host
flags:
  f: off
tables:
  rows:
    columns: {id: not_null, k: A|B}
services:
  api:
    versions:
      v1: {reads: {rows: [k: A]}, writes: {rows: [k: A]}}
      v2: {reads: {rows: [k: A|B]}, writes: {rows: [k: A]}}
      v3: {reads: {rows: [k: A|B]}, writes: {rows: [k: A]}, if f: {writes: {rows: [k: B]}}}
plan:
  - deploy: api v2
  - deploy: api v3
  - flag: f on
    id: flag
expect: {rollback_safe_until: flag}
";

#[test]
fn a_missed_replica_stays_behind_for_good() {
    let found = slips(STRAGGLING);
    assert_eq!(found["miss one replica in deploy api v2"], "unsafe irrecoverable");
    assert_eq!(found["skip deploy api v2"], "safe safe");
}

#[test]
fn a_floor_does_not_want_the_missed_replica_back() {
    let alike = "turnback: 1
name: Alike
services:
  web:
    versions:
      v1: {sends: {GET /x.reply: [a]}}
      v2: {sends: {GET /x.reply: [a]}}
      v3: {sends: {GET /x.reply: [a]}}
plan:
  - deploy: web v2
    floor: true
  - deploy: web v3
";
    assert_eq!(slips(alike)["miss one replica in deploy web v2"], "safe safe");
}

#[test]
fn a_slip_does_not_take_the_promise_away() {
    let forgetful = READER_FIRST.replace("drain: jobs, ", "") + "expect: {rollback_safe_until: flag new_code on}\n";
    let early = slipped(&forgetful, &["flag new_code on before deploy worker v2"]);
    assert_eq!((&early["verdict"], &early["rollback_safe_until"]["promised"]), (&"unsafe".into(), &"end".into()));
}

#[test]
fn a_swap_can_mend_the_order() {
    let wrong = "turnback: 1
name: The wrong order
services:
  api: {versions: {v1: {sends: {GET /x.reply: [a]}}, v2: {sends: {GET /x.reply: [a]}}}}
  web: {versions: {v1: {sends: {GET /y.reply: [a]}}, v2: {sends: {GET /y.reply: [a]}}}}
plan:
  - deploy: web v2
    needs: [api]
  - deploy: api v2
    id: api
";
    assert_eq!(slipped(wrong, &[])["verdict"], "unsafe");
    assert_eq!(slipped(wrong, &["swap deploy web v2 and api"])["verdict"], "safe");
}

#[test]
fn many_slips_end_in_time() {
    let pauses: String = (0..60).map(|_| "  - pause: ok\n").collect();
    let long = format!("turnback: 1\nname: Long\nservices:\n  s: {{sends: {{GET /x.reply: [a]}}}}\nplan:\n{pauses}");
    let ended = run_with_input(&["check", "--slips", "3", "--time", "1s", "-"], long.as_bytes());
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.out.contains("were tried, not all"), "{ended:?}");
    let undo: String = (0..150).map(|_| "pause: ok, ".to_owned()).collect();
    let wide = format!("{}rollback: inverse\n", long.replace("  - pause: ok\n", "")) + "queues: {q: {}}\n";
    let wide = wide.replace("plan:\n", &format!("plan:\n  - drain: q\n    undo: [{undo}]\n"));
    let ended = run_with_input(&["check", "--slip", "repeat drain q", "-"], wide.as_bytes());
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("too long"), "{ended:?}");
}
