//! What a column can hold: said once, for the JSON Schema, and held against every cell where debug assertions are on.

use serde_json::{Value as Json, json};

use super::cell::{Cell, Value};

/// What stands in a column's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An integer.
    Number,
    /// True or false.
    Flag,
    /// An absolute time.
    Time,
    /// Address and port.
    Endpoint,
    /// An address.
    Address,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Any text.
    Text,
    /// Several of one kind; there can be none.
    List(&'static Shape),
    /// That, or nothing is known.
    Maybe(&'static Shape),
}

impl Shape {
    /// Whether a cell is of this shape.
    pub(crate) fn takes(self, value: &Value<'_>) -> bool {
        match (self, value) {
            (Shape::Maybe(shape), Some(_)) => shape.takes(value),
            (Shape::Maybe(_), None)
            | (Shape::Number, Some(Cell::Number(_)))
            | (Shape::Flag, Some(Cell::Flag(_)))
            | (Shape::Time, Some(Cell::Time(_) | Cell::Seconds(_)))
            | (Shape::Endpoint, Some(Cell::Endpoint(_)))
            | (Shape::Address, Some(Cell::Address(_)))
            | (Shape::Text, Some(Cell::Text(_) | Cell::Bytes(_) | Cell::Word(_))) => true,
            (Shape::Word(words), Some(Cell::Word(word))) => words.contains(word),
            (Shape::List(shape), Some(Cell::List(cells))) => {
                cells.iter().all(|cell| shape.takes(&Some(cell.clone())))
            }
            _ => false,
        }
    }

    /// The JSON Schema of what JSON has for it.
    pub(crate) fn schema(self) -> Json {
        match self {
            Shape::Number => json!({"type": "integer"}),
            Shape::Flag => json!({"type": "boolean"}),
            Shape::Time => json!({"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{9}$"}),
            Shape::Endpoint => {
                json!({"type": "string", "pattern": r"^([0-9.]+|\[[0-9a-f:.]+\]):[0-9]+$"})
            }
            Shape::Address => json!({"type": "string", "pattern": "^[0-9a-f:.]+$"}),
            Shape::Word(words) => json!({"enum": words}),
            Shape::Text => json!({"type": "string"}),
            Shape::List(shape) => json!({"type": "array", "items": shape.schema()}),
            Shape::Maybe(shape) => json!({"anyOf": [shape.schema(), {"type": "null"}]}),
        }
    }
}

/// An object with these members, all of which are always there: name, shape, description.
pub(crate) fn object_of(
    members: impl IntoIterator<Item = (&'static str, Shape, &'static str)>,
) -> schemars::Schema {
    let (mut properties, mut required) = (serde_json::Map::new(), Vec::new());
    for (name, shape, description) in members {
        let mut schema = shape.schema();
        if let Some(schema) = schema.as_object_mut() {
            schema.insert("description".to_owned(), description.into());
        }
        properties.insert(name.to_owned(), schema);
        required.push(name);
    }
    schemars::json_schema!({"type": "object", "properties": properties, "required": required})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_take_their_cells_only() {
        const WORDS: Shape = Shape::Word(&["a", "b"]);
        for (shape, value, takes) in [
            (Shape::Number, Some(Cell::Number(1)), true),
            (Shape::Number, Some(Cell::Flag(true)), false),
            (Shape::Number, None, false),
            (Shape::Maybe(&Shape::Number), None, true),
            (Shape::Maybe(&Shape::Number), Some(Cell::Word("a")), false),
            (WORDS, Some(Cell::Word("b")), true),
            (WORDS, Some(Cell::Word("c")), false),
            (Shape::Text, Some(Cell::Bytes(b"\xff")), true),
            (Shape::Time, Some(Cell::Seconds(1)), true),
            (Shape::List(&Shape::Flag), Some(Cell::List(Vec::new())), true),
            (Shape::List(&Shape::Flag), Some(Cell::List(vec![Cell::Flag(true), Cell::Number(1)])), false),
        ] {
            assert_eq!(shape.takes(&value), takes, "{shape:?} {value:?}");
        }
    }
}
