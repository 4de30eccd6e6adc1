//! Reads ICMP, neighbour discovery and ARP, and follows what they say.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netanalyze_core::protocol::icmp::fuzz::messages(data));
