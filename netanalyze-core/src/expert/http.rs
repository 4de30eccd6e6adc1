//! Findings of HTTP.

use std::fmt;

use serde::Serialize;

use super::application::Found;
use super::catalogue::{KindId, kind};
use super::finding::{Detail, Party};
use super::message::Seconds;
use super::thresholds::Thresholds;
use crate::model::{Span, shown};
use crate::protocol::http::{Exchange, HttpMessage, Outcome};
use crate::protocol::message::Message;
use crate::protocol::stream::{Closing, Moment};

pub(crate) const CHAT: KindId = kind("http.chat");
const LEADING_CRLF: KindId = kind("http.leading_crlf");
const LENGTH_AND_ENCODING: KindId = kind("http.te_and_length");
const TLS_PORT: KindId = kind("http.tls_port");
const SERVER_ERROR: KindId = kind("netanalyze.http.server_error");
const CLIENT_ERROR: KindId = kind("netanalyze.http.client_error");
const SLOW: KindId = kind("netanalyze.http.slow");
const UNANSWERED: KindId = kind("netanalyze.http.unanswered");
const PENDING: KindId = kind("netanalyze.http.pending");
const INCOMPLETE: KindId = kind("netanalyze.http.incomplete");

/// Figures of a finding. Texts from packets have their control characters escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HttpDetail {
    /// What it says.
    #[serde(skip)]
    pub fact: HttpFact,
    /// Request method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Box<str>>,
    /// Host as the request names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Box<str>>,
    /// Request target: path and query, as a rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Box<str>>,
    /// Status code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Reason phrase, or of a message its first line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Box<str>>,
    /// Time from the request's last byte to the response's first one.
    #[serde(rename = "first_byte_ns", skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<Span>,
    /// From which time on that is slow.
    #[serde(rename = "threshold_ns", skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Span>,
    /// Bytes of the response's body that came, of one that is not complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_bytes: Option<u64>,
    /// What ended the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<Closing>,
    /// Who ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Party>,
    /// The response came though no request was open.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unsolicited: bool,
    /// The request itself was not sent, or not captured, to its end.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub request_incomplete: bool,
}

/// What a finding of HTTP is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpFact {
    /// A message's first line, and what may be odd about the message.
    Message,
    /// A status that says that something went wrong.
    Status,
    /// A slow response.
    Slow,
    /// No response.
    Unanswered,
    /// Half a response.
    Incomplete,
}

impl HttpDetail {
    fn of(exchange: &Exchange, fact: HttpFact) -> Self {
        let request = exchange.request.as_ref();
        let response = exchange.response.as_ref();
        HttpDetail {
            fact,
            method: request.and_then(|r| text(&r.method)),
            host: request.and_then(|r| text(r.host())),
            target: request.and_then(|r| text(r.target())),
            status: exchange.status(),
            text: response.and_then(|r| text(&r.reason)),
            first_byte: exchange.first_byte(),
            threshold: None,
            body_bytes: None,
            ended_by: None,
            by: None,
            unsolicited: exchange.outcome == Outcome::Unsolicited,
            request_incomplete: request.is_some_and(|r| r.end.is_none()),
        }
    }

    fn line(message: &HttpMessage) -> Self {
        let line = message.first_line();
        HttpDetail {
            fact: HttpFact::Message,
            method: None,
            host: None,
            target: None,
            status: None,
            text: text(line),
            first_byte: None,
            threshold: None,
            body_bytes: None,
            ended_by: None,
            by: None,
            unsolicited: false,
            request_incomplete: false,
        }
    }

    /// What ended the connection, and who.
    fn ending(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.ended_by, self.by) {
            (Some(Closing::Fin), Some(by)) => write!(f, "{by} closed the connection"),
            (Some(Closing::Fin), None) => f.write_str("the connection was closed"),
            (Some(Closing::Reset), Some(by)) => write!(f, "{by} reset the connection"),
            (Some(Closing::Reset), None) => f.write_str("the connection was reset"),
            (Some(Closing::CaptureEnd) | None, _) => f.write_str("the capture ends"),
        }
    }
}

fn text(bytes: &[u8]) -> Option<Box<str>> {
    (!bytes.is_empty()).then(|| shown(bytes).into())
}

impl fmt::Display for HttpDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.fact == HttpFact::Message {
            return f.write_str(self.text.as_deref().unwrap_or_default());
        }
        match &self.method {
            Some(method) => {
                let host = self.host.as_deref().unwrap_or_default();
                let target = self.target.as_deref().unwrap_or_default();
                // A target that names its host itself needs no other.
                let host = if target.starts_with('/') { host } else { "" };
                write!(f, "{method} {host}{target}")?;
            }
            None if self.unsolicited => f.write_str("a response while no request was open")?,
            None => f.write_str("a request that was not captured")?,
        }
        let status = |f: &mut fmt::Formatter<'_>| match (self.status, &self.text) {
            (Some(status), Some(text)) => write!(f, "{status} {text}"),
            (Some(status), None) => write!(f, "{status}"),
            (None, Some(text)) => write!(f, "a response without status, {text}"),
            // Of its head came a beginning that tells nothing.
            (None, None) => f.write_str("the head of its response"),
        };
        match self.fact {
            HttpFact::Message => Ok(()),
            HttpFact::Status => {
                f.write_str(": ")?;
                status(f)?;
                self.first_byte.map_or(Ok(()), |time| write!(f, " after {}", Seconds(time)))
            }
            HttpFact::Slow => {
                let (time, threshold) =
                    (self.first_byte.unwrap_or_default(), self.threshold.unwrap_or_default());
                write!(f, ": {} to the first byte of ", Seconds(time))?;
                status(f)?;
                write!(f, " (slow from {} on)", Seconds(threshold))
            }
            HttpFact::Unanswered => {
                let what = if self.request_incomplete { "was neither complete nor" } else { "was not" };
                write!(f, " {what} answered: ")?;
                self.ending(f)
            }
            HttpFact::Incomplete => {
                f.write_str(": ")?;
                status(f)?;
                match self.body_bytes {
                    Some(bytes) => write!(f, " is cut short after {bytes} bytes of its body")?,
                    None => f.write_str(" is cut short")?,
                }
                f.write_str(": ")?;
                self.ending(f)
            }
        }
    }
}

/// The findings of a message.
pub(crate) fn findings(message: &Message, thresholds: &Thresholds, found: Found<'_>) {
    match message {
        Message::Http(message) => of_message(message, found),
        Message::Exchange(exchange) => of_exchange(exchange, thresholds, found),
        _ => {}
    }
}

fn of_message(message: &HttpMessage, found: Found<'_>) {
    let oddities = message.oddities;
    let kinds = [
        (true, CHAT),
        (oddities.leading_crlf, LEADING_CRLF),
        (oddities.length_and_encoding, LENGTH_AND_ENCODING),
        (oddities.on_tls_port, TLS_PORT),
    ];
    for (_, kind) in kinds.into_iter().filter(|&(is, _)| is) {
        found(kind, None, &|| Detail::Http(Box::new(HttpDetail::line(message))));
    }
}

fn of_exchange(exchange: &Exchange, thresholds: &Thresholds, found: Found<'_>) {
    let detail = |fact| HttpDetail::of(exchange, fact);
    let response = exchange.response.as_ref();
    let last: Option<Moment> = exchange.last();
    let status = match exchange.status() {
        Some(500..=599) => Some(SERVER_ERROR),
        Some(400..=499) => Some(CLIENT_ERROR),
        _ => None,
    };
    if let Some(kind) = status {
        found(kind, last, &|| Detail::Http(Box::new(detail(HttpFact::Status))));
    }
    if let Some(response) = response
        && exchange.first_byte().is_some_and(|time| time >= thresholds.http_slow)
    {
        let threshold = Some(thresholds.http_slow);
        let detail = || HttpDetail { threshold, ..detail(HttpFact::Slow) };
        found(SLOW, Some(response.start), &|| Detail::Http(Box::new(detail())));
    }
    let by = exchange.ended_by.map(|by| if by == exchange.client { Party::Client } else { Party::Server });
    match exchange.outcome {
        Outcome::Unanswered(how) => {
            let kind = if how == Closing::CaptureEnd { PENDING } else { UNANSWERED };
            let detail = || HttpDetail { ended_by: Some(how), by, ..detail(HttpFact::Unanswered) };
            found(kind, last, &|| Detail::Http(Box::new(detail())));
        }
        Outcome::Incomplete(how @ (Closing::Fin | Closing::Reset)) => {
            let detail = || HttpDetail {
                ended_by: Some(how),
                by,
                body_bytes: response.and_then(|r| r.body_captured),
                ..detail(HttpFact::Incomplete)
            };
            found(INCOMPLETE, last, &|| Detail::Http(Box::new(detail())));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Direction, FrameNumber, Timestamp};
    use crate::protocol::http::Stream;
    use crate::protocol::message::Messages;
    use crate::protocol::stream::{Flow, StreamDecoder};

    const CLIENT: Direction = Direction::AtoB;
    const SERVER: Direction = Direction::BtoA;

    /// A step of a connection: bytes of an end, or its end.
    enum Step {
        Says(Direction, &'static [u8]),
        Ends(Direction, Closing),
    }

    use Closing::{CaptureEnd, Fin, Reset};
    use Step::{Ends, Says};

    /// What is found in a connection, a frame a step: ids, sentences, figures.
    fn findings_of(steps: &[Step]) -> Vec<(&'static str, Box<HttpDetail>)> {
        let ends = [("10.0.0.1:40000"), ("10.0.0.2:80")].map(|end| end.parse().unwrap());
        let (syn, established) = (Some(Timestamp(0)), Some(Timestamp(1)));
        let mut stream = Stream::new(&Flow { ends, client: CLIENT, client_is_known: true, syn, established });
        let (mut out, mut all) = (Messages::default(), Vec::new());
        for (frame, step) in (4..).zip(steps) {
            let now = Moment { frame: FrameNumber(frame), time: Timestamp(frame as i64 * 1_000_000) };
            match *step {
                Says(from, bytes) => _ = stream.decode(from, bytes, now, &mut out),
                Ends(from, how) => stream.closed(from, how, now, &mut out),
            }
            for (_, message) in out.drain() {
                findings(&message, &Thresholds::default(), &mut |kind, _, detail| {
                    let Detail::Http(detail) = detail() else { unreachable!() };
                    if kind != CHAT {
                        all.push((kind.kind().id, detail));
                    }
                });
            }
        }
        all
    }

    #[test]
    fn who_ended_the_connection_is_said() {
        let ask = || Says(CLIENT, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        let half = || Says(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
        let unanswered = "netanalyze.http.unanswered";
        let incomplete = "netanalyze.http.incomplete";
        for (steps, id, words, ended_by, by) in [
            (
                vec![ask(), Ends(SERVER, Fin), Ends(CLIENT, Fin)],
                unanswered,
                "the server closed",
                Fin,
                Party::Server,
            ),
            (
                vec![ask(), Ends(CLIENT, Fin), Ends(SERVER, Fin)],
                unanswered,
                "the client closed",
                Fin,
                Party::Client,
            ),
            (
                vec![ask(), Ends(SERVER, Reset), Ends(CLIENT, Reset)],
                unanswered,
                "the server reset",
                Reset,
                Party::Server,
            ),
            (
                vec![ask(), Ends(CLIENT, Reset), Ends(SERVER, Reset)],
                unanswered,
                "the client reset",
                Reset,
                Party::Client,
            ),
            (
                vec![ask(), Ends(CLIENT, Fin), Ends(SERVER, Reset)],
                unanswered,
                "the client closed",
                Fin,
                Party::Client,
            ),
            // What the server had on its way after the client's RST never came.
            (
                vec![ask(), Ends(CLIENT, Reset), Ends(SERVER, CaptureEnd)],
                unanswered,
                "the client reset",
                Reset,
                Party::Client,
            ),
            (
                vec![ask(), half(), Ends(SERVER, Fin), Ends(CLIENT, Fin)],
                incomplete,
                "the server closed",
                Fin,
                Party::Server,
            ),
            (
                vec![ask(), half(), Ends(CLIENT, Fin), Ends(SERVER, Fin)],
                incomplete,
                "the client closed",
                Fin,
                Party::Client,
            ),
            (
                vec![ask(), half(), Ends(CLIENT, Reset), Ends(SERVER, CaptureEnd)],
                incomplete,
                "the client reset",
                Reset,
                Party::Client,
            ),
            // The client has said all, and waits: the server answers, and stops.
            (
                vec![ask(), Ends(CLIENT, Fin), half(), Ends(SERVER, Reset)],
                incomplete,
                "the server reset",
                Reset,
                Party::Server,
            ),
        ] {
            let found = findings_of(&steps);
            let [(kind, detail)] = &found[..] else { panic!("{found:?}") };
            let sentence = detail.to_string();
            assert_eq!(*kind, id);
            assert!(sentence.ends_with(&format!(": {words} the connection")), "{sentence}");
            assert_eq!((detail.ended_by, detail.by), (Some(ended_by), Some(by)), "{sentence}");
        }
    }

    #[test]
    fn texts_do_no_harm() {
        let steps = [
            Says(CLIENT, b"GET /\x1b[31m\xff\xe2\x80\xae HTTP/1.1\r\nHost: h\x07\r\n\r\n"),
            Says(SERVER, b"HTTP/1.1 500 O\xc2\x9bo\xffps\r\nContent-Length: 0\r\n\r\n"),
        ];
        let found = findings_of(&steps);
        let [(_, detail)] = &found[..] else { panic!("{found:?}") };
        let sentence = detail.to_string();
        assert!(
            sentence.starts_with(r"GET h\u{7}/\u{1b}[31m\xff\u{202e}: 500 O\u{9b}o\xffps after "),
            "{sentence}"
        );
        assert_eq!(detail.target.as_deref(), Some(r"/\u{1b}[31m\xff\u{202e}"));
    }

    #[test]
    fn a_client_that_has_said_all_may_wait() {
        let steps = [
            Says(CLIENT, b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"),
            Ends(CLIENT, Fin),
            Ends(SERVER, CaptureEnd),
        ];
        let found = findings_of(&steps);
        let [(kind, detail)] = &found[..] else { panic!("{found:?}") };
        let sentence = detail.to_string();
        assert_eq!(*kind, "netanalyze.http.pending");
        assert!(sentence.ends_with("the capture ends"), "{sentence}");
        assert_eq!((detail.ended_by, detail.by), (Some(CaptureEnd), None));
    }
}
