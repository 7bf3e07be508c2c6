//! Payment: watches payments, the answers of wallets, and the end of orders.

use crate::cluster::Key;
use crate::crd::{Delivery, Payment, PaymentSpec, Product, Ticket, Wallet};
use crate::domain::delivery::Progress;
use crate::domain::effect::Outcome;
use crate::domain::payment::{self, Item, Observed, Shipment};
use crate::domain::product::Answer;
use crate::domain::provider::{self, Reply, Token};
use crate::domain::{Kind, Lookup, platform};
use crate::world::{LiveReads, World};

use super::Controller;

/// The Payment controller.
pub struct Payments;

impl Controller for Payments {
    type Root = Payment;
    type Observed = Observed;

    fn observe(world: &World, key: &Key, live: &LiveReads) -> Option<Observed> {
        let seen = world.payments.get(key)?;
        let payment = &*seen.object;
        let (spec, order) = (&payment.spec, payment.spec.order.clone());
        Some(Observed {
            meta: world.meta_of(&seen),
            owner: world.owner_state(key, &order, live),
            order,
            funding: funding(world, key, spec, live),
            free: spec.is_free(),
            cancel: spec.cancel,
            unreadable: match spec.wallet() {
                Some(wallet) => world.unreadable(Kind::Wallet, &key.sibling(&wallet.name)),
                None => world.unreadable(Kind::OrderPlatform, &key.sibling(platform::NAME)),
            },
            wallet_denied: spec.wallet().and_then(|wallet| world.why_denied::<Wallet>(&key.sibling(&wallet.name))),
            refunded_by_hand: spec.refunded_by_hand,
            delivery: world.lookup::<Delivery>(key, None, live).map(|seen| Shipment {
                held: seen.object.spec.hold.is_some(),
                delivered: seen.object.spec.progress == Some(Progress::Delivered),
            }),
            ticket: world.lookup::<Ticket>(key, None, live).map(|seen| seen.object.kitchen()),
            stock: stock(world, key, payment, live),
            has_items: !spec.items.is_empty(),
            status: payment.status.clone().unwrap_or_default(),
        })
    }
}

/// The answers of the ledgers of stock, where it asks for them.
fn stock(world: &World, key: &Key, payment: &Payment, live: &LiveReads) -> Vec<(String, Lookup<Option<Answer>>)> {
    if !payment.speaks_for_stock() {
        return Vec::new();
    }
    let answer = |item: &Item| {
        let found = world.lookup::<Product>(&key.sibling(&item.product), Some(&item.uid), live);
        found.map(|seen| seen.object.status.as_ref()?.answer_to(&payment.spec.order.uid))
    };
    payment.spec.items.iter().map(|item| (item.product.clone(), answer(item))).collect()
}

/// Whether a payment provider has still to answer for the payment of this name.
pub(super) fn owed(world: &World, key: &Key, live: &LiveReads) -> bool {
    Payments::observe(world, key, live).is_some_and(|payment| payment.is_owed())
}

/// Who answers for the money.
fn funding(world: &World, key: &Key, spec: &PaymentSpec, live: &LiveReads) -> payment::Funding {
    if let Some(wallet) = spec.wallet() {
        let found = world.lookup::<Wallet>(&key.sibling(&wallet.name), Some(&wallet.uid), live);
        let entry = found.map(|seen| {
            let status = seen.object.status.as_ref()?;
            let entry = status.entries.iter().find(|entry| entry.order == spec.order.uid)?;
            Some((entry.answer, entry.lacked(&seen.object.spec.deposited.currency)))
        });
        let lacked = entry.present().cloned().flatten().and_then(|(_, lacked)| lacked);
        let answer = entry.map(|entry| entry.map(|(answer, _)| answer));
        return payment::Funding::Wallet { name: wallet.name.clone(), answer, lacked };
    }
    let name = spec.provider.clone().unwrap_or_default();
    let order = world.orders.get(&key.sibling(&spec.order.name));
    let platform = world.platform(key);
    let charge = provider::key(&spec.order.uid);
    let reply = |kind: &str| match live.outcome(&provider::effect(&charge, kind)) {
        Some(Outcome::Provider(reply)) => Some(reply),
        _ => None,
    };
    payment::Funding::Provider(payment::Provider {
        known: platform.as_ref().is_some_and(|platform| platform.object.spec.provider(&name).is_some()),
        name,
        token: Token(spec.token.clone().unwrap_or_default()),
        amount: spec.amount.clone(),
        refused: match reply(provider::CHARGE) {
            Some(Reply::Refused { charge: true, status }) => Some(*status),
            _ => None,
        },
        // The call that was made last.
        reply: provider::CALLS.into_iter().rev().find_map(reply).cloned(),
        order_afresh: live.read(Kind::Order, &spec.order.name).is_some(),
        order_wishes: order.is_some_and(|seen| seen.object.is_wished()),
        give_up_after: platform.map_or(payment::GIVE_UP_AFTER, |platform| platform.object.spec.give_up_after()),
    })
}
