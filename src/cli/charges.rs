//! What the payment providers of a namespace have taken for orders that did not come to their end, and giving it back.
//!
//! No operator runs, so this takes the decisions of one: those of a Payment, its Ticket and its Delivery whose order is gone
//! (`domain/payment/gone.rs`), on what was read a moment ago and with the same guarded writes. An order that is being
//! deleted and has not ended counts as gone: nobody else undoes it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use super::failure::Failure;
use crate::cluster::diff::merge_patch;
use crate::cluster::{Calls, Class, Clock, Key};
use crate::controllers::delivery::Deliveries;
use crate::controllers::payment::Payments;
use crate::controllers::ticket::Tickets;
use crate::controllers::{Controller, Executor, Outside};
use crate::crd::{Delivery, Order, OrderPlatform, OrderView, Payment, Ticket};
use crate::domain::payment::{self, Observed};
use crate::domain::{Case, Intent, Kind, Money, OrderRef, Policy, Time, Version, conditions, ids, provider};
use crate::telemetry::Metrics;
use crate::world::{Access, Cached, LiveReads, World};

/// The pause between two rounds of calls.
const PAUSE: Duration = Duration::from_secs(2);
/// How many steps one charge takes in a round: store and courier are stopped, the payment is cancelled, the provider asked.
const STEPS: usize = 8;

/// A charge that may stand at a provider.
#[derive(Clone, Debug)]
pub struct Charge {
    /// Name of its Payment, and of the order's other children.
    pub payment: String,
    order: OrderRef,
    provider: String,
    key: String,
    amount: Money,
    /// Why it was not given back.
    why: String,
}

impl std::fmt::Display for Charge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { payment, provider, key, amount, why, .. } = self;
        write!(f, "{} {} at {provider} under key {key} (Payment {payment}): {why}", amount.amount, amount.currency)
    }
}

/// Every such charge of a namespace.
pub struct Charges {
    executor: Executor,
    /// Any key of the namespace.
    key: Key,
    open: Vec<Charge>,
    /// Whether the whole namespace is being deleted: its objects are marked for it one after the other.
    goes: bool,
    /// Names of the children of orders that have not ended and are not being deleted: nobody's business here.
    living: BTreeSet<String>,
}

/// What one step of a charge came to.
enum Step {
    Again,
    /// It is closed; how, in words.
    Done(String),
    /// It stays open, and why.
    Left(String),
}

impl Charges {
    /// The charges of Payments that are being deleted and whose order neither lives nor came to its end.
    pub async fn of(client: &Client, clock: &Arc<Clock>, namespace: &str) -> Result<Self, Failure> {
        let metrics = Metrics::default();
        let calls = Calls { client: client.clone(), metrics: metrics.clone() };
        let access = Access { calls, world: Arc::default(), clock: clock.clone() };
        let executor = Executor { access, outside: Outside::new(metrics, 1) };
        let mut charges =
            Self { executor, key: Key::new(namespace, ""), open: Vec::new(), goes: false, living: BTreeSet::new() };
        charges.goes = charges.goes_away().await;
        charges.list::<OrderPlatform>().await?;
        charges.list::<OrderView>().await?;
        charges.list::<Ticket>().await?;
        charges.list::<Delivery>().await?;
        charges.list::<Payment>().await?;
        charges.orders().await?;
        charges.find().await?;
        Ok(charges)
    }

    /// Whether an object of this name is the child of an order that lives.
    pub fn lives(&self, child: &str) -> bool {
        self.living.contains(child)
    }

    fn world(&self) -> &World {
        &self.executor.access.world
    }

    fn api<K: Cached>(&self) -> Api<K> {
        Api::namespaced(self.executor.access.calls.client.clone(), &self.key.namespace)
    }

    async fn list<K: Cached>(&self) -> Result<(), Failure> {
        for object in self.api::<K>().list(&ListParams::default()).await? {
            K::cache(self.world()).deliver(object, self.executor.access.clock.now());
        }
        Ok(())
    }

    /// How the orders stand. Who is gone was so long ago: nothing of it is on its way any more.
    async fn orders(&mut self) -> Result<(), Failure> {
        let long_ago = Time::from_millis(0);
        let list = self.api::<Order>().list(&ListParams::default()).await?;
        let version = Version::parse(list.metadata.resource_version.as_deref().unwrap_or_default());
        let mut there = BTreeSet::new();
        for order in list {
            let uid = order.uid().unwrap_or_default();
            let ended = order.status.as_ref().is_some_and(|status| status.ended_at.is_some());
            match order.metadata.deletion_timestamp {
                _ if ended => drop(self.world().orders.deliver(order, long_ago)),
                None if !self.goes => drop(self.living.insert(ids::child_name(&order.name_any(), &uid))),
                _ => drop(self.world().orders.delete(&order, Some(false), long_ago)),
            }
            there.insert(uid);
        }
        for seen in self.payments() {
            let uid = &seen.spec.order.uid;
            if !there.contains(uid) {
                self.world().orders.bury(uid, version, long_ago);
            }
        }
        Ok(())
    }

    /// Whether the namespace is being deleted; who may not ask takes it for not.
    async fn goes_away(&self) -> bool {
        let namespaces: Api<Namespace> = Api::all(self.executor.access.calls.client.clone());
        let found = namespaces.get_metadata_opt(&self.key.namespace).await;
        found.ok().flatten().is_some_and(|found| found.metadata.deletion_timestamp.is_some())
    }

    fn payments(&self) -> Vec<Arc<Payment>> {
        let payments = &self.world().payments;
        payments.keys(&self.key.namespace).iter().filter_map(|key| Some(payments.get(key)?.object)).collect()
    }

    async fn find(&mut self) -> Result<(), Failure> {
        for payment in self.payments() {
            let (name, spec) = (payment.name_any(), &payment.spec);
            let Some(provider) = spec.provider.clone() else { continue };
            let stays = payment.metadata.deletion_timestamp.is_none() && !self.goes;
            if stays || self.lives(&name) {
                continue;
            }
            let charge = Charge {
                payment: name,
                order: spec.order.clone(),
                provider,
                key: provider::key(&spec.order.uid),
                amount: spec.amount.clone(),
                why: "not asked yet".to_owned(),
            };
            let live = self.read(&charge).await?;
            if self.observe(&charge, &live).is_some_and(|seen| seen.is_owed()) {
                self.open.push(charge);
            }
        }
        Ok(())
    }

    /// Asks the providers to give back what they have taken, again and again for `limit`; gives what has no answer.
    pub async fn give_back(&mut self, limit: Duration) -> Result<Vec<Charge>, Failure> {
        let began = Instant::now();
        loop {
            let mut left = Vec::new();
            for charge in std::mem::take(&mut self.open) {
                left.extend(self.close(charge).await?);
            }
            if left.is_empty() || began.elapsed() >= limit {
                return Ok(left);
            }
            println!("{} charges have no answer yet; asking again", left.len());
            self.open = left;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Stops store and courier, then asks the provider; gives the charge back where that did not close it.
    async fn close(&self, mut charge: Charge) -> Result<Option<Charge>, Failure> {
        let key = self.key.sibling(&charge.payment);
        for _ in 0..STEPS {
            let mut live = self.read(&charge).await?;
            if self.stop::<Tickets>(&key, &mut live).await? || self.stop::<Deliveries>(&key, &mut live).await? {
                continue;
            }
            match self.step(&charge, &mut live).await? {
                Step::Again => {}
                Step::Done(said) => {
                    println!("{said}");
                    return Ok(None);
                }
                Step::Left(why) => {
                    charge.why = why;
                    return Ok(Some(charge));
                }
            }
        }
        "it is changed again and again: does an operator run?".clone_into(&mut charge.why);
        Ok(Some(charge))
    }

    /// Reads what stands of an order: its children, and its row.
    async fn read(&self, charge: &Charge) -> Result<LiveReads, Failure> {
        let mut live = LiveReads::default();
        for kind in [Kind::Payment, Kind::Ticket, Kind::Delivery] {
            self.executor.access.read_afresh(kind, &self.key.sibling(&charge.payment), &mut live).await?;
        }
        self.executor.access.read_afresh(Kind::OrderView, &self.key.sibling(&charge.order.name), &mut live).await?;
        Ok(live)
    }

    /// The Payment as it stands; nothing where it is gone. Pauses after failed attempts are not for a person who waits.
    fn observe(&self, charge: &Charge, live: &LiveReads) -> Option<Observed> {
        let mut seen = Payments::observe(self.world(), &self.key.sibling(&charge.payment), live)?;
        (seen.status.retry_at, seen.meta.changed) = (None, Time::from_millis(0));
        Some(seen)
    }

    /// Stops the steps of a child, where it is not stopped; gives whether there was anything to do.
    async fn stop<C: Controller>(&self, key: &Key, live: &mut LiveReads) -> Result<bool, Failure> {
        let Some(seen) = C::observe(self.world(), key, live) else { return Ok(false) };
        let plan = C::decide(&Case { seen: &seen, now: self.executor.access.clock.now(), policy: &Policy::default() });
        let holds = |intent: &&Intent| matches!(intent, Intent::HoldTicket(..) | Intent::HoldDelivery(..));
        match plan.intents.iter().find(holds) {
            // What comes too late is seen at the next look: it was brought at this very moment.
            Some(hold) => self.execute::<C::Root>(key, hold, live).await.map(|_| true),
            None => Ok(false),
        }
    }

    /// Executes an intent; gives whether the object was as it was seen.
    async fn execute<K: Cached>(&self, key: &Key, intent: &Intent, live: &mut LiveReads) -> Result<bool, Failure> {
        match self.executor.execute::<K>(key, intent, Instant::now(), live).await {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.class(), Class::Conflict | Class::Invalid) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// What the Payment decides, until a write was made or there is nothing to do.
    async fn step(&self, charge: &Charge, live: &mut LiveReads) -> Result<Step, Failure> {
        let key = self.key.sibling(&charge.payment);
        for _ in 0..STEPS {
            let Some(seen) = self.observe(charge, live) else { return Ok(Step::Done(said(charge, None))) };
            if !seen.is_owed() {
                return Ok(Step::Done(said(charge, Some(&seen.status))));
            }
            let case = Case { seen: &seen, now: self.executor.access.clock.now(), policy: &Policy::default() };
            let plan = Payments::decide(&case);
            if let Some(intent) = plan.intents.first() {
                let met = self.execute::<Payment>(&key, intent, live).await?;
                if met && intent.informs() {
                    continue;
                }
                return Ok(Step::Again);
            }
            let status = plan.status.as_ref().unwrap_or(&seen.status);
            if !status.is_final() {
                let why =
                    conditions::waiting_message(&status.conditions).unwrap_or("it waits for its Ticket or Delivery");
                return Ok(Step::Left(why.to_owned()));
            }
            let (before, after) = (serde_json::to_value(&seen.status)?, serde_json::to_value(status)?);
            let Some(patch) = merge_patch(&before, &after) else { return Ok(Step::Again) };
            let target = seen.meta.target();
            return match self.executor.access.write_status::<Payment>(&key, &target, patch, Instant::now()).await {
                Ok(_) => Ok(Step::Done(said(charge, Some(status)))),
                Err(error) if error.class() == Class::Conflict => Ok(Step::Again),
                Err(error) => Err(error.into()),
            };
        }
        Ok(Step::Again)
    }
}

/// How a charge was closed, in words.
fn said(charge: &Charge, status: Option<&payment::Status>) -> String {
    let (amount, key) = (charge.amount.amount, &charge.key);
    match status {
        None => format!("gone meanwhile: {amount} {key}"),
        Some(status) if status.refunded_at.is_some() => format!("given back: {amount} {key}"),
        Some(status) if status.is_final() => format!("never taken: {key}"),
        Some(_) => format!("stays paid, for it was brought: {amount} {key}"),
    }
}
