//! Calls: the caller's payload meets a live receiver's expectations at once, and the reply meets the caller's (R4, R5).

use super::definition::{Accept, Api, Behaviour, Handler, HandlerId, Needs, Op, Outcome, Put, Route, Trigger};
use super::handler::{Peer, Run};
use super::item::{self, Lens, Reading};
use super::layout::replica;
use super::pairs::Slot;
use super::state::{self, Byte, State};
use super::{Fleet, NOBODY, broken};
use crate::planted::{Planted, planted};
use crate::relation::{Harm, Label};

const LENS: Lens<'static> = Lens { exists: &|_| true, sees_unknown: true, stale_is_harm: true };

/// Where a peer that is a client stands in for a pool: its number is a version.
const CLIENT: u8 = 254;

impl Fleet {
    /// Every peer that the first operation of `handler`'s moment could meet, with the number of choices it leaves.
    /// A moment without a call meets nobody.
    pub(super) fn peers(
        &self,
        state: &State,
        handler: &Handler,
        index: usize,
        own: Option<(usize, usize)>,
        each: &mut dyn FnMut(Peer, u16),
    ) {
        match handler.moments[index].ops.first() {
            Some(Op::Call { api, puts, .. }) => self.receivers(state, *api, puts, own, each),
            Some(Op::Reply { api, puts, .. }) => self.callers(state, *api, puts, each),
            _ => each(NOBODY, self.moment_choices(handler, index)),
        }
    }

    fn receivers(
        &self,
        state: &State,
        api: u16,
        puts: &[Put],
        own: Option<(usize, usize)>,
        each: &mut dyn FnMut(Peer, u16),
    ) {
        let Api { to, route, .. } = &self.definition.apis[usize::from(api)];
        for actor in to {
            let Some(pool) = self.layout.pools[usize::from(*actor)] else {
                continue;
            };
            for (who, (other, count)) in state.pools[pool].iter().enumerate() {
                let alone = own == Some((pool, who)) && *count == 1;
                let routed = match *route {
                    Route::Any => true,
                    Route::Role(role) => self.holds_role(pool, other, role) || planted(Planted::RouteForgotten),
                };
                if other[replica::PHASE] != 0 || alone || !routed {
                    continue;
                }
                let behaviour = self.behaviour(&state.control, pool, other);
                let replies = reply_of(behaviour, api).map_or(1, |(puts, _)| Self::choices_of(puts));
                let takers = accepts_of(behaviour, api).count().max(1) as u16;
                each(Peer { pool: pool as u8, who: who as u8 }, Self::choices_of(puts) * takers * replies);
            }
        }
    }

    fn callers(&self, state: &State, api: u16, puts: &[Put], each: &mut dyn FnMut(Peer, u16)) {
        let choices = Self::choices_of(puts);
        let mut nobody = true;
        for (pool, bag) in state.pools.iter().enumerate() {
            for (who, (other, _)) in bag.iter().enumerate() {
                let behaviour = self.behaviour(&state.control, pool, other);
                let starts = || self.expects_in(&behaviour.boot, api).is_some() && !replica::is_fenced(other);
                let there = other[replica::PHASE] == 0 || starts();
                if there && self.expects(behaviour, api).is_some() {
                    nobody = false;
                    each(Peer { pool: pool as u8, who: who as u8 }, choices);
                }
            }
        }
        for version in self.live_clients(state) {
            if self.expects(self.client_behaviour(&state.control, version), api).is_some() {
                nobody = false;
                each(Peer { pool: CLIENT, who: version as u8 }, choices);
            }
        }
        if nobody {
            each(NOBODY, choices);
        }
    }

    /// What a caller with that behaviour expects of a reply.
    fn expects<'a>(&'a self, behaviour: &'a Behaviour, api: u16) -> Option<(&'a Needs, u16)> {
        self.expects_in(&behaviour.handlers, api).or_else(|| self.expects_in(&behaviour.boot, api))
    }

    fn expects_in<'a>(&'a self, handlers: &'a [HandlerId], api: u16) -> Option<(&'a Needs, u16)> {
        handlers.iter().find_map(|handler| {
            let moments = &self.definition.handlers[usize::from(*handler)].moments;
            moments.iter().flat_map(|moment| &moment.ops).find_map(|op| match op {
                Op::Call { api: called, reply: Some(needs), origin, .. } if *called == api => Some((needs, *origin)),
                _ => None,
            })
        })
    }
}

fn reply_of(behaviour: &Behaviour, api: u16) -> Option<(&[Put], u16)> {
    behaviour.replies.iter().find(|(replied, ..)| *replied == api).map(|(_, puts, origin)| (puts.as_slice(), *origin))
}

fn accepts_of(behaviour: &Behaviour, api: u16) -> impl Iterator<Item = &Accept> {
    behaviour.accepts.iter().filter(move |accept| accept.api == api)
}

/// Of those that take such a call, one that accepts this one, by choice; the first if none does.
fn accept_of<'a>(behaviour: &'a Behaviour, api: u16, payload: &[Byte], choice: &mut u16) -> Option<&'a Accept> {
    let all: Vec<&Accept> = accepts_of(behaviour, api).collect();
    let reads = |needs: &Needs| item::read(needs, payload, true, LENS).stopped.is_none();
    let accepting = all.iter().filter(|accept| accept.needs.as_ref().is_none_or(reads));
    let picked = usize::from(*choice) % all.len().max(1);
    *choice /= all.len().max(1) as u16;
    let count = accepting.clone().count();
    if count == 0 { all.first().copied() } else { accepting.copied().nth(picked % count) }
}

impl<'f> Run<'f> {
    pub(super) fn call(
        &mut self,
        api: u16,
        puts: &[Put],
        reply: Option<&Needs>,
        origin: u16,
        mut choice: u16,
        peer: Peer,
    ) -> Option<Outcome> {
        let fleet = self.fleet;
        let (version, behaviour, receiver) = self.peer(peer);
        if let Some(receiver) = &receiver {
            let control = &self.state.control;
            let view = |value| fleet.view(control, usize::from(peer.pool), receiver, value);
            fleet.acts(version, &view, &mut self.watch);
        }
        let payload = self.call_payload(api, puts, &mut choice);
        let accept = accept_of(behaviour, api, &payload, &mut choice);
        let static_reply = reply_of(behaviour, api);
        if accept.is_none() && static_reply.is_none() && !broken::r4() {
            self.harm(Harm::Reject, version, fleet.api_place(api), Label::NONE, origin);
            return Some(Outcome::Reject);
        }
        let own = fleet.definition.handlers[usize::from(self.handler)].version;
        if let Some(accept) = accept {
            if let Some(needs) = &accept.needs {
                let reading = item::read(needs, &payload, true, LENS);
                self.says(Slot::Request(api), own, version, reading.taken);
                self.blame(&reading, version, api, accept.origin);
                match reading.stopped {
                    Some(Outcome::Crash) => {
                        self.crash_peer(peer, receiver.as_ref());
                        return Some(Outcome::Reject);
                    }
                    Some(stopped) => {
                        return Some(if stopped == Outcome::Crash { Outcome::Reject } else { stopped });
                    }
                    None => {}
                }
            }
            let awake = |handler: &u16| {
                let when = &fleet.definition.handlers[usize::from(*handler)].when;
                when.as_ref().is_none_or(|when| fleet.holds_for(self.state, when, &self.key, None))
            };
            if let Some(handler) = accept.handler.filter(awake) {
                fleet.spawn(&mut self.key, handler, &payload);
            }
        }
        let (Some(needs), Some((puts, _))) = (reply, static_reply) else {
            return None;
        };
        let payload = self.call_payload(api, puts, &mut choice);
        let reading = item::read(needs, &payload, true, LENS);
        self.says(Slot::Reply(api), version, own, reading.taken);
        self.blame(&reading, own, api, origin);
        reading.stopped
    }

    /// Whether that moment is a call that a start makes.
    pub(super) fn is_start_call(&self, index: usize) -> bool {
        let call = matches!(self.declared().moments[index].ops.first(), Some(Op::Call { .. }));
        call && self.declared().trigger == Trigger::Boot && !planted(Planted::StartsUnanswered)
    }

    /// A start whose call does not end well does not succeed, and is tried again.
    pub(super) fn start_over(&mut self, index: usize, outcome: Outcome) {
        let fleet = self.fleet;
        let (actor, origin) = (self.declared().version, self.declared().origin);
        let Some(Op::Call { api, .. }) = self.declared().moments[index].ops.first() else { return };
        let place = fleet.api_place(*api);
        let told = |label: &Label| (label.harm, label.actor) == (Harm::Reject, actor);
        if outcome == Outcome::Reject && !self.effects.iter().any(told) {
            self.harm(Harm::Reject, actor, place, Label::NONE, origin);
        }
        if let Some((pool, own)) = &mut self.own {
            fleet.crash(*pool, own);
        }
    }

    /// Replies with what was read to a caller who is still there.
    pub(super) fn reply(
        &mut self,
        api: u16,
        puts: &[Put],
        _origin: u16,
        mut choice: u16,
        peer: Peer,
    ) -> Option<Outcome> {
        let fleet = self.fleet;
        let payload = self.call_payload(api, puts, &mut choice);
        if peer.pool == NOBODY.pool {
            return None;
        }
        let (version, behaviour, _) = self.peer(peer);
        let (needs, origin) = fleet.expects(behaviour, api)?;
        let reading = item::read(needs, &payload, true, LENS);
        self.says(Slot::Reply(api), self.declared().version, version, reading.taken);
        self.blame(&reading, version, api, origin);
        None
    }

    /// Who is met: the version, what it does, and the record if it is a replica.
    fn peer(&self, peer: Peer) -> (u16, &'f Behaviour, Option<state::Replica>) {
        let fleet = self.fleet;
        let control = &self.state.control;
        if peer.pool == CLIENT {
            let version = u16::from(peer.who);
            return (version, fleet.client_behaviour(control, version), None);
        }
        let pool = usize::from(peer.pool);
        let met = self.receiver(pool, usize::from(peer.who));
        (fleet.version_of(pool, &met), fleet.behaviour(control, pool, &met), Some(met))
    }

    /// The peer's record. The caller was taken out of its pool: numbers behind it have moved.
    fn receiver(&self, pool: usize, who: usize) -> state::Replica {
        let mut bag = self.state.pools[pool].clone();
        if let Some((own_pool, own)) = &self.own
            && *own_pool == pool
        {
            state::put(&mut bag, own.clone());
        }
        bag[who].0.clone()
    }

    fn crash_peer(&mut self, peer: Peer, receiver: Option<&state::Replica>) {
        let fleet = self.fleet;
        let Some(receiver) = receiver else { return };
        let bag = &mut self.state.pools[usize::from(peer.pool)];
        if let Some(at) = bag.iter().position(|(other, _)| other == receiver) {
            let mut crashed = state::take(bag, at);
            fleet.crash(usize::from(peer.pool), &mut crashed);
            state::put(bag, crashed);
        }
    }

    fn blame(&mut self, reading: &Reading, version: u16, api: u16, origin: u16) {
        self.follows(&reading.rules);
        let place = self.fleet.api_place(api);
        for (harm, field) in &reading.harms {
            self.harm(*harm, version, place, u16::from(*field), origin);
        }
    }
}
