//! What fuzzing asserts of HTTP, of dialogues that lead to TLS and of SOCKS: decoders keep to what their caller expects of them; each
//! request makes one exchange and no more; what is said of exchanges does not depend on whether messages are wanted; and nothing is left behind.
//!
//! The body of the fuzz target `http`, which reads its bytes as a script: a byte for the decoder, then steps of a byte for what to do, one for
//! a length, and that many bytes. Run once on scripts in the unit tests.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::missing_panics_doc)]

use super::{Ssdp, Stream};
use crate::model::limits::MAX_HTTP_LINE;
use crate::model::{Direction, FrameNumber, Timestamp};
use crate::protocol::message::{Message, Messages};
use crate::protocol::recognise::{Recognised, recognise};
use crate::protocol::socks::Relay;
use crate::protocol::starttls::{Dialogue, StartTls};
use crate::protocol::stream::{Closing, DatagramDecoder, Moment, StreamDecoder};
use crate::protocol::testing::{C, Drive, S, flow};

const PORTS: [u16; 16] = [80, 443, 25, 143, 110, 389, 5432, 3306, 21, 5222, 119, 1080, 53, 8443, 1900, 9_999];

/// What to do.
enum Step<'a> {
    Feed(Direction, &'a [u8]),
    Cut(Direction, &'a [u8]),
    Lost(Direction),
    Skip(Direction, u64),
    Turn(Direction, Option<u64>),
    Close(Direction, Closing),
}

fn steps(mut script: &[u8]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    while let [what, len, rest @ ..] = script {
        let from = if what & 1 == 0 { C } else { S };
        // Long texts are worth more than many.
        let (bytes, rest) =
            rest.split_at((usize::from(*len) * if what & 0x80 != 0 { 16 } else { 1 }).min(rest.len()));
        script = rest;
        steps.push(match what >> 1 & 15 {
            0 => Step::Lost(from),
            1 => Step::Cut(from, bytes),
            2 => Step::Close(from, Closing::Fin),
            3 => Step::Close(from, Closing::Reset),
            4 => Step::Skip(from, u64::from(what >> 5)),
            5 => Step::Turn(from, Some(u64::from(what >> 5))),
            6 => Step::Turn(from, None),
            _ => Step::Feed(from, bytes),
        });
    }
    steps
}

/// Plays a script, then ends both directions. Says what was said.
fn play<D: StreamDecoder>(decoder: D, steps: &[Step<'_>], every: bool) -> (D, Vec<(Direction, Message)>) {
    let mut drive = Drive::new(decoder);
    drive.out = Messages::new(every);
    let mut open = [true; 2];
    // Within a step of the caller's nothing else happens.
    let mut filling = None;
    for step in steps {
        if let (Some(at), Step::Lost(from) | Step::Cut(from, _) | Step::Close(from, _)) = (filling, step)
            && at == *from
        {
            drive.lost_place(at);
            drive.decoder.turn(at, None);
            filling = None;
        }
        match *step {
            Step::Feed(from, bytes) if open[from.index()] => drive.feed(from, bytes),
            Step::Cut(from, bytes) if open[from.index()] => {
                drive.lost(from);
                drive.tick();
                drive.decoder.decode_cut(from, bytes, 100, drive.now, &mut drive.out);
            }
            Step::Lost(from) if open[from.index()] => drive.lost(from),
            Step::Skip(from, hole) if open[from.index()] && filling.is_none() => {
                drive.lost_place(from);
                drive.decoder.skip(from, hole);
            }
            Step::Turn(from, Some(hole)) if open[from.index()] && filling.is_none() => {
                drive.lost_place(from);
                drive.decoder.turn(from, Some(hole));
                filling = Some(from);
            }
            Step::Turn(from, None) if filling == Some(from) => {
                drive.lost_place(from);
                drive.decoder.turn(from, None);
                filling = None;
            }
            Step::Close(from, how) if std::mem::take(&mut open[from.index()]) => drive.close(from, how),
            _ => {}
        }
    }
    if let Some(from) = filling {
        drive.decoder.turn(from, None);
    }
    for from in [C, S] {
        if open[from.index()] {
            drive.close(from, Closing::CaptureEnd);
        }
    }
    let said = drive.said();
    (drive.decoder, said)
}

/// The exchanges that were said, in words.
fn exchanges(said: &[(Direction, Message)]) -> Vec<String> {
    let words = |(from, message): &(Direction, Message)| match message {
        Message::Exchange(exchange) => Some(format!("{from:?} {exchange:?}")),
        _ => None,
    };
    said.iter().filter_map(words).collect()
}

/// Plays a script.
pub fn http(data: &[u8]) {
    let Some((&which, script)) = data.split_first() else { return };
    let flow = flow(PORTS[usize::from(which & 15)]);
    for (from, bytes) in [(C, script), (S, script)] {
        if recognise(&flow, from, bytes) == Recognised::NeedMore {
            assert!(bytes.len() < MAX_HTTP_LINE);
        }
    }
    let steps = steps(script);
    let dialogue = Dialogue::of_port(flow.server_port());
    if let Some(dialogue) = dialogue {
        let (decoder, said) = play(StartTls::new(dialogue), &steps, true);
        assert!(said.is_empty() && decoder.heap() == 0);
    }
    if which & 15 == 11 {
        let (decoder, said) = play(Relay::new(), &steps, true);
        assert!(said.is_empty() && decoder.heap() == 0);
    }
    let (decoder, said) = play(Stream::new(&flow), &steps, true);
    assert_eq!(decoder.heap(), 0);
    let told = exchanges(&said);
    assert_eq!(told.len(), decoder.begun() as usize, "each is told once");
    let (decoder, said) = play(Stream::new(&flow), &steps, false);
    assert_eq!(decoder.heap(), 0);
    assert_eq!(exchanges(&said), told);
    // The same bytes as datagrams.
    let mut ssdp = Ssdp::new();
    let mut out = Messages::new(true);
    for (number, step) in (1..).zip(&steps) {
        if let Step::Feed(from, bytes) | Step::Cut(from, bytes) = step {
            let now = Moment { frame: FrameNumber(number), time: Timestamp(0) };
            ssdp.datagram(*from, bytes, 0, now, &mut out);
        }
    }
}

/// A script of texts: `>` from the client, `<` from the server, `x` for a hole before it, `c` for a cut one.
fn script(port: u8, texts: &[(&str, &str)]) -> Vec<u8> {
    let mut script = vec![port];
    for (who, text) in texts {
        let from = u8::from(who.starts_with('<'));
        let what = if who.ends_with('c') { 1 } else { 7 };
        if who.ends_with('x') {
            script.extend([from, 0]);
        }
        for piece in text.replace('\n', "\r\n").as_bytes().chunks(200) {
            script.extend([what << 1 | from, piece.len() as u8]);
            script.extend(piece);
        }
    }
    script
}

/// Scripts to begin with.
#[must_use]
pub fn scripts() -> Vec<Vec<u8>> {
    let get = (">", "GET /a HTTP/1.1\nHost: b\n\n");
    vec![
        script(0, &[get, ("<", "HTTP/1.1 200 OK\nContent-Length: 3\n\nabc")]),
        script(
            0,
            &[get, get, ("<", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n"), ("<x", "0\n\n")],
        ),
        script(0, &[get, ("<c", "HTTP/1.1 200 OK\nContent"), get, ("<", "HTTP/1.0 200 OK\n\nabc")]),
        script(0, &[(">", "CONNECT a:1 HTTP/1.1\n\n"), ("<", "HTTP/1.1 200 OK\n\nabc")]),
        script(0, &[get, ("<", "HTTP/1.1 101 OK\nUpgrade: websocket\n\nabc"), get]),
        script(2, &[("<", "220 a SMTP\n"), (">", "STARTTLS\n"), ("<", "220 b\n")]),
        script(11, &[(">", "\x05\x01\0"), ("<", "\x05\0"), (">", "\x05\x01\0\x01\0\0\0\0\0\0")]),
        script(14, &[(">", "M-SEARCH * HTTP/1.1\n\n"), ("<", "HTTP/1.1 200 OK\n\n")]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuzz_body_holds_for_scripts() {
        for script in &scripts() {
            for len in 0..=script.len() {
                http(&script[..len]);
            }
            for at in 0..script.len() {
                for value in [0, 0x0a, 0x0d, 0x20, 0x30, 0xff] {
                    let mut changed = script.clone();
                    changed[at] = value;
                    http(&changed);
                }
            }
        }
    }
}
