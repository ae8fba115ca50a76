//! `turnback lint`

use turnback_reports::json;
use turnback_reports::report::InvalidFile;
use turnback_scenarios::Read;
use turnback_scenarios::Unreadable;
use turnback_scenarios::diagnostics::render;

use crate::args::{LintArguments, LintFormat};
use crate::checking;
use crate::exit::Exit;
use crate::reporting;
use crate::screen::Screen;

/// Says what is wrong with files, and what is probably not meant so.
pub fn run(arguments: &LintArguments, screen: &Screen) -> Exit {
    let mut exit = Exit::Safe;
    for file in &arguments.files {
        let (source, diagnostics) = match checking::open(file) {
            Ok(Read { source, warnings, .. }) => (source, warnings),
            Err(unreadable) => {
                exit = exit.worse(Exit::Invalid);
                let Unreadable { source, diagnostics } = *unreadable;
                (source, diagnostics)
            }
        };
        let text = match arguments.format {
            LintFormat::Human => render(&source, &diagnostics, screen.diagnostics(true)),
            LintFormat::Json => {
                let diagnostics = diagnostics.iter().map(|one| reporting::diagnostic(one, &source)).collect();
                let source_text = source.text().to_owned();
                json::invalid_line(&InvalidFile { file: file.clone(), source_text, diagnostics })
            }
        };
        exit = exit.worse(screen.print(&text));
    }
    exit
}
