//! A seeded, deterministic generator of small captures, each of which shows one situation.
//!
//! It knows nothing of the analyser that is tested with them: packets are built with etherparse's builder and header
//! types, files with writers of its own, so that a mistake cannot cancel itself out.
//!
//! - [`layer`], [`link`]: headers around a payload, links and tunnels around an IP packet, [`rare`] the less common ones;
//! - [`endpoint`], [`connection`]: two TCP hosts whose segments a scenario delivers, loses or hides;
//! - [`conversation`]: what each conversation is when its capture ends;
//! - [`dns`]: DNS messages;
//! - [`trace`]: frames on a virtual clock, with what tshark must say about them;
//! - [`file`](mod@file): pcap, pcapng and compressed containers;
//! - [`large`](mod@large): captures of thousands of connections, made when wanted;
//! - [`scenario`]: the captures themselves; [`all`] lists them.
//!
//! ```
//! use netanalyze_corpus::{all, manifest};
//!
//! let captures = all();
//! assert!(manifest(&captures).lines().count() == captures.len() + 1);
//! ```

pub mod capture;
pub mod connection;
pub mod conversation;
pub mod dns;
pub mod endpoint;
pub mod file;
pub mod large;
pub mod layer;
pub mod link;
pub mod rare;
pub mod rng;
pub mod scenario;
pub mod trace;

pub use capture::{Capture, Status, conversation_table, manifest};
pub use connection::Connection;
pub use conversation::{Conversation, Sight};
pub use endpoint::{Endpoint, Segment, Side, flag};
pub use rng::Rng;
pub use scenario::all;
pub use trace::{Expectation, Frame, Trace};
