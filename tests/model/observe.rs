//! What each controller sees: `src/controllers` on the cache of one replica, with the live reads of one pass.

use jumun::domain::ledger::{Asked, Missing, Request};
use jumun::domain::notification::{Company, Endpoint, Untaken};
use jumun::domain::{
    Kind, Lookup, Meta, Money, Time, Version, delivery, notification, order, payment, product, provider, ticket, wallet,
};

use super::config::{Config, PRICE};
use super::facts::{self, CURRENCY};
use super::mutations::Mutation;
use super::objects::{EVERY, Fields, Id, PRODUCT, WALLET, name, names, notices, number, uid};
use super::state::{Cell, Flight, Slot, State};

/// One replica, in one pass.
pub struct View<'a> {
    pub config: &'a Config,
    pub state: &'a State,
    pub replica: usize,
    pub pass: &'a Flight,
}

impl<'a> View<'a> {
    pub fn slot(&self, id: Id) -> Option<&'a Slot> {
        self.state.cached(self.replica, id).slot()
    }

    pub fn now(&self) -> Time {
        self.config.now(self.state.clock, self.replica)
    }

    /// The version of the live read of an object in this pass.
    pub fn read(&self, id: Id) -> Option<Version> {
        self.pass.reads.iter().find(|read| read.0 == id).map(|read| Version(u64::from(read.1)))
    }

    fn changed(&self, slot: &Slot) -> Time {
        if slot.new { self.now() } else { Time::from_millis(0) }
    }

    fn meta(&self, id: Id, slot: &Slot) -> Meta {
        Meta {
            name: name(id),
            uid: uid(id, slot.nth),
            version: Version(u64::from(slot.version)),
            generation: slot.body.generation,
            created: slot.body.created,
            changed: self.changed(slot),
            deleting: slot.body.deleting,
            guarded: slot.body.guarded,
            namespace_terminating: false,
        }
    }

    /// An object that is looked up by name alone.
    fn lookup<T>(&self, id: Id, with: impl FnOnce(&'a Slot) -> T) -> Lookup<T> {
        match self.slot(id) {
            Some(slot) => Lookup::Present(with(slot)),
            None if self.read(id).is_some() => Lookup::Gone,
            None => Lookup::Unproven,
        }
    }

    fn child<T>(&self, id: Id, with: impl FnOnce(&'a Slot) -> Option<T>) -> Lookup<T> {
        match self.lookup(id, with) {
            Lookup::Present(Some(facts)) => Lookup::Present(facts),
            Lookup::Present(None) | Lookup::Unproven => Lookup::Unproven,
            Lookup::Gone => Lookup::Gone,
        }
    }

    /// A ledger, which is looked up by its recorded UID: a tombstone proves it gone.
    pub fn ledger<T>(&self, id: Id, with: impl FnOnce(&'a Slot) -> T) -> Lookup<T> {
        match self.state.cached(self.replica, id) {
            Cell::Gone { .. } => Lookup::Gone,
            _ => self.lookup(id, with),
        }
    }

    fn is_open_order(&self, number: usize) -> bool {
        self.slot(super::objects::order(number)).is_some_and(|slot| match &slot.body.fields {
            Fields::Order { status, .. } => status.ended_at.is_none() && status.terms.is_some(),
            _ => false,
        })
    }

    fn notices(&self, number: usize) -> Vec<order::NoticeFacts> {
        notices(number).filter_map(|id| self.slot(id)).filter_map(facts::notice).collect()
    }

    pub fn order(&self, id: Id) -> Option<order::Observed> {
        let slot = self.slot(id)?;
        let Fields::Order { cancel, status } = &slot.body.fields else { return None };
        let (number, config) = (number(id), self.config);
        let names = names(number);
        let (payment, ticket, delivery) = (id + 1, id + 2, id + 3);
        let newest = (id..=delivery).filter_map(|id| self.slot(id)).map(|slot| self.changed(slot)).max();
        let with_uid = status.terms.is_some();
        let product = |slot: &Slot| facts::product(slot, &names.order.uid);
        let wallet = if config.provider { Lookup::Unproven } else { self.lookup(WALLET, facts::wallet) };
        let payer = config.provider || self.read(WALLET).is_some();
        Some(order::Observed {
            meta: self.meta(id, slot),
            request: facts::request(config, *cancel),
            store: if self.state.store { Lookup::Present(facts::store(config)) } else { Lookup::Gone },
            products: vec![if with_uid { self.ledger(PRODUCT, product) } else { self.lookup(PRODUCT, product) }],
            wallet,
            platform: order::PlatformFacts {
                exists: config.provider,
                knows_provider: config.provider,
                ..order::PlatformFacts::default()
            },
            references_afresh: payer && self.read(PRODUCT).is_some(),
            order_afresh: self.read(id).is_some(),
            unreadable: None,
            family_afresh: (id..=delivery).all(|id| self.read(id).is_some()) && self.read(PRODUCT).is_some(),
            payment: self.child(payment, |slot| facts::payment(payment, slot)),
            ticket: self.child(ticket, |slot| facts::ticket(ticket, slot)),
            delivery: self.child(delivery, |slot| facts::delivery(delivery, slot)),
            notices: if status.ended_at.is_some() { Vec::new() } else { self.notices(number) },
            stepped: newest.unwrap_or_else(|| self.changed(slot)),
            changed: newest.unwrap_or_else(|| self.changed(slot)),
            earlier: None,
            untold: None,
            view_shows_end: status.ended_at.is_some(),
            status: status.clone(),
        })
    }

    pub fn payment(&self, id: Id) -> Option<payment::Observed> {
        let slot = self.slot(id)?;
        let Fields::Payment { cancel, status } = &slot.body.fields else { return None };
        let number = number(id);
        let order = names(number).order.clone();
        let parent = super::objects::order(number);
        let wishes = self.slot(parent).is_some_and(|slot| match &slot.body.fields {
            Fields::Order { cancel, status } => status.is_wished(*cancel, slot.body.deleting),
            _ => false,
        });
        let source = if self.config.provider {
            payment::Source::Provider(payment::Provider {
                name: "card".to_owned(),
                token: provider::Token("tok".to_owned()),
                amount: Money::new(PRICE, CURRENCY),
                known: true,
                reply: self.pass.reply.clone(),
                refused: None,
                order_afresh: self.read(parent).is_some(),
                order_wishes: wishes,
                give_up_after: payment::GIVE_UP_AFTER,
            })
        } else {
            let answer = |slot: &Slot| match &slot.body.fields {
                Fields::Wallet { status } => {
                    status.entries.iter().find(|entry| entry.order == order.uid).map(|entry| entry.answer)
                }
                _ => None,
            };
            payment::Source::Wallet { name: name(WALLET), answer: self.ledger(WALLET, answer), lacked: None }
        };
        Some(payment::Observed {
            meta: self.meta(id, slot),
            fate: self.fate(number),
            source,
            free: false,
            cancel: *cancel,
            unreadable: None,
            wallet_denied: None,
            refunded_by_hand: false,
            delivery: self.lookup(super::objects::delivery(number), facts::shipment),
            ticket: self.lookup(super::objects::ticket(number), facts::kitchen),
            stock: if status.speaks_for_stock() { vec![self.stock_of(number)] } else { Vec::new() },
            has_items: true,
            status: status.clone(),
            order,
        })
    }

    fn unpaid(&self, number: usize) -> Lookup<bool> {
        self.lookup(super::objects::payment(number), |slot| match &slot.body.fields {
            Fields::Payment { status, .. } => status.is_final(),
            _ => false,
        })
    }

    pub fn ticket(&self, id: Id) -> Option<ticket::Observed> {
        let slot = self.slot(id)?;
        let Fields::Ticket { acceptance, hold, decision, cooking, status } = &slot.body.fields else { return None };
        Some(ticket::Observed {
            meta: self.meta(id, slot),
            order: names(number(id)).order.clone(),
            acceptance: *acceptance,
            held: hold.is_some(),
            decision: *decision,
            rejection: facts::rejection(*decision),
            cooking: *cooking,
            status: status.clone(),
            unpaid: self.unpaid(number(id)),
            fate: self.fate(number(id)),
        })
    }

    pub fn delivery(&self, id: Id) -> Option<delivery::Observed> {
        let slot = self.slot(id)?;
        let Fields::Delivery { hold, progress, received, status, .. } = &slot.body.fields else { return None };
        Some(delivery::Observed {
            meta: self.meta(id, slot),
            order: names(number(id)).order.clone(),
            confirmation: self.config.confirmation,
            deadlines: self.config.deadlines(),
            held: hold.is_some(),
            progress: *progress,
            received: *received,
            status: status.clone(),
            unpaid: self.unpaid(number(id)),
            by_provider: self.config.provider && self.slot(super::objects::payment(number(id))).is_some(),
            fate: self.fate(number(id)),
        })
    }

    /// Who else sends: where another replica does, every attempt is claimed.
    fn company(&self) -> Company {
        let others = self.config.replicas > 1 && self.config.others.contains(&Kind::Notification);
        if others { Company::Several } else { Company::Alone }
    }

    fn wish_refused(&self, number: usize) -> bool {
        self.slot(super::objects::order(number)).is_some_and(
            |slot| matches!(&slot.body.fields, Fields::Order { status, .. } if status.cancel_refused.is_some()),
        )
    }

    pub fn notice(&self, id: Id) -> Option<notification::Observed> {
        let slot = self.slot(id)?;
        let Fields::Notice { content, status } = &slot.body.fields else { return None };
        Some(notification::Observed {
            meta: self.meta(id, slot),
            content: (**content).clone(),
            endpoint: Endpoint::Ready,
            company: self.company(),
            me: format!("jumun-{}", self.replica),
            wish_refused: self.wish_refused(number(id)),
            circuit: notification::Circuit::default(),
            is_probe: true,
            outcome: self.pass.told.map(|taken| if taken { Ok(()) } else { Err(Untaken::Failing("503".to_owned())) }),
            status: status.clone(),
            fate: self.fate(number(id)),
        })
    }

    fn asked<Ask>(&self, requests: Vec<Request<Ask>>, missing: Vec<(String, Missing)>, referred: bool) -> Asked<Ask> {
        Asked { requests, missing, referred, orders_afresh: self.read(EVERY).is_some(), unreadable: Vec::new() }
    }

    pub fn product(&self) -> Option<product::Observed> {
        let slot = self.slot(PRODUCT)?;
        let Fields::Product { status } = &slot.body.fields else { return None };
        let mut status = status.clone();
        status.settled_through = mark(slot);
        let orders = 0..self.config.orders;
        let asks = |number| self.removed_asks(number).or_else(|| self.asks_stock(number, &status.entries));
        let requests: Vec<_> = orders.clone().filter_map(asks).collect();
        let unseen = |uid: &str| !requests.iter().any(|request: &Request<product::Ask>| request.order == uid);
        let entries = status.entries.iter().filter(|entry| unseen(&entry.order));
        let missing = entries.map(|entry| (entry.order.clone(), self.missing_order(&entry.order))).collect();
        Some(product::Observed {
            meta: self.meta(PRODUCT, slot),
            stock: self.config.stock,
            asked: self.asked(requests, missing, orders.into_iter().any(|number| self.is_open_order(number))),
            status,
        })
    }

    fn asks_stock(&self, number: usize, entries: &[product::Entry]) -> Option<Request<product::Ask>> {
        let id = super::objects::order(number);
        let slot = self.slot(id)?;
        let Fields::Order { cancel, status } = &slot.body.fields else { return None };
        let uid = names(number).order.uid.clone();
        let known = entries.iter().any(|entry| entry.order == uid);
        let line = status.terms.as_ref()?.items.first()?;
        let indexed = status.ended_at.is_none() && (status.paid_at.is_none() || status.releasing_at.is_some());
        let served = slot.body.guarded || self.config.mutation == Mutation::ServeUnguarded;
        let asks = known || (indexed && served);
        if !asks {
            return None;
        }
        let (ask, arrived) = product::Ask::of(status, status.is_wished(*cancel, slot.body.deleting), line.quantity)?;
        let (version, name) = (Version(u64::from(slot.version)), names(number).order.name.clone());
        let requester = (Kind::Order, name.clone());
        Some(Request { order: uid, name, requester, version, read: self.read(id), gone: None, arrived, ask })
    }

    pub fn wallet(&self) -> Option<wallet::Observed> {
        let slot = self.slot(WALLET)?;
        let Fields::Wallet { status } = &slot.body.fields else { return None };
        let mut status = status.clone();
        status.settled_through = mark(slot);
        let orders = 0..self.config.orders;
        let requests: Vec<_> = orders.clone().filter_map(|number| self.asks_money(number, &status.entries)).collect();
        let unseen = |uid: &str| !requests.iter().any(|request: &Request<wallet::Ask>| request.order == uid);
        let of = |uid: &str| orders.clone().find(|number| names(*number).order.uid == uid).unwrap_or_default();
        let entries = status.entries.iter().filter(|entry| unseen(&entry.order));
        let missing = entries.map(|entry| {
            let read = self.read(super::objects::payment(of(&entry.order)));
            (entry.order.clone(), read.map_or(Missing::Unproven, Missing::Gone))
        });
        let missing = missing.collect();
        // A payment that may have to be given back holds up a wallet that is being deleted, and no other.
        let deleting = slot.body.deleting.is_some();
        let referred = |number| self.is_open_order(number) || (deleting && self.is_needed(number));
        let referred = |number| !self.config.provider && referred(number);
        Some(wallet::Observed {
            meta: self.meta(WALLET, slot),
            deposited: Money::new(self.config.deposited, CURRENCY),
            points: 0,
            asked: self.asked(requests, missing, orders.clone().any(referred)),
            status,
        })
    }

    /// Whether the order is seen, and has not ended.
    fn is_open(&self, number: usize) -> bool {
        let order = self.slot(super::objects::order(number));
        order.is_some_and(|slot| matches!(&slot.body.fields, Fields::Order { status, .. } if status.ended_at.is_none()))
    }

    fn asks_money(&self, number: usize, entries: &[wallet::Entry]) -> Option<Request<wallet::Ask>> {
        let id = super::objects::payment(number);
        let slot = self.slot(id)?;
        let Fields::Payment { cancel, status } = &slot.body.fields else { return None };
        let (names, approved) = (names(number), status.approved_at.is_some());
        let known = entries.iter().any(|entry| entry.order == names.order.uid);
        let indexed = !status.is_final() && (!approved || *cancel);
        let asks = known || (indexed && slot.body.guarded);
        if self.config.provider || !asks {
            return None;
        }
        let ask = match (status.is_final(), *cancel) {
            (true, _) => wallet::Ask::Ended,
            (false, true) => wallet::Ask::Cancel { amount: PRICE, points: 0, approved },
            (false, false) if approved => wallet::Ask::Approved,
            (false, false) if !known && !self.is_open(number) => return None,
            (false, false) => wallet::Ask::Charge { money: Money::new(PRICE, CURRENCY), points: 0 },
        };
        let (version, arrived) = (Version(u64::from(slot.version)), slot.body.created);
        let (order, name) = (names.order.uid.clone(), names.child.clone());
        let requester = (Kind::Payment, name.clone());
        Some(Request { order, name, requester, version, read: self.read(id), gone: None, arrived, ask })
    }
}

/// A ledger's mark as it stands in its status.
fn mark(slot: &Slot) -> String {
    if slot.mark > 0 { slot.mark.to_string() } else { String::new() }
}
