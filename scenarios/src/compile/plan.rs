//! Plan, rollback, hotfix and repairs as lines.

use turnback_sim::fleet::definition::{
    Action, Atom, Backfill, BackfillFrom, Definition, Fact, FieldIs, FieldTest, Line, RollbackRule, SchemaChange,
};

use super::Compiler;
use crate::ast::{self, BackfillSource, Comparison, Counted, MigrationChange, PlaceKind, Rollback, Share, Step, Verb};

impl Compiler<'_> {
    pub(super) fn plan(&mut self, fleet: &mut Definition, plan: Option<usize>) {
        let scenario = self.scenario;
        self.plan = plan.map(|at| &scenario.plans[at]);
        let may = |step: &&Step| !self.may_not(verb_word(&step.verb));
        let repairs: Vec<&Step> = scenario.repairs.iter().filter(may).collect();
        fleet.repairs = repairs.into_iter().map(|step| self.line(fleet, step)).collect();
        let Some(plan) = plan.map(|at| &scenario.plans[at]) else {
            fleet.promised_until = 1;
            return;
        };
        fleet.plan = self.lines(fleet, &plan.steps);
        for (line, step) in fleet.plan.iter_mut().zip(&plan.steps) {
            line.needs = step.needs.iter().map(|needed| step_number(plan, &needed.value)).collect();
        }
        fleet.hotfix = self.lines(fleet, &plan.rollforward);
        fleet.rollback = match &plan.rollback {
            Rollback::Inverse => RollbackRule::Inverse,
            Rollback::CodeOnly => RollbackRule::CodeOnly,
            Rollback::UndoEverything => RollbackRule::UndoEverything,
            Rollback::List(list) => RollbackRule::List(self.lines(fleet, list)),
            Rollback::To(lists) => {
                let step = |name: &ast::Name| step_number(plan, &name.value);
                RollbackRule::To(lists.iter().map(|(to, list)| (step(to), self.lines(fleet, list))).collect())
            }
        };
        fleet.promised_until = match &plan.expect.rollback_safe_until {
            None => plan.steps.len() as u16 + 1,
            Some(name) if name.value == "end" => plan.steps.len() as u16 + 1,
            Some(name) if name.value == "start" => 0,
            Some(name) => step_number(plan, &name.value),
        };
    }

    /// Whether the operator may not use a verb in a repair.
    fn may_not(&self, verb: &str) -> bool {
        let same = |name: &ast::Name| name.value == verb || (verb == "set" && name.value == "flag");
        self.scenario.operator.may_not.iter().any(same)
    }

    fn lines(&mut self, fleet: &Definition, steps: &[Step]) -> Vec<Line> {
        steps.iter().map(|step| self.line(fleet, step)).collect()
    }

    fn line(&mut self, fleet: &Definition, step: &Step) -> Line {
        let action = self.action(fleet, step);
        let replicas = action.rolls().map_or(1, |actor| self.most_replicas(fleet, actor));
        let stages: Vec<u32> = step.canary.iter().map(|share| explored_share(share, replicas)).collect();
        let whole = step.canary.last().is_none_or(is_whole) || stages.last().is_none_or(|last| *last >= replicas);
        let first = stages.first().copied().filter(|first| stages.len() > 1 && *first < replicas);
        if let (Action::Deploy { .. }, Verb::Deploy { service, .. }, false) = (&action, &step.verb, whole)
            && self.scales.iter().any(|(scaled, _)| scaled == service)
        {
            self.refuse("a deploy that stays at a share of a service that a step scales", &step.span);
        }
        let mut when = step.when.as_ref().map_or(vec![], |fact| self.fact(fact));
        when.extend(self.needed(step));
        Line {
            action,
            when,
            needs: vec![],
            forgets: false,
            verify: step.verify.as_ref().map_or(vec![], |verify| self.verify(step, &verify.value)),
            undo: match &step.undo {
                None => Some(vec![]),
                Some(list) if list.is_empty() => None,
                Some(list) => Some(self.lines(fleet, list)),
            },
            floor: step.floor,
            once: step.once,
            bake: step.bake,
            canary: first.unwrap_or(0),
            stragglers_included: step.stragglers_included,
            stays_at: if whole { u32::MAX } else { stages.last().copied().unwrap_or(u32::MAX) },
            origin: self.origin(&step.span, step.id.clone()),
        }
    }

    /// `operator: {needs: {VERB: FACT}}`: the move exists only while the fact holds.
    fn needed(&mut self, step: &Step) -> Fact {
        let scenario = self.scenario;
        let (verb, subject) = (verb_word(&step.verb), subject_of(&step.verb));
        let mut facts = Vec::new();
        for (name, fact) in &scenario.operator.needs {
            let (wanted, argument) = name.value.split_once(' ').unwrap_or((&name.value, ""));
            let sets = verb == "set" && wanted == "flag";
            if (wanted == verb || sets) && (argument.is_empty() || Some(argument) == subject) {
                facts.extend(self.fact(fact));
            }
        }
        facts
    }

    fn action(&mut self, fleet: &Definition, step: &Step) -> Action {
        match &step.verb {
            Verb::Migrate { table, migration, undo } => self.migration(fleet, table, migration, *undo),
            Verb::Deploy { service, version } => {
                Action::Deploy { actor: self.actor(service), version: self.version(service, version) }
            }
            Verb::Set { value, to } => {
                let at = self.scenario.values.iter().position(|declared| declared.name.value == *value).unwrap_or(0);
                Action::Set { value: at as u16, to: *to as u8 }
            }
            Verb::Backfill { place, field, source, overwrite, batched, idempotent, .. } => {
                let place = self.place(place).unwrap_or(0);
                let here = usize::from(place);
                let from = match source {
                    BackfillSource::Field { place: other, field } => {
                        let other = other.as_ref().and_then(|other| self.place(other)).unwrap_or(place);
                        BackfillFrom::Field(other, self.field(usize::from(other), field))
                    }
                    BackfillSource::Literal(literal) => BackfillFrom::Literal(self.literal_tag(here, field, literal)),
                    BackfillSource::Retag { from, to } => BackfillFrom::Retag(self.tag(from), self.tag(to)),
                };
                let field = self.field(here, field);
                let (overwrite, batched, idempotent) = (*overwrite, *batched, *idempotent);
                Action::Backfill(Backfill { place, field, from, overwrite, batched, idempotent })
            }
            Verb::Wait(length) => Action::Wait(*length),
            Verb::WaitUntil(fact) => Action::WaitUntil(self.fact(fact)),
            Verb::Drain(queue) => Action::Drain(self.place(queue).unwrap_or(0)),
            Verb::Flush(cache) => Action::Flush(self.place(cache).unwrap_or(0)),
            Verb::Purge(place, test) => {
                let place = self.place(place).unwrap_or(0);
                let test = test
                    .as_ref()
                    .map(|(field, is)| (self.field(usize::from(place), field), self.field_test(false, is)));
                Action::Purge(place, test)
            }
            Verb::Move(from, to) => {
                let (from, to) = (self.place(from).unwrap_or(0), self.place(to).unwrap_or(0));
                let names = &self.names.fields;
                let target =
                    |name: &String| names[usize::from(to)].iter().position(|other| other == name).map(|at| at as u8);
                Action::Move(from, to, names[usize::from(from)].iter().map(target).collect())
            }
            Verb::Requeue(queue) => Action::Requeue(self.place(queue).unwrap_or(0)),
            Verb::Backup(place) => {
                let number = self.plan.and_then(|plan| plan.steps.iter().position(|other| std::ptr::eq(other, step)));
                self.assumed.push(format!("{}: the backup of all items is taken at one moment", step.id));
                Action::Backup(self.place(place).unwrap_or(0), number.map_or(0, |at| at as u16 + 1))
            }
            Verb::Restore(place, from) => {
                let number = |id: &String| self.plan.and_then(|plan| plan.steps.iter().position(|step| step.id == *id));
                let from = from.as_ref().map(|id| number(id).map_or(u16::MAX, |at| at as u16 + 1));
                Action::Restore(self.place(place).unwrap_or(0), from)
            }
            Verb::Restart(service) => Action::Restart(self.actor(service)),
            Verb::Replace(service) => Action::Replace(self.actor(service)),
            Verb::Scale(service, number) => self.scaled(fleet, step, service, *number),
            Verb::Fence { service, version, holds } => {
                let aside = "fenced replicas are set aside: what the others are decides whether the fleet is at home";
                self.assumed.push(format!("{}: {aside}", step.id));
                Action::Fence {
                    actor: self.actor(service),
                    version: version.as_ref().map(|version| self.version(service, version)),
                    holds: holds.as_ref().map(|(place, field, not, is)| {
                        let place = self.place(place).unwrap_or(0);
                        (place, self.field(usize::from(place), field), self.field_test(*not, is))
                    }),
                }
            }
            Verb::Pause => Action::Pause,
            Verb::Parallel(_) => {
                self.refuse("`parallel`", &step.verb_span);
                Action::Pause
            }
        }
    }

    fn scaled(&mut self, fleet: &Definition, step: &Step, service: &str, number: u64) -> Action {
        let counted = self.counted(number);
        if u64::from(counted) < number {
            self.assumed.push(format!("{}: {counted} replicas are explored", step.id));
        }
        let actor = self.actor(service);
        if fleet.actors[usize::from(actor)].stragglers.is_some() {
            self.assumed.push(format!("{}: stragglers are neither counted nor removed", step.id));
        }
        Action::Scale { actor, to: counted }
    }

    /// The most replicas that a service ever has.
    fn most_replicas(&self, fleet: &Definition, actor: u16) -> u32 {
        let name = &self.names.actors[usize::from(actor)];
        let scaled = self.scales.iter().filter(|(service, _)| service == name);
        let numbers = scaled.map(|(_, number)| self.counted(*number));
        numbers.chain([fleet.actors[usize::from(actor)].replicas]).max().unwrap_or(0)
    }

    /// A literal that is one of the field's declared values has that tag.
    fn literal_tag(&mut self, place: usize, field: &str, literal: &str) -> u8 {
        let declared = self.scenario.places[place].fields.iter().find(|declared| declared.name.value == field);
        let is_value = declared.is_some_and(|declared| declared.values.iter().any(|value| value.value == literal));
        if is_value { self.tag(literal) } else { 0 }
    }

    fn migration(&mut self, fleet: &Definition, table: &str, name: &str, undo: bool) -> Action {
        let place = self.place(table).unwrap_or(0);
        let here = usize::from(place);
        let scenario = self.scenario;
        let PlaceKind::Table { migrations, .. } = &scenario.places[here].kind else {
            return Action::Pause;
        };
        let Some(migration) = migrations.iter().find(|migration| migration.name.value == name) else {
            return Action::Pause;
        };
        let change = match &migration.change {
            MigrationChange::AddColumn(column) => SchemaChange::Add(self.field(here, &column.value)),
            MigrationChange::DropColumn(column) => SchemaChange::Drop(self.field(here, &column.value)),
            MigrationChange::RenameColumn(from, to) => {
                SchemaChange::Rename(self.field(here, &from.value), self.field(here, &to.value))
            }
            MigrationChange::AlterColumn { column, not_null: true } => {
                SchemaChange::NotNull(self.field(here, &column.value))
            }
            MigrationChange::AlterColumn { column, not_null: false } => {
                SchemaChange::Nullable(self.field(here, &column.value))
            }
            MigrationChange::DropValue(field, tag) => {
                SchemaChange::DropValue(self.field(here, &field.value), self.tag(&tag.value))
            }
        };
        if !undo {
            return Action::Migrate { table: place, change };
        }
        let start = fleet.places[here].fields.iter().map(|field| 1 + u8::from(field.not_null)).collect::<Vec<u8>>();
        change.inverse(&start).map_or(Action::Pause, |change| Action::Migrate { table: place, change })
    }

    /// A verify that allows some rows says nothing of any one key.
    fn verify(&mut self, step: &Step, verify: &ast::Verify) -> Fact {
        let none_allowed =
            matches!((verify.op, verify.limit), (Comparison::Equal | Comparison::AtMost, 0) | (Comparison::Less, 1));
        let place = match &step.verb {
            Verb::Backfill { place, .. } | Verb::Migrate { table: place, .. } => self.place(place),
            _ => self.names.fields.iter().position(|fields| fields.contains(&verify.field)).map(|at| at as u16),
        };
        let (Some(place), true) = (place, none_allowed) else {
            self.assumed.push(format!("{}: a `verify` that allows some rows is taken to hold", step.id));
            return vec![];
        };
        let here = usize::from(place);
        let is = match &verify.counted {
            Counted::Absent => FieldIs::Absent,
            Counted::Tag(tag) => FieldIs::Tag(self.tag(tag)),
            Counted::DistinctFrom(other) => FieldIs::DistinctFrom(self.field(here, other)),
        };
        vec![Atom::NoItemWhere(place, self.field(here, &verify.field), FieldTest { not: false, is })]
    }
}

fn step_number(plan: &ast::Plan, id: &str) -> u16 {
    plan.steps.iter().position(|step| step.id == id).map_or(0, |at| at as u16 + 1)
}

/// A share of the explored replicas: at least one.
fn explored_share(share: &Share, replicas: u32) -> u32 {
    match share {
        Share::Replicas(number) => (*number).min(u64::from(replicas)) as u32,
        Share::Percent(percent) => ((percent * f64::from(replicas) / 100.0).ceil() as u32).clamp(1, replicas),
    }
}

fn is_whole(share: &Share) -> bool {
    matches!(share, Share::Percent(percent) if *percent >= 100.0)
}

/// The verb of a step as it is written.
fn verb_word(verb: &Verb) -> &'static str {
    match verb {
        Verb::Migrate { .. } => "migrate",
        Verb::Deploy { .. } => "deploy",
        Verb::Set { .. } => "set",
        Verb::Backfill { .. } => "backfill",
        Verb::Wait(_) | Verb::WaitUntil(_) => "wait",
        Verb::Drain(_) => "drain",
        Verb::Flush(_) => "flush",
        Verb::Purge(..) => "purge",
        Verb::Move(..) => "move",
        Verb::Requeue(_) => "requeue",
        Verb::Backup(_) => "backup",
        Verb::Restore(..) => "restore",
        Verb::Restart(_) => "restart",
        Verb::Replace(_) => "replace",
        Verb::Scale(..) => "scale",
        Verb::Fence { .. } => "fence",
        Verb::Pause => "pause",
        Verb::Parallel(_) => "parallel",
    }
}

/// What an operator's rule can name behind the verb.
fn subject_of(verb: &Verb) -> Option<&str> {
    match verb {
        Verb::Migrate { table: subject, .. }
        | Verb::Deploy { service: subject, .. }
        | Verb::Set { value: subject, .. }
        | Verb::Backfill { place: subject, .. }
        | Verb::Drain(subject)
        | Verb::Flush(subject)
        | Verb::Purge(subject, _)
        | Verb::Move(subject, _)
        | Verb::Requeue(subject)
        | Verb::Backup(subject)
        | Verb::Restore(subject, _)
        | Verb::Restart(subject)
        | Verb::Replace(subject)
        | Verb::Scale(subject, _)
        | Verb::Fence { service: subject, .. } => Some(subject),
        Verb::Wait(_) | Verb::WaitUntil(_) | Verb::Pause | Verb::Parallel(_) => None,
    }
}
