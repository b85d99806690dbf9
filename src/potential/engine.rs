//! Energy, forces and virial of a whole sample.

use super::Potential;
use super::hessian::Hessian;
use crate::cell::{Cell, Tensor, Vector};
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use crate::neighbor::Neighbors;
use std::sync::Arc;

/// Width by which the neighbour list reaches beyond the cutoff [length].
const SKIN: f64 = 1.0;

/// Evaluates a potential on one sample and keeps its neighbour list between calls.
#[derive(Debug)]
pub struct Engine {
    potential: Arc<Potential>,
    species: Vec<usize>,
    list: Option<List>,
    density: Vec<f64>,
    slope: Vec<f64>,
    /// Potential energy of the last evaluation [energy].
    pub energy: f64,
    /// Forces of the last evaluation [energy/length].
    pub forces: Vec<Vector>,
    /// Virial of the last evaluation, `sum of r f` over pairs [energy]; pressure is `trace / (3 V)`.
    pub virial: Tensor,
}

/// Half list of pairs with the whole-cell shifts that were nearest when it was made.
#[derive(Debug)]
struct List {
    cell: Cell,
    positions: Vec<Vector>,
    skin: f64,
    pairs: Vec<(u32, u32, Vector)>,
}

impl Engine {
    /// An engine for the atoms of a configuration, whose species are found in the potential by name.
    pub fn new(potential: &Arc<Potential>, configuration: &Configuration) -> Result<Engine> {
        let numbers =
            configuration.elements.iter().map(|e| potential.species(&e.name)).collect::<Result<Vec<usize>>>()?;
        configuration.cell.check_cutoff(potential.cutoff(), "potential")?;
        let atoms = configuration.len();
        Ok(Engine {
            potential: potential.clone(),
            species: configuration.species.iter().map(|&kind| numbers[kind]).collect(),
            list: None,
            density: vec![0.0; atoms],
            slope: vec![0.0; atoms],
            energy: 0.0,
            forces: vec![Vector::zeros(); atoms],
            virial: Tensor::zeros(),
        })
    }

    /// The potential it evaluates.
    pub fn potential(&self) -> &Arc<Potential> {
        &self.potential
    }

    /// Number of each atom's species in the potential.
    pub fn species(&self) -> &[usize] {
        &self.species
    }

    /// Compute energy, forces and virial; an error when the cell is too small or a position is not finite.
    pub fn evaluate(&mut self, cell: &Cell, positions: &[Vector]) -> Result<()> {
        self.update_list(cell, positions)?;
        let potential = self.potential.clone();
        let cutoff = potential.cutoff() * potential.cutoff();
        let list = self.list.as_ref().expect("made above");
        self.density.fill(0.0);
        self.forces.fill(Vector::zeros());
        self.virial = Tensor::zeros();
        self.energy = 0.0;
        for &(i, j, shift) in &list.pairs {
            let (i, j) = (i as usize, j as usize);
            let d = positions[j] - positions[i] + cell.matrix() * shift;
            if d.norm_squared() < cutoff {
                let (a, b, r) = (self.species[i], self.species[j], d.norm());
                self.density[i] += potential.density(a, b).evaluate(r)[0];
                self.density[j] += potential.density(b, a).evaluate(r)[0];
            }
        }
        for (atom, &kind) in self.species.iter().enumerate() {
            let f = potential.embedding(kind).evaluate(self.density[atom]);
            self.energy += f[0];
            self.slope[atom] = f[1];
        }
        for &(i, j, shift) in &list.pairs {
            let (i, j) = (i as usize, j as usize);
            let d = positions[j] - positions[i] + cell.matrix() * shift;
            if d.norm_squared() < cutoff {
                let (a, b, r) = (self.species[i], self.species[j], d.norm());
                let phi = potential.pair(a, b).evaluate(r);
                self.energy += phi[0];
                let slope = phi[1]
                    + self.slope[i] * potential.density(a, b).evaluate(r)[1]
                    + self.slope[j] * potential.density(b, a).evaluate(r)[1];
                let force = d * (slope / r);
                self.forces[i] += force;
                self.forces[j] -= force;
                self.virial -= d * force.transpose();
            }
        }
        if !self.energy.is_finite() {
            return Err(Error::numeric("potential: the energy is not finite; do atoms overlap?"));
        }
        Ok(())
    }

    /// Energy of each atom: half of its pairs and its embedding [energy].
    pub fn atom_energies(&mut self, cell: &Cell, positions: &[Vector]) -> Result<Vec<f64>> {
        self.evaluate(cell, positions)?;
        let list = self.list.as_ref().expect("made by evaluate");
        let mut energies: Vec<f64> = (self.species.iter().zip(&self.density))
            .map(|(&kind, &rho)| self.potential.embedding(kind).evaluate(rho)[0])
            .collect();
        for &(i, j, shift) in &list.pairs {
            let (i, j) = (i as usize, j as usize);
            let r = (positions[j] - positions[i] + cell.matrix() * shift).norm();
            if r < self.potential.cutoff() {
                let half = 0.5 * self.potential.pair(self.species[i], self.species[j]).evaluate(r)[0];
                energies[i] += half;
                energies[j] += half;
            }
        }
        Ok(energies)
    }

    /// The second derivatives of the energy at these positions.
    pub fn hessian(&mut self, cell: &Cell, positions: &[Vector]) -> Result<Hessian> {
        self.update_list(cell, positions)?;
        let list = self.list.as_ref().expect("made above");
        let pairs = (list.pairs.iter())
            .map(|&(i, j, shift)| {
                (i as usize, j as usize, positions[j as usize] - positions[i as usize] + cell.matrix() * shift)
            })
            .filter(|p| p.2.norm() < self.potential.cutoff());
        Ok(Hessian::new(&self.potential, &self.species, pairs))
    }

    fn update_list(&mut self, cell: &Cell, positions: &[Vector]) -> Result<()> {
        let cutoff = self.potential.cutoff();
        if self.list.as_ref().is_some_and(|list| list.holds(cell, positions, cutoff)) {
            return Ok(());
        }
        cell.check_cutoff(cutoff, "potential")?;
        let skin = SKIN.min(0.5 * cell.smallest_width() - cutoff);
        let neighbors = Neighbors::new(cell, positions, cutoff + skin)?;
        let mut pairs = Vec::new();
        for i in 0..positions.len() {
            for (j, vector, _) in neighbors.of(i).filter(|n| n.0 > i) {
                let shift = cell.fractional(&(vector - positions[j] + positions[i])).map(f64::round);
                pairs.push((i as u32, j as u32, shift));
            }
        }
        self.list = Some(List { cell: cell.clone(), positions: positions.to_vec(), skin, pairs });
        Ok(())
    }
}

impl List {
    /// True when no pair outside the list can have come within the cutoff.
    fn holds(&self, cell: &Cell, positions: &[Vector], cutoff: f64) -> bool {
        let gradient = cell.matrix() * self.cell.inverse();
        let stretch = (gradient - Tensor::identity()).norm();
        let moved = (positions.iter().zip(&self.positions))
            .map(|(now, then)| (now - gradient * then).norm_squared())
            .fold(0.0, f64::max)
            .sqrt();
        (cutoff + self.skin) * (1.0 - stretch) - 2.0 * moved >= cutoff
    }
}
