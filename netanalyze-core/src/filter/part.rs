//! Parts of bytes and of layers: `[0:3]`, `[2]`, `[1-2]`, `[:4]`, `[-4:]`, `[0:2,3]`.

use super::ast::Part;
use super::error::Fault;

/// What stands between brackets, the first byte of which is at `start`.
pub(super) fn parts(inside: &str, start: usize) -> Result<Vec<Part>, Fault> {
    let mut at = start;
    let mut found = Vec::new();
    for text in inside.split(',') {
        let place = at..at + text.len();
        at = place.end + 1;
        found.push(part(text.trim()).map_err(|why| Fault::new(place, why))?);
    }
    Ok(found)
}

fn part(text: &str) -> Result<Part, String> {
    let wrong = || {
        if text.is_empty() {
            "brackets hold what to take: [start:length], [first-last], [index], [:length] or [start:]"
                .to_owned()
        } else {
            format!("{text:?} is no part: give [start:length], [first-last], [index], [:length] or [start:]")
        }
    };
    let number = |text: &str| integer(text.trim()).ok_or_else(wrong);
    if let Some((start, length)) = text.split_once(':') {
        if length.trim().is_empty() {
            return number(start).map(Part::From);
        }
        let start = if start.trim().is_empty() { 0 } else { number(start)? };
        let length = number(length)?;
        return if length > 0 {
            Ok(Part::Length(start, length))
        } else {
            Err(format!("the length {length} is not above 0"))
        };
    }
    // A hyphen that is not the first character's sign.
    match text.char_indices().skip(1).find(|&(_, c)| c == '-') {
        Some((hyphen, _)) => {
            let (first, last) = (
                number(text.get(..hyphen).unwrap_or_default())?,
                number(text.get(hyphen + 1..).unwrap_or_default())?,
            );
            if (first < 0) == (last < 0) && first > last {
                return Err(format!("the part begins at {first}, behind its end {last}"));
            }
            Ok(Part::Between(first, last))
        }
        None => number(text).map(|index| Part::Length(index, 1)),
    }
}

fn integer(text: &str) -> Option<i32> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let number = super::literal::unsigned(digits).and_then(|number| i32::try_from(number).ok())?;
    Some(if negative { -number } else { number })
}

impl Part {
    /// The part of a thing of this length, as first and last index. `None` if it reaches beyond.
    pub(super) fn of(self, len: usize) -> Option<std::ops::Range<usize>> {
        let len = i64::try_from(len).ok()?;
        let from = |index: i32| {
            let index = i64::from(index);
            Some(if index < 0 { len + index } else { index }).filter(|index| (0..=len).contains(index))
        };
        let (start, end) = match self {
            Part::Length(start, length) => (from(start)?, from(start)? + i64::from(length)),
            Part::Between(first, last) => (from(first)?, from(last)? + 1),
            Part::From(start) => (from(start)?, len),
        };
        // Bytes that are not there cannot be compared with anything: as Wireshark 4.0.
        (start < end && end <= len).then_some(start as usize..end as usize)
    }

    /// Whether it holds a layer, of so many.
    pub(super) fn has_layer(self, layer: u16, layers: u16) -> bool {
        let (layer, layers) = (i32::from(layer), i32::from(layers));
        // The last layer is −1.
        let place = |index: i32| if index < 0 { layers + 1 + index } else { index };
        match self {
            Part::Length(start, length) => {
                (place(start)..place(start).saturating_add(length)).contains(&layer)
            }
            Part::Between(first, last) => (place(first)..=place(last)).contains(&layer),
            Part::From(start) => layer >= place(start),
        }
    }
}
