//! Fields of the frame itself.

use super::Value;
use super::registry::{Field, FieldType, Source};
use crate::model::Span;

const fn field(name: &'static str, kind: FieldType, meaning: &'static str, source: Source) -> Field {
    Field { name, kind, meaning, source }
}

pub(super) static FIELDS: &[Field] = &[
    field(
        "frame.number",
        FieldType::FrameNumber,
        "Frame number, from 1",
        Source::Frame(|f, out| out.push(Value::Unsigned(f.number().0))),
    ),
    field(
        "frame.time",
        FieldType::AbsoluteTime,
        "Date and time, in UTC",
        Source::Frame(|f, out| out.push(Value::Date(f.raw.time))),
    ),
    field(
        "frame.time_epoch",
        FieldType::AbsoluteTime,
        "Seconds since 1970-01-01 UTC",
        Source::Frame(|f, out| out.push(Value::Time(Span(f.raw.time.0)))),
    ),
    field(
        "frame.time_relative",
        FieldType::RelativeTime,
        "Time since the capture's first frame",
        Source::Frame(|f, out| out.push(Value::Time(f.raw.time.since(f.batch.capture_start)))),
    ),
    field(
        "frame.time_delta",
        FieldType::RelativeTime,
        "Time since the previous frame",
        Source::Frame(|f, out| out.push(Value::Time(f.raw.time.since(f.previous_time())))),
    ),
    field(
        "frame.len",
        FieldType::Unsigned,
        "Bytes on the wire",
        Source::Frame(|f, out| out.push(Value::Unsigned(u64::from(f.raw.wire_len)))),
    ),
    field(
        "frame.cap_len",
        FieldType::Unsigned,
        "Bytes captured",
        Source::Frame(|f, out| out.push(Value::Unsigned(u64::from(f.raw.captured)))),
    ),
    field(
        "frame.interface_id",
        FieldType::Unsigned,
        "Interface, from 0, counted over the whole set",
        Source::Frame(|f, out| out.push(Value::Unsigned(u64::from(f.raw.interface)))),
    ),
];
