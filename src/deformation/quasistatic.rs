//! Athermal quasistatic shear.

use super::strain::ShearPlane;
use crate::cell::{Cell, Vector};
use crate::configuration::Configuration;
use crate::error::{Error, Result};
use crate::minimize::{FixedCell, Lbfgs};
use crate::observer::Observer;
use crate::potential::{Engine, Potential};
use crate::units;
use std::sync::Arc;

/// Athermal quasistatic shear: small affine steps of simple shear, each followed by minimisation at constant volume.
///
/// Between plastic events energy and stress obey `dE = V sigma dgamma`. A step whose energy falls short of that by more than
/// `energy_drop` holds an event; it is halved until the strain of the event is known to `resolution`.
///
/// Maloney, Lemaitre, Phys. Rev. E 74, 016118 (2006), <https://doi.org/10.1103/PhysRevE.74.016118>.
#[derive(Clone, Debug)]
pub struct QuasistaticShear {
    /// Direction and gradient of the displacements.
    pub plane: ShearPlane,
    /// True to shear towards negative strain. Strain and stress of the result are then counted in that sense.
    pub reverse: bool,
    /// Strain of one step.
    pub step: f64,
    /// Strain at the end.
    pub to: f64,
    /// Strain to which an event is located. Beyond its instability a structure slides off with a force that grows by about
    /// 1 eV/A for a unit of strain, so minimisations near an event go down to a tenth of `resolution` times 1 eV/A.
    pub resolution: f64,
    /// Energy that an event must set free [energy].
    pub energy_drop: f64,
    /// Largest norm of the force on one atom after minimisation [energy/length].
    pub force_tolerance: f64,
    /// Most evaluations of energy and forces in one minimisation.
    pub max_evaluations: usize,
}

impl Default for QuasistaticShear {
    fn default() -> QuasistaticShear {
        QuasistaticShear {
            plane: "xy".parse().expect("a plane"),
            reverse: false,
            step: 1e-4,
            to: 0.1,
            resolution: 1e-5,
            energy_drop: 1e-3,
            force_tolerance: 1e-5,
            max_evaluations: 20_000,
        }
    }
}

/// One point of the stress-strain curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ShearPoint {
    /// Shear strain.
    pub strain: f64,
    /// Shear stress [GPa].
    pub stress: f64,
    /// Potential energy [energy].
    pub energy: f64,
    /// Number of events up to here.
    pub events: usize,
}

/// A plastic event: two inherent structures at the same strain, just before and just after it.
#[derive(Clone, Debug)]
pub struct ShearEvent {
    /// Shear strain of both configurations; the event happens within `resolution` above it.
    pub strain: f64,
    /// Fall of the shear stress [GPa].
    pub stress_drop: f64,
    /// Fall of the energy [energy].
    pub energy_drop: f64,
    /// The configuration before the event.
    pub before: Configuration,
    /// The configuration after it.
    pub after: Configuration,
}

/// What a quasistatic shear leaves.
#[derive(Clone, Debug)]
pub struct ShearRun {
    /// The stress-strain curve; an event adds one point before and one after it.
    pub points: Vec<ShearPoint>,
    /// Plastic events in the order of strain.
    pub events: Vec<ShearEvent>,
    /// The configuration at the end.
    pub configuration: Configuration,
    /// Number of evaluations of energy and forces.
    pub evaluations: usize,
    /// True when the user stopped it.
    pub interrupted: bool,
}

impl ShearRun {
    /// Slope of the stress at the start of the curve [GPa], from its first two points.
    pub fn initial_modulus(&self) -> f64 {
        match self.points.as_slice() {
            [a, b, ..] => (b.stress - a.stress) / (b.strain - a.strain),
            _ => f64::NAN,
        }
    }
}

impl QuasistaticShear {
    /// Shear a configuration, which is relaxed first.
    pub fn run(
        &self,
        configuration: &Configuration,
        potential: &Arc<Potential>,
        observer: &dyn Observer,
    ) -> Result<ShearRun> {
        self.check()?;
        let mut walk = Walk {
            shear: self,
            cell: &configuration.cell,
            engine: Engine::new(potential, configuration)?,
            observer: &Quiet(observer),
            force_tolerance: self.force_tolerance,
            evaluations: 0,
        };
        let steps = (self.to / self.step - 1e-9).ceil() as usize;
        let mut here = walk.start(configuration)?;
        let mut run = ShearRun {
            points: vec![walk.point(&here, 0)],
            events: Vec::new(),
            configuration: configuration.clone(),
            evaluations: 0,
            interrupted: false,
        };
        observer.begin("shear", steps as u64);
        let mut done = 0;
        while done < steps && !run.interrupted {
            let target = if done + 1 == steps { self.to } else { (done + 1) as f64 * self.step };
            match walk.advance(&here, target) {
                Ok(Progress::Elastic(next)) => {
                    here = next;
                    done += 1;
                    run.points.push(walk.point(&here, run.events.len()));
                }
                Ok(Progress::Event { before, after, beyond }) => {
                    run.points.push(walk.point(&before, run.events.len()));
                    run.points.push(walk.point(&after, run.events.len() + 1));
                    run.events.push(walk.event(configuration, &before, &after)?);
                    here = beyond;
                }
                Err(_) if observer.interrupted() => run.interrupted = true,
                Err(error) => {
                    observer.end();
                    return Err(error);
                }
            }
            let last = run.points[run.points.len() - 1];
            let events = run.events.len();
            observer.advance(done as u64, &|| {
                format!("strain {:.4}, {:.3} GPa, {events} events", last.strain, last.stress)
            });
            run.interrupted |= observer.interrupted() && done < steps;
        }
        observer.end();
        run.evaluations = walk.evaluations;
        run.configuration = walk.configuration(configuration, &here)?;
        Ok(run)
    }

    fn check(&self) -> Result<()> {
        let values = [
            ("step", self.step),
            ("to", self.to),
            ("resolution", self.resolution),
            ("energy_drop", self.energy_drop),
            ("force_tolerance", self.force_tolerance),
        ];
        for (name, value) in values {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::input(format!("shear: `{name}` must be positive, found {value}")));
            }
        }
        if self.resolution > self.step {
            return Err(Error::input(format!(
                "shear: `resolution` must not be above `step`, found {} and {}",
                self.resolution, self.step
            )));
        }
        Ok(())
    }
}

/// An inherent structure at some strain.
#[derive(Clone)]
struct Structure {
    strain: f64,
    positions: Vec<Vector>,
    energy: f64,
    /// Shear stress in the sense of the shear [energy/length^3].
    stress: f64,
    /// Displacement beyond the affine one, for a unit of strain; known on an elastic branch.
    velocity: Option<Vec<Vector>>,
}

/// What a step led to.
enum Progress {
    Elastic(Structure),
    Event { before: Structure, after: Structure, beyond: Structure },
}

/// Force left at a structure beyond its instability, for a unit of strain [energy/length]: a tenth of what is usual.
const SLIDE: f64 = 0.1;

struct Walk<'a> {
    shear: &'a QuasistaticShear,
    /// Cell at strain zero.
    cell: &'a Cell,
    engine: Engine,
    observer: &'a dyn Observer,
    force_tolerance: f64,
    evaluations: usize,
}

impl Walk<'_> {
    fn start(&mut self, configuration: &Configuration) -> Result<Structure> {
        self.relax(0.0, configuration.positions.clone())
    }

    /// One step towards `target`, which ends at the first event if there is one.
    fn advance(&mut self, here: &Structure, target: f64) -> Result<Progress> {
        self.force_tolerance = self.shear.force_tolerance;
        let next = self.step(here, target)?;
        if !self.drops(here, &next) {
            return Ok(Progress::Elastic(next));
        }
        self.force_tolerance = self.shear.force_tolerance.min(SLIDE * self.shear.resolution);
        let (mut low, mut high) = (here.clone(), next);
        let mut stale = false;
        while high.strain - low.strain > self.shear.resolution {
            let middle = self.step(&low, 0.5 * (low.strain + high.strain))?;
            if self.drops(&low, &middle) {
                high = middle;
                stale = false;
            } else {
                low = middle;
                stale = true;
            }
        }
        if stale {
            high = self.step(&low, high.strain)?;
        }
        let after = self.step(&Structure { velocity: None, ..high.clone() }, low.strain)?;
        if low.energy - after.energy > self.shear.energy_drop {
            let beyond = Structure { velocity: None, ..high };
            return Ok(Progress::Event { before: low, after, beyond });
        }
        // The structure came back: what looked like an event was a steep but reversible stretch.
        Ok(Progress::Elastic(Structure { velocity: None, ..self.step(&low, target)? }))
    }

    /// True when the energy of `b` falls short of what the stress did between `a` and `b`.
    fn drops(&self, a: &Structure, b: &Structure) -> bool {
        let work = 0.5 * (a.stress + b.stress) * (b.strain - a.strain) * self.cell.volume();
        b.energy - a.energy - work < -self.shear.energy_drop
    }

    /// The inherent structure that an affine step leads to, starting where the last step points.
    fn step(&mut self, from: &Structure, strain: f64) -> Result<Structure> {
        let change = strain - from.strain;
        let gradient = self.shear.plane.gradient(self.signed(change));
        let affine: Vec<Vector> = from.positions.iter().map(|p| gradient * p).collect();
        let guess = match &from.velocity {
            Some(velocity) => affine.iter().zip(velocity).map(|(p, v)| p + v * change).collect(),
            None => affine.clone(),
        };
        let mut next = self.relax(strain, guess)?;
        if change != 0.0 {
            let velocity = next.positions.iter().zip(&affine).map(|(p, q)| (p - q) / change);
            next.velocity = Some(velocity.collect());
        }
        if self.drops(from, &next) {
            next.velocity = None;
        }
        Ok(next)
    }

    fn relax(&mut self, strain: f64, mut positions: Vec<Vector>) -> Result<Structure> {
        let gradient = self.shear.plane.gradient(self.signed(strain));
        let cell = self.cell.deformed(&gradient)?;
        let minimizer = Lbfgs {
            force_tolerance: self.force_tolerance,
            max_evaluations: self.shear.max_evaluations,
            ..Default::default()
        };
        let mut landscape = FixedCell { cell: &cell, engine: &mut self.engine };
        let descent = minimizer.minimize(&mut landscape, &mut positions, self.observer)?;
        self.evaluations += descent.evaluations;
        if !descent.converged {
            if self.observer.interrupted() {
                return Err(Error::interrupted());
            }
            return Err(Error::numeric(format!(
                "shear: the minimisation at strain {strain:.6} ended at a force of {:.1e} eV/A, above `force_tolerance`",
                descent.largest_force
            )));
        }
        self.engine.evaluate(&cell, &positions)?;
        let (i, j) = (self.shear.plane.direction(), self.shear.plane.normal());
        let virial = 0.5 * (self.engine.virial[(i, j)] + self.engine.virial[(j, i)]);
        let stress = self.signed(-virial / cell.volume());
        Ok(Structure { strain, positions, energy: self.engine.energy, stress, velocity: None })
    }

    fn signed(&self, value: f64) -> f64 {
        if self.shear.reverse { -value } else { value }
    }

    fn point(&self, structure: &Structure, events: usize) -> ShearPoint {
        ShearPoint {
            strain: structure.strain,
            stress: structure.stress * units::GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM,
            energy: structure.energy,
            events,
        }
    }

    fn event(&self, like: &Configuration, before: &Structure, after: &Structure) -> Result<ShearEvent> {
        Ok(ShearEvent {
            strain: before.strain,
            stress_drop: (before.stress - after.stress) * units::GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM,
            energy_drop: before.energy - after.energy,
            before: self.configuration(like, before)?,
            after: self.configuration(like, after)?,
        })
    }

    fn configuration(&self, like: &Configuration, structure: &Structure) -> Result<Configuration> {
        Ok(Configuration {
            cell: self.cell.deformed(&self.shear.plane.gradient(self.signed(structure.strain)))?,
            positions: structure.positions.clone(),
            velocities: Vec::new(),
            ..like.clone()
        })
    }
}

/// Passes on a wish to stop, and shows nothing of the many minimisations.
struct Quiet<'a>(&'a dyn Observer);

impl Observer for Quiet<'_> {
    fn interrupted(&self) -> bool {
        self.0.interrupted()
    }
}
