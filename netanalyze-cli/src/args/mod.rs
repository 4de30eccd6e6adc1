//! The command line as clap reads it. No logic: `config` makes sense of it.
//!
//! An option of one view names the other views as conflicts beside requiring its own: clap waives a requirement that conflicts with
//! what is there.

mod words;

use std::path::PathBuf;

use crate::follow::{Side, Spelling};
use crate::help;
use crate::schema::Shown;
use clap::{ArgGroup, Parser};
pub(crate) use words::{Color, ConfidenceWord, Format, GateWord, SeverityWord, WriteFormat};

/// What is wrong with the network in a packet capture.
#[derive(Debug, Parser)]
#[command(
    name = "netanalyze",
    version,
    override_usage = help::USAGE,
    about = help::ABOUT,
    long_about = help::LONG_ABOUT,
    after_help = help::AFTER,
    after_long_help = help::AFTER_LONG,
    arg_required_else_help = true,
    max_term_width = 110
)]
#[command(group = ArgGroup::new("view").args(["findings", "diagnoses", "packets", "streams", "dns", "tls", "http", "follow", "write", "explain", "list_fields", "list_thresholds", "schema"]))]
#[command(group = ArgGroup::new("rows").args(["findings", "diagnoses", "packets", "streams", "dns", "tls", "http"]))]
#[command(group = ArgGroup::new("judged").args(["findings", "diagnoses"]))]
#[command(group = ArgGroup::new("transactions").args(["dns", "tls", "http"]))]
#[command(group = ArgGroup::new("alone").args(["explain", "list_fields", "list_thresholds", "schema"]))]
pub(crate) struct Args {
    /// Capture files (pcap or pcapng, also gzip, zstd or lz4); - reads standard input
    ///
    /// The format is recognised by content, never by name. Several captures are one rotated set in the order given: frame numbers and
    /// conversations continue across them.
    #[arg(value_name = "CAPTURE", required_unless_present = "alone", conflicts_with = "alone")]
    pub(crate) captures: Vec<PathBuf>,

    /// List what is wrong, the worst first
    #[arg(long, help_heading = "What to show (without any of these: a summary of the capture)")]
    pub(crate) findings: bool,

    /// List the causes behind it, those that cost most first
    ///
    /// Each with how sure it is and why, the time it cost, the frames that prove it, what argues against it, what looks alike, and the commands to run
    /// next. What about the capture itself makes them less sure stands in front. --explain CODE explains the rule, --list-thresholds lists what decides.
    #[arg(long, help_heading = "What to show (without any of these: a summary of the capture)")]
    pub(crate) diagnoses: bool,

    /// List the packets, a row each
    #[arg(long, help_heading = "What to show (without any of these: a summary of the capture)")]
    pub(crate) packets: bool,

    /// List the conversations, a row each
    ///
    /// c/s: the client's / the server's. The client is who opened; `~→` instead of `→`: no SYN or SYN-ACK was captured, it is merely who
    /// sent the first packet (`roles_known` is false). `retr` counts segments that Wireshark flags as retransmissions, SYN and FIN too;
    /// `retransmitted_bytes` of the machine formats counts every byte of payload that came again, those of keep-alives and window
    /// probes too. RTT: milliseconds between the capture point and the server (s) or the client (c); median and p95 come from a
    /// histogram and are within 4.5 %, the minimum is exact. History: a letter for the first time that an end did something, upper
    /// case the client: s SYN, h SYN-ACK, a ACK, d data, f FIN, r RST, g a gap before it, t a retransmission, w a closed window, i FIN
    /// with RST, q SYN with FIN or RST.
    #[arg(long, help_heading = "What to show (without any of these: a summary of the capture)")]
    pub(crate) streams: bool,

    /// Column that --streams is sorted by, e.g. bytes, duration:asc or client_retransmissions
    ///
    /// Every column of `--format csv`, with or without the unit at its end; `bytes` are those on the wire, `rtt` is the median of the side
    /// that tells more. Counts, sizes and durations put the greatest first, numbers, times, addresses and words the first; :asc and :desc
    /// choose. Equal rows stay in the order of protocol and stream number, which is also the order without --sort. What is unknown
    /// comes last.
    #[arg(
        long,
        value_name = "COLUMN",
        requires = "streams",
        conflicts_with_all = ["judged", "packets", "transactions", "follow", "write", "alone"],
        help_heading = "What to show (without any of these: a summary of the capture)"
    )]
    pub(crate) sort: Option<String>,

    /// List the DNS lookups, a row each
    ///
    /// Also mDNS and LLMNR. Latency is from the first query to the answer; tries counts the queries. A name that was asked for over UDP
    /// and, because the answer was truncated, again over TCP is two lookups.
    #[arg(long, help_heading = "What to show (without any of these: a summary of the capture)")]
    pub(crate) dns: bool,

    /// List the TLS handshakes, a row each
    ///
    /// Also those inside QUIC, CONNECT, SOCKS and STARTTLS. Times: connect is the TCP handshake; hello, handshake and data count from the
    /// ClientHello to the ServerHello, to the last Finished, and to the first application data. Certificates are seen up to TLS 1.2; later
    /// ones are encrypted.
    #[arg(long, help_heading = "What to show (without any of these: a summary of the capture)")]
    pub(crate) tls: bool,

    /// List the HTTP requests, a row each, with the phases that `curl -w` tells
    ///
    /// Phases: dns, the lookup that gave the client the server's address, if the connection was opened within a second after it; connect, from
    /// SYN to the handshake's end; tls, from ClientHello to the last Finished; send, the request; ttfb, from there to the response's first byte;
    /// transfer, to its last; total, from the first of them to the end of the last. Only the first request of a connection has the phases before the request. A TLS connection that
    /// nobody has the keys of gets a row, too, without what only HTTP tells.
    #[arg(long, help_heading = "What to show (without any of these: a summary of the capture)")]
    pub(crate) http: bool,

    /// Columns of --packets by Wireshark's names, e.g. frame.number,ip.src,tcp.analysis.rto
    ///
    /// CSV cells are exactly what `tshark -T fields` prints: several occurrences are joined with commas, a field that is merely present
    /// is 1, an absent one is empty. In JSON and JSONL a field that occurs once is a value, one that occurs several times an array, an
    /// absent one is left out; durations are numbers of seconds, absolute times and hexadecimal numbers strings, presence is true.
    #[arg(
        long,
        value_name = "F1,F2,…",
        value_delimiter = ',',
        requires = "packets",
        conflicts_with_all = ["judged", "streams", "transactions", "follow", "write", "alone"],
        help_heading = "What to show (without any of these: a summary of the capture)"
    )]
    pub(crate) fields: Option<Vec<String>>,

    /// Only what matches, in the language of Wireshark's display filters, e.g. 'tcp.port == 80 and http.time > 0.5'
    ///
    /// Chooses packets (--packets, -w, the summary) and findings by their frame, conversations (--streams) and transactions (--dns, --tls, --http) by any packet of
    /// theirs; of a transaction that is one of its conversation from its first to its last. A diagnosis shows if a frame of its evidence or any packet of a
    /// conversation that it names matches. The analysis always sees every packet, so that verdicts, times and
    /// stream numbers do not depend on the filter, and the exit status of --fail-on does not either. The language is Wireshark 4.0's; fields are
    /// those of --list-fields. Dates are in UTC.
    #[arg(
        long,
        value_name = "EXPR",
        allow_hyphen_values = true,
        conflicts_with_all = ["follow", "alone"],
        help_heading = "What to show (without any of these: a summary of the capture)"
    )]
    pub(crate) filter: Option<String>,

    /// Show what the two ends of a conversation said: N is Wireshark's tcp.stream, udp:N its udp.stream
    ///
    /// Payload in order, each direction's turns under a heading with frame and time; bytes that the capture lacks are marked where
    /// they are missing, with the reason. In JSON and JSONL there is an object for each run of bytes of one frame (`base64`) and for each gap.
    #[arg(
        long,
        value_name = "[tcp:|udp:]N",
        help_heading = "What to show (without any of these: a summary of the capture)"
    )]
    pub(crate) follow: Option<String>,

    /// Spelling of the bytes of --follow in text [default: ascii]
    #[arg(
        long,
        value_enum,
        value_name = "SPELLING",
        requires = "follow",
        conflicts_with_all = ["judged", "packets", "streams", "transactions", "write", "alone"],
        help_heading = "What to show (without any of these: a summary of the capture)"
    )]
    pub(crate) follow_format: Option<Spelling>,

    /// Whose bytes --follow shows [default: both]
    #[arg(
        long,
        value_enum,
        value_name = "SIDE",
        requires = "follow",
        conflicts_with_all = ["judged", "packets", "streams", "transactions", "write", "alone"],
        help_heading = "What to show (without any of these: a summary of the capture)"
    )]
    pub(crate) follow_direction: Option<Side>,

    /// Write the packets to a capture file: pcapng, or pcap if the name says so; .gz, .zst and .lz4 compress it
    ///
    /// With --filter only those that match. Frames, times, interfaces, comments, drop counters and decryption secrets are kept; pcap has no place for
    /// the last four. Nothing else is printed but a line on standard error. The file appears only when complete; `-` is standard output.
    #[arg(
        short = 'w',
        long = "write",
        value_name = "OUT",
        conflicts_with_all = ["output", "format"],
        help_heading = "What to show (without any of these: a summary of the capture)"
    )]
    pub(crate) write: Option<PathBuf>,

    /// Format of -w, whatever the name says
    #[arg(long, value_enum, value_name = "FORMAT", requires = "write", conflicts_with_all = ["rows", "follow", "alone"], help_heading = "Packets written with -w")]
    pub(crate) write_format: Option<WriteFormat>,

    /// Add findings (of --min-severity) as comments to their packets, for Wireshark to show beside them
    ///
    /// Reads the capture twice: some findings become known only after their packet.
    #[arg(long, requires = "write", conflicts_with_all = ["rows", "follow", "alone"], help_heading = "Packets written with -w")]
    pub(crate) annotate: bool,

    /// Also the N packets before and after each match in the same TCP or UDP conversation
    ///
    /// Reads the capture twice. Packets of no conversation, as ARP, have none around them.
    #[arg(
        long,
        value_name = "N",
        requires = "write",
        conflicts_with_all = ["rows", "follow", "alone"],
        help_heading = "Packets written with -w"
    )]
    pub(crate) write_context: Option<u32>,

    /// Also all other packets of the TCP and UDP conversations that match
    ///
    /// Reads the capture twice.
    #[arg(long, requires = "write", conflicts_with_all = ["rows", "follow", "alone", "write_context"], help_heading = "Packets written with -w")]
    pub(crate) write_streams: bool,

    /// Explain a rule of diagnosis (CONN-01 or syn-unanswered) or a kind of finding in words; `all` explains all of them
    #[arg(long, value_name = "ID", help_heading = "Without a capture")]
    pub(crate) explain: Option<String>,

    /// List the fields that --filter and --fields take
    #[arg(long, help_heading = "Without a capture")]
    pub(crate) list_fields: bool,

    /// List the thresholds of diagnoses, which --threshold sets
    #[arg(long, help_heading = "Without a capture")]
    pub(crate) list_thresholds: bool,

    /// Print the JSON Schema of what a view writes with `--format json`; with `--format jsonl`, of one of its lines
    #[arg(long, value_enum, value_name = "VIEW", help_heading = "Without a capture")]
    pub(crate) schema: Option<Shown>,

    /// How to print it
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text, help_heading = "Output")]
    pub(crate) format: Format,

    /// Write to FILE instead of standard output; it appears only when complete
    #[arg(short = 'o', long = "output", value_name = "FILE", help_heading = "Output")]
    pub(crate) output: Option<PathBuf>,

    /// Colour severities: auto means on a terminal, unless NO_COLOR is set
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto, help_heading = "Output")]
    pub(crate) color: Color,

    /// In CSV of --packets, too, protect spreadsheets from text that looks like a formula
    ///
    /// Text cells that begin with = + - @ or a control character get a leading apostrophe. All other CSV is always protected, asked or not. Numbers
    /// are never altered.
    #[arg(long, requires = "rows", conflicts_with_all = ["follow", "write", "alone"], help_heading = "Output")]
    pub(crate) csv_safe: bool,

    /// Least severe findings to show [default: note]
    #[arg(long, value_enum, value_name = "SEVERITY", conflicts_with = "alone", help_heading = "How much")]
    pub(crate) min_severity: Option<SeverityWord>,

    /// Least sure diagnoses to show, of --diagnoses and of the summary [default: medium]
    ///
    /// High: it is so; medium: the capture is consistent with it; low: it could be, and the capture does not tell it apart from something else.
    #[arg(
        long,
        value_enum,
        value_name = "CONFIDENCE",
        conflicts_with_all = ["findings", "packets", "streams", "transactions", "follow", "write", "alone"],
        help_heading = "How much"
    )]
    pub(crate) min_confidence: Option<ConfidenceWord>,

    /// Text of --findings: a line for every finding, none folded, in frame order; of --diagnoses: also those that another one explains
    #[arg(long, requires = "judged", conflicts_with_all = ["packets", "streams", "transactions", "follow", "write", "alone"], help_heading = "How much")]
    pub(crate) all: bool,

    /// The first N rows of --streams
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..),
        requires = "streams",
        conflicts_with_all = ["judged", "packets", "transactions", "follow", "write", "alone"],
        help_heading = "How much"
    )]
    pub(crate) limit: Option<u32>,

    /// Exit with status 1 if there is something of this severity or worse
    ///
    /// With --diagnoses and in the summary a diagnosis (of --min-confidence), in every other view a finding (of --min-severity).
    #[arg(
        long,
        value_enum,
        value_name = "SEVERITY",
        conflicts_with = "alone",
        help_heading = "For scripts and CI"
    )]
    pub(crate) fail_on: Option<GateWord>,

    /// Key log of TLS connections (as SSLKEYLOGFILE writes it) to decrypt them with
    ///
    /// Opens TLS 1.2 with AEAD suites, TLS 1.3, and the handshakes of QUIC; HTTP inside is analysed like HTTP in clear. Secrets that a pcapng
    /// file holds itself are always used. Secrets are never printed.
    #[arg(long, value_name = "FILE", conflicts_with = "alone", help_heading = "Tuning")]
    pub(crate) keylog: Option<PathBuf>,

    /// Put the captures of a rotated set in the order of their first packets
    #[arg(long, help_heading = "Tuning")]
    pub(crate) sort_captures: bool,

    /// Silence on a connection that is worth a finding, in seconds
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "1",
        allow_negative_numbers = true,
        help_heading = "Tuning"
    )]
    pub(crate) gap: String,

    /// DNS answer that is slow, in seconds from the query [default: 0.5]
    #[arg(
        long,
        value_name = "SECONDS",
        allow_negative_numbers = true,
        conflicts_with = "alone",
        help_heading = "Tuning"
    )]
    pub(crate) dns_slow: Option<String>,

    /// DNS query that has no answer, in seconds from when it was last sent [default: 5]
    #[arg(
        long,
        value_name = "SECONDS",
        allow_negative_numbers = true,
        conflicts_with = "alone",
        help_heading = "Tuning"
    )]
    pub(crate) dns_timeout: Option<String>,

    /// TLS handshake that is slow, in seconds from ClientHello to ServerHello [default: 1]
    #[arg(
        long,
        value_name = "SECONDS",
        allow_negative_numbers = true,
        conflicts_with = "alone",
        help_heading = "Tuning"
    )]
    pub(crate) tls_slow: Option<String>,

    /// HTTP response that is slow, in seconds from the request to its first byte [default: 1]
    #[arg(
        long,
        value_name = "SECONDS",
        allow_negative_numbers = true,
        conflicts_with = "alone",
        help_heading = "Tuning"
    )]
    pub(crate) http_slow: Option<String>,

    /// Another value for a threshold of diagnoses, e.g. server-think=2s or loss-rate=2.5%; may be given several times
    ///
    /// Times have a unit (ms, s, min), shares a percent sign, counts neither. --list-thresholds lists all, and every diagnosis prints those that decided.
    #[arg(
        long,
        value_name = "NAME=VALUE",
        conflicts_with_all = ["findings", "packets", "streams", "transactions", "follow", "write", "alone"],
        help_heading = "Tuning"
    )]
    pub(crate) threshold: Vec<String>,

    /// Memory to stay below, e.g. 256M or 4G (of 1024) [default: 1G]
    ///
    /// At least 128M. Beyond it the conversations that were quiet for longest are forgotten, the same ones on every run and whatever the
    /// number of threads, and a note counts them: they are missing from rows and totals of conversations, nothing is said of how they ended
    /// (--fail-on does not see that either), and packets of theirs that come later count as new conversations.
    #[arg(long, value_name = "SIZE", conflicts_with = "alone", help_heading = "Tuning")]
    pub(crate) memory_limit: Option<String>,

    /// Threads to work with [default: one for each core]; the output does not depend on it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Tuning")]
    pub(crate) threads: Option<u16>,
}
