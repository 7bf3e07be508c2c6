//! The figures that are read when they are asked for: how deep the queues are, how much the caches hold.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::cluster::World;
use crate::cluster::cache::Index;
use crate::domain::Kind;
use crate::domain::notification::{Audience, Circuit};

/// Figures that are read when they are asked for.
#[derive(Debug)]
pub struct Live {
    world: Weak<World>,
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(world) = self.world.upgrade() else { return Ok(()) };
        let kind_type = prometheus_client::metrics::MetricType::Gauge;
        let mut depth = encoder.encode_descriptor("workqueue_depth", "Keys that are due", None, kind_type)?;
        for kind in Kind::ALL {
            if let Some(queue) = world.queue(kind) {
                let label = [("controller", kind.as_str())];
                ConstGauge::new(queue.depth().0 as i64).encode(depth.encode_family(&label)?)?;
            }
        }
        let mut held =
            encoder.encode_descriptor("jumun_cached_objects", "Objects held in the caches", None, kind_type)?;
        for (kind, count) in world.sizes() {
            let label = [("kind", kind.as_str())];
            ConstGauge::new(count as i64).encode(held.encode_family(&label)?)?;
        }
        let circuits = circuits(&world);
        let mut open = encoder.encode_descriptor(
            "jumun_notification_circuits_open",
            "Endpoints whose circuit breaker is open",
            None,
            kind_type,
        )?;
        for (to, endpoints) in &circuits {
            let count = endpoints.iter().filter(|circuit| circuit.is_open()).count();
            ConstGauge::new(count as i64).encode(open.encode_family(&[("to", to.slug())])?)?;
        }
        let counter = prometheus_client::metrics::MetricType::Counter;
        let info = encoder.encode_descriptor("jumun_up", "One for as long as the process lives", None, counter)?;
        ConstCounter::new(1u64).encode(info)
    }
}

/// The breakers of all endpoints for which messages wait, by audience.
fn circuits(world: &World) -> [(Audience, Vec<Circuit>); 2] {
    [Audience::Seller, Audience::Customer].map(|to| {
        let mut waiting: BTreeMap<(Arc<str>, String), Vec<_>> = BTreeMap::new();
        for key in world.notifications.all_keys() {
            let Some(seen) = world.notifications.get(&key).filter(|seen| seen.object.spec.to == to) else { continue };
            let Some(status) = seen.object.status.as_ref().filter(|status| !status.is_final()) else { continue };
            let store = if to == Audience::Seller { seen.object.spec.store.clone() } else { String::new() };
            waiting.entry((key.namespace, store)).or_default().push((status.attempts, status.retry_at));
        }
        let circuit = |((namespace, store), failing): ((Arc<str>, String), Vec<_>)| {
            let endpoint = Index::Failing(Some(store).filter(|_| to == Audience::Seller));
            Circuit::of(failing, world.notifications.marked(&namespace, endpoint))
        };
        (to, waiting.into_iter().map(circuit).collect())
    })
}

impl Live {
    /// The figures of this world, for as long as it lives.
    pub fn of(world: &Arc<World>) -> Self {
        Self { world: Arc::downgrade(world) }
    }
}
