//! Malformed files and what is said of each. `UPDATE=1` writes the golden files.

use std::path::{Path, PathBuf};

use turnback_scenarios::diagnostics::{Look, render};
use turnback_scenarios::{Unreadable, pages, read, unreadable};

fn inputs() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad");
    let entries = std::fs::read_dir(folder).expect("the folder");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

fn failed(file: &Path) -> Box<Unreadable> {
    let name = file.file_name().and_then(|name| name.to_str()).expect("a name");
    let bytes = std::fs::read(file).expect("bytes");
    match read(name, &bytes) {
        Err(failed) => failed,
        Ok(_) => panic!("{name} was read"),
    }
}

#[test]
fn every_malformed_file_is_answered_as_committed() {
    let files = inputs();
    assert!(files.len() >= 60);
    for file in files {
        let failed = failed(&file);
        let text = render(&failed.source, &failed.diagnostics, Look::default());
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let text = format!("{}\n", lines.join("\n").trim_end());
        let golden = file.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&golden, &text).expect("written");
        }
        let committed = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(committed, text, "run with UPDATE=1 and look at the difference of {}", golden.display());
    }
}

#[test]
fn every_answer_has_a_known_code_a_place_and_advice() {
    for file in inputs() {
        let failed = failed(&file);
        assert!(!failed.diagnostics.is_empty());
        for diagnostic in &failed.diagnostics {
            let code = diagnostic.code.as_str();
            assert!(pages().iter().any(|page| page.0 == code), "{code}");
            assert!(!diagnostic.help.is_empty(), "{}", diagnostic.message);
            let start = diagnostic.start(&failed.source);
            assert!(start.line >= 1 && start.column >= 1 && start <= diagnostic.end(&failed.source));
        }
    }
}

#[test]
fn a_directory_is_answered_too() {
    let error = std::fs::read(env!("CARGO_MANIFEST_DIR")).expect_err("a directory");
    let failed = unreadable("scenarios", &error);
    assert_eq!(failed.diagnostics[0].code.as_str(), "TB001");
    assert!(!render(&failed.source, &failed.diagnostics, Look::default()).is_empty());
}
