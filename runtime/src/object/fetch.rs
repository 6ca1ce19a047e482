//! Fetch over the platform's calls: a request to an object travels as the call of a reserved
//! method, with its whole body in hand; so does the response. The socket of an accepted upgrade is
//! carried on by `socket`.

use super::{socket, Context, Object, Reply, Stub};
use crate::{
    call::{Argument, Arguments, CallError, Capability},
    http::{Request, Response, WireRequest, WireResponse},
};
use futures_util::future::LocalBoxFuture;
use std::{rc::Rc, sync::Arc};

/// No identifier, so no callable can name it as a method.
pub(super) const METHOD: &str = "http fetch";

const REQUEST: &str = "request";
const RESPONSE: &str = "response";
const SOCKET: &str = "socket";

/// What a fetch comes back with, later.
pub type FetchReply = LocalBoxFuture<'static, Result<Response, CallError>>;

impl Stub {
    /// Sends a request to an object, as soon as its body was read to the end.
    ///
    /// # Errors
    /// As of a call; [`CallError::NOT_FETCHABLE`] if the object does not answer requests.
    pub fn fetch(&self, request: Request) -> FetchReply {
        let stub = self.clone();
        Box::pin(async move {
            let context = stub.context();
            let ends = request.is_upgrade().then(|| socket::pair(context));
            let request = WireRequest::read(request).await;
            let request = request.map_err(|error| CallError::invalid(error.to_string()))?;
            let mut arguments = Arguments::new().with(REQUEST, Argument::shared(Arc::new(request)));
            if let Some((_, receiving)) = &ends {
                arguments.set(SOCKET, Argument::Capability(receiving.capability.clone()));
            }
            let answer = read(stub.call(METHOD, arguments).await);
            let Some((near, receiving)) = ends else {
                return answer.map(|(response, _)| response);
            };
            match answer {
                Ok((mut response, Some(peer))) => {
                    receiving.connect(context, peer);
                    response.socket = Some(near);
                    Ok(response)
                }
                answer => {
                    receiving.end(context);
                    answer.map(|(response, _)| response)
                }
            }
        })
    }
}

/// The response, and the other end of the socket if there is one.
fn read(answer: Result<Argument, CallError>) -> Result<(Response, Option<Capability>), CallError> {
    let answer = answer?;
    let answer = answer.record()?;
    let response = answer.shared::<WireResponse>(RESPONSE)?;
    let socket = match answer.get(SOCKET) {
        Some(_) => Some(answer.capability(SOCKET)?),
        None => None,
    };
    Ok((Arc::unwrap_or_clone(response).into(), socket))
}

/// Has an object answer what [`Stub::fetch`] sent. The object's own synchronous part runs at once.
pub(super) fn answer(context: &Context, object: Rc<dyn Object>, arguments: &Arguments) -> Reply {
    let request = match arguments.shared::<WireRequest>(REQUEST) {
        Ok(request) => Request::from(Arc::unwrap_or_clone(request)),
        Err(error) => return Box::pin(async { Err(error) }),
    };
    let peer = arguments.capability(SOCKET);
    let context = context.clone();
    let response = object.fetch(request);
    Box::pin(async move {
        let mut response = response.await?;
        let mut answer = Arguments::new();
        if let Some(stream) = response.socket.take() {
            let peer = peer?;
            let receiving = socket::receive(&context, stream);
            answer.set(SOCKET, Argument::Capability(receiving.capability.clone()));
            receiving.connect(&context, peer);
        }
        let response = WireResponse::read(response).await;
        let response =
            response.map_err(|error| CallError::remote("unreadable", error.to_string()))?;
        answer.set(RESPONSE, Argument::shared(Arc::new(response)));
        Ok(Argument::Record(answer))
    })
}

/// An object that answers no requests.
pub(super) fn not_fetchable() -> FetchReply {
    Box::pin(async {
        Err(CallError::remote(
            CallError::NOT_FETCHABLE,
            "the object does not answer fetch",
        ))
    })
}
