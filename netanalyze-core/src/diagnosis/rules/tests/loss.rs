//! Where rules of loss hold back.

use super::*;

/// A segment of the client's, its timeouts and what becomes of them.
fn lost(then: &[Step]) -> Vec<Step> {
    let data = |at| (at, '>', "A", 1, 600, 1);
    steps(&steps(&OPEN, &[data(50), data(650), data(1_850)]), then)
}

#[test]
fn only_who_waits_for_data_loses_time() {
    let got_through = (1_890, '<', "A", 1, 0, 601);
    let hello = (45, '<', "A", 1, 20, 1);
    let close = (60, '<', "FA", 1, 0, 1);
    let gives_up = (5_000, '>', "RA", 601, 0, 1);
    let with = |early: &[Step], then: &[Step]| {
        let mut script = lost(&steps(early, then));
        script.sort_by_key(|step| step.0);
        let cases = cases(&[stream(0, "192.0.2.1:80", &script, |_| 64)]);
        of("LOSS-03", &cases)
    };
    assert_eq!(with(&[], &[got_through]), Some(High));
    assert_eq!(with(&[hello], &[]), Some(Medium), "it may get through yet");
    assert_eq!(with(&[hello], &[gives_up]), None, "the other end is gone");
    assert_eq!(with(&[close], &[gives_up]), None, "it had said all");
    assert_eq!(with(&[close], &[]), None);
}

#[test]
fn a_connection_that_leaves_the_capture_says_little_of_waits() {
    let script = lost(&[(45, '<', "A", 1, 20, 1)]);
    let mut sorted = script.clone();
    sorted.sort_by_key(|step| step.0);
    let until = |end| {
        let streams = [stream(0, "192.0.2.1:80", &sorted, |_| 64)];
        of("LOSS-03", &scene(&streams, Services::default(), (&BTreeMap::new(), end), of_all))
    };
    assert_eq!((until(60_000), until(121_000), until(122_000)), (Some(Medium), Some(Medium), Some(Low)));
}

#[test]
fn a_capture_without_acknowledgements_says_little_of_waits() {
    let exchange = |acked: bool| {
        let mut script = vec![(0, '>', "A", 1, 500, 1), (800, '>', "A", 1, 500, 1)];
        if acked {
            script.push((830, '<', "A", 1, 0, 501));
        }
        script.push((840, '<', "A", 1, 300, 501));
        of("LOSS-03", &cases(&[stream(0, "192.0.2.1:80", &script, |_| 57)]))
    };
    assert_eq!((exchange(false), exchange(true)), (Some(Low), Some(Medium)));
}

#[test]
fn a_capture_without_acknowledgements_says_little_of_paths() {
    let exchange = |acked: bool| {
        let data = |at| (at, '>', "A", 301, 1_400, 1);
        let mut script = vec![(0, '>', "A", 1, 300, 1), (40, '<', "A", 1, 100, 301), data(50), data(650)];
        if acked {
            script.push((660, '<', "A", 101, 0, 301));
        }
        script.extend([data(1_850), data(4_250), data(9_050), (9_060, '<', "A", 101, 10, 301)]);
        of("MTU-01", &cases(&[stream(0, "192.0.2.1:80", &script, |_| 57)]))
    };
    assert_eq!((exchange(false), exchange(true)), (Some(Low), Some(Medium)));
}

#[test]
fn a_capture_that_lacks_much_says_little_of_loss() {
    let with = |missing: u32| {
        let gap = 601 + missing;
        let then = [
            (1_890, '<', "A", 1, 0, 601),
            (1_900, '>', "A", gap, 600, 1),
            (1_940, '<', "A", 1, 0, gap + 600),
        ];
        of("LOSS-03", &cases(&[stream(0, "192.0.2.1:80", &lost(&then), |_| 64)]))
    };
    assert_eq!((with(60), with(70)), (Some(High), Some(Low)));
}

#[test]
fn one_segment_over_and_over_is_no_timer_that_is_too_short() {
    let data = |at, seq| (at, '>', "A", seq, 100, 1);
    let sent = steps(&OPEN, &[data(50, 1), data(51, 101), data(52, 201), (90, '<', "A", 1, 0, 301)]);
    let with = |copies: &[Step]| {
        let cases = cases(&[stream(0, "192.0.2.1:80", &steps(&sent, copies), |_| 64)]);
        let sentence = cases.iter().find(|case| case.code == "LOSS-05").map(|case| case.sentence.clone());
        (of("LOSS-05", &cases), sentence.unwrap_or_default())
    };
    assert_eq!(with(&[data(300, 201), data(700, 201)]).0, None);
    let (sure, sentence) = with(&[data(300, 201), data(700, 201), data(1_500, 201)]);
    assert_eq!(sure, Some(Low));
    assert!(sentence.contains("sent 1 segment again that had arrived (3 copies)"), "{sentence}");
    let (sure, sentence) = with(&[data(300, 1), data(301, 101), data(302, 201)]);
    assert_eq!(sure, Some(Medium));
    assert!(sentence.ends_with("sent 3 segments again that had arrived"), "{sentence}");
    // Where all comes twice it was captured twice, by clocks that differ.
    let sixth: Vec<Step> = (0..6).flat_map(|n| [data(60 + n, 301 + n as u32 * 100)]).collect();
    let late: Vec<Step> = (0..6).map(|n| data(600 + n, 301 + n as u32 * 100)).collect();
    let all = [sixth, vec![(110, '<', "A", 1, 0, 901)], late].concat();
    assert_eq!(with(&all).0, Some(Low));
    // Where acknowledgements are ahead of their data, they may be ahead of the copies, too.
    let ahead: Vec<Step> = (0..3)
        .flat_map(|n| {
            [(400 + n * 10, '<', "A", 1, 0, 401 + n as u32 * 100), data(401 + n * 10, 301 + n as u32 * 100)]
        })
        .collect();
    let (sure, _) = with(&steps(&[data(300, 1), data(301, 101), data(302, 201)], &ahead));
    assert_eq!(sure, Some(Low));
}

#[test]
fn a_reset_that_answers_a_late_request_is_of_a_live_socket() {
    // The request ends a silence; the reset acknowledges it, or not.
    let with = |ack: u32| {
        let script = steps(
            &OPEN,
            &[
                (50, '>', "A", 1, 100, 1),
                (90, '<', "A", 1, 200, 101),
                (91, '>', "A", 101, 0, 201),
                (60_000, '>', "A", 101, 149, 201),
                (60_040, '<', "RA", 201, 0, ack),
            ],
        );
        of("RST-02", &cases(&[stream(0, "192.0.2.1:8554", &script, |_| 64)]))
    };
    assert_eq!((with(250), with(101)), (Some(Medium), None));
}
