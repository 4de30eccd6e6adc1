//! Whether bytes begin an HTTP message.

use crate::model::limits::MAX_HTTP_LINE;

/// What the first bytes of a segment look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// An HTTP/1.x message.
    Http,
    /// The preface of a client of HTTP/2 (RFC 9113 §3.4).
    Http2,
    /// Too few bytes to say.
    NeedMore,
    /// Something else.
    Other,
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The longest method that is believed on a port that is none of HTTP's.
const MAX_METHOD: usize = 24;

/// Says whether a segment begins an HTTP message, whatever its port.
///
/// As Wireshark 4.0: a response begins with `HTTP/1.`, the first line of a request ends with `HTTP/1.` and a digit. A request line may go on in the next
/// segment.
///
/// ```
/// use netanalyze_core::protocol::http::{Look, looks_like_http};
///
/// assert_eq!(looks_like_http(b"GET /index.html HTTP/1.1\r\n"), Look::Http);
/// assert_eq!(looks_like_http(b"GET /index.html HT"), Look::NeedMore);
/// assert_eq!(looks_like_http(b"GET key\r\n"), Look::Other);
/// ```
#[must_use]
pub fn looks_like_http(bytes: &[u8]) -> Look {
    const VERSION: &[u8] = b"HTTP/1.";
    let same = bytes.len().min(VERSION.len());
    if bytes
        .get(..same)
        .is_some_and(|start| VERSION.get(..same).is_some_and(|v| v.eq_ignore_ascii_case(start)))
    {
        return if same == VERSION.len() { Look::Http } else { Look::NeedMore };
    }
    if bytes.starts_with(b"PRI *") || b"PRI *".starts_with(bytes) {
        return match bytes.len() {
            0..16 if PREFACE.starts_with(bytes) => Look::NeedMore,
            _ if PREFACE.starts_with(bytes.get(..PREFACE.len()).unwrap_or(bytes)) => Look::Http2,
            _ => Look::Other,
        };
    }
    let is_token = |b: &&u8| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_');
    let method = bytes.iter().take(MAX_METHOD).take_while(is_token).count();
    match bytes.get(method) {
        Some(b' ') if method > 0 => {}
        None if method < MAX_METHOD && bytes.iter().all(u8::is_ascii_uppercase) => return Look::NeedMore,
        _ => return Look::Other,
    }
    let line = bytes.get(..bytes.len().min(MAX_HTTP_LINE)).unwrap_or(bytes);
    let Some(end) = line.iter().position(|&b| b == b'\n') else {
        let may_go_on = line.len() < MAX_HTTP_LINE
            && bytes.get(..method).is_some_and(super::Method::is_known)
            && line.iter().all(|&b| b >= b' ' || b == b'\r');
        return if may_go_on { Look::NeedMore } else { Look::Other };
    };
    let line = line.get(..end).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line.last_chunk::<8>() {
        Some([version @ .., _]) if version.eq_ignore_ascii_case(VERSION) => Look::Http,
        _ => Look::Other,
    }
}
