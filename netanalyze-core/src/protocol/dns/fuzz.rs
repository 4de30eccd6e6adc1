//! The body of the fuzz target: messages of any bytes, and conversations made of them.
//!
//! What must hold of any input: nothing panics, what is listed is within its limits, every part of a message is found within it, every query ends
//! exactly once, and nothing is left on the heap in the end but what the limits allow.

use super::*;
use crate::model::{Direction, FrameNumber, Timestamp, limits};
use crate::protocol::message::{Message, Messages};
use crate::protocol::stream::{Closing, DatagramDecoder, Moment, Progress, StreamDecoder};

/// Takes a script: a byte for the ends, then pieces of two bytes of length and flags, and payload.
pub fn dns(data: &[u8]) {
    message(data);
    let Some((&first, rest)) = data.split_first() else { return };
    let server = match first % 4 {
        0 => ([10, 0, 0, 53], 53),
        1 => ([224, 0, 0, 251], 5353),
        2 => ([224, 0, 0, 252], 5355),
        _ => ([10, 0, 0, 53], 4444),
    };
    let ends = [([10, 0, 0, 2], 40_000).into(), server.into()];
    datagrams(Decoder::new(ends), rest, first & 0x80 != 0, matches!(first % 4, 1 | 2));
    stream(Stream::new(ends), rest);
}

/// Everything that can be asked of a message.
fn message(bytes: &[u8]) {
    let _ = looks_like_dns(bytes) && Stream::recognises(bytes);
    let Some(parsed) = Parsed::new(bytes) else { return };
    let name = |name: &Name| {
        assert!(name.as_bytes().len() <= 253);
        let text = name.shown();
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(name.labels() > 0 && name.shown_len() > 0);
    };
    let questions = parsed.questions().inspect(|q| name(&q.name)).count();
    assert!(questions <= usize::from(parsed.header().counts[0]));
    let mut whole = 0;
    for record in parsed.records() {
        whole += 1;
        name(&record.name);
        match record.rdata() {
            Rdata::Name(target) => name(&target),
            Rdata::Txt(strings) => assert!(strings.map(|s| s.len() + 1).sum::<usize>() <= record.data.len()),
            Rdata::Service { target, parameters, .. } => {
                name(&target);
                assert!(parameters.map(|p| p.value.len() + 4).sum::<usize>() <= record.data.len());
            }
            Rdata::Opt(data) => assert!(data.len() == record.data.len()),
            _ => {}
        }
    }
    if let Some(edns) = parsed.edns() {
        edns.options().for_each(drop);
        edns.errors().for_each(drop);
    }
    let announced: usize = parsed.header().counts[1..].iter().map(|&n| usize::from(n)).sum();
    assert!(whole <= announced && (!parsed.is_whole() || whole == announced));
}

/// Checks what is said, and counts queries that ended.
fn heard(out: &mut Messages) -> u64 {
    let mut ended = 0;
    for (_, message) in out.drain() {
        match message {
            Message::Dns(said) => {
                let matching = said.matching;
                assert!(!(matching.unsolicited && matching.response_to.is_some()));
                assert!(!(matching.is_retransmission() && matching.time.is_some()));
            }
            Message::Lookup(lookup) => {
                ended += u64::from(lookup.query.is_some());
                assert!(lookup.addresses.len() <= limits::MAX_DNS_ANSWERS);
                assert!(lookup.names.len() <= limits::MAX_DNS_ANSWERS);
                assert!(lookup.aliases.len() <= limits::MAX_DNS_ALIASES);
                assert!(lookup.extended_errors.len() <= limits::MAX_DNS_ERRORS);
                assert!(lookup.response.is_some() || lookup.latency.is_none());
                assert_eq!(lookup.query.is_some(), lookup.queries > 0);
                assert!(lookup.others.len() <= usize::from(lookup.more_questions));
            }
            Message::Group(message) => assert!(message.parsed().is_some()),
            _ => unreachable!("DNS says nothing else"),
        }
    }
    ended
}

/// Pieces of a script: flags and payload.
fn pieces(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (&[flags, len], behind) = rest.split_first_chunk()?;
        let (payload, behind) = behind.split_at(behind.len().min(usize::from(len)));
        rest = behind;
        Some((flags, payload))
    })
}

fn direction(flags: u8) -> Direction {
    if flags & 1 == 0 { Direction::AtoB } else { Direction::BtoA }
}

fn datagrams(mut decoder: Decoder, data: &[u8], every: bool, group: bool) {
    let mut out = Messages::default();
    out.every = every;
    let (mut now, mut asked, mut ended) = (Moment::default(), 0, 0);
    for (flags, payload) in pieces(data) {
        now = Moment {
            frame: FrameNumber(now.frame.0 + 1),
            time: Timestamp(now.time.0 + i64::from(flags >> 2) * 700_000_000),
        };
        if let Some(query) = Parsed::new(payload).filter(|p| !p.header().is_response()) {
            // Of a query to a group each question counts.
            asked += query.questions().count().max(1) as u64;
        }
        decoder.datagram(direction(flags), payload, u32::from(flags & 2), now, &mut out);
        ended += heard(&mut out);
        assert!(ended <= asked);
    }
    decoder.finish(now, &mut out);
    ended += heard(&mut out);
    assert!(ended <= asked && (group || (asked == 0) == (ended == 0)), "{ended} of {asked}");
    assert!(decoder.heap() <= limits::MAX_DNS_IDS * 100);
}

/// Bytes come in pieces; what is not dealt with comes again.
fn stream(mut stream: Stream, data: &[u8]) {
    let mut out = Messages::default();
    let mut held = [Vec::new(), Vec::new()];
    let mut now = Moment::default();
    for (flags, payload) in pieces(data) {
        now.frame.0 += 1;
        let from = direction(flags);
        if flags & 2 != 0 {
            stream.decode_cut(from, payload, u32::from(flags), now, &mut out);
            continue;
        }
        let [a, b] = &mut held;
        let held = if from == Direction::AtoB { a } else { b };
        held.extend_from_slice(payload);
        while !held.is_empty() {
            match stream.decode(from, held, now, &mut out) {
                Progress::Consumed(n) => {
                    assert!((1..=held.len()).contains(&n));
                    held.drain(..n);
                }
                Progress::Need(n) => {
                    assert!(n > held.len() && n <= 65_537);
                    break;
                }
                other => unreachable!("{other:?}"),
            }
        }
        heard(&mut out);
    }
    stream.closed(Direction::AtoB, Closing::Fin, now, &mut out);
    stream.closed(Direction::BtoA, Closing::CaptureEnd, now, &mut out);
    heard(&mut out);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body runs on what a seed would be, and on every cut of it.
    #[test]
    fn survives_cuts_of_a_conversation() {
        let query = super::super::tests::message(7, 0x0100, "www.example", 1, &[]);
        let answer = super::super::tests::message(
            7,
            0x8180,
            "www.example",
            1,
            &[super::super::tests::record("www.example", 1, &[192, 0, 2, 1])],
        );
        let mut script = vec![0];
        for (flags, payload) in [(0u8, &query), (4, &query), (5, &answer), (9, &answer)] {
            script.extend([flags, payload.len() as u8]);
            script.extend(payload);
        }
        for cut in 0..=script.len() {
            dns(&script[..cut]);
        }
    }
}
