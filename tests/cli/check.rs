//! `turnback check`

use std::fs;
use std::io::Read;
use std::process::Stdio;

use serde_json::Value;

use crate::process::{EXAMPLES, command, example, run, run_with_input};

/// The symbols of the worst zones, step by step.
fn zones(plan: &Value) -> String {
    let words = ["rollback", "forward", "repair", "undecided", "irrecoverable"];
    let rank = |position: &Value| words.iter().position(|word| position["zone"] == *word).unwrap();
    let positions = plan["positions"].as_array().unwrap();
    let last = positions.iter().map(|position| position["step"].as_u64().unwrap()).max().unwrap();
    let worst = |step: u64| positions.iter().filter(|position| position["step"] == step).map(rank).max().unwrap();
    (0..=last).map(|step| ['●', '▲', '◆', '?', '✖'][worst(step)]).collect()
}

fn json(arguments: &[&str]) -> Value {
    let ended = run([&["check", "--format", "json"], arguments].concat());
    serde_json::from_str(&ended.out).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

#[test]
fn the_zones_of_the_examples() {
    let expected: [(&str, &[(&str, &str)]); 6] = [
        ("a-rename-column", &[("safe", "●●●●●●●▲▲▲")]),
        ("b-b-kills-a", &[("unsafe", "●●"), ("safe", "●●●"), ("safe", "●●●")]),
        ("c-required-field", &[("safe", "●●●●●●●●")]),
        ("d-enum-cache", &[("safe", "●●●●●●●▲")]),
        ("e-fixed", &[("safe", "●●●●●●▲▲")]),
        ("e-rename-too-fast", &[("unsafe", "●●●●▲▲▲")]),
    ];
    for (name, plans) in expected {
        let report = json(&[&example(name)]);
        let found = report["plans"].as_array().unwrap().iter().map(|plan| (plan["verdict"].clone(), zones(plan)));
        let plans: Vec<_> = plans.iter().map(|(verdict, zones)| (Value::from(*verdict), zones.to_string())).collect();
        assert_eq!(found.collect::<Vec<_>>(), plans, "{name}");
    }
}

/// Two services that do not touch are explored apart; where both cannot go on, that is one finding.
#[test]
fn a_plan_that_stalls_in_two_parts_stalls_once() {
    let two = b"turnback: 1
name: Two parts
tables:
  attic: {columns: {id: not_null, n: nullable}}
  rows: {columns: {id: not_null, a: nullable}, migrations: {expand: {add_column: b}}}
services:
  idle: {reads: {attic: [n]}, writes: {attic: [n]}}
  app:
    versions:
      v1: {writes: {rows: [a]}, reads: {rows: [a]}}
      v2: {writes: {rows: [a, b]}, reads: {rows: [a]}}
plan:
  - backfill: rows.b from a
    overwrite: true
  - migrate: rows.expand
  - deploy: app v2
";
    let ended = run_with_input(&["check", "--format", "json", "-"], two);
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let codes: Vec<&Value> =
        report["plans"][0]["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
    assert_eq!(codes, ["TB212"]);
}

/// Where the rollback fails because work stalls, nobody is hurt on the way: the story goes on until it stands still.
#[test]
fn a_story_of_work_that_stalls_is_told_to_its_end() {
    let report = json(&["tests/rules/zones/hidden.yaml"]);
    let findings = report["plans"][0]["findings"].as_array().unwrap();
    for code in ["TB210", "TB211"] {
        let finding = findings.iter().find(|finding| finding["code"] == code).unwrap();
        let story = finding["story"].as_array().unwrap();
        assert!(story.iter().any(|told| told.as_str().unwrap().contains("sends a message to jobs")), "{finding}");
        assert!(story.last().unwrap().as_str().unwrap().starts_with("rollback: deploy worker v1, last"), "{finding}");
    }
}

/// Values that a handler read in its first moment are told in its later ones.
#[test]
fn what_a_handler_carries_is_told() {
    let text = b"turnback: 1
name: Carried
tables:
  rows: {columns: {id: not_null, kind: nullable}}
queues:
  jobs: {}
  done: {}
services:
  api:
    versions:
      v1: {sends: {jobs: [{kind: old}]}}
      v2: {sends: {jobs: [{kind: new}]}}
  worker:
    handlers:
      work: {receives: {jobs: [kind]}, writes: {rows: [kind from jobs.kind]}, sends: {done: [kind from jobs.kind]}}
  bill:
    receives: {done: [{kind: old}]}
    on_unknown_value: crash
plan:
  - deploy: api v2
";
    let ended = run_with_input(&["check", "-"], text);
    for said in ["and writes rows.kind=new", "and sends a message to done {kind=new}"] {
        assert!(ended.out.contains(said), "{said} is missing:\n{}", ended.out);
    }
}

#[test]
fn the_examples_for_people() {
    for name in EXAMPLES {
        let ended = run(["check", &example(name)]);
        insta::assert_snapshot!(format!("{name}.human"), ended.out);
        assert_eq!(ended.err, "", "{name}");
    }
}

#[test]
fn the_examples_for_machines() {
    for name in EXAMPLES {
        let report = json(&[&example(name)]);
        insta::assert_snapshot!(format!("{name}.json"), serde_json::to_string_pretty(&report).unwrap());
    }
    let ended = run(["check", "--format", "csv", &example("e-fixed"), &example("b-b-kills-a")]);
    insta::assert_snapshot!("csv", ended.out);
}

#[test]
fn the_exit_code_is_the_worst() {
    let (good, bad) = (example("a-rename-column"), example("e-rename-too-fast"));
    assert_eq!(run(["check", &good]).code, 0);
    assert_eq!(run(["check", &good, &bad]).code, 1);
    assert_eq!(run(["check", &bad, "nowhere.yaml", &good]).code, 2);
    assert_eq!(run(["check", &good, "--max-states", "20"]).code, 3);
    assert_eq!(run(["check", &good, "--max-states", "20", &bad]).code, 3);
}

#[test]
fn usage_mistakes_exit_2_and_help_exits_0() {
    assert_eq!(run(["check"]).code, 2);
    assert_eq!(run(["chekc"]).code, 2);
    assert_eq!(run(["check", "x.yaml", "--replicas", "5"]).code, 2);
    assert_eq!(run(["check", "x.yaml", "--keys", "0"]).code, 2);
    assert_eq!(run(["check", "x.yaml", "--report", "json"]).code, 2);
    let help = run(["check", "--help"]);
    assert_eq!(help.code, 0);
    insta::assert_snapshot!("help", help.out);
}

#[test]
fn one_plan_of_several() {
    let file = example("b-b-kills-a");
    let report = json(&["--plan", "tolerate-first", &file]);
    assert_eq!(report["plans"].as_array().unwrap().len(), 1);
    assert_eq!(report["plans"][0]["plan"], "tolerate-first");
    assert_eq!(run(["check", "--plan", "tolerate-first", &file]).code, 0);
    let ended = run(["check", "--plan", "nothing", &file]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("as-pushed, tolerate-first, flag-after-deploy"), "{}", ended.err);
}

#[test]
fn nobody_is_called_safe_when_a_bound_was_hit() {
    for name in EXAMPLES {
        let report = json(&["--max-states", "8", &example(name)]);
        for plan in report["plans"].as_array().unwrap() {
            assert_ne!(plan["verdict"], "safe", "{name}");
            assert_eq!(plan["complete"], false, "{name}");
        }
    }
    let page = run(["check", "--max-states", "20", &example("a-rename-column")]).out;
    assert!(page.contains("undecided: it ended at `--max-states 20`"), "{page}");
    assert_eq!(run(["check", "--time", "0ms", &example("a-rename-column")]).code, 3);
    assert_eq!(run(["check", "--max-memory", "1KB", &example("a-rename-column")]).code, 3);
}

#[test]
fn what_was_found_within_a_bound_is_certain() {
    let arguments = ["check", "--plan", "as-pushed", "--max-states", "9", &example("b-b-kills-a")];
    assert_eq!(run(arguments).code, 1);
}

#[test]
fn the_same_bytes_whatever_the_number_of_threads() {
    let all: Vec<String> = EXAMPLES.iter().map(|name| example(name)).collect();
    let with = |threads: &str| {
        let mut arguments = vec!["check", "--format", "json", "--keys", "2", "--threads", threads];
        arguments.extend(all[1..3].iter().map(String::as_str));
        arguments.push(&all[5]);
        run(arguments)
    };
    let one = with("1");
    assert_eq!(one, with("2"));
    assert_eq!(one, with("3"));
}

#[test]
fn strict_is_not_content_with_what_no_path_used() {
    let file = example("c-required-field");
    assert_eq!(run(["check", &file]).code, 0);
    assert_eq!(run(["check", "--strict", &file]).code, 1);
}

#[test]
fn a_place_that_stays_empty_is_not_safe() {
    let text = "turnback: 1\nname: A table that nobody fills\ntables:\n  t: {columns: {id: not_null}}\nservices:\n  \
                s: {replicas: 1, versions: {v1: {reads: {t: [id]}}, v2: {reads: {t: [id]}}}}\nplan:\n  - deploy: s v2\n";
    let ended = run_with_input(&["check", "-"], text.as_bytes());
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.out.contains("TB214: t: nothing can ever be in it"), "{}", ended.out);
    assert!(
        ended.out.contains("undecided: nothing can ever be in `t`, so nothing was shown about it"),
        "{}",
        ended.out
    );
}

#[test]
fn expectations_that_do_not_come_true_are_named() {
    let text = fs::read_to_string(format!("{}/{}", env!("CARGO_MANIFEST_DIR"), example("e-rename-too-fast"))).unwrap();
    let wrong = text.replace("expect: {", "expect: {verdict: safe, recovery: safe, error_rate: at most 2%, ");
    let ended = run_with_input(&["check", "-"], wrong.as_bytes());
    assert_eq!(ended.code, 1);
    for said in [
        "verdict: expected safe, found unsafe",
        "recovery: expected safe, found forward",
        "rollback_safe_until: expected migrate orders.contract, found deploy orders v3",
        "error_rate at most 2%",
    ] {
        assert!(ended.out.contains(said), "{said} is missing:\n{}{}", ended.out, ended.err);
    }
}

/// Whatever a way out discards must be accepted: what a rollback restores, and what a repair does.
#[test]
fn loss_that_nobody_accepts_is_named() {
    for case in ["restore/rows-written-since", "restore/by-hand"] {
        let accepted = fs::read_to_string(format!("{}/{}", env!("CARGO_MANIFEST_DIR"), rule_case(case))).unwrap();
        let silent = accepted.replace("expect: {loss: accepted}\n", "");
        assert_ne!(accepted, silent, "{case}");
        for (text, said) in [(accepted, false), (silent, true)] {
            let ended = run_with_input(&["check", "-"], text.as_bytes());
            assert_eq!(ended.out.contains("loss: expected none, found accepted, by `restore "), said, "{}", ended.out);
            let repaired = ended.out.contains("restore data (with loss)");
            assert_eq!(repaired, case == "restore/by-hand", "{}", ended.out);
        }
    }
}

#[test]
fn the_event_of_the_point_of_no_return_is_compared_too() {
    let text = fs::read_to_string(rule_case("queues/consumed-later")).unwrap();
    for (event, comes_true) in [
        ("", true),
        (" when web sends mail", true),
        (" when web v2 sends mail", true),
        (" when web v1 sends mail", false),
        (" when mailer receives mail", false),
        (" when mail expires", false),
        (" when web starts", false),
    ] {
        let expecting = format!("{text}expect: {{no_return: deploy web v2{event}}}\n");
        let ended = run_with_input(&["check", "-"], expecting.as_bytes());
        assert_eq!(!ended.out.contains("no_return: expected"), comes_true, "{event}: {}{}", ended.out, ended.err);
    }
}

#[test]
fn output_is_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let reports = [format!("json={}", path("r.json")), format!("csv={}", path("r.csv"))];
    let file = example("e-fixed");
    let arguments = ["check", &file, "--output", &path("r.txt"), "--report", &reports[0], "--report", &reports[1]]
        .map(str::to_owned);
    let ended = run(arguments);
    assert_eq!((ended.code, ended.out.as_str()), (0, ""));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("r.txt"), run(["check", &file]).out);
    assert_eq!(read("r.json"), run(["check", "--format", "json", &file]).out);
    assert_eq!(read("r.csv"), run(["check", "--format", "csv", &file]).out);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing else is left behind");
    let nowhere = run(["check", &file, "--output", &path("no/r.txt")]);
    assert_eq!(nowhere.code, 2);
    assert!(nowhere.err.contains("cannot be written"), "{}", nowhere.err);
}

#[test]
fn a_reader_who_leaves_is_no_mistake() {
    let files: Vec<String> = EXAMPLES.iter().map(|name| example(name)).collect();
    let mut arguments = vec!["check", "--format", "json", "-v"];
    arguments.extend(files.iter().map(String::as_str));
    let mut child = command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert_eq!(said, "");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said() {
    let file = example("e-fixed");
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    for arguments in [vec!["check", file.as_str()], vec!["schema"], vec!["explain", "TB204"]] {
        let ended = command(arguments).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(ended.status.code(), Some(2));
        assert!(String::from_utf8(ended.stderr).unwrap().contains("standard output cannot be written"));
    }
    let ended = run(["check", &example("e-fixed"), "--output", "/dev/full"]);
    assert_eq!(ended.code, 2, "{ended:?}");
}

#[test]
fn colours_only_where_they_are_wanted() {
    let file = example("e-rename-too-fast");
    let colored = |arguments: &[&str], no_color: bool| {
        let mut command = command([&["check", file.as_str()], arguments].concat());
        if no_color {
            command.env("NO_COLOR", "1");
        }
        command.output().unwrap().stdout.contains(&0x1b)
    };
    assert!(!colored(&[], false), "a pipe is no terminal");
    assert!(colored(&["--color", "always"], false));
    assert!(!colored(&["--color", "auto"], true));
    assert!(!colored(&["--color", "never"], false));
}

#[test]
fn ascii_is_ascii() {
    for name in EXAMPLES {
        let out = run(["check", "--ascii", &example(name)]).out;
        assert!(out.is_ascii(), "{name}");
    }
}

#[test]
fn replicas_and_keys_do_not_change_verdicts() {
    for name in EXAMPLES {
        let file = example(name);
        let plain = json(&[&file]);
        for arguments in [["--replicas", "3"], ["--replicas", "4"], ["--keys", "2"]] {
            let other = json(&[arguments[0], arguments[1], &file]);
            let verdicts = |report: &Value| {
                let plans = report["plans"].as_array().unwrap().clone();
                plans.iter().map(|plan| (plan["verdict"].clone(), zones(plan))).collect::<Vec<_>>()
            };
            assert_eq!(verdicts(&plain), verdicts(&other), "{name} {arguments:?}");
        }
    }
}

/// What a plan's page lists under `heading`, item by item.
fn listed(page: &str, heading: &str) -> Vec<String> {
    let lines = page.lines().skip_while(|line| !line.starts_with(heading)).skip(1);
    let mut items: Vec<String> = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        match line.strip_prefix("  · ") {
            Some(item) => items.push(item.to_owned()),
            None => *items.last_mut().expect("an item comes first") += &format!(" {}", line.trim()),
        }
    }
    items
}

fn rule_case(name: &str) -> String {
    format!("tests/rules/{name}.yaml")
}

#[test]
fn what_no_path_used_is_listed_and_strict_minds() {
    let expected: [(&str, &[&str]); 7] = [
        (
            "vacuity/guards",
            &[
                "TB301: wait until f is on: never taken",
                "TB303: wait until f is on: its guard never lets it begin",
                "TB303: wait until f is on: its `until` never comes true",
                "TB303: web v2 audit: its `when` never lets it run",
                "TB305: web v2 audit: never runs",
                "TB306: f: no step sets it to on",
            ],
        ),
        (
            "vacuity/unused-verify",
            &[
                "TB301: deploy web v2: never taken",
                "TB303: backfill rows.b: its `verify` never lets it end",
                "TB305: web v2 reads rows: never runs",
                "TB305: web v2 writes rows: never runs",
            ],
        ),
        (
            "vacuity/unused-start",
            &[
                "TB303: web v2: its `starts_if` never lets it start",
                "TB305: web v2 reads rows: never runs",
                "TB305: web v2 writes rows: never runs",
                "TB306: level: no step sets it to new",
            ],
        ),
        ("vacuity/unseen-value", &["TB306: level: nobody ever observes new"]),
        ("vacuity/unused-rules", &["TB307: on_missing_field: drop: nothing ever calls for it"]),
        ("vacuity/used-guards", &[]),
        ("vacuity/verified", &[]),
    ];
    for (name, items) in expected {
        let file = rule_case(name);
        let found = listed(&run(["check", &file]).out, "vacuous");
        let found: Vec<&str> = found.iter().map(|item| item.rsplit_once(" (line ").unwrap().0).collect();
        assert_eq!(found, items, "{name}");
        let safe = run(["check", &file]).code == 0;
        assert!(!safe || (run(["check", "--strict", &file]).code == 0) == items.is_empty(), "{name}");
    }
}

#[test]
fn the_table_of_pairs_is_long_only_where_everything_is_asked_for() {
    let file = example("d-enum-cache");
    let short = run(["check", &file]).out;
    assert!(short.contains("\nversion pairs: 23 of 24 met (`-v` lists them)\n"), "{short}");
    let long = run(["check", "-v", &file]).out;
    let pairs = listed(&long, "version pairs: 23 of 24 met");
    assert_eq!(pairs.len(), 9, "{pairs:?}");
    assert_eq!(pairs[8], "GET /v1/orders.reply: orders v3 → app-6 (state); never app-5");
    let cut = run(["check", "--max-states", "20", &file]).out;
    assert!(cut.contains(" of 24 met so far (`-v` lists them)\n"), "{cut}");
    let report = json(&[&file]);
    let pairs = report["plans"][0]["coverage"].as_array().unwrap();
    assert_eq!(pairs.len(), 24);
    let never: Vec<&Value> = pairs.iter().filter(|pair| pair["met"] == false).collect();
    let expected = serde_json::json!({"place": "GET /v1/orders.reply", "writer": "orders v3", "reader": "app-5", "met": false, "fields": [], "never": ["state"]});
    assert_eq!(never, [&expected]);
}

#[test]
fn values_of_flags_are_seen_both_ways_or_not() {
    let text = "turnback: 1\nname: Flags\nflags: {early: {}, late: {}, idle: {}, unset: {}}\ntables: {t: {columns: \
                {id: not_null}}}\nservices:\n  s: {versions: {v1: {reads: {t: [id]}, writes: {t: [id]}}, v2: {extends: \
                v1, if early: {reads: {t: [id]}}, if late: {reads: {t: [id]}}}}}\nplan: [{flag: early on}, {deploy: s \
                v2}, {flag: late on}, {flag: idle on}]\n";
    let page = run_with_input(&["check", "-v", "-"], text.as_bytes());
    let expected = ["early: on; never off", "late: off, on", "idle: never off, on"];
    assert_eq!(listed(&page.out, "values of flags and configs: 3 of 6 acted on"), expected, "{page:?}");
    let line = run_with_input(&["check", "--format", "json", "-"], text.as_bytes());
    let report: Value = serde_json::from_str(&line.out).unwrap();
    let seen = |value: &str, is: &str, acted_on: bool| serde_json::json!({"value": value, "is": is, "observed": true, "acted_on": acted_on});
    let all = [
        seen("early", "off", false),
        seen("early", "on", true),
        seen("late", "off", true),
        seen("late", "on", true),
        seen("idle", "off", false),
        seen("idle", "on", false),
    ];
    assert_eq!(report["plans"][0]["values_seen"], serde_json::json!(all));
}

#[test]
fn a_harmless_place_in_between_is_said() {
    let parked = |name: &str| listed(&run(["check", &rule_case(name)]).out, "parked");
    assert_eq!(parked("zones/no-hotfix"), Vec::<String>::new());
    assert!(parked("variants/a-may-not-finish")[0].contains("deploy orders v3"), "where the rule's text says so");
    let page = run(["check", &example("e-fixed")]).out;
    let stops = "the plan, stopped after deploy orders v2, backfill orders.order_status, deploy orders v2.5, wait 7d, deploy orders v3";
    assert_eq!(listed(&page, "parked"), [stops]);
    let text = "turnback: 1\nname: A rollback that stops half-way\ntables: {t: {columns: {id: not_null}}}\nservices:\n  \
                s: {versions: {v1: {reads: {t: [id]}, writes: {t: [id]}}, v2: {extends: v1}, v3: {extends: v1}}}\n\
                plan: [{deploy: s v2}, {deploy: s v3}]\nrollback: [{deploy: s v2}]\n";
    let ended = run_with_input(&["check", "-"], text.as_bytes());
    let both = ["the plan, stopped after deploy s v2", "the rollback, begun at start, deploy s v2, deploy s v3"];
    assert_eq!(listed(&ended.out, "parked"), both, "{ended:?}");
    let cut = run(["check", "--max-states", "20", &example("e-fixed")]).out;
    assert_eq!(listed(&cut, "parked"), Vec::<String>::new(), "nothing is known for certain");
}
