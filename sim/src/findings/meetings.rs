//! Who comes across what whom has left: a forward pass over an explored graph.
//!
//! Who left something is no part of a state, because nothing that happens depends on it. So each state gets the set of
//! those who may have left what it holds, by some path: what a step leaves is added, what it replaces and what is no
//! longer there is taken away, until nothing changes.
//!
//! Where several things lie in one slot (messages in flight, the own items of several replicas), whoever comes across
//! one of them may have met any of those who left one: there too many meetings are seen, never too few.

use std::collections::{BTreeMap, BTreeSet};

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

/// What the steps of a state do, and what the state holds: many states are alike in that.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Profile {
    /// The slots that hold something.
    holds: SmallVec<[u32; 8]>,
    /// The edges on which something happens, by their place, and what happens there.
    edges: Vec<(u32, Contacts)>,
}

/// What happens in one step, in its order.
pub(super) type Contacts = SmallVec<[Contact; 2]>;

/// What was watched while the states of a graph were looked at, in the order of their numbers.
#[derive(Default)]
pub(super) struct Watched {
    numbers: BTreeMap<Profile, u32>,
    of_state: Vec<u32>,
}

impl Watched {
    /// The next state: what it `holds`, and what its steps do, edge by edge.
    pub fn push(&mut self, holds: SmallVec<[u32; 8]>, steps: impl Iterator<Item = Contacts>) {
        let edges = (0..).zip(steps).filter(|(_, contacts)| !contacts.is_empty()).collect();
        let next = self.numbers.len() as u32;
        self.of_state.push(*self.numbers.entry(Profile { holds, edges }).or_insert(next));
    }

    /// Every meeting on some path through `graph` that leaves no state of `outside`; `links` lead on where the graph
    /// has no edge, in the order of their beginnings, one from each.
    pub fn meetings(&self, graph: &Graph, links: &[(u32, u32)], outside: &Bits) -> BTreeSet<Meeting> {
        let mut inside = Bits::with_capacity(graph.len());
        inside.extend(graph.starts().iter().map(|start| *start as usize));
        inside = reach(graph, &inside, &|source, _| !outside.contains(source as usize));
        inside.difference_with(outside);
        let mut seen = Bits::with_capacity(self.numbers.len());
        seen.extend(inside.ones().map(|id| self.of_state[id] as usize));
        let seen = self.numbers.iter().filter(|(_, number)| seen.contains(**number as usize));
        let contacts = seen.flat_map(|(profile, _)| &profile.edges).flat_map(|(_, contacts)| contacts);
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
        self.numbers.keys().flat_map(|profile| &profile.edges).flat_map(|(_, contacts)| contacts)
    }

    /// Every slot and who may have left something in it, in order.
    fn marks(&self) -> Vec<(u32, u16)> {
        let left = self.contacts().filter_map(|contact| match *contact {
            Contact::Leaves { slot, by, .. } => Some((slot, by)),
            _ => None,
        });
        let mut marks: BTreeSet<(u32, u16)> = left.collect();
        let spreads: BTreeSet<(u32, u32)> = self
            .contacts()
            .filter_map(|contact| match *contact {
                Contact::Spreads { from, to } => Some((from, to)),
                _ => None,
            })
            .collect();
        loop {
            let before = marks.len();
            for (from, to) in &spreads {
                let left: Vec<u16> = marks.iter().filter(|(slot, _)| slot == from).map(|(_, by)| *by).collect();
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
}

/// A set of marks, one bit each.
type Marks = SmallVec<[u64; 1]>;

/// Marks (a slot and who left something in it) as they flow along the edges.
struct Flow<'a> {
    marks: Vec<(u32, u16)>,
    takers: Vec<(u32, u16)>,
    /// Per profile: it, and the marks of the slots that it holds.
    profiles: Vec<(&'a Profile, Marks)>,
    of_state: &'a [u32],
    /// The states that are looked at.
    inside: &'a Bits,
    /// Per state: the marks that may be there, `words` each.
    there: Vec<u64>,
    words: usize,
    /// Per taker: the marks that it came across.
    found: Vec<Marks>,
}

impl<'a> Flow<'a> {
    fn new(watched: &'a Watched, inside: &'a Bits) -> Self {
        let (marks, takers) = (watched.marks(), watched.takers());
        let words = marks.len().div_ceil(64);
        let none: Marks = SmallVec::from_elem(0, words);
        let mut flow = Self {
            found: vec![none; takers.len()],
            marks,
            takers,
            profiles: vec![],
            of_state: &watched.of_state,
            inside,
            there: vec![0; words * watched.of_state.len()],
            words,
        };
        let mut profiles: Vec<(u32, &Profile)> =
            watched.numbers.iter().map(|(profile, number)| (*number, profile)).collect();
        profiles.sort_unstable_by_key(|(number, _)| *number);
        let held = |profile: &Profile| flow.select(|slot, _| profile.holds.contains(&slot));
        flow.profiles = profiles.into_iter().map(|(_, profile)| (profile, held(profile))).collect();
        flow
    }

    /// The marks that `is` says yes of.
    fn select(&self, is: impl Fn(u32, u16) -> bool) -> Marks {
        let mut marks: Marks = SmallVec::from_elem(0, self.words);
        for (at, (slot, by)) in self.marks.iter().enumerate() {
            marks[at / 64] |= u64::from(is(*slot, *by)) << (at % 64);
        }
        marks
    }

    fn ones(&self, marks: &Marks) -> impl Iterator<Item = (u32, u16)> {
        let is_in = |at: &usize| marks[at / 64] & (1 << (at % 64)) != 0;
        (0..self.marks.len()).filter(is_in).map(|at| self.marks[at])
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
        let (profile, _) = self.profiles[self.of_state[id as usize] as usize];
        let here = Marks::from_slice(&self.there[id as usize * self.words..][..self.words]);
        let mut busy = profile.edges.iter().peekable();
        for (number, edge) in graph.edges(id).enumerate() {
            let contacts = busy.next_if(|(busy, _)| *busy as usize == number);
            let after = contacts.map(|(_, contacts)| self.follow(here.clone(), contacts));
            if self.arrive(edge.target, after.as_ref().unwrap_or(&here)) {
                waits.insert(edge.target as usize);
            }
        }
        if let Ok(link) = links.binary_search_by_key(&id, |(home, _)| *home)
            && self.arrive(links[link].1, &here)
        {
            waits.insert(links[link].1 as usize);
        }
    }

    /// What is there after a step, and who came across what.
    fn follow(&mut self, mut here: Marks, contacts: &Contacts) -> Marks {
        for contact in contacts {
            match *contact {
                Contact::Leaves { slot, by, alone } => {
                    let replaced = self.select(|of, _| alone && of == slot);
                    let new = self.select(|of, who| (of, who) == (slot, by));
                    here.iter_mut().zip(replaced).zip(new).for_each(|((here, gone), new)| *here = *here & !gone | new);
                }
                Contact::Takes { slot, by } => {
                    let taker = self.takers.binary_search(&(slot, by)).expect("every taker was collected");
                    let inside = self.select(|of, _| of == slot);
                    let found = self.found[taker].iter_mut().zip(&here).zip(inside);
                    found.for_each(|((found, here), inside)| *found |= here & inside);
                }
                Contact::Spreads { from, to } => {
                    let left: Vec<u16> = self.ones(&here).filter(|(slot, _)| *slot == from).map(|(_, by)| by).collect();
                    let new = self.select(|slot, by| slot == to && left.contains(&by));
                    here.iter_mut().zip(new).for_each(|(here, new)| *here |= new);
                }
                Contact::Meets { .. } | Contact::Uses { .. } => {}
            }
        }
        here
    }

    /// Adds marks to a state, as far as it holds anything in their slots; whether any was new for one that is looked at.
    fn arrive(&mut self, id: u32, marks: &Marks) -> bool {
        let (_, held) = &self.profiles[self.of_state[id as usize] as usize];
        let there = &mut self.there[id as usize * self.words..][..self.words];
        let mut changed = false;
        for ((there, marks), held) in there.iter_mut().zip(marks).zip(held) {
            let new = marks & held & !*there;
            *there |= new;
            changed |= new != 0;
        }
        changed && self.inside.contains(id as usize)
    }
}
