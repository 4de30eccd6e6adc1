//! Rules of the path MTU.

use super::{Advice, Rule, advice};
use crate::diagnosis::object::{Confidence, Severity};
use crate::diagnosis::thresholds::Limit;

const PROBE: Advice =
    advice("sender", "tracepath -n {server}", "the hop behind which the path MTU falls, if it says so");

pub(super) const RULES: &[Rule] = &[
    Rule {
        code: "MTU-01",
        name: "path-mtu-black-hole",
        title: "large packets vanish, small ones arrive",
        severity: Severity::Error,
        confidence: Confidence::Medium,
        meaning: "A link on the way is too narrow for full-sized packets, and the ICMP message that would tell the sender so is not sent or \
                  is filtered. Handshakes and small requests work; then the first large answer or upload hangs. Tunnels, VPNs and PPPoE are \
                  the usual places.",
        evidence: "In one direction a large segment, not to be fragmented, is sent again and again without being acknowledged, while \
                   smaller packets of the same pair of hosts get through before, between or after; and no ICMP message that asks for \
                   smaller packets.",
        confounders: "If small packets do not get through either, it is LOSS-10. Segments that the sender's network card cuts only later \
                      (Q-03) look larger than they were on the wire; the rule goes by the negotiated segment size. One conversation alone \
                      is less sure than two.",
        thresholds: &[Limit::BlackHoleAttempts],
        steps: &[
            advice(
                "sender",
                "ping -M do -s 1472 {server}",
                "lower -s until answers come: the largest that does, plus 28 octets, is the path MTU",
            ),
            PROBE,
            advice(
                "router at the narrow link",
                "iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
                "lets both ends agree on a segment size that fits",
            ),
            advice(
                "sender",
                "sysctl net.ipv4.tcp_mtu_probing=1",
                "lets TCP find the size by itself when ICMP is filtered",
            ),
        ],
        references: &["RFC 2923 section 2.1", "RFC 1191", "RFC 8201", "RFC 4821"],
    },
    Rule {
        code: "MTU-02",
        name: "path-mtu-discovery",
        title: "a router asks for smaller packets",
        severity: Severity::Info,
        confidence: Confidence::High,
        meaning: "A router could not forward a packet that was too large and told the sender which size fits. A sender that obeys goes on \
                  with smaller packets, and the cost is one round trip: it works as it should. A sender that keeps to its size ignores the \
                  message, and the transfer hangs.",
        evidence: "An ICMP fragmentation needed, or an ICMPv6 packet too big, that quotes a packet of the conversation. The sender ignores \
                   it if, after it, one large segment is sent again and again without being acknowledged; then it is an error.",
        confounders: "A sender whose packets stay large may not have received the message: a filter between the capture point and the \
                      sender can drop it. Where no packet of the sender was larger than the MTU at the capture point, something behind it, \
                      a network card or a tunnel, joined packets, and it is a guess.",
        thresholds: &[],
        steps: &[
            advice("sender", "ip route get {server}", "the path MTU that the host remembers"),
            PROBE,
            advice("sender", "nft list ruleset | grep -i icmp", "a rule that drops the message"),
        ],
        references: &["RFC 1191 section 4", "RFC 8201 section 4", "RFC 4443 section 3.2"],
    },
];
