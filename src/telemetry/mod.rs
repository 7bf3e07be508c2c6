//! Metrics and logs.

pub mod metrics;
pub mod operator;

pub use metrics::Metrics;

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error. `filter` is a level or a list of directives such as `info,jumun=debug`.
///
/// # Errors
/// When `filter` cannot be understood, or logging was started before.
pub fn start_logging(filter: &str, format: LogFormat) -> Result<(), String> {
    // On a decode error kube_client logs whole response bodies; nothing of a customer's belongs into a log.
    let directives = format!("{filter},kube_client::client=error");
    let filter = EnvFilter::try_new(directives).map_err(|error| format!("log filter {filter:?}: {error}"))?;
    // A file is read without colours.
    let colours = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| format!("logging cannot be started: {error}"))
}
