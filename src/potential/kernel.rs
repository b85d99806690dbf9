//! The two passes over the pairs of a block: densities, then forces.
#![allow(unsafe_code)]

use super::lanes::{Lanes, Record, WIDTH, dispatch};
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
        if energy {
            run_forces::<L, _, true>(functions, pairs, gradients, forces, close)
        } else {
            run_forces::<L, _, false>(functions, pairs, gradients, forces, close)
        }
    })
}

#[inline(always)]
unsafe fn run_forces<L: Lanes, F: Functions<L>, const ENERGY: bool>(
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
                L::subtract(out, index, f[0], f[1], f[2]);
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
