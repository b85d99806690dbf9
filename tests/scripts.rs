//! Every bundled script is sound, and the main study runs from a melt to its figures.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::path::Path;
use std::process::{Command, Output};

fn vitric(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vitric")).args(arguments).current_dir(folder).output().unwrap()
}

#[test]
fn every_script_passes_the_check() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scripts: Vec<_> = std::fs::read_dir(root.join("scripts")).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(scripts.len(), 13, "nine figures, the whole study, the large glass, a campaign and a comparison");
    for script in scripts {
        let done = vitric(root, &["check", script.to_str().unwrap()]);
        assert!(done.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&done.stderr));
        // An option that is asked for twice shows only here.
        let help = vitric(root, &["run", script.to_str().unwrap(), "--help"]);
        let text = String::from_utf8_lossy(&help.stdout);
        assert!(help.status.success() && text.contains("usage: vitric run"), "{}: {text}", script.display());
    }
}

#[test]
fn parts_of_a_campaign_join_to_the_table_of_one_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let data = root.join("tests/data/artn/g1372b.data.gz");
    let save = format!(
        "read({data:?}, #{{ species: [\"Cu\", \"Zr\"] }}).minimize(#{{ force_tolerance: 1e-6 }}).save(\"g.extxyz\")"
    );
    let run = |arguments: &[&str]| {
        let done = vitric(folder.path(), arguments);
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    run(&["-e", &save]);
    let script = root.join("scripts/events.rhai");
    // Without far fields, which take most of the time.
    let cheap = "{\"free_radius\": 0, \"far_field_radius\": 0, \"whole_cell_share\": 1}";
    let campaign = |more: &[&str]| {
        let fixed = ["run", script.to_str().unwrap(), "--glass", "g.extxyz", "--atoms", "4", "--tries", "1"];
        run(&[&fixed, &["--options", cheap][..], more].concat())
    };
    let text = campaign(&["--output", "one"]);
    assert!(text.contains("force_evaluations") && text.contains("lost"), "{text}");
    for part in ["1/2", "2/2"] {
        campaign(&["--shard", part]);
    }
    campaign(&["--join", "2"]);
    let [one, joined] = ["one.parquet", "events.parquet"].map(|name| std::fs::read(folder.path().join(name)).unwrap());
    assert_eq!(one, joined);
    let wrong = vitric(folder.path(), &["run", script.to_str().unwrap(), "--shard", "three"]);
    let message = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && message.contains("--shard is the number of a part"), "{message}");
}

#[test]
fn the_study_leaves_glass_events_atoms_figures_and_summary_and_goes_on_where_it_was() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = root.join("scripts/structure_property.rhai");
    let folder = tempfile::tempdir().unwrap();
    let study = [
        "run",
        script.to_str().unwrap(),
        "--atoms",
        "250",
        "--rate",
        "1e14",
        "--anneal",
        "2",
        "--searched",
        "150",
        "--tries",
        "1",
        "--bin",
        "3",
        "--time",
        "2",
        "--seed",
        "3",
        "--output",
        "study",
    ];
    let done = vitric(folder.path(), &study);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let files = ["glass.extxyz", "events.parquet", "atoms.csv", "summary.txt", "correlations.svg", "coefficients.png"];
    for file in files {
        assert!(folder.path().join("study").join(file).is_file(), "{file} is missing");
    }
    let summary = std::fs::read_to_string(folder.path().join("study/summary.txt")).unwrap();
    for part in [
        "  seed: 3\n",
        "  rate: 1e14 K/s\n",
        "  anneal_time: 2.0 ps\n",
        "  glass: none\n",
        "Outcomes of the searches",
        "single atoms r_P",
        "xi ",
    ] {
        assert!(summary.contains(part), "the summary lacks `{part}`:\n{summary}");
    }
    let events = std::fs::read(folder.path().join("study/events.parquet")).unwrap();
    let structure = || std::fs::read(folder.path().join("study/structure.parquet")).unwrap();
    let before = structure();
    assert!(vitric(folder.path(), &study).status.success());
    assert_eq!(std::fs::read(folder.path().join("study/events.parquet")).unwrap(), events);
    assert_eq!(structure(), before);
    // A changed descriptor is computed again, and once only.
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    let changed = "fn coordination() { descriptor(\"coordination\", |glass| glass.positions[\"x\"]) }";
    std::fs::write(folder.path().join("mine/mine.rhai"), changed).unwrap();
    let with_mine = [&["--stdlib", "mine"], &study[..]].concat();
    let again = vitric(folder.path(), &with_mine);
    assert!(
        again.status.success() && String::from_utf8_lossy(&again.stderr).contains("structure.parquet is made again")
    );
    let after = structure();
    assert_ne!(after, before);
    assert!(!String::from_utf8_lossy(&vitric(folder.path(), &with_mine).stderr).contains("made again"));
    assert_eq!(structure(), after);
    let mut other = study;
    other[15] = "4";
    let refused = vitric(folder.path(), &other);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("made with other options"));
}
