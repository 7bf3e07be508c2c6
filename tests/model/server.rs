//! The API server: guarded writes, and the rules of the schema (`src/crd`) as a function of old and new object.

use jumun::domain::delivery::Progress;
use jumun::domain::store::Acceptance;
use jumun::domain::ticket::{Cooking, Decision, Step as Kitchen};
use jumun::domain::{Time, delivery, ticket};

use super::objects::{Body, FIRST, Fields, Id, Kept, number};
use super::state::{Cell, Op, Slot, State, Step};

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Written,
    /// The object is not as it was seen.
    Conflict,
    /// The schema refuses it.
    Invalid,
}

/// Executes one write.
pub fn write(state: &mut State, step: &Step, rules: bool, guards: bool, now: Time) -> Answer {
    let found = state.stored(step.id).copied();
    if let Op::Create(body) = &step.op {
        return if found.is_some() { Answer::Conflict } else { create(state, step.id, *body) };
    }
    let Some(slot) = found.filter(|slot| !guards || (slot.nth, slot.version) == (step.nth, step.version)) else {
        return Answer::Conflict;
    };
    let mut mark = slot.mark;
    let body = match &step.op {
        Op::Status(body, new) => {
            mark = *new;
            if guards { *body } else { slot.body.with(|old| merge(old, body)) }
        }
        Op::Delete if slot.body.deleting.is_some() => slot.body,
        Op::Delete => slot.body.with(|body| {
            body.deleting = Some(now);
            body.generation.0 += 1;
        }),
        Op::Finalizer(wanted) => slot.body.with(|body| body.has_finalizer = *wanted),
        op => slot.body.with(|body| patch(body, op)),
    };
    if body == slot.body && mark == slot.mark {
        return Answer::Written;
    }
    if body.deleting.is_some() && !body.has_finalizer {
        let version = state.next_version(step.id);
        state.cells[step.id] = Cell::Gone { nth: slot.nth, version, noticed: 0, tells: true };
        return Answer::Written;
    }
    if rules && !allowed(&slot.body, &body) {
        return Answer::Invalid;
    }
    put(state, step.id, &slot, body, mark);
    Answer::Written
}

/// Stores a new version.
pub fn put(state: &mut State, id: Id, old: &Slot, body: Kept, mark: u16) {
    super::checks::record(state, id, &old.body, &body);
    let version = state.next_version(id);
    state.cells[id] = Cell::At(Slot { body, version, mark, nth: old.nth, new: false });
}

fn create(state: &mut State, id: Id, body: Kept) -> Answer {
    let nth = match state.server(id) {
        Cell::Gone { nth, .. } => nth + 1,
        _ => 0,
    };
    if id >= FIRST {
        let role = (id - FIRST) % super::objects::EACH;
        if let Some(count) = role.checked_sub(1).and_then(|role| state.past[number(id)].created.get_mut(role)) {
            *count = (*count + 1).min(2);
        }
        super::checks::record(state, id, &body, &body);
    }
    let version = state.next_version(id);
    state.cells[id] = Cell::At(Slot { body, version, mark: 0, nth, new: false });
    Answer::Written
}

fn patch(body: &mut Body, op: &Op) {
    match (op, &mut body.fields) {
        (Op::CancelPayment, Fields::Payment { cancel, .. }) if !*cancel => *cancel = true,
        (Op::HoldTicket(wanted), Fields::Ticket { hold, .. }) => *hold = Some(*wanted),
        (Op::HoldDelivery(wanted), Fields::Delivery { hold, .. }) => *hold = Some(*wanted),
        (Op::LiftHold, Fields::Delivery { hold, .. }) => *hold = None,
        (Op::LiftHold, Fields::Ticket { hold, .. }) => *hold = None,
        (Op::Ready, Fields::Delivery { ready, .. }) if !*ready => *ready = true,
        _ => return,
    }
    body.generation.0 += 1;
}

/// A status write without a guard: it falls on whatever is there.
fn merge(old: &mut Body, decided: &Kept) {
    match (&mut old.fields, &decided.fields) {
        (Fields::Order { status, .. }, Fields::Order { status: new, .. }) => *status = new.clone(),
        (Fields::Payment { status, .. }, Fields::Payment { status: new, .. }) => *status = new.clone(),
        (Fields::Ticket { status, .. }, Fields::Ticket { status: new, .. }) => *status = new.clone(),
        (Fields::Delivery { status, .. }, Fields::Delivery { status: new, .. }) => *status = new.clone(),
        (Fields::Notice { status, .. }, Fields::Notice { status: new, .. }) => *status = new.clone(),
        (Fields::Product { status }, Fields::Product { status: new }) => *status = new.clone(),
        (Fields::Wallet { status }, Fields::Wallet { status: new }) => *status = new.clone(),
        _ => {}
    }
}

/// The rules of the schema.
pub fn allowed(old: &Body, new: &Body) -> bool {
    match (&old.fields, &new.fields) {
        (Fields::Order { cancel: was, status: old }, Fields::Order { cancel, status: new }) => {
            let ended = old.ended_at.is_none() || (old.ended_at, old.state) == (new.ended_at, new.state);
            let terms = old.terms.is_none() || old.terms == new.terms;
            (!was || *cancel) && ended && terms
        }
        (Fields::Payment { cancel: was, status: old }, Fields::Payment { cancel, status: new }) => {
            (!was || *cancel) && (!old.is_final() || old.state == new.state)
        }
        (Fields::Ticket { .. }, Fields::Ticket { .. }) => ticket_allowed(&old.fields, &new.fields),
        (Fields::Delivery { .. }, Fields::Delivery { .. }) => delivery_allowed(&old.fields, &new.fields),
        (Fields::Notice { status: old, .. }, Fields::Notice { status: new, .. }) => {
            !old.is_final() || old.state == new.state
        }
        (Fields::Product { .. }, Fields::Product { status }) => {
            status.available >= 0 && status.reserved >= 0 && status.sold >= 0
        }
        (Fields::Wallet { .. }, Fields::Wallet { status }) => {
            status.charged.amount >= 0 && status.balance.as_ref().is_none_or(|balance| balance.amount >= 0)
        }
        _ => false,
    }
}

fn ticket_allowed(old: &Fields, new: &Fields) -> bool {
    let Fields::Ticket { acceptance, hold: held, decision: decided, cooking: cooked, status: before } = old else {
        return false;
    };
    let Fields::Ticket { hold, decision, cooking, status, .. } = new else { return false };
    let stays = decided.is_none() || decided == decision;
    let automatic = *acceptance == Acceptance::Automatic;
    let cooks = cooking.is_none() || automatic || *decision == Some(Decision::Accept);
    let in_order = match (cooked, cooking) {
        (None, Some(Cooking::Finished)) | (Some(_), None) => false,
        (Some(was), Some(is)) => is >= was,
        _ => true,
    };
    let kept = held.is_none() || held == hold;
    let stopped = hold.is_none() || (decided, cooked) == (decision, cooking);
    let done = |step| match step {
        Kitchen::Decided => decided.is_some(),
        Kitchen::CookingStarted => cooked.is_some(),
        Kitchen::CookingFinished => *cooked == Some(Cooking::Finished),
    };
    let in_time = |hold: &ticket::Hold| held.is_some() || !hold.step.is_some_and(done);
    let over = before.rejected_at.is_some() || before.cancelled_at.is_some();
    let last = !over || before.state == status.state;
    stays && cooks && in_order && kept && stopped && hold.as_ref().is_none_or(in_time) && last
}

fn delivery_allowed(old: &Fields, new: &Fields) -> bool {
    let Fields::Delivery { hold: held, ready: was_ready, progress: before, received: had, status: old } = old else {
        return false;
    };
    let Fields::Delivery { hold, ready, progress, received, status } = new else { return false };
    let ready = *ready || !(*was_ready || progress.is_some());
    let in_order = match (before, progress) {
        (None, Some(Progress::Delivered)) | (Some(_), None) => false,
        (Some(was), Some(is)) => is >= was,
        _ => true,
    };
    let receives = (!received || *progress == Some(Progress::Delivered)) && (!had || *received);
    let kept = held.is_none() || held == hold;
    let stopped = hold.is_none() || (before, had) == (progress, received);
    let in_time = |hold: &delivery::Hold| {
        held.is_some() || before.is_none_or(|done| done != Progress::Delivered && hold.step != Progress::PickedUp)
    };
    let over = old.confirmed_at.is_some() || old.cancelled_at.is_some();
    let last = !over || old.state == status.state;
    ready && in_order && receives && kept && stopped && hold.as_ref().is_none_or(in_time) && last
}
