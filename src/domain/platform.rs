//! OrderPlatform: what holds for a whole namespace. Here: the queue of orders that wait because the platform is full.
//!
//! An order that finds the platform full takes the next number, once. The platform says which number is being served; an
//! order with that number or a lower one goes on. Numbers are served in order, as many at a time as there is room, and at
//! most so many a second. The limits are soft by a few orders: two replicas may count at the same moment.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conditions::{self, Report};
use super::notification::Circuit;
use super::{Condition, Generation, Meta, Plan, Time};

/// The one name of an OrderPlatform.
pub const NAME: &str = "default";

/// The most orders that may be under way to their payment, and placed a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Limits {
    pub pending: Option<usize>,
    pub per_second: Option<usize>,
}

impl Limits {
    /// How many more fit now, with so many placed and not paid, and so many placed in the last second.
    pub fn room(self, in_flight: usize, recent: usize) -> usize {
        let left = |limit: Option<usize>, used| limit.map_or(usize::MAX, |limit: usize| limit.saturating_sub(used));
        left(self.pending, in_flight).min(left(self.per_second, recent))
    }
}

/// How full the platform is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Crowd {
    pub limits: Limits,
    /// The number being served.
    pub serving: i64,
    /// When it last moved.
    pub served_at: Option<Time>,
    /// How many orders were called and wait for something else, such as a kitchen.
    pub parked: usize,
    /// Numbers of the orders that are not placed, in order.
    pub waiting: Vec<i64>,
    /// How many orders are placed, not paid, and not on their way back.
    pub in_flight: usize,
    /// When these were placed; filled where there is a limit a second. Who is paid within the second is missing here: the
    /// limit is soft.
    pub placed: Vec<Time>,
}

/// Whether the platform lets an order in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    Open,
    /// It is full: the order takes this number.
    Full(i64),
    /// The order's number has not come up.
    Waiting,
}

impl Crowd {
    /// How many more fit now, those who were called and are not placed yet counted.
    fn room(&self, now: Time) -> usize {
        let recent = self.placed.iter().filter(|at| now.since(**at) < BEAT).count();
        // Who was called and does not come, for whatever reason, takes nobody's place for long.
        let fresh = self.served_at.is_some_and(|at| now.since(at) < KEPT);
        let called = self.waiting.iter().filter(|number| fresh && **number <= self.serving).count();
        let called = called.saturating_sub(self.parked);
        self.limits.room(self.in_flight + called, recent + called)
    }

    /// Whether an order with this number, or none, is let in: first those that have waited longer.
    pub fn gate(&self, number: Option<i64>, now: Time) -> Gate {
        if self.limits == Limits::default() {
            return Gate::Open;
        }
        if let Some(number) = number {
            return if number <= self.serving { Gate::Open } else { Gate::Waiting };
        }
        let last = self.waiting.last().copied().unwrap_or(0).max(self.serving);
        if last <= self.serving && self.room(now) > 0 { Gate::Open } else { Gate::Full(last + 1) }
    }
}

/// Observed state of an OrderPlatform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The generation of the spec that this status is about; -1 until a controller has looked at it.
    pub observed_generation: Generation,
    /// The queue number being served: orders with it or a lower one go on.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub serving: i64,
    /// When that number last moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

/// What a decision about an OrderPlatform looks at.
#[derive(Clone, Debug)]
pub struct Observed {
    pub meta: Meta,
    pub crowd: Crowd,
    /// Whether there is an endpoint for customers' notices, and how that does.
    pub circuit: Option<Circuit>,
    pub status: Status,
}

/// The beat of the limit a second.
const BEAT: Duration = Duration::from_secs(1);
/// How long after the last call a place is kept for an order that was called.
const KEPT: Duration = Duration::from_secs(60);

/// What to do about an OrderPlatform.
pub fn decide(seen: &Observed, now: Time) -> Plan<Status> {
    if seen.meta.deleting.is_some() {
        return Plan::rest();
    }
    if seen.meta.name != NAME {
        return misnamed(seen, now);
    }
    let (mut status, generation) = (seen.status.clone(), seen.meta.generation);
    let crowd = &seen.crowd;
    let queue: Vec<i64> = crowd.waiting.iter().copied().filter(|number| *number > status.serving).collect();
    let beat_over = status.served_at.is_none_or(|at| now.since(at) >= BEAT) || crowd.limits.per_second.is_none();
    let admitted = if beat_over { crowd.room(now).min(queue.len()) } else { 0 };
    if let Some(last) = admitted.checked_sub(1).and_then(|last| queue.get(last)) {
        (status.serving, status.served_at) = (*last, Some(now));
    }
    let left = queue.len() - admitted;
    let report = Report::Ready { ready: true, reason: "Serving", message: String::new() };
    status.conditions = conditions::conditions(&seen.status.conditions, report, generation, now);
    let circuit = seen.circuit.as_ref().map(|circuit| circuit.condition(&seen.status.conditions, generation, now));
    status.conditions.extend(circuit);
    status.observed_generation = generation;
    let plan = if status == seen.status { Plan::rest() } else { Plan::write(status) };
    Plan { next: (left > 0).then(|| now.after(BEAT)), ..plan }
}

/// Another name than the one that is read would be ignored in silence.
fn misnamed(seen: &Observed, now: Time) -> Plan<Status> {
    let message = format!("metadata.name: only the OrderPlatform named {NAME} counts.");
    let report = Report::Ready { ready: false, reason: "Ignored", message };
    let conditions = conditions::conditions(&seen.status.conditions, report, seen.meta.generation, now);
    let wanted = Status { observed_generation: seen.meta.generation, conditions, ..seen.status.clone() };
    if wanted == seen.status { Plan::rest() } else { Plan::write(wanted) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(waiting: Vec<i64>, in_flight: usize) -> Observed {
        let now = Time::from_millis(0);
        let limits = Limits { pending: Some(3), per_second: None };
        Observed {
            meta: Meta::sample(NAME, 1, now),
            crowd: Crowd { limits, waiting, in_flight, ..Crowd::default() },
            circuit: None,
            status: Status::default(),
        }
    }

    fn serve(seen: &mut Observed, now: Time) {
        if let Some(status) = decide(seen, now).status {
            (seen.crowd.serving, seen.crowd.served_at, seen.status) = (status.serving, status.served_at, status);
        }
    }

    #[test]
    fn a_newcomer_takes_a_number_where_others_wait_or_nothing_is_free() {
        let now = Time::from_millis(5_000);
        let mut crowd = seen(vec![], 2).crowd;
        assert_eq!(crowd.gate(None, now), Gate::Open);
        crowd.in_flight = 3;
        assert_eq!(crowd.gate(None, now), Gate::Full(1));
        crowd.waiting = vec![1];
        crowd.in_flight = 0;
        assert_eq!((crowd.gate(None, now), crowd.gate(Some(1), now)), (Gate::Full(2), Gate::Waiting));
        crowd.serving = 1;
        assert_eq!((crowd.gate(None, now), crowd.gate(Some(1), now)), (Gate::Open, Gate::Open));
        crowd.limits = Limits { pending: None, per_second: Some(2) };
        crowd.waiting.clear();
        crowd.placed = vec![now, Time::from_millis(3_000)];
        assert_eq!(crowd.gate(None, now), Gate::Open);
        crowd.placed.push(now);
        assert_eq!(crowd.gate(None, now), Gate::Full(2));
    }

    #[test]
    fn numbers_are_served_in_order_as_there_is_room() {
        let now = Time::from_millis(5_000);
        let mut seen = seen(vec![1, 2, 3, 4, 5], 1);
        serve(&mut seen, now);
        assert_eq!(seen.status.serving, 2, "one is under way, two are called");
        assert!(decide(&seen, now).status.is_none(), "those who were called count until they are placed");
        seen.crowd.waiting = vec![3, 4, 5];
        seen.crowd.in_flight = 3;
        assert!(decide(&seen, now).status.is_none(), "full");
        seen.crowd.in_flight = 2;
        assert_eq!(decide(&seen, now).status.unwrap().serving, 3);
        seen.crowd.limits = Limits::default();
        assert_eq!(decide(&seen, now).status.unwrap().serving, 5, "without limits nobody waits");
    }

    #[test]
    fn a_number_that_was_called_holds_its_place_for_a_moment_only() {
        let mut seen = seen(vec![1, 2, 3, 4], 0);
        let called = Time::from_millis(5_000);
        serve(&mut seen, called);
        assert_eq!(seen.status.serving, 3);
        assert!(decide(&seen, called.after(KEPT - Duration::from_millis(1))).status.is_none());
        assert_eq!(
            decide(&seen, called.after(KEPT)).status.unwrap().serving,
            4,
            "those who were called wait elsewhere"
        );
    }

    #[test]
    fn who_was_called_and_waits_elsewhere_takes_no_place() {
        let mut seen = seen((1..=100).collect(), 0);
        seen.crowd.limits = Limits { pending: None, per_second: Some(10) };
        let mut now = Time::from_millis(5_000);
        serve(&mut seen, now);
        // The ten that were called wait for their kitchen; all who come later are placed at once.
        seen.crowd.parked = 10;
        for round in 2..=8 {
            now = now.after(BEAT);
            serve(&mut seen, now);
            assert_eq!(seen.status.serving, round * 10);
            seen.crowd.waiting.retain(|number| *number <= 10 || *number > seen.status.serving);
        }
    }

    #[test]
    fn a_crowd_that_is_placed_slowly_is_not_called_again_and_again() {
        let mut seen = seen((1..=5_000).collect(), 0);
        seen.crowd.limits = Limits { pending: Some(500), per_second: None };
        // Three of those who were called are placed in each tenth of a second, and none is paid.
        for tenth in 0..160 {
            serve(&mut seen, Time::from_millis(tenth * 100));
            let placed: Vec<i64> = seen.crowd.waiting.drain(..3).collect();
            assert!(placed.iter().all(|number| *number <= seen.status.serving));
            seen.crowd.in_flight += 3;
            let called = seen.crowd.waiting.iter().filter(|number| **number <= seen.status.serving).count();
            assert!(called + seen.crowd.in_flight <= 500, "{called} called at {tenth}");
        }
    }

    #[test]
    fn without_limits_nobody_waits_for_a_number() {
        let mut crowd = seen(vec![7], 0).crowd;
        let now = Time::from_millis(5_000);
        assert_eq!(crowd.gate(Some(7), now), Gate::Waiting);
        crowd.limits = Limits::default();
        assert_eq!(crowd.gate(Some(7), now), Gate::Open, "not even who has one already");
    }

    #[test]
    fn so_many_a_second_and_no_more() {
        let mut seen = seen((1..=100).collect(), 0);
        seen.crowd.limits = Limits { pending: None, per_second: Some(10) };
        let mut served = Vec::new();
        for tenth in 0..30 {
            let now = Time::from_millis(tenth * 100);
            serve(&mut seen, now);
            seen.crowd.waiting.retain(|number| *number > seen.crowd.serving);
            served.push(seen.status.serving);
        }
        assert_eq!((served[0], served[9], served[10], served[29]), (10, 10, 20, 30));
    }

    #[test]
    fn a_platform_of_another_name_says_that_it_does_not_count() {
        let mut seen = seen(vec![], 0);
        seen.meta.name = "other".into();
        let status = decide(&seen, Time::from_millis(0)).status.unwrap();
        assert_eq!(status.conditions[0].reason, "Ignored");
    }
}
