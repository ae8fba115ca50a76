//! What the scenario says nothing about, and what was taken for granted.

use turnback_scenarios::ast::{ActorKind, Body, PlaceKind, Scenario, Trigger};

use super::File;

/// What a reader may have expected and the scenario does not mention.
pub(super) fn not_stated(scenario: &Scenario) -> Vec<String> {
    let versions = || scenario.actors.iter().flat_map(|actor| &actor.versions);
    let client = |kind: &ActorKind| matches!(kind, ActorKind::Client { .. });
    let clients = scenario.actors.iter().any(|actor| client(&actor.kind));
    let old = |kind: &ActorKind| matches!(kind, ActorKind::Service { stragglers: Some(_), .. });
    let sessions = |kind: &ActorKind| matches!(kind, ActorKind::Service { sessions: Some(_), .. });
    let stated = [
        ("cron: nothing runs on a timer", versions().any(|version| has_timer(&version.body))),
        ("callbacks: nobody outside calls back", clients),
        ("clients: browsers, mobile apps and partners", clients),
        ("caches", scenario.places.iter().any(|place| matches!(place.kind, PlaceKind::Cache { .. }))),
        ("locks", !scenario.roles.is_empty()),
        ("old workers: replicas that no step moves", scenario.actors.iter().any(|actor| old(&actor.kind))),
        ("sessions that outlive a deploy", scenario.actors.iter().any(|actor| sessions(&actor.kind))),
    ];
    stated.iter().filter(|(_, stated)| !stated).map(|(what, _)| (*what).to_owned()).collect()
}

fn has_timer(body: &Body) -> bool {
    let timed = |trigger: &Trigger| matches!(trigger, Trigger::Timer(_));
    let own = body.handlers.iter().filter_map(|(_, handler)| handler.as_ref()).any(|handler| timed(&handler.trigger));
    own || body.overlays.iter().any(|(_, overlay)| has_timer(overlay))
}

impl File<'_> {
    /// Defaults that were filled in, the same ones together, then what the exploration takes for granted.
    pub(super) fn assumed(&self) -> Vec<String> {
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for assumed in &self.scenario.assumed {
            let default = format!("{} = {}", assumed.key, assumed.value);
            match groups.iter_mut().find(|(known, _)| *known == default) {
                Some((_, owners)) => owners.push(&assumed.owner),
                None => groups.push((default, vec![&assumed.owner])),
            }
        }
        let defaults = groups.into_iter().map(|(default, owners)| format!("{default}: {}", owners.join(", ")));
        defaults.chain(self.case.compiled.assumed.iter().cloned()).collect()
    }

    /// The same, with the defaults counted only: a page that lists them all hides the rest.
    pub(super) fn assumed_in_short(&self) -> Vec<String> {
        let defaults = match self.scenario.assumed.len() {
            0 => None,
            count => Some(format!("{count} defaults; `-v` or `turnback explain {}` lists them", self.file)),
        };
        defaults.into_iter().chain(self.case.compiled.assumed.iter().cloned()).collect()
    }
}
