//! `turnback new`

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::process::{Ended, run};

/// The templates and their parameters, as `turnback new -v` lists them.
fn templates() -> Vec<(String, Vec<String>)> {
    let mut templates: Vec<(String, Vec<String>)> = Vec::new();
    for line in run(["new", "-v"]).out.lines() {
        match line.strip_prefix("    --set ") {
            Some(setting) => templates.last_mut().unwrap().1.push(setting.split('=').next().unwrap().to_owned()),
            None => templates.push((line.split(' ').next().unwrap().to_owned(), Vec::new())),
        }
    }
    templates
}

fn new(arguments: &[&str], folder: &Path) -> Ended {
    run([&["new", "--output", folder.to_str().unwrap()], arguments].concat())
}

/// Writes every template with the settings that `other` makes of its parameters, and asks for the verdicts.
fn the_template_is_safe_and_its_twin_is_not(other: impl Fn(&str) -> Option<String>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (template, parameters) in templates() {
        let values = parameters.iter().filter_map(|name| Some(format!("--set={name}={}", other(name)?)));
        let values: Vec<String> = values.collect();
        let arguments: Vec<&str> =
            std::iter::once(template.as_str()).chain(values.iter().map(String::as_str)).collect();
        let ended = new(&arguments, folder.path());
        assert_eq!(ended.code, 0, "{template}: {}", ended.err);
        for (end, verdict) in [("", "safe"), ("-broken", "unsafe")] {
            files.push((folder.path().join(format!("{template}{end}.yaml")).to_str().unwrap().to_owned(), verdict));
        }
    }
    assert!(files.len() >= 24, "only {} files", files.len());
    let names = || files.iter().map(|(file, _)| file.as_str());
    let linted = run(["lint"].into_iter().chain(names()));
    assert_eq!((linted.code, linted.out.as_str()), (0, ""));
    let checked = run(["check", "--format", "json"].into_iter().chain(names()));
    assert_eq!(checked.out.lines().count(), files.len());
    for (line, (file, verdict)) in checked.out.lines().zip(&files) {
        let report: Value = serde_json::from_str(line).unwrap();
        assert_eq!(report["plans"][0]["verdict"], *verdict, "{file}");
    }
    folder
}

#[test]
fn with_its_defaults_a_template_is_safe_and_its_twin_is_not() {
    let folder = the_template_is_safe_and_its_twin_is_not(|_| None);
    let tested = run(["test", "--no-keep", "--runs", "16", folder.path().to_str().unwrap()]);
    assert_eq!(tested.code, 0, "{}", tested.out);
}

#[test]
fn with_other_names_a_template_is_safe_and_its_twin_is_not() {
    the_template_is_safe_and_its_twin_is_not(|parameter| {
        Some(match parameter {
            "replicas" => "12".to_owned(),
            "path" => "/v1/a-b.c".to_owned(),
            name => format!("a-b.{name}"),
        })
    });
}

#[test]
fn with_one_replica_a_template_is_safe_and_its_twin_is_not() {
    the_template_is_safe_and_its_twin_is_not(|parameter| (parameter == "replicas").then(|| "1".to_owned()));
}

#[test]
fn without_a_name_the_templates_are_listed() {
    let listed = run(["new"]);
    assert_eq!((listed.code, listed.out.lines().count()), (0, templates().len()));
    assert!(listed.out.contains("rename-column   give a column another name"), "{}", listed.out);
}

#[test]
fn what_is_written_is_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let ended = new(&["queue-payload", "--set", "queue=mails", "--name", "mails"], folder.path());
    assert_eq!(ended.code, 0, "{}", ended.err);
    assert_eq!(
        ended.err,
        "taken by default: producer=orders, consumer=mailer, field=locale, replicas=3; `--set` gives others\n"
    );
    let written = folder.path().join("mails.yaml");
    assert!(ended.out.ends_with(&format!("\nnext: turnback check {}\n", written.display())), "{}", ended.out);
    insta::assert_snapshot!("queue-payload", fs::read_to_string(written).unwrap());
    insta::assert_snapshot!(
        "queue-payload-broken",
        fs::read_to_string(folder.path().join("mails-broken.yaml")).unwrap()
    );
}

#[test]
fn a_file_that_is_there_stays_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("mine-broken.yaml");
    fs::write(&broken, "mine").unwrap();
    let refused = new(&["enum", "--name", "mine"], folder.path());
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("mine-broken.yaml is there already; choose another `--name`"), "{}", refused.err);
    assert_eq!(
        (fs::read_dir(folder.path()).unwrap().count(), fs::read_to_string(&broken).unwrap()),
        (1, "mine".into())
    );
    assert_eq!(new(&["enum", "--name", "mine", "--force", "--quiet"], folder.path()).err, "");
    assert!(fs::read_to_string(&broken).unwrap().contains("The usual mistake"));
}

#[test]
fn a_folder_that_is_not_there_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("plans/spring");
    assert_eq!(new(&["finalize"], &inner).code, 0);
    assert!(inner.join("finalize.yaml").exists());
}

#[test]
fn what_cannot_be_is_refused_with_a_reason_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, reason) in [
        (&["rename-colum"][..], "a similar value exists: 'rename-column'"),
        (&["enum", "--set", "tabel=x"], "enum has no parameter `tabel`; did you mean `table`?"),
        (&["enum", "--set", "table"], "write PARAMETER=VALUE"),
        (&["enum", "--set", "table=a b"], "table: `a b` is not a name; names have letters, digits and `. - _ /`"),
        (&["enum", "--set", "table="], "table: `` is not a name"),
        (&["enum", "--set", "table=where"], "table: `where` is a word of the language"),
        (&["enum", "--set", "reader=orders"], "service and reader cannot both be `orders`"),
        (&["enum", "--set", "replicas=none"], "replicas: `none` is not a number of replicas"),
        (&["blue-green", "--set", "path=orders"], "path: `orders` is not a path"),
        (&["rename-column", "--set", "to=id"], "to: `id` is the key in every template"),
        (&["enum", "--set", "old=stale"], "old: `stale` is a value that every field can have"),
        (&["enum", "--set", "old=DONE"], "with these names the template is no scenario"),
        (&["enum", "--name", "a/b"], "a name without a folder is expected"),
    ] {
        let ended = new(arguments, folder.path());
        assert_eq!(ended.code, 2, "{arguments:?}");
        assert!(ended.err.contains(reason), "{arguments:?}: {}", ended.err);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(run(["new", "--set", "table=x"]).code, 2);
}
