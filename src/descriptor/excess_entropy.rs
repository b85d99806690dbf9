//! Two-body excess entropy of each atom.

use super::local_function::{LocalRadialDistribution, Quadrature};
use crate::cell::{Cell, Vector};
use crate::error::Result;
use crate::observer::Observer;

/// Two-body excess entropy of each atom, in k_B.
///
/// ```math
/// S2_i = -2 pi  sum_v rho_v  int_0^cutoff [ g ln g - g + 1 ] r^2 dr
/// ```
///
/// `g` is the local partial function of atom i with species v, smeared by a Gaussian, and `rho_v` the density of v.
/// Nettleton and Green, J. Chem. Phys. 29, 1365 (1958), <https://doi.org/10.1063/1.1744724>; for single atoms
/// Piaggi and Parrinello, J. Chem. Phys. 147, 114112 (2017), <https://doi.org/10.1063/1.4998408>.
///
/// ```
/// use vitric::cell::{Cell, Vector};
/// use vitric::descriptor::ExcessEntropy;
/// use vitric::observer::Silent;
/// let cell = Cell::orthogonal(20.0, 20.0, 20.0)?;
/// let positions = [Vector::zeros(), Vector::new(3.0, 0.0, 0.0)];
/// let s2 = ExcessEntropy::default().each(&cell, &positions, &[0, 0], 1, &[4.0, 8.0], &Silent)?;
/// assert!(s2[1][0] < s2[0][0] && s2[0][0] < 0.0);
/// # Ok::<(), vitric::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExcessEntropy {
    /// Width of the Gaussian [length]; 0.15 A is in the middle of the range where the result hardly depends on it.
    pub smearing: f64,
    /// Radial step [length].
    pub step: f64,
    /// Distance at which the Gaussian is cut off, in units of its width.
    pub widths: f64,
    /// Rule of integration.
    pub quadrature: Quadrature,
}

impl Default for ExcessEntropy {
    fn default() -> ExcessEntropy {
        ExcessEntropy { smearing: 0.15, step: 0.02, widths: 6.0, quadrature: Quadrature::Cubic }
    }
}

impl ExcessEntropy {
    /// S2 of every atom for every cutoff [length], from one pass: `[cutoff][atom]` [k_B].
    pub fn each(
        &self,
        cell: &Cell,
        positions: &[Vector],
        species: &[usize],
        kinds: usize,
        cutoffs: &[f64],
        observer: &dyn Observer,
    ) -> Result<Vec<Vec<f64>>> {
        let mut entropy = vec![vec![0.0; positions.len()]; cutoffs.len()];
        let rdf = LocalRadialDistribution {
            cutoff: cutoffs.iter().copied().fold(0.0, f64::max),
            smearing: self.smearing,
            step: self.step,
            widths: self.widths,
        };
        for kind in 0..kinds {
            let density = species.iter().filter(|&&s| s == kind).count() as f64 / cell.volume();
            let g = rdf.around(&[(cell, positions)], species, kind)?;
            let integrand = g.xlogx().subtract(&g)?.add_scalar(1.0);
            let parts = integrand.integrate_sphere(0.0, cutoffs, self.quadrature, observer)?;
            for (sum, part) in entropy.iter_mut().zip(parts) {
                sum.iter_mut().zip(part).for_each(|(sum, part)| *sum -= 0.5 * density * part);
            }
        }
        Ok(entropy)
    }
}
