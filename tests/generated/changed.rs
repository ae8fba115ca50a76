//! Changes of a file that change nothing of what it means.

use turnback_sim::findings::judge::{Ends, Judgement, Reason, Verdict, Zone};
use turnback_sim::fleet::Fleet;
use turnback_sim::relation::{Harm, Position};

use crate::corpus::files;
use crate::saying::{self, PLAIN, Size, difference, judged};

type Harms = Vec<(Harm, bool, bool)>;

/// What is said without the numbers of places, versions and fields, which may be others.
#[derive(PartialEq, Eq, Debug)]
struct Meant {
    verdict: Verdict,
    positions: Vec<(Position, Zone, Option<Reason>, Ends, Harms)>,
    last_safe_step: Option<u16>,
    findings: usize,
    pre_existing: Vec<Harm>,
}

fn meant(judgement: &Judgement<Fleet>) -> Meant {
    let positions = judgement.positions.iter().map(|found| {
        let mut harms: Harms =
            found.harms.iter().map(|harm| (harm.label.harm, harm.in_rollback, harm.charged)).collect();
        harms.sort_unstable();
        (found.position, found.zone, found.reason, found.rollback_ends, harms)
    });
    let mut pre_existing: Vec<Harm> = judgement.pre_existing.iter().map(|label| label.harm).collect();
    pre_existing.sort_unstable();
    Meant {
        verdict: judgement.verdict,
        positions: positions.collect(),
        last_safe_step: judgement.last_safe_step,
        findings: judgement.findings.len(),
        pre_existing,
    }
}

fn all_meant(text: &str, size: Size) -> Vec<Meant> {
    judged(text, size).iter().map(|(judgement, _)| meant(judgement)).collect()
}

fn hold(change: fn(&str) -> String) {
    let mut differ = vec![];
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        let changed = change(&text);
        assert_ne!(text, changed, "{}", file.display());
        let found = difference(&all_meant(&changed, PLAIN), &all_meant(&text, PLAIN));
        differ.extend(found.map(|found| format!("{}: {found}", file.display())));
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// The names that the generator gives, and others that stand in another order in every dictionary.
const NAMES: [(&str, &str); 53] = [
    ("app", "web"),
    ("worker", "batch"),
    ("copier", "mover"),
    ("page", "desk"),
    ("v1", "teal"),
    ("v2", "pink"),
    ("v3", "blue"),
    ("rows", "items"),
    ("done", "finished"),
    ("mirror", "double"),
    ("a", "zinc"),
    ("b", "yard"),
    ("k", "sort"),
    ("m", "wax"),
    ("x", "grade"),
    ("y", "flour"),
    ("p", "oak"),
    ("q", "elm"),
    ("z", "ash"),
    ("c", "shade"),
    ("u", "lime"),
    ("w", "fir"),
    ("net", "sum"),
    ("gross", "amount"),
    ("jobs", "tasks"),
    ("mail", "letters"),
    ("front", "shelf"),
    ("profile", "card"),
    ("things", "stuff"),
    ("new_way", "another_way"),
    ("level", "height"),
    ("low", "shallow"),
    ("high", "deep"),
    ("old-app", "the-old-one"),
    ("new-app", "a-new-one"),
    ("expand", "widen"),
    ("contract", "shrink"),
    ("relax", "ease"),
    ("enforce", "demand"),
    ("boot", "wake"),
    ("edit", "alter"),
    ("fill", "load"),
    ("nightly", "daily"),
    ("publish", "announce"),
    ("guess", "assume"),
    ("work", "toil"),
    ("copy", "repeat"),
    ("P", "H"),
    ("Q", "G"),
    ("A", "S"),
    ("B", "R"),
    ("C", "U"),
    ("D", "T"),
];

/// Every word that is a name becomes the other name.
fn renamed(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_ascii_alphanumeric() || letter == '_' || letter == '-' {
            word.push(letter);
            continue;
        }
        let other = NAMES.iter().find(|(name, _)| *name == word).map(|(_, other)| *other);
        out.push_str(other.unwrap_or(&word));
        out.push(letter);
        word.clear();
    }
    out
}

pub fn names_do_not_matter() {
    hold(renamed);
    // Nor do the numbers that stand for them.
    saying::hold(&files(), &[PLAIN], renamed);
}

/// The blocks of a file that begin at its margin.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks: Vec<String> = vec![];
    for line in text.lines() {
        match blocks.last_mut() {
            Some(block) if line.starts_with([' ', '-']) => *block += &format!("{line}\n"),
            _ => blocks.push(format!("{line}\n")),
        }
    }
    blocks
}

pub fn the_order_of_the_blocks_does_not_matter() {
    hold(|text| blocks(text).into_iter().rev().collect());
}

/// With a service and a table that have nothing to do with the others, in front of them.
fn with_another(text: &str) -> String {
    let service = "services:\n  idle: {reads: {attic: [n]}, writes: {attic: [n]}}\n";
    let table = "tables:\n  attic: {columns: {id: not_null, n: nullable}}\n";
    let text = text.replace("services:\n", service);
    if text.contains("\ntables:\n") {
        text.replace("tables:\n", table)
    } else {
        text.replace(service, &format!("{table}{service}"))
    }
}

pub fn a_service_apart_does_not_matter() {
    hold(with_another);
}
