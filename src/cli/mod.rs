//! The command line: one subcommand a file.

mod charges;
mod check;
mod closing;
mod crds;
mod explain;
mod failure;
mod fake_provider;
mod operator;
mod process;
mod release;
mod run;
mod serve;
mod view;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::telemetry::{LogFormat, start_logging};

/// Ordering on Kubernetes: carries orders through stock, payment and delivery to completion, and undoes every step on cancel.
#[derive(Debug, Parser)]
#[command(name = "jumun", version, max_term_width = 100)]
struct Cli {
    /// What to log: a level (error, warn, info, debug) or directives such as info,jumun=debug
    #[arg(long, global = true, env = "LOG_LEVEL", default_value = "info")]
    log_level: String,
    /// How log lines look
    #[arg(long, global = true, env = "LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Operator(operator::Args),
    Serve(serve::Args),
    #[command(hide = true)]
    Headroom(serve::Headroom),
    Crds(crds::Args),
    Check(check::Args),
    View(view::Args),
    Explain(explain::Args),
    Release(release::Args),
    FakeProvider(fake_provider::Args),
}

/// Runs the command line and gives the exit status: 0 well, 1 failed, 2 wrong usage.
pub async fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = start_logging(&cli.log_level, cli.log_format) {
        eprintln!("jumun: {error}");
        return ExitCode::from(2);
    }
    let outcome = match cli.command {
        Command::Run(args) => run::run(args).await,
        Command::Operator(args) => operator::run(args).await,
        Command::Serve(args) => serve::run(args).await,
        Command::Headroom(headroom) => headroom.run().await,
        Command::Crds(args) => crds::run(&args),
        Command::Check(args) => check::run(args).await,
        Command::View(args) => view::run(args).await,
        Command::Explain(args) => explain::run(args).await,
        Command::Release(args) => release::run(args).await,
        Command::FakeProvider(args) => fake_provider::run(args).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jumun: {error}");
            ExitCode::FAILURE
        }
    }
}
