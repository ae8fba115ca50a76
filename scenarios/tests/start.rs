//! The six scenarios that the language began with.

use turnback_scenarios::ast::{PlaceKind, Rollback, Scenario, Share, Verb};
use turnback_scenarios::diagnostics::{Look, render};

const NAMES: [&str; 6] =
    ["a-rename-column", "b-b-kills-a", "c-required-field", "d-enum-cache", "e-fixed", "e-rename-too-fast"];

fn read(name: &str) -> Scenario {
    let path = format!("{}/library/start/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&path).expect("the file is there");
    match turnback_scenarios::read(&path, &bytes) {
        Ok(read) => {
            assert_eq!(read.warnings, []);
            read.scenario
        }
        Err(failed) => panic!("{}", render(&failed.source, &failed.diagnostics, Look::default())),
    }
}

#[test]
fn all_six_are_read() {
    for name in NAMES {
        read(name);
    }
}

#[test]
fn names_are_resolved_and_defaults_filled_in() {
    let scenario = read(NAMES[0]);
    let plan = &scenario.plans[0];
    let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    let expected = [
        "migrate orders.expand",
        "deploy orders v2",
        "backfill orders.order_status",
        "deploy orders v3",
        "wait 7d",
        "migrate orders.relax",
        "stop-dual-write",
        "wait 7d #2",
        "migrate orders.contract",
    ];
    assert_eq!(ids, expected);
    assert_eq!(plan.steps[1].canary.len(), 3);
    assert_eq!(plan.steps[1].bake, 600_000);
    assert_eq!(plan.steps[1].gate.as_ref().map(|gate| gate.value.as_str()), Some("healthy"));
    assert!(plan.steps[0].canary.is_empty());
    let orders = &scenario.places[0];
    assert!(matches!(&orders.kind, PlaceKind::Table { key, rows: Some(200_000_000), .. } if key == "id"));
    let added = orders.fields.iter().find(|field| field.name.value == "order_status").expect("the new column");
    assert!(added.added_by_migration && !added.declared);
}

#[test]
fn every_plan_has_its_own_promises() {
    let scenario = read(NAMES[1]);
    assert_eq!(scenario.plans.len(), 3);
    let pushed = &scenario.plans[0];
    assert_eq!(pushed.expect.verdict.as_ref().map(|word| word.value.as_str()), Some("unsafe"));
    assert_eq!(pushed.steps[0].canary, []);
    assert_eq!(pushed.rollback, Rollback::Inverse);
    assert_eq!(scenario.plans[1].steps[0].canary[0], Share::Replicas(1));
    assert!(scenario.apis[0].between);
}

#[test]
fn undeclared_calls_go_to_whoever_answers() {
    let scenario = read(NAMES[3]);
    let api = &scenario.apis[0];
    assert_eq!(api.name.value, "GET /v1/orders");
    assert_eq!(api.to[0].value, "orders");
    assert!(!api.request_is_sent && !api.declared);
    let scenario = read(NAMES[2]);
    let api = &scenario.apis[0];
    assert_eq!((api.to[0].value.as_str(), api.request_is_sent), ("orders-api", true));
}

#[test]
fn references_become_full_ids() {
    let until = |name| read(name).plans[0].expect.rollback_safe_until.clone().expect("a promise").value;
    assert_eq!(until(NAMES[5]), "migrate orders.contract");
    assert_eq!(until(NAMES[4]), "deploy orders v3");
    let scenario = read(NAMES[2]);
    let hotfix = &scenario.plans[0].rollforward[0];
    assert_eq!(hotfix.like.as_ref().map(|like| like.value.as_str()), Some("v2"));
    assert!(matches!(&hotfix.verb, Verb::Deploy { version, .. } if version == "v2.1"));
}
