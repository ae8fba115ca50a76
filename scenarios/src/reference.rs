//! The reference of the language, generated from the key table.

use crate::keys::{self, Key, Shape, Status, Where};

const HEAD: &str = "# The scenario language

Generated from the key table; do not edit. `turnback schema` prints the same as a JSON Schema.

A scenario is a YAML file. Text is never converted: `3.10`, `on`, `NO` and `02:00` stay text. The order of maps counts.
Null, anchors, aliases, merge keys, tags, duplicate keys and several documents are errors.

| form | means |
| --- | --- |
| NAME | letters, digits and `. - _ /` |
| DURATION | a number and `ms`, `s`, `m`, `h`, `d` or `w`: `10m`, `7d`, `1.5h` |
| PCT | a percentage from 0 to 100: `5%` |
| N | a whole number; `k`, `M`, `G` may follow: `20k` |
| TAGS | values joined by `\\|`: `PENDING\\|PAID`; reserved: `wrong any fresh stale absent` |
| FIELD | `x`, `x or y` (fallback), `x or \"text\"` (default), `x or nothing` (optional), `x: A\\|B` (values), `x from place.field [or nothing]` (copied) |
| FIELDS | a list of FIELD, or `{fields: [...], on_missing_field: ...}`, or `none` (removed) |
| COND | `[not] FLAG`, `CONFIG is [not] VALUE`, `[not] ROLE`, joined by ` and ` |
| FACT | `all S >= V`, `all S at V`, `all S up`, `any S [at V] up`, `no S V`, `no CLIENT`, `no PLACE where FIELD is [not] TAG\\|absent\\|stale`, `PLACE is empty\\|absent\\|present`, `PLACE.FIELD is [not] TAG\\|absent\\|stale`, `CONFIG is [not] VALUE`, `FLAG is on\\|off`, `ROLE is held\\|vacant`, `DURATION since STEP`, `CLIENT traffic < PCT`; joined by ` and `, or a list |
| STEP | a map with exactly one verb and any modifiers |
| OP LIMIT | `<` `<=` `==` `>=` `>` `at least` `at most`, and a number, PCT, DURATION or `Nx baseline`. YAML does not let a value begin with `>`: write `at least 1%`, or quote it |

A step is called by its `id`, else by verb and value (`deploy orders v3`, `backfill orders.order_status`); repeats get
` #2`. A reference may be any unambiguous part of that.

Keys marked *time* have no meaning for `check`; `simulate` and the reports use them. Keys marked *not yet* are refused.
";

/// The reference as Markdown.
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    for stands in Where::ALL {
        text.push_str(&format!("\n## {}\n\n{}\n\n", heading(stands), introduction(stands)));
        if stands == Where::Step {
            text.push_str("### Verbs\n\n");
            table(&mut text, keys::of(stands).filter(|key| key.is_verb()));
            text.push_str("\n### Modifiers\n\n");
            table(&mut text, keys::of(stands).filter(|key| !key.is_verb()));
        } else {
            table(&mut text, keys::of(stands));
        }
    }
    text
}

fn table<'k>(text: &mut String, rows: impl Iterator<Item = &'k Key>) {
    text.push_str("| key | value | default | meaning | rules | example |\n| --- | --- | --- | --- | --- | --- |\n");
    for key in rows {
        text.push_str(&row(key));
    }
}

fn row(key: &Key) -> String {
    let status = match key.status {
        Status::Supported => "",
        Status::TimeOnly => " *time*",
        Status::NotYet => " *not yet*",
    };
    let default = match (key.required, key.default) {
        (true, _) => "required".to_owned(),
        (false, "") => String::new(),
        (false, default) => format!("`{default}`"),
    };
    let verbs = match key.verbs {
        [] => String::new(),
        verbs => format!(" With {}.", verbs.join(", ")),
    };
    format!(
        "| `{}`{status} | {} | {} | {}{verbs} | {} | `{}` |\n",
        key.name,
        cell(&value(key.shape)),
        cell(&default),
        cell(key.meaning),
        key.rule,
        cell(key.example),
    )
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn value(shape: Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Form(form) | Shape::Name(form) => form.to_owned(),
        Shape::List(form) => format!("[{form}]"),
        Shape::OneOrList(form) => format!("{form} or [{form}]"),
        Shape::Number => "N".to_owned(),
        Shape::Duration => "DURATION".to_owned(),
        Shape::Bool => "true|false".to_owned(),
        Shape::OneOf(words) => words.join("|"),
        Shape::Tags => "TAGS".to_owned(),
        Shape::Fact => "FACT or [FACT]".to_owned(),
        Shape::Map(stands) => format!("{{{}}}", link(stands)),
        Shape::Named(stands) => format!("NAME: {{{}}}", link(stands)),
        Shape::NamedText(form) => format!("NAME: {form}"),
        Shape::NamedEither(form, stands) => format!("NAME: {form} or {{{}}}", link(stands)),
        Shape::Places => "PLACE: FIELDS".to_owned(),
        Shape::Steps => "[STEP]".to_owned(),
        Shape::WordOrSteps(words) => format!("{}|[STEP]", words.join("|")),
        Shape::Remark => "nothing, or a remark".to_owned(),
        Shape::Limit => "[OP] LIMIT".to_owned(),
        Shape::Later => String::new(),
    }
}

fn link(stands: Where) -> String {
    let anchor = heading(stands).to_lowercase().replace(' ', "-");
    format!("[{}](#{anchor})", stands.title())
}

fn heading(stands: Where) -> String {
    match stands {
        Where::Top => "The file".to_owned(),
        Where::Overlay => "If".to_owned(),
        other => {
            let title = other.title();
            format!("{}{}", title[..1].to_uppercase(), &title[1..])
        }
    }
}

fn introduction(stands: Where) -> &'static str {
    match stands {
        Where::Top => "The keys of a scenario.",
        Where::Table => "`tables: {NAME: ...}`",
        Where::Document => "`documents: {NAME: ...}`",
        Where::Queue => "`queues: {NAME: ...}`",
        Where::Cache => "`caches: {NAME: ...}`",
        Where::Disk => "`disks: {NAME: ...}`",
        Where::Memory => "`memory: {NAME: ...}`",
        Where::Field => "A column or field written out: `columns: {state: {values: A|B, not_null: true}}`",
        Where::Migration => "`migrations: {NAME: ...}`: exactly one of these.",
        Where::Effect => "`effects: {NAME: ...}`",
        Where::Api => "`apis: {NAME: ...}`: either `between` or `to`.",
        Where::Role => "`roles: {NAME: ...}`",
        Where::Flag => "A flag written out: `flags: {fast: {starts: on}}`",
        Where::Config => "`config: {NAME: ...}`",
        Where::Service => "`services: {NAME: ...}`. A service without `versions` says directly what it does.",
        Where::Sessions => "`sessions: {...}` of a service.",
        Where::Client => "`clients: {NAME: ...}`",
        Where::Version => "`versions: {NAME: ...}`",
        Where::Overlay => "`if COND: {...}`: replaces per verb and place, per handler and per otherwise-key.",
        Where::Handler => "`handlers: {NAME: ...}`, or `NAME: none`.",
        Where::Fields => "The fields of a verb on a place, when something else is said of that place too.",
        Where::Plan => "`plans: {NAME: ...}`. What stands here overrides the top level.",
        Where::Step => "An entry of `plan`, `steps`, `rollback`, `rollforward`, `repairs`, `undo` and `parallel`.",
        Where::Defaults => "`defaults: {...}`",
        Where::Gate => "`gates: {NAME: ...}`",
        Where::Operator => "`operator: {...}`",
        Where::Expect => "`expect: {...}`",
    }
}
