//! What stands over the marks: legend, notes and inset, and where they cover least.

use super::ink::Ink;
use super::paint::{DASHES, marker};
use super::view::{View, runs};
use super::{Look, Prepared, source};
use crate::plot::axis::Scale;
use crate::plot::canvas::{Anchor, Canvas, Pen, Rect};
use crate::plot::figure::Place;
use crate::plot::label::{self, minus, unit_label};
use crate::plot::mark::{Bars, FitNote, Mark, Points, Straight};
use crate::plot::theme::Color;

/// A symbol in the legend.
pub(super) enum Key {
    Marker(Look),
    Line(Color, f64, bool),
    Patch(Color),
    Ring(Color),
}

/// A block of text over the panel.
pub(super) struct Block {
    rows: Vec<(Option<Key>, String, Color)>,
    place: Place,
}

/// Legend, notes and inset with the places found for them.
pub(super) struct Arranged {
    pub blocks: Vec<(Block, Rect)>,
    pub inset: Option<Rect>,
    /// Cells of ink that they cover.
    pub covered: usize,
}

impl Prepared<'_> {
    /// Legend and notes.
    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for note in self.panel.notes.iter().filter(|n| n.place != Place::Best) {
            let rows = vec![(None, note.text.clone(), note.color.unwrap_or(Color::BLACK))];
            blocks.push(Block { rows, place: note.place });
        }
        if let Some(place) = self.panel.legend {
            let rows: Vec<_> = self.legend().into_iter().map(|(key, text)| (Some(key), text, Color::BLACK)).collect();
            blocks.push(Block { rows, place });
        }
        let found = self.fit_notes();
        let notes = self.panel.notes.iter().filter(|n| n.place == Place::Best);
        let notes = notes.map(|n| (None, n.text.clone(), n.color.unwrap_or(Color::BLACK)));
        blocks.push(Block {
            rows: found.into_iter().map(|(t, c)| (None, t, c)).chain(notes).collect(),
            place: Place::Best,
        });
        blocks.retain(|b| !b.rows.is_empty());
        blocks
    }

    fn legend(&self) -> Vec<(Key, String)> {
        let automatic = self.automatic_labels();
        let mut entries = Vec::new();
        for (index, mark) in self.panel.marks.iter().enumerate() {
            let look = self.looks[index];
            let text = if mark.label().is_empty() { automatic[index].clone() } else { mark.label().to_string() };
            let key = match mark {
                Mark::Bars(bars) if bars.series.len() > 1 || !bars.labels.is_empty() => {
                    let series = 0..bars.series.len();
                    entries.extend(series.map(|s| (Key::Patch(self.bar_color(bars, s)), bars.label(s))));
                    continue;
                }
                Mark::Points(_) => Key::Marker(look),
                Mark::Line(l) => Key::Line(look.color, l.width.unwrap_or(self.theme.line_width), l.dashed),
                Mark::Fit(f) => Key::Line(look.color, self.theme.line_width, f.dashed),
                Mark::Reference(r) => Key::Line(look.color, 0.65 * self.theme.line_width, r.dashed),
                Mark::Histogram(_) => Key::Patch(look.color.mixed(Color::WHITE, 0.45)),
                Mark::Bubbles(_) => Key::Ring(look.color),
                Mark::Bars(_) | Mark::Map(_) => continue,
            };
            entries.push((key, text));
        }
        entries.retain(|(_, text)| !text.is_empty());
        entries
    }

    /// When nobody gave a label and the series bear different names, the names are the labels.
    fn automatic_labels(&self) -> Vec<String> {
        let name = |mark: &Mark| match mark {
            Mark::Points(p) => p.y.name.clone(),
            Mark::Line(l) if !l.guide => l.y.name.clone(),
            _ => String::new(),
        };
        let names: Vec<String> = self.panel.marks.iter().map(name).collect();
        let mut different: Vec<&String> = names.iter().filter(|n| !n.is_empty()).collect();
        different.sort();
        different.dedup();
        let silent = self.panel.marks.iter().all(|m| m.label().is_empty());
        let bins = self.panel.marks.iter().any(|m| matches!(m, Mark::Histogram(_)));
        let wanted = different.len() > 1 && silent && !bins;
        names.iter().map(|n| if wanted { label::axis_label(n, "") } else { String::new() }).collect()
    }

    /// What the fits say, each in the colour of its line when there are several.
    fn fit_notes(&self) -> Vec<(String, Color)> {
        let several = self.fits.iter().flatten().count() > 1;
        let mut notes = Vec::new();
        for (index, mark) in self.panel.marks.iter().enumerate() {
            let (Mark::Fit(fit), Some((line, _))) = (mark, self.fits[index]) else { continue };
            let Some(source) = source(self.panel, index).map(|i| &self.panel.marks[i]) else { continue };
            let text = match fit.note {
                FitNote::None => continue,
                FitNote::Pearson => format!("r_{{P}} = {}", correlation(line.pearson)),
                FitNote::Equation => equation(&line, self.x.span.scale, self.y.span.scale),
                FitNote::Decay => decay(&line, self.x.span.scale, source),
            };
            let prefix =
                if several && !source.label().is_empty() { format!("{}: ", source.label()) } else { String::new() };
            notes.push((format!("{prefix}{text}"), if several { self.looks[index].color } else { Color::BLACK }));
        }
        notes
    }

    /// Places for legend, notes and inset where they cover least.
    pub(super) fn arranged(&self, frame: Rect) -> Arranged {
        let mut ink = self.ink(frame);
        let mut covered = 0;
        let inset = self.panel.inset.as_ref().map(|inset| {
            let rect = ink.best((inset.size.0 * frame.width, inset.size.1 * frame.height), inset.place, self.gap());
            covered += ink.under(rect);
            ink.block(rect);
            rect
        });
        let mut blocks: Vec<(Block, Rect)> = Vec::new();
        for block in self.blocks() {
            let mut rect = ink.best(self.block_size(&block), block.place, self.gap());
            // Of those that are asked to the same place, each goes beside the one before, away from the edge.
            for (_, other) in &blocks {
                let apart = rect.right() <= other.x
                    || other.right() <= rect.x
                    || rect.bottom() <= other.y
                    || other.bottom() <= rect.y;
                if !apart && block.place != Place::Best {
                    let lower = other.y + 0.5 * other.height > frame.y + 0.5 * frame.height;
                    rect.y = if lower { other.y - rect.height } else { other.bottom() };
                }
            }
            covered += if block.place == Place::Best { ink.under(rect) } else { 0 };
            ink.block(rect);
            blocks.push((block, rect));
        }
        Arranged { blocks, inset, covered }
    }

    fn gap(&self) -> f64 {
        self.theme.tick_length + 0.3 * self.theme.font_size
    }

    fn row_height(&self) -> f64 {
        1.35 * self.theme.small()
    }

    fn key_width(&self) -> f64 {
        2.4 * self.theme.small()
    }

    fn block_size(&self, block: &Block) -> (f64, f64) {
        let row = |(key, text, _): &(Option<Key>, String, Color)| {
            label::width(text, self.theme.small()) + if key.is_some() { self.key_width() } else { 0.0 }
        };
        let width = block.rows.iter().map(row).fold(0.0, f64::max);
        (width + 0.4 * self.theme.small(), self.row_height() * block.rows.len() as f64 + 0.2 * self.theme.small())
    }

    pub(super) fn block(&self, canvas: &mut Canvas, block: &Block, rect: Rect) {
        let small = self.theme.small();
        canvas.rectangle(rect, Pen::fill(Color::WHITE, 0.8));
        for (i, (key, text, color)) in block.rows.iter().enumerate() {
            let middle = rect.y + 0.1 * small + self.row_height() * (i as f64 + 0.5);
            let left = rect.x + 0.2 * small;
            if let Some(key) = key {
                self.key(canvas, key, (left, middle));
            }
            let start = left + if key.is_some() { self.key_width() } else { 0.0 };
            canvas.text(text, (start, middle + 0.36 * small), small, *color, Anchor::Start, false);
        }
    }

    fn key(&self, canvas: &mut Canvas, key: &Key, (left, middle): (f64, f64)) {
        let length = self.key_width() - 0.6 * self.theme.small();
        let center = (left + 0.5 * length, middle);
        match key {
            Key::Marker(look) => marker(canvas, *look, center, self.theme.marker_radius, 1.0, true),
            Key::Line(color, width, dashed) => {
                let pattern: &[f64] = if *dashed { &DASHES } else { &[] };
                canvas.dashed(&[(left, middle), (left + length, middle)], Pen::new(*color, *width), pattern);
            }
            Key::Patch(color) => {
                let height = 0.7 * self.theme.small();
                let rect = Rect { x: left + 0.15 * length, y: middle - 0.5 * height, width: 0.7 * length, height };
                canvas.rectangle(rect, Pen::fill(*color, 1.0));
            }
            Key::Ring(color) => {
                canvas.circle(center, self.theme.marker_radius, Pen::fill(*color, 1.0), true);
                canvas.circle(center, self.theme.marker_radius, Pen::new(Color::BLACK, 0.7), false);
            }
        }
    }

    /// Where the marks leave ink.
    fn ink(&self, frame: Rect) -> Ink {
        let mut ink = Ink::new(frame);
        for (index, mark) in self.panel.marks.iter().enumerate() {
            let y = self.right.as_ref().filter(|_| mark.right()).map_or(self.y.span, |r| r.span);
            let view = View { frame, x: self.x.span, y };
            match mark {
                Mark::Points(points) => self.ink_of_points(&mut ink, &view, points),
                Mark::Line(line) => {
                    for run in runs(&view, line) {
                        run.windows(2).for_each(|pair| ink.stroke(pair[0], pair[1]));
                    }
                }
                Mark::Histogram(h) => {
                    let bars = h.edges.values.windows(2).zip(&h.heights.values);
                    bars.for_each(|(e, y)| ink.area(view.standing(e[0], 0.0), view.standing(e[1], *y)));
                }
                Mark::Bars(bars) => ink_of_bars(&mut ink, &view, bars),
                Mark::Bubbles(bubbles) => {
                    let length = view.x.high - view.x.low;
                    for (x, y, r) in bubbles.circles(length) {
                        let (at, r) = (view.at(x, y), r / length * frame.width);
                        ink.area((at.0 - r, at.1 - r), (at.0 + r, at.1 + r));
                    }
                }
                Mark::Fit(_) => self.ink_of_fit(&mut ink, &view, index),
                Mark::Reference(r) if r.vertical => {
                    ink.stroke(view.at(r.value, view.y.low), view.at(r.value, view.y.high))
                }
                Mark::Reference(r) => ink.stroke(view.at(view.x.low, r.value), view.at(view.x.high, r.value)),
                Mark::Map(_) => {}
            }
        }
        ink
    }

    fn ink_of_points(&self, ink: &mut Ink, view: &View, points: &Points) {
        let r = self.radius(points);
        for (i, (&x, &y)) in points.x.values.iter().zip(&points.y.values).enumerate() {
            let (u, v) = view.at(x, y);
            [(u - r, v - r), (u + r, v - r), (u - r, v + r), (u + r, v + r)].into_iter().for_each(|at| ink.dot(at));
            let e = points.error.get(i).copied().filter(|e| e.is_finite()).unwrap_or(0.0);
            ink.stroke(view.standing(x, y - e), view.at(x, y + e));
        }
    }

    fn ink_of_fit(&self, ink: &mut Ink, view: &View, index: usize) {
        let Some((line, _)) = self.fits[index] else { return };
        let back = |scale, v: f64| if scale == Scale::Log { 10f64.powf(v) } else { v };
        let end = |u: f64| view.at(back(view.x.scale, u), back(view.y.scale, line.intercept + line.slope * u));
        ink.stroke(end(line.low), end(line.high));
    }
}

fn ink_of_bars(ink: &mut Ink, view: &View, bars: &Bars) {
    for (s, series) in bars.series.iter().enumerate() {
        for (i, height) in series.values.iter().enumerate() {
            let (left, right) = bars.sides(i, s);
            let e = bars.errors.get(s).and_then(|e| e.get(i)).copied().unwrap_or(0.0).abs();
            let top = height + if e.is_finite() { e } else { 0.0 };
            ink.area(view.standing(left, 0.0), view.standing(right, top));
        }
    }
}

fn equation(line: &Straight, x: Scale, y: Scale) -> String {
    let slope = significant(line.slope.abs());
    match (x, y) {
        (Scale::Linear, Scale::Linear) => {
            let sign = if line.slope < 0.0 { '\u{2212}' } else { '+' };
            format!("y = {} {sign} {slope} x", minus(&significant(line.intercept)))
        }
        (Scale::Linear, Scale::Log) => {
            let rate = minus(&significant(line.slope * std::f64::consts::LN_10));
            format!("y = {} exp({rate} x)", significant(10f64.powf(line.intercept)))
        }
        (Scale::Log, Scale::Log) => {
            format!("y = {} x^{{{}}}", significant(10f64.powf(line.intercept)), minus(&significant(line.slope)))
        }
        (Scale::Log, Scale::Linear) => {
            let sign = if line.slope < 0.0 { '\u{2212}' } else { '+' };
            format!("y = {} {sign} {slope} lg x", minus(&significant(line.intercept)))
        }
    }
}

fn decay(line: &Straight, x: Scale, source: &Mark) -> String {
    if line.slope >= 0.0 {
        return "no decay".into();
    }
    let length = -1.0 / (line.slope * std::f64::consts::LN_10);
    let unit = source.axes().map(|(x, _)| unit_label(&x.unit)).unwrap_or_default();
    if x == Scale::Log {
        return format!("y ∝ x^{{{}}}", minus(&significant(line.slope)));
    }
    format!("ξ = {} {unit}", minus(&significant(length))).trim_end().to_string()
}

/// Two decimals, and as many as it takes, up to five, to tell a strong correlation from a perfect one.
fn correlation(r: f64) -> String {
    if r.is_nan() {
        return "not defined".into();
    }
    let decimals = (2..5).find(|d| 1.0 - r.abs() >= 0.5 * 10f64.powi(-d)).unwrap_or(5);
    minus(&format!("{r:.*}", decimals as usize))
}

/// Three significant digits, with a power of ten when the number is large or small.
fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let scientific = format!("{value:.2e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-3..5).contains(&exponent) {
        let decimals = (2 - exponent).max(0) as usize;
        return format!("{value:.decimals$}");
    }
    format!("{mantissa}×10^{{{}}}", minus(&exponent.to_string()))
}
