//! What is seen of an order that was removed before its end.

use jumun::domain::ledger::Request;
use jumun::domain::{Kind, Lookup, Version, product};

use super::facts;
use super::objects::{Fields, PRODUCT, name, names};
use super::observe::View;

impl View<'_> {
    /// What the Payment of an order that was removed before its end asks of the ledger of stock.
    pub fn removed_asks(&self, number: usize) -> Option<Request<product::Ask>> {
        let id = super::objects::payment(number);
        let slot = self.slot(id)?;
        let Fields::Payment { status, .. } = &slot.body.fields else { return None };
        let (ask, arrived) = product::Ask::of_removed(status, 1)?;
        let names = names(number);
        let requester = (Kind::Payment, names.child.clone());
        let (order, name, version) =
            (names.order.uid.clone(), names.order.name.clone(), Version(u64::from(slot.version)));
        Some(Request { order, name, requester, version, read: self.read(id), arrived, ask })
    }

    /// The ledger's answer to the one product of an order.
    pub fn stock_of(&self, number: usize) -> (String, Lookup<Option<product::Answer>>) {
        let order = &names(number).order.uid;
        (name(PRODUCT), self.ledger(PRODUCT, |slot| facts::product(slot, order).answer))
    }
}
