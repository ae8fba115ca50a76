//! Positions, zones and harms.

use turnback_reports::report::{At, Harm, HarmKind, Position, Reason, RollbackEnds, Zone};
use turnback_sim::findings::judge::{self, Ends, PositionFinding, Procedure};
use turnback_sim::fleet::programme::Entry;
use turnback_sim::fleet::{Kind, Step};
use turnback_sim::relation::{self, Label};

use super::File;

impl File<'_> {
    pub(super) fn positions(&self) -> Vec<Position> {
        self.case.judgement.positions.iter().map(|found| self.position(found)).collect()
    }

    fn position(&self, found: &PositionFinding<Step>) -> Position {
        Position {
            step: usize::from(found.position.step),
            id: self.step_id(found.position.step),
            at: at(found.position.at),
            zone: zone(found.zone),
            reason: found.reason.map(reason),
            procedure: found.procedure.as_ref().map(|procedure| self.procedure(procedure)),
            rollback_ends: rollback_ends(found.rollback_ends),
            harms: found.harms.iter().filter_map(|harm| self.harm(&harm.label, harm.charged)).collect(),
        }
    }

    /// Where plan and rollback can end between home and goal without hurting anybody.
    pub(super) fn parked(&self) -> Vec<String> {
        let steps = |parked: fn(&PositionFinding<Step>) -> bool| {
            let found = self.case.judgement.positions.iter().filter(|found| parked(found));
            let mut steps: Vec<String> = found.map(|found| self.step_id(found.position.step)).collect();
            steps.dedup();
            steps.join(", ")
        };
        let ends = [
            ("the plan, stopped after", steps(|found| found.parks)),
            ("the rollback, begun at", steps(|found| found.rollback_parks)),
        ];
        ends.iter().filter(|(_, steps)| !steps.is_empty()).map(|(end, steps)| format!("{end} {steps}")).collect()
    }

    /// The moves of a way out.
    pub(super) fn procedure(&self, procedure: &Procedure<Step>) -> Vec<String> {
        match procedure {
            Procedure::Rollback => vec!["rollback".to_owned()],
            Procedure::Finish => vec!["finish the plan".to_owned()],
            Procedure::Hotfix => vec!["run the declared hotfix".to_owned()],
            Procedure::Moves(moves) => moves.iter().map(|step| self.repair(*step)).collect(),
        }
    }

    fn repair(&self, step: Step) -> String {
        let entry = self.case.fleet().programmes.repairs.get(usize::from(step.what));
        let entry = entry.filter(|_| step.kind == Kind::Repair);
        let with_loss = |entry: &Entry| if entry.line.action.discards() { " (with loss)" } else { "" };
        let line = |entry: &Entry| format!("{}{}", self.narrator.line(entry), with_loss(entry));
        entry.map_or_else(|| "the next move".to_owned(), line)
    }

    /// A harm; nothing for a bound of the exploration, which hurts nobody.
    pub(super) fn harm(&self, label: &Label, charged: bool) -> Option<Harm> {
        let kind = kind(label.harm)?;
        let place = self.narrator.blame(label).map_or(0, |span| span.start);
        let place = self.source.position(place);
        Some(Harm {
            code: kind.code(),
            kind,
            silent: label.harm.silent(),
            charged,
            who: self.narrator.who(label),
            what: self.narrator.what(label),
            line: place.line as u32,
            column: place.column as u32,
        })
    }
}

/// Every harm that is shown and not charged, once.
pub(super) fn would_hurt(positions: &[Position]) -> Vec<Harm> {
    let mut harms: Vec<Harm> = Vec::new();
    for harm in positions.iter().flat_map(|position| &position.harms).filter(|harm| !harm.charged) {
        if !harms.contains(harm) {
            harms.push(harm.clone());
        }
    }
    harms
}

fn at(at: relation::At) -> At {
    match at {
        relation::At::Start => At::Start,
        relation::At::Canary => At::Canary,
        relation::At::Mixed => At::Mixed,
        relation::At::Done => At::Done,
    }
}

pub(super) fn zone(zone: judge::Zone) -> Zone {
    match zone {
        judge::Zone::Rollback => Zone::Rollback,
        judge::Zone::Forward => Zone::Forward,
        judge::Zone::Repair => Zone::Repair,
        judge::Zone::Undecided => Zone::Undecided,
        judge::Zone::Irrecoverable => Zone::Irrecoverable,
    }
}

fn reason(reason: judge::Reason) -> Reason {
    match reason {
        judge::Reason::Lost => Reason::Lost,
        judge::Reason::Stuck => Reason::Stuck,
        judge::Reason::Luck => Reason::Luck,
        judge::Reason::Hidden => Reason::Hidden,
    }
}

fn rollback_ends(ends: Ends) -> RollbackEnds {
    match ends {
        Ends::Home => RollbackEnds::Home,
        Ends::Hurts => RollbackEnds::Hurts,
        Ends::Stuck => RollbackEnds::Stuck,
        Ends::Lost => RollbackEnds::Lost,
        Ends::Undecided => RollbackEnds::Undecided,
    }
}

pub(super) fn kind(harm: relation::Harm) -> Option<HarmKind> {
    Some(match harm {
        relation::Harm::Reject => HarmKind::Reject,
        relation::Harm::Crash => HarmKind::Crash,
        relation::Harm::Misread => HarmKind::Misread,
        relation::Harm::Drop => HarmKind::Drop,
        relation::Harm::DeadLetter => HarmKind::DeadLetter,
        relation::Harm::WriteFails => HarmKind::WriteFails,
        relation::Harm::Stalled => HarmKind::Stalled,
        relation::Harm::Loss => HarmKind::Loss,
        relation::Harm::Unexplored => return None,
    })
}
