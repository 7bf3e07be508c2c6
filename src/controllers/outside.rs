//! Calls to what is not in the cluster: where the endpoint is comes from Store and OrderPlatform at that very moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::cluster::{Error, Key, lock};
use crate::domain::Effect;
use crate::domain::effect::Outcome;
use crate::domain::notification::{Audience, Message, Untaken};
use crate::domain::provider::{Call, Reply};
use crate::outbound::bulkhead::Bulkhead;
use crate::outbound::{DEFAULT_TIMEOUT, Event, Outbound};
use crate::telemetry::Metrics;
use crate::world::{LiveReads, World};

/// The way out to payment providers and endpoints.
#[derive(Clone)]
pub struct Outside {
    outbound: Outbound,
    /// Places for calls to payment providers.
    pub bulkhead: Arc<Bulkhead>,
    /// The notices that were taken.
    taken: Arc<Taken>,
}

impl Outside {
    /// With so many places for calls to payment providers.
    pub fn new(metrics: Metrics, places: usize) -> Self {
        Self { outbound: Outbound::new(metrics), bulkhead: Arc::new(Bulkhead::new(places)), taken: Arc::default() }
    }

    /// Makes a call, and keeps what came of it beside the live reads.
    pub(super) async fn call(
        &self,
        world: &World,
        key: &Key,
        effect: &Effect,
        live: &mut LiveReads,
    ) -> Result<(), Error> {
        if let Effect::Provider { name, .. } = effect {
            // Kept for the whole reconcile: a look-up is worth nothing where the charge that follows finds no place.
            live.permit = live.permit.take().or_else(|| self.bulkhead.take(&key.namespace, name));
            if live.permit.is_none() {
                return Err(Error::Busy);
            }
        }
        live.learns();
        let outcome = match effect {
            Effect::Provider { name, key: charge, call } => {
                Outcome::Provider(self.ask_provider(world, key, name, charge, call).await)
            }
            Effect::Notice(message) => Outcome::Notice(self.send_notice(world, key, message).await),
        };
        live.keep(effect.id(), outcome);
        Ok(())
    }

    /// Asks a payment provider of the platform.
    async fn ask_provider(&self, world: &World, key: &Key, provider: &str, charge: &str, call: &Call) -> Reply {
        let platform = world.platform(key);
        let Some(found) = platform.as_ref().and_then(|seen| seen.object.spec.provider(provider)) else {
            return Reply::Unknown { why: "the OrderPlatform does not name the provider".to_owned() };
        };
        let allowed = platform.as_ref().and_then(|seen| seen.object.spec.allowed_hosts());
        let timeout = found.timeout.map_or(DEFAULT_TIMEOUT, |span| span.duration().max(Duration::from_millis(100)));
        self.outbound.provider(allowed, &found.url, timeout, charge, call).await
    }

    /// Sends a message to its endpoint, unless it is known to have been taken: what could not be written down is not sent
    /// again.
    async fn send_notice(&self, world: &World, key: &Key, message: &Message) -> Result<(), Untaken> {
        if self.taken.has(&message.id) {
            return Ok(());
        }
        let outcome = self.call_endpoint(world, key, message).await;
        if outcome.is_ok() {
            self.taken.add(&message.id);
        }
        outcome
    }

    async fn call_endpoint(&self, world: &World, key: &Key, message: &Message) -> Result<(), Untaken> {
        let platform = world.platform(key);
        let spec = platform.as_ref().map(|seen| &seen.object.spec);
        let content = &message.content;
        let url = match content.to {
            Audience::Customer => spec.and_then(|spec| spec.customers()).map(str::to_owned),
            Audience::Seller => {
                let store = world.stores.get(&key.sibling(&content.store));
                store.and_then(|seen| seen.object.spec.notify.as_ref().map(|notify| notify.url.clone()))
            }
        };
        let Some(url) = url else { return Err(Untaken::Failing("no endpoint is configured".to_owned())) };
        let event = event(&key.namespace, message);
        let allowed = spec.and_then(|spec| spec.allowed_hosts());
        let taken = self.outbound.notify(allowed, &url, &event).await;
        taken.map_err(
            |error| if error.refused { Untaken::Refused(error.reason) } else { Untaken::Failing(error.reason) },
        )
    }
}

/// The notices that endpoints took from this process a while ago.
#[derive(Debug, Default)]
struct Taken(Mutex<HashMap<String, Instant>>);

/// Above so many, older ones are forgotten.
const REMEMBERED: usize = 4_096;
/// By then it was written down, or tried for long enough.
const OLD: Duration = Duration::from_secs(600);

impl Taken {
    fn has(&self, id: &str) -> bool {
        lock(&self.0).contains_key(id)
    }

    fn add(&self, id: &str) {
        let mut taken = lock(&self.0);
        if taken.len() >= REMEMBERED {
            taken.retain(|_, since| since.elapsed() < OLD);
        }
        if taken.len() >= REMEMBERED {
            taken.clear();
        }
        taken.insert(id.to_owned(), Instant::now());
    }
}

/// The message as an event. The same message is the same event, whenever it is sent.
fn event(namespace: &str, message: &Message) -> Event {
    let content = &message.content;
    Event {
        id: message.id.clone(),
        type_: format!("dev.jumun.order.{}", content.topic.slug()),
        source: format!("/namespaces/{namespace}/orders/{}", content.order.name),
        subject: content.subject.clone(),
        time: message.created,
        data: json!({
            "order": content.order, "topic": content.topic, "to": content.to, "store": content.store,
            "customer": content.customer, "amount": content.amount, "reason": content.reason,
            "message": content.message, "end": content.end,
        }),
    }
}
