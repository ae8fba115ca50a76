//! What a version does: `extends` and `if` merged for every valuation of its conditions, then compiled to handlers.

mod handlers;

use turnback_sim::fleet::DATA_MAX;
use turnback_sim::fleet::definition::{
    Accept, Behaviour, Definition, Handler, HandlerId, Literal, Moment, Op, Otherwise, PlaceId, PlaceKind, PutValue,
    Source, Trigger,
};

use super::Compiler;
use super::fields::{Frame, Received};
use super::merged::Merged;
use super::otherwise::over;
use crate::ast::{self, Body, Condition, Fields, Name, Span};

/// Conditions beyond this number would make more variants than anybody can mean.
const CONDITIONS_MAX: usize = 8;

/// The most moments of a start.
const START_MAX: usize = 200;

/// The most combinations of tags in one moment.
const CHOICES_MAX: u64 = 512;

/// The version that is being compiled.
struct Subject<'a> {
    fleet: &'a mut Definition,
    version: u16,
    merged: &'a Merged,
    behaviour: Behaviour,
}

impl Compiler<'_> {
    /// The conditions of a version and its behaviour for every set of them.
    pub(super) fn behaviours(
        &mut self,
        fleet: &mut Definition,
        actor: &ast::Actor,
        version: &ast::Version,
        number: u16,
    ) -> (Vec<Vec<Literal>>, Vec<Behaviour>) {
        let bodies = self.chain(actor, version);
        let mut conditions: Vec<Vec<Literal>> = Vec::new();
        for body in &bodies {
            self.conditions(body, &[], &mut conditions);
        }
        if conditions.len() > CONDITIONS_MAX {
            self.refuse("a version with more than eight conditions", &version.name.span);
            conditions.truncate(CONDITIONS_MAX);
        }
        let mut variants = Vec::new();
        for set in 0..1usize << conditions.len() {
            let mut merged = Merged::default();
            bodies.iter().for_each(|body| merged.take(body));
            for body in &bodies {
                self.overlays(body, &[], &conditions, set, &mut merged);
            }
            let behaviour = self.behaviour(fleet, &merged, number);
            let moments = behaviour.boot.iter().map(|boot| fleet.handlers[usize::from(*boot)].moments.len().max(1));
            if moments.sum::<usize>() > START_MAX {
                self.refuse("a start of more than 200 moments", &version.name.span);
            }
            variants.push(behaviour);
        }
        (conditions, variants)
    }

    /// The bodies that a version is made of: the extended ones first.
    fn chain<'b>(&'b self, actor: &'b ast::Actor, version: &'b ast::Version) -> Vec<Body> {
        let mut bodies = Vec::new();
        self.extended(actor, version, &mut bodies, 0);
        bodies
    }

    fn extended(&self, actor: &ast::Actor, version: &ast::Version, bodies: &mut Vec<Body>, depth: usize) {
        if depth > self.scenario.actors.len() * 32 {
            return;
        }
        for (of, name) in &version.extends {
            let base = self.scenario.actors.iter().find(|other| other.name.value == *of).unwrap_or(actor);
            if let Some(extended) = base.versions.iter().find(|other| other.name.value == name.value) {
                self.extended(base, extended, bodies, depth + 1);
            }
        }
        bodies.push(version.body.clone());
    }

    /// The own `starts_if`, or the one of the extended version.
    pub(super) fn starts_if(&self, actor: &ast::Actor, version: &ast::Version) -> Option<ast::Fact> {
        let mut chain = vec![(actor, version)];
        for _ in 0..64 {
            let (actor, version) = *chain.last()?;
            if version.starts_if.is_some() {
                return version.starts_if.clone();
            }
            let (of, name) = version.extends.last()?;
            let base = self.scenario.actors.iter().find(|other| other.name.value == *of).unwrap_or(actor);
            chain.push((base, base.versions.iter().find(|other| other.name.value == name.value)?));
        }
        None
    }

    fn literals(&self, outer: &[Literal], condition: &Condition) -> Vec<Literal> {
        let own = condition.literals.iter().map(|(not, name, asked)| self.literal(*not, name, *asked));
        outer.iter().cloned().chain(own).collect()
    }

    fn conditions(&self, body: &Body, outer: &[Literal], all: &mut Vec<Vec<Literal>>) {
        for (condition, overlay) in &body.overlays {
            let literals = self.literals(outer, condition);
            if !all.contains(&literals) {
                all.push(literals.clone());
            }
            self.conditions(overlay, &literals, all);
        }
    }

    fn overlays(&self, body: &Body, outer: &[Literal], all: &[Vec<Literal>], set: usize, merged: &mut Merged) {
        for (condition, overlay) in &body.overlays {
            let literals = self.literals(outer, condition);
            let holds = all.iter().position(|known| *known == literals).is_some_and(|bit| set & (1 << bit) != 0);
            if holds {
                merged.take(overlay);
                self.overlays(overlay, &literals, all, set, merged);
            }
        }
    }

    fn behaviour(&mut self, fleet: &mut Definition, merged: &Merged, version: u16) -> Behaviour {
        let mut subject = Subject { fleet, version, merged, behaviour: Behaviour::default() };
        self.plain_verbs(&mut subject);
        for (name, handler) in &merged.handlers {
            self.handler(&mut subject, name, handler);
        }
        declare_replies(&mut subject);
        subject.behaviour
    }

    /// Verbs directly under a version are one handler per verb and place.
    fn plain_verbs(&mut self, subject: &mut Subject) {
        let merged = subject.merged;
        for (name, fields) in &merged.reads {
            if let Some(op) = self.read_op(name, fields, &merged.otherwise) {
                self.anytime(subject, format!("reads {}", name.value), Frame::new(None), op, &name.span);
            }
        }
        for (name, fields) in &merged.writes {
            let mut frame = Frame::new(None);
            let reads_it = merged.reads.iter().any(|(read, _)| read.value == name.value);
            if let Some(op) = self.write_op(name, fields, &merged.otherwise, reads_it, &mut frame) {
                self.anytime(subject, format!("writes {}", name.value), frame, op, &name.span);
            }
        }
        for name in &merged.deletes {
            let Some(place) = self.place(&name.value) else {
                continue;
            };
            let origin = self.origin(&name.span, "deletes");
            self.anytime(
                subject,
                format!("deletes {}", name.value),
                Frame::new(None),
                Op::Delete { place, origin },
                &name.span,
            );
        }
        for (name, fields) in &merged.sends {
            self.plain_send(subject, name, fields);
        }
        for (name, fields) in &merged.receives {
            self.plain_receive(subject, name, fields);
        }
    }

    fn plain_send(&mut self, subject: &mut Subject, name: &Name, fields: &Fields) {
        let mut frame = Frame::new(None);
        if let Some(queue) = self.place(&name.value) {
            let puts = self.puts(usize::from(queue), fields, &mut frame);
            let origin = self.origin(&name.span, "sends");
            self.anytime(subject, format!("sends {}", name.value), frame, Op::Send { queue, puts, origin }, &name.span);
            return;
        }
        let Some(api) = self.api(&name.value) else {
            return;
        };
        if !self.is_reply(&name.value) {
            self.plain_call(subject, api, name, Some(fields));
            return;
        }
        let puts = self.puts(self.scenario.places.len() + usize::from(api), fields, &mut frame);
        let origin = self.origin(&name.span, "replies");
        if frame.carries.is_empty() {
            subject.behaviour.replies.push((api, puts, origin));
        } else {
            self.anytime(subject, format!("sends {}", name.value), frame, Op::Reply { api, puts, origin }, &name.span);
        }
    }

    fn plain_receive(&mut self, subject: &mut Subject, name: &Name, fields: &Fields) {
        let otherwise = over(&fields.otherwise, &subject.merged.otherwise);
        if let Some(queue) = self.place(&name.value) {
            let needs = self.needs(usize::from(queue), fields, &otherwise);
            let frame = Frame::new(Some(Received::Queue(queue)));
            let op = Op::Receive(needs);
            self.push(
                subject,
                format!("receives {}", name.value),
                Trigger::Message(queue),
                frame,
                vec![vec![op]],
                &name.span,
            );
            return;
        }
        let Some(api) = self.api(&name.value) else {
            return;
        };
        if self.is_reply(&name.value) {
            let sends_it = subject
                .merged
                .sends
                .iter()
                .any(|(sent, _)| self.api(&sent.value) == Some(api) && !self.is_reply(&sent.value));
            if !sends_it {
                self.plain_call(subject, api, name, None);
            }
            return;
        }
        let needs = self.needs(self.scenario.places.len() + usize::from(api), fields, &otherwise);
        let origin = self.origin(&name.span, "receives");
        subject.behaviour.accepts.push(Accept { api, needs: Some(needs), handler: None, origin });
    }

    /// A call by itself: the request, and the reply if the caller expects one.
    fn plain_call(&mut self, subject: &mut Subject, api: u16, name: &Name, request: Option<&Fields>) {
        let mut frame = Frame::new(None);
        let at = self.scenario.places.len() + usize::from(api);
        let puts = request.map_or(vec![], |fields| self.puts(at, fields, &mut frame));
        let merged = subject.merged;
        let reply = merged
            .receives
            .iter()
            .find(|(received, _)| self.is_reply(&received.value) && self.api(&received.value) == Some(api));
        let reply = reply.map(|(_, fields)| self.needs(at, fields, &over(&fields.otherwise, &merged.otherwise)));
        let origin = self.origin(&name.span, "calls");
        self.anytime(
            subject,
            format!("calls {}", name.value),
            frame,
            Op::Call { api, puts, reply, origin },
            &name.span,
        );
    }

    fn is_reply(&self, name: &str) -> bool {
        name.ends_with(".reply") && !self.scenario.apis.iter().any(|api| api.name.value == name)
    }

    fn read_op(&mut self, name: &Name, fields: &Fields, otherwise: &ast::Otherwise) -> Option<Op> {
        let place = self.place(&name.value)?;
        let needs = self.needs(usize::from(place), fields, &over(&fields.otherwise, otherwise));
        let origin = self.origin(&name.span, "reads");
        Some(Op::Read { place, needs, origin })
    }

    fn write_op(
        &mut self,
        name: &Name,
        fields: &Fields,
        otherwise: &ast::Otherwise,
        reads_it: bool,
        frame: &mut Frame,
    ) -> Option<Op> {
        let place = self.place(&name.value)?;
        let puts = self.puts(usize::from(place), fields, frame);
        let origin = self.origin(&name.span, "writes");
        let keeps_unknown = reads_it && over(&fields.otherwise, otherwise).keeps_unknown == Some(true);
        Some(Op::Write { place, puts, keeps_unknown, origin })
    }

    fn anytime(&mut self, subject: &mut Subject, name: String, frame: Frame, op: Op, span: &Span) {
        self.push(subject, name, Trigger::Anytime, frame, vec![vec![op]], span);
    }

    fn push(
        &mut self,
        subject: &mut Subject,
        name: String,
        trigger: Trigger,
        frame: Frame,
        moments: Vec<Vec<Op>>,
        span: &Span,
    ) {
        let origin = self.origin(span, name.clone());
        let handler = Handler {
            version: subject.version,
            trigger,
            when: None,
            moments: moments.into_iter().map(moment).collect(),
            carries: frame.carries,
            ends_in: None,
            origin,
        };
        self.check_handler(subject.fleet, &handler, span);
        let number = self.number_of(subject.fleet, handler, name);
        place_handler(subject, number, trigger);
    }

    /// What a handler may not be, because a state could not hold it.
    fn check_handler(&mut self, fleet: &Definition, handler: &Handler, span: &Span) {
        if fields_touched(handler) > DATA_MAX {
            self.refuse("a handler that touches more than 32 fields", span);
        }
        if handler.moments.iter().any(|moment| moment.ops.iter().map(choices).product::<u64>() > CHOICES_MAX) {
            self.refuse("a handler that writes more than 512 combinations of tags in one moment", span);
        }
        let owner = |place: PlaceId| match fleet.places[usize::from(place)].kind {
            PlaceKind::Disk(actor) | PlaceKind::Memory(actor) => Some(actor),
            _ => None,
        };
        let own = self.actor_of(handler.version);
        let foreign = |op: &Op| match op {
            Op::Read { place, .. } | Op::Write { place, .. } | Op::Delete { place, .. } => {
                owner(*place).is_some_and(|owner| owner != own)
            }
            _ => false,
        };
        let carried = handler.carries.iter().any(|(source, _)| match source {
            Source::Place(place) => owner(*place).is_some_and(|owner| owner != own),
            Source::Payload => false,
        });
        if carried || handler.moments.iter().flat_map(|moment| &moment.ops).any(foreign) {
            self.refuse("the disk or memory of another service", span);
        }
    }

    /// The same handler in two variants of a version is one handler.
    fn number_of(&mut self, fleet: &mut Definition, handler: Handler, name: String) -> HandlerId {
        let same = |(known, other): (&Handler, &String)| {
            *other == name && without_origins(known.clone()) == without_origins(handler.clone())
        };
        if let Some(at) = fleet.handlers.iter().zip(&self.names.handlers).position(same) {
            return at as HandlerId;
        }
        fleet.handlers.push(handler);
        self.names.handlers.push(name);
        (fleet.handlers.len() - 1) as HandlerId
    }
}

/// Who replies to a call declares it.
fn declare_replies(subject: &mut Subject) {
    let behaviour = &mut subject.behaviour;
    for number in &behaviour.handlers {
        let handler = &subject.fleet.handlers[usize::from(*number)];
        for op in handler.moments.iter().flat_map(|moment| &moment.ops) {
            let Op::Reply { api, origin, .. } = op else { continue };
            if !behaviour.accepts.iter().any(|accept| accept.api == *api) {
                behaviour.accepts.push(Accept { api: *api, needs: None, handler: None, origin: *origin });
            }
        }
    }
}

fn is_call(op: &Op) -> bool {
    matches!(op, Op::Call { .. } | Op::Reply { .. })
}

fn fields_touched(handler: &Handler) -> usize {
    let touched = handler.moments.iter().flat_map(|moment| &moment.ops).map(|op| match op {
        Op::Receive(needs) | Op::Read { needs, .. } => needs.known.count_ones() as usize,
        Op::Write { puts, .. } => puts.len(),
        _ => 0,
    });
    touched.sum()
}

/// How many combinations of tags an operation leaves; those of calls are counted where they are met.
fn choices(op: &Op) -> u64 {
    let puts = match op {
        Op::Write { puts, .. } | Op::Send { puts, .. } | Op::Call { puts, .. } | Op::Reply { puts, .. } => puts,
        _ => return 1,
    };
    let tags = puts.iter().map(|put| if let PutValue::New(bytes) = &put.value { bytes.len() as u64 } else { 1 });
    tags.fold(1, u64::saturating_mul)
}

fn moment(ops: Vec<Op>) -> Moment {
    let choices = ops.iter().map(choices).product::<u64>().min(CHOICES_MAX);
    Moment { choices: choices as u16, ops }
}

/// A handler without what says only where it is declared.
fn without_origins(mut handler: Handler) -> Handler {
    handler.origin = 0;
    for op in handler.moments.iter_mut().flat_map(|moment| &mut moment.ops) {
        match op {
            Op::Receive(needs) | Op::Read { needs, .. } | Op::Call { reply: Some(needs), .. } => {
                needs.otherwise.rules = [Otherwise::DEFAULT; 3];
            }
            _ => {}
        }
        match op {
            Op::Read { origin, .. }
            | Op::Write { origin, .. }
            | Op::Delete { origin, .. }
            | Op::Send { origin, .. }
            | Op::Call { origin, .. }
            | Op::Reply { origin, .. } => *origin = 0,
            Op::Receive(_) => {}
        }
    }
    handler
}

fn place_handler(subject: &mut Subject, number: HandlerId, trigger: Trigger) {
    let list = if trigger == Trigger::Boot { &mut subject.behaviour.boot } else { &mut subject.behaviour.handlers };
    if !list.contains(&number) {
        list.push(number);
    }
}
