//! Where everything stands inside the byte blocks of a state.

use smallvec::SmallVec;

use super::definition::{Action, Definition, Effect, Observed, PlaceId, PlaceKind, SchemaChange};
use super::state::{ABSENT, Byte, Control, Key, Replica, Shape, fresh};

/// Offsets of the control block that every fleet has.
pub mod control {
    /// Which programme runs.
    pub const MODE: usize = 0;
    /// Its next line.
    pub const LINE: usize = 1;
    /// 0 = the line is not begun, 1 = it is in progress.
    pub const STAGE: usize = 2;
    /// The last floor passed when the rollback began.
    pub const FLOOR: usize = 3;
    /// How many steps of the plan had begun when the rollback began, as far as it still matters.
    pub const BEGUN: usize = 4;
    /// 1 = a fact or accepted work is lost.
    pub const LOST: usize = 5;
    /// 1 = the rollback began before the promised point.
    pub const PROMISED: usize = 6;
    /// The first free offset.
    pub const END: usize = 7;
}

/// Offsets inside a replica.
pub mod replica {
    /// Its version, relative to the service's first.
    pub const VERSION: usize = 0;
    /// 0 = up; 1 + n = starting, n moments of its start-up handlers done; [`FENCED`].
    pub const PHASE: usize = 1;
    /// Bit 0: no step moves it. Bit 1: a `restart` or `replace` has yet to take it. From bit 2 on: it holds a role.
    pub const MARKS: usize = 2;
    /// The first free offset.
    pub const END: usize = 3;
    /// No step moves it.
    pub const STRAGGLER: u8 = 1;
    /// A `restart` or `replace` has yet to take it.
    pub const DUE: u8 = 2;
    /// It holds the first role of its service; the next ones follow.
    pub const ROLE: u8 = 4;
    /// The phase of a replica that was stopped for good.
    pub const FENCED: u8 = u8::MAX;

    /// Whether it was stopped for good.
    pub fn is_fenced(own: &super::Replica) -> bool {
        own[PHASE] == FENCED
    }
}

/// A column of a table in the control block: not there, nullable, not null.
pub mod column {
    /// It does not exist.
    pub const NONE: u8 = 0;
    /// It exists and may be absent in a row.
    pub const NULLABLE: u8 = 1;
    /// It exists and every row has it.
    pub const NOT_NULL: u8 = 2;
}

/// An item's first byte.
pub mod presence {
    /// It is not there.
    pub const NO: u8 = 0;
    /// It is there.
    pub const YES: u8 = 1;
    /// It is there since before the running `wait` began.
    pub const OLD: u8 = 2;
}

/// Where an item is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// In the key, at that offset.
    Key(usize),
    /// In each replica of that pool, at that offset.
    Replica(usize, usize),
    /// Among the key's messages.
    Messages,
    /// Outside; nothing is kept.
    Nowhere,
}

/// Which copy of a place's items is kept to be put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeptOf {
    /// That of the last backup.
    Last,
    /// That of the backup which this step of the plan took last.
    Step(u16),
    /// The disk as it was at the start.
    Start,
}

/// A copy that is kept of an item, beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The place.
    pub place: PlaceId,
    /// Which copy.
    pub of: KeptOf,
    /// Where the item and its copy are.
    pub home: Home,
    /// The offset of the item.
    pub item: usize,
    /// The offset of the copy: presence, fields, and a bit per field: a newer value of its datum was written since.
    pub at: usize,
    /// How many fields the item has.
    pub fields: usize,
    /// Where 1 in the control block says that it was taken; one of the start needs none.
    pub taken: Option<usize>,
}

/// The offsets of one fleet.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Of each flag and config in the control block.
    pub values: Vec<usize>,
    /// Of each table's columns in the control block.
    pub columns: Vec<Option<usize>>,
    /// Of each fading client in the control block.
    pub gone: Vec<Option<usize>>,
    /// Of each view of a value that a client learns of late: version, value, offset in the control block.
    pub client_views: Vec<(u16, u16, usize)>,
    /// Of each destroyed value (a key that was burnt): table, field, tag, offset in the control block.
    pub destroyed: Vec<(PlaceId, u8, u8, usize)>,
    /// Of each place.
    pub items: Vec<Home>,
    /// The pool of each actor that has one.
    pub pools: Vec<Option<usize>>,
    /// The actor of each pool.
    pub actors: Vec<usize>,
    /// Per pool: the value and its view's offset.
    pub views: Vec<Vec<(usize, usize)>>,
    /// Per pool: whether a start is worth following.
    pub boots: Vec<bool>,
    /// The steps marked `once`, and where 1 says that they are done.
    pub once: Vec<(u16, usize)>,
    /// Per actor that some step scales: where the version of its new replicas stands, relative to its first.
    pub targets: Vec<Option<usize>>,
    /// Per role: the pool of its service, and its mark.
    pub roles: Vec<(usize, u8)>,
    /// Copies that some step puts back.
    pub kept: Vec<Kept>,
    /// The key's backfill mark: 0 = to do, 1 = read, 2 = done; the value read follows.
    pub passed: usize,
    /// Fixed lengths.
    pub shape: Shape,
}

impl Layout {
    /// Lays out a fleet.
    pub fn of(fleet: &Definition) -> Self {
        let mut layout = Self::default();
        layout.lay_control(fleet);
        layout.lay_pools(fleet);
        layout.lay_items(fleet);
        layout
    }

    /// Where it says that a step marked `once` is done; `None` if the step is not marked.
    pub fn once_at(&self, step: u16) -> Option<usize> {
        self.once.iter().find(|(marked, _)| *marked == step).map(|(_, offset)| *offset)
    }

    fn lay_control(&mut self, fleet: &Definition) {
        let mut next = control::END;
        for _ in &fleet.values {
            self.values.push(next);
            next += 1;
        }
        for place in &fleet.places {
            let table = place.kind == PlaceKind::Table;
            self.columns.push(table.then_some(next));
            next += if table { place.fields.len() } else { 0 };
        }
        for actor in &fleet.actors {
            let fades = actor.client && actor.fades_in.is_some();
            self.gone.push(fades.then_some(next));
            next += usize::from(fades);
        }
        for (id, version) in fleet.versions.iter().enumerate() {
            for (value, declared) in fleet.values.iter().enumerate() {
                let observes = declared.of.is_none_or(|of| of == version.actor);
                let late = declared.observed != Observed::AtOnce;
                if fleet.actors[usize::from(version.actor)].client && observes && late {
                    self.client_views.push((id as u16, value as u16, next));
                    next += 1;
                }
            }
        }
        for line in fleet.lines() {
            let Action::Migrate { table, change: SchemaChange::DropValue(field, tag) } = line.action else { continue };
            if !self.destroyed.iter().any(|known| (known.0, known.1, known.2) == (table, field, tag)) {
                self.destroyed.push((table, field, tag, next));
                next += 1;
            }
        }
        for (step, _) in (1..).zip(&fleet.plan).filter(|(_, line)| line.once) {
            self.once.push((step, next));
            next += 1;
        }
        for actor in 0..fleet.actors.len() {
            let scaled = fleet.is_scaled(actor as u16);
            self.targets.push(scaled.then_some(next));
            next += usize::from(scaled);
        }
        self.shape.control = next;
    }

    fn lay_pools(&mut self, fleet: &Definition) {
        for (id, actor) in fleet.actors.iter().enumerate() {
            if actor.client {
                self.pools.push(None);
                continue;
            }
            self.pools.push(Some(self.actors.len()));
            self.actors.push(id);
            let mut next = replica::END;
            let mut views = Vec::new();
            for (value, declared) in fleet.values.iter().enumerate() {
                let observes = declared.of.is_none_or(|of| usize::from(of) == id);
                if observes && declared.observed != Observed::AtOnce {
                    views.push((value, next));
                    next += 1;
                }
            }
            let versions = actor.versions.clone().map(|version| &fleet.versions[usize::from(version)]);
            let own_start = versions.clone().any(|version| {
                version.starts_if.is_some() || version.variants.iter().any(|behaviour| !behaviour.boot.is_empty())
            });
            let memory = fleet.places.iter().any(|place| place.kind == PlaceKind::Memory(id as u16));
            let restart_views = views.iter().any(|(value, _)| fleet.values[*value].observed == Observed::OnRestart);
            let role = fleet.roles.iter().any(|role| usize::from(role.of) == id);
            self.boots.push(own_start || memory || restart_views || role);
            self.views.push(views);
            self.shape.replicas.push(next);
        }
        for (id, role) in fleet.roles.iter().enumerate() {
            let before = fleet.roles[..id].iter().filter(|other| other.of == role.of).count();
            let pool = self.pools[usize::from(role.of)].expect("only services hold roles");
            self.roles.push((pool, replica::ROLE << before));
        }
    }

    fn lay_items(&mut self, fleet: &Definition) {
        let mut next = 0;
        for place in &fleet.places {
            let length = 1 + place.fields.len();
            let home = match &place.kind {
                PlaceKind::Queue(_) => Home::Messages,
                PlaceKind::Disk(actor) | PlaceKind::Memory(actor) => {
                    let pool = self.pools[usize::from(*actor)].expect("the owner is a service");
                    let offset = self.shape.replicas[pool];
                    self.shape.replicas[pool] += length;
                    Home::Replica(pool, offset)
                }
                PlaceKind::Effect(Effect { at_most_once: false, .. }) => Home::Nowhere,
                PlaceKind::Table | PlaceKind::Document | PlaceKind::Cache(_) | PlaceKind::Effect(_) => {
                    next += length;
                    Home::Key(next - length)
                }
            };
            self.items.push(home);
        }
        self.passed = self.lay_kept(fleet, next);
        self.shape.items = self.passed + 2;
    }

    fn lay_kept(&mut self, fleet: &Definition, mut next: usize) -> usize {
        for (place, of) in Kept::wanted(fleet) {
            let home = self.items[usize::from(place)];
            let fields = fleet.places[usize::from(place)].fields.len();
            let length = Kept::length(fields);
            let (item, at) = match home {
                Home::Key(item) => {
                    next += length;
                    (item, next - length)
                }
                Home::Replica(pool, item) => {
                    self.shape.replicas[pool] += length;
                    (item, self.shape.replicas[pool] - length)
                }
                Home::Messages | Home::Nowhere => unreachable!("only items are put back"),
            };
            let taken = (of != KeptOf::Start).then_some(self.shape.control);
            self.shape.control += usize::from(taken.is_some());
            self.kept.push(Kept { place, of, home, item, at, fields, taken });
        }
        next
    }

    /// Where it stands that a value of a table's field is destroyed.
    pub fn destroyed_at(&self, table: PlaceId, field: u8, tag: u8) -> Option<usize> {
        let known = self.destroyed.iter().find(|known| (known.0, known.1, known.2) == (table, field, tag));
        known.map(|(.., offset)| *offset)
    }

    /// The control block at the start.
    pub fn start_control(&self, fleet: &Definition) -> Control {
        let mut block: Control = SmallVec::from_elem(0, self.shape.control);
        for (value, offset) in fleet.values.iter().zip(&self.values) {
            block[*offset] = value.starts;
        }
        for (_, value, offset) in &self.client_views {
            block[*offset] = fleet.values[usize::from(*value)].starts;
        }
        for (place, columns) in fleet.places.iter().zip(&self.columns) {
            let Some(base) = columns else { continue };
            for (field, declared) in place.fields.iter().enumerate() {
                block[base + field] = match (declared.exists, declared.not_null) {
                    (false, _) => column::NONE,
                    (true, false) => column::NULLABLE,
                    (true, true) => column::NOT_NULL,
                };
            }
        }
        block
    }

    /// A replica that is up.
    pub fn replica(
        &self,
        fleet: &Definition,
        pool: usize,
        version: u16,
        straggler: bool,
        control: &Control,
    ) -> Replica {
        let actor = &fleet.actors[self.actors[pool]];
        let mut block: Replica = SmallVec::from_elem(0, self.shape.replicas[pool]);
        block[replica::VERSION] = (version - actor.versions.start) as u8;
        block[replica::MARKS] = u8::from(straggler) * replica::STRAGGLER;
        for (value, offset) in &self.views[pool] {
            block[*offset] = control[self.values[*value]];
        }
        block
    }

    /// A key with nothing in it.
    pub fn empty_key(&self) -> Key {
        Key { items: SmallVec::from_elem(0, self.shape.items), ..Key::default() }
    }

    /// The item of `place` (presence, then fields) in the key, or in the replica if it is private.
    pub fn item<'a>(&self, fleet: &Definition, place: PlaceId, key: &'a Key, own: Option<&'a Replica>) -> &'a [Byte] {
        let length = 1 + fleet.places[usize::from(place)].fields.len();
        match self.items[usize::from(place)] {
            Home::Key(offset) => &key.items[offset..offset + length],
            Home::Replica(_, offset) => own.map_or(&[], |replica| &replica[offset..offset + length]),
            Home::Messages | Home::Nowhere => &[],
        }
    }

    /// The same, to change it.
    pub fn item_mut<'a>(
        &self,
        fleet: &Definition,
        place: PlaceId,
        key: &'a mut Key,
        own: Option<&'a mut Replica>,
    ) -> &'a mut [Byte] {
        let length = 1 + fleet.places[usize::from(place)].fields.len();
        match self.items[usize::from(place)] {
            Home::Key(offset) => &mut key.items[offset..offset + length],
            Home::Replica(_, offset) => own.map_or(&mut [], |replica| &mut replica[offset..offset + length]),
            Home::Messages | Home::Nowhere => &mut [],
        }
    }

    /// Whether a column exists, and whether it must be there. Fields of other containers always exist.
    pub fn column(&self, control: &Control, place: PlaceId, field: u8) -> u8 {
        self.columns[usize::from(place)].map_or(column::NULLABLE, |base| control[base + usize::from(field)])
    }
}

/// Empties an item.
pub fn clear(item: &mut [Byte]) {
    item.fill(ABSENT);
}

/// A row's store-filled columns.
pub fn fill_by_store(fields: &[super::definition::Field], exists: impl Fn(usize) -> bool, item: &mut [Byte]) {
    for (index, field) in fields.iter().enumerate() {
        if field.store_filled && exists(index) {
            item[1 + index] = fresh(0);
        }
    }
}
