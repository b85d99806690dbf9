//! Colours, markers and sizes.

use crate::error::{Error, Result};

/// A colour in red, green and blue, 0 to 255 each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

/// Colours that stay apart for colour-blind readers, in the order series take them.
///
/// Okabe and Ito (2002), as recommended by Wong, Nat. Methods 8, 441 (2011), <https://doi.org/10.1038/nmeth.1618>.
pub const PALETTE: [Color; 7] = [
    Color(0x00, 0x72, 0xB2),
    Color(0xD5, 0x5E, 0x00),
    Color(0x00, 0x9E, 0x73),
    Color(0xCC, 0x79, 0xA7),
    Color(0xE6, 0x9F, 0x00),
    Color(0x56, 0xB4, 0xE9),
    Color(0x4D, 0x4D, 0x4D),
];

const NAMES: [(&str, Color); 11] = [
    ("blue", PALETTE[0]),
    ("red", PALETTE[1]),
    ("green", PALETTE[2]),
    ("purple", PALETTE[3]),
    ("orange", PALETTE[4]),
    ("sky", PALETTE[5]),
    ("dark", PALETTE[6]),
    ("gray", Color(0x99, 0x99, 0x99)),
    ("black", Color::BLACK),
    ("white", Color::WHITE),
    ("yellow", Color(0xF0, 0xE4, 0x42)),
];

impl Color {
    /// Black, as text and frames are.
    pub const BLACK: Color = Color(0, 0, 0);
    /// White, as the page is.
    pub const WHITE: Color = Color(255, 255, 255);

    /// The colour of a name (`blue`, `red`, `green`, `purple`, `orange`, `sky`, `dark`, `gray`, `black`, `white`,
    /// `yellow`) or of a code such as `#0072b2`.
    pub fn named(name: &str) -> Result<Color> {
        let known = NAMES.iter().find(|(n, _)| *n == name).map(|(_, color)| *color);
        known.or_else(|| Color::coded(name)).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(n, _)| *n).collect();
            Error::input(format!("no color `{name}`: use {} or a code such as #0072b2", names.join(", ")))
        })
    }

    fn coded(text: &str) -> Option<Color> {
        let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.is_ascii())?;
        let part = |i: usize| u8::from_str_radix(&digits[i..i + 2], 16).ok();
        Some(Color(part(0)?, part(2)?, part(4)?))
    }

    /// The colour mixed with another: `share` of it, the rest of `other`.
    pub fn mixed(self, other: Color, share: f64) -> Color {
        let mix = |a: u8, b: u8| (f64::from(a) * share + f64::from(b) * (1.0 - share)).round() as u8;
        Color(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }
}

/// A scale of colours for a map; all but `BlueRed` and `Gray` are those of matplotlib.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorMap {
    /// Dark violet over green to yellow, even in lightness.
    #[default]
    Viridis,
    /// Blue over grey to yellow, the same for colour-blind readers.
    Cividis,
    /// Black over red to pale yellow.
    Magma,
    /// Blue over red to yellow.
    Plasma,
    /// Blue over white to red, for values around zero (ColorBrewer RdBu).
    BlueRed,
    /// Black to white.
    Gray,
}

impl ColorMap {
    /// The colour map of a name: `viridis`, `cividis`, `magma`, `plasma`, `blue_red` or `gray`.
    pub fn named(name: &str) -> Result<ColorMap> {
        match name {
            "viridis" => Ok(ColorMap::Viridis),
            "cividis" => Ok(ColorMap::Cividis),
            "magma" => Ok(ColorMap::Magma),
            "plasma" => Ok(ColorMap::Plasma),
            "blue_red" => Ok(ColorMap::BlueRed),
            "gray" => Ok(ColorMap::Gray),
            _ => Err(Error::input(format!(
                "no color map `{name}`: use viridis, cividis, magma, plasma, blue_red or gray"
            ))),
        }
    }

    /// The colour at `fraction` (0 to 1) of the scale.
    pub fn at(self, fraction: f64) -> Color {
        let stops = self.stops();
        let place = fraction.clamp(0.0, 1.0) * (stops.len() - 1) as f64;
        let below = (place.floor() as usize).min(stops.len() - 2);
        let color = |i: usize| Color((stops[i] >> 16) as u8, (stops[i] >> 8) as u8, stops[i] as u8);
        color(below + 1).mixed(color(below), place - below as f64)
    }

    fn stops(self) -> &'static [u32] {
        match self {
            ColorMap::Viridis => &[
                0x440154, 0x482475, 0x414487, 0x355f8d, 0x2a788e, 0x21918c, 0x22a884, 0x44bf70, 0x7ad151, 0xbddf26,
                0xfde725,
            ],
            ColorMap::Cividis => {
                &[0x00224e, 0x123570, 0x3b496c, 0x575d6d, 0x707173, 0x8a8678, 0xa59c74, 0xc3b369, 0xe1cc55, 0xfee838]
            }
            ColorMap::Magma => &[
                0x000004, 0x140e36, 0x3b0f70, 0x641a80, 0x8c2981, 0xb73779, 0xde4968, 0xf7705c, 0xfe9f6d, 0xfecf92,
                0xfcfdbf,
            ],
            ColorMap::Plasma => &[
                0x0d0887, 0x41049d, 0x6a00a8, 0x8f0da4, 0xb12a90, 0xcc4778, 0xe16462, 0xf2844b, 0xfca636, 0xfcce25,
                0xf0f921,
            ],
            ColorMap::BlueRed => &[
                0x053061, 0x2166ac, 0x4393c3, 0x92c5de, 0xd1e5f0, 0xf7f7f7, 0xfddbc7, 0xf4a582, 0xd6604d, 0xb2182b,
                0x67001f,
            ],
            ColorMap::Gray => &[0x000000, 0xffffff],
        }
    }
}

/// The shape of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// A filled disc.
    Circle,
    /// A filled square.
    Square,
    /// A filled triangle, tip up.
    Triangle,
    /// A filled square on its corner.
    Diamond,
    /// An upright cross.
    Plus,
    /// A slanted cross.
    Cross,
    /// An open circle.
    Ring,
}

impl Marker {
    /// Shapes in the order series take them.
    pub const ORDER: [Marker; 4] = [Marker::Circle, Marker::Square, Marker::Triangle, Marker::Diamond];

    /// The marker of a name: `circle`, `square`, `triangle`, `diamond`, `plus`, `cross` or `ring`.
    pub fn named(name: &str) -> Result<Marker> {
        match name {
            "circle" => Ok(Marker::Circle),
            "square" => Ok(Marker::Square),
            "triangle" => Ok(Marker::Triangle),
            "diamond" => Ok(Marker::Diamond),
            "plus" => Ok(Marker::Plus),
            "cross" => Ok(Marker::Cross),
            "ring" => Ok(Marker::Ring),
            _ => Err(Error::input(format!(
                "no marker `{name}`: use circle, square, triangle, diamond, plus, cross or ring"
            ))),
        }
    }
}

/// Sizes in pixels (1/96 inch); the defaults suit a column of a paper.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// Height of the text of axis labels; tick labels and legends are a little smaller.
    pub font_size: f64,
    /// Width of the frame and its ticks.
    pub frame_width: f64,
    /// Length of a major tick; a minor one has 0.55 of it.
    pub tick_length: f64,
    /// Width of a line.
    pub line_width: f64,
    /// Radius of a point.
    pub marker_radius: f64,
    /// Colours in the order series take them.
    pub palette: Vec<Color>,
}

impl Default for Theme {
    fn default() -> Theme {
        Theme {
            font_size: 12.0,
            frame_width: 0.9,
            tick_length: 5.0,
            line_width: 1.6,
            marker_radius: 3.2,
            palette: PALETTE.to_vec(),
        }
    }
}

impl Theme {
    /// The same theme with every size multiplied by `factor`.
    pub fn scaled(&self, factor: f64) -> Theme {
        Theme {
            font_size: self.font_size * factor,
            frame_width: self.frame_width * factor,
            tick_length: self.tick_length * factor,
            line_width: self.line_width * factor,
            marker_radius: self.marker_radius * factor,
            palette: self.palette.clone(),
        }
    }

    pub(crate) fn small(&self) -> f64 {
        0.88 * self.font_size
    }

    pub(crate) fn color(&self, index: usize) -> Color {
        if self.palette.is_empty() { Color::BLACK } else { self.palette[index % self.palette.len()] }
    }
}
