//! Rare links and tunnels, each with a handshake and a segment sent twice.

use super::filler;
use crate::capture::Capture;
use crate::connection::Connection;
use crate::conversation::Sight;
use crate::endpoint::{Side, flag};
use crate::file::pcap::Pcap;
use crate::link::Wrap;
use crate::rare;
use crate::trace::Trace;

pub(super) fn captures() -> Vec<Capture> {
    let mut captures = vec![tunnels()];
    let links: [(&str, &str, u32, Wrap); 7] = [
        ("link-cisco-hdlc.pcap", "Cisco HDLC", 104, rare::cisco_hdlc),
        ("link-ppp-directed.pcap", "PPP with a direction byte", 204, rare::ppp_directed),
        ("link-pppoe-bare.pcap", "PPPoE without Ethernet", 51, rare::pppoe_bare),
        ("link-ppi.pcap", "per-packet information before Ethernet", 192, rare::ppi),
        ("link-nflog.pcap", "a Linux netfilter log", 239, rare::nflog),
        ("link-80211.pcap", "802.11 data frames", 105, rare::wlan),
        ("link-radiotap.pcap", "802.11 QoS data after radiotap", 127, rare::radiotap),
    ];
    for (file, shows, number, wrap) in links {
        let mut trace = Trace::new();
        greet(&mut trace, Connection::v4(58_000, 5_920).over(wrap));
        greet(&mut trace, Connection::v6(58_001, 5_920).over(wrap));
        captures.push(Capture::pcap_as(file, shows, &Pcap::link(number), trace));
    }
    captures.push(aggregate());
    captures.push(aggregate_repeats());
    captures
}

/// A handshake, and a segment that is sent again after 300 ms.
fn greet(trace: &mut Trace, mut connection: Connection) {
    connection.open(trace, 5_000);
    trace.expect("tcp.analysis.initial_rtt");
    let lost = connection.lost_data(trace, Side::Client, &filler(60, 0));
    trace.wait_ms(300);
    connection.again(trace, &lost);
    trace.expect("tcp.analysis.retransmission").expect_value("tcp.len", 60);
    trace.wait_ms(10);
}

fn tunnels() -> Capture {
    let kinds: [Wrap; 17] = [
        rare::gre_pptp,
        rare::gre_checksum,
        rare::erspan_2,
        rare::erspan_3,
        rare::wccp,
        rare::gre_in_udp,
        rare::l2tp,
        rare::ether_ip,
        rare::authenticated,
        rare::vxlan_gpe,
        rare::lisp,
        rare::tzsp,
        rare::gtp_u_extended,
        rare::capwap,
        rare::nsh,
        rare::pseudo_wire,
        rare::geneve_ip,
    ];
    let mut trace = Trace::new();
    for (index, wrap) in kinds.into_iter().enumerate() {
        greet(&mut trace, Connection::v4(58_010 + index as u16, 5_921).over(wrap));
        trace.expect_value("tcp.stream", index);
    }
    for (index, wrap) in [rare::amt as Wrap, rare::source_routed, rare::deep, rare::pseudo_wire_with_control]
        .into_iter()
        .enumerate()
    {
        greet(&mut trace, Connection::v4(58_040 + index as u16, 5_921).over(wrap));
    }
    Capture::pcap("tunnel-rare.pcap", "rare tunnels, each with a handshake and a segment sent twice", trace)
}

fn aggregate() -> Capture {
    let mut trace = Trace::new();
    let mut one = Connection::v4(58_050, 5_922);
    let mut two = Connection::v4(58_051, 5_922);
    for round in 0..3u8 {
        let (mut packets, mut sights) = (Vec::new(), Vec::new());
        for connection in [&mut one, &mut two] {
            let (flags, len) = if round == 0 { (flag::SYN, 0) } else { (flag::ACK | flag::PSH, 40) };
            let segment = connection.segment(&trace, Side::Client, flags, &filler(len, round));
            connection.deliver(&segment);
            packets.push(connection.packet(&segment, u16::from(round)));
            sights.push(connection.sight(&segment));
        }
        if round == 2 {
            packets.push(packets[0].clone());
            sights.push(sights[0]);
        }
        trace.push(rare::wlan_aggregate(Side::Client, &packets));
        for sight in &sights {
            trace.saw(*sight);
        }
        trace.expect_value("tcp.stream", if round == 2 { "0,1,0" } else { "0,1" });
        trace.wait_ms(6);
        if round == 0 {
            let (packets, sights): (Vec<Vec<u8>>, Vec<Sight>) = [&mut one, &mut two]
                .into_iter()
                .map(|connection| {
                    let segment = connection.segment(&trace, Side::Server, flag::SYN | flag::ACK, &[]);
                    connection.deliver(&segment);
                    (connection.packet(&segment, 9), connection.sight(&segment))
                })
                .unzip();
            trace.push(rare::wlan_aggregate(Side::Server, &packets));
            for sight in sights {
                trace.saw(sight);
            }
            trace.wait_ms(1);
        }
    }
    Capture::pcap_as(
        "link-80211-aggregate.pcap",
        "several TCP packets in one 802.11 frame",
        &Pcap::link(105),
        trace,
    )
}

/// Several headers of one frame with the same numbers share what the analysis says of them, whatever stands between them.
fn aggregate_repeats() -> Capture {
    let mut trace = Trace::new();
    // Many pairs, so that wherever a reader keeps its conversations, some pairs are kept together.
    let mut connections: Vec<Connection> = (0..12).map(|n| Connection::v4(58_060 + n, 5_923)).collect();
    for part in 0..2u8 {
        let (mut packets, mut sights) = (Vec::new(), Vec::new());
        for connection in &mut connections {
            if part == 1 {
                connection.unseen_data(&trace, Side::Client, &filler(30, part));
            }
            let segment = connection.segment(&trace, Side::Client, flag::ACK | flag::PSH, &filler(20, part));
            connection.deliver(&segment);
            packets.push(connection.packet(&segment, u16::from(part)));
            sights.push(connection.sight(&segment));
        }
        if part == 1 {
            // The next segment of the first, then everything again.
            let segment = connections[0].segment(&trace, Side::Client, flag::ACK, &filler(10, part));
            let (packets_again, sights_again) = (packets.clone(), sights.clone());
            packets.push(connections[0].packet(&segment, 7));
            sights.push(connections[0].sight(&segment));
            packets.extend(packets_again);
            sights.extend(sights_again);
        }
        trace.push(rare::wlan_aggregate(Side::Client, &packets));
        for sight in sights {
            trace.saw(sight);
        }
        trace.wait_ms(6);
    }
    trace.expect("tcp.analysis.lost_segment");
    Capture::pcap_as(
        "link-80211-aggregate-repeats.pcap",
        "the same TCP headers twice in one 802.11 frame, with others between them",
        &Pcap::link(105),
        trace,
    )
}
