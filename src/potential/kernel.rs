//! The passes over the pairs of a block: densities, then forces or second derivatives.
//!
//! A pass walks along a stream of vectors of eight neighbours. Each step finishes the vector before, evaluates one, and looks up
//! the positions of the next, so that the processor always has three of them in work.
#![allow(unsafe_code)]

use super::lanes::{Lane, Lanes, Level, Record, Row, SEARCHED, WIDTH, dispatch};
use super::radial::Embedding;
use super::tables::{FinePair, Form, Functions, MergedPair, PairTable};
use crate::cell::Vector;
use std::cell::RefCell;

/// Vectors of `W` neighbours, atom by atom; one of dummies ends it.
#[derive(Clone, Debug, Default)]
pub struct Stream<const W: usize = WIDTH> {
    /// Neighbours as indices of records (four times the number), padded with the dummy.
    pub list: Vec<u32>,
    /// Index of the atom of each vector; [`LAST`] marks its last vector.
    pub owners: Vec<u32>,
}

/// Marks the last vector of an atom; indices of records are multiples of four.
pub const LAST: u32 = 1;

/// How far ahead a list is asked for: a page ends every thousand neighbours, and the next is not foreseen by all processors.
pub const LIST_AHEAD: usize = 256;

/// The same for rows of second derivatives.
const ROWS_AHEAD: usize = 96;

/// Most rows have no more vectors than this.
const USUAL: usize = 4;

impl<const W: usize> Stream<W> {
    /// Append the `count` neighbours that were written behind the end of the list, which has room for a vector more.
    unsafe fn push(&mut self, atom: usize, count: usize, dummy: u32) {
        let vectors = count.div_ceil(W);
        // SAFETY: the caller has written the neighbours and left room behind them.
        unsafe {
            let end = self.list.as_mut_ptr().add(self.list.len() + count);
            end.cast::<[u32; W]>().write_unaligned([dummy; W]);
            self.list.set_len(self.list.len() + vectors * W);
        }
        let owner = 4 * atom as u32;
        if vectors == 0 {
            return;
        }
        self.owners.reserve(vectors.max(USUAL));
        // SAFETY: there is room for as many.
        unsafe {
            // How many vectors a row has cannot be foreseen: the usual number is written at once, without a loop.
            let end = self.owners.as_mut_ptr().add(self.owners.len());
            end.cast::<[u32; USUAL]>().write_unaligned([owner; USUAL]);
            (USUAL..vectors).for_each(|k| end.add(k).write(owner));
            end.add(vectors - 1).write(owner | LAST);
            self.owners.set_len(self.owners.len() + vectors);
        }
    }

    /// End the stream.
    pub fn finish(&mut self, dummy: u32) {
        self.list.extend([dummy; W]);
        self.owners.push(dummy);
        // Room for a list that is somewhat longer next time.
        self.list.shrink_to(self.list.len() + self.list.len() / 32);
        self.owners.shrink_to(self.owners.len() + self.owners.len() / 32);
    }

    /// Number of vectors, without the end.
    pub fn len(&self) -> usize {
        self.owners.len() - 1
    }

    /// Atom and neighbour of each pair, dummies included.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let owners = self.owners[..self.len()].iter().flat_map(|o| [*o; W]);
        owners.zip(&self.list).map(|(owner, other)| (owner as usize / 4, *other as usize / 4))
    }

    pub fn check(&self, records: usize) {
        assert!(self.list.len() == (self.len() + 1) * W && records > 0);
        debug_assert!(self.pairs().all(|(i, j)| i < records && j < records));
    }
}

/// Pairs of one species of atoms with one species of neighbours.
#[derive(Clone, Debug, Default)]
pub struct Group<const W: usize = WIDTH> {
    /// Index into the tables of the potential.
    pub table: usize,
    /// Neighbours near enough for a density, filled up with others.
    pub near: Stream<W>,
    /// The other neighbours.
    pub far: Stream<W>,
    /// True when the neighbours do not move and need no force.
    pub frozen: bool,
}

impl<const W: usize> Group<W> {
    /// Numbers that its lists have room for.
    pub fn capacity(&self) -> usize {
        [&self.near, &self.far].map(|stream| stream.list.capacity() + stream.owners.capacity()).iter().sum()
    }

    /// A group without pairs in the memory of this one.
    pub fn emptied(mut self, table: usize, frozen: bool) -> Group<W> {
        for stream in [&mut self.near, &mut self.far] {
            stream.list.clear();
            stream.owners.clear();
        }
        Group { table, frozen, ..self }
    }
}

/// Two atoms closer than the potential allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Close {
    /// Numbers of the records.
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
    /// What the unsafe code below relies on, together with the indices, which the builder of the lists vouches for.
    fn check(&self, others: usize) {
        self.group.near.check(self.records.len());
        self.group.far.check(self.records.len());
        assert!(others >= self.records.len());
    }
}

/// Evaluates an expression with the functions of a table.
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

/// Eight pairs as far as their positions are looked up.
#[derive(Clone, Copy)]
struct Ahead<L: Lanes> {
    /// Vectors from the neighbours to the atom.
    d: [L::V; 3],
    /// Squares of the distances.
    s: L::V,
    /// Fourth numbers of the neighbours.
    w: L::V,
}

#[inline(always)]
unsafe fn look_up<L: Lanes>(base: *const Record, owner: u32, index: *const u32) -> Ahead<L> {
    // SAFETY: as promised by the caller of the kernel.
    unsafe {
        let [x, y, z, w] = L::gather(base, index);
        let centre = base.cast::<f64>().add((owner & !LAST) as usize);
        let dx = L::sub(L::splat(*centre), x);
        let dy = L::sub(L::splat(*centre.add(1)), y);
        let dz = L::sub(L::splat(*centre.add(2)), z);
        Ahead { d: [dx, dy, dz], s: L::fma(dz, dz, L::fma(dy, dy, L::mul(dx, dx))), w }
    }
}

dispatch! {
    /// Add the densities of all near pairs to `density`. Returns the energy of the near pairs [energy], zero unless it is wanted.
    pub fn densities / densities_body(
        pairs: Pairs<'_>, energy: bool, density: &mut [f64], close: &mut Option<Close>
    ) -> f64
}

#[inline(always)]
unsafe fn densities_body<L: Lanes>(
    pairs: Pairs<'_>,
    energy: bool,
    density: &mut [f64],
    close: &mut Option<Close>,
) -> f64 {
    pairs.check(density.len());
    // SAFETY: `check` has compared the lengths; indices were made by the builder of the list.
    with_functions!(pairs.table, functions => unsafe {
        if energy {
            run_densities::<L, _, true>(functions, pairs, density, close)
        } else {
            run_densities::<L, _, false>(functions, pairs, density, close)
        }
    })
}

#[inline(always)]
unsafe fn run_densities<L: Lanes, F: Functions<L>, const ENERGY: bool>(
    functions: F,
    pairs: Pairs<'_>,
    density: &mut [f64],
    close: &mut Option<Close>,
) -> f64 {
    let Pairs { records, group, table } = pairs;
    let stream = &group.near;
    if stream.len() == 0 {
        return 0.0;
    }
    let base = records.as_ptr();
    let density = density.as_mut_ptr();
    let (mut index, mut owner) = (stream.list.as_ptr(), stream.owners.as_ptr());
    // SAFETY: `check` has compared the lengths; the stream has one vector more than `len`, which is looked up but not used.
    unsafe {
        let inner = L::splat(table.inner * table.inner);
        let mut ahead = look_up::<L>(base, *owner, index);
        // The vector before the first adds nothing to the first neighbours.
        let mut before = (index, L::splat(0.0));
        let mut energy = L::splat(0.0);
        for _ in 0..stream.len() {
            let (s, here, mark) = (ahead.s, index, *owner);
            index = index.add(WIDTH);
            owner = owner.add(1);
            L::prefetch(index.wrapping_add(LIST_AHEAD));
            ahead = look_up::<L>(base, *owner, index);

            let [early, r, _] = L::roots(s);
            let place = functions.place(early, r);
            let mut value = if ENERGY { functions.value(place) } else { L::splat(0.0) };
            let mut first = functions.density(place, 0);
            let mut second = if F::SYMMETRIC { first } else { functions.density(place, 1) };
            let below = L::less(s, inner);
            if below != 0 {
                let mut values = [[0.0; WIDTH]; 4];
                for (to, v) in values.iter_mut().zip([s, value, first, second]) {
                    L::store(to.as_mut_ptr(), v);
                }
                exact_values(table, 0, below, &mut values, close, mark, here);
                [value, first, second] = loaded::<L>(&values);
            }
            if ENERGY {
                energy = L::add(energy, value);
            }
            L::accumulate(density, before.0, before.1);
            before = (here, second);
            // Rows end too irregularly for a processor to foresee; a sum for each vector costs less than the branch.
            *density.add(mark as usize / 4) += L::sum(first);
        }
        L::accumulate(density, before.0, before.1);
        L::sum(energy)
    }
}

/// Note two atoms that are closer than the table allows.
pub fn note(table: &PairTable, r: f64, close: &mut Option<Close>, owner: u32, other: u32) {
    // Written so that a distance that is not a number counts as too close.
    if !(r >= table.limit) {
        close.get_or_insert(Close { pair: [owner as usize / 4, other as usize / 4], distance: r });
    }
}

/// The values behind the squares of the distances.
#[inline(always)]
unsafe fn loaded<L: Lanes>(values: &[[f64; WIDTH]; 4]) -> [L::V; 3] {
    // SAFETY: each is a vector.
    unsafe { [L::load(values[1].as_ptr()), L::load(values[2].as_ptr()), L::load(values[3].as_ptr())] }
}

/// Replace what the polynomials gave below their range: pair energy and densities at both species, or their slopes (`order` 1),
/// behind the squares of the distances.
#[cold]
#[inline(never)]
fn exact_values(
    table: &PairTable,
    order: usize,
    below: u8,
    values: &mut [[f64; WIDTH]; 4],
    close: &mut Option<Close>,
    owner: u32,
    index: *const u32,
) {
    for lane in (0..WIDTH).filter(|k| below >> k & 1 == 1) {
        let r = values[0][lane].sqrt();
        // SAFETY: the caller's list has eight indices here.
        note(table, r, close, owner, unsafe { *index.add(lane) });
        for f in 0..3 {
            values[f + 1][lane] = table.exact[f].evaluate(r)[order];
        }
    }
}

dispatch! {
    /// Add the forces of all pairs; the fourth component of the positions holds the slopes of the embedding energies.
    /// Returns the energy of the far pairs [energy], zero unless it is wanted.
    pub fn forces / forces_body(
        pairs: Pairs<'_>, forces: &mut [Record], energy: bool, close: &mut Option<Close>
    ) -> f64
}

#[inline(always)]
unsafe fn forces_body<L: Lanes>(
    pairs: Pairs<'_>,
    forces: &mut [Record],
    energy: bool,
    close: &mut Option<Close>,
) -> f64 {
    pairs.check(forces.len());
    // SAFETY: `check` has compared the lengths; indices were made by the builder of the list.
    with_functions!(pairs.table, functions => unsafe {
        if pairs.group.frozen {
            run_near_forces::<L, _, true>(functions, pairs, forces, close);
        } else {
            run_near_forces::<L, _, false>(functions, pairs, forces, close);
        }
        match (energy, pairs.group.frozen) {
            (true, true) => run_far_forces::<L, _, true, true>(functions, pairs, forces, close),
            (true, false) => run_far_forces::<L, _, true, false>(functions, pairs, forces, close),
            (false, true) => run_far_forces::<L, _, false, true>(functions, pairs, forces, close),
            (false, false) => run_far_forces::<L, _, false, false>(functions, pairs, forces, close),
        }
    })
}

/// Forces of the near pairs.
#[inline(always)]
unsafe fn run_near_forces<L: Lanes, F: Functions<L>, const FROZEN: bool>(
    functions: F,
    pairs: Pairs<'_>,
    forces: &mut [Record],
    close: &mut Option<Close>,
) {
    let Pairs { records, group, table } = pairs;
    let stream = &group.near;
    if stream.len() == 0 {
        return;
    }
    let base = records.as_ptr();
    let out = forces.as_mut_ptr();
    let (mut index, mut owner) = (stream.list.as_ptr(), stream.owners.as_ptr());
    // SAFETY: `check` has compared the lengths; the stream has one vector more than `len`, which is looked up but not used.
    unsafe {
        let zero = L::splat(0.0);
        let inner = L::splat(table.inner * table.inner);
        let mut ahead = look_up::<L>(base, *owner, index);
        // The vector before the first adds nothing to the first neighbours.
        let mut before = (index, [zero; 3], *owner);
        let mut sum = [zero; 3];
        for _ in 0..stream.len() {
            let (Ahead { d, s, w }, here, mark) = (ahead, index, *owner);
            index = index.add(WIDTH);
            owner = owner.add(1);
            L::prefetch(index.wrapping_add(LIST_AHEAD));
            ahead = look_up::<L>(base, *owner, index);

            let [early, r, inverse] = L::roots(s);
            let place = functions.place(early, r);
            let mut slope = functions.slope(place);
            let mut first = functions.density_slope(place, 0);
            let mut second = if F::SYMMETRIC { first } else { functions.density_slope(place, 1) };
            let below = L::less(s, inner);
            if below != 0 {
                let mut values = [[0.0; WIDTH]; 4];
                for (to, v) in values.iter_mut().zip([s, slope, first, second]) {
                    L::store(to.as_mut_ptr(), v);
                }
                exact_values(table, 1, below, &mut values, close, mark, here);
                [slope, first, second] = loaded::<L>(&values);
            }
            let bend = L::splat(*base.cast::<f64>().add((mark & !LAST) as usize + 3));
            slope = if F::SYMMETRIC {
                L::fma(L::add(bend, w), first, slope)
            } else {
                L::fma(w, second, L::fma(bend, first, slope))
            };
            let force = L::mul(slope, inverse);
            let f = [L::mul(d[0], force), L::mul(d[1], force), L::mul(d[2], force)];
            if !FROZEN {
                // A sum for each vector costs less than a branch where the row ends, as in the densities.
                L::exchange(out, before.0, out.add(before.2 as usize / 4), before.1);
                before = (here, f, mark);
                continue;
            }
            sum = [L::add(sum[0], f[0]), L::add(sum[1], f[1]), L::add(sum[2], f[2])];
            if mark & LAST != 0 {
                L::subtract_sums(out.add(mark as usize / 4), sum[0], sum[1], sum[2]);
                sum = [zero; 3];
            }
        }
        if !FROZEN {
            L::exchange(out, before.0, out.add(before.2 as usize / 4), before.1);
        }
    }
}

/// Forces of the far pairs, and their energy if it is wanted.
#[inline(always)]
unsafe fn run_far_forces<L: Lanes, F: Functions<L>, const ENERGY: bool, const FROZEN: bool>(
    functions: F,
    pairs: Pairs<'_>,
    forces: &mut [Record],
    close: &mut Option<Close>,
) -> f64 {
    let Pairs { records, group, table } = pairs;
    let stream = &group.far;
    if stream.len() == 0 {
        return 0.0;
    }
    let base = records.as_ptr();
    let out = forces.as_mut_ptr();
    let (mut index, mut owner) = (stream.list.as_ptr(), stream.owners.as_ptr());
    // SAFETY: `check` has compared the lengths; the stream has one vector more than `len`, which is looked up but not used.
    unsafe {
        let zero = L::splat(0.0);
        let inner = L::splat(table.inner * table.inner);
        let mut energy = zero;
        let mut ahead = look_up::<L>(base, *owner, index);
        // The vector before the first adds nothing to the first neighbours.
        let mut before = (index, [zero; 3], *owner);
        let mut sum = [zero; 3];
        for _ in 0..stream.len() {
            let (Ahead { d, s, .. }, here, mark) = (ahead, index, *owner);
            index = index.add(WIDTH);
            owner = owner.add(1);
            L::prefetch(index.wrapping_add(LIST_AHEAD));
            ahead = look_up::<L>(base, *owner, index);

            let [early, r, inverse] = L::roots(s);
            let mut slope = functions.far_slope(early, r);
            let mut value = if ENERGY { functions.far_value(early, r) } else { zero };
            // The last segment of merged pieces may begin where the core ends: all pairs are near then.
            let below = if F::STEEP { L::less(s, inner) } else { 0 };
            if below != 0 {
                for (order, v) in [&mut value, &mut slope].into_iter().enumerate() {
                    let mut values = [[0.0; WIDTH]; 4];
                    L::store(values[0].as_mut_ptr(), s);
                    L::store(values[1].as_mut_ptr(), *v);
                    exact_values(table, order, below, &mut values, close, mark, here);
                    *v = L::load(values[1].as_ptr());
                }
            }
            if ENERGY {
                energy = L::add(energy, value);
            }
            let force = L::mul(slope, inverse);
            let f = [L::mul(d[0], force), L::mul(d[1], force), L::mul(d[2], force)];
            if !FROZEN {
                // A sum for each vector costs less than a branch where the row ends, as in the densities.
                L::exchange(out, before.0, out.add(before.2 as usize / 4), before.1);
                before = (here, f, mark);
                continue;
            }
            sum = [L::add(sum[0], f[0]), L::add(sum[1], f[1]), L::add(sum[2], f[2])];
            if mark & LAST != 0 {
                L::subtract_sums(out.add(mark as usize / 4), sum[0], sum[1], sum[2]);
                sum = [zero; 3];
            }
        }
        if !FROZEN {
            L::exchange(out, before.0, out.add(before.2 as usize / 4), before.1);
        }
        L::sum(energy)
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
pub struct Curvatures<R = Row> {
    near: Vec<R>,
    far: Vec<R>,
}

impl<R> Curvatures<R> {
    /// Rows of all near vectors.
    pub fn near_rows(&self) -> &[R] {
        &self.near
    }

    /// Rows of all other vectors.
    pub fn far_rows(&self) -> &[R] {
        &self.far
    }
}

/// What the frozen neighbours of an atom add up to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Frame {
    /// Restoring tensor: xx, yy, zz, xy, xz, yz.
    pub tensor: [f64; 6],
    /// Sum of slopes of the density at the atom times directions.
    pub gradient: [f64; 3],
}

/// Rows of a near and of a far vector.
pub fn rows(frozen: bool, symmetric: bool) -> (usize, usize) {
    match (frozen, symmetric) {
        (true, _) => (3, 0),
        (false, true) => (6, 5),
        (false, false) => (7, 5),
    }
}

dispatch! {
    /// Second derivatives of all pairs; the fourth component of the positions holds the slopes of the embedding energies.
    pub fn curvatures<R: Lane> / curvatures_body(pairs: Pairs<'_>, frames: &mut [Frame]) -> Curvatures<R>
}

#[inline(always)]
unsafe fn curvatures_body<L: Lanes, R: Lane>(pairs: Pairs<'_>, frames: &mut [Frame]) -> Curvatures<R> {
    let Pairs { records, group, table } = pairs;
    pairs.check(records.len());
    let (near, far) = rows(group.frozen, table.symmetric);
    let mut curvatures = Curvatures {
        near: vec![R::default(); near * group.near.len()],
        far: vec![R::default(); far * group.far.len()],
    };
    // SAFETY: `check` has compared the lengths; indices were made by the builder of the list.
    with_functions!(table, functions => unsafe {
        run_curvatures::<L, _, R, true>(functions, pairs, frames, &mut curvatures.near);
        run_curvatures::<L, _, R, false>(functions, pairs, frames, &mut curvatures.far);
    });
    curvatures
}

#[inline(always)]
unsafe fn run_curvatures<L: Lanes, F: Functions<L>, R: Lane, const NEAR: bool>(
    functions: F,
    pairs: Pairs<'_>,
    frames: &mut [Frame],
    rows: &mut [R],
) {
    let Pairs { records, group, table } = pairs;
    let stream = if NEAR { &group.near } else { &group.far };
    let base = records.as_ptr();
    let mut row = rows.as_mut_ptr();
    // SAFETY: the rows were counted by the caller; see `check`.
    unsafe {
        let inner = L::splat(table.inner * table.inner);
        let zero = (L::splat(0.0), L::splat(0.0));
        let mut frame = [L::splat(0.0); 9];
        for (vector, &owner) in stream.owners[..stream.len()].iter().enumerate() {
            let index = stream.list.as_ptr().add(vector * WIDTH);
            let Ahead { d, s, w } = look_up::<L>(base, owner, index);
            let [early, r, inverse] = L::roots(s);
            let place = functions.place(early, r);
            let mut phi = functions.pair_curvature(place);
            let mut first = if NEAR { functions.density_curvature(place, 0) } else { zero };
            let mut second = if NEAR && !F::SYMMETRIC { functions.density_curvature(place, 1) } else { first };
            let below = L::less(s, inner);
            if below != 0 {
                let mut values = [[0.0; WIDTH]; 7];
                L::store(values[0].as_mut_ptr(), s);
                L::store(values[1].as_mut_ptr(), phi.0);
                L::store(values[2].as_mut_ptr(), phi.1);
                L::store(values[3].as_mut_ptr(), first.0);
                L::store(values[4].as_mut_ptr(), first.1);
                L::store(values[5].as_mut_ptr(), second.0);
                L::store(values[6].as_mut_ptr(), second.1);
                exact_curvatures(table, below, &mut values);
                phi = (L::load(values[1].as_ptr()), L::load(values[2].as_ptr()));
                first = (L::load(values[3].as_ptr()), L::load(values[4].as_ptr()));
                second = (L::load(values[5].as_ptr()), L::load(values[6].as_ptr()));
            }
            let bend = L::splat(*base.cast::<f64>().add((owner & !LAST) as usize + 3));
            let slope = L::fma(bend, first.0, L::fma(w, second.0, phi.0));
            let curvature = L::fma(bend, first.1, L::fma(w, second.1, phi.1));
            let across = L::mul(slope, inverse);
            let along = L::sub(curvature, across);
            // From the atom to the neighbour.
            let minus = L::sub(L::splat(0.0), inverse);
            let n = [L::mul(d[0], minus), L::mul(d[1], minus), L::mul(d[2], minus)];
            if !group.frozen {
                for (k, v) in [n[0], n[1], n[2], along, across].into_iter().enumerate() {
                    R::store::<L>(row.add(k), v);
                }
                row = row.add(5);
                if NEAR {
                    R::store::<L>(row, first.0);
                    row = row.add(1);
                    if !F::SYMMETRIC {
                        R::store::<L>(row, second.0);
                        row = row.add(1);
                    }
                }
                continue;
            }
            let a = [L::mul(n[0], along), L::mul(n[1], along), L::mul(n[2], along)];
            frame[0] = L::fma(a[0], n[0], L::add(frame[0], across));
            frame[1] = L::fma(a[1], n[1], L::add(frame[1], across));
            frame[2] = L::fma(a[2], n[2], L::add(frame[2], across));
            frame[3] = L::fma(a[0], n[1], frame[3]);
            frame[4] = L::fma(a[0], n[2], frame[4]);
            frame[5] = L::fma(a[1], n[2], frame[5]);
            if NEAR {
                for axis in 0..3 {
                    frame[6 + axis] = L::fma(first.0, n[axis], frame[6 + axis]);
                    R::store::<L>(row, L::mul(second.0, n[axis]));
                    row = row.add(1);
                }
            }
            if owner & LAST != 0 {
                let to = &mut frames[owner as usize / 4];
                for k in 0..6 {
                    to.tensor[k] += L::sum(frame[k]);
                }
                for k in 0..3 {
                    to.gradient[k] += L::sum(frame[6 + k]);
                }
                frame = [L::splat(0.0); 9];
            }
        }
    }
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
pub struct Springs<'a, R = Row> {
    /// The pairs.
    pub group: &'a Group,
    /// Their second derivatives.
    pub curvatures: &'a Curvatures<R>,
    /// True when both densities are the same function.
    pub symmetric: bool,
}

impl<R> Springs<'_, R> {
    pub fn check(&self, records: usize) {
        let group = self.group;
        group.near.check(records);
        group.far.check(records);
        let (near, far) = rows(group.frozen, self.symmetric);
        assert!(self.curvatures.near.len() == near * group.near.len());
        assert!(self.curvatures.far.len() == far * group.far.len());
    }
}

dispatch! {
    /// First part of the product of the Hessian with `v`: pair terms go to `product` (of which the sum with frozen neighbours is
    /// already there), changes of densities to `change`.
    pub fn stretch / stretch_body(
        springs: Springs<'_>, v: &[Record], product: &mut [Record], change: &mut [f64]
    )
}

#[inline(always)]
unsafe fn stretch_body<L: Lanes>(springs: Springs<'_>, v: &[Record], product: &mut [Record], change: &mut [f64]) {
    springs.check(v.len());
    assert!(product.len() >= v.len() && change.len() >= v.len());
    // SAFETY: `check` has compared the lengths; indices were made by the builder of the list.
    unsafe {
        match (springs.group.frozen, springs.symmetric) {
            (true, _) => return stretch_frozen::<L>(springs, v, change),
            (false, true) => run_stretch::<L, true, true>(springs, v, product, change),
            (false, false) => run_stretch::<L, true, false>(springs, v, product, change),
        }
        run_stretch::<L, false, true>(springs, v, product, change);
    }
}

#[inline(always)]
unsafe fn stretch_frozen<L: Lanes>(springs: Springs<'_>, v: &[Record], change: &mut [f64]) {
    let stream = &springs.group.near;
    let mut row = springs.curvatures.near.as_ptr();
    // SAFETY: as promised by the caller.
    unsafe {
        for (vector, &owner) in stream.owners[..stream.len()].iter().enumerate() {
            let [x, y, z, _] = v[owner as usize / 4].0;
            let c = L::mul(Row::load::<L>(row), L::splat(-x));
            let c = L::fma(Row::load::<L>(row.add(1)), L::splat(-y), c);
            let c = L::fma(Row::load::<L>(row.add(2)), L::splat(-z), c);
            L::accumulate(change.as_mut_ptr(), stream.list.as_ptr().add(vector * WIDTH), c);
            row = row.add(3);
        }
    }
}

#[inline(always)]
unsafe fn run_stretch<L: Lanes, const NEAR: bool, const SYMMETRIC: bool>(
    springs: Springs<'_>,
    v: &[Record],
    product: &mut [Record],
    change: &mut [f64],
) {
    let (stream, rows) = if NEAR {
        (&springs.group.near, &springs.curvatures.near)
    } else {
        (&springs.group.far, &springs.curvatures.far)
    };
    if stream.len() == 0 {
        return;
    }
    let (product, change) = (product.as_mut_ptr(), change.as_mut_ptr());
    let mut row = rows.as_ptr();
    let (mut index, mut owner) = (stream.list.as_ptr(), stream.owners.as_ptr());
    // SAFETY: as promised by the caller; the stream has one vector more than `len`, which is looked up but not used.
    unsafe {
        let zero = L::splat(0.0);
        let mut ahead = look_up::<L>(v.as_ptr(), *owner, index);
        // The vector before the first adds nothing to the first neighbours.
        let mut before = (index, [zero; 3], *owner);
        for _ in 0..stream.len() {
            // From the neighbours to the atom: minus the stretch.
            let (Ahead { d: w, .. }, here, mark) = (ahead, index, *owner);
            index = index.add(WIDTH);
            owner = owner.add(1);
            ahead = look_up::<L>(v.as_ptr(), *owner, index);
            L::prefetch(row.wrapping_add(ROWS_AHEAD));

            let n = [Row::load::<L>(row), Row::load::<L>(row.add(1)), Row::load::<L>(row.add(2))];
            let p = L::fma(n[2], w[2], L::fma(n[1], w[1], L::mul(n[0], w[0])));
            let p = L::sub(zero, p);
            let along = L::mul(p, Row::load::<L>(row.add(3)));
            let across = L::sub(zero, Row::load::<L>(row.add(4)));
            row = row.add(5);
            if NEAR {
                let first = Row::load::<L>(row);
                let second = if SYMMETRIC { first } else { Row::load::<L>(row.add(1)) };
                row = row.add(if SYMMETRIC { 1 } else { 2 });
                L::accumulate(change, here, L::mul(p, second));
                // Sums for each vector, as in the forces.
                *change.add(mark as usize / 4) += L::sum(L::mul(p, first));
            }
            L::exchange(product, before.0, product.add(before.2 as usize / 4), before.1);
            let x = L::fma(n[0], along, L::mul(w[0], across));
            let y = L::fma(n[1], along, L::mul(w[1], across));
            let z = L::fma(n[2], along, L::mul(w[2], across));
            before = (here, [x, y, z], mark);
        }
        L::exchange(product, before.0, product.add(before.2 as usize / 4), before.1);
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
    // SAFETY: `check` has compared the lengths; indices were made by the builder of the list.
    unsafe {
        match (springs.group.frozen, springs.symmetric) {
            (true, _) => run_restore::<L, true, true>(springs, change, product),
            (false, true) => run_restore::<L, false, true>(springs, change, product),
            (false, false) => run_restore::<L, false, false>(springs, change, product),
        }
    }
}

#[inline(always)]
unsafe fn run_restore<L: Lanes, const FROZEN: bool, const SYMMETRIC: bool>(
    springs: Springs<'_>,
    change: &[f64],
    product: &mut [Record],
) {
    let stream = &springs.group.near;
    let product = product.as_mut_ptr();
    let mut row = springs.curvatures.near.as_ptr();
    // SAFETY: as promised by the caller.
    unsafe {
        let zero = L::splat(0.0);
        let mut sum = [zero; 3];
        for (vector, &owner) in stream.owners[..stream.len()].iter().enumerate() {
            let index = stream.list.as_ptr().add(vector * WIDTH);
            L::prefetch(row.wrapping_add(ROWS_AHEAD));
            let there = L::gather_numbers(change.as_ptr(), index);
            let n = [Row::load::<L>(row), Row::load::<L>(row.add(1)), Row::load::<L>(row.add(2))];
            if FROZEN {
                sum = [L::fma(there, n[0], sum[0]), L::fma(there, n[1], sum[1]), L::fma(there, n[2], sum[2])];
                row = row.add(3);
                if owner & LAST != 0 {
                    L::subtract_sums(product.add(owner as usize / 4), sum[0], sum[1], sum[2]);
                    sum = [zero; 3];
                }
            } else {
                let here = L::splat(change[owner as usize / 4]);
                let first = Row::load::<L>(row.add(5));
                let second = if SYMMETRIC { first } else { Row::load::<L>(row.add(6)) };
                let c = L::fma(here, first, L::mul(there, second));
                let v = [L::mul(n[0], c), L::mul(n[1], c), L::mul(n[2], c)];
                L::exchange(product, index, product.add(owner as usize / 4), v);
                row = row.add(if SYMMETRIC { 6 } else { 7 });
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
    springs.check(change.len() / columns);
    let group = springs.group;
    assert!(columns.is_multiple_of(WIDTH) && v.len() == 3 * change.len() && product.len() == v.len() && !group.frozen);
    // SAFETY: `check` and the assertion have compared the lengths; indices were made by the builder of the list.
    unsafe {
        if springs.symmetric {
            run_stretch_panel::<L, true, true>(springs, columns, v, product, change);
        } else {
            run_stretch_panel::<L, true, false>(springs, columns, v, product, change);
        }
        run_stretch_panel::<L, false, true>(springs, columns, v, product, change);
    }
}

#[inline(always)]
unsafe fn run_stretch_panel<L: Lanes, const NEAR: bool, const SYMMETRIC: bool>(
    springs: Springs<'_>,
    columns: usize,
    v: &[f64],
    product: &mut [f64],
    change: &mut [f64],
) {
    let (stream, rows) = if NEAR {
        (&springs.group.near, &springs.curvatures.near)
    } else {
        (&springs.group.far, &springs.curvatures.far)
    };
    let (v, product, change) = (v.as_ptr(), product.as_mut_ptr(), change.as_mut_ptr());
    let stride = WIDTH
        * if !NEAR {
            5
        } else if SYMMETRIC {
            6
        } else {
            7
        };
    let rows = rows.as_ptr().cast::<f64>();
    let mut start = 0;
    // SAFETY: as promised by the caller.
    unsafe {
        while start < stream.len() {
            let atom = stream.owners[start] as usize / 4;
            let mut end = start + 1;
            while stream.owners[end - 1] & LAST == 0 {
                end += 1;
            }
            for chunk in (0..columns).step_by(WIDTH) {
                let own = v.add(3 * atom * columns + chunk);
                let (x, y, z) = (L::load(own), L::load(own.add(columns)), L::load(own.add(2 * columns)));
                let mut sum = [L::splat(0.0); 4];
                for vector in start..end {
                    for lane in 0..WIDTH {
                        let data = rows.add(vector * stride + lane);
                        let other = *stream.list.get_unchecked(vector * WIDTH + lane) as usize / 4;
                        let there = v.add(3 * other * columns + chunk);
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
                        add_rows::<L>(product.add(3 * other * columns + chunk), columns, [tx, ty, tz]);
                        if NEAR {
                            let first = L::splat(*data.add(5 * WIDTH));
                            let second = if SYMMETRIC { first } else { L::splat(*data.add(6 * WIDTH)) };
                            sum[3] = L::fma(p, first, sum[3]);
                            let out = change.add(other * columns + chunk);
                            L::store(out, L::fma(p, second, L::load(out)));
                        }
                    }
                }
                add_rows::<L>(product.add(3 * atom * columns + chunk), columns, [sum[0], sum[1], sum[2]]);
                let out = change.add(atom * columns + chunk);
                L::store(out, L::add(L::load(out), sum[3]));
            }
            start = end;
        }
    }
}

/// Add to eight columns of three rows.
#[inline(always)]
unsafe fn add_rows<L: Lanes>(to: *mut f64, columns: usize, [x, y, z]: [L::V; 3]) {
    // SAFETY: as promised by the caller.
    unsafe {
        L::store(to, L::add(L::load(to), x));
        let to = to.add(columns);
        L::store(to, L::add(L::load(to), y));
        let to = to.add(columns);
        L::store(to, L::add(L::load(to), z));
    }
}

dispatch! {
    /// [`restore`] for several vectors at once.
    pub fn restore_panel / restore_panel_body(springs: Springs<'_>, columns: usize, change: &[f64], product: &mut [f64])
}

#[inline(always)]
unsafe fn restore_panel_body<L: Lanes>(springs: Springs<'_>, columns: usize, change: &[f64], product: &mut [f64]) {
    springs.check(change.len() / columns);
    assert!(columns.is_multiple_of(WIDTH) && product.len() == 3 * change.len() && !springs.group.frozen);
    let stream = &springs.group.near;
    let (product, change) = (product.as_mut_ptr(), change.as_ptr());
    let symmetric = springs.symmetric;
    let stride = WIDTH * if symmetric { 6 } else { 7 };
    let rows = springs.curvatures.near.as_ptr().cast::<f64>();
    let mut start = 0;
    // SAFETY: `check` and the assertion have compared the lengths; indices were made by the builder of the list.
    unsafe {
        while start < stream.len() {
            let atom = stream.owners[start] as usize / 4;
            let mut end = start + 1;
            while stream.owners[end - 1] & LAST == 0 {
                end += 1;
            }
            for chunk in (0..columns).step_by(WIDTH) {
                let here = L::load(change.add(atom * columns + chunk));
                let zero = L::splat(0.0);
                let mut sum = [zero; 3];
                for vector in start..end {
                    for lane in 0..WIDTH {
                        let data = rows.add(vector * stride + lane);
                        let other = *stream.list.get_unchecked(vector * WIDTH + lane) as usize / 4;
                        let there = L::load(change.add(other * columns + chunk));
                        let first = L::splat(*data.add(5 * WIDTH));
                        let second = if symmetric { first } else { L::splat(*data.add(6 * WIDTH)) };
                        let c = L::fma(here, first, L::mul(there, second));
                        let tx = L::mul(L::splat(*data), c);
                        let ty = L::mul(L::splat(*data.add(WIDTH)), c);
                        let tz = L::mul(L::splat(*data.add(2 * WIDTH)), c);
                        sum = [L::sub(sum[0], tx), L::sub(sum[1], ty), L::sub(sum[2], tz)];
                        add_rows::<L>(product.add(3 * other * columns + chunk), columns, [tx, ty, tz]);
                    }
                }
                add_rows::<L>(product.add(3 * atom * columns + chunk), columns, sum);
            }
            start = end;
        }
    }
}

/// Components of a symmetric tensor in the order of [`moments`].
pub const COMPONENTS: [(usize, usize); 6] = [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)];

dispatch! {
    /// Sum of `x f^T` over records: xx, yy, zz, xy, xz, yz. It is symmetric, since forces act along the lines between atoms.
    pub fn moments / moments_body(records: &[Record], forces: &[Record]) -> [f64; 6]
}

#[inline(always)]
unsafe fn moments_body<L: Lanes>(records: &[Record], forces: &[Record]) -> [f64; 6] {
    const INDEX: [u32; WIDTH] = [0, 4, 8, 12, 16, 20, 24, 28];
    let ((groups, rest), (force_groups, force_rest)) = (records.as_chunks::<WIDTH>(), forces.as_chunks::<WIDTH>());
    // SAFETY: eight records are looked up in groups of eight.
    let mut moments = unsafe {
        let mut sums = [L::splat(0.0); 6];
        for (x, f) in groups.iter().zip(force_groups) {
            let (x, f) = (L::gather(x.as_ptr(), INDEX.as_ptr()), L::gather(f.as_ptr(), INDEX.as_ptr()));
            for (sum, (row, column)) in sums.iter_mut().zip(COMPONENTS) {
                *sum = L::fma(x[row], f[column], *sum);
            }
        }
        [L::sum(sums[0]), L::sum(sums[1]), L::sum(sums[2]), L::sum(sums[3]), L::sum(sums[4]), L::sum(sums[5])]
    };
    for (x, f) in rest.iter().zip(force_rest) {
        for (sum, (row, column)) in moments.iter_mut().zip(COMPONENTS) {
            *sum += x.0[row] * f.0[column];
        }
    }
    moments
}

/// How the cell has changed since some time.
#[derive(Clone, Copy, Debug)]
pub struct Drift {
    /// Columns of the deformation gradient; none when the cell is the same.
    pub gradient: Option<[Record; 3]>,
    /// Norm of the strain.
    pub stretch: f64,
}

impl Drift {
    /// Square of the way from where a point was and has been carried by the cell to where it is.
    #[inline(always)]
    fn square(&self, from: &Record, now: &Record) -> f64 {
        let from = match &self.gradient {
            None => *from,
            Some([x, y, z]) => sum(|k| x.0[k] * from.0[0] + y.0[k] * from.0[1] + z.0[k] * from.0[2]),
        };
        let d = sum(|k| now.0[k] - from.0[k]);
        d.0[0] * d.0[0] + d.0[1] * d.0[1] + d.0[2] * d.0[2]
    }

    /// The two largest numbers of `most` and of how much longer that way is than what was allowed, the fourth number of the place
    /// where the point was.
    #[inline(always)]
    fn longest(&self, most: [f64; 2], from: &Record, now: &Record) -> [f64; 2] {
        let (square, limit) = (self.square(from, now), from.0[3] + most[1]);
        // Few ways are longer than all before; a way that is not a number must not get lost.
        if square <= limit * limit { most } else { larger(most, square.sqrt() - from.0[3]) }
    }
}

#[inline(always)]
fn sum(component: impl Fn(usize) -> f64) -> Record {
    Record([component(0), component(1), component(2), component(3)])
}

/// The two largest numbers seen and zero; what is not a number counts as infinite.
#[inline(always)]
pub fn larger(most: [f64; 2], x: f64) -> [f64; 2] {
    if x <= most[1] {
        most
    } else if x <= most[0] {
        [most[0], x]
    } else {
        [if x.is_nan() { f64::INFINITY } else { x }, most[0]]
    }
}

/// How far ahead what lies in a row is asked for: the processor does so by itself, but not beyond the end of a page [bytes].
const BYTES_AHEAD: usize = 2048;

/// Ask for what lies somewhat behind an item of a row, all lines of it.
#[inline(always)]
pub fn ahead<L: Lanes, T>(item: &T) {
    let from = std::ptr::from_ref(item).cast::<u8>().wrapping_add(BYTES_AHEAD);
    for line in (0..size_of::<T>()).step_by(64) {
        // SAFETY: a hint reads nothing.
        unsafe { L::prefetch(from.wrapping_add(line)) };
    }
}

/// How many atoms ahead what lies anywhere in memory is asked for.
const FORESIGHT: usize = 64;

/// Ask for the item that the index `FORESIGHT` places ahead names.
#[inline(always)]
pub fn foresee<L: Lanes, I, T>(items: &[T], indices: &[I], place: usize, index: impl Fn(&I) -> u32) {
    if let Some(item) = indices.get(place + FORESIGHT).and_then(|i| items.get(index(i) as usize)) {
        // SAFETY: the item exists; a hint reads nothing.
        unsafe { L::prefetch(item) };
    }
}

dispatch! {
    /// Write positions moved by whole cells, and the squares of how far they have moved since the last time. Returns by how much the
    /// two longest ways from `from` exceed what was allowed.
    pub fn place / place_body(
        positions: &[Vector], wraps: &[[i32; 4]], cell: &[Record; 3], drift: &Drift, from: &[Record],
        wrapped: &mut [Record], steps: &mut [f32]
    ) -> [f64; 2]
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn place_body<L: Lanes>(
    positions: &[Vector],
    wraps: &[[i32; 4]],
    cell: &[Record; 3],
    drift: &Drift,
    from: &[Record],
    wrapped: &mut [Record],
    steps: &mut [f32],
) -> [f64; 2] {
    let mut most = [0.0; 2];
    let [a, b, c] = cell;
    let still = Drift { gradient: None, stretch: 0.0 };
    let places = positions.iter().zip(wraps).zip(from);
    for (((position, wrap), from), (to, step)) in places.zip(wrapped.iter_mut().zip(steps)) {
        ahead::<L, _>(wrap);
        ahead::<L, _>(from);
        ahead::<L, _>(to);
        let n = wrap.map(f64::from);
        let here = Record([position.x, position.y, position.z, 0.0]);
        let here = sum(|k| here.0[k] + a.0[k] * n[0] + b.0[k] * n[1] + c.0[k] * n[2]);
        most = drift.longest(most, from, &here);
        *step = still.square(to, &here) as f32;
        *to = here;
    }
    most
}

dispatch! {
    /// By how much the two longest ways between records exceed what was allowed.
    pub fn farthest / farthest_body(drift: &Drift, from: &[Record], now: &[Record]) -> [f64; 2]
}

#[inline(always)]
unsafe fn farthest_body<L: Lanes>(drift: &Drift, from: &[Record], now: &[Record]) -> [f64; 2] {
    from.iter().zip(now).fold([0.0; 2], |most, (from, now)| drift.longest(most, from, now))
}

dispatch! {
    /// Copy records.
    pub fn copy / copy_body(from: &[Record], to: &mut [Record])
}

#[inline(always)]
unsafe fn copy_body<L: Lanes>(from: &[Record], to: &mut [Record]) {
    for (from, to) in from.iter().zip(to) {
        ahead::<L, _>(from);
        *to = *from;
    }
}

dispatch! {
    /// Write the slopes of the embedding energy into the fourth numbers of records.
    pub fn put_slopes / put_slopes_body(slopes: &[f64], records: &mut [Record])
}

#[inline(always)]
unsafe fn put_slopes_body<L: Lanes>(slopes: &[f64], records: &mut [Record]) {
    for (slope, record) in slopes.iter().zip(records) {
        ahead::<L, _>(record);
        record.0[3] = *slope;
    }
}

dispatch! {
    /// Write the images of atoms: for each its rank and the number of its image. The fourth number rides along.
    pub fn place_images / place_images_body(
        wrapped: &[Record], images: &[Record], shows: &[(u32, u8)], records: &mut [Record]
    )
}

#[inline(always)]
unsafe fn place_images_body<L: Lanes>(
    wrapped: &[Record],
    images: &[Record],
    shows: &[(u32, u8)],
    records: &mut [Record],
) {
    for (place, (record, &(rank, image))) in records.iter_mut().zip(shows).enumerate() {
        ahead::<L, _>(&shows[place]);
        foresee::<L, _, _>(wrapped, shows, place, |shown| shown.0);
        let (at, shift) = (&wrapped[rank as usize], &images[image as usize]);
        *record = sum(|k| at.0[k] + shift.0[k]);
    }
}

dispatch! {
    /// Hand out the forces on records to the atoms of a block and to its ghosts.
    pub fn hand_out / hand_out_body(records: &[Record], own: &mut [Vector], ghosts: &mut [Vector])
}

#[inline(always)]
unsafe fn hand_out_body<L: Lanes>(records: &[Record], own: &mut [Vector], ghosts: &mut [Vector]) {
    let (inside, others) = records.split_at(own.len());
    for (to, from) in [(own, inside), (ghosts, others)] {
        for (to, Record([x, y, z, _])) in to.iter_mut().zip(from) {
            ahead::<L, _>(to);
            *to = Vector::new(*x, *y, *z);
        }
    }
}

dispatch! {
    /// Add the densities at ghosts to those at their atoms.
    pub fn collect_densities / collect_densities_body(ghosts: &[f64], returns: &[(u32, u32)], own: &mut [f64])
}

#[inline(always)]
unsafe fn collect_densities_body<L: Lanes>(ghosts: &[f64], returns: &[(u32, u32)], own: &mut [f64]) {
    for (number, &(ghost, place)) in returns.iter().enumerate() {
        ahead::<L, _>(&returns[number]);
        foresee::<L, _, _>(ghosts, returns, number, |back| back.0);
        foresee::<L, _, _>(own, returns, number, |back| back.1);
        own[place as usize] += ghosts[ghost as usize];
    }
}

dispatch! {
    /// Add the forces on ghosts to those on their atoms.
    pub fn collect / collect_body(ghosts: &[Vector], returns: &[(u32, u32)], own: &mut [Vector])
}

#[inline(always)]
unsafe fn collect_body<L: Lanes>(ghosts: &[Vector], returns: &[(u32, u32)], own: &mut [Vector]) {
    for (number, &(ghost, place)) in returns.iter().enumerate() {
        ahead::<L, _>(&returns[number]);
        foresee::<L, _, _>(ghosts, returns, number, |back| back.0);
        foresee::<L, _, _>(own, returns, number, |back| back.1);
        own[place as usize] += ghosts[ghost as usize];
    }
}

/// Points sorted by species and by rows of bins, in separate arrays of single precision that are padded by [`SEARCHED`].
#[derive(Clone, Debug, Default)]
pub struct Points {
    x: [Vec<f32>; 3],
}

impl Points {
    /// Room for some points.
    pub fn new(count: usize) -> Points {
        Points { x: [0; 3].map(|_| vec![0.0; count + SEARCHED]) }
    }

    /// Set the position of a point.
    pub fn put(&mut self, place: usize, position: &Vector) {
        self.x.iter_mut().zip(position).for_each(|(x, position)| x[place] = *position as f32);
    }
}

/// The candidates for neighbours of the atoms of one bin, next to each other.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    x: [Vec<f32>; 3],
    numbers: Vec<u32>,
}

impl Candidates {
    /// Take ranges of points. Returns how many they are.
    #[inline(always)]
    fn take(&mut self, points: &Points, ranges: &[(u32, u32)]) -> usize {
        let size = points.x[0].len() - SEARCHED;
        assert!(points.x.iter().all(|x| x.len() == size + SEARCHED));
        assert!(ranges.iter().all(|r| r.0 <= r.1 && r.1 as usize <= size));
        let count = ranges.iter().map(|r| (r.1 - r.0) as usize).sum();
        if self.numbers.len() < count + SEARCHED {
            self.x.iter_mut().for_each(|x| x.resize(count + SEARCHED, 0.0));
            self.numbers.resize(count + SEARCHED, 0);
        }
        let mut taken = 0;
        for &(start, end) in ranges {
            for k in (start as usize..end as usize).step_by(SEARCHED) {
                let place = taken + k - start as usize;
                // Whole vectors are copied; what lies behind a range gives way to the next.
                // SAFETY: a vector of points lies behind every range, and there is room for one behind all that are taken.
                unsafe {
                    for (to, from) in self.x.iter_mut().zip(&points.x) {
                        let from = from.as_ptr().add(k).cast::<[f32; SEARCHED]>();
                        to.as_mut_ptr().add(place).cast::<[f32; SEARCHED]>().write_unaligned(from.read_unaligned());
                    }
                    let numbers: [u32; SEARCHED] = std::array::from_fn(|lane| 4 * (k + lane) as u32);
                    self.numbers.as_mut_ptr().add(place).cast::<[u32; SEARCHED]>().write_unaligned(numbers);
                }
            }
            taken += (end - start) as usize;
        }
        count
    }
}

dispatch! {
    /// Append the vectors of neighbours of the atoms of one bin to a group.
    ///
    /// `ranges` are ranges of points; when `half`, the first of them begins with the atoms of the bin themselves, and only points
    /// behind an atom count. Lists are padded with `dummy`.
    pub fn neighbors / neighbors_body(
        points: &Points, atoms: std::ops::Range<usize>, ranges: &[(u32, u32)], half: bool, square: f64, dummy: u32,
        candidates: &mut Candidates, group: &mut Group
    )
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn neighbors_body<L: Lanes>(
    points: &Points,
    atoms: std::ops::Range<usize>,
    ranges: &[(u32, u32)],
    half: bool,
    square: f64,
    dummy: u32,
    candidates: &mut Candidates,
    group: &mut Group,
) {
    let count = candidates.take(points, ranges);
    assert!(!half || (ranges[0].0 as usize == atoms.start && atoms.end <= ranges[0].1 as usize));
    let pointers = [0, 1, 2].map(|c| candidates.x[c].as_ptr());
    for atom in atoms.clone() {
        let centre = [points.x[0][atom], points.x[1][atom], points.x[2][atom]];
        let near = &mut group.near;
        near.list.reserve(count + 2 * SEARCHED);
        let first = if half { atom + 1 - atoms.start } else { 0 };
        // SAFETY: the range lies inside the candidates, which are padded; the list has room for all, a filled up vector, and what is
        // written behind them.
        unsafe {
            let start = near.list.as_mut_ptr().add(near.list.len());
            let end = L::select(pointers, candidates.numbers.as_ptr(), (first, count), centre, square as f32, start);
            near.push(atom, end.offset_from(start) as usize, dummy);
        }
    }
}

/// Append a row whose near and far neighbours, as many as `counts` says, were written behind the ends of the lists.
#[inline(always)]
pub unsafe fn finish_row<const W: usize>(group: &mut Group<W>, atom: usize, counts: (isize, isize), dummy: u32) {
    let Group { near, far, .. } = group;
    let (near_count, far_count) = (counts.0 as usize, counts.1 as usize);
    // The last vector of near neighbours is filled up with others.
    let fill = far_count.min(near_count.next_multiple_of(W) - near_count);
    // SAFETY: the caller has written the neighbours and left room for a vector more behind both lists.
    unsafe {
        let near_end = near.list.as_mut_ptr().add(near.list.len() + near_count);
        let far_end = far.list.as_ptr().add(far.list.len() + far_count);
        // A whole vector is copied, of which the first `fill` count.
        std::ptr::copy_nonoverlapping(far_end.sub(fill), near_end, W);
        near.push(atom, near_count + fill, dummy);
        far.push(atom, far_count - fill, dummy);
    }
}

impl<const W: usize> Group<W> {
    /// Take the pairs of another, in no more room than they need.
    pub fn refill(&mut self, from: &Group<W>) {
        for (to, from) in [(&mut self.near, &from.near), (&mut self.far, &from.far)] {
            refill(&mut to.list, &from.list);
            refill(&mut to.owners, &from.owners);
        }
    }

    /// Room for the rows of a wide list, of which none takes more vectors than before and the last one may be written past its end.
    pub fn make_room(&mut self, wide: &Stream) {
        for stream in [&mut self.near, &mut self.far] {
            stream.list.clear();
            stream.owners.clear();
            stream.list.reserve((wide.owners.len() + 2) * W);
        }
    }

    /// End both lists with a vector of dummies.
    pub fn end(&mut self, dummy: u32) {
        for stream in [&mut self.near, &mut self.far] {
            stream.list.extend([dummy; W]);
            stream.owners.push(dummy);
        }
    }
}

/// Copy a list; room for somewhat more is made where there was too little, not for twice as much.
fn refill(to: &mut Vec<u32>, from: &[u32]) {
    to.clear();
    if to.capacity() < from.len() {
        to.reserve_exact(from.len() + from.len() / 32);
    }
    to.extend_from_slice(from);
}

thread_local! {
    /// Lists of pruned rows before they are copied to where they take no more room than they need.
    static PRUNED: RefCell<Group> = RefCell::default();
}

/// How far the pairs of a pruned list reach.
#[derive(Clone, Copy, Debug)]
pub struct Reaches {
    /// Near pairs [length]; less than nothing when there are none.
    pub near: f64,
    /// All pairs [length].
    pub far: f64,
    /// The fourth numbers of the records are ways that the atoms may go, and add to this.
    pub ways: bool,
}

/// Keep of the pairs of a wide list those that are within the `reaches` now.
pub fn prune(level: Level, records: &[Record], wide: &Group, reaches: Reaches, group: &mut Group) {
    PRUNED.with_borrow_mut(|pruned| {
        prune_rows(level, records, &wide.near, reaches, pruned);
        group.refill(pruned);
    });
}

/// Square of a reach and what it is extended by, which may be less than nothing.
#[inline(always)]
unsafe fn square<L: Lanes>(more: L::V, reach: f64) -> L::V {
    // SAFETY: as promised by the caller of the kernel.
    unsafe {
        let reach = L::max(L::add(more, L::splat(reach)), L::splat(0.0));
        L::mul(reach, reach)
    }
}

dispatch! {
    fn prune_rows / prune_rows_body(records: &[Record], wide: &Stream, reaches: Reaches, pruned: &mut Group)
}

#[inline(always)]
unsafe fn prune_rows_body<L: Lanes>(records: &[Record], wide: &Stream, reaches: Reaches, pruned: &mut Group) {
    wide.check(records.len());
    let dummy = 4 * (records.len() - 1) as u32;
    pruned.make_room(wide);
    let (mut near, mut far) = (pruned.near.list.as_mut_ptr(), pruned.far.list.as_mut_ptr());
    let (mut near_start, mut far_start) = (near, far);
    for (vector, &owner) in wide.owners[..wide.len()].iter().enumerate() {
        // SAFETY: `check` has compared the lengths, indices were made by the builder of the list, and there is room as said.
        unsafe {
            let index = wide.list.as_ptr().add(vector * WIDTH);
            L::prefetch(index.wrapping_add(LIST_AHEAD));
            let Ahead { s, w, .. } = look_up::<L>(records.as_ptr(), owner, index);
            let allowed = if reaches.ways {
                L::add(w, L::splat(records.get_unchecked(owner as usize / 4).0[3]))
            } else {
                L::splat(0.0)
            };
            let limits = (square::<L>(allowed, reaches.near), square::<L>(allowed, reaches.far));
            (near, far) = L::split(s, index, limits, near, far);
            if owner & LAST != 0 {
                let counts = (near.offset_from(near_start), far.offset_from(far_start));
                finish_row(pruned, owner as usize / 4, counts, dummy);
                near_start = pruned.near.list.as_mut_ptr().add(pruned.near.list.len());
                far_start = pruned.far.list.as_mut_ptr().add(pruned.far.list.len());
                (near, far) = (near_start, far_start);
            }
        }
    }
    pruned.end(dummy);
}
