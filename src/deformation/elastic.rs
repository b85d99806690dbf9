//! Elastic constants of an inherent structure.

use crate::cell::{Tensor, Vector};
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use crate::minimize::dot;
use crate::observer::Observer;
use crate::potential::{Engine, Hessian, Potential};
use crate::units;
use nalgebra::Matrix6;
use std::sync::Arc;

/// Linear elastic response without temperature.
///
/// The stress is differentiated twice: with all atoms moving affinely (the Born term), and with each atom also following the
/// linear response to the forces that the strain brings up.
///
/// ```math
/// C_ab = d sigma_a / d epsilon_b,    H du/depsilon_b = df/depsilon_b
/// ```
/// Lemaitre, Maloney, J. Stat. Phys. 123, 415 (2006), <https://doi.org/10.1007/s10955-005-9015-5>. The stress is Cauchy's and
/// the deformation gradient is `1 + epsilon` with a symmetric epsilon, so that constants of a sample under stress are the
/// stress-strain coefficients, which are then not quite symmetric.
#[derive(Clone, Debug)]
pub struct Elastic {
    /// Strain of the central differences.
    pub strain: f64,
    /// Largest residual of the linear response relative to its forces.
    pub tolerance: f64,
}

impl Default for Elastic {
    fn default() -> Elastic {
        Elastic { strain: 1e-4, tolerance: 1e-8 }
    }
}

/// Elastic constants in the order xx, yy, zz, yz, xz, xy, with engineering shear strains [GPa].
#[derive(Clone, Debug)]
pub struct ElasticConstants {
    /// Atoms follow the strain affinely.
    pub affine: Matrix6<f64>,
    /// Atoms relax: the constants that an experiment on the sample would find.
    pub relaxed: Matrix6<f64>,
}

impl ElasticConstants {
    /// Shear modulus, averaged over directions [GPa].
    ///
    /// ```math
    /// G = [ C11 + C22 + C33 - C12 - C13 - C23 + 3 (C44 + C55 + C66) ] / 15
    /// ```
    /// Hill, Proc. Phys. Soc. A 65, 349 (1952), <https://doi.org/10.1088/0370-1298/65/5/307> (Voigt's average).
    pub fn shear_modulus(&self) -> f64 {
        let [diagonal, mixed, shear] = sums(&self.relaxed);
        (diagonal - mixed + 3.0 * shear) / 15.0
    }

    /// Bulk modulus [GPa].
    ///
    /// ```math
    /// K = [ C11 + C22 + C33 + 2 (C12 + C13 + C23) ] / 9
    /// ```
    pub fn bulk_modulus(&self) -> f64 {
        let [diagonal, mixed, _] = sums(&self.relaxed);
        (diagonal + 2.0 * mixed) / 9.0
    }

    /// Poisson's ratio of an isotropic solid with these moduli.
    pub fn poisson_ratio(&self) -> f64 {
        let (k, g) = (self.bulk_modulus(), self.shear_modulus());
        (3.0 * k - 2.0 * g) / (2.0 * (3.0 * k + g))
    }
}

/// `C11 + C22 + C33`, `C12 + C13 + C23` and `C44 + C55 + C66`, mixed terms as means of both sides of the diagonal.
fn sums(c: &Matrix6<f64>) -> [f64; 3] {
    let mixed = |i: usize, j: usize| 0.5 * (c[(i, j)] + c[(j, i)]);
    [(0..3).map(|k| c[(k, k)]).sum(), mixed(0, 1) + mixed(0, 2) + mixed(1, 2), (3..6).map(|k| c[(k, k)]).sum()]
}

/// Axes of the six components.
const VOIGT: [(usize, usize); 6] = [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)];

impl Elastic {
    /// The elastic constants of a configuration at a minimum of the energy.
    pub fn run(
        &self,
        configuration: &Configuration,
        potential: &Arc<Potential>,
        observer: &dyn Observer,
    ) -> Result<ElasticConstants> {
        if !(self.strain > 0.0 && self.strain < 0.1 && self.tolerance > 0.0) {
            return Err(Error::input("elastic: `strain` must be between 0 and 0.1 and `tolerance` positive"));
        }
        let mut engine = Engine::new(potential, configuration)?;
        let hessian = engine.hessian(&configuration.cell, &configuration.positions)?;
        let mut constants = ElasticConstants { affine: Matrix6::zeros(), relaxed: Matrix6::zeros() };
        let still = vec![Vector::zeros(); configuration.len()];
        observer.begin("elastic constants", 6);
        for column in 0..6 {
            if observer.interrupted() {
                observer.end();
                return Err(Error::interrupted());
            }
            let (stress, forces) = self.slopes(&mut engine, configuration, column, &still)?;
            constants.affine.set_column(column, &stress);
            let response = solve(&hessian, &forces, self.tolerance)?;
            let (stress, _) = self.slopes(&mut engine, configuration, column, &response)?;
            constants.relaxed.set_column(column, &stress);
            observer.advance(column as u64 + 1, &|| String::new());
        }
        observer.end();
        Ok(constants)
    }

    /// Central differences of stress [GPa] and forces under one strain, while atoms move by `response` beyond the affine.
    fn slopes(
        &self,
        engine: &mut Engine,
        configuration: &Configuration,
        component: usize,
        response: &[Vector],
    ) -> Result<(nalgebra::Vector6<f64>, Vec<Vector>)> {
        let mut side = |strain: f64| -> Result<(Tensor, Vec<Vector>)> {
            let gradient = Tensor::identity() + strain_tensor(component) * strain;
            let cell = configuration.cell.deformed(&gradient)?;
            let moved = configuration.positions.iter().zip(response).map(|(p, u)| gradient * p + u * strain);
            engine.evaluate(&cell, &moved.collect::<Vec<_>>())?;
            Ok((engine.virial * (-units::GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM / cell.volume()), engine.forces.clone()))
        };
        let (high, forces_high) = side(self.strain)?;
        let (low, forces_low) = side(-self.strain)?;
        let slope = (high - low) / (2.0 * self.strain);
        let stress = nalgebra::Vector6::from_fn(|k, _| 0.5 * (slope[VOIGT[k]] + slope[(VOIGT[k].1, VOIGT[k].0)]));
        let forces = forces_high.iter().zip(&forces_low).map(|(a, b)| (a - b) / (2.0 * self.strain)).collect();
        Ok((stress, forces))
    }
}

/// Symmetric strain of one component; a shear component is the engineering strain.
fn strain_tensor(component: usize) -> Tensor {
    let (i, j) = VOIGT[component];
    let mut strain = Tensor::zeros();
    strain[(i, j)] += 0.5;
    strain[(j, i)] += 0.5;
    strain
}

/// Solve `H u = f` by conjugate gradients; translations, which H does not see, are left out.
///
/// Hestenes, Stiefel, J. Res. Natl. Bur. Stand. 49, 409 (1952), <https://doi.org/10.6028/jres.049.044>.
fn solve(hessian: &Hessian, forces: &[Vector], tolerance: f64) -> Result<Vec<Vector>> {
    let atoms = forces.len();
    let mean = forces.iter().sum::<Vector>() / atoms as f64;
    let mut residual: Vec<Vector> = forces.iter().map(|f| f - mean).collect();
    let mut solution = vec![Vector::zeros(); atoms];
    let mut direction = residual.clone();
    let mut product = solution.clone();
    let mut square = dot(&residual, &residual);
    // In a perfect crystal of one atom a cell no strain brings up forces: rounding must not be solved for.
    let target = (tolerance * tolerance * square).max(1e-20 * atoms as f64);
    for _ in 0..30 * (atoms + 100) {
        if square <= target {
            return Ok(solution);
        }
        hessian.apply(&direction, &mut product);
        let curvature = dot(&direction, &product);
        if curvature <= 0.0 {
            return Err(Error::numeric("elastic: the glass is not at a minimum of the energy; minimize it first"));
        }
        let step = square / curvature;
        for k in 0..atoms {
            solution[k] += direction[k] * step;
            residual[k] -= product[k] * step;
        }
        let next = dot(&residual, &residual);
        direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + *d * (next / square));
        square = next;
    }
    Err(Error::numeric("elastic: the linear response did not converge; is the glass at a minimum of the energy?"))
}
