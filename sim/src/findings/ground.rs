//! What is read off a graph once, before any zone is asked for: modes, harms, harbours (V1).

use super::meetings::{Contacts, Filled, Watched};
use super::works::{Bits, can_reach, states, unexpanded};
use crate::drivers::explore::{Expanded, Graph};
use crate::planted::{Planted, planted};
use crate::relation::{Contact, Home, Judged, Label, Mode, Mover, Operator, Position};

/// A harm or loss, and the edge on which it happens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hurt {
    /// The state before.
    pub node: u32,
    /// Which of its edges.
    pub edge: u32,
    /// The state after.
    pub target: u32,
    /// Who moves.
    pub mover: Mover,
    /// What happens.
    pub label: Label,
}

/// A graph and what holds in its states.
pub(super) struct Ground {
    pub graph: Graph,
    pub modes: Vec<Mode>,
    pub positions: Vec<Position>,
    /// Harms that the start configuration does not know.
    pub hurts: Vec<Hurt>,
    /// Not lost.
    pub loss_free: Bits,
    /// Settled in a harbour, by configuration.
    pub harbours: [Bits; 3],
    /// States at rest in which what waits can never go on.
    pub stalled: Vec<(u32, Label)>,
    /// States in which a guard over all rows holds now, but need not for every row.
    unstable: Bits,
    /// The elements that were used.
    pub used: Bits,
    /// Who left what where, and who came across it.
    pub watched: Watched,
    /// States of which nothing more is known.
    pub open: Bits,
}

/// Indices into [`Ground::harbours`].
pub(super) const START: usize = 0;
pub(super) const GOAL: usize = 1;
pub(super) const BETWEEN: usize = 2;

pub(super) fn is_env(mover: Mover) -> bool {
    matches!(mover, Mover::Fair | Mover::Possible)
}

impl Ground {
    /// Reads `graph`; harms like those of `known` are nobody's fault.
    pub fn of<R: Judged>(relation: &R, graph: Graph, known: &[Label]) -> Self {
        let size = graph.len();
        let open = unexpanded(&graph);
        let mut ground = Self {
            modes: Vec::with_capacity(size),
            positions: Vec::with_capacity(size),
            hurts: vec![],
            loss_free: Bits::with_capacity(size),
            harbours: [Bits::with_capacity(size), Bits::with_capacity(size), Bits::with_capacity(size)],
            stalled: vec![],
            unstable: Bits::with_capacity(size),
            used: Bits::with_capacity(relation.elements() as usize),
            watched: Watched::default(),
            open,
            graph,
        };
        let mut seen = Seen {
            settled: Vec::with_capacity(size),
            resting: Bits::with_capacity(size),
            waiting: Vec::with_capacity(size),
            hurting: Bits::with_capacity(size),
            unguarded: Bits::with_capacity(size),
        };
        for id in 0..size as u32 {
            ground.look(relation, id, known, &mut seen);
        }
        ground.find_harbours(&seen);
        ground
    }

    fn look<R: Judged>(&mut self, relation: &R, id: u32, known: &[Label], seen: &mut Seen) {
        let at = id as usize;
        let state = self.graph.state(relation, id);
        self.modes.push(relation.mode(&state));
        let forward = matches!(relation.mode(&state), Mode::Forward { .. });
        let nowhere = Position { step: u16::MAX, at: crate::relation::At::Done };
        self.positions.push(if forward { relation.position(&state) } else { nowhere });
        self.loss_free.set(at, !relation.lost(&state));
        seen.settled.push(relation.settled(&state));
        seen.resting.set(at, relation.rests(&state));
        let waiting: Vec<Label> = relation
            .waiting(&state)
            .into_iter()
            .filter(|label| !known.iter().any(|known| known.same_harm(label)))
            .collect();
        seen.waiting.push(waiting);
        let mut guarded = false;
        for (edge, taken) in self.watch(relation, id, &state).into_iter().enumerate() {
            guarded |= is_over_rows(taken.mover);
            for label in taken.effects {
                if known.iter().any(|known| known.same_harm(&label)) {
                    continue;
                }
                if is_env(taken.mover) {
                    seen.hurting.insert(at);
                }
                self.hurts.push(Hurt { node: id, edge: edge as u32, target: taken.target, mover: taken.mover, label });
            }
        }
        if relation.awaits_rows(&state) && !guarded && self.graph.is_expanded(id) {
            seen.unguarded.insert(at);
        }
    }

    /// The steps of a state, taken again to see what they use and who meets whom.
    fn watch<R: Judged>(&mut self, relation: &R, id: u32, state: &R::State) -> Vec<Expanded<R::Step>> {
        let used = &mut self.used;
        relation.used(state, None, &mut |element| used.insert(element as usize));
        let mut filled = Filled::new();
        relation.filled(state, &mut |part, slot| filled.push((part, slot)));
        filled.sort_unstable();
        filled.dedup();
        let mut contacts: Vec<Contacts> = Vec::new();
        let steps = self.graph.steps_by(relation, id, &mut |after, step| {
            relation.used(state, Some(step), &mut |element| used.insert(element as usize));
            let mut met = Contacts::new();
            let effects = relation.apply_watched(after, step, &mut |contact| match contact {
                Contact::Uses { element } => used.insert(element as usize),
                contact => met.push(contact),
            });
            contacts.push(met);
            effects
        });
        self.watched.push(filled, contacts.into_iter());
        steps
    }

    fn find_harbours(&mut self, seen: &Seen) {
        let all = states(&self.graph, |_| true);
        let env = |_: u32, mover: Mover| is_env(mover);
        let fair = |_: u32, mover: Mover| mover == Mover::Fair;
        let later = |_: u32, mover: Mover| is_env(mover) && !planted(Planted::LaterHarmForgotten);
        let harmed = can_reach(&self.graph, &seen.hurting, &all, &later);
        let mut kinds: Vec<Label> = seen.waiting.iter().flatten().copied().collect();
        kinds.sort_unstable();
        kinds.dedup();
        let mut never = Bits::with_capacity(self.graph.len());
        for kind in kinds {
            if planted(Planted::StalledForgotten) {
                break;
            }
            let without = states(&self.graph, |id| !seen.waiting[*id as usize].contains(&kind));
            let mut stuck = all.clone();
            let mut done = without;
            done.union_with(&self.open);
            stuck.difference_with(&can_reach(&self.graph, &done, &all, &fair));
            // After its last line nothing more is done for what waits, wherever the rollback has led.
            let over = |at: &usize| self.modes[*at] == Mode::Rollback { finished: true };
            let left = stuck.ones().filter(|at| seen.resting.contains(*at) || over(at));
            self.stalled.extend(left.map(|at| (at as u32, kind)).collect::<Vec<_>>());
            never.union_with(&stuck);
        }
        let dead = can_reach(&self.graph, &never, &all, &env);
        let undoes = |_: u32, mover: Mover| {
            mover == Mover::Fair || (is_env(mover) && !planted(Planted::GuardOverRowsByFairMoves))
        };
        self.unstable = can_reach(&self.graph, &seen.unguarded, &all, &undoes);
        for (at, settled) in seen.settled.iter().enumerate() {
            let Some(home) = settled else { continue };
            if harmed.contains(at) || dead.contains(at) || !self.loss_free.contains(at) {
                continue;
            }
            for (index, stands) in [
                (START, matches!(home, Home::Start | Home::Both) || planted(Planted::ParkedIsHome)),
                (GOAL, matches!(home, Home::Goal | Home::Both)),
                (BETWEEN, *home == Home::Between),
            ] {
                self.harbours[index].set(at, stands);
            }
        }
    }

    /// Whether a move of the operator can be counted on: a guard over all rows only if no possible move undoes it.
    pub fn dependable(&self, source: u32, mover: Mover) -> bool {
        !is_over_rows(mover) || !self.unstable.contains(source as usize) || planted(Planted::GuardOverRowsTrusted)
    }

    /// Harbours of one kind in which the programme is finished, and whatever is not known.
    pub fn target(&self, kinds: &[usize], finished: impl Fn(Mode) -> bool) -> Bits {
        let mut target = self.open.clone();
        for kind in kinds {
            let ended = |at: &usize| finished(self.modes[*at]) || planted(Planted::EndsEarly);
            target.extend(self.harbours[*kind].ones().filter(ended));
        }
        target
    }
}

struct Seen {
    settled: Vec<Option<Home>>,
    resting: Bits,
    waiting: Vec<Vec<Label>>,
    hurting: Bits,
    unguarded: Bits,
}

fn is_over_rows(mover: Mover) -> bool {
    matches!(
        mover,
        Mover::Operator(
            Operator::ForwardOverRows
                | Operator::RollbackOverRows
                | Operator::HotfixOverRows
                | Operator::RepairOverRows
        )
    )
}
