//! A slice through the sample: a value of each atom as a smooth field on a plane, for contour maps.

use crate::cell::{Cell, Tensor, Vector};
use crate::error::{Error, Result};
use crate::neighbor::{Images, Near};
use crate::table::Column;
use rayon::prelude::*;

/// Cells of a field, more than any figure shows.
const MOST_CELLS: f64 = 1e8;

/// A slab of the sample between two planes, and how the atoms in it become a field.
///
/// ```math
/// A(x, y) = sum_j w(d_j) A_j / sum_j w(d_j),    w(d) = exp(-d^2 / 2 s^2)
/// ```
///
/// `j` runs over the atoms in the slab and their periodic images, `d_j` is the distance in the plane.
#[derive(Clone, Debug)]
pub struct Slice {
    /// The edge of the cell that leaves the plane: 0, 1 or 2. The plane is spanned by the other two.
    pub normal: usize,
    /// Distance of the middle of the slab from the origin, along the normal [length].
    pub at: f64,
    /// Thickness of the slab [length]; 3.9 A is the first trough of g(r), as in the paper.
    pub thickness: f64,
    /// Width `s` of the Gaussian [length].
    pub smearing: f64,
    /// Distance between grid points [length], made a little smaller to fit the cell.
    pub spacing: f64,
}

impl Default for Slice {
    /// 3.9 A thick about the plane through the origin normal to z, smeared by 2 A, on a grid of 0.5 A.
    fn default() -> Slice {
        Slice { normal: 2, at: 0.0, thickness: 3.9, smearing: 2.0, spacing: 0.5 }
    }
}

/// A field on a rectangular periodic grid, and the atoms it was made from.
#[derive(Clone, Debug)]
pub struct SliceField {
    /// Extent in the plane, along its first edge and at right angles to it [length].
    pub size: [f64; 2],
    /// Number of grid points along x and y.
    pub shape: [usize; 2],
    /// Values `[y * shape[0] + x]` at the centres of the grid; NaN where no atom is within 5 widths.
    pub values: Vec<f64>,
    /// Atoms in the slab, counted from 0, without those whose value is NaN.
    pub atoms: Vec<usize>,
    /// Their places in the plane, wrapped into the rectangle [length].
    pub places: Vec<[f64; 2]>,
}

impl Slice {
    /// The field of `values`; an error when there is no atom in the slab.
    pub fn field(&self, cell: &Cell, positions: &[Vector], values: &[f64]) -> Result<SliceField> {
        self.check(positions.len(), values.len())?;
        let edge = |k: usize| Vector::from(cell.matrix().column((self.normal + k) % 3));
        let (first, second) = if self.normal == 1 { (edge(2), edge(1)) } else { (edge(1), edge(2)) };
        let along = first.normalize();
        let shear = second.dot(&along);
        let across = (second - along * shear).normalize();
        let size = [first.norm(), second.dot(&across)];
        let width = cell.widths()[self.normal];
        let middle = self.at / width;
        let mut field = SliceField { size, shape: [0, 0], values: Vec::new(), atoms: Vec::new(), places: Vec::new() };
        for (atom, position) in positions.iter().enumerate() {
            let height = cell.fractional(position)[self.normal] - middle;
            let image = height.round();
            if 2.0 * (height - image).abs() * width <= self.thickness && values[atom].is_finite() {
                let position = position - Vector::from(cell.matrix().column(self.normal)) * image;
                let rows = (position.dot(&across) / size[1]).floor();
                let y = position.dot(&across) - rows * size[1];
                let x = (position.dot(&along) - rows * shear).rem_euclid(size[0]);
                field.atoms.push(atom);
                field.places.push([x, y]);
            }
        }
        if field.atoms.is_empty() {
            return Err(Error::input(format!(
                "slice: no atom is within {} A of the plane at {} A",
                0.5 * self.thickness,
                self.at
            )));
        }
        self.smear(&mut field, shear, values)?;
        Ok(field)
    }

    fn smear(&self, field: &mut SliceField, shear: f64, values: &[f64]) -> Result<()> {
        let reach = 5.0 * self.smearing;
        let [width, height] = field.size;
        let plane = Cell::new(Tensor::new(width, shear, 0.0, 0.0, height, 0.0, 0.0, 0.0, 4.0 * reach))?;
        let points: Vec<Vector> = field.places.iter().map(|p| Vector::new(p[0], p[1], 0.0)).collect();
        let images = Images::new(&plane, &points, 0.5 * reach)?;
        let cells = field.size.map(|length| (length / self.spacing).ceil().max(1.0));
        if cells[0] * cells[1] > MOST_CELLS {
            return Err(Error::input(format!(
                "slice: `spacing` {} makes {:.0e} cells, where {MOST_CELLS:.0e} are allowed",
                self.spacing,
                cells[0] * cells[1]
            )));
        }
        field.shape = cells.map(|count| count as usize);
        let [columns, rows] = field.shape;
        let rows: Vec<Vec<f64>> = (0..rows)
            .into_par_iter()
            .map_init(Near::default, |near, row| {
                let y = (row as f64 + 0.5) * height / rows as f64;
                (0..columns)
                    .map(|column| {
                        let x = (column as f64 + 0.5) * width / columns as f64;
                        images.near(&Vector::new(x, y, 0.0), reach, 0, near);
                        let (mut sum, mut norm) = (0.0, 0.0);
                        for (&place, &square) in near.places().iter().zip(near.squares()) {
                            let weight = (-0.5 * square / (self.smearing * self.smearing)).exp();
                            sum += weight * values[field.atoms[images.atom(place as usize)]];
                            norm += weight;
                        }
                        sum / norm
                    })
                    .collect()
            })
            .collect();
        field.values = rows.concat();
        Ok(())
    }

    fn check(&self, atoms: usize, values: usize) -> Result<()> {
        if atoms != values {
            return Err(Error::input(format!("slice: {values} values for {atoms} atoms")));
        }
        if self.normal > 2 || !self.at.is_finite() {
            return Err(Error::input("slice: the normal must be edge 0, 1 or 2, and `at` finite"));
        }
        for (name, value) in [("thickness", self.thickness), ("smearing", self.smearing), ("spacing", self.spacing)] {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::input(format!("slice: `{name}` must be positive, found {value}")));
            }
        }
        Ok(())
    }
}

impl SliceField {
    /// The field as columns `x`, `y` and `name`, x running fastest.
    pub fn columns(&self, name: &str, unit: &str) -> Vec<Column> {
        let [columns, rows] = self.shape;
        let x = |k: usize| ((k % columns) as f64 + 0.5) * self.size[0] / columns as f64;
        let y = |k: usize| ((k / columns) as f64 + 0.5) * self.size[1] / rows as f64;
        vec![
            Column::float("x", "A", (0..columns * rows).map(x).collect()),
            Column::float("y", "A", (0..columns * rows).map(y).collect()),
            Column::float(name, unit, self.values.clone()),
        ]
    }

    /// The atoms in the slab as columns `atom` (from 1), `x` and `y`.
    pub fn atom_columns(&self) -> Vec<Column> {
        vec![
            Column::integer("atom", self.atoms.iter().map(|&atom| atom as i64 + 1).collect()),
            Column::float("x", "A", self.places.iter().map(|p| p[0]).collect()),
            Column::float("y", "A", self.places.iter().map(|p| p[1]).collect()),
        ]
    }
}
