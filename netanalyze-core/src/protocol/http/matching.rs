//! Which request a response answers, as Wireshark 4.0 has it for `http.request_in` and `http.time`.
//!
//! A response fills the last request if that has no response yet. So of pipelined requests only the last one is answered, by the first
//! response, and an interim response takes the final one's place. Exchanges are matched better: see `stream`.

use super::message::Answered;
use crate::protocol::stream::Moment;

/// What is remembered of a connection.
#[derive(Debug, Default)]
pub(super) struct Matching {
    requests: u32,
    responses: u32,
    /// The last request, if it has no response yet.
    last: Option<Moment>,
    /// What it asked for.
    uri: Box<[u8]>,
}

impl Matching {
    /// A request is complete; says its number.
    pub(super) fn request(&mut self, now: Moment, uri: Option<Box<[u8]>>) -> u32 {
        self.last = Some(now);
        self.uri = uri.unwrap_or_default();
        self.requests = self.requests.saturating_add(1);
        self.requests
    }

    /// A response is complete; says its number and what it answers.
    pub(super) fn response(&mut self, now: Moment) -> (u32, Option<Answered>) {
        self.responses = self.responses.saturating_add(1);
        let answered = self.last.take().map(|request| Answered {
            frame: request.frame,
            time: now.time.since(request.time),
            uri: std::mem::take(&mut self.uri),
        });
        (self.responses, answered)
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.uri.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FrameNumber, Timestamp};

    #[test]
    fn matches_as_wireshark_does() {
        let moment = |n: i64| Moment { frame: FrameNumber(n.unsigned_abs()), time: Timestamp(n * 10) };
        let answers = |script: &str| -> Vec<Option<u64>> {
            let mut matching = Matching::default();
            let mut answers = Vec::new();
            for (at, what) in (1..).zip(script.chars()) {
                match what {
                    '>' => {
                        matching.request(moment(at), None);
                    }
                    _ => answers.push(matching.response(moment(at)).1.map(|a| a.frame.0)),
                }
            }
            answers
        };
        assert_eq!(answers("><><"), [Some(1), Some(3)]);
        // Pipelined: the first response answers the last request.
        assert_eq!(answers(">><<"), [Some(2), None]);
        // An interim response takes the final one's place.
        assert_eq!(answers("><<"), [Some(1), None]);
        assert_eq!(answers("<><"), [None, Some(2)]);
    }
}
