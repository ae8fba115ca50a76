//! How long `turnback check` takes on each example, as whole processes; and that the number of replicas costs nothing.
//!
//! `cargo bench --bench examples`. Figures are wall milliseconds, the median and the slowest of eleven cold starts.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const RUNS: usize = 11;

fn main() {
    println!("{:<40} {:>10} {:>10}", "scenario", "median ms", "slowest ms");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/library/start");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("the examples").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    for file in &files {
        report(&file.file_name().expect("a name").to_string_lossy(), file);
    }
    let text = std::fs::read_to_string(&files[0]).expect("the first example");
    for replicas in [8, 100, 10_000] {
        let name = format!("turnback-bench-{}-{replicas}.yaml", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, text.replace("replicas: 6", &format!("replicas: {replicas}"))).expect("a temporary file");
        report(&format!("the first with {replicas} replicas"), &file);
        std::fs::remove_file(file).expect("the temporary file");
    }
}

fn report(name: &str, file: &Path) {
    let mut times: Vec<f64> = (0..RUNS).map(|_| check(file)).collect();
    times.sort_by(f64::total_cmp);
    println!("{name:<40} {:>10.1} {:>10.1}", times[RUNS / 2], times[RUNS - 1]);
}

fn check(file: &Path) -> f64 {
    let begun = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_turnback"))
        .arg("check")
        .arg(file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let code = status.expect("the command runs").code();
    assert!(matches!(code, Some(0 | 1)), "{} ended with {code:?}", file.display());
    begun.elapsed().as_secs_f64() * 1e3
}
