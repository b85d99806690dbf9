//! One column: a name, a unit and its values.

use std::sync::Arc;

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
