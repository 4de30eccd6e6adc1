//! Versions of QUIC, and how their Initial packets are protected.

/// What a version's packets look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Salt of the Initial secrets (RFC 9001 section 5.2, RFC 9369 section 3.3.1, and drafts).
    pub(crate) salt: [u8; 20],
    /// Labels of key and IV, and of the header protection key.
    pub(crate) labels: [&'static [u8]; 3],
    /// Packet types are numbered as in version 2 (RFC 9369 section 3.2).
    pub(crate) second: bool,
}

const LABELS: [&[u8]; 3] = [b"quic key", b"quic iv", b"quic hp"];
const LABELS_2: [&[u8]; 3] = [b"quicv2 key", b"quicv2 iv", b"quicv2 hp"];

const VERSION_1: [u8; 20] = [
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc,
    0xbb, 0x7f, 0x0a,
];
const VERSION_2: [u8; 20] = [
    0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9,
    0xbd, 0x2e, 0xd9,
];
/// Drafts of version 2.
const VERSION_2_DRAFT: [u8; 20] = [
    0xa7, 0x07, 0xc2, 0x03, 0xa5, 0x9b, 0x47, 0x18, 0x4a, 0x1d, 0x62, 0xca, 0x57, 0x04, 0x06, 0xea, 0x7a,
    0xe3, 0xe5, 0xd3,
];
/// Drafts 29 to 32.
const DRAFT_29: [u8; 20] = [
    0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43,
    0x90, 0xa8, 0x99,
];
/// Drafts 23 to 28.
const DRAFT_23: [u8; 20] = [
    0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe,
    0xf9, 0xf5, 0x02,
];
/// Draft 22.
const DRAFT_22: [u8; 20] = [
    0x7f, 0xbc, 0xdb, 0x0e, 0x7c, 0x66, 0xbb, 0xe9, 0x19, 0x3a, 0x96, 0xcd, 0x21, 0x51, 0x9e, 0xbd, 0x7a,
    0x02, 0x64, 0x4a,
];
/// Google's T050.
const T050: [u8; 20] = [
    0x7f, 0xf5, 0x79, 0xe5, 0xac, 0xd0, 0x72, 0x91, 0x55, 0x80, 0x30, 0x4c, 0x43, 0xa2, 0x36, 0x7c, 0x60,
    0x48, 0x83, 0x10,
];
/// Google's T051.
const T051: [u8; 20] = [
    0x7a, 0x4e, 0xde, 0xf4, 0xe7, 0xcc, 0xee, 0x5f, 0xa4, 0x50, 0x6c, 0x19, 0x12, 0x4f, 0xc8, 0xcc, 0xda,
    0x6e, 0x03, 0x3d,
];

/// How a version's packets are read; nothing for one whose packets cannot be.
///
/// Beside the two published versions the drafts from 22 on, whose long headers are those of RFC 9000, and what others made of them.
pub(crate) fn dialect(version: u32) -> Option<Dialect> {
    let (salt, second) = match version {
        0x0000_0001 | 0xff00_0021..=0xff00_0022 => (VERSION_1, false),
        0x6b33_43cf => (VERSION_2, true),
        0x709a_50c4 => (VERSION_2_DRAFT, true),
        0xff00_001d..=0xff00_0020 => (DRAFT_29, false),
        // Facebook's mvfst: 0xfaceb002 and 0xfaceb00e followed draft 27, 0xfaceb001 draft 22. Picoquic's internal version followed draft 27.
        0xff00_0017..=0xff00_001c | 0xface_b002 | 0xface_b00e | 0x5043_5130 => (DRAFT_23, false),
        0xff00_0016 | 0xface_b001 => (DRAFT_22, false),
        0x5430_3530 => (T050, false),
        0x5430_3531 => (T051, false),
        // Clients that only want to hear of other versions do all else as in version 1.
        _ if forces_negotiation(version) => (VERSION_1, false),
        _ => return None,
    };
    Some(Dialect { salt, labels: if second { LABELS_2 } else { LABELS }, second })
}

/// Google's versions between their own protocol and that of the drafts: TLS in packets as drafts have them, but other frames.
pub(crate) const fn is_google(version: u32) -> bool {
    matches!(version, 0x5430_3530 | 0x5430_3531)
}

/// A version that exists only to make a server answer with Version Negotiation (RFC 9000 section 15).
pub(crate) const fn forces_negotiation(version: u32) -> bool {
    version & 0x0f0f_0f0f == 0x0a0a_0a0a
}
