//! What a sender writes on every packet, and which of two packets it therefore sent first: time stamps (RFC 7323) and IP identification (RFC 791; most stacks
//! count it up, RFC 6864 does not ask for it).

use super::super::sequence::before;
use crate::packet::tcp_option::Timestamps;

/// The marks of one packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Identification of the IPv4 packet, 0 if it has none.
    pub(super) id: u16,
    pub(super) stamps: Option<Timestamps>,
}

/// Which of two packets of one sender was sent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Earlier,
    Later,
    Unknown,
}

impl Mark {
    /// Whether this packet was sent before or after `other`. Identifications further apart than `near` say nothing ([`count_up`]).
    pub(super) fn order(self, other: Mark, near: i16) -> Order {
        if let (Some(own), Some(others)) = (self.stamps, other.stamps)
            && own.value != others.value
        {
            return if before(own.value, others.value) { Order::Earlier } else { Order::Later };
        }
        // Clocks of stamps tick once a millisecond at most: within a tick the numbers decide.
        if self.id == 0 || other.id == 0 {
            return Order::Unknown;
        }
        match self.id.wrapping_sub(other.id).cast_signed() {
            distance @ 1.. if distance <= near => Order::Later,
            distance @ ..=-1 if distance >= near.saturating_neg() => Order::Earlier,
            _ => Order::Unknown,
        }
    }

    /// Whether an acknowledgement with this mark was sent for something older than a segment that was sent again (RFC 3522).
    pub(super) fn echoes_before(self, value: u32) -> bool {
        self.stamps.is_some_and(|stamps| stamps.echo != 0 && before(stamps.echo, value))
    }
}

/// How far apart identifications still tell an order, by those that one sender used one after the other: they do where it counts its packets, to one host or,
/// with larger steps, to all. 0 where it does not count.
pub(super) fn count_up(ids: impl Iterator<Item = u16> + Clone) -> i16 {
    const SMALL: i16 = 256;
    const LARGE: i16 = 8_192;
    let pairs = ids.clone().zip(ids.skip(1));
    let (steps, small, large) = pairs.fold((0, 0, 0), |(steps, small, large), (a, b)| {
        let step = b.wrapping_sub(a).cast_signed();
        (
            steps + 1,
            small + u32::from((1..=SMALL).contains(&step)),
            large + u32::from((1..=LARGE).contains(&step)),
        )
    });
    if small >= 2 && small * 2 >= steps {
        2_048
    } else if steps >= 4 && large + 1 >= steps {
        LARGE
    } else {
        0
    }
}

/// The same by a few identifications in whatever order: where at least three lie so close together, nobody chose them at random.
pub(super) fn lie_close(ids: impl Iterator<Item = u16> + Clone) -> i16 {
    const CLOSE: i16 = 32;
    let Some(first) = ids.clone().next() else { return 0 };
    let distances = ids.clone().map(|id| id.wrapping_sub(first).cast_signed());
    let (least, most) = distances.fold((0i16, 0i16), |(least, most), each| (least.min(each), most.max(each)));
    let is_new = |(at, id): &(usize, u16)| *id != 0 && !ids.clone().take(*at).any(|known| known == *id);
    let different = ids.clone().enumerate().filter(is_new).count();
    if different >= 3 && most.saturating_sub(least) <= CLOSE { CLOSE } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(id: u16, stamp: Option<u32>) -> Mark {
        Mark { id, stamps: stamp.map(|value| Timestamps { value, echo: 9 }) }
    }

    #[test]
    fn stamps_decide_before_numbers_do() {
        for (a, b, order) in [
            (mark(7, Some(10)), mark(8, Some(9)), Order::Later),
            (mark(9, Some(u32::MAX)), mark(8, Some(3)), Order::Earlier),
            (mark(9, Some(5)), mark(8, Some(5)), Order::Later),
            (mark(0xffff, None), mark(1, None), Order::Earlier),
            (mark(0, None), mark(1, None), Order::Unknown),
            (mark(1, None), mark(0x8001, None), Order::Unknown),
            (mark(1, Some(4)), mark(9_000, None), Order::Unknown),
        ] {
            assert_eq!(a.order(b, 2_048), order, "{a:?} {b:?}");
        }
    }

    #[test]
    fn random_numbers_do_not_count_up() {
        let near = |ids: &[u16]| count_up(ids.iter().copied());
        assert_eq!(near(&[1, 2, 3]), 2_048);
        assert_eq!(near(&[65_530, 65_535, 4, 3, 9]), 2_048, "over the end, and one out of order");
        assert_eq!(near(&[1, 2]), 0, "too few to tell");
        assert_eq!(near(&[40_000, 3, 17_000, 17_001, 2_000, 60_000]), 0);
        assert_eq!(near(&[100, 1_800, 5_000, 4_900, 9_000, 12_345]), 8_192, "of a server with other clients");
        assert_eq!(near(&[0, 0, 0, 0, 0]), 0);
    }

    #[test]
    fn a_few_numbers_close_together_are_counted() {
        let near = |ids: &[u16]| lie_close(ids.iter().copied());
        assert_eq!(near(&[0x9d90, 0x9d95, 0x9d91]), 32);
        assert_eq!(near(&[2, 0xffff, 5]), 32, "over the end");
        assert_eq!(near(&[2, 0xffff]), 0, "too few to tell");
        assert_eq!(near(&[7, 7, 9, 9]), 0, "two of them, sent again");
        assert_eq!(near(&[1, 1, 1, 1]), 0, "a constant");
        assert_eq!(near(&[1, 34, 2]), 0, "far apart");
        assert_eq!(near(&[]), 0);
    }

    #[test]
    fn an_old_echo_tells_a_needless_copy() {
        let ack = |echo| Mark { id: 0, stamps: Some(Timestamps { value: 1, echo }) };
        assert!(ack(99).echoes_before(100) && !ack(100).echoes_before(100));
        assert!(!ack(0).echoes_before(100) && !Mark::default().echoes_before(100));
    }
}
