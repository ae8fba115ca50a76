//! The seam: a transition system as every driver and every finding sees it.
//!
//! Drivers and findings are written against these traits alone and never name a noun of the fleet.

use crate::planted::{Planted, planted};
use std::ops::Range;

use smallvec::SmallVec;

/// A transition system whose steps are classes of moves, never single objects.
pub trait Relation: Sync {
    /// A state; equal states have equal packed bytes.
    type State: Clone + Eq + Send + Sync + std::fmt::Debug;
    /// A class of moves, ordered canonically.
    type Step: Copy + Ord + Send + Sync + std::fmt::Debug;

    /// The start states, in canonical order.
    fn start(&self) -> Vec<Self::State>;

    /// Appends every enabled step of `state` to `out`, in canonical order, without repetition.
    fn enabled(&self, state: &Self::State, out: &mut Vec<Self::Step>);

    /// How many objects of `state` could take `step`.
    fn count(&self, state: &Self::State, step: Self::Step) -> u64;

    /// Takes `step`, which must be enabled, and says what it did to people and facts.
    fn apply(&self, state: &mut Self::State, step: Self::Step) -> Effects;

    /// Who takes `step` when it is taken in `state`.
    fn mover(&self, state: &Self::State, step: Self::Step) -> Mover;

    /// Appends the exact packed form of `state` to `out`.
    fn pack(&self, state: &Self::State, out: &mut Vec<u8>);

    /// Reads back what [`Relation::pack`] wrote; `None` if `bytes` are not a packed state.
    fn unpack(&self, bytes: &[u8]) -> Option<Self::State>;
}

/// What a verdict needs to know of a state beyond its moves.
pub trait Judged: Relation {
    /// Where the plan stands.
    fn position(&self, state: &Self::State) -> Position;
    /// Which programme the operator is playing.
    fn mode(&self, state: &Self::State) -> Mode;
    /// The configuration of a settled state (one version per service, values settled, no step in progress, nothing
    /// lost or dead-lettered); `None` if not settled.
    fn settled(&self, state: &Self::State) -> Option<Home>;
    /// Whether no step is in progress and all that can be settled is, so that what then waits for ever is somebody's
    /// harm.
    fn rests(&self, state: &Self::State) -> bool {
        self.settled(state).is_some()
    }
    /// Whether what runs is what the plan leads to, settled or not.
    fn at_goal(&self, state: &Self::State) -> bool;
    /// Whether a fact or an accepted piece of work is gone for good.
    fn lost(&self, state: &Self::State) -> bool;
    /// The accepted pieces of work that are waiting, as the `Stalled` labels they would be if they never complete.
    fn waiting(&self, state: &Self::State) -> Effects;
    /// Whether the operator's next move waits for a guard over all rows or messages.
    fn awaits_rows(&self, state: &Self::State) -> bool;
    /// Whether the rollback that starts here is promised to end at home.
    fn promised(&self, position: Position) -> bool;
    /// Whether finishing the plan counts as a way out.
    fn may_finish(&self) -> bool;
    /// The last step of the plan; 0 if there is none.
    fn last_step(&self) -> u16;
    /// Every position of the plan, in its order.
    fn positions(&self) -> Vec<Position>;
    /// Losses that the start configuration suffers anyway are not charged from now on.
    fn forgive(&mut self, losses: &[Label]);
    /// The state in which the keys of `one` and `other` live side by side; `None` unless all else is equal.
    fn joined(&self, one: &Self::State, other: &Self::State) -> Option<Self::State>;
    /// Which fault taking `step` is, or, of [`Fault::Late`], which step a fault holds up.
    fn fault(&self, step: Self::Step) -> Option<Fault>;
    /// The faults that can happen at all.
    fn faults(&self) -> Vec<Fault>;
    /// How many declared elements [`Judged::used`] can name.
    fn elements(&self) -> u32;
    /// The elements that must be used for a verdict of safe to mean anything.
    fn vital(&self) -> Vec<u32>;
    /// The elements that are used only where every part of a divided relation uses them; of the others one part is
    /// enough.
    fn everywhere(&self) -> Range<u32>;
    /// Names the declared elements that `state` shows alive or that taking `step` in it uses.
    fn used(&self, state: &Self::State, step: Option<Self::Step>, each: &mut dyn FnMut(u32));
    /// Takes `step` like [`Relation::apply`], and says in its order who comes across what.
    fn apply_watched(&self, state: &mut Self::State, step: Self::Step, each: &mut dyn FnMut(Contact)) -> Effects {
        let _ = each;
        self.apply(state, step)
    }
    /// Names the slots in which something is left, and in which part of `state`: what all parts have is in each.
    fn filled(&self, state: &Self::State, each: &mut dyn FnMut(u8, u32)) {
        let _ = (state, each);
    }
}

/// How one actor comes across what another one has left or says.
///
/// A slot is any number of the relation's own; where [`Judged::filled`] does not name it, nothing is left in it. A state
/// can be made of several parts that are alike and have slots of their own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Contact {
    /// An actor puts something into a slot.
    Leaves {
        /// The slot.
        slot: u32,
        /// The actor.
        by: u16,
        /// Whether nothing of what was there remains.
        alone: bool,
        /// Whether all parts have that slot in common.
        common: bool,
    },
    /// An actor comes across what is in a slot.
    Takes {
        /// The slot.
        slot: u32,
        /// The actor.
        by: u16,
    },
    /// What is in one slot is now in another one too.
    Spreads {
        /// Where it was.
        from: u32,
        /// Where it is now, too.
        to: u32,
        /// Whether nothing of what was there remains.
        alone: bool,
    },
    /// Nobody in particular puts something into a slot, and nothing of what was there remains.
    Clears {
        /// The slot.
        slot: u32,
    },
    /// An element is used in the middle of the step.
    Uses {
        /// The element.
        element: u32,
    },
    /// An actor says something to another one, who is there.
    Meets {
        /// What is said.
        slot: u32,
        /// Who says it.
        from: u16,
        /// Who hears it.
        to: u16,
    },
    /// Where one of several parts is after the step. A step that says nothing of that acts on the only part.
    Goes {
        /// Its number before.
        from: u8,
        /// Its number afterwards.
        to: u8,
        /// Whether the step acts on it.
        acts: bool,
    },
}

/// Who takes a step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Mover {
    /// A person or a pipeline decides it.
    Operator(Operator),
    /// The environment, and it happens eventually if it stays enabled.
    Fair,
    /// The environment, and it may happen or not.
    Possible,
}

/// The kinds of operator moves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Operator {
    /// The next sub-step of the plan.
    Forward,
    /// The next sub-step of the plan, whose guard speaks of all rows or messages.
    ForwardOverRows,
    /// Leave the plan and begin the declared rollback.
    Abort,
    /// The next sub-step of the declared rollback.
    Rollback,
    /// The next sub-step of the declared rollback, whose guard speaks of all rows or messages.
    RollbackOverRows,
    /// Begin the plan again after a rollback that ended at home.
    Retry,
    /// A move of a declared hotfix.
    Hotfix,
    /// A permitted move outside plan, rollback and hotfix.
    Repair,
    /// A move of a declared hotfix, whose guard speaks of all rows or messages.
    HotfixOverRows,
    /// A permitted move, whose guard speaks of all rows or messages.
    RepairOverRows,
}

/// What can go wrong around a rollout without anybody's doing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Fault {
    /// Something restarts that nobody restarted, or is cut short.
    Crash,
    /// Something is delivered or done once more.
    Duplicate,
    /// A delivery comes late.
    Late,
}

/// A position of the plan: steps are counted from 1, 0 is the start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Position {
    /// The step that was begun last.
    pub step: u16,
    /// How far it is.
    pub at: At,
}

/// How far a step is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum At {
    /// Before any step.
    Start,
    /// The first share of the replicas has moved.
    Canary,
    /// Begun, not done.
    Mixed,
    /// Done.
    Done,
}

/// The programme that the operator plays.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Mode {
    /// The plan; `finished` when its last step is done.
    Forward {
        /// Whether the last step is done.
        finished: bool,
    },
    /// The declared rollback.
    Rollback {
        /// Whether its last line is done.
        finished: bool,
    },
    /// The declared hotfix.
    Hotfix {
        /// Whether its last line is done.
        finished: bool,
    },
    /// A repair outside the declared programmes.
    Repair {
        /// Whether no move is in progress.
        finished: bool,
    },
}

/// The configuration in which a settled state stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Home {
    /// The start configuration, or the last passed floor.
    Start,
    /// The final configuration of the plan.
    Goal,
    /// Both: the plan changes nothing that remains.
    Both,
    /// Neither.
    Between,
}

/// What one move did to people and facts, in canonical order.
pub type Effects = SmallVec<[Label; 1]>;

/// One harm or loss: who suffered what where, and the declared behaviour it comes from.
///
/// Actor, place, field and origin are numbers of the relation's own tables.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Label {
    /// What happened.
    pub harm: Harm,
    /// The actor (a version of a service or client).
    pub actor: u16,
    /// The place, api or step.
    pub place: u16,
    /// The field, or [`Label::NONE`].
    pub field: u16,
    /// The declaration to blame.
    pub origin: u16,
}

impl Label {
    /// "No field", "no actor", "no place".
    pub const NONE: u16 = u16::MAX;

    /// The same harm wherever it was declared: what makes a harm pre-existing.
    pub fn same_harm(&self, other: &Label) -> bool {
        let same_actor = self.actor == other.actor || planted(Planted::ActorForgotten);
        same_actor && (self.harm, self.place, self.field) == (other.harm, other.place, other.field)
    }
}

/// The kinds of harm. `Loss` is a fact or an accepted piece of work that is gone for good.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Harm {
    /// The caller sees an error.
    Reject,
    /// A replica or client crashes.
    Crash,
    /// A value is taken for another one; nobody sees an error.
    Misread,
    /// A request or message is silently thrown away.
    Drop,
    /// A message is out of attempts and set aside.
    DeadLetter,
    /// A write is refused by the store.
    WriteFails,
    /// Accepted work cannot complete.
    Stalled,
    /// A fact or accepted work is gone for good.
    Loss,
    /// A bound of the exploration was hit in this move.
    Unexplored,
}

impl Harm {
    /// Whether nobody sees an error.
    pub fn silent(self) -> bool {
        matches!(self, Harm::Misread | Harm::Drop | Harm::Stalled | Harm::Loss)
    }
}
