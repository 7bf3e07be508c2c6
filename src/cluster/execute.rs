//! Carries out intents: one guarded write each.
//!
//! Invariants:
//! - Every write to an existing object carries its uid and resourceVersion; nothing is created under a name that is not
//!   derived. So a write decided from an old view is refused, and one sent twice has one effect.
//! - A call ends within ten seconds, and no intent is sent that was decided more than a minute ago.
//! - The answer goes into the cache at once: the next decision sees what this one did.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::cache::{Key, version_of};
use super::clock::Clock;
use super::errors::Error;
use super::guard::Guarded;
use super::members::FROZEN;
use super::outside::Taken;
use super::slots::Slots;
use super::watch::slim;
use super::world::{EVERY, Held, Pass, World};
use crate::crd::{Delivery, Notification, Order, OrderView, Payment, Ticket};
use crate::domain::ids::{FINALIZER, LET_GO};
use crate::domain::notification::Message;
use crate::domain::provider::Reply;
use crate::domain::{Intent, Kind, Target, Time, Version};
use crate::kinds::kinds;
use crate::outbound::Outbound;
use crate::telemetry::Metrics;
use crate::telemetry::metrics::Call;

/// The field manager of every write.
const MANAGER: &str = "jumun";
/// The longest a call may take.
const CALL_LIMIT: Duration = Duration::from_secs(10);
/// The oldest decision, and the oldest live read, that is still acted on; twice that is well below the time for which
/// children linger.
pub(super) const DECISION_LIMIT: Duration = Duration::from_secs(60);

/// See the module's documentation.
#[derive(Clone)]
pub struct Executor {
    pub client: Client,
    pub world: Arc<World>,
    pub clock: Arc<Clock>,
    pub metrics: Metrics,
    /// Calls to providers and endpoints.
    pub outbound: Outbound,
    /// Places for calls to payment providers.
    pub slots: Arc<Slots>,
    /// The notices that were taken.
    pub taken: Arc<Taken>,
}

impl Executor {
    /// Carries out one intent of the object at `key`, decided at `decided`; gives whether it changed anything, or brought
    /// anything new.
    ///
    /// # Errors
    /// Classified by what happens next; nothing was written then, unless the error is a timeout.
    pub async fn perform<K: Held>(
        &self,
        key: &Key,
        intent: &Intent,
        decided: Instant,
        pass: &mut Pass,
    ) -> Result<bool, Error> {
        too_old(decided)?;
        match intent {
            Intent::ReadAfresh { kind, name } => self.read_afresh(*kind, &key.sibling(name), pass).await,
            Intent::ReadOrders => self.read_orders(key, pass).await,
            Intent::AddFinalizer(target) => self.set_finalizer::<K>(key, target, true).await,
            Intent::DropFinalizer(target) => self.set_finalizer::<K>(key, target, false).await,
            Intent::DeleteSelf(target) => self.delete::<K>(key, target).await,
            Intent::CallProvider { provider, key: charge, call } => {
                // Kept for the pass: a look-up is worth nothing where the charge that follows finds no place.
                pass.slot = pass.slot.take().or_else(|| self.slots.take(key, provider));
                if pass.slot.is_none() {
                    return Err(Error::Busy);
                }
                pass.learns();
                let reply = self.ask_provider(key, provider, charge, call).await;
                if let Reply::Refused { charge: true, status } = reply {
                    pass.refused = Some(status);
                }
                pass.reply = Some(reply);
                Ok(false)
            }
            Intent::SendNotice(message) => {
                in_time(message, decided, self.clock.now())?;
                pass.learns();
                pass.told = Some(self.send_notice(key, message).await);
                Ok(false)
            }
            Intent::CreatePayment(draft) => self.create(key, Payment::from_draft(draft)).await,
            Intent::CreateTicket(draft) => self.create(key, Ticket::from_draft(draft)).await,
            Intent::CreateDelivery(draft) => self.create(key, Delivery::from_draft(draft)).await,
            Intent::CreateNotification(draft) => self.create(key, Notification::from_draft(draft)).await,
            Intent::CreateView(row) => self.create(key, OrderView::from_row(row)).await,
            Intent::CancelPayment(target) => {
                self.patch::<Payment>(key, target, json!({ "spec": { "cancel": true } })).await
            }
            Intent::HoldTicket(target, hold) => {
                self.patch::<Ticket>(key, target, json!({ "spec": { "hold": hold } })).await
            }
            Intent::ReadyDelivery(target) => {
                self.patch::<Delivery>(key, target, json!({ "spec": { "ready": true } })).await
            }
            Intent::HoldDelivery(target, hold) => {
                self.patch::<Delivery>(key, target, json!({ "spec": { "hold": hold } })).await
            }
            Intent::UpdateView(target, row) => {
                let view = OrderView::from_row(row);
                let body = json!({ "spec": view.spec, "status": view.status });
                self.update_view(key, target, body).await
            }
            Intent::DeleteView(target) => self.delete::<OrderView>(key, target).await,
        }
    }

    /// Writes the status of one exact version of an object; `patch` is a merge patch of the status. Gives whether that
    /// changed it: a definition that is older than this program drops what it does not know.
    ///
    /// # Errors
    /// As for [`Executor::perform`].
    pub async fn write_status<K: Held>(
        &self,
        key: &Key,
        target: &Target,
        patch: Value,
        decided: Instant,
    ) -> Result<bool, Error> {
        too_old(decided)?;
        let body = aimed(target, json!({ "status": patch }));
        let (api, params) =
            (self.api::<K>(key), PatchParams { field_manager: Some(MANAGER.into()), ..Default::default() });
        let body = Patch::Merge(&body);
        let call = api.patch_status(&target.name, &params, &body);
        let object = self.call(K::KIND, "patch_status", &target.name, call).await?;
        let changed = is_newer(&object, target);
        self.keep(object);
        Ok(changed)
    }

    /// Reads an object from the API server: its newest version, or the proof that there is none, goes into the cache. Gives
    /// whether that was news.
    ///
    /// # Errors
    /// As for [`Executor::perform`].
    pub async fn read_afresh(&self, kind: Kind, key: &Key, pass: &mut Pass) -> Result<bool, Error> {
        macro_rules! one {
            ([$me:ident $pass:ident] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => {
                match kind {
                    $(Kind::$kind => $me.read::<crate::crd::$kind>(key, $pass).await,)+
                }
            };
        }
        kinds!(one, self, pass)
    }

    /// A list of one: unlike a read by name, it has a version even where it finds nothing.
    async fn read<K: Held>(&self, key: &Key, pass: &mut Pass) -> Result<bool, Error> {
        let api = self.guarded::<K>(key);
        let params = ListParams::default().fields(&format!("metadata.name={}", key.name));
        let cache = K::cache(&self.world);
        let (before, held) = (self.world.newest::<K>(), cache.get(key));
        let list = self.call(K::KIND, "list", &key.name, api.list(&params)).await?;
        let version = Version::parse(list.metadata.resource_version.as_deref().unwrap_or_default());
        self.continues(K::KIND, "list", &key.name, before, version)?;
        if let (Some(held), Some(found)) = (held, list.items.first()) {
            self.continues(K::KIND, "list", &key.name, held.version, version_of(found))?;
        }
        pass.note(K::KIND, &key.name, version, self.clock.now());
        match list.items.into_iter().next() {
            Some(found) => Ok(self.learn(found)),
            None => {
                self.world.understood(K::KIND, key);
                Ok(self.world.wake(key, K::cache(&self.world).absent(key, version, self.clock.now())))
            }
        }
    }

    async fn create<K: Held>(&self, key: &Key, object: K) -> Result<bool, Error> {
        let (api, name) = (self.api::<K>(key), object.meta().name.clone().unwrap_or_default());
        let params = PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() };
        let before = self.world.newest::<K>();
        let object = self.call(K::KIND, "create", &name, api.create(&params, &object)).await?;
        self.continues(K::KIND, "create", &name, before, version_of(&object))?;
        self.keep(object);
        Ok(true)
    }

    /// A patch that changes nothing is answered with the version that it met.
    async fn patch<K: Held>(&self, key: &Key, target: &Target, change: Value) -> Result<bool, Error> {
        let body = aimed(target, change);
        let (api, params) =
            (self.api::<K>(key), PatchParams { field_manager: Some(MANAGER.into()), ..Default::default() });
        let body = Patch::Merge(&body);
        let call = api.patch(&target.name, &params, &body);
        let object = self.call(K::KIND, "patch", &target.name, call).await?;
        let changed = is_newer(&object, target);
        self.keep(object);
        Ok(changed)
    }

    async fn update_view(&self, key: &Key, target: &Target, wanted: Value) -> Result<bool, Error> {
        let Some(seen) = self.world.views.get(key).filter(|seen| seen.version == target.version) else {
            return Err(Error::Conflict { kind: Kind::OrderView, verb: "patch", name: target.name.clone() });
        };
        let held = json!({ "spec": seen.object.spec, "status": seen.object.status });
        match super::diff::merge_patch(&held, &wanted) {
            Some(change) => self.patch::<OrderView>(key, target, change).await,
            None => Ok(false),
        }
    }

    async fn delete<K: Held>(&self, key: &Key, target: &Target) -> Result<bool, Error> {
        let preconditions =
            Preconditions { uid: Some(target.uid.clone()), resource_version: Some(target.version.0.to_string()) };
        let params = DeleteParams::background().preconditions(preconditions);
        let api = self.api::<K>(key);
        self.call(K::KIND, "delete", &target.name, api.delete(&target.name, &params)).await.map(|_| true)
    }

    /// Reads every order of the namespace into the cache, page by page.
    async fn read_orders(&self, key: &Key, pass: &mut Pass) -> Result<bool, Error> {
        let (mut params, mut news) = (ListParams::default().limit(500), false);
        let before = self.world.newest::<Order>();
        loop {
            let page = self.call(Kind::Order, "list", EVERY, self.guarded::<Order>(key).list(&params)).await?;
            let version = Version::parse(page.metadata.resource_version.as_deref().unwrap_or_default());
            self.continues(Kind::Order, "list", EVERY, before, version)?;
            pass.note(Kind::Order, EVERY, version, self.clock.now());
            page.items.into_iter().for_each(|found| news |= self.learn(found));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(news),
            }
        }
    }

    /// Puts our finalizer on the very version that was decided on, or takes it off.
    async fn set_finalizer<K: Held>(&self, key: &Key, target: &Target, wanted: bool) -> Result<bool, Error> {
        let Some(seen) = K::cache(&self.world).get(key).filter(|seen| seen.version == target.version) else {
            return Err(Error::Conflict { kind: K::KIND, verb: "patch", name: target.name.clone() });
        };
        let mut finalizers = seen.object.meta().finalizers.clone().unwrap_or_default();
        finalizers.retain(|finalizer| finalizer != FINALIZER);
        if wanted {
            finalizers.push(FINALIZER.to_owned());
        }
        let said = if wanted { Value::Null } else { json!(target.uid) };
        let change = json!({ "metadata": { "finalizers": finalizers, "annotations": { LET_GO: said } } });
        self.patch::<K>(key, target, change).await
    }

    fn keep<K: Held>(&self, mut object: K) -> bool {
        slim(&mut object);
        self.world.answer(object, self.clock.now())
    }

    /// Takes in what a live read has found, understood or not; gives whether that was news.
    fn learn<K: Held>(&self, found: Guarded<K>) -> bool {
        let key = Key::of(&found);
        match found.content {
            Ok(object) => {
                self.world.understood(K::KIND, &key);
                self.keep(object)
            }
            Err(unreadable) => {
                let news = self.world.not_understood(K::KIND, &key, unreadable);
                if news {
                    self.world.wake_all(&key.namespace);
                }
                news
            }
        }
    }

    fn guarded<K: Held>(&self, key: &Key) -> Api<Guarded<K>> {
        Api::namespaced(self.client.clone(), &key.namespace)
    }

    /// An answer that is older than what was seen before it was asked for is of another history.
    fn continues(&self, kind: Kind, verb: &'static str, name: &str, seen: Version, now: Version) -> Result<(), Error> {
        let fits = self.world.history.continues(kind, seen, now);
        if fits { Ok(()) } else { Err(Error::WentBack { kind, verb, name: name.to_owned() }) }
    }

    fn api<K: Held>(&self, key: &Key) -> Api<K> {
        Api::namespaced(self.client.clone(), &key.namespace)
    }

    async fn call<T>(
        &self,
        kind: Kind,
        verb: &'static str,
        name: &str,
        call: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Error> {
        let result = match tokio::time::timeout(CALL_LIMIT, call).await {
            Ok(answer) => answer.map_err(|error| Error::of(kind, verb, name, error)),
            Err(_) => Err(Error::Timeout { kind, verb, name: name.to_owned(), seconds: CALL_LIMIT.as_secs() }),
        };
        let outcome = result.as_ref().map_or_else(Error::label, |_| "ok");
        self.metrics.calls.get_or_create(&Call { kind: kind.as_str(), verb, result: outcome }).inc();
        result
    }
}

/// Whether a write has made another version of its target.
fn is_newer<K: kube::Resource>(object: &K, target: &Target) -> bool {
    version_of(object) != target.version
}

fn too_old(decided: Instant) -> Result<(), Error> {
    let age = decided.elapsed();
    if age > DECISION_LIMIT { Err(Error::TooOld { seconds: age.as_secs() }) } else { Ok(()) }
}

/// A message that is claimed is sent while the claim lasts, one that is not right after it was decided: by then somebody
/// else may have joined.
fn in_time(message: &Message, decided: Instant, now: Time) -> Result<(), Error> {
    let (age, late) = (decided.elapsed(), message.by.is_some_and(|by| now > by));
    if late || (message.by.is_none() && age > FROZEN) {
        return Err(Error::TooOld { seconds: age.as_secs() });
    }
    Ok(())
}

/// A patch that the API server refuses unless it meets this very version.
fn aimed(target: &Target, mut change: Value) -> Value {
    let metadata = &mut change["metadata"];
    metadata["uid"] = json!(target.uid);
    metadata["resourceVersion"] = json!(target.version.0.to_string());
    change
}
