//! The one table of the language's keys. It drives the reader's checks, the reference and the JSON Schema.

use std::sync::OnceLock;

mod containers;
mod flow;
mod services;
mod top;

/// Which map a key stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Where {
    /// The file.
    Top,
    /// `tables: NAME:`
    Table,
    /// `documents: NAME:`
    Document,
    /// `queues: NAME:`
    Queue,
    /// `caches: NAME:`
    Cache,
    /// `disks: NAME:`
    Disk,
    /// `memory: NAME:`
    Memory,
    /// A column or field, written out.
    Field,
    /// `migrations: NAME:`
    Migration,
    /// `effects: NAME:`
    Effect,
    /// `apis: NAME:`
    Api,
    /// `roles: NAME:`
    Role,
    /// `flags: NAME:`, written out.
    Flag,
    /// `config: NAME:`
    Config,
    /// `services: NAME:`
    Service,
    /// `sessions:`
    Sessions,
    /// `clients: NAME:`
    Client,
    /// `versions: NAME:`
    Version,
    /// `if COND:`
    Overlay,
    /// `handlers: NAME:`
    Handler,
    /// The fields of a verb on a place, written out.
    Fields,
    /// `plans: NAME:`
    Plan,
    /// An entry of a list of steps.
    Step,
    /// `defaults:`
    Defaults,
    /// `gates: NAME:`
    Gate,
    /// `operator:`
    Operator,
    /// `expect:`
    Expect,
}

impl Where {
    /// All of them, in the order of the reference.
    pub const ALL: [Self; 27] = [
        Self::Top,
        Self::Table,
        Self::Document,
        Self::Queue,
        Self::Cache,
        Self::Disk,
        Self::Memory,
        Self::Field,
        Self::Migration,
        Self::Effect,
        Self::Api,
        Self::Role,
        Self::Flag,
        Self::Config,
        Self::Service,
        Self::Sessions,
        Self::Client,
        Self::Version,
        Self::Overlay,
        Self::Handler,
        Self::Fields,
        Self::Plan,
        Self::Step,
        Self::Defaults,
        Self::Gate,
        Self::Operator,
        Self::Expect,
    ];

    /// Its heading in the reference, and its name in the schema.
    pub fn title(self) -> &'static str {
        match self {
            Self::Top => "file",
            Self::Table => "table",
            Self::Document => "document",
            Self::Queue => "queue",
            Self::Cache => "cache",
            Self::Disk => "disk",
            Self::Memory => "memory",
            Self::Field => "field",
            Self::Migration => "migration",
            Self::Effect => "effect",
            Self::Api => "api",
            Self::Role => "role",
            Self::Flag => "flag",
            Self::Config => "config",
            Self::Service => "service",
            Self::Sessions => "sessions",
            Self::Client => "client",
            Self::Version => "version",
            Self::Overlay => "if",
            Self::Handler => "handler",
            Self::Fields => "fields",
            Self::Plan => "plan",
            Self::Step => "step",
            Self::Defaults => "defaults",
            Self::Gate => "gate",
            Self::Operator => "operator",
            Self::Expect => "expect",
        }
    }
}

/// What kind of value a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Any text.
    Text,
    /// A text of the given form.
    Form(&'static str),
    /// The name of something.
    Name(&'static str),
    /// A list of texts of the given form.
    List(&'static str),
    /// One text of the given form, or a list of them.
    OneOrList(&'static str),
    /// A whole number; `k` and `M` may follow.
    Number,
    /// A duration.
    Duration,
    /// `true` or `false`.
    Bool,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Value tags, `A|B`.
    Tags,
    /// A guard, or a list of guards.
    Fact,
    /// A map with fixed keys.
    Map(Where),
    /// Names, each with a map with fixed keys.
    Named(Where),
    /// Names, each with a text of the given form.
    NamedText(&'static str),
    /// Names, each with a text of the given form or a map with fixed keys.
    NamedEither(&'static str, Where),
    /// Places or apis, each with a field list.
    Places,
    /// A list of steps.
    Steps,
    /// A word of these, or a list of steps.
    WordOrSteps(&'static [&'static str]),
    /// Nothing, or a remark.
    Remark,
    /// A limit of a metric.
    Limit,
    /// Not read yet.
    Later,
}

/// Whether a key can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `check` and `simulate` honour it.
    Supported,
    /// It has no meaning for `check`; `simulate` and the reports use it.
    TimeOnly,
    /// The mechanism does not exist yet.
    NotYet,
}

/// One key of the language.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The key as written. `if COND` and `METRIC` stand for every key of that form.
    pub name: &'static str,
    /// The maps it stands in.
    pub stands: &'static [Where],
    /// What kind of value it takes.
    pub shape: Shape,
    /// What it means.
    pub meaning: &'static str,
    /// What holds if it is left out; empty = nothing.
    pub default: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// The rules of the model that it feeds.
    pub rule: &'static str,
    /// The line or lines of an example.
    pub example: &'static str,
    /// Steps: the verbs it goes with; empty = all.
    pub verbs: &'static [&'static str],
    /// Whether it can be used.
    pub status: Status,
}

impl Key {
    const fn new(name: &'static str, stands: &'static [Where], shape: Shape, meaning: &'static str) -> Self {
        Self {
            name,
            stands,
            shape,
            meaning,
            default: "",
            required: false,
            rule: "",
            example: "",
            verbs: &[],
            status: Status::Supported,
        }
    }

    const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn rule(mut self, rule: &'static str) -> Self {
        self.rule = rule;
        self
    }

    const fn example(mut self, example: &'static str) -> Self {
        self.example = example;
        self
    }

    const fn with(mut self, verbs: &'static [&'static str]) -> Self {
        self.verbs = verbs;
        self
    }

    const fn time_only(mut self) -> Self {
        self.status = Status::TimeOnly;
        self
    }

    const fn not_yet(mut self) -> Self {
        self.status = Status::NotYet;
        self
    }

    /// Whether it stands for every key of a form.
    pub fn is_pattern(&self) -> bool {
        matches!(self.name, "if COND" | "METRIC")
    }

    /// Whether it is a verb of a step.
    pub fn is_verb(&self) -> bool {
        verbs().any(|verb| verb.name == self.name)
    }

    fn fits(&self, written: &str) -> bool {
        match self.name {
            "if COND" => written == "if" || written.starts_with("if "),
            "METRIC" => true,
            name => name == written,
        }
    }
}

/// Every key, grouped as in the reference.
pub fn all() -> impl Iterator<Item = &'static Key> {
    [top::KEYS, containers::KEYS, services::KEYS, flow::VERBS, flow::KEYS].into_iter().flatten()
}

/// The keys that stand in a map.
pub fn of(stands: Where) -> impl Iterator<Item = &'static Key> {
    static BY_MAP: OnceLock<Vec<Vec<&'static Key>>> = OnceLock::new();
    let by_map = BY_MAP.get_or_init(|| {
        let of = |stands: &Where| all().filter(|key| key.stands.contains(stands)).collect();
        Where::ALL.iter().map(of).collect()
    });
    by_map[stands as usize].iter().copied()
}

/// The key that a written key is, in a map.
pub fn find(stands: Where, written: &str) -> Option<&'static Key> {
    of(stands).find(|key| key.fits(written))
}

/// The verbs of steps.
pub fn verbs() -> impl Iterator<Item = &'static Key> {
    flow::VERBS.iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_defined_once_per_map() {
        for stands in Where::ALL {
            let names: Vec<_> = of(stands).map(|key| key.name).collect();
            for (at, name) in names.iter().enumerate() {
                assert!(!names[..at].contains(name), "{} in {}", name, stands.title());
            }
            assert!(!names.is_empty(), "{}", stands.title());
            assert_eq!(Where::ALL[stands as usize], stands);
        }
    }

    #[test]
    fn a_key_is_told_in_full() {
        for key in all() {
            assert!(!key.meaning.is_empty() && !key.example.is_empty() && !key.stands.is_empty(), "{}", key.name);
            assert!(key.status == Status::TimeOnly || !key.rule.is_empty(), "{} feeds no rule", key.name);
        }
    }
}
