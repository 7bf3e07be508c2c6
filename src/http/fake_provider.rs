//! A payment provider in memory, for the demo and the tests: it keeps the contract of `docs/payment-provider.md`, and
//! fails in every way that the contract allows once it is told to.
//!
//! `GET` and `PUT /faults` read and replace the faults, `GET /charges` lists what was done to every key.

mod book;
mod faults;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde::Serialize;
use serde_json::json;

use book::{Answer, Book};
pub use book::{Charge, Entry, Status};
pub use faults::{CallKind, Fault, Faults, Switch};

/// How long a call that is never answered is kept open; longer than any caller waits.
const SILENCE: Duration = Duration::from_secs(60);
/// The longest key, in bytes.
const MAX_KEY: usize = 128;

/// The provider's memory; clones share it.
#[derive(Clone, Debug, Default)]
pub struct FakeProvider {
    state: Arc<Mutex<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    book: Book,
    faults: Faults,
}

impl FakeProvider {
    /// A provider that has seen no key and has these faults.
    pub fn new(faults: Faults) -> Self {
        Self { state: Arc::new(Mutex::new(Memory { book: Book::default(), faults })) }
    }

    /// Replaces the faults.
    pub fn set(&self, faults: Faults) {
        self.memory().faults = faults;
    }

    /// Every key that was ever charged or voided, in order.
    pub fn entries(&self) -> Vec<Entry> {
        self.memory().book.entries()
    }

    /// Its routes.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/charges", get(list))
            .route("/charges/{key}", put(charge).get(look_up))
            .route("/charges/{key}/void", post(void))
            .route("/faults", get(read_faults).put(write_faults))
            .with_state(self.clone())
    }

    // A panic cannot leave the memory half written, so a poisoned lock is as good as any.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hit(&self, call: CallKind) -> Option<Fault> {
        self.memory().faults.take(call)
    }
}

async fn charge(State(provider): State<FakeProvider>, Path(key): Path<String>, body: Bytes) -> Response {
    let Ok(charge) = serde_json::from_slice::<Charge>(&body) else {
        return problem(StatusCode::BAD_REQUEST, "a charge is {amount, currency, token}");
    };
    if key.len() > MAX_KEY || charge.amount <= 0 {
        return problem(StatusCode::BAD_REQUEST, "the key is too long, or the amount is not positive");
    }
    let fault = provider.hit(CallKind::Charge);
    if let Some(Fault::Late { delay_ms }) = fault {
        tracing::info!(%key, delay_ms, "the charge will be carried out late");
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            let answer = provider.memory().book.charge(&key, &charge, false);
            tracing::info!(%key, %answer, "late charge");
        });
        return StatusCode::GATEWAY_TIMEOUT.into_response();
    }
    let decline = fault == Some(Fault::Decline);
    answer(fault, || {
        let answer = provider.memory().book.charge(&key, &charge, decline);
        tracing::info!(%key, amount = charge.amount, currency = %charge.currency, %answer, "charge");
        answer
    })
    .await
}

async fn look_up(State(provider): State<FakeProvider>, Path(key): Path<String>) -> Response {
    let fault = provider.hit(CallKind::LookUp);
    answer(fault, || provider.memory().book.look_up(&key)).await
}

async fn void(State(provider): State<FakeProvider>, Path(key): Path<String>) -> Response {
    if key.len() > MAX_KEY {
        return problem(StatusCode::BAD_REQUEST, "the key is too long");
    }
    let fault = provider.hit(CallKind::Void);
    answer(fault, || {
        let answer = provider.memory().book.void(&key);
        tracing::info!(%key, %answer, "void");
        answer
    })
    .await
}

async fn list(State(provider): State<FakeProvider>) -> Response {
    reply(StatusCode::OK, &provider.entries())
}

async fn read_faults(State(provider): State<FakeProvider>) -> Response {
    reply(StatusCode::OK, &provider.memory().faults.clone())
}

async fn write_faults(State(provider): State<FakeProvider>, body: Bytes) -> Response {
    match serde_json::from_slice::<Faults>(&body) {
        Ok(faults) => {
            tracing::info!(?faults, "faults");
            provider.set(faults.clone());
            reply(StatusCode::OK, &faults)
        }
        Err(error) => problem(StatusCode::BAD_REQUEST, &error.to_string()),
    }
}

/// Carries `work` out and answers, as far as the fault lets it.
async fn answer(fault: Option<Fault>, work: impl FnOnce() -> Answer) -> Response {
    match fault {
        Some(Fault::Down) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Fault::Refuse) => problem(StatusCode::UNPROCESSABLE_ENTITY, "refused for good"),
        Some(Fault::Fail) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Fault::Timeout) => {
            tokio::time::sleep(SILENCE).await;
            StatusCode::GATEWAY_TIMEOUT.into_response()
        }
        Some(Fault::LostReply) => {
            work();
            // A body that breaks off closes the connection before the answer is complete.
            let lost: Result<Bytes, std::io::Error> = Err(std::io::Error::other("lost"));
            Body::from_stream(futures::stream::iter([lost])).into_response()
        }
        Some(Fault::Late { .. } | Fault::Decline) | None => say(work()),
    }
}

fn say(answer: Answer) -> Response {
    match answer {
        Answer::Status(status, None) => reply(StatusCode::OK, &json!({ "status": status })),
        Answer::Status(status, Some(reason)) => reply(StatusCode::OK, &json!({ "status": status, "reason": reason })),
        Answer::Unknown => reply(StatusCode::NOT_FOUND, &json!({ "status": "unknown" })),
        Answer::OtherAmount => problem(StatusCode::CONFLICT, "the key was used with another amount"),
    }
}

fn problem(status: StatusCode, detail: &str) -> Response {
    reply(status, &json!({ "error": detail }))
}

fn reply(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
