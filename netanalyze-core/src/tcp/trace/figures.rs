//! Figures: round-trip times, bytes in flight and since the last PSH, times between packets, relative numbers.

use super::{check, check_open};

#[test]
fn a_round_trip_time_takes_an_exact_acknowledgement() {
    check_open(
        "
        100 > A 1   1 len=100 :
        101 > A 101 1 len=100 :
        102 > A 201 1 len=100 :
        110 < A 1 150         : acks= rtt=
        111 < A 1 201         : acks=5 rtt=10
        112 < A 1 250         : acks= rtt=
        113 < A 1 301         : acks=6 rtt=11
        ",
    );
}

#[test]
fn the_oldest_copy_is_the_acknowledged_one() {
    check_open(
        "
        100 > A 1   1 len=100 :
        300 > A 1   1 len=100 : retr
        310 < A 1 101         : acks=4 rtt=210
        400 > A 101 1 len=50  :
        410 > A 151 1 len=50  :
        600 > A 101 1 len=100 : retr
        # Everything that ends there goes at once, the oldest of it is named.
        610 < A 1 201         : acks=8 rtt=200
        700 > A 201 1 len=1   : bif=1
        ",
    );
}

#[test]
fn an_acknowledgement_in_the_same_instant_has_no_round_trip_time() {
    check_open("100 > A 1 1 len=100 :\n 100 < A 1 101 : acks=4 rtt= rec=1\n 100 > A 101 1 : delta=0 dup=1/3");
}

#[test]
fn bytes_in_flight_grow_and_shrink() {
    check_open(
        "
        100 > A  1   1 len=100 : bif=100
        101 > A  101 1 len=200 : bif=300
        110 < A  1 51          : acks=
        111 > A  301 1 len=10  : bif=260
        120 < A  1 301         : acks=5
        121 > A  311 1 len=10  : bif=20
        122 > FA 321 1 len=10  : fin active bif=30
        ",
    );
    // Nothing is told of segments without payload.
    check_open(
        "100 > A 1 1 len=100 : bif=100\n 101 > FA 101 1 : fin active bif= rec=\n 102 < A 1 102 : acks=5 bif=",
    );
}

#[test]
fn selectively_acknowledged_bytes_are_not_in_flight() {
    check_open(
        "
        100 > A 1   1 len=100 : bif=100
        101 > A 101 1 len=100 : bif=200
        102 > A 201 1 len=100 : bif=300
        110 < A 1   1 sack=101-201 : dup=1/2
        111 > A 301 1 len=100 : bif=300
        112 < A 1   1 sack=101-201,301-401 : dup=2/2
        113 > A 401 1 len=100 : bif=300
        114 < A 1   1         : dup=3/2
        115 > A 501 1 len=100 : bif=600
        116 < A 1   1 sack=101-102,201-202,301-302,401-501 : dup=4/2
        117 > A 601 1 len=100 : bif=697
        ",
    );
}

/// Blocks that were captured count, even where the option was cut behind them.
#[test]
fn cut_blocks_are_in_flight() {
    for (captured, in_flight) in [(52, 200), (51, 300), (44, 300), (43, 400), (36, 400)] {
        check_open(&format!(
            "
            100 > A 1 1 len=200 : bif=200
            101 > A 201 1 len=200 : bif=400
            110 < A 1 1 opt=0101080a00000000000000000101 sack=101-201,301-401 cap={captured} : {}
            111 > A 401 1 len=0  : dup=1/3
            112 > A 401 1 len=10 : bif={}
            ",
            if captured == 52 { "dup=1/2" } else { "rec=" },
            in_flight + 10,
        ));
    }
    // No duplicate is told from a block whose option was cut.
    check_open(
        "100 > A 1 1 len=300 :\n 110 < A 1 201 opt=0101 sack=1-101,201-301 cap=40 : dsack\n 111 < A 1 201 opt=0101 sack=1-101,201-301 cap=39 : rec=",
    );
}

#[test]
fn a_push_closes_a_burst() {
    check_open(
        "
        100 > A  1   1 len=10 : push=10
        101 > A  11  1 len=20 : push=30
        102 > PA 31  1 len=5  : push=35
        103 > A  36  1 len=7  : push=7
        104 > PA 43  1 len=1  : push=8
        105 > PA 44  1 len=2  : push=2
        106 > PA 46  1 len=4  : push=4
        107 > A  50  1 len=8  : push=8
        # Segments without payload do not count.
        108 > PA 58  1        : dup=1/3 push=
        109 > A  58  1 len=1  : push=9
        ",
    );
}

#[test]
fn times_of_a_conversation_may_run_backwards() {
    check(
        "
        100   > A 1 1 len=1 : rel=0 delta=0
        90    < A 1 2       : rel=-10 delta=-10 acks=1 rtt=-10
        90.5  > A 2 1 len=1 : rel=-9.5 delta=0.5
        200.25 > A 3 1 len=1 : rel=100.25 delta=109.75
        ",
    );
}

#[test]
fn relative_numbers_count_from_the_first_that_is_known() {
    check("0 > S 10 . : syn seq=0\n 1 < SA 20 11 : synack seq=0 ack=1\n 2 > A 11 21 : seq=1 ack=1");
    check(
        "0 > A 500 900 len=10 : seq=1 ack=1\n 1 < A 900 510 : seq=1 ack=11\n 2 < A 899 510 : ka seq=0\n 3 < A 850 510 : seq=4294967247",
    );
    check("0 > R 500 . : rst seq=1\n 1 < A 30 500 : seq=1 ack=1");
}
