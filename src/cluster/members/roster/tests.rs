//! Who counts as alive, and who keeps still.

use std::time::Duration;

use super::*;

const ORDERS: &str = "orders";

fn seen(version: u64, works: &[&str]) -> Seen {
    let works = works.iter().map(|work| (*work).to_owned()).collect();
    Seen { uid: "uid".into(), version: version.to_string(), pod: None, works, scope: None }
}

fn place(namespace: &str, name: &str) -> Place {
    (namespace.into(), name.into())
}

/// A process that has joined in `shop` and seen the list, which holds `others`.
fn joined(others: &[(&str, &str)], start: Instant) -> Roster {
    let mut roster = Roster::new("me".into(), None, vec![ORDERS.into()], start);
    roster.join("shop", Some("shop"));
    roster.begin();
    assert_eq!(roster.standing(ORDERS, start), Standing::Unsure);
    assert_eq!(roster.tick(start), [Deed::Create("shop".into())]);
    roster.list_begins();
    for (namespace, name) in others {
        roster.take(place(namespace, name), seen(1, &[ORDERS]), start);
    }
    roster.take(place("shop", "me"), seen(1, &[ORDERS]), start);
    roster.list_ends(start);
    roster
}

#[test]
fn one_that_sees_nobody_else_is_alone_and_renews_nothing() {
    let start = Instant::now();
    let mut roster = joined(&[], start);
    assert_eq!((roster.standing(ORDERS, start), roster.ids(ORDERS)), (Standing::Unsure, vec!["me".to_owned()]));
    for second in 1..100 {
        let now = start + Duration::from_secs(second);
        assert_eq!(roster.tick(now), []);
        let wanted = if second < PROBATION.as_secs() { Standing::Unsure } else { Standing::Alone };
        assert_eq!(roster.standing(ORDERS, now), wanted, "after {second} s");
    }
}

#[test]
fn of_two_that_join_in_one_moment_neither_is_ever_alone() {
    let start = Instant::now();
    let mut roster = joined(&[], start);
    // Made after our list, seen a moment after our own.
    let seen_at = start + Duration::from_millis(900);
    roster.tick(seen_at);
    assert_eq!(roster.standing(ORDERS, seen_at), Standing::Unsure);
    roster.take(place("shop", "other"), seen(1, &[ORDERS]), seen_at);
    for second in 1..JOIN.as_secs() {
        let now = start + Duration::from_secs(second);
        roster.tick(now);
        assert_eq!(roster.standing(ORDERS, now), Standing::Unsure, "after {second} s");
    }
}

#[test]
fn a_newcomer_keeps_still_until_the_others_know_of_it() {
    let start = Instant::now();
    let mut roster = joined(&[("shop", "other")], start);
    let mut alive = 1;
    for second in 1..30 {
        let now = start + Duration::from_secs(second);
        let deeds = roster.tick(now);
        if deeds.contains(&Deed::Renew("shop".into())) {
            roster.renewed("shop", now);
        }
        alive += 1;
        roster.take(place("shop", "other"), seen(alive, &[ORDERS]), now);
        let wanted = if second < JOIN.as_secs() { Standing::Unsure } else { Standing::Several };
        assert_eq!(roster.standing(ORDERS, now), wanted, "after {second} s");
    }
    assert_eq!(roster.ids(ORDERS), ["me", "other"]);
    roster.gone(&place("shop", "other"), start + Duration::from_secs(30));
    assert_eq!(roster.standing(ORDERS, start + Duration::from_secs(30)), Standing::Alone);
}

#[test]
fn a_lease_that_does_not_change_is_that_of_a_dead_process() {
    let start = Instant::now();
    let mut roster = joined(&[("shop", "other")], start);
    let dead = Deed::Reap(place("shop", "other"), seen(1, &[ORDERS]));
    let mut reaped = None;
    for second in 1..40 {
        if roster.tick(start + Duration::from_secs(second)).contains(&dead) {
            reaped = reaped.or(Some(second));
        }
    }
    assert_eq!(reaped, Some(DEAD.as_secs() + 1));
}

#[test]
fn who_cannot_renew_keeps_still_before_it_may_be_taken_for_dead() {
    let start = Instant::now();
    let mut roster = joined(&[("shop", "other")], start);
    let mut spoke = 0;
    for second in 1..=DEAD.as_secs() {
        let now = start + Duration::from_secs(second);
        roster.tick(now);
        if roster.standing(ORDERS, now) == Standing::Several {
            spoke = second;
        }
    }
    // What it begins then is over after the longest call to an endpoint.
    let over = Duration::from_secs(spoke) + crate::outbound::DEFAULT_TIMEOUT;
    assert!(spoke > JOIN.as_secs() && over < DEAD, "{spoke}");
}

#[test]
fn one_that_was_frozen_knows_nothing_until_it_has_listed_again() {
    let start = Instant::now();
    let mut roster = joined(&[], start);
    let later = start + Duration::from_secs(60);
    assert_eq!(roster.standing(ORDERS, later), Standing::Unsure, "even before it has looked at the time");
    assert_eq!(roster.tick(later), [Deed::List]);
    assert_eq!(roster.standing(ORDERS, later), Standing::Unsure);
    roster.list_begins();
    roster.take(place("shop", "other"), seen(1, &[ORDERS]), later);
    roster.list_ends(later);
    assert_eq!(roster.standing(ORDERS, later), Standing::Unsure, "its Lease was taken away meanwhile");
    assert!(roster.tick(later).contains(&Deed::Create("shop".into())));
    roster.take(place("shop", "me"), seen(2, &[ORDERS]), later);
    assert_eq!(roster.standing(ORDERS, later), Standing::Unsure, "it is a newcomer again");
}

#[test]
fn where_the_api_server_does_not_let_it_know_it_works_as_one_of_several() {
    let start = Instant::now();
    let mut roster = Roster::new("me".into(), None, vec![ORDERS.into()], start);
    roster.join("shop", Some("shop"));
    let later = start + STUCK + Duration::from_secs(1);
    roster.tick(later);
    assert_eq!(roster.standing(ORDERS, later), Standing::Several);
}

#[test]
fn who_shares_no_work_is_nobodys_peer() {
    let start = Instant::now();
    let mut roster = joined(&[], start);
    roster.take(place("shop", "rows"), seen(1, &["rows"]), start);
    for second in 1..60 {
        let now = start + Duration::from_secs(second);
        assert_eq!(roster.tick(now), [], "nothing is renewed for it, and it is not buried");
        let wanted = if second < PROBATION.as_secs() { Standing::Unsure } else { Standing::Alone };
        assert_eq!(roster.standing(ORDERS, now), wanted, "after {second} s");
    }
}

#[test]
fn whoever_watches_one_namespace_is_met_there() {
    let start = Instant::now();
    let mut roster = joined(&[("far", "other")], start);
    assert_eq!(roster.tick(start), [Deed::Create("far".into())]);
    roster.take(place("far", "me"), seen(1, &[ORDERS]), start);
    roster.gone(&place("far", "other"), start);
    assert_eq!(roster.tick(start), [Deed::Drop("far".into())]);
}

#[test]
fn the_process_that_had_our_pod_before_us_is_dead() {
    let start = Instant::now();
    let mut roster = joined(&[], start);
    roster.pod = Some("operator-0".into());
    let before = Seen { pod: Some("operator-0".into()), ..seen(1, &[ORDERS]) };
    roster.take(place("shop", "before"), before.clone(), start);
    assert!(roster.tick(start).contains(&Deed::Reap(place("shop", "before"), before)));
}

/// The names of those among whom work is shared.
fn sharing(roster: &Roster, now: Instant) -> Vec<String> {
    roster.others(now).into_iter().map(|other| other.id).collect()
}

#[test]
fn what_a_crash_left_behind_gets_no_work_until_it_is_seen_alive() {
    let start = Instant::now();
    let mut roster = joined(&[("shop", "before"), ("shop", "other")], start);
    assert_eq!(sharing(&roster, start), [""; 0], "they may be dead");
    roster.take(place("shop", "other"), seen(2, &[ORDERS]), start);
    assert_eq!(sharing(&roster, start), ["other"], "it has renewed its Lease");
    for version in [1, 2] {
        roster.take(place("shop", "rows"), seen(version, &["rows"]), start);
        assert_eq!(sharing(&roster, start), ["other"], "it does other work");
    }
}

#[test]
fn who_fills_its_caches_still_gets_no_work_and_tells_as_soon_as_it_works() {
    let start = Instant::now();
    let mut roster = joined(&[], start);
    roster.take(place("shop", "newcomer"), seen(1, &[ORDERS]), start);
    assert_eq!(sharing(&roster, start), [""; 0], "it has not renewed yet");
    let mut newcomer = Roster::new("newcomer".into(), None, vec![ORDERS.into()], start);
    newcomer.join("shop", Some("shop"));
    newcomer.take(place("shop", "newcomer"), seen(1, &[ORDERS]), start);
    newcomer.take(place("shop", "me"), seen(1, &[ORDERS]), start);
    for second in 1..20 {
        assert_eq!(newcomer.tick(start + Duration::from_secs(second)), []);
    }
    newcomer.renewed("shop", start + Duration::from_secs(19));
    newcomer.begin();
    let renews =
        |newcomer: &mut Roster| newcomer.tick(start + Duration::from_secs(20)).contains(&Deed::Renew("shop".into()));
    assert_eq!((renews(&mut newcomer), renews(&mut newcomer)), (true, false), "at once, and then at its pace");
}

#[test]
fn who_was_not_seen_for_a_while_gets_no_work_until_it_is_seen_again() {
    let start = Instant::now();
    let mut roster = joined(&[], start);
    roster.take(place("shop", "other"), seen(0, &[ORDERS]), start);
    roster.take(place("shop", "other"), seen(1, &[ORDERS]), start);
    assert_eq!(sharing(&roster, start + SILENT), ["other"]);
    let later = start + SILENT + Duration::from_secs(1);
    assert_eq!(sharing(&roster, later), [""; 0], "dead, frozen, or nothing can be seen");
    roster.lost(later);
    roster.list_begins();
    roster.take(place("shop", "other"), seen(2, &[ORDERS]), later);
    roster.list_ends(later);
    assert_eq!(sharing(&roster, later), ["other"], "it had renewed while nothing could be seen");
    roster.gone(&place("shop", "other"), later);
    assert_eq!(sharing(&roster, later), [""; 0]);
}

#[test]
fn a_newcomer_is_established_when_it_counts_itself_as_known() {
    let start = Instant::now();
    let mut roster = joined(&[], start);
    roster.take(place("shop", "other"), seen(0, &[ORDERS]), start);
    roster.take(place("shop", "other"), seen(1, &[ORDERS]), start);
    let established = |roster: &Roster, now| roster.others(now)[0].established;
    assert!(!established(&roster, start));
    roster.take(place("shop", "other"), seen(2, &[ORDERS]), start + RENEW);
    assert!(established(&roster, start + JOIN));
}
