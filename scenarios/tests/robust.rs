//! Whatever the bytes are, the reader answers, and soon.

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use turnback_scenarios::diagnostics::{Look, render};
use turnback_scenarios::{explain, read};

fn examples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("library/start");
    let entries = std::fs::read_dir(folder).expect("the folder");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).expect("text")).collect()
}

/// Reads and shows everything there is to show.
fn answer(bytes: &[u8]) -> bool {
    match read("s.yaml", bytes) {
        Ok(read) => {
            assert!(!explain(&read.scenario).is_empty());
            true
        }
        Err(failed) => {
            assert!(!failed.diagnostics.is_empty());
            assert!(!render(&failed.source, &failed.diagnostics, Look::default()).is_empty());
            for diagnostic in &failed.diagnostics {
                diagnostic.to_json(&failed.source);
            }
            false
        }
    }
}

/// The byte ranges of words, numbers and single signs.
fn tokens(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut tokens = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices() {
        let in_word = c.is_alphanumeric() || c == '_';
        if !in_word && let Some(from) = start.take() {
            tokens.push(from..at);
        }
        match (in_word, start) {
            (true, None) => start = Some(at),
            (false, _) if !c.is_whitespace() => tokens.push(at..at + c.len_utf8()),
            _ => {}
        }
    }
    tokens
}

#[test]
fn every_single_token_deletion_is_answered() {
    let mut deletions = 0;
    for example in examples() {
        for token in tokens(&example) {
            let mut text = example.clone();
            text.replace_range(token, "");
            answer(text.as_bytes());
            deletions += 1;
        }
    }
    assert!(deletions > 1_900, "{deletions}");
}

#[test]
fn every_cut_is_answered() {
    for example in examples() {
        for at in 0..example.len() {
            answer(&example.as_bytes()[..at]);
        }
    }
}

/// A bound that a busy machine keeps too; the bar for a quiet one is measured in `benches/`.
fn limit(millis: u64) -> Duration {
    Duration::from_millis(if cfg!(debug_assertions) { millis * 20 } else { millis })
}

fn large() -> String {
    let mut text = String::from("turnback: 1\nname: Large\ntables:\n");
    for at in 0..6_000 {
        text.push_str(&format!("  table-{at}: {{columns: {{id: not_null, status: A|B|C, note: nullable}}}}\n"));
    }
    text.push_str("services:\n");
    for at in 0..6_000 {
        text.push_str(&format!(
            "  service-{at}: {{versions: {{v1: {{reads: {{table-{at}: [status: A|B]}}, writes: {{table-{at}: [status: A]}}}}, v2: {{extends: v1}}}}}}\n"
        ));
    }
    text.push_str("plan:\n");
    for at in 0..2_000 {
        text.push_str(&format!("  - deploy: service-{at} v2\n"));
    }
    text
}

#[test]
fn a_large_scenario_is_read_soon() {
    let text = large();
    assert!(text.len() > 1024 * 1024);
    let begun = Instant::now();
    assert!(read("s.yaml", text.as_bytes()).is_ok());
    assert!(begun.elapsed() < limit(3_000), "{:?}", begun.elapsed());
}

#[test]
fn a_large_scenario_full_of_mistakes_is_answered_soon() {
    let text = large().replace("table-", "t-ble-").replace("  t-ble-", "  table-").replace("deploy:", "deplyo:");
    let begun = Instant::now();
    assert!(!answer(text.as_bytes()));
    assert!(begun.elapsed() < limit(6_000), "{:?}", begun.elapsed());
}

#[test]
fn hostile_nesting_and_repetition_are_answered_soon() {
    let begun = Instant::now();
    for hostile in [
        "[".repeat(200_000),
        "{a: ".repeat(20_000),
        "- ".repeat(20_000),
        "? ".repeat(20_000),
        "a: ".repeat(20_000),
        "&a ".repeat(60_000),
        "\"".repeat(200_001),
        "a: |\n".repeat(20_000),
        "# remark\n".repeat(60_000),
        "\t".repeat(200_000),
        "- x\n".repeat(200_000),
        "- \n".repeat(200_000),
        (0..40_000).map(|at| format!("k{at}: 1\n")).collect(),
    ] {
        let start = Instant::now();
        assert!(!answer(hostile.as_bytes()));
        eprintln!("{:?} {:?}", &hostile[..8.min(hostile.len())], start.elapsed());
    }
    assert!(begun.elapsed() < limit(10_000), "{:?}", begun.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        answer(&bytes);
    }

    #[test]
    fn any_text_is_answered(text in "(turnback: 1\n)?[a-z:{}\\[\\], \n\"'|>&*!?#%@`~0-9é-]{0,300}") {
        answer(text.as_bytes());
    }

    #[test]
    fn mutated_examples_are_answered(
        which in 0_usize..6,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_u8..4), 1..6),
    ) {
        let mut text = examples()[which].clone();
        for (from, to, kind) in edits {
            let tokens = tokens(&text);
            let (from, to) = (from.get(&tokens).clone(), to.get(&tokens).clone());
            let word = text[to.clone()].to_owned();
            match kind {
                0 => text.replace_range(from, ""),
                1 => text.replace_range(from, &word),
                2 => text.insert_str(from.start, &format!("{word} ")),
                _ => text.insert(from.start, '\n'),
            }
        }
        answer(text.as_bytes());
    }
}
