//! A run of bytes with two lengths: how much was captured, and how much was on the wire ("reported" in Wireshark's words).
//!
//! Every reader of the decoder works on a [`Window`]; its reads are checked, so that no byte of a file can cause a panic.

/// Captured bytes and the length that they had on the wire; `bytes.len() <= wire` always holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'a> {
    bytes: &'a [u8],
    wire: u32,
}

impl<'a> Window<'a> {
    /// A frame's window. A wire length below the captured one is raised to it.
    #[inline]
    pub(super) fn new(bytes: &'a [u8], wire: u32) -> Self {
        let captured = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let bytes = bytes.get(..captured as usize).unwrap_or(bytes);
        Window { bytes, wire: wire.max(captured) }
    }

    /// A window whose bytes were all captured.
    #[inline]
    pub(super) fn whole(bytes: &'a [u8]) -> Self {
        Window::new(bytes, 0)
    }

    /// The captured bytes.
    #[inline]
    pub(super) fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Length on the wire.
    #[inline]
    pub(super) fn wire(self) -> u32 {
        self.wire
    }

    /// Whether every byte on the wire was captured.
    #[inline]
    pub(super) fn is_whole(self) -> bool {
        self.bytes.len() as u64 == u64::from(self.wire)
    }

    /// What follows the first `n` bytes. Past the end of either length it is empty there.
    #[inline]
    pub(super) fn after(self, n: usize) -> Self {
        let wire = self.wire.saturating_sub(u32::try_from(n).unwrap_or(u32::MAX));
        Window { bytes: self.bytes.get(n..).unwrap_or(&[]), wire }
    }

    /// At most the first `wire` bytes.
    #[inline]
    pub(super) fn limit(self, wire: u32) -> Self {
        let bytes = self.bytes.get(..wire as usize).unwrap_or(self.bytes);
        Window { bytes, wire: self.wire.min(wire) }
    }

    /// Without the last `n` bytes on the wire.
    #[inline]
    pub(super) fn without_tail(self, n: u32) -> Self {
        self.limit(self.wire.saturating_sub(n))
    }

    /// The captured bytes of a header of `n` bytes: all of them, or those that there are.
    #[inline]
    pub(super) fn head(self, n: usize) -> &'a [u8] {
        self.bytes.get(..n).unwrap_or(self.bytes)
    }

    /// `n` captured bytes at `at`.
    #[inline]
    pub(super) fn get(self, at: usize, n: usize) -> Option<&'a [u8]> {
        self.bytes.get(at..)?.get(..n)
    }

    /// The byte at `at`, if it was captured.
    #[inline]
    pub(super) fn u8(self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// The 16-bit number in network byte order at `at`.
    #[inline]
    pub(super) fn be16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// The 16-bit number in little-endian order at `at`.
    #[inline]
    pub(super) fn le16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    /// The 32-bit number in network byte order at `at`.
    #[inline]
    pub(super) fn be32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// `N` captured bytes at `at`, copied.
    #[inline]
    pub(super) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.bytes.get(at..)?.first_chunk().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captured_never_exceeds_the_wire() {
        let w = Window::new(&[1, 2, 3], 2);
        assert_eq!((w.bytes().len(), w.wire()), (3, 3));
        let w = Window::new(&[1, 2, 3], 10);
        assert!(!w.is_whole());
        assert_eq!((w.limit(2).bytes(), w.limit(2).wire()), (&[1, 2][..], 2));
        assert!(w.limit(3).is_whole());
        assert_eq!((w.after(5).bytes().len(), w.after(5).wire()), (0, 5));
        assert_eq!((w.after(11).bytes().len(), w.after(11).wire()), (0, 0));
        assert_eq!((w.without_tail(4).bytes().len(), w.without_tail(4).wire()), (3, 6));
        assert_eq!((w.without_tail(8).bytes().len(), w.without_tail(8).wire()), (2, 2));
    }

    #[test]
    fn reads_stop_at_the_end() {
        let w = Window::whole(&[1, 2, 3, 4]);
        assert_eq!((w.be16(2), w.be16(3), w.be16(usize::MAX)), (Some(0x0304), None, None));
        assert_eq!((w.be32(0), w.be32(1), w.le16(0)), (Some(0x0102_0304), None, Some(0x0201)));
        assert_eq!((w.get(1, 3), w.get(1, 4), w.head(9)), (Some(&[2, 3, 4][..]), None, &[1, 2, 3, 4][..]));
    }
}
