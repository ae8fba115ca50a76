//! What a version does: `extends` and `if` merged for every valuation of its conditions, then compiled to handlers.

use turnback_sim::fleet::DATA_MAX;
use turnback_sim::fleet::definition::{
    Accept, Behaviour, Definition, Handler, HandlerId, Literal, Moment, Need, Needs, Op, Otherwise, PlaceId, PlaceKind,
    Put, PutValue, Source, Trigger,
};
use turnback_sim::fleet::state::{ABSENT, Byte, fresh, stale};

use super::Compiler;
use super::otherwise::{outcome_of, over};
use crate::ast::{self, Body, Condition, Fallback, FieldUse, Fields, Name, Span};

/// A version's behaviour under one valuation, still in the words of the file.
#[derive(Clone, Default)]
struct Merged {
    reads: Vec<(Name, Fields)>,
    writes: Vec<(Name, Fields)>,
    sends: Vec<(Name, Fields)>,
    receives: Vec<(Name, Fields)>,
    deletes: Vec<Name>,
    handlers: Vec<(Name, ast::Handler)>,
    otherwise: ast::Otherwise,
}

impl Merged {
    fn take(&mut self, body: &Body) {
        replace(&mut self.reads, &body.verbs.reads);
        replace(&mut self.writes, &body.verbs.writes);
        replace(&mut self.sends, &body.verbs.sends);
        replace(&mut self.receives, &body.verbs.receives);
        for place in &body.verbs.deletes {
            if !self.deletes.iter().any(|known| known.value == place.value) {
                self.deletes.push(place.clone());
            }
        }
        replace(&mut self.handlers, &body.handlers);
        self.otherwise = over(&body.otherwise, &self.otherwise);
    }
}

/// Entries of `own` replace those of the same name; `none` removes.
fn replace<T: Clone>(base: &mut Vec<(Name, T)>, own: &[(Name, Option<T>)]) {
    for (name, entry) in own {
        let at = base.iter().position(|(known, _)| known.value == name.value);
        match (at, entry) {
            (Some(at), Some(entry)) => base[at] = (name.clone(), entry.clone()),
            (Some(at), None) => {
                base.remove(at);
            }
            (None, Some(entry)) => base.push((name.clone(), entry.clone())),
            (None, None) => {}
        }
    }
}

/// Conditions beyond this number would make more variants than anybody can mean.
const CONDITIONS_MAX: usize = 8;

/// The most combinations of tags in one moment.
const CHOICES_MAX: u64 = 512;

/// The version that is being compiled.
struct Subject<'a> {
    fleet: &'a mut Definition,
    version: u16,
    merged: &'a Merged,
    behaviour: Behaviour,
}

/// How one handler's fields are compiled.
struct Frame {
    carries: Vec<(Source, u8)>,
    received: Option<Received>,
}

#[derive(Clone, Copy, PartialEq)]
enum Received {
    Queue(PlaceId),
    Api(u16),
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
        let own = condition.literals.iter().map(|(not, name, is)| self.value_literal(*not, name, *is));
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
            if let Some(op) = self.read_op(subject, name, fields, &merged.otherwise) {
                self.anytime(subject, format!("reads {}", name.value), Frame::new(None), op, &name.span);
            }
        }
        for (name, fields) in &merged.writes {
            let mut frame = Frame::new(None);
            let reads_it = merged.reads.iter().any(|(read, _)| read.value == name.value);
            if let Some(op) = self.write_op(subject, name, fields, &merged.otherwise, reads_it, &mut frame) {
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
            let puts = self.puts(subject, usize::from(queue), fields, &mut frame);
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
        let puts = self.puts(subject, self.scenario.places.len() + usize::from(api), fields, &mut frame);
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
        let puts = request.map_or(vec![], |fields| self.puts(subject, at, fields, &mut frame));
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

    fn read_op(&mut self, _: &Subject, name: &Name, fields: &Fields, otherwise: &ast::Otherwise) -> Option<Op> {
        let place = self.place(&name.value)?;
        let needs = self.needs(usize::from(place), fields, &over(&fields.otherwise, otherwise));
        let origin = self.origin(&name.span, "reads");
        Some(Op::Read { place, needs, origin })
    }

    fn write_op(
        &mut self,
        subject: &Subject,
        name: &Name,
        fields: &Fields,
        otherwise: &ast::Otherwise,
        reads_it: bool,
        frame: &mut Frame,
    ) -> Option<Op> {
        let place = self.place(&name.value)?;
        let puts = self.puts(subject, usize::from(place), fields, frame);
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

    /// A declared handler: it runs once per place that it receives from.
    fn handler(&mut self, subject: &mut Subject, name: &Name, declared: &ast::Handler) {
        let mut received: Vec<Option<Received>> = Vec::new();
        for (from, _) in &declared.verbs.receives {
            if let Some(queue) = self.place(&from.value) {
                received.push(Some(Received::Queue(queue)));
            } else if let (Some(api), false) = (self.api(&from.value), self.is_reply(&from.value)) {
                received.push(Some(Received::Api(api)));
            }
        }
        if received.is_empty() {
            received.push(None);
        }
        for from in received {
            self.handler_for(subject, name, declared, from);
        }
    }

    fn handler_for(&mut self, subject: &mut Subject, name: &Name, declared: &ast::Handler, received: Option<Received>) {
        let otherwise = over(&declared.otherwise, &subject.merged.otherwise);
        let mut frame = Frame::new(received);
        let mut moments: Vec<Vec<Op>> = Vec::new();
        let mut accept = None;
        for (from, fields) in declared.verbs.receives.iter().filter_map(|(from, fields)| Some((from, fields.as_ref()?)))
        {
            let otherwise = over(&fields.otherwise, &otherwise);
            if let (Some(queue), Some(Received::Queue(wanted))) = (self.place(&from.value), received)
                && queue == wanted
            {
                moments.push(vec![Op::Receive(self.needs(usize::from(queue), fields, &otherwise))]);
            }
            if let (Some(api), Some(Received::Api(wanted)), false) =
                (self.api(&from.value), received, self.is_reply(&from.value))
                && api == wanted
            {
                accept = Some(self.needs(self.scenario.places.len() + usize::from(api), fields, &otherwise));
            }
        }
        self.body_moments(subject, declared, &otherwise, &mut frame, &mut moments);
        let trigger = match (&declared.trigger, received) {
            (ast::Trigger::Start, _) => Trigger::Boot,
            (ast::Trigger::Timer(_), Some(Received::Queue(queue))) => Trigger::Message(queue),
            (ast::Trigger::Timer(period), _) if *period <= self.scenario.operator.waits_at_most => Trigger::Timer,
            (ast::Trigger::Timer(_), _) => Trigger::Anytime,
            (ast::Trigger::Write(place), _) => self.place(&place.value).map_or(Trigger::Anytime, Trigger::Write),
            (ast::Trigger::Arrival, Some(Received::Queue(queue))) => Trigger::Message(queue),
            (ast::Trigger::Arrival, Some(Received::Api(_))) => Trigger::Call,
            (ast::Trigger::Arrival, None) => Trigger::Anytime,
        };
        if declared.same_transaction || trigger == Trigger::Boot {
            moments = merged_moments(moments);
        }
        if trigger == Trigger::Boot && (moments.len() > 1 || moments.iter().flatten().any(is_call)) {
            self.refuse("a start handler that calls or replies", &name.span);
        }
        // A bug that ends the handler is a moment of its own, after all that it does.
        if declared.ends_in.is_some() && (trigger != Trigger::Boot || moments.is_empty()) {
            moments.push(vec![]);
        }
        let origin = self.origin(&name.span, name.value.clone());
        let handler = Handler {
            version: subject.version,
            trigger,
            when: declared.when.as_ref().map(|fact| self.fact(fact)),
            moments: moments.into_iter().map(moment).collect(),
            carries: frame.carries,
            ends_in: declared.ends_in.as_ref().map(|outcome| outcome_of(outcome.value)),
            origin,
        };
        self.check_handler(subject.fleet, &handler, &name.span);
        let number = self.number_of(subject.fleet, handler, name.value.clone());
        if let (Some(Received::Api(api)), Trigger::Call) = (received, trigger) {
            subject.behaviour.accepts.push(Accept { api, needs: accept, handler: Some(number), origin });
        } else {
            place_handler(subject, number, trigger);
        }
    }

    /// Reads and calls, deletes, writes, sends: the reads and the writes of one place are one moment.
    fn body_moments(
        &mut self,
        subject: &mut Subject,
        declared: &ast::Handler,
        otherwise: &ast::Otherwise,
        frame: &mut Frame,
        moments: &mut Vec<Vec<Op>>,
    ) {
        let verbs = &declared.verbs;
        let writes =
            |name: &str| verbs.writes.iter().any(|(written, fields)| written.value == name && fields.is_some());
        for (name, fields) in verbs.reads.iter().filter_map(|(name, fields)| Some((name, fields.as_ref()?))) {
            if !writes(&name.value) {
                moments.extend(self.read_op(subject, name, fields, otherwise).map(|op| vec![op]));
            }
        }
        let mut later = Vec::new();
        for (name, fields) in verbs.sends.iter().filter_map(|(name, fields)| Some((name, fields.as_ref()?))) {
            let (op, waits) = self.send_op(subject, verbs, name, fields, otherwise, frame);
            if waits { moments.extend(op.map(|op| vec![op])) } else { later.extend(op.map(|op| vec![op])) }
        }
        self.lone_replies(verbs, otherwise, moments);
        for name in &verbs.deletes {
            let Some(place) = self.place(&name.value) else {
                continue;
            };
            let origin = self.origin(&name.span, "deletes");
            moments.push(vec![Op::Delete { place, origin }]);
        }
        for (name, fields) in verbs.writes.iter().filter_map(|(name, fields)| Some((name, fields.as_ref()?))) {
            let read = verbs.reads.iter().find(|(read, fields)| read.value == name.value && fields.is_some());
            let read = read.and_then(|(name, fields)| Some((name, fields.as_ref()?)));
            let mut ops = Vec::new();
            if let Some((name, fields)) = read {
                ops.extend(self.read_op(subject, name, fields, otherwise));
            }
            ops.extend(self.write_op(subject, name, fields, otherwise, read.is_some(), frame));
            moments.push(ops);
        }
        moments.extend(later);
    }

    /// A send, and whether the handler waits for its reply.
    fn send_op(
        &mut self,
        subject: &Subject,
        verbs: &ast::Verbs,
        name: &Name,
        fields: &Fields,
        otherwise: &ast::Otherwise,
        frame: &mut Frame,
    ) -> (Option<Op>, bool) {
        let origin = self.origin(&name.span, "sends");
        if let Some(queue) = self.place(&name.value) {
            let puts = self.puts(subject, usize::from(queue), fields, frame);
            return (Some(Op::Send { queue, puts, origin }), false);
        }
        let Some(api) = self.api(&name.value) else {
            return (None, false);
        };
        let at = self.scenario.places.len() + usize::from(api);
        let puts = self.puts(subject, at, fields, frame);
        if self.is_reply(&name.value) {
            return (Some(Op::Reply { api, puts, origin }), false);
        }
        let reply = verbs
            .receives
            .iter()
            .find(|(received, _)| self.is_reply(&received.value) && self.api(&received.value) == Some(api));
        let reply = reply.and_then(|(_, fields)| fields.as_ref());
        let reply = reply.map(|fields| self.needs(at, fields, &over(&fields.otherwise, otherwise)));
        let waits = reply.is_some();
        (Some(Op::Call { api, puts, reply, origin }), waits)
    }

    /// A reply that is received without a declared request: the request has no fields.
    fn lone_replies(&mut self, verbs: &ast::Verbs, otherwise: &ast::Otherwise, moments: &mut Vec<Vec<Op>>) {
        for (name, fields) in verbs.receives.iter().filter_map(|(name, fields)| Some((name, fields.as_ref()?))) {
            let Some(api) = self.api(&name.value).filter(|_| self.is_reply(&name.value)) else {
                continue;
            };
            let sent =
                verbs.sends.iter().any(|(sent, _)| self.api(&sent.value) == Some(api) && !self.is_reply(&sent.value));
            if !sent {
                let at = self.scenario.places.len() + usize::from(api);
                let reply = Some(self.needs(at, fields, &over(&fields.otherwise, otherwise)));
                let origin = self.origin(&name.span, "calls");
                moments.push(vec![Op::Call { api, puts: vec![], reply, origin }]);
            }
        }
    }

    fn needs(&mut self, place: usize, fields: &Fields, otherwise: &ast::Otherwise) -> Needs {
        let mut needs = Needs { list: vec![], otherwise: self.otherwise(otherwise), known: 0 };
        for used in &fields.list {
            let alternatives: Vec<u8> = used.alternatives.iter().map(|name| self.field(place, &name.value)).collect();
            for field in &alternatives {
                needs.known |= 1 << field;
            }
            let accepts_any = used.tags.iter().any(|tag| matches!(tag.value.as_str(), "any" | "fresh"));
            let tags = if accepts_any { vec![] } else { used.tags.iter().map(|tag| self.tag(&tag.value)).collect() };
            needs.list.push(Need {
                alternatives,
                tags,
                optional: used.fallback != Fallback::None,
                literal: matches!(used.fallback, Fallback::Literal(_)),
            });
        }
        needs
    }

    fn puts(&mut self, _: &Subject, place: usize, fields: &Fields, frame: &mut Frame) -> Vec<Put> {
        let mut puts = Vec::new();
        for used in &fields.list {
            let Some(name) = used.alternatives.first() else {
                continue;
            };
            let field = self.field(place, &name.value);
            let value = match &used.from {
                Some((source, field, _)) => self.copied(frame, source, field, used),
                None => PutValue::New(self.new_values(place, field, used)),
            };
            puts.push(Put { field, value });
        }
        puts
    }

    fn copied(&mut self, frame: &mut Frame, source: &Name, field: &Name, used: &FieldUse) -> PutValue {
        let (place, from) = match (self.place(&source.value), self.api(&source.value)) {
            (Some(place), _) if frame.received == Some(Received::Queue(place)) => (usize::from(place), Source::Payload),
            (Some(place), _) => (usize::from(place), Source::Place(place)),
            (None, Some(api)) => (self.scenario.places.len() + usize::from(api), Source::Payload),
            (None, None) => return PutValue::New(vec![ABSENT]),
        };
        let entry = (from, self.field(place, &field.value));
        let carried = frame.carries.iter().position(|known| *known == entry).unwrap_or_else(|| {
            frame.carries.push(entry);
            frame.carries.len() - 1
        });
        let retag = used.tags.first().map(|tag| self.tag(&tag.value));
        PutValue::Copy { carried: carried as u8, retag }
    }

    /// The values that a request can bring: the tags listed, else those declared, else untagged.
    fn new_values(&mut self, place: usize, field: u8, used: &FieldUse) -> Vec<Byte> {
        let mut values = Vec::new();
        for tag in &used.tags {
            match tag.value.as_str() {
                "any" => values.extend(self.declared_values(place, field)),
                "fresh" => values.push(fresh(0)),
                "stale" => values.push(stale(0)),
                "absent" => values.push(ABSENT),
                "wrong" => values.push(stale(self.tag("wrong"))),
                name => values.push(fresh(self.tag(name))),
            }
        }
        if used.tags.is_empty() {
            values = self.declared_values(place, field);
        }
        values.dedup();
        values
    }

    fn declared_values(&mut self, place: usize, field: u8) -> Vec<Byte> {
        let declared = self.scenario.places.get(place).and_then(|place| place.fields.get(usize::from(field)));
        let values: Vec<Byte> =
            declared.iter().flat_map(|field| &field.values).map(|tag| fresh(self.tag(&tag.value))).collect();
        if values.is_empty() { vec![fresh(0)] } else { values }
    }
}

impl Frame {
    fn new(received: Option<Received>) -> Self {
        Self { carries: vec![], received }
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

fn place_handler(subject: &mut Subject, number: HandlerId, trigger: Trigger) {
    let list = if trigger == Trigger::Boot { &mut subject.behaviour.boot } else { &mut subject.behaviour.handlers };
    if !list.contains(&number) {
        list.push(number);
    }
}

/// What happens in one transaction is one moment; calls and replies stay moments of their own.
fn merged_moments(moments: Vec<Vec<Op>>) -> Vec<Vec<Op>> {
    let mut merged: Vec<Vec<Op>> = Vec::new();
    for ops in moments {
        let alone = |ops: &[Op]| ops.iter().any(is_call);
        match merged.last_mut() {
            Some(last) if !alone(last) && !alone(&ops) => last.extend(ops),
            _ => merged.push(ops),
        }
    }
    merged
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
