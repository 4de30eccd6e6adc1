//! `--tls`: a row a handshake.

use std::io;

use netanalyze_core::conversation::Met;
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::Timestamp;
use netanalyze_core::protocol::message::Message;
use netanalyze_core::protocol::stream::Moment;
use netanalyze_core::protocol::tls::{
    Alert, Certificate, Handshake, Outcome, QuicClose, Resumption, Stage, Who,
};

use super::Rows;
use super::cells::{
    amount, clipped, dash, epoch, frames, name, names, shown, since, span, stream, stream_words, text, time,
};
use crate::table::{Cell, Column, Heading, Shape, Table, left, right};

/// The table.
#[derive(Debug, Default)]
pub(crate) struct Tls;

/// A handshake, and where.
pub(crate) struct Row<'b> {
    met: &'b Met,
    handshake: &'b Handshake,
}

/// A word for each outcome.
pub(super) fn outcome(handshake: &Handshake) -> &'static str {
    match handshake.outcome {
        Outcome::Completed => "completed",
        Outcome::Resumed => "resumed",
        Outcome::Failed(_) => "failed",
        Outcome::Rejected(_) => "rejected",
        Outcome::Reset(_) => "reset",
        Outcome::Closed(_) => "closed",
        Outcome::Silent(_) => "silent",
        Outcome::Undelivered(_) => "undelivered",
        Outcome::Abandoned(_) => "abandoned",
        Outcome::PlainText(_) => "plain_text",
        Outcome::Cut => "cut",
        _ => "other",
    }
}

/// Whose doing the outcome is.
pub(super) fn by(handshake: &Handshake) -> Option<&'static str> {
    let who = match handshake.outcome {
        Outcome::Failed(who)
        | Outcome::Rejected(who)
        | Outcome::Closed(who)
        | Outcome::Abandoned(who)
        | Outcome::PlainText(who) => who,
        Outcome::Reset(who) | Outcome::Silent(who) => who?,
        _ => return None,
    };
    Some(end(who))
}

fn end(who: Who) -> &'static str {
    match who {
        Who::Client => "client",
        Who::Server => "server",
    }
}

/// The outcome for people: what happened, who did it, and what the alert says.
pub(super) fn outcome_words(handshake: &Handshake) -> String {
    let who = by(handshake).map_or(String::new(), |who| format!(" by the {who}"));
    match handshake.outcome {
        Outcome::Completed => "completed".to_owned(),
        Outcome::Resumed => "resumed".to_owned(),
        Outcome::Failed(who) => match handshake.fatal_alert() {
            Some(alert) => format!("{}'s alert {}", end(who), alert.description),
            None => format!("ended{}", by(handshake).map_or(String::new(), |who| format!(" by the {who}"))),
        },
        Outcome::Rejected(who) => format!("rejected by the {}, encrypted", end(who)),
        Outcome::Reset(_) => format!("reset{who}"),
        Outcome::Closed(_) => format!("closed{who}"),
        Outcome::Silent(Some(who)) => format!("the {} is silent", end(who)),
        Outcome::Silent(None) => "goes no further".to_owned(),
        Outcome::Undelivered(who) => format!("the {}'s bytes were not acknowledged", end(who)),
        Outcome::Abandoned(who) => format!("given up by the {}", end(who)),
        Outcome::PlainText(who) => format!("the {} speaks plain text", end(who)),
        Outcome::Cut if handshake.left_out > 0 && !handshake.gaps => "not read whole".to_owned(),
        Outcome::Cut if handshake.gaps => "not captured whole".to_owned(),
        Outcome::Cut => "cut by the capture's end".to_owned(),
        _ => "ended".to_owned(),
    }
}

/// The last moment of it; of one that just stays open, or that data shows to be through, not that with which this became known.
pub(super) fn last(handshake: &Handshake) -> Option<Moment> {
    match handshake.outcome {
        Outcome::Completed
        | Outcome::Resumed
        | Outcome::Silent(_)
        | Outcome::Undelivered(_)
        | Outcome::Cut => handshake.first_data.or(handshake.finished).or(handshake.server_hello),
        _ => Some(handshake.end),
    }
}

fn certificate<'r>(row: &'r Row<'_>) -> Option<&'r Certificate> {
    row.handshake.server_chain.as_ref()?.own()
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Nothing => "nothing",
        Stage::ClientHello => "client_hello",
        Stage::Retry => "retry",
        Stage::ServerHello => "server_hello",
        Stage::Finished => "finished",
    }
}

fn resumption(how: Resumption) -> &'static str {
    match how {
        Resumption::SessionId => "session_id",
        Resumption::Ticket => "ticket",
        Resumption::Psk => "psk",
    }
}

fn alert_words(who: Who, alert: Alert) -> String {
    format!("{} {} {}", end(who), alert.level, alert.description)
}

/// The error with which QUIC closed the connection, and the sender's words for it.
fn close_words(close: &QuicClose) -> String {
    let error = close_error(close);
    if close.reason.is_empty() { error } else { format!("{error} \"{}\"", shown(&close.reason)) }
}

fn close_error(close: &QuicClose) -> String {
    match close.name() {
        "" if close.application => format!("the application's {:#x}", close.code),
        "" | "CRYPTO_ERROR" => format!("{:#x}", close.code),
        name => name.to_owned(),
    }
}

impl Table for Tls {
    type Row<'b> = Row<'b>;

    const VIEW: &'static str = "tls";
    const LINE: &'static str = "handshake";
    const ROWS: &'static str = "TLS handshakes";

    const COLUMNS: &'static [Column<Self>] = &[
        ("protocol", Shape::Word(&["tcp", "udp"]), "Whose streams `stream` counts.", |row| {
            Some(Cell::Word(row.met.protocol.name()))
        }),
        ("stream", Shape::Maybe(&Shape::Number), "`tcp.stream` or `udp.stream`.", |row| stream(row.met)),
        ("client", Shape::Endpoint, "The client's address and port.", |row| {
            Some(Cell::Endpoint(row.met.source))
        }),
        ("server", Shape::Endpoint, "The server's address and port.", |row| {
            Some(Cell::Endpoint(row.met.destination))
        }),
        ("sni", Shape::Maybe(&Shape::Text), "The server name that the client asked for.", |row| {
            name(row.handshake.server_name.as_ref()?)
        }),
        ("ech_offered", Shape::Flag, "The client offered Encrypted ClientHello.", |row| {
            Some(Cell::Flag(row.handshake.ech))
        }),
        ("version", Shape::Maybe(&Shape::Text), "The version that was negotiated.", |row| {
            text(row.handshake.version?)
        }),
        (
            "version_offered",
            Shape::Maybe(&Shape::Text),
            "The highest version that the client offered.",
            |row| text(row.handshake.version_offered?),
        ),
        ("alpn", Shape::Maybe(&Shape::Text), "The application protocol that was negotiated.", |row| {
            name(row.handshake.alpn.as_ref()?)
        }),
        (
            "alpn_offered",
            Shape::List(&Shape::Text),
            "Application protocols that the client offered.",
            |row| names(&row.handshake.alpn_offered),
        ),
        (
            "cipher",
            Shape::Maybe(&Shape::Text),
            "The cipher suite that was negotiated, as IANA names it.",
            |row| text(row.handshake.cipher?),
        ),
        ("group", Shape::Maybe(&Shape::Text), "The group of the key exchange, as IANA names it.", |row| {
            text(row.handshake.group?)
        }),
        (
            "outcome",
            Shape::Word(&[
                "completed",
                "resumed",
                "failed",
                "rejected",
                "reset",
                "closed",
                "silent",
                "undelivered",
                "abandoned",
                "plain_text",
                "cut",
                "other",
            ]),
            "How it ended.",
            |row| Some(Cell::Word(outcome(row.handshake))),
        ),
        ("by", Shape::Maybe(&Shape::Word(&["client", "server"])), "Whose doing the outcome is.", |row| {
            by(row.handshake).map(Cell::Word)
        }),
        ("alert", Shape::Maybe(&Shape::Text), "The fatal alert, as RFC 8446 names it.", |row| {
            text(row.handshake.fatal_alert()?.description)
        }),
        ("alerts", Shape::List(&Shape::Text), "All alerts that can be read: sender, level, name.", |row| {
            let alerts = row.handshake.alerts.iter();
            Some(Cell::List(alerts.map(|&(who, _, alert)| Cell::Text(alert_words(who, alert))).collect()))
        }),
        (
            "stage",
            Shape::Word(&["nothing", "client_hello", "retry", "server_hello", "finished"]),
            "How far it came.",
            |row| Some(Cell::Word(stage(row.handshake.stage))),
        ),
        ("resumed", Shape::Flag, "An earlier session was resumed.", |row| {
            Some(Cell::Flag(row.handshake.outcome == Outcome::Resumed))
        }),
        (
            "resumption",
            Shape::Maybe(&Shape::Word(&["session_id", "ticket", "psk"])),
            "How it was resumed.",
            |row| row.handshake.resumption.map(|how| Cell::Word(resumption(how))),
        ),
        ("early_data", Shape::Flag, "The client sent data before the server's answer.", |row| {
            Some(Cell::Flag(row.handshake.early_data))
        }),
        ("retries", Shape::Number, "HelloRetryRequests: each cost a round trip.", |row| {
            amount(row.handshake.retries.into())
        }),
        ("certificate_subject", Shape::Maybe(&Shape::Text), "Subject of the server's certificate.", |row| {
            name(&certificate(row)?.subject)
        }),
        ("certificate_issuer", Shape::Maybe(&Shape::Text), "Its issuer.", |row| {
            name(&certificate(row)?.issuer)
        }),
        (
            "certificate_names",
            Shape::Maybe(&Shape::List(&Shape::Text)),
            "Host names that it is for.",
            |row| names(&certificate(row)?.names),
        ),
        (
            "certificate_addresses",
            Shape::Maybe(&Shape::List(&Shape::Address)),
            "Addresses that it is for.",
            |row| {
                let addresses = certificate(row)?.addresses.iter();
                Some(Cell::List(addresses.map(|&address| Cell::Address(address)).collect()))
            },
        ),
        ("certificate_not_before", Shape::Maybe(&Shape::Time), "The first second of its validity.", |row| {
            epoch(certificate(row)?.not_before)
        }),
        ("certificate_not_after", Shape::Maybe(&Shape::Time), "The last second of its validity.", |row| {
            epoch(certificate(row)?.not_after)
        }),
        ("certificate_key", Shape::Maybe(&Shape::Text), "Kind of its key.", |row| {
            Some(Cell::Word(certificate(row)?.key))
        }),
        ("certificate_key_bits", Shape::Maybe(&Shape::Number), "Size of its key.", |row| {
            Some(certificate(row)?.key_bits).filter(|&bits| bits > 0).and_then(|bits| amount(bits.into()))
        }),
        ("certificate_signature", Shape::Maybe(&Shape::Text), "How it is signed.", |row| {
            Some(Cell::Word(certificate(row)?.signature))
        }),
        ("certificates", Shape::Maybe(&Shape::Number), "Certificates that the server sent.", |row| {
            amount(row.handshake.server_chain.as_ref()?.sent as u64)
        }),
        ("ocsp_stapled", Shape::Maybe(&Shape::Flag), "The server sent an OCSP response with them.", |row| {
            row.handshake.server_chain.as_ref().map(|_| Cell::Flag(row.handshake.stapled))
        }),
        ("client_certificate_requested", Shape::Flag, "The server asked for a certificate.", |row| {
            Some(Cell::Flag(row.handshake.client_certificate_requested))
        }),
        (
            "client_certificate_subject",
            Shape::Maybe(&Shape::Text),
            "Subject of the client's certificate.",
            |row| name(&row.handshake.client_chain.as_ref()?.own()?.subject),
        ),
        (
            "quic_error",
            Shape::Maybe(&Shape::Text),
            "The error with which QUIC closed the connection, by name or number.",
            |row| text(close_error(row.handshake.close.as_ref()?)),
        ),
        ("quic_reason", Shape::Maybe(&Shape::Text), "The words that its sender gave for it.", |row| {
            row.handshake
                .close
                .as_ref()
                .filter(|close| !close.reason.is_empty())
                .and_then(|c| name(&c.reason))
        }),
        ("plain_text", Shape::Maybe(&Shape::Text), "First line of plain text in place of TLS.", |row| {
            name(row.handshake.text.as_ref()?)
        }),
        ("start", Shape::Time, "Time of its first message.", |row| {
            Some(Cell::Time(row.handshake.start().time))
        }),
        ("client_hello_frame", Shape::Maybe(&Shape::Number), "Frame of the ClientHello.", |row| {
            amount(row.handshake.client_hello?.frame.0)
        }),
        ("server_hello_frame", Shape::Maybe(&Shape::Number), "Frame of the ServerHello.", |row| {
            amount(row.handshake.server_hello?.frame.0)
        }),
        ("finished_frame", Shape::Maybe(&Shape::Number), "Frame of the last Finished.", |row| {
            amount(row.handshake.finished?.frame.0)
        }),
        ("first_data_frame", Shape::Maybe(&Shape::Number), "Frame of the first application data.", |row| {
            amount(row.handshake.first_data?.frame.0)
        }),
        ("end_frame", Shape::Number, "Frame with which its end became known.", |row| {
            amount(row.handshake.end.frame.0)
        }),
        ("connect_ns", Shape::Maybe(&Shape::Number), "Time of the TCP handshake, in nanoseconds.", |row| {
            span(row.handshake.tcp_connect())
        }),
        (
            "hello_ns",
            Shape::Maybe(&Shape::Number),
            "From the ClientHello to the ServerHello, in nanoseconds.",
            |row| span(row.handshake.hello_time()),
        ),
        (
            "handshake_ns",
            Shape::Maybe(&Shape::Number),
            "From the ClientHello to the last Finished, in nanoseconds.",
            |row| span(row.handshake.handshake_time()),
        ),
        (
            "first_data_ns",
            Shape::Maybe(&Shape::Number),
            "From the ClientHello to the first application data, in nanoseconds.",
            |row| span(row.handshake.data_time()),
        ),
        ("decrypted", Shape::Flag, "Secrets are known: what the connection carries is decoded.", |row| {
            Some(Cell::Flag(row.handshake.decrypted))
        }),
        ("gaps", Shape::Flag, "Bytes of it were not captured.", |row| Some(Cell::Flag(row.handshake.gaps))),
        (
            "left_out",
            Shape::Number,
            "Alerts and messages that were left out because a limit was reached.",
            |row| amount(row.handshake.left_out.into()),
        ),
    ];

    const HEADINGS: &'static [Heading] = &[
        left("stream"),
        left("client → server"),
        right("start"),
        right("connect"),
        right("hello"),
        right("handshake"),
        right("data"),
        left("version"),
        left("server name"),
        left("outcome"),
        left("frames"),
    ];

    fn line(row: &Row<'_>, capture_start: Timestamp) -> Vec<String> {
        let Row { met, handshake } = row;
        let mut version = handshake.version.map_or_else(dash, |version| version.to_string());
        if let Some(alpn) = &handshake.alpn {
            version.push_str(&format!(" {}", shown(alpn)));
        }
        let mut outcome = outcome_words(handshake);
        if let Some(close) = handshake.close.as_ref().filter(|_| handshake.fatal_alert().is_none()) {
            outcome.push_str(&format!(": {}", close_words(close)));
        }
        if let Some(line) = &handshake.text {
            outcome.push_str(&format!(": {}", shown(line)));
        }
        vec![
            stream_words(met),
            format!("{} → {}", met.source, met.destination),
            since(handshake.start().time, capture_start),
            time(handshake.tcp_connect()),
            time(handshake.hello_time()),
            time(handshake.handshake_time()),
            time(handshake.data_time()),
            version,
            handshake.server_name.as_ref().map_or_else(dash, |name| shown(name)),
            clipped(&outcome),
            frames([Some(handshake.start()), last(handshake)]),
        ]
    }
}

impl Rows for Tls {
    fn met<'r>(row: &'r Row<'_>) -> &'r Met {
        row.met
    }

    fn rows(
        &mut self,
        batch: &AnalysedBatch<'_>,
        list: &mut dyn FnMut(&Row<'_>) -> io::Result<()>,
    ) -> io::Result<()> {
        batch.messages.iter().try_for_each(|met| match &met.message {
            Message::Handshake(handshake) => list(&Row { met, handshake }),
            _ => Ok(()),
        })
    }
}
