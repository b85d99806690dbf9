//! The two passes over the pairs of a block: densities, then forces.
#![allow(unsafe_code)]

use super::lanes::{Lanes, Record, Row, WIDTH, dispatch};
use super::radial::Embedding;
use super::tables::{FinePair, Form, Functions, MergedPair, PairTable};

/// Pairs of one species of atoms with one species of neighbours, eight neighbours of one atom at a time.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// Index into the tables of the potential.
    pub table: usize,
    /// First atom.
    pub atom: usize,
    /// Vectors of each atom: those with neighbours near enough for a density, and all.
    pub counts: Vec<[u16; 2]>,
    /// Neighbours as indices of records, padded with the dummy record.
    pub list: Vec<u32>,
    /// Number of near vectors of all atoms.
    pub near: usize,
    /// True when the neighbours do not move and need no force.
    pub frozen: bool,
}

/// Two atoms closer than the potential allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Close {
    /// Indices of the records.
    pub pair: [usize; 2],
    /// Their distance [length].
    pub distance: f64,
}

/// What a pass works on: positions (with the slope of the embedding energy in the force pass) and the pairs.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'a> {
    /// Positions; the last record is the dummy, far from everything.
    pub records: &'a [Record],
    /// The pairs.
    pub group: &'a Group,
    /// Their functions.
    pub table: &'a PairTable,
}

impl Pairs<'_> {
    /// What the unsafe code below relies on; the builder of the lists keeps it.
    fn check(&self, others: usize) {
        let group = self.group;
        let vectors: usize = group.counts.iter().map(|c| c[1] as usize).sum();
        assert!(group.list.len() == vectors * WIDTH && group.atom + group.counts.len() <= self.records.len());
        assert!(others >= self.records.len());
    }
}

/// Calls `$run::<L, F ...>` with the functions of a table.
macro_rules! with_functions {
    ($table:expr, $functions:ident => $call:expr) => {
        match (&$table.form, $table.symmetric) {
            (Form::Merged(m), true) if m.degree <= 4 => {
                let $functions = MergedPair::<4, true>(m);
                $call
            }
            (Form::Merged(m), true) => {
                let $functions = MergedPair::<8, true>(m);
                $call
            }
            (Form::Merged(m), false) => {
                let $functions = MergedPair::<8, false>(m);
                $call
            }
            (Form::Fine(m), true) => {
                let $functions = FinePair::<true>(m);
                $call
            }
            (Form::Fine(m), false) => {
                let $functions = FinePair::<false>(m);
                $call
            }
        }
    };
}

dispatch! {
    /// Add the densities of all near pairs to `density` and keep the slopes divided by the distance in `gradients`:
    /// eight numbers for each near vector, sixteen when the densities of the two species differ.
    pub fn densities / densities_body(
        pairs: Pairs<'_>, density: &mut [f64], gradients: &mut Vec<f64>, close: &mut Option<Close>
    )
}

#[inline(always)]
unsafe fn densities_body<L: Lanes>(
    pairs: Pairs<'_>,
    density: &mut [f64],
    gradients: &mut Vec<f64>,
    close: &mut Option<Close>,
) {
    pairs.check(density.len());
    let sides = if pairs.table.symmetric { 1 } else { 2 };
    gradients.resize(pairs.group.near * WIDTH * sides, 0.0);
    // SAFETY: `check` has compared the lengths; indices were made by the builder of the list.
    with_functions!(pairs.table, functions => unsafe { run_densities::<L, _>(functions, pairs, density, gradients, close) })
}

#[inline(always)]
unsafe fn run_densities<L: Lanes, F: Functions<L>>(
    functions: F,
    pairs: Pairs<'_>,
    density: &mut [f64],
    gradients: &mut [f64],
    close: &mut Option<Close>,
) {
    let Pairs { records, group, table } = pairs;
    let base = records.as_ptr();
    let density = density.as_mut_ptr();
    let mut index = group.list.as_ptr();
    let mut gradient = gradients.as_mut_ptr();
    // SAFETY: the counts add up to the length of the list and of the gradients; see `check`.
    unsafe {
        let inner = L::splat(table.inner * table.inner);
        for (k, &[near, all]) in group.counts.iter().enumerate() {
            let atom = group.atom + k;
            let [x, y, z, _] = (*base.add(atom)).0;
            let centre = [L::splat(x), L::splat(y), L::splat(z)];
            let mut sum = L::splat(0.0);
            let next = index.add(all as usize * WIDTH);
            for _ in 0..near {
                let [x, y, z, _] = L::gather(base, index);
                let d = [L::sub(x, centre[0]), L::sub(y, centre[1]), L::sub(z, centre[2])];
                let s = L::fma(d[2], d[2], L::fma(d[1], d[1], L::mul(d[0], d[0])));
                let inverse = L::rsqrt(s);
                let r = L::mul(s, inverse);
                let (mut first, mut slope) = functions.density(r, 0);
                let (mut second, mut slope_second) =
                    if F::SYMMETRIC { (first, slope) } else { functions.density(r, 1) };
                let below = L::less(s, inner);
                if below != 0 {
                    let mut values = [[0.0; WIDTH]; 5];
                    for (v, x) in values.iter_mut().zip([s, first, slope, second, slope_second]) {
                        L::store(v.as_mut_ptr(), x);
                    }
                    exact_densities(table, below, &mut values, close, atom, index);
                    first = L::load(values[1].as_ptr());
                    slope = L::load(values[2].as_ptr());
                    second = L::load(values[3].as_ptr());
                    slope_second = L::load(values[4].as_ptr());
                }
                sum = L::add(sum, first);
                L::accumulate(density, index, second);
                L::store(gradient, L::mul(slope, inverse));
                gradient = gradient.add(WIDTH);
                if !F::SYMMETRIC {
                    L::store(gradient, L::mul(slope_second, inverse));
                    gradient = gradient.add(WIDTH);
                }
                index = index.add(WIDTH);
            }
            index = next;
            *density.add(atom) += L::sum(sum);
        }
    }
}

/// Replace what the polynomials gave below their range.
#[cold]
#[inline(never)]
fn exact_densities(
    table: &PairTable,
    below: u8,
    values: &mut [[f64; WIDTH]; 5],
    close: &mut Option<Close>,
    atom: usize,
    index: *const u32,
) {
    for lane in (0..WIDTH).filter(|k| below >> k & 1 == 1) {
        let r = values[0][lane].sqrt();
        // Written so that a distance that is not a number counts as too close.
        if !(r >= table.limit) {
            // SAFETY: the caller's list has eight indices here.
            let other = unsafe { *index.add(lane) } as usize / 4;
            close.get_or_insert(Close { pair: [atom, other], distance: r });
        }
        let (first, second) = (table.exact[1].evaluate(r), table.exact[2].evaluate(r));
        for (value, x) in values[1..].iter_mut().zip([first[0], first[1], second[0], second[1]]) {
            value[lane] = x;
        }
    }
}

dispatch! {
    /// Add the forces of all pairs; the fourth component of the positions holds the slopes of the embedding energies.
    /// Returns the pair energy [energy], zero unless it is wanted.
    pub fn forces / forces_body(
        pairs: Pairs<'_>, gradients: &[f64], forces: &mut [Record], energy: bool, close: &mut Option<Close>
    ) -> f64
}

#[inline(always)]
unsafe fn forces_body<L: Lanes>(
    pairs: Pairs<'_>,
    gradients: &[f64],
    forces: &mut [Record],
    energy: bool,
    close: &mut Option<Close>,
) -> f64 {
    pairs.check(forces.len());
    let sides = if pairs.table.symmetric { 1 } else { 2 };
    assert!(gradients.len() == pairs.group.near * WIDTH * sides);
    // SAFETY: `check` has compared the lengths; indices were made by the builder of the list.
    with_functions!(pairs.table, functions => unsafe {
        match (energy, pairs.group.frozen) {
            (true, true) => run_forces::<L, _, true, true>(functions, pairs, gradients, forces, close),
            (true, false) => run_forces::<L, _, true, false>(functions, pairs, gradients, forces, close),
            (false, _) => run_forces::<L, _, false, false>(functions, pairs, gradients, forces, close),
        }
    })
}

#[inline(always)]
unsafe fn run_forces<L: Lanes, F: Functions<L>, const ENERGY: bool, const FROZEN: bool>(
    functions: F,
    pairs: Pairs<'_>,
    gradients: &[f64],
    forces: &mut [Record],
    close: &mut Option<Close>,
) -> f64 {
    let Pairs { records, group, table } = pairs;
    let base = records.as_ptr();
    let out = forces.as_mut_ptr();
    let mut index = group.list.as_ptr();
    let mut gradient = gradients.as_ptr();
    // SAFETY: the counts add up to the length of the list and of the gradients; see `check`.
    unsafe {
        let inner = L::splat(table.inner * table.inner);
        let mut energy = L::splat(0.0);
        for (k, &[near, all]) in group.counts.iter().enumerate() {
            let atom = group.atom + k;
            let [x, y, z, bend] = (*base.add(atom)).0;
            let centre = [L::splat(x), L::splat(y), L::splat(z)];
            let bend = L::splat(bend);
            let mut sum = [L::splat(0.0); 3];
            for vector in 0..all {
                let [x, y, z, w] = L::gather(base, index);
                let d = [L::sub(x, centre[0]), L::sub(y, centre[1]), L::sub(z, centre[2])];
                let s = L::fma(d[2], d[2], L::fma(d[1], d[1], L::mul(d[0], d[0])));
                let inverse = L::rsqrt(s);
                let r = L::mul(s, inverse);
                let (mut value, mut slope) =
                    if ENERGY { functions.pair(r) } else { (L::splat(0.0), functions.slope(r)) };
                let below = L::less(s, inner);
                if below != 0 {
                    let mut values = [[0.0; WIDTH]; 3];
                    for (v, x) in values.iter_mut().zip([s, value, slope]) {
                        L::store(v.as_mut_ptr(), x);
                    }
                    exact_pairs(table, below, &mut values, close, atom, index);
                    value = L::load(values[1].as_ptr());
                    slope = L::load(values[2].as_ptr());
                }
                if ENERGY {
                    energy = L::add(energy, value);
                }
                let mut force = L::mul(slope, inverse);
                if vector < near {
                    if F::SYMMETRIC {
                        force = L::fma(L::add(bend, w), L::load(gradient), force);
                        gradient = gradient.add(WIDTH);
                    } else {
                        force = L::fma(bend, L::load(gradient), force);
                        force = L::fma(w, L::load(gradient.add(WIDTH)), force);
                        gradient = gradient.add(2 * WIDTH);
                    }
                }
                let f = [L::mul(d[0], force), L::mul(d[1], force), L::mul(d[2], force)];
                sum = [L::add(sum[0], f[0]), L::add(sum[1], f[1]), L::add(sum[2], f[2])];
                if !FROZEN {
                    L::subtract(out, index, f[0], f[1], f[2]);
                }
                index = index.add(WIDTH);
            }
            let total = &mut (*out.add(atom)).0;
            total[0] += L::sum(sum[0]);
            total[1] += L::sum(sum[1]);
            total[2] += L::sum(sum[2]);
        }
        L::sum(energy)
    }
}

#[cold]
#[inline(never)]
fn exact_pairs(
    table: &PairTable,
    below: u8,
    values: &mut [[f64; WIDTH]; 3],
    close: &mut Option<Close>,
    atom: usize,
    index: *const u32,
) {
    for lane in (0..WIDTH).filter(|k| below >> k & 1 == 1) {
        let r = values[0][lane].sqrt();
        if !(r >= table.limit) {
            // SAFETY: the caller's list has eight indices here.
            let other = unsafe { *index.add(lane) } as usize / 4;
            close.get_or_insert(Close { pair: [atom, other], distance: r });
        }
        let value = table.exact[0].evaluate(r);
        values[1][lane] = value[0];
        values[2][lane] = value[1];
    }
}

dispatch! {
    /// Embedding energies of atoms of one species, their slopes, and their curvatures if there is room for them.
    pub fn embed / embed_body(
        embedding: &Embedding, density: &[f64], value: &mut [f64], slope: &mut [f64], bend: &mut [f64]
    )
}

#[inline(always)]
unsafe fn embed_body<L: Lanes>(
    embedding: &Embedding,
    density: &[f64],
    value: &mut [f64],
    slope: &mut [f64],
    bend: &mut [f64],
) {
    assert!(value.len() == density.len() && slope.len() == density.len());
    assert!(bend.is_empty() || bend.len() == density.len());
    let mut done = 0;
    if let Embedding::Root { scale, terms } = embedding {
        // SAFETY: whole vectors inside slices of equal length.
        unsafe {
            let (zero, inverse) = (L::splat(0.0), L::splat(1.0 / scale));
            while done + WIDTH <= density.len() {
                let x = L::mul(L::load(density.as_ptr().add(done)), inverse);
                let root = L::where_less(zero, x, L::rsqrt(x));
                let mut f0 = L::mul(L::mul(x, root), L::splat(-1.0));
                let mut f1 = L::mul(root, L::splat(-0.5));
                let mut f2 = L::mul(L::mul(root, root), L::mul(root, L::splat(0.25)));
                for t in terms {
                    let d = L::where_less(L::splat(t.on), x, L::sub(x, L::splat(t.centre)));
                    let c = L::splat(t.coefficient);
                    let square = L::mul(d, d);
                    let scaled = L::mul(square, c);
                    f0 = L::fma(square, scaled, f0);
                    f1 = L::fma(L::mul(d, L::splat(4.0)), scaled, f1);
                    f2 = L::fma(scaled, L::splat(12.0), f2);
                }
                L::store(value.as_mut_ptr().add(done), f0);
                L::store(slope.as_mut_ptr().add(done), L::mul(f1, inverse));
                if !bend.is_empty() {
                    L::store(bend.as_mut_ptr().add(done), L::mul(f2, L::mul(inverse, inverse)));
                }
                done += WIDTH;
            }
        }
    }
    for k in done..density.len() {
        let f = embedding.evaluate(density[k]);
        (value[k], slope[k]) = (f[0], f[1]);
        if !bend.is_empty() {
            bend[k] = f[2];
        }
    }
}

/// Second derivatives of the pairs of a group.
///
/// Eight lanes in each row. Pairs of moving atoms: direction (3), curvature along the pair less that across it, curvature across
/// it, and for near vectors the slopes of the density at the atom and, when it differs, at the neighbour. Pairs with frozen
/// neighbours, near ones only: slope of the density at the neighbour times the direction (3); the rest is in the sums.
#[derive(Clone, Debug, Default)]
pub struct Curvatures {
    /// The rows.
    pub rows: Vec<Row>,
}

/// What the frozen neighbours of an atom add up to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frame {
    /// Restoring tensor: xx, yy, zz, xy, xz, yz.
    pub tensor: [f64; 6],
    /// Sum of slopes of the density at the atom times directions.
    pub gradient: [f64; 3],
}

dispatch! {
    /// Second derivatives of all pairs; the fourth component of the positions holds the slopes of the embedding energies.
    pub fn curvatures / curvatures_body(pairs: Pairs<'_>, frames: &mut [Frame]) -> Curvatures
}

#[inline(always)]
unsafe fn curvatures_body<L: Lanes>(pairs: Pairs<'_>, frames: &mut [Frame]) -> Curvatures {
    pairs.check(pairs.records.len());
    assert!(!pairs.group.frozen || frames.len() >= pairs.group.atom + pairs.group.counts.len());
    // SAFETY: `check` has compared the lengths; indices were made by the builder of the list.
    with_functions!(pairs.table, functions => unsafe { run_curvatures::<L, _>(functions, pairs, frames) })
}

#[inline(always)]
unsafe fn run_curvatures<L: Lanes, F: Functions<L>>(
    functions: F,
    pairs: Pairs<'_>,
    frames: &mut [Frame],
) -> Curvatures {
    let Pairs { records, group, table } = pairs;
    let vectors = group.list.len() / WIDTH;
    let sides = if F::SYMMETRIC { 1 } else { 2 };
    let count = if group.frozen { 3 * group.near } else { 5 * vectors + sides * group.near };
    let mut rows = vec![Row::default(); count];
    let base = records.as_ptr();
    let mut index = group.list.as_ptr();
    let mut row = rows.as_mut_ptr();
    // SAFETY: the counts add up to the length of the list and of the rows; see `check`.
    unsafe {
        let mut put = |v: L::V| {
            L::store(row.cast(), v);
            row = row.add(1);
        };
        let inner = L::splat(table.inner * table.inner);
        for (k, &[near, all]) in group.counts.iter().enumerate() {
            let atom = group.atom + k;
            let [x, y, z, bend] = (*base.add(atom)).0;
            let centre = [L::splat(x), L::splat(y), L::splat(z)];
            let bend = L::splat(bend);
            let mut frame = [L::splat(0.0); 9];
            for vector in 0..all {
                let [x, y, z, w] = L::gather(base, index);
                let d = [L::sub(x, centre[0]), L::sub(y, centre[1]), L::sub(z, centre[2])];
                let s = L::fma(d[2], d[2], L::fma(d[1], d[1], L::mul(d[0], d[0])));
                let inverse = L::rsqrt(s);
                let r = L::mul(s, inverse);
                let mut phi = functions.pair_curvature(r);
                let zero = (L::splat(0.0), L::splat(0.0));
                let (mut first, mut second) = (zero, zero);
                if vector < near {
                    first = functions.density_curvature(r, 0);
                    second = if F::SYMMETRIC { first } else { functions.density_curvature(r, 1) };
                }
                let below = L::less(s, inner);
                if below != 0 {
                    let mut values = [[0.0; WIDTH]; 7];
                    let all = [s, phi.0, phi.1, first.0, first.1, second.0, second.1];
                    values.iter_mut().zip(all).for_each(|(v, x)| L::store(v.as_mut_ptr(), x));
                    exact_curvatures(table, below, &mut values);
                    let value = |n: usize| L::load(values[n].as_ptr());
                    phi = (value(1), value(2));
                    first = (value(3), value(4));
                    second = (value(5), value(6));
                }
                let slope = L::fma(bend, first.0, L::fma(w, second.0, phi.0));
                let curvature = L::fma(bend, first.1, L::fma(w, second.1, phi.1));
                let across = L::mul(slope, inverse);
                let along = L::sub(curvature, across);
                let n = [L::mul(d[0], inverse), L::mul(d[1], inverse), L::mul(d[2], inverse)];
                if group.frozen {
                    let a = [L::mul(n[0], along), L::mul(n[1], along), L::mul(n[2], along)];
                    for (axis, a) in a.into_iter().enumerate() {
                        frame[axis] = L::fma(a, n[axis], L::add(frame[axis], across));
                    }
                    frame[3] = L::fma(a[0], n[1], frame[3]);
                    frame[4] = L::fma(a[0], n[2], frame[4]);
                    frame[5] = L::fma(a[1], n[2], frame[5]);
                    if vector < near {
                        for axis in 0..3 {
                            frame[6 + axis] = L::fma(first.0, n[axis], frame[6 + axis]);
                            put(L::mul(second.0, n[axis]));
                        }
                    }
                } else {
                    [n[0], n[1], n[2], along, across].into_iter().for_each(&mut put);
                    if vector < near {
                        put(first.0);
                        if !F::SYMMETRIC {
                            put(second.0);
                        }
                    }
                }
                index = index.add(WIDTH);
            }
            if group.frozen {
                let frame = frame.map(|v| L::sum(v));
                frames[atom].tensor.iter_mut().zip(&frame[..6]).for_each(|(a, b)| *a += b);
                frames[atom].gradient.iter_mut().zip(&frame[6..]).for_each(|(a, b)| *a += b);
            }
        }
    }
    Curvatures { rows }
}

#[cold]
#[inline(never)]
fn exact_curvatures(table: &PairTable, below: u8, values: &mut [[f64; WIDTH]; 7]) {
    for lane in (0..WIDTH).filter(|k| below >> k & 1 == 1) {
        let r = values[0][lane].sqrt();
        for f in 0..3 {
            let [_, slope, curvature] = table.exact[f].evaluate(r);
            values[2 * f + 1][lane] = slope;
            values[2 * f + 2][lane] = curvature;
        }
    }
}

/// The pairs of a group with their second derivatives.
#[derive(Clone, Copy, Debug)]
pub struct Springs<'a> {
    /// The pairs.
    pub group: &'a Group,
    /// Their second derivatives.
    pub curvatures: &'a Curvatures,
    /// True when both densities are the same function.
    pub symmetric: bool,
}

impl Springs<'_> {
    fn check(&self, records: usize) {
        let group = self.group;
        let sides = if self.symmetric { 1 } else { 2 };
        let vectors: usize = group.counts.iter().map(|c| c[1] as usize).sum();
        let count = if group.frozen { 3 * group.near } else { 5 * vectors + sides * group.near };
        assert!(group.list.len() == vectors * WIDTH && self.curvatures.rows.len() == count);
        assert!(group.atom + group.counts.len() <= records);
    }
}

dispatch! {
    /// First part of the product of the Hessian with `v`: pair terms go to `product` (of which the sum with frozen neighbours is
    /// already there), changes of densities to `change`.
    pub fn stretch / stretch_body(springs: Springs<'_>, v: &[Record], product: &mut [Record], change: &mut [f64])
}

#[inline(always)]
unsafe fn stretch_body<L: Lanes>(springs: Springs<'_>, v: &[Record], product: &mut [Record], change: &mut [f64]) {
    springs.check(v.len());
    assert!(product.len() >= v.len() && change.len() >= v.len());
    let base = v.as_ptr();
    let product = product.as_mut_ptr();
    let change = change.as_mut_ptr();
    let group = springs.group;
    let mut index = group.list.as_ptr();
    let mut row = springs.curvatures.rows.as_ptr().cast::<f64>();
    // SAFETY: `check` has compared the lengths; indices were made by the builder of the list.
    unsafe {
        for (k, &[near, all]) in group.counts.iter().enumerate() {
            let atom = group.atom + k;
            let [x, y, z, _] = (*base.add(atom)).0;
            let centre = [L::splat(x), L::splat(y), L::splat(z)];
            if group.frozen {
                for vector in 0..near as usize {
                    let q = |axis: usize| L::load(row.add(axis * WIDTH));
                    let c = L::fma(q(2), centre[2], L::fma(q(1), centre[1], L::mul(q(0), centre[0])));
                    L::accumulate(change, index.add(vector * WIDTH), L::mul(c, L::splat(-1.0)));
                    row = row.add(3 * WIDTH);
                }
                index = index.add(all as usize * WIDTH);
                continue;
            }
            let mut sum = [L::splat(0.0); 4];
            for vector in 0..all {
                let [x, y, z, _] = L::gather(base, index);
                let w = [L::sub(x, centre[0]), L::sub(y, centre[1]), L::sub(z, centre[2])];
                let n = [L::load(row), L::load(row.add(WIDTH)), L::load(row.add(2 * WIDTH))];
                let p = L::fma(n[2], w[2], L::fma(n[1], w[1], L::mul(n[0], w[0])));
                let along = L::mul(p, L::load(row.add(3 * WIDTH)));
                let across = L::load(row.add(4 * WIDTH));
                row = row.add(5 * WIDTH);
                // What the neighbour loses the atom gains: minus the product at the neighbour.
                let (along, across) = (L::sub(L::splat(0.0), along), L::sub(L::splat(0.0), across));
                let x = L::fma(n[0], along, L::mul(w[0], across));
                let y = L::fma(n[1], along, L::mul(w[1], across));
                let z = L::fma(n[2], along, L::mul(w[2], across));
                sum = [L::add(sum[0], x), L::add(sum[1], y), L::add(sum[2], z), sum[3]];
                L::subtract(product, index, x, y, z);
                if vector < near {
                    let first = L::load(row);
                    let second = if springs.symmetric { first } else { L::load(row.add(WIDTH)) };
                    row = row.add(if springs.symmetric { WIDTH } else { 2 * WIDTH });
                    sum[3] = L::fma(p, first, sum[3]);
                    L::accumulate(change, index, L::mul(p, second));
                }
                index = index.add(WIDTH);
            }
            let total = &mut (*product.add(atom)).0;
            for a in 0..3 {
                total[a] += L::sum(sum[a]);
            }
            *change.add(atom) += L::sum(sum[3]);
        }
    }
}

dispatch! {
    /// Second part of the product: `change` now holds the change of the slope of each embedding energy.
    pub fn restore / restore_body(springs: Springs<'_>, change: &[f64], product: &mut [Record])
}

#[inline(always)]
unsafe fn restore_body<L: Lanes>(springs: Springs<'_>, change: &[f64], product: &mut [Record]) {
    springs.check(change.len());
    assert!(product.len() >= change.len());
    let product = product.as_mut_ptr();
    let group = springs.group;
    let mut index = group.list.as_ptr();
    let mut row = springs.curvatures.rows.as_ptr().cast::<f64>();
    // SAFETY: `check` has compared the lengths; indices were made by the builder of the list.
    unsafe {
        for (k, &[near, all]) in group.counts.iter().enumerate() {
            let atom = group.atom + k;
            let here = L::splat(change[atom]);
            let mut sum = [L::splat(0.0); 3];
            for vector in 0..near as usize {
                let there = L::gather_numbers(change.as_ptr(), index.add(vector * WIDTH));
                if group.frozen {
                    for (axis, sum) in sum.iter_mut().enumerate() {
                        *sum = L::fma(there, L::load(row.add(axis * WIDTH)), *sum);
                    }
                    row = row.add(3 * WIDTH);
                    continue;
                }
                let first = L::load(row.add(5 * WIDTH));
                let second = if springs.symmetric { first } else { L::load(row.add(6 * WIDTH)) };
                let c = L::fma(here, first, L::mul(there, second));
                let minus = L::sub(L::splat(0.0), c);
                let n = [L::load(row), L::load(row.add(WIDTH)), L::load(row.add(2 * WIDTH))];
                for (sum, n) in sum.iter_mut().zip(n) {
                    *sum = L::fma(n, c, *sum);
                }
                let (x, y, z) = (L::mul(n[0], minus), L::mul(n[1], minus), L::mul(n[2], minus));
                L::subtract(product, index.add(vector * WIDTH), x, y, z);
                row = row.add(if springs.symmetric { 6 * WIDTH } else { 7 * WIDTH });
            }
            if !group.frozen {
                row = row.add(5 * WIDTH * (all - near) as usize);
            }
            index = index.add(all as usize * WIDTH);
            let total = &mut (*product.add(atom)).0;
            for (total, sum) in total.iter_mut().zip(sum) {
                *total -= L::sum(sum);
            }
        }
    }
}

dispatch! {
    /// [`stretch`] for several vectors at once: `v` and `product` hold three rows of `columns` numbers for each record, `change`
    /// one; `columns` is a multiple of eight. No neighbour is frozen.
    pub fn stretch_panel / stretch_panel_body(
        springs: Springs<'_>, columns: usize, v: &[f64], product: &mut [f64], change: &mut [f64]
    )
}

#[inline(always)]
unsafe fn stretch_panel_body<L: Lanes>(
    springs: Springs<'_>,
    columns: usize,
    v: &[f64],
    product: &mut [f64],
    change: &mut [f64],
) {
    let records = change.len() / columns;
    springs.check(records);
    let group = springs.group;
    assert!(columns % WIDTH == 0 && v.len() == 3 * change.len() && product.len() == v.len() && !group.frozen);
    assert!(group.list.iter().all(|&k| (k as usize / 4) < records));
    let (v, product, change) = (v.as_ptr(), product.as_mut_ptr(), change.as_mut_ptr());
    let stride = if springs.symmetric { 6 * WIDTH } else { 7 * WIDTH };
    let mut index = group.list.as_ptr();
    let mut row = springs.curvatures.rows.as_ptr().cast::<f64>();
    // SAFETY: `check` and the assertions have compared the lengths.
    unsafe {
        for (k, &[near, all]) in group.counts.iter().enumerate() {
            let atom = group.atom + k;
            let (near, all) = (near as usize, all as usize);
            for chunk in (0..columns).step_by(WIDTH) {
                let at = |record: usize, axis: usize| (3 * record + axis) * columns + chunk;
                let own = v.add(at(atom, 0));
                let (x, y, z) = (L::load(own), L::load(own.add(columns)), L::load(own.add(2 * columns)));
                let mut sum = [L::splat(0.0); 4];
                for vector in 0..all {
                    let close = vector < near;
                    let far = near * stride + (vector.wrapping_sub(near)).wrapping_mul(5 * WIDTH);
                    let data = row.add(if close { vector * stride } else { far });
                    for lane in 0..WIDTH {
                        let other = *index.add(vector * WIDTH + lane) as usize / 4;
                        let there = v.add(at(other, 0));
                        let data = data.add(lane);
                        let wx = L::sub(L::load(there), x);
                        let wy = L::sub(L::load(there.add(columns)), y);
                        let wz = L::sub(L::load(there.add(2 * columns)), z);
                        let nx = L::splat(*data);
                        let ny = L::splat(*data.add(WIDTH));
                        let nz = L::splat(*data.add(2 * WIDTH));
                        let p = L::fma(nz, wz, L::fma(ny, wy, L::mul(nx, wx)));
                        let along = L::mul(p, L::splat(*data.add(3 * WIDTH)));
                        let across = L::splat(*data.add(4 * WIDTH));
                        let tx = L::fma(nx, along, L::mul(wx, across));
                        let ty = L::fma(ny, along, L::mul(wy, across));
                        let tz = L::fma(nz, along, L::mul(wz, across));
                        sum = [L::sub(sum[0], tx), L::sub(sum[1], ty), L::sub(sum[2], tz), sum[3]];
                        let out = product.add(at(other, 0));
                        L::store(out, L::add(L::load(out), tx));
                        let out = out.add(columns);
                        L::store(out, L::add(L::load(out), ty));
                        let out = out.add(columns);
                        L::store(out, L::add(L::load(out), tz));
                        if close {
                            let first = L::splat(*data.add(5 * WIDTH));
                            let second = if springs.symmetric { first } else { L::splat(*data.add(6 * WIDTH)) };
                            sum[3] = L::fma(p, first, sum[3]);
                            let out = change.add(other * columns + chunk);
                            L::store(out, L::fma(p, second, L::load(out)));
                        }
                    }
                }
                for (axis, sum) in sum[..3].iter().enumerate() {
                    let out = product.add(at(atom, axis));
                    L::store(out, L::add(L::load(out), *sum));
                }
                let out = change.add(atom * columns + chunk);
                L::store(out, L::add(L::load(out), sum[3]));
            }
            index = index.add(all * WIDTH);
            row = row.add(near * stride + (all - near) * 5 * WIDTH);
        }
    }
}

dispatch! {
    /// [`restore`] for several vectors at once.
    pub fn restore_panel / restore_panel_body(springs: Springs<'_>, columns: usize, change: &[f64], product: &mut [f64])
}

#[inline(always)]
unsafe fn restore_panel_body<L: Lanes>(springs: Springs<'_>, columns: usize, change: &[f64], product: &mut [f64]) {
    let records = change.len() / columns;
    springs.check(records);
    let group = springs.group;
    assert!(columns % WIDTH == 0 && product.len() == 3 * change.len() && !group.frozen);
    assert!(group.list.iter().all(|&k| (k as usize / 4) < records));
    let (product, change) = (product.as_mut_ptr(), change.as_ptr());
    let stride = if springs.symmetric { 6 * WIDTH } else { 7 * WIDTH };
    let mut index = group.list.as_ptr();
    let mut row = springs.curvatures.rows.as_ptr().cast::<f64>();
    // SAFETY: `check` and the assertions have compared the lengths.
    unsafe {
        for (k, &[near, all]) in group.counts.iter().enumerate() {
            let atom = group.atom + k;
            let (near, all) = (near as usize, all as usize);
            for chunk in (0..columns).step_by(WIDTH) {
                let at = |record: usize, axis: usize| (3 * record + axis) * columns + chunk;
                let here = L::load(change.add(atom * columns + chunk));
                let mut sum = [L::splat(0.0); 3];
                for vector in 0..near {
                    let data = row.add(vector * stride);
                    for lane in 0..WIDTH {
                        let other = *index.add(vector * WIDTH + lane) as usize / 4;
                        let data = data.add(lane);
                        let there = L::load(change.add(other * columns + chunk));
                        let first = L::splat(*data.add(5 * WIDTH));
                        let second = if springs.symmetric { first } else { L::splat(*data.add(6 * WIDTH)) };
                        let c = L::fma(here, first, L::mul(there, second));
                        let tx = L::mul(L::splat(*data), c);
                        let ty = L::mul(L::splat(*data.add(WIDTH)), c);
                        let tz = L::mul(L::splat(*data.add(2 * WIDTH)), c);
                        sum = [L::sub(sum[0], tx), L::sub(sum[1], ty), L::sub(sum[2], tz)];
                        let out = product.add(at(other, 0));
                        L::store(out, L::add(L::load(out), tx));
                        let out = out.add(columns);
                        L::store(out, L::add(L::load(out), ty));
                        let out = out.add(columns);
                        L::store(out, L::add(L::load(out), tz));
                    }
                }
                for (axis, sum) in sum.iter().enumerate() {
                    let out = product.add(at(atom, axis));
                    L::store(out, L::add(L::load(out), *sum));
                }
            }
            index = index.add(all * WIDTH);
            row = row.add(near * stride + (all - near) * 5 * WIDTH);
        }
    }
}

dispatch! {
    /// Sum of `x f^T` over records, row by row; the fourth column is meaningless.
    pub fn moments / moments_body(records: &[Record], forces: &[Record]) -> [[f64; 4]; 3]
}

#[inline(always)]
unsafe fn moments_body<L: Lanes>(records: &[Record], forces: &[Record]) -> [[f64; 4]; 3] {
    let mut sum = [[0.0; 4]; 3];
    for (x, f) in records.iter().zip(forces) {
        for row in 0..3 {
            for column in 0..4 {
                sum[row][column] += x.0[row] * f.0[column];
            }
        }
    }
    sum
}

/// Squares of the cutoffs of near and of all pairs, with the skin.
pub type Squares = (f64, f64);

/// Points sorted by species and by rows of bins, in separate arrays that are padded by one vector.
#[derive(Clone, Debug, Default)]
pub struct Points {
    /// Components.
    pub x: [Vec<f64>; 3],
}

dispatch! {
    /// Append the vectors of neighbours of the atoms of one bin to a group.
    ///
    /// `ranges` are ranges of points; when `half`, only points behind the atom itself count. Lists are padded with `dummy`.
    pub fn neighbors / neighbors_body(
        points: &Points, atoms: std::ops::Range<usize>, ranges: &[(u32, u32)], half: bool, squares: Squares, dummy: u32,
        buffers: &mut [Vec<u32>; 2], group: &mut Group
    )
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn neighbors_body<L: Lanes>(
    points: &Points,
    atoms: std::ops::Range<usize>,
    ranges: &[(u32, u32)],
    half: bool,
    squares: Squares,
    dummy: u32,
    buffers: &mut [Vec<u32>; 2],
    group: &mut Group,
) {
    let size = points.x[0].len() - WIDTH;
    let candidates: usize = ranges.iter().map(|r| (r.1 - r.0) as usize).sum();
    assert!(ranges.iter().all(|r| r.0 <= r.1 && r.1 as usize <= size) && atoms.end <= size);
    assert!(points.x.iter().all(|x| x.len() == size + WIDTH));
    for buffer in buffers.iter_mut() {
        if buffer.len() < candidates + WIDTH {
            buffer.resize(candidates + WIDTH, 0);
        }
    }
    let pointers = [points.x[0].as_ptr(), points.x[1].as_ptr(), points.x[2].as_ptr()];
    for atom in atoms {
        let centre = [points.x[0][atom], points.x[1][atom], points.x[2][atom]];
        let [near_buffer, far_buffer] = &mut *buffers;
        let (near_start, far_start) = (near_buffer.as_mut_ptr(), far_buffer.as_mut_ptr());
        let (mut near, mut far) = (near_start, far_start);
        for &(start, end) in ranges {
            let (start, end) = (start as usize, end as usize);
            let start = if half && start <= atom && atom < end { atom + 1 } else { start };
            // SAFETY: ranges lie inside the points, which are padded by one vector; buffers hold all candidates and one
            // vector more.
            (near, far) = unsafe { L::select(pointers, (start, end), centre, squares, near, far) };
        }
        // SAFETY: both ends lie in the buffers that they began in.
        let (near, far) = unsafe { (near.offset_from(near_start) as usize, far.offset_from(far_start) as usize) };
        group.list.extend_from_slice(&near_buffer[..near]);
        group.list.extend_from_slice(&far_buffer[..far]);
        let vectors = (near + far).div_ceil(WIDTH);
        group.list.extend((near + far..vectors * WIDTH).map(|_| dummy));
        let near = near.div_ceil(WIDTH);
        group.near += near;
        group.counts.push([near as u16, vectors as u16]);
    }
}
