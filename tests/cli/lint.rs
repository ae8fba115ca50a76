//! `turnback lint`

use crate::process::{EXAMPLES, example, run, run_with_input};

#[test]
fn the_examples_are_scenarios() {
    for name in EXAMPLES {
        assert_eq!(run(["lint", &example(name)]).code, 0, "{name}");
    }
}

#[test]
fn all_problems_at_once() {
    let text = "turnback: 1\nnme: x\ntabels: {}\nplan: []\n";
    let ended = run_with_input(&["lint", "-"], text.as_bytes());
    assert_eq!(ended.code, 2);
    assert!(
        ended.out.contains("did you mean `name`?") && ended.out.contains("did you mean `tables`?"),
        "{}",
        ended.out
    );
    let ended = run_with_input(&["lint", "--format", "json", "-"], text.as_bytes());
    let report: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!((ended.code, &report["schema"]), (2, &1.into()));
    assert!(report["diagnostics"].as_array().unwrap().len() >= 2);
}
