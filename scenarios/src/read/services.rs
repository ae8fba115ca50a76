//! Services and clients.

use crate::ast::{Actor, ActorKind, Name, Traffic, Version};
use crate::diagnostics::Code;
use crate::keys::Where;
use crate::text::Text;
use crate::tree::Entry;

use super::Reader;
use super::keys_of::Keys;

/// Keys that a service with versions has itself; all others stand under its versions.
const OF_THE_SERVICE: [&str; 5] = ["replicas", "stragglers", "sessions", "owner", "versions"];

impl Reader<'_> {
    /// Services and clients, in the order of the file.
    pub(super) fn actors(&mut self, top: &Keys<'_>) -> Vec<Actor> {
        let mut actors = Vec::new();
        for entry in top.entries() {
            let service = match entry.key.value.as_str() {
                "services" => true,
                "clients" => false,
                _ => continue,
            };
            for entry in self.named(top.get(&entry.key.value), "names and what they do") {
                actors.extend(if service { self.service(entry) } else { self.client(entry) });
            }
        }
        actors
    }

    fn service(&mut self, entry: &Entry) -> Option<Actor> {
        let name = self.declared(&entry.key);
        let map = self.keys(&entry.value, Where::Service, &format!("service {}", name.value))?;
        let kind = ActorKind::Service {
            replicas: self.count(&map, "replicas").unwrap_or(3),
            stragglers: self.text(&map, "stragglers").and_then(|text| self.stragglers(&text, &name.value)),
            sessions: self.sessions(&map),
            owner: self.text(&map, "owner").map(|text| text.text.to_owned()),
        };
        let versions = if map.has("versions") {
            self.nothing_beside_versions(&map);
            self.versions(&map, &name)
        } else {
            vec![self.version(&map, unversioned(&name), &name.value)]
        };
        Some(Actor { name, kind, versions })
    }

    fn nothing_beside_versions(&mut self, map: &Keys<'_>) {
        for entry in map.entries() {
            let key = entry.key.value.as_str();
            let of_a_version = crate::keys::find(Where::Version, key).is_some();
            if of_a_version && !OF_THE_SERVICE.contains(&key) {
                let message = format!("`{key}` stands beside `versions`");
                let help = "a service with versions says under each version what it does".to_owned();
                self.error(Code::Misplaced, entry.key.span.clone(), message, help);
            }
        }
    }

    fn versions(&mut self, map: &Keys<'_>, actor: &Name) -> Vec<Version> {
        let mut versions = Vec::new();
        let entries = self.named(map.get("versions"), "versions and what they do");
        for entry in entries {
            let name = self.declared(&entry.key);
            let owner = format!("{} {}", actor.value, name.value);
            if let Some(map) = self.keys(&entry.value, Where::Version, &owner) {
                versions.push(self.version(&map, name, &actor.value));
            }
        }
        if entries.is_empty() && self.errors == 0 {
            let message = format!("service `{}` has no versions", actor.value);
            let help = "name at least one, or say directly under the service what it does".to_owned();
            self.error(Code::MissingKey, map.head(), message, help);
        }
        versions
    }

    fn version(&mut self, map: &Keys<'_>, name: Name, actor: &str) -> Version {
        let extends = map.get("extends").and_then(|node| self.extends(node, actor));
        Version {
            name,
            body: self.body(map),
            extends: extends.into_iter().collect(),
            starts_if: map.get("starts_if").and_then(|node| self.fact(node)),
            ready_in: self.duration(map, "ready_in"),
            latency: self.duration(map, "latency"),
            artifact: self.text(map, "artifact").map(|text| text.text.to_owned()),
        }
    }

    fn stragglers(&mut self, text: &Text<'_>, service: &str) -> Option<(u64, Name)> {
        let words = text.words();
        let [number, at, version] = words.as_slice() else {
            return self.bad_stragglers(text);
        };
        if at.text != "at" {
            return self.bad_stragglers(text);
        }
        let count = self.number_of(number)?;
        self.version_of(service, version)?;
        Some((count, version.name()))
    }

    fn bad_stragglers<T>(&mut self, text: &Text<'_>) -> Option<T> {
        let message = format!("`{}` does not say which stragglers", text.text);
        self.error(Code::BadChoice, text.span(), message, "write `1 at v1`".to_owned());
        None
    }

    fn sessions(&mut self, map: &Keys<'_>) -> Option<(u64, u64)> {
        let owner = format!("sessions of {}", map.owner);
        let sessions = self.keys(map.get("sessions")?, Where::Sessions, &owner)?;
        let per_replica = self.number(&sessions, "per_replica")?;
        Some((per_replica, self.duration(&sessions, "lifetime")?))
    }

    fn client(&mut self, entry: &Entry) -> Option<Actor> {
        let name = self.declared(&entry.key);
        let map = self.keys(&entry.value, Where::Client, &format!("client {}", name.value))?;
        let kind = ActorKind::Client {
            traffic: self.text(&map, "traffic").and_then(|text| self.traffic(&text)),
            loaded_from: None,
            lives: self.duration(&map, "lives"),
        };
        let versions = vec![self.version(&map, unversioned(&name), &name.value)];
        Some(Actor { name, kind, versions })
    }

    fn traffic(&mut self, text: &Text<'_>) -> Option<Traffic> {
        if text.text == "rest" {
            return Some(Traffic::Rest);
        }
        let words = text.words();
        let plain: Vec<&str> = words.iter().map(|word| word.text).collect();
        match plain.as_slice() {
            [_] => self.percent_of(&words[0]).map(Traffic::Share),
            [_, "falling", "to", _, "in", _] => {
                let from = self.percent_of(&words[0])?;
                let to = self.percent_of(&words[3])?;
                let within = self.duration_of(&words[5])?;
                if to >= from {
                    let help = "the share at the end must be below the one at the start".to_owned();
                    self.error(Code::BadPercent, words[3].span(), "this traffic does not fall", help);
                }
                Some(Traffic::Falling { from, to, within })
            }
            _ => {
                let message = format!("`{}` is not a share of the traffic", text.text);
                let help = "write `60%`, `60% falling to 1% in 30d` or `rest`".to_owned();
                self.error(Code::BadPercent, text.span(), message, help);
                None
            }
        }
    }
}

/// The only version of an actor that declares none.
fn unversioned(actor: &Name) -> Name {
    Name { value: Actor::UNVERSIONED.to_owned(), span: actor.span.clone() }
}
