//! The Hessian of active atoms in single precision, two vectors of eight pairs at once.
//!
//! The second derivatives of a vector are those of [`Curvatures`]; the change of the density at an atom rides along as the fourth
//! component of its product, so that one walk along the pairs adds up both.
#![allow(unsafe_code)]

use super::kernel::{Curvatures, Frame, Group, LAST, Springs, rows};
use super::lanes::{Level, ShortRow, WIDTH, dispatch};
use super::single::{Short, Singles};
use crate::cell::Vector;
use std::sync::{Arc, Mutex, PoisonError};

/// Rows ahead of those in use that are asked for.
const ROWS_AHEAD: usize = 96;

/// Most rows of a vector.
const MOST_ROWS: usize = 7;

/// The rows of a vector without pairs, which fills up an odd number of them.
static NOTHING: [ShortRow; MOST_ROWS] = [ShortRow([0.0; WIDTH]); MOST_ROWS];

dispatch! {
    /// First part of the product of the Hessian with `v`: pair terms are added to `product`, changes of densities to its fourth
    /// component.
    fn stretch / stretch_body(springs: Springs<'_, ShortRow>, v: &[Short], product: &mut [Short])
}

#[inline(always)]
unsafe fn stretch_body<L: Singles>(springs: Springs<'_, ShortRow>, v: &[Short], product: &mut [Short]) {
    springs.check(v.len());
    assert!(product.len() >= v.len());
    // SAFETY: `check` has compared the lengths; indices were made by the builder of the list.
    unsafe {
        match (springs.group.frozen, springs.symmetric) {
            (true, _) => return stretch_frozen::<L>(springs, v, product),
            (false, true) => run_stretch::<L, true, true>(springs, v, product),
            (false, false) => run_stretch::<L, true, false>(springs, v, product),
        }
        run_stretch::<L, false, true>(springs, v, product);
    }
}

/// Vector `k` of a stream and the next one: their list, their atoms, and their rows, of which there are `per` for each.
///
/// # Safety
/// `k` lies in the stream, which has one vector more than its length.
#[inline(always)]
unsafe fn two(
    springs: &Springs<'_, ShortRow>,
    near: bool,
    per: usize,
    k: usize,
) -> (*const u32, [usize; 2], [*const ShortRow; 2]) {
    let group = springs.group;
    let (stream, all) =
        if near { (&group.near, springs.curvatures.near_rows()) } else { (&group.far, springs.curvatures.far_rows()) };
    // SAFETY: as promised by the caller.
    unsafe {
        let owners = stream.owners.as_ptr().add(k);
        let atoms = [(*owners & !LAST) as usize / 4, (*owners.add(1) & !LAST) as usize / 4];
        let first = all.as_ptr().add(k * per);
        let second = if k + 1 < stream.len() { first.add(per) } else { NOTHING.as_ptr() };
        (stream.list.as_ptr().add(k * WIDTH), atoms, [first, second])
    }
}

/// Row number `n` of two vectors.
///
/// # Safety
/// Both have so many.
#[inline(always)]
unsafe fn both<L: Singles>(rows: [*const ShortRow; 2], n: usize) -> L::S {
    // SAFETY: as promised by the caller.
    unsafe { L::join(rows[0].add(n).cast(), rows[1].add(n).cast()) }
}

/// Two vectors of a stream with what is looked up for them.
#[derive(Clone, Copy)]
struct Two<L: Singles> {
    /// From the atoms to the neighbours.
    w: [L::S; 4],
    list: *const u32,
    atoms: [usize; 2],
    rows: [*const ShortRow; 2],
}

#[inline(always)]
unsafe fn look_up<L: Singles, const NEAR: bool, const SYMMETRIC: bool>(
    springs: &Springs<'_, ShortRow>,
    k: usize,
    v: *const Short,
) -> Two<L> {
    let (near, far) = rows(false, SYMMETRIC);
    // SAFETY: as promised by the caller.
    unsafe {
        let (list, atoms, rows) = two(springs, NEAR, if NEAR { near } else { far }, k);
        Two { w: L::between(v, list, [v.add(atoms[0]), v.add(atoms[1])]), list, atoms, rows }
    }
}

#[inline(always)]
unsafe fn run_stretch<L: Singles, const NEAR: bool, const SYMMETRIC: bool>(
    springs: Springs<'_, ShortRow>,
    v: &[Short],
    product: &mut [Short],
) {
    let length = if NEAR { springs.group.near.len() } else { springs.group.far.len() };
    let (v, product) = (v.as_ptr(), product.as_mut_ptr());
    if length == 0 {
        return;
    }
    // SAFETY: as promised by the caller.
    unsafe {
        let mut ahead = look_up::<L, NEAR, SYMMETRIC>(&springs, 0, v);
        for k in (0..length).step_by(2) {
            // The vectors after these are looked up before what these give is written.
            let Two { w, list, atoms, rows } = ahead;
            ahead = look_up::<L, NEAR, SYMMETRIC>(&springs, if k + 2 < length { k + 2 } else { k }, v);
            L::prefetch(rows[0].wrapping_add(ROWS_AHEAD));
            let n = [both::<L>(rows, 0), both::<L>(rows, 1), both::<L>(rows, 2)];
            // From the neighbours to the atom: minus the stretch.
            let p = L::times_plus(n[2], w[2], L::times_plus(n[1], w[1], L::times(n[0], w[0])));
            let along = L::times(p, both::<L>(rows, 3));
            let across = both::<L>(rows, 4);
            let x = L::times_plus(n[0], along, L::times(w[0], across));
            let y = L::times_plus(n[1], along, L::times(w[1], across));
            let z = L::times_plus(n[2], along, L::times(w[2], across));
            let (mut there, mut here) = (L::all(0.0), L::all(0.0));
            if NEAR {
                let first = both::<L>(rows, 5);
                let second = if SYMMETRIC { first } else { both::<L>(rows, 6) };
                (there, here) = (L::times(p, second), L::times(p, first));
            }
            let owners = [product.add(atoms[0]), product.add(atoms[1])];
            L::exchange_halves::<NEAR>(product, list, owners, [x, y, z], there, here);
        }
    }
}

#[inline(always)]
unsafe fn stretch_frozen<L: Singles>(springs: Springs<'_, ShortRow>, v: &[Short], product: &mut [Short]) {
    let per = rows(true, true).0;
    // SAFETY: as promised by the caller.
    unsafe {
        for k in (0..springs.group.near.len()).step_by(2) {
            let (index, atoms, rows) = two(&springs, true, per, k);
            let (a, b) = (v[atoms[0]].0, v[atoms[1]].0);
            let stretch = L::times(both::<L>(rows, 0), L::halves(a[0], b[0]));
            let stretch = L::times_plus(both::<L>(rows, 1), L::halves(a[1], b[1]), stretch);
            let stretch = L::times_plus(both::<L>(rows, 2), L::halves(a[2], b[2]), stretch);
            L::take_fourths(product.as_mut_ptr(), index, stretch);
        }
    }
}

dispatch! {
    /// Second part of the product: `change` holds the change of the slope of each embedding energy.
    fn restore / restore_body(springs: Springs<'_, ShortRow>, change: &[f32], product: &mut [Short])
}

#[inline(always)]
unsafe fn restore_body<L: Singles>(springs: Springs<'_, ShortRow>, change: &[f32], product: &mut [Short]) {
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
unsafe fn run_restore<L: Singles, const FROZEN: bool, const SYMMETRIC: bool>(
    springs: Springs<'_, ShortRow>,
    change: &[f32],
    product: &mut [Short],
) {
    let per = rows(FROZEN, SYMMETRIC).0;
    let product = product.as_mut_ptr();
    // SAFETY: as promised by the caller.
    unsafe {
        let zero = L::all(0.0);
        for k in (0..springs.group.near.len()).step_by(2) {
            let (index, atoms, rows) = two(&springs, true, per, k);
            L::prefetch(rows[0].wrapping_add(ROWS_AHEAD));
            let there = L::numbers(change.as_ptr(), index);
            let n = [both::<L>(rows, 0), both::<L>(rows, 1), both::<L>(rows, 2)];
            let owners = [product.add(atoms[0]), product.add(atoms[1])];
            if FROZEN {
                let force = [L::times(n[0], there), L::times(n[1], there), L::times(n[2], there)];
                L::subtract_halves(owners, force);
            } else {
                let first = both::<L>(rows, 5);
                let second = if SYMMETRIC { first } else { both::<L>(rows, 6) };
                let here = L::halves(change[atoms[0]], change[atoms[1]]);
                let c = L::times_plus(here, first, L::times(there, second));
                let force = [L::times(n[0], c), L::times(n[1], c), L::times(n[2], c)];
                L::exchange_halves::<false>(product, index, owners, force, zero, zero);
            }
        }
    }
}

/// What an own atom feels from its frozen neighbours.
#[derive(Clone, Copy, Debug)]
struct ShortFrame {
    tensor: [f32; 6],
    gradient: [f32; 3],
}

/// The block of the Hessian that belongs to the active atoms, in single precision: products of large sets of atoms wait for memory, and
/// iterative solutions ask for no more. A rigid translation of all atoms is free of force.
#[derive(Debug)]
pub struct ShortHessian {
    groups: Arc<Vec<Group>>,
    symmetric: Vec<bool>,
    curvatures: Vec<Curvatures<ShortRow>>,
    frames: Vec<ShortFrame>,
    slots: Arc<Vec<u32>>,
    moving: Arc<Vec<(u32, u32)>>,
    bend: Vec<f32>,
    work: Mutex<Work>,
}

#[derive(Debug)]
struct Work {
    v: Vec<Short>,
    product: Vec<Short>,
    change: Vec<f32>,
    total: Vec<f32>,
}

impl Work {
    fn new(records: usize, slots: usize) -> Mutex<Work> {
        Mutex::new(Work {
            v: vec![Short::default(); records],
            product: vec![Short::default(); records],
            change: vec![0.0; records],
            total: vec![0.0; slots],
        })
    }
}

/// What a Hessian is made of.
pub(super) struct Parts {
    pub groups: Arc<Vec<Group>>,
    pub symmetric: Vec<bool>,
    pub curvatures: Vec<Curvatures<ShortRow>>,
    pub frames: Vec<Frame>,
    /// Slot of each record, for the density of its atom.
    pub slots: Arc<Vec<u32>>,
    /// Records of moving atoms, with the number of the active atom.
    pub moving: Arc<Vec<(u32, u32)>>,
    /// By slot, second derivative of the embedding energy.
    pub bend: Vec<f64>,
    pub records: usize,
}

impl ShortHessian {
    pub(super) fn new(parts: Parts) -> ShortHessian {
        let Parts { groups, symmetric, curvatures, frames, slots, moving, bend, records } = parts;
        let frame =
            |f: &Frame| ShortFrame { tensor: f.tensor.map(|x| x as f32), gradient: f.gradient.map(|x| x as f32) };
        ShortHessian {
            groups,
            symmetric,
            curvatures,
            frames: frames.iter().map(frame).collect(),
            slots,
            moving,
            work: Work::new(records, bend.len()),
            bend: bend.iter().map(|b| *b as f32).collect(),
        }
    }

    /// `out = H v` over the active atoms [energy/length^2 times the unit of v].
    pub fn apply(&self, v: &[Vector], out: &mut [Vector]) {
        self.apply_with(Level::best(), v, out);
    }

    fn apply_with(&self, level: Level, v: &[Vector], out: &mut [Vector]) {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let Work { v: moved, product, change, total } = &mut *work;
        for &(record, active) in self.moving.iter() {
            let [x, y, z] = v[active as usize].data.0[0];
            moved[record as usize] = Short([x as f32, y as f32, z as f32, 0.0]);
        }
        for ((p, v), f) in product.iter_mut().zip(moved.iter()).zip(&self.frames) {
            let ([x, y, z, _], [xx, yy, zz, xy, xz, yz], g) = (v.0, f.tensor, f.gradient);
            p.0 = [
                xx * x + xy * y + xz * z,
                xy * x + yy * y + yz * z,
                xz * x + yz * y + zz * z,
                -(g[0] * x + g[1] * y + g[2] * z),
            ];
        }
        product[self.frames.len()..].fill(Short::default());
        for springs in self.springs() {
            stretch(level, springs, moved, product);
        }
        total.fill(0.0);
        for (&slot, p) in self.slots.iter().zip(product.iter()) {
            total[slot as usize] += p.0[3];
        }
        total.iter_mut().zip(&self.bend).for_each(|(total, bend)| *total *= bend);
        for (&slot, change) in self.slots.iter().zip(change.iter_mut()) {
            *change = total[slot as usize];
        }
        for ((p, change), f) in product.iter_mut().zip(change.iter()).zip(&self.frames) {
            (0..3).for_each(|k| p.0[k] -= change * f.gradient[k]);
        }
        for springs in self.springs() {
            restore(level, springs, change, product);
        }
        out.fill(Vector::zeros());
        for &(record, active) in self.moving.iter() {
            let [x, y, z, _] = product[record as usize].0;
            out[active as usize] += Vector::new(x.into(), y.into(), z.into());
        }
    }

    fn springs(&self) -> impl Iterator<Item = Springs<'_, ShortRow>> {
        (self.groups.iter().zip(&self.curvatures).zip(&self.symmetric))
            .map(|((group, curvatures), &symmetric)| Springs { group, curvatures, symmetric })
    }
}

impl Clone for ShortHessian {
    fn clone(&self) -> ShortHessian {
        ShortHessian {
            groups: self.groups.clone(),
            symmetric: self.symmetric.clone(),
            curvatures: self.curvatures.clone(),
            frames: self.frames.clone(),
            slots: self.slots.clone(),
            moving: self.moving.clone(),
            bend: self.bend.clone(),
            work: Work::new(self.slots.len() + 1, self.bend.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::Cell;
    use crate::configuration::{Configuration, Element};
    use crate::potential::{LocalEngine, Potential};
    use crate::random::{Purpose, stream};
    use rand::RngExt;

    #[test]
    fn every_instruction_set_gives_the_product_in_double_precision() {
        let (a, cells) = (3.2286, 6);
        let mut random = stream(5, Purpose::Packing, 0);
        let (mut species, mut positions) = (Vec::new(), Vec::new());
        for k in 0..cells * cells * cells {
            let corner = Vector::new((k % cells) as f64, (k / cells % cells) as f64, (k / cells / cells) as f64);
            for kind in 0..2 {
                species.push(kind);
                let away = Vector::from_fn(|_, _| random.random_range(-0.2..0.2));
                positions.push((corner + Vector::repeat(0.5 * kind as f64)) * a + away);
            }
        }
        let element = |name: &str| Element { name: name.into(), mass: 1.0 };
        let edge = a * cells as f64;
        let cell = Cell::orthogonal(edge, edge, edge).unwrap();
        let crystal = Configuration::new(cell, vec![element("Cu"), element("Zr")], species, positions).unwrap();
        let potential = Potential::built_in("CuZr-2009").unwrap();
        for active in [1, 31, 200, crystal.len()] {
            let atoms: Vec<usize> = (0..active).collect();
            let mut engine = LocalEngine::new(&potential, &crystal, &atoms).unwrap();
            let x = engine.start_positions();
            let v: Vec<Vector> = x.iter().map(|_| Vector::from_fn(|_, _| random.random_range(-1.0..1.0))).collect();
            let mut exact = v.clone();
            engine.hessian(&x).unwrap().apply(&v, &mut exact);
            let scale = exact.iter().map(|h| h.amax()).fold(1.0, f64::max);
            let short = engine.short_hessian(&x).unwrap();
            for level in Level::available() {
                let mut ours = v.clone();
                short.apply_with(level, &v, &mut ours);
                let error = ours.iter().zip(&exact).map(|(a, b)| (a - b).amax()).fold(0.0, f64::max);
                // Sums of a hundred numbers of about the scale, each rounded to 6e-8.
                assert!(error < 2e-6 * scale, "{level:?}, {active} atoms: {error} of {scale}");
                if active == crystal.len() {
                    short.apply_with(level, &vec![Vector::new(1.0, -2.0, 0.5); active], &mut ours);
                    assert!(ours.iter().all(|h| h.amax() == 0.0), "{level:?}: a translation is not free of force");
                }
            }
        }
    }
}
