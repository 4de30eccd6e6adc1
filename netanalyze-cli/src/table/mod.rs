//! Rows in every format. A table is a list of columns, each with a name and a cell for machines, beside the lines that people read.
//!
//! Owns the formats, not the rows: those come one by one, in the order in which they are to stand, and none is kept beyond what aligning
//! columns takes.

mod cell;
mod lines;
mod listing;
mod shape;

pub(crate) use cell::{Cell, Value, push_csv};
pub(crate) use lines::{Heading, Lines, left, right};
pub(crate) use listing::{Column, Listing, Table};
pub(crate) use shape::{Shape, object_of};
