//! Single headers: fields that contradict each other, headers that were cut, quoted in errors, or in fragments.

use super::check_open;

#[test]
fn an_acknowledgment_without_its_flag() {
    check_open("100 > R 1 5 : rst acknz\n 101 > - 1 1 : acknz rec=\n 102 > R 1 . : rst\n 103 > A 1 1 :");
    super::check("0 > S 0 9 : syn acknz\n 1 < S 0 . : syn");
}

#[test]
fn an_urgent_pointer_without_its_flag() {
    check_open(
        "
        100 > A  1 1 len=1 urg=1     : urgptr
        101 > PA 2 1 len=1 urg=65535 : urgptr
        102 > UA 3 1 len=1 urg=5     :
        103 > UA 4 1 len=1 urg=0     :
        104 > A  5 1 len=1 urg=0     :
        ",
    );
}

#[test]
fn a_segment_shorter_than_its_header_is_not_analysed() {
    check_open(
        "
        100 > A 1 1 hdr=20 reported=19 : short len= rec=
        101 > A 9 1 hdr=40 reported=39 : short len=
        102 > A 1 1 hdr=60 reported=20 : short
        103 > A 1 1 hdr=20 reported=20 : dup=1/3 len=0
        ",
    );
}

#[test]
fn a_header_length_below_twenty_hides_the_verdict_but_not_the_segment() {
    check_open(
        "
        100 > A 1  1 hdr=16 len=14 : bogus len=14 rec= delta= ack= scale=
        101 > A 15 1 len=10        : bif=24 delta=1
        102 > A 1  1 hdr=0 len=24  : bogus len=24
        103 > A 25 1 hdr=20 len=10 : bif=34
        ",
    );
    check_open(
        "100 < FA 1 1 hdr=12 len=8 : bogus comp=7\n 101 > A 1 10 : acks=4 comp=7\n 102 > FA 1 10 : fin active",
    );
}

#[test]
fn cut_options_hide_the_analysis_but_not_the_events() {
    check_open(
        "
        100 > A  1 1 len=100 opt=0101080a0102030405060708 cap=31 : rec= bif= delta=80 comp=7
        101 > FA 101 1 len=9 opt=0101080a0102030405060708 cap=20 : fin active rec=
        # What was not shown took place.
        150 < A  1 111 : acks=5 rtt=49
        151 > A  1 1 len=100 opt=0101080a0102030405060708 cap=31 : rec=
        152 > A  1 1 len=100 opt=0101080a0102030405060708 cap=32 : spur
        ",
    );
}

#[test]
fn options_before_the_cut_say_what_they_say() {
    check_open(
        "
        100 > A 1 1 len=9 mss=9 ws=15 opt=0101080a0000000000000000 cap=36 : mss wsbad rec= scale=-2
        101 > A 10 1 len=9 mss=9 ws=3 opt=0101080a0000000000000000 cap=26 : mss rec= scale=16384
        102 < A 1 19 opt=0101 sack=1-19 opt=0101080a0000000000000000 cap=38 : dsack rec= acks=
        103 < A 1 19 opt=0101 sack=1-19 opt=0101080a0000000000000000 cap=31 : rec=
        ",
    );
}

#[test]
fn a_header_cut_before_its_end_shows_no_times() {
    check_open(
        "
        100 > A 1   1 len=100 cap=16 : delta= rel= rec= len=100
        110 > A 101 1 len=100 cap=19 : delta= rec=
        115 > A 201 1 len=100 cap=20 : delta=5 bif=300
        ",
    );
}

#[test]
fn a_quoted_header_takes_part_in_time_and_handshake_only() {
    check_open(
        "
        100 > A 1   1 len=100        : bif=100
        110 > A 1   1 len=100 quoted : len= rec= delta=10 comp=15
        111 > A 500 1 len=100 quoted : len= rec= delta=1
        112 > A 101 1 len=100        : delta=1 bif=200
        113 > FA 201 1 quoted        : fin active rec=
        114 < FA 1 201               : fin passive acks=7 comp=31
        ",
    );
}

#[test]
fn a_quoted_syn_can_open_a_conversation() {
    check_open("100 > S 50 . quoted : syn reused stream=1 comp=1\n 110 > S 50 . : syn stream=1 comp=1");
    check_open(
        "100 > S 0 . quoted : syn stream=0\n 110 > RA 1 1 quoted : rst comp=7\n 120 > A 1 1 : dup=1/3 comp=39",
    );
    super::check(
        "0 > S 0 . quoted : syn stream=0 comp=0\n 10 < SA 0 1 : synack comp=1 acks=\n 20 > A 1 1 : irtt=20",
    );
}

#[test]
fn a_first_fragment_without_its_rest_is_not_analysed() {
    check_open(
        "
        100 > A  1 1 len=100 fragment : len= rec= delta=80
        101 > A  1 1 len=100          : bif=100
        102 > FA 900 1 len=100 fragment : fin active len= rec=
        103 > A  101 1 len=100        : bif=200 comp=31
        ",
    );
}
