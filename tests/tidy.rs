//! The rules of the house.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Lines of a source file at most.
const LINES_MAX: usize = 600;

/// Every file below `folder`, by its path from the root, in order.
fn files(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    walk(&Path::new(ROOT).join(folder), &mut found);
    let root = PathBuf::from(ROOT);
    let mut names: Vec<String> =
        found.iter().map(|path| path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/")).collect();
    names.sort();
    names
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != ".git" {
                walk(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(file)).unwrap()
}

/// The Rust files below `folders`.
fn sources(folders: &[&str]) -> Vec<String> {
    let all = folders.iter().flat_map(|folder| files(folder));
    all.filter(|file| file.ends_with(".rs")).collect()
}

/// Where one of `words` stands in the files below `folders`: `file:line`.
fn places_of(words: &[&str], folders: &[&str]) -> Vec<String> {
    let mut places = Vec::new();
    for file in sources(folders) {
        for (number, line) in read(&file).lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                places.push(format!("{file}:{}: {line}", number + 1));
            }
        }
    }
    places
}

fn nowhere(words: &[&str], folders: &[&str]) {
    assert!(!sources(folders).is_empty(), "{folders:?} are empty");
    let places = places_of(words, folders);
    assert!(places.is_empty(), "{words:?} must not stand in\n{}", places.join("\n"));
}

#[test]
fn drivers_and_findings_do_not_know_the_fleet() {
    nowhere(&["fleet", "Fleet"], &["sim/src/drivers", "sim/src/findings"]);
}

#[test]
fn the_fleet_does_not_know_who_drives_it() {
    nowhere(&["drivers::", "findings::"], &["sim/src/fleet"]);
}

#[test]
fn the_engine_is_pure() {
    nowhere(&["std::fs", "std::time", "std::io", "std::env", "println!", "HashMap", "HashSet", "serde"], &["sim/src"]);
}

#[test]
fn scenarios_and_reports_do_not_know_each_other() {
    nowhere(&["turnback_reports"], &["scenarios/src", "scenarios/tests", "sim/src"]);
    nowhere(&["turnback_scenarios", "turnback_sim"], &["reports/src", "reports/tests"]);
    assert!(!read("scenarios/Cargo.toml").contains("turnback-reports"));
    assert!(!read("reports/Cargo.toml").contains("turnback-s"));
    assert!(!read("sim/Cargo.toml").contains("turnback-reports") && !read("sim/Cargo.toml").contains("turnback-sc"));
}

#[test]
fn files_have_one_subject() {
    for file in sources(&["src", "sim", "scenarios", "reports", "tests", "benches"]) {
        let lines = read(&file).lines().count();
        assert!(lines <= LINES_MAX, "{file} has {lines} lines, {LINES_MAX} are enough for one subject");
        let drawer = ["util", "utils", "common", "misc", "helpers"];
        let named = file.split(['/', '.']).any(|part| drawer.contains(&part));
        assert!(!named, "{file} is a drawer");
    }
}

#[test]
fn nothing_is_put_off() {
    // Put together here, or this file would speak of itself.
    let words = ["#[ign", "TO", "FIX", "db"].iter().zip(["ore", "DO", "ME", "g!("]);
    let words: Vec<String> = words.map(|(one, other)| format!("{one}{other}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    nowhere(&words, &["src", "sim", "scenarios", "reports", "tests", "benches"]);
}

#[test]
fn every_crate_takes_the_lints() {
    let lints = "[lints]\nworkspace = true";
    for manifest in ["Cargo.toml", "sim/Cargo.toml", "scenarios/Cargo.toml", "reports/Cargo.toml"] {
        assert!(read(manifest).contains(lints), "{manifest}");
    }
    assert!(read("Cargo.toml").contains("unsafe_code = \"forbid\""));
}

#[test]
fn architecture_lists_the_folders_that_are_there() {
    let text = read("ARCHITECTURE.md");
    assert!(text.lines().count() <= 150, "ARCHITECTURE.md has more than 150 lines");
    let block = text.split("```").nth(1).expect("a block that lists the folders");
    let listed: BTreeSet<&str> = block.lines().filter_map(|line| line.split_once("/ ")).map(|(name, _)| name).collect();
    for folder in &listed {
        assert!(Path::new(ROOT).join(folder).is_dir(), "ARCHITECTURE.md lists {folder}, which is not there");
    }
    let with_sources = sources(&["src", "sim", "scenarios", "reports", "tests", "benches"]);
    for file in with_sources {
        let folder = file.rsplit_once('/').unwrap().0;
        assert!(listed.contains(folder), "ARCHITECTURE.md does not list {folder}");
    }
}

#[test]
fn architecture_names_tests_that_exist() {
    for line in read("ARCHITECTURE.md").lines().filter(|line| line.starts_with("| ")) {
        let words: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        for pair in words.windows(2).filter(|pair| pair[0].ends_with(".rs") && !pair[1].contains(['/', '.', '='])) {
            assert!(read(pair[0]).contains(&format!("fn {}(", pair[1])), "{} has no test {}", pair[0], pair[1]);
        }
        for file in words.iter().filter(|word| word.ends_with(".rs") || word.ends_with(".toml")) {
            assert!(Path::new(ROOT).join(file).exists(), "{file} is not there");
        }
    }
}
