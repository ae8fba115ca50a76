//! The verdict in the first line, what it rests on below, and how much was explored in the last line.

use super::page::{Page, Piece};
use super::steps;
use super::style::{Role, Symbol};
use crate::report::{PlanReport, Point, Promise, Report, TurningPoint, Undecided, Verdict};

/// Writes the verdict of `plan` and the reason in a sentence or two.
pub fn write(page: &mut Page, report: &Report, plan: &PlanReport) {
    page.blank();
    let (role, symbol) = match plan.verdict {
        Verdict::Safe => (Role::Good, Symbol::Rollback),
        Verdict::Unsafe => (Role::Bad, Symbol::Irrecoverable),
        Verdict::Undecided => (Role::Open, Symbol::Undecided),
    };
    let first = format!("{} {}  ", page.symbol(symbol), plan.verdict.word().to_uppercase());
    let mut body = vec![Piece::new(Role::Strong, &report.scenario)];
    if let Some(name) = &plan.plan {
        body.push(Piece::plain(format!("{} plan {name}", page.symbol(Symbol::Dot))));
    }
    body.push(Piece::new(Role::Quiet, format!("{} {}", page.symbol(Symbol::Dot), report.file)));
    page.paragraph(&[Piece::new(role, first)], &body);
    for slip in &plan.slipped {
        page.paragraph(&[Piece::plain("  the operator's mistake: ")], &[Piece::plain(slip)]);
    }
    page.paragraph(&[Piece::plain("  ")], &[Piece::plain(promise(&plan.rollback_safe_until, steps::is_open(plan)))]);
    page.paragraph(&[Piece::plain("  ")], &[Piece::plain(format!("worst recovery: {}", plan.recovery.word()))]);
    for point in &plan.point_of_no_return {
        write_turning_point(page, point);
    }
    if let Some(undecided) = &plan.undecided {
        write_undecided(page, undecided);
    }
    page.blank();
}

fn promise(promise: &Promise, open: bool) -> String {
    let found = until(&promise.found);
    if promise.found == promise.promised {
        return format!("rollback works {found}, as promised");
    }
    let promised = until(&promise.promised);
    match (open, &promise.found) {
        (true, Point::Start) => format!("how far the rollback works is not decided; promised {promised}"),
        (true, _) => format!("rollback is known to work {found}; promised {promised}"),
        (false, _) => format!("rollback works {found}; promised {promised}"),
    }
}

fn until(point: &Point) -> String {
    match point {
        Point::Start => "at no step".into(),
        Point::Step(id) => format!("until `{id}`"),
        Point::End => "until the end".into(),
    }
}

fn write_turning_point(page: &mut Page, point: &TurningPoint) {
    let text = match &point.event {
        Some(event) => format!("`{}`, then {event}", point.step),
        None => format!("`{}`", point.step),
    };
    page.paragraph(&[Piece::plain("  point of no return: ")], &[Piece::plain(text)]);
}

fn write_undecided(page: &mut Page, undecided: &Undecided) {
    page.paragraph(&[Piece::new(Role::Open, "  undecided: ")], &[Piece::plain(&undecided.why)]);
    page.paragraph(&[Piece::plain("  explored: ")], &[Piece::plain(&undecided.explored)]);
    if let Some(help) = &undecided.help {
        page.paragraph(&[Piece::new(Role::Advice, "  help: ")], &[Piece::plain(help)]);
    }
}

/// Writes how much was explored.
pub fn write_counts(page: &mut Page, plan: &PlanReport) {
    let extent = if plan.complete { "all of them explored" } else { "not all explored" };
    let text = format!("{} states, {} transitions, {extent}", grouped(plan.states), grouped(plan.transitions));
    page.blank();
    page.paragraph(&[], &[Piece::new(Role::Quiet, text)]);
}

/// `number` with its thousands apart: `465 275`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(7), "7");
        assert_eq!(grouped(465_275), "465 275");
        assert_eq!(grouped(22_592_295), "22 592 295");
    }
}
