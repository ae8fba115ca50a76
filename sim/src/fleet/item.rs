//! The one reader relation: what a reader makes of an item or payload (R1, R5, R6).

use smallvec::SmallVec;

use super::broken;
use super::definition::{Needs, Otherwise, Outcome};
use super::state::{ABSENT, Byte, is_stale, tag};
use crate::relation::Harm;

/// What came of a read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// The outcome that stopped the reader; `None` = it goes on.
    pub stopped: Option<Outcome>,
    /// Harms, each with the field it comes from.
    pub harms: SmallVec<[(Harm, u8); 1]>,
    /// Fields that were misread.
    pub misread: SmallVec<[u8; 2]>,
    /// Fields that the reader looked at (bit by field).
    pub taken: u64,
    /// The declared rules that were followed.
    pub rules: SmallVec<[u16; 2]>,
}

/// What the reader must know of the place.
#[derive(Clone, Copy)]
pub struct Lens<'a> {
    /// Whether a field can be named at all (a column can be missing).
    pub exists: &'a dyn Fn(u8) -> bool,
    /// Whether unknown fields are seen (in a row they are not).
    pub sees_unknown: bool,
    /// Whether a stale value is a misread.
    pub stale_is_harm: bool,
}

/// Reads `fields` as a reader with `needs` does. An absent item has no `fields` to read: `present` is false.
pub fn read(needs: &Needs, fields: &[Byte], present: bool, lens: Lens) -> Reading {
    let mut reading = Reading::default();
    let [missing_rule, field_rule, value_rule] = needs.otherwise.rules;
    for need in &needs.list {
        if let Some(missing) = need.alternatives.iter().find(|field| !(lens.exists)(**field) && !broken::r9()) {
            reading.stop(Outcome::Reject, *missing);
            return reading;
        }
    }
    if !present {
        return reading;
    }
    if lens.sees_unknown {
        let unknown = (0..fields.len()).find(|field| fields[*field] != ABSENT && needs.known & (1 << field) == 0);
        if let Some(field) = unknown
            && reading.follow(needs.otherwise.unknown_field, field_rule, field as u8)
        {
            return reading;
        }
    }
    for need in &needs.list {
        let found = need.alternatives.iter().find(|field| fields[usize::from(**field)] != ABSENT);
        let ended = match found {
            None if need.optional || broken::r5() => false,
            None => reading.follow(needs.otherwise.missing_field, missing_rule, need.alternatives[0]),
            Some(field) => {
                let value = fields[usize::from(*field)];
                reading.taken |= 1 << field;
                if !need.tags.is_empty() && !need.tags.contains(&tag(value)) {
                    reading.follow(needs.otherwise.unknown_value, value_rule, *field)
                } else {
                    if is_stale(value) && lens.stale_is_harm && !broken::r1() {
                        reading.meet(Outcome::Misread, *field);
                    }
                    false
                }
            }
        };
        if ended {
            break;
        }
    }
    reading
}

impl Reading {
    /// Something is not as expected: a declared rule, or the default, says what comes of it.
    fn follow(&mut self, outcome: Outcome, rule: u16, field: u8) -> bool {
        if rule != Otherwise::DEFAULT {
            self.rules.push(rule);
        }
        self.meet(outcome, field)
    }

    fn meet(&mut self, outcome: Outcome, field: u8) -> bool {
        match outcome {
            Outcome::Ignore => false,
            Outcome::Misread => {
                self.harms.push((Harm::Misread, field));
                self.misread.push(field);
                false
            }
            _ => {
                self.stop(outcome, field);
                true
            }
        }
    }

    fn stop(&mut self, outcome: Outcome, field: u8) {
        self.stopped = Some(outcome);
        if let Some(harm) = harm_of(outcome) {
            self.harms.push((harm, field));
        }
    }
}

/// The harm that an outcome is to the one who asked: whoever is told to try again has not been served.
pub fn harm_of(outcome: Outcome) -> Option<Harm> {
    match outcome {
        Outcome::Ignore => None,
        Outcome::Reject | Outcome::Retry => Some(Harm::Reject),
        Outcome::Drop => Some(Harm::Drop),
        Outcome::Crash => Some(Harm::Crash),
        Outcome::Misread => Some(Harm::Misread),
    }
}
