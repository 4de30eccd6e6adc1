//! A request and its response: who asked what of whom, what came back, and when.

use std::borrow::Cow;

use super::Method;
use super::head::StartLine;
use super::known::Known;
use crate::model::limits::MAX_HTTP_TEXT;
use crate::model::{Direction, Span, Timestamp};
use crate::protocol::stream::{Closing, Moment};
use crate::protocol::tls::Alert;

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
    /// Of one that the connection's end left without an answer, or with half of one: whose direction ended it. `None` if that was the capture's end.
    pub ended_by: Option<Direction>,
    /// Bytes of names and texts that were not kept because of a cap.
    pub truncated: u32,
    /// The connection: time of its SYN.
    pub syn: Option<Timestamp>,
    /// The connection: time at which its TCP handshake was complete.
    pub established: Option<Timestamp>,
    /// A head of it was longer than [`MAX_HTTP_HEAD`](crate::model::limits::MAX_HTTP_HEAD): it was read only up to there.
    pub over_limit: bool,
    /// In place of a response came an alert of TLS in clear: the server speaks that.
    pub(crate) tls_alert: Option<(Moment, Alert)>,
    /// Where its request begins; of a response that waits for its request, what that must begin before. A place as the decoder is told it.
    pub(crate) place: u64,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method as sent.
    pub method: Cow<'static, [u8]>,
    /// Target, host, user agent.
    pub(crate) texts: Texts<3>,
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
    pub reason: Cow<'static, [u8]>,
    /// Content type, server.
    pub(crate) texts: Texts<2>,
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

/// The reason phrase that servers usually give with a status (RFC 9110 §15), of those that are many.
fn usual_reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "",
    }
}

impl Request {
    /// Request target as sent: path and query, or a whole URI, or host and port (RFC 9112 §3.2).
    #[must_use]
    pub fn target(&self) -> &[u8] {
        self.texts.get(0)
    }

    /// Value of `Host`; empty if there was none.
    #[must_use]
    pub fn host(&self) -> &[u8] {
        self.texts.get(1)
    }

    /// Value of `User-Agent`; empty if there was none.
    #[must_use]
    pub fn user_agent(&self) -> &[u8] {
        self.texts.get(2)
    }
}

impl Response {
    /// Value of `Content-Type`; empty if there was none.
    #[must_use]
    pub fn content_type(&self) -> &[u8] {
        self.texts.get(0)
    }

    /// Value of `Server`; empty if there was none.
    #[must_use]
    pub fn server(&self) -> &[u8] {
        self.texts.get(1)
    }
}

/// Texts in one piece of memory, each up to a cap.
#[derive(Clone, Debug)]
pub(crate) struct Texts<const N: usize> {
    bytes: Box<[u8]>,
    ends: [u16; N],
}

const _: () = assert!(3 * MAX_HTTP_TEXT <= u16::MAX as usize, "ends of texts are 16 bits wide");

impl<const N: usize> Default for Texts<N> {
    fn default() -> Self {
        Texts { bytes: Box::default(), ends: [0; N] }
    }
}

impl<const N: usize> Texts<N> {
    /// The texts, and how many bytes of them were left out.
    fn new(texts: [&[u8]; N]) -> (Self, u32) {
        let kept = texts.map(|text| text.get(..MAX_HTTP_TEXT).unwrap_or(text));
        let left_out = texts.iter().zip(&kept).map(|(text, kept)| text.len() - kept.len()).sum::<usize>();
        let mut end = 0;
        let ends = kept.map(|text| {
            end += text.len();
            end as u16
        });
        let mut bytes = Vec::with_capacity(end);
        kept.iter().for_each(|text| bytes.extend_from_slice(text));
        (Texts { bytes: bytes.into(), ends }, u32::try_from(left_out).unwrap_or(u32::MAX))
    }

    fn get(&self, place: usize) -> &[u8] {
        let end = |place: usize| self.ends.get(place).copied().map(usize::from);
        let start = place.checked_sub(1).and_then(end).unwrap_or(0);
        end(place).and_then(|end| self.bytes.get(start..end)).unwrap_or_default()
    }
}

/// The content type of responses that last as long as there may be news (WHATWG HTML §9.2).
pub(crate) const EVENT_STREAM: &[u8] = b"text/event-stream";

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
    /// The response came though no request was open: a server that gives up waiting says 408 (RFC 9110 §15.5.9).
    Unsolicited,
}

/// Why the times of an exchange are out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disorder {
    /// The response was captured before its request.
    Capture,
    /// The server did not wait for the request's end.
    Early,
    /// The capture's clock went backwards.
    Clock,
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

    /// From the request's first byte to its last one. As all of these `None` if the times are out of order: see [`Exchange::disorder`].
    #[must_use]
    pub fn send(&self) -> Option<Span> {
        let request = self.request.as_ref()?;
        request.end?.time.after(request.start.time)
    }

    /// From the request's last byte to the response's first one.
    #[must_use]
    pub fn first_byte(&self) -> Option<Span> {
        let asked = self.request.as_ref()?.end?;
        self.response.as_ref()?.start.time.after(asked.time)
    }

    /// From the response's first byte to its last one.
    #[must_use]
    pub fn transfer(&self) -> Option<Span> {
        let response = self.response.as_ref()?;
        response.end?.time.after(response.start.time)
    }

    /// From the request's first byte to the response's last one.
    #[must_use]
    pub fn total(&self) -> Option<Span> {
        let asked = self.request.as_ref()?.start;
        self.response.as_ref()?.end?.time.after(asked.time)
    }

    /// Why some of these times are not known though both ends of them are.
    #[must_use]
    pub fn disorder(&self) -> Option<Disorder> {
        let (request, response) = (self.request.as_ref(), self.response.as_ref());
        let moments = [
            request.map(|request| request.start),
            request.and_then(|request| request.end),
            response.map(|response| response.start),
            response.and_then(|response| response.end),
        ];
        let [asked, sent, answered, _] = moments;
        let before = |a: Option<Moment>, b: Option<Moment>| a.zip(b).is_some_and(|(a, b)| a.frame < b.frame);
        let mut known = moments.into_iter().flatten();
        let mut last = known.next()?;
        let backwards = known.any(|moment| {
            let back = moment.time < last.time;
            last = moment;
            back
        });
        match backwards {
            false => None,
            true if before(answered, asked) => Some(Disorder::Capture),
            true if before(answered, sent) => Some(Disorder::Early),
            true => Some(Disorder::Clock),
        }
    }

    /// Time that the TCP handshake took, if this is the first request of its connection.
    #[must_use]
    pub fn connect(&self) -> Option<Span> {
        self.established?.after(self.syn?).filter(|_| self.is_first())
    }

    /// The moment with which it begins: the request's first byte, or the response's if the request was not captured.
    #[must_use]
    pub fn start(&self) -> Option<Moment> {
        let request = self.request.as_ref().map(|request| request.start);
        request.or_else(|| self.response.as_ref().map(|response| response.start))
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
            ended_by: None,
            truncated: 0,
            syn,
            established,
            over_limit: false,
            tls_alert: None,
            place: 0,
        }
    }

    /// A response that waits for its request.
    pub(super) fn is_held(&self) -> bool {
        self.request.is_none() && self.outcome == Outcome::Open
    }

    pub(super) fn method(&self) -> Option<Method> {
        Method::of(&self.request.as_ref()?.method)
    }

    /// Adds the request; if `terse`, only texts that findings quote.
    pub(super) fn add_request(&mut self, head: &Known<'_>, head_bytes: usize, start: Moment, terse: bool) {
        let StartLine::Request { method, target, .. } = head.start else { return };
        let method = match head.method {
            Some(known) => Cow::Borrowed(known.as_str().as_bytes()),
            None => Cow::Owned(self.keep([method]).bytes.into_vec()),
        };
        let request = Request {
            method,
            texts: self.keep([target, head.host, if terse { &[] } else { head.user_agent }]),
            head_bytes: u32::try_from(head_bytes).unwrap_or(u32::MAX),
            body_bytes: None,
            body_captured: None,
            start,
            end: None,
        };
        self.request = Some(request);
    }

    /// Adds the response; if `terse`, only texts that findings quote, and what diagnoses ask for.
    pub(super) fn add_response(&mut self, head: &Known<'_>, head_bytes: usize, start: Moment, terse: bool) {
        let StartLine::Response { reason, .. } = head.start else { return };
        let (content_type, server) = match head.content_type {
            // Who streams events waits on purpose.
            streams if terse && streams.starts_with(EVENT_STREAM) => (EVENT_STREAM, Default::default()),
            _ if terse => Default::default(),
            content_type => (content_type, head.server),
        };
        let reason = match head.status.map(usual_reason) {
            Some(usual) if usual.as_bytes() == reason => Cow::Borrowed(usual.as_bytes()),
            _ => Cow::Owned(self.keep([reason]).bytes.into_vec()),
        };
        let response = Response {
            status: head.status,
            reason,
            texts: self.keep([content_type, server]),
            head_bytes: u32::try_from(head_bytes).unwrap_or(u32::MAX),
            body_bytes: None,
            body_captured: None,
            start,
            end: None,
        };
        self.response = Some(response);
    }

    fn keep<const N: usize>(&mut self, texts: [&[u8]; N]) -> Texts<N> {
        let (texts, left_out) = Texts::new(texts);
        self.truncated = self.truncated.saturating_add(left_out);
        texts
    }

    /// Bytes on the heap, itself included.
    pub(super) fn heap(&self) -> usize {
        let request = self.request.as_ref().map_or(0, |r| r.texts.bytes.len());
        let response = self.response.as_ref().map_or(0, |r| r.texts.bytes.len());
        size_of::<Self>() + request + response
    }
}
