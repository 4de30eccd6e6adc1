//! The books: states of both ends, history, totals, round-trip times. Figures here are ours, not tshark's: see [`super::Outcome::add_books`].

use super::{check, check_open};

#[test]
fn an_ordinary_life() {
    check(
        "
        0   > S  0 . mss=1460      : syn cst=SYN-SENT sst=UNKNOWN hist=S
        10  < SA 0 1 mss=1460      : synack cst=ESTABLISHED sst=SYN-RECV hist=Sh
        20  > A  1 1               : sst=ESTABLISHED hist=ShA
        30  > PA 1 1 len=100       : hist=ShAD bif=100
        45  < A  1 101             : crtts=2/10/15
        50  < PA 1 101 len=500     : hist=ShADad bif=500
        60  > FA 101 501           : fin active cst=FIN-WAIT-1 sst=CLOSE-WAIT by=client
        70  < A  501 102           : cst=FIN-WAIT-2 sst=CLOSE-WAIT
        80  < FA 501 102           : fin passive cst=TIME-WAIT sst=LAST-ACK
        90  > A  102 502           : cst=TIME-WAIT sst=CLOSED by=client hist=ShADadFf cuniq=100 suniq=500 stall=0 cttl=64-64
        ",
    );
}

#[test]
fn fins_that_cross_or_come_together() {
    check_open(
        "
        100 > FA 1 1 : fin active
        101 < FA 1 1 : fin passive cst=CLOSING sst=CLOSING by=both
        110 > A  2 2 : cst=CLOSING sst=TIME-WAIT
        111 < A  2 2 : cst=TIME-WAIT sst=TIME-WAIT by=both
        ",
    );
    check_open(
        "
        100 > FA 1 1 : fin active
        110 < FA 1 2 : fin passive cst=TIME-WAIT sst=LAST-ACK by=client
        120 > A  2 2 : cst=TIME-WAIT sst=CLOSED
        ",
    );
    check_open("100 < FA 1 1 : fin active by=server cst=CLOSE-WAIT sst=FIN-WAIT-1");
}

#[test]
fn resets_close_both_ends() {
    check("0 > S 0 . mss=1460 : syn\n 10 < RA 0 1 : rst cst=CLOSED sst=CLOSED by=server_reset hist=Sr");
    check_open("100 > PA 1 1 len=5 : bif=5\n 110 < R 1 . : rst cst=CLOSED sst=CLOSED by=server_reset");
    check_open("100 > FA 1 1 : fin active\n 110 < RA 1 2 : rst by=server_reset cst=CLOSED");
    // Both had closed: the reset afterwards changes nothing about who did.
    check_open(
        "
        100 > FA 1 1 : fin active
        110 < FA 1 2 : fin passive
        120 > R  2 . : rst by=client cst=CLOSED sst=CLOSED
        ",
    );
    // Refused, tried again, accepted.
    check(
        "
        0   > S  0 . mss=1460 : syn
        1   < RA 0 1          : rst cst=CLOSED
        500 > S  0 . mss=1460 : syn retr cst=SYN-SENT by=
        510 < SA 0 1 mss=1460 : synack reused cst=ESTABLISHED sst=SYN-RECV
        ",
    );
}

#[test]
fn what_is_not_seen_is_not_claimed() {
    check(
        "0 > S 0 . mss=1460 : syn\n 1000 > S 0 . mss=1460 : syn retr cst=SYN-SENT sst=UNKNOWN hist=ST stall=1000",
    );
    check("0 > A 1 1 : cst=ESTABLISHED sst=ESTABLISHED hist=A");
    check("0 < PA 1 1 len=10 : bif=10 hist=d cst=ESTABLISHED");
    check("0 < SA 0 1 mss=1460 : synack cst=ESTABLISHED sst=SYN-RECV hist=h");
    // Open from both sides (RFC 9293, figure 7).
    check(
        "
        0  > S  0 . mss=1460 : syn
        1  < S  0 . mss=1460 : syn cst=SYN-RECV sst=SYN-RECV
        20 > SA 0 1 mss=1460 : synack retr
        21 < SA 0 1 mss=1460 : synack retr cst=ESTABLISHED sst=ESTABLISHED
        ",
    );
}

#[test]
fn repeated_and_missing_bytes() {
    check_open(
        "
        100 > A 1   1 len=100 : cuniq=100 crex=0/0
        101 > A 201 1 len=100 : lost cuniq=200 cmiss=100
        400 > A 1   1 len=100 : retr cuniq=200 crex=1/100 cmiss=100
        401 > A 101 1 len=150 : retr cuniq=300 crex=2/150 cmiss=0
        ",
    );
}

#[test]
fn karns_rule_and_what_a_loss_delays() {
    check_open(
        "
        100 > A 1   1 len=100 : crtts=1/10/10
        400 > A 1   1 len=100 : retr
        420 < A 1   101       : acks=4 crtts=1/10/10
        430 > A 101 1 len=100 : bif=100
        450 < A 1   201       : crtts=2/10/20
        # The second of three is sent again; the third waited for it.
        500 > A 201 1 len=100 :
        501 > A 301 1 len=100 :
        502 > A 401 1 len=100 :
        520 < A 1   301       : crtts=3/10/20
        900 > A 301 1 len=100 : retr
        920 < A 1   501       : crtts=3/10/20
        930 > A 501 1 len=100 :
        935 < A 1   601       : crtts=4/5/20
        ",
    );
}

#[test]
fn closed_windows_and_stalls() {
    check_open(
        "
        100  > A 1   1 len=1000    : full
        110  < A 1   1001 win=0    : zw szw=1/0 stall=0
        310  > A 1001 1 len=1      : zwp stall=200
        311  < A 1   1001 win=0    : zwpa zw szw=2/201
        711  < A 1   1002 win=1000 : acklost szw=2/601 stall=601
        720  > A 1002 1 len=100    : lost stall=601
        # An answer that took two seconds, then a client that thought for two.
        730  < A 1   1102          : acklost
        2730 < PA 1  1102 len=10   : stall=2601
        2740 > A 1102 11           :
        4740 > PA 1102 11 len=10   : stall=2601
        ",
    );
}

#[test]
fn every_letter() {
    check(
        "
        0  > SF  0 . mss=1460 : syn fin active hist=SFQ
        1  < SA  0 1 mss=1460 : synack
        2  > FRA 9 1          : fin rst active hist=SFQhRI
        ",
    );
}

#[test]
fn what_is_repeated_was_not_heard() {
    check(
        "
        0    > S  0 . mss=1460 : syn
        10   < SA 0 1 mss=1460 : synack cst=ESTABLISHED sst=SYN-RECV
        1010 < SA 0 1 mss=1460 : synack retr cst=SYN-SENT sst=SYN-RECV
        3010 < SA 0 1 mss=1460 : synack retr cst=SYN-SENT sst=SYN-RECV
        3020 > A  1 1          : cst=ESTABLISHED sst=ESTABLISHED
        ",
    );
    check(
        "
        0    > S  0 . mss=1460 : syn
        10   < SA 0 1 mss=1460 : synack cst=ESTABLISHED
        1000 > S  0 . mss=1460 : syn retr cst=SYN-SENT sst=SYN-RECV
        ",
    );
    // A FIN to an end that never said anything closes nothing there.
    check("0 > FA 1 1 : fin active cst=FIN-WAIT-1 sst=UNKNOWN");
}

#[test]
fn a_reset_that_its_sender_ignores_did_not_count() {
    check_open(
        "
        100 < R  900000 .      : rst cst=CLOSED sst=CLOSED by=server_reset
        110 > PA 1 1 len=10    : bif=10 cst=CLOSED
        120 < PA 1 11 len=10   : retr cst=ESTABLISHED sst=ESTABLISHED by=
        ",
    );
}
