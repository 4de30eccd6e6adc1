//! Findings in words: one sentence each, with the figures.

use std::fmt;

use super::finding::{Detail, Finding, Party, ResetDetail};
use crate::model::Span;
use crate::tcp::ConnectionState;

impl Finding {
    /// One sentence with the figures.
    #[must_use]
    pub fn message(&self) -> String {
        let kind = self.kind();
        let id = kind.id;
        match self.detail {
            Detail::Custom { ref message, .. } => message.to_string(),
            Detail::None {} => plain_message(id, kind.title),
            Detail::Segment { seq, payload_bytes, syn, fin, rto_frame, rto } => {
                let what = segment_words(payload_bytes, syn, fin);
                match id {
                    "tcp.analysis.fast_retransmission" => {
                        format!("{what} at seq {seq} sent again after duplicate ACKs")
                    }
                    "tcp.analysis.spurious_retransmission" => {
                        format!("{what} at seq {seq} sent again although already acknowledged")
                    }
                    "tcp.analysis.out_of_order" => {
                        format!("{what} at seq {seq} arrived after data that follows it")
                    }
                    _ if rto_frame.0 != 0 => format!(
                        "{what} at seq {seq} sent again, {} after frame {rto_frame} which is still unacknowledged",
                        Seconds(rto)
                    ),
                    _ => format!("{what} at seq {seq} sent again"),
                }
            }
            Detail::Missing { seq, missing_bytes } => {
                format!("{} before seq {seq} not captured so far", Bytes(missing_bytes))
            }
            Detail::Unseen { ack, hole_seq } => {
                format!("ack {ack} covers data that the capture does not hold, from seq {hole_seq} on")
            }
            Detail::WindowUpdate { previous_window_bytes, window_bytes } => {
                let verb = if window_bytes > previous_window_bytes { "opens" } else { "shrinks" };
                format!("receive window {verb} from {previous_window_bytes} to {}", Bytes(window_bytes))
            }
            Detail::WindowFull { window_bytes } => {
                format!(
                    "the receiver's window of {} is full with this segment: the sender must wait",
                    Bytes(window_bytes)
                )
            }
            Detail::DuplicateAck { ack, number, of_frame } => {
                format!("duplicate ACK #{number} of frame {of_frame}: still waiting for seq {ack}")
            }
            Detail::Reset(reset) => reset_message(reset),
            Detail::Dns(ref detail) => detail.to_string(),
            Detail::Tls(ref detail) => detail.to_string(),
            Detail::Http(ref detail) => detail.to_string(),
            Detail::Icmp(ref detail) => detail.to_string(),
            Detail::Ending(ending) => ending.to_string(),
            Detail::Gap { silence, silent, data_outstanding, state } => {
                let until = if id == "netanalyze.silent_end" { " until the capture ends" } else { "" };
                let silence = format!("{}{until}", Seconds(silence));
                match (silent, data_outstanding) {
                    (Party::Both, _) => {
                        format!("nothing for {silence}: both sides idle, no data outstanding")
                    }
                    (_, true) if state == ConnectionState::SynSent => {
                        format!("nothing for {silence}: {silent} did not answer the SYN")
                    }
                    (_, true) if state == ConnectionState::SynReceived => {
                        format!("nothing for {silence}: {silent} did not finish the handshake")
                    }
                    (_, true) => {
                        format!("nothing for {silence}: {silent} did not acknowledge outstanding data")
                    }
                    (Party::Server, false) => {
                        format!(
                            "nothing for {silence}: the server had acknowledged the client's data and did not answer"
                        )
                    }
                    (Party::Client, false) => {
                        format!("nothing for {silence}: the client was idle after the server's data")
                    }
                    (_, false) => {
                        format!("nothing for {silence}: {silent} was silent after its peer's data")
                    }
                }
            }
        }
    }
}

fn plain_message(id: &str, title: &str) -> String {
    match id {
        "tcp.analysis.zero_window" => "receive buffer full: window 0, the sender must stop".to_owned(),
        "tcp.analysis.zero_window_probe" => "one byte asks whether the closed window has opened".to_owned(),
        "tcp.analysis.zero_window_probe_ack" => "window still closed".to_owned(),
        "tcp.analysis.keep_alive" => "asks whether the idle peer is still there".to_owned(),
        "tcp.analysis.keep_alive_ack" => "answers a keep-alive".to_owned(),
        "tcp.analysis.reused_ports" => {
            "a new connection on the addresses and ports of an earlier one".to_owned()
        }
        "tcp.options.sack.dsack" => "reports data that it received twice".to_owned(),
        "netanalyze.refused" => "no connection: the server refuses it".to_owned(),
        "netanalyze.midstream" => "its start was not captured: roles and options are unknown".to_owned(),
        "tcp.connection.syn" => "asks to open a connection".to_owned(),
        "tcp.connection.synack" => "accepts the connection".to_owned(),
        "tcp.connection.fin" => "has no more data to send".to_owned(),
        "tcp.connection.fin_active" => "closes first".to_owned(),
        "tcp.connection.fin_passive" => "closes after its peer".to_owned(),
        _ => title.to_owned(),
    }
}

fn segment_words(bytes: u32, syn: bool, fin: bool) -> String {
    match (syn, fin, bytes) {
        (true, _, 0) => "SYN".to_owned(),
        (_, true, 0) => "FIN".to_owned(),
        (true, ..) => format!("SYN with {}", Bytes(bytes)),
        (_, true, _) => format!("FIN with {}", Bytes(bytes)),
        _ => Bytes(bytes).to_string(),
    }
}

fn reset_message(reset: ResetDetail) -> String {
    let by = reset.by;
    let mut text = match (reset.state, by) {
        (ConnectionState::SynSent, Party::Server) => {
            return "connection refused: the server answers the SYN with a reset".to_owned();
        }
        (ConnectionState::SynSent, Party::Client) => {
            return "the client withdraws its SYN before an answer".to_owned();
        }
        (ConnectionState::SynSent, _) => format!("{by} resets the attempt to connect"),
        (ConnectionState::SynReceived, Party::Client) => {
            "the client resets in answer to the SYN-ACK".to_owned()
        }
        (ConnectionState::SynReceived, _) => format!("{by} resets before the handshake is finished"),
        (ConnectionState::Established, _) => format!("{by} resets an open connection"),
        (ConnectionState::HalfClosed, _) => format!("{by} resets a connection that one side had closed"),
        (ConnectionState::Closed, _) => format!("{by} resets after both sides had closed"),
        (ConnectionState::Reset, _) => format!("{by} resets again"),
        (ConnectionState::Unknown, _) => format!("{by} resets a connection whose start was not captured"),
    };
    match (reset.own_data_outstanding, reset.peer_data_outstanding) {
        (true, true) => text.push_str(", with data of both sides unacknowledged"),
        (true, false) => text.push_str(", with its own data unacknowledged"),
        (false, true) => text.push_str(", without having acknowledged all of its peer's data"),
        (false, false) => {}
    }
    text
}

/// Bytes with their unit.
struct Bytes(u32);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "byte" } else { "bytes" })
    }
}

/// A duration in the unit that a person would choose, three significant digits.
pub(crate) struct Seconds(pub(crate) Span);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        let (value, unit) = match seconds.abs() {
            s if s >= 1.0 => (seconds, "s"),
            s if s >= 1e-3 => (seconds * 1e3, "ms"),
            _ => (seconds * 1e6, "µs"),
        };
        let decimals = match value.abs() {
            v if v >= 100.0 => 0,
            v if v >= 10.0 => 1,
            _ => 2,
        };
        write!(f, "{value:.decimals$} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::{ConversationRef, Protocol};
    use crate::expert::kind_by_id;
    use crate::model::{FrameNumber, Timestamp};

    fn message(id: &str, detail: Detail) -> String {
        let end = "10.0.0.1:80".parse().unwrap();
        let finding = Finding {
            kind: kind_by_id(id).unwrap(),
            frame: FrameNumber(7),
            known_at: FrameNumber(7),
            ordinal: 0,
            time: Timestamp(0),
            protocol: Some(Protocol::Tcp),
            stream: Some(0),
            source: end,
            destination: end,
            detail,
            first_of_conversation: true,
            conversation: ConversationRef::NONE,
        };
        assert_eq!(finding.filter(), "frame.number == 7");
        finding.message()
    }

    #[test]
    fn sentences_quote_the_figures() {
        let again = Detail::Segment {
            seq: 2897,
            payload_bytes: 1448,
            syn: false,
            fin: false,
            rto_frame: FrameNumber(4),
            rto: Span(203_400_000),
        };
        assert_eq!(
            message("tcp.analysis.retransmission", again.clone()),
            "1448 bytes at seq 2897 sent again, 203 ms after frame 4 which is still unacknowledged"
        );
        assert!(message("tcp.analysis.fast_retransmission", again).ends_with("after duplicate ACKs"));
        let refused = ResetDetail {
            by: Party::Server,
            state: ConnectionState::SynSent,
            own_data_outstanding: false,
            peer_data_outstanding: true,
        };
        assert!(message("tcp.connection.rst", Detail::Reset(refused)).starts_with("connection refused"));
        let gap = |state| Detail::Gap {
            silence: Span(3_020_000_000),
            silent: Party::Server,
            data_outstanding: true,
            state,
        };
        assert_eq!(
            message("netanalyze.gap", gap(ConnectionState::SynSent)),
            "nothing for 3.02 s: the server did not answer the SYN"
        );
        assert_eq!(
            message("netanalyze.gap", gap(ConnectionState::Established)),
            "nothing for 3.02 s: the server did not acknowledge outstanding data"
        );
    }

    #[test]
    fn durations_choose_their_unit() {
        for (ns, text) in [
            (1_500_000_000, "1.50 s"),
            (65_000_000_000, "65.0 s"),
            (12_345_678, "12.3 ms"),
            (999, "1.00 µs"),
            (-2_000_000, "-2.00 ms"),
        ] {
            assert_eq!(Seconds(Span(ns)).to_string(), text);
        }
    }
}
