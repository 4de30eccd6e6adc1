//! How a file that is written is laid out, by its name.

use std::path::Path;

use netanalyze_core::capture::{Compression, FileFormat};

/// Format and compression of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) format: FileFormat,
    pub(crate) compression: Compression,
}

impl Target {
    /// As the name's endings say: `.pcap`, `.cap` and `.dmp` are pcap, everything else is pcapng; `.gz`, `.zst` and `.lz4` behind that compress it.
    /// `format` overrides the first of them.
    ///
    /// # Errors
    /// A sentence for compressions that are not written.
    pub(crate) fn of(path: &Path, format: Option<FileFormat>) -> Result<Target, String> {
        let ending = |path: &Path| {
            path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
        };
        let compression = match &*ending(path) {
            "gz" => Compression::Gzip,
            "zst" => Compression::Zstd,
            "lz4" => Compression::Lz4,
            other @ ("xz" | "bz2" | "br" | "lzma" | "lzo" | "zip" | "7z") => {
                return Err(format!(
                    "-w does not compress to .{other}: name the file .gz, .zst or .lz4, or without such an ending"
                ));
            }
            _ => Compression::None,
        };
        let stem =
            path.file_stem().map(Path::new).filter(|_| compression != Compression::None).unwrap_or(path);
        let named = match &*ending(stem) {
            "pcap" | "cap" | "dmp" => FileFormat::Pcap,
            _ => FileFormat::Pcapng,
        };
        Ok(Target { format: format.unwrap_or(named), compression })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_format() {
        use Compression::{Gzip, Lz4, None as Plain, Zstd};
        use FileFormat::{Pcap, Pcapng};
        for (name, given, format, compression) in [
            ("out.pcapng", None, Pcapng, Plain),
            ("out.pcap", None, Pcap, Plain),
            ("dir.pcap/out", None, Pcapng, Plain),
            ("a.b/OUT.CAP", None, Pcap, Plain),
            ("out.pcap.gz", None, Pcap, Gzip),
            ("out.pcapng.zst", None, Pcapng, Zstd),
            ("out.lz4", None, Pcapng, Lz4),
            ("out.gz.pcap", None, Pcap, Plain),
            ("-", None, Pcapng, Plain),
            (".pcap", None, Pcapng, Plain),
            ("out.pcap.gz", Some(Pcapng), Pcapng, Gzip),
            ("out", Some(Pcap), Pcap, Plain),
        ] {
            assert_eq!(Target::of(Path::new(name), given), Ok(Target { format, compression }), "{name}");
        }
        assert!(Target::of(Path::new("out.pcap.xz"), None).unwrap_err().contains(".xz"));
    }
}
