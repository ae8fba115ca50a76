//! Which scenario files are tested.

use std::path::Path;

use ignore::WalkBuilder;

use crate::store;

/// The files that are named, and the scenarios in the folders that are named, in order, each once; else what cannot be
/// looked at.
pub fn scenarios(paths: &[String]) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    for path in paths {
        if !Path::new(path).is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        for entry in WalkBuilder::new(path).sort_by_file_path(Path::cmp).build() {
            let entry = entry.map_err(|error| error.to_string())?;
            let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
            let name = entry.path().to_string_lossy().into_owned();
            if is_file && is_yaml(entry.path()) && is_scenario(&name) {
                files.push(name);
            }
        }
        if files.len() == before {
            return Err(format!("{path}: there is no scenario in this folder (a YAML file with a line `turnback: 1`)"));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    Ok(files)
}

fn is_yaml(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml"))
}

/// Other YAML files may lie beside the scenarios; one that cannot be read is for the tester to complain about.
fn is_scenario(name: &str) -> bool {
    store::read(name).map_or(true, |bytes| {
        let text = String::from_utf8_lossy(&bytes);
        let is_key = |line: &str| {
            let key = line.trim_start_matches('\u{feff}').split(':').next().unwrap_or("").trim_end();
            ["turnback", "\"turnback\"", "'turnback'"].contains(&key)
        };
        text.lines().any(is_key)
    })
}

/// A share of the work: number `index` of `count`, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<usize>().ok();
        let parts = text.split_once('/').and_then(|(index, count)| Some((number(index)?, number(count)?)));
        match parts {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err("write I/N with I from 1 to N, for example `1/4`".to_owned()),
        }
    }
}

impl Shard {
    /// The share of `files`.
    pub fn of(self, files: Vec<String>) -> Vec<String> {
        files.into_iter().skip(self.index - 1).step_by(self.count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Shard;

    #[test]
    fn shards_share_everything_and_nothing_twice() {
        let files: Vec<String> = ('a'..='g').map(String::from).collect();
        let share = |text: &str| text.parse::<Shard>().unwrap().of(files.clone());
        assert_eq!([share("1/3"), share("2/3"), share("3/3")].map(|share| share.concat()), ["adg", "be", "cf"]);
        for wrong in ["0/3", "4/3", "1", "a/b", "1/0"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
