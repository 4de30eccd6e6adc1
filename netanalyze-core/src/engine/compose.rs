//! The report from what the workers counted and the reader knows.

use std::num::NonZeroUsize;

use super::shared::Remains;
use super::tally::{Occurrences, Tally};
use crate::conversation::Services;
use crate::diagnosis::{Diagnoser, Stream, Volume};
use crate::model::limits::{
    MAX_ANNOUNCEMENTS, MAX_ECHO_REQUESTS, MAX_LAYERS, MAX_NEIGHBOURS, MAX_NESTED_DATAGRAMS, MAX_PINGS,
    MAX_QUESTIONS,
};
use crate::model::{Note, NoteKind, Timestamp};
use crate::report::{CaptureSummary, ConversationSummary, KindCount, ProtocolCount, Report};

pub(super) fn report(remains: Remains, tally: &Tally, conversations: Option<ConversationSummary>) -> Report {
    let Remains { facts, mut notes, fragments, numbers, forgotten, given_secrets, .. } = remains;
    let frame_note = |kind, occurrences: Occurrences, message: String| Note {
        kind,
        file: None,
        offset: None,
        frame: occurrences.first.map(|frame| frame.0),
        count: occurrences.count,
        message,
    };
    for (link, occurrences) in &tally.unknown_links {
        let (frames, at) = (frames(occurrences.count), occurrences.first.unwrap_or_default());
        let (kind, message) = if link.0 == u32::MAX {
            let message =
                format!("{frames} of an interface that the capture does not describe (first: frame {at})");
            (NoteKind::UnknownInterface, message + ": counted, not decoded")
        } else {
            let message =
                format!("{frames} of link type {link}, which netanalyze does not read (first: frame {at})");
            (NoteKind::UnknownLinkType, message + ": counted, not decoded")
        };
        notes.push(frame_note(kind, *occurrences, message));
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
            "{} with a header that contradicts itself (first: frame {}); decoding stopped there",
            frames(tally.malformed.count),
            first(&tally.malformed)
        );
        notes.push(frame_note(NoteKind::MalformedFrames, tally.malformed, message));
    }
    if tally.too_deep.count > 0 {
        let message = format!(
            "{} with more than {MAX_LAYERS} layers, or {MAX_NESTED_DATAGRAMS} fragmented ones (first: frame {}): deeper ones were not decoded",
            frames(tally.too_deep.count),
            first(&tally.too_deep)
        );
        notes.push(frame_note(NoteKind::LimitReached, tally.too_deep, message));
    }
    if let Some(given) = given_secrets.filter(|&given| given > 0 && !tally.fits_secrets) {
        let occurrences = Occurrences { count: given as u64, first: None };
        let secrets = if given == 1 { "secret was" } else { "secrets were" };
        let message = format!(
            "{given} {secrets} given, and none fits a ClientHello of the capture: nothing is decrypted with them"
        );
        notes.push(frame_note(NoteKind::UnusedSecrets, occurrences, message));
    }
    for (limit, occurrences) in &tally.limits {
        let message = format!("{} {} (first: frame {})", occurrences.count, limit.cost(), first(occurrences));
        notes.push(frame_note(NoteKind::LimitReached, *occurrences, message));
    }
    let mut limit_note = |count, first, message| {
        notes.push(frame_note(NoteKind::LimitReached, Occurrences { count, first }, message));
    };
    if fragments.dropped() > 0 {
        let message = format!(
            "{} incomplete IP datagrams were given up, oldest first, to keep memory bounded",
            fragments.dropped()
        );
        limit_note(fragments.dropped(), None, message);
    }
    if forgotten.count() > 0 {
        let message = format!(
            "{} conversations, those quiet for longest, were forgotten from frame {} on to stay below the memory limit: they are \
             missing from rows and totals of conversations, nothing is said of how they ended, packets of theirs that came later count as new \
             conversations (to be forgotten, and counted here, again), and stream numbers are not Wireshark's from there on",
            forgotten.count(),
            forgotten.first
        );
        limit_note(forgotten.count(), Some(forgotten.first), message);
    }
    let [unawaited, uncounted, neighbours] = numbers.control.costs();
    if unawaited > 0 {
        let message = format!(
            "{unawaited} echo requests count as unanswered because {MAX_ECHO_REQUESTS} later ones came before a reply"
        );
        limit_note(unawaited, None, message);
    }
    if uncounted > 0 {
        let message = format!(
            "{uncounted} echo requests were not counted because {MAX_PINGS} pairs of hosts and identifiers were counted already"
        );
        limit_note(uncounted, None, message);
    }
    if neighbours > 0 {
        let message = format!(
            "{neighbours} messages of ARP or neighbour discovery were ignored because {MAX_NEIGHBOURS} addresses or {MAX_QUESTIONS} questions were \
             remembered already: unanswered ones and duplicate addresses among them are missing"
        );
        limit_note(neighbours, None, message);
    }
    let ignored = numbers.announcements.ignored();
    if ignored > 0 {
        let message = format!(
            "{ignored} announced data connections were ignored because {MAX_ANNOUNCEMENTS} were waiting: their tcp.completeness can differ"
        );
        limit_note(ignored, None, message);
    }
    Report {
        quality: Vec::new(),
        diagnoses: Vec::new(),
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
        transactions: tally.transactions,
        conversations,
        notes,
    }
}

fn frames(count: u64) -> String {
    format!("{count} {}", if count == 1 { "frame" } else { "frames" })
}

/// From here on times are dates: a year after the epoch.
const DATES: Timestamp = Timestamp(31_536_000_000_000_000);

/// Adds gates and diagnoses.
pub(super) fn diagnose(
    diagnoser: Diagnoser,
    streams: &[Stream],
    services: Services,
    threads: NonZeroUsize,
    tally: &Tally,
    (report, has_forgotten): (&mut Report, bool),
) {
    let frames = |name: &str| {
        let of = |count: &&ProtocolCount| count.protocol == name;
        report.protocols.iter().find(of).map_or(0, |count| count.packets)
    };
    let tunnels = ["vxlan", "gre", "geneve", "gtp", "teredo"];
    let capture = &report.capture;
    let end = tally.latest.unwrap_or_default();
    // Times that begin at zero, and stay near, are counted from a capture's begin.
    let has_dates = end.0 >= DATES.0;
    let is_without = tally.timeless.count > 1 && tally.timeless.count == capture.packets;
    let timeless = if has_dates || is_without { tally.timeless } else { Occurrences::default() };
    let volume = Volume {
        facts: &capture.facts,
        notes: &report.notes,
        packets: capture.packets,
        tcp_packets: frames("tcp"),
        tcp_streams: u64::from(capture.tcp_streams),
        only_ports_over_ipv6: frames("ipv6") > 0 && frames("icmpv6") == 0,
        backward: (tally.backward.count, tally.backward.first),
        timeless: (timeless.count, timeless.first),
        has_forgotten,
        sealed: frames("esp"),
        tunnels: tunnels.into_iter().map(|name| (name, frames(name))).filter(|(_, n)| *n > 0).collect(),
    };
    let (quality, diagnoses) = diagnoser.finish(streams, services, threads, &volume, end);
    (report.quality, report.diagnoses) = (quality, diagnoses);
}
