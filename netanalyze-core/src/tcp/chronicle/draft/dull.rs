//! Whether anything is to be told of a draft whose ends have closed.

use super::super::lane::{DELAYS, NEAR, UNSAID};
use super::super::pair;
use super::{CLIENT, Draft, Offer, Patience, SERVER, Side};
use crate::model::Timestamp;
use crate::tcp::flow::WindowScale;
use crate::tcp::sequence::before;

/// A direction, as [`Draft::scan`] goes through its packets.
struct Run {
    next: u32,
    una: u32,
    /// Bytes that the other end has room for.
    window: u32,
    has_data: bool,
    last_data: Timestamp,
    /// All of it was acknowledged late: what is sent next may have waited for that.
    is_late: bool,
    room: Room,
    /// Of the windows that its sender announces.
    scale: WindowScale,
    /// The window was full when something was sent.
    was_full: bool,
    /// What a chronicle would measure round trips by: the end of a segment, and when it was sent; and the longest of them.
    timed: Option<(u32, Timestamp)>,
    longest_rtt: i64,
}

impl Run {
    /// Takes an acknowledgement.
    fn acknowledged(&mut self, ack: u32, now: Timestamp) {
        self.una = ack;
        if let Some((end, sent)) = self.timed
            && !before(ack, end)
        {
            self.timed = None;
            self.longest_rtt = self.longest_rtt.max(now.since(sent).0);
        }
    }
}

/// What an end takes in one segment, and what a full segment to it holds at most, and at least.
struct Room {
    takes: u32,
    most: u32,
    least: u32,
}

impl Room {
    fn of(offer: &Offer) -> Self {
        match offer.mss.map(u32::from) {
            Some(mss) => Room { takes: mss, most: mss.max(1), least: mss.saturating_sub(12).max(1) },
            None => Room { takes: u32::MAX, most: UNSAID, least: UNSAID },
        }
    }
}

impl Draft {
    /// Whether a chronicle of these packets has nothing to tell, as far as that can be said without making it. The one question that is left is whether the
    /// last packet, which is not in the draft, ends the connection: the caller knows.
    pub(super) fn is_dull(&self, patience: &Patience) -> bool {
        let Some(syn_ack) = &self.syn_ack else { return false };
        let life = self.course.last.since(self.syn.entry.time);
        let is_quick = life.0 < DELAYS[0].start && life < patience.think;
        let [client_scale, server_scale] = self.scales;
        let fits = |(by, of, scale): (Side, &Offer, WindowScale)| {
            let room = Room::of(of);
            let window = scale.apply(self.course.least_window).min(of.entry.window.into());
            let filled = u64::from(self.course.most_in_flight) + u64::from(room.most.max(self.course.most));
            self.course.most <= room.takes
                // No long transfer, or one that never filled the least of all windows.
                && (u64::from(self.sent(by)) < 10 * u64::from(room.least) || filled <= u64::from(window))
        };
        let ends = [(CLIENT, syn_ack, server_scale), (SERVER, &self.syn, client_scale)];
        if self.course.least_window == 0 {
            false
        } else if is_quick {
            // There was no time to wait for anything.
            ends.into_iter().all(fits) || self.scan::<false>(patience)
        } else {
            self.scan::<true>(patience)
        }
    }

    /// The same, packet by packet: no full window cost time, and nobody waited for an acknowledgement or an answer, if that is asked.
    fn scan<const WAITS: bool>(&self, patience: &Patience) -> bool {
        let Some(syn_ack) = &self.syn_ack else { return false };
        let [client_scale, server_scale] = self.scales;
        let run = |own: &Offer, peer: &Offer, scale: WindowScale| Run {
            next: own.entry.seq.wrapping_add(1),
            una: own.entry.seq.wrapping_add(1),
            window: peer.entry.window.into(),
            has_data: false,
            last_data: own.entry.time,
            is_late: false,
            room: Room::of(peer),
            scale,
            was_full: false,
            timed: Some((own.entry.seq.wrapping_add(1), own.entry.time)),
            longest_rtt: 0,
        };
        let mut runs = [run(&self.syn, syn_ack, client_scale), run(syn_ack, &self.syn, server_scale)];
        let [client, _] = &mut runs;
        client.acknowledged(syn_ack.entry.ack, syn_ack.entry.time);
        let is_ordinary = self.entries.iter().all(|entry| {
            let (own, peer) = pair(&mut runs, entry.by());
            let fin = u32::from(entry.flags().fin());
            let since = entry.time.since(peer.last_data);
            peer.acknowledged(entry.ack, entry.time);
            peer.window = own.scale.apply(entry.window);
            if entry.len + fin == 0 {
                peer.is_late = WAITS && peer.has_data && peer.una == peer.next && since.0 >= DELAYS[0].start;
                return true;
            }
            own.next = entry.seq.wrapping_add(entry.len).wrapping_add(fin);
            let in_flight = u64::from(own.next.wrapping_sub(own.una));
            let is_full = in_flight + u64::from(own.room.most.max(entry.len)) > u64::from(own.window);
            own.was_full |= is_full;
            own.timed = own.timed.or(Some((own.next, entry.time)));
            let is_slow = WAITS && entry.len > 0 && peer.has_data && since >= patience.think;
            let is_ordinary = !(is_slow || own.is_late) && entry.len <= own.room.takes;
            if entry.len > 0 {
                (own.has_data, own.last_data) = (true, entry.time);
            }
            peer.is_late = false;
            is_ordinary
        });
        let [client, server] = &runs;
        // Smoothed, no round trip is longer than the longest.
        let is_near = client.longest_rtt.saturating_add(server.longest_rtt).saturating_add(2) < NEAR.0;
        let is_limited = |(run, by): (&Run, Side)| {
            run.was_full && !is_near && u64::from(self.sent(by)) >= 10 * u64::from(run.room.least)
        };
        is_ordinary && ![(client, CLIENT), (server, SERVER)].into_iter().any(is_limited)
    }
}
