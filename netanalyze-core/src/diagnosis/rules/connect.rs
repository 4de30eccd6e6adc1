//! Connections that did not come about: CONN-01, -02, -03, -04, -06, -15.

use std::collections::BTreeMap;

use super::super::case::Case;
use super::super::object::{Confidence, Severity};
use super::super::scene::{IcmpError, Scene, Stream, Vantage};
use super::super::thresholds::Limit;
use super::{scans, span, times};
use crate::model::{Direction, Endpoint, Span};
use crate::tcp::{Shape, made_same_way};

/// Which error a filter sends (RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3.1), and which a host that nobody reaches.
#[derive(PartialEq, Eq)]
enum Told {
    Rejected,
    Unreachable,
    Else,
}

fn told(error: &IcmpError) -> Told {
    match (error.reporter.is_ipv4(), error.icmp_type, error.icmp_code) {
        // Port unreachable: TCP has RST for that, so it is the answer of a filter.
        (true, 3, 3 | 9 | 10 | 13) | (false, 1, 1 | 4 | 5 | 6) => Told::Rejected,
        (true, 3, 0 | 1) | (false, 1, 0 | 3) => Told::Unreachable,
        _ => Told::Else,
    }
}

/// A host asks again for a connection after a second (RFC 6298 §2.1); some stacks are a little early.
const RETRY: Span = Span(900_000_000);

/// What routers begin with that answer for others; hosts begin with 64 or 128, but for few.
const OF_DEVICES: u8 = 255;

/// Looks at every attempt to open a connection.
pub(super) fn look(scene: &Scene<'_>, cases: &mut Vec<Case>) {
    let mut silent: BTreeMap<Endpoint, Vec<&Stream>> = BTreeMap::new();
    for stream in scene.streams {
        let chronicle = &stream.chronicle;
        let opening = &chronicle.opening;
        let Some(client) = opening.client().filter(|_| opening.syns > 0) else { continue };
        let errors = scene.errors(stream);
        let of_syn = |error: &&IcmpError| error.source == stream.end(client);
        let reached = opening.syn_acks > 0;
        let said = cases.len();
        if let Some(error) =
            errors.iter().filter(of_syn).find(|_| !reached).filter(|e| told(e) == Told::Rejected)
        {
            cases.push(rejected(stream, error));
        } else if let Some(error) =
            errors.iter().filter(of_syn).find(|_| !reached).filter(|e| told(e) == Told::Unreachable)
        {
            cases.push(unreachable(stream, error));
        } else if let Some(case) = refused(scene, stream) {
            cases.push(case);
        } else if is_silent(scene, stream, client) && errors.is_empty() {
            silent.entry(stream.ends().server).or_default().push(stream);
        }
        for case in cases.iter_mut().skip(said) {
            case.successes = Some(successes(scene, stream));
        }
    }
    scans::look(scene, cases);
    for (server, streams) in silent {
        match queue(scene, server, &streams) {
            Some(of_queue) => cases.extend(of_queue),
            None => cases.extend(streams.iter().map(|stream| unanswered(scene, stream))),
        }
    }
}

/// Nothing came back, and the capture went on for long enough to tell.
fn is_silent(scene: &Scene<'_>, stream: &Stream, client: Direction) -> bool {
    let opening = &stream.chronicle.opening;
    let wanted = scene.thresholds.get(Limit::SynAttempts).max(1);
    let retried = opening.last_syn.since(opening.first_syn) >= RETRY || wanted == 1;
    let enough = u64::from(opening.syns) >= wanted && retried;
    let long = scene.until_end(opening.last_syn) >= scene.thresholds.span(Limit::SynWait);
    stream.lane(client.reverse()).packets() == 0
        && stream.chronicle.reset.is_none()
        && stream.lane(client).bytes() == 0
        && enough
        && long
}

/// Connections that the client of a stream got.
fn successes(scene: &Scene<'_>, stream: &Stream) -> u64 {
    scene.services.opened_by(stream.ends().client.ip()).into()
}

fn unanswered(scene: &Scene<'_>, stream: &Stream) -> Case {
    let opening = &stream.chronicle.opening;
    let ends = stream.ends();
    let tries = u64::from(opening.syns);
    let waited = opening.last_syn.since(opening.first_syn);
    let unresolved = scene.unresolved(ends.server.ip());
    let until = Span(waited.0.saturating_add(scene.thresholds.span(Limit::SynWait).0));
    if let Some(asked) = unresolved.filter(|asked| asked.asked >= 3) {
        return Case::new("CONN-15", ends, (opening.first_syn, opening.last_syn))
            .says(
                format!(
                    "{} asked {} for a connection {} and got no answer: nobody answers for its address on the link ({} questions)",
                    ends.client.ip(), ends.server, times(tries), asked.asked
                ),
                format!("{} cannot be reached: nobody answers for its address on the link", ends.server.ip()),
            )
            .shows(asked.frame, format!("who has {}? without an answer", asked.address), "an answer of the host")
            .shows_all(opening.syn_frames.iter(), "SYN without an answer", "a SYN-ACK or a reset")
            .costs(until)
            .times(tries)
            .among(successes(scene, stream));
    }
    let service = scene.services.get(&ends.server).filter(|service| service.opened > 0);
    let mut case = Case::new("CONN-01", ends, (opening.first_syn, opening.last_syn))
        .says(
            format!(
                "{} asked {} for a connection {} in {} and heard nothing: no SYN-ACK, no reset, no ICMP error",
                ends.client.ip(), ends.server, times(tries), span(waited)
            ),
            match service {
                Some(_) => format!("{} leaves some connection attempts without an answer", ends.server),
                None => format!("{} answers no connection attempt", ends.server),
            },
        )
        .among(successes(scene, stream))
        .shows_all(opening.syn_frames.iter(), "SYN without an answer", "a SYN-ACK or a reset")
        .costs(until)
        .times(tries)
        .by(&[Limit::SynAttempts, Limit::SynWait])
        .rival(
            "the answers are lost or take another way than this tap",
            "a capture at the server: whether the SYN arrives there, and whether an answer leaves",
        );
    if let Some(service) = service {
        case = case.against(format!("{} other connections to {} came about", service.opened, ends.server));
        let beside = Span(2_000_000_000);
        if service.first.since(opening.first_syn) <= beside && opening.first_syn.since(service.last) <= beside
        {
            case = case.severity(Severity::Warn);
        }
    }
    match stream.vantage() {
        Vantage::NearServer => case.because("captured next to the server: the SYN arrived there"),
        _ => case.at_most(
            Confidence::Medium,
            "captured away from the server: whether the SYN arrived there, and whether an answer left, is not to be seen",
        ),
    }
}

fn refused(scene: &Scene<'_>, stream: &Stream) -> Option<Case> {
    let opening = &stream.chronicle.opening;
    if opening.syn_acks > 0 {
        return None; // the SYN was accepted after all: the host did not refuse it
    }
    let reset = stream.chronicle.reset.as_ref().filter(|reset| reset.shape == Shape::Refusal)?;
    let ends = stream.ends();
    // Some systems ask again after a refusal, and give up only then.
    let given_up = if opening.last_syn > reset.time { stream.chronicle.last } else { reset.time };
    let base = |code| {
        Case::new(code, ends, (opening.first_syn, given_up))
            .costs(given_up.since(opening.first_syn))
            .times(u64::from(opening.syns))
    };
    let usual = scene.host_ttl(ends.server.ip());
    if let Some(usual) = usual.filter(|usual| !made_same_way(*usual, reset.ttl)) {
        return Some(
            base("CONN-04")
                .says(
                    format!(
                        "{}'s attempt to reach {} was reset by something else than the host: the reset has a time to live of {}, the host's own packets {usual}",
                        ends.client.ip(), ends.server, reset.ttl
                    ),
                    format!("connection attempts to {} are reset by something else than the host", ends.server),
                )
                .shows(reset.frame, format!("RST with a time to live of {}", reset.ttl), "packets of one host make the same way")
                .shows_all(opening.syn_frames.iter(), "SYN", "a SYN-ACK")
                .rival("several hosts behind one address", "whether answers to other ports vary in their time to live, too"),
        );
    }
    let service = scene.services.get(&ends.server).filter(|service| service.opened > 0);
    let by_device = usual.is_none_or(|usual| usual.abs_diff(reset.ttl) > 1) && reset.ttl == OF_DEVICES;
    let why = match service {
        _ if by_device => "nothing listens there, or a device on the way refuses for it",
        Some(_) => "nothing listened there at that time",
        None => "nothing listens there",
    };
    let foreign = scene.host_ttls(ends.server.ip()).is_some_and(|(least, most)| {
        !(least.saturating_sub(1)..=most.saturating_add(1)).contains(&reset.ttl)
    });
    let mut case = base("CONN-02")
        .says(
            format!("{} refused the connection of {}: {why}", ends.server, ends.client.ip()),
            format!("{} refuses connections: {why}", ends.server),
        )
        .shows(reset.frame, "RST that acknowledges the SYN", "a SYN-ACK")
        .shows_all(opening.syn_frames.iter(), "SYN", "a SYN-ACK")
        .rival("a filter that rejects with a reset", "the listening sockets of the server");
    case = match usual {
        Some(usual) if usual.abs_diff(reset.ttl) <= 1 => {
            case.because("the reset has the time to live of the host's other packets")
        }
        Some(_) => case.at_most(
            Confidence::Medium,
            "the reset has another time to live than the host's other packets: something else may have sent it",
        ),
        None if by_device => case.at_most(
            Confidence::Medium,
            "the reset begins with a time to live of 255, as devices use that answer for others",
        ),
        None if foreign => case.at_most(
            Confidence::Medium,
            "the reset has another time to live than any of the host's other packets",
        ),
        None => case,
    };
    if !reset.is_bare {
        case = case.at_most(
            Confidence::Low,
            "the reset has a window, which hosts do not give when they refuse (RFC 9293): it may be forged",
        );
    }
    if let Some(service) = service {
        case = case.against(format!("{} other connections to {} came about", service.opened, ends.server));
    }
    Some(match scene.instead(&ends, reset.time) {
        Some(other) => {
            case.severity(Severity::Note).against(format!("a connection to {other} took its place"))
        }
        None => case,
    })
}

fn rejected(stream: &Stream, error: &IcmpError) -> Case {
    let (ends, opening) = (stream.ends(), &stream.chronicle.opening);
    Case::new("CONN-03", ends, (opening.first_syn, error.time))
        .says(
            format!(
                "{} rejected the connection of {} to {} (ICMP {})",
                error.reporter,
                ends.client.ip(),
                ends.server,
                error.code()
            ),
            format!("{} rejects connections to {} (ICMP {})", error.reporter, ends.server, error.code()),
        )
        .shows(error.frame, format!("ICMP {} of {}", error.code(), error.reporter), "a SYN-ACK of the server")
        .shows_all(opening.syn_frames.iter(), "SYN", "a SYN-ACK")
        .costs(stream.chronicle.opening.last_syn.since(opening.first_syn))
        .times(u64::from(opening.syns))
        .by_word_of(error.reporter)
}

fn unreachable(stream: &Stream, error: &IcmpError) -> Case {
    let (ends, opening) = (stream.ends(), &stream.chronicle.opening);
    Case::new("CONN-15", ends, (opening.first_syn, error.time))
        .says(
            format!(
                "{} says that {} cannot be reached (ICMP {}); {} asked for a connection {}",
                error.reporter,
                ends.server.ip(),
                error.code(),
                ends.client.ip(),
                times(u64::from(opening.syns))
            ),
            format!(
                "{} cannot be reached, says {} (ICMP {})",
                ends.server.ip(),
                error.reporter,
                error.code()
            ),
        )
        .shows(error.frame, format!("ICMP {} of {}", error.code(), error.reporter), "a SYN-ACK of the server")
        .shows_all(opening.syn_frames.iter(), "SYN", "a SYN-ACK")
        .costs(stream.chronicle.opening.last_syn.since(opening.first_syn))
        .times(u64::from(opening.syns))
        .by_word_of(error.reporter)
}

/// Whether a server accepts some connections and lets others wait: its accept queue is full. The kernel answers the first ones, acknowledges their requests, and nobody
/// reads those.
fn queue(scene: &Scene<'_>, server: Endpoint, silent: &[&Stream]) -> Option<Vec<Case>> {
    let wait = scene.thresholds.span(Limit::AcceptWait);
    let (first, last) = silent.iter().fold(None, |bounds: Option<(_, _)>, stream| {
        let opening = &stream.chronicle.opening;
        let (first, last) = bounds.unwrap_or((opening.first_syn, opening.last_syn));
        Some((first.min(opening.first_syn), last.max(opening.last_syn)))
    })?;
    let stuck: Vec<&Stream> = scene
        .to_server(server)
        .filter(|stream| {
            let chronicle = &stream.chronicle;
            let Some(client) = chronicle.opening.client() else { return false };
            chronicle.opening.syn_acks > 0
                && chronicle.opening.is_complete()
                && stream.lane(client).bytes() > 0
                && !stream.lane(client).outstanding()
                && stream.lane(client.reverse()).bytes() == 0
                && chronicle.last_data().is_some_and(|turn| scene.until_end(turn.time) >= wait)
                && chronicle.first <= last
                && chronicle.last >= first
        })
        .collect();
    if stuck.is_empty() {
        return None;
    }
    let case = |stream: &&Stream| {
        let opening = &stream.chronicle.opening;
        let ends = stream.ends();
        let waited = opening.last_syn.since(opening.first_syn);
        let mut case = Case::new("CONN-06", ends, (opening.first_syn, opening.last_syn))
            .says(
                format!(
                    "{} let {} SYNs of {} go unanswered while it held {} other connections whose requests nobody read",
                    ends.server, opening.syns, ends.client.ip(), stuck.len()
                ),
                format!(
                    "{} takes no more connections: its accept queue is full ({} accepted ones wait for the program to read their request)",
                    ends.server, stuck.len()
                ),
            )
            .shows_all(opening.syn_frames.iter(), "SYN without an answer", "a SYN-ACK")
            .costs(Span(waited.0.saturating_add(scene.thresholds.span(Limit::SynWait).0)))
            .times(u64::from(opening.syns))
            .by(&[Limit::SynAttempts, Limit::SynWait, Limit::AcceptWait])
            .rival("a SYN flood, or a filter that drops some", "ListenOverflows and ListenDrops on the server");
        for other in stuck.iter().take(3) {
            if let Some(turn) = other.chronicle.last_data() {
                case =
                    case.shows(turn.frame, "request that was acknowledged and never answered", "an answer");
            }
        }
        case
    };
    Some(silent.iter().map(case).collect())
}
