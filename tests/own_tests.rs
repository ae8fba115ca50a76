//! A rollout under the tests of a team's own: docs/property-tests.md shows this file.

use proptest::prelude::*;
use turnback_scenarios::compile::{Exploration, compile};
use turnback_sim::drivers::explore::Limits;
use turnback_sim::drivers::perturb::run;
use turnback_sim::findings::judge::pre_existing;
use turnback_sim::fleet::Fleet;
use turnback_sim::relation::Judged;
use turnback_sim::strategies::perturbations;

/// The fleet of the first plan of a scenario.
fn fleet() -> Fleet {
    let file = "scenarios/library/start/b-b-kills-a.yaml";
    let bytes = std::fs::read(file).expect("the scenario is there");
    let read = turnback_scenarios::read(file, &bytes).expect("it is a scenario");
    let tolerate_first = 1;
    let compiled = compile(&read.scenario, Some(tolerate_first), Exploration::default()).expect("it is supported");
    Fleet::new(compiled.definition, 1)
}

#[test]
fn however_it_goes_it_ends_well() {
    let fleet = fleet();
    let limits = Limits { states_max: 100_000, memory_bytes_max: 1 << 30, threads: 1, stop: None };
    let (known, _) = pre_existing(&fleet, &limits);
    proptest!(ProptestConfig { failure_persistence: None, ..Default::default() },
        |(perturbation in perturbations(fleet.last_step(), &fleet.faults()))| {
            let run = run(&fleet, &perturbation, &known);
            prop_assert!(!run.ends.is_failure(), "{:?} after {:?}", run.ends, run.moves);
        }
    );
}
