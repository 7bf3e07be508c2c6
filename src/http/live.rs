//! The figures that are read when they are asked for: how deep the queues are, how much the caches hold.

use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
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
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let world = self.worlds.now();
        let mut gauges = |name, help, label, counts: Vec<(&str, usize)>| -> Result<(), Error> {
            let mut gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (value, count) in counts {
                ConstGauge::new(count as i64).encode(gauge.encode_family(&[(label, value)])?)?;
            }
            Ok(())
        };
        let running = Kind::ALL.into_iter().filter_map(|kind| Some((kind.as_str(), world.queue(kind)?)));
        let depths = running.clone().map(|(kind, queue)| (kind, queue.depth().0)).collect();
        gauges("workqueue_depth", "Keys that are due", "controller", depths)?;
        let cached = world.sizes().map(|(kind, count)| (kind.as_str(), count)).to_vec();
        gauges("jumun_cached_objects", "Objects held in the caches", "kind", cached)?;
        let unread = Kind::ALL.map(|kind| (kind.as_str(), world.server.unreadables.count(kind))).to_vec();
        gauges("jumun_unreadable_objects", "Objects that this version cannot read", "kind", unread)?;
        let open = circuits(&world)
            .iter()
            .map(|(to, endpoints)| (to.slug(), endpoints.iter().filter(|circuit| circuit.is_open()).count()))
            .collect();
        gauges("jumun_notification_circuits_open", "Endpoints whose circuit breaker is open", "to", open)?;
        let members = running.clone().map(|(kind, _)| (kind, world.members.ids(kind).len())).collect();
        gauges("jumun_members", "Processes that run a controller, this one included", "controller", members)?;
        let view = world.members.view();
        let sharing = running.map(|(kind, _)| (kind, view.established(kind))).collect();
        let help =
            "Processes that were seen at work for a while and run a controller, this one included, wherever they watch";
        gauges("jumun_sharing_members", help, "controller", sharing)?;
        let own = Kind::ALL.into_iter().filter(|kind| world.queue(*kind).is_some());
        let own = own.map(|kind| (kind.as_str(), world.own(kind))).collect();
        gauges("jumun_own_objects", "Objects that are the work of this process", "controller", own)?;
        let up = "One for as long as the process lives";
        let info = encoder.encode_descriptor("jumun_up", up, None, MetricType::Counter)?;
        ConstCounter::new(1u64).encode(info)
    }
}

impl Live {
    /// The figures of whichever world counts when they are asked for.
    pub fn of(worlds: &Worlds) -> Self {
        Self { worlds: worlds.clone() }
    }
}
