//! Inherent structures: descent to a local minimum of the energy.
//!
//! [`ConjugateGradient`], [`Fire`] and [`Lbfgs`] walk on any [`Landscape`]; [`Minimize`] relaxes a configuration, in a
//! fixed cell or together with it.

pub mod conjugate_gradient;
pub mod fire;
pub mod flexible_cell;
pub mod lbfgs;
mod line_search;

pub use conjugate_gradient::ConjugateGradient;
pub use fire::Fire;
pub use flexible_cell::{FlexibleCell, Freedom};
pub use lbfgs::Lbfgs;

use crate::cell::{Cell, Tensor, Vector};
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use crate::observer::Observer;
use crate::potential::{Engine, LocalEngine, Potential};
use crate::table::{Column, Table};
use crate::units;
use std::str::FromStr;
use std::sync::Arc;

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

/// Where a descent ended.
#[derive(Clone, Debug)]
pub struct Descent {
    /// Energy [energy].
    pub energy: f64,
    /// Forces [energy/length].
    pub forces: Vec<Vector>,
    /// Norm of the largest force on one atom [energy/length].
    pub largest_force: f64,
    /// Number of times the landscape was evaluated.
    pub evaluations: usize,
    /// Energy [energy] and norm of the largest force [energy/length] at each evaluation, NaN where it failed.
    pub trace: Vec<[f64; 2]>,
    /// True when the largest force is at or below the tolerance.
    pub converged: bool,
}

/// How to walk downhill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// [`ConjugateGradient`], the default.
    #[default]
    ConjugateGradient,
    /// [`Fire`].
    Fire,
    /// [`Lbfgs`].
    Lbfgs,
}

impl FromStr for Method {
    type Err = Error;

    fn from_str(name: &str) -> Result<Method> {
        match name {
            "cg" | "conjugate_gradient" => Ok(Method::ConjugateGradient),
            "fire" => Ok(Method::Fire),
            "lbfgs" => Ok(Method::Lbfgs),
            _ => Err(Error::input(format!("`method` must be \"cg\", \"fire\" or \"lbfgs\", found \"{name}\""))),
        }
    }
}

/// Relaxation of a configuration to its inherent structure.
///
/// Stillinger, Weber, Phys. Rev. A 25, 978 (1982), <https://doi.org/10.1103/PhysRevA.25.978>.
///
/// With a free cell the enthalpy `E + p V` is minimised, see [`FlexibleCell`]. A sample of N atoms then converges when,
/// besides the forces, every component of the stress is within `force_tolerance / (N^(1/2) (V/N)^(2/3))` of its target;
/// that is 8e-5 GPa for 1000 atoms of 17 A^3 and 1e-4 eV/A.
///
/// ```
/// use vitric::cell::{Cell, Vector};
/// use vitric::configuration::Configuration;
/// use vitric::minimize::Minimize;
/// use vitric::observer::Silent;
/// use vitric::potential::Potential;
/// let potential = Potential::built_in("CuZr-2009")?;
/// let cell = Cell::orthogonal(20.0, 20.0, 20.0)?;
/// let pair = vec![Vector::zeros(), Vector::new(3.0, 0.0, 0.0)];
/// let start = Configuration::new(cell, potential.elements().to_vec(), vec![0, 0], pair)?;
/// let end = Minimize::default().run(&start, &potential, &Silent)?;
/// assert!(end.converged && end.largest_force <= 1e-6);
/// # Ok::<(), vitric::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Minimize {
    /// How to walk downhill; conjugate gradient by default.
    pub method: Method,
    /// Largest norm of the force on one atom [eV/A]; 1e-6 by default.
    pub force_tolerance: f64,
    /// Most evaluations of energy and forces; 100,000 by default.
    pub max_evaluations: usize,
    /// Which changes of the cell are allowed; none by default.
    pub cell: Freedom,
    /// Target pressure of a free cell [GPa]; zero by default.
    pub pressure: f64,
}

impl Default for Minimize {
    fn default() -> Minimize {
        Minimize {
            method: Method::default(),
            force_tolerance: 1e-6,
            max_evaluations: 100_000,
            cell: Freedom::Fixed,
            pressure: 0.0,
        }
    }
}

/// An inherent structure, or how far the search for it came.
#[derive(Clone, Debug)]
pub struct Minimized {
    /// The relaxed configuration, at rest.
    pub configuration: Configuration,
    /// Potential energy [eV].
    pub energy: f64,
    /// Norm of the largest force on one atom [eV/A].
    pub largest_force: f64,
    /// Virial stress, positive in tension [GPa].
    pub stress: Tensor,
    /// Number of evaluations of energy and forces.
    pub evaluations: usize,
    /// What each of them found: its number from 1, energy per atom [eV], largest force [eV/A]. In a free cell these are
    /// enthalpy and forces in strained coordinates.
    pub log: Table,
    /// True when forces, and in a free cell stresses, are within their tolerance.
    pub converged: bool,
}

impl Minimize {
    /// Relax a configuration; one that does not converge is returned as far as it came, not `converged`.
    pub fn run(
        &self,
        configuration: &Configuration,
        potential: &Arc<Potential>,
        observer: &dyn Observer,
    ) -> Result<Minimized> {
        self.check()?;
        let mut engine = Engine::new(potential, configuration)?;
        let mut end = configuration.clone();
        end.velocities.clear();
        let (mut trace, mut converged) = (Vec::new(), false);
        if self.cell == Freedom::Fixed {
            let mut landscape = FixedCell { cell: &configuration.cell, engine: &mut engine };
            let descent = self.descend(&mut landscape, &mut end.positions, self.max_evaluations, observer)?;
            (trace, converged) = (descent.trace, descent.converged);
        } else {
            // Each round measures the strain from the cell that the one before found, so that the last one is small.
            for _ in 0..MAX_ROUNDS {
                let left = self.max_evaluations - trace.len();
                let pressure = self.pressure * units::GIGAPASCAL;
                let mut landscape = FlexibleCell::new(&end.cell, &mut engine, self.cell, pressure);
                let mut variables = landscape.variables(&end.positions);
                let descent = self.descend(&mut landscape, &mut variables, left, observer)?;
                let strain = landscape.strain(&variables).norm();
                end.cell = landscape.read(&variables, &mut end.positions)?;
                trace.extend(descent.trace);
                // Forces in strained coordinates differ from true ones by the strain.
                converged = descent.converged && descent.largest_force * (1.0 + 2.0 * strain) <= self.force_tolerance;
                if converged || !descent.converged || trace.len() >= self.max_evaluations {
                    break;
                }
            }
        }
        engine.evaluate(&end.cell, &end.positions)?;
        Ok(Minimized {
            energy: engine.energy,
            largest_force: largest_norm(&engine.forces),
            stress: engine.virial * (-units::GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM / end.cell.volume()),
            evaluations: trace.len(),
            log: log(&trace, end.len())?,
            configuration: end,
            converged,
        })
    }

    fn check(&self) -> Result<()> {
        if !(self.force_tolerance.is_finite() && self.force_tolerance > 0.0) {
            return Err(Error::input(format!(
                "minimize: `force_tolerance` must be positive, found {}",
                self.force_tolerance
            )));
        }
        if !self.pressure.is_finite() {
            return Err(Error::input(format!("minimize: `pressure` must be finite, found {}", self.pressure)));
        }
        Ok(())
    }

    fn descend(
        &self,
        landscape: &mut dyn Landscape,
        positions: &mut [Vector],
        max_evaluations: usize,
        observer: &dyn Observer,
    ) -> Result<Descent> {
        let force_tolerance = self.force_tolerance;
        match self.method {
            Method::ConjugateGradient => {
                let method = ConjugateGradient { force_tolerance, max_evaluations, ..Default::default() };
                method.minimize(landscape, positions, observer)
            }
            Method::Fire => {
                let method = Fire { force_tolerance, max_evaluations, ..Default::default() };
                method.minimize(landscape, positions, observer)
            }
            Method::Lbfgs => {
                let method = Lbfgs { force_tolerance, max_evaluations, ..Default::default() };
                method.minimize(landscape, positions, observer)
            }
        }
    }
}

/// The table of a minimisation.
fn log(trace: &[[f64; 2]], atoms: usize) -> Result<Table> {
    Table::from_columns(vec![
        Column::integer("evaluation", (1..=trace.len() as i64).collect()),
        Column::float("potential_energy", "eV/atom", trace.iter().map(|row| row[0] / atoms as f64).collect()),
        Column::float("largest_force", "eV/A", trace.iter().map(|row| row[1]).collect()),
    ])
}

/// Changes of the reference cell; the strain shrinks quadratically, so that few are ever needed.
const MAX_ROUNDS: usize = 20;

/// Norm of the largest of some vectors; NaN when one of them is not a number.
pub fn largest_norm(vectors: &[Vector]) -> f64 {
    let largest = |a: f64, b: f64| if b > a || b.is_nan() { b } else { a };
    vectors.iter().map(Vector::norm_squared).fold(0.0, largest).sqrt()
}

/// Scalar product over all atoms, summed in their order.
pub fn dot(a: &[Vector], b: &[Vector]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x.dot(y)).sum()
}

/// What all minimizers keep: the landscape, what it gave, and who watches.
struct Walk<'a> {
    landscape: &'a mut dyn Landscape,
    observer: &'a dyn Observer,
    force_tolerance: f64,
    max_evaluations: usize,
    trace: Vec<[f64; 2]>,
    first_force: f64,
}

/// A place on the landscape.
#[derive(Clone)]
struct Point {
    positions: Vec<Vector>,
    energy: f64,
    forces: Vec<Vector>,
}

/// Progress is counted in parts of the way from the first force to the tolerance, on a logarithmic scale.
const PROGRESS: u64 = 1000;

impl<'a> Walk<'a> {
    fn new(
        landscape: &'a mut dyn Landscape,
        observer: &'a dyn Observer,
        force_tolerance: f64,
        max_evaluations: usize,
    ) -> Walk<'a> {
        observer.begin("minimize", PROGRESS);
        Walk { landscape, observer, force_tolerance, max_evaluations, trace: Vec::new(), first_force: 0.0 }
    }

    /// The start; an error when even that cannot be evaluated.
    fn start(&mut self, positions: &[Vector]) -> Result<Point> {
        let mut point =
            Point { positions: positions.to_vec(), energy: 0.0, forces: vec![Vector::zeros(); positions.len()] };
        self.evaluate(&mut point)?;
        self.first_force = largest_norm(&point.forces);
        if !(point.energy.is_finite() && self.first_force.is_finite()) {
            return Err(Error::numeric("minimize: energy or forces are not finite at the start; do atoms overlap?"));
        }
        Ok(point)
    }

    fn evaluate(&mut self, point: &mut Point) -> Result<()> {
        let evaluated = self.landscape.evaluate(&point.positions, &mut point.forces);
        self.trace.push(match &evaluated {
            Ok(energy) => [*energy, largest_norm(&point.forces)],
            Err(_) => [f64::NAN; 2],
        });
        point.energy = evaluated?;
        Ok(())
    }

    /// True when there is no more to do: converged, out of evaluations, or interrupted.
    fn over(&self, point: &Point) -> bool {
        let force = largest_norm(&point.forces);
        let way = (self.first_force / force).ln() / (self.first_force / self.force_tolerance).ln();
        let done = (PROGRESS as f64 * way.clamp(0.0, 1.0)) as u64;
        self.observer.advance(done, &|| format!("{:.6} eV, largest force {force:.1e} eV/A", point.energy));
        force <= self.force_tolerance || self.exhausted()
    }

    fn exhausted(&self) -> bool {
        self.trace.len() >= self.max_evaluations || self.observer.interrupted()
    }

    fn end(self, point: Point, positions: &mut [Vector]) -> Descent {
        self.observer.end();
        positions.copy_from_slice(&point.positions);
        let largest_force = largest_norm(&point.forces);
        Descent {
            energy: point.energy,
            forces: point.forces,
            largest_force,
            evaluations: self.trace.len(),
            trace: self.trace,
            converged: largest_force <= self.force_tolerance,
        }
    }
}
