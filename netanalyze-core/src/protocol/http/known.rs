//! What is read of every head, in one go.

use super::body::Lengths;
use super::head::{Head, StartLine};

/// A head's start line, and those of its headers that matter to the connection and to an exchange. Of several with one name it is the first one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known<'a> {
    pub(super) start: StartLine<'a>,
    pub(super) status: Option<u16>,
    pub(super) lengths: Lengths,
    pub(super) host: &'a [u8],
    pub(super) user_agent: &'a [u8],
    pub(super) content_type: &'a [u8],
    pub(super) server: &'a [u8],
    pub(super) upgrade: &'a [u8],
}

impl<'a> Known<'a> {
    pub(super) fn of(head: &Head<'a>) -> Self {
        let mut known = Known {
            start: head.start(),
            status: head.status(),
            lengths: Lengths::default(),
            host: &[],
            user_agent: &[],
            content_type: &[],
            server: &[],
            upgrade: &[],
        };
        for header in head.headers() {
            // Few headers have names as long as those that are looked for.
            let (name, place) = match header.name.len() {
                4 => ("host", &mut known.host),
                6 => ("server", &mut known.server),
                7 => ("upgrade", &mut known.upgrade),
                10 => ("user-agent", &mut known.user_agent),
                12 => ("content-type", &mut known.content_type),
                14 | 17 => {
                    known.lengths.add(&header);
                    continue;
                }
                _ => continue,
            };
            if place.is_empty() && header.name.eq_ignore_ascii_case(name.as_bytes()) {
                *place = header.value;
            }
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_of_each_name_whatever_its_case() {
        let head = Head::parse(b"GET / HTTP/1.1\r\nHOST: a\r\nHost: b\r\nX: y\r\nUser-agent: c\r\nContent-Length: 3\r\nUpgradf: d\r\n\r\n");
        let known = Known::of(&head);
        assert_eq!(
            (known.host, known.user_agent, known.upgrade),
            (b"a".as_slice(), b"c".as_slice(), b"".as_slice())
        );
        assert_eq!(known.lengths.request(), super::super::body::Framing::Length(3));
    }
}
