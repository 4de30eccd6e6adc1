//! Handshakes: SYN and SYN-ACK, their repetition, ports used again, initial round-trip time, completeness, Fast Open.

use super::{check, check_open};

#[test]
fn a_handshake() {
    check(
        "
        0  > S  0 .        : syn comp=0 rec= irtt= rel=0 delta=0
        10 < SA 0 1        : synack comp=1 acks=1 rtt=10 irtt= rel=10 delta=10
        25 > A  1 1        : comp=3 acks=2 rtt=15 irtt=25 delta=15
        30 > PA 1 1 len=10 : comp=7 irtt=25 bif=10 push=10
        40 < A  1 11       : comp=15 acks=4 rtt=10 irtt=25 rel=40
        ",
    );
    // From both sides at once.
    check(
        "
        0  > S  0 . : syn comp=0
        1  < S  0 . : syn comp=1 stream=0
        10 > SA 0 1 : synack comp=1 retr rto=10/1 acks=2
        11 < SA 0 1 : synack comp=3 retr rto=10/2
        20 > A  1 1 : comp=3 irtt=19 dup=1/3
        ",
    );
}

#[test]
fn repeated_syns_are_retransmissions() {
    check(
        "
        0    > S  0 . : syn
        1000 > S  0 . : syn retr rto=1000/1
        3000 > S  0 . : syn retr rto=3000/1
        3010 < SA 0 1 : synack acks=1 rtt=3010
        3020 > A  1 1 : irtt=20 comp=3
        3500 < SA 0 1 : synack retr rto=490/4
        3510 > A  1 1 : dup=1/5
        ",
    );
    // A repeated SYN-ACK that nobody answered yet.
    check(
        "0 > S 0 . : syn\n 10 < SA 0 1 : synack\n 500 < SA 0 1 : synack retr rto=490/2\n 510 > A 1 1 : acks=2 irtt=510",
    );
}

#[test]
fn a_syn_amid_data_can_be_out_of_order() {
    check_open("100 > A 1 1 len=100 :\n 119.999999 > S 0 . : syn ooo comp=15 stream=0");
    check_open("100 > A 1 1 len=100 :\n 120 > S 0 . : syn retr stream=0");
    // It takes the next number back to where the data is without holes.
    check_open(
        "
        100 > A 1   1 len=100 :
        101 > A 301 1 len=100 : lost
        110 > S 0   .         : syn ooo rec=1
        111 > A 401 1 len=100 : lost
        ",
    );
}

#[test]
fn a_syn_with_another_number_opens_another_conversation() {
    check_open(
        "
        100 > S  1    . : syn reused stream=1 comp=1 rec=1 delta=0 rel=0
        110 < SA 9000 2 : synack stream=1 comp=1 acks=4
        120 > A  2 9001 : stream=1 comp=3 irtt=20
        200 > S  1    . : syn retr stream=1
        300 > S  0    . : syn reused stream=2 comp=1
        ",
    );
    // Each side's SYN is compared with its own numbers.
    check_open("100 < S 9000 . : syn reused stream=1 comp=1\n 101 > SA 0 9001 : synack stream=1 acks=4");
    check_open("100 < S 0 . : syn retr stream=0");
}

#[test]
fn a_syn_after_traffic_without_a_handshake() {
    // The guessed first number is the one before the first that was seen, or the one before the first acknowledged.
    check("0 > A 1 1 : comp=0\n 10 > S 0 . : syn retr stream=0\n 20 > S 1 . : syn reused stream=1");
    check("0 > A 1 1 : comp=0\n 10 < S 0 . : syn stream=0\n 20 < S 1 . : syn reused stream=1");
    check("0 > R 1 . : rst\n 10 < S 77 . : syn stream=0 comp=0\n 20 < SA 77 1 : synack retr");
}

#[test]
fn a_syn_ack_with_another_number_stays_in_its_conversation() {
    check_open("100 < SA 5000 1 : synack reused lost stream=0 seq=0\n 101 < A 5001 1 : dup=1/2 seq=1");
    check(
        "
        0    > S  0 .   : syn
        10   < RA 1 1   : rst acks=1 irtt=10 comp=1
        1000 > S  0 .   : syn retr comp=37
        1010 < SA 300 1 : synack reused lost stream=0
        1020 > A  1 301 : acks=4 acklost
        ",
    );
    check_open("100 < SA 0 1 : synack retr stream=0");
}

#[test]
fn the_initial_round_trip_time_runs_from_the_last_syn_to_the_first_ack_of_either_side() {
    check("0 > S 0 . : syn\n 7 < RA 1 1 : rst irtt=7\n 20 > S 0 . : syn retr\n 29 < A 1 1 : dup=1/2 irtt=7");
    check("0 > S 0 . : syn\n 5 < SA 0 1 : synack\n 9 < A 1 1 len=10 : bif=11 irtt=9\n 12 > A 1 11 : irtt=9");
    check("10 < SA 0 1 : synack\n 20 > A 1 1 : acks=1 irtt=\n 30 > A 1 1 len=5 : irtt=");
    // A time of zero is no time.
    check("5 > S 0 . : syn\n 5 < SA 0 1 : synack\n 5 > A 1 1 : irtt=\n 8 > A 1 1 len=5 : irtt=3");
}

#[test]
fn completeness_counts_what_came_before() {
    check_open(
        "
        100 < A  1 1 len=5 : comp=7
        110 > FA 1 6       : fin active comp=15
        120 < R  6 .       : rst comp=31
        130 < RA 6 2       : rst comp=63
        ",
    );
    check("0 > S 0 . len=5 : syn comp=0\n 10 < SA 0 6 : synack tfoack comp=9\n 20 > A 6 1 : comp=11");
    // The packet that begins a conversation counts for nothing, unless it is a SYN.
    check(
        "0 > FA 1 1 len=5 : fin active comp=0\n 1 < A 1 7 : comp=0\n 2 < F 1 7 : fin passive acknz comp=4\n 3 < A 2 7 : comp=4 dup=1/2",
    );
    check(
        "0 < SA 0 1 : synack comp=0\n 1 > A 1 1 : comp=0\n 2 > S 0 . : syn retr comp=4\n 3 > A 1 1 len=3 : comp=4\n 4 > A 4 1 : comp=12 dup=1/4",
    );
}

#[test]
fn fast_open_with_a_cookie() {
    for cookie in ["220a0102030405060708", "fe0cf9890102030405060708", "fd08f98901020304"] {
        check(&format!(
            "
            0  > S  0 . len=50 mss=1460 opt={cookie} : syn tfosyn bif=50
            10 < SA 0 51 mss=1460 : synack tfoack acks=1
            20 > A  51 1 : irtt=20
            "
        ));
        check(&format!(
            "
            0  > S  0 . len=50 mss=1460 opt={cookie} : syn tfosyn
            10 < SA 0 1 mss=1460 : synack tfoign acks=
            20 > A  1 1 len=50 : retr
            "
        ));
    }
}

#[test]
fn fast_open_without_data_or_cookie() {
    // A request for a cookie is no cookie; another experiment is no request.
    check("0 > S 0 . mss=1460 opt=2202 : syn\n 10 < SA 0 1 mss=1460 opt=220a0102030405060708 : synack");
    check("0 > S 0 . len=50 mss=1460 opt=fe08f98801020304 : syn\n 10 < SA 0 1 mss=1460 : synack");
    // A cookie without data is not ignored; data without a cookie is not ignored either.
    check("0 > S 0 . mss=1460 opt=220601020304 : syn tfosyn\n 10 < SA 0 1 mss=1460 : synack");
    check("0 > S 0 . len=50 : syn\n 10 < SA 0 1 : synack\n 20 > A 1 1 len=50 : retr");
    check("0 > S 0 . len=50 : syn\n 10 < SA 0 2 : synack tfoack");
}
