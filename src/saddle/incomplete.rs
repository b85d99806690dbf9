//! An approximate inverse of the Hessian, which halves the products that conjugate gradients need.

use crate::cell::{Cell, Tensor, Vector};
use crate::potential::engine::Springs;
use std::collections::BTreeMap;

/// Edge of the cubes whose atoms are numbered one after the other, over the mean distance of atoms.
const CUBE: f64 = 1.2;

/// Single precision: the factors are approximate anyway, and reading them is what they cost. The fourth number is zero, and takes part
/// all the same, so that a row is one vector of the machine.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(16))]
pub struct Row([f32; 4]);

/// Blocks of a row with their columns, in ascending order.
type Blocks = Vec<(usize, Tensor)>;

/// Incomplete Cholesky factors of the Hessian, in blocks of three by three numbers, of near neighbours only.
///
/// ```math
/// H ~ (1 + C) D (1 + C)^T
/// C_ij D_j = H_ij - sum_k C_ik D_k C_jk^T,    D_i = H_ii - sum_k C_ik D_k C_ik^T,    j < i, k < j
/// ```
/// Meijerink, van der Vorst, Math. Comp. 31, 148 (1977), <https://doi.org/10.1090/S0025-5718-1977-0438681-4>.
///
/// Some of the atoms take their rows from the factors of all. That too is a positive operator, and in a glass it serves as well as
/// factors of their own.
#[derive(Debug)]
pub struct Incomplete {
    /// Atoms in the order of elimination; in a part, their places in it.
    order: Vec<u32>,
    /// Where in it each atom is; empty in a part.
    rank: Vec<u32>,
    /// Where the blocks of each begin.
    first: Vec<u32>,
    /// Earlier places in that order.
    columns: Vec<u32>,
    /// Blocks of C.
    blocks: Vec<[Row; 3]>,
    /// Inverse of D.
    inverse: Vec<[Row; 3]>,
}

impl Incomplete {
    /// Factors from the stiffness of each atom and the springs between near ones.
    pub fn new(cell: &Cell, positions: &[Vector], springs: &Springs) -> Incomplete {
        let order = spatial_order(cell, positions);
        let mut rank = vec![0; order.len()];
        order.iter().zip(0..).for_each(|(&atom, k)| rank[atom as usize] = k);
        // Two atoms of a small cell may have several springs.
        let mut below = vec![BTreeMap::new(); order.len()];
        for &(i, j, spring) in springs.pairs.iter().filter(|(i, j, _)| i != j) {
            let (early, late) = (rank[i].min(rank[j]) as usize, rank[i].max(rank[j]) as usize);
            *below[late].entry(early).or_insert_with(Tensor::zeros) -= spring;
        }
        let mut factors = Incomplete { rank, ..Incomplete::empty() };
        let mut lower: Vec<Blocks> = Vec::with_capacity(order.len());
        let mut inverse: Vec<Tensor> = Vec::with_capacity(order.len());
        for (atom, below) in order.iter().zip(below) {
            let (mut own, mut scaled) = (Blocks::new(), Blocks::new());
            let mut pivot = springs.stiffness[*atom as usize];
            for (column, mut block) in below {
                for (c, l) in common(&scaled, &lower[column]) {
                    block -= c * l.transpose();
                }
                let c = block * inverse[column];
                pivot -= c * block.transpose();
                own.push((column, block));
                scaled.push((column, c));
            }
            lower.push(own);
            // A lone atom, or one at an inflection, keeps its force as it is.
            let inverted = pivot.cholesky().map_or_else(Tensor::identity, |c| c.inverse());
            let row = scaled.iter().map(|(column, c)| (*column as u32, rows(c)));
            factors.push(*atom, row, rows(&inverted));
            inverse.push(inverted);
        }
        factors
    }

    fn empty() -> Incomplete {
        let (order, rank, columns) = (Vec::new(), Vec::new(), Vec::new());
        Incomplete { order, rank, first: vec![0], columns, blocks: Vec::new(), inverse: Vec::new() }
    }

    fn push(&mut self, atom: u32, row: impl Iterator<Item = (u32, [Row; 3])>, inverse: [Row; 3]) {
        self.order.push(atom);
        for (column, block) in row {
            self.columns.push(column);
            self.blocks.push(block);
        }
        self.inverse.push(inverse);
        self.first.push(self.columns.len() as u32);
    }

    fn row(&self, k: usize) -> impl DoubleEndedIterator<Item = (usize, &[Row; 3])> {
        let range = self.first[k] as usize..self.first[k + 1] as usize;
        self.columns[range.clone()].iter().map(|&column| column as usize).zip(&self.blocks[range])
    }

    /// The rows of some of the atoms of a whole sample.
    pub fn part(&self, atoms: &[usize]) -> Incomplete {
        let mut rows: Vec<(u32, u32)> = atoms.iter().zip(0..).map(|(&atom, place)| (self.rank[atom], place)).collect();
        rows.sort_unstable();
        // One more than the new row, so that memory which nothing is written to is never touched.
        let mut new = vec![0u32; self.order.len()];
        let mut part = Incomplete::empty();
        for (k, place) in rows {
            let row = self.row(k as usize);
            let kept = row.filter_map(|(column, block)| Some((new[column].checked_sub(1)?, *block)));
            part.push(place, kept, self.inverse[k as usize]);
            new[k as usize] = part.order.len() as u32;
        }
        part
    }

    /// Approximate displacements that balance the forces, `H^-1 f`; `work` is kept between calls.
    pub fn solve(&self, forces: &[Vector], out: &mut [Vector], work: &mut Vec<Row>) {
        work.clear();
        for (k, &place) in self.order.iter().enumerate() {
            let mut sums = [Row::default(); 3];
            for (column, block) in self.row(k) {
                let y = work[column];
                for (sum, row) in sums.iter_mut().zip(block) {
                    (0..4).for_each(|n| sum.0[n] += row.0[n] * y.0[n]);
                }
            }
            let [x, y, z] = sums.map(|s| (s.0[0] + s.0[1]) + (s.0[2] + s.0[3]));
            let f = forces[place as usize];
            work.push(Row([f.x as f32 - x, f.y as f32 - y, f.z as f32 - z, 0.0]));
        }
        for (y, inverse) in work.iter_mut().zip(&self.inverse) {
            *y = transposed(inverse, y);
        }
        for (k, &place) in self.order.iter().enumerate().rev() {
            let x = work[k];
            for (column, block) in self.row(k) {
                let (change, y) = (transposed(block, &x), &mut work[column]);
                (0..4).for_each(|n| y.0[n] -= change.0[n]);
            }
            let [x, y, z, _] = x.0;
            out[place as usize] = Vector::new(x.into(), y.into(), z.into());
        }
    }
}

/// The transpose of a block times a vector.
#[inline(always)]
fn transposed(block: &[Row; 3], x: &Row) -> Row {
    let [a, b, c] = block;
    let mut sum = Row::default();
    (0..4).for_each(|n| sum.0[n] = (a.0[n] * x.0[0] + b.0[n] * x.0[1]) + c.0[n] * x.0[2]);
    sum
}

fn rows(block: &Tensor) -> [Row; 3] {
    [0, 1, 2].map(|r| Row([block[(r, 0)] as f32, block[(r, 1)] as f32, block[(r, 2)] as f32, 0.0]))
}

/// Blocks of the same column in two rows, by ascending column.
fn common<'a>(a: &'a [(usize, Tensor)], b: &'a [(usize, Tensor)]) -> impl Iterator<Item = (&'a Tensor, &'a Tensor)> {
    let mut b = b.iter().peekable();
    a.iter().filter_map(move |(column, left)| {
        while b.next_if(|(other, _)| other < column).is_some() {}
        b.next_if(|(other, _)| other == column).map(|(_, right)| (left, right))
    })
}

/// Atoms cube by cube along a curve that stays near itself: neighbours in space are neighbours in memory.
fn spatial_order(cell: &Cell, positions: &[Vector]) -> Vec<u32> {
    let edge = CUBE * (cell.volume() / positions.len().max(1) as f64).cbrt();
    let cubes = cell.widths().map(|w| (w / edge).ceil().clamp(1.0, 65_536.0));
    let key = |position: &Vector| {
        let s = cell.fractional(position);
        let cube = [0, 1, 2].map(|k| (((s[k] - s[k].floor()) * cubes[k]) as u64).min(cubes[k] as u64 - 1));
        (0..16).fold(0u64, |key, bit| (0..3).fold(key, |key, k| key | (cube[k] >> bit & 1) << (3 * bit + k)))
    };
    let keys: Vec<u64> = positions.iter().map(key).collect();
    let mut order: Vec<u32> = (0..positions.len() as u32).collect();
    order.sort_by_key(|&atom| keys[atom as usize]);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Random, stream};
    use nalgebra::{DMatrix, DVector};
    use rand::RngExt;

    const ATOMS: usize = 24;

    fn cell() -> Cell {
        Cell::triclinic([8.0, 7.5, 7.0], [2.0, -1.0, 0.5]).unwrap()
    }

    /// Atoms with springs between all pairs but those that `far` names, and the matrix that belongs to these.
    fn sample(random: &mut Random, far: impl Fn(usize, usize) -> bool) -> (Vec<Vector>, Springs, DMatrix<f64>) {
        let positions = (0..ATOMS).map(|_| Vector::from_fn(|_, _| random.random_range(-9.0..9.0))).collect();
        let mut springs = Springs { stiffness: vec![Tensor::identity() * 0.3; ATOMS], pairs: Vec::new() };
        let mut matrix = DMatrix::zeros(3 * ATOMS, 3 * ATOMS);
        for i in 0..ATOMS {
            for j in (0..i).filter(|&j| !far(i, j)) {
                let n = Vector::from_fn(|_, _| random.random_range(-1.0..1.0));
                let spring = n * n.transpose() + Tensor::identity() * 0.1;
                springs.pairs.push((i, j, spring));
                springs.stiffness[i] += spring;
                springs.stiffness[j] += spring;
                matrix.fixed_view_mut::<3, 3>(3 * i, 3 * j).copy_from(&-spring);
                matrix.fixed_view_mut::<3, 3>(3 * j, 3 * i).copy_from(&-spring);
            }
        }
        for (i, stiffness) in springs.stiffness.iter().enumerate() {
            matrix.fixed_view_mut::<3, 3>(3 * i, 3 * i).copy_from(stiffness);
        }
        (positions, springs, matrix)
    }

    fn vector(random: &mut Random, length: usize) -> Vec<Vector> {
        (0..length).map(|_| Vector::from_fn(|_, _| random.random_range(-1.0..1.0))).collect()
    }

    #[test]
    fn nothing_is_missing_when_every_pair_has_a_block() {
        let random = &mut stream(4, Purpose::Packing, 0);
        let (positions, springs, matrix) = sample(random, |_, _| false);
        let forces = vector(random, ATOMS);
        let (mut ours, mut work) = (forces.clone(), Vec::new());
        Incomplete::new(&cell(), &positions, &springs).solve(&forces, &mut ours, &mut work);
        let dense = DVector::from_iterator(3 * ATOMS, forces.iter().flat_map(|f| f.iter().copied()));
        let exact = matrix.cholesky().unwrap().solve(&dense);
        for (k, x) in ours.iter().flat_map(|x| x.iter()).enumerate() {
            assert!((x - exact[k]).abs() < 1e-5, "{k}: {x} {}", exact[k]);
        }
    }

    #[test]
    fn a_part_is_symmetric_and_positive() {
        let random = &mut stream(5, Purpose::Packing, 0);
        let (positions, springs, _) = sample(random, |i, j| (i + j) % 3 > 0);
        let atoms: Vec<usize> = (0..ATOMS).filter(|k| k % 4 != 1).collect();
        let part = Incomplete::new(&cell(), &positions, &springs).part(&atoms);
        let mut work = Vec::new();
        let sum = |x: &[Vector], y: &[Vector]| x.iter().zip(y).map(|(x, y)| x.dot(y)).sum::<f64>();
        for _ in 0..5 {
            let (x, y) = (vector(random, atoms.len()), vector(random, atoms.len()));
            let (mut a, mut b) = (x.clone(), y.clone());
            part.solve(&x, &mut a, &mut work);
            part.solve(&y, &mut b, &mut work);
            assert!((sum(&a, &y) - sum(&b, &x)).abs() < 1e-5 && sum(&a, &x) > 0.1, "{} {}", sum(&a, &y), sum(&b, &x));
        }
    }
}
