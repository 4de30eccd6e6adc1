//! Holes: previous segments not captured, acknowledgements of what was not captured, and the mark that the latter leave.

use super::script::Numbers;
use super::{HANDSHAKE, check, check_from, check_open};
use crate::model::Direction;

#[test]
fn a_segment_beyond_the_next_number_means_a_lost_one() {
    check_open(
        "
        100 > A 1   1 len=100 : bif=100
        101 > A 102 1 len=100 : lost bif= push=
        102 > A 202 1 len=100 : bif=
        110 < A 1 101         : acks=4
        # The peer's ACK makes the bytes in flight known again.
        111 > A 302 1 len=100 : bif=300
        112 > A 402 1 len=10  : bif=310
        113 > A 413 1 len=10  : lost bif=
        ",
    );
}

#[test]
fn segments_without_payload_can_follow_a_hole_too_but_resets_do_not() {
    check_open(
        "
        100 > A  2  1 : lost
        101 > RA 10 1 : rst
        102 > FA 20 1 : fin active lost
        103 < RA 9  1 : rst
        104 < A  10 1 : lost
        105 < A  11 1 : lost
        ",
    );
    check(
        "
        # Nothing is known of a side before its first packet.
        0 > A  1   1 len=100 :
        1 < A  1 101         : acks=1
        2 < A  3 101         : lost
        3 > A  102 3 len=1   : lost acklost
        ",
    );
}

#[test]
fn data_acknowledged_beyond_what_was_seen() {
    check_open(
        "
        100 > A 1   1 len=100 :
        110 < A 1 101         : acks=4
        111 < A 1 102         : acklost
        # The mark: nothing more is said until the data's sender acknowledges something new.
        112 < A 1 103         : rec=1
        113 < A 1 203 len=10  : rec=1
        114 > A 101 11        : acks=8
        115 < A 11 204        : acklost
        116 < A 11 204        : rec=1 dup=1/10
        ",
    );
}

#[test]
fn an_ack_beyond_a_hole_counts_once() {
    check_open(
        "
        100 > A 1   1 len=100 :
        101 > A 201 1 len=100 : lost
        102 < A 1 101         : acks=4
        103 < A 1 102         : acklost
        # From here on the hole is forgotten.
        104 < A 1 301         : acks=5
        105 < A 1 302         : acklost
        ",
    );
}

#[test]
fn a_hole_that_is_filled_from_its_start_is_none() {
    check_open(
        "
        100 > A 1   1 len=100 :
        101 > A 201 1 len=100 : lost
        150 > A 101 1 len=100 : retr
        151 < A 1 301         : acks=5
        152 < A 1 302         : acklost
        ",
    );
    check_open(
        "
        100 > A 1   1 len=100 :
        101 > A 201 1 len=100 : lost
        150 > A 102 1 len=99  : retr
        151 < A 1 301         : acks=5 acklost
        ",
    );
}

#[test]
fn without_the_ack_flag_nothing_is_acknowledged() {
    check_open(
        "
        100 > A 1   1 len=100 :
        110 < - 1 500         : acknz
        111 < R 1 600         : rst acknz
        112 < A 1 500         : acklost
        ",
    );
}

#[test]
fn nothing_is_unseen_of_a_side_that_was_never_seen() {
    check(
        "
        0 > A 1 100 : comp=0
        1 > A 1 200 :
        2 > A 1 300 len=10 :
        ",
    );
}

/// Zero stands for "not known" in Wireshark 4.0, so a segment that ends just before it leaves no next number behind.
#[test]
fn a_number_of_zero_is_an_unknown_number() {
    let at = |client| Numbers { client, server: 77, client_is: Direction::AtoB };
    let script = |after: &str| format!("{HANDSHAKE} 100 > A 1 1 len=99 : bif=99\n {after}");
    // The next number is 0: nothing is lost, sent again, or acknowledged without having been seen.
    let zero = at(u32::MAX - 99);
    check_from(zero, &script("110 > A 150 1 len=9 :\n 140 > A 1 1 len=9 : retr"));
    check_from(zero, &script("200 > A 1 1 len=99 : bif=99\n 210 < A 1 101 :"));
    check_from(zero, &script("200 < A 1 500 :"));
    // An acknowledgement of 0 makes nothing spurious.
    check_from(zero, &script("110 < A 1 100 : acks=4\n 111 > A 1 1 len=99 :"));
    // One number before, everything is as usual.
    let before = at(u32::MAX - 100);
    check_from(before, &script("110 > A 150 1 len=9 : lost\n 120 > A 1 1 len=9 : ooo"));
    check_from(before, &script("200 > A 1 1 len=99 : retr"));
    check_from(before, &script("200 < A 1 500 : acklost"));
    check_from(before, &script("110 < A 1 100 : acks=4\n 111 > A 1 1 len=99 : spur"));
}

/// The mark stands in the counter of duplicate ACKs, where a fast retransmission takes it for many.
#[test]
fn the_mark_of_unseen_data_allows_a_fast_retransmission() {
    let script = |last: &str| {
        format!(
            "
            0  > S  0   . : syn
            10 < SA 0   1 : synack
            11 > A  1   1 len=100 : irtt=11
            12 > A  101 500 len=100 : acklost
            {last}
            "
        )
    };
    check(&script("29.999999 > A 1 500 len=100 : fast"));
    check(&script("30 > A 1 500 len=100 : retr"));
    check(&script("28 > A 2 500 len=99 : retr"));
    // A duplicate ACK counts from one again.
    check(&script("13 < A 1 1 : dup=1/2\n 24 > A 1 1 len=100 : retr"));
    check(&script("13 < A 1 1 : dup=1/2\n 24 > A 1 2 len=100 : fast"));
}

/// 10,000 segments are remembered. A FIN beyond them does not count, so its acknowledgement is of something unseen.
#[test]
fn the_list_of_unacknowledged_segments_is_capped() {
    for (segments, verdict) in [(9_998, "acks=10002"), (9_999, "acks=10003"), (10_000, "acklost acks=")] {
        let mut script = HANDSHAKE.replace("SA 0 1 mss=1460", "SA 0 1 mss=1460 win=65000");
        for i in 0..segments {
            script += &format!("30 > A {} 1 len=2 :\n", 1 + 2 * i);
        }
        let end = 1 + 2 * segments;
        script += &format!("40 > FA {end} 1 : fin active\n 50 < A 1 {} : {verdict}\n", end + 1);
        check(&script);
    }
}
