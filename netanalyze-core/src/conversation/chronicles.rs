//! The chronicles of a shard's TCP conversations, while somebody wants diagnoses: those of which there may be something to tell.
//!
//! What closed without anything to tell is dropped at once; of it only what its server's other connections are compared with stays, in [`Services`].

use std::collections::BTreeMap;
use std::net::IpAddr;

use hashbrown::HashMap;

use super::packet::TcpPacket;
use super::tcp::TcpConversation;
use crate::model::limits::MAX_SERVICES;
use crate::model::{Direction, Endpoint, Timestamp};
use crate::tcp::{Brief, Chronicle, Draft, Passing, Patience, Segment, Service, Spare, Taken, Verdict, Wire};

/// What is known of a host as a client, or as one of which no SYN was captured.
#[derive(Clone, Copy, Debug, Default)]
struct Host {
    /// Connections that servers accepted of it.
    opened: u32,
    /// When something of a connection last came for it.
    reached: Timestamp,
}

/// What is known of servers and of other hosts. Beyond the cap further ones are left out.
#[derive(Debug, Default)]
pub(crate) struct Services {
    servers: HashMap<Endpoint, Service, foldhash::fast::RandomState>,
    hosts: HashMap<IpAddr, Host, foldhash::fast::RandomState>,
    /// Hosts that leave checksums to the network card, and of how many packets.
    unsummed: BTreeMap<IpAddr, u64>,
}

impl Services {
    /// What is known of a server.
    pub(crate) fn get(&self, server: &Endpoint) -> Option<&Service> {
        self.servers.get(server)
    }

    /// All servers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Endpoint, &Service)> {
        self.servers.iter()
    }

    /// Hosts that leave checksums to the network card, and of how many packets that were looked at.
    pub(crate) fn unsummed(&self) -> &BTreeMap<IpAddr, u64> {
        &self.unsummed
    }

    /// Connections that servers accepted of a client.
    pub(crate) fn opened_by(&self, client: IpAddr) -> u32 {
        self.hosts.get(&client).map_or(0, |host| host.opened)
    }

    /// When something of a connection last came for a host that is no server, if that is known. [`Service::reached`] says it of servers.
    pub(crate) fn reached(&self, host: IpAddr) -> Option<Timestamp> {
        self.hosts.get(&host).map(|host| host.reached).filter(|&time| time != Timestamp::default())
    }

    /// Adds connections of a host, and when something last came for it, if there are less than so many hosts.
    fn host(&mut self, host: IpAddr, (opened, reached): (u32, Timestamp), most: usize) {
        if self.hosts.len() < most || self.hosts.contains_key(&host) {
            self.hosts.entry(host).or_default().add(opened, reached);
        }
    }

    /// Adds a connection, of whose ends one may be new if there are less than so many. At a capture's end there is no cap: connections come by their
    /// indices then, and what is left out must not depend on them; and each has a chronicle, which takes more.
    pub(crate) fn add(&mut self, key: &super::FlowKey, brief: &Brief, most: usize) {
        let [from_a, from_b] = brief.last;
        for (direction, packets) in [Direction::AtoB, Direction::BtoA].into_iter().zip(brief.unsummed) {
            let host = key.endpoints(direction).0.ip();
            if packets > 0 && (self.unsummed.len() < most || self.unsummed.contains_key(&host)) {
                *self.unsummed.entry(host).or_default() += u64::from(packets);
            }
        }
        let Some(client) = brief.client else {
            self.host(key.endpoints(Direction::AtoB).1.ip(), (0, from_a), most);
            self.host(key.endpoints(Direction::BtoA).1.ip(), (0, from_b), most);
            return;
        };
        let (to_server, to_client) =
            if client == Direction::AtoB { (from_a, from_b) } else { (from_b, from_a) };
        let (client, server) = key.endpoints(client);
        let servers = &mut self.servers;
        if servers.len() < most || servers.contains_key(&server) {
            servers.entry(server).or_default().add(brief, to_server);
        }
        self.host(client.ip(), (u32::from(brief.accepted), to_client), most);
    }

    /// Adds what another shard knows: a server's connections lie in several.
    pub(crate) fn merge(&mut self, other: Services) {
        for (server, service) in other.servers {
            self.servers.entry(server).or_default().merge(&service);
        }
        for (host, packets) in other.unsummed {
            *self.unsummed.entry(host).or_default() += packets;
        }
        // Without a cap here, as for servers: which shard's come first would decide what is left out.
        for (host, Host { opened, reached }) in other.hosts {
            self.hosts.entry(host).or_default().add(opened, reached);
        }
    }
}

impl Host {
    fn add(&mut self, opened: u32, reached: Timestamp) {
        self.opened = self.opened.saturating_add(opened);
        self.reached = self.reached.max(reached);
    }
}

/// What is kept of a conversation.
#[derive(Debug, Default)]
enum Kept {
    /// Nothing is to be told of it, or it was forgotten, or there is none.
    #[default]
    Nothing,
    /// It began at this time, maybe with a packet that an error quotes.
    Begun(Timestamp),
    /// So far it is ordinary.
    Draft(Box<Draft>),
    Chronicle(Box<Chronicle>),
}

impl Kept {
    /// Bytes that it takes, its place included, and how many it took when it was last asked.
    fn weigh(&mut self) -> (usize, usize) {
        match self {
            Kept::Nothing => (0, 0),
            Kept::Begun(_) => (BESIDE, BESIDE),
            Kept::Draft(draft) => (BESIDE + draft.heap(), BESIDE + draft.heap()),
            Kept::Chronicle(chronicle) => {
                let (now, before) = chronicle.weigh();
                (BESIDE + now, BESIDE + before)
            }
        }
    }
}

/// Bytes of one's place in the table, and of what is put together of it at the capture's end: its place among all, its server and its client in their tables, a
/// case. So many that a flood of SYNs, where all of them are needed for each, stays below the limit.
const BESIDE: usize = size_of::<Kept>() + 320;

/// See the head of the module.
#[derive(Debug, Default)]
pub(super) struct Chronicles {
    /// By the conversation's index in the shard.
    kept: Vec<Kept>,
    spare: Spare,
    services: Services,
    bytes: usize,
}

impl Chronicles {
    /// A conversation begins at an index.
    pub(super) fn begin(&mut self, index: u32, time: Timestamp) {
        let index = index as usize;
        if self.kept.len() <= index {
            self.kept.resize_with(index + 1, Kept::default);
        }
        if let Some(place) = self.kept.get_mut(index) {
            let before = std::mem::replace(place, Kept::Begun(time)).weigh().1;
            self.bytes = self.bytes.saturating_add(BESIDE).saturating_sub(before);
        }
    }

    /// Takes a plain packet of a conversation, if it does no more than go on in a draft.
    #[inline(always)]
    pub(super) fn go_on(
        &mut self,
        index: u32,
        direction: Direction,
        segment: &Segment<'_>,
        passing: &Passing,
        patience: &Patience,
    ) -> bool {
        match self.kept.get_mut(index as usize) {
            Some(Kept::Draft(draft)) => draft.go_on(direction, segment, passing, patience),
            _ => false,
        }
    }

    /// Takes any other packet of it.
    #[inline(never)]
    pub(super) fn note(
        &mut self,
        (index, conversation): (u32, &TcpConversation),
        packet: &TcpPacket,
        segment: &Segment<'_>,
        seen: (&Verdict, &Passing),
        (wire, patience): (&dyn Wire, &Patience),
    ) {
        let Some(place) = self.kept.get_mut(index as usize) else { return };
        match place {
            Kept::Nothing => {}
            Kept::Draft(draft) => {
                let before = draft.heap();
                let scales = conversation.connection.scales();
                let taken = draft.take(packet.direction, segment, seen, scales, wire, patience);
                if taken == Taken::Kept {
                    self.bytes = self.bytes.saturating_add(draft.heap()).saturating_sub(before);
                    return;
                }
                self.bytes = self.bytes.saturating_sub(before);
                let after = match taken {
                    Taken::Over => {
                        let brief = draft.brief((packet.direction, segment.time));
                        self.services.add(conversation.key(), &brief, MAX_SERVICES);
                        self.bytes = self.bytes.saturating_sub(BESIDE);
                        Kept::Nothing
                    }
                    _ => {
                        let mut chronicle = draft.chronicle(patience);
                        self.bytes = self.bytes.saturating_add(chronicle.weigh().0);
                        Kept::Chronicle(chronicle)
                    }
                };
                if let Kept::Draft(draft) = std::mem::replace(place, after) {
                    self.spare.keep(draft);
                }
                self.tell((index, conversation), packet.direction, segment, seen, (wire, patience));
            }
            Kept::Begun(time) => {
                let first = *time;
                let seen_first = (first == segment.time).then_some((seen.0, seen.1, wire));
                let draft = seen_first
                    .and_then(|seen| Draft::begin(&mut self.spare, packet.direction, segment, seen));
                let is_draft = draft.is_some();
                *place = match draft {
                    Some(draft) => Kept::Draft(draft),
                    None => Kept::Chronicle(Chronicle::new(first)),
                };
                let bytes = place.weigh().0;
                self.bytes = self.bytes.saturating_add(bytes).saturating_sub(BESIDE);
                if !is_draft {
                    self.tell((index, conversation), packet.direction, segment, seen, (wire, patience));
                }
            }
            Kept::Chronicle(_) => {
                self.tell((index, conversation), packet.direction, segment, seen, (wire, patience));
            }
        }
    }

    /// Tells a chronicle of a packet.
    fn tell(
        &mut self,
        (index, conversation): (u32, &TcpConversation),
        direction: Direction,
        segment: &Segment<'_>,
        seen: (&Verdict, &Passing),
        (wire, patience): (&dyn Wire, &Patience),
    ) {
        let Some(place) = self.kept.get_mut(index as usize) else { return };
        let Kept::Chronicle(chronicle) = place else { return };
        let Some(is_over) = chronicle.note(direction, segment, seen, wire, patience) else { return };
        let (now, before) = chronicle.weigh();
        self.bytes = self.bytes.saturating_add(now).saturating_sub(before);
        if is_over {
            self.services.add(conversation.key(), &chronicle.brief(), MAX_SERVICES);
            *place = Kept::Nothing;
            self.bytes = self.bytes.saturating_sub(now + BESIDE);
        }
    }

    /// A conversation is forgotten.
    pub(super) fn forget(&mut self, index: u32) {
        if let Some(place) = self.kept.get_mut(index as usize) {
            let (_, before) = std::mem::take(place).weigh();
            self.bytes = self.bytes.saturating_sub(before);
        }
    }

    /// Bytes that they take, as of the last segment of each that did more than go on. Nothing here may depend on indices, which depend on where batches
    /// end: it decides what is forgotten.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All that are left, by index; and what is known of servers whose connections were dropped.
    pub(super) fn finish(
        &mut self,
        patience: Option<Patience>,
    ) -> (impl Iterator<Item = (u32, Box<Chronicle>)> + use<>, Services) {
        let kept = (0..).zip(std::mem::take(&mut self.kept));
        let told = kept.filter_map(move |(index, kept)| match kept {
            Kept::Nothing => None,
            Kept::Begun(time) => Some((index, Chronicle::new(time))),
            Kept::Draft(draft) => patience.map(|patience| (index, draft.chronicle(&patience))),
            Kept::Chronicle(chronicle) => Some((index, chronicle)),
        });
        (told, std::mem::take(&mut self.services))
    }
}
