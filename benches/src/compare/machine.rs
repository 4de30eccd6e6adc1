//! What a result says about where and with what it was measured. Neither the machine's name nor a path on it is ever written.

use std::fmt::Write as _;

use super::process::said;

/// The peers' versions, as `(name, version)`, of those installed.
#[must_use]
pub fn versions() -> Vec<(&'static str, String)> {
    let asked: [(&str, &[&str]); 5] = [
        ("cat", &["--version"]),
        ("capinfos", &["--version"]),
        ("tcpdump", &["--version"]),
        ("tcptrace", &["-version"]),
        ("tshark", &["--version"]),
    ];
    let mut versions = Vec::new();
    for (name, arguments) in asked {
        if let Some(version) = said(name, arguments) {
            versions.push((name, version_line(&version)));
        }
    }
    versions
}

/// The first line that holds a digit: tshark warns of privileges first.
fn version_line(text: &str) -> String {
    let line = text.lines().find(|line| line.contains(|c: char| c.is_ascii_digit())).unwrap_or("unknown");
    line.trim().trim_end_matches('.').to_owned()
}

/// The day, in UTC.
#[must_use]
pub fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

/// Processor, cores, memory, kernel, compiler and commit as lines of Markdown.
#[must_use]
pub fn describe() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let memory = read("/proc/meminfo");
    let kilobytes = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).and_then(first_number);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let commit = said("git", &["describe", "--always", "--dirty", "--abbrev=12"]);
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "- {name}: {}", value.trim_start_matches([' ', '\t', ':']).trim());
    };
    line("date", &format!("{} (UTC)", today()));
    line("commit", &commit.unwrap_or_else(|| "unknown".to_owned()));
    line("processor", &format!("{model}, {cores} cores"));
    if let Some(kilobytes) = kilobytes {
        line("memory", &format!("{:.0} GB", kilobytes as f64 * 1_024.0 / 1e9));
    }
    let kernel = read("/proc/sys/kernel/osrelease");
    line("kernel", &format!("Linux {}", kernel.split('-').next().unwrap_or_default()));
    line("compiler", &said("rustc", &["--version"]).unwrap_or_else(|| "unknown".to_owned()));
    text
}

fn first_number(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_behind_warnings() {
        assert_eq!(
            version_line("Running as user \"root\".\nTShark (Wireshark) 4.0.17.\n\n1998"),
            "TShark (Wireshark) 4.0.17"
        );
        assert_eq!(version_line(""), "unknown");
    }

    #[test]
    fn a_description_names_no_machine() {
        let text = describe();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        assert!(lines.iter().all(|line| line.starts_with("- ") && line.contains(": ")), "{text}");
        assert!(host.trim().is_empty() || !text.contains(host.trim()), "{text}");
        assert!(!text.contains("/home") && !text.contains("/root"));
    }
}
