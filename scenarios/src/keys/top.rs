use super::Where::{Defaults, Expect, Gate, Operator, Plan, Step, Top};
use super::{Key, Shape, Where};

/// Keys of the file, and of the small maps that belong to it.
pub(super) const KEYS: &[Key] = &[
    Key::new("turnback", &[Top], Shape::OneOf(&["1"]), "The version of the language.")
        .required()
        .rule("V5")
        .example("turnback: 1"),
    Key::new("name", &[Top], Shape::Text, "What the scenario is about.")
        .required()
        .rule("V6")
        .example("name: Rename orders.status to order_status"),
    Key::new("tables", &[Top], Shape::Named(Where::Table), "Rows, written column by column.")
        .rule("R1 R2 R9")
        .example("tables: {orders: {columns: {id: not_null, status: nullable}}}"),
    Key::new("documents", &[Top], Shape::Named(Where::Document), "Items replaced as a whole by whoever writes them.")
        .rule("R3")
        .example("documents: {profile: {fields: {name: any}}}"),
    Key::new("queues", &[Top], Shape::Named(Where::Queue), "Messages: at least once, in any order unless said otherwise.")
        .rule("R4 R6")
        .example("queues: {order-placed: {attempts: 5}}"),
    Key::new("caches", &[Top], Shape::Named(Where::Cache), "Entries filled by some version; they may vanish or be stale.")
        .rule("R7")
        .example("caches: {order-cache: {of: orders, ttl: 15m}}"),
    Key::new("disks", &[Top], Shape::Named(Where::Disk), "Items private to each replica of a service; they survive a restart.")
        .rule("R3 R10")
        .example("disks: {spool: {of: relay}}"),
    Key::new("memory", &[Top], Shape::Named(Where::Memory), "Items private to each replica of a service; a restart empties them.")
        .rule("R3")
        .example("memory: {session: {of: web}}"),
    Key::new("apis", &[Top], Shape::Named(Where::Api), "Calls between live actors. An undeclared `METHOD /path` goes to whoever receives it or sends its `.reply`.")
        .rule("R4 R5")
        .example("apis: {peer-sync: {between: relay}}"),
    Key::new("effects", &[Top], Shape::Named(Where::Effect), "Places outside to send to; nothing sent can be taken back.")
        .rule("R10")
        .example("effects: {market: {allowed: [kind: rlp], at_most: once}}"),
    Key::new("capacities", &[Top], Shape::Later, "Limits that versions and handlers share.")
        .rule("R6")
        .example("capacities: {db: {limit: 100}}")
        .not_yet(),
    Key::new("roles", &[Top], Shape::Named(Where::Role), "What one running replica holds while a quorum is up.")
        .rule("R6")
        .example("roles: {leader: {of: zk, quorum: majority}}"),
    Key::new("flags", &[Top], Shape::NamedEither("on|off", Where::Flag), "Switches with the values `off` and `on`; the value given is the one at the start.")
        .rule("R11")
        .example("flags: {write_queued: off}"),
    Key::new("config", &[Top], Shape::Named(Where::Config), "Values that actors observe; the first one listed holds at the start.")
        .rule("R11")
        .example("config: {level: {values: [old, new]}}"),
    Key::new("services", &[Top], Shape::Named(Where::Service), "What we deploy.")
        .rule("R11")
        .example("services: {web: {reads: {orders: [status]}}}"),
    Key::new("clients", &[Top], Shape::Named(Where::Client), "What we do not deploy: browsers, apps, partners.")
        .rule("R4 R5")
        .example("clients: {app-5: {sends: {POST /v1/orders: [sku]}}}"),
    Key::new("plan", &[Top], Shape::Steps, "The rollout: steps in order. Not together with `plans`.")
        .rule("R11 V2")
        .example("plan: [{deploy: web v2}]"),
    Key::new("plans", &[Top], Shape::Named(Plan), "Several rollouts of one fleet, by name; each may have its own `rollback`, `rollforward` and `expect`.")
        .rule("R11 V2")
        .example("plans: {fast: {steps: [{deploy: web v2}]}}"),
    Key::new("steps", &[Plan], Shape::Steps, "The steps of a named plan, in order.")
        .required()
        .rule("R11 V2")
        .example("steps: [{deploy: web v2}]"),
    Key::new("together", &[Top, Plan], Shape::Later, "Two plans interleaved.")
        .rule("V2")
        .example("together: [p, q]")
        .not_yet(),
    Key::new(
        "rollback",
        &[Top, Plan],
        Shape::WordOrSteps(&["inverse", "code-only", "undo-everything"]),
        "The declared way back: the exact reverse order (`inverse`), the deploys alone (`code-only`), also the down-migrations (`undo-everything`), a list of steps, or a list per floor (`{to STEP: [...]}`).",
    )
    .default("inverse")
    .rule("V2 V3")
    .example("rollback: [{deploy: web v1}]"),
    Key::new("rollforward", &[Top, Plan], Shape::Steps, "A declared hotfix: steps that end the rollout instead of finishing the plan.")
        .rule("V2")
        .example("rollforward: [{deploy: web v2.1, like: v2}]"),
    Key::new("expect", &[Top, Plan], Shape::Map(Expect), "The promises.")
        .rule("V4 V5")
        .example("expect: {rollback_safe_until: end}"),
    Key::new("repairs", &[Top], Shape::Steps, "What a repair may use beyond flush, drain, requeue, flags and deploys; an unordered set.")
        .rule("V2")
        .example("repairs: [{purge: order-placed}]"),
    Key::new("defaults", &[Top], Shape::Map(Defaults), "What holds for every deploy that does not say otherwise.")
        .rule("R11")
        .example("defaults: {bake: 10m}"),
    Key::new("gates", &[Top], Shape::Named(Gate), "When a step is to be aborted.")
        .rule("V7")
        .example("gates: {healthy: {abort_if: [error_rate > 2%]}}"),
    Key::new("metrics", &[Top], Shape::NamedText("ok share of API|SERVICE.HANDLER"), "Metrics of your own.")
        .rule("V7")
        .example("metrics: {checkout_success: ok share of POST /v1/orders}"),
    Key::new("operator", &[Top], Shape::Map(Operator), "What the operator may and can do.")
        .rule("V2")
        .example("operator: {may_not: [forward]}"),
    Key::new("faults", &[Top], Shape::OneOf(&["on", "none"]), "Whether restarts nobody ordered, duplicates and early evictions may happen.")
        .default("on")
        .rule("R6 R7")
        .example("faults: none"),
    Key::new("canary", &[Step, Defaults], Shape::Form("[N replica(s)|PCT...] or none"), "Stages of a rolling step; one that does not end at 100% stays there.")
        .default("[1 replica, 100%]")
        .rule("R11")
        .example("canary: [5%, 25%, 100%]")
        .with(&["deploy", "set", "restart"]),
    Key::new("bake", &[Step, Defaults], Shape::Duration, "How long each stage is watched.")
        .default("0m")
        .example("bake: 10m")
        .with(&["deploy", "set", "restart"])
        .time_only(),
    Key::new("gate", &[Step, Defaults], Shape::Name("gate or none"), "The gate that watches the step.")
        .default("none")
        .rule("V7")
        .example("gate: healthy"),
    Key::new("abort_if", &[Gate], Shape::List("METRIC [of canary|stable|fleet] OP LIMIT"), "Conditions; any one that holds long enough aborts the step.")
        .required()
        .rule("V7")
        .example("abort_if: [error_rate > 2%, p99 > 1.4x baseline]"),
    Key::new("for", &[Gate], Shape::Duration, "How long a condition must hold.")
        .default("0m")
        .example("for: 10m")
        .time_only(),
    Key::new("may_not", &[Operator], Shape::List("VERB|forward"), "Moves the operator may not make; `forward` = the new version turned out bad, finishing is no way out.")
        .rule("V2")
        .example("may_not: [forward]"),
    Key::new("needs", &[Operator], Shape::NamedText("FACT"), "Moves (a verb, or a verb and its argument) that exist only while a fact holds.")
        .rule("V2")
        .example("needs: {flush: all web up}"),
    Key::new("takes", &[Operator], Shape::NamedText("DURATION"), "How long a move takes.")
        .example("takes: {deploy: 6m}")
        .time_only(),
    Key::new("waits_at_most", &[Operator], Shape::Duration, "The longest wait the operator may use in a recovery; longer clocks do not run out by themselves.")
        .default("1h")
        .rule("V2 R7")
        .example("waits_at_most: 2h"),
    Key::new("verdict", &[Expect], Shape::OneOf(&["safe", "unsafe", "undecided"]), "The verdict that is expected.")
        .rule("V5")
        .example("verdict: unsafe"),
    Key::new("recovery", &[Expect], Shape::OneOf(&["safe", "rollback", "forward", "repair", "irrecoverable"]), "The worst zone that is expected.")
        .rule("V2")
        .example("recovery: rollback"),
    Key::new("loss", &[Expect], Shape::OneOf(&["none", "accepted"]), "Whether the loss of what a way out discards is accepted; if not, such a way out is named.")
        .default("none")
        .rule("R10")
        .example("loss: accepted"),
    Key::new("rollback_safe_until", &[Expect], Shape::Name("step, start or end"), "The rollback ends at home from every position before this step.")
        .default("end")
        .rule("V4")
        .example("rollback_safe_until: end"),
    Key::new("no_return", &[Expect], Shape::Form("STEP [when ACTOR verb PLACE|CONFIG becomes VALUE|PLACE expires|SERVICE starts]"), "The point of no return that is expected.")
        .rule("V4")
        .example("no_return: deploy web v2 when web writes orders"),
    Key::new("METRIC", &[Expect], Shape::Limit, "A limit for a metric: `<`, `<=`, `==`, `>=`, `>`, `at least` or `at most`, and a number, percentage, duration or `Nx baseline`.")
        .example("rejected_requests: < 1%")
        .time_only(),
];
