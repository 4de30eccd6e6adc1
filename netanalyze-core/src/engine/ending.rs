//! The end of a run: what is known only when the capture was read to its end.
//!
//! Findings about whole conversations go to the view in order of their frames, in batches without frames; then the view may read the
//! conversations themselves.

use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;

use super::applications::{Spoken, take};
use super::control::Telling;
use super::shared::Remains;
use super::tally::Tally;
use super::{Interests, View};
use crate::capture::Batch;
use crate::conversation::{Bounds, Conversations, Ended, Met, Protocol, Services};
use crate::diagnosis::Stream;
use crate::expert::{Ending, Finding, KindSet, ending_findings, endings};
use crate::field::AnalysedBatch;
use crate::model::{Error, FrameNumber, parallel};
use crate::protocol::message::Messages;
use crate::protocol::stream::Moment;

/// Findings in a batch: what a batch of frames holds at most, roughly.
const AT_A_TIME: usize = 4096;

/// What applications said at the end: messages and findings, by conversation.
#[derive(Debug, Default)]
pub(super) struct LastWords {
    messages: Vec<Met>,
    findings: Vec<Finding>,
}

/// Ends all applications.
pub(super) fn last_words(remains: &mut Remains, interests: &Interests, tally: &mut Tally) -> LastWords {
    let latest = tally.latest.unwrap_or_default();
    // Not the latest time: if the clock was set back, nobody waited until then.
    let (frame, time) = tally.last.unwrap_or_default();
    let now = Moment { frame, time };
    let mut words = LastWords::default();
    let LastWords { messages, findings } = &mut words;
    let mut out = Messages::default();
    interests.tell(&mut out);
    for shard in &mut remains.shards {
        shard.finish_applications(now, &mut out, &mut |ended| {
            let Ended { protocol, reference, key, mut seen, out } = ended;
            let spoken = Spoken { protocol, reference, key, now, ordinal: 0 };
            take(out, (messages, None), &spoken, &mut seen, interests, tally, findings);
        });
    }
    let mut telling = Telling { interests, tally, findings };
    remains.numbers.control.finish(frame, latest, &mut telling);
    let numbers = &remains.numbers;
    for met in messages.iter_mut() {
        met.stream = numbers.stream(Some(met.protocol), met.conversation);
    }
    for finding in findings.iter_mut() {
        finding.stream = numbers.stream(finding.protocol, finding.conversation);
    }
    // Stable: what one conversation's application said stays in its order.
    messages.sort_by_key(|met| (met.protocol == Protocol::Udp, met.stream));
    findings.sort_by_key(|finding| {
        (finding.frame, finding.protocol == Some(Protocol::Udp), finding.stream, finding.kind)
    });
    words
}

impl LastWords {
    /// Delivers findings and messages, some at a time.
    pub(super) fn deliver(
        &self,
        mut deliver: impl FnMut(&[Finding], &[Met]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.findings.chunks(AT_A_TIME).try_for_each(|findings| deliver(findings, &[]))?;
        self.messages.chunks(AT_A_TIME).try_for_each(|messages| deliver(&[], messages))
    }
}

/// The chronicles of TCP conversations, by stream number, and what is known of servers.
pub(super) fn chronicles(remains: &mut Remains, threads: NonZeroUsize) -> (Vec<Stream>, Services) {
    let numbers = &remains.numbers.tcp;
    let of_shards = parallel::map(threads, &mut remains.shards, |shard| {
        let mut streams = Vec::new();
        let services = shard.finish_chronicles(|reference, key, chronicle| {
            if let Some(number) = numbers.stream(reference) {
                streams.push(Stream { number, key, chronicle });
            }
        });
        (streams, services)
    });
    let (mut streams, mut services) = (Vec::new(), Services::default());
    for (of_shard, known) in of_shards {
        streams.extend(of_shard);
        services.merge(known);
    }
    streams.sort_by_key(|stream| stream.number);
    (streams, services)
}

/// The conversations of a finished run, those of TCP in order if `by_stream`: without that they cannot be asked for.
pub(super) fn conversations(remains: &mut Remains, tally: &Tally, by_stream: bool) -> Conversations {
    let shards = std::mem::take(&mut remains.shards);
    let bounds = Bounds {
        start: remains.capture_start,
        end: tally.latest.unwrap_or_default(),
        last_frame: FrameNumber(tally.volume.frames),
        gap: remains.gap,
    };
    let numbers = &remains.numbers;
    Conversations::new(shards, (&numbers.tcp, &numbers.udp), by_stream, bounds)
}

/// Conversations that one thread looks at before it takes more.
const STREAMS_AT_A_TIME: u32 = 16_384;

/// Makes the findings about whole conversations, counts all kinds, and delivers those asked for, some at a time.
pub(super) fn findings(
    kinds: KindSet,
    threads: NonZeroUsize,
    conversations: &Conversations,
    tally: &mut Tally,
    mut deliver: impl FnMut(&[Finding]) -> Result<(), Error>,
) -> Result<(), Error> {
    let streams = conversations.count(Protocol::Tcp);
    let mut parts: Vec<Range<u32>> = (0..streams)
        .step_by(STREAMS_AT_A_TIME as usize)
        .map(|start| start..streams.min(start.saturating_add(STREAMS_AT_A_TIME)))
        .collect();
    let mut found: Vec<Ending> =
        parallel::map(threads, &mut parts, |part| endings(conversations, part.clone())).concat();
    for ending in &found {
        tally.ending(ending.kind, ending.frame, ending.first);
    }
    found.retain(|ending| kinds.contains(ending.kind));
    found.sort_unstable_by_key(|ending| (ending.frame, ending.stream, ending.kind));
    let mut some: Vec<&[Ending]> = found.chunks(AT_A_TIME).collect();
    for portions in some.chunks_mut(threads.get()) {
        let made = parallel::map(threads, portions, |portion| ending_findings(conversations, portion));
        made.iter().try_for_each(|findings| deliver(findings))?;
    }
    Ok(())
}

/// Delivers the findings about whole conversations to a view, then lets it read the conversations.
pub(super) fn view<V: View>(
    view: &V,
    interests: &Interests,
    threads: NonZeroUsize,
    conversations: &Conversations,
    tally: &mut Tally,
    words: &LastWords,
    accept: &mut impl FnMut(V::Piece, &AnalysedBatch<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let batch = Batch { first_frame: FrameNumber(conversations.last_frame().0 + 1), ..Batch::default() };
    words.deliver(|findings, messages| {
        let analysed = AnalysedBatch { messages, ..analysed(&batch, findings, conversations) };
        accept(view.digest(&analysed), &analysed)
    })?;
    if interests.look_at_endings() {
        findings(interests.kinds, threads, conversations, tally, |findings| {
            let analysed = analysed(&batch, findings, conversations);
            accept(view.digest(&analysed), &analysed)
        })?;
    }
    let none = analysed(&batch, &[], conversations);
    let mut deliver = |piece| {
        accept(piece, &none).map_err(|error| match error {
            Error::Output(error) => error,
            other => io::Error::other(other),
        })
    };
    view.ending(conversations, &mut deliver).map_err(Error::Output)
}

/// A batch of the end: without frames, but of this capture.
fn analysed<'b>(
    batch: &'b Batch,
    findings: &'b [Finding],
    conversations: &Conversations,
) -> AnalysedBatch<'b> {
    AnalysedBatch {
        batch,
        findings,
        messages: &[],
        ordinary: None,
        echo_answers: &[],
        transports: &[],
        frame_slots: &[],
        datagrams: &[],
        capture_start: conversations.capture_start(),
        previous_time: conversations.capture_end(),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::super::{Cancellation, Interests, drive};
    use super::*;
    use crate::capture::Source;
    use crate::conversation::Protocol;
    use crate::expert::ending_flags;
    use crate::model::Timestamp;
    use crate::tcp::Flags;

    /// Looks at nothing, and has conversations made compact as soon as can be.
    struct Nothing {
        books: bool,
    }

    impl View for Nothing {
        type Piece = ();

        fn interests(&self) -> Interests {
            Interests { quiet_frames: 0, books: self.books, ..Interests::default() }
        }

        fn digest(&self, _: &AnalysedBatch<'_>) {}
    }

    /// Of a capture that goes on for so long after its last frame: conversations that are over, and all.
    fn over(bytes: &[u8], name: &str, quiet: i64) -> (u32, u32) {
        let accept = |(), _: &AnalysedBatch<'_>| Ok(());
        let source = Source::bytes(name, bytes.to_vec());
        let run = drive(
            vec![source],
            NonZeroUsize::MIN,
            &Nothing { books: quiet == 0 },
            accept,
            &Cancellation::default(),
        );
        let Ok((_, mut remains, mut tally)) = run else { return (0, 0) };
        tally.latest = tally.latest.map(|latest| Timestamp(latest.0.saturating_add(quiet)));
        let conversations = conversations(&mut remains, &tally, true);
        let (mut over, mut found) = (0, 0);
        conversations.each_tcp(&mut |stream, conversation| {
            // Read over the one before, or into room of its own.
            let (_, own) = conversations.tcp_at(stream).unwrap();
            assert_eq!(format!("{conversation:?}"), format!("{:?}", *own), "{name}: stream {stream}");
            let flags = ending_flags(conversation, &conversations);
            found += flags.0.count_ones() as usize;
            if conversation.is_over() {
                over += 1;
                assert_eq!(flags, Flags::NONE, "{name}, {} bytes: stream {stream}", bytes.len());
            }
        });
        // What is passed over unseen has nothing to tell either.
        let all = endings(&conversations, 0..conversations.count(Protocol::Tcp));
        assert_eq!(all.len(), found, "{name}, {} bytes", bytes.len());
        (over, conversations.count(Protocol::Tcp))
    }

    #[test]
    fn there_is_nothing_to_find_in_what_is_over_wherever_a_capture_ends() {
        let (mut over_in_all, mut all) = (0, 0);
        for entry in std::fs::read_dir("../corpus/captures").unwrap() {
            let path = entry.unwrap().path();
            let (name, bytes) = (path.display().to_string(), std::fs::read(&path).unwrap());
            for cut in 1..=16 {
                let part = bytes.get(..bytes.len() * cut / 16).unwrap();
                for quiet in [0, 3_600_000_000_000] {
                    let (over, of) = over(part, &name, quiet);
                    over_in_all += over;
                    all += of;
                }
            }
        }
        assert!(over_in_all > 500 && all > 2 * over_in_all, "{over_in_all} of {all}");
    }
}
