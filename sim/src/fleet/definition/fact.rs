//! Facts that guards, handlers and starts ask for.

use super::{PlaceId, Tag, VersionId};

/// A conjunction.
pub type Fact = Vec<Atom>;

/// One fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Atom {
    /// All replicas of the actor run that version or a later one.
    AllAtLeast(u16, VersionId),
    /// All replicas of the actor run that version.
    AllAt(u16, VersionId),
    /// All replicas of the actor are up.
    AllUp(u16),
    /// Some replica of the actor (at that version) is up.
    AnyUp(u16, Option<VersionId>),
    /// No replica of the actor runs that version.
    NoVersion(u16, VersionId),
    /// The client is gone.
    Gone(u16),
    /// Never.
    Never,
    /// No item of the place has the field so.
    NoItemWhere(PlaceId, u8, FieldTest),
    /// No item is there.
    Empty(PlaceId),
    /// The item is there.
    Present(PlaceId),
    /// The item's field is so.
    FieldIs(PlaceId, u8, FieldTest),
    /// The value is (not) that one.
    ValueIs {
        /// The flag or config.
        value: u16,
        /// Its value.
        is: u8,
        /// Negated.
        not: bool,
    },
    /// The role is held, or vacant.
    Held(u16, bool),
}

/// What a field is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldTest {
    /// Negated.
    pub not: bool,
    /// The question.
    pub is: FieldIs,
}

/// What a field can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldIs {
    /// Not there.
    Absent,
    /// There, and not the latest fact.
    Stale,
    /// There, and the latest fact.
    Fresh,
    /// There with that tag.
    Tag(Tag),
    /// Unlike that field of the same item.
    DistinctFrom(u8),
}
