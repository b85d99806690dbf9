//! A coarse picture of what is covered, to find free places.

use super::view::clipped_segment;
use crate::plot::canvas::Rect;
use crate::plot::figure::Place;

/// A coarse picture of what is covered.
pub(super) struct Ink {
    frame: Rect,
    columns: usize,
    rows: usize,
    cells: Vec<u32>,
}

/// Side of a cell of [`Ink`] [pixel].
const CELL: f64 = 4.0;

/// Ink of a block that is already placed: nothing goes over it if it can be helped.
const TAKEN: u32 = 1000;

impl Ink {
    pub fn new(frame: Rect) -> Ink {
        let (columns, rows) = ((frame.width / CELL).ceil() as usize, (frame.height / CELL).ceil() as usize);
        Ink { frame, columns, rows, cells: vec![0; columns * rows] }
    }

    pub fn dot(&mut self, (x, y): (f64, f64)) {
        let (u, v) = ((x - self.frame.x) / CELL, (y - self.frame.y) / CELL);
        if u >= 0.0 && v >= 0.0 && (u as usize) < self.columns && (v as usize) < self.rows {
            let cell = &mut self.cells[v as usize * self.columns + u as usize];
            *cell = (*cell).max(1);
        }
    }

    pub fn stroke(&mut self, a: (f64, f64), b: (f64, f64)) {
        let Some((a, b)) = clipped_segment(a, b, self.frame) else { return };
        let steps = ((b.0 - a.0).hypot(b.1 - a.1) / (0.5 * CELL)).ceil().max(1.0);
        for i in 0..=steps as usize {
            let t = i as f64 / steps;
            self.dot((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)));
        }
    }

    pub fn area(&mut self, a: (f64, f64), b: (f64, f64)) {
        self.fill((a.0.min(b.0), a.1.min(b.1)), (a.0.max(b.0), a.1.max(b.1)), 1);
    }

    pub fn block(&mut self, rect: Rect) {
        self.fill((rect.x, rect.y), (rect.right(), rect.bottom()), TAKEN);
    }

    fn fill(&mut self, low: (f64, f64), high: (f64, f64), ink: u32) {
        for index in self.range(low, high) {
            self.cells[index] = self.cells[index].max(ink);
        }
    }

    pub fn under(&self, rect: Rect) -> usize {
        self.range((rect.x, rect.y), (rect.right(), rect.bottom())).map(|i| self.cells[i] as usize).sum()
    }

    fn range(&self, low: (f64, f64), high: (f64, f64)) -> impl Iterator<Item = usize> + use<> {
        let place = |v: f64, origin: f64, most: usize| ((v - origin) / CELL).clamp(0.0, most as f64);
        let (x, y, columns) = (self.frame.x, self.frame.y, self.columns);
        let across = place(low.0, x, columns) as usize..place(high.0, x, columns).ceil() as usize;
        let down = place(low.1, y, self.rows) as usize..place(high.1, y, self.rows).ceil() as usize;
        down.flat_map(move |v| across.clone().map(move |u| v * columns + u))
    }

    /// The rectangle of a size at a place, or at the place where it covers least.
    pub fn best(&self, (width, height): (f64, f64), place: Place, gap: f64) -> Rect {
        let free = (self.frame.width - width, self.frame.height - height);
        let gap = (gap.min(0.5 * free.0).max(0.0), gap.min(0.5 * free.1).max(0.0));
        let at = |u: f64, v: f64| Rect {
            x: self.frame.x + gap.0 + u * (free.0 - 2.0 * gap.0),
            y: self.frame.y + gap.1 + (1.0 - v) * (free.1 - 2.0 * gap.1),
            width,
            height,
        };
        match place {
            Place::UpperLeft => at(0.0, 1.0),
            Place::UpperRight => at(1.0, 1.0),
            Place::LowerLeft => at(0.0, 0.0),
            Place::LowerRight => at(1.0, 0.0),
            Place::At(u, v) => Rect {
                x: self.frame.x + u * self.frame.width - 0.5 * width,
                y: self.frame.bottom() - v * self.frame.height - 0.5 * height,
                width,
                height,
            },
            Place::Best => {
                let corners = [(1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.0, 0.0)];
                let others = [
                    (0.5, 1.0),
                    (0.5, 0.0),
                    (1.0, 0.5),
                    (0.0, 0.5),
                    (0.75, 1.0),
                    (0.25, 1.0),
                    (0.75, 0.0),
                    (0.25, 0.0),
                ];
                let more = [(1.0, 0.8), (0.0, 0.8), (1.0, 0.25), (0.0, 0.25)];
                let all = corners.iter().chain(&others).chain(&more).map(|(u, v)| at(*u, *v));
                all.min_by_key(|rect| self.under(*rect)).unwrap_or_else(|| at(1.0, 1.0))
            }
        }
    }
}
