//! Fills `corpus/` with seeds: the project's small captures for the targets that read captures, their frames for `frames`, and a few
//! scripts for the targets that read scripts.

use std::error::Error;
use std::fs;
use std::path::Path;

use netanalyze_core::capture::{Batch, CaptureReader, Source};
use netanalyze_core::packet::fuzz::LINKS;
use netanalyze_core::protocol::http;

/// Filters with every part of the language.
const FILTERS: [&str; 10] = [
    "tcp.analysis.flags && !tcp.analysis.window_update",
    "ip.addr == 10.0.0.0/8 or ipv6.src != fe80::/10 and not ip.src#[1-2] == 192.0.2.1",
    "tcp.port not in {22, 80..443} and all tcp.port > 1024",
    "eth.src[0:3] == 00:0c:29 || tcp.payload[-4:,0] contains \"\\x0d\\n\\u00e4\"",
    "http.host matches r\"^www\\.\" or lower(http.host) ~= \"a\"",
    "tcp.srcport + 1 == tcp.dstport * {2 - 0x1} % 7 / 010",
    "len(dns.qry.name) > 40 && count(ip.addr) === 2 and string(tcp.port) contains '4'",
    "max(tcp.srcport, tcp.dstport, 1) !== 'a' and abs(tcp.time_delta) >= 0.25",
    "frame.time >= \"2015-01-01T10:00:00.5+02:00\" and any tcp.flags & 0x12 == 0b10010",
    "tcp.dstport < tcp.srcport < -1 xor ${ip.src}",
];

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let seeds = here.join("corpus");
    for target in [
        "containers",
        "engine",
        "frames",
        "fragments",
        "connections",
        "reassembly",
        "http",
        "icmp",
        "dns",
        "tls",
        "filter",
    ] {
        fs::create_dir_all(seeds.join(target))?;
    }
    let mut written = 0;
    for entry in fs::read_dir(here.join("../../corpus/captures"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for target in ["containers", "engine"] {
            fs::copy(&path, seeds.join(target).join(&name))?;
            written += 1;
        }
        let frames = frames(&path);
        if ["dns", "mdns", "llmnr"].iter().any(|start| name.starts_with(start)) {
            fs::write(seeds.join("dns").join(&name), conversation(&frames))?;
            written += 1;
        }
        for (number, frame) in frames.into_iter().enumerate() {
            fs::write(seeds.join("frames").join(format!("{name}-{number}")), frame)?;
            written += 1;
        }
    }
    for entry in fs::read_dir(here.join("../../corpus/recorded"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let payloads = payloads(&path);
        if name.starts_with("tls") && !payloads.is_empty() {
            let pieces = payloads.iter().map(|(server, bytes)| (*server, &bytes[..]));
            fs::write(seeds.join("tls").join(name), netanalyze_core::protocol::tls::fuzz::script(pieces))?;
            written += 1;
        }
    }
    for (number, filter) in FILTERS.iter().enumerate() {
        fs::write(seeds.join("filter").join(number.to_string()), [b"\x02", filter.as_bytes()].concat())?;
        written += 1;
    }
    // Three fragments in order, backwards, overlapping, with the end twice; a handshake with data, loss and a close.
    let fragments: [&[u8]; 3] = [
        &[0, 0, 8, 0, 0, 8, 8, 0, 16, 16, 5, 0],
        &[16, 40, 9, 1, 0, 20, 30, 0, 0, 5, 20, 0, 0, 0, 9, 3],
        &[16, 8, 8, 0, 16, 8, 40, 0, 0, 0, 0, 0, 0, 0, 8, 0],
    ];
    for (number, script) in fragments.into_iter().enumerate() {
        fs::write(seeds.join("fragments").join(format!("script-{number}")), script)?;
        written += 1;
    }
    for corner in 0..8 {
        let mut script = vec![corner, 0, 7 - corner, 0];
        for segment in [
            [0, 7, 0, 0, 0, 0, 7, 7],
            [1, 8, 0, 0, 0, 4, 7, 2],
            [0, 0, 0, 0, 0, 4, 0, 0],
            [0, 2, 4, 0, 0, 1, 0, 0],
            [0, 2, 4, 100, 0, 1, 0, 0],
            [1, 0, 0, 0, 156, 4, 3, 200],
            [1, 0, 0, 0, 156, 1, 3, 200],
            [0, 2, 4, 56, 0, 3, 0, 0],
            [1, 0, 16, 0, 0, 4, 0, 0],
            [0, 5, 0, 0, 0, 5, 0, 0],
            [1, 5, 0, 0, 0, 4, 0, 0],
        ] {
            script.extend_from_slice(&segment);
        }
        // In order, a hole, beyond it twice, the hole filled, the end; with room to hold and without.
        let room = if corner < 4 { 100 } else { 2 };
        let mut segments = vec![corner, 0, room, room];
        for segment in [
            [0, 0, 0, 50, 0, 0],
            [0, 100, 0, 50, 0, 0],
            [1, 90, 0, 80, 40, 0],
            [32, 50, 0, 50, 0, 40],
            [28, 170, 0, 0, 0, 0],
        ] {
            segments.extend_from_slice(&segment);
        }
        fs::write(seeds.join("reassembly").join(format!("script-{corner}")), segments)?;
        written += 1;
        fs::write(seeds.join("connections").join(format!("script-{corner}")), script)?;
        written += 1;
    }
    for (number, script) in http::fuzz::scripts().into_iter().enumerate() {
        fs::write(seeds.join("http").join(format!("script-{number}")), script)?;
        written += 1;
    }
    // Echoes with and without reply, questions for neighbours, claims to addresses: kind, ends, time, length, message.
    let echo = |kind, seq| vec![0, 1, 2, 1, 8, kind, 0, 0xff, 0xff, 0, 1, 0, seq];
    let resolve = |operation, owner| {
        let head = [2, 0, 0, 1, 28, 0, 1, 8, 0, 6, 4, 0, operation, 2, 0, 0, 0, 0, owner];
        [&head[..], &[10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 7]].concat()
    };
    let solicit = |kind| [&[1, 1, 2, 1, 24, kind, 0, 0, 0, 0, 0, 0, 0][..], &[7; 16]].concat();
    let scripts = [
        [echo(8, 1), echo(0, 1), echo(0, 1), echo(8, 2), echo(8, 2), echo(0, 3)].concat(),
        [resolve(1, 1), resolve(2, 2), resolve(2, 3), resolve(1, 1), resolve(1, 1)].concat(),
        [solicit(135), solicit(136), solicit(135), solicit(3), solicit(137)].concat(),
    ];
    for (number, script) in scripts.into_iter().enumerate() {
        fs::write(seeds.join("icmp").join(format!("script-{number}")), script)?;
        written += 1;
    }
    println!("{written} seeds below {}", seeds.display());
    Ok(())
}

/// The frames of a capture as `frames` reads them: link, frame check sequence, what was not captured, bytes.
fn frames(path: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let Ok(mut reader) = CaptureReader::open(vec![Source::File(path.to_owned())]) else { return found };
    let mut batch = Batch::default();
    while reader.next_batch(&mut batch).unwrap_or(false) {
        for frame in &batch.frames {
            let Some(link) = batch.links.get(frame.interface as usize) else { continue };
            let Some(place) = LINKS.iter().position(|kind| *kind == link.kind) else { continue };
            let [high, low] = ((frame.wire_len - frame.captured).min(0xffff) as u16).to_be_bytes();
            let prefix = [place as u8, link.fcs_len, high, low];
            found.push([&prefix, batch.frame_bytes(frame)].concat());
        }
    }
    found
}

/// The UDP payloads of Ethernet frames with IPv4 as `dns` reads them: flags and length before each. An even port sends in one direction, an odd
/// one in the other.
fn conversation(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut script = vec![0x80];
    for frame in frames.iter().filter(|frame| frame.get(4 + 23) == Some(&17)) {
        let Some(payload) = frame.get(4 + 42..) else { continue };
        let payload = payload.get(..255).unwrap_or(payload);
        script.extend([frame.get(4 + 35).map_or(0, |port| port & 1), payload.len() as u8]);
        script.extend_from_slice(payload);
    }
    script
}

/// What TCP carries in each frame of a recorded capture (Ethernet, IPv4), and whether port 443 sent it.
fn payloads(path: &Path) -> Vec<(bool, Vec<u8>)> {
    let mut found = Vec::new();
    for frame in frames(path) {
        // Behind the four bytes of `frames` and the Ethernet header.
        let Some(ip) = frame.get(4 + 14..) else { continue };
        let [first, ..] = ip else { continue };
        let Some(tcp) = ip.get(usize::from(first & 15) * 4..) else { continue };
        let [p0, p1, _, _, _, _, _, _, _, _, _, _, offset, ..] = tcp else { continue };
        let Some(payload) = tcp.get(usize::from(offset >> 4) * 4..).filter(|p| !p.is_empty()) else {
            continue;
        };
        found.push((u16::from_be_bytes([*p0, *p1]) == 443, payload.to_vec()));
    }
    found
}
