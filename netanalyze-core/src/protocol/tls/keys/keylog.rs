//! The lines of a key log, as browsers and libraries write it to `SSLKEYLOGFILE` and capturing programs into a capture.
//!
//! A line is a label, the client random of the ClientHello, and the secret, the latter two in hexadecimal. Comments begin with `#`. Labels
//! that nobody here can use are no fault.

use super::schedule::Secret;

/// What a secret is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]

pub(crate) enum SecretKind {
    /// Master secret of TLS 1.2 and below (`CLIENT_RANDOM`).
    Master,
    /// Early data of TLS 1.3 (`CLIENT_EARLY_TRAFFIC_SECRET`).
    ClientEarly,
    /// The client's handshake messages (`CLIENT_HANDSHAKE_TRAFFIC_SECRET`).
    ClientHandshake,
    /// The server's handshake messages (`SERVER_HANDSHAKE_TRAFFIC_SECRET`).
    ServerHandshake,
    /// The client's application data (`CLIENT_TRAFFIC_SECRET_0`).
    ClientApplication,
    /// The server's application data (`SERVER_TRAFFIC_SECRET_0`).
    ServerApplication,
}

impl SecretKind {
    /// Every kind.
    pub(crate) const ALL: [SecretKind; 6] = [
        SecretKind::Master,
        SecretKind::ClientEarly,
        SecretKind::ClientHandshake,
        SecretKind::ServerHandshake,
        SecretKind::ClientApplication,
        SecretKind::ServerApplication,
    ];
}

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A secret for the connection with this client random.
    Secret(SecretKind, [u8; 32], Secret),
    /// Well formed, and of no use here: exporter secrets, secrets of ECH, labels unknown.
    Unused,
    /// Neither; the words say why.
    Bad(&'static str),
}

/// Reads a key log: each line that is neither empty nor a comment, with its number from 1 on.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = (u64, Line)> + '_ {
    (1..).zip(text.split(|&byte| byte == b'\n')).filter_map(|(number, line)| {
        let line = line.trim_ascii();
        // Some writers begin files with a byte order mark.
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        (!line.is_empty() && !line.starts_with(b"#")).then(|| (number, read(line)))
    })
}

fn read(line: &[u8]) -> Line {
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let (Some(label), Some(random), Some(secret)) = (words.next(), words.next(), words.next()) else {
        return Line::Bad("not a label and two values");
    };
    // QUIC's secrets had labels of their own at first.
    let kind = match label.strip_prefix(b"QUIC_").unwrap_or(label) {
        b"CLIENT_RANDOM" => SecretKind::Master,
        b"CLIENT_EARLY_TRAFFIC_SECRET" => SecretKind::ClientEarly,
        b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => SecretKind::ClientHandshake,
        b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => SecretKind::ServerHandshake,
        b"CLIENT_TRAFFIC_SECRET_0" => SecretKind::ClientApplication,
        b"SERVER_TRAFFIC_SECRET_0" => SecretKind::ServerApplication,
        _ if label.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_') => {
            return Line::Unused;
        }
        _ => return Line::Bad("the first word is no label"),
    };
    let mut client_random = [0; 32];
    if unhex(random, &mut client_random) != Some(32) {
        return Line::Bad("the client random is not 64 hexadecimal digits");
    }
    let mut bytes = [0; 48];
    // As in Wireshark 4.0, whatever follows the digits is of no interest.
    let digits = secret.iter().take_while(|digit| digit.is_ascii_hexdigit()).count();
    let len = unhex(secret.get(..digits).unwrap_or_default(), &mut bytes);
    // A master secret has 48 bytes; one of TLS 1.3 as many as the hash of its suite.
    match (kind, len) {
        (SecretKind::Master, Some(48)) => {}
        (SecretKind::Master, _) => return Line::Bad("the master secret is not 96 hexadecimal digits"),
        (_, Some(32 | 48)) => {}
        _ => return Line::Bad("the secret is not 64 or 96 hexadecimal digits"),
    }
    match bytes.get(..len.unwrap_or_default()).and_then(Secret::new) {
        Some(secret) => Line::Secret(kind, client_random, secret),
        None => Line::Bad("no secret"),
    }
}

/// Bytes of an even number of hexadecimal digits; how many they are.
fn unhex(text: &[u8], into: &mut [u8]) -> Option<usize> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let (pairs, rest) = text.as_chunks::<2>();
    let into = into.get_mut(..pairs.len()).filter(|_| rest.is_empty())?;
    for (byte, &[high, low]) in into.iter_mut().zip(pairs) {
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(pairs.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Line {
        let found: Vec<_> = lines(text.as_bytes()).collect();
        assert_eq!(found.len(), 1, "{text}");
        found[0].1
    }

    #[test]
    fn each_label_has_its_kind() {
        let (random, short, long) = ("0a".repeat(32), "1B".repeat(32), "1b".repeat(48));
        for (label, kind) in [
            ("CLIENT_EARLY_TRAFFIC_SECRET", SecretKind::ClientEarly),
            ("CLIENT_HANDSHAKE_TRAFFIC_SECRET", SecretKind::ClientHandshake),
            ("SERVER_HANDSHAKE_TRAFFIC_SECRET", SecretKind::ServerHandshake),
            ("QUIC_SERVER_HANDSHAKE_TRAFFIC_SECRET", SecretKind::ServerHandshake),
            ("CLIENT_TRAFFIC_SECRET_0", SecretKind::ClientApplication),
            ("SERVER_TRAFFIC_SECRET_0", SecretKind::ServerApplication),
        ] {
            for secret in [&short, &long] {
                let bytes = vec![0x1b; secret.len() / 2];
                let expected = Line::Secret(kind, [10; 32], Secret::new(&bytes).unwrap());
                assert_eq!(one(&format!(" {label}  {random}\t{secret} \r\n")), expected);
            }
        }
        let master = Line::Secret(SecretKind::Master, [10; 32], Secret::new(&[0x1b; 48]).unwrap());
        assert_eq!(one(&format!("CLIENT_RANDOM {random} {long}")), master);
        assert!(matches!(one(&format!("CLIENT_RANDOM {random} {short}")), Line::Bad(_)));
        for label in
            ["EXPORTER_SECRET", "EARLY_EXPORTER_SECRET", "CLIENT_TRAFFIC_SECRET_1", "ECH_SECRET", "RSA"]
        {
            assert_eq!(one(&format!("{label} {random} {short}")), Line::Unused);
        }
    }

    #[test]
    fn bad_lines_are_told_with_their_numbers() {
        let (random, secret) = ("0a".repeat(32), "1b".repeat(32));
        let label = "CLIENT_TRAFFIC_SECRET_0";
        let text = format!(
            "# comment\n\n{label} {random} {secret}\n{label} {random}\n{label} {random}0 {secret}\n{label} {random} g{secret}\n\
             {label} {random} {secret}\\ more\nnonsense here too\n{label} {random} {secret}00"
        );
        let found: Vec<_> =
            lines(text.as_bytes()).map(|(number, line)| (number, matches!(line, Line::Bad(_)))).collect();
        assert_eq!(found, [(3, false), (4, true), (5, true), (6, true), (7, false), (8, true), (9, true)]);
    }

    #[test]
    fn every_cut_of_a_line_is_bad() {
        let line = format!("CLIENT_TRAFFIC_SECRET_0 {} {}", "0a".repeat(32), "1b".repeat(32));
        for cut in 1..line.len() {
            assert!(matches!(one(&line[..cut]), Line::Bad(_)), "{cut}");
        }
    }
}
