//! Which request a response answers, as Wireshark 4.0 has it for `http.request_in` and `http.time`.
//!
//! A response fills the last request if that has no response yet. So of pipelined requests only the last one is answered, by the first
//! response, and an interim response takes the final one's place. Exchanges are matched better: see `stream`.

use super::message::{Answered, HttpMessage};
use crate::protocol::stream::Moment;

/// What is remembered of a connection.
#[derive(Debug, Default)]
pub(super) struct Matching {
    /// Pairs so far, of which one half may be missing.
    pairs: u32,
    /// The last request, if it has no response yet.
    last: Option<Moment>,
    /// What the last request with a host asked for.
    uri: Box<[u8]>,
}

impl Matching {
    /// A request is complete.
    pub(super) fn request(&mut self, message: Option<&mut HttpMessage>, now: Moment) {
        self.last = Some(now);
        self.pairs = self.pairs.saturating_add(1);
        if let Some(message) = message {
            message.number = self.pairs;
            if let Some(uri) = message.full_uri() {
                self.uri = uri;
            }
        }
    }

    /// A response is complete.
    pub(super) fn response(&mut self, message: Option<&mut HttpMessage>, now: Moment) {
        let request = self.last.take();
        if request.is_none() {
            self.pairs = self.pairs.saturating_add(1);
        }
        if let Some(message) = message {
            message.number = self.pairs;
            message.answers =
                request.map(|request| Answered { frame: request.frame, time: now.time.since(request.time) });
            message.asked = self.uri.clone();
        }
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        self.uri.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Oddities;
    use super::*;
    use crate::model::{FrameNumber, Timestamp};

    #[test]
    fn matches_as_wireshark_does() {
        let moment = |n: i64| Moment { frame: FrameNumber(n.unsigned_abs()), time: Timestamp(n * 10) };
        // Of each response: its number, and the request that it answers.
        let answers = |script: &str| -> Vec<(u32, Option<u64>)> {
            let mut matching = Matching::default();
            let mut answers = Vec::new();
            for (at, what) in (1..).zip(script.chars()) {
                let mut message = HttpMessage::new(b"", Oddities::default(), true);
                if what == '>' {
                    matching.request(Some(&mut message), moment(at));
                } else {
                    matching.response(Some(&mut message), moment(at));
                    answers.push((message.number, message.answers.map(|a| a.frame.0)));
                }
            }
            answers
        };
        assert_eq!(answers("><><"), [(1, Some(1)), (2, Some(3))]);
        // Pipelined: the first response answers the last request.
        assert_eq!(answers(">><<"), [(2, Some(2)), (3, None)]);
        // An interim response takes the final one's place.
        assert_eq!(answers("><<"), [(1, Some(1)), (2, None)]);
        assert_eq!(answers("<><"), [(1, None), (2, Some(2))]);
    }
}
