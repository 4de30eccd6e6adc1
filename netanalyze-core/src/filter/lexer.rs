//! Bytes of an expression to tokens, with nom.
//!
//! What is a word was found with tshark 4.0.17: hyphens, colons and dots belong to it, so that `02-00-00-00-00-01` and `2001:db8::1` are one
//! word, and `tcp.len-1` is one that means nothing; two dots end it, so that `1..3` is a range.

use std::ops::Range;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while1};
use nom::character::complete::{anychar, char, hex_digit1, multispace0, one_of};
use nom::combinator::{map, recognize, value};
use nom::sequence::preceded;
use nom::{IResult, Parser};

use super::ast::{Arithmetic, Part, Quantifier, Relation};
use super::error::Fault;
use super::part::parts;
use crate::model::escape as readable;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Word(String),
    Text(Vec<u8>),
    Char(u8),
    Slice(Vec<Part>),
    Layers(Vec<Part>),
    Relation(Relation),
    Arithmetic(Arithmetic),
    Quantifier(Quantifier),
    And,
    Or,
    Not,
    In,
    Open,
    Close,
    OpenBrace,
    CloseBrace,
    Comma,
    DotDot,
}

/// Splits an expression into tokens, each with its place.
pub(super) fn tokens(expression: &str) -> Result<Vec<(Token, Range<usize>)>, Fault> {
    let mut found = Vec::new();
    let mut rest = expression;
    loop {
        let blank: IResult<&str, &str> = multispace0(rest);
        rest = blank.map_or(rest, |(left, _)| left);
        if rest.is_empty() {
            return Ok(found);
        }
        let start = expression.len() - rest.len();
        let (left, token) = next(rest, start)?;
        found.push((token, start..expression.len() - left.len()));
        rest = left;
    }
}

type Lexed<'e> = Result<(&'e str, Token), Fault>;

/// The token at the beginning of `rest`, which begins at `start`.
fn next(rest: &str, start: usize) -> Lexed<'_> {
    let second = rest.get(1..2);
    match rest.bytes().next() {
        Some(b'"') => quoted(rest, 1, start),
        Some(b'r' | b'R') if second == Some("\"") => raw(rest, start),
        Some(b'\'') => character(rest, start),
        Some(b'[') => {
            let (left, parts) = bracket(rest, start)?;
            Ok((left, Token::Slice(parts)))
        }
        Some(b'#') => layers(rest, start),
        Some(b'$') => Err(reference(rest, start)),
        _ => {
            let known: IResult<&str, Token> = alt((word, symbol)).parse(rest);
            known.map_err(|_| {
                let c = rest.chars().next().unwrap_or(' ');
                Fault::new(start..start + c.len_utf8(), unexpected(c))
            })
        }
    }
}

fn unexpected(c: char) -> String {
    match c {
        '=' => "\"=\" is no operator; equality is ==".to_owned(),
        '|' => "\"|\" is no operator; the logical or is ||".to_owned(),
        '^' => "\"^\" is no operator: Wireshark 4.0 has no exclusive or".to_owned(),
        '.' => "a dot that belongs to nothing".to_owned(),
        c if c.is_control() => "a control character means nothing here".to_owned(),
        c => {
            let shown = String::from(c);
            format!(
                "\"{}\" means nothing here; values with such characters stand in double quotes",
                readable(&shown)
            )
        }
    }
}

/// `${field}` is a value of the packet that is selected in Wireshark's window.
fn reference(rest: &str, start: usize) -> Fault {
    let end = rest.find('}').map_or(rest.len(), |end| end + 1);
    Fault::new(
        start..start + end,
        "${…} stands for a value of the packet that is selected in Wireshark, or for a macro of Wireshark's; \
         there is neither here: give the value itself",
    )
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-.:".contains(c)
}

/// A word, with the prefix length of a network behind it. Two dots, or one at the end, do not belong to it.
fn word(rest: &str) -> IResult<&str, Token> {
    if rest.starts_with('-') {
        return nom::combinator::fail().parse(rest);
    }
    let (_, run) = take_while1(is_word).parse(rest)?;
    let run = run.split_once("..").map_or(run, |(run, _)| run);
    let run = run.trim_end_matches('.');
    if run.is_empty() {
        return nom::combinator::fail().parse(rest);
    }
    let left = rest.get(run.len()..).unwrap_or_default();
    let prefix: IResult<&str, &str> =
        recognize(preceded(char('/'), take_while1(|c: char| c.is_ascii_digit()))).parse(left);
    let is_address = run.parse::<std::net::IpAddr>().is_ok();
    let len = match prefix {
        Ok((_, prefix)) if is_address => run.len() + prefix.len(),
        _ => run.len(),
    };
    let (run, left) = rest.split_at_checked(len).unwrap_or((rest, ""));
    Ok((left, keyword(run)))
}

/// The operators that are words, in small letters only, as Wireshark 4.0 has them.
fn keyword(word: &str) -> Token {
    use Quantifier::{All, Any};
    match word {
        "and" => Token::And,
        "or" => Token::Or,
        "not" => Token::Not,
        "in" => Token::In,
        "any" => Token::Quantifier(Any),
        "all" => Token::Quantifier(All),
        "eq" | "any_eq" => Token::Relation(Relation::Equal(Any)),
        "all_eq" => Token::Relation(Relation::Equal(All)),
        "ne" | "all_ne" => Token::Relation(Relation::NotEqual(All)),
        "any_ne" => Token::Relation(Relation::NotEqual(Any)),
        "gt" => Token::Relation(Relation::Greater),
        "ge" => Token::Relation(Relation::GreaterOrEqual),
        "lt" => Token::Relation(Relation::Less),
        "le" => Token::Relation(Relation::LessOrEqual),
        "contains" => Token::Relation(Relation::Contains),
        "matches" => Token::Relation(Relation::Matches),
        "bitwise_and" => Token::Arithmetic(Arithmetic::BitAnd),
        _ => Token::Word(word.to_owned()),
    }
}

fn symbol(rest: &str) -> IResult<&str, Token> {
    use Quantifier::{All, Any};
    let relation = alt((
        value(Relation::Equal(All), tag("===")),
        value(Relation::NotEqual(Any), tag("!==")),
        value(Relation::Equal(Any), tag("==")),
        value(Relation::NotEqual(All), tag("!=")),
        value(Relation::NotEqual(Any), tag("~=")),
        value(Relation::GreaterOrEqual, tag(">=")),
        value(Relation::LessOrEqual, tag("<=")),
        value(Relation::Greater, tag(">")),
        value(Relation::Less, tag("<")),
        value(Relation::Matches, tag("~")),
    ));
    let logical = alt((
        value(Token::And, tag("&&")),
        value(Token::Or, tag("||")),
        value(Token::Not, tag("!")),
        value(Token::Open, tag("(")),
        value(Token::Close, tag(")")),
        value(Token::OpenBrace, tag("{")),
        value(Token::CloseBrace, tag("}")),
        value(Token::Comma, tag(",")),
        value(Token::DotDot, tag("..")),
    ));
    let arithmetic = alt((
        value(Arithmetic::BitAnd, tag("&")),
        value(Arithmetic::Add, tag("+")),
        value(Arithmetic::Subtract, tag("-")),
        value(Arithmetic::Multiply, tag("*")),
        value(Arithmetic::Divide, tag("/")),
        value(Arithmetic::Remainder, tag("%")),
    ));
    alt((map(relation, Token::Relation), logical, map(arithmetic, Token::Arithmetic))).parse(rest)
}

/// A text in double quotes, which begin after `skip - 1` bytes.
fn quoted(rest: &str, skip: usize, start: usize) -> Lexed<'_> {
    let (mut left, mut text) = (rest.get(skip..).unwrap_or_default(), Vec::new());
    loop {
        let plain: IResult<&str, &str> = take_till(|c| c == '"' || c == '\\').parse(left);
        if let Ok((after, plain)) = plain {
            text.extend_from_slice(plain.as_bytes());
            left = after;
        }
        let at = start + rest.len() - left.len();
        match left.bytes().next() {
            Some(b'"') => return Ok((left.get(1..).unwrap_or_default(), Token::Text(text))),
            Some(_) => left = escape(left, at, &mut text)?,
            None => return Err(Fault::new(at..at, "the text has no closing double quote")),
        }
    }
}

/// A raw text: a backslash stays one, also before a double quote.
fn raw(rest: &str, start: usize) -> Lexed<'_> {
    let body = rest.get(2..).unwrap_or_default();
    let mut escaped = false;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => {
                let text = body.as_bytes().get(..at).unwrap_or_default().to_vec();
                return Ok((body.get(at + 1..).unwrap_or_default(), Token::Text(text)));
            }
            _ => {}
        }
    }
    let end = start + rest.len();
    Err(Fault::new(end..end, "the text has no closing double quote"))
}

fn character(rest: &str, start: usize) -> Lexed<'_> {
    let body = rest.get(1..).unwrap_or_default();
    let mut found = Vec::new();
    let left = match body.bytes().next() {
        Some(b'\\') => escape(body, start + 1, &mut found)?,
        Some(b'\'') => return Err(Fault::new(start..start + 2, "there is no character between the quotes")),
        _ => {
            let one: IResult<&str, char> = anychar(body);
            let (left, c) = one.unwrap_or(("", '\0'));
            found.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            left
        }
    };
    match (left.strip_prefix('\''), found.as_slice()) {
        (Some(left), &[byte]) => Ok((left, Token::Char(byte))),
        (None, _) if !left.contains('\'') => {
            let end = start + rest.len();
            Err(Fault::new(end..end, "the character has no closing single quote"))
        }
        _ => {
            let end = left.find('\'').map_or(left.len(), |end| end + 1);
            let end = start + rest.len() - left.len() + end;
            Err(Fault::new(
                start..end,
                "single quotes hold one character of one byte; text stands in double quotes",
            ))
        }
    }
}

/// What a backslash and what follows stand for, as in C. Returns what is left.
fn escape<'e>(rest: &'e str, at: usize, out: &mut Vec<u8>) -> Result<&'e str, Fault> {
    let body = rest.get(1..).unwrap_or_default();
    let after = |n: usize| body.get(n..).unwrap_or_default();
    let simple: IResult<&str, u8> = alt((
        map(one_of("'\"\\"), |c| c as u8),
        value(0x07, char('a')),
        value(0x08, char('b')),
        value(0x0c, char('f')),
        value(b'\n', char('n')),
        value(b'\r', char('r')),
        value(b'\t', char('t')),
        value(0x0b, char('v')),
    ))
    .parse(body);
    if let Ok((left, byte)) = simple {
        out.push(byte);
        return Ok(left);
    }
    let digits = |text: &'e str, radix: u32, most: usize| {
        let len = text.bytes().take(most).take_while(|b| char::from(*b).is_digit(radix)).count();
        text.get(..len)
            .filter(|digits| !digits.is_empty())
            .and_then(|d| Some((u32::from_str_radix(d, radix).ok()?, len)))
    };
    let wrong = |len: usize, why: &str| {
        let shown: String = rest.chars().take(len).collect();
        Fault::new(at..at + shown.len(), format!("{} {why}", readable(&shown)))
    };
    match body.bytes().next() {
        Some(b'0'..=b'7') => match digits(body, 8, 3) {
            Some((byte, len)) if byte < 256 => {
                out.push(byte as u8);
                Ok(after(len))
            }
            _ => Err(wrong(4, "is more than a byte")),
        },
        Some(b'x') => {
            let hex: IResult<&str, &str> = hex_digit1(after(1));
            match hex.ok().and_then(|_| digits(after(1), 16, 2)) {
                Some((byte, len)) => {
                    out.push(byte as u8);
                    Ok(after(1 + len))
                }
                None => Err(wrong(2, "is followed by no hexadecimal digit")),
            }
        }
        Some(letter @ (b'u' | b'U')) => {
            let len = if letter == b'u' { 4 } else { 8 };
            // As in C, and Wireshark 4.0: what needs no such name has none.
            let code = digits(after(1), 16, len).filter(|&(code, found)| found == len && code >= 0xa0);
            match code.and_then(|(code, _)| char::from_u32(code)) {
                Some(c) => {
                    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    Ok(after(1 + len))
                }
                None => Err(wrong(2 + len, "names no character of Unicode beyond U+009F")),
            }
        }
        _ => Err(wrong(2, "is no escape sequence; in r\"…\" a backslash is only a backslash")),
    }
}

/// `[…]`
fn bracket(rest: &str, start: usize) -> Result<(&str, Vec<Part>), Fault> {
    let Some(end) = rest.find(']') else {
        return Err(Fault::new(start..start + 1, "the bracket is never closed"));
    };
    let (inside, left) = (rest.get(1..end).unwrap_or_default(), rest.get(end + 1..).unwrap_or_default());
    Ok((left, parts(inside, start + 1)?))
}

/// `#2` or `#[2-4]`
fn layers(rest: &str, start: usize) -> Lexed<'_> {
    let body = rest.get(1..).unwrap_or_default();
    if body.starts_with('[') {
        let (left, parts) = bracket(body, start + 1)?;
        return Ok((left, Token::Layers(parts)));
    }
    let len = body.bytes().take_while(u8::is_ascii_digit).count();
    match body.get(..len).and_then(|digits| digits.parse().ok()) {
        Some(layer) => Ok((body.get(len..).unwrap_or_default(), Token::Layers(vec![Part::Length(layer, 1)]))),
        None => Err(Fault::new(start..start + 1, "# wants the number of a layer, as in ip.src#2, or [2-4]")),
    }
}
