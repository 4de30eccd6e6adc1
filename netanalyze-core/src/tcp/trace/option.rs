//! What the options of a header raise by themselves.

use super::{check, check_open};

#[test]
fn lengths_that_an_option_cannot_have() {
    check_open(
        "
        # Past the header's end, and below 2: the walk ends there.
        100 > A 1 1 len=1 opt=080a0102 : optlen
        101 > A 2 1 len=1 opt=fd010101 : optlen
        # A fixed length that is wrong: the walk goes on.
        102 > A 3 1 len=1 opt=0304010101010101 : optlen nops
        103 > A 4 1 len=1 opt=0101080a0000000000000000 :
        ",
    );
}

#[test]
fn four_nops_where_two_would_do() {
    check_open(
        "
        100 > A 1 1 len=1 opt=01010101 : nops
        101 > A 2 1 len=1 opt=01010101010101010101080a0000000000000000 : nops
        102 > A 3 1 len=1 opt=01010100 :
        103 > A 4 1 len=1 opt=0101080a0000000000000000 :
        ",
    );
}

#[test]
fn bytes_after_the_end_of_the_list() {
    check_open(
        "
        100 > A 1 1 len=1 opt=00000001 : aftereol
        101 > A 2 1 len=1 opt=01000200 : aftereol
        102 > A 3 1 len=1 opt=00000000 :
        103 > A 4 1 len=1 opt=01010100 :
        ",
    );
}

#[test]
fn segment_sizes_belong_on_syns() {
    check("0 > S 0 . ws=1 : syn nomss\n 10 < SA 0 1 ws=1 : synack nomss\n 20 > A 1 1 mss=1460 : mss");
    check(
        "0 > S 0 . : syn\n 10 < SA 0 1 mss=536 : synack\n 20 > A 1 1 ws=1 :\n 30 > A 1 1 len=5 mss=1 : mss",
    );
}

#[test]
fn selective_negative_acknowledgements_end_the_walk() {
    // Wireshark 4.0 calls the header malformed, unless the option's length is wrong.
    check_open(
        "
        100 > PA 1 1 len=5 opt=15060001000201010204     : rec= bif=
        101 > PA 6 1 len=5 opt=020405b41506000300040101 : mss rec=
        102 > PA 11 1 len=5 opt=1507000100020001        : optlen bif=15
        ",
    );
}

#[test]
fn a_sack_block_below_the_acknowledgement_is_a_duplicate() {
    check_open(
        "
        100 > A 1   1 len=300    :
        110 < A 1 201 sack=1-201 : dsack
        111 < A 1 202 sack=1-203 :
        112 < A 1 202 sack=1-101 : dsack dup=1/6
        113 < A 1 202 sack=1-202,250-300 : dsack dup=2/6
        ",
    );
}

#[test]
fn a_sack_block_inside_the_next_is_a_duplicate() {
    check_open(
        "
        100 > A 1 1 len=900           :
        110 < A 1 1 sack=301-401,201-401 : dsack dup=1/2
        111 < A 1 1 sack=301-401,201-402 : dsack dup=2/2
        112 < A 1 1 sack=301-401,201-400 : dup=3/2
        113 < A 1 1 sack=301-401,401-501 : dup=4/2
        114 < A 1 1 sack=301-401,400-501 : dsack dup=5/2
        115 < A 1 1 sack=301-401         : dup=6/2
        ",
    );
}

/// Wireshark 4.0 calls such a header malformed and shows nothing of the analysis.
#[test]
fn a_sack_option_that_ends_within_a_block() {
    check_open(
        "
        100 > A 1   1 len=100             :
        110 < A 1   1 opt=0506000000010000 : sackcut rec=
        111 < A 1   1 len=5 opt=050401020000 : sackcut rec=
        112 < A 6   1 : rec=1 dup=2/2
        ",
    );
}
