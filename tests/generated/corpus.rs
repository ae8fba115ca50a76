//! The files.

use std::path::{Path, PathBuf};

use turnback_sim::findings::judge::Verdict;

use crate::saying::{PLAIN, all_said};

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generated")
}

/// The scenarios, in the order of their names.
pub fn files() -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = all.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    files
}

pub fn name(file: &Path) -> String {
    file.file_stem().unwrap().to_string_lossy().into_owned()
}

pub fn there_are_sixty_and_half_are_not_safe() {
    let texts: Vec<String> = files().iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    assert_eq!(texts.len(), 60);
    let verdicts = texts.iter().map(|text| all_said(text, PLAIN)[0].verdict);
    assert_eq!(verdicts.filter(|verdict| *verdict == Verdict::Unsafe).count(), 30);
}
