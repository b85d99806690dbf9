//! Where the panels of a figure stand.

use crate::error::{Error, Result};
use crate::plot::canvas::{self, Anchor, Rect};
use crate::plot::figure::{Figure, Share};
use crate::plot::label::{self, LINE};
use crate::plot::panel::{Margins, Prepared};
use crate::plot::theme::Color;

/// Space around the figure, between columns and between rows [pixel].
const BORDER: f64 = 7.0;
const COLUMN_GAP: f64 = 10.0;
const ROW_GAP: f64 = 8.0;

/// Height of a panel over its width, unless a map says otherwise.
const ASPECT: f64 = 0.76;

/// Smallest side of a panel that can still be read [pixel].
const SMALLEST: f64 = 24.0;

/// The figure as an SVG document.
pub(crate) fn svg(figure: &Figure) -> Result<String> {
    figure.check()?;
    let mut panels = prepare(figure)?;
    check_shared(figure, &panels)?;
    share(figure, &mut panels);
    let mut plan = Plan::first(figure);
    plan.refine(figure, &panels)?;
    for (index, panel) in panels.iter_mut().enumerate() {
        let frame = plan.frame(figure, panel, index);
        panel.make_room(frame.width, frame.height);
    }
    share(figure, &mut panels);
    plan.refine(figure, &panels)?;
    plan.refine(figure, &panels)?;
    let mut outcome = Ok(());
    let svg = canvas::svg(plan.width, plan.height, |canvas| {
        canvas.rectangle(
            Rect { x: 0.0, y: 0.0, width: plan.width, height: plan.height },
            canvas::Pen::fill(Color::WHITE, 1.0),
        );
        let size = 1.08 * figure.theme.font_size;
        for (i, line) in plan.title.iter().enumerate() {
            let at = (0.5 * plan.width, BORDER + (0.8 + LINE * i as f64) * size);
            canvas.text(line, at, size, Color::BLACK, Anchor::Middle, false);
        }
        outcome = panels
            .iter()
            .enumerate()
            .try_for_each(|(index, panel)| panel.draw(canvas, plan.frame(figure, panel, index)));
    })?;
    outcome.map(|()| svg)
}

fn prepare(figure: &Figure) -> Result<Vec<Prepared<'_>>> {
    let several = figure.panels.len() > 1;
    let letters = figure.letters.unwrap_or(several);
    let prepared = figure.panels.iter().enumerate().map(|(index, panel)| {
        let letter = if letters { letter(index) } else { String::new() };
        let named = |e: Error| if several { Error::input(format!("panel {}: {e}", index + 1)) } else { e };
        Prepared::new(panel, &figure.theme, letter).map_err(named)
    });
    prepared.collect()
}

/// (a), (b), ..., (z), (aa), ...
fn letter(index: usize) -> String {
    let one = |i: usize| char::from(b'a' + (i % 26) as u8);
    if index < 26 { format!("({})", one(index)) } else { format!("({}{})", one(index / 26 - 1), one(index)) }
}

/// The panels that share the x axis of one, the lowest last, and those that share its y axis, the first one first; itself among them.
fn mates(figure: &Figure, index: usize) -> [Vec<usize>; 2] {
    let (columns, count) = (figure.columns(), figure.panels.len());
    let all = |asked: bool, is_mate: &dyn Fn(&usize) -> bool| {
        (0..count).filter(|other| if asked { is_mate(other) } else { *other == index }).collect()
    };
    [
        all(matches!(figure.share, Share::X | Share::Both), &|other| other % columns == index % columns),
        all(matches!(figure.share, Share::Y | Share::Both), &|other| other / columns == index / columns),
    ]
}

/// An error when panels that share an axis have different kinds of it.
fn check_shared(figure: &Figure, panels: &[Prepared]) -> Result<()> {
    for (index, panel) in panels.iter().enumerate() {
        let [of_x, of_y] = mates(figure, index);
        let differs_in_x = of_x.iter().find(|i| panels[**i].x.span.scale != panel.x.span.scale).map(|i| ("x", i));
        let differs_in_y = of_y.iter().find(|i| panels[**i].y.span.scale != panel.y.span.scale).map(|i| ("y", i));
        if let Some((axis, other)) = differs_in_x.or(differs_in_y) {
            return Err(Error::input(format!(
                "figure: panels {} and {} share their axis of {axis}, of which one is logarithmic and the other linear; give both the same, \
                 or leave out `share`",
                index + 1,
                other + 1
            )));
        }
    }
    Ok(())
}

/// Give panels of one column the same x axis, and panels of one row the same y axis, as the figure asks. It is written once, and once more
/// where it has another label.
fn share(figure: &Figure, panels: &mut [Prepared]) {
    for index in 0..panels.len() {
        let [of_x, of_y] = mates(figure, index);
        let (lowest, first) = (of_x[of_x.len() - 1], of_y[0]);
        let x = of_x.iter().map(|i| panels[*i].x.span).reduce(|a, b| a.union(&b));
        let y = of_y.iter().map(|i| panels[*i].y.span).reduce(|a, b| a.union(&b));
        panels[index].x.take(x);
        panels[index].y.take(y);
        panels[index].show_x = lowest == index || panels[lowest].x.label != panels[index].x.label;
        panels[index].show_y = first == index || panels[first].y.label != panels[index].y.label;
    }
}

/// Sizes and places, found by trying: labels depend on the size of the panels and the other way round.
struct Plan {
    width: f64,
    height: f64,
    title: Vec<String>,
    frame_width: f64,
    lefts: Vec<f64>,
    tops: Vec<f64>,
    heights: Vec<f64>,
}

impl Plan {
    fn first(figure: &Figure) -> Plan {
        let columns = figure.columns();
        let rows = figure.panels.len().div_ceil(columns);
        let automatic = match columns {
            1 => 430.0,
            2 => 720.0,
            3 => 960.0,
            n => 275.0 * n as f64,
        };
        let width = figure.width.unwrap_or(automatic);
        let frame_width = 0.75 * width / columns as f64;
        let title = label::wrap(&figure.title, 1.08 * figure.theme.font_size, width - 4.0 * BORDER);
        Plan {
            width,
            height: figure.height.unwrap_or(0.0),
            title,
            frame_width,
            lefts: vec![0.0; columns],
            tops: vec![0.0; rows],
            heights: vec![ASPECT * frame_width; rows],
        }
    }

    /// The frame of a panel within its place; a map keeps its shape.
    fn frame(&self, figure: &Figure, panel: &Prepared, index: usize) -> Rect {
        let (row, column) = (index / figure.columns(), index % figure.columns());
        let place =
            Rect { x: self.lefts[column], y: self.tops[row], width: self.frame_width, height: self.heights[row] };
        panel.shaped(place)
    }

    fn refine(&mut self, figure: &Figure, panels: &[Prepared]) -> Result<()> {
        let columns = figure.columns();
        let rows = self.tops.len();
        let margins: Vec<Margins> = panels
            .iter()
            .enumerate()
            .map(|(i, panel)| {
                let frame = self.frame(figure, panel, i);
                panel.margins(frame.width, frame.height)
            })
            .collect();
        let column =
            |c: usize, f: fn(&Margins) -> f64| margins.iter().skip(c).step_by(columns).map(f).fold(0.0, f64::max);
        let row = |r: usize, f: fn(&Margins) -> f64| {
            margins[r * columns..((r + 1) * columns).min(margins.len())].iter().map(f).fold(0.0, f64::max)
        };
        let sides: f64 = (0..columns).map(|c| column(c, |m| m.left) + column(c, |m| m.right)).sum();
        let gaps = 2.0 * BORDER + COLUMN_GAP * (columns - 1) as f64;
        self.frame_width = (self.width - sides - gaps) / columns as f64;
        self.set_heights(figure, panels, (0..rows).map(|r| row(r, |m| m.top) + row(r, |m| m.bottom)).sum());
        if self.frame_width < SMALLEST || self.heights.iter().any(|h| *h < SMALLEST) {
            return Err(Error::input(format!(
                "figure: {} x {} pixels leave no room for {} panels with their labels; ask for a larger width or height",
                self.width.round(),
                self.height.round(),
                panels.len()
            )));
        }
        let mut x = BORDER;
        for c in 0..columns {
            self.lefts[c] = x + column(c, |m| m.left);
            x = self.lefts[c] + self.frame_width + column(c, |m| m.right) + COLUMN_GAP;
        }
        let mut y = BORDER + self.title_height(figure);
        for r in 0..rows {
            self.tops[r] = y + row(r, |m| m.top);
            y = self.tops[r] + self.heights[r] + row(r, |m| m.bottom) + ROW_GAP;
        }
        self.height = figure.height.unwrap_or((y - ROW_GAP + BORDER).round());
        Ok(())
    }

    fn title_height(&self, figure: &Figure) -> f64 {
        let lines = self.title.len() as f64;
        if lines > 0.0 { (LINE * lines + 0.4) * 1.08 * figure.theme.font_size } else { 0.0 }
    }

    /// Heights of the rows: what suits their panels, or shares of what the height of the figure leaves beside margins.
    fn set_heights(&mut self, figure: &Figure, panels: &[Prepared], margins: f64) {
        let wanted =
            |row: &[Prepared]| row.iter().map(|p| p.aspect.unwrap_or(ASPECT) * self.frame_width).fold(0.0, f64::max);
        let wanted: Vec<f64> = panels.chunks(figure.columns()).map(wanted).collect();
        let gaps = 2.0 * BORDER + ROW_GAP * (wanted.len() - 1) as f64 + self.title_height(figure);
        let share = figure.height.map_or(1.0, |h| (h - margins - gaps) / wanted.iter().sum::<f64>());
        self.heights = wanted.iter().map(|h| h * share).collect();
    }
}
