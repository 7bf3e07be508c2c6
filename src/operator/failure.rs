//! A call about an object that is built, which failed: what happens next, and what is said of it.

use std::time::Duration;

use crate::cluster::{Class, Refusal};
use crate::domain::platform::effective::Denied;

/// The longest a call may take.
const LIMIT: Duration = Duration::from_secs(10);

/// A call that failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{verb} {kind} {name}: {sentence}")]
pub struct Failure {
    pub verb: &'static str,
    pub kind: &'static str,
    pub name: String,
    pub class: Class,
    /// A bounded word for metrics and logs.
    pub label: &'static str,
    /// What the API server said.
    pub sentence: String,
}

impl Failure {
    /// Classifies a failed call.
    pub fn of(verb: &'static str, kind: &'static str, name: &str, error: &kube::Error) -> Self {
        let (class, label, sentence) = match error {
            kube::Error::Api(status) => {
                let (class, label) = class(Refusal::of(status));
                (class, label, status.message.chars().take(1024).collect())
            }
            other => (Class::Transient, "error", other.to_string()),
        };
        Self { verb, kind, name: name.to_owned(), class, label, sentence }
    }

    /// An object of this name belongs to somebody else.
    pub fn taken(kind: &'static str, name: &str, owner: &str) -> Self {
        let sentence = format!("an object of this name is there already and belongs to {owner}");
        let name = name.to_owned();
        Self { verb: "apply", kind, name, class: Class::Invalid, label: "taken", sentence }
    }

    /// What is said of it on the platform, where the API server denies it.
    pub fn denied(&self) -> Option<Denied> {
        let write = format!("{} {} {}", self.verb, self.kind, self.name);
        let sentence = self.sentence.clone();
        // A quota is no matter of rights, though the answer has the same code.
        let right = sentence.contains(" cannot ") || sentence.contains("attempting to grant");
        match self.class {
            Class::Denied => Some(Denied { write, sentence, right }),
            Class::Invalid => Some(Denied { write, sentence, right: false }),
            Class::Conflict | Class::Transient => None,
        }
    }
}

fn class(refusal: Refusal) -> (Class, &'static str) {
    match refusal {
        // A kind that was there a moment ago: the next discovery says so.
        Refusal::Unknown => (Class::Transient, "unknown_kind"),
        Refusal::Conflict => (Class::Conflict, "conflict"),
        Refusal::NamespaceTerminating => (Class::Transient, "namespace_terminating"),
        Refusal::Invalid => (Class::Invalid, "invalid"),
        Refusal::Denied => (Class::Denied, "denied"),
        Refusal::Other => (Class::Transient, "error"),
    }
}

/// Waits for a call, but not for ever.
pub async fn limited<T>(
    verb: &'static str,
    kind: &'static str,
    name: &str,
    call: impl Future<Output = kube::Result<T>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(LIMIT, call).await {
        Ok(answer) => answer.map_err(|error| Failure::of(verb, kind, name, &error)),
        Err(_) => {
            let sentence = format!("no answer within {} s", LIMIT.as_secs());
            Err(Failure { verb, kind, name: name.to_owned(), class: Class::Transient, label: "timeout", sentence })
        }
    }
}
