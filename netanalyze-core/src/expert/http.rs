//! Findings of HTTP.

use std::fmt;

use serde::Serialize;

use super::application::Found;
use super::catalogue::{KindId, kind};
use super::finding::Detail;
use super::message::Seconds;
use super::thresholds::Thresholds;
use crate::model::Span;
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
    pub ended_by: Option<&'static str>,
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
        }
    }
}

fn text(bytes: &[u8]) -> Option<Box<str>> {
    if bytes.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(bytes);
    Some(if text.contains(char::is_control) {
        text.chars()
            .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
            .collect::<String>()
            .into()
    } else {
        text.into()
    })
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
            None => f.write_str("a request that was not captured")?,
        }
        let status = |f: &mut fmt::Formatter<'_>| match (self.status, &self.text) {
            (Some(status), Some(text)) => write!(f, "{status} {text}"),
            (Some(status), None) => write!(f, "{status}"),
            (None, _) => f.write_str("a response without status"),
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
            HttpFact::Unanswered => write!(f, " was not answered: {}", self.ended_by.unwrap_or_default()),
            HttpFact::Incomplete => {
                f.write_str(": ")?;
                status(f)?;
                match self.body_bytes {
                    Some(bytes) => write!(f, " is cut short after {bytes} bytes of its body")?,
                    None => f.write_str(" is cut short")?,
                }
                write!(f, ": {}", self.ended_by.unwrap_or_default())
            }
        }
    }
}

fn words(how: Closing) -> &'static str {
    match how {
        Closing::Fin => "the server closed the connection",
        Closing::Reset => "the connection was reset",
        Closing::CaptureEnd => "the capture ends",
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
        found(kind, None, Detail::Http(Box::new(HttpDetail::line(message))));
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
        found(kind, last, Detail::Http(Box::new(detail(HttpFact::Status))));
    }
    if let Some(response) = response
        && exchange.first_byte().is_some_and(|time| time >= thresholds.http_slow)
    {
        let threshold = Some(thresholds.http_slow);
        let detail = HttpDetail { threshold, ..detail(HttpFact::Slow) };
        found(SLOW, Some(response.start), Detail::Http(Box::new(detail)));
    }
    match exchange.outcome {
        // If nothing of the server was captured, its answers were not either.
        Outcome::Unanswered(how) if exchange.server_heard => {
            let kind = if how == Closing::CaptureEnd { PENDING } else { UNANSWERED };
            let detail = HttpDetail { ended_by: Some(words(how)), ..detail(HttpFact::Unanswered) };
            found(kind, last, Detail::Http(Box::new(detail)));
        }
        Outcome::Incomplete(how @ (Closing::Fin | Closing::Reset)) => {
            let detail = HttpDetail {
                ended_by: Some(words(how)),
                body_bytes: response.and_then(|r| r.body_captured),
                ..detail(HttpFact::Incomplete)
            };
            found(INCOMPLETE, last, Detail::Http(Box::new(detail)));
        }
        _ => {}
    }
}
