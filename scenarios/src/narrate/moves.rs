//! One move as a sentence.

use turnback_sim::findings::story::Told;
use turnback_sim::fleet::definition::{Action, Moment, Needs, Op, Put, PutValue, Source, Trigger};
use turnback_sim::fleet::layout::{Home, control, presence, replica};
use turnback_sim::fleet::state::{ABSENT, Byte, Key, Message, Replica, State, is_fresh, is_stale, retagged};
use turnback_sim::fleet::{Fleet, Kind, Step, TASK_CARRIED};
use turnback_sim::relation::{Judged, Mode};

use super::{Narrator, Sentence};

/// The pool of a peer that is a client; its number is a version.
const CLIENT_PEER: u8 = 254;
/// Where a message holds the number of attempts left.
const MESSAGE_ATTEMPTS: usize = 3;

/// A handler's moment in the state where it runs.
struct Scene<'s> {
    before: &'s State,
    step: Step,
    key: &'s Key,
    own: Option<&'s Replica>,
    carries: &'s [(Source, u8)],
    /// The fields of the message that woke the handler.
    message: Option<&'s [Byte]>,
    /// The values carried from earlier moments.
    carried: Option<&'s [Byte]>,
}

impl Narrator<'_> {
    /// What a move does, and where it is declared.
    pub fn tell(&self, told: &Told<Fleet>) -> Sentence {
        let (mut text, origin) = self.act(&told.before, told.step, &told.after);
        let mut more = self.consequences(told);
        more.extend(told.effects.iter().map(|label| self.harm(label)));
        if !more.is_empty() {
            text = format!("{text}: {}", more.join("; "));
        }
        let blamed = told.effects.iter().find_map(|label| self.blame(label));
        Sentence { text, span: origin.and_then(|origin| self.origin(origin)).map(|(span, _)| span).or(blamed) }
    }

    pub(super) fn act(&self, before: &State, step: Step, after: &State) -> (String, Option<u16>) {
        match step.kind {
            Kind::Advance | Kind::Repair => self.operate(before, step, after),
            Kind::Abort => ("the operator aborts; the declared rollback begins".to_owned(), None),
            Kind::Hotfix => ("the operator begins the declared hotfix".to_owned(), None),
            Kind::Retry => ("a second attempt: the plan begins again".to_owned(), None),
            Kind::Request | Kind::Deliver | Kind::Continue => self.handle(before, step),
            _ => (self.happen(before, step, after), None),
        }
    }

    /// A sub-step of a programme.
    fn operate(&self, before: &State, step: Step, after: &State) -> (String, Option<u16>) {
        let (programme, entry) = match (step.kind, self.fleet.mode(before)) {
            (Kind::Repair, _) => ("repair", self.fleet.programmes.repairs.get(usize::from(step.what))),
            (_, Mode::Forward { .. }) => ("plan", self.fleet.current(before)),
            (_, Mode::Rollback { .. }) => ("rollback", self.fleet.current(before)),
            (_, Mode::Hotfix { .. }) => ("hotfix", self.fleet.current(before)),
            (_, Mode::Repair { .. }) => ("repair", self.fleet.current(before)),
        };
        let Some(entry) = entry else {
            return (format!("{programme}: the next step"), None);
        };
        let line = self.line(entry);
        let moves_replica = step.kind == Kind::Advance && step.pool != u8::MAX;
        let done = after.control[control::STAGE] == 0;
        let text = if moves_replica {
            format!("{programme}: {line}, {}", self.replica_moved(before, step, after, &entry.line.action))
        } else if before.control[control::STAGE] == 0 || step.kind == Kind::Repair {
            format!("{programme}: {line}{}", if done { "" } else { " begins" })
        } else if done {
            format!("{programme}: {line} is done")
        } else {
            format!("{programme}: {line} is not verified and runs again")
        };
        (text, Some(entry.line.origin))
    }

    fn replica_moved(&self, before: &State, step: Step, after: &State, action: &Action) -> String {
        let pool = usize::from(step.pool);
        let total: u32 = before.pools[pool].iter().map(|(_, count)| count).sum();
        let after_it: u32 = after.pools[pool].iter().map(|(_, count)| count).sum();
        let version = match action {
            Action::Deploy { version, .. } => version,
            Action::Scale { .. } if after_it > total => return format!("one more ({after_it})"),
            Action::Scale { .. } => {
                let gone = Self::changed_replica(before, after, pool);
                let whose = gone.map_or(String::new(), |own| self.version(self.version_of(pool, own)));
                return format!("a replica of {whose} goes ({after_it} left)");
            }
            _ => return format!("one replica of {total}"),
        };
        let here = |state: &State| -> u32 {
            let moved = state.pools[pool].iter().filter(|(own, _)| self.version_of(pool, own) == *version);
            moved.map(|(_, count)| count).sum()
        };
        match here(after) {
            1 if total == 1 => "its only replica".to_owned(),
            1 => format!("first replica (1 of {total})"),
            moved if moved == total => format!("last replica ({moved} of {total})"),
            moved => format!("next replica ({moved} of {total})"),
        }
    }

    pub(super) fn moment_of(&self, before: &State, step: Step) -> Option<&Moment> {
        let handler = &self.fleet.definition.handlers[usize::from(step.what)];
        let index = match step.kind {
            Kind::Continue => before.keys[usize::from(step.key)].0.tasks[usize::from(step.item)][2],
            _ => 0,
        };
        handler.moments.get(usize::from(index))
    }

    /// A moment of a handler.
    fn handle(&self, before: &State, step: Step) -> (String, Option<u16>) {
        let handler = &self.fleet.definition.handlers[usize::from(step.what)];
        let key = &before.keys[usize::from(step.key)].0;
        let task = (step.kind == Kind::Continue).then(|| &key.tasks[usize::from(step.item)]);
        let message = (step.kind == Kind::Deliver).then(|| &key.messages[usize::from(step.item)]);
        let own = before.pools.get(usize::from(step.pool)).map(|bag| &bag[usize::from(step.who)].0);
        let scene = Scene {
            before,
            step,
            key,
            own,
            carries: &handler.carries,
            message: message.and_then(|message| self.message_fields(message)),
            carried: task.and_then(|task| task.get(TASK_CARRIED..TASK_CARRIED + handler.carries.len())),
        };
        let moment = self.moment_of(before, step);
        let mut choice = step.choice;
        let mut acts = Vec::new();
        for op in moment.iter().flat_map(|moment| &moment.ops) {
            acts.extend(self.op(&scene, op, &mut choice));
        }
        let origin = moment.and_then(|moment| moment.ops.iter().find_map(origin_of)).unwrap_or(handler.origin);
        let who = self.version(handler.version);
        let opening = self.opening(step, handler.trigger, message.map(|message| u16::from(message[0])), &scene);
        let acts = if acts.is_empty() { "does nothing more".to_owned() } else { acts.join(", ") };
        let text = if opening.is_empty() { format!("{who} {acts}") } else { format!("{who} {opening} and {acts}") };
        (text.trim_end_matches(" and does nothing more").to_owned(), Some(origin))
    }

    fn opening(&self, step: Step, trigger: Trigger, queue: Option<u16>, scene: &Scene) -> String {
        let name = &self.names.handlers[usize::from(step.what)];
        let named = !name.contains(' ');
        match (step.kind, queue, trigger) {
            (Kind::Continue, ..) if named => format!("goes on with `{name}`"),
            (_, Some(queue), _) => {
                let again = if step.stays == 1 { ", which will be delivered again," } else { "" };
                let payload = scene.message.map_or(String::new(), |fields| self.payload(queue, fields));
                format!("takes a message of {} {{{payload}}}{again}", self.place(queue))
            }
            (_, _, Trigger::Timer) => format!("is woken by its timer (`{name}`)"),
            _ if named => format!("runs `{name}`"),
            _ => String::new(),
        }
    }

    /// One operation in words; nothing for those that the opening tells.
    fn op(&self, scene: &Scene, op: &Op, choice: &mut u16) -> Option<String> {
        Some(match op {
            Op::Receive(_) => return None,
            Op::Read { place, needs, .. } => format!("reads {}", self.read(scene, *place, needs)),
            Op::Write { place, puts, .. } => {
                format!("writes {}", self.written(scene, *place, puts, choice))
            }
            Op::Delete { place, .. } => format!("deletes the {} row", self.place(*place)),
            Op::Send { queue, puts, .. } if self.is_effect(*queue) => {
                format!("sends {{{}}} to {}", self.sent(scene, *queue, puts, choice), self.place(*queue))
            }
            Op::Send { queue, puts, .. } => {
                format!("sends a message to {} {{{}}}", self.place(*queue), self.sent(scene, *queue, puts, choice))
            }
            Op::Call { api, puts, .. } => {
                let place = self.fleet.api_place(*api);
                let payload = self.sent(scene, place, puts, choice);
                let payload = if payload.is_empty() { payload } else { format!(" with {{{payload}}}") };
                format!("calls {} on {}{payload}", self.place(place), self.peer(scene))
            }
            Op::Reply { api, puts, .. } => {
                let place = self.fleet.api_place(*api);
                let payload = self.sent(scene, place, puts, choice);
                format!("answers {} to {} with {{{payload}}}", self.place(place), self.peer(scene))
            }
        })
    }

    fn peer(&self, scene: &Scene) -> String {
        let step = scene.step;
        if step.peer_pool == CLIENT_PEER {
            return self.version(u16::from(step.peer_who));
        }
        let bag = scene.before.pools.get(usize::from(step.peer_pool));
        let own = bag.and_then(|bag| bag.get(usize::from(step.peer_who)));
        own.map_or("nobody".to_owned(), |(own, _)| self.version(self.version_of(usize::from(step.peer_pool), own)))
    }

    fn read(&self, scene: &Scene, place: u16, needs: &Needs) -> String {
        let name = self.place(place);
        let item = self.fleet.layout.item(&self.fleet.definition, place, scene.key, scene.own);
        if item.first().is_none_or(|there| *there == presence::NO) {
            return format!("{name} and finds nothing");
        }
        let mut fields = Vec::new();
        for need in &needs.list {
            let found = need.alternatives.iter().find(|field| item[1 + usize::from(**field)] != ABSENT);
            let field = usize::from(*found.unwrap_or(&need.alternatives[0]));
            fields.push(self.field_with(place, field, item[1 + field]));
        }
        format!("{name}.{}", fields.join(", "))
    }

    fn written(&self, scene: &Scene, place: u16, puts: &[Put], choice: &mut u16) -> String {
        format!("{}.{}", self.place(place), self.sent(scene, place, puts, choice))
    }

    fn sent(&self, scene: &Scene, place: u16, puts: &[Put], choice: &mut u16) -> String {
        let mut fields = Vec::new();
        for put in puts {
            let byte = match &put.value {
                PutValue::New(bytes) => {
                    let picked = bytes[usize::from(*choice) % bytes.len()];
                    *choice /= bytes.len() as u16;
                    picked
                }
                PutValue::Copy { carried, retag } => {
                    let byte = self.carried(scene, usize::from(*carried));
                    retag.map_or(byte, |tag| retagged(byte, tag))
                }
            };
            fields.push(self.field_with(place, usize::from(put.field), byte));
        }
        fields.join(", ")
    }

    fn carried(&self, scene: &Scene, number: usize) -> Byte {
        if let Some(carried) = scene.carried {
            return carried[number];
        }
        let (source, field) = scene.carries[number];
        let fields = match source {
            Source::Payload => scene.message.unwrap_or(&[]),
            Source::Place(place) => {
                let item = self.fleet.layout.item(&self.fleet.definition, place, scene.key, scene.own);
                item.get(1..).unwrap_or(&[])
            }
        };
        fields.get(usize::from(field)).copied().unwrap_or(ABSENT)
    }

    /// What nobody orders.
    fn happen(&self, before: &State, step: Step, after: &State) -> String {
        let own = |pool: u8, who: u8| {
            let bag = before.pools.get(usize::from(pool));
            let own = bag.and_then(|bag| bag.get(usize::from(who)));
            own.map_or(String::new(), |(own, _)| self.version(self.version_of(usize::from(pool), own)))
        };
        let actor = own(step.pool, step.who);
        match step.kind {
            Kind::Boot => self.booted(step, after, before, &actor),
            Kind::Elect => format!("a replica of {actor} becomes {}", self.place(self.fleet.role_place(step.what))),
            Kind::Oust => {
                format!(
                    "a replica of {actor} becomes {} in place of another",
                    self.place(self.fleet.role_place(step.what))
                )
            }
            Kind::View => {
                let truth = before.control[self.fleet.layout.values[usize::from(step.what)]];
                match step.choice.checked_sub(1) {
                    None => format!("a replica of {actor} observes `{}`", self.setting(step.what, truth)),
                    Some(older) => {
                        let seen = self.setting(step.what, older as u8);
                        format!("a replica of {actor} starts and still observes `{seen}`")
                    }
                }
            }
            Kind::Fade => format!("{} is no longer in use", self.names.actors[usize::from(step.what)]),
            Kind::Evict => format!("the {} entry is evicted", self.place(step.what)),
            Kind::Expire => {
                let queue = before.keys[usize::from(step.key)].0.messages[usize::from(step.item)][0];
                format!("a message of {} outlives its retention", self.place(queue.into()))
            }
            Kind::Restart => format!("a replica of {actor} restarts, though nobody restarted it"),
            Kind::Cut => {
                let task = &before.keys[usize::from(step.key)].0.tasks[usize::from(step.item)];
                format!("{} is cut short", self.handler(u16::from_le_bytes([task[0], task[1]])))
            }
            Kind::Lapse => format!("what a replica of {actor} keeps in {} runs out", self.place(step.what)),
            Kind::Redo => "the backfill passes the row a second time".to_owned(),
            _ if self.backfilled_is_absent(before, step) => "the backfill passes; the row is not there yet".to_owned(),
            _ => "the backfill passes the row".to_owned(),
        }
    }

    fn backfilled_is_absent(&self, before: &State, step: Step) -> bool {
        let Some(Action::Backfill(backfill)) = self.fleet.current(before).map(|entry| &entry.line.action) else {
            return false;
        };
        let key = &before.keys[usize::from(step.key)].0;
        self.fleet.layout.item(&self.fleet.definition, backfill.place, key, None).first() == Some(&presence::NO)
    }

    fn booted(&self, step: Step, after: &State, before: &State, actor: &str) -> String {
        let changed = Self::changed_replica(after, before, usize::from(step.pool));
        let up = changed.is_some_and(|own| own[replica::PHASE] == 0);
        if let Some(call) = self.called_at_start(step, before) {
            return format!("a replica of {actor} starts and {call}");
        }
        if up { format!("a replica of {actor} is up") } else { format!("a replica of {actor} is starting") }
    }

    /// The call that a starting replica makes.
    fn called_at_start(&self, step: Step, before: &State) -> Option<String> {
        let (handler, moment) = self.fleet.starting(before, step)?;
        let handler = &self.fleet.definition.handlers[usize::from(handler)];
        let op = handler.moments[moment].ops.first().filter(|op| matches!(op, Op::Call { .. }))?;
        let own = &before.pools[usize::from(step.pool)][usize::from(step.who)].0;
        let key = &before.keys[usize::from(step.key)].0;
        let scene =
            Scene { before, step, key, own: Some(own), carries: &handler.carries, message: None, carried: None };
        self.op(&scene, op, &mut step.choice.clone())
    }

    /// What a move does to the key beside what it writes: values that no longer stand for the fact, or are gone.
    fn consequences(&self, told: &Told<Fleet>) -> Vec<String> {
        let (Some(after), Some(before)) =
            (Self::changed_key(&told.after, &told.before), Self::changed_key(&told.before, &told.after))
        else {
            return vec![];
        };
        let mut said = Vec::new();
        for (place, home) in self.fleet.layout.items.iter().enumerate() {
            let Home::Key(offset) = home else { continue };
            let fields = &self.fleet.definition.places[place].fields;
            for field in 0..fields.len() {
                let at = offset + 1 + field;
                let name = format!("{}.{}", self.place(place as u16), self.field(place as u16, field as u16));
                said.extend(self.turned(told.step.kind, &name, before.items[at], after.items[at]));
            }
        }
        said.extend(self.rejected(told, before, after));
        said
    }

    /// A rejected message stays, with an attempt less.
    fn rejected(&self, told: &Told<Fleet>, before: &Key, after: &Key) -> Option<String> {
        let message = (told.step.kind == Kind::Deliver).then(|| &before.messages[usize::from(told.step.item)])?;
        let fields = self.message_fields(message)?;
        let same = |other: &&Message| other[0] == message[0] && self.message_fields(other) == Some(fields);
        let left = after.messages.iter().find(same)?[MESSAGE_ATTEMPTS];
        let fewer = left < message[MESSAGE_ATTEMPTS] && left > 0;
        fewer.then(|| format!("it is rejected and will be tried again; attempts left: {left}"))
    }

    fn turned(&self, kind: Kind, name: &str, before: Byte, after: Byte) -> Option<String> {
        if is_fresh(before) && is_stale(after) {
            return Some(format!("{name} is now stale"));
        }
        match kind {
            Kind::Advance | Kind::Repair if before != ABSENT && after == ABSENT => Some(format!("{name} is gone")),
            Kind::Pass if before != after && is_stale(after) => Some(format!("{name} is filled from a stale value")),
            Kind::Pass if before != after && is_fresh(after) => Some(format!("{name} is filled")),
            _ => None,
        }
    }

    pub(super) fn message_fields<'m>(&self, message: &'m [Byte]) -> Option<&'m [Byte]> {
        let place = self.fleet.definition.places.get(usize::from(*message.first()?))?;
        message.get(message.len().checked_sub(place.fields.len())?..)
    }
}

fn origin_of(op: &Op) -> Option<u16> {
    match op {
        Op::Receive(_) => None,
        Op::Read { origin, .. }
        | Op::Write { origin, .. }
        | Op::Delete { origin, .. }
        | Op::Send { origin, .. }
        | Op::Call { origin, .. }
        | Op::Reply { origin, .. } => Some(*origin),
    }
}
