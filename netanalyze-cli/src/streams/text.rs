//! Conversations as lines for people.

use netanalyze_core::conversation::{Conversation, Side};
use netanalyze_core::model::Timestamp;
use netanalyze_core::tcp::ClosedBy;

use super::column::telling_rtt;
use crate::render::{brief, milliseconds, seconds, short};
use crate::table::{Heading, left, right};

/// What stands above the columns; `c` is the client, `s` the server, and `~→` says that who is who is only guessed. Round-trip times are milliseconds to the end named before them.
pub(super) static HEADINGS: [Heading; 11] = [
    left("stream"),
    left("client → server"),
    right("start"),
    right("duration"),
    right("pkts c/s"),
    right("bytes c/s"),
    left("state c/s"),
    right("retr"),
    right("RTT min/med/p95"),
    left("closed by"),
    left("history"),
];

/// A conversation as a line.
pub(super) fn cells(c: &Conversation, capture_start: Timestamp) -> Vec<String> {
    let dash = || "-".to_owned();
    let (client, server) = (&c.sent_by_client, &c.sent_by_server);
    let both = |of: &dyn Fn(&Side) -> String| format!("{}/{}", of(client), of(server));
    let tcp = c.tcp.as_ref();
    let state = |side: &Side| side.tcp.as_ref().map_or("-", |tcp| tcp.state.name()).to_owned();
    let again = |side: &Side| side.tcp.as_ref().map_or(0, |tcp| tcp.retransmissions);
    let arrow = if tcp.is_some_and(|tcp| !tcp.roles_known) { "~→" } else { "→" };
    vec![
        format!("{} {}", c.protocol.name(), c.stream),
        format!("{} {arrow} {}", c.client, c.server),
        seconds(c.start.since(capture_start)),
        brief(c.duration),
        both(&|side| side.packets.to_string()),
        both(&|side| short(side.wire_bytes)),
        if tcp.is_some() { both(&state) } else { dash() },
        if tcp.is_some() { again(client).saturating_add(again(server)).to_string() } else { dash() },
        telling_rtt(c).map_or_else(dash, |(clients_data, rtt)| {
            let times = [rtt.min, rtt.median, rtt.p95].map(milliseconds).join("/");
            format!("{} {times}", if clients_data { "s" } else { "c" })
        }),
        tcp.and_then(|tcp| tcp.closed_by).map_or("-", closed_by).to_owned(),
        tcp.map_or_else(dash, |tcp| tcp.history.clone()),
    ]
}

fn closed_by(who: ClosedBy) -> &'static str {
    match who {
        ClosedBy::Client => "client",
        ClosedBy::Server => "server",
        ClosedBy::Both => "both",
        ClosedBy::ClientReset => "client RST",
        ClosedBy::ServerReset => "server RST",
    }
}
