//! Lowest eigenpairs of a large symmetric operator that is only ever applied, and all of a small dense one.
//!
//! Block Lanczos on a Chebyshev polynomial of the operator. The polynomial is at most 1 in magnitude above a bound and grows fast
//! below it, so the wanted end of the spectrum is spread out and everything else is pushed together; a few basis vectors
//! for each eigenpair are then enough. Zhou, Saad, Tiago, Chelikowsky, J. Comput. Phys. 219, 172 (2006),
//! <https://doi.org/10.1016/j.jcp.2006.03.017>; thick restart: Wu, Simon, SIAM J. Matrix Anal. Appl. 22, 602 (2000),
//! <https://doi.org/10.1137/S0895479898334605>.
//!
//! Every sum has a fixed order, so the result does not depend on the number of threads.

use crate::error::{Error, Result};
use crate::observer::Observer;
use crate::random::{Purpose, Random, stream};
use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd;
use faer::linalg::matmul::matmul;
use faer::reborrow::*;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Columns that are filtered together.
const BLOCK: usize = 8;
/// Rows whose products are summed together: fixes the order of sums for any number of threads.
const ROWS: usize = 2048;
/// Largest dimension for which a dense matrix is made.
pub(crate) const DENSE_LIMIT: usize = 3000;
/// Value of the filter above which an eigenvalue counts as below the filter's bound.
const CLEAR: f64 = 2.0;

/// A symmetric operator on vectors of length `len`.
pub(crate) trait Operator: Sync {
    /// Length of the vectors.
    fn len(&self) -> usize;

    /// `y = A x`, column by column.
    fn apply(&self, x: MatRef<f64>, y: MatMut<f64>);
}

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Search {
    /// Number of eigenpairs.
    pub count: usize,
    /// Largest `|A x - lambda x|` in units of the largest eigenvalue.
    pub tolerance: f64,
    /// Seed of the start vectors.
    pub seed: u64,
}

/// Eigenpairs in ascending order.
#[derive(Clone, Debug)]
pub(crate) struct Eigenpairs {
    pub values: Vec<f64>,
    /// Orthonormal columns.
    pub vectors: Mat<f64>,
    /// `|A x - lambda x|` of each pair.
    pub residuals: Vec<f64>,
}

/// The lowest eigenpairs in the complement of `locked`, whose orthonormal columns span an invariant subspace.
pub(crate) fn lowest(
    operator: &dyn Operator,
    locked: MatRef<f64>,
    search: &Search,
    observer: &dyn Observer,
) -> Result<Eigenpairs> {
    let free = operator.len() - locked.ncols();
    if search.count > free {
        return Err(Error::input(format!("modes: `lowest` is {}, but there are only {free} modes", search.count)));
    }
    if search.count == 0 {
        return Ok(Eigenpairs { values: vec![], vectors: Mat::zeros(operator.len(), 0), residuals: vec![] });
    }
    if Lanczos::largest(search.count) >= free {
        let mut pairs = all(operator, locked)?;
        pairs.values.truncate(search.count);
        pairs.residuals.truncate(search.count);
        pairs.vectors = pairs.vectors.subcols(0, search.count).to_owned();
        return Ok(pairs);
    }
    let top = upper_bound(operator, search.seed);
    // A Debye spectrum has the lowest share f of its modes below f^(2/3) of its largest eigenvalue; glasses have more there.
    let share = search.count as f64 / free as f64;
    let mut bound = top * (3.0 * share.powf(2.0 / 3.0)).clamp(0.002, 0.8);
    for _ in 0..12 {
        let filter = Filter::new(operator, bound, top);
        observer.begin("modes", search.count as u64);
        let pairs = Lanczos::new(&filter, locked, search).run(observer);
        observer.end();
        if let Some(pairs) = pairs? {
            return Ok(pairs);
        }
        bound = (1.5 * bound).min(0.5 * (bound + top));
    }
    Err(Error::numeric(format!("modes: the {} lowest modes did not converge", search.count)))
}

/// All eigenpairs in the complement of `locked`, from the dense matrix of the operator.
pub(crate) fn all(operator: &dyn Operator, locked: MatRef<f64>) -> Result<Eigenpairs> {
    let n = operator.len();
    if n > DENSE_LIMIT {
        return Err(Error::input(format!(
            "modes: so many modes of {} atoms need a dense matrix, which is made for at most {} atoms; ask for fewer with \
             `lowest`",
            n / 3,
            DENSE_LIMIT / 3
        )));
    }
    let identity = Mat::<f64>::identity(n, n);
    let mut matrix = Mat::<f64>::zeros(n, n);
    operator.apply(identity.as_ref(), matrix.as_mut());
    matrix = 0.5 * (&matrix + matrix.transpose());
    let largest = matrix.col_iter().map(|c| c.norm_l1()).fold(1.0, f64::max);
    // Moved above the rest of the spectrum, the locked directions are the last columns.
    matmul(matrix.as_mut(), Accum::Add, locked, locked.transpose(), 4.0 * largest, Par::Seq);
    let free = n - locked.ncols();
    let (mut values, vectors) = dense(matrix.as_ref())?;
    values.truncate(free);
    let vectors = vectors.subcols(0, free).to_owned();
    let mut product = Mat::<f64>::zeros(n, free);
    operator.apply(vectors.as_ref(), product.as_mut());
    let residuals = residuals(product.as_ref(), vectors.as_ref(), &values);
    Ok(Eigenpairs { values, vectors, residuals })
}

/// `|A x - lambda x|` of each column, given `A x` and `x`.
fn residuals(ax: MatRef<f64>, x: MatRef<f64>, values: &[f64]) -> Vec<f64> {
    let one = |(k, value): (usize, &f64)| {
        ax.col(k).iter().zip(x.col(k).iter()).map(|(a, x)| (a - value * x).powi(2)).sum::<f64>().sqrt()
    };
    values.iter().enumerate().map(one).collect()
}

/// All eigenpairs of a dense symmetric matrix, of which the lower triangle is read.
pub(crate) fn dense(matrix: MatRef<f64>) -> Result<(Vec<f64>, Mat<f64>)> {
    let n = matrix.nrows();
    let mut values = Diag::<f64>::zeros(n);
    let mut vectors = Mat::<f64>::zeros(n, n);
    let scratch = evd::self_adjoint_evd_scratch::<f64>(n, evd::ComputeEigenvectors::Yes, Par::Seq, Default::default());
    evd::self_adjoint_evd(
        matrix,
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .map_err(|_| Error::numeric("modes: the dense eigenproblem did not converge"))?;
    Ok((values.column_vector().iter().copied().collect(), vectors))
}

/// A safe upper bound of the spectrum from a few Lanczos steps: the largest Ritz value plus the last residual.
///
/// Zhou, Li, Linear Algebra Appl. 435, 480 (2011), <https://doi.org/10.1016/j.laa.2010.06.034>.
fn upper_bound(operator: &dyn Operator, seed: u64) -> f64 {
    let n = operator.len();
    let steps = 24.min(n);
    let mut random = stream(seed, Purpose::Eigenvector, u64::MAX);
    let mut basis = Mat::<f64>::zeros(n, steps + 1);
    fill_random(basis.as_mut().subcols_mut(0, 1), &mut random);
    normalize(basis.as_mut().subcols_mut(0, 1));
    let mut projected = Mat::<f64>::zeros(steps, steps);
    let mut residual = 0.0;
    for k in 0..steps {
        let (known, mut next) = basis.as_mut().split_at_col_mut(k + 1);
        let mut next = next.rb_mut().subcols_mut(0, 1);
        operator.apply(known.rb().subcols(k, 1), next.rb_mut());
        let coefficients = project_out(known.rb(), next.rb_mut());
        for j in 0..=k {
            projected[(k, j)] = coefficients[(j, 0)];
        }
        residual = normalize(next);
        if residual < 1e-12 {
            break;
        }
    }
    let largest = dense(projected.as_ref()).map_or(0.0, |(values, _)| values.iter().fold(0.0, |m: f64, x| m.max(*x)));
    (largest + residual).max(f64::MIN_POSITIVE) * 1.02
}

/// The Chebyshev polynomial of even degree of an operator, mapped so that `[bound, top]` goes to `[-1, 1]`.
struct Filter<'a> {
    operator: &'a dyn Operator,
    degree: usize,
    centre: f64,
    half: f64,
    top: f64,
}

impl<'a> Filter<'a> {
    fn new(operator: &'a dyn Operator, bound: f64, top: f64) -> Filter<'a> {
        // exp(2 degree sqrt(bound / top)) is the growth at zero: about 400, enough to separate, too little to lose digits.
        let degree = 2 * (1.5 / (bound / top).sqrt()).ceil().clamp(2.0, 60.0) as usize;
        Filter { operator, degree, centre: 0.5 * (bound + top), half: 0.5 * (top - bound), top }
    }

    /// `y = T_degree((A - centre) / half) x`.
    fn apply(&self, x: MatRef<f64>, y: MatMut<f64>) {
        let mut y = y;
        let mut previous = x.to_owned();
        let mut product = Mat::<f64>::zeros(x.nrows(), x.ncols());
        self.operator.apply(x, product.as_mut());
        combine(y.rb_mut(), 1.0 / self.half, product.as_ref(), -self.centre / self.half, x, None);
        for _ in 1..self.degree {
            self.operator.apply(y.rb(), product.as_mut());
            // previous <- 2 (A - centre) / half * y - previous, then the two change places.
            let now = y.to_owned();
            combine(
                y.rb_mut(),
                2.0 / self.half,
                product.as_ref(),
                -2.0 * self.centre / self.half,
                now.as_ref(),
                Some(previous.as_ref()),
            );
            previous = now;
        }
    }

    /// The eigenvalue of the operator at which the polynomial has the value `p > 1`, and the polynomial's slope there.
    fn invert(&self, p: f64) -> (f64, f64) {
        let angle = p.acosh() / self.degree as f64;
        let slope = self.degree as f64 * p.acosh().sinh() / angle.sinh() / self.half;
        (self.centre - self.half * angle.cosh(), slope)
    }
}

/// `y = a p + b x - c`.
fn combine(y: MatMut<f64>, a: f64, p: MatRef<f64>, b: f64, x: MatRef<f64>, c: Option<MatRef<f64>>) {
    let mut y = y;
    y.rb_mut().par_col_chunks_mut(1).enumerate().for_each(|(k, mut column)| {
        for i in 0..column.nrows() {
            column[(i, 0)] = a * p[(i, k)] + b * x[(i, k)] - c.map_or(0.0, |c| c[(i, k)]);
        }
    });
}

/// Ritz values in descending order, their vectors in the basis and their residuals.
struct Ritz {
    values: Vec<f64>,
    vectors: Mat<f64>,
    residuals: Vec<f64>,
}

/// Block Lanczos on the filtered operator with full orthogonalization and thick restarts.
struct Lanczos<'a> {
    filter: &'a Filter<'a>,
    locked: MatRef<'a, f64>,
    search: &'a Search,
    random: Random,
    /// Orthonormal columns; the last block is not yet part of the projection.
    basis: Mat<f64>,
    /// Columns of `basis` in the projection.
    size: usize,
    /// Columns of `basis` that are set: `size` plus the next block.
    set: usize,
    /// The filtered operator in the basis.
    projected: Mat<f64>,
    /// What the last step left outside the basis, in the coordinates of the next block and the last one.
    coupling: Mat<f64>,
    /// True for the pass that looks for copies of degenerate eigenvalues that a first pass can miss.
    verifying: bool,
}

impl<'a> Lanczos<'a> {
    fn new(filter: &'a Filter, locked: MatRef<'a, f64>, search: &'a Search) -> Lanczos<'a> {
        let n = filter.operator.len();
        let most = Self::largest(search.count);
        let mut lanczos = Lanczos {
            filter,
            locked,
            search,
            random: stream(search.seed, Purpose::Eigenvector, 0),
            basis: Mat::zeros(n, most + BLOCK),
            size: 0,
            set: 0,
            projected: Mat::zeros(most + BLOCK, most + BLOCK),
            coupling: Mat::zeros(0, 0),
            verifying: false,
        };
        lanczos.append_random();
        lanczos
    }

    /// Largest size of the basis before a restart.
    fn largest(count: usize) -> usize {
        3 * count + 10 * BLOCK
    }

    /// The eigenpairs; nothing when the bound of the filter lies too low to hold them all.
    fn run(&mut self, observer: &dyn Observer) -> Result<Option<Eigenpairs>> {
        let most = Self::largest(self.search.count);
        let pause = (self.search.count / (4 * BLOCK)).max(2);
        for step in 1..=100 * (1 + most / BLOCK) {
            if observer.interrupted() {
                return Err(Error::interrupted());
            }
            self.step();
            let full = self.size + BLOCK > most;
            if !full && (step % pause != 0 || self.size < self.search.count + BLOCK) {
                continue;
            }
            let ritz = self.ritz()?;
            let converged = self.converged(&ritz);
            observer.advance(converged as u64, &|| format!("{converged} converged"));
            if converged == self.search.count {
                let pairs = self.rotate(&ritz)?;
                if pairs.residuals.iter().all(|r| *r <= self.search.tolerance * self.filter.top) {
                    if self.verifying {
                        return Ok(Some(pairs));
                    }
                    self.verifying = true;
                    self.restart(&ritz, self.search.count, true);
                    continue;
                }
            }
            if full {
                if ritz.values[self.search.count - 1] < CLEAR {
                    return Ok(None);
                }
                let keep = self.search.count + self.search.count / 4 + BLOCK;
                self.restart(&ritz, keep, false);
            }
        }
        Ok(None)
    }

    /// Filter the next block, add it to the projection and orthonormalize what is left into the block after it.
    fn step(&mut self) {
        let width = self.set - self.size;
        let (known, mut next) = self.basis.as_mut().split_at_col_mut(self.set);
        let known = known.rb();
        let mut next = next.rb_mut().subcols_mut(0, width);
        self.filter.apply(known.subcols(self.size, width), next.rb_mut());
        let scale = next.rb().norm_l2();
        project_out(self.locked, next.rb_mut());
        let mut coefficients = project_out(known, next.rb_mut());
        project_out(self.locked, next.rb_mut());
        coefficients += project_out(known, next.rb_mut());
        for k in 0..width {
            for j in 0..self.set {
                self.projected[(self.size + k, j)] = coefficients[(j, k)];
                self.projected[(j, self.size + k)] = coefficients[(j, k)];
            }
        }
        self.size = self.set;
        let (coupling, rank) = orthonormalize(next, scale);
        self.coupling = coupling;
        self.set += rank;
        if rank == 0 {
            self.append_random();
        }
    }

    fn ritz(&self) -> Result<Ritz> {
        let m = self.size;
        let (values, vectors) = dense(self.projected.as_ref().submatrix(0, 0, m, m))?;
        let width = self.coupling.ncols();
        let mut tail = Mat::<f64>::zeros(self.coupling.nrows(), m);
        matmul(
            tail.as_mut(),
            Accum::Replace,
            self.coupling.as_ref(),
            vectors.as_ref().subrows(m - width, width),
            1.0,
            Par::Seq,
        );
        let residuals = (0..m).rev().map(|k| tail.col(k).norm_l2()).collect();
        let vectors = Mat::from_fn(m, m, |i, k| vectors[(i, m - 1 - k)]);
        Ok(Ritz { values: values.into_iter().rev().collect(), vectors, residuals })
    }

    /// How many of the leading Ritz pairs have, by the estimate of the projection, the residual asked for.
    fn converged(&self, ritz: &Ritz) -> usize {
        let target = 0.3 * self.search.tolerance * self.filter.top;
        (ritz.values.iter().zip(&ritz.residuals))
            .take(self.search.count)
            .take_while(|&(&p, &residual)| p > CLEAR && residual / self.filter.invert(p).1 < target)
            .count()
    }

    /// The leading Ritz vectors as eigenpairs of the operator itself, by a Rayleigh-Ritz step in their span.
    fn rotate(&self, ritz: &Ritz) -> Result<Eigenpairs> {
        let count = self.search.count;
        let x = product(self.basis.as_ref().subcols(0, self.size), ritz.vectors.as_ref().subcols(0, count));
        let mut ax = Mat::<f64>::zeros(x.nrows(), count);
        self.filter.operator.apply(x.as_ref(), ax.as_mut());
        let gram = inner(x.as_ref(), ax.as_ref());
        let (values, q) = dense(gram.as_ref())?;
        let vectors = product(x.as_ref(), q.as_ref());
        let ax = product(ax.as_ref(), q.as_ref());
        let residuals = residuals(ax.as_ref(), vectors.as_ref(), &values);
        Ok(Eigenpairs { values, vectors, residuals })
    }

    /// Keep the leading Ritz vectors and go on from the next block, or from a random one.
    fn restart(&mut self, ritz: &Ritz, keep: usize, fresh: bool) {
        let kept = product(self.basis.as_ref().subcols(0, self.size), ritz.vectors.as_ref().subcols(0, keep));
        let next = self.basis.as_ref().subcols(self.size, self.set - self.size).to_owned();
        self.basis.as_mut().subcols_mut(0, keep).copy_from(kept.as_ref());
        self.projected.fill(0.0);
        for k in 0..keep {
            self.projected[(k, k)] = ritz.values[k];
        }
        self.size = keep;
        self.set = keep;
        if fresh {
            self.append_random();
        } else {
            self.basis.as_mut().subcols_mut(keep, next.ncols()).copy_from(next.as_ref());
            self.set += next.ncols();
        }
    }

    /// A random block orthogonal to all that is there.
    fn append_random(&mut self) {
        let (known, mut next) = self.basis.as_mut().split_at_col_mut(self.set);
        let mut next = next.rb_mut().subcols_mut(0, BLOCK);
        fill_random(next.rb_mut(), &mut self.random);
        for _ in 0..2 {
            project_out(self.locked, next.rb_mut());
            project_out(known.rb(), next.rb_mut());
        }
        self.set += orthonormalize(next, 1.0).1;
    }
}

fn fill_random(x: MatMut<f64>, random: &mut Random) {
    let mut x = x;
    for k in 0..x.ncols() {
        for i in 0..x.nrows() {
            x[(i, k)] = StandardNormal.sample(random);
        }
    }
}

/// Scale one column to length 1 and return the length it had.
fn normalize(x: MatMut<f64>) -> f64 {
    let mut x = x;
    let norm = x.rb().norm_l2();
    if norm > 0.0 {
        (0..x.nrows()).for_each(|i| x[(i, 0)] /= norm);
    }
    norm
}

/// `a^T b` with a fixed order of sums.
pub(super) fn inner(a: MatRef<f64>, b: MatRef<f64>) -> Mat<f64> {
    let parts: Vec<Mat<f64>> = (a.par_row_chunks(ROWS).zip(b.par_row_chunks(ROWS)))
        .map(|(a, b)| {
            let mut part = Mat::<f64>::zeros(a.ncols(), b.ncols());
            matmul(part.as_mut(), Accum::Replace, a.transpose(), b, 1.0, Par::Seq);
            part
        })
        .collect();
    let mut sum = Mat::<f64>::zeros(a.ncols(), b.ncols());
    parts.iter().for_each(|part| sum += part);
    sum
}

/// `a b` for a tall `a`.
fn product(a: MatRef<f64>, b: MatRef<f64>) -> Mat<f64> {
    let mut c = Mat::<f64>::zeros(a.nrows(), b.ncols());
    (c.as_mut().par_row_chunks_mut(ROWS).zip(a.par_row_chunks(ROWS)))
        .for_each(|(c, a)| matmul(c, Accum::Replace, a, b, 1.0, Par::Seq));
    c
}

/// Remove from `x` its part in the span of the orthonormal columns of `basis`, and return the coefficients of that part.
pub(super) fn project_out(basis: MatRef<f64>, x: MatMut<f64>) -> Mat<f64> {
    let mut x = x;
    let coefficients = inner(basis, x.rb());
    (x.rb_mut().par_row_chunks_mut(ROWS).zip(basis.par_row_chunks(ROWS)))
        .for_each(|(x, basis)| matmul(x, Accum::Add, basis, coefficients.as_ref(), -1.0, Par::Seq));
    coefficients
}

/// Gram-Schmidt, twice, on the columns of `x`. Columns that depend on earlier ones are dropped, the rest moved to the front.
/// Returns the old columns in the new ones, and how many are new. What is below rounding at `scale` counts as nothing.
fn orthonormalize(x: MatMut<f64>, scale: f64) -> (Mat<f64>, usize) {
    let mut x = x;
    let width = x.ncols();
    let mut coefficients = Mat::<f64>::zeros(width, width);
    let mut rank = 0;
    for k in 0..width {
        if rank < k {
            let column = x.rb().subcols(k, 1).to_owned();
            x.rb_mut().subcols_mut(rank, 1).copy_from(column.as_ref());
        }
        let (known, mut rest) = x.rb_mut().split_at_col_mut(rank);
        let mut column = rest.rb_mut().subcols_mut(0, 1);
        for _ in 0..2 {
            let c = project_out(known.rb(), column.rb_mut());
            (0..rank).for_each(|j| coefficients[(j, k)] += c[(j, 0)]);
        }
        let norm = column.rb().norm_l2();
        if norm > 1e-13 * scale {
            normalize(column);
            coefficients[(rank, k)] = norm;
            rank += 1;
        }
    }
    let coefficients = coefficients.as_ref().subrows(0, rank).to_owned();
    (coefficients, rank)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observer::Silent;

    struct Diagonal(Vec<f64>);

    impl Operator for Diagonal {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn apply(&self, x: MatRef<f64>, y: MatMut<f64>) {
            let mut y = y;
            for k in 0..x.ncols() {
                (0..x.nrows()).for_each(|i| y[(i, k)] = self.0[i] * x[(i, k)]);
            }
        }
    }

    fn check(values: Vec<f64>, count: usize) {
        let operator = Diagonal(values.clone());
        let locked = Mat::<f64>::zeros(values.len(), 0);
        let search = Search { count, tolerance: 1e-9, seed: 3 };
        let found = lowest(&operator, locked.as_ref(), &search, &Silent).unwrap();
        let mut sorted = values;
        sorted.sort_by(f64::total_cmp);
        for (a, b) in found.values.iter().zip(&sorted) {
            assert!((a - b).abs() < 1e-8, "{a} {b}");
        }
        let gram = inner(found.vectors.as_ref(), found.vectors.as_ref());
        for i in 0..count {
            for j in 0..count {
                assert!((gram[(i, j)] - f64::from(u8::from(i == j))).abs() < 1e-10);
            }
        }
    }

    #[test]
    fn lowest_pairs_of_known_spectra() {
        let debye = |n: usize| (1..=n).map(|k| (k as f64 / n as f64).powf(2.0 / 3.0)).collect::<Vec<_>>();
        check(debye(2000), 7);
        check(debye(500), 60);
        check(debye(40), 40);
        check(vec![2.0, 1.0, 5.0], 2);
        check((0..900).map(|k| (k as f64 - 3.0) / 300.0).collect(), 9);
    }

    #[test]
    fn every_copy_of_a_degenerate_eigenvalue_is_found() {
        let mut values: Vec<f64> = (0..1500).map(|k| 1.0 + k as f64 * 0.01).collect();
        values[700..724].fill(0.25);
        values[100..106].fill(0.5);
        check(values, 30);
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let values: Vec<f64> = (1..=5000).map(|k| (k as f64 / 5000.0).powf(0.66)).collect();
        let operator = Diagonal(values);
        let locked = Mat::<f64>::zeros(5000, 0);
        let search = Search { count: 5, tolerance: 1e-9, seed: 1 };
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| lowest(&operator, locked.as_ref(), &search, &Silent).unwrap())
        };
        let (one, two) = (run(1), run(2));
        assert_eq!(one.values, two.values);
        assert_eq!(one.vectors, two.vectors);
    }
}
