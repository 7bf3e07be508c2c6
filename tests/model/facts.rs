//! What a decision about an order reads of other objects.

use jumun::domain::delivery::{Address, Progress};
use jumun::domain::order::{
    DeliveryFacts, NoticeFacts, Pay, PaymentFacts, ProductFacts, Request, StoreFacts, TicketFacts, WalletFacts,
};
use jumun::domain::payment::{Kitchen, Shipment};
use jumun::domain::provider::Token;
use jumun::domain::store::{Intake, SellerNotice};
use jumun::domain::{Money, Target, Version, ticket};

use super::config::{Config, PRICE};
use super::objects::{Fields, Id, PRODUCT, WALLET, name, uid};
use super::state::Slot;

pub const CURRENCY: &str = "KRW";
pub const CUSTOMER: &str = "alice";
pub const STORE: &str = "shop";

/// The exact version that a write to an object must meet.
pub fn target(id: Id, slot: &Slot) -> Target {
    Target { name: name(id), uid: uid(id, slot.nth), version: Version(u64::from(slot.version)) }
}

pub fn request(config: &Config, cancel: bool) -> Request {
    let card = || Pay::Provider { name: "card".to_owned(), token: Token("tok".to_owned()) };
    Request {
        customer: CUSTOMER.to_owned(),
        store: STORE.to_owned(),
        items: vec![(name(PRODUCT), 1)],
        pay: if config.provider { card() } else { Pay::Wallet(name(WALLET)) },
        deliver_to: Address {
            recipient: String::new(),
            address: String::new(),
            zone: "gangnam".to_owned(),
            phone: None,
        },
        agreed: None,
        cancel: cancel.then(|| "ChangedMind".to_owned()),
        cancel_message: None,
    }
}

pub fn store(config: &Config) -> StoreFacts {
    StoreFacts {
        seller: "kim".to_owned(),
        fulfilment: config.fulfilment,
        acceptance: config.acceptance,
        confirmation: config.confirmation,
        until: config.until,
        seller_notice: if config.required { SellerNotice::Required } else { SellerNotice::BestEffort },
        deadlines: config.deadlines(),
        intake: Intake::Open,
        has_endpoint: config.required,
    }
}

pub fn product(slot: &Slot, order: &str) -> ProductFacts {
    let answer = match &slot.body.fields {
        Fields::Product { status } => status.answer_to(order),
        _ => None,
    };
    ProductFacts {
        uid: uid(PRODUCT, slot.nth),
        store: STORE.to_owned(),
        price: Money::new(PRICE, CURRENCY),
        points: 0,
        deleting: slot.body.deleting.is_some(),
        answer,
        denied: None,
    }
}

pub fn wallet(slot: &Slot) -> WalletFacts {
    WalletFacts {
        uid: uid(WALLET, slot.nth),
        owner: CUSTOMER.to_owned(),
        currency: CURRENCY.to_owned(),
        deleting: slot.body.deleting.is_some(),
    }
}

pub fn payment(id: Id, slot: &Slot) -> Option<PaymentFacts> {
    let Fields::Payment { cancel, status } = &slot.body.fields else { return None };
    Some(PaymentFacts::of(target(id, slot), *cancel, status))
}

pub fn ticket(id: Id, slot: &Slot) -> Option<TicketFacts> {
    let Fields::Ticket { acceptance, hold, decision, cooking, status } = &slot.body.fields else { return None };
    Some(TicketFacts {
        target: target(id, slot),
        held: hold.map(|hold| hold.cause),
        acceptance: *acceptance,
        decision: *decision,
        rejection: rejection(*decision),
        cooking: *cooking,
        accepted_at: status.accepted_at,
        cooked_at: status.cooked_at,
        over: status.cancelled_at.is_some() || status.rejected_at.is_some(),
    })
}

pub fn rejection(decision: Option<ticket::Decision>) -> Option<ticket::Rejection> {
    (decision == Some(ticket::Decision::Reject))
        .then(|| ticket::Rejection { reason: "SoldOut".to_owned(), message: None })
}

pub fn delivery(id: Id, slot: &Slot) -> Option<DeliveryFacts> {
    let Fields::Delivery { hold, ready, progress, status, .. } = &slot.body.fields else { return None };
    Some(DeliveryFacts {
        target: target(id, slot),
        held: hold.map(|hold| hold.cause),
        ready: *ready,
        progress: *progress,
        picked_up_at: status.picked_up_at,
        confirmed: status.confirmed_at.is_some(),
        cancelled: status.cancelled_at.is_some(),
    })
}

pub fn notice(slot: &Slot) -> Option<NoticeFacts> {
    let Fields::Notice { content, status } = &slot.body.fields else { return None };
    Some(NoticeFacts::of(content.topic, content.to, slot.body.created, status))
}

/// What the Payment of an order that is gone looks at of its Delivery.
pub fn shipment(slot: &Slot) -> Shipment {
    match &slot.body.fields {
        Fields::Delivery { hold, progress, .. } => {
            Shipment { held: hold.is_some(), delivered: *progress == Some(Progress::Delivered) }
        }
        _ => Shipment { held: false, delivered: false },
    }
}

/// What the Payment of an order that is gone looks at of its Ticket.
pub fn kitchen(slot: &Slot) -> Kitchen {
    match &slot.body.fields {
        Fields::Ticket { hold, decision, cooking, .. } => Kitchen {
            stopped: hold.is_some() || *decision == Some(ticket::Decision::Reject),
            cooked: *cooking == Some(ticket::Cooking::Finished),
        },
        _ => Kitchen { stopped: false, cooked: false },
    }
}
