//! From the typed scenario to the fleet of `turnback-sim`: names become numbers, `extends` and `if` are merged.

mod behaviour;
mod data;
mod facts;
mod fields;
mod merged;
mod otherwise;
mod plan;
mod starts;

use indexmap::IndexSet;
use turnback_sim::fleet::definition::{
    Actor, Api, Asked, Cache, Definition, Effect, FieldIs, Literal, Observed, OnWrite, OpKind, Place, PlaceId,
    PlaceKind, Queue, Role, Route, Value, Version,
};

use turnback_sim::fleet::programme::Programmes;

use crate::ast::{self, ActorKind, Name, Scenario, Span};

/// What to explore.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exploration {
    /// Exactly that many replicas of every service, instead of the declared ones up to three.
    pub replicas: Option<u32>,
}

/// A compiled plan of a scenario.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The fleet.
    pub definition: Definition,
    /// What its numbers are called.
    pub names: Names,
    /// What the exploration takes for granted, in plain words.
    pub assumed: Vec<String>,
}

/// What the numbers of a fleet are called, and where they were declared.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Places, then apis, then roles.
    pub places: Vec<String>,
    /// Fields per place or api.
    pub fields: Vec<Vec<String>>,
    /// Actors.
    pub actors: Vec<String>,
    /// Versions, without the actor.
    pub versions: Vec<String>,
    /// Handlers.
    pub handlers: Vec<String>,
    /// Flags and configs, and their values.
    pub values: Vec<(String, Vec<String>)>,
    /// Tags; 0 is untagged.
    pub tags: Vec<String>,
    /// Declarations: where, and in what words.
    pub origins: Vec<(Span, String)>,
    /// Rules for what is not as expected: the key, and where its value is.
    pub rules: IndexSet<(&'static str, Span)>,
}

/// What cannot be compiled yet: the sentence and where.
pub type Refusal = (String, Span);

/// Compiles `plan` (an index into [`Scenario::plans`]; `None` = no plan at all).
pub fn compile(scenario: &Scenario, plan: Option<usize>, how: Exploration) -> Result<Compiled, Vec<Refusal>> {
    let mut compiler = Compiler {
        scenario,
        how,
        plan: None,
        names: Names::default(),
        refused: vec![],
        assumed: vec![],
        version_names: vec![],
        scales: vec![],
    };
    compiler.scales = compiler.scales_of(plan);
    let definition = compiler.definition(plan);
    if compiler.refused.is_empty() {
        Ok(Compiled { definition, names: compiler.names, assumed: compiler.assumed })
    } else {
        Err(compiler.refused)
    }
}

struct Compiler<'a> {
    scenario: &'a Scenario,
    how: Exploration,
    /// The plan that is compiled.
    plan: Option<&'a ast::Plan>,
    names: Names,
    refused: Vec<Refusal>,
    assumed: Vec<String>,
    /// Per actor: the names of its versions.
    version_names: Vec<(String, Vec<String>)>,
    /// The services that steps scale, and to how many replicas.
    scales: Vec<(String, u64)>,
}

/// The most replicas that are explored by default: three versions live at once are seen, and no failure studied
/// needs more.
const REPLICAS_MAX: u32 = 3;
/// The most roles of one service: a replica has so many marks.
const ROLES_MAX: usize = 6;
/// The most places, versions, steps and so on.
const SIZE_MAX: usize = 250;
/// The most data in one slice.
const DATA_MAX: usize = 120;
/// The most verbs, handlers and steps, over all versions and valuations of their conditions.
const DECLARATIONS_MAX: usize = 65_000;
/// The most combinations of start contents.
const STARTS_MAX: usize = 4096;
/// Attempts beyond this number change nothing: whoever can fail can fail them all.
const ATTEMPTS_MAX: u64 = 5;

impl Compiler<'_> {
    fn definition(&mut self, plan: Option<usize>) -> Definition {
        self.names.tags.push("untagged".into());
        let mut fleet = Definition {
            faults: self.scenario.faults,
            waits_at_most: self.scenario.operator.waits_at_most,
            ..Definition::default()
        };
        self.name_places();
        self.name_actors(plan);
        fleet.values = self.values();
        fleet.roles = self.roles();
        fleet.places = self.places();
        fleet.apis = self.apis();
        self.unite_data(&mut fleet, plan);
        fleet.actors = self.actors(plan);
        self.versions(&mut fleet, plan);
        fleet.rules = self.names.rules.len() as u16;
        fleet.starts = self.starts(&fleet);
        self.operator(&mut fleet);
        self.plan(&mut fleet, plan);
        self.check_size(&fleet);
        fleet
    }

    /// Numbers that a state keeps in one byte.
    fn check_size(&mut self, fleet: &Definition) {
        let slices = fleet.slices();
        let data = slices.iter().map(|slice| slice.data).max().unwrap_or(fleet.data);
        if usize::from(data) > DATA_MAX {
            self.refuse("a part of a scenario with more than 120 data", &self.scenario.name.span.clone());
        }
        let programmes = Programmes::of(fleet);
        let longest_rollback = programmes.rollbacks.iter().map(|(_, lines)| lines.len()).max().unwrap_or(0);
        let sizes = [
            ("places", fleet.places.len()),
            ("versions", fleet.versions.len()),
            ("actors", fleet.actors.len()),
            ("steps in its plan", fleet.plan.len()),
            ("lines in its rollback", longest_rollback),
            ("permitted repairs", programmes.repairs.len()),
        ];
        let declarations = self.names.origins.len().max(self.names.rules.len());
        if declarations > DECLARATIONS_MAX {
            self.refuse("a scenario of that size", &self.scenario.name.span.clone());
        }
        let starts = fleet.starts.iter().map(|(_, items)| items.len());
        if starts.fold(1, usize::saturating_mul) > STARTS_MAX {
            self.refuse("a scenario that can start in more than 4096 ways", &self.scenario.name.span.clone());
        }
        for (what, size) in sizes {
            if size > SIZE_MAX {
                self.refuse(&format!("a scenario with more than {SIZE_MAX} {what}"), &self.scenario.name.span.clone());
            }
        }
    }

    fn refuse(&mut self, what: &str, span: &Span) {
        let text = format!("{what} is not supported yet");
        if !self.refused.iter().any(|(said, at)| *said == text && at == span) {
            self.refused.push((text, span.clone()));
        }
    }

    fn origin(&mut self, span: &Span, text: impl Into<String>) -> u16 {
        self.names.origins.push((span.clone(), text.into()));
        (self.names.origins.len() - 1) as u16
    }

    fn tag(&mut self, name: &str) -> u8 {
        if let Some(at) = self.names.tags.iter().position(|known| known == name) {
            return at as u8;
        }
        if self.names.tags.len() >= 120 {
            self.refuse("a scenario with more than 119 value tags", &self.scenario.name.span.clone());
            return 0;
        }
        self.names.tags.push(name.to_owned());
        (self.names.tags.len() - 1) as u8
    }

    fn name_places(&mut self) {
        for place in &self.scenario.places {
            self.names.places.push(place.name.value.clone());
            self.names.fields.push(place.fields.iter().map(|field| field.name.value.clone()).collect());
        }
        for api in &self.scenario.apis {
            self.names.places.push(api.name.value.clone());
            self.names.fields.push(vec![]);
        }
        for role in &self.scenario.roles {
            self.names.places.push(role.name.value.clone());
            self.names.fields.push(vec![]);
        }
        for actor in &self.scenario.actors {
            for version in &actor.versions {
                self.name_payloads(&version.body);
            }
        }
        if let Some(at) = self.names.fields.iter().position(|fields| fields.len() > 60) {
            let name = self.names.places[at].clone();
            self.refuse(&format!("`{name}`: a place with more than 60 fields"), &self.scenario.name.span.clone());
        }
    }

    /// The fields of calls are those that somebody sends or receives.
    fn name_payloads(&mut self, body: &ast::Body) {
        let handlers = body.handlers.iter().filter_map(|(_, handler)| handler.as_ref()).map(|handler| &handler.verbs);
        for verbs in std::iter::once(&body.verbs).chain(handlers) {
            for (name, fields) in verbs.sends.iter().chain(&verbs.receives) {
                let Some(api) = self.api(&name.value) else {
                    continue;
                };
                let known = &mut self.names.fields[self.scenario.places.len() + usize::from(api)];
                for field in fields.iter().flat_map(|fields| &fields.list).flat_map(|used| &used.alternatives) {
                    if !known.contains(&field.value) {
                        known.push(field.value.clone());
                    }
                }
            }
        }
        for (_, overlay) in &body.overlays {
            self.name_payloads(overlay);
        }
    }

    fn place(&self, name: &str) -> Option<PlaceId> {
        self.scenario.places.iter().position(|place| place.name.value == name).map(|at| at as PlaceId)
    }

    /// The call of that name, with or without `.reply`.
    fn api(&self, name: &str) -> Option<u16> {
        let whole = self.scenario.apis.iter().position(|api| api.name.value == name);
        let request = || {
            let request = name.strip_suffix(".reply")?;
            self.scenario.apis.iter().position(|api| api.name.value == request)
        };
        whole.or_else(request).map(|at| at as u16)
    }

    fn field(&self, place: usize, name: &str) -> u8 {
        self.names.fields[place].iter().position(|field| field == name).unwrap_or(0) as u8
    }

    fn actor(&self, name: &str) -> u16 {
        self.names.actors.iter().position(|actor| actor == name).unwrap_or(0) as u16
    }

    /// Actors and versions get their numbers; versions that only a step names (`like:`) come last.
    fn name_actors(&mut self, plan: Option<usize>) {
        for actor in &self.scenario.actors {
            self.names.actors.push(actor.name.value.clone());
            let versions: Vec<String> = self.versions_of(actor, plan).into_iter().map(|(name, _)| name).collect();
            self.names.versions.extend(versions.iter().cloned());
            self.version_names.push((actor.name.value.clone(), versions));
        }
    }

    /// The names of an actor's versions, each with the declared version that it behaves as.
    fn versions_of(&self, actor: &ast::Actor, plan: Option<usize>) -> Vec<(String, usize)> {
        let mut versions: Vec<(String, usize)> =
            actor.versions.iter().enumerate().map(|(at, version)| (version.name.value.clone(), at)).collect();
        for step in self.steps(plan) {
            let (ast::Verb::Deploy { service, version }, Some(like)) = (&step.verb, &step.like) else {
                continue;
            };
            let known = versions.iter().any(|(name, _)| name == version);
            let model = actor.versions.iter().position(|declared| declared.name.value == like.value);
            if let (true, false, Some(model)) = (*service == actor.name.value, known, model) {
                versions.push((version.clone(), model));
            }
        }
        versions
    }

    /// Every step of a plan and of what belongs to it.
    fn steps(&self, plan: Option<usize>) -> Vec<&ast::Step> {
        let mut steps: Vec<&ast::Step> = self.scenario.repairs.iter().collect();
        if let Some(plan) = plan.map(|at| &self.scenario.plans[at]) {
            steps.extend(&plan.steps);
            steps.extend(plan.steps.iter().flat_map(|step| step.undo.iter().flatten()));
            steps.extend(&plan.rollforward);
            match &plan.rollback {
                ast::Rollback::List(list) => steps.extend(list),
                ast::Rollback::To(lists) => steps.extend(lists.iter().flat_map(|(_, list)| list)),
                _ => {}
            }
        }
        steps
    }

    fn values(&mut self) -> Vec<Value> {
        let mut values = Vec::new();
        for value in &self.scenario.values {
            let names = value.values.iter().map(|name| name.value.clone()).collect();
            self.names.values.push((value.name.value.clone(), names));
            if let Some((_, becomes)) = value.becomes.first() {
                let span = match becomes {
                    ast::Becomes::Fact(fact) => fact.span.clone(),
                    ast::Becomes::AnyTime => value.name.span.clone(),
                };
                self.refuse("`becomes`", &span);
            }
            values.push(Value {
                flag: value.flag,
                values: value.values.len() as u8,
                starts: value.starts as u8,
                of: value.of.as_ref().map(|of| self.actor(&of.value)),
                observed: match value.observed {
                    ast::Observed::AtOnce => Observed::AtOnce,
                    ast::Observed::Within(_) => Observed::Lagging,
                    ast::Observed::OnRestart => Observed::OnRestart,
                },
                irreversible: value.irreversible,
            });
        }
        values
    }

    fn places(&mut self) -> Vec<Place> {
        let scenario = self.scenario;
        scenario
            .places
            .iter()
            .map(|place| Place { kind: self.place_kind(place), fields: self.place_fields(place), ttl: ttl(place) })
            .collect()
    }

    fn place_kind(&mut self, place: &ast::Place) -> PlaceKind {
        match &place.kind {
            ast::PlaceKind::Table { .. } => PlaceKind::Table,
            ast::PlaceKind::Document => PlaceKind::Document,
            ast::PlaceKind::Queue {
                fifo,
                ack_on_receive,
                attempts,
                then_drop,
                retention,
                to_each_service,
                delay,
                ..
            } => {
                if *fifo {
                    let name = &place.name.value;
                    self.assumed.push(format!("{name}: at most four unlike messages of one item wait in line"));
                }
                if delay.is_some() {
                    self.assumed
                        .push(format!("{}: a delayed message may be delivered at any moment", place.name.value));
                }
                PlaceKind::Queue(Queue {
                    attempts: attempts.map_or(0, |attempts| attempts.clamp(1, ATTEMPTS_MAX) as u8),
                    then_drop: *then_drop,
                    ack_on_receive: *ack_on_receive,
                    fifo: *fifo,
                    to_each_service: *to_each_service,
                    retention: *retention,
                })
            }
            ast::PlaceKind::Cache { of, ttl, on_write, fresh_required } => PlaceKind::Cache(Cache {
                of: of.as_ref().and_then(|of| self.place(&of.value)),
                ttl: *ttl,
                on_write: match on_write {
                    ast::OnWrite::Leave => OnWrite::Leave,
                    ast::OnWrite::Invalidate => OnWrite::Invalidate,
                    ast::OnWrite::Refresh => OnWrite::Refresh,
                },
                fresh_required: *fresh_required,
            }),
            ast::PlaceKind::Disk { of, .. } => PlaceKind::Disk(self.actor(&of.value)),
            ast::PlaceKind::Memory { of, .. } => PlaceKind::Memory(self.actor(&of.value)),
            ast::PlaceKind::Effect { allowed, at_most_once } => {
                let fields = place.fields.len();
                PlaceKind::Effect(Effect { fields, allowed: self.allowed(place, allowed), at_most_once: *at_most_once })
            }
        }
    }

    /// The fields of an effect that may not be sent as anything.
    fn allowed(&mut self, place: &ast::Place, allowed: &[ast::FieldUse]) -> Vec<(u8, Vec<FieldIs>)> {
        let mut only = Vec::new();
        for used in allowed {
            let name = used.alternatives.first().map(|name| &name.value);
            let Some(field) = place.fields.iter().position(|field| Some(&field.name.value) == name) else { continue };
            let is = |tag: &Name| match tag.value.as_str() {
                "absent" => FieldIs::Absent,
                "stale" => FieldIs::Stale,
                "fresh" => FieldIs::Fresh,
                name => FieldIs::Tag(self.tag(name)),
            };
            let anything = used.tags.is_empty() || used.tags.iter().any(|tag| tag.value == "any");
            if !anything {
                only.push((field as u8, used.tags.iter().map(is).collect()));
            }
        }
        only
    }

    fn apis(&mut self) -> Vec<Api> {
        let scenario = self.scenario;
        let places = scenario.places.len();
        let api = |(at, api): (usize, &ast::Api)| Api {
            to: api.to.iter().map(|name| self.actor(&name.value)).collect(),
            route: match &api.route {
                ast::Route::Any => Route::Any,
                ast::Route::Role(role) => Route::Role(self.role(&role.value)),
            },
            fields: self.names.fields[places + at].len(),
            request_is_sent: api.request_is_sent,
        };
        scenario.apis.iter().enumerate().map(api).collect()
    }

    fn actors(&mut self, plan: Option<usize>) -> Vec<Actor> {
        let mut next = 0;
        let scenario = self.scenario;
        let mut actors = Vec::new();
        for actor in &scenario.actors {
            let versions = next..next + self.versions_of(actor, plan).len() as u16;
            next = versions.end;
            let (replicas, stragglers, fades_in) = match &actor.kind {
                ActorKind::Service { replicas, stragglers, .. } => {
                    let scaled = self.scales.iter().any(|(service, _)| *service == actor.name.value);
                    let exactly = self.how.replicas.filter(|_| !scaled);
                    let explored = exactly.unwrap_or(self.counted(*replicas).max(1));
                    let stragglers = stragglers.as_ref().map(|(number, version)| {
                        let at = actor.versions.iter().position(|declared| declared.name.value == version.value);
                        ((*number).min(u64::from(explored)) as u32, versions.start + at.unwrap_or(0) as u16)
                    });
                    (explored, stragglers, None)
                }
                ActorKind::Client { traffic, loaded_from, .. } => {
                    if loaded_from.is_some() {
                        self.refuse("`loaded_from`", &actor.name.span);
                    }
                    let fades_in = match traffic {
                        Some(ast::Traffic::Falling { within, .. }) => Some(*within),
                        _ => None,
                    };
                    (0, None, fades_in)
                }
            };
            let client = matches!(actor.kind, ActorKind::Client { .. });
            actors.push(Actor { versions, replicas, stragglers, client, fades_in });
        }
        actors
    }

    fn versions(&mut self, fleet: &mut Definition, plan: Option<usize>) {
        let scenario = self.scenario;
        for (id, actor) in scenario.actors.iter().enumerate() {
            for (_, model) in self.versions_of(actor, plan) {
                let declared = &actor.versions[model];
                let number = fleet.versions.len() as u16;
                let (conditions, variants) = self.behaviours(fleet, actor, declared, number);
                let starts_if = self.starts_if(actor, declared).map(|fact| self.fact(&fact));
                fleet.versions.push(Version { actor: id as u16, conditions, variants, starts_if });
            }
        }
    }

    fn operator(&mut self, fleet: &mut Definition) {
        let scenario = self.scenario;
        for verb in &scenario.operator.may_not {
            match verb.value.as_str() {
                "forward" => fleet.may_not_forward = true,
                verb => fleet.may_not.push(op_kind(verb)),
            }
        }
        for (name, fact) in &scenario.operator.needs {
            let (verb, argument) = name.value.split_once(' ').unwrap_or((&name.value, ""));
            let kind = op_kind(verb);
            let subject = match kind {
                OpKind::Deploy => self.names.actors.iter().position(|actor| actor == argument),
                OpKind::Set => self.names.values.iter().position(|(value, _)| value == argument),
                _ => self.names.places.iter().position(|place| place == argument),
            };
            let fact = self.fact(fact);
            fleet.needs.push((kind, subject.map(|at| at as u16), fact));
        }
    }

    fn literal(&self, not: bool, name: &Name, asked: ast::Asked) -> Literal {
        let value = || self.scenario.values.iter().position(|value| value.name.value == name.value).unwrap_or(0);
        let asked = match asked {
            ast::Asked::Value(is) => Asked::Value(value() as u16, is as u8),
            ast::Asked::Role => Asked::Role(self.role(&name.value)),
        };
        Literal { asked, not }
    }

    fn role(&self, name: &str) -> u16 {
        self.scenario.roles.iter().position(|role| role.name.value == name).unwrap_or(0) as u16
    }

    fn roles(&mut self) -> Vec<Role> {
        let scenario = self.scenario;
        let mut roles = Vec::new();
        for role in &scenario.roles {
            let of_same = scenario.roles.iter().filter(|other| other.of.value == role.of.value).count();
            if of_same > ROLES_MAX {
                self.refuse("a service with more than six roles", &role.name.span);
                break;
            }
            let origin = self.origin(&role.name.span, role.name.value.clone());
            roles.push(Role { of: self.actor(&role.of.value), majority: role.majority, origin });
        }
        roles
    }

    /// How many replicas are explored where so many are declared.
    fn counted(&self, number: u64) -> u32 {
        number.min(u64::from(self.how.replicas.unwrap_or(REPLICAS_MAX))) as u32
    }

    /// The services that the steps of a plan scale, and to how many replicas.
    fn scales_of(&self, plan: Option<usize>) -> Vec<(String, u64)> {
        let scales = self.steps(plan).into_iter().filter_map(|step| match &step.verb {
            ast::Verb::Scale(service, number) => Some((service.clone(), *number)),
            _ => None,
        });
        scales.collect()
    }
}

/// How long the items of a disk or memory live.
fn ttl(place: &ast::Place) -> Option<ast::Millis> {
    match &place.kind {
        ast::PlaceKind::Disk { ttl, .. } | ast::PlaceKind::Memory { ttl, .. } => *ttl,
        _ => None,
    }
}

fn op_kind(verb: &str) -> OpKind {
    match verb {
        "deploy" => OpKind::Deploy,
        "flag" | "set" => OpKind::Set,
        "drain" => OpKind::Drain,
        "flush" => OpKind::Flush,
        "requeue" => OpKind::Requeue,
        "backfill" => OpKind::Backfill,
        _ => OpKind::Other,
    }
}
