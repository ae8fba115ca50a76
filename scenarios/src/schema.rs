//! The JSON Schema of the language, generated from the key table.

use serde_json::{Map, Value, json};

use crate::keys::{self, Key, Shape, Status, Where};
use crate::tree::DEPTH_MAX;

/// The schema, draft 2020-12, pretty-printed. Editors read YAML values as numbers and booleans where they look like
/// them, so every text may be one of these too.
pub fn schema() -> String {
    let mut definitions = Map::new();
    for stands in Where::ALL {
        definitions.insert(stands.title().to_owned(), map_of(stands));
    }
    definitions.insert("text".to_owned(), json!({"type": ["string", "number", "boolean"]}));
    definitions.insert("duration".to_owned(), pattern(r"^[0-9]+(\.[0-9]+)? ?(ms|s|m|h|d|w)$"));
    definitions.insert(
        "count".to_owned(),
        json!({
            "anyOf": [{"type": "integer", "minimum": 0}, pattern(r"^[0-9_]+(\.[0-9]+)?[kMG]?$")],
        }),
    );
    definitions.insert("switch".to_owned(), json!({"enum": [true, false, "true", "false"]}));
    definitions.insert("texts".to_owned(), json!({"anyOf": [text(), list(text())]}));
    definitions.insert("field".to_owned(), json!({
        "anyOf": [text(), {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": text()}],
    }));
    definitions.insert(
        "fieldlist".to_owned(),
        json!({
            "anyOf": [{"const": "none"}, list(reference("field")), reference("fields")],
        }),
    );
    definitions.insert("places".to_owned(), named(reference("fieldlist")));
    definitions.insert("steps".to_owned(), list(reference("step")));
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Turnback scenario",
        "description": format!("A rollout scenario. At most {DEPTH_MAX} levels deep."),
        "$ref": "#/$defs/file",
    });
    schema["$defs"] = Value::Object(definitions);
    let mut printed = serde_json::to_string_pretty(&schema).unwrap_or_default();
    printed.push('\n');
    printed
}

fn map_of(stands: Where) -> Value {
    let mut properties = Map::new();
    let mut patterns = Map::new();
    let usable = |key: &&Key| key.status != Status::NotYet;
    for key in keys::of(stands).filter(usable) {
        let mut value = value_of(key);
        value["description"] = Value::from(key.meaning);
        value["examples"] = json!([key.example]);
        if !key.default.is_empty() {
            value["x-default"] = Value::from(key.default);
        }
        match key.name {
            "if COND" => patterns.insert("^if ".to_owned(), value),
            "METRIC" => patterns.insert("^[A-Za-z0-9_./()-]+$".to_owned(), value),
            name => properties.insert(name.to_owned(), value),
        };
    }
    let required: Vec<&str> = keys::of(stands).filter(|key| key.required).map(|key| key.name).collect();
    let mut map = json!({"type": "object", "additionalProperties": false});
    map["properties"] = Value::Object(properties);
    if !patterns.is_empty() {
        map["patternProperties"] = Value::Object(patterns);
    }
    if !required.is_empty() {
        map["required"] = json!(required);
    }
    if stands == Where::Step {
        let verbs = keys::verbs().filter(usable);
        map["oneOf"] = verbs.map(|key| json!({"required": [key.name]})).collect();
    }
    map
}

fn value_of(key: &Key) -> Value {
    match key.shape {
        Shape::Text | Shape::Form(_) | Shape::Name(_) | Shape::Tags | Shape::Limit => match key.name {
            "canary" => reference("texts"),
            _ => text(),
        },
        Shape::List("FIELD") => list(reference("field")),
        Shape::List(_) => list(text()),
        Shape::OneOrList(_) | Shape::Fact => reference("texts"),
        Shape::Number => reference("count"),
        Shape::Duration => reference("duration"),
        Shape::Bool => reference("switch"),
        Shape::OneOf(words) => one_of(words),
        Shape::Map(stands) => reference(stands.title()),
        Shape::Named(Where::Handler) => named(json!({"anyOf": [{"const": "none"}, reference("handler")]})),
        Shape::Named(stands) => named(reference(stands.title())),
        Shape::NamedText(_) => named(reference("texts")),
        Shape::NamedEither(_, stands) => named(json!({"anyOf": [text(), reference(stands.title())]})),
        Shape::Places => reference("places"),
        Shape::Steps => reference("steps"),
        Shape::WordOrSteps(words) => word_or_steps(words),
        Shape::Remark => json!({"type": ["string", "null"]}),
        Shape::Later => json!({}),
    }
}

/// Words; those that YAML reads as something else are allowed as that too.
fn one_of(words: &[&str]) -> Value {
    let mut values: Vec<Value> = words.iter().map(|word| Value::from(*word)).collect();
    for word in words {
        match *word {
            "on" => values.push(Value::from(true)),
            "off" => values.push(Value::from(false)),
            "1" => values.push(Value::from(1)),
            _ => {}
        }
    }
    json!({"enum": values})
}

fn word_or_steps(words: &[&str]) -> Value {
    let mut choices = vec![json!({"enum": words}), reference("steps")];
    if words.contains(&"inverse") {
        let floors = json!({"^to ": reference("steps")});
        choices.push(json!({"type": "object", "patternProperties": floors, "additionalProperties": false}));
    }
    json!({"anyOf": choices})
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn text() -> Value {
    reference("text")
}

fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

fn named(values: Value) -> Value {
    json!({"type": "object", "additionalProperties": values})
}

fn pattern(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}
