//! A handshake as rules look at it: whose it is, what it asked for, what can be seen of the server's certificate.

use super::super::super::case::Case;
use super::super::super::object::Ends;
use super::AT_ONCE;
use crate::expert::Utc;
use crate::model::{FrameNumber, Span, shown};
use crate::protocol::stream::Moment;
use crate::protocol::tls::{Certificate, Handshake};

/// A handshake and whose it is.
pub(super) struct Row<'h> {
    pub(super) handshake: &'h Handshake,
    pub(super) ends: Ends,
}

impl Row<'_> {
    /// A case whose evidence begins with the hellos.
    pub(super) fn case(&self, code: &'static str, end: Moment) -> Case {
        let handshake = self.handshake;
        let start = handshake.start();
        let frame = |moment: Option<Moment>| moment.map_or(FrameNumber(0), |moment| moment.frame);
        let greeting = match self.name() {
            "" => "ClientHello, without a server name".to_owned(),
            name => format!("ClientHello, for {name}"),
        };
        let case = Case::new(code, self.ends, (start.time, end.time))
            .about(self.name().to_owned())
            .costs(end.time.since(handshake.syn.unwrap_or(start.time).min(start.time)));
        let case = case.shows(frame(handshake.client_hello), greeting, "a handshake that succeeds");
        case.shows(frame(handshake.server_hello), "ServerHello", "a handshake that succeeds")
    }

    /// The name that the client asked for, if it can be shown as it is.
    pub(super) fn name(&self) -> &str {
        let name = self.handshake.server_name.as_deref().and_then(|name| std::str::from_utf8(name).ok());
        name.filter(|name| name.bytes().all(|byte| byte.is_ascii_graphic())).unwrap_or_default()
    }

    /// "for name", or nothing.
    pub(super) fn asked(&self) -> String {
        if self.name().is_empty() { String::new() } else { format!(" for {}", self.name()) }
    }

    /// ", name", or nothing.
    pub(super) fn named(&self) -> String {
        if self.name().is_empty() { String::new() } else { format!(", {}", self.name()) }
    }

    pub(super) fn client(&self) -> std::net::IpAddr {
        self.ends.client.ip()
    }

    pub(super) fn server_certificate(&self) -> Option<&Certificate> {
        self.handshake.server_chain.as_deref()?.own()
    }

    /// The server's certificate at its time: whether it has expired, or is not valid yet, in words.
    pub(super) fn out_of_date(&self) -> Option<String> {
        let own = self.server_certificate()?;
        let at = self.handshake.latest().time;
        let seconds = at.0.div_euclid(1_000_000_000);
        if own.is_valid_at(at) {
            return None;
        }
        let (word, when) = if seconds > own.not_after {
            ("expired", own.not_after)
        } else {
            ("becomes valid only", own.not_before)
        };
        let days = seconds.abs_diff(when) / 86_400;
        let tense = if seconds > own.not_after { "before" } else { "after" };
        let subject = shown(&own.subject);
        Some(format!(
            "the certificate of {subject} {word} on {}, {days} days {tense} the handshake",
            Utc(when)
        ))
    }

    /// The certificate is for other names, in words.
    pub(super) fn other_name(&self) -> Option<String> {
        let (own, name) = (self.server_certificate()?, self.name());
        let literal = name.parse::<std::net::IpAddr>().is_ok();
        if name.is_empty()
            || literal
            || self.handshake.ech
            || own.names_left_out > 0
            || own.is_for(name.as_bytes())
        {
            return None;
        }
        let first = own.names.first().map_or_else(|| shown(&own.subject), |first| shown(first));
        Some(format!("the certificate is for {first}, not for {name}"))
    }

    /// What the client offered, in words.
    pub(super) fn offer(&self) -> String {
        let version =
            self.handshake.version_offered.map_or_else(String::new, |version| format!(" (up to {version})"));
        format!("nothing that the client offers{version} suits it")
    }

    /// Whether the end came right behind the handshake's last message. An end that comes later is an orderly one.
    pub(super) fn ends_at_once(&self) -> bool {
        let handshake = self.handshake;
        let last = handshake.finished.unwrap_or(handshake.latest());
        (Span(0)..=AT_ONCE).contains(&handshake.end.time.since(last.time))
    }
}
