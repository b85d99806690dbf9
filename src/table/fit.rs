//! Fits to columns, and what is drawn of them.

use std::fmt;

use crate::error::{Error, Result};
use crate::math::fit::{Decay, Line};
use crate::table::column::named;
use crate::table::unit::Unit;
use crate::table::{Column, Table};

/// A straight line fitted to two columns.
#[derive(Clone, Debug, PartialEq)]
pub struct LineFit {
    /// Name of the column along x.
    pub x: String,
    /// Name of the column along y.
    pub y: String,
    /// Unit of x.
    pub x_unit: String,
    /// Unit of y.
    pub y_unit: String,
    /// The line.
    pub line: Line,
    /// Smallest and largest x fitted.
    pub range: (f64, f64),
}

/// An exponential decay fitted to two columns.
#[derive(Clone, Debug, PartialEq)]
pub struct DecayFit {
    /// Name of the column along x.
    pub x: String,
    /// Name of the column along y.
    pub y: String,
    /// Unit of x, and of the decay length.
    pub x_unit: String,
    /// Unit of y, and of the amplitude.
    pub y_unit: String,
    /// The decay.
    pub decay: Decay,
    /// Smallest and largest x fitted.
    pub range: (f64, f64),
}

impl Table {
    /// The least-squares line through the rows where no number is missing; `error` names the column of the standard
    /// error of y, whose inverse squares are the weights.
    ///
    /// ```
    /// use vitric::table::{Column, Table};
    /// let table = Table::from_columns(vec![
    ///     Column::float("x", "A", vec![0.0, 1.0, 2.0]),
    ///     Column::float("y", "eV", vec![1.0, 3.0, 5.0]),
    /// ])?;
    /// let fit = table.fit_line("x", "y", None)?;
    /// assert_eq!(fit.slope_unit(), "eV/A");
    /// # Ok::<(), vitric::error::Error>(())
    /// ```
    pub fn fit_line(&self, x: &str, y: &str, error: Option<&str>) -> Result<LineFit> {
        let (a, b) = (self.column(x), self.column(y));
        let (a, b) = (a.map_err(|e| e.within("fit_line"))?, b.map_err(|e| e.within("fit_line"))?);
        let errors = error.map(|name| self.column(name)?.numbers()).transpose().map_err(|e| e.within("fit_line"))?;
        let numbers = |column: &Column| column.finite_numbers().map_err(|e| e.within("fit_line"));
        let (xs, ys) = (numbers(&a)?, numbers(&b)?);
        let finite =
            |k: &usize| xs[*k].is_finite() && ys[*k].is_finite() && errors.as_ref().is_none_or(|e| e[*k].is_finite());
        let rows: Vec<usize> = (0..self.height()).filter(finite).collect();
        if let (true, Some(name)) = (rows.is_empty() && self.height() > 0, error) {
            return Err(Error::input(format!(
                "fit_line: there is no row with a number in each of `{x}`, `{y}` and `{name}`"
            )));
        }
        let of = |v: &[f64]| rows.iter().map(|&k| v[k]).collect::<Vec<f64>>();
        let (xs, ys, errors) = (of(&xs), of(&ys), errors.map(|e| of(&e)));
        let line = Line::fit(&xs, &ys, errors.as_deref())?;
        Ok(LineFit { x: x.into(), y: y.into(), x_unit: a.unit, y_unit: b.unit, line, range: range(&xs) })
    }

    /// The exponential decay through the rows with `from <= x <= to`: a line through ln y, or least squares in y itself.
    pub fn fit_exponential(&self, x: &str, y: &str, from: f64, to: f64, logarithm: bool) -> Result<DecayFit> {
        let pairs = self.pairs(x, y).map_err(|e| e.within("fit_exponential"))?;
        let inside = pairs.0.into_iter().zip(pairs.1).filter(|(x, _)| (from..=to).contains(x));
        let (xs, ys): (Vec<f64>, Vec<f64>) = inside.unzip();
        if xs.is_empty() {
            return Err(Error::input(format!("fit_exponential: there is no row with `{x}` from {from} to {to}")));
        }
        let decay = if logarithm { Decay::fit_logarithm(&xs, &ys)? } else { Decay::fit(&xs, &ys)? };
        let (x_unit, y_unit) = (self.unit(x)?.to_string(), self.unit(y)?.to_string());
        Ok(DecayFit { x: x.into(), y: y.into(), x_unit, y_unit, decay, range: range(&xs) })
    }
}

/// Smallest and largest number.
fn range(x: &[f64]) -> (f64, f64) {
    x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(x), high.max(x)))
}

/// `points` numbers from one end of a range to the other.
fn spaced((low, high): (f64, f64), points: usize) -> Vec<f64> {
    let step = (high - low) / (points.max(2) - 1) as f64;
    (0..points.max(2)).map(|k| low + step * k as f64).collect()
}

impl LineFit {
    /// Unit of the slope.
    pub fn slope_unit(&self) -> String {
        Unit::parse(&self.y_unit).per(&Unit::parse(&self.x_unit)).to_string()
    }

    /// The two ends of the line, as a table with the names and units of the columns fitted.
    pub fn curve(&self) -> Result<Table> {
        let x = vec![self.range.0, self.range.1];
        let y = x.iter().map(|&x| self.line.at(x)).collect();
        Table::from_columns(vec![Column::float(&self.x, &self.x_unit, x), Column::float(&self.y, &self.y_unit, y)])
    }
}

impl DecayFit {
    /// The decay over the range fitted, as a table with the names and units of the columns fitted.
    pub fn curve(&self, points: usize) -> Result<Table> {
        let x = spaced(self.range, points);
        let y = x.iter().map(|&x| self.decay.at(x)).collect();
        Table::from_columns(vec![Column::float(&self.x, &self.x_unit, x), Column::float(&self.y, &self.y_unit, y)])
    }
}

/// A number with its standard error, both with the digits that the error leaves.
pub(crate) fn with_error(value: f64, error: f64) -> String {
    // An error below the last digit of a number is that of its rounding.
    if !(error > 1e-13 * value.abs() && error.is_finite()) {
        return format!("{value:.4e}").parse::<f64>().map_or_else(|_| value.to_string(), |x| x.to_string());
    }
    let place = error.log10().floor() as i32;
    if (-6..=5).contains(&place) {
        let digits = (1 - place).max(0) as usize;
        return format!("{value:.digits$} ± {error:.digits$}");
    }
    format!("({:.2} ± {:.2})e{place}", value / 10f64.powi(place), error / 10f64.powi(place))
}

/// A unit after a number.
pub(crate) fn spaced_unit(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" {unit}") }
}

impl fmt::Display for LineFit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let line = &self.line;
        write!(
            f,
            "{} = ({}){} + ({}){} {}; {} points, r_P {:.3}",
            self.y,
            with_error(line.intercept, line.intercept_error),
            spaced_unit(&self.y_unit),
            with_error(line.slope, line.slope_error),
            spaced_unit(&self.slope_unit()),
            self.x,
            line.count,
            line.r
        )
    }
}

impl fmt::Display for DecayFit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let decay = &self.decay;
        write!(
            f,
            "{} = ({}){} exp(-{} / length), length = ({}) {}; {} points from {} to {}",
            self.y,
            with_error(decay.amplitude, decay.amplitude_error),
            spaced_unit(&self.y_unit),
            self.x,
            with_error(decay.length, decay.length_error),
            named(&self.x_unit),
            decay.count,
            self.range.0,
            self.range.1
        )
    }
}
