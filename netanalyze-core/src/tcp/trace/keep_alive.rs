//! Keep-alives and their answers.

use super::{check, check_open};

#[test]
fn a_keep_alive_repeats_the_byte_before_the_next() {
    check_open(
        "
        100  > A 1   1 len=100 :
        110  < A 1 101         : acks=4
        1000 > A 100 1         : ka
        1001 < A 1 101         : kaa
        2000 > A 100 1 len=1   : ka bif=1
        2001 < A 1 101         : kaa acks=8
        # It needs no waiting time, and no ACK flag.
        2002 > A 100 1         : ka
        2003 > - 100 1         : ka acknz
        2004 < A 1 101         : kaa
        ",
    );
}

#[test]
fn not_a_keep_alive() {
    check_open(
        "
        100  > A 1   1 len=100 :
        110  < A 1 101         : acks=4
        1000 > A 99  1         :
        1001 > A 99  1 len=1   : spur
        1002 > A 102 1         : lost
        1003 > A 101 1 len=2   :
        ",
    );
    check_open(
        "
        100  > A  1   1 len=100 :
        110  < A  1 101         : acks=4
        1000 > A  100 1 len=2   : bif=2
        1001 > RA 101 1         : rst
        1002 > FA 101 1         : fin active retr
        ",
    );
}

#[test]
fn every_equal_ack_after_a_keep_alive_answers_it() {
    check_open(
        "
        100  > A 1   1 len=100 :
        110  < A 1 101         : acks=4
        1000 > A 100 1         : ka
        1001 < A 1 101         : kaa
        1002 < A 1 101         : kaa
        # Another window is an update, then the answers go on.
        1003 < A 1 101 win=999 : wu
        1004 < A 1 101 win=999 : kaa
        # After any other packet of the prober they are duplicates.
        1005 > A 101 1 len=10  :
        1006 < A 1 101 win=999 : dup=1/5
        ",
    );
}

#[test]
fn not_an_answer_to_a_keep_alive() {
    check_open(
        "
        100  > A  1   1 len=100 :
        110  < A  1 101         : acks=4
        1000 > A  100 1         : ka
        1001 < A  1 100         :
        1002 < A  1 101         : rec=
        1003 < A  0 101         : ka
        1004 < A  2 101         : lost
        1005 < PA 2 101 len=5   : bif=
        ",
    );
    check_open(
        "
        100  > A  1   1 len=100 :
        110  < A  1 101         : acks=4
        1000 > A  100 1         : ka
        1001 < A  1 101 win=0   : zw
        1002 < RA 1 101 win=0   : rst
        1003 < FA 1 101 win=0   : fin active
        ",
    );
}

#[test]
fn both_sides_keep_alive() {
    check(
        "
        0    > A 1 1           : rec=
        1    < A 1 1           : rec=
        1000 > A 0 1           : ka
        1001 < A 1 1           : kaa
        1002 < A 0 1           : ka
        1003 > A 1 1           : kaa
        1004 > A 1 1           : kaa
        ",
    );
}
