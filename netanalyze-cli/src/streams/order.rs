//! In which order conversations are listed. Of each only its key is kept while sorting: records are made when they are written.

use std::net::SocketAddr;

use netanalyze_core::conversation::{Conversation, Conversations, Protocol};

use super::column::{Column, Kind, columns, named};
use crate::exit::Failure;
use crate::table::Cell;
use netanalyze_core::field::suggest;

/// `--sort`.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    column: Column,
    descending: bool,
}

impl Order {
    /// `COLUMN`, `COLUMN:asc` or `COLUMN:desc`.
    pub(crate) fn new(text: &str) -> Result<Self, Failure> {
        let (name, direction) = match text.split_once(':') {
            Some((name, direction)) => (name, Some(direction)),
            None => (text, None),
        };
        let Some(column) = named(name) else {
            let all = columns();
            let near = suggest(name, all.iter().map(|column| column.name.as_str()), 3);
            let hint = if near.is_empty() {
                "e.g. stream, start, duration, packets, bytes, retransmissions, stalled, rtt, client, or any column of --format csv"
                    .to_owned()
            } else {
                format!("did you mean {}?", near.join(" or "))
            };
            return Err(Failure::Usage(format!("--sort: no column is called {name:?}; {hint}")));
        };
        let descending = match direction {
            None => column.kind == Kind::Amount,
            Some("asc") => false,
            Some("desc") => true,
            Some(other) => {
                return Err(Failure::Usage(format!("--sort {name}:{other}: the direction is asc or desc")));
            }
        };
        Ok(Order { column, descending })
    }

    /// The conversations that have packets, in order.
    pub(super) fn sorted(&self, conversations: &Conversations) -> Vec<(Protocol, u32)> {
        match self.column.kind {
            Kind::Amount | Kind::Place => self.by_key(conversations, |cell| match cell {
                Cell::Number(number) => number,
                Cell::Time(time) => time.0,
                _ => 0,
            }),
            Kind::Endpoint => self.by_key(conversations, |cell| match cell {
                Cell::Endpoint(end) => end,
                _ => SocketAddr::from(([0; 4], 0)),
            }),
            Kind::Word => self.by_key(conversations, |cell| match cell {
                Cell::Word(word) => Box::from(word),
                Cell::Text(text) => text.into_boxed_str(),
                Cell::Flag(is) => Box::from(if is { "true" } else { "false" }),
                _ => Box::default(),
            }),
        }
    }

    fn by_key<K: Ord>(
        &self,
        conversations: &Conversations,
        key: fn(Cell<'static>) -> K,
    ) -> Vec<(Protocol, u32)> {
        let mut rows: Vec<(Option<K>, Protocol, u32)> = conversations
            .iter()
            .filter(has_packets)
            .map(|c| (self.column.value(&c).map(key), c.protocol, c.stream))
            .collect();
        rows.sort_unstable_by(|a, b| {
            // What is unknown comes last, whichever way.
            let keys = match (&a.0, &b.0) {
                (Some(a), Some(b)) if self.descending => b.cmp(a),
                (Some(a), Some(b)) => a.cmp(b),
                (a, b) => b.is_some().cmp(&a.is_some()),
            };
            let protocols = || a.1.cmp(&b.1);
            let streams = || a.2.cmp(&b.2);
            keys.then_with(protocols).then_with(streams)
        });
        rows.into_iter().map(|(_, protocol, stream)| (protocol, stream)).collect()
    }
}

/// Whether packets belong to it: one that is only known from headers quoted in ICMP errors has none, and is not listed, as in tshark's
/// `-z conv`.
pub(super) fn has_packets(conversation: &Conversation) -> bool {
    conversation.packets() > 0
}
