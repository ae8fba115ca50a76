//! A scenario read back in plain English: what it says, and every default that was filled in.

mod fleet;
mod flow;
mod guards;

use indexmap::IndexMap;

use crate::ast::Scenario;

/// Reads a scenario back: places, calls, values, services, plans, promises and the defaults used.
pub fn explain(scenario: &Scenario) -> String {
    let mut text = Lines::default();
    text.line(0, &format!("{}.", scenario.name.value.trim_end_matches('.')));
    fleet::explain(scenario, &mut text);
    flow::explain(scenario, &mut text);
    text.heading("Faults");
    text.line(
        1,
        if scenario.faults {
            "Restarts nobody ordered, duplicates and early evictions may happen at any time."
        } else {
            "No faults happen: no unordered restart, no duplicate, no early eviction."
        },
    );
    defaults(scenario, &mut text);
    text.text
}

/// Lines with indentation.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn heading(&mut self, title: &str) {
        self.text.push('\n');
        self.line(0, title);
    }

    fn line(&mut self, depth: usize, line: &str) {
        self.text.push_str(&"  ".repeat(depth));
        self.text.push_str(line);
        self.text.push('\n');
    }
}

fn defaults(scenario: &Scenario, text: &mut Lines) {
    text.heading("Defaults used");
    let mut groups: IndexMap<(&str, &str), Vec<&str>> = IndexMap::new();
    for assumed in &scenario.assumed {
        let group = groups.entry((&assumed.key, &assumed.value)).or_default();
        group.push(&assumed.owner);
    }
    for ((key, value), owners) in groups {
        text.line(1, &format!("{key} = {value}: {}", owners.join(", ")));
    }
}

/// Names in a row, with a word before the last: `a, b and c`.
fn row<T: AsRef<str>>(names: &[T], word: &str) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} {word} {}", first.join(", "), last.as_ref())
        }
    }
}
