//! Random packings without overlaps, to start a melt from.

use super::Composition;
use crate::cell::{Cell, Vector};
use crate::configuration::{Configuration, Element, MOST_ATOMS};
use crate::error::{Error, Result};
use crate::neighbor::Neighbors;
use crate::potential::{Engine, Potential};
use crate::random::{Purpose, stream};
use crate::units;
use rand::RngExt;
use rand::seq::SliceRandom;
use std::sync::Arc;

/// A random packing in a cubic cell.
///
/// Atoms are placed at random, species in random order, and pairs closer than `0.88 (V/N)^(1/3)` are pushed apart.
#[derive(Clone, Debug)]
pub struct Packing {
    /// Number of atoms.
    pub atoms: usize,
    /// Mass density [g/cm^3]. By default 0.9 of the density at which the energy of a random fcc solution is lowest.
    pub density: Option<f64>,
    /// Seed of the positions and of the order of species.
    pub seed: u64,
}

impl Default for Packing {
    fn default() -> Packing {
        Packing { atoms: 1000, density: None, seed: 0 }
    }
}

/// Smallest distance of a packing, in units of `(V/N)^(1/3)`: spheres of this diameter fill 36 % of space.
const CLOSEST: f64 = 0.88;

/// Most rounds of pushing atoms apart.
const MAX_ROUNDS: usize = 1000;

/// Volume of a liquid over that of the dense crystal.
const EXPANSION: f64 = 1.1;

impl Packing {
    /// Make the packing; an error when the cell would be too small for the potential.
    pub fn run(&self, composition: &Composition, potential: &Arc<Potential>) -> Result<Configuration> {
        if self.atoms == 0 || self.atoms > MOST_ATOMS {
            return Err(Error::input(format!("`atoms` must be from 1 to {MOST_ATOMS}, found {}", self.atoms)));
        }
        let elements = elements(composition, potential)?;
        let mut species: Vec<usize> =
            composition.counts(self.atoms).iter().enumerate().flat_map(|(k, &n)| std::iter::repeat_n(k, n)).collect();
        let mut random = stream(self.seed, Purpose::Packing, 0);
        species.shuffle(&mut random);
        let volume = match self.density {
            Some(density) if density.is_finite() && density > 0.0 => {
                species.iter().map(|&k| elements[k].mass).sum::<f64>() * units::DENSITY / density
            }
            Some(density) => return Err(Error::input(format!("`density` must be positive, found {density}"))),
            None => EXPANSION * self.atoms as f64 * crystal_volume(composition, potential)?,
        };
        let edge = volume.cbrt();
        let needed = 2.0 * potential.cutoff();
        if edge < needed {
            return Err(Error::input(format!(
                "{} atoms fill a cell of {edge:.2} A, but the cutoff needs {needed:.2} A: take at least {} atoms",
                self.atoms,
                (self.atoms as f64 * (needed / edge).powi(3)).ceil()
            )));
        }
        let cell = Cell::orthogonal(edge, edge, edge)?;
        let mut positions: Vec<Vector> =
            species.iter().map(|_| Vector::from_fn(|_, _| random.random_range(0.0..edge))).collect();
        push_apart(&cell, &mut positions, CLOSEST * (volume / self.atoms as f64).cbrt())?;
        Configuration::new(cell, elements, species, positions)
    }
}

fn elements(composition: &Composition, potential: &Potential) -> Result<Vec<Element>> {
    let find = |(name, _): &(String, f64)| Ok(potential.elements()[potential.species(name)?].clone());
    composition.parts().iter().map(find).collect()
}

/// Move atoms until no two are closer than a distance.
fn push_apart(cell: &Cell, positions: &mut [Vector], distance: f64) -> Result<()> {
    // A little beyond, so that the last overlaps vanish in a finite number of rounds.
    let reach = 1.02 * distance;
    for _ in 0..MAX_ROUNDS {
        let neighbors = Neighbors::new(cell, positions, reach)?;
        if !(0..positions.len()).any(|atom| neighbors.of(atom).any(|n| n.2 < distance)) {
            return Ok(());
        }
        for (atom, position) in positions.iter_mut().enumerate() {
            for (_, vector, r) in neighbors.of(atom) {
                *position -= vector * (0.5 * (reach - r) / r.max(1e-6));
            }
        }
    }
    Err(Error::numeric("the atoms do not fit without overlaps; take a lower `density`"))
}

/// Volume per atom at which the energy of a random fcc solution is lowest [length^3].
fn crystal_volume(composition: &Composition, potential: &Arc<Potential>) -> Result<f64> {
    let cutoff = potential.cutoff();
    let energy = |d: f64| crystal_energy(composition, potential, d).unwrap_or(f64::INFINITY);
    let (mut best, mut lowest) = (f64::NAN, f64::INFINITY);
    let mut step = 0.02 * cutoff;
    let mut tried: Vec<f64> = (10..=40).map(|k| k as f64 * step).collect();
    for _ in 0..4 {
        for d in tried {
            let e = energy(d);
            if e < lowest {
                (best, lowest) = (d, e);
            }
        }
        step *= 0.5;
        tried = vec![best - step, best + step];
    }
    if best.is_nan() {
        return Err(Error::input("no density found at which this potential binds; give a `density`"));
    }
    Ok(best.powi(3) / 2.0_f64.sqrt())
}

/// Energy per atom of a random fcc solution with a distance `d` between neighbours.
fn crystal_energy(composition: &Composition, potential: &Arc<Potential>, d: f64) -> Result<f64> {
    let edge = d * 2.0_f64.sqrt();
    let repeat = (2.01 * potential.cutoff() / edge).ceil() as usize;
    let basis = [[0.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]].map(Vector::from);
    let sites = (0..repeat.pow(3)).map(|n| [n % repeat, n / repeat % repeat, n / (repeat * repeat)]);
    let positions: Vec<Vector> =
        sites.flat_map(|s| basis.map(|b| (b + Vector::new(s[0] as f64, s[1] as f64, s[2] as f64)) * edge)).collect();
    let mut species: Vec<usize> = (composition.counts(positions.len()).iter().enumerate())
        .flat_map(|(k, &n)| std::iter::repeat_n(k, n))
        .collect();
    species.shuffle(&mut stream(0, Purpose::Packing, 1));
    let length = repeat as f64 * edge;
    let cell = Cell::orthogonal(length, length, length)?;
    let crystal = Configuration::new(cell, elements(composition, potential)?, species, positions)?;
    let mut engine = Engine::new(potential, &crystal)?;
    engine.evaluate(&crystal.cell, &crystal.positions)?;
    Ok(engine.energy / crystal.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(seed: u64) -> Configuration {
        let potential = Potential::built_in("CuZr-2009").unwrap();
        Packing { atoms: 400, seed, ..Default::default() }.run(&"Cu64Zr36".parse().unwrap(), &potential).unwrap()
    }

    #[test]
    fn a_packing_has_its_composition_and_no_overlaps() {
        let packing = pack(1);
        assert_eq!(packing.counts(), [256, 144]);
        let volume = packing.cell.volume() / 400.0;
        // The glass has 15.6 A^3 for each atom.
        assert!(volume > 15.0 && volume < 18.5, "{volume}");
        let closest = CLOSEST * volume.cbrt();
        assert_eq!(Neighbors::new(&packing.cell, &packing.positions, closest).unwrap().count(0), 0);
        let pairs: usize = {
            let neighbors = Neighbors::new(&packing.cell, &packing.positions, closest).unwrap();
            (0..400).map(|atom| neighbors.count(atom)).sum()
        };
        assert_eq!(pairs, 0);
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(pack(1), pack(1));
        assert_ne!(pack(1), pack(2));
    }

    #[test]
    fn too_few_atoms_say_how_many_are_needed() {
        let potential = Potential::built_in("CuZr-2009").unwrap();
        let packing = Packing { atoms: 50, ..Default::default() };
        let message = packing.run(&"Cu50Zr50".parse().unwrap(), &potential).err().unwrap().to_string();
        assert!(message.contains("take at least"), "{message}");
    }
}
