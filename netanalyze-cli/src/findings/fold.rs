//! Findings folded for people: a line a kind and conversation, or a line a kind where many conversations share it.
//!
//! Memory: at most [`MOST_CONVERSATIONS`] entries a kind, however long the capture. A kind that passes that loses its entries and is only
//! counted from then on; which conversations it has need not be remembered for that, because every finding says whether it is the first
//! of its kind in its conversation.

use std::io::Write;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;
use netanalyze_core::conversation::Protocol;
use netanalyze_core::engine::{Interests, View};
use netanalyze_core::expert::{Detail, Finding, KindId, KindSet};
use netanalyze_core::field::AnalysedBatch;
use netanalyze_core::model::Span;
use netanalyze_core::report::Report;

use super::{ends, kind_filter};
use crate::config::Analysis;
use crate::render::{Palette, grouped};
use crate::summary::push_findings_tail;

/// Conversations of one kind that get a line each.
const MOST_CONVERSATIONS: usize = 50;

/// Frames that a line names.
const FRAMES_SHOWN: usize = 3;

/// Findings that share a line.
#[derive(Clone, Debug)]
struct Group {
    count: u64,
    /// Conversations whose first finding of the kind is in it.
    conversations: u64,
    /// The first ones' frames.
    frames: [u64; FRAMES_SHOWN],
    /// The one whose sentence the line says: the longest silence, else the first.
    sample: Finding,
}

/// How long a silence was, if the finding is one.
fn silence(finding: &Finding) -> Option<Span> {
    match finding.detail {
        Detail::Gap { silence, .. } => Some(silence),
        _ => None,
    }
}

impl Group {
    fn new(finding: &Finding) -> Self {
        Group { count: 0, conversations: 0, frames: [0; FRAMES_SHOWN], sample: finding.clone() }
    }

    /// A long silence must not hide behind a short one. Of equal ones the earliest frame's stays, however the capture is cut into batches.
    fn choose(&mut self, other: &Finding) {
        let rank = |finding: &Finding| silence(finding).map(|span| (span, std::cmp::Reverse(finding.frame)));
        if rank(other) > rank(&self.sample) {
            self.sample = other.clone();
        }
    }

    fn add(&mut self, finding: &Finding) {
        if let Some(place) = self.frames.get_mut(usize::try_from(self.count).unwrap_or(usize::MAX)) {
            *place = finding.frame.0;
        }
        self.choose(finding);
        self.count += 1;
        self.conversations += u64::from(finding.first_of_conversation);
    }

    /// Adds findings that come after all of these.
    fn merge(&mut self, later: &Group) {
        let from = usize::try_from(self.count).unwrap_or(usize::MAX);
        for (place, frame) in self.frames.iter_mut().skip(from).zip(later.frames) {
            *place = frame;
        }
        self.choose(&later.sample);
        self.count += later.count;
        self.conversations += later.conversations;
    }
}

/// Findings that belong to no conversation are told apart by their addresses.
type Conversation = (KindId, Option<Protocol>, Option<u32>, Option<(IpAddr, IpAddr)>);
type Groups<K> = HashMap<K, Group, foldhash::fast::FixedState>;

/// What a batch holds: all findings by kind, and by conversation for the kinds that are still told apart.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    kinds: Groups<KindId>,
    conversations: Groups<Conversation>,
}

/// The view.
#[derive(Debug)]
pub(crate) struct Folding {
    interests: Interests,
    /// Kinds whose conversations are no longer told apart, one bit each. Only saves work: what it leaves out would be dropped.
    crowded: [AtomicU64; 2],
}

impl Folding {
    pub(crate) fn new(analysis: &Analysis) -> Self {
        let interests = Interests { kinds: analysis.kinds, ..analysis.interests() };
        Folding { interests, crowded: Default::default() }
    }
}

impl View for Folding {
    type Piece = Piece;

    fn interests(&self) -> Interests {
        self.interests.clone()
    }

    fn digest(&self, batch: &AnalysedBatch<'_>) -> Piece {
        let mut piece = Piece::default();
        let crowded = {
            let [low, high] = [0, 1].map(|half| u128::from(self.crowded[half].load(Ordering::Relaxed)));
            KindSet(high << 64 | low)
        };
        for finding in batch.findings {
            piece.kinds.entry(finding.kind).or_insert_with(|| Group::new(finding)).add(finding);
            if !crowded.contains(finding.kind) {
                let ends = (finding.source.ip(), finding.destination.ip());
                let ends = finding.protocol.is_none().then_some(ends);
                let conversation = (finding.kind, finding.protocol, finding.stream, ends);
                piece.conversations.entry(conversation).or_insert_with(|| Group::new(finding)).add(finding);
            }
        }
        piece
    }
}

/// All batches' findings.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    all: Piece,
}

fn merge<K: std::hash::Hash + Eq>(into: &mut Groups<K>, key: K, later: Group) {
    match into.entry(key) {
        hashbrown::hash_map::Entry::Occupied(mut known) => known.get_mut().merge(&later),
        hashbrown::hash_map::Entry::Vacant(place) => _ = place.insert(later),
    }
}

impl Folded {
    /// Adds the next batch's.
    pub(crate) fn add(&mut self, piece: Piece, view: &Folding) {
        let crowded = |kinds: &Groups<KindId>, kind: KindId| {
            kinds.get(&kind).is_some_and(|group| group.conversations > MOST_CONVERSATIONS as u64)
        };
        for (kind, group) in piece.kinds {
            let before = crowded(&self.all.kinds, kind);
            merge(&mut self.all.kinds, kind, group);
            if !before && crowded(&self.all.kinds, kind) {
                view.crowded[usize::from(kind.0 / 64) % 2].fetch_or(1 << (kind.0 % 64), Ordering::Relaxed);
                self.all.conversations.retain(|conversation, _| conversation.0 != kind);
            }
        }
        for (conversation, group) in piece.conversations {
            if !crowded(&self.all.kinds, conversation.0) {
                merge(&mut self.all.conversations, conversation, group);
            }
        }
    }

    /// The lines: the most severe first, then the kinds with most findings, then the conversations with most.
    pub(crate) fn render(&self, report: &Report, analysis: &Analysis, palette: Palette) -> Vec<u8> {
        let mut out = Vec::new();
        let mut kinds: Vec<_> = self.all.kinds.iter().collect();
        kinds.sort_by_key(|(kind, group)| (std::cmp::Reverse((kind.kind().severity, group.count)), kind.0));
        let mut lines = Vec::new();
        for (kind, whole) in kinds {
            let mut shared: Vec<_> = self.all.conversations.iter().filter(|(c, _)| c.0 == *kind).collect();
            shared.sort_by_key(|(conversation, group)| {
                (
                    std::cmp::Reverse(group.count),
                    group.frames[0],
                    conversation.1,
                    conversation.2,
                    conversation.3,
                )
            });
            if shared.is_empty() {
                lines.push(whole);
            }
            lines.extend(shared.into_iter().map(|(_, group)| group));
        }
        let none_picked = analysis.filter.is_some() && lines.is_empty();
        let width = lines.iter().map(|group| grouped(group.count).len()).max().unwrap_or(0);
        for group in lines {
            // Writing into memory does not fail.
            let _ = push_group(&mut out, group, analysis.gap, palette, width);
        }
        let _ = push_findings_tail(&mut out, report, analysis.kinds, analysis.min_severity, none_picked);
        out
    }
}

/// The first frames.
fn frames_of(group: &Group) -> Vec<String> {
    group.frames.iter().filter(|&&frame| frame != 0).map(u64::to_string).collect()
}

fn push_group(
    out: &mut Vec<u8>,
    group: &Group,
    gap: Span,
    palette: Palette,
    width: usize,
) -> std::io::Result<()> {
    let (finding, kind) = (&group.sample, group.sample.kind());
    let (severity, count) = (palette.severity(kind.severity), grouped(group.count));
    write!(out, "{severity}  {count:>width$}  {}  ", kind.id)?;
    let many = group.conversations > 1;
    if many {
        write!(out, "in {} conversations, e.g. ", grouped(group.conversations))?;
    }
    let [source, destination] = ends(finding);
    write!(out, "{source} → {destination}, ")?;
    let is_longest = group.count > 1 && silence(finding).is_some();
    if many || group.count == 1 {
        let which = if is_longest { "longest in " } else { "" };
        write!(out, "{which}frame {}", finding.frame)?;
    } else {
        let shown = frames_of(group);
        let more = if group.count > shown.len() as u64 { ", …" } else { "" };
        write!(out, "frames {}{more}", shown.join(", "))?;
        if is_longest {
            write!(out, ", longest in frame {}", finding.frame)?;
        }
    }
    writeln!(out, ": {}", finding.message())?;
    let filter = kind_filter(finding, gap);
    let indent = 5 + 2 + width + 2;
    let is_whole = group.count <= FRAMES_SHOWN as u64;
    if filter.is_empty() && is_whole && !kind.is_about_a_conversation() {
        // No field marks such frames, but their numbers do.
        let filter = match frames_of(group).as_slice() {
            [frame] => format!("frame.number == {frame}"),
            frames => format!("frame.number in {{{}}}", frames.join(", ")),
        };
        return writeln!(out, "{:indent$}{filter}", "");
    }
    match (finding.protocol, finding.stream) {
        (Some(protocol), Some(stream)) if !many => {
            let conversation = format!("{}.stream == {stream}", protocol.name());
            let filter = match filter.as_str() {
                "" => conversation,
                either if either.contains("||") => format!("{conversation} && ({filter})"),
                _ => format!("{conversation} && {filter}"),
            };
            writeln!(out, "{:indent$}{filter}", "")
        }
        // Of whole conversations: no filter shows them and no others.
        _ if filter.is_empty() => Ok(()),
        _ => writeln!(out, "{:indent$}{filter}", ""),
    }
}
