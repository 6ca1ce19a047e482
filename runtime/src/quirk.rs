//! Quirks: known bugs of the production system, each kept as one branch at the place where it
//! lived (design §10). All are off by default; only the harness switches one on.

use std::{fmt, str::FromStr};

/// One row a quirk: variant, name in the catalogue, one sentence for `streamsim list`.
macro_rules! quirks {
    ($($variant:ident $name:literal $summary:literal,)*) => {
        /// A known bug. Its name is that of the catalogue `spec/bugs.md`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Quirk {
            $(#[doc = $summary] $variant,)*
        }

        impl Quirk {
            pub const ALL: &[Quirk] = &[$(Quirk::$variant,)*];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Quirk::$variant => $name,)*
                }
            }

            /// One sentence for `streamsim list`.
            pub const fn summary(self) -> &'static str {
                match self {
                    $(Quirk::$variant => $summary,)*
                }
            }
        }
    };
}

quirks! {
    B01 "B-01" "a stream that wakes trusts a stored state that is behind its rows (#1380)",
    B02 "B-02" "Slack is answered before the webhook stands in the stream (#1389)",
    B04 "B-04" "the subscriptions of a new revision have the keys of the old one, and so never arrive (#1402 I4)",
    B05 "B-05" "a catch-up waits for the head, which a filtered processor never reaches (#1402 I3)",
    B06 "B-06" "a wake hook waits, inside the lifecycle gate, for a delivery to its own object (#1402 I5)",
    B07 "B-07" "a stream announces itself before its first event is committed (#1402 I7)",
    B08 "B-08" "a host takes batches before it is initialized, and swallows their failure (#1402 I8)",
    B09 "B-09" "a redelivered model request that is `started` is taken for done (#1402)",
    B10 "B-10" "a model call holds its batch, so a cancellation is seen when the call is over (#1402 D12)",
    B11 "B-11" "an agent is set up when its stream's `created` is seen, which lies below every anchor (#1402)",
    B13 "B-13" "a subscriber that nobody dials takes the key of one that is served (#1402)",
    B14 "B-14" "the agent of a routed stream does not register what asks and answers the model (#1372)",
    B15 "B-15" "a subscriber whose connection broke is never dialed again (#1377)",
    B16 "B-16" "a subscription that is configured anew keeps its old connection (#1367)",
    B17 "B-17" "who waits for a processor in vain is told nothing, and acts on what is older than it asked for (#1370)",
    B20 "B-20" "a host swallows a failed batch and goes on with the next one (#1458)",
    B23 "B-23" "a state setter is on a stream's public surface (#1458)",
    B24 "B-24" "nobody looks at what becomes of deliveries, so a dead subscriber stays connected (#1471)",
    B25 "B-25" "the debounce timer of a scheduled request dies with its incarnation (#1460)",
    B26 "B-26" "a model request that died is taken up at the next event, which a quiet stream never has (#1460)",
    B27 "B-27" "what is dangling is read, and claimed only later, once for each subscriber that connects (#1460)",
    B28 "B-28" "a first message below the side-effects anchor is never answered (#1481)",
    B34 "B-34" "the types that a subscriber asks for get lost on the way (#1458 M5)",
    B37 "B-37" "an agent is booted for every child stream, also for those that are infrastructure (#1501)",
    B38 "B-38" "connections on which nothing happens stay open for ever (#1518)",
    B40 "B-40" "a pending trigger is kept in the state, and nobody looks there (#1523)",
    B41 "B-41" "nobody boots the agents of streams that are created below an agent's (#1523)",
    B42 "B-42" "a provider answers every model request, whichever provider was selected (#1523)",
    B43 "B-43" "side effects run from the beginning of the log, wherever the subscription came (#1524)",
    B50 "B-50" "each input that finds the agent idle schedules a request, from the state as of its event (#1620)",
    B51 "B-51" "a model request that failed ends the conversation (#1716)",
    B52 "B-52" "a model request that was not yet started is forgotten with its incarnation (#1730)",
    B53 "B-53" "no alarm stands while something is owed, so nobody wakes what died with all delivered (#1801)",
    B58 "B-58" "a debounce survives the cancellation of what it was set for (#1808)",
    B60 "B-60" "a model request that its host's death cut off counts as one that failed (#1808)",
    B61 "B-61" "what the model had said when it was interrupted is lost (#1886)",
    B69 "B-69" "an attempt starts on what was open before a batch, whatever the batch says (#2153)",
    B66 "B-66" "webhooks are taken before the router is born, which then takes them for the past (#2038)",
    X1 "X-1" "an input is queued from the state as of its event, behind a request that has ended",
    X2 "X-2" "an input is queued late, behind the request that answers it, and asks for another one",
    X3 "X-3" "an output is appended after a look at the head, not at it: a cancellation gets in between",
    X5 "X-5" "what was made without a key is made again when its batch is delivered again: reactions, scripts",
    X6 "X-6" "a stream announces itself once, and never again if that is lost",
    X7 "X-7" "a failed dial waits for the next event, which a quiet stream never has",
    X8 "X-8" "a host drops the batches of a superseded handshake without a word",
    X9 "X-9" "a host that gave up on a batch is dialed again, and again",
    X10 "X-10" "a host that gives up refuses its batches and never lets go, and so is dialed at once",
    X11 "X-11" "a paused stream makes its processors give up, and its end dials nobody",
    X12 "X-12" "what a session was busy with when it died stays open for ever",
    X15 "X-15" "whoever connects makes a provider take up what looked unfinished as of that event",
    X16 "X-16" "a provider takes up what looks unfinished at the end of a batch",
}

/// Bugs of the catalogue that have no quirk, because nothing here could have them: name, and why.
pub const IMPOSSIBLE: &[(&str, &str)] = &[
    (
        "B-36",
        "a tail that is silently dead (#1444): the platform has no client that tails a stream; followers are outside, and look whether they make progress",
    ),
    (
        "X-4",
        "a request whose body lacks what came before it: a request has no body; who executes it reads the stream up to it, and it is appended at the head that it was decided at",
    ),
];

impl fmt::Display for Quirk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown quirk {0:?}; `streamsim list` shows the known ones")]
pub struct UnknownQuirk(pub String);

impl FromStr for Quirk {
    type Err = UnknownQuirk;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Quirk::ALL
            .iter()
            .copied()
            .find(|quirk| quirk.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownQuirk(name.to_owned()))
    }
}

/// The quirks that are on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quirks(u128);

impl Quirks {
    pub const NONE: Quirks = Quirks(0);

    pub fn with(self, quirk: Quirk) -> Self {
        Quirks(self.0 | 1 << quirk as u8)
    }

    pub fn has(self, quirk: Quirk) -> bool {
        self.0 & (1 << quirk as u8) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Quirk> {
        Quirk::ALL
            .iter()
            .copied()
            .filter(move |quirk| self.has(*quirk))
    }
}

impl FromIterator<Quirk> for Quirks {
    fn from_iter<I: IntoIterator<Item = Quirk>>(quirks: I) -> Self {
        quirks.into_iter().fold(Quirks::NONE, Quirks::with)
    }
}
