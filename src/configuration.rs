//! Plain data of a sample: cell, species, positions, velocities.

use crate::cell::{Cell, Vector};
use crate::error::{Error, Result};
use crate::file::checksum;
use crate::units;

/// Most atoms that a function makes: beyond, a slip is likelier than a sample.
pub const MOST_ATOMS: usize = 100_000_000;

/// A chemical element or a made-up species of a model glass former.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Symbol, such as `Cu`.
    pub name: String,
    /// Mass [u].
    pub mass: f64,
}

/// The state of a sample.
///
/// Positions are unwrapped: an atom that leaves through one face keeps its coordinates, so the difference of two
/// configurations of one run is the true displacement. Kernels take any periodic image.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration {
    /// Periodic cell.
    pub cell: Cell,
    /// The species that occur, in the order of their numbers.
    pub elements: Vec<Element>,
    /// Species of each atom: an index into `elements`.
    pub species: Vec<usize>,
    /// Unwrapped positions [length].
    pub positions: Vec<Vector>,
    /// Velocities [length/time, kernel units]; empty when there are none.
    pub velocities: Vec<Vector>,
}

impl Configuration {
    /// A configuration at rest; checks that lengths agree and numbers are finite.
    pub fn new(
        cell: Cell,
        elements: Vec<Element>,
        species: Vec<usize>,
        positions: Vec<Vector>,
    ) -> Result<Configuration> {
        let configuration = Configuration { cell, elements, species, positions, velocities: Vec::new() };
        configuration.check()?;
        Ok(configuration)
    }

    /// An error when lengths disagree, a species is unknown, a mass is not positive or a number is not finite.
    pub fn check(&self) -> Result<()> {
        let atoms = self.positions.len();
        if self.species.len() != atoms {
            return Err(Error::input(format!("configuration: {} species for {atoms} positions", self.species.len())));
        }
        if !self.velocities.is_empty() && self.velocities.len() != atoms {
            return Err(Error::input(format!(
                "configuration: {} velocities for {atoms} positions",
                self.velocities.len()
            )));
        }
        if let Some(element) = self.elements.iter().find(|e| e.mass.is_nan() || e.mass <= 0.0) {
            return Err(Error::input(format!(
                "configuration: the mass of {} must be positive, found {}",
                element.name, element.mass
            )));
        }
        for (atom, (&kind, position)) in self.species.iter().zip(&self.positions).enumerate() {
            if kind >= self.elements.len() {
                return Err(Error::input(format!(
                    "configuration: atom {} has an unknown species {}",
                    atom + 1,
                    kind + 1
                )));
            }
            if !position.iter().all(|x| x.is_finite()) {
                return Err(Error::input(format!("configuration: the position of atom {} is not finite", atom + 1)));
            }
        }
        Ok(())
    }

    /// The periodic cell repeated along its edges, one copy of all atoms after the other, with their velocities.
    pub fn repeated(&self, times: [usize; 3]) -> Result<Configuration> {
        let copies = times.iter().try_fold(1_usize, |product, &n| product.checked_mul(n)).unwrap_or(usize::MAX);
        let atoms = copies.saturating_mul(self.len());
        if copies == 0 || atoms > MOST_ATOMS {
            return Err(Error::input(format!(
                "repeat: the numbers must be 1 or more and make at most {MOST_ATOMS} atoms, found {times:?}"
            )));
        }
        let edges = self.cell.matrix();
        let [a, b, c] = times;
        let mut larger = *edges;
        (0..3).for_each(|k| larger.column_mut(k).scale_mut(times[k] as f64));
        let corners = (0..a).flat_map(|i| (0..b).flat_map(move |j| (0..c).map(move |k| [i, j, k])));
        let corners = corners.map(|corner| edges * Vector::from(corner.map(|n| n as f64)));
        let repeated = Configuration {
            cell: Cell::new(larger)?,
            elements: self.elements.clone(),
            species: self.species.repeat(copies),
            positions: corners.flat_map(|corner| self.positions.iter().map(move |r| r + corner)).collect(),
            velocities: self.velocities.repeat(copies),
        };
        repeated.check()?;
        Ok(repeated)
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// True when there is no atom.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Mass of an atom [u].
    pub fn mass(&self, atom: usize) -> f64 {
        self.elements[self.species[atom]].mass
    }

    /// Masses of all atoms [u].
    pub fn masses(&self) -> Vec<f64> {
        self.species.iter().map(|&kind| self.elements[kind].mass).collect()
    }

    /// Number of atoms of each species.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.elements.len()];
        for &kind in &self.species {
            counts[kind] += 1;
        }
        counts
    }

    /// Mass density [g/cm^3].
    pub fn density(&self) -> f64 {
        self.masses().iter().sum::<f64>() / self.cell.volume() * units::DENSITY
    }

    /// Kinetic energy [energy]; zero without velocities.
    pub fn kinetic_energy(&self) -> f64 {
        self.velocities
            .iter()
            .zip(&self.species)
            .map(|(v, &kind)| 0.5 * self.elements[kind].mass * v.norm_squared())
            .sum()
    }

    /// Kinetic temperature [K] with the centre of mass at rest, `2 E_kin / (3 (N - 1) k_B)`.
    pub fn temperature(&self) -> f64 {
        let freedom = 3 * self.len().saturating_sub(1).max(1);
        2.0 * self.kinetic_energy() / (freedom as f64 * units::BOLTZMANN)
    }

    /// The name of the species of each atom.
    pub fn species_names(&self) -> impl Iterator<Item = &str> {
        self.species.iter().map(|&kind| self.elements[kind].name.as_str())
    }

    /// A checksum of cell, species and positions, to the last bit.
    pub fn fingerprint(&self) -> String {
        let mut bytes = Vec::new();
        let mut number = |x: f64| bytes.extend_from_slice(&x.to_bits().to_le_bytes());
        self.cell.matrix().iter().for_each(|&x| number(x));
        for (&kind, position) in self.species.iter().zip(&self.positions) {
            number(kind as f64);
            position.iter().for_each(|&x| number(x));
        }
        self.elements.iter().for_each(|e| bytes.extend_from_slice(e.name.as_bytes()));
        format!("{:016x}", checksum(&bytes))
    }
}
