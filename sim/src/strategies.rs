//! Strategies of the crate `proptest` for rollouts that go otherwise than planned.
//!
//! ```
//! use proptest::prelude::*;
//! use turnback_sim::drivers::perturb::{Abort, Perturbation};
//! use turnback_sim::relation::Fault;
//! use turnback_sim::strategies::perturbations;
//!
//! proptest!(|(perturbation in perturbations(3, &[Fault::Crash]))| {
//!     let waits_for_rollback = perturbation.faults.iter().any(|fault| fault.in_rollback);
//!     prop_assert!(!waits_for_rollback || perturbation.abort != Abort::Never);
//! });
//! ```

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::drivers::perturb::{Abort, Injected, Perturbation};
use crate::fleet::definition::Definition;
use crate::fleet::slip::Slip;
use crate::relation::Fault;

/// The most moves that are chosen, before the run settles by itself.
const MOVES_MAX: usize = 96;
/// The most faults of a run.
const FAULTS_MAX: usize = 2;

/// Perturbations of a plan with `steps` steps in which `faults` can happen; they shrink to fewer and earlier ones.
pub fn perturbations(steps: u16, faults: &[Fault]) -> impl Strategy<Value = Perturbation> + use<> {
    let faults = match faults {
        [] => Just(vec![]).boxed(),
        some => vec(injected(some.to_vec()), 0..=FAULTS_MAX).boxed(),
    };
    (vec(any::<u16>(), 0..MOVES_MAX), abort(steps), any::<bool>(), faults).prop_map(
        |(choices, abort, again, faults)| {
            let waits = faults.iter().any(|injected| injected.in_rollback);
            let abort = if waits && abort == Abort::Never { Abort::Inside(0) } else { abort };
            Perturbation { choices, abort, not_before: 0, again, faults }
        },
    )
}

fn abort(steps: u16) -> impl Strategy<Value = Abort> {
    prop_oneof![
        1 => Just(Abort::Never),
        3 => (0..4 * steps + 1).prop_map(Abort::After),
        2 => (0..steps.max(1)).prop_map(Abort::Inside),
    ]
}

fn injected(faults: Vec<Fault>) -> impl Strategy<Value = Injected> {
    (select(faults), any::<bool>(), 0..MOVES_MAX as u16 / 4).prop_map(|(fault, in_rollback, after)| Injected {
        fault,
        in_rollback,
        after,
    })
}

/// Up to `most` slips of an operator who follows the plan of `definition`; not all of them can be made together.
pub fn slips(definition: &Definition, most: usize) -> impl Strategy<Value = Vec<Slip>> + use<> {
    let all = definition.slips();
    let most = most.min(all.len());
    subsequence(all, 0..=most)
}
