//! The prompt: read from a pipe and typed by hand.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use assert_cmd::Command;
use rexpect::session::{PtySession, spawn_command};

fn piped(input: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitric"));
    let output = command.current_dir(&folder).write_stdin(input).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_pipe_is_read_input_by_input() {
    let input = "let a = #{\n  b: 1,\n};\na.b + 1\n_ * 5\n_ * 2\nfn f(x) {\n  x + 1\n}\nf(_)\n\"text\"\n\
                 let g = |x| x * 2;\ng.call(4)\nswitch 3 { 1 => 0, _ => 7 }\n";
    assert_eq!(piped(input), (0, "2\n10\n20\n21\n\"text\"\n8\n7\n".into(), String::new()));
    let (code, out, err) = piped("1 + 1\nnothing + 1\n2\n");
    assert_eq!((code, out.as_str()), (1, "2\n"));
    assert!(err.starts_with("error: no variable `nothing`\n  --> input 2:1:1\n"), "{err}");
    assert_eq!(piped("exit(4)\n").0, 4);
    assert!(piped("let x = (1 +\n").2.starts_with("error: "));
}

#[test]
fn commands_work_in_a_pipe() {
    let (code, out, _) = piped("let a = 5;\n:vars\nhelp potential\n:quit\n1\n");
    assert_eq!(code, 0);
    assert!(out.starts_with("a = 5\npotential(name)\n"), "{out}");
    assert!(!out.ends_with("1\n"), ":quit went on");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.rhai");
    let input = format!(
        "let a = 5;\nfn f(x) {{ x }}\nlet b = a + 1\nfn f(x) {{ 2 * x }}\nf(b)\n:save {}\nhelp\n1 + 1\n",
        path.display()
    );
    let (code, out, err) = piped(&input);
    assert_eq!((code, err.as_str()), (0, ""));
    // A bare `help` is a command, though it is the beginning of a call as well.
    assert!(out.contains("help(name) explains a function") && out.ends_with("2\n"), "{out}");
    assert_eq!(std::fs::read_to_string(path).unwrap(), "let a = 5;\nlet b = a + 1;\nfn f(x) { 2 * x }\nf(b);\n");
}

#[test]
fn an_error_in_a_function_of_an_earlier_input_is_shown_there() {
    let (_, _, err) = piped("fn f(x) {\n    throw \"no\"\n}\nlet a = 1\nf(a)\n");
    assert!(err.starts_with("error: no\n  --> input 1:2:5\n  |\n2 |     throw \"no\"\n"), "{err}");
    assert!(err.trim_end().ends_with("`f` called at input 3:1"), "{err}");
}

#[test]
fn a_saved_session_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.rhai");
    let input = format!(
        "2 * 3\nlet a = 1; a + 1\n_ * 10 // ten\n:time\n\n_ + _\nlet t = `one\ntwo`;\n/* a\n comment */ let m = #{{ x: 1 }}\n\
         switch 3 {{ 1 => 0, _ => 7 }}\nlet g = pack(\"Cu50Zr50\", #{{ atoms: 600 }});\n:save {}\n",
        path.display()
    );
    let (code, out, err) = piped(&input);
    assert_eq!((code, out.lines().take(5).collect::<Vec<_>>()), (0, vec!["6", "2", "20", "40", "7"]), "{err}");
    let seed = err.lines().find(|l| l.starts_with("pack: chose seed: ")).unwrap();
    let expected = format!(
        "2 * 3;\nlet a = 1; let last = a + 1;\nlet last = last * 10 // ten\n;\nlast + last;\nlet t = `one\ntwo`;\n\
         /* a\n comment */ let m = #{{ x: 1 }};\nswitch 3 {{ 1 => 0, _ => 7 }};\n// {seed}\n\
         let g = pack(\"Cu50Zr50\", #{{ atoms: 600 }});\n"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), expected);
    let run = Command::new(env!("CARGO_BIN_EXE_vitric")).arg(&path).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
}

/// A prompt under a terminal of its own, with its history in a folder of its own.
fn typed(folder: &tempfile::TempDir) -> PtySession {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_vitric"));
    command.env("XDG_DATA_HOME", folder.path()).env("TERM", "xterm").current_dir(folder);
    let mut session = spawn_command(command, Some(20_000)).unwrap();
    session.exp_string("Ctrl-D to leave").unwrap();
    session
}

#[test]
fn a_person_types_completes_interrupts_and_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = typed(&folder);
    // A person waits for the prompt, which reads one key at a time.
    let pause = || std::thread::sleep(std::time::Duration::from_millis(300));
    let line = |session: &mut PtySession, text: &str| {
        session.send_line(text).unwrap();
        pause();
    };
    pause();
    line(&mut session, "let number = 20 + 1;");
    session.send("numb\t").unwrap();
    session.flush().unwrap();
    pause();
    line(&mut session, " * 2");
    session.exp_string("42").unwrap();
    line(&mut session, "fn double(x) {");
    line(&mut session, "2 * x }");
    line(&mut session, "double(number) + 1000");
    session.exp_string("1042").unwrap();
    line(&mut session, "print(\"ready\"); loop { }");
    session.exp_string("\nready").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("interrupted").unwrap();
    pause();
    line(&mut session, "number + 2000");
    session.exp_string("2021").unwrap();
    line(&mut session, "let kept = 7; let lost = [1][5]; let more = 1;");
    session.exp_string("let lost").unwrap();
    line(&mut session, "kept + 3000");
    session.exp_string("3007").unwrap();
    let saved = folder.path().join("saved.rhai");
    line(&mut session, &format!(":save {}", saved.display()));
    session.send_control('d').unwrap();
    session.exp_eof().unwrap();
    let saved = std::fs::read_to_string(saved).unwrap();
    assert!(saved.ends_with("number + 2000;\nlet kept = 7;\nkept + 3000;\n"), "{saved}");
    let history = std::fs::read_to_string(folder.path().join("vitric/history")).unwrap();
    assert!(history.contains("double(number) + 1000"), "{history}");
}
