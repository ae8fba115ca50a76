//! The value of each verb of a step.

use crate::ast::{BackfillSource, FieldState, Verb};
use crate::diagnostics::Code;
use crate::keys::{self, Shape, Where};
use crate::names::Sort;
use crate::text::Text;
use crate::tree::{Entry, Kind};
use crate::units;

use super::Reader;
use super::keys_of::Keys;

/// The places of which a backup can be taken.
const BACKED_UP: [Sort; 3] = [Sort::Table, Sort::Document, Sort::Disk];

impl Reader<'_> {
    /// What a step does.
    pub(super) fn verb(&mut self, map: &Keys<'_>, entry: &Entry) -> Option<Verb> {
        let verb = entry.key.value.as_str();
        if verb == "pause" {
            return Some(Verb::Pause);
        }
        if keys::find(Where::Step, verb).is_some_and(|key| key.status == keys::Status::NotYet) {
            return None;
        }
        if let Kind::Map(_) | Kind::List(_) = entry.value.kind {
            self.shape(&entry.value, &format!("`{verb}: {}`", form_of(verb)));
            return None;
        }
        let text = self.text_of(&entry.value, form_of(verb))?;
        match verb {
            "migrate" => self.migrate(&text),
            "deploy" => self.deploy(map, &text),
            "flag" => self.set_flag(&text),
            "set" => self.set_config(&text),
            "backfill" => self.backfill(map, &text),
            "wait" => self.wait(&text),
            "drain" => self.place_of(&text, &[Sort::Queue]).map(Verb::Drain),
            "flush" => self.place_of(&text, &[Sort::Cache]).map(Verb::Flush),
            "purge" => self.purge(&text),
            "move" => self.move_messages(&text),
            "requeue" => self.place_of(&text, &[Sort::Queue]).map(Verb::Requeue),
            "backup" => self.place_of(&text, &BACKED_UP).map(Verb::Backup),
            "restore" => self.restore(&text),
            "restart" => self.service_named(&text).map(Verb::Restart),
            "replace" => self.service_named(&text).map(Verb::Replace),
            "scale" => self.scale(&text),
            "fence" => self.fence(&text),
            _ => self.bad_step(&text, verb),
        }
    }

    fn bad_step<T>(&mut self, text: &Text<'_>, verb: &str) -> Option<T> {
        let message = format!("`{verb}: {}` cannot be understood", text.text);
        let help = format!("write `{verb}: {}`", form_of(verb));
        self.error(Code::BadStep, text.span(), message, help);
        None
    }

    fn migrate(&mut self, text: &Text<'_>) -> Option<Verb> {
        let words = text.words();
        let (target, undo) = match words.as_slice() {
            [target] => (target, false),
            [target, undo] if undo.text == "undo" => (target, true),
            _ => return self.bad_step(text, "migrate"),
        };
        let Some((table, migration)) = self.names.dotted(target) else {
            let Some((table, _)) = target.split_once(".") else {
                return self.bad_step(text, "migrate");
            };
            self.place_of(&table, &[Sort::Table]);
            return None;
        };
        let table_name = self.place_of(&table, &[Sort::Table])?;
        let migrations = self.names.places[&table_name].migrations.clone();
        if !migrations.iter().any(|name| name == migration.text) {
            let message = format!("`{table_name}` has no migration `{}`", migration.text);
            let names = migrations.iter().map(String::as_str);
            self.unknown_word(Code::UnknownMigration, &migration, message, names);
            return None;
        }
        Some(Verb::Migrate { table: table_name, migration: migration.text.to_owned(), undo })
    }

    fn deploy(&mut self, map: &Keys<'_>, text: &Text<'_>) -> Option<Verb> {
        let words = text.words();
        let [service, version] = words.as_slice() else {
            return self.bad_step(text, "deploy");
        };
        let name = self.service_named(service)?;
        let versions = &self.names.actors[&name].versions;
        if versions.is_empty() {
            let message = format!("`{name}` has no versions, so this deploys nothing");
            let help = "declare `versions` under the service, or remove the step".to_owned();
            self.error(Code::DeploysNothing, text.span(), message, help);
            return None;
        }
        let declared = versions.iter().any(|candidate| candidate == version.text);
        if map.has("like") && declared {
            let span = map.entry("like").map_or(0..0, |entry| entry.key.span.clone());
            let message = format!("`{name} {}` is declared, so it is not like another version", version.text);
            self.error(Code::Misplaced, span, message, "remove `like`".to_owned());
        }
        if !map.has("like") && !declared {
            self.version_of(&name, version)?;
        }
        Some(Verb::Deploy { service: name, version: version.text.to_owned() })
    }

    fn set_flag(&mut self, text: &Text<'_>) -> Option<Verb> {
        let words = text.words();
        let [flag, value] = words.as_slice() else {
            return self.bad_step(text, "flag");
        };
        let name = self.value_named(flag)?;
        if !self.names.values[&name].flag {
            let help = format!("write `set: {name} VALUE`");
            self.error(Code::UnknownValue, flag.span(), format!("`{name}` is a config, not a flag"), help);
            return None;
        }
        let to = self.index_of_value(flag, value)?;
        Some(Verb::Set { value: name, to })
    }

    fn set_config(&mut self, text: &Text<'_>) -> Option<Verb> {
        let words = text.words();
        let [config, value] = words.as_slice() else {
            return self.bad_step(text, "set");
        };
        let to = self.index_of_value(config, value)?;
        let value = config.text.to_owned();
        Some(Verb::Set { value, to })
    }

    fn backfill(&mut self, map: &Keys<'_>, text: &Text<'_>) -> Option<Verb> {
        let words = text.words();
        let target = words.first()?;
        let rest = text.after_words(1);
        let (place, field) = self.place_and_field(target)?;
        let filled = [Sort::Table, Sort::Document, Sort::Cache];
        self.place_of(&target.part(0, place.value.len()), &filled)?;
        let source = match rest.split_once("->") {
            Some((from, to)) => self.retag(&from, &to, text)?,
            None if rest.text.starts_with("from ") => self.backfill_source(&rest.after_words(1), &place.value, text)?,
            None => return self.bad_step(text, "backfill"),
        };
        Some(Verb::Backfill {
            place: place.value,
            field: field.value,
            source,
            overwrite: self.backfill_option(map, "overwrite"),
            batched: self.backfill_option(map, "batched"),
            rate: self.rate(map),
            idempotent: self.backfill_option(map, "idempotent"),
        })
    }

    fn backfill_option(&mut self, map: &Keys<'_>, key: &str) -> bool {
        if !map.has(key) {
            let default = keys::find(Where::Step, key).map_or("", |key| key.default);
            self.assume(&map.owner, key, default);
        }
        self.bool(map, key)
    }

    fn retag(&mut self, from: &Text<'_>, to: &Text<'_>, text: &Text<'_>) -> Option<BackfillSource> {
        let is_tag = |tag: &Text<'_>| !tag.text.is_empty() && !tag.text.contains(char::is_whitespace);
        if !is_tag(from) || !is_tag(to) {
            return self.bad_step(text, "backfill");
        }
        Some(BackfillSource::Retag { from: from.text.to_owned(), to: to.text.to_owned() })
    }

    fn backfill_source(&mut self, source: &Text<'_>, place: &str, text: &Text<'_>) -> Option<BackfillSource> {
        if let Some(literal) = source.unquoted() {
            return Some(BackfillSource::Literal(literal.text.to_owned()));
        }
        if source.text.is_empty() || source.text.contains(char::is_whitespace) {
            return self.bad_step(text, "backfill");
        }
        let (other, field) = match self.names.dotted(source) {
            Some((other, field)) => {
                self.keeps_items(&other)?;
                (Some(other.text.to_owned()), field)
            }
            None => (None, source.clone()),
        };
        Some(BackfillSource::Field { place: other.filter(|other| other != place), field: self.name_of(&field).value })
    }

    fn rate(&mut self, map: &Keys<'_>) -> Option<u64> {
        let text = self.text(map, "rate")?;
        let words = text.words();
        let rate = match words.as_slice() {
            [number, unit] if unit.text == "rows/s" => units::number(number.text),
            _ => None,
        };
        if rate.is_none_or(|rate| rate == 0) {
            let message = format!("`{}` is not a rate", text.text);
            self.error(Code::BadNumber, text.span(), message, "write `20k rows/s`".to_owned());
        }
        rate
    }

    fn wait(&mut self, text: &Text<'_>) -> Option<Verb> {
        if text.text == "until" || text.text.starts_with("until ") {
            let fact = text.after_words(1);
            if fact.text.is_empty() {
                return self.bad_step(text, "wait");
            }
            return self.fact_of(&fact).map(Verb::WaitUntil);
        }
        self.duration_of(text).map(Verb::Wait)
    }

    fn purge(&mut self, text: &Text<'_>) -> Option<Verb> {
        let words = text.words();
        let (place, condition) = match words.as_slice() {
            [place] => (place, None),
            [place, place_where, field, is, ..] if place_where.text == "where" && is.text == "is" => {
                let (not, state) = self.state(&words[4..], text)?;
                if not {
                    return self.bad_step(text, "purge");
                }
                let condition: (String, FieldState) = (self.name_of(field).value, state);
                (place, Some(condition))
            }
            _ => return self.bad_step(text, "purge"),
        };
        let place = self.keeping_place(place)?;
        Some(Verb::Purge(place, condition))
    }

    fn restore(&mut self, text: &Text<'_>) -> Option<Verb> {
        let words = text.words();
        let (place, step) = match words.as_slice() {
            [place] => (place, None),
            [place, from, _, ..] if from.text == "from" => (place, Some(text.after_words(2))),
            _ => return self.bad_step(text, "restore"),
        };
        let place = self.place_of(place, &BACKED_UP);
        let step = match step {
            // The id of a restore says what it restores from.
            Some(step) => Some(self.step_among(&step, |id| !id.starts_with("restore "))?),
            None => None,
        };
        Some(Verb::Restore(place?, step))
    }

    fn scale(&mut self, text: &Text<'_>) -> Option<Verb> {
        let words = text.words();
        let [service, number] = words.as_slice() else {
            return self.bad_step(text, "scale");
        };
        let name = self.service_named(service)?;
        Some(Verb::Scale(name, self.number_of(number)?))
    }

    fn fence(&mut self, text: &Text<'_>) -> Option<Verb> {
        let words = text.words();
        let plain: Vec<&str> = words.iter().map(|word| word.text).collect();
        let (version, holds) = match plain.as_slice() {
            [_] => (None, None),
            [_, "where", _, "is", _, ..] => (None, Some(2)),
            [_, version] if *version != "where" => (Some(1), None),
            [_, _, "where", _, "is", _, ..] => (Some(1), Some(3)),
            _ => return self.bad_step(text, "fence"),
        };
        let service = self.service_named(&words[0])?;
        let version = match version {
            Some(at) => Some(self.version_of(&service, &words[at])?),
            None => None,
        };
        let holds = match holds {
            Some(at) => {
                let Some((place, field)) = self.names.dotted(&words[at]) else {
                    let place = words[at].split_once(".").map_or(words[at].clone(), |(place, _)| place);
                    self.place_of(&place, &[Sort::Disk, Sort::Memory]);
                    return None;
                };
                let place = self.place_of(&place, &[Sort::Disk, Sort::Memory])?;
                let (not, state) = self.state(&words[at + 2..], text)?;
                Some((place, self.name_of(&field).value, not, state))
            }
            None => None,
        };
        Some(Verb::Fence { service, version, holds })
    }

    fn move_messages(&mut self, text: &Text<'_>) -> Option<Verb> {
        let words = text.words();
        let [from, to, target] = words.as_slice() else {
            return self.bad_step(text, "move");
        };
        if to.text != "to" {
            return self.bad_step(text, "move");
        }
        let from = self.place_of(from, &[Sort::Queue]);
        let target = self.place_of(target, &[Sort::Queue]);
        Some(Verb::Move(from?, target?))
    }
}

/// What the value of a verb looks like.
fn form_of(verb: &str) -> &'static str {
    match keys::find(Where::Step, verb).map(|key| key.shape) {
        Some(Shape::Form(form) | Shape::Name(form)) => form,
        Some(Shape::Steps) => "[STEP]",
        _ => "...",
    }
}
