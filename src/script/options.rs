//! The options of a call: one map, every name and value checked.

use super::Raw;
use crate::error::{Error, Result, suggestion};
use crate::math::histogram::Bins;
use rhai::{Array, Dynamic, Map};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::hash::{BuildHasher, Hasher};
use std::sync::RwLock;

/// The options of one call.
///
/// ```
/// # use vitric::script::Options;
/// let mut map = rhai::Map::new();
/// map.insert("rate".into(), 2.into());
/// let options = Options::new("quench", map, &["rate", "to"])?;
/// assert_eq!(options.positive("rate")?.required()?, 2.0);
/// assert_eq!(options.non_negative("to")?.or(300.0), 300.0);
/// assert_eq!(options.record(), "quench(#{ rate: 2, to: 300 })");
/// # Ok::<(), vitric::error::Error>(())
/// ```
pub struct Options {
    call: String,
    values: Map,
    record: RefCell<Vec<(String, String)>>,
}

/// An option that has been read: given or not.
pub struct Given<'a, T> {
    options: &'a Options,
    name: &'a str,
    value: Option<T>,
}

impl<T: Display> Given<'_, T> {
    /// The value, or this one when the option is not given.
    pub fn or(self, default: T) -> T {
        let value = self.value.unwrap_or(default);
        self.options.note(self.name, &value);
        value
    }

    /// The value; an error when the option is not given.
    pub fn required(self) -> Result<T> {
        let value = self
            .value
            .ok_or_else(|| Error::input(format!("{}: the option `{}` is needed", self.options.call, self.name)))?;
        self.options.note(self.name, &value);
        Ok(value)
    }

    /// The value if the option is given.
    pub fn optional(self) -> Option<T> {
        if let Some(value) = &self.value {
            self.options.note(self.name, value);
        }
        self.value
    }
}

/// Most numbers that a call makes, such as samples of a bootstrap or points of a curve.
pub(super) const MOST_NUMBERS: usize = 10_000_000;

impl Options {
    /// The options of `call`; an error with a suggestion when a name is not among `known`.
    pub fn new(call: &str, values: Map, known: &[&str]) -> Result<Options> {
        for name in values.keys() {
            if !known.contains(&name.as_str()) {
                return Err(Error::input(format!("{call}: {}", unknown(name, known.iter().copied()))));
            }
        }
        Ok(Options { call: call.into(), values, record: RefCell::default() })
    }

    /// True when the option is given (and is not `()`).
    pub fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|v| !v.is_unit())
    }

    /// A finite number.
    pub fn float<'a>(&'a self, name: &'a str) -> Result<Given<'a, f64>> {
        self.number(name, "a finite number", f64::is_finite)
    }

    /// A finite number above zero.
    pub fn positive<'a>(&'a self, name: &'a str) -> Result<Given<'a, f64>> {
        self.number(name, "positive", |x| x.is_finite() && x > 0.0)
    }

    /// A finite number, zero or above.
    pub fn non_negative<'a>(&'a self, name: &'a str) -> Result<Given<'a, f64>> {
        self.number(name, "zero or positive", |x| x.is_finite() && x >= 0.0)
    }

    /// A number from `low` to `high`.
    pub fn between<'a>(&'a self, name: &'a str, low: f64, high: f64) -> Result<Given<'a, f64>> {
        self.number(name, &format!("between {low} and {high}"), |x| (low..=high).contains(&x))
    }

    /// A whole number, zero or above.
    pub fn count<'a>(&'a self, name: &'a str) -> Result<Given<'a, usize>> {
        let read = |v: &Dynamic| whole(v).and_then(|n| usize::try_from(n).ok());
        self.read(name, "a whole number, zero or above", read)
    }

    /// A whole number from `least` to `most`: what is made for each would not fit into memory beyond.
    pub fn count_between<'a>(&'a self, name: &'a str, least: usize, most: usize) -> Result<Given<'a, usize>> {
        let read = |v: &Dynamic| whole(v).and_then(|n| usize::try_from(n).ok()).filter(|n| (least..=most).contains(n));
        self.read(name, &format!("a whole number from {least} to {most}"), read)
    }

    /// A whole number.
    pub fn integer<'a>(&'a self, name: &'a str) -> Result<Given<'a, i64>> {
        self.read(name, "a whole number", whole)
    }

    /// Yes or no.
    pub fn boolean<'a>(&'a self, name: &'a str) -> Result<Given<'a, bool>> {
        self.read(name, "true or false", |v| v.as_bool().ok())
    }

    /// Any text.
    pub fn text<'a>(&'a self, name: &'a str) -> Result<Given<'a, String>> {
        self.read(name, "a text", |v| v.clone().into_string().ok())
    }

    /// One of the given words; an error lists them.
    pub fn choice<'a>(&'a self, name: &'a str, choices: &[&str]) -> Result<Given<'a, String>> {
        let list = choices.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ");
        let read = |v: &Dynamic| v.clone().into_string().ok().filter(|t| choices.contains(&t.as_str()));
        self.read(name, &format!("one of {list}"), read)
    }

    /// A list of finite numbers; a single number is a list of one.
    pub fn floats(&self, name: &str) -> Result<Option<Vec<f64>>> {
        self.list(name, "a list of numbers", |v| number(v).filter(|x| x.is_finite()))
    }

    /// A list of whole numbers, zero or above; a single number is a list of one.
    pub fn counts(&self, name: &str) -> Result<Option<Vec<usize>>> {
        self.list(name, "a list of whole numbers", |v| whole(v).and_then(|n| usize::try_from(n).ok()))
    }

    /// A list of texts; a single text is a list of one.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>> {
        self.list(name, "a list of texts", |v| v.clone().into_string().ok())
    }

    /// The seed of the random numbers. Without one, a seed is chosen and announced; either way it is in the record.
    pub fn seed(&self, name: &str) -> Result<u64> {
        let expected = "a whole number, zero or above";
        let given = self.read(name, expected, |v| whole(v).and_then(|n| u64::try_from(n).ok()))?;
        if given.value.is_none() {
            // The keys of the standard hasher are the only randomness at hand without asking the time.
            let chosen = std::hash::RandomState::new().build_hasher().finish() % 1_000_000_000;
            super::terminal::say_chosen(format!("{}: chose {name}: {chosen}", self.call));
            return Ok(given.or(chosen));
        }
        given.required()
    }

    /// A value of a type of its own, such as a glass or a column.
    pub fn value<T: Clone + Send + Sync + 'static>(&self, name: &str, expected: &str) -> Result<Option<T>> {
        match self.values.get(name) {
            Some(v) if !v.is_unit() => v.clone().try_cast::<T>().map(Some).ok_or_else(|| self.wrong(name, expected, v)),
            _ => Ok(None),
        }
    }

    /// How a histogram is cut: by `bins`, their number, or `width`; by the rule of Freedman and Diaconis without either.
    pub fn bins(&self) -> Result<Bins> {
        match (self.count("bins")?.optional(), self.positive("width")?.optional()) {
            (Some(_), Some(_)) => Err(self.conflict("give `bins` or `width`, not both")),
            (Some(bins), None) => Ok(Bins::Count(bins)),
            (None, Some(width)) => Ok(Bins::Width(width)),
            (None, None) => Ok(Bins::Automatic),
        }
    }

    /// The value as it was given.
    pub fn raw(&self, name: &str) -> Option<Dynamic> {
        self.values.get(name).filter(|v| !v.is_unit()).cloned()
    }

    /// The call with every option that was read, chosen defaults and seed included: a line for the history.
    pub fn record(&self) -> String {
        let list = self.record.borrow();
        if list.is_empty() {
            return format!("{}()", self.call);
        }
        let list: Vec<String> = list.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        format!("{}(#{{ {} }})", self.call, list.join(", "))
    }

    /// An error about an option: `call: `name` must be expected, found value`.
    pub fn wrong(&self, name: &str, expected: &str, found: &Dynamic) -> Error {
        Error::input(format!("{}: `{name}` must be {expected}, found {}", self.call, shown(found)))
    }

    /// An error about several options.
    pub fn conflict(&self, text: &str) -> Error {
        Error::input(format!("{}: {text}", self.call))
    }

    fn number<'a>(&'a self, name: &'a str, expected: &str, good: impl Fn(f64) -> bool) -> Result<Given<'a, f64>> {
        let is_number = self.values.get(name).is_none_or(|v| v.is_unit() || number(v).is_some());
        self.read(name, if is_number { expected } else { "a number" }, |v| number(v).filter(|x| good(*x)))
    }

    fn read<'a, T>(
        &'a self,
        name: &'a str,
        expected: &str,
        convert: impl Fn(&Dynamic) -> Option<T>,
    ) -> Result<Given<'a, T>> {
        let value = match self.values.get(name) {
            Some(v) if !v.is_unit() => Some(convert(v).ok_or_else(|| self.wrong(name, expected, v))?),
            _ => None,
        };
        Ok(Given { options: self, name, value })
    }

    fn list<T: Display>(
        &self,
        name: &str,
        expected: &str,
        convert: impl Fn(&Dynamic) -> Option<T>,
    ) -> Result<Option<Vec<T>>> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        let items = value.read_lock::<Array>().map_or_else(|| vec![value.clone()], |array| array.clone());
        let list = items.iter().map(|v| convert(v).ok_or_else(|| self.wrong(name, expected, v)));
        let list = list.collect::<Result<Vec<T>>>()?;
        let text: Vec<String> = list.iter().map(T::to_string).collect();
        self.note(name, &format!("[{}]", text.join(", ")));
        Ok(Some(list))
    }

    fn note(&self, name: &str, value: &dyn Display) {
        let mut record = self.record.borrow_mut();
        match record.iter_mut().find(|r| r.0 == name) {
            Some(entry) => entry.1 = value.to_string(),
            None => record.push((name.to_string(), value.to_string())),
        }
    }
}

/// A number, whole or not.
pub fn number(value: &Dynamic) -> Option<f64> {
    value.as_float().ok().or_else(|| value.as_int().ok().map(|n| n as f64))
}

/// A list of numbers; an error names the call.
pub fn numbers(call: &str, list: &Array) -> Raw<Vec<f64>> {
    let read = |v: &Dynamic| {
        number(v).ok_or_else(|| Error::input(format!("{call}: expected a number, found {}", shown(v))).into())
    };
    list.iter().map(read).collect()
}

/// A whole number, also written `4000.0` or `4e3`.
pub(super) fn whole(value: &Dynamic) -> Option<i64> {
    let exact = |x: f64| (x.fract() == 0.0 && x.abs() < 9e15).then_some(x as i64);
    value.as_int().ok().or_else(|| value.as_float().ok().and_then(exact))
}

/// A value as an error shows it.
pub(super) fn shown(value: &Dynamic) -> String {
    match value.read_lock::<rhai::ImmutableString>() {
        Some(text) => format!("\"{}\"", *text),
        None if value.is_int() || value.is_float() || value.is_bool() => value.to_string(),
        None if value.is_array() => "a list".into(),
        None if value.is_map() => "a map #{ }".into(),
        None if value.is_fnptr() => "a closure".into(),
        None if value.is_unit() => "()".into(),
        None => match public_name(value.type_name()) {
            Some(name) => with_article(&name),
            None => with_article(value.type_name().rsplit("::").next().unwrap_or("value")),
        },
    }
}

/// `an Autocorrelation`, `a Glass`.
pub(super) fn with_article(name: &str) -> String {
    let article = if name.starts_with(|c: char| "aeiouAEIOU".contains(c)) { "an" } else { "a" };
    format!("{article} {name}")
}

/// What scripts call the types of the library.
static NAMES: RwLock<BTreeMap<&str, String>> = RwLock::new(BTreeMap::new());

/// Says what scripts call a type.
pub(super) fn set_public_name(kind: &'static str, name: &str) {
    if let Ok(mut names) = NAMES.write() {
        names.insert(kind, name.into());
    }
}

/// What scripts call a type of the library.
pub(super) fn public_name(kind: &str) -> Option<String> {
    NAMES.read().ok()?.get(kind).cloned()
}

/// `no option `rat`; did you mean `rate`?`, or the list of names when none is near.
pub(super) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    match suggestion(name, known.iter().copied()) {
        Some(near) => format!("no option `{name}`; did you mean `{near}`?"),
        None if known.is_empty() => format!("no option `{name}`; it takes none"),
        None => format!("no option `{name}`; it takes {}", known.join(", ")),
    }
}

/// What is wrong with a word that must be one of several, if it is not; any word is right when there are none.
pub(super) fn not_among(word: &str, choices: &[String]) -> Option<String> {
    if choices.is_empty() || choices.iter().any(|c| c == word) {
        return None;
    }
    let hint = match suggestion(word, choices.iter().map(String::as_str)) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    Some(format!("expected {}, found `{word}`{hint}", choices.join(" or ")))
}
