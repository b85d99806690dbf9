//! The spectrum of barriers as a mixture of an exponential and a Rayleigh distribution.

use nalgebra::{Matrix3, Vector3};

use crate::error::{Error, Result};
use crate::math::resample::watched_bootstrap;
use crate::math::statistics::{Interval, mean, percentile_interval};
use crate::observer::Observer;

/// A mixture of an exponential and a Rayleigh distribution.
///
/// ```math
/// f(x) = w/λ e^(-x/λ) + (1 - w) x/σ² e^(-x²/2σ²),   x ≥ 0
/// ```
/// The exponential part stands for the many low barriers of a fast quench, the Rayleigh part for the hump around the
/// typical barrier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mixture {
    /// Weight w of the exponential, 0 to 1.
    pub weight: f64,
    /// Mean λ of the exponential, in the unit of x.
    pub exponential: f64,
    /// Mode σ of the Rayleigh distribution, in the unit of x.
    pub rayleigh: f64,
}

/// Logarithm of the exponential density.
fn ln_exponential(x: f64, mean: f64) -> f64 {
    -x / mean - mean.ln()
}

/// Logarithm of the Rayleigh density.
fn ln_rayleigh(x: f64, mode: f64) -> f64 {
    (x / (mode * mode)).ln() - 0.5 * (x / mode).powi(2)
}

impl Mixture {
    /// Density of the exponential part, weight included.
    pub fn exponential_part(&self, x: f64) -> f64 {
        self.weight * ln_exponential(x, self.exponential).exp()
    }

    /// Density of the Rayleigh part, weight included.
    pub fn rayleigh_part(&self, x: f64) -> f64 {
        (1.0 - self.weight) * ln_rayleigh(x, self.rayleigh).exp()
    }

    /// Density at x ≥ 0.
    pub fn density(&self, x: f64) -> f64 {
        self.exponential_part(x) + self.rayleigh_part(x)
    }

    /// The logarithm of the density at x, and the share of the exponential in it.
    fn ln_density(&self) -> impl Fn(f64) -> (f64, f64) {
        let (rate, precision) = (1.0 / self.exponential, 0.5 / (self.rayleigh * self.rayleigh));
        let (a, b) = (self.weight.ln() + rate.ln(), (1.0 - self.weight).ln() + (2.0 * precision).ln());
        move |x| {
            let exponential = a - rate * x;
            let rayleigh = b + x.ln() - precision * x * x;
            // The smaller term is added to the larger, so that neither overflows nor both vanish.
            let ratio = (-(exponential - rayleigh).abs()).exp();
            let share = if exponential > rayleigh { 1.0 / (1.0 + ratio) } else { ratio / (1.0 + ratio) };
            (exponential.max(rayleigh) + ratio.ln_1p(), share)
        }
    }

    /// Logarithm of the likelihood of the numbers.
    pub fn ln_likelihood(&self, x: &[f64]) -> f64 {
        let ln_density = self.ln_density();
        x.iter().map(|&x| ln_density(x).0).sum()
    }

    /// The mixture of largest likelihood.
    ///
    /// Starts at nine points, takes steps of expectation maximisation (Dempster, Laird, Rubin, J. R. Stat. Soc. B 39, 1
    /// (1977), <https://doi.org/10.1111/j.2517-6161.1977.tb01600.x>), then Newton steps in logit w, ln λ, ln σ.
    pub fn fit(x: &[f64]) -> Result<Mixture> {
        check(x)?;
        let (mean, square) = (mean(x), (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64).sqrt());
        let mut best: Option<(f64, Mixture)> = None;
        for weight in [0.2, 0.5, 0.8] {
            for scale in [0.3, 1.0, 3.0] {
                let start = Mixture { weight, exponential: scale * mean, rayleigh: square / (1.0 + scale) };
                let found = (0..20).fold(start, |m, _| m.expectation_step(x)).climb(x);
                let likelihood = found.ln_likelihood(x);
                if likelihood.is_finite() && best.is_none_or(|(l, _)| likelihood > l) {
                    best = Some((likelihood, found));
                }
            }
        }
        best.map(|(_, m)| m).ok_or_else(|| Error::numeric("spectrum: the fit does not converge"))
    }

    /// One step of expectation maximisation; never lowers the likelihood.
    fn expectation_step(&self, x: &[f64]) -> Mixture {
        let (mut share, mut first, mut second) = (0.0, 0.0, 0.0);
        let ln_density = self.ln_density();
        for &x in x {
            let p = ln_density(x).1;
            share += p;
            first += p * x;
            second += (1.0 - p) * x * x;
        }
        let rest = x.len() as f64 - share;
        // A component that has lost all its weight keeps its scale.
        let keep = |new: f64, old: f64| if new > 0.0 && new.is_finite() { new } else { old };
        Mixture {
            weight: (share / x.len() as f64).clamp(1e-12, 1.0 - 1e-12),
            exponential: keep(first / share, self.exponential),
            rayleigh: keep((0.5 * second / rest).sqrt(), self.rayleigh),
        }
    }

    /// True when one of the components has no weight.
    fn is_single(&self) -> bool {
        self.weight.min(1.0 - self.weight) < NO_WEIGHT
    }

    /// Newton steps up the likelihood, and steps of expectation maximisation where those fail.
    fn climb(self, x: &[f64]) -> Mixture {
        let mut at = self;
        let mut likelihood = at.ln_likelihood(x);
        for _ in 0..200 {
            let (slope, curvature) = at.slope_and_curvature(x);
            if slope.amax() < 1e-10 * x.len() as f64 {
                break;
            }
            let newton = (-curvature).cholesky().map(|c| at.moved(c.solve(&slope)));
            let trial = newton.map(|m| (m.ln_likelihood(x), m)).filter(|(l, _)| *l > likelihood);
            let (found, next) = trial.unwrap_or_else(|| {
                let next = at.expectation_step(x);
                (next.ln_likelihood(x), next)
            });
            let gain = found - likelihood;
            (likelihood, at) = (found, next);
            if gain.abs() <= 1e-15 * likelihood.abs() {
                break;
            }
        }
        at
    }

    /// The mixture after a step in logit w, ln λ, ln σ, of at most one in each.
    fn moved(&self, step: Vector3<f64>) -> Mixture {
        let step = step * (1.0 / step.amax().max(1.0));
        let logit = (self.weight / (1.0 - self.weight)).ln() + step[0];
        Mixture {
            weight: (1.0 / (1.0 + (-logit).exp())).clamp(1e-12, 1.0 - 1e-12),
            exponential: self.exponential * step[1].exp(),
            rayleigh: self.rayleigh * step[2].exp(),
        }
    }

    /// First and second derivatives of the log-likelihood in logit w, ln λ, ln σ.
    fn slope_and_curvature(&self, x: &[f64]) -> (Vector3<f64>, Matrix3<f64>) {
        let (mut slope, mut curvature) = (Vector3::zeros(), Matrix3::zeros());
        let (w, ln_density) = (self.weight, self.ln_density());
        for &x in x {
            let p = ln_density(x).1;
            let (first, second) = (x / self.exponential, (x / self.rayleigh).powi(2));
            let change = Vector3::new(1.0, first - 1.0, 2.0 - second);
            slope += Vector3::new(p - w, p * (first - 1.0), (1.0 - p) * (second - 2.0));
            curvature += p * (1.0 - p) * change * change.transpose();
            curvature -= Matrix3::from_diagonal(&Vector3::new(w * (1.0 - w), p * first, 2.0 * (1.0 - p) * second));
        }
        (slope, curvature)
    }
}

/// Weight below which a component takes no part.
const NO_WEIGHT: f64 = 1e-6;

/// An error unless there are numbers enough and none is negative.
fn check(x: &[f64]) -> Result<()> {
    if x.len() < 10 {
        return Err(Error::input(format!("spectrum: needs at least 10 numbers, found {}", x.len())));
    }
    match x.iter().find(|x| !(**x >= 0.0 && x.is_finite())) {
        Some(bad) => Err(Error::input(format!("spectrum: numbers must be positive, found {bad}"))),
        None if x.iter().all(|v| *v == x[0]) => Err(Error::input("spectrum: all numbers are equal")),
        None => Ok(()),
    }
}

/// A mixture fitted to numbers, with intervals, compared with either distribution alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// Number of values fitted.
    pub count: usize,
    /// The mixture of largest likelihood.
    pub mixture: Mixture,
    /// Interval of the weight of the exponential.
    pub weight_interval: Interval,
    /// Interval of the mean of the exponential; NaN where that has no weight, as for the other.
    pub exponential_interval: Interval,
    /// Interval of the mode of the Rayleigh distribution.
    pub rayleigh_interval: Interval,
    /// Mean of the best exponential alone.
    pub exponential_alone: f64,
    /// Mode of the best Rayleigh distribution alone.
    pub rayleigh_alone: f64,
    /// Bayesian information criteria of the mixture, the exponential and the Rayleigh distribution: k ln n - 2 ln L, the
    /// smallest is best. Schwarz, Ann. Stat. 6, 461 (1978), <https://doi.org/10.1214/aos/1176344136>.
    pub bic: [f64; 3],
}

impl Spectrum {
    /// Fits the numbers; intervals at `level` from `replicas` bootstrap samples.
    ///
    /// ```
    /// use vitric::math::mixture::Spectrum;
    /// use vitric::observer::Silent;
    /// let x: Vec<f64> = (1..200).map(|k| -(1.0 - f64::from(k) / 200.0_f64).ln()).collect();
    /// let spectrum = Spectrum::fit(&x, 0.95, 50, 1, &Silent)?;
    /// assert_eq!(spectrum.best(), "exponential");
    /// # Ok::<(), vitric::error::Error>(())
    /// ```
    pub fn fit(x: &[f64], level: f64, replicas: usize, seed: u64, observer: &dyn Observer) -> Result<Spectrum> {
        let mixture = Mixture::fit(x)?;
        let fits = watched_bootstrap(x.len(), replicas, seed, observer, |rows| {
            let sample: Vec<f64> = rows.iter().map(|&r| x[r]).collect();
            let found = mixture.climb(&sample);
            // A component without weight does not get any by climbing.
            if found.is_single() { Mixture::fit(&sample).unwrap_or(found) } else { found }
        })?;
        let interval =
            |f: &dyn Fn(&Mixture) -> f64| percentile_interval(&fits.iter().map(f).collect::<Vec<_>>(), level);
        // The scale of a component without weight can be anything.
        let scale = |f: fn(&Mixture) -> f64, weight: f64| {
            if weight > NO_WEIGHT { interval(&f) } else { Interval { low: f64::NAN, high: f64::NAN } }
        };
        let n = x.len() as f64;
        let exponential_alone = mean(x);
        let rayleigh_alone = (0.5 * x.iter().map(|x| x * x).sum::<f64>() / n).sqrt();
        let exponential: f64 = x.iter().map(|&x| ln_exponential(x, exponential_alone)).sum();
        let rayleigh: f64 = x.iter().map(|&x| ln_rayleigh(x, rayleigh_alone)).sum();
        let bic = |parameters: f64, likelihood: f64| parameters * n.ln() - 2.0 * likelihood;
        Ok(Spectrum {
            count: x.len(),
            mixture,
            weight_interval: interval(&|m| m.weight),
            exponential_interval: scale(|m| m.exponential, mixture.weight),
            rayleigh_interval: scale(|m| m.rayleigh, 1.0 - mixture.weight),
            exponential_alone,
            rayleigh_alone,
            bic: [bic(3.0, mixture.ln_likelihood(x)), bic(1.0, exponential), bic(1.0, rayleigh)],
        })
    }

    /// Which of mixture, exponential and rayleigh has the smallest information criterion.
    pub fn best(&self) -> &'static str {
        let [mixture, exponential, rayleigh] = self.bic;
        if mixture < exponential && mixture < rayleigh {
            "mixture"
        } else if exponential <= rayleigh {
            "exponential"
        } else {
            "rayleigh"
        }
    }
}
