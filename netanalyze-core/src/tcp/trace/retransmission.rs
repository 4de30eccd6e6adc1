//! Segments sent again: retransmission, fast and spurious retransmission, out of order, and the time that a retransmission waited.

use super::{check, check_open};

#[test]
fn plain_retransmissions_name_the_oldest_segment_that_waits() {
    check_open(
        "
        100   > A  1   1 len=100 : bif=100
        101   > PA 101 1 len=100 : bif=200
        300   > A  1   1 len=100 : retr rto=200/4 bif=200
        700   > PA 101 1 len=100 : retr rto=600/4 bif=200
        710   < A  1 201         : acks=5 rtt=609
        # Nothing waits any more: what raised the highest number is the reference.
        800   > A  150 1 len=100 : retr rto=699/5 bif=100
        ",
    );
}

#[test]
fn out_of_order_until_the_initial_round_trip_time_has_passed() {
    check_open(
        "
        100        > A 1   1 len=100 :
        101        > A 101 1 len=100 :
        120.999999 > A 1   1 len=100 : ooo rto=
        121        > A 1   1 len=100 : retr rto=21/4
        121        > A 1   1 len=99  : retr
        130        > A 201 1 len=100 :
        149.999999 > A 51  1 len=100 : ooo
        150        > A 51  1 len=100 : retr rto=50/4
        ",
    );
}

#[test]
fn out_of_order_for_three_milliseconds_where_no_round_trip_time_is_known() {
    check(
        "
        0        > A 1   1 len=100 : comp=0 irtt=
        1        > A 101 1 len=100 :
        3.999999 > A 1   1 len=100 : ooo
        4        > A 1   1 len=100 : retr rto=4/1
        5        > A 201 1 len=100 :
        7.999999 > A 101 1 len=100 : ooo
        8        > A 101 1 len=100 : retr
        ",
    );
}

#[test]
fn what_ends_at_the_highest_number_is_never_out_of_order() {
    check_open(
        "
        100   > A 1   1 len=100 :
        101   > A 101 1 len=100 :
        102   > A 101 1 len=100 : retr rto=2/4
        102.1 > A 100 1 len=101 : retr
        102.2 > A 100 1 len=100 : ooo
        102.3 > A 100 1 len=102 : ooo
        ",
    );
}

#[test]
fn a_fast_retransmission_takes_two_duplicates_and_twenty_milliseconds() {
    check_open(
        "
        100        > A 1   1 len=100 :
        100.1      > A 101 1 len=100 :
        110        < A 1   1         : dup=1/2
        111        < A 1   1         : dup=2/2
        130.999999 > A 1   1 len=100 : fast rto= bif=200
        131        > A 1   1 len=100 : retr rto=31/4
        # One number beside what the duplicates ask for.
        132        < A 1   1         : dup=3/2
        133        > A 2   1 len=98  : retr
        134        > A 1   1 len=50  : fast
        ",
    );
}

#[test]
fn one_duplicate_makes_no_fast_retransmission() {
    check_open(
        "
        100   > A  1   1 len=100 :
        110   > A  101 1 len=100 :
        111   < A  1   1         : dup=1/2
        112   > A  1   1 len=100 : ooo
        113   < A  1   1         : dup=2/2
        114   > A  1   1 len=100 : fast
        # An ACK of something new starts the count again.
        115   < A  1 101         : acks=4 rtt=15
        116   < A  1 101         : dup=1/10
        150   > A  101 1 len=100 : retr rto=40/5
        ",
    );
}

#[test]
fn any_packet_of_the_receiver_renews_the_twenty_milliseconds() {
    check_open(
        "
        100   > A  1   1 len=100 :
        101   > A  101 1 len=100 :
        110   < A  1   1         : dup=1/2
        111   < A  1   1         : dup=2/2
        129   < PA 1   1 len=10  : bif=10
        140   > A  1  11 len=100 : fast acks=8 rtt=11
        ",
    );
}

#[test]
fn spurious_when_all_of_it_was_acknowledged() {
    check_open(
        "
        100 > A 1   1 len=100 :
        110 < A 1 101         : acks=4
        121 > A 1   1 len=100 : spur rto= bif=100
        122 > A 51  1 len=50  : spur
        123 > A 1   1 len=101 : retr
        124 > A 2   1 len=100 : retr
        ",
    );
    // Duplicates do not make it fast: acknowledged is acknowledged.
    check_open(
        "
        100 > A 1   1 len=100 :
        110 < A 1 101         : acks=4
        111 < A 1 101         : dup=1/5
        112 < A 1 101         : dup=2/5
        113 > A 1   1 len=100 : spur
        ",
    );
}

#[test]
fn spurious_even_where_the_first_copy_was_not_captured() {
    check(
        "
        0 < A 1 101         :
        1 > A 1   1 len=100 : spur
        2 > A 1   1 len=101 : ooo
        3 > A 3   1 len=99  : retr rto=2/2
        ",
    );
}

#[test]
fn the_last_byte_before_the_highest_number_may_come_again_with_more() {
    check_open(
        "
        100 > A 1   1 len=100 :
        200 > A 100 1 len=2   : bif=101
        300 > A 101 1 len=101 : bif=201
        400 > A 199 1 len=3   : retr
        ",
    );
}

#[test]
fn a_clock_that_steps_back_makes_neither_fast_nor_out_of_order() {
    check_open(
        "
        100 > A 1   1 len=100 :
        101 > A 101 1 len=100 : delta=1
        99  > A 1   1 len=100 : retr rto=-1/4 delta=-2 rel=99
        110 < A 1   1         : dup=1/2
        111 < A 1   1         : dup=2/2
        110 > A 1   1 len=100 : ooo
        100 > A 1   1 len=100 : retr rto= delta=-10
        ",
    );
}

#[test]
fn a_fin_is_sent_again_like_data() {
    check_open(
        "
        100 > FA 1   1 len=100 : fin active bif=100
        101 > FA 1   1 len=100 : fin active retr rto=1/4
        102 > FA 101 1         : fin active retr
        103 < A  1 102         : acks=4 rtt=3
        # Without payload it is never spurious.
        104 > FA 101 1         : fin active retr rto=4/4
        ",
    );
}
