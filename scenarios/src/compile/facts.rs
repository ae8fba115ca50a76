//! Facts of guards, handlers and starts.

use turnback_sim::fleet::definition::{Atom, Fact, FieldIs, FieldTest};

use super::Compiler;
use crate::ast::{self, ActorKind, FieldState, Traffic};

impl Compiler<'_> {
    pub(super) fn fact(&mut self, fact: &ast::Fact) -> Fact {
        fact.all.iter().filter_map(|atom| self.atom(&atom.value, &atom.span)).collect()
    }

    fn atom(&mut self, atom: &ast::Atom, span: &ast::Span) -> Option<Atom> {
        Some(match atom {
            ast::Atom::AllAtLeast(service, version) => {
                Atom::AllAtLeast(self.actor(service), self.version(service, version))
            }
            ast::Atom::AllAt(service, version) => Atom::AllAt(self.actor(service), self.version(service, version)),
            ast::Atom::AllUp(service) => Atom::AllUp(self.actor(service)),
            ast::Atom::AnyUp(service, version) => {
                Atom::AnyUp(self.actor(service), version.as_ref().map(|version| self.version(service, version)))
            }
            ast::Atom::NoVersion(service, version) => {
                Atom::NoVersion(self.actor(service), self.version(service, version))
            }
            ast::Atom::NoClient(client) => Atom::Gone(self.actor(client)),
            ast::Atom::TrafficBelow(client, limit) => return self.traffic_below(client, *limit),
            ast::Atom::NoItemWhere(place, field, not, is) => {
                let place = self.place(place)?;
                Atom::NoItemWhere(place, self.field(usize::from(place), field), self.field_test(*not, is))
            }
            ast::Atom::Empty(place) => Atom::Empty(self.place(place)?),
            ast::Atom::Present(place) => Atom::Present(self.place(place)?),
            ast::Atom::FieldIs(place, field, not, is) => {
                let place = self.place(place)?;
                Atom::FieldIs(place, self.field(usize::from(place), field), self.field_test(*not, is))
            }
            ast::Atom::ValueIs(value, not, is) => {
                let value = self.scenario.values.iter().position(|declared| declared.name.value == *value)?;
                Atom::ValueIs { value: value as u16, is: *is as u8, not: *not }
            }
            ast::Atom::RoleIs(role, held) => Atom::Held(self.role(role), *held),
            ast::Atom::Since(..) => {
                self.refuse("`DUR since STEP`", span);
                return None;
            }
        })
    }

    /// A share that falls is below its last value from then on; one that stays is below a limit or never.
    fn traffic_below(&self, client: &str, limit: f64) -> Option<Atom> {
        let actor = self.actor(client);
        match &self.scenario.actors[usize::from(actor)].kind {
            ActorKind::Client { traffic: Some(Traffic::Falling { to, .. }), .. } if limit >= *to => {
                Some(Atom::Gone(actor))
            }
            ActorKind::Client { traffic: Some(Traffic::Share(share)), .. } if *share < limit => None,
            _ => Some(Atom::Never),
        }
    }

    pub(super) fn field_test(&mut self, not: bool, is: &FieldState) -> FieldTest {
        let is = match is {
            FieldState::Absent => FieldIs::Absent,
            FieldState::Stale => FieldIs::Stale,
            FieldState::Tag(tag) => FieldIs::Tag(self.tag(tag)),
        };
        FieldTest { not, is }
    }

    /// The number of a version, by the names of actor and version.
    pub(super) fn version(&self, actor: &str, version: &str) -> u16 {
        let mut first = 0;
        for (name, versions) in &self.version_names {
            if name == actor {
                return (first + versions.iter().position(|known| known == version).unwrap_or(0)) as u16;
            }
            first += versions.len();
        }
        0
    }

    /// The actor that a version belongs to.
    pub(super) fn actor_of(&self, version: u16) -> u16 {
        let mut first = 0;
        for (actor, (_, versions)) in self.version_names.iter().enumerate() {
            first += versions.len();
            if usize::from(version) < first {
                return actor as u16;
            }
        }
        unreachable!("every version has an actor")
    }
}
