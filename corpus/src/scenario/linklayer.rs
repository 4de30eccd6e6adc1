//! The same short exchange on every link and through every tunnel.

use super::{probe, probed};
use crate::capture::Capture;
use crate::connection::Connection;
use crate::file::compressed::crc32;
use crate::file::pcap::Pcap;
use crate::layer;
use crate::link::{self, Wrap, linktype};
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    let mut captures = Vec::new();
    let ethernet: [(&str, &str, Wrap); 8] = [
        ("link-padded.pcap", "Ethernet frames padded to 60 bytes", link::padded_ethernet),
        ("link-snap.pcap", "802.3 with LLC and SNAP", link::snap),
        ("link-vlan.pcap", "one VLAN tag", link::vlan),
        ("link-qinq.pcap", "a customer tag in a service tag", link::qinq),
        ("link-four-tags.pcap", "four VLAN tags with 0x9100 outside", link::four_tags),
        ("link-pppoe.pcap", "a PPPoE session", link::pppoe),
        ("link-mpls.pcap", "two MPLS labels", link::mpls),
        ("tunnel-mpls-in-udp.pcap", "MPLS in UDP", link::mpls_in_udp),
    ];
    for (file, shows, wrap) in ethernet {
        captures.push(Capture::pcap(file, shows, both_versions(wrap)));
    }
    let others: [(&str, &str, u32, Wrap); 9] = [
        ("link-sll.pcap", "Linux cooked capture", linktype::LINUX_SLL, link::sll),
        ("link-sll2.pcap", "Linux cooked capture, version 2", linktype::LINUX_SLL2, link::sll2),
        ("link-null-little.pcap", "BSD loopback, little-endian family", linktype::NULL, link::null_little),
        ("link-null-big.pcap", "BSD loopback, big-endian family", linktype::NULL, link::null_big),
        ("link-loop.pcap", "OpenBSD loopback", linktype::LOOP, link::null_big),
        ("link-raw.pcap", "raw IP", linktype::RAW, link::raw),
        ("link-raw-12.pcap", "raw IP as number 12", 12, link::raw),
        ("link-ppp.pcap", "PPP without address and control", linktype::PPP, link::ppp),
        ("link-ppp-hdlc.pcap", "PPP in HDLC-like framing", linktype::PPP, link::ppp_hdlc),
    ];
    for (file, shows, number, wrap) in others {
        captures.push(Capture::pcap_as(file, shows, &Pcap::link(number), both_versions(wrap)));
    }
    let v4 = probed(Connection::v4(54_010, 80).over(link::raw));
    captures.push(Capture::pcap_as("link-ipv4.pcap", "raw IPv4 only", &Pcap::link(linktype::IPV4), v4));
    let v6 = probed(Connection::v6(54_011, 80).over(link::raw));
    captures.push(Capture::pcap_as("link-ipv6.pcap", "raw IPv6 only", &Pcap::link(linktype::IPV6), v6));
    let tunnels: [(&str, &str, Wrap); 9] = [
        ("tunnel-ip-in-ipv4.pcap", "IPv4 and IPv6 in IPv4", link::ip_in_ipv4),
        ("tunnel-ip-in-ipv6.pcap", "IPv4 and IPv6 in IPv6", link::ip_in_ipv6),
        ("tunnel-gre.pcap", "GRE", link::gre),
        ("tunnel-gre-ethernet.pcap", "Ethernet in GRE with key and sequence number", link::gre_ethernet),
        ("tunnel-vxlan.pcap", "VXLAN", link::vxlan),
        ("tunnel-geneve.pcap", "Geneve with an option", link::geneve),
        ("tunnel-gtp-u.pcap", "GTP-U with a sequence number", link::gtp_u),
        ("tunnel-nested.pcap", "VXLAN in GRE in a VLAN", link::vxlan_in_gre_in_vlan),
        ("link-ethernet.pcap", "plain Ethernet, to compare the others with", link::ethernet),
    ];
    for (file, shows, wrap) in tunnels {
        captures.push(Capture::pcap(file, shows, both_versions(wrap)));
    }
    captures.push(teredo());
    captures.push(fcs());
    captures.push(unknown());
    captures.push(in_and_out_of_a_tunnel());
    captures
}

/// One exchange over IPv4 and one over IPv6.
fn both_versions(wrap: Wrap) -> Trace {
    let mut trace = Trace::new();
    probe(&mut trace, &mut Connection::v4(54_000, 80).over(wrap));
    probe(&mut trace, &mut Connection::v6(54_001, 80).over(wrap));
    trace.expect_value("tcp.stream", 1);
    trace
}

fn teredo() -> Capture {
    let trace = probed(
        Connection::v6(54_020, 80)
            .with(|side, end| {
                let host = if side == crate::endpoint::Side::Client { 1 } else { 2 };
                end.addr = std::net::IpAddr::from([0x2001, 0, 0xcb00, 0x7101, 0, 0, 0, host]);
            })
            .over(link::teredo),
    );
    Capture::pcap("tunnel-teredo.pcap", "IPv6 in UDP to the Teredo port", trace)
}

fn fcs() -> Capture {
    let mut trace = both_versions(link::padded_ethernet);
    let mut offload = Connection::v4(54_030, 80);
    offload.open_unseen();
    let data = offload.segment(
        &trace,
        crate::endpoint::Side::Client,
        0x18,
        b"length 0 in the IP header, and a check sequence behind",
    );
    let mut packet = offload.packet(&data, 1);
    packet[2..4].fill(0);
    trace.push(offload.wrap(crate::endpoint::Side::Client, &packet)).saw(offload.sight(&data));
    for frame in &mut trace.frames {
        let sum = crc32(&frame.bytes);
        frame.bytes.extend_from_slice(&sum.to_le_bytes());
        frame.wire_len += 4;
    }
    let form = Pcap::link(linktype::ETHERNET | 0x2400_0000);
    Capture::pcap_as(
        "link-fcs.pcap",
        "every frame ends in a check sequence, and the file header says so",
        &form,
        trace,
    )
}

fn unknown() -> Capture {
    let mut trace = Trace::new();
    for number in 0..3u8 {
        trace.push(layer::join(&[number; 4], b"nobody knows this link"));
        trace.wait_ms(1);
    }
    Capture::pcap_as("link-unknown.pcap", "a link type for private use", &Pcap::link(linktype::USER0), trace)
}

fn in_and_out_of_a_tunnel() -> Capture {
    let bare = probed(Connection::v4(54_040, 80).over(link::raw));
    let mut trace = Trace::new();
    for frame in bare.frames {
        let from =
            if frame.bytes[12] == 10 { crate::endpoint::Side::Client } else { crate::endpoint::Side::Server };
        trace.set_clock_ns(frame.time_ns).push_like(&frame, link::ethernet(from, &frame.bytes));
        trace.wait_us(25).push_like(&frame, link::vxlan(from, &frame.bytes));
        trace.expect_value("tcp.stream", 0);
    }
    Capture::pcap(
        "inside-and-outside-a-tunnel.pcap",
        "every packet seen plain and in VXLAN: one stream",
        trace,
    )
}
