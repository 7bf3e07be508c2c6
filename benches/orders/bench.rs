//! One phase: a shop in a namespace of its own, and what carries its orders.

use std::path::Path;

use crate::agent::Agent;
use crate::meters::Meters;
use crate::phase::Phase;
use crate::plane::{Plane, sh};
use crate::shop::{Flow, Pace, Shop};

/// A shop in a namespace of its own, and an agent for it: what other phases have left elsewhere is not its business.
pub struct Bench<'a> {
    plane: &'a Plane,
    name: String,
    pub shop: Shop,
    pub agent: Agent,
}

impl<'a> Bench<'a> {
    /// With the operator.
    pub async fn open(plane: &'a Plane, name: &str, spread: usize, orders: usize, flow: Flow) -> Self {
        Self::open_as(None, plane, name, spread, orders, flow).await
    }

    /// With the operator of another program, where one is given.
    pub async fn open_as(
        program: Option<&Path>,
        plane: &'a Plane,
        name: &str,
        spread: usize,
        orders: usize,
        flow: Flow,
    ) -> Self {
        let shop = Shop::open(plane, &slug(name, plane), spread, orders, flow).await;
        let agent = Agent::operator(program, plane, &shop.namespace, &[]).await;
        agent.settle().await;
        Self { plane, name: name.to_owned(), shop, agent }
    }

    /// With the naive twin.
    pub async fn naive(plane: &'a Plane, name: &str, orders: usize, flow: Flow) -> Self {
        let shop = Shop::open(plane, &slug(name, plane), 50, orders, flow).await;
        let agent = Agent::naive(plane, &shop.namespace).await;
        agent.settle().await;
        Self { plane, name: name.to_owned(), shop, agent }
    }

    /// Runs orders to their end and waits until the agent has nothing left to do.
    pub async fn run(&self, orders: usize, pace: Pace) -> (Phase, Meters, Meters) {
        let before = self.read().await;
        let done = self.shop.run(0, orders, pace).await;
        self.shop.booked().await;
        self.agent.settle().await;
        let after = self.read().await;
        let mut bytes = 0;
        for plural in ["orders", "payments", "tickets", "deliveries", "notifications", "orderviews"] {
            bytes += self.shop.bytes(plural).await;
        }
        (Phase::of(&self.name, &done, bytes, &before, &after), before, after)
    }

    pub async fn read(&self) -> Meters {
        Meters::read(self.plane, &self.agent).await
    }
}

/// A namespace's part of a phase's name; the same phase may run more than once in one control plane.
fn slug(name: &str, plane: &Plane) -> String {
    let name = name.replace(' ', "-");
    let kubectl = format!("{}/kubectl --kubeconfig {}", plane.bin.display(), plane.admin.display());
    let there = sh(&format!("{kubectl} get namespaces -o name | grep -c '/bench-{name}' || true"));
    if there == "0" { name } else { format!("{name}-{there}") }
}
