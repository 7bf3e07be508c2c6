//! Why a command failed, for people: what happened and what to do.

pub type Failure = Box<dyn std::error::Error + Send + Sync>;
