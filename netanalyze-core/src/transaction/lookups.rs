//! Which DNS lookup gave a client the address that it then connected to, and how long the client took to get it.
//!
//! A resolver asks for addresses of both families at once, and with a search list for several names, before a program gets anything: the time
//! that it waited is that of all these lookups together, up to the last answer before its SYN. Keeps the last [`MAX_LOOKUPS`] answered lookups
//! with at most [`MAX_LOOKUP_ADDRESSES`] addresses, of one client and address the last [`PER_ADDRESS`]; the oldest go first, so that what is
//! found depends on the capture alone.

use std::collections::VecDeque;
use std::net::IpAddr;

use hashbrown::HashMap;

use crate::model::limits::{MAX_LOOKUP_ADDRESSES, MAX_LOOKUPS};
use crate::model::{FrameNumber, Span, Timestamp};

/// Lookups of one client that gave the same address.
const PER_ADDRESS: usize = 8;

/// Lookups of one client for names with the same first label: both families with five suffixes, and some to spare.
const PER_LABEL: usize = 16;

/// Addresses of one answer that are remembered: clients connect to the first ones.
const PER_ANSWER: usize = 64;

/// From the answer to the SYN, at most; a later connection has its address from a cache and did not wait for it.
const USED_WITHIN: Span = Span(1_000_000_000);

/// Between two lookups of one resolution, at most.
const NEXT_WITHIN: Span = Span(50_000_000);

/// A lookup that was answered, whatever the answer says.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'l> {
    /// Who asked.
    pub client: IpAddr,
    /// The name, as labels joined by dots.
    pub name: &'l [u8],
    /// Time of the first query.
    pub asked: Timestamp,
    /// Time of the answer.
    pub answered: Timestamp,
    /// Frame of the answer.
    pub frame: FrameNumber,
    /// Addresses in the answer; none if there is no such name, or none of that family.
    pub addresses: &'l [IpAddr],
}

/// How a client came by an address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Resolution {
    /// The name whose lookup gave the address.
    pub name: Box<[u8]>,
    /// Time of the first query that belongs to it.
    pub asked: Timestamp,
    /// Time of the last answer before the connection.
    pub answered: Timestamp,
    /// Frame of the answer that gave the address.
    pub frame: FrameNumber,
}

impl Resolution {
    /// How long the client waited.
    #[must_use]
    pub fn duration(&self) -> Span {
        self.answered.since(self.asked)
    }
}

#[derive(Debug)]
struct Known {
    client: IpAddr,
    name: Box<[u8]>,
    asked: Timestamp,
    answered: Timestamp,
    frame: FrameNumber,
    addresses: Box<[IpAddr]>,
}

type Index<K> = HashMap<K, Vec<u64>, foldhash::fast::RandomState>;

/// The lookups of a capture, as far as they are remembered.
#[derive(Debug, Default)]
pub struct Lookups {
    known: VecDeque<Known>,
    /// Lookups that went before those.
    forgotten: u64,
    /// Addresses that all of them have.
    addresses: usize,
    by_address: Index<(IpAddr, IpAddr)>,
    by_label: Index<(IpAddr, Box<[u8]>)>,
}

/// The first label in lower case: what the names of a search list have in common.
fn label(name: &[u8]) -> Box<[u8]> {
    name.split(|&byte| byte == b'.').next().unwrap_or_default().to_ascii_lowercase().into()
}

/// Whether one name is the other, or the other with a suffix.
fn related_names(one: &[u8], other: &[u8]) -> bool {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    let (front, suffix) = long.split_at_checked(short.len()).unwrap_or((long, b""));
    front.eq_ignore_ascii_case(short) && (suffix.is_empty() || suffix.starts_with(b"."))
}

fn remember<K: std::hash::Hash + Eq>(index: &mut Index<K>, key: K, id: u64, most: usize) {
    let ids = index.entry(key).or_default();
    if ids.last() == Some(&id) {
        return; // the same address twice in one answer
    }
    if ids.len() >= most {
        ids.remove(0);
    }
    ids.push(id);
}

fn forget<K: std::hash::Hash + Eq>(index: &mut Index<K>, key: &K, id: u64) {
    if let Some(ids) = index.get_mut(key) {
        ids.retain(|&other| other != id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}

impl Lookups {
    /// Remembers a lookup.
    pub fn note(&mut self, lookup: Answered<'_>) {
        let Answered { client, name, asked, answered, frame, addresses } = lookup;
        let addresses = addresses.get(..PER_ANSWER).unwrap_or(addresses);
        while self.known.len() >= MAX_LOOKUPS || self.addresses + addresses.len() > MAX_LOOKUP_ADDRESSES {
            self.forget_oldest();
        }
        self.addresses += addresses.len();
        let id = self.forgotten + self.known.len() as u64;
        remember(&mut self.by_label, (client, label(name)), id, PER_LABEL);
        for &address in addresses {
            remember(&mut self.by_address, (client, address), id, PER_ADDRESS);
        }
        let (name, addresses) = (name.into(), addresses.into());
        self.known.push_back(Known { client, name, asked, answered, frame, addresses });
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.known.pop_front() else { return };
        forget(&mut self.by_label, &(oldest.client, label(&oldest.name)), self.forgotten);
        for &address in &oldest.addresses {
            forget(&mut self.by_address, &(oldest.client, address), self.forgotten);
        }
        self.addresses -= oldest.addresses.len();
        self.forgotten += 1;
    }

    fn each<'k>(&'k self, ids: Option<&'k Vec<u64>>) -> impl Iterator<Item = &'k Known> {
        let ids = ids.map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| self.known.get(usize::try_from(id.checked_sub(self.forgotten)?).ok()?))
    }

    /// How a client came by the address of a server that it sent a SYN at `syn`; `None` if no lookup that was answered within a second before
    /// gave it.
    #[must_use]
    pub fn find(&self, client: IpAddr, server: IpAddr, syn: Timestamp) -> Option<Resolution> {
        let giving = self.each(self.by_address.get(&(client, server)));
        let giving = giving.filter(|known| known.answered <= syn).max_by_key(|known| known.answered)?;
        let (mut asked, mut answered) = (giving.asked, giving.answered);
        let related = self.each(self.by_label.get(&(client, label(&giving.name))));
        let related =
            related.filter(|known| known.answered <= syn && related_names(&known.name, &giving.name));
        let siblings: Vec<&Known> = related.collect();
        // Each round takes in at least one more, or is the last.
        for _ in 0..PER_LABEL {
            let before = (asked, answered);
            for known in &siblings {
                if known.asked.since(answered) <= NEXT_WITHIN && asked.since(known.answered) <= NEXT_WITHIN {
                    asked = asked.min(known.asked);
                    answered = answered.max(known.answered);
                }
            }
            if before == (asked, answered) {
                break;
            }
        }
        let name = giving.name.clone();
        (syn.since(answered) <= USED_WITHIN).then_some(Resolution {
            name,
            asked,
            answered,
            frame: giving.frame,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn ms(ms: i64) -> Timestamp {
        Timestamp(ms * 1_000_000)
    }

    /// Lookups of one client: name, asked, answered in milliseconds, addresses.
    fn lookups(all: &[(&str, i64, i64, &[&str])]) -> Lookups {
        let mut lookups = Lookups::default();
        for (place, &(name, asked, answered, addresses)) in all.iter().enumerate() {
            let addresses: Vec<_> = addresses.iter().map(|text| address(text)).collect();
            lookups.note(Answered {
                client: address("10.0.0.1"),
                name: name.as_bytes(),
                asked: ms(asked),
                answered: ms(answered),
                frame: FrameNumber(place as u64 + 1),
                addresses: &addresses,
            });
        }
        lookups
    }

    /// Frame of the answer and milliseconds waited.
    fn found(lookups: &Lookups, server: &str, syn: i64) -> Option<(u64, i64)> {
        let found = lookups.find(address("10.0.0.1"), address(server), ms(syn))?;
        Some((found.frame.0, found.duration().0 / 1_000_000))
    }

    #[test]
    fn the_latest_answer_before_the_syn_counts() {
        let lookups = lookups(&[
            ("a.example", 0, 10, &["192.0.2.1", "192.0.2.2", "192.0.2.1"]),
            ("b.example", 500, 520, &["192.0.2.1"]),
        ]);
        for (server, syn, expected) in [
            ("192.0.2.1", 9, None),
            ("192.0.2.1", 10, Some((1, 10))),
            ("192.0.2.1", 519, Some((1, 10))),
            ("192.0.2.1", 520, Some((2, 20))),
            ("192.0.2.1", 1520, Some((2, 20))),
            ("192.0.2.1", 1521, None),
            ("192.0.2.2", 1010, Some((1, 10))),
            ("192.0.2.2", 1011, None),
            ("192.0.2.3", 20, None),
        ] {
            assert_eq!(found(&lookups, server, syn), expected, "{server} at {syn}");
        }
        assert_eq!(lookups.find(address("10.0.0.2"), address("192.0.2.1"), ms(10)), None);
    }

    #[test]
    fn a_client_waits_for_both_families() {
        // The program got nothing before the second answer, five seconds later.
        let both =
            lookups(&[("Host.example", 0, 8, &["192.0.2.1"]), ("host.EXAMPLE", 0, 5010, &["2001:db8::1"])]);
        assert_eq!(found(&both, "192.0.2.1", 5011), Some((1, 5010)));
        // It did not wait for the second.
        assert_eq!(found(&both, "192.0.2.1", 9), Some((1, 8)));
        // One after the other, and two that have nothing to do with it.
        let serial = lookups(&[
            ("host.example", 0, 8, &[]),
            ("other.example", 0, 200, &[]),
            ("host.example", 9, 20, &["192.0.2.1"]),
            ("hostel.example", 9, 25, &[]),
        ]);
        assert_eq!(found(&serial, "192.0.2.1", 30), Some((3, 20)));
    }

    #[test]
    fn a_client_waits_for_its_search_list() {
        let list = lookups(&[
            ("db.ns.svc.cluster.local", 0, 4, &[]),
            ("db.svc.cluster.local", 5, 9, &[]),
            ("db", 10, 30, &["192.0.2.1"]),
            ("db.later.example", 90, 95, &[]),
        ]);
        assert_eq!(found(&list, "192.0.2.1", 35), Some((3, 30)));
        assert!(
            related_names(b"db", b"DB.x") && related_names(b"a.b", b"A.B") && !related_names(b"db", b"dbx")
        );
    }

    #[test]
    fn the_oldest_are_forgotten_and_nothing_is_left_of_them() {
        let mut lookups = Lookups::default();
        for n in 0..MAX_LOOKUPS as i64 + 10 {
            let server = IpAddr::from((n as u32).to_be_bytes());
            lookups.note(Answered {
                client: address("10.0.0.1"),
                name: format!("{n}.example").as_bytes(),
                asked: ms(n),
                answered: ms(n),
                frame: FrameNumber(n as u64),
                addresses: &[server],
            });
        }
        let most = MAX_LOOKUPS;
        assert_eq!(
            (lookups.known.len(), lookups.by_address.len(), lookups.by_label.len()),
            (most, most, most)
        );
        assert_eq!(found(&lookups, "0.0.0.9", 9), None);
        assert_eq!(found(&lookups, "0.0.0.10", 10), Some((10, 0)));
        // Of one name and address only some are kept.
        for n in 0..100 {
            lookups.note(Answered {
                client: address("10.0.0.1"),
                name: b"same.example",
                asked: ms(n),
                answered: ms(n),
                frame: FrameNumber(n as u64),
                addresses: &[address("192.0.2.1")],
            });
        }
        assert!(lookups.by_address.values().all(|ids| ids.len() <= PER_ADDRESS));
        assert!(lookups.by_label.values().all(|ids| ids.len() <= PER_LABEL));
        assert_eq!(lookups.known.len(), most);
        // Answers with too many addresses.
        let many: Vec<_> = (0..200_u32).map(|n| IpAddr::from(n.to_be_bytes())).collect();
        for n in 0..most as i64 {
            lookups.note(Answered {
                client: address("10.0.0.1"),
                name: b"many.example",
                asked: ms(n),
                answered: ms(n),
                frame: FrameNumber(n as u64),
                addresses: &many,
            });
        }
        assert_eq!(lookups.addresses, MAX_LOOKUP_ADDRESSES);
        assert_eq!(lookups.known.len(), MAX_LOOKUP_ADDRESSES / PER_ANSWER);
        assert_eq!(lookups.by_address.len(), PER_ANSWER);
    }
}
