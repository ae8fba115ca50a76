//! Actors, places, fields, harms and lines of a programme in words.

use turnback_sim::fleet::definition::{Action, Line, PlaceKind, SchemaChange, Trigger, VersionId};
use turnback_sim::fleet::programme::Entry;
use turnback_sim::fleet::state::{ABSENT, Byte, is_stale, tag};
use turnback_sim::relation::{Harm, Label};

use super::Narrator;
use crate::ast::Span;

impl Narrator<'_> {
    /// A version with its actor: `orders v3`.
    pub fn version(&self, version: VersionId) -> String {
        let actor = self.fleet.definition.versions[usize::from(version)].actor;
        let (actor, version) = (&self.names.actors[usize::from(actor)], &self.names.versions[usize::from(version)]);
        if version.is_empty() { actor.clone() } else { format!("{actor} {version}") }
    }

    /// Who suffers a harm: a version, or what has no owner.
    pub fn who(&self, label: &Label) -> String {
        if let Some(service) = self.service_of_role(label.place) {
            return service.to_owned();
        }
        match (label.actor, label.field) {
            (Label::NONE, Label::NONE) if self.is_api(label.place) => "a start".to_owned(),
            (Label::NONE, Label::NONE) => "accepted work".to_owned(),
            (Label::NONE, _) => "the data".to_owned(),
            (version, _) => self.version(version),
        }
    }

    /// What a harm is done to: `orders.status`, a queue, a call; empty if nothing is named.
    pub fn what(&self, label: &Label) -> String {
        match (label.place, label.field) {
            (Label::NONE, _) => String::new(),
            (place, Label::NONE) => self.place(place).to_owned(),
            (place, field) => format!("{}.{}", self.place(place), self.field(place, field)),
        }
    }

    /// Where the behaviour behind a harm is declared.
    pub fn blame(&self, label: &Label) -> Option<Span> {
        self.origin(label.origin).map(|(span, _)| span)
    }

    fn is_api(&self, place: u16) -> bool {
        let apis = self.fleet.api_place(0)..self.fleet.role_place(0);
        apis.contains(&place)
    }

    /// The service whose role is named where labels name places.
    fn service_of_role(&self, place: u16) -> Option<&str> {
        let role = self.fleet.definition.roles.get(usize::from(place.checked_sub(self.fleet.role_place(0))?))?;
        Some(&self.names.actors[usize::from(role.of)])
    }

    /// Whether somebody's start is declared there.
    fn is_start(&self, origin: u16) -> bool {
        let mut handlers = self.fleet.definition.handlers.iter();
        handlers.any(|handler| handler.trigger == Trigger::Boot && handler.origin == origin)
    }

    /// Whether a place is outside.
    pub(super) fn is_effect(&self, place: u16) -> bool {
        let place = self.fleet.definition.places.get(usize::from(place));
        place.is_some_and(|place| matches!(place.kind, PlaceKind::Effect(_)))
    }

    /// Whether some step takes a backup of what a harm is done to.
    fn is_backed_up(&self, label: &Label) -> bool {
        let fields = |place: u16| &self.fleet.definition.places[usize::from(place)].fields;
        let datum = fields(label.place).get(usize::from(label.field)).map(|field| field.datum);
        let mut backups = self.fleet.layout.kept.iter().filter(|kept| kept.taken.is_some());
        datum.is_some_and(|datum| backups.any(|kept| fields(kept.place).iter().any(|field| field.datum == datum)))
    }

    /// What cannot be taken back of what was sent outside.
    fn sent_for_good(&self, label: &Label) -> String {
        match label.field {
            Label::NONE => format!("what {} may get once is sent again and cannot be taken back", self.what(label)),
            _ => format!("what is not allowed is sent as {} and cannot be taken back", self.what(label)),
        }
    }

    /// A place or call.
    pub fn place(&self, place: u16) -> &str {
        self.names.places.get(usize::from(place)).map_or("", String::as_str)
    }

    /// A field of a place or call.
    pub fn field(&self, place: u16, field: u16) -> &str {
        let fields = self.names.fields.get(usize::from(place));
        fields.and_then(|fields| fields.get(usize::from(field))).map_or("", String::as_str)
    }

    /// A handler with its version.
    pub fn handler(&self, handler: u16) -> String {
        let version = self.fleet.definition.handlers[usize::from(handler)].version;
        format!("{} {}", self.version(version), self.names.handlers[usize::from(handler)])
    }

    pub(super) fn origin(&self, origin: u16) -> Option<(Span, &str)> {
        self.names.origins.get(usize::from(origin)).map(|(span, text)| (span.clone(), text.as_str()))
    }

    /// What a harm or loss does, as the end of a sentence.
    pub fn harm(&self, label: &Label) -> String {
        let (who, what) = (self.who(label), self.what(label));
        match label.harm {
            Harm::Reject if self.is_start(label.origin) && self.is_api(label.place) => {
                format!("the start of {who} does not succeed ({what})")
            }
            Harm::Reject if self.is_api(label.place) => format!("{who} rejects {what}"),
            Harm::Reject if what.is_empty() => format!("{who} ends in an error, as it is declared to"),
            Harm::Reject => format!("{who} cannot read {what}"),
            Harm::Crash if what.is_empty() => format!("{who} crashes"),
            Harm::Crash => format!("{who} crashes on {what}"),
            Harm::Misread => format!("{who} misreads {what}"),
            Harm::Drop => format!("{who} drops it ({what})"),
            Harm::DeadLetter => format!("a message of {what} becomes a dead letter"),
            Harm::WriteFails => format!("the store refuses the write ({what})"),
            Harm::Stalled if self.service_of_role(label.place).is_some() => {
                format!("no replica of {who} is {what} ever again")
            }
            Harm::Stalled if self.is_api(label.place) => format!("a start that calls {what} never succeeds"),
            Harm::Stalled => format!("{what} waits for ever"),
            Harm::Loss if self.is_effect(label.place) => self.sent_for_good(label),
            Harm::Loss if self.is_backed_up(label) => format!("{what} is lost, unless a backup brings it back"),
            Harm::Loss => format!("{what} is lost for good"),
            Harm::Unexplored => "a bound of the exploration is hit".to_owned(),
        }
    }

    /// A harm as the title of a finding.
    pub fn harm_title(&self, label: &Label) -> String {
        let (who, what) = (self.who(label), self.what(label));
        let of = if what.is_empty() { String::new() } else { format!(" ({what})") };
        match label.harm {
            Harm::Reject if self.is_start(label.origin) && self.is_api(label.place) => {
                format!("the start of {who} does not succeed{of}")
            }
            Harm::Reject if self.is_api(label.place) => format!("{who} rejects what it is sent{of}"),
            Harm::Reject if what.is_empty() => format!("{who} ends in an error, as it is declared to"),
            Harm::Reject => format!("{who} cannot read what it needs{of}"),
            Harm::Crash => format!("{who} crashes{of}"),
            Harm::Misread => format!("{who} misreads {what}, and nobody sees an error"),
            Harm::Drop => format!("{who} throws away what it cannot use{of}, and nobody sees an error"),
            Harm::DeadLetter => format!("messages of {what} become dead letters"),
            Harm::WriteFails => format!("the store refuses the writes of {who}{of}"),
            Harm::Stalled if self.service_of_role(label.place).is_some() => {
                format!("it may be that no replica of {who} is {what} ever again")
            }
            Harm::Stalled if self.is_api(label.place) => format!("a start that calls {what} may never succeed"),
            Harm::Stalled => format!("messages of {what} may wait for ever"),
            Harm::Loss if self.is_effect(label.place) => self.sent_for_good(label),
            Harm::Loss if self.is_backed_up(label) => format!("{what} is lost, unless a backup brings it back"),
            Harm::Loss => format!("{what} is lost for good"),
            Harm::Unexplored => "a bound of the exploration is hit".to_owned(),
        }
    }

    /// A flag or config with a value: `flag write_queued on`, `set protocol 2`.
    pub(super) fn setting(&self, value: u16, to: u8) -> String {
        let (name, values) = &self.names.values[usize::from(value)];
        let verb = if values.as_slice() == ["off", "on"] { "flag" } else { "set" };
        format!("{verb} {name} {}", values.get(usize::from(to)).map_or("?", String::as_str))
    }

    /// A line of a programme: by its id, and by what it does where the id does not say so.
    pub fn line(&self, entry: &Entry) -> String {
        let line = &entry.line;
        let declared = self.origin(line.origin).map(|(_, id)| id.to_owned());
        let plan = entry.step.checked_sub(1).and_then(|at| self.fleet.definition.plan.get(usize::from(at)));
        let taken_back = plan.is_some_and(|plan| plan.origin == line.origin && plan.action != line.action);
        match (declared, taken_back) {
            (Some(id), true) if matches!(line.action, Action::Migrate { .. }) => format!("{id} is undone"),
            (None, _) | (_, true) => self.action(&line.action),
            (Some(id), false) => self.with_action(id, line),
        }
    }

    fn with_action(&self, id: String, line: &Line) -> String {
        let action = match line.action {
            Action::Deploy { .. } | Action::Set { .. } => self.action(&line.action),
            _ => return id,
        };
        if id.starts_with(&action) { id } else { format!("{id} ({action})") }
    }

    /// What a line does.
    pub fn action(&self, action: &Action) -> String {
        let place = |place: &u16| self.place(*place).to_owned();
        let actor = |actor: &u16| self.names.actors[usize::from(*actor)].clone();
        match action {
            Action::Pause => "pause".to_owned(),
            Action::Migrate { table, change } => self.change(*table, *change),
            Action::Deploy { version, .. } => format!("deploy {}", self.version(*version)),
            Action::Set { value, to } => self.setting(*value, *to),
            Action::Backfill(backfill) => {
                format!("backfill {}.{}", place(&backfill.place), self.field(backfill.place, backfill.field.into()))
            }
            Action::Wait(_) | Action::WaitUntil(_) => "wait".to_owned(),
            Action::Drain(queue) => format!("drain {}", place(queue)),
            Action::Flush(cache) => format!("flush {}", place(cache)),
            Action::Purge(purged, _) => format!("purge {}", place(purged)),
            Action::Move(from, to, _) => format!("move {} to {}", place(from), place(to)),
            Action::Requeue(queue) => format!("requeue {}", place(queue)),
            Action::Backup(copied, _) => format!("backup {}", place(copied)),
            Action::Restore(restored, _) => format!("restore {}", place(restored)),
            Action::Restart(service) => format!("restart {}", actor(service)),
            Action::Replace(service) => format!("replace {}", actor(service)),
            Action::Scale { actor: service, to } => format!("scale {} {to}", actor(service)),
            Action::Fence { actor: service, version, .. } => {
                let whose = version.map_or_else(|| actor(service), |version| self.version(version));
                format!("fence {whose}")
            }
        }
    }

    fn change(&self, table: u16, change: SchemaChange) -> String {
        let name = self.place(table);
        let column = |field: u8| format!("{name}.{}", self.field(table, field.into()));
        match change {
            SchemaChange::Add(field) => format!("add {}", column(field)),
            SchemaChange::Drop(field) => format!("drop {}", column(field)),
            SchemaChange::Rename(from, to) => format!("rename {} to {}", column(from), self.field(table, to.into())),
            SchemaChange::Nullable(field) => format!("make {} nullable", column(field)),
            SchemaChange::NotNull(field) => format!("make {} not null", column(field)),
            SchemaChange::DropValue(field, tag) => format!("drop the value {} of {}", self.tag(tag), column(field)),
        }
    }

    pub(super) fn tag(&self, tag: u8) -> &str {
        self.names.tags.get(usize::from(tag)).map_or("?", String::as_str)
    }

    /// A field and what is in it: `status=PENDING (stale)`.
    pub(super) fn field_with(&self, place: u16, field: usize, byte: Byte) -> String {
        let name = self.field(place, field as u16);
        let value = match byte {
            ABSENT => " (absent)".to_owned(),
            byte if tag(byte) == 0 => String::new(),
            byte => format!("={}", self.tag(tag(byte))),
        };
        let old = if is_stale(byte) { " (stale)" } else { "" };
        format!("{name}{value}{old}")
    }

    /// The fields that are there: `id, status=PENDING (stale)`.
    pub(super) fn payload(&self, place: u16, fields: &[Byte]) -> String {
        let there = fields.iter().enumerate().filter(|(_, byte)| **byte != ABSENT);
        there.map(|(field, byte)| self.field_with(place, field, *byte)).collect::<Vec<_>>().join(", ")
    }
}
