//! What becomes of the plan when its operator makes a mistake: what carries the plan, and what is harmless.

use super::page::{Page, Piece};
use super::style::{Role, Symbol};
use crate::report::{PlanReport, SlipReport, Verdict};

/// Writes what was found for every slip, those that hurt first.
pub fn write(page: &mut Page, plan: &PlanReport) {
    if plan.slips.is_empty() {
        return;
    }
    page.blank();
    let rest = if plan.slips_cut_short { " were tried, not all" } else { "" };
    let title = format!("slips: {} ways in which the operator can go wrong{rest}", plan.slips.len());
    page.paragraph(&[], &[Piece::new(Role::Strong, title)]);
    let (mut hurting, harmless): (Vec<_>, Vec<_>) = plan.slips.iter().partition(|slip| slip.verdict != Verdict::Safe);
    let (same, mut worse): (Vec<_>, Vec<_>) = hurting.drain(..).partition(|slip| slip.as_written);
    worse.sort_by_key(|slip| std::cmp::Reverse((slip.verdict, slip.recovery)));
    for slip in &worse {
        write_slip(page, slip);
    }
    write_names(page, "as bad as the plan itself", &same);
    write_names(page, "harmless", &harmless);
    if let Some(slip) = worse.first() {
        page.paragraph(&[Piece::plain("  see it: ")], &[Piece::plain(&slip.command)]);
    }
}

fn write_slip(page: &mut Page, slip: &SlipReport) {
    let (role, symbol) = match slip.verdict {
        Verdict::Undecided => (Role::Open, Symbol::Undecided),
        _ => (Role::Bad, Symbol::Irrecoverable),
    };
    let title = slip.titles.first().map_or(String::new(), |title| format!("; {title}"));
    let more = match slip.titles.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let text = format!("{} (recovery: {}{title}{more})", slip.slips.join(" + "), slip.recovery.word());
    page.paragraph(&[Piece::new(role, format!("  {} ", page.symbol(symbol)))], &[Piece::plain(text)]);
}

fn write_names(page: &mut Page, title: &str, slips: &[&SlipReport]) {
    if slips.is_empty() {
        return;
    }
    let names: Vec<String> = slips.iter().map(|slip| slip.slips.join(" + ")).collect();
    let symbol = page.symbol(Symbol::Dot);
    let text = format!("{title}: {}", names.join("; "));
    page.paragraph(&[Piece::new(Role::Quiet, format!("  {symbol} "))], &[Piece::plain(text)]);
}
