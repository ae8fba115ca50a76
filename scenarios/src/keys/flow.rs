use super::Where::Step;
use super::{Key, Shape};

const STEP: &[super::Where] = &[Step];

/// The verbs of steps.
pub(super) const VERBS: &[Key] = &[
    Key::new("migrate", STEP, Shape::Form("TABLE.MIGRATION [undo]"), "Runs a migration, or takes it back.")
        .rule("R9 R11")
        .example("migrate: orders.expand"),
    Key::new(
        "deploy",
        STEP,
        Shape::Form("SERVICE VERSION"),
        "Moves the replicas of a service to a version, a share at a time.",
    )
    .rule("R11")
    .example("deploy: orders v2"),
    Key::new("flag", STEP, Shape::Form("FLAG on|off"), "Turns a flag; done when every live actor observes it.")
        .rule("R11")
        .example("flag: write_queued on"),
    Key::new("set", STEP, Shape::Form("CONFIG VALUE"), "Sets a config.").rule("R11").example("set: level new"),
    Key::new(
        "backfill",
        STEP,
        Shape::Form("PLACE.FIELD from FIELD|PLACE.FIELD|\"text\", or PLACE.FIELD A -> B"),
        "Passes each item once, while traffic goes on, and fills the field.",
    )
    .rule("R8")
    .example("backfill: orders.order_status from status"),
    Key::new("wait", STEP, Shape::Form("DURATION|until FACT"), "Lets time pass, or waits for a fact.")
        .rule("R11")
        .example("wait: until app-5 traffic < 1%"),
    Key::new("drain", STEP, Shape::Name("queue"), "Waits until every message that was there is gone.")
        .rule("R11")
        .example("drain: order-placed"),
    Key::new("flush", STEP, Shape::Name("cache"), "Empties a cache.").rule("R7 R11").example("flush: order-cache"),
    Key::new(
        "purge",
        STEP,
        Shape::Form("PLACE [where FIELD is TAG|absent|stale]"),
        "Discards items; their loss is accepted.",
    )
    .rule("R10 R11")
    .example("purge: order-placed"),
    Key::new("move", STEP, Shape::Form("QUEUE to QUEUE"), "Moves the messages of a queue into another.")
        .rule("R11")
        .example("move: old-orders to order-placed"),
    Key::new("requeue", STEP, Shape::Name("queue"), "Puts the dead letters of a queue back into it.")
        .rule("R6 R11")
        .example("requeue: order-placed"),
    Key::new("backup", STEP, Shape::Name("table, document or disk"), "Takes a backup of every item, as it is. What is lost while it can be restored hurts, but is not gone for good.")
        .rule("R10 R11")
        .example("backup: orders"),
    Key::new(
        "restore",
        STEP,
        Shape::Form("PLACE [from STEP]"),
        "Puts the last backup back, or that of a step of the plan; the loss of what it replaces is accepted.",
    )
    .rule("R10 R11")
    .example("restore: orders"),
    Key::new("restart", STEP, Shape::Name("service"), "Restarts the replicas of a service, a share at a time.")
        .rule("R11")
        .example("restart: web"),
    Key::new(
        "replace",
        STEP,
        Shape::Name("service"),
        "New replicas of the same version, one at a time, with the disks of the start, also in the place of fenced ones; \
         the loss of what was on the old ones is accepted.",
    )
    .rule("R10 R11")
    .example("replace: web"),
    Key::new(
        "scale",
        STEP,
        Shape::Form("SERVICE N"),
        "Changes the number of replicas; new ones have the disks of the start and the version deployed last.",
    )
    .rule("R10 R11")
    .example("scale: web 6"),
    Key::new(
        "fence",
        STEP,
        Shape::Form("SERVICE [VERSION] [where PLACE.FIELD is [not] TAG|absent|stale]"),
        "Stops replicas for good: no quorum, guard or step counts them, and their disks are kept.",
    )
    .rule("R6 R11")
    .example("fence: web v1"),
    Key::new("shed", STEP, Shape::Later, "Turns load away.").rule("R6").example("shed: db").not_yet(),
    Key::new("reload", STEP, Shape::Later, "Makes a client load the current version.")
        .rule("R11")
        .example("reload: page")
        .not_yet(),
    Key::new("pause", STEP, Shape::Remark, "A person confirms.").rule("R11").example("pause: look at the dashboards"),
    Key::new("parallel", STEP, Shape::Later, "Steps that run side by side.")
        .rule("R11")
        .example("parallel: [{deploy: web v2}, {deploy: api v2}]")
        .not_yet(),
];

/// What may stand beside the verb of a step.
pub(super) const KEYS: &[Key] = &[
    Key::new("id", STEP, Shape::Text, "Its name; else verb and value, repeats with ` #2`.")
        .rule("V4")
        .example("id: stop-dual-write"),
    Key::new("when", STEP, Shape::Fact, "Its guard: it can begin only while this holds.")
        .rule("R11")
        .example("when: all web >= v2"),
    Key::new("needs", STEP, Shape::List("STEP"), "Steps that must be done before.")
        .rule("R11")
        .example("needs: [orders.expand]"),
    Key::new("undo", STEP, Shape::WordOrSteps(&["none"]), "What takes it back, instead of its inverse.")
        .rule("V2")
        .example("undo: none"),
    Key::new("floor", STEP, Shape::Bool, "Once it is done, rolling back means back to here.")
        .default("false")
        .rule("V1")
        .example("floor: true"),
    Key::new(
        "verify",
        STEP,
        Shape::Form("count(FIELD is absent|TAG|distinct from FIELD) OP N"),
        "A guard on its end: while it is false the step is not done.",
    )
    .rule("R11")
    .example("verify: count(order_status is absent) == 0")
    .with(&["migrate", "backfill", "purge"]),
    Key::new("once", STEP, Shape::Bool, "It does not run again on a second attempt.")
        .default("false")
        .rule("R11")
        .example("once: true"),
    Key::new("stragglers", STEP, Shape::OneOf(&["included"]), "It moves the stragglers too.")
        .rule("R11")
        .example("stragglers: included")
        .with(&["deploy", "fence"]),
    Key::new("like", STEP, Shape::Name("version"), "The declared version that the deployed one behaves as.")
        .rule("R11")
        .example("like: v2")
        .with(&["deploy"]),
    Key::new("ready_in", STEP, Shape::Duration, "How long until the release exists.")
        .example("ready_in: 45m")
        .with(&["deploy"])
        .time_only(),
    Key::new("overwrite", STEP, Shape::Bool, "Not only absent targets.")
        .default("false")
        .rule("R8")
        .example("overwrite: true")
        .with(&["backfill"]),
    Key::new("batched", STEP, Shape::Bool, "Reading and writing are two moves; a write may fall between.")
        .default("false")
        .rule("R8")
        .example("batched: true")
        .with(&["backfill"]),
    Key::new("rate", STEP, Shape::Form("N rows/s"), "How fast it goes.")
        .example("rate: 20k rows/s")
        .with(&["backfill"])
        .time_only(),
    Key::new("idempotent", STEP, Shape::Bool, "Whether doing an item twice is harmless.")
        .default("true")
        .rule("R8")
        .example("idempotent: false")
        .with(&["backfill"]),
];
