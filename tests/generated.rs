//! Laws over the generated scenarios, and what is said of them now.

#[path = "laws/saying.rs"]
mod saying;

#[path = "generated/across.rs"]
mod across;
#[path = "generated/changed.rs"]
mod changed;
#[path = "generated/corpus.rs"]
mod corpus;
#[path = "generated/golden.rs"]
mod golden;

use corpus::files;
use saying::{PLAIN, Size, explored_as_by_a_plain_search, hold, same, shortest_stories, stories};

#[test]
fn there_are_sixty_and_half_are_not_safe() {
    corpus::there_are_sixty_and_half_are_not_safe();
}

#[test]
fn every_story_replays_in_its_slice() {
    let told = stories(&files());
    assert!(told >= 40, "half of the scenarios have stories: {told}");
}

#[test]
fn no_shorter_story_exists() {
    let compared = shortest_stories(&files());
    assert!(compared >= 20, "there are stories in forward play: {compared}");
}

#[test]
fn the_explorer_finds_what_a_plain_search_finds() {
    explored_as_by_a_plain_search(&files());
}

#[test]
fn threads_say_what_one_says() {
    hold(&files(), &[Size { threads: 2, ..PLAIN }, Size { threads: 3, sliced: false, ..PLAIN }], same);
}

#[test]
fn four_replicas_say_what_three_say() {
    hold(&files(), &[Size { replicas: Some(3), ..PLAIN }, Size { replicas: Some(4), ..PLAIN }], same);
}

#[test]
fn two_keys_say_what_one_says() {
    hold(&files(), &[Size { keys: 2, ..PLAIN }], same);
}

#[test]
fn slices_say_what_the_whole_says() {
    hold(&files(), &[Size { sliced: false, ..PLAIN }], same);
}

#[test]
fn names_do_not_matter() {
    changed::names_do_not_matter();
}

#[test]
fn the_order_of_the_blocks_does_not_matter() {
    changed::the_order_of_the_blocks_does_not_matter();
}

#[test]
fn a_service_apart_does_not_matter() {
    changed::a_service_apart_does_not_matter();
}

#[test]
fn what_is_safe_no_run_breaks() {
    across::what_is_safe_no_run_breaks();
}

#[test]
fn what_is_said_is_what_was_said() {
    golden::what_is_said_is_what_was_said();
}
