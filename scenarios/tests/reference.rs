//! The committed reference and schema are what the key table says. `UPDATE=1` writes them.

use std::path::PathBuf;

fn check(path: &str, generated: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
        std::fs::write(&path, generated).expect("written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(committed, generated, "run with UPDATE=1 and commit {}", path.display());
}

#[test]
fn the_reference_is_generated() {
    check("docs/language.md", &turnback_scenarios::reference());
}

#[test]
fn the_schema_is_generated() {
    check("docs/scenario.schema.json", &turnback_scenarios::schema());
}

#[test]
fn every_reference_of_the_schema_leads_somewhere() {
    let schema: serde_json::Value = serde_json::from_str(&turnback_scenarios::schema()).expect("JSON");
    let mut open = vec![&schema];
    while let Some(value) = open.pop() {
        if let Some(target) = value.get("$ref").and_then(|target| target.as_str()) {
            let name = target.strip_prefix("#/$defs/").expect("a local reference");
            assert!(schema["$defs"].get(name).is_some(), "{name}");
        }
        match value {
            serde_json::Value::Object(map) => open.extend(map.values()),
            serde_json::Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
}
