//! The kinds of leak, and what to look for.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    HashOrder,
    UnbiasedSelect,
    Clock,
    Randomness,
    LeftoverState,
    Build,
}

impl Kind {
    /// A stable word.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::HashOrder => "hash-order",
            Kind::UnbiasedSelect => "unbiased-select",
            Kind::Clock => "clock",
            Kind::Randomness => "randomness",
            Kind::LeftoverState => "leftover-state",
            Kind::Build => "build",
        }
    }

    pub const fn in_words(self) -> &'static str {
        match self {
            Kind::HashOrder => "the order of a hash map",
            Kind::UnbiasedSelect => "a select! without `biased;`",
            Kind::Clock => "a clock of the real world",
            Kind::Randomness => "an unseeded draw",
            Kind::LeftoverState => "state left over from another world",
            Kind::Build => "the build",
        }
    }

    /// What to look for in the sources, and what to have in its place.
    pub const fn look_for(self) -> &'static str {
        match self {
            Kind::HashOrder => {
                "HashMap, HashSet or RandomState that is made outside of the world (in main, on \
                 another thread, in a static) and iterated, or a shuffle; use BTreeMap or IndexMap"
            }
            Kind::UnbiasedSelect => {
                "tokio::select! without `biased;`, futures::select!, select_all; say `biased;` first"
            }
            Kind::Clock => {
                "a clock that madsim does not answer: times of files, /proc, a thread that keeps the \
                 time, a library in C; ask Platform::now"
            }
            Kind::Randomness => {
                "/dev/urandom, an address of memory, the id of the process, a generator seeded \
                 outside of the world; use Platform::draw_id, or a labelled choice"
            }
            Kind::LeftoverState => {
                "static with an atomic, a cell or a lock, OnceLock, LazyLock, a pool or a cache that \
                 is older than the world, a file; keep it in the object or in the World"
            }
            Kind::Build => {
                "debug_assert! with an effect, cfg(debug_assertions), another revision or another set \
                 of features in one of the builds"
            }
        }
    }
}
