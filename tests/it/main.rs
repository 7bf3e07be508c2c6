//! The operator on a real API server: one test binary, one control plane, a namespace for each test.
//!
//! Each test starts the operator as processes of its own, with the rights of its manifest. A recorder writes down every
//! version of every object; at the end the checker, which shares no code with the operator, replays them in order and
//! checks the invariants of the design at each one.

mod a_member_that_hangs; // the longest: their names let them start first
mod a_quiet_system;
mod absence;
mod admission;
mod again;
mod books;
mod by_hand;
mod chart;
mod checker;
mod copies;
mod crashes;
mod deletion;
mod denied;
mod events;
mod explain;
mod faults;
mod gone;
mod harness;
mod history;
mod input;
mod intake;
mod kubectl;
mod late;
mod managed_fields;
mod namespaces;
mod notices;
mod old_bugs;
mod older_chart;
mod one_namespace;
mod operations;
mod operator;
mod outside;
mod personas;
#[path = "../support/plane.rs"]
mod plane;
mod platform;
mod platform_denied;
mod platform_others;
mod platform_serve;
mod platform_spec;
mod platform_workloads;
mod points_shop;
mod program;
mod protection;
mod providers;
mod races;
mod recorder;
mod restored;
mod rows;
mod sharing;
mod summary;
mod systems;
mod told;
mod turns;
mod unreadable;
mod wait;
mod whole_status;
