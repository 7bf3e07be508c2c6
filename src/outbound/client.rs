//! The one client through which every call goes out.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use url::Url;

use super::connect::{Clients, Failure};
use super::notice::{self, Event, Undelivered};
use super::{charge, egress};
use crate::domain::provider::{Call, Reply};
use crate::telemetry::Metrics;
use crate::telemetry::metrics;

/// How long a call may take where nobody says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest that any call may take.
pub const MAX_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of an answer is read, in bytes.
pub const MAX_ANSWER: usize = 16 * 1_024;
/// The longest reason, in characters.
const MAX_REASON: usize = 120;

const USER_AGENT: &str = concat!("jumun/", env!("CARGO_PKG_VERSION"));

/// Calls endpoints outside. Cheap to clone; clones share their connections, which are opened when first needed.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    metrics: Metrics,
    /// Absent until the first call: an operator that calls nobody reads no certificates.
    clients: OnceLock<Option<Clients>>,
}

struct Draft {
    method: Method,
    url: Url,
    content_type: &'static str,
    body: String,
}

impl Outbound {
    /// Counts its calls in `metrics`.
    pub fn new(metrics: Metrics) -> Self {
        Self { shared: Arc::new(Shared { metrics, clients: OnceLock::new() }) }
    }

    /// Asks the provider at `url` about `key`. Takes at most `timeout`, and never more than [`MAX_TIMEOUT`]. Never
    /// fails: whatever is not one of the contract's answers is [`Reply::Unknown`], which says nothing about the money.
    pub async fn provider(
        &self,
        allowed: Option<&[String]>,
        url: &str,
        timeout: Duration,
        key: &str,
        call: &Call,
    ) -> Reply {
        let outcome = self.ask(allowed, url, timeout, key, call).await;
        self.count("provider", outcome.as_ref().err());
        outcome.unwrap_or_else(|failure| match failure {
            Failure::Status(status) if charge::is_final(status) => {
                Reply::Refused { charge: matches!(call, Call::Charge { .. }), status }
            }
            failure => Reply::Unknown { why: sentence(&failure) },
        })
    }

    async fn ask(
        &self,
        allowed: Option<&[String]>,
        url: &str,
        timeout: Duration,
        key: &str,
        call: &Call,
    ) -> Result<Reply, Failure> {
        let base = egress::judge(url, allowed)?;
        let (method, url, body) = charge::request(base, key, call)?;
        let draft = Draft { method, url, content_type: "application/json", body };
        within(timeout, async {
            let (status, body) = self.send(allowed.is_some(), draft, true).await?;
            charge::read(call, status, &body)
        })
        .await
    }

    /// Sends `event` to `url` as a CloudEvent in structured mode. Delivered once the endpoint has answered 2xx; what it
    /// says beyond that is not read. Takes at most [`DEFAULT_TIMEOUT`].
    ///
    /// # Errors
    /// [`Undelivered`] in every other case, the event being malformed included.
    pub async fn notify(&self, allowed: Option<&[String]>, url: &str, event: &Event) -> Result<(), Undelivered> {
        let outcome = self.tell(allowed, url, event).await;
        self.count("notice", outcome.as_ref().err());
        outcome.map_err(|failure| Undelivered { reason: sentence(&failure), refused: is_refusal(&failure) })
    }

    async fn tell(&self, allowed: Option<&[String]>, url: &str, event: &Event) -> Result<(), Failure> {
        let url = egress::judge(url, allowed)?;
        let body = notice::body(event)?;
        let draft = Draft { method: Method::POST, url, content_type: notice::CONTENT_TYPE, body };
        let (status, _) = within(DEFAULT_TIMEOUT, self.send(allowed.is_some(), draft, false)).await?;
        if status.is_success() { Ok(()) } else { Err(charge::refusal(status)) }
    }

    /// The status, and what was read of the body where it is `wanted`; of an error's it never is.
    async fn send(&self, listed: bool, draft: Draft, wanted: bool) -> Result<(StatusCode, Vec<u8>), Failure> {
        let clients = self.shared.clients.get_or_init(|| Clients::new().ok()).as_ref().ok_or(Failure::Tls)?;
        let client = if listed { &clients.listed } else { &clients.unlisted };
        let mut request = Request::builder()
            .method(draft.method)
            .uri(draft.url.as_str())
            .header(header::USER_AGENT, USER_AGENT)
            .header(header::ACCEPT, "application/json")
            .header(header::CACHE_CONTROL, "no-store");
        if !draft.body.is_empty() {
            request = request.header(header::CONTENT_TYPE, draft.content_type);
        }
        let request = request.body(draft.body).map_err(|_| Failure::Request)?;
        let answer = client.request(request).await.map_err(|error| Failure::of(&error))?;
        let status = answer.status();
        if !wanted || !(status.is_success() || status == StatusCode::NOT_FOUND) {
            return Ok((status, Vec::new()));
        }
        let read = Limited::new(answer.into_body(), MAX_ANSWER)
            .collect()
            .await
            .map_err(|error| if error.is::<LengthLimitError>() { Failure::TooLong } else { Failure::Broken })?;
        Ok((status, read.to_bytes().to_vec()))
    }

    fn count(&self, target: &'static str, failure: Option<&Failure>) {
        let result = failure.map_or("ok", Failure::label);
        self.shared.metrics.outbound_calls.get_or_create(&metrics::Outbound { target, result }).inc();
    }
}

async fn within<T>(timeout: Duration, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let timeout = timeout.min(MAX_TIMEOUT);
    tokio::time::timeout(timeout, call).await.unwrap_or(Err(Failure::Timeout(timeout)))
}

/// Whether an endpoint that is well refuses this very message: malformed, in conflict, too large, of the wrong type, or
/// not to be processed. Every other status says something of the endpoint or its address.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure, Failure::Status(400 | 409 | 413 | 415 | 422))
}

/// A failure as a person reads it: one short line of printable ASCII, whatever a host's name contains.
fn sentence(failure: &Failure) -> String {
    let printable = |letter: char| if letter == ' ' || letter.is_ascii_graphic() { letter } else { '?' };
    failure.to_string().chars().take(MAX_REASON).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::egress::Refused;

    #[test]
    fn a_sentence_is_short_and_printable() {
        let failure = Failure::Refused(Refused::NotListed(format!("a\u{1b}\n{}", "주문".repeat(200))));
        let text = sentence(&failure);
        assert!(text.starts_with("host not allowed: a??"), "{text}");
        assert_eq!(text.len(), MAX_REASON);
        assert_eq!(sentence(&Failure::Timeout(Duration::from_millis(2_500))), "no answer within 2.5 s");
        assert_eq!(sentence(&Failure::Timeout(Duration::from_secs(5))), "no answer within 5 s");
    }

    #[tokio::test(start_paused = true)]
    async fn no_call_takes_longer_than_the_longest() {
        let endless = within(Duration::MAX, std::future::pending::<Result<(), Failure>>()).await;
        assert_eq!(endless, Err(Failure::Timeout(MAX_TIMEOUT)));
    }
}
