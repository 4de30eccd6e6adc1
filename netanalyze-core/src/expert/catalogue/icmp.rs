//! Findings of ICMP, ICMPv6, neighbour discovery and ARP.

use super::{Group, Kind, Severity};
use crate::tcp::Flags;

/// A row.
const fn row(id: &'static str, severity: Severity, title: &'static str) -> Kind {
    Kind {
        id,
        severity,
        group: Group::Protocol,
        title,
        meaning: "",
        reference: "",
        filter: "",
        flag: Flags::NONE,
    }
}

/// What is reported of conversations comes first: those remember only kinds with a low place.
pub(super) const KINDS: [Kind; 12] = [
    row("netanalyze.icmp.port_unreachable", Severity::Warn, "Port unreachable")
        .with_meaning(
            "The host says that nobody listens on the port. To TCP a host answers with a reset instead, so there it is mostly a firewall.",
        )
        .with_reference("RFC 792, RFC 1122 §3.2.2.1, RFC 4443 §3.1")
        .with_filter("icmp.type == 3 && icmp.code == 3 || icmpv6.type == 1 && icmpv6.code == 4"),
    row("netanalyze.icmp.host_unreachable", Severity::Warn, "Host or network unreachable")
        .with_meaning(
            "A router has no way to the destination: no route to its network, or no answer from the host when it asks for its hardware address.",
        )
        .with_reference("RFC 792, RFC 1812 §5.2.7.1, RFC 4443 §3.1")
        .with_filter("icmp.type == 3 && icmp.code in {0, 1, 6, 7, 8, 11, 12} || icmpv6.type == 1 && icmpv6.code in {0, 2, 3}"),
    row("netanalyze.icmp.prohibited", Severity::Warn, "Administratively prohibited")
        .with_meaning("A firewall or a router's policy rejects the packet and says so; whoever sent the message is the device that does it.")
        .with_reference("RFC 1812 §5.2.7.1, RFC 4443 §3.1")
        .with_filter("icmp.type == 3 && icmp.code in {9, 10, 13} || icmpv6.type == 1 && icmpv6.code in {1, 5, 6}"),
    row("netanalyze.icmp.packet_too_big", Severity::Note, "Packet too big for the path")
        .with_meaning(
            "A router could not pass the packet on because the next link takes less. Its sender learns the path's MTU that way and should send smaller ones at once; \
             where such messages are lost, connections hang.",
        )
        .with_reference("RFC 1191, RFC 8201")
        .with_filter("icmp.type == 3 && icmp.code == 4 || icmpv6.type == 2"),
    row("netanalyze.icmp.time_exceeded", Severity::Warn, "Hop limit exceeded")
        .with_meaning(
            "A packet's hop limit was used up at the router that says so. Traceroute brings that about; otherwise it is a routing loop, or a very long path.",
        )
        .with_reference("RFC 792, RFC 4443 §3.3")
        .with_filter("icmp.type == 11 && icmp.code == 0 || icmpv6.type == 3 && icmpv6.code == 0"),
    row("netanalyze.icmp.reassembly_time_exceeded", Severity::Warn, "Fragments missing")
        .with_meaning("The destination did not get all fragments of a datagram in time: one was lost, or a firewall drops fragments.")
        .with_reference("RFC 792, RFC 4443 §3.3")
        .with_filter("icmp.type == 11 && icmp.code == 1 || icmpv6.type == 3 && icmpv6.code == 1"),
    row("netanalyze.icmp.redirect", Severity::Note, "Redirect")
        .with_meaning("A router tells a host that another one on the same link is the better first hop: the host's routes do not fit the network.")
        .with_reference("RFC 792, RFC 4861 §8")
        .with_filter("icmp.type == 5 || icmpv6.type == 137"),
    row("netanalyze.icmp.error", Severity::Warn, "Another ICMP error")
        .with_meaning(
            "Something else is reported of a packet: the destination does not know the protocol above IP, a header field cannot be processed, a source route fails, \
             or somebody asks to send less.",
        )
        .with_reference("RFC 792, RFC 1812 §5.2.7, RFC 4443 §3, RFC 6633")
        .with_filter(
            "icmp.type == 3 && icmp.code in {2, 5, 14..255} || icmp.type in {4, 12} || icmpv6.type == 1 && icmpv6.code > 6 || icmpv6.type == 4",
        ),
    row("netanalyze.icmp.echo_unanswered", Severity::Warn, "Echo requests without reply")
        .with_meaning(
            "Requests of one host to another under one identifier (a ping) that got neither a reply nor an error. They or their replies were lost, or a firewall drops \
             them, or the replies take a way that was not captured.",
        )
        .with_reference("RFC 792, RFC 4443 §4.1")
        .with_filter("icmp.type == 8 || icmpv6.type == 128")
        .with_group(Group::Sequence),
    row("netanalyze.icmp.echo_duplicate", Severity::Note, "Duplicate echo reply")
        .with_meaning("A second reply to one echo request: a packet is duplicated on its way, several hosts answer, or the capture holds it twice.")
        .with_reference("RFC 792, RFC 4443 §4.2")
        .with_filter("icmp.type == 0 || icmpv6.type == 129")
        .with_group(Group::Sequence),
    row("netanalyze.neighbour.unanswered", Severity::Warn, "Neighbour does not answer")
        .with_meaning(
            "A host asked for the hardware address of another one on its link (ARP, neighbour solicitation), again and again or where answers were captured, and nobody \
             answered: the other one is off, on another VLAN, or has another address. What a host cannot resolve, it cannot reach.",
        )
        .with_reference("RFC 826, RFC 4861 §7.2.2")
        .with_filter("arp.opcode == 1 || icmpv6.type == 135")
        .with_group(Group::Sequence),
    row("netanalyze.neighbour.duplicate_address", Severity::Warn, "Address claimed by two hosts")
        .with_meaning(
            "Two hardware addresses claimed one IP address within a minute: two hosts were given the same address, so that packets go now to one, now to the other; \
             or the address has just moved from one to the other. Addresses that routers share (VRRP, HSRP) do not count.",
        )
        .with_reference("RFC 5227 §2.4, RFC 4862 §5.4")
        .with_filter("arp || icmpv6.type == 136")
        .with_group(Group::Sequence),
];
