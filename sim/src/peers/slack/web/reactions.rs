//! `reactions.add` and `reactions.remove`, by the app.

use super::{arguments::Arguments, Done, Effect, MethodError, Slack};
use crate::peers::slack::{event, faults::REACTION_MET, workspace::Message};

pub(super) fn add(slack: &Slack, arguments: &Arguments) -> Result<Done, MethodError> {
    change(
        slack,
        arguments,
        "reaction_added",
        |message, name, user| match message.react(name, user) {
            true => Ok(()),
            false => Err("already_reacted"),
        },
    )
}

pub(super) fn remove(slack: &Slack, arguments: &Arguments) -> Result<Done, MethodError> {
    change(
        slack,
        arguments,
        "reaction_removed",
        |message, name, user| {
            let at = message
                .reactions
                .iter()
                .position(|known| {
                    known.name == name && known.users.iter().any(|known| known == user)
                })
                .ok_or("no_reaction")?;
            message.reactions[at].users.retain(|known| known != user);
            message
                .reactions
                .retain(|reaction| !reaction.users.is_empty());
            Ok(())
        },
    )
}

/// What both do around the change itself; the reply has no fields.
fn change(
    slack: &Slack,
    arguments: &Arguments,
    kind: &str,
    change: impl Fn(&mut Message, &str, &str) -> Result<(), MethodError>,
) -> Result<Done, MethodError> {
    let name = arguments.text("name").ok_or("invalid_name")?;
    if name.contains(':') {
        return Err("invalid_name");
    }
    let channel = arguments.text("channel").ok_or("no_item_specified")?;
    let ts = arguments.text("timestamp").ok_or("no_item_specified")?;
    if ts.parse::<f64>().is_err() || !ts.contains('.') {
        return Err("bad_timestamp");
    }
    let message = {
        let mut workspace = slack.lock_workspace();
        let place = workspace.channel_mut(channel).ok_or("channel_not_found")?;
        let message = place.messages.get_mut(ts).ok_or("message_not_found")?;
        if slack.ports.choices.yes(&REACTION_MET, &slack.subject) {
            // Somebody was here before, as the app: it is so, or becomes so unseen.
            let _ = change(message, name, &slack.config.bot_user_id);
        }
        change(message, name, &slack.config.bot_user_id)?;
        message.clone()
    };
    let echo = slack.config.echo_reactions;
    Ok(Done {
        echo: echo.then(|| {
            let own_user = &slack.config.bot_user_id;
            event::reaction(slack, kind, name, own_user, &message)
        }),
        effect: Some(Effect {
            channel: message.channel,
            ts: message.ts,
            text: Some(name.to_owned()),
            ..Effect::default()
        }),
        ..Done::default()
    })
}
