//! Names of the protocols that the decoder meets, as Wireshark's protocol filters spell them.

macro_rules! protocols {
    ($($(#[$doc:meta])* $name:ident = $filter:literal;)*) => {
        /// A protocol as the protocol mix counts it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Protocol { $($(#[$doc])* $name,)* }

        impl Protocol {
            /// Every protocol, in the order that lists show.
            pub const ALL: &'static [Protocol] = &[$(Protocol::$name,)*];

            /// Wireshark's protocol filter name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Protocol::$name => $filter,)* }
            }
        }
    };
}

protocols! {
    /// Ethernet II and 802.3.
    Ethernet = "eth";
    /// 802.1Q and 802.1ad tags.
    Vlan = "vlan";
    /// IEEE 802.2 logical link control.
    Llc = "llc";
    /// Address Resolution Protocol.
    Arp = "arp";
    /// IPv4.
    Ipv4 = "ip";
    /// IPv6.
    Ipv6 = "ipv6";
    /// TCP.
    Tcp = "tcp";
    /// UDP.
    Udp = "udp";
    /// ICMP.
    Icmp = "icmp";
    /// ICMPv6.
    Icmpv6 = "icmpv6";
    /// Novell IPX.
    Ipx = "ipx";
    /// Linux cooked capture, both versions.
    Sll = "sll";
    /// BSD loopback.
    Null = "null";
    /// Raw IP without a link layer.
    Raw = "raw";
    /// A link type that we do not decode.
    UnknownLink = "unknown_link";
    /// Anything that has no row of its own.
    Data = "data";
}
