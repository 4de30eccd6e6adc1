//! The chronicles of a shard's TCP conversations, while somebody wants diagnoses: those of which there may be something to tell.
//!
//! What closed without anything to tell is dropped at once; of it only what its server's other connections are compared with stays, in [`Services`].

use std::net::IpAddr;

use hashbrown::HashMap;

use super::packet::TcpPacket;
use super::tcp::TcpConversation;
use crate::model::limits::MAX_SERVICES;
use crate::model::{Direction, Endpoint, Timestamp};
use crate::tcp::{Chronicle, Passing, Patience, Segment, Service, Verdict, Wire};

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

    /// Connections that servers accepted of a client.
    pub(crate) fn opened_by(&self, client: IpAddr) -> u32 {
        self.hosts.get(&client).map_or(0, |host| host.opened)
    }

    /// When something of a connection last came for a host that is no server, if that is known. [`Service::reached`] says it of servers.
    pub(crate) fn reached(&self, host: IpAddr) -> Option<Timestamp> {
        self.hosts.get(&host).map(|host| host.reached).filter(|&time| time != Timestamp::default())
    }

    /// Adds connections of a host, and when something last came for it.
    fn host(&mut self, host: IpAddr, opened: u32, reached: Timestamp) {
        if self.hosts.len() < MAX_SERVICES || self.hosts.contains_key(&host) {
            self.hosts.entry(host).or_default().add(opened, reached);
        }
    }

    /// Adds what another shard knows: a server's connections lie in several.
    pub(crate) fn merge(&mut self, other: Services) {
        for (server, service) in other.servers {
            self.servers.entry(server).or_default().merge(&service);
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

/// Bytes of one's place in the table.
const BESIDE: usize = size_of::<usize>();

/// See the head of the module.
#[derive(Debug, Default)]
pub(super) struct Chronicles {
    /// By the conversation's index in the shard.
    kept: Vec<Option<Box<Chronicle>>>,
    services: Services,
    bytes: usize,
}

impl Chronicles {
    /// A conversation begins at an index.
    pub(super) fn begin(&mut self, index: u32, time: Timestamp) {
        let index = index as usize;
        if self.kept.len() <= index {
            self.kept.resize_with(index + 1, || None);
        }
        if let Some(place) = self.kept.get_mut(index) {
            let (bytes, _) = place.insert(Chronicle::new(time)).weigh();
            self.bytes = self.bytes.saturating_add(bytes + BESIDE);
        }
    }

    /// Takes a packet of it.
    pub(super) fn note(
        &mut self,
        (index, conversation): (u32, &TcpConversation),
        packet: &TcpPacket,
        segment: &Segment<'_>,
        seen: (&Verdict, &Passing),
        (wire, patience): (&dyn Wire, &Patience),
    ) {
        let Some(place) = self.kept.get_mut(index as usize) else { return };
        let Some(chronicle) = place else { return };
        let Some(is_over) = chronicle.note(packet.direction, segment, seen, wire, patience) else { return };
        let (now, before) = chronicle.weigh();
        self.bytes = self.bytes.saturating_add(now).saturating_sub(before);
        if is_over {
            remember(&mut self.services, conversation.key(), chronicle);
            *place = None;
            self.bytes = self.bytes.saturating_sub(now + BESIDE);
        }
    }

    /// A conversation is forgotten.
    pub(super) fn forget(&mut self, index: u32) {
        if let Some(mut chronicle) = self.kept.get_mut(index as usize).and_then(Option::take) {
            let (_, before) = chronicle.weigh();
            self.bytes = self.bytes.saturating_sub(before + BESIDE);
        }
    }

    /// Bytes that they take, as of the last segment of each that did more than go on. Nothing here may depend on indices, which depend on where batches
    /// end: it decides what is forgotten.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All that are left, by index; and what is known of servers whose connections were dropped.
    pub(super) fn finish(&mut self) -> (Vec<Option<Box<Chronicle>>>, Services) {
        (std::mem::take(&mut self.kept), std::mem::take(&mut self.services))
    }
}

/// Adds a connection to what is known of its server and of its client.
pub(crate) fn remember(services: &mut Services, key: &super::FlowKey, chronicle: &Chronicle) {
    let Some(client) = chronicle.opening.client() else {
        for direction in [Direction::AtoB, Direction::BtoA] {
            services.host(key.endpoints(direction).1.ip(), 0, chronicle.lane(direction).last_packet());
        }
        return;
    };
    let to_client = chronicle.lane(client.reverse()).last_packet();
    let opened = u32::from(chronicle.opening.syn_acks > 0);
    let (client, server) = key.endpoints(client);
    let servers = &mut services.servers;
    if servers.len() < MAX_SERVICES || servers.contains_key(&server) {
        servers.entry(server).or_default().add(chronicle);
    }
    services.host(client.ip(), opened, to_client);
}
