//! The ledger of held facts and accepted work (R10).

use super::definition::PlaceKind;
use super::layout::Home;
use super::state::{Key, Pool, State, is_fresh};
use super::{Fleet, broken};
use crate::relation::{Effects, Harm, Label};

/// The data that have a fresh copy in a table, document or disk.
pub(super) fn fresh(fleet: &Fleet, key: &Key, pools: &[Pool]) -> u128 {
    fresh_outside(fleet, key, pools, None)
}

/// The same, one place left out.
pub(super) fn fresh_outside(fleet: &Fleet, key: &Key, pools: &[Pool], left_out: Option<u16>) -> u128 {
    let mut data = 0u128;
    for (place, field, datum) in fleet.held.iter().filter(|(place, ..)| left_out != Some(*place)) {
        let at = 1 + usize::from(*field);
        let held = match fleet.layout.items[usize::from(*place)] {
            Home::Key(offset) => is_fresh(key.items[offset + at]),
            Home::Replica(pool, offset) => pools[pool].iter().any(|(replica, _)| is_fresh(replica[offset + at])),
            Home::Messages | Home::Nowhere => false,
        };
        if held {
            data |= 1 << datum;
        }
    }
    data
}

/// Charges the loss of `data`: one label per datum, naming its first place.
pub(super) fn charge(fleet: &Fleet, data: u128, actor: u16, origin: u16, effects: &mut Effects) {
    if data == 0 || broken::r10() {
        return;
    }
    let mut charged = 0u128;
    for (place, field, datum) in &fleet.held {
        if data & (1 << datum) != 0 && charged & (1 << datum) == 0 {
            charged |= 1 << datum;
            let (place, field) = (*place, u16::from(*field));
            effects.push(Label { harm: Harm::Loss, actor, place, field, origin });
        }
    }
}

impl Fleet {
    /// Makes a loss among `effects` stick, unless the start configuration already loses that way, or it is one of the
    /// `saved` data, which a backup can bring back.
    pub(super) fn note_loss(&self, state: &mut State, effects: &Effects, saved: u128) {
        let is_saved = |label: &Label| {
            let field = self.definition.places[usize::from(label.place)].fields.get(usize::from(label.field));
            field.is_some_and(|field| saved & (1 << field.datum) != 0)
        };
        let counted = |label: &Label| label.harm == Harm::Loss && !self.is_known_loss(label) && !is_saved(label);
        if effects.iter().any(counted) {
            state.control[super::layout::control::LOST] = 1;
        }
    }

    /// Whether the start configuration already loses that way.
    pub(super) fn is_known_loss(&self, label: &Label) -> bool {
        self.known_losses.iter().any(|known| known.same_harm(label))
    }

    /// The fields whose fresh copies are held facts.
    pub(super) fn held_fields(definition: &super::definition::Definition) -> Vec<(u16, u8, u16)> {
        let mut held = Vec::new();
        for (id, place) in definition.places.iter().enumerate() {
            if matches!(place.kind, PlaceKind::Table | PlaceKind::Document | PlaceKind::Disk(_)) {
                for (field, declared) in place.fields.iter().enumerate() {
                    if !declared.disposable && !declared.store_filled {
                        held.push((id as u16, field as u8, declared.datum));
                    }
                }
            }
        }
        held
    }
}
