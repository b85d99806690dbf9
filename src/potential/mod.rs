//! Interatomic potentials: pair terms plus an embedding energy of the local density.
//!
//! ```math
//! E = sum_{i<j} phi_ab(r_ij) + sum_i F_a(rho_i),    rho_i = sum_j rho_ab(r_ij)
//! ```
//! Finnis, Sinclair, Philos. Mag. A 50, 45 (1984), <https://doi.org/10.1080/01418618408244210>. A pair potential is
//! the case without density.

pub mod analytic;
mod block;
pub mod engine;
pub mod hessian;
pub(crate) mod kernel;
pub(crate) mod lanes;
pub mod lennard_jones;
pub mod local;
pub mod radial;
pub mod setfl;
pub mod short;
mod single;
pub mod spline;
mod tables;

use crate::configuration::Element;
use crate::error::{Error, Result};
use crate::file::{checksum, read_bytes};
pub use engine::{Engine, Precision};
pub use hessian::Hessian;
pub use local::{LocalEngine, Surroundings};
use radial::{Embedding, Radial};
use setfl::Densities;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use tables::PairTable;

/// Pair functions, density functions and embedding functions of a set of species.
#[derive(Debug)]
pub struct Potential {
    label: String,
    elements: Vec<Element>,
    cutoff: f64,
    pair: Vec<Radial>,
    density: Vec<Radial>,
    embedding: Vec<Embedding>,
    tables: Vec<PairTable>,
}

impl Potential {
    /// A potential from its functions: `pair[a * n + b]`, `density[a * n + b]` (what an atom of species `b` adds to the
    /// density at one of species `a`) and `embedding[a]`, in the order of `elements`.
    pub fn new(
        label: impl Into<String>,
        elements: Vec<Element>,
        pair: Vec<Radial>,
        density: Vec<Radial>,
        embedding: Vec<Embedding>,
    ) -> Result<Arc<Potential>> {
        let n = elements.len();
        if pair.len() != n * n || density.len() != n * n || embedding.len() != n {
            return Err(Error::input("potential: one function is needed for each pair of species"));
        }
        let cutoff = pair.iter().chain(&density).map(Radial::cutoff).fold(0.0, f64::max);
        let tables = (0..n * n).map(|k| PairTable::new(&pair[k], &density[k], &density[k % n * n + k / n])).collect();
        Ok(Arc::new(Potential { label: label.into(), elements, cutoff, pair, density, embedding, tables }))
    }

    /// A built-in potential: `CuZr-2009`, `CuZr-2007` or `CuZr-2019`.
    pub fn built_in(name: &str) -> Result<Arc<Potential>> {
        analytic::built_in(name)
    }

    /// The potential in a file: `.toml` (see [`analytic::parse`]), `.eam.fs` or `.eam.alloy` (see [`setfl`]); each also
    /// compressed, as `.gz`.
    pub fn read(path: &Path) -> Result<Arc<Potential>> {
        let format = Format::of_name(path).ok_or_else(|| {
            Error::file(path, "unknown ending; expected .toml, .eam.fs or .eam.alloy, with or without .gz")
        })?;
        let text = text_of(path)?;
        let label = path.display().to_string();
        match format {
            Format::Analytic => analytic::parse(&text, path, &label),
            Format::Setfl(densities) => setfl::parse(&text, path, &label, densities),
        }
    }

    /// A potential by its built-in name, or from a file: whatever ends like a file of a potential, has a folder in its
    /// name, or exists.
    pub fn find(name: &str) -> Result<Arc<Potential>> {
        let path = Path::new(name);
        let built_in = analytic::built_in_names().any(|known| known == name);
        let file = Format::of_name(path).is_some() || path.components().count() > 1 || path.is_file();
        if path.is_dir() && !built_in {
            return Err(Error::input(format!("`{name}` is a folder, and not a file of a potential")));
        }
        if file && !built_in { Potential::read(path) } else { Potential::built_in(name) }
    }

    /// Name or file the potential came from.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The species it describes.
    pub fn elements(&self) -> &[Element] {
        &self.elements
    }

    /// Largest distance at which atoms act on each other [length].
    pub fn cutoff(&self) -> f64 {
        self.cutoff
    }

    /// The number of a species by its name; an error that lists the known ones.
    pub fn species(&self, name: &str) -> Result<usize> {
        self.elements.iter().position(|e| e.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.elements.iter().map(|e| e.name.as_str()).collect();
            Error::input(format!("potential {}: unknown species {name}; it knows {}", self.label, known.join(", ")))
        })
    }

    /// Pair energy between species `a` and `b`.
    pub fn pair(&self, a: usize, b: usize) -> &Radial {
        &self.pair[a * self.elements.len() + b]
    }

    /// Density that an atom of species `b` adds at one of species `a`.
    pub fn density(&self, a: usize, b: usize) -> &Radial {
        &self.density[a * self.elements.len() + b]
    }

    /// Embedding energy of species `a`.
    pub fn embedding(&self, a: usize) -> &Embedding {
        &self.embedding[a]
    }

    fn table(&self, a: usize, b: usize) -> &PairTable {
        &self.tables[a * self.elements.len() + b]
    }

    fn tables(&self) -> &[PairTable] {
        &self.tables
    }

    /// Name of the potential, without the folder it is in, and a checksum of the values of its functions: what belongs to it is known by
    /// this, wherever its file is and whatever was changed there.
    pub fn fingerprint(&self) -> String {
        let mut text = String::new();
        let kinds = self.elements().len();
        for a in 0..kinds {
            for b in 0..kinds {
                for k in 1..60 {
                    let r = self.cutoff() * f64::from(k) / 60.0;
                    let (pair, density) = (self.pair(a, b).evaluate(r), self.density(a, b).evaluate(r));
                    let _ = write!(text, "{:.9e} {:.9e} ", pair[0], density[0]);
                }
            }
            for k in 1..60 {
                let _ = write!(text, "{:.9e} ", self.embedding(a).evaluate(2.0 * f64::from(k))[0]);
            }
        }
        let name = Path::new(self.label()).file_name().map_or_else(String::new, |name| name.to_string_lossy().into());
        format!("{name} {:016x}", checksum(text.as_bytes()))
    }
}

/// What a file of a potential holds.
#[derive(Clone, Copy, Debug)]
enum Format {
    Analytic,
    Setfl(Densities),
}

impl Format {
    /// The format that the ending of a name stands for.
    fn of_name(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_str()?.to_lowercase();
        let name = name.strip_suffix(".gz").unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "toml" => Some(Format::Analytic),
            "fs" => Some(Format::Setfl(Densities::OfPairs)),
            "alloy" => Some(Format::Setfl(Densities::OfSpecies)),
            _ => None,
        }
    }
}

/// The text of a file of a potential: comments of old files are in any encoding, and all that counts is ASCII.
fn text_of(path: &Path) -> Result<String> {
    Ok(String::from_utf8_lossy(&read_bytes(path)?).into_owned())
}
