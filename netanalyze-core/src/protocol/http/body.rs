//! Where a message's body ends (RFC 9112 §6.3, §7.1).

use super::Method;
use super::head;
#[cfg(test)]
use super::head::Head;

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Empty,
    /// So many bytes.
    Length(u64),
    /// In chunks, up to the empty one and its trailers.
    Chunked,
    /// Up to the end of the connection.
    UntilEnd,
}

/// What a head's fields say of the body, oddities included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Lengths {
    /// `Content-Length`, if it is a number.
    pub(super) length: Option<u64>,
    /// Some `Transfer-Encoding` says `chunked`.
    pub(super) chunked: bool,
    /// Some `Transfer-Encoding` is there.
    encoded: bool,
    /// Some `Content-Length` is there.
    measured: bool,
}

impl Lengths {
    #[cfg(test)]
    pub(super) fn of(head: &Head<'_>) -> Lengths {
        let mut lengths = Lengths::default();
        for header in head.headers() {
            if header.name.eq_ignore_ascii_case(b"content-length") {
                lengths.add_length(header.value);
            } else if header.name.eq_ignore_ascii_case(b"transfer-encoding") {
                lengths.add_encoding(header.value);
            }
        }
        lengths
    }

    /// Takes a `Content-Length`.
    pub(super) fn add_length(&mut self, value: &[u8]) {
        self.measured = true;
        self.length = number(value);
    }

    /// Takes a `Transfer-Encoding`.
    pub(super) fn add_encoding(&mut self, value: &[u8]) {
        self.encoded = true;
        self.chunked |= is_chunked(value);
    }

    /// Both fields are there: a sign of request smuggling (RFC 9112 §6.3).
    pub(super) fn are_ambiguous(self) -> bool {
        self.encoded && self.measured
    }

    /// Of a request.
    pub(super) fn request(self) -> Framing {
        match self.length {
            _ if self.chunked => Framing::Chunked,
            Some(length @ 1..) => Framing::Length(length),
            // Without a length there is no body, whatever the encoding: nobody could tell its end.
            _ => Framing::Empty,
        }
    }

    /// Of a response with a status to a request with a method, if that is known.
    pub(super) fn response(self, status: Option<u16>, method: Option<Method>) -> Framing {
        match (status, method) {
            (Some(100..=199 | 204 | 304), _) | (_, Some(Method::HEAD)) => Framing::Empty,
            (Some(200..=299), Some(Method::CONNECT)) => Framing::Empty,
            _ if self.chunked => Framing::Chunked,
            _ => match self.length {
                Some(0) => Framing::Empty,
                Some(length) => Framing::Length(length),
                None => Framing::UntilEnd,
            },
        }
    }
}

/// Digits and nothing else; as Wireshark 4.0, not the largest number.
fn number(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok().filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?;
    text.parse().ok().filter(|&number| number != u64::MAX)
}

/// Whether the last transfer coding is `chunked` (RFC 9112 §6.1); as Wireshark 4.0, also if the value begins with it.
fn is_chunked(value: &[u8]) -> bool {
    let is_list = || value.split(|&b| b == b',').all(|coding| !coding.trim_ascii().is_empty());
    let last = value.rsplit(|&b| b == b',').next().unwrap_or_default().trim_ascii();
    value.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"chunked"))
        || (last.eq_ignore_ascii_case(b"chunked") && is_list())
}

/// A chunk's first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkLine {
    /// The line has `line` bytes with its end, and `size` bytes of data follow.
    Chunk { line: usize, size: u64 },
    /// The line is not complete.
    NeedMore,
    /// That is no chunk.
    Broken,
}

/// Longest line that a chunk may have, extensions included.
const MAX_CHUNK_LINE: usize = 4_096;

/// Reads `1a3;name=value` (RFC 9112 §7.1).
pub(super) fn chunk_line(bytes: &[u8]) -> ChunkLine {
    let window = bytes.get(..bytes.len().min(MAX_CHUNK_LINE)).unwrap_or(bytes);
    let Some((text, line)) = head::line(window) else {
        return if window.len() < MAX_CHUNK_LINE { ChunkLine::NeedMore } else { ChunkLine::Broken };
    };
    let text = text.trim_ascii_start();
    let digits = text.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let size = text.get(..digits).and_then(|d| std::str::from_utf8(d).ok()).unwrap_or_default();
    match u64::from_str_radix(size, 16) {
        Ok(size) => ChunkLine::Chunk { line, size },
        Err(_) => ChunkLine::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::StartLine;
    use super::*;

    fn framing(head: &str, method: Option<Method>) -> Framing {
        let head = head.replace('\n', "\r\n");
        let head = Head::parse(head.as_bytes());
        let lengths = Lengths::of(&head);
        match head.start() {
            StartLine::Request { .. } => lengths.request(),
            StartLine::Response { .. } => lengths.response(head.status(), method),
        }
    }

    #[test]
    fn where_bodies_end() {
        use Framing::*;
        let get = Method::of(b"GET");
        for (head, method, expected) in [
            ("GET / HTTP/1.1\n\n", None, Empty),
            ("POST / HTTP/1.1\nContent-Length: 12\n\n", None, Length(12)),
            ("POST / HTTP/1.1\nTransfer-Encoding: Chunked\nContent-Length: 12\n\n", None, Chunked),
            ("POST / HTTP/1.1\ntransfer-encoding: gzip, chunked\n\n", None, Chunked),
            ("POST / HTTP/1.1\ntransfer-encoding: chunked, gzip\n\n", None, Chunked),
            ("POST / HTTP/1.1\ntransfer-encoding: gzip\n\n", None, Empty),
            ("POST / HTTP/1.1\ntransfer-encoding: ,chunked\n\n", None, Empty),
            ("HTTP/1.1 200 OK\n\n", get, UntilEnd),
            ("HTTP/1.1 200 OK\nContent-Length: 0\n\n", get, Empty),
            ("HTTP/1.1 200 OK\nContent-Length: 7\n\n", get, Length(7)),
            ("HTTP/1.1 200 OK\nContent-Length: 7\n\n", Some(Method::HEAD), Empty),
            ("HTTP/1.1 200 OK\nContent-Length: x\n\n", get, UntilEnd),
            ("HTTP/1.1 200 OK\nContent-Length: 18446744073709551616\n\n", get, UntilEnd),
            ("HTTP/1.1 304 Not Modified\nContent-Length: 7\n\n", get, Empty),
            ("HTTP/1.1 204 No Content\n\n", get, Empty),
            ("HTTP/1.1 100 Continue\n\n", get, Empty),
            ("HTTP/1.1 200 Connected\n\n", Some(Method::CONNECT), Empty),
            ("HTTP/1.1 407 Who\n\n", Some(Method::CONNECT), UntilEnd),
            ("HTTP/1.1 200 OK\nTransfer-Encoding:\n chunked\n\n", get, UntilEnd),
            ("HTTP/1.1 200 OK\nContent-Length: 68 68\n\n", get, UntilEnd),
            ("HTTP/1.1 200 OK\nContent-Length: 18446744073709551615\n\n", get, UntilEnd),
            ("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTransfer-Encoding: x\n\n", get, Chunked),
        ] {
            assert_eq!(framing(head, method), expected, "{head}");
        }
    }

    #[test]
    fn chunk_lines() {
        use ChunkLine::*;
        for (bytes, expected) in [
            (b"5\r\nhello".as_slice(), Chunk { line: 3, size: 5 }),
            (b"1A3 ;x=y\r\n", Chunk { line: 10, size: 0x1a3 }),
            (b"0\r\n", Chunk { line: 3, size: 0 }),
            (b"5\n", Chunk { line: 2, size: 5 }),
            (b"5\r", NeedMore),
            (b"5", NeedMore),
            (b"ffffffffffffffff\r\n", Chunk { line: 18, size: u64::MAX }),
            (b"1ffffffffffffffff\r\n", Broken),
            (b"x\r\n", Broken),
            (b"\r\n", Broken),
            (b"\rf\r\n", Broken),
            (b"x", NeedMore),
            (b"5\rhello", Chunk { line: 2, size: 5 }),
        ] {
            assert_eq!(chunk_line(bytes), expected, "{:?}", bytes.escape_ascii().to_string());
        }
    }
}
