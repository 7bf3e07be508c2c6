//! Who works on what: balance, movement, agreement, and that nothing is left alone whatever each believes.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;

const WORK: &str = "Order";
const OBJECTS: usize = 2_000;

fn other(id: &str) -> Other {
    Other { id: id.into(), works: vec![WORK.into()], scope: None, established: true }
}

/// What the first of these sees of the rest.
fn view(me: &str, all: &[String]) -> View {
    View { me: me.into(), others: all.iter().filter(|id| *id != me).map(|id| other(id)).collect() }
}

fn members(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("jumun-{n:012x}")).collect()
}

fn uid(n: usize) -> String {
    format!("{n:08x}-0000-4000-8000-000000000000")
}

/// Whose each object is, as each of the members sees it; they agree.
fn owners(all: &[String]) -> Vec<usize> {
    let views: Vec<View> = all.iter().map(|me| view(me, all)).collect();
    let owner = |n: usize| {
        let ranks: Vec<usize> = views.iter().map(|view| view.rank(WORK, "shop", &uid(n), false)).collect();
        let mut sorted = ranks.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..all.len()).collect::<Vec<usize>>(), "each is in another place of the line");
        ranks.iter().position(|rank| *rank == 0).expect("an owner")
    };
    (0..OBJECTS).map(owner).collect()
}

#[test]
fn every_object_is_exactly_one_members_and_each_has_its_share() {
    for count in [1, 2, 3, 4, 6] {
        let owners = owners(&members(count));
        for member in 0..count {
            let share = owners.iter().filter(|owner| **owner == member).count() * count;
            assert!((OBJECTS * 9 / 10..OBJECTS * 11 / 10).contains(&share), "{member} of {count} has {share}");
        }
    }
}

#[test]
fn only_what_a_newcomer_takes_moves_when_it_comes_and_goes() {
    let all = members(5);
    let (four, five) = (owners(&all[..4]), owners(&all));
    let moved: Vec<(usize, usize)> = four.into_iter().zip(five).filter(|(before, after)| before != after).collect();
    assert!(moved.iter().all(|(_, after)| *after == 4), "nothing moves between those who stay");
    assert!((OBJECTS / 6..OBJECTS / 4).contains(&moved.len()), "{} of {OBJECTS}", moved.len());
}

#[test]
fn the_order_of_the_list_does_not_matter_and_the_hash_is_the_same_for_ever() {
    let mut all = members(4);
    let before = owners(&all);
    all.reverse();
    assert!(before.iter().zip(owners(&all)).all(|(before, after)| 3 - before == after));
    // A process of another version must come to the same.
    assert_eq!(before[..12], [0, 2, 0, 2, 2, 0, 3, 1, 2, 0, 2, 0]);
}

#[test]
fn work_is_shared_among_those_who_do_it_where_it_is() {
    let rows = Other { works: vec!["OrderView".into()], ..other("rows") };
    let far = Other { scope: Some("far".into()), ..other("far") };
    let young = Other { established: false, ..other("young") };
    let alone = View { me: "me".into(), others: vec![rows.clone()] };
    let (all, uids) = (View { me: "me".into(), others: vec![rows, far, young] }, || (0..200).map(uid));
    assert!(uids().all(|uid| alone.rank(WORK, "shop", &uid, false) == 0));
    assert!(uids().all(|uid| all.rank(WORK, "shop", &uid, true) == 0), "one that is not established gets no messages");
    let left = |namespace: &str| uids().filter(|uid| all.rank(WORK, namespace, uid, false) > 0).count();
    assert!((60..140).contains(&left("shop")), "half of them are the other's: {}", left("shop"));
    assert!((100..167).contains(&left("far")), "two thirds are the others': {}", left("far"));
}

#[test]
fn what_is_left_to_others_is_looked_at_once_it_stands_for_too_long() {
    let (mut left, key, start) = (Left::default(), Key::new("shop", "order-1"), Instant::now());
    let second = Duration::from_secs(1);
    assert_eq!(left.rest(&key, 0, Some(Version(1)), start), None, "one's own");
    assert_eq!(left.rest(&key, 1, Some(Version(1)), start), Some(PATIENCE));
    assert_eq!(left.rest(&key, 1, Some(Version(1)), start + second), Some(PATIENCE - second), "asked again");
    assert_eq!(left.rest(&key, 1, Some(Version(2)), start + PATIENCE), Some(PATIENCE), "somebody works on it");
    assert_eq!(left.rest(&key, 1, Some(Version(2)), start + PATIENCE * 2), None, "nobody does any more");
    assert_eq!(left.keys().count(), 0);
    assert_eq!(left.rest(&key, 2, None, start), Some(PATIENCE * 2), "the next in line comes first");
    assert_eq!(left.rest(&key, 9, None, start), Some(PATIENCE * 3));
    for seconds in 1..LONGEST.as_secs() {
        let now = start + second * seconds as u32;
        assert!(left.rest(&key, 2, Some(Version(seconds)), now).is_some(), "it changes all the time");
    }
    assert_eq!(left.rest(&key, 2, Some(Version(200)), start + LONGEST), None);
}

/// Each member has a list of its own making, which changes while work is waiting; some do not work at all.
#[test]
fn whatever_each_believes_of_the_others_no_object_is_left_alone() {
    for seed in 0..200 {
        let mut random = StdRng::seed_from_u64(seed);
        let all = members(random.random_range(2..7));
        let hangs: Vec<bool> = (0..all.len()).map(|n| n > 0 && random.random_bool(0.4)).collect();
        let some = |random: &mut StdRng| -> Vec<String> {
            let ghosts = (0..2).map(|n| format!("ghost-{n}"));
            all.iter().cloned().chain(ghosts).filter(|_| random.random_bool(0.5)).collect()
        };
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut open: HashMap<Key, usize> = (0..20).map(|n| (Key::new("shop", &format!("o-{n}")), n)).collect();
        let mut lefts: Vec<Left> = all.iter().map(|_| Left::default()).collect();
        let mut due: Vec<HashMap<Key, Instant>> =
            all.iter().map(|_| open.keys().map(|key| (key.clone(), start)).collect()).collect();
        let mut views: Vec<View> = all.iter().map(|me| view(me, &some(&mut random))).collect();
        for seconds in 0..=LONGEST.as_secs() {
            let now = start + second * seconds as u32;
            for at in 0..all.len() {
                if random.random_bool(0.1) {
                    views[at] = view(&all[at], &some(&mut random));
                }
                for (key, n) in open.clone() {
                    if hangs[at] || due[at].get(&key).is_none_or(|due| *due > now) {
                        continue;
                    }
                    let rank = views[at].rank(WORK, "shop", &uid(n), false);
                    match lefts[at].rest(&key, rank, Some(Version(1)), now) {
                        Some(rest) => drop(due[at].insert(key, now + rest)),
                        None => drop(open.remove(&key)),
                    }
                }
            }
        }
        assert!(open.is_empty(), "seed {seed}: nobody worked on {open:?}");
    }
}
