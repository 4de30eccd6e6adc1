//! Loss and recovery: LOSS-01, -02, -03, -05, -06, -10.

use super::super::case::Case;
use super::super::object::{Confidence, Severity};
use super::super::scene::{Scene, Stream, Vantage};
use super::super::thresholds::Limit;
use super::mtu::black_hole;
use super::{BOTH, FILTERED, is_filtered, is_judgeable, span};
use crate::model::{Direction, Span, Timestamp};
use crate::tcp::{Bucket, Losses, Trouble};

pub(super) fn look(scene: &Scene<'_>, stream: &Stream, cases: &mut Vec<Case>) {
    if !is_judgeable(stream) {
        return;
    }
    let from = cases.len();
    judge(scene, stream, cases);
    if is_filtered(stream) {
        let lowered = cases.split_off(from).into_iter().map(|case| case.at_most(Confidence::Low, FILTERED));
        cases.extend(lowered);
    }
}

/// A conversation whose capture lacks a twentieth of what was acknowledged says hardly anything of loss (the rule book's Q-01).
const LACKS: u64 = 20;

fn judge(scene: &Scene<'_>, stream: &Stream, cases: &mut Vec<Case>) {
    // What did not fit was lost, and is told by itself.
    let told = scene.errors(stream).iter().any(|error| error.mtu.is_some());
    for direction in BOTH {
        let lane = stream.lane(direction);
        let Some(trouble) = lane.trouble.as_deref() else { continue };
        let lacks_much = trouble.unseen.saturating_mul(LACKS) > lane.bytes().saturating_add(trouble.unseen);
        let sober = |case: Case| {
            if lacks_much {
                case.at_most(Confidence::Low, "the capture lacks more than a twentieth of what was sent")
            } else {
                case
            }
        };
        if let Some(case) = path_death(scene, stream, direction, trouble) {
            cases.push(case);
        } else if black_hole(scene, stream, direction).is_none() {
            cases.extend(timeouts(scene, stream, direction, trouble).map(sober));
        }
        if told {
            continue;
        }
        let capture_drops = trouble.unseen > 0;
        // What came twice, or late, is in the capture: what it lacks makes that hardly less sure.
        let these = [
            throughput(scene, stream, direction, trouble).map(sober),
            side(scene, stream, direction, trouble).map(sober),
            spurious(scene, stream, direction, trouble),
            reordering(scene, stream, direction, trouble),
        ];
        cases.extend(these.into_iter().flatten().map(|case| {
            if capture_drops {
                case.at_most(Confidence::Medium, "the capture itself lacks packets of this conversation")
            } else {
                case
            }
        }));
    }
}

/// An acknowledgement comes within this time, or not at all.
const WAIT: Span = Span(5_000_000_000);

/// When something happened in a direction: as long as data was sent.
fn times(stream: &Stream, direction: Direction) -> (Timestamp, Timestamp) {
    let chronicle = &stream.chronicle;
    stream.lane(direction).active().unwrap_or((chronicle.first, chronicle.last))
}

fn path_death(scene: &Scene<'_>, stream: &Stream, direction: Direction, trouble: &Trouble) -> Option<Case> {
    let chain = trouble.chain;
    let lane = stream.lane(direction);
    let peer = stream.lane(direction.reverse());
    let silent = peer.last_packet() < chain.first && !peer.fin_sent();
    let enough = u64::from(chain.count) >= scene.thresholds.get(Limit::DeadPathTimeouts).max(1);
    let is_open = stream.chronicle.opening.is_complete() && lane.outstanding();
    if !(enough && silent && is_open) || black_hole(scene, stream, direction).is_some() {
        return None;
    }
    let ends = stream.ends();
    let other = stream.end(direction.reverse());
    let lost = Span(stream.chronicle.last.since(peer.last_packet()).0.max(chain.waited.0));
    let case = Case::new("LOSS-10", ends, (peer.last_packet(), chain.last))
            .says(
                format!(
                    "{other} fell silent in the middle of the connection: {} sent the same data {} times in {}, with growing pauses, and heard nothing more",
                    stream.end(direction), chain.count.saturating_add(1), span(chain.waited)
                ),
                format!("connections with {} die: from one moment on nothing comes back", ends.server),
            )
            .shows_all(chain.frames.iter(), "the same segment again, the pause doubled", "an acknowledgement")
            .shows(chain.last_frame, "the last attempt", "an acknowledgement")
            .costs(lost)
            .times(u64::from(chain.count))
            .by(&[Limit::DeadPathTimeouts])
            .rival("a host that crashed or was switched off", "whether other traffic of that host goes on");
    Some(if scene.until_end(chain.last) < WAIT {
        case.at_most(Confidence::Medium, "the capture ends soon behind the last attempt")
    } else {
        case
    })
}

/// Timers double up to two minutes (RFC 6298 §2.4 allows a cap from one minute on): who still waits is heard of sooner.
const GOES_ON: Span = Span(120_000_000_000);

/// Timeouts that held up who waited for the data, and whether some of them still did when the capture ended. Where an end had closed, or gave the connection
/// up, nothing was to get through any more, and nobody waited for it.
fn waits(stream: &Stream, direction: Direction, trouble: &Trouble) -> (Losses, bool) {
    let mut waits = trouble.lost;
    let (lane, peer) = (stream.lane(direction), stream.lane(direction.reverse()));
    let is_over = stream.chronicle.reset.is_some() || peer.fin_sent() || lane.fin_sent();
    let is_open = trouble.chain.count > 0 && lane.outstanding() && !is_over;
    if is_open {
        waits.repaired_by(&trouble.chain);
    }
    (waits, is_open)
}

fn timeouts(scene: &Scene<'_>, stream: &Stream, direction: Direction, trouble: &Trouble) -> Option<Case> {
    let chronicle = &stream.chronicle;
    let idle = chronicle.time_in(&[Bucket::Idle, Bucket::ClientThink, Bucket::SynWait]);
    let active = chronicle.life().0.saturating_sub(idle.0).max(1);
    let (waits, is_open) = waits(stream, direction, trouble);
    let wait = waits.timeout_wait;
    let share = |limit| scene.thresholds.reaches(limit, wait.0.max(0) as u64, active as u64);
    // Where the receiver says that it had the data, the timer expired for nothing.
    let needless = trouble.dsacks.saturating_add(trouble.spurious) >= waits.repaired;
    if waits.repaired == 0
        || needless
        || wait.0 < scene.thresholds.span(Limit::Stall).0.saturating_mul(2)
        || !share(Limit::TimeoutShare)
    {
        return None;
    }
    let ends = stream.ends();
    let (longest, frame) = waits.longest_timeout;
    let case = Case::new("LOSS-03", ends, times(stream, direction))
        .says(
            format!(
                "the {} {} waited {} for retransmission timeouts, {} of the time in which the connection was active (longest: {})",
                stream.who(direction), stream.end(direction), span(wait), percent(wait.0, active), span(longest)
            ),
            format!("data to or from {} is lost so that only retransmission timeouts repair it", ends.server),
        )
        .shows(frame, format!("sent again after {}", span(longest)), "an acknowledgement of the first copy")
        .shows_all(waits.timeout_frames.iter().filter(|each| *each != frame), "sent again when the timer had expired", "an acknowledgement of the first copy")
        .costs(wait)
        .times(u64::from(waits.repaired))
        .by(&[Limit::TimeoutShare])
        .severity(if wait.0 >= 1_000_000_000 { Severity::Error } else { Severity::Warn })
        .rival("a receiver that was away for a while", "whether other connections of that host stood still at the same times");
    let case = match scene.until_end(chronicle.last) {
        _ if !is_open => case,
        rest if rest >= GOES_ON => case.at_most(
            Confidence::Low,
            format!("the capture goes on for {} and holds nothing more of the connection: how it went on is not known", span(rest)),
        ),
        _ => case.at_most(Confidence::Medium, "the last of it had not got through when the capture ended"),
    };
    let near_sender = match stream.vantage() {
        Vantage::NearClient => stream.client() == Some(direction),
        Vantage::NearServer => stream.client() == Some(direction.reverse()),
        _ => false,
    };
    Some(if near_sender {
        case
    } else {
        case.at_most(
            Confidence::Medium,
            "captured away from the sender: what it waited for is not seen there",
        )
    })
}

fn percent(part: i64, whole: i64) -> String {
    format!("{} %", part.saturating_mul(100) / whole.max(1))
}

/// LOSS-01: the throughput is what loss allows (Mathis et al., 1997: MSS / RTT · C / √p).
fn throughput(scene: &Scene<'_>, stream: &Stream, direction: Direction, trouble: &Trouble) -> Option<Case> {
    let lane = stream.lane(direction);
    let (events, segments) = (u64::from(trouble.lost.events), u64::from(lane.data_segments()));
    if events < scene.thresholds.get(Limit::LossEvents).max(1)
        || !scene.thresholds.reaches(Limit::LossRate, events, segments)
    {
        return None;
    }
    let (first, last) = lane.active()?;
    let seconds = last.since(first).as_secs_f64();
    let rtt = lane.path_rtt(stream.lane(direction.reverse())).as_secs_f64();
    if seconds < 3.0 || rtt <= 0.0 {
        return None;
    }
    let goodput = lane.bytes() as f64 / seconds;
    let rate = events as f64 / segments as f64;
    let model = |constant: f64| f64::from(lane.full_size()) / rtt * constant / rate.sqrt();
    // Delayed acknowledgements make the constant smaller; the model is good for a factor of two.
    if goodput < model(0.87) * 0.5 || goodput > model(1.22) * 2.0 {
        return None;
    }
    let ends = stream.ends();
    let mbits = |bytes: f64| format!("{:.2} Mbit/s", bytes * 8.0 / 1e6);
    let case = Case::new("LOSS-01", ends, (first, last))
        .says(
            format!(
                "loss sets the pace of the transfer from {}: {events} losses in {segments} segments and a round trip of {} allow about {}, and {} went through",
                stream.end(direction), span(Span((rtt * 1e9) as i64)), mbits(model(1.0)), mbits(goodput)
            ),
            format!("loss limits the throughput of transfers with {}", ends.server),
        )
        .shows_all(trouble.lost.frames.iter(), "sent again", "no loss")
        .costs(stream.chronicle.time_in(&[Bucket::RtoWait, Bucket::FastRecovery]))
        .times(events)
        .by(&[Limit::LossRate, Limit::LossEvents])
        .rival("a sender that paces itself", "the congestion window of the sender (ss -ti)");
    Some(if events >= 20 && seconds >= 30.0 {
        case
    } else {
        case.at_most(
            Confidence::Medium,
            "fewer than 20 losses or less than 30 s: the model is an average over many",
        )
    })
}

fn side(scene: &Scene<'_>, stream: &Stream, direction: Direction, trouble: &Trouble) -> Option<Case> {
    let (behind, before) = (u64::from(trouble.lost.behind), u64::from(trouble.lost.before));
    let all = behind + before;
    if all < scene.thresholds.get(Limit::LossSideEvents).max(1) {
        return None;
    }
    let after = scene.thresholds.reaches(Limit::LossSideShare, behind, all);
    if !after && !scene.thresholds.reaches(Limit::LossSideShare, before, all) {
        return None;
    }
    let (from, to) = (stream.end(direction), stream.end(direction.reverse()));
    let ends = stream.ends();
    let (count, where_lost, frames) = if after {
        (behind, format!("between the capture point and {}", to.ip()), &trouble.lost.behind_frames)
    } else {
        (before, format!("between {} and the capture point", from.ip()), &trouble.lost.before_frames)
    };
    let expected = if after { "sent once" } else { "no hole" };
    let observed = if after {
        "sent again, the first copy was captured"
    } else {
        "fills a hole, the first copy never came"
    };
    let case = Case::new("LOSS-02", ends, times(stream, direction))
        .says(
            format!("data of {from} to {to} is lost {where_lost}: {count} of {all} lost segments"),
            format!("data is lost {where_lost}"),
        )
        .shows_all(frames.iter(), observed, expected)
        .times(count)
        .by(&[Limit::LossSideEvents, Limit::LossSideShare])
        .about(if after { "behind" } else { "before" });
    let case = match trouble.zero.episodes {
        0 => case,
        _ => {
            case.at_most(Confidence::Low, "the receiver had no room at times: it discards what does not fit")
        }
    };
    let reordered = u64::from(trouble.reordered);
    Some(if reordered * 20 > u64::from(stream.lane(direction).data_segments()) {
        case.less("packets are reordered, too, which can look like loss before the capture point")
    } else {
        case
    })
}

/// So many acknowledgements ahead of their data are no accident: the clocks of two directions differ, or the capture lacks packets.
const AHEAD: u64 = 3;

/// So many copies are no accident.
const MANY: u64 = 5;

/// Whether about as many acknowledgements came ahead of their data as there are copies.
fn is_ahead(stream: &Stream, direction: Direction, copies: u64) -> bool {
    let ahead = u64::from(stream.lane(direction).acked_ahead());
    ahead >= AHEAD && ahead.saturating_mul(2) >= copies
}

/// LOSS-05: segments are sent again that had arrived.
fn spurious(scene: &Scene<'_>, stream: &Stream, direction: Direction, trouble: &Trouble) -> Option<Case> {
    let again = [
        trouble.lost.timeouts,
        trouble.lost.others,
        trouble.lost.fast,
        trouble.lost.probes,
        trouble.spurious,
    ];
    let again = again.into_iter().fold(0, u32::saturating_add);
    let copies = u64::from(trouble.spurious.max(trouble.dsacks.min(again)));
    let limit = scene.thresholds.get(Limit::SpuriousSegments).max(1);
    if copies < limit {
        return None;
    }
    let segments = u64::from(trouble.spurious_segments.count().max(trouble.dsack_segments.count()));
    let segments = segments.clamp(1, copies);
    let what = match segments {
        1 => "1 segment".to_owned(),
        many => format!("{many} segments"),
    };
    let often = if segments < copies { format!(" ({copies} copies)") } else { String::new() };
    let ends = stream.ends();
    let case = Case::new("LOSS-05", ends, times(stream, direction))
        .says(
            format!("{} sent {what} again that had arrived{often}", stream.end(direction)),
            format!("senders to or from {} send again what has arrived", ends.server),
        )
        .shows_all(trouble.spurious_frames.iter(), "sent again although it had arrived", "sent once")
        .shows_all(
            trouble.dsack_frames.iter(),
            "a D-SACK block: the receiver got something twice",
            "no D-SACK block",
        )
        .times(segments)
        .by(&[Limit::SpuriousSegments])
        .rival(
            "acknowledgements that are lost on their way back",
            "D-SACK blocks, and a capture at the sender",
        );
    let case = if u64::from(trouble.overtaken).saturating_mul(2) >= copies {
        case.rival(
            "packets that overtake each other behind the capture point: the receiver reported gaps, which filled although nothing of them was sent again",
            "a capture at the receiver, and tcpi_reord_seen of ss -ti at the sender",
        )
    } else if u64::from(trouble.reordered) >= scene.thresholds.get(Limit::ReorderedSegments).max(1) {
        case.rival(
            "packets that overtake each other, as they do at the capture point (LOSS-06): the sender takes that for loss",
            "whether copies follow reports of gaps that fill by themselves",
        )
    } else {
        case
    };
    let (echoed, confirmed) = (u64::from(trouble.echoed), u64::from(trouble.dsacks));
    Some(if echoed >= copies {
        case.because("the acknowledgements echo the time stamps of the first copies (RFC 3522)")
    } else if confirmed >= limit && confirmed.saturating_mul(2) >= copies {
        case.because("the receiver says so itself, in D-SACK blocks (RFC 2883)")
    } else if segments < limit && confirmed == 0 {
        // It waited in a queue before the tap, or its receiver answers with numbers that its sender cannot take: no timer that is too short.
        case.at_most(
            Confidence::Low,
            format!(
                "nothing but {what}, over and over: acknowledgements passed here, and did not stop the sender"
            ),
        )
    } else if copies.saturating_mul(4) >= u64::from(stream.lane(direction).data_segments()) && copies >= MANY
    {
        case.at_most(
            Confidence::Low,
            "so much of all that was sent comes twice: it may have been captured at two places whose clocks differ",
        )
    } else if confirmed == 0 && is_ahead(stream, direction, copies) {
        case.at_most(
            Confidence::Low,
            "acknowledgements were captured before what they acknowledge: whether a copy came before or after its own is not sure",
        )
    } else if confirmed > 0 {
        case.at_most(Confidence::Medium, "the receiver confirms some of the copies only with D-SACK blocks")
    } else {
        case.at_most(Confidence::Medium, "the receiver does not confirm it with D-SACK blocks")
    })
}

fn reordering(scene: &Scene<'_>, stream: &Stream, direction: Direction, trouble: &Trouble) -> Option<Case> {
    let count = u64::from(trouble.reordered);
    if count < scene.thresholds.get(Limit::ReorderedSegments).max(1) {
        return None;
    }
    let ends = stream.ends();
    let case = Case::new("LOSS-06", ends, times(stream, direction))
        .says(
            format!(
                "{count} of {} segments of {} came behind later ones",
                stream.lane(direction).data_segments(),
                stream.end(direction)
            ),
            format!("packets to or from {} arrive out of order", ends.server),
        )
        .shows_all(trouble.reordered_frames.iter(), "came behind a segment that was sent later", "in order")
        .times(count)
        .by(&[Limit::ReorderedSegments])
        .rival(
            "fast retransmissions of a very close sender",
            "IP identification and time stamps of the late segments",
        );
    Some(if u64::from(trouble.proven) >= count {
        case.because("time stamps or IP identifications say in which order they were sent")
    } else {
        case.at_most(
            Confidence::Medium,
            "told by how soon they came: their marks do not say when they were sent",
        )
    })
}
