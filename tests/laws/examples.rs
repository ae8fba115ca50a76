//! Laws over the examples: what must not depend on how much is explored, and what a plain search finds too.

use std::path::{Path, PathBuf};

#[path = "saying.rs"]
mod saying;

use saying::{PLAIN, Size, all_said, explored_as_by_a_plain_search, hold, same, shortest_stories, stories};

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/library/start");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert_eq!(files.len(), 6);
    files
}

pub fn two_and_three_keys_say_what_one_says() {
    hold(&examples(), &[Size { keys: 2, ..PLAIN }, Size { keys: 3, ..PLAIN }], same);
}

pub fn four_replicas_say_what_three_say() {
    hold(&examples(), &[Size { replicas: Some(3), ..PLAIN }, Size { replicas: Some(4), ..PLAIN }], same);
}

pub fn ten_thousand_replicas_are_explored_as_three() {
    let many = |text: &str| text.replace("replicas: 6", "replicas: 10000").replace("replicas: 8", "replicas: 10000");
    hold(&examples(), &[PLAIN], many);
}

pub fn slices_say_what_the_whole_says() {
    hold(&examples(), &[Size { sliced: false, ..PLAIN }], same);
}

pub fn threads_say_what_one_says() {
    hold(&examples(), &[Size { threads: 2, ..PLAIN }, Size { threads: 3, sliced: false, ..PLAIN }], same);
}

/// Two replicas cannot show three versions at once, so positions between the first and the last are missing; what is
/// said of the plan as a whole stays.
pub fn two_replicas_give_the_same_verdict_where_three_versions_never_meet() {
    for file in examples() {
        let text = std::fs::read_to_string(&file).unwrap();
        for (two, three) in all_said(&text, Size { replicas: Some(2), ..PLAIN }).iter().zip(all_said(&text, PLAIN)) {
            assert_eq!((two.verdict, two.last_safe_step), (three.verdict, three.last_safe_step), "{}", file.display());
        }
    }
}

pub fn every_story_replays_and_ends_in_harm() {
    let told = stories(&examples());
    assert!(told >= 7, "the unsafe examples have stories: {told}");
}

pub fn the_explorer_finds_what_a_plain_search_finds() {
    explored_as_by_a_plain_search(&examples());
}

pub fn no_shorter_story_exists() {
    let compared = shortest_stories(&examples());
    assert!(compared >= 2, "the unsafe examples have stories in forward play: {compared}");
}
