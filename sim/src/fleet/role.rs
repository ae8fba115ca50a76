//! Roles: what one running replica of a service holds while a quorum of its replicas is up (R6).

use smallvec::SmallVec;

use super::definition::{Action, Asked, Atom, Definition, Fact, Line, Route};
use super::layout::replica;
use super::state::{self, Pool, Replica, State};
use super::{Fleet, Kind, Step};
use crate::planted::{Planted, planted};
use crate::relation::{Harm, Label};

impl Fleet {
    /// The number by which labels name a role: behind the apis.
    pub fn role_place(&self, role: u16) -> u16 {
        self.api_place(self.definition.apis.len() as u16) + role
    }

    fn roles(&self) -> std::ops::Range<u16> {
        0..self.layout.roles.len() as u16
    }

    /// Whether a replica of `pool` holds a role.
    pub(super) fn holds_role(&self, pool: usize, own: &Replica, role: u16) -> bool {
        let (of, mark) = self.layout.roles[usize::from(role)];
        of == pool && own[replica::MARKS] & mark != 0
    }

    pub(super) fn is_held(&self, state: &State, role: u16) -> bool {
        let (pool, mark) = self.layout.roles[usize::from(role)];
        state.pools[pool].iter().any(|(own, _)| own[replica::MARKS] & mark != 0)
    }

    fn quorum_is_up(&self, bag: &Pool, role: u16) -> bool {
        let count = |of: &dyn Fn(&Replica) -> bool| -> u32 {
            bag.iter().filter(|(own, _)| of(own)).map(|(_, count)| count).sum()
        };
        let up = count(&|own| own[replica::PHASE] == 0);
        let all = count(&|own| !replica::is_fenced(own) || planted(Planted::FencedInQuorum));
        if self.definition.roles[usize::from(role)].majority && !planted(Planted::OneIsQuorum) {
            2 * up > all
        } else {
            up > 0
        }
    }

    /// A vacant role is taken by some replica that is up; a held one may go to another.
    pub(super) fn role_moves(&self, state: &State, out: &mut Vec<Step>) {
        for role in self.roles() {
            let (pool, mark) = self.layout.roles[usize::from(role)];
            let bag = &state.pools[pool];
            let kind = match self.is_held(state, role) {
                true if self.definition.faults && !planted(Planted::RolesStay) => Kind::Oust,
                false if self.quorum_is_up(bag, role) => Kind::Elect,
                _ => continue,
            };
            for (who, (own, _)) in bag.iter().enumerate() {
                if own[replica::PHASE] == 0 && own[replica::MARKS] & mark == 0 {
                    out.push(Step { pool: pool as u8, who: who as u8, what: role, ..Step::of(kind) });
                }
            }
        }
    }

    /// A replica takes a role, from whoever holds it.
    pub(super) fn take_role(&self, state: &mut State, role: u16, who: usize) {
        let (pool, mark) = self.layout.roles[usize::from(role)];
        let mut own = state::take(&mut state.pools[pool], who);
        give_up(&mut state.pools[pool], mark);
        own[replica::MARKS] |= mark;
        state::put(&mut state.pools[pool], own);
    }

    /// Roles are vacant whose holder is not up, or whose quorum is not.
    pub(super) fn vacate(&self, state: &mut State) {
        for role in self.roles() {
            let (pool, mark) = self.layout.roles[usize::from(role)];
            let holder = state.pools[pool].iter().find(|(own, _)| own[replica::MARKS] & mark != 0);
            let up = holder.is_some_and(|(own, _)| own[replica::PHASE] == 0) || planted(Planted::RoleKept);
            if holder.is_some() && !(up && self.quorum_is_up(&state.pools[pool], role)) {
                give_up(&mut state.pools[pool], mark);
            }
        }
    }

    /// At the start some replica holds each role.
    pub(super) fn with_holders(&self, pools: SmallVec<[Pool; 2]>) -> Vec<SmallVec<[Pool; 2]>> {
        let mut all = vec![pools];
        for (pool, mark) in &self.layout.roles {
            let given = |pools: &SmallVec<[Pool; 2]>, who: usize| {
                let mut pools = pools.clone();
                let mut own = state::take(&mut pools[*pool], who);
                own[replica::MARKS] |= mark;
                state::put(&mut pools[*pool], own);
                pools
            };
            all = all.iter().flat_map(|pools| (0..pools[*pool].len()).map(move |who| given(pools, who))).collect();
        }
        all
    }

    /// The vacant roles, as the labels that they are if nobody ever takes them.
    pub(super) fn vacancies<'a>(&'a self, state: &'a State) -> impl Iterator<Item = Label> + 'a {
        self.roles().filter(|role| !self.is_held(state, *role)).map(|role| Label {
            harm: Harm::Stalled,
            actor: Label::NONE,
            place: self.role_place(role),
            field: Label::NONE,
            origin: self.definition.roles[usize::from(role)].origin,
        })
    }
}

impl Definition {
    /// Whether a condition, a call or a guard asks who holds a role.
    pub fn asks_for(&self, role: u16) -> bool {
        let held = |fact: &Fact| fact.iter().any(|atom| matches!(atom, Atom::Held(of, _) if *of == role));
        let conditions = self.versions.iter().flat_map(|version| version.conditions.iter().flatten());
        let starts = self.versions.iter().filter_map(|version| version.starts_if.as_ref());
        let runs = self.handlers.iter().filter_map(|handler| handler.when.as_ref());
        let needs = self.needs.iter().map(|(.., fact)| fact);
        let waits = |line: &Line| match &line.action {
            Action::WaitUntil(fact) => held(fact),
            _ => false,
        };
        self.apis.iter().any(|api| api.route == Route::Role(role))
            || conditions.into_iter().any(|literal| literal.asked == Asked::Role(role))
            || starts.chain(runs).chain(needs).any(held)
            || self.lines().into_iter().any(|line| held(&line.when) || waits(line))
    }
}

fn give_up(bag: &mut Pool, mark: u8) {
    if let Some(who) = bag.iter().position(|(own, _)| own[replica::MARKS] & mark != 0) {
        let mut own = state::take(bag, who);
        own[replica::MARKS] &= !mark;
        state::put(bag, own);
    }
}
