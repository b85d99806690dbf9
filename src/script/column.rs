//! Columns and expressions in scripts: arithmetic, functions, single values.

use super::options::{MOST_NUMBERS, number, shown};
use super::{Library, Options, Raw, fail};
use crate::error::Error;
use crate::table::{Aggregate, Column, Expression, Function, Operation, Table, Values};
use rhai::plugin::*;
use rhai::{Array, FuncRegistration, Map, Module};
use std::sync::Arc;

/// The operators, between two columns or expressions and with a number.
const OPERATORS: &[(&str, Operation)] = &[
    ("+", Operation::Add),
    ("-", Operation::Subtract),
    ("*", Operation::Multiply),
    ("/", Operation::Divide),
    ("**", Operation::Power),
    ("==", Operation::Equal),
    ("!=", Operation::NotEqual),
    ("<", Operation::Less),
    ("<=", Operation::LessEqual),
    (">", Operation::Greater),
    (">=", Operation::GreaterEqual),
    ("&", Operation::And),
    ("|", Operation::Or),
    ("min", Operation::Least),
    ("max", Operation::Greatest),
];

/// The functions of each value, with their help.
const FUNCTIONS: &[(&str, Function, &str)] = &[
    ("-", Function::Negative, "The negative."),
    ("!", Function::Not, "True where false."),
    ("sqrt", Function::SquareRoot, "Square root of each value; the unit follows."),
    ("exp", Function::Exponential, "Exponential of each value; a pure number."),
    ("ln", Function::Logarithm, "Natural logarithm of each value; a pure number."),
    ("log10", Function::Logarithm10, "Logarithm to base 10 of each value; a pure number."),
    ("abs", Function::Absolute, "Absolute value of each value."),
    ("sin", Function::Sine, "Sine of each value, an angle in radians."),
    ("cos", Function::Cosine, "Cosine of each value, an angle in radians."),
    ("tanh", Function::HyperbolicTangent, "Hyperbolic tangent of each value."),
    ("floor", Function::Floor, "Largest whole number below each value."),
    ("rank", Function::Rank, "Rank of each value from 1; equal values share the mean of their ranks."),
    ("is_missing", Function::Missing, "True where the value is missing (NaN, or an empty text)."),
];

/// The single values of a whole column, with their help.
const AGGREGATES: &[(&str, Aggregate, &str)] = &[
    ("mean", Aggregate::Mean, "Mean of the values that are not missing."),
    ("median", Aggregate::Median, "Median of the values that are not missing."),
    ("sum", Aggregate::Sum, "Sum of the values that are not missing."),
    ("min", Aggregate::Min, "Smallest of the values that are not missing."),
    ("max", Aggregate::Max, "Largest of the values that are not missing."),
    ("std", Aggregate::StandardDeviation, "Standard deviation (n - 1) of the values that are not missing."),
    (
        "standard_deviation",
        Aggregate::StandardDeviation,
        "Standard deviation (n - 1) of the values that are not missing.",
    ),
    ("standard_error", Aggregate::StandardError, "Standard error of the mean: std / sqrt(n)."),
    ("count", Aggregate::Count, "Number of values that are not missing."),
    ("first", Aggregate::First, "The first value."),
];

#[export_module]
mod binding {
    /// A column of a name, values and a unit.
    ///
    /// Values are numbers, texts, or true and false; `()` is a missing number.
    ///
    /// ```rhai
    /// let barrier = column("barrier", [0.5, 0.7], "eV");
    /// ```
    #[rhai_fn(name = "column", return_raw)]
    pub fn column_with_unit(name: &str, values: Array, unit: &str) -> Raw<Column> {
        Ok(super::read_column(name, &values)?.with_unit(unit))
    }

    /// A column of a name and values, without a unit.
    #[rhai_fn(name = "column", return_raw)]
    pub fn column_without_unit(name: &str, values: Array) -> Raw<Column> {
        super::read_column(name, &values)
    }

    /// Number of rows.
    #[rhai_fn(name = "len")]
    pub fn len(column: Column) -> i64 {
        column.len() as i64
    }

    /// Number of rows.
    #[rhai_fn(get = "len")]
    pub fn length(column: &mut Column) -> i64 {
        column.len() as i64
    }

    /// Name of the column.
    #[rhai_fn(get = "name")]
    pub fn name(column: &mut Column) -> String {
        column.name.clone()
    }

    /// Unit of the column.
    #[rhai_fn(get = "unit")]
    pub fn unit(column: &mut Column) -> String {
        column.unit.clone()
    }

    /// The values as an array.
    #[rhai_fn(get = "values")]
    pub fn values(column: &mut Column) -> Array {
        (0..column.len()).map(|row| super::cell(column, row)).collect()
    }

    /// One value; rows count from 0, from the end when negative.
    #[rhai_fn(index_get, return_raw)]
    pub fn value(column: &mut Column, row: i64) -> Raw<Dynamic> {
        let height = column.len() as i64;
        let place = if row < 0 { height + row } else { row };
        if !(0..height).contains(&place) {
            return fail(format!("column `{}` has {height} rows, so no row {row}", column.name));
        }
        Ok(super::cell(column, place as usize))
    }

    /// The values where a mask is true.
    #[rhai_fn(index_get, return_raw)]
    pub fn masked(column: &mut Column, mask: Column) -> Raw<Column> {
        if mask.len() != column.len() {
            return fail(format!("column `{}` has {} rows, the mask {}", column.name, column.len(), mask.len()));
        }
        let rows: Vec<usize> = mask.mask()?.iter().enumerate().filter(|(_, m)| **m).map(|(k, _)| k).collect();
        Ok(column.take(&rows))
    }

    /// The same values under another name.
    #[rhai_fn(name = "named")]
    pub fn named_column(column: Column, name: &str) -> Column {
        column.renamed(name)
    }

    /// The same values said to be in another unit; nothing is converted.
    #[rhai_fn(name = "with_unit")]
    pub fn column_in_unit(column: Column, unit: &str) -> Column {
        column.with_unit(unit)
    }

    /// The value below which this fraction of the values lies; missing values are left out.
    #[rhai_fn(name = "quantile", return_raw)]
    pub fn column_quantile(column: Column, fraction: Dynamic) -> Raw<f64> {
        Ok(column.reduce(Aggregate::Quantile(super::fraction(&fraction)?))?)
    }

    /// Counts of the values in bins of one width: a table with the middle of each bin under the column's name, `low`, `high`,
    /// `count` and `density`.
    ///
    /// - `bins`: number of bins
    /// - `width`: width of a bin, with edges at whole multiples of it; Freedman and Diaconis' rule without either
    ///
    /// ```rhai
    /// let h = column("barrier", [0.1, 0.2, 0.9], "eV").histogram(#{ width: 0.5 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn histogram(column: Column, options: Map) -> Raw<Table> {
        let options = Options::new("histogram", options, &["bins", "width"])?;
        Ok(column.histogram(options.bins()?)?)
    }

    /// The interval `[low, high]` of the mean or median of the values that are not missing, by the bootstrap.
    ///
    /// - `of`: "mean" or "median"; "mean"
    /// - `level`: confidence level, 0.95
    /// - `resamples`: bootstrap samples, 1000
    /// - `block`: rows in a run drawn as one, for values correlated along the rows; 1
    /// - `seed`: seed of the samples
    ///
    /// ```rhai
    /// let range = column("barrier", [0.5, 0.7, 0.9], "eV").confidence_interval(#{ seed: 1 });
    /// ```
    #[rhai_fn(return_raw)]
    pub fn confidence_interval(column: Column, options: Map) -> Raw<Array> {
        let options = Options::new("confidence_interval", options, &["of", "level", "resamples", "block", "seed"])?;
        let median = options.choice("of", &["mean", "median"])?.or("mean".into()) == "median";
        let aggregate = if median { Aggregate::Median } else { Aggregate::Mean };
        let level = options.between("level", 0.0, 1.0)?.or(0.95);
        let (resamples, block) =
            (options.count_between("resamples", 2, MOST_NUMBERS)?.or(1000), options.count("block")?.or(1));
        let interval = column.interval(aggregate, level, resamples, block, options.seed("seed")?)?;
        Ok(vec![interval.low.into(), interval.high.into()])
    }

    /// The column of this name, in an expression: `col("barrier") < 5.0*eV`.
    ///
    /// A number is in the unit of the column it meets: `col("stress") > 1` is 1 GPa where the column is in GPa. Units such as `GPa`
    /// and `ns` make numbers in eV, A and ps, and are for columns in these.
    ///
    /// Expressions join columns by `+ - * / **`, comparisons, `& | !`, functions such as `sqrt` and `ln`, and single
    /// values such as `.mean()`. They filter a table, add columns to it and aggregate its groups.
    ///
    /// ```rhai
    /// let t = table(#{ x: [1.0, 2.0, 3.0] }).filter(col("x") > 1 & col("x") != 3);
    /// ```
    pub fn col(name: &str) -> Expression {
        crate::table::col(name)
    }

    /// The number of rows of each group, in an aggregate.
    #[rhai_fn(name = "count")]
    pub fn count_rows() -> Expression {
        crate::table::count()
    }

    /// The same expression under another name.
    #[rhai_fn(name = "named")]
    pub fn named_expression(expression: Expression, name: &str) -> Expression {
        expression.named(name)
    }

    /// The same expression said to be in another unit; nothing is converted.
    #[rhai_fn(name = "with_unit")]
    pub fn expression_in_unit(expression: Expression, unit: &str) -> Expression {
        expression.with_unit(unit)
    }

    /// The value below which this fraction of the values lies.
    #[rhai_fn(name = "quantile", return_raw)]
    pub fn expression_quantile(expression: Expression, fraction: Dynamic) -> Raw<Expression> {
        Ok(expression.aggregate(Aggregate::Quantile(super::fraction(&fraction)?)))
    }

    /// `x ln x` of a number, with 0 ln 0 = 0.
    #[rhai_fn(name = "xlogx", return_raw)]
    pub fn number_xlogx(x: Dynamic) -> Raw<f64> {
        match number(&x) {
            Some(x) => Ok(if x == 0.0 { 0.0 } else { x * x.ln() }),
            None => fail(format!("xlogx: expected a number, found {}", shown(&x))),
        }
    }
}

/// A fraction of a quantile.
fn fraction(value: &Dynamic) -> Raw<f64> {
    let found = number(value).filter(|x| (0.0..=1.0).contains(x));
    let wrong = || Error::input(format!("quantile: the fraction must be between 0 and 1, found {}", shown(value)));
    Ok(found.ok_or_else(wrong)?)
}

/// A function of one number.
type OfOne = fn(f64) -> f64;

/// A function of two numbers.
type OfTwo = fn(f64, f64) -> f64;

/// Functions of a number that Rhai has for real ones alone, for whole ones.
const OF_WHOLE: &[(&str, OfOne)] = &[
    ("sqrt", f64::sqrt),
    ("exp", f64::exp),
    ("ln", f64::ln),
    ("log", f64::log10),
    ("sin", f64::sin),
    ("cos", f64::cos),
    ("tan", f64::tan),
    ("asin", f64::asin),
    ("acos", f64::acos),
    ("atan", f64::atan),
    ("sinh", f64::sinh),
    ("cosh", f64::cosh),
    ("tanh", f64::tanh),
    ("round", f64::round),
    ("floor", f64::floor),
    ("ceiling", f64::ceil),
    ("to_degrees", f64::to_degrees),
    ("to_radians", f64::to_radians),
];

/// The same of two numbers.
const OF_TWO: &[(&str, OfTwo)] = &[("log", f64::log), ("atan", f64::atan2), ("hypot", f64::hypot)];

/// Functions that Rhai does not have.
const OF_ANY: &[(&str, OfOne, &str)] = &[
    ("log10", f64::log10, "Logarithm of a number to base 10."),
    ("ceil", f64::ceil, "Smallest whole number above or at a number."),
];

/// Functions of numbers, whole ones too.
fn add_functions_of_numbers(module: &mut Module) {
    for &(name, function) in OF_WHOLE {
        FuncRegistration::new(name).set_into_module(module, move |x: i64| function(x as f64));
    }
    for &(name, function) in OF_TWO {
        FuncRegistration::new(name).set_into_module(module, move |x: i64, y: i64| function(x as f64, y as f64));
        FuncRegistration::new(name).set_into_module(module, move |x: i64, y: f64| function(x as f64, y));
        FuncRegistration::new(name).set_into_module(module, move |x: f64, y: i64| function(x, y as f64));
    }
    for &(name, function, text) in OF_ANY {
        let help =
            || FuncRegistration::new(name).with_comments([format!("/// {text}")]).with_params_info(["x: number"]);
        help().set_into_module(module, function);
        help().set_into_module(module, move |x: i64| function(x as f64));
    }
}

/// One value of a column.
pub(super) fn cell(column: &Column, row: usize) -> Dynamic {
    match &column.values {
        Values::Float(v) => v[row].into(),
        Values::Integer(v) => v[row].into(),
        Values::Text(v) => v[row].clone().into(),
        Values::Boolean(v) => v[row].into(),
    }
}

/// A list of values of one kind as a column; numbers may be whole or not, and `()` is missing.
pub(super) fn read_column(name: &str, values: &Array) -> Raw<Column> {
    let all = |test: fn(&Dynamic) -> bool| !values.is_empty() && values.iter().all(test);
    let values = if all(Dynamic::is_int) {
        Values::Integer(Arc::new(values.iter().filter_map(|v| v.as_int().ok()).collect()))
    } else if all(Dynamic::is_bool) {
        Values::Boolean(Arc::new(values.iter().filter_map(|v| v.as_bool().ok()).collect()))
    } else if all(Dynamic::is_string) {
        Values::Text(Arc::new(values.iter().map(|v| v.to_string()).collect()))
    } else {
        let read = |v: &Dynamic| if v.is_unit() { Some(f64::NAN) } else { number(v) };
        let wrong =
            |v: &Dynamic| Error::input(format!("column `{name}`: expected values of one kind, found {}", shown(v)));
        let numbers = values.iter().map(|v| read(v).ok_or_else(|| wrong(v))).collect::<crate::error::Result<_>>()?;
        Values::Float(Arc::new(numbers))
    };
    Ok(Column { name: name.into(), unit: String::new(), values })
}

/// A number, text or truth as a column of one row.
fn constant(value: &Dynamic) -> Option<Column> {
    if let Ok(n) = value.as_int() {
        return Some(Column::integer("value", vec![n]));
    }
    if let Some(text) = value.read_lock::<rhai::ImmutableString>() {
        return Some(Column::text("value", vec![text.to_string()]));
    }
    let truth = value.as_bool().ok().map(|b| Column::boolean("value", vec![b]));
    truth.or_else(|| value.as_float().ok().map(|x| Column::float("value", "", vec![x])))
}

/// A value beside an operator, or what is wrong with it.
fn operand(sign: &str, value: &Dynamic) -> Raw<Column> {
    let wrong = || match value.is_unit() {
        true => Error::input(format!(
            "`{sign}`: a column does not combine with (); what is missing is found by is_missing()"
        )),
        false => Error::input(format!("`{sign}`: a column does not combine with {}", shown(value))),
    };
    Ok(constant(value).ok_or_else(wrong)?)
}

/// Adds the operators of columns and of expressions.
fn add_operators(module: &mut Module) {
    // An option that was not given is (), and a column is none of those.
    for (sign, answer) in [("==", false), ("!=", true)] {
        FuncRegistration::new(sign).set_into_module(module, move |_: Column, (): ()| answer);
    }
    for &(sign, operation) in OPERATORS {
        let help = |left: &str, right: &str| {
            let text = match sign {
                "min" => "/// The smaller of two, row by row.",
                "max" => "/// The larger of two, row by row.",
                _ => "",
            };
            FuncRegistration::new(sign).with_comments([text]).with_params_info([left, right])
        };
        help("column: Column", "other: Column")
            .set_into_module(module, move |a: Column, b: Column| -> Raw<Column> { Ok(a.combine(operation, &b)?) });
        help("column: Column", "other: Dynamic").set_into_module(module, move |a: Column, b: Dynamic| -> Raw<Column> {
            Ok(a.combine_with_constant(operation, &operand(sign, &b)?)?)
        });
        help("value: Dynamic", "column: Column").set_into_module(module, move |a: Dynamic, b: Column| -> Raw<Column> {
            Ok(operand(sign, &a)?.constant_combined(operation, &b)?)
        });
        help("expression: Expression", "other: Expression")
            .set_into_module(module, move |a: Expression, b: Expression| a.binary(operation, b));
        help("expression: Expression", "other: Dynamic").set_into_module(
            module,
            move |a: Expression, b: Dynamic| -> Raw<Expression> {
                Ok(a.binary(operation, Expression::Constant(operand(sign, &b)?)))
            },
        );
        help("value: Dynamic", "expression: Expression").set_into_module(
            module,
            move |a: Dynamic, b: Expression| -> Raw<Expression> {
                Ok(Expression::Constant(operand(sign, &a)?).binary(operation, b))
            },
        );
    }
}

/// Adds the functions and aggregates of columns and of expressions.
fn add_functions(module: &mut Module) {
    for &(name, function, text) in FUNCTIONS {
        let help = |subject: &str| {
            FuncRegistration::new(name).with_comments([format!("/// {text}")]).with_params_info([subject])
        };
        help("column: Column").set_into_module(module, move |a: Column| -> Raw<Column> { Ok(a.map(function)?) });
        help("expression: Expression").set_into_module(module, move |a: Expression| a.unary(function));
    }
    for &(name, aggregate, text) in AGGREGATES {
        let help = |subject: &str| {
            FuncRegistration::new(name).with_comments([format!("/// {text}")]).with_params_info([subject])
        };
        help("column: Column")
            .set_into_module(module, move |a: Column| -> Raw<Dynamic> { Ok(cell(&a.aggregate(aggregate)?, 0)) });
        help("expression: Expression").set_into_module(module, move |a: Expression| a.aggregate(aggregate));
        if ["mean", "median", "sum", "min", "max", "std"].contains(&name) {
            FuncRegistration::new(name)
                .with_comments(["/// The same of a list of numbers."])
                .with_params_info(["list: Array"])
                .set_into_module(module, move |list: Array| -> Raw<Dynamic> {
                    Ok(cell(&read_column(name, &list)?.aggregate(aggregate)?, 0))
                });
        }
    }
    module.set_iter(std::any::TypeId::of::<Column>(), |value| {
        let column = value.cast::<Column>();
        Box::new((0..column.len()).map(move |row| cell(&column, row)))
    });
}

pub(super) fn register(library: &mut Library) {
    library.value::<Column>("Column", Column::to_string);
    library.value::<Expression>("Expression", Expression::to_string);
    let mut module = exported_module!(binding);
    add_operators(&mut module);
    add_functions(&mut module);
    library.add("columns", module);
    // Not under a topic: Rhai's own pages explain most of them.
    let mut numbers = Module::new();
    add_functions_of_numbers(&mut numbers);
    library.engine().register_global_module(numbers.into());
}
