//! Cubic splines through equally spaced values.

/// The cubic spline through values at `start + n step`, with a continuous second derivative.
///
/// ```math
/// f(x) = a y_n + b y_{n+1} + [(a^3 - a) m_n + (b^3 - b) m_{n+1}] step^2 / 6,    b = (x - x_n) / step, a = 1 - b
/// ```
/// The curvatures `m` solve `m_{n-1} + 4 m_n + m_{n+1} = 6 (y_{n-1} - 2 y_n + y_{n+1}) / step^2`; the slopes at the two
/// ends are those of the cubics through the four values there. Outside the values the function goes on as a straight
/// line. De Boor, A Practical Guide to Splines (Springer, 2001), chapter IV.
#[derive(Clone, Debug, PartialEq)]
pub struct Spline {
    start: f64,
    step: f64,
    /// Value and curvature at each knot.
    knots: Vec<[f64; 2]>,
}

impl Spline {
    /// Fewest values that make a spline.
    pub const FEWEST: usize = 4;

    /// The spline through these values; None when there are fewer than four or the step is not positive.
    pub fn new(start: f64, step: f64, values: &[f64]) -> Option<Spline> {
        if values.len() < Spline::FEWEST || !(step > 0.0) {
            return None;
        }
        let last = values.len() - 1;
        let one_sided = |y: [f64; 4]| (-11.0 * y[0] + 18.0 * y[1] - 9.0 * y[2] + 2.0 * y[3]) / (6.0 * step);
        let slopes = [one_sided([0, 1, 2, 3].map(|k| values[k])), -one_sided([0, 1, 2, 3].map(|k| values[last - k]))];
        // The tridiagonal system, solved by elimination downwards and substitution upwards.
        let six = 6.0 / (step * step);
        let right = |n: usize| match n {
            0 => six * (values[1] - values[0] - step * slopes[0]),
            n if n == last => six * (values[last - 1] - values[last] + step * slopes[1]),
            n => six * (values[n - 1] - 2.0 * values[n] + values[n + 1]),
        };
        let mut above = vec![0.5; values.len()];
        let mut curvature = vec![0.5 * right(0); values.len()];
        for n in 1..=last {
            let diagonal = if n == last { 2.0 } else { 4.0 };
            let pivot = diagonal - above[n - 1];
            above[n] = 1.0 / pivot;
            curvature[n] = (right(n) - curvature[n - 1]) / pivot;
        }
        for n in (0..last).rev() {
            curvature[n] -= above[n] * curvature[n + 1];
        }
        let knots = values.iter().zip(curvature).map(|(&y, m)| [y, m]).collect();
        Some(Spline { start, step, knots })
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
        let ([y0, m0], [y1, m1]) = (self.knots[n], self.knots[n + 1]);
        let b = inside - n as f64;
        let a = 1.0 - b;
        let sixth = self.step / 6.0;
        let slope = (y1 - y0) / self.step + sixth * ((3.0 * b * b - 1.0) * m1 - (3.0 * a * a - 1.0) * m0);
        let value = a * y0 + b * y1 + sixth * self.step * ((a * a * a - a) * m0 + (b * b * b - b) * m1);
        let beyond = (u - inside) * self.step;
        [value + slope * beyond, slope, if beyond == 0.0 { a * m0 + b * m1 } else { 0.0 }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cubic_is_its_own_spline() {
        let cubic = |x: f64| [1.0 + x * (2.0 - x * (3.0 - x)), 2.0 - 6.0 * x + 3.0 * x * x, -6.0 + 6.0 * x];
        let values: Vec<f64> = (0..9).map(|n| cubic(0.5 + 0.25 * f64::from(n))[0]).collect();
        let spline = Spline::new(0.5, 0.25, &values).unwrap();
        for x in [0.5, 0.6, 1.1, 1.75, 2.49, 2.5] {
            for (found, exact) in spline.evaluate(x).iter().zip(cubic(x)) {
                assert!((found - exact).abs() < 1e-11, "at {x}: {found} {exact}");
            }
        }
        assert!((spline.evaluate(3.0)[0] - cubic(2.5)[0] - 0.5 * cubic(2.5)[1]).abs() < 1e-11);
        assert!(Spline::new(0.0, 1.0, &[1.0, 2.0, 3.0]).is_none());
    }
}
