//! Scenarios to begin with, each beside its twin with the usual mistake.

use crate::suggest;
use crate::text::{RESERVED_TAGS, is_name, unfit_name};
use crate::units;

/// A change that is made every day, with names left open.
#[derive(Debug)]
pub struct Template {
    /// What it is called.
    pub name: &'static str,
    /// What it is for, in one line.
    pub purpose: &'static str,
    /// The names that are left open, in the order in which they are asked for.
    pub parameters: &'static [Parameter],
    /// What leads from the safe scenario to the broken one, as a diff; `<table>` stands for the value of `table`.
    diff: &'static str,
}

/// A name that a template leaves open.
#[derive(Debug)]
pub struct Parameter {
    /// What it is called.
    pub name: &'static str,
    /// What it is asked for with.
    pub question: &'static str,
    /// The value if nobody says otherwise.
    pub default: &'static str,
    kind: Kind,
}

/// What a value names; two things of one kind have two names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Actor,
    Place,
    Field,
    Value,
    Config,
    Path,
    Count,
}

/// The two scenarios that are made of a template.
#[derive(Debug)]
pub struct Twins {
    /// The one that checks safe.
    pub safe: String,
    /// The same with the usual mistake.
    pub broken: String,
}

/// What every template calls the field that tells items apart.
const KEY: &str = "id";

/// Every template.
pub const TEMPLATES: &[Template] = &[
    Template {
        name: "rename-column",
        purpose: "give a column another name, release by release",
        parameters: &[
            parameter("service", "The service that uses the column?", "orders", Kind::Actor),
            parameter("table", "The table?", "orders", Kind::Place),
            parameter("column", "The column, as it is called today?", "status", Kind::Field),
            parameter("to", "Its new name?", "order_status", Kind::Field),
            REPLICAS,
        ],
        diff: include_str!("templates/rename-column.diff"),
    },
    Template {
        name: "drop-column",
        purpose: "get rid of a column that nobody needs any more",
        parameters: &[
            parameter("service", "The service that uses the column?", "users", Kind::Actor),
            parameter("table", "The table?", "users", Kind::Place),
            parameter("column", "The column that goes?", "nickname", Kind::Field),
            parameter("kept", "A column that stays?", "email", Kind::Field),
            REPLICAS,
        ],
        diff: include_str!("templates/drop-column.diff"),
    },
    Template {
        name: "required-field",
        purpose: "demand a field that some clients do not send yet",
        parameters: &[
            parameter("service", "The service that receives the field?", "orders-api", Kind::Actor),
            parameter("client", "The clients that send it?", "app", Kind::Actor),
            parameter("path", "The path that they POST to?", "/v1/orders", Kind::Path),
            parameter("field", "The field?", "customer_type", Kind::Field),
            parameter("table", "The table that it is stored in?", "orders", Kind::Place),
            REPLICAS,
        ],
        diff: include_str!("templates/required-field.diff"),
    },
    Template {
        name: "enum",
        purpose: "let a column have a value that readers do not know yet",
        parameters: &[
            parameter("service", "The service that writes the value?", "orders", Kind::Actor),
            parameter("reader", "A service that only reads it?", "reports", Kind::Actor),
            parameter("table", "The table?", "orders", Kind::Place),
            parameter("column", "The column?", "state", Kind::Field),
            parameter("old", "The value as it is today?", "PENDING", Kind::Value),
            parameter("new", "The value that takes its place?", "QUEUED", Kind::Value),
            REPLICAS,
        ],
        diff: include_str!("templates/enum.diff"),
    },
    Template {
        name: "cache-format",
        purpose: "change the format of what is cached",
        parameters: &[
            parameter("service", "The service that uses the cache?", "web", Kind::Actor),
            parameter("cache", "The cache?", "user-cache", Kind::Place),
            REPLICAS,
        ],
        diff: include_str!("templates/cache-format.diff"),
    },
    Template {
        name: "on-disk-format",
        purpose: "change the format of files that each replica has on its disk",
        parameters: &[
            parameter("service", "The service that has the files?", "search", Kind::Actor),
            parameter("disk", "The files?", "index", Kind::Place),
            REPLICAS,
        ],
        diff: include_str!("templates/on-disk-format.diff"),
    },
    Template {
        name: "queue-payload",
        purpose: "add a field to the messages of a queue",
        parameters: &[
            parameter("producer", "The service that sends the messages?", "orders", Kind::Actor),
            parameter("consumer", "The service that takes them?", "mailer", Kind::Actor),
            parameter("queue", "The queue?", "order-placed", Kind::Place),
            parameter("field", "The new field?", "locale", Kind::Field),
            REPLICAS,
        ],
        diff: include_str!("templates/queue-payload.diff"),
    },
    Template {
        name: "split-service",
        purpose: "take a part of a service out into a service of its own",
        parameters: &[
            parameter("service", "The service that is split?", "shop", Kind::Actor),
            parameter("part", "The new service?", "billing", Kind::Actor),
            parameter("table", "The table that the work is about?", "invoices", Kind::Place),
            REPLICAS,
        ],
        diff: include_str!("templates/split-service.diff"),
    },
    Template {
        name: "blue-green",
        purpose: "switch all traffic to a second environment that shares the database",
        parameters: &[
            parameter("blue", "The environment that is live today?", "shop-blue", Kind::Actor),
            parameter("green", "The one that takes over?", "shop-green", Kind::Actor),
            parameter("client", "The clients?", "browser", Kind::Actor),
            parameter("path", "The path that they POST to?", "/orders", Kind::Path),
            parameter("table", "The table that both share?", "orders", Kind::Place),
            parameter("column", "A column that the live one reads?", "customer", Kind::Field),
            parameter("to", "The column that the other one adds?", "customer_id", Kind::Field),
            REPLICAS,
        ],
        diff: include_str!("templates/blue-green.diff"),
    },
    Template {
        name: "key-rotation",
        purpose: "replace a key that signs tokens and encrypts rows",
        parameters: &[
            parameter("service", "The service that uses the key?", "accounts", Kind::Actor),
            parameter("table", "The table with what it encrypts?", "accounts", Kind::Place),
            parameter("column", "The column?", "secret", Kind::Field),
            parameter("tokens", "The tokens that it signs?", "sessions", Kind::Place),
            parameter("old", "The key of today?", "key-1", Kind::Value),
            parameter("new", "The new key?", "key-2", Kind::Value),
            REPLICAS,
        ],
        diff: include_str!("templates/key-rotation.diff"),
    },
    Template {
        name: "finalize",
        purpose: "upgrade a cluster, then raise a feature level that cannot be lowered",
        parameters: &[
            parameter("service", "The service that is upgraded?", "storage", Kind::Actor),
            parameter("level", "The level that is raised?", "cluster_version", Kind::Config),
            parameter("table", "What it stores?", "ranges", Kind::Place),
            REPLICAS,
        ],
        diff: include_str!("templates/finalize.diff"),
    },
    Template {
        name: "version-jump",
        purpose: "upgrade over several versions, each of which opens only the disks of the one before",
        parameters: &[
            parameter("service", "The service that is upgraded?", "search", Kind::Actor),
            parameter("disk", "What it has on its disks?", "shards", Kind::Place),
            REPLICAS,
        ],
        diff: include_str!("templates/version-jump.diff"),
    },
];

const REPLICAS: Parameter = parameter("replicas", "How many replicas of each service run?", "3", Kind::Count);

const fn parameter(name: &'static str, question: &'static str, default: &'static str, kind: Kind) -> Parameter {
    Parameter { name, question, default, kind }
}

impl Template {
    /// Why it has no such parameter.
    pub fn unknown(&self, parameter: &str) -> Option<String> {
        let names: Vec<_> = self.parameters.iter().map(|parameter| parameter.name).collect();
        if names.contains(&parameter) {
            return None;
        }
        let hint = suggest::hint(parameter, names).map_or_else(String::new, |hint| format!("; {hint}"));
        Some(format!("{} has no parameter `{parameter}`{hint}", self.name))
    }

    /// Why the next parameter cannot have this value when those before it have `earlier`.
    pub fn refusal(&self, earlier: &[String], value: &str) -> Option<String> {
        let parameter = &self.parameters[earlier.len()];
        if let Some(unfit) = parameter.kind.unfit(value) {
            return Some(format!("{}: {unfit}", parameter.name));
        }
        let mut others = self.parameters.iter().zip(earlier);
        let (twin, _) = others.find(|(other, taken)| parameter.kind.is_taken(other.kind) && *taken == value)?;
        Some(format!("{} and {} cannot both be `{value}`", twin.name, parameter.name))
    }

    /// The scenarios in which the parameters have these values.
    pub fn fill(&self, values: &[String]) -> Twins {
        let side = |leaves_out: char| {
            let lines = self.diff.lines().filter(|line| !line.starts_with(leaves_out));
            let text: String = lines.map(|line| format!("{}\n", line.get(1..).unwrap_or_default())).collect();
            self.parameters
                .iter()
                .zip(values)
                .fold(text, |text, (parameter, value)| text.replace(&format!("<{}>", parameter.name), value))
        };
        Twins { safe: side('+'), broken: side('-') }
    }
}

impl Kind {
    fn unfit(self, value: &str) -> Option<String> {
        match self {
            Kind::Count if units::number(value).is_none_or(|number| number == 0) => {
                Some(format!("`{value}` is not a number of replicas; write digits, as in `6`"))
            }
            Kind::Path if !(value.starts_with('/') && is_name(value)) => {
                Some(format!("`{value}` is not a path; write it as in `/v1/orders`"))
            }
            Kind::Field if value == KEY => Some(format!("`{value}` is the key in every template")),
            Kind::Value if RESERVED_TAGS.contains(&value) => {
                Some(format!("`{value}` is a value that every field can have; give it another name"))
            }
            Kind::Count | Kind::Path => None,
            _ => unfit_name(value).map(|(problem, help)| match help {
                Some(help) => format!("{problem}; {help}"),
                None => problem,
            }),
        }
    }

    /// Whether what a value of another kind names cannot have the name of one of this kind.
    fn is_taken(self, other: Kind) -> bool {
        self == other && self != Kind::Count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISTAKE: &str = "# The usual mistake: ";

    fn defaults(template: &Template) -> Vec<String> {
        template.parameters.iter().map(|parameter| parameter.default.to_owned()).collect()
    }

    #[test]
    fn defaults_are_not_refused() {
        for template in TEMPLATES {
            let values = defaults(template);
            for (number, value) in values.iter().enumerate() {
                assert_eq!(template.refusal(&values[..number], value), None, "{}", template.name);
            }
        }
    }

    #[test]
    fn nothing_is_left_open_and_one_line_names_the_mistake() {
        for template in TEMPLATES {
            let Twins { safe, broken } = template.fill(&defaults(template));
            for parameter in template.parameters {
                let open = format!("<{}>", parameter.name);
                assert!(template.diff.contains(&open), "{} never uses {open}", template.name);
            }
            assert!(safe.match_indices('<').all(|(at, _)| safe[at..].starts_with("< ")), "{safe}");
            assert!(template.diff.lines().all(|line| line.is_empty() || line.starts_with([' ', '+', '-'])));
            assert_eq!((safe.matches(MISTAKE).count(), broken.matches(MISTAKE).count()), (0, 1), "{}", template.name);
        }
    }

    #[test]
    fn a_value_is_a_name_of_its_own() {
        let template = &TEMPLATES[0];
        let earlier = ["orders", "orders", "status"].map(str::to_owned);
        assert_eq!(template.refusal(&earlier, "order_status"), None);
        assert_eq!(template.refusal(&earlier, "status").unwrap(), "column and to cannot both be `status`");
        assert!(
            template.refusal(&earlier, "order status").unwrap().contains("`order status` is not a name; names have")
        );
        assert!(template.refusal(&earlier, "where").unwrap().contains("is a word of the language"));
        assert!(template.refusal(&defaults(template)[..4], "0").unwrap().contains("is not a number of replicas"));
        assert!(template.unknown("tabel").unwrap().ends_with("; did you mean `table`?"));
    }
}
