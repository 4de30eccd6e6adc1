//! What an input is if it is no capture that we read, and what to do about it.
//!
//! Owns sentences only; they follow the input's name. Magic numbers are those of the formats' own documents.

/// Formats that Wireshark's `editcap` turns into pcapng.
const CONVERTIBLE: &[(&[u8], &str)] = &[
    (b"snoop\0\0\0", "a snoop capture"),
    (b"RTSS", "a Microsoft Network Monitor 1 capture"),
    (b"GMBU", "a Microsoft Network Monitor 2 capture"),
    (b"TRSNIFF data    \x1a", "a Sniffer capture"),
    (b"XCP\0", "a NetXRay or Sniffer capture"),
    (b"btsnoop\0", "a Bluetooth snoop capture"),
    (b"iptrace 1.0", "an AIX iptrace capture"),
    (b"iptrace 2.0", "an AIX iptrace capture"),
    (b"ObserverPktBuffe", "a Network Instruments Observer capture"),
    (b"EyeSDN", "an EyeSDN capture"),
    (b"\x7fver", "an OmniPeek capture"),
    (b"\x05VNF", "a Visual Networks capture"),
    (b"\xaa\xaa\xaa\xaa", "a 5Views capture"),
    (b"LOGG", "a Vector BLF log"),
    (b"\x00\x00\x02\x00\x12\x05\x00\x10", "a Tektronix K12 capture"),
];

/// Compressions and archives, and what unpacks them.
const PACKED: &[(&[u8], &str, &str)] = &[
    (b"\xfd7zXZ\0", "xz", "xz -dc"),
    (b"BZh", "bzip2", "bzip2 -dc"),
    (b"\x89LZO\0", "lzop", "lzop -dc"),
    (b"LZIP", "lzip", "lzip -dc"),
    (b"\x1f\x9d", "compress", "uncompress -c"),
    (b"\x1f\x8b", "gzip", "gzip -dc"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstd -dc"),
    (b"\x04\x22\x4d\x18", "lz4", "lz4 -dc"),
    (b"PK\x03\x04", "zip", "unzip -p"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip", "7z x -so"),
    (b"Rar!", "RAR", "unrar p -inul"),
];

/// What else is found under a capture's name, and what it means.
const OTHER: &[(&[u8], &str)] = &[
    (
        b"version https://git-lfs.github.com/spec/",
        "is a Git LFS pointer, not the capture itself; fetch it with `git lfs pull`",
    ),
    (b"\x7fELF", "is a program (ELF), not a capture"),
    (b"%PDF", "is a PDF document, not a capture"),
    (b"\x89PNG", "is a PNG image, not a capture"),
    (b"{", "is JSON text, not a capture; netanalyze reads the packets themselves"),
    (b"SQLite format 3", "is an SQLite database, not a capture"),
];

/// Captures that went through text, and how to get them back.
const ENCODED: &[(&[u8], &str)] = &[
    (b"1MOyoQ", "base64 -d"),
    (b"obLD1A", "base64 -d"),
    (b"TTyyoQ", "base64 -d"),
    (b"Cg0NCg", "base64 -d"),
    (b"d4c3b2a1", "xxd -r -p"),
    (b"a1b2c3d4", "xxd -r -p"),
    (b"4d3cb2a1", "xxd -r -p"),
    (b"0a0d0d0a", "xxd -r -p"),
];

/// The beginnings of captures that a transfer in text mode, or an editor, has changed for good.
const MANGLED: &[&[u8]] = &[
    b"\xc3\x94\xc3\x83\xc2\xb2\xc2\xa1",
    b"\xef\xbf\xbd\xc3\xb2",
    b"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\x02\x00",
    b"\x0a\x0a\x0a",
    b"\x0d\x0a\x0d\x0d\x0d\x0a",
    b"\x0a\x0d\x0a",
];

/// Says what `head`, the first bytes of an input, seems to be; the sentence goes on from the input's name.
pub(super) fn describe(head: &[u8]) -> String {
    if head.is_empty() {
        return "is empty: nothing was captured, or the capture has not written its first packets yet"
            .to_owned();
    }
    for (magic, what) in CONVERTIBLE {
        if head.starts_with(magic) {
            return format!(
                "is {what}, which netanalyze does not read; convert it with `editcap -F pcapng IN OUT`"
            );
        }
    }
    for (magic, what, command) in PACKED {
        if head.starts_with(magic) {
            return format!(
                "is packed with {what}, which is not unpacked here; run `{command} FILE | netanalyze -`"
            );
        }
    }
    for (magic, sentence) in OTHER {
        if head.starts_with(magic) {
            return (*sentence).to_owned();
        }
    }
    for (magic, command) in ENCODED {
        if head.get(..magic.len()).is_some_and(|front| front.eq_ignore_ascii_case(magic)) {
            return format!(
                "is a capture written out as text; turn it back with `{command} FILE | netanalyze -`"
            );
        }
    }
    if MANGLED.iter().any(|magic| head.starts_with(magic)) {
        return "looks like a capture whose bytes a text-mode transfer changed; copy it again in binary mode"
            .to_owned();
    }
    if is_header_start(head) {
        return format!(
            "ends inside the header of a capture, after {} bytes: it was cut, or is still being written",
            head.len()
        );
    }
    if head.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
        return "begins like pcapng but its section header is damaged".to_owned();
    }
    if let Some(sentence) = text(head) {
        return sentence;
    }
    let bytes: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!(
        "is no capture that netanalyze reads (pcap or pcapng, plain or packed with gzip, zstd or lz4): it begins with the bytes {}",
        bytes.join(" ")
    )
}

/// Whether a short input is the beginning of a capture.
fn is_header_start(head: &[u8]) -> bool {
    let magics: [&[u8]; 4] =
        [b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d"];
    let begins = |magic: &[u8]| head.starts_with(magic) || magic.starts_with(head);
    (head.len() < 24 && magics.iter().any(|magic| begins(magic)))
        || (head.len() < 12 && begins(b"\x0a\x0d\x0d\x0a"))
}

/// What a text is, if it is one.
fn text(head: &[u8]) -> Option<String> {
    // The last character may be cut.
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.valid_up_to() + 4 > head.len() => {
            std::str::from_utf8(head.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    if text.chars().any(|letter| letter.is_control() && !letter.is_whitespace()) {
        return None;
    }
    let lower = text.trim_start().to_ascii_lowercase();
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let line: String = first.chars().take(60).collect();
    Some(if lower.starts_with("<!doctype html") || lower.starts_with("<html") {
        "is a web page, not a capture: the download gave an error or a login page".to_owned()
    } else if text.lines().count() <= 1
        && [".pcap", ".pcapng", ".cap"].iter().any(|end| lower.trim_end().ends_with(end))
    {
        format!("holds only the name of a capture, `{line}`: a symbolic link that was copied as a text file")
    } else if is_hex_dump(first) {
        "is a hex dump, not a capture; convert it with `text2pcap IN OUT`".to_owned()
    } else if first.contains(" IP ") || first.contains(" IP6 ") || first.contains(" ARP, ") {
        "is the text that tcpdump prints; record a capture with `tcpdump -w FILE`".to_owned()
    } else {
        format!("is a text file, not a capture; it begins with `{line}`")
    })
}

/// Whether a line is an offset and then bytes, as `od`, `xxd` and `text2pcap` have it.
fn is_hex_dump(line: &str) -> bool {
    let mut words = line.split([' ', ':']).filter(|word| !word.is_empty());
    let is_hex = |word: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    words.next().is_some_and(|offset| is_hex(offset, 3..=8) && offset.bytes().all(|byte| byte == b'0'))
        && words.take(3).filter(|word| is_hex(word, 2..=4)).count() == 3
}

#[cfg(test)]
mod tests {
    use super::super::sample::{refusal, small_pcap};
    use super::*;

    #[test]
    fn says_what_it_is_and_what_to_try() {
        for (head, want) in [
            (&b""[..], "is empty"),
            (b"snoop\0\0\0\0\0\0\x02", "`editcap -F pcapng IN OUT`"),
            (b"GMBU\0\x02", "Network Monitor 2"),
            (b"\xfd7zXZ\0\0\x04", "`xz -dc FILE | netanalyze -`"),
            (b"BZh91AY", "bzip2"),
            (b"PK\x03\x04\x14", "zip"),
            (b"<!DOCTYPE html>\n<html>", "web page"),
            (b"\n<html><body>", "web page"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "git lfs pull"),
            (b"../default/tls.pcapng", "symbolic link"),
            (b"1MOyoQIABAAAAAAA", "base64 -d"),
            (b"D4C3B2A1020004", "xxd -r -p"),
            (b"0000  00 1b 21 3c", "text2pcap"),
            (b"00000000: d4c3 b2a1 0200", "text2pcap"),
            (b"12:00:01.000001 IP 10.0.0.1.80 > 10.0.0.2.81: Flags", "tcpdump -w"),
            (b"dear diary\n", "begins with `dear diary`"),
            (b"\xc3\xa4rger, wide letter cut at the end \xe2\x82", "text file"),
            (b"\x7fELF\x02\x01", "program"),
            (b"\x0d\x0a\x0d\x0d\x0d\x0a\x1c\0\0\0", "text-mode transfer"),
            (b"\x0a\x0d\x0d\x0a\x1c\0\0\0none\x01\0\0\0", "section header is damaged"),
            (b"\xd4\xc3\xb2", "ends inside the header of a capture, after 3 bytes"),
            (b"\x01\x02\x03\x04\x05\x06\x07\x08\x09", "begins with the bytes 01 02 03 04 05 06 07 08"),
        ] {
            let said = describe(head);
            assert!(said.contains(want), "{}: {said}", head.escape_ascii());
            assert!(said.len() < 250, "{said}");
        }
    }

    #[test]
    fn every_prefix_of_a_header_is_refused_by_name() {
        for length in 0..24 {
            let said = refusal(&small_pcap(1)[..length]);
            assert!(said.starts_with("test: "), "{said}");
            assert!(
                said.contains(if length == 0 { "is empty" } else { "ends inside the header" }),
                "{length}: {said}"
            );
        }
    }

    #[test]
    fn what_a_packed_file_holds_is_named() {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"snoop\0\0\0").unwrap();
        let said = refusal(&encoder.finish().unwrap());
        assert!(said.contains("what this gzip file holds is a snoop capture"), "{said}");
    }
}
