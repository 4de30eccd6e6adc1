//! TCP options (RFC 9293 §3.1 and the documents of each option), walked by us: an unknown kind must not hide the options after it.
//!
//! Owns: [`options`], one item an option, and [`parse`], all that the analysis needs of one header. Reads: the captured option bytes.
//! Errors are those of Wireshark 4.0: an option whose length is below 2 or past the header's end is invalid and ends the walk; one of
//! fixed length with another length is invalid, and the walk goes on.

/// Option kinds as IANA lists them.
pub mod kind {
    /// End of option list.
    pub const EOL: u8 = 0;
    /// No operation.
    pub const NOP: u8 = 1;
    /// Maximum segment size.
    pub const MSS: u8 = 2;
    /// Window scale, RFC 7323.
    pub const WINDOW_SCALE: u8 = 3;
    /// Selective acknowledgements permitted, RFC 2018.
    pub const SACK_PERMITTED: u8 = 4;
    /// Selective acknowledgement, RFC 2018.
    pub const SACK: u8 = 5;
    /// Timestamps, RFC 7323.
    pub const TIMESTAMPS: u8 = 8;
    /// SCPS capabilities.
    pub const SCPS: u8 = 20;
    /// Selective negative acknowledgement.
    pub const SNACK: u8 = 21;
    /// Multipath TCP, RFC 8684.
    pub const MPTCP: u8 = 30;
    /// TCP fast open cookie, RFC 7413.
    pub const FAST_OPEN: u8 = 34;
    /// Experiment 1, RFC 6994.
    pub const EXPERIMENT_1: u8 = 253;
    /// Experiment 2, RFC 6994.
    pub const EXPERIMENT_2: u8 = 254;
}

/// One option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpOption<'a> {
    /// Its kind.
    pub kind: u8,
    /// What follows kind and length; empty for NOP and EOL.
    pub data: &'a [u8],
    /// Where its kind stands, from the TCP header's first byte on.
    pub offset: usize,
}

/// An option whose length is below 2 or runs past the header's end; the walk ends with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidLength {
    /// The option's kind.
    pub kind: u8,
    /// Where its kind stands, from the TCP header's first byte on.
    pub offset: usize,
}

/// Walks the options of a header: `area` is what stands between byte 20 and the header's end. An end-of-list option is the last item.
#[must_use]
pub fn options(area: &[u8]) -> Options<'_> {
    Options { area, at: 0 }
}

/// See [`options`].
#[derive(Clone, Debug)]
pub struct Options<'a> {
    area: &'a [u8],
    at: usize,
}

/// Bytes of a TCP header before its options.
const FIXED_HEADER: usize = 20;

/// The most bytes of options that a header can have.
const MAX_AREA: usize = 40;

impl<'a> Iterator for Options<'a> {
    type Item = Result<TcpOption<'a>, InvalidLength>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.area.get(self.at..)?;
        let (&kind, tail) = rest.split_first()?;
        let offset = FIXED_HEADER + self.at;
        match kind {
            kind::EOL => self.at = self.area.len(),
            kind::NOP => self.at += 1,
            _ => {
                let len = tail.first().map_or(0, |&l| usize::from(l));
                let Some(data) = rest.get(2..len) else {
                    self.at = self.area.len();
                    return Some(Err(InvalidLength { kind, offset }));
                };
                self.at += len;
                return Some(Ok(TcpOption { kind, data, offset }));
            }
        }
        Some(Ok(TcpOption { kind, data: &[], offset }))
    }
}

/// The two edges of a SACK block, as raw sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SackBlock {
    /// First sequence number of the block.
    pub left: u32,
    /// The sequence number after the block's last.
    pub right: u32,
}

/// The timestamps option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timestamps {
    /// The sender's time.
    pub value: u32,
    /// The peer's time that is echoed.
    pub echo: u32,
}

/// A fast open option, RFC 7413 or its experimental form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FastOpen {
    /// Without a cookie: the client asks for one.
    Request,
    /// With a cookie.
    Cookie,
}

/// Subtypes of MPTCP (RFC 8684 §3), as bits of [`TcpOptions::mptcp`].
pub mod mptcp {
    /// MP_CAPABLE.
    pub const CAPABLE: u16 = 1 << 0;
    /// MP_JOIN.
    pub const JOIN: u16 = 1 << 1;
    /// DSS.
    pub const DSS: u16 = 1 << 2;
    /// ADD_ADDR.
    pub const ADD_ADDRESS: u16 = 1 << 3;
    /// REMOVE_ADDR.
    pub const REMOVE_ADDRESS: u16 = 1 << 4;
    /// MP_PRIO.
    pub const PRIORITY: u16 = 1 << 5;
    /// MP_FAIL.
    pub const FAIL: u16 = 1 << 6;
    /// MP_FASTCLOSE.
    pub const FAST_CLOSE: u16 = 1 << 7;
}

/// What the options of one header say. At most 40 bytes of options exist, so nothing here needs the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TcpOptions {
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// The window scale's shift as it stands; [`Self::window_scale`] caps it.
    pub window_shift: Option<u8>,
    /// A fast open option.
    pub fast_open: Option<FastOpen>,
    /// Selective acknowledgements are permitted.
    pub sack_permitted: bool,
    sack: [SackBlock; 4],
    sack_len: u8,
    /// Bytes of a SACK option were not captured: the blocks before the cut are there, but whether the first is a duplicate was not asked.
    pub sack_cut: bool,
    /// Bits of [`mptcp`]; bit 15 for subtypes above 14.
    pub mptcp: u16,
    /// Options with an invalid length.
    pub invalid_lengths: u8,
    /// Runs of NOPs that are more than padding needs (four in a row by Wireshark's count).
    pub nop_runs: u8,
    /// The SCPS capabilities option was there.
    pub scps: bool,
    /// An edge of a SACK block is cut off by the option's end.
    pub sack_truncated: bool,
    /// An option is too short for what it must hold. Wireshark 4.0 gives up on the header there ("malformed"): the options after it do
    /// not count, and it shows nothing of what follows the options, the sequence analysis included.
    pub abandoned: bool,
    /// An MSS option was there, whatever its length.
    pub mss_present: bool,
    /// An impossible length, or bytes after the end-of-list option, ended the options: what is missing may have been meant to follow.
    pub ended_early: bool,
    /// A byte other than 0 follows the end-of-list option.
    pub non_zero_after_eol: bool,
}

impl TcpOptions {
    /// The window scale, at most 14 (RFC 7323 §2.3).
    #[inline]
    #[must_use]
    pub fn window_scale(&self) -> Option<u8> {
        self.window_shift.map(|s| s.min(14))
    }

    /// The blocks of the SACK option, at most four.
    #[inline]
    #[must_use]
    pub fn sack(&self) -> &[SackBlock] {
        self.sack.get(..usize::from(self.sack_len)).unwrap_or(&self.sack)
    }
}

/// Reads the options of a header: `area` is what stands between byte 20 and the header's end, all of it captured.
#[inline]
#[must_use]
pub fn parse(area: &[u8]) -> TcpOptions {
    // Nearly every segment of nearly every connection: NOP, NOP, timestamps.
    if let [kind::NOP, kind::NOP, kind::TIMESTAMPS, 10, a, b, c, d, e, f, g, h] = *area {
        let timestamps =
            Timestamps { value: u32::from_be_bytes([a, b, c, d]), echo: u32::from_be_bytes([e, f, g, h]) };
        return TcpOptions { timestamps: Some(timestamps), ..TcpOptions::default() };
    }
    if area.is_empty() { TcpOptions::default() } else { parse_any(area) }
}

/// Reads the options of a header that was captured in part: `captured` is the beginning of an area of `area_len` bytes, at most 40. What
/// stands before the cut counts, as Wireshark 4.0 has it; the result is always [`TcpOptions::abandoned`].
#[must_use]
pub fn parse_cut(captured: &[u8], area_len: usize) -> TcpOptions {
    let mut area = [0; MAX_AREA];
    let area = area.get_mut(..area_len).unwrap_or_default();
    area.iter_mut().zip(captured).for_each(|(to, from)| *to = *from);
    let mut found = TcpOptions::default();
    walk::<true>(area, captured.len(), &mut found);
    found.abandoned = true;
    found
}

#[inline(never)]
fn parse_any(area: &[u8]) -> TcpOptions {
    let mut found = TcpOptions::default();
    parse_into(area, &mut found);
    found
}

/// As [`parse`], written where it stays, into what says nothing so far.
#[inline(never)]
pub(crate) fn parse_into(area: &[u8], found: &mut TcpOptions) {
    walk::<false>(area, area.len(), found);
}

/// Reads an area of which the first `captured` bytes are there; all of them unless `CUT`. Goes through the bytes as [`Options`] does, but
/// asks of each option only what its kind needs.
#[inline(always)]
fn walk<const CUT: bool>(area: &[u8], captured: usize, found: &mut TcpOptions) {
    let (mut at, mut nops) = (0, 0u8);
    while let Some(&kind) = area.get(at) {
        let is_cut = |end: usize| CUT && end.min(area.len()) > captured;
        if kind == kind::NOP {
            if is_cut(at + 1) {
                break;
            }
            // As Wireshark 4.0 counts: padding after a word boundary starts over, other options do not reset the count.
            nops = if nops == 0 || !at.is_multiple_of(4) { nops + 1 } else { 0 };
            found.nop_runs += u8::from(nops == 4);
            at += 1;
            continue;
        }
        if kind == kind::EOL {
            if !is_cut(at + 1) {
                let rest = area.get(at..).unwrap_or_default();
                found.non_zero_after_eol = rest.iter().any(|&b| b != 0);
                found.ended_early |= found.non_zero_after_eol;
            }
            break;
        }
        let len = area.get(at + 1).map_or(0, |&len| usize::from(len));
        let Some(data) = area.get(at + 2..at + len) else {
            if !is_cut(at + 2) {
                found.invalid_lengths = found.invalid_lengths.saturating_add(1);
                found.ended_early = true;
            }
            break;
        };
        if is_cut(at + len) {
            if kind == kind::SACK {
                let edges = captured.saturating_sub(at + 2);
                found.take_blocks(data.get(..edges).unwrap_or_default());
                found.sack_cut = true;
            }
            break;
        }
        found.take(kind, data);
        if found.abandoned {
            break;
        }
        at += len;
    }
}

/// Whether an option of this kind may have this length (kind and length bytes included), as Wireshark 4.0 judges.
fn length_fits(kind: u8, len: usize) -> bool {
    match kind {
        kind::MSS | 28 => len == 4,
        kind::WINDOW_SCALE => len == 3,
        kind::SACK_PERMITTED | 22 | 23 => len == 2,
        kind::TIMESTAMPS => len == 10,
        6 | 7 | 11 | 12 | 13 | kind::SNACK => len == 6,
        19 => len == 18,
        27 => len == 8,
        78 => len == 16,
        172 | 174 => matches!(len, 2 | 5 | 8 | 11),
        29 | kind::EXPERIMENT_1 | kind::EXPERIMENT_2 => len >= 4,
        76 => len >= 3,
        _ => true,
    }
}

impl TcpOptions {
    /// An option other than padding.
    #[inline(always)]
    fn take(&mut self, kind: u8, data: &[u8]) {
        match (kind, data) {
            (kind::MSS, &[a, b]) => {
                self.mss_present = true;
                self.mss = Some(u16::from_be_bytes([a, b]));
            }
            (kind::WINDOW_SCALE, &[shift]) => self.window_shift = Some(shift),
            (kind::SACK_PERMITTED, &[]) => self.sack_permitted = true,
            (kind::TIMESTAMPS, &[a, b, c, d, e, f, g, h]) => {
                self.timestamps = Some(Timestamps {
                    value: u32::from_be_bytes([a, b, c, d]),
                    echo: u32::from_be_bytes([e, f, g, h]),
                });
            }
            (kind::SACK, edges) => self.take_sack(edges),
            _ => self.take_rare(kind, data),
        }
    }

    /// A rare option, or one of a wrong length.
    #[inline(never)]
    fn take_rare(&mut self, kind: u8, data: &[u8]) {
        self.mss_present |= kind == kind::MSS;
        match (kind, data) {
            _ if !length_fits(kind, data.len() + 2) => {
                self.invalid_lengths = self.invalid_lengths.saturating_add(1);
            }
            (kind::SCPS, vector) => {
                self.scps = true;
                self.abandoned |= vector.len() % 2 == 1 && vector.len() > 1;
            }
            // Wireshark 4.0 reads past the end of every option of this kind, and gives up on the header.
            (kind::SNACK, _) => self.abandoned = true,
            (kind::MPTCP, data) => {
                self.mptcp |= data.first().map_or(0, |first| 1 << (first >> 4));
                self.abandoned |= data.len() < 2;
            }
            (kind::FAST_OPEN, cookie) => self.fast_open = Some(fast_open(cookie)),
            (kind::EXPERIMENT_1 | kind::EXPERIMENT_2, [0xf9, 0x89, cookie @ ..]) => {
                self.fast_open = Some(fast_open(cookie));
            }
            _ => {}
        }
    }

    fn take_sack(&mut self, edges: &[u8]) {
        self.abandoned |= edges.len() < 8;
        self.sack_truncated |= !edges.len().is_multiple_of(8);
        self.take_blocks(edges);
    }

    /// The whole blocks among these bytes.
    fn take_blocks(&mut self, edges: &[u8]) {
        let blocks = edges.chunks_exact(8);
        for (block, slot) in blocks.zip(self.sack.iter_mut().skip(usize::from(self.sack_len))) {
            if let &[a, b, c, d, e, f, g, h] = block {
                *slot = SackBlock {
                    left: u32::from_be_bytes([a, b, c, d]),
                    right: u32::from_be_bytes([e, f, g, h]),
                };
                self.sack_len += 1;
            }
        }
    }
}

fn fast_open(cookie: &[u8]) -> FastOpen {
    if cookie.is_empty() { FastOpen::Request } else { FastOpen::Cookie }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TS: [u8; 10] = [8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
    const STAMPS: Timestamps = Timestamps { value: 1, echo: 2 };

    fn join(parts: &[&[u8]]) -> TcpOptions {
        parse(&parts.concat())
    }

    #[test]
    fn the_common_area_takes_the_fast_path_with_the_same_result() {
        let area = [&[1, 1][..], &TS].concat();
        assert_eq!(parse(&area), parse_any(&area));
        assert_eq!(parse(&area).timestamps, Some(STAMPS));
        assert_eq!(parse(&[]), parse_any(&[]));
    }

    #[test]
    fn an_unknown_kind_or_mptcp_does_not_hide_the_window_scale() {
        for before in [&[30, 12, 0x01, 0x81, 1, 2, 3, 4, 5, 6, 7, 8][..], &[200, 4, 9, 9], &[34, 2]] {
            let found = join(&[&[2, 4, 5, 0xb4], before, &[1, 3, 3, 7]]);
            assert_eq!((found.mss, found.window_scale(), found.invalid_lengths), (Some(1460), Some(7), 0));
        }
        assert_eq!(join(&[&[30, 4, 0x21, 0], &[30, 4, 0x30, 0]]).mptcp, mptcp::DSS | mptcp::ADD_ADDRESS);
    }

    #[test]
    fn a_wrong_fixed_length_is_skipped_a_broken_one_ends_the_walk() {
        let found = join(&[&[3, 4, 7, 7], &[2, 3, 0], &TS]);
        assert_eq!(
            (found.invalid_lengths, found.window_scale(), found.mss, found.timestamps),
            (2, None, None, Some(STAMPS))
        );
        for broken in [&[8, 0][..], &[8, 1], &[99, 30], &[99]] {
            let found = join(
                &[&TS, broken, &[3, 3, 7]].map(|p| if p == [3, 3, 7] && broken.len() == 1 { &[] } else { p }),
            );
            assert_eq!(
                (found.invalid_lengths, found.timestamps, found.window_shift),
                (1, Some(STAMPS), None),
                "{broken:?}"
            );
        }
    }

    #[test]
    fn options_before_a_cut_count() {
        let area = [&[2, 4, 5, 0xb4, 1, 3, 3, 7][..], &[3, 9], &[0; 8]].concat();
        for captured in 0..area.len() {
            let found = parse_cut(&area[..captured], area.len());
            assert!(found.abandoned);
            assert_eq!(found.mss.is_some(), captured >= 4, "{captured}");
            assert_eq!(found.window_shift.is_some(), captured >= 8, "{captured}");
            assert_eq!(found.invalid_lengths, u8::from(captured >= 17), "{captured}");
        }
        let broken = [1, 1, 8, 80, 0, 0, 0, 0];
        assert_eq!([3, 4].map(|n| parse_cut(&broken[..n], 8).invalid_lengths), [0, 1]);
    }

    #[test]
    fn window_shift_is_capped_at_14() {
        assert_eq!(parse(&[3, 3, 200]).window_scale(), Some(14));
        assert_eq!(parse(&[3, 3, 200]).window_shift, Some(200));
    }

    #[test]
    fn sack_blocks_in_order_and_cut_edges() {
        let block = |n: u8| [0, 0, 0, n, 0, 0, 0, n + 1];
        let found = join(&[&[5, 26], &block(1), &block(3), &block(5)]);
        assert_eq!(found.sack(), [(1, 2), (3, 4), (5, 6)].map(|(left, right)| SackBlock { left, right }));
        assert!(!found.sack_truncated && !found.abandoned);
        let found = join(&[&[5, 14], &block(1), &[0; 4], &[3, 3, 1]]);
        assert!(
            found.sack_truncated
                && !found.abandoned
                && found.sack().len() == 1
                && found.window_shift == Some(1)
        );
        let found = join(&[&[5, 6], &[0; 4], &[3, 3, 1]]);
        assert!(found.sack_truncated && found.abandoned && found.window_shift.is_none());
        assert_eq!(join(&[&[5, 34], &[0; 32], &[5, 10], &[0; 8]]).sack().len(), 4);
    }

    #[test]
    fn nops_count_as_wireshark_does() {
        let cases: [(&[u8], u8); 6] = [
            (&[1, 1, 1, 1], 1),
            (&[1; 8], 1),
            (&[1; 40], 1),
            (&[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2], 0),
            (&[1, 1, 1, 3, 3, 2, 1, 1], 1),
            (&[1, 3, 3, 2, 1, 3, 3, 2, 1, 3, 3, 2, 1, 3, 3, 2], 0),
        ];
        for (area, runs) in cases {
            assert_eq!(parse(area).nop_runs, runs, "{area:?}");
        }
    }

    #[test]
    fn bytes_after_the_end_of_the_list() {
        assert!(parse(&[0, 0, 1, 0]).non_zero_after_eol);
        assert!(!parse(&[1, 0, 0, 0]).non_zero_after_eol);
        assert_eq!(options(&[0, 3, 3, 7]).count(), 1);
    }

    #[test]
    fn fast_open_in_both_forms() {
        assert_eq!(parse(&[34, 2]).fast_open, Some(FastOpen::Request));
        assert_eq!(parse(&[34, 6, 1, 2, 3, 4]).fast_open, Some(FastOpen::Cookie));
        assert_eq!(parse(&[254, 4, 0xf9, 0x89]).fast_open, Some(FastOpen::Request));
        assert_eq!(parse(&[253, 6, 0xf9, 0x89, 1, 2]).fast_open, Some(FastOpen::Cookie));
        assert_eq!(parse(&[253, 6, 0xf9, 0x88, 1, 2]).fast_open, None);
    }

    #[test]
    fn offsets_count_from_the_header_and_any_bytes_end() {
        let found: Vec<_> = options(&[1, 2, 4, 5, 0xb4, 0]).map(|o| o.map(|o| (o.kind, o.offset))).collect();
        assert_eq!(found, [Ok((1, 20)), Ok((2, 21)), Ok((0, 25))]);
        for first in 0..=255u8 {
            for second in 0..=41u8 {
                let mut area = [first; 40];
                area[1] = second;
                assert!(options(&area).count() <= 40);
                let _ = parse(&area);
            }
        }
    }
}
