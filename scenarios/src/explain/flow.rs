//! Gates, metrics, the operator, plans and promises.

use crate::ast::{
    BackfillSource, Counted, Expect, Gate, OperatorRules, Plan, Rollback, Scenario, Share, Step, Verb, Verify,
};
use crate::units::written;

use super::guards::{comparison, fact, field_state, value_name};
use super::{Lines, row};

pub(super) fn explain(scenario: &Scenario, text: &mut Lines) {
    if !scenario.gates.is_empty() || !scenario.metrics.is_empty() {
        text.heading("Gates and metrics");
    }
    for gate in &scenario.gates {
        text.line(1, &explain_gate(gate));
    }
    for (name, target) in &scenario.metrics {
        text.line(1, &format!("{} is the share of {} that ends well.", name.value, target.value));
    }
    if scenario.plans.is_empty() {
        text.heading("No plan: the start alone is judged");
    }
    for plan in &scenario.plans {
        explain_plan(scenario, plan, text);
    }
    if !scenario.repairs.is_empty() {
        text.heading("A repair may also use");
        steps(scenario, &scenario.repairs, 1, text);
    }
    explain_operator(scenario, &scenario.operator, text);
}

fn explain_gate(gate: &Gate) -> String {
    let conditions = gate.abort_if.iter().map(|condition| {
        let condition = &condition.value;
        let of = condition.of.as_ref().map(|of| format!(" of the {of}")).unwrap_or_default();
        let unknown = if condition.known { "" } else { " (which nobody declares, so it never fires)" };
        format!("{}{of} is {} {}{unknown}", condition.metric, comparison(condition.op), condition.limit)
    });
    let conditions = row(&conditions.collect::<Vec<_>>(), "or");
    format!("Gate {} aborts if {conditions} for {}.", gate.name.value, written(gate.during))
}

fn explain_plan(scenario: &Scenario, plan: &Plan, text: &mut Lines) {
    match &plan.name {
        Some(name) => text.heading(&format!("Plan {}", name.value)),
        None => text.heading("Plan"),
    }
    steps(scenario, &plan.steps, 1, text);
    match &plan.rollback {
        Rollback::Inverse => text.line(1, "Rollback: the exact reverse order of the steps begun."),
        Rollback::CodeOnly => text.line(1, "Rollback: the deploys alone."),
        Rollback::UndoEverything => text.line(1, "Rollback: everything in reverse, down-migrations too."),
        Rollback::List(list) => {
            text.line(1, "Rollback:");
            steps(scenario, list, 2, text);
        }
        Rollback::To(floors) => {
            for (floor, list) in floors {
                text.line(1, &format!("Rollback to `{}`:", floor.value));
                steps(scenario, list, 2, text);
            }
        }
    }
    if !plan.rollforward.is_empty() {
        text.line(1, "Hotfix:");
        steps(scenario, &plan.rollforward, 2, text);
    }
    explain_expect(&plan.expect, text);
}

fn steps(scenario: &Scenario, steps: &[Step], depth: usize, text: &mut Lines) {
    for (at, step) in steps.iter().enumerate() {
        text.line(depth, &format!("{}. {}.", at + 1, verb(scenario, &step.verb)));
        if let Verb::Parallel(inner) = &step.verb {
            self::steps(scenario, inner, depth + 1, text);
        }
        for line in modifiers(scenario, step) {
            text.line(depth + 1, &line);
        }
        match step.undo.as_deref() {
            None => {}
            Some([]) => text.line(depth + 1, "nothing takes it back"),
            Some(undo) => {
                text.line(depth + 1, "taken back by:");
                self::steps(scenario, undo, depth + 2, text);
            }
        }
    }
}

fn verb(scenario: &Scenario, verb: &Verb) -> String {
    match verb {
        Verb::Migrate { table, migration, undo: false } => format!("Run migration {migration} of {table}"),
        Verb::Migrate { table, migration, .. } => format!("Take back migration {migration} of {table}"),
        Verb::Deploy { service, version } => format!("Deploy {service} {version}"),
        Verb::Set { value, to } => format!("Set {value} to {}", value_name(scenario, value, *to)),
        Verb::Backfill { .. } => backfill(verb),
        Verb::Wait(time) => format!("Wait {}", written(*time)),
        Verb::WaitUntil(guard) => format!("Wait until {}", fact(scenario, guard)),
        Verb::Drain(queue) => format!("Drain {queue}"),
        Verb::Flush(cache) => format!("Flush {cache}"),
        Verb::Purge(place, None) => format!("Discard everything in {place}"),
        Verb::Purge(place, Some((field, state))) => {
            format!("Discard what is in {place} where {field} is {}", field_state(false, state))
        }
        Verb::Move(from, to) => format!("Move the messages of {from} to {to}"),
        Verb::Requeue(queue) => format!("Put the dead letters of {queue} back"),
        Verb::Backup(place) => format!("Back up {place}"),
        Verb::Restore(place, None) => format!("Restore the last backup of {place}, whatever was written since"),
        Verb::Restore(place, Some(step)) => {
            format!("Restore the backup of {place} that `{step}` took, whatever was written since")
        }
        Verb::Restart(service) => format!("Restart {service}"),
        Verb::Replace(service) => {
            format!("Replace the replicas of {service} by new ones, with the disks of the start")
        }
        Verb::Scale(service, number) => format!("Change the replicas of {service} to {number}"),
        Verb::Fence { service, version, holds } => {
            let version = version.as_ref().map_or(String::new(), |version| format!(" {version}"));
            let so = holds.as_ref().map_or(String::new(), |(place, field, not, state)| {
                format!(" where {place}.{field} is {}", field_state(*not, state))
            });
            format!("Stop every replica of {service}{version}{so} for good")
        }
        Verb::Pause => "Wait for a person to confirm".to_owned(),
        Verb::Parallel(_) => "Side by side".to_owned(),
    }
}

fn backfill(verb: &Verb) -> String {
    let Verb::Backfill { place, field, source, overwrite, batched, rate, idempotent } = verb else {
        return String::new();
    };
    let what = match source {
        BackfillSource::Field { place: None, field: from } => format!("Fill {place}.{field} from {from}"),
        BackfillSource::Field { place: Some(other), field: from } => {
            format!("Fill {place}.{field} from {other}.{from}")
        }
        BackfillSource::Literal(literal) => format!("Fill {place}.{field} with \"{literal}\""),
        BackfillSource::Retag { from, to } => format!("Turn {from} into {to} in {place}.{field}"),
    };
    let scope = if *overwrite { "everywhere" } else { "where it is absent" };
    let scope = if matches!(source, BackfillSource::Retag { .. }) { "" } else { scope };
    let batched = if *batched { "reading and writing apart" } else { "" };
    let twice = if *idempotent { "" } else { "an item done twice is wrong" };
    let rate = rate.map(|rate| format!("{rate} rows/s")).unwrap_or_default();
    let words = [what.as_str(), scope, batched, twice, rate.as_str()];
    words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ")
}

fn modifiers(scenario: &Scenario, step: &Step) -> Vec<String> {
    let mut lines = vec![format!("called `{}`", step.id)];
    lines.extend(step.when.as_ref().map(|guard| format!("begins only if {}", fact(scenario, guard))));
    let needs: Vec<String> = step.needs.iter().map(|need| format!("`{}`", need.value)).collect();
    lines.extend((!needs.is_empty()).then(|| format!("needs {}", row(&needs, "and"))));
    lines.extend(step.like.as_ref().map(|like| format!("behaves as {}", like.value)));
    lines.extend(step.ready_in.map(|time| format!("the release is ready in {}", written(time))));
    lines.extend(rolling(step));
    lines.extend(step.gate.as_ref().map(|gate| format!("watched by gate {}", gate.value)));
    lines.extend(step.stragglers_included.then(|| "moves the stragglers too".to_owned()));
    lines.extend(step.verify.as_ref().map(|verify| explain_verify(&verify.value)));
    lines.extend(step.floor.then(|| "once done, rolling back means back to here".to_owned()));
    lines.extend(step.once.then(|| "does not run again on a second attempt".to_owned()));
    lines
}

fn rolling(step: &Step) -> Option<String> {
    let rolls = matches!(step.verb, Verb::Deploy { .. }) || !step.canary.is_empty() || step.bake > 0;
    let stages: Vec<String> = step
        .canary
        .iter()
        .map(|stage| match stage {
            Share::Replicas(count) => format!("{count} replicas"),
            Share::Percent(percent) => format!("{percent}%"),
        })
        .collect();
    let stages = match stages.as_slice() {
        [] => "all at once, one replica after the other".to_owned(),
        stages => format!("in stages: {}", stages.join(", ")),
    };
    rolls.then(|| format!("{stages}; each is watched for {}", written(step.bake)))
}

fn explain_verify(verify: &Verify) -> String {
    let field = &verify.field;
    let counted = match &verify.counted {
        Counted::Absent => format!("{field} is absent"),
        Counted::Tag(tag) => format!("{field} is {tag}"),
        Counted::DistinctFrom(other) => format!("{field} differs from {other}"),
    };
    format!("done only if the rows where {counted} are {} {}", comparison(verify.op), verify.limit)
}

fn explain_expect(expect: &Expect, text: &mut Lines) {
    let until = expect.rollback_safe_until.as_ref().map_or("end", |until| until.value.as_str());
    let mut lines = vec![match until {
        "end" => "the rollback ends at home from every position".to_owned(),
        step => format!("the rollback ends at home from every position before `{step}`"),
    }];
    lines.extend(expect.verdict.as_ref().map(|verdict| format!("the verdict is {}", verdict.value)));
    lines.extend(expect.recovery.as_ref().map(|recovery| format!("the recovery is {}", recovery.value)));
    if let Some(turn) = &expect.no_return {
        lines.push(format!("the point of no return is `{}` ({})", turn.step, turn.written.value));
    }
    let loss = if expect.loss_accepted { "a repair may discard something" } else { "nothing is lost" };
    lines.push(loss.to_owned());
    for (metric, op, limit) in &expect.metrics {
        lines.push(format!("{} is {} {limit}", metric.value, comparison(*op)));
    }
    text.line(1, "Promised:");
    for line in lines {
        text.line(2, &line);
    }
}

fn explain_operator(scenario: &Scenario, rules: &OperatorRules, text: &mut Lines) {
    text.heading("Operator");
    text.line(1, &format!("waits at most {} in a recovery", written(rules.waits_at_most)));
    for name in &rules.may_not {
        text.line(1, &format!("may not {}", name.value));
    }
    for (name, guard) in &rules.needs {
        text.line(1, &format!("can {} only while {}", name.value, fact(scenario, guard)));
    }
    for (name, time) in &rules.takes {
        text.line(1, &format!("needs {} to {}", written(*time), name.value));
    }
}
