//! Names that somebody may have meant.

/// Up to `most` of `candidates` that are like `name`, the likeliest first. `name` may be a part of one, have typing errors, or lack the
/// words in front.
#[must_use]
pub fn suggest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>, most: usize) -> Vec<&'c str> {
    let name = name.to_ascii_lowercase();
    let mut ranked: Vec<(usize, usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = distance_of(&name, candidate)?;
            Some((distance, edits(&name, candidate), candidate))
        })
        .collect();
    ranked.sort();
    ranked.into_iter().take(most).map(|(.., candidate)| candidate).collect()
}

/// How far a candidate is from the name; `None` if nobody would mean it.
fn distance_of(name: &str, candidate: &str) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    let last = |text: &str| text.rsplit('.').next().map(str::to_owned).unwrap_or_default();
    let (name_end, candidate_end) = (last(name), last(candidate));
    let whole = edits(name, candidate);
    let end = edits(&name_end, &candidate_end) + 1;
    let near = whole.min(end);
    let tolerated = 1 + candidate_end.len() / 4;
    if near <= tolerated {
        return Some(near);
    }
    let part = name.len() >= 3 && (candidate.contains(name) || candidate.contains(name_end.as_str()));
    part.then_some(tolerated.max(3) + candidate.len() / 8)
}

/// Insertions, deletions, substitutions and swaps of neighbours that lead from one to the other.
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(80).collect(), b.chars().take(80).collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, &ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &cb) in b.iter().enumerate() {
            let at = |cells: &[usize], index: usize| cells.get(index).copied().unwrap_or(usize::MAX / 2);
            let mut best =
                (at(&above, j) + usize::from(ca != cb)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(&cb) && b.get(j - 1) == Some(&ca);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 5] = [
        "tcp.analysis.retransmission",
        "tcp.analysis.fast_retransmission",
        "tcp.analysis.zero_window",
        "tcp.len",
        "ip.len",
    ];

    #[test]
    fn finds_what_was_meant() {
        for (typed, first) in [
            ("tcp.analysis.retransmision", "tcp.analysis.retransmission"),
            ("retransmission", "tcp.analysis.retransmission"),
            ("tcp.zero_window", "tcp.analysis.zero_window"),
            ("TCP.LEN", "tcp.len"),
            ("tpc.len", "tcp.len"),
        ] {
            assert_eq!(suggest(typed, NAMES, 3).first(), Some(&first), "{typed}");
        }
    }

    #[test]
    fn does_not_guess_wildly() {
        assert_eq!(suggest("smtp.rcpt", NAMES, 3), Vec::<&str>::new());
        assert_eq!(suggest("", NAMES, 3), Vec::<&str>::new());
    }

    #[test]
    fn counts_edits() {
        for (a, b, n) in
            [("", "", 0), ("abc", "", 3), ("abc", "abd", 1), ("abc", "acb", 1), ("ab", "xaby", 2)]
        {
            assert_eq!(edits(a, b), n, "{a} {b}");
            assert_eq!(edits(b, a), n, "{b} {a}");
        }
    }
}
