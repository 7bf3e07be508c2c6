//! Events, for what was refused or has failed. Published beside the work: an Event that cannot be written stops nothing.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use crate::domain::{Fact, Kind};

/// Publishes facts as Events.
#[derive(Clone)]
pub struct Events {
    recorder: Recorder,
    api_version: &'static str,
}

impl Events {
    /// Events about objects of this API version.
    pub fn new(client: Client, api_version: &'static str) -> Self {
        let instance = std::env::var("POD_NAME").ok();
        let reporter = Reporter { controller: "jumun.dev/operator".into(), instance };
        Self { recorder: Recorder::new(client, reporter), api_version }
    }

    /// Publishes one fact about an object of this name and UID, in the background.
    pub fn publish(&self, kind: Kind, namespace: &str, (name, uid): (&str, &str), fact: &Fact) {
        let event = Event {
            type_: if fact.warning { EventType::Warning } else { EventType::Normal },
            reason: fact.reason.to_owned(),
            note: Some(fact.message.chars().take(1_000).collect()),
            action: "Reconcile".to_owned(),
            secondary: None,
        };
        let reference = ObjectReference {
            api_version: Some(self.api_version.to_owned()),
            kind: Some(kind.to_string()),
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        };
        let recorder = self.recorder.clone();
        tokio::spawn(async move {
            if let Err(error) = recorder.publish(&event, &reference).await {
                tracing::debug!(%error, reason = event.reason, "an Event was not written");
            }
        });
    }
}
