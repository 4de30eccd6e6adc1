//! Runs a command with its output thrown away, and measures it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use wait4::Wait4;

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Time on the clock.
    pub wall: Duration,
    /// Processor time, user and system, of all threads.
    pub cpu: Duration,
    /// Most memory that was resident, in bytes; at least what this program itself has.
    pub peak: u64,
    /// Exit status. Peers end with one above 0 after a capture whose last packet is cut short, all work done.
    pub status: i32,
}

/// Runs `command`; standard output and error are discarded.
///
/// # Errors
/// When it cannot be started, or a signal ends it.
pub fn measure(command: &[String]) -> Result<Cost> {
    let Some((program, arguments)) = command.split_first() else { bail!("no command") };
    let mut process = Command::new(program);
    process.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = process.spawn().with_context(|| format!("cannot run {program}"))?;
    let used = child.wait4().with_context(|| format!("cannot wait for {program}"))?;
    let wall = start.elapsed();
    let Some(status) = used.status.code() else { bail!("ended by a signal: {}", used.status) };
    Ok(Cost { wall, cpu: used.rusage.utime + used.rusage.stime, peak: used.rusage.maxrss, status })
}

/// Standard output and error of a short command, together; nothing if it cannot be run.
#[must_use]
pub fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let both = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&both).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_run_costs_something() {
        let cost = measure(&words("ls /")).unwrap();
        assert!(cost.peak > 100_000, "resident bytes, not kilobytes: {}", cost.peak);
        assert_eq!(cost.status, 0);
        assert!(cost.wall > Duration::ZERO && cost.wall < Duration::from_secs(60));
    }

    #[test]
    fn failure_is_told() {
        assert_eq!(measure(&words("false")).unwrap().status, 1);
        assert!(
            measure(&["sh", "-c", "kill -9 $$"].map(str::to_owned))
                .unwrap_err()
                .to_string()
                .contains("signal")
        );
        assert!(measure(&words("no-such-program-anywhere")).unwrap_err().to_string().contains("cannot run"));
        assert!(said("no-such-program-anywhere", &[]).is_none());
    }
}
