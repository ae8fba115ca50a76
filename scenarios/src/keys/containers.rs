use super::Where::{Api, Cache, Config, Disk, Document, Effect, Field, Flag, Memory, Migration, Queue, Role, Table};
use super::{Key, Shape};

/// Keys of places, apis, flags and config.
pub(super) const KEYS: &[Key] = &[
    Key::new("columns", &[Table], Shape::NamedEither("nullable|not_null|any|A|B", Field), "The columns at the start.")
        .required()
        .rule("R1 R2 R9")
        .example("columns: {id: not_null, state: PENDING|PAID}"),
    Key::new("key", &[Table], Shape::Name("column"), "The column that the store fills and that tells rows apart.")
        .default("the first column")
        .rule("R2")
        .example("key: sku"),
    Key::new("rows", &[Table], Shape::Number, "How many rows there are.").example("rows: 200M").time_only(),
    Key::new("migrations", &[Table], Shape::Named(Migration), "Changes of the schema, by name.")
        .rule("R9")
        .example("migrations: {expand: {add_column: order_status}}"),
    Key::new("add_column", &[Migration], Shape::Name("column"), "Adds a nullable column.")
        .rule("R9 R11")
        .example("add_column: order_status"),
    Key::new("drop_column", &[Migration], Shape::Name("column"), "Drops a column and what is in it.")
        .rule("R9 R10 R11")
        .example("drop_column: status"),
    Key::new("rename_column", &[Migration], Shape::NamedText("the new name"), "Renames a column.")
        .rule("R9 R11")
        .example("rename_column: {status: order_status}"),
    Key::new(
        "alter_column",
        &[Migration],
        Shape::NamedText("nullable|not_null"),
        "Changes whether a column may be absent.",
    )
    .rule("R9 R11")
    .example("alter_column: {status: nullable}"),
    Key::new(
        "drop_value",
        &[Migration],
        Shape::NamedText("TAG"),
        "Fields with that tag count as absent for good (a destroyed key).",
    )
    .rule("R9 R10")
    .example("drop_value: {token: k1}"),
    Key::new(
        "fields",
        &[Document, Queue, Cache, Disk, Memory],
        Shape::NamedEither("any|A|B", Field),
        "Declared fields; if left out, those that somebody writes.",
    )
    .rule("R1")
    .example("fields: {kind: rlp|ssz}"),
    Key::new("values", &[Field], Shape::Tags, "The value tags it may have.")
        .rule("R1 R5")
        .example("values: cents|euros"),
    Key::new("not_null", &[Field], Shape::Bool, "Whether an insert without it fails.")
        .default("false")
        .rule("R2 R9")
        .example("not_null: true"),
    Key::new("same_as", &[Field], Shape::Form("[PLACE.]FIELD"), "The field that stands for the same fact.")
        .rule("R1 R2")
        .example("same_as: status"),
    Key::new("disposable", &[Field], Shape::Bool, "Whether its loss is no loss.")
        .default("false")
        .rule("R10")
        .example("disposable: true"),
    Key::new(
        "starts",
        &[Table, Document, Queue, Cache, Disk, Memory],
        Shape::NamedText("TAGS|fresh|stale|absent"),
        "What it may hold at the start; else what the first versions can have written, or nothing.",
    )
    .rule("R1")
    .example("starts: {status: absent}"),
    Key::new("in_flight", &[Queue], Shape::Number, "Messages under way in normal operation.")
        .example("in_flight: 2000")
        .time_only(),
    Key::new("delivery", &[Queue], Shape::OneOf(&["at-least-once"]), "How messages are delivered.")
        .default("at-least-once")
        .rule("R6")
        .example("delivery: at-least-once"),
    Key::new("order", &[Queue], Shape::OneOf(&["any", "fifo"]), "In which order messages arrive.")
        .default("any")
        .rule("R6")
        .example("order: fifo"),
    Key::new(
        "ack",
        &[Queue],
        Shape::OneOf(&["when done", "on receive"]),
        "When a message is acknowledged, and so never comes again.",
    )
    .default("when done")
    .rule("R6")
    .example("ack: on receive"),
    Key::new("attempts", &[Queue], Shape::Form("N|unbounded"), "Deliveries until a message is given up.")
        .default("unbounded")
        .rule("R6")
        .example("attempts: 5"),
    Key::new("backoff", &[Queue], Shape::Duration, "The pause between two deliveries.")
        .example("backoff: 30s")
        .time_only(),
    Key::new("then", &[Queue], Shape::OneOf(&["dead-letter", "drop"]), "What happens to a message that is given up.")
        .default("dead-letter")
        .rule("R6 R10")
        .example("then: drop"),
    Key::new("retention", &[Queue], Shape::Duration, "How long a message is kept.")
        .rule("R6 R10")
        .example("retention: 7d"),
    Key::new("delay", &[Queue], Shape::Duration, "How long a message is held back.").rule("R6").example("delay: 10m"),
    Key::new(
        "to",
        &[Queue],
        Shape::OneOf(&["each service", "any one"]),
        "Whether every receiving service gets its own copy, or one of them the message.",
    )
    .default("each service")
    .rule("R6")
    .example("to: any one"),
    Key::new("of", &[Cache], Shape::Name("table"), "The table whose rows it holds.").rule("R7").example("of: orders"),
    Key::new("of", &[Disk, Memory], Shape::Name("service"), "The service whose replicas each have their own.")
        .required()
        .rule("R3")
        .example("of: web"),
    Key::new("ttl", &[Cache, Disk, Memory], Shape::Duration, "How long an entry lives.").rule("R7").example("ttl: 15m"),
    Key::new(
        "on_write",
        &[Cache],
        Shape::OneOf(&["leave", "invalidate", "refresh"]),
        "What a write to the cached table does to the entry.",
    )
    .default("leave")
    .rule("R7")
    .example("on_write: invalidate"),
    Key::new("fresh", &[Cache], Shape::OneOf(&["required"]), "A stale entry within its ttl is harm.")
        .rule("R7")
        .example("fresh: required"),
    Key::new(
        "allowed",
        &[Effect],
        Shape::List("FIELD"),
        "What the fields may be sent as, `x: A|B`; anything else is loss. Other fields may be anything.",
    )
    .rule("R10")
    .example("allowed: [kind: rlp]"),
    Key::new("at_most", &[Effect], Shape::OneOf(&["once"]), "A second time for one item is loss.")
        .rule("R10")
        .example("at_most: once"),
    Key::new("between", &[Api], Shape::Name("service"), "Replicas of one service call each other.")
        .rule("R4")
        .example("between: relay"),
    Key::new("to", &[Api], Shape::OneOrList("service"), "The service or services that receive the call.")
        .rule("R4")
        .example("to: web"),
    Key::new(
        "route",
        &[Api],
        Shape::Form("any|ROLE"),
        "Which replicas receive the call: any, or the one that holds a role; `stable`, `canary`, `sticky` or a config are not supported yet.",
    )
    .default("any")
    .rule("R4")
    .example("route: leader"),
    Key::new("of", &[Role], Shape::Name("service"), "The service one of whose replicas holds it.")
        .required()
        .rule("R6")
        .example("of: web"),
    Key::new(
        "quorum",
        &[Role],
        Shape::OneOf(&["one", "majority"]),
        "How many replicas must be up for it to be held: any one, or more than half of those that are not fenced.",
    )
    .default("one")
    .rule("R6")
    .example("quorum: majority"),
    Key::new("starts", &[Flag], Shape::OneOf(&["on", "off"]), "The value at the start.")
        .default("off")
        .rule("R11")
        .example("starts: on"),
    Key::new("values", &[Config], Shape::List("NAME"), "The values; the first holds at the start.")
        .required()
        .rule("R11")
        .example("values: [old, new]"),
    Key::new("of", &[Flag, Config], Shape::Name("service"), "The service that observes it.")
        .default("all")
        .rule("R11")
        .example("of: web"),
    Key::new(
        "observed",
        &[Flag, Config],
        Shape::Form("at once|within DURATION|on restart"),
        "How each replica learns of a change.",
    )
    .default("at once")
    .rule("R11")
    .example("observed: within 60s"),
    Key::new("irreversible", &[Flag, Config], Shape::Bool, "Whether it moves only towards the end of its list.")
        .default("false")
        .rule("R11")
        .example("irreversible: true"),
    Key::new("becomes", &[Config], Shape::Later, "When the environment changes it by itself.")
        .rule("R11")
        .example("becomes: {new: any time}")
        .not_yet(),
];
