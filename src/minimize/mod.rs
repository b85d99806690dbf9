//! Inherent structures: descent to a local minimum of the energy.

use crate::cell::{Cell, Vector};
use crate::error::Result;
use crate::potential::{Engine, LocalEngine};

/// An energy as a function of positions; what a minimizer or a saddle search walks on.
pub trait Landscape {
    /// Energy at these positions; the forces are written to `forces`.
    fn evaluate(&mut self, positions: &[Vector], forces: &mut [Vector]) -> Result<f64>;
}

/// All atoms of a sample in a fixed cell.
#[derive(Debug)]
pub struct FixedCell<'a> {
    /// The cell.
    pub cell: &'a Cell,
    /// The engine of the sample.
    pub engine: &'a mut Engine,
}

impl Landscape for FixedCell<'_> {
    fn evaluate(&mut self, positions: &[Vector], forces: &mut [Vector]) -> Result<f64> {
        self.engine.evaluate(self.cell, positions)?;
        forces.copy_from_slice(&self.engine.forces);
        Ok(self.engine.energy)
    }
}

impl Landscape for LocalEngine {
    fn evaluate(&mut self, positions: &[Vector], forces: &mut [Vector]) -> Result<f64> {
        LocalEngine::evaluate(self, positions)?;
        forces.copy_from_slice(&self.forces);
        Ok(self.energy)
    }
}
