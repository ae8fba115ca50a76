//! Faults planted in the engine: for each of them some specification must disagree, or the specifications do not say
//! enough. `cargo test --features planted --test planted -- --nocapture` prints what noticed each of them first.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use turnback_sim::planted::{Planted, plant};

#[path = "laws/examples.rs"]
mod laws;
#[path = "rules/runner.rs"]
mod runner;

/// A specification of the engine.
enum Spec {
    /// A case of `tests/rules`.
    Case(PathBuf),
    /// A law of `tests/laws`.
    Law(&'static str, fn()),
}

const LAWS: [(&str, fn()); 10] = [
    ("a_truncated_search_is_never_safe", a_truncated_search_is_never_safe),
    ("every_story_replays_and_ends_in_harm", laws::every_story_replays_and_ends_in_harm),
    ("no_shorter_story_exists", laws::no_shorter_story_exists),
    ("the_explorer_finds_what_a_plain_search_finds", laws::the_explorer_finds_what_a_plain_search_finds),
    ("threads_say_what_one_says", laws::threads_say_what_one_says),
    ("slices_say_what_the_whole_says", laws::slices_say_what_the_whole_says),
    ("four_replicas_say_what_three_say", laws::four_replicas_say_what_three_say),
    ("ten_thousand_replicas_are_explored_as_three", laws::ten_thousand_replicas_are_explored_as_three),
    (
        "two_replicas_give_the_same_verdict_where_three_versions_never_meet",
        laws::two_replicas_give_the_same_verdict_where_three_versions_never_meet,
    ),
    ("two_and_three_keys_say_what_one_says", laws::two_and_three_keys_say_what_one_says),
];

fn a_truncated_search_is_never_safe() {
    assert!(runner::cut_short(&runner::cases()) > 0, "nothing was truncated");
}

impl Spec {
    fn all() -> Vec<Spec> {
        let cases = runner::cases().into_iter().map(Spec::Case);
        cases.chain(LAWS.map(|(name, law)| Spec::Law(name, law))).collect()
    }

    fn name(&self) -> String {
        match self {
            Spec::Case(file) => runner::name(file),
            Spec::Law(name, _) => format!("law {name}"),
        }
    }

    fn disagrees(&self) -> bool {
        match self {
            Spec::Case(file) => runner::compare(file).is_err(),
            Spec::Law(_, law) => std::panic::catch_unwind(law).is_err(),
        }
    }
}

/// What noticed a fault before: only where to look first.
fn likely(fault: Planted) -> &'static str {
    match fault {
        Planted::LastSuccessorDropped => "backfill/has-no-inverse",
        Planted::SelfLoopDropped => "backfill/has-no-inverse",
        Planted::HashForState => "backfill/not-idempotent-but-no-faults",
        Planted::CutOffCalledComplete => "law a_truncated_search_is_never_safe",
        Planted::FirstStartOnly => "backfill/stale-source",
        Planted::DeepStory => "law no_shorter_story_exists",
        Planted::LaterHarmForgotten => "queues/attempts-then-drop",
        Planted::StalledForgotten => "queues/consumed-later",
        Planted::ParkedIsHome => "caches/flush-is-forbidden",
        Planted::EndsEarly => "lifecycle/straggler-forgotten",
        Planted::GuardOverRowsTrusted => "backfill/verified-behind-the-scan",
        Planted::GuardOverRowsByFairMoves => "backfill/verified-behind-the-scan",
        Planted::LuckInProgramme => "backfill/has-no-inverse",
        Planted::LuckInRepair => "backfill/wrong-way",
        Planted::ForcedForgotten => "caches/flushed-too-early",
        Planted::OneRoundOnly => "caches/flushed-too-early",
        Planted::LossInZoneForgotten => "backfill/overwrites-a-fact",
        Planted::SecondAttemptForgotten => "variants/a-once",
        Planted::EndTakenOnTrust => "flags/finalized",
        Planted::CanaryTakenOnTrust => "lifecycle/boot-writes-a-new-format",
        Planted::BestState => "backfill/has-no-inverse",
        Planted::RollbackHarmsFree => "rollout/code-only-is-not-the-reverse",
        Planted::LaterRollbackHarmsUnseen => "backfill/has-no-inverse",
        Planted::CanaryHarmsDropped => "lifecycle/crash-loop",
        Planted::HarmToldOnce => "schema/rename-under-its-reader",
        Planted::ActorForgotten => "variants/a-promised-too-far",
        Planted::PreExistingFromPlan => "backfill/not-idempotent",
        Planted::MayNotFinishForgotten => "caches/flush-is-a-repair",
        Planted::StallsForgotten => "backfill/verified-behind-the-scan",
        Planted::EmptyIsSafe => "vacuity/no-message-ever",
        Planted::LastSliceIgnored => "variants/c-producer-first",
        Planted::AnySliceServes => "queues/consumed-later",
        Planted::SlicesSwapped => "queues/consumed-later",
        Planted::HotfixTrusted => "zones/hotfix-that-does-not-help",
        Planted::BlindnessForgotten => "zones/hidden",
        Planted::JoinedHalf => "zones/two-keys-at-odds",
        Planted::NoReturnLate => "backfill/has-no-inverse",
        Planted::NoReturnByLuck => "backfill/has-no-inverse",
        Planted::PromiseInclusive => "flags/finalized",
        Planted::RequestsBound => "backfill/has-no-inverse",
        Planted::RestartBound => "flags/set-back-but-not-observed",
        Planted::CutForgotten => "queues/restart-after-the-acknowledgement",
        Planted::AnyOrder => "queues/in-order",
        Planted::NeverExpires => "queues/expired-in-a-wait",
        Planted::DropIsNoLoss => "queues/dropped",
        Planted::MemoryKept => "lifecycle/memory-is-lost",
        Planted::MisreadWrittenFresh => "writes/written-after-a-misread",
        Planted::DeadLettersSettled => "queues/dead-letters-requeued-by-the-plan",
        Planted::UnobservedSettled => "flags/set-back-but-not-observed",
        Planted::NarrowerHome => "schema/left-dropped-by-the-rollback",
        Planted::StragglersMoved => "lifecycle/straggler-forgotten",
        Planted::LossNotSticky => "schema/drop-of-a-fact",
        Planted::GoneOnCrash => "queues/crash-and-again",
        Planted::OneAttemptMore => "queues/two-attempts",
        Planted::NoDuplicates => "queues/delivered-twice",
        Planted::NeverEvicted => "caches/poisoned-until-the-ttl",
        Planted::NewRowsVisited => "backfill/writers-first",
        Planted::BatchedInOne => "variants/a-batched",
        Planted::SetUnobserved => "flags/done-when-all-observe",
        Planted::BegunNotTakenBack => "backfill/has-no-inverse",
        Planted::FloorTooEarly => "rollback/floor-inside-the-step",
        Planted::StragglersDeployed => "lifecycle/straggler-forgotten",
        Planted::FloorsForgotten => "rollback/floor-inside-the-step",
        Planted::OnceForgotten => "variants/a-once",
        Planted::IrreversibleSetBack => "flags/finalized",
        Planted::VerifyForgotten => "backfill/verified-behind-the-scan",
        Planted::DrainForgotten => "queues/consumer-first",
        Planted::ObservedAtOnce => "flags/observed-one-by-one",
        Planted::AnythingAllowed => "effects/not-allowed",
        Planted::SentTwice => "effects/delivered-twice",
        Planted::BackupNeverOld => "restore/newer-value-elsewhere",
        Planted::BackupHoldsNothing => "restore/lost-but-backed-up",
        Planted::RestoredIsFresh => "restore/newer-value-elsewhere",
        Planted::DiscardedStaysFresh => "restore/a-cache-of-what-is-discarded",
        Planted::ReplacedKeepsDisk => "lifecycle/replaced",
        Planted::NeverLapses => "lifecycle/memory-runs-out",
        Planted::SecondKeyAsleep => "backfill/has-no-inverse",
        Planted::RoleKept => "lifecycle/join-without-a-quorum",
        Planted::OneIsQuorum => "lifecycle/join-without-a-quorum",
        Planted::RolesStay => "roles/leads-while-it-runs",
        Planted::RouteForgotten => "roles/route-past-the-straggler",
        Planted::StartsUnanswered => "lifecycle/join-is-rejected",
        Planted::FencedInQuorum => "roles/fenced-out-of-the-quorum",
        Planted::FencedCounted => "lifecycle/fenced-is-not-counted",
        Planted::FenceNotLifted => "lifecycle/replace-lifts-a-fence",
        Planted::NewcomersOld => "rollout/new-replicas-are-at-the-version-deployed",
        Planted::RemovedDiskKept => "rollout/scaled-down-loses-a-disk",
        Planted::PackedWithoutPromise => "variants/a-once",
        _ => "",
    }
}

/// One fault at a time, and no word of the panics that it causes.
struct Garden {
    _alone: MutexGuard<'static, ()>,
}

static GARDEN: Mutex<()> = Mutex::new(());

impl Garden {
    fn enter() -> Self {
        let alone = GARDEN.lock().unwrap_or_else(PoisonError::into_inner);
        std::panic::set_hook(Box::new(|_| {}));
        Self { _alone: alone }
    }
}

impl Drop for Garden {
    fn drop(&mut self) {
        plant(None);
        drop(std::panic::take_hook());
    }
}

/// The first of `specs` that disagree, on two threads; the others too if `all` are asked for.
fn disagreeing(specs: &[Spec], all: bool) -> Vec<String> {
    let (next, noticed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let found = Mutex::new(vec![]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while all || !noticed.load(Ordering::SeqCst) {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(spec) = specs.get(number) else { break };
                    if spec.disagrees() {
                        noticed.store(true, Ordering::SeqCst);
                        found.lock().unwrap().push(number);
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().unwrap();
    found.sort_unstable();
    found.into_iter().map(|number| specs[number].name()).collect()
}

/// Plants each of `faults`, prints what noticed it first, and names those that nothing noticed.
fn unnoticed(faults: &[Planted], specs: impl Fn(Planted) -> Vec<Spec>) -> Vec<Planted> {
    let _garden = Garden::enter();
    let mut unnoticed = vec![];
    for fault in faults {
        let specs = specs(*fault);
        plant(Some(*fault));
        let found = disagreeing(&specs, false);
        plant(None);
        let first = found.first().map_or("nothing", String::as_str);
        println!("| `{fault:?}` | {} | {first} |", fault.what());
        if found.is_empty() {
            unnoticed.push(*fault);
        }
    }
    unnoticed
}

/// The faults that switch a rule off.
fn rules_switched_off() -> Vec<Planted> {
    let is_rule = |fault: &Planted| format!("{fault:?}")[1..].parse::<u8>().is_ok();
    Planted::ALL.iter().copied().filter(is_rule).collect()
}

/// The cases, first those that are about the rule.
fn cases_of(rule: Planted) -> Vec<Spec> {
    let mut cases = runner::cases();
    cases.sort_by_key(|case| !runner::is_about(case, &format!("{rule:?}")));
    cases.into_iter().map(Spec::Case).collect()
}

#[test]
fn nothing_is_planted_and_nothing_disagrees() {
    let garden = Garden::enter();
    let wrong = disagreeing(&Spec::all(), true);
    drop(garden);
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The same switches as the features `break-R...`, so that one build tries them all.
#[test]
fn a_rule_that_is_switched_off_turns_a_case_red() {
    let faults = rules_switched_off();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("sim/Cargo.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap();
    let features = manifest.lines().filter(|line| line.starts_with("break-R")).count();
    assert_eq!(faults.len(), features, "every feature `break-R...` is tried");
    let unnoticed = unnoticed(&faults, cases_of);
    assert!(unnoticed.is_empty(), "no case noticed {unnoticed:?}");
}

#[test]
fn a_planted_fault_is_noticed() {
    let rules = rules_switched_off();
    let mut faults: Vec<Planted> = Planted::ALL.iter().copied().filter(|fault| !rules.contains(fault)).collect();
    // For work on a few faults: PLANTED=BestState,DeepStory cargo test --features planted --test planted
    if let Ok(wanted) = std::env::var("PLANTED") {
        faults.retain(|fault| wanted.split(',').any(|name| name == format!("{fault:?}")));
    }
    let specs = |fault| {
        let mut specs = Spec::all();
        specs.sort_by_key(|spec| spec.name() != likely(fault));
        specs
    };
    let unnoticed = unnoticed(&faults, specs);
    assert!(unnoticed.is_empty(), "no specification noticed {unnoticed:?}");
}
