//! Findings of DNS.
//!
//! What Wireshark flags comes from messages; everything else from lookups, so that a lookup that fails is one finding, however often its query was
//! sent. mDNS and LLMNR answer from other addresses than those asked, and only if they know something: no answer is no finding there.

use std::fmt;

use serde::{Serialize, Serializer};

use super::application::Found;
use super::catalogue::{KindId, kind};
use super::finding::Detail;
use super::message::Seconds;
use super::thresholds::Thresholds;
use crate::model::{FrameNumber, Span, shown};
use crate::protocol::dns::{
    DnsMessage, ExtendedError, Lookup, Mismatch, Opcode, Outcome, Rcode, RecordType, Service,
};
use crate::protocol::message::Message;

const REPEATED_QUERY: KindId = kind("dns.retransmit_request");
const REPEATED_RESPONSE: KindId = kind("dns.retransmit_response");
const NO_ANSWER: KindId = kind("netanalyze.dns.no_answer");
const SERVFAIL: KindId = kind("netanalyze.dns.servfail");
const REFUSED: KindId = kind("netanalyze.dns.refused");
const FORMERR: KindId = kind("netanalyze.dns.formerr");
const NOTIMP: KindId = kind("netanalyze.dns.notimp");
const OTHER_RCODE: KindId = kind("netanalyze.dns.rcode");
const NXDOMAIN: KindId = kind("netanalyze.dns.nxdomain");
const CONFLICTING: KindId = kind("netanalyze.dns.conflicting_answers");
const MISMATCHED: KindId = kind("netanalyze.dns.mismatched_answer");
const SLOW: KindId = kind("netanalyze.dns.slow_answer");
const TRUNCATED: KindId = kind("netanalyze.dns.truncated");
const EXTENDED_ERROR: KindId = kind("netanalyze.dns.extended_error");
const UNASKED: KindId = kind("netanalyze.dns.unasked_answer");

/// What is wrong with a lookup or a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
#[non_exhaustive]
pub enum DnsTrouble {
    /// A query or response that repeats another.
    Repeated {
        /// Frame of the other one.
        of_frame: FrameNumber,
        /// It is a response.
        response: bool,
    },
    /// A response that contradicts another one to the same query.
    Contradicts {
        /// Frame of the other one.
        of_frame: FrameNumber,
    },
    /// A query without an answer.
    NoAnswer {
        /// How often it was sent.
        queries: u32,
        /// Time after the last one in which none came.
        #[serde(rename = "waited_ns")]
        waited: Span,
        /// The connection ended before.
        closed: bool,
        /// Time after which that is a finding.
        #[serde(rename = "threshold_ns")]
        threshold: Span,
    },
    /// An error code.
    Failed {
        /// The code.
        rcode: Rcode,
        /// Time since the query.
        #[serde(rename = "latency_ns")]
        latency: Option<Span>,
        /// What the server says of it.
        extended_errors: Vec<ExtendedError>,
    },
    /// Something to a successful answer.
    Remarks {
        /// What the server says.
        extended_errors: Vec<ExtendedError>,
    },
    /// A response that does not belong to the query that waits.
    Mismatched {
        /// What differs.
        mismatch: Mismatch,
    },
    /// A slow answer.
    Slow {
        /// Time since the first query.
        #[serde(rename = "latency_ns")]
        latency: Span,
        /// How often the query was sent.
        queries: u32,
        /// Time from which an answer is slow.
        #[serde(rename = "threshold_ns")]
        threshold: Span,
    },
    /// An answer that did not fit.
    Truncated {
        /// The largest datagram that the client takes, if it says so.
        udp_size: Option<u16>,
    },
    /// A response without a query.
    Unasked {},
}

/// Figures of a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DnsDetail {
    /// Which protocol.
    pub service: Service,
    /// Id of the messages.
    pub dns_id: u16,
    /// What kind of query; for the sentence.
    #[serde(skip)]
    pub opcode: Opcode,
    /// Name asked for.
    #[serde(serialize_with = "name")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub name: Box<[u8]>,
    /// Type asked for.
    #[serde(rename = "record_type")]
    pub kind: RecordType,
    /// What is wrong.
    #[serde(flatten)]
    pub trouble: DnsTrouble,
}

fn name<S: Serializer>(name: &[u8], s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&shown(name))
}

impl fmt::Display for DnsDetail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.name.is_empty() { ".".to_owned() } else { shown(&self.name).into_owned() };
        let unknown = self.name.is_empty() && self.kind == RecordType::default();
        // The type that others than queries have is that of a zone (RFC 1996 §3.6, RFC 2136 §2.3).
        let question = match self.opcode {
            Opcode::QUERY if unknown => "an unknown question".to_owned(),
            Opcode::QUERY => format!("{} {name}", self.kind),
            opcode if unknown => opcode.to_string(),
            opcode => format!("{opcode} {name}"),
        };
        match &self.trouble {
            DnsTrouble::Repeated { of_frame, response: false } => {
                write!(f, "{question}: the query of frame {of_frame} again")
            }
            DnsTrouble::Repeated { of_frame, response: true } => {
                write!(f, "{question}: answered again after frame {of_frame}")
            }
            DnsTrouble::Contradicts { of_frame } => {
                write!(f, "{question}: this answer contradicts that of frame {of_frame}")
            }
            DnsTrouble::NoAnswer { queries, waited, closed, threshold } => {
                write!(f, "{question}: ")?;
                if *queries > 1 {
                    write!(f, "sent {queries} times, ")?;
                }
                if *closed {
                    return write!(f, "no answer before the connection ended, {} later", Seconds(*waited));
                }
                write!(f, "no answer for {} (threshold {})", Seconds(*waited), Seconds(*threshold))
            }
            DnsTrouble::Failed { rcode, latency, extended_errors } => {
                write!(f, "{question}: {rcode}")?;
                if let Some(latency) = latency {
                    write!(f, " after {}", Seconds(*latency))?;
                }
                remarks(f, extended_errors)
            }
            DnsTrouble::Remarks { extended_errors } => {
                write!(f, "{question}")?;
                remarks(f, extended_errors)
            }
            DnsTrouble::Mismatched { mismatch: Mismatch::Id } => {
                write!(f, "{question}: an answer with id {:#06x}, which no query has", self.dns_id)
            }
            DnsTrouble::Mismatched { mismatch: Mismatch::Question } => {
                write!(
                    f,
                    "{question}: an answer to another question than the query {:#06x} asks",
                    self.dns_id
                )
            }
            DnsTrouble::Slow { latency, queries, threshold } => {
                write!(f, "{question}: answered after {}", Seconds(*latency))?;
                if *queries > 1 {
                    write!(f, " and {queries} queries")?;
                }
                write!(f, " (threshold {})", Seconds(*threshold))
            }
            DnsTrouble::Truncated { udp_size: Some(size) } => {
                write!(f, "{question}: the answer does not fit into {size} bytes; to be asked again over TCP")
            }
            DnsTrouble::Truncated { udp_size: None } => {
                write!(f, "{question}: the answer does not fit into 512 bytes; to be asked again over TCP")
            }
            DnsTrouble::Unasked {} => write!(f, "{question}: an answer without a query"),
        }
    }
}

fn remarks(f: &mut fmt::Formatter<'_>, errors: &[ExtendedError]) -> fmt::Result {
    errors.iter().try_for_each(|error| write!(f, ": {error}"))
}

/// The findings of a message.
pub(crate) fn findings(message: &Message, thresholds: &Thresholds, found: Found<'_>) {
    match message {
        Message::Dns(message) => repetitions(message, found),
        Message::Lookup(lookup) => of_lookup(lookup, thresholds, found),
        _ => {}
    }
}

/// What Wireshark flags, and the second answer that says something else.
fn repetitions(message: &DnsMessage, found: Found<'_>) {
    let mut say = |kind: KindId, trouble: DnsTrouble| {
        let Some(parsed) = message.parsed() else { return };
        let detail = || {
            let question = parsed.question();
            DnsDetail {
                service: message.service,
                dns_id: parsed.header().id,
                opcode: parsed.header().opcode(),
                name: question.map(|q| q.name.as_bytes().into()).unwrap_or_default(),
                kind: question.map(|q| q.kind).unwrap_or_default(),
                trouble: trouble.clone(),
            }
        };
        found(kind, None, &|| Detail::Dns(Box::new(detail())));
    };
    let unknown_to_wireshark = message.service == Service::Llmnr && message.length.is_some();
    if !message.whole || unknown_to_wireshark {
        return;
    }
    if let Some(of_frame) = message.matching.repeats_query {
        say(REPEATED_QUERY, DnsTrouble::Repeated { of_frame, response: false });
    }
    if let Some(of_frame) = message.matching.repeats_response {
        say(REPEATED_RESPONSE, DnsTrouble::Repeated { of_frame, response: true });
        if message.contradicts && message.service == Service::Dns {
            say(CONFLICTING, DnsTrouble::Contradicts { of_frame });
        }
    }
}

fn of_lookup(lookup: &Lookup, thresholds: &Thresholds, found: Found<'_>) {
    if lookup.service != Service::Dns {
        return;
    }
    let about = lookup.response.or(lookup.query);
    let mut say = |kind: KindId, trouble: DnsTrouble| {
        let Lookup { service, id, opcode, kind: asked, .. } = *lookup;
        let detail = || {
            let (name, trouble) = (lookup.name.clone(), trouble.clone());
            DnsDetail { service, dns_id: id, opcode, name, kind: asked, trouble }
        };
        found(kind, about, &|| Detail::Dns(Box::new(detail())));
    };
    match lookup.outcome {
        Outcome::Answered => {}
        Outcome::Unanswered => {
            let (queries, closed, threshold) = (lookup.queries, lookup.closed, thresholds.dns_timeout);
            let waited = lookup.waited.unwrap_or_default();
            if closed || waited >= threshold {
                say(NO_ANSWER, DnsTrouble::NoAnswer { queries, waited, closed, threshold });
            }
            return;
        }
        Outcome::Mismatched(mismatch) => return say(MISMATCHED, DnsTrouble::Mismatched { mismatch }),
        Outcome::Unasked => return say(UNASKED, DnsTrouble::Unasked {}),
        _ => return,
    }
    let extended_errors = || lookup.extended_errors.clone();
    match lookup.rcode {
        None | Some(Rcode::NOERROR) if lookup.extended_errors.is_empty() => {}
        None | Some(Rcode::NOERROR) => {
            say(EXTENDED_ERROR, DnsTrouble::Remarks { extended_errors: extended_errors() });
        }
        Some(rcode) => {
            let kind = match rcode {
                Rcode::FORMERR => FORMERR,
                Rcode::SERVFAIL => SERVFAIL,
                Rcode::NXDOMAIN => NXDOMAIN,
                Rcode::NOTIMP => NOTIMP,
                Rcode::REFUSED => REFUSED,
                _ => OTHER_RCODE,
            };
            let (latency, extended_errors) = (lookup.latency, extended_errors());
            say(kind, DnsTrouble::Failed { rcode, latency, extended_errors });
        }
    }
    if let Some(latency) = lookup.latency.filter(|&latency| latency >= thresholds.dns_slow) {
        let (queries, threshold) = (lookup.queries, thresholds.dns_slow);
        say(SLOW, DnsTrouble::Slow { latency, queries, threshold });
    }
    if lookup.truncated && !lookup.tcp {
        say(TRUNCATED, DnsTrouble::Truncated { udp_size: lookup.udp_size });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Direction, Timestamp};
    use crate::protocol::dns::Decoder;
    use crate::protocol::message::Messages;
    use crate::protocol::stream::{DatagramDecoder, Moment};

    /// One question for `www.example`, type A, and what follows it.
    fn message(id: u16, flags: u16, counts: [u16; 3], rest: &[u8]) -> Vec<u8> {
        let words = [id, flags, 1, counts[0], counts[1], counts[2]];
        let mut bytes: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
        bytes.extend(b"\x03www\x07example\0\0\x01\0\x01");
        bytes.extend(rest);
        bytes
    }

    #[test]
    fn names_do_no_harm() {
        let text = b"a\x1b\xff\xe2\x80\xaeb".as_slice();
        let trouble = DnsTrouble::Remarks {
            extended_errors: vec![ExtendedError { code: 3, meaning: None, text: text.into() }],
        };
        let detail = DnsDetail {
            service: Service::Dns,
            dns_id: 1,
            opcode: Opcode::QUERY,
            name: text.into(),
            kind: RecordType::default(),
            trouble,
        };
        let sentence = detail.to_string();
        assert_eq!(sentence.matches(r"a\u{1b}\xff\u{202e}b").count(), 2, "{sentence}");
        assert!(sentence.is_ascii());
    }

    const QUERY: u16 = 0x0100;
    const ANSWER: u16 = 0x8180;

    /// Findings of datagrams (from the client?, milliseconds, bytes), one frame each, and of the capture's end: id, frame, sentence.
    fn findings_of(datagrams: &[(bool, i64, Vec<u8>)], end: i64) -> Vec<(&'static str, u64, String)> {
        let mut decoder = Decoder::new(["10.0.0.2:40000".parse().unwrap(), "10.0.0.53:53".parse().unwrap()]);
        let (mut out, mut all) = (Messages::default(), Vec::new());
        let at = |frame, ms: i64| Moment { frame: FrameNumber(frame), time: Timestamp(ms * 1_000_000) };
        let hear = |out: &mut Messages, now: Moment, all: &mut Vec<_>| {
            for (_, message) in out.drain() {
                findings(&message, &Thresholds::default(), &mut |kind, about, detail| {
                    let Detail::Dns(detail) = detail() else { unreachable!() };
                    all.push((kind.kind().id, about.unwrap_or(now).frame.0, detail.to_string()));
                });
            }
        };
        let mut frame = 0;
        for (from_client, ms, bytes) in datagrams {
            frame += 1;
            let from = if *from_client { Direction::AtoB } else { Direction::BtoA };
            decoder.datagram(from, bytes, 0, at(frame, *ms), &mut out);
            hear(&mut out, at(frame, *ms), &mut all);
        }
        decoder.finish(at(frame, end), &mut out);
        hear(&mut out, at(frame, end), &mut all);
        all
    }

    fn said(id: &'static str, frame: u64, sentence: &str) -> (&'static str, u64, String) {
        (id, frame, sentence.to_owned())
    }

    #[test]
    fn an_ordinary_lookup_has_none() {
        let answer = message(7, ANSWER, [1, 0, 0], b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01");
        let talk = [(true, 0, message(7, QUERY, [0; 3], b"")), (false, 499, answer)];
        assert_eq!(findings_of(&talk, 9_000), []);
        // Nor has a query with which the capture ends.
        assert_eq!(findings_of(&talk[..1], 4_999), []);
    }

    #[test]
    fn no_answer() {
        let query = message(7, QUERY, [0; 3], b"");
        assert_eq!(
            findings_of(&[(true, 0, query.clone()), (true, 1_000, query)], 6_000),
            [
                said("dns.retransmit_request", 2, "A www.example: the query of frame 1 again"),
                said(
                    "netanalyze.dns.no_answer",
                    1,
                    "A www.example: sent 2 times, no answer for 5.00 s (threshold 5.00 s)"
                ),
            ]
        );
    }

    #[test]
    fn each_code_has_its_kind() {
        for (rcode, id, name) in [
            (1, "netanalyze.dns.formerr", "FORMERR"),
            (2, "netanalyze.dns.servfail", "SERVFAIL"),
            (3, "netanalyze.dns.nxdomain", "NXDOMAIN"),
            (4, "netanalyze.dns.notimp", "NOTIMP"),
            (5, "netanalyze.dns.refused", "REFUSED"),
            (9, "netanalyze.dns.rcode", "NOTAUTH"),
            (12, "netanalyze.dns.rcode", "RCODE12"),
        ] {
            let talk = [
                (true, 0, message(7, QUERY, [0; 3], b"")),
                (false, 20, message(7, ANSWER | rcode, [0; 3], b"")),
            ];
            let sentence = format!("A www.example: {name} after 20.0 ms");
            assert_eq!(findings_of(&talk, 20), [said(id, 2, &sentence)]);
        }
    }

    #[test]
    fn what_is_no_query_says_so() {
        for (opcode, question) in [(0, "A"), (4, "NOTIFY"), (5, "UPDATE"), (9, "OPCODE9")] {
            let talk = [
                (true, 0, message(7, opcode << 11, [0; 3], b"")),
                (false, 20, message(7, 0x8005 | opcode << 11, [0; 3], b"")),
            ];
            let sentence = format!("{question} www.example: REFUSED after 20.0 ms");
            assert_eq!(findings_of(&talk, 20), [said("netanalyze.dns.refused", 2, &sentence)]);
        }
        let stateful = |flags: u16| [0, 7, (flags >> 8) as u8, flags as u8, 0, 0, 0, 0, 0, 0, 0, 0].to_vec();
        let talk = [(true, 0, stateful(6 << 11)), (false, 20, stateful(0x8004 | 6 << 11))];
        let sentence = format!("{}: NOTIMP after 20.0 ms", Opcode(6));
        assert_eq!(findings_of(&talk, 20), [said("netanalyze.dns.notimp", 2, &sentence)]);
    }

    #[test]
    fn slow_truncated_remarked() {
        let ede = b"\0\0\x29\x04\xd0\0\0\0\0\0\x06\0\x0f\0\x02\0\x03";
        let talk = [
            (true, 0, message(7, QUERY, [0, 0, 1], b"\0\0\x29\x04\xd0\0\0\0\0\0\0")),
            (false, 500, message(7, ANSWER | 0x0200, [0, 0, 1], ede)),
        ];
        assert_eq!(
            findings_of(&talk, 500),
            [
                said("netanalyze.dns.extended_error", 2, "A www.example: stale answer"),
                said(
                    "netanalyze.dns.slow_answer",
                    2,
                    "A www.example: answered after 500 ms (threshold 500 ms)"
                ),
                said(
                    "netanalyze.dns.truncated",
                    2,
                    "A www.example: the answer does not fit into 1232 bytes; to be asked again over TCP"
                ),
            ]
        );
    }

    #[test]
    fn answers_that_do_not_belong() {
        let address = |last: u8| {
            let mut rest = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02".to_vec();
            rest.push(last);
            message(7, ANSWER, [1, 0, 0], &rest)
        };
        let talk = [
            (false, 0, address(9)),
            (true, 1, message(7, QUERY, [0; 3], b"")),
            (false, 2, message(8, ANSWER, [0; 3], b"")),
            (false, 3, address(1)),
            (false, 4, address(1)),
            (false, 5, address(2)),
        ];
        assert_eq!(
            findings_of(&talk, 9),
            [
                said("netanalyze.dns.unasked_answer", 1, "A www.example: an answer without a query"),
                said(
                    "netanalyze.dns.mismatched_answer",
                    3,
                    "A www.example: an answer with id 0x0008, which no query has"
                ),
                said("dns.retransmit_response", 5, "A www.example: answered again after frame 4"),
                said("dns.retransmit_response", 6, "A www.example: answered again after frame 4"),
                said(
                    "netanalyze.dns.conflicting_answers",
                    6,
                    "A www.example: this answer contradicts that of frame 4"
                ),
            ]
        );
    }

    #[test]
    fn a_question_that_was_not_captured() {
        let query = message(7, QUERY, [0; 3], b"");
        let talk = [(true, 0, query.get(..12).unwrap().to_vec())];
        let expected = "an unknown question: no answer for 5.00 s (threshold 5.00 s)";
        assert_eq!(findings_of(&talk, 5_000), [said("netanalyze.dns.no_answer", 1, expected)]);
    }

    #[test]
    fn names_are_escaped() {
        let mut query = message(7, QUERY, [0; 3], b"");
        query[13] = 0x1b;
        let [(_, _, sentence)] = &findings_of(&[(true, 0, query)], 5_000)[..] else { panic!() };
        assert!(sentence.starts_with("A \\u{1b}ww.example: no answer"), "{sentence}");
    }
}
