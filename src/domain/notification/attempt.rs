//! One attempt: whether there is something to tell yet, whether the endpoint can be called at all, and who of several
//! processes does it.

use std::time::Duration;

use super::super::{Case, Effect, Intent, OwnerState, Plan};
use super::types::{Audience, Claim, Company, Endpoint, Message, Observed, Status, Topic};

/// For how long an attempt is claimed.
const CLAIM: Duration = Duration::from_secs(30);
/// A call that begins so long before its claim is over ends before that, by every clock.
const CALL: Duration = Duration::from_secs(15);
/// Whether there is anybody else is asked again after so long.
const UNSURE: Duration = Duration::from_millis(250);

/// Whether what it tells is so: the end of an order is told once it is written, and that a wish was refused, too.
pub(super) fn is_so(seen: &Observed) -> bool {
    let over = matches!(seen.owner, OwnerState::Ended(_) | OwnerState::Gone(_));
    match seen.content.topic {
        Topic::CancelRefused => over || seen.wish_refused,
        Topic::DeliveryCancelled | Topic::Undone => over,
        Topic::Placed
        | Topic::DeliveryReady
        | Topic::PickedUp
        | Topic::Delivered
        | Topic::Confirmed
        | Topic::CancelRequested => true,
    }
}

/// Why its endpoint cannot be called before a person has done something, and what.
pub(super) fn unreachable(seen: &Observed) -> Option<(&'static str, String)> {
    let store = &seen.content.store;
    match (&seen.endpoint, seen.content.to) {
        (Endpoint::Ready, _) => None,
        (Endpoint::StoreGone, _) => {
            let message =
                format!("Store {store} is gone: create it again, with a notify.url at which its seller is told.");
            Some(("StoreGone", message))
        }
        (Endpoint::Absent, Audience::Seller) => {
            Some(("NoEndpoint", format!("Store {store} has no notify.url: set it.")))
        }
        (Endpoint::Absent, Audience::Customer) => {
            Some(("NoEndpoint", "The OrderPlatform has no notifications.customers.url: set it.".to_owned()))
        }
        (Endpoint::Barred(why), _) => {
            let cure = "change it, or admit its host in the OrderPlatform's egress.allowedHosts";
            let endpoint = seen.content.endpoint();
            Some(("EndpointNotAllowed", format!("The {endpoint} may not be called ({why}): {cure}.")))
        }
    }
}

/// Sends it; where others may do the same, claims the attempt first.
pub(super) fn attempt(case: &Case<Observed>) -> Plan<Status> {
    let seen = case.seen;
    let claim = seen.status.claim.as_ref();
    if let Some(other) = claim.filter(|claim| claim.by != seen.me && case.now < claim.until) {
        return Plan::wait_until(other.until);
    }
    let mine = claim.filter(|claim| claim.by == seen.me).map(|claim| claim.until.before(CALL));
    let by = match (seen.company, mine) {
        (Company::Unsure, _) => return Plan::wait_until(case.now.after(UNSURE)),
        (Company::Alone, _) => None,
        (Company::Several, Some(by)) if case.now <= by => Some(by),
        (Company::Several, _) => {
            let claim = Claim { by: seen.me.clone(), until: case.now.after(CLAIM) };
            // At once: a claim that is used too late would be claimed again, and again.
            return Plan { next: Some(case.now), ..Plan::write(Status { claim: Some(claim), ..seen.status.clone() }) };
        }
    };
    let (content, id) = (seen.content.clone(), Message::id(&seen.content.order, &seen.meta.name));
    Plan::only(Intent::CallOutside(Effect::Notice(Message { id, created: seen.meta.created, content, by })))
}
