//! The functions of a pair of species as polynomials on intervals, in the form the kernels read.
//!
//! Analytic pieces are merged: on each interval between two ends of pieces all of them together are one polynomial about the
//! middle of the interval, expanded in double-double arithmetic so that nothing is lost. Other functions become quintics
//! on fine intervals that take value, slope and curvature from the function at both ends.
#![allow(unsafe_code)]

use super::lanes::{Bins, Lanes, ROUNDING, Row, Two, WIDTH};
use super::radial::{Piece, Radial};
use super::single::SinglePair;

/// Number of fine intervals of a function that is not made of pieces.
const FINE: usize = 2048;

/// Force of a pair that is far closer than neighbours of a solid or a liquid [energy / length].
const HARD: f64 = 5.0;

/// What the force of a hard pair may miss before the exact function is called instead [energy / length].
const MISSED: f64 = 5e-5;

/// Everything the kernels need of an ordered pair of species.
#[derive(Clone, Debug)]
pub struct PairTable {
    /// Below this distance the exact functions are called.
    pub inner: f64,
    /// Below this distance the functions mean nothing.
    pub limit: f64,
    /// Where the densities end, or somewhat further: beyond, the pair energy is one polynomial.
    pub near: f64,
    /// Where all functions end.
    pub far: f64,
    /// True when both species add the same density to each other.
    pub symmetric: bool,
    /// Polynomials.
    pub form: Form,
    /// Exact functions: pair energy, density at the first species, density at the second.
    pub exact: [Radial; 3],
    /// The functions in single precision.
    pub single: SinglePair,
}

/// Two ways to find the polynomial of a distance.
#[derive(Clone, Debug)]
pub enum Form {
    /// Up to seven intervals.
    Merged(Box<Merged>),
    /// Many.
    Fine(Box<Fine>),
}

/// Coefficients of a polynomial of at most degree 8 on each segment, two and two.
type Polynomial = [Two; 5];

/// Polynomials of degree 8 on up to seven intervals; the eighth is zero and reaches to infinity.
#[derive(Clone, Debug)]
pub struct Merged {
    bins: Bins,
    end: f64,
    centre: Row,
    pair: Polynomial,
    slope: Polynomial,
    density: [Polynomial; 2],
    density_slope: [Polynomial; 2],
    /// Largest degree of a density.
    pub degree: usize,
    /// Beginning of the last segment, and its polynomial.
    last: f64,
    last_centre: f64,
    last_pair: [f64; 9],
    last_slope: [f64; 8],
}

/// Quintics on equal intervals, a row of coefficients for each.
#[derive(Clone, Debug)]
pub struct Fine {
    scale: f64,
    shift: f64,
    start: f64,
    end: f64,
    pair: Vec<Row>,
    density: [Vec<Row>; 2],
}

impl PairTable {
    /// Tables of a pair energy and the densities at the first and at the second species.
    pub fn new(pair: &Radial, first: &Radial, second: &Radial) -> PairTable {
        let mut near = first.cutoff().max(second.cutoff());
        let far = near.max(pair.cutoff());
        let (inner, form) = match Merged::new(pair, [first, second]) {
            Some((inner, merged)) => {
                near = near.max(merged.last);
                (inner, Form::Merged(Box::new(merged)))
            }
            None => {
                let inner = pair.inner().max(first.inner()).max(second.inner()).max(1e-3 * far);
                let fine = Fine::new(pair, [first, second], inner, far);
                (fine.smooth_from(pair, inner, far), Form::Fine(Box::new(fine)))
            }
        };
        let exact = [pair.clone(), first.clone(), second.clone()];
        let single = SinglePair::new(&exact, inner, far);
        PairTable {
            inner,
            limit: exact.iter().map(Radial::limit).fold(0.0, f64::max),
            near,
            far,
            symmetric: first == second,
            form,
            exact,
            single,
        }
    }
}

impl Merged {
    /// None when the functions are not made of few pieces with ends on a grid of 64 bins.
    fn new(pair: &Radial, densities: [&Radial; 2]) -> Option<(f64, Merged)> {
        let all = [pieces(pair)?, pieces(densities[0])?, pieces(densities[1])?];
        let inner = pair.inner();
        let mut ends: Vec<f64> = all.iter().flat_map(|f| f.1).map(|p| p.end).filter(|e| *e > inner).collect();
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let last = *ends.last()?;
        if ends.len() > WIDTH - 1 || all.iter().flat_map(|f| f.1).any(|p| p.coefficients.len() > 5) {
            return None;
        }
        let bins = bins(inner, &ends)?;
        let lowers: Vec<f64> = [inner].iter().chain(&ends).copied().take(ends.len()).collect();
        let mut merged = Merged {
            bins,
            // Inside the first bin of the zero segment.
            end: last + 1e-9 * last,
            centre: Row::default(),
            pair: Default::default(),
            slope: Default::default(),
            density: Default::default(),
            density_slope: Default::default(),
            last: lowers[ends.len() - 1],
            last_centre: 0.0,
            last_pair: [0.0; 9],
            last_slope: [0.0; 8],
            degree: all[1..].iter().flat_map(|f| f.1).map(|p| p.coefficients.len() + 3).max().unwrap_or(0),
        };
        for (segment, (low, high)) in lowers.iter().zip(&ends).enumerate() {
            let centre = 0.5 * (low + high);
            merged.centre.0[segment] = centre;
            let [phi, first, second] = [0, 1, 2].map(|f| expand(all[f].0, all[f].1, *high, centre));
            put(&mut merged.pair, segment, &phi);
            put(&mut merged.slope, segment, &slope(&phi));
            for (at, density) in [first, second].iter().enumerate() {
                put(&mut merged.density[at], segment, density);
                put(&mut merged.density_slope[at], segment, &slope(density));
            }
            // The last segment is what stays.
            (merged.last_centre, merged.last_pair, merged.last_slope) = (centre, phi, slope(&phi));
        }
        Some((inner, merged))
    }
}

/// Set the coefficients of a segment.
fn put(polynomial: &mut Polynomial, segment: usize, coefficients: &[f64]) {
    for (two, c) in polynomial.iter_mut().zip(coefficients.chunks(2)) {
        two.put(segment, [c[0], c.get(1).copied().unwrap_or(0.0)]);
    }
}

/// Coefficients of the derivative.
fn slope(coefficients: &[f64; 9]) -> [f64; 8] {
    std::array::from_fn(|k| (k + 1) as f64 * coefficients[k + 1])
}

/// Scale and pieces of a function without its core.
fn pieces(function: &Radial) -> Option<(f64, &[Piece])> {
    match function {
        Radial::Zero => Some((1.0, &[])),
        Radial::Pieces { scale, pieces, .. } => Some((*scale, pieces)),
        _ => None,
    }
}

/// The coarsest grid of at most 63 bins from `inner` on that has all ends between two of its bins.
fn bins(inner: f64, ends: &[f64]) -> Option<Bins> {
    let last = *ends.last()?;
    let aligned = |n: usize| {
        let width = (last - inner) / n as f64;
        ends.iter().all(|e| ((e - inner) / width - ((e - inner) / width).round()).abs() < 1e-9)
    };
    let count = (1..63).find(|&n| aligned(n))?;
    let scale = count as f64 / (last - inner);
    let mut bins = Bins {
        segments: [(WIDTH - 1) as u8; 64],
        doubled: [2 * (WIDTH - 1) as u16; 64],
        scale,
        // Rounding to nearest half a bin lower finds the floor.
        shift: -inner * scale - 0.5,
    };
    for bin in 0..count {
        let middle = inner + (bin as f64 + 0.5) / scale;
        let segment = ends.iter().position(|e| middle < *e)?;
        bins.segments[bin] = segment as u8;
        bins.doubled[bin] = 2 * segment as u16;
    }
    Some(bins)
}

/// Coefficients of `scale * sum of pieces` that end at or beyond `high`, as a polynomial in `r - centre`.
fn expand(scale: f64, pieces: &[Piece], high: f64, centre: f64) -> [f64; 9] {
    let mut sum = [Double::ZERO; 9];
    for piece in pieces.iter().filter(|p| p.end >= high) {
        let reach = Double::ZERO.plus(piece.end).plus(-centre);
        for (n, &c) in piece.coefficients.iter().enumerate() {
            let n = n + 4;
            // c (reach - t)^n = sum_k c binomial(n, k) reach^(n - k) (-t)^k
            let mut term = Double::ZERO.plus(c).times_number(scale);
            let mut binomial = 1.0;
            for k in (0..=n).rev() {
                let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
                sum[k] = sum[k].add(term.times_number(sign * binomial));
                term = term.times(reach);
                binomial = binomial * k as f64 / (n - k + 1) as f64;
            }
        }
    }
    sum.map(|d| d.high)
}

/// The unevaluated sum of two numbers, precise to about 32 digits.
///
/// Dekker, Numer. Math. 18, 224 (1971), <https://doi.org/10.1007/BF01397083>.
#[derive(Clone, Copy, Debug)]
struct Double {
    high: f64,
    low: f64,
}

impl Double {
    const ZERO: Double = Double { high: 0.0, low: 0.0 };

    fn normal(high: f64, low: f64) -> Double {
        let sum = high + low;
        Double { high: sum, low: low - (sum - high) }
    }

    fn plus(self, x: f64) -> Double {
        self.add(Double { high: x, low: 0.0 })
    }

    fn add(self, other: Double) -> Double {
        let sum = self.high + other.high;
        let part = sum - self.high;
        let error = (self.high - (sum - part)) + (other.high - part);
        Double::normal(sum, error + self.low + other.low)
    }

    fn times(self, other: Double) -> Double {
        let product = self.high * other.high;
        let error = self.high.mul_add(other.high, -product);
        Double::normal(product, error + self.high * other.low + self.low * other.high)
    }

    fn times_number(self, x: f64) -> Double {
        self.times(Double { high: x, low: 0.0 })
    }
}

impl Fine {
    fn new(pair: &Radial, densities: [&Radial; 2], inner: f64, end: f64) -> Fine {
        let width = (end - inner) / FINE as f64;
        let rows = |f: &Radial| -> Vec<Row> {
            if *f == Radial::Zero {
                return Vec::new();
            }
            (0..=FINE + 1)
                .map(|n| {
                    let low = inner + n as f64 * width;
                    if low >= f.cutoff() - 1e-9 * width { Row::default() } else { quintic(f, low, width) }
                })
                .collect()
        };
        Fine {
            scale: 1.0 / width,
            shift: -inner / width - 0.5,
            start: inner + 0.1 * width,
            end: end + 0.5 * width,
            pair: rows(pair),
            density: densities.map(rows),
        }
    }
}

impl Fine {
    /// The distance from which on the quintics have the force of hard pairs.
    ///
    /// Where a repulsive core meets the fitted energy, the curvature jumps inside one interval: the few pairs below such
    /// a place are given to the exact function. Softer pairs, the many, always take the quintics.
    fn smooth_from(&self, pair: &Radial, inner: f64, far: f64) -> f64 {
        let width = (far - inner) / FINE as f64;
        let rough = |n: &usize| {
            let misses = |x: f64| {
                let exact = pair.evaluate(inner + (*n as f64 + 0.5 + x) * width)[1];
                let c = self.pair[*n].0;
                let slope = c[1] + x * (2.0 * c[2] + x * (3.0 * c[3] + x * (4.0 * c[4] + x * 5.0 * c[5])));
                -exact > HARD && (slope * self.scale - exact).abs() > MISSED
            };
            [-0.3, 0.0, 0.3].into_iter().any(misses)
        };
        let last = (0..self.pair.len().min(FINE)).rev().find(rough);
        last.map_or(inner, |n| inner + (n + 1) as f64 * width)
    }
}

/// Hermite interpolation of a function and two derivatives on `low..low + width`, in units of the width from the middle.
fn quintic(f: &Radial, low: f64, width: f64) -> Row {
    let high = low + width;
    // A function that ends inside an interval or jumps at its end is taken from the inside.
    let [a, da, dda] = f.evaluate(low);
    let [b, db, ddb] = f.evaluate(high - 1e-12 * width);
    let (da, db) = (da * width, db * width);
    let (dda, ddb) = (dda * width * width, ddb * width * width);
    // Even and odd parts about the middle at x = +-1/2.
    let (e, o) = (0.5 * (a + b), 0.5 * (b - a));
    let (de, d_o) = (0.5 * (db - da), 0.5 * (da + db));
    let (dde, ddo) = (0.5 * (dda + ddb), 0.5 * (ddb - dda));
    // Even: c0 + c2/4 + c4/16 = e, c2 + c4/2 = de, 2 c2 + 3 c4 = dde.
    let c4 = 0.5 * (dde - 2.0 * de);
    let c2 = de - 0.5 * c4;
    let c0 = e - 0.25 * c2 - 0.0625 * c4;
    // Odd: c1/2 + c3/8 + c5/32 = o, c1 + 3 c3/4 + 5 c5/16 = d_o, 3 c3 + 5 c5/2 = ddo.
    let (p, q) = (d_o - 2.0 * o, ddo);
    // p = c3/2 + c5/4, q = 3 c3 + 5 c5/2.
    let c5 = q - 6.0 * p;
    let c3 = 2.0 * p - 0.5 * c5;
    let c1 = 2.0 * o - 0.25 * c3 - 0.0625 * c5;
    Row([c0, c1, c2, c3, c4, c5, 0.0, 0.0])
}

/// How the kernels evaluate the functions of a pair of species; see [`Lanes`] for what callers promise.
pub trait Functions<L: Lanes> {
    /// True when both densities are the same function.
    const SYMMETRIC: bool;
    /// True when pairs beyond `near` may be below `inner`.
    const STEEP: bool;
    /// Where a distance lies in the tables.
    type Place: Copy;
    /// Find the place of a distance; `early` is the distance to about seven digits.
    unsafe fn place(&self, early: L::V, r: L::V) -> Self::Place;
    /// Density at the first (0) or second (1) species.
    unsafe fn density(&self, place: Self::Place, at: usize) -> L::V;
    /// Slope of the density at the first (0) or second (1) species.
    unsafe fn density_slope(&self, place: Self::Place, at: usize) -> L::V;
    /// Slope of the pair energy.
    unsafe fn slope(&self, place: Self::Place) -> L::V;
    /// Pair energy.
    unsafe fn value(&self, place: Self::Place) -> L::V;
    /// Slope of the pair energy beyond `near`.
    unsafe fn far_slope(&self, early: L::V, r: L::V) -> L::V;
    /// Pair energy beyond `near`.
    unsafe fn far_value(&self, early: L::V, r: L::V) -> L::V;
    /// Slope and curvature of the density at the first (0) or second (1) species.
    unsafe fn density_curvature(&self, place: Self::Place, at: usize) -> (L::V, L::V);
    /// Slope and curvature of the pair energy.
    unsafe fn pair_curvature(&self, place: Self::Place) -> (L::V, L::V);
}

/// Merged pieces with densities of a known degree.
#[derive(Clone, Copy, Debug)]
pub struct MergedPair<'a, const DEGREE: usize, const SYMMETRIC: bool>(pub &'a Merged);

/// Slope and curvature of a polynomial of even `degree` whose coefficients are looked up.
#[inline(always)]
unsafe fn horner_curvature<L: Lanes>(twos: &Polynomial, degree: usize, index: L::Index, t: L::V) -> (L::V, L::V) {
    // SAFETY: as promised by the caller of the kernel.
    unsafe {
        let mut value = L::lookup(&twos[degree / 2].rows[0], index);
        let mut slope = value;
        let mut half = value;
        for k in (0..degree / 2).rev() {
            let [even, odd] = L::lookup_two(&twos[k], index);
            value = L::fma(value, t, odd);
            slope = L::fma(slope, t, value);
            if k > 0 {
                half = L::fma(half, t, slope);
                value = L::fma(value, t, even);
                slope = L::fma(slope, t, value);
                half = L::fma(half, t, slope);
            }
        }
        (slope, L::add(half, half))
    }
}

/// Value of a polynomial of some `degree` whose coefficients are looked up.
#[inline(always)]
unsafe fn polynomial<L: Lanes>(twos: &Polynomial, degree: usize, index: L::Index, t: L::V) -> L::V {
    // SAFETY: as promised by the caller of the kernel.
    unsafe {
        // Even and odd powers apart: half as many steps wait for each other.
        let square = L::mul(t, t);
        let pairs = degree.div_ceil(2);
        let [mut even, mut odd] = L::lookup_two(&twos[pairs - 1], index);
        if degree.is_multiple_of(2) {
            even = L::fma(L::lookup(&twos[pairs].rows[0], index), square, even);
        }
        for two in twos[..pairs - 1].iter().rev() {
            let [next_even, next_odd] = L::lookup_two(two, index);
            even = L::fma(even, square, next_even);
            odd = L::fma(odd, square, next_odd);
        }
        L::fma(odd, t, even)
    }
}

impl<L: Lanes, const DEGREE: usize, const SYMMETRIC: bool> Functions<L> for MergedPair<'_, DEGREE, SYMMETRIC> {
    const SYMMETRIC: bool = SYMMETRIC;
    const STEEP: bool = false;
    /// Segment, and distance from its centre.
    type Place = (L::Index, L::V);

    #[inline(always)]
    unsafe fn place(&self, early: L::V, r: L::V) -> Self::Place {
        // SAFETY: as promised by the caller of the kernel.
        unsafe {
            // Three derivatives are continuous between segments, so seven digits are enough to choose one.
            let index = L::segments(L::min(early, L::splat(self.0.end)), &self.0.bins);
            (index, L::sub(r, L::lookup(&self.0.centre, index)))
        }
    }

    #[inline(always)]
    unsafe fn density(&self, (index, t): Self::Place, at: usize) -> L::V {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { polynomial::<L>(&self.0.density[at], DEGREE, index, t) }
    }

    #[inline(always)]
    unsafe fn density_slope(&self, (index, t): Self::Place, at: usize) -> L::V {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { polynomial::<L>(&self.0.density_slope[at], DEGREE - 1, index, t) }
    }

    #[inline(always)]
    unsafe fn slope(&self, (index, t): Self::Place) -> L::V {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { polynomial::<L>(&self.0.slope, 7, index, t) }
    }

    #[inline(always)]
    unsafe fn value(&self, (index, t): Self::Place) -> L::V {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { polynomial::<L>(&self.0.pair, 8, index, t) }
    }

    #[inline(always)]
    unsafe fn far_slope(&self, _: L::V, r: L::V) -> L::V {
        // SAFETY: as promised by the caller of the kernel.
        unsafe {
            let c = &self.0.last_slope;
            let t = L::sub(r, L::splat(self.0.last_centre));
            let square = L::mul(t, t);
            let even = L::fma(L::splat(c[6]), square, L::splat(c[4]));
            let odd = L::fma(L::splat(c[7]), square, L::splat(c[5]));
            let even = L::fma(even, square, L::splat(c[2]));
            let odd = L::fma(odd, square, L::splat(c[3]));
            let even = L::fma(even, square, L::splat(c[0]));
            let odd = L::fma(odd, square, L::splat(c[1]));
            L::where_less(r, L::splat(self.0.end), L::fma(odd, t, even))
        }
    }

    #[inline(always)]
    unsafe fn far_value(&self, _: L::V, r: L::V) -> L::V {
        // SAFETY: as promised by the caller of the kernel.
        unsafe {
            let c = &self.0.last_pair;
            let t = L::sub(r, L::splat(self.0.last_centre));
            let mut value = L::splat(c[8]);
            for k in (0..8).rev() {
                value = L::fma(value, t, L::splat(c[k]));
            }
            L::where_less(r, L::splat(self.0.end), value)
        }
    }

    #[inline(always)]
    unsafe fn density_curvature(&self, (index, t): Self::Place, at: usize) -> (L::V, L::V) {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { horner_curvature::<L>(&self.0.density[at], DEGREE, index, t) }
    }

    #[inline(always)]
    unsafe fn pair_curvature(&self, (index, t): Self::Place) -> (L::V, L::V) {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { horner_curvature::<L>(&self.0.pair, 8, index, t) }
    }
}

/// Quintics on fine intervals.
#[derive(Clone, Copy, Debug)]
pub struct FinePair<'a, const SYMMETRIC: bool>(pub &'a Fine);

impl<const SYMMETRIC: bool> FinePair<'_, SYMMETRIC> {
    /// Value, slope and half the curvature, in units of the width of an interval.
    #[inline(always)]
    unsafe fn evaluate<L: Lanes>(&self, rows: &[Row], (bin, x): (L::V, L::V)) -> [L::V; 3] {
        // SAFETY: as promised by the caller of the kernel; `place` keeps the bin inside the table.
        unsafe {
            if rows.is_empty() {
                return [L::splat(0.0); 3];
            }
            let [c0, c1, c2, c3, c4, c5, _, _] = L::rows(rows.as_ptr(), bin);
            let mut value = L::fma(c5, x, c4);
            let mut slope = L::fma(c5, x, value);
            let mut half = L::fma(c5, x, slope);
            value = L::fma(value, x, c3);
            slope = L::fma(slope, x, value);
            half = L::fma(half, x, slope);
            value = L::fma(value, x, c2);
            slope = L::fma(slope, x, value);
            half = L::fma(half, x, slope);
            value = L::fma(value, x, c1);
            slope = L::fma(slope, x, value);
            value = L::fma(value, x, c0);
            [value, slope, half]
        }
    }

    #[inline(always)]
    unsafe fn both<L: Lanes>(&self, rows: &[Row], place: (L::V, L::V)) -> (L::V, L::V) {
        // SAFETY: as promised by the caller of the kernel.
        unsafe {
            let [value, slope, _] = self.evaluate::<L>(rows, place);
            (value, L::mul(slope, L::splat(self.0.scale)))
        }
    }

    #[inline(always)]
    unsafe fn curvature<L: Lanes>(&self, rows: &[Row], place: (L::V, L::V)) -> (L::V, L::V) {
        // SAFETY: as promised by the caller of the kernel.
        unsafe {
            let [_, slope, half] = self.evaluate::<L>(rows, place);
            let scale = self.0.scale;
            (L::mul(slope, L::splat(scale)), L::mul(half, L::splat(2.0 * scale * scale)))
        }
    }
}

impl<L: Lanes, const SYMMETRIC: bool> Functions<L> for FinePair<'_, SYMMETRIC> {
    const SYMMETRIC: bool = SYMMETRIC;
    const STEEP: bool = true;
    /// Number of the interval in the lowest bits, and place in it from -1/2 to 1/2.
    type Place = (L::V, L::V);

    #[inline(always)]
    unsafe fn place(&self, _: L::V, r: L::V) -> Self::Place {
        // SAFETY: as promised by the caller of the kernel.
        unsafe {
            let fine = self.0;
            let r = L::max(L::min(r, L::splat(fine.end)), L::splat(fine.start));
            let u = L::fma(r, L::splat(fine.scale), L::splat(fine.shift));
            let bin = L::add(u, L::splat(ROUNDING));
            (bin, L::sub(u, L::sub(bin, L::splat(ROUNDING))))
        }
    }

    #[inline(always)]
    unsafe fn density(&self, place: Self::Place, at: usize) -> L::V {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { self.both::<L>(&self.0.density[at], place).0 }
    }

    #[inline(always)]
    unsafe fn density_slope(&self, place: Self::Place, at: usize) -> L::V {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { self.both::<L>(&self.0.density[at], place).1 }
    }

    #[inline(always)]
    unsafe fn slope(&self, place: Self::Place) -> L::V {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { self.both::<L>(&self.0.pair, place).1 }
    }

    #[inline(always)]
    unsafe fn value(&self, place: Self::Place) -> L::V {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { self.both::<L>(&self.0.pair, place).0 }
    }

    #[inline(always)]
    unsafe fn far_slope(&self, early: L::V, r: L::V) -> L::V {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { Functions::<L>::slope(self, Functions::<L>::place(self, early, r)) }
    }

    #[inline(always)]
    unsafe fn far_value(&self, early: L::V, r: L::V) -> L::V {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { Functions::<L>::value(self, Functions::<L>::place(self, early, r)) }
    }

    #[inline(always)]
    unsafe fn density_curvature(&self, place: Self::Place, at: usize) -> (L::V, L::V) {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { self.curvature::<L>(&self.0.density[at], place) }
    }

    #[inline(always)]
    unsafe fn pair_curvature(&self, place: Self::Place) -> (L::V, L::V) {
        // SAFETY: as promised by the caller of the kernel.
        unsafe { self.curvature::<L>(&self.0.pair, place) }
    }
}
