//! Slices: parts of a fleet that cannot see each other, except through the control state that every slice keeps.
//!
//! A handler, a datum, a cache and its source, a copy job tie places together; a guard does not, because what it
//! guards is judged where its place is. In a slice without that place the guard holds at any moment, so that a slice
//! sees every timing that the whole fleet can show, and more.

use super::definition::{
    Action, Atom, BackfillFrom, Definition, Fact, Handler, Line, Observed, Op, PlaceKind, RollbackRule, Source, Trigger,
};

/// Places, then apis, joined by whatever ties them together.
struct Ties {
    parents: Vec<usize>,
    places: usize,
}

impl Ties {
    fn root(&self, mut at: usize) -> usize {
        while self.parents[at] != at {
            at = self.parents[at];
        }
        at
    }

    fn tie(&mut self, all: &[usize]) {
        for pair in all.windows(2) {
            let (one, other) = (self.root(pair[0]), self.root(pair[1]));
            self.parents[one.max(other)] = one.min(other);
        }
    }

    fn api(&self, api: u16) -> usize {
        self.places + usize::from(api)
    }

    fn of_handler(&self, handler: &Handler) -> Vec<usize> {
        let mut all = Vec::new();
        match handler.trigger {
            Trigger::Message(place) | Trigger::Write(place) => all.push(usize::from(place)),
            Trigger::Anytime | Trigger::Timer | Trigger::Call | Trigger::Boot => {}
        }
        for op in handler.moments.iter().flat_map(|moment| &moment.ops) {
            match op {
                Op::Receive(_) => {}
                Op::Read { place, .. } | Op::Write { place, .. } | Op::Delete { place, .. } => {
                    all.push(usize::from(*place))
                }
                Op::Send { queue, .. } => all.push(usize::from(*queue)),
                Op::Call { api, .. } | Op::Reply { api, .. } => all.push(self.api(*api)),
            }
        }
        all.extend(handler.carries.iter().filter_map(|(source, _)| match source {
            Source::Place(place) => Some(usize::from(*place)),
            Source::Payload => None,
        }));
        all.extend(handler.when.iter().flat_map(places_of));
        all
    }
}

fn place_of(atom: &Atom) -> Option<usize> {
    match atom {
        Atom::NoItemWhere(place, ..) | Atom::Empty(place) | Atom::Present(place) | Atom::FieldIs(place, ..) => {
            Some(usize::from(*place))
        }
        _ => None,
    }
}

fn places_of(fact: &Fact) -> impl Iterator<Item = usize> + '_ {
    fact.iter().filter_map(place_of)
}

impl Definition {
    /// The slices, or nothing if the fleet is one piece.
    pub fn slices(&self) -> Vec<Definition> {
        // Which replicas are stopped then depends on what some part does, and all parts depend on it.
        if self.lines().iter().any(|line| matches!(line.action, Action::Fence { holds: Some(_), .. })) {
            return vec![];
        }
        let ties = self.ties();
        let mut roots: Vec<usize> = (0..ties.parents.len()).map(|at| ties.root(at)).collect();
        let whole = roots.clone();
        roots.sort_unstable();
        roots.dedup();
        if roots.len() < 2 {
            return vec![];
        }
        roots.into_iter().map(|root| self.slice(&ties, &|at| whole[at] == root)).collect()
    }

    fn ties(&self) -> Ties {
        let places = self.places.len();
        let mut ties = Ties { parents: (0..places + self.apis.len()).collect(), places };
        for handler in &self.handlers {
            let all = ties.of_handler(handler);
            ties.tie(&all);
        }
        self.tie_calls(&mut ties);
        self.tie_data(&mut ties);
        self.tie_starts(&mut ties);
        for line in self.lines() {
            match &line.action {
                Action::Backfill(backfill) => {
                    if let BackfillFrom::Field(from, _) = backfill.from {
                        ties.tie(&[usize::from(backfill.place), usize::from(from)]);
                    }
                }
                Action::Move(from, to, _) => ties.tie(&[usize::from(*from), usize::from(*to)]),
                _ => {}
            }
        }
        ties
    }

    /// A call is tied to what its receiver then does; calls that touch nothing are one slice.
    fn tie_calls(&self, ties: &mut Ties) {
        for behaviour in self.versions.iter().flat_map(|version| &version.variants) {
            for accept in &behaviour.accepts {
                if let Some(handler) = accept.handler {
                    let mut all = ties.of_handler(&self.handlers[usize::from(handler)]);
                    all.push(ties.api(accept.api));
                    ties.tie(&all);
                }
            }
        }
        let alone: Vec<usize> = (ties.places..ties.parents.len())
            .filter(|api| (0..ties.parents.len()).all(|other| other == *api || ties.root(other) != ties.root(*api)))
            .collect();
        ties.tie(&alone);
    }

    fn tie_data(&self, ties: &mut Ties) {
        for datum in 0..self.data {
            let holds = |place: &usize| self.places[*place].fields.iter().any(|field| field.datum == datum);
            let all: Vec<usize> = (0..ties.places).filter(holds).collect();
            ties.tie(&all);
        }
        for (id, place) in self.places.iter().enumerate() {
            if let PlaceKind::Cache(cache) = &place.kind {
                ties.tie(&cache.of.iter().map(|of| usize::from(*of)).chain([id]).collect::<Vec<_>>());
            }
        }
    }

    /// Whether a replica is up can depend on what its start meets: all that such a service touches is one piece.
    fn tie_starts(&self, ties: &mut Ties) {
        for actor in 0..self.actors.len() {
            let versions = self.versions.iter().filter(|version| usize::from(version.actor) == actor);
            let mut all = Vec::new();
            // Without faults a replica restarts only where a handler crashes it.
            let own = |place: &super::definition::Place| place.kind == PlaceKind::Memory(actor as u16);
            let late = |value: &super::definition::Value| {
                value.observed == Observed::OnRestart && value.of.is_none_or(|of| usize::from(of) == actor)
            };
            let role = |role: &super::definition::Role| usize::from(role.of) == actor;
            let alone = self.places.iter().any(own) || self.values.iter().any(late) || self.roles.iter().any(role);
            let mut boots = !self.faults && alone;
            for version in versions {
                boots |= version.starts_if.as_ref().is_some_and(|fact| places_of(fact).next().is_some());
                all.extend(version.starts_if.iter().flat_map(places_of));
                for behaviour in &version.variants {
                    boots |= !behaviour.boot.is_empty();
                    for handler in behaviour.handlers.iter().chain(&behaviour.boot) {
                        all.extend(ties.of_handler(&self.handlers[usize::from(*handler)]));
                    }
                    all.extend(behaviour.accepts.iter().map(|accept| ties.api(accept.api)));
                }
            }
            if boots {
                ties.tie(&all);
            }
        }
    }

    /// Every line of plan, rollback, hotfix and repairs.
    pub fn lines(&self) -> Vec<&Line> {
        let mut lines: Vec<&Line> = self.plan.iter().chain(&self.hotfix).chain(&self.repairs).collect();
        match &self.rollback {
            RollbackRule::List(list) => lines.extend(list),
            RollbackRule::To(lists) => lines.extend(lists.iter().flat_map(|(_, list)| list)),
            _ => {}
        }
        let undo: Vec<&Line> = self.plan.iter().filter_map(|line| line.undo.as_ref()).flatten().collect();
        lines.extend(undo);
        lines
    }

    fn slice(&self, ties: &Ties, inside: &dyn Fn(usize) -> bool) -> Definition {
        let mut slice = self.clone();
        for behaviour in slice.versions.iter_mut().flat_map(|version| &mut version.variants) {
            let touches =
                |handler: &u16| ties.of_handler(&self.handlers[usize::from(*handler)]).iter().any(|at| inside(*at));
            behaviour.handlers.retain(touches);
            behaviour.boot.retain(touches);
            behaviour.accepts.retain(|accept| inside(ties.api(accept.api)));
            behaviour.replies.retain(|(api, ..)| inside(ties.api(*api)));
        }
        slice.needs.iter_mut().for_each(|(.., fact)| fact.retain(|atom| place_of(atom).is_none_or(inside)));
        slice.starts.retain(|(place, _)| inside(usize::from(*place)));
        slice.number_data(inside);
        let narrow = |lines: &mut Vec<Line>| lines.iter_mut().for_each(|line| narrow(line, inside));
        narrow(&mut slice.plan);
        narrow(&mut slice.hotfix);
        narrow(&mut slice.repairs);
        match &mut slice.rollback {
            RollbackRule::List(list) => narrow(list),
            RollbackRule::To(lists) => lists.iter_mut().for_each(|(_, list)| narrow(list)),
            _ => {}
        }
        slice
    }
}

impl Definition {
    /// Data are numbered anew, those inside first; the others share one number that nobody ever writes.
    fn number_data(&mut self, inside: &dyn Fn(usize) -> bool) {
        let mut known: Vec<u16> = Vec::new();
        for (_, place) in self.places.iter().enumerate().filter(|(id, _)| inside(*id)) {
            for field in &place.fields {
                if !known.contains(&field.datum) {
                    known.push(field.datum);
                }
            }
        }
        for field in self.places.iter_mut().flat_map(|place| &mut place.fields) {
            let number = known.iter().position(|datum| *datum == field.datum);
            field.datum = number.unwrap_or(known.len()) as u16;
        }
        self.data = known.len() as u16 + 1;
    }
}

/// Guards over places outside a slice hold at any moment in it.
fn narrow(line: &mut Line, inside: &dyn Fn(usize) -> bool) {
    let keep = |atom: &Atom| place_of(atom).is_none_or(inside);
    line.when.retain(keep);
    line.verify.retain(keep);
    if let Action::WaitUntil(fact) = &mut line.action {
        fact.retain(keep);
    }
    if let Some(undo) = &mut line.undo {
        undo.iter_mut().for_each(|line| narrow(line, inside));
    }
}
