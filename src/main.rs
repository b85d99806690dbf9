//! The command line of vitric.

use clap::{Parser, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use vitric::repl;
use vitric::script::{Outcome, Report, Session, Settings, help, interrupt};

/// A scripting environment for the physics of glasses.
///
/// Without a command, vitric reads what you type. `vitric FILE` is short for `vitric run FILE`.
#[derive(Parser)]
#[command(version, arg_required_else_help = false)]
struct CommandLine {
    /// Run this code
    #[arg(short = 'e', value_name = "CODE")]
    code: Option<String>,
    /// Take .rhai files of this directory in place of the built-in ones of the same name; also $VITRIC_STDLIB
    #[arg(long, value_name = "DIR", global = true)]
    stdlib: Option<PathBuf>,
    /// Number of threads; results do not depend on it
    #[arg(long, value_name = "N", global = true)]
    threads: Option<usize>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run a script; `vitric run FILE --help` lists its options
    #[command(disable_help_flag = true)]
    Run {
        /// The script
        file: PathBuf,
        /// Options of the script
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
        arguments: Vec<String>,
    },
    /// Find unknown functions and options without running
    Check {
        /// The scripts
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Print the help of a function, a type or a topic; without a name, what there is
    Doc {
        /// What to explain
        name: Option<String>,
        /// Print the definition of a function of the standard library instead
        #[arg(long, requires = "name")]
        source: bool,
    },
    #[command(external_subcommand)]
    Script(Vec<String>),
}

/// Exit code after Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// Stack of a thread, as large as that of a main thread: scripts may call themselves.
const STACK: usize = 8 << 20;

fn main() -> ExitCode {
    // `run` leaves --help to the script, so that without one it would be taken for its name.
    let words: Vec<std::ffi::OsString> = std::env::args_os().collect();
    let asks_about_run = words.len() == 3 && words[1] == "run" && (words[2] == "--help" || words[2] == "-h");
    let line = if asks_about_run { CommandLine::parse_from(["vitric", "help", "run"]) } else { CommandLine::parse() };
    // The pool can only be built once, and nothing has used it yet. Zero stands for one thread for each processor.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(line.threads.unwrap_or(0)).stack_size(STACK).build_global();
    let _ = ctrlc::set_handler(interrupt);
    survive_file_limits();
    // Everything runs on a thread of the pool: a loop that is done in parallel begins at once, where from outside two threads would
    // have to wake each other, several times in a time step.
    rayon::scope(|_| execute(line)).map_or_else(|report| failed(&report), ExitCode::from)
}

/// Let a write beyond the limit of `ulimit -f` be an error, as on a full disk, and not the end of the program.
#[allow(unsafe_code)]
fn survive_file_limits() {
    #[cfg(unix)]
    // SAFETY: ignoring a signal installs no handler.
    let _ =
        unsafe { nix::sys::signal::signal(nix::sys::signal::Signal::SIGXFSZ, nix::sys::signal::SigHandler::SigIgn) };
}

/// Do what a command line says. Gives the exit code.
fn execute(line: CommandLine) -> Result<u8, Report> {
    let stdlib = line.stdlib.or_else(|| std::env::var_os("VITRIC_STDLIB").map(PathBuf::from));
    let session = |arguments: Vec<String>| Session::new(Settings { stdlib: stdlib.clone(), arguments });
    match (line.code, line.command) {
        (Some(code), Some(Command::Script(words))) => session(words).and_then(|s| run(s, |s| s.run(&code, "-e"))),
        (Some(code), None) => session(Vec::new()).and_then(|s| run(s, |s| s.run(&code, "-e"))),
        (Some(_), Some(_)) => Err(Report::usage("-e runs code and goes with no command")),
        (None, Some(Command::Run { file, arguments })) => {
            session(arguments).and_then(|s| run(s, |s| s.run_file(&file)))
        }
        (None, Some(Command::Script(words))) => {
            let (file, arguments) = words.split_first().expect("an external command has a name");
            session(arguments.to_vec()).and_then(|s| run(s, |s| s.run_file(Path::new(file))))
        }
        (None, Some(Command::Check { files })) => session(Vec::new()).and_then(|s| check(s, &files)),
        (None, Some(Command::Doc { name, source })) => {
            session(Vec::new()).and_then(|s| document(&s, name.as_deref(), source))
        }
        (None, None) => session(Vec::new()).map(repl::run),
    }
}

fn run(mut session: Session, work: impl FnOnce(&mut Session) -> Result<Outcome, Report>) -> Result<u8, Report> {
    match work(&mut session)? {
        Outcome::Exit(code) => Ok(code),
        // A step that was ended early has left partial results, and the caller should know.
        Outcome::Value(_) if session.was_interrupted() => Ok(INTERRUPTED),
        Outcome::Value(_) => Ok(0),
    }
}

fn check(mut session: Session, files: &[PathBuf]) -> Result<u8, Report> {
    let mut faults = 0;
    for file in files {
        let reports = session.check_file(file).unwrap_or_else(|report| vec![report]);
        faults += reports.len();
        for report in &reports {
            let _ = write!(std::io::stderr(), "{}", report.text);
        }
    }
    Ok(if faults > 0 { 1 } else { 0 })
}

fn document(session: &Session, name: Option<&str>, source: bool) -> Result<u8, Report> {
    let text = match name {
        Some(name) if source => session.source_of(name).map_err(Report::plain)?,
        Some(name) => help::fitted(&help::pages(session.entries(), name).map_err(Report::plain)?),
        None => help::fitted(&help::overview(session.entries())),
    };
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    Ok(0)
}

fn failed(report: &Report) -> ExitCode {
    let _ = write!(std::io::stderr(), "{}", report.text);
    ExitCode::from(match report {
        Report { interrupted: true, .. } => INTERRUPTED,
        Report { usage: true, .. } => 2,
        _ => 1,
    })
}
