//! Comparison with peers: the same capture, rounds interleaved, wall and processor time and peak memory.
//!
//! - [`process`]: runs a command and measures it;
//! - [`contest`]: the commands, the rounds, and the figures of each;
//! - [`machine`]: what a result must say about where it was measured;
//! - [`scaling`]: adverse shapes at two sizes.
//!
//! Wall times of a shared machine are worth little on their own. Every command has its turn in every round, so that whatever else the
//! machine does falls on all of them, and what counts are ratios within one run.

pub mod contest;
pub mod machine;
pub mod process;
pub mod scaling;
