//! What the payment providers of a namespace have taken for orders that did not come to their end, and giving it back.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use super::Failure;
use crate::crd::{Delivery, Order, OrderPlatform, OrderPlatformSpec, OrderView, Payment};
use crate::domain::delivery::{Cause, Hold, Progress};
use crate::domain::provider::{self, Call, Reply};
use crate::domain::{Money, platform};
use crate::outbound::{DEFAULT_TIMEOUT, Outbound};
use crate::telemetry::Metrics;

/// The pause between two rounds of calls.
const PAUSE: Duration = Duration::from_secs(2);

/// A charge that may stand at a provider.
#[derive(Clone, Debug)]
pub struct Charge {
    /// Name of its Payment, and of the order's other children.
    pub payment: String,
    provider: String,
    key: String,
    amount: Money,
    /// Why it was not given back.
    why: String,
}

impl std::fmt::Display for Charge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { payment, provider, key, amount, why } = self;
        write!(f, "{} {} at {provider} under key {key} (Payment {payment}): {why}", amount.amount, amount.currency)
    }
}

/// Every such charge of a namespace.
pub struct Charges {
    deliveries: Api<Delivery>,
    platform: Option<OrderPlatformSpec>,
    open: Vec<Charge>,
    outbound: Outbound,
}

impl Charges {
    /// The charges of Payments that are being deleted and whose order did not come to its end.
    pub async fn of(client: &Client, namespace: &str) -> Result<Self, Failure> {
        let payments: Api<Payment> = Api::namespaced(client.clone(), namespace);
        let (orders, rows): (Api<Order>, Api<OrderView>) =
            (Api::namespaced(client.clone(), namespace), Api::namespaced(client.clone(), namespace));
        let platforms: Api<OrderPlatform> = Api::namespaced(client.clone(), namespace);
        let mut ended = HashMap::new();
        for row in rows.list(&ListParams::default()).await? {
            ended.insert(row.spec.order.uid.clone(), row.status.is_some_and(|status| status.order.is_end()));
        }
        for order in orders.list(&ListParams::default()).await? {
            let over = order.status.as_ref().is_some_and(|status| status.ended_at.is_some());
            ended.insert(order.uid().unwrap_or_default(), over);
        }
        let mut open = Vec::new();
        for payment in payments.list(&ListParams::default()).await? {
            let settled = payment.status.as_ref().is_some_and(crate::domain::payment::Status::is_final);
            let over = settled || ended.get(&payment.spec.order.uid) == Some(&true);
            let Some(provider) = payment.spec.provider.clone().filter(|_| !over) else { continue };
            if payment.metadata.deletion_timestamp.is_none() {
                continue;
            }
            open.push(Charge {
                payment: payment.name_any(),
                provider,
                key: provider::key(&payment.spec.order.uid),
                amount: payment.spec.amount.clone(),
                why: "not asked yet".to_owned(),
            });
        }
        Ok(Self {
            deliveries: Api::namespaced(client.clone(), namespace),
            platform: platforms.get_opt(platform::NAME).await?.map(|platform| platform.spec),
            open,
            outbound: Outbound::new(Metrics::default()),
        })
    }

    /// Asks the providers to give back what they have taken, again and again for `limit`; gives what has no answer.
    pub async fn give_back(mut self, limit: Duration) -> Result<Vec<Charge>, Failure> {
        let began = Instant::now();
        loop {
            let mut left = Vec::new();
            for charge in std::mem::take(&mut self.open) {
                left.extend(self.settle(charge).await?);
            }
            if left.is_empty() || began.elapsed() >= limit {
                return Ok(left);
            }
            println!("{} charges have no answer yet; asking again", left.len());
            self.open = left;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Stops the courier, then asks the provider; gives the charge back where that did not settle it.
    async fn settle(&self, mut charge: Charge) -> Result<Option<Charge>, Failure> {
        if self.is_brought(&charge.payment).await? {
            return Ok(None);
        }
        let spec = self.platform.as_ref();
        let Some(found) = spec.and_then(|spec| spec.provider(&charge.provider)) else {
            charge.why = format!("the OrderPlatform has no payment provider {}", charge.provider);
            return Ok(Some(charge));
        };
        let timeout = found.timeout.map_or(DEFAULT_TIMEOUT, |span| span.duration());
        let allowed = spec.and_then(OrderPlatformSpec::allowed_hosts);
        match self.outbound.provider(allowed, &found.url, timeout, &charge.key, &Call::Void).await {
            Reply::Refunded => println!("given back: {} {}", charge.amount.amount, charge.key),
            Reply::Voided | Reply::Declined { .. } => println!("never taken: {}", charge.key),
            Reply::Charged | Reply::NotFound => {
                charge.why = "an answer that fits no void".to_owned();
                return Ok(Some(charge));
            }
            Reply::Refused { status, .. } => {
                charge.why = format!("refused for good with HTTP {status}");
                return Ok(Some(charge));
            }
            Reply::Unknown { why } => {
                charge.why = why;
                return Ok(Some(charge));
            }
        }
        Ok(None)
    }

    /// Whether the customer has what was bought; where not, no courier can bring it any more.
    async fn is_brought(&self, name: &str) -> Result<bool, Failure> {
        let hold = Hold { cause: Cause::OrderGone, step: Progress::Delivered };
        let Some(delivery) = self.deliveries.get_opt(name).await? else { return Ok(false) };
        if delivery.spec.progress == Some(Progress::Delivered) {
            return Ok(true);
        }
        if delivery.spec.hold.is_some() {
            return Ok(false);
        }
        let body = json!({ "spec": { "hold": hold } });
        match self.deliveries.patch(name, &PatchParams::default(), &Patch::Merge(&body)).await {
            Ok(_) => Ok(false),
            // It was brought at this very moment.
            Err(kube::Error::Api(status)) if status.is_invalid() => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}
