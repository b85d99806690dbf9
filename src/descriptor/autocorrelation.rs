//! Spatial autocorrelation of a value of each atom, and its correlation length.

use super::grid_correlation::{self, Shells};
use crate::cell::{Cell, Vector};
use crate::error::{Error, Result};
use crate::math::statistics::percentile_interval;
use crate::neighbor::{Images, Near};
use crate::observer::{Observer, watched};
use crate::random::{Purpose, stream};
use crate::table::Column;
use rand::RngExt;
use rayon::prelude::*;

/// Share of a normal distribution within a standard deviation of its mean.
const ONE_SIGMA: f64 = 0.6827;

/// Bins of C(r), each of which has a sum for every block of the bootstrap.
const MOST_BINS: f64 = 1e5;

/// How to correlate a value of each atom with itself at a distance.
///
/// ```math
/// C(r) = < dA_i dA_j >_r / < dA^2 >,    dA_i = A_i - <A>
/// ```
///
/// The first mean is over ordered pairs with a distance in the bin, the second over atoms. With
/// `remove_species_mean`, `<A>` is the mean of the atom's species, so that C shows no chemical order.
/// Distances beyond half the cell are those to all periodic images, those of the atom itself among them. Atoms whose value is NaN are
/// left out.
#[derive(Clone, Debug)]
pub struct Autocorrelation {
    /// Start of the first bin [length].
    pub from: f64,
    /// End of the last bin [length].
    pub to: f64,
    /// Width of a bin [length]; 1 A averages over the shells of neighbours, narrow bins show them.
    pub bin: f64,
    /// Whether the mean of each species is removed, or that of all atoms.
    pub remove_species_mean: bool,
    /// Blocks of space along each edge of the cell, for the bootstrap.
    pub blocks: usize,
    /// Spacing of a grid to whose points the atoms are moved [length], so that the sum over pairs is a product of Fourier
    /// transforms; none for the sum itself.
    ///
    /// The cost then hardly depends on the distance or the number of atoms. With bins of 1 A and a spacing of 0.5 A, C(r) of
    /// glasses of 2048 and 19,652 atoms differs by less than 0.03 at contact, where g(r) is steep, and by less than 0.015 beyond 4 A;
    /// where the means of species are not removed, by 0.11 and 0.02 for values that depend on the species. Below contact a few pairs
    /// appear that there are none of. There are no blocks, so errors are NaN.
    pub grid: Option<f64>,
}

impl Default for Autocorrelation {
    /// Bins of 1 A up to 20 A, species means removed, 4 x 4 x 4 blocks, the sum over pairs itself.
    fn default() -> Autocorrelation {
        Autocorrelation { from: 0.0, to: 20.0, bin: 1.0, remove_species_mean: true, blocks: 4, grid: None }
    }
}

/// A correlation function, with the sums of each block of space behind it.
#[derive(Clone, Debug)]
pub struct Correlation {
    /// Start of the first bin [length].
    pub from: f64,
    /// Width of a bin [length].
    pub bin: f64,
    /// Ordered pairs in each bin.
    pub pairs: Vec<u64>,
    /// C(r) in each bin, not rescaled; NaN without pairs.
    pub values: Vec<f64>,
    /// Mean square deviation `< dA^2 >`.
    pub variance: f64,
    /// Atoms left out because their value is NaN.
    pub skipped: usize,
    blocks: Vec<Block>,
}

/// Sums over the atoms of one block of space and all their partners.
#[derive(Clone, Debug)]
struct Block {
    atoms: f64,
    squares: f64,
    pairs: Vec<u64>,
    products: Vec<f64>,
}

impl Autocorrelation {
    /// Correlate `values`; an error when there are fewer than two numbers or they are all the same.
    pub fn correlate(
        &self,
        cell: &Cell,
        positions: &[Vector],
        species: &[usize],
        values: &[f64],
        observer: &dyn Observer,
    ) -> Result<Correlation> {
        let bins = self.check(positions.len(), values.len())?;
        let kept: Vec<usize> = (0..values.len()).filter(|&i| values[i].is_finite()).collect();
        let group = |i: usize| if self.remove_species_mean { species[i] } else { 0 };
        let deviations = deviations(values, &kept, group);
        let spread: f64 = deviations.iter().map(|d| d * d).sum();
        let size: f64 = kept.iter().map(|&i| values[i] * values[i]).sum();
        if kept.len() < 2 || spread <= 1e-24 * size {
            return Err(Error::input(format!(
                "autocorrelation: the {} values are all the same, so they do not correlate",
                kept.len()
            )));
        }
        let points: Vec<Vector> = kept.iter().map(|&i| positions[i]).collect();
        let blocks = match self.grid {
            Some(spacing) => vec![self.whole(cell, &points, &deviations, bins, spacing, observer)?],
            None => self.blocks(cell, &points, &deviations, bins, observer)?,
        };
        let mut correlation = Correlation {
            from: self.from,
            bin: self.bin,
            pairs: vec![0; bins],
            values: Vec::new(),
            variance: spread / kept.len() as f64,
            skipped: values.len() - kept.len(),
            blocks,
        };
        for block in &correlation.blocks {
            correlation.pairs.iter_mut().zip(&block.pairs).for_each(|(sum, n)| *sum += n);
        }
        correlation.values = correlation.weighted(&vec![1.0; correlation.blocks.len()]);
        Ok(correlation)
    }

    /// All atoms as one block, by Fourier transforms.
    fn whole(
        &self,
        cell: &Cell,
        points: &[Vector],
        deviations: &[f64],
        bins: usize,
        spacing: f64,
        observer: &dyn Observer,
    ) -> Result<Block> {
        let shells = Shells { from: self.from, width: self.bin, count: bins };
        let (pairs, products) = grid_correlation::sums(cell, points, deviations, spacing, shells, observer)?;
        let squares = deviations.iter().map(|d| d * d).sum();
        Ok(Block { atoms: points.len() as f64, squares, pairs, products })
    }

    /// The blocks of space, by a sum over pairs.
    fn blocks(
        &self,
        cell: &Cell,
        points: &[Vector],
        deviations: &[f64],
        bins: usize,
        observer: &dyn Observer,
    ) -> Result<Vec<Block>> {
        let end = self.from + bins as f64 * self.bin;
        let images = Images::new(cell, points, (0.2 * end).min(4.0))?;
        images.check_reach("to", end).map_err(|e| e.within("autocorrelation"))?;
        let deviations = images.by_place(deviations);
        let places = self.places_of_blocks(cell, &images);
        watched(observer, "autocorrelation", places.len(), Near::default, |near, block| {
            self.block(&images, &deviations, &places[block], bins, near)
        })
    }

    fn check(&self, atoms: usize, values: usize) -> Result<usize> {
        if atoms != values {
            return Err(Error::input(format!("autocorrelation: {values} values for {atoms} atoms")));
        }
        if !(self.bin.is_finite() && self.bin > 0.0) {
            return Err(Error::input(format!("autocorrelation: `bin` must be positive, found {}", self.bin)));
        }
        if !(self.from >= 0.0 && self.to.is_finite() && self.to >= self.from + self.bin * (1.0 - 1e-9)) {
            return Err(Error::input(format!(
                "autocorrelation: `to` must be at least one bin beyond `from`, found {} and {}",
                self.to, self.from
            )));
        }
        if let Some(spacing) = self.grid.filter(|h| !(h.is_finite() && *h > 0.0 && *h <= self.bin)) {
            return Err(Error::input(format!(
                "autocorrelation: `spacing` must be positive and not wider than a bin of {} A, found {spacing}",
                self.bin
            )));
        }
        if self.blocks == 0 || self.blocks > 64 {
            return Err(Error::input(format!("autocorrelation: `blocks` must be 1 to 64, found {}", self.blocks)));
        }
        // A last bin must not be lost to the rounding of the quotient.
        let bins = (self.to - self.from) / self.bin + 1e-9;
        if bins > MOST_BINS {
            return Err(Error::input(format!(
                "autocorrelation: `bin` {} makes {bins:.0e} bins, where {MOST_BINS:.0e} are allowed",
                self.bin
            )));
        }
        Ok(bins as usize)
    }

    fn places_of_blocks(&self, cell: &Cell, images: &Images) -> Vec<Vec<usize>> {
        let n = self.blocks;
        let mut blocks = vec![Vec::new(); n * n * n];
        for place in 0..images.len() {
            let s = cell.fractional(&images.position(place));
            let [a, b, c] = [s.x, s.y, s.z].map(|s| ((s * n as f64) as usize).min(n - 1));
            blocks[(c * n + b) * n + a].push(place);
        }
        blocks
    }

    fn block(&self, images: &Images, deviations: &[f64], places: &[usize], bins: usize, near: &mut Near) -> Block {
        let end = self.from + bins as f64 * self.bin;
        let (lowest, scale) = (self.from * self.from, 1.0 / self.bin);
        let mut block = Block { atoms: 0.0, squares: 0.0, pairs: vec![0; bins], products: vec![0.0; bins] };
        let mut around = vec![0.0; bins];
        for &place in places {
            let own = deviations[place];
            block.atoms += 1.0;
            block.squares += own * own;
            around.fill(0.0);
            images.near(&images.position(place), end, 0, near);
            for (&other, &square) in near.places().iter().zip(near.squares()) {
                if square < lowest || (other as usize == place && square < 1e-12) {
                    continue;
                }
                let bin = (((square.sqrt() - self.from) * scale) as usize).min(bins - 1);
                around[bin] += deviations[other as usize];
                block.pairs[bin] += 1;
            }
            block.products.iter_mut().zip(&around).for_each(|(sum, a)| *sum += own * a);
        }
        block
    }
}

/// Deviations of the kept atoms from the mean of their group.
fn deviations(values: &[f64], kept: &[usize], group: impl Fn(usize) -> usize) -> Vec<f64> {
    let groups = kept.iter().map(|&i| group(i) + 1).max().unwrap_or(0);
    let (mut sums, mut numbers) = (vec![0.0; groups], vec![0.0; groups]);
    for &i in kept {
        sums[group(i)] += values[i];
        numbers[group(i)] += 1.0;
    }
    kept.iter().map(|&i| values[i] - sums[group(i)] / numbers[group(i)]).collect()
}

/// The window of a fit, and how its error is found.
#[derive(Clone, Debug)]
pub struct FitWindow {
    /// Smallest distance [length].
    pub from: f64,
    /// Largest distance [length].
    pub to: f64,
    /// Whether bins count by their number of pairs, or all alike.
    pub weigh_by_pairs: bool,
    /// Resamples of the blocks.
    pub samples: usize,
    /// Seed of the resampling.
    pub seed: u64,
}

impl Default for FitWindow {
    /// 3 to 8 A, all bins alike, 500 resamples.
    fn default() -> FitWindow {
        FitWindow { from: 3.0, to: 8.0, weigh_by_pairs: false, samples: 500, seed: 1 }
    }
}

/// The length over which a value of atoms is correlated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CorrelationLength {
    /// Correlation length [length]; NaN when C(r) does not decay in the window.
    pub xi: f64,
    /// Standard error of `xi` by bootstrap over blocks of space [length]; NaN when there is one block only.
    pub error: f64,
    /// `C(r)` of the fit, extrapolated to r = 0.
    pub amplitude: f64,
    /// Raw C(r) in the first bin of the window: how strong the correlation is before any rescaling.
    pub contact: f64,
    /// Bins in the window with C(r) > 0, which the fit used.
    pub points: usize,
    /// Bins in the window with C(r) <= 0 or without pairs, which it could not.
    pub dropped: usize,
    /// Resamples that gave a length, out of all.
    pub samples: usize,
}

impl Correlation {
    /// Centre of a bin [length].
    pub fn distance(&self, bin: usize) -> f64 {
        self.from + (bin as f64 + 0.5) * self.bin
    }

    /// End of the last bin [length].
    pub fn end(&self) -> f64 {
        self.from + self.values.len() as f64 * self.bin
    }

    /// Fit `ln C = ln A - r / xi` over the bins whose centre is in a window.
    ///
    /// The error is half of the width that holds the central 68 % of xi over resamples (a long tail of resamples that hardly decay would
    /// make their standard deviation one of those alone), each made of as many blocks of space drawn with replacement.
    pub fn correlation_length(&self, window: &FitWindow) -> Result<CorrelationLength> {
        if !(window.from >= 0.0 && window.to > window.from) {
            return Err(Error::input(format!(
                "correlation_length: `to` must be greater than `from`, found {} and {}",
                window.to, window.from
            )));
        }
        let bins: Vec<usize> =
            (0..self.values.len()).filter(|&k| (window.from..=window.to).contains(&self.distance(k))).collect();
        if bins.len() < 2 {
            return Err(Error::input(format!(
                "correlation_length: the window from {} to {} A holds {} bins; a fit needs two",
                window.from,
                window.to,
                bins.len()
            )));
        }
        let (xi, amplitude, points) = self.fit(&self.values, &bins, window);
        let lengths: Vec<f64> = (0..window.samples)
            .into_par_iter()
            .map(|sample| self.fit(&self.weighted(&self.resample(window.seed, sample)), &bins, window).0)
            .collect();
        let good: Vec<f64> = lengths.into_iter().filter(|xi| xi.is_finite()).collect();
        let central = percentile_interval(&good, ONE_SIGMA);
        Ok(CorrelationLength {
            xi,
            error: if self.blocks.len() > 1 && xi.is_finite() { 0.5 * (central.high - central.low) } else { f64::NAN },
            amplitude,
            contact: self.values[bins[0]],
            points,
            dropped: bins.len() - points,
            samples: good.len(),
        })
    }

    /// Standard error of C(r) in each bin by bootstrap over blocks of space; NaN when there is one block only.
    pub fn errors(&self, samples: usize, seed: u64) -> Vec<f64> {
        if self.blocks.len() < 2 {
            return vec![f64::NAN; self.values.len()];
        }
        let resampled: Vec<Vec<f64>> =
            (0..samples).into_par_iter().map(|sample| self.weighted(&self.resample(seed, sample))).collect();
        (0..self.values.len())
            .map(|k| {
                let finite: Vec<f64> = resampled.iter().map(|c| c[k]).filter(|c| c.is_finite()).collect();
                standard_deviation(&finite)
            })
            .collect()
    }

    /// The function as columns: `distance`, `pairs`, `correlation` and its bootstrap `error`.
    pub fn columns(&self) -> Vec<Column> {
        vec![
            Column::float("distance", "A", (0..self.values.len()).map(|k| self.distance(k)).collect()),
            Column::integer("pairs", self.pairs.iter().map(|&n| n as i64).collect()),
            Column::float("correlation", "", self.values.clone()),
            Column::float("correlation_error", "", self.errors(200, 1)),
        ]
    }

    /// As [`Correlation::columns`], divided by the value in the bin that holds the distance `at` [length].
    ///
    /// An error when there is no such bin or its value is not positive.
    pub fn scaled(&self, at: f64) -> Result<Vec<Column>> {
        let bin = (0..self.values.len()).find(|&k| (self.distance(k) - at).abs() <= 0.5 * self.bin * (1.0 + 1e-9));
        // A distance on the edge of two bins belongs to the second.
        let bin = bin.map(|k| if at >= self.distance(k) + 0.5 * self.bin * (1.0 - 1e-9) { k + 1 } else { k });
        let Some(&unit) = bin.and_then(|k| self.values.get(k)) else {
            return Err(Error::input(format!("autocorrelation: no bin holds a distance of {at} A")));
        };
        if unit.is_nan() || unit <= 0.0 {
            return Err(Error::numeric(format!(
                "autocorrelation: C(r) is {unit:.4} at {at} A; it cannot be set to 1 there"
            )));
        }
        let scaled = |values: Vec<f64>| values.into_iter().map(|c| c / unit).collect();
        let mut columns = self.columns();
        columns[2] = Column::float("correlation", "", scaled(self.values.clone()));
        columns[3] = Column::float("correlation_error", "", scaled(self.errors(200, 1)));
        Ok(columns)
    }

    /// How often each block was drawn.
    fn resample(&self, seed: u64, sample: usize) -> Vec<f64> {
        let mut random = stream(seed, Purpose::Bootstrap, sample as u64);
        let mut weights = vec![0.0; self.blocks.len()];
        for _ in 0..self.blocks.len() {
            weights[random.random_range(0..self.blocks.len())] += 1.0;
        }
        weights
    }

    /// C(r) with a weight for each block.
    fn weighted(&self, weights: &[f64]) -> Vec<f64> {
        let sum = |f: &dyn Fn(&Block) -> f64| self.blocks.iter().zip(weights).map(|(b, w)| w * f(b)).sum::<f64>();
        let variance = sum(&|b| b.squares) / sum(&|b| b.atoms);
        let mean = |k: usize| sum(&|b| b.products[k]) / sum(&|b| b.pairs[k] as f64);
        (0..self.pairs.len()).map(|k| mean(k) / variance).collect()
    }

    /// Least squares of `ln C` on r: xi (NaN unless it decays), amplitude, bins used.
    fn fit(&self, values: &[f64], bins: &[usize], window: &FitWindow) -> (f64, f64, usize) {
        let used: Vec<usize> = bins.iter().copied().filter(|&k| values[k] > 0.0).collect();
        if used.len() < 2 {
            return (f64::NAN, f64::NAN, used.len());
        }
        let weight = |k: usize| if window.weigh_by_pairs { self.pairs[k] as f64 } else { 1.0 };
        let total: f64 = used.iter().map(|&k| weight(k)).sum();
        let mean = |f: &dyn Fn(usize) -> f64| used.iter().map(|&k| weight(k) * f(k)).sum::<f64>() / total;
        let (x, y) = (mean(&|k| self.distance(k)), mean(&|k| values[k].ln()));
        let slope =
            mean(&|k| (self.distance(k) - x) * (values[k].ln() - y)) / mean(&|k| (self.distance(k) - x).powi(2));
        let xi = if slope < 0.0 { -1.0 / slope } else { f64::NAN };
        (xi, (y - slope * x).exp(), used.len())
    }
}

fn standard_deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return f64::NAN;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64).sqrt()
}
