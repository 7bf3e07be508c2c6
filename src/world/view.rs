//! OrderViews: a row has the name of its order, which waits for the row to show its end.

use super::mapping::Mapping;
use crate::cluster::Watched;
use crate::crd::OrderView;
use crate::domain::Kind;

impl Watched for OrderView {
    const KIND: Kind = Kind::OrderView;
    const ROOT_IS_ASKED: bool = true;
    type Index = ();

    fn part_of(&self) -> Option<&str> {
        Some(&self.spec.order.uid)
    }

    fn transform(&mut self) {
        self.status.iter_mut().for_each(|status| status.timeline.shrink_to_fit());
    }
}

impl Mapping for OrderView {
    fn enqueues(name: &str, _: Option<&Self>, new: Option<&Self>) -> Vec<(Kind, String)> {
        let mut enqueued = vec![(Kind::OrderView, name.to_owned())];
        if new.is_some_and(shows_end) {
            enqueued.push((Kind::Order, name.to_owned()));
        }
        enqueued
    }
}

fn shows_end(view: &OrderView) -> bool {
    view.status.as_ref().is_some_and(|status| status.order.is_end())
}
