//! Sixteen numbers in two registers of AVX2.

use super::{Polynomials, SEGMENT_BITS, SEGMENTS, SINGLES, Short, Singles};
use crate::potential::lanes::{Avx2, Halves, WIDTH, append};
use std::arch::x86_64::*;

// SAFETY of every block below: the caller of a method of `Singles` vouches for the features and for the pointers.

type Sixteen = Halves<__m256>;

/// Two records in the halves of a vector.
#[inline(always)]
unsafe fn pair(low: *const f32, high: *const f32) -> __m256 {
    unsafe { _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high)) }
}

#[inline(always)]
unsafe fn low_pairs(a: __m256, b: __m256) -> __m256 {
    unsafe { _mm256_castpd_ps(_mm256_unpacklo_pd(_mm256_castps_pd(a), _mm256_castps_pd(b))) }
}

#[inline(always)]
unsafe fn high_pairs(a: __m256, b: __m256) -> __m256 {
    unsafe { _mm256_castpd_ps(_mm256_unpackhi_pd(_mm256_castps_pd(a), _mm256_castps_pd(b))) }
}

/// Four numbers at each of eight places: those at k and k + 4 in the halves of vector k.
#[inline(always)]
unsafe fn eight_records(place: [*const f32; WIDTH]) -> [__m256; 4] {
    unsafe { [pair(place[0], place[4]), pair(place[1], place[5]), pair(place[2], place[6]), pair(place[3], place[7])] }
}

/// Rows of four numbers as columns in the order of the rows, or columns as rows.
#[inline(always)]
unsafe fn turned([a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
    unsafe {
        let (ab, ab_high) = (_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b));
        let (cd, cd_high) = (_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d));
        [low_pairs(ab, cd), high_pairs(ab, cd), low_pairs(ab_high, cd_high), high_pairs(ab_high, cd_high)]
    }
}

/// Places at eight indices.
#[inline(always)]
unsafe fn places(base: *const f32, index: *const u32) -> [*const f32; WIDTH] {
    unsafe {
        let mut place = [base; WIDTH];
        for (k, place) in place.iter_mut().enumerate() {
            *place = place.add(*index.add(k) as usize);
        }
        place
    }
}

/// Add to a record.
#[inline(always)]
pub unsafe fn add_record(record: *mut f32, v: __m128) {
    unsafe { _mm_store_ps(record, _mm_add_ps(v, _mm_load_ps(record))) }
}

/// Add rows to the records at eight indices.
#[inline(always)]
unsafe fn put_eight(base: *mut Short, index: *const u32, v: [__m256; 4]) {
    unsafe {
        let base = base.cast::<f32>();
        for (k, v) in v.into_iter().enumerate() {
            add_record(base.add(*index.add(k) as usize), _mm256_castps256_ps128(v));
            add_record(base.add(*index.add(k + 4) as usize), _mm256_extractf128_ps::<1>(v));
        }
    }
}

/// Sum of eight rows.
#[inline(always)]
unsafe fn sum_of_rows(v: [__m256; 4]) -> __m128 {
    unsafe {
        let sum = _mm256_add_ps(_mm256_add_ps(v[0], v[1]), _mm256_add_ps(v[2], v[3]));
        _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps::<1>(sum))
    }
}

/// Subtract from a record.
#[inline(always)]
unsafe fn take_from(record: *mut Short, v: __m128) {
    unsafe {
        let to = record.cast::<f32>();
        _mm_store_ps(to, _mm_sub_ps(_mm_load_ps(to), v));
    }
}

/// Sum of eight numbers.
#[inline(always)]
unsafe fn sum_of_eight(v: __m256) -> f32 {
    unsafe {
        let v = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
        let v = _mm_add_ps(v, _mm_movehl_ps(v, v));
        _mm_cvtss_f32(_mm_add_ss(v, _mm_movehdup_ps(v)))
    }
}

/// One bit for each of eight lanes with `a < b`.
#[inline(always)]
unsafe fn below_of_eight(a: __m256, b: __m256) -> u8 {
    unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) as u8 }
}

/// Squared distances from the middles of their segments.
#[inline(always)]
unsafe fn from_middle(s: __m256) -> __m256 {
    unsafe {
        let bits = _mm256_and_si256(_mm256_castps_si256(s), _mm256_set1_epi32(-1 << SEGMENT_BITS));
        let middle = _mm256_or_si256(bits, _mm256_set1_epi32(1 << (SEGMENT_BITS - 1)));
        _mm256_sub_ps(s, _mm256_castsi256_ps(middle))
    }
}

/// Places of the coefficients of eight segments in numbers.
#[inline(always)]
unsafe fn coefficients_of(s: __m256) -> __m256i {
    unsafe {
        let segment = _mm256_srli_epi32::<{ SEGMENT_BITS as i32 }>(_mm256_castps_si256(s));
        _mm256_slli_epi32::<3>(_mm256_and_si256(segment, _mm256_set1_epi32(SEGMENTS as i32 - 1)))
    }
}

/// Values of eight polynomials.
#[inline(always)]
unsafe fn eight_values(polynomials: &Polynomials, segments: *const u32, t: __m256) -> __m256 {
    unsafe {
        let first = polynomials.by_segment.as_ptr().cast::<f32>();
        let [c4, c5, _, _] = turned(eight_records(places(first.add(4), segments)));
        let [c0, c1, c2, c3] = turned(eight_records(places(first, segments)));
        let value = _mm256_fmadd_ps(c5, t, c4);
        let value = _mm256_fmadd_ps(value, t, c3);
        let value = _mm256_fmadd_ps(value, t, c2);
        let value = _mm256_fmadd_ps(value, t, c1);
        _mm256_fmadd_ps(value, t, c0)
    }
}

/// The numbers `base[index / 4]` of eight indices.
#[inline(always)]
unsafe fn eight_numbers(base: *const f32, index: *const u32) -> __m256 {
    unsafe {
        let mut numbers = [0.0; WIDTH];
        for (k, number) in numbers.iter_mut().enumerate() {
            *number = *base.byte_add(*index.add(k) as usize);
        }
        let [a, b, c, d, e, f, g, h] = numbers;
        _mm256_setr_ps(a, b, c, d, e, f, g, h)
    }
}

/// From a record to eight others, component by component.
#[inline(always)]
unsafe fn away_from(owner: *const Short, [a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
    unsafe {
        let from = _mm256_broadcast_ps(&*owner.cast());
        turned([_mm256_sub_ps(a, from), _mm256_sub_ps(b, from), _mm256_sub_ps(c, from), _mm256_sub_ps(d, from)])
    }
}

/// One half of `exchange_halves`.
#[inline(always)]
unsafe fn exchange_eight<const FOURTH: bool>(
    base: *mut Short,
    index: *const u32,
    owner: *mut Short,
    v: [__m256; 4],
    here: __m256,
) {
    unsafe {
        let v = turned(v);
        put_eight(base, index, v);
        let mut sum = sum_of_rows(v);
        if FOURTH {
            sum = _mm_insert_ps::<0x30>(sum, _mm_set_ss(-sum_of_eight(here)));
        }
        take_from(owner, sum);
    }
}

/// One half of `part`.
#[inline(always)]
unsafe fn part_of_eight(
    s: __m256,
    index: *const u32,
    valid: u8,
    limits: (__m256, __m256),
    near: *mut u32,
    far: *mut u32,
) -> (*mut u32, *mut u32) {
    unsafe {
        let close = below_of_eight(s, limits.0) & valid;
        let wide = below_of_eight(s, limits.1) & !close & valid;
        let numbers = _mm256_loadu_si256(index.cast());
        (append(numbers, close, near), append(numbers, wide, far))
    }
}

impl Singles for Avx2 {
    type S = Sixteen;
    /// Places of the coefficients, in numbers.
    type Segments = [u32; SINGLES];

    #[inline(always)]
    unsafe fn all(x: f32) -> Sixteen {
        unsafe { Halves(_mm256_set1_ps(x), _mm256_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn read(from: *const f32) -> Sixteen {
        unsafe { Halves(_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(WIDTH))) }
    }
    #[inline(always)]
    unsafe fn write(to: *mut f32, v: Sixteen) {
        unsafe {
            _mm256_storeu_ps(to, v.0);
            _mm256_storeu_ps(to.add(WIDTH), v.1);
        }
    }
    #[inline(always)]
    unsafe fn plus(a: Sixteen, b: Sixteen) -> Sixteen {
        unsafe { Halves(_mm256_add_ps(a.0, b.0), _mm256_add_ps(a.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn minus(a: Sixteen, b: Sixteen) -> Sixteen {
        unsafe { Halves(_mm256_sub_ps(a.0, b.0), _mm256_sub_ps(a.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn times(a: Sixteen, b: Sixteen) -> Sixteen {
        unsafe { Halves(_mm256_mul_ps(a.0, b.0), _mm256_mul_ps(a.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn times_plus(a: Sixteen, b: Sixteen, c: Sixteen) -> Sixteen {
        unsafe { Halves(_mm256_fmadd_ps(a.0, b.0, c.0), _mm256_fmadd_ps(a.1, b.1, c.1)) }
    }
    #[inline(always)]
    unsafe fn if_below(a: Sixteen, b: Sixteen, c: Sixteen) -> Sixteen {
        unsafe {
            Halves(
                _mm256_blendv_ps(c.0, a.0, _mm256_cmp_ps::<_CMP_LT_OQ>(a.0, b.0)),
                _mm256_blendv_ps(c.1, a.1, _mm256_cmp_ps::<_CMP_LT_OQ>(a.1, b.1)),
            )
        }
    }
    #[inline(always)]
    unsafe fn greater(a: Sixteen, b: Sixteen) -> Sixteen {
        unsafe { Halves(_mm256_max_ps(a.0, b.0), _mm256_max_ps(a.1, b.1)) }
    }
    #[inline(always)]
    unsafe fn below(a: Sixteen, b: Sixteen) -> u16 {
        unsafe { u16::from(below_of_eight(a.0, b.0)) | u16::from(below_of_eight(a.1, b.1)) << WIDTH }
    }
    #[inline(always)]
    unsafe fn total(a: Sixteen) -> f32 {
        unsafe { sum_of_eight(_mm256_add_ps(a.0, a.1)) }
    }
    #[inline(always)]
    unsafe fn segment(s: Sixteen) -> (Self::Segments, Sixteen) {
        unsafe {
            let mut places = [0u32; SINGLES];
            _mm256_storeu_si256(places.as_mut_ptr().cast(), coefficients_of(s.0));
            _mm256_storeu_si256(places.as_mut_ptr().add(WIDTH).cast(), coefficients_of(s.1));
            (places, Halves(from_middle(s.0), from_middle(s.1)))
        }
    }
    #[inline(always)]
    unsafe fn polynomial(polynomials: &Polynomials, segments: Self::Segments, t: Sixteen) -> Sixteen {
        unsafe {
            let segments = segments.as_ptr();
            Halves(eight_values(polynomials, segments, t.0), eight_values(polynomials, segments.add(WIDTH), t.1))
        }
    }
    #[inline(always)]
    unsafe fn collect(base: *const Short, index: *const u32) -> [Sixteen; 4] {
        unsafe {
            let low = turned(eight_records(places(base.cast(), index)));
            let high = turned(eight_records(places(base.cast(), index.add(WIDTH))));
            [Halves(low[0], high[0]), Halves(low[1], high[1]), Halves(low[2], high[2]), Halves(low[3], high[3])]
        }
    }
    #[inline(always)]
    unsafe fn spread(base: *mut Short, index: *const u32, owner: *mut Short, [x, y, z]: [Sixteen; 3]) {
        unsafe {
            let low = turned([x.0, y.0, z.0, _mm256_setzero_ps()]);
            let high = turned([x.1, y.1, z.1, _mm256_setzero_ps()]);
            put_eight(base, index, low);
            put_eight(base, index.add(WIDTH), high);
            take_from(owner, _mm_add_ps(sum_of_rows(low), sum_of_rows(high)));
        }
    }
    #[inline(always)]
    unsafe fn join(low: *const f32, high: *const f32) -> Sixteen {
        unsafe { Halves(_mm256_loadu_ps(low), _mm256_loadu_ps(high)) }
    }
    #[inline(always)]
    unsafe fn halves(low: f32, high: f32) -> Sixteen {
        unsafe { Halves(_mm256_set1_ps(low), _mm256_set1_ps(high)) }
    }
    #[inline(always)]
    unsafe fn between(base: *const Short, index: *const u32, owners: [*const Short; 2]) -> [Sixteen; 4] {
        unsafe {
            let low = away_from(owners[0], eight_records(places(base.cast(), index)));
            let high = away_from(owners[1], eight_records(places(base.cast(), index.add(WIDTH))));
            [Halves(low[0], high[0]), Halves(low[1], high[1]), Halves(low[2], high[2]), Halves(low[3], high[3])]
        }
    }
    #[inline(always)]
    unsafe fn exchange_halves<const FOURTH: bool>(
        base: *mut Short,
        index: *const u32,
        owners: [*mut Short; 2],
        [x, y, z]: [Sixteen; 3],
        there: Sixteen,
        here: Sixteen,
    ) {
        unsafe {
            exchange_eight::<FOURTH>(base, index, owners[0], [x.0, y.0, z.0, there.0], here.0);
            exchange_eight::<FOURTH>(base, index.add(WIDTH), owners[1], [x.1, y.1, z.1, there.1], here.1);
        }
    }
    #[inline(always)]
    unsafe fn subtract_halves(owners: [*mut Short; 2], [x, y, z]: [Sixteen; 3]) {
        unsafe {
            take_from(owners[0], sum_of_rows(turned([x.0, y.0, z.0, _mm256_setzero_ps()])));
            take_from(owners[1], sum_of_rows(turned([x.1, y.1, z.1, _mm256_setzero_ps()])));
        }
    }
    #[inline(always)]
    unsafe fn numbers(base: *const f32, index: *const u32) -> Sixteen {
        unsafe { Halves(eight_numbers(base, index), eight_numbers(base, index.add(WIDTH))) }
    }
    #[inline(always)]
    unsafe fn part(
        s: Sixteen,
        index: *const u32,
        valid: u16,
        limits: (Sixteen, Sixteen),
        near: *mut u32,
        far: *mut u32,
    ) -> (*mut u32, *mut u32) {
        unsafe {
            let [low, high] = valid.to_le_bytes();
            let (near, far) = part_of_eight(s.0, index, low, (limits.0.0, limits.1.0), near, far);
            part_of_eight(s.1, index.add(WIDTH), high, (limits.0.1, limits.1.1), near, far)
        }
    }
}
