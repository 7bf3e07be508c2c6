//! One replica executes a plan: a step at a time, the status last (`src/controllers/driver.rs`).

use jumun::domain::Kind;
use jumun::domain::provider::{Call, Reply};

use super::config::Config;
use super::counters::{Race, count};
use super::decide::decided;
use super::mutations::Mutation;
use super::objects::{EVERY, Fields, Id, is_row, kind, notices, number, order};
use super::server::{self, Answer};
use super::state::{Cell, Flight, Op, Provider, Slot, State, Step};

/// No decision is acted on, and no read relied on, that is older than this.
const DECISION_LIMIT: u64 = 60;
/// What is not claimed is sent right after it was decided.
const FROZEN: u64 = 3;
/// No request arrives later than this after it was decided: the limit and the longest call.
pub const ARRIVAL_LIMIT: u64 = 70;

/// What happens to the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// It is executed and answered.
    Well,
    /// It is on its way, and executed later or never; its plan is dropped.
    Delayed,
    /// A provider's reply is lost.
    Lost,
    /// A provider gets the call later; what it replies is unknown.
    Late,
    /// A provider declines.
    Declined,
}

/// Takes up an object, or goes on with the reconcile of it that is under way.
pub fn go(config: &Config, from: &State, replica: usize, id: Id, mode: Mode) -> Option<State> {
    let place = from.flights[replica].iter().position(|flight| flight.root == id);
    let mut flight = place.map_or_else(Flight::default, |place| from.flights[replica][place].clone());
    flight.root = id;
    let mut informs = flight.steps.first().is_some_and(|step| matches!(step.op, Op::Read | Op::ReadOrders));
    let rest = |flight: Option<Flight>| {
        let mut state = from.clone();
        if let Some(place) = place {
            state.flights[replica].remove(place);
        }
        match flight {
            Some(flight) => keep(state, replica, flight),
            None => state,
        }
    };
    if flight.steps.is_empty() {
        let version = from.cached(replica, id).slot().map_or(0, |slot| slot.version);
        let empty = flight.reads.is_empty() && flight.replies.is_empty() && flight.told.is_none();
        let old = |read: &(Id, u16, u8)| config.age(read.2, from.clock) > DECISION_LIMIT;
        let expired = config.mutation != Mutation::OldReads && flight.reads.iter().any(old);
        if (!empty && flight.version != version) || expired {
            flight = Flight { root: id, ..Flight::default() };
        }
        flight.version = version;
        let Some(plan) = decided(config, from, replica, &flight) else {
            // Nothing is left to do; a reconcile that was under way is over.
            return (place.is_some() && mode == Mode::Well).then(|| rest(None));
        };
        (flight.steps, informs) = (plan.0.clone(), plan.1);
    }
    let step = flight.steps.remove(0);
    if config.age(step.decided, from.clock) > DECISION_LIMIT {
        flight.steps.clear();
        return (mode == Mode::Well).then(|| rest(Some(flight)));
    }
    execute(config, rest(None), replica, flight, step, mode, informs)
}

fn keep(mut state: State, replica: usize, flight: Flight) -> State {
    let flights = &mut state.flights[replica];
    flights.push(flight);
    flights.sort_by_key(|flight| flight.root);
    state
}

fn execute(
    config: &Config,
    mut state: State,
    replica: usize,
    mut flight: Flight,
    step: Step,
    mode: Mode,
    informs: bool,
) -> Option<State> {
    match (&step.op, mode) {
        // What a row shows is a matter of what has happened to its order; that it was read is what counts.
        (Op::Read, Mode::Well) if is_row(step.id) => flight.reads.push((step.id, 1, state.clock)),
        (Op::Read, Mode::Well) => {
            let mark = state.cached(replica, flight.root).slot().map_or(0, |slot| slot.mark);
            if state.cached(replica, step.id).slot().is_some_and(|slot| slot.version <= mark) {
                count(Race::SettledRequesterSeenOld);
            }
            read(&mut state, replica, &mut flight, step.id);
        }
        (Op::ReadOrders, Mode::Well) => {
            for number in 0..config.orders {
                let cell = *state.server(order(number));
                if cell.slot().is_some() {
                    learn(&mut state, replica, order(number), cell);
                }
            }
            let version = state.next_version(EVERY);
            flight.reads.push((EVERY, version, state.clock));
        }
        (Op::Call(call), _) => {
            let reply = ask(config, &mut state, &step, call, mode)?;
            flight.replies.retain(|(other, _)| other != call);
            flight.replies.push((call.clone(), reply));
        }
        (Op::Send(..), Mode::Well) => flight.told = tell(config, &mut state, &step),
        (Op::Read | Op::ReadOrders, _) | (_, Mode::Lost | Mode::Late | Mode::Declined) => return None,
        (_, Mode::Delayed) => {
            if state.left.delays == 0 || state.delayed.is_some() {
                return None;
            }
            state.left.delays -= 1;
            state.delayed = Some(Box::new(step));
            return Some(state);
        }
        (_, Mode::Well) => match put(config, &mut state, &step) {
            Answer::Written => {
                let cell = *state.server(step.id);
                if cell.slot().is_some() {
                    learn(&mut state, replica, step.id, cell);
                }
            }
            Answer::Conflict => {
                let holds = matches!(step.op, Op::HoldTicket(_) | Op::HoldDelivery(_));
                count(if holds { Race::HoldTooLate } else { Race::Conflict });
                flight.steps.clear();
                read(&mut state, replica, &mut flight, step.id);
                return Some(keep(state, replica, flight));
            }
            Answer::Invalid => return Some(state),
        },
    }
    let over = flight.steps.is_empty() && !informs && !matches!(step.op, Op::Call(_) | Op::Send(..));
    Some(if over { state } else { keep(state, replica, flight) })
}

/// Carries a write out, as the configuration's API server does.
pub fn put(config: &Config, state: &mut State, step: &Step) -> Answer {
    let rules = !matches!(config.mutation, Mutation::NoRules | Mutation::LiftsHold | Mutation::EndIsReopened);
    let guards = config.mutation != Mutation::NoGuards;
    if config.mutation == Mutation::CreateReplaces
        && matches!(step.op, Op::Create(_))
        && let Cell::At(slot) = *state.server(step.id)
    {
        state.cells[step.id] = Cell::Gone { nth: slot.nth, version: slot.version, noticed: 0, tells: true };
    }
    server::write(state, step, rules, guards, config.time(state.clock))
}

/// A call to an endpoint begins, unless it is too late for that, or the replica knows that the message was taken; gives
/// whether it is.
pub fn tell(config: &Config, state: &mut State, step: &Step) -> Option<bool> {
    let Op::Send(replica, by) = step.op else { return None };
    let now = config.now(state.clock, replica);
    let in_time = by.map_or(config.age(step.decided, state.clock) <= FROZEN, |by| now <= by);
    if !in_time && config.mutation != Mutation::SendsLate {
        return None;
    }
    let place = step.id - notices(number(step.id)).start;
    let claimed = state.stored(step.id).and_then(|slot| match &slot.body.fields {
        Fields::Notice { status, .. } => status.claim.as_ref(),
        _ => None,
    });
    let others = claimed.is_some_and(|claim| claim.by != format!("jumun-{replica}") && now < claim.until);
    let endpoint = state.endpoint;
    let past = &mut state.past[number(step.id)];
    if past.taken[replica] & (1 << place) != 0 {
        return Some(true);
    }
    past.overlapped |= others;
    if endpoint {
        past.sent[place] = (past.sent[place] + 1).min(4);
        past.taken[replica] |= 1 << place;
    }
    Some(endpoint)
}

/// A live read: a list of one, which has a version even where it finds nothing.
fn read(state: &mut State, replica: usize, flight: &mut Flight, id: Id) {
    let version = state.next_version(id);
    flight.reads.retain(|read| read.0 != id);
    flight.reads.push((id, version, state.clock));
    flight.reads.sort_unstable();
    match (*state.server(id), *state.cached(replica, id)) {
        (Cell::At(slot), _) => learn(state, replica, id, Cell::At(slot)),
        (_, Cell::At(Slot { nth, body, .. })) => {
            let tells = matches!(&body.fields, Fields::Order { status, .. } if status.ended_at.is_some());
            let noticed = state.clock;
            state.cache(replica, id, Cell::Gone { nth, version, noticed, tells });
        }
        (_, Cell::Never) if kind(id) == Kind::Order => {
            let noticed = state.clock;
            state.cache(replica, id, Cell::Gone { nth: 0, version, noticed, tells: false });
        }
        _ => {}
    }
}

/// A cache takes a newer version; an older one it drops.
pub fn learn(state: &mut State, replica: usize, id: Id, cell: Cell) {
    match (cell, *state.cached(replica, id)) {
        (Cell::At(new), Cell::At(old)) if (old.nth, old.version) == (new.nth, new.version) => {}
        (Cell::At(slot), _) => state.cache(replica, id, Cell::At(Slot { new: true, ..slot })),
        (Cell::Gone { nth, version, .. }, Cell::At(_)) => {
            let noticed = state.clock;
            state.cache(replica, id, Cell::Gone { nth, version, noticed, tells: true });
        }
        _ => {}
    }
}

/// Whether the watch has something to deliver.
pub fn lags(state: &State, replica: usize, id: Id) -> bool {
    match (state.server(id), state.cached(replica, id)) {
        (Cell::At(new), Cell::At(old)) => (new.nth, new.version) != (old.nth, old.version),
        (Cell::At(_), _) | (Cell::Gone { .. }, Cell::At(_)) => true,
        _ => false,
    }
}

/// A call to the payment provider.
fn ask(config: &Config, state: &mut State, step: &Step, call: &Call, mode: Mode) -> Option<Reply> {
    let unknown = Reply::Unknown { why: "no answer".to_owned() };
    match mode {
        Mode::Well => Some(provide(config, state, step, call, false)),
        Mode::Declined => {
            let fresh = state.past[number(step.id)].provider == Provider::Unknown;
            let asked = config.declines && fresh && matches!(call, Call::Charge { .. });
            asked.then(|| provide(config, state, step, call, true))
        }
        Mode::Lost => {
            state.left.lost = state.left.lost.checked_sub(1)?;
            provide(config, state, step, call, false);
            Some(unknown)
        }
        Mode::Late if state.delayed.is_none() && !matches!(call, Call::LookUp) => {
            state.left.delays = state.left.delays.checked_sub(1)?;
            state.delayed = Some(Box::new(step.clone()));
            Some(unknown)
        }
        Mode::Late | Mode::Delayed => None,
    }
}

/// What the provider does and says: `docs/payment-provider.md`.
pub fn provide(config: &Config, state: &mut State, step: &Step, call: &Call, declines: bool) -> Reply {
    let past = &mut state.past[number(step.id)];
    match (call, past.provider) {
        (Call::Charge { .. }, Provider::Unknown) if declines => past.provider = Provider::Declined,
        (Call::Charge { .. }, Provider::Unknown) => {
            past.provider = Provider::Charged;
            past.charges = (past.charges + 1).min(3);
        }
        (Call::Charge { .. }, Provider::Voided | Provider::Refunded) => count(Race::LateChargeBound),
        (Call::Void, Provider::Charged) => {
            past.provider = Provider::Refunded;
            past.refunds = (past.refunds + 1).min(3);
        }
        (Call::Void, Provider::Unknown) if config.mutation == Mutation::VoidDoesNotBind => return Reply::Voided,
        (Call::Void, Provider::Unknown | Provider::Declined) => past.provider = Provider::Voided,
        _ => {}
    }
    match past.provider {
        Provider::Unknown => Reply::NotFound,
        Provider::Charged => Reply::Charged,
        Provider::Declined => Reply::Declined { reason: "Declined".to_owned() },
        Provider::Refunded => Reply::Refunded,
        Provider::Voided => Reply::Voided,
    }
}
