//! A test picks: one run of a rollout with faults at chosen moments, an abort at a chosen moment, and a second attempt.
//!
//! A [`Perturbation`] is plain data that means something for every relation, so that it can be generated, shrunk and
//! kept. After the chosen moves the operator finishes what he plays, traffic ends, and the run must settle in a harbour.

use crate::relation::{At, Effects, Fault, Harm, Home, Judged, Label, Mode, Mover, Operator, Position, Relation};

/// What is done to a rollout, moment by moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Perturbation {
    /// Which move comes next, one number per move: every fourth number is the operator's next move, the others choose
    /// among what the environment may do.
    pub choices: Vec<u16>,
    /// When the operator gives up.
    pub abort: Abort,
    /// He does not give up before he has begun that step of the plan (counted from 1), or come to its end.
    pub not_before: u16,
    /// Whether the plan is begun again after a rollback that ended at home.
    pub again: bool,
    /// Faults.
    pub faults: Vec<Injected>,
}

/// When the operator gives up and begins the declared rollback.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Abort {
    /// He does not.
    #[default]
    Never,
    /// After so many moves of the plan, at its end at the latest.
    After(u16),
    /// Inside a step, after so many chances to do so; at the end of the plan if there are fewer.
    Inside(u16),
}

/// A fault that happens on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Injected {
    /// Which.
    pub fault: Fault,
    /// It waits for the rollback.
    pub in_rollback: bool,
    /// It happens at the first chance after so many moves; in the rollback, after so many since the operator's last.
    pub after: u16,
}

/// What a run showed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Run<R: Relation> {
    /// The state in which it began.
    pub begins: R::State,
    /// Its moves.
    pub moves: Vec<R::Step>,
    /// The state in which it ended.
    pub ended: R::State,
    /// For every fault of the perturbation, whether it happened.
    pub happened: Vec<bool>,
    /// The steps of the plan that were entered.
    pub entered: Vec<u16>,
    /// Whether the plan came to its end.
    pub finished: bool,
    /// Where the operator gave up.
    pub aborted_at: Option<Position>,
    /// Whether the plan could have been begun again: the rollback had ended at home.
    pub may_begin_again: bool,
    /// Whether the plan was begun again.
    pub again: bool,
    /// How it ended.
    pub ends: Ends,
}

/// How a run ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ends {
    /// Settled where it should.
    Well(Home),
    /// Beyond the promise the operator gave up, and it did not end well.
    NotPromised,
    /// Somebody is hurt, and it is charged to the plan.
    Hurt(Label),
    /// Something is gone for good.
    Lost,
    /// It does not settle where it should.
    Stuck,
}

impl Ends {
    /// Whether the run speaks against the plan.
    pub fn is_failure(self) -> bool {
        matches!(self, Ends::Hurt(_) | Ends::Lost | Ends::Stuck)
    }
}

/// The most moves after the chosen ones.
const SETTLING_MAX: usize = 4000;
/// Moves after it has settled, in which what is still on its way can do harm.
const SETTLED: usize = 64;
/// For how many moves after the chosen ones there is still traffic.
const TRAFFIC: usize = 256;
/// For how many moves the operator waits at most for the occasion of a fault.
const OCCASION: u16 = 48;
/// For how many moves what is late is held up.
const LATE: u16 = 24;

/// Runs `relation` under `perturbation`; harms like those of `known` are nobody's fault.
///
/// # Panics
/// If `relation` has no start.
pub fn run<R: Judged>(relation: &R, perturbation: &Perturbation, known: &[Label]) -> Run<R> {
    let starts = relation.start();
    let begin = usize::from(perturbation.choices.first().copied().unwrap_or(0)) % starts.len();
    let mut runner = Runner {
        relation,
        perturbation,
        known,
        state: starts[begin].clone(),
        now: 0,
        operated: 0,
        chances: 0,
        waited: 0,
        late_until: 0,
        rested: false,
        run: Run {
            begins: starts[begin].clone(),
            moves: vec![],
            ended: starts[begin].clone(),
            happened: vec![false; perturbation.faults.len()],
            entered: vec![],
            finished: false,
            aborted_at: None,
            may_begin_again: false,
            again: false,
            ends: Ends::Stuck,
        },
    };
    runner.run.ends = runner.play().err().unwrap_or_else(|| runner.arrived());
    Run { ended: runner.state, ..runner.run }
}

struct Runner<'a, R: Judged> {
    relation: &'a R,
    perturbation: &'a Perturbation,
    known: &'a [Label],
    state: R::State,
    /// Moves so far.
    now: u16,
    /// Moves of the plan so far.
    operated: u16,
    /// How often the operator could have given up inside a step.
    chances: u16,
    /// Moves of the environment since the operator's last.
    waited: u16,
    /// Deliveries are held up until then.
    late_until: u16,
    /// Whether since it has settled nothing was waiting at some moment.
    rested: bool,
    run: Run<R>,
}

impl<R: Judged> Runner<'_, R> {
    /// Plays to the end; an error is an end before it.
    fn play(&mut self) -> Result<(), Ends> {
        for choice in &self.perturbation.choices {
            let step = self.forced().or_else(|| self.chosen(*choice));
            let Some(step) = step else { break };
            self.take(step)?;
        }
        let mut settled = 0;
        for turn in 0..SETTLING_MAX {
            let Some(step) = self.forced().or_else(|| self.bound(turn)) else { break };
            self.take(step)?;
            let home = self.home().is_some();
            settled = if home { settled + 1 } else { 0 };
            self.rested = home && (self.rested || self.relation.waiting(&self.state).is_empty());
            if settled >= SETTLED && self.rested && !self.due() {
                break;
            }
        }
        self.rested |= self.home().is_some() && self.relation.waiting(&self.state).is_empty();
        Ok(())
    }

    /// What the perturbation orders now: a fault, the abort, another attempt.
    fn forced(&mut self) -> Option<R::Step> {
        let (enabled, inside) = (self.enabled(), self.inside());
        let by = |mover: Operator| {
            let is = |step: &&R::Step| self.relation.mover(&self.state, **step) == Mover::Operator(mover);
            enabled.iter().find(is).copied()
        };
        let done = matches!(self.relation.mode(&self.state), Mode::Forward { finished: true });
        self.run.finished |= done;
        if let Some(abort) = by(Operator::Abort) {
            let far = self.relation.position(&self.state).step >= self.perturbation.not_before;
            let gives_up = match self.perturbation.abort {
                Abort::Never => false,
                Abort::After(moves) => done || (far && self.operated >= moves),
                Abort::Inside(chances) => done || (far && inside && self.chances > chances),
            };
            if gives_up && self.run.aborted_at.is_none() {
                return Some(abort);
            }
        }
        let retry = by(Operator::Retry);
        self.run.may_begin_again |= retry.is_some();
        let again = self.perturbation.again && !self.run.again && !self.awaits_a_fault();
        self.fault(&enabled).or(retry.filter(|_| again))
    }

    fn fault(&mut self, enabled: &[R::Step]) -> Option<R::Step> {
        for (number, injected) in self.perturbation.faults.iter().enumerate() {
            if self.run.happened[number] || !self.is_due(injected) {
                continue;
            }
            let of_kind = |step: &&R::Step| self.relation.fault(**step) == Some(injected.fault);
            let found = enabled.iter().find(of_kind).copied();
            self.run.happened[number] = found.is_some();
            if found.is_some() && injected.fault == Fault::Late {
                self.late_until = self.now.saturating_add(LATE);
            }
            if found.is_some() && injected.fault != Fault::Late {
                return found;
            }
        }
        None
    }

    fn is_due(&self, injected: &Injected) -> bool {
        let rolling_back = matches!(self.relation.mode(&self.state), Mode::Rollback { .. });
        if injected.in_rollback { rolling_back && self.waited >= injected.after } else { self.now >= injected.after }
    }

    /// Whether the operator has not yet given up although he will.
    fn due(&self) -> bool {
        let again = self.perturbation.again && self.run.aborted_at.is_some() && !self.run.again;
        again && matches!(self.relation.mode(&self.state), Mode::Rollback { finished: false })
    }

    /// Whether deliveries are being held up.
    fn holds_up(&self) -> bool {
        self.now < self.late_until
    }

    fn enabled(&self) -> Vec<R::Step> {
        let mut steps = Vec::new();
        self.relation.enabled(&self.state, &mut steps);
        steps
    }

    /// The operator's next move in what he plays.
    fn programme(&self, enabled: &[R::Step]) -> Vec<R::Step> {
        let goes_on = |step: &R::Step| match self.relation.mover(&self.state, *step) {
            Mover::Operator(Operator::Abort | Operator::Retry) => false,
            Mover::Operator(
                Operator::Hotfix | Operator::HotfixOverRows | Operator::Repair | Operator::RepairOverRows,
            ) => false,
            Mover::Operator(_) => true,
            Mover::Fair | Mover::Possible => false,
        };
        enabled.iter().copied().filter(goes_on).collect()
    }

    /// What the environment may do of itself, without faults.
    fn environment(&self, enabled: &[R::Step], only_fair: bool, held_up: bool) -> Vec<R::Step> {
        let may = |step: &R::Step| {
            let own = match self.relation.mover(&self.state, *step) {
                Mover::Fair => true,
                Mover::Possible => !only_fair,
                Mover::Operator(_) => false,
            };
            let fault = self.relation.fault(*step);
            own && (fault.is_none() || (fault == Some(Fault::Late) && !held_up))
        };
        enabled.iter().copied().filter(may).collect()
    }

    /// Whether a fault is due for which there was no occasion yet; the operator waits a little for one.
    fn awaits_a_fault(&self) -> bool {
        let mut waiting = self.perturbation.faults.iter().zip(&self.run.happened);
        let rolling_back = matches!(self.relation.mode(&self.state), Mode::Rollback { .. });
        let may_come = |injected: &Injected| if injected.in_rollback { rolling_back } else { self.is_due(injected) };
        self.waited < OCCASION && waiting.any(|(injected, happened)| !happened && may_come(injected))
    }

    fn chosen(&self, choice: u16) -> Option<R::Step> {
        let enabled = self.enabled();
        let around = self.environment(&enabled, false, self.holds_up());
        let plan = if self.awaits_a_fault() { vec![] } else { self.programme(&enabled) };
        let (first, second) = if choice.is_multiple_of(4) { (plan, around) } else { (around, plan) };
        let pick = |steps: Vec<R::Step>| {
            let length = steps.len().max(1);
            steps.get(usize::from(choice / 4) % length).copied()
        };
        pick(first).or_else(|| pick(second))
    }

    /// What comes after the chosen moves, spread so that nothing waits for ever: first with traffic, then without.
    fn bound(&self, turn: usize) -> Option<R::Step> {
        let enabled = self.enabled();
        let spread = (turn as u64).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33;
        let (awaits, operates) = (self.awaits_a_fault(), spread.is_multiple_of(4));
        let traffic = turn < TRAFFIC && self.home().is_none();
        let programme = if awaits { vec![] } else { self.programme(&enabled) };
        let around = self.environment(&enabled, !traffic && !awaits, self.holds_up());
        let mut steps = match (programme.is_empty(), traffic) {
            (false, true) if operates => programme,
            (false, false) => [programme, around].concat(),
            _ => around,
        };
        if steps.is_empty() {
            // Nothing else is left: the operator goes on, and what was late comes.
            steps = [self.programme(&enabled), self.environment(&enabled, true, false)].concat();
        }
        (!steps.is_empty()).then(|| steps[(spread / 4) as usize % steps.len()])
    }

    /// Where the plan stands, if the operator still follows it.
    fn in_plan(&self) -> Option<Position> {
        let forward = matches!(self.relation.mode(&self.state), Mode::Forward { .. });
        forward.then(|| self.relation.position(&self.state))
    }

    fn inside(&mut self) -> bool {
        let inside = self.in_plan().is_some_and(|position| matches!(position.at, At::Canary | At::Mixed));
        self.chances = self.chances.saturating_add(u16::from(inside));
        inside
    }

    fn take(&mut self, step: R::Step) -> Result<(), Ends> {
        let mover = self.relation.mover(&self.state, step);
        self.waited = if matches!(mover, Mover::Operator(_)) { 0 } else { self.waited.saturating_add(1) };
        match mover {
            Mover::Operator(Operator::Abort) => self.run.aborted_at = Some(self.relation.position(&self.state)),
            Mover::Operator(Operator::Retry) => self.run.again = true,
            Mover::Operator(_) => self.operated = self.operated.saturating_add(1),
            Mover::Fair | Mover::Possible => {}
        }
        let effects = self.relation.apply(&mut self.state, step);
        self.run.moves.push(step);
        let entered = self.in_plan().map(|position| position.step);
        self.run.entered.extend(entered.filter(|step| self.run.entered.last() != Some(step)));
        self.now = self.now.saturating_add(1);
        self.suffer(&effects)
    }

    fn suffer(&self, effects: &Effects) -> Result<(), Ends> {
        let new = |label: &&Label| !self.known.iter().any(|known| known.same_harm(label));
        let hurt = effects.iter().filter(new).find(|label| label.harm != Harm::Unexplored);
        match hurt {
            _ if !self.is_promised() => Ok(()),
            Some(label) => Err(Ends::Hurt(*label)),
            None if self.relation.lost(&self.state) => Err(Ends::Lost),
            None => Ok(()),
        }
    }

    /// Whether what happens now is charged to the plan.
    fn is_promised(&self) -> bool {
        match (self.relation.mode(&self.state), self.run.aborted_at) {
            (Mode::Rollback { .. }, Some(position)) => self.relation.promised(position),
            _ => true,
        }
    }

    /// Where it has settled, if it has come to the end of what the operator plays.
    fn home(&self) -> Option<Home> {
        let home = self.relation.settled(&self.state)?;
        match (self.relation.mode(&self.state), home) {
            (Mode::Forward { finished: true }, Home::Goal | Home::Both) => Some(home),
            (Mode::Rollback { finished: true }, Home::Start | Home::Both) => Some(home),
            _ => None,
        }
    }

    fn arrived(&self) -> Ends {
        match self.home() {
            _ if !self.is_promised() => Ends::NotPromised,
            Some(home) if self.rested => Ends::Well(home),
            _ => Ends::Stuck,
        }
    }
}
