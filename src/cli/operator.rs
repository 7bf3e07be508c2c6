//! `jumun operator`

use std::net::SocketAddr;
use std::time::Duration;

use super::closing;
use super::failure::Failure;
use super::process::{Stop, listen};
use crate::cluster::client;
use crate::http::probes;
use crate::operator::{Options, start};

/// Build the workloads of every OrderPlatform, keep them as they are wanted, and say on it what is effective.
///
/// Orders are for the controllers (`jumun run`), which it builds; it looks at them itself only where their namespace is being
/// deleted, because the controllers go with that. Any number of processes may run at
/// once, without a leader: what they apply is the same, and every other write names the version that it was decided on.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this namespace (default: all)
    #[arg(short, long, env = "JUMUN_NAMESPACE")]
    namespace: Option<String>,
    /// The image of platforms that name none: as a rule that of the operator itself
    #[arg(long, env = "JUMUN_IMAGE")]
    image: Option<String>,
    /// When images are pulled: Always, IfNotPresent or Never (default: as Kubernetes does by the tag)
    #[arg(long, env = "JUMUN_IMAGE_PULL_POLICY", value_parser = ["Always", "IfNotPresent", "Never"])]
    image_pull_policy: Option<String>,
    /// Where /livez, /readyz and /metrics are served: nothing secret; port 0 takes a free one
    #[arg(long, env = "JUMUN_LISTEN", default_value = "[::]:8081")]
    listen: SocketAddr,
}

pub async fn run(args: Args) -> Result<(), Failure> {
    let Some(image) = args.image.filter(|image| !image.is_empty()) else {
        return Err("no image for the workloads: set --image, or JUMUN_IMAGE to the image of this very pod".into());
    };
    let mut stop = Stop::listen()?;
    let config = client::config().await?;
    let listener = listen("--listen", args.listen).await?;
    let options = Options { namespace: args.namespace.clone(), image, pull_policy: args.image_pull_policy };
    let running = start(&config, options)?;
    let closing = closing::run(config.clone(), args.namespace, running.metrics.controllers.clone());
    tracing::info!(address = %listener.local_addr()?, cluster = %config.cluster_url, "listening");
    let store = running.store.clone();
    let router = probes::router(move || store.unready(), running.metrics.registry());
    tokio::select! {
        served = axum::serve(listener, router) => served?,
        closed = closing => closed?,
        () = stop.asked() => {}
    }
    tracing::info!("stopping");
    running.stop(Duration::from_secs(15)).await;
    Ok(())
}
