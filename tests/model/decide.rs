//! The shipped decisions, and their plans as steps of the model.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use jumun::controllers::delivery::Deliveries;
use jumun::controllers::notification::Notifications;
use jumun::controllers::order::Orders;
use jumun::controllers::payment::Payments;
use jumun::controllers::product::Products;
use jumun::controllers::ticket::Tickets;
use jumun::controllers::wallet::Wallets;
use jumun::domain::{
    Case, Effect, Generation, Intent, Kind, Plan, Policy, Target, Time, delivery, notification, order, payment,
    product, ticket, wallet,
};

use super::config::Config;
use super::mutations;
use super::objects::{
    Body, CONSTANT, EVERY, Fields, Id, Kept, delivery as delivery_of, find, hash, kind, notices, number,
};
use super::objects::{NOTICES, payment as payment_of, ticket as ticket_of};
use super::replica::View;
use super::state::{Flight, Op, Slot, State, Step};

/// Puts a status into a body of its kind; a ledger's mark is taken out of it.
macro_rules! put {
    ($body:expr, Product, $new:expr) => { put!(@ledger $body, Product, $new) };
    ($body:expr, Wallet, $new:expr) => { put!(@ledger $body, Wallet, $new) };
    (@ledger $body:expr, $kind:ident, $new:expr) => {{
        let mut new = $new;
        let mark = std::mem::take(&mut new.settled_through).parse().unwrap_or(0);
        if let Fields::$kind { status } = &mut $body.fields {
            *status = new;
        }
        mark
    }};
    ($body:expr, $kind:ident, $new:expr) => {{
        if let Fields::$kind { status, .. } = &mut $body.fields {
            *status = $new;
        }
        0
    }};
}
type Decided = Option<Rc<(Vec<Step>, bool)>>;

thread_local! {
    static TAKEN: RefCell<HashMap<u64, Decided>> = RefCell::default();
}

/// The same decision, which is taken once for what is seen: the same input gives the same plan.
pub fn decided(config: &Config, state: &State, replica: usize, flight: &Flight) -> Decided {
    let view = View { config, state, replica, flight };
    // Whose claim a notice carries is a matter of who looks.
    let who = (kind(flight.root) == Kind::Notification).then_some(replica);
    let key = hash(&(view.mark(), state.clock, flight, who));
    if let Some(taken) = TAKEN.with_borrow(|taken| taken.get(&key).cloned()) {
        return taken;
    }
    let plan = decide(&view).filter(|(steps, _)| !steps.is_empty()).map(Rc::new);
    TAKEN.with_borrow_mut(|taken| taken.insert(key, plan.clone()));
    plan
}

/// Steps are written as soon as they are seen: a write that waits is one of a slow replica.
fn policy() -> Policy {
    Policy { step: std::time::Duration::ZERO, ..Policy::default() }
}

/// What an object's controller decides from what one replica sees in one reconcile: the steps, and whether they only bring
/// news for the same decision. Nothing where the object is not seen.
fn decide(view: &View) -> Option<(Vec<Step>, bool)> {
    let View { config, state, replica, flight } = *view;
    let id = flight.root;
    let slot = *state.cached(replica, id).slot()?;
    let (now, policy, mutation) = (view.now(), policy(), config.mutation);
    let lower = Lower { config, state, replica, id, slot, now };
    Some(match kind(id) {
        Kind::Order => {
            let mut seen = view.observe::<Orders>()?;
            mutations::of_order(mutation, &mut seen);
            let plan = order::decide(&Case { seen: &seen, now, policy: &policy });
            lower.plan(mutations::order_plan(mutation, &seen, plan), |body, new| put!(body, Order, new))
        }
        Kind::Payment => {
            let mut seen = view.observe::<Payments>()?;
            mutations::of_payment(mutation, &mut seen);
            let plan = payment::decide(&Case { seen: &seen, now, policy: &mutations::policy(mutation, policy) });
            lower.plan(mutations::payment_plan(mutation, plan), |body, new| put!(body, Payment, new))
        }
        Kind::Ticket => {
            let mut seen = view.observe::<Tickets>()?;
            mutations::of_child(mutation, seen.held, &mut seen.unpaid);
            let plan = ticket::decide(&Case { seen: &seen, now, policy: &mutations::policy(mutation, policy) });
            lower.plan(plan, |body, new| put!(body, Ticket, new))
        }
        Kind::Delivery => {
            let mut seen = view.observe::<Deliveries>()?;
            mutations::of_child(mutation, seen.held, &mut seen.unpaid);
            let plan = delivery::decide(&Case { seen: &seen, now, policy: &mutations::policy(mutation, policy) });
            lower.plan(plan, |body, new| put!(body, Delivery, new))
        }
        Kind::Notification => {
            let mut seen = view.observe::<Notifications>()?;
            // Who else sends is told by Leases, which no cache holds.
            (seen.company, seen.me) = view.company();
            mutations::of_notice(mutation, &mut seen, now);
            let plan = notification::decide(&Case { seen: &seen, now, policy: &policy });
            lower.plan(plan, |body, new| put!(body, Notice, new))
        }
        Kind::Product => {
            let mut seen = view.observe::<Products>()?;
            mutations::of_product(mutation, &mut seen);
            let plan = product::decide(&Case { seen: &seen, now, policy: &policy });
            lower.plan(plan, |body, new| put!(body, Product, new))
        }
        Kind::Wallet => {
            let mut seen = view.observe::<Wallets>()?;
            mutations::of_wallet(mutation, &mut seen);
            let plan = wallet::decide(&Case { seen: &seen, now, policy: &policy });
            lower.plan(plan, |body, new| put!(body, Wallet, new))
        }
        _ => return None,
    })
}

/// Where a plan is executed.
struct Lower<'a> {
    config: &'a Config,
    state: &'a State,
    replica: usize,
    id: Id,
    slot: Slot,
    now: Time,
}

impl Lower<'_> {
    fn plan<S>(&self, plan: Plan<S>, put: impl FnOnce(&mut Body, S) -> u16) -> (Vec<Step>, bool) {
        let informs = plan.intents.iter().any(Intent::informs);
        let mut steps: Vec<Step> = plan.intents.into_iter().filter_map(|intent| self.intent(intent)).collect();
        if let Some(status) = plan.status {
            let mut mark = 0;
            let body = self.slot.body.with(|body| mark = put(body, status));
            if body != self.slot.body || mark != self.slot.mark {
                steps.push(self.on_root(Op::Status(body, mark)));
            }
        }
        (steps, informs)
    }

    fn on_root(&self, op: Op) -> Step {
        self.step(self.id, op, self.slot.nth, self.slot.version)
    }

    fn step(&self, id: Id, op: Op, nth: u8, version: u16) -> Step {
        Step { op, id, nth, version, decided: self.state.clock }
    }

    /// The write that meets an exact version: which object of the name it was follows from the UID.
    fn on(&self, id: Id, op: Op, target: &Target) -> Step {
        let nth = target.uid.rsplit('-').next().and_then(|nth| nth.parse().ok()).unwrap_or_default();
        self.step(id, op, nth, u16::try_from(target.version.0).unwrap_or_default())
    }

    fn intent(&self, intent: Intent) -> Option<Step> {
        let create = |id, fields| Some(self.step(id, Op::Create(self.child(fields)), 0, 0));
        let of = |uid: &str| usize::from(*uid == *super::objects::names(1).order.uid);
        let mine = number(self.id.max(super::objects::FIRST));
        match intent {
            Intent::ReadAfresh { kind, name } => match find(kind, &name) {
                CONSTANT => None,
                id => Some(self.step(id, Op::Read, 0, 0)),
            },
            Intent::ReadOrders => Some(self.step(EVERY, Op::ReadOrders, 0, 0)),
            Intent::AddFinalizer(_) => Some(self.on_root(Op::Finalizer(true))),
            Intent::DropFinalizer(_) => Some(self.on_root(Op::Finalizer(false))),
            Intent::DeleteSelf(_) => Some(self.on_root(Op::Delete)),
            Intent::CallOutside(Effect::Provider { call, .. }) => Some(self.step(self.id, Op::Call(call), 0, 0)),
            Intent::CallOutside(Effect::Notice(message)) => {
                Some(self.step(self.id, Op::Send(self.replica, message.by), 0, 0))
            }
            Intent::CreatePayment(draft) => {
                let fields = Fields::Payment { cancel: draft.cancel, status: payment::Status::default() };
                create(payment_of(of(&draft.order.uid)), fields)
            }
            Intent::CreateTicket(draft) => {
                let (acceptance, hold, status) = (draft.acceptance, draft.hold, ticket::Status::default());
                let fields = Fields::Ticket { acceptance, hold, decision: None, cooking: None, status };
                create(ticket_of(of(&draft.order.uid)), fields)
            }
            Intent::CreateDelivery(draft) => {
                let (hold, ready, status) = (draft.hold, draft.ready, delivery::Status::default());
                let fields = Fields::Delivery { hold, ready, progress: None, received: false, status };
                create(delivery_of(of(&draft.order.uid)), fields)
            }
            Intent::CreateNotification(notification::Draft(content)) => {
                let place = NOTICES.iter().position(|notice| *notice == (content.topic, content.to))?;
                let id = notices(of(&content.order.uid)).start + place;
                create(id, Fields::Notice { content: Box::new(content), status: notification::Status::default() })
            }
            Intent::CancelPayment(target) => Some(self.on(payment_of(mine), Op::CancelPayment, &target)),
            Intent::HoldTicket(target, hold) => Some(self.on(ticket_of(mine), Op::HoldTicket(hold), &target)),
            Intent::HoldDelivery(target, hold) => Some(self.on(delivery_of(mine), Op::HoldDelivery(hold), &target)),
            Intent::ReadyDelivery(target) if self.config.mutation == mutations::Mutation::LiftsHold => {
                Some(self.on(delivery_of(mine), Op::LiftHold, &target))
            }
            Intent::ReadyDelivery(target) => Some(self.on(delivery_of(mine), Op::Ready, &target)),
            Intent::CreateView(_) | Intent::UpdateView(..) | Intent::DeleteView(_) => None,
        }
    }

    fn child(&self, fields: Fields) -> Kept {
        let has_finalizer = !matches!(fields, Fields::Notice { .. });
        Kept::new(Body { generation: Generation(1), created: self.now, deleting: None, has_finalizer, fields })
    }
}
