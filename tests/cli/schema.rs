//! `turnback schema`, `completions` and `man`

use crate::process::run;

#[test]
fn the_schema_is_the_one_of_the_docs() {
    let ended = run(["schema"]);
    assert_eq!(ended.code, 0);
    let schema: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let docs = include_str!("../../docs/scenario.schema.json");
    assert_eq!(schema, serde_json::from_str::<serde_json::Value>(docs).unwrap());
}

#[test]
fn completions_and_manual_know_every_verb() {
    let (completions, manual) = (run(["completions", "bash"]), run(["man"]));
    assert_eq!((completions.code, manual.code), (0, 0));
    for verb in ["check", "replay", "explain", "new", "lint", "schema"] {
        assert!(completions.out.contains(verb) && manual.out.contains(verb), "{verb}");
    }
}
