//! Arithmetic of the names of units: `eV/A^2` times `A` is `eV/A`. Nothing is converted.

use std::fmt;

/// A product of powers of unit names, in the order in which they were first written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unit(Vec<(String, f64)>);

impl Unit {
    /// Reads `eV`, `A^2`, `eV/A`, `g/cm^3`, `1/ps`, `eV/(A ps)`; what cannot be read is one name.
    ///
    /// ```
    /// use vitric::table::unit::Unit;
    /// assert_eq!(Unit::parse("eV/A^2").times(&Unit::parse("A")).to_string(), "eV/A");
    /// assert_eq!(Unit::parse("A^2").power(0.5).to_string(), "A");
    /// ```
    pub fn parse(text: &str) -> Unit {
        let mut parser = Parser { rest: text.trim() };
        match parser.product() {
            Some(unit) if parser.rest.is_empty() => unit,
            _ => Unit(vec![(text.trim().into(), 1.0)]),
        }
    }

    /// The product with another unit.
    pub fn times(&self, other: &Unit) -> Unit {
        let mut product = self.clone();
        for (name, power) in &other.0 {
            match product.0.iter_mut().find(|(n, _)| n == name) {
                Some((_, p)) => *p += power,
                None => product.0.push((name.clone(), *power)),
            }
        }
        product.0.retain(|(_, p)| p.abs() > 1e-12);
        product
    }

    /// The unit to a power.
    pub fn power(&self, exponent: f64) -> Unit {
        let mut unit = Unit(self.0.iter().map(|(n, p)| (n.clone(), p * exponent)).collect());
        unit.0.retain(|(_, p)| p.abs() > 1e-12);
        unit
    }

    /// The ratio to another unit.
    pub fn per(&self, other: &Unit) -> Unit {
        self.times(&other.power(-1.0))
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let factor = |(name, power): &(String, f64)| match power.abs() {
            1.0 => name.clone(),
            p => format!("{name}^{}", (p * 1e6).round() / 1e6),
        };
        let over: Vec<String> = self.0.iter().filter(|(_, p)| *p > 0.0).map(factor).collect();
        let under: Vec<String> = self.0.iter().filter(|(_, p)| *p < 0.0).map(factor).collect();
        let one = if over.is_empty() && !under.is_empty() { "1" } else { "" };
        match under.len() {
            0 => write!(f, "{}", over.join(" ")),
            1 => write!(f, "{one}{}/{}", over.join(" "), under[0]),
            _ => write!(f, "{one}{}/({})", over.join(" "), under.join(" ")),
        }
    }
}

/// Reads a unit from the left.
struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    /// Factors joined by a space, `*` or `/`.
    fn product(&mut self) -> Option<Unit> {
        let mut unit = Unit::default();
        let mut divide = false;
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.is_empty() || self.rest.starts_with(')') {
                return (!divide).then_some(unit);
            }
            let factor = self.factor()?;
            unit = if divide { unit.per(&factor) } else { unit.times(&factor) };
            self.rest = self.rest.trim_start();
            divide = self.rest.starts_with('/');
            if let Some(rest) = self.rest.strip_prefix(['/', '*']) {
                self.rest = rest;
            }
        }
    }

    /// A name or a bracket, with its power.
    fn factor(&mut self) -> Option<Unit> {
        let unit = if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            let unit = self.product()?;
            self.rest = self.rest.strip_prefix(')')?;
            unit
        } else {
            match self.take(|c| !c.is_whitespace() && !"*/()^".contains(c)) {
                "" => return None,
                "1" => Unit::default(),
                name => Unit(vec![(name.into(), 1.0)]),
            }
        };
        match self.rest.strip_prefix('^') {
            Some(rest) => {
                self.rest = rest;
                let power = self.take(|c| c.is_ascii_digit() || "+-.".contains(c)).parse().ok()?;
                Some(unit.power(power))
            }
            None => Some(unit),
        }
    }

    /// The longest start of what is left whose letters all pass.
    fn take(&mut self, pass: impl Fn(char) -> bool) -> &str {
        let end = self.rest.find(|c| !pass(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_written_as_they_are_read() {
        for text in ["", "eV", "A^2", "eV/A", "g/cm^3", "1/ps", "eV/(A ps)", "k_B", "A^0.5", "eV A"] {
            assert_eq!(Unit::parse(text).to_string(), text);
        }
    }

    #[test]
    fn products_and_powers_combine() {
        let product = |a: &str, b: &str| Unit::parse(a).times(&Unit::parse(b)).to_string();
        assert_eq!(product("eV/A", "A"), "eV");
        assert_eq!(product("A", "A^2"), "A^3");
        assert_eq!(product("1/ps", "ps"), "");
        assert_eq!(Unit::parse("eV").per(&Unit::parse("A^3")).to_string(), "eV/A^3");
        assert_eq!(Unit::parse("eV").per(&Unit::parse("eV")).to_string(), "");
        assert_eq!(Unit::parse("a.u. of (something").to_string(), "a.u. of (something");
    }
}
