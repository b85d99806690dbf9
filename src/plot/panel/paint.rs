//! The drawing of each kind of mark.

use super::view::{View, clipped_area, clipped_line, runs};
use super::{Look, Prepared};
use crate::error::Result;
use crate::plot::axis::Scale;
use crate::plot::canvas::{Canvas, Pen};
use crate::plot::label;
use crate::plot::map::{Bubbles, Map};
use crate::plot::mark::{Bars, Fit, Histogram, Line, Mark, Points, Reference};
use crate::plot::theme::{Color, Marker};

/// Lengths of dash and gap [pixel].
pub(super) const DASHES: [f64; 2] = [5.0, 3.0];

impl Prepared<'_> {
    pub(super) fn mark(&self, canvas: &mut Canvas, view: &View, index: usize, mark: &Mark) -> Result<()> {
        let look = self.looks[index];
        match mark {
            Mark::Points(points) => self.points(canvas, view, points, look),
            Mark::Line(line) => self.line(canvas, view, line, look.color),
            Mark::Histogram(histogram) => self.histogram(canvas, view, histogram, look.color),
            Mark::Bars(bars) => self.bars(canvas, view, bars),
            Mark::Map(map) => return self.field(canvas, view, map),
            Mark::Bubbles(bubbles) => self.bubbles(canvas, view, bubbles, look.color),
            Mark::Fit(fit) => self.fit(canvas, view, index, fit, look.color),
            Mark::Reference(reference) => self.reference(canvas, view, reference, look.color),
        }
        Ok(())
    }

    fn points(&self, canvas: &mut Canvas, view: &View, points: &Points, look: Look) {
        let (count, radius) = (points.x.values.len(), self.radius(points));
        let bar = Pen::new(look.color, 0.6 * self.theme.line_width);
        let cap = 0.8 * radius;
        for (i, (&x, &y)) in points.x.values.iter().zip(&points.y.values).enumerate() {
            let given = |list: &[f64]| list.get(i).copied().filter(|e| e.is_finite() && *e > 0.0);
            if let Some(e) = given(&points.error) {
                let (low, high) = (view.standing(x, y - e), view.at(x, y + e));
                self.error_bar(canvas, view, [low, high], (cap, 0.0), bar);
            }
            if let Some(e) = given(&points.x_error) {
                let (low, high) = (view.at(x - e, y), view.at(x + e, y));
                self.error_bar(canvas, view, [low, high], (0.0, cap), bar);
            }
        }
        let opacity = match count {
            0..=400 => 1.0,
            401..=3000 => 0.55,
            _ => 0.3,
        };
        for (&x, &y) in points.x.values.iter().zip(&points.y.values) {
            let at = view.at(x, y);
            if view.frame.contains(at) {
                marker(canvas, look, at, radius, opacity, count <= 400);
            }
        }
    }

    pub(super) fn radius(&self, points: &Points) -> f64 {
        let crowded = match points.x.values.len() {
            0..=80 => 1.0,
            81..=400 => 0.8,
            401..=3000 => 0.6,
            _ => 0.45,
        };
        points.size.unwrap_or(crowded * self.theme.marker_radius)
    }

    fn error_bar(&self, canvas: &mut Canvas, view: &View, ends: [(f64, f64); 2], cap: (f64, f64), pen: Pen) {
        for part in clipped_line(&ends, view.frame) {
            canvas.path(&part, pen);
        }
        for end in ends.iter().filter(|e| view.frame.contains(**e)) {
            canvas.path(&[(end.0 - cap.0, end.1 - cap.1), (end.0 + cap.0, end.1 + cap.1)], pen);
        }
    }

    fn line(&self, canvas: &mut Canvas, view: &View, line: &Line, color: Color) {
        let pen = Pen::new(color, line.width.unwrap_or(self.theme.line_width));
        for run in runs(view, line) {
            // A value between missing ones has no line to be on.
            if let [point] = run[..] {
                if view.frame.contains(point) {
                    canvas.circle(point, 0.9 * pen.width, Pen::fill(color, 1.0), true);
                }
                continue;
            }
            for part in clipped_line(&run, view.frame) {
                canvas.dashed(&part, pen, if line.dashed { &DASHES } else { &[] });
            }
        }
    }

    fn histogram(&self, canvas: &mut Canvas, view: &View, histogram: &Histogram, color: Color) {
        let (edges, heights) = (&histogram.edges.values, &histogram.heights.values);
        let mut outline = vec![view.standing(edges[0], 0.0)];
        for (i, height) in heights.iter().enumerate() {
            outline.push(view.standing(edges[i], *height));
            outline.push(view.standing(edges[i + 1], *height));
        }
        outline.push(view.standing(edges[heights.len()], 0.0));
        canvas.polygon(&clipped_area(&outline, view.frame), Pen::fill(color, 0.3));
        let pen = Pen::new(color, 0.7 * self.theme.line_width);
        for part in clipped_line(&outline, view.frame) {
            canvas.path(&part, pen);
        }
        if heights.len() <= 60 {
            for i in 1..heights.len() {
                let side = [view.standing(edges[i], 0.0), view.standing(edges[i], heights[i - 1].min(heights[i]))];
                for part in clipped_line(&side, view.frame) {
                    canvas.path(&part, Pen { opacity: 0.5, ..pen });
                }
            }
        }
    }

    fn bars(&self, canvas: &mut Canvas, view: &View, bars: &Bars) {
        for (s, series) in bars.series.iter().enumerate() {
            let color = self.bar_color(bars, s);
            for (i, height) in series.values.iter().enumerate().filter(|(_, h)| h.is_finite()) {
                let (left, right) = bars.sides(i, s);
                let (a, b) = (view.standing(left, 0.0), view.standing(right, *height));
                let area = clipped_area(&[a, (b.0, a.1), b, (a.0, b.1)], view.frame);
                canvas.polygon(&area, Pen::fill(color, 1.0));
                let error = bars.errors.get(s).and_then(|e| e.get(i)).copied().filter(|e| e.is_finite() && *e > 0.0);
                if let Some(e) = error {
                    let x = 0.5 * (left + right);
                    let ends = [view.standing(x, height - e), view.standing(x, height + e)];
                    self.error_bar(canvas, view, ends, (2.5, 0.0), Pen::new(Color::BLACK, self.theme.frame_width));
                }
            }
        }
        if view.y.low < 0.0 && view.y.high > 0.0 {
            let zero = [view.at(view.x.low, 0.0), view.at(view.x.high, 0.0)];
            canvas.path(&zero, Pen::new(Color::BLACK, self.theme.frame_width));
        }
    }

    pub(super) fn bar_color(&self, bars: &Bars, series: usize) -> Color {
        bars.colors.get(series).copied().unwrap_or_else(|| self.theme.color(series))
    }

    fn field(&self, canvas: &mut Canvas, view: &View, map: &Map) -> Result<()> {
        let ((x0, x1), (y0, y1)) = (map.grid.x, map.grid.y);
        let whole: Vec<_> = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)].iter().map(|p| view.at(p.0, p.1)).collect();
        canvas.polygon(&clipped_area(&whole, view.frame), Pen::fill(map.color(0), 1.0));
        let line = Pen { opacity: 0.35, ..Pen::new(Color::BLACK, 0.5) };
        for (step, areas) in map.areas()?.iter().enumerate() {
            for rings in areas {
                let rings: Vec<Vec<_>> = rings.iter().map(|r| r.iter().map(|p| view.at(p.0, p.1)).collect()).collect();
                let area = clipped_area(&joined(&rings), view.frame);
                canvas.polygon(&area, Pen::fill(map.color(step + 1), 1.0));
                for part in rings.iter().filter(|_| map.lines).flat_map(|ring| clipped_line(ring, view.frame)) {
                    canvas.path(&part, line);
                }
            }
        }
        for (low, high) in map.unknown() {
            let (a, b) = (view.at(low.0, low.1), view.at(high.0, high.1));
            // Half a pixel on each side hides the seams between cells.
            let (a, b) = ((a.0 - 0.5, a.1 + 0.5), (b.0 + 0.5, b.1 - 0.5));
            let cell = clipped_area(&[a, (b.0, a.1), b, (a.0, b.1)], view.frame);
            canvas.polygon(&cell, Pen::fill(Color(0xDD, 0xDD, 0xDD), 1.0));
        }
        Ok(())
    }

    fn bubbles(&self, canvas: &mut Canvas, view: &View, bubbles: &Bubbles, color: Color) {
        let length = view.x.high - view.x.low;
        let (fill, edge) = (Pen::fill(color, 0.85), Pen { opacity: 0.8, ..Pen::new(Color::BLACK, 0.7) });
        // Larger ones cover the frame from anywhere, and are not drawn with more corners for it.
        let largest = 1e4 * view.frame.width;
        for (x, y, radius) in bubbles.circles(length) {
            let (at, radius) = (view.at(x, y), (radius / length * view.frame.width).min(largest));
            let ring = ring(at, radius);
            if ring.iter().all(|corner| view.frame.contains(*corner)) {
                canvas.circle(at, radius, fill, true);
                canvas.circle(at, radius, edge, false);
                continue;
            }
            canvas.polygon(&clipped_area(&ring, view.frame), fill);
            for part in clipped_line(&ring, view.frame) {
                canvas.path(&part, edge);
            }
        }
    }

    fn fit(&self, canvas: &mut Canvas, view: &View, index: usize, fit: &Fit, color: Color) {
        let Some((line, right)) = self.fits[index] else { return };
        let y = self.right.as_ref().filter(|_| right).map_or(view.y, |r| r.span);
        let view = View { y, ..*view };
        let back = |scale, v: f64| if scale == Scale::Log { 10f64.powf(v) } else { v };
        let end = |u: f64| view.at(back(view.x.scale, u), back(view.y.scale, line.intercept + line.slope * u));
        let pen = Pen::new(color, self.theme.line_width);
        for part in clipped_line(&[end(line.low), end(line.high)], view.frame) {
            canvas.dashed(&part, pen, if fit.dashed { &DASHES } else { &[] });
        }
    }

    fn reference(&self, canvas: &mut Canvas, view: &View, reference: &Reference, color: Color) {
        let v = reference.value;
        let (low, high) = if reference.vertical {
            (view.at(v, view.y.low), view.at(v, view.y.high))
        } else {
            (view.at(view.x.low, v), view.at(view.x.high, v))
        };
        let pen = Pen::new(color, 0.65 * self.theme.line_width);
        for part in clipped_line(&[low, high], view.frame) {
            canvas.dashed(&part, pen, if reference.dashed { &DASHES } else { &[] });
        }
    }
}

/// A circle as a closed line with corners too flat to see.
fn ring((x, y): (f64, f64), radius: f64) -> Vec<(f64, f64)> {
    let corners = (8.0 * radius.sqrt()).ceil().max(16.0) as usize;
    let angle = |k: usize| (k % corners) as f64 / corners as f64 * std::f64::consts::TAU;
    (0..=corners).map(|k| (x + radius * angle(k).cos(), y + radius * angle(k).sin())).collect()
}

/// An outer ring and the holes in it as one ring: cuts of no width join them.
fn joined(rings: &[Vec<(f64, f64)>]) -> Vec<(f64, f64)> {
    let start = rings.first().and_then(|outer| outer.first());
    rings.iter().enumerate().flat_map(|(i, ring)| ring.iter().chain(start.filter(|_| i > 0))).copied().collect()
}

pub(super) fn marker(canvas: &mut Canvas, look: Look, (x, y): (f64, f64), r: f64, opacity: f64, edged: bool) {
    let fill = Pen::fill(look.color, opacity);
    let edge = Pen::new(Color::WHITE, 0.5);
    let stroke = Pen { opacity, ..Pen::new(look.color, 0.45 * r) };
    let corners: Vec<(f64, f64)> = match look.marker {
        Marker::Circle => {
            canvas.circle((x, y), r, fill, true);
            if edged {
                canvas.circle((x, y), r, edge, false);
            }
            return;
        }
        Marker::Ring => return canvas.circle((x, y), 0.9 * r, stroke, false),
        Marker::Plus => {
            canvas.path(&[(x - 1.1 * r, y), (x + 1.1 * r, y)], stroke);
            return canvas.path(&[(x, y - 1.1 * r), (x, y + 1.1 * r)], stroke);
        }
        Marker::Cross => {
            canvas.path(&[(x - 0.9 * r, y - 0.9 * r), (x + 0.9 * r, y + 0.9 * r)], stroke);
            return canvas.path(&[(x - 0.9 * r, y + 0.9 * r), (x + 0.9 * r, y - 0.9 * r)], stroke);
        }
        Marker::Square => {
            [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)].map(|(a, b)| (x + a * r, y + b * r)).into()
        }
        Marker::Diamond => {
            [(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)].map(|(a, b)| (x + a * r, y + b * r)).into()
        }
        Marker::Triangle => [(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)].map(|(a, b)| (x + a * r, y + b * r)).into(),
    };
    canvas.polygon(&corners, fill);
    if edged {
        canvas.path(&[&corners[..], &corners[..2]].concat(), edge);
    }
}

impl Bars {
    /// Sides of the bar of a series in a group.
    pub(super) fn sides(&self, group: usize, series: usize) -> (f64, f64) {
        let width = 0.76 / self.series.len() as f64;
        let left = group as f64 - 0.38 + width * series as f64;
        let gap = if self.series.len() > 1 { 0.03 * width } else { 0.0 };
        (left + gap, left + width - gap)
    }

    /// Heights with the ends of their error bars.
    pub(super) fn ends(&self) -> Vec<f64> {
        let error = |s: usize, i: usize| self.errors.get(s).and_then(|e| e.get(i)).copied().filter(|e| e.is_finite());
        let series = self.series.iter().enumerate();
        let ends = series.flat_map(|(s, d)| {
            d.values.iter().enumerate().flat_map(move |(i, v)| {
                let e = error(s, i).unwrap_or(0.0);
                [v - e, v + e]
            })
        });
        ends.collect()
    }

    pub(super) fn label(&self, series: usize) -> String {
        let own = self.labels.get(series).cloned();
        own.unwrap_or_else(|| label::axis_label(&self.series[series].name, ""))
    }
}
