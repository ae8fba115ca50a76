//! Places outside: what is sent there can never be taken back (R10).

use super::definition::{Effect, FieldIs, PlaceKind, Put};
use super::handler::Run;
use super::layout::{Home, presence};
use super::state::{ABSENT, Message};
use super::{Element, Fleet};
use crate::planted::{Planted, planted};
use crate::relation::{Contact, Harm, Label};
use smallvec::SmallVec;

impl Fleet {
    /// The effect that a place is.
    pub(super) fn effect(&self, place: u16) -> Option<&Effect> {
        match &self.definition.places[usize::from(place)].kind {
            PlaceKind::Effect(effect) => Some(effect),
            _ => None,
        }
    }
}

impl Run<'_> {
    /// Sends to a place outside: a value that is not allowed there is loss, and so is a second time where one is the
    /// most.
    pub(super) fn send_out(&mut self, place: u16, effect: &Effect, puts: &[Put], origin: u16, choice: &mut u16) {
        let actor = self.declared().version;
        let mut item: Message = SmallVec::from_elem(ABSENT, 1 + effect.fields);
        for put in puts {
            item[1 + usize::from(put.field)] = self.value(put, None, choice).0;
        }
        for (field, allowed) in &effect.allowed {
            let is = |state: &FieldIs| state.of(&item, *field);
            let sent = item[1 + usize::from(*field)] != ABSENT;
            if sent && !allowed.iter().any(is) && !planted(Planted::AnythingAllowed) {
                self.harm(Harm::Loss, actor, place, u16::from(*field), origin);
            }
        }
        if let Home::Key(offset) = self.fleet.layout.items[usize::from(place)] {
            let there = &mut self.key.items[offset];
            let again = *there != presence::NO;
            *there = presence::YES;
            if again && !planted(Planted::SentTwice) {
                self.harm(Harm::Loss, actor, place, Label::NONE, origin);
            }
        }
        if let Some(watch) = &mut self.watch {
            watch(Contact::Uses { element: self.fleet.element(Element::Place(place)) });
        }
    }
}
