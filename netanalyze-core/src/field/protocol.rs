//! Protocols as fields: whether a frame has a layer, and for display filters the layer's bytes.

use super::registry::{Field, FieldType, Source};
use super::value::Value;
use crate::packet::Protocol;

/// A layer of which the decoder says the name only.
const fn other(protocol: Protocol, name: &'static str, meaning: &'static str) -> Field {
    Field { name, kind: FieldType::Protocol, meaning, source: Source::Other(protocol) }
}

/// A layer with fields of its own.
macro_rules! layer {
    ($source:ident($($argument:tt),*) $name:literal $meaning:literal) => {
        Field {
            name: $name,
            kind: FieldType::Protocol,
            meaning: $meaning,
            source: Source::$source(|$($argument,)* out| out.push(Value::Present)),
        }
    };
}

/// Protocols; those of applications stand with their fields.
pub(super) static FIELDS: &[Field] = &[
    layer!(Frame(_) "frame" "The frame"),
    layer!(Ethernet(_) "eth" "Ethernet II and 802.3"),
    layer!(Vlan(_) "vlan" "802.1Q tags"),
    layer!(Arp(_) "arp" "Address Resolution Protocol"),
    layer!(Ipv4(_) "ip" "IPv4"),
    layer!(Ipv6(_) "ipv6" "IPv6"),
    layer!(Tcp(_) "tcp" "TCP"),
    layer!(Udp(_, _) "udp" "UDP"),
    layer!(Icmp(_) "icmp" "ICMP"),
    layer!(Icmpv6(_) "icmpv6" "ICMPv6"),
    other(Protocol::ServiceVlan, "ieee8021ad", "802.1ad service tags"),
    other(Protocol::Llc, "llc", "IEEE 802.2 logical link control"),
    other(Protocol::Ipx, "ipx", "Novell IPX"),
    other(Protocol::Sll, "sll", "Linux cooked capture, both versions"),
    other(Protocol::Null, "null", "BSD loopback"),
    other(Protocol::Raw, "raw", "Raw IP without a link layer"),
    other(Protocol::Isl, "isl", "Cisco inter-switch link"),
    other(Protocol::FabricPath, "cfp", "Cisco FabricPath"),
    other(Protocol::VnTag, "vntag", "Cisco VN tag"),
    other(Protocol::Etag, "etag", "IEEE 802.1BR E-tag"),
    other(Protocol::CiscoMetadata, "cmd", "Cisco metadata (security group tag)"),
    other(Protocol::Macsec, "macsec", "IEEE 802.1AE MACsec"),
    other(Protocol::Hsr, "hsr", "High-availability seamless redundancy"),
    other(Protocol::RTag, "ieee8021cb", "IEEE 802.1CB redundancy tag"),
    other(Protocol::ItagBackbone, "ieee8021ah", "IEEE 802.1ah provider backbone bridging"),
    other(Protocol::Trill, "trill", "TRILL"),
    other(Protocol::Stp, "stp", "Spanning tree"),
    other(Protocol::Lldp, "lldp", "Link layer discovery protocol"),
    other(Protocol::Slow, "slow", "Link aggregation and other slow protocols"),
    other(Protocol::Eapol, "eapol", "EAP over LAN"),
    other(Protocol::Mpls, "mpls", "MPLS"),
    other(Protocol::PwEthCw, "pwethcw", "Ethernet pseudo-wire control word"),
    other(Protocol::PppoeDiscovery, "pppoed", "PPPoE discovery"),
    other(Protocol::Pppoe, "pppoes", "PPPoE session"),
    other(Protocol::Ppp, "ppp", "PPP"),
    other(Protocol::Chdlc, "chdlc", "Cisco HDLC"),
    other(Protocol::FrameRelay, "fr", "Frame Relay"),
    other(Protocol::Fddi, "fddi", "FDDI"),
    other(Protocol::TokenRing, "tr", "Token Ring"),
    other(Protocol::Arcnet, "arcnet", "ARCNET"),
    other(Protocol::Ipnet, "ipnet", "Solaris IP observability"),
    other(Protocol::Ipoib, "ipoib", "IP over InfiniBand"),
    other(Protocol::Nflog, "nflog", "Linux netfilter log"),
    other(Protocol::Pktap, "pktap", "Apple packet metadata"),
    other(Protocol::Juniper, "juniper", "Juniper encapsulations"),
    other(Protocol::Wlan, "wlan", "802.11"),
    other(Protocol::Radiotap, "radiotap", "Radiotap"),
    other(Protocol::Ppi, "ppi", "Per-packet information"),
    other(Protocol::Prism, "prism", "Prism header"),
    other(Protocol::Avs, "wlancap", "AVS header"),
    other(Protocol::Gre, "gre", "GRE"),
    other(Protocol::Erspan, "erspan", "ERSPAN"),
    other(Protocol::Vxlan, "vxlan", "VXLAN"),
    other(Protocol::VxlanGpe, "vxlan_gpe", "VXLAN generic protocol extension"),
    other(Protocol::Geneve, "geneve", "Geneve"),
    other(Protocol::Gtp, "gtp", "GTP"),
    other(Protocol::GtpPrime, "gtpprime", "GTP'"),
    other(Protocol::Teredo, "teredo", "Teredo"),
    other(Protocol::Ayiya, "ayiya", "AYIYA"),
    other(Protocol::L2tp, "l2tp", "L2TP"),
    other(Protocol::Lisp, "lisp-data", "LISP data"),
    other(Protocol::Capwap, "capwap.data", "CAPWAP data"),
    other(Protocol::Tzsp, "tzsp", "TaZmen sniffer protocol"),
    other(Protocol::EtherIp, "etherip", "EtherIP"),
    other(Protocol::Amt, "amt", "Automatic multicast tunnelling"),
    other(Protocol::Nsh, "nsh", "Network service header"),
    other(Protocol::Sflow, "sflow", "sFlow"),
    other(Protocol::Pim, "pim", "PIM"),
    other(Protocol::Ah, "ah", "IP authentication header"),
    other(Protocol::Esp, "esp", "IP encapsulating security payload"),
    other(Protocol::Sctp, "sctp", "SCTP"),
    other(Protocol::Igmp, "igmp", "IGMP"),
    other(Protocol::Ospf, "ospf", "OSPF"),
    other(Protocol::Vrrp, "vrrp", "VRRP"),
    other(Protocol::Eigrp, "eigrp", "EIGRP"),
    other(Protocol::Dccp, "dccp", "DCCP"),
    other(Protocol::Pgm, "pgm", "PGM"),
    other(Protocol::Rsvp, "rsvp", "RSVP"),
];

/// Where the bytes of a protocol come from, for display filters that look into them.
pub(super) fn bytes_of(name: &str) -> Option<Source> {
    Some(Source::Whole(match name {
        "frame" => return Some(Source::Frame(|frame, out| out.push(Value::Raw(frame.bytes().into())))),
        "eth" => Protocol::Ethernet,
        "vlan" => Protocol::Vlan,
        "arp" => Protocol::Arp,
        "ip" => Protocol::Ipv4,
        "ipv6" => Protocol::Ipv6,
        "tcp" => Protocol::Tcp,
        "udp" => Protocol::Udp,
        "icmp" => Protocol::Icmp,
        "icmpv6" => Protocol::Icmpv6,
        _ => return None,
    }))
}
