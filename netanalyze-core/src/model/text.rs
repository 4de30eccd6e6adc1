//! Bytes out of packets as text that does no harm: one way for findings, rows and reports.
//!
//! What tshark prints in fields follows other rules: see the fields.

use std::borrow::Cow;

/// Bytes out of a packet as text: UTF-8 as it is, of everything else each byte as `\xNN`. Not yet [escaped](escape()).
#[must_use]
pub fn readable(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        for byte in chunk.invalid() {
            out.push_str(&format!("\\x{byte:02x}"));
        }
    }
    Cow::Owned(out)
}

/// Text that does nothing to a terminal or a reader: control characters, those that turn the direction of writing, and others that are invisible become
/// `\u{…}`; line ends and tabs `\n`, `\r`, `\t`. A backslash stays as it is.
#[must_use]
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_harmful(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// Bytes out of a packet, [readable](readable()) and [escaped](escape()).
#[must_use]
pub fn shown(bytes: &[u8]) -> Cow<'_, str> {
    match readable(bytes) {
        Cow::Borrowed(text) => escape(text),
        Cow::Owned(text) => Cow::Owned(escape(&text).into_owned()),
    }
}

/// Controls, and of Unicode's format characters (general category Cf) and line separators those that stand in no ordinary word.
fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_moves_a_terminal() {
        for (text, escaped) in [
            ("eth0", "eth0"),
            ("a\u{1b}[2Jb\r\n", "a\\u{1b}[2Jb\\r\\n"),
            ("x\u{202e}y\u{9b}", "x\\u{202e}y\\u{9b}"),
            ("pay\u{ad}pal\u{2066}\u{feff}\u{e0041}", "pay\\u{ad}pal\\u{2066}\\u{feff}\\u{e0041}"),
            ("naïve ☃", "naïve ☃"),
        ] {
            assert_eq!(escape(text), escaped);
            assert_eq!(shown(text.as_bytes()), escaped);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_told_apart() {
        for (bytes, text) in [
            (&b"www.example.com"[..], "www.example.com"),
            ("bücher.example".as_bytes(), "bücher.example"),
            (b"a\xff\xc3.b", "a\\xff\\xc3.b"),
            (b"\x1b", "\u{1b}"),
            (b"", ""),
        ] {
            assert_eq!(readable(bytes), text);
        }
        assert_eq!(shown(b"\xff\x1b\xc2\x9b"), "\\xff\\u{1b}\\u{9b}");
    }
}
