//! `turnback new`

use std::fs;
use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use turnback_scenarios::read;
use turnback_scenarios::templates::{TEMPLATES, Template};

use crate::args::NewArguments;
use crate::exit::Exit;
use crate::reporting::shell;
use crate::screen::Screen;
use crate::store;

/// Writes a scenario and its broken twin, or lists what can be written.
pub fn run(arguments: &NewArguments, screen: &Screen) -> Exit {
    let Some(template) = arguments.template else {
        return screen.print(&list(screen.verbose));
    };
    match write(template, arguments, screen) {
        Ok(exit) => exit,
        Err(problem) => {
            screen.complain(&problem);
            Exit::Invalid
        }
    }
}

fn list(verbose: bool) -> String {
    let width = TEMPLATES.iter().map(|template| template.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for Template { name, purpose, parameters, .. } in TEMPLATES {
        text.push_str(&format!("{name:width$}  {purpose}\n"));
        for parameter in parameters.iter().filter(|_| verbose) {
            let setting = format!("{}={}", parameter.name, parameter.default);
            text.push_str(&format!("    --set {setting:<24}  {}\n", parameter.question));
        }
    }
    text
}

fn write(template: &Template, arguments: &NewArguments, screen: &Screen) -> Result<Exit, String> {
    let name = arguments.name.as_deref().unwrap_or(template.name);
    let folder = arguments.output.as_deref().unwrap_or(Path::new(""));
    let paths = ["", "-broken"].map(|end| folder.join(format!("{name}{end}.yaml")));
    if let Some(path) = paths.iter().find(|path| !arguments.force && path.symlink_metadata().is_ok()) {
        let path = path.display();
        return Err(format!("{path} is there already; choose another `--name`, or write over it with `--force`"));
    }
    let twins = template.fill(&values(template, &arguments.set, screen)?);
    let files = || paths.iter().zip([&twins.safe, &twins.broken]);
    for (path, text) in files() {
        // Names may be fine one by one and still not go together.
        if let Err(unreadable) = read(&path.to_string_lossy(), text.as_bytes()) {
            screen.complain("with these names the template is no scenario, so nothing is written");
            super::refuse(&unreadable, screen);
            return Ok(Exit::Invalid);
        }
    }
    fs::create_dir_all(folder).map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    for (path, text) in files() {
        let put = if arguments.force { store::write } else { store::create };
        put(path, text.as_bytes())?;
    }
    let [safe, broken] = &paths;
    Ok(screen.print(&format!(
        "wrote {}, which checks safe\nwrote {}, its twin with the usual mistake, which does not\nnext: turnback check {}\n",
        safe.display(),
        broken.display(),
        shell(&safe.to_string_lossy()),
    )))
}

/// A value for every parameter: as set, else as asked for, else the default.
fn values(template: &Template, set: &[(String, String)], screen: &Screen) -> Result<Vec<String>, String> {
    if let Some(problem) = set.iter().find_map(|(parameter, _)| template.unknown(parameter)) {
        return Err(problem);
    }
    let asks = io::stdin().is_terminal() && io::stderr().is_terminal();
    let (mut values, mut defaults) = (Vec::new(), Vec::new());
    for parameter in template.parameters {
        let value = match set.iter().rfind(|(name, _)| name == parameter.name) {
            Some((_, value)) => value.clone(),
            None if asks => ask(template, &values, &mut io::stdin().lock(), &mut |text| screen.tell(text)),
            None => {
                defaults.push(format!("{}={}", parameter.name, parameter.default));
                parameter.default.to_owned()
            }
        };
        if let Some(refusal) = template.refusal(&values, &value) {
            return Err(refusal);
        }
        values.push(value);
    }
    if !defaults.is_empty() && !screen.quiet {
        screen.tell(&format!("taken by default: {}; `--set` gives others\n", defaults.join(", ")));
    }
    Ok(values)
}

/// Asks for the parameter after those that have a value, until the answer can be one; nothing means the default.
fn ask(template: &Template, earlier: &[String], input: &mut impl BufRead, say: &mut impl FnMut(&str)) -> String {
    let parameter = &template.parameters[earlier.len()];
    loop {
        say(&format!("{} [{}] ", parameter.question, parameter.default));
        let mut line = String::new();
        let ended = !matches!(input.read_line(&mut line), Ok(1..));
        let answer = match line.trim() {
            "" => parameter.default,
            answer => answer,
        };
        match template.refusal(earlier, answer) {
            Some(refusal) if !ended => say(&format!("{refusal}\n")),
            _ => return answer.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is answered to a question for the parameter after `earlier`, and what was said.
    fn asked(earlier: &[&str], input: &str) -> (String, String) {
        let template = TEMPLATES.iter().find(|template| template.name == "rename-column").unwrap();
        let earlier: Vec<String> = earlier.iter().map(|&value| value.to_owned()).collect();
        let mut said = String::new();
        let answer = ask(template, &earlier, &mut input.as_bytes(), &mut |text| said.push_str(text));
        (answer, said)
    }

    #[test]
    fn enter_takes_the_default_and_so_does_the_end_of_the_input() {
        let question = "The service that uses the column? [orders] ";
        assert_eq!(asked(&[], "\n"), ("orders".to_owned(), question.to_owned()));
        assert_eq!(asked(&[], ""), ("orders".to_owned(), question.to_owned()));
        assert_eq!(asked(&[], " shop \n").0, "shop");
    }

    #[test]
    fn what_cannot_be_is_asked_again() {
        let (answer, said) = asked(&["shop"], "a b\norders\n");
        assert_eq!(answer, "orders");
        assert_eq!(
            said,
            "The table? [orders] table: `a b` is not a name; names have letters, digits and `. - _ /`\n\
             The table? [orders] "
        );
        let (answer, said) = asked(&["shop", "orders", "order_status"], "\nstate\n");
        assert_eq!(answer, "state");
        assert!(said.contains("column and to cannot both be `order_status`\n"), "{said}");
    }
}
