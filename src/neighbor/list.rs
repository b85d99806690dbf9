//! All neighbours of every atom within a cutoff.

use crate::cell::{Cell, Vector};
use crate::error::{Error, Result};
use rayon::prelude::*;

/// Neighbours of every atom closer than a cutoff, each pair listed from both sides.
///
/// ```
/// use vitric::cell::{Cell, Vector};
/// use vitric::neighbor::Neighbors;
/// let cell = Cell::orthogonal(10.0, 10.0, 10.0)?;
/// let positions = [Vector::new(0.5, 0.0, 0.0), Vector::new(9.5, 0.0, 0.0)];
/// let neighbors = Neighbors::new(&cell, &positions, 2.0)?;
/// let (atom, vector, distance) = neighbors.of(0).next().unwrap();
/// assert_eq!(atom, 1);
/// assert!((vector.x + 1.0).abs() < 1e-12 && (distance - 1.0).abs() < 1e-12);
/// # Ok::<(), vitric::error::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Neighbors {
    first: Vec<usize>,
    atoms: Vec<u32>,
    vectors: Vec<Vector>,
    distances: Vec<f64>,
}

impl Neighbors {
    /// Find all pairs with `r < cutoff` [length]; an error when the cell is too small for the cutoff.
    pub fn new(cell: &Cell, positions: &[Vector], cutoff: f64) -> Result<Neighbors> {
        cell.check_cutoff(cutoff, "neighbors")?;
        if let Some(atom) = positions.iter().position(|p| !p.iter().all(|x| x.is_finite())) {
            return Err(Error::input(format!("neighbors: the position of atom {} is not finite", atom + 1)));
        }
        let grid = Grid::new(cell, positions, cutoff);
        let rows: Vec<Vec<(u32, Vector)>> =
            (0..positions.len()).into_par_iter().map(|atom| grid.around(atom, cutoff * cutoff)).collect();
        let mut neighbors = Neighbors { first: vec![0], ..Neighbors::default() };
        for row in rows {
            for (atom, vector) in row {
                neighbors.atoms.push(atom);
                neighbors.vectors.push(vector);
                neighbors.distances.push(vector.norm());
            }
            neighbors.first.push(neighbors.atoms.len());
        }
        Ok(neighbors)
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.first.len() - 1
    }

    /// True when there is no atom.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of neighbours of an atom.
    pub fn count(&self, atom: usize) -> usize {
        self.first[atom + 1] - self.first[atom]
    }

    /// The neighbours of an atom in ascending order: number, vector towards it, distance [length].
    pub fn of(&self, atom: usize) -> impl Iterator<Item = (usize, Vector, f64)> + '_ {
        (self.first[atom]..self.first[atom + 1]).map(|k| (self.atoms[k] as usize, self.vectors[k], self.distances[k]))
    }
}

/// Atoms sorted into bins of fractional coordinates.
struct Grid<'a> {
    cell: &'a Cell,
    wrapped: Vec<Vector>,
    bins: [usize; 3],
    reach: [usize; 3],
    bin_of: Vec<[usize; 3]>,
    first: Vec<usize>,
    order: Vec<u32>,
}

impl<'a> Grid<'a> {
    fn new(cell: &'a Cell, positions: &[Vector], cutoff: f64) -> Grid<'a> {
        let widths = cell.widths();
        // A short cutoff must not make more bins than a few for each atom.
        let most = 2 * (positions.len() as f64).cbrt().ceil() as usize + 1;
        let bins = widths.map(|w| ((2.0 * w / cutoff) as usize).clamp(1, most));
        let reach = [0, 1, 2].map(|k| (cutoff * bins[k] as f64 / widths[k]).ceil() as usize);
        let wrapped: Vec<Vector> = positions.iter().map(|p| cell.wrap(p)).collect();
        let bin_of: Vec<[usize; 3]> = wrapped
            .iter()
            .map(|p| {
                let s = cell.fractional(p);
                [0, 1, 2].map(|k| ((s[k] * bins[k] as f64) as usize).min(bins[k] - 1))
            })
            .collect();
        let mut first = vec![0; bins.iter().product::<usize>() + 1];
        let flat = |b: &[usize; 3]| (b[0] * bins[1] + b[1]) * bins[2] + b[2];
        bin_of.iter().for_each(|b| first[flat(b) + 1] += 1);
        (1..first.len()).for_each(|k| first[k] += first[k - 1]);
        let mut next = first.clone();
        let mut order = vec![0; positions.len()];
        for (atom, b) in bin_of.iter().enumerate() {
            order[next[flat(b)]] = atom as u32;
            next[flat(b)] += 1;
        }
        Grid { cell, wrapped, bins, reach, bin_of, first, order }
    }

    fn around(&self, atom: usize, cutoff_squared: f64) -> Vec<(u32, Vector)> {
        let ranges = [0, 1, 2].map(|k| self.bins_near(k, self.bin_of[atom][k]));
        let mut found = Vec::new();
        for &x in &ranges[0] {
            for &y in &ranges[1] {
                for &z in &ranges[2] {
                    let bin = (x * self.bins[1] + y) * self.bins[2] + z;
                    for &other in &self.order[self.first[bin]..self.first[bin + 1]] {
                        let vector = self.cell.minimum_image(self.wrapped[other as usize] - self.wrapped[atom]);
                        if other as usize != atom && vector.norm_squared() < cutoff_squared {
                            found.push((other, vector));
                        }
                    }
                }
            }
        }
        found.sort_unstable_by_key(|f| f.0);
        found
    }

    /// Bins within reach along one axis, each once.
    fn bins_near(&self, axis: usize, bin: usize) -> Vec<usize> {
        let (n, reach) = (self.bins[axis], self.reach[axis]);
        if 2 * reach + 1 >= n {
            return (0..n).collect();
        }
        (0..=2 * reach).map(|k| (bin + n + k - reach) % n).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};
    use rand::RngExt;

    #[test]
    fn grid_finds_the_pairs_of_a_double_loop_in_a_tilted_cell() {
        let cell = Cell::triclinic([14.0, 13.0, 12.0], [4.0, -3.0, 2.0]).unwrap();
        let mut random = stream(1, Purpose::Packing, 0);
        let positions: Vec<Vector> =
            (0..150).map(|_| Vector::from_fn(|_, _| random.random_range(-20.0..20.0))).collect();
        let cutoff = 0.49 * cell.smallest_width();
        let neighbors = Neighbors::new(&cell, &positions, cutoff).unwrap();
        for i in 0..positions.len() {
            let expected: Vec<usize> = (0..positions.len())
                .filter(|&j| j != i && cell.minimum_image(positions[j] - positions[i]).norm() < cutoff)
                .collect();
            assert_eq!(neighbors.of(i).map(|n| n.0).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_cell_too_small_says_what_is_needed() {
        let cell = Cell::orthogonal(10.0, 10.0, 10.0).unwrap();
        let message = Neighbors::new(&cell, &[], 6.0).unwrap_err().to_string();
        assert!(message.contains("at least 12.000 A"), "{message}");
    }
}
