//! What decides: every number that a rule compares with, by a name that options and reports share.

use std::fmt;

use super::object::Used;
use crate::expert::Seconds;
use crate::model::Span;

/// What a threshold counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds.
    Time,
    /// Things.
    Count,
    /// Parts of a thousand.
    PerMille,
}

macro_rules! limits {
    ($($(#[doc = $doc:literal])* $variant:ident $name:literal $unit:ident $default:literal;)*) => {
        /// A threshold's place in [`Thresholds`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Limit {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Limit {
            /// Every threshold.
            pub const ALL: &[Limit] = &[$(Limit::$variant,)*];

            fn row(self) -> (&'static str, Unit, u64, &'static str) {
                match self {
                    $(Limit::$variant => ($name, Unit::$unit, $default, concat!($($doc),*)),)*
                }
            }
        }
    };
}

limits! {
    /// After the last SYN the capture must go on for so long before one counts as unanswered.
    SynWait "syn-wait" Time 3_000_000_000;
    /// SYNs of one attempt that must have stayed without an answer.
    SynAttempts "syn-attempts" Count 2;
    /// A pause with something outstanding, or an answer owed, is a stall from here on, or from four smoothed round-trip times on.
    Stall "stall" Time 200_000_000;
    /// Retransmission timeouts of one segment after which a path counts as dead.
    DeadPathTimeouts "dead-path-timeouts" Count 4;
    /// Loss events per data segment from which loss is a cause.
    LossRate "loss-rate" PerMille 1;
    /// Loss events that a rate needs.
    LossEvents "loss-events" Count 5;
    /// Loss events that their place needs: before the tap, or behind it.
    LossSideEvents "loss-side-events" Count 10;
    /// Share of them that must be on one side.
    LossSideShare "loss-side-share" PerMille 800;
    /// Share of a conversation's active time that retransmission timeouts must take.
    TimeoutShare "timeout-share" PerMille 200;
    /// Segments sent again although they had arrived.
    SpuriousSegments "spurious-segments" Count 3;
    /// Segments that arrived behind later ones.
    ReorderedSegments "reordered-segments" Count 3;
    /// A window that is closed for so long is an error; for less, a warning.
    ZeroWindow "zero-window" Time 200_000_000;
    /// Share of round trips of a bulk transfer in which the window must be full.
    WindowLimitedShare "window-limited-share" PerMille 500;
    /// Delayed acknowledgements that held back a small segment.
    NagleStalls "nagle-stalls" Count 5;
    /// A server that takes so long for its answer is slow.
    Think "server-think" Time 500_000_000;
    /// A request that got no answer for so long, on a connection that an accept queue holds.
    AcceptWait "accept-wait" Time 1_000_000_000;
    /// Retransmissions of a large segment that was never acknowledged.
    BlackHoleAttempts "black-hole-attempts" Count 3;
    /// Conversations that must have died after a pause that is longer than any survived.
    IdleFailures "idle-failures" Count 2;
    /// A resolver is slow when one answer in twenty takes so long.
    ResolverP95 "resolver-p95" Time 50_000_000;
    /// An answer of a resolver that took so long is slow.
    ResolverMax "resolver-max" Time 500_000_000;
    /// Share of a resolver's answers that report a failure.
    ResolverFailures "resolver-failures" PerMille 10;
    /// Silence after a ClientHello.
    TlsSilence "tls-silence" Time 3_000_000_000;
    /// A request to a backend must have failed at most so long before the error that it explains.
    Upstream "upstream" Time 1_000_000_000;
    /// Share of captured data that was acknowledged without having been captured.
    CaptureDrops "capture-drops" PerMille 1;
    /// Share of segments that were captured twice.
    DuplicateShare "duplicate-share" PerMille 10;
    /// Share of conversations of which only one direction was captured.
    OneSidedShare "one-sided-share" PerMille 200;
    /// Share of packets that were cut.
    SnappedShare "snapped-share" PerMille 10;
}

impl Limit {
    /// Its name, as options take it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// What it counts.
    #[must_use]
    pub fn unit(self) -> Unit {
        self.row().1
    }

    /// Its value unless somebody chose another.
    #[must_use]
    pub fn default_value(self) -> u64 {
        self.row().2
    }

    /// What it decides.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.row().3.trim()
    }

    /// The threshold of a name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Limit> {
        Limit::ALL.iter().copied().find(|limit| limit.name() == name)
    }
}

/// Values of all thresholds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thresholds(Vec<u64>);

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds(Limit::ALL.iter().map(|limit| limit.default_value()).collect())
    }
}

impl Thresholds {
    /// The value of one: nanoseconds, things, or parts of a thousand, as its [`Unit`] says.
    #[must_use]
    pub fn get(&self, limit: Limit) -> u64 {
        self.0.get(limit as usize).copied().unwrap_or_else(|| limit.default_value())
    }

    /// One that is a time.
    #[must_use]
    pub fn span(&self, limit: Limit) -> Span {
        Span(i64::try_from(self.get(limit)).unwrap_or(i64::MAX))
    }

    /// Chooses another value for one.
    pub fn set(&mut self, limit: Limit, value: u64) {
        if let Some(place) = self.0.get_mut(limit as usize) {
            *place = value;
        }
    }

    /// Whether `part` of `whole` is at least a share.
    #[must_use]
    pub fn reaches(&self, limit: Limit, part: u64, whole: u64) -> bool {
        u128::from(part) * 1000 >= u128::from(whole) * u128::from(self.get(limit)) && part > 0
    }

    /// How a diagnosis prints one.
    #[must_use]
    pub fn used(&self, limit: Limit) -> Used {
        Used { name: limit.name(), value: Shown(limit.unit(), self.get(limit)).to_string() }
    }
}

/// A value with its unit.
struct Shown(Unit, u64);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Unit::Time => write!(f, "{}", Seconds(Span(i64::try_from(self.1).unwrap_or(i64::MAX)))),
            Unit::Count => write!(f, "{}", self.1),
            Unit::PerMille if self.1.is_multiple_of(10) => write!(f, "{} %", self.1 / 10),
            Unit::PerMille => write!(f, "{}.{} %", self.1 / 10, self.1 % 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back() {
        for (place, &limit) in Limit::ALL.iter().enumerate() {
            assert_eq!((limit as usize, Limit::by_name(limit.name())), (place, Some(limit)));
            assert!(!limit.meaning().is_empty());
        }
        assert_eq!(Limit::by_name("syn-wai"), None);
    }

    #[test]
    fn values_are_shown_with_their_unit() {
        let mut thresholds = Thresholds::default();
        thresholds.set(Limit::LossRate, 25);
        for (limit, value) in [
            (Limit::SynWait, "3.00 s"),
            (Limit::SynAttempts, "2"),
            (Limit::LossSideShare, "80 %"),
            (Limit::LossRate, "2.5 %"),
        ] {
            assert_eq!(thresholds.used(limit).value, value);
        }
        assert!(
            thresholds.reaches(Limit::LossRate, 25, 1000) && !thresholds.reaches(Limit::LossRate, 24, 1000)
        );
        assert!(!thresholds.reaches(Limit::LossRate, 0, 0));
    }
}
