//! What is read of every head, in one go.

use super::Method;
use super::body::Lengths;
use super::head::{Lines, StartLine};

/// A head's start line, and those of its headers that matter to the connection and to an exchange. Of several with one name it is the first one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known<'a> {
    pub(super) start: StartLine<'a>,
    /// Of a request: its method, if it is one that Wireshark 4.0 knows.
    pub(super) method: Option<Method>,
    /// Of a response.
    pub(super) status: Option<u16>,
    pub(super) lengths: Lengths,
    pub(super) host: &'a [u8],
    pub(super) user_agent: &'a [u8],
    pub(super) content_type: &'a [u8],
    pub(super) server: &'a [u8],
    pub(super) upgrade: &'a [u8],
    /// Where the empty line behind it ends, if that is there.
    pub(super) end: Option<usize>,
}

impl<'a> Known<'a> {
    /// Reads a head that begins with its start line, up to its empty line or as far as it goes.
    pub(super) fn read(bytes: &'a [u8]) -> Self {
        let mut known = Known::default();
        known.fill(bytes);
        known
    }

    /// The same, written where it stays: it is too large to be moved for every head.
    pub(super) fn fill(&mut self, bytes: &'a [u8]) {
        let mut lines = Lines::of(bytes);
        let Some(line) = lines.next() else {
            return self.begin(bytes.strip_suffix(b"\r").unwrap_or(bytes));
        };
        self.begin(line);
        for line in lines.by_ref() {
            if line.is_empty() {
                self.end = Some(lines.at());
                return;
            }
            self.header(line);
        }
        self.header(lines.rest());
    }

    fn begin(&mut self, line: &'a [u8]) {
        self.start = StartLine::parse(line);
        self.status = self.start.status();
        if let StartLine::Request { method, .. } = self.start {
            self.method = Method::of(method);
        }
    }

    fn header(&mut self, line: &'a [u8]) {
        let Some(first) = line.first() else { return };
        // As a rule names are spelled as here.
        let value = |name: &[u8]| {
            let (start, value) = line.split_at_checked(name.len())?;
            (start == name || start.eq_ignore_ascii_case(name)).then(|| value.trim_ascii())
        };
        let keep = |place: &mut &'a [u8], name: &[u8]| {
            if let (true, Some(value)) = (place.is_empty(), value(name)) {
                *place = value;
            }
        };
        // Few headers begin as those that are looked for.
        match first.to_ascii_lowercase() {
            b'h' => keep(&mut self.host, b"Host:"),
            b's' => keep(&mut self.server, b"Server:"),
            b'u' => {
                keep(&mut self.user_agent, b"User-Agent:");
                keep(&mut self.upgrade, b"Upgrade:");
            }
            b'c' => {
                if let Some(value) = value(b"Content-Length:") {
                    self.lengths.add_length(value);
                } else {
                    keep(&mut self.content_type, b"Content-Type:");
                }
            }
            b't' => {
                if let Some(value) = value(b"Transfer-Encoding:") {
                    self.lengths.add_encoding(value);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::body::Framing;
    use super::super::head::{Head, end_of_head};
    use super::*;

    #[test]
    fn first_of_each_name_whatever_its_case() {
        let head = b"GET / HTTP/1.1\r\nHOST: a\r\nHost: b\r\nX: y\r\nUser-agent: c\r\nContent-Length: 3\r\nUpgradf: d\r\n\r\n";
        let known = Known::read(head);
        assert_eq!(
            (known.host, known.user_agent, known.upgrade, known.end),
            (b"a".as_slice(), b"c".as_slice(), b"".as_slice(), Some(head.len()))
        );
        assert_eq!(known.lengths.request(), Framing::Length(3));
    }

    /// Whatever the line ends, and wherever it breaks off: what fields show of a head.
    #[test]
    fn agrees_with_the_slow_way() {
        let heads: [&[u8]; 4] = [
            b"HTTP/1.1 200 OK\r\nServer: a b \r\nserver : no\r\n Host: folded\r\nContent-Type:x\r\nTransfer-Encoding: chunked\r\n\r\nhost: no",
            b"POST /x HTTP/1.0\nHost:\nhost: late\rUpgrade: websocket\r\ncontent-length: 7\nUser-Agent: u\n\r\nServer: no",
            b"GET /\r\r\nHost: no",
            b"FROB\n\n",
        ];
        for head in heads {
            for len in 0..=head.len() {
                let bytes = &head[..len];
                let known = Known::read(bytes);
                let slow = Head::parse(bytes);
                assert_eq!(known.end, end_of_head(bytes, 0).ok(), "{len}");
                assert_eq!((known.start, known.status), (slow.start(), slow.status()));
                let first = |name| slow.all(name).find(|value| !value.is_empty()).unwrap_or_default();
                assert_eq!(known.host, first("host"), "{len}");
                assert_eq!(known.server, first("server"));
                assert_eq!(known.upgrade, first("upgrade"));
                assert_eq!(known.user_agent, first("user-agent"));
                assert_eq!(known.content_type, first("content-type"));
                assert_eq!(known.lengths, Lengths::of(&slow));
            }
        }
    }
}
