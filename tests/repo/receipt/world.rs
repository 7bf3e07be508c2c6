//! Receipts: a change of one concerns nobody else.

use super::mapping::Mapping;
use crate::cluster::Watched;
use crate::crd::Receipt;
use crate::domain::Kind;

impl Watched for Receipt {
    const KIND: Kind = Kind::Receipt;
    type Index = ();
}

impl Mapping for Receipt {
    fn enqueues(name: &str, _: Option<&Self>, _: Option<&Self>) -> Vec<(Kind, String)> {
        vec![(Kind::Receipt, name.to_owned())]
    }
}
