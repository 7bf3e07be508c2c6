//! `jumun run`

use std::net::SocketAddr;
use std::time::Duration;

use super::failure::Failure;
use super::process::{Stop, listen, pod};
use crate::cluster::{client, rights};
use crate::controllers::{Options, start};
use crate::domain::{Kind, Policy};
use crate::http::live::Live;
use crate::http::ops;
use crate::platform::rights::needed;
use crate::telemetry::Metrics;

/// Run the controllers against the cluster of KUBECONFIG, or of the pod it runs in.
///
/// Any number of processes may run at once: every write is guarded by the version it was decided on. Stop it with
/// SIGTERM or Ctrl-C; what was under way is decided anew by the next one.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this namespace (default: all)
    #[arg(short, long, env = "JUMUN_NAMESPACE")]
    namespace: Option<String>,
    /// The controllers to run, by kind (default: all), such as --controllers order,payment
    #[arg(long, value_delimiter = ',', env = "JUMUN_CONTROLLERS", value_parser = parse_kind)]
    controllers: Vec<Kind>,
    /// How many objects of one kind are worked on at once; 1 to 1024
    #[arg(long, env = "JUMUN_CONCURRENCY", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,
    /// Where /livez, /readyz and /metrics are served, by default on every address, since the probes of a pod come from
    /// outside of it: nothing secret is served there. 127.0.0.1:8081 is for this machine alone; port 0 takes a free one
    #[arg(long, env = "JUMUN_LISTEN", default_value = "[::]:8081")]
    listen: SocketAddr,
    /// Seconds for which payments and deliveries stay after their order has ended, so that a delayed request finds them; 120 to 3000
    #[arg(long, env = "JUMUN_LINGER_SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(120..=3_000))]
    linger_seconds: u64,
    /// Seconds for which a ledger may leave a sale that is paid for its next write, if there is one; 1 to 60
    #[arg(long, env = "JUMUN_SETTLE_SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    settle_seconds: u64,
    /// For tests alone: shorter than a delayed request may be on its way
    #[arg(long, hide = true)]
    test_linger_seconds: Option<u64>,
    /// For tests and the benchmark alone: what it costs where each process works on everything
    #[arg(long, hide = true)]
    test_unshared: bool,
}

fn parse_kind(text: &str) -> Result<Kind, String> {
    let known = || Kind::ALL.map(|kind| kind.as_str().to_lowercase()).join(", ");
    let found = Kind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("no such kind; known are {}", known()))
}

/// The namespace of this process: that of its pod, or that of its kubeconfig.
fn home(config: &kube::Config) -> String {
    let account = || std::fs::read_to_string("/var/run/secrets/kubernetes.io/serviceaccount/namespace").ok();
    let found = std::env::var("POD_NAMESPACE").ok().or_else(account).map(|name| name.trim().to_owned());
    found.filter(|name| !name.is_empty()).unwrap_or_else(|| config.default_namespace.clone())
}

pub async fn run(args: Args) -> Result<(), Failure> {
    let config = client::config().await?;
    let listener = listen("--listen", args.listen).await?;
    let options = Options {
        namespace: args.namespace,
        pod: pod(),
        home: home(&config),
        shares: !args.test_unshared,
        controllers: if args.controllers.is_empty() { Kind::ALL.to_vec() } else { args.controllers },
        concurrency: args.concurrency.into(),
        policy: Policy {
            linger: Duration::from_secs(args.test_linger_seconds.unwrap_or(args.linger_seconds)),
            settle_within: Duration::from_secs(args.settle_seconds),
            ..Policy::default()
        },
    };
    let needs = rights::needs(&needed(&options.controllers, options.namespace.as_deref()));
    tokio::spawn(rights::await_all(client::watches(&config)?, options.namespace.clone(), needs));
    let metrics = Metrics::default();
    let running = start(&config, &options, &metrics)?;
    tracing::info!(address = %listener.local_addr()?, cluster = %config.cluster_url, "listening");
    let mut registry = metrics.registry();
    registry.register_collector(Box::new(Live::of(&running.worlds)));
    let router = ops::router(running.worlds.clone(), registry);
    let mut stop = Stop::listen()?;
    tokio::select! {
        served = axum::serve(listener, router) => served?,
        () = stop.asked() => {}
    }
    tracing::info!("stopping");
    running.stop(Duration::from_secs(15)).await;
    Ok(())
}
