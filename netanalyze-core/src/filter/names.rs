//! Names of values, where Wireshark 4.0 takes them in place of numbers.

use super::types::Written;

/// Severities and groups of expert information.
const SEVERITIES: [(&str, u64); 5] = [
    ("Comment", 0x10_0000),
    ("Chat", 0x20_0000),
    ("Note", 0x40_0000),
    ("Warning", 0x60_0000),
    ("Error", 0x80_0000),
];

const GROUPS: [(&str, u64); 14] = [
    ("Checksum", 0x0100_0000),
    ("Sequence", 0x0200_0000),
    ("Response", 0x0300_0000),
    ("Request", 0x0400_0000),
    ("Undecoded", 0x0500_0000),
    ("Reassemble", 0x0600_0000),
    ("Malformed", 0x0700_0000),
    ("Debug", 0x0800_0000),
    ("Protocol", 0x0900_0000),
    ("Security", 0x0a00_0000),
    ("Comment", 0x0b00_0000),
    ("Decryption", 0x0c00_0000),
    ("Assumption", 0x0d00_0000),
    ("Deprecated", 0x0e00_0000),
];

/// The number that a name stands for in a field.
pub(super) fn named_value(field: &str, written: Written<'_>) -> Option<u64> {
    let name = match written {
        Written::Word(word) => word.as_bytes(),
        Written::Text(text) => text,
        Written::Char(_) => return None,
    };
    let names: &[(&str, u64)] = match field {
        "_ws.expert.severity" => &SEVERITIES,
        "_ws.expert.group" => &GROUPS,
        _ => return None,
    };
    names.iter().find(|(known, _)| known.as_bytes() == name).map(|&(_, value)| value)
}
