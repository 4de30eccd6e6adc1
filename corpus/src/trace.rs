//! A capture in the making: frames on a virtual clock, and what tshark must say about them.

use crate::conversation::Sight;

/// A frame as an interface saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Nanoseconds since the epoch.
    pub time_ns: u64,
    /// The captured bytes.
    pub bytes: Vec<u8>,
    /// Length on the wire, at least the captured length in an honest capture.
    pub wire_len: u32,
    /// What it holds of TCP.
    pub sights: Vec<Sight>,
}

impl Frame {
    /// A frame captured whole.
    #[must_use]
    pub fn whole(time_ns: u64, bytes: Vec<u8>) -> Self {
        let wire_len = bytes.len() as u32;
        Self { time_ns, bytes, wire_len, sights: Vec::new() }
    }

    /// The same frame as a snap length of `snaplen` bytes leaves it.
    #[must_use]
    pub fn cut(mut self, snaplen: usize) -> Self {
        self.bytes.truncate(snaplen);
        self.sights = self.sights.into_iter().filter_map(|sight| sight.cut(snaplen)).collect();
        self
    }
}

/// Something tshark says about a frame: the field is there, with this text if one is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Frame number, from 1.
    pub frame: u32,
    /// Display-filter field name.
    pub field: &'static str,
    /// The cell's text; `None`: any.
    pub value: Option<String>,
}

impl std::fmt::Display for Expectation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.frame, self.field)?;
        match &self.value {
            Some(value) => write!(f, "={value}"),
            None => Ok(()),
        }
    }
}

/// When the clock of a new trace stands: 2023-11-14 22:13:20 UTC.
pub const START_NS: u64 = 1_700_000_000_000_000_000;

/// Frames in the order of their capture, the clock, and the expectations so far.
#[derive(Clone, Debug)]
pub struct Trace {
    now_ns: u64,
    /// The frames so far.
    pub frames: Vec<Frame>,
    /// What must be said about them.
    pub expectations: Vec<Expectation>,
}

impl Default for Trace {
    fn default() -> Self {
        Self { now_ns: START_NS, frames: Vec::new(), expectations: Vec::new() }
    }
}

impl Trace {
    /// An empty trace at [`START_NS`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the clock shows, in nanoseconds since the epoch.
    #[must_use]
    pub fn now_ns(&self) -> u64 {
        self.now_ns
    }

    /// Moves the clock forward by `us` microseconds.
    pub fn wait_us(&mut self, us: u64) -> &mut Self {
        self.wait_ns(us * 1_000)
    }

    /// Moves the clock forward by `ms` milliseconds.
    pub fn wait_ms(&mut self, ms: u64) -> &mut Self {
        self.wait_ns(ms * 1_000_000)
    }

    /// Moves the clock forward by `ns` nanoseconds.
    pub fn wait_ns(&mut self, ns: u64) -> &mut Self {
        self.now_ns += ns;
        self
    }

    /// Sets the clock, backwards too: captures with a stepped clock exist.
    pub fn set_clock_ns(&mut self, ns: u64) -> &mut Self {
        self.now_ns = ns;
        self
    }

    /// Records a frame captured whole, now.
    pub fn push(&mut self, bytes: Vec<u8>) -> &mut Self {
        self.frames.push(Frame::whole(self.now_ns, bytes));
        self
    }

    /// Notes what the latest frame holds of TCP, and where: a header is found by its ports and numbers.
    pub fn saw(&mut self, mut sight: Sight) -> &mut Self {
        let Some(frame) = self.frames.last_mut() else { return self };
        if let Sight::Segment(seen) | Sight::Quote(seen) = &mut sight {
            let mut start = [0; 12];
            start[..2].copy_from_slice(&seen.from.1.to_be_bytes());
            start[2..4].copy_from_slice(&seen.to.1.to_be_bytes());
            start[4..8].copy_from_slice(&seen.seq.to_be_bytes());
            start[8..].copy_from_slice(&seen.ack.to_be_bytes());
            let at = frame.bytes.windows(12).position(|bytes| bytes == start);
            seen.place = at.map(|at| (at, usize::from(frame.bytes.get(at + 12).map_or(5, |b| b >> 4)) * 4));
        }
        frame.sights.push(sight);
        self
    }

    /// Notes that Wireshark does not count the segments of the latest frame in their conversations.
    pub fn uncount(&mut self) -> &mut Self {
        for sight in self.frames.last_mut().iter_mut().flat_map(|frame| &mut frame.sights) {
            if let Sight::Segment(seen) = sight {
                seen.counted = false;
            }
        }
        self
    }

    /// Records a copy of a frame with other bytes, now: what it holds of TCP stays.
    pub fn push_like(&mut self, frame: &Frame, bytes: Vec<u8>) -> &mut Self {
        self.push(bytes);
        frame.sights.iter().fold(self, |trace, sight| trace.saw(*sight))
    }

    /// States that tshark shows `field` for the latest frame.
    pub fn expect(&mut self, field: &'static str) -> &mut Self {
        let frame = self.frames.len() as u32;
        self.expectations.push(Expectation { frame, field, value: None });
        self
    }

    /// States that tshark shows `field` for the latest frame with exactly this text.
    pub fn expect_value(&mut self, field: &'static str, value: impl std::fmt::Display) -> &mut Self {
        let frame = self.frames.len() as u32;
        self.expectations.push(Expectation { frame, field, value: Some(value.to_string()) });
        self
    }

    /// The number of the latest frame, 0 before the first.
    #[must_use]
    pub fn last_frame(&self) -> u32 {
        self.frames.len() as u32
    }

    /// The same trace as a snap length of `snaplen` bytes leaves it.
    #[must_use]
    pub fn cut(mut self, snaplen: usize) -> Self {
        self.frames = self.frames.into_iter().map(|frame| frame.cut(snaplen)).collect();
        self
    }
}
