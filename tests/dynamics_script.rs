//! Dynamics and minimisation in scripts.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;
use common::{error, number, run};
use std::path::Path;
use std::process::Command;

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
    for ensemble in ["nose_hoover", "langevin", "parrinello_rahman"] {
        let message = error(&format!("{ensemble}(#{{ temperature: 300, to: 900 }})"));
        assert!(message.contains("give `temperature`, or `from` and `to`, not both"), "{message}");
        let message = error(&format!("{ensemble}()"));
        assert!(message.contains("the option `temperature` is needed"), "{message}");
    }
    assert!(error("melt(\"Cu50Zr50\", 5)").contains("melt: options go in #{ }"));
    assert!(error(&with_glass("glass.quench(#{ to: 0, rate: 1 })")).contains("not above `to`"));
    assert!(error(&with_glass("glass.quench(#{ to: 0, rat: 1 })")).contains("did you mean `rate`"));
    assert!(error(&with_glass("nose_hoover(#{ from: 300 })")).contains("`to` is needed"));
    assert!(error(&with_glass("glass.log")).contains("no log"));
    assert!(error("melt(\"Cu50Xx50\", #{ seed: 1 })").contains("unknown species Xx"));
    assert!(error("melt(\"Cu50Zr50\", #{ atoms: 30, seed: 1 })").contains("at least"));
    let none = error(&with_glass("glass.md(nve(), #{ time: 1e-5*ps })"));
    assert!(none.contains("`time` 1e-5 ps is less than half a time step"), "{none}");
    let folder = tempfile::tempdir().unwrap();
    let (code, _, err) = in_folder(folder.path(), &with_glass("glass.minimize(#{ max_evaluations: 3 })"));
    assert!(code == Some(0) && err.contains("minimize: not converged after"), "{err}");
}

/// Exit code, standard output and standard error of a script that runs in a folder.
fn in_folder(folder: &Path, script: &str) -> (Option<i32>, String, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_vitric")).args(["-e", script]).current_dir(folder).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

/// Files of a folder, in order.
fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A packing that a step of 20 fs makes explode, with the options that follow.
fn explosion(options: &str) -> String {
    with_glass(&format!(
        "glass.md(nve(#{{ temperature: 300 }}), #{{ time: 10*ps, time_step: 20*fs, log: 20*fs, seed: 1{options} }})"
    ))
}

#[test]
fn a_run_that_explodes_leaves_its_last_good_state() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (code, _, error) = in_folder(folder, &explosion(""));
    assert_eq!(code, Some(1));
    let message = error.lines().find(|l| l.starts_with("error: ")).unwrap();
    let number = |before: &str| -> f64 {
        let rest = message.split_once(before).unwrap_or_else(|| panic!("no `{before}` in {message}")).1;
        rest.split([' ', ';', ',']).next().unwrap().parse().unwrap()
    };
    let step = number("md: stopped at step ");
    assert!((number(" (") - 0.02 * step).abs() < 1e-9, "{message}");
    assert!(number("an atom moved ") > 0.5, "{message}");
    assert!(number("the largest force, ") > 1.0, "{message}");
    assert!((1.0..=300.0).contains(&number("eV/A, is on atom ")), "{message}");
    assert!((1.0..=300.0).contains(&number("the fastest atom is ")) && message.contains(" A/ps"), "{message}");
    assert_eq!(number("the last good state, step "), step - 1.0, "{message}");
    assert!(message.ends_with("is in md.last-good.extxyz"), "{message}");
    // The state is whole: it has its velocities, its potential and its history.
    let script = "let g = read(\"md.last-good.extxyz\");
        print(g.atoms); print(g.temperature > 0.0); print(g.history[-2]);
        print(g.minimize(#{ force_tolerance: 1 }).energy < g.energy);";
    let (_, out, _) = in_folder(folder, script);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines[0], lines[1], lines[3]), ("300", "true", "true"), "{out}");
    assert!(
        lines[2].starts_with("md(nve(") && lines[2].ends_with(&format!("the state of step {}", step - 1.0)),
        "{out}"
    );
    // Another run replaces no file.
    let (_, _, error) = in_folder(folder, &explosion(""));
    assert!(error.contains("is in md.last-good-2.extxyz"), "{error}");
    let (_, _, error) = in_folder(folder, &explosion(", store: \"run.store\""));
    assert!(error.contains("is in run.store.last-good.extxyz"), "{error}");
    assert_eq!(files(folder), ["md.last-good-2.extxyz", "md.last-good.extxyz", "run.store.last-good.extxyz"]);
    // A state that cannot be saved does not hide what happened.
    let (_, _, error) = in_folder(folder, &explosion(", store: \"no/such/run.store\""));
    assert!(error.contains("the trajectory explodes") && error.contains("could not be saved: no/such"), "{error}");
}

#[test]
fn a_run_that_explodes_can_give_its_last_good_state() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "let g = {{ {} }}; print(g.log.rows); g.minimize(#{{ max_evaluations: 5 }});",
        explosion(", on_failure: \"keep\"")
    );
    let (code, out, error) = in_folder(folder.path(), &script);
    assert!(code == Some(0) && error.contains("the trajectory explodes"), "{error}");
    assert!(out.trim().parse::<usize>().unwrap() > 1, "{out}");
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_cell_that_collapses_leaves_its_last_good_state() {
    let folder = tempfile::tempdir().unwrap();
    let script = with_glass(
        "let relaxed = glass.minimize(#{ force_tolerance: 0.1 });
         relaxed.md(parrinello_rahman(#{ temperature: 300, pressure: 3000*GPa, cell: \"iso\" }), #{ time: 5*ps, seed: 1 })",
    );
    let (code, _, error) = in_folder(folder.path(), &script);
    assert_eq!(code, Some(1));
    assert!(error.contains("md: stopped at step") && error.contains("cell"), "{error}");
    assert!(error.contains("is in md.last-good.extxyz"), "{error}");
    let (_, out, error) = in_folder(folder.path(), "print(read(\"md.last-good.extxyz\").energy < 0.0)");
    assert_eq!(out.trim(), "true", "{error}");
}

#[test]
fn minimisation_tells_its_evaluations() {
    let relaxed = "let r = glass.minimize(#{ force_tolerance: 0.01 });";
    let rows = number(&with_glass(&format!("{relaxed} r.log.rows")));
    let history = run(&with_glass(&format!("{relaxed} r.history[-1]"))).into_string().unwrap();
    assert!(history.starts_with("minimize(#{"), "{history}");
    assert!(history.ends_with(&format!("eV/A after {rows} evaluations")), "{history}");
    let last = number(&with_glass(&format!("{relaxed} r.log[\"largest_force\"][-1]")));
    assert!(last <= 0.01 && last > 0.0, "{last}");
    let way = number(&with_glass(&format!("{relaxed} let e = r.log[\"potential_energy\"]; (e[0] - e[-1]) * r.atoms")));
    let difference = number(&with_glass(&format!("{relaxed} glass.energy - r.energy")));
    assert!((way - difference).abs() < 1e-9 * difference, "{way} against {difference}");
}

#[test]
fn times_that_are_no_whole_steps_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let said = |options: &str| {
        let script = with_glass(&format!("glass.md(nve(#{{ temperature: 10 }}), #{{ seed: 1, {options} }})"));
        in_folder(folder.path(), &script).2
    };
    let error = said("time: 3*fs, log: 3*fs");
    assert!(error.contains("md: `time` is not a whole number of time steps: 2 are taken, 0.004000 ps"), "{error}");
    assert!(error.contains("md: `log`"), "{error}");
    assert_eq!(said("time: 40*fs, log: 4*fs, frames: 8*fs"), "");
}

#[test]
fn the_precision_is_chosen_and_recorded() {
    let script = |precision: &str| {
        with_glass(&format!(
            "let cold = glass.minimize(#{{ force_tolerance: 0.1 }});
             let conditions = #{{ temperature: 300, time: 0.2*ps, log: 0.1*ps, seed: 1, precision: {precision:?} }};
             let warm = cold.anneal(conditions);"
        ))
    };
    let energy = |precision| number(&(script(precision) + "warm.energy"));
    let (mixed, double) = (energy("mixed"), energy("double"));
    assert!(mixed != double && (mixed - double).abs() < 1e-2, "{mixed} {double}");
    assert!(run(&(script("mixed") + "warm.history[-1]")).to_string().contains("precision: mixed"));
    let wrong = error(&script("single"));
    assert!(wrong.contains("`precision` must be one of \"double\", \"mixed\""), "{wrong}");
}
