//! Whether what either side of a handshake sent has arrived, as far as acknowledgements and repetitions show.
//!
//! Reads: what the feed tells of segments that repeat bytes, and at the end what was not acknowledged (RFC 9293 §3.8.1). Accuses nobody: a side that was
//! not shown to have got a message owes no answer to it.

use super::message::Who;
use super::progress::PATIENCE;
use super::transaction::Unacknowledged;
use crate::model::limits::MAX_TLS_REPEATS;
use crate::protocol::stream::Moment;

/// What is known of it. Places are as in [`Reach`](crate::protocol::stream::Reach).
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// When the client, and the server, sent anything new.
    latest: [Option<Moment>; 2],
    /// Where bytes lack acknowledgement, and how many.
    lacking: [Option<(u64, u64)>; 2],
    repeats: Vec<Repeat>,
}

/// Bytes that were sent again.
#[derive(Debug)]
struct Repeat {
    by: Who,
    at: u64,
    end: u64,
    times: u32,
}

impl Delivery {
    /// One side sent something new.
    pub(super) fn sent(&mut self, by: Who, now: Moment) {
        *of(&mut self.latest, by) = Some(now);
    }

    /// Whether one side sent anything.
    pub(super) fn has_sent(&self, by: Who) -> bool {
        let [client, server] = &self.latest;
        (if by == Who::Client { client } else { server }).is_some()
    }

    /// One side sent bytes again.
    pub(super) fn repeated(&mut self, by: Who, at: u64, end: u64) {
        if let Some(repeat) = self.repeats.iter_mut().find(|repeat| repeat.by == by && repeat.at == at) {
            repeat.end = repeat.end.max(end);
            repeat.times = repeat.times.saturating_add(1);
        } else {
            if self.repeats.len() >= MAX_TLS_REPEATS {
                // What was repeated first arrived, most likely, if other bytes were repeated since.
                self.repeats.remove(0);
            }
            self.repeats.push(Repeat { by, at, end, times: 1 });
        }
    }

    /// At the end, bytes of one side lack acknowledgement.
    pub(super) fn unacknowledged(&mut self, by: Who, at: u64, bytes: u64) {
        *of(&mut self.lacking, by) = Some((at, bytes));
    }

    /// What one side sent and lacks an acknowledgement that it should have got by now: because it was sent again, or long ago.
    pub(super) fn lacking(&self, by: Who, now: Moment) -> Option<Unacknowledged> {
        let Delivery { latest: [_, server_sent], lacking: [_, server_lacks], .. } = self;
        let Delivery { latest: [client_sent, _], lacking: [client_lacks, _], .. } = self;
        let (sent, lacks) = match by {
            Who::Client => (client_sent, client_lacks),
            Who::Server => (server_sent, server_lacks),
        };
        let (at, bytes) = (*lacks)?;
        let has = |repeat: &&Repeat| repeat.by == by && (repeat.at..repeat.end).contains(&at);
        let again = self.repeats.iter().filter(has).map(|repeat| repeat.times).max().unwrap_or(0);
        let is_overdue = sent.is_some_and(|sent| now.time.since(sent.time) >= PATIENCE);
        (again > 0 || is_overdue).then(|| Unacknowledged { bytes, times: again.saturating_add(1) })
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.repeats.capacity() * size_of::<Repeat>()
    }
}

/// What is kept of one side.
fn of<T>(both: &mut [T; 2], by: Who) -> &mut T {
    let [client, server] = both;
    if by == Who::Client { client } else { server }
}
