//! Whether a capture's clock can be believed: some programs write milliseconds where microseconds belong.

use super::case::Case;
use super::object::Confidence;
use crate::capture::RawFrame;
use crate::model::{DISORDER, FrameNumber, Timestamp};

/// Fractions of seconds, as far as they are all below a millisecond.
#[derive(Debug, Default)]
pub(super) struct Clock {
    /// One was not: nothing else is asked.
    is_sound: bool,
    frames: u64,
    /// How often another second began.
    seconds: u64,
    second: i64,
    largest: i64,
    /// Batches whose first frame is older than the one before it, and the first such frame.
    steps_back: u64,
    first_step: Option<FrameNumber>,
}

const SECOND: i64 = 1_000_000_000;
const MILLISECOND: i64 = 1_000_000;

/// Frames that all lie within the first millisecond of a second by chance: never so many.
const FRAMES: u64 = 50;

impl Clock {
    /// How often times step back between batches: within them it is counted where they are read.
    pub(super) fn steps_back(&self) -> (u64, Option<FrameNumber>) {
        (self.steps_back, self.first_step)
    }

    /// Takes the frames of a batch, in capture order; `previous` is the time of the one before.
    pub(super) fn pass(&mut self, previous: Timestamp, first: FrameNumber, frames: &[RawFrame]) {
        let steps_back = |first: &RawFrame| previous.since(first.time) > DISORDER;
        if previous != Timestamp(0) && frames.first().is_some_and(steps_back) {
            self.steps_back += 1;
            self.first_step.get_or_insert(first);
        }
        for frame in frames {
            if self.is_sound {
                return;
            }
            let (second, fraction) = (frame.time.0.div_euclid(SECOND), frame.time.0.rem_euclid(SECOND));
            self.is_sound = fraction >= MILLISECOND;
            self.seconds += u64::from(self.frames > 0 && second != self.second);
            self.frames += 1;
            self.second = second;
            self.largest = self.largest.max(fraction);
        }
    }

    /// How many frames have times that cannot be true. Times in whole seconds, or of one burst, are another matter: milliseconds reach up to 999.
    pub(super) fn broken(&self) -> Option<u64> {
        let is_broken =
            !self.is_sound && self.frames >= FRAMES && self.seconds >= 2 && self.largest >= MILLISECOND / 2;
        is_broken.then_some(self.frames)
    }

    /// What rests on time is less sure where it cannot be believed.
    pub(super) fn sober(&self, cases: Vec<Case>) -> Vec<Case> {
        if self.broken().is_none() {
            return cases;
        }
        let on_time =
            |case: &Case| case.lost.0 > 0 || case.code.starts_with("PERF-") || case.code == "LOSS-01";
        let sober = |case: Case| {
            if on_time(&case) {
                case.at_most(Confidence::Medium, "the capture's clock cannot be believed (Q-07)")
            } else {
                case
            }
        };
        cases.into_iter().map(sober).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(nanoseconds: impl Iterator<Item = i64>) -> Option<u64> {
        let mut clock = Clock::default();
        let frame =
            |time| RawFrame { time: Timestamp(time), offset: 0, captured: 60, wire_len: 60, interface: 0 };
        let frames: Vec<RawFrame> = nanoseconds.map(frame).collect();
        frames.chunks(7).for_each(|batch| clock.pass(Timestamp(0), FrameNumber(1), batch));
        clock.broken()
    }

    #[test]
    fn milliseconds_in_the_place_of_microseconds() {
        // A packet each 40 ms; a second's worth of them, and several.
        let written = |n: i64| (n * 40 / 1_000) * SECOND + (n * 40 % 1_000) * 1_000;
        assert_eq!(of((0..60).map(written)), Some(60));
        assert_eq!(of((0..49).map(written)), None, "too few to tell");
        assert_eq!(of((0..60).map(written).chain([3 * SECOND + MILLISECOND])), None, "one is longer");
        assert_eq!(of((0..60).map(|n| n * 40 * MILLISECOND)), None, "as they should be");
        assert_eq!(of((0..60).map(|n| n * SECOND)), None, "whole seconds");
        assert_eq!(of((0..60).map(|n| n * 16_000)), None, "a burst");
    }

    #[test]
    fn what_rests_on_time_is_less_sure() {
        use crate::model::{Endpoint, Span};
        let end = Endpoint::new([10, 0, 0, 1].into(), 80);
        let ends = super::super::object::Ends {
            client: end,
            server: end,
            protocol: crate::conversation::Protocol::Tcp,
            stream: None,
        };
        let case = |code, lost| {
            let mut case = Case::new(code, ends, Default::default()).costs(Span(lost));
            case.confidence = Confidence::High;
            case
        };
        let broken = Clock { frames: 50, seconds: 2, largest: 999_000, ..Clock::default() };
        for (clock, expected) in [(broken, Confidence::Medium), (Clock::default(), Confidence::High)] {
            let cases = clock.sober(vec![case("LOSS-03", 5), case("PERF-10", 0), case("LOSS-02", 0)]);
            let sure: Vec<Confidence> = cases.iter().map(|case| case.confidence).collect();
            assert_eq!(sure, [expected, expected, Confidence::High]);
        }
    }
}
