//! What the operator makes of one order: observes and decides as its controllers do, about the order and whatever it
//! concerns, and executes nothing.

use kube::ResourceExt;
use serde_json::Value;

use crate::cluster::diff::merge_patch;
use crate::cluster::watch::Feed;
use crate::cluster::{Key, Watched};
use crate::crd::Order;
use crate::domain::{Case, Condition, Intent, Kind, Policy, Time, conditions, denial, platform};
use crate::kinds::kinds;
use crate::world::{LiveReads, World};

use super::controller::{Controller, Observation};

/// So often a decision may ask for a live read.
const ROUNDS: usize = 12;

/// What is made of one object.
#[derive(Debug)]
pub struct Explanation {
    pub kind: Kind,
    pub name: String,
    /// Its state, where it has one, or what is wrong with it.
    pub state: Option<String>,
    /// What it waits for or needs, in the words of its conditions.
    pub says: Vec<String>,
    /// What would be done now, in order.
    pub intents: Vec<String>,
    /// What would be written into its status.
    pub status: Option<Value>,
    /// When it is looked at again even if nothing changes.
    pub next: Option<Time>,
    /// Everything that the decision looked at.
    pub observed: String,
}

/// The order of this name and whatever it concerns, the order first; nothing where there is no such order.
pub fn explain(world: &World, namespace: &str, name: &str, now: Time) -> Option<Vec<Explanation>> {
    let key = Key::new(namespace, name);
    if let Some(why) = world.unreadable(Kind::Order, &key) {
        return Some(vec![blank(Kind::Order, name, why)]);
    }
    let order = world.orders.get(&key)?.object;
    let uid = order.metadata.uid.as_deref().unwrap_or_default();
    let mut all: Vec<(Kind, Key)> = Vec::new();
    for kind in Kind::ALL {
        all.extend(world.parts(kind, namespace, uid).into_iter().map(|key| (kind, key)));
    }
    for (kind, name) in refers_to(&order) {
        let named = (kind, Key::new(namespace, &name));
        if !all.contains(&named) {
            all.push(named);
        }
    }
    Some(all.iter().map(|(kind, key)| look_at(world, *kind, key, now)).collect())
}

/// What an order needs by name, its row first.
fn refers_to(order: &Order) -> Vec<(Kind, String)> {
    let spec = &order.spec;
    let mut all = vec![(Kind::OrderView, order.name_any()), (Kind::Store, spec.store.clone())];
    all.extend(spec.items.iter().map(|item| (Kind::Product, item.product.clone())));
    all.extend(spec.payment.wallet.iter().map(|wallet| (Kind::Wallet, wallet.clone())));
    all.push((Kind::OrderPlatform, platform::NAME.to_owned()));
    all
}

macro_rules! look_at {
    ([] $($kind:ident $field:ident $module:ident::$controller:ident;)+) => {
        /// What is made of one object, whichever kind it is of.
        fn look_at(world: &World, kind: Kind, key: &Key, now: Time) -> Explanation {
            match kind {
                $(Kind::$kind => look::<super::$module::$controller>(world, key, now),)+
            }
        }
    };
}

kinds!(look_at);

/// What is made of one object. A live read that a decision asks for is answered by what stands: it was read just now.
fn look<C: Controller>(world: &World, key: &Key, now: Time) -> Explanation {
    let (kind, name) = (C::Root::KIND, &*key.name);
    if let Some(why) = world.unreadable(kind, key) {
        return blank(kind, name, why);
    }
    let object = C::Root::cache(world).get(key).and_then(|seen| serde_json::to_value(&*seen.object).ok());
    let mut live = LiveReads::default();
    for _ in 0..ROUNDS {
        let Some(mut observed) = C::observe(world, key, &live) else { break };
        observed.conditions().and_then(denial::take);
        live.fits(observed.version());
        let plan = C::decide(&Case { seen: &observed, now, policy: &Policy::default() });
        let mut news = false;
        for intent in &plan.intents {
            if let Intent::ReadAfresh { kind, name } = intent
                && live.read(*kind, name).is_none()
            {
                live.note(*kind, name, world.server.history.heard(*kind), now);
                news = true;
            }
        }
        if news {
            continue;
        }
        let before = observed.seen().and_then(|(_, status)| serde_json::to_value(status).ok());
        let after = plan.status.as_ref().and_then(|status| serde_json::to_value(status).ok());
        let object = object.unwrap_or_default();
        return Explanation {
            kind,
            name: name.to_owned(),
            state: state_of(&object),
            says: waits(&object),
            intents: plan.intents.iter().map(ToString::to_string).collect(),
            status: before.zip(after).and_then(|(before, after)| merge_patch(&before, &after)),
            next: plan.next,
            observed: format!("{observed:#?}"),
        };
    }
    let there = if object.is_some() { "nothing is decided about it" } else { "it is not there" };
    blank(kind, name, there.to_owned())
}

fn blank(kind: Kind, name: &str, state: String) -> Explanation {
    Explanation {
        kind,
        name: name.to_owned(),
        state: Some(state),
        says: Vec::new(),
        intents: Vec::new(),
        status: None,
        next: None,
        observed: String::new(),
    }
}

/// The state of an object: rows show that of their order, deliveries on their way how far the courier is.
fn state_of(object: &Value) -> Option<String> {
    let found =
        ["/status/state", "/status/order", "/spec/progress"].into_iter().find_map(|at| object.pointer(at)?.as_str());
    found.filter(|state| !state.is_empty()).map(str::to_owned)
}

/// What an object waits for or needs, as its conditions say.
fn waits(object: &Value) -> Vec<String> {
    let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
    let conditions = conditions.into_iter().flatten().filter_map(|found| serde_json::from_value(found.clone()).ok());
    let open = |condition: &Condition| match &*condition.type_ {
        conditions::READY => condition.status != conditions::Truth::True,
        conditions::SUCCEEDED => condition.status == conditions::Truth::False && !condition.message.is_empty(),
        _ => condition.status == conditions::Truth::True,
    };
    conditions.filter(open).map(|condition: Condition| sentence(&condition)).collect()
}

fn sentence(condition: &Condition) -> String {
    format!("{} {}: {}", condition.type_, condition.reason, condition.message)
}
