//! The paths of the front door: one table, from which its routes are made.
//!
//! What changes something is a POST and goes to the command workload, what only reads is a GET and goes to the query workload,
//! so that either can be scaled, rolled and lost without the other. A step of an actor is a path below its object.

use super::workload::{COMMAND, QUERY};

/// One thing that can be asked of the front door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    pub method: &'static str,
    /// The whole path; what stands in braces is a name.
    pub path: &'static str,
    /// The workload that answers.
    pub workload: &'static str,
}

const fn post(path: &'static str) -> Path {
    Path { method: "POST", path, workload: COMMAND }
}

const fn get(path: &'static str) -> Path {
    Path { method: "GET", path, workload: QUERY }
}

/// Every path.
pub const PATHS: [Path; 19] = [
    post("/v1/orders"),
    post("/v1/orders/{name}/cancel"),
    post("/v1/tickets/{name}/decide"),
    post("/v1/tickets/{name}/cook"),
    post("/v1/deliveries/{name}/claim"),
    post("/v1/deliveries/{name}/deliver"),
    post("/v1/deliveries/{name}/receive"),
    post("/v1/payments/{name}/refund"),
    get("/v1/orderviews"),
    get("/v1/orderviews/{name}"),
    get("/v1/stores"),
    get("/v1/stores/{name}"),
    get("/v1/products"),
    get("/v1/products/{name}"),
    get("/v1/tickets"),
    get("/v1/tickets/{name}"),
    get("/v1/deliveries"),
    get("/v1/deliveries/{name}"),
    get("/v1/wallets/{name}"),
];

impl Path {
    /// What stands before the first name, which is what a route can match: the Gateway API has no pattern that every class
    /// knows.
    pub fn prefix(&self) -> &'static str {
        self.path.find("/{").map_or(self.path, |at| &self.path[..at])
    }
}

/// The prefixes with their methods that a workload answers, each once, in the order of the table.
pub(super) fn routes(workload: &str) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    for path in PATHS.iter().filter(|path| path.workload == workload) {
        let route = (path.method, path.prefix());
        if !found.contains(&route) {
            found.push(route);
        }
    }
    found
}
