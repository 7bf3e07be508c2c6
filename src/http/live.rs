//! The figures that are read when they are asked for: how deep the queues are, how much the caches hold.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::domain::Kind;
use crate::world::Worlds;
use crate::world::breaker::circuits;

/// Figures that are read when they are asked for.
#[derive(Debug)]
pub struct Live {
    worlds: Worlds,
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let world = self.worlds.now();
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
        let description = "Objects that this version cannot read";
        let mut unread = encoder.encode_descriptor("jumun_unreadable_objects", description, None, kind_type)?;
        for kind in Kind::ALL {
            let label = [("kind", kind.as_str())];
            ConstGauge::new(world.server.unreadables.count(kind) as i64).encode(unread.encode_family(&label)?)?;
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
        let mut members = encoder.encode_descriptor(
            "jumun_members",
            "Processes that run a controller, this one included",
            None,
            kind_type,
        )?;
        for kind in Kind::ALL.into_iter().filter(|kind| world.queue(*kind).is_some()) {
            let count = world.members.ids(kind.as_str()).len();
            ConstGauge::new(count as i64).encode(members.encode_family(&[("controller", kind.as_str())])?)?;
        }
        let counter = prometheus_client::metrics::MetricType::Counter;
        let info = encoder.encode_descriptor("jumun_up", "One for as long as the process lives", None, counter)?;
        ConstCounter::new(1u64).encode(info)
    }
}

impl Live {
    /// The figures of whichever world counts when they are asked for.
    pub fn of(worlds: &Worlds) -> Self {
        Self { worlds: worlds.clone() }
    }
}
