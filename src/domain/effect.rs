//! Calls to what is outside of the cluster. A decision asks for one; when it is taken again, it finds what came of the call
//! under the id of the effect.

use super::notification::types::{Message, Untaken};
use super::provider::{Call, Reply};

/// One call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Ask the payment provider of this name about the charge under a key.
    Provider { name: String, key: String, call: Call },
    /// Send a message to its endpoint.
    Notice(Message),
}

/// What came of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Provider(Reply),
    Notice(Result<(), Untaken>),
}

impl Effect {
    /// The same call has the same id.
    pub fn id(&self) -> String {
        match self {
            Self::Provider { key, call, .. } => call.id(key),
            Self::Notice(message) => message.id.clone(),
        }
    }
}

impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Provider { name, key, call } => {
                let what = match call {
                    Call::LookUp => "what became of",
                    Call::Charge { .. } => "to charge",
                    Call::Void => "to give back",
                };
                write!(f, "ask provider {name} {what} {key}")
            }
            Self::Notice(Message { content, .. }) => {
                write!(f, "tell the {:?} {}: {:?}", content.to, content.subject, content.topic)
            }
        }
    }
}
