//! The exact second derivatives of the energy, applied to a vector without ever being stored as a matrix.

use super::engine::{Layout, split};
use super::kernel::{self, Curvatures, Group, Springs};
use super::lanes::{Level, Record, WIDTH};
use crate::cell::Vector;
use rayon::prelude::*;
use std::sync::{Arc, Mutex, PoisonError};

/// The Hessian of the energy at fixed positions.
///
/// ```math
/// H = sum_pairs (A - B) n n^T + B 1 (pair blocks)  +  sum_k F''_k g_k g_k^T,    g_k = d rho_k / dx
/// ```
/// Stored as five or six numbers a pair; a product costs less than an evaluation of the forces.
#[derive(Debug)]
pub struct Hessian {
    level: Level,
    layout: Arc<Layout>,
    blocks: Vec<BlockSprings>,
    /// Curvature of the embedding energy, by rank.
    bend: Vec<f64>,
    work: Mutex<Work>,
}

/// The pairs of a block with their second derivatives.
#[derive(Clone, Debug)]
pub(super) struct BlockSprings {
    /// The pairs.
    pub groups: Arc<Vec<Group>>,
    /// For each group whether both densities are the same function.
    pub symmetric: Vec<bool>,
    /// Second derivatives of each group.
    pub curvatures: Vec<Curvatures>,
}

impl BlockSprings {
    fn iter(&self) -> impl Iterator<Item = Springs<'_>> {
        (self.groups.iter().zip(&self.curvatures).zip(&self.symmetric))
            .map(|((group, curvatures), &symmetric)| Springs { group, curvatures, symmetric })
    }
}

/// Buffers that are kept between products.
#[derive(Debug, Default)]
struct Work {
    v: Vec<Record>,
    product: Vec<Record>,
    change: Vec<f64>,
    total: Vec<f64>,
    panel_v: Vec<f64>,
    panel_product: Vec<f64>,
}

impl Hessian {
    pub(super) fn new(level: Level, layout: Arc<Layout>, blocks: Vec<BlockSprings>, bend: Vec<f64>) -> Hessian {
        Hessian { level, layout, blocks, bend, work: Mutex::default() }
    }

    /// Number of atoms.
    pub fn len(&self) -> usize {
        self.bend.len()
    }

    /// True when there is no atom.
    pub fn is_empty(&self) -> bool {
        self.bend.is_empty()
    }

    /// `out = H v` [energy/length^2 times the unit of v].
    pub fn apply(&self, v: &[Vector], out: &mut [Vector]) {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let Work { v: moved, product, change, total, .. } = &mut *work;
        let (layout, level, records) = (&*self.layout, self.level, self.layout.shows.len());
        moved.resize(records, Record::default());
        product.resize(records, Record::default());
        change.resize(records, 0.0);
        total.resize(self.len(), 0.0);
        let first = &layout.first;
        (&self.blocks, split(moved, first), split(product, first), split(change, first))
            .into_par_iter()
            .enumerate()
            .for_each(|(number, (block, moved, product, change))| {
                product.fill(Record::default());
                change.fill(0.0);
                for (record, &(rank, _)) in moved.iter_mut().zip(layout.shown(number)) {
                    record.0[..3].copy_from_slice(v[layout.atoms[rank as usize] as usize].as_slice());
                }
                block.iter().for_each(|springs| kernel::stretch(level, springs, moved, product, change));
            });
        self.bend_changes(change, total, 1);
        (&self.blocks, split(product, first), split(change, first)).into_par_iter().enumerate().for_each(
            |(number, (block, product, change))| {
                for (change, &(rank, _)) in change.iter_mut().zip(layout.shown(number)) {
                    *change = total[rank as usize];
                }
                block.iter().for_each(|springs| kernel::restore(level, springs, change, product));
            },
        );
        layout.collect(product, out);
    }

    /// Changes of the slopes of the embedding energies of all ranks, from the changes of densities at all records.
    fn bend_changes(&self, change: &[f64], total: &mut [f64], columns: usize) {
        let layout = &*self.layout;
        total.par_chunks_mut(columns).zip(&self.bend).enumerate().with_min_len(256).for_each(
            |(rank, (total, bend))| {
                total.fill(0.0);
                for &record in layout.copies(rank) {
                    let change = &change[record as usize * columns..][..columns];
                    total.iter_mut().zip(change).for_each(|(total, change)| *total += change);
                }
                total.iter_mut().for_each(|total| *total *= bend);
            },
        );
    }

    /// `H` applied to several vectors at once, which reads the pairs once for all: component k of atom i in vector c is
    /// number `(3 i + k) columns + c` of `v` and of `out`. Sixteen columns are a good number.
    ///
    /// # Panics
    /// When `v` and `out` do not hold three times `len()` rows of `columns` numbers.
    pub fn apply_panel(&self, v: &[f64], out: &mut [f64], columns: usize) {
        assert!(v.len() == 3 * self.len() * columns && out.len() == v.len(), "a panel has three rows for each atom");
        if v.is_empty() {
            return;
        }
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let Work { panel_v, panel_product, change, total, .. } = &mut *work;
        let (layout, level) = (&*self.layout, self.level);
        let wide = columns.next_multiple_of(WIDTH);
        let records = layout.shows.len();
        panel_v.resize(3 * wide * records, 0.0);
        panel_product.resize(3 * wide * records, 0.0);
        change.resize(wide * records, 0.0);
        total.resize(wide * self.len(), 0.0);
        let by = |factor: usize| layout.first.iter().map(|f| f * factor).collect::<Vec<usize>>();
        let (three, one) = (by(3 * wide), by(wide));
        (&self.blocks, split(panel_v, &three), split(panel_product, &three), split(change, &one))
            .into_par_iter()
            .enumerate()
            .for_each(|(number, (block, moved, product, change))| {
                product.fill(0.0);
                change.fill(0.0);
                for (record, &(rank, _)) in moved.chunks_exact_mut(3 * wide).zip(layout.shown(number)) {
                    let from = &v[3 * columns * layout.atoms[rank as usize] as usize..][..3 * columns];
                    for (to, from) in record.chunks_exact_mut(wide).zip(from.chunks_exact(columns)) {
                        to[..columns].copy_from_slice(from);
                        to[columns..].fill(0.0);
                    }
                }
                // The dummy has the last record.
                let dummy = moved.len() - 3 * wide;
                moved[dummy..].fill(0.0);
                block.iter().for_each(|springs| kernel::stretch_panel(level, springs, wide, moved, product, change));
            });
        self.bend_changes(change, total, wide);
        (&self.blocks, split(panel_product, &three), split(change, &one)).into_par_iter().enumerate().for_each(
            |(number, (block, product, change))| {
                for (change, &(rank, _)) in change.chunks_exact_mut(wide).zip(layout.shown(number)) {
                    change.copy_from_slice(&total[rank as usize * wide..][..wide]);
                }
                block.iter().for_each(|springs| kernel::restore_panel(level, springs, wide, change, product));
            },
        );
        let product = &*panel_product;
        out.par_chunks_mut(3 * columns).enumerate().with_min_len(256).for_each(|(atom, out)| {
            out.fill(0.0);
            for &record in layout.copies(layout.rank_of[atom] as usize) {
                let rows = product[3 * wide * record as usize..][..3 * wide].chunks_exact(wide);
                for (to, from) in out.chunks_exact_mut(columns).zip(rows) {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
                }
            }
        });
        // Vectors of the single product have another length.
        work.change.clear();
        work.total.clear();
    }
}

impl Clone for Hessian {
    fn clone(&self) -> Hessian {
        Hessian::new(self.level, self.layout.clone(), self.blocks.clone(), self.bend.clone())
    }
}
