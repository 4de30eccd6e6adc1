//! Reassembly of IP fragments, from a script.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netanalyze_core::packet::fragment::fuzz::fragments(data));
