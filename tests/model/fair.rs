//! Liveness: from every state on, once faults stop and actors have acted or deadlines have passed, every order ends,
//! money and stock are what the ends say, every row comes to show it, and then nothing is written any more.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::checks;
use super::config::{Config, Deed};
use super::deeds;
use super::objects::{Id, hash};
use super::rows::{self, Bodies};
use super::state::{Left, State};
use super::steps::{self, Mode};

/// What actors do when they do what is expected of them.
const EXPECTED: [Deed; 8] = [
    Deed::EndpointUp,
    Deed::StoreAppears,
    Deed::Accept,
    Deed::Start,
    Deed::Finish,
    Deed::PickUp,
    Deed::Deliver,
    Deed::Confirm,
];
/// Rounds in which everything must have come to rest, and ticks in which an order must have ended.
const ROUNDS: usize = 60;
const TICKS: usize = 12;

/// What is known already.
#[derive(Default)]
pub struct Known(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    /// The states from which everything ends well, and in which of the ends.
    states: HashMap<u64, u32>,
    ends: Vec<Vec<Bodies>>,
    numbers: HashMap<Vec<Bodies>, u32>,
    /// The rows and ends of which it is known that one comes to show the other.
    rows: HashSet<u64>,
}

impl Known {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers an end; gives its number.
    fn end(&self, state: &State) -> u32 {
        let (mut memory, end) = (self.memory(), rows::all(state));
        if let Some(number) = memory.numbers.get(&end) {
            return *number;
        }
        let number = u32::try_from(memory.ends.len()).unwrap_or(u32::MAX);
        memory.numbers.insert(end.clone(), number);
        memory.ends.push(end);
        number
    }

    fn remember(&self, states: Vec<u64>, end: u32) -> Result<u32, &'static str> {
        self.memory().states.extend(states.into_iter().map(|state| (state, end)));
        Ok(end)
    }
}

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
    let idle = config.deadline.is_some().then(|| ends(config, known, from.clone(), false));
    let reached = [idle, Some(ends(config, known, from, true))];
    reached.into_iter().flatten().find_map(|end| match end {
        Ok(end) => follows(config, known, state, end),
        Err(violated) => Some(violated),
    })
}

/// Whether every row that a replica could write in this state comes to show the end.
fn follows(config: &Config, known: &Known, state: &State, end: u32) -> Option<&'static str> {
    for number in 0..config.orders {
        for replica in 0..state.replicas() {
            let from = rows::bodies(state.row(replica), number);
            let now = rows::bodies(&state.cells[..state.objects()], number);
            let question = rows::question(&from, &now).rotate_left(1);
            if from != now && !known.memory().rows.contains(&question) {
                if !rows::never_steps_back(config, number, &from, &now) {
                    return Some("rows_never_step_back");
                }
                known.memory().rows.insert(question);
            }
            let to = known.memory().ends[end as usize][number];
            let question = rows::question(&from, &to);
            if known.memory().rows.contains(&question) {
                continue;
            }
            if !rows::converges(config, number, &from, &to) {
                return Some("view_converges");
            }
            known.memory().rows.insert(question);
        }
    }
    None
}

/// The end that a state comes to, or what does not hold on the way. Many states come to the same one within a round or two,
/// so that each round asks whether the rest of the way is known.
fn ends(config: &Config, known: &Known, mut state: State, actors: bool) -> Result<u32, &'static str> {
    let mut passed = Vec::new();
    for _ in 0..TICKS {
        let mut rounds = 0;
        loop {
            catch_up(&mut state);
            state.renumber();
            let mark = mark(&state, actors);
            let end = known.memory().states.get(&mark).copied();
            if let Some(end) = end {
                return known.remember(passed, end);
            }
            passed.push(mark);
            if round(config, &mut state) {
                rounds += 1;
                if rounds == ROUNDS {
                    return Err("quiet_is_silent");
                }
                continue;
            }
            rounds = 0;
            let over = (0..config.orders).all(|number| checks::is_over(&state, number));
            let acts = EXPECTED.iter().filter(|deed| actors || **deed == Deed::EndpointUp);
            let acted = acts.flat_map(|deed| (0..config.orders).map(move |number| (*deed, number)));
            let next = acted.filter(|_| !over).find_map(|(deed, number)| deeds::act(config, &state, deed, number));
            match next {
                Some(next) => state = next,
                None if over => {
                    let end = silent(config, state)?;
                    return known.remember(passed, known.end(&end));
                }
                None => break,
            }
        }
        tick(&mut state);
    }
    Err("every_order_ends")
}

fn mark(state: &State, actors: bool) -> u64 {
    hash(&(state, actors))
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
    (0..ROUNDS).any(|_| !round(config, state))
}

/// Reconciles everything once; whether that changed anything.
fn round(config: &Config, state: &mut State) -> bool {
    (0..state.objects()).fold(false, |changed, id| reconcile(config, state, id) | changed)
}

/// One whole reconcile; whether it changed anything that is stored, or outside.
fn reconcile(config: &Config, state: &mut State, id: Id) -> bool {
    let Some(mut after) = steps::go(config, state, 0, id, Mode::Well) else { return false };
    for _ in 1..24 {
        if after.flights[0].is_empty() {
            break;
        }
        let Some(next) = steps::go(config, &after, 0, id, Mode::Well) else { break };
        after = next;
    }
    after.flights[0].clear();
    catch_up(&mut after);
    let changed = state.cells[..state.objects()] != after.cells[..after.objects()] || state.past != after.past;
    *state = after;
    changed
}

/// What the ends say is so, and then nothing is written: gives what stands then.
fn silent(config: &Config, mut state: State) -> Result<State, &'static str> {
    state.endpoint = true;
    for _ in 0..3 {
        tick(&mut state);
        if !rest(config, &mut state) {
            return Err("quiet_is_silent");
        }
    }
    if let Some(violated) = checks::adds_up(config, &state) {
        return Err(violated);
    }
    let before = state.cells[..state.objects()].to_vec();
    tick(&mut state);
    let quiet = rest(config, &mut state) && before == state.cells[..state.objects()];
    if quiet { Ok(state) } else { Err("quiet_is_silent") }
}
