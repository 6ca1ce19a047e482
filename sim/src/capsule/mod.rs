//! Capsules: a failing world as one small file (design §9).
//!
//! A capsule holds everything that its world needs: scenario, seeds, known bugs, what people did and
//! what went other than usual; and what came of it: the failure, the trace. It is meant to be read and
//! to be compared: an operation and a decision are a line each, and what only a machine reads (the
//! recorded trace) is one line at the end.
//!
//! | version | what is in it |
//! | --- | --- |
//! | 1 | the reports of the first weeks: no operations (they were drawn, as decisions among others), no build, no recording. Still read: operations are drawn by the seed |
//! | 2 | this one |
//!
//! - [`parse`](Capsule::parse), [`to_text`](Capsule::to_text): the format, and what is wrong with a file.
//! - [`text`]: how it is laid out. [`recording`]: the trace, packed.

mod recording;
mod text;

pub use recording::{Recording, RecordingError};

use crate::{trace::TraceHash, world::RecordedOperation};
use serde::{de::DeserializeOwned, Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::{collections::BTreeSet, sync::Arc};

/// The version that is written.
pub const FORMAT: u32 = 2;
/// A larger file is none of ours.
pub const BYTES_MAX: usize = 16 << 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capsule {
    /// Always [`FORMAT`] in memory.
    pub format: u32,
    pub scenario: String,
    pub seed: u64,
    /// Of madsim's own generator: which of several ready tasks runs first.
    pub scheduler_seed: u64,
    /// Known bugs that are on, such as `B-28`.
    pub quirks: Vec<String>,
    /// `none`, `swarm`, `storm` or `unlimited`. What is recorded happens at any of them; with the
    /// last, only safety is judged.
    pub faults: String,
    pub failure: CapsuleFailure,
    /// `None` only of version 1: they are drawn by the seed.
    pub operations: Option<Vec<CapsuleOperation>>,
    pub decisions: Vec<CapsuleDecision>,
    /// `None` only of version 1.
    pub build: Option<Build>,
    #[serde(with = "hash")]
    pub trace: TraceHash,
    /// The trace itself, for comparison; absent of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recording: Option<Recording>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapsuleFailure {
    /// `oracle/subject-class`: what a replay must come to.
    pub key: String,
    /// `safety`, `liveness` or `crash`.
    pub kind: String,
    pub at_ms: u64,
    pub message: String,
}

/// A step of an actor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapsuleOperation {
    pub actor: String,
    /// Its place in the actor's list, from 0.
    pub n: u32,
    pub does: Value,
}

/// A choice that was not answered with its default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapsuleDecision {
    pub site: String,
    pub subject: String,
    /// Which occurrence of that pair, from 0.
    pub n: u32,
    pub value: DecisionValue,
    /// Where it came up, to find the place again when other code has moved its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Landmark>,
}

/// `"yes"`, the name of a variant, or a number of milliseconds, bytes or whatever the site counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DecisionValue {
    Number(u64),
    Word(String),
}

/// What its object had just done when a choice came up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Landmark {
    /// The last trace event of the subject's object, its numbers taken out.
    pub event: String,
    /// So many occurrences of this site and subject with the same event came before.
    pub nth: u32,
}

/// Where the program came from that wrote a capsule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Of the checkout from which it was built; `unknown` outside of one.
    pub revision: String,
    /// Something in the checkout differed from that revision.
    pub dirty: bool,
    pub toolchain: String,
    /// `debug` or `release`.
    pub profile: String,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum CapsuleError {
    #[error("it has {bytes} bytes, and no capsule has more than {BYTES_MAX}")]
    TooLarge { bytes: usize },
    #[error("it is not text: byte {at} is not UTF-8")]
    NotText { at: usize },
    #[error("it has no field `format` that says its version, a whole number")]
    NoFormat,
    #[error(
        "its format {format} is newer than this program, which reads up to {FORMAT}: use the one \
         that wrote it, or a newer one"
    )]
    Newer { format: u64 },
    #[error("its format {0} never was one: the first is 1")]
    NeverWas(u64),
    #[error("field `{field}`: {problem}")]
    Field { field: String, problem: String },
    #[error("line {line}, column {column}: {problem}")]
    Syntax {
        line: usize,
        column: usize,
        problem: String,
    },
}

impl Capsule {
    /// Reads a capsule of any version so far.
    ///
    /// # Errors
    /// It is none; the error names line and field.
    pub fn parse(bytes: &[u8]) -> Result<Capsule, CapsuleError> {
        if bytes.len() > BYTES_MAX {
            return Err(CapsuleError::TooLarge { bytes: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|error| CapsuleError::NotText {
            at: error.valid_up_to(),
        })?;
        let capsule = match version(text)? {
            1 => read::<First>(text)?.into(),
            2 => read::<Capsule>(text)?,
            0 => return Err(CapsuleError::NeverWas(0)),
            format => return Err(CapsuleError::Newer { format }),
        };
        capsule.check()?;
        Ok(capsule)
    }

    /// What no single field shows.
    fn check(&self) -> Result<(), CapsuleError> {
        let field = |field: String, problem: String| Err(CapsuleError::Field { field, problem });
        let mut seen = BTreeSet::new();
        for (place, decision) in self.decisions.iter().enumerate() {
            let name = (&decision.site, &decision.subject, decision.n);
            if !seen.insert(name) {
                let problem = format!(
                    "{} of {}, n {} is decided twice: decide it once",
                    decision.site, decision.subject, decision.n
                );
                return field(format!("decisions[{place}]"), problem);
            }
        }
        let mut seen = BTreeSet::new();
        for (place, operation) in self.operations.iter().flatten().enumerate() {
            if !seen.insert((&operation.actor, operation.n)) {
                let (actor, n) = (&operation.actor, operation.n);
                let problem = format!("{actor} does n {n} twice: number them differently");
                return field(format!("operations[{place}]"), problem);
            }
        }
        Ok(())
    }

    pub fn recorded_operations(&self) -> Option<Vec<RecordedOperation>> {
        let operations = self.operations.as_ref()?.iter();
        let recorded = operations.map(|one| RecordedOperation {
            actor: one.actor.as_str().into(),
            n: one.n,
            does: one.does.clone(),
        });
        Some(recorded.collect())
    }
}

impl From<&RecordedOperation> for CapsuleOperation {
    fn from(operation: &RecordedOperation) -> Self {
        CapsuleOperation {
            actor: operation.actor.to_string(),
            n: operation.n,
            does: operation.does.clone(),
        }
    }
}

/// The version alone, whatever else there is.
fn version(text: &str) -> Result<u64, CapsuleError> {
    #[derive(Deserialize)]
    struct Versioned {
        #[serde(default)]
        format: Option<Value>,
    }
    let Versioned { format } = read(text)?;
    format
        .and_then(|format| format.as_u64())
        .ok_or(CapsuleError::NoFormat)
}

/// JSON with an error that tells where.
fn read<T: DeserializeOwned>(text: &str) -> Result<T, CapsuleError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        located(&inner, &field)
    })?;
    json.end().map_err(|error| located(&error, "."))?;
    Ok(read)
}

fn located(error: &serde_json::Error, field: &str) -> CapsuleError {
    let (line, column) = (error.line(), error.column());
    let said = error.to_string();
    let place = format!(" at line {line} column {column}");
    let said = said.strip_suffix(&place).unwrap_or(&said);
    let problem = match field {
        "." => said.to_owned(),
        field => format!("field `{field}`: {said}"),
    };
    CapsuleError::Syntax {
        line,
        column,
        problem,
    }
}

/// Version 1: a report of a failing world.
#[derive(Deserialize)]
struct First {
    scenario: String,
    seed: u64,
    quirks: Vec<String>,
    faults: String,
    #[serde(rename = "strategy")]
    _strategy: Option<String>,
    key: String,
    kind: String,
    message: String,
    at_ms: u64,
    #[serde(with = "hash")]
    trace: TraceHash,
    decisions: Vec<FirstDecision>,
}

#[derive(Deserialize)]
struct FirstDecision {
    site: String,
    subject: Arc<str>,
    n: u32,
    value: u64,
}

/// What the decisions of version 1 about operations are called.
const FIRST_OPERATION_SITES: &str = "workload.";

impl From<First> for Capsule {
    fn from(first: First) -> Self {
        let decisions = first.decisions.into_iter();
        // Those are drawn again, by the seed.
        let others = decisions.filter(|one| !one.site.starts_with(FIRST_OPERATION_SITES));
        Capsule {
            format: FORMAT,
            scenario: first.scenario,
            seed: first.seed,
            scheduler_seed: crate::world::scheduler_seed(first.seed),
            quirks: first.quirks,
            faults: first.faults,
            failure: CapsuleFailure {
                key: first.key,
                kind: first.kind,
                at_ms: first.at_ms,
                message: first.message,
            },
            operations: None,
            decisions: others
                .map(|one| CapsuleDecision {
                    site: one.site,
                    subject: one.subject.to_string(),
                    n: one.n,
                    value: DecisionValue::Number(one.value),
                    after: None,
                })
                .collect(),
            build: None,
            trace: first.trace,
            recording: None,
        }
    }
}

/// A trace hash as 16 hex digits.
mod hash {
    use super::*;
    use serde::de::Error;

    pub fn serialize<S: Serializer>(hash: &TraceHash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(hash)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<TraceHash, D::Error> {
        let text = String::deserialize(from)?;
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u64::from_str_radix(&text, 16).ok().filter(|_| is_hex);
        let refusal = || D::Error::custom(format!("{text:?} is not a trace: 16 hex digits are"));
        number.map(TraceHash).ok_or_else(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn capsule() -> Capsule {
        Capsule {
            format: FORMAT,
            scenario: "slack-first-message".to_owned(),
            seed: u64::MAX,
            scheduler_seed: 3,
            quirks: vec!["B-28".to_owned()],
            faults: "swarm".to_owned(),
            failure: CapsuleFailure {
                key: "obligation/input-unanswered".to_owned(),
                kind: "liveness".to_owned(),
                at_ms: 312_064,
                message: "an input is followed by no request".to_owned(),
            },
            operations: Some(vec![CapsuleOperation {
                actor: "somebody".to_owned(),
                n: 1,
                does: json!({ "after_ms": 12, "text": "Hello, \"you\"." }),
            }]),
            decisions: vec![
                CapsuleDecision {
                    site: "rpc.request-lost".to_owned(),
                    subject: "agent p1:/a → stream p1:/a".to_owned(),
                    n: 11,
                    value: DecisionValue::Word("yes".to_owned()),
                    after: Some(Landmark {
                        event: "call append on stream p1:/a".to_owned(),
                        nth: 2,
                    }),
                },
                CapsuleDecision {
                    site: "rpc.delay".to_owned(),
                    subject: "agent p1:/a → stream p1:/a".to_owned(),
                    n: 11,
                    value: DecisionValue::Number(400),
                    after: None,
                },
            ],
            build: Some(Build {
                revision: "0123abc".to_owned(),
                dirty: true,
                toolchain: "rustc 1.95.0".to_owned(),
                profile: "release".to_owned(),
            }),
            trace: TraceHash(0x0f),
            recording: Some(Recording::pack(["one", "two"])),
        }
    }

    fn refusal(text: &str) -> String {
        Capsule::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = capsule().to_text();
        assert_eq!(Capsule::parse(text.as_bytes()).unwrap(), capsule());
    }

    #[test]
    fn an_operation_and_a_decision_are_a_line_each() {
        insta::with_settings!({ snapshot_path => "../../../snapshots", prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!("capsule_format_2", capsule().to_text());
        });
    }

    #[test]
    fn the_first_version_is_still_read() {
        let text = r#"{
          "format": 1, "scenario": "streams-idle", "seed": 17, "quirks": ["X-7"], "faults": "swarm",
          "strategy": "swarm", "key": "processor/behind", "kind": "liveness", "message": "m",
          "at_ms": 5, "trace": "00000000000000ff", "command": "again",
          "decisions": [
            {"site": "workload.rounds", "subject": "quiet", "n": 0, "value": 2, "in_words": "number 2"},
            {"site": "rpc.delay", "subject": "a → b", "n": 3, "value": 250, "in_words": "+250 ms"}
          ]
        }"#;
        let capsule = Capsule::parse(text.as_bytes()).unwrap();
        assert_eq!(capsule.operations, None, "they are drawn by the seed");
        assert_eq!(capsule.decisions.len(), 1);
        assert_eq!(capsule.decisions[0].site, "rpc.delay");
        assert_eq!(capsule.trace, TraceHash(0xff));
    }

    #[test]
    fn an_error_names_line_and_field() {
        let text = capsule().to_text();
        let wrong = |from: &str, to: &str| {
            assert!(text.contains(from), "{from}");
            refusal(&text.replacen(from, to, 1))
        };
        for (from, to, expected) in [
            (
                "\"n\": 11",
                "\"n\": -1",
                "field `decisions[0].n`: invalid value",
            ),
            (
                "\"seed\": ",
                "\"sead\": ",
                "line 4, column 8: field `sead`: unknown field `sead`",
            ),
            (
                "\"trace\": \"0",
                "\"trace\": \"x",
                "field `trace`: \"x00000000000000f\" is not a trace",
            ),
            (
                "\"actor\": \"somebody\", ",
                "",
                "field `operations[0]`: missing field `actor`",
            ),
            (
                "\"recording\": \"",
                "\"recording\": \"!",
                "field `recording`: it is not base64",
            ),
            (
                "\"n\": 11, \"value\": 400",
                "\"n\": 11, \"value\": true",
                "field `decisions[1].value`",
            ),
            (
                "rpc.delay",
                "rpc.request-lost",
                "field `decisions[1]`: rpc.request-lost of agent",
            ),
        ] {
            let said = wrong(from, to);
            assert!(said.contains(expected), "{said}");
        }
    }

    #[test]
    fn other_files_are_refused_with_a_sentence() {
        let text = capsule().to_text();
        let cut = refusal(&text[..text.len() / 2]);
        assert!(cut.contains("EOF while parsing"), "{cut}");
        assert!(refusal("").contains("EOF while parsing"));
        assert_eq!(
            refusal(r#"{"format": 3}"#),
            "its format 3 is newer than this program, which reads up to 2: use the one that wrote \
             it, or a newer one"
        );
        assert_eq!(
            refusal(r#"{"format": 0}"#),
            "its format 0 never was one: the first is 1"
        );
        for none in ["{}", r#"{"format": "2"}"#, r#"{"format": -1}"#] {
            assert!(
                refusal(none).starts_with("it has no field `format`"),
                "{none}"
            );
        }
        let not_text = Capsule::parse(&[b'{', 0xff]).unwrap_err().to_string();
        assert_eq!(not_text, "it is not text: byte 1 is not UTF-8");
        let large = Capsule::parse(&vec![b' '; BYTES_MAX + 1]).unwrap_err();
        assert!(large.to_string().starts_with("it has 16777217 bytes"));
        let twice = format!("{text}{text}");
        assert!(refusal(&twice).contains("trailing characters"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Capsule::parse(&bytes);
        }

        #[test]
        fn no_cut_and_no_flipped_byte_makes_it_panic(at in 0usize..2_000, byte in any::<u8>(), cut in any::<bool>()) {
            let mut bytes = capsule().to_text().into_bytes();
            let at = at % bytes.len();
            match cut {
                true => bytes.truncate(at),
                false => bytes[at] = byte,
            }
            if let Ok(read) = Capsule::parse(&bytes) {
                let again = Capsule::parse(read.to_text().as_bytes());
                prop_assert_eq!(again.unwrap(), read);
            }
        }
    }
}
