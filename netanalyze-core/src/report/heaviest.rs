//! Which addresses weigh most, in bounded memory.
//!
//! Up to [`MAX_HOSTS`] ends every address is counted. With more a first walk sums weights by a hash of the address into as many buckets, and the
//! second counts only addresses in the heaviest 32nd of them. An address is in no lighter a bucket than it weighs, so what can be missed weighs
//! less than each of 2,048 buckets: never the hosts that such a list is made for.

use std::hash::BuildHasher;
use std::net::IpAddr;

use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashMap;

use crate::model::limits::MAX_HOSTS;

/// Share of the buckets whose addresses are counted.
const KEPT: usize = 32;

/// What an address did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    pub(super) conversations: u64,
    pub(super) packets: u64,
    pub(super) sent: u64,
    pub(super) received: u64,
}

impl Traffic {
    /// Bytes both ways.
    pub(super) fn bytes(&self) -> u64 {
        self.sent.saturating_add(self.received)
    }

    fn add(&mut self, other: &Traffic) {
        self.conversations = self.conversations.saturating_add(other.conversations);
        self.packets = self.packets.saturating_add(other.packets);
        self.sent = self.sent.saturating_add(other.sent);
        self.received = self.received.saturating_add(other.received);
    }
}

/// The `most` heaviest addresses of about `ends` that `walk` names, heaviest first, equal ones in the order of addresses.
pub(super) fn heaviest(
    ends: u64,
    most: usize,
    weight: fn(&Traffic) -> u64,
    walk: impl Fn(&mut dyn FnMut(IpAddr, Traffic)),
) -> Vec<(IpAddr, Traffic)> {
    // The result must not depend on a seed.
    let hasher = FixedState::with_seed(0);
    let bucket = |address: IpAddr| hasher.hash_one(address) as usize % MAX_HOSTS;
    let mut least = None;
    let mut buckets = Vec::new();
    if ends > MAX_HOSTS as u64 {
        buckets = vec![0_u64; MAX_HOSTS];
        walk(&mut |address, traffic| {
            if let Some(sum) = buckets.get_mut(bucket(address)) {
                *sum = sum.saturating_add(weight(&traffic));
            }
        });
        let mut sums = buckets.clone();
        let (_, boundary, _) = sums.select_nth_unstable(MAX_HOSTS - MAX_HOSTS / KEPT);
        least = Some(*boundary);
    }
    let mut hosts: HashMap<IpAddr, Traffic, RandomState> = HashMap::default();
    walk(&mut |address, traffic| {
        let light = least.is_some_and(|least| buckets.get(bucket(address)).is_none_or(|&sum| sum < least));
        if let Some(known) = hosts.get_mut(&address) {
            known.add(&traffic);
        } else if !light && hosts.len() < MAX_HOSTS {
            hosts.insert(address, traffic);
        }
    });
    let mut hosts: Vec<_> = hosts.into_iter().collect();
    hosts.sort_unstable_by_key(|&(address, ref traffic)| (std::cmp::Reverse(weight(traffic)), address));
    hosts.truncate(most);
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(n: u32) -> IpAddr {
        IpAddr::from(n.to_be_bytes())
    }

    /// `many` addresses that weigh 60 each, and some that weigh more, in two parts each.
    fn flood(many: u32, add: &mut dyn FnMut(IpAddr, Traffic)) {
        let part = |sent| Traffic { conversations: 1, packets: 1, sent, received: 0 };
        for n in 0..many {
            add(address(n), part(60));
            if n % (many / 10) == 7 {
                add(address(n), part(5_000 + u64::from(n)));
            }
        }
    }

    #[test]
    fn heavy_ones_are_found_among_any_number() {
        for many in [100, 30_000, 1_000_000] {
            let found = heaviest(u64::from(many) + 10, 10, Traffic::bytes, |add| flood(many, add));
            let expected: Vec<_> = (0..10)
                .rev()
                .map(|k| {
                    let n = k * (many / 10) + 7;
                    let traffic =
                        Traffic { conversations: 2, packets: 2, sent: 5_060 + u64::from(n), received: 0 };
                    (address(n), traffic)
                })
                .collect();
            assert_eq!(found, expected, "{many}");
        }
    }

    #[test]
    fn equal_ones_stand_in_the_order_of_addresses() {
        let found = heaviest(
            5,
            3,
            |t| t.conversations,
            |add| {
                for n in [9, 3, 7, 1, 5] {
                    add(address(n), Traffic { conversations: 1, ..Traffic::default() });
                }
            },
        );
        let found: Vec<_> = found.into_iter().map(|(address, _)| address).collect();
        assert_eq!(found, [address(1), address(3), address(5)]);
    }
}
