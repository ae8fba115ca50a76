//! Who comes across what whom has left: a forward pass over an explored graph.
//!
//! Who left something is no part of a state, because nothing that happens depends on it. So each state gets the set of
//! those who may have left what it holds, by some path: what a step leaves is added, what it replaces and what is no
//! longer there is taken away, until nothing changes.
//!
//! A state can have several parts that are alike: each has its own slots, and steps say where a part is afterwards.
//!
//! Where several things lie in one slot (messages in flight, the own items of several replicas), whoever comes across
//! one of them may have met any of those who left one: there too many meetings are seen, never too few.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use smallvec::SmallVec;

use super::works::{Bits, reach};
use crate::drivers::explore::Graph;
use crate::relation::Contact;

/// Somebody came across what somebody has left or said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Meeting {
    /// Where, or what.
    pub slot: u32,
    /// Who left or said it.
    pub from: u16,
    /// Who came across it.
    pub to: u16,
}

/// What happens in one step, in its order.
pub(super) type Contacts = SmallVec<[Contact; 2]>;
/// Parts, and slots of them that hold something, in order.
pub(super) type Filled = SmallVec<[(u8, u32); 8]>;

/// The edges on which something happens, by their place, and what happens there (by its number).
type Busy = Vec<(u32, u32)>;

/// Many states are alike: what they have in common is numbered.
struct Numbers<T>(BTreeMap<T, u32>);

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Ord> Numbers<T> {
    fn number(&mut self, thing: T) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(thing).or_insert(next)
    }

    /// Everything, by its number.
    fn all(&self) -> Vec<&T> {
        let mut all: Vec<(&T, u32)> = self.0.iter().map(|(thing, number)| (thing, *number)).collect();
        all.sort_unstable_by_key(|(_, number)| *number);
        all.into_iter().map(|(thing, _)| thing).collect()
    }
}

/// What was watched while the states of a graph were looked at, in the order of their numbers.
#[derive(Default)]
pub(super) struct Watched {
    filled: Numbers<Filled>,
    contacts: Numbers<Contacts>,
    busy: Numbers<Busy>,
    /// Per state: what it holds, and on which of its edges something happens.
    of_state: Vec<(u32, u32)>,
}

impl Watched {
    /// The next state: what it holds, and what its steps do, edge by edge.
    pub fn push(&mut self, filled: Filled, steps: impl Iterator<Item = Contacts>) {
        let busy = (0..).zip(steps).filter(|(_, contacts)| !contacts.is_empty());
        let busy = busy.map(|(edge, contacts)| (edge, self.contacts.number(contacts))).collect();
        self.of_state.push((self.filled.number(filled), self.busy.number(busy)));
    }

    /// Every meeting on some path through `graph` that leaves no state of `outside`; `links` lead on where the graph
    /// has no edge, in the order of their beginnings, one from each.
    pub fn meetings(&self, graph: &Graph, links: &[(u32, u32)], outside: &Bits) -> BTreeSet<Meeting> {
        let mut inside = Bits::with_capacity(graph.len());
        inside.extend(graph.starts().iter().map(|start| *start as usize));
        inside = reach(graph, &inside, &|source, _| !outside.contains(source as usize));
        inside.difference_with(outside);
        let mut seen = Bits::with_capacity(self.busy.0.len());
        seen.extend(inside.ones().map(|id| self.of_state[id].1 as usize));
        let (all_contacts, all_busy) = (self.contacts.all(), self.busy.all());
        let busy = seen.ones().flat_map(|number| all_busy[number]);
        let seen: BTreeSet<u32> = busy.map(|(_, contacts)| *contacts).collect();
        let contacts = seen.into_iter().flat_map(|number| all_contacts[number as usize]);
        let said = contacts.filter_map(|contact| match *contact {
            Contact::Meets { slot, from, to } => Some(Meeting { slot, from, to }),
            _ => None,
        });
        let mut all: BTreeSet<Meeting> = said.collect();
        let mut flow = Flow::new(self, &inside);
        if !flow.marks.is_empty() && !flow.takers.is_empty() {
            flow.run(graph, links);
            for ((slot, to), found) in flow.takers.iter().zip(&flow.found) {
                all.extend(flow.ones(found).map(|(_, from)| Meeting { slot: *slot, from, to: *to }));
            }
        }
        all
    }

    fn contacts(&self) -> impl Iterator<Item = &Contact> {
        self.contacts.0.keys().flatten()
    }

    /// Every slot that somebody looks into, or from where what is in it comes to such a slot.
    fn looked_into(&self) -> BTreeSet<u32> {
        let mut slots: BTreeSet<u32> = self.takers().into_iter().map(|(slot, _)| slot).collect();
        loop {
            let before = slots.len();
            let leads = |contact: &Contact| match *contact {
                Contact::Spreads { from, to, .. } if slots.contains(&to) => Some(from),
                _ => None,
            };
            let more: Vec<u32> = self.contacts().filter_map(leads).collect();
            slots.extend(more);
            if slots.len() == before {
                return slots;
            }
        }
    }

    /// Every slot that matters and who may have left something in it, in order.
    fn marks(&self) -> Vec<(u32, u16)> {
        let matters = self.looked_into();
        let left = self.contacts().filter_map(|contact| match *contact {
            Contact::Leaves { slot, by, .. } => Some((slot, by)),
            _ => None,
        });
        let mut marks: BTreeSet<(u32, u16)> = left.filter(|(slot, _)| matters.contains(slot)).collect();
        let spreads = self.contacts().filter_map(|contact| match *contact {
            Contact::Spreads { from, to, .. } => Some((from, to)),
            _ => None,
        });
        let spreads: BTreeSet<(u32, u32)> = spreads.filter(|(_, to)| matters.contains(to)).collect();
        loop {
            let before = marks.len();
            for (from, to) in &spreads {
                let left: Vec<u16> = marks.range((*from, 0)..=(*from, u16::MAX)).map(|(_, by)| *by).collect();
                marks.extend(left.into_iter().map(|by| (*to, by)));
            }
            if marks.len() == before {
                return marks.into_iter().collect();
            }
        }
    }

    /// Every slot and who comes across what is in it, in order.
    fn takers(&self) -> Vec<(u32, u16)> {
        let takers = self.contacts().filter_map(|contact| match *contact {
            Contact::Takes { slot, by } => Some((slot, by)),
            _ => None,
        });
        takers.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// How many parts a state has at most.
    fn parts(&self) -> usize {
        let goes = self.contacts().filter_map(|contact| match *contact {
            Contact::Goes { from, to, .. } => Some(from.max(to)),
            _ => None,
        });
        let filled = self.filled.0.keys().flatten().map(|(part, _)| *part);
        1 + usize::from(goes.chain(filled).max().unwrap_or(0))
    }
}

/// A set of marks, one bit each.
type Marks = SmallVec<[u64; 1]>;

fn is_in(marks: &[u64], at: usize) -> bool {
    marks[at / 64] & (1 << (at % 64)) != 0
}

fn put(marks: &mut [u64], at: usize, there: bool) {
    let bit = 1 << (at % 64);
    marks[at / 64] = if there { marks[at / 64] | bit } else { marks[at / 64] & !bit };
}

/// Marks (a slot and who left something in it) as they flow along the edges.
struct Flow<'a> {
    marks: Vec<(u32, u16)>,
    takers: Vec<(u32, u16)>,
    /// By the number of what states hold, part by part: the marks of those slots.
    held: Vec<Vec<Marks>>,
    contacts: Vec<&'a Contacts>,
    busy: Vec<&'a Busy>,
    of_state: &'a [(u32, u32)],
    /// The states that are looked at.
    inside: &'a Bits,
    /// Per state and part: the marks that may be there, `words` each.
    there: Vec<u64>,
    parts: usize,
    words: usize,
    /// Per taker: the marks that it came across.
    found: Vec<Marks>,
}

impl<'a> Flow<'a> {
    fn new(watched: &'a Watched, inside: &'a Bits) -> Self {
        let (marks, takers, parts) = (watched.marks(), watched.takers(), watched.parts());
        let words = marks.len().div_ceil(64);
        let none: Marks = SmallVec::from_elem(0, words);
        let mut flow = Self {
            found: vec![none.clone(); takers.len()],
            marks,
            takers,
            held: vec![],
            contacts: watched.contacts.all(),
            busy: watched.busy.all(),
            of_state: &watched.of_state,
            inside,
            there: vec![0; words * parts * watched.of_state.len()],
            parts,
            words,
        };
        let held = |filled: &Filled| {
            let mut held = vec![none.clone(); parts];
            for (part, slot) in filled {
                flow.of(*slot).for_each(|at| put(&mut held[usize::from(*part)], at, true));
            }
            held
        };
        flow.held = watched.filled.all().into_iter().map(held).collect();
        flow
    }

    /// The marks of a slot.
    fn of(&self, slot: u32) -> Range<usize> {
        let until = |slot: u32| self.marks.partition_point(|(of, _)| *of < slot);
        until(slot)..until(slot + 1)
    }

    fn mark(&self, slot: u32, by: u16) -> Option<usize> {
        self.marks.binary_search(&(slot, by)).ok()
    }

    fn ones(&self, marks: &Marks) -> impl Iterator<Item = (u32, u16)> {
        (0..self.marks.len()).filter(|at| is_in(marks, *at)).map(|at| self.marks[at])
    }

    /// Where the marks of a part of a state are.
    fn place(&self, id: u32, part: usize) -> Range<usize> {
        let begin = (id as usize * self.parts + part) * self.words;
        begin..begin + self.words
    }

    /// Goes along every edge until nothing changes. At the start, all is left by nobody.
    fn run(&mut self, graph: &Graph, links: &[(u32, u32)]) {
        let mut waits = self.inside.clone();
        // States are numbered by distance from the start, so that most of what flows, flows on in the same sweep.
        while !waits.is_clear() {
            for id in 0..self.of_state.len() as u32 {
                if waits.contains(id as usize) {
                    waits.remove(id as usize);
                    self.leave(graph, id, links, &mut waits);
                }
            }
        }
    }

    /// What is there goes on to wherever a step leads.
    fn leave(&mut self, graph: &Graph, id: u32, links: &[(u32, u32)], waits: &mut Bits) {
        let mut busy = self.busy[self.of_state[id as usize].1 as usize].iter().peekable();
        for (number, edge) in graph.edges(id).enumerate() {
            let contacts = busy.next_if(|(busy, _)| *busy as usize == number);
            let contacts: &[Contact] = contacts.map_or(&[], |(_, contacts)| self.contacts[*contacts as usize]);
            let mut goes = contacts.iter().filter_map(|contact| match *contact {
                Contact::Goes { from, to, acts } => Some((usize::from(from), usize::from(to), acts)),
                _ => None,
            });
            let mut next = goes.next().or(Some((0, 0, true)));
            while let Some((from, to, acts)) = next {
                let here = Marks::from_slice(&self.there[self.place(id, from)]);
                let after = self.follow(here, contacts, acts);
                if self.arrive(edge.target, to, &after) {
                    waits.insert(edge.target as usize);
                }
                next = goes.next();
            }
        }
        if let Ok(link) = links.binary_search_by_key(&id, |(home, _)| *home) {
            for part in 0..self.parts {
                let here = Marks::from_slice(&self.there[self.place(id, part)]);
                if self.arrive(links[link].1, part, &here) {
                    waits.insert(links[link].1 as usize);
                }
            }
        }
    }

    /// What is there after a step that acts on it, or not, and who came across what.
    fn follow(&mut self, mut here: Marks, contacts: &[Contact], acts: bool) -> Marks {
        for contact in contacts {
            match *contact {
                Contact::Leaves { slot, by, alone, common } if acts || common => {
                    if alone {
                        self.of(slot).for_each(|at| put(&mut here, at, false));
                    }
                    self.mark(slot, by).into_iter().for_each(|at| put(&mut here, at, true));
                }
                Contact::Takes { slot, by } if acts => {
                    let taker = self.takers.binary_search(&(slot, by)).expect("every taker was collected");
                    let met = self.of(slot).filter(|at| is_in(&here, *at));
                    met.for_each(|at| put(&mut self.found[taker], at, true));
                }
                Contact::Spreads { from, to, alone } if acts => {
                    let left: Vec<usize> = self.of(from).filter(|at| is_in(&here, *at)).collect();
                    if alone {
                        self.of(to).for_each(|at| put(&mut here, at, false));
                    }
                    let new = left.into_iter().filter_map(|at| self.mark(to, self.marks[at].1));
                    new.for_each(|at| put(&mut here, at, true));
                }
                Contact::Clears { slot } if acts => self.of(slot).for_each(|at| put(&mut here, at, false)),
                _ => {}
            }
        }
        here
    }

    /// Adds marks to a part of a state, as far as it holds anything in their slots; whether any was new for a state
    /// that is looked at.
    fn arrive(&mut self, id: u32, part: usize, marks: &Marks) -> bool {
        let place = self.place(id, part);
        let held = &self.held[self.of_state[id as usize].0 as usize];
        let mut changed = false;
        for ((there, marks), held) in self.there[place].iter_mut().zip(marks).zip(&held[part]) {
            let new = marks & held & !*there;
            *there |= new;
            changed |= new != 0;
        }
        changed && self.inside.contains(id as usize)
    }
}
