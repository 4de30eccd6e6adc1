//! Records of pcap.

use std::io;

use byteorder_slice::LittleEndian;
use pcap_file::pcap::RawPcapPacket;

use super::Losses;
use super::pcapng::Found;
use crate::capture::origin::Container;
use crate::capture::pcap::FILE_HEADER;
use crate::capture::{Batch, RawFrame};
use crate::model::{Link, LinkType};

/// Snapshot length of a file whose interfaces have none: that of libpcap.
const SNAPLEN: u32 = 262_144;

/// What stands in front, and holds for all packets.
pub(super) struct Header {
    link: Link,
    nanos: bool,
    snaplen: u32,
}

impl Header {
    /// What a file says that begins with packets of a batch: their time unit, and the first one's link type.
    pub(super) fn of(batch: &Batch) -> Header {
        let interfaces = &batch.origins.interfaces;
        let nanos = interfaces.iter().any(|origin| origin.units > 1_000_000);
        let first = batch.frames.iter().find_map(|frame| interfaces.get(frame.interface as usize));
        let link = first.or(interfaces.first()).map_or(LinkType(0).into(), |origin| origin.link);
        let snaplen = interfaces.iter().map(|origin| origin.snaplen).max().filter(|&longest| longest > 0);
        Header { link, nanos, snaplen: snaplen.unwrap_or(SNAPLEN) }
    }

    /// The file's first bytes. By hand: pcap-file's link types have no place for the length of frame check sequences.
    pub(super) fn bytes(&self) -> [u8; FILE_HEADER] {
        let magic: u32 = if self.nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        let fcs = if self.link.fcs_len > 0 { 1 << 26 | u32::from(self.link.fcs_len / 2) << 28 } else { 0 };
        let words = [magic, 4 << 16 | 2, 0, 0, self.snaplen, self.link.kind.0 | fcs];
        let mut out = [0; FILE_HEADER];
        for (place, word) in out.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        out
    }

    /// Adds a frame's record; false, and nothing, if it is no packet of a known interface.
    pub(super) fn push_packet(
        &self,
        out: &mut Vec<u8>,
        batch: &Batch,
        frame: &RawFrame,
        losses: &mut Losses,
    ) -> io::Result<bool> {
        let Some(origin) = batch.origins.interfaces.get(frame.interface as usize) else { return Ok(false) };
        if origin.link != self.link {
            return Err(io::Error::new(io::ErrorKind::InvalidData, self.other_link(origin.link)));
        }
        if let Container::Pcapng { big } = origin.container
            && Found::of(batch, frame, big).is_some_and(|found| found.options.len() > 4)
        {
            losses.comments += 1;
        }
        let unit: i64 = if self.nanos { 1 } else { 1000 };
        let (seconds, nanos) =
            (frame.time.0.div_euclid(1_000_000_000), frame.time.0.rem_euclid(1_000_000_000));
        let in_range = u32::try_from(seconds).ok();
        if in_range.is_none() || nanos % unit != 0 || origin.units > 1_000_000_000 {
            losses.times += 1;
        }
        let (seconds, fraction) = match in_range {
            Some(seconds) => (seconds, (nanos / unit) as u32),
            None if seconds < 0 => (0, 0),
            None => (u32::MAX, (999_999_999 / unit) as u32),
        };
        let bytes = batch.frame_bytes(frame);
        let record = RawPcapPacket {
            ts_sec: seconds,
            ts_frac: fraction,
            incl_len: bytes.len() as u32,
            orig_len: frame.wire_len,
            data: bytes.into(),
        };
        // Writing to memory does not fail.
        let _ = record.write_to::<_, LittleEndian>(out);
        Ok(true)
    }

    fn other_link(&self, other: Link) -> String {
        format!(
            "pcap holds packets of one link type: after those of type {} there is one of type {}; write pcapng, or choose packets of one type",
            self.link.kind.0, other.kind.0
        )
    }
}
