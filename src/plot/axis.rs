//! Axes: range, scale, ticks and the text at the ticks.

use crate::error::{Error, Result};
use crate::plot::label::minus;

/// How values are laid out along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences, equal distances.
    #[default]
    Linear,
    /// Equal ratios, equal distances; values that are not positive are left out.
    Log,
}

/// What a panel says about one of its axes; the default takes everything from the data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Axis {
    /// Text beside the axis; `None` takes the name and unit of the data.
    pub label: Option<String>,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// Lowest and highest value shown; `None` takes what the data need.
    pub range: Option<(f64, f64)>,
}

impl Axis {
    pub(crate) fn check(&self, name: &str) -> Result<()> {
        let Some((low, high)) = self.range else { return Ok(()) };
        if !(low.is_finite() && high.is_finite() && low < high) {
            return Err(Error::input(format!("{name}_range must be two numbers that rise, found {low} and {high}")));
        }
        if self.scale == Scale::Log && low <= 0.0 {
            return Err(Error::input(format!("{name}_range of a logarithmic axis must be positive, found {low}")));
        }
        Ok(())
    }
}

/// The values an axis shows, from its lower to its upper end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub low: f64,
    pub high: f64,
    pub scale: Scale,
}

impl Span {
    /// The value as the axis measures it: itself, or its decimal logarithm.
    pub fn measure(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value,
            Scale::Log if value > 0.0 => value.log10(),
            Scale::Log => f64::NAN,
        }
    }

    /// Place of a value: 0 at the lower end, 1 at the upper.
    pub fn fraction(&self, value: f64) -> f64 {
        let (low, high) = (self.measure(self.low), self.measure(self.high));
        (self.measure(value) - low) / (high - low)
    }

    /// The value at a place.
    pub fn value(&self, fraction: f64) -> f64 {
        let (low, high) = (self.measure(self.low), self.measure(self.high));
        let measured = low + fraction * (high - low);
        if self.scale == Scale::Log { 10f64.powf(measured) } else { measured }
    }

    /// A span around data, wider by the given shares below and above; values that do not rise get room.
    pub fn around(low: f64, high: f64, scale: Scale, below: f64, above: f64) -> Span {
        let span = Span { low, high, scale };
        let (mut a, mut b) = (span.measure(low), span.measure(high));
        if b - a <= 1e-12 * a.abs().max(b.abs()) {
            let room = if scale == Scale::Log { 0.5 } else { (0.1 * a.abs()).max(f64::MIN_POSITIVE.sqrt()) };
            let room = if a == 0.0 && scale == Scale::Linear { 1.0 } else { room };
            (a, b) = (a - room, b + room);
        }
        let (below, above) = (a - below * (b - a), b + above * (b - a));
        let back = |v: f64| if scale == Scale::Log { 10f64.powf(v) } else { v };
        Span { low: back(below), high: back(above), scale }
    }

    /// The span that holds both.
    pub fn union(&self, other: &Span) -> Span {
        Span { low: self.low.min(other.low), high: self.high.max(other.high), ..*self }
    }

    /// The same span with `share` of its length added at the upper end.
    pub fn with_headroom(&self, share: f64) -> Span {
        Span { high: self.value(1.0 + share), ..*self }
    }
}

/// Ticks of an axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ticks {
    /// Places (0 to 1) with their text.
    pub major: Vec<(f64, String)>,
    /// Places without text.
    pub minor: Vec<f64>,
    /// Power of ten that the text leaves out.
    pub exponent: i32,
}

/// Ticks of a span: as many as `most` allows and `fits` accepts.
pub(crate) fn ticks(span: &Span, most: usize, fits: impl Fn(&Ticks) -> bool) -> Ticks {
    let of = |count: usize| match span.scale {
        Scale::Linear => linear(span, count),
        Scale::Log => logarithmic(span, count),
    };
    let mut choices = (2..=most.max(2)).rev().map(of);
    choices.clone().find(|t| t.major.len() >= 2 && fits(t)).or_else(|| choices.next_back()).unwrap_or_default()
}

/// The round step (1, 2 or 5 times a power of ten) that puts at most about `count` ticks on a length.
fn round_step(length: f64, count: usize) -> f64 {
    let raw = length / count as f64;
    let power = 10f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

fn linear(span: &Span, count: usize) -> Ticks {
    let length = span.high - span.low;
    let step = round_step(length, count);
    let minor_step = if (step / 10f64.powf(step.log10().round()) - 2.0).abs() < 0.1 { step / 4.0 } else { step / 5.0 };
    let largest = span.low.abs().max(span.high.abs());
    let power = (largest * (1.0 + 1e-12)).log10().floor() as i32;
    let exponent = if power >= 5 || power <= -3 { power } else { 0 };
    let unit = 10f64.powi(exponent);
    let decimals = (-(step / unit * (1.0 + 1e-9)).log10().floor()).clamp(0.0, 17.0) as usize;
    let major = multiples(span, step).into_iter().map(|v| (span.fraction(v), decimal(v / unit, decimals))).collect();
    let minor = multiples(span, minor_step).into_iter().map(|v| span.fraction(v)).collect();
    Ticks { major, minor, exponent }
}

/// Multiples of a step within a span.
fn multiples(span: &Span, step: f64) -> Vec<f64> {
    let slack = 1e-6;
    let (first, last) = ((span.low / step - slack).ceil(), (span.high / step + slack).floor());
    let count = (last - first).clamp(-1.0, 1000.0) as i64;
    (0..=count).map(|i| (first + i as f64) * step).collect()
}

fn decimal(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let zero = text.chars().all(|c| "-0.".contains(c));
    minus(if zero { text.trim_start_matches('-') } else { &text })
}

fn logarithmic(span: &Span, count: usize) -> Ticks {
    let (low, high) = (span.low.log10(), span.high.log10());
    let first = (low - 1e-9).ceil() as i32;
    let last = (high + 1e-9).floor() as i32;
    if last - first < 1 {
        return within_decade(span, count, low.floor() as i32);
    }
    let stride = ((last - first + 1) as usize).div_ceil(count.max(1)).max(1) as i32;
    let plain = first >= -2 && last <= 3;
    let text = |p: i32| if plain { power(p) } else { format!("10^{{{}}}", minus(&p.to_string())) };
    let decades = (first..=last).filter(|p| p.rem_euclid(stride) == 0);
    let major = decades.map(|p| (span.fraction(10f64.powi(p)), text(p))).collect();
    let minor =
        (first - 1..=last).filter(|_| stride == 1).flat_map(|p| (2..10).map(move |m| f64::from(m) * 10f64.powi(p)));
    let minor = if stride == 1 {
        minor.map(|v| span.fraction(v)).filter(|f| (0.0..=1.0).contains(f)).collect()
    } else {
        (first..=last).map(|p| span.fraction(10f64.powi(p))).collect()
    };
    Ticks { major, minor, exponent: 0 }
}

fn power(p: i32) -> String {
    decimal(10f64.powi(p), (-p).max(0) as usize)
}

/// A logarithmic axis with less than two powers of ten on it: 1, 2, 5 are written, or round numbers when it is shorter still.
fn within_decade(span: &Span, count: usize, decade: i32) -> Ticks {
    if span.high / span.low < 4.0 {
        let flat = linear(&Span { scale: Scale::Linear, ..*span }, count);
        let place = |f: f64| span.fraction(span.low + f * (span.high - span.low));
        let major = flat.major.into_iter().map(|(f, text)| (place(f), text)).collect();
        return Ticks { major, minor: flat.minor.into_iter().map(place).collect(), exponent: flat.exponent };
    }
    let chosen: &[i32] = if count >= 4 { &[1, 2, 3, 5] } else { &[1, 3] };
    let inside = |f: &f64| (-1e-9..=1.0 + 1e-9).contains(f);
    let all = move |digits: Vec<i32>| {
        (decade..decade + 3).flat_map(move |p| digits.clone().into_iter().map(move |m| (m, p))).collect::<Vec<_>>()
    };
    let exponent = if (-3..=3).contains(&decade) { 0 } else { decade };
    let text = |(m, p): (i32, i32)| {
        let p = p - exponent;
        decimal(f64::from(m) * 10f64.powi(p), (-p).max(0) as usize)
    };
    let place = |(m, p): (i32, i32)| span.fraction(f64::from(m) * 10f64.powi(p));
    let major = all(chosen.to_vec()).into_iter().map(|t| (place(t), text(t))).filter(|(f, _)| inside(f)).collect();
    let minor = all((1..10).collect()).into_iter().map(place).filter(inside).collect();
    Ticks { major, minor, exponent }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, scale: Scale) -> (Vec<String>, i32) {
        let t = ticks(&Span { low, high, scale }, 6, |_| true);
        (t.major.into_iter().map(|(_, text)| text).collect(), t.exponent)
    }

    fn check(low: f64, high: f64, scale: Scale, expected: &[&str], exponent: i32) {
        assert_eq!(
            labels(low, high, scale),
            (expected.iter().map(|s| s.to_string()).collect(), exponent),
            "{low} to {high}"
        );
    }

    #[test]
    fn linear_ticks_are_round() {
        check(0.0, 1.0, Scale::Linear, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], 0);
        check(-3.2, 4.9, Scale::Linear, &["−2", "0", "2", "4"], 0);
        check(-4.9004, -4.8996, Scale::Linear, &["−4.9004", "−4.9002", "−4.9000", "−4.8998", "−4.8996"], 0);
        check(0.0, 3.1e-5, Scale::Linear, &["0", "1", "2", "3"], -5);
        check(0.0, 2.4e8, Scale::Linear, &["0.0", "0.5", "1.0", "1.5", "2.0"], 8);
        check(99_000.0, 100_000.0, Scale::Linear, &["0.990", "0.992", "0.994", "0.996", "0.998", "1.000"], 5);
    }

    #[test]
    fn logarithmic_ticks_are_powers_of_ten() {
        check(1e-7, 1.0, Scale::Log, &["10^{−6}", "10^{−4}", "10^{−2}", "10^{0}"], 0);
        check(0.05, 200.0, Scale::Log, &["0.1", "1", "10", "100"], 0);
        check(0.15, 0.95, Scale::Log, &["0.2", "0.3", "0.5"], 0);
        check(1.1, 1.9, Scale::Log, &["1.2", "1.4", "1.6", "1.8"], 0);
    }

    #[test]
    fn every_tick_lies_on_its_axis() {
        for (low, high) in [(1e-12, 3e-12), (-7.0, 1e6), (0.3, 0.300001), (1.0, 9e9), (-1e300, 1e300)] {
            for scale in [Scale::Linear, Scale::Log] {
                if scale == Scale::Log && low <= 0.0 {
                    continue;
                }
                let t = ticks(&Span { low, high, scale }, 7, |_| true);
                assert!((2..=9).contains(&t.major.len()), "{low} {high} {scale:?}: {t:?}");
                let places = t.major.iter().map(|m| m.0).chain(t.minor.iter().copied());
                for place in places {
                    assert!((-1e-5..=1.0 + 1e-5).contains(&place), "{low} {high} {scale:?}: {place}");
                }
                let mut texts: Vec<_> = t.major.iter().map(|m| &m.1).collect();
                texts.dedup();
                assert_eq!(texts.len(), t.major.len(), "{low} {high} {scale:?}: {t:?}");
            }
        }
    }

    #[test]
    fn fraction_and_value_are_inverse() {
        for span in
            [Span { low: 2.0, high: 7.0, scale: Scale::Linear }, Span { low: 1e-3, high: 1e4, scale: Scale::Log }]
        {
            for f in [0.0, 0.25, 1.0] {
                assert!((span.fraction(span.value(f)) - f).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_single_value_gets_room() {
        for value in [0.0, 5.0, -3.0, 1e-20] {
            let span = Span::around(value, value, Scale::Linear, 0.05, 0.05);
            assert!(span.low < value && value < span.high, "{span:?}");
        }
    }
}
