//! Conversations that another conversation announced (FTP data connections): they exist before their first packet.
//!
//! Announcement and connection meet in different shards, so they are brought together where new conversations are numbered, in frame order.

use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};

use super::numbering::NewConversation;
use super::shard::ConversationRef;
use crate::model::limits::MAX_ANNOUNCEMENTS;
use crate::model::{Direction, Endpoint};

/// An endpoint announced by a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announcement {
    /// Frame, as an index into the batch.
    pub frame_index: u32,
    /// Position among the frame's layers.
    pub ordinal: u16,
    /// The announced endpoint.
    pub endpoint: (IpAddr, u16),
    /// Who will connect with it.
    pub peer: IpAddr,
    /// From which port; `None` for any.
    pub peer_port: Option<u16>,
}

/// An announced endpoint and its peer.
type Pair = ((IpAddr, u16), IpAddr, Option<u16>);

/// Announcements that wait for their connection, and connections that were announced.
#[derive(Debug, Default)]
pub(crate) struct Announcements {
    waiting: HashMap<Pair, u32, foldhash::fast::RandomState>,
    met: HashSet<ConversationRef, foldhash::fast::RandomState>,
    ignored: u64,
}

impl Announcements {
    /// Takes a batch's announcements and new conversations, both in frame order. An announcement serves one connection.
    pub(crate) fn meet(&mut self, announcements: &[Announcement], new: &[NewConversation]) {
        let mut coming = announcements.iter().peekable();
        if announcements.is_empty() && self.waiting.is_empty() {
            return;
        }
        for conversation in new.iter().filter(|c| c.reference != ConversationRef::NONE) {
            let at = (conversation.frame_index, conversation.ordinal);
            while let Some(a) = coming.next_if(|a| (a.frame_index, a.ordinal) < at) {
                self.wait(a);
            }
            let (a, b) = conversation.key.endpoints(Direction::AtoB);
            let served = self.take(a, b) || self.take(b, a);
            if served {
                self.met.insert(conversation.reference);
            }
        }
        coming.for_each(|a| self.wait(a));
    }

    /// New conversations were not announced so far, even where an index is used again.
    pub(crate) fn forget(&mut self, new: &[NewConversation]) {
        if !self.met.is_empty() {
            for conversation in new {
                self.met.remove(&conversation.reference);
            }
        }
    }

    fn wait(&mut self, announcement: &Announcement) {
        if self.waiting.len() >= MAX_ANNOUNCEMENTS {
            self.ignored += 1;
            return;
        }
        let count = {
            let Announcement { endpoint, peer, peer_port, .. } = *announcement;
            self.waiting.entry((endpoint, peer, peer_port)).or_default()
        };
        *count = count.saturating_add(1);
    }

    /// Uses up an announcement of `announced` for a connection with `peer`, if there is one.
    fn take(&mut self, announced: Endpoint, peer: Endpoint) -> bool {
        let endpoint = (announced.ip(), announced.port());
        [Some(peer.port()), None].into_iter().any(|port| {
            let key = (endpoint, peer.ip(), port);
            let Some(count) = self.waiting.get_mut(&key) else { return false };
            *count -= 1;
            if *count == 0 {
                self.waiting.remove(&key);
            }
            true
        })
    }

    /// Whether a conversation was announced before its first packet.
    #[must_use]
    pub(crate) fn announced(&self, reference: ConversationRef) -> bool {
        !self.met.is_empty() && self.met.contains(&reference)
    }

    /// Announcements left out because too many were waiting.
    #[must_use]
    pub(crate) fn ignored(&self) -> u64 {
        self.ignored
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::FlowKey;

    #[test]
    fn an_announcement_serves_the_next_connection_of_its_peer() {
        let (server, client, other): (IpAddr, IpAddr, IpAddr) =
            ([10, 0, 0, 2].into(), [10, 0, 0, 1].into(), [10, 0, 0, 9].into());
        let announce = |frame_index, peer_port| Announcement {
            frame_index,
            ordinal: 0,
            endpoint: (server, 1029),
            peer: client,
            peer_port,
        };
        let connect = |frame_index, from, port, index| NewConversation {
            frame_index,
            ordinal: 0,
            reference: ConversationRef { shard: 0, index },
            key: FlowKey::new(from, server, (port, 1029)).0,
        };
        let mut announcements = Announcements::default();
        announcements.meet(
            &[announce(5, None)],
            &[
                connect(4, client, 1, 0),
                connect(6, other, 2, 1),
                connect(7, client, 3, 2),
                connect(8, client, 4, 3),
            ],
        );
        let met: Vec<_> =
            (0..4).map(|index| announcements.announced(ConversationRef { shard: 0, index })).collect();
        assert_eq!(met, [false, false, true, false]);
        announcements.meet(&[announce(1, Some(20))], &[connect(2, client, 21, 6)]);
        announcements.meet(&[], &[connect(0, client, 20, 7)]);
        assert!(!announcements.announced(ConversationRef { shard: 0, index: 6 }));
        assert!(announcements.announced(ConversationRef { shard: 0, index: 7 }));
    }
}
