//! All periodic images of the atoms around a point, out to any distance.

use crate::cell::{Cell, Vector};
use crate::error::{Error, Result};
use std::ops::Range;

/// Atoms sorted into bins of the cell, to be asked what surrounds a point.
///
/// Unlike [`Neighbors`](super::Neighbors) it stores no pairs and knows no largest cutoff: beyond half the cell an atom is
/// found once for each of its images, itself included. Atoms have a *place* in the order of the bins, which keeps those
/// that are near in space near in memory.
///
/// ```
/// use vitric::cell::{Cell, Vector};
/// use vitric::neighbor::{Images, Near};
/// let cell = Cell::orthogonal(3.0, 3.0, 3.0)?;
/// let images = Images::new(&cell, &[Vector::zeros()], 1.0)?;
/// let mut near = Near::default();
/// images.near(&Vector::zeros(), 4.0, 0, &mut near);
/// assert_eq!(near.places().len(), 1 + 6); // itself and its images along the edges; the next are 4.24 away
/// # Ok::<(), vitric::error::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Images {
    cell: Cell,
    /// The cell as an upper triangle: [a_x, b_x, b_y, c_x, c_y, c_z].
    triangle: [f64; 6],
    bins: [usize; 3],
    first: Vec<usize>,
    order: Vec<u32>,
    x: Vec<f64>,
    y: Vec<f64>,
    z: Vec<f64>,
}

/// Atoms near one point of which several lists fit into the memory of a small machine.
const MOST_NEAR: f64 = 2e7;

/// What [`Images::near`] found; lent again and again so that its memory is reused.
#[derive(Clone, Debug, Default)]
pub struct Near {
    length: usize,
    places: Vec<u32>,
    squares: Vec<f64>,
    vectors: [Vec<f64>; 3],
}

impl Near {
    /// Places of the atoms found.
    pub fn places(&self) -> &[u32] {
        &self.places[..self.length]
    }

    /// Their squared distances [length^2].
    pub fn squares(&self) -> &[f64] {
        &self.squares[..self.length]
    }

    /// The vector towards the one at `index` [length]; only after [`Images::vectors_near`].
    pub fn vector(&self, index: usize) -> Vector {
        Vector::new(self.vectors[0][index], self.vectors[1][index], self.vectors[2][index])
    }

    fn reserve(&mut self, more: usize, with_vectors: bool) {
        let needed = self.length + more;
        if self.places.len() < needed {
            self.places.resize(2 * needed, 0);
            self.squares.resize(2 * needed, 0.0);
        }
        if with_vectors && self.vectors[0].len() < needed {
            self.vectors.iter_mut().for_each(|v| v.resize(2 * needed, 0.0));
        }
    }
}

impl Images {
    /// Sort the atoms into bins about `size` wide [length]; an error when a position is not finite.
    pub fn new(cell: &Cell, positions: &[Vector], size: f64) -> Result<Images> {
        if let Some(atom) = positions.iter().position(|p| !p.iter().all(|x| x.is_finite())) {
            return Err(Error::input(format!("neighbors: the position of atom {} is not finite", atom + 1)));
        }
        let triangle = triangle(cell);
        // Never many more bins than atoms, however empty the cell.
        let size = size.max((cell.volume() / (4.0 * positions.len() as f64 + 64.0)).cbrt());
        let bins = [triangle[0], triangle[2], triangle[5]].map(|w| ((w / size) as usize).clamp(1, 1024));
        let wrapped: Vec<Vector> = positions.iter().map(|p| cell.wrap(p)).collect();
        let bin_of: Vec<usize> = wrapped
            .iter()
            .map(|p| {
                let s = cell.fractional(p);
                let [a, b, c] = [0, 1, 2].map(|k| ((s[k] * bins[k] as f64) as usize).min(bins[k] - 1));
                (c * bins[1] + b) * bins[0] + a
            })
            .collect();
        let mut first = vec![0; bins.iter().product::<usize>() + 1];
        bin_of.iter().for_each(|b| first[b + 1] += 1);
        (1..first.len()).for_each(|k| first[k] += first[k - 1]);
        let mut next = first.clone();
        let mut order = vec![0; positions.len()];
        for (atom, &b) in bin_of.iter().enumerate() {
            order[next[b]] = atom as u32;
            next[b] += 1;
        }
        let sorted = |axis: usize| order.iter().map(|&atom| wrapped[atom as usize][axis]).collect();
        let (x, y, z) = (sorted(0), sorted(1), sorted(2));
        Ok(Images { cell: cell.clone(), triangle, bins, first, x, y, z, order })
    }

    /// An error when more atoms and images lie within `reach` of a point, on average, than the memory is for.
    pub fn check_reach(&self, option: &str, reach: f64) -> Result<()> {
        let inside = 4.0 / 3.0 * std::f64::consts::PI * reach.powi(3) * self.len() as f64 / self.cell.volume();
        if inside > MOST_NEAR {
            return Err(Error::input(format!(
                "`{option}` is {reach} A, within which lie {inside:.0e} atoms and images of atoms; at most {MOST_NEAR:.0e} can be taken"
            )));
        }
        Ok(())
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// True when there is no atom.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The atom at a place.
    #[inline]
    pub fn atom(&self, place: usize) -> usize {
        self.order[place] as usize
    }

    /// The position of the atom at a place, wrapped into the cell [length].
    #[inline]
    pub fn position(&self, place: usize) -> Vector {
        Vector::new(self.x[place], self.y[place], self.z[place])
    }

    /// Values in the order of atoms from values in the order of places.
    pub fn by_atom<T: Clone>(&self, by_place: Vec<T>) -> Vec<T> {
        let mut place_of = vec![0; self.len()];
        self.order.iter().enumerate().for_each(|(place, &atom)| place_of[atom as usize] = place);
        place_of.into_iter().map(|place| by_place[place].clone()).collect()
    }

    /// Values in the order of places from values in the order of atoms.
    pub fn by_place<T: Clone>(&self, by_atom: &[T]) -> Vec<T> {
        self.order.iter().map(|&atom| by_atom[atom as usize].clone()).collect()
    }

    /// Find the images with `r < radius` of atoms at place `from` or later: places and squared distances.
    ///
    /// A `from` of one's own place plus one gives each pair once.
    pub fn near(&self, point: &Vector, radius: f64, from: usize, near: &mut Near) {
        near.length = 0;
        let square = radius * radius;
        self.runs(point, radius, |run, shift| {
            let run = run.start.max(from)..run.end.max(from);
            near.reserve(run.len(), false);
            let mut length = near.length;
            let (x, y, z) = (&self.x[run.clone()], &self.y[run.clone()], &self.z[run.clone()]);
            for (k, ((x, y), z)) in x.iter().zip(y).zip(z).enumerate() {
                let (x, y, z) = (x + shift.x, y + shift.y, z + shift.z);
                let r2 = x * x + y * y + z * z;
                near.places[length] = (run.start + k) as u32;
                near.squares[length] = r2;
                length += usize::from(r2 < square);
            }
            near.length = length;
        });
    }

    /// As [`Images::near`] for all atoms, with the vectors towards them.
    pub fn vectors_near(&self, point: &Vector, radius: f64, near: &mut Near) {
        near.length = 0;
        let square = radius * radius;
        self.runs(point, radius, |run, shift| {
            near.reserve(run.len(), true);
            let mut length = near.length;
            let (x, y, z) = (&self.x[run.clone()], &self.y[run.clone()], &self.z[run.clone()]);
            for (k, ((x, y), z)) in x.iter().zip(y).zip(z).enumerate() {
                let (x, y, z) = (x + shift.x, y + shift.y, z + shift.z);
                let r2 = x * x + y * y + z * z;
                near.places[length] = (run.start + k) as u32;
                near.squares[length] = r2;
                near.vectors[0][length] = x;
                near.vectors[1][length] = y;
                near.vectors[2][length] = z;
                length += usize::from(r2 < square);
            }
            near.length = length;
        });
    }

    /// Visit every stretch of places that may hold an image within `radius`, with the vector that takes the stored
    /// positions to positions relative to the point.
    fn runs(&self, point: &Vector, radius: f64, mut visit: impl FnMut(Range<usize>, Vector)) {
        let point = self.cell.wrap(point);
        let s = self.cell.fractional(&point);
        let [ax, bx, by, cx, cy, cz] = self.triangle;
        let n = self.bins.map(|n| n as f64);
        let edges = self.cell.matrix();
        // Rounding must not hide an atom at the edge of a bin.
        let radius = radius * (1.0 + 1e-9);
        let bin = |axis: usize, ds: f64| ((s[axis] + ds) * n[axis]).floor() as i64;
        for c in bin(2, -radius / cz)..=bin(2, radius / cz) {
            let ds_c = [c as f64 / n[2] - s.z, (c + 1) as f64 / n[2] - s.z];
            let left = radius * radius - gap(ds_c.map(|d| cz * d)).powi(2);
            let y_c = sorted(ds_c.map(|d| cy * d));
            let reach = left.max(0.0).sqrt();
            for b in bin(1, (-reach - y_c[1]) / by)..=bin(1, (reach - y_c[0]) / by) {
                let ds_b = [b as f64 / n[1] - s.y, (b + 1) as f64 / n[1] - s.y];
                let left = left - gap([by * ds_b[0] + y_c[0], by * ds_b[1] + y_c[1]]).powi(2);
                if left < 0.0 {
                    continue;
                }
                let (x_b, x_c) = (sorted(ds_b.map(|d| bx * d)), sorted(ds_c.map(|d| cx * d)));
                let reach = left.sqrt();
                let (low, high) = (bin(0, (-reach - x_b[1] - x_c[1]) / ax), bin(0, (reach - x_b[0] - x_c[0]) / ax));
                let [na, nb, nc] = self.bins.map(|n| n as i64);
                let row = (c.rem_euclid(nc) * nb + b.rem_euclid(nb)) * na;
                let across = edges.column(1) * b.div_euclid(nb) as f64 + edges.column(2) * c.div_euclid(nc) as f64;
                for image in low.div_euclid(na)..=high.div_euclid(na) {
                    let (start, end) = ((low - image * na).max(0), (high - image * na).min(na - 1));
                    let run = self.first[(row + start) as usize]..self.first[(row + end + 1) as usize];
                    if !run.is_empty() {
                        visit(run, across + edges.column(0) * image as f64 - point);
                    }
                }
            }
        }
    }
}

/// Distance of an interval from zero.
fn gap(interval: [f64; 2]) -> f64 {
    interval[0].max(-interval[1]).max(0.0)
}

fn sorted(pair: [f64; 2]) -> [f64; 2] {
    if pair[0] <= pair[1] { pair } else { [pair[1], pair[0]] }
}

/// The edges of a cell turned so that `a` is along x and `b` in the xy plane.
fn triangle(cell: &Cell) -> [f64; 6] {
    let (a, b, c) = (cell.matrix().column(0), cell.matrix().column(1), cell.matrix().column(2));
    let ax = a.norm();
    let bx = b.dot(&a) / ax;
    let by = (b - a * (bx / ax)).norm();
    let cx = c.dot(&a) / ax;
    let cy = (b.dot(&c) - bx * cx) / by;
    [ax, bx, by, cx, cy, cell.volume() / (ax * by)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};
    use rand::RngExt;

    #[test]
    fn images_are_those_of_a_loop_over_whole_cells() {
        let cell = Cell::triclinic([7.0, 6.0, 5.0], [3.0, -2.5, 2.0]).unwrap();
        let mut random = stream(3, Purpose::Packing, 0);
        let positions: Vec<Vector> = (0..20).map(|_| Vector::from_fn(|_, _| random.random_range(-9.0..9.0))).collect();
        let images = Images::new(&cell, &positions, 1.0).unwrap();
        let mut near = Near::default();
        for radius in [1.5, 4.0, 11.0] {
            let point = Vector::new(4.2, -3.0, 17.0);
            images.vectors_near(&point, radius, &mut near);
            let mut found: Vec<(usize, i64)> = (0..near.places().len())
                .map(|k| (images.atom(near.places()[k] as usize), (near.squares()[k] * 1e6).round() as i64))
                .collect();
            let mut expected = Vec::new();
            for (atom, p) in positions.iter().enumerate() {
                for k in 0..21 * 21 * 21 {
                    let shift = [k % 21, k / 21 % 21, k / 441].map(|m| m as f64 - 10.0);
                    let r2 = (p + cell.cartesian(&Vector::from(shift)) - point).norm_squared();
                    if r2 < radius * radius {
                        expected.push((atom, (r2 * 1e6).round() as i64));
                    }
                }
            }
            found.sort_unstable();
            expected.sort_unstable();
            assert_eq!(found, expected);
            assert!((0..near.places().len()).all(|k| (near.vector(k).norm_squared() - near.squares()[k]).abs() < 1e-9));
        }
    }
}
