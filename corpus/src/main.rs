//! `netanalyze-corpus write DIR`: writes every capture to `DIR/captures`, the manifest to `DIR/manifest.tsv`, and
//! what every conversation is in the end to `DIR/conversations.tsv`.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [verb, directory] if verb == "write" => write(Path::new(directory)),
        _ => Err(Error::new(ErrorKind::InvalidInput, "usage: netanalyze-corpus write DIR")),
    }
}

fn write(directory: &Path) -> Result<()> {
    let captures = netanalyze_corpus::all();
    let folder = directory.join("captures");
    std::fs::create_dir_all(&folder)?;
    for capture in &captures {
        std::fs::write(folder.join(capture.file), &capture.bytes)?;
    }
    std::fs::write(directory.join("manifest.tsv"), netanalyze_corpus::manifest(&captures))?;
    std::fs::write(directory.join("conversations.tsv"), netanalyze_corpus::conversation_table(&captures))
}
