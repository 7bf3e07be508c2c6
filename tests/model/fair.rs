//! Liveness: from every state on, once faults stop and actors have acted or deadlines have passed, every order ends,
//! money and stock are what the ends say, and then nothing is written any more.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use super::checks;
use super::config::{Config, Deed};
use super::deeds;
use super::objects::Id;
use super::state::{Left, State};
use super::steps::{self, Mode};

/// What actors do when they do what is expected of them.
const EXPECTED: [Deed; 7] =
    [Deed::EndpointUp, Deed::Accept, Deed::Start, Deed::Finish, Deed::PickUp, Deed::Deliver, Deed::Confirm];
/// Rounds in which everything must have come to rest, and ticks in which an order must have ended.
const ROUNDS: usize = 60;
const TICKS: usize = 12;

/// The states from which everything is known to end well.
#[derive(Default)]
pub struct Known(Mutex<HashSet<u64>>);

/// The property that a state's future violates, if one is.
pub fn verdict(config: &Config, known: &Known, state: &State) -> Option<&'static str> {
    let mut from = State {
        cells: state.cells[..2 * state.objects()].to_vec(),
        flights: vec![Vec::new()],
        delayed: None,
        left: Left::default(),
        past: state.past.clone(),
        ..*state
    };
    catch_up(&mut from);
    from.age();
    from.renumber();
    let idle = config.deadline.is_some().then(|| ends(config, known, from.clone(), false)).flatten();
    idle.or_else(|| ends(config, known, from, true))
}

fn ends(config: &Config, known: &Known, mut state: State, actors: bool) -> Option<&'static str> {
    let mut passed = Vec::new();
    for _ in 0..TICKS {
        loop {
            catch_up(&mut state);
            state.renumber();
            let mark = mark(&state, actors);
            if known.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&mark) {
                return remember(known, passed);
            }
            passed.push(mark);
            if !rest(config, &mut state) {
                return Some("quiet_is_silent");
            }
            let over = (0..config.orders).all(|number| checks::is_over(&state, number));
            let acts = EXPECTED.iter().filter(|deed| actors || **deed == Deed::EndpointUp);
            let acted = acts.flat_map(|deed| (0..config.orders).map(move |number| (*deed, number)));
            let next = acted.filter(|_| !over).find_map(|(deed, number)| deeds::act(config, &state, deed, number));
            match next {
                Some(next) => state = next,
                None if over => {
                    return silent(config, state).or_else(|| remember(known, passed));
                }
                None => break,
            }
        }
        tick(&mut state);
    }
    Some("every_order_ends")
}

fn remember(known: &Known, passed: Vec<u64>) -> Option<&'static str> {
    known.0.lock().unwrap_or_else(PoisonError::into_inner).extend(passed);
    None
}

fn mark(state: &State, actors: bool) -> u64 {
    let mut hasher = DefaultHasher::new();
    (state, actors).hash(&mut hasher);
    hasher.finish()
}

fn tick(state: &mut State) {
    state.clock += 1;
    state.age();
}

fn catch_up(state: &mut State) {
    for id in 0..state.objects() {
        let cell = *state.server(id);
        if steps::lags(state, 0, id) {
            steps::learn(state, 0, id, cell);
        }
    }
}

/// Reconciles everything until nothing changes; false where that has no end.
fn rest(config: &Config, state: &mut State) -> bool {
    for _ in 0..ROUNDS {
        let mut changed = false;
        for id in 0..state.objects() {
            changed |= reconcile(config, state, id);
        }
        if !changed {
            return true;
        }
    }
    false
}

/// One whole reconcile; whether it changed anything that is stored, or outside.
fn reconcile(config: &Config, state: &mut State, id: Id) -> bool {
    let before = state.cells[..state.objects()].to_vec();
    let outside = state.past.clone();
    for _ in 0..24 {
        let Some(next) = steps::go(config, state, 0, id, Mode::Well) else { break };
        *state = next;
        if state.flights[0].is_empty() {
            break;
        }
    }
    state.flights[0].clear();
    catch_up(state);
    before != state.cells[..state.objects()] || outside != state.past
}

/// What the ends say is so, and then nothing is written.
fn silent(config: &Config, mut state: State) -> Option<&'static str> {
    state.endpoint = true;
    for _ in 0..3 {
        tick(&mut state);
        if !rest(config, &mut state) {
            return Some("quiet_is_silent");
        }
    }
    if let Some(violated) = checks::adds_up(config, &state) {
        return Some(violated);
    }
    let before = state.cells[..state.objects()].to_vec();
    tick(&mut state);
    let quiet = rest(config, &mut state) && before == state.cells[..state.objects()];
    (!quiet).then_some("quiet_is_silent")
}
