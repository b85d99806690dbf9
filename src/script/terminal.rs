//! The person at the terminal: progress of long steps, notes, and Ctrl-C.

use crate::observer::Observer;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Shows progress on standard error when that is a terminal, and knows how often Ctrl-C was pressed.
pub struct Terminal {
    /// Presses since the evaluation began.
    presses: AtomicU32,
    /// A step has seen the first press.
    seen: AtomicBool,
    /// The step that saw it is over, and the script goes on.
    spent: AtomicBool,
    stage: Mutex<Stage>,
}

struct Stage {
    /// Stages within stages are not shown.
    depth: usize,
    bar: Option<ProgressBar>,
    noted: Option<Instant>,
}

static TERMINAL: Terminal = Terminal {
    presses: AtomicU32::new(0),
    seen: AtomicBool::new(false),
    spent: AtomicBool::new(false),
    stage: Mutex::new(Stage { depth: 0, bar: None, noted: None }),
};

static CHOSEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The observer that every binding hands to a long calculation.
pub fn observer() -> &'static Terminal {
    &TERMINAL
}

/// Called on Ctrl-C: the first ends the running step, the second the script.
pub fn interrupt() {
    TERMINAL.presses.fetch_add(1, Ordering::SeqCst);
}

/// Forgets earlier presses; called before each evaluation.
pub(super) fn begin_evaluation() {
    TERMINAL.presses.store(0, Ordering::SeqCst);
    TERMINAL.seen.store(false, Ordering::SeqCst);
    TERMINAL.spent.store(false, Ordering::SeqCst);
    if let Ok(mut chosen) = CHOSEN.lock() {
        chosen.clear();
    }
    TERMINAL.clear();
}

/// Says and keeps that a seed was chosen.
pub(super) fn say_chosen(text: String) {
    TERMINAL.say(&text);
    if let Ok(mut chosen) = CHOSEN.lock() {
        chosen.push(text);
    }
}

/// The seeds chosen since the evaluation began.
pub(super) fn chosen() -> Vec<String> {
    CHOSEN.lock().map(|chosen| chosen.clone()).unwrap_or_default()
}

/// Removes what an error may have left on the screen; called after each evaluation.
pub(super) fn end_evaluation() {
    TERMINAL.clear();
}

/// True when Ctrl-C was pressed since the evaluation began.
pub(super) fn was_interrupted() -> bool {
    TERMINAL.presses.load(Ordering::SeqCst) > 0
}

/// Says that the last step of what was evaluated is not whole; an earlier one was said to be before the next began.
pub(super) fn say_if_ended_early() {
    if TERMINAL.seen.load(Ordering::SeqCst) && !TERMINAL.spent.load(Ordering::SeqCst) {
        TERMINAL.say("the step ended early; this is what there was");
    }
}

/// Asked between two operations of a script: true when the script shall end.
pub(super) fn stop_script() -> bool {
    match TERMINAL.presses.load(Ordering::SeqCst) {
        0 => false,
        1 if TERMINAL.spent.load(Ordering::SeqCst) => false,
        1 if TERMINAL.seen.load(Ordering::SeqCst) => {
            TERMINAL.spent.store(true, Ordering::SeqCst);
            TERMINAL.say("the step ended early; Ctrl-C again ends the script");
            false
        }
        _ => true,
    }
}

impl Terminal {
    /// A note for the person, on standard error.
    pub fn say(&self, text: &str) {
        self.aside(|| {
            let _ = writeln!(std::io::stderr(), "{text}");
        });
    }

    /// What a script prints, on standard output.
    pub fn print(&self, text: &str) {
        self.aside(|| {
            let mut out = std::io::stdout().lock();
            let _ = writeln!(out, "{text}").and_then(|()| out.flush());
        });
    }

    /// Runs with the progress bar out of the way.
    fn aside(&self, write: impl FnOnce()) {
        let bar = self.stage.lock().ok().and_then(|stage| stage.bar.clone());
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Removes a bar that an error left behind.
    fn clear(&self) {
        if let Ok(mut stage) = self.stage.lock() {
            stage.depth = 0;
            if let Some(bar) = stage.bar.take() {
                bar.finish_and_clear();
            }
        }
    }
}

impl Observer for Terminal {
    fn begin(&self, name: &str, total: u64) {
        let Ok(mut stage) = self.stage.lock() else { return };
        stage.depth += 1;
        if stage.depth > 1 || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(5));
        let template = if total > 0 {
            "{prefix} {bar:24.cyan/dim} {percent:>3}% {elapsed} eta {eta} {wide_msg:.dim}"
        } else {
            "{prefix} {spinner} {elapsed} {wide_msg:.dim}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_prefix(name.to_string());
        bar.enable_steady_tick(Duration::from_millis(250));
        stage.bar = Some(bar);
        stage.noted = None;
    }

    fn advance(&self, done: u64, note: &dyn Fn() -> String) {
        // Another thread that holds the lock is already showing progress.
        let Ok(mut stage) = self.stage.try_lock() else { return };
        let Some(bar) = stage.bar.clone().filter(|_| stage.depth == 1) else { return };
        bar.set_position(done);
        if stage.noted.is_none_or(|then| then.elapsed() > Duration::from_millis(200)) {
            stage.noted = Some(Instant::now());
            bar.set_message(note());
        }
    }

    fn end(&self) {
        let Ok(mut stage) = self.stage.lock() else { return };
        stage.depth = stage.depth.saturating_sub(1);
        if stage.depth == 0
            && let Some(bar) = stage.bar.take()
        {
            bar.finish_and_clear();
        }
    }

    fn interrupted(&self) -> bool {
        let presses = self.presses.load(Ordering::SeqCst);
        let asked = presses > 1 || (presses == 1 && !self.spent.load(Ordering::SeqCst));
        if asked {
            self.seen.store(true, Ordering::SeqCst);
        }
        asked
    }
}
