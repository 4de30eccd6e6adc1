//! A message as fields show it.

use super::head::{self, Head, StartLine};
use crate::model::limits::{MAX_HTTP_HEAD, MAX_HTTP_TEXT};
use crate::model::{FrameNumber, Span};

/// A request or a response, said in the frame that brought its last byte.
#[derive(Clone, Debug)]
pub struct HttpMessage {
    head: Box<[u8]>,
    /// Bytes of the head that were not kept because of a cap.
    pub truncated: u32,
    /// Bytes of the body; in chunks, of their data. `None` if nobody can tell.
    pub body_bytes: Option<u64>,
    /// Of a request or response: its place among the pairs of its connection, from 1, as Wireshark 4.0 counts them.
    pub number: u32,
    /// The request that it answers, as Wireshark 4.0 matches them.
    pub answers: Option<Answered>,
    /// Of a response: what the last request with a host asked for.
    pub asked: Box<[u8]>,
    /// What is odd about it.
    pub oddities: Oddities,
}

/// The request that a response answers.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The frame that completed the request.
    pub frame: FrameNumber,
    /// Time between the frames that completed them.
    pub time: Span,
}

/// What is odd about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Oddities {
    /// Empty lines came before it (RFC 9112 §2.2).
    pub leading_crlf: bool,
    /// It says both its length and that it comes in chunks (RFC 9112 §6.3).
    pub length_and_encoding: bool,
    /// It is in clear, on the port of HTTPS.
    pub on_tls_port: bool,
    /// Only its beginning was captured.
    pub cut: bool,
}

impl Oddities {
    /// Nothing of which there is a finding.
    pub(super) fn is_ordinary(self) -> bool {
        !(self.leading_crlf || self.length_and_encoding || self.on_tls_port)
    }
}

impl HttpMessage {
    /// A message with this head, or only its first line if no field will be asked for.
    pub(super) fn new(head: &[u8], oddities: Oddities, every: bool) -> Self {
        let (wanted, most) =
            if every { (head, MAX_HTTP_HEAD) } else { (head::first_line(head).0, MAX_HTTP_TEXT) };
        let kept = wanted.get(..most).unwrap_or(wanted);
        HttpMessage {
            head: kept.into(),
            truncated: u32::try_from(wanted.len() - kept.len()).unwrap_or(u32::MAX),
            body_bytes: None,
            number: 0,
            answers: None,
            asked: Box::default(),
            oddities,
        }
    }

    /// Start line and headers.
    #[must_use]
    pub fn head(&self) -> Head<'_> {
        Head::parse(&self.head)
    }

    /// The start line as sent.
    #[must_use]
    pub fn first_line(&self) -> &[u8] {
        head::first_line(&self.head).0
    }

    /// Start line and headers as sent.
    #[must_use]
    pub fn head_bytes(&self) -> &[u8] {
        &self.head
    }

    /// Whether it is a request.
    #[must_use]
    pub fn is_request(&self) -> bool {
        matches!(self.head().start(), StartLine::Request { .. })
    }

    /// What a request with a host asks for, with scheme and host, as Wireshark 4.0 puts it together.
    #[must_use]
    pub fn full_uri(&self) -> Option<Box<[u8]>> {
        let head = self.head();
        let StartLine::Request { .. } = head.start() else { return None };
        let (target, _) = head.shown_target();
        if head.start().is_connect() || target.starts_with(b"http://") {
            return Some(target.into()).filter(|_| head.start().is_connect() || head.first("host").is_some());
        }
        Some([b"http://", head.first("host")?, target].concat().into())
    }
}
