//! DNS messages (RFC 1035 §4), built part by part.
//!
//! Names are written in full unless a scenario wants them compressed, so that every byte is where the code says.

/// A message in the making.
#[derive(Clone, Debug)]
pub struct Message {
    id: u16,
    flags: u16,
    counts: [u16; 4],
    body: Vec<u8>,
}

/// Types of records.
#[allow(missing_docs)]
pub mod kind {
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const CNAME: u16 = 5;
    pub const SOA: u16 = 6;
    pub const PTR: u16 = 12;
    pub const MX: u16 = 15;
    pub const TXT: u16 = 16;
    pub const AAAA: u16 = 28;
    pub const SRV: u16 = 33;
    pub const OPT: u16 = 41;
    pub const DS: u16 = 43;
    pub const RRSIG: u16 = 46;
    pub const DNSKEY: u16 = 48;
    pub const HTTPS: u16 = 65;
    pub const AXFR: u16 = 252;
    pub const ANY: u16 = 255;
    pub const CAA: u16 = 257;
}

/// A pointer to the name of the first question.
pub const QUESTION: [u8; 2] = [0xc0, 12];

/// A name in full.
#[must_use]
pub fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> =
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}

/// Numbers of 16 bits.
#[must_use]
pub fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A string with its length.
#[must_use]
pub fn string(text: &[u8]) -> Vec<u8> {
    [&[text.len() as u8], text].concat()
}

/// An option of EDNS, or a parameter of a service.
#[must_use]
pub fn option(code: u16, data: &[u8]) -> Vec<u8> {
    [words(&[code, data.len() as u16]), data.to_vec()].concat()
}

impl Message {
    /// A query that wants recursion.
    #[must_use]
    pub fn query(id: u16) -> Self {
        Self::with_flags(id, 0x0100)
    }

    /// A response with a code, of a server that does recursion.
    #[must_use]
    pub fn response(id: u16, rcode: u16) -> Self {
        Self::with_flags(id, 0x8180 | rcode)
    }

    /// Any message.
    #[must_use]
    pub fn with_flags(id: u16, flags: u16) -> Self {
        Self { id, flags, counts: [0; 4], body: Vec::new() }
    }

    /// Adds flags.
    #[must_use]
    pub fn flags(mut self, flags: u16) -> Self {
        self.flags |= flags;
        self
    }

    /// Announces more than there is.
    #[must_use]
    pub fn counts(mut self, counts: [u16; 4]) -> Self {
        self.counts = counts;
        self
    }

    /// Adds bytes that belong to nothing.
    #[must_use]
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.body.extend_from_slice(bytes);
        self
    }

    /// Asks in class IN.
    #[must_use]
    pub fn asks(self, text: &str, kind: u16) -> Self {
        self.question(&name(text), kind, 1)
    }

    /// Asks for any name in any class.
    #[must_use]
    pub fn question(mut self, name: &[u8], kind: u16, class: u16) -> Self {
        self.counts[0] += 1;
        self.body.extend_from_slice(name);
        self.body.extend(words(&[kind, class]));
        self
    }

    /// Adds a record to a section: 1 answer, 2 authority, 3 additional.
    #[must_use]
    pub fn record(
        mut self,
        section: usize,
        owner: &[u8],
        kind: u16,
        class: u16,
        ttl: u32,
        data: &[u8],
    ) -> Self {
        self.counts[section] += 1;
        self.body.extend_from_slice(owner);
        self.body.extend(words(&[kind, class]));
        self.body.extend(ttl.to_be_bytes());
        self.body.extend(words(&[data.len() as u16]));
        self.body.extend_from_slice(data);
        self
    }

    /// Answers with a record of class IN.
    #[must_use]
    pub fn answer(self, owner: &[u8], kind: u16, data: &[u8]) -> Self {
        self.record(1, owner, kind, 1, 300, data)
    }

    /// Adds EDNS (RFC 6891) with higher bits of the response code and options.
    #[must_use]
    pub fn edns(self, udp_size: u16, extended_rcode: u8, dnssec: bool, options: &[u8]) -> Self {
        let ttl = u32::from(extended_rcode) << 24 | if dnssec { 0x8000 } else { 0 };
        self.record(3, &[0], kind::OPT, udp_size, ttl, options)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let [questions, answers, authority, additional] = self.counts;
        let head = words(&[self.id, self.flags, questions, answers, authority, additional]);
        [&head[..], &self.body].concat()
    }

    /// Its bytes as TCP carries them: the length first (RFC 1035 §4.2.2).
    #[must_use]
    pub fn framed(&self) -> Vec<u8> {
        let bytes = self.bytes();
        [words(&[bytes.len() as u16]), bytes].concat()
    }
}
