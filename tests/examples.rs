//! Every fast example in the help runs, after a line that makes a small glass.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use vitric::script::{Outcome, Session, Settings};

/// What every example may use: a crystal of 432 atoms in periodic displacements, with its potential.
const PRELUDE: &str = "let glass = read(\"glass.extxyz\");\n";

/// A B2 crystal with a small periodic displacement, so that forces, modes and neighbours are not degenerate.
fn write_glass(folder: &std::path::Path) {
    let (n, a) = (6, 3.2286);
    let mut text = format!(
        "{}\nLattice=\"{L} 0 0 0 {L} 0 0 0 {L}\" Properties=species:S:1:pos:R:3 pbc=\"T T T\"\n",
        2 * n * n * n,
        L = n as f64 * a
    );
    let mut phase = 0.0_f64;
    for k in 0..n * n * n {
        let corner = [k % n, k / n % n, k / n / n].map(|x| x as f64 * a);
        for (name, shift) in [("Cu", 0.0), ("Zr", 0.5 * a)] {
            text += name;
            for x in corner {
                phase = (phase * 1.7 + 0.9) % 6.3;
                text += &format!(" {}", x + shift + 0.08 * phase.sin());
            }
            text.push('\n');
        }
    }
    std::fs::write(folder.join("glass.extxyz"), text).unwrap();
}

#[test]
fn every_example_in_the_help_runs() {
    let folder = tempfile::tempdir().unwrap();
    write_glass(folder.path());
    // Examples write into the current folder; this file holds one test, so nothing else sees the change.
    std::env::set_current_dir(folder.path()).unwrap();
    let entries = Session::new(Settings::default()).unwrap().entries().to_vec();
    let mut failed = Vec::new();
    let mut count = 0;
    // The examples of Rhai's own functions are Rhai's.
    for entry in entries.iter().filter(|e| e.topic != "language") {
        for (code, fast) in entry.examples() {
            let mut session = Session::new(Settings::default()).unwrap();
            session.engine_mut().on_print(|_| ());
            let script = format!("{PRELUDE}{code}");
            let faults = session.check(&script, "example").unwrap_or_else(|report| vec![report]);
            let result = if fast && faults.is_empty() { session.run(&script, "example") } else { Ok(Outcome::Exit(0)) };
            let messages = faults.iter().map(|f| f.text.clone()).chain(result.err().map(|e| e.text));
            failed.extend(messages.map(|text| format!("{} ({}): {text}", entry.name, entry.topic)));
            count += 1;
        }
    }
    assert!(count > 100, "only {count} examples were found");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
