//! The language: units, options, errors, the command line.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod common;
use assert_cmd::Command;
use common::{error, number, run};

fn vitric() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitric"));
    command.env_remove("VITRIC_STDLIB");
    command
}

/// The text on standard error of code that must fail.
fn said(code: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (exit, _, err) = called(&folder, &["-e", code]);
    assert_eq!(exit, 1, "{code}: {err}");
    err
}

/// Exit code, standard output and standard error.
fn called(folder: &tempfile::TempDir, words: &[&str]) -> (i32, String, String) {
    let output = vitric().current_dir(folder).args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn folder_with(name: &str, content: impl AsRef<[u8]>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), content).unwrap();
    folder
}

#[test]
fn units_multiply_and_are_seen_in_functions_and_closures() {
    assert_eq!(number("1e12*K/second"), 1.0);
    assert_eq!(number("fn f() { 2*fs } f()"), 2e-3);
    assert!((number("160.2176634*GPa") - 1.0).abs() < 1e-12);
    assert_eq!(number("let f = |x| [x].map(|y| 2*fs * y)[0]; f.call(3)"), 6e-3);
    assert_eq!(number("let fs = 3.0; let f = |x| x * fs; f.call(2)"), 6.0);
}

#[test]
fn unknown_names_are_errors_with_a_suggestion() {
    let probe = "fn probe(options) { defaults(options, #{ rate: 1.0, to: required }).rate }";
    assert_eq!(error(&format!("{probe} probe(#{{ to: 1, rat: 2 }})")), "probe: no option `rat`; did you mean `rate`?");
    assert_eq!(error(&format!("{probe} probe()")), "probe: the option `to` is needed");
    assert_eq!(number(&format!("{probe} probe(#{{ to: 1, rate: 3 }})")), 3.0);
    assert_eq!(
        error(&format!("{probe} probe(#{{ to: 1, rate: \"x\" }})")),
        "probe: `rate` must be a number, found \"x\""
    );
    assert_eq!(error("let cutoff = 1; cutof + 1"), "no variable `cutof`; did you mean `cutoff`?");
    assert_eq!(error("potentail(\"x\")"), "no function `potentail`; did you mean `potential`?");
    assert_eq!(error("potential(\"CuZr-2009\").cutof"), "a Potential has no property `cutof`; did you mean `cutoff`?");
    assert_eq!(error("let m = #{ a: 1 }; m.b"), "the map has no `b`");
    assert_eq!(error("potential + 1"), "`potential` is a function: write potential(...)");
    assert!(error("potential(3)").starts_with("potential: cannot be called with (integer); there is potential(name)"));
}

#[test]
fn closures_of_the_standard_library_and_of_the_script_work_everywhere() {
    let folder = folder_with("s.rhai", "print([1, 2].map(times())); print(times(#{ a: 3 }).call(1));");
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    let library = "/// Times a.\nfn times(options) { let o = defaults(options, #{ a: 2.0 }); |x| x * o.a }";
    std::fs::write(folder.path().join("mine/mine.rhai"), library).unwrap();
    let (code, out, err) = called(&folder, &["--stdlib", "mine", "s.rhai"]);
    assert_eq!((code, out.as_str(), err.as_str()), (0, "[2.0, 4.0]\n3.0\n", ""));
}

#[test]
fn an_error_shows_line_caret_and_chain_of_calls() {
    let script =
        "// A study.\nfn inner(x) {\n    potential(x)\n}\nfn outer(x) { inner(x) }\nlet name = \"Cu\";\nouter(name);\n";
    let folder = folder_with("s.rhai", script);
    let (code, out, err) = called(&folder, &["run", "s.rhai"]);
    assert_eq!((code, out.as_str()), (1, ""));
    let place = "  --> s.rhai:3:5\n  |\n3 |     potential(x)\n  |     ^^^^^^^^^\n  `inner` called at s.rhai:5\n  \
                 `outer` called at s.rhai:7\n";
    assert!(err.starts_with("error: potential: ") && err.ends_with(place), "{err}");
}

#[test]
fn a_named_function_does_not_see_the_variables_of_the_script() {
    let message = "`unit` is not known here: a named function sees only its arguments and the constants";
    assert_eq!(error("fn f(x) { x + unit } let unit = 1; f(1)"), message);
}

#[test]
fn an_error_about_an_option_points_at_it() {
    let folder = folder_with("s.rhai", "let g = read(\"x\", #{\n    frame: 1.5,\n});\n");
    let (code, _, err) = called(&folder, &["s.rhai"]);
    assert_eq!(code, 1);
    assert!(err.ends_with("  --> s.rhai:2:5\n  |\n2 |     frame: 1.5,\n  |     ^^^^^\n"), "{err}");
}

#[test]
fn first_mistakes_get_a_hint() {
    for (code, message) in [
        ("let t = 2000K;", "error: a unit is multiplied: write 2000*K instead of 2000K\n"),
        ("melt(\"Cu50Zr50\", atoms = 500)", "error: no variable `atoms`; options are given as #{ atoms: ... }\n"),
        (
            "let r = 1; print(exp(-r**2 / 2))",
            "error: -x**2 would be (-x)**2 here; write -(x**2), or (-x)**2 where that is meant\n",
        ),
        ("print(-f(2).a[0]**2)", "error: -x**2 would be"),
        ("print(1 + -2.0**2)", "error: -x**2 would be"),
        (
            "let a = [1]; a.map(|x| x + a.len())",
            "error: the closure given to `map` uses `a`, on which `map` is called;",
        ),
        ("let m = #{ b: [1] }; m.b.map(|x| [x, m.b])", "error: the closure given to `map` uses `m`"),
        ("melt(\"Cu50Zr50\", 500)", "error: melt: options go in #{ }, such as #{ name: value }, found 500\n"),
    ] {
        let folder = folder_with("s.rhai", code);
        let (_, _, err) = called(&folder, &["s.rhai"]);
        assert!(err.starts_with(message), "{err}");
    }
}

#[test]
fn what_looks_like_a_mistake_and_is_none_works() {
    for (code, printed) in [
        ("let r = 3; print([(-r)**2, 1 - r**2, -(r**2), 2**(-r + 4), -r])", "[9, -8, -9, 2, -3]\n"),
        ("let a = [1, 2]; print(a.map(|x| { let a = 3; x + a })); print([3].map(|x| x + a.len()))", "[4, 5]\n[5]\n"),
        ("let a = [1, 2]; print(a[[1].map(|x| a.len() - x)[0]])", "2\n"),
        ("let a = [1, 2]; print([a.map(|x| x + 1).len(), 3].map(|x| x + a.len()))", "[4, 5]\n"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (exit, out, err) = called(&folder, &["-e", code]);
        assert_eq!((exit, out.as_str(), err.as_str()), (0, printed, ""), "{code}");
    }
}

#[test]
fn a_definition_is_printed_changed_and_used() {
    let folder = folder_with(
        "s.rhai",
        "print(coordination(#{ cutoff: 3 }));\nhelp(twice);\n/// Two times.\nfn twice(x) { 2 * x }\n",
    );
    let (code, text, _) = called(&folder, &["doc", "--source", "coordination"]);
    assert!(code == 0 && text.contains("\nfn coordination(options) {\n") && text.ends_with("}\n"), "{text}");
    std::fs::create_dir(folder.path().join("mine")).unwrap();
    std::fs::write(folder.path().join("mine/other.rhai"), "fn coordination(options) { \"mine\" }\n").unwrap();
    let (_, out, err) = called(&folder, &["--stdlib", "mine", "s.rhai"]);
    assert_eq!(out, "mine\ntwice(x)\n    Two times.\n", "{err}");
    let (_, out, _) = called(&folder, &["s.rhai"]);
    assert!(out.starts_with("Descriptor coordination\n"), "{out}");
    let (code, _, err) = called(&folder, &["doc", "--source", "artn"]);
    assert!(code != 0 && err.contains("not written in Rhai"), "{err}");
    let (code, out, _) = called(&folder, &["run", "--help"]);
    assert!(code == 0 && out.contains("Usage: vitric run"), "{out}");
}

const STUDY: &str = "#!/usr/bin/env vitric\n// Cools nothing.\nlet rate = arg(\"rate\", 1e13*K/K, \"cooling rate\");\n\
    let atoms = arg(\"atoms\", 10, \"number of atoms\");\nlet scale = arg(\"scale\", \"small\", \"small or paper\");\n\
    let folder = output_folder(arg(\"output\", \"results\", \"folder for results\"));\n\
    print(`${rate} ${atoms} ${scale}`);\nwrite_text(folder + \"/a.txt\", \"x\");\n";

#[test]
fn a_script_has_options_and_help() {
    let folder = folder_with("s.rhai", STUDY);
    let (code, out, _) = called(&folder, &["run", "s.rhai", "--help"]);
    assert_eq!(code, 0);
    assert!(out.starts_with("Cools nothing.\n\nusage: vitric run s.rhai [OPTIONS]\n"), "{out}");
    for line in
        ["--rate       cooling rate [1e13*K/K]", "--overwrite  write into", "--scale      small or paper [small]"]
    {
        assert!(out.contains(line), "{line}: {out}");
    }
    assert!(!folder.path().join("results").exists(), "--help ran the script");
    let (code, out, _) = called(&folder, &["s.rhai", "--rate", "1e12", "--atoms=4e3", "--scale", "paper"]);
    assert_eq!((code, out.as_str()), (0, "1000000000000.0 4000 paper\n"));
}

#[test]
fn a_wrong_command_line_is_said_before_any_work() {
    let folder = folder_with("s.rhai", STUDY);
    for (words, message) in [
        (vec!["--rat", "1"], "error: s.rhai: no option --rat; did you mean --rate?\n"),
        (vec!["--rate"], "error: s.rhai: --rate needs a value\n"),
        (vec!["more"], "error: s.rhai: unexpected argument `more`; --help lists the options\n"),
        (vec!["--atoms", "1.5"], "error: --atoms: expected a whole number, found `1.5`\n"),
    ] {
        let (code, _, err) = called(&folder, &[&["s.rhai"], &words[..]].concat());
        assert_eq!((code, err.as_str()), (2, message));
        assert!(!folder.path().join("results").exists());
    }
    assert_eq!(called(&folder, &["--nothing"]).0, 2);
}

#[test]
fn an_existing_output_folder_is_kept() {
    let folder = folder_with("s.rhai", STUDY);
    std::fs::create_dir(folder.path().join("results")).unwrap();
    std::fs::write(folder.path().join("results/old"), "precious").unwrap();
    let (code, _, err) = called(&folder, &["s.rhai"]);
    assert_eq!(code, 1);
    assert!(err.starts_with(
        "error: output_folder: results exists and is not empty; choose another name, or give --overwrite\n"
    ));
    assert!(!folder.path().join("results/a.txt").exists());
    assert_eq!(called(&folder, &["s.rhai", "--overwrite"]).0, 0);
    assert!(folder.path().join("results/old").exists());
}

#[test]
fn scripts_that_are_missing_cut_short_or_binary() {
    let folder = folder_with("cut.rhai", "let x = 1;\nprint(\"abc");
    std::fs::write(folder.path().join("open.rhai"), "fn f() {\n  let x = 1;\n").unwrap();
    std::fs::write(folder.path().join("binary.rhai"), b"let x = 1;\n\xff\xfe").unwrap();
    for (name, message) in [
        ("none.rhai", "error: none.rhai: no such file\n"),
        ("binary.rhai", "error: binary.rhai: line 2 is not UTF-8 text; is this a script?\n"),
        ("cut.rhai", "error: Open string is not terminated\n  --> cut.rhai:2:7\n"),
        ("open.rhai", "error: Expecting '}'"),
    ] {
        let (code, _, err) = called(&folder, &[name]);
        assert_eq!(code, 1);
        assert!(err.starts_with(message), "{name}: {err}");
    }
}

#[test]
fn check_finds_unknown_functions_and_options_without_running() {
    let script = "write_text(\"ran\", \"\");\nlet g = raed(\"x\");\nlet h = read(\"x\", #{ spices: 1 });\n\
        fn f(options) { let o = defaults(options, #{ a: 1, bcd: 2 }); o.a }\nf(#{ bce: 2 });\nf(1, 2, 3);\n\
        let m = #{ act: |x| x };\nm.act(1);\n[1, 2].map(|x| x + 1).filter(|x| x > 1);\nh.save();\nprint(format(1.0, 2));\n\
        let o = #{ depth: 1 };\no.width = 2;\nprint(o.depth + o.width + h.volume + [1].len);\nprint(h.enegy + h.minimize + h.cell.withds);\n";
    let folder = folder_with("s.rhai", script);
    let (code, _, err) = called(&folder, &["check", "s.rhai"]);
    let found: Vec<&str> = err.lines().filter(|l| l.starts_with("error") || l.contains("-->")).collect();
    assert_eq!(
        found,
        [
            "error: no function `raed`; did you mean `read`?",
            "  --> s.rhai:2:9",
            "error: read: no option `spices`; did you mean `species`?",
            "  --> s.rhai:3:22",
            "error: f: no option `bce`; did you mean `bcd`?",
            "  --> s.rhai:5:6",
            "error: f: cannot be called with 3 arguments",
            "  --> s.rhai:6:1",
            "error: save: cannot be called with 0 arguments; there is glass.save(path), trajectory.save(path), \
             table.save(path), figure.save(path)",
            "  --> s.rhai:10:3",
            "error: nothing has a property `enegy`; did you mean `energy`?",
            "  --> s.rhai:15:9",
            "error: `minimize` is a method: write .minimize()",
            "  --> s.rhai:15:19",
            "error: nothing has a property `withds`; did you mean `widths`?",
            "  --> s.rhai:15:37",
        ]
    );
    assert_eq!(code, 1);
    assert!(!folder.path().join("ran").exists());
}

#[test]
fn code_help_and_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(called(&folder, &["-e", "print(1 + 1)"]), (0, "2\n".into(), String::new()));
    assert_eq!(called(&folder, &["-e", "fn f() { exit(3) } f(); print(1)"]).0, 3);
    assert!(called(&folder, &["doc", "potential"]).1.starts_with("potential(name)\n    A potential: built in by name"));
    assert!(called(&folder, &["doc"]).1.contains("\nunits\n    K eV"));
    assert_eq!(called(&folder, &["-e", "help(read)"]).1, called(&folder, &["doc", "read"]).1);
    assert!(called(&folder, &["-e", "help()"]).1.contains("\nglass\n"));
    let (code, _, err) = called(&folder, &["doc", "potentail"]);
    assert_eq!((code, err.as_str()), (1, "error: help: nothing is called `potentail`; did you mean `potential`?\n"));
}

#[test]
fn ctrl_c_ends_a_script_with_130() {
    let folder = folder_with("s.rhai", "print(\"begin\"); let n = 0; loop { n += 1; }");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_vitric"))
        .arg(folder.path().join("s.rhai"))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line).unwrap();
    let id = child.id().to_string();
    std::process::Command::new("kill").args(["-INT", &id]).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn seeds_are_whole_numbers_and_a_missing_one_is_chosen_and_said() {
    assert_eq!(
        error("pack(\"Cu50Zr50\", #{ atoms: 100, seed: \"one\" })"),
        "pack: `seed` must be a whole number, zero or above, found \"one\""
    );
    assert_eq!(
        error("pack(\"Cu50Zr50\", #{ atoms: 100, seed: -1 })"),
        "pack: `seed` must be a whole number, zero or above, found -1"
    );
    let folder = tempfile::tempdir().unwrap();
    let (_, out, err) = called(&folder, &["-e", "print(pack(\"Cu50Zr50\", #{ atoms: 600 }).history[0])"]);
    let seed = err.trim().strip_prefix("pack: chose seed: ").unwrap();
    assert!(seed.parse::<u64>().is_ok() && out.contains(&format!("seed: {seed}")), "{out}{err}");
}

#[test]
fn glasses_tell_what_they_are() {
    let glass = "let g = pack(\"Cu50Zr50\", #{ atoms: 600, seed: 1 });";
    assert_eq!(number(&format!("{glass} g.atoms")), 600.0);
    assert_eq!(run(&format!("{glass} g.species_names.to_string()")).into_string().unwrap(), "[\"Cu\", \"Zr\"]");
    let each = number(&format!("{glass} g.atom_energies().sum()"));
    let whole = number(&format!("{glass} g.energy"));
    assert!((each - whole).abs() < 1e-8 * whole.abs());
    let net = number(&format!("{glass} g.forces()[\"x\"].sum()"));
    let size = number(&format!("{glass} g.forces()[\"x\"].max()"));
    assert!(net.abs() < 1e-9 * size, "{net} {size}");
    assert_eq!(number(&format!("{glass} g.number_density(\"Cu\") * g.volume")).round(), 300.0);
    let pressure = number(&format!("{glass} let s = g.stress(); s.pressure + (s.xx + s[1][1] + s.zz) / 3.0"));
    assert!(pressure.abs() < 1e-10);
    assert!(error(&format!("{glass} g.count(\"Ni\")")).contains("the glass has no species Ni; it has Cu, Zr"));
}

#[test]
fn closures_see_units_and_variables_of_the_same_name_go_first() {
    assert_eq!(number("[1.0, 2.0].map(|x| x * nm)[1]"), 20.0);
    assert_eq!(number("fn f() { [2.0].map(|x| { let y = x * nm; y / angstrom })[0] } f()"), 20.0);
    assert_eq!(number("let nm = 3.0; [2.0].map(|x| x * nm)[0]"), 6.0);
    assert_eq!(number("[2.0].map(|nm| nm * nm)[0]"), 4.0);
}

#[test]
fn a_closure_that_runs_slowly_says_why_and_where() {
    let folder = tempfile::tempdir().unwrap();
    let glass = "tests/data/structure/config.extxyz.gz";
    std::fs::copy(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(glass), folder.path().join("g.gz")).unwrap();
    let sum = |closure: &str| {
        let code = format!("let g = read(\"g.gz\");\nprint(g.sum_neighbors({closure}, #{{ cutoff: 3.0 }})[0] > 0.0)");
        called(&folder, &["-e", &code])
    };
    assert_eq!(sum("|r| { let x = r * r; x / 2 }"), (0, "true\n".into(), String::new()));
    let (code, out, err) = sum("|r| { let x = [r, 2.0]; x[0] }");
    assert_eq!((code, out.as_str()), (0, "true\n"));
    assert_eq!(err, "sum_neighbors: the closure runs pair by pair, slowly, because of a list (line 2, position 37)\n");
}

#[test]
fn a_call_without_options_shows_its_place_when_it_fails() {
    for (code, place) in [
        ("let g = read(\"nofile\");", "  --> -e:1:9\n"),
        ("let p =\n  lennard_jones();", "  --> -e:2:3\n"),
        ("let g = pack(\"Cu50Zr50\", #{ atoms: 600, seed: 1 });\ng.quench();", "  --> -e:2:3\n"),
        (
            "const g = pack(\"Cu50Zr50\", #{ atoms: 600, seed: 1 });\ng.radial_distribution().peaks().sort(\"x\");",
            "  --> -e:2:",
        ),
        ("fn f(options) { defaults(options, #{ a: required }).a }\nf();", "  --> -e:1:38\n"),
    ] {
        assert!(said(code).contains(place), "{}", said(code));
    }
    assert!(
        said("pack(\"Cu50Zr50\", #{ atoms: 600, seed: 1 }).quench()")
            .starts_with("error: quench: the option `rate` is needed\n")
    );
    assert!(number("let t = 0; try { read(\"nofile\"); } catch (e) { t = e.len; } t") > 10.0);
}

#[test]
fn functions_take_whole_numbers() {
    for (code, expected) in [
        ("sqrt(4)", 2.0),
        ("exp(0) + ln(1) + log(100) + log10(1000) + log10(10.0)", 7.0),
        ("log(8, 2) + log(8.0, 2) + log(8, 2.0)", 9.0),
        ("sin(0) + cos(0) + tan(0) + tanh(0) + atan(0) + atan(0, 1)", 1.0),
        ("hypot(3, 4) + round(2) + floor(3) + ceil(2.1)", 13.0),
        ("xlogx(0) + xlogx(1) + xlogx(1.0)", 0.0),
        ("column(\"x\", [1, 2, 3]).quantile(1)", 3.0),
        ("mean([1, 2]) + [1.5, 2.5].sum() + [3, 1].max() + min([3, 1])", 9.5),
    ] {
        assert!((number(code) - expected).abs() < 1e-12, "{code}");
    }
    assert_eq!(error("column(\"x\", [1.0]).quantile(2)"), "quantile: the fraction must be between 0 and 1, found 2");
}

#[test]
fn the_command_line_has_switches_lists_units_and_needed_options() {
    let script = "let fast = arg(\"fast\", false, \"hurry\");\nlet rate = arg(\"rate\", 1.0, \"rate\");\n\
        let list = arg(\"list\", [1, 2], \"numbers\");\nlet big = arg(\"scale\", \"small\", \"size\", [\"small\", \"paper\"]) == \"paper\";\n\
        let atoms = arg(\"atoms\", if big { 19652 } else { 1000 }, \"atoms; all\");\n\
        let must = arg(\"must\", required, \"a file\");\nprint(`${fast} ${rate} ${list} ${atoms} ${must} ${arguments()}`);\n";
    let folder = folder_with("s.rhai", script);
    for (words, expected) in [
        (&["--must", "f"][..], "false 1.0 [1, 2] 1000 f []\n"),
        (&["--fast", "false", "--must", "3"], "false 1.0 [1, 2] 1000 3 []\n"),
        (&["a", "--fast", "b", "--must=x"], "true 1.0 [1, 2] 1000 x [\"a\", \"b\"]\n"),
        (&["--rate", "1e14*K/second", "--list", "3,4", "--must", "f"], "false 100.0 [3, 4] 1000 f []\n"),
        (&["--rate", "(1 + 1/2)*ns", "--scale", "paper", "--must", "f"], "false 1500.0 [1, 2] 19652 f []\n"),
        (&["--rate=-2", "--must", "f"], "false -2.0 [1, 2] 1000 f []\n"),
    ] {
        let (code, out, err) = called(&folder, &[&["s.rhai"], words].concat());
        assert_eq!((code, out.as_str(), err.as_str()), (0, expected, ""));
    }
    for (words, message) in [
        (&[][..], "error: s.rhai: --must is needed: a file\n"),
        (
            &["--must", "f", "--scale", "papr"],
            "error: s.rhai: --scale: expected small or paper, found `papr`; did you mean `paper`?\n",
        ),
        (&["--must", "--fast"], "error: s.rhai: --must needs a value\n"),
        (&["--must", "f", "--rate", "exit(3)"], "error: --rate: expected a number, found `exit(3)`\n"),
        (&["--must", "f", "--list", "3,x"], "error: --list: expected a whole number, found `x`\n"),
    ] {
        let (code, _, err) = called(&folder, &[&["s.rhai"], words].concat());
        assert_eq!((code, err.as_str()), (2, message));
    }
    let (_, out, _) = called(&folder, &["s.rhai", "--help"]);
    for line in
        ["--atoms  atoms; all [1000]", "--list   numbers [[1, 2]]", "--must   a file (needed)", "--fast   hurry\n"]
    {
        assert!(out.contains(line), "{line}: {out}");
    }
    assert!(called(&folder, &["s.rhai", "--scale", "paper", "--help"]).1.contains("atoms; all [19652]"));
    let folder = folder_with("s.rhai", "let a = arg(\"a\", 1, \"one\");\nlet b = arg(\"a\", 2, \"two\");\n");
    let (code, _, err) = called(&folder, &["s.rhai"]);
    assert!(
        code == 1 && err.starts_with("error: arg: `a` is an option of this script already\n  --> s.rhai:2:9\n"),
        "{err}"
    );
}

#[test]
fn help_of_a_value_is_that_of_its_type_and_a_topic_is_a_list() {
    let folder = tempfile::tempdir().unwrap();
    let doc = |name: &str| called(&folder, &["doc", name]);
    let value = called(&folder, &["-e", "let glass = pack(\"Cu50Zr50\", #{ atoms: 600, seed: 1 }); help(glass)"]).1;
    assert!(
        value.starts_with("glass is a Glass\n")
            && value.contains("\nglass.energy  ")
            && value.contains("\nglass.minimize(options)"),
        "{value}"
    );
    for (name, part) in [
        ("glass", "\nglass.volume"),
        ("columns", "column.quantile(fraction)"),
        ("minimize", "glass.minimize(options)\n    "),
        (".forces", "glass.forces()\n"),
        ("glass.md", "glass.md(conditions, options)\n"),
        ("descriptors", "excess_entropy(options)"),
        ("structure", "(Eq. 6 of the paper)"),
    ] {
        let (code, out, err) = doc(name);
        assert!(code == 0 && out.contains(part), "{name}: {out}{err}");
    }
    assert_eq!(called(&folder, &["-e", "help(\"glass.md\"); help(glass.md)"]).1, format!("{0}{0}", doc("glass.md").1));
}

#[test]
fn messages_speak_the_language_of_scripts() {
    for (code, message) in [
        ("let f = |x| x; f(3)", "`f` is a variable; a closure in it is called by f.call(...)"),
        ("let f = |x| x; f.call(1, 2)", "the closure cannot be called with (integer, integer)"),
        ("table(#{ x: [1] })[0]", "a Table cannot be indexed with [integer]"),
        (
            "table(#{ x: [1] }).filter(col(\"x\") > 0 && col(\"x\") < 2)",
            "expected true or false, found Expression; conditions on columns are joined by & and |, not && and ||",
        ),
        ("5.foo", "an integer has no property `foo`"),
        ("throw \"\" + [|x| x]", "[a closure]"),
        ("2^3", "`^` is not an operator here: a power is x ** 2"),
        (
            "for k in 0..3 { let y = k; } y",
            "`y` is not known here: it was declared inside a block at line 1 and ends with it",
        ),
        ("bar(1); let bar = 2;", "`bar` is a variable; a closure in it is called by bar.call(...)"),
        ("1.energy()", "no function `energy`; there is `glass.energy` without brackets"),
        (
            "pack(\"Cu50Zr50\", #{ atoms: 1e11, seed: 1 })",
            "pack: `atoms` must be from 1 to 100000000, found 100000000000",
        ),
        (
            "pack(\"Cu50Zr50\", #{ atoms: 600, seed: 1 }).radial_distribution(#{ bins: 1e12 })",
            "radial_distribution: `bins` must be from 1 to 10000000, found 1000000000000",
        ),
        (
            "pack(\"Cu50Zr50\", #{ atoms: 600, seed: 1 }).quench(#{ rate: \"a\" })",
            "quench: `rate` must be a number, found \"a\"",
        ),
        (
            "descriptor(\"v\", |g| g.voronoi()).of(pack(\"Cu50Zr50\", #{ atoms: 600, seed: 1 }))",
            "describe: `v` must give a column, found a VoronoiCells",
        ),
    ] {
        let found = error(code);
        assert_eq!(found, message, "{code}");
        assert!(!found.contains("did you mean `energy`"), "{found}");
    }
    assert!(!error("potential(3.5, \"x\")").contains("Immutable"));
}

#[test]
fn check_reports_every_unknown_variable() {
    let folder = folder_with("s.rhai", "let a = one + 1;\nfn f(x) { x + a }\nprint(two);\nraed(\"x\");\n");
    let (code, _, err) = called(&folder, &["check", "s.rhai"]);
    let found: Vec<&str> = err.lines().filter(|l| l.starts_with("error")).collect();
    assert_eq!(
        (code, &found[..]),
        (
            1,
            &[
                "error: no variable `one`",
                "error: `a` is not known here: a named function sees only its arguments and the constants",
                "error: no variable `two`",
                "error: no function `raed`; did you mean `read`?",
            ][..]
        )
    );
}

#[test]
fn a_glass_repeats() {
    let glass = "let g = pack(\"Cu50Zr50\", #{ atoms: 600, seed: 1 }); let h = g.repeat([2, 1, 3]);";
    assert_eq!(number(&format!("{glass} h.atoms")), 3600.0);
    let difference = number(&format!("{glass} h.energy / h.atoms - g.energy / g.atoms"));
    assert!(difference.abs() < 1e-9, "{difference}");
    assert_eq!(number(&format!("{glass} h.cell.lengths[2] / g.cell.lengths[2]")), 3.0);
    assert_eq!(error(&format!("{glass} g.repeat([2, 2])")), "repeat: expected three whole numbers, as in [2, 2, 2]");
    assert!(error(&format!("{glass} g.repeat([2, 0, 2])")).starts_with("repeat: the numbers must be 1 or more"));
}

#[test]
fn a_melt_says_one_seed_and_it_makes_the_same_liquid() {
    let folder = tempfile::tempdir().unwrap();
    let melt = |seed: &str| {
        format!("print(melt(\"Cu50Zr50\", #{{ atoms: 550, time: 0.02*ps, damping: 0.02*ps{seed} }}).energy)")
    };
    let (code, out, err) = called(&folder, &["-e", &melt("")]);
    let seed = err.trim().strip_prefix("melt: chose seed: ").unwrap();
    assert_eq!((code, seed.parse::<u64>().is_ok()), (0, true), "{err}");
    assert_eq!(called(&folder, &["-e", &melt(&format!(", seed: {seed}"))]), (0, out, String::new()));
}
