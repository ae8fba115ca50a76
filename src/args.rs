//! The command line as it is declared. The doc comments are the manual.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use turnback_scenarios::templates::{TEMPLATES, Template};

use crate::testing::files::Shard;

const EXIT_CODES: &str = "Exit codes: 0 safe, 1 unsafe, 2 wrong usage or invalid scenario, 3 undecided, \
    101 a bug of ours. Over several files or plans the worst counts: 2 before 1 before 3 before 0.";

const TEST_EXIT_CODES: &str = "Exit codes: 0 every plan is as it expects to be, 1 some plan is not, 2 wrong usage or \
    invalid scenario, 3 undecided, 101 a bug of ours.";

const NEW_EXAMPLE: &str = "Example: turnback new rename-column --set table=customers --set column=mail --set to=email\n\n\
    Exit codes: 0 both files are written, 2 wrong usage, or a file that is there already.";

/// Finds the irrecoverable states of a rollout before production does.
///
/// Write down what the versions of your services read, write, send and receive, and the steps of the rollout;
/// `turnback check` explores every interleaving of traffic, faults and operator, with an abort at every moment, and says
/// until where you can turn back, who is hurt on the way, and how it comes about.
#[derive(Parser, Debug)]
#[command(name = "turnback", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// How output looks.
    #[command(flatten)]
    pub look: Look,
}

/// The verbs.
#[derive(Subcommand, Debug)]
pub enum Verb {
    /// Explore everything that can happen: until where can you turn back, who is hurt, how.
    #[command(after_help = EXIT_CODES)]
    Check(CheckArguments),
    /// Test every scenario under some paths: its promises by `check`, and by random rollouts and rollbacks.
    ///
    /// A plan passes if everything is found as its `expect:` says; a plan that expects nothing must be safe. Runs with
    /// an abort anywhere, a second attempt, crashes, duplicates and late messages must end well too; a run that does
    /// not is shrunk, kept beside the scenario (FILE.regressions) and run first the next time.
    #[command(after_help = TEST_EXIT_CODES)]
    Test(TestArguments),
    /// Tell a story that `check` found, move by move, or replay a stored one.
    ///
    /// Every move is checked against the scenario again before it is told.
    #[command(after_help = EXIT_CODES)]
    Replay(ReplayArguments),
    /// Read a scenario back in plain English, or show the page of a code such as TB204.
    Explain(ExplainArguments),
    /// Write a scenario to begin with: a change that is made every day, commented, beside its twin with the usual mistake.
    ///
    /// Without a TEMPLATE the templates are listed; with `-v` their parameters, too. On a terminal it asks for every
    /// parameter that `--set` does not give; elsewhere the defaults are taken. NAME.yaml checks safe and
    /// NAME-broken.yaml unsafe, so that both verdicts can be seen before anything is changed.
    #[command(after_help = NEW_EXAMPLE)]
    New(NewArguments),
    /// Say what is wrong with scenario files, without checking any plan.
    Lint(LintArguments),
    /// Print the JSON Schema of scenario files, for editors.
    Schema,
    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, in roff.
    Man,
}

/// How output looks.
#[derive(Args, Debug)]
pub struct Look {
    /// When to write colours; NO_COLOR in the environment means never.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto, global = true)]
    pub color: Color,
    /// Write ASCII only, no symbols.
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Say more about what is going on.
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub verbose: bool,
    /// Say nothing about progress, and no warnings.
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// When to write colours.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// `turnback check`.
#[derive(Args, Debug)]
pub struct CheckArguments {
    /// Scenario files; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// What is asked.
    #[command(flatten)]
    pub question: Question,
    /// Where exploring ends at the latest.
    #[command(flatten)]
    pub bounds: Bounds,
    /// Also ask what becomes of the plan when its operator makes up to N mistakes: skips, repeats or swaps steps, misses
    /// one replica, sets a flag too early. The exit code is that of the worst.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "slip", value_parser = clap::value_parser!(u32).range(0..=3))]
    pub slips: u32,
    /// Exit 1 also if something declared was used by no path (`vacuous`).
    #[arg(long)]
    pub strict: bool,
    /// The format of the answer.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Also write the answer in this format to this file; may be given several times.
    #[arg(long = "report", value_name = "FORMAT=FILE", value_parser = report)]
    pub reports: Vec<(Format, PathBuf)>,
    /// Write the answer to this file instead of standard output; all of it or nothing.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `turnback test`.
#[derive(Args, Debug)]
pub struct TestArguments {
    /// Scenario files, or folders that are searched for them.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<String>,
    /// Only the files whose path contains this text.
    #[arg(long, value_name = "TEXT")]
    pub filter: Option<String>,
    /// Only share I of N of the files, to spread them over machines: `1/4`.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// How many random runs every plan must survive.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub runs: u32,
    /// Every plan must survive up to N mistakes of its operator. Without it one mistake is tried and said, but no plan
    /// fails by it.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=3))]
    pub slips: u32,
    /// Other random runs.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Do not keep failing cases beside their scenario.
    #[arg(long)]
    pub no_keep: bool,
    /// The format of the answer.
    #[arg(long, value_enum, default_value_t = TestFormat::Human)]
    pub format: TestFormat,
    /// Where exploring ends at the latest.
    #[command(flatten)]
    pub bounds: Bounds,
}

/// The formats of `turnback test`.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum TestFormat {
    /// For people.
    Human,
    /// One JSON object per plan, on one line.
    Json,
}

/// What is asked of a scenario.
#[derive(Args, Clone, Debug)]
pub struct Question {
    /// Only this plan of the file's `plans:`.
    #[arg(long, value_name = "NAME")]
    pub plan: Option<String>,
    /// Explore exactly this many replicas of every service, 1 to 4, instead of the declared ones up to three.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..=4))]
    pub replicas: Option<u32>,
    /// Follow this many business items (rows with all that belongs to them) at once, 1 to 3.
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=3))]
    pub keys: u32,
    /// The operator makes this mistake, in the words of `check --slips`; may be given several times.
    #[arg(long, value_name = "SLIP")]
    pub slip: Vec<String>,
}

/// Where exploring ends at the latest; what is not known by then is undecided.
#[derive(Args, Clone, Debug)]
pub struct Bounds {
    /// The most states that are explored.
    #[arg(long, value_name = "N", default_value_t = 20_000_000)]
    pub max_states: u64,
    /// The most memory for explored states: `512MB`, `4GiB`.
    #[arg(long, value_name = "SIZE", default_value = "4GiB", value_parser = size)]
    pub max_memory: u64,
    /// The longest time: `500ms`, `60s`, `10m`. The one option that can make two runs differ.
    #[arg(long, value_name = "DUR", value_parser = duration)]
    pub time: Option<Duration>,
    /// How many threads explore; the answer does not depend on it. The default is every core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    pub threads: Option<u32>,
}

/// The formats of an answer.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON object per file, on one line; a stable contract.
    Json,
    /// One row per position, for a spreadsheet.
    Csv,
}

/// `turnback replay`.
#[derive(Args, Debug)]
pub struct ReplayArguments {
    /// The scenario file; `-` is standard input.
    #[arg(value_name = "FILE")]
    pub file: String,
    /// The number of the story, as `check` numbers its findings; the worst is 1.
    #[arg(long, value_name = "K", default_value_t = 1, conflicts_with = "trace", value_parser = clap::value_parser!(u32).range(1..))]
    pub story: u32,
    /// Replay the moves stored in this file, which `--output` wrote.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plan", "replicas", "keys", "slip"])]
    pub trace: Option<PathBuf>,
    /// Replay the failing case of this number that `turnback test` kept beside the scenario.
    #[arg(long, value_name = "K", conflicts_with_all = ["trace", "story", "plan", "replicas", "keys", "slip", "output"], value_parser = clap::value_parser!(u32).range(1..))]
    pub case: Option<u32>,
    /// Show the state, and after every move what has changed; on a terminal, wait for Enter between moves.
    #[arg(long)]
    pub step: bool,
    /// Store the moves in this file.
    #[arg(long, short, value_name = "FILE", conflicts_with = "trace")]
    pub output: Option<PathBuf>,
    /// What is asked.
    #[command(flatten)]
    pub question: Question,
    /// Where exploring ends at the latest.
    #[command(flatten)]
    pub bounds: Bounds,
}

/// `turnback explain`.
#[derive(Args, Debug)]
pub struct ExplainArguments {
    /// A scenario file, `-` for standard input, or a code such as TB204.
    #[arg(value_name = "FILE|CODE")]
    pub subject: String,
}

/// `turnback new`.
#[derive(Args, Debug)]
pub struct NewArguments {
    /// What is changed.
    #[arg(value_name = "TEMPLATE", value_parser = template())]
    pub template: Option<&'static Template>,
    /// The value of a parameter, for example `table=orders`; may be given several times.
    #[arg(long, value_name = "PARAMETER=VALUE", value_parser = setting, requires = "template")]
    pub set: Vec<(String, String)>,
    /// What the files are called; else like the template.
    #[arg(long, value_name = "NAME", value_parser = file_name, requires = "template")]
    pub name: Option<String>,
    /// The folder that they are written to; it is made if it is not there.
    #[arg(long, short, value_name = "DIR", requires = "template")]
    pub output: Option<PathBuf>,
    /// Write over files that are there already.
    #[arg(long, requires = "template")]
    pub force: bool,
}

/// `turnback lint`.
#[derive(Args, Debug)]
pub struct LintArguments {
    /// Scenario files; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<String>,
    /// The format of the diagnostics.
    #[arg(long, value_enum, default_value_t = LintFormat::Human)]
    pub format: LintFormat,
}

/// The formats of diagnostics.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
pub enum LintFormat {
    /// For people.
    Human,
    /// One JSON object per file, on one line.
    Json,
}

/// `FORMAT=FILE`.
fn report(text: &str) -> Result<(Format, PathBuf), String> {
    let (format, file) = text.split_once('=').ok_or("write FORMAT=FILE, for example `json=report.json`")?;
    if file.is_empty() {
        return Err("no file after `=`".to_owned());
    }
    Ok((Format::from_str(format, true)?, PathBuf::from(file)))
}

/// The name of a template.
fn template() -> impl TypedValueParser<Value = &'static Template> {
    let words = TEMPLATES.iter().map(|template| PossibleValue::new(template.name).help(template.purpose));
    PossibleValuesParser::new(words)
        .try_map(|name| TEMPLATES.iter().find(|template| template.name == name).ok_or("there is no such template"))
}

/// `PARAMETER=VALUE`.
fn setting(text: &str) -> Result<(String, String), String> {
    let (parameter, value) = text.split_once('=').ok_or("write PARAMETER=VALUE, for example `table=orders`")?;
    Ok((parameter.to_owned(), value.to_owned()))
}

/// The name of a file in some folder, without its extension.
fn file_name(text: &str) -> Result<String, String> {
    let name = text.strip_suffix(".yaml").unwrap_or(text);
    let inside = Path::new(name).file_name().is_some_and(|last| last == name);
    if inside {
        Ok(name.to_owned())
    } else {
        Err("a name without a folder is expected; `--output DIR` says where".to_owned())
    }
}

/// A number with a unit, split.
fn split_unit(text: &str) -> Result<(f64, &str), String> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..at].parse().map_err(|_| format!("`{text}` does not begin with a number"))?;
    Ok((number, text[at..].trim()))
}

/// Bytes: `512MB`, `4GiB`.
fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split_unit(text)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        other => return Err(format!("`{other}` is no unit of memory; write for example `512MB` or `4GiB`")),
    };
    Ok((number * factor as f64) as u64)
}

/// A duration: `500ms`, `60s`, `10m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_unit(text)?;
    let seconds = match unit {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        other => return Err(format!("`{other}` is no unit of time; write for example `60s` or `10m`")),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| format!("`{text}` is too long"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_declaration_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes_and_durations_have_units() {
        assert_eq!(size("512MB"), Ok(512_000_000));
        assert_eq!(size("4GiB"), Ok(4 << 30));
        assert!(size("4 parsecs").is_err());
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert!(duration("soon").is_err());
    }

    #[test]
    fn a_report_names_format_and_file() {
        assert_eq!(report("json=a=b.json"), Ok((Format::Json, PathBuf::from("a=b.json"))));
        assert!(report("json").is_err() && report("xml=a").is_err() && report("csv=").is_err());
    }

    #[test]
    fn new_files_have_names_without_a_folder() {
        assert_eq!(file_name("a-b.c"), Ok("a-b.c".to_owned()));
        assert_eq!(file_name("a.yaml"), Ok("a".to_owned()));
        assert!(["", "..", "a/b", "/a", "a/", ".yaml"].iter().all(|name| file_name(name).is_err()));
        assert_eq!(setting("old=a=b"), Ok(("old".to_owned(), "a=b".to_owned())));
        assert!(setting("old").is_err());
    }
}
