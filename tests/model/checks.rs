//! The invariants: what is noted of each write, and what must hold in every state.

use jumun::domain::delivery::{Cause, Progress};
use jumun::domain::notification::Topic;
use jumun::domain::order::State as OrderState;
use jumun::domain::wallet::{self, Answer};
use jumun::domain::{payment, ticket};

use super::config::{Config, PRICE};
use super::counters::{Race, count};
use super::objects::{
    Body, FIRST, Fields, Id, NOTICES, PRODUCT, WALLET, delivery, names, notices, number, order, payment as pay,
};
use super::objects::{Kept, ticket as ticket_of};
use super::state::State;

/// Notes what a write has done.
pub fn record(state: &mut State, id: Id, old: &Kept, new: &Kept) {
    match (&old.fields, &new.fields) {
        (Fields::Wallet { status: old }, Fields::Wallet { status: new }) => money_moves(state, old, new),
        (_, Fields::Order { status, .. }) => {
            if status.cancel_refused.is_some() {
                count(Race::WishRefused);
            }
            let past = &mut state.past[number(id)];
            past.ended = past.ended.or(status.ended_at.and(status.state));
        }
        (_, Fields::Ticket { hold, .. }) => state.past[number(id)].held[0] |= hold.is_some(),
        (_, Fields::Delivery { hold, progress, .. }) => {
            let past = &mut state.past[number(id)];
            past.held[1] |= hold.is_some();
            past.delivered |= *progress == Some(Progress::Delivered);
        }
        _ => {}
    }
}

/// Counts charges and refunds by the entries, and compares them with what the total did.
fn money_moves(state: &mut State, old: &wallet::Status, new: &wallet::Status) {
    let answer = |status: &wallet::Status, number: usize| {
        let uid = &names(number).order.uid;
        status.entries.iter().find(|entry| entry.order == *uid).map(|entry| entry.answer)
    };
    let mut moved = 0;
    for number in 0..state.past.len() {
        let (before, after) = (answer(old, number), answer(new, number));
        let past = &mut state.past[number];
        match (before, after) {
            (None | Some(Answer::Refused | Answer::Void | Answer::Refunded), Some(Answer::Charged)) => {
                past.charges = (past.charges + 1).min(3);
                moved += PRICE;
            }
            (None | Some(Answer::Charged), Some(Answer::Refunded)) => {
                past.refunds = (past.refunds + 1).min(3);
                moved -= PRICE;
            }
            _ => {}
        }
    }
    state.broken |= new.charged.amount - old.charged.amount != moved;
}

fn body(state: &State, id: Id) -> Option<&Body> {
    state.stored(id).map(|slot| &*slot.body)
}

fn paid(state: &State, number: usize) -> Option<(bool, &payment::Status)> {
    match &body(state, pay(number))?.fields {
        Fields::Payment { cancel, status } => Some((*cancel, status)),
        _ => None,
    }
}

fn every(state: &State, holds: impl Fn(usize) -> bool) -> bool {
    (0..state.past.len()).all(holds)
}

pub fn money_is_conserved(config: &Config, state: &State) -> bool {
    let Some(Fields::Wallet { status }) = body(state, WALLET).map(|body| &body.fields) else { return true };
    let balance = status.balance.as_ref().map_or(config.deposited, |balance| balance.amount);
    let charged = status.charged.amount;
    let adds_up = status.balance.is_none() || balance + charged == config.deposited;
    !state.broken && adds_up && balance >= 0 && charged >= 0
}

pub fn stock_is_conserved(config: &Config, state: &State) -> bool {
    let Some(Fields::Product { status }) = body(state, PRODUCT).map(|body| &body.fields) else { return true };
    let (available, reserved, sold) = (status.available, status.reserved, status.sold);
    let adds_up = status.supplied == 0 || available + reserved + sold == config.stock;
    adds_up && available >= 0 && reserved >= 0 && sold >= 0
}

pub fn charged_at_most_once(_: &Config, state: &State) -> bool {
    state.past.iter().all(|past| past.charges <= 1)
}

pub fn refunded_at_most_once(_: &Config, state: &State) -> bool {
    state.past.iter().all(|past| past.refunds <= 1)
}

pub fn refund_never_exceeds_charge(_: &Config, state: &State) -> bool {
    state.past.iter().all(|past| past.refunds <= past.charges)
}

/// A Ticket or a Delivery that somebody can act on belongs to a charge that stands.
pub fn no_delivery_without_payment(_: &Config, state: &State) -> bool {
    every(state, |number| {
        let past = &state.past[number];
        let offered = match body(state, ticket_of(number)).map(|body| &body.fields) {
            Some(Fields::Ticket { hold, decision, .. }) => {
                hold.is_none() && *decision != Some(ticket::Decision::Reject)
            }
            _ => false,
        };
        let claimable = match body(state, delivery(number)).map(|body| &body.fields) {
            Some(Fields::Delivery { hold, .. }) => hold.is_none(),
            _ => false,
        };
        let stands = past.charges == past.refunds + 1;
        let approved = paid(state, number).is_none_or(|(_, status)| status.approved_at.is_some());
        !(offered || claimable) || (stands && approved)
    })
}

pub fn never_delivered_and_refunded(_: &Config, state: &State) -> bool {
    state.past.iter().all(|past| !past.delivered || past.refunds == 0)
}

pub fn completed_means_delivered(_: &Config, state: &State) -> bool {
    state.past.iter().all(|past| past.ended != Some(OrderState::Completed) || past.delivered)
}

pub fn terminal_is_final(_: &Config, state: &State) -> bool {
    every(state, |number| match body(state, order(number)).map(|body| &body.fields) {
        Some(Fields::Order { status, .. }) => {
            state.past[number].ended.is_none_or(|ended| status.state == Some(ended) && status.ended_at.is_some())
        }
        _ => true,
    })
}

pub fn one_child_per_role(_: &Config, state: &State) -> bool {
    state.past.iter().all(|past| past.created.iter().all(|created| *created <= 1))
}

pub fn hold_is_never_lifted(_: &Config, state: &State) -> bool {
    every(state, |number| {
        [ticket_of(number), delivery(number)].into_iter().zip(state.past[number].held).all(|(id, held)| {
            match body(state, id).map(|body| &body.fields) {
                Some(Fields::Ticket { hold, .. }) => !held || hold.is_some(),
                Some(Fields::Delivery { hold, .. }) => !held || hold.is_some(),
                _ => true,
            }
        })
    })
}

/// Where the seller's notice is required, a paid order's undo on the customer's wish has the notice taken first.
pub fn nothing_undone_before_the_required_notice(config: &Config, state: &State) -> bool {
    !config.required
        || every(state, |number| {
            let Some((cancel, status)) = paid(state, number) else { return true };
            let asked = |id: Id| match body(state, id).map(|body| &body.fields) {
                Some(Fields::Ticket { hold, .. }) => hold.is_some_and(|hold| hold.cause == Cause::Customer),
                Some(Fields::Delivery { hold, .. }) => hold.is_some_and(|hold| hold.cause == Cause::Customer),
                _ => false,
            };
            let holds = asked(ticket_of(number)) || asked(delivery(number));
            let others = config.deadline.is_some() || rejected(state, number);
            let undone = status.approved_at.is_some() && (holds || (cancel && !others));
            !undone || taken(state, notices(number).start)
        })
}

fn rejected(state: &State, number: usize) -> bool {
    matches!(
        body(state, ticket_of(number)).map(|body| &body.fields),
        Some(Fields::Ticket { decision: Some(ticket::Decision::Reject), .. })
    )
}

fn taken(state: &State, id: Id) -> bool {
    matches!(
        body(state, id).map(|body| &body.fields),
        Some(Fields::Notice { status, .. }) if status.sent_at.is_some()
    )
}

/// Ticket and Delivery end after the refund, and the stock is given back after all of them.
pub fn undone_in_order(_: &Config, state: &State) -> bool {
    every(state, |number| {
        let releases = match body(state, order(number)).map(|body| &body.fields) {
            Some(Fields::Order { status, .. }) => status.releasing_at.is_some(),
            _ => false,
        };
        let unpaid = paid(state, number).is_none_or(|(_, status)| status.is_final());
        let ticket = match body(state, ticket_of(number)).map(|body| &body.fields) {
            Some(Fields::Ticket { status, .. }) => {
                (status.cancelled_at.is_some(), status.cancelled_at.is_some() || status.rejected_at.is_some())
            }
            _ => (false, true),
        };
        let delivery = match body(state, delivery(number)).map(|body| &body.fields) {
            Some(Fields::Delivery { status, .. }) => (status.cancelled_at.is_some(), status.cancelled_at.is_some()),
            _ => (false, true),
        };
        let recalled = !(ticket.0 || delivery.0) || unpaid;
        recalled && (!releases || (unpaid && ticket.1 && delivery.1))
    })
}

/// What tells of the end, or that a wish was refused, reaches the seller once the order says so.
pub fn told_after_it_is_so(_: &Config, state: &State) -> bool {
    every(state, |number| {
        let past = &state.past[number];
        let refused = match body(state, order(number)).map(|body| &body.fields) {
            Some(Fields::Order { status, .. }) => status.cancel_refused.is_some(),
            _ => true,
        };
        NOTICES.iter().zip(past.sent).all(|((topic, _), sent)| match topic {
            Topic::DeliveryCancelled | Topic::Undone => sent == 0 || past.ended.is_some(),
            Topic::CancelRefused => sent == 0 || refused || past.ended.is_some(),
            _ => true,
        })
    })
}

/// Each notice is sent once, and once more at the most for each process that died, or was frozen until its claim was over.
pub fn each_notice_once(config: &Config, state: &State) -> bool {
    let frozen = (0..state.clock).filter(|tick| config.age(*tick, tick + 1) > 15).count();
    let died = config.left.restarts - state.left.restarts;
    let most = 1 + died + if config.replicas > 1 { u8::try_from(frozen).unwrap_or(u8::MAX) } else { 0 };
    every(state, |number| {
        let past = &state.past[number];
        !past.overlapped && past.sent.iter().all(|sent| *sent <= most)
    })
}

/// What must hold once nothing is left to do.
pub fn adds_up(config: &Config, state: &State) -> Option<&'static str> {
    let (mut bought, mut unknown) = (0, false);
    for (number, past) in state.past.iter().enumerate() {
        // What an order that was removed before its end had brought is bought all the same.
        let removed = past.ended.is_none() && state.stored(order(number)).is_none();
        let completed = past.ended == Some(OrderState::Completed) || (removed && past.delivered);
        // Where nothing tells how an order stood, what it held counts as sold, and a person decides about its money.
        unknown |= removed && config.rowless;
        if unknown && is_stalled(state, number) {
            return None;
        }
        bought += i64::from(completed);
        if past.charges != past.refunds + u8::from(completed) {
            return Some("money_is_conserved");
        }
    }
    if let Some(Fields::Wallet { status }) = body(state, WALLET).map(|body| &body.fields)
        && !config.provider
        && status.charged.amount != bought * PRICE
    {
        return Some("money_is_conserved");
    }
    match body(state, PRODUCT).map(|body| &body.fields) {
        Some(Fields::Product { status }) if !unknown && (status.reserved != 0 || status.sold != bought) => {
            Some("stock_is_conserved")
        }
        _ => None,
    }
}

/// Whether the Payment of an order that is gone says that nothing tells how the order stood.
fn is_stalled(state: &State, number: usize) -> bool {
    let stalled = |status: &payment::Status| status.conditions.iter().any(|condition| condition.reason == "OrderGone");
    paid(state, number).is_some_and(|(cancel, status)| !cancel && stalled(status))
}

/// The first object of an order.
pub fn is_over(state: &State, number: usize) -> bool {
    let id = FIRST.max(order(number));
    state.stored(id).is_none() || state.past[number].ended.is_some()
}

/// what_is_missing_is_waited_for: no order ends for a store that is missing before it was waited for.
pub fn what_is_missing_is_waited_for(config: &Config, state: &State) -> bool {
    (0..config.orders).all(|number| {
        let Some(slot) = state.stored(order(number)) else { return true };
        let Fields::Order { status, .. } = &slot.body.fields else { return true };
        let refused = status.outcome.as_ref().is_some_and(|outcome| outcome.reason == "UnknownStore");
        let waited = status.ended_at.map(|ended| ended.since(slot.body.created));
        !refused || waited >= Some(jumun::domain::order::place::REFERENCE_PATIENCE)
    })
}
