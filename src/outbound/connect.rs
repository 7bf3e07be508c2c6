//! The connections: names resolved and judged, TLS with the system's certificates, no redirects and no proxies.

use std::error::Error as _;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tower::Service;

use super::egress::{Refused, judge_resolved};

/// How long a name may take to resolve, and after that a connection to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(30);

type Http = Client<HttpsConnector<HttpConnector<Resolver>>, String>;

/// Two clients that never share a connection, because a list of hosts admits addresses that its absence forbids.
#[derive(Debug)]
pub struct Clients {
    pub listed: Http,
    pub unlisted: Http,
}

impl Clients {
    /// # Errors
    /// Where the TLS library offers no usable protocol version.
    pub fn new() -> Result<Self, rustls::Error> {
        let tls = tls()?;
        Ok(Self { listed: client(tls.clone(), true), unlisted: client(tls, false) })
    }
}

fn tls() -> Result<ClientConfig, rustls::Error> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (trusted, _) = roots.add_parsable_certificates(found.certs);
    if trusted == 0 {
        tracing::warn!("no certificate authorities on this system: every https endpoint will be refused");
    }
    // Named, because a process may hold several providers and then has no default.
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

fn client(tls: ClientConfig, listed: bool) -> Http {
    let mut tcp = HttpConnector::new_with_resolver(Resolver { listed });
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_nodelay(true);
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(8)
        .build(connector)
}

/// Why a name leads nowhere.
#[derive(Debug, Error)]
pub enum Unresolved {
    #[error("the name does not resolve")]
    Unknown,
    #[error(transparent)]
    Refused(Refused),
}

/// Resolves a name and keeps the addresses that may be connected to. What is connected to is what was judged: there is
/// no second look-up in between.
#[derive(Clone, Debug)]
pub struct Resolver {
    listed: bool,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = Unresolved;
    type Future = BoxFuture<'static, Result<Self::Response, Unresolved>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let listed = self.listed;
        Box::pin(async move {
            let resolving = tokio::net::lookup_host((name.as_str(), 0));
            let found = tokio::time::timeout(CONNECT_TIMEOUT, resolving).await;
            let found = found.ok().and_then(Result::ok).ok_or(Unresolved::Unknown)?;
            admitted(name.as_str(), found, listed)
        })
    }
}

fn admitted(
    name: &str,
    found: impl Iterator<Item = SocketAddr>,
    listed: bool,
) -> Result<std::vec::IntoIter<SocketAddr>, Unresolved> {
    let (mut kept, mut refused) = (Vec::new(), Unresolved::Unknown);
    for address in found {
        match judge_resolved(name, address.ip(), listed) {
            Ok(()) => kept.push(address),
            Err(why) => refused = Unresolved::Refused(why),
        }
    }
    if kept.is_empty() { Err(refused) } else { Ok(kept.into_iter()) }
}

/// Why a call brought no answer that could be used. The text is ours, never the endpoint's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the name does not resolve")]
    Unresolved,
    #[error("no connection")]
    Connect,
    #[error("no trusted TLS connection")]
    Tls,
    #[error("the connection broke off")]
    Broken,
    #[error("no answer within {} s", .0.as_secs_f64())]
    Timeout(Duration),
    #[error("redirects are not followed")]
    Redirect,
    #[error("HTTP {0}")]
    Status(u16),
    #[error("the answer is too long")]
    TooLong,
    #[error("the answer is not understood")]
    Unclear,
    #[error("the request cannot be formed")]
    Request,
}

impl Failure {
    /// The metric's label.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Refused(_) => "refused",
            Self::Unresolved | Self::Connect | Self::Tls => "connect",
            Self::Broken => "broken",
            Self::Timeout(_) => "timeout",
            Self::Redirect | Self::Status(_) => "status",
            Self::TooLong | Self::Unclear => "unclear",
            Self::Request => "request",
        }
    }

    /// What went wrong, from the client's error and its causes.
    pub fn of(error: &Error) -> Self {
        let mut cause = error.source();
        while let Some(error) = cause {
            match error.downcast_ref::<Unresolved>() {
                Some(Unresolved::Refused(why)) => return Self::Refused(why.clone()),
                Some(Unresolved::Unknown) => return Self::Unresolved,
                None => {}
            }
            if error.downcast_ref::<std::io::Error>().is_some_and(is_tls) {
                return Self::Tls;
            }
            cause = error.source();
        }
        if error.is_connect() { Self::Connect } else { Self::Broken }
    }
}

/// An I/O error's `source` passes over the error it wraps, so those are opened one by one.
fn is_tls(error: &std::io::Error) -> bool {
    let Some(inner) = error.get_ref() else { return false };
    inner.is::<rustls::Error>() || inner.downcast_ref::<std::io::Error>().is_some_and(is_tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_addresses_the_harmless_ones_are_used() {
        let found = ["127.0.0.1:0", "203.0.113.7:0", "169.254.169.254:0"].map(|address| address.parse().unwrap());
        let kept: Vec<SocketAddr> = admitted("pay.example", found.into_iter(), false).unwrap().collect();
        assert_eq!(kept, [found[1]]);
        let kept: Vec<SocketAddr> = admitted("pay.example", found.into_iter(), true).unwrap().collect();
        assert_eq!(kept, [found[0], found[1]]);
        let refused = admitted("pay.example", [found[2]].into_iter(), true).unwrap_err();
        assert_eq!(refused.to_string(), "host not allowed: pay.example is link-local");
    }
}
