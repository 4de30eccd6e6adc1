//! Every cap of the library in one place, with its reason. Reports say what reaching a cap cost.

/// Bytes of whole frames in a batch. What a conversation needs moves between the cores with every batch: where their caches are far apart, batches of 1 MiB,
/// a core's second-level cache, take a tenth longer, and twice these a tenth less; where other work fills the cache that they share, the larger ones lose.
pub const BATCH_BYTES: usize = 2 << 20;

/// The largest captured length of one record that is believed (Wireshark's own limit for most link types is 256 KiB; some
/// writers store super-segments). A larger length is damage.
pub const MAX_RECORD_BYTES: u32 = 16 << 20;

/// The largest pcapng block that is believed; larger ones are damage. Decryption-secret and custom blocks can be big.
pub const MAX_BLOCK_BYTES: u32 = 64 << 20;

/// Interfaces of all sections and files together; a packet on a later one is counted in a note.
pub const MAX_INTERFACES: usize = 65_536;

/// Headers within one frame before decoding stops: tunnels in tunnels nest without end in crafted frames.
pub const MAX_LAYERS: u16 = 64;

/// Bytes held by incomplete IP datagrams; above it the oldest are dropped.
pub const MAX_FRAGMENT_BYTES: usize = 16 << 20;

/// Incomplete IP datagrams held at a time; above it the oldest are dropped.
pub const MAX_FRAGMENT_DATAGRAMS: usize = 65_536;

/// Fragments of one datagram; more are ignored. 65,535 bytes in 8-byte pieces are 8,192.
pub const MAX_FRAGMENTS_PER_DATAGRAM: usize = 8_192;

/// Segments of one direction that await their acknowledgement. Wireshark 4.0 keeps at most as many, and its verdicts depend on it.
pub const MAX_UNACKED_SEGMENTS: usize = 10_000;

/// Datagrams completed inside a completed datagram (fragments of a tunnel's inner packet): deeper ones are not decoded.
pub const MAX_NESTED_DATAGRAMS: u8 = 4;

/// Bytes of options that sections and interfaces are described with, kept for captures that are written.
pub const MAX_KEPT_OPTIONS: usize = 16 << 20;

/// Bytes of names and decryption secrets that wait for the packet behind them, or for the end of the batch: as much as one block may hold.
pub const MAX_ATTACHED_BYTES: usize = MAX_BLOCK_BYTES as usize;

/// Conversations with ICMP errors, lookups, handshakes and requests that failed, of each kind, that diagnoses remember.
pub const MAX_DIAGNOSED: usize = 65_536;

/// Servers of a 64th of all conversations whose connections are compared with each other for diagnoses.
pub const MAX_SERVICES: usize = 4_096;

/// Comments and lines about the writer that are kept of each input.
pub const MAX_COMMENTS: usize = 64;

/// Bytes kept of one comment or interface name.
pub const MAX_COMMENT_BYTES: usize = 1_024;

/// Announced data connections (FTP) that wait for their first packet; further announcements are ignored, which only costs a bit of
/// `tcp.completeness`.
pub const MAX_ANNOUNCEMENTS: usize = 65_536;
/// The largest window of a zstd frame: what `zstd --ultra -22 --long` asks for. It is memory that a small file can demand.
pub const MAX_ZSTD_WINDOW: u64 = 128 << 20;

/// Holes in the captured sequence numbers of one direction that are kept apart. A window of 16 MiB with every second segment lost has
/// more, but then nobody counts single bytes.
pub const MAX_HOLES: usize = 64;

/// Addresses that are counted apart for a report. In a capture with more ends, every one is counted that has more than a 32,768th of all.
pub const MAX_HOSTS: usize = 65_536;

/// Payload of one direction held beyond a hole. A hole lasts about a round trip, so this covers 300 Mbit/s over 100 ms; where it does not
/// suffice, the hole is reported as given up.
pub const MAX_HELD_BYTES: usize = 4 << 20;

/// Pieces in which that payload may come: 4 MiB in segments of 1,024 bytes. Crafted segments of one byte cost no more memory than this many.
pub const MAX_HELD_PIECES: usize = 4_096;

/// Places of one handshake of TLS from which bytes were sent again: a flight is a few segments, and of those only the first is repeated while nothing
/// is acknowledged.
pub const MAX_TLS_REPEATS: usize = 16;

/// Secrets of TLS connections that are kept, about 100 bytes each: enough for 100,000 connections of TLS 1.3, and 50 MiB.
pub const MAX_SECRETS: usize = 1 << 19;

/// Bytes of a key log file that are read: what so many secrets take in the longest lines, and a fifth for others. Devices and pipes have no end.
pub const MAX_KEY_LOG_BYTES: u64 = 128 << 20;

/// Sequence numbers that are tried for a TLS record behind lost ones: a burst of 64 KiB in the smallest records that are common.
pub const MAX_SEQUENCE_TRIALS: u64 = 256;

/// Bytes that one such search may decrypt: 64 of the longest records.
pub const MAX_TRIAL_BYTES: u64 = 1 << 20;

/// Times that so many trials may fail in one direction of a TLS connection before its records are left closed.
pub const MAX_FAILED_SEARCHES: u8 = 4;

/// Bytes of a QUIC handshake kept in one direction and packet number space until a message is complete: a ClientHello with post-quantum
/// keys takes 2 KiB, a chain of certificates up to 16 KiB. RFC 9000 section 7.5 asks endpoints for 4 KiB.
pub const MAX_CRYPTO_BYTES: usize = 64 << 10;

/// Pieces in which those beyond a hole may come; clients cut a ClientHello into about 20.
pub const MAX_CRYPTO_PIECES: usize = 128;

/// QUIC connections told apart between the same two addresses and ports; the one begun first is forgotten for another.
pub const MAX_QUIC_CONNECTIONS: usize = 8;

/// QUIC packets in a row that secrets may fail to open before no more of the connection are tried.
pub const MAX_CLOSED_PACKETS: u8 = 64;
/// Answered DNS lookups that wait for the connection they were made for, which comes within a second or did not wait for them. Only in a
/// capture of very busy resolvers there are more in a second; there the oldest lookups are forgotten.
pub const MAX_LOOKUPS: usize = 16_384;

/// Addresses in all their answers.
pub const MAX_LOOKUP_ADDRESSES: usize = 65_536;

/// Connections whose TLS handshake, or whose turn to another protocol, is remembered for the requests that come after it; the oldest are
/// forgotten, and their requests are then listed without it.
pub const MAX_JOINED_CONNECTIONS: usize = 65_536;

/// Frames after which a conversation without packets is kept in compact form, and after a 64th of them once it is closed. Fewer cost
/// time, because the next packet needs the full form again; more cost memory, because so many conversations can be in it at a time.
pub const QUIET_FRAMES: u64 = 32_768;

/// Segments awaiting their acknowledgement that a compact conversation can have.
pub const MAX_COMPACT_SEGMENTS: usize = 16;

/// Bytes that conversations and all else may take unless the caller says otherwise: about three million conversations.
pub const DEFAULT_MEMORY_LIMIT: u64 = 1 << 30;

/// The least memory limit that can be kept: buffers, fragments and tables need as much whatever the capture.
pub const MIN_MEMORY_LIMIT: u64 = 128 << 20;

/// What of a memory limit is not for conversations: batches and results of the workers, incomplete datagrams, the program.
pub const MEMORY_RESERVE: u64 = 72 << 20;

/// Bytes of one direction that a protocol's decoder may ask to see again with more behind them: more than any TLS record, DNS message or
/// block of HTTP headers that servers accept.
pub const MAX_PENDING_BYTES: usize = 256 << 10;

/// Payload of one direction held beyond a hole for a protocol's decoder. Only what no length tells apart is held, so it is little.
pub const MAX_FEED_HELD_BYTES: usize = 512 << 10;

/// Pieces in which that payload, or a body with holes, may come.
pub const MAX_BODY_PIECES: usize = 1_024;

/// Messages of one direction whose bodies have holes at a time.
pub const MAX_OPEN_BODIES: usize = 64;

/// Holes of one direction beyond which decoding went on, and which may yet be filled.
pub const MAX_SKIPPED_HOLES: usize = 8;
/// Bytes of both directions of a dialogue in clear (SMTP, IMAP, …) in which an agreement on TLS is looked for: it stands at the beginning, and
/// mail and files need not be read.
pub const MAX_DIALOGUE_BYTES: u32 = 1 << 16;

/// A line of such a dialogue, or a name in a SOCKS request; RFC 5321 §4.5.3.1 demands 1,000 at most.
pub const MAX_DIALOGUE_LINE: usize = 4_096;

/// The first line of an HTTP message, or one of its header lines: RFC 9112 §3 wants at least 8,000 supported, servers rarely take more than 16 KiB.
pub const MAX_HTTP_LINE: usize = 1 << 16;

/// Bytes of a handshake message of TLS that is put together from several records. Wireshark 4.0 takes a longer one for encrypted.
pub const MAX_TLS_MESSAGE: usize = 1 << 16;

/// Certificates of one message that are read: chains have three or four.
pub const MAX_CERTIFICATES: usize = 10;

/// Host names and addresses that are kept of one certificate; those of large providers name a hundred.
pub const MAX_CERTIFICATE_NAMES: usize = 128;

/// Bytes kept of a name in a message: a host name has at most 253 (RFC 1035 §2.3.4).
pub const MAX_NAME_BYTES: usize = 256;

/// Alerts that are kept of one handshake of TLS: the first is the cause.
pub const MAX_ALERTS: usize = 4;

/// Application protocols, versions or suites that are kept of one hello.
pub const MAX_OFFERS: usize = 256;
/// Ids of queries that are remembered of a conversation, to tell which response answers which query, as Wireshark does for all. Two name servers may
/// exchange millions over the same ports; a response that comes thousands of queries late is not worth their memory.
pub const MAX_DNS_IDS: usize = 4_096;

/// Queries of a conversation that wait for their answer at a time. A busy resolver has about as many outstanding over all ports.
pub const MAX_OPEN_LOOKUPS: usize = 512;

/// Answers of a conversation that wait for their queries, in case these were captured after them: more than two do not overtake each other.
pub const MAX_EARLY_ANSWERS: usize = 4;

/// Addresses, and names, that are listed of an answer; a message has room for thousands.
pub const MAX_DNS_ANSWERS: usize = 64;

/// Aliases that are followed in an answer; resolvers give up after 8 to 16.
pub const MAX_DNS_ALIASES: usize = 32;

/// Extended errors that are listed of an answer.
pub const MAX_DNS_ERRORS: usize = 8;

/// Questions of a message that are told: those of mDNS hold a dozen (RFC 6762 §5.3), all others one.
pub const MAX_DNS_QUESTIONS: usize = 64;

/// Lookups by multicast that wait at a time for whoever may answer, for three seconds each; above it the oldest are told as they are.
pub const MAX_GROUP_LOOKUPS: usize = 4_096;

/// Those of them that ask for the same name: a link has hardly more hosts that do so within three seconds.
pub const MAX_GROUP_ASKERS: usize = 64;

/// Hosts that are listed as having answered a question to a group.
pub const MAX_RESPONDERS: usize = 16;

/// Names that a client asked for in vain and that are remembered in case that another suffix of a search list is tried next, which happens within
/// a second or not at all. The oldest half is forgotten for newer ones.
pub const MAX_SEARCHED_NAMES: usize = 4_096;

/// Bytes kept of a text that comes with an extended error.
pub const MAX_DNS_TEXT: usize = 256;
/// Bytes of an HTTP message's head: start line and headers. Servers refuse more than 8 to 64 KiB; what is longer is passed over.
pub const MAX_HTTP_HEAD: usize = 1 << 17;

/// Bytes kept of one text of an HTTP exchange: target, host, reason.
pub const MAX_HTTP_TEXT: usize = 2_048;

/// Requests of a connection whose responses are awaited. Nobody pipelines more, but where only the client's direction was captured
/// none is ever answered; the oldest is then given up.
pub const MAX_HTTP_OPEN: usize = 64;

/// Echo requests that wait for their reply, or for a second one; more than that many later ones leave no hope for a reply.
pub const MAX_ECHO_REQUESTS: usize = 65_536;

/// Echo requests between two hosts with one identifier and sequence number that are told apart by their data.
pub const MAX_SAME_ECHOES: usize = 16;

/// Pairs of hosts and identifiers whose echo requests are counted.
pub const MAX_PINGS: usize = 65_536;

/// Addresses of which is remembered who claimed them last: the neighbours of a large link, or a scan of one.
pub const MAX_NEIGHBOURS: usize = 65_536;

/// Questions for a neighbour's hardware address that may wait for their answer.
pub const MAX_QUESTIONS: usize = 65_536;

/// Pairs of hosts of which is remembered what ICMP errors without a conversation reported to them.
pub const MAX_REPORTED_PAIRS: usize = 65_536;

/// Bytes of TLS that one side of EAP may say before it is the other's turn: a chain of certificates takes up to 16 KiB, and RFC 5216
/// section 2.1.5 expects implementations to set a limit of 64 KB.
pub const MAX_EAP_BYTES: usize = 64 << 10;

/// Peers that may be in the midst of EAP at a time; it takes them less than a second.
pub const MAX_EAP_SESSIONS: usize = 32;

/// Bytes of OpenVPN's control channel that wait in one direction for earlier packets, or for the rest of a message. Peers send at most eight packets ahead.
pub const MAX_OPENVPN_BYTES: usize = 64 << 10;

/// Packets in which they may come.
pub const MAX_OPENVPN_PACKETS: usize = 256;

/// Bytes of a display filter. Lists of a few thousand addresses fit; those that people type have a hundred.
pub const MAX_FILTER_BYTES: usize = 1 << 16;

/// Levels that a display filter may nest, operators in a row included: all work on filters goes that many calls deep.
pub const MAX_FILTER_DEPTH: usize = 128;

/// Bytes that the program of a regular expression may take, and again its cache on each thread.
pub const MAX_REGEX_BYTES: usize = 1 << 20;

/// Values that arithmetic on two fields with several occurrences may give, and pairs of them that `contains` tries: all combinations of two
/// lists that a DNS message can hold would be millions. Further ones are not looked at.
pub const MAX_FILTER_PAIRS: usize = 1 << 14;
