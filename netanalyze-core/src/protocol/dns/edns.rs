//! Extension mechanisms (RFC 6891): what the OPT record says, and extended errors (RFC 8914).

use crate::model::shown;
use serde::Serialize;

use super::code::{Rcode, RecordType};
use super::rdata::key_and_value;
use super::record::Record;
use crate::model::limits;

/// Code of the option with an extended error.
const EXTENDED_ERROR: u16 = 15;

/// What the OPT record says. Its class and time to live are not what they are elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Edns<'m> {
    /// The largest datagram that its sender takes.
    pub udp_size: u16,
    /// The eight higher bits of the response code.
    pub extended_rcode: u8,
    /// Version, 0.
    pub version: u8,
    /// Flags; the highest is [`Edns::dnssec_ok`].
    pub flags: u16,
    options: &'m [u8],
}

/// An option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdnsOption<'m> {
    /// Which one.
    pub code: u16,
    /// Its data.
    pub data: &'m [u8],
}

/// An extended error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExtendedError {
    /// Its number.
    pub code: u16,
    /// What the number means.
    pub meaning: Option<&'static str>,
    /// What the server has to say.
    #[serde(serialize_with = "super::said::as_text")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub text: Box<[u8]>,
}

impl<'m> Edns<'m> {
    /// If the record is an OPT record.
    #[must_use]
    pub fn of(record: &Record<'m>) -> Option<Self> {
        let [extended_rcode, version, high, low] = record.ttl.to_be_bytes();
        let flags = u16::from_be_bytes([high, low]);
        let edns = Edns { udp_size: record.class, extended_rcode, version, flags, options: record.data };
        (record.kind == RecordType::OPT).then_some(edns)
    }

    /// The sender wants signatures.
    #[must_use]
    pub fn dnssec_ok(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// The options, up to the first that is not whole.
    #[must_use]
    pub fn options(&self) -> Options<'m> {
        Options { rest: self.options }
    }

    /// The response code with its higher bits.
    #[must_use]
    pub fn rcode(&self, low: Rcode) -> Rcode {
        Rcode(u16::from(self.extended_rcode) << 4 | low.0)
    }

    /// Number and text of each extended error.
    pub fn errors(&self) -> impl Iterator<Item = (u16, &'m [u8])> + use<'m> {
        self.options().filter(|option| option.code == EXTENDED_ERROR).filter_map(|option| {
            let (&[high, low], text) = option.data.split_first_chunk()?;
            Some((u16::from_be_bytes([high, low]), text))
        })
    }
}

impl ExtendedError {
    pub(super) fn new(code: u16, text: &[u8]) -> Self {
        // A text may end in a NUL (RFC 8914 §2).
        let text = text.strip_suffix(b"\0").unwrap_or(text);
        let text = text.get(..limits::MAX_DNS_TEXT).unwrap_or(text);
        ExtendedError { code, meaning: meaning(code), text: text.into() }
    }
}

impl std::fmt::Display for ExtendedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.meaning {
            Some(meaning) => f.write_str(meaning)?,
            None => write!(f, "extended error {}", self.code)?,
        }
        if self.text.is_empty() { Ok(()) } else { write!(f, " ({})", shown(&self.text)) }
    }
}

/// Options of EDNS.
#[derive(Clone, Copy, Debug)]
pub struct Options<'m> {
    rest: &'m [u8],
}

impl<'m> Iterator for Options<'m> {
    type Item = EdnsOption<'m>;

    fn next(&mut self) -> Option<EdnsOption<'m>> {
        let (rest, (code, data)) = key_and_value(self.rest).ok()?;
        self.rest = rest;
        Some(EdnsOption { code, data })
    }
}

/// RFC 8914 §4, and what was registered since.
fn meaning(code: u16) -> Option<&'static str> {
    Some(match code {
        0 => "other error",
        1 => "unsupported DNSKEY algorithm",
        2 => "unsupported DS digest type",
        3 => "stale answer",
        4 => "forged answer",
        5 => "DNSSEC indeterminate",
        6 => "DNSSEC bogus",
        7 => "signature expired",
        8 => "signature not yet valid",
        9 => "DNSKEY missing",
        10 => "RRSIGs missing",
        11 => "no zone key bit set",
        12 => "NSEC missing",
        13 => "cached error",
        14 => "not ready",
        15 => "blocked",
        16 => "censored",
        17 => "filtered",
        18 => "prohibited",
        19 => "stale NXDOMAIN answer",
        20 => "not authoritative",
        21 => "not supported",
        22 => "no reachable authority",
        23 => "network error",
        24 => "invalid data",
        25 => "signature expired before valid",
        26 => "too early",
        27 => "unsupported NSEC3 iterations value",
        28 => "unable to conform to policy",
        29 => "synthesized",
        30 => "invalid query type",
        _ => return None,
    })
}
