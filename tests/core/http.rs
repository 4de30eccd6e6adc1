//! Requests and responses of whole captures: what became of each.

use std::num::NonZeroUsize;

use netanalyze_core::capture::Source;
use netanalyze_core::engine::{Cancellation, Depth, Interests, View, analyse};
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::protocol::http::Exchange;
use netanalyze_core::protocol::message::Message;

use crate::golden::corpus;

struct Exchanges;

impl View for Exchanges {
    type Piece = Vec<(u64, Exchange)>;

    fn interests(&self) -> Interests {
        Interests { applications: Depth::All, ..Interests::default() }
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Self::Piece {
        let exchange = |met: &netanalyze_core::conversation::Met| match &met.message {
            Message::Exchange(exchange) => Some((met.frame.0, (**exchange).clone())),
            _ => None,
        };
        batch.messages.iter().filter_map(exchange).collect()
    }
}

/// A line an exchange: the frame with which it was over, what was asked, the status, how it ended, bytes of the response's body.
fn exchanges(capture: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let accept = |piece: Vec<(u64, Exchange)>, _: &AnalysedBatch<'_>| {
        for (frame, exchange) in piece {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let asked = exchange
                .request
                .as_ref()
                .map_or("?".to_owned(), |r| format!("{} {}", text(&r.method), text(r.target())));
            let status = exchange.status().map_or("-".to_owned(), |status| status.to_string());
            let bytes = exchange.response.as_ref().and_then(|r| r.body_bytes.or(r.body_captured));
            let bytes = bytes.map_or("-".to_owned(), |bytes| bytes.to_string());
            lines.push(format!("{frame} {asked} {status} {:?} {bytes}", exchange.outcome));
        }
        Ok(())
    };
    let source = Source::File(corpus().join("captures").join(capture));
    analyse(vec![source], NonZeroUsize::MIN, &Exchanges, accept, &Cancellation::default()).unwrap();
    lines
}

#[test]
fn every_request_gets_its_own_response() {
    assert_eq!(
        exchanges("http-persistent.pcap"),
        [
            "5 GET /one 200 Answered 300",
            "7 HEAD /two 200 Answered 0",
            "9 GET /three 304 Answered 0",
            "13 GET /four 200 Answered 20",
            "14 GET /five 200 Answered 30",
            "14 GET /six 200 Answered 40",
            "18 POST /seven 204 Answered 0",
        ]
    );
}

#[test]
fn every_ending_is_named() {
    let lines = exchanges("http-endings.pcap");
    let outcomes: Vec<_> = lines.iter().map(|line| line.split_once(' ').unwrap().1).collect();
    assert_eq!(
        outcomes,
        [
            "GET /doomed - Unanswered(Fin) -",
            "GET /doomed - Unanswered(Reset) -",
            "GET /doomed 200 Incomplete(Fin) 900",
            "GET /doomed 200 Incomplete(Reset) 900",
            "GET /doomed 200 Incomplete(Fin) -",
            "GET /doomed 200 Incomplete(Reset) -",
            "GET /doomed 200 Incomplete(Reset) 300",
            "GET /still-waiting - Unanswered(CaptureEnd) -",
        ]
    );
}

#[test]
fn holes_do_not_derail_what_follows() {
    assert_eq!(
        exchanges("http-hole-in-body.pcap"),
        [
            "8 GET /next 200 Answered 10",
            "9 GET /body 200 Answered 3000",
            "14 GET /after 200 Answered 20",
            "17 GET /torso 200 NotCaptured 2200",
        ]
    );
    assert_eq!(
        exchanges("http-hole-in-head.pcap"),
        [
            "6 GET /two-halves 200 Answered 10",
            "11 GET /found 200 Answered 30",
            "14 GET /lost-head - NotCaptured -",
        ]
    );
}

#[test]
fn protocols_are_seen_for_what_they_are() {
    let asked = |capture| -> Vec<String> {
        exchanges(capture)
            .iter()
            .map(|line| line.split(' ').skip(1).take(3).collect::<Vec<_>>().join(" "))
            .collect()
    };
    let here = "GET /here 200";
    assert_eq!(asked("http-ports.pcap"), [here, here, here, here, "? - Http2", "? - Http2"]);
    assert_eq!(
        asked("http-tunnels.pcap"),
        [
            "CONNECT shop.example:443 407",
            "CONNECT shop.example:443 200",
            "GET /chat 101",
            "GET /through-socks 200"
        ]
    );
}

#[test]
fn answers_find_their_requests_whatever_the_order() {
    assert_eq!(
        exchanges("http-answers.pcap"),
        [
            "5 GET /first 200 Answered 50",
            "7 GET /second 200 Answered 50",
            "9 GET /third 200 Answered 50",
            "17 GET /once 200 Answered 10",
            "19 ? 408 Unsolicited 0",
            "27 GET /once 200 Answered 10",
            "30 ? 408 Unsolicited 0",
            "31 GET /again - Unanswered(Reset) -",
            "37 GET /half - Unanswered(Fin) -",
            "43 ? 400 Unsolicited 0",
            "51 ? - Http2 -",
        ]
    );
}

/// Where one direction only was captured, nobody is blamed.
#[test]
fn what_was_captured_of_one_direction_accuses_nobody() {
    assert_eq!(
        exchanges("http-one-sided.pcap"),
        [
            "4 ? 200 NotCaptured 100",
            "5 ? 200 NotCaptured 100",
            "12 GET /a - NotCaptured -",
            "12 GET /b - NotCaptured -",
            "12 GET /a - NotCaptured -",
            "12 GET /b - NotCaptured -",
        ]
    );
}
