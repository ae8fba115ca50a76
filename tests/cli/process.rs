//! Runs the binary in the root of the workspace.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// The example scenarios, in order.
pub const EXAMPLES: [&str; 6] =
    ["a-rename-column", "b-b-kills-a", "c-required-field", "d-enum-cache", "e-fixed", "e-rename-too-fast"];

/// The path of an example.
pub fn example(name: &str) -> String {
    format!("scenarios/library/start/{name}.yaml")
}

/// How a process ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// A command that has not begun.
pub fn command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_turnback"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("NO_COLOR").args(arguments).stdin(Stdio::null());
    command
}

/// How a command ends.
pub fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ended {
    ended(command(arguments).output().expect("the binary can be started"))
}

/// How a command ends that reads `input`.
pub fn run_with_input(arguments: &[&str], input: &[u8]) -> Ended {
    let mut command = command(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The process may refuse the input before it has read all of it.
    let _ = child.stdin.take().unwrap().write_all(input);
    ended(child.wait_with_output().unwrap())
}

fn ended(output: Output) -> Ended {
    let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
    Ended { code: output.status.code().expect("no signal"), out: text(output.stdout), err: text(output.stderr) }
}
