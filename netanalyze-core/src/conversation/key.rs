//! The symmetric key of a conversation: both addresses and ports, lower endpoint first.

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::SHARDS;
use crate::model::Direction;
use crate::tcp::Coder;

/// Both endpoints of a conversation, the lower first, so that both directions have the same key. 40 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FlowKey {
    low: [u64; 2],
    high: [u64; 2],
    low_port: u16,
    high_port: u16,
    is_v6: bool,
}

impl FlowKey {
    /// Nobody's key.
    pub(crate) const NONE: FlowKey =
        FlowKey { low: [0; 2], high: [0; 2], low_port: 0, high_port: 0, is_v6: false };

    /// The key of a packet, and which way it travels. Between identical endpoints every packet travels `AtoB`.
    ///
    /// Inlined where it is called: most callers know the address family.
    #[inline(always)]
    #[must_use]
    pub(crate) fn new(source: IpAddr, destination: IpAddr, ports: (u16, u16)) -> (Self, Direction) {
        if let (IpAddr::V4(source), IpAddr::V4(destination)) = (source, destination) {
            return FlowKey::v4(source, destination, ports);
        }
        let (from, to) = (words(source), words(destination));
        let is_v6 = source.is_ipv6();
        let (source_port, destination_port) = ports;
        if (from, source_port) <= (to, destination_port) {
            let key =
                FlowKey { low: from, high: to, low_port: source_port, high_port: destination_port, is_v6 };
            (key, Direction::AtoB)
        } else {
            let key =
                FlowKey { low: to, high: from, low_port: destination_port, high_port: source_port, is_v6 };
            (key, Direction::BtoA)
        }
    }

    /// As the general form, but an address and its port are one number, so that nothing has to branch on which way a packet travels.
    #[inline(always)]
    fn v4(source: Ipv4Addr, destination: Ipv4Addr, ports: (u16, u16)) -> (Self, Direction) {
        let from = (u64::from(source.to_bits()) << 16) | u64::from(ports.0);
        let to = (u64::from(destination.to_bits()) << 16) | u64::from(ports.1);
        let (low, high) = (from.min(to), from.max(to));
        let key = FlowKey {
            low: [0, low >> 16],
            high: [0, high >> 16],
            low_port: low as u16,
            high_port: high as u16,
            is_v6: false,
        };
        (key, if from <= to { Direction::AtoB } else { Direction::BtoA })
    }

    /// Source and destination of a packet that travels in a direction.
    #[must_use]
    pub(crate) fn endpoints(&self, direction: Direction) -> (SocketAddr, SocketAddr) {
        let low = SocketAddr::new(self.address(self.low), self.low_port);
        let high = SocketAddr::new(self.address(self.high), self.high_port);
        match direction {
            Direction::AtoB => (low, high),
            Direction::BtoA => (high, low),
        }
    }

    /// The shard of its conversations. It is the same in every run, unlike the hash: what is forgotten under a memory limit must not depend
    /// on chance.
    #[inline]
    #[must_use]
    pub(crate) fn shard(&self) -> usize {
        const BITS: u32 = SHARDS.trailing_zeros();
        let ports = u64::from(self.low_port) << 16 | u64::from(self.high_port);
        let addresses = self.low[1]
            ^ self.high[1].rotate_left(32)
            ^ self.low[0].rotate_left(16)
            ^ self.high[0].rotate_left(48);
        // Multiplication by 2^64 over the golden ratio brings every bit to the top (Knuth, The Art of Computer Programming, 6.4).
        ((addresses ^ ports.rotate_left(20)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - BITS))
            as usize
    }

    /// Goes over its fields.
    pub(crate) fn code<C: Coder>(&mut self, c: &mut C) {
        let FlowKey { low, high, low_port, high_port, is_v6 } = self;
        let (mut from, mut to) = (u64::from(*low_port), u64::from(*high_port));
        c.parts([(&mut from, 16), (&mut to, 16)], []);
        (*low_port, *high_port) = (from as u16, to as u16);
        let ([low_upper, low], [high_upper, high]) = (low, high);
        let mut both = *low | *high << 32;
        c.bits([is_v6]);
        if *is_v6 {
            for word in [low_upper, low, high_upper, high] {
                c.word(word);
            }
        } else {
            c.word(&mut both);
            (*low, *high) = (both & u64::from(u32::MAX), both >> 32);
            (*low_upper, *high_upper) = (0, 0);
        }
    }

    fn address(&self, words: [u64; 2]) -> IpAddr {
        let bits = (u128::from(words[0]) << 64) | u128::from(words[1]);
        if self.is_v6 {
            IpAddr::V6(Ipv6Addr::from_bits(bits))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(words[1] as u32))
        }
    }
}

#[inline]
fn words(address: IpAddr) -> [u64; 2] {
    match address {
        IpAddr::V4(v4) => [0, u64::from(v4.to_bits())],
        IpAddr::V6(v6) => [(v6.to_bits() >> 64) as u64, v6.to_bits() as u64],
    }
}

impl Hash for FlowKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ports =
            (u64::from(self.low_port) << 32) | (u64::from(self.high_port) << 8) | u64::from(self.is_v6);
        if self.is_v6 {
            state.write_u64(self.low[0]);
            state.write_u64(self.low[1]);
            state.write_u64(self.high[0]);
            state.write_u64(self.high[1]);
        } else {
            state.write_u64((self.low[1] << 32) | self.high[1]);
        }
        state.write_u64(ports);
    }
}

/// Hashes keys with a seed of its own, so that nobody can craft a capture whose conversations all collide. Results never depend on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyHasher(foldhash::fast::RandomState);

impl KeyHasher {
    /// The hash of a key. All bits of the longer one count.
    #[inline]
    #[must_use]
    pub(crate) fn hash(&self, key: &FlowKey) -> u32 {
        let hash = self.0.hash_one(key);
        (hash ^ hash >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tcp::{Reader, Writer};

    fn key(a: &str, b: &str) -> (FlowKey, Direction) {
        let (a, b): (SocketAddr, SocketAddr) = (a.parse().unwrap(), b.parse().unwrap());
        FlowKey::new(a.ip(), b.ip(), (a.port(), b.port()))
    }

    #[test]
    fn both_directions_share_a_key_and_give_their_endpoints_back() {
        for (a, b) in [
            ("10.0.0.1:80", "10.0.0.2:80"),
            ("10.0.0.9:1", "10.0.0.2:80"),
            ("[fe80::1]:443", "[fe80::1]:40000"),
            ("[::1]:5", "[2001:db8::1]:4"),
        ] {
            let ((there, to), (back, fro)) = (key(a, b), key(b, a));
            assert_eq!(there, back);
            assert_eq!(to, fro.reverse());
            assert_eq!(there.endpoints(to), (a.parse().unwrap(), b.parse().unwrap()));
            let hasher = KeyHasher::default();
            assert_eq!(hasher.hash(&there), hasher.hash(&back));
        }
    }

    #[test]
    fn an_ipv4_address_differs_from_the_ipv6_address_of_the_same_bits() {
        assert_ne!(key("10.0.0.1:1", "10.0.0.2:2").0, key("[::10.0.0.1]:1", "[::10.0.0.2]:2").0);
    }

    #[test]
    fn a_conversation_with_itself_has_one_direction() {
        assert_eq!(key("127.0.0.1:9", "127.0.0.1:9").1, Direction::AtoB);
    }

    #[test]
    fn keys_that_differ_in_one_number_are_spread_over_all_shards() {
        type Keys = Box<dyn Fn(u32) -> FlowKey>;
        let server = "192.0.2.1:443";
        let v6 =
            |upper: u16, n: u32| Ipv6Addr::from_bits(u128::from(upper) << 64 | 0x2001 << 112 | u128::from(n));
        let cases: [(&str, Keys); 8] = [
            (
                "ports",
                Box::new(move |n| key(&format!("10.0.{}.1:{}", n / 50_000, 1_024 + n % 50_000), server).0),
            ),
            (
                "even ports",
                Box::new(move |n| key(&format!("10.0.{}.1:{}", n / 30_000, 2 * (n % 30_000) + 2), server).0),
            ),
            (
                "addresses",
                Box::new(move |n| key(&format!("{}:40000", Ipv4Addr::from_bits(0x0a00_0000 + n)), server).0),
            ),
            (
                "servers",
                Box::new(move |n| {
                    key("10.0.0.1:40000", &format!("{}:80", Ipv4Addr::from_bits(0xc000_0200 + n))).0
                }),
            ),
            (
                "subnets",
                Box::new(move |n| key(&format!("{}:40000", Ipv4Addr::from_bits((n << 8) + 1)), server).0),
            ),
            ("IPv6 hosts", Box::new(move |n| key(&format!("[{}]:40000", v6(7, n)), "[2001:db8::1]:80").0)),
            (
                "IPv6 ports",
                Box::new(move |n| {
                    key(&format!("[{}]:{}", v6(7, n / 50_000), 1_024 + n % 50_000), "[2001:db8::1]:80").0
                }),
            ),
            (
                "IPv6 networks",
                Box::new(move |n| key(&format!("[{}]:40000", v6(n as u16, n >> 16)), "[2001:db8::1]:80").0),
            ),
        ];
        for (what, key) in cases {
            let mut counts = [0_u32; SHARDS];
            for number in 0..100_000 {
                counts[key(number).shard()] += 1;
            }
            let average = 100_000 / SHARDS as u32;
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(*least > average * 3 / 4 && *most < average * 5 / 4, "{what}: {least} to {most}");
        }
    }

    #[test]
    fn both_directions_have_the_same_shard_in_every_run() {
        for (a, b, shard) in [("10.0.0.1:80", "10.0.0.2:80", 48), ("[fe80::1]:443", "[2001:db8::1]:40000", 3)]
        {
            assert_eq!(key(a, b).0.shard(), key(b, a).0.shard());
            assert_eq!(key(a, b).0.shard(), shard);
        }
    }

    #[test]
    fn a_key_is_read_as_it_was_written() {
        for (a, b) in [
            ("0.0.0.0:0", "0.0.0.0:0"),
            ("255.255.255.255:65535", "255.255.255.255:65535"),
            ("10.0.0.1:80", "0.0.0.0:65535"),
            ("192.0.2.7:40000", "198.51.100.1:443"),
            ("[::]:0", "[::]:0"),
            ("[::10.0.0.1]:1", "[::10.0.0.2]:2"),
            (
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:0",
            ),
            ("[2001:db8::1]:443", "[fe80::1]:40000"),
        ] {
            let (mut written, _) = key(a, b);
            let (mut writer, expected) = (Writer::default(), written);
            written.code(&mut writer);
            assert_eq!(written, expected, "writing changes nothing");
            // What follows is not touched.
            writer.word(&mut 77);
            let written = writer.finish().unwrap();
            // Whatever was there before.
            for mut read in [FlowKey::NONE, key("[1:2:3:4:5:6:7:8]:9", "[8:7:6:5:4:3:2:1]:9").0] {
                let (mut reader, mut next) = (Reader::new(written), 0);
                read.code(&mut reader);
                reader.word(&mut next);
                assert_eq!((read, next), (expected, 77), "{a} {b}");
            }
        }
    }
}
