//! Limited-memory quasi-Newton descent.

use super::line_search::LineSearch;
use super::{Descent, Landscape, Point, Walk, dot};
use crate::cell::Vector;
use crate::error::Result;
use crate::observer::Observer;
use std::collections::VecDeque;

/// L-BFGS: the inverse Hessian is remembered as the last few changes of positions and forces.
///
/// Liu, Nocedal, Math. Program. 45, 503 (1989), <https://doi.org/10.1007/BF01589116>.
#[derive(Clone, Debug)]
pub struct Lbfgs {
    /// Largest norm of the force on one atom at the end [energy/length].
    pub force_tolerance: f64,
    /// Most evaluations of the landscape.
    pub max_evaluations: usize,
    /// Farthest that an atom moves in one step [length].
    pub largest_step: f64,
    /// First step along the forces [length^2/energy].
    pub first_step: f64,
    /// Number of changes remembered.
    pub memory: usize,
}

impl Default for Lbfgs {
    fn default() -> Lbfgs {
        Lbfgs { force_tolerance: 1e-6, max_evaluations: 100_000, largest_step: 0.1, first_step: 0.02, memory: 12 }
    }
}

impl Lbfgs {
    /// Walk down to a minimum; `positions` end there.
    pub fn minimize(
        &self,
        landscape: &mut dyn Landscape,
        positions: &mut [Vector],
        observer: &dyn Observer,
    ) -> Result<Descent> {
        let mut walk = Walk::new(landscape, observer, self.force_tolerance, self.max_evaluations);
        // A quasi-Newton step is nearly right, so that its whole length is taken whenever it is not wrong.
        let search = LineSearch { slope_ratio: 0.9, largest_step: self.largest_step };
        let mut here = walk.start(positions)?;
        let mut next = here.clone();
        let mut memory = Memory { changes: VecDeque::new(), capacity: self.memory, scale: self.first_step };
        let mut direction = vec![Vector::zeros(); positions.len()];
        while !walk.over(&here) {
            memory.newton_step(&here.forces, &mut direction);
            if dot(&direction, &here.forces) <= 0.0 {
                memory.forget();
                memory.newton_step(&here.forces, &mut direction);
            }
            match search.run(&mut walk, &here, &direction, 1.0, &mut next)? {
                Some(_) => {
                    memory.remember(&here, &next);
                    std::mem::swap(&mut here, &mut next);
                }
                None if memory.changes.is_empty() => break,
                None => memory.forget(),
            }
        }
        Ok(walk.end(here, positions))
    }
}

struct Memory {
    changes: VecDeque<Change>,
    capacity: usize,
    scale: f64,
}

/// How positions and forces changed in one step, and their product.
struct Change {
    step: Vec<Vector>,
    rise: Vec<Vector>,
    product: f64,
}

impl Memory {
    /// The two-loop recursion.
    fn newton_step(&self, forces: &[Vector], direction: &mut [Vector]) {
        direction.copy_from_slice(forces);
        let mut weights = Vec::with_capacity(self.changes.len());
        for change in self.changes.iter().rev() {
            let weight = dot(&change.step, direction) / change.product;
            add(direction, -weight, &change.rise);
            weights.push(weight);
        }
        direction.iter_mut().for_each(|d| *d *= self.scale);
        for (change, weight) in self.changes.iter().zip(weights.into_iter().rev()) {
            let correction = weight - dot(&change.rise, direction) / change.product;
            add(direction, correction, &change.step);
        }
    }

    fn remember(&mut self, here: &Point, next: &Point) {
        // The oldest change lends its buffers to the newest.
        let spare = if self.changes.len() >= self.capacity { self.changes.pop_front() } else { None };
        let empty = Change { step: Vec::new(), rise: Vec::new(), product: 0.0 };
        let mut change = spare.unwrap_or(empty);
        change.step.clear();
        change.step.extend(next.positions.iter().zip(&here.positions).map(|(a, b)| a - b));
        change.rise.clear();
        change.rise.extend(here.forces.iter().zip(&next.forces).map(|(a, b)| a - b));
        change.product = dot(&change.step, &change.rise);
        let squared = dot(&change.rise, &change.rise);
        // Only changes of positive curvature keep every direction downhill.
        if change.product > 1e-10 * (dot(&change.step, &change.step) * squared).sqrt() {
            self.scale = change.product / squared;
            self.changes.push_back(change);
        }
    }

    fn forget(&mut self) {
        self.changes.clear();
    }
}

fn add(to: &mut [Vector], factor: f64, vectors: &[Vector]) {
    to.iter_mut().zip(vectors).for_each(|(x, y)| *x += y * factor);
}
