//! What an operator gets wrong while he follows a plan. Every slip is another plan; the rollback stays the declared one.

use super::definition::{Action, Definition, Line, RollbackRule};
use super::programme::Programmes;

/// One mistake; steps are counted from 1, as the plan is written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Slip {
    /// The step is left out.
    Skip(u16),
    /// The step is run twice in a row.
    Repeat(u16),
    /// The step and the next one change places.
    Swap(u16),
    /// The rollout of that step leaves one replica behind: a straggler from then on.
    Miss(u16),
    /// The value is set before an earlier step.
    Early {
        /// The step that sets it.
        step: u16,
        /// The step before which it is set.
        before: u16,
    },
}

impl Slip {
    /// The step of `order`, counted from 1, with whose beginning the slip is made; one more than the last: with the end.
    pub fn shows_at(self, order: &[u16]) -> u16 {
        let of = |is: &dyn Fn(&u16) -> bool| order.iter().position(is);
        let found = match self {
            Slip::Skip(step) => of(&|other| *other > step),
            Slip::Repeat(step) => order.iter().rposition(|other| *other == step),
            Slip::Swap(step) => of(&|other| *other == step + 1),
            Slip::Miss(step) => of(&|other| *other == step).map(|at| at + 1),
            Slip::Early { step, .. } => of(&|other| *other == step),
        };
        found.unwrap_or(order.len()) as u16 + 1
    }
}

impl Definition {
    /// Every single slip that makes another plan of this one, in canonical order.
    pub fn slips(&self) -> Vec<Slip> {
        let mut slips = Vec::new();
        for (step, line) in (1u16..).zip(&self.plan) {
            slips.push(Slip::Skip(step));
            if self.repeats(line) {
                slips.push(Slip::Repeat(step));
            }
            if usize::from(step) < self.plan.len() {
                slips.push(Slip::Swap(step));
            }
            if self.can_miss(line) {
                slips.push(Slip::Miss(step));
            }
            if matches!(line.action, Action::Set { .. }) {
                // Before the step just before is a swap.
                slips.extend((1..step.saturating_sub(1)).map(|before| Slip::Early { step, before }));
            }
        }
        slips.sort_unstable();
        slips
    }

    /// Whether doing the line once more does anything: what already holds is skipped.
    fn repeats(&self, line: &Line) -> bool {
        !matches!(
            line.action,
            Action::Deploy { .. }
                | Action::Set { .. }
                | Action::Migrate { .. }
                | Action::Scale { .. }
                | Action::Fence { .. }
                | Action::Pause
        )
    }

    fn can_miss(&self, line: &Line) -> bool {
        match line.action {
            Action::Deploy { actor, .. } => {
                let actor = &self.actors[usize::from(actor)];
                actor.replicas > 1 && actor.stragglers.is_none() && line.stays_at == u32::MAX
            }
            _ => false,
        }
    }

    /// The fleet whose operator makes these slips, and the written steps in the order in which he runs them; `None` if
    /// they cannot be made together, or the plan or its rollback become too long by them.
    pub fn slipped(&self, slips: &[Slip]) -> Option<(Definition, Vec<u16>)> {
        let mut order: Vec<u16> = (1..=self.plan.len() as u16).collect();
        let mut missed = Vec::new();
        for slip in slips {
            let place = |step: u16| order.iter().position(|other| *other == step);
            match *slip {
                Slip::Skip(step) => drop(order.remove(place(step)?)),
                Slip::Repeat(step) => order.insert(place(step)?, step),
                Slip::Swap(step) => {
                    let (one, other) = (place(step)?, place(step + 1)?);
                    order.swap(one, other);
                }
                Slip::Miss(step) => {
                    place(step)?;
                    missed.push(step);
                }
                Slip::Early { step, before } => {
                    order.remove(place(step)?);
                    order.insert(order.iter().position(|other| *other == before)?, step);
                }
            }
        }
        let mut slipped = self.in_order(&order);
        slipped.intended = if slips.is_empty() { vec![] } else { self.plan.clone() };
        for (line, step) in slipped.plan.iter_mut().zip(&order) {
            line.forgets = missed.contains(step) && self.can_miss(line);
        }
        Programmes::of(&slipped).fit().then_some((slipped, order))
    }

    /// The fleet whose plan is these steps of this one's plan.
    fn in_order(&self, order: &[u16]) -> Definition {
        let place = |step: u16| order.iter().position(|other| *other == step).map(|at| at as u16 + 1);
        let mut changed = self.clone();
        changed.plan = order.iter().map(|step| self.plan[usize::from(*step) - 1].clone()).collect();
        for line in &mut changed.plan {
            line.needs.iter_mut().for_each(|needed| *needed = place(*needed).unwrap_or(u16::MAX));
        }
        changed.promised_until = match self.promised_until {
            0 => 0,
            promised => self.promise_kept_in(order, promised),
        };
        if let RollbackRule::To(lists) = &mut changed.rollback {
            lists.retain_mut(|(step, _)| {
                let here = if *step == 0 { Some(0) } else { place(*step) };
                *step = here.unwrap_or(0);
                here.is_some()
            });
        }
        changed
    }

    /// The promise holds until the step that ends it is run, and every step that is written before it.
    fn promise_kept_in(&self, order: &[u16], promised: u16) -> u16 {
        let ends = (promised..=self.plan.len() as u16).find_map(|step| order.iter().position(|other| *other == step));
        let before = order.iter().rposition(|step| *step < promised);
        let end = ends.unwrap_or(order.len()).max(before.map_or(0, |last| last + 1));
        end as u16 + 1
    }
}
