//! Values of options that have a spelling of their own: seconds, sizes, conversations, key logs.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use netanalyze_core::conversation::Protocol;
use netanalyze_core::model::limits::{MAX_KEY_LOG_BYTES, MAX_SECRETS, MIN_MEMORY_LIMIT};
use netanalyze_core::model::{Error, FrameNumber, Span};
use netanalyze_core::protocol::tls::keys::Secrets;

use crate::exit::{Failure, say};

/// Reads a key log. What is to be said of it goes to standard error: the rest is used. Nothing comes of one without secrets, as a program
/// leaves it that met no TLS.
pub(super) fn key_log(path: &Path) -> Result<Option<Arc<Secrets>>, Failure> {
    let name = path.display();
    let text = key_log_text(path).map_err(|source| Error::Read { name: name.to_string(), source })?;
    let mut secrets = Secrets::default();
    let learned = secrets.learn(&text, FrameNumber(0));
    if let Some((line, reason)) = learned.first_bad {
        let more = match learned.bad {
            1 => String::new(),
            bad => format!(", nor are {} more", bad - 1),
        };
        say(&format!("{name}: line {line} is no line of a key log ({reason}){more}"));
    }
    if learned.left_out > 0 {
        say(&format!("{name}: {} secrets are beyond the {MAX_SECRETS} that are kept", learned.left_out));
    }
    if !secrets.is_empty() {
        return Ok(Some(Arc::new(secrets)));
    }
    let nothing = format!("{name} holds no secrets of TLS connections");
    if learned.bad > 0 {
        return Err(Failure::Usage(nothing));
    }
    say(&format!("{nothing}: nothing is decrypted"));
    Ok(None)
}

/// The lines of a key log, as far as they are read.
pub(super) fn key_log_text(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut rest = std::fs::File::open(path)?.take(MAX_KEY_LOG_BYTES + 1);
    rest.read_to_end(&mut text)?;
    if text.len() as u64 > MAX_KEY_LOG_BYTES {
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        // Without the end of any line it is one, which is none of a key log.
        text.truncate(if whole == 0 { text.len() } else { whole });
        say(&format!("{}: only the first {} MiB are read", path.display(), MAX_KEY_LOG_BYTES >> 20));
    }
    Ok(text)
}

/// `N`, `tcp:N` or `udp:N`.
pub(super) fn conversation(name: &str) -> Result<(Protocol, u64), Failure> {
    let (protocol, number) = match name.split_once(':') {
        None => (Some(Protocol::Tcp), name),
        Some(("tcp", number)) => (Some(Protocol::Tcp), number),
        Some(("udp", number)) => (Some(Protocol::Udp), number),
        Some((_, number)) => (None, number),
    };
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    match (protocol, number.parse()) {
        (Some(protocol), Ok(stream)) if digits => Ok((protocol, stream)),
        _ => Err(Failure::Usage(format!(
            "--follow {name:?} names no conversation: give the number that Wireshark has for it, e.g. 0, tcp:0 or udp:0"
        ))),
    }
}

/// The longest time that an option takes: nine digits on either side of the point.
pub(super) const MOST_SECONDS: &str = "999999999.999999999";

/// Seconds with up to nine decimals, above 0.
pub(super) fn seconds(option: &str, text: &str) -> Result<Span, Failure> {
    let wrong = || {
        Failure::Usage(format!(
            "{option} {text:?} cannot be used: give seconds in plain digits, above 0 and at most {MOST_SECONDS}, e.g. 0.5"
        ))
    };
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + decimals.len() == 0
        || !digits(whole)
        || !digits(decimals)
        || whole.len() > 9
        || decimals.len() > 9
    {
        return Err(wrong());
    }
    let number = |part: &str| if part.is_empty() { Ok(0) } else { part.parse::<i64>().map_err(|_| wrong()) };
    let ns = number(whole)? * 1_000_000_000 + number(&format!("{decimals:0<9}"))?;
    if ns == 0 { Err(wrong()) } else { Ok(Span(ns)) }
}

/// Bytes, or thousands (of 1024), millions or more of them by a letter.
pub(super) fn memory_limit(text: &str) -> Result<u64, Failure> {
    let wrong = |why: &str| {
        Failure::Usage(format!("--memory-limit {text:?} cannot be used: {why}, e.g. 256M, 1.5G or 4G"))
    };
    let upper = text.to_ascii_uppercase();
    let number = upper.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match upper.get(number.len()..).unwrap_or_default() {
        "" | "B" => 1.0,
        "K" | "KB" | "KIB" => 1024.0,
        "M" | "MB" | "MIB" => 1024.0 * 1024.0,
        "G" | "GB" | "GIB" => 1024.0 * 1024.0 * 1024.0,
        "T" | "TB" | "TIB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong("the unit is one of K, M, G and T")),
    };
    let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let bytes = number.parse::<f64>().ok().filter(|_| plain).map(|number| number * unit);
    let bytes = bytes.ok_or_else(|| wrong("give a size"))?;
    // Saturates: nobody has that much.
    let bytes = bytes as u64;
    if bytes < MIN_MEMORY_LIMIT { Err(wrong("128M is the least")) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_memory_limits() {
        let mib = 1 << 20;
        for (text, bytes) in [
            ("128M", 128 * mib),
            ("256m", 256 * mib),
            ("256MiB", 256 * mib),
            ("1G", 1024 * mib),
            ("1.5g", 1536 * mib),
            ("2T", 2 << 40),
            ("134217728", 128 * mib),
            ("99999999999999999999T", u64::MAX),
        ] {
            assert_eq!(memory_limit(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "M", "127M", "0", "-1G", "1e9", "1 G", "inf", "nan", "1GG", "256X", "1..5G", "١G"] {
            assert!(memory_limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_names_of_conversations() {
        for (name, protocol, stream) in [
            ("0", Protocol::Tcp, 0),
            ("tcp:17", Protocol::Tcp, 17),
            ("udp:4294967295", Protocol::Udp, 4_294_967_295),
            ("4294967296", Protocol::Tcp, 4_294_967_296),
            ("007", Protocol::Tcp, 7),
        ] {
            assert_eq!(conversation(name).unwrap(), (protocol, stream), "{name}");
        }
        for name in [
            "",
            "tcp",
            "tcp:",
            "udp:-1",
            "+1",
            "TCP:1",
            "sctp:1",
            "1:2",
            "99999999999999999999",
            "1.5",
            "udp:1:2",
        ] {
            assert!(conversation(name).is_err(), "{name}");
        }
    }

    #[test]
    fn reads_seconds_exactly() {
        for (text, ns) in
            [("1", 1_000_000_000), ("0.2", 200_000_000), (".000000001", 1), ("12.", 12_000_000_000)]
        {
            assert_eq!(seconds("--gap", text).unwrap(), Span(ns), "{text}");
        }
        for text in ["", ".", "0", "-1", "1e3", "1,5", "NaN", "9999999999", "0.0000000001"] {
            assert!(seconds("--gap", text).is_err(), "{text}");
        }
        assert_eq!(seconds("--gap", MOST_SECONDS).unwrap(), Span(999_999_999_999_999_999));
    }
}
