//! People who ask for scripts, and call functions, without waiting for what comes of it.

use super::platform::{begin, call, session_stream};
use futures_util::{
    future::{join_all, BoxFuture},
    FutureExt,
};
use processors::{
    codemode::{
        contract::{SCRIPT_EXECUTION_REQUESTED, VARS_UPDATED},
        object::{BINDING, CALL_FUNCTION, CREATE_SESSION},
    },
    slack_api::settings::{BOT_TOKEN, HOST},
};
use runtime::{
    call::Arguments,
    event::{EventInput, StreamName},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sim::world::World;
use std::collections::BTreeSet;

/// Whether a call of a function was answered with what it gave.
pub const CALL_ANSWERED: &str = "call-answered";

/// Something that somebody does at a session.
#[derive(Serialize, Deserialize)]
pub struct Step {
    pub after_ms: u64,
    pub session: String,
    /// Nobody else does it under this number.
    pub number: u64,
    pub does: Does,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    /// Appends a request to the stream.
    Ask(Script),
    /// Has the session's object append it.
    Create(Script),
    /// Calls a function, as no script does.
    Call,
    Vars,
    /// As an operator does.
    Kill,
}

/// What a script does.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Script {
    /// Has so many things made, one after the other, with pauses.
    Make {
        items: u64,
        pause_ms: u64,
    },
    /// Has something registered, by somebody who knows the call when it comes again.
    Register,
    /// Asks the clerk.
    Ask,
    /// Has two things made and asks the clerk, all at once.
    AtOnce,
    /// Has something made and does not wait for it.
    Forget,
    /// Has something made, and listens.
    Listen,
    /// Calls somebody who is never there.
    Nobody,
    /// Writes lines, and reads variables.
    Log,
    Fetch,
    Throw,
}

impl Script {
    /// Every item bears the script's own name.
    fn code(self, id: &str) -> String {
        match self {
            Script::Make { items, pause_ms } => format!(
                "async (ctx) => {{
  const made = [];
  for (let item = 1; item <= {items}; item++) {{
    made.push((await ctx.workshop.make('{id}/' + item)).made);
    await new Promise((resolve) => setTimeout(resolve, {pause_ms}));
  }}
  return made;
}}"
            ),
            Script::Register => {
                format!("async (ctx) => (await ctx.registry.register('{id}/1')).made")
            }
            Script::Ask => "async (ctx) => {
  const refusal = await ctx.office.clerk.refuse().catch((error) => error.message);
  return [await ctx.office.clerk.stamp(), refusal];
}"
            .to_owned(),
            Script::AtOnce => format!(
                "(ctx) => Promise.all([ctx.workshop.make('{id}/1'), ctx.office.clerk.stamp(), ctx.workshop.make('{id}/2')])"
            ),
            Script::Forget => format!("(ctx) => {{ ctx.workshop.make('{id}/1'); return 'forgotten'; }}"),
            Script::Listen => format!(
                "async (ctx) => {{
  const heard = [];
  await ctx.workshop.make('{id}/1', (item) => heard.push(item));
  return heard;
}}"
            ),
            Script::Nobody => "(ctx) => ctx.office.boss.decide()".to_owned(),
            Script::Log => "async (ctx) => {
  console.log('one', ctx.codemode.vars);
  console.warn('two');
  await new Promise((resolve) => setTimeout(resolve, 50));
  console.error('three', await ctx.codemode.ping());
}"
            .to_owned(),
            Script::Fetch => format!(
                "async () => {{
  const response = await fetch('https://{HOST}/api/auth.test', {{
    method: 'POST', headers: {{ authorization: 'Bearer {BOT_TOKEN}' }},
  }});
  return [response.status, (await response.json()).ok];
}}"
            ),
            Script::Throw => "() => { throw new Error('on purpose'); }".to_owned(),
        }
    }
}

/// Who does things at sessions. Where somebody does something for the first time, one begins.
pub struct People<'a> {
    world: &'a World,
    begun: BTreeSet<String>,
    answers: Vec<BoxFuture<'static, bool>>,
}

impl<'a> People<'a> {
    pub fn new(world: &'a World) -> Self {
        People {
            world,
            begun: BTreeSet::new(),
            answers: Vec::new(),
        }
    }

    /// Waits for the answers to calls of functions.
    pub async fn hear(self) {
        for is_ok in join_all(self.answers).await {
            self.world.observe(CALL_ANSWERED, json!(is_ok));
        }
    }

    pub async fn perform(&mut self, step: Step) {
        let Step {
            after_ms,
            session,
            number,
            does,
        } = step;
        self.world.sleep(after_ms).await;
        let stream = session_stream(&session);
        let id = format!("{session}-{number}");
        if self.begun.insert(session.clone()) {
            begin(self.world, &session).await;
        }
        self.do_at(&stream, number, &id, does);
    }

    /// Begins it; nobody waits for what comes of it.
    fn do_at(&mut self, stream: &StreamName, number: u64, id: &str, does: Does) {
        let world = self.world;
        match does {
            Does::Ask(script) => {
                let payload = json!({ "scriptExecutionId": id, "code": script.code(id) });
                let key = format!("workload/script-{number}");
                let asked = EventInput::new(SCRIPT_EXECUTION_REQUESTED, payload).keyed(key);
                drop(world.append(stream.clone(), vec![asked]));
            }
            Does::Create(script) => {
                let arguments = Arguments::new()
                    .json("code", script.code(id))
                    .json("scriptExecutionId", id);
                drop(call(world, stream, CREATE_SESSION, arguments));
            }
            Does::Call => {
                let arguments = Arguments::new()
                    .json("path", ["workshop", "make"])
                    .json("args", [format!("{id}/1")])
                    .json("functionCallId", format!("call-{id}"));
                let answer = call(world, stream, CALL_FUNCTION, arguments);
                let answer = answer.map(|answer| answer.is_ok());
                self.answers.push(answer.boxed());
            }
            Does::Vars => {
                let vars = json!({ "vars": { "number": number.to_string() } });
                let key = format!("workload/vars-{number}");
                let updated = EventInput::new(VARS_UPDATED, vars).keyed(key);
                drop(world.append(stream.clone(), vec![updated]));
            }
            Does::Kill => {
                let name = stream.to_string();
                // Who is killed does not answer.
                drop(world.client(move |context| {
                    Box::pin(async move {
                        let session = context.object(BINDING, name);
                        let _ = session.call("kill", Arguments::new()).await;
                    })
                }));
            }
        }
    }
}
