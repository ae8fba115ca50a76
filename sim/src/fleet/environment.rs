//! What happens by itself: users, messages, timers, views, starts, faults.

use super::definition::{Action, Backfill, BackfillFrom, Behaviour, Field, Observed, PlaceKind, Trigger, VersionId};
use super::handler::Turn;
use super::layout::{clear, column, control, fill_by_store, presence, replica};
use super::rollout::mode;
use super::state::{self, ABSENT, Byte, State, fresh, made_stale, retagged, stale, tag};
use super::watch::Watch;
use super::{Fleet, Kind, Step, broken, ledger};
use crate::planted::{Planted, planted};
use crate::relation::{Effects, Harm, Label, Mover};

/// The pool of a move that a client makes.
const CLIENT: u8 = u8::MAX;
/// In `to_who` of a delivery: the message is delivered and stays (a duplicate).
const STAYS: u8 = 1;

/// Somebody who acts: a replica that is up, or a client.
#[derive(Clone, Copy)]
pub(super) struct Mind<'a> {
    /// The pool and class of the replica.
    pub own: Option<(usize, usize)>,
    pub version: VersionId,
    pub behaviour: &'a Behaviour,
}

impl Mind<'_> {
    /// The replica that acts.
    pub fn replica<'s>(&self, state: &'s State) -> Option<(usize, &'s state::Replica)> {
        self.own.map(|(pool, who)| (pool, &state.pools[pool][who].0))
    }

    fn step(&self, kind: Kind) -> Step {
        let (pool, who) = self.own.map_or((CLIENT, 0), |(pool, who)| (pool as u8, who as u8));
        Step { pool, who, ..Step::of(kind) }
    }
}

impl Fleet {
    /// The environment's enabled moves.
    pub(super) fn environment_moves(&self, state: &State, out: &mut Vec<Step>) {
        self.replica_lives(state, out);
        self.role_moves(state, out);
        self.lapses(state, out);
        self.client_views(state, out);
        let awake = if planted(Planted::SecondKeyAsleep) { 1 } else { state.keys.len() };
        for key in 0..awake {
            self.key_moves(state, key, out);
        }
        for (client, offset) in self.layout.gone.iter().enumerate() {
            let Some(offset) = offset else { continue };
            let length = self.definition.actors[client].fades_in.unwrap_or(0);
            let due = self.waits_for_client(state, client as u16) || self.runs_out(state, length);
            if state.control[*offset] == 0 && due {
                out.push(Step { what: client as u16, ..Step::of(Kind::Fade) });
            }
        }
    }

    fn replica_lives(&self, state: &State, out: &mut Vec<Step>) {
        for (pool, bag) in state.pools.iter().enumerate() {
            for (who, (own, _)) in bag.iter().enumerate().filter(|(_, (own, _))| !replica::is_fenced(own)) {
                let step = |kind| Step { pool: pool as u8, who: who as u8, ..Step::of(kind) };
                if own[replica::PHASE] != 0 {
                    for key in 0..state.keys.len() {
                        self.start_moves(state, Step { key: key as u8, ..step(Kind::Boot) }, out);
                    }
                } else if self.layout.boots[pool] && self.definition.faults {
                    out.push(step(Kind::Restart));
                }
                for (value, offset) in &self.layout.views[pool] {
                    let view = Step { what: *value as u16, ..step(Kind::View) };
                    if self.definition.values[*value].observed != Observed::Lagging {
                        continue;
                    }
                    if own[*offset] != state.control[self.layout.values[*value]] {
                        out.push(view);
                    } else if self.may_have_started(state, pool, own) {
                        let older = self.older_views(state, *value).into_iter();
                        out.extend(older.map(|older| Step { choice: 1 + u16::from(older), ..view }));
                    }
                }
            }
        }
    }

    /// Whether a replica may have started just now: the running step has moved it, or a fault restarts it.
    fn may_have_started(&self, state: &State, pool: usize, own: &state::Replica) -> bool {
        let begun = self.current(state).filter(|_| state.control[control::STAGE] == 1);
        self.definition.faults
            || begun.is_some_and(|entry| match entry.line.action {
                Action::Deploy { actor, version } => {
                    usize::from(actor) == self.layout.actors[pool] && self.version_of(pool, own) == version
                }
                Action::Restart(actor) | Action::Replace(actor) => {
                    usize::from(actor) == self.layout.actors[pool] && own[replica::MARKS] & replica::DUE == 0
                }
                _ => false,
            })
    }

    /// What somebody still observes of a value that is changing; a replica that starts may observe it too. The change is
    /// over without the stragglers.
    fn older_views(&self, state: &State, value: usize) -> Vec<u8> {
        let replicas = self.layout.views.iter().enumerate().flat_map(|(pool, views)| {
            let offset = views.iter().find(|(observed, _)| *observed == value).map(|(_, offset)| *offset);
            let moved = self.running(state, pool).filter(|(own, _)| own[replica::MARKS] & replica::STRAGGLER == 0);
            moved.filter_map(move |(own, _)| offset.map(|offset| own[offset]))
        });
        let clients = self.layout.client_views.iter().filter(|view| usize::from(view.1) == value);
        let clients = clients.filter(|view| self.is_present(state, view.0)).map(|view| state.control[view.2]);
        let mut older: Vec<u8> = replicas.chain(clients).collect();
        older.retain(|view| *view != state.control[self.layout.values[value]]);
        older.sort_unstable();
        older.dedup();
        older
    }

    /// Clients learn of a value, each version at its own moment.
    fn client_views(&self, state: &State, out: &mut Vec<Step>) {
        for (version, value, offset) in &self.layout.client_views {
            let behind = state.control[*offset] != state.control[self.layout.values[usize::from(*value)]];
            if behind && self.is_present(state, *version) {
                out.push(Step { who: *version as u8, what: *value, ..Step::of(Kind::View) });
            }
        }
    }

    /// Whether the client that a version belongs to is still there.
    pub(super) fn is_present(&self, state: &State, version: VersionId) -> bool {
        let actor = self.definition.versions[usize::from(version)].actor;
        self.layout.gone[usize::from(actor)].is_none_or(|offset| state.control[offset] == 0)
    }

    fn key_moves(&self, state: &State, key: usize, out: &mut Vec<Step>) {
        for (pool, bag) in state.pools.iter().enumerate() {
            for (who, (own, _)) in bag.iter().enumerate() {
                if own[replica::PHASE] == 0 {
                    let behaviour = self.behaviour(&state.control, pool, own);
                    let version = self.version_of(pool, own);
                    self.actor_moves(state, key, Mind { own: Some((pool, who)), version, behaviour }, out);
                }
            }
        }
        for version in self.live_clients(state) {
            let behaviour = self.client_behaviour(&state.control, version);
            self.actor_moves(state, key, Mind { own: None, version, behaviour }, out);
        }
        self.cuts(state, key, out);
        self.clocks(state, key, out);
        self.backfill_moves(state, key, out);
    }

    fn actor_moves(&self, state: &State, key: usize, mind: Mind, out: &mut Vec<Step>) {
        self.requests(state, key, mind, out);
        self.deliveries(state, key, mind, out);
        self.continuations(state, key, mind, out);
    }

    fn requests(&self, state: &State, key: usize, mind: Mind, out: &mut Vec<Step>) {
        let item = &state.keys[key].0;
        for number in &mind.behaviour.handlers {
            let handler = &self.definition.handlers[usize::from(*number)];
            if !matches!(handler.trigger, Trigger::Anytime | Trigger::Timer) || handler.moments.is_empty() {
                continue;
            }
            let replica = mind.replica(state);
            let awake = handler.when.as_ref().is_none_or(|when| self.holds_for(state, when, item, replica));
            if !awake || item.tasks.iter().any(|task| Self::task_handler(task) == *number) {
                continue;
            }
            self.each_choice(
                state,
                Step { key: key as u8, what: *number, ..mind.step(Kind::Request) },
                0,
                mind.own,
                out,
            );
        }
    }

    pub(super) fn each_choice(
        &self,
        state: &State,
        step: Step,
        index: usize,
        own: Option<(usize, usize)>,
        out: &mut Vec<Step>,
    ) {
        let handler = &self.definition.handlers[usize::from(step.what)];
        self.peers(state, handler, index, own, &mut |peer, choices| {
            for choice in 0..choices {
                out.push(Step { choice, peer_pool: peer.pool, peer_who: peer.who, ..step });
            }
        });
    }

    fn deliveries(&self, state: &State, key: usize, mind: Mind, out: &mut Vec<Step>) {
        for (at, message) in state.keys[key].0.messages.iter().enumerate() {
            for handler in self.takers(state, &state.keys[key].0, mind, message) {
                let again =
                    self.definition.faults && !planted(Planted::NoDuplicates) && !self.queue(message[0]).ack_on_receive;
                for stays in 0..=u8::from(again) {
                    let step = Step {
                        key: key as u8,
                        what: handler,
                        item: at as u8,
                        stays: stays * STAYS,
                        ..mind.step(Kind::Deliver)
                    };
                    self.each_choice(state, step, 0, mind.own, out);
                }
            }
        }
    }

    fn continuations(&self, state: &State, key: usize, mind: Mind, out: &mut Vec<Step>) {
        for (at, task) in state.keys[key].0.tasks.iter().enumerate() {
            let number = Self::task_handler(task);
            if self.definition.handlers[usize::from(number)].version == mind.version {
                let step = Step { key: key as u8, what: number, item: at as u8, ..mind.step(Kind::Continue) };
                self.each_choice(state, step, usize::from(task[2]), mind.own, out);
            }
        }
    }

    /// A handler in progress can be cut short by a crash, and is when the last replica of its version is gone.
    fn cuts(&self, state: &State, key: usize, out: &mut Vec<Step>) {
        for (at, task) in state.keys[key].0.tasks.iter().enumerate() {
            if (self.definition.faults && !planted(Planted::CutForgotten))
                || !self.runs_somewhere(state, self.definition.handlers[usize::from(Self::task_handler(task))].version)
            {
                out.push(Step { key: key as u8, item: at as u8, ..Step::of(Kind::Cut) });
            }
        }
    }

    fn runs_somewhere(&self, state: &State, version: VersionId) -> bool {
        let actor = self.definition.versions[usize::from(version)].actor;
        self.definition.actors[usize::from(actor)].client
            || self.layout.pools[usize::from(actor)]
                .is_some_and(|pool| self.running(state, pool).any(|(own, _)| self.version_of(pool, own) == version))
    }

    fn clocks(&self, state: &State, key: usize, out: &mut Vec<Step>) {
        let item = &state.keys[key].0;
        for (place, cache) in self.caches() {
            let there = self.layout.item(&self.definition, place, item, None)[0] != presence::NO;
            if there && !planted(Planted::NeverEvicted) && (self.definition.faults || cache.ttl.is_some()) {
                out.push(Step { key: key as u8, what: place, ..Step::of(Kind::Evict) });
            }
        }
        let rolled_back = state.control[control::MODE] == mode::ROLLBACK && self.current(state).is_none();
        for (at, message) in item.messages.iter().enumerate() {
            let retention = self.queue(message[0]).retention;
            let due = retention.is_some_and(|kept| rolled_back || self.runs_out(state, kept));
            if due && !planted(Planted::NeverExpires) && !self.can_be_taken(state, item, message) {
                out.push(Step { key: key as u8, item: at as u8, ..Step::of(Kind::Expire) });
            }
        }
    }

    fn backfill_moves(&self, state: &State, key: usize, out: &mut Vec<Step>) {
        let Some(entry) = self.current(state) else {
            return;
        };
        let Action::Backfill(backfill) = &entry.line.action else {
            return;
        };
        if state.control[control::STAGE] == 0 {
            return;
        }
        match state.keys[key].0.items[self.layout.passed] {
            2 if !backfill.idempotent && self.definition.faults => {
                out.push(Step { key: key as u8, ..Step::of(Kind::Redo) });
            }
            2 => {}
            _ => out.push(Step { key: key as u8, ..Step::of(Kind::Pass) }),
        }
    }

    /// Takes an environment move.
    pub(super) fn happen(&self, state: &mut State, step: Step, mut watch: Watch) -> Effects {
        let pool = (step.pool != CLIENT).then_some(usize::from(step.pool));
        let turn = Turn {
            pool,
            who: usize::from(step.who),
            key: usize::from(step.key),
            handler: step.what,
            choice: step.choice,
            peer: super::handler::Peer { pool: step.peer_pool, who: step.peer_who },
        };
        let effects = match step.kind {
            Kind::Request => self.begin(state, turn, None, false, watch),
            Kind::Deliver => self.begin(state, turn, Some(usize::from(step.item)), step.stays == STAYS, watch),
            Kind::Continue => self.resume(state, turn, usize::from(step.item), watch),
            Kind::Boot => self.boot(state, turn, watch),
            Kind::Restart => {
                self.restart(state, turn.pool.expect("a replica"), turn.who);
                Effects::new()
            }
            Kind::View => {
                let truth = state.control[self.layout.values[usize::from(step.what)]];
                let seen = step.choice.checked_sub(1).map_or(truth, |older| older as u8);
                self.observe(state, turn.pool, turn.who, usize::from(step.what), seen);
                Effects::new()
            }
            Kind::Elect | Kind::Oust => {
                self.take_role(state, step.what, turn.who);
                Effects::new()
            }
            Kind::Fade => {
                let offset = self.layout.gone[usize::from(step.what)].expect("a fading client");
                state.control[offset] = 1;
                Effects::new()
            }
            Kind::Lapse => self.lapse(state, step),
            _ => self.change_key(state, step, &mut watch),
        };
        self.settle_programme(state);
        effects
    }

    fn restart(&self, state: &mut State, pool: usize, who: usize) {
        let mut own = state::take(&mut state.pools[pool], who);
        self.crash(pool, &mut own);
        state::put(&mut state.pools[pool], own);
    }

    fn observe(&self, state: &mut State, pool: Option<usize>, who: usize, value: usize, seen: u8) {
        let Some(pool) = pool else {
            let views = &self.layout.client_views;
            let view = views.iter().find(|view| (usize::from(view.0), usize::from(view.1)) == (who, value));
            state.control[view.expect("the client observes it").2] = seen;
            return;
        };
        let mut own = state::take(&mut state.pools[pool], who);
        if let Some((_, offset)) = self.layout.views[pool].iter().find(|(observed, _)| *observed == value) {
            own[*offset] = seen;
        }
        state::put(&mut state.pools[pool], own);
    }

    fn change_key(&self, state: &mut State, step: Step, watch: &mut Watch) -> Effects {
        let mut effects = Effects::new();
        let mut key = state::take(&mut state.keys, usize::from(step.key));
        let before = ledger::fresh(self, &key, &state.pools);
        match step.kind {
            Kind::Cut => {
                let task = key.tasks.remove(usize::from(step.item));
                effects.extend(self.lost_with(&task));
            }
            Kind::Evict => clear(self.layout.item_mut(&self.definition, step.what, &mut key, None)),
            Kind::Expire => {
                let message = key.messages.remove(usize::from(step.item));
                let place = u16::from(message[0]);
                effects.push(Label {
                    harm: Harm::Loss,
                    actor: Label::NONE,
                    place,
                    field: Label::NONE,
                    origin: Label::NONE,
                });
            }
            Kind::Redo => self.redo(state, &mut key),
            _ => self.pass(state, &mut key, watch),
        }
        let lost = before & !ledger::fresh(self, &key, &state.pools);
        let origin = self.current(state).map_or(Label::NONE, |entry| entry.line.origin);
        let saved = self.lose((&state.control, &mut key, &mut state.pools), lost, (Label::NONE, origin), &mut effects);
        self.note_loss(state, &effects, saved);
        state::put(&mut state.keys, key);
        effects
    }

    /// Work that was acknowledged on receipt is lost with the handler that was cut short.
    fn lost_with(&self, task: &state::Task) -> Option<Label> {
        let queue = self.task_message(task)?[0];
        let (nobody, place) = (Label::NONE, u16::from(queue));
        let gone = self.queue(queue).ack_on_receive;
        gone.then_some(Label { harm: Harm::Loss, actor: nobody, place, field: nobody, origin: nobody })
    }

    /// Handlers in progress end with the last replica of their version.
    pub(super) fn cut_orphans(&self, state: &mut State, effects: &mut Effects) {
        let orphan = |task: &state::Task| {
            !self.runs_somewhere(state, self.definition.handlers[usize::from(Self::task_handler(task))].version)
        };
        if !state.keys.iter().any(|(key, _)| key.tasks.iter().any(orphan)) {
            return;
        }
        let mut kept: Vec<(state::Key, u32)> = Vec::new();
        for (key, count) in &state.keys {
            let mut key = key.clone();
            effects.extend(key.tasks.iter().filter(|task| orphan(task)).filter_map(|task| self.lost_with(task)));
            key.tasks.retain(|task| !orphan(task));
            kept.push((key, *count));
        }
        state.keys.clear();
        for (key, count) in kept {
            (0..count).for_each(|_| state::put(&mut state.keys, key.clone()));
        }
    }

    /// The backfill meets the key: it reads and writes in one moment, or in two if it is batched (R8).
    fn pass(&self, state: &State, key: &mut state::Key, watch: &mut Watch) {
        let Some(Action::Backfill(backfill)) = self.current(state).map(|entry| &entry.line.action) else {
            return;
        };
        let mark = self.layout.passed;
        let batched = backfill.batched && !planted(Planted::BatchedInOne);
        let absent = self.layout.item(&self.definition, backfill.place, key, None)[0] == presence::NO;
        if planted(Planted::NewRowsVisited) && absent {
            return;
        }
        if batched && key.items[mark] == 0 {
            key.items[mark] = 1;
            key.items[mark + 1] =
                self.source_value(backfill.from, backfill.place, backfill.field, key).unwrap_or(ABSENT);
            return;
        }
        let value = if batched {
            Some(key.items[mark + 1]).filter(|value| *value != ABSENT)
        } else {
            self.source_value(backfill.from, backfill.place, backfill.field, key)
        };
        key.items[mark] = 2;
        key.items[mark + 1] = 0;
        let retags = matches!(backfill.from, BackfillFrom::Retag(..));
        if absent && !(value.is_some() && self.insert(&state.control, backfill, key)) {
            return;
        }
        let literal = matches!(backfill.from, BackfillFrom::Literal(_));
        let known = self.is_known(backfill.place, backfill.field, key);
        let item = self.layout.item_mut(&self.definition, backfill.place, key, None);
        let target = &mut item[1 + usize::from(backfill.field)];
        let Some(value) = value else { return };
        let before = *target;
        if retags || backfill.overwrite || before == ABSENT || broken::r8() {
            // A literal stands for the fact only where nothing else was known.
            *target = if literal && known { made_stale(value) } else { value };
            if !retags {
                self.watch_backfill(backfill, watch);
            }
        }
        self.refresh_caches(backfill.place, key);
        self.watch_refresh(backfill.place, watch);
    }

    /// A copy from another place creates the row that it fills, if the store lets it.
    fn insert(&self, control: &state::Control, backfill: &Backfill, key: &mut state::Key) -> bool {
        let BackfillFrom::Field(source, _) = backfill.from else { return false };
        let fields = &self.definition.places[usize::from(backfill.place)].fields;
        let column = |field: usize| self.layout.column(control, backfill.place, field as u8);
        let lacks = |(at, field): (usize, &Field)| {
            column(at) == column::NOT_NULL && at != usize::from(backfill.field) && !field.store_filled
        };
        if source == backfill.place || fields.iter().enumerate().any(lacks) {
            return false;
        }
        let item = self.layout.item_mut(&self.definition, backfill.place, key, None);
        item[0] = presence::YES;
        fill_by_store(fields, |field| column(field) != column::NONE, item);
        true
    }

    /// Whether the backfill has met every key.
    pub(super) fn all_passed(&self, state: &State, backfill: &Backfill) -> bool {
        state.keys.iter().all(|(key, _)| {
            let absent = self.layout.item(&self.definition, backfill.place, key, None)[0] == presence::NO;
            key.items[self.layout.passed] == 2 || (planted(Planted::NewRowsVisited) && absent)
        })
    }

    /// Whether some copy of the field's datum is there, so that a literal cannot stand for the fact.
    fn is_known(&self, place: u16, field: u8, key: &state::Key) -> bool {
        self.twins(1 << self.datum(place, field)).any(|(place, field)| {
            let item = self.layout.item(&self.definition, place, key, None);
            item.get(1 + usize::from(field)).is_some_and(|byte| *byte != ABSENT)
        })
    }

    /// The datum that the running backfill copies.
    pub(super) fn backfilled_datum(&self, state: &State) -> Option<u16> {
        match &self.current(state)?.line.action {
            Action::Backfill(backfill) => Some(self.datum(backfill.place, backfill.field)),
            _ => None,
        }
    }

    /// What the backfill would write; `None` = it leaves the key alone.
    fn source_value(&self, from: BackfillFrom, place: u16, field: u8, key: &state::Key) -> Option<Byte> {
        let target = self.layout.item(&self.definition, place, key, None);
        match from {
            BackfillFrom::Literal(_) | BackfillFrom::Retag(..) if target[0] == presence::NO => None,
            BackfillFrom::Field(source, column) => {
                let item = self.layout.item(&self.definition, source, key, None);
                Some(item[1 + usize::from(column)]).filter(|value| *value != ABSENT)
            }
            BackfillFrom::Literal(tag) => Some(fresh(tag)),
            BackfillFrom::Retag(old, new) => {
                let value = target[1 + usize::from(field)];
                (value != ABSENT && tag(value) == old).then(|| retagged(value, new))
            }
        }
    }

    /// A backfill that is not idempotent meets a key twice.
    fn redo(&self, state: &State, key: &mut state::Key) {
        let Some(Action::Backfill(backfill)) = self.current(state).map(|entry| &entry.line.action) else {
            return;
        };
        let item = self.layout.item_mut(&self.definition, backfill.place, key, None);
        let target = &mut item[1 + usize::from(backfill.field)];
        if *target != ABSENT {
            *target = stale(tag(*target));
        }
    }

    /// Who makes an environment move.
    pub(super) fn environment_of(&self, state: &State, step: Step) -> Mover {
        match step.kind {
            Kind::Deliver if step.stays == STAYS => Mover::Possible,
            Kind::View if step.choice > 0 => Mover::Possible,
            Kind::Deliver
            | Kind::Continue
            | Kind::Boot
            | Kind::View
            | Kind::Fade
            | Kind::Pass
            | Kind::Expire
            | Kind::Elect => Mover::Fair,
            Kind::Lapse if self.lapses_surely(state, step) => Mover::Fair,
            Kind::Request => {
                let timer = self.definition.handlers[usize::from(step.what)].trigger == Trigger::Timer;
                if timer || planted(Planted::RequestsBound) { Mover::Fair } else { Mover::Possible }
            }
            Kind::Cut => {
                let task = &state.keys[usize::from(step.key)].0.tasks[usize::from(step.item)];
                let version = self.definition.handlers[usize::from(Self::task_handler(task))].version;
                if self.runs_somewhere(state, version) { Mover::Possible } else { Mover::Fair }
            }
            Kind::Evict => {
                let PlaceKind::Cache(cache) = &self.definition.places[usize::from(step.what)].kind else {
                    return Mover::Possible;
                };
                let waits = self.current(state).is_some_and(|entry| {
                    // What was there when a long enough wait began is bound to go before it ends.
                    let waits = matches!(entry.line.action, Action::Wait(_) | Action::WaitUntil(_));
                    let old =
                        self.layout.item(&self.definition, step.what, &state.keys[usize::from(step.key)].0, None)[0];
                    let long = cache.ttl.is_some_and(|ttl| ttl <= self.wait_length(state, &entry.line.action));
                    state.control[control::STAGE] == 1 && waits && (long || old == presence::OLD)
                });
                let short = cache.ttl.is_some_and(|ttl| ttl <= self.definition.waits_at_most);
                if waits || short { Mover::Fair } else { Mover::Possible }
            }
            Kind::Restart if planted(Planted::RestartBound) => Mover::Fair,
            _ => Mover::Possible,
        }
    }

    /// The versions of clients that are still there.
    pub(super) fn live_clients<'a>(&'a self, state: &'a State) -> impl Iterator<Item = VersionId> + 'a {
        self.definition.actors.iter().enumerate().filter(|(_, actor)| actor.client).flat_map(move |(id, actor)| {
            let gone = self.layout.gone[id].is_some_and(|offset| state.control[offset] == 1);
            actor.versions.clone().filter(move |_| !gone)
        })
    }
}
