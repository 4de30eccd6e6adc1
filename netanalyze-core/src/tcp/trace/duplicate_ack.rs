//! Duplicate ACKs: which repeat, of which frame.

use super::{check, check_open};

#[test]
fn repeats_are_counted_and_name_the_frame_that_they_repeat() {
    check_open(
        "
        100 > A 1   1 len=100 :
        101 > A 101 1 len=100 :
        110 < A 1 101         : acks=4
        111 < A 1 101         : dup=1/6
        112 < A 1 101         : dup=2/6
        # Another window is no repeat, but does not end the count.
        113 < A 1 101 win=999 : wu
        114 < A 1 101 win=999 : dup=3/6
        # Nor does data.
        115 < A 1 101 len=10 win=999 : bif=10
        116 < A 11 101 win=999 : dup=4/6
        117 < A 11 201 win=999 : acks=5
        118 < A 11 201 win=999 : dup=1/13
        ",
    );
}

#[test]
fn not_a_duplicate() {
    check_open(
        "
        100 > A  1   1 len=100 :
        110 < A  1 101         : acks=4
        111 < A  1 102         : acklost
        112 < A  1 101         : rec=
        113 < A  0 101         : ka
        114 < A  2 101         : lost
        115 < A  2 101 len=1   : bif=
        116 < FA 3 101         : fin active
        117 < RA 4 101         : rst
        118 < A  4 101 win=0   : zw
        119 < A  4 101 win=0   : zw
        ",
    );
}

#[test]
fn nothing_needs_to_be_outstanding() {
    check_open(
        "
        100 < A 1 1 : dup=1/2
        101 > A 1 1 : dup=1/3
        102 < A 1 1 : dup=2/2
        103 > A 1 1 : dup=2/3
        ",
    );
    check(
        "
        0 > A 1 1           : rec=
        1 > A 1 1           : dup=1/1
        2 < A 1 1           : rec=
        3 > A 1 1 sack=5-10 : dup=2/1
        ",
    );
}

#[test]
fn the_ack_field_counts_with_or_without_its_flag() {
    check_open(
        "
        100 > A 1   1 len=100 :
        110 < A 1 101         : acks=4
        111 < - 1 101         : acknz dup=1/5
        112 < R 1   .         : rst
        113 < A 1 101         :
        114 < A 1 101         : dup=1/8
        ",
    );
}

/// A new kind of MPTCP option excuses the next repeat: the subflow was busy elsewhere.
#[test]
fn multipath_options_excuse_one_repeat() {
    check(
        "
        0   > S  0 . mss=1460 opt=1e0c0081a1a2a3a4a5a6a7a8 : syn
        10  < SA 0 1 mss=1460 opt=1e0c0081b1b2b3b4b5b6b7b8 : synack
        20  > A  1 1 opt=1e140081a1a2a3a4a5a6a7a8b1b2b3b4b5b6b7b8 : irtt=20
        30  < A  1 1 : dup=1/2
        40  < A  1 1 : dup=2/2
        # DSS with an acknowledgement of four bytes, for the first time.
        50  > A  1 1 len=100 opt=1e08200100000001 : bif=100
        60  < A  1 1 : rec=
        70  < A  1 1 : dup=3/2
        80  < A  1 1 : dup=4/2
        ",
    );
}
