//! What a sender writes on every packet, and which of two packets it therefore sent first: time stamps (RFC 7323) and IP identification (RFC 791; most stacks
//! count it up, RFC 6864 does not ask for it).

use super::super::sequence::before;
use crate::packet::tcp_option::Timestamps;

/// The marks of one packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Identification of the IPv4 packet, 0 if it has none, or if its sender is not known to count.
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

/// A sender sends fewer packets than this, to whomever, between two that are compared.
const NEAR: i16 = 2_048;

impl Mark {
    /// Whether this packet was sent before or after `other`.
    pub(super) fn order(self, other: Mark) -> Order {
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
            distance @ 1.. if distance <= NEAR => Order::Later,
            distance @ ..=-1 if distance >= -NEAR => Order::Earlier,
            _ => Order::Unknown,
        }
    }

    /// Whether an acknowledgement with this mark was sent for something older than a segment that was sent again (RFC 3522).
    pub(super) fn echoes_before(self, value: u32) -> bool {
        self.stamps.is_some_and(|stamps| stamps.echo != 0 && before(stamps.echo, value))
    }
}

/// Whether identifications that one sender used one after the other count up: most steps are small ones.
pub(super) fn count_up(ids: impl Iterator<Item = u16> + Clone) -> bool {
    const SMALL: i16 = 256;
    let pairs = ids.clone().zip(ids.skip(1));
    let (steps, small) = pairs.fold((0, 0), |(steps, small), (a, b)| {
        (steps + 1, small + u32::from((1..=SMALL).contains(&b.wrapping_sub(a).cast_signed())))
    });
    small >= 2 && small * 2 >= steps
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
            assert_eq!(a.order(b), order, "{a:?} {b:?}");
        }
    }

    #[test]
    fn random_numbers_do_not_count_up() {
        assert!(count_up([1, 2, 3].into_iter()));
        assert!(count_up([65_530, 65_535, 4, 3, 9].into_iter()), "over the end, and one out of order");
        assert!(!count_up([1, 2].into_iter()), "too few to tell");
        assert!(!count_up([40_000, 3, 17_000, 17_001, 2_000, 60_000].into_iter()));
        assert!(!count_up([0, 0, 0, 0].into_iter()));
    }

    #[test]
    fn an_old_echo_tells_a_needless_copy() {
        let ack = |echo| Mark { id: 0, stamps: Some(Timestamps { value: 1, echo }) };
        assert!(ack(99).echoes_before(100) && !ack(100).echoes_before(100));
        assert!(!ack(0).echoes_before(100) && !Mark::default().echoes_before(100));
    }
}
