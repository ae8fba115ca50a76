//! Findings: title, lines to blame, story, what would still have helped.

use turnback_reports::report::{Blame, Finding, HarmKind, Span, StoryMove};
use turnback_scenarios::tree;
use turnback_sim::findings::judge::{self, Procedure, Subject, Zone};
use turnback_sim::findings::story::{Told, tell};
use turnback_sim::fleet::Fleet;
use turnback_sim::relation::{At, Judged, Label, Mode, Mover, Operator, Position};

use super::File;

/// How many lines share the blame at most.
const BLAMED_MAX: usize = 4;

impl File<'_> {
    pub(super) fn findings(&self) -> Vec<Finding> {
        let findings = self.case.judgement.findings.iter().enumerate();
        findings.map(|(index, finding)| self.finding(index, finding)).collect()
    }

    fn finding(&self, index: usize, finding: &judge::Finding<Fleet>) -> Finding {
        let story = &finding.story;
        let told = tell(self.case.fleet_of(finding), &story.begins, &story.moves)
            .expect("the moves of a story are enabled where they are made");
        let blame = self.blamed(finding.subject, &told, story.first_symptom_at);
        Finding {
            code: code(finding.subject),
            title: self.title(finding.subject),
            line: blame.first().map_or(1, |blame| self.line(&blame.span)),
            blame,
            story: told.iter().map(|told| self.story_move(told)).collect(),
            doomed_at: story.doomed_at,
            first_symptom_at: story.first_symptom_at,
            does_not_matter: self.does_not_matter(finding.subject),
            still_saved_by: self.still_saved_by(&told, story.doomed_at),
            fix: None,
            replay: Some(self.replay(index + 1)),
        }
    }

    fn story_move(&self, told: &Told<Fleet>) -> StoryMove {
        let sentence = self.narrator.tell(told);
        StoryMove { text: sentence.text, line: sentence.span.map(|span| self.line(&span)) }
    }

    fn title(&self, subject: Subject) -> String {
        match subject {
            Subject::Harm(label) => self.narrator.harm_title(&label),
            Subject::Irrecoverable(position) => format!("{} there is no way out", self.place_in_plan(position)),
            Subject::PromiseBroken(position) => {
                format!(
                    "{} the declared rollback does not end at home, as it was promised to",
                    self.place_in_plan(position)
                )
            }
            Subject::Stalls(position) => format!("{} the plan can stand still for ever", self.place_in_plan(position)),
        }
    }

    fn place_in_plan(&self, position: Position) -> String {
        let id = self.step_id(position.step);
        match position.at {
            At::Start => "before any step".to_owned(),
            At::Canary => format!("in the canary of `{id}`"),
            At::Mixed => format!("in the middle of `{id}`"),
            At::Done => format!("after `{id}`"),
        }
    }

    fn replay(&self, number: usize) -> String {
        format!("{} --story {number}", self.command("replay"))
    }

    /// The lines to blame: what does the harm, the rollback line and the plan line that let it happen.
    fn blamed(&self, subject: Subject, told: &[Told<Fleet>], symptom: Option<usize>) -> Vec<Blame> {
        let mut blame: Vec<Blame> = Vec::new();
        let mut add = |span: Option<Span>, label: &str| {
            if let Some(span) = span
                && !blame.iter().any(|known| self.line(&known.span) == self.line(&span))
                && blame.len() < BLAMED_MAX
            {
                blame.push(Blame { span: self.first_line(span), label: label.to_owned() });
            }
        };
        let labels = self.labels(subject, told, symptom);
        let at_fault = labels.first();
        let words = at_fault.map_or(String::new(), |label| self.narrator.harm(label));
        add(at_fault.and_then(|label| self.narrator.blame(label)), &words);
        let last = |wanted: fn(Mover) -> bool| told.iter().rev().find(|told| wanted(told.mover));
        let span_of = |told: Option<&Told<Fleet>>| told.and_then(|told| self.narrator.tell(told).span);
        let rolled_back = last(is_rollback);
        add(span_of(rolled_back), "the rollback comes back to this");
        add(span_of(last(is_forward)), "the plan had come to here");
        add(rolled_back.and_then(|_| self.rollback_key()), "this is the rollback");
        if let Subject::Stalls(position) | Subject::Irrecoverable(position) | Subject::PromiseBroken(position) = subject
        {
            let step = self.run_steps().get(usize::from(position.step).wrapping_sub(1)).map(|step| step.span.clone());
            add(step, "at this step");
        }
        if blame.is_empty() {
            blame.push(Blame { span: self.scenario.name.span.clone(), label: String::new() });
        }
        blame
    }

    /// Where the file declares the plan's rollback.
    fn rollback_key(&self) -> Option<Span> {
        let root = tree::parse(self.source).0?;
        let own = self.plan_name().and_then(|name| root.get("plans")?.get(name));
        let key = |node: &tree::Node| {
            let entry = node.entries().iter().find(|entry| entry.key.value == "rollback")?;
            Some(entry.key.span.start..entry.value.span.end)
        };
        own.and_then(key).or_else(|| key(&root))
    }

    /// The harms that a finding is about: its own, or those of the story's first symptom.
    fn labels(&self, subject: Subject, told: &[Told<Fleet>], symptom: Option<usize>) -> Vec<Label> {
        match subject {
            Subject::Harm(label) => {
                let seen = told.iter().flat_map(|told| &told.effects).find(|seen| seen.same_harm(&label));
                vec![*seen.unwrap_or(&label)]
            }
            _ => symptom.and_then(|at| told.get(at - 1)).map_or(vec![], |told| told.effects.to_vec()),
        }
    }

    /// The part of a span on its first line: carets under a whole step say nothing.
    fn first_line(&self, span: Span) -> Span {
        let text = self.source.slice(&span);
        let length = text.find(['\n', '\r']).unwrap_or(text.len());
        span.start..span.start + text[..length].trim_end().len()
    }

    fn does_not_matter(&self, subject: Subject) -> Vec<String> {
        let variations = self.case.variations.iter();
        variations.filter_map(|variation| variation.says(subject)).map(str::to_owned).collect()
    }

    /// What helped until the move of no return; what helps still, if there is none.
    fn still_saved_by(&self, told: &[Told<Fleet>], doomed_at: Option<usize>) -> Vec<String> {
        let Some(doomed) = doomed_at else {
            let way = told.last().and_then(|told| self.way_out(&told.after));
            return way.map(|way| format!("{way}, even at the end of this story")).into_iter().collect();
        };
        let Some(turn) = doomed.checked_sub(1).and_then(|index| told.get(index)) else {
            return vec![];
        };
        let mut saved = Vec::new();
        if let Some(way) = self.way_out(&turn.before) {
            saved.push(format!("before move {doomed}: {way}"));
        }
        if let Mode::Forward { .. } = self.case.fleet().mode(&turn.after)
            && let Some(way) = self.way_out(&turn.after)
        {
            saved.push(format!("after it: {way}"));
        }
        saved
    }

    /// The way out of the position that a state of the plan stands at.
    fn way_out(&self, state: &turnback_sim::fleet::state::State) -> Option<String> {
        let Mode::Forward { .. } = self.case.fleet().mode(state) else {
            return None;
        };
        let position = self.case.fleet().position(state);
        let found = self.case.judgement.positions.iter().find(|found| found.position == position)?;
        match (found.zone, found.procedure.as_ref()?) {
            (Zone::Rollback, _) => Some("abort; the declared rollback ends at home".to_owned()),
            (_, Procedure::Finish) => Some("do not abort; finish the plan".to_owned()),
            (_, Procedure::Hotfix) => Some("run the declared hotfix".to_owned()),
            (_, moves) => Some(format!("repair: {}", self.procedure(moves).join(", then "))),
        }
    }
}

/// The code of a finding.
fn code(subject: Subject) -> &'static str {
    match subject {
        Subject::Harm(label) => super::positions::kind(label.harm).map_or("TB213", HarmKind::code),
        Subject::Irrecoverable(_) => "TB210",
        Subject::PromiseBroken(_) => "TB211",
        Subject::Stalls(_) => "TB212",
    }
}

fn is_rollback(mover: Mover) -> bool {
    matches!(mover, Mover::Operator(Operator::Rollback | Operator::RollbackOverRows))
}

fn is_forward(mover: Mover) -> bool {
    matches!(mover, Mover::Operator(Operator::Forward | Operator::ForwardOverRows))
}
