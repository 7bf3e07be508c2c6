//! The model itself: what can happen in a state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jumun::domain::{Generation, order, product, wallet};
use stateright::{Model, Property};

use super::checks;
use super::config::{Config, Deed, start};
use super::counters::{Race, count};
use super::deeds;
use super::fair::{Known, verdict};
use super::objects::{self, Body, FIRST, Fields, Id, Kept, PRODUCT, WALLET, kind};
use super::server::Answer;
use super::state::{Cell, FOREIGN, Op, Past, Slot, State};
use super::steps::{self, ARRIVAL_LIMIT, Mode};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A replica's watch delivers the newest version of an object.
    Sync(usize, Id),
    /// A replica takes an object up, or goes on with it.
    Go(usize, Id, Mode),
    /// What is left of a plan is dropped.
    Drop(usize, Id),
    /// A replica dies and starts anew: it lists everything.
    Restart(usize),
    /// The request that is on its way arrives.
    Land,
    Act(Deed, usize),
    Tick,
}

/// A configuration, and what is known of it.
#[derive(Clone)]
pub struct Explored {
    pub config: Arc<Config>,
    pub known: Arc<Known>,
}

impl Explored {
    pub fn new(config: &Config) -> Self {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        Self { config: Arc::new(Config { serial, ..config.clone() }), known: Arc::default() }
    }

    /// The property that fails in a state, if one does.
    pub fn violated(&self, state: &State) -> Option<&'static str> {
        let failing = ALWAYS.iter().find(|(_, holds)| !holds(&self.config, state)).map(|(name, _)| *name);
        failing.or_else(|| verdict(&self.config, &self.known, state))
    }

    fn fresh(&self, fields: Fields, has_finalizer: bool) -> Cell {
        let ledger = matches!(fields, Fields::Product { .. } | Fields::Wallet { .. });
        let mark = if ledger && self.config.foreign { FOREIGN } else { 0 };
        let body =
            Kept::new(Body { generation: Generation(1), created: start(), deleting: None, has_finalizer, fields });
        Cell::At(Slot { body, version: 1, mark, nth: 0, new: false })
    }

    /// Brings every cache up to date of which the configuration says that it does not lag.
    fn deliver(&self, state: &mut State) {
        for replica in 0..state.replicas() {
            for id in 0..state.objects() {
                if !self.config.lag.contains(&kind(id)) && steps::lags(state, replica, id) {
                    let cell = *state.server(id);
                    steps::learn(state, replica, id, cell);
                }
            }
        }
    }

    fn next(&self, state: &State, action: &Action) -> Option<State> {
        let config = &self.config;
        if let Action::Go(replica, id, mode) = *action {
            return steps::go(config, state, replica, id, mode).map(|next| self.canonical(state, next));
        }
        let mut next = state.clone();
        match *action {
            Action::Sync(replica, id) => {
                let cell = *state.server(id);
                steps::learn(&mut next, replica, id, cell);
            }
            Action::Go(..) => {}
            Action::Drop(replica, id) => {
                next.left.drops -= 1;
                next.flights[replica].retain(|flight| flight.root != id);
            }
            Action::Restart(replica) => {
                next.left.restarts -= 1;
                next.flights[replica].clear();
                next.past.iter_mut().for_each(|past| past.taken[replica] = 0);
                for id in 0..next.objects() {
                    next.cache(replica, id, Cell::Never);
                    let cell = *next.server(id);
                    steps::learn(&mut next, replica, id, cell);
                }
            }
            Action::Land => land(config, &mut next)?,
            Action::Act(deed, number) => next = deeds::act(config, state, deed, number)?,
            Action::Tick => {
                next.clock += 1;
                next.age();
                let clock = next.clock;
                let late = |step: &super::state::Step| config.age(step.decided, clock) > ARRIVAL_LIMIT;
                if next.delayed.as_ref().is_some_and(|step| !matches!(step.op, Op::Call(_)) && late(step)) {
                    next.delayed = None;
                }
            }
        }
        Some(self.canonical(state, next))
    }

    /// Brings a new state into its one form.
    fn canonical(&self, state: &State, mut next: State) -> State {
        if state.delayed.is_some() && next.delayed.is_some() {
            let children = FIRST..next.objects();
            let removed = |id: Id| state.stored(id).is_some() && next.stored(id).is_none();
            if children.into_iter().any(removed) {
                count(Race::RemovedMeanwhile);
            }
        }
        self.deliver(&mut next);
        next.renumber();
        next
    }
}

/// The delayed request arrives.
fn land(config: &Config, state: &mut State) -> Option<()> {
    let step = state.delayed.take()?;
    count(Race::DelayedLands);
    if let Op::Call(call) = &step.op {
        steps::provide(config, state, &step, call, false);
        return Some(());
    }
    if let Op::Send(..) = &step.op {
        steps::tell(config, state, &step);
        return Some(());
    }
    let answer = steps::put(config, state, &step);
    if answer == Answer::Conflict && matches!(step.op, Op::Create(_)) {
        count(Race::DelayedCreateRefused);
    }
    Some(())
}

type Holds = fn(&Config, &State) -> bool;

/// What holds in every state by itself.
pub const ALWAYS: [(&str, Holds); 16] = [
    ("money_is_conserved", checks::money_is_conserved),
    ("stock_is_conserved", checks::stock_is_conserved),
    ("charged_at_most_once", checks::charged_at_most_once),
    ("refunded_at_most_once", checks::refunded_at_most_once),
    ("refund_never_exceeds_charge", checks::refund_never_exceeds_charge),
    ("no_delivery_without_payment", checks::no_delivery_without_payment),
    ("never_delivered_and_refunded", checks::never_delivered_and_refunded),
    ("completed_means_delivered", checks::completed_means_delivered),
    ("terminal_is_final", checks::terminal_is_final),
    ("one_child_per_role", checks::one_child_per_role),
    ("hold_is_never_lifted", checks::hold_is_never_lifted),
    ("nothing_undone_before_the_required_notice", checks::nothing_undone_before_the_required_notice),
    ("undone_in_order", checks::undone_in_order),
    ("what_is_missing_is_waited_for", checks::what_is_missing_is_waited_for),
    ("told_after_it_is_so", checks::told_after_it_is_so),
    ("each_notice_once", checks::each_notice_once),
];

impl Model for Explored {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let config = &self.config;
        let mut cells = vec![Cell::Never; FIRST + objects::EACH * config.orders];
        cells[PRODUCT] = self.fresh(Fields::Product { status: product::Status::default() }, true);
        cells[WALLET] = self.fresh(Fields::Wallet { status: wallet::Status::default() }, true);
        for number in 0..config.orders {
            let fields = Fields::Order { cancel: false, status: order::Status::default() };
            cells[objects::order(number)] = self.fresh(fields, config.has_finalizer);
        }
        let server = cells.clone();
        (0..config.replicas).for_each(|_| cells.extend(server.clone()));
        let mut state = State {
            cells,
            flights: vec![Vec::new(); config.replicas],
            delayed: None,
            clock: 0,
            left: config.left,
            endpoint: !config.endpoint_down,
            store: !config.store_missing,
            broken: false,
            past: vec![Past::default(); config.orders],
        };
        state.renumber();
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let config = &self.config;
        for replica in 0..state.replicas() {
            for id in 0..state.objects() {
                if steps::lags(state, replica, id) {
                    actions.push(Action::Sync(replica, id));
                }
                let flights = &state.flights[replica];
                let flies = flights.iter().any(|flight| flight.root == id);
                let seen = state.cached(replica, id).slot().is_some();
                let works = replica == 0 || config.others.contains(&kind(id));
                if flies || (seen && works && flights.len() < config.workers) {
                    actions.push(Action::Go(replica, id, Mode::Well));
                    if state.left.delays > 0 && state.delayed.is_none() {
                        actions.push(Action::Go(replica, id, Mode::Delayed));
                    }
                    if config.provider && kind(id) == jumun::domain::Kind::Payment {
                        actions
                            .extend([Mode::Lost, Mode::Late, Mode::Declined].map(|mode| Action::Go(replica, id, mode)));
                    }
                }
                if flies && state.left.drops > 0 {
                    actions.push(Action::Drop(replica, id));
                }
            }
            if state.left.restarts > 0 {
                actions.push(Action::Restart(replica));
            }
        }
        if state.delayed.is_some() {
            actions.push(Action::Land);
        }
        for deed in config.deeds {
            (0..config.orders).for_each(|number| actions.push(Action::Act(*deed, number)));
        }
        if usize::from(state.clock) < config.ticks.len() {
            actions.push(Action::Tick);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        self.next(state, &action).filter(|next| next != state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        macro_rules! always {
            ($($name:ident),+ $(,)?) => {
                vec![$(Property::always(stringify!($name), |model: &Self, state: &State| {
                    checks::$name(&model.config, state)
                })),+]
            };
        }
        let mut all = always!(
            money_is_conserved,
            stock_is_conserved,
            charged_at_most_once,
            refunded_at_most_once,
            refund_never_exceeds_charge,
            no_delivery_without_payment,
            never_delivered_and_refunded,
            completed_means_delivered,
            terminal_is_final,
            one_child_per_role,
            hold_is_never_lifted,
            nothing_undone_before_the_required_notice,
            undone_in_order,
            what_is_missing_is_waited_for,
            told_after_it_is_so,
            each_notice_once,
        );
        all.push(Property::always("every_order_ends", |model, state| {
            verdict(&model.config, &model.known, state).is_none()
        }));
        all
    }
}
