//! The head of a message: start line and header lines, borrowed from the bytes that hold them (RFC 9112 §2 to §5).
//!
//! Tolerant as Wireshark 4.0 is: a line ends with CR LF, LF or CR, in any mixture; names and values are any bytes; a line without colon
//! is no header and does no harm.

use super::Method;

/// A head, complete or as far as it was captured.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    start: StartLine<'a>,
    /// The start line behind its first word.
    asked: &'a [u8],
    /// Behind the start line.
    lines: &'a [u8],
}

/// The first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// `GET /path HTTP/1.1`.
    Request {
        /// The first word.
        method: &'a [u8],
        /// The second; empty if there is none.
        target: &'a [u8],
        /// The rest; empty for HTTP/0.9.
        version: &'a [u8],
    },
    /// `HTTP/1.1 200 OK`.
    Response {
        /// The first word.
        version: &'a [u8],
        /// The second, which should be three digits.
        status: &'a [u8],
        /// The rest.
        reason: &'a [u8],
    },
}

impl Default for StartLine<'_> {
    /// That of nothing at all.
    fn default() -> Self {
        StartLine::Request { method: &[], target: &[], version: &[] }
    }
}

impl<'a> StartLine<'a> {
    /// Reads a line.
    #[inline(always)]
    pub(super) fn parse(line: &'a [u8]) -> Self {
        let (first, rest) = split_word(line);
        if is_response(line) {
            let (status, reason) = split_word(rest);
            return StartLine::Response { version: first, status, reason };
        }
        // The version is the last word; a target with spaces in it is one nevertheless.
        let words = rest.trim_ascii();
        let (target, version) = match memchr::memrchr(b' ', words) {
            Some(at) if words.get(at + 1..).is_some_and(|v| v.starts_with(b"HTTP/")) => {
                (words.get(..at).unwrap_or_default().trim_ascii(), words.get(at + 1..).unwrap_or_default())
            }
            _ if words.starts_with(b"HTTP/") => (&words[..0], words),
            _ => (words, &words[..0]),
        };
        StartLine::Request { method: first, target, version }
    }

    /// The status code, if there are three digits.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        let StartLine::Response { status, .. } = self else { return None };
        match status.trim_ascii() {
            digits @ [_, _, _] if digits.iter().all(u8::is_ascii_digit) => {
                Some(digits.iter().fold(0, |sum, b| sum * 10 + u16::from(b - b'0')))
            }
            _ => None,
        }
    }

    /// It asks for a tunnel.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        matches!(self, StartLine::Request { method: b"CONNECT", .. })
    }
}

/// A header line: name as sent, value without the white space around it. Of a folded value (RFC 9112 §5.2) it is what stands on the first
/// line, as for Wireshark 4.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Before the colon.
    pub name: &'a [u8],
    /// Behind it.
    pub value: &'a [u8],
}

/// What stands where a message should begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// A request or response.
    Message,
    /// Too few bytes to say.
    NeedMore,
    /// Neither.
    Other,
}

/// The longest word that can begin a message: a method.
const MAX_WORD: usize = 32;

/// Says what stands where a message should begin, behind empty lines.
pub(super) fn beginning(bytes: &[u8]) -> Beginning {
    let head = bytes.get(..bytes.len().min(MAX_WORD)).unwrap_or(bytes);
    if is_response(head) {
        return Beginning::Message;
    }
    match head.iter().position(|&b| matches!(b, b' ' | b'\r' | b'\n')) {
        // The space or line end behind the word tells whether it is one.
        Some(end) if head.get(..end).is_some_and(|word| may_be_method(word, bytes)) => Beginning::Message,
        Some(_) => Beginning::Other,
        None if head.len() < MAX_WORD && head.iter().all(|b| is_method_byte(*b) || *b == b'/') => {
            Beginning::NeedMore
        }
        None => Beginning::Other,
    }
}

fn is_method_byte(byte: u8) -> bool {
    byte.is_ascii_uppercase() || matches!(byte, b'-' | b'_')
}

/// A known method, or any word in capitals on a line that ends as a request's does.
fn may_be_method(word: &[u8], bytes: &[u8]) -> bool {
    Method::is_known(word)
        || (!word.is_empty()
            && word.iter().all(|&b| is_method_byte(b))
            && super::looks_like_http(bytes) == super::Look::Http)
}

fn is_response(bytes: &[u8]) -> bool {
    bytes.starts_with(b"HTTP/") || bytes.starts_with(b"ICY ")
}

/// Where the empty line ends that ends a head. Lines are read from `from` on, where one begins; if the empty one is not there yet, says where to go on.
pub(super) fn end_of_head(bytes: &[u8], from: usize) -> Result<usize, usize> {
    let mut lines = Lines::of(bytes.get(from..).unwrap_or_default());
    match lines.find(|line| line.is_empty()) {
        Some(_) => Ok(from + lines.at),
        None => Err(from + lines.at),
    }
}

/// The lines whose ends are there, without them, one behind the other.
#[derive(Clone)]
pub(super) struct Lines<'a> {
    bytes: &'a [u8],
    /// Where the next line begins.
    at: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Lines { bytes, at: 0 }
    }

    /// Where the next line begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What follows the lines so far.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (line, len) = line(self.rest())?;
        self.at += len;
        Some(line)
    }
}

/// The first line without its end, and its length with it. `None` while its end is not there: LF may follow a CR that is last.
#[inline]
pub(super) fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = memchr::memchr2(b'\r', b'\n', bytes)?;
    let (line, rest) = bytes.split_at(end);
    match rest {
        [b'\r', b'\n', ..] => Some((line, end + 2)),
        [b'\r'] | [] => None,
        [_, ..] => Some((line, end + 1)),
    }
}

/// Bytes of empty lines before a message (RFC 9112 §2.2).
pub(super) fn empty_lines(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count()
}

impl<'a> Head<'a> {
    /// Reads a head; `bytes` begin with its start line.
    #[must_use]
    pub fn parse(bytes: &'a [u8]) -> Head<'a> {
        let (line, lines) = first_line(bytes);
        Head { start: StartLine::parse(line), asked: split_word(line).1, lines }
    }

    /// The start line.
    #[must_use]
    pub fn start(&self) -> StartLine<'a> {
        self.start
    }

    /// Every header line.
    #[must_use]
    pub fn headers(&self) -> Headers<'a> {
        Headers { rest: self.lines }
    }

    /// Request target and version as Wireshark 4.0 shows them: a target ends with the first space. Of a response they are empty.
    #[must_use]
    pub fn shown_target(&self) -> (&'a [u8], &'a [u8]) {
        match self.start {
            StartLine::Request { .. } => split_word(self.asked),
            StartLine::Response { .. } => Default::default(),
        }
    }

    /// It breaks off in the middle of a header's name.
    #[must_use]
    pub fn breaks_off(&self) -> bool {
        let last = memchr::memrchr2(b'\r', b'\n', self.lines).map_or(0, |end| end + 1);
        let name = self.lines.get(last..).unwrap_or_default();
        !name.is_empty() && !name.contains(&b':')
    }

    /// Values of the headers with a name, whatever its case.
    pub fn all<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.headers().filter(move |h| h.name.eq_ignore_ascii_case(name.as_bytes())).map(|h| h.value)
    }

    /// Value of the first header with a name.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&'a [u8]> {
        self.all(name).next()
    }

    /// The status code, if there are three digits.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.start.status()
    }

    /// The status code as Wireshark 4.0 shows it: the number with which the first three characters begin.
    #[must_use]
    pub fn shown_status(&self) -> Option<u16> {
        let StartLine::Response { status, .. } = self.start else { return None };
        let digits = status.first_chunk::<3>()?.trim_ascii_start().iter().take_while(|b| b.is_ascii_digit());
        Some(digits.fold(0, |sum, b| sum * 10 + u16::from(b - b'0')))
    }
}

/// Iterator over header lines.
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Headers<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        loop {
            let (line, rest) = first_line(self.rest);
            if line.is_empty() {
                return None;
            }
            self.rest = rest;
            let continues = matches!(line, [b' ' | b'\t', ..]);
            if !continues && let Some(colon) = memchr::memchr(b':', line) {
                let (name, value) = line.split_at(colon);
                return Some(Header { name, value: value.get(1..).unwrap_or_default().trim_ascii() });
            }
        }
    }
}

/// The first line without its end, and what follows; all of it if it has no end.
pub(super) fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match line(bytes) {
        Some((line, len)) => (line, bytes.get(len..).unwrap_or_default()),
        None => (bytes.strip_suffix(b"\r").unwrap_or(bytes), &bytes[bytes.len()..]),
    }
}

/// The first word, and what follows the spaces behind it.
fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b' ', line).unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    let spaces = rest.iter().take_while(|&&b| b == b' ').count();
    (word, rest.get(spaces..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_as_wireshark_shows_it() {
        for (bytes, target, version) in [
            (b"GET /a?b HTTP/1.1\r\n".as_slice(), b"/a?b".as_slice(), b"HTTP/1.1".as_slice()),
            (b"GET /a b HTTP/1.1\r\n", b"/a", b"b HTTP/1.1"),
            (b"GET /cut HTT", b"/cut", b"HTT"),
            (b"GET /\r\n", b"/", b""),
            (b"HTTP/1.1 200 OK\r\n", b"", b""),
        ] {
            assert_eq!(Head::parse(bytes).shown_target(), (target, version));
        }
        for (bytes, breaks_off) in [
            (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(), false),
            (b"GET / HTTP/1.1\r\nHost: a\r\n", false),
            (b"GET / HTTP/1.1\r\nHost: a\r\nUs", true),
            (b"GET / HTTP/1.1\r\nHost: a\r\nUs: b", false),
            (b"GET / HTT", false),
        ] {
            assert_eq!(Head::parse(bytes).breaks_off(), breaks_off);
        }
    }

    #[test]
    fn start_lines() {
        let request = |method, target, version| StartLine::Request { method, target, version };
        let response = |version, status, reason| StartLine::Response { version, status, reason };
        let rows: [(&[u8], StartLine<'_>); 8] = [
            (b"GET /a?b HTTP/1.1\r\n", request(b"GET", b"/a?b", b"HTTP/1.1")),
            (b"GET /a b HTTP/1.0\n", request(b"GET", b"/a b", b"HTTP/1.0")),
            (b"GET /\r\n", request(b"GET", b"/", b"")),
            (b"GET  HTTP/1.1\r\n", request(b"GET", b"", b"HTTP/1.1")),
            (b"HTTP/1.1 200 OK\r\n", response(b"HTTP/1.1", b"200", b"OK")),
            (b"HTTP/1.1   404   Not here\r\n", response(b"HTTP/1.1", b"404", b"Not here")),
            (b"HTTP/1.1 204\r\n", response(b"HTTP/1.1", b"204", b"")),
            (b"ICY 200 OK\r\n", response(b"ICY", b"200", b"OK")),
        ];
        for (bytes, expected) in rows {
            assert_eq!(Head::parse(bytes).start(), expected);
        }
        for (bytes, expected) in [
            (b"HTTP/1.1 200 OK".as_slice(), (Some(200), Some(200))),
            (b"HTTP/1.1 2000 OK", (None, Some(200))),
            (b"HTTP/1.1 20 OK", (None, None)),
            (b"HTTP/1.1 2x0 OK", (None, Some(2))),
            (b"HTTP/1.1 \t200 OK", (Some(200), Some(20))),
            (b"HTTP/1.1 abc OK", (None, Some(0))),
            (b"GET /", (None, None)),
        ] {
            let head = Head::parse(bytes);
            assert_eq!((head.status(), head.shown_status()), expected);
        }
    }

    #[test]
    fn headers_of_all_shapes() {
        let head = Head::parse(
            b"GET / HTTP/1.1\r\nHost: a.b\r\nX:1\nno colon\r\nFolded: one\r\n\ttwo\r\n: empty\r\nhost:second\r\n\r\nBody: no\r\n",
        );
        let all: Vec<_> = head.headers().map(|h| (h.name, h.value)).collect();
        let expected: [(&[u8], &[u8]); 5] =
            [(b"Host", b"a.b"), (b"X", b"1"), (b"Folded", b"one"), (b"", b"empty"), (b"host", b"second")];
        assert_eq!(all, expected);
        assert_eq!(head.first("HOST"), Some(b"a.b".as_slice()));
        assert_eq!(head.all("Host").count(), 2);
    }

    #[test]
    fn every_prefix_of_a_head_ends_where_it_ends() {
        let heads: [(&[u8], usize); 6] = [
            (b"GET / HTTP/1.1\r\nA: b\r\n\r\n", 24),
            (b"GET / HTTP/1.1\nA: b\n\n", 21),
            (b"GET /\r\n\n", 8),
            (b"GET /\rA: b\r\rx", 12),
            (b"GET /\n\r\nx", 8),
            (b"GET /\n\r\r\n", 7),
        ];
        for (bytes, end) in heads {
            let mut from = 0;
            for len in 0..=bytes.len() {
                let known = from;
                match end_of_head(&bytes[..len], known) {
                    Ok(at) => assert_eq!(at, end, "{len}"),
                    Err(at) => {
                        assert!(at >= known && len < bytes.len(), "{len}");
                        from = at;
                    }
                }
                assert_eq!(end_of_head(bytes, from), Ok(end), "{len} {from}");
            }
        }
    }

    #[test]
    fn what_can_begin_a_message() {
        use Beginning::*;
        for (bytes, expected) in [
            (b"GET / HTTP/1.1\r\n".as_slice(), Message),
            (b"GET ", Message),
            (b"GE", NeedMore),
            (b"H", NeedMore),
            (b"HTTP/", Message),
            (b"HTTX/", NeedMore),
            (b"FROB / HTTP/1.1\r\n", Message),
            (b"FROB / SIP/2.0\r\n", Other),
            (b"GETX\r\n", Other),
            (b"GET\r\n", Message),
            (b"get / HTTP/1.1\r\n", Other),
            (b"\x16\x03\x01", Other),
            (b"M-SEARCH * HTTP/1.1\r\n", Message),
        ] {
            assert_eq!(beginning(bytes), expected, "{:?}", bytes.escape_ascii().to_string());
        }
    }
}
