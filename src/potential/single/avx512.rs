//! Sixteen numbers in one register of AVX-512.

use super::avx2::add_record;
use super::{COEFFICIENTS, Polynomials, SEGMENT_BITS, SEGMENTS, SINGLES, Short, Singles};
use crate::potential::lanes::Avx512;
use std::arch::x86_64::*;

// SAFETY of every block below: the caller of a method of `Singles` vouches for the features and for the pointers.

#[inline(always)]
unsafe fn low(a: __m512, b: __m512) -> __m512 {
    unsafe { _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b))) }
}

#[inline(always)]
unsafe fn high(a: __m512, b: __m512) -> __m512 {
    unsafe { _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b))) }
}

/// The records at sixteen indices: k, k + 4, k + 8 and k + 12 in the quarters of vector k.
#[inline(always)]
unsafe fn records(base: *const Short, index: *const u32) -> [__m512; 4] {
    unsafe {
        let base = base.cast::<f32>();
        [
            four_records(base, index),
            four_records(base, index.add(1)),
            four_records(base, index.add(2)),
            four_records(base, index.add(3)),
        ]
    }
}

/// The records at an index and at every fourth one after it.
#[inline(always)]
unsafe fn four_records(base: *const f32, index: *const u32) -> __m512 {
    unsafe {
        let v = _mm512_castps128_ps512(_mm_load_ps(base.add(*index as usize)));
        let v = _mm512_insertf32x4::<1>(v, _mm_load_ps(base.add(*index.add(4) as usize)));
        let v = _mm512_insertf32x4::<2>(v, _mm_load_ps(base.add(*index.add(8) as usize)));
        _mm512_insertf32x4::<3>(v, _mm_load_ps(base.add(*index.add(12) as usize)))
    }
}

/// Their components.
#[inline(always)]
unsafe fn columns([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
    unsafe {
        let (xy_ab, zw_ab) = (_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
        let (xy_cd, zw_cd) = (_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
        [low(xy_ab, xy_cd), high(xy_ab, xy_cd), low(zw_ab, zw_cd), high(zw_ab, zw_cd)]
    }
}

/// Components as records, in the order of `records`.
#[inline(always)]
unsafe fn columns_to_records([x, y, z, w]: [__m512; 4]) -> [__m512; 4] {
    unsafe {
        let (xy, zw) = (_mm512_unpacklo_ps(x, y), _mm512_unpacklo_ps(z, w));
        let (xy_high, zw_high) = (_mm512_unpackhi_ps(x, y), _mm512_unpackhi_ps(z, w));
        [low(xy, zw), high(xy, zw), low(xy_high, zw_high), high(xy_high, zw_high)]
    }
}

/// Add what `columns_to_records` has made to the records at sixteen indices, one after the other.
#[inline(always)]
unsafe fn put(base: *mut Short, index: *const u32, v: [__m512; 4]) {
    unsafe {
        let base = base.cast::<f32>();
        for (k, v) in v.into_iter().enumerate() {
            add_record(base.add(*index.add(k) as usize), _mm512_castps512_ps128(v));
            add_record(base.add(*index.add(k + 4) as usize), _mm512_extractf32x4_ps::<1>(v));
            add_record(base.add(*index.add(k + 8) as usize), _mm512_extractf32x4_ps::<2>(v));
            add_record(base.add(*index.add(k + 12) as usize), _mm512_extractf32x4_ps::<3>(v));
        }
    }
}

/// Subtract the first two quarters from one record and the others from another.
#[inline(always)]
unsafe fn subtract_quarters(owners: [*mut Short; 2], v: __m512) {
    unsafe {
        let halves = [_mm512_castps512_ps256(v), _mm512_extractf32x8_ps::<1>(v)];
        for (half, owner) in halves.into_iter().zip(owners) {
            let sum = _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps::<1>(half));
            let to = owner.cast::<f32>();
            _mm_store_ps(to, _mm_sub_ps(_mm_load_ps(to), sum));
        }
    }
}

/// One number of a row for each lane.
#[inline(always)]
unsafe fn pick(row: &[f32; SEGMENTS], segments: __m512i) -> __m512 {
    // The lowest five bits of the index count.
    unsafe {
        let (low, high) = (_mm512_loadu_ps(row.as_ptr()), _mm512_loadu_ps(row.as_ptr().add(SINGLES)));
        _mm512_permutex2var_ps(low, segments, high)
    }
}

impl Singles for Avx512 {
    type S = __m512;
    type Segments = __m512i;

    #[inline(always)]
    unsafe fn all(x: f32) -> __m512 {
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    unsafe fn read(from: *const f32) -> __m512 {
        unsafe { _mm512_loadu_ps(from) }
    }
    #[inline(always)]
    unsafe fn write(to: *mut f32, v: __m512) {
        unsafe { _mm512_storeu_ps(to, v) }
    }
    #[inline(always)]
    unsafe fn plus(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn minus(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn times(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn times_plus(a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    unsafe fn if_below(a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_mask_mov_ps(c, _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), a) }
    }
    #[inline(always)]
    unsafe fn greater(a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    unsafe fn below(a: __m512, b: __m512) -> u16 {
        unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b) }
    }
    #[inline(always)]
    unsafe fn total(a: __m512) -> f32 {
        unsafe { _mm512_reduce_add_ps(a) }
    }
    #[inline(always)]
    unsafe fn segment(s: __m512) -> (__m512i, __m512) {
        unsafe {
            let bits = _mm512_castps_si512(s);
            let keep = _mm512_set1_epi32(-1 << SEGMENT_BITS);
            let half = _mm512_set1_epi32(1 << (SEGMENT_BITS - 1));
            // (bits & keep) | half
            let middle = _mm512_ternarylogic_epi32::<0xea>(bits, keep, half);
            (_mm512_srli_epi32::<SEGMENT_BITS>(bits), _mm512_sub_ps(s, _mm512_castsi512_ps(middle)))
        }
    }
    #[inline(always)]
    unsafe fn polynomial(polynomials: &Polynomials, segments: __m512i, t: __m512) -> __m512 {
        unsafe {
            let rows = &polynomials.by_power;
            let mut value = pick(&rows[COEFFICIENTS - 1], segments);
            for row in rows[..COEFFICIENTS - 1].iter().rev() {
                value = _mm512_fmadd_ps(value, t, pick(row, segments));
            }
            value
        }
    }
    #[inline(always)]
    unsafe fn collect(base: *const Short, index: *const u32) -> [__m512; 4] {
        unsafe { columns(records(base, index)) }
    }
    #[inline(always)]
    unsafe fn spread(base: *mut Short, index: *const u32, owner: *mut Short, [x, y, z]: [__m512; 3]) {
        unsafe {
            let v = columns_to_records([x, y, z, _mm512_setzero_ps()]);
            put(base, index, v);
            let sum = _mm512_add_ps(_mm512_add_ps(v[0], v[1]), _mm512_add_ps(v[2], v[3]));
            let sum = _mm256_add_ps(_mm512_castps512_ps256(sum), _mm512_extractf32x8_ps::<1>(sum));
            let sum = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum));
            let to = owner.cast::<f32>();
            _mm_store_ps(to, _mm_sub_ps(_mm_load_ps(to), sum));
        }
    }
    #[inline(always)]
    unsafe fn join(low: *const f32, high: *const f32) -> __m512 {
        unsafe { _mm512_insertf32x8::<1>(_mm512_castps256_ps512(_mm256_loadu_ps(low)), _mm256_loadu_ps(high)) }
    }
    #[inline(always)]
    unsafe fn halves(low: f32, high: f32) -> __m512 {
        unsafe { _mm512_mask_broadcastss_ps(_mm512_set1_ps(low), 0xff00, _mm_set_ss(high)) }
    }
    #[inline(always)]
    unsafe fn between(base: *const Short, index: *const u32, owners: [*const Short; 2]) -> [__m512; 4] {
        unsafe {
            let low = _mm512_broadcast_f32x4(_mm_load_ps(owners[0].cast()));
            let from = _mm512_mask_broadcast_f32x4(low, 0xff00, _mm_load_ps(owners[1].cast()));
            let [a, b, c, d] = records(base, index);
            columns([_mm512_sub_ps(a, from), _mm512_sub_ps(b, from), _mm512_sub_ps(c, from), _mm512_sub_ps(d, from)])
        }
    }
    #[inline(always)]
    unsafe fn exchange_halves<const FOURTH: bool>(
        base: *mut Short,
        index: *const u32,
        owners: [*mut Short; 2],
        [x, y, z]: [__m512; 3],
        there: __m512,
        here: __m512,
    ) {
        unsafe {
            let v = columns_to_records([x, y, z, there]);
            put(base, index, v);
            let mut sum = _mm512_add_ps(_mm512_add_ps(v[0], v[1]), _mm512_add_ps(v[2], v[3]));
            if FOURTH {
                // The sum of each quarter, in all of its places.
                let here = _mm512_add_ps(here, _mm512_permute_ps::<0b10_11_00_01>(here));
                let here = _mm512_add_ps(here, _mm512_permute_ps::<0b01_00_11_10>(here));
                sum = _mm512_mask_sub_ps(sum, 0x8888, _mm512_setzero_ps(), here);
            }
            subtract_quarters(owners, sum);
        }
    }
    #[inline(always)]
    unsafe fn subtract_halves(owners: [*mut Short; 2], [x, y, z]: [__m512; 3]) {
        unsafe {
            let v = columns_to_records([x, y, z, _mm512_setzero_ps()]);
            subtract_quarters(owners, _mm512_add_ps(_mm512_add_ps(v[0], v[1]), _mm512_add_ps(v[2], v[3])));
        }
    }
    #[inline(always)]
    unsafe fn numbers(base: *const f32, index: *const u32) -> __m512 {
        unsafe { _mm512_i32gather_ps::<1>(_mm512_loadu_si512(index.cast()), base.cast()) }
    }
    #[inline(always)]
    unsafe fn part(
        s: __m512,
        index: *const u32,
        valid: u16,
        limits: (__m512, __m512),
        near: *mut u32,
        far: *mut u32,
    ) -> (*mut u32, *mut u32) {
        unsafe {
            let close = _mm512_mask_cmp_ps_mask::<_CMP_LT_OQ>(valid, s, limits.0);
            let wide = _mm512_mask_cmp_ps_mask::<_CMP_LT_OQ>(valid & !close, s, limits.1);
            let numbers = _mm512_loadu_si512(index.cast());
            // A compression into memory would be many times slower on some processors.
            _mm512_storeu_si512(near.cast(), _mm512_maskz_compress_epi32(close, numbers));
            _mm512_storeu_si512(far.cast(), _mm512_maskz_compress_epi32(wide, numbers));
            (near.add(close.count_ones() as usize), far.add(wide.count_ones() as usize))
        }
    }
}
