//! Forces in single precision, sixteen pairs at once, for `precision: "mixed"`.
//!
//! Positions count from the middle of their block, so that they keep seven digits of some tens of lengths. All functions are
//! polynomials of the squared distance on 32 segments, eight for each factor of two: the leading bits of the number are the
//! segment, and no root is needed. Sums over all atoms, positions, velocities and embedding functions stay in double precision.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

use super::kernel::{COMPONENTS, Close, Group, LAST, LIST_AHEAD, Reaches, Stream, finish_row, foresee, note};
use super::lanes::{Lanes, Level, Portable, Record, WIDTH, dispatch};
use super::radial::Radial;
use super::tables::PairTable;
use crate::cell::Vector;
use std::cell::RefCell;

/// Numbers in one vector of single precision.
pub const SINGLES: usize = 16;

/// Position or force of an atom in single precision, with a fourth number that rides along.
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Short(pub [f32; 4]);

/// Position of the dummy: far, but without overflow of its square.
pub const DUMMY: Short = Short([1e8, 1e8, 1e8, 0.0]);

/// Segments of a function.
const SEGMENTS: usize = 32;

/// Coefficients of a segment.
const COEFFICIENTS: usize = 6;

/// Bits of a number below those that name its segment.
const SEGMENT_BITS: u32 = 20;

/// Coefficients of a function.
#[repr(C, align(64))]
#[derive(Clone, Debug, Default)]
pub struct Polynomials {
    /// By power and segment: a register holds a power of all segments.
    by_power: [[f32; SEGMENTS]; COEFFICIENTS],
    /// By segment and power: a register is loaded with the powers of one segment.
    by_segment: [[f32; WIDTH]; SEGMENTS],
}

/// The functions of an ordered pair of species in single precision.
#[derive(Clone, Debug)]
pub struct SinglePair {
    /// Below this squared distance the exact functions are called.
    inner: f32,
    /// From this squared distance on all functions are zero.
    far: f32,
    /// A squared distance of the last segment, whose polynomials are zero.
    end: f32,
    /// Slope of the pair energy over the distance.
    slope: Polynomials,
    /// Densities at the first and at the second species, and their slopes over the distance.
    density: [Polynomials; 2],
    density_slope: [Polynomials; 2],
}

impl SinglePair {
    /// Pair energy and both densities from a distance of `inner` on, until they end at `far`.
    pub fn new(exact: &[Radial; 3], inner: f64, far: f64) -> SinglePair {
        let far = (far * far).max(f64::from(f32::MIN_POSITIVE)) as f32;
        // One segment of zeros follows the one in which the functions end.
        let after = (far.to_bits() >> SEGMENT_BITS) + 2;
        let first = after.saturating_sub(SEGMENTS as u32);
        let inner = (inner * inner).max(f64::from(edge(first)));
        let fit = |f: usize, of: fn([f64; 3], f64) -> f64| {
            let mut all = Polynomials::default();
            for segment in first..after - 1 {
                let (low, high) = (f64::from(edge(segment)), f64::from(edge(segment + 1)));
                if high <= inner || low >= f64::from(far) {
                    continue;
                }
                let value = |s: f64| of(exact[f].evaluate(s.sqrt()), s.sqrt());
                // A function that jumps where it ends is taken from the inside.
                let last = high.min(f64::from(far) * (1.0 - 1e-12));
                let coefficients = interpolate(value, low.max(inner), last, 0.5 * (low + high));
                let segment = segment as usize % SEGMENTS;
                for (power, c) in coefficients.into_iter().enumerate() {
                    all.by_power[power][segment] = c as f32;
                    all.by_segment[segment][power] = c as f32;
                }
            }
            all
        };
        let slope_over_distance: fn([f64; 3], f64) -> f64 = |f, r| f[1] / r;
        SinglePair {
            inner: inner as f32,
            far,
            end: f32::from_bits((after << SEGMENT_BITS) - 1),
            slope: fit(0, slope_over_distance),
            density: [fit(1, |f, _| f[0]), fit(2, |f, _| f[0])],
            density_slope: [fit(1, slope_over_distance), fit(2, slope_over_distance)],
        }
    }
}

/// Where a segment begins.
fn edge(segment: u32) -> f32 {
    f32::from_bits(segment << SEGMENT_BITS)
}

/// The polynomial in `s - centre` that has the values of a function at the Chebyshev points of an interval.
fn interpolate(f: impl Fn(f64) -> f64, low: f64, high: f64, centre: f64) -> [f64; COEFFICIENTS] {
    let points: [f64; COEFFICIENTS] = std::array::from_fn(|k| {
        let angle = std::f64::consts::PI * (k as f64 + 0.5) / COEFFICIENTS as f64;
        0.5 * (low + high) + 0.5 * (high - low) * angle.cos()
    });
    // Divided differences, and then from Newton's form to powers of `s - centre`.
    let mut differences = points.map(f);
    for order in 1..COEFFICIENTS {
        for k in (order..COEFFICIENTS).rev() {
            differences[k] = (differences[k] - differences[k - 1]) / (points[k] - points[k - order]);
        }
    }
    let mut powers = [0.0; COEFFICIENTS];
    for k in (0..COEFFICIENTS).rev() {
        let shift = points[k] - centre;
        for power in (1..COEFFICIENTS).rev() {
            powers[power] = powers[power - 1] - shift * powers[power];
        }
        powers[0] = differences[k] - shift * powers[0];
    }
    powers
}

/// Operations on sixteen numbers of single precision.
///
/// # Safety
/// As of [`Lanes`]: callers are compiled with the features of the implementation and run on a processor that has them, and indices,
/// four times the numbers of records, lie inside the array that the base points to.
pub trait Singles: Lanes {
    /// Sixteen numbers.
    type S: Copy;
    /// Sixteen segments.
    type Segments: Copy;

    /// The same number sixteen times.
    unsafe fn all(x: f32) -> Self::S;
    /// Sixteen consecutive numbers.
    unsafe fn read(from: *const f32) -> Self::S;
    /// Write sixteen consecutive numbers.
    unsafe fn write(to: *mut f32, v: Self::S);
    /// `a + b`
    unsafe fn plus(a: Self::S, b: Self::S) -> Self::S;
    /// `a - b`
    unsafe fn minus(a: Self::S, b: Self::S) -> Self::S;
    /// `a * b`
    unsafe fn times(a: Self::S, b: Self::S) -> Self::S;
    /// `a * b + c`
    unsafe fn times_plus(a: Self::S, b: Self::S, c: Self::S) -> Self::S;
    /// `a` where `a < b`, `c` elsewhere.
    unsafe fn if_below(a: Self::S, b: Self::S, c: Self::S) -> Self::S;
    /// The larger of two.
    unsafe fn greater(a: Self::S, b: Self::S) -> Self::S;
    /// One bit for each lane with `a < b`.
    unsafe fn below(a: Self::S, b: Self::S) -> u16;
    /// Sum of the lanes.
    unsafe fn total(a: Self::S) -> f32;
    /// Segments of squared distances, and how far these are from the middles of the segments.
    unsafe fn segment(s: Self::S) -> (Self::Segments, Self::S);
    /// Value of a polynomial in `t`, of the segment of each lane.
    unsafe fn polynomial(polynomials: &Polynomials, segments: Self::Segments, t: Self::S) -> Self::S;
    /// The records at sixteen indices, component by component.
    unsafe fn collect(base: *const Short, index: *const u32) -> [Self::S; 4];
    /// Add sixteen vectors to the records at sixteen indices, one after the other, and subtract their sum from another record.
    unsafe fn spread(base: *mut Short, index: *const u32, owner: *mut Short, v: [Self::S; 3]);
    /// Eight numbers and eight others.
    unsafe fn join(low: *const f32, high: *const f32) -> Self::S;
    /// One number eight times and another.
    unsafe fn halves(low: f32, high: f32) -> Self::S;
    /// From two records, one for the first eight and one for the others, to the records at sixteen indices, component by component.
    unsafe fn between(base: *const Short, index: *const u32, owners: [*const Short; 2]) -> [Self::S; 4];
    /// Add sixteen vectors to the records at sixteen indices, one after the other, and subtract the sums of their halves from two
    /// other records. Numbers for the fourth components are added there, and the sums over halves of other ones here.
    unsafe fn exchange_halves<const FOURTH: bool>(
        base: *mut Short,
        index: *const u32,
        owners: [*mut Short; 2],
        v: [Self::S; 3],
        there: Self::S,
        here: Self::S,
    );
    /// Subtract the sums of the halves of sixteen vectors from two records.
    unsafe fn subtract_halves(owners: [*mut Short; 2], v: [Self::S; 3]);
    /// Subtract sixteen numbers from the fourth components of the records at sixteen indices, one after the other.
    #[inline(always)]
    unsafe fn take_fourths(base: *mut Short, index: *const u32, v: Self::S) {
        // SAFETY: as promised by the caller.
        unsafe {
            let mut numbers = [0.0; SINGLES];
            Self::write(numbers.as_mut_ptr(), v);
            for (k, x) in numbers.iter().enumerate() {
                *base.cast::<f32>().add(*index.add(k) as usize + 3) -= x;
            }
        }
    }
    /// The numbers `base[index / 4]`.
    unsafe fn numbers(base: *const f32, index: *const u32) -> Self::S;
    /// Add sixteen numbers to `base[index / 4]`, one after the other.
    #[inline(always)]
    unsafe fn add_each(base: *mut f32, index: *const u32, v: Self::S) {
        // SAFETY: as promised by the caller.
        unsafe {
            let mut numbers = [0.0; SINGLES];
            Self::write(numbers.as_mut_ptr(), v);
            for (k, x) in numbers.iter().enumerate() {
                *base.byte_add(*index.add(k) as usize) += x;
            }
        }
    }
    /// Of the sixteen indices that have a bit in `valid`, append those whose squared distance `s` is below the first of two limits to
    /// one list and those below the second but not the first to another; the lists have room for sixteen more than found. Returns the
    /// new ends.
    unsafe fn part(
        s: Self::S,
        index: *const u32,
        valid: u16,
        limits: (Self::S, Self::S),
        near: *mut u32,
        far: *mut u32,
    ) -> (*mut u32, *mut u32);
}

#[inline(always)]
fn map(f: impl Fn(usize) -> f32) -> [f32; SINGLES] {
    let mut v = [0.0; SINGLES];
    for (k, x) in v.iter_mut().enumerate() {
        *x = f(k);
    }
    v
}

// SAFETY of every block below: the caller of a method of `Singles` vouches for the pointers.
impl Singles for Portable {
    type S = [f32; SINGLES];
    type Segments = [u32; SINGLES];

    #[inline(always)]
    unsafe fn all(x: f32) -> Self::S {
        [x; SINGLES]
    }
    #[inline(always)]
    unsafe fn read(from: *const f32) -> Self::S {
        unsafe { from.cast::<[f32; SINGLES]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn write(to: *mut f32, v: Self::S) {
        unsafe { to.cast::<[f32; SINGLES]>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn plus(a: Self::S, b: Self::S) -> Self::S {
        map(|k| a[k] + b[k])
    }
    #[inline(always)]
    unsafe fn minus(a: Self::S, b: Self::S) -> Self::S {
        map(|k| a[k] - b[k])
    }
    #[inline(always)]
    unsafe fn times(a: Self::S, b: Self::S) -> Self::S {
        map(|k| a[k] * b[k])
    }
    #[inline(always)]
    unsafe fn times_plus(a: Self::S, b: Self::S, c: Self::S) -> Self::S {
        map(|k| a[k] * b[k] + c[k])
    }
    #[inline(always)]
    unsafe fn if_below(a: Self::S, b: Self::S, c: Self::S) -> Self::S {
        map(|k| if a[k] < b[k] { a[k] } else { c[k] })
    }
    #[inline(always)]
    unsafe fn greater(a: Self::S, b: Self::S) -> Self::S {
        map(|k| if a[k] > b[k] { a[k] } else { b[k] })
    }
    #[inline(always)]
    unsafe fn below(a: Self::S, b: Self::S) -> u16 {
        (0..SINGLES).fold(0, |mask, k| mask | u16::from(a[k] < b[k]) << k)
    }
    #[inline(always)]
    unsafe fn total(a: Self::S) -> f32 {
        let mut sums = a;
        for half in [8, 4, 2, 1] {
            (0..half).for_each(|k| sums[k] += sums[k + half]);
        }
        sums[0]
    }
    #[inline(always)]
    unsafe fn segment(s: Self::S) -> (Self::Segments, Self::S) {
        let bits = s.map(f32::to_bits);
        let middle = |bits: u32| f32::from_bits(bits >> SEGMENT_BITS << SEGMENT_BITS | 1 << (SEGMENT_BITS - 1));
        (bits.map(|bits| (bits >> SEGMENT_BITS) % SEGMENTS as u32), map(|k| s[k] - middle(bits[k])))
    }
    #[inline(always)]
    unsafe fn polynomial(polynomials: &Polynomials, segments: Self::Segments, t: Self::S) -> Self::S {
        map(|k| {
            let c = &polynomials.by_segment[segments[k] as usize % SEGMENTS];
            c[..COEFFICIENTS].iter().rev().fold(0.0, |value, c| value * t[k] + c)
        })
    }
    #[inline(always)]
    unsafe fn collect(base: *const Short, index: *const u32) -> [Self::S; 4] {
        let mut v = [[0.0; SINGLES]; 4];
        for k in 0..SINGLES {
            let record = unsafe { *base.add(*index.add(k) as usize / 4) };
            (0..4).for_each(|c| v[c][k] = record.0[c]);
        }
        v
    }
    #[inline(always)]
    unsafe fn spread(base: *mut Short, index: *const u32, owner: *mut Short, v: [Self::S; 3]) {
        for k in 0..SINGLES {
            let record = unsafe { &mut *base.add(*index.add(k) as usize / 4) };
            (0..3).for_each(|c| record.0[c] += v[c][k]);
        }
        for c in 0..3 {
            unsafe { (*owner).0[c] -= Self::total(v[c]) };
        }
    }
    #[inline(always)]
    unsafe fn join(low: *const f32, high: *const f32) -> Self::S {
        map(|k| unsafe { if k < WIDTH { *low.add(k) } else { *high.add(k - WIDTH) } })
    }
    #[inline(always)]
    unsafe fn halves(low: f32, high: f32) -> Self::S {
        map(|k| if k < WIDTH { low } else { high })
    }
    #[inline(always)]
    unsafe fn between(base: *const Short, index: *const u32, owners: [*const Short; 2]) -> [Self::S; 4] {
        let mut v = [[0.0; SINGLES]; 4];
        let owners = owners.map(|owner| unsafe { *owner });
        for k in 0..SINGLES {
            let record = unsafe { *base.add(*index.add(k) as usize / 4) };
            (0..4).for_each(|c| v[c][k] = record.0[c] - owners[k / WIDTH].0[c]);
        }
        v
    }
    #[inline(always)]
    unsafe fn exchange_halves<const FOURTH: bool>(
        base: *mut Short,
        index: *const u32,
        owners: [*mut Short; 2],
        v: [Self::S; 3],
        there: Self::S,
        here: Self::S,
    ) {
        for k in 0..SINGLES {
            let record = unsafe { &mut *base.add(*index.add(k) as usize / 4) };
            (0..3).for_each(|c| record.0[c] += v[c][k]);
            if FOURTH {
                record.0[3] += there[k];
            }
        }
        unsafe { Self::subtract_halves(owners, v) };
        if FOURTH {
            for (half, owner) in here.chunks(WIDTH).zip(owners) {
                unsafe { (*owner).0[3] += half.iter().sum::<f32>() };
            }
        }
    }
    #[inline(always)]
    unsafe fn subtract_halves(owners: [*mut Short; 2], v: [Self::S; 3]) {
        for c in 0..3 {
            for (half, owner) in v[c].chunks(WIDTH).zip(owners) {
                unsafe { (*owner).0[c] -= half.iter().sum::<f32>() };
            }
        }
    }
    #[inline(always)]
    unsafe fn numbers(base: *const f32, index: *const u32) -> Self::S {
        map(|k| unsafe { *base.add(*index.add(k) as usize / 4) })
    }
    #[inline(always)]
    unsafe fn part(
        s: Self::S,
        index: *const u32,
        valid: u16,
        limits: (Self::S, Self::S),
        mut near: *mut u32,
        mut far: *mut u32,
    ) -> (*mut u32, *mut u32) {
        for k in 0..SINGLES {
            unsafe {
                let counts = valid >> k & 1 == 1;
                near.write(*index.add(k));
                far.write(*index.add(k));
                near = near.add(usize::from(counts && s[k] < limits.0[k]));
                far = far.add(usize::from(counts && s[k] >= limits.0[k] && s[k] < limits.1[k]));
            }
        }
        (near, far)
    }
}

/// The pairs of a block and their functions.
#[derive(Clone, Copy, Debug)]
pub struct SinglePairs<'a> {
    /// Positions, with the slope of the embedding energy in the force pass; the last record is the dummy.
    pub records: &'a [Short],
    /// The pairs.
    pub group: &'a Group<SINGLES>,
    /// Their functions.
    pub table: &'a PairTable,
}

impl SinglePairs<'_> {
    /// What the unsafe code below relies on, together with the indices, which the builder of the lists vouches for.
    fn check(&self, others: usize) {
        self.group.near.check(self.records.len());
        self.group.far.check(self.records.len());
        assert!(others >= self.records.len());
    }
}

/// Sixteen pairs as far as their positions are looked up.
#[derive(Clone, Copy)]
struct Ahead<L: Singles> {
    /// Vectors from the neighbours to the atom.
    d: [L::S; 3],
    /// Squares of the distances.
    s: L::S,
    /// Fourth numbers of the neighbours.
    w: L::S,
}

#[inline(always)]
unsafe fn look_up<L: Singles>(base: *const Short, owner: u32, index: *const u32) -> Ahead<L> {
    // SAFETY: as promised by the caller of the kernel.
    unsafe {
        let [x, y, z, w] = L::collect(base, index);
        let centre = base.cast::<f32>().add((owner & !LAST) as usize);
        let dx = L::minus(L::all(*centre), x);
        let dy = L::minus(L::all(*centre.add(1)), y);
        let dz = L::minus(L::all(*centre.add(2)), z);
        Ahead { d: [dx, dy, dz], s: L::times_plus(dz, dz, L::times_plus(dy, dy, L::times(dx, dx))), w }
    }
}

/// Replace what the polynomials gave below their range: pair energy and densities at both species, or their slopes over the distance
/// (`order` 1), behind the squares of the distances.
#[cold]
#[inline(never)]
fn exact_values(
    table: &PairTable,
    order: usize,
    below: u16,
    values: &mut [[f32; SINGLES]; 4],
    close: &mut Option<Close>,
    owner: u32,
    index: *const u32,
) {
    for lane in (0..SINGLES).filter(|k| below >> k & 1 == 1) {
        let r = f64::from(values[0][lane]).sqrt();
        // SAFETY: the caller's list has sixteen indices here.
        note(table, r, close, owner, unsafe { *index.add(lane) });
        let over = if order == 0 { 1.0 } else { r };
        for f in 0..3 {
            values[f + 1][lane] = (table.exact[f].evaluate(r)[order] / over) as f32;
        }
    }
}

dispatch! {
    /// Add the densities of all near pairs to `density`.
    pub fn densities / densities_body(pairs: SinglePairs<'_>, density: &mut [f32], close: &mut Option<Close>)
}

#[inline(always)]
unsafe fn densities_body<L: Singles>(pairs: SinglePairs<'_>, density: &mut [f32], close: &mut Option<Close>) {
    pairs.check(density.len());
    // SAFETY: `check` has compared the lengths; indices were made by the builder of the list.
    unsafe {
        match pairs.table.symmetric {
            true => run_densities::<L, true>(pairs, density, close),
            false => run_densities::<L, false>(pairs, density, close),
        }
    }
}

#[inline(always)]
unsafe fn run_densities<L: Singles, const SYMMETRIC: bool>(
    pairs: SinglePairs<'_>,
    density: &mut [f32],
    close: &mut Option<Close>,
) {
    let SinglePairs { records, group, table } = pairs;
    let (stream, functions) = (&group.near, &table.single);
    if stream.len() == 0 {
        return;
    }
    let base = records.as_ptr();
    let density = density.as_mut_ptr();
    let (mut index, mut owner) = (stream.list.as_ptr(), stream.owners.as_ptr());
    // SAFETY: `check` has compared the lengths; the stream has one vector more than `len`, which is looked up but not used.
    unsafe {
        let (inner, far, end) = (L::all(functions.inner), L::all(functions.far), L::all(functions.end));
        let mut ahead = look_up::<L>(base, *owner, index);
        // The vector before the first adds nothing to the first neighbours.
        let mut before = (index, L::all(0.0));
        for _ in 0..stream.len() {
            let (s, here, mark) = (ahead.s, index, *owner);
            index = index.add(SINGLES);
            owner = owner.add(1);
            L::prefetch(index.wrapping_add(LIST_AHEAD));
            ahead = look_up::<L>(base, *owner, index);

            let (segments, t) = L::segment(L::if_below(s, far, end));
            let mut first = L::polynomial(&functions.density[0], segments, t);
            let mut second = if SYMMETRIC { first } else { L::polynomial(&functions.density[1], segments, t) };
            let below = L::below(s, inner);
            if below != 0 {
                let mut values = [[0.0; SINGLES]; 4];
                for (to, v) in values.iter_mut().zip([s, s, first, second]) {
                    L::write(to.as_mut_ptr(), v);
                }
                exact_values(table, 0, below, &mut values, close, mark, here);
                [first, second] = [L::read(values[2].as_ptr()), L::read(values[3].as_ptr())];
            }
            L::add_each(density, before.0, before.1);
            before = (here, second);
            // As in the double kernels, a sum for each vector costs less than a branch where the row ends.
            *density.add(mark as usize / 4) += L::total(first);
        }
        L::add_each(density, before.0, before.1);
    }
}

dispatch! {
    /// Add the forces of all pairs; the fourth component of the positions holds the slopes of the embedding energies.
    pub fn forces / forces_body(pairs: SinglePairs<'_>, forces: &mut [Short], close: &mut Option<Close>)
}

#[inline(always)]
unsafe fn forces_body<L: Singles>(pairs: SinglePairs<'_>, forces: &mut [Short], close: &mut Option<Close>) {
    pairs.check(forces.len());
    let Group { near, far, .. } = pairs.group;
    // SAFETY: `check` has compared the lengths; indices were made by the builder of the list.
    unsafe {
        match pairs.table.symmetric {
            true => run_forces::<L, true, true>(pairs, near, forces, close),
            false => run_forces::<L, true, false>(pairs, near, forces, close),
        }
        run_forces::<L, false, true>(pairs, far, forces, close);
    }
}

#[inline(always)]
unsafe fn run_forces<L: Singles, const NEAR: bool, const SYMMETRIC: bool>(
    pairs: SinglePairs<'_>,
    stream: &Stream<SINGLES>,
    forces: &mut [Short],
    close: &mut Option<Close>,
) {
    let SinglePairs { records, table, .. } = pairs;
    if stream.len() == 0 {
        return;
    }
    let functions = &table.single;
    let base = records.as_ptr();
    let out = forces.as_mut_ptr();
    let (mut index, mut owner) = (stream.list.as_ptr(), stream.owners.as_ptr());
    // SAFETY: `check` has compared the lengths; the stream has one vector more than `len`, which is looked up but not used.
    unsafe {
        let zero = L::all(0.0);
        let (inner, far, end) = (L::all(functions.inner), L::all(functions.far), L::all(functions.end));
        let mut ahead = look_up::<L>(base, *owner, index);
        // The vector before the first adds nothing to the first neighbours.
        let mut before = (index, [zero; 3], *owner);
        for _ in 0..stream.len() {
            let (Ahead { d, s, w }, here, mark) = (ahead, index, *owner);
            index = index.add(SINGLES);
            owner = owner.add(1);
            L::prefetch(index.wrapping_add(LIST_AHEAD));
            ahead = look_up::<L>(base, *owner, index);

            let (segments, t) = L::segment(L::if_below(s, far, end));
            let mut slope = L::polynomial(&functions.slope, segments, t);
            let (mut first, mut second) = (zero, zero);
            if NEAR {
                first = L::polynomial(&functions.density_slope[0], segments, t);
                second = if SYMMETRIC { first } else { L::polynomial(&functions.density_slope[1], segments, t) };
            }
            let below = L::below(s, inner);
            if below != 0 {
                let mut values = [[0.0; SINGLES]; 4];
                for (to, v) in values.iter_mut().zip([s, slope, first, second]) {
                    L::write(to.as_mut_ptr(), v);
                }
                exact_values(table, 1, below, &mut values, close, mark, here);
                slope = L::read(values[1].as_ptr());
                [first, second] = [L::read(values[2].as_ptr()), L::read(values[3].as_ptr())];
            }
            if NEAR {
                let bend = L::all(*base.cast::<f32>().add((mark & !LAST) as usize + 3));
                slope = if SYMMETRIC {
                    L::times_plus(L::plus(bend, w), first, slope)
                } else {
                    L::times_plus(w, second, L::times_plus(bend, first, slope))
                };
            }
            let f = [L::times(d[0], slope), L::times(d[1], slope), L::times(d[2], slope)];
            L::spread(out, before.0, out.add(before.2 as usize / 4), before.1);
            before = (here, f, mark);
        }
        L::spread(out, before.0, out.add(before.2 as usize / 4), before.1);
    }
}

thread_local! {
    /// Lists of pruned rows before they are copied to where they take no more room than they need.
    static PRUNED: RefCell<Group<SINGLES>> = RefCell::default();
}

/// Keep of the pairs of a wide list those that are within the `reaches` now.
pub fn prune(level: Level, records: &[Short], wide: &Group, reaches: Reaches, group: &mut Group<SINGLES>) {
    PRUNED.with_borrow_mut(|pruned| {
        prune_rows(level, records, &wide.near, reaches, pruned);
        group.refill(pruned);
    });
}

/// What a distance in single precision may be wrong by [length].
const ROUNDING: f32 = 1e-4;

/// Square of a reach and what it is extended by, which may be less than nothing.
#[inline(always)]
unsafe fn square<L: Singles>(more: L::S, reach: f64) -> L::S {
    // SAFETY: as promised by the caller of the kernel.
    unsafe {
        let reach = L::greater(L::plus(more, L::all(reach as f32 + ROUNDING)), L::all(0.0));
        L::times(reach, reach)
    }
}

dispatch! {
    fn prune_rows / prune_rows_body(records: &[Short], wide: &Stream, reaches: Reaches, pruned: &mut Group<SINGLES>)
}

#[inline(always)]
unsafe fn prune_rows_body<L: Singles>(records: &[Short], wide: &Stream, reaches: Reaches, pruned: &mut Group<SINGLES>) {
    wide.check(records.len());
    let dummy = 4 * (records.len() - 1) as u32;
    pruned.make_room(wide);
    let (mut near, mut far) = (pruned.near.list.as_mut_ptr(), pruned.far.list.as_mut_ptr());
    let (mut near_start, mut far_start) = (near, far);
    let mut vector = 0;
    while vector < wide.len() {
        let mut owner = wide.owners[vector];
        // The last vector of a row may be one of eight; those behind it belong to the next row.
        let both = owner & LAST == 0;
        // SAFETY: `check` has compared the lengths, eight dummies end the list, indices were made by its builder, and there is room.
        unsafe {
            let index = wide.list.as_ptr().add(vector * WIDTH);
            L::prefetch(index.wrapping_add(LIST_AHEAD));
            let Ahead { s, w, .. } = look_up::<L>(records.as_ptr(), owner, index);
            let allowed = if reaches.ways {
                L::plus(w, L::all(records.get_unchecked(owner as usize / 4).0[3]))
            } else {
                L::all(0.0)
            };
            let valid = if both { 0xffff } else { 0x00ff };
            let limits = (square::<L>(allowed, reaches.near), square::<L>(allowed, reaches.far));
            (near, far) = L::part(s, index, valid, limits, near, far);
            vector += 1;
            if both {
                owner = wide.owners[vector];
                vector += 1;
            }
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

#[inline(always)]
fn short(component: impl Fn(usize) -> f64) -> Short {
    Short([component(0) as f32, component(1) as f32, component(2) as f32, component(3) as f32])
}

dispatch! {
    /// Write positions, from the middle of a block, to its own records, and those of images, for each of which the rank and the number
    /// of its image are given, to the others.
    pub fn place / place_body(
        own: &[Record], wrapped: &[Record], images: &[Record], shows: &[(u32, u8)], middle: &Record, records: &mut [Short]
    )
}

#[inline(always)]
unsafe fn place_body<L: Lanes>(
    own: &[Record],
    wrapped: &[Record],
    images: &[Record],
    shows: &[(u32, u8)],
    middle: &Record,
    records: &mut [Short],
) {
    let (inside, ghosts) = records.split_at_mut(own.len());
    for (record, at) in inside.iter_mut().zip(own) {
        *record = short(|k| at.0[k] - middle.0[k]);
    }
    let mut shifts = [Record::default(); 27];
    for (shift, image) in shifts.iter_mut().zip(images) {
        *shift = Record([0, 1, 2, 3].map(|k| image.0[k] - middle.0[k]));
    }
    for (place, (record, &(rank, image))) in ghosts.iter_mut().zip(shows).enumerate() {
        foresee::<L, _, _>(wrapped, shows, place, |shown| shown.0);
        let (at, shift) = (&wrapped[rank as usize], &shifts[image as usize]);
        *record = short(|k| at.0[k] + shift.0[k]);
    }
}

/// Vectors of moments that are added up in single precision.
const ADDED: usize = 32;

dispatch! {
    /// Sum of `x f^T` over records as in [`super::kernel::moments`]; few numbers at a time are added up in single precision.
    pub fn moments / moments_body(records: &[Short], forces: &[Short]) -> [f64; 6]
}

#[inline(always)]
unsafe fn moments_body<L: Singles>(records: &[Short], forces: &[Short]) -> [f64; 6] {
    const INDEX: [u32; SINGLES] = [0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60];
    let ((groups, rest), (force_groups, force_rest)) = (records.as_chunks::<SINGLES>(), forces.as_chunks::<SINGLES>());
    let mut moments = [0.0; 6];
    for (groups, force_groups) in groups.chunks(ADDED).zip(force_groups.chunks(ADDED)) {
        // SAFETY: sixteen records are looked up in groups of sixteen.
        unsafe {
            let mut sums = [L::all(0.0); 6];
            for (x, f) in groups.iter().zip(force_groups) {
                let (x, f) = (L::collect(x.as_ptr(), INDEX.as_ptr()), L::collect(f.as_ptr(), INDEX.as_ptr()));
                for (sum, (row, column)) in sums.iter_mut().zip(COMPONENTS) {
                    *sum = L::times_plus(x[row], f[column], *sum);
                }
            }
            for (moment, sum) in moments.iter_mut().zip(sums) {
                *moment += f64::from(L::total(sum));
            }
        }
    }
    for (x, f) in rest.iter().zip(force_rest) {
        for (moment, (row, column)) in moments.iter_mut().zip(COMPONENTS) {
            *moment += f64::from(x.0[row]) * f64::from(f.0[column]);
        }
    }
    moments
}

dispatch! {
    /// Hand out the forces on records to the atoms of a block and to its ghosts.
    pub fn hand_out / hand_out_body(records: &[Short], own: &mut [Vector], ghosts: &mut [Vector])
}

#[inline(always)]
unsafe fn hand_out_body<L: Lanes>(records: &[Short], own: &mut [Vector], ghosts: &mut [Vector]) {
    let (inside, others) = records.split_at(own.len());
    for (to, from) in [(own, inside), (ghosts, others)] {
        for (to, Short([x, y, z, _])) in to.iter_mut().zip(from) {
            *to = Vector::new(f64::from(*x), f64::from(*y), f64::from(*z));
        }
    }
}
