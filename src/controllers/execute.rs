//! Executes intents: one guarded write each, or one call to what is outside.
//!
//! Invariants: nothing is created under a name that is not derived, so a write sent twice has one effect; no intent is sent
//! that was decided more than a minute ago.

use std::time::Instant;

use serde_json::json;

use super::outside::Outside;
use crate::cluster::diff::merge_patch;
use crate::cluster::members::FROZEN;
use crate::cluster::{Error, Key};
use crate::crd::{Delivery, Notification, OrderView, Payment, Ticket};
use crate::domain::notification::Message;
use crate::domain::{Effect, Intent, Kind, Target, Time};
use crate::world::live_reads::too_old;
use crate::world::{Access, Cached, LiveReads};

/// Executes what was decided.
#[derive(Clone)]
pub struct Executor {
    pub access: Access,
    pub outside: Outside,
}

impl Executor {
    /// Executes one intent of the object at `key`, decided at `decided`; gives whether it changed anything, or brought
    /// anything new.
    ///
    /// # Errors
    /// Classified by what happens next; nothing was written then, unless the error is a timeout.
    pub async fn execute<K: Cached>(
        &self,
        key: &Key,
        intent: &Intent,
        decided: Instant,
        live: &mut LiveReads,
    ) -> Result<bool, Error> {
        too_old(decided)?;
        match intent {
            Intent::ReadAfresh { kind, name } => self.access.read_afresh(*kind, &key.sibling(name), live).await,
            Intent::ReadOrders => self.access.read_orders(key, live).await,
            Intent::AddFinalizer(target) => self.access.set_finalizer::<K>(key, target, true).await,
            Intent::DropFinalizer(target) => self.access.set_finalizer::<K>(key, target, false).await,
            Intent::DeleteSelf(target) => self.access.calls.delete::<K>(key, target).await.map(|()| true),
            Intent::CallOutside(effect) => {
                if let Effect::Notice(message) = effect {
                    in_time(message, decided, self.access.clock.now())?;
                }
                self.outside.call(&self.access.world, key, effect, live).await.map(|()| false)
            }
            Intent::CreatePayment(draft) => self.access.create(key, Payment::from_draft(draft)).await,
            Intent::CreateTicket(draft) => self.access.create(key, Ticket::from_draft(draft)).await,
            Intent::CreateDelivery(draft) => self.access.create(key, Delivery::from_draft(draft)).await,
            Intent::CreateNotification(draft) => self.access.create(key, Notification::from_draft(draft)).await,
            Intent::CreateView(row) => self.access.create(key, OrderView::from_row(row)).await,
            Intent::CancelPayment(target) => {
                self.access.patch::<Payment>(key, target, json!({ "spec": { "cancel": true } })).await
            }
            Intent::HoldTicket(target, hold) => {
                self.access.patch::<Ticket>(key, target, json!({ "spec": { "hold": hold } })).await
            }
            Intent::ReadyDelivery(target) => {
                self.access.patch::<Delivery>(key, target, json!({ "spec": { "ready": true } })).await
            }
            Intent::HoldDelivery(target, hold) => {
                self.access.patch::<Delivery>(key, target, json!({ "spec": { "hold": hold } })).await
            }
            Intent::UpdateView(target, row) => self.update_view(key, target, &OrderView::from_row(row)).await,
            Intent::DeleteView(target) => self.access.calls.delete::<OrderView>(key, target).await.map(|()| true),
        }
    }

    /// Writes what has changed of a row.
    async fn update_view(&self, key: &Key, target: &Target, wanted: &OrderView) -> Result<bool, Error> {
        let seen = self.access.world.views.get(key).filter(|seen| seen.version == target.version);
        let Some(seen) = seen else {
            return Err(Error::Conflict { kind: Kind::OrderView, verb: "patch", name: target.name.clone() });
        };
        let content = |view: &OrderView| json!({ "spec": view.spec, "status": view.status });
        match merge_patch(&content(&seen.object), &content(wanted)) {
            Some(change) => self.access.patch::<OrderView>(key, target, change).await,
            None => Ok(false),
        }
    }
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
