//! Arithmetic of columns, with their units.
//!
//! Sums, differences and comparisons of two columns need one unit; a plain number takes the unit of the column it
//! meets. Products and powers combine units. Logarithms, exponentials and angles are pure numbers.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::math::statistics;
use crate::table::column::named;
use crate::table::unit::Unit;
use crate::table::{Column, Values};

/// An operation on two columns, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `**`
    Power,
    /// The smaller of two.
    Least,
    /// The larger of two.
    Greatest,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `&`
    And,
    /// `|`
    Or,
}

/// A function of one column, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// The negative.
    Negative,
    /// `!`
    Not,
    /// Square root.
    SquareRoot,
    /// Exponential.
    Exponential,
    /// Natural logarithm.
    Logarithm,
    /// Logarithm to base 10.
    Logarithm10,
    /// Absolute value.
    Absolute,
    /// Sine of an angle in radians.
    Sine,
    /// Cosine of an angle in radians.
    Cosine,
    /// Hyperbolic tangent.
    HyperbolicTangent,
    /// Largest whole number below.
    Floor,
    /// Rank from 1, ties sharing their mean.
    Rank,
    /// True where the value is missing.
    Missing,
}

/// One value made of all values of a column; missing numbers are left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Aggregate {
    /// Mean.
    Mean,
    /// Median.
    Median,
    /// Sum.
    Sum,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Standard deviation, n - 1.
    StandardDeviation,
    /// Standard error of the mean.
    StandardError,
    /// Quantile, a fraction between 0 and 1.
    Quantile(f64),
    /// Number of values that are not missing.
    Count,
    /// The first value.
    First,
}

impl Operation {
    /// The sign between the operands, or the name before them.
    pub fn sign(self) -> &'static str {
        use Operation::*;
        match self {
            Add => "+",
            Subtract => "-",
            Multiply => "*",
            Divide => "/",
            Power => "**",
            Least => "min",
            Greatest => "max",
            Equal => "==",
            NotEqual => "!=",
            Less => "<",
            LessEqual => "<=",
            Greater => ">",
            GreaterEqual => ">=",
            And => "&",
            Or => "|",
        }
    }

    /// True for the operations whose operands need one unit.
    fn needs_one_unit(self) -> bool {
        use Operation::*;
        !matches!(self, Multiply | Divide | Power | And | Or)
    }

    /// The operation on numbers, for those that give a number.
    fn number(self) -> Option<fn(f64, f64) -> f64> {
        use Operation::*;
        Some(match self {
            Add => |a, b| a + b,
            Subtract => |a, b| a - b,
            Multiply => |a, b| a * b,
            Divide => |a, b| a / b,
            Power => |a: f64, b| if b == 2.0 { a * a } else { a.powf(b) },
            // Unlike f64::min these keep what is missing missing.
            Least => |a, b| if a < b || a.is_nan() { a } else { b },
            Greatest => |a, b| if a > b || a.is_nan() { a } else { b },
            _ => return None,
        })
    }

    /// The comparison of two ordered values; `None` for the order means that a number is missing.
    fn holds(self, order: Option<std::cmp::Ordering>) -> bool {
        use Operation::*;
        order.is_some_and(|o| match self {
            Equal => o.is_eq(),
            NotEqual => o.is_ne(),
            Less => o.is_lt(),
            LessEqual => o.is_le(),
            Greater => o.is_gt(),
            _ => o.is_ge(),
        })
    }
}

impl Function {
    /// The name of the function.
    pub fn name(self) -> &'static str {
        use Function::*;
        match self {
            Negative => "-",
            Not => "!",
            SquareRoot => "sqrt",
            Exponential => "exp",
            Logarithm => "ln",
            Logarithm10 => "log10",
            Absolute => "abs",
            Sine => "sin",
            Cosine => "cos",
            HyperbolicTangent => "tanh",
            Floor => "floor",
            Rank => "rank",
            Missing => "is_missing",
        }
    }

    /// The function of numbers, for those that act on numbers one at a time.
    fn number(self) -> Option<fn(f64) -> f64> {
        use Function::*;
        Some(match self {
            Negative => |x| -x,
            SquareRoot => f64::sqrt,
            Exponential => f64::exp,
            Logarithm => f64::ln,
            Logarithm10 => f64::log10,
            Absolute => f64::abs,
            Sine => f64::sin,
            Cosine => f64::cos,
            HyperbolicTangent => f64::tanh,
            Floor => f64::floor,
            Not | Rank | Missing => return None,
        })
    }

    /// The unit of the result.
    fn unit(self, unit: &str) -> String {
        use Function::*;
        match self {
            Negative | Absolute | Floor => unit.into(),
            SquareRoot => Unit::parse(unit).power(0.5).to_string(),
            _ => String::new(),
        }
    }
}

impl Aggregate {
    /// The word added to the column's name: `barrier` gives `barrier_mean`.
    pub fn suffix(self) -> String {
        match self {
            Aggregate::Quantile(q) => format!("quantile_{q}"),
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Aggregate::Mean => "mean",
            Aggregate::Median => "median",
            Aggregate::Sum => "sum",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
            Aggregate::StandardDeviation => "standard_deviation",
            Aggregate::StandardError => "standard_error",
            Aggregate::Quantile(_) => "quantile",
            Aggregate::Count => "count",
            Aggregate::First => "first",
        })
    }
}

impl Column {
    /// This column with another of the same length, row by row. A column of one row meets every row.
    ///
    /// ```
    /// use vitric::table::{Column, Operation};
    /// let force = Column::float("force", "eV/A", vec![1.0, 2.0]);
    /// let work = force.combine(Operation::Multiply, &Column::float("path", "A", vec![2.0, 3.0]))?;
    /// assert_eq!((work.numbers()?, work.unit.as_str()), (vec![2.0, 6.0], "eV"));
    /// # Ok::<(), vitric::error::Error>(())
    /// ```
    pub fn combine(&self, operation: Operation, other: &Column) -> Result<Column> {
        if operation.needs_one_unit() && self.unit != other.unit && self.is_numeric() && other.is_numeric() {
            return Err(Error::input(format!(
                "`{}` is in {} and `{}` in {}: `{}` needs one unit",
                self.name,
                named(&self.unit),
                other.name,
                named(&other.unit),
                operation.sign()
            )));
        }
        self.combine_freely(operation, other, false)
    }

    /// This column with one number, text or truth given as a column of one row; a number takes the unit it meets.
    pub fn combine_with_constant(&self, operation: Operation, constant: &Column) -> Result<Column> {
        self.combine_freely(operation, constant, false)
    }

    /// One number, text or truth, this column of one row, with another column: `1 / column`.
    pub fn constant_combined(&self, operation: Operation, column: &Column) -> Result<Column> {
        Ok(self.combine_freely(operation, column, true)?.renamed(&column.name))
    }

    /// [`Column::combine`] without looking at the units first; `left_is_number` gives sums the unit of `other`.
    pub(crate) fn combine_freely(&self, operation: Operation, other: &Column, left_is_number: bool) -> Result<Column> {
        let height = match (self.len(), other.len()) {
            (a, b) if a == b || b == 1 => a,
            (1, b) => b,
            (a, b) => {
                return Err(Error::input(format!("`{}` has {a} rows and `{}` has {b}", self.name, other.name)));
            }
        };
        let values = combined(operation, self, other, height)?;
        let (mine, theirs) = (Unit::parse(&self.unit), Unit::parse(&other.unit));
        let unit = match (operation, &values) {
            (_, Values::Boolean(_)) => String::new(),
            (Operation::Multiply, _) => mine.times(&theirs).to_string(),
            (Operation::Divide, _) => mine.per(&theirs).to_string(),
            (Operation::Power, _) if self.unit.is_empty() => String::new(),
            (Operation::Power, _) if other.len() == 1 => mine.power(other.numbers()?[0]).to_string(),
            (Operation::Power, _) => {
                return Err(Error::input(format!("`{}` has a unit, so its exponent must be one number", self.name)));
            }
            _ if left_is_number => other.unit.clone(),
            _ => self.unit.clone(),
        };
        Ok(Column { name: self.name.clone(), unit, values })
    }

    /// A function of each value.
    ///
    /// ```
    /// use vitric::table::{Column, Function};
    /// let area = Column::float("area", "A^2", vec![4.0]);
    /// assert_eq!(area.map(Function::SquareRoot)?, Column::float("area", "A", vec![2.0]));
    /// # Ok::<(), vitric::error::Error>(())
    /// ```
    pub fn map(&self, function: Function) -> Result<Column> {
        let values = match (function, &self.values) {
            (Function::Not, _) => Values::Boolean(Arc::new(self.mask()?.iter().map(|x| !x).collect())),
            (Function::Missing, _) => Values::Boolean(Arc::new((0..self.len()).map(|k| self.is_missing(k)).collect())),
            (Function::Rank, _) => Values::Float(Arc::new(ranks_of_present(&self.numbers()?))),
            (Function::Negative, Values::Integer(v)) => {
                Values::Integer(Arc::new(v.iter().map(|x| x.wrapping_neg()).collect()))
            }
            (Function::Absolute, Values::Integer(v)) => {
                Values::Integer(Arc::new(v.iter().map(|x| x.wrapping_abs()).collect()))
            }
            _ => {
                let f = function.number().unwrap_or(|x| x);
                Values::Float(Arc::new(self.numbers()?.into_iter().map(f).collect()))
            }
        };
        Ok(Column { name: self.name.clone(), unit: function.unit(&self.unit), values })
    }

    /// One value of the whole column, as a column of one row under its derived name.
    pub fn aggregate(&self, aggregate: Aggregate) -> Result<Column> {
        let name = format!("{}_{}", self.name, aggregate.suffix());
        if aggregate == Aggregate::Count {
            let count = (0..self.len()).filter(|&k| !self.is_missing(k)).count();
            return Ok(Column::integer(&name, vec![count as i64]));
        }
        if aggregate == Aggregate::First {
            return match self.len() {
                0 => Err(Error::input(format!("column `{}` has no first value", self.name))),
                _ => Ok(self.take(&[0]).renamed(&name)),
            };
        }
        Ok(Column::float(&name, &self.unit, vec![self.reduce(aggregate)?]))
    }

    /// One number of the whole column; missing numbers are left out, and what does not exist is NaN.
    pub fn reduce(&self, aggregate: Aggregate) -> Result<f64> {
        let mut x = self.numbers()?;
        x.retain(|x| !x.is_nan());
        let extreme =
            |start: f64, f: fn(f64, f64) -> f64| if x.is_empty() { f64::NAN } else { x.iter().copied().fold(start, f) };
        Ok(match aggregate {
            Aggregate::Mean => statistics::mean(&x),
            Aggregate::Median => statistics::median(&x),
            // An empty sum of floats is -0.
            Aggregate::Sum => x.iter().fold(0.0, |sum, x| sum + x),
            Aggregate::Min => extreme(f64::INFINITY, f64::min),
            Aggregate::Max => extreme(f64::NEG_INFINITY, f64::max),
            Aggregate::StandardDeviation => statistics::standard_deviation(&x),
            Aggregate::StandardError => statistics::standard_error(&x),
            Aggregate::Quantile(q) => statistics::quantile(&x, q),
            Aggregate::Count => x.len() as f64,
            Aggregate::First => x.first().copied().unwrap_or(f64::NAN),
        })
    }

    /// Mean of what is not missing.
    pub fn mean(&self) -> Result<f64> {
        self.reduce(Aggregate::Mean)
    }

    /// Sum of what is not missing.
    pub fn sum(&self) -> Result<f64> {
        self.reduce(Aggregate::Sum)
    }
}

/// The values of an operation.
fn combined(operation: Operation, left: &Column, right: &Column, height: usize) -> Result<Values> {
    let at = |column: &Column| if column.len() == 1 { 0 } else { usize::MAX };
    let (a, b) = (at(left), at(right));
    let kinds = || {
        Error::input(format!(
            "`{}` does not join {} (`{}`) and {} (`{}`)",
            operation.sign(),
            left.kind(),
            left.name,
            right.kind(),
            right.name
        ))
    };
    if matches!(operation, Operation::And | Operation::Or) {
        let (Values::Boolean(x), Values::Boolean(y)) = (&left.values, &right.values) else { return Err(kinds()) };
        let join = |k: usize| match operation {
            Operation::And => x[k.min(a)] && y[k.min(b)],
            _ => x[k.min(a)] || y[k.min(b)],
        };
        return Ok(Values::Boolean(Arc::new((0..height).map(join).collect())));
    }
    if let Some(f) = operation.number() {
        if !left.is_numeric() || !right.is_numeric() {
            return Err(kinds());
        }
        if let Some(whole) = whole_numbers(operation, left, right, height, (a, b)) {
            return Ok(whole);
        }
        let (x, y) = (left.numbers()?, right.numbers()?);
        return Ok(Values::Float(Arc::new((0..height).map(|k| f(x[k.min(a)], y[k.min(b)])).collect())));
    }
    let holds: Vec<bool> = match (&left.values, &right.values) {
        (Values::Text(x), Values::Text(y)) => {
            (0..height).map(|k| operation.holds(Some(x[k.min(a)].cmp(&y[k.min(b)])))).collect()
        }
        (Values::Boolean(x), Values::Boolean(y)) => {
            (0..height).map(|k| operation.holds(Some(x[k.min(a)].cmp(&y[k.min(b)])))).collect()
        }
        _ if left.is_numeric() && right.is_numeric() => {
            let (x, y) = (left.numbers()?, right.numbers()?);
            (0..height).map(|k| operation.holds(x[k.min(a)].partial_cmp(&y[k.min(b)]))).collect()
        }
        _ => return Err(kinds()),
    };
    Ok(Values::Boolean(Arc::new(holds)))
}

/// Sums, differences and products of whole numbers, unless one is too large.
fn whole_numbers(
    operation: Operation,
    left: &Column,
    right: &Column,
    height: usize,
    (a, b): (usize, usize),
) -> Option<Values> {
    let (Values::Integer(x), Values::Integer(y)) = (&left.values, &right.values) else { return None };
    let f: fn(i64, i64) -> Option<i64> = match operation {
        Operation::Add => i64::checked_add,
        Operation::Subtract => i64::checked_sub,
        Operation::Multiply => i64::checked_mul,
        Operation::Least => |a, b| Some(a.min(b)),
        Operation::Greatest => |a, b| Some(a.max(b)),
        _ => return None,
    };
    let values: Option<Vec<i64>> = (0..height).map(|k| f(x[k.min(a)], y[k.min(b)])).collect();
    values.map(|v| Values::Integer(Arc::new(v)))
}

/// Ranks of the numbers that are not missing.
fn ranks_of_present(x: &[f64]) -> Vec<f64> {
    let present: Vec<f64> = x.iter().copied().filter(|v| !v.is_nan()).collect();
    let mut ranks = statistics::ranks(&present).into_iter();
    x.iter().map(|v| if v.is_nan() { f64::NAN } else { ranks.next().unwrap_or(f64::NAN) }).collect()
}
