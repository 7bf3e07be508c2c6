//! `jumun fake-provider`

use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::failure::Failure;
use crate::http::fake_provider::{FakeProvider, Faults, Switch};

/// Run a payment provider that keeps its charges in memory, for demos and tests. It takes no real money.
///
/// It can be told to fail: at the start by --fault, and at any time by PUT /faults with JSON such as
/// {"lostReply": {"count": 2}, "fail": {"on": ["void"]}}, which replaces what was set; GET /faults reads it. GET /charges
/// lists every key, and how often money was taken and given back. Tokens that begin with "decline" are declined.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where it listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
    /// A fault and how many calls it hits (default: every one): timeout, fail, lostReply, late, decline, refuse, down; repeatable
    #[arg(long = "fault", value_name = "FAULT[=COUNT]", value_parser = parse_fault)]
    faults: Vec<(String, Switch)>,
    /// After how many milliseconds a late charge is carried out
    #[arg(long, default_value_t = 1_000, value_name = "MS")]
    late_ms: u64,
}

fn parse_fault(text: &str) -> Result<(String, Switch), String> {
    let (name, count) = text.split_once('=').map_or((text, None), |(name, count)| (name, Some(count)));
    let count = count.map(str::parse).transpose().map_err(|_| format!("{text}: the count is no number"))?;
    if slot(&mut Faults::default(), name).is_none() {
        return Err(format!("no such fault; known are {}", NAMES.join(", ")));
    }
    Ok((name.to_owned(), Switch { count, ..Switch::default() }))
}

const NAMES: [&str; 7] = ["timeout", "fail", "lostReply", "late", "decline", "refuse", "down"];

fn slot<'a>(faults: &'a mut Faults, name: &str) -> Option<&'a mut Option<Switch>> {
    match name {
        "timeout" => Some(&mut faults.timeout),
        "fail" => Some(&mut faults.fail),
        "lostReply" => Some(&mut faults.lost_reply),
        "late" => Some(&mut faults.late),
        "decline" => Some(&mut faults.decline),
        "refuse" => Some(&mut faults.refuse),
        "down" => Some(&mut faults.down),
        _ => None,
    }
}

pub async fn run(args: Args) -> Result<(), Failure> {
    let mut faults = Faults::default();
    for (name, switch) in args.faults {
        if let Some(slot) = slot(&mut faults, &name) {
            *slot = Some(switch);
        }
    }
    if let Some(late) = &mut faults.late {
        late.delay_ms = Some(args.late_ms);
    }
    let listener =
        TcpListener::bind(args.listen).await.map_err(|error| format!("--listen {}: {error}", args.listen))?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        served = axum::serve(listener, FakeProvider::new(faults).router()) => served?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_can_be_named_and_counted() {
        for name in NAMES {
            assert_eq!(parse_fault(name), Ok((name.to_owned(), Switch::always())));
            assert_eq!(parse_fault(&format!("{name}=3")), Ok((name.to_owned(), Switch::times(3))));
        }
        // What PUT /faults knows, --fault knows.
        let set = || Some(Switch::always());
        let every = Faults {
            timeout: set(),
            fail: set(),
            lost_reply: set(),
            late: set(),
            decline: set(),
            refuse: set(),
            down: set(),
        };
        let json = serde_json::to_value(every).expect("JSON");
        let all: Vec<&String> = json.as_object().into_iter().flat_map(serde_json::Map::keys).collect();
        assert!(all.iter().all(|name| NAMES.contains(&name.as_str())) && all.len() == NAMES.len(), "{all:?}");
        assert!(parse_fault("dwon").is_err() && parse_fault("down=x").is_err());
    }
}
