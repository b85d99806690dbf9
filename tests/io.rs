//! Files: what is written is read back, and every format of others is understood.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::io::Write;
use std::path::{Path, PathBuf};
use vitric::cell::{Cell, Tensor, Vector};
use vitric::configuration::{Configuration, Element};
use vitric::glass::trajectory::Frame as Snapshot;
use vitric::glass::{Glass, Trajectory};
use vitric::io::{self, ReadOptions};
use vitric::potential::Potential;
use vitric::table::read_table;
use vitric::units;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn file(folder: &tempfile::TempDir, name: &str, content: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn read(path: &Path) -> Glass {
    io::read(path, &ReadOptions::default()).unwrap()
}

fn cu_zr() -> Vec<Element> {
    let element = |name: &str, mass| Element { name: name.into(), mass };
    vec![element("Cu", 63.546), element("Zr", 91.224)]
}

/// Three moving atoms, one of them outside its cell.
fn sample(cell: Cell) -> Glass {
    let positions = [[1.0, 2.0, 0.1], [-0.3, 4.0, 5.5], [31.0, 7.0, 1.0 / 3.0]].map(Vector::from).to_vec();
    let mut configuration = Configuration::new(cell, cu_zr(), vec![0, 1, 0], positions).unwrap();
    configuration.velocities = [[0.1, -0.2, 0.3], [1e-3, 0.0, 2.0], [-1.0, 0.7, 0.0]].map(Vector::from).to_vec();
    let glass = Glass::new(configuration.clone(), None);
    glass.then(configuration.clone(), "melt(\"Cu2Zr\", seed 1)").then(configuration, "line\nbreak \\ end")
}

fn check_round_trip(name: &str, cell: Cell, tolerance: f64) {
    let folder = folder();
    let path = folder.path().join(name);
    let glass = sample(cell);
    io::write(&path, &glass).unwrap();
    let back = read(&path);
    let (a, b) = (glass.configuration(), back.configuration());
    assert_eq!(a.elements, b.elements, "{name}");
    assert_eq!(a.species, b.species, "{name}");
    assert!((a.cell.matrix() - b.cell.matrix()).norm() <= tolerance, "{name}");
    for atom in 0..3 {
        assert!((a.positions[atom] - b.positions[atom]).norm() <= tolerance, "{name}: position {atom}");
        assert!((a.velocities[atom] - b.velocities[atom]).norm() <= 1e-15, "{name}: velocity {atom}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a temporary file was left behind");
}

#[test]
fn what_is_written_is_read_back() {
    let tilted = || Cell::triclinic([10.0, 9.5, 9.0], [3.0, -2.0, 1.7]).unwrap();
    for name in ["a.extxyz", "a.xyz.gz", "a.dump", "a.dump.gz"] {
        check_round_trip(name, Cell::orthogonal(10.0, 9.5, 9.0).unwrap(), 0.0);
        check_round_trip(name, tilted(), 1e-14);
    }
    // Data files hold wrapped positions and image flags, so the last digit may change.
    check_round_trip("a.data", Cell::orthogonal(10.0, 9.5, 9.0).unwrap(), 1e-14);
    check_round_trip("a.data.gz", tilted(), 1e-14);
}

#[test]
fn a_cell_in_any_orientation_keeps_its_distances() {
    let tilted = Tensor::new(10.0, 1.0, 0.5, 0.3, 9.0, -0.8, -0.6, 0.2, 9.5);
    let folder = folder();
    let glass = sample(Cell::new(tilted).unwrap());
    for name in ["a.data", "a.dump"] {
        let path = folder.path().join(name);
        io::write(&path, &glass).unwrap();
        let (a, back) = (glass.configuration(), read(&path));
        let b = back.configuration();
        assert!((a.cell.volume() - b.cell.volume()).abs() < 1e-11);
        for (i, j) in [(0, 1), (0, 2), (1, 2)] {
            let distance = |c: &Configuration| (c.positions[i] - c.positions[j]).norm();
            assert!((distance(a) - distance(b)).abs() < 1e-13, "{name}");
            let speed = |c: &Configuration| c.velocities[i].dot(&c.velocities[j]);
            assert!((speed(a) - speed(b)).abs() < 1e-14, "{name}");
        }
    }
}

#[test]
fn extended_xyz_carries_history_and_any_order_of_columns() {
    let folder = folder();
    let path = folder.path().join("a.extxyz");
    io::write(&path, &sample(Cell::orthogonal(10.0, 10.0, 10.0).unwrap())).unwrap();
    let history = read(&path).history().to_vec();
    assert_eq!(history[..3], ["melt(\"Cu2Zr\", seed 1)", "line", "break \\ end"]);
    assert_eq!(history[3], "read(\"a.extxyz\")");

    let path = file(
        &folder,
        "b.xyz",
        "2\nProperties=id:I:1:pos:R:3:species:S:1:charge:R:1 energy=-3.5 Lattice=\"9 0 0  1 9 0  0 0 9\" pbc=\"T T T\"\n\
         2 1 2 3 Zr 0.5\n1 4 5 6 Cu 0.1\n",
    );
    let glass = read(&path);
    assert_eq!(glass.configuration().species, [0, 1], "atoms stand in the order of their numbers");
    assert_eq!(glass.configuration().positions[0], Vector::new(4.0, 5.0, 6.0));
    assert_eq!(glass.cell().matrix()[(0, 1)], 1.0, "the second edge vector leans along x");
    assert_eq!(glass.potential().unwrap().label(), "CuZr-2009");
}

#[test]
fn a_dump_may_be_scaled_wrapped_or_tilted_and_long() {
    let folder = folder();
    // The bounds enclose the tilted cell 10 x 9 x 8 with xy 3, xz -2, yz 1 and its corner at (1, 1, 1).
    let head =
        "ITEM: TIMESTEP\n7\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS xy xz yz pp pp pp\n-1 14 3\n1 11 -2\n1 9 1\n";
    let scaled = format!("{head}ITEM: ATOMS type id xs ys zs ix iy iz\n2 2 0.5 0.5 0.5 0 0 0\n1 1 0.25 0 0 1 0 -1\n");
    let path = file(&folder, "a", &format!("{scaled}{}", scaled.replace("0.25", "0.75").replace("\n7\n", "\n8\n")));
    let species = ["Cu", "Zr"].map(String::from).to_vec();
    let options = ReadOptions { species, ..ReadOptions::default() };
    let last = io::read(&path, &options).unwrap();
    let first = io::read(&path, &ReadOptions { frame: Some(0), ..options.clone() }).unwrap();
    let cell = last.cell();
    let expected = Cell::triclinic([10.0, 9.0, 8.0], [3.0, -2.0, 1.0]).unwrap();
    assert!((cell.matrix() - expected.matrix()).norm() < 1e-14);
    let at = |s: [f64; 3]| Vector::repeat(1.0) + expected.matrix() * Vector::from(s);
    assert!((first.configuration().positions[0] - at([1.25, 0.0, -1.0])).norm() < 1e-14);
    assert!((last.configuration().positions[0] - at([1.75, 0.0, -1.0])).norm() < 1e-14);
    assert_eq!(last.configuration().species, [0, 1]);
    assert_eq!(io::read_frames(&path).unwrap()[1].step, Some(8));
    let beyond = io::read(&path, &ReadOptions { frame: Some(2), ..options }).unwrap_err().to_string();
    assert!(beyond.ends_with("there is no frame 2; the file has 2, counted from 0"), "{beyond}");
}

#[test]
fn a_data_file_names_its_types_by_label_comment_mass_or_option() {
    let folder = folder();
    let body = "Atoms\n\n2 2 5 5 5\n1 1 1 2 3\n\nVelocities\n\n1 1 0 0\n2 0 2 0\n";
    let head = "made by hand\n\n2 atoms\n2 atom types\n0 10 xlo xhi\n0 10 ylo yhi\n0 10 zlo zhi\n\n";
    let check = |masses: &str, names: [&str; 2]| {
        let path = file(&folder, "a.data", &format!("{head}{masses}{body}"));
        let options = ReadOptions { potential: None, ..ReadOptions::default() };
        let glass = io::read(&path, &options).unwrap();
        let configuration = glass.configuration();
        let found: Vec<&str> = configuration.species.iter().map(|&k| configuration.elements[k].name.as_str()).collect();
        assert_eq!(found, names);
        assert!((configuration.velocities[1].y - 2.0 * units::TIME).abs() < 1e-18, "files are in angstrom/ps");
    };
    check("Masses\n\n1 63.546\n2 91.224\n\n", ["Cu", "Zr"]);
    check("Masses\n\n1 1.5 # Ni\n2 2.5 # P\n\n", ["Ni", "P"]);
    check("Atom Type Labels\n\n1 Zr\n2 Cu\n\nMasses\n\n1 91.224\n2 63.546\n\n", ["Zr", "Cu"]);

    let path = file(&folder, "b.data", &format!("{head}{body}"));
    let error = io::read(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.ends_with("the atom type 1 has no name; give #{ species: [\"Cu\", \"Zr\"] }"), "{error}");
    let species = vec!["Zr".into(), "Zr".into()];
    let glass = io::read(&path, &ReadOptions { species, ..ReadOptions::default() }).unwrap();
    assert_eq!(glass.configuration().species, [0, 0]);
    assert_eq!(glass.configuration().elements.len(), 1);
    let path = file(&folder, "c.data", &format!("{head}Masses\n\n1 91.224\n2 63.546\n\n{body}"));
    let species = vec!["Cu".into(), "Zr".into()];
    let error = io::read(&path, &ReadOptions { species, ..ReadOptions::default() }).unwrap_err().to_string();
    assert!(error.ends_with("the atom type 1 has the mass of Zr, but `species` lists Cu, Zr"), "{error}");
}

#[test]
fn a_data_file_may_number_its_atoms_as_it_likes() {
    let folder = folder();
    let head = "LAMMPS data file via write_data, version 29 Aug 2024, timestep = 0, units = metal\n\n2 atoms\n1 atom types\n\
                0 10 xlo xhi\n0 10 ylo yhi\n0 10 zlo zhi\n\nMasses\n\n1 63.546\n\n";
    let body = "Atoms # atomic\n\n389 1 5 5 5\n7 1 1 2 3 0 1 0\n\nVelocities\n\n7 1 0 0\n389 0 2 0\n";
    let glass = read(&file(&folder, "a.data", &format!("{head}{body}")));
    let configuration = glass.configuration();
    assert_eq!(configuration.positions, [Vector::new(1.0, 12.0, 3.0), Vector::new(5.0, 5.0, 5.0)]);
    assert!((configuration.velocities[1].y - 2.0 * units::TIME).abs() < 1e-18);

    let error =
        |text: String| io::read(&file(&folder, "b.data", &text), &ReadOptions::default()).unwrap_err().to_string();
    let ends = |text: String, end: &str| {
        let error = error(text);
        assert!(error.ends_with(end), "{error}");
    };
    ends(format!("{head}{body}").replace("= metal", "= real"), ", line 1: the units must be metal, found real");
    ends(format!("{head}{body}").replace("\n7 1 1", "\n389 1 1"), "the atom 389 is there twice");
    ends(format!("{head}{body}").replace("\n7 1 0 0", "\n8 1 0 0"), "there is no atom 8");
    ends(format!("{head}{body}").replace("2 atoms", "3 atoms"), "expected atom 3 of 3, found the end of the section");
    ends(format!("{head}{body}").replace("2 atoms", "1 atoms"), "are there more lines than the 1 atoms of the header?");
    ends(
        format!("{head}{body}").replace("1 atom types", "2 atom types"),
        "expected mass 2 of 2, found the end of the section",
    );
    ends(
        format!("{head}{body}").replace("0 10 xlo", "0 0 xlo").replace("\n0 10 zlo zhi", ""),
        "there is no line `zlo zhi`",
    );
    let (atoms, velocities) = body.split_at(body.find("Velocities").unwrap());
    ends(format!("{head}{velocities}\n{atoms}"), "the section Velocities must come after the section Atoms");
}

#[test]
fn momenta_of_extended_xyz_are_masses_times_velocities() {
    let folder = folder();
    let text = |columns: &str, more: &str| {
        let lattice = "Lattice=\"20 0 0 0 20 0 0 0 20\"";
        format!("1\n{lattice} Properties=species:S:1:pos:R:3:{columns}\nCu 0 0 0 1 2 3{more}\n")
    };
    let glass = read(&file(&folder, "a.xyz", &text("momenta:R:3", "")));
    // The unit of time of both programs is A (u/eV)^1/2.
    assert!((glass.configuration().velocities[0] * 63.546 - Vector::new(1.0, 2.0, 3.0)).norm() < 1e-14);
    let error = |text: String| {
        let path = file(&folder, "b.xyz", &text);
        io::read(&path, &ReadOptions::default()).unwrap_err().to_string()
    };
    assert!(error(text("vel:R:3", " 4")).ends_with("describes it has 7 fields; what is field 8, `4`?"));
    assert!(error(text("vel:R:2:c:R:1", "")).ends_with("Properties: vel must have 3 columns, found 2"));
}

#[test]
fn species_follow_the_potential_and_masses_the_file() {
    let folder = folder();
    let text = "2\nLattice=\"9 0 0 0 9 0 0 0 9\" Properties=species:S:1:pos:R:3:mass:R:1\nZr 1 2 3 90\nCu 4 5 6 60\n";
    let path = file(&folder, "a.xyz", text);
    let potential = Some(Potential::built_in("CuZr-2019").unwrap());
    let glass = io::read(&path, &ReadOptions { potential, ..ReadOptions::default() }).unwrap();
    let masses: Vec<f64> = glass.configuration().elements.iter().map(|e| e.mass).collect();
    assert_eq!(masses, [60.0, 90.0]);
    assert_eq!(glass.configuration().species, [1, 0]);
    assert_eq!(glass.potential().unwrap().label(), "CuZr-2019");
}

#[test]
fn a_glass_keeps_its_potential_in_files_that_can_name_it() {
    let folder = folder();
    let glass = sample(Cell::orthogonal(40.0, 40.0, 40.0).unwrap());
    let glass = glass.with_potential(Potential::built_in("CuZr-2019").unwrap());
    for name in ["a.extxyz", "a.data.gz"] {
        let path = folder.path().join(name);
        io::write(&path, &glass).unwrap();
        assert_eq!(read(&path).potential().unwrap().label(), "CuZr-2019", "{name}");
        let potential = Some(Potential::built_in("CuZr-2007").unwrap());
        let other = io::read(&path, &ReadOptions { potential, ..ReadOptions::default() }).unwrap();
        assert_eq!(other.potential().unwrap().label(), "CuZr-2007", "{name}: what the caller gives counts");
    }
    let lost = "2\nLattice=\"40 0 0 0 40 0 0 0 40\" potential=\"my.eam.fs\"\nCu 1 2 3\nZr 4 5 6\n";
    let path = file(&folder, "b.extxyz", lost);
    let error = io::read(&path, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("made with the potential my.eam.fs, which cannot be read"), "{error}");
}

#[test]
fn the_glass_of_the_program_is_a_minimum_with_the_energy_it_is_listed_with() {
    let glass = read(Path::new("Cu50Zr50-19652"));
    assert_eq!((glass.len(), glass.potential().unwrap().label()), (19652, "CuZr-2009"));
    // stdlib/glasses/README.md
    assert!((glass.energy().unwrap() / 19652.0 + 4.90862).abs() < 1e-5);
    assert!(glass.forces().unwrap().iter().all(|f| f.norm() < 1e-5));
    let error = io::read(Path::new("Cu50Zr50-1"), &ReadOptions::default()).unwrap_err().to_string();
    assert_eq!(error, "Cu50Zr50-1: no such file");
}

#[test]
fn the_events_of_the_program_are_those_of_its_glass() {
    let glass = read(Path::new("Cu50Zr50-19652"));
    let events = read_table("Cu50Zr50-19652-events").unwrap();
    let numbers = |name: &str| events.column(name).unwrap().numbers().unwrap();
    let (species, outcomes) = (events.column("species").unwrap(), events.column("outcome").unwrap());
    let (species, outcomes) = (species.texts().unwrap(), outcomes.texts().unwrap());
    let configuration = glass.configuration();
    for (atom, species) in numbers("atom").into_iter().zip(species) {
        assert_eq!(configuration.elements[configuration.species[atom as usize - 1]].name, *species, "atom {atom}");
    }
    let connected: Vec<usize> = (0..outcomes.len()).filter(|&k| outcomes[k] == "connected").collect();
    // stdlib/glasses/README.md
    assert_eq!((outcomes.len(), connected.len()), (10_000, 5742));
    let [barrier, end, first, second, force, back] =
        ["barrier", "final_energy", "eigenvalue", "second_eigenvalue", "residual_force", "return_distance"]
            .map(numbers);
    // All atoms have answered to most events, until none feels more than `refined_force_tolerance`; where the barrier is low little
    // moves, and most have hardly a far field (`free_limit`).
    let high: Vec<usize> = connected.iter().copied().filter(|&k| barrier[k] > 0.2).collect();
    assert!(5 * high.iter().filter(|&&k| force[k] <= 3e-3).count() > 4 * high.len());
    for k in connected {
        // The force at which the paper calls a saddle converged, on any atom of the glass.
        assert!(barrier[k] > 0.0 && end[k] < barrier[k] && force[k] <= 0.05, "row {k}");
        assert!(first[k] < 0.0 && second[k] > 0.0 && back[k] < 0.1, "row {k}");
    }
    assert_eq!(events.unit("barrier").unwrap(), "eV");
}

#[test]
fn the_frames_of_a_trajectory_keep_their_times() {
    let folder = folder();
    let start = sample(Cell::orthogonal(10.0, 10.0, 10.0).unwrap()).configuration().clone();
    let mut trajectory = Trajectory::new(&start);
    for time in [0.0, 0.004, 0.012] {
        trajectory.push(time, Snapshot { cell: start.cell.clone(), positions: start.positions.clone() });
    }
    for name in ["a.extxyz", "a.dump.gz"] {
        let path = folder.path().join(name);
        io::write_trajectory(&path, &trajectory, None).unwrap();
        let (_, back) = io::read_trajectory(&path, &ReadOptions::default(), 1.0).unwrap();
        assert_eq!(back.times, [0.0, 0.004, 0.012], "{name}");
    }
}

#[test]
fn the_frames_of_a_trajectory_name_their_potential() {
    let folder = folder();
    let start = sample(Cell::orthogonal(10.0, 10.0, 10.0).unwrap()).configuration().clone();
    let mut trajectory = Trajectory::new(&start);
    trajectory.push(0.0, Snapshot { cell: start.cell.clone(), positions: start.positions.clone() });
    let path = folder.path().join("a.extxyz");
    let potential = Potential::built_in("CuZr-2019").unwrap();
    io::write_trajectory(&path, &trajectory, Some(&potential)).unwrap();
    let glass = io::read(&path, &ReadOptions::default()).unwrap();
    assert_eq!(glass.potential().unwrap().label(), "CuZr-2019");
}

#[test]
fn atoms_that_a_dump_puts_back_into_the_cell_are_followed() {
    let folder = folder();
    let path = folder.path().join("a.dump");
    let frame = |step: usize, x: f64, columns: &str| {
        format!(
            "ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n\
             ITEM: ATOMS id element {columns}\n1 Cu {x} 0 0\n2 Zr 4 2 3\n"
        )
    };
    let last = |columns: &str| {
        let steps = [0.5, 8.5, 7.0, 4.0].into_iter().enumerate();
        std::fs::write(&path, steps.map(|(k, x)| frame(k, x, columns)).collect::<String>()).unwrap();
        io::read_trajectory(&path, &ReadOptions::default(), 1.0).unwrap().1.frames[3].positions[0].x
    };
    assert!((last("x y z") + 5.0).abs() < 1e-9, "{}", last("x y z"));
    assert_eq!(last("xu yu zu"), 4.0);
}

#[test]
fn species_that_are_not_those_of_the_file_are_an_error() {
    let folder = folder();
    let path = folder.path().join("a.data");
    io::write(&path, &sample(Cell::orthogonal(10.0, 10.0, 10.0).unwrap())).unwrap();
    let species = vec!["A".into(), "B".into()];
    let error = io::read(&path, &ReadOptions { species, ..ReadOptions::default() }).unwrap_err().to_string();
    assert!(error.ends_with("the file calls the atom type 1 Cu, `species` lists A, B"), "{error}");
}

#[test]
fn compression_is_found_from_the_content() {
    let folder = folder();
    let path = folder.path().join("plain-name.data");
    let mut encoder = flate2::write::GzEncoder::new(std::fs::File::create(&path).unwrap(), flate2::Compression::fast());
    encoder.write_all(b"1\nLattice=\"9 0 0 0 9 0 0 0 9\"\nCu 0 0 0\n").unwrap();
    encoder.finish().unwrap();
    assert_eq!(read(&path).len(), 1);
}
