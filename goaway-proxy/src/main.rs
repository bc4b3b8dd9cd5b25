//! goaway-proxy: relays clients' connections to a PostgreSQL server that has no GoAway, and sends GoAway in its place.

mod address;
mod args;
mod cancels;
mod checks;
mod commands;
mod control;
mod dial;
mod drain;
mod early_data;
mod framer;
mod frames;
#[cfg(test)]
mod fuzzing;
mod health;
mod listen;
mod messages;
mod metrics;
mod registry;
mod relay;
mod reload;
mod requests;
mod serve;
mod session;
mod shared;
mod side;
mod socket_file;
mod startup;
mod tls;
mod watch;
mod wire;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command, CtlCommand, LogFormat, Serve};

/// The exit status for bad arguments and for a failed start.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match (arguments.command, arguments.serve) {
        (Some(Command::Ctl { control, command }), _) => {
            let answer = control::command(&control, &line(&command));
            answer.map(|answer| println!("{answer}")).map(|()| 0)
        }
        (None, Some(arguments)) => run(arguments),
        (None, None) => Err("nothing to do: see --help".to_owned()),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("goaway-proxy: {error}");
            ExitCode::from(FAILED)
        }
    }
}

/// The line that sends a command through the control socket.
fn line(command: &CtlCommand) -> String {
    match command {
        CtlCommand::Goaway { pid: Some(pid) } => format!("goaway {pid}"),
        CtlCommand::Goaway { pid: None } => "goaway".to_owned(),
        CtlCommand::Drain => "drain".to_owned(),
        CtlCommand::Status => "status".to_owned(),
    }
}

fn run(arguments: Serve) -> Result<u8, String> {
    arguments.check()?;
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr);
    match arguments.log_format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    let mut builder = match arguments.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    let runtime = builder
        .worker_threads(arguments.threads)
        .enable_all()
        .build()
        .map_err(|error| address::error_text(&error))?;
    let status = runtime.block_on(serve::serve(arguments));
    // A name lookup may still block a thread: do not wait for it.
    runtime.shutdown_background();
    status
}
