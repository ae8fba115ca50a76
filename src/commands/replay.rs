//! `turnback replay`

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;

use turnback_scenarios::Read;
use turnback_scenarios::narrate::Narrator;
use turnback_sim::drivers::perturb;
use turnback_sim::findings::story::{Told, tell};
use turnback_sim::fleet::state::State;
use turnback_sim::fleet::{Fleet, Step};

use crate::args::{Question, ReplayArguments};
use crate::checking::{self, Asked, Case, Checked, check_file};
use crate::exit::Exit;
use crate::screen::Screen;
use crate::store;
use crate::testing::{self, kept};
use crate::trace::{Circumstances, Trace, digest};

/// Tells a story.
pub fn run(arguments: &ReplayArguments, screen: &Screen) -> Exit {
    let told = match (&arguments.trace, arguments.case) {
        (Some(path), _) => stored(arguments, path, screen),
        (None, Some(number)) => kept_case(arguments, number as usize, screen),
        (None, None) => found(arguments, screen),
    };
    match told {
        Ok(exit) => exit,
        Err(problem) => {
            screen.complain(&problem);
            Exit::Invalid
        }
    }
}

/// The story that `check` finds.
fn found(arguments: &ReplayArguments, screen: &Screen) -> Result<Exit, String> {
    let checked = match check_file(&arguments.file, &arguments.question, &arguments.bounds, screen) {
        Ok(checked) => checked,
        Err(unreadable) => {
            super::refuse(&unreadable, screen);
            return Ok(Exit::Invalid);
        }
    };
    let case = only_case(&checked)?;
    let number = arguments.story as usize;
    let Some(finding) = case.judgement.findings.get(number - 1) else {
        return Err(match case.judgement.findings.len() {
            0 => "`check` finds nothing that speaks against this plan, so there is no story".to_owned(),
            1 => format!("there is no story {number}: the plan has only one"),
            count => format!("there is no story {number}: the plan has {count}"),
        });
    };
    let story = &finding.story;
    if let Some(path) = &arguments.output {
        let circumstances = circumstances(&checked, case, finding.slice);
        let trace = Trace::of(circumstances, case.fleet_of(finding), &story.begins, &story.moves)
            .ok_or("the story does not begin in a start state, so it cannot be stored")?;
        store::write(path, trace.text().as_bytes())?;
    }
    let marks = Marks { doomed_at: story.doomed_at, first_symptom_at: story.first_symptom_at };
    let narrator = Narrator::new(case.fleet(), &case.compiled.names);
    let teller = Teller { read: &checked.read, fleet: case.fleet_of(finding), narrator, screen, step: arguments.step };
    teller.tell(&story.begins, &story.moves, marks)
}

/// The story that a file holds.
fn stored(arguments: &ReplayArguments, path: &Path, screen: &Screen) -> Result<Exit, String> {
    let name = path.display();
    let bytes = store::read(&path.to_string_lossy()).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let trace = Trace::parse(&bytes).map_err(|problem| format!("{name}: {problem}"))?;
    let read = match checking::open(&arguments.file) {
        Ok(read) => read,
        Err(unreadable) => {
            super::refuse(&unreadable, screen);
            return Ok(Exit::Invalid);
        }
    };
    if digest(read.source.text().as_bytes()) != trace.scenario {
        return Err(format!("{name}: it was made from another scenario, or {} has changed since", arguments.file));
    }
    if !(1..=3).contains(&trace.keys) || trace.replicas.is_some_and(|replicas| !(1..=4).contains(&replicas)) {
        return Err(format!("{name}: it was changed: no check follows so many keys or replicas"));
    }
    let (plan, slip) = (trace.plan.clone(), trace.slip.clone());
    let question = Question { plan, replicas: trace.replicas, keys: trace.keys, slip };
    let compiled = match checking::compile_all(&read, &question) {
        Ok(compiled) => compiled,
        Err(unreadable) => {
            super::refuse(&unreadable, screen);
            return Ok(Exit::Invalid);
        }
    };
    let [Asked { compiled, .. }] = compiled.as_slice() else {
        return Err(format!("{name}: it names no plan, and {} has several", arguments.file));
    };
    let Some((fleet, _)) = checking::fleet(&compiled.definition, trace.keys, trace.slice) else {
        return Err(format!("{name}: it was changed: the scenario has no such slice"));
    };
    let (begins, moves) = trace.moves(&fleet).map_err(|problem| format!("{name}: {problem}"))?;
    let narrator = Narrator::new(&fleet, &compiled.names);
    let teller = Teller { read: &read, fleet: &fleet, narrator, screen, step: arguments.step };
    teller.tell(&begins, &moves, Marks::default())
}

/// A failing case that `turnback test` kept.
fn kept_case(arguments: &ReplayArguments, number: usize, screen: &Screen) -> Result<Exit, String> {
    let all = kept::load(&arguments.file)?;
    let case = all.get(number - 1).ok_or_else(|| {
        format!("there is no case {number}: {} holds {} of them", kept::path(&arguments.file).display(), all.len())
    })?;
    let question = Question { plan: case.plan.clone(), replicas: None, keys: 1, slip: case.slips.clone() };
    let asked =
        match checking::open(&arguments.file).and_then(|read| Ok((checking::compile_all(&read, &question)?, read))) {
            Ok(asked) => asked,
            Err(unreadable) => {
                super::refuse(&unreadable, screen);
                return Ok(Exit::Invalid);
            }
        };
    let (compiled, read) = asked;
    let [Asked { compiled, .. }] = compiled.as_slice() else {
        return Err(format!("case {number} names no plan, and {} has several", arguments.file));
    };
    let Some((fleet, known)) = checking::fleet(&compiled.definition, 1, None) else {
        return Err(format!("{} has no such fleet", arguments.file));
    };
    let run = perturb::run(&fleet, &case.perturbation(), &known);
    let narrator = Narrator::new(&fleet, &compiled.names);
    let teller = Teller { read: &read, fleet: &fleet, narrator, screen, step: arguments.step };
    let exit = teller.tell(&run.begins, &run.moves, Marks::default())?;
    let ending = testing::ending(&narrator, run.ends);
    Ok(exit.worse(screen.print(&format!("{ending}\n"))))
}

/// Replaying takes one plan.
fn only_case(checked: &Checked) -> Result<&Case, String> {
    match checked.plans.as_slice() {
        [case] => Ok(case),
        cases => {
            let plans = &checked.read.scenario.plans;
            let name = |case: &Case| case.plan.and_then(|plan| plans[plan].name.as_ref());
            let names: Vec<&str> = cases.iter().filter_map(name).map(|name| name.value.as_str()).collect();
            Err(format!("{} has several plans; name one with `--plan`: {}", checked.file, names.join(", ")))
        }
    }
}

fn circumstances(checked: &Checked, case: &Case, slice: Option<usize>) -> Circumstances {
    let plan = case.plan.and_then(|plan| checked.read.scenario.plans[plan].name.as_ref());
    Circumstances {
        scenario: digest(checked.read.source.text().as_bytes()),
        plan: plan.map(|name| name.value.clone()),
        replicas: checked.question.replicas,
        keys: checked.question.keys,
        slip: checked.question.slip.clone(),
        slice,
    }
}

/// What is marked in a story; a stored one marks nothing.
#[derive(Clone, Copy, Default)]
struct Marks {
    doomed_at: Option<usize>,
    first_symptom_at: Option<usize>,
}

struct Teller<'a> {
    read: &'a Read,
    fleet: &'a Fleet,
    narrator: Narrator<'a>,
    screen: &'a Screen,
    step: bool,
}

impl Teller<'_> {
    fn tell(&self, begins: &State, moves: &[Step], marks: Marks) -> Result<Exit, String> {
        let told = tell(self.fleet, begins, moves)
            .map_err(|number| format!("move {} is not possible where it is made", number + 1))?;
        let mut exit = Exit::Safe;
        if self.step {
            let lines = self.narrator.state(begins);
            exit = self.screen.print(&format!("at the start\n{}\n", indented(&lines)));
        }
        for (index, told) in told.iter().enumerate() {
            self.pause();
            exit = exit.worse(self.screen.print(&self.paragraph(index + 1, told, marks)));
            if exit != Exit::Safe {
                break;
            }
        }
        Ok(exit)
    }

    fn paragraph(&self, number: usize, told: &Told<Fleet>, marks: Marks) -> String {
        let sentence = self.narrator.tell(told);
        let mut text = format!("{number:>3}. {}", sentence.text);
        if let Some(span) = sentence.span {
            text.push_str(&format!(" (line {})", self.read.source.position(span.start).line));
        }
        for (mark, words) in [(marks.doomed_at, "no return from here"), (marks.first_symptom_at, "first symptom")] {
            if mark == Some(number) {
                text.push_str(&format!(" [{words}]"));
            }
        }
        text.push('\n');
        if self.step {
            text.push_str(&indented(&self.narrator.difference(&told.before, &told.after)));
            text.push('\n');
        }
        text
    }

    /// On a terminal every move waits for Enter.
    fn pause(&self) {
        if self.step && io::stdin().is_terminal() && io::stdout().is_terminal() {
            let mut line = String::new();
            // At the end of the input the story goes on without waiting.
            let _ = io::stdin().lock().read_line(&mut line);
        }
    }
}

fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("     {line}\n")).collect()
}
