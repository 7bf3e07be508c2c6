//! The shipped observing beside the model's copy of it: both must see the same, in every state of many seeded walks
//! through every configuration, in every pass that begins there or is under way.

use std::collections::BTreeMap;

use jumun::controllers::delivery::Deliveries;
use jumun::controllers::notification::Notifications;
use jumun::controllers::order::Orders;
use jumun::controllers::payment::Payments;
use jumun::controllers::product::Products;
use jumun::controllers::ticket::Tickets;
use jumun::controllers::wallet::Wallets;
use jumun::domain::Kind;
use stateright::Model;

use super::configs;
use super::explore::Explored;
use super::objects::kind;
use super::observe::View;
use super::state::Flight;

/// How many walks are compared in each configuration, and how long one is.
const WALKS: u64 = 12;
const LENGTH: usize = 80;

/// What both see of every object that the replica may take up, or goes on with. Where they differ on purpose the copy is
/// brought to what ships; each difference is one that no decision of the model looks at.
fn compare(view: &View) -> Option<(String, String)> {
    let id = view.pass.root;
    let (ships, copy) = match kind(id) {
        Kind::Order => {
            let (ships, mut copy) = (view.ships::<Orders>(), view.order(id));
            for (ships, copy) in ships.iter().zip(&mut copy) {
                // What the model holds constant counts as read; that it was matters only where a provider is missing.
                copy.platform.afresh = ships.platform.afresh;
                // Asked only of an order that is being deleted.
                copy.view_shows_end &= copy.meta.deleting.is_some();
                // The copy takes a change of the Payment for a person's step, whose wait the model sets to nothing.
                copy.stepped = ships.stepped;
            }
            (format!("{ships:?}"), format!("{copy:?}"))
        }
        Kind::Payment => (format!("{:?}", view.ships::<Payments>()), format!("{:?}", view.payment(id))),
        Kind::Ticket => (format!("{:?}", view.ships::<Tickets>()), format!("{:?}", view.ticket(id))),
        Kind::Delivery => (format!("{:?}", view.ships::<Deliveries>()), format!("{:?}", view.delivery(id))),
        Kind::Notification => {
            let (ships, mut copy) = (view.ships::<Notifications>(), view.notice(id));
            for (ships, copy) in ships.iter().zip(&mut copy) {
                // Who else sends is told by Leases, which no cache of objects holds.
                (copy.company, copy.me) = (ships.company, ships.me.clone());
                // The copy has no breaker: it stays closed below five failures, and then nobody asks who probes.
                if !ships.circuit.is_open() {
                    (copy.circuit, copy.is_probe) = (ships.circuit.clone(), ships.is_probe);
                }
            }
            (format!("{ships:?}"), format!("{copy:?}"))
        }
        Kind::Product => (format!("{:?}", view.ships::<Products>()), format!("{:?}", view.product())),
        Kind::Wallet => (format!("{:?}", view.ships::<Wallets>()), format!("{:?}", view.wallet())),
        _ => return None,
    };
    (ships != copy).then_some((ships, copy))
}

#[test]
fn the_shipped_observing_sees_what_the_copy_does() {
    let (mut seen, mut differ) = (0, BTreeMap::new());
    for config in configs::all(false) {
        let model = Explored::new(&config);
        for walk in 0..WALKS {
            let (mut random, mut state) = (walk.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, model.init_states().remove(0));
            for _ in 0..LENGTH {
                for replica in 0..state.replicas() {
                    let fresh = (0..state.objects()).map(|root| Flight { root, ..Flight::default() });
                    for pass in fresh.chain(state.flights[replica].clone()) {
                        let view = View { config: &config, state: &state, replica, pass: &pass };
                        if let Some(both) = compare(&view) {
                            differ.entry(format!("{} {}, walk {walk}", kind(pass.root), config.name)).or_insert(both);
                        }
                        seen += usize::from(state.cached(replica, pass.root).slot().is_some());
                    }
                }
                // Of what can happen, one thing, by the numbers of a xorshift generator.
                let mut next = model.next_steps(&state);
                if next.is_empty() {
                    break;
                }
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let chosen = usize::try_from(random % next.len() as u64).unwrap_or_default();
                state = next.swap_remove(chosen).1;
            }
        }
    }
    println!("{seen} observations compared");
    assert!(differ.is_empty(), "what ships, and the copy: {differ:#?}");
    assert!(seen > 10_000, "only {seen}");
}
