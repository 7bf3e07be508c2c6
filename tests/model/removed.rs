//! What is seen of an order that was removed before its end.

use jumun::domain::child::{Fate, Gone};
use jumun::domain::ledger::{Missing, Request};
use jumun::domain::{Kind, Lookup, Version, product};

use super::facts;
use super::mutations::Mutation;
use super::objects::{Fields, PRODUCT, name, names};
use super::observe::View;
use super::state::Cell;

impl View<'_> {
    /// What a child knows of its order.
    pub fn fate(&self, number: usize) -> Fate {
        let id = super::objects::order(number);
        if let Some(slot) = self.slot(id)
            && let Fields::Order { status, .. } = &slot.body.fields
        {
            return status.ended_at.map_or(Fate::Open, Fate::Ended);
        }
        match self.state.cached(self.replica, id) {
            Cell::Gone { noticed, tells, .. } => {
                let row_read = self.read(super::objects::row(number)).is_some();
                let (noticed, ended) = (self.config.time(*noticed), self.had_ended(number, *tells, row_read));
                Fate::Gone(Gone { noticed, ended, row_read })
            }
            _ => Fate::Unproven,
        }
    }

    /// Whether an order that is gone had ended, as the delete event tells, or its row, where that is there and was read.
    fn had_ended(&self, number: usize, tells: bool, row_read: bool) -> Option<bool> {
        let ended = self.state.past[number].ended.is_some();
        match self.config.mutation {
            // An old version of the row shows no end.
            Mutation::RowTakenAtItsWord if !tells => Some(ended && row_read),
            // An order that goes too soon is undone by its children: such a fault shows only where they do not know it.
            Mutation::RemovedTakenForEnded | Mutation::ServeUnguarded | Mutation::OrderLetGo => Some(true),
            _ if tells || (row_read && !self.config.rowless) => Some(ended),
            _ => None,
        }
    }

    /// The version at which an order is known to be gone.
    fn gone_at(&self, number: usize) -> Option<Version> {
        let id = super::objects::order(number);
        match (self.read(id), self.state.cached(self.replica, id)) {
            (Some(version), _) => Some(version),
            (None, Cell::Gone { version, .. }) if *version > 0 => Some(Version(u64::from(*version))),
            _ => None,
        }
    }

    /// What is known of an order that has an entry and was not seen.
    pub fn missing_order(&self, uid: &str) -> Missing {
        let number = (0..self.config.orders).find(|number| names(*number).order.uid == uid).unwrap_or_default();
        let payment = super::objects::payment(number);
        let gone = self.gone_at(number).map_or(Missing::Unproven, Missing::Gone);
        let (Missing::Gone(version), Fate::Gone(order)) = (gone, self.fate(number)) else { return gone };
        match (self.slot(payment), self.read(payment)) {
            _ if order.ended == Some(true) => gone,
            (Some(_), _) => Missing::Removed,
            _ if order.ended.is_none() && !order.row_read => Missing::RowUnseen,
            _ if order.ended.is_none() => gone,
            (None, Some(_)) => Missing::NeverPaid(version, order.noticed),
            (None, None) => Missing::PaymentUnseen(order.noticed),
        }
    }

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
        let gone = self.gone_at(number);
        Some(Request { order, name, requester, version, read: self.read(id), gone, arrived, ask })
    }

    /// The ledger's answer to the one product of an order.
    pub fn stock_of(&self, number: usize) -> (String, Lookup<Option<product::Answer>>) {
        let order = &names(number).order.uid;
        (name(PRODUCT), self.ledger(PRODUCT, |slot| facts::product(slot, order).answer))
    }

    /// Whether the Payment of an order that is gone may still have to be given back by the wallet.
    pub fn is_needed(&self, number: usize) -> bool {
        let Some(slot) = self.slot(super::objects::payment(number)) else { return false };
        let Fields::Payment { cancel, status } = &slot.body.fields else { return false };
        let ended = match self.fate(number) {
            Fate::Ended(_) => true,
            Fate::Gone(gone) => gone.ended == Some(true),
            Fate::Open | Fate::Unproven => false,
        };
        let stands = status.approved_at.is_some() && !cancel && (ended || status.sold_at.is_some());
        !status.is_final() && !stands
    }
}
