//! How a rule looks at a file.

use crate::source::{CodePath, Source, Token};

/// Something that a rule forbids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// From 1.
    pub line: usize,
    pub what: String,
}

pub enum Check {
    /// These names, by whole segments, anywhere in a path: `Instant::now`, `HashMap`.
    Names(&'static [&'static str]),
    /// Paths that begin so and go on.
    Roots(&'static [&'static str]),
    /// Calls of these macros.
    Macros(&'static [&'static str]),
    /// Anything else.
    By(fn(&Source) -> Vec<Finding>),
}

impl Check {
    pub fn findings(&self, source: &Source) -> Vec<Finding> {
        match self {
            Check::Names(names) => by_path(source, |path| {
                names.iter().any(|name| has_name(&path.segments, name))
            }),
            Check::Roots(roots) => by_path(source, |path| {
                path.segments.len() > 1 && roots.contains(&&*path.segments[0])
            }),
            Check::Macros(names) => by_path(source, |path| {
                let name = path.segments.last();
                path.called_at.is_some() && name.is_some_and(|name| names.contains(&&**name))
            }),
            Check::By(check) => check(source),
        }
    }
}

fn by_path(source: &Source, is_forbidden: impl Fn(&CodePath) -> bool) -> Vec<Finding> {
    let found = source.paths.iter().filter(|path| is_forbidden(path));
    found.map(finding).collect()
}

fn finding(path: &CodePath) -> Finding {
    Finding {
        line: path.line,
        what: path.segments.join("::"),
    }
}

fn has_name(segments: &[String], name: &str) -> bool {
    let name: Vec<&str> = name.split("::").collect();
    segments.windows(name.len()).any(|window| window == name)
}

/// `tokio::select!` starts its branches in random order unless it says `biased;` first.
pub fn unbiased_select(source: &Source) -> Vec<Finding> {
    let is_biased = |bang: usize| {
        let first = source.tokens.get(bang + 2);
        first.is_some_and(|token| token.text == "biased")
    };
    let is_unbiased = |path: &CodePath| {
        path.segments.last().is_some_and(|name| name == "select")
            && path.called_at.is_some_and(|bang| !is_biased(bang))
    };
    by_path(source, is_unbiased)
}

/// Types by which a static changes, or is first set, while the program runs.
const CHANGING: &[&str] = &[
    "Cell",
    "Lazy",
    "LazyCell",
    "LazyLock",
    "Mutex",
    "Once",
    "OnceCell",
    "OnceLock",
    "RefCell",
    "RwLock",
    "UnsafeCell",
];

/// Statics that hold state.
pub fn static_state(source: &Source) -> Vec<Finding> {
    let is_static = |(at, token): (usize, &Token)| (token.text == "static").then_some(at);
    let statics = source.tokens.iter().enumerate().filter_map(is_static);
    statics
        .filter_map(|at| changing_static(&source.tokens[at..]))
        .collect()
}

/// The finding, if the static that begins here is `mut` or of a changing type.
fn changing_static(tokens: &[Token]) -> Option<Finding> {
    let declaration = tokens.iter().take_while(|token| token.text != "=");
    let is_changing = |token: &&Token| {
        token.text == "mut" || token.text.starts_with("Atomic") || CHANGING.contains(&&*token.text)
    };
    let offending = declaration.skip(1).find(is_changing)?;
    Some(Finding {
        line: offending.line,
        what: format!("a static with {}", offending.text),
    })
}

/// Names that give away where something lies in memory.
const ADDRESSES: &[&str] = &[
    "addr_of",
    "addr_of_mut",
    "as_mut_ptr",
    "as_ptr",
    "expose_provenance",
];

/// Addresses of memory that can be seen: printed, or made to numbers.
pub fn shown_addresses(source: &Source) -> Vec<Finding> {
    let printed = source
        .strings
        .iter()
        .filter(|found| prints_address(&found.text));
    let printed = printed.map(|found| Finding {
        line: found.line,
        what: "a string with {:p}".to_owned(),
    });
    let casts = source.tokens.windows(3).filter(|tokens| {
        let [one, two, three] = [0, 1, 2].map(|at| tokens[at].text.as_str());
        one == "as" && two == "*" && ["const", "mut"].contains(&three)
    });
    let casts = casts.map(|tokens| Finding {
        line: tokens[0].line,
        what: "a cast to a pointer".to_owned(),
    });
    let named = Check::Names(ADDRESSES).findings(source);
    printed.chain(casts).chain(named).collect()
}

/// A place in a format string whose type is `p`.
fn prints_address(text: &str) -> bool {
    let places = text
        .split('{')
        .skip(1)
        .filter_map(|behind| behind.split_once('}'));
    let mut forms = places.filter_map(|(place, _)| place.split_once(':'));
    forms.any(|(_, form)| form.ends_with('p'))
}

pub fn opening_paragraph(source: &Source) -> Vec<Finding> {
    let is_missing = !source.text.starts_with("//! ");
    let what = "no opening `//!` paragraph".to_owned();
    is_missing
        .then_some(Finding { line: 1, what })
        .into_iter()
        .collect()
}

const LINES_MAX: usize = 600;

pub fn length(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    let what = format!("{lines} lines, more than {LINES_MAX}");
    let is_long = lines > LINES_MAX;
    is_long
        .then_some(Finding { line: lines, what })
        .into_iter()
        .collect()
}
