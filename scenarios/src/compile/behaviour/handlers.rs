//! Declared handlers: what wakes them and what they do, moment by moment.

use turnback_sim::fleet::definition::{Accept, Handler, Op, PlaceKind, Source, Trigger};

use super::{Subject, is_call, moment, place_handler};
use crate::ast::{self, Fields, Name};
use crate::compile::Compiler;
use crate::compile::fields::{Frame, Received};
use crate::compile::otherwise::{outcome_of, over};

impl Compiler<'_> {
    /// A declared handler: it runs once per place that it receives from.
    pub(super) fn handler(&mut self, subject: &mut Subject, name: &Name, declared: &ast::Handler) {
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
        self.body_moments(declared, &otherwise, &mut frame, &mut moments);
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
        if trigger == Trigger::Boot {
            moments = self.start_moments(subject, moments, &frame, name);
        } else if declared.same_transaction {
            moments = merged_moments(moments);
        }
        // A bug that ends the handler is a moment of its own, after all that it does.
        let at_the_end = trigger != Trigger::Boot || moments.last().is_none_or(|last| last.iter().any(is_call));
        if declared.ends_in.is_some() && at_the_end {
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

    /// A start is one moment but for its calls. Those whose replies it receives come first.
    fn start_moments(&mut self, subject: &Subject, moments: Vec<Vec<Op>>, frame: &Frame, name: &Name) -> Vec<Vec<Op>> {
        let ops = || moments.iter().flatten();
        if ops().any(|op| matches!(op, Op::Reply { .. })) {
            self.refuse("a start handler that replies", &name.span);
        }
        if ops().any(is_call) {
            // Between two moments a start remembers nothing: what it copies must be its own, and as it was.
            let written = |place: u16| ops().any(|op| matches!(op, Op::Write { place: to, .. } if *to == place));
            let own = |source: Source| match source {
                Source::Place(place) => {
                    let kind = &subject.fleet.places[usize::from(place)].kind;
                    matches!(kind, PlaceKind::Disk(_) | PlaceKind::Memory(_)) && !written(place)
                }
                Source::Payload => false,
            };
            if !frame.carries.iter().all(|(source, _)| own(*source)) {
                let what =
                    "a start handler that calls, and copies what is not on a disk or in a memory that it only reads";
                self.refuse(what, &name.span);
            }
        }
        let waits = |ops: &Vec<Op>| matches!(ops.first(), Some(Op::Call { reply: Some(_), .. }));
        let (first, rest): (Vec<_>, Vec<_>) = moments.into_iter().partition(waits);
        merged_moments(first.into_iter().chain(rest).collect())
    }

    /// Reads and calls, deletes, writes, sends: the reads and the writes of one place are one moment.
    fn body_moments(
        &mut self,
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
                moments.extend(self.read_op(name, fields, otherwise).map(|op| vec![op]));
            }
        }
        let mut later = Vec::new();
        for (name, fields) in verbs.sends.iter().filter_map(|(name, fields)| Some((name, fields.as_ref()?))) {
            let (op, waits) = self.send_op(verbs, name, fields, otherwise, frame);
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
                ops.extend(self.read_op(name, fields, otherwise));
            }
            ops.extend(self.write_op(name, fields, otherwise, read.is_some(), frame));
            moments.push(ops);
        }
        moments.extend(later);
    }

    /// A send, and whether the handler waits for its reply.
    fn send_op(
        &mut self,
        verbs: &ast::Verbs,
        name: &Name,
        fields: &Fields,
        otherwise: &ast::Otherwise,
        frame: &mut Frame,
    ) -> (Option<Op>, bool) {
        let origin = self.origin(&name.span, "sends");
        if let Some(queue) = self.place(&name.value) {
            let puts = self.puts(usize::from(queue), fields, frame);
            return (Some(Op::Send { queue, puts, origin }), false);
        }
        let Some(api) = self.api(&name.value) else {
            return (None, false);
        };
        let at = self.scenario.places.len() + usize::from(api);
        let puts = self.puts(at, fields, frame);
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
