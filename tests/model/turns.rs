//! Turns, explored: the shipped controllers of the OrderPlatform and of who is let in, run by two replicas whose caches
//! lag, object by object. Orders come, copy their numbers, are placed and pay, in every interleaving.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use jumun::cluster::{EVERY, Key};
use jumun::controllers::Controller;
use jumun::controllers::order::Orders;
use jumun::controllers::platform::OrderPlatforms;
use jumun::domain::platform::{self, Gate, Limits, Status};
use jumun::domain::{Case, Intent, Kind, Plan, Policy, Time, Version};
use jumun::world::LiveReads;
use stateright::{Checker, HasDiscoveries, Model, Property};

use super::objects::hash;
use super::town::{Known, Side, Town, number, time, uid};
use super::versions::NAMESPACE;

/// Deliberate faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fault {
    None,
    /// Orders take the next number that they do not see taken.
    OrdersNumberThemselves,
    /// Whoever has a number at or below the one that is served is let in.
    ServingLetsIn,
    /// More are called than there is room for.
    ServesAhead,
    /// A turn leaves as soon as its order is seen placed.
    TurnsLeaveEarly,
    /// The platform is written whatever it has become.
    NoGuards,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Come(usize),
    SeePlatform(usize),
    See(usize, usize),
    Serve(usize),
    Knock(usize, usize),
    Pay(usize),
    Tick,
}

#[derive(Clone)]
struct Turns {
    name: &'static str,
    orders: usize,
    limits: Limits,
    ticks: u8,
    fault: Fault,
}

impl Turns {
    /// The platform's controller, live reads included.
    fn serve(&self, town: &mut Town, replica: usize) {
        let mut reads = Vec::new();
        for _ in 0..4 {
            let plan = self.decided(&town.replicas[replica], town.clock, &reads);
            if plan.intents.is_empty() {
                return self.write(town, replica, plan.status.clone());
            }
            for intent in &plan.intents {
                let (name, read) = match intent {
                    Intent::ReadAfresh { name, .. } => (name.as_str(), number(name)..number(name) + 1),
                    _ => (EVERY, 0..self.orders),
                };
                reads.push(name.to_owned());
                read.for_each(|order| town.replicas[replica].orders[order] = town.server.orders[order].clone());
            }
        }
    }

    /// What is decided about the platform that this replica sees, after these live reads: once for the same.
    fn decided(&self, side: &Side, clock: u8, reads: &[String]) -> Rc<Plan<Status>> {
        let known = hash(&(self.fault, self.limits, side, clock, reads));
        if let Some(plan) = PLANS.with_borrow(|plans| plans.get(&known).cloned()) {
            return plan;
        }
        let (mut live, now) = (LiveReads::default(), time(clock));
        reads.iter().for_each(|name| live.note(Kind::Order, name, Version(1), now));
        let key = Key::new(NAMESPACE, platform::NAME);
        let mut seen = OrderPlatforms::observe(&side.caches(self.limits), &key, &live).expect("a platform");
        if self.fault == Fault::ServesAhead {
            seen.backlog.limits.pending = seen.backlog.limits.pending.map(|limit| limit + 1);
        }
        let plan = Rc::new(platform::decide(&Case { seen: &seen, now, policy: &Policy::default() }));
        PLANS.with_borrow_mut(|plans| plans.insert(known, plan.clone()));
        plan
    }

    /// How an order finds the platform's gate that this replica sees: once for the same.
    fn gate(&self, side: &Side, clock: u8, order: usize) -> Gate {
        let known = hash(&(self.limits, side, clock, order));
        if let Some(gate) = GATES.with_borrow(|gates| gates.get(&known).copied()) {
            return gate;
        }
        let key = Key::new(NAMESPACE, &order.to_string());
        let seen = Orders::observe(&side.caches(self.limits), &key, &LiveReads::default()).expect("an order");
        let gate = seen.platform.queue.gate(seen.status.queue_number, time(clock));
        GATES.with_borrow_mut(|gates| gates.insert(known, gate));
        gate
    }

    fn write(&self, town: &mut Town, replica: usize, status: Option<Status>) {
        let Some(mut status) = status else { return };
        let guarded = town.replicas[replica].platform == town.server.platform;
        if !guarded && self.fault != Fault::NoGuards {
            // Refused: the platform is read afresh.
            town.replicas[replica].platform = town.server.platform.clone();
            return;
        }
        if self.fault == Fault::TurnsLeaveEarly {
            let placed = |order: usize| town.replicas[replica].orders[order].placed.is_some();
            status.turns.retain(|turn| !placed(number(&turn.name)));
        }
        town.server.platform = status.clone();
        town.replicas[replica].platform = status;
    }

    /// The order's controller.
    fn knock(&self, town: &mut Town, replica: usize, order: usize) {
        let side = &town.replicas[replica];
        let seen = side.orders[order].clone();
        if !seen.come || seen.placed.is_some() {
            return;
        }
        let highest = side.orders.iter().filter_map(|order| order.number).max().unwrap_or(0);
        let gate = match (self.fault, seen.number) {
            (Fault::OrdersNumberThemselves, None) => Gate::Numbered(highest + 1),
            (Fault::ServingLetsIn, Some(number)) if number <= side.platform.serving => Gate::Open(Some(number)),
            _ => self.gate(side, town.clock, order),
        };
        let mut wanted = seen.clone();
        match gate {
            Gate::Open(number) => (wanted.number, wanted.placed) = (number, Some(town.clock)),
            Gate::Numbered(number) => wanted.number = Some(number),
            Gate::Waiting(_) | Gate::Unnumbered => return,
        }
        if town.server.orders[order] == seen {
            town.server.orders[order] = wanted;
        }
        town.replicas[replica].orders[order] = town.server.orders[order].clone();
    }

    /// Whether everybody is placed once nothing lags any more and everybody who is placed pays.
    fn all_are_placed(&self, from: &Town) -> bool {
        let mut town = from.clone();
        town.server.orders.iter_mut().for_each(|order| order.come = true);
        for _ in 0..8 * self.orders {
            town.replicas[0] = town.server.clone();
            self.serve(&mut town, 0);
            for order in 0..self.orders {
                town.replicas[0] = town.server.clone();
                self.knock(&mut town, 0, order);
            }
            for order in town.server.orders.iter_mut().filter(|order| order.placed.is_some() && !order.paid) {
                order.paid = true;
            }
            town.clock += 1;
        }
        town.server.orders.iter().all(|order| order.placed.is_some())
    }
}

thread_local! {
    static PLANS: RefCell<HashMap<u64, Rc<Plan<Status>>>> = RefCell::default();
    static GATES: RefCell<HashMap<u64, Gate>> = RefCell::default();
}

fn never_more_than_the_limit(model: &Turns, town: &Town) -> bool {
    let placed: Vec<&Known> = town.server.orders.iter().filter(|order| order.placed.is_some()).collect();
    let pending = placed.iter().filter(|order| !order.paid).count();
    let within = |at: Time| {
        let since = |order: &&&Known| {
            order.placed.map(time).is_some_and(|other| other >= at && other.since(at) < Duration::from_secs(1))
        };
        placed.iter().filter(since).count()
    };
    let a_second = placed.iter().filter_map(|order| order.placed).map(|at| within(time(at))).max().unwrap_or(0);
    model.limits.pending.is_none_or(|limit| pending <= limit)
        && model.limits.per_second.is_none_or(|limit| a_second <= limit)
}

fn numbers_are_unique_and_nobody_is_placed_without_one(_: &Turns, town: &Town) -> bool {
    let numbers: Vec<i64> = town.server.orders.iter().filter_map(|order| order.number).collect();
    let turns = &town.server.platform.turns;
    let clash = |turn: &platform::Turn| {
        let others = town.server.orders.iter().enumerate().filter(|(order, _)| turn.order != uid(*order));
        others.filter_map(|(_, known)| known.number).any(|number| number == turn.number)
    };
    let unique = numbers.iter().collect::<std::collections::HashSet<_>>().len() == numbers.len();
    let numbered = town.server.orders.iter().all(|order| order.placed.is_none() || order.number.is_some());
    unique && numbered && !turns.iter().any(clash)
}

impl Model for Turns {
    type State = Town;
    type Action = Action;

    fn init_states(&self) -> Vec<Town> {
        let side = Side { orders: vec![Known::default(); self.orders], ..Side::default() };
        vec![Town { server: side.clone(), replicas: vec![side.clone(), side], clock: 0 }]
    }

    fn actions(&self, town: &Town, actions: &mut Vec<Action>) {
        for order in 0..self.orders {
            let known = &town.server.orders[order];
            match (known.come, known.placed, known.paid) {
                (false, _, _) => actions.push(Action::Come(order)),
                (_, Some(_), false) => actions.push(Action::Pay(order)),
                _ => {}
            }
        }
        for (replica, side) in town.replicas.iter().enumerate() {
            if side.platform != town.server.platform {
                actions.push(Action::SeePlatform(replica));
            }
            actions.push(Action::Serve(replica));
            for order in 0..self.orders {
                if side.orders[order] != town.server.orders[order] {
                    actions.push(Action::See(replica, order));
                }
                actions.push(Action::Knock(replica, order));
            }
        }
        if town.clock < self.ticks {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, from: &Town, action: Action) -> Option<Town> {
        let mut town = from.clone();
        match action {
            Action::Come(order) => town.server.orders[order].come = true,
            Action::SeePlatform(replica) => {
                town.replicas[replica].platform = town.server.platform.clone();
            }
            Action::See(replica, order) => {
                town.replicas[replica].orders[order] = town.server.orders[order].clone();
            }
            Action::Serve(replica) => self.serve(&mut town, replica),
            Action::Knock(replica, order) => self.knock(&mut town, replica, order),
            Action::Pay(order) => {
                town.server.orders[order].paid = true;
            }
            Action::Tick => town.clock += 1,
        }
        (town != *from).then_some(town)
    }

    /// A replica that never catches up hands out numbers for ever: a few more than there are orders show all that matters.
    fn within_boundary(&self, town: &Town) -> bool {
        town.server.platform.issued.unwrap_or(0) <= i64::try_from(self.orders).unwrap_or(i64::MAX) + 1
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("never_more_than_the_limit", never_more_than_the_limit),
            Property::always("numbers_are_unique", numbers_are_unique_and_nobody_is_placed_without_one),
            Property::always("everybody_is_placed", |model: &Self, town: &Town| model.all_are_placed(town)),
        ]
    }
}

/// Unique states, and what does not hold, with how it came to that.
fn explore(model: &Turns) -> (usize, Option<(&'static str, String)>) {
    let checker = model.clone().checker().threads(2).target_state_count(6_000_000);
    let checker = checker.finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let failure = checker.discoveries().into_iter().next().map(|(name, path)| {
        let actions: Vec<String> = path.into_actions().iter().map(|action| format!("  {action:?}")).collect();
        (name, actions.join("\n"))
    });
    assert!(failure.is_some() || checker.state_count() < 6_000_000, "{} is not explored whole", model.name);
    (checker.unique_state_count(), failure)
}

const PENDING: Limits = Limits { pending: Some(1), per_second: None };
const A_SECOND: Limits = Limits { pending: None, per_second: Some(1) };

#[test]
fn turns_are_turns_in_every_interleaving() {
    let some = |name, orders, limits, ticks| Turns { name, orders, limits, ticks, fault: Fault::None };
    for model in [
        some("two orders, one pending", 2, PENDING, 0),
        some("two orders, one a second", 2, A_SECOND, 3),
        some("two orders, both limits", 2, Limits { pending: Some(1), per_second: Some(1) }, 2),
    ] {
        let (states, failure) = explore(&model);
        println!("{:32} {states:>10} states", model.name);
        if let Some((name, trace)) = failure {
            panic!("{}: {name} does not hold after\n{trace}", model.name);
        }
    }
}

#[test]
fn every_fault_of_turns_is_caught() {
    for fault in [
        Fault::OrdersNumberThemselves,
        Fault::ServingLetsIn,
        Fault::ServesAhead,
        Fault::TurnsLeaveEarly,
        Fault::NoGuards,
    ] {
        let caught = [2, 3].into_iter().find_map(|orders| {
            let model = Turns { name: "a fault", orders, limits: PENDING, ticks: 0, fault };
            explore(&model).1
        });
        let (name, _) = caught.unwrap_or_else(|| panic!("{fault:?} is not caught"));
        println!("{:24} {name}", format!("{fault:?}"));
    }
}
