//! What does not matter: the same plan judged again with something else about it (V6).

use turnback_scenarios::ast::Scenario;
use turnback_scenarios::compile::{Exploration, compile};
use turnback_sim::drivers::explore::Limits;
use turnback_sim::findings::judge::{Subject, judge};
use turnback_sim::fleet::Fleet;
use turnback_sim::fleet::definition::Definition;

use crate::checking::Case;

/// Larger explorations are not done again for a remark.
const STATES_MAX: u64 = 20_000;

/// The plan with something else about it, and what is found then.
pub struct Variation {
    /// What does not matter if the same is found.
    words: &'static str,
    subjects: Vec<Subject>,
}

impl Variation {
    /// What does not matter to a finding, if it is found here too.
    pub fn says(&self, subject: Subject) -> Option<&'static str> {
        self.subjects.iter().any(|found| alike(*found, subject)).then_some(self.words)
    }
}

/// Whether two findings are about the same; positions inside a step are not told apart.
fn alike(one: Subject, other: Subject) -> bool {
    match (one, other) {
        (Subject::Harm(one), Subject::Harm(other)) => one.same_harm(&other),
        (Subject::Irrecoverable(one), Subject::Irrecoverable(other))
        | (Subject::PromiseBroken(one), Subject::PromiseBroken(other))
        | (Subject::Stalls(one), Subject::Stalls(other)) => one.step == other.step,
        _ => false,
    }
}

/// Judges the variations of a plan that something speaks against, if that is cheap.
pub fn of(scenario: &Scenario, case: &Case, threads: usize) -> Vec<Variation> {
    let (definition, judgement) = (&case.compiled.definition, &case.judgement);
    if judgement.findings.is_empty() || !judgement.complete || judgement.states > STATES_MAX {
        return vec![];
    }
    let limits = Limits { states_max: STATES_MAX, memory_bytes_max: u64::MAX, threads, stop: None };
    let mut variations = Vec::new();
    if definition.faults {
        let calm = Definition { faults: false, ..definition.clone() };
        variations.extend(vary("faults: it happens without any restart, duplicate or early eviction", calm, &limits));
    }
    let alone = compile(scenario, case.plan, Exploration { replicas: Some(1) }).ok();
    let alone = alone.and_then(|alone| alone.definition.slipped(&case.slipped.slips));
    let words = "the number of replicas: it happens with one of each service";
    variations.extend(alone.and_then(|(alone, _)| vary(words, alone, &limits)));
    variations
}

fn vary(words: &'static str, definition: Definition, limits: &Limits) -> Option<Variation> {
    let fleet = Fleet::new(definition, 1);
    let judgement = judge(&fleet, &[], limits, &mut |_| {});
    let subjects = judgement.findings.iter().map(|finding| finding.subject).collect();
    judgement.complete.then_some(Variation { words, subjects })
}
