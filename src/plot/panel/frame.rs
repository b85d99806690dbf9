//! Frame, ticks, labels and colour bar.

use super::{Prepared, Ready};
use crate::plot::axis::Ticks;
use crate::plot::canvas::{Anchor, Canvas, Pen, Rect};
use crate::plot::label::LINE;
use crate::plot::theme::Color;

impl Prepared<'_> {
    /// Frame, ticks, labels, title, letter and colour bar.
    pub(super) fn axes(&self, canvas: &mut Canvas, frame: Rect) {
        let (x, y) = (self.x_ticks(frame.width), self.y_ticks(&self.y, frame.height));
        let right = self.right.as_ref().map(|axis| (axis, self.y_ticks(axis, frame.height)));
        let out = self.aspect.is_some();
        let bars = !self.x.names.is_empty();
        let pen = Pen::new(Color::BLACK, self.theme.frame_width);
        let length = if out { -0.8 * self.theme.tick_length } else { self.theme.tick_length };
        canvas.frame(frame, pen);
        let (corner, none) = ((frame.x, frame.bottom()), Ticks::default());
        let comb = |canvas: &mut Canvas, start, along, inward, ticks: &Ticks| {
            canvas.path(&teeth(start, along, inward, ticks, length), pen);
        };
        let (width, height) = ((frame.width, 0.0), (0.0, -frame.height));
        comb(canvas, corner, width, (0.0, -1.0), if bars { &none } else { &x });
        comb(canvas, corner, height, (1.0, 0.0), &y);
        if !out {
            comb(canvas, (frame.x, frame.y), width, (0.0, 1.0), if bars { &none } else { &x });
            let opposite = right.as_ref().map_or(&y, |(_, ticks)| ticks);
            comb(canvas, (frame.right(), frame.bottom()), height, (-1.0, 0.0), opposite);
        }
        self.x_text(canvas, frame, &x);
        if self.show_y {
            self.y_text(canvas, frame, &self.y, &y, false, frame.x - self.tick_out());
        }
        let mut edge = frame.right();
        if let Some((axis, ticks)) = &right {
            self.y_text(canvas, frame, axis, ticks, true, edge);
            edge += self.beside(axis, frame.height);
        }
        self.head(canvas, frame);
        self.color_bar(canvas, frame, edge);
    }

    fn x_text(&self, canvas: &mut Canvas, frame: Rect, ticks: &Ticks) {
        if !self.show_x {
            return;
        }
        let (size, small) = (self.theme.font_size, self.theme.small());
        let names = self.names(frame.width);
        let first = frame.bottom() + self.tick_out() + self.pad() + 0.76 * small;
        for (i, (place, text)) in ticks.major.iter().enumerate() {
            let plain = vec![text.clone()];
            for (l, line) in names.get(i).unwrap_or(&plain).iter().enumerate() {
                let at = (frame.x + place * frame.width, first + LINE * small * l as f64);
                canvas.text(line, at, small, Color::BLACK, Anchor::Middle, false);
            }
        }
        let lines = names.iter().map(Vec::len).max().unwrap_or(1) as f64;
        let below = frame.bottom() + self.tick_out() + self.pad() + LINE * small * lines;
        for (i, line) in self.label_lines(&self.x, ticks.exponent, frame.width).iter().enumerate() {
            let at = (frame.x + 0.5 * frame.width, below + size * (0.9 + LINE * i as f64));
            canvas.text(line, at, size, Color::BLACK, Anchor::Middle, false);
        }
    }

    /// Tick labels and label of a vertical axis, to the left or right of `edge`.
    fn y_text(&self, canvas: &mut Canvas, frame: Rect, axis: &Ready, ticks: &Ticks, right: bool, edge: f64) {
        let (size, small) = (self.theme.font_size, self.theme.small());
        let sign = if right { 1.0 } else { -1.0 };
        let anchor = if right { Anchor::Start } else { Anchor::End };
        for (place, text) in &ticks.major {
            let at = (edge + sign * self.pad(), frame.bottom() - place * frame.height + 0.36 * small);
            canvas.text(text, at, small, Color::BLACK, anchor, false);
        }
        let lines = self.label_lines(axis, ticks.exponent, frame.height);
        let inner = self.pad() + self.widest(ticks) + 0.4 * size;
        for (i, line) in lines.iter().enumerate() {
            // Text read from below has its descenders to the right: the first line is the outer one on the left.
            let rank = if right { i } else { lines.len() - 1 - i } as f64;
            let baseline = if right { inner + size * (0.8 + LINE * rank) } else { inner + size * (0.15 + LINE * rank) };
            let at = (edge + sign * baseline, frame.y + 0.5 * frame.height);
            canvas.text(line, at, size, Color::BLACK, Anchor::Middle, true);
        }
    }

    fn head(&self, canvas: &mut Canvas, frame: Rect) {
        let size = self.theme.font_size;
        let lines = self.title_lines(frame.width);
        let baseline = |from_bottom: usize| frame.y - size * (0.45 + LINE * from_bottom as f64);
        for (i, line) in lines.iter().enumerate() {
            let at = (frame.x + 0.5 * frame.width, baseline(lines.len() - 1 - i));
            canvas.text(line, at, size, Color::BLACK, Anchor::Middle, false);
        }
        canvas.text(&self.letter, (frame.x, baseline(0)), size, Color::BLACK, Anchor::Start, false);
    }

    fn color_bar(&self, canvas: &mut Canvas, frame: Rect, edge: f64) {
        let (Some(map), Some(axis)) = (self.map(), self.bar_axis()) else { return };
        let size = self.theme.font_size;
        let bar = Rect { x: edge + 0.7 * size, y: frame.y, width: 0.8 * size, height: frame.height };
        for step in 0..map.levels {
            // Each step reaches up to the end and is painted over by the next, so that no seam shows.
            let height = bar.height * (1.0 - step as f64 / map.levels as f64);
            canvas.rectangle(Rect { height, ..bar }, Pen::fill(map.color(step), 1.0));
        }
        let ticks = self.y_ticks(&axis, frame.height);
        let ticks = Ticks { minor: Vec::new(), ..ticks };
        let pen = Pen::new(Color::BLACK, self.theme.frame_width);
        let tick = 0.6 * self.theme.tick_length;
        canvas.frame(bar, pen);
        canvas.path(&teeth((bar.right(), bar.bottom()), (0.0, -bar.height), (1.0, 0.0), &ticks, tick), pen);
        self.y_text(canvas, frame, &axis, &ticks, true, bar.right() + tick);
    }
}

/// One line along a side of the frame with a tooth at each tick.
fn teeth(start: (f64, f64), along: (f64, f64), tooth: (f64, f64), ticks: &Ticks, length: f64) -> Vec<(f64, f64)> {
    let major = ticks.major.iter().map(|(place, _)| (*place, length));
    let minor = ticks.minor.iter().map(|place| (*place, 0.55 * length));
    let mut all: Vec<(f64, f64)> = major.chain(minor).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.abs().total_cmp(&a.1.abs())));
    all.dedup_by(|a, b| (a.0 - b.0).abs() < 1e-6);
    let at = |place: f64, depth: f64| {
        (start.0 + place * along.0 + depth * tooth.0, start.1 + place * along.1 + depth * tooth.1)
    };
    all.iter().flat_map(|(place, depth)| [at(*place, 0.0), at(*place, *depth), at(*place, 0.0)]).collect()
}
