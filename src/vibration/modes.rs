//! Normal modes of an inherent structure.

use super::eigen::{self, Operator, Search};
use crate::cell::Vector;
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use crate::glass::Glass;
use crate::minimize::largest_norm;
use crate::observer::Observer;
use crate::potential::Hessian;
use crate::units;
use faer::{Mat, MatMut, MatRef};
use std::f64::consts::PI;

/// How many modes to find, and how well.
#[derive(Clone, Copy, Debug)]
pub struct ModeSearch {
    /// Number of modes from the lowest; the three translations are not counted.
    pub lowest: usize,
    /// Largest `|D e - omega^2 e|` in units of the largest `omega^2`.
    pub tolerance: f64,
    /// Seed of the start vectors.
    pub seed: u64,
}

impl ModeSearch {
    /// The share `fraction` of the `3 N` degrees of freedom, rounded down, at least one mode.
    ///
    /// A share of 0.0025 is the choice of Widmer-Cooper et al., Nat. Phys. 4, 711 (2008),
    /// <https://doi.org/10.1038/nphys1025>, as the paper on Cu50Zr50 uses it.
    pub fn fraction(fraction: f64, atoms: usize, seed: u64) -> Result<ModeSearch> {
        if !(fraction > 0.0 && fraction <= 1.0) {
            return Err(Error::input(format!("modes: `fraction` must be above 0 and at most 1, found {fraction}")));
        }
        let most = (3 * atoms).saturating_sub(3).max(1);
        // A share that is meant to give a whole number must not lose one to rounding.
        let lowest = ((fraction * (3 * atoms) as f64 + 1e-9).floor() as usize).clamp(1, most);
        Ok(ModeSearch { lowest, tolerance: 1e-9, seed })
    }
}

/// Normal modes in ascending order of frequency, without the three translations.
///
/// ```math
/// D e_k = omega_k^2 e_k,    D = M^(-1/2) H M^(-1/2)
/// ```
/// The Hessian is exact and never stored as a matrix above 3000 degrees of freedom.
#[derive(Clone, Debug)]
pub struct Modes {
    eigenvalues: Vec<f64>,
    residuals: Vec<f64>,
    vectors: Mat<f64>,
    masses: Vec<f64>,
    largest_force: f64,
}

impl Modes {
    /// The lowest modes, found without a dense matrix.
    pub fn lowest(glass: &Glass, search: &ModeSearch, observer: &dyn Observer) -> Result<Modes> {
        if glass.is_empty() || search.lowest == 0 {
            return Err(Error::input("modes: `lowest` must be at least 1, of a glass with atoms"));
        }
        let (hessian, largest_force) = curvature(glass)?;
        let dynamical = DynamicalMatrix::new(&hessian, glass.configuration());
        let search = Search { count: search.lowest, tolerance: search.tolerance, seed: search.seed };
        let pairs = eigen::lowest(&dynamical, dynamical.translations().as_ref(), &search, observer)?;
        Ok(Modes::new(pairs, glass.configuration(), largest_force))
    }

    /// All `3 N - 3` modes, from a dense matrix; for at most 1000 atoms.
    pub fn all(glass: &Glass) -> Result<Modes> {
        if glass.is_empty() {
            return Err(Error::input("modes: at least one atom is needed"));
        }
        let (hessian, largest_force) = curvature(glass)?;
        let dynamical = DynamicalMatrix::new(&hessian, glass.configuration());
        let pairs = eigen::all(&dynamical, dynamical.translations().as_ref())?;
        Ok(Modes::new(pairs, glass.configuration(), largest_force))
    }

    fn new(pairs: eigen::Eigenpairs, configuration: &Configuration, largest_force: f64) -> Modes {
        Modes {
            eigenvalues: pairs.values,
            residuals: pairs.residuals,
            vectors: pairs.vectors,
            masses: configuration.masses(),
            largest_force,
        }
    }

    /// Norm of the largest force on an atom where the Hessian was taken [energy/length]; modes belong to a place where it
    /// is zero.
    pub fn largest_force(&self) -> f64 {
        self.largest_force
    }

    /// Number of modes.
    pub fn len(&self) -> usize {
        self.eigenvalues.len()
    }

    /// True when there is no mode.
    pub fn is_empty(&self) -> bool {
        self.eigenvalues.is_empty()
    }

    /// Number of atoms.
    pub fn atoms(&self) -> usize {
        self.masses.len()
    }

    /// Squares of the angular frequencies [energy/length^2/mass, kernel units].
    pub fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }

    /// `|D e - omega^2 e|` of each mode [energy/length^2/mass, kernel units].
    pub fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    /// Frequencies `omega / 2 pi` [THz]; an unstable mode has the negative of its imaginary frequency.
    pub fn frequencies(&self) -> Vec<f64> {
        self.eigenvalues.iter().map(|x| x.signum() * x.abs().sqrt() / (2.0 * PI * units::TIME)).collect()
    }

    /// Polarization vectors of mode `k`, one for each atom; all together they have length 1.
    ///
    /// The displacement of an atom is its polarization vector divided by the square root of its mass.
    pub fn vector(&self, k: usize) -> Result<Vec<Vector>> {
        if k >= self.len() {
            return Err(Error::input(format!(
                "modes: there is no mode {k}; they are numbered 0 to {}",
                self.len() - 1
            )));
        }
        Ok((0..self.atoms()).map(|atom| self.polarization(atom, k)).collect())
    }

    /// Participation fraction of each atom, the sum of its squared polarization vectors over these modes.
    ///
    /// ```math
    /// p_i = sum_k |e_ik|^2,    sum_i p_i = number of modes
    /// ```
    /// Widmer-Cooper, Perry, Harrowell, Reichman, Nat. Phys. 4, 711 (2008), <https://doi.org/10.1038/nphys1025>.
    pub fn participation(&self) -> Vec<f64> {
        self.sum_over_modes(|_| 1.0)
    }

    /// Participation ratio of each mode: 1 when all atoms take part alike, 1/N when only one does.
    ///
    /// ```math
    /// P_k = [ sum_i |e_ik|^2 ]^2 / ( N sum_i |e_ik|^4 )
    /// ```
    /// Bell, Dean, Discuss. Faraday Soc. 50, 55 (1970), <https://doi.org/10.1039/DF9705000055>.
    pub fn participation_ratio(&self) -> Vec<f64> {
        let ratio = |k| {
            let squares = (0..self.atoms()).map(|atom| self.polarization(atom, k).norm_squared());
            let (sum, sum_of_squares) = squares.fold((0.0, 0.0), |(a, b), x| (a + x, b + x * x));
            sum * sum / (self.atoms() as f64 * sum_of_squares)
        };
        (0..self.len()).map(ratio).collect()
    }

    /// Classical harmonic mean squared displacement of each atom in these modes [length^2], at `kt` [energy].
    ///
    /// ```math
    /// <u_i^2> = (kT / m_i) sum_k |e_ik|^2 / omega_k^2
    /// ```
    /// NaN when a mode is not stable.
    pub fn mean_squared_displacement(&self, kt: f64) -> Vec<f64> {
        let mut sums = self.sum_over_modes(|value| if value > 0.0 { kt / value } else { f64::NAN });
        sums.iter_mut().zip(&self.masses).for_each(|(x, mass)| *x /= mass);
        sums
    }

    /// The modes and the translations as orthonormal columns.
    pub(super) fn with_translations(&self, dynamical: &DynamicalMatrix) -> Mat<f64> {
        let translations = dynamical.translations();
        Mat::from_fn(self.vectors.nrows(), self.len() + 3, |i, k| match k.checked_sub(self.len()) {
            Some(axis) => translations[(i, axis)],
            None => self.vectors[(i, k)],
        })
    }

    fn sum_over_modes(&self, weight: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.atoms()];
        for (k, &value) in self.eigenvalues.iter().enumerate() {
            let weight = weight(value);
            sums.iter_mut().enumerate().for_each(|(atom, x)| *x += weight * self.polarization(atom, k).norm_squared());
        }
        sums
    }

    fn polarization(&self, atom: usize, k: usize) -> Vector {
        Vector::from_fn(|axis, _| self.vectors[(3 * atom + axis, k)])
    }
}

pub(super) fn hessian(glass: &Glass) -> Result<Hessian> {
    Ok(curvature(glass)?.0)
}

/// The Hessian of a glass, and the largest force on an atom.
fn curvature(glass: &Glass) -> Result<(Hessian, f64)> {
    let configuration = glass.configuration();
    let mut engine = glass.engine()?;
    let largest_force = largest_norm(&engine.forces);
    Ok((engine.hessian(&configuration.cell, &configuration.positions)?, largest_force))
}

/// The Hessian between inverse square roots of masses, applied and never stored.
pub(super) struct DynamicalMatrix<'a> {
    hessian: &'a Hessian,
    inverse_root: Vec<f64>,
}

impl<'a> DynamicalMatrix<'a> {
    pub(super) fn new(hessian: &'a Hessian, configuration: &Configuration) -> DynamicalMatrix<'a> {
        let inverse_root = (0..configuration.len()).map(|atom| 1.0 / configuration.mass(atom).sqrt()).collect();
        DynamicalMatrix { hessian, inverse_root }
    }

    /// Translations along x, y and z as orthonormal columns: the square roots of the masses.
    pub(super) fn translations(&self) -> Mat<f64> {
        let total: f64 = self.inverse_root.iter().map(|w| 1.0 / (w * w)).sum();
        let value = |i: usize, k: usize| if i % 3 == k { 1.0 / (self.inverse_root[i / 3] * total.sqrt()) } else { 0.0 };
        Mat::from_fn(self.len(), 3, value)
    }
}

impl Operator for DynamicalMatrix<'_> {
    fn len(&self) -> usize {
        3 * self.inverse_root.len()
    }

    fn apply(&self, x: MatRef<f64>, y: MatMut<f64>) {
        let mut y = y;
        for start in (0..x.ncols()).step_by(PANEL) {
            let columns = PANEL.min(x.ncols() - start);
            let mut panel = vec![0.0; x.nrows() * columns];
            let mut product = panel.clone();
            for (i, row) in panel.chunks_exact_mut(columns).enumerate() {
                let weight = self.inverse_root[i / 3];
                row.iter_mut().enumerate().for_each(|(k, value)| *value = x[(i, start + k)] * weight);
            }
            self.hessian.apply_panel(&panel, &mut product, columns);
            for (i, row) in product.chunks_exact(columns).enumerate() {
                let weight = self.inverse_root[i / 3];
                row.iter().enumerate().for_each(|(k, value)| y[(i, start + k)] = value * weight);
            }
        }
    }
}

/// Vectors that the Hessian is applied to together.
const PANEL: usize = 16;
