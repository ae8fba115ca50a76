//! The table of the steps: can you go back, who is hurt, where does your rollback end.

use super::page::{Page, Piece};
use super::style::{Role, Symbol};
use super::table::{self, Column, Row};
use crate::report::{Harm, PlanReport, Point, Position, RollbackEnds, Zone};

const COLUMNS: [Column; 4] = [
    Column { heading: "step", least: 14 },
    Column { heading: "go back?", least: 15 },
    Column { heading: "hurts now?", least: 12 },
    Column { heading: "end of your rollback", least: 9 },
];

/// How many of those who are hurt the table names at one step.
const NAMED: usize = 2;

const NOT_REACHED: &str = "not reached";

/// Writes the table of `plan`.
pub fn write(page: &mut Page, plan: &PlanReport) {
    let rules = Rules::of(plan);
    let mut rows = Vec::new();
    push_rules(&mut rows, &rules, None);
    push_step(&mut rows, page, plan, 0, "start");
    push_rules(&mut rows, &rules, Some(0));
    for step in &plan.steps {
        push_step(&mut rows, page, plan, step.number, &format!("{} {}", step.number, step.text));
        push_rules(&mut rows, &rules, Some(step.number));
    }
    table::write(page, &COLUMNS, &rows);
}

/// The symbol of a zone.
pub fn zone_symbol(zone: Zone) -> Symbol {
    match zone {
        Zone::Rollback => Symbol::Rollback,
        Zone::Forward => Symbol::Forward,
        Zone::Repair => Symbol::Repair,
        Zone::Undecided => Symbol::Undecided,
        Zone::Irrecoverable => Symbol::Irrecoverable,
    }
}

/// The colour of a zone.
pub fn zone_role(zone: Zone) -> Role {
    match zone {
        Zone::Rollback => Role::Good,
        Zone::Forward => Role::Caution,
        Zone::Repair => Role::Grave,
        Zone::Undecided => Role::Open,
        Zone::Irrecoverable => Role::Bad,
    }
}

/// The rules across the table: each after a step, 0 for the start; `None` above everything.
struct Rules {
    found: Option<usize>,
    promised: Option<usize>,
    promised_id: String,
    broken: bool,
    open: bool,
}

impl Rules {
    fn of(plan: &PlanReport) -> Rules {
        let promised = &plan.rollback_safe_until.promised;
        Rules {
            found: plan.last_safe_rollback_point.as_ref().map(|point| number(plan, point)),
            promised: match promised {
                Point::Start => None,
                Point::Step(_) => Some(number(plan, promised).saturating_sub(1)),
                Point::End => Some(plan.steps.len()),
            },
            promised_id: promised.id().to_owned(),
            broken: promise_is_broken(plan),
            open: is_open(plan),
        }
    }
}

/// Whether nobody knows if the rollback works at the first step after the last one where it is known to.
pub fn is_open(plan: &PlanReport) -> bool {
    let next = plan.last_safe_rollback_point.as_ref().map_or(0, |point| number(plan, point) + 1);
    let mut here = plan.positions.iter().filter(|position| position.step == next).peekable();
    here.peek().is_some() && here.all(|position| matches!(position.zone, Zone::Rollback | Zone::Undecided))
}

/// Whether some position before the promised step is known to have no rollback.
fn promise_is_broken(plan: &PlanReport) -> bool {
    let until = match &plan.rollback_safe_until.promised {
        Point::Start => 0,
        Point::End => plan.steps.len() + 1,
        step => number(plan, step),
    };
    let known = |position: &Position| !matches!(position.zone, Zone::Rollback | Zone::Undecided);
    plan.positions.iter().any(|position| position.step < until && known(position))
}

fn number(plan: &PlanReport, point: &Point) -> usize {
    match point {
        Point::Start => 0,
        Point::Step(id) => plan.steps.iter().find(|step| step.id == *id).map_or(0, |step| step.number),
        Point::End => plan.steps.len(),
    }
}

fn push_rules(rows: &mut Vec<Row<4>>, rules: &Rules, after: Option<usize>) {
    let promised = format!("promised until {}", rules.promised_id);
    if rules.open && rules.found.is_none() && rules.promised != after && after.is_none() {
        return;
    }
    let found = if rules.open { "rollback known to work until here" } else { "last safe rollback point" };
    let label = match (rules.found == after, rules.promised == after) {
        (true, true) => format!("{found} = {promised}"),
        (true, false) => found.to_owned(),
        (false, true) if rules.promised <= rules.found => promised,
        (false, true) if rules.broken => format!("{promised}: not kept"),
        (false, true) => format!("{promised}: not decided"),
        (false, false) => return,
    };
    let symbol = if rules.found == after { Symbol::HeavyLine } else { Symbol::Line };
    rows.push(Row::Rule(symbol, label));
}

fn push_step(rows: &mut Vec<Row<4>>, page: &Page, plan: &PlanReport, number: usize, text: &str) {
    let positions: Vec<&Position> = plan.positions.iter().filter(|position| position.step == number).collect();
    if positions.is_empty() && number == 0 {
        return;
    }
    rows.push(Row::Cells([
        vec![Piece::plain(text)],
        go_back(page, &positions),
        hurts(page, &positions),
        rollback_ends(&positions),
    ]));
}

fn go_back(page: &Page, positions: &[&Position]) -> Vec<Piece> {
    let Some(worst) = positions.iter().max_by_key(|position| (position.zone, position.reason)) else {
        return vec![Piece::new(Role::Quiet, NOT_REACHED)];
    };
    let role = zone_role(worst.zone);
    let mut cell = vec![Piece::new(role, format!("{} {}", page.symbol(zone_symbol(worst.zone)), worst.zone.word()))];
    if let Some(reason) = worst.reason {
        cell.push(Piece::new(role, format!("({})", reason.word())));
    }
    cell
}

fn hurts(page: &Page, positions: &[&Position]) -> Vec<Piece> {
    let harms = || positions.iter().flat_map(|position| &position.harms);
    let charged = by_victim(harms().filter(|harm| harm.charged));
    if !charged.is_empty() {
        let text = format!("{} {}", page.symbol(Symbol::Hurt), named(&charged));
        return vec![Piece::new(Role::Bad, text)];
    }
    let others = by_victim(harms());
    if !others.is_empty() {
        let text = format!("would hurt {}", named(&others));
        return vec![Piece::new(Role::Caution, text)];
    }
    vec![Piece::new(Role::Quiet, nobody(positions))]
}

/// "Nobody" is certain only where everything was explored.
fn nobody(positions: &[&Position]) -> &'static str {
    let open =
        |position: &&Position| position.zone == Zone::Undecided || position.rollback_ends == RollbackEnds::Undecided;
    match positions {
        [] => NOT_REACHED,
        _ if positions.iter().any(open) => "none found",
        _ => "no",
    }
}

/// Everybody who is hurt, each with what happens to them, in the order of `harms`.
fn by_victim<'a>(harms: impl Iterator<Item = &'a Harm>) -> Vec<(&'a str, Vec<&'static str>)> {
    let mut victims: Vec<(&str, Vec<&str>)> = Vec::new();
    for harm in harms {
        let words = [Some(harm.kind.word()), harm.silent.then_some("silent")];
        let at = victims.iter().position(|(who, _)| *who == harm.who);
        let at = at.unwrap_or_else(|| {
            victims.push((&harm.who, Vec::new()));
            victims.len() - 1
        });
        for word in words.into_iter().flatten() {
            if !victims[at].1.contains(&word) {
                victims[at].1.push(word);
            }
        }
    }
    victims
}

fn named(victims: &[(&str, Vec<&str>)]) -> String {
    let named = &victims[..victims.len().min(NAMED)];
    let texts: Vec<String> = named.iter().map(|(who, what)| format!("{who} ({})", what.join(", "))).collect();
    let mut text = texts.join(", ");
    if victims.len() > NAMED {
        text.push_str(&format!(" and {} more", victims.len() - NAMED));
    }
    text
}

fn rollback_ends(positions: &[&Position]) -> Vec<Piece> {
    let Some(worst) = positions.iter().map(|position| position.rollback_ends).max() else {
        return vec![Piece::new(Role::Quiet, NOT_REACHED)];
    };
    let role = match worst {
        RollbackEnds::Home => Role::Good,
        RollbackEnds::Hurts => Role::Caution,
        RollbackEnds::Undecided => Role::Open,
        RollbackEnds::Stuck | RollbackEnds::Lost => Role::Bad,
    };
    vec![Piece::new(role, worst.word())]
}
