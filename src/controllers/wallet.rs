//! Wallet: watches wallets and the payments that ask for its money.

use crate::cluster::{EVERY, Key};
use crate::crd::{Payment, Wallet};
use crate::domain::Kind;
use crate::domain::child::OwnerState;
use crate::domain::ledger::{Asked, Request};
use crate::domain::payment;
use crate::domain::wallet::{Ask, Entry, Observed};
use crate::world::lookup::has_finalizer;
use crate::world::order::OrderIndex;
use crate::world::payment::PaymentIndex;
use crate::world::{LiveReads, World};

use super::{Controller, ledger};

/// The Wallet controller.
pub struct Wallets;

impl Controller for Wallets {
    type Root = Wallet;
    type Observed = Observed;

    fn observe(world: &World, key: &Key, live: &LiveReads) -> Option<Observed> {
        let seen = world.wallets.get(key)?;
        let meta = world.meta_of(&seen);
        let status = seen.object.status.clone().unwrap_or_default();
        let names = status.entries.iter().map(|entry| entry.name.as_str());
        let keys = ledger::requesters(&world.payments, key, PaymentIndex::Asks(meta.uid.clone()), names);
        let request = |payment| request(world, payment, &meta.uid, &status.entries, live);
        let requests: Vec<_> = keys.iter().filter_map(request).collect();
        let entries = status.entries.iter().map(|entry| (entry.order.as_str(), entry.name.as_str()));
        let missing = |_: &str, name: &str| world.missing::<Payment>(&key.sibling(name), None, live);
        Some(Observed {
            deposited: seen.object.spec.deposited.clone(),
            points: seen.object.spec.points,
            asked: Asked {
                missing: ledger::unseen(&requests, entries, missing),
                referred: !world.orders.find(&key.namespace, OrderIndex::Refers(meta.uid.clone())).is_empty()
                    || (meta.deleting.is_some() && is_needed(world, key, &meta.uid, live)),
                orders_afresh: live.read(Kind::Order, EVERY).is_some(),
                unreadable: world.server.unreadables.mention(Kind::Order, &key.namespace, &meta.uid),
                requests,
            },
            status,
            meta,
        })
    }
}

/// Whether a payment may still have to be given back to a wallet that is being deleted, though its order is gone: until it
/// is final, or its charge is known to stand. Deleted wallets are few, so every payment is looked at.
fn is_needed(world: &World, key: &Key, wallet: &str, live: &LiveReads) -> bool {
    let needs = |payment: &Payment| {
        let (spec, status) = (&payment.spec, payment.status.as_ref());
        let asks = spec.wallet().is_some_and(|mine| mine.uid == wallet) && !spec.is_free();
        let stands = || {
            let approved = status.is_some_and(|status| status.approved_at.is_some()) && !spec.cancel;
            let sold = status.is_some_and(|status| status.sold_at.is_some());
            let ended = match world.owner_state(key, &spec.order, live) {
                OwnerState::Ended(_) => true,
                OwnerState::Gone(gone) => gone.ended == Some(true),
                OwnerState::Open | OwnerState::Unproven => false,
            };
            approved && (ended || sold)
        };
        asks && !status.is_some_and(payment::Status::is_final) && !stands()
    };
    world.payments.keys(&key.namespace).iter().filter_map(|key| world.payments.get(key)).any(|seen| needs(&seen.object))
}

/// What a payment asks of the wallet with this UID. Payments without our finalizer are not served, and those of nothing
/// ask nothing.
fn request(world: &World, key: &Key, wallet: &str, entries: &[Entry], live: &LiveReads) -> Option<Request<Ask>> {
    let seen = world.payments.get(key)?;
    let payment = &*seen.object;
    let (spec, order) = (&payment.spec, payment.spec.order.uid.clone());
    let known = entries.iter().any(|entry| entry.order == order);
    if spec.wallet().is_none_or(|mine| mine.uid != wallet) || ((spec.is_free() || !has_finalizer(payment)) && !known) {
        return None;
    }
    let status = payment.status.clone().unwrap_or_default();
    let approved = status.approved_at.is_some();
    let ask = match (status.is_final(), spec.cancel) {
        (true, _) => Ask::Ended,
        (false, true) => Ask::Cancel { amount: spec.amount.amount, points: spec.points, approved },
        (false, false) if approved => Ask::Approved,
        // Nothing is taken for an order that is not seen; its arrival enqueues the wallet.
        (false, false) if !known && world.owner_state(key, &spec.order, live) != OwnerState::Open => return None,
        (false, false) => Ask::Charge { money: spec.amount.clone(), points: spec.points },
    };
    Some(Request {
        order,
        name: key.name.to_string(),
        requester: (Kind::Payment, key.name.to_string()),
        version: seen.version,
        read: live.read(Kind::Payment, &key.name),
        gone: None,
        arrived: world.meta_of(&seen).created,
        ask,
    })
}
