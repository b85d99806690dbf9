//! What can be drawn on a panel: points, lines, histograms, bars, fits and reference lines.

use crate::error::{Error, Result};
use crate::math::histogram::Bins;
use crate::plot::axis::{Scale, Span};
use crate::plot::label::axis_label;
use crate::plot::map::{Bubbles, Map};
use crate::plot::theme::{Color, Marker};
use crate::table::{Column, Values};

/// Numbers with the name and unit that label their axis; NaN stands for a missing number and is not drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Data {
    /// The numbers.
    pub values: Vec<f64>,
    /// Name such as `vibrational_msd`; may be empty.
    pub name: String,
    /// Unit such as `A^2`; empty for a pure number.
    pub unit: String,
}

impl Data {
    /// The numbers of a column, with its name and unit.
    pub fn of(column: &Column) -> Result<Data> {
        let values = match &column.values {
            Values::Float(v) => v.to_vec(),
            Values::Integer(v) => v.iter().map(|i| *i as f64).collect(),
            Values::Boolean(v) => v.iter().map(|b| f64::from(u8::from(*b))).collect(),
            Values::Text(_) => {
                return Err(Error::input(format!("column `{}` holds text; a figure needs numbers", column.name)));
            }
        };
        Ok(Data { values, name: column.name.clone(), unit: column.unit.clone() })
    }

    /// The same numbers under another name and unit.
    pub fn named(self, name: &str, unit: &str) -> Data {
        Data { name: name.into(), unit: unit.into(), ..self }
    }

    /// The text that an axis of these numbers bears.
    pub fn label(&self) -> String {
        axis_label(&self.name, &self.unit)
    }

    fn describe(&self, role: &str) -> String {
        if self.name.is_empty() { role.to_string() } else { format!("{role} (`{}`)", self.name) }
    }
}

impl From<Vec<f64>> for Data {
    fn from(values: Vec<f64>) -> Data {
        Data { values, ..Data::default() }
    }
}

impl From<&[f64]> for Data {
    fn from(values: &[f64]) -> Data {
        values.to_vec().into()
    }
}

impl<const N: usize> From<[f64; N]> for Data {
    fn from(values: [f64; N]) -> Data {
        values.to_vec().into()
    }
}

impl From<&Vec<f64>> for Data {
    fn from(values: &Vec<f64>) -> Data {
        values.clone().into()
    }
}

/// One thing drawn on a panel.
#[derive(Clone, Debug, PartialEq)]
pub enum Mark {
    /// Markers at points, with error bars.
    Points(Points),
    /// A line through points.
    Line(Line),
    /// Bars over intervals.
    Histogram(Histogram),
    /// Groups of bars over names.
    Bars(Bars),
    /// A coloured field.
    Map(Map),
    /// Circles of given radius.
    Bubbles(Bubbles),
    /// A straight line through the points drawn before it.
    Fit(Fit),
    /// A horizontal or vertical line.
    Reference(Reference),
}

macro_rules! into_mark {
    ($($name:ident),*) => {
        $(impl From<$name> for Mark {
            fn from(mark: $name) -> Mark {
                Mark::$name(mark)
            }
        })*
    };
}
into_mark!(Points, Line, Histogram, Bars, Map, Bubbles, Fit, Reference);

/// Markers at points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// Abscissae.
    pub x: Data,
    /// Ordinates.
    pub y: Data,
    /// Half length of each vertical error bar; empty for none.
    pub error: Vec<f64>,
    /// Half length of each horizontal error bar; empty for none.
    pub x_error: Vec<f64>,
    /// Text in the legend; empty for none.
    pub label: String,
    /// Colour; `None` takes the next of the palette.
    pub color: Option<Color>,
    /// Shape; `None` takes the next of [`Marker::ORDER`].
    pub marker: Option<Marker>,
    /// Radius of a marker [pixel]; `None` takes one that suits the number of points.
    pub size: Option<f64>,
    /// True measures `y` on the right axis.
    pub right: bool,
}

impl Points {
    /// Markers at the points of two lists.
    pub fn new(x: impl Into<Data>, y: impl Into<Data>) -> Points {
        Points { x: x.into(), y: y.into(), ..Points::default() }
    }
}

/// A line through points in their order; NaN breaks it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Line {
    /// Abscissae.
    pub x: Data,
    /// Ordinates.
    pub y: Data,
    /// Text in the legend; empty for none.
    pub label: String,
    /// Colour; `None` takes the next of the palette.
    pub color: Option<Color>,
    /// True for dashes.
    pub dashed: bool,
    /// Width [pixel]; `None` takes that of the theme.
    pub width: Option<f64>,
    /// True for a curve that goes with other data, such as a fit over a histogram: it does not name the axes.
    pub guide: bool,
    /// True measures `y` on the right axis.
    pub right: bool,
}

impl Line {
    /// A line through the points of two lists.
    pub fn new(x: impl Into<Data>, y: impl Into<Data>) -> Line {
        Line { x: x.into(), y: y.into(), ..Line::default() }
    }
}

/// Bars over adjacent intervals.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Limits of the intervals, rising, one more than there are bars; name and unit label the axis.
    pub edges: Data,
    /// Height of each bar.
    pub heights: Data,
    /// Text in the legend; empty for none.
    pub label: String,
    /// Colour; `None` takes the next of the palette.
    pub color: Option<Color>,
}

impl Histogram {
    /// Count the finite values in bins, as [`crate::math::histogram`] does. With `density` the area is one.
    pub fn of_values(data: &Data, bins: Bins, density: bool) -> Result<Histogram> {
        let values: Vec<f64> = data.values.iter().copied().filter(|v| v.is_finite()).collect();
        if values.is_empty() {
            return Err(Error::input(format!("histogram: no finite number in {}", data.describe("values"))));
        }
        let found = crate::math::histogram::Histogram::new(&values, bins)?;
        let heights = if density { found.density() } else { found.counts.iter().map(|n| *n as f64).collect() };
        let edges: Vec<f64> = (0..=heights.len()).map(|i| found.start + i as f64 * found.width).collect();
        let edges = Data::from(edges).named(&data.name, &data.unit);
        Ok(Histogram { heights: heights_named(heights, density, &data.unit), edges, ..Histogram::default() })
    }

    /// Bars of given heights over intervals centred on equally spaced values.
    pub fn of_counts(centers: &Data, heights: &Data) -> Result<Histogram> {
        let x = &centers.values;
        if x.len() < 2 || x.len() != heights.values.len() {
            let message = format!(
                "histogram: needs two or more bins with one height each, found {} and {}",
                x.len(),
                heights.values.len()
            );
            return Err(Error::input(message));
        }
        let half = 0.5 * (x[x.len() - 1] - x[0]) / (x.len() - 1) as f64;
        let uneven = x.windows(2).any(|p| !((p[1] - p[0] - 2.0 * half).abs() <= 1e-6 * half.abs()));
        if uneven || half <= 0.0 {
            return Err(Error::input("histogram: the centres of the bins must rise in equal steps"));
        }
        let edges: Vec<f64> = x.iter().map(|c| c - half).chain([x[x.len() - 1] + half]).collect();
        let edges = Data::from(edges).named(&centers.name, &centers.unit);
        Ok(Histogram { edges, heights: heights.clone(), ..Histogram::default() })
    }
}

fn heights_named(heights: Vec<f64>, density: bool, unit: &str) -> Data {
    let inverse = match unit {
        "" | "1" => String::new(),
        simple if simple.chars().all(char::is_alphabetic) => format!("{simple}^-1"),
        other => format!("1/({other})"),
    };
    let heights = Data::from(heights);
    if density { heights.named("probability_density", &inverse) } else { heights.named("count", "") }
}

/// Groups of bars: one group for each name, one bar in it for each series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bars {
    /// Text under each group.
    pub names: Vec<String>,
    /// Heights of each series, one for each name; the name of a series is its text in the legend.
    pub series: Vec<Data>,
    /// Half length of the error bars of each series; empty for none.
    pub errors: Vec<Vec<f64>>,
    /// Text in the legend for each series; empty takes the names of the series.
    pub labels: Vec<String>,
    /// Colours of the series; empty takes the palette.
    pub colors: Vec<Color>,
}

impl Bars {
    /// Bars of one or more series over names.
    pub fn new<N: Into<String>>(names: impl IntoIterator<Item = N>, series: Vec<Data>) -> Bars {
        Bars { names: names.into_iter().map(Into::into).collect(), series, ..Bars::default() }
    }
}

/// What a fit says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FitNote {
    /// Pearson's correlation coefficient, as `r_P`.
    #[default]
    Pearson,
    /// The equation of the line.
    Equation,
    /// The length over which an exponential falls by e, as `ξ`.
    Decay,
    /// Nothing.
    None,
}

impl FitNote {
    /// The note of a name: `pearson`, `equation`, `decay` or `none`.
    pub fn named(name: &str) -> Result<FitNote> {
        match name {
            "pearson" => Ok(FitNote::Pearson),
            "equation" => Ok(FitNote::Equation),
            "decay" => Ok(FitNote::Decay),
            "none" => Ok(FitNote::None),
            _ => Err(Error::input(format!("no fit note `{name}`: use pearson, equation, decay or none"))),
        }
    }
}

/// The straight line of least squares through the points or line drawn last before it, straight on the axes as they
/// are drawn: on a logarithmic y axis it is the exponential `ln y = a + b x`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fit {
    /// Only points of `from <= x <= to` count; infinite limits stand for all.
    pub window: Option<(f64, f64)>,
    /// What is written about it.
    pub note: FitNote,
    /// Text in the legend; empty for none.
    pub label: String,
    /// Colour; `None` takes a darker shade of the points.
    pub color: Option<Color>,
    /// True for dashes.
    pub dashed: bool,
}

/// A straight line across the panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Reference {
    /// Where it stands.
    pub value: f64,
    /// True for a line at one `x`, false for a line at one `y`.
    pub vertical: bool,
    /// Text in the legend; empty for none.
    pub label: String,
    /// Colour; `None` is grey.
    pub color: Option<Color>,
    /// True for dashes.
    pub dashed: bool,
}

impl Reference {
    /// A dashed line at one `y`.
    pub fn horizontal(value: f64) -> Reference {
        Reference { value, vertical: false, label: String::new(), color: None, dashed: true }
    }

    /// A dashed line at one `x`.
    pub fn vertical(value: f64) -> Reference {
        Reference { vertical: true, ..Reference::horizontal(value) }
    }
}

/// What a straight line found: `v = intercept + slope u`, with `u`, `v` as the axes measure them (decimal logarithms on
/// a logarithmic axis).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Straight {
    pub intercept: f64,
    pub slope: f64,
    pub pearson: f64,
    pub low: f64,
    pub high: f64,
}

impl Fit {
    /// Least squares on axes of the given scales.
    pub(crate) fn straight(&self, x: &[f64], y: &[f64], scales: (Scale, Scale)) -> Result<Straight> {
        let (from, to) = self.window.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let measure = |scale, v| Span { low: 1.0, high: 10.0, scale }.measure(v);
        let points: Vec<(f64, f64)> = x
            .iter()
            .zip(y)
            .filter(|(x, _)| **x >= from && **x <= to)
            .map(|(x, y)| (measure(scales.0, *x), measure(scales.1, *y)))
            .filter(|(u, v)| u.is_finite() && v.is_finite())
            .collect();
        let n = points.len() as f64;
        let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / n;
        let (u, v) = (mean(|p| p.0), mean(|p| p.1));
        let sum = |f: &dyn Fn(f64, f64) -> f64| points.iter().map(|p| f(p.0 - u, p.1 - v)).sum::<f64>();
        let (uu, uv, vv) = (sum(&|a, _| a * a), sum(&|a, b| a * b), sum(&|_, b| b * b));
        if points.len() < 2 || uu <= 0.0 {
            return Err(Error::input(format!(
                "fit_line: needs points at two or more different x, found {} to fit",
                points.len()
            )));
        }
        let slope = uv / uu;
        let ends = points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |e, p| (e.0.min(p.0), e.1.max(p.0)));
        Ok(Straight { intercept: v - slope * u, slope, pearson: uv / (uu * vv).sqrt(), low: ends.0, high: ends.1 })
    }
}

impl Mark {
    /// An error when there is nothing to draw or lists do not match.
    pub fn check(&self) -> Result<()> {
        match self {
            Mark::Points(p) => {
                pairs("points", &p.x, &p.y)?;
                same_length("points", "error", &p.error, p.x.values.len())?;
                for (name, errors) in [("error", &p.error), ("x_error", &p.x_error)] {
                    if let Some(error) = errors.iter().find(|e| **e < 0.0) {
                        return Err(Error::input(format!("points: `{name}` must not be negative, found {error}")));
                    }
                }
                same_length("points", "x_error", &p.x_error, p.x.values.len())
            }
            Mark::Line(l) => pairs("line", &l.x, &l.y),
            Mark::Histogram(h) => h.check(),
            Mark::Bars(b) => b.check(),
            Mark::Map(m) => m.check(),
            Mark::Bubbles(b) => b.check(),
            Mark::Fit(_) => Ok(()),
            Mark::Reference(r) if r.value.is_finite() => Ok(()),
            Mark::Reference(r) => {
                let call = if r.vertical { "vertical" } else { "horizontal" };
                Err(Error::input(format!("{call}: needs a finite number, found {}", r.value)))
            }
        }
    }

    pub(crate) fn right(&self) -> bool {
        matches!(self, Mark::Points(Points { right: true, .. }) | Mark::Line(Line { right: true, .. }))
    }

    /// The lists that name the axes.
    pub(crate) fn axes(&self) -> Option<(&Data, &Data)> {
        match self {
            Mark::Points(p) => Some((&p.x, &p.y)),
            Mark::Line(l) => Some((&l.x, &l.y)),
            Mark::Histogram(h) => Some((&h.edges, &h.heights)),
            Mark::Bubbles(b) => Some((&b.x, &b.y)),
            _ => None,
        }
    }

    pub(crate) fn label(&self) -> &str {
        match self {
            Mark::Points(p) => &p.label,
            Mark::Line(l) => &l.label,
            Mark::Histogram(h) => &h.label,
            Mark::Bubbles(b) => &b.label,
            Mark::Fit(f) => &f.label,
            Mark::Reference(r) => &r.label,
            Mark::Bars(_) | Mark::Map(_) => "",
        }
    }
}

impl Histogram {
    fn check(&self) -> Result<()> {
        let (edges, heights) = (&self.edges.values, &self.heights.values);
        if heights.is_empty() || edges.len() != heights.len() + 1 {
            let (e, h) = (edges.len(), heights.len());
            return Err(Error::input(format!("histogram: needs one more edge than heights, found {e} and {h}")));
        }
        if edges.windows(2).any(|p| p[0] >= p[1]) || edges.iter().chain(heights).any(|v| !v.is_finite()) {
            return Err(Error::input("histogram: edges must rise, and edges and heights must be finite"));
        }
        Ok(())
    }
}

impl Bars {
    fn check(&self) -> Result<()> {
        if self.names.is_empty() || self.series.is_empty() {
            return Err(Error::input("bars: needs one or more names and one or more series"));
        }
        for series in &self.series {
            same_length("bars", &series.describe("series"), &series.values, self.names.len())?;
        }
        for error in &self.errors {
            same_length("bars", "error", error, self.names.len())?;
        }
        if !self.series.iter().flat_map(|s| &s.values).any(|v| v.is_finite()) {
            return Err(Error::input("bars: no finite number in any series"));
        }
        Ok(())
    }
}

pub(crate) fn pairs(call: &str, x: &Data, y: &Data) -> Result<()> {
    let (n, m) = (x.values.len(), y.values.len());
    if n != m {
        let (x, y) = (x.describe("x"), y.describe("y"));
        return Err(Error::input(format!("{call}: {x} has {n} values and {y} has {m}")));
    }
    if !x.values.iter().zip(&y.values).any(|(x, y)| x.is_finite() && y.is_finite()) {
        let (x, y) = (x.describe("x"), y.describe("y"));
        return Err(Error::input(format!("{call}: no row of {n} has finite {x} and {y}")));
    }
    Ok(())
}

pub(crate) fn same_length(call: &str, name: &str, values: &[f64], expected: usize) -> Result<()> {
    if values.is_empty() || values.len() == expected {
        return Ok(());
    }
    Err(Error::input(format!("{call}: {name} has {} values, expected {expected}", values.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_counts_every_finite_value_once() {
        let data = Data::from([0.0, 0.1, 0.5, 0.9, 1.0, f64::NAN]).named("barrier", "eV");
        let counts = Histogram::of_values(&data, Bins::Count(2), false).unwrap();
        assert_eq!(counts.heights.values, vec![2.0, 3.0]);
        let density = Histogram::of_values(&data, Bins::Count(4), true).unwrap();
        let area: f64 = density.heights.values.iter().sum::<f64>() * 0.25;
        assert!((area - 1.0).abs() < 1e-14);
        assert_eq!(density.heights.label(), "probability density (eV^{\u{2212}1})");
    }

    #[test]
    fn counts_become_bars_around_their_centres() {
        let bars = Histogram::of_counts(&[1.0, 2.0, 3.0].into(), &[4.0, 5.0, 6.0].into()).unwrap();
        assert_eq!(bars.edges.values, vec![0.5, 1.5, 2.5, 3.5]);
        assert!(Histogram::of_counts(&[1.0, 2.0, 4.0].into(), &[4.0, 5.0, 6.0].into()).is_err());
    }

    #[test]
    fn the_fit_is_exact_on_a_straight_line_and_an_exponential() {
        let x = [0.0, 1.0, 2.0, 5.0];
        let line = Fit::default().straight(&x, &x.map(|x| 3.0 - 2.0 * x), (Scale::Linear, Scale::Linear)).unwrap();
        assert!((line.slope + 2.0).abs() < 1e-12 && (line.intercept - 3.0).abs() < 1e-12, "{line:?}");
        assert!((line.pearson + 1.0).abs() < 1e-12);
        let decay = Fit { window: Some((0.5, 9.0)), ..Fit::default() };
        let decay = decay.straight(&x, &x.map(|x| (-x / 2.2).exp()), (Scale::Linear, Scale::Log)).unwrap();
        assert!((-1.0 / (decay.slope * std::f64::consts::LN_10) - 2.2).abs() < 1e-12, "{decay:?}");
        assert_eq!((decay.low, decay.high), (1.0, 5.0));
    }
}
