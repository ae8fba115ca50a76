//! Across drivers: what one calls safe the other cannot break.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use sha2::{Digest as _, Sha256};

use turnback_sim::drivers::perturb::run;
use turnback_sim::findings::judge::Verdict;
use turnback_sim::relation::Judged as _;
use turnback_sim::strategies::perturbations;

use crate::corpus::files;
use crate::saying::{PLAIN, judged};

/// Runs of every plan.
const RUNS: usize = 40;

pub fn what_is_safe_no_run_breaks() {
    let (mut runs, mut failures) = (0, 0);
    let mut broken = vec![];
    for file in files() {
        let text = std::fs::read_to_string(&file).unwrap();
        for (judgement, fleets) in judged(&text, PLAIN) {
            let fleet = &fleets[0];
            let seed = Sha256::digest(&text);
            let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
            let mut runner = TestRunner::new_with_rng(Config { failure_persistence: None, ..Config::default() }, rng);
            let around = perturbations(fleet.last_step(), &fleet.faults());
            for _ in 0..RUNS {
                let perturbation = around.new_tree(&mut runner).expect("a perturbation").current();
                let shown = run(fleet, &perturbation, &judgement.pre_existing);
                let safe = judgement.verdict == Verdict::Safe;
                if safe && shown.ends.is_failure() {
                    broken.push(format!("{}: {:?} {perturbation:?}", file.display(), shown.ends));
                }
                runs += usize::from(safe);
                failures += usize::from(shown.ends.is_failure());
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(runs >= 1000 && failures >= 100, "{runs} runs of safe plans, {failures} failures of others");
}
