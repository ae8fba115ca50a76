//! Places, calls, values, services and clients.

use crate::ast::{
    Actor, ActorKind, Api, Body, Fallback, Field, FieldUse, Fields, Handler, Migration, MigrationChange, Name,
    Observed, OnWrite, Otherwise, Outcome, Place, PlaceKind, Route, Scenario, Spanned, Traffic, Trigger, Value, Verbs,
    Version,
};
use crate::units::written;

use super::guards::{condition, fact};
use super::{Lines, row};

pub(super) fn explain(scenario: &Scenario, text: &mut Lines) {
    if !scenario.places.is_empty() {
        text.heading("Places");
    }
    for place in &scenario.places {
        explain_place(place, text);
    }
    if !scenario.apis.is_empty() {
        text.heading("Calls");
    }
    for api in &scenario.apis {
        text.line(1, &explain_api(api));
    }
    if !scenario.values.is_empty() {
        text.heading("Flags and configs");
    }
    for value in &scenario.values {
        text.line(1, &explain_value(value));
    }
    if !scenario.roles.is_empty() {
        text.heading("Roles");
    }
    for role in &scenario.roles {
        let up = if role.majority { "more than half of them are" } else { "any of them is" };
        text.line(1, &format!("{} is held by one replica of {} while {up} up.", role.name.value, role.of.value));
    }
    text.heading("Services and clients");
    for actor in &scenario.actors {
        explain_actor(scenario, actor, text);
    }
}

fn names(names: &[Name]) -> Vec<&str> {
    names.iter().map(|name| name.value.as_str()).collect()
}

fn explain_place(place: &Place, text: &mut Lines) {
    let name = &place.name.value;
    text.line(1, &format!("{name} is {}.", kind(&place.kind)));
    let kept = !matches!(place.kind, PlaceKind::Effect { .. });
    for field in place.fields.iter().filter(|_| kept) {
        text.line(2, &explain_field(field, &place.kind));
    }
    if let PlaceKind::Table { migrations, .. } = &place.kind {
        for migration in migrations {
            text.line(2, &explain_migration(migration));
        }
    }
    for (field, tags) in &place.starts {
        text.line(2, &format!("{} starts {}.", field.value, row(&names(tags), "or")));
    }
}

fn kind(kind: &PlaceKind) -> String {
    let mut words = Vec::new();
    match kind {
        PlaceKind::Table { key, rows, .. } => {
            words.push(format!("a table with the key {key}"));
            words.extend(rows.map(|rows| format!("{rows} rows")));
        }
        PlaceKind::Document => words.push("a document, replaced as a whole".to_owned()),
        PlaceKind::Queue { .. } => queue(kind, &mut words),
        PlaceKind::Cache { of, ttl, on_write, fresh_required } => {
            words.push("a cache".to_owned());
            words.extend(of.as_ref().map(|of| format!("of {}", of.value)));
            words.extend(lives(*ttl));
            let on_write = match on_write {
                OnWrite::Leave => "left as it is",
                OnWrite::Invalidate => "removed",
                OnWrite::Refresh => "filled anew",
            };
            words.push(format!("on a write to its source an entry is {on_write}"));
            words.extend(fresh_required.then(|| "a stale entry is harm".to_owned()));
        }
        PlaceKind::Disk { of, ttl } => {
            words.push(format!("on the disk of each replica of {}, kept over a restart", of.value));
            words.extend(lives(*ttl));
        }
        PlaceKind::Memory { of, ttl } => {
            words.push(format!("in the memory of each replica of {}, gone after a restart", of.value));
            words.extend(lives(*ttl));
        }
        PlaceKind::Effect { allowed, at_most_once } => {
            words.push("outside, nothing sent there can be taken back".to_owned());
            let allowed: Vec<String> = allowed.iter().map(explain_use).collect();
            words.extend((!allowed.is_empty()).then(|| format!("allowed is only {}", row(&allowed, "and"))));
            words.extend(at_most_once.then(|| "a second time for one item is loss".to_owned()));
        }
    }
    words.join(", ")
}

fn lives(ttl: Option<u64>) -> Option<String> {
    ttl.map(|ttl| format!("an entry lives {}", written(ttl)))
}

fn queue(kind: &PlaceKind, words: &mut Vec<String>) {
    let PlaceKind::Queue {
        in_flight,
        fifo,
        ack_on_receive,
        attempts,
        backoff,
        then_drop,
        retention,
        delay,
        to_each_service,
    } = kind
    else {
        return;
    };
    words.push("a queue, delivered at least once".to_owned());
    words.push(if *fifo { "in order" } else { "in any order" }.to_owned());
    let to = if *to_each_service { "to each service" } else { "to any one service" };
    words.push(to.to_owned());
    let ack = if *ack_on_receive { "acknowledged on receipt" } else { "acknowledged when done" };
    words.push(ack.to_owned());
    let given_up = if *then_drop { "dropped" } else { "dead-lettered" };
    words.push(match attempts {
        Some(attempts) => format!("{given_up} after {attempts} attempts"),
        None => format!("tried without end (else {given_up})"),
    });
    words.extend(backoff.map(|backoff| format!("{} between attempts", written(backoff))));
    words.extend(retention.map(|retention| format!("kept for {}", written(retention))));
    words.extend(delay.map(|delay| format!("held back for {}", written(delay))));
    words.extend(in_flight.map(|in_flight| format!("{in_flight} messages in flight")));
}

fn explain_field(field: &Field, kind: &PlaceKind) -> String {
    let mut words = Vec::new();
    if field.not_null {
        words.push("never absent".to_owned());
    } else if matches!(kind, PlaceKind::Table { .. }) {
        words.push("may be absent".to_owned());
    }
    words.push(match field.values.as_slice() {
        [] => "any value".to_owned(),
        values => format!("values {}", row(&names(values), "or")),
    });
    if let Some((place, other)) = &field.same_as {
        let place = place.as_ref().map(|place| format!("{}.", place.value)).unwrap_or_default();
        words.push(format!("stands for the same fact as {place}{}", other.value));
    }
    words.extend(field.disposable.then(|| "its loss is no loss".to_owned()));
    words.extend(field.added_by_migration.then(|| "not there before its migration".to_owned()));
    words.extend((!field.declared && !field.added_by_migration).then(|| "not declared, only used".to_owned()));
    format!("{}: {}.", field.name.value, words.join(", "))
}

fn explain_migration(migration: &Migration) -> String {
    let change = match &migration.change {
        MigrationChange::AddColumn(column) => format!("adds the column {}", column.value),
        MigrationChange::DropColumn(column) => format!("drops the column {}", column.value),
        MigrationChange::RenameColumn(from, to) => {
            format!("renames the column {} to {}", from.value, to.value)
        }
        MigrationChange::AlterColumn { column, not_null: true } => format!("forbids {} to be absent", column.value),
        MigrationChange::AlterColumn { column, .. } => {
            format!("allows {} to be absent", column.value)
        }
        MigrationChange::DropValue(field, tag) => {
            format!("makes {} of the value {} absent for good", field.value, tag.value)
        }
    };
    format!("Migration {} {change}.", migration.name.value)
}

fn explain_api(api: &Api) -> String {
    let to = row(&names(&api.to), "or");
    let who = match (&api.route, api.between) {
        (Route::Role(role), _) => format!("goes to the replica of {to} that is {}", role.value),
        (Route::Any, true) => format!("goes between the replicas of {to}"),
        (Route::Any, false) => format!("goes to any replica of {to}"),
    };
    let sent = if api.request_is_sent { "" } else { "; nobody is said to send the request, so it has no fields" };
    let declared = if api.declared { "" } else { " (not declared)" };
    format!("{}{declared} {who}{sent}.", api.name.value)
}

fn explain_value(value: &Value) -> String {
    let observed = match value.observed {
        Observed::AtOnce => "all see a change at once".to_owned(),
        Observed::Within(time) => format!("each replica sees a change within {}", written(time)),
        Observed::OnRestart => "each replica sees a change at its next start".to_owned(),
    };
    let kind = if value.flag { "flag" } else { "config" };
    let start = value.values.get(value.starts).map_or("?", |start| start.value.as_str());
    let of = value.of.as_ref().map_or("everybody", |of| of.value.as_str());
    let values = row(&names(&value.values), "or");
    let back = if value.irreversible { "; it never goes back" } else { "" };
    format!("{} is a {kind} ({values}), {start} at the start, observed by {of}; {observed}{back}.", value.name.value)
}

fn explain_actor(scenario: &Scenario, actor: &Actor, text: &mut Lines) {
    let mut words = Vec::new();
    match &actor.kind {
        ActorKind::Service { replicas, stragglers, sessions, owner } => {
            words.push(format!("a service with {replicas} replicas"));
            words.extend(stragglers.as_ref().map(|(count, at)| format!("{count} of them stay at {}", at.value)));
            words.extend(
                sessions.map(|(count, life)| format!("{count} sessions per replica that last {}", written(life))),
            );
            words.extend(owner.as_ref().map(|owner| format!("owned by {owner}")));
        }
        ActorKind::Client { traffic, loaded_from, lives } => {
            words.push("a client".to_owned());
            words.extend(traffic.as_ref().map(explain_traffic));
            words.extend(loaded_from.as_ref().map(|from| format!("loaded from {}", from.value)));
            words.extend(lives.map(|lives| format!("keeps its version for {}", written(lives))));
        }
    }
    text.line(1, &format!("{} is {}.", actor.name.value, words.join(", ")));
    for (at, version) in actor.versions.iter().enumerate() {
        explain_version(scenario, version, at == 0, text);
    }
}

fn explain_traffic(traffic: &Traffic) -> String {
    match traffic {
        Traffic::Share(share) => format!("{share}% of the traffic"),
        Traffic::Falling { from, to, within } => {
            format!("{from}% of the traffic, falling to {to}% in {}", written(*within))
        }
        Traffic::Rest => "the rest of the traffic".to_owned(),
    }
}

fn explain_version(scenario: &Scenario, version: &Version, first: bool, text: &mut Lines) {
    let mut depth = 2;
    if version.name.value != Actor::UNVERSIONED {
        let runs = if first { " runs at the start" } else { "" };
        text.line(depth, &format!("{}{runs}:", version.name.value));
        depth += 1;
    }
    for (service, from) in &version.extends {
        text.line(depth, &format!("does what {service} {} does, except as follows", from.value));
    }
    let guard = version.starts_if.as_ref().map(|guard| format!("starts only if {}", fact(scenario, guard)));
    let ready = version.ready_in.map(|time| format!("is ready {} after its start", written(time)));
    let latency = version.latency.map(|time| format!("takes {} for a request", written(time)));
    let artifact = version.artifact.as_ref().map(|artifact| format!("is {artifact}"));
    for line in [guard, ready, latency, artifact].into_iter().flatten() {
        text.line(depth, &line);
    }
    explain_body(scenario, &version.body, depth, text);
}

fn explain_body(scenario: &Scenario, body: &Body, depth: usize, text: &mut Lines) {
    explain_verbs(&body.verbs, depth, text);
    explain_otherwise(&body.otherwise, depth, text);
    for (name, handler) in &body.handlers {
        match handler {
            Some(handler) => explain_handler(scenario, &name.value, handler, depth, text),
            None => text.line(depth, &format!("handler {} is removed", name.value)),
        }
    }
    for (when, overlay) in &body.overlays {
        text.line(depth, &format!("while {}:", condition(scenario, when)));
        explain_body(scenario, overlay, depth + 1, text);
    }
}

fn explain_verbs(verbs: &Verbs, depth: usize, text: &mut Lines) {
    explain_verb(("receives", "from"), &verbs.receives, depth, text);
    explain_verb(("reads", "from"), &verbs.reads, depth, text);
    for place in &verbs.deletes {
        text.line(depth, &format!("deletes the item of {}", place.value));
    }
    explain_verb(("writes", "to"), &verbs.writes, depth, text);
    explain_verb(("sends", "to"), &verbs.sends, depth, text);
}

fn explain_verb((verb, preposition): (&str, &str), list: &[(Name, Option<Fields>)], depth: usize, text: &mut Lines) {
    for (place, fields) in list {
        match fields {
            None => text.line(depth, &format!("{verb} nothing {preposition} {}", place.value)),
            Some(fields) => explain_fields(fields, (verb, preposition, &place.value), depth, text),
        }
    }
}

fn explain_fields(fields: &Fields, (verb, preposition, place): (&str, &str, &str), depth: usize, text: &mut Lines) {
    let list: Vec<String> = fields.list.iter().map(explain_use).collect();
    text.line(depth, &format!("{verb} {} {preposition} {place}", row(&list, "and")));
    explain_otherwise(&fields.otherwise, depth + 1, text);
}

fn explain_use(field: &FieldUse) -> String {
    let mut words = names(&field.alternatives).join(", else ");
    match &field.fallback {
        Fallback::None => {}
        Fallback::Literal(literal) => words.push_str(&format!(", else \"{literal}\"")),
        Fallback::Nothing => words.push_str(" if there"),
    }
    if let Some((place, from, or_nothing)) = &field.from {
        let if_there = if *or_nothing { " if there" } else { "" };
        words.push_str(&format!(" copied from {}.{}{if_there}", place.value, from.value));
    }
    if !field.tags.is_empty() {
        words.push_str(&format!(" ({})", row(&names(&field.tags), "or")));
    }
    words
}

fn outcome(outcome: &Spanned<Outcome>) -> &'static str {
    match outcome.value {
        Outcome::Ignore => "goes on",
        Outcome::Reject => "rejects",
        Outcome::Retry => "tries again later",
        Outcome::Drop => "throws it away",
        Outcome::Crash => "crashes",
        Outcome::Misread => "takes it for something else",
    }
}

fn explain_otherwise(otherwise: &Otherwise, depth: usize, text: &mut Lines) {
    let rules = [
        ("a needed field is absent", &otherwise.on_missing_field),
        ("a field is unknown", &otherwise.on_unknown_field),
        ("a value is unknown", &otherwise.on_unknown_value),
    ];
    for (when, rule) in rules {
        if let Some(rule) = rule {
            text.line(depth, &format!("{} when {when}", outcome(rule)));
        }
    }
    match otherwise.keeps_unknown {
        Some(true) => text.line(depth, "keeps fields it does not know"),
        Some(false) => text.line(depth, "drops fields it does not know"),
        None => {}
    }
}

fn explain_handler(scenario: &Scenario, name: &str, handler: &Handler, depth: usize, text: &mut Lines) {
    let wakes = match &handler.trigger {
        Trigger::Arrival if handler.verbs.receives.is_empty() => "when a user comes".to_owned(),
        Trigger::Arrival => "when something arrives".to_owned(),
        Trigger::Start => "at the start of a replica, before it serves".to_owned(),
        Trigger::Timer(period) => format!("every {}", written(*period)),
        Trigger::Write(place) => format!("after another actor changes {}", place.value),
    };
    let guard = handler.when.as_ref().map(|guard| format!(", only while {}", fact(scenario, guard)));
    text.line(depth, &format!("handler {name} runs {wakes}{}:", guard.unwrap_or_default()));
    explain_verbs(&handler.verbs, depth + 1, text);
    explain_otherwise(&handler.otherwise, depth + 1, text);
    if handler.same_transaction {
        text.line(depth + 1, "all in one transaction");
    }
    if let Some(end) = &handler.ends_in {
        text.line(depth + 1, &format!("has a declared bug: it may end so that it {}", outcome(end)));
    }
}
