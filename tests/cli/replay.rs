//! `turnback replay`

use std::fs;

use crate::process::{example, run};

fn trace(folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("story.trace").display().to_string();
    let ended = run(["replay", &example("e-rename-too-fast"), "--story", "2", "--output", &path]);
    assert_eq!(ended.code, 0, "{ended:?}");
    path
}

#[test]
fn a_story_is_told() {
    let ended = run(["replay", &example("e-rename-too-fast"), "--story", "2"]);
    assert_eq!(ended.code, 0);
    insta::assert_snapshot!("story", ended.out);
}

#[test]
fn a_story_is_told_step_by_step() {
    let ended = run(["replay", &example("b-b-kills-a"), "--plan", "as-pushed", "--step"]);
    assert_eq!(ended.code, 0);
    insta::assert_snapshot!("step", ended.out);
}

#[test]
fn every_story_of_every_example_replays() {
    for (file, plan, stories) in [("e-rename-too-fast", None, 6), ("b-b-kills-a", Some("as-pushed"), 1)] {
        for story in 1..=stories {
            let mut arguments = vec!["replay".to_owned(), example(file), "--story".to_owned(), story.to_string()];
            arguments.extend(plan.iter().flat_map(|plan| ["--plan".to_owned(), (*plan).to_owned()]));
            assert_eq!(run(&arguments).code, 0, "{arguments:?}");
        }
    }
}

#[test]
fn stories_that_are_not_there() {
    let beyond = run(["replay", &example("e-rename-too-fast"), "--story", "99"]);
    assert_eq!(beyond.code, 2);
    assert!(beyond.err.contains("there is no story 99"), "{}", beyond.err);
    let safe = run(["replay", &example("e-fixed")]);
    assert_eq!(safe.code, 2);
    assert!(safe.err.contains("there is no story"), "{}", safe.err);
    let several = run(["replay", &example("b-b-kills-a")]);
    assert_eq!(several.code, 2);
    assert!(several.err.contains("name one with `--plan`: as-pushed"), "{}", several.err);
}

#[test]
fn a_stored_story_replays() {
    let folder = tempfile::tempdir().unwrap();
    let path = trace(&folder);
    let ended = run(["replay", &example("e-rename-too-fast"), "--trace", &path]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let found = run(["replay", &example("e-rename-too-fast"), "--story", "2"]).out;
    let unmarked = found.replace(" [no return from here]", "").replace(" [first symptom]", "");
    assert_eq!(ended.out, unmarked);
}

#[test]
fn a_foreign_story_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = trace(&folder);
    let ended = run(["replay", &example("e-fixed"), "--trace", &path]);
    assert_eq!((ended.code, ended.out.as_str()), (2, ""));
    assert!(ended.err.contains("made from another scenario"), "{}", ended.err);
}

#[test]
fn a_story_that_was_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = trace(&folder);
    let text = fs::read_to_string(&path).unwrap();
    let changed = [
        (text.replacen("\"moves\":[", "\"moves\":[0,", 1), "move"),
        (text.replacen("\"moves\":[", "\"moves\":[99,", 1), "only"),
        (text.replacen("\"begins\":0", "\"begins\":7", 1), "start state 7"),
        (text.replacen("\"keys\":1", "\"keys\":2", 1), "move"),
        (text.replacen("\"turnback_trace\":1", "\"turnback_trace\":2", 1), "format 2"),
        (text.replacen("\"ends\":\"", "\"ends\":\"0", 1), "do not end"),
        (text[..text.len() / 2].to_owned(), "no trace"),
        (String::new(), "no trace"),
        (text.replacen('{', "{\"more\":1,", 1), "no trace"),
    ];
    for (text, said) in changed {
        fs::write(&path, &text).unwrap();
        let ended = run(["replay", &example("e-rename-too-fast"), "--trace", &path]);
        assert_eq!((ended.code, ended.out.as_str()), (2, ""), "{text}");
        assert!(ended.err.contains(said), "{said}: {}", ended.err);
    }
}
