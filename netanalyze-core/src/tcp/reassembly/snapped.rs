//! Ranges that frames carried but the snapshot length cut off: they tell why bytes are missing.

use std::collections::BTreeMap;

/// Disjoint ranges by their beginning, none touching another.
#[derive(Debug, Default)]
pub(super) struct Snapped {
    ranges: BTreeMap<u64, u64>,
}

impl Snapped {
    /// Adds a range. Where `most` ranges are known already, one that touches none of them is left out; its bytes then count as
    /// never seen. What is merged was added before, so that this costs a logarithmic step on average.
    pub(super) fn add(&mut self, mut start: u64, mut end: u64, most: usize) {
        if let Some((&before, &reach)) = self.ranges.range(..=start).next_back()
            && reach >= start
        {
            if reach >= end {
                return;
            }
            start = before;
        }
        while let Some((&next, &reach)) = self.ranges.range(start..=end).next() {
            end = end.max(reach);
            self.ranges.remove(&next);
        }
        if self.ranges.len() < most {
            self.ranges.insert(start, end);
        }
    }

    /// The first range that ends after `at`. Earlier ones are forgotten.
    pub(super) fn first_after(&mut self, at: u64) -> Option<(u64, u64)> {
        while let Some(first) = self.ranges.first_entry() {
            if *first.get() > at {
                return Some((*first.key(), *first.get()));
            }
            first.remove();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ranges(of: &Snapped) -> Vec<(u64, u64)> {
        of.ranges.iter().map(|(&start, &end)| (start, end)).collect()
    }

    #[test]
    fn ranges_merge_and_are_forgotten() {
        let mut snapped = Snapped::default();
        for (start, end, expected) in [
            (10, 20, vec![(10, 20)]),
            (12, 15, vec![(10, 20)]),
            (30, 40, vec![(10, 20), (30, 40)]),
            (20, 25, vec![(10, 25), (30, 40)]),
            (5, 10, vec![(5, 25), (30, 40)]),
            (24, 31, vec![(5, 40)]),
            (50, 60, vec![(5, 40), (50, 60)]),
            (70, 80, vec![(5, 40), (50, 60), (70, 80)]),
            (90, 91, vec![(5, 40), (50, 60), (70, 80)]),
            (0, 100, vec![(0, 100)]),
        ] {
            snapped.add(start, end, 3);
            assert_eq!(ranges(&snapped), expected, "{start}..{end}");
        }
        assert_eq!(snapped.first_after(99), Some((0, 100)));
        assert_eq!(snapped.first_after(100), None);
        assert!(ranges(&snapped).is_empty());
    }

    #[test]
    fn agrees_with_a_map_of_bytes() {
        let (mut snapped, mut map) = (Snapped::default(), [false; 64]);
        let mut state = 1_u32;
        for _ in 0..200 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (start, len) = ((state >> 8) % 60, 1 + (state >> 20) % 4);
            snapped.add(u64::from(start), u64::from(start + len), 64);
            map[start as usize..(start + len) as usize].fill(true);
            let mut expected = [false; 64];
            for (start, end) in ranges(&snapped) {
                expected[start as usize..end as usize].fill(true);
            }
            assert_eq!(map, expected);
            assert!(ranges(&snapped).windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }
}
