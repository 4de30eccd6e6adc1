//! A capture file with what it is for.

use crate::conversation::{Conversation, conversations};
use crate::file::pcap::Pcap;
use crate::trace::{Expectation, Trace};

/// What a reader must make of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Everything can be read.
    Whole,
    /// Damaged somewhere; frames before the damage can be read.
    Damaged,
    /// Not a capture at all (empty, or cut inside its header).
    Unreadable,
}

impl Status {
    /// The word in the manifest.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Damaged => "damaged",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A committed capture.
#[derive(Clone, Debug)]
pub struct Capture {
    /// File name below `captures/`.
    pub file: &'static str,
    /// What a reader must make of it.
    pub status: Status,
    /// Frames that tshark 4.0.17 reads from it.
    pub frames: u32,
    /// What it shows, in one line.
    pub shows: &'static str,
    /// What tshark 4.0.17 says about single frames.
    pub expectations: Vec<Expectation>,
    /// Its TCP conversations, by stream number; empty unless the file is whole.
    pub conversations: Vec<Conversation>,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Capture {
    /// A little-endian pcap file with microseconds on Ethernet.
    #[must_use]
    pub fn pcap(file: &'static str, shows: &'static str, trace: Trace) -> Self {
        Self::pcap_as(file, shows, &Pcap::default(), trace)
    }

    /// A pcap file of any form.
    #[must_use]
    pub fn pcap_as(file: &'static str, shows: &'static str, form: &Pcap, trace: Trace) -> Self {
        let bytes = form.write(&trace.frames);
        Self::of_bytes(file, shows, bytes, trace)
    }

    /// A file made elsewhere from a trace.
    #[must_use]
    pub fn of_bytes(file: &'static str, shows: &'static str, bytes: Vec<u8>, trace: Trace) -> Self {
        let frames = trace.last_frame();
        let conversations = conversations(trace.frames.iter().flat_map(|frame| &frame.sights));
        let expectations = trace.expectations;
        Self { file, status: Status::Whole, frames, shows, expectations, conversations, bytes }
    }

    /// The same file marked as damaged, of which `frames` frames can be read.
    #[must_use]
    pub fn damaged(mut self, frames: u32) -> Self {
        self.status = Status::Damaged;
        self.conversations.clear();
        self.frames = frames;
        self.expectations.retain(|expectation| expectation.frame <= frames);
        self
    }

    /// The same file marked as no capture.
    #[must_use]
    pub fn unreadable(mut self) -> Self {
        self.status = Status::Unreadable;
        self.conversations.clear();
        self.frames = 0;
        self.expectations.clear();
        self
    }

    /// The line in the manifest.
    #[must_use]
    pub fn manifest_line(&self) -> String {
        let expectations: Vec<String> = self.expectations.iter().map(ToString::to_string).collect();
        let status = self.status.word();
        format!("{}\t{status}\t{}\t{}\t{}\n", self.file, self.frames, self.shows, expectations.join(" "))
    }
}

/// The whole manifest: a header line, then a line for each capture.
#[must_use]
pub fn manifest(captures: &[Capture]) -> String {
    let mut text = String::from("file\tstatus\tframes\tshows\texpectations\n");
    for capture in captures {
        text.push_str(&capture.manifest_line());
    }
    text
}

/// What every TCP conversation of every whole capture is in the end: a header line, then a line for each conversation.
#[must_use]
pub fn conversation_table(captures: &[Capture]) -> String {
    let mut text = String::from(CONVERSATION_COLUMNS);
    for capture in captures {
        for conversation in &capture.conversations {
            text.push_str(&format!("{}\t{}\n", capture.file, conversation.line()));
        }
    }
    text
}

/// The header line of tables of conversations.
pub const CONVERSATION_COLUMNS: &str = "file\tstream\tclient\tserver\topened_by\tclient_state\tserver_state\tclosed_by\tpackets_from_client\tpackets_from_server\n";
