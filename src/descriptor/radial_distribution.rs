//! Radial distribution function g(r), total and partial.

use crate::cell::{Cell, Vector};
use crate::error::{Error, Result};
use crate::neighbor::{Images, Near};
use crate::observer::Observer;
use crate::table::Column;
use nalgebra::{Matrix3, Vector3};
use rayon::prelude::*;
use std::f64::consts::PI;

/// Atoms counted together, so that the sum of their histograms has one order.
const BLOCK: usize = 256;

/// Most bins of a function.
const MOST_BINS: usize = 10_000_000;

/// Radial distribution function: the density of neighbours at a distance, over the mean density.
///
/// ```math
/// g_ab(r) = V n_ab(r) / (N_a N_b v(r)),    v(r) = 4 pi / 3 [ (r + dr)^3 - r^3 ]
/// ```
///
/// `n_ab` counts ordered pairs, the first of species a and the second of b, with a distance in `[r, r + dr)`.
/// Allen and Tildesley, Computer Simulation of Liquids (2017), section 8.2, <https://doi.org/10.1093/oso/9780198803195.001.0001>.
#[derive(Clone, Debug, PartialEq)]
pub struct RadialDistribution {
    /// Width of a bin [length].
    pub step: f64,
    /// Names of the species.
    pub species: Vec<String>,
    /// Ordered pairs in each bin for each pair of species `[a * kinds + b]`, summed over frames.
    pub counts: Vec<Vec<u64>>,
    /// Partial functions for each pair of species `[a * kinds + b]`, averaged over frames; NaN without such atoms.
    pub partials: Vec<Vec<f64>>,
    /// The function of all atoms.
    pub total: Vec<f64>,
}

/// A peak or a trough of g(r).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extremum {
    /// Distance [length].
    pub distance: f64,
    /// Value of the smoothed function there.
    pub value: f64,
}

impl RadialDistribution {
    /// g(r) from 0 to `to` [length] in `bins`, averaged over frames of the same atoms.
    ///
    /// An error when there is no frame, or a cell is too small for `to`.
    pub fn new(
        frames: &[(&Cell, &[Vector])],
        species: &[usize],
        names: &[String],
        to: f64,
        bins: usize,
        observer: &dyn Observer,
    ) -> Result<RadialDistribution> {
        if !(to.is_finite() && to > 0.0) {
            return Err(Error::input(format!("radial_distribution: `to` must be positive, found {to}")));
        }
        if bins == 0 || bins > MOST_BINS {
            return Err(Error::input(format!(
                "radial_distribution: `bins` must be from 1 to {MOST_BINS}, found {bins}"
            )));
        }
        if frames.is_empty() {
            return Err(Error::input("radial_distribution: there is no frame"));
        }
        let pairs = names.len() * names.len();
        let mut g = RadialDistribution {
            step: to / bins as f64,
            species: names.to_vec(),
            counts: vec![vec![0; bins]; pairs],
            partials: vec![vec![0.0; bins]; pairs],
            total: vec![0.0; bins],
        };
        observer.begin("radial distribution", frames.len() as u64);
        let counted = frames.iter().enumerate().try_for_each(|(done, frame)| {
            if observer.interrupted() {
                return Err(Error::interrupted());
            }
            g.add(*frame, species, to, 1.0 / frames.len() as f64)?;
            observer.advance(done as u64 + 1, &String::new);
            Ok(())
        });
        observer.end();
        counted.map(|()| g)
    }

    /// Adds the pairs of a frame with a weight.
    fn add(&mut self, (cell, positions): (&Cell, &[Vector]), species: &[usize], to: f64, weight: f64) -> Result<()> {
        if positions.len() != species.len() {
            return Err(Error::input(format!(
                "radial_distribution: a frame has {} atoms, not {}",
                positions.len(),
                species.len()
            )));
        }
        cell.check_cutoff(to, "radial_distribution")?;
        let (kinds, bins) = (self.species.len(), self.total.len());
        let found = count_pairs(cell, positions, species, kinds, self.step, bins)?;
        let mut numbers = vec![0_usize; kinds];
        species.iter().for_each(|&kind| numbers[kind] += 1);
        let density = |pairs: usize| weight * cell.volume() / pairs as f64;
        for k in 0..bins {
            let shell = 4.0 / 3.0 * PI * self.step.powi(3) * (3.0 * (k * k) as f64 + 3.0 * k as f64 + 1.0);
            let mut all = 0;
            for pair in 0..kinds * kinds {
                let pairs = numbers[pair / kinds] * numbers[pair % kinds];
                self.partials[pair][k] += density(pairs) * found[pair][k] as f64 / shell;
                self.counts[pair][k] += found[pair][k];
                all += found[pair][k];
            }
            self.total[k] += density(species.len() * species.len()) * all as f64 / shell;
        }
        Ok(())
    }

    /// Centre of a bin [length].
    pub fn distance(&self, bin: usize) -> f64 {
        (bin as f64 + 0.5) * self.step
    }

    /// The function of species `a` around species `b`; `None` for a species that is not there.
    pub fn partial(&self, a: &str, b: &str) -> Option<&[f64]> {
        let number = |name: &str| self.species.iter().position(|s| s == name);
        Some(&self.partials[number(a)? * self.species.len() + number(b)?])
    }

    /// Peaks of a function of this grid, in ascending order of distance.
    ///
    /// Shells are told from noise and from the splitting of a shell on the function smoothed by a Gaussian of width
    /// `smoothing` [length]: there a peak stands `prominence` above the troughs beside it. Its place is then found
    /// within one width with half the smoothing, and from there by parabolas through the function itself, by least squares over a third
    /// of a width to either side.
    pub fn peaks(&self, values: &[f64], smoothing: f64, prominence: f64) -> Vec<Extremum> {
        self.extrema(values, smoothing, prominence, 1.0)
    }

    /// Troughs between peaks, found as [`RadialDistribution::peaks`] are.
    pub fn troughs(&self, values: &[f64], smoothing: f64, prominence: f64) -> Vec<Extremum> {
        self.extrema(values, smoothing, prominence, -1.0)
    }

    fn extrema(&self, values: &[f64], smoothing: f64, prominence: f64, wanted: f64) -> Vec<Extremum> {
        // A Gaussian as wide as the function leaves nothing of it.
        let smoothing = smoothing.min(values.len() as f64 * self.step);
        let smooth = smoothed(values, smoothing / self.step);
        let fine = smoothed(values, 0.5 * smoothing / self.step);
        let window = (smoothing / self.step).max(0.0) as usize;
        let refine = |bin: usize| {
            let near = bin.saturating_sub(window)..=(bin + window).min(fine.len() - 1);
            let best = near.max_by(|&a, &b| (wanted * fine[a]).total_cmp(&(wanted * fine[b])));
            self.vertex(values, best.unwrap_or(bin), window, wanted)
        };
        let mut found = Vec::new();
        // Looking for a peak first: g(r) rises from zero.
        let (mut sign, mut best) = (1.0, 0);
        for k in 0..smooth.len() {
            if sign * smooth[k] > sign * smooth[best] {
                best = k;
            } else if sign * (smooth[best] - smooth[k]) > prominence {
                if sign == wanted {
                    found.push(refine(best));
                }
                (sign, best) = (-sign, k);
            }
        }
        found
    }

    /// Vertex of the parabola through the bins around one; where that is beyond them, of the one around the last bin towards it, but no
    /// further than `window` bins away.
    fn vertex(&self, values: &[f64], start: usize, window: usize, wanted: f64) -> Extremum {
        let reach = (window / 3).max(1);
        let mut bin = start;
        let mut way = 0;
        loop {
            let (mut normal, mut right) = (Matrix3::zeros(), Vector3::zeros());
            for k in bin.saturating_sub(reach)..(bin + reach + 1).min(values.len()) {
                let u = k as f64 - bin as f64;
                let powers = Vector3::new(1.0, u, u * u);
                normal += powers * powers.transpose();
                right += powers * values[k];
            }
            let Some(c) = normal.lu().solve(&right) else {
                return Extremum { distance: self.distance(bin), value: values[bin] };
            };
            // Where the parabola bends the other way, its slope says where to look.
            let offset = if wanted * c.z < 0.0 { -0.5 * c.y / c.z } else { wanted * c.y.signum() * f64::INFINITY };
            if offset.abs() <= reach as f64 {
                return Extremum { distance: self.distance(bin) + offset * self.step, value: c.x + 0.5 * c.y * offset };
            }
            let step = if offset > 0.0 { 1 } else { -1 };
            let next = bin.saturating_add_signed(step);
            // Noise may send the search back to where it came from.
            if c.y == 0.0 || step == -way || next == bin || next >= values.len() || next.abs_diff(start) > window {
                return Extremum { distance: self.distance(bin), value: c.x };
            }
            (bin, way) = (next, step);
        }
    }

    /// The functions as columns: `distance`, `total`, and one for each pair of species such as `Cu-Zr`.
    pub fn columns(&self) -> Vec<Column> {
        let kinds = self.species.len();
        let distances = (0..self.total.len()).map(|k| self.distance(k)).collect();
        let mut columns =
            vec![Column::float("distance", "A", distances), Column::float("total", "", self.total.clone())];
        for a in 0..kinds {
            for b in a..kinds {
                let name = format!("{}-{}", self.species[a], self.species[b]);
                columns.push(Column::float(&name, "", self.partials[a * kinds + b].clone()));
            }
        }
        columns
    }
}

/// Ordered pairs in bins, for each pair of species.
fn count_pairs(
    cell: &Cell,
    positions: &[Vector],
    species: &[usize],
    kinds: usize,
    step: f64,
    bins: usize,
) -> Result<Vec<Vec<u64>>> {
    let to = step * bins as f64;
    let images = Images::new(cell, positions, 0.25 * to)?;
    let species = images.by_place(species);
    let blocks: Vec<Vec<u32>> = (0..images.len().div_ceil(BLOCK))
        .into_par_iter()
        .map_init(Near::default, |near, block| {
            let mut counts = vec![0_u32; kinds * kinds * bins];
            for place in block * BLOCK..((block + 1) * BLOCK).min(images.len()) {
                images.near(&images.position(place), to, place + 1, near);
                let row = &mut counts[species[place] * kinds * bins..][..kinds * bins];
                for (&other, &square) in near.places().iter().zip(near.squares()) {
                    let bin = (square.sqrt() / step) as usize;
                    // A distance just below `to` may round up to the end.
                    row[species[other as usize] * bins + bin.min(bins - 1)] += 1;
                }
            }
            counts
        })
        .collect();
    let mut counts = vec![vec![0_u64; bins]; kinds * kinds];
    for block in &blocks {
        for (pair, counts) in counts.iter_mut().enumerate() {
            counts.iter_mut().zip(&block[pair * bins..]).for_each(|(sum, &n)| *sum += u64::from(n));
        }
    }
    // Each pair was met once, from whichever side came first.
    for a in 0..kinds {
        for b in a..kinds {
            let (forth, back) = (&counts[a * kinds + b], &counts[b * kinds + a]);
            let both: Vec<u64> = forth.iter().zip(back).map(|(n, m)| n + m).collect();
            counts[b * kinds + a].clone_from(&both);
            counts[a * kinds + b] = both;
        }
    }
    Ok(counts)
}

/// A Gaussian average over bins of width 1.
fn smoothed(values: &[f64], width: f64) -> Vec<f64> {
    if width.is_nan() || width <= 0.0 {
        return values.to_vec();
    }
    let reach = (4.0 * width).ceil() as usize;
    let weight = |d: usize| (-0.5 * (d as f64 / width).powi(2)).exp();
    let weights: Vec<f64> = (0..=reach).map(weight).collect();
    (0..values.len())
        .map(|k| {
            let (mut sum, mut norm) = (0.0, 0.0);
            for j in k.saturating_sub(reach)..(k + reach + 1).min(values.len()) {
                sum += weights[k.abs_diff(j)] * values[j];
                norm += weights[k.abs_diff(j)];
            }
            sum / norm
        })
        .collect()
}
