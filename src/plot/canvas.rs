//! A drawing surface in pixels over the SVG backend of plotters.

use plotters::prelude::{DrawingBackend, RGBAColor, RGBColor, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, FontDesc, FontFamily, FontStyle, FontTransform, ShapeStyle, TextStyle};

use crate::error::{Error, Result};
use crate::plot::label::{self, FAMILY, SHIFTED_SIZE, Shift};
use crate::plot::theme::Color;

/// Units of the canvas in a pixel: plotters draws in whole units.
const UNITS: f64 = 8.0;

/// Plotters writes a font size divided by this.
const FONT_DIVISOR: f64 = 1.24;

/// Plotters hangs text 0.76 em below its point; the baseline is there in every viewer.
const ASCENT: f64 = 0.76;

/// Marks around shifted spans until the SVG is finished; private characters, so that no label holds them.
const SUB: char = '\u{E001}';
const SUPER: char = '\u{E002}';
const END: char = '\u{E003}';

/// A rectangle in pixels, `y` downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

impl Rect {
    pub fn right(&self) -> f64 {
        self.x + self.width
    }

    pub fn bottom(&self) -> f64 {
        self.y + self.height
    }

    pub fn contains(&self, (x, y): (f64, f64)) -> bool {
        // A point on the frame belongs to the panel in spite of rounding.
        let slack = 1e-6 * (self.width + self.height);
        x >= self.x - slack && x <= self.right() + slack && y >= self.y - slack && y <= self.bottom() + slack
    }

    pub fn corners(&self) -> [(f64, f64); 4] {
        [(self.x, self.y), (self.right(), self.y), (self.right(), self.bottom()), (self.x, self.bottom())]
    }
}

/// How a line or an area is painted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pen {
    pub color: Color,
    pub width: f64,
    pub opacity: f64,
}

impl Pen {
    pub fn new(color: Color, width: f64) -> Pen {
        Pen { color, width, opacity: 1.0 }
    }

    pub fn fill(color: Color, opacity: f64) -> Pen {
        Pen { color, width: 0.0, opacity }
    }
}

impl From<Pen> for ShapeStyle {
    fn from(pen: Pen) -> ShapeStyle {
        let color = RGBAColor(pen.color.0, pen.color.1, pen.color.2, pen.opacity);
        ShapeStyle { color, filled: false, stroke_width: (pen.width * UNITS).round().max(1.0) as u32 }
    }
}

/// On which side of its point a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// The canvas; every call takes pixels.
pub(crate) struct Canvas<'a> {
    backend: SVGBackend<'a>,
    failure: Option<String>,
}

/// The SVG text of a canvas of the given size that `draw` has filled.
pub(crate) fn svg(width: f64, height: f64, draw: impl FnOnce(&mut Canvas)) -> Result<String> {
    let size = ((width * UNITS).round() as u32, (height * UNITS).round() as u32);
    let mut text = String::new();
    let mut canvas = Canvas { backend: SVGBackend::with_string(&mut text, size), failure: None };
    draw(&mut canvas);
    let presented = canvas.backend.present();
    let failure = canvas.failure.take();
    drop(canvas);
    match (failure, presented) {
        (None, Ok(())) => Ok(finish(&text, size)),
        (Some(message), _) => Err(Error::numeric(format!("figure: {message}"))),
        (_, Err(error)) => Err(Error::numeric(format!("figure: {error}"))),
    }
}

fn units((x, y): (f64, f64)) -> (i32, i32) {
    ((x * UNITS).round() as i32, (y * UNITS).round() as i32)
}

impl Canvas<'_> {
    fn note<E: std::fmt::Display>(&mut self, outcome: std::result::Result<(), E>) {
        if let Err(error) = outcome {
            self.failure.get_or_insert(error.to_string());
        }
    }

    /// A line through points.
    pub fn path(&mut self, points: &[(f64, f64)], pen: Pen) {
        let mut points: Vec<_> = points.iter().map(|p| units(*p)).collect();
        points.dedup();
        if points.len() > 1 {
            let outcome = self.backend.draw_path(points, &ShapeStyle::from(pen));
            self.note(outcome);
        }
    }

    /// A line broken into dashes: lengths of stroke and gap in turn.
    pub fn dashed(&mut self, points: &[(f64, f64)], pen: Pen, pattern: &[f64]) {
        if pattern.is_empty() {
            return self.path(points, pen);
        }
        for dash in dashes(points, pattern) {
            self.path(&dash, pen);
        }
    }

    /// A filled area.
    pub fn polygon(&mut self, points: &[(f64, f64)], pen: Pen) {
        let mut points: Vec<_> = points.iter().map(|p| units(*p)).collect();
        points.dedup();
        if points.len() > 2 {
            let outcome = self.backend.fill_polygon(points, &ShapeStyle::from(pen));
            self.note(outcome);
        }
    }

    /// A filled rectangle.
    pub fn rectangle(&mut self, rect: Rect, pen: Pen) {
        let outcome = self.backend.draw_rect(
            units((rect.x, rect.y)),
            units((rect.right(), rect.bottom())),
            &ShapeStyle::from(pen),
            true,
        );
        self.note(outcome);
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, rect: Rect, pen: Pen) {
        let [a, b, c, d] = rect.corners();
        // The second corner once more closes the joint at the first.
        self.path(&[a, b, c, d, a, b], pen);
    }

    /// A disc, or a circle when `filled` is false.
    pub fn circle(&mut self, center: (f64, f64), radius: f64, pen: Pen, filled: bool) {
        let radius = (radius * UNITS).round().max(1.0) as u32;
        let outcome = self.backend.draw_circle(units(center), radius, &ShapeStyle::from(pen), filled);
        self.note(outcome);
    }

    /// One line of text whose baseline starts, is centred, or ends at a point; `upward` turns it to be read from below.
    pub fn text(&mut self, text: &str, at: (f64, f64), size: f64, color: Color, anchor: Anchor, upward: bool) {
        if text.is_empty() {
            return;
        }
        let (x, y) = at;
        let hang = ASCENT * size;
        let point = if upward { (x - hang, y) } else { (x, y - hang) };
        let transform = if upward { FontTransform::Rotate270 } else { FontTransform::None };
        let side = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let font = FontDesc::new(FontFamily::Name(FAMILY), size * UNITS * FONT_DIVISOR, FontStyle::Normal);
        let color = RGBColor(color.0, color.1, color.2).to_rgba();
        let style = TextStyle::from(font.transform(transform)).color(&color).pos(Pos::new(side, VPos::Top));
        let outcome = self.backend.draw_text(&marked(text), &style, units(point));
        self.note(outcome);
    }
}

/// The strokes of a dashed line.
pub(crate) fn dashes(points: &[(f64, f64)], pattern: &[f64]) -> Vec<Vec<(f64, f64)>> {
    let mut strokes = Vec::new();
    let (mut index, mut left) = (0, pattern[0]);
    let mut stroke: Vec<(f64, f64)> = points.first().copied().into_iter().collect();
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        let mut length = (to.0 - from.0).hypot(to.1 - from.1);
        while length >= left {
            let share = left / length;
            from = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
            length -= left;
            stroke.push(from);
            if index % 2 == 0 {
                strokes.push(std::mem::take(&mut stroke));
            }
            stroke = vec![from];
            index += 1;
            left = pattern[index % pattern.len()];
        }
        left -= length;
        if length > 0.0 {
            stroke.push(to);
        }
    }
    if index % 2 == 0 {
        strokes.push(stroke);
    }
    strokes
}

fn marked(text: &str) -> String {
    let printable = |c: char| if c.is_control() || [SUB, SUPER, END].contains(&c) { ' ' } else { c };
    let text: String = text.chars().map(printable).collect();
    let mark = |(shift, text): (Shift, String)| match shift {
        Shift::None => text,
        Shift::Sub => format!("{SUB}{text}{END}"),
        Shift::Super => format!("{SUPER}{text}{END}"),
    };
    label::spans(&text).into_iter().map(mark).collect()
}

/// The SVG with its size in pixels, the font named once, shifted spans, and no attribute that says the default.
fn finish(text: &str, (width, height): (u32, u32)) -> String {
    let head = format!("<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\"");
    let new_head = format!(
        "<svg width=\"{}\" height=\"{}\" viewBox=\"0 0 {width} {height}\" font-family=\"{FAMILY}\" stroke-linejoin=\"round\"",
        f64::from(width) / UNITS,
        f64::from(height) / UNITS
    );
    let plain = text
        .replacen(&head, &new_head, 1)
        .replace(" opacity=\"1\"", "")
        .replace(" stroke=\"none\"", "")
        .replace(" \"/>", "\"/>");
    let mut finished = String::with_capacity(plain.len());
    let mut lines = plain.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("<text") {
            let opening = line.replace(&format!(" font-family=\"{FAMILY}\""), "");
            let content = lines.next().unwrap_or_default();
            let size = attribute(&opening, "font-size").unwrap_or_default();
            finished.push_str(&opening.replace(
                &format!("font-size=\"{size}\""),
                &format!("font-size=\"{}\"", short(size.parse().unwrap_or_default())),
            ));
            finished.push_str(&shifted(content, size.parse().unwrap_or_default()));
            finished.push_str(lines.next().unwrap_or_default());
        } else {
            finished.push_str(line);
        }
        finished.push('\n');
    }
    finished
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split_once(&format!("{name}=\""))?.1.split('"').next()
}

fn short(value: f64) -> String {
    format!("{}", (value * 10.0).round() / 10.0)
}

/// Marked spans as SVG: raised or lowered, smaller, and the text after them back on the baseline.
fn shifted(content: &str, size: f64) -> String {
    let mut out = String::new();
    let mut height = 0.0;
    let mut open = false;
    for piece in content.split_inclusive([SUB, SUPER, END]) {
        let text = piece.trim_end_matches([SUB, SUPER, END]);
        if !text.is_empty() && !open && height != 0.0 {
            out.push_str(&format!("<tspan dy=\"{}\">{text}</tspan>", short(-height)));
            height = 0.0;
        } else {
            out.push_str(text);
        }
        match piece.chars().last() {
            Some(mark @ (SUB | SUPER)) => {
                let target = if mark == SUB { 0.22 * size } else { -0.36 * size };
                let dy = short(target - height);
                out.push_str(&format!("<tspan dy=\"{dy}\" font-size=\"{}\">", short(SHIFTED_SIZE * size)));
                height = target;
                open = true;
            }
            Some(END) => {
                out.push_str("</tspan>");
                open = false;
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_cover_their_share_and_turn_corners() {
        let strokes = dashes(&[(0.0, 0.0), (10.0, 0.0), (10.0, 10.0)], &[4.0, 2.0]);
        let length: f64 = strokes
            .iter()
            .flat_map(|s| s.windows(2).map(|p| (p[1].0 - p[0].0).hypot(p[1].1 - p[0].1)).collect::<Vec<_>>())
            .sum();
        assert!((length - 14.0).abs() < 1e-12, "{strokes:?}");
        assert_eq!(strokes.len(), 4);
        assert_eq!(strokes[1], vec![(6.0, 0.0), (10.0, 0.0)]);
    }

    #[test]
    fn shifted_text_returns_to_the_baseline() {
        let text =
            svg(100.0, 50.0, |c| c.text("Å^{2} & r_{P} <", (50.0, 20.0), 10.0, Color::BLACK, Anchor::Middle, false));
        let text = text.unwrap();
        assert!(
            text.contains("<tspan dy=\"-28.8\" font-size=\"57.6\">2</tspan><tspan dy=\"28.8\"> &amp; r</tspan>"),
            "{text}"
        );
        assert!(
            text.contains("<tspan dy=\"17.6\" font-size=\"57.6\">P</tspan><tspan dy=\"-17.6\"> &lt;</tspan></text>"),
            "{text}"
        );
        assert!(
            text.starts_with("<svg width=\"100\" height=\"50\" viewBox=\"0 0 800 400\" font-family=\"DejaVu Sans,")
        );
    }
}
