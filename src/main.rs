//! The command line of vitric.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use vitric::script::{Outcome, Report, Session, Settings, interrupt};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let _ = ctrlc::set_handler(interrupt);
    let rest = if words.first().is_some_and(|w| w == "run") { &words[1..] } else { &words[..] };
    let result = match rest {
        [flag, code, arguments @ ..] if flag == "-e" => {
            session(arguments).and_then(|mut s| s.run(code, "command line"))
        }
        [file, arguments @ ..] => session(arguments).and_then(|mut s| s.run_file(Path::new(file))),
        [] => Ok(Outcome::Exit(0)),
    };
    match result {
        Ok(Outcome::Exit(code)) => ExitCode::from(code as u8),
        Ok(Outcome::Value(_)) => ExitCode::SUCCESS,
        Err(report) => {
            let _ = write!(std::io::stderr(), "{}", report.text);
            ExitCode::from(if report.interrupted { 130 } else { 1 })
        }
    }
}

fn session(arguments: &[String]) -> Result<Session, Report> {
    let stdlib = std::env::var_os("VITRIC_STDLIB").map(Into::into);
    Session::new(Settings { stdlib, arguments: arguments.to_vec() })
}
