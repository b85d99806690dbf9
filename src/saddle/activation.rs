//! The walk from a minimum to a saddle: out of the basin along a random direction, then up along the lowest mode.

use super::Artn;
use super::descent::Damped;
use super::event::Outcome;
use super::lanczos::{Lanczos, Stop, random_direction};
use super::refine::most_displaced;
use super::region::{Frame, Region};
use super::vectors::{add_scaled, copy, dot, largest, norm, normalize, remove, scale};
use crate::cell::Vector;
use crate::error::Result;
use crate::random::Random;

/// How the climb keeps its mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Every step of the perpendicular relaxation is checked by the curvature along the mode, and undone if that is lost.
    Guarded,
    /// Plain ARTn: a growing number of relaxation steps, the mode looked at after each push.
    Classic,
}

/// A search on its way.
pub(super) struct Activation<'a> {
    options: &'a Artn,
    pub region: Region<'a>,
    /// Direction of the kick.
    kick: Vec<Vector>,
    /// Lowest mode, a unit vector.
    pub mode: Vec<Vector>,
    /// Its eigenvalue [energy/length^2].
    pub eigenvalue: f64,
    /// Eigenvalue on leaving the basin.
    pub exit_eigenvalue: f64,
    /// Pushes in the basin.
    pub pushes: u64,
    /// Pushes after it.
    pub steps: u64,
    lanczos: Lanczos,
    motion: Damped,
    across: Vec<Vector>,
    direction: Vec<Vector>,
    trial: Vec<Vector>,
    last_positions: Vec<Vector>,
    last_forces: Vec<Vector>,
    undone: u64,
    full_push: bool,
    /// The last push left the region of negative curvature.
    lost: bool,
}

/// Part of the way to another minimum at which the climb towards it begins: before the top of most, and not far before it.
const BRIDGE_START: f64 = 0.4;

/// What a stretch of the walk ended with.
type End = std::result::Result<(), Outcome>;

impl<'a> Activation<'a> {
    /// Kick the atoms around `atom` for try number `attempt`; `stream` gives the random numbers of each of its tries.
    pub fn new(
        options: &'a Artn,
        frame: &'a Frame,
        atom: usize,
        attempt: usize,
        stream: &dyn Fn(usize) -> Random,
    ) -> Result<Activation<'a>> {
        let center = frame.configuration.positions[atom];
        let atoms = match options.region {
            super::Scope::All => (0..frame.len()).collect(),
            super::Scope::Local => frame.within(&[center], options.radius.max(options.kick_radius)),
        };
        let kicked: Vec<usize> = (atoms.iter().enumerate())
            .filter(|&(_, &a)| a == atom || frame.distance(a, &center) < options.kick_radius)
            .map(|(place, _)| place)
            .collect();
        let kick = if options.spread_kicks {
            super::push::spread(atoms.len(), &kicked, attempt, stream)
        } else {
            super::push::direction(atoms.len(), &kicked, &mut stream(attempt))
        };
        Ok(Activation {
            options,
            mode: vec![Vector::zeros(); atoms.len()],
            region: Region::new(frame, atoms)?,
            kick,
            eigenvalue: f64::NAN,
            exit_eigenvalue: f64::NAN,
            pushes: 0,
            steps: 0,
            lanczos: Lanczos::default(),
            motion: Damped::default(),
            across: Vec::new(),
            direction: Vec::new(),
            trial: Vec::new(),
            last_positions: Vec::new(),
            last_forces: Vec::new(),
            undone: 0,
            full_push: false,
            lost: false,
        })
    }

    /// Push along the kick until the lowest eigenvalue is below the threshold.
    pub fn leave_basin(&mut self, random: &mut Random) -> Result<End> {
        add_scaled(&mut self.region.positions, self.options.kick, &self.kick);
        self.region.evaluate()?;
        self.mode = random_direction(self.region.len(), random);
        let kick = self.kick.clone();
        let length = self.options.basin_factor * self.options.increment;
        let (threshold, first) = (self.options.eigenvalue_threshold, self.options.first_lanczos);
        if !self.push_out(&kick, length, threshold, first)? {
            return Ok(Err(self.check_limits().err().unwrap_or(Outcome::Basin)));
        }
        self.exit_eigenvalue = self.eigenvalue;
        Ok(Ok(()))
    }

    /// Push along a direction by `length` at a time with a little relaxation across it, until the lowest eigenvalue is below the
    /// `threshold`; the mode is looked at after `first` pushes. False when it never is, or the energy is too high.
    fn push_out(&mut self, direction: &[Vector], length: f64, threshold: f64, first: u64) -> Result<bool> {
        let options = self.options;
        for push in 0..=options.basin_pushes {
            self.relax_a_little(direction)?;
            if self.region.energy > options.energy_limit {
                return Ok(false);
            }
            if push >= first {
                self.find_mode(options.lanczos_vectors)?;
                if self.eigenvalue < threshold {
                    if dot(&self.mode, direction) < 0.0 {
                        scale(&mut self.mode, -1.0);
                    }
                    return Ok(true);
                }
            }
            if push < options.basin_pushes {
                add_scaled(&mut self.region.positions, length, direction);
                self.region.evaluate()?;
                self.pushes += u64::from(self.steps == 0);
            }
        }
        Ok(false)
    }

    /// A few steps of relaxation across a direction: few on purpose, for with many every kick slides into the same soft valley.
    fn relax_a_little(&mut self, direction: &[Vector]) -> Result<()> {
        self.motion.reset(self.region.len());
        for _ in 0..self.options.basin_relaxation {
            copy(&mut self.across, &self.region.forces);
            remove(&mut self.across, direction);
            if largest(&self.across) < self.options.force_tolerance {
                break;
            }
            self.motion.step(&self.across, &mut self.region.positions, self.options.relaxation_step);
            self.region.evaluate()?;
        }
        Ok(())
    }

    /// Start again on the way from the start to another minimum, along which the climb is pushed until there is a mode to follow.
    pub fn go_towards(&mut self, minimum: &Region) -> Result<()> {
        let mut way = Vec::new();
        minimum.displacement(&mut way);
        self.region.displacement(&mut self.trial);
        add_scaled(&mut self.region.positions, -1.0, &self.trial);
        // With the atoms of the search alone two in three of the minima that were found with more are none, and fall back to the start.
        if minimum.len() > self.region.len() {
            let (place, _) = most_displaced(minimum);
            let more = self.region.frame.within(&[minimum.positions[place]], self.options.bridge_radius);
            self.region.grow(&more, &mut [&mut self.mode, &mut self.kick])?;
        }
        copy(&mut self.last_positions, &self.region.positions);
        self.mode.fill(Vector::zeros());
        for (atom, step) in minimum.atoms.iter().zip(&way) {
            if let Ok(place) = self.region.atoms.binary_search(atom) {
                self.mode[place] = *step;
            }
        }
        // Atoms that change places are in each other's way on a straight line.
        for part in [BRIDGE_START, 0.5 * BRIDGE_START, 0.25 * BRIDGE_START] {
            copy(&mut self.region.positions, &self.last_positions);
            add_scaled(&mut self.region.positions, part, &self.mode);
            self.region.evaluate()?;
            if self.region.energy < self.options.energy_limit {
                break;
            }
        }
        normalize(&mut self.mode);
        self.lost = true;
        self.undone = 0;
        Ok(())
    }

    /// Climb along the lowest mode until the largest force of the atoms that take part is below `force_tolerance`; the frozen ones
    /// are looked at when the saddle is refined.
    pub fn climb(&mut self) -> Result<End> {
        let options = self.options;
        for _ in 0..options.climb_pushes {
            if let Err(outcome) = self.check_limits() {
                return Ok(Err(outcome));
            }
            if self.steps > 0 && self.steps.is_multiple_of(options.growth_interval) {
                self.grow_with_event()?;
            }
            if std::mem::take(&mut self.lost) && !self.leave_again()? {
                return Ok(Err(self.check_limits().err().unwrap_or(Outcome::EigenvalueLost)));
            }
            self.push()?;
            let relaxed = match self.options.method {
                Method::Guarded => self.relax_guarded()?,
                Method::Classic => self.relax_classic()?,
            };
            if let Err(outcome) = relaxed {
                return Ok(Err(outcome));
            }
            if self.region.largest_force() < options.force_tolerance {
                self.find_mode(options.lanczos_vectors)?;
                if self.eigenvalue < 0.0 {
                    return Ok(Ok(()));
                }
                // A shoulder: small forces, but no way down yet. The force along the mode is too small to lead on.
                self.full_push = true;
                self.undone += 1;
            }
        }
        Ok(Err(Outcome::Budget))
    }

    fn check_limits(&mut self) -> End {
        if self.region.cost.force_evaluations > self.options.force_evaluations {
            return Err(Outcome::Budget);
        }
        if self.region.energy > self.options.energy_limit {
            return Err(Outcome::Energy);
        }
        if self.undone > self.options.undo_limit {
            return Err(Outcome::EigenvalueLost);
        }
        self.region.displacement(&mut self.trial);
        // Hardly further than the kick brought it, the walk is back where it started.
        if self.steps > 2 && norm(&self.trial) < 2.0 * self.options.kick && self.region.energy < 0.05 {
            return Err(Outcome::FellBack);
        }
        Ok(())
    }

    /// One step uphill along the mode; the first ones turn gradually from the kick to the mode.
    fn push(&mut self) -> Result<()> {
        let options = self.options;
        copy(&mut self.direction, &self.mode);
        if self.steps < options.smoothing {
            let share = (self.steps + 1) as f64 / (options.smoothing + 1) as f64;
            let sign = if dot(&self.mode, &self.kick) < 0.0 { -1.0 } else { 1.0 };
            scale(&mut self.direction, sign * share);
            add_scaled(&mut self.direction, 1.0 - share, &self.kick);
            normalize(&mut self.direction);
        }
        let force = dot(&self.region.forces, &self.direction);
        let newton = force.abs() / self.eigenvalue.abs().max(options.smallest_curvature);
        let mut length = newton.min(options.increment);
        if self.full_push && length < 0.5 * options.increment {
            length = options.increment;
        }
        self.full_push = false;
        let uphill = if force > 0.0 { -1.0 } else { 1.0 };
        add_scaled(&mut self.region.positions, uphill * length, &self.direction);
        self.region.evaluate()?;
        self.steps += 1;
        Ok(())
    }

    /// Relax across the mode; steps after which the curvature along it is no longer negative are undone, and the next push
    /// follows at once.
    fn relax_guarded(&mut self) -> Result<End> {
        let options = self.options;
        copy(&mut self.trial, &self.mode);
        let before = self.eigenvalue;
        self.find_mode(options.guard_vectors)?;
        if self.eigenvalue > options.curvature_guard {
            // The push itself left the region of negative curvature.
            copy(&mut self.mode, &self.trial);
            self.eigenvalue = before;
            self.undone += 1;
            self.lost = true;
            return Ok(Ok(()));
        }
        self.motion.reset(self.region.len());
        let (mut energy, mut checked) = (self.region.energy, true);
        for step in 0..12 + 2 * self.steps {
            let along = self.split_forces();
            if self.region.largest_force() < options.force_tolerance {
                break;
            }
            if step > 0 && largest(&self.across) < along.abs() * largest(&self.mode) {
                break;
            }
            if checked {
                copy(&mut self.last_positions, &self.region.positions);
                copy(&mut self.last_forces, &self.region.forces);
                energy = self.region.energy;
            }
            self.motion.step(&self.across, &mut self.region.positions, options.relaxation_step);
            self.region.evaluate()?;
            // One step does not lose a curvature that is clearly negative: only every other one is looked at.
            checked = !checked || self.eigenvalue > options.eigenvalue_threshold;
            if !checked {
                continue;
            }
            self.region.linearize()?;
            self.direction.resize(self.mode.len(), Vector::zeros());
            self.region.product(&self.mode, &mut self.direction);
            let curvature = dot(&self.mode, &self.direction);
            if curvature <= options.curvature_guard {
                self.eigenvalue = curvature;
                continue;
            }
            copy(&mut self.trial, &self.mode);
            let before = self.eigenvalue;
            self.find_mode(options.guard_vectors)?;
            if self.eigenvalue > options.curvature_guard {
                self.region.restore(&self.last_positions, &self.last_forces, energy);
                copy(&mut self.mode, &self.trial);
                self.eigenvalue = before;
                self.undone += 1;
                self.full_push = true;
                break;
            }
            self.motion.project(&self.mode);
        }
        Ok(Ok(()))
    }

    /// Out of a convex place along the mode that was followed so far, away from the start, until there is a mode to follow again.
    fn leave_again(&mut self) -> Result<bool> {
        self.region.displacement(&mut self.trial);
        if dot(&self.mode, &self.trial) < 0.0 {
            scale(&mut self.mode, -1.0);
        }
        let ahead = self.mode.clone();
        // The mode is spread over many atoms, so that twice the length still moves each by less than an increment.
        self.push_out(&ahead, 2.0 * self.options.increment, self.options.recovery_eigenvalue, 0)
    }

    fn relax_classic(&mut self) -> Result<End> {
        let options = self.options;
        let steps = 4 * (self.steps + 1);
        let open = options.force_evaluations;
        self.motion.reset(self.region.len());
        for step in 0..if steps <= 16 { steps } else { open } {
            let along = self.split_forces();
            if self.region.largest_force() < options.force_tolerance {
                return Ok(Ok(()));
            }
            if step > 0 && largest(&self.across) < along.abs() * largest(&self.mode) {
                break;
            }
            self.motion.step(&self.across, &mut self.region.positions, options.relaxation_step);
            self.region.evaluate()?;
            if self.region.cost.force_evaluations > open {
                return Ok(Err(Outcome::Budget));
            }
        }
        copy(&mut self.trial, &self.mode);
        for retry in 0..=options.retries {
            self.find_mode(options.lanczos_vectors)?;
            if self.eigenvalue <= 0.0 {
                return Ok(Ok(()));
            }
            if retry < options.retries {
                // Mixing the old direction in lets the next iteration see the mode that was followed so far.
                scale(&mut self.mode, 0.5);
                add_scaled(&mut self.mode, 0.5, &self.trial);
                normalize(&mut self.mode);
            }
        }
        Ok(Err(Outcome::EigenvalueLost))
    }

    /// The force along the mode; the rest of the forces is left in `across`.
    fn split_forces(&mut self) -> f64 {
        copy(&mut self.across, &self.region.forces);
        remove(&mut self.across, &self.mode)
    }

    /// Lowest eigenpair of the present positions, from the last mode.
    fn find_mode(&mut self, vectors: usize) -> Result<()> {
        self.region.linearize()?;
        let stop = Stop { vectors, change: self.options.lanczos_tolerance, residual: 0.0 };
        let region = &mut self.region;
        let found = self.lanczos.lowest(&mut |v, out| region.product(v, out), &mut self.mode, stop);
        self.eigenvalue = found.eigenvalue;
        Ok(())
    }

    fn grow_with_event(&mut self) -> Result<()> {
        self.region.displacement(&mut self.trial);
        let moved: Vec<Vector> = (self.trial.iter().zip(&self.region.positions))
            .filter(|(d, _)| d.norm() > self.options.growth_displacement)
            .map(|(_, p)| *p)
            .collect();
        let more = self.region.frame.within(&moved, self.options.growth_radius);
        self.region.grow(&more, &mut [&mut self.mode, &mut self.kick])?;
        Ok(())
    }
}
