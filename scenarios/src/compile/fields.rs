//! The fields that a handler needs and those that it writes or sends.

use turnback_sim::fleet::definition::{Need, Needs, PlaceId, Put, PutValue, Source};
use turnback_sim::fleet::state::{ABSENT, Byte, fresh, stale};

use super::Compiler;
use crate::ast::{self, Fallback, FieldUse, Fields, Name};

/// How one handler's fields are compiled.
pub(super) struct Frame {
    pub carries: Vec<(Source, u8)>,
    pub received: Option<Received>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Received {
    Queue(PlaceId),
    Api(u16),
}

impl Frame {
    pub fn new(received: Option<Received>) -> Self {
        Self { carries: vec![], received }
    }
}

impl Compiler<'_> {
    pub(super) fn needs(&mut self, place: usize, fields: &Fields, otherwise: &ast::Otherwise) -> Needs {
        let mut needs = Needs { list: vec![], otherwise: self.otherwise(otherwise), known: 0 };
        for used in &fields.list {
            let alternatives: Vec<u8> = used.alternatives.iter().map(|name| self.field(place, &name.value)).collect();
            for field in &alternatives {
                needs.known |= 1 << field;
            }
            let accepts_any = used.tags.iter().any(|tag| matches!(tag.value.as_str(), "any" | "fresh"));
            let tags = if accepts_any { vec![] } else { used.tags.iter().map(|tag| self.tag(&tag.value)).collect() };
            needs.list.push(Need {
                alternatives,
                tags,
                optional: used.fallback != Fallback::None,
                literal: matches!(used.fallback, Fallback::Literal(_)),
            });
        }
        needs
    }

    pub(super) fn puts(&mut self, place: usize, fields: &Fields, frame: &mut Frame) -> Vec<Put> {
        let mut puts = Vec::new();
        for used in &fields.list {
            let Some(name) = used.alternatives.first() else {
                continue;
            };
            let field = self.field(place, &name.value);
            let value = match &used.from {
                Some((source, field, _)) => self.copied(frame, source, field, used),
                None => PutValue::New(self.new_values(place, field, used)),
            };
            puts.push(Put { field, value });
        }
        puts
    }

    fn copied(&mut self, frame: &mut Frame, source: &Name, field: &Name, used: &FieldUse) -> PutValue {
        let (place, from) = match (self.place(&source.value), self.api(&source.value)) {
            (Some(place), _) if frame.received == Some(Received::Queue(place)) => (usize::from(place), Source::Payload),
            (Some(place), _) => (usize::from(place), Source::Place(place)),
            (None, Some(api)) => (self.scenario.places.len() + usize::from(api), Source::Payload),
            (None, None) => return PutValue::New(vec![ABSENT]),
        };
        let entry = (from, self.field(place, &field.value));
        let carried = frame.carries.iter().position(|known| *known == entry).unwrap_or_else(|| {
            frame.carries.push(entry);
            frame.carries.len() - 1
        });
        let retag = used.tags.first().map(|tag| self.tag(&tag.value));
        PutValue::Copy { carried: carried as u8, retag }
    }

    /// The values that a request can bring: the tags listed, else those declared, else untagged.
    fn new_values(&mut self, place: usize, field: u8, used: &FieldUse) -> Vec<Byte> {
        let mut values = Vec::new();
        for tag in &used.tags {
            match tag.value.as_str() {
                "any" => values.extend(self.declared_values(place, field)),
                "fresh" => values.push(fresh(0)),
                "stale" => values.push(stale(0)),
                "absent" => values.push(ABSENT),
                "wrong" => values.push(stale(self.tag("wrong"))),
                name => values.push(fresh(self.tag(name))),
            }
        }
        if used.tags.is_empty() {
            values = self.declared_values(place, field);
        }
        values.dedup();
        values
    }

    fn declared_values(&mut self, place: usize, field: u8) -> Vec<Byte> {
        let declared = self.scenario.places.get(place).and_then(|place| place.fields.get(usize::from(field)));
        let tags = declared.iter().flat_map(|field| &field.values).filter(|tag| tag.value != "any");
        let values: Vec<Byte> = tags.map(|tag| fresh(self.tag(&tag.value))).collect();
        if values.is_empty() { vec![fresh(0)] } else { values }
    }
}
