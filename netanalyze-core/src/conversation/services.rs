//! What is known of servers and other hosts by their connections, those included whose chronicles were dropped.

use std::collections::BTreeMap;
use std::net::IpAddr;

use hashbrown::HashMap;

use super::FlowKey;
use crate::model::{Direction, Endpoint, Timestamp};
use crate::tcp::{Brief, Service};

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

/// [`Services`] in the making.
///
/// Connections between two hosts follow each other, and to look both up for each of them costs more than all else here: what was last added is at hand, and
/// goes into the tables when another one comes.
#[derive(Debug, Default)]
pub(crate) struct Census {
    known: Services,
    server: Option<(Endpoint, Service)>,
    host: Option<(IpAddr, Host)>,
}

impl Census {
    /// Adds a connection, of whose ends one may be new if there are less than so many. At a capture's end there is no cap: connections come by their
    /// indices then, and what is left out must not depend on them; and each has a chronicle, which takes more.
    pub(crate) fn add(&mut self, key: &FlowKey, brief: &Brief, most: usize) {
        let [from_a, from_b] = brief.last;
        for (direction, packets) in [Direction::AtoB, Direction::BtoA].into_iter().zip(brief.unsummed) {
            let host = key.endpoints(direction).0.ip();
            let unsummed = &mut self.known.unsummed;
            if packets > 0 && (unsummed.len() < most || unsummed.contains_key(&host)) {
                *unsummed.entry(host).or_default() += u64::from(packets);
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
        match &mut self.server {
            Some((known, service)) if *known == server => service.add(brief, to_server),
            _ => {
                self.settle_server(most);
                let (_, service) = self.server.insert((server, Service::default()));
                service.add(brief, to_server);
            }
        }
        self.host(client.ip(), (u32::from(brief.accepted), to_client), most);
    }

    /// Adds connections of a host, and when something last came for it.
    fn host(&mut self, host: IpAddr, (opened, reached): (u32, Timestamp), most: usize) {
        match &mut self.host {
            Some((known, of_host)) if *known == host => of_host.add(opened, reached),
            _ => {
                self.settle_host(most);
                self.host = Some((host, Host { opened, reached }));
            }
        }
    }

    fn settle_server(&mut self, most: usize) {
        let Some((server, service)) = self.server.take() else { return };
        let servers = &mut self.known.servers;
        if servers.len() < most || servers.contains_key(&server) {
            servers.entry(server).or_default().merge(&service);
        }
    }

    fn settle_host(&mut self, most: usize) {
        let Some((host, Host { opened, reached })) = self.host.take() else { return };
        let hosts = &mut self.known.hosts;
        if hosts.len() < most || hosts.contains_key(&host) {
            hosts.entry(host).or_default().add(opened, reached);
        }
    }

    /// Puts what is at hand into the tables.
    pub(super) fn settle(&mut self, most: usize) {
        self.settle_server(most);
        self.settle_host(most);
    }

    /// What came together.
    pub(crate) fn finish(mut self) -> Services {
        self.settle(usize::MAX);
        self.known
    }
}
