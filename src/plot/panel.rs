//! One panel: what its marks ask of the axes, how much room its labels take, and its drawing.

mod cover;
mod frame;
mod ink;
mod paint;
mod range;
mod view;

use crate::error::{Error, Result};
use crate::plot::axis::{Scale, Span, Ticks, ticks};
use crate::plot::canvas::{Canvas, Pen, Rect};
use crate::plot::figure::{Inset, Panel};
use crate::plot::label::{self, LINE, with_factor};
use crate::plot::map::Map;
use crate::plot::mark::{FitNote, Mark, Straight};
use crate::plot::theme::{Color, Marker, Theme};
use range::{Side, ready};
use view::View;

/// Room around the frame of a panel [pixel].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Margins {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

/// An axis whose range and label are known.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub span: Span,
    pub label: String,
    names: Vec<String>,
    automatic: bool,
}

impl Ready {
    /// Take over a range, unless the user gave one.
    pub fn take(&mut self, span: Option<Span>) {
        if let Some(span) = span.filter(|_| self.automatic) {
            self.span = span;
        }
    }
}

/// A panel ready to be drawn at any size.
pub(crate) struct Prepared<'a> {
    panel: &'a Panel,
    theme: Theme,
    letter: String,
    pub x: Ready,
    pub y: Ready,
    right: Option<Ready>,
    pub show_x: bool,
    pub show_y: bool,
    /// Height over width of the frame of a map.
    pub aspect: Option<f64>,
    looks: Vec<Look>,
    fits: Vec<Option<(Straight, bool)>>,
}

/// Colour and shape of a mark.
#[derive(Clone, Copy, Debug)]
struct Look {
    color: Color,
    marker: Marker,
}

impl<'a> Prepared<'a> {
    pub fn new(panel: &'a Panel, theme: &Theme, letter: String) -> Result<Prepared<'a>> {
        panel.check()?;
        let looks = looks(panel, theme);
        let fits = fits(panel)?;
        let right = panel.marks.iter().any(Mark::right);
        let x = ready(panel, &panel.x, Side::X, &fits)?;
        let y = ready(panel, &panel.y, Side::Y, &fits)?;
        let right = if right { Some(ready(panel, &panel.right, Side::Right, &fits)?) } else { None };
        let aspect = panel.has_one_unit().then(|| (y.span.high - y.span.low) / (x.span.high - x.span.low));
        let theme = theme.clone();
        Ok(Prepared { panel, theme, letter, x, y, right, show_x: true, show_y: true, aspect, looks, fits })
    }

    /// The frame within a place: all of it, or the largest of a map's shape.
    pub fn shaped(&self, place: Rect) -> Rect {
        let Some(aspect) = self.aspect else { return place };
        let width = place.width.min(place.height / aspect);
        let height = width * aspect;
        Rect { x: place.x + 0.5 * (place.width - width), y: place.y, width, height }
    }

    fn map(&self) -> Option<&'a Map> {
        self.panel.marks.iter().rev().find_map(|m| if let Mark::Map(map) = m { Some(map) } else { None })
    }

    fn x_ticks(&self, width: f64) -> Ticks {
        let size = self.theme.small();
        if !self.x.names.is_empty() {
            let place = |i: usize| self.x.span.fraction(i as f64);
            let major = self.x.names.iter().enumerate().map(|(i, name)| (place(i), name.clone())).collect();
            return Ticks { major, ..Ticks::default() };
        }
        let fits = |t: &Ticks| {
            t.major.windows(2).all(|pair| {
                let half = 0.5 * (label::width(&pair[0].1, size) + label::width(&pair[1].1, size));
                (pair[1].0 - pair[0].0) * width >= half + 0.9 * size
            })
        };
        ticks(&self.x.span, ((width / 34.0) as usize).clamp(3, 8), fits)
    }

    fn y_ticks(&self, axis: &Ready, height: f64) -> Ticks {
        let size = self.theme.small();
        let fits = |t: &Ticks| t.major.windows(2).all(|pair| (pair[1].0 - pair[0].0) * height >= 1.7 * size);
        ticks(&axis.span, ((height / 32.0) as usize).clamp(3, 9), fits)
    }

    /// Names under groups of bars, broken to the width of a group.
    fn names(&self, width: f64) -> Vec<Vec<String>> {
        let limit = 0.96 * width / (self.x.span.high - self.x.span.low);
        self.x.names.iter().map(|name| label::wrap(name, self.theme.small(), limit)).collect()
    }

    fn tick_out(&self) -> f64 {
        if self.aspect.is_some() { 0.8 * self.theme.tick_length } else { 0.0 }
    }

    fn label_lines(&self, axis: &Ready, exponent: i32, length: f64) -> Vec<String> {
        label::wrap(&with_factor(&axis.label, exponent), self.theme.font_size, length + 2.0 * self.theme.font_size)
    }

    fn title_lines(&self, width: f64) -> Vec<String> {
        let size = self.theme.font_size;
        let letter = if self.letter.is_empty() { 0.0 } else { label::width(&self.letter, size) + 0.5 * size };
        label::wrap(&self.panel.title, size, (width - 2.0 * letter).max(0.5 * width))
    }

    /// Distance from the frame to the tick labels.
    fn pad(&self) -> f64 {
        0.4 * self.theme.font_size
    }

    fn widest(&self, ticks: &Ticks) -> f64 {
        ticks.major.iter().map(|(_, text)| label::width(text, self.theme.small())).fold(0.0, f64::max)
    }

    /// Room a vertical axis takes beside its tick labels and label.
    fn beside(&self, axis: &Ready, height: f64) -> f64 {
        let ticks = self.y_ticks(axis, height);
        let lines = self.label_lines(axis, ticks.exponent, height).len() as f64;
        let label = if lines > 0.0 { self.theme.font_size * (LINE * lines + 0.4) } else { 0.0 };
        self.pad() + self.widest(&ticks) + label
    }

    pub fn margins(&self, width: f64, height: f64) -> Margins {
        let (size, small) = (self.theme.font_size, self.theme.small());
        let x = self.x_ticks(width);
        let half = |t: Option<&(f64, String)>| t.map_or(0.0, |(_, text)| 0.5 * label::width(text, small));
        let overhang_left = half(x.major.first()) - x.major.first().map_or(0.0, |t| t.0) * width;
        let overhang_right = half(x.major.last()) - (1.0 - x.major.last().map_or(1.0, |t| t.0)) * width;
        let show_x = f64::from(u8::from(self.show_x));
        let lines = self.label_lines(&self.x, x.exponent, width).len() as f64;
        let tick_lines = self.names(width).iter().map(Vec::len).max().unwrap_or(1) as f64;
        let below =
            self.pad() + LINE * small * tick_lines + if lines > 0.0 { size * (LINE * lines + 0.1) } else { 0.0 };
        let left = if self.show_y { self.tick_out() + self.beside(&self.y, height) } else { 0.0 };
        let head = self.title_lines(width).len().max(usize::from(!self.letter.is_empty())) as f64;
        let right = self.right.as_ref().map_or(0.0, |axis| self.beside(axis, height));
        Margins {
            left: left.max(show_x * overhang_left),
            right: (right + self.bar_room(height)).max(show_x * overhang_right + 1.0),
            top: if head > 0.0 { size * (LINE * head + 0.2) } else { 0.45 * small },
            bottom: if self.show_x { self.tick_out() + below } else { 0.45 * small },
        }
    }

    /// Width that the colour bar takes with its labels.
    fn bar_room(&self, height: f64) -> f64 {
        let Some(axis) = self.bar_axis() else { return 0.0 };
        1.5 * self.theme.font_size + 0.6 * self.theme.tick_length + self.beside(&axis, height)
    }

    fn bar_axis(&self) -> Option<Ready> {
        let map = self.map()?;
        let (low, high) = map.limits();
        let label = map.label.clone().unwrap_or_else(|| label::axis_label(&map.grid.name, &map.grid.unit));
        Some(Ready { span: Span { low, high, scale: Scale::Linear }, label, names: Vec::new(), automatic: false })
    }

    /// Raise the upper end of an automatic y axis when legend and notes would cover data.
    pub fn make_room(&mut self, width: f64, height: f64) {
        let frame = Rect { x: 0.0, y: 0.0, width, height };
        let movable = self.y.automatic && self.aspect.is_none() && self.right.is_none();
        if !movable || (self.blocks().is_empty() && self.panel.inset.is_none()) {
            return;
        }
        let start = self.y.span;
        for share in [0.0, 0.1, 0.2, 0.32, 0.45] {
            self.y.span = start.with_headroom(share);
            if self.arranged(frame).covered == 0 {
                return;
            }
        }
        self.y.span = start;
    }

    /// Draw the panel with its frame at the given place.
    pub fn draw(&self, canvas: &mut Canvas, frame: Rect) -> Result<()> {
        let view = View { frame, x: self.x.span, y: self.y.span };
        for (index, mark) in self.panel.marks.iter().enumerate() {
            let y = self.right.as_ref().filter(|_| mark.right()).map_or(self.y.span, |r| r.span);
            self.mark(canvas, &View { y, ..view }, index, mark)?;
        }
        self.axes(canvas, frame);
        let arranged = self.arranged(frame);
        for (block, rect) in &arranged.blocks {
            self.block(canvas, block, *rect);
        }
        if let (Some(inset), Some(rect)) = (&self.panel.inset, arranged.inset) {
            draw_inset(canvas, inset, &self.theme, rect)?;
        }
        Ok(())
    }
}

/// Colours and markers, each series the next unless it has its own.
fn looks(panel: &Panel, theme: &Theme) -> Vec<Look> {
    let (mut colors, mut markers) = (0, 0);
    let mut next = |given: Option<Color>| {
        given.unwrap_or_else(|| {
            colors += 1;
            theme.color(colors - 1)
        })
    };
    let mut looks: Vec<Look> = Vec::new();
    for mark in &panel.marks {
        let mut look = Look { color: Color::BLACK, marker: Marker::Circle };
        match mark {
            Mark::Points(p) => {
                look.color = next(p.color);
                look.marker = p.marker.unwrap_or(Marker::ORDER[markers % Marker::ORDER.len()]);
                markers += 1;
            }
            Mark::Line(l) => look.color = next(l.color),
            Mark::Histogram(h) => look.color = next(h.color),
            Mark::Bubbles(b) => look.color = b.color.unwrap_or(Color::WHITE),
            Mark::Reference(r) => look.color = r.color.unwrap_or(Color(0x80, 0x80, 0x80)),
            Mark::Fit(f) => {
                let source = source(panel, looks.len()).map(|i| looks[i].color).unwrap_or(Color::BLACK);
                look.color = f.color.unwrap_or(source.mixed(Color::BLACK, 0.62));
            }
            Mark::Bars(_) | Mark::Map(_) => {}
        }
        looks.push(look);
    }
    looks
}

/// The points or line that a fit at `index` goes through.
fn source(panel: &Panel, index: usize) -> Option<usize> {
    (0..index).rev().find(|i| match &panel.marks[*i] {
        Mark::Points(_) => true,
        Mark::Line(l) => !l.guide,
        _ => false,
    })
}

/// The straight lines of all fits, and whether each is on the right axis.
fn fits(panel: &Panel) -> Result<Vec<Option<(Straight, bool)>>> {
    let line = |(index, mark): (usize, &Mark)| {
        let Mark::Fit(fit) = mark else { return Ok(None) };
        let missing = || Error::input("fit_line: needs points or a line before it on the same panel");
        let source = &panel.marks[source(panel, index).ok_or_else(missing)?];
        let (x, y) = source.axes().ok_or_else(missing)?;
        let right = source.right();
        let scales = (panel.x.scale, if right { panel.right.scale } else { panel.y.scale });
        if fit.note == FitNote::Decay && scales.1 == Scale::Linear && scales.0 == Scale::Linear {
            return Err(Error::input(
                "fit_line: `note: \"decay\"` is of a logarithmic y axis; add log_y() to the panel",
            ));
        }
        fit.straight(&x.values, &y.values, scales).map(|s| Some((s, right)))
    };
    panel.marks.iter().enumerate().map(line).collect()
}

fn draw_inset(canvas: &mut Canvas, inset: &Inset, theme: &Theme, outer: Rect) -> Result<()> {
    let prepared = Prepared::new(&inset.panel, &theme.scaled(0.8), String::new())?;
    let border = 3.0;
    let mut frame = Rect { width: 0.7 * outer.width, height: 0.7 * outer.height, ..outer };
    for _ in 0..3 {
        let m = prepared.margins(frame.width, frame.height);
        frame = Rect {
            x: outer.x + m.left + border,
            y: outer.y + m.top + border,
            width: outer.width - m.left - m.right - 2.0 * border,
            height: outer.height - m.top - m.bottom - 2.0 * border,
        };
        if frame.width < 12.0 || frame.height < 12.0 {
            return Err(Error::input("inset: too small for its labels; ask for a larger `size`"));
        }
    }
    canvas.rectangle(outer, Pen::fill(Color::WHITE, 0.9));
    prepared.draw(canvas, prepared.shaped(frame))
}
