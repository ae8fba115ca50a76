//! A scenario of the library and what its header says.

use std::fs;
use std::path::{Path, PathBuf};

pub struct Story {
    pub path: PathBuf,
    /// The file's name without its ending.
    pub name: String,
    pub text: String,
    /// The lines of the comment at the head.
    pub header: Vec<String>,
    pub lesson: String,
    /// The entry of the corpus that it tells.
    pub id: Option<String>,
}

impl Story {
    fn of(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap();
        let header: Vec<String> = text.lines().take_while(|line| line.starts_with('#')).map(str::to_owned).collect();
        let after = |word: &str| header.iter().find_map(|line| line.strip_prefix(word)).unwrap_or("").to_owned();
        let last =
            header.iter().skip_while(|line| !line.starts_with("# Source: ")).cloned().collect::<Vec<_>>().join(" ");
        let id = last
            .split_whitespace()
            .find(|word| word.starts_with('P') && word[1..].starts_with(|c: char| c.is_ascii_digit()));
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        Self { id: id.map(str::to_owned), lesson: after("# Lesson: "), header, text, name, path }
    }

    /// What the scenario expects under `key`.
    pub fn expected(&self, key: &str) -> Option<String> {
        let at = self.text.find(&format!("{key}: "))? + key.len() + 2;
        let value: String = self.text[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
        Some(value)
    }
}

/// Every scenario of the library but the examples of the first day, in order.
pub fn stories() -> Vec<Story> {
    let mut found = Vec::new();
    let library = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/library"));
    let folders = fs::read_dir(library).unwrap().map(|entry| entry.unwrap().path());
    for folder in folders.filter(|folder| folder.is_dir() && !folder.ends_with("start")) {
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        found.extend(files.filter(|file| file.extension().is_some_and(|ending| ending == "yaml")));
    }
    found.sort();
    found.into_iter().map(Story::of).collect()
}
