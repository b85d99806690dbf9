//! Eight numbers at once: AVX-512, AVX2 with FMA and portable code behind one trait.
//!
//! Every kernel is written once, generic over [`Lanes`], and compiled for each instruction set; [`Level::best`] chooses
//! at run time. The instruction sets differ in rounding alone.
//!
//! No closure works on registers: one that the compiler does not inline loses the features of the function around it, and each of its
//! instructions becomes a call. What is done several times is a function that is always inlined.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;

#[cfg(target_arch = "x86_64")]
pub use avx2::{Avx2, Halves, append};
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;

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
    /// A row for each coefficient: a register holds it for all segments.
    pub rows: [Row; 2],
    /// The same, both of a segment next to each other: they are loaded for one lane at a time.
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
    /// AVX2 and fused multiply-add (Haswell, Zen and later).
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
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("popcnt")
            {
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
                #[target_feature(enable = "avx2,fma,popcnt")]
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
