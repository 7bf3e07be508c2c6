//! Every deliberate fault, and the small configuration that catches it.

use jumun::domain::Kind;
use jumun::domain::store::{CutOff, Fulfilment};

use super::config::{Config, Deed};
use super::mutations::Mutation;
use super::state::Left;

const NOTHING: Left = Left { restarts: 0, drops: 0, delays: 0, lost: 0, deletions: 0 };
const DELETIONS: &[Deed] = &[Deed::Cancel, Deed::DeleteOrder, Deed::DeletePayment, Deed::DeleteDelivery];

/// Every fault with the configuration in which it is looked for.
pub fn all() -> Vec<Config> {
    let plain = Config::plain("warehouse");
    let two = Config {
        replicas: 2,
        ticks: &[10],
        lag: &[Kind::Order, Kind::Payment, Kind::Delivery],
        ..Config::plain("two replicas")
    };
    let ledgers = Config { name: "two replicas, no actors", deeds: &[], ..two.clone() };
    let much_later = Config { ticks: &[10], ..Config::plain("warehouse, later") };
    let removal = Config {
        replicas: 2,
        ticks: &[4_000],
        lag: &[Kind::Order],
        deeds: &[Deed::Cancel, Deed::DeletePayment],
        left: Left { deletions: 1, ..NOTHING },
        ..Config::plain("a child removed")
    };
    let kitchen = Config {
        fulfilment: Fulfilment::Kitchen,
        until: CutOff::CookingStarts,
        deeds: &[Deed::Cancel, Deed::Start, Deed::Finish, Deed::PickUp, Deed::Deliver],
        ..Config::plain("kitchen")
    };
    let late = Config { left: Left { delays: 1, ..NOTHING }, ..Config::plain("a delayed request") };
    let late_kitchen = Config { name: "kitchen, a delayed request", left: late.left, ..kitchen.clone() };
    let provider = Config {
        provider: true,
        ticks: &[10],
        left: Left { delays: 1, lost: 1, ..NOTHING },
        ..Config::plain("provider")
    };
    let notice = Config { required: true, endpoint_down: true, ticks: &[10], ..Config::plain("required notice") };
    let frozen = Config {
        name: "a child removed while frozen",
        stock: 0,
        ticks: &[200, 4_000],
        lag: &[Kind::Order, Kind::Product],
        deeds: &[Deed::DeletePayment],
        others: &[Kind::Order],
        ..removal.clone()
    };
    let deletion = Config {
        deeds: DELETIONS,
        lag: &[],
        left: Left { deletions: 1, delays: 1, ..NOTHING },
        ..Config::plain("deletion")
    };
    let without_finalizer = Config {
        has_finalizer: false,
        deeds: DELETIONS,
        left: Left { deletions: 1, ..NOTHING },
        ..Config::plain("no finalizer")
    };
    let early = Config {
        store_missing: true,
        ticks: &[20, 50],
        deeds: &[Deed::StoreAppears],
        ..Config::plain("an order before its store")
    };
    let senders = Config {
        required: true,
        replicas: 2,
        others: &[Kind::Notification],
        lag: &[Kind::Notification],
        deeds: &[Deed::Cancel],
        ticks: &[40],
        left: Left { delays: 1, ..NOTHING },
        ..Config::plain("two senders")
    };
    let foreign = Config { foreign: true, ticks: &[10], ..Config::plain("marks of another history") };
    let gone = Config {
        deeds: &[Deed::PickUp, Deed::Deliver, Deed::RemoveOrder],
        left: Left { deletions: 1, ..NOTHING },
        ..Config::plain("removed before its end")
    };
    // The second order's write is what lets the first one's entry leave its ledger.
    let forgotten = Config {
        orders: 2,
        deeds: &[Deed::DeleteOrder],
        lag: &[],
        left: Left { deletions: 1, restarts: 1, ..NOTHING },
        ..Config::plain("removed while nobody looks")
    };
    let dies = Config { left: Left { drops: 1, ..NOTHING }, workers: 1, ..Config::plain("a crash") };
    [
        (Mutation::NoMark, &ledgers),
        (Mutation::TrustsForeignMark, &foreign),
        (Mutation::AbsenceIsProof, &two),
        (Mutation::RequesterTakenForGone, &ledgers),
        (Mutation::RefundBeforeHold, &plain),
        (Mutation::NeverHolds, &plain),
        (Mutation::EndsUnanswered, &plain),
        (Mutation::VoidDoesNotBind, &provider),
        (Mutation::LiftsHold, &two),
        (Mutation::NeverLooksAfresh, &removal),
        (Mutation::OldReads, &frozen),
        (Mutation::NoGuards, &two),
        (Mutation::NoLinger, &deletion),
        (Mutation::ReleasesEarly, &plain),
        (Mutation::HoldsTwice, &plain),
        (Mutation::ReleasesOnlyHeld, &much_later),
        (Mutation::NoTicketBehindUndo, &late_kitchen),
        (Mutation::NoDeliveryBehindUndo, &late),
        (Mutation::RecallsEarly, &plain),
        (Mutation::ApprovesUnanswered, &plain),
        (Mutation::ShipsUnpaid, &plain),
        (Mutation::NotFoundIsCancelled, &provider),
        (Mutation::SilenceIsDecline, &provider),
        (Mutation::SkipsNotice, &notice),
        (Mutation::ServeWithoutFinalizer, &without_finalizer),
        (Mutation::ChargesTwice, &plain),
        (Mutation::CompletesUndelivered, &plain),
        (Mutation::StatusFirst, &dies),
        (Mutation::CreateReplaces, &late),
        (Mutation::NoRules, &plain),
        (Mutation::EndIsReopened, &plain),
        (Mutation::OrderLetGo, &deletion),
        (Mutation::NoPaymentBehindUndo, &late),
        (Mutation::AbsenceIsFinal, &early),
        (Mutation::SendsUnclaimed, &senders),
        (Mutation::SendsLate, &senders),
        (Mutation::TellsEarly, &senders),
        (Mutation::RemovedTakenForEnded, &gone),
        (Mutation::RemovedUnheld, &gone),
        (Mutation::RowTakenAtItsWord, &forgotten),
        (Mutation::RowStandsStill, &plain),
        (Mutation::RowFreezesEarly, &plain),
        (Mutation::RowFromOldSources, &plain),
    ]
    .into_iter()
    .map(|(mutation, config)| Config { mutation, ..config.clone() })
    .collect()
}
