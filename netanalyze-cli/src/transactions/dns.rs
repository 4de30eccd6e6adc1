//! `--dns`: a row a lookup. A query to one server is one lookup, and its other questions (RFC 9619: there should be none) stand in the same row; of a
//! query to a group (mDNS, LLMNR) each question has a row of its own, with what whoever answered it said, in its column `responders`.
//!
//! Times are those of the capture: a latency is negative in all formats if the clock was set back meanwhile.

use std::io;

use netanalyze_core::conversation::Met;
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::{FrameNumber, Span, Timestamp, limits};
use netanalyze_core::protocol::dns::{Lookup, Mismatch, Opcode, Outcome, Rcode, RecordType};
use netanalyze_core::protocol::message::Message;
use netanalyze_core::transaction::{Groups, Searches};

use super::Rows;
use super::cells::{amount, clipped, dash, frames, names, shown, since, span, stream, text, time};
use crate::render::{escape, plain};
use crate::table::{Cell, Column, Heading, Shape, Table, left, right};

/// The table, and what its rows are joined with.
#[derive(Debug, Default)]
pub(crate) struct Dns {
    groups: Groups,
    searches: Searches,
}

/// A lookup, and where.
pub(crate) struct Row<'b> {
    met: &'b Met,
    lookup: &'b Lookup,
    /// Frame of the query with the suffix before, if this one goes through a search list.
    search_after: Option<FrameNumber>,
}

impl Row<'_> {
    /// When it began: with the query, or with a response without one.
    fn start(&self) -> Timestamp {
        self.lookup.query.or(self.lookup.response).map_or(self.met.time, |moment| moment.time)
    }
}

/// A word for each outcome.
fn outcome(lookup: &Lookup) -> &'static str {
    match lookup.outcome {
        Outcome::Answered => "answered",
        Outcome::Unanswered => "unanswered",
        Outcome::Multicast => "multicast",
        Outcome::Unasked => "unasked",
        Outcome::Mismatched(Mismatch::Id) => "mismatched_id",
        Outcome::Mismatched(Mismatch::Question) => "mismatched_question",
        Outcome::Forgotten => "forgotten",
        Outcome::NotCaptured => "not_captured",
        _ => "other",
    }
}

/// A name; the root's is a dot.
fn name(bytes: &[u8]) -> Cell<'_> {
    Cell::Bytes(if bytes.is_empty() { b"." } else { bytes })
}

/// A duration for people, negative if the clock was set back.
fn latency(span: Option<Span>) -> String {
    match span {
        Some(back) if back < Span(0) => format!("-{}", time(Some(Span(back.0.saturating_neg())))),
        other => time(other),
    }
}

/// What is asked for, with what kind of query it is unless it is an ordinary one.
fn kind(lookup: &Lookup) -> String {
    match (lookup.opcode, lookup.has_question()) {
        (Opcode::QUERY, true) => lookup.kind.to_string(),
        (Opcode::QUERY, false) => dash(),
        (opcode, true) => format!("{opcode} {}", lookup.kind),
        (opcode, false) => opcode.to_string(),
    }
}

/// The name asked for, and the questions besides.
fn asked(lookup: &Lookup) -> String {
    let mut text = match (lookup.has_question(), lookup.question_cut) {
        (true, _) if lookup.name.is_empty() => ".".to_owned(),
        (true, _) => shown(&lookup.name),
        (false, true) => "(not captured)".to_owned(),
        (false, false) => "(no question)".to_owned(),
    };
    let (listed, all) = (lookup.others.iter().take(MOST_ENDS), usize::from(lookup.more_questions));
    let more = all.saturating_sub(listed.len());
    listed.for_each(|other| text += &format!(" + {}", clipped(&other.to_string())));
    if more > 0 {
        text += &format!(" + {more} more");
    }
    text
}

/// Where the name leads: its aliases, and what the last of them has.
fn chain(lookup: &Lookup) -> Option<String> {
    let mut links: Vec<String> = lookup.aliases.iter().map(|alias| plain(alias).into_owned()).collect();
    let addresses = lookup.addresses.iter().map(ToString::to_string);
    let root = |name: &[u8]| if name.is_empty() { ".".to_owned() } else { plain(name).into_owned() };
    let mut ends: Vec<String> = addresses.chain(lookup.names.iter().map(|name| root(name))).collect();
    // Errors are among those left out only if there are more than are listed.
    let errors_left_out = lookup.extended_errors.len() >= limits::MAX_DNS_ERRORS;
    let left_out = if errors_left_out { 0 } else { lookup.left_out as usize };
    let more = ends.len().saturating_sub(MOST_ENDS) + left_out;
    ends.truncate(MOST_ENDS);
    let mut end = ends.join(", ");
    if more > 0 {
        end += &format!(" and {more} more");
    }
    let asks_for_alias = matches!(lookup.kind, RecordType::CNAME | RecordType::ANY);
    if !end.is_empty() {
        links.push(end);
    } else if lookup.aliases_circle() {
        links.push("a circle".to_owned());
    } else if !links.is_empty() && !asks_for_alias && !lookup.truncated && !lookup.cut {
        let others = u64::from(lookup.answers).saturating_sub(links.len() as u64);
        links.push(match (others, lookup.rcode) {
            (0, Some(rcode)) if rcode != Rcode::NOERROR => rcode.to_string(),
            (0, _) => "no data".to_owned(),
            _ => crate::render::counted(others, "record", "records"),
        });
    }
    (!links.is_empty()).then(|| clipped(&links.join(" → ")))
}

/// What the answer came to, for people.
fn answer(lookup: &Lookup, search_after: Option<FrameNumber>) -> String {
    let mut words = Vec::new();
    match (lookup.outcome, lookup.rcode) {
        (Outcome::Answered, None | Some(Rcode::NOERROR)) => {}
        (Outcome::Answered, Some(rcode)) => words.push(rcode.to_string()),
        (outcome, _) => words.push(outcome.to_string()),
    }
    if lookup.truncated {
        words.push("truncated".to_owned());
    }
    let quiet = words.is_empty();
    words.extend(chain(lookup));
    words.extend(lookup.extended_errors.iter().map(|error| clipped(&escape(&error.to_string()))));
    if quiet && words.is_empty() {
        words.push(match lookup.opcode {
            Opcode::QUERY if lookup.has_no_data() => "no data".to_owned(),
            Opcode::QUERY => counted_records(lookup),
            _ => Rcode::NOERROR.to_string(),
        });
    }
    let responders = lookup.responders.iter().take(MOST_ENDS).map(|end| end.ip().to_string());
    let responders: Vec<_> = responders.collect();
    if !responders.is_empty() {
        let more = if lookup.responders.len() > MOST_ENDS { ", …" } else { "" };
        words.push(format!("by {}{more}", responders.join(", ")));
    }
    words.extend(search_after.map(|frame| format!("search list after frame {frame}")));
    words.join(", ")
}

/// Addresses and names that a line has room for.
const MOST_ENDS: usize = 3;

fn counted_records(lookup: &Lookup) -> String {
    crate::render::counted(lookup.answers.into(), "record", "records")
}

impl Table for Dns {
    type Row<'b> = Row<'b>;

    const VIEW: &'static str = "dns";
    const LINE: &'static str = "lookup";
    const ROWS: &'static str = "DNS lookups";

    const COLUMNS: &'static [Column<Self>] = &[
        ("protocol", Shape::Word(&["tcp", "udp"]), "Whose streams `stream` counts.", |row| {
            Some(Cell::Word(row.met.protocol.name()))
        }),
        ("stream", Shape::Maybe(&Shape::Number), "`tcp.stream` or `udp.stream`.", |row| stream(row.met)),
        ("client", Shape::Endpoint, "The client's address and port.", |row| {
            Some(Cell::Endpoint(row.met.source))
        }),
        ("server", Shape::Endpoint, "The server's address and port, or the group's that was asked.", |row| {
            Some(Cell::Endpoint(row.met.destination))
        }),
        (
            "service",
            Shape::Word(&["DNS", "mDNS", "LLMNR"]),
            "Which of the protocols that share DNS's messages.",
            |row| Some(Cell::Word(row.lookup.service.name())),
        ),
        ("id", Shape::Number, "Id of the messages.", |row| amount(row.lookup.id.into())),
        ("opcode", Shape::Text, "What kind of query, as IANA names it.", |row| text(row.lookup.opcode)),
        (
            "name",
            Shape::Maybe(&Shape::Text),
            "The name asked for, labels with dots between; a dot is the root. Null without a captured question, as are type and class.",
            |row| Some(name(&row.lookup.name)).filter(|_| row.lookup.has_question()),
        ),
        ("record_type", Shape::Maybe(&Shape::Text), "The type asked for, as IANA names it.", |row| {
            text(row.lookup.kind).filter(|_| row.lookup.has_question())
        }),
        ("class", Shape::Maybe(&Shape::Number), "The class asked for; 1 is IN.", |row| {
            amount(row.lookup.class.into()).filter(|_| row.lookup.has_question())
        }),
        (
            "outcome",
            Shape::Word(&[
                "answered",
                "unanswered",
                "multicast",
                "unasked",
                "mismatched_id",
                "mismatched_question",
                "forgotten",
                "not_captured",
                "other",
            ]),
            "How it ended.",
            |row| Some(Cell::Word(outcome(row.lookup))),
        ),
        ("rcode", Shape::Maybe(&Shape::Text), "Response code, as IANA names it.", |row| {
            text(row.lookup.rcode?)
        }),
        (
            "extended_errors",
            Shape::List(&Shape::Text),
            "Extended errors of the response (RFC 8914).",
            |row| {
                Some(Cell::List(
                    row.lookup.extended_errors.iter().map(|e| Cell::Text(e.to_string())).collect(),
                ))
            },
        ),
        ("authoritative", Shape::Maybe(&Shape::Flag), "The response is authoritative.", |row| {
            Some(Cell::Flag(row.lookup.authoritative)).filter(|_| row.lookup.responses > 0)
        }),
        ("truncated", Shape::Maybe(&Shape::Flag), "The response is truncated.", |row| {
            Some(Cell::Flag(row.lookup.truncated)).filter(|_| row.lookup.responses > 0)
        }),
        ("answers", Shape::Maybe(&Shape::Number), "Records in the answer section.", |row| {
            amount(row.lookup.answers.into()).filter(|_| row.lookup.responses > 0)
        }),
        ("aliases", Shape::List(&Shape::Text), "Aliases that the name leads through, in order.", |row| {
            names(&row.lookup.aliases)
        }),
        ("addresses", Shape::List(&Shape::Address), "Addresses that were answered.", |row| {
            Some(Cell::List(row.lookup.addresses.iter().map(|&address| Cell::Address(address)).collect()))
        }),
        (
            "names",
            Shape::List(&Shape::Text),
            "Names that were answered, of records that point to names.",
            |row| Some(Cell::List(row.lookup.names.iter().map(|bytes| name(bytes)).collect())),
        ),
        (
            "ttl",
            Shape::Maybe(&Shape::Number),
            "The shortest time in seconds that the answer may be cached.",
            |row| amount(row.lookup.ttl?.into()),
        ),
        ("start", Shape::Time, "Time of the first query, or of a response without one.", |row| {
            Some(Cell::Time(row.start()))
        }),
        ("query_frame", Shape::Maybe(&Shape::Number), "Frame of the first query.", |row| {
            amount(row.lookup.query?.frame.0)
        }),
        ("response_frame", Shape::Maybe(&Shape::Number), "Frame of the response.", |row| {
            amount(row.lookup.response?.frame.0)
        }),
        ("tries", Shape::Number, "How often the query was sent.", |row| amount(row.lookup.queries.into())),
        ("responses", Shape::Number, "How many responses came.", |row| amount(row.lookup.responses.into())),
        ("response_bytes", Shape::Maybe(&Shape::Number), "Bytes of the responses on the wire.", |row| {
            amount(row.lookup.response_bytes).filter(|_| row.lookup.responses > 0)
        }),
        (
            "latency_ns",
            Shape::Maybe(&Shape::Number),
            "From the first query to the response, in nanoseconds; negative if the clock was set back.",
            |row| span(row.lookup.latency),
        ),
        (
            "waited_ns",
            Shape::Maybe(&Shape::Number),
            "Without a response: from the last query to the end of the capture, or to when nobody waited any more, in nanoseconds.",
            |row| span(row.lookup.waited),
        ),
        (
            "left_out",
            Shape::Number,
            "Aliases, addresses, names and errors beyond those that are listed.",
            |row| amount(row.lookup.left_out.into()),
        ),
        (
            "more_questions",
            Shape::List(&Shape::Text),
            "Type and name of the questions besides the first.",
            |row| {
                Some(Cell::List(
                    row.lookup.others.iter().map(|other| Cell::Text(other.to_string())).collect(),
                ))
            },
        ),
        ("responders", Shape::List(&Shape::Endpoint), "Who answered a question to a group.", |row| {
            Some(Cell::List(row.lookup.responders.iter().map(|&end| Cell::Endpoint(end)).collect()))
        }),
        (
            "search_after_frame",
            Shape::Maybe(&Shape::Number),
            "Frame of the query with the suffix before, of a name that goes through a search list.",
            |row| amount(row.search_after?.0),
        ),
    ];

    const HEADINGS: &'static [Heading] = &[
        left("stream"),
        left("client → server"),
        right("start"),
        right("tries"),
        right("latency"),
        left("type"),
        left("name"),
        left("answer"),
        left("frames"),
    ];

    fn line(row: &Row<'_>, capture_start: Timestamp) -> Vec<String> {
        let &Row { met, lookup, search_after } = row;
        vec![
            super::cells::stream_words(met),
            format!("{} → {}", met.source, met.destination),
            since(row.start(), capture_start),
            if lookup.queries == 0 { dash() } else { lookup.queries.to_string() },
            latency(lookup.latency),
            kind(lookup),
            asked(lookup),
            answer(lookup, search_after),
            frames([lookup.query, lookup.response]),
        ]
    }
}

impl Rows for Dns {
    fn met<'r>(row: &'r Row<'_>) -> &'r Met {
        row.met
    }

    fn rows(
        &mut self,
        batch: &AnalysedBatch<'_>,
        list: &mut dyn FnMut(&Row<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        let Dns { groups, searches } = self;
        let mut tell = |met: &Met| tell(searches, met, list);
        batch.messages.iter().try_for_each(|met| groups.take(met, &mut tell))
    }

    fn finish(&mut self, list: &mut dyn FnMut(&Row<'_>) -> io::Result<()>) -> io::Result<()> {
        let Dns { groups, searches } = self;
        groups.finish(&mut |met| tell(searches, met, list))
    }
}

fn tell(
    searches: &mut Searches,
    met: &Met,
    list: &mut dyn FnMut(&Row<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let Message::Lookup(lookup) = &met.message else { return Ok(()) };
    let search_after = searches.take(met.source.ip(), lookup);
    list(&Row { met, lookup, search_after })
}
