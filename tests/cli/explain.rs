//! `turnback explain`

use crate::process::{EXAMPLES, example, run};

#[test]
fn a_scenario_is_read_back() {
    for name in EXAMPLES {
        let ended = run(["explain", &example(name)]);
        assert_eq!(ended.code, 0, "{name}");
        assert!(ended.out.contains("Defaults used"), "{name}");
    }
    insta::assert_snapshot!("explain", run(["explain", &example("e-fixed")]).out);
}

#[test]
fn every_code_that_check_prints_has_a_page() {
    for code in (201..=214).chain(301..=306) {
        let ended = run(["explain", &format!("TB{code}")]);
        assert_eq!(ended.code, 0, "TB{code}");
        assert!(ended.out.contains(&format!("TB{code}")) && ended.out.contains("how to mend it"), "TB{code}");
    }
    assert_eq!(run(["explain", "tb101"]).code, 0);
}

#[test]
fn what_cannot_be_explained_exits_2() {
    let code = run(["explain", "TB999"]);
    assert_eq!(code.code, 2);
    assert!(code.err.contains("there is no code TB999"), "{}", code.err);
    assert_eq!(run(["explain", "nowhere.yaml"]).code, 2);
}
