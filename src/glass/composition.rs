//! Chemical composition.

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// Species and their parts, as in `Cu50Zr50`, `Cu64.5Zr35.5` or `CuZr2`.
///
/// ```
/// use vitric::glass::Composition;
/// let composition: Composition = "Cu64.5Zr35.5".parse()?;
/// assert_eq!(composition.counts(1000), [645, 355]);
/// # Ok::<(), vitric::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Composition {
    parts: Vec<(String, f64)>,
}

impl Composition {
    /// A composition of species with positive parts, which need not add up to anything.
    pub fn new(parts: Vec<(String, f64)>) -> Result<Composition> {
        for (place, (name, part)) in parts.iter().enumerate() {
            if !(part.is_finite() && *part > 0.0) {
                return Err(Error::input(format!("composition: the part of {name} must be positive, found {part}")));
            }
            if parts[..place].iter().any(|p| p.0 == *name) {
                return Err(Error::input(format!("composition: {name} occurs twice")));
            }
        }
        if parts.is_empty() {
            return Err(Error::input("composition: no species; write it as \"Cu50Zr50\""));
        }
        Ok(Composition { parts })
    }

    /// Names and parts.
    pub fn parts(&self) -> &[(String, f64)] {
        &self.parts
    }

    /// Number of atoms of each species, by the method of largest remainders; they add up to `atoms`.
    pub fn counts(&self, atoms: usize) -> Vec<usize> {
        let sum: f64 = self.parts.iter().map(|p| p.1).sum();
        let exact: Vec<f64> = self.parts.iter().map(|p| atoms as f64 * p.1 / sum).collect();
        // A quota that rounding left just below a whole number is that number.
        let mut counts: Vec<usize> = exact.iter().map(|x| (x + 1e-9).floor() as usize).collect();
        let mut order: Vec<usize> = (0..exact.len()).collect();
        let remainder = |k: &usize| exact[*k] - counts[*k] as f64;
        order.sort_by(|a, b| remainder(b).total_cmp(&remainder(a)));
        let missing = atoms.saturating_sub(counts.iter().sum());
        for &k in order.iter().cycle().take(missing) {
            counts[k] += 1;
        }
        counts
    }
}

impl FromStr for Composition {
    type Err = Error;

    fn from_str(text: &str) -> Result<Composition> {
        let malformed = || Error::input(format!("composition: expected something like \"Cu50Zr50\", found \"{text}\""));
        let mut parts = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let name_end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
            let letters = &rest[..name_end];
            // A second capital begins the next species: `CuZr2`.
            let name =
                &letters[..letters.char_indices().skip(1).find(|c| c.1.is_ascii_uppercase()).map_or(name_end, |c| c.0)];
            if !name.starts_with(|c: char| c.is_ascii_uppercase()) {
                return Err(malformed());
            }
            rest = &rest[name.len()..];
            let number_end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let number = &rest[..number_end];
            let part = if number.is_empty() { 1.0 } else { number.parse().map_err(|_| malformed())? };
            parts.push((name.to_string(), part));
            rest = &rest[number_end..];
        }
        Composition::new(parts)
    }
}

impl fmt::Display for Composition {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.parts.iter().try_for_each(|(name, part)| write!(f, "{name}{part}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_are_nearest() {
        let counts = |text: &str, atoms| text.parse::<Composition>().unwrap().counts(atoms);
        assert_eq!(counts("Cu50Zr50", 1372), [686, 686]);
        assert_eq!(counts("Cu50Zr50", 101).iter().sum::<usize>(), 101);
        assert_eq!(counts("Cu64.5Zr35.5", 200), [129, 71]);
        assert_eq!(counts("CuZr2", 300), [100, 200]);
        assert_eq!(counts("A80B20", 10), [8, 2]);
        assert_eq!(counts("A1B1C1", 10), [4, 3, 3]);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "50Cu", "cu50", "Cu0Zr1", "Cu50Cu50", "Cu1.2.3", "Cu-5"] {
            assert!(text.parse::<Composition>().is_err(), "{text}");
        }
    }
}
