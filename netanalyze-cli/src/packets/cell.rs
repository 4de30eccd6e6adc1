//! One cell: every occurrence of a field in a frame.

use std::io::Write;
use std::net::IpAddr;

use netanalyze_core::field::{FieldType, Value};

use serde_json::json;

use crate::render::{guarded, push_ether, push_hex, push_ipv4, push_seconds, push_signed, push_unsigned};

/// Characters that a value of a type usually needs, for aligned columns.
pub(super) fn width(kind: FieldType) -> usize {
    match kind {
        FieldType::None | FieldType::Protocol | FieldType::Boolean => 1,
        FieldType::Unsigned | FieldType::Signed | FieldType::FrameNumber => 7,
        FieldType::AbsoluteTime => 20,
        FieldType::RelativeTime | FieldType::Double => 12,
        FieldType::Ipv4 => 15,
        FieldType::Ipv6 => 25,
        FieldType::Ether => 17,
        FieldType::Bytes | FieldType::Text => 12,
    }
}

/// Appends a value as tshark prints it.
#[inline]
fn push_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Present | Value::Layer(..) | Value::Bool(true) => out.push(b'1'),
        Value::Bool(false) => out.push(b'0'),
        Value::Unsigned(number) => push_unsigned(out, *number),
        Value::Signed(number) => push_signed(out, *number),
        Value::Time(span) => push_seconds(out, span.0),
        Value::Hex(number, digits) => push_hex(out, *number, *digits),
        Value::Ether(address) => push_ether(out, *address),
        Value::Address(IpAddr::V4(address)) => push_ipv4(out, *address),
        // Writing into memory does not fail.
        other => _ = write!(out, "{other}"),
    }
}

/// Appends every occurrence, joined with commas.
#[inline]
pub(super) fn push_joined(out: &mut Vec<u8>, cell: &[Value]) {
    for (place, value) in cell.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        push_value(out, value);
    }
}

/// Appends a CSV cell. Only text can need quotes or a guard; everything else needs quotes where several occurrences are joined.
#[inline]
pub(super) fn push_csv(out: &mut Vec<u8>, cell: &[Value], guard: bool) {
    match cell {
        [] => {}
        [Value::Unsigned(number)] => push_unsigned(out, *number),
        [value] if !is_text(value) => push_value(out, value),
        values if !values.iter().any(is_text) => {
            out.push(b'"');
            push_joined(out, values);
            out.push(b'"');
        }
        values => {
            let joined = values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            let text = if guard { guarded(&joined) } else { joined.as_str().into() };
            if text.contains([',', '"', '\r', '\n']) {
                let quoted = format!("\"{}\"", text.replace('"', "\"\""));
                out.extend_from_slice(quoted.as_bytes());
            } else {
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
}

fn is_text(value: &Value) -> bool {
    matches!(value, Value::Text(_) | Value::Bytes(_) | Value::Date(_))
}

/// Appends a JSON value, or an array of them where the field occurs several times. Presence is `true` however often.
pub(super) fn push_json(out: &mut Vec<u8>, cell: &[Value], kind: FieldType) {
    match cell {
        [Value::Present, ..] => out.extend_from_slice(b"true"),
        [value] => push_json_value(out, value, kind),
        values => {
            for (place, value) in values.iter().enumerate() {
                out.push(if place == 0 { b'[' } else { b',' });
                push_json_value(out, value, kind);
            }
            out.push(b']');
        }
    }
}

/// The JSON Schema of such a value.
pub(super) fn schema(kind: FieldType) -> serde_json::Map<String, serde_json::Value> {
    let value = match kind {
        FieldType::None | FieldType::Protocol => json!({"const": true}),
        FieldType::Boolean => json!({"type": "boolean"}),
        // What Wireshark shows in hexadecimal is a string.
        FieldType::Unsigned => {
            json!({"type": ["integer", "string"], "minimum": 0, "pattern": "^0x[0-9a-f]+$"})
        }
        FieldType::FrameNumber => json!({"type": "integer", "minimum": 0}),
        FieldType::Signed => json!({"type": "integer"}),
        FieldType::RelativeTime | FieldType::Double => json!({"type": "number"}),
        FieldType::Ether => json!({"type": "string", "pattern": "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$"}),
        FieldType::Ipv4 => json!({"type": "string", "pattern": "^[0-9.]+$"}),
        FieldType::Ipv6 => json!({"type": "string", "pattern": "^[0-9a-f:.]+$"}),
        FieldType::AbsoluteTime | FieldType::Bytes | FieldType::Text => json!({"type": "string"}),
    };
    let mut schema = serde_json::Map::new();
    if kind == FieldType::None {
        schema.extend([("const".to_owned(), true.into())]);
    } else {
        let array = json!({"type": "array", "items": value, "minItems": 2});
        schema.insert("anyOf".to_owned(), json!([value, array]));
    }
    schema
}

fn push_json_value(out: &mut Vec<u8>, value: &Value, kind: FieldType) {
    match value {
        Value::Present | Value::Layer(..) | Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Unsigned(_) | Value::Signed(_) | Value::Millis(_) => push_value(out, value),
        Value::Time(_) if kind != FieldType::AbsoluteTime => push_value(out, value),
        Value::Text(text) => {
            // A string into memory: neither can fail.
            let _ = crate::render::push_json(out, text);
        }
        Value::Bytes(_) => {
            let _ = crate::render::push_json(out, &value.to_string());
        }
        Value::Date(_) => {
            let _ = crate::render::push_json(out, &value.to_string());
        }
        Value::Time(_) | Value::Raw(_) | Value::Hex(..) | Value::Address(_) | Value::Ether(_) => {
            out.push(b'"');
            push_value(out, value);
            out.push(b'"');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use netanalyze_core::model::Span;

    fn csv(cell: &[Value], guard: bool) -> String {
        let mut out = Vec::new();
        push_csv(&mut out, cell, guard);
        String::from_utf8(out).unwrap()
    }

    fn json(cell: &[Value], kind: FieldType) -> String {
        let mut out = Vec::new();
        push_json(&mut out, cell, kind);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_cells_are_tsharks() {
        for (cell, text) in [
            (vec![], ""),
            (vec![Value::Present], "1"),
            (vec![Value::Bool(false)], "0"),
            (vec![Value::Unsigned(0), Value::Unsigned(7)], "\"0,7\""),
            (vec![Value::Signed(-2)], "-2"),
            (vec![Value::Signed(i64::MIN)], "-9223372036854775808"),
            (vec![Value::Hex(0x12, 4)], "0x0012"),
            (vec![Value::Time(Span(-1))], "-0.000000001"),
            (vec![Value::Address("2001:db8::1".parse().unwrap())], "2001:db8::1"),
            (vec![Value::Text("a\"b")], "\"a\"\"b\""),
        ] {
            assert_eq!(csv(&cell, false), text);
        }
    }

    #[test]
    fn every_value_prints_as_its_display() {
        for value in [
            Value::Present,
            Value::Unsigned(u64::MAX),
            Value::Signed(-3),
            Value::Hex(1, 2),
            Value::Bool(true),
            Value::Time(Span(1_500_000_000)),
            Value::Address("192.0.2.1".parse().unwrap()),
            Value::Ether([0, 1, 2, 0xaa, 0xbb, 0xcc]),
            Value::Text("x"),
        ] {
            assert_eq!(csv(std::slice::from_ref(&value), false), value.to_string());
        }
    }

    #[test]
    fn the_guard_alters_text_and_no_number() {
        assert_eq!(csv(&[Value::Text("=1")], true), "'=1");
        assert_eq!(csv(&[Value::Text("=1")], false), "=1");
        assert_eq!(csv(&[Value::Signed(-2)], true), "-2");
        assert_eq!(
            csv(&[Value::Time(Span(-1)), Value::Time(Span(-2))], true),
            "\"-0.000000001,-0.000000002\""
        );
    }

    #[test]
    fn json_values_have_types() {
        use FieldType as T;
        for (cell, kind, text) in [
            (vec![Value::Present, Value::Present], T::None, "true"),
            (vec![Value::Unsigned(7)], T::Unsigned, "7"),
            (vec![Value::Unsigned(7), Value::Unsigned(8)], T::Unsigned, "[7,8]"),
            (vec![Value::Bool(true), Value::Bool(false)], T::Boolean, "[true,false]"),
            (vec![Value::Time(Span(1))], T::RelativeTime, "0.000000001"),
            (vec![Value::Time(Span(1))], T::AbsoluteTime, "\"0.000000001\""),
            (vec![Value::Hex(2, 4)], T::Unsigned, "\"0x0002\""),
            (vec![Value::Text("a\"\n")], T::Text, "\"a\\\"\\n\""),
        ] {
            assert_eq!(json(&cell, kind), text);
        }
    }
}
