//! FIN and RST: who closed first, what they count for.

use super::{check, check_open};

#[test]
fn the_side_of_the_first_fin_is_active() {
    check_open(
        "
        100 > FA 1 1 : fin active
        110 < A  1 2 : acks=4 rtt=10
        120 < FA 1 2 : fin passive
        130 > A  2 2 : acks=6
        # Again, from both.
        400 > FA 1 2 : fin active retr rto=300/4
        410 < FA 1 2 : fin passive retr rto=290/6
        ",
    );
    check_open(
        "100 < FPA 1 1 len=10 : fin active bif=10\n 110 > FA 1 12 : fin passive acks=4\n 120 < A 12 2 : acks=5",
    );
    check("0 < F 1 . : fin active\n 1 > F 1 . : fin passive\n 2 > R 2 . : rst");
}

#[test]
fn a_fin_takes_one_sequence_number_even_beside_a_syn() {
    check_open("100 > FA 1 1 len=10 : fin active bif=10\n 110 < A 1 12 : acks=4\n 111 < A 1 13 : acklost");
    check("0 > SF 0 . : syn fin active\n 1 < A 1 1 : acks=1 rtt=1\n 2 > A 1 1 : rec=\n 3 > A 2 1 : lost");
    // Without it the number after the FIN would be beyond the next.
    check_open("100 > FA 1 1 : fin active\n 101 > A 2 1 : dup=1/3\n 102 > A 3 1 : lost");
}

#[test]
fn resets() {
    check_open(
        "
        100 > A  1 1 len=10  : bif=10
        110 < R  1 1         : rst acknz comp=15
        120 < RA 1 11        : rst acks=4 comp=47
        130 > R  11 .        : rst
        140 > R  500 . len=5 : rst
        150 > A  505 1       : rec=
        ",
    );
    check("0 > RA 1 1 : rst comp=0 irtt=\n 1 < RA 1 1 : rst\n 2 > RA 1 1 : rst comp=36");
}

#[test]
fn the_flags_of_ordinary_segments_are_none_of_these() {
    check_open("100 > PA 1 1 len=1 :\n 101 > UA 2 1 len=1 :\n 102 < A 1 3 : acks=5\n 103 < - 1 . :");
}
