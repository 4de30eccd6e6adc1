//! What is refused, where the mark stands, and what a filter may cost.

use super::tests::holds;
use super::*;
use crate::field::Value;
use crate::model::limits::{MAX_FILTER_BYTES, MAX_FILTER_DEPTH};

/// An expression with `«` and `»` around what the message is about, and the message.
pub(super) const ERRORS: &[(&str, &str)] = &[
    ("«»", "the filter is empty"),
    ("   «»", "the filter is empty"),
    ("tcp and«»", "the filter ends where a field or a value is wanted"),
    ("«and» tcp", "a field or a value is wanted here"),
    ("tcp «udp»", "an operator is missing before this: and, or, or a comparison"),
    ("tcp «AND» udp", "an operator is missing before this: and, or, or a comparison"),
    ("«AND»", "no field is called \"AND\"; operators are written in small letters: and"),
    ("(«)»", "a field or a value is wanted here"),
    ("(tcp«»", "the filter ends where a closing parenthesis is wanted"),
    ("(tcp «udp»)", "a closing parenthesis is wanted here"),
    ("tcp«)»", "this parenthesis was never opened"),
    ("tcp.port == 80«}»", "this brace was never opened"),
    ("tcp.port == {80«»", "the filter ends where a closing brace is wanted"),
    (
        "(tcp.port) «==» 80",
        "this has nothing to compare: what is in parentheses is true or false; braces group values",
    ),
    ("tcp.port == «(»79 + 1)", "parentheses cannot group values; braces do: {1 + 2}"),
    ("tcp.port «=» 80", "\"=\" is no operator; equality is =="),
    ("tcp «|» udp", "\"|\" is no operator; the logical or is ||"),
    ("tcp «^»^ udp", "\"^\" is no operator: Wireshark 4.0 has no exclusive or"),
    ("«@»ip.src", "\"@\" means nothing here; values with such characters stand in double quotes"),
    ("http.host == «ä»", "\"ä\" means nothing here; values with such characters stand in double quotes"),
    ("frame.time_delta > 1«.»", "a dot that belongs to nothing"),
    (
        "«tcp.analysis.retransmision»",
        "no field is called \"tcp.analysis.retransmision\"; did you mean tcp.analysis.retransmission",
    ),
    ("not «tcp.prot» == 80", "no field is called \"tcp.prot\"; did you mean tcp.port"),
    ("«.foo» == 1", "no field is called \".foo\""),
    ("«10.0.0.1»", "10.0.0.1 is no field; a value alone is no test"),
    ("«\"abc\"»", "a value alone is no test; name a field to compare it with"),
    ("«1» == 1", "on the left side of == stands a field or a function, not a value"),
    ("tcp.port == 80 and «80» < tcp.port", "on the left side of < stands a field or a function, not a value"),
    ("tcp.port == «80» == 80", "on the left side of == stands a field or a function, not a value"),
    ("«1 + 1»", "there is no field in this"),
    ("tcp.port == «http.hots»", "http.hots is not an integer; did you mean http.host"),
    ("tcp.port == «80.0»", "80.0 is not an integer"),
    ("tcp.port == «81-1»", "81-1 is not an integer"),
    ("tcp.port == «99999999999999999999»", "99999999999999999999 is not an integer"),
    ("tcp.port == «\"80\"»", "\"80\" is not an integer; only text, bytes and dates stand in quotes"),
    ("tcp.port == -«\"80\"»", "\"80\" is not an integer; only text, bytes and dates stand in quotes"),
    ("tcp.flags.syn == «true»", "true is not true or false: give True, False, 1 or 0"),
    ("frame.time_delta > «1s»", "1s is not a duration: give seconds with at most nine decimals, e.g. 0.25"),
    (
        "frame.time_delta > «0.0000000001»",
        "0.0000000001 is not a duration: give seconds with at most nine decimals, e.g. 0.25",
    ),
    (
        "frame.time > «\"2015-02-29\"»",
        "\"2015-02-29\" is not a date: give \"2011-07-04 12:34:56\" or \"Nov 12, 1999 08:55:44.123\", in UTC",
    ),
    ("frame.time > «\"Jan 1, 2015\"»", "\"Jan 1, 2015\" is not a date"),
    ("icmp.resptime > «fast»", "fast is not a number"),
    ("ip.src == «10.0.0»", "\"10.0.0\" is no IPv4 address; names of hosts are not looked up"),
    ("ip.src == «10.0.0.0/33»", "a network has a prefix of at most 32 bits, not 33"),
    ("ipv6.src == «10.0.0.1»", "\"10.0.0.1\" is no IPv6 address; names of hosts are not looked up"),
    ("ipv6.src == «::/129»", "a network has a prefix of at most 128 bits, not 129"),
    ("eth.src == «02:00»", "02:00 is not an Ethernet address, which has six bytes"),
    (
        "eth.src == «xyz»",
        "xyz is not bytes in hexadecimal, like 16:03, or one like 0x16; text stands in double quotes",
    ),
    ("tcp.payload == «0x1603»", "0x1603 is not bytes in hexadecimal"),
    ("http.host[0:4] == «shop»", "shop is not bytes in hexadecimal"),
    ("ip.src == «ipv6.src»", "this is an IPv6 address, but what it is compared with is an IPv4 address"),
    ("tcp.flags.syn == «ip.ttl»", "this is an integer, but what it is compared with is true or false"),
    ("tcp.payload == «http.host»", "this is text, but what it is compared with is bytes"),
    ("tcp.port in {80, «\"a\"»}", "\"a\" is not an integer; only text, bytes and dates stand in quotes"),
    (
        "«tcp.analysis.retransmission» == 1",
        "this is only there or not there, and has no value to compare; name it alone",
    ),
    ("«tls» contains \"a\"", "the bytes of tls are not kept; it can only be there or not there"),
    (
        "«tcp.port» contains \"8\"",
        "contains cannot look into this: it is an integer, neither text nor bytes; string(…) makes text of it",
    ),
    (
        "«tcp.flags.syn» matches \"8\"",
        "matches cannot look into this: it is true or false, neither text nor bytes",
    ),
    ("http.host matches «www»", "matches wants a regular expression in double quotes"),
    ("http.host matches «\"(\"»", "the regular expression cannot be used: unclosed group"),
    (
        "http.host matches «\"(?=a)\"»",
        "the regular expression cannot be used: look-around, including look-ahead and look-behind, is not supported",
    ),
    ("http.host matches «\"a{1000}{1000}\"»", "the regular expression is too large"),
    ("http.host matches «\"\\xff\"»", "a regular expression is text; write a byte as \\\\xff"),
    ("«tcp.port»[0] == 0", "this is an integer; a part can be taken of text, bytes and addresses"),
    ("«foo»[0] == 0", "no field is called \"foo\""),
    ("«\"abc\"»[0] == 0", "a part can be taken of fields only"),
    (
        "eth.src[«»] == 0",
        "brackets hold what to take: [start:length], [first-last], [index], [:length] or [start:]",
    ),
    (
        "eth.src[0,«x»] == 0",
        "\"x\" is no part: give [start:length], [first-last], [index], [:length] or [start:]",
    ),
    (
        "eth.src[«4-»] == 0",
        "\"4-\" is no part: give [start:length], [first-last], [index], [:length] or [start:]",
    ),
    ("eth.src[«0:0»] == 0", "the length 0 is not above 0"),
    ("eth.src[«1:-1»] == 0", "the length -1 is not above 0"),
    ("eth.src[«2-1»] == 0", "the part begins at 2, behind its end 1"),
    ("eth.src«[»0", "the bracket is never closed"),
    ("(tcp)«[0]»", "this belongs directly behind a field"),
    ("ip.src«#»x", "# wants the number of a layer, as in ip.src#2, or [2-4]"),
    ("«foo#2»", "no field is called \"foo\""),
    ("ip.src == «10#2»", "10 is no field; a value alone is no test"),
    ("«http.host» & 1", "this is text; & cannot be used with that"),
    ("«tcp.flags.syn» + 1 == 2", "this is true or false; + cannot be used with that"),
    ("«frame.time_delta» * 2 > 1", "this is a duration; * cannot be used with that"),
    ("«ip.src» + 1 == 10.0.0.3", "this is an IPv4 address; + cannot be used with that"),
    ("-«http.host» == \"a\"", "this is text; - cannot be used with that"),
    ("tcp.port / «2.5» > 1", "2.5 is not an integer"),
    ("tcp.port % «ip.src» > 1", "this is an IPv4 address, but the other side is an integer"),
    ("«len(http.host)»", "a function is always there; compare its result with something"),
    (
        "«lenx»(http.host) == 1",
        "no function is called \"lenx\"; there are len, lower, upper, count, string, min, max, abs",
    ),
    ("«len()» == 1", "this function takes one field, not 0"),
    ("«count(ip.src, ip.dst)» == 1", "this function takes one field, not 2"),
    ("len(«\"abc\"») == 3", "a function takes a field, not a value"),
    ("len(«http.hots») == 3", "no field is called \"http.hots\"; did you mean http.host"),
    ("len(«tcp.port») == 2", "this is an integer; the function takes text, bytes, a protocol or an address"),
    ("upper(«tcp.port») == \"A\"", "this is an integer; the function takes text"),
    ("string(«http.host») == \"A\"", "this is text; the function takes numbers and addresses"),
    ("abs(«http.host») == 1", "this is text; the function takes numbers and durations"),
    ("count(«1») == 1", "a function takes a field, not a value"),
    ("count(«tcp.port + 1») == 1", "count() takes a field"),
    ("«max(1, 2)» == 2", "min() and max() take at least one field"),
    ("max(tcp.port, «ip.src») == 2", "this is an IPv4 address, but another argument is an integer"),
    (
        "min(«tcp.analysis.retransmission») == 2",
        "this is only there or not there, and has no value to compare; name it alone",
    ),
    ("any tcp.port«»", "the filter ends where a comparison is wanted"),
    ("any «not» tcp", "a field or a value is wanted here"),
    ("all «(»tcp.port > 1)", "parentheses cannot group values; braces do: {1 + 2}"),
    ("tcp.port in «80»", "a set in braces is wanted here"),
    ("tcp.port in {80 «443»}", "a comma or the set's closing brace is wanted here"),
    ("tcp.port in {«}»", "a field or a value is wanted here"),
    ("tcp.port in {80,«}»", "a field or a value is wanted here"),
    ("tcp«,» udp", "this belongs into a set: in {80, 8000..8999}"),
    (
        "tcp.port == «${tcp.port}»",
        "${…} stands for a value of the packet that is selected in Wireshark, or for a macro of Wireshark's; there is neither here: give the value itself",
    ),
    ("«${macro:1}» or tcp", "${…} stands for a value"),
    ("http.host == \"abc«»", "the text has no closing double quote"),
    ("http.host == r\"abc\\\"«»", "the text has no closing double quote"),
    ("http.host == \"a«\\w»\"", "\\w is no escape sequence; in r\"…\" a backslash is only a backslash"),
    ("http.host == \"«\\777»\"", "\\777 is more than a byte"),
    ("http.host == \"«\\x»g\"", "\\x is followed by no hexadecimal digit"),
    ("http.host == \"«\\u0041»\"", "\\u0041 names no character of Unicode beyond U+009F"),
    ("http.host == \"«\\ud800»\"", "\\ud800 names no character of Unicode beyond U+009F"),
    ("tcp.port == «'ab'»", "single quotes hold one character of one byte; text stands in double quotes"),
    ("tcp.port == «'ä'»", "single quotes hold one character of one byte; text stands in double quotes"),
    ("tcp.port == «''»", "there is no character between the quotes"),
    ("tcp.port == 'a«»", "the character has no closing single quote"),
];

#[test]
fn errors_say_what_is_wrong_and_where() {
    let mut wrong = Vec::new();
    for (marked, message) in ERRORS {
        let expression = marked.replace(['«', '»'], "");
        let start = marked.find('«').unwrap();
        let end = marked.find('»').unwrap() - '«'.len_utf8();
        let error = Filter::compile(&expression).expect_err(marked);
        if !error.message.starts_with(message) || error.at != (start..end) || error.expression != expression {
            wrong.push(format!("{marked}\n{error}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn errors_show_the_place_below_the_expression() {
    let shown = |expression: &str| Filter::compile(expression).unwrap_err().to_string();
    assert_eq!(
        shown("tcp and ip.src == 10.0.0"),
        "\"10.0.0\" is no IPv4 address; names of hosts are not looked up\n    tcp and ip.src == 10.0.0\n                      ^~~~~~"
    );
    assert_eq!(
        shown("tcp or"),
        "the filter ends where a field or a value is wanted\n    tcp or\n          ^"
    );
    // What cannot be shown is escaped, and stays in its line.
    let error = shown("http.host == \"\\u0\n\0\0\"");
    assert!(error.starts_with("\\u0\\n\\u{0}\\u{0} names no character"), "{error}");
    // Of a long one what is near.
    let error = shown(&format!(
        "tcp.port == 1{} or tcp.port == x{}",
        " or tcp".repeat(5_000),
        " or tcp".repeat(4_000)
    ));
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 3, "{error}");
    assert!(lines.iter().all(|line| line.chars().count() < 200), "{error}");
    let place = lines[2].chars().position(|c| c == '^').unwrap();
    assert_eq!(lines[1].chars().nth(place), Some('x'), "{error}");
    // Characters are counted, not bytes, and line ends do not break the line.
    assert!(
        shown("http.host == \"ä\"\nand tcp.port == x")
            .ends_with("\n    http.host == \"ä\" and tcp.port == x\n                                     ^")
    );
}

#[test]
fn length_and_depth_are_bounded() {
    let long = format!("tcp{}", " ".repeat(MAX_FILTER_BYTES));
    assert!(Filter::compile(&long).unwrap_err().message.contains("longer than"));
    let near = MAX_FILTER_DEPTH - 2;
    let nested = |depth: usize, open: &str, inner: &str, close: &str| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    for (open, inner, close) in [
        ("(", "tcp", ")"),
        ("!", "tcp", ""),
        ("tcp.port == {", "1", "}"),
        ("- ", "tcp.port == 1", ""),
        ("min(", "tcp.port", ")"),
    ] {
        let far = nested(60_000 / open.len().max(2), open, inner, close);
        let error = Filter::compile(&far[..far.len().min(MAX_FILTER_BYTES)]).unwrap_err();
        assert!(
            error.message.contains("nests deeper") || open.starts_with("tcp.port"),
            "{open}: {}",
            error.message
        );
    }
    assert!(Filter::compile(&nested(near, "(", "tcp", ")")).is_ok());
    assert!(Filter::compile(&nested(MAX_FILTER_DEPTH + 1, "(", "tcp", ")")).is_err());
    // Operators in a row make a tree as deep as they are many, wherever the braces stand.
    let row = format!("tcp.port{} == 1", " + 1".repeat(near));
    assert!(Filter::compile(&row).is_ok());
    for many in
        [format!("tcp.port{} == 1", " + 1".repeat(10_000)), format!("eth.src{} == 1", "[0:1]".repeat(10_000))]
    {
        assert!(Filter::compile(&many).unwrap_err().message.contains("nests deeper"));
    }
    let steps = format!("{}tcp.port{} == 1", "{".repeat(100), " + 1 + 1 + 1}".repeat(100));
    assert!(Filter::compile(&steps).unwrap_err().message.contains("nests deeper"));
    // Tests in a row are no deeper than one.
    assert!(holds(&format!("udp{}", " or udp or tcp".repeat(4_000))));
}

#[test]
fn time_is_not_the_product_of_what_is_compared() {
    let many = |step: u64| (0..60_000).map(|n| Value::Unsigned(n * 2 + step)).collect::<Vec<_>>();
    for (expression, answer) in [
        ("dns.resp.ttl == dns.resp.len", false),
        ("dns.resp.ttl != dns.resp.len", true),
        ("dns.resp.ttl === dns.resp.len", false),
        ("dns.resp.ttl !== dns.resp.len", true),
        ("dns.resp.ttl > dns.resp.len", true),
        ("all dns.resp.ttl < dns.resp.len", false),
        ("dns.resp.ttl + dns.resp.len == 3", true),
        ("dns.resp.ttl + dns.resp.len == 2", false),
        ("dns.resp.ttl * dns.resp.ttl * dns.resp.ttl * dns.resp.ttl == 1 and dns.resp.len", false),
    ] {
        let filter = Filter::compile(expression).unwrap();
        let cells = filter.fields().map(|field| many(u64::from(field.name == "dns.resp.len"))).collect();
        assert_eq!(filter.holds(&Row::of(cells)), answer, "{expression}");
    }
}
