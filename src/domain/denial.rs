//! A write that the API server denies: what is said of it on the object that it was for.
//!
//! It is a condition of its own, `WriteDenied`, and, on an object that comes to an end and cannot go on without the write,
//! `Stalled` too. Both are the driver's: they are taken out of what a decision sees, and go with the write that succeeds.

use super::conditions::{self, READY, RECONCILING, STALLED, SUCCEEDED, Truth};
use super::{Condition, Generation, Intent, Kind, Time};

/// The condition of an object of which a write is denied.
pub const WRITE_DENIED: &str = "WriteDenied";

/// The most of the API server's own sentence that is repeated.
const SENTENCE: usize = 300;

/// A write that was denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// `Forbidden` or `Invalid`.
    pub reason: &'static str,
    /// `create Payment order-1-abc`
    pub write: String,
    /// What the API server said.
    pub sentence: String,
    /// Whether the object cannot go on without it.
    pub blocks: bool,
    /// Whether an undo needs it, because it bars what may still be on its way.
    pub bars: bool,
}

impl Denial {
    /// The same, with what is known of the intent that was denied.
    #[must_use]
    pub fn of(self, intent: Option<&Intent>) -> Self {
        let bars = match intent {
            Some(Intent::CreatePayment(draft)) => draft.cancel,
            Some(Intent::CreateTicket(draft)) => draft.hold.is_some(),
            Some(Intent::CreateDelivery(draft)) => draft.hold.is_some(),
            Some(Intent::HoldTicket(..) | Intent::HoldDelivery(..) | Intent::CancelPayment(_)) => true,
            _ => false,
        };
        let blocks = !matches!(intent, Some(Intent::CreateNotification(draft)) if !draft.0.required);
        Self { bars, blocks, ..self }
    }

    /// What was denied, and why: one sentence.
    pub fn what(&self) -> String {
        let sentence: String = self.sentence.chars().take(SENTENCE).collect();
        format!("{}: {sentence}", self.write)
    }

    /// The same, and what to do.
    pub fn advice(&self) -> String {
        self.advise(way(&self.sentence))
    }

    fn advise(&self, way: &str) -> String {
        let undo = if self.bars { " Nothing is undone before it is made." } else { "" };
        let what = self.what();
        format!("{}.{undo} {way}; it is tried again within a minute.", what.trim_end_matches('.'))
    }

    /// The same denial as it was worded before, where the conditions said so: a sentence that tells a time or a count with
    /// each attempt is no news, and would be written with each.
    fn as_said(&self, seen: &[Condition]) -> Self {
        let said = find(seen).filter(|_| self.is_known(seen)).and_then(|said| {
            let sentence = said.message.strip_prefix(&self.write)?.strip_prefix(": ")?;
            (way(sentence) == way(&self.what())).then(|| sentence.to_owned())
        });
        Self { sentence: said.unwrap_or_else(|| self.sentence.clone()), ..self.clone() }
    }

    /// The conditions that say so beside `conditions`; times of what was said before, in `seen`, are kept.
    pub fn on(
        &self,
        kind: Kind,
        seen: &[Condition],
        conditions: &[Condition],
        generation: Generation,
        now: Time,
    ) -> Vec<Condition> {
        let said = self.as_said(seen);
        let make = |type_, status, reason: &str, message: &str| {
            conditions::extra(seen, type_, status, reason, message, generation, now)
        };
        let mut all = conditions.to_vec();
        all.retain(|condition| condition.type_ != WRITE_DENIED);
        let over = all.iter().any(|c| c.type_ == READY || (c.type_ == SUCCEEDED && c.status != Truth::Unknown));
        if self.blocks && !over && ends(kind) {
            all.retain(|condition| condition.type_ != RECONCILING && condition.type_ != STALLED);
            if !all.iter().any(|condition| condition.type_ == SUCCEEDED) {
                all.push(make(SUCCEEDED, Truth::Unknown, WRITE_DENIED, ""));
            }
            all.push(make(STALLED, Truth::True, WRITE_DENIED, &said.advise(way(&self.sentence))));
        }
        all.push(make(WRITE_DENIED, Truth::True, self.reason, &said.what()));
        all
    }

    /// Whether the conditions said so before, in whatever words.
    pub fn is_known(&self, seen: &[Condition]) -> bool {
        find(seen)
            .is_some_and(|said| said.reason == self.reason && said.message.starts_with(&format!("{}:", self.write)))
    }
}

/// What to do about a write that is refused with this sentence.
fn way(sentence: &str) -> &'static str {
    if sentence.contains(" quota: ") {
        "Raise or remove that ResourceQuota"
    } else if sentence.contains(" cannot ") || sentence.contains("only with the verb ") {
        "Give its account that right (manifests/operator/rbac.yaml; the Roles of an OrderPlatform's workloads are kept by jumun operator)"
    } else {
        "Mend what refuses it: a policy or webhook of admission, or a definition of another version"
    }
}

/// Whether objects of a kind come to an end.
fn ends(kind: Kind) -> bool {
    matches!(kind, Kind::Order | Kind::Payment | Kind::Ticket | Kind::Delivery | Kind::Notification)
}

/// The condition that a write is denied, where there is one.
pub fn find(conditions: &[Condition]) -> Option<&Condition> {
    conditions::find(conditions, WRITE_DENIED)
}

/// The write that is said to be denied, such as `create Payment order-1-abc`.
pub fn write(conditions: &[Condition]) -> Option<&str> {
    find(conditions)?.message.split(": ").next()
}

/// Takes what is said of denied writes out of an object's conditions, and gives them as they were; nothing where nothing
/// was said.
pub fn take(conditions: &mut Vec<Condition>) -> Option<Vec<Condition>> {
    find(conditions)?;
    let before = conditions.clone();
    conditions.retain(|c| c.type_ != WRITE_DENIED && !(c.type_ == STALLED && c.reason == WRITE_DENIED));
    Some(before)
}

/// A status that may carry conditions.
pub trait Conditioned {
    /// The conditions.
    fn conditions(&self) -> &[Condition];
}

/// A row is flat.
impl Conditioned for super::view::Status {
    fn conditions(&self) -> &[Condition] {
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::conditions::{Report, conditions, waiting_for, waiting_message};

    const QUOTA: &str = "payments.jumun.dev \"order-1-abc\" is forbidden: exceeded quota: few, requested: \
                         count/payments.jumun.dev=1, used: count/payments.jumun.dev=0, limited: count/payments.jumun.dev=0";

    fn denial(sentence: &str) -> Denial {
        let write = "create Payment order-1-abc".to_owned();
        Denial { reason: "Forbidden", write, sentence: sentence.to_owned(), blocks: true, bars: false }
    }

    fn moving(at: Time) -> Vec<Condition> {
        let report = Report::Moving { reason: "WaitingForStock", message: "Stock is asked of Product mug.".to_owned() };
        conditions(&[], report, Generation(1), at)
    }

    #[test]
    fn a_denied_write_is_a_condition_and_stalls_what_needs_it_until_it_is_taken_out() {
        let (early, late) = (Time::from_millis(1_000), Time::from_millis(2_000));
        let before = moving(early);
        let mut said = denial(QUOTA).on(Kind::Order, &before, &before, Generation(1), late);
        assert_eq!(waiting_for(&said), Some(WRITE_DENIED));
        let message = waiting_message(&said).expect("a sentence");
        assert!(message.starts_with("create Payment order-1-abc: ") && message.contains("few"), "{message}");
        assert!(message.contains("ResourceQuota") && message.chars().count() <= 512, "{message}");
        assert_eq!(find(&said).map(|c| (c.status, c.reason.as_str())), Some((Truth::True, "Forbidden")));
        // Said again later, it says the same: nothing is written.
        let again = denial(QUOTA).on(Kind::Order, &said, &before, Generation(1), Time::from_millis(9_000));
        assert_eq!(again, said);
        assert!(denial("another sentence").is_known(&said) && !denial(QUOTA).is_known(&before));
        // In other words that come with each attempt it is the same; with another remedy it is news.
        let attempt = |count| denial(&format!("exceeded quota: few, used: {count}"));
        let first = attempt(1).on(Kind::Order, &before, &before, Generation(1), late);
        assert_eq!(attempt(2).on(Kind::Order, &first, &before, Generation(1), late), first);
        let other = denial("User \"jumun\" cannot create").on(Kind::Order, &first, &before, Generation(1), late);
        assert!(waiting_message(&other).is_some_and(|message| message.contains("rbac.yaml")), "{other:?}");
        let raw = take(&mut said).expect("it was said");
        assert_eq!((raw, find(&said), waiting_for(&said)), (again, None, None));
        assert_eq!(take(&mut said), None);
    }

    #[test]
    fn what_lives_or_has_ended_is_not_stalled() {
        let now = Time::from_millis(1_000);
        let ended = conditions(
            &[],
            Report::Ended { well: true, reason: "Completed", message: String::new() },
            Generation(1),
            now,
        );
        let ready =
            conditions(&[], Report::Ready { ready: true, reason: "Open", message: String::new() }, Generation(1), now);
        for (kind, before) in [(Kind::Order, ended), (Kind::Wallet, ready), (Kind::Wallet, Vec::new())] {
            let said = denial(QUOTA).on(kind, &before, &before, Generation(1), now);
            assert_eq!((said.len(), waiting_for(&said)), (before.len() + 1, None), "{kind}");
        }
        let notice = Denial { blocks: false, ..denial(QUOTA) };
        let said = notice.on(Kind::Order, &[], &moving(now), Generation(1), now);
        assert_eq!(waiting_for(&said), Some("WaitingForStock"), "nothing waits for it");
        assert_eq!(denial(QUOTA).on(Kind::Order, &[], &[], Generation(1), now).len(), 3, "its first write");
    }

    #[test]
    fn the_message_says_what_to_do() {
        let rbac =
            "payments.jumun.dev is forbidden: User \"system:serviceaccount:jumun-system:jumun\" cannot create resource";
        let verb = "denied request: to create a Payment by hand: only with the verb operate on payments.jumun.dev";
        let known =
            [(QUOTA, "ResourceQuota"), (rbac, "rbac.yaml"), (verb, "rbac.yaml"), ("denied the request", "webhook")];
        for (sentence, way) in known {
            assert!(denial(sentence).advice().contains(way), "{sentence}");
        }
        let bars = Denial { bars: true, ..denial(&"x".repeat(1_000)) };
        assert!(bars.advice().contains("Nothing is undone") && bars.advice().chars().count() <= 512);
    }
}
