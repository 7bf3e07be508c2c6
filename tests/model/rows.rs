//! rows_never_step_back: whatever a replica has cached, it writes nothing into a row that was made of what is newer.
//!
//! view_converges: from every state, the row that a replica would write of what it has cached there comes to show what
//! stands in the end of that state's undisturbed future, by the shipped decision, and rests there.

use jumun::controllers::Controller;
use jumun::controllers::view::OrderViews;
use jumun::crd::OrderView;
use jumun::domain::view::{Observed, Row, Sources, Status, decide, project};
use jumun::domain::{Case, Intent, Plan, Policy, Time, Version};
use jumun::world::LiveReads;

use super::config::Config;
use super::mutations::Mutation;
use super::objects::{Id, Kept, delivery, hash, kind, order, payment, ticket};
use super::replica;
use super::state::{Cell, Slot, State};
use super::versions::key;

/// The versions of objects of which none is newer than another's.
const OLD: [u16; 4] = [1; 4];

/// What the row of an order is made of: Order, Payment, Ticket and Delivery.
pub type Bodies = [Option<Kept>; 4];

/// What stands of an order in these cells: those of the API server, or of one cache.
pub fn bodies(cells: &[Cell], number: usize) -> Bodies {
    ids(number).map(|id| cells[id].slot().map(|slot| slot.body))
}

/// The same of every order, for who remembers an end.
pub fn all(state: &State) -> Vec<Bodies> {
    (0..state.past.len()).map(|number| bodies(state.row(0), number)).collect()
}

fn ids(number: usize) -> [Id; 4] {
    [order(number), payment(number), ticket(number), delivery(number)]
}

/// What tells one question from another.
pub fn question(from: &Bodies, to: &Bodies) -> u64 {
    hash(&(from, to))
}

/// Whether the row that shows `from` comes to show `to`; where the order is gone in the end nothing is left to follow.
pub fn converges(config: &Config, number: usize, from: &Bodies, to: &Bodies) -> bool {
    let (from, end) = (sources(config, number, (from, OLD)), sources(config, number, (to, OLD)));
    let (Some(from), Some(end)) = (from, end) else { return true };
    let mut row = project(&from, None);
    for _ in 0..3 {
        match follow(config, number, &row, to) {
            Some(next) => row = next,
            // A child that was removed after the order's end stays in the row, and so do moments that it alone remembers.
            None => {
                let end = project(&end, Some(&row));
                return row.says(&end) || (row.status.order.is_end() && row.status == with_removed(&row, end.status));
            }
        }
    }
    false
}

/// Whether a replica with `old` in its caches leaves the row alone that was made of `new`, as long as it has read nothing
/// afresh: it may read, or see that there is nothing to write.
pub fn never_steps_back(config: &Config, number: usize, were: &Bodies, are: &Bodies) -> bool {
    let is_newer = |nth: usize| are[nth].is_some() && were[nth] != are[nth];
    let newer = [0, 1, 2, 3].map(is_newer);
    if !newer.contains(&true) {
        return true;
    }
    let versions = newer.map(|newer| if newer { 2 } else { 1 });
    let Some(new) = sources(config, number, (are, versions)) else { return true };
    let mut row = project(&new, None);
    if config.mutation == Mutation::RowFromOldSources {
        row.status.sources = Default::default();
    }
    let writes = |intent: &Intent| matches!(intent, Intent::UpdateView(..) | Intent::DeleteView(_));
    let seen = observe(config, number, (were, OLD), Some(&row), &LiveReads::default());
    let Some(seen) = seen.filter(|seen| seen.sources.is_some()) else { return true };
    !at_rest(&seen).intents.iter().any(writes)
}

/// What is decided about a row once there is nothing to wait for.
fn at_rest(seen: &Observed) -> Plan<()> {
    decide(&Case { seen, now: Time::from_millis(i64::MAX / 2), policy: &Policy::default() })
}

/// The end, with what only the row still shows of children that are gone by then.
fn with_removed(row: &Row, end: Status) -> Status {
    let (payment, store, delivery) =
        (end.payment.or(row.status.payment), end.store.or(row.status.store), end.delivery.or(row.status.delivery));
    let gone = (payment, store, delivery) != (end.payment, end.store, end.delivery);
    let timeline = if gone { row.status.timeline.clone() } else { end.timeline };
    Status { payment, store, delivery, timeline, ..end }
}

/// What the shipped controller observes on caches that hold these objects in these versions, and this row.
fn observe(
    config: &Config,
    number: usize,
    (bodies, versions): (&Bodies, [u16; 4]),
    row: Option<&Row>,
    live: &LiveReads,
) -> Option<Observed> {
    let world = replica::empty();
    for ((id, body), version) in ids(number).into_iter().zip(bodies).zip(versions) {
        if let Some(body) = *body {
            let slot = Slot { body, version, mark: 0, nth: 0, new: false };
            replica::deliver(&world, config, id, &slot, body.created);
        }
    }
    row.iter().for_each(|row| replica::deliver_row(&world, OrderView::from_row(row), Time::from_millis(0)));
    OrderViews::observe(&world, key(order(number)), live)
}

/// Everything that a row is made of, read for this very decision.
fn all_read(number: usize) -> LiveReads {
    let mut live = LiveReads::default();
    ids(number).into_iter().for_each(|id| live.note(kind(id), &key(id).name, Version(1), Time::from_millis(0)));
    live
}

/// The row that the decision writes; nothing where it lets the row be.
fn follow(config: &Config, number: usize, row: &Row, to: &Bodies) -> Option<Row> {
    let frozen = match config.mutation {
        Mutation::RowStandsStill => true,
        Mutation::RowFreezesEarly => row.status.order.is_end(),
        _ => false,
    };
    let plan = at_rest(&observe(config, number, (to, OLD), Some(row), &all_read(number))?);
    plan.intents.into_iter().filter(|_| !frozen).find_map(|intent| match intent {
        Intent::UpdateView(_, row) => Some(row),
        _ => None,
    })
}

fn sources(config: &Config, number: usize, seen: (&Bodies, [u16; 4])) -> Option<Sources> {
    observe(config, number, seen, None, &LiveReads::default())?.sources
}
