//! Display filters.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| netanalyze_core::filter::fuzz::filter(data));
