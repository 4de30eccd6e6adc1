//! Windows: updates, full and zero windows, probes and their answers, scaling.

use super::script::Numbers;
use super::{check, check_from, check_open};
use crate::model::Direction;

#[test]
fn a_window_update_repeats_an_ack_with_another_window() {
    check_open(
        "
        100 < A  1 1 win=2000  : wu
        101 < A  1 1 win=500   : wu
        102 < A  1 1 win=500   : dup=1/2
        103 < A  1 1 win=0     : zw
        104 < A  1 1 win=1     : wu
        105 > A  1 1 win=1001  : wu
        ",
    );
}

#[test]
fn not_a_window_update() {
    check_open(
        "
        100 > A  1   1 len=100         :
        101 < A  1 101 win=999         : acks=4
        102 < A  1 101 win=998 len=10  : bif=10
        103 < A  12 101 win=997        : lost
        104 < A  11 101 win=996        : ka
        105 < FA 12 101 win=995        : fin active
        106 < RA 13 101 win=994        : rst
        107 < A  13 101 win=993        : wu
        ",
    );
}

#[test]
fn full_when_a_segment_ends_exactly_at_the_window() {
    check_open(
        "
        100 > A 1    1 len=999  : bif=999
        101 > A 1000 1 len=1    : full bif=1000
        102 > A 1001 1 len=1    :
        103 < A 1 1002 win=500  : acks=6
        104 > A 1002 1 len=500  : full
        # A retransmission fills it as well.
        200 > A 1002 1 len=500  : full retr rto=96/8
        201 < A 1 1502 win=500  : acks=8
        202 > A 1502 1 len=501  :
        203 > FA 1503 1 len=499 : fin active retr
        ",
    );
}

#[test]
fn zero_windows_but_not_of_control_segments() {
    check_open(
        "
        100 > A  1   1 len=100   :
        110 < A  1 101 win=0     : zw acks=4
        111 < A  1 101 win=0     : zw
        112 < PA 1 101 win=0 len=10 : zw bif=10
        113 < A  11 101 win=1    : wu
        114 < FA 11 101 win=0    : fin active
        115 < RA 12 101 win=0    : rst
        ",
    );
    check("0 > S 0 . win=0 : syn\n 10 < SA 0 1 win=0 : synack\n 20 > A 1 1 win=0 : zw");
}

#[test]
fn a_probe_is_one_byte_at_a_zero_window() {
    check_open(
        "
        100 > A 1    1 len=1000  : full
        110 < A 1 1001 win=0     : zw acks=4
        300 > A 1001 1 len=1     : zwp bif=1
        310 < A 1 1001 win=0     : zw zwpa
        311 < A 1 1001 win=0     : zw zwpa
        600 > A 1001 1 len=1     : zwp
        # Its byte was accepted; it had not raised the next number, so the ACK is of something unseen.
        610 < A 1 1002 win=0     : zw acklost acks=6
        620 < A 1 1002 win=500   : wu
        ",
    );
    check_open(
        "
        100 > A  1    1 len=1000  : full
        110 < A  1 1001 win=0     : zw acks=4
        300 > FA 1001 1 len=1     : zwp fin active
        310 < A  1 1001 win=100   : wu
        320 < A  1 1001 win=0     : zw
        ",
    );
}

#[test]
fn not_a_probe() {
    check_open(
        "
        100 > A 1    1 len=1000  : full
        110 < A 1 1001 win=0     : zw acks=4
        300 > A 1000 1 len=1     : full ka
        301 > A 1002 1 len=1     : lost
        302 < A 1 1001 win=0     : zw
        ",
    );
    check_open(
        "
        100 > A 1    1 len=1000  : full
        110 < A 1 1001 win=0     : zw acks=4
        300 > A 1001 1 len=2     : bif=2
        301 < A 1 1001 win=1     : wu
        302 > A 1003 1 len=1     :
        303 > A 1001 1 len=1     : full ooo
        ",
    );
    check("0 > A 1 1 len=1 :\n 1 < A 1 2 win=1 : acks=1\n 2 > A 2 1 len=1 :");
    check("0 > A 1 1 len=1 :\n 1 < A 1 2 win=0 : zw acks=1\n 2 > A 2 1 len=1 : zwp");
}

#[test]
fn both_sides_scale() {
    check(
        "
        0   > S  0 . mss=1460 ws=7 win=500           : syn scale=
        10  < SA 0 1 mss=1460 ws=2 win=1000          : synack scale=
        20  > A  1 1 win=10                          : scale=128
        # The window of the SYN-ACK itself is not scaled.
        100 > A  1 1 len=1000                        : full
        110 < A  1 1001 win=50                       : acks=4 scale=4
        120 > A  1001 1 len=50                       : bif=50
        121 > A  1051 1 len=149                      : bif=199
        122 > A  1200 1 len=1                        : full scale=128
        130 < A  1 1201 win=50 len=1 : acks=8
        131 > A  1201 2 win=1                        : acks=9
        132 < A  2 1201 win=50 len=128               : full
        133 < A  130 1201 win=50 len=1               :
        ",
    );
}

#[test]
fn scaling_takes_both_sides() {
    // Only the SYN has the option.
    check(
        "0 > S 0 . mss=1460 ws=7 : syn\n 10 < SA 0 1 mss=1460 : synack\n 20 > A 1 1 : scale=-2\n 30 < A 1 1 : dup=1/2 scale=-2",
    );
    // Only the SYN-ACK has it.
    check(
        "0 > S 0 . mss=1460 : syn\n 10 < SA 0 1 mss=1460 ws=7 : synack\n 20 > A 1 1 : scale=-2\n 30 < A 1 1 : dup=1/2 scale=-2",
    );
    check(
        "0 > S 0 . : syn\n 10 < SA 0 1 ws=7 : synack nomss\n 20 > A 1 1 : scale=-2\n 30 < A 1 1 : dup=1/2 scale=-2",
    );
}

#[test]
fn scaling_of_what_was_captured_only_in_part() {
    // Mid-stream nothing is known, so no window is ever full.
    check(
        "0 < A 1 1 win=100 : scale=-1\n 1 > A 1 1 len=100 : scale=-1\n 2 < A 1 101 win=100 : acks=2\n 3 > A 101 1 len=100 : bif=100",
    );
    // The SYN is missing: the server's shift is known, the client's is not.
    check(
        "
        0  < SA 0 1 mss=1460 ws=3 win=100 : synack
        10 > A  1 1               : scale=-1 acks=1
        20 < A  1 1 win=10        : wu scale=8
        30 > A  1 1 len=80        : full scale=-1
        31 < A  1 81 len=1000     : scale=8 acks=4
        ",
    );
    // The SYN-ACK is missing.
    check("0 > S 0 . mss=1460 ws=3 : syn\n 20 > A 1 1 : scale=8\n 30 < A 1 1 : scale=-1");
    // The SYN's options were cut: it neither teaches a shift nor that there is none.
    check(
        "0 > S 0 . mss=1460 ws=3 cap=26 : syn\n 10 < SA 0 1 mss=1460 ws=2 : synack\n 20 > A 1 1 : scale=-1\n 30 < A 1 1 : scale=4 dup=1/2",
    );
    check(
        "0 > S 0 . mss=1460 ws=3 cap=27 : syn\n 10 < SA 0 1 mss=1460 ws=2 : synack\n 20 > A 1 1 : scale=8\n 30 < A 1 1 : scale=4 dup=1/2",
    );
    check(
        "0 > S 0 . mss=1460 cap=20 : syn\n 10 < SA 0 1 mss=1460 ws=2 : synack\n 20 > A 1 1 : scale=-1\n 30 < A 1 1 : scale=4 dup=1/2",
    );
}

#[test]
fn a_shift_counts_from_the_next_packet_on_wherever_it_stands_and_up_to_14() {
    check_open("100 > A 1 1 len=10 ws=3 : scale=-2\n 101 > A 11 1 len=10 : scale=8");
    check(
        "
        0  > S  0 . mss=1460 ws=14 : syn
        10 < SA 0 1 mss=1460 ws=15 : synack wsbad
        20 > A  1 1 : scale=16384
        30 < A  1 1 : scale=16384 dup=1/2
        ",
    );
    check(
        "0 > S 0 . mss=1460 ws=0 : syn\n 10 < SA 0 1 mss=1460 ws=255 : synack wsbad\n 20 > A 1 1 : scale=1\n 30 < A 1 1 : scale=16384 dup=1/2",
    );
}

/// Before the peer's first packet Wireshark 4.0 compares with a window of 2^32 − 1 and an acknowledgment of 0.
#[test]
fn a_window_never_advertised_is_almost_never_full() {
    let numbers = Numbers { client: u32::MAX - 101, server: 5, client_is: Direction::AtoB };
    check_from(numbers, "0 > S 0 . : syn\n 1 > A 1 1 len=99 :\n 2 > A 100 1 len=1 : full");
    let numbers = Numbers { client: u32::MAX - 102, ..numbers };
    check_from(numbers, "0 > S 0 . : syn\n 1 > A 1 1 len=99 :\n 2 > A 100 1 len=1 :");
}
