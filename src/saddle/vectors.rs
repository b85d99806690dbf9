//! Arithmetic of lists of three-vectors, one for each atom, seen as one long vector.

use crate::cell::Vector;

/// Plain dot product over all components, summed in a fixed order.
pub fn dot(a: &[Vector], b: &[Vector]) -> f64 {
    // Four partial sums of three components keep the adders busy: a single sum waits for itself.
    let mut sums = [Vector::zeros(); 4];
    let (mut x, mut y) = (a.chunks_exact(4), b.chunks_exact(4));
    for (p, q) in x.by_ref().zip(y.by_ref()) {
        for k in 0..4 {
            sums[k] += p[k].component_mul(&q[k]);
        }
    }
    for (p, q) in x.remainder().iter().zip(y.remainder()) {
        sums[0] += p.component_mul(q);
    }
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum()
}

/// Euclidean length over all components.
pub fn norm(a: &[Vector]) -> f64 {
    dot(a, a).sqrt()
}

/// Largest length of the vector of one atom.
pub fn largest(a: &[Vector]) -> f64 {
    a.iter().map(Vector::norm_squared).fold(0.0, f64::max).sqrt()
}

/// `y += factor x`.
pub fn add_scaled(y: &mut [Vector], factor: f64, x: &[Vector]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += x * factor);
}

/// `y *= factor`.
pub fn scale(y: &mut [Vector], factor: f64) {
    y.iter_mut().for_each(|y| *y *= factor);
}

/// Make a vector of length one; leaves zero alone. Returns the length it had.
pub fn normalize(y: &mut [Vector]) -> f64 {
    let length = norm(y);
    if length > 0.0 {
        scale(y, 1.0 / length);
    }
    length
}

/// Remove from `y` its part along the unit vector `direction`; returns that part.
pub fn remove(y: &mut [Vector], direction: &[Vector]) -> f64 {
    let along = dot(y, direction);
    add_scaled(y, -along, direction);
    along
}

/// Remove the mean of all atoms: the rigid translation.
pub fn remove_mean(y: &mut [Vector]) {
    let mean = y.iter().sum::<Vector>() / y.len().max(1) as f64;
    y.iter_mut().for_each(|y| *y -= mean);
}

/// Copy into a buffer whose memory is kept.
pub fn copy(out: &mut Vec<Vector>, from: &[Vector]) {
    out.clear();
    out.extend_from_slice(from);
}
