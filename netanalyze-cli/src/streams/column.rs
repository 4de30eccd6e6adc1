//! The columns of a conversation: what CSV writes, and what `--sort` sorts by.

use netanalyze_core::conversation::{Conversation, Side};
use netanalyze_core::model::Span;
use netanalyze_core::tcp::{RttSummary, SynOptions, TcpSide};

use crate::table::Cell;

/// What kind of values a column has, and so which come first when nobody says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The greatest first.
    Amount,
    /// The first first.
    Place,
    /// In the order of addresses.
    Endpoint,
    /// In the order of the alphabet.
    Word,
}

type Value = crate::table::Value<'static>;

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    of: Of,
}

#[derive(Clone, Copy, Debug)]
enum Of {
    Whole(fn(&Conversation) -> Value),
    Client(fn(&Side) -> Value),
    Server(fn(&Side) -> Value),
}

impl Column {
    /// Its value in a conversation; `None` if unknown.
    pub(super) fn value(&self, conversation: &Conversation) -> Value {
        match self.of {
            Of::Whole(value) => value(conversation),
            Of::Client(value) => value(&conversation.sent_by_client),
            Of::Server(value) => value(&conversation.sent_by_server),
        }
    }
}

/// All columns in the order of the CSV.
pub(super) fn columns() -> Vec<Column> {
    let whole =
        WHOLE.iter().map(|&(name, kind, value)| Column { name: name.to_owned(), kind, of: Of::Whole(value) });
    let side = |end: &'static str, of: fn(fn(&Side) -> Value) -> Of| {
        SIDE.iter().map(move |&(name, kind, value)| Column {
            name: format!("{end}_{name}"),
            kind,
            of: of(value),
        })
    };
    whole.chain(side("client", Of::Client)).chain(side("server", Of::Server)).collect()
}

/// The column that somebody names: in full, or without the unit at its end; `bytes` are those on the wire.
pub(super) fn named(name: &str) -> Option<Column> {
    let wanted = match name {
        "bytes" => "wire_bytes",
        "rtt" => "rtt_median_ns",
        other => other,
    };
    let bare = |column: &str| column.strip_suffix("_ns").or(column.strip_suffix("_bytes")) == Some(wanted);
    let all = columns();
    let exact = all.iter().find(|column| column.name == wanted);
    exact.or_else(|| all.iter().find(|column| bare(&column.name))).cloned()
}

fn amount(number: u64) -> Value {
    Some(Cell::Number(i64::try_from(number).unwrap_or(i64::MAX)))
}

fn span(span: Span) -> Value {
    Some(Cell::Number(span.0))
}

fn yes(is: bool) -> Value {
    Some(Cell::Flag(is))
}

/// The sum over both ends of a figure that only TCP has.
fn both(c: &Conversation, of: fn(&TcpSide) -> u64) -> Value {
    let (client, server) = (c.sent_by_client.tcp.as_ref()?, c.sent_by_server.tcp.as_ref()?);
    amount(of(client).saturating_add(of(server)))
}

fn non_negative(span: Span) -> u64 {
    u64::try_from(span.0).unwrap_or(0)
}

/// Round-trip times of the end whose data took longer to be acknowledged at the least: the capture was taken nearer to the other end, so
/// these times cover more of the path. The flag says whether it is the client's data.
pub(super) fn telling_rtt(c: &Conversation) -> Option<(bool, RttSummary)> {
    let of = |side: &Side| side.tcp.as_ref()?.rtt;
    match (of(&c.sent_by_client), of(&c.sent_by_server)) {
        (Some(client), Some(server)) if server.min > client.min => Some((false, server)),
        (Some(client), _) => Some((true, client)),
        (None, server) => server.map(|rtt| (false, rtt)),
    }
}

type Row<T> = (&'static str, Kind, fn(&T) -> Value);

/// Columns of the whole conversation.
const WHOLE: &[Row<Conversation>] = &[
    ("protocol", Kind::Word, |c| Some(Cell::Word(c.protocol.name()))),
    ("stream", Kind::Place, |c| amount(c.stream.into())),
    ("client", Kind::Endpoint, |c| Some(Cell::Endpoint(c.client))),
    ("server", Kind::Endpoint, |c| Some(Cell::Endpoint(c.server))),
    ("first_frame", Kind::Place, |c| amount(c.first_frame.0)),
    ("last_frame", Kind::Place, |c| amount(c.last_frame.0)),
    ("start", Kind::Place, |c| Some(Cell::Time(c.start))),
    ("duration_ns", Kind::Amount, |c| span(c.duration)),
    ("packets", Kind::Amount, |c| amount(c.packets())),
    ("wire_bytes", Kind::Amount, |c| amount(c.wire_bytes())),
    ("payload_bytes", Kind::Amount, |c| {
        amount(c.sent_by_client.payload_bytes.saturating_add(c.sent_by_server.payload_bytes))
    }),
    ("retransmissions", Kind::Amount, |c| both(c, |side| side.retransmissions)),
    ("retransmitted_bytes", Kind::Amount, |c| both(c, |side| side.retransmitted_bytes)),
    ("out_of_order", Kind::Amount, |c| both(c, |side| side.out_of_order)),
    ("lost_segments", Kind::Amount, |c| both(c, |side| side.lost_segments)),
    ("missing_bytes", Kind::Amount, |c| both(c, |side| side.missing_bytes)),
    ("duplicate_acks", Kind::Amount, |c| both(c, |side| side.duplicate_acks)),
    ("zero_windows", Kind::Amount, |c| both(c, |side| side.zero_windows)),
    ("zero_window_ns", Kind::Amount, |c| both(c, |side| non_negative(side.zero_window))),
    ("rtt_min_ns", Kind::Amount, |c| span(telling_rtt(c)?.1.min)),
    ("rtt_median_ns", Kind::Amount, |c| span(telling_rtt(c)?.1.median)),
    ("rtt_p95_ns", Kind::Amount, |c| span(telling_rtt(c)?.1.p95)),
    ("stalled_ns", Kind::Amount, |c| span(c.tcp.as_ref()?.stalled)),
    ("initial_rtt_ns", Kind::Amount, |c| span(c.tcp.as_ref()?.initial_rtt?)),
    ("closed_by", Kind::Word, |c| Some(Cell::Word(c.tcp.as_ref()?.closed_by?.name()))),
    ("history", Kind::Word, |c| Some(Cell::Text(c.tcp.as_ref()?.history.clone()))),
    ("completeness", Kind::Place, |c| amount(c.tcp.as_ref()?.completeness.into())),
    ("roles_known", Kind::Word, |c| yes(c.tcp.as_ref()?.roles_known)),
    ("from_start", Kind::Word, |c| yes(c.tcp.as_ref()?.from_start)),
    ("filter", Kind::Word, |c| Some(Cell::Text(c.filter()))),
];

fn syn(side: &Side, of: fn(SynOptions) -> Value) -> Value {
    side.tcp.as_ref()?.syn.and_then(of)
}

fn rtt(side: &Side, of: fn(RttSummary) -> Span) -> Value {
    side.tcp.as_ref()?.rtt.and_then(|rtt| span(of(rtt)))
}

fn tcp(side: &Side, of: fn(&TcpSide) -> u64) -> Value {
    side.tcp.as_ref().and_then(|tcp| amount(of(tcp)))
}

/// Columns of each end, behind the end's name.
const SIDE: &[Row<Side>] = &[
    ("packets", Kind::Amount, |s| amount(s.packets)),
    ("wire_bytes", Kind::Amount, |s| amount(s.wire_bytes)),
    ("payload_bytes", Kind::Amount, |s| amount(s.payload_bytes)),
    ("ttl_min", Kind::Amount, |s| amount(s.ttl?.min.into())),
    ("ttl_max", Kind::Amount, |s| amount(s.ttl?.max.into())),
    ("state", Kind::Word, |s| Some(Cell::Word(s.tcp.as_ref()?.state.name()))),
    ("syn_mss", Kind::Amount, |s| syn(s, |o| amount(o.mss?.into()))),
    ("syn_window_scale", Kind::Amount, |s| syn(s, |o| amount(o.window_scale?.into()))),
    ("syn_sack_permitted", Kind::Word, |s| syn(s, |o| yes(o.sack_permitted))),
    ("syn_timestamps", Kind::Word, |s| syn(s, |o| yes(o.timestamps))),
    ("syn_fast_open", Kind::Word, |s| syn(s, |o| yes(o.fast_open))),
    ("syn_mptcp", Kind::Word, |s| syn(s, |o| yes(o.mptcp))),
    ("syn_ecn", Kind::Word, |s| syn(s, |o| yes(o.ecn))),
    ("unique_bytes", Kind::Amount, |s| tcp(s, |t| t.unique_bytes)),
    ("retransmitted_bytes", Kind::Amount, |s| tcp(s, |t| t.retransmitted_bytes)),
    ("retransmissions", Kind::Amount, |s| tcp(s, |t| t.retransmissions)),
    ("out_of_order", Kind::Amount, |s| tcp(s, |t| t.out_of_order)),
    ("lost_segments", Kind::Amount, |s| tcp(s, |t| t.lost_segments)),
    ("missing_bytes", Kind::Amount, |s| tcp(s, |t| t.missing_bytes)),
    ("duplicate_acks", Kind::Amount, |s| tcp(s, |t| t.duplicate_acks)),
    ("zero_windows", Kind::Amount, |s| tcp(s, |t| t.zero_windows)),
    ("zero_window_ns", Kind::Amount, |s| tcp(s, |t| non_negative(t.zero_window))),
    ("window_min_bytes", Kind::Amount, |s| amount(s.tcp.as_ref()?.window_min_bytes?.into())),
    ("bytes_in_flight_max", Kind::Amount, |s| tcp(s, |t| t.bytes_in_flight_max.into())),
    ("rtt_samples", Kind::Amount, |s| amount(s.tcp.as_ref()?.rtt?.samples)),
    ("rtt_min_ns", Kind::Amount, |s| rtt(s, |r| r.min)),
    ("rtt_median_ns", Kind::Amount, |s| rtt(s, |r| r.median)),
    ("rtt_p95_ns", Kind::Amount, |s| rtt(s, |r| r.p95)),
    ("rtt_max_ns", Kind::Amount, |s| rtt(s, |r| r.max)),
    ("srtt_ns", Kind::Amount, |s| rtt(s, |r| r.smoothed)),
    ("rto_ns", Kind::Amount, |s| rtt(s, |r| r.rto)),
];
