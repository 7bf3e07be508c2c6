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

/// The levels, as they are written.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Refuses a lone word that is no level: it would be taken for the name of a module, and nothing at all would be logged.
fn understood(filter: &str) -> Result<(), String> {
    let lone = |directive: &&str| !directive.is_empty() && !directive.contains(['=', '[', ':']);
    let level = |word: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word)) || word.parse::<u8>().is_ok();
    match filter.split(',').map(str::trim).filter(lone).find(|word| !level(word) && *word != "jumun") {
        Some(word) => {
            let levels = LEVELS.join(", ");
            Err(format!("log filter {filter:?}: {word:?} is no level ({levels}) and no directive such as jumun=debug"))
        }
        None => Ok(()),
    }
}

/// Starts logging to standard error. `filter` is a level or a list of directives such as `info,jumun=debug`.
///
/// # Errors
/// When `filter` cannot be understood, or logging was started before.
pub fn start_logging(filter: &str, format: LogFormat) -> Result<(), String> {
    understood(filter)?;
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

#[cfg(test)]
mod tests {
    use super::understood;

    #[test]
    fn a_lone_word_that_is_no_level_is_refused_by_name() {
        for well in ["info", "WARN", "info,jumun=debug", "jumun", "info,jumun::cluster", "off", "debug, hyper=warn", ""]
        {
            assert_eq!(understood(well), Ok(()), "{well}");
        }
        for (filter, word) in
            [("warning", "warning"), ("loud", "loud"), ("info,jumn", "jumn"), ("verbose,jumun=debug", "verbose")]
        {
            let said = understood(filter).expect_err(filter);
            assert!(said.contains(&format!("{word:?}")) && said.contains("jumun=debug"), "{said}");
        }
    }
}
