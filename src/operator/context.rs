//! What every look at a platform needs: clients, what the watches have brought, the queue.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use kube::Client;
use serde_json::Value;

use super::store::Store;
use crate::cluster::queue::Queue;
use crate::cluster::{Clock, Key};
use crate::domain::Version;
use crate::telemetry::operator::Metrics;

/// By kind and object: the version, and what was wanted of it.
pub type Unchanged = HashMap<(&'static str, Key), (Version, Value)>;

/// What a look at a platform needs.
#[derive(Clone)]
pub struct Context {
    pub calls: Client,
    pub watches: Client,
    pub namespace: Option<String>,
    pub image: Arc<str>,
    pub pull_policy: Option<Arc<str>>,
    pub store: Arc<Store>,
    pub queue: Arc<Queue>,
    pub clock: Arc<Clock>,
    pub metrics: Metrics,
    /// Versions of objects which the API server has said to be as they are wanted, though they do not look like it.
    pub unchanged: Arc<Mutex<Unchanged>>,
}
