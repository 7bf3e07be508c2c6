//! `jumun explain`

use std::fmt::Write;
use std::sync::Arc;

use super::failure::Failure;
use crate::cluster::{Clock, client};
use crate::controllers::explain::{Explanation, explain};
use crate::domain::Time;
use crate::world::fill::fill;

/// Say what the operator makes of an order: what it waits for, what would be done now, and when it is looked at again.
///
/// Reads the order and whatever it concerns, decides as the operator does, and writes nothing. What it says holds for the
/// moment of the reading; where an operator runs and something is to be done, it was probably done a moment later. See
/// docs/troubleshooting.md for what to do about it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The name of the order
    order: String,
    /// The namespace (default: the one of the current context)
    #[arg(short, long)]
    namespace: Option<String>,
    /// Print everything that each decision looked at, too
    #[arg(long)]
    facts: bool,
}

pub async fn run(args: Args) -> Result<(), Failure> {
    let config = client::config().await?;
    let namespace = args.namespace.unwrap_or_else(|| config.default_namespace.clone());
    let clock = Arc::new(Clock::default());
    let client = client::calls(&config, clock.clone())?;
    let world = fill(&client, &namespace, &clock).await?;
    let now = clock.now();
    let Some(all) = explain(&world, &namespace, &args.order, now) else {
        return Err(format!("there is no Order {} in namespace {namespace}", args.order).into());
    };
    for explanation in &all {
        print!("{}", text(explanation, args.facts, now)?);
    }
    Ok(())
}

fn text(explained: &Explanation, facts: bool, now: Time) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    let state = explained.state.as_ref().map(|state| format!(": {state}")).unwrap_or_default();
    writeln!(out, "{} {}{state}", explained.kind, explained.name)?;
    for sentence in &explained.says {
        writeln!(out, "  says        {sentence}")?;
    }
    for intent in &explained.intents {
        writeln!(out, "  would now   {intent}")?;
    }
    if let Some(status) = &explained.status {
        writeln!(out, "  would write {status}")?;
    }
    if let Some(next) = explained.next {
        writeln!(out, "  next look   {next}, in {} s", next.since(now).as_secs())?;
    }
    if facts && !explained.observed.is_empty() {
        let indented = explained.observed.lines().map(|line| format!("    {line}\n")).collect::<String>();
        writeln!(out, "  looked at\n{indented}")?;
    }
    Ok(out)
}
