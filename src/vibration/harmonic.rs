//! Harmonic mean squared displacements without all modes.

use super::eigen::{Operator, inner, project_out};
use super::modes::{self, DynamicalMatrix, ModeSearch, Modes};
use crate::cell::Vector;
use crate::error::{Error, Result};
use crate::glass::Glass;
use crate::neighbor::Neighbors;
use crate::observer::Observer;
use crate::random::{Purpose, stream};
use crate::units;
use faer::Mat;
use rand::RngExt;

/// Classical harmonic mean squared displacement of each atom around an inherent structure.
///
/// ```math
/// <u_i^2> = (kT / m_i) sum_k |e_ik|^2 / omega_k^2
/// ```
/// Up to 1000 atoms the sum runs over all modes. Above, it runs over the lowest modes, and what the rest adds is the
/// diagonal of the inverse of the dynamical matrix in their complement, which is probed with vectors of random signs on
/// atoms more than `distance` apart: Tang, Saad, Numer. Linear Algebra Appl. 19, 485 (2012), <https://doi.org/10.1002/nla.779>.
#[derive(Clone, Copy, Debug)]
pub struct Harmonic {
    /// Temperature [K].
    pub temperature: f64,
    /// Share of the modes that is summed exactly in a large sample.
    pub fraction: f64,
    /// Distance between atoms that are probed together [length].
    pub distance: f64,
    /// Seed of the signs and of the search for modes.
    pub seed: u64,
}

impl Default for Harmonic {
    fn default() -> Harmonic {
        Harmonic { temperature: 300.0, fraction: 0.01, distance: 8.0, seed: 0 }
    }
}

/// Vectors that are solved for together.
const BLOCK: usize = 12;
/// Residual of the linear equations relative to their right-hand sides.
const TOLERANCE: f64 = 1e-4;

impl Harmonic {
    /// Mean squared displacements [length^2]; an error when the glass is not at a minimum of the energy.
    pub fn mean_squared_displacement(&self, glass: &Glass, observer: &dyn Observer) -> Result<Vec<f64>> {
        if !(self.temperature.is_finite() && self.temperature >= 0.0) {
            return Err(Error::input(format!(
                "harmonic_msd: `temperature` must not be negative, found {}",
                self.temperature
            )));
        }
        if 3 * glass.len() > super::eigen::DENSE_LIMIT {
            return self.probed(glass, observer);
        }
        let kt = units::BOLTZMANN * self.temperature;
        check(Modes::all(glass)?).map(|modes| modes.mean_squared_displacement(kt))
    }

    /// The estimate for large samples [length^2]: on a glass of 2048 atoms its error for one atom was 3 %, that of the
    /// mean 0.2 %.
    pub fn probed(&self, glass: &Glass, observer: &dyn Observer) -> Result<Vec<f64>> {
        let kt = units::BOLTZMANN * self.temperature;
        let search = ModeSearch { tolerance: 1e-6, ..ModeSearch::fraction(self.fraction, glass.len(), self.seed)? };
        let modes = check(Modes::lowest(glass, &search, observer)?)?;
        let mut sum = modes.mean_squared_displacement(kt);
        let rest = self.rest(glass, &modes, observer)?;
        let masses = glass.configuration().masses();
        sum.iter_mut().zip(rest).zip(masses).for_each(|((sum, rest), mass)| *sum += kt / mass * rest);
        Ok(sum)
    }

    /// Diagonal of the inverse of the dynamical matrix in the complement of the modes, summed over the axes of each atom.
    fn rest(&self, glass: &Glass, modes: &Modes, observer: &dyn Observer) -> Result<Vec<f64>> {
        let hessian = modes::hessian(glass)?;
        let dynamical = DynamicalMatrix::new(&hessian, glass.configuration());
        let known = modes.with_translations(&dynamical);
        let colors = self.colors(glass)?;
        let count = colors.iter().max().map_or(0, |c| c + 1);
        let mut random = stream(self.seed, Purpose::Selection, 0);
        let signs: Vec<Vector> =
            (0..glass.len()).map(|_| Vector::from_fn(|_, _| if random.random() { 1.0 } else { -1.0 })).collect();
        let mut rest = vec![0.0; glass.len()];
        let probes: Vec<(usize, usize)> = (0..count).flat_map(|color| (0..3).map(move |axis| (color, axis))).collect();
        observer.begin("harmonic displacements", probes.len() as u64);
        for (block, probes) in probes.chunks(BLOCK).enumerate() {
            if observer.interrupted() {
                observer.end();
                return Err(Error::interrupted());
            }
            let entry = |i: usize, k: usize| {
                let (color, axis) = probes[k];
                if i % 3 == axis && colors[i / 3] == color { signs[i / 3][axis] } else { 0.0 }
            };
            let mut right = Mat::from_fn(3 * glass.len(), probes.len(), entry);
            project_out(known.as_ref(), right.as_mut());
            let solution = solve(&dynamical, known.as_ref(), right)?;
            for (k, &(color, axis)) in probes.iter().enumerate() {
                for atom in (0..glass.len()).filter(|&atom| colors[atom] == color) {
                    rest[atom] += signs[atom][axis] * solution[(3 * atom + axis, k)];
                }
            }
            observer.advance(((block + 1) * BLOCK) as u64, &String::new);
        }
        observer.end();
        Ok(rest)
    }

    /// A number for each atom so that atoms of one number are farther apart than `distance`.
    fn colors(&self, glass: &Glass) -> Result<Vec<usize>> {
        let distance = self.distance.min(0.499 * glass.cell().smallest_width());
        let neighbors = Neighbors::new(glass.cell(), &glass.configuration().positions, distance)?;
        let mut colors = vec![usize::MAX; glass.len()];
        for atom in 0..glass.len() {
            let mut taken: Vec<usize> = neighbors.of(atom).map(|n| colors[n.0]).collect();
            taken.sort_unstable();
            taken.dedup();
            colors[atom] =
                taken.iter().enumerate().find(|&(k, color)| k != *color).map_or(taken.len(), |found| found.0);
        }
        Ok(colors)
    }
}

fn check(modes: Modes) -> Result<Modes> {
    match modes.eigenvalues().first() {
        Some(&lowest) if lowest <= 0.0 => {
            Err(Error::numeric("harmonic_msd: the glass is not at a minimum of the energy; minimize it first"))
        }
        _ => Ok(modes),
    }
}

/// Solve `D y = b` for several right-hand sides in the complement of `known` by conjugate gradients.
fn solve(dynamical: &DynamicalMatrix, known: faer::MatRef<f64>, right: Mat<f64>) -> Result<Mat<f64>> {
    let (rows, columns) = (right.nrows(), right.ncols());
    let squares = |x: &Mat<f64>| (0..columns).map(|k| x.col(k).squared_norm_l2()).collect::<Vec<f64>>();
    let mut solution = Mat::<f64>::zeros(rows, columns);
    let mut residual = right;
    let mut direction = residual.clone();
    let mut product = Mat::<f64>::zeros(rows, columns);
    let mut square = squares(&residual);
    let target: Vec<f64> = square.iter().map(|s| TOLERANCE * TOLERANCE * s).collect();
    for _ in 0..10_000 {
        if square.iter().zip(&target).all(|(s, t)| s <= t) {
            return Ok(solution);
        }
        dynamical.apply(direction.as_ref(), product.as_mut());
        // Rounding would bring the known modes back, and they have the largest inverse.
        project_out(known, product.as_mut());
        let curvatures = inner_diagonal(&direction, &product);
        for k in 0..columns {
            if square[k] <= target[k] {
                continue;
            }
            let step = square[k] / curvatures[k];
            let mut next = 0.0;
            for i in 0..rows {
                solution[(i, k)] += step * direction[(i, k)];
                residual[(i, k)] -= step * product[(i, k)];
                next += residual[(i, k)] * residual[(i, k)];
            }
            let ratio = next / square[k];
            for i in 0..rows {
                direction[(i, k)] = residual[(i, k)] + ratio * direction[(i, k)];
            }
            square[k] = next;
        }
    }
    Err(Error::numeric("harmonic_msd: the linear equations did not converge; is the glass at a minimum of the energy?"))
}

fn inner_diagonal(a: &Mat<f64>, b: &Mat<f64>) -> Vec<f64> {
    (0..a.ncols()).map(|k| inner(a.as_ref().subcols(k, 1), b.as_ref().subcols(k, 1))[(0, 0)]).collect()
}
