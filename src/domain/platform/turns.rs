//! Turns: who may be placed next, where the platform has limits. The OrderPlatform is the ledger of turns.
//!
//! ```text
//!  order (not placed) ─→ turn: a number, in order of arrival ─→ the order copies its number ─→ (turn leaves)
//!                                     │ room                            │ room
//!                                     └──→ called: the order is let in ←┘ ──→ placed ─→ counts no more ─→ (turn leaves)
//!                                              │ its store is closed, its kitchen full
//!                                              └──→ away: keeps no place, and is called again
//! ```
//!
//! Invariants:
//! - Numbers are handed out here alone, in one guarded write for all who ask: they are unique, and never used again.
//! - An order is let in only by a turn that is called, and keeps it until it was seen placed and counts no more. So
//!   whoever writes the next call counts everybody who was called before, however old its view of the orders is.
//! - A place is kept for a while only: who was called and does not come is called again when others had their turn.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::super::{Intent, Kind, Time};
use super::types::{Backlog, KEPT, Place, QueuedOrder, Status, Turn};

/// The second of the limit a second.
const SECOND: Duration = Duration::from_secs(1);
/// The most turns that are kept, below the bound of the list.
const MOST: usize = 800;
/// The most numbers that are handed out and not copied.
const HANDED: usize = 500;
/// Above so many turns, those of orders that were placed more than a second ago are counted by what is seen alone.
const MANY: usize = 600;
/// Above so many orders that are not seen, all orders are read at once.
const READS: usize = 32;

/// What became of the turns.
#[derive(Debug, Default)]
pub(super) struct Advance {
    /// What has to be read before anything can be said.
    pub reads: Vec<Intent>,
    /// Whether somebody waits for the write; else it may ride on a later one.
    pub urgent: bool,
    /// When to look again.
    pub next: Option<Time>,
}

/// Hands out numbers, calls as many as there is room for, and lets turns leave that nobody needs.
pub(super) fn advance(backlog: &Backlog, status: &mut Status, now: Time) -> Advance {
    if backlog.limits.are_none() {
        return lift(status, now);
    }
    let Some(issued) = status.issued.or(backlog.highest) else {
        return Advance { reads: vec![Intent::ReadOrders], ..Advance::default() };
    };
    if !backlog.unproven.is_empty() {
        let read = |name: &String| Intent::read(Kind::Order, name);
        let many = backlog.unproven.len() > READS;
        let reads = if many { vec![Intent::ReadOrders] } else { backlog.unproven.iter().map(read).collect() };
        return Advance { reads, ..Advance::default() };
    }
    let orders: HashMap<&str, &QueuedOrder> =
        backlog.orders.iter().map(|queued| (queued.order.as_str(), queued)).collect();
    keep(backlog, &orders, status, now);
    seat(backlog, &orders, status, now);
    let mut urgent = hand_out(backlog, status, issued);
    let (room, full_until) = room(backlog, &orders, &status.turns, now);
    let (called, left) = call(backlog, &orders, status, room, now);
    urgent |= called;
    let lapses = status.turns.iter().filter(|turn| turn.lets_in(now) && is_waiting(&orders, turn));
    let lapses = lapses.filter_map(|turn| turn.called_at).map(|at| at.after(KEPT)).min();
    let leaves = status.turns.iter().filter_map(|turn| match orders.get(turn.order.as_str())?.place {
        Place::Placed { at, pending: false } => Some(at.after(SECOND)),
        _ => None,
    });
    let again = full_until.filter(|_| left);
    Advance { reads: Vec::new(), urgent, next: again.into_iter().chain(lapses).chain(leaves).min() }
}

/// Without limits everybody goes, and nobody is numbered.
fn lift(status: &mut Status, now: Time) -> Advance {
    let issued = status.issued.unwrap_or(status.serving);
    let urgent = !status.turns.is_empty() || status.serving < issued;
    if urgent {
        status.turns.clear();
        (status.serving, status.served_at) = (issued.max(status.serving), Some(now));
    }
    Advance { urgent, ..Advance::default() }
}

fn is_waiting(orders: &HashMap<&str, &QueuedOrder>, turn: &Turn) -> bool {
    let place = orders.get(turn.order.as_str()).map(|queued| queued.place);
    !matches!(place, Some(Place::Placed { .. } | Place::Over))
}

/// Lets the turns leave that nobody needs, and notes who waits elsewhere.
fn keep(backlog: &Backlog, orders: &HashMap<&str, &QueuedOrder>, status: &mut Status, now: Time) {
    let many = status.turns.len() > MANY;
    status.turns.retain_mut(|turn| {
        let Some(queued) = orders.get(turn.order.as_str()) else { return true };
        let called = turn.called_at.is_some();
        match queued.place {
            Place::Over => false,
            Place::Placed { at, pending } => {
                let recent = backlog.limits.per_second.is_some() && now.since(at) < SECOND;
                recent || (backlog.limits.pending.is_some() && pending && !(many && now.since(at) >= SECOND))
            }
            Place::Away => {
                turn.away = called;
                called || queued.number.is_none()
            }
            Place::Ready(_) => called || queued.number.is_none(),
        }
    });
}

/// Who was called and finds the kitchen full keeps no place on the platform.
fn seat(backlog: &Backlog, orders: &HashMap<&str, &QueuedOrder>, status: &mut Status, now: Time) {
    let mut free = backlog.stores.clone();
    let mut called: Vec<&mut Turn> = status.turns.iter_mut().filter(|turn| turn.lets_in(now)).collect();
    called.sort_by_key(|turn| turn.number);
    for turn in called {
        let Some(Place::Ready(store)) = orders.get(turn.order.as_str()).map(|queued| queued.place) else { continue };
        match free.get_mut(store) {
            Some(places) if *places > 0 => *places -= 1,
            _ => turn.away = true,
        }
    }
}

/// Numbers for those who have none, in order of arrival.
fn hand_out(backlog: &Backlog, status: &mut Status, issued: i64) -> bool {
    let given: HashSet<&str> = status.turns.iter().map(|turn| turn.order.as_str()).collect();
    let waits = |queued: &&QueuedOrder| matches!(queued.place, Place::Ready(_) | Place::Away);
    let asks = |queued: &&QueuedOrder| queued.number.is_none() && !given.contains(queued.order.as_str());
    let mut asking: Vec<&QueuedOrder> = backlog.orders.iter().filter(waits).filter(asks).collect();
    asking.sort_by_key(|queued| (queued.created, &queued.order));
    let free = HANDED.saturating_sub(status.turns.iter().filter(|turn| turn.called_at.is_none()).count());
    let free = free.min(MOST.saturating_sub(status.turns.len()));
    // A platform that was made anew learns what its orders hold.
    let mut last = backlog.orders.iter().filter_map(|queued| queued.number).fold(issued, i64::max);
    for queued in asking.iter().take(free) {
        last += 1;
        let (order, name) = (queued.order.clone(), queued.name.clone());
        status.turns.push(Turn { order, name, number: last, called_at: None, away: false });
    }
    let handed = !asking.is_empty() && free > 0;
    if handed {
        status.issued = Some(last);
    }
    handed
}

/// How many more may be called, and when there may be more room if nothing else happens.
fn room(backlog: &Backlog, orders: &HashMap<&str, &QueuedOrder>, turns: &[Turn], now: Time) -> (usize, Option<Time>) {
    if backlog.paused {
        return (0, None);
    }
    let called = turns.iter().filter(|turn| turn.lets_in(now) && is_waiting(orders, turn)).count();
    let (mut in_flight, mut recent, mut until) = (called, called, None::<Time>);
    for queued in &backlog.orders {
        let Place::Placed { at, pending } = queued.place else { continue };
        in_flight += usize::from(pending);
        if now.since(at) < SECOND {
            recent += 1;
            let over = at.after(SECOND);
            until = Some(until.map_or(over, |until| until.min(over)));
        }
    }
    (backlog.limits.room(in_flight, recent), until.filter(|_| backlog.limits.per_second.is_some()))
}

/// Calls so many, the lowest numbers first; who was called and did not come is called after all others. Gives whether
/// anybody was called, and whether anybody is left who could come.
fn call(
    backlog: &Backlog,
    orders: &HashMap<&str, &QueuedOrder>,
    status: &mut Status,
    mut room: usize,
    now: Time,
) -> (bool, bool) {
    let turns: HashMap<&str, usize> =
        status.turns.iter().enumerate().map(|(at, turn)| (turn.order.as_str(), at)).collect();
    let mut free = backlog.stores.clone();
    let mut candidates = Vec::new();
    for queued in orders.values() {
        let Place::Ready(store) = queued.place else { continue };
        let at = turns.get(queued.order.as_str()).copied();
        let turn = at.and_then(|at| status.turns.get(at));
        if turn.is_some_and(|turn| turn.lets_in(now)) {
            free.iter_mut().skip(store).take(1).for_each(|free| *free = free.saturating_sub(1));
        } else if let Some(number) = queued.number.or(turn.map(|turn| turn.number)) {
            candidates.push((turn.is_some_and(|turn| turn.lapsed(now)), number, store, at, *queued));
        }
    }
    candidates.sort_by_key(|(lapsed, number, ..)| (*lapsed, *number));
    let (mut called, mut left) = (false, false);
    for (_, number, store, at, queued) in candidates {
        let Some(places) = free.get_mut(store).filter(|places| **places > 0) else { continue };
        if room == 0 || (at.is_none() && status.turns.len() >= MOST) {
            left = true;
            break;
        }
        match at.and_then(|at| status.turns.get_mut(at)) {
            Some(turn) => (turn.called_at, turn.away) = (Some(now), false),
            None => {
                let (order, name) = (queued.order.clone(), queued.name.clone());
                status.turns.push(Turn { order, name, number, called_at: Some(now), away: false });
            }
        }
        (room, *places, called) = (room - 1, *places - 1, true);
        status.serving = status.serving.max(number);
        status.served_at = Some(now);
    }
    (called, left)
}

#[cfg(test)]
mod tests;
