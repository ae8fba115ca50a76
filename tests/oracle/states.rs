//! Prints, for the comparison with the oracle, which states turnback explores at which position: one JSON list of
//! plans per file, and one neutral line per state. The words are those of `states.py`; `README.md` says what they leave out.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde_json::{Value, json};
use turnback_scenarios::ast::{PlaceKind, Scenario};
use turnback_scenarios::compile::{Exploration, Names, compile};
use turnback_scenarios::read;
use turnback_sim::drivers::explore::{Graph, Limits};
use turnback_sim::findings::judge::explored;
use turnback_sim::fleet::Fleet;
use turnback_sim::fleet::layout::{Home, column, presence, replica};
use turnback_sim::fleet::state::{ABSENT, Byte, Key, State, is_stale, tag};
use turnback_sim::relation::{At, Judged as _, Mode, Mover, Operator, Position};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (sizes, files): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| argument.starts_with("--"));
    let how = Exploration { replicas: sizes.iter().find_map(|size| size.strip_prefix("--replicas=")?.parse().ok()) };
    let answers: Option<Vec<Value>> = files.into_iter().map(|file| plans(file, how)).collect();
    answers.iter().flatten().for_each(|answer| println!("{answer}"));
    if answers.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is explored of every plan; `None` if the file is not accepted.
fn plans(file: &str, how: Exploration) -> Option<Value> {
    let read = read(file, &std::fs::read(file).ok()?).ok()?;
    let numbers = match read.scenario.plans.len() {
        0 => vec![None],
        many => (0..many).map(Some).collect(),
    };
    let limits = Limits { states_max: u64::MAX, memory_bytes_max: u64::MAX, threads: 1, stop: None };
    let plans = numbers.into_iter().map(|plan| {
        let compiled = compile(&read.scenario, plan, how).ok()?;
        let (fleet, graph) = explored(&Fleet::new(compiled.definition, 1), &limits);
        Some(Words::of(&read.scenario, &compiled.names, &fleet).all(&graph))
    });
    plans.collect::<Option<Vec<Value>>>().map(Value::from)
}

/// Says states of a fleet.
struct Words<'a> {
    fleet: &'a Fleet,
    names: &'a Names,
    /// Per place: the number of its key column.
    keys: Vec<Option<usize>>,
}

impl<'a> Words<'a> {
    fn of(scenario: &Scenario, names: &'a Names, fleet: &'a Fleet) -> Self {
        let keys = scenario.places.iter().zip(&names.fields).map(|(place, fields)| match &place.kind {
            PlaceKind::Table { key, .. } => fields.iter().position(|field| field == key),
            _ => None,
        });
        Self { fleet, names, keys: keys.collect() }
    }

    /// Per position the states of the plan there, and those of the rollbacks that begin there.
    fn all(&self, graph: &Graph) -> Value {
        let states: Vec<State> = (0..graph.len() as u32).map(|id| graph.state(self.fleet, id)).collect();
        let mut lines = BTreeMap::new();
        let numbers: Vec<usize> = states
            .iter()
            .map(|state| {
                let next = lines.len();
                *lines.entry(self.state(state)).or_insert(next)
            })
            .collect();
        let mut positions: BTreeMap<Position, Vec<u32>> = BTreeMap::new();
        for (id, state) in (0..).zip(&states) {
            if let Mode::Forward { .. } = self.fleet.mode(state) {
                positions.entry(self.fleet.position(state)).or_default().push(id);
            }
        }
        let numbered = |ids: &[u32]| {
            let mut found: Vec<usize> = ids.iter().map(|id| numbers[*id as usize]).collect();
            found.sort_unstable();
            found.dedup();
            found
        };
        let positions = positions.iter().map(|(position, ids)| {
            let at = match position.at {
                At::Start => "start",
                At::Canary => "canary",
                At::Mixed => "mixed",
                At::Done => "done",
            };
            let back = rollbacks(graph, ids);
            json!({"step": position.step, "at": at, "forward": numbered(ids), "rollback": numbered(&back)})
        });
        let positions: Vec<Value> = positions.collect();
        let mut words = vec![String::new(); lines.len()];
        lines.into_iter().for_each(|(line, number)| words[number] = line);
        json!({"states": words, "positions": positions})
    }

    fn state(&self, state: &State) -> String {
        let mut clauses = Vec::new();
        self.control(state, &mut clauses);
        self.replicas(state, &mut clauses);
        let lost = self.fleet.lost(state);
        for (key, _) in &state.keys {
            self.key(key, lost, &mut clauses);
        }
        clauses.extend(lost.then(|| "lost".to_owned()));
        clauses.sort();
        clauses.join("; ")
    }

    fn control(&self, state: &State, clauses: &mut Vec<String>) {
        let layout = &self.fleet.layout;
        for ((name, values), offset) in self.names.values.iter().zip(&layout.values) {
            clauses.push(format!("{name} is {}", values[usize::from(state.control[*offset])]));
        }
        for (place, base) in layout.columns.iter().enumerate() {
            let Some(base) = base else { continue };
            let columns = self.named(place, |field| match state.control[base + field] {
                column::NONE => None,
                column::NOT_NULL => Some(" not null".to_owned()),
                _ => Some(String::new()),
            });
            clauses.push(format!("columns of {}: {columns}", self.names.places[place]));
        }
        let gone = |client: usize| layout.gone[client].is_some_and(|offset| state.control[offset] == 1);
        let left = (0..layout.gone.len()).filter(|client| gone(*client));
        clauses.extend(left.map(|client| format!("{} gone", self.names.actors[client])));
        for (version, value, offset) in &layout.client_views {
            let client = usize::from(self.fleet.definition.versions[usize::from(*version)].actor);
            let (name, values) = &self.names.values[usize::from(*value)];
            let seen = &values[usize::from(state.control[*offset])];
            clauses.extend((!gone(client)).then(|| format!("{} sees {name} {seen}", self.names.actors[client])));
        }
    }

    fn replicas(&self, state: &State, clauses: &mut Vec<String>) {
        let layout = &self.fleet.layout;
        for (pool, bag) in state.pools.iter().enumerate() {
            let actor = layout.actors[pool];
            let first = usize::from(self.fleet.definition.actors[actor].versions.start);
            let mut classes: BTreeMap<String, u32> = BTreeMap::new();
            for (own, count) in bag {
                let mut class = self.names.versions[first + usize::from(own[replica::VERSION])].clone();
                if own[replica::PHASE] != 0 {
                    class += " starting";
                }
                if own[replica::MARKS] & replica::STRAGGLER != 0 {
                    class += " straggler";
                }
                for (value, offset) in &layout.views[pool] {
                    let (name, values) = &self.names.values[*value];
                    class += &format!(" sees {name} {}", values[usize::from(own[*offset])]);
                }
                *classes.entry(class).or_default() += count;
            }
            let classes: Vec<String> = classes.iter().map(|(class, count)| format!("{count} {class}")).collect();
            clauses.push(format!("{}: {}", self.names.actors[actor], classes.join(", ")));
        }
    }

    fn key(&self, key: &Key, lost: bool, clauses: &mut Vec<String>) {
        for (place, home) in self.fleet.layout.items.iter().enumerate() {
            let name = &self.names.places[place];
            let Home::Key(offset) = home else {
                if !lost {
                    self.messages(key, place, clauses);
                }
                continue;
            };
            let there = key.items[*offset] != presence::NO;
            let item = there.then(|| self.payload(place, &key.items[offset + 1..]));
            clauses.push(format!("{name} {}", item.unwrap_or_else(|| "nothing".to_owned())));
        }
    }

    fn messages(&self, key: &Key, queue: usize, clauses: &mut Vec<String>) {
        let mine = key.messages.iter().filter(|message| usize::from(message[0]) == queue);
        let mut lines: Vec<String> = mine
            .map(|message| {
                let (dead, left) = (message[2] == 1, message[3]);
                let left = if left > 0 { format!(" {left} left") } else { String::new() };
                format!("{}{}{left}", if dead { "dead " } else { "" }, self.payload(queue, &message[5..]))
            })
            .collect();
        lines.sort();
        lines.dedup();
        clauses.push(format!("{} [{}]", self.names.places[queue], lines.join(", ")));
    }

    fn payload(&self, place: usize, bytes: &[Byte]) -> String {
        let fields = self.named(place, |field| {
            let byte = bytes[field];
            if byte == ABSENT {
                return None;
            }
            let tag = match self.names.tags[usize::from(tag(byte))].as_str() {
                "untagged" | "wrong" => String::new(),
                tag => format!(" {tag}"),
            };
            Some(format!("{tag}{}", if is_stale(byte) { " stale" } else { "" }))
        });
        format!("{{{fields}}}")
    }

    /// The fields of a place of which something is said, but for its key column.
    fn named(&self, place: usize, say: impl Fn(usize) -> Option<String>) -> String {
        let fields = self.names.fields[place].iter().enumerate();
        let told = fields.filter(|(field, _)| self.keys[place] != Some(*field));
        let mut said: Vec<String> = told.filter_map(|(at, name)| Some(format!("{name}{}", say(at)?))).collect();
        said.sort();
        said.join(", ")
    }
}

/// The states of the rollbacks that begin in one of `states`.
fn rollbacks(graph: &Graph, states: &[u32]) -> Vec<u32> {
    let begins = |mover| mover == Mover::Operator(Operator::Abort);
    let goes_on = |mover| {
        matches!(mover, Mover::Fair | Mover::Possible)
            || matches!(mover, Mover::Operator(Operator::Rollback | Operator::RollbackOverRows))
    };
    let mut seen = vec![false; graph.len()];
    let mut found = Vec::new();
    let mut follow = |id: u32, by: &dyn Fn(Mover) -> bool, found: &mut Vec<u32>| {
        for edge in graph.edges(id).filter(|edge| by(edge.mover)) {
            if !std::mem::replace(&mut seen[edge.target as usize], true) {
                found.push(edge.target);
            }
        }
    };
    states.iter().for_each(|id| follow(*id, &begins, &mut found));
    let mut next = 0;
    while let Some(id) = found.get(next).copied() {
        follow(id, &goes_on, &mut found);
        next += 1;
    }
    found
}
