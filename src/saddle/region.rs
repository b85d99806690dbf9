//! The atoms that take part in a search, and the energy as a function of their positions alone.

use super::incomplete::Incomplete;
use super::vectors::{copy, largest, remove_mean};
use crate::cell::{Cell, Vector};
use crate::configuration::Configuration;
use crate::error::Result;
use crate::potential::local::Surroundings;
use crate::potential::short::ShortHessian;
use crate::potential::{Engine, LocalEngine, Potential};
use std::sync::{Arc, OnceLock};

/// Edge of the bins in which atoms are looked up [length].
const BIN: f64 = 5.0;

/// Where the first shell of neighbours ends, over the mean distance of atoms.
const FIRST_SHELL: f64 = 1.4;

/// The minimum that every search of a campaign starts from.
#[derive(Debug)]
pub struct Frame {
    /// Atoms of the minimum.
    pub configuration: Configuration,
    /// Their potential.
    pub potential: Arc<Potential>,
    surroundings: Arc<Surroundings>,
    /// An engine with all atoms, from which those of the searches are copied.
    whole: OnceLock<LocalEngine>,
    /// Factors of its Hessian.
    factors: Arc<Incomplete>,
    bins: [usize; 3],
    first: Vec<usize>,
    order: Vec<u32>,
}

impl Frame {
    /// Sort the atoms of a minimum into bins.
    pub fn new(configuration: Configuration, potential: &Arc<Potential>) -> Result<Frame> {
        let surroundings = Surroundings::new(potential, &configuration)?;
        let (cell, positions) = (&configuration.cell, &configuration.positions);
        let reach = FIRST_SHELL * (cell.volume() / positions.len().max(1) as f64).cbrt();
        let springs = Engine::new(potential, &configuration)?.springs(cell, positions, reach)?;
        let factors = Incomplete::new(cell, positions, &springs).into();
        Ok(Frame::sorted(configuration, potential, surroundings, factors))
    }

    fn sorted(
        configuration: Configuration,
        potential: &Arc<Potential>,
        surroundings: Arc<Surroundings>,
        factors: Arc<Incomplete>,
    ) -> Frame {
        let cell = &configuration.cell;
        let bins = cell.widths().map(|w| ((w / BIN) as usize).clamp(1, 512));
        let place: Vec<usize> = configuration.positions.iter().map(|p| flat(bins, bin_of(cell, bins, p))).collect();
        let mut first = vec![0; bins.iter().product::<usize>() + 1];
        place.iter().for_each(|&b| first[b + 1] += 1);
        (1..first.len()).for_each(|k| first[k] += first[k - 1]);
        let mut next = first.clone();
        let mut order = vec![0; place.len()];
        for (atom, &b) in place.iter().enumerate() {
            order[next[b]] = atom as u32;
            next[b] += 1;
        }
        let (potential, whole) = (potential.clone(), OnceLock::new());
        Frame { configuration, potential, surroundings, whole, factors, bins, first, order }
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.configuration.len()
    }

    /// An engine in which `atoms` (ascending) move, not evaluated yet.
    fn engine(&self, atoms: &[usize]) -> Result<LocalEngine> {
        if atoms.len() < self.len() {
            return LocalEngine::waiting(&self.surroundings, atoms);
        }
        if let Some(whole) = self.whole.get() {
            return Ok(whole.waiting_afar());
        }
        let whole = LocalEngine::waiting(&self.surroundings, atoms)?.waiting_afar();
        Ok(self.whole.get_or_init(|| whole).waiting_afar())
    }

    /// Forces of the minimum [energy/length].
    pub fn forces(&self) -> &[Vector] {
        self.surroundings.forces()
    }

    /// Atoms closer than `radius` to any of the `centers`, in ascending order.
    pub fn within(&self, centers: &[Vector], radius: f64) -> Vec<usize> {
        let cell = &self.configuration.cell;
        let widths = cell.widths();
        let reach = [0, 1, 2].map(|k| (radius * self.bins[k] as f64 / widths[k]).ceil() as isize);
        let mut found = Vec::new();
        for center in centers {
            let middle = bin_of(cell, self.bins, center);
            let range = [0, 1, 2].map(|k| {
                let n = self.bins[k] as isize;
                if 2 * reach[k] + 1 >= n {
                    0..n
                } else {
                    middle[k] as isize - reach[k]..middle[k] as isize + reach[k] + 1
                }
            });
            for x in range[0].clone() {
                for y in range[1].clone() {
                    for z in range[2].clone() {
                        let wrapped = |k: usize, b: isize| b.rem_euclid(self.bins[k] as isize) as usize;
                        let bin = flat(self.bins, [wrapped(0, x), wrapped(1, y), wrapped(2, z)]);
                        for &atom in &self.order[self.first[bin]..self.first[bin + 1]] {
                            if self.distance(atom as usize, center) < radius {
                                found.push(atom as usize);
                            }
                        }
                    }
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Atoms within `radius` of one of the frozen atoms that feel at least `force_tolerance`.
    pub fn around_offenders(&self, frozen: &[(usize, Vector)], force_tolerance: f64, radius: f64) -> Vec<usize> {
        let offenders = frozen.iter().filter(|(_, force)| force.norm() >= force_tolerance);
        let centers: Vec<Vector> = offenders.map(|&(atom, _)| self.configuration.positions[atom]).collect();
        self.within(&centers, radius)
    }

    /// Energy of an elastic field, which falls as `1/r^6`, beyond the radius `outer` over that between `inner` and it; no
    /// further than the sphere with the volume of the cell reaches, where the field of the images takes over.
    pub fn beyond(&self, inner: f64, outer: f64) -> f64 {
        let end = 4.0 / 3.0 * std::f64::consts::PI / self.configuration.cell.volume();
        (outer.powi(-3) - end).max(0.0) / (inner.powi(-3) - outer.powi(-3))
    }

    /// Distance of an atom of the minimum from a point, over periodic images [length].
    pub fn distance(&self, atom: usize, point: &Vector) -> f64 {
        self.configuration.cell.minimum_image(self.configuration.positions[atom] - point).norm()
    }
}

/// The bin of a position in a grid along the edges of the cell.
pub fn bin_of(cell: &Cell, bins: [usize; 3], position: &Vector) -> [usize; 3] {
    let s = cell.fractional(position);
    [0, 1, 2].map(|k| (((s[k] - s[k].floor()) * bins[k] as f64) as usize).min(bins[k] - 1))
}

/// Number of a bin.
pub fn flat(bins: [usize; 3], b: [usize; 3]) -> usize {
    (b[0] * bins[1] + b[1]) * bins[2] + b[2]
}

/// The union of two ascending lists.
pub fn union(a: &[usize], b: &[usize]) -> Vec<usize> {
    let mut all: Vec<usize> = a.iter().chain(b).copied().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// What a search has spent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// Evaluations of energy and forces.
    pub force_evaluations: u64,
    /// Products of the Hessian with a vector.
    pub hessian_products: u64,
    /// Active atoms, summed over the evaluations of forces.
    pub atom_evaluations: u64,
}

impl Cost {
    /// Add what another part has spent.
    pub fn add(&mut self, other: Cost) {
        self.force_evaluations += other.force_evaluations;
        self.hessian_products += other.hessian_products;
        self.atom_evaluations += other.atom_evaluations;
    }
}

/// The active atoms with their energy, forces and Hessian; all others stay in the minimum.
#[derive(Clone, Debug)]
pub struct Region<'a> {
    /// The minimum.
    pub frame: &'a Frame,
    /// Active atoms, ascending.
    pub atoms: Vec<usize>,
    /// Their positions [length].
    pub positions: Vec<Vector>,
    /// Energy over that of the minimum [energy].
    pub energy: f64,
    /// Forces on the active atoms [energy/length].
    pub forces: Vec<Vector>,
    /// What this region has spent.
    pub cost: Cost,
    engine: LocalEngine,
    hessian: Option<ShortHessian>,
    factors: Option<Arc<Incomplete>>,
    /// True when the engine was last at other positions.
    elsewhere: bool,
}

impl<'a> Region<'a> {
    /// Active `atoms` (ascending) at their places in the minimum.
    pub fn new(frame: &'a Frame, atoms: Vec<usize>) -> Result<Region<'a>> {
        let engine = frame.engine(&atoms)?;
        let positions = engine.start_positions();
        let forces = vec![Vector::zeros(); atoms.len()];
        let mut region = Region {
            frame,
            atoms,
            positions,
            energy: 0.0,
            forces,
            cost: Cost::default(),
            engine,
            hessian: None,
            factors: None,
            elsewhere: true,
        };
        region.spend(1);
        Ok(region)
    }

    fn spend(&mut self, evaluations: u64) {
        self.cost.force_evaluations += evaluations;
        self.cost.atom_evaluations += evaluations * self.atoms.len() as u64;
    }

    /// Number of active atoms.
    pub fn len(&self) -> usize {
        self.atoms.len()
    }

    /// True when every atom of the sample is active, so that the sample as a whole can drift.
    pub fn is_free(&self) -> bool {
        self.atoms.len() == self.frame.len()
    }

    /// Energy and forces at the present positions.
    pub fn evaluate(&mut self) -> Result<()> {
        self.engine.evaluate(&self.positions)?;
        self.energy = self.engine.energy;
        copy(&mut self.forces, &self.engine.forces);
        self.hessian = None;
        self.elsewhere = false;
        self.spend(1);
        Ok(())
    }

    /// Go back to a state that was evaluated before; nothing is computed again.
    pub fn restore(&mut self, positions: &[Vector], forces: &[Vector], energy: f64) {
        copy(&mut self.positions, positions);
        copy(&mut self.forces, forces);
        self.energy = energy;
        self.hessian = None;
        self.elsewhere = true;
    }

    /// Make the Hessian of the present positions ready for `product`.
    pub fn linearize(&mut self) -> Result<()> {
        if self.hessian.is_none() {
            self.spend(u64::from(self.elsewhere));
            self.elsewhere = false;
            self.hessian = Some(self.engine.short_hessian(&self.positions)?);
        }
        Ok(())
    }

    /// `out = H v`; zero before `linearize`.
    pub fn product(&mut self, v: &[Vector], out: &mut [Vector]) {
        self.cost.hessian_products += 1;
        match &self.hessian {
            Some(hessian) => hessian.apply(v, out),
            None => out.fill(Vector::zeros()),
        }
    }

    /// Factors of the Hessian of the active atoms in the minimum, near that of the present positions.
    pub fn factors(&mut self) -> Arc<Incomplete> {
        let frame = self.frame;
        let part = || {
            if self.atoms.len() == frame.len() { frame.factors.clone() } else { frame.factors.part(&self.atoms).into() }
        };
        self.factors.get_or_insert_with(part).clone()
    }

    /// Make more atoms active; `vectors`, one component for each active atom, get zeros for the new ones. The forces on
    /// the new atoms are unknown until the next evaluation. False when there is none to add.
    pub fn grow(&mut self, more: &[usize], vectors: &mut [&mut Vec<Vector>]) -> Result<bool> {
        let atoms = union(&self.atoms, more);
        if atoms.len() == self.atoms.len() {
            return Ok(false);
        }
        let old = std::mem::replace(&mut self.atoms, atoms);
        let place: Vec<Option<usize>> = self.atoms.iter().map(|atom| old.binary_search(atom).ok()).collect();
        for vector in vectors.iter_mut() {
            **vector = place.iter().map(|p| p.map_or(Vector::zeros(), |k| vector[k])).collect();
        }
        let minimum = &self.frame.configuration.positions;
        self.positions =
            self.atoms.iter().zip(&place).map(|(&atom, p)| p.map_or(minimum[atom], |k| self.positions[k])).collect();
        self.forces = place.iter().map(|p| p.map_or(Vector::zeros(), |k| self.forces[k])).collect();
        self.engine = self.frame.engine(&self.atoms)?;
        self.hessian = None;
        self.factors = None;
        self.elsewhere = true;
        self.spend(1);
        Ok(true)
    }

    /// Work on those of the `atoms` that are active here, all others at rest where they are now; the work is given their region,
    /// evaluated, and their places in this one. What comes of it, and for each place the position at the end.
    pub fn with_part<T>(
        &mut self,
        atoms: &[usize],
        work: impl FnOnce(&mut Region, &[usize]) -> Result<T>,
    ) -> Result<(T, Vec<(usize, Vector)>)> {
        if self.elsewhere {
            self.evaluate()?;
        }
        let mut configuration = self.frame.configuration.clone();
        self.atoms.iter().zip(&self.positions).for_each(|(&atom, p)| configuration.positions[atom] = *p);
        let (surroundings, factors) = (self.engine.surroundings_now(), self.frame.factors.clone());
        let frame = Frame::sorted(configuration, &self.frame.potential, surroundings, factors);
        let places: Vec<usize> = atoms.iter().filter_map(|atom| self.atoms.binary_search(atom).ok()).collect();
        let mut part = Region::new(&frame, places.iter().map(|&place| self.atoms[place]).collect())?;
        part.evaluate()?;
        let result = work(&mut part, &places)?;
        self.cost.add(part.cost);
        Ok((result, places.into_iter().zip(part.positions).collect()))
    }

    /// Displacements of the active atoms from the minimum, without the drift of the whole sample [length].
    pub fn displacement(&self, out: &mut Vec<Vector>) {
        let minimum = &self.frame.configuration.positions;
        out.clear();
        out.extend(self.positions.iter().zip(&self.atoms).map(|(p, &atom)| p - minimum[atom]));
        if self.is_free() {
            remove_mean(out);
        }
    }

    /// Displacements of the atoms of this region from where they are in `other`, of the same minimum [length].
    pub fn way_from(&self, other: &Region) -> Vec<Vector> {
        let (mut from, mut way) = (Vec::new(), Vec::new());
        other.displacement(&mut from);
        self.displacement(&mut way);
        for (atom, d) in other.atoms.iter().zip(&from) {
            if let Ok(place) = self.atoms.binary_search(atom) {
                way[place] -= d;
            }
        }
        way
    }

    /// Frozen atoms that feel the active ones, with the forces on them.
    pub fn frozen_forces(&mut self) -> Result<Vec<(usize, Vector)>> {
        if self.is_free() {
            return Ok(Vec::new());
        }
        if self.elsewhere {
            self.evaluate()?;
        }
        // Pairs of the active atoms, then and now, and those of the atoms around them twice.
        self.spend(2);
        let mut forces = self.engine.forces_around();
        forces.retain(|(atom, _)| self.atoms.binary_search(atom).is_err());
        Ok(forces)
    }

    /// Largest force on an active atom [energy/length].
    pub fn largest_force(&self) -> f64 {
        largest(&self.forces)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Element;
    use crate::random::{Purpose, stream};
    use rand::RngExt;

    #[test]
    fn atoms_near_points_are_those_of_a_plain_loop() {
        let cell = Cell::triclinic([24.0, 22.0, 21.0], [5.0, -3.0, 2.0]).unwrap();
        let mut random = stream(3, Purpose::Packing, 0);
        let positions: Vec<Vector> = (0..512)
            .map(|k| {
                let site = Vector::new((k % 8) as f64, (k / 8 % 8) as f64, (k / 64) as f64) / 8.0;
                let image = Vector::from_fn(|_, _| f64::from(random.random_range(-1..2)));
                cell.cartesian(&(site + image)) + Vector::from_fn(|_, _| random.random_range(-0.2..0.2))
            })
            .collect();
        let element = Element { name: "Cu".into(), mass: 63.546 };
        let configuration = Configuration::new(cell, vec![element], vec![0; 512], positions.clone()).unwrap();
        let frame = Frame::new(configuration, &Potential::built_in("CuZr-2009").unwrap()).unwrap();
        for radius in [3.0, 8.0, 14.0] {
            let centers = [positions[7], positions[300]];
            let expected: Vec<usize> =
                (0..512).filter(|&a| centers.iter().any(|c| frame.distance(a, c) < radius)).collect();
            assert_eq!(frame.within(&centers, radius), expected);
        }
    }
}
