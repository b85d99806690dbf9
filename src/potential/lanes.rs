//! Eight numbers at once: AVX-512, AVX2 with FMA and portable code behind one trait.
//!
//! Every kernel is written once, generic over [`Lanes`], and compiled for each instruction set; [`Level::best`] chooses
//! at run time. The instruction sets differ in rounding alone.
#![allow(unsafe_code)]

/// Numbers in one vector; lists are padded to a multiple of it.
pub const WIDTH: usize = 8;

/// Points that a search looks at together.
pub const SEARCHED: usize = 16;

/// Position or force of an atom, with a fourth number that rides along.
#[repr(C, align(32))]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Record(pub [f64; 4]);

/// One number for each of eight segments, or one for each lane.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Row(pub [f64; WIDTH]);

/// One number for each lane, in single precision.
#[repr(C, align(32))]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ShortRow(pub [f32; WIDTH]);

/// Eight numbers in memory, one for each lane.
pub trait Lane: Copy + Default {
    /// All of them.
    unsafe fn load<L: Lanes>(from: *const Self) -> L::V;
    /// Replace them.
    unsafe fn store<L: Lanes>(to: *mut Self, v: L::V);
}

impl Lane for Row {
    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const Self) -> L::V {
        // SAFETY: as promised by the caller.
        unsafe { L::load(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store<L: Lanes>(to: *mut Self, v: L::V) {
        // SAFETY: as promised by the caller.
        unsafe { L::store(to.cast(), v) }
    }
}

impl Lane for ShortRow {
    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const Self) -> L::V {
        // SAFETY: as promised by the caller.
        unsafe { L::load_short(from.cast()) }
    }
    #[inline(always)]
    unsafe fn store<L: Lanes>(to: *mut Self, v: L::V) {
        // SAFETY: as promised by the caller.
        unsafe { L::store_short(to.cast(), v) }
    }
}

/// Two coefficients of a function on eight segments.
#[repr(C, align(64))]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Two {
    /// A row for each coefficient.
    pub rows: [Row; 2],
    /// The same, both of a segment next to each other.
    pub by_segment: [[f64; 2]; WIDTH],
}

impl Two {
    /// Set both coefficients of a segment.
    pub fn put(&mut self, segment: usize, coefficients: [f64; 2]) {
        self.by_segment[segment] = coefficients;
        self.rows.iter_mut().zip(coefficients).for_each(|(row, c)| row.0[segment] = c);
    }
}

/// Bins of a distance, each pointing to one of eight segments.
///
/// The number of a bin is `r * scale + shift`, rounded to nearest.
#[repr(C, align(64))]
#[derive(Clone, Debug)]
pub struct Bins {
    /// Segment of each bin.
    pub segments: [u8; 64],
    /// Twice its number.
    pub doubled: [u16; 64],
    /// Bins for each unit of length.
    pub scale: f64,
    /// Moves the middle of the first bin to zero.
    pub shift: f64,
}

/// Makes the integer part of a sum appear in the lowest bits: 1.5 * 2^52.
pub const ROUNDING: f64 = 6_755_399_441_055_744.0;

/// An instruction set the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// AVX-512 with byte permutations (Ice Lake, Zen 4 and later).
    Avx512,
    /// AVX2 and fused multiply-add.
    Avx2,
    /// What every processor has.
    Portable,
}

impl Level {
    /// The best that this processor runs.
    pub fn best() -> Level {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vbmi")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("popcnt")
            {
                return Level::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Level::Avx2;
            }
        }
        Level::Portable
    }

    /// The instruction sets that this processor runs, best first.
    #[cfg(test)]
    pub fn available() -> Vec<Level> {
        let best = Level::best();
        [Level::Avx512, Level::Avx2, Level::Portable].into_iter().skip_while(|l| *l != best).collect()
    }
}

/// Compiles a kernel `body::<L>(arguments)` for every instruction set and defines `name(level, arguments)`.
macro_rules! dispatch {
    ($(#[$meta:meta])* $visibility:vis fn $name:ident $(<$generic:ident: $bound:ident>)? / $body:ident
        ($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $visibility fn $name $(<$generic: $bound>)? (level: $crate::potential::lanes::Level, $($argument: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512vbmi,fma,avx2,bmi2,popcnt")]
                #[allow(clippy::too_many_arguments)]
                fn avx512 $(<$generic: $bound>)? ($($argument: $type),*) $(-> $result)? {
                    // SAFETY: the features that the lanes need are enabled on this function.
                    unsafe { $body::<$crate::potential::lanes::Avx512 $(, $generic)?>($($argument),*) }
                }
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments)]
                fn avx2 $(<$generic: $bound>)? ($($argument: $type),*) $(-> $result)? {
                    // SAFETY: the features that the lanes need are enabled on this function.
                    unsafe { $body::<$crate::potential::lanes::Avx2 $(, $generic)?>($($argument),*) }
                }
                match level {
                    // SAFETY: a level other than `Portable` is made by `Level::best` or `Level::available` alone, which
                    // have found the features on this processor.
                    $crate::potential::lanes::Level::Avx512 => return unsafe { avx512($($argument),*) },
                    $crate::potential::lanes::Level::Avx2 => return unsafe { avx2($($argument),*) },
                    $crate::potential::lanes::Level::Portable => {}
                }
            }
            let _ = level;
            // SAFETY: the portable lanes need no features.
            unsafe { $body::<$crate::potential::lanes::Portable $(, $generic)?>($($argument),*) }
        }
    };
}
pub(crate) use dispatch;

/// Operations on eight numbers.
///
/// # Safety
/// Callers are compiled with the features of the implementation and run on a processor that has them. Indices count
/// single numbers (four times the number of a record) and lie inside the array that the base points to.
pub trait Lanes: Copy {
    /// Eight numbers.
    type V: Copy;
    /// Eight numbers of segments.
    type Index: Copy;

    /// The same number eight times.
    unsafe fn splat(x: f64) -> Self::V;
    /// Ask for what will be read soon; nothing is read from the pointer.
    unsafe fn prefetch<T>(from: *const T);
    /// Eight consecutive numbers.
    unsafe fn load(from: *const f64) -> Self::V;
    /// Write eight consecutive numbers.
    unsafe fn store(to: *mut f64, v: Self::V);
    /// Read eight consecutive numbers of single precision.
    unsafe fn load_short(from: *const f32) -> Self::V;
    /// Write eight consecutive numbers in single precision.
    unsafe fn store_short(to: *mut f32, v: Self::V);
    /// `a + b`
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The smaller of two.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// The larger of two.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// Reciprocal square root to full precision.
    unsafe fn rsqrt(a: Self::V) -> Self::V;
    /// Square root to about seven digits, early; then square root and reciprocal square root to full precision.
    unsafe fn roots(a: Self::V) -> [Self::V; 3];
    /// One bit for each lane with `a < b`.
    unsafe fn less(a: Self::V, b: Self::V) -> u8;
    /// `v` where `a < b`, zero elsewhere.
    unsafe fn where_less(a: Self::V, b: Self::V, v: Self::V) -> Self::V;
    /// Sum of the lanes.
    unsafe fn sum(a: Self::V) -> f64;
    /// Segments of eight distances.
    unsafe fn segments(r: Self::V, bins: &Bins) -> Self::Index;
    /// One number of a row for each lane.
    unsafe fn lookup(row: &Row, index: Self::Index) -> Self::V;
    /// Two numbers for each lane.
    #[inline(always)]
    unsafe fn lookup_two(two: &Two, index: Self::Index) -> [Self::V; 2] {
        // SAFETY: as promised by the caller.
        unsafe { [Self::lookup(&two.rows[0], index), Self::lookup(&two.rows[1], index)] }
    }
    /// Row `base[8 * n ..]` for each lane, transposed: eight coefficients of eight lanes. The numbers n are the lowest bits of
    /// `bin`, as left there by adding [`ROUNDING`].
    unsafe fn rows(base: *const Row, bin: Self::V) -> [Self::V; WIDTH];
    /// The records at eight indices, component by component.
    unsafe fn gather(base: *const Record, index: *const u32) -> [Self::V; 4];
    /// Add eight vectors to the records at eight indices, one after the other.
    unsafe fn scatter(base: *mut Record, index: *const u32, x: Self::V, y: Self::V, z: Self::V);
    /// Subtract the sums over the lanes from one record.
    unsafe fn subtract_sums(record: *mut Record, x: Self::V, y: Self::V, z: Self::V);
    /// Add eight vectors to the records at eight indices, one after the other, and subtract their sum from another record.
    #[inline(always)]
    unsafe fn exchange(base: *mut Record, index: *const u32, owner: *mut Record, v: [Self::V; 3]) {
        // SAFETY: as promised by the caller.
        unsafe {
            Self::scatter(base, index, v[0], v[1], v[2]);
            Self::subtract_sums(owner, v[0], v[1], v[2]);
        }
    }
    /// The numbers `base[index / 4]`.
    unsafe fn gather_numbers(base: *const f64, index: *const u32) -> Self::V;
    /// Add eight numbers to `base[index / 4]`, one after the other.
    unsafe fn accumulate(base: *mut f64, index: *const u32, v: Self::V);
    /// Append those of eight indices whose squared distance `s` is below the first of two limits to one list and those below the
    /// second but not the first to another; the lists have room for eight more than found. Returns the new ends.
    unsafe fn split(
        s: Self::V,
        index: *const u32,
        limits: (Self::V, Self::V),
        near: *mut u32,
        far: *mut u32,
    ) -> (*mut u32, *mut u32);
    /// Of the points in a range, append the `numbers` of those whose squared distance from `centre` is below `square` to a list that
    /// has room for [`SEARCHED`] more than found; as many points lie behind the range. Returns the new end.
    unsafe fn select(
        points: [*const f32; 3],
        numbers: *const u32,
        range: (usize, usize),
        centre: [f32; 3],
        square: f32,
        found: *mut u32,
    ) -> *mut u32;
}

/// Eight numbers in an array.
#[derive(Clone, Copy, Debug)]
pub struct Portable;

#[inline(always)]
fn map(f: impl Fn(usize) -> f64) -> [f64; WIDTH] {
    [f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)]
}

impl Lanes for Portable {
    type V = [f64; WIDTH];
    type Index = [usize; WIDTH];

    #[inline(always)]
    unsafe fn splat(x: f64) -> Self::V {
        [x; WIDTH]
    }
    #[inline(always)]
    unsafe fn prefetch<T>(_: *const T) {}
    #[inline(always)]
    unsafe fn load(from: *const f64) -> Self::V {
        // SAFETY: the caller's pointer has eight numbers behind it.
        unsafe { from.cast::<[f64; WIDTH]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f64, v: Self::V) {
        // SAFETY: the caller's pointer has room for eight numbers.
        unsafe { to.cast::<[f64; WIDTH]>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn load_short(from: *const f32) -> Self::V {
        // SAFETY: the caller's pointer has eight numbers behind it.
        unsafe { from.cast::<[f32; WIDTH]>().read_unaligned().map(f64::from) }
    }
    #[inline(always)]
    unsafe fn store_short(to: *mut f32, v: Self::V) {
        // SAFETY: the caller's pointer has room for eight numbers.
        unsafe { to.cast::<[f32; WIDTH]>().write_unaligned(v.map(|x| x as f32)) }
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        map(|k| a[k] + b[k])
    }
    #[inline(always)]
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        map(|k| a[k] - b[k])
    }
    #[inline(always)]
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
        map(|k| a[k] * b[k])
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        map(|k| a[k] * b[k] + c[k])
    }
    #[inline(always)]
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
        map(|k| if a[k] < b[k] { a[k] } else { b[k] })
    }
    #[inline(always)]
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
        map(|k| if a[k] > b[k] { a[k] } else { b[k] })
    }
    #[inline(always)]
    unsafe fn rsqrt(a: Self::V) -> Self::V {
        map(|k| 1.0 / a[k].sqrt())
    }
    #[inline(always)]
    unsafe fn roots(a: Self::V) -> [Self::V; 3] {
        let r = map(|k| a[k].sqrt());
        [r, r, map(|k| 1.0 / r[k])]
    }
    #[inline(always)]
    unsafe fn less(a: Self::V, b: Self::V) -> u8 {
        (0..WIDTH).fold(0, |mask, k| mask | u8::from(a[k] < b[k]) << k)
    }
    #[inline(always)]
    unsafe fn where_less(a: Self::V, b: Self::V, v: Self::V) -> Self::V {
        map(|k| if a[k] < b[k] { v[k] } else { 0.0 })
    }
    #[inline(always)]
    unsafe fn sum(a: Self::V) -> f64 {
        ((a[0] + a[4]) + (a[2] + a[6])) + ((a[1] + a[5]) + (a[3] + a[7]))
    }
    #[inline(always)]
    unsafe fn segments(r: Self::V, bins: &Bins) -> Self::Index {
        r.map(|r| bins.segments[((r * bins.scale + bins.shift + ROUNDING).to_bits() & 63) as usize] as usize & 7)
    }
    #[inline(always)]
    unsafe fn lookup(row: &Row, index: Self::Index) -> Self::V {
        index.map(|k| row.0[k & 7])
    }
    #[inline(always)]
    unsafe fn rows(base: *const Row, bin: Self::V) -> [Self::V; WIDTH] {
        // SAFETY: the caller's bins lie inside the table.
        let rows = bin.map(|b| unsafe { (*base.add((b.to_bits() & 0xffff_ffff) as usize)).0 });
        let column = |c: usize| map(|k| rows[k][c]);
        [column(0), column(1), column(2), column(3), column(4), column(5), column(6), column(7)]
    }
    #[inline(always)]
    unsafe fn gather(base: *const Record, index: *const u32) -> [Self::V; 4] {
        let base = base.cast::<f64>();
        // SAFETY: the caller's indices point to records.
        let component = |c: usize| map(|k| unsafe { *base.add(*index.add(k) as usize + c) });
        [component(0), component(1), component(2), component(3)]
    }
    #[inline(always)]
    unsafe fn scatter(base: *mut Record, index: *const u32, x: Self::V, y: Self::V, z: Self::V) {
        for k in 0..WIDTH {
            // SAFETY: the caller's indices point to records.
            unsafe {
                let record = base.cast::<f64>().add(*index.add(k) as usize);
                *record += x[k];
                *record.add(1) += y[k];
                *record.add(2) += z[k];
            }
        }
    }
    #[inline(always)]
    unsafe fn subtract_sums(record: *mut Record, x: Self::V, y: Self::V, z: Self::V) {
        // SAFETY: the caller's pointer has a record behind it; the lanes need no features.
        unsafe {
            (*record).0[0] -= Self::sum(x);
            (*record).0[1] -= Self::sum(y);
            (*record).0[2] -= Self::sum(z);
        }
    }
    #[inline(always)]
    unsafe fn gather_numbers(base: *const f64, index: *const u32) -> Self::V {
        // SAFETY: the caller's indices point to records, of which there are as many as numbers here.
        map(|k| unsafe { *base.add(*index.add(k) as usize / 4) })
    }
    #[inline(always)]
    unsafe fn accumulate(base: *mut f64, index: *const u32, v: Self::V) {
        for (k, x) in v.into_iter().enumerate() {
            // SAFETY: the caller's indices point to records, of which there are as many as numbers here.
            unsafe { *base.add(*index.add(k) as usize / 4) += x };
        }
    }
    #[inline(always)]
    unsafe fn split(
        s: Self::V,
        index: *const u32,
        limits: (Self::V, Self::V),
        mut near: *mut u32,
        mut far: *mut u32,
    ) -> (*mut u32, *mut u32) {
        for (k, s) in s.into_iter().enumerate() {
            // SAFETY: the caller has eight indices, and the lists have room.
            unsafe {
                near.write(*index.add(k));
                far.write(*index.add(k));
                near = near.add(usize::from(s < limits.0[k]));
                far = far.add(usize::from(s >= limits.0[k] && s < limits.1[k]));
            }
        }
        (near, far)
    }
    #[inline(always)]
    unsafe fn select(
        points: [*const f32; 3],
        numbers: *const u32,
        range: (usize, usize),
        centre: [f32; 3],
        square: f32,
        mut found: *mut u32,
    ) -> *mut u32 {
        for k in range.0..range.1 {
            // SAFETY: the range lies inside the points, and the list has room.
            unsafe {
                let [x, y, z] = [0, 1, 2].map(|c| *points[c].add(k) - centre[c]);
                found.write(*numbers.add(k));
                found = found.add(usize::from(x * x + y * y + z * z < square));
            }
        }
        found
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512, Halves, append};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::*;
    use std::arch::x86_64::*;

    /// Eight numbers in one register.
    #[derive(Clone, Copy, Debug)]
    pub struct Avx512;

    /// Vectors k and k + 4 of eight as records, for k from 0 to 3.
    #[inline(always)]
    unsafe fn records(x: __m512d, y: __m512d, z: __m512d) -> [__m512d; 4] {
        unsafe {
            let zero = _mm512_setzero_pd();
            let (lo, hi) = (_mm512_unpacklo_pd(x, y), _mm512_unpackhi_pd(x, y));
            let (z_lo, z_hi) = (_mm512_unpacklo_pd(z, zero), _mm512_unpackhi_pd(z, zero));
            let first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
            let second = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
            [
                _mm512_permutex2var_pd(lo, first, z_lo),
                _mm512_permutex2var_pd(hi, first, z_hi),
                _mm512_permutex2var_pd(lo, second, z_lo),
                _mm512_permutex2var_pd(hi, second, z_hi),
            ]
        }
    }

    // A closure that is not inlined loses the features of the function around it, and each instruction becomes a call: what is done
    // several times in a method is a function of its own.

    /// Add to a record.
    #[inline(always)]
    unsafe fn add_record(record: *mut f64, v: __m256d) {
        unsafe { _mm256_store_pd(record, _mm256_add_pd(v, _mm256_load_pd(record))) }
    }

    /// Add what `records` has made to the records at eight indices.
    #[inline(always)]
    unsafe fn put(base: *mut Record, index: *const u32, v: [__m512d; 4]) {
        unsafe {
            let base = base.cast::<f64>();
            for (k, v) in v.into_iter().enumerate() {
                add_record(base.add(*index.add(k) as usize), _mm512_castpd512_pd256(v));
                add_record(base.add(*index.add(k + 4) as usize), _mm512_extractf64x4_pd::<1>(v));
            }
        }
    }

    /// The numbers `base[index / 4]` of two indices.
    #[inline(always)]
    unsafe fn two_numbers(base: *const f64, index: *const u32) -> __m128d {
        unsafe {
            let low = _mm_load_sd(base.byte_add(2 * *index as usize));
            _mm_loadh_pd(low, base.byte_add(2 * *index.add(1) as usize))
        }
    }

    /// Add two numbers to `base[index / 4]`, one after the other.
    #[inline(always)]
    unsafe fn put_two(base: *mut f64, index: *const u32, v: __m128d) {
        unsafe {
            *base.byte_add(2 * *index as usize) += _mm_cvtsd_f64(v);
            *base.byte_add(2 * *index.add(1) as usize) += _mm_cvtsd_f64(_mm_unpackhi_pd(v, v));
        }
    }

    // SAFETY of every block below: the caller of a method of `Lanes` vouches for the features and for the pointers.
    impl Lanes for Avx512 {
        type V = __m512d;
        type Index = __m512i;

        #[inline(always)]
        unsafe fn splat(x: f64) -> __m512d {
            unsafe { _mm512_set1_pd(x) }
        }
        #[inline(always)]
        unsafe fn prefetch<T>(from: *const T) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f64) -> __m512d {
            unsafe { _mm512_loadu_pd(from) }
        }
        #[inline(always)]
        unsafe fn store(to: *mut f64, v: __m512d) {
            unsafe { _mm512_storeu_pd(to, v) }
        }
        #[inline(always)]
        unsafe fn load_short(from: *const f32) -> __m512d {
            unsafe { _mm512_cvtps_pd(_mm256_loadu_ps(from)) }
        }
        #[inline(always)]
        unsafe fn store_short(to: *mut f32, v: __m512d) {
            unsafe { _mm256_storeu_ps(to, _mm512_cvtpd_ps(v)) }
        }
        #[inline(always)]
        unsafe fn add(a: __m512d, b: __m512d) -> __m512d {
            unsafe { _mm512_add_pd(a, b) }
        }
        #[inline(always)]
        unsafe fn sub(a: __m512d, b: __m512d) -> __m512d {
            unsafe { _mm512_sub_pd(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: __m512d, b: __m512d) -> __m512d {
            unsafe { _mm512_mul_pd(a, b) }
        }
        #[inline(always)]
        unsafe fn fma(a: __m512d, b: __m512d, c: __m512d) -> __m512d {
            unsafe { _mm512_fmadd_pd(a, b, c) }
        }
        #[inline(always)]
        unsafe fn min(a: __m512d, b: __m512d) -> __m512d {
            unsafe { _mm512_min_pd(a, b) }
        }
        #[inline(always)]
        unsafe fn max(a: __m512d, b: __m512d) -> __m512d {
            unsafe { _mm512_max_pd(a, b) }
        }
        #[inline(always)]
        unsafe fn rsqrt(a: __m512d) -> __m512d {
            // The estimate has a relative error e / 2 below 2^-14; the series of (1 - e)^(-1/2) to e^3 ends below 2^-54.
            unsafe {
                let y = _mm512_rsqrt14_pd(a);
                let e = _mm512_fnmadd_pd(_mm512_mul_pd(a, y), y, _mm512_set1_pd(1.0));
                let p = _mm512_fmadd_pd(e, _mm512_set1_pd(0.3125), _mm512_set1_pd(0.375));
                let p = _mm512_fmadd_pd(p, e, _mm512_set1_pd(0.5));
                _mm512_fmadd_pd(_mm512_mul_pd(y, e), p, y)
            }
        }
        #[inline(always)]
        unsafe fn roots(a: __m512d) -> [__m512d; 3] {
            // As in `rsqrt`, with the series to e alone for the early root.
            unsafe {
                let y = _mm512_rsqrt14_pd(a);
                let ay = _mm512_mul_pd(a, y);
                let e = _mm512_fnmadd_pd(ay, y, _mm512_set1_pd(1.0));
                let half = _mm512_mul_pd(ay, _mm512_set1_pd(0.5));
                let early = _mm512_fmadd_pd(half, e, ay);
                let p = _mm512_fmadd_pd(e, _mm512_set1_pd(0.3125), _mm512_set1_pd(0.375));
                let ye = _mm512_mul_pd(y, e);
                let p = _mm512_fmadd_pd(p, e, _mm512_set1_pd(0.5));
                let inverse = _mm512_fmadd_pd(ye, p, y);
                [early, _mm512_mul_pd(a, inverse), inverse]
            }
        }
        #[inline(always)]
        unsafe fn less(a: __m512d, b: __m512d) -> u8 {
            unsafe { _mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b) }
        }
        #[inline(always)]
        unsafe fn where_less(a: __m512d, b: __m512d, v: __m512d) -> __m512d {
            unsafe { _mm512_maskz_mov_pd(_mm512_cmp_pd_mask::<_CMP_LT_OQ>(a, b), v) }
        }
        #[inline(always)]
        unsafe fn sum(a: __m512d) -> f64 {
            unsafe { _mm512_reduce_add_pd(a) }
        }
        #[inline(always)]
        unsafe fn segments(r: __m512d, bins: &Bins) -> __m512i {
            unsafe {
                let bin = _mm512_fmadd_pd(r, _mm512_set1_pd(bins.scale), _mm512_set1_pd(bins.shift));
                let bin = _mm512_add_pd(bin, _mm512_set1_pd(ROUNDING));
                _mm512_permutexvar_epi8(_mm512_castpd_si512(bin), _mm512_load_si512(bins.segments.as_ptr().cast()))
            }
        }
        #[inline(always)]
        unsafe fn lookup(row: &Row, index: __m512i) -> __m512d {
            unsafe { _mm512_permutexvar_pd(index, _mm512_load_pd(row.0.as_ptr())) }
        }
        #[inline(always)]
        unsafe fn rows(base: *const Row, bin: __m512d) -> [__m512d; WIDTH] {
            unsafe {
                let index = _mm512_cvtepi64_epi32(_mm512_castpd_si512(bin));
                let mut number = [0u32; WIDTH];
                _mm256_storeu_si256(number.as_mut_ptr().cast(), index);
                let row = |k: usize| _mm512_load_pd((*base.add(number[k] as usize)).0.as_ptr());
                let r = [row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)];
                // Transpose of an 8 x 8 block: pairs of rows, then quarters, then halves.
                let lo = |a, b| _mm512_unpacklo_pd(a, b);
                let hi = |a, b| _mm512_unpackhi_pd(a, b);
                let t = [
                    lo(r[0], r[1]),
                    hi(r[0], r[1]),
                    lo(r[2], r[3]),
                    hi(r[2], r[3]),
                    lo(r[4], r[5]),
                    hi(r[4], r[5]),
                    lo(r[6], r[7]),
                    hi(r[6], r[7]),
                ];
                let even = |a, b| _mm512_shuffle_f64x2::<0x88>(a, b);
                let odd = |a, b| _mm512_shuffle_f64x2::<0xdd>(a, b);
                let (a0, a1) = (even(t[0], t[2]), even(t[1], t[3]));
                let (a2, a3) = (odd(t[0], t[2]), odd(t[1], t[3]));
                let (b0, b1) = (even(t[4], t[6]), even(t[5], t[7]));
                let (b2, b3) = (odd(t[4], t[6]), odd(t[5], t[7]));
                [
                    even(a0, b0),
                    even(a1, b1),
                    even(a2, b2),
                    even(a3, b3),
                    odd(a0, b0),
                    odd(a1, b1),
                    odd(a2, b2),
                    odd(a3, b3),
                ]
            }
        }
        #[inline(always)]
        unsafe fn gather(base: *const Record, index: *const u32) -> [__m512d; 4] {
            unsafe {
                let base = base.cast::<f64>();
                let one = |k: usize| _mm256_load_pd(base.add(*index.add(k) as usize));
                let two = |k: usize| _mm512_insertf64x4::<1>(_mm512_castpd256_pd512(one(k)), one(k + 4));
                let (a, b, c, d) = (two(0), two(1), two(2), two(3));
                let (ab_lo, ab_hi) = (_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b));
                let (cd_lo, cd_hi) = (_mm512_unpacklo_pd(c, d), _mm512_unpackhi_pd(c, d));
                let first = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
                let second = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
                [
                    _mm512_permutex2var_pd(ab_lo, first, cd_lo),
                    _mm512_permutex2var_pd(ab_hi, first, cd_hi),
                    _mm512_permutex2var_pd(ab_lo, second, cd_lo),
                    _mm512_permutex2var_pd(ab_hi, second, cd_hi),
                ]
            }
        }
        #[inline(always)]
        unsafe fn scatter(base: *mut Record, index: *const u32, x: __m512d, y: __m512d, z: __m512d) {
            unsafe {
                put(base, index, records(x, y, z));
            }
        }
        #[inline(always)]
        unsafe fn exchange(base: *mut Record, index: *const u32, owner: *mut Record, [x, y, z]: [__m512d; 3]) {
            unsafe {
                let v = records(x, y, z);
                put(base, index, v);
                let sum = _mm512_add_pd(_mm512_add_pd(v[0], v[1]), _mm512_add_pd(v[2], v[3]));
                let sum = _mm256_add_pd(_mm512_castpd512_pd256(sum), _mm512_extractf64x4_pd::<1>(sum));
                let to = owner.cast::<f64>();
                _mm256_store_pd(to, _mm256_sub_pd(_mm256_load_pd(to), sum));
            }
        }
        #[inline(always)]
        unsafe fn subtract_sums(record: *mut Record, x: __m512d, y: __m512d, z: __m512d) {
            unsafe {
                // Neighbouring lanes first: x01 y01 x23 y23 ..., then quarters.
                let xy = _mm512_add_pd(_mm512_unpacklo_pd(x, y), _mm512_unpackhi_pd(x, y));
                let zero = _mm512_setzero_pd();
                let zz = _mm512_add_pd(_mm512_unpacklo_pd(z, zero), _mm512_unpackhi_pd(z, zero));
                let xy = _mm256_add_pd(_mm512_castpd512_pd256(xy), _mm512_extractf64x4_pd::<1>(xy));
                let zz = _mm256_add_pd(_mm512_castpd512_pd256(zz), _mm512_extractf64x4_pd::<1>(zz));
                let low = _mm256_permute2f128_pd::<0x20>(xy, zz);
                let high = _mm256_permute2f128_pd::<0x31>(xy, zz);
                let to = record.cast::<f64>();
                _mm256_store_pd(to, _mm256_sub_pd(_mm256_load_pd(to), _mm256_add_pd(low, high)));
            }
        }
        #[inline(always)]
        unsafe fn gather_numbers(base: *const f64, index: *const u32) -> __m512d {
            unsafe {
                let low = _mm256_set_m128d(two_numbers(base, index.add(2)), two_numbers(base, index));
                let high = _mm256_set_m128d(two_numbers(base, index.add(6)), two_numbers(base, index.add(4)));
                _mm512_insertf64x4::<1>(_mm512_castpd256_pd512(low), high)
            }
        }
        #[inline(always)]
        unsafe fn accumulate(base: *mut f64, index: *const u32, v: __m512d) {
            unsafe {
                let (low, high) = (_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd::<1>(v));
                put_two(base, index, _mm256_castpd256_pd128(low));
                put_two(base, index.add(2), _mm256_extractf128_pd::<1>(low));
                put_two(base, index.add(4), _mm256_castpd256_pd128(high));
                put_two(base, index.add(6), _mm256_extractf128_pd::<1>(high));
            }
        }
        #[inline(always)]
        unsafe fn split(
            s: __m512d,
            index: *const u32,
            limits: (Self::V, Self::V),
            near: *mut u32,
            far: *mut u32,
        ) -> (*mut u32, *mut u32) {
            unsafe {
                let close = _mm512_cmp_pd_mask::<_CMP_LT_OQ>(s, limits.0);
                let wide = _mm512_mask_cmp_pd_mask::<_CMP_LT_OQ>(!close, s, limits.1);
                let numbers = _mm256_loadu_si256(index.cast());
                // A compression into memory would be many times slower on some processors.
                _mm256_storeu_si256(near.cast(), _mm256_maskz_compress_epi32(close, numbers));
                _mm256_storeu_si256(far.cast(), _mm256_maskz_compress_epi32(wide, numbers));
                (near.add(close.count_ones() as usize), far.add(wide.count_ones() as usize))
            }
        }
        #[inline(always)]
        unsafe fn select(
            points: [*const f32; 3],
            numbers: *const u32,
            range: (usize, usize),
            centre: [f32; 3],
            square: f32,
            mut found: *mut u32,
        ) -> *mut u32 {
            unsafe {
                let centre = centre.map(|x| _mm512_set1_ps(x));
                let limit = _mm512_set1_ps(square);
                let mut k = range.0;
                while k < range.1 {
                    let valid = _bzhi_u32(0xffff, (range.1 - k).min(SEARCHED) as u32) as u16;
                    let d = [0, 1, 2].map(|c| _mm512_sub_ps(_mm512_loadu_ps(points[c].add(k)), centre[c]));
                    let s = _mm512_mul_ps(d[0], d[0]);
                    let s = _mm512_fmadd_ps(d[1], d[1], s);
                    let s = _mm512_fmadd_ps(d[2], d[2], s);
                    let close = _mm512_mask_cmp_ps_mask::<_CMP_LT_OQ>(valid, s, limit);
                    let here = _mm512_loadu_si512(numbers.add(k).cast());
                    // A compression into memory would be many times slower on some processors.
                    _mm512_storeu_si512(found.cast(), _mm512_maskz_compress_epi32(close, here));
                    found = found.add(close.count_ones() as usize);
                    k += SEARCHED;
                }
                found
            }
        }
    }

    /// Eight numbers in two registers.
    #[derive(Clone, Copy, Debug)]
    pub struct Avx2;

    /// Lanes 0 to 3 and lanes 4 to 7, or eight lanes of single precision and eight more.
    #[derive(Clone, Copy, Debug)]
    pub struct Halves<T>(pub T, pub T);

    /// For each mask of eight bits the lanes that are set, in order.
    static SET_LANES: [[u8; WIDTH]; 256] = {
        let mut lanes = [[0; WIDTH]; 256];
        let mut mask = 0;
        while mask < 256 {
            let (mut count, mut lane) = (0, 0);
            while lane < WIDTH {
                if mask >> lane & 1 == 1 {
                    lanes[mask][count] = lane as u8;
                    count += 1;
                }
                lane += 1;
            }
            mask += 1;
        }
        lanes
    };

    /// Append those of eight numbers whose lane is set in a mask to a list with room for eight. Returns the new end.
    #[inline(always)]
    pub unsafe fn append(numbers: __m256i, mask: u8, list: *mut u32) -> *mut u32 {
        unsafe {
            let lanes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(SET_LANES[mask as usize].as_ptr().cast()));
            _mm256_storeu_si256(list.cast(), _mm256_permutevar8x32_epi32(numbers, lanes));
            list.add(mask.count_ones() as usize)
        }
    }

    /// Two numbers from each of two places.
    #[inline(always)]
    unsafe fn load_pairs(low: *const f64, high: *const f64) -> __m256d {
        unsafe { _mm256_insertf128_pd::<1>(_mm256_castpd128_pd256(_mm_loadu_pd(low)), _mm_loadu_pd(high)) }
    }

    /// The first and the second number of four places.
    #[inline(always)]
    unsafe fn columns(place: [*const f64; 4]) -> [__m256d; 2] {
        unsafe {
            let (even, odd) = (load_pairs(place[0], place[2]), load_pairs(place[1], place[3]));
            [_mm256_unpacklo_pd(even, odd), _mm256_unpackhi_pd(even, odd)]
        }
    }

    /// Four vectors as records.
    #[inline(always)]
    unsafe fn four_records(x: __m256d, y: __m256d, z: __m256d) -> [__m256d; 4] {
        unsafe {
            let zero = _mm256_setzero_pd();
            let (xy, xy_odd) = (_mm256_unpacklo_pd(x, y), _mm256_unpackhi_pd(x, y));
            let (z, z_odd) = (_mm256_unpacklo_pd(z, zero), _mm256_unpackhi_pd(z, zero));
            [
                _mm256_permute2f128_pd::<0x20>(xy, z),
                _mm256_permute2f128_pd::<0x20>(xy_odd, z_odd),
                _mm256_permute2f128_pd::<0x31>(xy, z),
                _mm256_permute2f128_pd::<0x31>(xy_odd, z_odd),
            ]
        }
    }

    /// Add to the records at four indices.
    #[inline(always)]
    unsafe fn put_four(base: *mut f64, index: *const u32, v: [__m256d; 4]) {
        unsafe {
            add_record(base.add(*index as usize), v[0]);
            add_record(base.add(*index.add(1) as usize), v[1]);
            add_record(base.add(*index.add(2) as usize), v[2]);
            add_record(base.add(*index.add(3) as usize), v[3]);
        }
    }

    /// Subtract from a record.
    #[inline(always)]
    unsafe fn take_from(record: *mut Record, v: __m256d) {
        unsafe {
            let to = record.cast::<f64>();
            _mm256_store_pd(to, _mm256_sub_pd(_mm256_load_pd(to), v));
        }
    }

    /// One bit for each of four lanes with `a < b`.
    #[inline(always)]
    unsafe fn less_of_four(a: __m256d, b: __m256d) -> u8 {
        unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LT_OQ>(a, b)) as u8 }
    }

    /// Bins of four distances in the lowest bits.
    #[inline(always)]
    unsafe fn bin_of_four(r: __m256d, bins: &Bins) -> __m256d {
        unsafe {
            let bin = _mm256_fmadd_pd(r, _mm256_set1_pd(bins.scale), _mm256_set1_pd(bins.shift));
            _mm256_add_pd(bin, _mm256_set1_pd(ROUNDING))
        }
    }

    impl Lanes for Avx2 {
        type V = Halves<__m256d>;
        /// Twice the number of each segment.
        type Index = [u16; WIDTH];

        #[inline(always)]
        unsafe fn splat(x: f64) -> Self::V {
            unsafe { Halves(_mm256_set1_pd(x), _mm256_set1_pd(x)) }
        }
        #[inline(always)]
        unsafe fn prefetch<T>(from: *const T) {
            unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f64) -> Self::V {
            unsafe { Halves(_mm256_loadu_pd(from), _mm256_loadu_pd(from.add(4))) }
        }
        #[inline(always)]
        unsafe fn store(to: *mut f64, v: Self::V) {
            unsafe {
                _mm256_storeu_pd(to, v.0);
                _mm256_storeu_pd(to.add(4), v.1);
            }
        }
        #[inline(always)]
        unsafe fn load_short(from: *const f32) -> Self::V {
            unsafe { Halves(_mm256_cvtps_pd(_mm_loadu_ps(from)), _mm256_cvtps_pd(_mm_loadu_ps(from.add(4)))) }
        }
        #[inline(always)]
        unsafe fn store_short(to: *mut f32, v: Self::V) {
            unsafe {
                _mm_storeu_ps(to, _mm256_cvtpd_ps(v.0));
                _mm_storeu_ps(to.add(4), _mm256_cvtpd_ps(v.1));
            }
        }
        #[inline(always)]
        unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
            unsafe { Halves(_mm256_add_pd(a.0, b.0), _mm256_add_pd(a.1, b.1)) }
        }
        #[inline(always)]
        unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
            unsafe { Halves(_mm256_sub_pd(a.0, b.0), _mm256_sub_pd(a.1, b.1)) }
        }
        #[inline(always)]
        unsafe fn mul(a: Self::V, b: Self::V) -> Self::V {
            unsafe { Halves(_mm256_mul_pd(a.0, b.0), _mm256_mul_pd(a.1, b.1)) }
        }
        #[inline(always)]
        unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
            unsafe { Halves(_mm256_fmadd_pd(a.0, b.0, c.0), _mm256_fmadd_pd(a.1, b.1, c.1)) }
        }
        #[inline(always)]
        unsafe fn min(a: Self::V, b: Self::V) -> Self::V {
            unsafe { Halves(_mm256_min_pd(a.0, b.0), _mm256_min_pd(a.1, b.1)) }
        }
        #[inline(always)]
        unsafe fn max(a: Self::V, b: Self::V) -> Self::V {
            unsafe { Halves(_mm256_max_pd(a.0, b.0), _mm256_max_pd(a.1, b.1)) }
        }
        #[inline(always)]
        unsafe fn rsqrt(a: Self::V) -> Self::V {
            unsafe {
                let one = _mm256_set1_pd(1.0);
                Halves(_mm256_div_pd(one, _mm256_sqrt_pd(a.0)), _mm256_div_pd(one, _mm256_sqrt_pd(a.1)))
            }
        }
        #[inline(always)]
        unsafe fn roots(a: Self::V) -> [Self::V; 3] {
            unsafe {
                let one = _mm256_set1_pd(1.0);
                let r = Halves(_mm256_sqrt_pd(a.0), _mm256_sqrt_pd(a.1));
                [r, r, Halves(_mm256_div_pd(one, r.0), _mm256_div_pd(one, r.1))]
            }
        }
        #[inline(always)]
        unsafe fn less(a: Self::V, b: Self::V) -> u8 {
            unsafe { less_of_four(a.0, b.0) | less_of_four(a.1, b.1) << 4 }
        }
        #[inline(always)]
        unsafe fn where_less(a: Self::V, b: Self::V, v: Self::V) -> Self::V {
            unsafe {
                Halves(
                    _mm256_and_pd(_mm256_cmp_pd::<_CMP_LT_OQ>(a.0, b.0), v.0),
                    _mm256_and_pd(_mm256_cmp_pd::<_CMP_LT_OQ>(a.1, b.1), v.1),
                )
            }
        }
        #[inline(always)]
        unsafe fn sum(a: Self::V) -> f64 {
            unsafe {
                let v = _mm256_add_pd(a.0, a.1);
                let v = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd::<1>(v));
                _mm_cvtsd_f64(_mm_add_sd(v, _mm_unpackhi_pd(v, v)))
            }
        }
        #[inline(always)]
        unsafe fn segments(r: Self::V, bins: &Bins) -> Self::Index {
            unsafe {
                let mut bin = [0u64; WIDTH];
                Self::store(bin.as_mut_ptr().cast(), Halves(bin_of_four(r.0, bins), bin_of_four(r.1, bins)));
                bin.map(|bin| bins.doubled[(bin & 63) as usize])
            }
        }
        #[inline(always)]
        unsafe fn lookup(row: &Row, index: Self::Index) -> Self::V {
            let at = |k: usize| row.0[index[k] as usize / 2 % WIDTH];
            unsafe { Halves(_mm256_setr_pd(at(0), at(1), at(2), at(3)), _mm256_setr_pd(at(4), at(5), at(6), at(7))) }
        }
        #[inline(always)]
        unsafe fn lookup_two(two: &Two, index: Self::Index) -> [Self::V; 2] {
            // A gather of eight numbers takes many times as long as eight loads.
            unsafe {
                let place = index.map(|twice| two.by_segment.as_ptr().cast::<f64>().add(twice as usize));
                let low = columns([place[0], place[1], place[2], place[3]]);
                let high = columns([place[4], place[5], place[6], place[7]]);
                [Halves(low[0], high[0]), Halves(low[1], high[1])]
            }
        }
        #[inline(always)]
        unsafe fn rows(base: *const Row, bin: Self::V) -> [Self::V; WIDTH] {
            unsafe {
                let mut bits = [0u64; WIDTH];
                Self::store(bits.as_mut_ptr().cast(), bin);
                let row = bits.map(|bits| base.add((bits & 0xffff_ffff) as usize).cast::<f64>());
                let [a, b] = two_columns(row, 0);
                let [c, d] = two_columns(row, 2);
                let [e, f] = two_columns(row, 4);
                let [g, h] = two_columns(row, 6);
                [a, b, c, d, e, f, g, h]
            }
        }
        #[inline(always)]
        unsafe fn gather(base: *const Record, index: *const u32) -> [Self::V; 4] {
            unsafe {
                let mut place = [base.cast::<f64>(); WIDTH];
                for (k, place) in place.iter_mut().enumerate() {
                    *place = place.add(*index.add(k) as usize);
                }
                let [x, y] = two_columns(place, 0);
                let [z, w] = two_columns(place, 2);
                [x, y, z, w]
            }
        }
        #[inline(always)]
        unsafe fn scatter(base: *mut Record, index: *const u32, x: Self::V, y: Self::V, z: Self::V) {
            unsafe {
                put_four(base.cast(), index, four_records(x.0, y.0, z.0));
                put_four(base.cast(), index.add(4), four_records(x.1, y.1, z.1));
            }
        }
        #[inline(always)]
        unsafe fn subtract_sums(record: *mut Record, x: Self::V, y: Self::V, z: Self::V) {
            unsafe {
                let v = four_records(_mm256_add_pd(x.0, x.1), _mm256_add_pd(y.0, y.1), _mm256_add_pd(z.0, z.1));
                take_from(record, _mm256_add_pd(_mm256_add_pd(v[0], v[1]), _mm256_add_pd(v[2], v[3])));
            }
        }
        #[inline(always)]
        unsafe fn exchange(base: *mut Record, index: *const u32, owner: *mut Record, [x, y, z]: [Self::V; 3]) {
            unsafe {
                let (a, b) = (four_records(x.0, y.0, z.0), four_records(x.1, y.1, z.1));
                put_four(base.cast(), index, a);
                put_four(base.cast(), index.add(4), b);
                let a = _mm256_add_pd(_mm256_add_pd(a[0], a[1]), _mm256_add_pd(a[2], a[3]));
                let b = _mm256_add_pd(_mm256_add_pd(b[0], b[1]), _mm256_add_pd(b[2], b[3]));
                take_from(owner, _mm256_add_pd(a, b));
            }
        }
        #[inline(always)]
        unsafe fn gather_numbers(base: *const f64, index: *const u32) -> Self::V {
            unsafe {
                let low = _mm256_set_m128d(two_numbers(base, index.add(2)), two_numbers(base, index));
                let high = _mm256_set_m128d(two_numbers(base, index.add(6)), two_numbers(base, index.add(4)));
                Halves(low, high)
            }
        }
        #[inline(always)]
        unsafe fn accumulate(base: *mut f64, index: *const u32, v: Self::V) {
            unsafe {
                put_two(base, index, _mm256_castpd256_pd128(v.0));
                put_two(base, index.add(2), _mm256_extractf128_pd::<1>(v.0));
                put_two(base, index.add(4), _mm256_castpd256_pd128(v.1));
                put_two(base, index.add(6), _mm256_extractf128_pd::<1>(v.1));
            }
        }
        #[inline(always)]
        unsafe fn split(
            s: Self::V,
            index: *const u32,
            limits: (Self::V, Self::V),
            near: *mut u32,
            far: *mut u32,
        ) -> (*mut u32, *mut u32) {
            unsafe {
                let close = Self::less(s, limits.0);
                let wide = Self::less(s, limits.1) & !close;
                let numbers = _mm256_loadu_si256(index.cast());
                (append(numbers, close, near), append(numbers, wide, far))
            }
        }
        #[inline(always)]
        unsafe fn select(
            points: [*const f32; 3],
            numbers: *const u32,
            range: (usize, usize),
            centre: [f32; 3],
            square: f32,
            mut found: *mut u32,
        ) -> *mut u32 {
            unsafe {
                let [x, y, z] = centre;
                let (x, y, z) = (_mm256_set1_ps(x), _mm256_set1_ps(y), _mm256_set1_ps(z));
                let limit = _mm256_set1_ps(square);
                for k in (range.0..range.1).step_by(WIDTH) {
                    let dx = _mm256_sub_ps(_mm256_loadu_ps(points[0].add(k)), x);
                    let dy = _mm256_sub_ps(_mm256_loadu_ps(points[1].add(k)), y);
                    let dz = _mm256_sub_ps(_mm256_loadu_ps(points[2].add(k)), z);
                    let s = _mm256_fmadd_ps(dz, dz, _mm256_fmadd_ps(dy, dy, _mm256_mul_ps(dx, dx)));
                    let close = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(s, limit)) as u8;
                    let valid = 0xff >> (WIDTH - (range.1 - k).min(WIDTH));
                    found = append(_mm256_loadu_si256(numbers.add(k).cast()), close & valid, found);
                }
                found
            }
        }
    }

    /// Two neighbouring columns of eight rows.
    #[inline(always)]
    unsafe fn two_columns(row: [*const f64; WIDTH], first: usize) -> [Halves<__m256d>; 2] {
        unsafe {
            let low = columns([row[0].add(first), row[1].add(first), row[2].add(first), row[3].add(first)]);
            let high = columns([row[4].add(first), row[5].add(first), row[6].add(first), row[7].add(first)]);
            [Halves(low[0], high[0]), Halves(low[1], high[1])]
        }
    }
}
