//! Every key of the table is read and shows in `explain`: two files that differ in that key alone read differently.

use turnback_scenarios::diagnostics::{Look, render};
use turnback_scenarios::explain;
use turnback_scenarios::keys::{self, Key, Status, Where};

/// A scenario with a mark in every map; the mark is replaced by the example of a key.
const BASE: &str = "
turnback: 1
name: Base
tables: {
  orders: {@table columns: {id: not_null, sku: not_null, status: nullable, token: {@field values: k1|k2}},
    migrations: {expand: {add_column: order_status}}} }
documents: {profile: {@document }}
queues: {order-placed: {@queue }, old-orders: {}}
caches: {order-cache: {@cache }}
disks: {spool: {@disk of: web}}
memory: {session: {@memory of: web}}
effects: {market: {@effect }, post: {}}
apis: {peer-sync: {@api between: web}}
roles: {leader: {@role of: web}}
flags: {write_queued: off, fast: {@flag }}
config: {level: {@config values: [old, new]}}
services: {
  web: {@service versions: {
    v1: {reads: {orders: [status]}, writes: {orders: [sku, status, token]}, sends: {order-placed: [sku], market: [kind: rlp|ssz]}},
    v2: {extends: v1, if write_queued: {@if }},
    v3: {@version },
    v4: {reads: {orders: {@fields fields: [status]}}}, v5: {handlers: {h: {@handler }}}}},
  orders: {versions: {v1: {}, v2: {}}},
  api: {versions: {v1: {receives: {POST /v1/orders: [sku]}}, v2: {}}, sessions: {per_replica: 40, lifetime: 6h}},
  relay: {@body }}
clients: {app-5: {traffic: 5%, sends: {POST /v1/orders: [sku]}, receives: {POST /v1/orders.reply: []}},
  app-6: {@client }, app-7: {}}
gates: {healthy: {@gate abort_if: [error_rate > 2%]}}
defaults: {@defaults }
operator: {@operator }
plans: {
  p: {@plan steps: [@verb {migrate: orders.expand}, {@deploy deploy: web v2},
    {@backfill backfill: orders.order_status from status}, {deploy: web v2.1, like: v2}]},
  q: {steps: [{deploy: web v2}], expect: {@expect verdict: safe}}}
metrics: {reads_ok: ok share of POST /v1/orders}
services_end: none
";

/// Where the base already has the key, or its example does not fit there: what to replace by what.
const PATCHES: &[(Where, &str, &str, &str)] = &[
    (Where::Top, "name", "name: Base", "name: Another"),
    (Where::Top, "tables", "tables: {", "tables: {more: {columns: {id: not_null}}, "),
    (Where::Top, "documents", "documents: {", "documents: {more: {}, "),
    (Where::Top, "queues", "queues: {", "queues: {more: {}, "),
    (Where::Top, "caches", "caches: {", "caches: {more: {}, "),
    (Where::Top, "disks", "disks: {", "disks: {more: {of: web}, "),
    (Where::Top, "memory", "memory: {", "memory: {more: {of: web}, "),
    (Where::Top, "effects", "effects: {", "effects: {more: {}, "),
    (Where::Top, "apis", "apis: {", "apis: {more: {to: web}, "),
    (Where::Top, "roles", "roles: {", "roles: {more: {of: web}, "),
    (Where::Top, "flags", "write_queued: off", "write_queued: on"),
    (Where::Top, "config", "config: {", "config: {more: {values: [a, b]}, "),
    (Where::Top, "services", "services: {", "services: {more: {}, "),
    (Where::Top, "clients", "clients: {", "clients: {more: {}, "),
    (Where::Top, "gates", "gates: {", "gates: {more: {abort_if: [p99 > 2s]}, "),
    (Where::Top, "metrics", "metrics: {", "metrics: {more: ok share of POST /v1/orders, "),
    (Where::Top, "defaults", "defaults: {", "defaults: {bake: 7m, "),
    (Where::Top, "operator", "operator: {", "operator: {waits_at_most: 7h, "),
    (Where::Top, "plans", "plans: {", "plans: {more: {steps: []}, "),
    (Where::Top, "plan", "plans: {\n  p: {@plan steps", "plan: [{wait: 1d}]\nrest: {\n  p: {@plan steps"),
    (Where::Table, "columns", "status: nullable", "status: not_null"),
    (Where::Table, "migrations", "expand: {", "more: {add_column: more}, expand: {"),
    (Where::Migration, "add_column", "expand: {", "more: {add_column: more}, expand: {"),
    (Where::Migration, "drop_column", "expand: {", "more: {drop_column: status}, expand: {"),
    (Where::Migration, "rename_column", "expand: {", "more: {rename_column: {status: state}}, expand: {"),
    (Where::Migration, "alter_column", "expand: {", "more: {alter_column: {status: not_null}}, expand: {"),
    (Where::Migration, "drop_value", "expand: {", "more: {drop_value: {token: k1}}, expand: {"),
    (Where::Field, "values", "k1|k2", "k1|k3"),
    (Where::Disk, "of", "{@disk of: web", "{@disk of: api"),
    (Where::Memory, "of", "{@memory of: web", "{@memory of: api"),
    (Where::Api, "between", "between: web", "between: api"),
    (Where::Api, "to", "between: web", "to: relay"),
    (Where::Role, "of", "{@role of: web", "{@role of: api"),
    (Where::Config, "values", "[old, new]", "[old, new, newest]"),
    (
        Where::Service,
        "versions",
        "orders: {versions: {v1: {}, v2: {}}}",
        "orders: {versions: {v1: {}, v2: {}, v3: {}}}",
    ),
    (Where::Service, "extends", "@body ", "extends: web v1,"),
    (Where::Client, "extends", "@client ", "extends: web v1,"),
    (Where::Sessions, "per_replica", "per_replica: 40", "per_replica: 41"),
    (Where::Sessions, "lifetime", "lifetime: 6h", "lifetime: 7h"),
    (Where::Fields, "fields", "fields: [status]", "fields: [status, sku]"),
    (Where::Plan, "steps", "{deploy: web v2}], expect", "{deploy: web v3}], expect"),
    (Where::Expect, "verdict", "verdict: safe", "verdict: unsafe"),
    (Where::Gate, "abort_if", "error_rate > 2%", "error_rate > 3%"),
    (Where::Step, "restore", "@verb ", "{backup: orders}, {restore: orders}, "),
    (Where::Step, "like", "like: v2", "like: v1"),
    (Where::Step, "parallel", "@verb ", "{parallel: [{restart: web}, {restart: api}]}, "),
];

/// Keys that have one value only.
const ONE_VALUE: [&str; 1] = ["turnback"];

fn mark(stands: Where, key: &Key) -> &'static str {
    match stands {
        Where::Top => "@top",
        Where::Table => "@table",
        Where::Document => "@document",
        Where::Queue => "@queue",
        Where::Cache => "@cache",
        Where::Disk => "@disk",
        Where::Memory => "@memory",
        Where::Field => "@field",
        Where::Migration | Where::Sessions => "@none",
        Where::Effect => "@effect",
        Where::Api => "@api",
        Where::Role => "@role",
        Where::Flag => "@flag",
        Where::Config => "@config",
        Where::Service if keys::find(Where::Version, key.name).is_some() => "@body",
        Where::Service => "@service",
        Where::Client => "@client",
        Where::Version => "@version",
        Where::Overlay => "@if",
        Where::Handler => "@handler",
        Where::Fields => "@fields",
        Where::Plan => "@plan",
        Where::Step if key.is_verb() => "@verb",
        Where::Step if key.verbs.contains(&"backfill") => "@backfill",
        Where::Step => "@deploy",
        Where::Defaults => "@defaults",
        Where::Gate => "@gate",
        Where::Operator => "@operator",
        Where::Expect => "@expect",
    }
}

fn base() -> String {
    BASE.replace("services_end: none\n", "@top \n")
}

fn with(stands: Where, key: &Key) -> String {
    let base = base();
    let patch = PATCHES.iter().find(|patch| patch.0 == stands && patch.1 == key.name);
    if let Some((_, _, before, after)) = patch {
        assert_eq!(base.matches(before).count(), 1, "{before}");
        let text = base.replace(before, after);
        return match text.find("rest: {") {
            Some(at) => text[..at].to_owned(),
            None => text,
        };
    }
    let mark = mark(stands, key);
    let example = match mark {
        "@top" => format!("{}\n", key.example),
        "@verb" => format!("{{{}}},", key.example),
        _ => format!("{},", key.example),
    };
    let mark = format!("{mark} ");
    assert_eq!(base.matches(&mark).count(), 1, "{mark} for {}", key.name);
    base.replace(&mark, &example)
}

fn without_marks(text: &str) -> String {
    let mut kept = String::new();
    let mut parts = text.split('@');
    kept.push_str(parts.next().unwrap_or_default());
    for part in parts {
        kept.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphabetic()));
    }
    kept
}

fn explained(text: &str) -> String {
    let text = without_marks(text);
    match turnback_scenarios::read("s.yaml", text.as_bytes()) {
        Ok(read) => explain(&read.scenario),
        Err(failed) => panic!("{}", render(&failed.source, &failed.diagnostics, Look::default())),
    }
}

fn pairs() -> impl Iterator<Item = (Where, &'static Key)> {
    Where::ALL.into_iter().flat_map(|stands| keys::of(stands).map(move |key| (stands, key)))
}

#[test]
fn every_key_makes_a_difference() {
    let plain = explained(&base());
    let mut silent = Vec::new();
    for (stands, key) in pairs() {
        if key.status == Status::NotYet || ONE_VALUE.contains(&key.name) {
            continue;
        }
        if explained(&with(stands, key)) == plain {
            silent.push(format!("{} in {}", key.name, stands.title()));
        }
    }
    assert!(silent.is_empty(), "read but not told: {silent:?}");
}

#[test]
fn what_is_not_supported_yet_is_refused_by_name() {
    for (stands, key) in pairs().filter(|(_, key)| key.status == Status::NotYet) {
        let text = without_marks(&with(stands, key));
        let failed = turnback_scenarios::read("s.yaml", text.as_bytes()).expect_err(key.name);
        let named = failed
            .diagnostics
            .iter()
            .any(|diagnostic| diagnostic.code.as_str() == "TB104" && diagnostic.message.contains(key.name));
        assert!(named, "{} in {}", key.name, stands.title());
    }
}

#[test]
fn every_key_is_read_where_it_stands_only() {
    let text = without_marks(&base()).replace("name: Base", "name: Base\nreplicas: 3");
    let failed = turnback_scenarios::read("s.yaml", text.as_bytes()).expect_err("a misplaced key");
    assert_eq!(failed.diagnostics.len(), 1);
    assert_eq!(failed.diagnostics[0].code.as_str(), "TB101");
    assert_eq!(failed.diagnostics[0].help, ["`replicas` stands in: service"]);
}
