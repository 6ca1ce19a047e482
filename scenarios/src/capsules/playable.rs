//! What a capsule is to run, and what that must come to. Here its names are looked up: of scenario,
//! known bugs, sites and their values.

use crate::command::{decide, flags, names};
use runtime::quirk::Quirks;
use sim::{
    capsule::{Capsule, CapsuleDecision, DecisionValue, Landmark},
    exploration::replay::Expected,
    world::{Answers, FaultLevel, Operations, Plan, RecordedDecision},
};

/// A capsule, ready to run.
pub struct Playable {
    pub plan: Plan,
    /// Of the decisions of the plan.
    pub landmarks: Vec<Option<Landmark>>,
    pub expected: Expected,
}

/// A capsule that is well-formed, and speaks of what is not known here.
#[derive(Debug, thiserror::Error)]
#[error("field `{field}`: {problem}")]
pub struct Unplayable {
    pub field: String,
    pub problem: String,
}

/// # Errors
/// Something that the capsule names does not exist here.
pub fn playable(capsule: &Capsule) -> Result<Playable, Unplayable> {
    let scenario = names::scenario(&capsule.scenario).map_err(in_field("scenario"))?;
    let mut quirks = Quirks::NONE;
    for (place, name) in capsule.quirks.iter().enumerate() {
        let field = format!("quirks[{place}]");
        quirks = quirks.with(names::quirk(name).map_err(in_field(&field))?);
    }
    let decisions = capsule.decisions.iter().enumerate().map(|(place, one)| {
        let field = format!("decisions[{place}].value");
        recorded(one).map_err(|problem| Unplayable { field, problem })
    });
    let operations = match capsule.recorded_operations() {
        Some(operations) => Operations::Recorded(operations),
        None => Operations::Drawn,
    };
    let plan = Plan {
        scheduler_seed: Some(capsule.scheduler_seed),
        quirks,
        faults: faults(&capsule.faults)?,
        operations,
        answers: Answers::Recorded(decisions.collect::<Result<_, _>>()?),
        ..Plan::new(scenario, capsule.seed)
    };
    let landmarks = capsule.decisions.iter().map(|one| one.after.clone());
    Ok(Playable {
        plan,
        landmarks: landmarks.collect(),
        expected: Expected {
            key: capsule.failure.key.clone(),
            trace: capsule.trace,
        },
    })
}

fn in_field<E: std::fmt::Display>(field: &str) -> impl FnOnce(E) -> Unplayable {
    let field = field.to_owned();
    move |error| Unplayable {
        field,
        problem: error.to_string(),
    }
}

fn faults(word: &str) -> Result<FaultLevel, Unplayable> {
    let known = flags::FAULTS.iter().find(|(known, _)| *known == word);
    known.map(|(_, level)| *level).ok_or_else(|| {
        let words: Vec<&str> = flags::FAULTS.iter().map(|(word, _)| *word).collect();
        Unplayable {
            field: "faults".to_owned(),
            problem: format!("{word:?} is none of {}", words.join(", ")),
        }
    })
}

/// A site that is not known here may be a scenario's own, and its value a number.
fn recorded(decision: &CapsuleDecision) -> Result<RecordedDecision, String> {
    let site = sim::sites().find(|site| site.name == decision.site);
    let value = match (&decision.value, site) {
        (DecisionValue::Number(number), None) => Ok(*number),
        (DecisionValue::Word(word), None) => names::site(&decision.site)
            .map(|_| 0)
            .map_err(|error| format!("{word:?} cannot be read: {error}")),
        (value, Some(site)) => {
            let text = match value {
                DecisionValue::Number(number) => number.to_string(),
                DecisionValue::Word(word) => word.clone(),
            };
            // The first version wrote the number of a variant.
            let number = match value {
                DecisionValue::Number(number) => site.shape.holds(*number).then_some(*number),
                DecisionValue::Word(_) => None,
            };
            decide::value(site, &text).or_else(|error| number.ok_or(error.to_string()))
        }
    }?;
    Ok(RecordedDecision {
        site: decision.site.clone(),
        subject: decision.subject.as_str().into(),
        n: decision.n,
        value,
    })
}
