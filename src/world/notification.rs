//! Notifications: found by the endpoint that they wait for; a change of one concerns its order, and whoever waits for the
//! same endpoint.

use super::mapping::{By, Found, Mapping, ON_ITS_WAY};
use crate::cluster::Watched;
use crate::crd::Notification;
use crate::domain::notification::{Audience, Status};
use crate::domain::{Kind, Time, platform};

/// What a notification that waits is found by: the endpoint of a store, or, without a name, that of customers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NotificationIndex {
    /// It was not attempted yet.
    Untried(Option<String>),
    /// An attempt has failed.
    Failing(Option<String>),
    /// Attempted or not, an undo may wait for it; those are found here alone.
    Required(Option<String>),
}

impl Watched for Notification {
    const KIND: Kind = Kind::Notification;
    type Index = NotificationIndex;

    fn index(&self) -> Vec<NotificationIndex> {
        if self.is_over() {
            return Vec::new();
        }
        let endpoint = self.endpoint();
        match self.attempts() {
            _ if self.refused_at().is_some() => Vec::new(),
            _ if self.spec.required => vec![NotificationIndex::Required(endpoint)],
            0 => vec![NotificationIndex::Untried(endpoint)],
            _ => vec![NotificationIndex::Failing(endpoint)],
        }
    }

    fn part_of(&self) -> Option<&str> {
        Some(&self.spec.order.uid)
    }

    fn transform(&mut self) {
        self.status.iter_mut().for_each(|status| status.conditions.shrink_to_fit());
    }

    fn mark(&self) -> Option<(NotificationIndex, Time)> {
        Some((NotificationIndex::Failing(self.endpoint()), self.status.as_ref()?.answered_at()?))
    }
}

impl Mapping for Notification {
    fn enqueues_found(old: Option<&Self>, new: Option<&Self>) -> Vec<Found> {
        if let Some(one) = old.filter(|old| !old.is_over() && new.is_none_or(Self::is_over)) {
            // A success closes the breaker, and a probe that is gone leaves its place: whoever waited behind it goes. One
            // that never waited concerns the next alone: there is no breaker, or the next one concerns the others.
            let waited = one.status.as_ref().is_some_and(|status| status.state.is_some());
            return if waited { waiting(&one.endpoint()).into() } else { next(&one.endpoint()).into() };
        }
        let Some(one) = new.filter(|new| new.attempts() > old.map_or(0, Self::attempts)) else { return Vec::new() };
        match (one.refused_at(), old.and_then(Self::refused_at)) {
            // The probe has failed: the next one is another.
            (None, _) => next(&one.endpoint()).into(),
            // It was refused, which shows that the endpoint is well.
            (Some(_), None) => waiting(&one.endpoint()).into(),
            (Some(_), Some(_)) => Vec::new(),
        }
    }

    fn hastens(_new: Option<&Self>) -> &'static [Kind] {
        ON_ITS_WAY
    }

    fn enqueues(name: &str, old: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let Some(one) = new.or(old) else { return Vec::new() };
        let endpoint_of = match one.spec.to {
            Audience::Seller => (Kind::Store, one.spec.store.clone()),
            Audience::Customer => (Kind::OrderPlatform, platform::NAME.to_owned()),
        };
        vec![(Kind::Notification, name.to_owned()), (Kind::Order, one.spec.order.name.clone()), endpoint_of]
    }
}

impl Notification {
    /// Whether it waits for nothing any more.
    fn is_over(&self) -> bool {
        self.status.as_ref().is_some_and(Status::is_final) || self.metadata.deletion_timestamp.is_some()
    }

    fn refused_at(&self) -> Option<Time> {
        self.status.as_ref()?.refused_at
    }

    fn attempts(&self) -> i64 {
        self.status.as_ref().map_or(0, |status| status.attempts)
    }

    /// The endpoint it waits for: a store's, or, without a name, that of customers.
    pub(crate) fn endpoint(&self) -> Option<String> {
        (self.spec.to == Audience::Seller).then(|| self.spec.store.clone())
    }
}

/// All that wait for an endpoint: a store's, or, without a name, that of customers.
pub(crate) fn waiting(store: &Option<String>) -> [Found; 3] {
    [
        NotificationIndex::Required(store.clone()),
        NotificationIndex::Untried(store.clone()),
        NotificationIndex::Failing(store.clone()),
    ]
    .map(|index| Found::All(By::Notification(index)))
}

/// The next probe of an endpoint is among these.
pub(crate) fn next(store: &Option<String>) -> [Found; 3] {
    let [required, _, failing] = waiting(store);
    [required, Found::First(By::Notification(NotificationIndex::Untried(store.clone()))), failing]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notification::{Content, Draft, State};

    fn notice(status: Option<Status>) -> Notification {
        Notification { status, ..Notification::from_draft(&Draft(Content::sample(true))) }
    }

    fn waits(attempts: i64) -> Notification {
        notice(Some(Status { state: Some(State::Pending), attempts, ..Status::default() }))
    }

    #[test]
    fn whoever_waits_behind_a_breaker_is_enqueued_when_it_closes_or_needs_another_probe() {
        let (all, another) = (waiting(&Some("shop".into())).to_vec(), next(&Some("shop".into())).to_vec());
        let sent = notice(Some(Status { sent_at: Some(Time::from_millis(1)), ..Status::default() }));
        let found = |old: &Notification, new: Option<&Notification>| Notification::enqueues_found(Some(old), new);
        assert_eq!(found(&waits(1), Some(&sent)), all, "a probe got through");
        assert_eq!(found(&waits(0), None), all, "one that waited is gone");
        assert_eq!(found(&notice(None), Some(&sent)), another, "one that never waited got through");
        assert_eq!(found(&notice(None), None), another, "one that never waited is gone");
        assert_eq!(found(&waits(0), Some(&waits(1))), another, "a probe has failed");
        let mut refused = waits(1);
        refused.status.iter_mut().for_each(|status| status.refused_at = Some(Time::from_millis(1)));
        assert_eq!(found(&waits(0), Some(&refused)), all, "a probe was refused: the endpoint is well");
        let mut again = refused.clone();
        again.status.iter_mut().for_each(|status| status.attempts += 1);
        assert_eq!(found(&refused, Some(&again)), [], "refused again shows nothing new");
        assert_eq!(found(&waits(1), Some(&waits(1))), []);
        assert_eq!(found(&sent, None), [], "it was over before");
    }
}
