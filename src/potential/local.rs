//! Exact evaluation restricted to a set of active atoms, at a cost proportional to the set.

use super::{Engine, Potential};
use crate::cell::Vector;
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use std::sync::Arc;

/// Energy and forces as functions of the positions of the active atoms, all others frozen.
#[derive(Debug)]
pub struct LocalEngine {
    engine: Engine,
    configuration: Configuration,
    active: Vec<usize>,
    start: f64,
    /// Energy relative to the configuration it was made from [energy].
    pub energy: f64,
    /// Forces on the active atoms [energy/length].
    pub forces: Vec<Vector>,
}

impl LocalEngine {
    /// An engine in which the atoms `active` (distinct) move and all others stay where `configuration` has them.
    pub fn new(potential: &Arc<Potential>, configuration: &Configuration, active: &[usize]) -> Result<LocalEngine> {
        if let Some(&atom) = active.iter().find(|&&atom| atom >= configuration.len()) {
            return Err(Error::input(format!("there is no atom {}; the glass has {}", atom + 1, configuration.len())));
        }
        let mut engine = Engine::new(potential, configuration)?;
        engine.evaluate(&configuration.cell, &configuration.positions)?;
        let start = engine.energy;
        let forces = active.iter().map(|&atom| engine.forces[atom]).collect();
        Ok(LocalEngine {
            engine,
            configuration: configuration.clone(),
            active: active.to_vec(),
            start,
            energy: 0.0,
            forces,
        })
    }

    /// The active atoms, in the order of all per-atom data of this engine.
    pub fn active(&self) -> &[usize] {
        &self.active
    }

    /// Compute `energy` and `forces` for these positions of the active atoms.
    pub fn evaluate(&mut self, positions: &[Vector]) -> Result<()> {
        self.place(positions);
        self.engine.evaluate(&self.configuration.cell, &self.configuration.positions)?;
        self.energy = self.engine.energy - self.start;
        self.forces = self.active.iter().map(|&atom| self.engine.forces[atom]).collect();
        Ok(())
    }

    /// The Hessian of the active atoms at these positions.
    pub fn hessian(&mut self, positions: &[Vector]) -> Result<LocalHessian> {
        self.place(positions);
        let hessian = self.engine.hessian(&self.configuration.cell, &self.configuration.positions)?;
        Ok(LocalHessian { hessian, active: self.active.clone() })
    }

    fn place(&mut self, positions: &[Vector]) {
        for (&atom, position) in self.active.iter().zip(positions) {
            self.configuration.positions[atom] = *position;
        }
    }
}

/// The block of the Hessian that belongs to the active atoms.
#[derive(Clone, Debug)]
pub struct LocalHessian {
    hessian: super::Hessian,
    active: Vec<usize>,
}

impl LocalHessian {
    /// `out = H v` over the active atoms.
    pub fn apply(&self, v: &[Vector], out: &mut [Vector]) {
        let mut all = vec![Vector::zeros(); self.hessian.len()];
        let mut product = all.clone();
        self.active.iter().zip(v).for_each(|(&atom, x)| all[atom] = *x);
        self.hessian.apply(&all, &mut product);
        self.active.iter().zip(out).for_each(|(&atom, x)| *x = product[atom]);
    }
}
