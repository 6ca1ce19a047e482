//! JSONata, evaluated by a library, and so that a seed decides everything: the time and chance in
//! an expression come from the ports, and what bounds it is counted, not timed.
//!
//! | function | here |
//! | --- | --- |
//! | `$now`, `$millis` | [`Context::now`] |
//! | `$random`, `$shuffle`, `$uuid` | [`Context::draw_id`]; `$uuid` is an addition of ours |
//! | `$toMillis` | refuses a picture without a year: the rest would be today's |
//! | `$eval` | refused: what it evaluates would not be counted |
//!
//! An expression may call [`CALLS_MAX`] of its own functions, nest [`DEPTH_MAX`] levels, and make
//! sequences of [`SEQUENCE_LENGTH_MAX`] items. A call in tail position nests like any other.

use crate::object::Context;
use jsonata_core::{
    ast::{AstNode, PathStep, Stage},
    evaluator::{self, Evaluator, EvaluatorError, EvaluatorOptions},
    parser,
    value::JValue,
};
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use xxhash_rust::xxh3::xxh3_64;

pub const CALLS_MAX: u32 = 100_000;
pub const DEPTH_MAX: usize = 5_000;
pub const SEQUENCE_LENGTH_MAX: usize = 100_000;

/// How deep a result may nest; what a reader of JSON accepts as well.
const RESULT_DEPTH_MAX: usize = 120;

/// Counts the calls of an expression's own functions. No expression can name it.
const COUNT_CALL: &str = "count call";

/// Integers beyond it are not exact in a double.
const EXACT_INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("JSONata {expression:?}: {message}")]
pub struct JsonataError {
    pub expression: String,
    /// With the code of the JSONata documentation, such as `T2001`, if there is one.
    pub message: String,
}

/// Evaluates an expression on `input`, with these values as `$variables`. Neither the input nor
/// the result is there if it is undefined.
///
/// # Errors
/// The expression does not parse, fails, exceeds a bound, or gives what is no JSON, as a function.
pub fn evaluate(
    context: &Context,
    expression: &str,
    input: Option<&Value>,
    variables: &Map<String, Value>,
) -> Result<Option<Value>, JsonataError> {
    let failed = |message: String| JsonataError {
        expression: expression.to_owned(),
        message,
    };
    let mut ast = parser::parse(expression).map_err(|error| failed(error.to_string()))?;
    count_calls(&mut ast);
    let mut scope = evaluator::Context::new();
    for (name, value) in variables {
        scope.bind(name.clone(), JValue::from(value.clone()));
    }
    let mut evaluator = Evaluator::with_options(scope, options());
    bind_ports(&mut evaluator, context).expect("the library lets these be replaced");
    let input = input.map_or(JValue::Undefined, |input| JValue::from(input.clone()));
    let result = evaluator.evaluate(&ast, &input);
    let result = result.map_err(|error| failed(error.to_string()))?;
    to_json(&result, 0).map_err(failed)
}

fn options() -> EvaluatorOptions {
    EvaluatorOptions {
        timeout_ms: None,
        cancel: None,
        max_stack_depth: Some(DEPTH_MAX),
        max_sequence_length: Some(SEQUENCE_LENGTH_MAX),
    }
}

/// Puts the ports where the library would ask the system.
fn bind_ports(evaluator: &mut Evaluator, context: &Context) -> Result<(), EvaluatorError> {
    let calls = Cell::new(0);
    evaluator.register_fn(COUNT_CALL, move |_: &[JValue]| {
        calls.set(calls.get() + 1);
        match calls.get() > CALLS_MAX {
            true => Err(refusal(format!("more than {CALLS_MAX} calls"))),
            false => Ok(JValue::Undefined),
        }
    })?;
    let ports = context.clone();
    evaluator.register_fn("uuid", move |_: &[JValue]| {
        Ok(JValue::from(ports.draw_id().to_string()))
    })?;
    let ports = context.clone();
    evaluator.register_fn_override("millis", move |_: &[JValue]| {
        Ok(JValue::from(ports.now().unix_ms))
    })?;
    let ports = context.clone();
    evaluator.register_fn_override("now", move |arguments: &[JValue]| match arguments {
        [] => Ok(JValue::from(ports.now().to_string())),
        format => {
            let mut arguments = vec![JValue::from(ports.now().unix_ms)];
            arguments.extend_from_slice(format);
            apply_builtin("fromMillis", arguments)
        }
    })?;
    let ports = context.clone();
    evaluator.register_fn_override("random", move |_: &[JValue]| {
        Ok(JValue::from(draw_unit(&ports)))
    })?;
    let ports = context.clone();
    evaluator.register_fn_override("shuffle", move |arguments: &[JValue]| {
        Ok(match arguments.first() {
            Some(JValue::Array(items)) => JValue::from(shuffled(&ports, items.to_vec())),
            Some(JValue::Undefined) | None => JValue::Undefined,
            Some(item) => JValue::from(vec![item.clone()]),
        })
    })?;
    evaluator.register_fn_override("toMillis", |arguments: &[JValue]| match arguments {
        [_, JValue::String(picture), ..] if !has_year(picture) => Err(refusal(format!(
            "$toMillis takes no picture without a year: {picture:?}"
        ))),
        arguments => apply_builtin("toMillis", arguments.to_vec()),
    })?;
    evaluator.register_fn_override("eval", |_: &[JValue]| {
        Err(refusal("$eval is not available".to_owned()))
    })
}

fn refusal(message: String) -> EvaluatorError {
    EvaluatorError::EvaluationError(message)
}

/// Calls the library's own function.
fn apply_builtin(name: &str, arguments: Vec<JValue>) -> Result<JValue, EvaluatorError> {
    let mut scope = evaluator::Context::new();
    let mut names = Vec::new();
    for (number, argument) in arguments.into_iter().enumerate() {
        names.push(AstNode::Variable(format!("argument{number}")));
        scope.bind(format!("argument{number}"), argument);
    }
    let call = AstNode::Function {
        name: name.to_owned(),
        args: names,
        is_builtin: true,
    };
    Evaluator::with_options(scope, options()).evaluate(&call, &JValue::Undefined)
}

/// Whether a picture of a date says the year, the week's or the calendar's.
fn has_year(picture: &str) -> bool {
    picture.contains("[Y") || picture.contains("[X")
}

/// A number from 0, below 1.
fn draw_unit(context: &Context) -> f64 {
    let bits = xxh3_64(context.draw_id().as_bytes()) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

/// Fisher and Yates.
fn shuffled(context: &Context, mut items: Vec<JValue>) -> Vec<JValue> {
    for last in (1..items.len()).rev() {
        let chosen = (draw_unit(context) * (last + 1) as f64) as usize;
        items.swap(last, chosen);
    }
    items
}

/// Makes every function of the expression count its calls. Without tail calls, so that recursion
/// without end runs into the bound of the depth.
fn count_calls(node: &mut AstNode) {
    match node {
        AstNode::Lambda { body, thunk, .. } => {
            count_calls(body);
            *thunk = false;
            let body = Box::as_mut(body);
            let counted = std::mem::replace(body, AstNode::Undefined);
            *body = counting(counted);
        }
        AstNode::FunctionApplication(body) => {
            count_calls(body);
            let body = Box::as_mut(body);
            let counted = std::mem::replace(body, AstNode::Undefined);
            *body = counting(counted);
        }
        AstNode::Path { steps } => steps.iter_mut().for_each(count_calls_of_step),
        AstNode::Binary { lhs, rhs, .. } => {
            count_calls(lhs);
            count_calls(rhs);
        }
        AstNode::Unary { operand, .. } => count_calls(operand),
        AstNode::Function { args, .. } => args.iter_mut().for_each(count_calls),
        AstNode::Call { procedure, args } => {
            count_calls(procedure);
            args.iter_mut().for_each(count_calls);
        }
        AstNode::Array(items) | AstNode::ArrayGroup(items) | AstNode::Block(items) => {
            items.iter_mut().for_each(count_calls);
        }
        AstNode::Object(pairs) => count_calls_of_pairs(pairs),
        AstNode::ObjectTransform { input, pattern } => {
            count_calls(input);
            count_calls_of_pairs(pattern);
        }
        AstNode::Conditional {
            condition,
            then_branch,
            else_branch,
        } => {
            count_calls(condition);
            count_calls(then_branch);
            else_branch
                .iter_mut()
                .for_each(|branch| count_calls(branch));
        }
        AstNode::Sort { input, terms } => {
            count_calls(input);
            terms.iter_mut().for_each(|(term, _)| count_calls(term));
        }
        AstNode::Transform {
            location,
            update,
            delete,
        } => {
            count_calls(location);
            count_calls(update);
            delete.iter_mut().for_each(|delete| count_calls(delete));
        }
        AstNode::String(_)
        | AstNode::Name(_)
        | AstNode::Number(_)
        | AstNode::Boolean(_)
        | AstNode::Null
        | AstNode::Undefined
        | AstNode::Placeholder
        | AstNode::Regex { .. }
        | AstNode::Variable(_)
        | AstNode::ParentVariable(_)
        | AstNode::Wildcard
        | AstNode::Descendant
        | AstNode::Parent(_) => {}
    }
}

fn count_calls_of_step(step: &mut PathStep) {
    count_calls(&mut step.node);
    for stage in &mut step.stages {
        match stage {
            Stage::Filter(filter) => count_calls(filter),
            Stage::KeepArray | Stage::Index(_) => {}
        }
    }
}

fn count_calls_of_pairs(pairs: &mut [(AstNode, AstNode)]) {
    for (key, value) in pairs {
        count_calls(key);
        count_calls(value);
    }
}

fn counting(body: AstNode) -> AstNode {
    let count = AstNode::Function {
        name: COUNT_CALL.to_owned(),
        args: Vec::new(),
        is_builtin: true,
    };
    AstNode::Block(vec![count, body])
}

/// The JSON of a value; none if it is undefined. What is undefined inside is left out of an object,
/// and is `null` in a list, as JavaScript writes it.
fn to_json(value: &JValue, depth: usize) -> Result<Option<Value>, String> {
    if depth > RESULT_DEPTH_MAX {
        return Err(format!(
            "the result nests deeper than {RESULT_DEPTH_MAX} levels"
        ));
    }
    Ok(Some(match value {
        JValue::Undefined => return Ok(None),
        JValue::Null => Value::Null,
        JValue::Bool(truth) => Value::Bool(*truth),
        JValue::Number(number) => number_to_json(*number),
        JValue::String(text) => Value::String(text.to_string()),
        JValue::Array(items) => {
            let items = items.iter();
            let items = items.map(|item| Ok(to_json(item, depth + 1)?.unwrap_or(Value::Null)));
            Value::Array(items.collect::<Result<_, String>>()?)
        }
        JValue::Object(fields) => {
            let mut object = Map::new();
            for (name, field) in fields.iter() {
                if let Some(field) = to_json(field, depth + 1)? {
                    object.insert(name.clone(), field);
                }
            }
            Value::Object(object)
        }
        JValue::Lambda(_) | JValue::Builtin { .. } => return Err("gives a function".to_owned()),
        JValue::Regex { .. } => return Err("gives a regular expression".to_owned()),
    }))
}

/// As JavaScript writes a double: whole numbers without a point, and no infinity.
fn number_to_json(number: f64) -> Value {
    match number.fract() == 0.0 && number.abs() <= EXACT_INTEGER_MAX {
        true => Value::from(number as i64),
        false => Number::from_f64(number).map_or(Value::Null, Value::Number),
    }
}
