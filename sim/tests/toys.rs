//! Relations small enough to be counted by hand.

use smallvec::smallvec;
use std::cell::Cell;
use turnback_sim::drivers::explore::{Graph, Limits, Progress, explore};
use turnback_sim::findings::works::{Bits, can_reach, closed, reach, states, unexpanded, works};
use turnback_sim::relation::{Effects, Harm, Label, Mover, Operator, Relation};

const UNLIMITED: Limits = Limits { states_max: u64::MAX, memory_bytes_max: u64::MAX, threads: 1, stop: None };
const OPERATOR: Mover = Mover::Operator(Operator::Forward);

fn explored<R: Relation>(relation: &R) -> Graph {
    explore(relation, &relation.start(), &|_| true, &UNLIMITED, &mut |_| ())
}

/// Words over a and b of at most `.0` letters, each letter appended by a step: packed forms differ in length.
struct Words(usize);

impl Relation for Words {
    type State = Vec<u8>;
    type Step = u8;

    fn start(&self) -> Vec<Vec<u8>> {
        vec![Vec::new()]
    }
    fn enabled(&self, word: &Vec<u8>, out: &mut Vec<u8>) {
        if word.len() < self.0 {
            out.extend(*b"ab");
        }
    }
    fn count(&self, _: &Vec<u8>, _: u8) -> u64 {
        1
    }
    fn apply(&self, word: &mut Vec<u8>, letter: u8) -> Effects {
        word.push(letter);
        Effects::new()
    }
    fn mover(&self, _: &Vec<u8>, letter: u8) -> Mover {
        if letter == b'a' { OPERATOR } else { Mover::Fair }
    }
    fn pack(&self, word: &Vec<u8>, out: &mut Vec<u8>) {
        out.extend_from_slice(word);
    }
    fn unpack(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        Some(bytes.to_vec())
    }
}

/// Numbered states with the listed moves; a move by `Possible` does harm.
struct Listed {
    seeds: Vec<u16>,
    moves: Vec<(u16, Mover, u16)>,
}

impl Relation for Listed {
    type State = u16;
    type Step = usize;

    fn start(&self) -> Vec<u16> {
        self.seeds.clone()
    }
    fn enabled(&self, state: &u16, out: &mut Vec<usize>) {
        out.extend((0..self.moves.len()).filter(|index| self.moves[*index].0 == *state));
    }
    fn count(&self, _: &u16, _: usize) -> u64 {
        1
    }
    fn apply(&self, state: &mut u16, step: usize) -> Effects {
        *state = self.moves[step].2;
        match self.moves[step].1 {
            Mover::Possible => smallvec![Label { harm: Harm::Crash, actor: 0, place: 0, field: 0, origin: 0 }],
            _ => Effects::new(),
        }
    }
    fn mover(&self, _: &u16, step: usize) -> Mover {
        self.moves[step].1
    }
    fn pack(&self, state: &u16, out: &mut Vec<u8>) {
        out.extend_from_slice(&state.to_le_bytes());
    }
    fn unpack(&self, bytes: &[u8]) -> Option<u16> {
        bytes.try_into().map(u16::from_le_bytes).ok()
    }
}

/// 0 -op-> 1 -fair-> 2 (good); 1 -possible-> 3 (a trap); 0 -op-> 4 -fair-> 2; 4 -possible-> 0.
fn two_ways() -> Listed {
    use Mover::{Fair, Possible};
    let moves =
        vec![(0, OPERATOR, 1), (0, OPERATOR, 4), (1, Fair, 2), (1, Possible, 3), (4, Fair, 2), (4, Possible, 0)];
    Listed { seeds: vec![0], moves }
}

fn set(graph: &Graph, relation: &Listed, members: &[u16]) -> Bits {
    states(graph, |id| members.contains(&graph.state(relation, *id)))
}

fn members(graph: &Graph, relation: &Listed, set: &Bits) -> Vec<u16> {
    let mut members: Vec<u16> = set.ones().map(|id| graph.state(relation, id as u32)).collect();
    members.sort_unstable();
    members
}

fn is_environment(_: u32, mover: Mover) -> bool {
    mover != OPERATOR
}

#[test]
fn words_are_counted_and_numbered_by_length_then_letters() {
    let graph = explored(&Words(11));
    assert_eq!((graph.len(), graph.transitions(), graph.complete), (4095, 4094, true));
    for (id, word) in [(0, &b""[..]), (1, b"a"), (2, b"b"), (3, b"aa"), (6, b"bb"), (14, b"bbb")] {
        assert_eq!(graph.packed(id), word);
        assert_eq!(graph.find(&Words(11), &word.to_vec()), Some(id));
        assert_eq!(graph.depth(id), word.len() as u32);
    }
    assert_eq!(graph.find(&Words(11), &b"c".to_vec()), None);
}

#[test]
fn words_are_the_same_for_any_number_of_threads() {
    let with =
        |threads| explore(&Words(13), &Words(13).start(), &|_| true, &Limits { threads, ..UNLIMITED }, &mut |_| ());
    assert!([2, 3, 7].into_iter().all(|threads| with(threads) == with(1)));
}

#[test]
fn only_kept_movers_are_followed() {
    let graph = explore(&Words(5), &Words(5).start(), &|mover| mover == OPERATOR, &UNLIMITED, &mut |_| ());
    assert_eq!((graph.len(), graph.transitions(), graph.complete), (6, 5, true));
    assert!(graph.keeps(OPERATOR) && !graph.keeps(Mover::Fair));
    assert_eq!(graph.steps(&Words(5), 0).len(), 1);
}

#[test]
fn seeds_are_numbered_first_and_once() {
    let seeds = [b"bb".to_vec(), b"a".to_vec(), b"bb".to_vec()];
    let graph = explore(&Words(2), &seeds, &|_| true, &UNLIMITED, &mut |_| ());
    assert_eq!((graph.starts(), graph.len()), (&[0, 1][..], 4));
    assert_eq!(graph.packed(0), b"bb");
}

#[test]
fn progress_is_said_once_per_level() {
    let mut said = Vec::new();
    explore(&Words(2), &Words(2).start(), &|_| true, &UNLIMITED, &mut |progress| said.push(progress));
    let level = |depth, states, transitions| Progress { depth, states, transitions };
    assert_eq!(said, [level(0, 3, 2), level(1, 7, 6), level(2, 7, 6)]);
}

#[test]
fn stop_is_obeyed() {
    let stopped = Limits { stop: Some(&|| true), ..UNLIMITED };
    let graph = explore(&Words(9), &Words(9).start(), &|_| true, &stopped, &mut |_| ());
    assert_eq!((graph.len(), graph.expanded(), graph.complete), (1, 0, false));
}

#[test]
fn edges_know_movers_and_effects() {
    let relation = two_ways();
    let graph = explored(&relation);
    let of =
        |state| graph.edges(graph.find(&relation, &state).expect("met")).map(|edge| (edge.mover, edge.has_effects));
    assert!(of(0).eq([(OPERATOR, false), (OPERATOR, false)]));
    assert!(of(1).eq([(Mover::Fair, false), (Mover::Possible, true)]));
}

#[test]
fn a_procedure_works_where_nothing_can_trap_it() {
    let relation = two_ways();
    let graph = explored(&relation);
    let (all, good) = (states(&graph, |_| true), set(&graph, &relation, &[2]));
    let of = |set: &Bits| members(&graph, &relation, set);
    assert_eq!(of(&can_reach(&graph, &good, &all, &|_, _| true)), [0, 1, 2, 4]);
    assert_eq!(of(&can_reach(&graph, &good, &set(&graph, &relation, &[0, 2]), &|_, _| true)), [2]);
    assert_eq!(of(&closed(&graph, &set(&graph, &relation, &[0, 1, 2, 4]), &is_environment)), [0, 2, 4]);
    assert_eq!(of(&works(&graph, &good, &|_, mover| mover != Mover::Possible, &is_environment, &all)), [0, 2, 4]);
    assert_eq!(of(&works(&graph, &good, &|_, mover| mover == Mover::Fair, &is_environment, &all)), [2]);
    assert_eq!(of(&reach(&graph, &set(&graph, &relation, &[4]), &is_environment)), [0, 2, 4]);
}

#[test]
fn a_move_may_count_from_some_states_only() {
    let relation = two_ways();
    let graph = explored(&relation);
    let from = graph.find(&relation, &4).expect("met");
    let via = |source, _| source == from;
    let reached = can_reach(&graph, &set(&graph, &relation, &[2]), &states(&graph, |_| true), &via);
    assert_eq!(members(&graph, &relation, &reached), [2, 4]);
}

/// A chain whose numbers jump back and forth, so that looking at the states in order settles few of them.
#[test]
fn a_chain_out_of_order_is_settled() {
    const LENGTH: u16 = 1009;
    let number = |place: u16| (u32::from(place) * 389 % u32::from(LENGTH)) as u16;
    let moves = (1..LENGTH).map(|place| (number(place), Mover::Fair, number(place - 1))).collect();
    let relation = Listed { seeds: (0..LENGTH).collect(), moves };
    let graph = explored(&relation);
    let all = states(&graph, |_| true);
    let goal = set(&graph, &relation, &[number(0)]);
    assert_eq!(can_reach(&graph, &goal, &all, &|_, _| true), all);
    let (gap, middle) = (graph.find(&relation, &number(500)).expect("met"), 500);
    let beyond = can_reach(&graph, &goal, &all, &|source, _| source != gap);
    assert_eq!(beyond.count_ones(..), middle);
}

#[test]
fn what_lies_beyond_a_limit_is_neither_good_nor_bad() {
    let relation = two_ways();
    let calls = Cell::new(0);
    let limits = Limits { states_max: 4, ..UNLIMITED };
    let graph = explore(&relation, &[0], &|_| true, &limits, &mut |_| calls.set(calls.get() + 1));
    assert_eq!((members(&graph, &relation, &unexpanded(&graph)), calls.get()), (vec![1, 2, 4], 2));
    let (target, all) = (set(&graph, &relation, &[2]), states(&graph, |_| true));
    let mut known = all.clone();
    known.difference_with(&unexpanded(&graph));
    let surely = works(&graph, &target, &|_, _| true, &is_environment, &known);
    assert_eq!(members(&graph, &relation, &surely), [0u16; 0]);
    let mut hoped = target.clone();
    hoped.union_with(&unexpanded(&graph));
    let possibly = works(&graph, &hoped, &|_, _| true, &is_environment, &all);
    assert_eq!(members(&graph, &relation, &possibly), [0, 1, 2, 4]);
}

#[test]
fn the_shortest_way_is_the_first_of_its_length() {
    let relation = two_ways();
    let graph = explored(&relation);
    let goal = set(&graph, &relation, &[2]);
    let path = graph.shortest_path(&relation, graph.starts(), &goal, &|_, _| true).expect("there is a way");
    let states: Vec<u16> = path.moves.iter().map(|(id, _)| graph.state(&relation, *id)).collect();
    assert_eq!((states, graph.state(&relation, path.end)), (vec![0, 1], 2));
    let no_harm = graph.find(&relation, &1).expect("met");
    let path = graph.shortest_path(&relation, graph.starts(), &goal, &|_, edge| edge.target != no_harm);
    assert_eq!(path.expect("there is another way").moves.iter().map(|(_, step)| *step).collect::<Vec<_>>(), [1, 4]);
    let trap = graph.find(&relation, &3).expect("met");
    assert_eq!(graph.shortest_path(&relation, &[trap], &goal, &|_, _| true), None);
}
