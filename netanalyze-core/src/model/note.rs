//! Notes on capture quality: what was damaged, missing or left out, counted and capped.

/// What a note is about. One kind is one line in the report, however often it occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoteKind {
    /// The file ends inside a record: it was cut, or is still being written.
    TruncatedFile,
    /// Bytes that are no valid record or block were skipped.
    DamagedRecord,
    /// A compressed stream is damaged or ends early.
    DamagedCompression,
    /// A block or option that the format allows but that contradicts itself was ignored.
    BadBlock,
    /// A packet names an interface that the file never described.
    UnknownInterface,
    /// Frames of a link type that we do not decode.
    UnknownLinkType,
    /// Frames of which only a part was captured (snapshot length).
    SnappedFrames,
    /// Frames whose headers contradict themselves.
    MalformedFrames,
    /// The capture itself reports packets that it dropped.
    CaptureDrops,
    /// Later captures of the set start before earlier ones end.
    DescendingTimes,
    /// A time stamp outside the range that we can represent was clamped.
    ClampedTime,
    /// Secrets were given, and none belongs to a connection of the capture.
    UnusedSecrets,
    /// A limit was reached, and something was left out.
    LimitReached,
}

/// One line under "capture quality".
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Note {
    /// What it is about.
    pub kind: NoteKind,
    /// The input that it concerns, if one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Byte offset in the (uncompressed) input of the first occurrence, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// Frame of the first occurrence, if it concerns a frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame: Option<u64>,
    /// How often it occurred.
    pub count: u64,
    /// The sentence for people: what, where, what it cost.
    pub message: String,
}
