//! Which addresses weigh most, in bounded memory.
//!
//! Up to [`MAX_HOSTS`] addresses every one is counted. With more another walk finds candidates as Misra and Gries do: whenever there are
//! [`MAX_HOSTS`] counters, their median is taken off all of them, and those that are used up go. Each time at least half of the counters pay
//! that median, so no address loses more than the whole weight by half of [`MAX_HOSTS`]: whoever weighs more than a 32,768th of everything
//! is a candidate at the end, wherever in the capture it stands and however many others there are. A third walk counts the candidates
//! exactly. Nothing depends on a seed: what goes follows from the weights alone. Cost: a walk or three, one look-up for each end.

use std::net::IpAddr;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use crate::model::limits::MAX_HOSTS;

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

/// Addresses that may be among the heaviest, with what is left of their weights: fewer than [`MAX_HOSTS`].
#[derive(Default)]
struct Candidates {
    counters: HashMap<IpAddr, u64, RandomState>,
}

impl Candidates {
    fn add(&mut self, address: IpAddr, weight: u64) {
        if weight == 0 {
            return;
        }
        let counter = self.counters.entry(address).or_insert(0);
        *counter = counter.saturating_add(weight);
        if self.counters.len() >= MAX_HOSTS {
            let mut left: Vec<u64> = self.counters.values().copied().collect();
            let (_, &mut median, _) = left.select_nth_unstable(MAX_HOSTS / 2);
            self.counters.retain(|_, counter| {
                *counter = counter.saturating_sub(median);
                *counter > 0
            });
        }
    }
}

/// Addresses and what they did, as long as there are at most [`MAX_HOSTS`].
#[derive(Default)]
pub(super) struct Hosts {
    counted: HashMap<IpAddr, Traffic, RandomState>,
    /// There are more.
    overflow: bool,
}

impl Hosts {
    pub(super) fn add(&mut self, address: IpAddr, traffic: Traffic) {
        if self.overflow {
            return;
        }
        self.counted.entry(address).or_default().add(&traffic);
        if self.counted.len() > MAX_HOSTS {
            self.overflow = true;
            self.counted = HashMap::default();
        }
    }

    /// The `most` heaviest addresses, or fewer, heaviest first, equal ones in the order of addresses. `walk` names again all that was added;
    /// it is asked for only if there were too many.
    pub(super) fn heaviest(
        self,
        most: usize,
        weight: fn(&Traffic) -> u64,
        walk: impl Fn(&mut dyn FnMut(IpAddr, Traffic)),
    ) -> Vec<(IpAddr, Traffic)> {
        let mut counted = self.counted;
        if self.overflow {
            let mut candidates = Candidates::default();
            walk(&mut |address, traffic| candidates.add(address, weight(&traffic)));
            walk(&mut |address, traffic| {
                if candidates.counters.contains_key(&address) {
                    counted.entry(address).or_default().add(&traffic);
                }
            });
        }
        let mut hosts: Vec<_> = counted.into_iter().collect();
        hosts.sort_unstable_by_key(|&(address, ref traffic)| (std::cmp::Reverse(weight(traffic)), address));
        hosts.truncate(most);
        hosts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heaviest(
        most: usize,
        weight: fn(&Traffic) -> u64,
        walk: impl Fn(&mut dyn FnMut(IpAddr, Traffic)),
    ) -> Vec<(IpAddr, Traffic)> {
        let mut hosts = Hosts::default();
        walk(&mut |address, traffic| hosts.add(address, traffic));
        hosts.heaviest(most, weight, walk)
    }

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
            let found = heaviest(10, Traffic::bytes, |add| flood(many, add));
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
    fn heavy_ones_are_not_lost_behind_millions_of_light_ones() {
        let light = Traffic { conversations: 1, packets: 1, sent: 60, received: 0 };
        let heavy = |k: u32| Traffic {
            conversations: 1,
            packets: 1_000,
            sent: 1_500_000 + u64::from(k),
            received: 0,
        };
        let many = 2_000_000;
        let found = heaviest(5, Traffic::bytes, |add| {
            (0..2).for_each(|k| add(address(u32::MAX - k), heavy(k)));
            (0..many).for_each(|n| add(address(n), light));
            (2..5).for_each(|k| add(address(u32::MAX - k), heavy(k)));
        });
        let expected: Vec<_> = (0..5).rev().map(|k| (address(u32::MAX - k), heavy(k))).collect();
        assert_eq!(found, expected);
    }

    /// At the promised share: one part in 32,768 of everything, in single ends among as many others.
    #[test]
    fn one_that_weighs_its_share_is_a_candidate_and_memory_is_bounded() {
        let mut candidates = Candidates::default();
        let many = 40 * MAX_HOSTS as u32;
        for n in 0..many {
            candidates.add(address(n), 1);
            if n % (MAX_HOSTS as u32 / 4) == 0 {
                candidates.add(address(u32::MAX), 1);
            }
            assert!(candidates.counters.len() < MAX_HOSTS);
        }
        assert!(candidates.counters.contains_key(&address(u32::MAX)));
    }

    #[test]
    fn equal_ones_stand_in_the_order_of_addresses() {
        let found = heaviest(
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
