//! Atoms and cell relaxed together.

use super::Landscape;
use crate::cell::{Cell, Tensor, Vector};
use crate::error::{Error, Result};
use crate::potential::Engine;
use crate::units;
use std::str::FromStr;

/// Which changes of the cell are allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Freedom {
    /// None.
    #[default]
    Fixed,
    /// Of the volume alone; the shape stays.
    Isotropic,
    /// Of all six components of the strain; the cell does not rotate.
    Flexible,
}

impl FromStr for Freedom {
    type Err = Error;

    fn from_str(name: &str) -> Result<Freedom> {
        match name {
            "fixed" => Ok(Freedom::Fixed),
            "iso" | "isotropic" => Ok(Freedom::Isotropic),
            "flexible" => Ok(Freedom::Flexible),
            _ => Err(Error::input(format!("`cell` must be \"fixed\", \"iso\" or \"flexible\", found \"{name}\""))),
        }
    }
}

/// Change of volume at which a cell counts as collapsed or evaporated.
const VOLUME_RANGE: std::ops::Range<f64> = 0.2..5.0;

/// The enthalpy as a function of the positions in a reference cell and of the symmetric strain of that cell.
///
/// ```math
/// H(x, e) = E((1 + e) x) + p V,    cell = (1 + e) cell_0,    dH/de = -(W - p V) (1 + e)^(-1),  symmetric part
/// ```
/// The variables are the N positions `x` followed by the three rows of `L e`. The length `L = N^(1/2) (V/N)^(1/3)` makes
/// the curvature along the strain, about `C V` with elastic constants C, as large as that along one position.
/// Tadmor et al., Phys. Rev. B 59, 235 (1999), <https://doi.org/10.1103/PhysRevB.59.235>.
#[derive(Debug)]
pub struct FlexibleCell<'a> {
    reference: Cell,
    engine: &'a mut Engine,
    freedom: Freedom,
    pressure: f64,
    length: f64,
    placed: Vec<Vector>,
}

impl<'a> FlexibleCell<'a> {
    /// A landscape around a reference cell; `pressure` is the target [energy/length^3].
    pub fn new(reference: &Cell, engine: &'a mut Engine, freedom: Freedom, pressure: f64) -> FlexibleCell<'a> {
        let atoms = engine.species().len().max(1) as f64;
        let length = atoms.sqrt() * (reference.volume() / atoms).cbrt();
        FlexibleCell { reference: reference.clone(), engine, freedom, pressure, length, placed: Vec::new() }
    }

    /// The variables of positions in the unstrained cell.
    pub fn variables(&self, positions: &[Vector]) -> Vec<Vector> {
        positions.iter().copied().chain([Vector::zeros(); 3]).collect()
    }

    /// The strain among the variables.
    pub fn strain(&self, variables: &[Vector]) -> Tensor {
        let rows = &variables[variables.len() - 3..];
        Tensor::from_fn(|i, j| rows[i][j]) / self.length
    }

    /// Write the true positions and return the cell.
    pub fn read(&self, variables: &[Vector], positions: &mut Vec<Vector>) -> Result<Cell> {
        let gradient = Tensor::identity() + self.strain(variables);
        positions.clear();
        positions.extend(variables[..variables.len() - 3].iter().map(|x| gradient * x));
        self.reference.deformed(&gradient)
    }
}

impl Landscape for FlexibleCell<'_> {
    fn evaluate(&mut self, variables: &[Vector], forces: &mut [Vector]) -> Result<f64> {
        let mut placed = std::mem::take(&mut self.placed);
        let cell = self.read(variables, &mut placed)?;
        let times = cell.volume() / self.reference.volume();
        if !VOLUME_RANGE.contains(&times) {
            let pressure = self.pressure * units::GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM;
            return Err(Error::numeric(format!(
                "minimize: at a pressure of {pressure:.3} GPa the cell has come to {times:.2} times its volume"
            )));
        }
        self.engine.evaluate(&cell, &placed)?;
        self.placed = placed;
        let gradient = Tensor::identity() + self.strain(variables);
        let inverse = gradient.try_inverse().ok_or_else(|| Error::numeric("minimize: the cell has collapsed"))?;
        let volume = cell.volume();
        for (force, f) in forces.iter_mut().zip(&self.engine.forces) {
            *force = gradient * f;
        }
        let product = (self.engine.virial - Tensor::identity() * (self.pressure * volume)) * inverse;
        let pull = match self.freedom {
            Freedom::Fixed => Tensor::zeros(),
            Freedom::Isotropic => Tensor::identity() * (product.trace() / 3.0),
            Freedom::Flexible => (product + product.transpose()) * 0.5,
        };
        let first = forces.len() - 3;
        for row in 0..3 {
            forces[first + row] = pull.row(row).transpose() / self.length;
        }
        Ok(self.engine.energy + self.pressure * volume)
    }
}
