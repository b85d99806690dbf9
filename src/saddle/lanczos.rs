//! The lowest eigenpairs of a symmetric operator known by its products alone.
//!
//! Lanczos, J. Res. Natl. Bur. Stand. 45, 255 (1950), <https://doi.org/10.6028/jres.045.026>.

use super::vectors::{add_scaled, copy, dot, normalize, remove, remove_mean, scale};
use crate::cell::Vector;

/// The operator: `product(v, out)` writes `H v` to `out`.
pub type Product<'a> = dyn FnMut(&[Vector], &mut [Vector]) + 'a;

/// The lowest eigenpair as far as the iteration went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lowest {
    /// Lowest Ritz value; never below the lowest eigenvalue [energy/length^2].
    pub eigenvalue: f64,
    /// Length of `H v - eigenvalue v`, within which lies an eigenvalue; of [`Lanczos::softest`], the like in the measure of its `M^-1`.
    pub residual: f64,
    /// Products used.
    pub products: usize,
}

/// When the iteration ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// Most vectors.
    pub vectors: usize,
    /// Relative change of the lowest Ritz value from one vector to the next.
    pub change: f64,
    /// If positive, the residual must be below this part of the eigenvalue as well.
    pub residual: f64,
}

/// Buffers of the iteration, kept between calls.
#[derive(Debug, Default)]
pub struct Lanczos {
    basis: Vec<Vec<Vector>>,
    next: Vec<Vector>,
    alpha: Vec<f64>,
    beta: Vec<f64>,
    ritz: Vec<f64>,
    pivots: Vec<f64>,
}

impl Lanczos {
    /// The lowest eigenpair reached from `vector`, which is replaced by the unit eigenvector, of the same sign.
    pub fn lowest(&mut self, product: &mut Product, vector: &mut [Vector], stop: Stop) -> Lowest {
        let mut found = Lowest { eigenvalue: f64::NAN, residual: f64::INFINITY, products: 0 };
        self.alpha.clear();
        self.beta.clear();
        normalize(vector);
        self.store(0, vector);
        for j in 0..stop.vectors.max(1) {
            self.next.resize(vector.len(), Vector::zeros());
            product(&self.basis[j], &mut self.next);
            let alpha = dot(&self.basis[j], &self.next);
            self.alpha.push(alpha);
            add_scaled(&mut self.next, -alpha, &self.basis[j]);
            if j > 0 {
                add_scaled(&mut self.next, -self.beta[j - 1], &self.basis[j - 1]);
            }
            // Lanczos loses orthogonality as soon as a Ritz value converges, so we project what is left against all vectors.
            for q in &self.basis[..=j] {
                remove(&mut self.next, q);
            }
            let beta = normalize(&mut self.next);
            let previous = found.eigenvalue;
            let eigenvalue = lowest_of_tridiagonal(&self.alpha, &self.beta, &mut self.ritz, &mut self.pivots);
            let residual = beta * self.ritz[j].abs();
            found = Lowest { eigenvalue, residual, products: j + 1 };
            let settled = (eigenvalue - previous).abs() <= stop.change * eigenvalue.abs()
                && (stop.residual <= 0.0 || residual <= stop.residual * eigenvalue.abs());
            if (j >= 2 && settled) || beta < 1e-12 || j + 1 == 3 * vector.len() {
                break;
            }
            self.beta.push(beta);
            let next = std::mem::take(&mut self.next);
            self.store(j + 1, &next);
            self.next = next;
        }
        self.assemble(vector);
        found
    }

    fn store(&mut self, place: usize, vector: &[Vector]) {
        if self.basis.len() <= place {
            self.basis.push(Vec::new());
        }
        copy(&mut self.basis[place], vector);
    }

    /// The Ritz vector in the space of all atoms, with the sign of the start vector, made a unit vector; the length it had.
    fn assemble(&self, vector: &mut [Vector]) -> f64 {
        let sign = if self.ritz[0] < 0.0 { -1.0 } else { 1.0 };
        vector.fill(Vector::zeros());
        for (q, y) in self.basis.iter().zip(&self.ritz) {
            add_scaled(vector, sign * y, q);
        }
        normalize(vector)
    }

    /// Curvature of the operator in the direction across `mode` (and without rigid translation if `free`) in which it is softest
    /// compared with another operator `M` of which `soften` gives the inverse: the lowest solution of
    ///
    /// ```math
    /// H x = theta M x,    curvature = x . H x / x . x
    /// ```
    ///
    /// `M` is positive, so that the curvature has the sign of the lowest eigenvalue across the mode, and is never below it. With the
    /// Hessian of the minimum for `M` what an event made soft stands out from the soft waves of any glass.
    ///
    /// The start is drawn at random by the caller, and becomes the direction: a good one would only show what it is near to. Vectors
    /// are not orthogonalised: the iteration then repeats what it has found, which does no harm to the lowest. It ends when
    /// the residual of `theta` is below `stop.residual` times `theta`, or at `stop.vectors`; `stop.change` plays no part.
    pub fn softest(
        &mut self,
        product: &mut Product,
        soften: &mut Product,
        mode: &[Vector],
        free: bool,
        start: &mut [Vector],
        stop: Stop,
    ) -> Lowest {
        let project = |x: &mut [Vector]| {
            remove(x, mode);
            if free {
                remove_mean(x);
            }
        };
        self.alpha.clear();
        self.beta.clear();
        let mut found = Lowest { eigenvalue: f64::NAN, residual: f64::INFINITY, products: 0 };
        // `force` is what `M` makes of the vector of the basis.
        let (mut force, mut last, mut next) = (start.to_vec(), vec![Vector::zeros(); start.len()], start.to_vec());
        project(&mut force);
        for j in 0..=stop.vectors {
            soften(&force, &mut next);
            project(&mut next);
            let length = dot(&force, &next).max(0.0).sqrt();
            let exhausted = length < 1e-10;
            if j > 0 && (exhausted || j.is_multiple_of(4) || j == stop.vectors) {
                let theta = lowest_of_tridiagonal(&self.alpha, &self.beta, &mut self.ritz, &mut self.pivots);
                found = Lowest { eigenvalue: theta, residual: length * self.ritz[j - 1].abs(), products: j };
                if exhausted || j == stop.vectors || found.residual < stop.residual * theta.abs() {
                    break;
                }
            }
            if exhausted {
                return found;
            }
            scale(&mut force, 1.0 / length);
            scale(&mut next, 1.0 / length);
            if j > 0 {
                self.beta.push(length);
            }
            self.store(j, &next);
            product(&self.basis[j], &mut next);
            project(&mut next);
            if j > 0 {
                add_scaled(&mut next, -length, &last);
            }
            let alpha = dot(&self.basis[j], &next);
            add_scaled(&mut next, -alpha, &force);
            self.alpha.push(alpha);
            std::mem::swap(&mut last, &mut force);
            std::mem::swap(&mut force, &mut next);
        }
        let length = self.assemble(start);
        // The basis is orthonormal in `M`: the Ritz vector gives theta for `x . H x`.
        let by_length = 1.0 / (length * length);
        Lowest { eigenvalue: found.eigenvalue * by_length, residual: found.residual * by_length, ..found }
    }
}

/// Lowest eigenvalue of a symmetric tridiagonal matrix with diagonal `alpha` and `beta` beside it; its unit eigenvector is
/// written to `vector`.
fn lowest_of_tridiagonal(alpha: &[f64], beta: &[f64], vector: &mut Vec<f64>, pivots: &mut Vec<f64>) -> f64 {
    let n = alpha.len();
    let beside = |k: usize| if k < n - 1 { beta[k].abs() } else { 0.0 };
    let radius = |k: usize| beside(k) + if k > 0 { beta[k - 1].abs() } else { 0.0 };
    let mut low = (0..n).map(|k| alpha[k] - radius(k)).fold(f64::INFINITY, f64::min);
    // The lowest eigenvalue is never above a diagonal element.
    let mut high = alpha.iter().copied().fold(f64::INFINITY, f64::min);
    let scale_of = low.abs().max(high.abs()).max(1e-300);
    while high - low > 1e-14 * scale_of {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        let mut pivot = f64::INFINITY;
        let positive = (0..n).all(|k| {
            let coupling = if k > 0 { beta[k - 1] * beta[k - 1] } else { 0.0 };
            pivot = alpha[k] - middle - coupling / pivot;
            pivot > 0.0
        });
        if positive {
            low = middle;
        } else {
            high = middle;
        }
    }
    // Below its lowest eigenvalue the matrix is positive definite, so elimination needs no pivoting.
    let shift = low - 1e-13 * scale_of;
    pivots.clear();
    for k in 0..n {
        let coupling = if k > 0 { beta[k - 1] * beta[k - 1] / pivots[k - 1] } else { 0.0 };
        pivots.push((alpha[k] - shift - coupling).max(1e-300));
    }
    vector.clear();
    vector.resize(n, 1.0);
    for _ in 0..3 {
        for k in 1..n {
            vector[k] -= beta[k - 1] / pivots[k - 1] * vector[k - 1];
        }
        for k in (0..n).rev() {
            let above = if k + 1 < n { beta[k] * vector[k + 1] } else { 0.0 };
            vector[k] = (vector[k] - above) / pivots[k];
        }
        let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        vector.iter_mut().for_each(|x| *x /= length);
    }
    0.5 * (low + high)
}

/// A vector of independent normal components, of length one.
pub(super) fn random_direction(atoms: usize, random: &mut crate::random::Random) -> Vec<Vector> {
    use rand_distr::{Distribution, StandardNormal};
    let mut v: Vec<Vector> = (0..atoms).map(|_| Vector::from_fn(|_, _| StandardNormal.sample(random))).collect();
    normalize(&mut v);
    v
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, stream};
    use nalgebra::DMatrix;
    use rand::RngExt;

    /// A symmetric matrix with eigenvalues spread like those of a glass at a saddle.
    fn matrix(atoms: usize) -> DMatrix<f64> {
        let mut random = stream(7, Purpose::Eigenvector, 0);
        let n = 3 * atoms;
        let basis = DMatrix::from_fn(n, n, |_, _| random.random_range(-1.0..1.0)).qr().q();
        let values = DMatrix::from_diagonal(&nalgebra::DVector::from_fn(n, |k, _| {
            if k == 0 { -0.7 } else { 0.3 + 40.0 * (k as f64 / n as f64).powi(2) }
        }));
        &basis * values * basis.transpose()
    }

    fn apply(m: &DMatrix<f64>, v: &[Vector], out: &mut [Vector]) {
        for (i, o) in out.iter_mut().enumerate() {
            *o = Vector::from_fn(|a, _| {
                v.iter().enumerate().map(|(j, x)| (0..3).map(|b| m[(3 * i + a, 3 * j + b)] * x[b]).sum::<f64>()).sum()
            });
        }
    }

    #[test]
    fn agrees_with_a_dense_matrix() {
        let m = matrix(30);
        let mut exact: Vec<f64> = m.clone().symmetric_eigenvalues().iter().copied().collect();
        exact.sort_by(f64::total_cmp);
        let mut lanczos = Lanczos::default();
        let mut v = random_direction(30, &mut stream(1, Purpose::Eigenvector, 1));
        let stop = Stop { vectors: 90, change: 1e-10, residual: 1e-6 };
        let lowest = lanczos.lowest(&mut |x, out| apply(&m, x, out), &mut v, stop);
        assert!((lowest.eigenvalue - exact[0]).abs() < 1e-9, "{lowest:?} {}", exact[0]);
        let mut product = vec![Vector::zeros(); 30];
        apply(&m, &v, &mut product);
        add_scaled(&mut product, -lowest.eigenvalue, &v);
        assert!(super::super::vectors::norm(&product) < 1e-6);
        let mut start = random_direction(30, &mut stream(1, Purpose::Eigenvector, 2));
        let stop = Stop { vectors: 300, change: 0.0, residual: 1e-5 };
        let unity = &mut |x: &[Vector], out: &mut [Vector]| out.copy_from_slice(x);
        let second = lanczos.softest(&mut |x, out| apply(&m, x, out), unity, &v, false, &mut start, stop);
        assert!((second.eigenvalue - exact[1]).abs() < 1e-6, "{second:?} {}", exact[1]);
        assert!(second.residual < 1e-5);
    }

    #[test]
    fn a_second_negative_eigenvalue_comes_with_its_vector() {
        let mut m = matrix(20);
        m -= DMatrix::identity(60, 60) * 0.4;
        let mut lanczos = Lanczos::default();
        let mut v = random_direction(20, &mut stream(3, Purpose::Eigenvector, 1));
        lanczos.lowest(&mut |x, out| apply(&m, x, out), &mut v, Stop { vectors: 60, change: 1e-12, residual: 1e-8 });
        let mut w = random_direction(20, &mut stream(3, Purpose::Eigenvector, 2));
        let stop = Stop { vectors: 200, change: 0.0, residual: 1e-4 };
        let unity = &mut |x: &[Vector], out: &mut [Vector]| out.copy_from_slice(x);
        let second = lanczos.softest(&mut |x, out| apply(&m, x, out), unity, &v, false, &mut w, stop);
        let mut product = vec![Vector::zeros(); 20];
        apply(&m, &w, &mut product);
        add_scaled(&mut product, -second.eigenvalue, &w);
        assert!(second.eigenvalue < 0.0 && super::super::vectors::norm(&product) < 1e-4, "{second:?}");
        assert!(dot(&v, &w).abs() < 1e-6);
    }

    #[test]
    fn the_softest_direction_has_the_sign_of_the_second_eigenvalue_and_its_own_curvature() {
        for shift in [0.0, 0.25, 0.4] {
            let m = matrix(20) - DMatrix::identity(60, 60) * shift;
            let mut exact: Vec<f64> = m.clone().symmetric_eigenvalues().iter().copied().collect();
            exact.sort_by(f64::total_cmp);
            let mut lanczos = Lanczos::default();
            let mut v = random_direction(20, &mut stream(4, Purpose::Eigenvector, 1));
            let stop = Stop { vectors: 60, change: 1e-12, residual: 1e-8 };
            lanczos.lowest(&mut |x, out| apply(&m, x, out), &mut v, stop);
            let mut x = random_direction(20, &mut stream(4, Purpose::Eigenvector, 2));
            let soften = &mut |f: &[Vector], out: &mut [Vector]| {
                out.iter_mut().zip(f).enumerate().for_each(|(k, (o, f))| *o = f / (1.0 + k as f64));
            };
            let stop = Stop { vectors: 200, change: 0.0, residual: 0.01 };
            let found = lanczos.softest(&mut |x, out| apply(&m, x, out), soften, &v, false, &mut x, stop);
            let mut product = vec![Vector::zeros(); 20];
            apply(&m, &x, &mut product);
            let curvature = dot(&x, &product);
            assert!((found.eigenvalue - curvature).abs() < 0.02 * curvature.abs(), "{found:?} {curvature}");
            assert!(curvature > exact[1] - 1e-9 && curvature * exact[1] > 0.0, "{curvature} {}", exact[1]);
        }
    }

    #[test]
    fn a_good_start_needs_few_products_and_keeps_its_sign() {
        let m = matrix(30);
        let mut lanczos = Lanczos::default();
        let mut v = random_direction(30, &mut stream(2, Purpose::Eigenvector, 1));
        lanczos.lowest(&mut |x, out| apply(&m, x, out), &mut v, Stop { vectors: 90, change: 1e-12, residual: 1e-8 });
        scale(&mut v, -1.0);
        let before = v.clone();
        let found =
            lanczos.lowest(&mut |x, out| apply(&m, x, out), &mut v, Stop { vectors: 16, change: 1e-2, residual: 0.0 });
        assert!(found.products <= 3 && dot(&v, &before) > 0.999, "{found:?}");
    }
}
