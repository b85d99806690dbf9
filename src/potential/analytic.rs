//! Embedded-atom potentials as exact analytic pieces, read from TOML.

use super::Potential;
use super::radial::{Core, Embedding, Piece, Quartic, Radial, Screened};
use crate::configuration::Element;
use crate::error::{Error, Result};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const BUILT_IN: [(&str, &str); 3] = [
    ("CuZr-2009", include_str!("../../stdlib/potentials/CuZr-2009.toml")),
    ("CuZr-2007", include_str!("../../stdlib/potentials/CuZr-2007.toml")),
    ("CuZr-2019", include_str!("../../stdlib/potentials/CuZr-2019.toml")),
];

/// Names of the built-in potentials; the first is the default.
pub fn built_in_names() -> impl Iterator<Item = &'static str> {
    BUILT_IN.iter().map(|b| b.0)
}

pub(super) fn built_in(name: &str) -> Result<Arc<Potential>> {
    let text = BUILT_IN.iter().find(|b| b.0 == name).ok_or_else(|| {
        let known: Vec<_> = built_in_names().collect();
        Error::input(format!("potential: no built-in potential `{name}`; there are {}", known.join(", ")))
    })?;
    parse(text.1, Path::new(name), name)
}

/// The potential in a TOML text; `path` is named in errors.
///
/// Tables `[element.A]` (`mass`), `[rho.AB]` (`scale`, `poly`), `[F.A]` (`scale`, `terms`) and `[phi.AB]` (`r_zbl`,
/// `zbl`, `r_exp`, `expo`, `poly`), as the built-in files explain. The cutoff is where the last piece ends; `r_cut`, if it is there,
/// must agree with it.
pub fn parse(text: &str, path: &Path, label: &str) -> Result<Arc<Potential>> {
    let file: File = toml::from_str(text).map_err(|e| {
        let line = e.span().map_or(1, |s| text[..s.start.min(text.len())].lines().count().max(1));
        Error::parse(path, line, e.message())
    })?;
    let names: Vec<&String> = file.element.keys().collect();
    let n = names.len();
    let mut pair = vec![Radial::Zero; n * n];
    let mut density = vec![Radial::Zero; n * n];
    for (a, first) in names.iter().enumerate() {
        for (b, second) in names.iter().enumerate() {
            let phi = either(&file.phi, first, second)
                .ok_or_else(|| Error::file(path, format!("no table [phi.{first}{second}]")))?;
            pair[a * n + b] = Radial::Pieces { scale: 1.0, pieces: pieces(&phi.poly), core: Some(phi.core()) };
            let rho = either(&file.rho, first, second)
                .ok_or_else(|| Error::file(path, format!("no table [rho.{first}{second}]")))?;
            density[a * n + b] = Radial::Pieces { scale: rho.scale, pieces: pieces(&rho.poly), core: None };
        }
    }
    let embedding = (names.iter())
        .map(|name| {
            let f = file.embedding.get(*name).ok_or_else(|| Error::file(path, format!("no table [F.{name}]")))?;
            let terms = (f.terms.iter())
                .map(|t| Quartic { centre: t.xk, on: t.on.unwrap_or(t.xk), coefficient: t.c })
                .collect();
            Ok(Embedding::Root { scale: f.scale, terms })
        })
        .collect::<Result<_>>()?;
    let elements = file.element.iter().map(|(name, e)| Element { name: name.clone(), mass: e.mass }).collect();
    let potential = Potential::new(label, elements, pair, density, embedding)?;
    match file.r_cut {
        Some(r_cut) if (r_cut - potential.cutoff()).abs() > 1e-6 => Err(Error::file(
            path,
            format!(
                "r_cut is {r_cut}, but the last of the pieces ends at {}; the pieces make the cutoff",
                potential.cutoff()
            ),
        )),
        _ => Ok(potential),
    }
}

fn either<'a, T>(tables: &'a BTreeMap<String, T>, a: &str, b: &str) -> Option<&'a T> {
    tables.get(&format!("{a}{b}")).or_else(|| tables.get(&format!("{b}{a}")))
}

fn pieces(poly: &[Poly]) -> Vec<Piece> {
    poly.iter().map(|p| Piece { end: p.rk, coefficients: p.c.clone() }).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    element: BTreeMap<String, Species>,
    rho: BTreeMap<String, Density>,
    #[serde(rename = "F")]
    embedding: BTreeMap<String, Function>,
    phi: BTreeMap<String, Pair>,
    r_cut: Option<f64>,
    /// Where it comes from, and where a table of it begins.
    #[serde(rename = "version")]
    _version: Option<IgnoredAny>,
    #[serde(rename = "title")]
    _title: Option<IgnoredAny>,
    #[serde(rename = "table")]
    _table: Option<IgnoredAny>,
    #[serde(rename = "provenance")]
    _provenance: Option<IgnoredAny>,
    #[serde(rename = "r_table_min")]
    _start_of_table: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Species {
    mass: f64,
    /// What else tables say of an element.
    #[serde(rename = "Z")]
    _number: Option<IgnoredAny>,
    #[serde(rename = "lattice")]
    _lattice: Option<IgnoredAny>,
    #[serde(rename = "a")]
    _edge: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Poly {
    rk: f64,
    c: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Density {
    scale: f64,
    poly: Vec<Poly>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Function {
    scale: f64,
    terms: Vec<Term>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Term {
    xk: f64,
    on: Option<f64>,
    c: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    r_zbl: f64,
    zbl: Nuclei,
    r_exp: f64,
    expo: [f64; 4],
    poly: Vec<Poly>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nuclei {
    pre: f64,
    a: [f64; 4],
    k: [f64; 4],
}

impl Pair {
    fn core(&self) -> Core {
        Core {
            screened: Screened { prefactor: self.zbl.pre, amplitude: self.zbl.a, rate: self.zbl.k },
            screened_to: self.r_zbl,
            exponent: self.expo,
            exponential_to: self.r_exp,
        }
    }
}
