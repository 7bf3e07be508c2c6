//! The invariants of the design, checked at every version of every object. Shares no code with the operator: it reads
//! plain JSON, and takes the order of events from resourceVersions, which one etcd hands out to all kinds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::recorder::Version;

/// What the checker found.
#[derive(Debug, Default)]
pub struct Verdict {
    pub versions: usize,
    pub orders: usize,
    pub violations: Vec<String>,
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} versions of {} orders checked, {} violations", self.versions, self.orders, self.violations.len())
    }
}

impl Verdict {
    pub fn assert(&self) {
        assert!(self.violations.is_empty(), "{}", self.violations.join("\n"));
    }
}

/// What is known at one point of the replay.
#[derive(Default)]
struct State {
    /// By kind and UID: the newest version, also of what is gone.
    objects: BTreeMap<(&'static str, String), Arc<Value>>,
    gone: BTreeSet<(&'static str, String)>,
    /// By order UID and role: UIDs of children ever seen.
    children: BTreeMap<(&'static str, String), BTreeSet<String>>,
    /// By order UID: how often the wallet's entry turned Charged and Refunded.
    charges: BTreeMap<String, (usize, usize)>,
    /// By order UID: what its row has shown.
    rows: BTreeMap<String, Shown>,
    verdict: Verdict,
}

/// What a row has shown: how far the order was, whether it was to be cancelled, and what had happened.
#[derive(Clone, Default)]
struct Shown {
    order: usize,
    cancel: bool,
    moments: BTreeSet<String>,
}

/// The states of an order, none of which is followed by one before it; the ends come last.
const STATES: [&str; 9] =
    ["Pending", "Placed", "Paid", "Accepted", "Cooking", "Cooked", "Delivering", "Delivered", "Cancelling"];

/// Replays a log and checks every invariant at every version, and those of a quiet system at the end.
pub fn check(log: &[Version]) -> Verdict {
    let mut state = State::default();
    for version in log {
        state.take(version);
    }
    state.quiet();
    state.verdict.versions = log.len();
    state.verdict.orders = state.of("Order").count();
    state.verdict
}

fn text(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(value: &Value, path: &str) -> i64 {
    value.pointer(path).and_then(Value::as_i64).unwrap_or_default()
}

fn has(value: &Value, path: &str) -> bool {
    value.pointer(path).is_some_and(|found| !found.is_null() && found != &Value::Bool(false))
}

impl State {
    fn of(&self, kind: &'static str) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(move |((k, _), _)| *k == kind).map(|(_, object)| &**object)
    }

    fn fault(&mut self, invariant: &str, object: &Value, what: impl std::fmt::Display) {
        let (name, version) = (text(object, "/metadata/name"), text(object, "/metadata/resourceVersion"));
        self.verdict.violations.push(format!("{invariant}: {name} at version {version}: {what}"));
    }

    fn take(&mut self, version: &Version) {
        let object = &version.object;
        let key = (version.kind, text(object, "/metadata/uid"));
        let before = self.objects.get(&key).cloned();
        match version.kind {
            "Product" => self.product(object),
            "Wallet" => self.wallet(before.as_deref(), object),
            "Order" => self.ended_stays(before.as_deref(), object, &["/status/endedAt"]),
            "Payment" => {
                self.ended_stays(before.as_deref(), object, &["/status/declinedAt", "/status/cancelledAt"]);
                self.child("Payment", object);
            }
            "Delivery" => {
                self.ended_stays(before.as_deref(), object, &["/status/confirmedAt", "/status/cancelledAt"]);
                self.child("Delivery", object);
                self.hold_stays(before.as_deref(), object);
            }
            "Ticket" => {
                self.ended_stays(before.as_deref(), object, &["/status/rejectedAt", "/status/cancelledAt"]);
                self.child("Ticket", object);
                self.hold_stays(before.as_deref(), object);
            }
            "Notification" => {
                self.ended_stays(before.as_deref(), object, &["/status/sentAt", "/status/gaveUpAt"]);
                self.told_after_it_is_so(object);
            }
            "OrderView" => self.row(object),
            _ => {}
        }
        self.objects.insert(key.clone(), object.clone());
        if version.deleted {
            self.gone.insert(key);
        }
        if matches!(version.kind, "Payment" | "Ticket" | "Delivery") {
            self.delivery_and_money(&text(object, "/spec/order/uid"), object);
        }
        if version.kind == "Payment" && has(object, "/spec/cancel") && !before.is_some_and(|b| has(&b, "/spec/cancel"))
        {
            self.notice_before_undo(object);
        }
    }

    /// stock_is_conserved
    fn product(&mut self, object: &Value) {
        let [supplied, available, reserved, sold] =
            ["supplied", "available", "reserved", "sold"].map(|field| number(object, &format!("/status/{field}")));
        if supplied != available + reserved + sold || [available, reserved, sold].iter().any(|n| *n < 0) {
            self.fault("stock_is_conserved", object, format!("{supplied} = {available} + {reserved} + {sold}"));
        }
    }

    /// money_is_conserved, charged_at_most_once, refunded_at_most_once, refund_never_exceeds_charge
    fn wallet(&mut self, before: Option<&Value>, object: &Value) {
        let deposited = number(object, "/status/deposited/amount");
        let (balance, charged) = (number(object, "/status/balance/amount"), number(object, "/status/charged/amount"));
        if deposited != balance + charged || balance < 0 || charged < 0 {
            self.fault("money_is_conserved", object, format!("{deposited} = {balance} + {charged}"));
        }
        let points =
            ["/status/deposited/points", "/status/points", "/status/charged/points"].map(|at| number(object, at));
        if points[0] != points[1] + points[2] || points.iter().any(|n| *n < 0) {
            self.fault("money_is_conserved", object, format!("points {points:?}"));
        }
        let entries = |object: &Value| -> BTreeMap<String, (String, i64)> {
            let list = object.pointer("/status/entries").and_then(Value::as_array).cloned().unwrap_or_default();
            list.iter().map(|e| (text(e, "/order"), (text(e, "/answer"), number(e, "/amount")))).collect()
        };
        let old = before.map(entries).unwrap_or_default();
        for (order, (answer, amount)) in entries(object) {
            if old.get(&order).is_some_and(|(was, _)| *was == answer) {
                continue;
            }
            let counts = self.charges.entry(order.clone()).or_default();
            match answer.as_str() {
                "Charged" => counts.0 += 1,
                "Refunded" => counts.1 += 1,
                _ => {}
            }
            let (charges, refunds) = *counts;
            if charges > 1 {
                self.fault("charged_at_most_once", object, &order);
            }
            if refunds > 1 {
                self.fault("refunded_at_most_once", object, &order);
            }
            let charge = self
                .of("Payment")
                .find(|p| text(p, "/spec/order/uid") == order)
                .map(|p| number(p, "/spec/amount/amount"));
            if answer == "Refunded" && (refunds > charges || charge.is_some_and(|charge| amount > charge)) {
                self.fault("refund_never_exceeds_charge", object, &order);
            }
        }
    }

    /// terminal_is_final
    fn ended_stays(&mut self, before: Option<&Value>, object: &Value, ends: &[&str]) {
        let Some(before) = before.filter(|before| ends.iter().any(|end| has(before, end))) else { return };
        let (was, is) = (text(before, "/status/state"), text(object, "/status/state"));
        if was != is {
            self.fault("terminal_is_final", object, format!("{was} became {is}"));
        }
    }

    /// rows_never_step_back
    fn row(&mut self, row: &Value) {
        let state = text(row, "/status/order");
        let timeline = row.pointer("/status/timeline").and_then(Value::as_array).cloned().unwrap_or_default();
        let now = Shown {
            order: STATES.iter().position(|known| *known == state).unwrap_or(STATES.len()),
            cancel: has(row, "/status/cancelRequested"),
            moments: timeline.iter().map(|moment| text(moment, "/what")).collect(),
        };
        let before = self.rows.insert(text(row, "/spec/order/uid"), now.clone()).unwrap_or_default();
        let lost: Vec<&String> = before.moments.difference(&now.moments).collect();
        if now.order < before.order || (before.cancel && !now.cancel) || !lost.is_empty() {
            self.fault("rows_never_step_back", row, format!("shows {state} again, or has lost {lost:?}"));
        }
        let times: Vec<String> = timeline.iter().map(|moment| text(moment, "/at")).collect();
        if !times.is_sorted() {
            self.fault("rows_never_step_back", row, format!("a timeline out of order: {timeline:?}"));
        }
    }

    /// one_child_per_role
    fn child(&mut self, role: &'static str, object: &Value) {
        let children = self.children.entry((role, text(object, "/spec/order/uid"))).or_default();
        children.insert(text(object, "/metadata/uid"));
        if children.len() > 1 {
            self.fault("one_child_per_role", object, format!("a second {role}"));
        }
    }

    /// hold_is_never_lifted
    fn hold_stays(&mut self, before: Option<&Value>, object: &Value) {
        let held = |object: &Value| object.pointer("/spec/hold").cloned();
        if before.and_then(held).is_some_and(|hold| held(object) != Some(hold)) {
            self.fault("hold_is_never_lifted", object, "the hold has changed");
        }
    }

    /// nothing_undone_before_the_required_notice
    fn notice_before_undo(&mut self, payment: &Value) {
        let uid = text(payment, "/spec/order/uid");
        let of = |kind| self.of(kind).filter(|o| text(o, "/spec/order/uid") == uid).cloned().collect::<Vec<Value>>();
        let required = self
            .of("Order")
            .any(|o| text(o, "/metadata/uid") == uid && text(o, "/status/terms/sellerNotice") == "Required");
        let wished = of("Delivery").iter().any(|d| text(d, "/spec/hold/cause") == "Customer");
        let told = of("Notification").iter().any(|n| has(n, "/spec/required") && has(n, "/status/sentAt"));
        if required && wished && has(payment, "/status/approvedAt") && !told {
            self.fault("nothing_undone_before_the_required_notice", payment, "the seller does not know yet");
        }
    }

    /// told_after_it_is_so
    fn told_after_it_is_so(&mut self, notice: &Value) {
        if !has(notice, "/status/sentAt") && number(notice, "/status/attempts") == 0 {
            return;
        }
        let order = self.objects.get(&("Order", text(notice, "/spec/order/uid"))).cloned();
        let says = |fact: &str| order.as_ref().is_none_or(|order| has(order, fact));
        let topic = text(notice, "/spec/topic");
        let so = match topic.as_str() {
            "DeliveryCancelled" | "Undone" => says("/status/endedAt"),
            "CancelRefused" => says("/status/cancelRefused") || says("/status/endedAt"),
            _ => true,
        };
        if !so {
            self.fault("told_after_it_is_so", notice, format!("{topic} before the order says so"));
        }
    }

    /// no_delivery_without_payment, never_delivered_and_refunded
    fn delivery_and_money(&mut self, order: &str, at: &Value) {
        let of = |kind| self.of(kind).find(|o| text(o, "/spec/order/uid") == order).cloned();
        let (payment, ticket, delivery) = (of("Payment"), of("Ticket"), of("Delivery"));
        let paid = payment.as_ref().is_some_and(|p| has(p, "/status/approvedAt"));
        if !paid && ticket.is_some_and(|ticket| !has(&ticket, "/spec/hold")) {
            self.fault("no_delivery_without_payment", at, format!("the store sees {order}"));
        }
        let Some(delivery) = delivery else { return };
        let refunded = payment.as_ref().is_some_and(|p| has(p, "/status/refundedAt") || has(p, "/spec/cancel"));
        if !paid && !has(&delivery, "/spec/hold") {
            self.fault("no_delivery_without_payment", at, order);
        }
        if refunded && text(&delivery, "/spec/progress") == "Delivered" {
            self.fault("never_delivered_and_refunded", at, order);
        }
    }

    /// What holds once nothing moves any more: the books agree with the orders, the rows with their sources.
    fn quiet(&mut self) {
        // With their namespace the books go before the orders that they are about, and nothing is left to agree.
        if self.objects.keys().all(|key| self.gone.contains(key)) {
            return;
        }
        let wallets: Vec<Value> = self.of("Wallet").cloned().collect();
        for wallet in wallets {
            let uid = text(&wallet, "/metadata/uid");
            let mine = self.of("Payment").filter(|p| text(p, "/spec/wallet/uid") == uid);
            let standing = mine.filter(|p| has(p, "/status/approvedAt") && !has(p, "/status/cancelledAt"));
            let (sum, charged) = (
                standing.map(|p| number(p, "/spec/amount/amount")).sum::<i64>(),
                number(&wallet, "/status/charged/amount"),
            );
            if sum != charged {
                self.fault("money_is_conserved", &wallet, format!("charged {charged}, payments that stand {sum}"));
            }
        }
        let products: Vec<Value> = self.of("Product").cloned().collect();
        for product in products {
            let uid = text(&product, "/metadata/uid");
            let (mut held, mut sold) = (0, 0);
            for order in self.of("Order").filter(|o| !has(o, "/status/releasingAt") && !self.was_undone(o)) {
                let lines = order.pointer("/status/terms/items").and_then(Value::as_array).cloned().unwrap_or_default();
                let mine: i64 = lines.iter().filter(|l| text(l, "/uid") == uid).map(|l| number(l, "/quantity")).sum();
                if has(order, "/status/paidAt") { sold += mine } else { held += mine }
            }
            let (reserved, booked) = (number(&product, "/status/reserved"), number(&product, "/status/sold"));
            if (held, sold) != (reserved, booked) {
                let what = format!("reserved {reserved} for {held}, sold {booked} for {sold}");
                self.fault("stock_is_conserved", &product, what);
            }
        }
        self.views();
    }

    /// Whether an order was removed before its end, and what it had bought was not brought: its children undo it.
    fn was_undone(&self, order: &Value) -> bool {
        let uid = text(order, "/metadata/uid");
        let removed = self.gone.contains(&("Order", uid.clone())) && !has(order, "/status/endedAt");
        let mut deliveries = self.of("Delivery").filter(|d| text(d, "/spec/order/uid") == uid);
        removed && !deliveries.any(|delivery| text(delivery, "/spec/progress") == "Delivered")
    }

    /// view_converges
    fn views(&mut self) {
        let orders = self.objects.iter().filter(|(k, _)| k.0 == "Order" && !self.gone.contains(*k));
        let standing: Vec<Arc<Value>> = orders.map(|(_, order)| order.clone()).collect();
        // An order that had run before has no row of its own: that of the first one stays.
        let refused = |order: &Value| text(order, "/status/outcome/reason") == "AlreadyOrdered";
        for order in standing.into_iter().filter(|order| !refused(order)) {
            let uid = text(&order, "/metadata/uid");
            let state_of = |kind| {
                let child = self.of(kind).find(|o| text(o, "/spec/order/uid") == uid)?;
                Some(text(child, "/status/state"))
            };
            let rows = self.objects.iter().filter(|(k, _)| k.0 == "OrderView" && !self.gone.contains(*k));
            let row = rows.map(|(_, row)| row).find(|row| text(row, "/spec/order/uid") == uid).cloned();
            let Some(row) = row else {
                self.fault("view_converges", &order, "it has no row");
                continue;
            };
            let shown = (text(&row, "/status/order"), text(&row, "/status/payment"), text(&row, "/status/delivery"));
            let delivery = state_of("Delivery").unwrap_or_default();
            let wanted = (text(&order, "/status/state"), state_of("Payment").unwrap_or_default(), delivery);
            // A delivery on its way has no state of its own yet: its row tells from the courier's progress.
            let on_its_way = wanted.2.is_empty() && !shown.2.is_empty();
            if shown.0 != wanted.0 || shown.1 != wanted.1 || (shown.2 != wanted.2 && !on_its_way) {
                self.fault("view_converges", &row, format!("shows {shown:?}, sources say {wanted:?}"));
            }
        }
    }
}
