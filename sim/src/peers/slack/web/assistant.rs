//! `assistant.threads.setStatus`: what the app says it is doing in a thread. It disappears when
//! the app posts there, or after two minutes.

use super::{arguments::Arguments, Done, Effect, MethodError, Slack};

const LOADING_MESSAGES_MAX: usize = 10;

pub(super) fn set_status(slack: &Slack, arguments: &Arguments) -> Result<Done, MethodError> {
    let channel = arguments.text("channel_id").ok_or("channel_not_found")?;
    let thread_ts = arguments.text("thread_ts").ok_or("invalid_thread_ts")?;
    let status = arguments.text("status").unwrap_or_default();
    let loading = arguments
        .nested("loading_messages")
        .map_err(|()| "invalid_arguments")?;
    let loading = loading.as_ref().and_then(|list| list.as_array());
    if loading.is_some_and(|list| list.len() > LOADING_MESSAGES_MAX) {
        return Err("invalid_arguments");
    }
    slack
        .lock_workspace()
        .channel_mut(channel)
        .ok_or("channel_not_found")?
        .set_status(thread_ts, status);
    Ok(Done {
        effect: Some(Effect {
            channel: channel.to_owned(),
            ts: thread_ts.to_owned(),
            text: Some(status.to_owned()),
            ..Effect::default()
        }),
        ..Done::default()
    })
}
