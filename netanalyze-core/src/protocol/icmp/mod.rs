//! ICMP, ICMPv6, neighbour discovery and ARP: what hosts and routers say of other packets, of themselves and of their neighbours.
//!
//! Owns: the parsers of such messages ([`icmpv4`], [`icmpv6`], [`Arp`]), and what must be remembered between them: echo requests that wait
//! for their reply ([`Echoes`]), addresses that somebody asked for and who claimed them ([`Neighbours`]). Reads: single messages, in frame
//! order. Emits: answers with their times, and what was never answered once the capture ends.
//! Rules: RFC 792, 1191, 4884 (ICMP), 4443 (ICMPv6), 4861 (neighbour discovery), 826 and 5227 (ARP). The packet that an error quotes is decoded by
//! the floor below.
//! Costs: nothing for frames without such messages; the tables are bounded ([`limits`](crate::model::limits)).

mod arp;
mod echo;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod message;
mod neighbour;

pub use arp::Arp;
pub use echo::{EchoReply, Echoes, Ping};
pub use message::{Echo, Said, Trouble, icmpv4, icmpv6};
pub use neighbour::{Conflict, Hardware, Neighbour, Neighbours, Question};
