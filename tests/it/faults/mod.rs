//! A fault at every write: each scenario runs once undisturbed; then once for each write of the operator and each fault
//! that can befall it. Every run must come to the same end, field by field, and every version on the way is checked.
//!
//! A run that went wrong leaves what it wrote and every version in a file; `JUMUN_FAULT=KilledAfter:7` repeats that fault
//! alone.

mod proxy;
mod run;
mod same;
mod scenario;
mod scenarios;

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use proxy::{Fault, Plan};
use run::{Ground, run};
use scenario::Scenario;

/// Runs at once, over all scenarios: most of a run is waiting.
static AT_ONCE: Semaphore = Semaphore::const_new(48);

macro_rules! a_fault_at_every_write {
    ($($scenario:ident),* $(,)?) => {
        mod at_every_write {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $scenario() {
                    super::sweep(stringify!($scenario), super::scenarios::$scenario()).await;
                }
            )*
        }
    };
}

a_fault_at_every_write! {
    a_charge_whose_reply_is_lost,
    a_customer_confirms,
    a_declined_payment,
    a_deleted_namespace,
    a_kitchen_order_by_card,
    a_kitchen_order_that_is_confirmed,
    a_store_that_decides_too_late,
    a_warehouse_order,
    an_order_before_what_it_refers_to,
    cancelled_before_it_is_cooked,
    cancelled_before_it_is_seen,
    cancelled_once_the_seller_knows,
    cancelled_when_picked_up,
    cancelled_while_delivering,
    deleted_while_delivering,
    ledgers_with_marks_of_another_history,
    out_of_stock,
    rejected_by_the_store,
}

/// Runs a scenario with every fault at every write.
async fn sweep(name: &'static str, scenario: Scenario) {
    let (started, ground) = (Instant::now(), Ground::new().await);
    let scenario = Arc::new(scenario);
    let first = {
        let _slot = AT_ONCE.acquire().await.expect("a slot");
        run(&namespace(name, None), &scenario, &ground, None, None).await
    };
    assert!(first.wrong.is_empty(), "{name}, undisturbed: {}", first.wrong.join("\n"));
    let (writes, mut versions) = (first.writes.len(), first.versions);
    let first = Arc::new(first);
    let mut runs = JoinSet::new();
    for plan in plans(writes) {
        let (scenario, ground, first) = (scenario.clone(), ground.clone(), first.clone());
        runs.spawn(async move {
            let _slot = AT_ONCE.acquire().await.expect("a slot");
            (plan, run(&namespace(name, plan), &scenario, &ground, plan, Some(&first.end)).await)
        });
    }
    let (count, mut hits, mut wrong) = (runs.len() + 1, 0, Vec::new());
    while let Some(done) = runs.join_next().await {
        let (plan, report) = done.expect("a run");
        versions += report.versions;
        hits += usize::from(report.hit.is_some());
        if !report.wrong.is_empty() {
            let hit = report.hit.as_deref().unwrap_or("nothing hit");
            wrong.push(format!("{}, {hit}:\n  {}", label(plan), report.wrong.join("\n  ")));
        }
    }
    crate::summary::add(name, versions, hits);
    let seconds = started.elapsed().as_secs_f64();
    println!("{name}: {writes} writes, {count} runs, {hits} faults, {versions} versions checked, {seconds:.0} s");
    assert!(wrong.is_empty(), "{name}: {} of {count} runs went wrong\n{}", wrong.len(), wrong.join("\n"));
}

/// Every fault at every write, and once more nothing: what differs then is no fault's doing.
fn plans(writes: usize) -> Vec<Plan> {
    if let Ok(chosen) = std::env::var("JUMUN_FAULT") {
        let (fault, number) = chosen.split_once(':').expect("JUMUN_FAULT=Fault:number");
        let fault = Fault::ALL.into_iter().find(|known| format!("{known:?}") == fault).expect("a fault");
        return vec![Some((fault, number.parse().expect("a number")))];
    }
    let each = (1..=writes).flat_map(|number| Fault::ALL.map(|fault| (fault, number)));
    // The runs in which a write is late, or denied and tried again half a minute later, are the longest: every third
    // write is late once, and every third denied.
    let some = each.filter(|(fault, number)| match fault {
        Fault::KilledLate => number % 3 == 0,
        Fault::Denied => number % 3 == 1,
        _ => true,
    });
    // They begin first, so that nobody waits for them alone in the end.
    let (long, short): (Vec<_>, Vec<_>) =
        some.partition(|(fault, _)| matches!(fault, Fault::Denied | Fault::KilledLate));
    long.into_iter().chain(short).map(Some).chain([None]).collect()
}

fn label(plan: Plan) -> String {
    plan.map_or_else(|| "undisturbed".to_owned(), |(fault, number)| format!("{fault:?}:{number}"))
}

/// The beginning of the name of a run's namespace.
fn namespace(scenario: &str, plan: Plan) -> String {
    let short: String = scenario.replace('_', "-").chars().take(32).collect();
    format!("{}-{}", short.trim_end_matches('-'), label(plan).replace(':', "-").to_lowercase())
}
