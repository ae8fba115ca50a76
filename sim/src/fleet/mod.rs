//! The fleet: services, places, clients, plan and rollback as one relation.

pub mod definition;
pub mod layout;
pub mod programme;
pub mod slip;
pub mod state;

mod backup;
mod broken;
mod cache;
mod call;
mod effect;
mod element;
mod environment;
mod fact;
mod handler;
mod item;
mod ledger;
mod pairs;
mod position;
mod private;
mod queue;
mod role;
mod rolling;
mod rollout;
mod service;
mod slice;
mod watch;
mod write;

use definition::{Action, Definition, Op, PlaceKind};
use handler::Peer;
use layout::Layout;
use programme::Programmes;
use smallvec::SmallVec;
use state::State;
use watch::Watch;

use crate::planted::{Planted, planted};
use crate::relation::{At, Contact, Effects, Fault, Harm, Home, Judged, Label, Mode, Mover, Position, Relation};

pub use element::Element;
pub use handler::{DATA_MAX, TASK_CARRIED};
pub use pairs::{Pair, Slot};

/// No peer.
const NOBODY: Peer = Peer { pool: u8::MAX, who: 0 };

/// A fleet ready to be driven.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// What it is and does.
    pub definition: Definition,
    /// Where everything stands in a state.
    pub layout: Layout,
    /// What the operator can play.
    pub programmes: Programmes,
    /// Losses and dead letters of the start configuration, which are not charged.
    pub known_losses: Vec<Label>,
    /// How many keys are followed.
    pub keys: u32,
    held: Vec<(u16, u8, u16)>,
    /// Per handler: the data that it reads or writes.
    data_of: Vec<Vec<u16>>,
    /// Per version: the flags and configs on which it depends what it does.
    minded: Vec<Vec<u16>>,
    /// Whether some queue keeps order.
    keeps_order: bool,
}

/// A class of moves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Step {
    /// What sort.
    pub kind: Kind,
    /// The pool of the replica that moves; 255 = none.
    pub pool: u8,
    /// The class of the replica inside its pool.
    pub who: u8,
    /// The class of the key.
    pub key: u8,
    /// The handler, value, place, client, repair or sub-step.
    pub what: u16,
    /// The message or task inside the key.
    pub item: u8,
    /// 1 = the delivered message stays.
    pub stays: u8,
    /// Which tags are written or sent.
    pub choice: u16,
    /// The pool of the one that is called; 254 = a client, 255 = nobody.
    pub peer_pool: u8,
    /// Its class, or the client's version.
    pub peer_who: u8,
}

/// The sorts of moves, in canonical order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum Kind {
    /// The next sub-step of the programme.
    Advance,
    /// The plan is given up, the rollback begins.
    Abort,
    /// The hotfix begins.
    Hotfix,
    /// The plan begins again.
    Retry,
    /// A repair begins.
    Repair,
    /// A user or timer wakes a handler.
    Request,
    /// A message is delivered.
    Deliver,
    /// A handler goes on.
    Continue,
    /// A backfill meets a key.
    Pass,
    /// A replica's start goes on.
    Boot,
    /// A replica observes a value.
    View,
    /// A client's traffic has fallen.
    Fade,
    /// A cache entry goes.
    Evict,
    /// A message's time is up.
    Expire,
    /// A replica restarts that nobody restarted.
    Restart,
    /// A handler is cut short.
    Cut,
    /// A backfill meets a key twice.
    Redo,
    /// A replica takes a role that is vacant.
    Elect,
    /// A role goes to another replica.
    Oust,
    /// The item of a replica runs out.
    Lapse,
}

impl Step {
    fn of(kind: Kind) -> Self {
        let nobody = NOBODY;
        Self {
            kind,
            pool: u8::MAX,
            who: 0,
            key: 0,
            what: 0,
            item: 0,
            stays: 0,
            choice: 0,
            peer_pool: nobody.pool,
            peer_who: nobody.who,
        }
    }

    fn by_operator(self) -> bool {
        self.kind <= Kind::Repair
    }
}

impl Fleet {
    /// Prepares a fleet; `keys` are followed at once.
    pub fn new(definition: Definition, keys: u32) -> Self {
        let layout = Layout::of(&definition);
        let data_of = definition.handlers.iter().map(|handler| touched_data(&definition, handler)).collect();
        Self {
            programmes: Programmes::of(&definition),
            known_losses: vec![],
            keys,
            held: Self::held_fields(&definition),
            data_of,
            minded: definition.minded(),
            keeps_order: definition
                .places
                .iter()
                .any(|place| matches!(&place.kind, PlaceKind::Queue(queue) if queue.fifo)),
            layout,
            definition,
        }
    }

    /// The number by which labels name an api: behind the places.
    pub fn api_place(&self, api: u16) -> u16 {
        self.definition.places.len() as u16 + api
    }

    fn datum(&self, place: u16, field: u8) -> u16 {
        self.definition.places[usize::from(place)].fields[usize::from(field)].datum
    }

    /// Every field that stands for one of `data`.
    fn twins(&self, data: u128) -> impl Iterator<Item = (u16, u8)> + '_ {
        self.definition.places.iter().enumerate().flat_map(move |(place, declared)| {
            let of = move |(_, field): &(usize, &definition::Field)| data & (1 << field.datum) != 0;
            declared.fields.iter().enumerate().filter(of).map(move |(field, _)| (place as u16, field as u8))
        })
    }

    fn take(&self, state: &mut State, step: Step, watch: Watch) -> Effects {
        let mut effects = if step.by_operator() { self.operate(state, step) } else { self.happen(state, step, watch) };
        effects.sort_unstable();
        effects.dedup();
        self.vacate(state);
        if self.keeps_order {
            self.each_key(state, |key| self.close_ranks(key));
        }
        effects
    }

    fn start_keys(&self) -> Vec<state::Key> {
        let first = self.first_versions();
        let mut keys = vec![self.layout.empty_key()];
        for (place, alternatives) in &self.definition.starts {
            if let layout::Home::Replica(..) = self.layout.items[usize::from(*place)] {
                continue;
            }
            let grown = keys.iter().flat_map(|key| {
                alternatives.iter().map(|item| {
                    let mut key = key.clone();
                    if let PlaceKind::Queue(_) = self.definition.places[usize::from(*place)].kind {
                        if item[0] != layout::presence::NO {
                            self.enqueue(&first, &mut key, *place, &item[1..]);
                        }
                    } else {
                        self.layout.item_mut(&self.definition, *place, &mut key, None).copy_from_slice(item);
                    }
                    key
                })
            });
            keys = grown.collect();
        }
        keys.sort();
        keys.dedup();
        keys
    }

    /// Private places may start in several ways; every replica starts in the same one.
    fn start_pools(&self) -> Vec<SmallVec<[state::Pool; 2]>> {
        let control = self.layout.start_control(&self.definition);
        let mut pools: SmallVec<[state::Pool; 2]> = SmallVec::new();
        for (pool, actor) in self.layout.actors.iter().enumerate() {
            let declared = &self.definition.actors[*actor];
            let mut bag = state::Pool::new();
            let first = declared.versions.start;
            bag.push((self.layout.replica(&self.definition, pool, first, false, &control), declared.replicas));
            if let Some((count, version)) = declared.stragglers {
                let straggler = self.layout.replica(&self.definition, pool, version, true, &control);
                handler::add(&mut bag, straggler, count);
                bag.retain(|(_, count)| *count > 0);
            }
            pools.push(bag);
        }
        let mut all = vec![pools];
        for (place, alternatives) in &self.definition.starts {
            let layout::Home::Replica(pool, offset) = self.layout.items[usize::from(*place)] else {
                continue;
            };
            let grown = all.iter().flat_map(|pools| {
                alternatives.iter().map(move |item| {
                    let mut pools = pools.clone();
                    for (own, _) in &mut pools[pool] {
                        own[offset..offset + item.len()].copy_from_slice(item);
                    }
                    pools
                })
            });
            all = grown.collect();
        }
        for kept in self.layout.kept.iter().filter(|kept| kept.of == layout::KeptOf::Start) {
            let layout::Home::Replica(pool, _) = kept.home else { continue };
            all.iter_mut().flat_map(|pools| &mut pools[pool]).for_each(|(own, _)| kept.take(own));
        }
        all
    }
}

/// The data that a handler reads or writes, in order.
fn touched_data(definition: &Definition, handler: &definition::Handler) -> Vec<u16> {
    let mut data = Vec::new();
    for op in handler.moments.iter().flat_map(|moment| &moment.ops) {
        let (place, needs) = match op {
            Op::Read { place, needs, .. } => (*place, needs),
            Op::Receive(needs) => match handler.trigger {
                definition::Trigger::Message(queue) => (queue, needs),
                _ => continue,
            },
            Op::Write { place, puts, .. } => {
                let fields = &definition.places[usize::from(*place)].fields;
                for datum in puts.iter().map(|put| fields[usize::from(put.field)].datum) {
                    if !data.contains(&datum) {
                        data.push(datum);
                    }
                }
                continue;
            }
            _ => continue,
        };
        for field in needs.list.iter().flat_map(|need| &need.alternatives) {
            let datum = definition.places[usize::from(place)].fields[usize::from(*field)].datum;
            if !data.contains(&datum) {
                data.push(datum);
            }
        }
    }
    data
}

impl Relation for Fleet {
    type State = State;
    type Step = Step;

    fn start(&self) -> Vec<State> {
        let control = self.layout.start_control(&self.definition);
        let keys = self.start_keys();
        let mut sets: Vec<SmallVec<[(state::Key, u32); 1]>> = vec![SmallVec::new()];
        for _ in 0..self.keys {
            sets = sets
                .iter()
                .flat_map(|set| {
                    keys.iter().map(|key| {
                        let mut set = set.clone();
                        state::put(&mut set, key.clone());
                        set
                    })
                })
                .collect();
        }
        let mut starts = Vec::new();
        for pools in self.start_pools().into_iter().flat_map(|pools| self.with_holders(pools)) {
            for keys in &sets {
                let mut state = State { control: control.clone(), pools: pools.clone(), keys: keys.clone() };
                self.settle_programme(&mut state);
                starts.push(state);
            }
        }
        starts.sort_by_key(|state| {
            let mut bytes = Vec::new();
            state.pack(&mut bytes);
            bytes
        });
        starts.dedup();
        starts
    }

    fn enabled(&self, state: &State, out: &mut Vec<Step>) {
        let first = out.len();
        self.operator_moves(state, out);
        self.environment_moves(state, out);
        out[first..].sort_unstable();
    }

    fn count(&self, state: &State, step: Step) -> u64 {
        let replicas = state.pools.get(usize::from(step.pool)).and_then(|bag| bag.get(usize::from(step.who)));
        let keys = state.keys.get(usize::from(step.key)).map_or(1, |(_, count)| u64::from(*count));
        if step.by_operator() { 1 } else { replicas.map_or(1, |(_, count)| u64::from(*count)) * keys }
    }

    fn apply(&self, state: &mut State, step: Step) -> Effects {
        self.take(state, step, None)
    }

    fn mover(&self, state: &State, step: Step) -> Mover {
        if step.by_operator() { self.operator_of(state, step) } else { self.environment_of(state, step) }
    }

    fn pack(&self, state: &State, out: &mut Vec<u8>) {
        state.pack(out);
    }

    fn unpack(&self, bytes: &[u8]) -> Option<State> {
        State::unpack(bytes, &self.layout.shape)
    }
}

impl Judged for Fleet {
    fn position(&self, state: &State) -> Position {
        self.position_of(state)
    }

    fn mode(&self, state: &State) -> Mode {
        self.mode_of(state)
    }

    fn settled(&self, state: &State) -> Option<Home> {
        let known = |vacancy: &Label| self.known_losses.iter().any(|known| known.same_harm(vacancy));
        self.standing(state).filter(|_| self.vacancies(state).all(|vacancy| known(&vacancy)))
    }

    fn rests(&self, state: &State) -> bool {
        self.standing(state).is_some()
    }

    fn at_goal(&self, state: &State) -> bool {
        self.stands_at_goal(state)
    }

    fn lost(&self, state: &State) -> bool {
        state.control[layout::control::LOST] != 0
    }

    fn waiting(&self, state: &State) -> Effects {
        let mut waiting = Effects::new();
        for message in state.keys.iter().flat_map(|(key, _)| &key.messages).filter(|message| message[2] == 0) {
            let place = u16::from(message[0]);
            waiting.push(Label {
                harm: Harm::Stalled,
                actor: Label::NONE,
                place,
                field: Label::NONE,
                origin: Label::NONE,
            });
        }
        waiting.extend(self.vacancies(state));
        waiting.extend(self.starts_in_vain(state));
        waiting.sort_unstable();
        waiting.dedup();
        waiting
    }

    fn awaits_rows(&self, state: &State) -> bool {
        self.guard_over_rows(state)
    }

    fn promised(&self, position: Position) -> bool {
        position.step < self.definition.promised_until + u16::from(planted(Planted::PromiseInclusive))
    }

    fn may_finish(&self) -> bool {
        !self.definition.may_not_forward
    }

    fn last_step(&self) -> u16 {
        self.definition.plan.len() as u16
    }

    fn positions(&self) -> Vec<Position> {
        let mut positions = vec![Position { step: 0, at: At::Start }];
        for (index, line) in self.definition.plan.iter().enumerate() {
            let step = index as u16 + 1;
            let (canary, mixed) = self.stages_of(line);
            positions.extend(canary.then_some(Position { step, at: At::Canary }));
            positions.extend(mixed.then_some(Position { step, at: At::Mixed }));
            positions.push(Position { step, at: At::Done });
        }
        positions
    }

    fn forgive(&mut self, losses: &[Label]) {
        let lasting = |label: &&Label| matches!(label.harm, Harm::Loss | Harm::DeadLetter | Harm::Stalled);
        self.known_losses = losses.iter().filter(lasting).copied().collect();
    }

    fn joined(&self, one: &State, other: &State) -> Option<State> {
        let alike = one.control == other.control && one.pools == other.pools;
        alike.then(|| {
            let mut joined = one.clone();
            let others = if planted(Planted::JoinedHalf) { &[] } else { &other.keys[..] };
            for (key, count) in others {
                (0..*count).for_each(|_| state::put(&mut joined.keys, key.clone()));
            }
            joined
        })
    }

    fn fault(&self, step: Step) -> Option<Fault> {
        match step.kind {
            Kind::Restart | Kind::Cut | Kind::Oust => Some(Fault::Crash),
            Kind::Deliver if step.stays == 1 => Some(Fault::Duplicate),
            Kind::Redo => Some(Fault::Duplicate),
            Kind::Deliver => Some(Fault::Late),
            _ => None,
        }
    }

    fn faults(&self) -> Vec<Fault> {
        let definition = &self.definition;
        let queues = || {
            definition.places.iter().filter_map(|place| match &place.kind {
                PlaceKind::Queue(queue) => Some(queue),
                _ => None,
            })
        };
        let scans_twice = definition
            .lines()
            .iter()
            .any(|line| matches!(&line.action, Action::Backfill(backfill) if !backfill.idempotent));
        let cut = definition.handlers.iter().any(|handler| handler.moments.len() > 1);
        let restart = self.layout.boots.contains(&true);
        let again = queues().any(|queue| !queue.ack_on_receive);
        let possible = [
            (Fault::Crash, definition.faults && (cut || restart)),
            (Fault::Duplicate, definition.faults && (again || scans_twice)),
            (Fault::Late, queues().next().is_some()),
        ];
        possible.into_iter().filter(|(_, possible)| *possible).map(|(fault, _)| fault).collect()
    }

    fn elements(&self) -> u32 {
        self.element(Element::End)
    }

    fn vital(&self) -> Vec<u32> {
        self.vital_elements()
    }

    fn everywhere(&self) -> std::ops::Range<u32> {
        self.element(Element::Step(0))..self.element(Element::Rule(0))
    }

    fn used(&self, state: &State, step: Option<Step>, each: &mut dyn FnMut(u32)) {
        let mut named = |element| each(self.element(element));
        match step {
            None => self.shown(state, &mut named),
            Some(step) => self.used_by(state, step, &mut named),
        }
    }

    fn apply_watched(&self, state: &mut State, step: Step, each: &mut dyn FnMut(Contact)) -> Effects {
        self.watch_moves(state, step, each);
        if self.keys == 1 {
            return self.take(state, step, Some(each));
        }
        self.name_keys(state, usize::from(step.key));
        let effects = self.take(state, step, Some(each));
        self.unname_keys(state, step, each);
        effects
    }

    fn filled(&self, state: &State, each: &mut dyn FnMut(u8, u32)) {
        self.filled_slots(state, each);
    }
}
