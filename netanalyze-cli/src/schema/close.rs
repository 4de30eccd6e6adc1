//! The last touch: objects take no keys but those that are told of, and descriptions are plain text.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Definitions by how they are referred to.
#[derive(Default)]
struct Referred {
    /// As what stands somewhere.
    whole: BTreeSet<String>,
    /// As a part of an object that has other keys, too.
    part: BTreeSet<String>,
}

/// Closes every object of a schema, and cleans every description.
pub(super) fn close(document: &mut Value) {
    clean(document);
    let mut definitions = match document.get_mut("$defs").map(Value::take) {
        Some(Value::Object(definitions)) => definitions,
        _ => Map::new(),
    };
    let mut referred = Referred::default();
    walk(document, false, &mut referred);
    let mut done = Referred::default();
    // Definitions refer to others; each is closed once it is known to be needed.
    loop {
        let next = |all: &BTreeSet<String>, done: &BTreeSet<String>| all.difference(done).next().cloned();
        let (name, part) = match next(&referred.part, &done.part) {
            Some(name) => (name, true),
            None => match next(&referred.whole, &done.whole) {
                Some(name) => (name, false),
                None => break,
            },
        };
        if let Some(definition) = definitions.get_mut(&name) {
            walk(definition, part, &mut referred);
        }
        if part {
            done.part.insert(name)
        } else {
            done.whole.insert(name)
        };
    }
    debug_assert!(
        referred.whole.is_disjoint(&referred.part),
        "a definition is both an object and a part of one"
    );
    definitions.retain(|name, _| referred.whole.contains(name) || referred.part.contains(name));
    if let Some(document) = document.as_object_mut() {
        document.remove("$defs");
        if !definitions.is_empty() {
            document.insert("$defs".to_owned(), definitions.into());
        }
    }
}

/// Closes what stands in a schema. `part`: another schema tells of further keys of the same object, and closes it.
fn walk(schema: &mut Value, part: bool, referred: &mut Referred) {
    let Some(schema) = schema.as_object_mut() else { return };
    if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix("#/$defs/"))
    {
        let names = if part { &mut referred.part } else { &mut referred.whole };
        names.insert(name.to_owned());
    }
    let is_object = schema.contains_key("properties");
    let mut composed = false;
    for key in ["anyOf", "oneOf", "allOf"] {
        for one in schema.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
            composed = true;
            walk(one, part || is_object, referred);
        }
    }
    without_null(schema);
    tell_tags(schema);
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    properties.into_iter().flat_map(|all| all.values_mut()).for_each(|one| walk(one, false, referred));
    if let Some(items) = schema.get_mut("items") {
        walk(items, false, referred);
    }
    if is_object && !part {
        let key = if composed { "unevaluatedProperties" } else { "additionalProperties" };
        schema.insert(key.to_owned(), false.into());
    }
}

/// The word by which alternatives are told apart means what the alternative is.
fn tell_tags(object: &mut Map<String, Value>) {
    let Some(meaning) = object.get("description").cloned() else { return };
    let properties = object.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(|all| all.values_mut()).filter_map(Value::as_object_mut) {
        if property.contains_key("const") {
            property.entry("description").or_insert_with(|| meaning.clone());
        }
    }
}

/// What is left out where nothing is known is never null; what is always there can be.
fn without_null(object: &mut Map<String, Value>) {
    let required = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let properties = object.get_mut("properties").and_then(Value::as_object_mut);
    for (_, property) in properties.into_iter().flatten().filter(|(name, _)| !required.contains(&json!(name)))
    {
        let types = property.get_mut("type").and_then(Value::as_array_mut);
        types.into_iter().for_each(|types| types.retain(|name| name != "null"));
        let alternatives = property.get_mut("anyOf").and_then(Value::as_array_mut);
        alternatives.into_iter().for_each(|all| all.retain(|one| *one != json!({"type": "null"})));
    }
}

/// Makes plain text of descriptions, which are written as documentation of Rust.
fn clean(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(text)) = map.get_mut("description") {
                *text = plain(text);
            }
            map.values_mut().for_each(clean);
        }
        Value::Array(list) => list.iter_mut().for_each(clean),
        _ => {}
    }
}

/// Without links and line breaks.
fn plain(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut out, mut rest) = (String::with_capacity(words.len()), words.as_str());
    while let Some((front, behind)) = rest.split_once("[`") {
        out.push_str(front);
        let Some((name, after)) = behind.split_once("`]") else {
            out.push_str("[`");
            rest = behind;
            continue;
        };
        out.extend(["`", name, "`"]);
        rest =
            after.strip_prefix('(').and_then(|link| link.split_once(')')).map_or(after, |(_, after)| after);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_becomes_plain_text() {
        for (text, expected) in [
            ("Two\nlines.", "Two lines."),
            ("See [`A::b`](crate::a) and [`C`].", "See `A::b` and `C`."),
            ("An [`unclosed one", "An [`unclosed one"),
            ("[`A`](no end", "`A`(no end"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }

    #[test]
    fn objects_are_closed_and_their_parts_are_not() {
        let mut schema = json!({
            "properties": {
                "plain": {"properties": {"a": {}}},
                "list": {"items": {"$ref": "#/$defs/Item"}},
                "maybe": {"anyOf": [{"$ref": "#/$defs/Other"}, {"type": "null"}]},
            },
            "anyOf": [{"properties": {"b": {"$ref": "#/$defs/Item"}}}, {"$ref": "#/$defs/Part"}],
            "$defs": {
                "Item": {"properties": {}},
                "Other": {"properties": {}},
                "Part": {"properties": {}},
                "Unused": {"properties": {}},
            },
        });
        close(&mut schema);
        assert_eq!(schema["unevaluatedProperties"], false);
        assert_eq!(schema["properties"]["plain"]["additionalProperties"], false);
        let closed = json!({"properties": {}, "additionalProperties": false});
        assert_eq!((&schema["$defs"]["Item"], &schema["$defs"]["Other"]), (&closed, &closed));
        assert_eq!(schema["$defs"]["Part"], json!({"properties": {}}));
        assert_eq!(schema["anyOf"][0], json!({"properties": {"b": {"$ref": "#/$defs/Item"}}}));
        assert!(schema["$defs"].get("Unused").is_none());
    }
}
