//! One column: a name, a unit and its values.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::error::{Error, Result};

/// The values of a column. A missing number is NaN.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Real numbers.
    Float(Arc<Vec<f64>>),
    /// Whole numbers.
    Integer(Arc<Vec<i64>>),
    /// Text, for example the name of a species.
    Text(Arc<Vec<String>>),
    /// Yes or no.
    Boolean(Arc<Vec<bool>>),
}

/// A named column with a unit; a clone is cheap.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Name, a full word such as `barrier`.
    pub name: String,
    /// Unit as it is written on an axis, such as `eV` or `A^2`; empty for a pure number.
    pub unit: String,
    /// Values, one for each row.
    pub values: Values,
}

impl Column {
    /// A column of real numbers.
    pub fn float(name: &str, unit: &str, values: Vec<f64>) -> Column {
        Column { name: name.into(), unit: unit.into(), values: Values::Float(Arc::new(values)) }
    }

    /// A column of whole numbers.
    pub fn integer(name: &str, values: Vec<i64>) -> Column {
        Column { name: name.into(), unit: String::new(), values: Values::Integer(Arc::new(values)) }
    }

    /// A column of text.
    pub fn text(name: &str, values: Vec<String>) -> Column {
        Column { name: name.into(), unit: String::new(), values: Values::Text(Arc::new(values)) }
    }

    /// A column of yes and no.
    pub fn boolean(name: &str, values: Vec<bool>) -> Column {
        Column { name: name.into(), unit: String::new(), values: Values::Boolean(Arc::new(values)) }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Float(v) => v.len(),
            Values::Integer(v) => v.len(),
            Values::Text(v) => v.len(),
            Values::Boolean(v) => v.len(),
        }
    }

    /// True when there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Column {
    /// The same values under another name.
    pub fn renamed(mut self, name: &str) -> Column {
        self.name = name.into();
        self
    }

    /// The same values said to be in another unit; nothing is converted.
    pub fn with_unit(mut self, unit: &str) -> Column {
        self.unit = unit.into();
        self
    }

    /// The values as real numbers; text is an error, yes and no are 1 and 0.
    pub fn numbers(&self) -> Result<Vec<f64>> {
        match &self.values {
            Values::Float(v) => Ok(v.to_vec()),
            Values::Integer(v) => Ok(v.iter().map(|&x| x as f64).collect()),
            Values::Boolean(v) => Ok(v.iter().map(|&x| f64::from(u8::from(x))).collect()),
            Values::Text(_) => Err(Error::input(format!("column `{}` is text, not numbers", self.name))),
        }
    }

    /// The values as text, if they are.
    pub fn texts(&self) -> Result<&[String]> {
        match &self.values {
            Values::Text(v) => Ok(v),
            _ => Err(Error::input(format!("column `{}` is not text", self.name))),
        }
    }

    /// The values as a mask, if they are yes and no.
    pub fn mask(&self) -> Result<&[bool]> {
        match &self.values {
            Values::Boolean(v) => Ok(v),
            _ => Err(Error::input(format!("column `{}` is not yes and no; compare it with something", self.name))),
        }
    }

    /// True for real and whole numbers.
    pub fn is_numeric(&self) -> bool {
        matches!(self.values, Values::Float(_) | Values::Integer(_))
    }

    /// True when the value in this row is missing: NaN, or an empty text.
    pub fn is_missing(&self, row: usize) -> bool {
        match &self.values {
            Values::Float(v) => v[row].is_nan(),
            Values::Text(v) => v[row].is_empty(),
            _ => false,
        }
    }

    /// The rows with these numbers, in this order.
    pub fn take(&self, rows: &[usize]) -> Column {
        let values = match &self.values {
            Values::Float(v) => Values::Float(Arc::new(rows.iter().map(|&r| v[r]).collect())),
            Values::Integer(v) => Values::Integer(Arc::new(rows.iter().map(|&r| v[r]).collect())),
            Values::Text(v) => Values::Text(Arc::new(rows.iter().map(|&r| v[r].clone()).collect())),
            Values::Boolean(v) => Values::Boolean(Arc::new(rows.iter().map(|&r| v[r]).collect())),
        };
        Column { name: self.name.clone(), unit: self.unit.clone(), values }
    }

    /// These values, then those of `other`, which must be of the same kind and unit.
    pub fn append(&self, other: &Column) -> Result<Column> {
        self.same_kind(other).and_then(|()| self.same_unit(other)).map_err(|e| e.within("append"))?;
        let values = match (&self.values, &other.values) {
            (Values::Integer(a), Values::Integer(b)) => Values::Integer(Arc::new([a.as_slice(), b].concat())),
            (Values::Text(a), Values::Text(b)) => Values::Text(Arc::new([a.as_slice(), b].concat())),
            (Values::Boolean(a), Values::Boolean(b)) => Values::Boolean(Arc::new([a.as_slice(), b].concat())),
            _ => Values::Float(Arc::new([self.numbers()?, other.numbers()?].concat())),
        };
        Ok(Column { name: self.name.clone(), unit: self.unit.clone(), values })
    }

    /// A column of one value repeated to `height` rows; any other column as it is.
    pub(crate) fn repeated(&self, height: usize) -> Column {
        if self.len() == 1 && height != 1 { self.take(&vec![0; height]) } else { self.clone() }
    }

    /// The numbers; an error that names the row when one is infinite.
    pub(crate) fn finite_numbers(&self) -> Result<Vec<f64>> {
        let numbers = self.numbers()?;
        match numbers.iter().position(|value| value.is_infinite()) {
            Some(row) => Err(Error::input(format!(
                "`{}` is infinite in row {row}; leave such rows out with `filter`",
                self.name
            ))),
            None => Ok(numbers),
        }
    }

    /// An error unless both columns are in one unit.
    pub(crate) fn same_unit(&self, other: &Column) -> Result<()> {
        if self.unit == other.unit {
            return Ok(());
        }
        let (here, there) = (named(&self.unit), named(&other.unit));
        Err(Error::input(if self.name == other.name {
            format!("column `{}` is in {here} here and in {there} there", self.name)
        } else {
            format!("column `{}` is in {here}, column `{}` in {there}", self.name, other.name)
        }))
    }

    /// An error unless both columns hold numbers, both text, or both yes and no.
    pub(crate) fn same_kind(&self, other: &Column) -> Result<()> {
        match (self.kind(), other.kind()) {
            (a, b) if a == b => Ok(()),
            (a, b) => Err(Error::input(format!("column `{}` is {a} here and {b} there", self.name))),
        }
    }

    /// What the values are, in words.
    pub fn kind(&self) -> &'static str {
        match self.values {
            Values::Float(_) | Values::Integer(_) => "numbers",
            Values::Text(_) => "text",
            Values::Boolean(_) => "yes and no",
        }
    }

    /// The order of two rows; missing numbers come last in either direction.
    pub(crate) fn compare(&self, a: usize, b: usize, descending: bool) -> Ordering {
        let turn = |order: Ordering| if descending { order.reverse() } else { order };
        match &self.values {
            Values::Float(v) if v[a].is_nan() || v[b].is_nan() => v[a].is_nan().cmp(&v[b].is_nan()),
            // Adding zero makes -0 equal to 0.
            Values::Float(v) => turn((v[a] + 0.0).total_cmp(&(v[b] + 0.0))),
            Values::Integer(v) => turn(v[a].cmp(&v[b])),
            Values::Text(v) => turn(v[a].cmp(&v[b])),
            Values::Boolean(v) => turn(v[a].cmp(&v[b])),
        }
    }

    /// True when every value of `other` is missing or equal to the one here.
    pub(crate) fn agrees_with(&self, other: &Column) -> bool {
        if self.unit != other.unit || self.len() != other.len() || self.kind() != other.kind() {
            return false;
        }
        let equal = |row: usize| match (&self.values, &other.values) {
            (Values::Text(a), Values::Text(b)) => a[row] == b[row],
            (Values::Boolean(a), Values::Boolean(b)) => a[row] == b[row],
            (Values::Integer(a), Values::Integer(b)) => a[row] == b[row],
            (Values::Integer(a), Values::Float(b)) => a[row] as f64 == b[row],
            (Values::Float(a), Values::Integer(b)) => a[row] == b[row] as f64,
            (Values::Float(a), Values::Float(b)) => a[row] == b[row],
            _ => false,
        };
        (0..self.len()).all(|row| other.is_missing(row) || equal(row))
    }
}

/// A unit in a sentence.
pub(crate) fn named(unit: &str) -> String {
    if unit.is_empty() { "no unit".into() } else { unit.into() }
}
