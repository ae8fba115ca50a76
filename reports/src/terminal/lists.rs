//! What a reader should know beside the findings, one list per subject; empty lists are not written.

use super::page::{Page, Piece};
use super::steps::{zone_role, zone_symbol};
use super::style::{Role, Symbol};
use crate::report::{Harm, Mismatch, PlanReport, Position, RollbackEnds, Vacuous, ValueSeen, VersionPair, Zone};

/// Writes the way out of every position that the rollback does not save, positions with the same way out together.
pub fn write_ways_out(page: &mut Page, plan: &PlanReport) {
    let mut groups: Vec<(&Position, Vec<String>)> = Vec::new();
    for position in plan.positions.iter().filter(|position| position.zone != Zone::Rollback) {
        if position.procedure.is_none() {
            continue;
        }
        let place = format!("{} ({})", position.step, position.at.word());
        let same = |group: &(&Position, Vec<String>)| {
            (group.0.zone, &group.0.procedure) == (position.zone, &position.procedure)
        };
        match groups.iter_mut().find(|group| same(group)) {
            Some((_, places)) => places.push(place),
            None => groups.push((position, vec![place])),
        }
    }
    if groups.is_empty() {
        return;
    }
    heading(page, "ways out");
    for (position, places) in groups {
        write_way_out(page, position, &places);
    }
    write_forward_warning(page, plan);
}

fn write_way_out(page: &mut Page, position: &Position, places: &[String]) {
    let arrow = format!(" {} ", page.symbol(Symbol::Arrow));
    let procedure = position.procedure.as_deref().unwrap_or_default().join(&arrow);
    let zone = format!("{} {}", page.symbol(zone_symbol(position.zone)), position.zone.word());
    let body = [
        Piece::new(zone_role(position.zone), zone),
        Piece::plain(format!("at {}:", places.join(", "))),
        Piece::plain(procedure),
    ];
    page.paragraph(&[Piece::plain("  ")], &body);
}

/// Forward is a way out only for those who have not begun the rollback.
fn write_forward_warning(page: &mut Page, plan: &PlanReport) {
    let trap = |position: &&Position| {
        position.zone == Zone::Forward && matches!(position.rollback_ends, RollbackEnds::Stuck | RollbackEnds::Lost)
    };
    let mut steps: Vec<String> = plan.positions.iter().filter(trap).map(|position| position.step.to_string()).collect();
    steps.dedup();
    if steps.is_empty() {
        return;
    }
    let text = format!("do not begin the rollback at step {}: it makes things worse", steps.join(", "));
    page.paragraph(&[Piece::plain("  ")], &[Piece::new(Role::Caution, text)]);
}

/// Writes every other list of `plan`.
pub fn write(page: &mut Page, plan: &PlanReport) {
    write_mismatches(page, &plan.mismatches);
    write_harms(page, "would hurt, beyond the promise", &plan.would_hurt);
    write_harms(page, "pre-existing, not charged to the plan", &plan.pre_existing);
    write_texts(page, "parked: harmless, but neither home nor goal", &plan.parked);
    write_vacuous(page, &plan.vacuous);
    write_texts(page, "not stated", &plan.not_stated);
    write_texts(page, "assumed", &plan.assumed);
    write_texts(page, "not checked (`turnback simulate` judges it)", &plan.metrics_not_checked);
    write_coverage(page, plan);
    write_values(page, plan);
}

fn heading(page: &mut Page, text: &str) {
    page.blank();
    page.paragraph(&[], &[Piece::new(Role::Strong, text)]);
}

fn item(page: &mut Page, pieces: &[Piece]) {
    let dot = format!("  {} ", page.symbol(Symbol::Dot));
    page.paragraph(&[Piece::new(Role::Quiet, dot)], pieces);
}

fn line_piece(line: u32) -> Piece {
    Piece::new(Role::Quiet, format!("(line {line})")).whole()
}

fn write_texts(page: &mut Page, title: &str, texts: &[String]) {
    if texts.is_empty() {
        return;
    }
    heading(page, title);
    for text in texts {
        item(page, &[Piece::plain(text)]);
    }
}

fn write_harms(page: &mut Page, title: &str, harms: &[Harm]) {
    if harms.is_empty() {
        return;
    }
    heading(page, title);
    for harm in harms {
        let silent = if harm.silent { ", silent" } else { "" };
        let text = format!("{}: {} ({}{silent}): {}", harm.code, harm.who, harm.kind.word(), harm.what);
        item(page, &[Piece::plain(text), line_piece(harm.line)]);
    }
}

fn write_vacuous(page: &mut Page, vacuous: &[Vacuous]) {
    if vacuous.is_empty() {
        return;
    }
    heading(page, "vacuous: declared, and no path used it");
    for entry in vacuous {
        let mut pieces = vec![Piece::plain(format!("{}: {}", entry.code, entry.what))];
        pieces.extend(entry.line.map(line_piece));
        item(page, &pieces);
    }
}

fn write_mismatches(page: &mut Page, mismatches: &[Mismatch]) {
    if mismatches.is_empty() {
        return;
    }
    heading(page, "expected otherwise");
    for mismatch in mismatches {
        let text = format!("{}: expected {}, found {}", mismatch.key, mismatch.expected, mismatch.found);
        let mut pieces = vec![Piece::new(Role::Caution, text)];
        pieces.extend(mismatch.line.map(line_piece));
        item(page, &pieces);
    }
}

/// How many pairs of versions met, and, if everything is to be shown, who met whom where.
fn write_coverage(page: &mut Page, plan: &PlanReport) {
    let pairs = &plan.coverage;
    if pairs.is_empty() {
        return;
    }
    let met = pairs.iter().filter(|pair| pair.met).count();
    let so_far = if plan.complete { "" } else { " so far" };
    let more = if page.style.verbose { " (who wrote, who read)" } else { " (`-v` lists them)" };
    heading(page, &format!("version pairs: {met} of {} met{so_far}{more}", pairs.len()));
    if page.style.verbose {
        let lines = pairs.chunk_by(|one, next| (&one.place, &one.writer) == (&next.place, &next.writer));
        lines.for_each(|line| write_readers(page, line));
    }
}

/// Everybody who reads what one writer leaves in one place.
fn write_readers(page: &mut Page, pairs: &[VersionPair]) {
    let arrow = page.symbol(Symbol::Arrow);
    let readers = |met: bool| {
        let readers = pairs.iter().filter(|pair| pair.met == met).map(|pair| pair.reader.clone() + &fields(pair));
        readers.collect::<Vec<_>>().join(", ")
    };
    let (met, never) = (readers(true), readers(false));
    write_two(page, format!("{}: {} {arrow}", pairs[0].place, pairs[0].writer), &met, &never);
}

/// What happened, and what never did.
fn write_two(page: &mut Page, begin: String, some: &str, never: &str) {
    let mut pieces = vec![Piece::plain(match (some.is_empty(), never.is_empty()) {
        (true, _) => begin,
        (false, true) => format!("{begin} {some}"),
        (false, false) => format!("{begin} {some};"),
    })];
    if !never.is_empty() {
        pieces.push(Piece::new(Role::Quiet, format!("never {never}")));
    }
    item(page, &pieces);
}

/// The fields of a pair that met: those that were read, and those that never were.
fn fields(pair: &VersionPair) -> String {
    let (read, never) = (pair.fields.join(", "), pair.never.join(", "));
    match (pair.met, read.is_empty(), never.is_empty()) {
        (false, _, _) | (_, true, true) => String::new(),
        (true, false, true) => format!(" ({read})"),
        (true, true, false) => format!(" (never {never})"),
        (true, false, false) => format!(" ({read}; never {never})"),
    }
}

/// How many values of flags and configs somebody acted on, and, if everything is to be shown, which.
fn write_values(page: &mut Page, plan: &PlanReport) {
    let values = &plan.values_seen;
    if values.is_empty() {
        return;
    }
    let acted = values.iter().filter(|seen| seen.acted_on).count();
    let so_far = if plan.complete { "" } else { " so far" };
    let more = if page.style.verbose { "" } else { " (`-v` lists them)" };
    heading(page, &format!("values of flags and configs: {acted} of {} acted on{so_far}{more}", values.len()));
    if page.style.verbose {
        values.chunk_by(|one, next| one.value == next.value).for_each(|line| write_value(page, line));
    }
}

/// One flag or config.
fn write_value(page: &mut Page, values: &[ValueSeen]) {
    let which = |acted: bool| {
        let values = values.iter().filter(|seen| seen.acted_on == acted);
        let unseen = |seen: &ValueSeen| if seen.observed { "" } else { " (nobody observes it)" };
        values.map(|seen| format!("{}{}", seen.is, unseen(seen))).collect::<Vec<_>>().join(", ")
    };
    let (acted, never) = (which(true), which(false));
    let name = &values[0].value;
    write_two(page, format!("{name}:"), &acted, &never);
}
