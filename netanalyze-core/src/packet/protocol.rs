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
    /// 802.1Q tags.
    Vlan = "vlan";
    /// 802.1ad service tags.
    ServiceVlan = "ieee8021ad";
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
    /// Cisco inter-switch link.
    Isl = "isl";
    /// Cisco FabricPath.
    FabricPath = "cfp";
    /// Cisco VN tag.
    VnTag = "vntag";
    /// IEEE 802.1BR E-tag.
    Etag = "etag";
    /// Cisco metadata (security group tag).
    CiscoMetadata = "cmd";
    /// IEEE 802.1AE MACsec.
    Macsec = "macsec";
    /// High-availability seamless redundancy.
    Hsr = "hsr";
    /// IEEE 802.1CB redundancy tag.
    RTag = "ieee8021cb";
    /// IEEE 802.1ah provider backbone bridging.
    ItagBackbone = "ieee8021ah";
    /// TRILL.
    Trill = "trill";
    /// Spanning tree.
    Stp = "stp";
    /// Link layer discovery protocol.
    Lldp = "lldp";
    /// Link aggregation and other slow protocols.
    Slow = "slow";
    /// EAP over LAN.
    Eapol = "eapol";
    /// MPLS.
    Mpls = "mpls";
    /// Ethernet pseudo-wire control word.
    PwEthCw = "pwethcw";
    /// PPPoE discovery.
    PppoeDiscovery = "pppoed";
    /// PPPoE session.
    Pppoe = "pppoes";
    /// PPP.
    Ppp = "ppp";
    /// Cisco HDLC.
    Chdlc = "chdlc";
    /// Frame Relay.
    FrameRelay = "fr";
    /// FDDI.
    Fddi = "fddi";
    /// Token Ring.
    TokenRing = "tr";
    /// ARCNET.
    Arcnet = "arcnet";
    /// Solaris IP observability.
    Ipnet = "ipnet";
    /// IP over InfiniBand.
    Ipoib = "ipoib";
    /// Linux netfilter log.
    Nflog = "nflog";
    /// Apple packet metadata.
    Pktap = "pktap";
    /// Juniper encapsulations.
    Juniper = "juniper";
    /// 802.11.
    Wlan = "wlan";
    /// Radiotap.
    Radiotap = "radiotap";
    /// Per-packet information.
    Ppi = "ppi";
    /// Prism header.
    Prism = "prism";
    /// AVS header.
    Avs = "wlancap";
    /// GRE.
    Gre = "gre";
    /// ERSPAN.
    Erspan = "erspan";
    /// VXLAN.
    Vxlan = "vxlan";
    /// VXLAN generic protocol extension.
    VxlanGpe = "vxlan_gpe";
    /// Geneve.
    Geneve = "geneve";
    /// GTP.
    Gtp = "gtp";
    /// GTP'.
    GtpPrime = "gtpprime";
    /// Teredo.
    Teredo = "teredo";
    /// AYIYA.
    Ayiya = "ayiya";
    /// L2TP.
    L2tp = "l2tp";
    /// LISP data.
    Lisp = "lisp-data";
    /// CAPWAP data.
    Capwap = "capwap.data";
    /// TaZmen sniffer protocol.
    Tzsp = "tzsp";
    /// EtherIP.
    EtherIp = "etherip";
    /// Automatic multicast tunnelling.
    Amt = "amt";
    /// Network service header.
    Nsh = "nsh";
    /// sFlow.
    Sflow = "sflow";
    /// PIM.
    Pim = "pim";
    /// IP authentication header.
    Ah = "ah";
    /// IP encapsulating security payload.
    Esp = "esp";
    /// SCTP.
    Sctp = "sctp";
    /// IGMP.
    Igmp = "igmp";
    /// OSPF.
    Ospf = "ospf";
    /// VRRP.
    Vrrp = "vrrp";
    /// EIGRP.
    Eigrp = "eigrp";
    /// DCCP.
    Dccp = "dccp";
    /// PGM.
    Pgm = "pgm";
    /// RSVP.
    Rsvp = "rsvp";
    /// A link type that we do not decode.
    UnknownLink = "unknown_link";
    /// Anything that has no row of its own.
    Data = "data";
}
