//! Laws over the examples: what must not depend on how much is explored, and what a plain search finds too.

#[path = "laws/examples.rs"]
mod laws;

#[test]
fn two_and_three_keys_say_what_one_says() {
    laws::two_and_three_keys_say_what_one_says();
}

#[test]
fn four_replicas_say_what_three_say() {
    laws::four_replicas_say_what_three_say();
}

#[test]
fn ten_thousand_replicas_are_explored_as_three() {
    laws::ten_thousand_replicas_are_explored_as_three();
}

#[test]
fn slices_say_what_the_whole_says() {
    laws::slices_say_what_the_whole_says();
}

#[test]
fn threads_say_what_one_says() {
    laws::threads_say_what_one_says();
}

#[test]
fn two_replicas_give_the_same_verdict_where_three_versions_never_meet() {
    laws::two_replicas_give_the_same_verdict_where_three_versions_never_meet();
}

#[test]
fn every_story_replays_and_ends_in_harm() {
    laws::every_story_replays_and_ends_in_harm();
}

#[test]
fn the_explorer_finds_what_a_plain_search_finds() {
    laws::the_explorer_finds_what_a_plain_search_finds();
}

#[test]
fn no_shorter_story_exists() {
    laws::no_shorter_story_exists();
}
