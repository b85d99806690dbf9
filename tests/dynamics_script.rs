//! Dynamics and minimisation in scripts.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;
use common::{error, number, run};

const PACK: &str = "let glass = pack(\"Cu50Zr50\", #{ atoms: 300, seed: 1 });";

fn with_glass(script: &str) -> String {
    format!("{PACK} {script}")
}

#[test]
fn a_packing_is_relaxed_and_run() {
    let relaxed = "let r = glass.minimize(#{ force_tolerance: 0.01, cell: \"iso\" });";
    let energy = number(&with_glass(&format!("{relaxed} r.energy / r.atoms")));
    assert!(energy < -4.7 && energy > -5.0, "{energy}");
    let run =
        "let hot = r.md(nose_hoover(#{ temperature: 600 }), #{ time: 0.1*ps, frames: 0.02, log: 10*fs, seed: 2 });";
    let script = with_glass(&format!("{relaxed} {run} hot.trajectory.length + 0.001 * hot.temperature"));
    let found = number(&script);
    assert!(found > 6.1 && found < 7.0, "{found}");
}

#[test]
fn a_trajectory_is_a_list_of_glasses() {
    let run = "let t = glass.md(langevin(#{ temperature: 300 }), #{ time: 10*fs, frames: 2*fs, seed: 1 }).trajectory;";
    assert_eq!(
        number(&with_glass(&format!("{run} let n = 0; for f in t {{ n += f.atoms; }} n / t.len + t.len()"))),
        306.0
    );
    assert_eq!(number(&with_glass(&format!("{run} t[-1].positions[\"x\"][0] - t[5].positions[\"x\"][0]"))), 0.0);
}

#[test]
fn the_same_seed_gives_the_same_glass() {
    let energy = |seed| number(&format!("melt(\"Cu64Zr36\", #{{ atoms: 256, time: 10*fs, seed: {seed} }}).energy"));
    assert_eq!(energy(3), energy(3));
    assert_ne!(energy(3), energy(4));
}

#[test]
fn a_quench_ends_cold() {
    let script = with_glass(
        "let cold = glass.minimize(#{ force_tolerance: 0.1 })
            .md(langevin(#{ temperature: 900, damping: 0.05 }), #{ time: 0.3, seed: 1 })
            .quench(#{ from: 900*K, to: 0*K, damping: 0.03, rate: 1e15*K/second });
         cold.temperature",
    );
    assert!(number(&script) < 60.0);
}

#[test]
fn mistakes_are_named() {
    assert!(error(&with_glass("glass.minimize(#{ method: \"newton\" })")).contains("`method` must be one of"));
    assert!(error(&with_glass("glass.md(nve(), #{ time: 1*ps, seed: 1 })")).contains("no velocities"));
    assert!(error(&with_glass("glass.quench(#{ to: 0, rate: 1 })")).contains("not above `to`"));
    assert!(error(&with_glass("glass.quench(#{ to: 0, rat: 1 })")).contains("did you mean `rate`"));
    assert!(error(&with_glass("nose_hoover(#{ from: 300 })")).contains("`to` is needed"));
    assert!(error(&with_glass("glass.log")).contains("no log"));
    assert!(error("melt(\"Cu50Xx50\", #{ seed: 1 })").contains("unknown species Xx"));
    assert!(error("melt(\"Cu50Zr50\", #{ atoms: 30, seed: 1 })").contains("at least"));
    let nothing = run(&with_glass("glass.minimize(#{ max_evaluations: 3 }).atoms"));
    assert_eq!(nothing.as_int(), Ok(300));
}
