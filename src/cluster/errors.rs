//! What went wrong with a call, classified by what happens next.

use kube::core::Status;

use crate::domain::Kind;

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The object is not as it was seen: read it afresh and decide again. Weather, not an error.
    Conflict,
    /// The API server refuses the write as such: wait for a change, and look now and then.
    Invalid,
    /// It may work later: back off.
    Transient,
    /// The operator lacks a right: back off, and say so.
    Denied,
}

/// What a refusal of the API server means, whatever was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The API server does not know what was called: an object that is not there is named in the answer, a kind that is not
    /// there is not.
    Unknown,
    /// The object is there already, is gone, or has changed.
    Conflict,
    /// The namespace is being deleted.
    NamespaceTerminating,
    /// The write is refused as such. Webhooks and policies of admission choose their code.
    Invalid,
    /// No right, or a quota.
    Denied,
    /// Anything else.
    Other,
}

impl Refusal {
    /// Reads an answer.
    pub fn of(status: &Status) -> Self {
        if status.code == 404 && status.details.is_none() {
            return Self::Unknown;
        }
        if status.is_conflict() || status.is_already_exists() || status.is_not_found() {
            return Self::Conflict;
        }
        let causes = status.details.iter().flat_map(|details| &details.causes);
        if causes.into_iter().any(|cause| cause.reason == "NamespaceTerminating") {
            return Self::NamespaceTerminating;
        }
        if status.is_invalid() || matches!(status.code, 400 | 405 | 413) {
            return Self::Invalid;
        }
        if status.is_forbidden() || status.code == 401 {
            return Self::Denied;
        }
        Self::Other
    }
}

/// A call to the API server that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{verb} {kind} {name}: the object has changed or is gone")]
    Conflict { kind: Kind, verb: &'static str, name: String },
    #[error("{verb} {kind} {name}: refused as invalid: {message}")]
    Invalid { kind: Kind, verb: &'static str, name: String, message: String },
    #[error("{verb} {kind} {name}: no right to do so: {message}")]
    Denied { kind: Kind, verb: &'static str, name: String, message: String },
    #[error("{verb} {kind} {name}: the namespace is being deleted")]
    NamespaceTerminating { kind: Kind, verb: &'static str, name: String },
    #[error("{verb} {kind} {name}: no answer within {seconds} s")]
    Timeout { kind: Kind, verb: &'static str, name: String, seconds: u64 },
    #[error("{verb} {kind} {name}: {source}")]
    Call { kind: Kind, verb: &'static str, name: String, source: Box<kube::Error> },
    #[error("{verb} {kind} {name}: the answer is older than what was seen before: etcd was put back")]
    WentBack { kind: Kind, verb: &'static str, name: String },
    #[error("an object cannot be written as JSON: {0}")]
    Encode(#[from] serde_json::Error),
    #[error("as many calls to payment providers are under way as may be at once")]
    Busy,
    #[error("the decision is {seconds} s old: decide again")]
    TooOld { seconds: u64 },
}

impl Error {
    /// Classifies a failed call.
    pub fn of(kind: Kind, verb: &'static str, name: &str, error: kube::Error) -> Self {
        let name = name.to_owned();
        let kube::Error::Api(status) = &error else {
            return Self::Call { kind, verb, name, source: Box::new(error) };
        };
        let message = status.message.chars().take(512).collect();
        match Refusal::of(status) {
            Refusal::Unknown => {
                let message = format!("the API server does not know the kind {kind}: kubectl apply -f crds/");
                Self::Denied { kind, verb, name, message }
            }
            Refusal::Conflict => Self::Conflict { kind, verb, name },
            Refusal::NamespaceTerminating => Self::NamespaceTerminating { kind, verb, name },
            Refusal::Invalid => Self::Invalid { kind, verb, name, message },
            Refusal::Denied => Self::Denied { kind, verb, name, message },
            Refusal::Other => Self::Call { kind, verb, name, source: Box::new(error) },
        }
    }

    /// What happens next.
    pub fn class(&self) -> Class {
        match self {
            Self::Conflict { .. } | Self::TooOld { .. } => Class::Conflict,
            Self::Invalid { .. } | Self::Encode(_) => Class::Invalid,
            Self::Denied { .. } => Class::Denied,
            Self::Timeout { .. }
            | Self::Call { .. }
            | Self::NamespaceTerminating { .. }
            | Self::WentBack { .. }
            | Self::Busy => Class::Transient,
        }
    }

    /// Where the API server denies the call as such: a reason, what was called, and the API server's own sentence.
    pub fn denied(&self) -> Option<(&'static str, Kind, &'static str, &str, &str)> {
        match self {
            Self::Invalid { kind, verb, name, message } => Some(("Invalid", *kind, *verb, name, message)),
            Self::Denied { kind, verb, name, message } => Some(("Forbidden", *kind, *verb, name, message)),
            _ => None,
        }
    }

    /// A bounded word for metrics and logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Conflict { .. } => "conflict",
            Self::Invalid { .. } => "invalid",
            Self::Denied { .. } => "denied",
            Self::NamespaceTerminating { .. } => "namespace_terminating",
            Self::Timeout { .. } => "timeout",
            Self::Call { .. } => "error",
            Self::WentBack { .. } => "went_back",
            Self::Encode(_) => "encode",
            Self::Busy => "busy",
            Self::TooOld { .. } => "too_old",
        }
    }
}
