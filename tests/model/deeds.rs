//! What people do: guarded by the schema alone.

use jumun::domain::delivery::Progress;
use jumun::domain::store::Acceptance;
use jumun::domain::ticket::{Cooking, Decision, is_accepted};

use super::config::{Config, Deed};
use super::counters::{Race, count};
use super::mutations::Mutation;
use super::objects::{Body, Fields, Id, delivery, order, payment, ticket};
use super::server;
use super::state::{Cell, State};

/// One deed about one order, where there is something to do and the API server takes it.
pub fn act(config: &Config, state: &State, deed: Deed, number: usize) -> Option<State> {
    let mut next = state.clone();
    let id = match deed {
        Deed::EndpointUp => {
            next.endpoint = true;
            return (!state.endpoint && number == 0).then_some(next);
        }
        Deed::StoreAppears => {
            next.store = true;
            return (!state.store && number == 0).then_some(next);
        }
        Deed::Cancel | Deed::DeleteOrder | Deed::RemoveOrder => order(number),
        Deed::DeletePayment => payment(number),
        Deed::Accept | Deed::Reject | Deed::Start | Deed::Finish => ticket(number),
        Deed::PickUp | Deed::Deliver | Deed::Confirm | Deed::DeleteDelivery => delivery(number),
    };
    match deed {
        Deed::DeleteOrder | Deed::DeletePayment | Deed::DeleteDelivery => {
            next.left.deletions = next.left.deletions.checked_sub(1)?;
            delete(config, &mut next, id)?;
        }
        Deed::RemoveOrder => {
            next.left.deletions = next.left.deletions.checked_sub(1)?;
            let slot = *next.stored(id)?;
            let version = next.next_version(id);
            next.cells[id] = Cell::Gone { nth: slot.nth, version, noticed: 0, tells: true };
        }
        _ => edit(config, &mut next, id, deed)?,
    }
    Some(next)
}

/// An edit of the spec.
fn edit(config: &Config, state: &mut State, id: Id, deed: Deed) -> Option<()> {
    let slot = *state.stored(id)?;
    if !changes(&slot.body, deed) {
        return None;
    }
    let body = slot.body.with(|body| {
        change(body, deed);
        body.generation.0 += 1;
    });
    let rules = !matches!(config.mutation, Mutation::NoRules | Mutation::LiftsHold);
    if rules && !server::allowed(&slot.body, &body) {
        count(Race::StepRefused);
        return None;
    }
    server::put(state, id, &slot, body, slot.mark);
    Some(())
}

/// Whether the deed is the next one of its actor.
fn changes(body: &Body, deed: Deed) -> bool {
    match (deed, &body.fields) {
        (Deed::Cancel, Fields::Order { cancel, .. }) => !cancel,
        (Deed::Accept | Deed::Reject, Fields::Ticket { acceptance, decision, .. }) => {
            *acceptance == Acceptance::Manual && decision.is_none()
        }
        (Deed::Start, Fields::Ticket { acceptance, decision, cooking, .. }) => {
            let accepted = is_accepted(*acceptance, *decision);
            accepted && cooking.is_none()
        }
        (Deed::Finish, Fields::Ticket { cooking, .. }) => *cooking == Some(Cooking::Started),
        (Deed::PickUp, Fields::Delivery { ready, progress, .. }) => *ready && progress.is_none(),
        (Deed::Deliver, Fields::Delivery { progress, .. }) => *progress == Some(Progress::PickedUp),
        (Deed::Confirm, Fields::Delivery { progress, received, .. }) => {
            *progress == Some(Progress::Delivered) && !received
        }
        _ => false,
    }
}

fn change(body: &mut Body, deed: Deed) {
    match (deed, &mut body.fields) {
        (Deed::Cancel, Fields::Order { cancel, .. }) => *cancel = true,
        (Deed::Accept, Fields::Ticket { decision, .. }) => *decision = Some(Decision::Accept),
        (Deed::Reject, Fields::Ticket { decision, .. }) => *decision = Some(Decision::Reject),
        (Deed::Start, Fields::Ticket { cooking, .. }) => *cooking = Some(Cooking::Started),
        (Deed::Finish, Fields::Ticket { cooking, .. }) => *cooking = Some(Cooking::Finished),
        (Deed::PickUp, Fields::Delivery { progress, .. }) => *progress = Some(Progress::PickedUp),
        (Deed::Deliver, Fields::Delivery { progress, .. }) => *progress = Some(Progress::Delivered),
        (Deed::Confirm, Fields::Delivery { received, .. }) => *received = true,
        _ => {}
    }
}

/// Somebody deletes an object: it stays as long as our finalizer is on it.
fn delete(config: &Config, state: &mut State, id: Id) -> Option<()> {
    let slot = *state.stored(id)?;
    if slot.body.deleting.is_some() {
        return None;
    }
    if slot.body.has_finalizer {
        let now = config.time(state.clock);
        let body = slot.body.with(|body| {
            body.deleting = Some(now);
            body.generation.0 += 1;
        });
        server::put(state, id, &slot, body, slot.mark);
    } else {
        let version = state.next_version(id);
        state.cells[id] = Cell::Gone { nth: slot.nth, version, noticed: 0, tells: true };
    }
    Some(())
}
