//! The catalogue: one row a kind of finding. The README's table, `--explain` and every list come from it.
//!
//! A kind's position is an implementation detail; its `id` is public and stable: Wireshark's field name where one exists.

mod dns;
mod http;
mod icmp;
mod tcp;
mod tls;

use super::severity::{Group, Severity};
use crate::tcp::Flags;

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stable name: Wireshark's field where one exists, else `netanalyze.…`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// Wireshark's group.
    pub group: Group,
    /// A few words.
    pub title: &'static str,
    /// What it means, for somebody who meets it first.
    pub meaning: &'static str,
    /// Where it is defined.
    pub reference: &'static str,
    /// Display filter that picks its frames in Wireshark. Empty if it is about a whole conversation, or no field marks its frames.
    pub filter: &'static str,
    /// The analysis flag behind it.
    pub(super) flag: Flags,
}

impl Kind {
    /// A kind of a caller's own, for findings of a rule. Its id should begin with a word of the caller's, so that it never clashes with the
    /// catalogue's: they begin with `tcp.` or `netanalyze.`. Ids must be unique, which nobody checks: a report counts kinds of the same id
    /// and severity as one, and those of another severity, or of the catalogue, in rows of their own with the same id.
    ///
    /// ```
    /// use netanalyze_core::expert::{Group, Kind, Severity};
    ///
    /// static TELNET: Kind = Kind::custom("example.telnet", Severity::Warn, "Telnet in use")
    ///     .with_meaning("Passwords cross the network in clear text.")
    ///     .with_filter("tcp.port == 23");
    /// assert_eq!((TELNET.severity, TELNET.group), (Severity::Warn, Group::Protocol));
    /// ```
    #[must_use]
    pub const fn custom(id: &'static str, severity: Severity, title: &'static str) -> Self {
        let (meaning, reference, filter) = ("", "", "");
        Kind { id, severity, group: Group::Protocol, title, meaning, reference, filter, flag: Flags::NONE }
    }

    /// Says what it means.
    #[must_use]
    pub const fn with_meaning(self, meaning: &'static str) -> Self {
        Kind { meaning, ..self }
    }

    /// Says where it is defined.
    #[must_use]
    pub const fn with_reference(self, reference: &'static str) -> Self {
        Kind { reference, ..self }
    }

    /// Says which display filter picks its frames.
    #[must_use]
    pub const fn with_filter(self, filter: &'static str) -> Self {
        Kind { filter, ..self }
    }

    /// Whether it is about a conversation as a whole, of which its frame is only an example.
    #[must_use]
    pub fn is_about_a_conversation(&self) -> bool {
        self.filter.is_empty() && self.flag != Flags::NONE
    }

    /// Puts it into a group.
    #[must_use]
    pub const fn with_group(self, group: Group) -> Self {
        Kind { group, ..self }
    }
}

/// A kind by its place in [`KINDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KindId(pub u8);

impl KindId {
    /// Stands in a finding whose kind is not of the catalogue: see [`Finding::kind`](super::Finding::kind). No set holds it.
    pub const CUSTOM: KindId = KindId(u8::MAX);

    /// The catalogue row.
    #[must_use]
    pub fn kind(self) -> &'static Kind {
        KINDS.get(usize::from(self.0)).unwrap_or(const { &UNKNOWN })
    }

    /// Every kind.
    pub fn all() -> impl Iterator<Item = KindId> {
        (0..KINDS.len()).map(|i| KindId(i as u8))
    }

    /// Ordinary closing: note by Wireshark's word, but listed only where chat is.
    #[must_use]
    pub fn is_ordinary_closing(self) -> bool {
        matches!(self.kind().id, "tcp.connection.fin_active" | "tcp.connection.fin_passive")
    }
}

/// A set of kinds, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct KindSet(pub u128);

const _: () = assert!(KINDS.len() <= 128);

impl KindSet {
    /// Every kind.
    pub const ALL: KindSet = KindSet(u128::MAX);
    /// No kind.
    pub const NONE: KindSet = KindSet(0);

    /// The kinds of at least this severity; ordinary closing counts as chat.
    #[must_use]
    pub fn at_least(severity: Severity) -> Self {
        let bits = KindId::all().filter(|id| {
            id.kind().severity >= severity && (severity == Severity::Chat || !id.is_ordinary_closing())
        });
        KindSet(bits.fold(0, |set, id| set | (1 << id.0)))
    }

    /// Whether a kind is in it.
    #[inline]
    #[must_use]
    pub fn contains(self, id: KindId) -> bool {
        self.0.checked_shr(u32::from(id.0)).is_some_and(|rest| rest & 1 != 0)
    }

    /// The kinds in it, in catalogue order.
    pub fn iter(self) -> impl Iterator<Item = KindId> {
        KindId::all().filter(move |&id| self.contains(id))
    }
}

/// The kind with a given id.
#[must_use]
pub fn kind_by_id(id: &str) -> Option<KindId> {
    KindId::all().find(|k| k.kind().id == id)
}

/// The kind that a flag stands for.
pub(super) fn kind_of_flag(flag: Flags) -> Option<KindId> {
    KindId::all().find(|id| id.kind().flag == flag)
}

const UNKNOWN: Kind = Kind {
    id: "netanalyze.unknown",
    severity: Severity::Chat,
    group: Group::Protocol,
    title: "Unknown kind",
    meaning: "",
    reference: "",
    filter: "",
    flag: Flags::NONE,
};

const COUNT: usize = tcp::KINDS.len()
    + dns::KINDS.len()
    + tls::KINDS.len()
    + http::KINDS.len()
    + icmp::KINDS.len()
    + tls::QUIC_KINDS.len();

// A TCP conversation remembers the first 96 of them: none of ICMP and QUIC, which stand behind, is about one.
const _: () = assert!(COUNT - icmp::KINDS.len() - tls::QUIC_KINDS.len() <= 96);

/// Every kind: those of TCP first, then protocol by protocol.
pub const KINDS: &[Kind] = &{
    let mut all = [UNKNOWN; COUNT];
    let parts: [&[Kind]; 6] =
        [&tcp::KINDS, &dns::KINDS, &tls::KINDS, &http::KINDS, &icmp::KINDS, &tls::QUIC_KINDS];
    let (mut part, mut place) = (0, 0);
    while part < parts.len() {
        let mut i = 0;
        while i < parts[part].len() {
            all[place] = parts[part][i];
            (i, place) = (i + 1, place + 1);
        }
        part += 1;
    }
    all
};

/// The kind with a given id, when the program is compiled.
pub(super) const fn kind(id: &str) -> KindId {
    let mut i = 0;
    while i < KINDS.len() {
        if same(KINDS[i].id.as_bytes(), id.as_bytes()) {
            return KindId(i as u8);
        }
        i += 1;
    }
    KindId::CUSTOM
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() && a[i] == b[i] {
        i += 1;
    }
    i == a.len() && i == b.len()
}
