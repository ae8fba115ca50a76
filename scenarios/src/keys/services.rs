use super::Where::{Client, Fields, Handler, Overlay, Service, Sessions, Version};
use super::{Key, Shape, Where};

const BODY: &[Where] = &[Version, Service, Client, Overlay];
const VERBS: &[Where] = &[Version, Service, Client, Overlay, Handler];
const RELEASE: &[Where] = &[Version, Service, Client];
const OTHERWISE: &[Where] = &[Version, Service, Client, Overlay, Handler, Fields];
/// How a handler may end.
pub(crate) const OUTCOMES: &[&str] = &["ignore", "reject", "retry", "drop", "crash", "misread"];

/// Keys of services, clients, versions and handlers.
pub(super) const KEYS: &[Key] = &[
    Key::new("replicas", &[Service], Shape::Number, "Running copies; `check` counts at most three unless told otherwise.")
        .default("3")
        .rule("R11")
        .example("replicas: 6"),
    Key::new("stragglers", &[Service], Shape::Form("N at VERSION"), "Replicas that no step moves, unless it says `stragglers: included`.")
        .rule("R11")
        .example("stragglers: 1 at v1"),
    Key::new("sessions", &[Service], Shape::Map(Sessions), "Long-lived sessions held by each replica.")
        .example("sessions: {per_replica: 400, lifetime: 6h}")
        .time_only(),
    Key::new("per_replica", &[Sessions], Shape::Number, "Sessions on one replica.")
        .required()
        .example("per_replica: 400")
        .time_only(),
    Key::new("lifetime", &[Sessions], Shape::Duration, "How long a session lasts.")
        .required()
        .example("lifetime: 6h")
        .time_only(),
    Key::new("owner", &[Service], Shape::Text, "Who is told.")
        .example("owner: team-checkout")
        .time_only(),
    Key::new("versions", &[Service], Shape::Named(Version), "The releases; the first runs at the start. A service that no step deploys needs none.")
        .rule("R11")
        .example("versions: {v1: {reads: {orders: [status]}}}"),
    Key::new("traffic", &[Client], Shape::Form("PCT|PCT falling to PCT in DURATION|rest"), "Its share of the traffic, and whether it fades.")
        .rule("R11")
        .example("traffic: 60% falling to 1% in 30d"),
    Key::new("lives", &[Client], Shape::Duration, "How long it keeps its version.")
        .rule("R11")
        .example("lives: 8h"),
    Key::new("loaded_from", &[Client], Shape::Later, "The service it is loaded from, and so the version it has.")
        .rule("R11")
        .example("loaded_from: web")
        .not_yet(),
    Key::new("versions", &[Client], Shape::Later, "What a client loaded from a service does, by version of that service.")
        .rule("R11")
        .example("versions: {v1: {}}")
        .not_yet(),
    Key::new("reads", VERBS, Shape::Places, "What it reads, per place.")
        .rule("R5")
        .example("reads: {orders: [order_status or status]}"),
    Key::new("writes", VERBS, Shape::Places, "What it writes, per place.")
        .rule("R2 R3")
        .example("writes: {orders: [status]}"),
    Key::new("sends", VERBS, Shape::Places, "The messages, calls and replies (`.reply`) it sends.")
        .rule("R4")
        .example("sends: {order-placed: [sku]}"),
    Key::new("receives", VERBS, Shape::Places, "The messages, calls and replies (`.reply`) it understands.")
        .rule("R5 R6")
        .example("receives: {order-placed: [sku or nothing]}"),
    Key::new("deletes", VERBS, Shape::List("PLACE"), "The places whose item it removes.")
        .rule("R10")
        .example("deletes: [order-cache]"),
    Key::new("handlers", BODY, Shape::Named(Handler), "Handlers of their own, by name; `none` removes one.")
        .rule("R6")
        .example("handlers: {nightly: {trigger: at 02:00, reads: {orders: [status]}}}"),
    Key::new("uses", VERBS, Shape::Later, "How much of a capacity it uses.")
        .rule("R6")
        .example("uses: {db: 80}")
        .not_yet(),
    Key::new("extends", RELEASE, Shape::Form("[SERVICE ]VERSION"), "Starts from what another version does; what is named here replaces it.")
        .rule("R4 R5")
        .example("extends: v1"),
    Key::new("starts_if", RELEASE, Shape::Fact, "Else its start crashes, again and again.")
        .rule("R6")
        .example("starts_if: level is new"),
    Key::new("keeps_unknown", BODY, Shape::Bool, "Whether it keeps the fields it does not know when it replaces an item that it read.")
        .default("false")
        .rule("R3")
        .example("keeps_unknown: true"),
    Key::new("ready_in", RELEASE, Shape::Duration, "How long its start takes.")
        .example("ready_in: 45s")
        .time_only(),
    Key::new("latency", RELEASE, Shape::Duration, "How long a request takes.")
        .example("latency: 20ms")
        .time_only(),
    Key::new("artifact", RELEASE, Shape::Text, "The image or package.")
        .example("artifact: registry/orders:3.10")
        .time_only(),
    Key::new("on_missing_field", OTHERWISE, Shape::OneOf(OUTCOMES), "What happens when a needed field is absent.")
        .default("reject")
        .rule("R5 R6")
        .example("on_missing_field: crash"),
    Key::new("on_unknown_field", OTHERWISE, Shape::OneOf(OUTCOMES), "What happens when a field arrives that it does not know.")
        .default("ignore")
        .rule("R5 R6")
        .example("on_unknown_field: reject"),
    Key::new("on_unknown_value", OTHERWISE, Shape::OneOf(OUTCOMES), "What happens when a value arrives that it does not accept.")
        .default("reject")
        .rule("R5 R6")
        .example("on_unknown_value: crash"),
    Key::new("if COND", BODY, Shape::Map(Overlay), "What changes while flags and configs are observed so, and a role is held: `[not] FLAG`, `CONFIG is [not] VALUE`, `[not] ROLE`, joined by ` and `.")
        .rule("R11")
        .example("if write_queued: {writes: {orders: [status]}}"),
    Key::new("trigger", &[Handler], Shape::Form("start|every DURATION|at HH:MM|write PLACE"), "What wakes it; else what arrives at what it `receives`, else a user.")
        .rule("R6")
        .example("trigger: every 24h"),
    Key::new("when", &[Handler], Shape::Fact, "It runs only while this holds.")
        .rule("R6")
        .example("when: all web up"),
    Key::new("ends_in", &[Handler], Shape::OneOf(OUTCOMES), "A declared bug: it may end so.")
        .rule("R6")
        .example("ends_in: crash"),
    Key::new("same_transaction", &[Handler], Shape::Bool, "Whether nothing can fall between its reads, writes and sends.")
        .default("false")
        .rule("R6")
        .example("same_transaction: true"),
    Key::new("fields", &[Fields], Shape::List("FIELD"), "The fields, when something else is said of this place too.")
        .required()
        .rule("R4 R5")
        .example("fields: [sku]"),
];
