//! Failing cases, kept beside their scenario: one JSON object per line, run first the next time.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use turnback_sim::drivers::perturb::{Abort, Injected, Perturbation};
use turnback_sim::relation::Fault;

use crate::store;

/// A failing case.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The plan, if it has a name.
    pub plan: Option<String>,
    /// What was found, for a reader.
    pub found: String,
    /// The operator's slips.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slips: Vec<String>,
    choices: Vec<u16>,
    abort: When,
    again: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    faults: Vec<KeptFault>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
enum When {
    Never,
    After(u16),
    Inside(u16),
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct KeptFault {
    fault: Name,
    in_rollback: bool,
    after: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
enum Name {
    Crash,
    Duplicate,
    Late,
}

impl Kept {
    /// A case to keep.
    pub fn new(plan: Option<String>, found: String, slips: Vec<String>, perturbation: &Perturbation) -> Self {
        let abort = match perturbation.abort {
            Abort::Never => When::Never,
            Abort::After(moves) => When::After(moves),
            Abort::Inside(chances) => When::Inside(chances),
        };
        let fault = |injected: &Injected| KeptFault {
            fault: match injected.fault {
                Fault::Crash => Name::Crash,
                Fault::Duplicate => Name::Duplicate,
                Fault::Late => Name::Late,
            },
            in_rollback: injected.in_rollback,
            after: injected.after,
        };
        let faults = perturbation.faults.iter().map(fault).collect();
        Self { plan, found, slips, choices: perturbation.choices.clone(), abort, again: perturbation.again, faults }
    }

    /// What is done in this case.
    pub fn perturbation(&self) -> Perturbation {
        let abort = match self.abort {
            When::Never => Abort::Never,
            When::After(moves) => Abort::After(moves),
            When::Inside(chances) => Abort::Inside(chances),
        };
        let fault = |kept: &KeptFault| Injected {
            fault: match kept.fault {
                Name::Crash => Fault::Crash,
                Name::Duplicate => Fault::Duplicate,
                Name::Late => Fault::Late,
            },
            in_rollback: kept.in_rollback,
            after: kept.after,
        };
        let faults = self.faults.iter().map(fault).collect();
        Perturbation { choices: self.choices.clone(), abort, again: self.again, faults, ..Perturbation::default() }
    }

    fn same(&self, other: &Self) -> bool {
        (&self.plan, &self.slips, self.perturbation()) == (&other.plan, &other.slips, other.perturbation())
    }
}

/// Where the cases of a scenario are kept.
pub fn path(file: &str) -> PathBuf {
    PathBuf::from(format!("{file}.regressions"))
}

/// The cases that are kept beside `file`; none if there is no such file.
pub fn load(file: &str) -> Result<Vec<Kept>, String> {
    let path = path(file);
    let bytes = match store::read(&path.to_string_lossy()) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(format!("{} cannot be read: {error}", path.display())),
    };
    let mut kept = Vec::new();
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')).filter(|(_, line)| !line.is_empty()) {
        let problem = |error| format!("{}:{number}: it is no failing case: {error}", path.display());
        kept.push(serde_json::from_slice(line).map_err(problem)?);
    }
    Ok(kept)
}

/// Keeps one more case; its number among those of `file`, counted from 1.
pub fn keep(file: &str, case: &Kept) -> Result<usize, String> {
    let mut all = load(file)?;
    if let Some(known) = all.iter().position(|known| known.same(case)) {
        return Ok(known + 1);
    }
    all.push(case.clone());
    let line = |case| serde_json::to_string(case).expect("numbers and strings can be written to memory") + "\n";
    let text: String = all.iter().map(line).collect();
    store::write(&path(file), text.as_bytes())?;
    Ok(all.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_and_is_kept_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shop.yaml").to_string_lossy().into_owned();
        let faults =
            [Fault::Crash, Fault::Duplicate, Fault::Late].map(|fault| Injected { fault, in_rollback: true, after: 3 });
        let aborts = [Abort::Never, Abort::After(2), Abort::Inside(0)];
        let perturbation = |abort| Perturbation {
            choices: vec![0, 9],
            abort,
            again: true,
            faults: faults.to_vec(),
            ..Perturbation::default()
        };
        for (number, abort) in (1..).zip(aborts) {
            let case =
                Kept::new(Some("p".to_owned()), "lost".to_owned(), vec!["skip x".to_owned()], &perturbation(abort));
            assert_eq!([keep(&file, &case), keep(&file, &case)], [Ok(number), Ok(number)]);
            assert_eq!(load(&file).unwrap()[number - 1].perturbation(), perturbation(abort));
        }
        std::fs::write(path(&file), "{}\n").unwrap();
        assert!(load(&file).unwrap_err().contains("shop.yaml.regressions:1"));
    }
}
