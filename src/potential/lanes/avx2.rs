//! Eight numbers in two registers of AVX2.

use super::{Bins, Lanes, ROUNDING, Record, Row, Two, WIDTH};
use std::arch::x86_64::*;

// SAFETY of every block below: the caller of a method of `Lanes` vouches for the features and for the pointers.

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

/// Add to a record.
#[inline(always)]
pub unsafe fn add_record(record: *mut f64, v: __m256d) {
    unsafe { _mm256_store_pd(record, _mm256_add_pd(v, _mm256_load_pd(record))) }
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

/// The numbers `base[index / 4]` of two indices.
#[inline(always)]
pub unsafe fn two_numbers(base: *const f64, index: *const u32) -> __m128d {
    unsafe {
        let low = _mm_load_sd(base.byte_add(2 * *index as usize));
        _mm_loadh_pd(low, base.byte_add(2 * *index.add(1) as usize))
    }
}

/// Add two numbers to `base[index / 4]`, one after the other.
#[inline(always)]
pub unsafe fn put_two(base: *mut f64, index: *const u32, v: __m128d) {
    unsafe {
        *base.byte_add(2 * *index as usize) += _mm_cvtsd_f64(v);
        *base.byte_add(2 * *index.add(1) as usize) += _mm_cvtsd_f64(_mm_unpackhi_pd(v, v));
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
            two_columns(place, 0)
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
