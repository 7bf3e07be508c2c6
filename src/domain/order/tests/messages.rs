//! What an order says while it waits: the object that is waited for, the next step, and the same for as long as it lasts.

use super::kitchen::{accepted, kitchen, offered};
use super::*;
use crate::domain::conditions::Report;
use crate::domain::notification::Topic;
use crate::domain::payment::Status as PaymentStatus;
use crate::domain::platform::Standing;
use crate::domain::ticket::Cooking;
use crate::domain::{Condition, ids};

/// The same once it has lasted.
fn lasting(seen: &Observed) -> Observed {
    let long_ago = Time::from_millis(0);
    let mut seen = Observed { changed: long_ago, stepped: long_ago, ..seen.clone() };
    seen.meta.changed = long_ago;
    seen
}

/// The sentence that an order says once the wait has lasted.
fn says(seen: &Observed) -> String {
    let plan = plan(&lasting(seen));
    let status = plan.status.unwrap_or_else(|| seen.status.clone());
    conditions::waiting_message(&status.conditions).expect("a wait").to_owned()
}

/// What the conditions have as their message, of all kinds that have one.
fn sentences(conditions: &[Condition]) -> usize {
    conditions.iter().filter(|condition| !condition.message.is_empty()).count()
}

fn two_products() -> Observed {
    let mut seen = fresh();
    seen.request.items = vec![("mug".into(), 2), ("cup".into(), 1)];
    seen.products = vec![Lookup::Present(mug(None)), Lookup::Present(mug(None))];
    seen.status = plan(&seen).status.expect("placed");
    seen
}

fn by_provider(seen: &Observed) -> Observed {
    let mut seen = seen.clone();
    seen.request.pay = Pay::Provider { name: "card".into(), token: crate::domain::provider::Token("tok_1".into()) };
    seen
}

/// Paid, cancelled, and held.
fn held() -> Observed {
    let mut seen = wishes(delivering());
    seen.payment = Lookup::Present(ObservedPayment { approved_at: Some(now()), cancel: true, ..payment() });
    seen.delivery = Lookup::Present(ObservedDelivery { held: Some(Cause::Customer), ..delivery() });
    seen
}

/// A kitchen's order whose money is back, and whose ticket and delivery are not seen to end yet.
fn recalled() -> Observed {
    let mut seen = wishes(offered(kitchen()));
    seen.payment =
        Lookup::Present(ObservedPayment { approved_at: Some(now()), cancel: true, cancelled: true, ..payment() });
    seen.ticket = Lookup::Present(ObservedTicket { held: Some(Cause::Customer), ..accepted() });
    seen.delivery = Lookup::Present(ObservedDelivery { held: Some(Cause::Customer), ..delivery() });
    seen
}

#[test]
fn the_way_in_names_who_lets_an_order_in() {
    let store = |intake| Lookup::Present(ObservedStore { intake, ..store() });
    let held = Observed { store: store(Intake::Hold), ..fresh() };
    let wanted = "Store shop takes no orders for now: this one waits until spec.intake of the Store is Open.";
    assert_eq!(says(&held), wanted);
    let drained = Observed { store: store(Intake::Drain), references_afresh: true, ..fresh() };
    let outcome = plan(&drained).status.and_then(|status| status.outcome).expect("refused");
    let wanted = "spec.store: Store shop takes no orders any more (its spec.intake is Drain): order from another.";
    assert_eq!(outcome.message, wanted);
    let mut full = kitchen();
    full.platform.kitchen_full = true;
    let wanted = "The kitchen of Store shop is full (spec.maxOpenTickets): this one waits until an order is cooked.";
    assert_eq!(says(&full), wanted);
    let mut queued = fresh();
    queued.platform.exists = true;
    queued.platform.queue = Standing { limited: true, serving: 7, turn: None };
    assert_eq!(says(&queued), "OrderPlatform default is about to give it a number; it is placed in its turn.");
    queued.status.queue_number = Some(8);
    let wanted = "It is placed once OrderPlatform default calls number 8; status.serving of it says how far it is.";
    assert_eq!(says(&queued), wanted);
    queued.platform.paused = true;
    let wanted = "OrderPlatform default places nothing new: this one waits until spec.intake.state of it is Open.";
    assert_eq!(says(&queued), wanted);
    let missing = Observed { store: Lookup::Gone, references_afresh: true, ..fresh() };
    let until = now().after(std::time::Duration::from_secs(60));
    let wanted = format!("spec.store: there is no Store named shop: create it; it is waited for until {until}.");
    assert_eq!(says(&missing), wanted);
    let mut unknown = Observed { references_afresh: true, ..fresh() };
    unknown.request.pay = Pay::Provider { name: "card".into(), token: crate::domain::provider::Token("t".into()) };
    (unknown.platform.exists, unknown.platform.afresh) = (true, true);
    let wanted = format!(
        "spec.payment.provider: OrderPlatform default has no payment provider named card: add it to \
         spec.payment.providers there; it is waited for until {until}."
    );
    assert_eq!(says(&unknown), wanted);
}

#[test]
fn the_way_forward_names_who_does_the_next_step_and_in_which_field() {
    let child = fresh().child_name();
    let wanted = format!("Stock is asked of Product mug; once it is held, Payment {child} is created.");
    assert_eq!(says(&placed()), wanted);
    let wanted = format!("Stock is asked of Products mug and cup; once it is held, Payment {child} is created.");
    assert_eq!(says(&two_products()), wanted);
    let unpaid = Observed { payment: Lookup::Present(payment()), ..placed() };
    for (unpaid, payer) in [(by_provider(&unpaid), "provider card"), (unpaid, "Wallet alice")] {
        let wanted = format!("Payment {child} has no answer from {payer} yet; the order goes on once it is approved.");
        assert_eq!(says(&unpaid), wanted);
    }
    let mut cooks = offered(kitchen());
    let wanted = format!("Ticket {child} waits for Store shop to set decision: Accept or Reject.");
    assert_eq!(says(&cooks), wanted);
    cooks.delivery = Lookup::Present(delivery());
    let claim = format!("Delivery {child} waits for a courier to set progress: PickedUp.");
    for (cooking, wanted) in [
        (None, format!("Ticket {child} waits for Store shop to set cooking: Started.")),
        (Some(Cooking::Started), format!("Ticket {child} waits for Store shop to set cooking: Finished.")),
        (Some(Cooking::Finished), claim.clone()),
    ] {
        cooks.ticket = Lookup::Present(ObservedTicket { cooking, ..accepted() });
        assert_eq!(says(&cooks), wanted);
    }
    let mut ships = delivering();
    assert_eq!(says(&ships), claim);
    ships.status.terms.as_mut().expect("terms").confirmation = Confirmation::Customer;
    for (progress, wanted) in [
        (Progress::PickedUp, format!("Delivery {child} waits for its courier to set progress: Delivered.")),
        (Progress::Delivered, format!("Delivery {child} is confirmed once the customer has set received: true.")),
    ] {
        ships.delivery = Lookup::Present(ObservedDelivery { progress: Some(progress), ..delivery() });
        assert_eq!(says(&ships), wanted);
    }
    ships.status.terms.as_mut().expect("terms").confirmation = Confirmation::Automatic;
    assert_eq!(says(&ships), format!("Delivery {child} is delivered and about to be confirmed."));
    ships.delivery = Lookup::Gone;
    assert_eq!(says(&ships), format!("Delivery {child} is gone: ship by hand, or cancel the order."));
    cooks.ticket = Lookup::Gone;
    assert_eq!(says(&cooks), format!("Ticket {child} is gone: cancel the order."));
}

/// A Payment that waits has words of its own for that; how an attempt went is known to it alone.
#[test]
fn of_what_a_payment_says_only_failed_attempts_are_repeated() {
    let repeats = |reason, failing_since| {
        let report = Report::Moving { reason, message: "Words.".to_owned() };
        let conditions = conditions::conditions(&[], report, Generation(1), now());
        let status = PaymentStatus { conditions, failing_since, ..PaymentStatus::default() };
        ObservedPayment::of(payment().target, false, &status).trouble.is_some()
    };
    assert!(repeats("ProviderFailing", Some(now())) && repeats("WaitingForRefund", Some(now())));
    assert!(!repeats("WaitingForWallet", None) && !repeats("ProviderFailing", None), "whatever the reason is called");
}

#[test]
fn the_way_back_names_what_has_to_end() {
    let child = fresh().child_name();
    let mut told = delivering();
    told.status.terms.as_mut().expect("terms").seller_notice = SellerNotice::Required;
    told.store = Lookup::Present(ObservedStore { has_endpoint: true, ..store() });
    told.notices = vec![ObservedNotice { trouble: None, ..untaken("") }];
    let topic = Topic::CancelRequested.slug();
    let notice = ids::notification_name("order-1", "uid-1", topic, "seller");
    let wanted = format!("Nothing is undone before the seller has taken Notification {notice}.");
    assert_eq!(says(&wishes(told)), wanted);
    for (held, payer) in [(by_provider(&held()), "provider card"), (held(), "Wallet alice")] {
        assert_eq!(says(&held), format!("Payment {child} waits for {payer} to refund or void the charge."));
    }
    let said = "Attempt 3 at card failed (HTTP 500); 2000 KRW at risk; the next is at noon.";
    let mut failing = held();
    let payment_of = ObservedPayment { approved_at: Some(now()), cancel: true, ..payment() };
    failing.payment = Lookup::Present(ObservedPayment { trouble: Some(said.into()), ..payment_of });
    assert_eq!(says(&failing), format!("Payment {child}: {said}"));
    let cancelled =
        Lookup::Present(ObservedPayment { approved_at: Some(now()), cancel: true, cancelled: true, ..payment() });
    let back = Observed { payment: cancelled.clone(), ..held() };
    assert_eq!(says(&back), format!("The order waits for Delivery {child} to end; then the stock is given back."));
    let wanted = format!("The order waits for Ticket and Delivery {child} to end; then the stock is given back.");
    assert_eq!(says(&recalled()), wanted);
    let over = ObservedDelivery { held: Some(Cause::Customer), cancelled: true, ..delivery() };
    let mut last = Observed { payment: cancelled, delivery: Lookup::Present(over), ..held() };
    let wanted = "Stock is given back to Product mug; then the order ends.";
    assert_eq!(says(&last), wanted);
    last.status = plan(&last).status.expect("it says so at once");
    assert_eq!(says(&last), wanted);
}

#[test]
fn an_order_that_waits_on_is_not_written_again_whoever_has_answered_meanwhile() {
    // At the placement it says what it says once that has lasted; one product answers before the other.
    let mut seen = two_products();
    assert_eq!(plan(&lasting(&seen)), Plan::rest());
    seen.products[0] = Lookup::Present(mug(Some(product::Answer::Held)));
    assert_eq!(plan(&lasting(&seen)), Plan::rest());
    // No courier comes.
    assert_eq!(plan(&lasting(&delivering())), Plan::rest());
    // The ticket ends before the delivery.
    let mut seen = recalled();
    seen.status = plan(&lasting(&seen)).status.expect("said");
    assert_eq!(plan(&lasting(&seen)), Plan::rest());
    let over = ObservedTicket { held: Some(Cause::Customer), over: true, ..accepted() };
    seen.ticket = Lookup::Present(over);
    assert_eq!(plan(&lasting(&seen)), Plan::rest());
    // One ledger has answered.
    let mut seen = two_products();
    seen.status.outcome = Some(Outcome::new(State::Cancelled, "ChangedMind", "Why."));
    seen.payment = Lookup::Present(ObservedPayment { cancel: true, cancelled: true, ..payment() });
    seen.status = plan(&seen).status.expect("released");
    assert!(seen.status.releasing_at.is_some());
    assert_eq!(plan(&lasting(&seen)), Plan::rest());
    seen.products[0] = Lookup::Present(mug(Some(product::Answer::Released)));
    assert_eq!(plan(&lasting(&seen)), Plan::rest());
}

#[test]
fn many_products_and_long_names_leave_the_next_step_to_be_read() {
    let stock = |names: &[String]| {
        let mut seen = fresh();
        seen.request.items = names.iter().map(|name| (name.clone(), 1)).collect();
        seen.products = names.iter().map(|_| Lookup::Present(mug(None))).collect();
        let status = plan(&seen).status.expect("placed");
        assert_eq!(sentences(&status.conditions), 1);
        conditions::waiting_message(&status.conditions).expect("a wait").to_owned()
    };
    let short = ["mug", "cup", "pot", "pan", "jug"].map(str::to_owned);
    assert!(stock(&short[..3]).contains(" Products mug, cup and pot; "), "{}", stock(&short[..3]));
    assert!(stock(&short).contains(" Products mug, cup, pot and 2 more; "), "{}", stock(&short));
    assert!(stock(&short).len() <= 120, "{}", stock(&short));
    let long = [0, 1, 2].map(|n| format!("{n}{}", "x".repeat(252)));
    let said = stock(&long);
    assert!(said.contains("x and 2 more; ") && said.ends_with(" is created."), "{said}");
    assert!(stock(&long[..1]).contains(" Product 0x") && stock(&long[..1]).ends_with(" is created."));
}
