//! Findings of HTTP.

use super::{Group, Kind, Severity};
use crate::tcp::Flags;

/// A row without a flag of the sequence analysis.
const fn row(id: &'static str, severity: Severity, group: Group, title: &'static str) -> Kind {
    Kind { id, severity, group, title, meaning: "", reference: "", filter: "", flag: Flags::NONE }
}

/// In the order in which one frame's are listed. Without a filter where no field marks the frame: fields stand where Wireshark 4.0 puts a message together, which
/// is where it ends.
pub(super) const KINDS: [Kind; 10] = [
    Kind {
        meaning: "The first line of a request or response.",
        reference: "RFC 9112 §2.1",
        filter: "http.chat",
        ..row("http.chat", Severity::Chat, Group::Sequence, "HTTP message")
    },
    Kind {
        meaning: "A message begins with an empty line: whoever sent the one before wrote two bytes more than it announced.",
        reference: "RFC 9112 §2.2",
        filter: "http.leading_crlf",
        ..row("http.leading_crlf", Severity::Error, Group::Malformed, "Empty line before an HTTP message")
    },
    Kind {
        meaning: "A message says both how long its body is and that it comes in chunks. Two readers may disagree on where it ends, which is what \
                  request smuggling needs.",
        reference: "RFC 9112 §6.3",
        filter: "http.te_and_length",
        ..row("http.te_and_length", Severity::Warn, Group::Malformed, "HTTP body with two lengths")
    },
    Kind {
        meaning: "HTTP in clear on the port of HTTPS: a client or a server is configured for the wrong scheme, or TLS is not switched on.",
        reference: "RFC 9110 §4.2.2",
        filter: "http.tls_port",
        ..row("http.tls_port", Severity::Warn, Group::Security, "HTTP in clear on port 443")
    },
    Kind {
        meaning: "The server, or a proxy before it, could not fulfil a request: status 500 to 599.",
        reference: "RFC 9110 §15.6",
        filter: "http.response.code >= 500",
        ..row("netanalyze.http.server_error", Severity::Error, Group::Response, "HTTP server error")
    },
    Kind {
        meaning: "The server refused a request because of the request itself: status 400 to 499. Many are ordinary, such as a page that does not exist or \
                  a password that is still to come.",
        reference: "RFC 9110 §15.5",
        filter: "http.response.code >= 400 && http.response.code < 500",
        ..row("netanalyze.http.client_error", Severity::Note, Group::Response, "HTTP client error")
    },
    Kind {
        meaning: "The first byte of a response came later after the request's last one than the threshold allows. Packets take their part of that time; the \
                  rest is the server's.",
        reference: "RFC 9110 §3.7",
        ..row("netanalyze.http.slow", Severity::Warn, Group::Response, "Slow HTTP response")
    },
    Kind {
        meaning: "The connection was closed or reset before any byte of the response to a request.",
        reference: "RFC 9112 §9.5",
        ..row(
            "netanalyze.http.unanswered",
            Severity::Error,
            Group::Response,
            "HTTP request without an answer",
        )
    },
    Kind {
        meaning: "The capture ends before the response to a request. It may have come later.",
        reference: "RFC 9112 §9.5",
        ..row(
            "netanalyze.http.pending",
            Severity::Note,
            Group::Response,
            "HTTP request still open at the end",
        )
    },
    Kind {
        meaning: "The connection was closed or reset before a response was complete: fewer bytes came than were announced, or the last chunk is missing.",
        reference: "RFC 9112 §8",
        ..row("netanalyze.http.incomplete", Severity::Warn, Group::Response, "HTTP response cut short")
    },
];
