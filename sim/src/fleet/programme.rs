//! The programmes an operator can play: plan, rollback per floor, hotfix, repairs; and the configurations they lead to.

use super::definition::{
    Action, Atom, Definition, Fact, Line, OpKind, PlaceKind, RollbackRule, SchemaChange, VersionId,
};
use super::layout::column;

/// The most lines of a programme.
pub const LINES_MAX: usize = 250;

/// A line of a programme and the plan step that it takes back (0 = it always runs).
#[derive(Clone, Debug)]
pub struct Entry {
    /// The line.
    pub line: Line,
    /// The step.
    pub step: u16,
}

/// All programmes of a fleet.
#[derive(Clone, Debug, Default)]
pub struct Programmes {
    /// The plan.
    pub forward: Vec<Entry>,
    /// The rollback by the last floor passed (0 = none).
    pub rollbacks: Vec<(u16, Vec<Entry>)>,
    /// The hotfix.
    pub hotfix: Vec<Entry>,
    /// Each repair is one line.
    pub repairs: Vec<Entry>,
    /// The configuration after each step (0 = the start).
    pub configurations: Vec<Configuration>,
    /// The configurations in which the rollout has arrived: at the end of the plan, and of the one that was meant.
    pub goals: Vec<Configuration>,
}

/// What a settled fleet looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// Per actor: the version, how many replicas have it (`u32::MAX` = all), and the version of the others.
    pub versions: Vec<(VersionId, u32, VersionId)>,
    /// Per actor: how many replicas it has.
    pub replicas: Vec<u32>,
    /// Per flag or config.
    pub values: Vec<u8>,
    /// Per place, per field: not there, nullable, not null.
    pub columns: Vec<Vec<u8>>,
}

impl Programmes {
    /// Works out every programme.
    pub fn of(fleet: &Definition) -> Self {
        let configurations = configurations(fleet, &fleet.plan);
        let meant = (!fleet.intended.is_empty()).then(|| self::configurations(fleet, &fleet.intended));
        let goals = std::iter::once(&configurations).chain(&meant).filter_map(|all| all.last().cloned()).collect();
        let floors = (1..=fleet.plan.len() as u16).filter(|step| fleet.plan[usize::from(*step) - 1].floor);
        let rollbacks = std::iter::once(0).chain(floors).map(|floor| (floor, rollback(fleet, &configurations, floor)));
        Self {
            forward: fleet
                .plan
                .iter()
                .cloned()
                .enumerate()
                .map(|(at, line)| Entry { line: barred(line, at as u16 + 1), step: at as u16 + 1 })
                .collect(),
            rollbacks: rollbacks.collect(),
            hotfix: always(&fleet.hotfix),
            repairs: always(&repairs(fleet)),
            configurations,
            goals,
        }
    }

    /// Whether every line of every programme has a number of one byte.
    pub fn fit(&self) -> bool {
        let rollbacks = self.rollbacks.iter().map(|(_, entries)| entries.len());
        rollbacks.chain([self.forward.len(), self.repairs.len()]).all(|lines| lines <= LINES_MAX)
    }

    /// The rollback for a floor.
    pub fn rollback(&self, floor: u8) -> &[Entry] {
        let found = self.rollbacks.iter().find(|(step, _)| *step == u16::from(floor));
        found.map_or(&[], |(_, entries)| entries)
    }
}

/// A step that needs one which is not run before it can never begin.
fn barred(mut line: Line, step: u16) -> Line {
    if line.needs.iter().any(|needed| *needed >= step) {
        line.when.push(Atom::Never);
    }
    line
}

fn always(lines: &[Line]) -> Vec<Entry> {
    lines.iter().cloned().map(|line| Entry { line, step: 0 }).collect()
}

fn configurations(fleet: &Definition, plan: &[Line]) -> Vec<Configuration> {
    let versions = fleet.actors.iter().map(|actor| (actor.versions.start, u32::MAX, actor.versions.start)).collect();
    let columns = fleet.places.iter().map(|place| {
        place.fields.iter().map(|field| match (field.exists, field.not_null) {
            (false, _) => column::NONE,
            (true, false) => column::NULLABLE,
            (true, true) => column::NOT_NULL,
        })
    });
    let mut now = Configuration {
        versions,
        replicas: fleet.actors.iter().map(|actor| actor.replicas).collect(),
        values: fleet.values.iter().map(|value| value.starts).collect(),
        columns: columns.map(Iterator::collect).collect(),
    };
    let mut all = vec![now.clone()];
    for line in plan {
        now.take(line);
        all.push(now.clone());
    }
    all
}

impl Line {
    /// A line that does `action` and nothing else.
    fn plain(action: Action) -> Self {
        Self {
            action,
            when: vec![],
            verify: vec![],
            needs: vec![],
            forgets: false,
            undo: Some(vec![]),
            floor: false,
            once: false,
            bake: 0,
            canary: 0,
            stragglers_included: false,
            stays_at: u32::MAX,
            origin: crate::relation::Label::NONE,
        }
    }
}

impl Configuration {
    fn take(&mut self, line: &Line) {
        match &line.action {
            Action::Deploy { actor, version } => {
                let entry = &mut self.versions[usize::from(*actor)];
                let before = entry.0;
                *entry = (*version, line.stays_at, if line.stays_at == u32::MAX { *version } else { before });
            }
            Action::Set { value, to } => self.values[usize::from(*value)] = *to,
            Action::Scale { actor, to } => self.replicas[usize::from(*actor)] = *to,
            Action::Migrate { table, change } => change.take(&mut self.columns[usize::from(*table)]),
            _ => {}
        }
    }
}

impl SchemaChange {
    /// Changes a table's columns.
    pub fn take(self, columns: &mut [u8]) {
        match self {
            Self::Add(field) => columns[usize::from(field)] = columns[usize::from(field)].max(column::NULLABLE),
            Self::Drop(field) => columns[usize::from(field)] = column::NONE,
            Self::Rename(from, to) => {
                columns[usize::from(to)] = columns[usize::from(from)];
                columns[usize::from(from)] = column::NONE;
            }
            Self::Nullable(field) => columns[usize::from(field)] = column::NULLABLE,
            Self::NotNull(field) => columns[usize::from(field)] = column::NOT_NULL,
            Self::DropValue(..) => {}
        }
    }

    /// Whether the columns that the change speaks of are there, and the one that it makes is not.
    pub fn fits(self, columns: &[u8]) -> bool {
        let there = |field: u8| columns[usize::from(field)] != column::NONE;
        match self {
            Self::Add(field) => !there(field),
            Self::Rename(from, to) => there(from) && !there(to),
            Self::Drop(field) | Self::Nullable(field) | Self::NotNull(field) | Self::DropValue(field, _) => {
                there(field)
            }
        }
    }

    /// Whether the change is already there.
    pub fn holds(self, columns: &[u8]) -> bool {
        match self {
            Self::Add(field) => columns[usize::from(field)] != column::NONE,
            Self::Drop(field) => columns[usize::from(field)] == column::NONE,
            Self::Rename(from, to) => {
                columns[usize::from(from)] == column::NONE && columns[usize::from(to)] != column::NONE
            }
            Self::Nullable(field) => columns[usize::from(field)] != column::NOT_NULL,
            Self::NotNull(field) => columns[usize::from(field)] == column::NOT_NULL,
            Self::DropValue(..) => false,
        }
    }

    /// The change that takes it back, given whether the column was not null before; `None` = nothing can.
    pub fn inverse(self, columns_before: &[u8]) -> Option<Self> {
        match self {
            Self::Add(field) => Some(Self::Drop(field)),
            Self::Drop(field) => Some(Self::Add(field)),
            Self::Rename(from, to) => Some(Self::Rename(to, from)),
            Self::Nullable(field) => {
                (columns_before[usize::from(field)] == column::NOT_NULL).then_some(Self::NotNull(field))
            }
            Self::NotNull(field) => Some(Self::Nullable(field)),
            Self::DropValue(..) => None,
        }
    }

    /// Whether the change takes something away; the others are kept by `inverse`.
    pub fn narrows(self) -> bool {
        matches!(self, Self::Drop(_) | Self::Rename(..) | Self::NotNull(_) | Self::DropValue(..))
    }
}

fn rollback(fleet: &Definition, configurations: &[Configuration], floor: u16) -> Vec<Entry> {
    match &fleet.rollback {
        RollbackRule::To(lists) => {
            let list = lists.iter().find(|(step, _)| *step == floor);
            list.map_or_else(
                || reverse(fleet, configurations, floor, Reverse::Inverse),
                |(_, lines)| listed(fleet, lines),
            )
        }
        RollbackRule::List(lines) => {
            let undo_past_floor = floor > 0
                && fleet.plan[usize::from(floor)..]
                    .iter()
                    .any(|line| line.undo.as_ref().is_some_and(|undo| !undo.is_empty()));
            if undo_past_floor {
                reverse(fleet, configurations, floor, Reverse::UndoOnly)
            } else {
                let mut entries = listed(fleet, lines);
                if floor > 0 {
                    entries.iter_mut().for_each(|entry| cap(entry, &configurations[usize::from(floor)]));
                }
                entries
            }
        }
        RollbackRule::Inverse => reverse(fleet, configurations, floor, Reverse::Inverse),
        RollbackRule::CodeOnly => reverse(fleet, configurations, floor, Reverse::CodeOnly),
        RollbackRule::UndoEverything => reverse(fleet, configurations, floor, Reverse::Everything),
    }
}

/// The lines of a listed rollback. All of them run; but where the step that takes a backup is not begun, there is
/// nothing yet that restoring would undo.
fn listed(fleet: &Definition, lines: &[Line]) -> Vec<Entry> {
    let mut entries = always(lines);
    for entry in &mut entries {
        let Action::Restore(place, from) = entry.line.action else { continue };
        let backs_up = |line: &Line| matches!(line.action, Action::Backup(copied, step) if copied == place && from.is_none_or(|from| from == step));
        entry.step = fleet.plan.iter().position(backs_up).map_or(0, |at| at as u16 + 1);
    }
    entries
}

/// A deploy or value below the floor's is replaced by the floor's.
fn cap(entry: &mut Entry, floor: &Configuration) {
    match &mut entry.line.action {
        Action::Deploy { actor, version } => *version = (*version).max(floor.versions[usize::from(*actor)].0),
        Action::Set { value, to } => *to = (*to).max(floor.values[usize::from(*value)]),
        _ => {}
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Reverse {
    Inverse,
    CodeOnly,
    Everything,
    UndoOnly,
}

/// The steps taken back in reverse order; what re-runs stays behind the step that it followed.
fn reverse(fleet: &Definition, configurations: &[Configuration], floor: u16, rule: Reverse) -> Vec<Entry> {
    let mut blocks: Vec<Vec<u16>> = Vec::new();
    for step in floor + 1..=fleet.plan.len() as u16 {
        let line = &fleet.plan[usize::from(step) - 1];
        match blocks.last_mut() {
            Some(block) if reruns(&line.action) => block.push(step),
            _ => blocks.push(vec![step]),
        }
    }
    let mut entries = Vec::new();
    for step in blocks.into_iter().rev().flatten() {
        let line = &fleet.plan[usize::from(step) - 1];
        entries.extend(
            taken_back(fleet, line, &configurations[usize::from(step) - 1], rule)
                .into_iter()
                .map(|line| Entry { line, step }),
        );
    }
    entries
}

fn reruns(action: &Action) -> bool {
    matches!(action, Action::Restart(_) | Action::Drain(_) | Action::Wait(_))
}

fn taken_back(fleet: &Definition, line: &Line, before: &Configuration, rule: Reverse) -> Vec<Line> {
    let Some(undo) = &line.undo else {
        return vec![];
    };
    if rule == Reverse::UndoOnly {
        return undo.clone();
    }
    let mut lines = if rule == Reverse::CodeOnly { vec![] } else { undo.clone() };
    let back = |action: Action| Line {
        when: needed(fleet, &action),
        stragglers_included: line.stragglers_included,
        origin: line.origin,
        ..Line::plain(action)
    };
    let code_only = rule == Reverse::CodeOnly;
    let action = match &line.action {
        Action::Deploy { actor, .. } => {
            Some(Action::Deploy { actor: *actor, version: before.versions[usize::from(*actor)].0 })
        }
        Action::Set { value, .. } if !code_only => {
            Some(Action::Set { value: *value, to: before.values[usize::from(*value)] })
        }
        Action::Scale { actor, .. } if !code_only => {
            Some(Action::Scale { actor: *actor, to: before.replicas[usize::from(*actor)] })
        }
        Action::Migrate { table, change } if !code_only && (change.narrows() || rule == Reverse::Everything) => {
            change.inverse(&before.columns[usize::from(*table)]).map(|change| Action::Migrate { table: *table, change })
        }
        action if !code_only && reruns(action) => Some(action.clone()),
        _ => None,
    };
    lines.extend(action.map(back));
    lines
}

/// What ◆ may use: flush, drain, requeue, values, any deploy, and what is declared.
fn repairs(fleet: &Definition) -> Vec<Line> {
    let mut actions = Vec::new();
    for (id, place) in fleet.places.iter().enumerate() {
        let id = id as u16;
        match place.kind {
            PlaceKind::Cache(_) => actions.push((OpKind::Flush, Action::Flush(id))),
            PlaceKind::Queue(_) => {
                actions.push((OpKind::Drain, Action::Drain(id)));
                actions.push((OpKind::Requeue, Action::Requeue(id)));
            }
            _ => {}
        }
    }
    for (value, declared) in fleet.values.iter().enumerate().filter(|(_, declared)| declared.flag) {
        for to in 0..declared.values {
            actions.push((OpKind::Set, Action::Set { value: value as u16, to }));
        }
    }
    for (actor, declared) in fleet.actors.iter().enumerate() {
        let deployed = fleet
            .plan
            .iter()
            .chain(&fleet.intended)
            .any(|line| matches!(line.action, Action::Deploy { actor: of, .. } if usize::from(of) == actor));
        for version in declared.versions.clone().filter(|_| deployed) {
            actions.push((OpKind::Deploy, Action::Deploy { actor: actor as u16, version }));
        }
    }
    let allowed = actions
        .into_iter()
        .filter(|(kind, _)| !fleet.may_not.contains(kind))
        .map(|(_, action)| Line { when: needed(fleet, &action), ..Line::plain(action) });
    allowed.chain(fleet.repairs.iter().cloned()).collect()
}

/// What an operator's move that is not written in the scenario needs.
fn needed(fleet: &Definition, action: &Action) -> Fact {
    let kind = match action {
        Action::Deploy { .. } => OpKind::Deploy,
        Action::Set { .. } => OpKind::Set,
        Action::Drain(_) => OpKind::Drain,
        Action::Flush(_) => OpKind::Flush,
        Action::Requeue(_) => OpKind::Requeue,
        _ => return vec![],
    };
    let subject = subject_of(action);
    let needs = fleet.needs.iter().filter(|(of, on, _)| *of == kind && on.is_none_or(|on| Some(on) == subject));
    needs.flat_map(|(.., fact)| fact.clone()).collect()
}

/// The place, actor or value that a built-in repair works on.
fn subject_of(action: &Action) -> Option<u16> {
    match action {
        Action::Flush(of) | Action::Drain(of) | Action::Requeue(of) => Some(*of),
        Action::Set { value: of, .. } | Action::Deploy { actor: of, .. } => Some(*of),
        _ => None,
    }
}
