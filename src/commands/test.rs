//! `turnback test`

use rayon::prelude::*;
use turnback_reports::tested::{Outcome, Tested};

use crate::args::{TestArguments, TestFormat};
use crate::exit::Exit;
use crate::screen::Screen;
use crate::testing::{Demands, Refused, files, test};

/// So many files are tested side by side before what was found is said.
const TOGETHER: usize = 16;

/// Tests scenarios.
pub fn run(arguments: &TestArguments, screen: &Screen) -> Exit {
    let files = match selected(arguments) {
        Ok(files) => files,
        Err(problem) => {
            screen.complain(&problem);
            return Exit::Invalid;
        }
    };
    let demands =
        Demands { runs: arguments.runs, slips: arguments.slips, seed: arguments.seed, keep: !arguments.no_keep };
    let alone = crate::args::Bounds { threads: Some(1), ..arguments.bounds.clone() };
    let threads = arguments.bounds.threads.unwrap_or(0) as usize;
    let mut tally = Tally::default();
    let mut exit = Exit::Safe;
    for files in files.chunks(TOGETHER) {
        let test_all = || files.par_iter().map(|file| test(file, &demands, &alone, screen)).collect::<Vec<_>>();
        let tested = match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
            Ok(pool) => pool.install(test_all),
            Err(_) => files.iter().map(|file| test(file, &demands, &alone, screen)).collect(),
        };
        for tested in tested {
            exit = exit.worse(say(tested, arguments.format, screen, &mut tally));
        }
    }
    if arguments.format == TestFormat::Human {
        exit = exit.worse(screen.print(&tally.text()));
    }
    exit
}

fn selected(arguments: &TestArguments) -> Result<Vec<String>, String> {
    let mut files = files::scenarios(&arguments.paths)?;
    if let Some(filter) = &arguments.filter {
        files.retain(|file| file.contains(filter));
        if files.is_empty() {
            return Err(format!("no file's path contains `{filter}`"));
        }
    }
    Ok(arguments.shard.map_or(files.clone(), |shard| shard.of(files)))
}

/// Says what was found about a file.
fn say(tested: Result<Vec<Tested>, Refused>, format: TestFormat, screen: &Screen, tally: &mut Tally) -> Exit {
    let plans = match tested {
        Ok(plans) => plans,
        Err(Refused::Scenario(unreadable)) => {
            super::refuse(&unreadable, screen);
            tally.invalid += 1;
            return Exit::Invalid;
        }
        Err(Refused::Kept(problem)) => {
            screen.complain(&problem);
            tally.invalid += 1;
            return Exit::Invalid;
        }
    };
    let mut exit = Exit::Safe;
    for plan in plans {
        exit = exit.worse(tally.count(&plan));
        let text = match format {
            TestFormat::Human => plan.text(screen.ascii, screen.verbose),
            TestFormat::Json => plan.json(),
        };
        exit = exit.worse(screen.print(&text));
    }
    exit
}

#[derive(Default)]
struct Tally {
    passed: u32,
    failed: u32,
    open: u32,
    invalid: u32,
    runs: u64,
}

impl Tally {
    fn count(&mut self, plan: &Tested) -> Exit {
        self.runs += u64::from(plan.runs);
        let (number, exit) = match plan.outcome {
            Outcome::Failed => (&mut self.failed, Exit::Unsafe),
            Outcome::Undecided => (&mut self.open, Exit::Undecided),
            Outcome::Passed => (&mut self.passed, Exit::Safe),
        };
        *number += 1;
        exit
    }

    fn text(&self) -> String {
        let result = if self.failed + self.invalid > 0 { "FAILED" } else { "ok" };
        let invalid = if self.invalid > 0 { format!("; {} files invalid", self.invalid) } else { String::new() };
        format!(
            "\ntest result: {result}. {} plans passed; {} failed; {} undecided{invalid}; {} runs\n",
            self.passed, self.failed, self.open, self.runs
        )
    }
}
