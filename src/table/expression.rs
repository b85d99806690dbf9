//! Expressions over the columns of a table.

use std::fmt;

use crate::error::{Error, Result};
use crate::table::arithmetic::{Aggregate, Function, Operation};
use crate::table::{Column, Table};

/// A formula over columns, with a value once it meets a table.
///
/// ```
/// use vitric::table::{Column, Table, col};
/// let table = Table::from_columns(vec![Column::float("barrier", "eV", vec![1.0, 2.0, 6.0])])?;
/// let low = table.filter(&col("barrier").less(5.0))?;
/// assert_eq!(low.height(), 2);
/// assert_eq!((col("barrier") * 2.0).mean().evaluate(&low)?.title(), "barrier_mean [eV]");
/// # Ok::<(), vitric::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// The column of this name.
    Column(String),
    /// One number, text or truth, the same in every row; a number takes the unit of the column it meets.
    Constant(Column),
    /// An operation on two expressions, row by row.
    Binary(Operation, Box<Expression>, Box<Expression>),
    /// A function of an expression, row by row.
    Unary(Function, Box<Expression>),
    /// One value of a whole expression.
    Aggregate(Aggregate, Box<Expression>),
    /// The number of rows.
    Count,
    /// An expression under another name.
    Named(Box<Expression>, String),
    /// An expression said to be in another unit; nothing is converted.
    Unit(Box<Expression>, String),
}

/// The column of this name.
pub fn col(name: &str) -> Expression {
    Expression::Column(name.into())
}

/// The number of rows, of a table or of each group.
pub fn count() -> Expression {
    Expression::Count
}

/// A number, text or truth, the same in every row.
pub fn value(value: impl Into<Expression>) -> Expression {
    value.into()
}

impl From<f64> for Expression {
    fn from(x: f64) -> Expression {
        Expression::Constant(Column::float("value", "", vec![x]))
    }
}

impl From<i64> for Expression {
    fn from(x: i64) -> Expression {
        Expression::Constant(Column::integer("value", vec![x]))
    }
}

impl From<&str> for Expression {
    fn from(x: &str) -> Expression {
        Expression::Constant(Column::text("value", vec![x.into()]))
    }
}

impl From<bool> for Expression {
    fn from(x: bool) -> Expression {
        Expression::Constant(Column::boolean("value", vec![x]))
    }
}

impl Expression {
    /// This expression and another, joined by an operation.
    pub fn binary(self, operation: Operation, other: impl Into<Expression>) -> Expression {
        Expression::Binary(operation, Box::new(self), Box::new(other.into()))
    }

    /// A function of this expression, row by row.
    pub fn unary(self, function: Function) -> Expression {
        Expression::Unary(function, Box::new(self))
    }

    /// One value of this expression.
    pub fn aggregate(self, aggregate: Aggregate) -> Expression {
        Expression::Aggregate(aggregate, Box::new(self))
    }

    /// True where equal.
    pub fn equal(self, other: impl Into<Expression>) -> Expression {
        self.binary(Operation::Equal, other)
    }

    /// True where less.
    pub fn less(self, other: impl Into<Expression>) -> Expression {
        self.binary(Operation::Less, other)
    }

    /// True where greater.
    pub fn greater(self, other: impl Into<Expression>) -> Expression {
        self.binary(Operation::Greater, other)
    }

    /// Mean, named `x_mean`.
    pub fn mean(self) -> Expression {
        self.aggregate(Aggregate::Mean)
    }

    /// Standard error of the mean, named `x_standard_error`.
    pub fn standard_error(self) -> Expression {
        self.aggregate(Aggregate::StandardError)
    }

    /// The same expression under another name.
    pub fn named(self, name: &str) -> Expression {
        Expression::Named(Box::new(self), name.into())
    }

    /// The same expression said to be in another unit; nothing is converted.
    pub fn with_unit(self, unit: &str) -> Expression {
        Expression::Unit(Box::new(self), unit.into())
    }

    /// The name of the result: that of the first column used, with `_mean` and the like.
    pub fn name(&self) -> String {
        match self {
            Expression::Column(name) | Expression::Named(_, name) => name.clone(),
            Expression::Constant(_) => "value".into(),
            Expression::Binary(_, a, b) if matches!(**a, Expression::Constant(_)) => b.name(),
            Expression::Binary(_, a, _) | Expression::Unary(_, a) | Expression::Unit(a, _) => a.name(),
            Expression::Aggregate(aggregate, a) => format!("{}_{}", a.name(), aggregate.suffix()),
            Expression::Count => "count".into(),
        }
    }

    /// The names of the columns used.
    pub fn columns(&self) -> Vec<String> {
        match self {
            Expression::Column(name) => vec![name.clone()],
            Expression::Constant(_) | Expression::Count => Vec::new(),
            Expression::Binary(_, a, b) => [a.columns(), b.columns()].concat(),
            Expression::Unary(_, a)
            | Expression::Aggregate(_, a)
            | Expression::Named(a, _)
            | Expression::Unit(a, _) => a.columns(),
        }
    }

    /// The value for a table: a column of its height, or of one row for what is the same in every row.
    pub fn evaluate(&self, table: &Table) -> Result<Column> {
        let columns = self.columns().iter().map(|n| table.column(n)).collect::<Result<Vec<_>>>()?;
        self.evaluate_over(&columns, table.height())
    }

    /// The value over these columns of `height` rows, which hold every column used.
    pub(crate) fn evaluate_over(&self, columns: &[Column], height: usize) -> Result<Column> {
        let value = |e: &Expression| e.evaluate_over(columns, height);
        match self {
            Expression::Column(name) => {
                let found = columns.iter().find(|c| c.name == *name);
                found.cloned().ok_or_else(|| Error::input(format!("no column `{name}`")))
            }
            Expression::Constant(column) => Ok(column.clone()),
            Expression::Count => Ok(Column::integer("count", vec![height as i64])),
            Expression::Binary(operation, a, b) => {
                let (left, right) = (value(a)?, value(b)?);
                let result = match (a.is_constant(), b.is_constant()) {
                    (false, false) => left.combine(*operation, &right)?,
                    (constant, _) => left.combine_freely(*operation, &right, constant)?,
                };
                Ok(result.renamed(&self.name()))
            }
            Expression::Unary(function, a) => value(a)?.map(*function),
            // A constant under an aggregate, and a column of one value, both stand for every row.
            Expression::Aggregate(aggregate, a) => value(a)?.repeated(height).aggregate(*aggregate),
            Expression::Named(a, name) => Ok(value(a)?.renamed(name)),
            Expression::Unit(a, unit) => Ok(value(a)?.with_unit(unit)),
        }
    }

    /// True when the value is one for all rows, not one for each.
    pub(crate) fn is_single(&self) -> bool {
        match self {
            Expression::Column(_) => false,
            Expression::Constant(_) | Expression::Count | Expression::Aggregate(..) => true,
            Expression::Binary(_, a, b) => a.is_single() && b.is_single(),
            Expression::Unary(_, a) | Expression::Named(a, _) | Expression::Unit(a, _) => a.is_single(),
        }
    }

    /// True when no column takes part, so that there is no unit to respect.
    fn is_constant(&self) -> bool {
        match self {
            Expression::Constant(_) => true,
            Expression::Column(_) | Expression::Count | Expression::Unit(..) => false,
            Expression::Binary(_, a, b) => a.is_constant() && b.is_constant(),
            Expression::Unary(_, a) | Expression::Aggregate(_, a) | Expression::Named(a, _) => a.is_constant(),
        }
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let bracket = |e: &Expression| match e {
            Expression::Binary(..) => format!("({e})"),
            _ => e.to_string(),
        };
        match self {
            Expression::Column(name) => write!(f, "{name}"),
            Expression::Constant(c) => match &c.values {
                crate::table::Values::Text(v) => write!(f, "{:?}", v[0]),
                crate::table::Values::Float(v) => write!(f, "{}", v[0]),
                _ => write!(f, "{}", c.cells(0..1)[0]),
            },
            Expression::Binary(o @ (Operation::Least | Operation::Greatest), a, b) => {
                write!(f, "{}({a}, {b})", o.sign())
            }
            Expression::Binary(o, a, b) => write!(f, "{} {} {}", bracket(a), o.sign(), bracket(b)),
            Expression::Unary(Function::Negative, a) => write!(f, "-{}", bracket(a)),
            Expression::Unary(Function::Not, a) => write!(f, "!{}", bracket(a)),
            Expression::Unary(function, a) => write!(f, "{}({a})", function.name()),
            Expression::Aggregate(aggregate, a) => write!(f, "{}.{aggregate}()", bracket(a)),
            Expression::Count => write!(f, "count()"),
            Expression::Named(a, name) => write!(f, "{name} = {a}"),
            Expression::Unit(a, unit) => write!(f, "{} [{unit}]", bracket(a)),
        }
    }
}

/// `a + b`, with an expression or a number on the right.
macro_rules! operator {
    ($operator:ident, $method:ident, $operation:ident) => {
        impl<T: Into<Expression>> std::ops::$operator<T> for Expression {
            type Output = Expression;
            fn $method(self, other: T) -> Expression {
                self.binary(Operation::$operation, other)
            }
        }
    };
}

operator!(Add, add, Add);
operator!(Sub, sub, Subtract);
operator!(Mul, mul, Multiply);
operator!(Div, div, Divide);
operator!(BitAnd, bitand, And);
operator!(BitOr, bitor, Or);

impl std::ops::Neg for Expression {
    type Output = Expression;
    fn neg(self) -> Expression {
        self.unary(Function::Negative)
    }
}

impl std::ops::Not for Expression {
    type Output = Expression;
    fn not(self) -> Expression {
        self.unary(Function::Not)
    }
}

impl Table {
    /// The rows for which `condition` is true; a comparison with a missing number is false.
    pub fn filter(&self, condition: &Expression) -> Result<Table> {
        let mask = condition.evaluate(self).map_err(|e| e.within("filter"))?.repeated(self.height());
        match mask.mask() {
            Ok(mask) => self.filter_mask(mask),
            Err(_) => Err(Error::input(format!("filter: `{condition}` is not a condition; compare it with something"))),
        }
    }

    /// The table with the value of an expression as column `name`.
    pub fn with_expression(&self, name: &str, expression: &Expression) -> Result<Table> {
        let column = expression.evaluate(self).map_err(|e| e.within("with_column"))?;
        self.with_column(column.repeated(self.height()).renamed(name))
    }
}
