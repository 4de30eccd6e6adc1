//! Captures written by hand, and the command run on them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

/// A capture of the corpus, as an argument.
pub(crate) fn corpus(name: &str) -> String {
    format!("{}/../corpus/captures/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A folder of one test, removed when it ends.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("netanalyze-cli-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file; gives its path as an argument.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a run of the command gave.
pub(crate) struct Run {
    pub(crate) command: String,
    pub(crate) status: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Run {
    #[track_caller]
    pub(crate) fn status(self, expected: i32) -> Self {
        assert_eq!(
            self.status,
            expected,
            "{}\nstdout: {}\nstderr: {}",
            self.command,
            String::from_utf8_lossy(&self.stdout),
            self.stderr
        );
        self
    }

    /// Standard output of a run that went well and said nothing else.
    #[track_caller]
    pub(crate) fn text(self) -> String {
        let run = self.status(0);
        assert_eq!(run.stderr, "", "{}", run.command);
        String::from_utf8(run.stdout).unwrap()
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.text()).unwrap()
    }

    #[track_caller]
    pub(crate) fn json_lines(self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Header and records.
    #[track_caller]
    pub(crate) fn csv(self) -> (Vec<String>, Vec<Vec<String>>) {
        let text = self.text();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
        let header = cells(reader.headers().unwrap());
        (header, reader.records().map(|record| cells(&record.unwrap())).collect())
    }

    /// The message of a run that failed: on standard error, in one line, with nothing on standard output.
    #[track_caller]
    pub(crate) fn failure(self) -> String {
        let run = self.status(2);
        assert_eq!(String::from_utf8_lossy(&run.stdout), "", "{}", run.command);
        assert!(run.stderr.starts_with("netanalyze: "), "{}: {}", run.command, run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}: {}", run.command, run.stderr);
        run.stderr
    }
}

/// The command, to be run in a neutral environment.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netanalyze"));
    command.env_remove("NO_COLOR").env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command
}

pub(crate) fn finish(mut command: Command, input: Option<&[u8]>) -> Run {
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let feeder = input.map(|bytes| {
        let (mut stdin, bytes) = (child.stdin.take().unwrap(), bytes.to_vec());
        std::thread::spawn(move || drop(stdin.write_all(&bytes)))
    });
    let output = child.wait_with_output().unwrap();
    if let Some(feeder) = feeder {
        feeder.join().unwrap();
    }
    Run {
        command: format!("{command:?}"),
        status: output.status.code().unwrap_or(-1),
        stdout: output.stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn run(arguments: &[&str]) -> Run {
    let mut command = command();
    command.args(arguments);
    finish(command, None)
}

/// Flags of a TCP header.
pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const ACK: u8 = 16;

/// A TCP segment between two hosts, as an Ethernet frame.
#[derive(Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) micros: u64,
    pub(crate) client_port: u16,
    pub(crate) from_client: bool,
    pub(crate) flags: u8,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) window: u16,
    pub(crate) len: u16,
}

const START: u64 = 1_700_000_000;

impl Segment {
    pub(crate) fn frame(&self) -> Vec<u8> {
        let (client, server) = ([192, 0, 2, 1], [192, 0, 2, 2]);
        let (source, destination) = if self.from_client { (client, server) } else { (server, client) };
        let (sport, dport) = if self.from_client { (self.client_port, 80) } else { (80, self.client_port) };
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
        frame.extend([0x45, 0]);
        frame.extend((40 + self.len).to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        frame.extend(source.into_iter().chain(destination));
        frame.extend(sport.to_be_bytes().into_iter().chain(dport.to_be_bytes()));
        frame.extend(self.seq.to_be_bytes().into_iter().chain(self.ack.to_be_bytes()));
        frame.extend([0x50, self.flags]);
        frame.extend(self.window.to_be_bytes());
        frame.extend([0; 4]);
        frame.resize(frame.len() + usize::from(self.len), b'x');
        frame
    }
}

/// A pcap file, little-endian, microseconds, Ethernet.
pub(crate) fn pcap(segments: &[Segment]) -> Vec<u8> {
    let mut file = vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
    for segment in segments {
        let frame = segment.frame();
        let seconds = START + segment.micros / 1_000_000;
        for word in
            [seconds as u32, (segment.micros % 1_000_000) as u32, frame.len() as u32, frame.len() as u32]
        {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

/// A pcapng file with one interface of a given name and one comment, then the frames.
pub(crate) fn pcapng(interface: &str, comment: &str, segments: &[Segment]) -> Vec<u8> {
    fn option(code: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = [code.to_le_bytes(), (value.len() as u16).to_le_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }
    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes(), &length, body, &length].concat()
    }
    let end = [0; 4];
    let section =
        [&[0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0][..], &[0xff; 8], &option(1, comment.as_bytes()), &end];
    let described = [&[1, 0, 0, 0, 0, 0, 4, 0][..], &option(2, interface.as_bytes()), &end];
    let mut file = [block(0x0a0d_0d0a, &section.concat()), block(1, &described.concat())].concat();
    for segment in segments {
        let (mut frame, time) = (segment.frame(), START * 1_000_000 + segment.micros);
        let length = frame.len() as u32;
        frame.resize(frame.len().next_multiple_of(4), 0);
        let words = [0, (time >> 32) as u32, time as u32, length, length];
        let body: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).chain(frame).collect();
        file.extend(block(6, &body));
    }
    file
}

/// A conversation that opens, sends one request and one answer, and stays open.
pub(crate) fn opening(client_port: u16, micros: u64) -> Vec<Segment> {
    let base = Segment {
        micros,
        client_port,
        from_client: true,
        flags: ACK,
        seq: 1001,
        ack: 5001,
        window: 8192,
        len: 0,
    };
    vec![
        Segment { flags: SYN, seq: 1000, ack: 0, ..base },
        Segment {
            micros: micros + 10_000,
            from_client: false,
            flags: SYN | ACK,
            seq: 5000,
            ack: 1001,
            ..base
        },
        Segment { micros: micros + 20_000, ..base },
        Segment { micros: micros + 21_000, len: 100, ..base },
        Segment { micros: micros + 40_000, from_client: false, seq: 5001, ack: 1101, len: 500, ..base },
    ]
}

/// [`opening`], then the answer `times` times again, each a retransmission.
pub(crate) fn lossy(client_port: u16, micros: u64, times: u32) -> Vec<Segment> {
    let mut segments = opening(client_port, micros);
    let answer = *segments.last().unwrap();
    for n in 1..=times {
        segments.push(Segment { micros: answer.micros + 300_000 * u64::from(n), ..answer });
    }
    segments
}

/// One of each: a retransmission, a window that closes, a silence, a reset.
pub(crate) fn trouble() -> Vec<Segment> {
    let mut segments = lossy(40_000, 0, 2);
    let client =
        Segment { micros: 700_000, from_client: true, flags: ACK, seq: 1101, ack: 5301, ..segments[3] };
    segments.push(Segment { window: 0, len: 0, ..client });
    segments.push(Segment { micros: 3_000_000, flags: RST | ACK, len: 0, ..client });
    segments
}

/// Ids of findings, in their order.
pub(crate) fn ids(findings: &Value) -> Vec<&str> {
    findings["findings"].as_array().unwrap().iter().map(|finding| finding["id"].as_str().unwrap()).collect()
}
