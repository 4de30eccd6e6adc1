//! A batch: whole frames in one reused buffer, with a table that says where each one lies.

use std::sync::Arc;

use super::origin::Origins;
use crate::model::{FrameNumber, Link, Timestamp};

/// Where a frame lies in its batch, and what its record says of it. 24 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawFrame {
    /// Packet time.
    pub time: Timestamp,
    /// Offset of the frame's first byte in [`Batch::bytes`].
    pub offset: u32,
    /// Bytes captured, from `offset` on.
    pub captured: u32,
    /// Bytes on the wire; never less than `captured`.
    pub wire_len: u32,
    /// Index into [`Batch::links`] and into the facts' interfaces; `u32::MAX` if the file never described it, or if this is no packet
    /// but a record that Wireshark numbers like one (journal entries, custom blocks): there is no link to decode.
    pub interface: u32,
}

/// Decryption secrets that the file holds (draft-ietf-opsawg-pcapng, section 4.7). `Debug` does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct EmbeddedSecrets {
    /// The first frame behind them.
    pub before: FrameNumber,
    /// Their format, e.g. [`EmbeddedSecrets::TLS_KEY_LOG`].
    pub kind: u32,
    /// The secrets in that format.
    pub bytes: Box<[u8]>,
}

impl EmbeddedSecrets {
    /// The format that TLS libraries write to `SSLKEYLOGFILE`.
    pub const TLS_KEY_LOG: u32 = 0x544c_534b;
}

impl std::fmt::Debug for EmbeddedSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "secrets of kind {:#x}, {} bytes, before frame {}",
            self.kind,
            self.bytes.len(),
            self.before
        )
    }
}

/// Whole frames in capture order.
#[derive(Debug, Default)]
pub struct Batch {
    /// Position of this batch in the capture, from 0.
    pub number: u64,
    /// Number of the first frame in it.
    pub first_frame: FrameNumber,
    /// The bytes; frames lie in it in order, with record headers between them.
    pub bytes: Vec<u8>,
    /// The frames.
    pub frames: Vec<RawFrame>,
    /// Link of each interface known at the end of this batch.
    pub links: Arc<Vec<Link>>,
    /// Decryption secrets that stand before or between the frames.
    pub secrets: Vec<EmbeddedSecrets>,
    /// What a writer needs to know of the interfaces.
    pub(crate) origins: Arc<Origins>,
    /// Names of addresses (pcapng) that stand before or between the frames, in little-endian order.
    pub(crate) names: Vec<Box<[u8]>>,
}

impl Batch {
    /// The captured bytes of a frame of this batch; empty if the table lies (it never does for a batch that a reader filled).
    #[must_use]
    pub fn frame_bytes(&self, frame: &RawFrame) -> &[u8] {
        let start = frame.offset as usize;
        self.bytes.get(start..start.saturating_add(frame.captured as usize)).unwrap_or_default()
    }

    /// Whether frames of the capture so far may have different numbers for [`Self::own_interface`].
    pub(crate) fn has_several_interfaces(&self) -> bool {
        self.origins.interfaces.len() > 1
    }

    /// The number that a frame's interface has in its section: the same in every file of a rotated set, unlike the one that frames have.
    #[must_use]
    pub(crate) fn own_interface(&self, frame: &RawFrame) -> u32 {
        self.origins.interfaces.get(frame.interface as usize).map_or(0, |origin| origin.own)
    }

    /// Number of the frame at `index` of [`Batch::frames`].
    #[must_use]
    pub fn frame_number(&self, index: usize) -> FrameNumber {
        FrameNumber(self.first_frame.0 + index as u64)
    }
}
