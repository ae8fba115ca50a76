//! Facts that guards, handlers and starts ask for.

use super::Fleet;
use super::definition::{Atom, Fact, FieldIs, FieldTest, PlaceId};
use super::handler::MESSAGE_FIELDS;
use super::layout::{Home, presence, replica};
use super::state::{ABSENT, Byte, Key, Replica, State, is_fresh, is_stale, tag};
use crate::planted::{Planted, planted};

impl Fleet {
    /// Whether a guard holds: for every key.
    pub(super) fn holds(&self, state: &State, fact: &Fact) -> bool {
        fact.iter().all(|atom| {
            self.control_atom(state, atom)
                .unwrap_or_else(|| state.keys.iter().all(|(key, _)| self.key_atom(state, atom, key, None)))
        })
    }

    /// Whether a fact holds for one key and one replica.
    pub(super) fn holds_for(&self, state: &State, fact: &Fact, key: &Key, own: Option<(usize, &Replica)>) -> bool {
        fact.iter().all(|atom| self.control_atom(state, atom).unwrap_or_else(|| self.key_atom(state, atom, key, own)))
    }

    /// Whether a guard speaks of rows, entries or messages.
    pub(super) fn over_rows(fact: &Fact) -> bool {
        fact.iter()
            .any(|atom| matches!(atom, Atom::NoItemWhere(..) | Atom::Empty(_) | Atom::Present(_) | Atom::FieldIs(..)))
    }

    fn control_atom(&self, state: &State, atom: &Atom) -> Option<bool> {
        let version = |actor: u16, own: &Replica| {
            self.definition.actors[usize::from(actor)].versions.start + u16::from(own[replica::VERSION])
        };
        let left = |own: &Replica| planted(Planted::StragglersMoved) && own[replica::MARKS] & replica::STRAGGLER != 0;
        Some(match atom {
            Atom::AllAtLeast(actor, least) => {
                self.replicas(state, *actor).all(|own| version(*actor, own) >= *least || left(own))
            }
            Atom::AllAt(actor, at) => self.replicas(state, *actor).all(|own| version(*actor, own) == *at || left(own)),
            Atom::AllUp(actor) => self.replicas(state, *actor).all(|own| own[replica::PHASE] == 0),
            Atom::AnyUp(actor, at) => self
                .replicas(state, *actor)
                .any(|own| own[replica::PHASE] == 0 && at.is_none_or(|at| version(*actor, own) == at)),
            Atom::NoVersion(actor, none) => {
                self.replicas(state, *actor).all(|own| version(*actor, own) != *none || left(own))
            }
            Atom::Gone(client) => {
                self.layout.gone[usize::from(*client)].is_some_and(|offset| state.control[offset] == 1)
            }
            Atom::Held(role, held) => self.is_held(state, *role) == *held,
            Atom::Never => false,
            Atom::ValueIs { value, is, not } => (state.control[self.layout.values[usize::from(*value)]] == *is) != *not,
            Atom::NoItemWhere(..) | Atom::Empty(_) | Atom::Present(_) | Atom::FieldIs(..) => {
                return None;
            }
        })
    }

    fn key_atom(&self, state: &State, atom: &Atom, key: &Key, own: Option<(usize, &Replica)>) -> bool {
        match atom {
            Atom::NoItemWhere(place, field, test) => {
                !self.any_item(state, *place, key, own, &|item| item[0] != presence::NO && test.holds(item, *field))
            }
            Atom::Empty(place) => !self.any_item(state, *place, key, own, &|item| item[0] != presence::NO),
            Atom::Present(place) => self.any_item(state, *place, key, own, &|item| item[0] != presence::NO),
            Atom::FieldIs(place, field, test) => {
                !self.any_item(state, *place, key, own, &|item| !test.holds(item, *field))
            }
            _ => true,
        }
    }

    /// Whether any item of the place passes `test`: the key's, the own replica's or every replica's, any message.
    fn any_item(
        &self,
        state: &State,
        place: PlaceId,
        key: &Key,
        own: Option<(usize, &Replica)>,
        test: &dyn Fn(&[Byte]) -> bool,
    ) -> bool {
        match self.layout.items[usize::from(place)] {
            Home::Key(_) => test(self.layout.item(&self.definition, place, key, None)),
            Home::Replica(pool, _) => match own {
                Some((own_pool, own)) if own_pool == pool => {
                    test(self.layout.item(&self.definition, place, key, Some(own)))
                }
                _ => state.pools[pool]
                    .iter()
                    .any(|(other, _)| test(self.layout.item(&self.definition, place, key, Some(other)))),
            },
            Home::Messages => key.messages.iter().any(|message| {
                let here = u16::from(message[0]) == place && message[2] == 0;
                here && {
                    let mut item = vec![presence::YES];
                    item.extend_from_slice(&message[MESSAGE_FIELDS..]);
                    test(&item)
                }
            }),
            Home::Nowhere => false,
        }
    }
}

impl FieldTest {
    /// Whether the field of `item` (presence, then fields) is so.
    pub(super) fn holds(self, item: &[Byte], field: u8) -> bool {
        self.is.of(item, field) != self.not
    }
}

impl FieldIs {
    /// Whether the field of `item` (presence, then fields) is so.
    pub(super) fn of(self, item: &[Byte], field: u8) -> bool {
        let byte = item[1 + usize::from(field)];
        match self {
            FieldIs::Absent => byte == ABSENT,
            FieldIs::Stale => is_stale(byte),
            FieldIs::Fresh => is_fresh(byte),
            FieldIs::Tag(wanted) => byte != ABSENT && tag(byte) == wanted,
            FieldIs::DistinctFrom(other) => {
                let other = item[1 + usize::from(other)];
                (byte == ABSENT) != (other == ABSENT) || is_fresh(byte) != is_fresh(other)
            }
        }
    }
}
