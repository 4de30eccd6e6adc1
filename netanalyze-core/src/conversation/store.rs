//! The conversations of a shard: those with recent packets as they are, all others in compact form. Nothing is lost in it, so nobody sees
//! which is which: the next packet brings a conversation back.
//!
//! Everything here depends on the packets of the shard alone, never on batches or threads, and so does what is forgotten under a memory
//! limit ([`Store::forget`]).

#[cfg(test)]
mod tests;

use std::ops::Deref;

use hashbrown::{HashMap, HashTable};

use super::key::{FlowKey, KeyHasher};
use super::shelves::{Handle, Shelves};
use crate::model::{FrameNumber, Timestamp};
use crate::tcp::{Coder, Reader, Slab, Writer};

/// What a store keeps.
pub(super) trait Record: Sized {
    /// What is kept beside the compact form as it is.
    type Aside: std::fmt::Debug;

    /// One to be filled.
    fn blank() -> Self;

    fn key(&self) -> &FlowKey;

    fn key_mut(&mut self) -> &mut FlowKey;

    /// Frame of its last packet.
    fn last_frame(&self) -> FrameNumber;

    /// It is no use to make it compact: it has too much on the heap.
    fn is_bulky(&self) -> bool;

    /// It is closed: there will hardly be more packets, and its end holds no surprise.
    fn is_over(&self) -> bool;

    /// Bytes on the heap.
    fn heap(&self) -> usize;

    /// Takes out what the compact form does not hold, if there is any.
    fn detach(&mut self) -> Option<Self::Aside>;

    /// Puts it back.
    fn attach(&mut self, aside: Self::Aside);

    /// Bytes that it takes.
    fn size_of_aside(aside: &Self::Aside) -> usize;

    /// Goes over all fields but the key. `start` and `last` lie near its times and frames.
    fn code<C: Coder>(&mut self, c: &mut C, start: Timestamp, last: FrameNumber);
}

/// How a conversation is kept.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// As it is, in this slot.
    Open(u32),
    Compact(Compact),
    /// Forgotten.
    Gone,
}

/// A conversation in compact form, and what is asked of many without reading any.
#[derive(Clone, Copy, Debug)]
struct Compact {
    handle: Handle,
    /// [`Record::is_over`].
    is_over: bool,
    /// [`Record::last_frame`].
    last: FrameNumber,
}

/// Where a key is looked up: its hash stands beside the index, so that no other key needs to be looked at, and growth hashes nothing.
#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    index: u32,
}

impl Entry {
    /// The hash that the table sees: it takes the place from the lower bits and a tag from the uppermost.
    fn spread(hash: u32) -> u64 {
        u64::from(hash) << 32 | u64::from(hash)
    }
}

/// Where an open conversation is. Good until another one is sought or inserted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    pub(super) index: u32,
    slot: u32,
}

/// The conversations found last, by their hashes: packets come in trains, and this is closer at hand than the index.
struct Recent;

impl Recent {
    const COUNT: usize = 16;

    const NOWHERE: Spot = Spot { index: u32::MAX, slot: u32::MAX };

    /// Where a hash stands in an array of [`Recent::COUNT`].
    #[inline]
    fn place(hash: u32) -> usize {
        hash as usize % Recent::COUNT
    }
}

#[derive(Debug)]
struct Slot<T> {
    /// Whose slot it is, as an index into the places.
    owner: u32,
    record: Option<T>,
}

/// Conversations of one protocol, by indices that stay the same.
#[derive(Debug)]
pub(super) struct Store<T: Record> {
    hasher: KeyHasher,
    /// Frames after which a conversation is quiet.
    patience: u64,
    /// The most recent conversation of each key.
    index: HashTable<Entry>,
    recent: [Spot; Recent::COUNT],
    places: Slab<Place>,
    slots: Slab<Slot<T>>,
    vacant_slots: Vec<u32>,
    /// The slot that is looked at next.
    hand: u32,
    compact: Shelves,
    /// What compact conversations have besides, by index, each with its bytes: to count them is to look at all of it.
    aside: HashMap<u32, (T::Aside, usize), foldhash::fast::RandomState>,
    aside_bytes: usize,
    writer: Writer,
    /// Time of the first packet.
    start: Option<Timestamp>,
    /// Indices of forgotten conversations: those that may be used again, and those that the present batch may yet ask for.
    vacant: Vec<u32>,
    left: Vec<u32>,
    /// Bytes on the heap of all open conversations, when last counted.
    heap: usize,
}

/// A conversation to look at, wherever it was.
#[derive(Debug)]
pub(crate) enum Seen<'s, T> {
    /// As it is.
    Open(&'s T),
    /// Brought back from its compact form for the occasion.
    Compact(T),
}

impl<T> Deref for Seen<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Seen::Open(record) => record,
            Seen::Compact(record) => record,
        }
    }
}

/// Slots looked at for every conversation that is opened.
const LOOKS: u32 = 3;

/// Bytes that a conversation costs beside itself: its place, its stream number, its entry in the order of streams and in that of findings.
const BESIDE: usize = 80;

/// Bytes that a key takes in the index: nine, in a table that is between 7/16 and 7/8 full. What the table really takes depends on the seed
/// of the hash once something was removed from it, and what is forgotten must not.
const INDEXED: usize = 20;

impl<T: Record> Store<T> {
    pub(super) fn new(hasher: KeyHasher, patience: u64) -> Self {
        Store {
            hasher,
            patience,
            index: HashTable::new(),
            recent: [Recent::NOWHERE; Recent::COUNT],
            places: Slab::default(),
            slots: Slab::default(),
            vacant_slots: Vec::new(),
            hand: 0,
            compact: Shelves::default(),
            aside: HashMap::default(),
            aside_bytes: 0,
            writer: Writer::default(),
            start: None,
            vacant: Vec::new(),
            left: Vec::new(),
            heap: 0,
        }
    }

    /// The most recent conversation of a key, to take a packet of the frame `now`.
    #[inline]
    pub(super) fn seek(&mut self, hash: u32, key: &FlowKey, now: FrameNumber) -> Option<Spot> {
        let spot = self.recent[Recent::place(hash)];
        let slot = self.slots.get(spot.slot);
        if slot.is_some_and(|slot| {
            slot.owner == spot.index && slot.record.as_ref().is_some_and(|r| r.key() == key)
        }) {
            return Some(spot);
        }
        let index = self.find(hash, key)?;
        let slot = match *self.places.get(index)? {
            Place::Open(slot) => slot,
            _ => self.bring_back(index, now)?,
        };
        let spot = Spot { index, slot };
        self.recent[Recent::place(hash)] = spot;
        Some(spot)
    }

    fn find(&self, hash: u32, key: &FlowKey) -> Option<u32> {
        let same = |entry: &Entry| entry.hash == hash && self.has_key(entry.index, key);
        self.index.find(Entry::spread(hash), same).map(|entry| entry.index)
    }

    #[inline]
    fn has_key(&self, index: u32, key: &FlowKey) -> bool {
        match self.places.get(index) {
            Some(&Place::Open(slot)) => self.record(slot).is_some_and(|record| record.key() == key),
            Some(_) => self.key_of(index).is_some_and(|of| of == *key),
            None => false,
        }
    }

    #[inline]
    fn record(&self, slot: u32) -> Option<&T> {
        self.slots.get(slot)?.record.as_ref()
    }

    /// The key of a conversation that is kept.
    pub(super) fn key_of(&self, index: u32) -> Option<FlowKey> {
        match *self.places.get(index)? {
            Place::Open(slot) => Some(*self.record(slot)?.key()),
            Place::Compact(Compact { handle, .. }) => {
                let mut key = FlowKey::NONE;
                key.code(&mut Reader::new(self.compact.get(handle)));
                Some(key)
            }
            Place::Gone => None,
        }
    }

    /// A conversation where it was just found.
    #[inline]
    pub(super) fn at(&mut self, spot: Spot) -> Option<&mut T> {
        self.slots.get_mut(spot.slot)?.record.as_mut()
    }

    #[cold]
    fn bring_back(&mut self, index: u32, now: FrameNumber) -> Option<u32> {
        let Place::Compact(compact) = *self.places.get(index)? else {
            return None;
        };
        let mut record = self.read(compact);
        self.compact.free(compact.handle);
        if let Some((aside, bytes)) = self.aside.remove(&index) {
            self.aside_bytes = self.aside_bytes.saturating_sub(bytes);
            record.attach(aside);
        }
        let slot = self.take_slot(index, now);
        self.slots.get_mut(slot)?.record = Some(record);
        *self.places.get_mut(index)? = Place::Open(slot);
        Some(slot)
    }

    fn read(&self, compact: Compact) -> T {
        let mut record = T::blank();
        self.read_over(compact, &mut record);
        record
    }

    /// Reads over another conversation, whose memory is used again.
    fn read_over(&self, compact: Compact, record: &mut T) {
        let mut reader = Reader::new(self.compact.get(compact.handle));
        record.key_mut().code(&mut reader);
        record.code(&mut reader, self.start.unwrap_or_default(), compact.last);
    }

    /// Keeps a new conversation, whose first packet has a time and a frame. If another one has the same key, this one takes its place as the
    /// most recent. It is made where it stays.
    #[inline(always)]
    pub(super) fn insert(
        &mut self,
        (hash, key): (u32, &FlowKey),
        make: impl FnOnce() -> T,
        time: Timestamp,
        now: FrameNumber,
    ) -> Spot {
        let spot = self.room(hash, key, time, now);
        if let Some(slot) = self.slots.get_mut(spot.slot) {
            slot.record = Some(make());
        }
        spot
    }

    /// A slot for a new conversation of a key.
    fn room(&mut self, hash: u32, key: &FlowKey, time: Timestamp, now: FrameNumber) -> Spot {
        self.start.get_or_insert(time);
        let known = self.find(hash, key);
        let index = match self.vacant.pop() {
            Some(index) => index,
            None => self.places.push(Place::Gone),
        };
        let slot = self.take_slot(index, now);
        if let Some(place) = self.places.get_mut(index) {
            *place = Place::Open(slot);
        }
        let same = |entry: &Entry| known.is_some_and(|known| known == entry.index);
        match self.index.find_mut(Entry::spread(hash), same) {
            Some(entry) => entry.index = index,
            None => {
                let entry = Entry { hash, index };
                self.index.insert_unique(Entry::spread(hash), entry, |entry| Entry::spread(entry.hash));
            }
        }
        let spot = Spot { index, slot };
        self.recent[Recent::place(hash)] = spot;
        spot
    }

    /// An empty slot for a conversation; others that are quiet give up theirs.
    fn take_slot(&mut self, owner: u32, now: FrameNumber) -> u32 {
        for _ in 0..LOOKS {
            self.look(now);
        }
        match self.vacant_slots.pop() {
            Some(slot) => {
                if let Some(place) = self.slots.get_mut(slot) {
                    place.owner = owner;
                }
                slot
            }
            None => self.slots.push(Slot { owner, record: None }),
        }
    }

    /// Makes the conversation in the next slot compact if it is quiet.
    fn look(&mut self, now: FrameNumber) {
        let slot = self.hand;
        self.hand = if slot + 1 < self.slots.len() { slot + 1 } else { 0 };
        let Some(Slot { owner, record: place }) = self.slots.get_mut(slot) else { return };
        let Some(record) = place else { return };
        let is_over = record.is_over();
        let patience = if is_over { self.patience / 64 } else { self.patience };
        let last = record.last_frame();
        if now.0.saturating_sub(last.0) < patience || record.is_bulky() {
            return;
        }
        let aside = record.detach();
        self.writer.clear();
        record.key_mut().code(&mut self.writer);
        record.code(&mut self.writer, self.start.unwrap_or_default(), last);
        let Some(handle) = self.writer.finish().and_then(|bytes| self.compact.put(bytes)) else {
            aside.into_iter().for_each(|aside| record.attach(aside));
            return;
        };
        if let Some(aside) = aside {
            let bytes = T::size_of_aside(&aside);
            self.aside_bytes += bytes;
            self.aside.insert(*owner, (aside, bytes));
        }
        *place = None;
        self.vacant_slots.push(slot);
        if let Some(place) = self.places.get_mut(*owner) {
            *place = Place::Compact(Compact { handle, is_over, last });
        }
    }

    /// A conversation by its index.
    pub(super) fn get(&self, index: u32) -> Option<Seen<'_, T>> {
        match *self.places.get(index)? {
            Place::Open(slot) => Some(Seen::Open(self.record(slot)?)),
            Place::Compact(compact) => Some(Seen::Compact(self.read(compact))),
            Place::Gone => None,
        }
    }

    /// Shows a conversation, if it is kept. `room` is for those in compact form.
    pub(super) fn visit(&self, index: u32, room: &mut T, look: &mut dyn FnMut(&T)) {
        match self.places.get(index) {
            Some(&Place::Open(slot)) => self.record(slot).into_iter().for_each(look),
            Some(&Place::Compact(compact)) => {
                self.read_over(compact, room);
                look(room);
            }
            Some(Place::Gone) | None => {}
        }
    }

    /// Whether a conversation is known to be over, which spares looking at it.
    pub(super) fn is_over(&self, index: u32) -> bool {
        matches!(self.places.get(index), Some(Place::Compact(Compact { is_over: true, .. })))
    }

    /// Whether a conversation is still kept.
    pub(super) fn is_kept(&self, index: u32) -> bool {
        !matches!(self.places.get(index), None | Some(Place::Gone))
    }

    /// Takes out what conversations have besides their compact form, by index.
    pub(super) fn detach_all(&mut self) -> Vec<(u32, T::Aside)> {
        let mut all: Vec<_> = self.aside.drain().map(|(index, (aside, _))| (index, aside)).collect();
        for slot in 0..self.slots.len() {
            if let Some(Slot { owner, record: Some(record) }) = self.slots.get_mut(slot) {
                all.extend(record.detach().map(|aside| (*owner, aside)));
            }
        }
        self.aside_bytes = 0;
        all.sort_unstable_by_key(|&(index, _)| index);
        all
    }

    /// Bytes that all of it takes, about. What the open conversations have on the heap is counted anew only if asked for.
    pub(super) fn bytes(&mut self, anew: bool) -> usize {
        let slots = (0..self.slots.len()).filter_map(|slot| self.slots.get(slot)?.record.as_ref());
        if anew {
            self.heap = slots.map(Record::heap).sum();
        }
        let kept = self.places.len() as usize - self.vacant.len() - self.left.len();
        let open = self.slots.len() as usize - self.vacant_slots.len();
        self.index.len() * INDEXED
            + kept * BESIDE
            + open * size_of::<Slot<T>>()
            + self.compact.used()
            + self.aside_bytes
            + self.heap
    }

    /// All conversations kept, each with the frame of its last packet.
    pub(super) fn last_frames(&self) -> impl Iterator<Item = (FrameNumber, u32)> {
        (0..self.places.len()).filter_map(|index| match *self.places.get(index)? {
            Place::Open(slot) => Some((self.record(slot)?.last_frame(), index)),
            Place::Compact(Compact { last, .. }) => Some((last, index)),
            Place::Gone => None,
        })
    }

    /// Forgets a conversation. Its index is used again only after the next [`Store::begin_batch`].
    pub(super) fn forget(&mut self, index: u32) {
        if let Some(key) = self.key_of(index)
            && let hash = self.hasher.hash(&key)
            && let Ok(entry) = self.index.find_entry(Entry::spread(hash), |entry| entry.index == index)
        {
            entry.remove();
        }
        let Some(place) = self.places.get_mut(index) else { return };
        match std::mem::replace(place, Place::Gone) {
            Place::Open(slot) => {
                if let Some(slot) = self.slots.get_mut(slot) {
                    slot.record = None;
                }
                self.vacant_slots.push(slot);
            }
            Place::Compact(Compact { handle, .. }) => {
                self.compact.free(handle);
                if let Some((_, bytes)) = self.aside.remove(&index) {
                    self.aside_bytes = self.aside_bytes.saturating_sub(bytes);
                }
            }
            Place::Gone => return,
        }
        self.left.push(index);
    }

    /// Results of earlier batches have their stream numbers by the time a new batch gets its own, so indices left then are free.
    pub(super) fn begin_batch(&mut self) {
        if !self.left.is_empty() {
            self.vacant.append(&mut self.left);
        }
    }
}
