//! Gates of capture quality: what about the capture itself undermines diagnoses.

use super::catalogue;
use super::clock::Clock;
use super::join::some_frames;
use super::object::{Gate, Step};
use super::scene::{Scene, Stream};
use super::thresholds::Limit;
use crate::capture::CaptureFacts;
use crate::model::{Direction, FrameNumber, Note, NoteKind};

/// What the engine counted of the whole capture.
#[derive(Debug)]
pub(crate) struct Volume<'v> {
    pub(crate) facts: &'v CaptureFacts,
    pub(crate) notes: &'v [Note],
    pub(crate) packets: u64,
    pub(crate) tcp_packets: u64,
    pub(crate) tcp_streams: u64,
    /// Over IPv6 nothing came but TCP and UDP.
    pub(crate) only_ports_over_ipv6: bool,
    /// Tunnels, with the frames in each.
    pub(crate) tunnels: Vec<(&'static str, u64)>,
    /// Packets of IPsec, whose inside does not show.
    pub(crate) sealed: u64,
    /// Frames that are older than the one before them, and those without a time among others that have one, or all: how many, and the first.
    pub(crate) backward: (u64, Option<FrameNumber>),
    pub(crate) timeless: (u64, Option<FrameNumber>),
    /// Conversations were forgotten because of the memory limit.
    pub(crate) has_forgotten: bool,
}

/// What waited for an answer when the capture ended, beside connection attempts.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Handshakes of TLS.
    pub(super) handshakes: u64,
    /// Queries of DNS.
    pub(super) queries: u64,
    /// Requests of HTTP.
    pub(super) requests: u64,
}

/// A gate of a code.
fn gate(code: &'static str, count: u64, summary: String, effect: &'static str) -> Gate {
    let rule = catalogue::rule(code);
    let step = |advice: &catalogue::Advice| Step {
        place: advice.place,
        command: advice.command.to_owned(),
        why: advice.why,
    };
    Gate {
        code: rule.code,
        name: rule.name,
        title: rule.title,
        summary,
        count,
        frames: Vec::new(),
        effect,
        thresholds: Vec::new(),
        next: rule.steps.iter().map(step).collect(),
    }
}

impl Gate {
    fn at(mut self, frames: impl Iterator<Item = FrameNumber>) -> Self {
        self.frames = some_frames(frames);
        self
    }

    fn by(mut self, scene: &Scene<'_>, limit: Limit) -> Self {
        self.thresholds.push(scene.thresholds.used(limit));
        self
    }
}

/// All gates that stand, in the order of their codes.
pub(super) fn gates(
    scene: &Scene<'_>,
    volume: &Volume<'_>,
    waiting: &Waiting,
    damaged: u64,
    clock: &Clock,
) -> Vec<Gate> {
    let all = [
        drops(scene, volume),
        duplicates(scene, volume),
        offload(scene),
        cut(scene, volume),
        midstream(scene, volume),
        one_sided(scene, volume),
        times(scene, volume, clock),
        interfaces(scene),
        tunnels(volume),
        checksums(scene),
        damage(volume, damaged),
        short(scene, waiting),
    ];
    all.into_iter().flatten().collect()
}

fn noted(volume: &Volume<'_>, kind: NoteKind) -> u64 {
    volume.notes.iter().filter(|note| note.kind == kind).map(|note| note.count).fold(0, u64::saturating_add)
}

fn both(stream: &Stream) -> [&crate::tcp::Lane; 2] {
    [stream.lane(Direction::AtoB), stream.lane(Direction::BtoA)]
}

fn drops(scene: &Scene<'_>, volume: &Volume<'_>) -> Option<Gate> {
    let counted =
        volume.facts.interfaces.iter().filter_map(|interface| interface.dropped).fold(0, u64::saturating_add);
    let troubles = || scene.streams.iter().flat_map(both).filter_map(|lane| lane.trouble.as_deref());
    let unseen = troubles().map(|trouble| trouble.unseen).fold(0, u64::saturating_add);
    let seen = scene.streams.iter().flat_map(both).map(|lane| lane.bytes()).fold(0, u64::saturating_add);
    let many = scene.thresholds.reaches(Limit::CaptureDrops, unseen, seen.saturating_add(unseen));
    if counted == 0 && !many {
        return None;
    }
    let mut parts = Vec::new();
    if counted > 0 {
        parts.push(format!("the capturing host dropped {counted} packets"));
    }
    if many {
        parts.push(format!("{unseen} bytes were acknowledged that the capture does not hold"));
    }
    let effect = "loss, path MTU, and what rests on something absent are at most medium";
    let gate = gate("Q-01", counted.max(unseen), parts.join(", and "), effect);
    let frames = troubles().flat_map(|trouble| trouble.unseen_frames.iter());
    Some(gate.at(frames).by(scene, Limit::CaptureDrops))
}

fn duplicates(scene: &Scene<'_>, volume: &Volume<'_>) -> Option<Gate> {
    let count = scene
        .streams
        .iter()
        .map(|stream| u64::from(stream.chronicle.duplicates))
        .fold(0, u64::saturating_add);
    if !scene.thresholds.reaches(Limit::DuplicateShare, count, volume.tcp_packets) {
        return None;
    }
    let summary = format!("{count} of {} TCP packets were captured twice", volume.tcp_packets);
    let effect = "copies are set aside for diagnoses; findings, which are Wireshark's, count them";
    let frames = scene.streams.iter().flat_map(|stream| stream.chronicle.duplicate_frames.iter());
    Some(gate("Q-02", count, summary, effect).at(frames).by(scene, Limit::DuplicateShare))
}

fn offload(scene: &Scene<'_>) -> Option<Gate> {
    let count =
        scene.streams.iter().map(|stream| u64::from(stream.chronicle.oversized)).fold(0, u64::saturating_add);
    (count >= 3).then(|| {
        let summary = format!(
            "{count} segments are larger than the other end takes: the network card cut them behind the tap, or joined them before it"
        );
        gate("Q-03", count, summary, "segments are counted in pieces of another size than the path saw")
    })
}

fn cut(scene: &Scene<'_>, volume: &Volume<'_>) -> Option<Gate> {
    let count = noted(volume, NoteKind::SnappedFrames);
    scene.thresholds.reaches(Limit::SnappedShare, count, volume.packets).then(|| {
        let summary = format!("{count} of {} packets were not captured whole", volume.packets);
        let effect =
            "what applications said may be missing: DNS, TLS and HTTP are read as far as they were captured";
        gate("Q-04", count, summary, effect).by(scene, Limit::SnappedShare)
    })
}

fn midstream(scene: &Scene<'_>, volume: &Volume<'_>) -> Option<Gate> {
    let count = scene
        .streams
        .iter()
        .filter(|stream| stream.chronicle.opening.client().is_none() && stream.chronicle.segments() > 0)
        .count() as u64;
    let forgotten = if volume.has_forgotten { ", or was forgotten because of the memory limit" } else { "" };
    (count > 0).then(|| {
        let summary = format!(
            "{count} connections began before the capture, or their handshake was not captured{forgotten}"
        );
        gate(
            "Q-05",
            count,
            summary,
            "their windows are not known in bytes: rules about windows leave them out",
        )
    })
}

fn one_sided(scene: &Scene<'_>, volume: &Volume<'_>) -> Option<Gate> {
    let is_one_sided = |stream: &&Stream| {
        both(stream).iter().any(|lane| lane.packets() == 0)
            && both(stream).iter().any(|lane| lane.packets() > 3 && lane.data_segments() > 0)
    };
    let count = scene.streams.iter().filter(is_one_sided).count() as u64;
    scene.thresholds.reaches(Limit::OneSidedShare, count, volume.tcp_streams).then(|| {
        let summary = format!(
            "of {count} connections only one direction was captured, although the other end is there"
        );
        let effect = "nothing is said of loss, windows and silence in them";
        gate("Q-06", count, summary, effect).by(scene, Limit::OneSidedShare)
    })
}

fn times(scene: &Scene<'_>, volume: &Volume<'_>, clock: &Clock) -> Option<Gate> {
    if let Some(frames) = clock.broken() {
        let summary = format!(
            "all {frames} packets came within the first millisecond of a second, by their times: milliseconds stand where microseconds belong"
        );
        return Some(gate(
            "Q-07",
            frames,
            summary,
            "what rests on durations is at most medium; they are wrong",
        ));
    }
    // Rotated files in the wrong order step back, too: that is counted with the rest.
    let noted = noted(volume, NoteKind::ClampedTime);
    // Of one conversation and of all: they may lie next to each other in the one and not in the other.
    let of_streams = scene.streams.iter().map(|stream| u64::from(stream.chronicle.backward));
    let (within, first) = volume.backward;
    let (between, other) = clock.steps_back();
    let first = first.into_iter().chain(other).min();
    let backward = of_streams.fold(0, u64::saturating_add).max(within.saturating_add(between));
    let backward = noted.saturating_add(backward);
    let (timeless, first_timeless) = volume.timeless;
    let count = backward.saturating_add(timeless);
    (count > 0).then(|| {
        let without = match timeless {
            0 => String::new(),
            1 => "1 packet has no time".to_owned(),
            more => format!("{more} packets have no time"),
        };
        let steps = match backward {
            0 => String::new(),
            _ => format!("times of packets step back, or cannot be true ({backward} times)"),
        };
        let both = if without.is_empty() || steps.is_empty() { "" } else { "; " };
        let summary = format!("{without}{both}{steps}");
        let of_streams = scene.streams.iter().flat_map(|stream| stream.chronicle.backward_frames.iter());
        let frames = first.into_iter().chain(first_timeless).chain(of_streams);
        gate("Q-07", count, summary, "durations and round trips around them are uncertain").at(frames)
    })
}

fn interfaces(scene: &Scene<'_>) -> Option<Gate> {
    let count =
        scene.streams.iter().map(|stream| u64::from(stream.chronicle.elsewhere)).fold(0, u64::saturating_add);
    (count > 0).then(|| {
        let summary = format!(
            "{count} packets were captured at two places of their way: their time to live differs, the rest is the same"
        );
        let effect = "copies are set aside; behind a translation of addresses the same conversation may appear once more";
        gate("Q-08", count, summary, effect)
    })
}

fn tunnels(volume: &Volume<'_>) -> Option<Gate> {
    let count = volume.tunnels.iter().map(|(_, frames)| *frames).fold(0, u64::saturating_add);
    (count > 0).then(|| {
        let names: Vec<&str> = volume.tunnels.iter().map(|(name, _)| *name).collect();
        let summary = format!("{count} packets travel in tunnels ({})", names.join(", "));
        gate(
            "Q-09",
            count,
            summary,
            "conversations are those inside; what fits through the path is less by the tunnel's headers",
        )
    })
}

fn checksums(scene: &Scene<'_>) -> Option<Gate> {
    let hosts = scene.services.unsummed();
    let count = hosts.values().fold(0, |sum: u64, packets| sum.saturating_add(*packets));
    let first = hosts.keys().next()?;
    let who = match hosts.len() {
        1 => format!("{first} leaves"),
        2 => format!("{first} and another host leave"),
        more => format!("{first} and {} more hosts leave", more - 1),
    };
    let summary = format!(
        "{who} the TCP checksums to the network card, which adds them behind the capture point ({count} of the packets that were looked at)"
    );
    Some(gate("Q-10", count, summary, "wrong checksums of these hosts are not taken for damage"))
}

/// `datagrams` of name resolution have a wrong checksum, of hosts whose others are right.
fn damage(volume: &Volume<'_>, datagrams: u64) -> Option<Gate> {
    let kinds =
        [NoteKind::TruncatedFile, NoteKind::DamagedRecord, NoteKind::DamagedCompression, NoteKind::BadBlock];
    let records = kinds.iter().map(|&kind| noted(volume, kind)).fold(0, u64::saturating_add);
    let mut parts = Vec::new();
    if records > 0 {
        parts.push("the file is damaged, or ends too soon; what is good in it was analysed".to_owned());
    }
    if datagrams > 0 {
        parts.push(format!(
            "{datagrams} DNS messages were changed behind their sender: their UDP checksum is wrong, while that of others is right"
        ));
    }
    let count = records.saturating_add(datagrams);
    (count > 0).then(|| gate("Q-11", count, parts.join("; "), "what lies in the damaged parts is not known"))
}

fn short(scene: &Scene<'_>, others: &Waiting) -> Option<Gate> {
    let wait = scene.thresholds.span(Limit::SynWait);
    let attempts = scene
        .streams
        .iter()
        .filter(|stream| {
            let opening = &stream.chronicle.opening;
            let unanswered = opening.syns > 0 && opening.syn_acks == 0 && stream.chronicle.reset.is_none();
            unanswered && scene.errors(stream).is_empty() && scene.until_end(opening.last_syn) < wait
        })
        .count() as u64;
    let kinds = [
        (attempts, "connection attempt", "connection attempts"),
        (others.handshakes, "TLS handshake", "TLS handshakes"),
        (others.queries, "DNS query", "DNS queries"),
        (others.requests, "HTTP request", "HTTP requests"),
    ];
    let named = |&(count, one, many): &(u64, &str, &str)| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        _ => Some(format!("{count} {many}")),
    };
    let mut parts: Vec<String> = kinds.iter().filter_map(named).collect();
    let waiting = kinds.iter().map(|(count, ..)| *count).fold(0, u64::saturating_add);
    let last = parts.pop()?;
    let who = if parts.is_empty() { last } else { format!("{} and {last}", parts.join(", ")) };
    let verb = if waiting == 1 { "waits" } else { "wait" };
    let summary = format!("{who} {verb} for an answer at the end: inconclusive");
    let gate = gate("Q-12", waiting, summary, "none of that is said to have timed out");
    let gate = if attempts > 0 { gate.by(scene, Limit::SynWait) } else { gate };
    Some(if others.handshakes > 0 { gate.by(scene, Limit::TlsSilence) } else { gate })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::thresholds::Thresholds;
    use crate::model::Timestamp;

    #[test]
    fn damage_is_of_the_file_or_of_messages() {
        let facts = CaptureFacts::default();
        let note =
            |kind| Note { kind, file: None, offset: None, frame: None, count: 2, message: String::new() };
        let told = |notes: &[Note], datagrams| {
            let volume = Volume {
                only_ports_over_ipv6: false,
                facts: &facts,
                notes,
                packets: 0,
                tcp_packets: 0,
                tcp_streams: 0,
                tunnels: Vec::new(),
                sealed: 0,
                backward: (0, None),
                timeless: (0, None),
                has_forgotten: false,
            };
            damage(&volume, datagrams).map(|gate| (gate.count, gate.summary))
        };
        assert!(told(&[], 0).is_none());
        let (count, summary) = told(&[], 3).unwrap();
        assert!(summary.starts_with("3 DNS messages were changed"), "{summary}");
        assert_eq!(count, 3);
        let (count, summary) = told(&[note(NoteKind::TruncatedFile)], 3).unwrap();
        assert!(
            summary.starts_with("the file is damaged") && summary.contains("; 3 DNS messages"),
            "{summary}"
        );
        assert_eq!(count, 5);
    }

    #[test]
    fn what_waits_at_the_end_is_told_by_kind() {
        let thresholds = Thresholds::default();
        let (icmp, unresolved) = Default::default();
        let end = vec![Timestamp(2_000_000_000)];
        let scene = Scene::new(&thresholds, &[], Default::default(), (&icmp, &unresolved), end);
        let told = |handshakes, queries, requests| {
            let gate = short(&scene, &Waiting { handshakes, queries, requests })?;
            Some((gate.count, gate.thresholds.len(), gate.summary))
        };
        assert!(told(0, 0, 0).is_none());
        let (count, thresholds, summary) = told(0, 1, 0).unwrap();
        assert!(summary.starts_with("1 DNS query waits for an answer at the end"), "{summary}");
        assert_eq!((count, thresholds), (1, 0));
        let (count, thresholds, summary) = told(1, 2, 3).unwrap();
        assert!(summary.contains("1 TLS handshake, 2 DNS queries and 3 HTTP requests wait"), "{summary}");
        assert_eq!((count, thresholds), (6, 1));
    }
}
