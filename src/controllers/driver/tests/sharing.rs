//! What a worker leaves to others, and when it works on it all the same.

use crate::cluster::members::share::{LONGEST, PATIENCE};

use super::*;

cause!(Rests, |_seen, _now| Plan::rest());
cause!(Rewords, |seen, _now| says(seen, "WaitingForCourier", "Other words for it."));
cause!(MovesOn, |seen, _now| says(seen, "WaitingForConfirmation", "Other words for it."));

/// Writes what the order's conditions say.
fn says(seen: &Seen, reason: &str, message: &str) -> Plan<order::Status> {
    let mut status = seen.status.clone();
    for condition in &mut status.conditions {
        (condition.reason, condition.message) = (reason.to_owned(), message.to_owned());
    }
    Plan::write(status)
}

/// Members of which another one comes before this one for the order of the test.
fn members() -> Arc<Members> {
    let members = Arc::new(Members::new(None, &["Order"]));
    let before = |n: &usize| {
        members.set_others(vec![other(*n)]);
        members.view().rank("Order", "shop", "uid-1", false) == 1
    };
    (0..).find(before).expect("one of them comes first");
    members
}

fn other(n: usize) -> Other {
    Other { id: format!("other-{n}"), works: vec!["Order".into()], scope: None, established: true }
}

/// Lets time pass, and gives how often the order was looked at by then.
async fn after(metrics: &Metrics, pause: Duration) -> usize {
    tokio::time::sleep(pause).await;
    looks(metrics)
}

#[tokio::test(start_paused = true)]
async fn what_is_anothers_is_looked_at_once_it_has_stood_for_too_long() {
    let (context, key) = stage(server(Arc::default(), fine()), members());
    let (metrics, world, second) = (context.metrics.clone(), context.world.clone(), Duration::from_secs(1));
    let worker = tokio::spawn(run::<Test<Rests>>(context, 1));
    assert_eq!(after(&metrics, PATIENCE - second).await, 0, "it is the other's");
    let mut moved = order();
    moved["metadata"]["resourceVersion"] = json!("6");
    world.orders.deliver(serde_json::from_value::<crate::crd::Order>(moved).expect("an order"), Time::from_millis(0));
    assert_eq!(after(&metrics, PATIENCE - second).await, 0, "the other works on it");
    assert_eq!(after(&metrics, PATIENCE).await, 1, "the other does not any more");
    assert_eq!(after(&metrics, LONGEST).await, 1, "it had nothing to do");
    world.queue(Kind::Order).expect("a queue").add(key);
    assert_eq!(after(&metrics, second).await, 1, "the next change is the other's again");
    worker.abort();
}

/// How many calls are made for an order of somebody else that waits for its courier and has stood for too long.
async fn calls<C: Decides>() -> usize {
    let calls = Arc::new(AtomicUsize::new(0));
    let (context, _) = stage(server(calls.clone(), fine()), members());
    let mut waits = order();
    waits["metadata"]["resourceVersion"] = json!("6");
    waits["status"] = json!({ "state": "Delivering", "observedGeneration": 1, "conditions": [{
        "type": "Reconciling", "status": "True", "reason": "WaitingForCourier", "message": "Words.",
        "lastTransitionTime": "2026-11-21T07:10:00Z", "observedGeneration": 1,
    }] });
    context.world.orders.deliver(serde_json::from_value::<Order>(waits).expect("an order"), Time::from_millis(0));
    let worker = tokio::spawn(run::<Test<C>>(context, 1));
    tokio::time::sleep(PATIENCE + Duration::from_secs(2)).await;
    worker.abort();
    calls.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn what_another_one_words_otherwise_is_left_as_it_is() {
    assert_eq!(calls::<Rewords>().await, 0);
    assert_eq!(calls::<MovesOn>().await, 1);
}

#[tokio::test(start_paused = true)]
async fn what_falls_to_it_is_worked_on_at_once_and_what_it_loses_is_left_in_peace() {
    let members = members();
    let others = members.view().others.clone();
    let (context, key) = stage(server(Arc::default(), fine()), members.clone());
    let (metrics, world, second) = (context.metrics.clone(), context.world.clone(), Duration::from_secs(1));
    let worker = tokio::spawn(run::<Test<Rests>>(context, 1));
    assert_eq!((after(&metrics, second).await, world.own(Kind::Order)), (0, 0));
    members.set_others(Vec::new());
    assert_eq!((after(&metrics, second).await, world.own(Kind::Order)), (1, 1), "the other has left");
    members.set_others(others.clone());
    world.queue(Kind::Order).expect("a queue").add(key);
    assert_eq!(after(&metrics, second).await, 1, "it has come back");
    members.set_others(Vec::new());
    assert_eq!(after(&metrics, second).await, 2);
    members.set_others(others);
    members.set_others(Vec::new());
    assert_eq!(after(&metrics, second).await, 2, "it was this one's before");
    worker.abort();
}

#[tokio::test(start_paused = true)]
async fn what_is_not_known_and_what_others_do_not_do_is_everybodys() {
    let members = members();
    let (context, key) = stage(server(Arc::default(), fine()), members.clone());
    let (metrics, world, second) = (context.metrics.clone(), context.world.clone(), Duration::from_secs(1));
    let worker = tokio::spawn(run::<Test<Rests>>(context, 1));
    world.queue(Kind::Order).expect("a queue").add(key.sibling("order-2"));
    assert_eq!(after(&metrics, second).await, 1, "one that was never seen");
    members.set_others(members.view().others.iter().cloned().map(|other| Other { works: vec![], ..other }).collect());
    assert_eq!(after(&metrics, second).await, 2, "the other does no orders any more");
    worker.abort();
}
