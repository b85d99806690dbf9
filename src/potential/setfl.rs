//! Embedded-atom potentials as tables: the setfl files of LAMMPS, `.eam.alloy` and `.eam.fs`.
//!
//! Three lines of comment; the number of species and their names; `Nrho drho Nr dr cutoff`; for each species its atomic
//! number, mass, lattice constant and lattice, `Nrho` values of the embedding energy at `0, drho, ...`, and densities, each
//! `Nr` values at `0, dr, ...`; then `Nr` values of `r phi(r)` for each pair of species: 11, 21, 22, 31, ... The block of
//! a species holds one density in an `.eam.alloy` file, and in an `.eam.fs` file the densities that an atom of this species
//! adds at atoms of species 1, 2, ... Daw, Baskes, Phys. Rev. B 29, 6443 (1984),
//! <https://doi.org/10.1103/PhysRevB.29.6443>; the format is described with the LAMMPS command `pair_style eam`.

use super::Potential;
use super::radial::{Embedding, Radial};
use super::spline::Spline;
use crate::configuration::Element;
use crate::error::{Error, Result};
use std::path::Path;
use std::sync::Arc;

/// Which densities a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Densities {
    /// `.eam.alloy`: a species adds the same density at every other.
    OfSpecies,
    /// `.eam.fs`: one density for each ordered pair of species.
    OfPairs,
}

/// Values of `r phi` from here on stand for "too close", not for an energy [energy length].
const PLACEHOLDER: f64 = 1e10;

/// The potential in the text of a setfl file; `path` is named in errors.
pub fn parse(text: &str, path: &Path, label: &str, densities: Densities) -> Result<Arc<Potential>> {
    let mut words = Words::new(path, text);
    for _ in 0..3 {
        words.skip_line("three lines of comment")?;
    }
    let names = species(&mut words)?;
    let grid = Grid::read(&mut words)?;
    let n = names.len();
    let mut elements = Vec::with_capacity(n);
    let mut density = vec![Radial::Zero; n * n];
    let mut embedding = Vec::with_capacity(n);
    for (b, name) in names.iter().enumerate() {
        words.number(&format!("the atomic number of {name}"))?;
        let mass = words.positive(&format!("the mass of {name}"))?;
        words.number(&format!("the lattice constant of {name}"))?;
        // Its lattice ends the line, where it is given.
        words.line = "".split_whitespace();
        elements.push(Element { name: name.clone(), mass });
        let values = words.values(grid.densities, &format!("the embedding energy of {name}"))?;
        embedding.push(grid.embedding(&values));
        match densities {
            Densities::OfSpecies => {
                let added = grid.density(&words.values(grid.distances, &format!("the density of {name}"))?);
                (0..n).for_each(|a| density[a * n + b] = added.clone());
            }
            Densities::OfPairs => {
                for (a, at) in names.iter().enumerate() {
                    let what = format!("the density of {name} at {at}");
                    density[a * n + b] = grid.density(&words.values(grid.distances, &what)?);
                }
            }
        }
    }
    let mut pair = vec![Radial::Zero; n * n];
    for a in 0..n {
        for b in 0..=a {
            let what = format!("the pair energy of {} and {}", names[a], names[b]);
            let values = words.values(grid.distances, &what)?;
            let phi =
                grid.pair(&values).ok_or_else(|| words.wrong(format!("{what} has no values below {PLACEHOLDER}")))?;
            pair[b * n + a] = phi.clone();
            pair[a * n + b] = phi;
        }
    }
    words.end()?;
    Potential::new(label, elements, pair, density, embedding)
}

/// Line 4: how many species, and their names.
fn species(words: &mut Words) -> Result<Vec<String>> {
    let line = words.line("the number of species and their names")?;
    let mut fields = line.split_whitespace();
    let first = fields.next().unwrap_or_default();
    let count = first.parse::<usize>().ok().filter(|n| (1..=100).contains(n));
    let count = count.ok_or_else(|| {
        words.wrong(format!("field 1 (number of species): expected a whole number from 1 to 100, found `{first}`"))
    })?;
    let names: Vec<String> = fields.map(str::to_string).collect();
    if names.len() != count {
        let names = names.join(" ");
        return Err(words.wrong(format!("{count} species are announced; expected as many names, found `{names}`")));
    }
    match (1..count).find(|&k| names[..k].contains(&names[k])) {
        Some(k) => Err(words.wrong(format!("field {} (name of a species): {} is there twice", k + 2, names[k]))),
        None => Ok(names),
    }
}

/// Line 5: where the values are.
struct Grid {
    /// Number of values of an embedding energy, and the step between them.
    densities: usize,
    density_step: f64,
    /// Number of values of a function of distance, and the step between them [length].
    distances: usize,
    distance_step: f64,
    /// [length]
    cutoff: f64,
}

impl Grid {
    fn read(words: &mut Words) -> Result<Grid> {
        let line = words.line("Nrho, drho, Nr, dr and the cutoff")?;
        let fields: Vec<&str> = line.split_whitespace().collect();
        let field = |place: usize, name: &str| {
            fields.get(place).copied().ok_or_else(|| {
                words.wrong(format!("field {} ({name}) is missing; the line has {} fields", place + 1, fields.len()))
            })
        };
        let count = |place: usize, name: &str| {
            let text = field(place, name)?;
            text.parse::<usize>().ok().filter(|n| *n >= Spline::FEWEST).ok_or_else(|| {
                let expected = format!("a whole number, {} or more", Spline::FEWEST);
                words.wrong(format!("field {} ({name}): expected {expected}, found `{text}`", place + 1))
            })
        };
        let length = |place: usize, name: &str| {
            let text = field(place, name)?;
            text.parse::<f64>().ok().filter(|x| x.is_finite() && *x > 0.0).ok_or_else(|| {
                words.wrong(format!("field {} ({name}): expected a positive number, found `{text}`", place + 1))
            })
        };
        Ok(Grid {
            densities: count(0, "Nrho")?,
            density_step: length(1, "drho")?,
            distances: count(2, "Nr")?,
            distance_step: length(3, "dr")?,
            cutoff: length(4, "cutoff")?,
        })
    }

    fn embedding(&self, values: &[f64]) -> Embedding {
        let nonzero = values.iter().any(|v| *v != 0.0);
        let spline = Spline::new(0.0, self.density_step, values).filter(|_| nonzero);
        spline.map_or(Embedding::Zero, |spline| Embedding::Table(Arc::new(spline)))
    }

    fn density(&self, values: &[f64]) -> Radial {
        let spline = self.spline(values, 0);
        spline.map_or(Radial::Zero, |(spline, cutoff)| Radial::Table { spline: Arc::new(spline), cutoff })
    }

    /// None when all values are placeholders.
    fn pair(&self, values: &[f64]) -> Option<Radial> {
        // The value at zero distance is no energy, whatever it is.
        let start = values.iter().rposition(|v| v.abs() >= PLACEHOLDER).map_or(1, |k| (k + 1).max(1));
        if start >= values.len() {
            return None;
        }
        let spline = self.spline(values, start);
        Some(
            spline.map_or(Radial::Zero, |(spline, cutoff)| Radial::TableOverDistance {
                spline: Arc::new(spline),
                cutoff,
            }),
        )
    }

    /// The spline from value number `start` on to where only zeros follow, and that place; None when all are zero. A table that ends
    /// far from zero does so there: led to zero within one step, its slopes would swing before it.
    fn spline(&self, values: &[f64], start: usize) -> Option<(Spline, f64)> {
        let last = start + values[start..].iter().rposition(|v| *v != 0.0)?;
        let ends = last + 1 == values.len();
        let breaks_off =
            ends && last > start && values[last].abs() > STEEPEST * (values[last] - values[last - 1]).abs();
        let mut values = values[start..=last].to_vec();
        if !breaks_off {
            // The function is zero one step on, where the table ends or the file has its first zero.
            values.push(0.0);
        }
        let cutoff = self.cutoff.min((start + values.len() - 1) as f64 * self.distance_step);
        values.resize(values.len().max(Spline::FEWEST), 0.0);
        Some((Spline::new(start as f64 * self.distance_step, self.distance_step, &values)?, cutoff))
    }
}

/// A step to zero so many times the last one of a table is none of the function.
const STEEPEST: f64 = 3.0;

/// The words of a file, across lines, with errors that name line and word.
struct Words<'a> {
    path: &'a Path,
    lines: std::str::Lines<'a>,
    line: std::str::SplitWhitespace<'a>,
    number: usize,
}

impl<'a> Words<'a> {
    fn new(path: &'a Path, text: &'a str) -> Words<'a> {
        Words { path, lines: text.lines(), line: "".split_whitespace(), number: 0 }
    }

    /// An error at the line read last.
    fn wrong(&self, message: String) -> Error {
        Error::parse(self.path, self.number, message)
    }

    /// The next whole line.
    fn line(&mut self, what: &str) -> Result<&'a str> {
        let line = self.lines.next().ok_or_else(|| {
            let end = self.number;
            Error::file(self.path, format!("the file ends after line {end}; expected {what}. Is it cut short?"))
        })?;
        self.number += 1;
        Ok(line)
    }

    fn skip_line(&mut self, what: &str) -> Result<()> {
        self.line(what).map(|_| ())
    }

    /// The next word, on this line or a later one.
    fn word(&mut self, what: &str) -> Result<&'a str> {
        loop {
            if let Some(word) = self.line.next() {
                return Ok(word);
            }
            self.line = self.line(what)?.split_whitespace();
        }
    }

    fn number(&mut self, what: &str) -> Result<f64> {
        let word = self.word(what)?;
        let number = word.parse::<f64>().ok().filter(|x| x.is_finite());
        number.ok_or_else(|| self.wrong(format!("expected {what}, a finite number, found `{word}`")))
    }

    fn positive(&mut self, what: &str) -> Result<f64> {
        let x = self.number(what)?;
        if x > 0.0 { Ok(x) } else { Err(self.wrong(format!("expected {what}, a positive number, found {x}"))) }
    }

    /// This many numbers.
    fn values(&mut self, count: usize, what: &str) -> Result<Vec<f64>> {
        // The count is what the file says, so no space is reserved for it.
        let mut values = Vec::new();
        for k in 1..=count {
            let next = self.line.next().map_or_else(|| self.word(&format!("value {k} of {count} of {what}")), Ok)?;
            let number = next.parse::<f64>().ok().filter(|x| x.is_finite());
            values.push(number.ok_or_else(|| {
                self.wrong(format!("expected value {k} of {count} of {what}, a finite number, found `{next}`"))
            })?);
        }
        Ok(values)
    }

    /// Only white space or text may follow the last table: more numbers mean that the counts are wrong.
    fn end(&mut self) -> Result<()> {
        while let Ok(word) = self.word("") {
            if word.parse::<f64>().is_ok() {
                return Err(self.wrong(format!(
                    "expected the end of the file after the last table, found `{word}`; are Nrho and Nr right, and is the \
                     ending (.eam.fs or .eam.alloy) the right one?"
                )));
            }
        }
        Ok(())
    }
}
