//! Passes over velocities, forces and positions, for every instruction set.
//!
//! Velocities lie one after the other, `x y z x y z`, and eight atoms fill three vectors of eight numbers. Each lane of these has
//! its component for good, so that sums over atoms are made lane by lane, and no numbers change places.
#![allow(unsafe_code)]

use super::state::{Motion, faster};
use crate::cell::{Tensor, Vector};
use crate::potential::kernel::ahead;
use crate::potential::lanes::{Lanes, dispatch};

/// Atoms of a group.
const ATOMS: usize = 8;

/// Numbers of a group.
const NUMBERS: usize = 3 * ATOMS;

/// The numbers of vectors.
fn numbers(vectors: &[Vector]) -> &[f64] {
    // SAFETY: a vector is three numbers in a row.
    unsafe { std::slice::from_raw_parts(vectors.as_ptr().cast(), 3 * vectors.len()) }
}

fn numbers_mut(vectors: &mut [Vector]) -> &mut [f64] {
    // SAFETY: a vector is three numbers in a row.
    unsafe { std::slice::from_raw_parts_mut(vectors.as_mut_ptr().cast(), 3 * vectors.len()) }
}

/// One number of each atom, three times.
#[inline(always)]
fn thrice(x: [f64; ATOMS]) -> [f64; NUMBERS] {
    let mut all = [0.0; NUMBERS];
    for (k, all) in all.iter_mut().enumerate() {
        *all = x[k / 3];
    }
    all
}

dispatch! {
    /// `v -> keep v + push f / m`
    pub fn kick / kick_body(keep: f64, push: f64, velocities: &mut [Vector], forces: &[Vector], masses: &[f64])
}

#[inline(always)]
unsafe fn kick_body<L: Lanes>(keep: f64, push: f64, velocities: &mut [Vector], forces: &[Vector], masses: &[f64]) {
    let (groups, rest) = numbers_mut(velocities).as_chunks_mut::<NUMBERS>();
    let (force_groups, force_rest) = numbers(forces).as_chunks::<NUMBERS>();
    let (mass_groups, mass_rest) = masses.as_chunks::<ATOMS>();
    for ((v, f), m) in groups.iter_mut().zip(force_groups).zip(mass_groups) {
        ahead::<L, _>(v);
        ahead::<L, _>(f);
        ahead::<L, _>(m);
        let push = thrice(std::array::from_fn(|k| push / m[k]));
        for k in 0..NUMBERS {
            v[k] = v[k] * keep + f[k] * push[k];
        }
    }
    for (k, (v, f)) in rest.iter_mut().zip(force_rest).enumerate() {
        *v = *v * keep + f * (push / mass_rest[k / 3]);
    }
}

dispatch! {
    /// `r -> stretch r + carry v`
    pub fn drift / drift_body(stretch: f64, carry: f64, positions: &mut [Vector], velocities: &[Vector])
}

#[inline(always)]
unsafe fn drift_body<L: Lanes>(stretch: f64, carry: f64, positions: &mut [Vector], velocities: &[Vector]) {
    let (groups, rest) = numbers_mut(positions).as_chunks_mut::<NUMBERS>();
    let (velocity_groups, velocity_rest) = numbers(velocities).as_chunks::<NUMBERS>();
    let move_on = |r: &mut f64, v: &f64| *r = *r * stretch + v * carry;
    for (r, v) in groups.iter_mut().zip(velocity_groups) {
        ahead::<L, _>(r);
        r.iter_mut().zip(v).for_each(|(r, v)| move_on(r, v));
    }
    rest.iter_mut().zip(velocity_rest).for_each(|(r, v)| move_on(r, v));
}

dispatch! {
    /// What the velocities of atoms are together; of the symmetric tensor the upper half.
    pub fn measure / measure_body(velocities: &[Vector], masses: &[f64]) -> Motion
}

#[inline(always)]
unsafe fn measure_body<L: Lanes>(velocities: &[Vector], masses: &[f64]) -> Motion {
    let v = numbers(velocities);
    // Squares, and products with the next number and the one after it: each is a component of the tensor in some of the lanes, and
    // the sum of three squares is one of a single atom in some.
    let mut sums = [[0.0; NUMBERS]; 3];
    let mut fastest = [0.0; NUMBERS];
    // Two numbers behind a group are looked at, too.
    let groups = velocities.len().saturating_sub(1) / ATOMS;
    for (group, m) in masses.as_chunks::<ATOMS>().0[..groups].iter().enumerate() {
        let window = &v[group * NUMBERS..group * NUMBERS + NUMBERS + 2];
        let m = thrice(*m);
        for k in 0..NUMBERS {
            let momentum = m[k] * window[k];
            sums[0][k] += momentum * window[k];
            sums[1][k] += momentum * window[k + 1];
            sums[2][k] += momentum * window[k + 2];
            let square = window[k] * window[k] + window[k + 1] * window[k + 1] + window[k + 2] * window[k + 2];
            fastest[k] = faster(fastest[k], square);
        }
    }
    let mut motion = Motion::default();
    for first in (0..NUMBERS).step_by(3) {
        for row in 0..3 {
            for column in row..3 {
                motion.kinetic[(row, column)] += sums[column - row][first + row];
            }
        }
        motion = motion.and(Motion { kinetic: Tensor::zeros(), fastest: fastest[first] });
    }
    for (v, m) in velocities.iter().zip(masses).skip(groups * ATOMS) {
        motion.count(v, *m);
    }
    motion
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::potential::lanes::Level;
    use crate::random::{Purpose, stream};
    use rand::RngExt;

    #[test]
    fn groups_of_eight_atoms_do_what_single_atoms_do() {
        let mut random = stream(5, Purpose::Packing, 0);
        for atoms in [0, 1, 7, 8, 9, 16, 21, 40] {
            let mut vectors = || -> Vec<Vector> {
                (0..atoms).map(|_| Vector::from_fn(|_, _| random.random_range(-1.0..1.0))).collect()
            };
            let (velocities, forces, positions) = (vectors(), vectors(), vectors());
            let masses: Vec<f64> = (0..atoms).map(|k| 1.0 + k as f64).collect();
            let mut expected = Motion::default();
            velocities.iter().zip(&masses).for_each(|(v, m)| expected.count(v, *m));
            for level in Level::available() {
                let motion = measure(level, &velocities, &masses);
                assert!((motion.kinetic - expected.kinetic).amax() < 1e-12 * (1.0 + expected.kinetic.amax()));
                assert!((motion.fastest - expected.fastest).abs() < 1e-15);
                let (mut v, mut r) = (velocities.clone(), positions.clone());
                kick(level, 0.9, 0.3, &mut v, &forces, &masses);
                drift(level, 1.1, 0.2, &mut r, &v);
                for k in 0..atoms {
                    assert!((v[k] - (velocities[k] * 0.9 + forces[k] * (0.3 / masses[k]))).amax() < 1e-15);
                    assert!((r[k] - (positions[k] * 1.1 + v[k] * 0.2)).amax() < 1e-15);
                }
            }
        }
    }

    #[test]
    fn a_speed_that_is_no_number_is_noticed() {
        let mut velocities = vec![Vector::repeat(1.0); 20];
        velocities[3].y = f64::NAN;
        for level in Level::available() {
            assert!(measure(level, &velocities, &[1.0; 20]).fastest == f64::INFINITY);
        }
    }
}
