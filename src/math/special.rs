//! Special functions and the distributions made of them.

use std::f64::consts::{LN_2, PI, SQRT_2};

/// Logarithm of the gamma function of a positive number, to about 1e-15 relative.
///
/// Lanczos' series with g = 7 and 9 terms; Lanczos, SIAM J. Numer. Anal. 1, 86 (1964),
/// <https://doi.org/10.1137/0701008>.
pub fn ln_gamma(x: f64) -> f64 {
    const SERIES: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return (PI / (PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let start = 0.999_999_999_999_809_9;
    let sum = SERIES.iter().enumerate().fold(start, |sum, (k, c)| sum + c / (x + k as f64 + 1.0));
    let t = x + 7.5;
    0.5 * (2.0 * PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// Regularised lower incomplete gamma function P(a, x) for a > 0 and x >= 0, and its complement Q.
///
/// ```math
/// P(a, x) = 1/Γ(a) ∫_0^x t^(a-1) e^(-t) dt
/// ```
/// Series below x = a + 1, continued fraction above; NIST DLMF 8.7.1 and 8.9.2, <https://dlmf.nist.gov/8>.
pub fn incomplete_gamma(a: f64, x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        while term > sum * 1e-17 {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return (front * sum, 1.0 - front * sum);
    }
    let fraction = continued_fraction(x + 1.0 - a, |k| (-k * (k - a), x + 2.0 * k + 1.0 - a));
    (1.0 - front / fraction, front / fraction)
}

/// `b0 + a1/(b1 + a2/(b2 + ...))` with `(a_k, b_k) = term(k)`, by the method of Lentz.
///
/// Lentz, Appl. Opt. 15, 668 (1976), <https://doi.org/10.1364/AO.15.000668>.
fn continued_fraction(b0: f64, term: impl Fn(f64) -> (f64, f64)) -> f64 {
    let guard = |x: f64| if x.abs() < 1e-300 { 1e-300 } else { x };
    let (mut f, mut c, mut d) = (guard(b0), guard(b0), 0.0);
    for k in 1..10_000 {
        let (a, b) = term(f64::from(k));
        d = 1.0 / guard(b + a * d);
        c = guard(b + a / c);
        f *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    f
}

/// Error function.
///
/// ```
/// let half = vitric::math::special::erf(0.476_936_276_204_469_9);
/// assert!((half - 0.5).abs() < 1e-14);
/// ```
pub fn erf(x: f64) -> f64 {
    incomplete_gamma(0.5, x * x).0.copysign(x)
}

/// Complementary error function, accurate where `1 - erf` would cancel.
pub fn erfc(x: f64) -> f64 {
    let (lower, upper) = incomplete_gamma(0.5, x * x);
    if x >= 0.0 { upper } else { 1.0 + lower }
}

/// Probability that a standard normal number is below `x`.
pub fn normal_cumulative(x: f64) -> f64 {
    0.5 * erfc(-x / SQRT_2)
}

/// The number a standard normal number is below with this probability, 0 < probability < 1.
///
/// Starts from the bound of the tail and ends with Newton steps on [`normal_cumulative`].
pub fn normal_quantile(probability: f64) -> f64 {
    if !(0.0..=1.0).contains(&probability) {
        return f64::NAN;
    }
    if probability > 0.5 {
        return -normal_quantile(1.0 - probability);
    }
    if probability == 0.0 {
        return f64::NEG_INFINITY;
    }
    let mut x = -(-2.0 * (probability.ln() + LN_2 - 0.1 * probability)).max(0.0).sqrt();
    for _ in 0..100 {
        let density = (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
        let error = normal_cumulative(x) - probability;
        let newton = error / density;
        // Halley's correction; the curvature of the normal distribution is -x times its density.
        let step = newton / (1.0 + 0.5 * x * newton).max(0.5);
        x -= step;
        if step.abs() < 1e-15 * x.abs().max(1.0) {
            break;
        }
    }
    x
}

/// Regularised incomplete beta function I_x(a, b).
///
/// NIST DLMF 8.17.22, <https://dlmf.nist.gov/8.17>.
pub fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return if x >= 1.0 { 1.0 } else { 0.0 };
    }
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let front = (a * x.ln() + b * (1.0 - x).ln() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    let term = |k: f64| {
        let m = (k / 2.0).floor();
        let even = m * (b - m) * x / ((a + k - 1.0) * (a + k));
        let odd = -(a + m) * (a + b + m) * x / ((a + k - 1.0) * (a + k));
        (if k % 2.0 == 0.0 { even } else { odd }, 1.0)
    };
    front / continued_fraction(1.0, term)
}

/// Probability that a number of Student's distribution with `freedom` degrees of freedom is below `t`.
pub fn student_cumulative(t: f64, freedom: f64) -> f64 {
    let tail = 0.5 * incomplete_beta(0.5 * freedom, 0.5, freedom / (freedom + t * t));
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// The number Student's distribution is below with this probability; by bisection.
pub fn student_quantile(probability: f64, freedom: f64) -> f64 {
    if !(probability > 0.0 && probability < 1.0 && freedom > 0.0) {
        return f64::NAN;
    }
    let (mut low, mut high) = (-1.0, 1.0);
    while student_cumulative(low, freedom) > probability {
        low *= 2.0;
    }
    while student_cumulative(high, freedom) < probability {
        high *= 2.0;
    }
    while high - low > 1e-14 * (1.0 + high.abs()) {
        let middle = 0.5 * (low + high);
        if student_cumulative(middle, freedom) < probability {
            low = middle
        } else {
            high = middle
        }
        if middle == 0.5 * (low + high) {
            break;
        }
    }
    0.5 * (low + high)
}

/// Probability that Kolmogorov's limit distribution exceeds `x`.
///
/// ```math
/// Q(x) = 2 Σ_k (-1)^(k-1) e^(-2 k² x²)
/// ```
/// Below x = 1 the equivalent theta series is summed, which converges there.
pub fn kolmogorov_survival(x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x < 1.0 {
        let odd = (1..8).map(|k| f64::from(2 * k - 1));
        let sum: f64 = odd.map(|n| (-n * n * PI * PI / (8.0 * x * x)).exp()).sum();
        return 1.0 - (2.0 * PI).sqrt() / x * sum;
    }
    let term = |k: i32| f64::from(if k % 2 == 1 { 2 } else { -2 }) * (-2.0 * f64::from(k * k) * x * x).exp();
    (1..20).map(term).sum::<f64>().clamp(0.0, 1.0)
}
