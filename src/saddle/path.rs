//! The path of least energy from the starting minimum over a saddle to the final minimum.

use super::Search;
use super::event::{Displacements, Event, Outcome};
use super::region::{Region, union};
use super::vectors::{add_scaled, copy, largest, norm, normalize, remove};
use crate::cell::Vector;
use crate::error::{Error, Result};
use crate::observer::Observer;

/// Step down the gradient [length^2/energy]: two over the stiffest curvature of a metallic glass, 40 eV/A^2, is the most that
/// is stable.
const STEP: f64 = 0.03;

/// Longest step of an atom [length].
const LONGEST_STEP: f64 = 0.05;

/// A string of states between two minima, relaxed across itself; the saddle stays where the search found it.
///
/// ```math
/// x' = f - (f.t) t,   images at equal distances along each side
/// ```
/// E, Ren, Vanden-Eijnden, J. Chem. Phys. 126, 164103 (2007), <https://doi.org/10.1063/1.2720838>.
#[derive(Clone, Copy, Debug)]
pub struct StringMethod {
    /// Images between each minimum and the saddle.
    pub images: usize,
    /// The string is done when the largest force across it is below this [energy/length].
    pub force_tolerance: f64,
    /// Most steps.
    pub steps: u64,
}

impl Default for StringMethod {
    fn default() -> StringMethod {
        StringMethod { images: 7, force_tolerance: 0.05, steps: 300 }
    }
}

/// States along a path, from the starting minimum to the final one.
#[derive(Clone, Debug, Default)]
pub struct Path {
    /// Distance along the path from the starting minimum, over all atoms [length].
    pub distance: Vec<f64>,
    /// Energy over the starting minimum [energy].
    pub energy: Vec<f64>,
    /// Place of the saddle.
    pub saddle: usize,
    /// Largest force across the path [energy/length].
    pub residual_force: f64,
    /// Positions of all atoms.
    pub positions: Vec<Vec<Vector>>,
}

impl StringMethod {
    /// The path of a connected event that kept its configurations ([`super::Artn::keep_configurations`]).
    pub fn run(&self, search: &Search, event: &Event, observer: &dyn Observer) -> Result<Path> {
        if event.outcome != Outcome::Connected {
            return Err(Error::input(format!(
                "artn_path: the try is not an event but `{}`, so there is no path from the start over its saddle",
                event.outcome
            )));
        }
        let frame = search.frame();
        let atoms_of = |list: &Displacements| list.iter().map(|d| d.0).collect::<Vec<_>>();
        let atoms = union(&atoms_of(&event.saddle), &atoms_of(&event.end));
        let minimum = Region::new(frame, atoms.clone())?.positions;
        let saddle = displaced(&minimum, &atoms, &event.saddle);
        let end = displaced(&minimum, &atoms, &event.end);
        let mut sides = [minimum.as_slice(), end.as_slice()].map(|from| line(from, &saddle, self.images));
        let mut residual_force: f64 = 0.0;
        observer.begin("artn_path", 2);
        for (k, side) in sides.iter_mut().enumerate() {
            residual_force = residual_force.max(self.relax(Region::new(frame, atoms.clone())?, side, observer)?);
            observer.advance(k as u64 + 1, &String::new);
        }
        observer.end();
        let [mut states, way_down] = sides;
        let place = states.len() - 1;
        states.extend(way_down.into_iter().rev().skip(1));
        describe(Region::new(frame, atoms)?, states, place, residual_force)
    }

    /// Relax one side, both ends fixed; the largest force across it that is left.
    fn relax(&self, mut region: Region, side: &mut [Vec<Vector>], observer: &dyn Observer) -> Result<f64> {
        let mut forces = Vec::new();
        let mut left = f64::INFINITY;
        for _ in 0..self.steps {
            left = 0.0;
            for image in 1..side.len() - 1 {
                let mut tangent = difference(&side[image + 1], &side[image - 1]);
                normalize(&mut tangent);
                copy(&mut region.positions, &side[image]);
                region.evaluate()?;
                copy(&mut forces, &region.forces);
                remove(&mut forces, &tangent);
                let force = largest(&forces);
                left = left.max(force);
                add_scaled(&mut side[image], STEP.min(LONGEST_STEP / force.max(1e-300)), &forces);
            }
            space_evenly(side);
            if left < self.force_tolerance || observer.interrupted() {
                break;
            }
        }
        Ok(left)
    }
}

/// The minimum with some of its atoms displaced.
fn displaced(minimum: &[Vector], atoms: &[usize], by: &Displacements) -> Vec<Vector> {
    let mut positions = minimum.to_vec();
    for (atom, d) in by {
        if let Ok(place) = atoms.binary_search(atom) {
            positions[place] += d;
        }
    }
    positions
}

fn difference(a: &[Vector], b: &[Vector]) -> Vec<Vector> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// States on the straight line, ends included.
fn line(from: &[Vector], to: &[Vector], between: usize) -> Vec<Vec<Vector>> {
    (0..=between + 1)
        .map(|k| {
            let share = k as f64 / (between + 1) as f64;
            from.iter().zip(to).map(|(a, b)| a + (b - a) * share).collect()
        })
        .collect()
}

/// Distances along a string from its first state.
fn lengths(states: &[Vec<Vector>]) -> Vec<f64> {
    let mut all = vec![0.0];
    for pair in states.windows(2) {
        all.push(all[all.len() - 1] + norm(&difference(&pair[1], &pair[0])));
    }
    all
}

/// Move the states along the polygon through them to equal distances, or they would all slide into the minimum.
fn space_evenly(states: &mut [Vec<Vector>]) {
    let old = states.to_vec();
    let along = lengths(&old);
    let last = old.len() - 1;
    for k in 1..last {
        let wanted = along[last] * k as f64 / last as f64;
        let piece = (along.partition_point(|&x| x <= wanted)).clamp(1, last);
        let share = (wanted - along[piece - 1]) / (along[piece] - along[piece - 1]).max(1e-300);
        copy(&mut states[k], &old[piece - 1]);
        add_scaled(&mut states[k], share, &difference(&old[piece], &old[piece - 1]));
    }
}

fn describe(mut region: Region, states: Vec<Vec<Vector>>, saddle: usize, residual_force: f64) -> Result<Path> {
    let mut path = Path { distance: lengths(&states), saddle, residual_force, ..Path::default() };
    for state in states {
        copy(&mut region.positions, &state);
        region.evaluate()?;
        path.energy.push(region.energy);
        let mut all = region.frame.configuration.positions.clone();
        region.atoms.iter().zip(&state).for_each(|(&atom, x)| all[atom] = *x);
        path.positions.push(all);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_spread_evenly_without_leaving_their_polygon() {
        let at = |x: f64, y: f64| vec![Vector::new(x, y, 0.0)];
        let mut states = vec![at(0.0, 0.0), at(0.1, 0.0), at(0.2, 0.0), at(2.0, 0.0), at(2.0, 2.0)];
        space_evenly(&mut states);
        let expected = [at(0.0, 0.0), at(1.0, 0.0), at(2.0, 0.0), at(2.0, 1.0), at(2.0, 2.0)];
        for (state, wanted) in states.iter().zip(&expected) {
            assert!((state[0] - wanted[0]).norm() < 1e-12, "{state:?}");
        }
    }
}
