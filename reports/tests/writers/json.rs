//! The contract: keys, their order, and the words.

use insta::assert_snapshot;
use serde_json::Value;
use turnback_reports::json;

use super::examples;

const FILE: &str = "schema file scenario plans";
const PLAN: &str = "plan verdict recovery rollback_safe_until last_safe_rollback_point positions \
                    point_of_no_return findings vacuous not_stated assumed states transitions complete coverage values_seen";
const PAIR: &str = "place writer reader met fields never";
const VALUE: &str = "value is observed acted_on";
const POSITION: &str = "step id at zone reason procedure rollback_ends harms";
const HARM: &str = "code kind silent charged who what line";
const FINDING: &str = "code title line story doomed_at first_symptom_at fix";
const DIAGNOSTIC: &str = "code severity message line column help";

/// The keys of an object of the contract stand in the text in the listed order, each once.
fn assert_keys(object: &Value, keys: &str) {
    let mut listed: Vec<&str> = keys.split_whitespace().collect();
    listed.sort_unstable();
    let mut found: Vec<&String> = object.as_object().expect("it is an object").keys().collect();
    found.sort_unstable();
    assert_eq!(found, listed);
}

fn parsed(line: &str) -> Value {
    assert_eq!(line.matches('\n').count(), 1, "one object is one line");
    serde_json::from_str(line).expect("the line is JSON")
}

#[test]
fn the_line_of_a_checked_file() {
    assert_snapshot!(json::line(&examples::unsafe_rename()));
}

#[test]
fn the_line_of_an_invalid_file() {
    assert_snapshot!(json::invalid_line(&examples::invalid()));
}

#[test]
fn every_object_has_the_keys_of_the_contract_and_no_other() {
    let value = parsed(&json::line(&examples::unsafe_rename()));
    assert_keys(&value, FILE);
    let plan = &value["plans"][0];
    assert_keys(plan, PLAN);
    assert_keys(&plan["rollback_safe_until"], "promised found");
    assert_keys(&plan["positions"][0], POSITION);
    assert_keys(&plan["positions"][7]["harms"][0], HARM);
    assert_keys(&plan["point_of_no_return"][0], "step event");
    assert_keys(&plan["findings"][0], FINDING);
    assert_keys(&plan["coverage"][0], PAIR);
    assert_keys(&plan["values_seen"][0], VALUE);
    let invalid = parsed(&json::invalid_line(&examples::invalid()));
    assert_keys(&invalid, "schema file diagnostics");
    assert_keys(&invalid["diagnostics"][0], DIAGNOSTIC);
}

#[test]
fn keys_stand_in_the_order_of_the_contract() {
    let line = json::line(&examples::unsafe_rename());
    for keys in [FILE, PLAN, POSITION, HARM, FINDING, PAIR, VALUE] {
        let mut rest = line.as_str();
        for key in keys.split_whitespace() {
            let key = format!("\"{key}\":");
            let at = rest.find(&key).unwrap_or_else(|| panic!("{key} is missing or too early"));
            rest = &rest[at + key.len()..];
        }
    }
}

#[test]
fn what_is_not_there_is_null() {
    let unsafe_plan = parsed(&json::line(&examples::unsafe_rename()))["plans"][0].clone();
    assert!(unsafe_plan["plan"].is_null());
    assert!(unsafe_plan["positions"][0]["reason"].is_null());
    assert_eq!(unsafe_plan["positions"][7]["reason"], "luck");
    assert!(unsafe_plan["positions"][7]["procedure"].is_null());
    assert!(unsafe_plan["findings"][1]["fix"].is_null());
    assert!(unsafe_plan["findings"][1]["doomed_at"].is_null());
    let plans = parsed(&json::line(&examples::several_plans()))["plans"].clone();
    assert_eq!(plans[0]["last_safe_rollback_point"], "end");
    assert!(plans[1]["last_safe_rollback_point"].is_null());
    assert_eq!(plans[1]["rollback_safe_until"]["promised"], "start");
}
