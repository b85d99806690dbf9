//! What moves: cell, positions and velocities, with the forces that belong to them.

use super::explain_thin_cell;
use super::kick;
use super::store::Numbers;
use crate::cell::{Cell, Tensor, Vector};
use crate::configuration::Configuration;
use crate::error::Result;
use crate::parallel;
use crate::potential::engine::{CHUNK, split};
use crate::potential::lanes::Level;
use crate::potential::{Engine, Potential, Precision};
use crate::units;
use rayon::prelude::*;
use std::sync::Arc;

/// Fewer atoms than this are not worth a second thread.
const PARALLEL: usize = 8 * CHUNK;

/// The state of a run, in kernel units.
#[derive(Debug)]
pub struct State {
    /// Periodic cell.
    pub cell: Cell,
    /// Number of the atom at each place: atoms that are near in space are near in memory.
    order: Vec<u32>,
    /// Unwrapped positions, velocities without the factor `scaling`, and masses, by place.
    positions: Vec<Vector>,
    velocities: Vec<Vector>,
    masses: Vec<f64>,
    /// Factor that the next pass over the velocities puts in.
    scaling: f64,
    total_mass: f64,
    engine: Engine,
    energy_wanted: bool,
    motion: Motion,
    level: Level,
}

/// What a pass over the velocities finds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Motion {
    /// Sum of `m v v` over all atoms [energy].
    pub kinetic: Tensor,
    pub(super) fastest: f64,
}

/// A linear change of all atoms: `v -> keep v + push f / m`, and then `r -> stretch r + carry v`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    pub keep: Tensor,
    pub push: Tensor,
    pub stretch: Tensor,
    pub carry: Tensor,
}

impl State {
    /// The state of a configuration, evaluated; one without velocities is at rest.
    pub fn new(configuration: &Configuration, potential: &Arc<Potential>, precision: Precision) -> Result<State> {
        let mut engine = Engine::new(potential, configuration)?;
        engine.set_precision(precision);
        engine.order_in_space();
        let masses = configuration.masses();
        let mut velocities = configuration.velocities.clone();
        velocities.resize(masses.len(), Vector::zeros());
        let mut state = State {
            cell: configuration.cell.clone(),
            order: (0..masses.len() as u32).collect(),
            positions: configuration.positions.clone(),
            velocities,
            scaling: 1.0,
            total_mass: masses.iter().sum(),
            masses,
            engine,
            energy_wanted: true,
            motion: Motion::default(),
            level: Level::best(),
        };
        state.remove_drift();
        state.evaluate_anew()?;
        Ok(state)
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// True when there is no atom.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Degrees of freedom with the centre of mass at rest, `3 N - 3`.
    pub fn freedom(&self) -> f64 {
        (3 * self.len().saturating_sub(1)).max(1) as f64
    }

    /// Sum of the masses [mass].
    pub fn total_mass(&self) -> f64 {
        self.total_mass
    }

    /// Unwrapped positions of the atoms [length].
    pub fn positions(&self) -> Vec<Vector> {
        self.by_atom(&self.positions, 1.0)
    }

    /// Velocities of the atoms [length/time].
    pub fn velocities(&self) -> Vec<Vector> {
        self.by_atom(&self.velocities, self.scaling)
    }

    /// Forces on the atoms [energy/length].
    pub fn forces(&self) -> Vec<Vector> {
        self.by_atom(&self.engine.forces, 1.0)
    }

    fn by_atom(&self, places: &[Vector], factor: f64) -> Vec<Vector> {
        let mut atoms = vec![Vector::zeros(); places.len()];
        self.order.iter().zip(places).for_each(|(atom, v)| atoms[*atom as usize] = v * factor);
        atoms
    }

    /// Potential energy [energy].
    pub fn potential_energy(&self) -> f64 {
        self.engine.energy
    }

    /// Sum of `r f` over pairs [energy].
    pub fn virial(&self) -> &Tensor {
        &self.engine.virial
    }

    /// Sum of `m v v` over atoms [energy], as of the last pass over the velocities.
    pub fn kinetic_tensor(&self) -> &Tensor {
        &self.motion.kinetic
    }

    /// Kinetic energy [energy].
    pub fn kinetic_energy(&self) -> f64 {
        0.5 * self.motion.kinetic.trace()
    }

    /// Kinetic temperature [K].
    pub fn temperature(&self) -> f64 {
        2.0 * self.kinetic_energy() / (self.freedom() * units::BOLTZMANN)
    }

    /// Cauchy stress, positive in tension [GPa].
    pub fn stress(&self) -> Tensor {
        let sum = self.engine.virial + self.motion.kinetic;
        sum * (-units::GIGAPASCAL_PER_EV_PER_CUBIC_ANGSTROM / self.cell.volume())
    }

    /// The state as a configuration with the species of another.
    pub fn configuration(&self, like: &Configuration) -> Configuration {
        Configuration {
            cell: self.cell.clone(),
            elements: like.elements.clone(),
            species: like.species.clone(),
            positions: self.positions(),
            velocities: self.velocities(),
        }
    }

    /// Largest speed of an atom [length/time].
    pub(super) fn fastest(&self) -> f64 {
        self.motion.fastest.sqrt()
    }

    /// Cutoff of the potential [length].
    pub(super) fn cutoff(&self) -> f64 {
        self.engine.potential().cutoff()
    }

    /// Let the next steps compute the energy or, as most of them do, leave it out; the forces are the same.
    pub(super) fn want_energy(&mut self, wanted: bool) {
        self.energy_wanted = wanted;
    }

    /// A step: change the velocities, move the atoms, take the cell they are in then, compute their forces and the virial, and the
    /// energy if it is wanted, and change the velocities by `after`, which does not move atoms.
    pub(super) fn step(&mut self, before: &Flow, cell: Cell, after: &Flow) -> Result<()> {
        let (before, level) = (self.scaled(before), self.level);
        self.cell = cell;
        let chunks = self.velocities.chunks_mut(CHUNK).zip(self.masses.chunks(CHUNK)).collect();
        let (positions, energy) = (&mut self.positions, self.energy_wanted);
        let carried = self.engine.carry(&self.cell, positions, energy, chunks, |(velocities, masses), r, forces| {
            before.kick(level, velocities, forces, masses);
            before.drift(level, r, velocities);
        });
        self.follow();
        let felt = carried.and_then(|()| {
            let ranges = self.engine.ranges();
            let velocities = split(&mut self.velocities, ranges).into_iter();
            let blocks = velocities.zip(ranges.windows(2).map(|ends| &self.masses[ends[0]..ends[1]])).collect();
            self.engine.feel(energy, blocks, |(velocities, masses), forces| {
                after.kick(level, velocities, forces, masses);
                kick::measure(level, velocities, masses)
            })
        });
        let motions = felt.map_err(|error| explain_thin_cell(error, &self.cell, self.cutoff()))?;
        self.motion = motions.into_iter().fold(Motion::default(), Motion::and).mirrored();
        Ok(())
    }

    /// Bring what is kept of the atoms into the order of the engine.
    fn follow(&mut self) {
        if let Some(places) = self.engine.reordered() {
            self.reorder(&places);
        }
    }

    /// Take to each place the atom of another one.
    fn reorder(&mut self, places: &[u32]) {
        fn take<T: Copy + Send + Sync>(all: &mut Vec<T>, places: &[u32]) {
            *all = places.par_iter().with_min_len(CHUNK).map(|place| all[*place as usize]).collect();
        }
        take(&mut self.order, places);
        take(&mut self.positions, places);
        take(&mut self.velocities, places);
        take(&mut self.masses, places);
    }

    /// Compute everything at the present positions and velocities, whatever was before.
    pub(super) fn evaluate_anew(&mut self) -> Result<()> {
        // Back to the order of the atoms: what follows must not depend on the order they had.
        let mut places = vec![0; self.len()];
        self.order.iter().enumerate().for_each(|(place, atom)| places[*atom as usize] = place as u32);
        self.reorder(&places);
        self.engine.reorder(&places);
        self.measure();
        let evaluated = self.engine.evaluate(&self.cell, &self.positions);
        self.follow();
        evaluated.map_err(|error| explain_thin_cell(error, &self.cell, self.cutoff()))
    }

    /// Append cell, positions and velocities.
    pub(super) fn write(&self, numbers: &mut Vec<f64>) {
        numbers.extend(self.cell.matrix().iter());
        numbers.extend(self.positions().iter().chain(&self.velocities()).flat_map(|v| v.iter()));
    }

    /// Take cell, positions and velocities, to be evaluated anew; none when there are too few numbers.
    pub(super) fn read(&mut self, numbers: &mut Numbers) -> Option<()> {
        self.cell = Cell::new(numbers.tensor()?).ok()?;
        let (positions, velocities) = (numbers.vectors(self.len())?, numbers.vectors(self.len())?);
        for (place, atom) in self.order.iter().map(|atom| *atom as usize).enumerate() {
            self.positions[place] = positions[atom];
            self.velocities[place] = velocities[atom];
        }
        self.scaling = 1.0;
        Some(())
    }

    /// Give the centre of mass zero velocity.
    pub(super) fn remove_drift(&mut self) {
        self.put_scaling_in();
        let momentum: Vector = self.velocities.iter().zip(&self.masses).map(|(v, m)| v * *m).sum();
        let drift = momentum / self.total_mass;
        self.velocities.iter_mut().for_each(|v| *v -= drift);
    }

    /// Change the velocities by forces and friction, and move the atoms.
    pub(super) fn kick_and_drift(&mut self, flow: &Flow) {
        let (flow, level) = (self.scaled(flow), self.level);
        let motion = self.motion;
        self.pass(|positions, velocities, forces, masses| {
            flow.kick(level, velocities, forces, masses);
            flow.drift(level, positions, velocities);
            Motion::default()
        });
        self.motion = motion;
    }

    /// Multiply all velocities.
    pub(super) fn scale(&mut self, factor: f64) {
        self.scaling *= factor;
        self.motion.kinetic *= factor * factor;
        self.motion.fastest *= factor * factor;
    }

    /// The flow with the factor of the velocities in it, which is one afterwards.
    fn scaled(&mut self, flow: &Flow) -> Flow {
        Flow { keep: flow.keep * std::mem::replace(&mut self.scaling, 1.0), ..*flow }
    }

    fn put_scaling_in(&mut self) {
        let factor = std::mem::replace(&mut self.scaling, 1.0);
        if factor != 1.0 {
            self.velocities.iter_mut().for_each(|v| *v *= factor);
        }
    }

    /// Velocities and masses, which are not in the order of the atoms.
    pub(super) fn velocities_and_masses(&mut self) -> (&mut [Vector], &[f64]) {
        self.put_scaling_in();
        (&mut self.velocities, &self.masses)
    }

    /// Look at the velocities anew.
    pub(super) fn measure(&mut self) {
        self.put_scaling_in();
        let level = self.level;
        self.pass(|_, velocities, _, masses| kick::measure(level, velocities, masses));
    }

    /// Work on all atoms, block by block, with the slices of positions, velocities, forces and masses.
    fn pass<Work>(&mut self, work: Work)
    where
        Work: Fn(&mut [Vector], &mut [Vector], &[Vector], &[f64]) -> Motion + Sync,
    {
        let (positions, velocities) = (&mut self.positions, &mut self.velocities);
        let (forces, masses) = (&self.engine.forces, &self.masses);
        let motion = if positions.len() < PARALLEL {
            (positions.chunks_mut(CHUNK).zip(velocities.chunks_mut(CHUNK)))
                .zip(forces.chunks(CHUNK).zip(masses.chunks(CHUNK)))
                .map(|((r, v), (f, m))| work(r, v, f, m))
                .fold(Motion::default(), Motion::and)
        } else {
            let blocks = (positions.chunks_mut(CHUNK).zip(velocities.chunks_mut(CHUNK)))
                .zip(forces.chunks(CHUNK).zip(masses.chunks(CHUNK)))
                .collect();
            parallel::each(blocks, |_, ((r, v), (f, m))| work(r, v, f, m))
                .into_iter()
                .fold(Motion::default(), Motion::and)
        };
        self.motion = motion.mirrored();
    }
}

impl Flow {
    fn kick(&self, level: Level, velocities: &mut [Vector], forces: &[Vector], masses: &[f64]) {
        if let Some([keep, push, ..]) = self.plain() {
            return kick::kick(level, keep, push, velocities, forces, masses);
        }
        for ((v, f), m) in velocities.iter_mut().zip(forces).zip(masses) {
            *v = self.keep * *v + self.push * f / *m;
        }
    }

    fn drift(&self, level: Level, positions: &mut [Vector], velocities: &[Vector]) {
        if let Some([.., stretch, carry]) = self.plain() {
            return kick::drift(level, stretch, carry, positions, velocities);
        }
        for (r, v) in positions.iter_mut().zip(velocities) {
            *r = self.stretch * *r + self.carry * v;
        }
    }

    /// Keep, push, stretch and carry when each is a number times the unit tensor, as in a cell that keeps its shape.
    fn plain(&self) -> Option<[f64; 4]> {
        let tensors = [&self.keep, &self.push, &self.stretch, &self.carry];
        let numbers = tensors.map(|t| t[(0, 0)]);
        let plain = tensors.iter().zip(numbers).all(|(t, number)| **t == Tensor::identity() * number);
        plain.then_some(numbers)
    }
}

/// The larger of two squared speeds; one that is not a number counts as infinite, and is not lost in later comparisons.
#[inline(always)]
pub(super) fn faster(fastest: f64, speed: f64) -> f64 {
    let speed = if speed < f64::INFINITY { speed } else { f64::INFINITY };
    if speed <= fastest { fastest } else { speed }
}

impl Motion {
    #[inline]
    pub(super) fn count(&mut self, v: &Vector, mass: f64) {
        let p = v * mass;
        for column in 0..3 {
            for row in 0..=column {
                self.kinetic[(row, column)] += p[row] * v[column];
            }
        }
        self.fastest = faster(self.fastest, v.norm_squared());
    }

    /// Of the symmetric tensor `count` has added up the upper half alone.
    fn mirrored(mut self) -> Motion {
        self.kinetic.fill_lower_triangle_with_upper_triangle();
        self
    }

    pub(super) fn and(mut self, other: Motion) -> Motion {
        self.kinetic += other.kinetic;
        self.fastest = faster(self.fastest, other.fastest);
        self
    }
}
