//! A state as lines, and what is different in another one.

use turnback_sim::fleet::layout::{Home, Kept, KeptOf, column, presence, replica};
use turnback_sim::fleet::state::{Byte, Key, State};

use super::Narrator;

impl Narrator<'_> {
    /// A state: replicas, flags and configs, columns, clients that are gone, rows, entries and messages.
    pub fn state(&self, state: &State) -> Vec<String> {
        let mut lines = Vec::new();
        self.replicas(state, &mut lines);
        self.settings(state, &mut lines);
        self.columns(state, &mut lines);
        self.clients(state, &mut lines);
        for (number, (key, count)) in state.keys.iter().enumerate() {
            let several = state.keys.len() > 1 || *count > 1;
            let prefix = if several { format!("key {} (x{count}) ", number + 1) } else { String::new() };
            self.key(key, &prefix, &mut lines);
        }
        lines
    }

    /// What is new in `after`, each line with `+`, and what is no longer so, with `-`.
    pub fn difference(&self, before: &State, after: &State) -> Vec<String> {
        let (old, new) = (self.state(before), self.state(after));
        let gone = old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {line}"));
        gone.chain(new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}"))).collect()
    }

    fn replicas(&self, state: &State, lines: &mut Vec<String>) {
        for (pool, bag) in state.pools.iter().enumerate() {
            let mut classes = Vec::new();
            for (own, count) in bag {
                let version = &self.names.versions[usize::from(self.version_of(pool, own))];
                let mut words = vec![format!("{count} x {}", if version.is_empty() { "up" } else { version })];
                words.extend(match own[replica::PHASE] {
                    0 => None,
                    replica::FENCED => Some("fenced".to_owned()),
                    _ => Some("starting".to_owned()),
                });
                words.extend((own[replica::MARKS] & replica::STRAGGLER != 0).then(|| "straggler".to_owned()));
                for (role, (of, mark)) in self.fleet.layout.roles.iter().enumerate() {
                    let held = *of == pool && own[replica::MARKS] & mark != 0;
                    words.extend(held.then(|| self.place(self.fleet.role_place(role as u16)).to_owned()));
                }
                for (value, offset) in &self.fleet.layout.views[pool] {
                    words.push(format!("sees {}", self.setting(*value as u16, own[*offset])));
                }
                for (place, home) in self.fleet.layout.items.iter().enumerate() {
                    let Home::Replica(owner, offset) = home else { continue };
                    let length = self.fleet.definition.places[place].fields.len();
                    if *owner == pool && own[*offset] != presence::NO {
                        let fields = &own[offset + 1..=offset + length];
                        let payload = self.payload(place as u16, fields);
                        words.push(format!("{} {{{payload}}}", self.place(place as u16)));
                    }
                }
                let here = |kept: &&Kept| matches!(kept.home, Home::Replica(owner, _) if owner == pool);
                for kept in self.fleet.layout.kept.iter().filter(here) {
                    words.extend(self.kept(kept, own).map(|item| format!("{} {{{item}}}", self.kept_name(kept))));
                }
                classes.push(words.join(", "));
            }
            let actor = &self.names.actors[self.fleet.layout.actors[pool]];
            lines.push(format!("{actor}: {}", classes.join(" | ")));
        }
    }

    fn settings(&self, state: &State, lines: &mut Vec<String>) {
        for (value, offset) in self.fleet.layout.values.iter().enumerate() {
            lines.push(self.setting(value as u16, state.control[*offset]));
        }
    }

    fn columns(&self, state: &State, lines: &mut Vec<String>) {
        for (place, base) in self.fleet.layout.columns.iter().enumerate() {
            let Some(base) = base else { continue };
            let fields = self.fleet.definition.places[place].fields.len();
            let words: Vec<String> = (0..fields)
                .filter(|field| state.control[base + field] != column::NONE)
                .map(|field| {
                    let must = if state.control[base + field] == column::NOT_NULL { " not null" } else { "" };
                    format!("{}{must}", self.field(place as u16, field as u16))
                })
                .collect();
            lines.push(format!("columns of {}: {}", self.place(place as u16), words.join(", ")));
        }
    }

    fn clients(&self, state: &State, lines: &mut Vec<String>) {
        for (client, offset) in self.fleet.layout.gone.iter().enumerate() {
            let gone = offset.is_some_and(|offset| state.control[offset] == 1);
            lines.extend(gone.then(|| format!("{}: no longer in use", self.names.actors[client])));
        }
    }

    fn key(&self, key: &Key, prefix: &str, lines: &mut Vec<String>) {
        for (place, home) in self.fleet.layout.items.iter().enumerate() {
            let Home::Key(offset) = home else { continue };
            let length = self.fleet.definition.places[place].fields.len();
            let item = &key.items[*offset..=offset + length];
            let text = match (item[0], self.is_effect(place as u16)) {
                (presence::NO, _) => "nothing".to_owned(),
                (_, true) => "sent".to_owned(),
                _ => self.item(place as u16, &item[1..]),
            };
            lines.push(format!("{prefix}{}: {text}", self.place(place as u16)));
        }
        for kept in self.fleet.layout.kept.iter().filter(|kept| matches!(kept.home, Home::Key(_))) {
            let item = self.kept(kept, &key.items);
            lines.extend(item.map(|item| format!("{prefix}{}: {item}", self.kept_name(kept))));
        }
        for message in &key.messages {
            let queue = u16::from(message[0]);
            let payload = self.message_fields(message).map_or(String::new(), |fields| self.payload(queue, fields));
            let dead = if message[2] == 1 { "dead letter" } else { "message" };
            let left = if message[3] > 0 { format!(", {} attempts left", message[3]) } else { String::new() };
            lines.push(format!("{prefix}{} in {}: {{{payload}}}{left}", dead, self.place(queue)));
        }
        for task in &key.tasks {
            let handler = u16::from_le_bytes([task[0], task[1]]);
            lines.push(format!("{prefix}in progress: {}, part {}", self.handler(handler), task[2] + 1));
        }
    }

    /// What a copy holds, if it holds anything.
    fn kept(&self, kept: &Kept, block: &[Byte]) -> Option<String> {
        let item = kept.shown(block);
        (item[0] != presence::NO).then(|| self.item(kept.place, &item[1..]))
    }

    fn kept_name(&self, kept: &Kept) -> String {
        let place = self.place(kept.place);
        match kept.of {
            KeptOf::Last => format!("last backup of {place}"),
            KeptOf::Step(step) => format!("backup of {place} by step {step}"),
            KeptOf::Start => format!("{place} of a new replica"),
        }
    }

    fn item(&self, place: u16, fields: &[Byte]) -> String {
        let words = fields.iter().enumerate().map(|(field, byte)| self.field_with(place, field, *byte));
        words.collect::<Vec<_>>().join(", ")
    }
}
