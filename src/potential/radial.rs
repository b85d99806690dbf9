//! Functions of a distance or a density, with two derivatives.

use super::spline::Spline;
use std::sync::Arc;

/// `coefficient[n] * (end - r)^(n + 4)`, summed, for `r < end`.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// Where the piece ends, with three continuous derivatives.
    pub end: f64,
    /// Coefficients of powers 4, 5, ...
    pub coefficients: Vec<f64>,
}

/// Screened nuclear repulsion, `prefactor / r * sum_j amplitude[j] exp(-rate[j] r)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Screened {
    /// [energy length]
    pub prefactor: f64,
    /// Dimensionless amplitudes.
    pub amplitude: [f64; 4],
    /// Inverse screening lengths [1/length].
    pub rate: [f64; 4],
}

/// The repulsive core of a pair function: screened nuclei inside `screened_to`, the exponential of a cubic up to
/// `exponential_to`.
#[derive(Clone, Debug, PartialEq)]
pub struct Core {
    /// Inner form.
    pub screened: Screened,
    /// End of the inner form [length].
    pub screened_to: f64,
    /// Coefficients of the cubic in the exponent.
    pub exponent: [f64; 4],
    /// End of the exponential [length].
    pub exponential_to: f64,
}

/// A function of the distance between two atoms.
#[derive(Clone, Debug, PartialEq)]
pub enum Radial {
    /// Zero everywhere.
    Zero,
    /// `scale` times a sum of pieces, with a repulsive core if there is one.
    Pieces {
        /// Factor of the pieces.
        scale: f64,
        /// Pieces, each from zero to its end.
        pieces: Vec<Piece>,
        /// Replaces the pieces at short distances.
        core: Option<Core>,
    },
    /// `4 epsilon [(sigma/r)^12 - (sigma/r)^6] - shift` below the cutoff.
    LennardJones {
        /// Depth [energy].
        epsilon: f64,
        /// Distance of zero energy [length].
        sigma: f64,
        /// End [length].
        cutoff: f64,
        /// Makes the energy zero at the cutoff [energy].
        shift: f64,
    },
    /// Values between which a spline is drawn.
    Table {
        /// The function.
        spline: Arc<Spline>,
        /// End [length].
        cutoff: f64,
    },
    /// A spline divided by the distance: tables hold pair energies as `r phi(r)`.
    TableOverDistance {
        /// `r phi(r)`.
        spline: Arc<Spline>,
        /// End [length].
        cutoff: f64,
    },
}

impl Radial {
    /// Distance from which on the function is zero.
    pub fn cutoff(&self) -> f64 {
        match self {
            Radial::Zero => 0.0,
            Radial::Pieces { pieces, .. } => pieces.iter().map(|p| p.end).fold(0.0, f64::max),
            Radial::LennardJones { cutoff, .. }
            | Radial::Table { cutoff, .. }
            | Radial::TableOverDistance { cutoff, .. } => *cutoff,
        }
    }

    /// Distance below which the function is steep or only known in another form: few pairs are that close.
    pub fn inner(&self) -> f64 {
        match self {
            Radial::Zero => 0.0,
            Radial::Pieces { core, .. } => core.as_ref().map_or(0.0, |c| c.exponential_to),
            Radial::LennardJones { sigma, .. } => 0.7 * sigma,
            Radial::Table { spline, .. } => spline.start(),
            // The inverse distance is steep.
            Radial::TableOverDistance { spline, cutoff } => spline.start().max(0.1 * cutoff),
        }
    }

    /// Distance below which the function means nothing.
    pub fn limit(&self) -> f64 {
        match self {
            Radial::Zero => 0.0,
            Radial::Pieces { .. } => 0.1,
            Radial::LennardJones { sigma, .. } => 0.1 * sigma,
            Radial::Table { spline, .. } | Radial::TableOverDistance { spline, .. } => spline.start(),
        }
    }

    /// Value, first and second derivative at distance `r`.
    pub fn evaluate(&self, r: f64) -> [f64; 3] {
        match self {
            Radial::Zero => [0.0; 3],
            Radial::Pieces { core: Some(core), .. } if r < core.exponential_to => core.evaluate(r),
            Radial::Pieces { scale, pieces, .. } => sum_pieces(pieces, r).map(|x| scale * x),
            Radial::LennardJones { cutoff, .. } if r >= *cutoff => [0.0; 3],
            Radial::LennardJones { epsilon, sigma, shift, .. } => {
                let s6 = (sigma / r).powi(6);
                let s12 = s6 * s6;
                [
                    4.0 * epsilon * (s12 - s6) - shift,
                    4.0 * epsilon * (6.0 * s6 - 12.0 * s12) / r,
                    4.0 * epsilon * (156.0 * s12 - 42.0 * s6) / (r * r),
                ]
            }
            Radial::Table { cutoff, .. } | Radial::TableOverDistance { cutoff, .. } if r >= *cutoff => [0.0; 3],
            Radial::Table { spline, .. } => spline.evaluate(r),
            Radial::TableOverDistance { spline, .. } => {
                let [z, dz, ddz] = spline.evaluate(r);
                let phi = z / r;
                let slope = (dz - phi) / r;
                [phi, slope, (ddz - 2.0 * slope) / r]
            }
        }
    }
}

fn sum_pieces(pieces: &[Piece], r: f64) -> [f64; 3] {
    let mut sum = [0.0; 3];
    for piece in pieces.iter().filter(|p| r < p.end) {
        let x = piece.end - r;
        for (n, &c) in piece.coefficients.iter().enumerate() {
            let n = n as i32 + 4;
            let power = c * x.powi(n - 2);
            sum[0] += power * x * x;
            sum[1] -= f64::from(n) * power * x;
            sum[2] += f64::from(n * (n - 1)) * power;
        }
    }
    sum
}

impl Core {
    fn evaluate(&self, r: f64) -> [f64; 3] {
        if r < self.screened_to {
            return self.screened.evaluate(r);
        }
        let [b0, b1, b2, b3] = self.exponent;
        let value = (b0 + r * (b1 + r * (b2 + r * b3))).exp();
        let slope = b1 + r * (2.0 * b2 + 3.0 * b3 * r);
        let bend = 2.0 * b2 + 6.0 * b3 * r;
        [value, value * slope, value * (slope * slope + bend)]
    }
}

impl Screened {
    fn evaluate(&self, r: f64) -> [f64; 3] {
        let mut g = [0.0; 3];
        for (a, k) in self.amplitude.iter().zip(self.rate) {
            let e = a * (-k * r).exp();
            g[0] += e;
            g[1] -= k * e;
            g[2] += k * k * e;
        }
        let p = self.prefactor / r;
        [p * g[0], p * (g[1] - g[0] / r), p * (g[2] - 2.0 * g[1] / r + 2.0 * g[0] / (r * r))]
    }
}

/// `coefficient * (x - centre)^4` for `x > on`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quartic {
    /// Centre of the quartic.
    pub centre: f64,
    /// Where it sets in.
    pub on: f64,
    /// [energy]
    pub coefficient: f64,
}

/// A function of the density at an atom.
#[derive(Clone, Debug, PartialEq)]
pub enum Embedding {
    /// Zero everywhere: a pair potential.
    Zero,
    /// `-sqrt(x) + sum of quartics`, `x = rho / scale`.
    Root {
        /// Unit of the density.
        scale: f64,
        /// Corrections.
        terms: Vec<Quartic>,
    },
    /// Values between which a spline is drawn; a straight line beyond the last one.
    Table(Arc<Spline>),
}

impl Embedding {
    /// Value, first and second derivative at density `rho`; zero where there is no density.
    pub fn evaluate(&self, rho: f64) -> [f64; 3] {
        match self {
            Embedding::Zero => [0.0; 3],
            // An isolated atom: the slope of the root diverges, but no pair is there to multiply it.
            Embedding::Root { .. } if rho <= 0.0 => [0.0; 3],
            Embedding::Root { scale, terms } => {
                let x = rho / scale;
                let root = x.sqrt();
                let mut f = [-root, -0.5 / root, 0.25 / (x * root)];
                for t in terms.iter().filter(|t| x > t.on) {
                    let d = x - t.centre;
                    f[0] += t.coefficient * d.powi(4);
                    f[1] += 4.0 * t.coefficient * d.powi(3);
                    f[2] += 12.0 * t.coefficient * d * d;
                }
                [f[0], f[1] / scale, f[2] / (scale * scale)]
            }
            Embedding::Table(spline) => spline.evaluate(rho),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Derivatives agree with central differences of the value and of the slope.
    fn check_derivatives(f: impl Fn(f64) -> [f64; 3], x: f64) {
        let h = 1e-5 * x;
        let (low, middle, high) = (f(x - h), f(x), f(x + h));
        let slope = (high[0] - low[0]) / (2.0 * h);
        let bend = (high[1] - low[1]) / (2.0 * h);
        assert!((slope - middle[1]).abs() < 1e-6 * (1.0 + slope.abs()), "slope at {x}: {slope} {}", middle[1]);
        assert!((bend - middle[2]).abs() < 1e-6 * (1.0 + bend.abs()), "bend at {x}: {bend} {}", middle[2]);
    }

    #[test]
    fn derivatives_are_those_of_the_value() {
        let potential = crate::potential::Potential::built_in("CuZr-2009").unwrap();
        for r in [0.7, 1.5, 2.5, 3.3, 4.5, 5.7, 7.0] {
            for (a, b) in [(0, 0), (0, 1), (1, 1)] {
                check_derivatives(|r| potential.pair(a, b).evaluate(r), r);
                check_derivatives(|r| potential.density(a, b).evaluate(r), r);
            }
        }
        for rho in [3.0, 15.0, 26.0, 62.0, 78.0, 95.0] {
            check_derivatives(|rho| potential.embedding(0).evaluate(rho), rho);
            check_derivatives(|rho| potential.embedding(1).evaluate(rho), rho);
        }
        let pair = Radial::LennardJones { epsilon: 1.0, sigma: 1.0, cutoff: 2.5, shift: 0.0 };
        check_derivatives(|r| pair.evaluate(r), 1.3);
    }
}
