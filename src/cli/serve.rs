//! `jumun serve` and `jumun headroom`

use std::net::SocketAddr;
use std::time::Duration;

use super::failure::Failure;
use super::process::{Stop, listen, pod};
use crate::http::front::{Front, Part};
use crate::http::probes;

/// Serve a part of the front door. For now every path answers 501; probes and metrics are there.
///
/// On SIGTERM it is no longer ready, goes on serving while the gateway takes notice, then finishes the requests that are
/// open and stops. A pod needs that long: terminationGracePeriodSeconds of more than both times together.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which part: command takes orders and steps, query answers questions
    #[arg(long, env = "JUMUN_PART", value_enum)]
    part: Part,
    /// Where it serves; port 0 takes a free one
    #[arg(long, env = "JUMUN_HTTP", default_value = "[::]:8080")]
    http: SocketAddr,
    /// Where /livez, /readyz and /metrics are served: nothing secret
    #[arg(long, env = "JUMUN_LISTEN", default_value = "[::]:8081")]
    listen: SocketAddr,
    /// Seconds for which it goes on serving new requests after SIGTERM, until everybody knows; 0 to 300
    #[arg(long, env = "JUMUN_DRAIN_SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(0..=300))]
    drain_seconds: u64,
    /// Seconds for which requests that are open then may take to finish; 1 to 300
    #[arg(long, env = "JUMUN_FINISH_SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=300))]
    finish_seconds: u64,
}

pub async fn run(args: Args) -> Result<(), Failure> {
    let mut stop = Stop::listen()?;
    let (http, ops) = (listen("--http", args.http).await?, listen("--listen", args.listen).await?);
    let front = Front::new(args.part, pod().as_deref());
    tracing::info!(address = %ops.local_addr()?, http = %http.local_addr()?, part = args.part.as_str(), "listening");
    let unready = front.clone();
    let probes = probes::router(move || unready.unready(), front.registry());
    let probes = tokio::spawn(axum::serve(ops, probes).into_future());
    let (finish, finished) = tokio::sync::oneshot::channel::<()>();
    let serving = axum::serve(http, front.router()).with_graceful_shutdown(async {
        finished.await.ok();
    });
    let mut serving = tokio::spawn(serving.into_future());
    tokio::select! {
        ended = &mut serving => return Ok(ended??),
        () = stop.asked() => {}
    }
    front.stop();
    tracing::info!(seconds = args.drain_seconds, "stopping: no longer ready, serving on until everybody knows");
    tokio::time::sleep(Duration::from_secs(args.drain_seconds)).await;
    drop(finish);
    match tokio::time::timeout(Duration::from_secs(args.finish_seconds), serving).await {
        Ok(ended) => ended??,
        Err(_) => tracing::warn!(seconds = args.finish_seconds, "some requests did not finish in time"),
    }
    probes.abort();
    tracing::info!("stopped");
    Ok(())
}

/// Holds a place on a node until it is asked to go: the content of a headroom pod.
#[derive(Debug, clap::Args)]
pub struct Headroom {}

impl Headroom {
    pub async fn run(&self) -> Result<(), Failure> {
        let mut stop = Stop::listen()?;
        tracing::info!("holding a place until SIGTERM");
        stop.asked().await;
        Ok(())
    }
}
