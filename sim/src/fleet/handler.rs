//! What a version does on one trigger, moment by moment (R2, R3, R4, R6).

use smallvec::SmallVec;

use super::definition::{Handler, HandlerId, Moment, Needs, Op, Outcome, PlaceKind, Put, PutValue, Source, Trigger};
use super::item::{self, Lens};
use super::layout::{Home, column, presence, replica};
use super::pairs::written;
use super::state::{self, ABSENT, Byte, Key, Message, Replica, State, Task};
use super::watch::Watch;
use super::write::written_by;
use super::{Fleet, broken, ledger};
use crate::planted::{Planted, planted};
use crate::relation::{Contact, Effects, Harm, Label};

/// A handler that is running: everything one moment may touch.
pub(super) struct Run<'a> {
    pub fleet: &'a Fleet,
    pub state: &'a mut State,
    /// The key, taken out of the state.
    pub key: Key,
    /// The replica and its pool, taken out of the state; a client has none.
    pub own: Option<(usize, Replica)>,
    pub handler: HandlerId,
    /// Data misread so far, or overtaken by a newer write, by the order of [`Fleet::data_of`].
    pub misread: u32,
    /// Carried values.
    pub carried: SmallVec<[Byte; 4]>,
    /// The message that woke it.
    pub message: Option<Message>,
    pub effects: Effects,
    /// Data that got a newer value in this move.
    pub newer: u128,
    /// Data written as copies of other data.
    pub copied: SmallVec<[(u16, u16); 2]>,
    /// Fields that this handler has written so far.
    pub written: SmallVec<[(u16, u8); 4]>,
    /// Places that this move changed.
    pub changed: SmallVec<[u16; 2]>,
    /// Who sees whom it meets.
    pub watch: Watch<'a>,
}

/// The receiver or caller that a call or reply meets.
#[derive(Clone, Copy)]
pub(super) struct Peer {
    pub pool: u8,
    pub who: u8,
}

impl Run<'_> {
    pub(super) fn declared(&self) -> &Handler {
        &self.fleet.definition.handlers[usize::from(self.handler)]
    }

    /// Runs one moment; the outcome that stopped it, if any.
    pub fn moment(&mut self, index: usize, mut choice: u16, peer: Peer) -> Option<Outcome> {
        let fleet = self.fleet;
        let handler = &fleet.definition.handlers[usize::from(self.handler)];
        if (index == 0 || handler.trigger == Trigger::Boot)
            && let Some(stopped) = self.carry_unread()
        {
            return Some(stopped);
        }
        self.written = written_by(&handler.moments[..index]).collect();
        let moment = &handler.moments[index];
        for op in &moment.ops {
            let stopped = match op {
                Op::Receive(needs) => self.receive(needs),
                Op::Read { place, needs, origin } => self.read(*place, needs, *origin),
                Op::Write { place, puts, keeps_unknown, origin } => {
                    self.write(*place, puts, *keeps_unknown, *origin, &mut choice)
                }
                Op::Delete { place, .. } => {
                    self.delete(*place);
                    None
                }
                Op::Send { queue, puts, origin } => {
                    match fleet.effect(*queue) {
                        Some(effect) => self.send_out(*queue, effect, puts, *origin, &mut choice),
                        None => self.send(*queue, puts, &mut choice),
                    }
                    None
                }
                Op::Call { api, puts, reply, origin } => self.call(*api, puts, reply.as_ref(), *origin, choice, peer),
                Op::Reply { api, puts, origin } => self.reply(*api, puts, *origin, choice, peer),
            };
            if stopped.is_some() {
                return stopped;
            }
        }
        None
    }

    pub fn harm(&mut self, harm: Harm, actor: u16, place: u16, field: u16, origin: u16) {
        self.effects.push(Label { harm, actor, place, field, origin });
    }

    fn receive(&mut self, needs: &Needs) -> Option<Outcome> {
        let message = self.message.clone()?;
        let Trigger::Message(queue) = self.declared().trigger else {
            return None;
        };
        let fields = &message[MESSAGE_FIELDS..];
        let lens = Lens { exists: &|_| true, sees_unknown: true, stale_is_harm: true };
        let reading = item::read(needs, fields, true, lens);
        self.takes(queue, reading.taken);
        let (actor, origin) = (self.declared().version, self.declared().origin);
        for (harm, field) in &reading.harms {
            // A rejected message costs an attempt; nobody is hurt until it is given up.
            if *harm != Harm::Reject {
                self.harm(*harm, actor, queue, u16::from(*field), origin);
            }
        }
        self.follows(&reading.rules);
        self.note_misread(queue, &reading.misread);
        self.carry(Source::Payload, fields);
        reading.stopped
    }

    fn read(&mut self, place: u16, needs: &Needs, origin: u16) -> Option<Outcome> {
        let fleet = self.fleet;
        let kind = &fleet.definition.places[usize::from(place)].kind;
        let item = Message::from_slice(fleet.layout.item(&fleet.definition, place, &self.key, self.own_ref()));
        let present = item[0] != presence::NO;
        let control = &self.state.control;
        let exists = |field: u8| fleet.layout.column(control, place, field) != column::NONE;
        let answered = needs.list.iter().flat_map(|need| &need.alternatives).all(|field| exists(*field));
        let reading = item::read(
            needs,
            &item[1..],
            present,
            Lens {
                exists: &exists,
                sees_unknown: *kind != PlaceKind::Table,
                stale_is_harm: !matches!(kind, PlaceKind::Cache(cache) if !cache.fresh_required),
            },
        );
        if present && answered {
            self.takes(place, reading.taken);
        }
        let actor = self.declared().version;
        for (harm, field) in &reading.harms {
            self.harm(*harm, actor, place, u16::from(*field), origin);
        }
        self.follows(&reading.rules);
        self.note_misread(place, &reading.misread);
        self.carry(Source::Place(place), &item[1..]);
        reading.stopped
    }

    pub(super) fn own_ref(&self) -> Option<&Replica> {
        self.own.as_ref().map(|(_, replica)| replica)
    }

    fn note_misread(&mut self, place: u16, fields: &[u8]) {
        let data = &self.fleet.data_of[usize::from(self.handler)];
        for field in fields {
            let datum = self.fleet.datum(place, *field);
            if let Some(bit) = data.iter().position(|other| *other == datum) {
                self.misread |= 1 << bit;
            }
        }
    }

    pub(super) fn misread_datum(&self, datum: u16) -> bool {
        let data = &self.fleet.data_of[usize::from(self.handler)];
        data.iter().position(|other| *other == datum).is_some_and(|bit| self.misread & (1 << bit) != 0)
    }

    fn carry(&mut self, source: Source, fields: &[Byte]) {
        let fleet = self.fleet;
        let handler = &fleet.definition.handlers[usize::from(self.handler)];
        for (at, (from, field)) in handler.carries.iter().enumerate() {
            if *from == source {
                self.carried[at] = fields.get(usize::from(*field)).copied().unwrap_or(ABSENT);
            }
        }
    }

    /// Values carried from places that the handler does not read explicitly are taken when it begins; a column that is
    /// not there fails (R9).
    pub(super) fn carry_unread(&mut self) -> Option<Outcome> {
        let fleet = self.fleet;
        let handler = &fleet.definition.handlers[usize::from(self.handler)];
        for (source, field) in &handler.carries {
            let Source::Place(place) = source else { continue };
            if fleet.layout.column(&self.state.control, *place, *field) == column::NONE && !broken::r9() {
                self.harm(Harm::Reject, handler.version, *place, u16::from(*field), handler.origin);
                return Some(Outcome::Reject);
            }
            let item = Message::from_slice(fleet.layout.item(&fleet.definition, *place, &self.key, self.own_ref()));
            if let Some((there, fields)) = item.split_first() {
                if *there != presence::NO {
                    let present = fields.get(usize::from(*field)).is_some_and(|byte| *byte != ABSENT);
                    self.takes(*place, u64::from(present) << field);
                }
                self.carry(*source, fields);
            }
        }
        None
    }

    fn send(&mut self, queue: u16, puts: &[Put], choice: &mut u16) {
        let fields = self.payload(queue, puts, choice);
        let mut live = self.fleet.live_versions(self.state);
        live.push(self.declared().version);
        self.fleet.enqueue(&live, &mut self.key, queue, &fields);
        self.sends(queue, written(puts));
    }

    fn payload(&self, queue: u16, puts: &[Put], choice: &mut u16) -> Message {
        let length = self.fleet.definition.places[usize::from(queue)].fields.len();
        let mut fields: Message = SmallVec::from_elem(ABSENT, length);
        for put in puts {
            fields[usize::from(put.field)] = self.value(put, Some(self.fleet.datum(queue, put.field)), choice).0;
        }
        fields
    }

    /// A payload of a call: its fields stand for no datum.
    pub fn call_payload(&self, api: u16, puts: &[Put], choice: &mut u16) -> Message {
        let mut fields: Message = SmallVec::from_elem(ABSENT, self.fleet.definition.apis[usize::from(api)].fields);
        for put in puts {
            fields[usize::from(put.field)] = self.value(put, None, choice).0;
        }
        fields
    }
}

/// Offset of the marks in a message: bit 0 = it is there since before the running step began, then its place in line
/// (1 = first) if the queue keeps order.
pub(super) const MESSAGE_MARKS: usize = 4;
/// It is there since before the running step began.
pub(super) const MARKED: u8 = 1;
/// Offset of the fields in a message: queue, consumer, dead, attempts left, marks, fields.
pub(super) const MESSAGE_FIELDS: usize = 5;
/// Offset of the misread data in a task: handler (2), moment, misread (4), carried, message.
const TASK_LATE: usize = 3;
/// Offset of the carried values in a task.
pub const TASK_CARRIED: usize = 7;
/// The most data that one handler may touch.
pub const DATA_MAX: usize = 32;

fn late_of(task: &Task) -> u32 {
    u32::from_le_bytes(task[TASK_LATE..TASK_CARRIED].try_into().expect("four bytes"))
}

/// Adds `count` items to a sorted multiset.
pub(super) fn add(pool: &mut state::Pool, item: Replica, count: u32) {
    match pool.binary_search_by(|(other, _)| other.cmp(&item)) {
        Ok(at) => pool[at].1 += count,
        Err(at) => pool.insert(at, (item, count)),
    }
}

/// A move of a handler: who, on which key, from which moment on.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    pub pool: Option<usize>,
    pub who: usize,
    pub key: usize,
    pub handler: HandlerId,
    pub choice: u16,
    pub peer: Peer,
}

impl Fleet {
    /// How many choices a moment leaves, the bug that ends it included.
    pub(super) fn moment_choices(&self, handler: &Handler, index: usize) -> u16 {
        let bug = index + 1 == handler.moments.len() && handler.ends_in.is_some();
        handler.moments[index].choices.max(1) * if bug { 2 } else { 1 }
    }

    /// The number of tag choices of `puts`.
    pub fn choices_of(puts: &[Put]) -> u16 {
        puts.iter().map(|put| if let PutValue::New(bytes) = &put.value { bytes.len() as u16 } else { 1 }).product()
    }

    /// Starts a handler: its first moment runs at once.
    pub(super) fn begin(
        &self,
        state: &mut State,
        turn: Turn,
        message: Option<usize>,
        duplicate: bool,
        watch: Watch,
    ) -> Effects {
        let mut key = state::take(&mut state.keys, turn.key);
        let message = message.map(|at| key.messages[at].clone());
        if let (Some(message), false) = (&message, duplicate)
            && self.queue(message[0]).ack_on_receive
        {
            key.messages.retain(|other| other != message);
        }
        let carried = self.definition.handlers[usize::from(turn.handler)].carries.len();
        let carried = SmallVec::from_elem(ABSENT, carried);
        self.run(state, key, turn, Suspended { moment: 0, misread: 0, carried, message, duplicate }, watch)
    }

    /// A moment of a starting replica; what it carries it reads anew, from what only it can change.
    pub(super) fn start_up(&self, state: &mut State, turn: Turn, moment: usize, watch: Watch) -> Effects {
        let key = state::take(&mut state.keys, turn.key);
        let carried = self.definition.handlers[usize::from(turn.handler)].carries.len();
        let carried = SmallVec::from_elem(ABSENT, carried);
        self.run(state, key, turn, Suspended { moment, misread: 0, carried, message: None, duplicate: false }, watch)
    }

    /// Goes on with a task.
    pub(super) fn resume(&self, state: &mut State, turn: Turn, task: usize, watch: Watch) -> Effects {
        let mut key = state::take(&mut state.keys, turn.key);
        let task = key.tasks.remove(task);
        let carried = TASK_CARRIED + self.definition.handlers[usize::from(turn.handler)].carries.len();
        let suspended = Suspended {
            moment: usize::from(task[2]),
            misread: late_of(&task),
            carried: task[TASK_CARRIED..carried].into(),
            message: (task.len() > carried).then(|| task[carried..].into()),
            duplicate: false,
        };
        self.run(state, key, turn, suspended, watch)
    }

    fn run(&self, state: &mut State, key: Key, turn: Turn, suspended: Suspended, mut watch: Watch) -> Effects {
        let Suspended { moment: index, misread, carried, message, duplicate } = suspended;
        let handler = &self.definition.handlers[usize::from(turn.handler)];
        let held_before = ledger::fresh(self, &key, &state.pools);
        let own = turn.pool.map(|pool| (pool, state::take(&mut state.pools[pool], turn.who)));
        let view = |value: u16| match &own {
            Some((pool, own)) => self.view(&state.control, *pool, own, value),
            None => self.client_view(&state.control, handler.version, value),
        };
        self.acts(handler.version, &view, &mut watch);
        let mut run = Run {
            fleet: self,
            state,
            key,
            own,
            handler: turn.handler,
            misread,
            carried,
            message,
            effects: Effects::new(),
            newer: 0,
            copied: SmallVec::new(),
            written: SmallVec::new(),
            changed: SmallVec::new(),
            watch: watch.map(|watch| watch as &mut dyn FnMut(Contact)),
        };
        let plain = handler.moments[index].choices.max(1);
        let bug = turn.choice >= plain
            && !matches!(handler.moments[index].ops.first(), Some(Op::Call { .. } | Op::Reply { .. }));
        let mut stopped = run.moment(index, if bug { turn.choice % plain } else { turn.choice }, turn.peer);
        if bug && stopped.is_none() {
            stopped = handler.ends_in;
            // A message is tried again without anybody's noticing.
            let noticed = !(stopped == Some(Outcome::Retry) && matches!(handler.trigger, Trigger::Message(_)));
            if let Some(harm) = stopped.and_then(item::harm_of).filter(|_| noticed) {
                run.harm(harm, handler.version, Label::NONE, Label::NONE, handler.origin);
            }
        }
        run.finish(index, stopped, duplicate);
        let Run { state, key, own, mut effects, newer, copied, changed, .. } = run;
        if let Some((pool, replica)) = own {
            state::put(&mut state.pools[pool], replica);
        }
        // A copy stands for what it was copied from: as long as that is there, nothing is lost.
        let held_now = ledger::fresh(self, &key, &state.pools);
        let at_source = copied.iter().filter(|(_, source)| held_now & (1 << source) != 0);
        let kept = at_source.fold(newer, |kept, (datum, _)| kept | 1 << datum);
        self.settle_key(state, key, held_before & !held_now & !kept, &changed, handler, &mut effects);
        effects
    }

    /// Puts a changed key back: loss is judged and whoever waits for a change is woken.
    fn settle_key(
        &self,
        state: &mut State,
        mut key: Key,
        lost: u128,
        changed: &[u16],
        by: &Handler,
        effects: &mut Effects,
    ) {
        let saved = self.lose((&state.control, &mut key, &mut state.pools), lost, (by.version, by.origin), effects);
        for place in changed {
            self.wake(state, &mut key, *place, by.version);
        }
        state::put(&mut state.keys, key);
        self.note_loss(state, effects, saved);
    }

    /// Wakes the `write` handlers of other actors.
    fn wake(&self, state: &State, key: &mut Key, place: u16, by: u16) {
        let actor = self.definition.versions[usize::from(by)].actor;
        let replicas = (0..state.pools.len()).flat_map(|pool| {
            self.running(state, pool)
                .map(move |(other, _)| (self.version_of(pool, other), self.behaviour(&state.control, pool, other)))
        });
        let clients = self.live_clients(state).map(|version| (version, self.client_behaviour(&state.control, version)));
        for (version, behaviour) in replicas.chain(clients) {
            if self.definition.versions[usize::from(version)].actor == actor {
                continue;
            }
            for number in &behaviour.handlers {
                let handler = &self.definition.handlers[usize::from(*number)];
                let asleep = || handler.when.as_ref().is_some_and(|when| !self.holds_for(state, when, key, None));
                if handler.trigger == Trigger::Write(place) && !handler.moments.is_empty() && !asleep() {
                    let carried = SmallVec::<[Byte; 4]>::from_elem(ABSENT, handler.carries.len());
                    state::insert(&mut key.tasks, task(*number, 0, 0, &carried, None));
                }
            }
        }
    }

    /// A handler that has written a datum in one place and is yet to write it in another comes too late after a newer
    /// write of somebody else.
    pub(super) fn overtake(&self, task: &mut Task, newer: u128) {
        let handler = usize::from(Self::task_handler(task));
        let begun = &self.definition.handlers[handler].moments[..usize::from(task[2])];
        let mut late = late_of(task);
        for datum in written_by(begun).map(|(place, field)| self.datum(place, field)) {
            let bit = self.data_of[handler].iter().position(|known| *known == datum);
            if let (Some(bit), true) = (bit, newer & (1 << datum) != 0) {
                late |= 1 << bit;
            }
        }
        task[TASK_LATE..TASK_CARRIED].copy_from_slice(&late.to_le_bytes());
    }

    /// The handler of a task.
    pub(super) fn task_handler(task: &Task) -> HandlerId {
        u16::from_le_bytes([task[0], task[1]])
    }

    /// The message that woke a task.
    pub(super) fn task_message<'a>(&self, task: &'a Task) -> Option<&'a [u8]> {
        let carried = TASK_CARRIED + self.definition.handlers[usize::from(Self::task_handler(task))].carries.len();
        task.get(carried..).filter(|message| !message.is_empty())
    }

    /// Spawns a called handler.
    pub(super) fn spawn(&self, key: &mut Key, handler: HandlerId, payload: &[Byte]) {
        let declared = &self.definition.handlers[usize::from(handler)];
        let mut carried: SmallVec<[Byte; 4]> = SmallVec::from_elem(ABSENT, declared.carries.len());
        for (slot, (source, field)) in carried.iter_mut().zip(&declared.carries) {
            if *source == Source::Payload {
                *slot = payload.get(usize::from(*field)).copied().unwrap_or(ABSENT);
            }
        }
        if !declared.moments.is_empty() {
            state::insert(&mut key.tasks, task(handler, 0, 0, &carried, None));
        }
    }
}

/// Where a handler goes on, and what it carries from one moment to the next.
struct Suspended {
    moment: usize,
    misread: u32,
    carried: SmallVec<[Byte; 4]>,
    message: Option<Message>,
    /// The message is delivered and stays.
    duplicate: bool,
}

fn task(handler: HandlerId, moment: u8, misread: u32, carried: &[Byte], message: Option<&Message>) -> Task {
    let mut task = Task::new();
    task.extend_from_slice(&handler.to_le_bytes());
    task.push(moment);
    task.extend_from_slice(&misread.to_le_bytes());
    task.extend_from_slice(carried);
    if let Some(message) = message {
        task.extend_from_slice(message);
    }
    task
}

impl Run<'_> {
    /// Ends the moment: the next one waits as a task, or the handler is done, or it was stopped.
    fn finish(&mut self, index: usize, stopped: Option<Outcome>, duplicate: bool) {
        let fleet = self.fleet;
        let moments: &[Moment] = &fleet.definition.handlers[usize::from(self.handler)].moments;
        match stopped {
            None if self.declared().trigger == Trigger::Boot => {}
            None if index + 1 < moments.len() => {
                // What handles a duplicate leaves the message alone.
                let message = self.message.as_ref().filter(|_| !duplicate);
                let next = task(self.handler, index as u8 + 1, self.misread, &self.carried, message);
                state::insert(&mut self.key.tasks, next);
            }
            None => self.acknowledge(duplicate),
            Some(outcome) if outcome != Outcome::Crash && self.is_start_call(index) => self.start_over(index, outcome),
            Some(Outcome::Crash) => {
                if let Some((pool, replica)) = &mut self.own {
                    fleet.crash(*pool, replica);
                }
                if planted(Planted::GoneOnCrash) {
                    self.acknowledge(duplicate);
                }
                self.lose_acknowledged();
            }
            Some(Outcome::Drop) => self.lose_message(duplicate),
            Some(Outcome::Reject) => self.count_attempt(),
            Some(Outcome::Retry) => self.lose_acknowledged(),
            Some(Outcome::Ignore | Outcome::Misread) => {}
        }
    }

    /// The position of the waking message, unless it is gone by now.
    fn waking(&self) -> Option<usize> {
        let message = self.message.as_ref()?;
        self.key.messages.iter().position(|other| same_message(other, message) && self.fleet.is_deliverable(other))
    }

    fn acknowledge(&mut self, duplicate: bool) {
        if let (Some(at), false) = (self.waking(), duplicate) {
            self.key.messages.remove(at);
        }
    }

    fn lose_message(&mut self, duplicate: bool) {
        if let Some(message) = &self.message {
            let queue = u16::from(message[0]);
            self.acknowledge(duplicate);
            if planted(Planted::DropIsNoLoss) {
                return;
            }
            self.harm(Harm::Loss, self.declared().version, queue, Label::NONE, self.declared().origin);
        }
    }

    /// A message that was acknowledged on receipt is never delivered again: its work is gone with the handler.
    fn lose_acknowledged(&mut self) {
        let Some(message) = &self.message else { return };
        if self.fleet.queue(message[0]).ack_on_receive {
            let queue = u16::from(message[0]);
            self.harm(Harm::Loss, self.declared().version, queue, Label::NONE, self.declared().origin);
        }
    }

    fn count_attempt(&mut self) {
        let Some(message) = self.message.clone() else {
            return;
        };
        let queue = self.fleet.queue(message[0]);
        let (actor, origin) = (self.declared().version, self.declared().origin);
        let Some(at) = self.waking() else {
            self.lose_acknowledged();
            return;
        };
        if queue.attempts == 0 || broken::r6() {
            return;
        }
        let mut message = self.key.messages.remove(at);
        if message[3] > u8::from(!planted(Planted::OneAttemptMore)) {
            message[3] -= 1;
            state::insert(&mut self.key.messages, message);
        } else if queue.then_drop {
            self.harm(Harm::Loss, actor, u16::from(message[0]), Label::NONE, origin);
        } else {
            self.harm(Harm::DeadLetter, actor, u16::from(message[0]), Label::NONE, origin);
            self.fleet.set_aside(&mut self.key, message);
        }
    }
}

/// Whether two records are the same message, whatever attempts and marks they carry.
pub(super) fn same_message(one: &Message, other: &Message) -> bool {
    one[..3] == other[..3] && one[MESSAGE_FIELDS..] == other[MESSAGE_FIELDS..]
}

impl Fleet {
    /// A replica crashes: it starts again, without its memory.
    pub(super) fn crash(&self, pool: usize, replica: &mut Replica) {
        if !self.layout.boots[pool] {
            return;
        }
        replica[replica::PHASE] = 1;
        self.clear_memory(pool, replica);
    }

    /// What is private to a replica and does not survive a restart is gone.
    pub(super) fn clear_memory(&self, pool: usize, replica: &mut Replica) {
        for (place, home) in self.definition.places.iter().zip(&self.layout.items) {
            if let (PlaceKind::Memory(_), Home::Replica(owner, offset)) = (&place.kind, home)
                && *owner == pool
                && !planted(Planted::MemoryKept)
            {
                super::layout::clear(&mut replica[*offset..=offset + place.fields.len()]);
            }
        }
    }
}
