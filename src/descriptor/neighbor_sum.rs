//! Sums of a function of pairs over the neighbours of each atom.

use crate::cell::{Cell, Vector};
use crate::error::{Error, Result};
use crate::math::program::{Program, Rows};
use crate::neighbor::{Images, Near};
use crate::observer::{Observer, watched};

/// Atoms whose pairs are worked on together, so that rows are long also where neighbours are few.
const GROUP: usize = 16;

/// A sum over the neighbours of each atom.
///
/// ```math
/// s_i = sum over j, r_ij < cutoff, of f(r_ij, species of i, species of j)
/// ```
///
/// Beyond half the cell `j` runs over all periodic images, those of atom i included. The order of the sum is that of the
/// positions in space, whatever the number of threads.
///
/// ```
/// use vitric::cell::{Cell, Vector};
/// use vitric::descriptor::NeighborSum;
/// use vitric::error::Error;
/// use vitric::observer::Silent;
/// let cell = Cell::orthogonal(9.0, 9.0, 9.0)?;
/// let positions = [Vector::zeros(), Vector::new(2.0, 0.0, 0.0)];
/// let sum = NeighborSum::new(&cell, &positions, &[0, 1], 3.0)?;
/// let sums = sum.of(&Silent, |r, _, b| Ok::<f64, Error>(r + b as f64))?;
/// assert_eq!(sums, [3.0, 2.0]);
/// # Ok::<(), Error>(())
/// ```
pub struct NeighborSum {
    images: Images,
    /// In the order of places.
    species: Vec<usize>,
    cutoff: f64,
}

impl NeighborSum {
    /// Sums over neighbours with `r < cutoff` [length]; an error when the cutoff is not positive.
    pub fn new(cell: &Cell, positions: &[Vector], species: &[usize], cutoff: f64) -> Result<NeighborSum> {
        if !(cutoff.is_finite() && cutoff > 0.0) {
            return Err(Error::input(format!("sum_neighbors: `cutoff` must be positive, found {cutoff}")));
        }
        let images = Images::new(cell, positions, 0.5 * cutoff)?;
        images.check_reach("cutoff", cutoff).map_err(|e| e.within("sum_neighbors"))?;
        Ok(NeighborSum { species: images.by_place(species), images, cutoff })
    }

    /// The sum of a program of three inputs: distance [length], species of the atom, species of the neighbour.
    pub fn of_program(&self, program: &Program, observer: &dyn Observer) -> Result<Vec<f64>> {
        let groups = self.images.len().div_ceil(GROUP);
        let sums = watched(observer, "sum over neighbours", groups, Workspace::default, |workspace, group| {
            let places = group * GROUP..((group + 1) * GROUP).min(self.images.len());
            workspace.clear();
            for place in places {
                self.visit(place, &mut workspace.near, |r, own, other| {
                    workspace.inputs[0].push(r);
                    workspace.inputs[1].push(own as f64);
                    workspace.inputs[2].push(other as f64);
                });
                workspace.ends.push(workspace.inputs[0].len());
            }
            workspace.sums(program)
        })?;
        Ok(self.images.by_atom(sums.concat()))
    }

    /// The sum of any function of distance [length], species of the atom, and species of the neighbour, pair by pair.
    pub fn of<E: From<Error>>(
        &self,
        observer: &dyn Observer,
        mut function: impl FnMut(f64, usize, usize) -> std::result::Result<f64, E>,
    ) -> std::result::Result<Vec<f64>, E> {
        let mut near = Near::default();
        let mut sums = Vec::with_capacity(self.images.len());
        observer.begin("sum over neighbours", self.images.len() as u64);
        for place in 0..self.images.len() {
            let mut sum = if observer.interrupted() { Err(Error::interrupted().into()) } else { Ok(0.0) };
            self.visit(place, &mut near, |r, own, other| {
                if let Ok(so_far) = sum {
                    sum = function(r, own, other).map(|value| so_far + value);
                }
            });
            sums.push(sum.inspect_err(|_| observer.end())?);
            observer.advance(sums.len() as u64, &String::new);
        }
        observer.end();
        Ok(self.images.by_atom(sums))
    }

    /// Calls `visit` with the distance and species of every pair of the atom at a place.
    fn visit(&self, place: usize, near: &mut Near, mut visit: impl FnMut(f64, usize, usize)) {
        self.images.near(&self.images.position(place), self.cutoff, 0, near);
        for (&other, &square) in near.places().iter().zip(near.squares()) {
            // The atom itself, not its images.
            if other as usize != place || square > 1e-12 {
                visit(square.sqrt(), self.species[place], self.species[other as usize]);
            }
        }
    }
}

/// Memory of one thread.
#[derive(Default)]
struct Workspace {
    near: Near,
    inputs: [Vec<f64>; 3],
    /// Where the pairs of each atom of the group end.
    ends: Vec<usize>,
    values: Vec<f64>,
    rows: Rows,
}

impl Workspace {
    fn clear(&mut self) {
        self.inputs.iter_mut().for_each(Vec::clear);
        self.ends.clear();
    }

    fn sums(&mut self, program: &Program) -> Vec<f64> {
        self.values.resize(self.inputs[0].len(), 0.0);
        let [r, own, other] = &self.inputs;
        program.run(&[r, own, other], &mut self.rows, &mut self.values);
        let mut start = 0;
        let sum = |&end: &usize| {
            self.values[std::mem::replace(&mut start, end)..end].iter().fold(0.0, |sum, value| sum + value)
        };
        self.ends.iter().map(sum).collect()
    }
}
