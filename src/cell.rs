//! The periodic cell: three edge vectors, tilted or not, periodic in all three directions.

use crate::error::{Error, Result};
use nalgebra::{Matrix3, Vector3};

/// A vector in space [length], or any three components of an atom.
pub type Vector = Vector3<f64>;

/// A 3 x 3 tensor.
pub type Tensor = Matrix3<f64>;

/// A periodic cell with edge vectors `a`, `b`, `c` as the columns of its matrix [length].
///
/// ```
/// use vitric::cell::{Cell, Vector};
/// let cell = Cell::orthogonal(10.0, 10.0, 10.0)?;
/// let d = cell.minimum_image(Vector::new(9.0, 0.0, 0.0));
/// assert!((d.x + 1.0).abs() < 1e-12);
/// # Ok::<(), vitric::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    matrix: Tensor,
    inverse: Tensor,
}

impl Cell {
    /// A cell from its edge vectors as columns; an error when they are not finite or span no volume.
    pub fn new(matrix: Tensor) -> Result<Cell> {
        if !matrix.iter().all(|x| x.is_finite()) {
            return Err(Error::input("cell: edge vectors must be finite"));
        }
        let scale = matrix.column_iter().map(|c| c.norm()).product::<f64>();
        if matrix.determinant() <= 1e-9 * scale {
            return Err(Error::input(format!(
                "cell: edge vectors must be right-handed and span a volume, found {:.6} A^3",
                matrix.determinant()
            )));
        }
        let inverse = matrix.try_inverse().ok_or_else(|| Error::input("cell: edge vectors are linearly dependent"))?;
        Ok(Cell { matrix, inverse })
    }

    /// A cell with right angles and edges `x`, `y`, `z` [length].
    pub fn orthogonal(x: f64, y: f64, z: f64) -> Result<Cell> {
        Cell::new(Tensor::from_diagonal(&Vector::new(x, y, z)))
    }

    /// A cell in the convention of LAMMPS: edges along x, in the xy plane, and anywhere.
    pub fn triclinic(lengths: [f64; 3], tilts: [f64; 3]) -> Result<Cell> {
        let [x, y, z] = lengths;
        let [xy, xz, yz] = tilts;
        Cell::new(Tensor::new(x, xy, xz, 0.0, y, yz, 0.0, 0.0, z))
    }

    /// Edge vectors as columns [length].
    pub fn matrix(&self) -> &Tensor {
        &self.matrix
    }

    /// Inverse of the matrix: rows are reciprocal vectors without the factor 2 pi [1/length].
    pub fn inverse(&self) -> &Tensor {
        &self.inverse
    }

    /// Volume [length^3].
    pub fn volume(&self) -> f64 {
        self.matrix.determinant()
    }

    /// Distances between opposite faces [length].
    pub fn widths(&self) -> [f64; 3] {
        [0, 1, 2].map(|k| 1.0 / self.inverse.row(k).norm())
    }

    /// The smallest distance between opposite faces [length]; half of it bounds every cutoff.
    pub fn smallest_width(&self) -> f64 {
        self.widths().into_iter().fold(f64::INFINITY, f64::min)
    }

    /// Fractional coordinates of a position.
    pub fn fractional(&self, position: &Vector) -> Vector {
        self.inverse * position
    }

    /// Position of fractional coordinates [length].
    pub fn cartesian(&self, fractional: &Vector) -> Vector {
        self.matrix * fractional
    }

    /// The periodic image of a position inside the cell.
    pub fn wrap(&self, position: &Vector) -> Vector {
        let s = self.inverse * position;
        // A fraction of -1e-17 rounds up to exactly 1.
        self.matrix * s.map(|x| if x - x.floor() < 1.0 { x - x.floor() } else { 0.0 })
    }

    /// The image of a displacement with rounded fractional coordinates: the shortest one whenever
    /// that is shorter than half the smallest width.
    #[inline]
    pub fn minimum_image(&self, displacement: Vector) -> Vector {
        let s = self.inverse * displacement;
        displacement - self.matrix * s.map(f64::round)
    }

    /// The cell after a deformation gradient: every edge vector e becomes `gradient * e`.
    pub fn deformed(&self, gradient: &Tensor) -> Result<Cell> {
        Cell::new(gradient * self.matrix)
    }

    /// An error that says what size is needed when spheres of radius `cutoff` overlap their own images.
    pub fn check_cutoff(&self, cutoff: f64, call: &str) -> Result<()> {
        let width = self.smallest_width();
        if cutoff > 0.5 * width {
            return Err(Error::input(format!(
                "{call}: the cell is too small for a cutoff of {cutoff:.3} A: it needs at least {:.3} A between opposite \
                 faces, found {width:.3} A, where {:.2} A fit",
                2.0 * cutoff,
                (50.0 * width).floor() / 100.0
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_keeps_fractions_and_tilted_images() {
        let cell = Cell::triclinic([10.0, 9.0, 8.0], [3.0, -2.0, 1.0]).unwrap();
        let p = Vector::new(23.0, -11.0, 4.0);
        let shift = cell.fractional(&(p - cell.wrap(&p)));
        assert!(shift.iter().all(|x| (x - x.round()).abs() < 1e-12));
        assert!(cell.fractional(&cell.wrap(&p)).iter().all(|x| (0.0..1.0).contains(x)));
    }

    #[test]
    fn a_cell_without_volume_is_an_error() {
        assert!(Cell::orthogonal(1.0, 1.0, 0.0).is_err());
        assert!(Cell::orthogonal(f64::NAN, 1.0, 1.0).is_err());
    }
}
