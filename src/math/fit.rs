//! Least squares: lines, exponentials, Gaussians, and any smooth function.

use nalgebra::{DMatrix, DVector};

use crate::error::{Error, Result};
use crate::math::special::student_quantile;
use crate::math::statistics::{Interval, is_constant, pearson};

/// A straight line through points, `y = intercept + slope x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Slope.
    pub slope: f64,
    /// Value at zero.
    pub intercept: f64,
    /// Standard error of the slope.
    pub slope_error: f64,
    /// Standard error of the intercept.
    pub intercept_error: f64,
    /// Pearson's correlation of the points.
    pub r: f64,
    /// Number of points.
    pub count: usize,
}

impl Line {
    /// The least-squares line. With `errors`, the standard error of each y, points weigh 1/error².
    ///
    /// Standard errors of the parameters come from the scatter about the line, also with weights, so that only the
    /// ratios of `errors` count. Needs three points or the errors are NaN.
    ///
    /// ```
    /// use vitric::math::fit::Line;
    /// let line = Line::fit(&[0.0, 1.0, 2.0], &[1.0, 3.0, 5.0], None)?;
    /// assert!((line.slope - 2.0).abs() < 1e-14 && (line.intercept - 1.0).abs() < 1e-14);
    /// # Ok::<(), vitric::error::Error>(())
    /// ```
    pub fn fit(x: &[f64], y: &[f64], errors: Option<&[f64]>) -> Result<Line> {
        let count = x.len();
        if count < 2 || y.len() != count {
            return Err(Error::input(format!("fit_line: needs at least two points, found {count}")));
        }
        let weights: Vec<f64> = match errors {
            Some(e) if e.len() != count || e.iter().any(|e| !(*e > 0.0 && e.is_finite())) => {
                return Err(Error::input("fit_line: the error of every point must be positive"));
            }
            Some(e) => e.iter().map(|e| 1.0 / (e * e)).collect(),
            None => vec![1.0; count],
        };
        let sum = |f: &dyn Fn(usize) -> f64| (0..count).map(|k| weights[k] * f(k)).sum::<f64>();
        let total = sum(&|_| 1.0);
        let (mx, my) = (sum(&|k| x[k]) / total, sum(&|k| y[k]) / total);
        let xx = sum(&|k| (x[k] - mx).powi(2));
        if is_constant(x) {
            return Err(Error::input("fit_line: all x are equal"));
        }
        let slope = sum(&|k| (x[k] - mx) * (y[k] - my)) / xx;
        let intercept = my - slope * mx;
        let scatter = sum(&|k| (y[k] - intercept - slope * x[k]).powi(2)) / (count as f64 - 2.0);
        let scatter = if count > 2 { scatter } else { f64::NAN };
        Ok(Line {
            slope,
            intercept,
            slope_error: (scatter / xx).sqrt(),
            intercept_error: (scatter * (1.0 / total + mx * mx / xx)).sqrt(),
            r: pearson(x, y),
            count,
        })
    }

    /// The line at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.intercept + self.slope * x
    }

    /// Interval of the slope by Student's distribution.
    pub fn slope_interval(&self, level: f64) -> Interval {
        let half = self.slope_error * student_quantile(0.5 + 0.5 * level, self.count as f64 - 2.0);
        Interval { low: self.slope - half, high: self.slope + half }
    }
}

/// An exponential decay, `y = amplitude exp(-x / length)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decay {
    /// Value at zero.
    pub amplitude: f64,
    /// Where it has fallen to 1/e.
    pub length: f64,
    /// Standard error of the amplitude.
    pub amplitude_error: f64,
    /// Standard error of the length.
    pub length_error: f64,
    /// Number of points used.
    pub count: usize,
}

impl Decay {
    /// The line through ln y, by least squares; points with y <= 0 have no logarithm and are left out.
    ///
    /// Errors follow from those of the line: δξ = ξ² δslope. A rising y gives a negative length.
    pub fn fit_logarithm(x: &[f64], y: &[f64]) -> Result<Decay> {
        let (x, y): (Vec<f64>, Vec<f64>) =
            x.iter().zip(y).filter(|(_, y)| **y > 0.0).map(|(x, y)| (*x, y.ln())).unzip();
        if x.len() < 2 {
            return Err(Error::input(format!(
                "fit_exponential: needs at least two points with a positive y, found {}",
                x.len()
            )));
        }
        let line = Line::fit(&x, &y, None).map_err(|e| e.within("fit_exponential"))?;
        let (amplitude, length) = (line.intercept.exp(), -1.0 / line.slope);
        Ok(Decay {
            amplitude,
            length,
            amplitude_error: amplitude * line.intercept_error,
            length_error: length * length * line.slope_error,
            count: line.count,
        })
    }

    /// Least squares in y itself, started from [`Decay::fit_logarithm`]; points near zero count as much as any.
    pub fn fit(x: &[f64], y: &[f64]) -> Result<Decay> {
        let start = Decay::fit_logarithm(x, y)?;
        let model = |p: &[f64], x: f64| {
            let e = (-x * p[1]).exp();
            (p[0] * e, vec![e, -p[0] * x * e])
        };
        let found = least_squares(x, y, &[start.amplitude, 1.0 / start.length], model)
            .map_err(|e| e.within("fit_exponential"))?;
        let length = 1.0 / found.parameters[1];
        Ok(Decay {
            amplitude: found.parameters[0],
            length,
            amplitude_error: found.errors[0],
            length_error: length * length * found.errors[1],
            count: x.len(),
        })
    }

    /// The decay at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.amplitude * (-x / self.length).exp()
    }
}

/// A Gaussian peak, `y = height exp(-(x - center)² / 2 width²)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gaussian {
    /// Value at the center.
    pub height: f64,
    /// Place of the maximum.
    pub center: f64,
    /// Standard deviation.
    pub width: f64,
    /// Standard errors of height, center and width.
    pub errors: [f64; 3],
}

impl Gaussian {
    /// Least squares, started from the moments of the points.
    pub fn fit(x: &[f64], y: &[f64]) -> Result<Gaussian> {
        let total: f64 = y.iter().sum();
        let center = x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>() / total;
        let spread = x.iter().zip(y).map(|(x, y)| (x - center).powi(2) * y).sum::<f64>() / total;
        let height = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if !(spread > 0.0 && height > 0.0) {
            return Err(Error::input("fit_gaussian: the points show no peak"));
        }
        let model = |p: &[f64], x: f64| {
            let u = (x - p[1]) / p[2];
            let e = (-0.5 * u * u).exp();
            (p[0] * e, vec![e, p[0] * e * u / p[2], p[0] * e * u * u / p[2]])
        };
        let found =
            least_squares(x, y, &[height, center, spread.sqrt()], model).map_err(|e| e.within("fit_gaussian"))?;
        let p = found.parameters;
        Ok(Gaussian {
            height: p[0],
            center: p[1],
            width: p[2].abs(),
            errors: [found.errors[0], found.errors[1], found.errors[2]],
        })
    }

    /// The peak at `x`.
    pub fn at(&self, x: f64) -> f64 {
        self.height * (-0.5 * ((x - self.center) / self.width).powi(2)).exp()
    }
}

/// Parameters of least squares, with standard errors from the scatter of the points.
#[derive(Clone, Debug, PartialEq)]
pub struct LeastSquares {
    /// Best parameters.
    pub parameters: Vec<f64>,
    /// Their standard errors; NaN when there are no more points than parameters.
    pub errors: Vec<f64>,
    /// Sum of the squared residuals.
    pub residual: f64,
}

/// Fits `model(parameters, x) -> (y, dy/dparameters)` to points by the method of Levenberg and Marquardt.
///
/// Marquardt, J. Soc. Ind. Appl. Math. 11, 431 (1963), <https://doi.org/10.1137/0111030>.
pub fn least_squares(
    x: &[f64],
    y: &[f64],
    start: &[f64],
    model: impl Fn(&[f64], f64) -> (f64, Vec<f64>),
) -> Result<LeastSquares> {
    let size = start.len();
    if x.len() < size || x.len() != y.len() {
        return Err(Error::input(format!("needs at least {size} points, found {}", x.len())));
    }
    let residual = |p: &[f64]| x.iter().zip(y).map(|(x, y)| (y - model(p, *x).0).powi(2)).sum::<f64>();
    let mut parameters = start.to_vec();
    let mut error = residual(&parameters);
    let mut damping = 1e-3;
    let (mut normal, mut gradient) = normal_equations(x, y, &parameters, &model);
    for _ in 0..500 {
        let mut damped = normal.clone();
        for k in 0..size {
            damped[(k, k)] += damping * normal[(k, k)].max(1e-300);
        }
        let Some(step) = damped.cholesky().map(|c| c.solve(&gradient)) else {
            damping *= 10.0;
            continue;
        };
        let trial: Vec<f64> = parameters.iter().zip(step.iter()).map(|(p, s)| p + s).collect();
        let small = parameters.iter().zip(step.iter()).all(|(p, s)| s.abs() <= 1e-13 * p.abs());
        let found = residual(&trial);
        if found <= error {
            (parameters, error) = (trial, found);
            (normal, gradient) = normal_equations(x, y, &parameters, &model);
            damping = (damping * 0.1).max(1e-12);
        } else {
            damping *= 10.0;
        }
        if small || damping > 1e12 {
            break;
        }
    }
    if !error.is_finite() || parameters.iter().any(|p| !p.is_finite()) {
        return Err(Error::numeric("the fit does not converge"));
    }
    let freedom = x.len() as f64 - size as f64;
    let scatter = if freedom > 0.0 { error / freedom } else { f64::NAN };
    let inverse = normal.try_inverse().ok_or_else(|| Error::numeric("the points do not determine the parameters"))?;
    let errors = (0..size).map(|k| (scatter * inverse[(k, k)]).sqrt()).collect();
    Ok(LeastSquares { parameters, errors, residual: error })
}

/// Jᵀ J and Jᵀ (y - model).
fn normal_equations(
    x: &[f64],
    y: &[f64],
    parameters: &[f64],
    model: &impl Fn(&[f64], f64) -> (f64, Vec<f64>),
) -> (DMatrix<f64>, DVector<f64>) {
    let size = parameters.len();
    let (mut normal, mut gradient) = (DMatrix::zeros(size, size), DVector::zeros(size));
    for (x, y) in x.iter().zip(y) {
        let (value, slopes) = model(parameters, *x);
        for a in 0..size {
            gradient[a] += slopes[a] * (y - value);
            for b in 0..size {
                normal[(a, b)] += slopes[a] * slopes[b];
            }
        }
    }
    (normal, gradient)
}
