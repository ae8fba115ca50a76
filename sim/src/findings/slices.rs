//! Slices are judged one by one; what they say together is the verdict of the whole.

use rayon::prelude::*;

use super::judge::{
    Effort, Ends, Finding, Judgement, PositionFinding, Procedure, Reason, Subject, Verdict, Zone, judge, pre_existing,
};
use crate::drivers::explore::{Limits, Progress};
use crate::relation::{Judged, Position};

/// Judges `whole`. If it falls into `slices`, they are judged instead, and the whole only where a way out beside plan
/// and rollback must be looked for: such a way must serve all slices at once.
pub fn judge_in_slices<R: Judged + Clone + Send>(
    whole: &R,
    slices: &[R],
    limits: &Limits,
    progress: &mut dyn FnMut(Progress),
) -> Judgement<R>
where
    R::Step: Send,
{
    if slices.len() > 1 {
        let judged = judge_each(slices, limits, progress);
        if let Some(judgement) = together(judged) {
            return judgement;
        }
    }
    judge_whole(whole, Effort::Whole, limits, progress)
}

fn judge_whole<R: Judged + Clone>(
    relation: &R,
    effort: Effort,
    limits: &Limits,
    progress: &mut dyn FnMut(Progress),
) -> Judgement<R> {
    let mut relation = relation.clone();
    let known = pre_existing(&relation, limits);
    relation.forgive(&known);
    judge(&relation, known, limits, effort, progress)
}

fn judge_each<R: Judged + Clone + Send>(
    slices: &[R],
    limits: &Limits,
    progress: &mut dyn FnMut(Progress),
) -> Vec<Judgement<R>>
where
    R::Step: Send,
{
    let alone = Limits { threads: 1, ..*limits };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(limits.threads.max(1)).build();
    match pool {
        Ok(pool) if limits.threads > 1 => {
            let judged = pool.install(|| {
                slices
                    .par_iter()
                    .map(|slice| judge_whole(slice, Effort::Declared, &alone, &mut |_| {}))
                    .collect::<Vec<_>>()
            });
            let (states, transitions) =
                (judged.iter().map(|one| one.states).sum(), judged.iter().map(|one| one.transitions).sum());
            progress(Progress { depth: 0, states, transitions });
            judged
        }
        _ => slices.iter().map(|slice| judge_whole(slice, Effort::Declared, limits, progress)).collect(),
    }
}

/// What the slices say together; `None` if some position needs a way out that no slice can find alone.
fn together<R: Judged>(slices: Vec<Judgement<R>>) -> Option<Judgement<R>> {
    let mut positions = Vec::new();
    let reached = |position: &Position| {
        slices.iter().all(|slice| slice.positions.iter().any(|found| found.position == *position))
    };
    let all: Vec<Position> = slices[0].positions.iter().map(|found| found.position).filter(reached).collect();
    for position in &all {
        let here = slices.iter().filter_map(|slice| slice.positions.iter().find(|found| found.position == *position));
        positions.push(combined(*position, &here.collect::<Vec<_>>())?);
    }
    let complete = slices.iter().all(|slice| slice.complete);
    let last_safe_step = super::judge::last_safe_step(&positions);
    let mut joined = Judgement {
        verdict: Verdict::Safe,
        last_safe_step,
        no_return: vec![],
        findings: vec![],
        pre_existing: vec![],
        used: super::works::Bits::with_capacity(slices[0].used.len()),
        states: slices.iter().map(|slice| slice.states).sum(),
        transitions: slices.iter().map(|slice| slice.transitions).sum(),
        complete,
        positions,
    };
    for (number, slice) in slices.into_iter().enumerate() {
        joined.used.union_with(&slice.used);
        joined.pre_existing.extend(slice.pre_existing);
        let reached = |finding: &Finding<R>| stands_at(finding, &joined.positions);
        let findings: Vec<Finding<R>> = slice.findings.into_iter().filter(reached).collect();
        joined.findings.extend(findings.into_iter().map(|finding| Finding { slice: Some(number), ..finding }));
        joined.no_return.extend(slice.no_return);
    }
    joined.pre_existing.sort_unstable();
    joined.pre_existing.dedup();
    joined.findings.sort_by_key(|finding| rank(&finding.subject));
    keep_first_promise(&mut joined.findings);
    let first = joined.no_return.iter().map(|turning| turning.step).min();
    joined.no_return.retain(|turning| Some(turning.step) == first);
    joined.no_return.truncate(1);
    joined.verdict = match (joined.findings.is_empty(), complete) {
        (false, _) => Verdict::Unsafe,
        (true, true) => Verdict::Safe,
        (true, false) => Verdict::Undecided,
    };
    Some(joined)
}

/// A position of the whole: a procedure must work in every slice.
fn combined<S: Copy>(position: Position, here: &[&PositionFinding<S>]) -> Option<PositionFinding<S>> {
    let rolls_back = here.iter().all(|found| found.rolls_back);
    let finishes = here.iter().all(|found| found.finishes);
    let lost = here.iter().any(|found| found.reason == Some(Reason::Lost));
    let open = here.iter().any(|found| found.zone == Zone::Undecided && (found.rolls_back || found.finishes));
    let (zone, reason, procedure) = if lost {
        (Zone::Irrecoverable, Some(Reason::Lost), None)
    } else if open {
        (Zone::Undecided, None, None)
    } else if rolls_back {
        (Zone::Rollback, None, Some(Procedure::Rollback))
    } else if finishes {
        (Zone::Forward, None, Some(Procedure::Finish))
    } else {
        return None;
    };
    let mut harms: Vec<_> = here.iter().flat_map(|found| found.harms.iter().copied()).collect();
    harms.sort_unstable();
    harms.dedup();
    let rollback_ends = here.iter().map(|found| found.rollback_ends).max().unwrap_or(Ends::Home);
    Some(PositionFinding { position, zone, reason, procedure, rollback_ends, harms, rolls_back, finishes })
}

/// Whether what a finding speaks of is at a position that the whole reaches.
fn stands_at<R: Judged>(finding: &Finding<R>, positions: &[PositionFinding<R::Step>]) -> bool {
    match finding.subject {
        Subject::Harm(label) => {
            positions.iter().any(|found| found.harms.iter().any(|harm| harm.charged && harm.label.same_harm(&label)))
        }
        Subject::Irrecoverable(position) | Subject::PromiseBroken(position) | Subject::Stalls(position) => {
            positions.iter().any(|found| found.position == position)
        }
    }
}

/// The order of findings: no way out, a broken promise, harms from the worst, a plan that stalls.
fn rank(subject: &Subject) -> (u8, std::cmp::Reverse<crate::relation::Harm>, Option<Position>) {
    let none = std::cmp::Reverse(crate::relation::Harm::Reject);
    match subject {
        Subject::Irrecoverable(position) => (0, none, Some(*position)),
        Subject::PromiseBroken(position) => (1, none, Some(*position)),
        Subject::Harm(label) => (2, std::cmp::Reverse(label.harm), None),
        Subject::Stalls(position) => (3, none, Some(*position)),
    }
}

/// A promise is broken once, where it is broken first; so is the way out lost.
fn keep_first_promise<R: Judged>(findings: &mut Vec<Finding<R>>) {
    let mut seen = [false; 4];
    findings.retain(|finding| {
        let rank = usize::from(rank(&finding.subject).0);
        let once = rank != 2;
        let first = !std::mem::replace(&mut seen[rank], true);
        !once || first
    });
}
