//! A glass: configuration, potential and where it came from.

pub mod composition;
pub mod packing;
pub mod trajectory;

pub use composition::Composition;
pub use trajectory::{Frame, Trajectory};

use crate::cell::{Cell, Tensor, Vector};
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use crate::potential::{Engine, Potential};
use crate::table::Table;
use crate::units;
use std::sync::Arc;

/// A sample with its potential and history; a clone is cheap.
#[derive(Clone, Debug)]
pub struct Glass {
    configuration: Arc<Configuration>,
    potential: Option<Arc<Potential>>,
    history: Arc<Vec<String>>,
    log: Option<Arc<Table>>,
    trajectory: Option<Arc<Trajectory>>,
}

impl Glass {
    /// A glass from a configuration, with or without a potential.
    pub fn new(configuration: Configuration, potential: Option<Arc<Potential>>) -> Glass {
        Glass {
            configuration: Arc::new(configuration),
            potential,
            history: Arc::new(Vec::new()),
            log: None,
            trajectory: None,
        }
    }

    /// Cell, species, positions, velocities.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// The potential; an error that says how to give one when there is none.
    pub fn potential(&self) -> Result<&Arc<Potential>> {
        self.potential.as_ref().ok_or_else(|| {
            Error::input("this glass has no potential; read it with #{ potential: potential(\"CuZr-2009\") }")
        })
    }

    /// The same glass with another potential.
    pub fn with_potential(&self, potential: Arc<Potential>) -> Glass {
        Glass { potential: Some(potential), ..self.clone() }
    }

    /// The same glass in a later state; `step` is a line of its history. Log and trajectory belong to the state before.
    pub fn then(&self, configuration: Configuration, step: impl Into<String>) -> Glass {
        let mut history = self.history.as_ref().clone();
        history.push(step.into());
        Glass {
            configuration: Arc::new(configuration),
            potential: self.potential.clone(),
            history: Arc::new(history),
            log: None,
            trajectory: None,
        }
    }

    /// The same glass with the log and the trajectory of the run that led to it.
    pub fn with_run(&self, log: Table, trajectory: Trajectory) -> Glass {
        Glass { log: Some(Arc::new(log)), trajectory: Some(Arc::new(trajectory)), ..self.clone() }
    }

    /// The same glass with the log of the calculation that led to it.
    pub fn with_log(&self, log: Table) -> Glass {
        Glass { log: Some(Arc::new(log)), ..self.clone() }
    }

    /// Log of the molecular dynamics run or minimisation that led to this glass.
    pub fn log(&self) -> Result<&Arc<Table>> {
        self.log
            .as_ref()
            .ok_or_else(|| Error::input("this glass has no log: it does not come straight from md or minimize"))
    }

    /// Frames of the molecular dynamics run that led to this glass.
    pub fn trajectory(&self) -> Result<&Arc<Trajectory>> {
        let missing = || Error::input("this glass has no trajectory: it does not come straight from md");
        self.trajectory.as_ref().ok_or_else(missing)
    }

    /// How the glass was made, one line for each step.
    pub fn history(&self) -> &[String] {
        &self.history
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.configuration.len()
    }

    /// True when there is no atom.
    pub fn is_empty(&self) -> bool {
        self.configuration.is_empty()
    }

    /// Periodic cell.
    pub fn cell(&self) -> &Cell {
        &self.configuration.cell
    }

    /// An engine at the positions of this glass, already evaluated.
    pub fn engine(&self) -> Result<Engine> {
        let mut engine = Engine::new(self.potential()?, &self.configuration)?;
        engine.evaluate(&self.configuration.cell, &self.configuration.positions)?;
        Ok(engine)
    }

    /// Potential energy [eV].
    pub fn energy(&self) -> Result<f64> {
        Ok(self.engine()?.energy)
    }

    /// Forces [eV/A].
    pub fn forces(&self) -> Result<Vec<Vector>> {
        Ok(self.engine()?.forces)
    }

    /// Cauchy stress [GPa], positive in tension: minus the virial and the kinetic part, divided by the volume.
    ///
    /// ```math
    /// sigma = -(1/V) [ sum_pairs r f + sum_i m_i v_i v_i ]
    /// ```
    pub fn stress(&self) -> Result<Tensor> {
        let mut total = self.engine()?.virial;
        let configuration = &self.configuration;
        for (atom, v) in configuration.velocities.iter().enumerate() {
            total += v * v.transpose() * configuration.mass(atom);
        }
        Ok(total * (-units::GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM / configuration.cell.volume()))
    }
}
