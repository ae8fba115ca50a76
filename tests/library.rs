//! The library: every scenario says what it is about, is what it expects to be, and its parts matter.

#[path = "library/deletions.rs"]
mod deletions;
#[path = "library/story.rs"]
mod story;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use story::{Story, stories};

/// The class of the corpus in words of `expect: {recovery: …}`, and whether something is discarded.
fn class_in_expectations(class: &str) -> (&str, bool) {
    match class {
        "repair with loss" => ("repair", true),
        class => (class, false),
    }
}

/// The corpus: by id, the name and the class that were transcribed before any run.
fn corpus() -> BTreeMap<String, (String, String)> {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus.csv")).unwrap();
    let rows = text.lines().skip(1).map(|line| line.splitn(4, ',').map(str::to_owned).collect::<Vec<_>>());
    rows.map(|row| (row[0].clone(), (row[1].clone(), row[2].clone()))).collect()
}

fn check(file: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_turnback")).arg("check").arg(file).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_scenario_is_what_it_expects_to_be() {
    let mut wrong = Vec::new();
    for story in stories() {
        let page = check(&story.path);
        let otherwise = page.lines().skip_while(|line| !line.contains("expected otherwise")).nth(1);
        if page.is_empty() || otherwise.is_some() {
            wrong.push(format!("{}: {}", story.name, otherwise.unwrap_or("no scenario").trim()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_scenario_has_a_story_a_lesson_and_a_source() {
    let corpus = corpus();
    for Story { name, text, header, lesson, id, .. } in stories() {
        assert!(text.lines().count() <= 30, "{name} has more than 30 lines");
        let words: usize = header.iter().map(|line| line.split_whitespace().count()).sum();
        assert!(words <= 150, "{name}: its header has {words} words");
        assert!(header[0].starts_with("# Story: ") && !lesson.is_empty(), "{name} tells no story, or has no lesson");
        if let Some(id) = id {
            assert!(corpus.contains_key(&id), "{name} names {id}, which the corpus has not");
        }
        let promises = ["expect:", "plans:"];
        assert!(text.lines().any(|line| promises.iter().any(|key| line.starts_with(key))), "{name} expects nothing");
    }
}

/// The verdicts of the corpus, except where the scenario argues that they are wrong.
#[test]
fn the_classes_of_the_corpus() {
    let corpus = corpus();
    for story in stories().into_iter().filter(|story| !story.name.ends_with("-fixed")) {
        let Some((_, class)) = story.id.as_ref().and_then(|id| corpus.get(id)) else { continue };
        let (recovery, discards) = class_in_expectations(class);
        let expected =
            story.expected("recovery").as_deref() == Some(recovery) && story.expected("loss").is_some() == discards;
        let argued = story.header.iter().any(|line| line.starts_with("# Differs: "));
        assert!(expected || argued, "{}: the corpus says {class}, and nothing is said against it", story.name);
    }
}

/// `negative/` holds what must be found irrecoverable, and what was done about it.
#[test]
fn the_negative_ones_are_irrecoverable_and_nothing_else_is() {
    let mut found = 0;
    for story in stories() {
        let irrecoverable = story.expected("recovery").as_deref() == Some("irrecoverable");
        let negative = story.path.parent().unwrap().ends_with("negative");
        let mended = story.expected("recovery").as_deref() == Some("safe");
        assert!(!irrecoverable || negative, "{} belongs into negative/", story.name);
        assert!(irrecoverable || mended || !negative, "{} is in negative/ and is not irrecoverable", story.name);
        found += usize::from(irrecoverable);
    }
    assert!(found >= 10, "only {found} are irrecoverable");
}

#[test]
fn what_can_go_from_the_safe_plans() {
    deletions::what_can_go();
}
