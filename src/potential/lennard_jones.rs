//! Lennard-Jones mixtures, with the Kob-Andersen and Wahnstrom parameters.

use super::Potential;
use super::radial::{Embedding, Radial};
use crate::configuration::Element;
use crate::error::{Error, Result};
use std::sync::Arc;

/// A Lennard-Jones mixture, cut and shifted.
///
/// ```math
/// U(r) = 4 e [ (s/r)^12 - (s/r)^6 ] - U_0,   r < cutoff * s
/// ```
/// Jones, Proc. R. Soc. A 106, 463 (1924), <https://doi.org/10.1098/rspa.1924.0082>.
#[derive(Clone, Debug, PartialEq)]
pub struct LennardJones {
    /// Species, masses in units of mass.
    pub elements: Vec<Element>,
    /// Depths of each pair of species, `a * n + b` [energy].
    pub epsilon: Vec<f64>,
    /// Distances of zero energy of each pair [length].
    pub sigma: Vec<f64>,
    /// Cutoff in units of each pair's sigma.
    pub cutoff: f64,
}

impl LennardJones {
    /// A mixture from the names and masses of its species; a single `epsilon` or `sigma` holds for all pairs, otherwise there
    /// is one for each, `a * n + b`.
    pub fn mixture(
        names: Vec<String>,
        masses: Vec<f64>,
        epsilon: Vec<f64>,
        sigma: Vec<f64>,
        cutoff: f64,
    ) -> Result<LennardJones> {
        let n = names.len();
        let spread = |list: Vec<f64>, length: usize| if list.len() == 1 { vec![list[0]; length] } else { list };
        let masses = spread(masses, n);
        if n == 0 || masses.len() != n {
            return Err(Error::input(format!(
                "lennard_jones: {n} names and {} masses; expected as many",
                masses.len()
            )));
        }
        if let Some(name) = (0..n).find(|&k| names[k].trim().is_empty() || names[..k].contains(&names[k])) {
            return Err(Error::input(format!(
                "lennard_jones: `name` must be different names, found \"{}\"",
                names[name]
            )));
        }
        if !masses.iter().all(|m| *m > 0.0) {
            return Err(Error::input("lennard_jones: masses must be positive"));
        }
        if !epsilon.iter().all(|e| *e >= 0.0) || !sigma.iter().all(|s| *s > 0.0) {
            return Err(Error::input("lennard_jones: `sigma` must be positive, `epsilon` not negative"));
        }
        let (epsilon, sigma) = (spread(epsilon, n * n), spread(sigma, n * n));
        let symmetric = |list: &[f64]| (0..list.len()).all(|k| list.get(k % n * n + k / n) == Some(&list[k]));
        if epsilon.len() == n * n && sigma.len() == n * n && !(symmetric(&epsilon) && symmetric(&sigma)) {
            return Err(Error::input("lennard_jones: epsilon and sigma must be the same for the pairs a-b and b-a"));
        }
        let elements = names.into_iter().zip(masses).map(|(name, mass)| Element { name, mass }).collect();
        Ok(LennardJones { elements, epsilon, sigma, cutoff })
    }

    /// The binary mixture of Kob and Andersen, PRE 51, 4626 (1995), <https://doi.org/10.1103/PhysRevE.51.4626>.
    pub fn kob_andersen() -> LennardJones {
        LennardJones {
            elements: vec![Element { name: "A".into(), mass: 1.0 }, Element { name: "B".into(), mass: 1.0 }],
            epsilon: vec![1.0, 1.5, 1.5, 0.5],
            sigma: vec![1.0, 0.8, 0.8, 0.88],
            cutoff: 2.5,
        }
    }

    /// The binary mixture of Wahnstrom, PRA 44, 3752 (1991), <https://doi.org/10.1103/PhysRevA.44.3752>.
    pub fn wahnstrom() -> LennardJones {
        LennardJones {
            elements: vec![Element { name: "A".into(), mass: 2.0 }, Element { name: "B".into(), mass: 1.0 }],
            epsilon: vec![1.0; 4],
            sigma: vec![1.0, 11.0 / 12.0, 11.0 / 12.0, 5.0 / 6.0],
            cutoff: 2.5,
        }
    }

    /// The potential of these parameters.
    pub fn potential(self, label: &str) -> Result<Arc<Potential>> {
        let n = self.elements.len();
        if self.epsilon.len() != n * n || self.sigma.len() != n * n {
            return Err(Error::input(format!("lennard_jones: {n} species need {} values of epsilon and sigma", n * n)));
        }
        if !(self.cutoff > 0.0 && self.sigma.iter().all(|s| *s > 0.0)) {
            return Err(Error::input("lennard_jones: cutoff and sigma must be positive"));
        }
        let pair = (self.epsilon.iter().zip(&self.sigma))
            .map(|(&epsilon, &sigma)| {
                let s6 = self.cutoff.powi(-6);
                let shift = 4.0 * epsilon * (s6 * s6 - s6);
                Radial::LennardJones { epsilon, sigma, cutoff: self.cutoff * sigma, shift }
            })
            .collect();
        Potential::new(label, self.elements, pair, vec![Radial::Zero; n * n], vec![Embedding::Zero; n])
    }
}
