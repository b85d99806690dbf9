//! Eight numbers in one register of AVX-512.

use super::avx2::{add_record, put_two, two_numbers};
use super::{Bins, Lanes, ROUNDING, Record, Row, SEARCHED, WIDTH};
use std::arch::x86_64::*;

// SAFETY of every block below: the caller of a method of `Lanes` vouches for the features and for the pointers.

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

/// The records at an index and at the fourth one after it.
#[inline(always)]
unsafe fn two_records(base: *const f64, index: *const u32) -> __m512d {
    unsafe {
        let first = _mm512_castpd256_pd512(_mm256_load_pd(base.add(*index as usize)));
        _mm512_insertf64x4::<1>(first, _mm256_load_pd(base.add(*index.add(4) as usize)))
    }
}

/// Two rows: their even numbers in turn, and their odd ones.
#[inline(always)]
unsafe fn pair_of_rows(a: *const f64, b: *const f64) -> (__m512d, __m512d) {
    unsafe {
        let (a, b) = (_mm512_load_pd(a), _mm512_load_pd(b));
        (_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b))
    }
}

/// Even quarters of two vectors, and odd ones.
#[inline(always)]
unsafe fn even_and_odd(a: __m512d, b: __m512d) -> (__m512d, __m512d) {
    unsafe { (_mm512_shuffle_f64x2::<0x88>(a, b), _mm512_shuffle_f64x2::<0xdd>(a, b)) }
}

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
            let row = |k: usize| (*base.add(number[k] as usize)).0.as_ptr();
            // Transpose of an 8 x 8 block: pairs of rows, then quarters, then halves.
            let (t0, t1) = pair_of_rows(row(0), row(1));
            let (t2, t3) = pair_of_rows(row(2), row(3));
            let (t4, t5) = pair_of_rows(row(4), row(5));
            let (t6, t7) = pair_of_rows(row(6), row(7));
            let ((a0, a2), (a1, a3)) = (even_and_odd(t0, t2), even_and_odd(t1, t3));
            let ((b0, b2), (b1, b3)) = (even_and_odd(t4, t6), even_and_odd(t5, t7));
            let ((c0, c4), (c1, c5)) = (even_and_odd(a0, b0), even_and_odd(a1, b1));
            let ((c2, c6), (c3, c7)) = (even_and_odd(a2, b2), even_and_odd(a3, b3));
            [c0, c1, c2, c3, c4, c5, c6, c7]
        }
    }
    #[inline(always)]
    unsafe fn gather(base: *const Record, index: *const u32) -> [__m512d; 4] {
        unsafe {
            let base = base.cast::<f64>();
            let (a, b) = (two_records(base, index), two_records(base, index.add(1)));
            let (c, d) = (two_records(base, index.add(2)), two_records(base, index.add(3)));
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
            let [x, y, z] = centre;
            let (x, y, z) = (_mm512_set1_ps(x), _mm512_set1_ps(y), _mm512_set1_ps(z));
            let limit = _mm512_set1_ps(square);
            let mut k = range.0;
            while k < range.1 {
                let valid = _bzhi_u32(0xffff, (range.1 - k).min(SEARCHED) as u32) as u16;
                let dx = _mm512_sub_ps(_mm512_loadu_ps(points[0].add(k)), x);
                let dy = _mm512_sub_ps(_mm512_loadu_ps(points[1].add(k)), y);
                let dz = _mm512_sub_ps(_mm512_loadu_ps(points[2].add(k)), z);
                let s = _mm512_fmadd_ps(dz, dz, _mm512_fmadd_ps(dy, dy, _mm512_mul_ps(dx, dx)));
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
