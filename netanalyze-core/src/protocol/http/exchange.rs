//! A request and its response: who asked what of whom, what came back, and when.

use std::borrow::Cow;

use super::Method;
use super::head::StartLine;
use super::known::Known;
use crate::model::limits::MAX_HTTP_TEXT;
use crate::model::{Direction, Span, Timestamp};
use crate::protocol::stream::{Closing, Moment};

/// What became of a request.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// Direction of the request.
    pub client: Direction,
    /// Its place in the connection, from 1.
    pub number: u32,
    /// The request; `None` if only its response was captured.
    pub request: Option<Request>,
    /// The final response, as far as it came.
    pub response: Option<Response>,
    /// Responses before the final one (100, 102, 103).
    pub interim: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// Bytes of names and texts that were not kept because of a cap.
    pub truncated: u32,
    /// The connection: time of its SYN.
    pub syn: Option<Timestamp>,
    /// The connection: time at which its TCP handshake was complete.
    pub established: Option<Timestamp>,
    /// The server is known to be heard: something of it was captured.
    pub server_heard: bool,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method as sent.
    pub method: Cow<'static, [u8]>,
    /// Request target as sent: path and query, or a whole URI, or host and port (RFC 9112 §3.2).
    pub target: Box<[u8]>,
    /// Value of `Host`; empty if there was none.
    pub host: Box<[u8]>,
    /// Value of `User-Agent`; empty if there was none.
    pub user_agent: Box<[u8]>,
    /// Bytes of start line and headers.
    pub head_bytes: u32,
    /// Bytes of the body; in chunks, of their data. `None` if it is not complete.
    pub body_bytes: Option<u64>,
    /// Of a body that is not complete: bytes that were captured; `None` if nobody counted them.
    pub body_captured: Option<u64>,
    /// First byte.
    pub start: Moment,
    /// Last byte; `None` if it was not captured.
    pub end: Option<Moment>,
}

/// A final response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code; `None` if it is no number, or not captured.
    pub status: Option<u16>,
    /// Reason phrase.
    pub reason: Box<[u8]>,
    /// Value of `Content-Type`; empty if there was none.
    pub content_type: Box<[u8]>,
    /// Value of `Server`; empty if there was none.
    pub server: Box<[u8]>,
    /// Bytes of start line and headers.
    pub head_bytes: u32,
    /// Bytes of the body; in chunks, of their data. `None` if it is not complete, or goes on to the connection's end.
    pub body_bytes: Option<u64>,
    /// Of a body that is not complete: bytes that were captured; `None` if nobody counted them.
    pub body_captured: Option<u64>,
    /// First byte.
    pub start: Moment,
    /// Last byte; `None` if it was not captured.
    pub end: Option<Moment>,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Not yet.
    Open,
    /// The response is complete.
    Answered,
    /// The response turns the connection over to another protocol (101, or success of CONNECT).
    Switched,
    /// No byte of a final response came before this happened to the connection.
    Unanswered(Closing),
    /// The response began, and this happened to the connection.
    Incomplete(Closing),
    /// None: the connection speaks HTTP/2, whose requests are not decoded.
    Http2,
    /// Part of it is missing in the capture, or was cut off by the snapshot length.
    NotCaptured,
}

impl Exchange {
    /// Status code of the response.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.response.as_ref().and_then(|r| r.status)
    }

    /// The first request of its connection.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.number == 1
    }

    /// From the request's last byte to the response's first one. Negative if the server did not wait for the end.
    #[must_use]
    pub fn first_byte(&self) -> Option<Span> {
        let asked = self.request.as_ref()?.end?;
        Some(self.response.as_ref()?.start.time.since(asked.time))
    }

    /// From the response's first byte to its last one.
    #[must_use]
    pub fn transfer(&self) -> Option<Span> {
        let response = self.response.as_ref()?;
        Some(response.end?.time.since(response.start.time))
    }

    /// From the request's first byte to the response's last one.
    #[must_use]
    pub fn total(&self) -> Option<Span> {
        let asked = self.request.as_ref()?.start;
        Some(self.response.as_ref()?.end?.time.since(asked.time))
    }

    /// Time that the TCP handshake took, if this is the first request of its connection.
    #[must_use]
    pub fn connect(&self) -> Option<Span> {
        Some(self.established?.since(self.syn?)).filter(|_| self.is_first())
    }

    /// The moment with which it is over: the last byte of the response, else of what is there.
    #[must_use]
    pub fn last(&self) -> Option<Moment> {
        let response = self.response.as_ref().map(|r| r.end.unwrap_or(r.start));
        response.or_else(|| self.request.as_ref().map(|r| r.end.unwrap_or(r.start)))
    }

    /// One that nothing is known of.
    pub(super) fn new(
        client: Direction,
        number: u32,
        syn: Option<Timestamp>,
        established: Option<Timestamp>,
    ) -> Self {
        Exchange {
            client,
            number,
            request: None,
            response: None,
            interim: 0,
            outcome: Outcome::Open,
            truncated: 0,
            syn,
            established,
            server_heard: false,
        }
    }

    pub(super) fn method(&self) -> Option<Method> {
        Method::of(&self.request.as_ref()?.method)
    }

    pub(super) fn add_request(&mut self, head: &Known<'_>, head_bytes: usize, start: Moment) {
        let StartLine::Request { method, target, .. } = head.start else { return };
        let method = match Method::of(method) {
            Some(known) => Cow::Borrowed(known.as_str().as_bytes()),
            None => Cow::Owned(self.keep(method).into_vec()),
        };
        let request = Request {
            method,
            target: self.keep(target),
            host: self.keep(head.host),
            user_agent: self.keep(head.user_agent),
            head_bytes: u32::try_from(head_bytes).unwrap_or(u32::MAX),
            body_bytes: None,
            body_captured: None,
            start,
            end: None,
        };
        self.request = Some(request);
    }

    pub(super) fn add_response(&mut self, head: &Known<'_>, head_bytes: usize, start: Moment) {
        let StartLine::Response { reason, .. } = head.start else { return };
        let response = Response {
            status: head.status,
            reason: self.keep(reason),
            content_type: self.keep(head.content_type),
            server: self.keep(head.server),
            head_bytes: u32::try_from(head_bytes).unwrap_or(u32::MAX),
            body_bytes: None,
            body_captured: None,
            start,
            end: None,
        };
        self.response = Some(response);
    }

    fn keep(&mut self, text: &[u8]) -> Box<[u8]> {
        let kept = text.get(..text.len().min(MAX_HTTP_TEXT)).unwrap_or_default();
        let left_out = u32::try_from(text.len() - kept.len()).unwrap_or(u32::MAX);
        self.truncated = self.truncated.saturating_add(left_out);
        kept.into()
    }

    /// Bytes on the heap, itself included.
    pub(super) fn heap(&self) -> usize {
        let request = self.request.as_ref().map_or(0, |r| r.target.len() + r.host.len() + r.user_agent.len());
        let response =
            self.response.as_ref().map_or(0, |r| r.reason.len() + r.content_type.len() + r.server.len());
        size_of::<Self>() + request + response
    }
}
