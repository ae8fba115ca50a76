//! What happens, in plain English: every move of a fleet in the state where it is taken.

mod events;
mod moves;
mod states;
mod words;

use turnback_sim::fleet::Fleet;
use turnback_sim::fleet::definition::VersionId;
use turnback_sim::fleet::layout::replica;
use turnback_sim::fleet::state::{Key, Replica, State};

use crate::ast::Span;
use crate::compile::Names;

/// A sentence, and the declaration that lets it happen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// What happens.
    pub text: String,
    /// Where it is declared.
    pub span: Option<Span>,
}

/// Tells what a fleet does in the words of the scenario that it was compiled from.
#[derive(Clone, Copy)]
pub struct Narrator<'a> {
    fleet: &'a Fleet,
    names: &'a Names,
}

impl<'a> Narrator<'a> {
    /// A narrator of `fleet`, whose numbers are called `names`.
    pub fn new(fleet: &'a Fleet, names: &'a Names) -> Self {
        Self { fleet, names }
    }

    fn version_of(&self, pool: usize, own: &Replica) -> VersionId {
        let actor = &self.fleet.definition.actors[self.fleet.layout.actors[pool]];
        actor.versions.start + u16::from(own[replica::VERSION])
    }

    /// The key of `state` that is not one of `other`, if there is one.
    fn changed_key<'s>(state: &'s State, other: &State) -> Option<&'s Key> {
        let grown = |(key, count): &&(Key, u32)| {
            let there = other.keys.iter().find(|(known, _)| known == key);
            there.is_none_or(|(_, before)| before < count)
        };
        state.keys.iter().find(grown).map(|(key, _)| key)
    }

    /// The replica of `pool` in `state` that is not one of `other`, if there is one.
    fn changed_replica<'s>(state: &'s State, other: &State, pool: usize) -> Option<&'s Replica> {
        let grown = |(own, count): &&(Replica, u32)| {
            let there = other.pools[pool].iter().find(|(known, _)| known == own);
            there.is_none_or(|(_, before)| before < count)
        };
        state.pools[pool].iter().find(grown).map(|(own, _)| own)
    }
}
