//! Payments: found by who may have to answer for their money; a change of one concerns its order and those.

use super::mapping::{Mapping, ON_ITS_WAY};
use crate::cluster::Watched;
use crate::crd::Payment;
use crate::domain::payment::Status;
use crate::domain::{Kind, platform};

/// What a payment is found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PaymentIndex {
    /// Its facts ask something of the ledger with this UID.
    Asks(String),
    /// A provider of the platform may have to answer for its money.
    AtProvider,
}

impl Watched for Payment {
    const KIND: Kind = Kind::Payment;
    type Index = PaymentIndex;

    fn index(&self) -> Vec<PaymentIndex> {
        let status = self.status.as_ref();
        let is_final = status.is_some_and(Status::is_final);
        let stands = status.is_some_and(|status| status.approved_at.is_some()) && !self.spec.cancel;
        if self.speaks_for_stock() {
            return self.spec.items.iter().map(|item| PaymentIndex::Asks(item.uid.clone())).collect();
        }
        if is_final || self.spec.is_free() {
            return Vec::new();
        }
        if self.spec.provider.is_some() {
            return vec![PaymentIndex::AtProvider];
        }
        if stands {
            return Vec::new();
        }
        self.spec.wallet().into_iter().map(|wallet| PaymentIndex::Asks(wallet.uid.clone())).collect()
    }

    fn part_of(&self) -> Option<&str> {
        Some(&self.spec.order.uid)
    }

    fn transform(&mut self) {
        self.spec.items.shrink_to_fit();
        self.status.iter_mut().for_each(|status| status.conditions.shrink_to_fit());
    }
}

impl Mapping for Payment {
    fn hastens(_new: Option<&Self>) -> &'static [Kind] {
        ON_ITS_WAY
    }

    fn enqueues(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let Some(payment) = new.or(old) else { return Vec::new() };
        let order = payment.spec.order.name.clone();
        let mut enqueued =
            vec![(Kind::Payment, name.to_owned()), (Kind::Order, order.clone()), (Kind::OrderView, order)];
        let asks = |payment: Option<&Self>| payment.is_some_and(|payment| !payment.index().is_empty());
        // A deleted wallet waits for whatever may still have to be given back.
        if asks(old) || asks(new) || new.is_none() {
            enqueued.extend(payment.spec.wallet().map(|wallet| (Kind::Wallet, wallet.name.clone())));
        }
        let asks_stock = |payment: Option<&Self>| payment.is_some_and(Self::speaks_for_stock);
        if asks_stock(old) || asks_stock(new) {
            enqueued.extend(payment.spec.items.iter().map(|item| (Kind::Product, item.product.clone())));
        }
        if new.is_none() || payment.status.as_ref().is_some_and(Status::is_final) {
            enqueued.extend([Kind::Ticket, Kind::Delivery].map(|kind| (kind, name.to_owned())));
        }
        let is_provider = payment.spec.provider.is_some();
        if is_provider && (new.is_none() || payment.status.as_ref().is_some_and(Status::is_final)) {
            enqueued.push((Kind::OrderPlatform, platform::NAME.to_owned()));
        }
        enqueued
    }
}

impl Payment {
    /// Whether it speaks to the ledgers of stock for an order that was removed before its end.
    pub(crate) fn speaks_for_stock(&self) -> bool {
        self.status.as_ref().is_some_and(Status::speaks_for_stock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::payment::{Draft, Payer};
    use crate::domain::{Money, ObjectRef, OrderRef, Time};

    fn payment(amount: i64, points: i64) -> Payment {
        Payment::from_draft(&Draft {
            order: OrderRef { name: "order-1".into(), uid: "uid-1".into() },
            payer: Payer::Wallet(ObjectRef { name: "alice".into(), uid: "uid-2".into() }),
            amount: Money::new(amount, "KRW"),
            points,
            items: Vec::new(),
            cancel: false,
        })
    }

    #[test]
    fn a_payment_of_nothing_asks_nothing_of_a_wallet() {
        let asks = |amount, points| !payment(amount, points).index().is_empty();
        assert!(asks(1, 0) && asks(0, 1) && !asks(0, 0));
    }

    #[test]
    fn a_wallet_is_enqueued_when_a_payment_asks_and_when_its_entry_can_leave() {
        let pending = payment(1, 0);
        let approved = Status { approved_at: Some(Time::from_millis(1)), ..Status::default() };
        let approved = Payment { status: Some(approved), ..pending.clone() };
        let enqueues = |old: Option<&Payment>, new: Option<&Payment>| {
            Payment::enqueues("pay-1", old, new).contains(&(Kind::Wallet, "alice".to_owned()))
        };
        assert!(enqueues(None, Some(&pending)), "it asks");
        assert!(enqueues(Some(&pending), Some(&approved)), "a full wallet has room again");
        assert!(!enqueues(Some(&approved), Some(&approved)));
    }
}
