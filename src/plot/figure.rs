//! Figures and panels: what is drawn, and the calls that add to it.

use crate::error::{Error, Result};
use crate::plot::axis::{Axis, Scale};
use crate::plot::mark::{Mark, Reference};
use crate::plot::theme::{Color, Theme};

/// Which axes the panels of a figure have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Share {
    /// Each panel has its own.
    #[default]
    None,
    /// Panels above each other have the same x axis, written under the lowest.
    X,
    /// Panels beside each other have the same y axis, written at the first.
    Y,
    /// Both.
    Both,
}

/// A place within a panel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Place {
    /// Where least is covered.
    #[default]
    Best,
    /// The upper left corner.
    UpperLeft,
    /// The upper right corner.
    UpperRight,
    /// The lower left corner.
    LowerLeft,
    /// The lower right corner.
    LowerRight,
    /// Centred at fractions of the width and height, from the lower left corner.
    At(f64, f64),
}

impl Place {
    /// The place of a name: `best`, `upper left`, `upper right`, `lower left` or `lower right`.
    pub fn named(name: &str) -> Result<Place> {
        match name {
            "best" => Ok(Place::Best),
            "upper left" => Ok(Place::UpperLeft),
            "upper right" => Ok(Place::UpperRight),
            "lower left" => Ok(Place::LowerLeft),
            "lower right" => Ok(Place::LowerRight),
            _ => Err(Error::input(format!(
                "no place `{name}`: use best, upper left, upper right, lower left or lower right"
            ))),
        }
    }
}

/// Text within a panel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Note {
    /// The text, with `_{..}` and `^{..}`.
    pub text: String,
    /// Where it stands; notes with the place `Best` stand together.
    pub place: Place,
    /// Colour; `None` is black.
    pub color: Option<Color>,
}

/// A small panel within a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Inset {
    /// What it shows.
    pub panel: Panel,
    /// Where it stands.
    pub place: Place,
    /// Its width and height as shares of those of the panel, labels included.
    pub size: (f64, f64),
}

/// One pair of axes and what is drawn on them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// Text above it; may be empty.
    pub title: String,
    /// The axis below.
    pub x: Axis,
    /// The axis on the left.
    pub y: Axis,
    /// The axis on the right, for marks that say so.
    pub right: Axis,
    /// What is drawn, in this order.
    pub marks: Vec<Mark>,
    /// Text within the panel.
    pub notes: Vec<Note>,
    /// Where the legend stands; `None` leaves it out.
    pub legend: Option<Place>,
    /// A small panel within this one.
    pub inset: Option<Box<Inset>>,
}

impl Panel {
    /// An empty panel, with a legend as soon as something has a label.
    pub fn new() -> Panel {
        Panel { legend: Some(Place::Best), ..Panel::default() }
    }

    /// The panel with one more mark.
    pub fn draw(mut self, mark: impl Into<Mark>) -> Panel {
        self.marks.push(mark.into());
        self
    }

    /// An error when it has nothing to draw, or a mark or axis makes no sense.
    pub fn check(&self) -> Result<()> {
        if self.marks.is_empty() {
            return Err(Error::input("figure: a panel has nothing to draw; add points, a line, a histogram, ..."));
        }
        self.marks.iter().try_for_each(Mark::check)?;
        if self.is_map() && (self.x.scale == Scale::Log || self.y.scale == Scale::Log) {
            return Err(Error::input("map: its axes are linear; leave log_x() and log_y() out"));
        }
        if self.marks.iter().filter(|m| matches!(m, Mark::Bars(_))).count() > 1 {
            return Err(Error::input(
                "bars: there are bars on this panel already; give a list of series, or another panel",
            ));
        }
        self.x.check("x")?;
        self.y.check("y")?;
        self.right.check("right")?;
        self.inset.as_ref().map_or(Ok(()), |inset| inset.panel.check())
    }

    pub(crate) fn is_map(&self) -> bool {
        self.marks.iter().any(|m| matches!(m, Mark::Map(_)))
    }

    /// True for a map whose axes have the same unit, as those of a slice: both are drawn to one scale.
    pub(crate) fn has_one_unit(&self) -> bool {
        fn unit(label: &str) -> Option<&str> {
            label.rsplit_once('(').map(|(_, unit)| unit)
        }
        self.marks.iter().any(|mark| match mark {
            Mark::Map(map) => unit(&map.grid.axes.0).is_some_and(|x| unit(&map.grid.axes.1) == Some(x)),
            _ => false,
        })
    }
}

/// A figure: panels in rows.
///
/// The calls that add to it act on its last panel and hand the figure back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    /// Text above all panels; may be empty.
    pub title: String,
    /// Width [pixel, 1/96 inch]; `None` takes one that suits the number of columns.
    pub width: Option<f64>,
    /// Height [pixel]; `None` takes one that suits the panels.
    pub height: Option<f64>,
    /// Panels in a row; `None` puts four panels in two rows, and else up to four in one.
    pub columns: Option<usize>,
    /// Axes that panels have in common.
    pub share: Share,
    /// True writes (a), (b), ... at the panels; `None` does so when there are several.
    pub letters: Option<bool>,
    /// The panels, row by row.
    pub panels: Vec<Panel>,
    /// Sizes and colours.
    pub theme: Theme,
}

impl Figure {
    /// An empty figure.
    pub fn new() -> Figure {
        Figure::default()
    }

    /// The figure with one more mark on its last panel.
    pub fn draw(mut self, mark: impl Into<Mark>) -> Figure {
        self.last().marks.push(mark.into());
        self
    }

    /// The figure with one more panel.
    pub fn panel(mut self, panel: Panel) -> Figure {
        self.panels.push(panel);
        self
    }

    /// The figure with the panels of another; the title of a figure of one panel becomes the title of the panel.
    pub fn with_panels_of(mut self, mut other: Figure) -> Result<Figure> {
        if other.panels.is_empty() {
            return Err(Error::input("panel: the other figure is empty"));
        }
        if let [panel] = &mut other.panels[..]
            && panel.title.is_empty()
        {
            panel.title = other.title;
        }
        self.panels.extend(other.panels);
        Ok(self)
    }

    /// The last panel, made when there is none.
    pub fn last(&mut self) -> &mut Panel {
        if self.panels.is_empty() {
            self.panels.push(Panel::new());
        }
        let last = self.panels.len() - 1;
        &mut self.panels[last]
    }

    fn change(mut self, change: impl FnOnce(&mut Panel)) -> Figure {
        change(self.last());
        self
    }

    /// Text above the last panel.
    pub fn title(self, text: &str) -> Figure {
        self.change(|p| p.title = text.into())
    }

    /// Text below the x axis.
    pub fn x_label(self, text: &str) -> Figure {
        self.change(|p| p.x.label = Some(text.into()))
    }

    /// Text beside the y axis.
    pub fn y_label(self, text: &str) -> Figure {
        self.change(|p| p.y.label = Some(text.into()))
    }

    /// Text beside the right axis.
    pub fn right_label(self, text: &str) -> Figure {
        self.change(|p| p.right.label = Some(text.into()))
    }

    /// Lowest and highest x shown.
    pub fn x_range(self, low: f64, high: f64) -> Figure {
        self.change(|p| p.x.range = Some((low, high)))
    }

    /// Lowest and highest y shown.
    pub fn y_range(self, low: f64, high: f64) -> Figure {
        self.change(|p| p.y.range = Some((low, high)))
    }

    /// A logarithmic x axis.
    pub fn log_x(self) -> Figure {
        self.change(|p| p.x.scale = Scale::Log)
    }

    /// A logarithmic y axis.
    pub fn log_y(self) -> Figure {
        self.change(|p| p.y.scale = Scale::Log)
    }

    /// A dashed line at one y.
    pub fn horizontal(self, value: f64) -> Figure {
        self.draw(Reference::horizontal(value))
    }

    /// A dashed line at one x.
    pub fn vertical(self, value: f64) -> Figure {
        self.draw(Reference::vertical(value))
    }

    /// Text within the panel.
    pub fn note(self, text: &str, place: Place) -> Figure {
        self.change(|p| p.notes.push(Note { text: text.into(), place, color: None }))
    }

    /// Where the legend stands; `None` leaves it out.
    pub fn legend(self, place: Option<Place>) -> Figure {
        self.change(|p| p.legend = place)
    }

    /// A small panel within the last one.
    pub fn inset(self, inset: Inset) -> Figure {
        self.change(|p| p.inset = Some(Box::new(inset)))
    }

    /// An error when there is nothing to draw, or something makes no sense.
    pub fn check(&self) -> Result<()> {
        if self.panels.is_empty() {
            return Err(Error::input("figure: there is nothing to draw; add points, a line, a histogram, ..."));
        }
        for (name, size) in [("width", self.width), ("height", self.height)] {
            if let Some(size) = size.filter(|s| !(50.0..=10_000.0).contains(s)) {
                return Err(Error::input(format!("figure: `{name}` must be 50 to 10000 pixels, found {size}")));
            }
        }
        if self.columns == Some(0) {
            return Err(Error::input("figure: `columns` must be 1 or more, found 0"));
        }
        self.panels.iter().try_for_each(Panel::check)
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns.unwrap_or(if self.panels.len() == 4 { 2 } else { 4 }).clamp(1, self.panels.len().max(1))
    }
}
