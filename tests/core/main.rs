//! Tests of the library through its public interface: whole captures in, rows, findings and reports out.

mod conversation;
mod engine;
mod fields;
mod golden;
mod robustness;
mod view;
mod wire;
