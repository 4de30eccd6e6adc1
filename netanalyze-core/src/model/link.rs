//! Link types by their registered numbers (LINKTYPE_ values of the pcap and pcapng formats).

/// A link type as a capture file states it. Numbers without a named constant here are kept as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct LinkType(pub u32);

/// What a frame's first byte is: the link type, and how many bytes of frame check sequence end every frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Link {
    /// The link type.
    pub kind: LinkType,
    /// Bytes of frame check sequence that the file says end each frame (0 if it does not say).
    pub fcs_len: u8,
}

impl From<LinkType> for Link {
    /// Without a frame check sequence.
    fn from(kind: LinkType) -> Self {
        Link { kind, fcs_len: 0 }
    }
}

macro_rules! link_types {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal;)*) => {
        impl LinkType {
            $($(#[$doc])* pub const $name: LinkType = LinkType($number);)*

            /// The registered name without `LINKTYPE_`, or `None` for a number that is not listed here.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                match self.0 { $($number => Some($text),)* _ => None }
            }
        }
    };
}

link_types! {
    /// BSD loopback: 4-byte address family in the writer's byte order.
    NULL = 0, "NULL";
    /// Ethernet II, 802.3.
    ETHERNET = 1, "ETHERNET";
    /// Token Ring.
    IEEE802_5 = 6, "IEEE802_5";
    /// ARCNET as BSD writes it.
    ARCNET_BSD = 7, "ARCNET_BSD";
    /// FDDI.
    FDDI = 10, "FDDI";
    /// PPP, with or without HDLC-like framing.
    PPP = 9, "PPP";
    /// PPP in HDLC-like framing.
    PPP_HDLC = 50, "PPP_HDLC";
    /// PPPoE without Ethernet header.
    PPP_ETHER = 51, "PPP_ETHER";
    /// Raw IP as BSD/OS and some others number it.
    RAW_BSD_OS = 14, "RAW";
    /// Raw IP as most systems' DLT_RAW numbers it.
    RAW_DLT = 12, "RAW";
    /// Raw IPv4 or IPv6.
    RAW = 101, "RAW";
    /// Cisco HDLC.
    C_HDLC = 104, "C_HDLC";
    /// 802.11 without radio header.
    IEEE802_11 = 105, "IEEE802_11";
    /// Frame Relay.
    FRELAY = 107, "FRELAY";
    /// OpenBSD loopback: 4-byte address family in network byte order.
    LOOP = 108, "LOOP";
    /// Linux cooked capture, version 1.
    LINUX_SLL = 113, "LINUX_SLL";
    /// 802.11 after a Prism header.
    IEEE802_11_PRISM = 119, "IEEE802_11_PRISM";
    /// 802.11 after a radiotap header.
    IEEE802_11_RADIOTAP = 127, "IEEE802_11_RADIOTAP";
    /// ARCNET as Linux writes it.
    ARCNET_LINUX = 129, "ARCNET_LINUX";
    /// Reserved for private use; Apple's systems put packet metadata under it.
    USER2 = 149, "USER2";
    /// 802.11 after an AVS header.
    IEEE802_11_AVS = 163, "IEEE802_11_AVS";
    /// Ethernet after Juniper's metadata.
    JUNIPER_ETHER = 178, "JUNIPER_ETHER";
    /// MPLS label stacks.
    MPLS = 219, "MPLS";
    /// Solaris IP observability.
    IPNET = 226, "IPNET";
    /// PPP with a direction byte before it.
    PPP_WITH_DIR = 204, "PPP_WITH_DIR";
    /// Per-packet information, then another link type.
    PPI = 192, "PPI";
    /// Raw IPv4.
    IPV4 = 228, "IPV4";
    /// Raw IPv6.
    IPV6 = 229, "IPV6";
    /// Linux netfilter log.
    NFLOG = 239, "NFLOG";
    /// IP over InfiniBand.
    IPOIB = 242, "IPOIB";
    /// Apple packet metadata.
    PKTAP = 258, "PKTAP";
    /// Linux cooked capture, version 2.
    LINUX_SLL2 = 276, "LINUX_SLL2";
}

impl std::fmt::Display for LinkType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "LINKTYPE {}", self.0),
        }
    }
}
