//! The documents are run: every command shown is given, and every output shown is what comes of it.
//!
//! In a document, a block marked `yaml FILE` is written to FILE, `yaml FILE plan` replaces what stands there from the
//! plan on. In a `console` block a line `…` stands for any lines.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const ELLIPSIS: &str = "…";

/// A fenced block: what it is marked with, and its lines.
fn blocks(text: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(mark) = line.strip_prefix("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((mark.to_owned(), body.join("\n") + "\n"));
        }
    }
    blocks
}

/// Runs the commands of a document in `folder`; returns how many.
fn run_document(text: &str, folder: &Path) -> usize {
    let mut commands = 0;
    for (mark, body) in blocks(text) {
        match mark.split(' ').collect::<Vec<_>>().as_slice() {
            ["yaml", file] => fs::write(folder.join(file), body).unwrap(),
            ["yaml", file, "plan"] => {
                let whole = fs::read_to_string(folder.join(file)).unwrap();
                let kept = whole.find("\nplan:").map_or(whole.as_str(), |at| &whole[..=at]);
                fs::write(folder.join(file), kept.to_owned() + &body).unwrap();
            }
            ["console"] => commands += console(&body, folder),
            _ => {}
        }
    }
    commands
}

fn console(body: &str, folder: &Path) -> usize {
    let mut commands = 0;
    for shown in format!("\n{body}").split("\n$ ").skip(1) {
        let (command, output) = shown.split_once('\n').unwrap_or((shown, ""));
        let Some(arguments) = command.strip_prefix("turnback ").or(command.strip_prefix("cargo run --release -- "))
        else {
            assert_eq!(command, "cargo test --workspace", "a command that this test does not know");
            continue;
        };
        let ended = Command::new(env!("CARGO_BIN_EXE_turnback"))
            .args(arguments.split(' '))
            .current_dir(folder)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let real = String::from_utf8(ended.stdout).unwrap();
        assert!(fits(output, &real), "{command} prints\n{real}\nand not\n{output}");
        commands += 1;
    }
    commands
}

/// Whether the parts between the ellipses stand in `real`, whole lines, in order, the first and the last at the ends.
fn fits(shown: &str, real: &str) -> bool {
    let mut parts: Vec<Vec<&str>> = vec![vec![]];
    for line in shown.trim_end().lines() {
        if line == ELLIPSIS { parts.push(vec![]) } else { parts.last_mut().unwrap().push(line.trim_end()) }
    }
    let real: Vec<&str> = real.trim_end().lines().map(str::trim_end).collect();
    let mut at = 0;
    for (number, part) in parts.iter().enumerate() {
        let found = (at..=real.len()).find(|from| real[*from..].starts_with(part));
        let Some(from) = found.filter(|from| number > 0 || *from == 0) else {
            return false;
        };
        at = from + part.len();
    }
    parts.last().is_some_and(Vec::is_empty) || at == real.len()
}

#[cfg(unix)]
fn folder_with_scenarios() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(Path::new(ROOT).join("scenarios"), folder.path().join("scenarios")).unwrap();
    folder
}

#[cfg(unix)]
#[test]
fn the_readme_tells_the_truth() {
    let text = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let commands = run_document(&text, folder_with_scenarios().path());
    assert!(commands >= 6, "only {commands} commands were run");
}

#[test]
fn the_test_that_is_shown_is_one_of_ours() {
    let shown = fs::read_to_string(Path::new(ROOT).join("docs/property-tests.md")).unwrap();
    let (_, ours) = include_str!("own_tests.rs").split_once("\n\n").unwrap();
    let code: Vec<String> =
        blocks(&shown).into_iter().filter(|(mark, _)| mark == "rust").map(|(_, code)| code).collect();
    assert_eq!(code, [ours]);
}

#[test]
fn links_lead_somewhere() {
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/catalogue.md", "docs/property-tests.md"] {
        let text = fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let file = Path::new(ROOT).join(name).with_file_name(link.split('#').next().unwrap());
            assert!(link.starts_with("http") || file.exists(), "{name}: {link}");
        }
    }
}

#[test]
fn a_false_output_is_noticed() {
    assert!(fits("a\n…\nc\n", "a\nb\nc\n") && fits("a\nb\n", "a\nb\n") && fits("…\nb\n…\n", "a\nb\nc\n"));
    assert!(!fits("a\n", "a\nb\n") && !fits("b\n…\n", "a\nb\n") && !fits("a\n…\nd\n", "a\nb\nc\n"));
}
