//! A figure as SVG text, as PNG bytes, and as a file.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb::Database};

use crate::error::{Error, Result};
use crate::file::write_atomic;
use crate::plot::figure::Figure;
use crate::plot::layout;

/// Pixels of the PNG in one of the figure.
const ENLARGEMENT: f32 = 2.0;

impl Figure {
    /// The figure as an SVG document; the same figure gives the same bytes.
    pub fn svg(&self) -> Result<String> {
        layout::svg(self)
    }

    /// The figure as a PNG picture, two pixels to one.
    pub fn png(&self) -> Result<Vec<u8>> {
        rasterized(&self.svg()?)
    }

    /// Write the figure to a file, whole or not at all; the name ends in `.svg` or `.png`.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        let bytes = match extension.as_str() {
            "svg" => self.svg()?.into_bytes(),
            "png" => self.png()?,
            _ => return Err(Error::file(path, "a figure is saved as .svg or .png")),
        };
        write_atomic(path, |out| out.write_all(&bytes))
    }
}

/// A page of the embedded font and no other.
fn fonts() -> Arc<Database> {
    static FONTS: OnceLock<Arc<Database>> = OnceLock::new();
    FONTS
        .get_or_init(|| {
            let mut fonts = Database::new();
            fonts.load_font_data(dejavu::sans::regular().to_vec());
            fonts.set_sans_serif_family("DejaVu Sans");
            Arc::new(fonts)
        })
        .clone()
}

fn rasterized(svg: &str) -> Result<Vec<u8>> {
    let options = Options { font_family: "DejaVu Sans".into(), fontdb: fonts(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).map_err(|e| match e.to_string() {
        text if text.contains("nodes limit") => {
            Error::input("figure: too many points for a png, some 500,000 are possible; save it as .svg, or draw fewer")
        }
        text => Error::numeric(format!("figure: {text}")),
    })?;
    let (width, height) = (tree.size().width() * ENLARGEMENT, tree.size().height() * ENLARGEMENT);
    let mut picture = Pixmap::new(width.round() as u32, height.round() as u32)
        .ok_or_else(|| Error::input(format!("figure: a picture of {width} x {height} pixels is too large")))?;
    picture.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(ENLARGEMENT, ENLARGEMENT), &mut picture.as_mut());
    picture.encode_png().map_err(|e| Error::numeric(format!("figure: {e}")))
}
