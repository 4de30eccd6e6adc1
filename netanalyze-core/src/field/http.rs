//! Fields of HTTP, in the frame that brought a message's last byte; SSDP fills them too.

use super::registry::{Field, FieldType, Source};
use super::value::Value;
use crate::conversation::{Met, Protocol};
use crate::protocol::http::{Head, HttpMessage, Method, StartLine};
use crate::protocol::message::Message;

type Out<'o> = &'o mut Vec<Value>;

fn http(message: &Message) -> Option<&HttpMessage> {
    match message {
        Message::Http(message) => Some(message),
        _ => None,
    }
}

fn text(bytes: Option<&[u8]>, out: Out<'_>) {
    out.extend(bytes.map(|bytes| Value::Bytes(bytes.into())));
}

/// Text that is there and not empty.
fn word(bytes: &[u8], out: Out<'_>) {
    text(Some(bytes).filter(|b| !b.is_empty()), out);
}

fn method(head: &Head<'_>) -> Option<Method> {
    match head.start() {
        StartLine::Request { method, .. } => Method::of(method),
        StartLine::Response { .. } => None,
    }
}

fn every(head: &Head<'_>, name: &str, out: Out<'_>) {
    out.extend(head.all(name).map(|value| Value::Bytes(value.into())));
}

/// Reads a message, or its head.
macro_rules! field {
    ($name:literal $kind:ident $meaning:literal, |$message:ident, $head:ident, $out:ident| $read:expr) => {
        Field {
            name: $name,
            kind: FieldType::$kind,
            meaning: $meaning,
            source: Source::Message(|message, $out| {
                if let Some($message) = http(message) {
                    let $head = $message.head();
                    $read
                }
            }),
        }
    };
}

/// Reads a message as a whole. Wireshark 4.0 has nothing to say of it as such if its head breaks off within a header's name.
macro_rules! whole {
    ($name:literal $kind:ident $meaning:literal, |$message:ident, $head:ident, $out:ident| $read:expr) => {
        field!($name $kind $meaning, |$message, $head, $out| {
            if !$head.breaks_off() {
                $read
            }
        })
    };
}

/// The values of a header.
macro_rules! header {
    ($name:literal $header:literal) => {
        field!($name Text $header, |_m, head, out| every(&head, $header, out))
    };
}

/// A message over one of the protocols that have HTTP's form.
fn over(met: &Met, protocol: Protocol, out: Out<'_>) {
    if http(&met.message).is_some() && met.protocol == protocol {
        out.push(Value::Present);
    }
}

pub(super) static FIELDS: &[Field] = &[
    Field {
        name: "http",
        kind: FieldType::Protocol,
        meaning: "HTTP message",
        source: Source::Met(|met, out| over(met, Protocol::Tcp, out)),
    },
    Field {
        name: "ssdp",
        kind: FieldType::Protocol,
        meaning: "SSDP message",
        source: Source::Met(|met, out| over(met, Protocol::Udp, out)),
    },
    whole!("http.request" Boolean "The message is a request", |_m, head, out| {
        if method(&head).is_some_and(|method| !method.is_notification()) {
            out.push(Value::Bool(true));
        }
    }),
    whole!("http.notification" Boolean "The message is a notification of UPnP", |_m, head, out| {
        if method(&head).is_some_and(Method::is_notification) {
            out.push(Value::Bool(true));
        }
    }),
    whole!("http.response" Boolean "The message is a response", |_m, head, out| {
        if matches!(head.start(), StartLine::Response { .. }) {
            out.push(Value::Bool(true));
        }
    }),
    field!("http.chat" None "Start line of a message", |_m, _head, out| out.push(Value::Present)),
    field!("http.request.method" Text "Request method", |_m, head, out| {
        if let StartLine::Request { method, .. } = head.start() {
            word(method, out);
        }
    }),
    field!("http.request.uri" Text "Request target", |_m, head, out| {
        word(head.shown_target().0, out);
    }),
    whole!("http.request.full_uri" Text "Request target with scheme and host", |m, _head, out| {
        out.extend(m.full_uri().map(Value::Bytes));
    }),
    field!("http.request.version" Text "HTTP version of a request", |_m, head, out| {
        word(head.shown_target().1, out);
    }),
    field!("http.response.version" Text "HTTP version of a response", |_m, head, out| {
        if let StartLine::Response { version, .. } = head.start() {
            word(version, out);
        }
    }),
    field!("http.response.code" Unsigned "Status code", |_m, head, out| {
        out.extend(head.shown_status().map(|code| Value::Unsigned(u64::from(code))));
    }),
    field!("http.response.phrase" Text "Reason phrase", |_m, head, out| {
        if let (StartLine::Response { reason, .. }, Some(_)) = (head.start(), head.shown_status()) {
            word(reason, out);
        }
    }),
    whole!("http.request_number" Unsigned "Number of the request in its connection", |m, head, out| {
        if m.number > 0 && matches!(head.start(), StartLine::Request { .. }) {
            out.push(Value::Unsigned(u64::from(m.number)));
        }
    }),
    whole!("http.response_number" Unsigned "Number of the response in its connection", |m, head, out| {
        if matches!(head.start(), StartLine::Response { .. }) {
            out.push(Value::Unsigned(u64::from(m.number)));
        }
    }),
    whole!("http.time" RelativeTime "Time since the request, from last byte to last byte", |m, _head, out| {
        out.extend(m.answers.as_ref().map(|a| Value::Time(a.time)));
    }),
    whole!("http.request_in" FrameNumber "Frame of the request that is answered", |m, _head, out| {
        out.extend(m.answers.as_ref().map(|a| Value::Unsigned(a.frame.0)));
    }),
    whole!("http.response_for.uri" Text "Target of the last request with a host", |m, _head, out| {
        word(&m.asked, out);
    }),
    field!("http.content_length" Unsigned "Length of the body that the message announces", |_m, head, out| {
        let number = |value: &[u8]| std::str::from_utf8(value).ok()?.parse().ok();
        out.extend(head.first("content-length").and_then(number).map(Value::Unsigned));
    }),
    field!("http.tls_port" None "HTTP in clear on a port of TLS", |m, _head, out| {
        if m.oddities.on_tls_port {
            out.push(Value::Present);
        }
    }),
    field!("http.te_and_length" None "Content-Length and Transfer-Encoding together", |m, _head, out| {
        if m.oddities.length_and_encoding {
            out.push(Value::Present);
        }
    }),
    field!("http.leading_crlf" None "Empty lines before the message", |m, _head, out| {
        if m.oddities.leading_crlf {
            out.push(Value::Present);
        }
    }),
    header!("http.content_length_header" "Content-Length"),
    header!("http.host" "Host"),
    header!("http.user_agent" "User-Agent"),
    header!("http.server" "Server"),
    header!("http.content_type" "Content-Type"),
    header!("http.content_encoding" "Content-Encoding"),
    header!("http.transfer_encoding" "Transfer-Encoding"),
    header!("http.connection" "Connection"),
    header!("http.upgrade" "Upgrade"),
    header!("http.referer" "Referer"),
    header!("http.location" "Location"),
    header!("http.cookie" "Cookie"),
    header!("http.set_cookie" "Set-Cookie"),
    header!("http.accept" "Accept"),
    header!("http.accept_language" "Accept-Language"),
    header!("http.accept_encoding" "Accept-Encoding"),
    header!("http.authorization" "Authorization"),
    header!("http.proxy_authenticate" "Proxy-Authenticate"),
    header!("http.proxy_authorization" "Proxy-Authorization"),
    header!("http.www_authenticate" "WWW-Authenticate"),
    header!("http.cache_control" "Cache-Control"),
    header!("http.date" "Date"),
    header!("http.last_modified" "Last-Modified"),
    header!("http.x_forwarded_for" "X-Forwarded-For"),
];
