//! Queries that the capture holds once more.

use super::*;
use crate::protocol::message::Brought;

/// What was sent: how often, and when for the first and the last time, in ms; and as how many queries it was captured.
type Sent = (u32, i64, i64, u32);

fn sent(lookup: &Lookup) -> Sent {
    let ms = |moment: Option<Moment>| moment.map_or(-1, |moment| moment.time.0 / 1_000_000);
    (lookup.times_sent(), ms(lookup.first_sent()), ms(lookup.last_sent()), lookup.queries)
}

/// What becomes of queries and answers of one name: who sends, when, and with which identification of the IP packet. `Q` is a query that was captured behind
/// a router.
fn run(packets: &[(char, i64, u16)]) -> Vec<Sent> {
    let mut talk = Talk::new("10.0.0.53:53");
    let mut lookups = Vec::new();
    for &(who, ms, ip_id) in packets {
        talk.out.brought = Brought::new(ip_id, if who == 'Q' { 63 } else { 64 }, 0);
        let (_, said) = if who != 'a' { talk.asks(ms, 9, "a", A) } else { talk.answers(ms, 9, "a", A) };
        lookups.extend(said);
    }
    lookups.extend(talk.finish(100_000));
    lookups.iter().map(sent).collect()
}

#[test]
fn a_copy_behind_the_answer_was_not_sent() {
    // Without identification by time alone: from the query, or from its answer.
    for ip_id in [0, 7] {
        assert_eq!(run(&[('q', 0, ip_id), ('a', 4, 0), ('q', 17, ip_id)]), [(1, 0, 0, 1), (0, 17, 17, 1)]);
    }
    assert_eq!(run(&[('q', 0, 0), ('a', 400, 0), ('q', 450, 0)])[1].0, 0);
    assert_eq!(run(&[('q', 0, 0), ('a', 400, 0), ('q', 451, 0)])[1].0, 1);
    // Clocks of two taps differ by more.
    assert_eq!(run(&[('q', 0, 7), ('a', 4, 0), ('Q', 4_000, 7)])[1].0, 0);
    assert_eq!(run(&[('q', 0, 7), ('a', 4, 0), ('Q', 6_000, 7)])[1].0, 1);
    // Some senders give every packet the same identification.
    assert_eq!(run(&[('q', 0, 7), ('a', 4, 0), ('q', 4_000, 7)])[1].0, 1);
    assert_eq!(run(&[('q', 0, 7), ('q', 1_000, 7)]), [(2, 0, 1_000, 2)]);
    // Another packet: the same was asked once more.
    assert_eq!(run(&[('q', 0, 7), ('a', 4, 0), ('q', 17, 8)])[1].0, 1);
    // Both directions twice, and the query a third time.
    assert_eq!(
        run(&[('q', 0, 7), ('a', 4, 0), ('Q', 1_000, 7), ('a', 1_004, 0), ('Q', 2_000, 7)]),
        [(1, 0, 0, 1), (0, 1_000, 1_000, 1), (0, 2_000, 2_000, 1)]
    );
}

#[test]
fn copies_before_the_answer_do_not_count() {
    assert_eq!(run(&[('q', 0, 7), ('Q', 700, 7), ('a', 710, 0)]), [(1, 0, 0, 2)]);
    assert_eq!(run(&[('q', 0, 0), ('q', 3, 0)]), [(1, 0, 0, 2)]);
    assert_eq!(run(&[('q', 0, 0), ('q', 1_000, 0)]), [(2, 0, 1_000, 2)]);
    // Sent twice, and each captured twice.
    assert_eq!(run(&[('q', 0, 7), ('Q', 700, 7), ('q', 1_000, 8), ('Q', 1_700, 8)]), [(2, 0, 1_000, 4)]);
    assert_eq!(
        run(&[('q', 0, 7), ('q', 1_000, 8), ('a', 1_004, 0), ('Q', 2_000, 7), ('Q', 3_000, 8)]),
        [(2, 0, 1_000, 2), (0, 2_000, 2_000, 2)]
    );
}

#[test]
fn a_query_behind_a_copy_is_one_of_its_own() {
    let mut talk = Talk::new("10.0.0.53:53");
    for (ms, ip_id) in [(0, 7), (10, 7), (2_000, 9)] {
        talk.out.brought = Brought::new(ip_id, 64, 0);
        talk.asks(ms, 9, "a", A);
        if ms == 0 {
            talk.answers(4, 9, "a", A);
        }
    }
    let (_, lookups) = talk.answers(2_005, 9, "a", A);
    assert_eq!(sent(&lookups[0]), (1, 2_000, 2_000, 2));
    let ms = |span: Option<Span>| span.map(|span| span.0 / 1_000_000);
    assert_eq!((ms(lookups[0].latency), ms(lookups[0].took())), (Some(1_995), Some(5)));
}

#[test]
fn another_name_with_the_same_id_is_no_copy() {
    let mut talk = Talk::new("10.0.0.53:53");
    talk.asks(0, 9, "a", A);
    talk.answers(4, 9, "a", A);
    talk.asks(5, 9, "b", A);
    assert_eq!(talk.finish(100_000).iter().map(Lookup::times_sent).collect::<Vec<_>>(), [1]);
}
