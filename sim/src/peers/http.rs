//! What both services share as HTTP/1.1 servers: accepting, one task per connection, JSON replies,
//! and closing a connection in place of a reply.

use crate::network::TcpStream;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    body::Incoming, header::CONTENT_TYPE, server::conn::http1, service::service_fn, Request,
    Response, StatusCode,
};
use hyper_util::rt::TokioIo;
use madsim::net::TcpListener;
use std::{future::Future, net::SocketAddr, sync::Arc};

pub(super) type Reply = Response<Full<Bytes>>;

/// The connection is closed in place of a reply.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without a reply")]
pub(super) struct NoReply;

pub(super) trait HttpService: Send + Sync + 'static {
    /// The number of a connection that was just accepted.
    fn next_connection(&self) -> u64;

    fn answer(
        self: Arc<Self>,
        connection: u64,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Reply, NoReply>> + Send;
}

/// Binds `address` on the node of the current task and serves it for ever.
pub(super) async fn serve<Service: HttpService>(service: Arc<Service>, address: SocketAddr) {
    let listener = TcpListener::bind(address)
        .await
        .unwrap_or_else(|error| panic!("a service must be able to bind {address}: {error}"));
    // Accepting fails only when the node's network is gone, and then the service is too.
    while let Ok((stream, _)) = listener.accept().await {
        let connection = service.next_connection();
        madsim::task::spawn(serve_connection(service.clone(), connection, stream.into()));
    }
}

async fn serve_connection<Service: HttpService>(
    service: Arc<Service>,
    connection: u64,
    stream: TcpStream,
) {
    let answer = service_fn(move |request| service.clone().answer(connection, request));
    // A connection that breaks, or is closed in place of a reply, is an ordinary end. The date
    // header is left out: hyper would take it from the machine's clock.
    let _ = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(stream), answer)
        .with_upgrades()
        .await;
}

pub(super) fn json_reply(status: StatusCode, content_type: &'static str, body: String) -> Reply {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, content_type)
        .body(Full::new(Bytes::from(body)))
        .expect("a status and a static header make a reply")
}
