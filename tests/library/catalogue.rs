//! `docs/catalogue.md`: the library as a book, written from the headers of its scenarios.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use super::story::{Story, stories};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/catalogue.md");

/// The mechanisms of the language, and the words of a scenario that show each.
const MECHANISMS: [(&str, &[&str]); 12] = [
    ("containers", &["tables:", "documents:", "queues:", "caches:", "disks:", "memory:"]),
    ("actors", &["stragglers:", "clients:", "between:", "trigger: every", "trigger: at", "loaded_from:", "route:"]),
    ("lifecycle", &["starts_if:", "trigger: start", "crash", "roles:", "restart:"]),
    ("write effects on copies", &["same_as:", "backfill:", " from ", "keeps_unknown:", "deletes:"]),
    ("one-way switches", &["irreversible:", "becomes:", "undo: none", "drop_column:", "drop_value:"]),
    ("control channels", &["flags:", "config:", "observed:"]),
    ("delivery", &["attempts:", "ack:", "order: fifo", "requeue:", "retention:", "then:"]),
    ("clock", &["ttl:", "retention:", "lives:", "wait:", "falling to", " since "]),
    ("plan language", &["when:", "floor:", "rollback:", "canary:", "rollforward:", "once:", "verify:", "plans:"]),
    ("ledger", &["effects:", "restore:", "purge:", "disposable:", "loss:"]),
    ("load", &["capacities:", "uses:", "shed:"]),
    ("availability of moves", &["may_not:", "needs:", "waits_at_most:"]),
];

/// Whether a line says a word, and not the end of a longer one.
fn says(line: &str, word: &str) -> bool {
    let begins = |at: usize| !line[..at].ends_with(|before: char| before.is_alphanumeric() || "_-.".contains(before));
    line.match_indices(word).any(|(at, _)| begins(at) || word.starts_with(' '))
}

fn told(story: &Story) -> String {
    let body: Vec<&str> = story.header.iter().map(|line| line.trim_start_matches('#').trim()).collect();
    let parts = body.join(" ");
    let part = |from: &str, to: &str| {
        let rest = parts.split_once(from).map_or("", |(_, rest)| rest);
        rest.split(to).next().unwrap_or(rest).trim().to_owned()
    };
    let (tale, lesson) = (part("Story: ", "Lesson: "), part("Lesson: ", "Source: "));
    let (source, differs) = (part("Source: ", "Differs: "), part("Differs: ", "\n"));
    let name = story.text.lines().find_map(|line| line.strip_prefix("name: ")).unwrap_or(&story.name);
    let folder = story.path.parent().unwrap().file_name().unwrap().to_string_lossy();
    let mut text = format!("### {name}\n\n{tale}\n\n**{lesson}**\n\n");
    let expect: Vec<&str> = story.text.lines().filter_map(|line| line.trim().strip_prefix("expect: ")).collect();
    for expect in expect {
        writeln!(text, "`{}`", expect.trim_matches(['{', '}'])).unwrap();
    }
    if !differs.is_empty() {
        writeln!(text, "\nDiffers from what was written down before the first run: {differs}").unwrap();
    }
    writeln!(text, "\n[{}](../scenarios/library/{folder}/{}.yaml) · {source}\n", story.name, story.name).unwrap();
    text
}

pub fn is_current() {
    let stories = stories();
    let mut page = "# The catalogue\n\nReal failures, and the plans that are safe instead; written from the headers of \
                    `scenarios/library` by `UPDATE=1 cargo test --test library`. `turnback check FILE` tells the stories \
                    of each.\n"
        .to_owned();
    let mut folders: BTreeMap<String, Vec<&Story>> = BTreeMap::new();
    for story in &stories {
        let folder = story.path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        folders.entry(folder).or_default().push(story);
    }
    for (folder, stories) in &folders {
        writeln!(page, "\n## {folder}\n").unwrap();
        stories.iter().for_each(|story| page.push_str(&told(story)));
    }
    page.push_str(
        "\n## Which mechanism of the language is in which scenarios\n\n| mechanism | scenarios |\n| --- | --- |\n",
    );
    for (mechanism, words) in MECHANISMS {
        let shows = |story: &&Story| {
            let body = story.text.lines().filter(|line| !line.starts_with('#'));
            body.into_iter().any(|line| words.iter().any(|word| says(line, word)))
        };
        let names: Vec<&str> = stories.iter().filter(shows).map(|story| story.name.as_str()).collect();
        writeln!(page, "| {mechanism} | {}: {} |", names.len(), names.join(", ")).unwrap();
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(PAGE, &page).unwrap();
    }
    let written = fs::read_to_string(PAGE).unwrap_or_default();
    let other = page.lines().zip(written.lines()).find(|(said, written)| said != written);
    assert!(page == written, "docs/catalogue.md is not what the headers say: {other:?}; renew with UPDATE=1");
}
