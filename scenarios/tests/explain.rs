//! What `explain` says of the six scenarios that the language began with. `UPDATE=1` writes the golden files.

use std::path::Path;

#[test]
fn explanations_are_as_committed() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<_> = std::fs::read_dir(crate_folder.join("library/start"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 6);
    for file in files {
        let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let read = turnback_scenarios::read(stem, &std::fs::read(&file).expect("bytes")).expect("a scenario");
        let text = turnback_scenarios::explain(&read.scenario);
        let golden = crate_folder.join("tests/explain").join(format!("{stem}.txt"));
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&golden, &text).expect("written");
        }
        let committed = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(committed, text, "run with UPDATE=1 and look at the difference of {}", golden.display());
    }
}
