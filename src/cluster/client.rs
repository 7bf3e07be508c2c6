//! Two clients: one for calls, with short retries; one for watches, which are meant to last.

use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderValue, USER_AGENT};
use kube::client::ClientBuilder;
use kube::client::retry::RetryPolicy;
use kube::{Client, Config};
use tower::buffer::BufferLayer;
use tower::retry::RetryLayer;
use tower::util::MapResponseLayer;

use super::clock::Clock;

/// How the operator names itself to the API server.
pub const USER_AGENT_NAME: &str = concat!("jumun/", env!("CARGO_PKG_VERSION"));

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("no cluster: {0}; set KUBECONFIG, or run in a pod with a service account")]
    Config(#[from] kube::config::InferConfigError),
    #[error("the cluster's configuration cannot be used: {0}")]
    Build(#[from] kube::Error),
    #[error("retry policy: {0}")]
    Retry(#[from] kube::client::retry::InvalidBackoff),
}

/// The configuration of the environment: KUBECONFIG, ~/.kube/config, or the service account of the pod.
///
/// # Errors
/// When there is none, or it cannot be read.
pub async fn config() -> Result<Config, ClientError> {
    let mut config = Config::infer().await?;
    config.headers.push((USER_AGENT, HeaderValue::from_static(USER_AGENT_NAME)));
    Ok(config)
}

/// A client for calls. kube's own retry can hold one call for minutes; this one gives up after three quick attempts and
/// leaves the rest to the backoff of the object. Each call also has a time limit of its own (see the executor).
///
/// # Errors
/// When the configuration cannot be used.
pub fn calls(config: &Config, clock: Arc<Clock>) -> Result<Client, ClientError> {
    let mut config = config.clone();
    config.default_retry = false;
    config.read_timeout = Some(Duration::from_secs(10));
    config.reset_reader_on_write = true;
    let retry = RetryPolicy::new(Duration::from_millis(50), Duration::from_millis(800), 3, true)?;
    let learn = MapResponseLayer::new(move |response: http::Response<_>| {
        clock.learn(response.headers());
        response
    });
    let builder = ClientBuilder::try_from(config)?;
    Ok(builder.with_layer(&BufferLayer::new(1_024)).with_layer(&RetryLayer::new(retry)).with_layer(&learn).build())
}

/// A client for watches: no time limit on reading, the watcher notices a dead connection itself.
///
/// # Errors
/// When the configuration cannot be used.
pub fn watches(config: &Config) -> Result<Client, ClientError> {
    Ok(ClientBuilder::try_from(config.clone())?.build())
}
