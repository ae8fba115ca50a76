//! `turnback check`

use std::path::Path;

use turnback_reports::report::{InvalidFile, PlanReport, Report, Verdict};
use turnback_reports::terminal::{self, Style};
use turnback_reports::{csv, json};
use turnback_scenarios::Unreadable;
use turnback_scenarios::diagnostics::render;

use crate::args::{CheckArguments, Format};
use crate::checking::check_file;
use crate::exit::Exit;
use crate::reporting;
use crate::screen::Screen;
use crate::store;

/// The answer about one file.
enum Answer {
    Report {
        /// With everything.
        whole: Report,
        /// For a page to read.
        page: Report,
    },
    Invalid(InvalidFile),
}

/// Checks every file.
pub fn run(arguments: &CheckArguments, screen: &Screen) -> Exit {
    let mut answers = Vec::new();
    let mut exit = Exit::Safe;
    for file in &arguments.files {
        let answer = answer(file, arguments, screen);
        exit = exit.worse(exit_of(&answer, arguments.strict));
        let streams = arguments.output.is_none() && arguments.format != Format::Csv;
        if streams {
            exit = exit.worse(screen.print(&part(&answer, arguments.format, &screen.style())));
        }
        answers.push(answer);
    }
    if arguments.output.is_none() && arguments.format == Format::Csv {
        exit = exit.worse(screen.print(&whole(&answers, Format::Csv, &screen.style())));
    }
    let output = arguments.output.as_ref().map(|path| (arguments.format, path));
    for (format, path) in output.into_iter().chain(arguments.reports.iter().map(|(format, path)| (*format, path))) {
        exit = exit.worse(write(path, &whole(&answers, format, &screen.file_style()), screen));
    }
    exit
}

fn answer(file: &str, arguments: &CheckArguments, screen: &Screen) -> Answer {
    match check_file(file, &arguments.question, &arguments.bounds, screen) {
        Ok(mut checked) => {
            for plan in 0..checked.plans.len() {
                checked.add_slips(plan, arguments.slips, &arguments.bounds, screen);
            }
            let warnings = &checked.read.warnings;
            if !screen.quiet && !warnings.is_empty() {
                screen.tell(&render(&checked.read.source, warnings, screen.diagnostics(false)));
            }
            let whole = reporting::report(&checked);
            let page = if screen.verbose { whole.clone() } else { reporting::short_report(&checked) };
            Answer::Report { whole, page }
        }
        Err(unreadable) => refused(file, &unreadable, screen),
    }
}

fn refused(file: &str, unreadable: &Unreadable, screen: &Screen) -> Answer {
    super::refuse(unreadable, screen);
    Answer::Invalid(reporting::invalid(file, unreadable))
}

fn exit_of(answer: &Answer, strict: bool) -> Exit {
    let Answer::Report { whole, .. } = answer else {
        return Exit::Invalid;
    };
    let of_plan = |plan: &PlanReport| {
        let vacuous = if strict && !plan.vacuous.is_empty() { Exit::Unsafe } else { Exit::Safe };
        let slips = plan.slips.iter().map(|slip| Exit::from(slip.verdict));
        let untried = if plan.slips_cut_short { Exit::Undecided } else { Exit::Safe };
        slips.fold(Exit::from(plan.verdict).worse(vacuous).worse(untried), Exit::worse)
    };
    whole.plans.iter().map(of_plan).fold(Exit::from(Verdict::Safe), Exit::worse)
}

/// What an answer is in a format that goes on file by file. A file that is no scenario was spoken of already.
fn part(answer: &Answer, format: Format, style: &Style) -> String {
    match (answer, format) {
        (Answer::Report { page, .. }, Format::Human) => terminal::text(page, style),
        (Answer::Report { whole, .. }, Format::Json) => json::line(whole),
        (Answer::Report { whole, .. }, Format::Csv) => csv::table([whole]),
        (Answer::Invalid(invalid), Format::Json) => json::invalid_line(invalid),
        (Answer::Invalid(_), Format::Human | Format::Csv) => String::new(),
    }
}

fn whole<'a>(answers: &'a [Answer], format: Format, style: &Style) -> String {
    if format != Format::Csv {
        return answers.iter().map(|answer| part(answer, format, style)).collect();
    }
    let report = |answer: &'a Answer| match answer {
        Answer::Report { whole, .. } => Some(whole),
        Answer::Invalid(_) => None,
    };
    csv::table(answers.iter().filter_map(report))
}

fn write(path: &Path, text: &str, screen: &Screen) -> Exit {
    match store::write(path, text.as_bytes()) {
        Ok(()) => Exit::Safe,
        Err(problem) => {
            screen.complain(&problem);
            Exit::Invalid
        }
    }
}
