//! Asks the specifications, one after the other, until one disagrees with a mutant: `notice MUTANT SPECIFICATION...`.
//! Prints who noticed and exits with 1; with 0 if nobody did. Without arguments: names every specification. A case is
//! asked for its header alone, and `all of` it for other sizes too.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

#[path = "../tests/laws/examples.rs"]
mod laws;
mod meetings;
#[path = "../tests/rules/runner.rs"]
mod runner;

const LAWS: [(&str, fn()); 11] = [
    ("law every_story_replays_and_ends_in_harm", laws::every_story_replays_and_ends_in_harm),
    ("law no_shorter_story_exists", laws::no_shorter_story_exists),
    ("law the_explorer_finds_what_a_plain_search_finds", laws::the_explorer_finds_what_a_plain_search_finds),
    ("law threads_say_what_one_says", laws::threads_say_what_one_says),
    ("law slices_say_what_the_whole_says", laws::slices_say_what_the_whole_says),
    ("law four_replicas_say_what_three_say", laws::four_replicas_say_what_three_say),
    ("law ten_thousand_replicas_are_explored_as_three", laws::ten_thousand_replicas_are_explored_as_three),
    ("law a_truncated_search_is_never_safe", || assert!(runner::cut_short(&runner::cases()) > 0)),
    (
        "law the_table_is_what_a_walk_that_remembers_every_writer_sees",
        meetings::the_table_is_what_a_walk_that_remembers_every_writer_sees,
    ),
    ("law many_writers_are_told_apart", meetings::many_writers_are_told_apart),
    ("law two_and_three_keys_say_what_one_says", laws::two_and_three_keys_say_what_one_says),
];

/// Whether a case looks at other sizes too.
static EVERY_SIZE: AtomicBool = AtomicBool::new(false);

fn every_size() -> bool {
    EVERY_SIZE.load(Ordering::Relaxed)
}

fn main() {
    let cases: Vec<(String, PathBuf)> = runner::cases().into_iter().map(|case| (runner::name(&case), case)).collect();
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let Some((mutant, specifications)) = asked.split_first() else {
        cases.iter().for_each(|(name, _)| println!("{name}"));
        LAWS.iter().for_each(|(name, _)| println!("{name}"));
        cases.iter().for_each(|(name, _)| println!("all of {name}"));
        return;
    };
    std::panic::set_hook(Box::new(|_| {}));
    turnback_sim::mutant::choose(mutant.parse().expect("a number"));
    for name in specifications {
        EVERY_SIZE.store(name.starts_with("all of "), Ordering::Relaxed);
        let of = name.trim_start_matches("all of ");
        let case = cases.iter().find(|(known, _)| known == of).map(|(_, case)| case);
        let disagrees = match (case, LAWS.iter().find(|(known, _)| known == name)) {
            (Some(case), _) => runner::compare(case).is_err(),
            (None, Some((_, law))) => std::panic::catch_unwind(law).is_err(),
            (None, None) => panic!("no specification {name}"),
        };
        if disagrees {
            println!("{name}");
            std::process::exit(1);
        }
    }
}
