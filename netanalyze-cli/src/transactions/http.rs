//! `--http`: a row a request, with the phases that its time went to. TLS connections whose keys nobody has get the same row without what HTTP
//! tells.

use std::io;

use netanalyze_core::conversation::Met;
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::Timestamp;
use netanalyze_core::protocol::http::{Disorder, Exchange, Outcome, Request, Response};
use netanalyze_core::protocol::message::Message;
use netanalyze_core::protocol::stream::Closing;
use netanalyze_core::protocol::tls::{self as tls_protocol, Handshake, Who};
use netanalyze_core::transaction::{Joins, Phases};

use super::Rows;
use super::cells::{amount, dash, frames, name, shown, since, span, stream, stream_words, time};
use super::tls;
use crate::render::short;
use crate::table::{Cell, Column, Heading, Shape, Table, left, right};

/// The table, and what its rows are joined with.
#[derive(Debug, Default)]
pub(crate) struct Http {
    joins: Joins,
}

/// A request or a TLS connection, where, and where its time went.
pub(crate) struct Row<'b> {
    met: &'b Met,
    of: Of<'b>,
    phases: Phases,
}

enum Of<'b> {
    Request(&'b Exchange),
    Tls(&'b Handshake),
}

impl Row<'_> {
    fn exchange(&self) -> Option<&Exchange> {
        match self.of {
            Of::Request(exchange) => Some(exchange),
            Of::Tls(_) => None,
        }
    }

    fn request(&self) -> Option<&Request> {
        self.exchange()?.request.as_ref()
    }

    fn response(&self) -> Option<&Response> {
        self.exchange()?.response.as_ref()
    }

    /// Host and port as the request names them, or the host name that TLS was told.
    fn host(&self) -> &[u8] {
        match self.of {
            Of::Request(_) => self.request().map_or(b"", |request| host_and_path(request).0),
            Of::Tls(handshake) => handshake.server_name.as_deref().unwrap_or_default(),
        }
    }

    fn path(&self) -> &[u8] {
        self.request().map_or(b"", |request| host_and_path(request).1)
    }

    /// When the request began, or the handshake.
    fn begun(&self) -> Timestamp {
        match self.of {
            Of::Request(exchange) => exchange.start().map_or(self.met.time, |moment| moment.time),
            Of::Tls(handshake) => handshake.start().time,
        }
    }

    fn outcome(&self) -> &'static str {
        match self.of {
            Of::Tls(handshake) => tls::outcome(handshake),
            Of::Request(exchange) => match exchange.outcome {
                Outcome::Open => "open",
                Outcome::Answered => "answered",
                Outcome::Switched => "switched",
                Outcome::Unanswered(_) => "unanswered",
                Outcome::Incomplete(_) => "incomplete",
                Outcome::NotCaptured => "not_captured",
                Outcome::Http2 => "http2",
                Outcome::Unsolicited => "unsolicited",
                _ => "other",
            },
        }
    }

    /// What ended it, or who, if it was not the response.
    fn ended_by(&self) -> Option<&'static str> {
        match self.of {
            Of::Tls(handshake) => tls::by(handshake),
            Of::Request(exchange) => match exchange.outcome {
                Outcome::Unanswered(how) | Outcome::Incomplete(how) => Some(match how {
                    Closing::Fin => "fin",
                    Closing::Reset => "reset",
                    Closing::CaptureEnd => "capture_end",
                }),
                _ => None,
            },
        }
    }

    /// Whose doing it is that the response is missing.
    fn by(&self) -> Option<&'static str> {
        match self.of {
            Of::Tls(handshake) => tls::by(handshake),
            Of::Request(exchange) => {
                let by = exchange.ended_by?;
                Some(if by == exchange.client { "client" } else { "server" })
            }
        }
    }

    /// Status and outcome for people.
    fn status_words(&self) -> String {
        let exchange = match self.of {
            Of::Tls(handshake) => {
                let words = tls::outcome_words(handshake);
                let disorder = self.phases.disorder.map(|why| format!(", {}", disorder_words(why)));
                return words + &disorder.unwrap_or_default();
            }
            Of::Request(exchange) => exchange,
        };
        let status = exchange.status().map(|status| status.to_string());
        let whose = self.by().map_or_else(String::new, |by| format!("the {by}'s "));
        let trouble = match exchange.outcome {
            Outcome::Unanswered(Closing::Fin) => format!("no answer before {whose}FIN"),
            Outcome::Unanswered(Closing::Reset) => format!("no answer before {whose}reset"),
            Outcome::Unanswered(Closing::CaptureEnd) => "no answer".to_owned(),
            Outcome::Incomplete(Closing::Fin) => format!("cut off by {whose}FIN"),
            Outcome::Incomplete(Closing::Reset) => format!("cut off by {whose}reset"),
            Outcome::Incomplete(Closing::CaptureEnd) => "cut off by the capture's end".to_owned(),
            Outcome::NotCaptured => match (&exchange.request, &exchange.response) {
                (None, Some(_)) => "request not captured",
                (Some(_), None) => "answer not captured",
                _ => "not captured whole",
            }
            .to_owned(),
            Outcome::Http2 => "HTTP/2, not decoded".to_owned(),
            Outcome::Unsolicited => "while no request was open".to_owned(),
            _ => String::new(),
        };
        let disorder = self.phases.disorder.map(disorder_words);
        let trouble = [Some(trouble.as_str()).filter(|words| !words.is_empty()), disorder];
        let trouble = trouble.into_iter().flatten().collect::<Vec<_>>().join(", ");
        match (status, trouble.as_str()) {
            (Some(status), "") => status,
            (Some(status), trouble) => format!("{status}, {trouble}"),
            (None, "") => dash(),
            (None, _) => trouble,
        }
    }
}

/// Why a phase has no time.
fn disorder(disorder: Disorder) -> &'static str {
    match disorder {
        Disorder::Capture => "capture_order",
        Disorder::Early => "early",
        Disorder::Clock => "clock",
        _ => "other",
    }
}

/// The same for people.
fn disorder_words(disorder: Disorder) -> &'static str {
    match disorder {
        Disorder::Capture => "captured before its request",
        Disorder::Early => "before the request's end",
        _ => "times out of order",
    }
}

/// Whether the connection's requests are listed themselves: text that stands where TLS should, or HTTP/1 that secrets open.
fn speaks_http(handshake: &Handshake) -> bool {
    let http1 = |name: &[u8]| name.starts_with(b"http/1.");
    let opened = handshake.decrypted && handshake.outcome.is_success();
    handshake.outcome == tls_protocol::Outcome::PlainText(Who::Client)
        || (opened && handshake.alpn.as_deref().is_none_or(http1))
}

/// Host and path. A target can name both (RFC 9112 §3.2.2), or just the host of a tunnel (§3.2.3).
fn host_and_path(request: &Request) -> (&[u8], &[u8]) {
    let target = request.target();
    if &*request.method == b"CONNECT" {
        return (target, b"");
    }
    let behind = |scheme: &[u8]| {
        let (front, rest) = target.split_at_checked(scheme.len())?;
        front.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    let Some(rest) = behind(b"http://").or_else(|| behind(b"https://")) else {
        return (request.host(), target);
    };
    let end = rest.iter().position(|&byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, b""));
    (authority, if path.is_empty() { b"/" } else { path })
}

/// Head and body; `None` if the body did not come to its end.
fn whole(head: u32, body: Option<u64>) -> Option<u64> {
    Some(u64::from(head).saturating_add(body?))
}

/// The same for people; with a plus sign what was captured of a body that did not come to its end.
fn size(head: u32, body: Option<u64>, captured: Option<u64>) -> String {
    match (whole(head, body), whole(head, captured)) {
        (Some(bytes), _) => short(bytes),
        (None, Some(bytes)) => format!("{}+", short(bytes)),
        (None, None) => format!("{}+", short(head.into())),
    }
}

impl Table for Http {
    type Row<'b> = Row<'b>;

    const VIEW: &'static str = "http";
    const LINE: &'static str = "request";
    const ROWS: &'static str = "HTTP requests or TLS connections";

    const COLUMNS: &'static [Column<Self>] = &[
        ("protocol", Shape::Word(&["tcp", "udp"]), "Whose streams `stream` counts.", |row| {
            Some(Cell::Word(row.met.protocol.name()))
        }),
        ("stream", Shape::Maybe(&Shape::Number), "`tcp.stream` or `udp.stream`.", |row| stream(row.met)),
        ("client", Shape::Endpoint, "The client's address and port.", |row| {
            Some(Cell::Endpoint(row.met.source))
        }),
        ("server", Shape::Endpoint, "The server's address and port.", |row| {
            Some(Cell::Endpoint(row.met.destination))
        }),
        (
            "kind",
            Shape::Word(&["request", "tls"]),
            "A request, or a TLS connection whose keys nobody has.",
            |row| Some(Cell::Word(if row.exchange().is_some() { "request" } else { "tls" })),
        ),
        ("number", Shape::Maybe(&Shape::Number), "Number of the request on its connection, from 1.", |row| {
            amount(row.exchange()?.number.into())
        }),
        ("method", Shape::Maybe(&Shape::Text), "Request method.", |row| name(&row.request()?.method)),
        (
            "host",
            Shape::Maybe(&Shape::Text),
            "Host as the request names it, or the server name of TLS.",
            |row| name(row.host()),
        ),
        ("path", Shape::Maybe(&Shape::Text), "Path and query.", |row| name(row.path())),
        ("status", Shape::Maybe(&Shape::Number), "Status code.", |row| {
            amount(row.exchange()?.status()?.into())
        }),
        (
            "outcome",
            Shape::Word(&[
                "open",
                "answered",
                "switched",
                "unanswered",
                "incomplete",
                "not_captured",
                "http2",
                "unsolicited",
                "completed",
                "resumed",
                "failed",
                "rejected",
                "reset",
                "closed",
                "silent",
                "undelivered",
                "abandoned",
                "plain_text",
                "cut",
                "other",
            ]),
            "How it ended; of a TLS connection, how its handshake did.",
            |row| Some(Cell::Word(row.outcome())),
        ),
        (
            "ended_by",
            Shape::Maybe(&Shape::Word(&["fin", "reset", "capture_end", "client", "server"])),
            "What ended it, if it was not the response; of a TLS connection, who did.",
            |row| row.ended_by().map(Cell::Word),
        ),
        (
            "by",
            Shape::Maybe(&Shape::Word(&["client", "server"])),
            "Whose doing it is that the response is missing.",
            |row| row.by().map(Cell::Word),
        ),
        (
            "interim_responses",
            Shape::Maybe(&Shape::Number),
            "Interim responses (1xx) before the response.",
            |row| amount(row.exchange()?.interim.into()),
        ),
        (
            "request_bytes",
            Shape::Maybe(&Shape::Number),
            "Bytes of the request; null if its body is not complete.",
            |row| amount(whole(row.request()?.head_bytes, row.request()?.body_bytes)?),
        ),
        (
            "request_body_bytes",
            Shape::Maybe(&Shape::Number),
            "Bytes of its body; null if it is not complete.",
            |row| amount(row.request()?.body_bytes?),
        ),
        (
            "request_body_captured_bytes",
            Shape::Maybe(&Shape::Number),
            "Of a body that is not complete, bytes that were captured.",
            |row| amount(row.request()?.body_captured?),
        ),
        (
            "response_bytes",
            Shape::Maybe(&Shape::Number),
            "Bytes of the response; null if its body is not complete.",
            |row| amount(whole(row.response()?.head_bytes, row.response()?.body_bytes)?),
        ),
        (
            "response_body_bytes",
            Shape::Maybe(&Shape::Number),
            "Bytes of its body; null if it is not complete.",
            |row| amount(row.response()?.body_bytes?),
        ),
        (
            "response_body_captured_bytes",
            Shape::Maybe(&Shape::Number),
            "Of a body that is not complete, bytes that were captured.",
            |row| amount(row.response()?.body_captured?),
        ),
        ("content_type", Shape::Maybe(&Shape::Text), "Content-Type of the response.", |row| {
            name(row.response()?.content_type())
        }),
        ("user_agent", Shape::Maybe(&Shape::Text), "User-Agent of the request.", |row| {
            name(row.request()?.user_agent())
        }),
        ("server_software", Shape::Maybe(&Shape::Text), "Server header of the response.", |row| {
            name(row.response()?.server())
        }),
        (
            "start",
            Shape::Time,
            "Time of the request's first byte, of a response without a request, or of the handshake.",
            |row| Some(Cell::Time(row.begun())),
        ),
        ("request_frame", Shape::Maybe(&Shape::Number), "Frame of the request's first byte.", |row| {
            amount(row.request()?.start.frame.0)
        }),
        ("request_end_frame", Shape::Maybe(&Shape::Number), "Frame of its last byte.", |row| {
            amount(row.request()?.end?.frame.0)
        }),
        ("response_frame", Shape::Maybe(&Shape::Number), "Frame of the response's first byte.", |row| {
            amount(row.response()?.start.frame.0)
        }),
        ("response_end_frame", Shape::Maybe(&Shape::Number), "Frame of its last byte.", |row| {
            amount(row.response()?.end?.frame.0)
        }),
        (
            "dns_name",
            Shape::Maybe(&Shape::Text),
            "The name whose lookup gave the client the server's address.",
            |row| name(&row.phases.resolution.as_ref()?.name),
        ),
        ("dns_frame", Shape::Maybe(&Shape::Number), "Frame of that lookup's response.", |row| {
            amount(row.phases.resolution.as_ref()?.frame.0)
        }),
        (
            "dns_ns",
            Shape::Maybe(&Shape::Number),
            "How long the client waited for the address, in nanoseconds.",
            |row| span(row.phases.dns()),
        ),
        ("connect_ns", Shape::Maybe(&Shape::Number), "Time of the TCP handshake, in nanoseconds.", |row| {
            span(row.phases.connect)
        }),
        ("tls_ns", Shape::Maybe(&Shape::Number), "Time of the TLS handshake, in nanoseconds.", |row| {
            span(row.phases.tls)
        }),
        (
            "send_ns",
            Shape::Maybe(&Shape::Number),
            "From the request's first byte to its last, in nanoseconds.",
            |row| span(row.phases.send),
        ),
        (
            "ttfb_ns",
            Shape::Maybe(&Shape::Number),
            "From there to the response's first byte, in nanoseconds.",
            |row| span(row.phases.first_byte),
        ),
        (
            "transfer_ns",
            Shape::Maybe(&Shape::Number),
            "From there to the response's last byte, in nanoseconds.",
            |row| span(row.phases.transfer),
        ),
        (
            "total_ns",
            Shape::Maybe(&Shape::Number),
            "From the first of these phases to the end of the last, in nanoseconds.",
            |row| span(row.phases.total),
        ),
        (
            "disorder",
            Shape::Maybe(&Shape::Word(&["capture_order", "early", "clock", "other"])),
            "Why a phase has no time: the response was captured before its request, or began before its end, or times are out of order.",
            |row| row.phases.disorder.map(|why| Cell::Word(disorder(why))),
        ),
        (
            "left_out_bytes",
            Shape::Maybe(&Shape::Number),
            "Bytes of names and texts that were not kept because of a limit.",
            |row| amount(row.exchange()?.truncated.into()),
        ),
    ];

    const HEADINGS: &'static [Heading] = &[
        left("stream"),
        left("client → server"),
        right("start"),
        right("dns"),
        right("connect"),
        right("tls"),
        right("send"),
        right("ttfb"),
        right("transfer"),
        right("total"),
        right("up/down"),
        left("request"),
        left("status"),
        left("frames"),
    ];

    fn line(row: &Row<'_>, capture_start: Timestamp) -> Vec<String> {
        let (request, response) = (row.request(), row.response());
        let what = match row.of {
            Of::Tls(_) => format!("TLS {}", shown(row.host())),
            Of::Request(_) => match request {
                None => dash(),
                Some(request) => {
                    let place = [row.host(), row.path()].concat();
                    format!("{} {}", shown(&request.method), shown(&place))
                }
            },
        };
        let ends = match row.of {
            Of::Tls(handshake) => [Some(handshake.start()), tls::last(handshake)],
            // A response can be captured before its request.
            Of::Request(exchange) => {
                let mut ends = [request.map(|request| request.start), exchange.last()];
                if let [Some(first), Some(last)] = ends
                    && last.frame < first.frame
                {
                    ends.reverse();
                }
                ends
            }
        };
        let sizes = match row.of {
            Of::Tls(_) => dash(),
            Of::Request(_) => {
                let up = request.map(|r| size(r.head_bytes, r.body_bytes, r.body_captured));
                let down = response.map(|r| size(r.head_bytes, r.body_bytes, r.body_captured));
                format!("{}/{}", up.unwrap_or_else(dash), down.unwrap_or_else(dash))
            }
        };
        vec![
            stream_words(row.met),
            format!("{} → {}", row.met.source, row.met.destination),
            since(row.begun(), capture_start),
            time(row.phases.dns()),
            time(row.phases.connect),
            time(row.phases.tls),
            time(row.phases.send),
            time(row.phases.first_byte),
            time(row.phases.transfer),
            time(row.phases.total),
            sizes,
            what,
            row.status_words(),
            frames(ends),
        ]
    }
}

impl Rows for Http {
    fn met<'r>(row: &'r Row<'_>) -> &'r Met {
        row.met
    }

    fn rows(
        &mut self,
        batch: &AnalysedBatch<'_>,
        list: &mut dyn FnMut(&Row<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        for met in batch.messages {
            let Some(phases) = self.joins.phases(met) else { continue };
            let of = match &met.message {
                Message::Exchange(exchange) => Of::Request(exchange),
                Message::Handshake(handshake) if !speaks_http(handshake) => Of::Tls(handshake),
                _ => continue,
            };
            list(&Row { met, of, phases })?;
        }
        Ok(())
    }
}
