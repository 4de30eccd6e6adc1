//! Round-trip times of one direction: from a segment to its acknowledgement, both as captured.
//!
//! Karn's rule: nothing that was sent before a retransmission gives a sample (RFC 6298 §3). Which segment an acknowledgement answers is
//! ambiguous then, and one that arrives late because of a hole before it measures the recovery, not the path. The smoothed time and the
//! timer follow RFC 6298 §2. The distribution is a histogram with eight buckets for each doubling (at most 4.5 % off), kept sparse: a
//! direction without samples has none, a steady one fits into 80 bytes, and one that varies much owns eight bytes a bucket.

use serde::Serialize;

use super::compact::Coder;
use crate::model::Span;

/// Buckets for each doubling, as a power of two.
const SUB_BITS: u32 = 3;
/// Times below this number of nanoseconds are not told apart.
const RESOLUTION_NS: u64 = 1_000;
/// RFC 6298 §2.4: a timer below a second should be rounded up to it.
const LEAST_RTO_NS: u64 = 1_000_000_000;
/// RFC 6298 §2.5: the least upper bound that a timer may have.
const GREATEST_RTO_NS: u64 = 60_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
struct Bucket {
    index: u16,
    count: u32,
}

impl Bucket {
    /// Goes over its fields; buckets come in order of their indices.
    fn code<C: Coder>(&mut self, c: &mut C, last: &mut u16) {
        let mut step = self.index.wrapping_sub(*last);
        c.u16(&mut step);
        self.index = last.wrapping_add(step);
        *last = self.index;
        c.u32(&mut self.count);
    }
}

/// Buckets that need no memory of their own.
const INLINE: usize = 4;

/// Samples of one direction. Exists from the first on.
#[derive(Debug)]
pub(super) struct Rtt {
    samples: u32,
    /// How many of `few` are in use.
    used: u8,
    min: u64,
    max: u64,
    smoothed: u64,
    variation: u64,
    /// The buckets in order of their indices, while there are few of them.
    few: [Bucket; INLINE],
    /// All of them once there are more.
    #[expect(
        clippy::box_collection,
        reason = "nearly always absent, and then a pointer instead of three words"
    )]
    many: Option<Box<Vec<Bucket>>>,
}

impl Default for Rtt {
    fn default() -> Self {
        Rtt {
            samples: 0,
            used: 0,
            min: 0,
            max: 0,
            smoothed: 0,
            variation: 0,
            few: [Bucket::default(); INLINE],
            many: None,
        }
    }
}

/// Round-trip times of one direction, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RttSummary {
    /// How many samples there were.
    #[serde(rename = "rtt_samples")]
    pub samples: u64,
    /// The least.
    #[serde(rename = "rtt_min_ns")]
    pub min: Span,
    /// The median, within 4.5 %.
    #[serde(rename = "rtt_median_ns")]
    pub median: Span,
    /// The 95th percentile, within 4.5 %.
    #[serde(rename = "rtt_p95_ns")]
    pub p95: Span,
    /// The greatest.
    #[serde(rename = "rtt_max_ns")]
    pub max: Span,
    /// SRTT after RFC 6298 §2 when the capture ends.
    #[serde(rename = "srtt_ns")]
    pub smoothed: Span,
    /// RTO after RFC 6298 §2 when the capture ends, between one second and sixty. Real stacks use a lower least value.
    #[serde(rename = "rto_ns")]
    pub rto: Span,
}

impl Rtt {
    /// The first sample.
    pub(super) fn first(ns: u64) -> Self {
        let mut rtt = Rtt { min: ns, max: ns, smoothed: ns, variation: ns / 2, ..Rtt::default() };
        rtt.count(ns);
        rtt
    }

    /// A further sample.
    pub(super) fn add(&mut self, ns: u64) {
        self.min = self.min.min(ns);
        self.max = self.max.max(ns);
        // RFC 6298 §2.3, alpha 1/8 and beta 1/4; the variation uses the smoothed time before it is updated.
        let deviation = self.smoothed.abs_diff(ns);
        self.variation = self.variation - self.variation / 4 + deviation / 4;
        self.smoothed = self.smoothed - self.smoothed / 8 + ns / 8;
        self.count(ns);
    }

    fn count(&mut self, ns: u64) {
        self.samples = self.samples.saturating_add(1);
        let index = bucket_of(ns);
        match self.buckets().binary_search_by_key(&index, |b| b.index) {
            Ok(place) => {
                let bucket = match &mut self.many {
                    Some(many) => many.get_mut(place),
                    None => self.few.get_mut(place),
                };
                if let Some(bucket) = bucket {
                    bucket.count = bucket.count.saturating_add(1);
                }
            }
            Err(place) => self.insert(place, Bucket { index, count: 1 }),
        }
    }

    fn buckets(&self) -> &[Bucket] {
        match &self.many {
            Some(many) => many,
            None => self.few.get(..usize::from(self.used)).unwrap_or_default(),
        }
    }

    fn insert(&mut self, place: usize, bucket: Bucket) {
        if let Some(many) = &mut self.many {
            many.insert(place.min(many.len()), bucket);
        } else if let Some(tail) = self.few.get_mut(place..=usize::from(self.used)) {
            tail.rotate_right(1);
            if let Some(first) = tail.first_mut() {
                *first = bucket;
            }
            self.used += 1;
        } else {
            let mut many = self.few.to_vec();
            many.insert(place.min(many.len()), bucket);
            self.many = Some(Box::new(many));
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.many.as_ref().map_or(0, |many| many.capacity() * size_of::<Bucket>())
    }

    /// Goes over its fields.
    pub(super) fn code<C: Coder>(&mut self, c: &mut C) {
        let Rtt { samples, used, min, max, smoothed, variation, few, many } = self;
        c.u32(samples);
        for time in [min, max, smoothed, variation] {
            c.word(time);
        }
        c.u8(used);
        let mut last = 0;
        for bucket in few.iter_mut().take(usize::from(*used)) {
            bucket.code(c, &mut last);
        }
        c.optional(many, |c, many| {
            let mut len = many.len() as u64;
            c.word(&mut len);
            many.resize_with(len as usize, Bucket::default);
            let mut last = 0;
            many.iter_mut().for_each(|bucket| bucket.code(c, &mut last));
        });
    }

    /// The time below which a share of the samples lies.
    fn quantile(&self, percent: u64) -> u64 {
        let total: u64 = self.buckets().iter().map(|b| u64::from(b.count)).sum();
        let rank = (total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for bucket in self.buckets() {
            seen += u64::from(bucket.count);
            if seen >= rank {
                return middle_of(bucket.index).clamp(self.min, self.max);
            }
        }
        self.max
    }

    pub(super) fn summary(&self) -> RttSummary {
        let span = |ns: u64| Span(i64::try_from(ns).unwrap_or(i64::MAX));
        let rto = self.smoothed.saturating_add(self.variation.saturating_mul(4).max(1));
        RttSummary {
            samples: u64::from(self.samples),
            min: span(self.min),
            median: span(self.quantile(50)),
            p95: span(self.quantile(95)),
            max: span(self.max),
            smoothed: span(self.smoothed),
            rto: span(rto.clamp(LEAST_RTO_NS, GREATEST_RTO_NS)),
        }
    }
}

/// Exponent and the bits below the leading one of the time in microseconds.
fn bucket_of(ns: u64) -> u16 {
    let units = ns / RESOLUTION_NS;
    let small = 1 << SUB_BITS;
    if units < small {
        return units as u16;
    }
    let exponent = 63 - units.leading_zeros() - SUB_BITS;
    let sub = (units >> exponent) - small;
    ((u64::from(exponent) + 1) * small + sub) as u16
}

/// The middle of a bucket, in nanoseconds.
fn middle_of(index: u16) -> u64 {
    let small = 1u64 << SUB_BITS;
    let index = u64::from(index);
    let (low, width) = if index < small {
        (index, 1)
    } else {
        let exponent = index / small - 1;
        ((small + index % small) << exponent, 1 << exponent)
    };
    (low * RESOLUTION_NS).saturating_add(width * RESOLUTION_NS / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_their_times_within_the_promised_error() {
        let mut last = 0;
        for ns in (0..200).map(|i| (1.2_f64.powi(i) * 10.0) as u64).take_while(|&ns| ns < 1 << 60) {
            let (bucket, middle) = (bucket_of(ns), middle_of(bucket_of(ns)));
            assert!(bucket >= last, "{ns}");
            last = bucket;
            assert!(middle.abs_diff(ns) <= ns / 16 + RESOLUTION_NS, "{ns} in a bucket around {middle}");
        }
        assert!(usize::from(bucket_of(u64::MAX)) < 64 * 8);
    }

    #[test]
    fn follows_rfc_6298() {
        let mut rtt = Rtt::first(100_000_000);
        let first = rtt.summary();
        // SRTT = R, RTTVAR = R/2, RTO = R + 4 R/2, at least a second.
        assert_eq!((first.smoothed, first.rto), (Span(100_000_000), Span(1_000_000_000)));
        rtt.add(900_000_000);
        // RTTVAR = 3/4 * 50 ms + 1/4 * 800 ms, SRTT = 7/8 * 100 ms + 1/8 * 900 ms.
        let second = rtt.summary();
        assert_eq!((second.smoothed, second.rto), (Span(200_000_000), Span(1_150_000_000)));
        assert_eq!((second.samples, second.min, second.max), (2, Span(100_000_000), Span(900_000_000)));
    }

    #[test]
    fn quantiles_of_a_known_distribution() {
        let mut rtt = Rtt::first(1_000_000);
        (2..=100).for_each(|ms| rtt.add(ms * 1_000_000));
        let summary = rtt.summary();
        for (found, expected) in [(summary.median, 50.0), (summary.p95, 95.0)] {
            let ms = found.0 as f64 / 1e6;
            assert!((ms - expected).abs() / expected < 0.07, "{ms} is not about {expected}");
        }
        let mut steady = Rtt::first(20_000_000);
        (0..1000).for_each(|_| steady.add(20_000_000));
        assert_eq!(steady.buckets().len(), 1);
        assert_eq!(steady.summary().median, Span(20_000_000));
    }
}
