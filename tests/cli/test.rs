//! `turnback test`

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::process::{Ended, example, run};

/// A plan whose consumer comes first, and its rollback, without the line that waits for the queue.
const FORGETFUL: &str = "turnback: 1
name: The queue is forgotten
queues:
  jobs: {attempts: 2}
services:
  producer:
    versions:
      v1: {sends: {jobs: [id, {kind: old}]}}
      v2: {sends: {jobs: [id, {kind: new}]}}
  worker:
    versions:
      v1: {receives: {jobs: [id, {kind: old}]}}
      v2: {receives: {jobs: [id, {kind: old|new}]}}
plan:
  - deploy: worker v2
  - deploy: producer v2
rollback:
  - deploy: producer v1
  - deploy: worker v1
";

fn mended() -> String {
    FORGETFUL.replace("  - deploy: worker v1\n", "  - drain: jobs\n  - deploy: worker v1\n")
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}

fn test(arguments: &[&str]) -> Ended {
    run([&["test"], arguments].concat())
}

fn json(arguments: &[&str]) -> Vec<Value> {
    let ended = test(&[&["--format", "json"], arguments].concat());
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_plan_is_what_it_expects_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let safe = write(folder.path(), "safe.yaml", &mended());
    let known = write(folder.path(), "known.yaml", &format!("{FORGETFUL}expect: {{verdict: unsafe}}\n"));
    let wrong = write(folder.path(), "wrong.yaml", &format!("{}expect: {{verdict: unsafe}}\n", mended()));
    let silent = write(folder.path(), "silent.yaml", FORGETFUL);
    for (file, code, first) in
        [(&safe, 0, "ok (safe)"), (&known, 0, "ok (unsafe)"), (&wrong, 1, "FAILED"), (&silent, 1, "FAILED")]
    {
        let ended = test(&[file, "--no-keep"]);
        assert_eq!(ended.code, code, "{ended:?}");
        assert!(ended.out.starts_with(&format!("test {file} ... {first}\n")), "{ended:?}");
    }
    let ended = test(&[&wrong]);
    assert!(ended.out.contains("  verdict: expected unsafe, found safe\n"), "{ended:?}");
}

#[test]
fn a_failing_run_is_shrunk_kept_replayed_and_run_first() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "shop.yaml", FORGETFUL);
    let kept = folder.path().join("shop.yaml.regressions");
    let first = test(&[&file, "--runs", "64"]);
    assert_eq!(first.code, 1, "{first:?}");
    let line: Value = serde_json::from_str(fs::read_to_string(&kept).unwrap().trim()).unwrap();
    assert!(line["choices"].as_array().unwrap().len() < 24, "it is shrunk: {line}");

    let again = json(&[&file, "--runs", "0"]);
    assert_eq!((&again[0]["kept"], &again[0]["runs"]), (&1.into(), &0.into()));
    let texts: Vec<&str> =
        again[0]["problems"].as_array().unwrap().iter().map(|problem| problem["text"].as_str().unwrap()).collect();
    assert!(texts.iter().any(|text| text.starts_with("a run does not end well: ")), "{texts:?}");

    let replayed = run(["replay", &file, "--case", "1"]);
    assert_eq!(replayed.code, 0, "{replayed:?}");
    assert!(replayed.out.contains("  1. "), "{replayed:?}");
    assert!(replayed.out.trim_end().ends_with("is set aside as a dead letter") || !replayed.out.contains("ends well"));
    assert_eq!(run(["replay", &file, "--case", "2"]).code, 2);

    fs::write(&file, mended()).unwrap();
    let healed = json(&[&file]);
    assert_eq!((&healed[0]["ok"], &healed[0]["kept"]), (&true.into(), &1.into()), "{healed:?}");
    assert!(run(["replay", &file, "--case", "1"]).out.contains("this case does not fail any more"));
}

#[test]
fn what_carries_the_plan_is_said_and_can_be_demanded() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "safe.yaml", &mended());
    let told = test(&[&file, "--no-keep"]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.out.contains("  not harmless: skip deploy worker v2: "), "{told:?}");
    assert!(told.out.contains("  harmless: skip deploy producer v2"), "{told:?}");
    let demanded = test(&[&file, "--no-keep", "--slips", "1"]);
    assert_eq!(demanded.code, 1, "{demanded:?}");
    assert!(demanded.out.contains("--slip 'skip deploy worker v2'"), "{demanded:?}");
}

/// A run with a repeated step has one step more than the plan.
#[test]
fn steps_are_called_as_they_are_written_whatever_the_slips() {
    let folder = tempfile::tempdir().unwrap();
    let drained = "turnback: 1
name: Drained
queues: {q: {}}
services:
  web: {sends: {q: [a]}}
  worker: {receives: {q: [a]}}
plan:
  - drain: q
";
    let plans = json(&[&write(folder.path(), "drained.yaml", drained), "--slips", "2", "--runs", "64"]);
    assert_eq!(plans[0]["entered"], serde_json::json!(["start", "drain q"]));
}

#[test]
fn a_kept_case_counts_only_where_new_ones_would() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "shop.yaml", FORGETFUL);
    assert_eq!(test(&[&file]).code, 1);
    fs::write(&file, format!("{FORGETFUL}expect: {{verdict: unsafe}}\n")).unwrap();
    assert_eq!(test(&[&file]).code, 0);
    fs::write(&file, format!("{FORGETFUL}expect: {{recovery: forward}}\n")).unwrap();
    assert_eq!(json(&[&file])[0]["expected"], Value::Null);
    // One with a slip counts where slips have to be survived, as long as the plan has such a slip.
    fs::remove_file(folder.path().join("shop.yaml.regressions")).unwrap();
    fs::write(&file, mended()).unwrap();
    assert_eq!(test(&[&file, "--slips", "1", "--runs", "2000"]).code, 1);
    assert_eq!(test(&[&file]).code, 0);
    let kept = folder.path().join("shop.yaml.regressions");
    let renamed = fs::read_to_string(&kept).unwrap().replace("worker", "waiter");
    fs::write(&kept, renamed).unwrap();
    let ended = test(&[&file, "--slips", "1", "--runs", "0"]);
    assert!(ended.out.contains("kept case 1 does not fit the plan any more"), "{ended:?}");
}

#[test]
fn what_a_kept_case_shows_is_what_replay_shows() {
    let folder = tempfile::tempdir().unwrap();
    let known = format!(
        "{}{}",
        FORGETFUL.replace(
            "services:\n",
            "tables:\n  old: {columns: {id: any, z: any}, starts: {z: stale}}\nservices:\n  job: {reads: {old: [z]}}\n"
        ),
        ""
    );
    let file = write(folder.path(), "shop.yaml", &known);
    test(&[&file]);
    let line: Value =
        serde_json::from_str(fs::read_to_string(folder.path().join("shop.yaml.regressions")).unwrap().trim()).unwrap();
    let replayed = run(["replay", &file, "--case", "1"]);
    assert!(replayed.out.trim_end().ends_with(line["found"].as_str().unwrap()), "{replayed:?} {line}");
}

#[test]
fn a_bound_leaves_slips_open() {
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), "safe.yaml", &mended());
    assert_eq!(test(&[&file, "--no-keep", "--slips", "1", "--runs", "0", "--max-states", "3"]).code, 3);
}

#[test]
fn folders_are_searched_filtered_and_shared_out() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.yaml", "deep/b.yml", "deep/c.yaml"] {
        write(folder.path(), name, &mended());
    }
    write(folder.path(), "values.yaml", "replicas: 3\n");
    write(folder.path(), "marked.YAML", &format!("\u{feff}{}", mended()));
    write(folder.path(), "quoted.yaml", &mended().replace("turnback: 1", "\"turnback\" : 1"));
    let path = folder.path().to_string_lossy().into_owned();
    let names = |arguments: &[&str]| -> String {
        let plans = json(&[&[path.as_str(), "--runs", "1"], arguments].concat());
        let stem = |plan: &Value| Path::new(plan["file"].as_str().unwrap()).file_stem().unwrap().to_owned();
        plans.iter().map(|plan| stem(plan).to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names(&[]), "abcmarkedquoted");
    assert_eq!(names(&["--filter", "deep"]), "bc");
    assert_eq!([names(&["--shard", "1/2"]), names(&["--shard", "2/2"])], ["acquoted", "bmarked"]);
    assert_eq!(test(&[&path, "--filter", "nothing"]).code, 2);
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let files = [example("b-b-kills-a"), write(folder.path(), "safe.yaml", &mended())];
    let arguments = |more: &'static [&str]| {
        let ended = run(["test", &files[0], &files[1], "-v", "--no-keep", "--runs", "32"].iter().chain(more));
        (ended.code, ended.out)
    };
    let one = arguments(&["--threads", "1"]);
    assert_eq!(one, arguments(&["--threads", "2"]));
    assert_ne!(one, arguments(&["--seed", "1"]));
}

/// A change of this hash is a change of what a seed means: say so in the changelog.
#[test]
fn two_hundred_and_fifty_runs_have_one_hash() {
    for threads in ["1", "7"] {
        let plans = json(&["tests/determinism.yaml", "--no-keep", "--runs", "250", "--threads", threads]);
        assert_eq!(
            plans[0]["trace_hash"], "6e0cc84c87b89508ff2498344bbfdee531cb3f096f04e0bf0cbfee922d47f16d",
            "{threads} threads"
        );
    }
}

#[test]
fn every_fault_that_is_ordered_comes_about() {
    let folder = tempfile::tempdir().unwrap();
    let plans = json(&[&write(folder.path(), "safe.yaml", &mended()), "--runs", "400"]);
    let ordered = plans[0]["ordered"].as_array().unwrap();
    let names: Vec<&str> = ordered.iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "given up inside a step",
            "begun again",
            "duplicate",
            "duplicate in the rollback",
            "late delivery",
            "late delivery in the rollback"
        ]
    );
    for one in ordered {
        assert_comes_about(one, 20);
    }
    let steps = plans[0]["steps"].as_array().unwrap();
    let ids: Vec<&str> = steps.iter().map(|step| step["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["start", "deploy worker v2", "deploy producer v2"]);
    for step in steps {
        let count = |key: &str| step[key].as_u64().unwrap();
        let given_up = count("given_up_inside") + count("given_up_after");
        assert!(count("entered") >= given_up && given_up >= 20, "{step}");
        assert_eq!((count("given_up_inside") > 0, count("rolled_back")), (step["id"] != "start", given_up), "{step}");
    }
    assert_eq!(plans[0]["entered"], serde_json::json!(ids));
    assert_eq!(plans[0]["given_up_at"], plans[0]["entered"]);
}

fn assert_comes_about(ordered: &Value, runs_at_least: u64) {
    let (runs, happened) = (ordered["runs"].as_u64().unwrap(), ordered["happened"].as_u64().unwrap());
    assert!(happened * 10 >= runs * 9 && runs >= runs_at_least, "{ordered}");
}

/// `.ci/trust` shows the shares of many more runs.
#[test]
fn every_slip_that_is_ordered_comes_about() {
    let mut slips: Vec<String> = Vec::new();
    for name in ["queues", "flags", "deploys"] {
        let file = format!("{}/tests/fires/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
        let plans = json(&[&file, "--slips", "1", "--runs", "300", "--no-keep"]);
        assert_eq!((&plans[0]["ok"], &plans[0]["runs"]), (&true.into(), &300.into()), "{name}");
        for one in plans[0]["ordered"].as_array().unwrap() {
            assert_comes_about(one, 1);
            slips.extend(one["what"].as_str().unwrap().strip_prefix("slip: ").map(str::to_owned));
        }
    }
    slips.sort_unstable();
    slips.dedup();
    let all = ["replica missed", "step repeated", "step skipped", "steps swapped", "value set too early"];
    assert_eq!(slips, all);
}

#[test]
fn what_is_no_scenario_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let broken = write(folder.path(), "broken.yaml", "turnback: 1\nname: x\nservises: {}\n");
    let ended = test(&[&broken]);
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("broken.yaml:3:1") && ended.out.contains("1 files invalid"), "{ended:?}");
    assert_eq!(test(&[&folder.path().join("nowhere.yaml").to_string_lossy()]).code, 2);
    let empty = tempfile::tempdir().unwrap();
    let ended = test(&[&empty.path().to_string_lossy()]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("there is no scenario in this folder"), "{ended:?}");
    let file = write(folder.path(), "shop.yaml", &mended());
    fs::write(folder.path().join("shop.yaml.regressions"), "not JSON\n").unwrap();
    let ended = test(&[&file]);
    assert_eq!(ended.code, 2);
    assert!(ended.err.contains("shop.yaml.regressions:1: it is no failing case"), "{ended:?}");
    assert_eq!(fs::read_to_string(folder.path().join("shop.yaml.regressions")).unwrap(), "not JSON\n");
    assert_eq!(test(&[&file, "--shard", "3/2"]).code, 2);
}
