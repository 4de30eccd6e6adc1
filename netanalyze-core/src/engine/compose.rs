//! The report from what the workers counted and the reader knows.

use super::shared::Remains;
use super::tally::{Occurrences, Tally};
use crate::model::{Note, NoteKind};
use crate::report::{CaptureSummary, KindCount, ProtocolCount, Report};

pub(super) fn report(remains: Remains, tally: &Tally) -> Report {
    let Remains { reader, fragments, numbers } = remains;
    let (facts, mut notes) = reader.finish();
    let frame_note = |kind, occurrences: Occurrences, message: String| Note {
        kind,
        file: None,
        offset: None,
        frame: occurrences.first.map(|frame| frame.0),
        count: occurrences.count,
        message,
    };
    for (link, occurrences) in &tally.unknown_links {
        let name = if link.0 == u32::MAX { "an undescribed interface".to_owned() } else { link.to_string() };
        let message = format!(
            "{} frames of link type {name} (first: frame {}) were counted but not decoded: netanalyze does not read it",
            occurrences.count,
            occurrences.first.unwrap_or_default()
        );
        notes.push(frame_note(NoteKind::UnknownLinkType, *occurrences, message));
    }
    let first = |o: &Occurrences| o.first.unwrap_or_default();
    if tally.snapped.count > 0 {
        let message = format!(
            "{} of {} frames were captured only in part (snapshot length; first: frame {}): what lies beyond could not be analysed",
            tally.snapped.count,
            tally.volume.frames,
            first(&tally.snapped)
        );
        notes.push(frame_note(NoteKind::SnappedFrames, tally.snapped, message));
    }
    if tally.malformed.count > 0 {
        let message = format!(
            "{} frames hold a header that contradicts itself (first: frame {}); decoding stopped there",
            tally.malformed.count,
            first(&tally.malformed)
        );
        notes.push(frame_note(NoteKind::MalformedFrames, tally.malformed, message));
    }
    if fragments.dropped() > 0 {
        notes.push(Note {
            kind: NoteKind::LimitReached,
            file: None,
            offset: None,
            frame: None,
            count: fragments.dropped(),
            message: format!(
                "{} incomplete IP datagrams were given up, oldest first, to keep memory bounded",
                fragments.dropped()
            ),
        });
    }
    Report {
        capture: CaptureSummary {
            facts,
            packets: tally.volume.frames,
            wire_bytes: tally.volume.bytes,
            captured_bytes: tally.captured_bytes,
            earliest: tally.earliest,
            latest: tally.latest,
            tcp_streams: numbers.tcp.count(),
            udp_streams: numbers.udp.count(),
        },
        protocols: tally
            .protocol_volumes()
            .map(|(protocol, volume)| ProtocolCount {
                protocol: protocol.name(),
                packets: volume.frames,
                wire_bytes: volume.bytes,
            })
            .collect(),
        findings_by_kind: tally
            .kind_tallies()
            .map(|(id, kind)| KindCount {
                id: id.kind().id,
                severity: id.kind().severity,
                count: kind.findings.count,
                conversations: kind.conversations,
                first_frame: first(&kind.findings).0,
            })
            .collect(),
        notes,
    }
}
