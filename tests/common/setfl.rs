//! Tables of a potential.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fmt::Write;
use vitric::potential::Potential;

/// Cutoff of the tables [A].
pub const CUTOFF: f64 = 7.6;

/// A setfl file of a potential; densities of pairs as in `.eam.fs`, or those at the first species as in `.eam.alloy`.
pub fn setfl(potential: &Potential, of_pairs: bool, count: usize) -> String {
    let n = potential.elements().len();
    let (dr, drho) = (CUTOFF / count as f64, 150.0 / count as f64);
    let mut text = String::from("one\ntwo\nthree\n");
    let names: Vec<&str> = potential.elements().iter().map(|e| e.name.as_str()).collect();
    writeln!(text, "{n} {}\n{count} {drho:.15e} {count} {dr:.15e} {CUTOFF}", names.join(" ")).unwrap();
    let table = |text: &mut String, f: &dyn Fn(f64) -> f64, step: f64| {
        for (k, line) in (0..count).collect::<Vec<_>>().chunks(5).enumerate() {
            let line: Vec<String> = line.iter().map(|&k| format!("{:.14e}", f(k as f64 * step))).collect();
            writeln!(text, "{}{}", if k % 2 == 0 { " " } else { "" }, line.join("  ")).unwrap();
        }
    };
    for (b, element) in potential.elements().iter().enumerate() {
        writeln!(text, "29 {} 3.6 fcc", element.mass).unwrap();
        table(&mut text, &|rho| potential.embedding(b).evaluate(rho)[0], drho);
        // The block of a species holds what it adds at others.
        for a in 0..if of_pairs { n } else { 1 } {
            table(&mut text, &|r| potential.density(a, b).evaluate(r)[0], dr);
        }
    }
    for a in 0..n {
        for b in 0..=a {
            let phi = |r: f64| if r < 0.5 { 1e12 } else { r * potential.pair(a, b).evaluate(r)[0] };
            table(&mut text, &phi, dr);
        }
    }
    text
}
