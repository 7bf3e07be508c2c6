//! When an order that has no row gets one: its first, or one that was deleted.

use super::*;

#[test]
fn a_row_that_was_deleted_comes_back_from_what_stands_now() {
    let gone = Observed { row: None, ..seen(&paid(), paid()) };
    assert_eq!(reads(&decide(&gone, at(12))).len(), 4, "a process that was frozen may have missed everything");
    let appears = |seen: &Observed, now| matches!(&decide(seen, at(now)).intents[..], [Intent::CreateView(_)]);
    assert!(appears(&gone, 11) && appears(&Observed { is_first: true, ..gone.clone() }, 99));
    assert!(appears(&Observed { afresh: [true; 4], ..gone }, 12));
}

#[test]
fn the_first_row_waits_until_its_order_stands_still_or_has_ended() {
    let first = |sources: Sources| Observed { row: None, is_first: true, ..seen(&paid(), sources) };
    let created = |seen: &Observed, now| matches!(&decide(seen, now).intents[..], [Intent::CreateView(_)]);
    let mut placed = paid();
    placed.order.status.placed_at = Some(at(10));
    assert_eq!(decide(&first(placed.clone()), at(10)), Plan::wait_until(at(10).after(SETTLED)));
    assert!(created(&first(placed), at(10).after(SETTLED)));
    assert!(created(&first(cancelled()), at(10)), "an end is shown at once");
    let mut restless = paid();
    restless.order.status.placed_at = Some(at(9));
    assert!(created(&first(restless), at(10)), "it was placed a second ago, whatever has changed since");
    let mut untouched = paid();
    (untouched.order.status, untouched.payment) = (order::Status::default(), None);
    untouched.order.created = at(10);
    assert_eq!(decide(&first(untouched), at(10)), Plan::wait_until(at(10).after(UNTOUCHED)));
}
