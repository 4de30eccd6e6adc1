//! What fuzzing asserts of ICMP and ARP: any bytes can be read, and any messages leave the tables in order.
//!
//! The body of the fuzz target `icmp`; run once on a few scripts in the unit tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Arp, Echoes, Neighbours, Said, icmpv4, icmpv6};
use crate::model::{FrameNumber, Span, Timestamp};
use crate::protocol::stream::Moment;

/// Bytes of the fuzz input before each message: kind, sender, receiver, milliseconds since the last one, length.
pub const PREFIX: usize = 5;

/// Reads messages between a few hosts, and follows them.
pub fn messages(mut data: &[u8]) {
    let (mut echoes, mut neighbours) = (Echoes::default(), Neighbours::default());
    let mut now = Moment { frame: FrameNumber(0), time: Timestamp(0) };
    let (mut requests, mut replies) = (0u64, 0u64);
    while let Some((&[kind, from, to, wait, len], rest)) = data.split_first_chunk::<PREFIX>() {
        let (bytes, rest) = rest.split_at_checked(usize::from(len)).unwrap_or((rest, &[]));
        data = rest;
        now = Moment {
            frame: FrameNumber(now.frame.0 + 1),
            time: Timestamp(now.time.0 + i64::from(wait as i8) * 1_000_000_000),
        };
        let ends =
            |host: u8| (Ipv4Addr::new(10, 0, 0, host), Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, host.into()));
        let said = match kind % 3 {
            0 => icmpv4(bytes),
            1 => icmpv6(bytes, ends(from).1, ends(to).1, if kind < 128 { 255 } else { 64 }),
            _ => Arp::parse(bytes).and_then(|arp| arp.said()).map(Said::Neighbour),
        };
        let [from, to] = [from, to].map(|host| match kind % 3 {
            1 => IpAddr::from(ends(host).1),
            _ => ends(host).0.into(),
        });
        match said {
            Some(Said::Echo(echo)) if echo.is_reply => {
                if let Some(reply) = echoes.reply(from, to, &echo, now) {
                    assert!(reply.request < now.frame);
                    replies += u64::from(!reply.is_duplicate);
                }
            }
            Some(Said::Echo(echo)) => {
                requests += 1;
                echoes.request(from, to, &echo, now);
                if kind >= 200 {
                    echoes.excuse(from, to, &echo);
                }
            }
            Some(Said::Neighbour(said)) => {
                if let Some(conflict) = neighbours.take(&said, now) {
                    assert!(conflict.earlier_frame < now.frame && conflict.hardware != conflict.earlier);
                }
            }
            Some(Said::Error(..)) | None => {}
        }
    }
    assert!(replies <= requests);
    for patience in [Span(0), Span(1_000_000_000), Span(i64::MAX)] {
        let losses = echoes.losses(now.time, patience);
        assert!(losses.iter().all(|ping| ping.lost + ping.replied <= ping.sent && ping.lost > 0));
        assert!(losses.iter().map(|ping| ping.sent).sum::<u64>() <= requests);
        let open = neighbours.unanswered(now.time, patience);
        assert!(open.iter().all(|question| question.requests > 0 && question.first.frame <= now.frame));
        assert!(open.is_sorted_by_key(|question| question.first.frame));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_hold() {
        let echo = |kind, seq| [0, 1, 2, 1, 8, kind, 0, 0xff, 0xff, 0, 1, 0, seq];
        let mut script = Vec::new();
        for (kind, seq) in [(8, 1), (0, 1), (0, 1), (8, 2), (8, 2), (8, 3), (0, 9)] {
            script.extend(echo(kind, seq));
        }
        for (operation, sender, hardware) in [(1, 1, 1), (2, 2, 2), (2, 2, 3), (1, 1, 1), (1, 1, 1)] {
            script.extend([2, 0, 0, 1, 28, 0, 1, 8, 0, 6, 4, 0, operation, 2, 0, 0, 0, 0, hardware]);
            script.extend([10, 0, 0, sender, 0, 0, 0, 0, 0, 0, 10, 0, 0, 7]);
        }
        script.extend([1, 1, 2, 255, 24, 135]);
        script.extend([7; 23]);
        for len in 0..=script.len() {
            messages(&script[..len]);
        }
        for at in 0..script.len() {
            for value in [0, 1, 8, 127, 128, 135, 136, 255] {
                let mut other = script.clone();
                other[at] = value;
                messages(&other);
            }
        }
    }
}
