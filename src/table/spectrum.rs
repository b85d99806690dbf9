//! The distribution of one column: its histogram, the interval of its mean, and the mixture fitted to it.

use std::fmt;

use crate::error::{Error, Result};
use crate::math::histogram::{Bins, Histogram};
use crate::math::mixture::Spectrum;
use crate::math::resample::block_bootstrap;
use crate::math::statistics::{Interval, percentile_interval};
use crate::observer::Observer;
use crate::table::fit::spaced_unit;
use crate::table::unit::Unit;
use crate::table::{Aggregate, Column, Table};

impl Column {
    /// The values that are not missing, counted in bins of one width: a table of the middle of each bin under the name of
    /// the column, `low` and `high` ends, `count`, and `density` whose integral is one.
    ///
    /// ```
    /// use vitric::math::histogram::Bins;
    /// use vitric::table::Column;
    /// let barrier = Column::float("barrier", "eV", vec![0.1, 0.2, 0.9]);
    /// let histogram = barrier.histogram(Bins::Width(0.5))?;
    /// assert_eq!(histogram.column("count")?.numbers()?, [2.0, 1.0]);
    /// assert_eq!(histogram.unit("density")?, "1/eV");
    /// # Ok::<(), vitric::error::Error>(())
    /// ```
    pub fn histogram(&self, bins: Bins) -> Result<Table> {
        let mut values = self.numbers().map_err(|e| e.within("histogram"))?;
        values.retain(|x| !x.is_nan());
        let histogram = Histogram::new(&values, bins)?;
        let ends = |shift: usize| {
            let end = |k: usize| histogram.start + (k + shift) as f64 * histogram.width;
            (0..histogram.counts.len()).map(end).collect::<Vec<f64>>()
        };
        Table::from_columns(vec![
            Column::float(&self.name, &self.unit, histogram.centers()),
            Column::float("low", &self.unit, ends(0)),
            Column::float("high", &self.unit, ends(1)),
            Column::integer("count", histogram.counts.iter().map(|&n| n as i64).collect()),
            Column::float("density", &density_unit(&self.unit), histogram.density()),
        ])
    }
}

impl Column {
    /// The interval of one number of the column at `level`, from `replicas` bootstrap samples of runs of `block` rows; a
    /// block of one is for independent rows.
    pub fn interval(
        &self,
        aggregate: Aggregate,
        level: f64,
        replicas: usize,
        block: usize,
        seed: u64,
    ) -> Result<Interval> {
        check_level("confidence_interval", level)?;
        check_replicas("confidence_interval", replicas)?;
        let mut values = self.finite_numbers().map_err(|e| e.within("confidence_interval"))?;
        values.retain(|x| !x.is_nan());
        if values.len() < 2 {
            return Err(Error::input(format!(
                "confidence_interval: column `{}` must have two values or more, found {}",
                self.name,
                values.len()
            )));
        }
        // A block of all rows is the column itself each time.
        if block == 0 || (block > 1 && block > values.len() / 2) {
            return Err(Error::input(format!(
                "confidence_interval: `block` must be from 1 to half of the {} values, found {block}",
                values.len()
            )));
        }
        let found = block_bootstrap(values.len(), block, replicas, seed, |rows| {
            let sample = rows.iter().map(|&r| values[r]).collect();
            Column::float(&self.name, "", sample).reduce(aggregate).unwrap_or(f64::NAN)
        });
        Ok(percentile_interval(&found, level))
    }
}

/// An error unless there are bootstrap samples to make an interval of.
pub(crate) fn check_replicas(call: &str, replicas: usize) -> Result<()> {
    if replicas >= 2 {
        return Ok(());
    }
    Err(Error::input(format!("{call}: `resamples` must be 2 or more, found {replicas}")))
}

/// An error unless the confidence level lies between 0 and 1.
pub(crate) fn check_level(call: &str, level: f64) -> Result<()> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(Error::input(format!("{call}: `level` must lie between 0 and 1, found {level}")))
}

/// The unit of a density over a column.
fn density_unit(unit: &str) -> String {
    Unit::parse(unit).power(-1.0).to_string()
}

/// The mixture of an exponential and a Rayleigh distribution fitted to a column.
#[derive(Clone, Debug, PartialEq)]
pub struct SpectrumFit {
    /// Name of the column.
    pub name: String,
    /// Unit of the column.
    pub unit: String,
    /// Number of rows left out because the number is missing.
    pub missing: usize,
    /// Largest value fitted.
    pub largest: f64,
    /// Confidence level of the intervals.
    pub level: f64,
    /// Parameters, intervals and comparison.
    pub spectrum: Spectrum,
}

impl Table {
    /// The mixture of an exponential and a Rayleigh distribution most likely for a column, with intervals at `level` from
    /// `replicas` bootstrap samples, compared with either distribution alone.
    pub fn spectrum(
        &self,
        name: &str,
        level: f64,
        replicas: usize,
        seed: u64,
        observer: &dyn Observer,
    ) -> Result<SpectrumFit> {
        check_level("spectrum", level)?;
        check_replicas("spectrum", replicas)?;
        let column = self.column(name).map_err(|e| e.within("spectrum"))?;
        let mut values = column.numbers().map_err(|e| e.within("spectrum"))?;
        values.retain(|x| !x.is_nan());
        let spectrum = Spectrum::fit(&values, level, replicas, seed, observer)?;
        let largest = values.iter().copied().fold(0.0, f64::max);
        let missing = self.height() - values.len();
        Ok(SpectrumFit { name: name.into(), unit: column.unit, missing, largest, level, spectrum })
    }
}

impl SpectrumFit {
    /// The fitted density over `points` values from zero to `to`, as a table: the column's name, `density`, and its parts
    /// `exponential` and `rayleigh`.
    pub fn curve(&self, points: usize, to: Option<f64>) -> Result<Table> {
        let step = to.unwrap_or(self.largest) / (points.max(2) - 1) as f64;
        let x: Vec<f64> = (0..points.max(2)).map(|k| k as f64 * step).collect();
        let mixture = self.spectrum.mixture;
        let unit = density_unit(&self.unit);
        let part = |name: &str, f: &dyn Fn(f64) -> f64| Column::float(name, &unit, x.iter().map(|&x| f(x)).collect());
        Table::from_columns(vec![
            Column::float(&self.name, &self.unit, x.clone()),
            part("density", &|x| mixture.density(x)),
            part("exponential", &|x| mixture.exponential_part(x)),
            part("rayleigh", &|x| mixture.rayleigh_part(x)),
        ])
    }
}

impl fmt::Display for SpectrumFit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let s = &self.spectrum;
        let [mixture, exponential, rayleigh] = s.bic;
        write!(
            f,
            "{} of {} values: weight {:.3} ({:.3}) of an exponential of mean {:.3} ({:.3}){unit}, the rest Rayleigh of mode {:.3} \
             ({:.3}){unit}; BIC {mixture:.1}, exponential alone {exponential:.1}, Rayleigh alone {rayleigh:.1}: best is {}",
            self.name,
            s.count,
            s.mixture.weight,
            s.weight_interval,
            s.mixture.exponential,
            s.exponential_interval,
            s.mixture.rayleigh,
            s.rayleigh_interval,
            s.best(),
            unit = spaced_unit(&self.unit)
        )
    }
}
