//! From values to pixels, and what of a line or an area lies within the frame.

use crate::plot::axis::Span;
use crate::plot::canvas::Rect;
use crate::plot::mark::Line;

/// A frame with the ranges of its axes.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub frame: Rect,
    pub x: Span,
    pub y: Span,
}

impl View {
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let (u, v) = (self.x.fraction(x), self.y.fraction(y));
        (self.frame.x + u * self.frame.width, self.frame.bottom() - v * self.frame.height)
    }

    /// As `at`, with values below a logarithmic axis put under the frame.
    pub fn standing(&self, x: f64, y: f64) -> (f64, f64) {
        let (u, v) = self.at(x, y);
        (u, if v.is_nan() { self.frame.bottom() + 10.0 } else { v })
    }
}

/// Parts of a line within a rectangle (Liang and Barsky, ACM Trans. Graph. 3, 1 (1984), <https://doi.org/10.1145/357332.357333>).
pub(super) fn clipped_line(points: &[(f64, f64)], rect: Rect) -> Vec<Vec<(f64, f64)>> {
    let mut parts: Vec<Vec<(f64, f64)>> = Vec::new();
    for pair in points.windows(2) {
        let Some((from, to)) = clipped_segment(pair[0], pair[1], rect) else { continue };
        match parts.last_mut() {
            Some(part) if part.last() == Some(&from) => part.push(to),
            _ => parts.push(vec![from, to]),
        }
    }
    parts
}

pub(super) fn clipped_segment(a: (f64, f64), b: (f64, f64), rect: Rect) -> Option<((f64, f64), (f64, f64))> {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let (mut enter, mut leave) = (0.0f64, 1.0f64);
    let sides = [(-dx, a.0 - rect.x), (dx, rect.right() - a.0), (-dy, a.1 - rect.y), (dy, rect.bottom() - a.1)];
    for (p, q) in sides {
        if !(p.is_finite() && q.is_finite()) || (p == 0.0 && q < 0.0) {
            return None;
        }
        if p < 0.0 {
            enter = enter.max(q / p);
        } else if p > 0.0 {
            leave = leave.min(q / p);
        }
    }
    let at = |t: f64| match t {
        0.0 => a,
        1.0 => b,
        _ => (a.0 + t * dx, a.1 + t * dy),
    };
    (enter <= leave).then(|| (at(enter), at(leave)))
}

/// The part of an area within a rectangle (Sutherland and Hodgman, Commun. ACM 17, 32 (1974), <https://doi.org/10.1145/360767.360802>).
pub(super) fn clipped_area(points: &[(f64, f64)], rect: Rect) -> Vec<(f64, f64)> {
    type Side = (fn((f64, f64)) -> f64, f64, f64);
    let sides: [Side; 4] =
        [(|p| p.0, rect.x, 1.0), (|p| p.0, rect.right(), -1.0), (|p| p.1, rect.y, 1.0), (|p| p.1, rect.bottom(), -1.0)];
    sides.iter().fold(points.to_vec(), |points, (coordinate, limit, sign)| {
        let depth = |p: (f64, f64)| sign * (coordinate(p) - limit);
        let mut kept = Vec::with_capacity(points.len() + 4);
        for (i, &to) in points.iter().enumerate() {
            let from = points[(i + points.len() - 1) % points.len()];
            let (a, b) = (depth(from), depth(to));
            if (a >= 0.0) != (b >= 0.0) {
                let t = a / (a - b);
                kept.push((from.0 + t * (to.0 - from.0), from.1 + t * (to.1 - from.1)));
            }
            if b >= 0.0 {
                kept.push(to);
            }
        }
        kept
    })
}

/// Runs of a line between missing values, without steps too small to see.
pub(super) fn runs(view: &View, line: &Line) -> Vec<Vec<(f64, f64)>> {
    let mut runs: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for (&x, &y) in line.x.values.iter().zip(&line.y.values) {
        let at = view.at(x, y);
        match runs.last_mut() {
            Some(run) if at.0.is_finite() && at.1.is_finite() => {
                let near = run.last().is_some_and(|p| (p.0 - at.0).abs() < 0.25 && (p.1 - at.1).abs() < 0.25);
                if !near {
                    run.push(at);
                }
            }
            Some(run) if run.is_empty() => {}
            _ => runs.push(Vec::new()),
        }
    }
    runs
}
