//! How often the races that the design decides were met.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Race {
    /// A write met another version than the one it named.
    Conflict,
    /// A hold met a child that an actor had changed.
    HoldTooLate,
    /// An actor's step came after the hold.
    StepRefused,
    /// A ledger saw an old version of a requester that it had settled.
    SettledRequesterSeenOld,
    /// A delayed request was executed.
    DelayedLands,
    /// A delayed creation met the object that stands in its way.
    DelayedCreateRefused,
    /// A child was removed while a request was on its way.
    RemovedMeanwhile,
    /// A charge came after the void.
    LateChargeBound,
    /// A wish came too late.
    WishRefused,
}

pub const RACES: [Race; 9] = [
    Race::Conflict,
    Race::HoldTooLate,
    Race::StepRefused,
    Race::SettledRequesterSeenOld,
    Race::DelayedLands,
    Race::DelayedCreateRefused,
    Race::RemovedMeanwhile,
    Race::LateChargeBound,
    Race::WishRefused,
];

static MET: [AtomicU64; RACES.len()] = [const { AtomicU64::new(0) }; RACES.len()];

/// Counts one.
pub fn count(race: Race) {
    MET[race as usize].fetch_add(1, Ordering::Relaxed);
}

/// How often a race was met.
pub fn met(race: Race) -> u64 {
    MET[race as usize].load(Ordering::Relaxed)
}
