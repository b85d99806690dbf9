//! Interpolation of equally spaced values.

/// Quintics through values at `start + n step`, with continuous first and second derivatives.
///
/// Slope and curvature at a value are those of the quartic through it and the two values on either side:
///
/// ```math
/// f'_n = [ f_{n-2} - 8 f_{n-1} + 8 f_{n+1} - f_{n+2} ] / 12 step
/// f''_n = [ -f_{n-2} + 16 f_{n-1} - 30 f_n + 16 f_{n+1} - f_{n+2} ] / 12 step^2
/// ```
/// The slopes are those of LAMMPS. A kink in the function is felt two steps away and no farther, where a cubic spline would
/// ring. Near the ends the quartic through the last five values is used; outside, the function goes on as a straight line.
/// Fornberg, Math. Comput. 51, 699 (1988), <https://doi.org/10.1090/S0025-5718-1988-0935077-0>.
#[derive(Clone, Debug, PartialEq)]
pub struct Spline {
    start: f64,
    step: f64,
    /// Value, slope times the step, and curvature times its square at each knot.
    knots: Vec<[f64; 3]>,
}

/// Twelve times the slope of the quartic through five values, at each of them, in units of the step.
const SLOPES: [[f64; 5]; 5] = [
    [-25.0, 48.0, -36.0, 16.0, -3.0],
    [-3.0, -10.0, 18.0, -6.0, 1.0],
    [1.0, -8.0, 0.0, 8.0, -1.0],
    [-1.0, 6.0, -18.0, 10.0, 3.0],
    [3.0, -16.0, 36.0, -48.0, 25.0],
];

/// Twelve times its curvature.
const CURVATURES: [[f64; 5]; 5] = [
    [35.0, -104.0, 114.0, -56.0, 11.0],
    [11.0, -20.0, 6.0, 4.0, -1.0],
    [-1.0, 16.0, -30.0, 16.0, -1.0],
    [-1.0, 4.0, 6.0, -20.0, 11.0],
    [11.0, -56.0, 114.0, -104.0, 35.0],
];

impl Spline {
    /// Fewest values that can be interpolated.
    pub const FEWEST: usize = 5;

    /// The interpolation of these values; None when there are fewer than five or the step is not positive.
    pub fn new(start: f64, step: f64, values: &[f64]) -> Option<Spline> {
        if values.len() < Spline::FEWEST || !(step > 0.0) {
            return None;
        }
        let knot = |n: usize| {
            let first = n.saturating_sub(2).min(values.len() - 5);
            let of = |weights: &[f64; 5]| (0..5).map(|k| weights[k] * values[first + k]).sum::<f64>() / 12.0;
            [values[n], of(&SLOPES[n - first]), of(&CURVATURES[n - first])]
        };
        Some(Spline { start, step, knots: (0..values.len()).map(knot).collect() })
    }

    /// Place of the first value.
    pub fn start(&self) -> f64 {
        self.start
    }

    /// Place of the last value.
    pub fn end(&self) -> f64 {
        self.start + (self.knots.len() - 1) as f64 * self.step
    }

    /// Value, first and second derivative at `x`.
    pub fn evaluate(&self, x: f64) -> [f64; 3] {
        let u = (x - self.start) / self.step;
        let inside = u.clamp(0.0, (self.knots.len() - 1) as f64);
        let n = (inside as usize).min(self.knots.len() - 2);
        let ([y0, s0, m0], [y1, s1, m1]) = (self.knots[n], self.knots[n + 1]);
        let t = inside - n as f64;
        // What value, slope and curvature at the far end are beyond those of the parabola from the near end.
        let (p, q, r) = (y1 - y0 - s0 - 0.5 * m0, s1 - s0 - m0, m1 - m0);
        let (c3, c4, c5) = (10.0 * p - 4.0 * q + 0.5 * r, -15.0 * p + 7.0 * q - r, 6.0 * p - 3.0 * q + 0.5 * r);
        let value = y0 + t * (s0 + t * (0.5 * m0 + t * (c3 + t * (c4 + t * c5))));
        let slope = (s0 + t * (m0 + t * (3.0 * c3 + t * (4.0 * c4 + t * 5.0 * c5)))) / self.step;
        let curvature = (m0 + t * (6.0 * c3 + t * (12.0 * c4 + t * 20.0 * c5))) / (self.step * self.step);
        let beyond = (u - inside) * self.step;
        [value + slope * beyond, slope, if beyond == 0.0 { curvature } else { 0.0 }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quartic_is_its_own_interpolation() {
        let quartic = |x: f64| {
            let value = 1.0 + x * (2.0 - x * (3.0 - x * (1.0 + 0.7 * x)));
            [value, 2.0 - x * (6.0 - x * (3.0 + 2.8 * x)), -6.0 + x * (6.0 + 8.4 * x)]
        };
        let values: Vec<f64> = (0..9).map(|n| quartic(0.5 + 0.25 * f64::from(n))[0]).collect();
        let spline = Spline::new(0.5, 0.25, &values).unwrap();
        for x in [0.5, 0.6, 1.1, 1.75, 2.49, 2.5] {
            for (found, exact) in spline.evaluate(x).iter().zip(quartic(x)) {
                assert!((found - exact).abs() < 1e-11, "at {x}: {found} {exact}");
            }
        }
        assert!((spline.evaluate(3.0)[0] - quartic(2.5)[0] - 0.5 * quartic(2.5)[1]).abs() < 1e-11);
        // A kink at 1.6 is felt by the knots within two steps of it, 1.25 to 2.0, and by what lies between them.
        let kinked: Vec<f64> = (0..13).map(|n| (f64::from(n) * 0.25 + 0.5 - 1.6).max(0.0)).collect();
        let kinked = Spline::new(0.5, 0.25, &kinked).unwrap();
        assert_eq!(kinked.evaluate(0.9), [0.0; 3]);
        assert!((kinked.evaluate(2.4)[1] - 1.0).abs() < 1e-12 && kinked.evaluate(2.4)[2].abs() < 1e-12);
        assert!(Spline::new(0.0, 1.0, &[1.0, 2.0, 3.0, 4.0]).is_none());
    }
}
