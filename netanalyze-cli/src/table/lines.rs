//! Aligned lines for people.

/// What stands above a column.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heading {
    name: &'static str,
    right: bool,
}

/// A column of words.
pub(crate) const fn left(name: &'static str) -> Heading {
    Heading { name, right: false }
}

/// A column of figures, which stand at the right.
pub(crate) const fn right(name: &'static str) -> Heading {
    Heading { name, right: true }
}

/// Columns whose widths grow with what was written: as aligned as can be without reading all rows first.
#[derive(Debug)]
pub(crate) struct Lines {
    headings: &'static [Heading],
    widths: Vec<usize>,
    begun: bool,
}

impl Lines {
    pub(crate) fn new(headings: &'static [Heading]) -> Self {
        let widths = headings.iter().map(|heading| heading.name.chars().count()).collect();
        Lines { headings, widths, begun: false }
    }

    /// Lines of some rows, below the headings if they are the first.
    pub(crate) fn lines(&mut self, rows: impl IntoIterator<Item = Vec<String>>) -> Vec<u8> {
        let mut all: Vec<Vec<String>> = Vec::new();
        if !self.begun {
            self.begun = true;
            all.push(self.headings.iter().map(|heading| heading.name.to_owned()).collect());
        }
        all.extend(rows);
        for row in &all {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut out = Vec::with_capacity(all.len() * 160);
        for row in &all {
            for (place, ((cell, width), heading)) in
                row.iter().zip(&self.widths).zip(self.headings).enumerate()
            {
                out.extend_from_slice(if place > 0 { b"  " } else { b"" });
                let missing = width - cell.chars().count();
                let (before, after) = if heading.right { (missing, 0) } else { (0, missing) };
                out.resize(out.len() + before, b' ');
                out.extend_from_slice(cell.as_bytes());
                out.resize(out.len() + after, b' ');
            }
            while out.last() == Some(&b' ') {
                out.pop();
            }
            out.push(b'\n');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_grow_and_stay() {
        static HEADINGS: [Heading; 3] = [left("name"), right("n"), left("rest")];
        let mut lines = Lines::new(&HEADINGS);
        let row = |cells: [&str; 3]| vec![cells.map(str::to_owned).to_vec()];
        let mut text = |cells| String::from_utf8(lines.lines(row(cells))).unwrap();
        assert_eq!(text(["a", "1", "x"]), "name  n  rest\na     1  x\n");
        assert_eq!(text(["µ→µ→µ", "100", ""]), "µ→µ→µ  100\n");
        assert_eq!(text(["a", "1", "x"]), "a        1  x\n");
    }
}
