//! What containers hold at the start, where the file says so.

use turnback_sim::fleet::definition::{Definition, Op, PlaceId, PlaceKind, PutValue};
use turnback_sim::fleet::layout::presence;
use turnback_sim::fleet::state::{ABSENT, Byte, fresh, stale};

use super::Compiler;
use crate::ast;

impl Compiler<'_> {
    /// Unless `starts` says otherwise a container holds what the start versions write, which their first moves show.
    pub(super) fn starts(&mut self, fleet: &Definition) -> Vec<(PlaceId, Vec<Vec<Byte>>)> {
        let mut starts = Vec::new();
        for (id, place) in self.scenario.places.iter().enumerate() {
            if place.starts.is_empty() {
                continue;
            }
            let declared = &fleet.places[id];
            let mut item = vec![ABSENT; 1 + declared.fields.len()];
            item[0] = presence::YES;
            for (at, field) in declared.fields.iter().enumerate() {
                if field.store_filled && field.exists {
                    item[1 + at] = fresh(0);
                }
            }
            let mut items = vec![item];
            for (at, bytes) in self.start_fields(fleet, id, place) {
                let with = |item: &Vec<Byte>, byte: Byte| {
                    let mut item = item.clone();
                    item[at] = byte;
                    item
                };
                if items.len() * bytes.len() > super::STARTS_MAX {
                    self.refuse("a place that can start in more than 4096 ways", &place.name.span);
                    break;
                }
                items = items.iter().flat_map(|item| bytes.iter().map(move |byte| with(item, *byte))).collect();
            }
            if !matches!(declared.kind, PlaceKind::Disk(_) | PlaceKind::Memory(_)) {
                items.insert(0, vec![ABSENT; 1 + declared.fields.len()]);
            }
            starts.push((id as PlaceId, items));
        }
        starts
    }

    /// The offsets of an item's fields and what they may start with: as said, else as the start versions write them.
    fn start_fields(&mut self, fleet: &Definition, id: usize, place: &ast::Place) -> Vec<(usize, Vec<Byte>)> {
        let mut fields = Vec::new();
        for (field, states) in &place.starts {
            let at = 1 + usize::from(self.field(id, &field.value));
            fields.push((at, states.iter().map(|state| self.start_byte(&state.value)).collect()));
        }
        let first = |version: u16| fleet.actors.iter().any(|actor| actor.versions.start == version);
        let ops = fleet.handlers.iter().filter(|handler| first(handler.version)).flat_map(|handler| &handler.moments);
        for op in ops.flat_map(|moment| &moment.ops) {
            let Op::Write { place, puts, .. } = op else { continue };
            for put in puts.iter().filter(|_| usize::from(*place) == id) {
                let at = 1 + usize::from(put.field);
                let values = match &put.value {
                    PutValue::New(values) => values.clone(),
                    PutValue::Copy { .. } => vec![fresh(0)],
                };
                if !fields.iter().any(|(known, _)| *known == at) {
                    fields.push((at, values));
                }
            }
        }
        fields
    }

    fn start_byte(&mut self, state: &str) -> Byte {
        match state {
            "fresh" | "any" => fresh(0),
            "stale" => stale(0),
            "absent" => ABSENT,
            "wrong" => stale(self.tag("wrong")),
            tag => fresh(self.tag(tag)),
        }
    }
}
