//! The repo processor (spec §5.7): a pure projection.

use super::contract::*;
use runtime::{
    event::{Event, PayloadError},
    processor::{Contract, Processor},
};

pub struct RepoProcessor;

impl Processor for RepoProcessor {
    type State = State;
    type Consumed = Repo;

    fn contract() -> &'static Contract {
        &CONTRACT
    }

    fn parse(event: &Event) -> Result<Repo, PayloadError> {
        event.payload()
    }

    fn reduce(state: &mut State, _event: &Event, created: &Repo) {
        state.repo = Some(created.clone());
    }
}
